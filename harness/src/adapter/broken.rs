//! Broken adapters of the strict decoder and of the reference engine, each with one flaw.

use std::{
    collections::VecDeque,
    io::{self, Read, Write},
    process,
    sync::Arc,
    thread,
    time::Duration,
};

use bytes::Bytes;
use counterfoil_core::decode::{Decoder, Strict};
use counterfoil_proto::{
    adapter::{
        Accepted, DecoderAnswer, DriverAsked, EngineAnswer, FromAdapter, Role, Told, decoder_answer::Verdict,
        from_adapter::Kind, told::What,
    },
    iac,
};
use prost::Message as _;

use super::{
    frames::{LENGTH, frame},
    line::VERSION,
    serve::{Answer, ServeError, answers},
    serve_engine::{self, Served},
};

/// A broken adapter.
#[derive(Clone, Copy, Debug)]
pub struct AdapterMutant {
    /// Its name.
    pub name: &'static str,
    /// What it does wrong.
    pub what: &'static str,
    /// The rules that must find it, and no other may.
    pub caught_by: &'static [&'static str],
    /// What is wrong with it.
    pub flaw: Flaw,
}

impl AdapterMutant {
    /// How long it may do nothing, where it shows by that; none where it never should.
    pub fn patience(&self) -> Option<Duration> {
        matches!(self.flaw, Flaw::Hangs | Flaw::Stays).then_some(Duration::from_secs(1))
    }

    /// How many cases it is given at once, where that is more than one; none where it shows by one after the other.
    pub fn at_once(&self) -> Option<usize> {
        match self.flaw {
            Flaw::OutOfOrder => Some(2),
            Flaw::EndsInAnApply => Some(4),
            _ => None,
        }
    }

    /// What it stands for.
    pub fn role(&self) -> Role {
        match self.flaw {
            Flaw::EndsInAnApply
            | Flaw::TellsWithoutEnd
            | Flaw::TellsAtLength
            | Flaw::TellsInNoCase
            | Flaw::HiddenHost
            | Flaw::NoStatus => Role::Engine,
            _ => Role::Decoder,
        }
    }
}

/// What is wrong with an adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It ends where it should say that it is ready.
    Unready,
    /// It speaks a version that is yet to come.
    Version,
    /// It ends in its third case.
    Ends,
    /// It ends in every case that it has to refuse.
    CannotRefuse,
    /// It does nothing any more from its third case on.
    Hangs,
    /// It begins a frame of nearly 4 GiB in place of its third answer.
    LongFrame,
    /// It writes half of its third answer, and ends.
    HalfFrame,
    /// It writes a frame without a message in place of its third answer.
    EmptyFrame,
    /// It prints what it is doing.
    Prints,
    /// It gives its third answer twice.
    Twice,
    /// It gives its third answer again and again, and reads nothing any more.
    Endless,
    /// Its third answer says neither accepted nor refused.
    NoVerdict,
    /// It answers a case that was never sent, beside its third answer.
    Stranger,
    /// It gives its third answer behind the fourth.
    OutOfOrder,
    /// It does not end with its input.
    Stays,
    /// It ends with exit code 3.
    Fails,
    /// It reads nothing out of what it accepts.
    Forgets,
    /// It ends in every case behind its second, when the plan has been applied.
    EndsInAnApply,
    /// It tells the same again and again, and reads nothing any more.
    TellsWithoutEnd,
    /// It tells of a driver whose type is very long, again and again, and reads nothing any more.
    TellsAtLength,
    /// It tells something in a case that was never sent.
    TellsInNoCase,
    /// It says that it has no host, and tells what that keeps.
    HiddenHost,
    /// Its third answer has an outcome without a status.
    NoStatus,
}

const fn mutant(
    name: &'static str,
    what: &'static str,
    caught_by: &'static [&'static str],
    flaw: Flaw,
) -> AdapterMutant {
    AdapterMutant { name, what, caught_by, flaw }
}

