//! The line to an adapter: one process, started when it is needed and started anew where it fails, and the cases that are
//! under way.

use std::{
    collections::{BTreeMap, VecDeque},
    env,
    ffi::{OsStr, OsString},
    fmt::Display,
    io::ErrorKind,
    os::unix::ffi::OsStrExt as _,
    path::PathBuf,
    pin::{Pin, pin},
    sync::LazyLock,
    time::Duration,
};

use bytes::{Buf as _, Bytes, BytesMut};
use counterfoil_core::trace::{AdapterEvent, AnswerProblem, Due, ExitStatus, FrameProblem};
use counterfoil_proto::{
    Revision,
    adapter::{
        DecoderAnswer, DecoderCase, EngineAnswer, EngineCase, FromAdapter, GoOn, Hello, Ready, Role,
        ToAdapter, Told as EngineTold, decoder_answer::Verdict, from_adapter, to_adapter, told::What,
    },
    history,
};
use futures_util::FutureExt as _;
use prost::Message as _;
use rustix::{
    fs::{Access, access},
    pipe::{PipeFlags, pipe_with},
};
use tokio::{
    io::AsyncReadExt as _,
    net::unix::pipe::{Receiver, Sender},
    sync::{mpsc, oneshot},
    time::{Instant, Sleep, sleep, timeout},
};

use super::{
    engine::hook_named,
    frames::{Frames, MAX_FRAME, frame},
};
use crate::provider::{
    private_directory,
    process::{Pipes, Start, Supervised, TAIL, keep_tail},
};

/// The version of the protocol.
pub const VERSION: u32 = 1;

/// How often an adapter may fail in a row where nothing else is said.
pub const MOST_FAILURES: u32 = 10;
/// How many answers make up for a failure.
const MAKE_UP: u32 = 10;
/// How many cases it may ask for at once.
const MOST_IN_FLIGHT: usize = 1024;
/// How much an engine may tell in one case: far more than the largest plan takes.
const MOST_TOLD: usize = 1 << 16;
/// How long all that together may be, in bytes: as much as one frame holds.
const LONGEST_TOLD: usize = MAX_FRAME;
/// How long the news of an end may take behind the end of its output.
const NEWS: Duration = Duration::from_secs(1);
/// How much is read at once, in bytes: all that a pipe holds.
const BUFFER: usize = 64 << 10;

/// How an adapter is started, how long it may take, and how often it may fail.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The `counterfoil` command, which supervises it.
    pub supervisor: PathBuf,
    /// Its program. A name without a directory is looked for in the `PATH` of its environment.
    pub program: PathBuf,
    /// The program's arguments.
    pub arguments: Vec<OsString>,
    /// Where it runs.
    pub directory: PathBuf,
    /// Exactly its environment.
    pub environment: BTreeMap<OsString, OsString>,
    /// How long it may take from its start until it is ready.
    pub ready_within: Duration,
    /// How long a case may be without an answer once all before it have theirs, and how long it may take to end.
    pub answer_within: Duration,
    /// How often it may fail in a row before it is given up; ten answers make up for a failure.
    pub failures: u32,
    /// How many cases are under way at once, where it takes as many; none: as many as it takes.
    pub at_once: Option<usize>,
}

impl Launch {
    /// A program that counts as ours, below this `counterfoil` command: it needs no environment, and has `patience` for each
    /// of its steps.
    pub fn of_ours(
        supervisor: impl Into<PathBuf>,
        program: impl Into<PathBuf>,
        arguments: &[&str],
        patience: Duration,
    ) -> Self {
        Self {
            supervisor: supervisor.into(),
            program: program.into(),
            arguments: arguments.iter().map(Into::into).collect(),
            directory: "/".into(),
            environment: BTreeMap::new(),
            ready_within: patience,
            answer_within: patience,
            failures: MOST_FAILURES,
            at_once: None,
        }
    }

    /// The file of the program.
    ///
    /// # Errors
    /// When its name has no directory, and no directory of the `PATH` has such a program.
    fn found(&self) -> Result<PathBuf, String> {
        if self.program.as_os_str().as_bytes().contains(&b'/') {
            return Ok(self.program.clone());
        }
        let path = self.environment.get(OsStr::new("PATH"));
        let places =
            path.into_iter().flat_map(env::split_paths).map(|directory| directory.join(&self.program));
        let is_program = |place: &PathBuf| place.is_file() && access(place, Access::EXEC_OK).is_ok();
        places.map(|place| self.directory.join(place)).find(is_program).ok_or_else(|| {
            format!("there is no program {} in any directory of the PATH", self.program.display())
        })
    }
}

/// What came of a case.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Told {
    /// The answer; none where the adapter failed in the case.
    pub answer: Option<Verdict>,
    /// What the adapter did beside answering.
    pub events: Vec<AdapterEvent>,
}

