//! The frames of an adapter.

use bytes::Bytes;
use counterfoil::adapter::frames::{Frames, NoFrame};
use counterfoil_proto::adapter::FromAdapter;
use prost::Message as _;

/// Cuts what an adapter wrote into frames, in pieces of the size that the first byte says, and all at once.
///
/// However it comes, the messages are the same, and so is what is no frame. The frames of the messages are what came.
pub fn adapter_frames(input: &[u8]) {
    let Some((piece, bytes)) = input.split_first() else { return };
    let (messages, end) = cut(bytes, usize::from(*piece) + 1);
    let (whole, other) = cut(bytes, bytes.len().max(1));
    assert_eq!(messages, whole, "the messages are the same however they come");
    let problem = |end: &Result<(), NoFrame>| end.as_ref().err().map(|no_frame| no_frame.problem);
    assert_eq!(problem(&end), problem(&other), "what is no frame is none however it comes");
    let mut again = Vec::new();
    for message in &messages {
        again.extend_from_slice(&u32::try_from(message.len()).expect("it was that of a frame").to_be_bytes());
        again.extend_from_slice(message);
        // Whatever it holds, it is read or refused.
        let _ = FromAdapter::decode(message.clone());
    }
    assert!(bytes.starts_with(&again), "frames are what came");
    assert!(end.is_err() || bytes.len() == again.len(), "what is left of a frame is told");
}

/// The messages, and what there is to say behind the last of them.
fn cut(bytes: &[u8], piece: usize) -> (Vec<Bytes>, Result<(), NoFrame>) {
    let (mut frames, mut messages) = (Frames::default(), Vec::new());
    for piece in bytes.chunks(piece) {
        frames.push(piece);
        loop {
            match frames.message() {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(no_frame) => return (messages, Err(no_frame)),
            }
        }
    }
    let end = frames.end();
    (messages, end)
}
