//! The engine of a release: its command line, its adapter, its evidence.

use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    fs,
    path::{self, Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use counterfoil_core::release::{Doubt, DoubtKind, EngineFacts, Known, Tested};

use super::{
    Bench, Stopped, is_settled,
    memory::Entry,
    tested::{Paper, both, build, kept_build},
};
use crate::{
    adapter::{Launch, MOST_FAILURES},
    evidence::{self, Artefact, Built, Kind, found, hash_of},
    run::{EngineUnderTest, Filter, SubjectLine, Target, WfctlUnderTest, jobs_for_engine, jobs_for_wfctl},
};

/// How long an adapter may take until it is ready.
const READY: Duration = Duration::from_secs(60);
/// How long a case may take.
const CASE: Duration = Duration::from_secs(30);
/// How long an apply of the command line may take.
const APPLY: Duration = Duration::from_secs(60);

/// What was found out about the engine.
pub(super) struct LookedAtEngine {
    pub facts: EngineFacts,
    /// Whether it was found out anew.
    pub anew: bool,
    /// What is kept of it.
    pub keep: Option<Entry<EngineFacts>>,
    /// The real command line, with the digest of its program where its verdict may be kept.
    pub wfctl: Option<(WfctlUnderTest, Option<String>)>,
}

/// The programs of an engine, each with its digest, or why it has none.
struct Programs {
    binary: Option<(PathBuf, Known<String>)>,
    adapter: Option<(PathBuf, Known<String>)>,
}

impl Bench<'_> {
    /// Finds out what there is to know about the engine.
    pub(super) async fn engine(&self) -> Result<LookedAtEngine, Stopped> {
        let stated = &self.setting.release.engine.subject;
        let paper = stated.evidence.as_deref().map(Paper::read);
        let programs = Programs {
            // It is started elsewhere.
            binary: stated
                .binary
                .as_deref()
                .map(|path| with_digest(path::absolute(path).unwrap_or_else(|_| path.to_owned()))),
            adapter: stated.adapter.first().map(|program| with_digest(self.adapter_program(program))),
        };
        let whole = programs
            .binary
            .as_ref()
            .filter(|(path, _)| has_header(path))
            .and_then(|(_, digest)| digest.known());
        let wfctl = programs.binary.as_ref().map(|(program, _)| (self.wfctl(program), whole.cloned()));

        // A script says nothing of what it starts, nor an adapter of what stands behind it, unless both are one.
        let is_whole = programs.binary.is_none() || whole.is_some();
        let is_ours = programs.adapter.as_ref().is_none_or(|(program, _)| self.is_ours(program));
        let digest = |program: &Option<(PathBuf, Known<String>)>| match program {
            Some((_, Known::Known(text) | Known::Unknown(text))) => text.clone(),
            None => "none".to_owned(),
        };
        let (binary, adapter) = (digest(&programs.binary), digest(&programs.adapter));
        let words = stated.adapter.iter().skip(1).map(String::as_str);
        let by = paper.as_ref().map_or("tested here", Paper::key);
        let key = self.key([&*binary, &*adapter, by].into_iter().chain(words));
        let before = Entry::of(self.setting.memory.kept().engine.as_ref(), &key);

        let is_new = before.is_none();
        let mut facts = before.unwrap_or_else(|| looked_at(&programs, paper.as_ref()));
        if let Some(paper) = &paper {
            facts.tested = self.engine_held(&programs, paper);
        } else if is_new {
            facts.tested = self.engine_tested(&programs, wfctl.as_ref().map(|(wfctl, _)| wfctl)).await?;
        }
        facts.stand_in = programs.binary.is_none()
            && programs.adapter.as_ref().is_some_and(|(program, _)| self.is_ours(program));
        let is_given = programs.binary.is_some() || programs.adapter.is_some() || paper.is_some();
        let keep =
            (is_whole && is_ours && is_settled(&facts.tested)).then(|| Entry { key, facts: facts.clone() });
        Ok(LookedAtEngine { facts, anew: is_new && is_given, keep, wfctl })
    }

    /// Where the program of an adapter is: beside the file of the release, or in the `PATH`.
    fn adapter_program(&self, program: &str) -> PathBuf {
        let program = found(Path::new(program));
        if program.components().nth(1).is_some() { self.setting.directory.join(program) } else { program }
    }

    /// Whether a program is our own.
    fn is_ours(&self, program: &Path) -> bool {
        let real = fs::canonicalize(program);
        real.is_ok_and(|real| fs::canonicalize(self.setting.program).is_ok_and(|ours| ours == real))
    }

    fn wfctl(&self, program: &Path) -> WfctlUnderTest {
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        WfctlUnderTest {
            line: SubjectLine { name, ..SubjectLine::attached(&program.display().to_string()) },
            ourselves: self.setting.program.to_owned(),
            program: program.to_owned(),
            arguments: Vec::new(),
            environment: passed_on(&["PATH"]),
            deadline: APPLY,
            redactor: Arc::default(),
            plugin: None,
        }
    }

    /// Holds evidence against the program that it says to be of.
    fn engine_held(&self, programs: &Programs, paper: &Paper) -> Known<Tested> {
        let kind = paper.read.as_ref().map_or(Kind::Engine, |evidence| evidence.subject.kind);
        let (program, required) = match kind {
            Kind::CommandLine => {
                let jobs = jobs_for_wfctl(&self.scenarios, &Filter::default(), self.revision);
                (programs.binary.as_ref(), jobs)
            }
            _ => (programs.adapter.as_ref(), jobs_for_engine(&self.scenarios, &Filter::default())),
        };
        let digest = program.and_then(|(_, digest)| digest.known());
        let artefact =
            digest.map(|program| Artefact { program: program.clone(), archive: None, manifest: None });
        let required = Self::at_target(required, self.revision);
        let mut tested = self.held(paper, &[Kind::Engine, Kind::CommandLine], artefact.as_ref(), &required);
        let is_given = programs.binary.is_some() || programs.adapter.is_some();
        if let (Known::Known(tested), None, true) = (&mut tested, program, is_given) {
            let text = "it is of a program of another kind than the one that is given".to_owned();
            tested.doubts.push(Doubt { kind: DoubtKind::Artefact, text });
        }
        tested
    }

    /// Tests what of it can be started.
    async fn engine_tested(
        &self,
        programs: &Programs,
        wfctl: Option<&WfctlUnderTest>,
    ) -> Result<Known<Tested>, Stopped> {
        let name = &self.setting.release.engine.member.name;
        let behind = match &programs.adapter {
            Some((program, Known::Known(_))) => {
                Some(self.patiently(name, Box::pin(self.behind_adapter(program))).await??)
            }
            Some((_, Known::Unknown(why))) => Some(Known::Unknown(why.clone())),
            None => None,
        };
        let by_hand = match (wfctl, &programs.binary) {
            (Some(wfctl), Some((_, Known::Known(_)))) => {
                Some(self.patiently(name, Box::pin(self.by_command_line(wfctl))).await??)
            }
            (_, Some((_, Known::Unknown(why)))) => Some(Known::Unknown(why.clone())),
            _ => None,
        };
        Ok(match (behind, by_hand) {
            (Some(one), Some(other)) => both(one, other),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => Known::Unknown(ALONE.to_owned()),
        })
    }

    async fn behind_adapter(&self, program: &Path) -> Result<Known<Tested>, Stopped> {
        let jobs = jobs_for_engine(&self.scenarios, &Filter::default());
        let jobs = Self::at_target(jobs, self.revision);
        let arguments = self.setting.release.engine.subject.adapter.iter().skip(1);
        let launch = Launch {
            supervisor: self.setting.program.to_owned(),
            program: program.to_owned(),
            arguments: arguments.map(OsString::from).collect(),
            directory: self.setting.directory.to_owned(),
            environment: passed_on(&["PATH", "HOME"]),
            ready_within: READY,
            answer_within: CASE,
            failures: MOST_FAILURES,
            at_once: None,
        };
        let engine = match EngineUnderTest::start(launch, &jobs).await {
            Ok(engine) => engine,
            Err(error) => return Ok(Known::Unknown(format!("no room for sockets can be made: {error}"))),
        };
        let subject = evidence::Subject::behind(Kind::Engine, &engine.adapted.line.name, program);
        let subject = match subject {
            Ok(subject) => subject,
            Err(error) => return Ok(Known::Unknown(unreadable(program, &error))),
        };
        let at_once = engine.adapted.takes_at_once();
        let evidence = self.run((subject, program), Target::Engine(Arc::new(engine)), jobs, at_once).await?;
        Ok(evidence.map_or_else(Known::Unknown, |evidence| {
            self.keep(&self.setting.release.engine.member.name, &evidence);
            Known::Known(self.made_here(&evidence))
        }))
    }

    async fn by_command_line(&self, wfctl: &WfctlUnderTest) -> Result<Known<Tested>, Stopped> {
        let says = match wfctl.revision().await {
            Ok(says) => says,
            Err(why) => return Ok(Known::Unknown(why)),
        };
        let subject = match evidence::Subject::behind(Kind::CommandLine, &wfctl.line.name, &wfctl.program) {
            Ok(subject) => subject,
            Err(error) => return Ok(Known::Unknown(unreadable(&wfctl.program, &error))),
        };
        let jobs = jobs_for_wfctl(&self.scenarios, &Filter::default(), self.revision);
        let target = Target::Wfctl(Arc::new(wfctl.clone()));
        let evidence = self.run((subject, &wfctl.program), target, jobs, self.at_once).await?;
        Ok(evidence.map_or_else(Known::Unknown, |evidence| {
            self.keep(&self.setting.release.engine.member.name, &evidence);
            let mut tested = self.made_here(&evidence);
            if let Some(says) = says.filter(|says| *says != self.revision) {
                let text = format!("it says that it is of {says}, and the release is of {}", self.revision);
                tested.doubts.push(Doubt { kind: DoubtKind::Artefact, text });
            }
            Known::Known(tested)
        }))
    }
}

