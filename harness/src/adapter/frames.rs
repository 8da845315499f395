//! Frames: a length of four bytes, the most significant first, and a message of so many bytes.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use counterfoil_core::trace::{AdapterEvent, FrameProblem};
use prost::Message;

/// The longest message of a frame, in bytes.
pub const MAX_FRAME: usize = 64 << 20;

/// The bytes of a length.
pub(super) const LENGTH: usize = 4;

/// How much of what is no frame is shown, in bytes.
const SHOWN: usize = 80;

/// Why what came is no frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct NoFrame {
    /// What is wrong.
    pub problem: FrameProblem,
    /// What came, for the reader.
    pub detail: String,
}

impl From<NoFrame> for AdapterEvent {
    fn from(NoFrame { problem, detail }: NoFrame) -> Self {
        Self::BadFrame { problem, detail }
    }
}

/// A message as a frame.
pub fn frame(message: &impl Message) -> Bytes {
    let mut frame = BytesMut::new();
    put_frame(message, &mut frame);
    frame.freeze()
}

/// Puts a message as a frame behind what is there.
pub(super) fn put_frame(message: &impl Message, behind: &mut BytesMut) {
    let length = message.encoded_len();
    behind.reserve(LENGTH + length);
    behind.put_u32(u32::try_from(length).expect("a frame is built of parts that are far smaller"));
    message.encode(behind).expect("there is room");
}

/// Cuts bytes into frames, however they come.
///
/// It holds what has come of one frame, and never makes room for more than has come: a length alone costs nothing.
#[derive(Debug, Default)]
pub struct Frames(BytesMut);

impl Frames {
    /// Takes the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Takes the message of the next frame; none where the rest of it is still to come.
    ///
    /// # Errors
    /// When no frame begins here. Nothing behind that can be told apart, so there is none from then on.
    pub fn message(&mut self) -> Result<Option<Bytes>, NoFrame> {
        let Some(length) = self.0.first_chunk::<LENGTH>() else { return Ok(None) };
        let length = u32::from_be_bytes(*length) as usize;
        if length > MAX_FRAME {
            return Err(self.no_frame(length));
        }
        if self.0.len() < LENGTH + length {
            return Ok(None);
        }
        self.0.advance(LENGTH);
        Ok(Some(self.0.split_to(length).freeze()))
    }

    /// What there is to say where no more bytes come.
    ///
    /// # Errors
    /// When a frame has begun.
    pub fn end(&self) -> Result<(), NoFrame> {
        if self.0.is_empty() {
            return Ok(());
        }
        if let Some(text) = text(&self.0) {
            return Err(NoFrame { problem: FrameProblem::Text, detail: printed(text) });
        }
        let has = self.0.len();
        let detail = match self.0.first_chunk::<LENGTH>() {
            Some(length) => format!(
                "its output ends within a frame, after {} of {} bytes",
                has - LENGTH,
                u32::from_be_bytes(*length)
            ),
            None => format!("its output ends within the length of a frame, after {has} of {LENGTH} bytes"),
        };
        Err(NoFrame { problem: FrameProblem::CutShort, detail })
    }

    /// A length that none can be is either one, or the beginning of something else.
    fn no_frame(&self, length: usize) -> NoFrame {
        if let Some(text) = text(&self.0) {
            return NoFrame { problem: FrameProblem::Text, detail: printed(text) };
        }
        let detail = format!("it begins a frame of {length} bytes, and {MAX_FRAME} are taken at most");
        NoFrame { problem: FrameProblem::TooLong, detail }
    }
}

fn printed(text: &str) -> String {
    format!("it prints to its standard output: {text:?}")
}

/// The text with which bytes begin, where one was taken for a length.
fn text(bytes: &[u8]) -> Option<&str> {
    let length = bytes.first_chunk::<LENGTH>()?;
    let shown = &bytes[..bytes.len().min(SHOWN)];
    let valid = shown.utf8_chunks().next()?.valid();
    let end = valid.find(|c| !is_printed(c)).unwrap_or(valid.len());
    begins_text(*length).then(|| valid[..end].trim_end())
}

