//! What a run is made of, and the part of it that one of several machines takes.

use std::{fmt, num::NonZeroUsize, str::FromStr};

use counterfoil_proto::{Revision, contract};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Job, Options, Target, Variant};

/// A part of a run: every `of`-th job, from the `number`-th on. Parts of one run have no job in common, and together all of
/// them, whatever the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Partition {
    /// Which part, from 1.
    pub number: NonZeroUsize,
    /// How many there are.
    pub of: NonZeroUsize,
}

impl Partition {
    /// The whole, as its only part.
    pub const WHOLE: Self = Self { number: NonZeroUsize::MIN, of: NonZeroUsize::MIN };

    /// How many parts a run may have.
    pub const MOST: usize = 10_000;

    /// A part by its number from 1; none where there are not so many, or more than a run may have.
    pub fn new(number: usize, of: usize) -> Option<Self> {
        let part = Self { number: NonZeroUsize::new(number)?, of: NonZeroUsize::new(of)? };
        part.is_one().then_some(part)
    }

    /// Whether there is such a part; one that was read from a file need not be.
    pub(super) fn is_one(self) -> bool {
        self.number <= self.of && self.of.get() <= Self::MOST
    }

    /// The part that a job runner says this machine has: GitLab's `parallel` by `CI_NODE_INDEX` and `CI_NODE_TOTAL`, an indexed
    /// job of Kubernetes by `JOB_COMPLETION_INDEX`, which begins at 0 and tells no total. `variable` gives those of the
    /// environment; where `of` is known, a total that it tells has to be the same.
    ///
    /// # Errors
    /// What is missing, or is no number.
    pub fn from_environment(
        of: Option<NonZeroUsize>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let number = |name: &str| {
            let told = variable(name).filter(|value| !value.is_empty());
            let read =
                |value: String| value.parse().map_err(|_| format!("{name} is {value:?}, which is no number"));
            told.map(read).transpose()
        };
        let (index, total): (usize, Option<usize>) = match number("CI_NODE_INDEX")? {
            Some(index) => (index, number("CI_NODE_TOTAL")?),
            None => match number("JOB_COMPLETION_INDEX")? {
                Some(index) => (index.saturating_add(1), None),
                None => {
                    return Err(
                        "neither CI_NODE_INDEX (GitLab) nor JOB_COMPLETION_INDEX (Kubernetes) is set; \
                                `N/M` says the part by hand"
                            .to_owned(),
                    );
                }
            },
        };
        let of = match (of.map(NonZeroUsize::get), total) {
            (Some(said), Some(told)) if said != told => {
                return Err(format!("CI_NODE_TOTAL says that there are {told} parts, and not {said}"));
            }
            (Some(of), _) | (None, Some(of)) => of,
            (None, None) => {
                return Err(
                    "JOB_COMPLETION_INDEX does not tell how many parts there are; `auto/M` does".to_owned()
                );
            }
        };
        Self::new(index, of).ok_or_else(|| format!("there is no part {index} of {of}"))
    }

    /// Whether it has the job at this position, from 0.
    pub fn has(self, at: usize) -> bool {
        Self::number_of(at, self.of) == self.number.get()
    }

    /// Which of so many parts has the job at this position, from 0.
    pub(super) fn number_of(at: usize, of: NonZeroUsize) -> usize {
        at % of + 1
    }
}

impl FromStr for Partition {
    type Err = String;

    /// `2/5`
    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (number, of) = text.split_once('/')?;
            Self::new(number.parse().ok()?, of.parse().ok()?)
        };
        read().ok_or_else(|| format!("{text:?} is no part: expected one such as `2/5`, the second of five"))
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "part {} of {}", self.number, self.of)
    }
}

/// A scenario of the whole run, whichever part runs it, and the revisions at which it is run one after another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Planned {
    /// The scenario's id.
    pub scenario: String,
    /// Its title.
    pub title: String,
    /// The file that it stands in.
    pub file: String,
    /// The revisions.
    #[schemars(with = "Vec<String>")]
    pub revisions: Vec<Revision>,
}

/// Jobs in their order, those of a scenario that come one after another taken together.
pub(super) fn planned(jobs: &[Job]) -> Vec<Planned> {
    let of_one = jobs.chunk_by(|one, next| one.scenario.id == next.scenario.id);
    let planned = of_one.filter_map(|jobs| {
        let scenario = &jobs.first()?.scenario;
        Some(Planned {
            scenario: scenario.id.clone(),
            title: scenario.title.clone(),
            file: scenario.source.file.clone(),
            revisions: jobs.iter().map(|job| job.revision).collect(),
        })
    });
    planned.collect()
}

/// What is put under test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Tested {
    /// Our own pair of engine and provider.
    #[default]
    Pair,
    /// A plugin.
    Provider,
    /// An engine behind an adapter.
    Engine,
    /// A decoder behind an adapter.
    Decoder,
    /// The engine's command line.
    CommandLine,
}

