//! The kill matrix: every mutant against the stock suite, and the rules that found it.
//!
//! A mutant must be found by the rules that it declares and by no other, and every rule must find one.

mod adapter;
mod process;
mod telling;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    fmt, fs, io,
    num::NonZeroUsize,
    path::Path,
    sync::Arc,
    thread,
};

use counterfoil_core::{
    judge::Verdict,
    manifest::FILE,
    mutants::{DECODERS, ENGINES, EngineMutant, MANIFESTS, ManifestMutant, RELEASES, ReleaseMutant},
    rules::{self, RELEASE, ReleaseRule, Rule},
    scenario::Scenario,
};
use counterfoil_mock::broken::{
    self,
    process::{PROCESSES, ProcessMutant},
};
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    adapter::broken::{AdapterMutant, BROKEN},
    run::{self, Finished, Options, Variant},
};

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An engine.
    Engine,
    /// A decoder.
    Decoder,
    /// A provider.
    Provider,
    /// The manifest of a plugin.
    Manifest,
    /// A release of several repositories.
    Release,
    /// The process of a plugin.
    Process,
    /// The adapter of a decoder or an engine.
    Adapter,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Engine => "engine",
            Self::Decoder => "decoder",
            Self::Provider => "provider",
            Self::Manifest => "manifest",
            Self::Release => "release",
            Self::Process => "process",
            Self::Adapter => "adapter",
        })
    }
}

/// A mutant, as it is known before it runs.
#[derive(Clone, Debug)]
pub struct Mutant {
    /// What is broken.
    pub kind: Kind,
    /// Its name.
    pub name: &'static str,
    /// What it does wrong.
    pub what: &'static str,
    /// The rules that must find it, and no other may.
    pub caught_by: &'static [&'static str],
    /// Where it stands.
    pub place: Place,
}

