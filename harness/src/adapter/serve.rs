//! The adapter of our own decoder, or of a broken one.

use std::io::{self, Read, Write};

use bytes::BytesMut;
use counterfoil_core::{
    decode::{self, ApplyContext, Decoder, Reading, encode_apply_response},
    plan::{Action, ActionKind, Spec},
    rpc::Method,
};
use counterfoil_proto::{
    ParseRevisionError, Revision,
    adapter::{
        Accepted, DecoderAnswer, DecoderCase, FromAdapter, PlannedAction, Ready, ToAdapter,
        decoder_answer::Verdict, from_adapter, to_adapter,
    },
};
use prost::Message as _;

use super::{
    frames::{Frames, NoFrame, put_frame},
    line::VERSION,
};

/// How many cases it takes before it answers the first.
const IN_FLIGHT: u32 = 256;

/// Of how many bytes of answers on they are written, although more could be answered at once.
const MANY: usize = 8 << 10;

/// How much is read at once, in bytes.
const BUFFER: usize = 64 << 10;

/// Why serving came to an end before the input did.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Its input or its output broke.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// What came is no frame.
    #[error("what came on standard input is no frame: {0}")]
    NoFrame(#[from] NoFrame),
    /// A frame holds no message that is known.
    #[error("a frame on standard input holds nothing that is known to this version of the protocol")]
    NoMessage,
}

/// Answers with what a decoder makes of each case, until the input ends. `subject` says what the decoder is.
///
/// # Errors
/// See [`ServeError`].
pub fn decoder(
    input: impl Read,
    mut output: impl Write,
    decoder: &dyn Decoder,
    subject: &str,
) -> Result<(), ServeError> {
    let mut unsaid = BytesMut::with_capacity(MANY);
    let served = answers(input, decoder, subject, |answer| {
        // All that could be answered is written at once; where that is much, in parts, so that the other side has work.
        let is_due = match answer {
            Answer::Message(message) => {
                put_frame(&message, &mut unsaid);
                unsaid.len() >= MANY
            }
            Answer::Wait => true,
        };
        if is_due { write(&mut output, &mut unsaid) } else { Ok(()) }
    });
    // What was answered is said, also where what comes behind it cannot be read.
    let said = write(&mut output, &mut unsaid);
    served?;
    Ok(said?)
}

/// Writes what was not said yet.
fn write(output: &mut impl Write, unsaid: &mut BytesMut) -> io::Result<()> {
    output.write_all(unsaid)?;
    unsaid.clear();
    output.flush()
}

/// What an adapter is about to do.
pub(super) enum Answer {
    /// Say something.
    Message(FromAdapter),
    /// Wait for more to be told.
    Wait,
}

/// Reads what an adapter is told, and hands out what it has to answer, until the input ends.
pub(super) fn answers(
    mut input: impl Read,
    decoder: &dyn Decoder,
    subject: &str,
    mut say: impl FnMut(Answer) -> io::Result<()>,
) -> Result<(), ServeError> {
    let (mut frames, mut buffer) = (Frames::default(), vec![0; BUFFER]);
    loop {
        match input.read(&mut buffer)? {
            0 => return Ok(frames.end()?),
            length => frames.push(&buffer[..length]),
        }
        while let Some(message) = frames.message()? {
            let kind = match ToAdapter::decode(message).ok().and_then(|message| message.kind) {
                Some(to_adapter::Kind::Hello(_)) => from_adapter::Kind::Ready(Ready {
                    version: VERSION,
                    subject: subject.to_owned(),
                    in_flight: IN_FLIGHT,
                    ..Ready::default()
                }),
                Some(to_adapter::Kind::Decode(case)) => from_adapter::Kind::Decoded(decode(case, decoder)),
                Some(to_adapter::Kind::Apply(_) | to_adapter::Kind::GoOn(_)) | None => {
                    return Err(ServeError::NoMessage);
                }
            };
            say(Answer::Message(FromAdapter { kind: Some(kind) }))?;
        }
        say(Answer::Wait)?;
    }
}

fn decode(case: DecoderCase, decoder: &dyn Decoder) -> DecoderAnswer {
    let number = case.case;
    let verdict = match case.revision.parse() {
        Ok(revision) => verdict(case, revision, decoder),
        Err(unknown) => Verdict::Refused(ParseRevisionError::to_string(&unknown)),
    };
    DecoderAnswer { case: number, verdict: Some(verdict) }
}

fn verdict(case: DecoderCase, revision: Revision, decoder: &dyn Decoder) -> Verdict {
    let planned: Vec<Action> = case.planned.into_iter().map(action).collect();
    let context = ApplyContext { revision, planned: &planned };
    // Of other messages than this our decoder keeps no value that could be encoded anew.
    let (refusals, value) = if case.message == Method::Apply.response() {
        let Reading { value, refusals, .. } = decoder.apply_response(&case.bytes, &context);
        (refusals, Some(value))
    } else {
        (decode::read(decoder, &case.message, &case.bytes, &context).refusals, None)
    };
    match refusals.first() {
        None => Verdict::Accepted(Accepted { value: value.as_ref().map(encode_apply_response) }),
        Some(first) => Verdict::Refused(first.text()),
    }
}

fn action(planned: PlannedAction) -> Action {
    let PlannedAction { action, name, r#type } = planned;
    let spec = Spec { name, resource_type: r#type, ..Spec::default() };
    Action { kind: ActionKind::from(action), spec, current: None, changes: Vec::new() }
}

#[cfg(test)]
mod tests {
    use counterfoil_core::decode::Strict;
    use counterfoil_proto::adapter::Hello;

    use super::*;
    use crate::adapter::frames::frame;

    #[test]
    fn what_was_answered_is_said_before_an_error_ends_it() {
        let hello = to_adapter::Kind::Hello(Hello { version: VERSION, ..Hello::default() });
        let case = to_adapter::Kind::Decode(DecoderCase { case: 1, ..DecoderCase::default() });
        let cases = [hello, case].map(|kind| frame(&ToAdapter { kind: Some(kind) }));
        for (behind, due) in [(&b"no frame"[..], "no frame"), (&[0, 0, 0, 0], "nothing that is known")] {
            let (input, mut output) = ([&cases.concat(), behind].concat(), Vec::new());
            let error = decoder(&*input, &mut output, &Strict, "it").unwrap_err().to_string();
            assert!(error.contains(due), "{error}");
            let mut said = Frames::default();
            said.push(&output);
            let said =
                std::iter::from_fn(|| said.message().unwrap()).map(|it| FromAdapter::decode(it).unwrap());
            let kinds: Vec<_> = said.filter_map(|it| it.kind).collect();
            assert!(
                matches!(&kinds[..], [from_adapter::Kind::Ready(_), from_adapter::Kind::Decoded(_)]),
                "{kinds:?}"
            );
        }
    }
}
