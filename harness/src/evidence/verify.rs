//! Evidence held against what it is said to be about.

use std::{io, path::Path};

use counterfoil_core::{release::DoubtKind, scenario::Date};
use counterfoil_proto::contract;

use super::{Came, Conclusion, Evidence, Kind, witness::hash_of};
use crate::subject::Subject;

/// An artefact, by the SHA-256 of what it consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artefact {
    /// Its program.
    pub program: String,
    /// The archive that the program is from.
    pub archive: Option<String>,
    /// Its manifest.
    pub manifest: Option<String>,
}

/// What speaks against evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    /// How much.
    pub weight: Weight,
    /// What it is about.
    pub kind: DoubtKind,
    /// What it is.
    pub text: String,
}

/// How much an objection counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// It cannot be told whether the evidence holds.
    Untold,
    /// The evidence does not hold, or tells of a failure.
    Against,
}

impl Artefact {
    /// A plugin on disk.
    pub fn plugin(plugin: &Subject) -> Self {
        let manifest = plugin.manifest.as_ref().and_then(|manifest| manifest.text.as_ref());
        Self {
            program: plugin.digest.clone(),
            archive: plugin.archive.as_ref().map(|archive| archive.digest.clone()),
            manifest: manifest.map(super::sha256),
        }
    }

    /// A program by itself.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn program(path: &Path) -> io::Result<Self> {
        Ok(Self { program: hash_of(path)?, archive: None, manifest: None })
    }
}

impl Evidence {
    /// What speaks against this evidence of an artefact, beside the scenarios that were selected now as they were then, by
    /// their digest; none of those where they are not known. `today` is held against the list of known failures. Where nothing
    /// speaks against it, the evidence holds, and all is well.
    pub fn objections(&self, artefact: &Artefact, suite: Option<&str>, today: Date) -> Vec<Objection> {
        let mut objections = Vec::new();
        let mut object = |weight, kind, text: String| objections.push(Objection { weight, kind, text });
        let mut differs = |kind, what: &str, told: &str, found: &str| {
            if told != found {
                object(Weight::Against, kind, format!("{what}: sha256 {told} in the evidence, {found} here"));
            }
        };
        let subject = &self.subject;
        differs(DoubtKind::Artefact, "the program is another", &subject.program.sha256, &artefact.program);
        if let (Some(told), Some(found)) = (&subject.archive, &artefact.archive) {
            differs(DoubtKind::Artefact, "the archive is another", &told.sha256, found);
        }
        if let (Some(told), Some(found)) = (&subject.manifest, &artefact.manifest) {
            differs(DoubtKind::Artefact, "the manifest is another", &told.sha256, found);
        }
        differs(
            DoubtKind::Contract,
            "it was judged by another contract",
            &self.contract.sha256,
            contract::digest(),
        );
        if let Some(suite) = suite {
            differs(DoubtKind::Suite, "it was judged by other scenarios", &self.suite.sha256, suite);
        }
        if suite.is_none() {
            let text = "it was judged by scenarios of the user's, which were not given (--scenario): whether they are the \
                        same is not known";
            object(Weight::Untold, DoubtKind::Suite, text.to_owned());
        }
        if subject.manifest.is_none() && artefact.manifest.is_some() && subject.kind == Kind::Provider {
            let text =
                "the plugin has a plugin.json, and was tested without one: no rule about it was judged";
            object(Weight::Untold, DoubtKind::Artefact, text.to_owned());
        }
        // Fixed in form and zone, times are in order as texts are.
        if self.ended < self.began {
            let text = format!(
                "it ended at {}, before it began at {}: a clock was put back",
                self.ended, self.began
            );
            object(Weight::Untold, DoubtKind::Clock, text);
        }
        let until = self.run.known_failures.as_ref().and_then(|list| list.until.as_deref());
        if let Some(until) = until.filter(|_| self.totals.known_failures > 0)
            && Date::parse(until).is_none_or(|until| until < today)
        {
            let known = self.totals.known_failures;
            let text =
                format!("{known} of its runs failed as listed, and the list excuses until {until} only");
            object(Weight::Against, DoubtKind::Expired, text);
        }
        for (weight, why) in self.why_not_passed() {
            let kind = match weight {
                Weight::Against => DoubtKind::Broken,
                Weight::Untold => DoubtKind::Unjudged,
            };
            object(weight, kind, format!("the run behind it did not pass: {why}"));
        }
        objections
    }

    /// Why the run did not pass: what is broken first, and what could not be judged beside it; nothing where it passed.
    pub(super) fn why_not_passed(&self) -> Vec<(Weight, String)> {
        let totals = &self.totals;
        let runs = |count: usize| format!("{count} of {} runs", self.suite.runs);
        let mut why = Vec::new();
        let broken = totals.failed + totals.unexpected_passes;
        if self.conclusion == Conclusion::Broken || broken > 0 {
            let rules: Vec<&str> = self.rules_that(Came::Broken).collect();
            let rules =
                if rules.is_empty() { String::new() } else { format!("; broken are {}", rules.join(", ")) };
            why.push((Weight::Against, format!("{} failed{rules}", runs(broken))));
        }
        if self.conclusion == Conclusion::Unjudged || totals.unjudged > 0 {
            why.push((Weight::Untold, format!("{} could not be judged", runs(totals.unjudged))));
        }
        if self.conclusion == Conclusion::Defect || totals.defects > 0 {
            why.push((Weight::Untold, format!("Counterfoil itself failed in {}", runs(totals.defects))));
        }
        if self.conclusion == Conclusion::Nothing {
            why.push((Weight::Untold, "nothing was judged".to_owned()));
        }
        why
    }
}