/// What came of a plan.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Applied {
    /// The answer; none where the adapter failed in the case.
    pub answer: Option<EngineAnswer>,
    /// What the adapter did beside answering.
    pub events: Vec<AdapterEvent>,
}

/// Why a plan was not applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missed {
    /// The adapter is given no more cases.
    GivenUp(GivenUp),
    /// The adapter failed while this was under way beside others. It may be given again, with another provider to call.
    Interrupted,
}

/// Why a case was not given to the adapter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct GivenUp(pub String);

/// The way to an adapter. Clones lead to the same one, which ends with the last of them.
#[derive(Clone, Debug)]
pub struct Line {
    ask: mpsc::UnboundedSender<Asked>,
    go_on: mpsc::UnboundedSender<GoOn>,
}

/// Who waits for something from a line.
type Tell<T> = oneshot::Sender<Result<T, GivenUp>>;

/// Who is told what an engine is about to do, with the number of its case.
type Telling = mpsc::UnboundedSender<(u64, What)>;

/// What an adapter makes of a case.
enum Answer {
    Decoded(Verdict),
    Applied(Box<EngineAnswer>),
}

/// How a case ended: with an answer, where the adapter did not fail in it, and with what it did beside that.
type Over = (Option<Answer>, Vec<AdapterEvent>);

/// What is asked of a line.
enum Asked {
    /// To have the adapter ready.
    Ready(oneshot::Sender<Result<Ready, Vec<AdapterEvent>>>),
    /// To give it a case.
    Case(Box<Asking>),
    /// To end its input, and wait for its end.
    End(Tell<Vec<AdapterEvent>>),
}

/// A case that the adapter is to be given.
struct Asking {
    /// The run whose case it is.
    run: String,
    /// The case, without its number.
    case: to_adapter::Kind,
    /// Who is told what happens in it, where that is an engine's.
    telling: Option<Telling>,
    /// Who waits for its end.
    tell: oneshot::Sender<Result<Over, Missed>>,
}

impl Line {
    /// A line to an adapter, which is started when it is first needed.
    ///
    /// Must be called within a Tokio runtime.
    pub fn new(launch: Launch, role: Role) -> Self {
        let (ask, asked) = mpsc::unbounded_channel();
        let (go_on, goes_on) = mpsc::unbounded_channel();
        let operator = Operator {
            launch,
            role,
            live: None,
            under_way: VecDeque::new(),
            answered: Vec::new(),
            suspects: VecDeque::new(),
            suspicion: Vec::new(),
            alone: 0,
            left_over: Vec::new(),
            since: Instant::now(),
            strain: 0,
            was_ready: false,
            runs: Vec::new(),
            given_up: None,
        };
        tokio::spawn(operator.run(asked, goes_on));
        Self { ask, go_on }
    }

    /// What the adapter says of itself.
    ///
    /// # Errors
    /// What it did instead.
    pub async fn ready(&self) -> Result<Ready, Vec<AdapterEvent>> {
        let (tell, told) = oneshot::channel();
        self.ask(Asked::Ready(tell), told).await
    }

    /// Has the adapter decode a message for a run, which is called so. The number of the case is the line's to give. It is
    /// asked for at once; what this gives waits for the answer.
    ///
    /// # Errors
    /// When the adapter has failed too often to be given another case.
    pub fn decode(
        &self,
        run: String,
        case: DecoderCase,
    ) -> impl Future<Output = Result<Told, GivenUp>> + use<> {
        let over = self.case(run, to_adapter::Kind::Decode(case), None);
        async {
            match over.await {
                Ok((answer, events)) => Ok(Told {
                    answer: answer.and_then(|answer| match answer {
                        Answer::Decoded(verdict) => Some(verdict),
                        Answer::Applied(_) => None,
                    }),
                    events,
                }),
                Err(Missed::GivenUp(given_up)) => Err(given_up),
                // What tells nothing is given again by the line itself.
                Err(Missed::Interrupted) => Ok(Told::default()),
            }
        }
    }

    /// Has the adapter apply a plan for a run, which is called so. The number of the case is the line's to give. `told` is
    /// given what the engine tells, and says how it goes on; the number of the case is the line's there too.
    ///
    /// # Errors
    /// See [`Missed`].
    pub async fn apply(
        &self,
        run: String,
        case: EngineCase,
        told: impl Fn(What) -> GoOn,
    ) -> Result<Applied, Missed> {
        let (telling, mut tells) = mpsc::unbounded_channel();
        let mut over = pin!(self.case(run, to_adapter::Kind::Apply(Box::new(case)), Some(telling)));
        let (answer, events) = loop {
            tokio::select! {
                biased;
                Some((case, what)) = tells.recv() => {
                    // A line that is down goes down with its runtime.
                    let _ = self.go_on.send(GoOn { case, ..told(what) });
                },
                over = &mut over => break over?,
            }
        };
        let answer = answer.and_then(|answer| match answer {
            Answer::Applied(answer) => Some(*answer),
            Answer::Decoded(_) => None,
        });
        Ok(Applied { answer, events })
    }