/// Whether a text begins with these bytes. Its last character may be cut: what comes behind them, sooner or later, makes no
/// other thing of them.
fn begins_text(length: [u8; LENGTH]) -> bool {
    let valid = match str::from_utf8(&length) {
        Ok(text) => text,
        Err(error) if error.error_len().is_some() => return false,
        Err(cut) => str::from_utf8(&length[..cut.valid_up_to()]).unwrap_or_default(),
    };
    valid.chars().all(is_printed)
}

fn is_printed(c: char) -> bool {
    !c.is_control() || matches!(c, '\n' | '\r' | '\t')
}

#[cfg(test)]
mod tests {
    use counterfoil_proto::adapter::{DecoderAnswer, decoder_answer::Verdict};
    use proptest::prelude::*;

    use super::*;

    fn read(frames: &mut Frames) -> Vec<Bytes> {
        std::iter::from_fn(|| frames.message().expect("these are frames")).collect()
    }

    #[test]
    fn a_message_is_the_same_behind_its_frame_however_that_comes() {
        let answer = DecoderAnswer { case: 7, verdict: Some(Verdict::Refused("DEC-002".to_owned())) };
        let empty = DecoderAnswer::default();
        let stream = [frame(&answer), frame(&empty), frame(&answer)].concat();
        for piece in 1..=stream.len() {
            let mut frames = Frames::default();
            let mut messages = Vec::new();
            for bytes in stream.chunks(piece) {
                frames.push(bytes);
                messages.extend(read(&mut frames));
            }
            assert_eq!(frames.end(), Ok(()));
            let answers: Vec<_> = messages.into_iter().map(|it| DecoderAnswer::decode(it).unwrap()).collect();
            assert_eq!(answers, [answer.clone(), empty.clone(), answer.clone()]);
        }
    }

    #[test]
    fn what_is_no_frame_is_told_for_what_it_is() {
        let told = |bytes: &[u8]| {
            let mut frames = Frames::default();
            frames.push(bytes);
            let no_frame = frames.message().and_then(|_| frames.end()).unwrap_err();
            (no_frame.problem, no_frame.detail)
        };
        let cut = "its output ends within a frame, after 2 of 300 bytes";
        assert_eq!(told(&[0, 0, 1, 44, 1, 2]), (FrameProblem::CutShort, cut.to_owned()));
        let cut = "its output ends within the length of a frame, after 3 of 4 bytes";
        assert_eq!(told(&[0, 0, 1]), (FrameProblem::CutShort, cut.to_owned()));
        let long = "it begins a frame of 4294967295 bytes, and 67108864 are taken at most";
        assert_eq!(told(&[0xff; 12]), (FrameProblem::TooLong, long.to_owned()));
        let text = "it prints to its standard output: \"listening on 8080\"";
        assert_eq!(told(b"listening on 8080\n\0\0\0\x05"), (FrameProblem::Text, text.to_owned()));
        let text = r#"it prints to its standard output: "y\ny\ny""#;
        assert_eq!(told(b"y\ny\ny\n"), (FrameProblem::Text, text.to_owned()));
    }

    #[test]
    fn what_is_no_frame_is_the_same_however_it_comes() {
        for (bytes, problem) in [
            ("abc€ is what it costs".as_bytes(), FrameProblem::Text),
            ("ab€".as_bytes(), FrameProblem::Text),
            (b"abc\xe2 and no character", FrameProblem::Text),
            (b"abc\xff", FrameProblem::TooLong),
            (b"ab\x07 is a bell", FrameProblem::TooLong),
        ] {
            for piece in 1..=bytes.len() {
                let mut frames = Frames::default();
                let told = bytes.chunks(piece).find_map(|bytes| {
                    frames.push(bytes);
                    frames.message().err()
                });
                assert_eq!(told.map(|no_frame| no_frame.problem), Some(problem), "{bytes:?} by {piece}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_and_it_holds_no_more_than_has_come(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 0..16)
        ) {
            let mut frames = Frames::default();
            let mut come = 0;
            for piece in pieces {
                frames.push(&piece);
                come += piece.len();
                while let Ok(Some(message)) = frames.message() {
                    prop_assert!(message.len() <= come);
                }
                prop_assert!(frames.0.len() <= come);
            }
            let _ = frames.end();
        }
    }
}
