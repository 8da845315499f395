//! Runs jobs side by side, and reports them in their own order.

use std::{
    collections::{HashMap, VecDeque},
    env,
    error::Error,
    fs, io, iter,
    num::NonZeroUsize,
    panic,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use counterfoil_core::{
    judge::{self, SkipKind, Verdict},
    scenario::{FaultKind, Scenario, TransportKind},
    trace::Trace,
    trial::Trial,
};
use tempfile::TempDir;
use tokio::{
    task::{self, Id, JoinError, JoinSet},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::provider::{self, DETACHED};

use super::{
    Again, Basis, DriveError, FORMAT, Finished, Job, KnownFailures, Live, Partition, PluginUnderTest,
    RunEvent, Started, Summary, Target, VERSION, Variant,
    applicable::out_of_reach,
    drive,
    part::planned,
    plugin::{NEEDS_LIVE, NEEDS_STATE, Played, kills, reaches_cloud},
    tally::Tally,
};

/// The longest that a single run may take. An embedded run takes milliseconds; this is for when we hang.
const DEADLINE: Duration = Duration::from_secs(60);

/// How many jobs may wait for their deadlines beside those that work.
const MOST_WAITING: usize = 64;

/// How jobs are run.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many run at once. Where that is more than one, jobs that wait for a deadline run beside them.
    pub jobs: NonZeroUsize,
    /// Findings of level SHOULD fail.
    pub strict: bool,
    /// Nothing new is begun after the first failure.
    pub fail_fast: bool,
    /// Where the traces of runs that did not pass are kept.
    pub keep_traces: Option<PathBuf>,
    /// Failures that are known.
    pub known: Option<Arc<KnownFailures>>,
    /// The engine and the decoder.
    pub variant: Variant,
    /// The provider.
    pub target: Target,
    /// The command that runs a single job again.
    pub reproduce: Again,
    /// The settings that count, in words: their file, and what is taken of it.
    pub settings: Option<String>,
    /// The part of the jobs that is run here; all of them where none is said.
    pub partition: Option<Partition>,
}

impl Options {
    /// Runs against the embedded provider, so many at once, with nothing special about them.
    pub fn embedded(variant: Variant, jobs: NonZeroUsize) -> Self {
        Self {
            jobs,
            strict: false,
            fail_fast: false,
            keep_traces: None,
            known: None,
            variant,
            target: Target::Embedded,
            reproduce: "counterfoil run".to_owned().into(),
            settings: None,
            partition: None,
        }
    }
}

/// A directory for what a command keeps while it is at work, plugins and their sockets for instance, that nobody else may
/// enter.
///
/// # Errors
/// When it cannot be made.
pub fn private_directory() -> io::Result<TempDir> {
    provider::private_directory("/cf-123456/1234567890.sock".len())
}

/// As [`run`], for who wants no more than what became of each job.
///
/// # Errors
/// See [`run`].
pub async fn finished(
    jobs: Vec<Job>,
    options: &Options,
    stop: &CancellationToken,
) -> io::Result<Vec<Finished>> {
    let mut runs = Vec::with_capacity(jobs.len());
    let report = |event| {
        if let RunEvent::Finished(finished) = event {
            runs.push(*finished);
        }
    };
    run(jobs, options, stop, report).await?;
    Ok(runs)
}

/// Runs jobs and gives `report` each event as it comes due. Gives the summary when all is over.
///
/// # Errors
/// When the directory for traces cannot be made.
pub async fn run(
    jobs: Vec<Job>,
    options: &Options,
    stop: &CancellationToken,
    mut report: impl FnMut(RunEvent),
) -> io::Result<Summary> {
    let begun = Instant::now();
    if let Some(traces) = &options.keep_traces {
        fs::create_dir_all(traces)?;
    }
    let (basis, planned) = (Basis::of(&jobs, options), planned(&jobs));
    let tested = basis.tested;
    let part = options.partition.unwrap_or(Partition::WHOLE);
    let jobs: Vec<Job> =
        jobs.into_iter().enumerate().filter(|(at, _)| part.has(*at)).map(|(_, job)| job).collect();
    report(RunEvent::RunStarted(Box::new(Started {
        format: FORMAT.to_owned(),
        version: VERSION,
        counterfoil: env!("CARGO_PKG_VERSION").to_owned(),
        runs: jobs.len(),
        subject: match &options.target {
            Target::Embedded => None,
            Target::Plugin(plugin) => Some(plugin.line.clone()),
            Target::Decoder(decoder) => Some(decoder.adapted.line.clone()),
            Target::Engine(engine) => Some(engine.adapted.line.clone()),
            Target::Wfctl(wfctl) => Some(wfctl.line.clone()),
        },
        settings: options.settings.clone(),
        basis: Some(basis),
        partition: options.partition,
        planned,
    })));

    let mut book = Book {
        options,
        report: &mut report,
        tally: Tally::default(),
        defects: 0,
        interrupted: false,
        done: jobs.iter().map(|_| None).collect(),
        next: 0,
        closed: false,
    };
    // Where jobs run side by side, those that wait for a deadline take nobody's turn.
    let beside = options.jobs.get() > 1 && !options.fail_fast;
    let waits = |job: &Job| beside && job.scenario.deadline.is_some() && !options.target.closes(job);
    let (mut patient, mut waiting): (VecDeque<usize>, VecDeque<usize>) =
        (0..jobs.len()).partition(|at| waits(&jobs[*at]));
    if beside && matches!(options.target, Target::Embedded) {
        // What takes long begins first: at the end, nothing could run beside it. Of a plugin other things are asked first.
        waiting.make_contiguous().sort_by_key(|at| !takes_long(&jobs[*at].scenario));
    }
    let mut running = JoinSet::new();
    let mut at_work: HashMap<Id, usize> = HashMap::new();
    let mut resting = 0;
    loop {
        while !book.closed {
            let at = if resting < MOST_WAITING && !patient.is_empty() {
                resting += 1;
                patient.pop_front()
            } else if running.len() - resting < options.jobs.get() {
                let has_turn = |at: &usize| running.is_empty() || !options.target.closes(&jobs[*at]);
                waiting.front().copied().filter(has_turn).inspect(|_| _ = waiting.pop_front())
            } else {
                None
            };
            let Some(at) = at else { break };
            let job = &jobs[at];
            (book.report)(RunEvent::Live(Live::Began { run: job.id() }));
            let (job, options) = (job.clone(), options.clone());
            let handle = running.spawn(async move { one(&job, &options).await });
            at_work.insert(handle.id(), at);
        }
        let joined = tokio::select! {
            joined = running.join_next_with_id() => joined,
            () = stop.cancelled(), if !book.interrupted => {
                (book.closed, book.interrupted) = (true, true);
                running.abort_all();
                continue;
            }
        };
        match joined {
            None => break,
            Some(Ok((id, done))) => {
                let at = at_work[&id];
                resting -= usize::from(waits(&jobs[at]));
                book.hand_in(&jobs, at, done);
            }
            Some(Err(error)) if error.is_cancelled() => {}
            Some(Err(error)) => {
                let at = at_work[&error.id()];
                resting -= usize::from(waits(&jobs[at]));
                book.defects += 1;
                book.hand_in(&jobs, at, panicked(&jobs[at], error));
            }
        }
    }
    book.close(&jobs);
    let summary = book.tally.close(tested, book.defects, book.interrupted, millis(begun));
    report(RunEvent::RunFinished(summary.clone()));
    Ok(summary)
}

/// A job that came to its end.
struct Done {
    finished: Finished,
    trace: Option<Trace>,
}

/// What is done, and how far it has been reported.
struct Book<'a, R> {
    options: &'a Options,
    report: &'a mut R,
    tally: Tally,
    /// Runs in which we failed.
    defects: usize,
    interrupted: bool,
    done: Vec<Option<Done>>,
    /// The first job that has not been reported.
    next: usize,
    /// Nothing new is begun.
    closed: bool,
}