    /// Ends the adapter's input behind the cases that are under way, and gives what it did until its end.
    ///
    /// # Errors
    /// When it has failed too often to be there at all.
    pub async fn end(&self) -> Result<Vec<AdapterEvent>, GivenUp> {
        let (tell, told) = oneshot::channel();
        self.ask(Asked::End(tell), told).await
    }

    /// Has the adapter given a case, and waits for its end.
    fn case(
        &self,
        run: String,
        case: to_adapter::Kind,
        telling: Option<Telling>,
    ) -> impl Future<Output = Result<Over, Missed>> + use<> {
        let (tell, told) = oneshot::channel();
        // What waits is moved about, and a case is large: it is put aside before anything waits.
        self.ask(Asked::Case(Box::new(Asking { run, case, telling, tell })), told)
    }

    /// Asks for something at once. What this gives waits for it; who drops that takes the question back.
    fn ask<T>(&self, asked: Asked, told: oneshot::Receiver<T>) -> impl Future<Output = T> + use<T> {
        let sent = self.ask.send(asked);
        async {
            match (sent, told.await) {
                (Ok(()), Ok(told)) => told,
                // The runtime is going down, and the caller with it.
                _ => std::future::pending().await,
            }
        }
    }
}

/// A case without an answer.
struct UnderWay {
    case: u64,
    frame: Bytes,
    telling: Option<Telling>,
    /// How many things were told in it.
    told: usize,
    /// How long they were together, in bytes.
    told_bytes: usize,
    tell: oneshot::Sender<Result<Over, Missed>>,
    events: Vec<AdapterEvent>,
}

impl UnderWay {
    /// The adapter is given no more cases. One that has something to tell tells it all the same.
    fn give_up(self, reason: String) {
        if self.events.is_empty() {
            let _ = self.tell.send(Err(Missed::GivenUp(GivenUp(reason))));
        } else {
            self.over(None);
        }
    }

    fn over(self, answer: Option<Answer>) {
        // Who asked may have been cut short.
        let _ = self.tell.send(Ok((answer, self.events)));
    }

    /// There is no answer, and this is why.
    fn fail(mut self, events: impl IntoIterator<Item = AdapterEvent>) {
        self.events.extend(events);
        self.over(None);
    }
}

/// Who works a line: the only one that speaks with the adapter.
struct Operator {
    launch: Launch,
    role: Role,
    live: Option<Live>,
    /// In the order in which they were sent.
    under_way: VecDeque<UnderWay>,
    /// What has an answer, and is told as soon as all has been read that came with it: that may be about it.
    answered: Vec<(UnderWay, Option<Answer>)>,
    /// What was under way when the adapter failed, and is given again one at a time.
    suspects: VecDeque<UnderWay>,
    /// How it failed, where it is not known in which of the suspects.
    suspicion: Vec<AdapterEvent>,
    /// How many cases are to come one at a time, since an engine's are given again by who asked.
    alone: usize,
    /// What happened while no case was under way. It is told with the next.
    left_over: Vec<AdapterEvent>,
    /// When something was last heard that was awaited, or had to be awaited.
    since: Instant,
    /// What failures have added up to, and answers not made up for yet.
    strain: u32,
    /// Whether it has started at all.
    was_ready: bool,
    /// The names of the runs whose cases it was sent. A case is the number of its run, from 1.
    runs: Vec<String>,
    /// Why no more cases are given.
    given_up: Option<String>,
}

/// What comes from an adapter.
enum News {
    /// So many bytes on its standard output, which are in the buffer; none at its end.
    Output(usize),
    /// Nothing, for too long.
    Silence,
}

