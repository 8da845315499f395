//! The line to an adapter: one process, started when it is needed and started anew where it fails, and the cases that are
//! under way.

use std::{
    collections::{BTreeMap, VecDeque},
    ffi::OsString,
    fmt::Display,
    os::fd::OwnedFd,
    path::PathBuf,
    pin::pin,
    sync::LazyLock,
    time::Duration,
};

use bytes::Bytes;
use counterfoil_core::trace::{AdapterEvent, AnswerProblem, Due, ExitStatus, FrameProblem};
use counterfoil_proto::{
    Revision,
    adapter::{
        DecoderAnswer, DecoderCase, FromAdapter, Hello, Ready, Role, ToAdapter, decoder_answer::Verdict,
        from_adapter, to_adapter,
    },
    history,
};
use prost::Message as _;
use rustix::pipe::{PipeFlags, pipe_with};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::unix::pipe::{Receiver, Sender},
    sync::{mpsc, oneshot},
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::task::AbortOnDropHandle;

use super::frames::{Frames, frame};
use crate::provider::{
    private_directory,
    process::{Pipes, Start, Supervised, TAIL, keep_tail},
};

/// The version of the protocol.
pub const VERSION: u32 = 1;

/// How often an adapter is started anew.
const MOST_STARTS: u32 = 10;
/// How many cases it may ask for at once.
const MOST_IN_FLIGHT: usize = 1024;
/// How long the news of an end may take behind the end of its output.
const NEWS: Duration = Duration::from_secs(1);
/// How much is read at once, in bytes.
const BUFFER: usize = 64 << 10;

/// How an adapter is started, and how long it may take.
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
    /// How long it may do nothing while a case is without an answer, and how long it may take to end.
    pub answer_within: Duration,
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
            at_once: None,
        }
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

/// Why a case was not given to the adapter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct GivenUp(pub String);

/// The way to an adapter. Clones lead to the same one, which ends with the last of them.
#[derive(Clone, Debug)]
pub struct Line(mpsc::Sender<Asked>);

/// Who waits for something from a line.
type Tell<T> = oneshot::Sender<Result<T, GivenUp>>;

/// What is asked of a line.
enum Asked {
    /// To have the adapter ready.
    Ready(oneshot::Sender<Result<Ready, Vec<AdapterEvent>>>),
    /// To give it a case.
    Case(Box<DecoderCase>, Tell<Told>),
    /// To end its input, and wait for its end.
    End(Tell<Vec<AdapterEvent>>),
}

impl Line {
    /// A line to an adapter, which is started when it is first needed.
    ///
    /// Must be called within a Tokio runtime.
    pub fn new(launch: Launch) -> Self {
        let (ask, asked) = mpsc::channel(MOST_IN_FLIGHT);
        let operator = Operator {
            launch,
            live: None,
            under_way: VecDeque::new(),
            left_over: Vec::new(),
            since: Instant::now(),
            starts: 0,
            was_ready: false,
            last: 0,
            given_up: None,
        };
        tokio::spawn(operator.run(asked));
        Self(ask)
    }

    /// What the adapter says of itself.
    ///
    /// # Errors
    /// What it did instead.
    pub async fn ready(&self) -> Result<Ready, Vec<AdapterEvent>> {
        self.ask(Asked::Ready).await
    }

    /// Has the adapter decode a message. The number of the case is the line's to give.
    ///
    /// # Errors
    /// When the adapter has failed too often to be given another case.
    pub async fn decode(&self, case: DecoderCase) -> Result<Told, GivenUp> {
        self.ask(|tell| Asked::Case(Box::new(case), tell)).await
    }

    /// Ends the adapter's input behind the cases that are under way, and gives what it did until its end.
    ///
    /// # Errors
    /// When it has failed too often to be there at all.
    pub async fn end(&self) -> Result<Vec<AdapterEvent>, GivenUp> {
        self.ask(Asked::End).await
    }

    async fn ask<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> Asked) -> T {
        let (tell, told) = oneshot::channel();
        let sent = self.0.send(ask(tell)).await;
        match (sent, told.await) {
            (Ok(()), Ok(told)) => told,
            // The runtime is going down, and the caller with it.
            _ => std::future::pending().await,
        }
    }
}

/// A case without an answer.
struct UnderWay {
    case: u64,
    frame: Bytes,
    tell: Tell<Told>,
    events: Vec<AdapterEvent>,
}

