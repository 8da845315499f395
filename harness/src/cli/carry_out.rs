//! A run, from its jobs to its exit code: signals, reports, and what has to be gone in the end.

use std::{
    env, fs, io,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};

use tempfile::TempDir;
use tokio::{
    runtime::Runtime,
    signal::unix::{Signal, SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

use super::{args::How, commands::usage, evidence::Making, exit::Exit, output::Output, reports};
use crate::{
    adapter::Launch,
    cutover::{self, Gathered},
    explore::{self, Account, Exploration, Find, Offer},
    mutants::{self, Matrix, Mutant},
    provider::{process::settle, remove_private_directory},
    report::{known, terminal::Terminal},
    run::{
        self, Again, DecoderSuite, DecoderUnderTest, EngineUnderTest, Job, Options, RunEvent, Seen, Variant,
    },
    subject::{Preparation, Subject},
};

/// How long the supervisors of plugins may take to end what they watch.
const SETTLING: Duration = Duration::from_secs(15);

/// What is run against what.
pub(super) struct Setting {
    /// The engine and the decoder.
    pub variant: Variant,
    /// The provider.
    pub target: run::Target,
    /// How many runs go on at once, where the user does not say.
    pub at_once: NonZeroUsize,
    /// The command that runs a single job again.
    pub reproduce: Again,
    /// The settings that count, in words.
    pub settings: Option<String>,
    /// All runs that there are without a filter.
    pub whole: Vec<Job>,
    /// What is kept of it afterwards.
    pub evidence: Option<Making>,
}

/// A command that leaves something behind for a while: signals are caught, and what is private to it has a place.
pub(super) struct Session {
    runtime: Runtime,
    stop: CancellationToken,
    caught: Arc<OnceLock<u8>>,
    private: TempDir,
}

impl Session {
    /// Catches signals, and makes the private directory.
    pub(super) fn open(output: Output) -> Result<Self, Exit> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| failed(&format!("no runtime: {error}"), output))?;
        // Signals are caught before there is anything to leave behind.
        let signals = {
            let _runtime = runtime.enter();
            Signals::new().map_err(|error| failed(&format!("signals cannot be caught: {error}"), output))?
        };
        let private = run::private_directory().map_err(|error| {
            let text = "no private directory can be made";
            failed(&format!("{text}: {error}; TMPDIR says where it goes"), output)
        })?;
        let (stop, caught) = (CancellationToken::new(), Arc::new(OnceLock::new()));
        runtime.spawn(signals.watch(stop.clone(), Arc::clone(&caught), private.path().to_owned()));
        Ok(Self { runtime, stop, caught, private })
    }

    /// Brings a plugin to where it can be started. It is there as long as the session.
    pub(super) fn prepare(&self, path: &Path, build: Option<&str>, output: Output) -> Result<Subject, Exit> {
        let room = self.private.path().join("plugin");
        fs::create_dir(&room).map_err(|error| failed(&format!("{}: {error}", room.display()), output))?;
        let preparation = Preparation { build, room: &room, stop: &self.stop };
        self.runtime.block_on(Subject::prepare(path, preparation)).map_err(|error| match self.caught.get() {
            Some(signal) if error.is_stopped() => {
                output.error(&error.to_string());
                Exit::Interrupted(*signal)
            }
            _ if error.is_ours() => failed(&error.to_string(), output),
            _ => usage(&error.to_string(), output),
        })
    }

    /// Starts the adapter of an engine, for these jobs.
    pub(super) fn engine(
        &self,
        launch: Launch,
        jobs: &[Job],
        output: Output,
    ) -> Result<EngineUnderTest, Exit> {
        let room = |error| failed(&format!("no room for sockets can be made: {error}"), output);
        self.runtime.block_on(EngineUnderTest::start(launch, jobs)).map_err(room)
    }

    /// Starts the adapter of a decoder, for jobs of a suite.
    pub(super) fn decoder(&self, launch: Launch, suite: DecoderSuite, jobs: &[Job]) -> DecoderUnderTest {
        self.runtime.block_on(DecoderUnderTest::start(launch, suite, jobs))
    }

    /// Waits for something that takes a runtime.
    pub(super) fn wait_for<T>(&self, awaited: impl Future<Output = T>) -> T {
        self.runtime.block_on(awaited)
    }

    /// Runs mutants, and gives what was found of each.
    pub(super) fn kill_matrix(self, mutants: Vec<Mutant>, output: Output) -> Result<Matrix, Exit> {
        let Self { runtime, stop, caught, private } = self;
        let program = env::current_exe().map_err(|error| {
            failed(&format!("it cannot be told where counterfoil itself is: {error}"), output)
        })?;
        let matrix = runtime.block_on(mutants::matrix(private.path(), &program, mutants, &stop));
        close(runtime, private);
        if let Some(signal) = caught.get() {
            output.error(
                "the matrix was interrupted, and says nothing: a mutant that did not run was not found",
            );
            return Err(Exit::Interrupted(*signal));
        }
        matrix.map_err(|error| failed(&format!("the matrix stopped: {error}"), output))
    }

    /// Finds out what there is to know about the members of a release, and gives it with the signal that ended that, if one
    /// did.
    pub(super) fn gather(self, setting: &cutover::Setting<'_>) -> (Gathered, Option<u8>) {
        let Self { runtime, stop, caught, private } = self;
        let gathered = runtime.block_on(cutover::gather(setting, private.path(), &stop));
        close(runtime, private);
        (gathered, caught.get().copied())
    }

    /// What a plugin offers to explore, or why it offers nothing.
    pub(super) fn offer(&self, target: &run::Target, prefix: String) -> Result<Offer, String> {
        self.runtime.block_on(explore::offer(target, prefix))
    }

    /// Explores, and gives what came of it, with the signal that ended it, if one did.
    pub(super) fn explore(self, exploration: &Exploration, tell: impl FnMut(&Find)) -> (Account, Option<u8>) {
        let Self { runtime, stop, caught, private } = self;
        let account = runtime.block_on(explore::explore(exploration, &stop, tell));
        close(runtime, private);
        (account, caught.get().copied())
    }

    /// Runs jobs, reports on them, and says how that ends.
    pub(super) fn carry_out(
        self,
        jobs: Vec<Job>,
        how: &How,
        known: Option<Arc<run::KnownFailures>>,
        setting: Setting,
        output: Output,
    ) -> Result<Exit, Exit> {
        let Self { runtime, stop, caught, private } = self;
        if let Some(traces) = &how.keep_traces {
            fs::create_dir_all(traces).map_err(|error| {
                usage(
                    &format!("no directory for traces can be made at {}: {error}", traces.display()),
                    output,
                )
            })?;
        }
        let strict = how.strict == Some(true);
        let progress = output.progress();
        let longest_id = jobs.iter().map(|job| job.scenario.id.len()).max().unwrap_or(0);
        let terminal = Terminal::new(progress.above(output.out()), output.layout(), longest_id, strict);
        // Progress is gone before the report comes to its end.
        let mut reporters = reports::Reporters::new("progress", progress);
        reporters.add("standard output", terminal);
        reporters.open(&how.report, output)?;
        let options = Options {
            jobs: run::within_file_limit(how.jobs.unwrap_or(setting.at_once)),
            strict,
            fail_fast: how.fail_fast,
            keep_traces: how.keep_traces.clone(),
            known: known.clone(),
            variant: setting.variant,
            target: setting.target,
            reproduce: setting.reproduce,
            settings: setting.settings,
            partition: how.partition,
        };
        let mut seen: Vec<Seen> = Vec::new();
        let mut evidence = setting.evidence;
        let reports = reporters.at_work();
        let summary = runtime.block_on(run::run(jobs, &options, &stop, |event| {
            if let (RunEvent::Finished(finished), true) = (&event, how.known.update) {
                seen.push(Seen::of(finished));
            }
            if let Some(evidence) = &mut evidence {
                evidence.event(&event);
            }
            reports.event(event);
        }));
        // A second signal ends the wait for a report that nobody takes.
        let reporters = reports.done();
        close(runtime, private);
        let summary = summary.map_err(|error| failed(&format!("the run stopped: {error}"), output))?;
        let mut written = reporters.close(output);
        if let (Some(list), true) = (known, how.known.update) {
            let update = (!summary.interrupted).then(|| list.update(&seen, &setting.whole, strict));
            written = written.unless(rewrite(update, output));
        }
        if let Some(evidence) = evidence {
            written = written.unless(evidence.write(output));
        }
        let exit = Exit::of(&summary, caught.get().copied());
        if exit == Exit::Nothing {
            output.error(&match how.partition {
                Some(part) if summary.runs() == 0 => format!("nothing was judged: {part} has no run"),
                _ => "nothing was judged: every run was skipped".to_owned(),
            });
        }
        Ok(exit.unless(written))
    }
}