/// Every broken adapter.
pub const BROKEN: &[AdapterMutant] = &[
    mutant(
        "adapter-is-never-ready",
        "ends where it should say that it is ready",
        &["ADP-001"],
        Flaw::Unready,
    ),
    mutant("adapter-from-the-future", "speaks version 2 of the protocol", &["ADP-002"], Flaw::Version),
    mutant("adapter-ends-in-a-case", "ends in its third case", &["ADP-003"], Flaw::Ends),
    mutant("adapter-cannot-refuse", "ends instead of refusing", &["ADP-003"], Flaw::CannotRefuse),
    mutant("adapter-hangs-in-a-case", "does nothing from its third case on", &["ADP-004"], Flaw::Hangs),
    mutant(
        "adapter-begins-a-frame-without-end",
        "begins a frame of nearly 4 GiB in place of an answer",
        &["ADP-005"],
        Flaw::LongFrame,
    ),
    mutant("adapter-ends-in-a-frame", "writes half an answer, and ends", &["ADP-005"], Flaw::HalfFrame),
    mutant(
        "adapter-says-nothing-in-a-frame",
        "writes an empty frame in place of an answer",
        &["ADP-005"],
        Flaw::EmptyFrame,
    ),
    mutant("adapter-prints", "prints to its standard output what it is doing", &["ADP-006"], Flaw::Prints),
    mutant("adapter-answers-twice", "gives an answer twice", &["ADP-007"], Flaw::Twice),
    mutant("adapter-answers-without-end", "gives an answer again and again", &["ADP-007"], Flaw::Endless),
    mutant("adapter-is-undecided", "answers neither accepted nor refused", &["ADP-007"], Flaw::NoVerdict),
    mutant("adapter-answers-nobody", "answers a case that was never sent", &["ADP-008"], Flaw::Stranger),
    mutant(
        "adapter-answers-out-of-order",
        "gives an answer behind the next one",
        &["ADP-009"],
        Flaw::OutOfOrder,
    ),
    mutant("adapter-stays", "does not end with its input", &["ADP-010"], Flaw::Stays),
    mutant("adapter-fails-in-the-end", "ends with exit code 3", &["ADP-010"], Flaw::Fails),
    mutant("adapter-forgets", "reads nothing out of what it accepts", &["ADP-011"], Flaw::Forgets),
    mutant(
        "adapter-ends-in-an-apply",
        "ends instead of saying what came of a plan",
        &["ADP-003"],
        Flaw::EndsInAnApply,
    ),
    mutant(
        "adapter-tells-without-end",
        "tells the same of an engine again and again",
        &["ADP-007"],
        Flaw::TellsWithoutEnd,
    ),
    mutant(
        "adapter-tells-at-length",
        "tells of an engine in texts without end",
        &["ADP-007"],
        Flaw::TellsAtLength,
    ),
    mutant(
        "adapter-tells-in-no-case",
        "tells of an engine in a case that was never sent",
        &["ADP-008"],
        Flaw::TellsInNoCase,
    ),
    mutant(
        "adapter-hides-its-host",
        "tells of a state, having said that it has no host to keep one",
        &["ADP-007"],
        Flaw::HiddenHost,
    ),
    mutant(
        "adapter-reports-no-status",
        "reports an outcome without a status",
        &["ADP-007", "OUT-001"],
        Flaw::NoStatus,
    ),
];

/// Serves a broken adapter.
///
/// # Errors
/// See [`ServeError`].
pub fn serve(
    mutant: &AdapterMutant,
    input: impl Read,
    output: impl Write + Send + 'static,
) -> Result<(), ServeError> {
    match mutant.role() {
        Role::Engine => {
            let served =
                Served { subject: "a broken adapter".to_owned(), alter: |_| (), decoder: Arc::new(Strict) };
            serve_engine::engine(input, Meddler { output, flaw: mutant.flaw, answered: 0, told: 0 }, served)
        }
        Role::Decoder | Role::Unspecified => decoder(mutant.flaw, input, output),
    }
}

/// Writes what the adapter of an engine says, but for the flaw. It is given each frame by itself.
struct Meddler<W> {
    output: W,
    flaw: Flaw,
    answered: u32,
    told: u32,
}

impl<W: Write> Meddler<W> {
    fn say(&mut self, kind: Kind) -> io::Result<()> {
        self.output.write_all(&frame(&FromAdapter { kind: Some(kind) }))
    }
}

/// How long a text is that no engine has, in bytes.
const LONG: usize = 4 << 20;

/// Which of the things that it tells is the wrong one: it stands in the second case, or in one beside that.
const WRONG: u32 = 15;