/// What is said of an engine of which nothing else is given.
const ALONE: &str = "its version alone is known";

/// What can be seen of an engine without running it.
fn looked_at(programs: &Programs, paper: Option<&Paper>) -> EngineFacts {
    let evidence = paper.and_then(|paper| paper.read.as_ref().ok());
    let unknown = || "its evidence does not tell".to_owned();
    let digest = match (&programs.binary, &programs.adapter, paper) {
        (Some((_, digest)), _, _) | (None, Some((_, digest)), _) => digest.clone(),
        (None, None, Some(_)) => evidence
            .map_or_else(|| Known::Unknown(unknown()), |it| Known::Known(it.subject.program.sha256.clone())),
        (None, None, None) => Known::Unknown(ALONE.to_owned()),
    };
    let of_command_line = evidence.filter(|evidence| evidence.subject.kind == Kind::CommandLine);
    let build = match (&programs.binary, of_command_line) {
        (Some((program, _)), _) => match Built::read(program).map(|built| built.go) {
            Ok(Ok(go)) => Known::Known(build(&go)),
            Ok(Err(why)) => Known::Unknown(why),
            Err(error) => Known::Unknown(unreadable(program, &error)),
        },
        (None, Some(evidence)) => kept_build(&evidence.subject.program.go),
        (None, None) => Known::Unknown("its binary is not given".to_owned()),
    };
    EngineFacts { stand_in: false, digest, build, tested: Known::Unknown(ALONE.to_owned()) }
}

fn with_digest(program: PathBuf) -> (PathBuf, Known<String>) {
    let digest = hash_of(&program).map_err(|error| unreadable(&program, &error));
    (program, digest.map_or_else(Known::Unknown, Known::Known))
}

/// Whether a program says what it was built for, as a script does not.
fn has_header(program: &Path) -> bool {
    Built::read(program).is_ok_and(|built| built.platform.is_some())
}

fn unreadable(program: &Path, error: &std::io::Error) -> String {
    format!("{} cannot be read: {error}", program.display())
}

/// The variables of the environment that are passed on, where they are set.
fn passed_on(names: &[&str]) -> BTreeMap<OsString, OsString> {
    names.iter().filter_map(|name| Some(((*name).into(), env::var_os(name)?))).collect()
}
