//! `--evidence`, and `counterfoil evidence`: what is kept of a run, and what it is worth afterwards.

use std::{
    env,
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::{Args, Subcommand, ValueEnum};
use counterfoil_core::scenario::Date;

use super::{
    args::How,
    carry_out::{Session, failed},
    commands::{load, usage},
    exit::Exit,
    known::today,
    output::Output,
};
use crate::{
    evidence::{
        Artefact, Conditions, Destination, Evidence as Kept, Kind, MOST, ReadError, Subject, Suite, Weight,
        Wfctl, Witness, ci_run, found,
    },
    report::evidence as evidence_report,
    run::{KnownFailures, RunEvent, suite_digest},
    subject::{self, redact::Redactor},
};

/// Where evidence goes.
#[derive(Debug, Args)]
pub(super) struct EvidenceTo {
    /// Keep what was tested and what came of it in this file, which `counterfoil evidence verify` holds against its artefact.
    #[arg(long = "evidence", id = "evidence", value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// The forms of evidence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum EvidenceFormat {
    /// What can be verified.
    #[default]
    Counterfoil,
    /// That of the engine's own compatibility evidence, for its registry.
    Wfctl,
}

/// `counterfoil evidence`
#[derive(Debug, Subcommand)]
pub(super) enum Evidence {
    /// Show what evidence says.
    Show {
        /// The evidence, as `test … --evidence FILE` left it.
        file: PathBuf,
    },
    /// Hold evidence against what it is said to be about.
    #[command(after_help = "Exit codes:
  0  it is about this artefact, contract and suite, and the run behind it passed
  1  it is about another, was changed after it was written, or the run behind it failed
  2  usage, or no evidence
  3  that cannot be told: the run behind it was not judged, or something is not known here

The digest in evidence shows what was changed by accident. It is no signature: who can write the file can write another.")]
    Verify {
        /// The evidence, as `test … --evidence FILE` left it.
        file: PathBuf,
        /// The artefact, as `test provider` takes it: its program, the directory that holds plugin.json and the program, or a
        /// release archive. Of an engine, a decoder or a command line, the program that was started.
        artefact: PathBuf,
        /// The scenario files and directories that were given to the test in place of the stock scenarios; may be repeated.
        #[arg(long, value_name = "PATH")]
        scenario: Vec<PathBuf>,
    },
}

/// Evidence that is being made.
pub(super) struct Making {
    witness: Witness,
    to: Opened,
}

/// A place for evidence, and the form that it will have.
pub(super) struct Opened {
    shown: String,
    destination: Destination,
    format: EvidenceFormat,
    /// The last day on which the whole list of known failures excuses, where there is one.
    until: Option<Date>,
}

impl EvidenceTo {
    /// Opens the file, where evidence is wanted: that it cannot be written is said before anything is run.
    pub(super) fn open(
        &self,
        format: EvidenceFormat,
        how: &How,
        known: Option<&KnownFailures>,
        output: Output,
    ) -> Result<Option<Opened>, Exit> {
        let Some(file) = &self.file else { return Ok(None) };
        if how.partition.is_some() {
            return Err(usage("evidence is of a whole run, and --partition makes a part of one", output));
        }
        let shown = file.display().to_string();
        let destination = Destination::open(file)
            .map_err(|error| usage(&format!("the evidence {shown} cannot be written: {error}"), output))?;
        let until = known.and_then(KnownFailures::until);
        Ok(Some(Opened { shown, destination, format, until }))
    }
}

impl Opened {
    /// Makes evidence of a plugin under test.
    pub(super) fn of_plugin(
        self,
        plugin: &subject::Subject,
        redactor: Arc<Redactor>,
        suite: Suite,
        variables: &[String],
        output: Output,
    ) -> Result<Making, Exit> {
        let program = plugin.program.clone();
        let subject = Subject::plugin(plugin).map_err(|error| unreadable(&program, &error, output))?;
        Ok(self.making(subject, program, suite, variables, redactor))
    }

    /// Makes evidence of what a program stands for, by the name that it is known by.
    pub(super) fn of_program(
        self,
        (kind, name, program): (Kind, &str, &Path),
        suite: Suite,
        variables: &[String],
        output: Output,
    ) -> Result<Making, Exit> {
        let program = found(program);
        let subject =
            Subject::behind(kind, name, &program).map_err(|error| unreadable(&program, &error, output))?;
        let named = variables.iter().filter_map(|name| Some((name.clone(), env::var(name).ok()?)));
        let redactor = Arc::new(Redactor::of_environment(&named.collect()));
        Ok(self.making(subject, program, suite, variables, redactor))
    }

    fn making(
        self,
        subject: Subject,
        program: PathBuf,
        suite: Suite,
        variables: &[String],
        redactor: Arc<Redactor>,
    ) -> Making {
        let conditions = Conditions {
            subject,
            program,
            suite,
            until: self.until,
            variables: variables.to_vec(),
            ci: ci_run(|name| env::var(name).ok()),
            redactor,
        };
        Making { witness: Witness::new(conditions), to: self }
    }
}

impl Making {
    /// Takes an event of the run.
    pub(super) fn event(&mut self, event: &RunEvent) {
        self.witness.event(event);
    }

    /// Writes the evidence, and says how that ended.
    pub(super) fn write(self, output: Output) -> Exit {
        let Self { witness, to: Opened { shown, destination, format, .. } } = self;
        let evidence = match witness.finish() {
            Ok(evidence) => evidence,
            Err(why) => return failed(&format!("there is no evidence {shown}: {why}"), output),
        };
        let text = match format {
            EvidenceFormat::Counterfoil => evidence.to_json(),
            EvidenceFormat::Wfctl => Wfctl::of(&evidence).to_json(),
        };
        match destination.write(&text) {
            Ok(()) => Exit::Passed,
            Err(error) => failed(&format!("the evidence {shown} cannot be written: {error}"), output),
        }
    }
}

/// Carries out `counterfoil evidence`.
pub(super) fn execute(command: &Evidence, output: Output) -> Exit {
    match command {
        Evidence::Show { file } => show(file, output).unwrap_or_else(|exit| exit),
        Evidence::Verify { file, artefact, scenario } => {
            verify(file, artefact, scenario, output).unwrap_or_else(|exit| exit)
        }
    }
}

fn show(file: &Path, output: Output) -> Result<Exit, Exit> {
    let evidence = read(file, output)?;
    Ok(output.print(&evidence_report::told(&evidence, output.layout())))
}

fn verify(file: &Path, path: &Path, scenario: &[PathBuf], output: Output) -> Result<Exit, Exit> {
    let evidence = read(file, output)?;
    let artefact = match evidence.subject.kind {
        Kind::Provider => {
            let session = Session::open(output)?;
            Artefact::plugin(&session.prepare(path, None, output)?)
        }
        Kind::Engine | Kind::Decoder | Kind::CommandLine => {
            let path = found(path);
            Artefact::program(&path).map_err(|error| unreadable(&path, &error, output))?
        }
    };
    let suite = suite_now(&evidence, scenario, output)?;
    let objections = evidence.objections(&artefact, suite.as_deref(), today());
    let exit = match objections.iter().map(|objection| objection.weight).max() {
        None => Exit::Passed,
        Some(Weight::Untold) => Exit::Unjudged,
        Some(Weight::Against) => Exit::Broken,
    };
    let told = evidence_report::verified(&evidence, &objections, output.layout());
    Ok(exit.unless(output.print(&told)))
}

/// The digest of the scenarios that are selected now as they were for this evidence; none where it cannot be told.
fn suite_now(evidence: &Kept, scenario: &[PathBuf], output: Output) -> Result<Option<String>, Exit> {
    if !evidence.suite.stock && scenario.is_empty() {
        return Ok(None);
    }
    let jobs = evidence.selection(&load(scenario, output)?, scenario.is_empty());
    Ok(jobs.map(|jobs| suite_digest(&jobs)))
}

/// Reads evidence, or says why it is none.
fn read(file: &Path, output: Output) -> Result<Kept, Exit> {
    let mut bytes = Vec::new();
    // No more than it takes to see that it is too large.
    let read = File::open(file).and_then(|file| file.take(MOST as u64 + 1).read_to_end(&mut bytes));
    read.map_err(|error| unreadable(file, &error, output))?;
    Kept::read(&bytes).map_err(|error| {
        let exit = match error {
            ReadError::CutShort(_) | ReadError::Other(_) | ReadError::Wfctl => Exit::Usage,
            ReadError::Newer(_) => Exit::Unjudged,
            ReadError::Changed { .. } | ReadError::Contradiction(_) => Exit::Broken,
        };
        output.error(&format!("{}: {error}", file.display()));
        exit
    })
}

fn unreadable(path: &Path, error: &std::io::Error, output: Output) -> Exit {
    usage(&format!("{} cannot be read: {error}", path.display()), output)
}
