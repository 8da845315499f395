//! Exit codes. They are an interface: scripts depend on them.

use std::process::ExitCode;

use crate::run::Summary;

/// How the command ends. Where several hold, the first of this order does: interrupted, defect, usage, broken,
/// unjudged, nothing, passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Every scenario passed, failed as listed, or was skipped with its kind and reason.
    Passed,
    /// The contract is broken.
    Broken,
    /// Usage, or a file that is not valid; nothing was run.
    Usage,
    /// Something could not be judged.
    Unjudged,
    /// Nothing was judged.
    Nothing,
    /// A defect of Counterfoil itself.
    Defect,
    /// A signal of this number ended the run; what had finished is reported.
    Interrupted(u8),
    /// The plugin behind a proxy ended with this code, and the proxy does as it did.
    AsThePlugin(u8),
}

impl Exit {
    /// The code that the process ends with.
    pub fn code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Broken => 1,
            Self::Usage => 2,
            Self::Unjudged => 3,
            Self::Nothing => 4,
            Self::Defect => 5,
            Self::Interrupted(signal) => 128 + signal,
            Self::AsThePlugin(code) => code,
        }
    }

    /// How the command ends where something of ours panicked on the way: an interruption counts for more.
    #[must_use]
    pub fn after_panic(self) -> Self {
        if matches!(self, Self::Interrupted(_)) { self } else { Self::Defect }
    }

    /// How the command ends where its account could not be written as `written` says: a verdict is no less true.
    #[must_use]
    pub fn unless(self, written: Self) -> Self {
        if matches!(self, Self::Passed | Self::Nothing) && written != Self::Passed { written } else { self }
    }

    /// How a finished run ends.
    pub fn of(summary: &Summary, signal: Option<u8>) -> Self {
        match signal {
            Some(signal) => Self::Interrupted(signal),
            None if summary.defects > 0 => Self::Defect,
            None if summary.failed + summary.unexpected_passes > 0 => Self::Broken,
            None if summary.unjudged > 0 => Self::Unjudged,
            None if summary.passed + summary.known_failures == 0 => Self::Nothing,
            None => Self::Passed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_decides() {
        let summary = |defects, failed, unjudged, passed| Summary {
            passed,
            failed,
            unjudged,
            defects,
            ..Summary::default()
        };
        assert_eq!(Exit::of(&summary(1, 1, 1, 1), Some(2)).code(), 130);
        assert_eq!(Exit::of(&summary(1, 1, 1, 1), Some(15)).code(), 143);
        assert_eq!(Exit::of(&summary(1, 1, 1, 1), None).code(), 5);
        assert_eq!(Exit::of(&summary(0, 1, 1, 1), None).code(), 1);
        assert_eq!(Exit::of(&summary(0, 0, 1, 1), None).code(), 3);
        assert_eq!(Exit::of(&summary(0, 0, 0, 0), None).code(), 4);
        assert_eq!(Exit::of(&summary(0, 0, 0, 1), None).code(), 0);
        let known = Summary { known_failures: 1, ..Summary::default() };
        assert_eq!(Exit::of(&known, None).code(), 0);
        assert_eq!(Exit::of(&Summary { unexpected_passes: 1, ..known }, None).code(), 1);
    }

    #[test]
    fn a_panic_is_a_defect_whatever_was_found() {
        for exit in [Exit::Passed, Exit::Broken, Exit::Usage, Exit::Unjudged, Exit::Nothing, Exit::Defect] {
            assert_eq!(exit.after_panic().code(), 5);
        }
        assert_eq!(Exit::Interrupted(2).after_panic().code(), 130);
    }

    #[test]
    fn an_account_that_is_lost_fails_only_what_had_passed() {
        assert_eq!(Exit::Passed.unless(Exit::Unjudged).code(), 3);
        assert_eq!(Exit::Broken.unless(Exit::Unjudged).code(), 1);
        assert_eq!(Exit::Nothing.unless(Exit::Passed).code(), 4);
    }
}