impl Operator {
    async fn run(
        mut self,
        mut asked: mpsc::UnboundedReceiver<Asked>,
        mut goes_on: mpsc::UnboundedReceiver<GoOn>,
    ) {
        let mut ending: Option<Tell<Vec<AdapterEvent>>> = None;
        loop {
            self.give_again().await;
            if self.under_way.is_empty()
                && let Some(tell) = ending.take()
            {
                let ended = self.end().await;
                let _ = tell.send(ended);
            }
            let has_room = ending.is_none() && !self.is_one_by_one() && self.under_way.len() < self.limit();
            // What has been asked already goes out together.
            if has_room && let Ok(ask) = asked.try_recv() {
                self.take_up(ask, &mut ending).await;
                continue;
            }
            let news = async {
                match &mut self.live {
                    Some(live) => {
                        live.news(self.since + self.launch.answer_within, !self.under_way.is_empty()).await
                    }
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                news = news => self.take(news).await,
                Some(go_on) = goes_on.recv() => self.go_on(go_on),
                ask = asked.recv(), if has_room => match ask {
                    None => return,
                    Some(ask) => self.take_up(ask, &mut ending).await,
                },
            }
        }
    }

    async fn take_up(&mut self, ask: Asked, ending: &mut Option<Tell<Vec<AdapterEvent>>>) {
        match ask {
            Asked::Ready(tell) => _ = tell.send(self.ready().await),
            Asked::Case(asking) => self.begin(*asking).await,
            Asked::End(tell) => *ending = Some(tell),
        }
    }

    /// How many cases may be under way.
    fn limit(&self) -> usize {
        if self.alone > 0 {
            return 1;
        }
        let taken = self.live.as_ref().map_or(1, |live| live.ready.in_flight as usize);
        taken.clamp(1, self.launch.at_once.unwrap_or(MOST_IN_FLIGHT).clamp(1, MOST_IN_FLIGHT))
    }

    /// Has the adapter ready, starting it where it has to be.
    async fn ready(&mut self) -> Result<Ready, Vec<AdapterEvent>> {
        if let Some(live) = &self.live {
            return Ok(live.ready.clone());
        }
        match Live::start(&self.launch, self.role).await {
            Ok(live) => {
                let ready = live.ready.clone();
                self.live = Some(live);
                self.was_ready = true;
                Ok(ready)
            }
            Err(events) => {
                let what = events.first().map_or_else(String::new, AdapterEvent::describe);
                if self.was_ready {
                    self.strain(&what);
                } else {
                    self.given_up.get_or_insert(what);
                }
                Err(events)
            }
        }
    }

    /// The adapter failed once more, so: too often, maybe.
    fn strain(&mut self, what: &str) {
        self.strain = self.strain.saturating_add(MAKE_UP);
        if self.strain >= self.launch.failures.saturating_mul(MAKE_UP) {
            let reason = format!("the adapter fails too often, at last so: {what}");
            self.given_up.get_or_insert(reason);
        }
    }

    /// Whether cases are given again one at a time, and no others beside them.
    fn is_one_by_one(&self) -> bool {
        !self.suspects.is_empty() || (self.alone == 0 && !self.suspicion.is_empty())
    }

    async fn begin(&mut self, asking: Asking) {
        let Asking { run, case: mut kind, telling, tell } = asking;
        if tell.is_closed() {
            return;
        }
        self.runs.push(run);
        let case = self.runs.len() as u64;
        match &mut kind {
            to_adapter::Kind::Decode(decode) => decode.case = case,
            to_adapter::Kind::Apply(apply) => apply.case = case,
            to_adapter::Kind::Hello(_) | to_adapter::Kind::GoOn(_) => {}
        }
        let frame = frame(&ToAdapter { kind: Some(kind) });
        let events = std::mem::take(&mut self.left_over);
        self.give(UnderWay { case, frame, telling, told: 0, told_bytes: 0, tell, events }).await;
    }

    /// Has an engine go on, unless its case is over.
    fn go_on(&mut self, go_on: GoOn) {
        if self.under_way.iter().any(|under_way| under_way.case == go_on.case)
            && let Some(live) = &mut self.live
        {
            live.feed(&frame(&ToAdapter { kind: Some(to_adapter::Kind::GoOn(go_on)) }));
        }
    }

    /// Gives the adapter the next of the cases that it is given again, where none is under way.
    async fn give_again(&mut self) {
        while self.under_way.is_empty()
            && let Some(suspect) = self.suspects.pop_front()
        {
            self.give(suspect).await;
        }
    }

    /// Gives the adapter a case. One that does not start has failed in it.
    async fn give(&mut self, mut case: UnderWay) {
        if let Some(reason) = self.given_up.clone() {
            case.events.append(&mut self.suspicion);
            return case.give_up(reason);
        }
        if self.live.is_none()
            && let Err(events) = self.ready().await
        {
            case.events.append(&mut self.suspicion);
            return case.fail(events);
        }
        if self.under_way.is_empty() {
            self.since = Instant::now();
        }
        self.live.iter_mut().for_each(|live| live.feed(&case.frame));
        self.under_way.push_back(case);
    }

    async fn take(&mut self, news: News) {
        match self.heard(news).await {
            Ok(length) => self.read(length),
            Err(event) => self.fail(event),
        }
        for (over, verdict) in self.answered.drain(..) {
            over.over(verdict);
        }
    }

    /// How much came.
    ///
    /// # Errors
    /// When that was nothing, and something had to come.
    async fn heard(&mut self, news: News) -> Result<usize, AdapterEvent> {
        match (news, &self.live) {
            (News::Silence, _) => {
                let millis = millis(self.launch.answer_within);
                Err(AdapterEvent::Hang { instead: Due::Answer, millis })
            }
            (News::Output(0), Some(live)) => Err(live.ended_instead(Due::Answer).await),
            (News::Output(length), _) => Ok(length),
        }
    }

    /// Reads so many bytes that came, until they are read or one of them makes the adapter fail.
    fn read(&mut self, length: usize) {
        if let Some(live) = &mut self.live {
            live.frames.push(&live.buffer[..length]);
        }
        while let Some(live) = &mut self.live {
            match live.frames.message() {
                Ok(None) => return,
                Ok(Some(message)) => {
                    let length = message.len();
                    match said(message) {
                        Ok(Said::Answer(case, answer)) => self.answered(case, answer),
                        Ok(Said::Told(case, what)) => self.told(case, what, length),
                        Err(event) => self.fail(event),
                    }
                }
                Err(no_frame) => self.fail(no_frame.into()),
            }
        }
    }

    /// An engine tells, in so many bytes, what it is about to do.
    fn told(&mut self, case: u64, what: What, length: usize) {
        let under_way = self.under_way.iter_mut().find(|under_way| under_way.case == case);
        let Some(UnderWay { telling: Some(telling), told, told_bytes, .. }) = under_way else {
            return self.astray(case, "tells of");
        };
        *told += 1;
        *told_bytes += length;
        let too_much = if *told > MOST_TOLD {
            Some(format!("{MOST_TOLD} things"))
        } else if *told_bytes > LONGEST_TOLD {
            Some(format!("{LONGEST_TOLD} bytes"))
        } else {
            None
        };
        if let Some(most) = too_much {
            let detail = format!("it tells more than {most} in {}", self.run_of(case));
            return self.fail(AdapterEvent::BadAnswer { problem: AnswerProblem::OfAnotherKind, detail });
        }
        self.since = Instant::now();
        // Who asked may have been cut short.
        let _ = telling.send((case, what));
    }

    /// An answer came.
    fn answered(&mut self, case: u64, answer: Option<Answer>) {
        let bad = |problem, detail| AdapterEvent::BadAnswer { problem, detail };
        let Some(at) = self.under_way.iter().position(|under_way| under_way.case == case) else {
            return self.astray(case, "answers");
        };
        let printed = self.live.as_mut().and_then(Live::printed);
        let mut over = self.under_way.remove(at).expect("it was found there");
        if at > 0 {
            let (this, first) = (self.run_of(case), self.run_of(self.under_way[0].case));
            let detail = format!("it answers {this} before {first}, which it was sent before");
            over.events.push(bad(AnswerProblem::OutOfOrder, detail));
        } else {
            self.since = Instant::now();
        }
        if let Some(printed) = printed {
            self.under_way.iter_mut().for_each(|other| other.events.push(printed.clone()));
            over.events.push(printed);
        }
        let is_due = match answer {
            Some(Answer::Decoded(_)) => over.telling.is_none(),
            Some(Answer::Applied(_)) => over.telling.is_some(),
            None => false,
        };
        if !is_due {
            let due = if over.telling.is_some() { "what came of its plan" } else { "accepted or refused" };
            let detail = format!("its answer to {} does not say {due}", self.run_of(case));
            over.events.push(bad(AnswerProblem::OfAnotherKind, detail));
        }
        self.alone = self.alone.saturating_sub(1);
        if self.suspects.is_empty() && self.alone == 0 {
            // It failed in none of them again.
            over.events.append(&mut self.suspicion);
        }
        self.strain = self.strain.saturating_sub(1);
        self.answered.push((over, answer.filter(|_| is_due)));
    }

    /// The name of the run whose case this is; of one that was never sent, its number.
    fn run_of(&self, case: u64) -> String {
        let at = usize::try_from(case).ok().and_then(|case| case.checked_sub(1));
        let run = at.and_then(|at| self.runs.get(at));
        run.cloned().unwrap_or_else(|| format!("case {case}"))
    }

    /// What it is that the adapter answers or tells of a case that is not under way.
    fn uncalled_for(&self, case: u64, does: &str) -> AdapterEvent {
        let run = self.run_of(case);
        let was_sent = (1..=self.runs.len() as u64).contains(&case);
        let (problem, detail) = if was_sent {
            (AnswerProblem::Twice, format!("it {does} {run}, which it has answered"))
        } else {
            (AnswerProblem::NeverSent, format!("it {does} {run}, which it was never sent"))
        };
        AdapterEvent::BadAnswer { problem, detail }
    }

    /// The adapter failed by an answer to a case that is not under way: what it says from then on may be anything. It is held
    /// against that case where it can be, else it is told with the first that is under way, which is not to blame.
    fn astray(&mut self, case: u64, does: &str) {
        let event = self.uncalled_for(case, does);
        let printed = self.stop(&event);
        let its_own = self.answered.iter_mut().map(|(over, _)| over).find(|over| over.case == case);
        let teller = its_own.or(self.under_way.front_mut());
        let events = teller.map_or(&mut self.left_over, |teller| &mut teller.events);
        events.push(event);
        events.extend(printed);
        self.suspect_all();
    }

    /// Has what is under way given again one at a time: an engine's case by who asked, since it takes a provider that has
    /// not been called.
    fn suspect_all(&mut self) {
        for case in self.under_way.drain(..) {
            if case.telling.is_some() {
                self.alone += 1;
                self.left_over.extend(case.events);
                let _ = case.tell.send(Err(Missed::Interrupted));
            } else {
                self.suspects.push_back(case);
            }
        }
    }

    /// The adapter failed. Where one case is under way, it failed in that; where there are more, in one that is not known,
    /// and each is given again by itself.
    fn fail(&mut self, failure: AdapterEvent) {
        let printed = self.stop(&failure);
        let cases = self.under_way.len();
        if cases > 1 {
            let among = AdapterEvent::Among { cases, failure: Box::new(failure) };
            self.suspicion = std::iter::once(among).chain(printed).collect();
            // Where it fails in none of them again, the last to be given tells of it: the first that was under way.
            self.under_way.rotate_left(1);
            self.suspect_all();
            return;
        }
        let events = std::iter::once(failure).chain(printed);
        match self.under_way.pop_front() {
            None => self.left_over.extend(events),
            Some(failed) => {
                self.suspicion.clear();
                self.alone = self.alone.saturating_sub(1);
                failed.fail(events);
            }
        }
    }

    /// Stops the adapter, which failed, and gives what it printed.
    fn stop(&mut self, failure: &AdapterEvent) -> Option<AdapterEvent> {
        let printed = self.live.as_mut().and_then(Live::printed);
        self.live = None;
        self.strain(&failure.describe());
        printed
    }

    /// Ends the adapter's input, and waits for its end, or for what it says where there is nothing more to say.
    async fn end(&mut self) -> Result<Vec<AdapterEvent>, GivenUp> {
        let mut events = std::mem::take(&mut self.left_over);
        if let Some(reason) = &self.given_up {
            return if events.is_empty() { Err(GivenUp(reason.clone())) } else { Ok(events) };
        }
        if let Err(failed) = self.ready().await {
            events.extend(failed);
            return Ok(events);
        }
        let Some(mut live) = self.live.take() else { return Ok(events) };
        live.is_closing = true;
        let until = Instant::now() + self.launch.answer_within;
        events.extend(loop {
            match live.news(until, true).await {
                News::Silence => break vec![AdapterEvent::Ended { status: None }],
                News::Output(0) => {
                    let cut_short = live.frames.end().err().map(AdapterEvent::from);
                    let status = timeout(until - Instant::now(), live.exited()).await.ok().flatten();
                    break cut_short.into_iter().chain([AdapterEvent::Ended { status }]).collect();
                }
                News::Output(length) => live.frames.push(&live.buffer[..length]),
            }
            match live.frames.message() {
                Ok(None) => {}
                Ok(Some(message)) => match said(message) {
                    Ok(Said::Answer(case, _)) => break vec![self.uncalled_for(case, "answers")],
                    Ok(Said::Told(case, _)) => break vec![self.uncalled_for(case, "tells of")],
                    Err(event) => break vec![event],
                },
                Err(no_frame) => break vec![no_frame.into()],
            }
        });
        events.extend(live.printed());
        Ok(events)
    }
}

/// What an adapter says about a case.
enum Said {
    /// Its answer, if it holds one.
    Answer(u64, Option<Answer>),
    /// What an engine is about to do in it.
    Told(u64, What),
}

/// Reads a message as one about a case.
fn said(message: Bytes) -> Result<Said, AdapterEvent> {
    match kind(message)? {
        from_adapter::Kind::Decoded(DecoderAnswer { case, verdict }) => {
            Ok(Said::Answer(case, verdict.map(Answer::Decoded)))
        }
        from_adapter::Kind::Applied(answer) => Ok(Said::Answer(answer.case, Some(Answer::Applied(answer)))),
        from_adapter::Kind::Told(EngineTold { case, what: Some(what) }) => Ok(Said::Told(case, what)),
        from_adapter::Kind::Told(EngineTold { what: None, .. }) => Err(AdapterEvent::BadAnswer {
            problem: AnswerProblem::OfAnotherKind,
            detail: "it tells nothing that is known to this version of the protocol".to_owned(),
        }),
        from_adapter::Kind::Ready(_) => Err(AdapterEvent::BadAnswer {
            problem: AnswerProblem::OfAnotherKind,
            detail: "it says once more that it is ready".to_owned(),
        }),
    }
}

/// Reads a message of the protocol.
fn kind(message: Bytes) -> Result<from_adapter::Kind, AdapterEvent> {
    let length = message.len();
    let kind = FromAdapter::decode(message).ok().and_then(|message| message.kind);
    kind.ok_or_else(|| AdapterEvent::BadFrame {
        problem: FrameProblem::NoMessage,
        detail: format!("a frame of {length} bytes holds no message of the protocol"),
    })
}

/// An adapter that is ready. When this is dropped, its supervisor kills it, and all that it started.
struct Live {
    process: Supervised,
    /// None where it has ended: the adapter is to end, or reads no more.
    input: Option<Sender>,
    /// What goes into the input next.
    unsent: BytesMut,
    /// Whether the input ends behind that.
    is_closing: bool,
    stdout: Receiver,
    /// What is read from it goes here first.
    buffer: Vec<u8>,
    stderr: Receiver,
    stderr_is_open: bool,
    stderr_buffer: Vec<u8>,
    frames: Frames,
    /// The end of what came on standard error and was not told yet.
    tail: Vec<u8>,
    /// When silence was last looked at, or will be. It is moved when it is reached: most news come long before.
    silence: Pin<Box<Sleep>>,
    /// Comes to its end soon after the process.
    over: Pin<Box<dyn Future<Output = ()> + Send + Sync>>,
    ready: Ready,
}

impl Live {
    /// Starts an adapter and waits until it is ready.
    async fn start(launch: &Launch, role: Role) -> Result<Self, Vec<AdapterEvent>> {
        let until = Instant::now() + launch.ready_within;
        let not_started = |detail| vec![AdapterEvent::NotStarted { detail }];
        let mut live = Self::launch(launch).await.map_err(not_started)?;
        live.feed(hello(role));
        match live.greet(until, launch).await {
            Ok(ready) => Ok(Self { ready, ..live }),
            Err(event) => Err(std::iter::once(event).chain(live.printed()).collect()),
        }
    }

