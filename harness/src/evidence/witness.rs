//! From the events of a run to its evidence.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use counterfoil_core::{
    judge::{SkipKind, Verdict},
    rules,
    scenario::Date,
};
use counterfoil_proto::{Revision, RevisionRange, contract};

use super::{
    Built, Came, CiRun, Contract, Evidence, FORMAT, Go, Hashed, Kind, KnownList, NotJudged, Platform,
    Program, RuleVerdict, Run, Subject, Suite, Totals, VERSION, WayNotJudged, bounded, sha256,
};
use crate::{
    run::{Finished, Job, RunEvent, Started, suite_digest},
    subject::{self, redact::Redactor},
};

/// How many reasons are told apart. Some hold what a plugin has said, which may be another text each time.
const MOST_REASONS: usize = 32;

/// What is known of a run before it begins.
#[derive(Clone, Debug)]
pub struct Conditions {
    /// What is under test.
    pub subject: Subject,
    /// Where its program is.
    pub program: PathBuf,
    /// By which scenarios.
    pub suite: Suite,
    /// The last day on which its whole list of known failures excuses, where it has one.
    pub until: Option<Date>,
    /// The names of the variables that the user passes on.
    pub variables: Vec<String>,
    /// Where in CI it is.
    pub ci: Option<CiRun>,
    /// Takes secrets out of what others have written.
    pub redactor: Arc<Redactor>,
}

/// Follows a run, and says in the end what came of it.
#[derive(Debug)]
pub struct Witness {
    conditions: Conditions,
    began: String,
    /// How it is run, as soon as that is told.
    run: Option<Run>,
    rules: BTreeMap<String, Count>,
    revisions: BTreeSet<Revision>,
    not_judged: BTreeMap<(WayNotJudged, String), usize>,
    ended: Option<End>,
}

/// In how many runs a rule was judged, and what came of that.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    judged: usize,
    broken: usize,
    known: usize,
}

/// The end of a run.
#[derive(Debug)]
struct End {
    at: String,
    totals: Totals,
    interrupted: bool,
    /// Whether the program is the one that was there at the beginning.
    unchanged: bool,
}

/// Why there is no evidence of a run.
#[derive(Debug, thiserror::Error)]
pub enum NoEvidence {
    /// It did not come to its end.
    #[error("the run was interrupted")]
    Interrupted,
    /// It is none, or a part of one.
    #[error("there was no whole run")]
    Part,
    /// It is not known what was tested.
    #[error("the program changed while it was tested")]
    Changed,
}

impl Witness {
    /// A witness of a run that begins now.
    pub fn new(mut conditions: Conditions) -> Self {
        let Conditions { subject, suite, variables, ci, redactor, .. } = &mut conditions;
        let Subject { name, version, min_engine_version, program, archive, manifest, .. } = subject;
        let files = [archive, manifest].into_iter().flatten().map(|file| &mut file.name);
        let told =
            [name, &mut program.name].into_iter().chain(version).chain(min_engine_version).chain(files);
        let ci = ci
            .iter_mut()
            .flat_map(|ci| [&mut ci.address, &mut ci.repository, &mut ci.reference, &mut ci.commit]);
        let told = told.chain(&mut suite.filter).chain(variables).chain(ci.flatten());
        told.for_each(|text| *text = bounded(&redactor.redact(text)));
        Self {
            conditions,
            began: now(),
            run: None,
            rules: BTreeMap::new(),
            revisions: BTreeSet::new(),
            not_judged: BTreeMap::new(),
            ended: None,
        }
    }

    /// Takes an event of the run. At its end, the program is looked at once more.
    pub fn event(&mut self, event: &RunEvent) {
        match event {
            RunEvent::RunStarted(started) => self.run = self.how(started),
            RunEvent::Finished(finished) => self.count(finished),
            RunEvent::RunFinished(summary) => {
                let now_there = hash_of(&self.conditions.program).ok();
                self.ended = Some(End {
                    at: now(),
                    totals: summary.into(),
                    interrupted: summary.interrupted,
                    unchanged: now_there.as_ref() == Some(&self.conditions.subject.program.sha256),
                });
            }
            RunEvent::Live(_) => {}
        }
    }