/// What a run stands on, besides its subject: parts of one run have it in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Basis {
    /// What was under test.
    pub tested: Tested,
    /// The SHA-256 of the scenarios that were selected, by their ids and texts.
    pub suite: String,
    /// The digest of the contract that it is held against (`counterfoil_proto::contract::digest`).
    pub contract: String,
    /// Findings of level SHOULD fail.
    pub strict: bool,
    /// The subject's cloud could be reached, and changed.
    pub live: bool,
    /// The broken engine, decoder or provider that stood in for the reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mutant: Option<String>,
    /// The SHA-256 of the list of known failures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_failures: Option<String>,
}

impl Basis {
    /// What a run of these jobs stands on.
    pub(super) fn of(jobs: &[Job], options: &Options) -> Self {
        let (tested, live) = match &options.target {
            Target::Embedded => (Tested::Pair, false),
            Target::Plugin(plugin) => (Tested::Provider, plugin.live),
            Target::Engine(_) => (Tested::Engine, false),
            Target::Decoder(_) => (Tested::Decoder, false),
            Target::Wfctl(wfctl) => {
                (Tested::CommandLine, wfctl.plugin.as_ref().is_some_and(|plugin| plugin.live))
            }
        };
        let known = options.known.as_ref().and_then(|known| known.text.as_deref());
        Self {
            tested,
            suite: suite_digest(jobs),
            contract: contract::digest().to_owned(),
            strict: options.strict,
            live,
            mutant: match &options.variant {
                Variant::Reference => None,
                Variant::Engine(mutant) => Some(mutant.name.to_owned()),
                Variant::Decoder(mutant) => Some(mutant.name.to_owned()),
                Variant::Provider(mutant) => Some(mutant.name.to_owned()),
            },
            known_failures: known.map(|text| hex::encode(Sha256::digest(text))),
        }
    }
}

/// The SHA-256, in hexadecimal, of the scenarios of these jobs, by their ids and texts.
pub fn suite_digest(jobs: &[Job]) -> String {
    let mut suite = Sha256::new();
    for job in jobs.chunk_by(|one, next| one.scenario.id == next.scenario.id).filter_map(<[Job]>::first) {
        for text in [&*job.scenario.id, &*job.scenario.source.text] {
            suite.update((text.len() as u64).to_be_bytes());
            suite.update(text);
        }
    }
    hex::encode(suite.finalize())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_part_is_written_as_its_number_of_how_many() {
        assert_eq!("2/5".parse(), Ok(Partition::new(2, 5).unwrap()));
        for wrong in ["", "2", "0/5", "6/5", "1/0", "a/b", "1/2/3", "-1/2"] {
            assert!(
                wrong.parse::<Partition>().unwrap_err().contains("expected one such as `2/5`"),
                "{wrong}"
            );
        }
        assert_eq!("2/5".parse::<Partition>().unwrap().to_string(), "part 2 of 5");
    }

    #[test]
    fn job_runners_tell_which_part_it_is() {
        let part = |of: Option<usize>, variables: &[(&str, &str)]| {
            let variable = |name: &str| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            };
            Partition::from_environment(of.and_then(NonZeroUsize::new), variable).map(|part| part.to_string())
        };
        let gitlab = [("CI_NODE_INDEX", "2"), ("CI_NODE_TOTAL", "3"), ("JOB_COMPLETION_INDEX", "0")];
        assert_eq!(part(None, &gitlab).unwrap(), "part 2 of 3");
        assert_eq!(part(Some(3), &gitlab).unwrap(), "part 2 of 3");
        assert!(part(Some(4), &gitlab).unwrap_err().starts_with("CI_NODE_TOTAL says that there are 3 parts"));
        let kubernetes = [("JOB_COMPLETION_INDEX", "0")];
        assert_eq!(part(Some(4), &kubernetes).unwrap(), "part 1 of 4");
        assert!(part(None, &kubernetes).unwrap_err().contains("`auto/M`"));
        assert!(part(Some(4), &[("JOB_COMPLETION_INDEX", "4")]).unwrap_err().contains("no part 5 of 4"));
        assert!(part(Some(4), &[("CI_NODE_INDEX", "x")]).unwrap_err().contains("is no number"));
        assert!(part(Some(4), &[("CI_NODE_INDEX", "")]).unwrap_err().starts_with("neither CI_NODE_INDEX"));
    }

    proptest! {
        #[test]
        fn each_job_is_in_one_part_and_parts_are_of_one_size(jobs in 0_usize..500, of in 1_usize..20) {
            let parts: Vec<Partition> = (1..=of).map(|number| Partition::new(number, of).unwrap()).collect();
            for at in 0..jobs {
                prop_assert_eq!(parts.iter().filter(|part| part.has(at)).count(), 1);
            }
            let size = |part: &Partition| (0..jobs).filter(|at| part.has(*at)).count();
            let sizes: Vec<usize> = parts.iter().map(size).collect();
            prop_assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1);
        }
    }
}