impl<R: FnMut(RunEvent)> Book<'_, R> {
    /// Takes what a job gave, and reports it as soon as all before it are reported.
    fn hand_in(&mut self, jobs: &[Job], at: usize, mut done: Done) {
        if let Some(known) = &self.options.known {
            known.apply(&mut done.finished, self.options.strict);
        }
        let verdict = done.finished.verdict.clone();
        (self.report)(RunEvent::Live(Live::Ended { run: jobs[at].id(), verdict }));
        self.closed |= self.options.fail_fast && done.finished.verdict == Verdict::Fail;
        self.done[at] = Some(done);
        while let Some(done) = self.done.get_mut(self.next).and_then(Option::take) {
            self.enter(&jobs[self.next], done);
            self.next += 1;
        }
    }

    /// Reports what is left: jobs that were done out of turn, and those that were not.
    fn close(&mut self, jobs: &[Job]) {
        let reason =
            if self.interrupted { "interrupted" } else { "an earlier scenario failed (--fail-fast)" };
        for (at, job) in jobs.iter().enumerate().skip(self.next) {
            let done = self.done[at].take().unwrap_or_else(|| {
                let verdict = Verdict::Skip { kind: SkipKind::NotRun, reason: reason.to_owned() };
                Done { finished: Finished::without_trace(job, verdict, 0), trace: None }
            });
            self.enter(job, done);
        }
    }

    fn enter(&mut self, job: &Job, done: Done) {
        let Done { mut finished, trace } = done;
        finished.reproduce = self.options.reproduce.run(&job.id());
        if let (Some(directory), Some(trace), true) =
            (&self.options.keep_traces, trace, finished.verdict != Verdict::Pass)
        {
            let path = directory.join(format!("{}.jsonl", job.id()));
            let kept = fs::File::create(&path).and_then(|file| trace.save(io::BufWriter::new(file)));
            finished.trace = Some(path.display().to_string());
            // The verdict is worth more than its trace, and so are those of other runs.
            finished.trace_error = kept.err().map(|error| error.to_string());
        }
        self.tally.count(&finished);
        (self.report)(RunEvent::Finished(Box::new(finished)));
    }
}