impl<W: Write> Write for Meddler<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let said = FromAdapter::decode(&bytes[LENGTH..]).ok().and_then(|said| said.kind);
        self.answered += u32::from(matches!(said, Some(Kind::Applied(_))));
        self.told += u32::from(matches!(said, Some(Kind::Told(_))));
        match (self.flaw, said) {
            (Flaw::EndsInAnApply, Some(Kind::Applied(_))) if self.answered > 2 => process::exit(0),
            (Flaw::TellsWithoutEnd, Some(Kind::Told(_))) if self.told == WRONG => loop {
                self.output.write_all(bytes)?;
            },
            (Flaw::TellsAtLength, Some(Kind::Told(told))) if self.told == WRONG => {
                let asked = DriverAsked { r#type: "x".repeat(LONG), ..DriverAsked::default() };
                let told = Told { what: Some(What::DriverAsked(asked)), ..told };
                loop {
                    self.say(Kind::Told(told.clone()))?;
                }
            }
            (Flaw::TellsInNoCase, Some(Kind::Told(told))) if self.told == WRONG => {
                let stray = Told { case: told.case + 1_000_000, ..told };
                self.say(Kind::Told(stray))?;
            }
            (Flaw::HiddenHost, Some(Kind::Ready(mut ready))) => {
                ready.engine.iter_mut().for_each(|engine| engine.host = false);
                self.say(Kind::Ready(ready))?;
                return Ok(bytes.len());
            }
            (Flaw::NoStatus, Some(Kind::Applied(answer))) if self.answered == 3 => {
                let mut result = iac::ApplyResult::decode(answer.result).unwrap_or_default();
                result.actions.iter_mut().take(1).for_each(|outcome| outcome.status = 0);
                let answer = EngineAnswer { result: result.encode_to_vec().into(), ..*answer };
                self.say(Kind::Applied(Box::new(answer)))?;
                return Ok(bytes.len());
            }
            _ => {}
        }
        self.output.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// Answers as the strict decoder does, but for the flaw.
fn decoder(flaw: Flaw, input: impl Read, mut output: impl Write) -> Result<(), ServeError> {
    let strict: &dyn Decoder = &Strict;
    let mut held_back = VecDeque::new();
    let mut number = 0;
    answers(input, strict, "a broken adapter", |answer| {
        let Answer::Message(answer) = answer else { return Ok(()) };
        let is_case = matches!(answer.kind, Some(Kind::Decoded(_)));
        number += u32::from(is_case);
        let is_third = is_case && number == 3;
        if is_case && flaw == Flaw::OutOfOrder {
            // The third answer waits for the fourth.
            held_back.push_back(answer.clone());
            if is_third {
                return Ok(());
            }
            if number == 4 {
                held_back.swap(0, 1);
            }
            while let Some(answer) = held_back.pop_front() {
                output.write_all(&frame(&answer))?;
            }
            return output.flush();
        }
        let bytes = said(flaw, answer, is_third).concat();
        output.write_all(&bytes)?;
        output.flush()?;
        match flaw {
            Flaw::HalfFrame if is_third => process::exit(0),
            Flaw::Endless if is_third => loop {
                output.write_all(&bytes)?;
            },
            _ => Ok(()),
        }
    })?;
    match flaw {
        Flaw::Stays => park(),
        Flaw::Fails => process::exit(3),
        _ => Ok(()),
    }
}

/// What is written in place of an answer.
fn said(flaw: Flaw, mut answer: FromAdapter, is_third: bool) -> Vec<Bytes> {
    let whole = frame(&answer);
    match (flaw, &mut answer.kind) {
        (Flaw::Unready, Some(Kind::Ready(_))) => process::exit(0),
        (Flaw::Version, Some(Kind::Ready(ready))) => ready.version = VERSION + 1,
        (Flaw::Ends, _) if is_third => process::exit(0),
        (
            Flaw::CannotRefuse,
            Some(Kind::Decoded(DecoderAnswer { verdict: Some(Verdict::Refused(_)), .. })),
        ) => process::exit(1),
        (Flaw::Hangs, _) if is_third => park(),
        (Flaw::LongFrame, _) if is_third => return vec![Bytes::from_static(&[0xff, 0xff, 0xff, 0xff, 0x0a])],
        (Flaw::HalfFrame, _) if is_third => return vec![whole.slice(..whole.len() / 2)],
        (Flaw::EmptyFrame, _) if is_third => return vec![Bytes::from_static(&[0; 4])],
        (Flaw::Prints, _) if is_third => return vec![Bytes::from_static(b"decoding case 3\n"), whole],
        (Flaw::Twice | Flaw::Endless, _) if is_third => return vec![whole.clone(), whole],
        (Flaw::NoVerdict, Some(Kind::Decoded(answer))) if is_third => answer.verdict = None,
        (Flaw::Stranger, Some(Kind::Decoded(answer))) if is_third => {
            let stranger = DecoderAnswer { case: answer.case + 1_000_000, verdict: answer.verdict.clone() };
            let stranger = FromAdapter { kind: Some(Kind::Decoded(stranger)) };
            return vec![frame(&stranger), whole];
        }
        (
            Flaw::Forgets,
            Some(Kind::Decoded(DecoderAnswer { verdict: Some(Verdict::Accepted(accepted)), .. })),
        ) => *accepted = Accepted { value: Some(Bytes::new()) },
        _ => return vec![whole],
    }
    vec![frame(&answer)]
}

/// Does nothing any more.
fn park() -> ! {
    loop {
        thread::park();
    }
}