    async fn launch(launch: &Launch) -> Result<Self, String> {
        let ours = |what: &str, error: &dyn Display| format!("{what} for the adapter: {error}");
        let (theirs, input) =
            pipe_with(PipeFlags::CLOEXEC).map_err(|error| ours("there is no pipe", &error))?;
        let directory =
            private_directory(0).map_err(|error| ours("no private directory can be made", &error))?;
        let program = launch.found()?;
        let start = Start {
            supervisor: &launch.supervisor,
            program: &program,
            arguments: &launch.arguments,
            working_directory: &launch.directory,
            environment: &launch.environment,
            stdin: Some(theirs),
            directory,
        };
        let (process, Pipes { stdout, stderr }) = Supervised::start(start).await?;
        let end = process.end();
        let over = async move {
            end.await;
            sleep(NEWS).await;
        };
        Ok(Self {
            process,
            input: Some(
                Sender::from_owned_fd(input).map_err(|error| ours("the pipe cannot be used", &error))?,
            ),
            unsent: BytesMut::new(),
            is_closing: false,
            stdout,
            buffer: vec![0; BUFFER],
            stderr,
            stderr_is_open: true,
            stderr_buffer: vec![0; TAIL],
            frames: Frames::default(),
            tail: Vec::new(),
            silence: Box::pin(sleep(launch.ready_within)),
            over: Box::pin(over.fuse()),
            ready: Ready::default(),
        })
    }