impl UnderWay {
    fn over(self, answer: Option<Verdict>) {
        // Who asked may have been cut short.
        let _ = self.tell.send(Ok(Told { answer, events: self.events }));
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
    live: Option<Live>,
    /// In the order in which they were sent.
    under_way: VecDeque<UnderWay>,
    /// What happened while no case was under way. It is told with the next.
    left_over: Vec<AdapterEvent>,
    /// When something was last heard that was awaited, or had to be awaited.
    since: Instant,
    starts: u32,
    /// Whether it has started at all.
    was_ready: bool,
    /// The number of the last case.
    last: u64,
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
    async fn run(mut self, mut asked: mpsc::Receiver<Asked>) {
        let mut ending: Option<Tell<Vec<AdapterEvent>>> = None;
        loop {
            if self.under_way.is_empty()
                && let Some(tell) = ending.take()
            {
                let ended = self.end().await;
                let _ = tell.send(ended);
            }
            let has_room = ending.is_none() && self.under_way.len() < self.limit();
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
                ask = asked.recv(), if has_room => match ask {
                    None => return,
                    Some(Asked::Ready(tell)) => _ = tell.send(self.ready().await),
                    Some(Asked::Case(case, tell)) => self.begin(*case, tell).await,
                    Some(Asked::End(tell)) => ending = Some(tell),
                },
            }
        }
    }

    /// How many cases may be under way.
    fn limit(&self) -> usize {
        let taken = self.live.as_ref().map_or(1, |live| live.ready.in_flight as usize);
        taken.clamp(1, self.launch.at_once.unwrap_or(MOST_IN_FLIGHT).clamp(1, MOST_IN_FLIGHT))
    }

    /// Has the adapter ready, starting it where it has to be.
    async fn ready(&mut self) -> Result<Ready, Vec<AdapterEvent>> {
        if let Some(live) = &self.live {
            return Ok(live.ready.clone());
        }
        self.starts += 1;
        match Live::start(&self.launch).await {
            Ok(live) => {
                let ready = live.ready.clone();
                self.live = Some(live);
                self.was_ready = true;
                Ok(ready)
            }
            Err(events) => {
                if !self.was_ready || self.starts >= MOST_STARTS {
                    let what = events.first().map_or_else(String::new, AdapterEvent::describe);
                    self.given_up.get_or_insert(what);
                }
                Err(events)
            }
        }
    }

    async fn begin(&mut self, mut case: DecoderCase, tell: Tell<Told>) {
        if let Some(reason) = &self.given_up {
            let _ = tell.send(Err(GivenUp(reason.clone())));
            return;
        }
        self.last += 1;
        case.case = self.last;
        let message = ToAdapter { kind: Some(to_adapter::Kind::Decode(case)) };
        let events = std::mem::take(&mut self.left_over);
        let under_way = UnderWay { case: self.last, frame: frame(&message), tell, events };
        if let Err(events) = self.ready().await {
            return under_way.fail(events);
        }
        if self.under_way.is_empty() {
            self.since = Instant::now();
        }
        self.live.iter().for_each(|live| live.feed(&under_way.frame));
        self.under_way.push_back(under_way);
    }

    async fn take(&mut self, news: News) {
        let live = self.live.as_mut().expect("there is no news of what is not there");
        let length = match news {
            News::Output(length) => length,
            News::Silence => {
                let millis = millis(self.launch.answer_within);
                return self.fail(AdapterEvent::Hang { instead: Due::Answer, millis }).await;
            }
        };
        if length == 0 {
            let event = live.ended_instead(Due::Answer).await;
            return self.fail(event).await;
        }
        live.frames.push(&live.buffer[..length]);
        while let Some(live) = &mut self.live {
            match live.frames.message() {
                Ok(None) => return,
                Ok(Some(message)) => match answer(message) {
                    Ok(answer) => self.answered(answer),
                    Err(event) => return self.fail(event).await,
                },
                Err(no_frame) => return self.fail(no_frame.into()).await,
            }
        }
    }

