//! Exit codes. They are an interface: scripts depend on them.

use std::process::ExitCode;

use crate::run::Summary;

/// How the command ends. Where several hold, the first of this order does: interrupted, defect, usage, broken,
/// unjudged, nothing, passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Every scenario passed, or was skipped with its kind and reason.
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
        }
    }

    /// True after a signal.
    pub fn is_interrupted(self) -> bool {
        matches!(self, Self::Interrupted(_))
    }

    /// How a finished run ends.
    pub fn of(summary: &Summary, signal: Option<u8>) -> Self {
        match signal {
            Some(signal) => Self::Interrupted(signal),
            None if summary.defects > 0 => Self::Defect,
            None if summary.failed > 0 => Self::Broken,
            None if summary.unjudged > 0 => Self::Unjudged,
            None if summary.passed == 0 => Self::Nothing,
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
            defects,
            failed,
            unjudged,
            passed,
            ..Summary::default()
        };
        assert_eq!(Exit::of(&summary(1, 1, 1, 1), Some(2)).code(), 130);
        assert_eq!(Exit::of(&summary(1, 1, 1, 1), Some(15)).code(), 143);
        assert_eq!(Exit::of(&summary(1, 1, 1, 1), None).code(), 5);
        assert_eq!(Exit::of(&summary(0, 1, 1, 1), None).code(), 1);
        assert_eq!(Exit::of(&summary(0, 0, 1, 1), None).code(), 3);
        assert_eq!(Exit::of(&summary(0, 0, 0, 0), None).code(), 4);
        assert_eq!(Exit::of(&summary(0, 0, 0, 1), None).code(), 0);
    }
}