/// Where a mutant stands.
#[derive(Clone, Debug)]
pub enum Place {
    /// In our own pair, which runs the stock scenarios with it.
    Pair(Variant),
    /// On disk, where nothing has to run.
    Disk(&'static ManifestMutant),
    /// On paper: in what is stated of a release and what was found out.
    Paper(&'static ReleaseMutant),
    /// In a process of its own, which is started and put under test.
    Process(&'static ProcessMutant),
    /// In front of a decoder or an engine, in a process of its own.
    Adapter(&'static AdapterMutant),
    /// Behind an adapter, as an engine of others.
    BehindAdapter(&'static EngineMutant),
}

/// Every mutant: engines, decoders, providers, manifests, releases, processes, adapters.
pub fn all() -> Vec<Mutant> {
    let engines = ENGINES.iter().map(|mutant| Mutant {
        kind: Kind::Engine,
        name: mutant.name,
        what: mutant.what,
        caught_by: mutant.caught_by,
        place: Place::Pair(Variant::Engine(mutant)),
    });
    let decoders = DECODERS.iter().map(|mutant| Mutant {
        kind: Kind::Decoder,
        name: mutant.name,
        what: mutant.what,
        caught_by: mutant.caught_by,
        place: Place::Pair(Variant::Decoder(mutant)),
    });
    let providers = broken::all().map(|mutant| Mutant {
        kind: Kind::Provider,
        name: mutant.name,
        what: mutant.what,
        caught_by: mutant.caught_by,
        place: Place::Pair(Variant::Provider(mutant)),
    });
    let manifests = MANIFESTS.iter().map(|mutant| Mutant {
        kind: Kind::Manifest,
        name: mutant.name,
        what: mutant.what,
        caught_by: mutant.caught_by,
        place: Place::Disk(mutant),
    });
    let releases = RELEASES.iter().map(|mutant| Mutant {
        kind: Kind::Release,
        name: mutant.name,
        what: mutant.what,
        caught_by: mutant.caught_by,
        place: Place::Paper(mutant),
    });
    let processes = PROCESSES.iter().map(|mutant| Mutant {
        kind: Kind::Process,
        name: mutant.name,
        what: mutant.what,
        caught_by: mutant.caught_by,
        place: Place::Process(mutant),
    });
    let adapters = BROKEN.iter().map(|mutant| Mutant {
        kind: Kind::Adapter,
        name: mutant.name,
        what: mutant.what,
        caught_by: mutant.caught_by,
        place: Place::Adapter(mutant),
    });
    let within = engines.chain(decoders).chain(providers);
    within.chain(manifests).chain(releases).chain(processes).chain(adapters).collect()
}

/// The broken engines, each behind an adapter, so that nothing is seen of it but what it tells and calls.
pub fn engines_behind_adapters() -> Vec<Mutant> {
    let behind = ENGINES.iter().map(|mutant| Mutant {
        kind: Kind::Engine,
        name: mutant.name,
        what: mutant.what,
        caught_by: mutant.caught_by,
        place: Place::BehindAdapter(mutant),
    });
    behind.collect()
}

/// The mutants of some names, in the order of the names, each once.
///
/// # Errors
/// Gives the first name that no mutant has.
pub fn named<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<Vec<Mutant>, &'n str> {
    let all = all();
    let mut told = BTreeSet::new();
    let find = |name| all.iter().find(|mutant| mutant.name == name).cloned().ok_or(name);
    names.into_iter().filter(|name| told.insert(*name)).map(find).collect()
}

/// What a rule found of a mutant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The runs in which it found something.
    pub runs: BTreeSet<String>,
    /// The first of them, in the order in which they are made.
    pub first: String,
    /// What it said there first.
    pub said: String,
}

impl Found {
    fn first(run: String, said: String) -> Self {
        Self { runs: BTreeSet::from([run.clone()]), first: run, said }
    }
}

/// A mutant, and what found it.
#[derive(Clone, Debug)]
pub struct Row {
    /// The mutant.
    pub mutant: Mutant,
    /// The rules that found something, each with what it found.
    pub found: BTreeMap<String, Found>,
    /// The runs that could not be judged, each with the reason.
    pub unjudged: Vec<String>,
}

impl Row {
    fn of(mutant: Mutant, runs: &[Finished]) -> Self {
        let mut row = Self { mutant, found: BTreeMap::new(), unjudged: Vec::new() };
        for run in runs {
            if let Verdict::Unjudged { reason } = &run.verdict {
                row.unjudged.push(format!("{}: {reason}", run.id()));
            }
            // That expectations are not met is no finding: they know nothing of mutants.
            for finding in &run.findings {
                row.found
                    .entry(finding.rule.clone())
                    .and_modify(|found| _ = found.runs.insert(run.id()))
                    .or_insert_with(|| Found::first(run.id(), finding.message.clone()));
            }
        }
        row
    }

    /// What was found of a mutant that nothing has to run for, in this file.
    fn of_file(mutant: Mutant, file: &str, found: BTreeMap<String, String>) -> Self {
        let found = found.into_iter().map(|(rule, said)| (rule, Found::first(file.to_owned(), said)));
        Self { found: found.collect(), mutant, unjudged: Vec::new() }
    }

    /// The rules that it declares and that found nothing.
    pub fn missed(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.mutant.caught_by.iter().copied().filter(|rule| !self.found.contains_key(*rule))
    }

    /// The rules that found something although it does not declare them, each with the runs in which it did.
    pub fn undeclared(&self) -> impl Iterator<Item = (&str, &BTreeSet<String>)> {
        let declared = |rule: &str| self.mutant.caught_by.contains(&rule);
        let found = self.found.iter().map(|(rule, found)| (rule.as_str(), &found.runs));
        found.filter(move |(rule, _)| !declared(rule))
    }

    /// Whether it was found by what it declares and by nothing else. Of an engine behind an adapter not all is seen, nor
    /// given to it, so there it has to be found by some of what it declares.
    pub fn is_killed(&self) -> bool {
        if let Place::BehindAdapter(broken) = self.mutant.place {
            return broken.caught_by.iter().any(|rule| self.found.contains_key(*rule));
        }
        self.missed().next().is_none() && self.undeclared().next().is_none() && self.unjudged.is_empty()
    }
}

/// What was found of every mutant.
#[derive(Clone, Debug)]
pub struct Matrix {
    /// A row for each mutant, in the order in which they were given.
    pub rows: Vec<Row>,
    /// The rules that stock scenarios break which play the provider: they list the finding, and fail where it is not made.
    played: BTreeSet<String>,
}

impl Matrix {
    /// The rules that some mutant breaks, by their ids.
    fn broken(&self) -> BTreeSet<&str> {
        self.rows.iter().flat_map(|row| row.found.keys()).map(String::as_str).collect()
    }

    /// The rules about runs that no mutant breaks.
    pub fn without_mutant(&self) -> Vec<&'static Rule> {
        let broken = self.broken();
        rules::catalogue().filter(|rule| !broken.contains(rule.id)).collect()
    }

    /// The rules about releases that no mutant breaks.
    pub fn releases_without_mutant(&self) -> Vec<&'static ReleaseRule> {
        let broken = self.broken();
        RELEASE.rules.iter().filter(|rule| !broken.contains(rule.id)).collect()
    }

    /// The same, but for those that a scenario breaks which plays the provider.
    pub fn unbroken(&self) -> Vec<&'static Rule> {
        self.without_mutant().into_iter().filter(|rule| !self.played.contains(rule.id)).collect()
    }

    /// The smallest mutant that a rule found: of those by which the fewest rules are broken the first.
    pub fn smallest(&self, rule: &Rule) -> Option<&Row> {
        let rows = self.rows.iter().filter(|row| row.found.contains_key(rule.id));
        rows.min_by_key(|row| row.found.len())
    }