/// Whether a scenario takes far longer than most: its messages are many times as large.
fn takes_long(scenario: &Scenario) -> bool {
    scenario.trials.contains(&Trial::LargeMessage)
}

/// The longest that a run of a scenario may take: what it asks for itself, and as long as any may take beside that.
fn limit(scenario: &Scenario) -> Duration {
    let waits = scenario.faults.iter().filter_map(|fault| match fault.kind {
        FaultKind::Transport { kind: TransportKind::Delay(by), .. } => Some(by),
        // Where no deadline ends it, it has one of its own.
        FaultKind::Transport { kind: TransportKind::Hang, .. } => Some(DETACHED),
        _ => None,
    });
    DEADLINE + scenario.deadline.unwrap_or_default() + waits.sum::<Duration>()
}

/// Runs and judges one job.
async fn one(job: &Job, options: &Options) -> Done {
    let begun = Instant::now();
    let strict = options.strict;
    match traced(job, &options.target, &options.variant).await {
        Ok(trace) => {
            let judge = move || {
                let assessment = judge::assess(&trace, strict);
                (trace, assessment)
            };
            let (trace, assessment) = aside(judge).await;
            let finished = Finished::judged(job, &trace, assessment, millis(begun));
            Done { finished, trace: Some(trace) }
        }
        Err(untraced) => {
            let verdict = match untraced {
                Untraced::Skipped(kind, reason) => Verdict::Skip { kind, reason },
                Untraced::Failed(reason) => Verdict::Unjudged { reason },
            };
            Done { finished: Finished::without_trace(job, verdict, millis(begun)), trace: None }
        }
    }
}

/// Why there is no trace of a job.
#[derive(Debug)]
pub(crate) enum Untraced {
    /// It was not run.
    Skipped(SkipKind, String),
    /// It came to no end, or to none that leaves a trace.
    Failed(String),
}

