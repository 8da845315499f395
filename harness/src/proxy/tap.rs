//! Looks at the bytes of a call as they go by, finds the messages in them, and writes those down.
//!
//! Nothing is held back or changed for it. A call whose request is compressed, or too large to be kept, is not in the
//! record.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use bytes::{Bytes, BytesMut};
use counterfoil_core::{
    rpc::{Method, target_of},
    trace::{Event, Payload, Reply},
};
use http::HeaderMap;
use tonic::Status;

use super::record::Record;
use crate::provider::rpc_error;

/// The bytes before a message: whether it is compressed, and its length.
pub(super) const PREFIX: usize = 5;
/// The largest message that is kept, in bytes.
pub(super) const LARGEST: usize = 64 << 20;

/// Sees what goes one way.
pub(super) trait Sees {
    /// The next piece of the body.
    fn piece(&mut self, piece: &Bytes);
    /// The trailers; none where the body ends without.
    fn end(&mut self, trailers: Option<&HeaderMap>);
}

/// The first message of a body that comes in pieces.
#[derive(Debug, Default)]
pub(super) struct FirstMessage {
    bytes: BytesMut,
    /// It has been found, or never will be.
    over: bool,
}

impl FirstMessage {
    /// Takes a piece. Gives the message when that completes it.
    fn take(&mut self, piece: &Bytes) -> Option<Bytes> {
        if self.over {
            return None;
        }
        self.bytes.extend_from_slice(piece);
        let (prefix, rest) = self.bytes.split_first_chunk::<PREFIX>()?;
        let length = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]) as usize;
        let unreadable = prefix[0] != 0 || length > LARGEST;
        if !unreadable && rest.len() < length {
            return None;
        }
        self.over = true;
        let mut bytes = std::mem::take(&mut self.bytes);
        (!unreadable).then(|| bytes.split_off(PREFIX).split_to(length).freeze())
    }
}

/// One call in the record.
#[derive(Debug)]
struct Kept {
    record: Arc<Record>,
    call: u32,
    method: Method,
    /// Whether its request is in the record.
    issued: AtomicBool,
}

/// Sees the request of a call.
#[derive(Debug)]
pub(super) struct RequestTap(Option<Arc<Kept>>, FirstMessage);

/// Sees its answer.
#[derive(Debug)]
pub(super) struct AnswerTap(Option<Arc<Kept>>, FirstMessage, Option<Bytes>);

/// Taps for both ways of a call; they see nothing where there is no record, or where the record has no word for such calls.
pub(super) fn taps(record: Option<&Arc<Record>>, path: &str, call: u32) -> (RequestTap, AnswerTap) {
    let kept = record.zip(method(path)).map(|(record, method)| {
        Arc::new(Kept { record: Arc::clone(record), call, method, issued: AtomicBool::new(false) })
    });
    let request = RequestTap(kept.clone(), FirstMessage::default());
    (request, AnswerTap(kept, FirstMessage::default(), None))
}

/// The method of a path, where it is one that traces know.
pub(super) fn method(path: &str) -> Option<Method> {
    Method::of_path(path)
}

/// The event of a call that was issued.
pub(super) fn issued(call: u32, method: Method, request: Bytes) -> Event {
    let resource = target_of(method, &request).map(|(_, target)| target.name).unwrap_or_default();
    Event::CallIssued { call, action: None, method, resource, request: Payload(request) }
}

impl Sees for RequestTap {
    fn piece(&mut self, piece: &Bytes) {
        let Some(kept) = &self.0 else { return };
        if let Some(message) = self.1.take(piece) {
            kept.record.push(issued(kept.call, kept.method, message));
            kept.record.push(Event::CallDelivered { call: kept.call });
            kept.issued.store(true, Ordering::Relaxed);
        }
    }

    fn end(&mut self, _: Option<&HeaderMap>) {}
}

impl Sees for AnswerTap {
    fn piece(&mut self, piece: &Bytes) {
        if self.0.is_some()
            && let Some(message) = self.1.take(piece)
        {
            self.2 = Some(message);
        }
    }

    fn end(&mut self, trailers: Option<&HeaderMap>) {
        if self.0.is_none() {
            return;
        }
        match answer(trailers, self.2.take()) {
            Ok(answer) => {
                let reply = match answer {
                    Ok(message) => Reply::Ok(Payload(message)),
                    Err(status) => Reply::Error(rpc_error(&status)),
                };
                self.enter(|call| Event::ReplySent { call, reply: reply.clone() });
                self.enter(|call| Event::ReplyReceived { call, reply });
            }
            // What breaks the rules of gRPC is no answer, and becomes an error where it arrives.
            Err(error) => self.failed(&error),
        }
    }
}

impl AnswerTap {
    /// The call failed on its way, so that there was no answer.
    pub(super) fn failed(&self, error: &Status) {
        self.enter(|call| Event::ReplyReceived { call, reply: Reply::Error(rpc_error(error)) });
    }

    fn enter(&self, event: impl FnOnce(u32) -> Event) {
        if let Some(kept) = self.0.as_ref().filter(|kept| kept.issued.load(Ordering::Relaxed)) {
            kept.record.push(event(kept.call));
        }
    }
}

/// What these trailers and this message are an answer of: the message, or another status than OK.
///
/// # Errors
/// What a client makes of them where they are none.
pub(super) fn answer(
    trailers: Option<&HeaderMap>,
    message: Option<Bytes>,
) -> Result<Result<Bytes, Status>, Status> {
    match trailers.and_then(Status::from_header_map) {
        None => Err(Status::internal("server closed the stream without sending trailers")),
        Some(status) if status.code() != tonic::Code::Ok => Ok(Err(status)),
        Some(_) => match message {
            Some(message) => Ok(Ok(message)),
            None => Err(Status::internal("the answer holds no message that can be read")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(bytes: &[u8], by: usize) -> Option<Bytes> {
        let mut first = FirstMessage::default();
        bytes.chunks(by).find_map(|piece| first.take(&Bytes::copy_from_slice(piece)))
    }

    #[test]
    fn a_message_is_found_however_it_is_cut_into_pieces() {
        let bytes = b"\0\0\0\0\x03abc\0\0\0\0\x01d";
        for by in 1..=bytes.len() {
            assert_eq!(whole(bytes, by).unwrap(), "abc");
        }
        assert_eq!(whole(b"\0\0\0\0\0", 2).unwrap(), "");
        assert_eq!(whole(b"\x01\0\0\0\x01z", 4), None);
        assert_eq!(whole(b"\0\xff\xff\xff\xffz", 4), None);
        assert_eq!(whole(b"\0\0\0", 4), None);
    }

    #[test]
    fn an_answer_is_what_its_trailers_say() {
        let trailers = |status: &'static str| {
            HeaderMap::from_iter([
                (http::HeaderName::from_static("grpc-status"), http::HeaderValue::from_static(status)),
                (http::HeaderName::from_static("grpc-message"), http::HeaderValue::from_static("no%20room")),
            ])
        };
        let message = || Some(Bytes::from_static(b"m"));
        assert_eq!(answer(Some(&trailers("0")), message()).unwrap().unwrap(), "m");
        let error = rpc_error(&answer(Some(&trailers("8")), None).unwrap().unwrap_err());
        assert_eq!(error.to_string(), "rpc error: code = ResourceExhausted desc = no room");
        assert!(answer(None, message()).is_err() && answer(Some(&trailers("0")), None).is_err());
    }
}
