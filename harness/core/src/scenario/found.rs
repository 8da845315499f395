//! `found`: how exploration came by a scenario.

use super::{
    diagnostic::Report,
    known::RuleId,
    read::{At, Required, Word, shape},
    settings::Said,
};
use crate::rules::{self, Party};

/// How exploration came by a scenario. With the same seed, version and subject it comes by it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The rule that was broken.
    pub rule: String,
    /// Who broke it.
    pub party: Party,
    /// The seed of the exploration.
    pub seed: u64,
    /// Which of its cases it was, from 0, before it was made as small as it is.
    pub case: u64,
    /// The version of Counterfoil.
    pub counterfoil: String,
    /// What was under test, in words.
    pub subject: String,
    /// The digest of its program, `sha256:…`; none for what is part of Counterfoil.
    pub digest: Option<String>,
    /// The command that runs the scenario against that subject again.
    pub replay: String,
}

shape! {
    /// How exploration came by the scenario. What is written here changes nothing about how it runs; a replay says whether it
    /// still breaks the rule.
    struct FoundShape as "Found" {
        /// The rule that was broken.
        rule: Required<RuleId>,
        /// Who broke it.
        party: Required<At<Party>>,
        /// The seed of the exploration.
        seed: Required<u64>,
        /// Which of its cases it was, from 0.
        case: Required<u64>,
        /// The version of Counterfoil that found it.
        counterfoil: Required<Said>,
        /// What was under test, in words.
        subject: Required<Said>,
        /// The digest of its program. Left out: it was part of Counterfoil.
        digest: Option<Said>,
        /// The command that runs the scenario against that subject again.
        replay: Required<Said>,
    }
}

impl FoundShape {
    /// None where something is missing or wrong, which is reported.
    pub(super) fn into_found(self, report: &mut Report<'_>) -> Option<Found> {
        let (id, At { value: party, span }) = (self.rule.0?.id(), self.party.0?);
        let judged = rules::find(id).map(|rule| rule.judges).unwrap_or_default();
        if !judged.contains(&party) {
            report
                .mistake("contradiction", span, format!("{id} never finds that the {party} broke it"))
                .label("not judged by this rule")
                .help(format!(
                    "it judges the {}",
                    judged.iter().map(Party::to_string).collect::<Vec<_>>().join(" or the ")
                ));
        }
        Some(Found {
            rule: id.to_owned(),
            party,
            seed: self.seed.0?,
            case: self.case.0?,
            counterfoil: self.counterfoil.0?.into_inner(),
            subject: self.subject.0?.into_inner(),
            digest: self.digest.map(Said::into_inner),
            replay: self.replay.0?.into_inner(),
        })
    }
}

impl Word for Party {
    const NOUN: &'static str = "a party";
    const CODE: &'static str = "unknown-party";

    fn all() -> impl Iterator<Item = (&'static str, Self)> {
        Self::ALL.into_iter().map(|party| (party.as_str(), party))
    }
}
