//! The run in numbers, out of what finished.

use std::collections::BTreeSet;

use counterfoil_core::{judge::Verdict, rules};

use super::{Finished, Summary, Tested, plugin::NEEDS_LIVE};
use crate::suite::exercised_by;

/// Runs, counted as they are reported.
#[derive(Debug, Default)]
pub(super) struct Tally {
    summary: Summary,
    judged: BTreeSet<String>,
    /// Rules that runs exercise which were left out for want of a cloud.
    missed: BTreeSet<String>,
}

impl Tally {
    /// Counts a run.
    pub(super) fn count(&mut self, finished: &Finished) {
        self.summary.count(finished);
        if matches!(&finished.verdict, Verdict::Skip { reason, .. } if reason == NEEDS_LIVE) {
            self.missed
                .extend(exercised_by(&finished.file, &finished.scenario).into_iter().flatten().cloned());
        }
        self.judged.extend(finished.judged.iter().cloned());
    }

    /// The numbers, with what no run tells.
    pub(super) fn close(self, tested: Tested, defects: usize, interrupted: bool, millis: u64) -> Summary {
        Summary {
            rules: rules::catalogue().count(),
            rules_judged: self.judged.len(),
            rules_out_of_reach: match tested {
                Tested::Pair => rules::catalogue().filter(|rule| rule.is_beyond_our_pair()).count(),
                Tested::Provider => self.missed.difference(&self.judged).count(),
                Tested::Decoder | Tested::Engine | Tested::CommandLine => 0,
            },
            defects,
            interrupted,
            millis,
            ..self.summary
        }
    }
}