/// Drives one job, within the time that it may take.
pub(crate) async fn traced(job: &Job, target: &Target, variant: &Variant) -> Result<Trace, Untraced> {
    if let Some((kind, reason)) = out_of_reach(job, target) {
        return Err(Untraced::Skipped(kind, reason));
    }
    let played = async {
        Ok::<_, DriveError>(match target {
            Target::Embedded => Played::Trace(Box::new(drive(job, variant).await?)),
            Target::Plugin(plugin) => match rehearse(job, plugin).await? {
                Some((kind, reason)) => Played::Skip(kind, reason),
                None => plugin.drive(job, variant).await,
            },
            Target::Decoder(decoder) => decoder.drive(job).await,
            Target::Engine(engine) => engine.drive(job).await?,
            Target::Wfctl(wfctl) => wfctl.drive(job).await?,
        })
    };
    let limit = match target {
        Target::Embedded | Target::Plugin(_) => limit(&job.scenario),
        // A case waits for those before it, and for adapters that are started anew; who gives it to the adapter has deadlines.
        // The command line has a deadline of its own.
        Target::Decoder(_) | Target::Engine(_) | Target::Wfctl(_) => Duration::MAX,
    };
    match timeout(limit, played).await {
        Ok(Ok(Played::Trace(trace))) => Ok(*trace),
        Ok(Ok(Played::Skip(kind, reason))) => Err(Untraced::Skipped(kind, reason)),
        Ok(Ok(Played::Unjudged(reason))) => Err(Untraced::Failed(reason)),
        Ok(Err(error)) => Err(Untraced::Failed(with_causes(&error))),
        Err(_) => Err(Untraced::Failed(format!("it did not come to an end within {} s", limit.as_secs()))),
    }
}

/// Runs a scenario against our own provider first, which takes no time: it shows whether a plugin's cloud would be
/// reached, and so whether the plugin need be started at all. What waits for a deadline is not rehearsed.
async fn rehearse(job: &Job, plugin: &PluginUnderTest) -> Result<Option<(SkipKind, String)>, DriveError> {
    let scenario = &*job.scenario;
    let has_to_exist = !scenario.state.is_empty();
    if scenario.deadline.is_some() || kills(scenario) || (plugin.live && !has_to_exist) {
        return Ok(None);
    }
    let reached = reaches_cloud(&drive(job, &Variant::Reference).await?);
    let reason = if plugin.live { NEEDS_STATE } else { NEEDS_LIVE };
    Ok(reached.then(|| (SkipKind::NotRun, reason.to_owned())))
}

/// Does work where it keeps no other run from going on. A panic in it goes on in the caller.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => panic::resume_unwind(panic),
            // The runtime is going down, and the caller with it.
            Err(_) => std::future::pending().await,
        },
    }
}

/// An error and what it came from, as far as each says something new.
fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut told = error.to_string();
    let causes = iter::successors(error.source(), |&error| error.source());
    for text in causes.map(ToString::to_string) {
        if !told.contains(&text) {
            told.extend([": ", &text]);
        }
    }
    told
}

fn panicked(job: &Job, error: JoinError) -> Done {
    let panic = error.into_panic();
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    let verdict = Verdict::Unjudged { reason: format!("Counterfoil itself failed: {text}") };
    Done { finished: Finished::without_trace(job, verdict, 0), trace: None }
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{Filter, jobs};

    #[tokio::test(flavor = "multi_thread")]
    async fn what_takes_long_begins_first_and_is_reported_in_its_turn() {
        let scenario = |id: &str, trials: &[Trial]| {
            let mut scenario = Scenario::bare(id, "It holds", counterfoil_proto::Revision::Head.into());
            scenario.trials = trials.iter().copied().collect();
            Arc::new(scenario)
        };
        let scenarios = [scenario("a", &[]), scenario("b", &[]), scenario("large", &[Trial::LargeMessage])];
        let jobs = jobs(&scenarios, &Filter::default());
        for (at_once, first) in [(1, "a@head"), (2, "large@head")] {
            let options = Options::embedded(Variant::Reference, NonZeroUsize::new(at_once).unwrap());
            let (mut begun, mut told) = (Vec::new(), Vec::new());
            let report = |event| match event {
                RunEvent::Live(Live::Began { run }) => begun.push(run),
                RunEvent::Finished(run) => told.push(run.id()),
                _ => {}
            };
            run(jobs.clone(), &options, &CancellationToken::new(), report).await.unwrap();
            assert_eq!((&*begun[0], begun.len()), (first, 3), "{at_once} at once");
            assert_eq!(told, ["a@head", "b@head", "large@head"]);
        }
    }

    #[tokio::test]
    async fn a_panic_aside_is_one_of_the_task_that_waits() {
        assert_eq!(aside(|| 7).await, 7);
        let waiting = tokio::spawn(aside(|| -> () { panic!("out of words") }));
        let panic = waiting.await.unwrap_err().into_panic();
        assert_eq!(panic.downcast_ref(), Some(&"out of words"));
    }
}