    /// An answer came.
    fn answered(&mut self, answer: DecoderAnswer) {
        let DecoderAnswer { case, verdict } = answer;
        let bad = |problem, detail| AdapterEvent::BadAnswer { problem, detail };
        let Some(at) = self.under_way.iter().position(|under_way| under_way.case == case) else {
            let event = if (1..=self.last).contains(&case) {
                bad(AnswerProblem::Twice, format!("it answers case {case}, which it has answered"))
            } else {
                bad(AnswerProblem::NeverSent, format!("it answers case {case}, which it was never sent"))
            };
            return self.note(event);
        };
        let printed = self.live.as_mut().and_then(Live::printed);
        let mut over = self.under_way.remove(at).expect("it was found there");
        if at > 0 {
            let first = self.under_way[0].case;
            let detail = format!("it answers case {case} before case {first}, which it was sent before");
            over.events.push(bad(AnswerProblem::OutOfOrder, detail));
        } else {
            self.since = Instant::now();
        }
        if let Some(printed) = printed {
            self.under_way.iter_mut().for_each(|other| other.events.push(printed.clone()));
            over.events.push(printed);
        }
        if verdict.is_none() {
            let detail = format!("its answer to case {case} says neither accepted nor refused");
            over.events.push(bad(AnswerProblem::OfAnotherKind, detail));
        }
        over.over(verdict);
    }

    /// Something happened that is no answer to a case, and ends none.
    fn note(&mut self, event: AdapterEvent) {
        match self.under_way.front_mut() {
            Some(first) => first.events.push(event),
            None => self.left_over.push(event),
        }
    }

    /// The adapter failed: in the first case, if one is under way. The others are given to one that is started anew.
    async fn fail(&mut self, event: AdapterEvent) {
        let printed = self.live.as_mut().and_then(Live::printed);
        self.live = None;
        if self.starts >= MOST_STARTS {
            let reason = format!("the adapter failed {MOST_STARTS} times, at last so: {}", event.describe());
            self.given_up.get_or_insert(reason);
        }
        let events = std::iter::once(event).chain(printed);
        match self.under_way.pop_front() {
            None => self.left_over.extend(events),
            Some(failed) => {
                failed.fail(events);
                self.begin_again().await;
            }
        }
    }

    /// Gives what is under way to an adapter that is started anew. One that does not start fails the first of it.
    async fn begin_again(&mut self) {
        while !self.under_way.is_empty() && self.given_up.is_none() {
            let Err(events) = self.ready().await else {
                self.since = Instant::now();
                // Another adapter takes as many at once: it is the same program.
                for under_way in &self.under_way {
                    self.live.iter().for_each(|live| live.feed(&under_way.frame));
                }
                return;
            };
            self.under_way.pop_front().expect("there is one").fail(events);
        }
        if let Some(reason) = &self.given_up {
            for left in self.under_way.drain(..) {
                let _ = left.tell.send(Err(GivenUp(reason.clone())));
            }
        }
    }

    /// Ends the adapter's input, and waits for its end.
    async fn end(&mut self) -> Result<Vec<AdapterEvent>, GivenUp> {
        if let Some(reason) = &self.given_up {
            return Err(GivenUp(reason.clone()));
        }
        let mut events = std::mem::take(&mut self.left_over);
        if let Err(failed) = self.ready().await {
            events.extend(failed);
            return Ok(events);
        }
        let Some(mut live) = self.live.take() else { return Ok(events) };
        live.input = None;
        let until = Instant::now() + self.launch.answer_within;
        loop {
            match live.news(until, true).await {
                News::Silence => {
                    events.push(AdapterEvent::Ended { status: None });
                    break;
                }
                News::Output(0) => {
                    events.extend(live.frames.end().err().map(AdapterEvent::from));
                    let status = timeout(until - Instant::now(), live.exited()).await.ok().flatten();
                    events.push(AdapterEvent::Ended { status });
                    break;
                }
                News::Output(length) => live.frames.push(&live.buffer[..length]),
            }
            events.extend(uncalled_for(&mut live.frames));
        }
        events.extend(live.printed());
        Ok(events)
    }
}

/// What an adapter says when all cases have been answered.
fn uncalled_for(frames: &mut Frames) -> Option<AdapterEvent> {
    match frames.message() {
        Ok(None) => None,
        Ok(Some(message)) => Some(match answer(message) {
            Ok(answer) => {
                let detail = format!("it answers case {}, and all have been answered", answer.case);
                AdapterEvent::BadAnswer { problem: AnswerProblem::Twice, detail }
            }
            Err(event) => event,
        }),
        Err(no_frame) => Some(no_frame.into()),
    }
}