    /// How a run is made; none of a part of one, which says nothing of the whole.
    fn how(&self, started: &Started) -> Option<Run> {
        let Conditions { until, variables, ci, .. } = &self.conditions;
        let basis = started.basis.as_ref().filter(|_| started.partition.is_none())?;
        let until = until.map(|day| day.to_string());
        Some(Run {
            live: basis.live,
            strict: basis.strict,
            known_failures: basis.known_failures.clone().map(|sha256| KnownList { sha256, until }),
            variables: variables.clone(),
            ci: ci.clone(),
        })
    }

    fn count(&mut self, finished: &Finished) {
        let not_judged = match &finished.verdict {
            Verdict::Unjudged { reason } => Some((WayNotJudged::Unjudged, reason)),
            Verdict::Skip { kind: SkipKind::NotRun, reason } => Some((WayNotJudged::NotRun, reason)),
            Verdict::Skip { kind: SkipKind::NotApplicable, reason } => {
                Some((WayNotJudged::NotApplicable, reason))
            }
            Verdict::Pass | Verdict::Fail | Verdict::KnownFailure | Verdict::UnexpectedPass { .. } => None,
        };
        match not_judged {
            Some((way, reason)) => {
                let reason = bounded(&self.conditions.redactor.redact(reason));
                let is_new = !self.not_judged.contains_key(&(way, reason.clone()));
                let reason =
                    if is_new && self.not_judged.len() >= MOST_REASONS { "other".to_owned() } else { reason };
                *self.not_judged.entry((way, reason)).or_default() += 1;
            }
            None => _ = self.revisions.insert(finished.revision),
        }
        let broken: BTreeSet<&String> = finished.findings.iter().map(|finding| &finding.rule).collect();
        let known: BTreeSet<&String> = finished.known_findings.iter().map(|finding| &finding.rule).collect();
        // A rule that does not hold was judged, whether or not it is told so.
        let judged: BTreeSet<&String> =
            finished.judged.iter().chain(broken.iter().copied()).chain(known.iter().copied()).collect();
        for rule in judged {
            let count = self.rules.entry(rule.clone()).or_default();
            count.judged += 1;
            count.broken += usize::from(broken.contains(rule));
            count.known += usize::from(known.contains(rule));
        }
    }

    /// The evidence of the run.
    ///
    /// # Errors
    /// Where there is none: of an interrupted run it could only say what is not so.
    pub fn finish(self) -> Result<Evidence, NoEvidence> {
        let run = self.run.ok_or(NoEvidence::Part)?;
        let End { at, totals, unchanged, .. } =
            self.ended.filter(|end| !end.interrupted).ok_or(NoEvidence::Interrupted)?;
        if !unchanged {
            return Err(NoEvidence::Changed);
        }
        let conclusion = totals.conclusion();
        let Conditions { subject, suite, .. } = self.conditions;
        let rules = rules::catalogue().map(|rule| {
            let count = self.rules.get(rule.id).copied().unwrap_or_default();
            let verdict = match count {
                Count { broken: 1.., .. } => Came::Broken,
                Count { known: 1.., .. } => Came::Known,
                Count { judged: 1.., .. } => Came::Held,
                _ => Came::NotJudged,
            };
            let Count { judged, broken, .. } = count;
            (rule.id.to_owned(), RuleVerdict { level: rule.level, verdict, judged, broken })
        });
        let not_judged = self.not_judged.into_iter();
        Ok(Evidence {
            format: FORMAT.to_owned(),
            version: VERSION,
            digest: String::new(),
            counterfoil: env!("CARGO_PKG_VERSION").to_owned(),
            subject,
            machine: Platform::here(),
            contract: Contract {
                sha256: contract::digest().to_owned(),
                revisions: self.revisions.into_iter().collect(),
            },
            suite,
            run,
            conclusion,
            exit_code: conclusion.exit_code(),
            totals,
            not_judged: not_judged.map(|((way, reason), runs)| NotJudged { way, reason, runs }).collect(),
            rules: rules.collect(),
            began: self.began,
            ended: at,
        })
    }
}