    /// Sends a frame, in its turn.
    fn feed(&mut self, frame: &Bytes) {
        // Where the adapter does not read any more, the end of its output tells why.
        if self.input.is_some() {
            self.unsent.extend_from_slice(frame);
        }
    }

    /// Writes what the input takes of what is unsent.
    fn write(&mut self) {
        while let Some(input) = &self.input {
            if self.unsent.is_empty() {
                if self.is_closing {
                    self.input = None;
                }
                return;
            }
            match input.try_write(&self.unsent) {
                Ok(length) => self.unsent.advance(length),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => {
                    self.input = None;
                    self.unsent.clear();
                }
            }
        }
    }

    /// Waits for the answer to `Hello`.
    async fn greet(&mut self, until: Instant, launch: &Launch) -> Result<Ready, AdapterEvent> {
        loop {
            let length = match self.news(until, true).await {
                News::Output(length) => length,
                News::Silence => {
                    let millis = millis(launch.ready_within);
                    return Err(AdapterEvent::Hang { instead: Due::Ready, millis });
                }
            };
            if length == 0 {
                return Err(self.ended_instead(Due::Ready).await);
            }
            self.frames.push(&self.buffer[..length]);
            match self.frames.message() {
                Ok(None) => {}
                Ok(Some(message)) => return ready(message),
                Err(no_frame) => return Err(no_frame.into()),
            }
        }
    }

