//! The cutover: what is found out about the members of a release, so that the rules of the family REL can judge it.
//!
//! [`gather`] looks at every artefact, holds evidence against it, and tests what can be run on this machine. What was found
//! out is kept in a [`Memory`], so that only what changed is found out again. A [`Lock`] says what was frozen.

mod bundle;
mod engine;
mod lock;
mod memory;
mod plugin;
mod state;
mod tested;

use std::{
    collections::BTreeMap,
    convert::Infallible,
    fs, io, mem,
    num::NonZeroUsize,
    path::Path,
    pin::pin,
    sync::{Arc, OnceLock},
    thread,
    time::Duration,
};

use counterfoil_core::{
    release::{ArtefactFacts, DoubtKind, Facts, Known, Platform, PluginFacts, Presence, Release, Tested},
    scenario::{Date, Scenario},
};
use counterfoil_proto::Revision;
use futures_util::{StreamExt as _, stream};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

pub use self::{
    bundle::{Bundle, parent_of},
    lock::{Lock, LockError, beside},
    memory::{Forgotten, Memory},
    state::read_state,
};
use self::{
    memory::{Entry, Kept},
    plugin::Looked,
};
use crate::{
    evidence::{self, Conditions, Evidence, Subject, Suite, Witness, write_whole},
    run::{self, Filter, Job, Options, Target, Variant, jobs, suite_digest, within_file_limit},
};

/// From when on it is told that something is being tested.
const LONG: Duration = Duration::from_secs(10);

/// How the members of a release are looked at.
pub struct Setting<'a> {
    /// The release.
    pub release: &'a Release,
    /// The directory of its file, in which an adapter is started.
    pub directory: &'a Path,
    /// The `counterfoil` command.
    pub program: &'a Path,
    /// What was found out before.
    pub memory: &'a Memory,
    /// When it is: UTC, RFC 3339.
    pub now: &'a str,
    /// Is told what takes long.
    pub tell: &'a (dyn Fn(&str) + Sync),
}

/// What was found out.
#[derive(Debug)]
pub struct Gathered {
    /// About every member; none where it was stopped.
    pub facts: Option<Facts>,
    /// The members of which something was found out anew, by their names.
    pub anew: Vec<String>,
    /// What was found out, for the next time.
    pub memory: Memory,
}

/// What all looks have in common.
struct Bench<'a> {
    setting: &'a Setting<'a>,
    room: &'a Path,
    stop: &'a CancellationToken,
    scenarios: Vec<Arc<Scenario>>,
    here: Platform,
    today: Date,
    now: &'a str,
    revision: Revision,
    /// How much goes on at once.
    at_once: NonZeroUsize,
    /// What every key holds: a verdict of another contract, suite or version is another one.
    ground: [String; 4],
}

/// It was stopped.
struct Stopped;

/// The digest of the scenarios that are part of the program.
fn suite() -> String {
    static SUITE: OnceLock<String> = OnceLock::new();
    SUITE.get_or_init(|| suite_digest(&jobs(&run::stock().scenarios, &Filter::default()))).clone()
}

/// The time: UTC, RFC 3339.
pub fn now() -> String {
    evidence::now()
}

/// Finds out what there is to know about the members of a release, until `stop` ends it. `room` is an empty directory, the
/// caller's to remove.
pub async fn gather(setting: &Setting<'_>, room: &Path, stop: &CancellationToken) -> Gathered {
    let bench = Bench::new(setting, room, stop);
    let release = setting.release;
    let mut gathered = Gathered { facts: None, anew: Vec::new(), memory: setting.memory.clone() };
    let Ok(engine) = Box::pin(bench.engine()).await else { return gathered };
    let mut kept = Kept { engine: engine.keep, ..setting.memory.kept().clone() };
    gathered.anew.extend(engine.anew.then(|| release.engine.member.name.clone()));

    let pieces = bench.pieces();
    let looks = stream::iter(pieces.iter().enumerate())
        .map(|(number, piece)| Box::pin(bench.piece(number, piece, engine.wfctl.as_ref())));
    let looked: Vec<Result<Looked, Stopped>> = looks.buffered(bench.at_once.get()).collect().await;

    let (artefacts, paths) = (mem::take(&mut kept.artefacts), mem::take(&mut kept.paths));
    let nothing = || PluginFacts {
        platforms: BTreeMap::new(),
        previous: ArtefactFacts::unknown(Presence::NotStated, "`previous` is not stated"),
    };
    let mut plugins: Vec<PluginFacts> = release.plugins.iter().map(|_| nothing()).collect();
    let mut is_whole = true;
    for (piece, looked) in pieces.iter().zip(looked) {
        let name = piece.name();
        let Ok(Looked { facts, anew, key, path_key }) = looked else {
            // What was kept of it is still true of what it depends on.
            kept.artefacts
                .extend(artefacts.get_key_value(&name).map(|(name, entry)| (name.clone(), entry.clone())));
            kept.paths.extend(paths.get_key_value(&name).map(|(name, entry)| (name.clone(), entry.clone())));
            is_whole = false;
            continue;
        };
        if anew && gathered.anew.last() != Some(&piece.plugin.name) {
            gathered.anew.push(piece.plugin.name.clone());
        }
        if let (Some(key), Known::Known(path)) = (path_key, &facts.driven) {
            kept.paths.insert(name.clone(), Entry { key, facts: *path });
        }
        if let Some(key) = key {
            kept.artefacts.insert(name, Entry { key, facts: facts.clone() });
        }
        match &piece.platform {
            Some(platform) => _ = plugins[piece.of].platforms.insert(platform.clone(), facts),
            None => plugins[piece.of].previous = facts,
        }
    }
    gathered.memory = setting.memory.with(kept);
    gathered.facts = is_whole.then(|| Facts {
        today: bench.today,
        now: bench.now.to_owned(),
        here: bench.here.clone(),
        engine: engine.facts,
        plugins,
        lock: None,
    });
    gathered
}