/// Ends a session: nothing of it outlives the command.
fn close(runtime: Runtime, private: TempDir) {
    // Runs that were cut short take their plugins with them; the directory goes after them.
    drop(runtime);
    // Supervisors that are still at it are waited for.
    settle(SETTLING);
    let _ = remove_private_directory(private.path());
    drop(private);
}

/// Rewrites a list of known failures, and says how that ended.
fn rewrite(update: Option<run::Update>, output: Output) -> Exit {
    let Some(update) = update else {
        output.error("the list of known failures is as it was: the run was interrupted");
        return Exit::Passed;
    };
    match update.write() {
        Ok(()) => output.print(&known::told(&update, output.layout())),
        Err(error) => failed(&format!("{} is as it was: {error}", update.path().display()), output),
    }
}

/// We failed, where the subject did not.
pub(super) fn failed(text: &str, output: Output) -> Exit {
    output.error(text);
    Exit::Unjudged
}

/// SIGINT, SIGTERM and SIGHUP, caught.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => 2,
            _ = self.terminate.recv() => 15,
            _ = self.hang_up.recv() => 1,
        }
    }

    /// Stops the run at the first signal. At the second, the report is what takes so long, on a pipe that nobody
    /// empties for instance: the process ends at once, and takes only its sockets with it.
    async fn watch(mut self, stop: CancellationToken, caught: Arc<OnceLock<u8>>, sockets: PathBuf) {
        let first = self.next().await;
        let _ = caught.set(first);
        stop.cancel();
        self.next().await;
        let _ = remove_private_directory(&sockets);
        std::process::exit(Exit::Interrupted(first).code().into());
    }
}