impl Subject {
    /// A plugin on disk.
    ///
    /// # Errors
    /// Where its program cannot be read.
    pub fn plugin(plugin: &subject::Subject) -> io::Result<Self> {
        let manifest = plugin.manifest.as_ref();
        let file = |manifest: &subject::manifest::Manifest| {
            Some(Hashed { name: file_name(&manifest.path), sha256: sha256(manifest.text.as_ref()?) })
        };
        Ok(Self {
            kind: Kind::Provider,
            name: plugin.name.clone(),
            version: manifest.and_then(|manifest| manifest.version.clone()),
            min_engine_version: manifest.and_then(|manifest| manifest.min_engine_version.clone()),
            program: Program::of(&plugin.program, plugin.digest.clone())?,
            archive: plugin
                .archive
                .as_ref()
                .map(|archive| Hashed { name: file_name(&archive.path), sha256: archive.digest.clone() }),
            manifest: manifest.and_then(file),
        })
    }

    /// Something that a program stands for: an adapter, or the engine's command line.
    ///
    /// # Errors
    /// Where the program cannot be read.
    pub fn behind(kind: Kind, name: &str, program: &Path) -> io::Result<Self> {
        let name = Path::new(name).file_name().map_or(name.into(), |name| name.to_string_lossy());
        Ok(Self {
            kind,
            name: name.into_owned(),
            version: None,
            min_engine_version: None,
            program: Program::of(program, hash_of(program)?)?,
            archive: None,
            manifest: None,
        })
    }
}

impl Program {
    fn of(program: &Path, sha256: String) -> io::Result<Self> {
        let Built { platform, go } = Built::read(program)?;
        let go = go.map_or_else(Go::Unknown, |build| Go::Build(Box::new(build)));
        Ok(Self { name: file_name(program), sha256, platform, go })
    }
}

impl Suite {
    /// The scenarios of these runs, and how they were selected.
    pub fn of(jobs: &[Job], stock: bool, revisions: RevisionRange, filter: &[String]) -> Self {
        Self {
            sha256: suite_digest(jobs),
            runs: jobs.len(),
            stock,
            revisions,
            filter: filter.to_vec(),
            made_up: None,
        }
    }
}

/// The SHA-256 of a file, in hexadecimal.
pub(crate) fn hash_of(path: &Path) -> io::Result<String> {
    let file = File::open(path)?;
    // What else could be opened might never end.
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    subject::sha256(file)
}

/// Where a program is: a name without a directory is looked for in the `PATH`, as it is when it is started.
pub(crate) fn found(program: &Path) -> PathBuf {
    if program.components().nth(1).is_some() || program.is_absolute() {
        return program.to_owned();
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let mut places = env::split_paths(&path).map(|place| place.join(program));
    places.find(|place| place.is_file()).unwrap_or_else(|| program.to_owned())
}

/// The run of a CI that this is part of, as the variables of GitHub and of GitLab tell of it.
pub fn ci_run(variable: impl Fn(&str) -> Option<String>) -> Option<CiRun> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    if set("GITHUB_ACTIONS").is_some() {
        let repository = set("GITHUB_REPOSITORY");
        let address = || {
            let (server, run) = (set("GITHUB_SERVER_URL")?, set("GITHUB_RUN_ID")?);
            Some(format!("{server}/{}/actions/runs/{run}", repository.as_ref()?))
        };
        let address = address().as_deref().map(without_user);
        return Some(CiRun { address, repository, reference: set("GITHUB_REF"), commit: set("GITHUB_SHA") });
    }
    set("CI").map(|_| CiRun {
        address: set("CI_JOB_URL").or_else(|| set("CI_PIPELINE_URL")).as_deref().map(without_user),
        repository: set("CI_PROJECT_PATH"),
        reference: set("CI_COMMIT_REF_NAME"),
        commit: set("CI_COMMIT_SHA"),
    })
}

/// An address without what stands before its host, which may be a password.
fn without_user(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    let host_ends = rest.find('/').unwrap_or(rest.len());
    let (host, path) = rest.split_at(host_ends);
    format!("{scheme}://{}{path}", host.rsplit('@').next().unwrap_or(host))
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The time: UTC, RFC 3339. Of all that is reported, evidence and what is made of it alone read a clock.
pub(crate) fn now() -> String {
    rfc3339(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs())
}

fn rfc3339(seconds: u64) -> String {
    let day = Date::from_days(i64::try_from(seconds / 86_400).unwrap_or_default());
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{day}T{hour:02}:{minute:02}:{second:02}Z")
}