    /// What comes next on standard output; what comes on standard error is put aside, and what is unsent is sent. Silence
    /// counts only where something is awaited. Where the process has ended, so has its output soon after, whoever else holds
    /// that open. Nothing is lost where this is dropped.
    async fn news(&mut self, until: Instant, awaited: bool) -> News {
        if self.silence.deadline() > until {
            self.silence.as_mut().reset(until);
        }
        loop {
            self.write();
            let Self { input, unsent, stdout, buffer, stderr, stderr_is_open, stderr_buffer, .. } = self;
            let Self { tail, silence, over, .. } = self;
            tokio::select! {
                // What has come is taken before anything else is told.
                biased;
                read = stdout.read(buffer) => return News::Output(read.unwrap_or(0)),
                () = over => return News::Output(0),
                () = silence.as_mut(), if awaited => {
                    if Instant::now() >= until {
                        return News::Silence;
                    }
                    silence.as_mut().reset(until);
                },
                () = has_room(input.as_ref()), if !unsent.is_empty() => {}
                // Last, so that no flood of it hides anything else.
                read = stderr.read(stderr_buffer), if *stderr_is_open => match read.unwrap_or(0) {
                    0 => *stderr_is_open = false,
                    length => keep_tail(tail, &stderr_buffer[..length]),
                },
            }
        }
    }

