//! Decoders behind adapters.

use std::{
    collections::VecDeque,
    io::{self, Read as _, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio},
    time::Duration,
};

use bytes::Bytes;
use counterfoil::adapter::{
    Case, Launch, Line, Told,
    frames::{Frames, frame},
    line::VERSION,
};
use counterfoil_core::decode::vectors;
use counterfoil_proto::adapter::{
    Accepted, DecoderAnswer, DecoderCase, FromAdapter, Ready, Role, ToAdapter, decoder_answer::Verdict,
    from_adapter, to_adapter::Kind,
};
use prost::Message as _;
use tokio::runtime::Runtime;

use crate::{
    launch::programs::{self, NotBuilt},
    runner::{Figures, timed},
};

/// The argument with which this program gives back the cases that it is sent.
pub(crate) const ECHO: &str = "--echo";

/// How often every vector is decoded at every revision in one measurement.
const ROUNDS: usize = 4;

/// How many cases are without an answer at once: as many as our adapters take.
const AT_ONCE: usize = 256;

/// How much is read at once, in bytes.
const BUFFER: usize = 64 << 10;

/// Cases through the adapter of our own decoder, and through the one in Go: against their bare frames over pipes, and against
/// an adapter behind the same line that gives back the bytes of each case and decodes nothing. The second leaves out what the
/// line costs. The runtime is Tokio's, with one thread.
pub(crate) fn against_an_echo(figures: &mut Figures) {
    let ours = Path::new(env!("CARGO_BIN_EXE_counterfoil"));
    through("decoder-adapter", ours, &["adapter", "decoder"], figures);
    let name = "decoder-go-adapter";
    if ![OVER_FRAMES, OVER_ECHO].iter().any(|over| figures.wants(&format!("{name}-{over}"))) {
        return;
    }
    match programs::build() {
        Ok(programs) => through(name, &programs.join("decoder-adapter"), &[], figures),
        Err(NotBuilt::NoGo(why) | NotBuilt::Broken(why)) => figures.not_measured(name, &why),
    }
}

/// What an adapter is measured against: bare frames, and an adapter that decodes nothing.
const OVER_FRAMES: &str = "frames";
const OVER_ECHO: &str = "echo";

/// The adapter that decodes nothing.
pub(crate) fn echo() -> ExitCode {
    match give_back() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Gives back the bytes of each case as what was read of them, until there are no more.
fn give_back() -> io::Result<()> {
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    let (mut frames, mut buffer, mut answers) = (Frames::default(), vec![0; BUFFER], Vec::new());
    loop {
        let length = input.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        frames.push(&buffer[..length]);
        while let Some(message) = frames.message().map_err(io::Error::other)? {
            let kind = match ToAdapter::decode(message)?.kind {
                Some(Kind::Decode(DecoderCase { case, bytes, .. })) => {
                    let read = Accepted { value: Some(bytes) };
                    from_adapter::Kind::Decoded(DecoderAnswer {
                        case,
                        verdict: Some(Verdict::Accepted(read)),
                    })
                }
                _ => from_adapter::Kind::Ready(Ready {
                    version: VERSION,
                    in_flight: u32::try_from(AT_ONCE).expect("they are few"),
                    ..Ready::default()
                }),
            };
            answers.extend_from_slice(&frame(&FromAdapter { kind: Some(kind) }));
        }
        output.write_all(&answers)?;
        output.flush()?;
        answers.clear();
    }
}

/// A line to an adapter, and how long it takes for all cases.
fn line<'a>(
    runtime: &'a Runtime,
    program: &Path,
    arguments: &[&str],
    cases: &'a [DecoderCase],
) -> impl Fn() -> Duration + use<'a> {
    let launch =
        Launch::of_ours(env!("CARGO_BIN_EXE_counterfoil"), program, arguments, Duration::from_secs(60));
    let line = runtime.block_on(async { Line::new(launch, Role::Decoder) });
    runtime.block_on(line.ready()).expect("it is an adapter of ours");
    move || {
        let cases = cases.to_vec();
        timed(|| runtime.block_on(ask_all(&line, cases)))
    }
}

/// Asks for the next case whenever there is room for it among those that have no answer yet.
async fn ask_all(line: &Line, cases: Vec<DecoderCase>) {
    let is_answered = |told: Result<Told, _>| told.is_ok_and(|told| told.answer.is_some());
    let mut asked = VecDeque::with_capacity(AT_ONCE);
    for case in cases {
        if asked.len() == AT_ONCE
            && let Some(first) = asked.pop_front()
        {
            assert!(is_answered(first.await));
        }
        asked.push_back(line.decode(String::new(), case));
    }
    for last in asked {
        assert!(is_answered(last.await));
    }
}

fn through(name: &str, program: &Path, arguments: &[&str], figures: &mut Figures) {
    let (over_frames, over_echo) = (format!("{name}-{OVER_FRAMES}"), format!("{name}-{OVER_ECHO}"));
    if !figures.wants(&over_frames) && !figures.wants(&over_echo) {
        return;
    }
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be had");
    let cases = cases();
    let ours = line(&runtime, program, arguments, &cases);
    if figures.wants(&over_frames) {
        let mut bare = BareFrames::new(&cases);
        figures.pairs(&over_frames, 2.0, &ours, || bare.there_and_back());
        bare.end();
    }
    if figures.wants(&over_echo) {
        let this = std::env::current_exe().expect("this program has a file");
        figures.pairs(&over_echo, 2.0, &ours, line(&runtime, &this, &[ECHO], &cases));
    }
}

/// The frames of cases, and a process that gives back what it reads.
struct BareFrames {
    frames: Vec<Bytes>,
    echo: Child,
    input: ChildStdin,
    output: ChildStdout,
}

impl BareFrames {
    fn new(cases: &[DecoderCase]) -> Self {
        let frame = |case: &DecoderCase| frame(&ToAdapter { kind: Some(Kind::Decode(case.clone())) });
        let mut echo = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("there is a program that gives back what it reads");
        let input = echo.stdin.take().expect("it is piped");
        let output = echo.stdout.take().expect("it is piped");
        Self { frames: cases.iter().map(frame).collect(), echo, input, output }
    }

    /// Writes each frame when there is room for it among those that have not come back.
    fn there_and_back(&mut self) -> Duration {
        timed(|| {
            let (mut read, mut buffer) = (Frames::default(), vec![0; BUFFER]);
            let (mut sent, mut come) = (0, 0);
            while come < self.frames.len() {
                while sent < self.frames.len().min(come + AT_ONCE) {
                    self.input.write_all(&self.frames[sent]).expect("it is read");
                    sent += 1;
                }
                let length = self.output.read(&mut buffer).expect("it is written");
                read.push(&buffer[..length]);
                while let Ok(Some(_)) = read.message() {
                    come += 1;
                }
            }
        })
    }

    fn end(mut self) {
        drop(self.input);
        self.echo.wait().expect("it ends with its input");
    }
}

fn cases() -> Vec<DecoderCase> {
    let vectors: Vec<_> = vectors().into_iter().flat_map(|topic| topic.vectors).collect();
    let of_vector = |vector| -> Vec<DecoderCase> {
        let case = Case::of(vector);
        vector.verdicts().map(|(revision, _)| case.at(revision)).collect()
    };
    let once: Vec<DecoderCase> = vectors.iter().flat_map(of_vector).collect();
    std::iter::repeat_n(once, ROUNDS).flatten().collect()
}