    /// Whether every mutant is killed.
    pub fn is_killed(&self) -> bool {
        self.rows.iter().all(Row::is_killed)
    }

    /// Whether every mutant is killed, and every rule is broken by something.
    pub fn holds(&self) -> bool {
        self.is_killed() && self.unbroken().is_empty() && self.releases_without_mutant().is_empty()
    }
}

/// How many mutants run side by side for each processor, and how many runs of each: they often wait for a deadline, and
/// when all of them work at once, what has one is late.
const AT_ONCE: usize = 4;
const RUNS_AT_ONCE: NonZeroUsize = NonZeroUsize::new(4).unwrap();

/// How many broken processes run side by side: they wait for most of the time.
const PROCESSES_AT_ONCE: usize = 12;

/// Runs the stock suite against mutants, with the programs of broken processes below `private`, which the caller provides,
/// and removes. `program` is our own command, which broken processes are started with.
///
/// # Errors
/// When there is no room for plugins.
pub async fn matrix(
    private: &Path,
    program: &Path,
    mutants: Vec<Mutant>,
    stop: &CancellationToken,
) -> io::Result<Matrix> {
    let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let scenarios: Arc<[Arc<Scenario>]> = run::stock().scenarios.into();
    let played = scenarios.iter().flat_map(|scenario| scenario.expect.findings.iter().cloned()).collect();
    let ground = Ground { private: private.into(), program: program.into(), scenarios, stop: stop.clone() };
    let (processes, mut others): (Vec<_>, Vec<_>) =
        mutants.into_iter().enumerate().partition(|(_, mutant)| mutant.kind >= Kind::Process);
    // Providers first: one that hangs is waited for while others work.
    others.sort_by_key(|(_, mutant)| Reverse(mutant.kind));
    let mut rows = ground.rows(others, AT_ONCE * processors).await?;
    // By themselves, since a process that has to wait for a processor is late for its host.
    rows.extend(ground.rows(processes, PROCESSES_AT_ONCE).await?);
    rows.sort_by_key(|(at, _)| *at);
    Ok(Matrix { rows: rows.into_iter().map(|(_, row)| row).collect(), played })
}

/// What every mutant is run with.
#[derive(Clone)]
struct Ground {
    private: Arc<Path>,
    program: Arc<Path>,
    scenarios: Arc<[Arc<Scenario>]>,
    stop: CancellationToken,
}

impl Ground {
    /// The rows of these mutants, each with its number. At most `at_once` of them run side by side.
    async fn rows(&self, mutants: Vec<(usize, Mutant)>, at_once: usize) -> io::Result<Vec<(usize, Row)>> {
        let turns = Arc::new(Semaphore::new(at_once));
        let mut running = JoinSet::new();
        for (at, mutant) in mutants {
            let (ground, turns) = (self.clone(), Arc::clone(&turns));
            running.spawn(async move {
                let _turn = turns.acquire_owned().await.expect("it is never closed");
                Ok::<_, io::Error>((at, ground.row(at, mutant).await?))
            });
        }
        let mut rows = Vec::with_capacity(running.len());
        while let Some(row) = running.join_next().await {
            rows.push(row.map_err(io::Error::other)??);
        }
        Ok(rows)
    }

    /// Runs what can tell a mutant, which has this number. Paths of sockets are short: there is no room for its name.
    async fn row(&self, at: usize, mutant: Mutant) -> io::Result<Row> {
        Ok(match mutant.place.clone() {
            Place::Disk(manifest) => Row::of_file(mutant, FILE, manifest.found()),
            Place::Paper(release) => Row::of_file(mutant, "release.yaml", release.found()),
            Place::Pair(variant) => {
                let jobs = telling::runs(&variant, &self.scenarios);
                let options = Options::embedded(variant, RUNS_AT_ONCE);
                Row::of(mutant, &run::finished(jobs, &options, &self.stop).await?)
            }
            Place::Process(broken) => {
                let job = telling::run_of_a_process(broken, &self.scenarios);
                let room = self.private.join(at.to_string());
                fs::create_dir(&room)?;
                Row::of(mutant, &process::finished(broken, job, &room, &self.program, &self.stop).await?)
            }
            Place::Adapter(broken) => {
                Row::of(mutant, &adapter::finished(broken, &self.scenarios, &self.program, &self.stop).await?)
            }
            Place::BehindAdapter(broken) => {
                let jobs = telling::runs(&Variant::Engine(broken), &self.scenarios);
                Row::of(mutant, &adapter::engine(broken, jobs, &self.program, &self.stop).await?)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mutants_are_found_by_their_names_which_no_two_share() {
        let names: Vec<&str> = all().iter().map(|mutant| mutant.name).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        let found = named(names.iter().copied()).unwrap();
        assert!(found.iter().map(|mutant| mutant.name).eq(names));
        assert_eq!(named(["trailing-comma", "nobody", "nothing"]).unwrap_err(), "nobody");
    }
}