impl<'a> Bench<'a> {
    fn new(setting: &'a Setting<'a>, room: &'a Path, stop: &'a CancellationToken) -> Self {
        let evidence::Platform { os, arch } = evidence::Platform::here();
        let processors = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let revision = setting.release.revision();
        let contract = counterfoil_proto::contract::digest().to_owned();
        Self {
            setting,
            room,
            stop,
            scenarios: run::stock().scenarios,
            ground: [revision.to_string(), contract, suite(), format!("{os}/{arch}")],
            here: Platform { os, arch },
            // Its first ten characters are the day.
            today: setting.now.get(..10).and_then(Date::parse).unwrap_or(Date::from_days(0)),
            now: setting.now,
            revision,
            at_once: within_file_limit(processors),
        }
    }

    /// A key of all that a verdict depends on.
    fn key<'k>(&'k self, parts: impl IntoIterator<Item = &'k str>) -> String {
        memory::key(self.ground.iter().map(String::as_str).chain(parts))
    }

    /// Runs jobs, and gives the evidence of that; else why there is none.
    async fn run(
        &self,
        (subject, program): (Subject, &Path),
        target: Target,
        jobs: Vec<Job>,
        at_once: NonZeroUsize,
    ) -> Result<Result<Evidence, String>, Stopped> {
        let conditions = Conditions {
            subject,
            program: program.to_owned(),
            suite: Suite::of(&jobs, true, self.revision.into(), &[]),
            until: None,
            variables: Vec::new(),
            ci: None,
            redactor: Arc::default(),
        };
        let mut witness = Witness::new(conditions);
        let options = Options { target, ..Options::embedded(Variant::Reference, at_once) };
        let ran = run::run(jobs, &options, self.stop, |event| witness.event(&event)).await;
        if self.stop.is_cancelled() {
            return Err(Stopped);
        }
        let evidence = || -> Result<Evidence, String> {
            ran.map_err(|error: io::Error| error.to_string())?;
            witness.finish().map_err(|why| why.to_string())
        };
        Ok(evidence())
    }

    /// Keeps the evidence of what was tested here, for whoever wants to see it. That it cannot be kept is told, and no more.
    fn keep(&self, name: &str, evidence: &Evidence) {
        let path = self.setting.memory.evidence_of(name);
        let directory = path.parent().map_or(Ok(()), fs::create_dir_all);
        if let Err(error) = directory.and_then(|()| write_whole(&path, &evidence.clone().to_json())) {
            (self.setting.tell)(&format!("the evidence {} cannot be kept: {error}", path.display()));
        }
    }

    /// Waits for something, unless it is stopped, and tells where it takes long.
    async fn patiently<T>(&self, what: &str, work: impl Future<Output = T>) -> Result<T, Stopped> {
        let mut work = pin!(work);
        let patience = async {
            sleep(LONG).await;
            (self.setting.tell)(&format!("{what} is being tested"));
            std::future::pending::<Infallible>().await
        };
        tokio::select! {
            biased;
            done = &mut work => Ok(done),
            never = patience => match never {},
            () = self.stop.cancelled() => Err(Stopped),
        }
    }

    /// The runs of scenarios of the stock that a filter leaves at the revision of the release.
    fn at_target(jobs: Vec<Job>, revision: Revision) -> Vec<Job> {
        jobs.into_iter().filter(|job| job.revision == revision).collect()
    }
}

/// Whether a test is worth to be kept: what could not be judged may be at another time.
fn is_settled(tested: &Known<Tested>) -> bool {
    tested.known().is_none_or(|tested| tested.doubts_about(&[DoubtKind::Unjudged]).next().is_none())
}