    /// The end of what it printed since this was asked last; none where it printed nothing. What it printed before it said
    /// something has come by then.
    fn printed(&mut self) -> Option<AdapterEvent> {
        // No more than one pipe full: it may print faster than that can be read.
        if let Ok(length) = self.stderr.try_read(&mut self.buffer) {
            keep_tail(&mut self.tail, &self.buffer[..length]);
        }
        let tail = std::mem::take(&mut self.tail);
        (!tail.is_empty())
            .then(|| AdapterEvent::Printed { tail: String::from_utf8_lossy(&tail).into_owned() })
    }

    /// What it was that its output ended, where that was not to be.
    async fn ended_instead(&self, instead: Due) -> AdapterEvent {
        match self.frames.end() {
            Err(no_frame) => no_frame.into(),
            Ok(()) => AdapterEvent::Exited { instead, status: self.exited().await },
        }
    }

    /// How it ended, where that comes to be known.
    async fn exited(&self) -> Option<ExitStatus> {
        timeout(NEWS, self.process.end()).await.ok().flatten()
    }
}

/// Waits until a pipe takes more, or nobody reads it any more.
async fn has_room(input: Option<&Sender>) {
    match input {
        // It is tried next whatever came of this.
        Some(input) => _ = input.writable().await,
        None => std::future::pending().await,
    }
}

/// The frames with which adapters are greeted, for engines and for decoders.
static HELLOS: LazyLock<[Bytes; 2]> = LazyLock::new(|| {
    let contract =
        |revision: &Revision| (revision.to_string(), history::descriptors(*revision).encode_to_vec().into());
    let contracts: BTreeMap<String, Bytes> = Revision::ALL.iter().map(contract).collect();
    [Role::Engine, Role::Decoder].map(|role| {
        let hello = Hello { version: VERSION, role: role.into(), contracts: contracts.clone() };
        frame(&ToAdapter { kind: Some(to_adapter::Kind::Hello(hello)) })
    })
});

/// The frame with which an adapter is greeted.
fn hello(role: Role) -> &'static Bytes {
    let [engine, decoder] = &*HELLOS;
    match role {
        Role::Engine => engine,
        Role::Decoder | Role::Unspecified => decoder,
    }
}

/// Reads a message as the answer to `Hello`.
fn ready(message: Bytes) -> Result<Ready, AdapterEvent> {
    let ready = match kind(message)? {
        from_adapter::Kind::Ready(ready) => ready,
        from_adapter::Kind::Decoded(_) | from_adapter::Kind::Applied(_) | from_adapter::Kind::Told(_) => {
            let detail = "it answers a case before it has said that it is ready".to_owned();
            return Err(AdapterEvent::BadAnswer { problem: AnswerProblem::NeverSent, detail });
        }
    };
    if ready.version != VERSION {
        let detail = format!(
            "it speaks version {} of the protocol, and is spoken to in version {VERSION}",
            ready.version
        );
        return Err(AdapterEvent::Unsuited { detail });
    }
    let unknown = |name: &&String| !Revision::ALL.iter().any(|revision| revision.to_string() == **name);
    let unsuited = |what, name| {
        Err(AdapterEvent::Unsuited { detail: format!("it knows a {what} {name:?}, and there is none") })
    };
    if let Some(name) = ready.revisions.iter().find(unknown) {
        return unsuited("revision", name);
    }
    let mut hooks = ready.engine.iter().flat_map(|engine| &engine.hooks);
    match hooks.find(|name| hook_named(name).is_none()) {
        None => Ok(ready),
        Some(name) => unsuited("hook", name),
    }
}

fn millis(of: Duration) -> u64 {
    u64::try_from(of.as_millis()).unwrap_or(u64::MAX)
}