/// Reads a message as an answer to a case.
fn answer(message: Bytes) -> Result<DecoderAnswer, AdapterEvent> {
    match kind(message)? {
        from_adapter::Kind::Decoded(answer) => Ok(answer),
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
    /// None once it is to end.
    input: Option<mpsc::UnboundedSender<Bytes>>,
    _feeding: AbortOnDropHandle<()>,
    stdout: Receiver,
    stderr: Receiver,
    /// What is read goes here first.
    buffer: Vec<u8>,
    frames: Frames,
    /// The end of what came on standard error and was not told yet.
    tail: Vec<u8>,
    ready: Ready,
}

impl Live {
    /// Starts an adapter and waits until it is ready.
    async fn start(launch: &Launch) -> Result<Self, Vec<AdapterEvent>> {
        let until = Instant::now() + launch.ready_within;
        let not_started = |detail| vec![AdapterEvent::NotStarted { detail }];
        let mut live = Self::launch(launch).await.map_err(not_started)?;
        live.feed(&HELLO);
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
        let start = Start {
            supervisor: &launch.supervisor,
            program: &launch.program,
            arguments: &launch.arguments,
            working_directory: &launch.directory,
            environment: &launch.environment,
            stdin: Some(theirs),
            directory,
        };
        let (process, Pipes { stdout, stderr }) = Supervised::start(start).await?;
        let (frames, fed) = mpsc::unbounded_channel();
        let feeding = AbortOnDropHandle::new(tokio::spawn(feed(input, fed)));
        Ok(Self {
            process,
            input: Some(frames),
            _feeding: feeding,
            stdout,
            stderr,
            buffer: vec![0; BUFFER],
            frames: Frames::default(),
            tail: Vec::new(),
            ready: Ready::default(),
        })
    }

    /// Sends a frame, in its turn.
    fn feed(&self, frame: &Bytes) {
        // Where the adapter does not read any more, the end of its output tells why.
        self.input.iter().for_each(|input| _ = input.send(frame.clone()));
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

    /// What comes next on standard output; what comes on standard error is put aside. Silence counts only where something
    /// is awaited. Where the process has ended, so has its output soon after, whoever else holds that open. Nothing is lost
    /// where this is dropped.
    async fn news(&mut self, until: Instant, awaited: bool) -> News {
        let Self { process, stdout, stderr, buffer, tail, .. } = self;
        let mut err = [0; TAIL];
        let mut silence = pin!(sleep_until(until));
        let mut over = pin!(async {
            process.end().await;
            sleep(NEWS).await;
        });
        let mut is_open = true;
        loop {
            tokio::select! {
                read = stdout.read(buffer) => return News::Output(read.unwrap_or(0)),
                read = stderr.read(&mut err), if is_open => match read.unwrap_or(0) {
                    0 => is_open = false,
                    length => keep_tail(tail, &err[..length]),
                },
                () = &mut over => return News::Output(0),
                () = &mut silence, if awaited => return News::Silence,
            }
        }
    }

    /// The end of what it printed since this was asked last; none where it printed nothing. What it printed before it said
    /// something has come by then.
    fn printed(&mut self) -> Option<AdapterEvent> {
        let mut buffer = [0; TAIL];
        while let Ok(length @ 1..) = self.stderr.try_read(&mut buffer) {
            keep_tail(&mut self.tail, &buffer[..length]);
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

/// Writes frames until there are no more, as many at once as there are, and ends the input then.
async fn feed(input: OwnedFd, mut frames: mpsc::UnboundedReceiver<Bytes>) {
    let Ok(mut input) = Sender::from_owned_fd(input) else { return };
    let mut waiting = Vec::new();
    while frames.recv_many(&mut waiting, MOST_IN_FLIGHT).await > 0 {
        let written = match &waiting[..] {
            [frame] => input.write_all(frame).await,
            frames => input.write_all(&frames.concat()).await,
        };
        if written.is_err() {
            return;
        }
        waiting.clear();
    }
}

/// The frame with which every adapter is greeted.
static HELLO: LazyLock<Bytes> = LazyLock::new(|| {
    let contract =
        |revision: &Revision| (revision.to_string(), history::descriptors(*revision).encode_to_vec().into());
    let contracts = Revision::ALL.iter().map(contract).collect();
    let hello = Hello { version: VERSION, role: Role::Decoder.into(), contracts };
    frame(&ToAdapter { kind: Some(to_adapter::Kind::Hello(hello)) })
});

/// Reads a message as the answer to `Hello`.
fn ready(message: Bytes) -> Result<Ready, AdapterEvent> {
    let ready = match kind(message)? {
        from_adapter::Kind::Ready(ready) => ready,
        from_adapter::Kind::Decoded(_) => {
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
    match ready.revisions.iter().find(unknown) {
        None => Ok(ready),
        Some(name) => {
            Err(AdapterEvent::Unsuited { detail: format!("it knows a revision {name:?}, and there is none") })
        }
    }
}

fn millis(of: Duration) -> u64 {
    u64::try_from(of.as_millis()).unwrap_or(u64::MAX)
}
