//! A call that a fault could strike, or that is not let through: the one kind whose messages the proxy holds in its hand.

use std::{
    future::poll_fn,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use bytes::{BufMut as _, Bytes, BytesMut};
use counterfoil_core::{
    rpc::{Method, target_of},
    trace::{Event, Reply},
};
use counterfoil_mock::{UnaryCall, client::ReplyFuture};
use h2::{Reason, RecvStream, SendStream, client::SendRequest, server::SendResponse};
use http::{HeaderMap, HeaderValue, Request, Response, response};
use tonic::Status;
use tower::{Layer as _, Service, ServiceExt as _};

use super::{
    faults::{Faults, Struck},
    record::Record,
    stand_in,
    stream::{self, Between, Held},
    tap::{self, LARGEST, PREFIX},
};
use crate::provider::rpc_error;

/// One call, and what stands between it and the plugin.
pub(super) struct Strikable<'a> {
    /// Its number.
    pub call: u32,
    /// What is called; none where traces have no word for it.
    pub method: Option<Method>,
    /// The faults that could strike it.
    pub faults: Option<&'a Faults>,
    /// Whether it is answered here, in place of the plugin.
    pub is_kept: bool,
    /// Where it is written down.
    pub record: Option<&'a Arc<Record>>,
}

impl<'a> Strikable<'a> {
    /// A call of this path, where something of what stands in between has to hold it in its hand.
    pub(super) fn of(call: u32, path: &str, between: &'a Between) -> Option<Self> {
        let method = tap::method(path);
        let faults = between.faults.as_ref().filter(|faults| method.is_some_and(|m| faults.could_strike(m)));
        let is_kept = between.answers_mutations && stand_in::may_change(path);
        let record = between.record.as_ref();
        (faults.is_some() || is_kept).then_some(Self { call, method, faults, is_kept, record })
    }

    /// Carries the call. What no fault strikes goes by as it is.
    pub(super) async fn carry(
        self,
        head: Request<()>,
        body: RecvStream,
        mut respond: SendResponse<Bytes>,
        requests: SendRequest<Bytes>,
    ) -> Option<Held> {
        let answered = tokio::select! {
            biased;
            // With the call goes all that is done for it, behind the proxy too.
            _ = poll_fn(|cx| respond.poll_reset(cx)) => {
                self.struck();
                return None;
            }
            answered = self.answer(head, body, requests) => answered,
        };
        match answered {
            Answered::AsItWas(answer) => give(&mut respond, *answer).await,
            Answered::Failed(error) => return stream::end(respond, &error),
            Answered::Reset => respond.send_reset(Reason::INTERNAL_ERROR),
            Answered::Lost => return Some(Held::new(respond)),
        }
        None
    }

    async fn answer(&self, head: Request<()>, body: RecvStream, requests: SendRequest<Bytes>) -> Answered {
        let body = match whole(body).await {
            Ok(body) => body,
            Err(Unreadable::Gone(error)) => return Answered::Failed(Arc::new(error)),
            Err(Unreadable::TooLarge) => {
                let text =
                    format!("a request of more than {LARGEST} bytes, where the proxy may inject a fault");
                return Answered::AsItWas(Box::new(Answer::of_status(Status::resource_exhausted(text))));
            }
        };
        let path = head.uri().path().to_owned();
        let delivery = Delivery { requests, head, body: body.clone(), kept: Arc::default() };
        let Some(message) = message(&body) else {
            if self.is_kept {
                let text = "the proxy cannot read what would change something, and lets none of it through";
                return Answered::AsItWas(Box::new(Answer::of_status(Status::invalid_argument(text))));
            }
            // No fault knows what it is about.
            return match delivery.deliver(body).await {
                Ok(answer) => Answered::AsItWas(Box::new(answer)),
                Err(error) => Answered::Failed(error),
            };
        };
        let Some(method) = self.method else {
            return Answered::AsItWas(Box::new(Answer::of(stand_in::answer(&path, &message))));
        };
        self.push(|| tap::issued(self.call, method, message.clone()));
        let resource = target_of(method, &message).map(|(_, target)| target.name).unwrap_or_default();
        let call = UnaryCall { id: self.call, method: method.path(), resource, message };
        let kept = Arc::clone(&delivery.kept);
        let behind = if self.is_kept { Behind::StandIn } else { Behind::Plugin(Box::new(delivery)) };
        let result = match self.faults {
            Some(faults) => faults.layer.layer(behind).oneshot(call).await,
            None => self.unstruck(behind, call).await,
        };
        let reply = match &result {
            Ok(message) => Reply::from_result(&Ok(message.clone())),
            Err(status) => Reply::Error(rpc_error(status)),
        };
        self.push(|| Event::ReplyReceived { call: self.call, reply });
        let kept = kept.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (self.struck(), kept) {
            (Some(Struck::Stream), _) => Answered::Reset,
            (Some(Struck::Connection), _) => Answered::Lost,
            (_, Some(Err(error))) if result.is_err() => Answered::Failed(error),
            (None, Some(Ok(answer))) => Answered::AsItWas(Box::new(answer)),
            (_, kept) => Answered::AsItWas(Box::new(match result {
                Ok(message) => Answer::of_message(&message, kept.and_then(Result::ok)),
                Err(status) => Answer::of_status(status),
            })),
        }
    }

    /// Delivers a call that no fault could strike.
    async fn unstruck(&self, behind: Behind, call: UnaryCall) -> Result<Bytes, Status> {
        self.push(|| Event::CallDelivered { call: self.call });
        let result = behind.oneshot(call).await;
        let reply = Reply::from_result(&result.clone().map_err(|status| rpc_error(&status)));
        self.push(|| Event::ReplySent { call: self.call, reply });
        result
    }

    /// What has struck it.
    fn struck(&self) -> Option<Struck> {
        self.faults.and_then(|faults| faults.struck(self.call))
    }

    fn push(&self, event: impl FnOnce() -> Event) {
        if let Some(record) = self.record {
            record.push(event());
        }
    }
}

/// How a call came back.
enum Answered {
    /// The host gets this.
    AsItWas(Box<Answer>),
    /// The stream to the plugin failed.
    Failed(Arc<h2::Error>),
    /// A fault resets the stream.
    Reset,
    /// A fault loses the connection.
    Lost,
}

/// A whole answer, as it goes over the wire.
#[derive(Clone, Debug)]
struct Answer {
    head: response::Parts,
    body: Bytes,
    trailers: Option<HeaderMap>,
}

impl Answer {
    /// A message, or a status alone.
    fn of(result: Result<Bytes, Status>) -> Self {
        match result {
            Ok(message) => Self::of_message(&message, None),
            Err(status) => Self::of_status(status),
        }
    }

    /// A status alone.
    fn of_status(status: Status) -> Self {
        let (head, ()) = status.into_http::<()>().into_parts();
        Self { head, body: Bytes::new(), trailers: None }
    }

    /// This message, with what the plugin said beside its own, where it said anything.
    fn of_message(message: &Bytes, plugins: Option<Self>) -> Self {
        let mut ok = HeaderMap::new();
        ok.insert("grpc-status", HeaderValue::from_static("0"));
        let plugins = plugins.unwrap_or_else(|| {
            let mut answer = Self::of_status(Status::ok(""));
            answer.head.headers.remove("grpc-status");
            answer
        });
        Self { body: framed(message), trailers: Some(plugins.trailers.unwrap_or(ok)), ..plugins }
    }

    /// The message in it, or the status.
    fn result(&self) -> Result<Bytes, Status> {
        let told = self.trailers.as_ref().unwrap_or(&self.head.headers);
        tap::answer(Some(told), message(&self.body)).flatten()
    }
}

/// Gives an answer to the host.
async fn give(respond: &mut SendResponse<Bytes>, answer: Answer) {
    let Answer { head, body, trailers } = answer;
    let ends = body.is_empty() && trailers.is_none();
    let Ok(mut to) = respond.send_response(Response::from_parts(head, ()), ends) else { return };
    if ends {
        return;
    }
    // Where it fails, the host has ended the stream.
    if send(&mut to, body, trailers.is_none()).await
        && let Some(trailers) = trailers
    {
        let _ = to.send_trailers(trailers);
    }
}

/// Sends a body as it is taken. False where it is not any more.
async fn send(to: &mut SendStream<Bytes>, mut body: Bytes, ends: bool) -> bool {
    while !body.is_empty() {
        let Ok(room) = stream::room(to, body.len()).await else { return false };
        let piece = body.split_to(room.min(body.len()));
        if to.send_data(piece, ends && body.is_empty()).is_err() {
            return false;
        }
    }
    true
}

/// Why there is no whole body.
enum Unreadable {
    Gone(h2::Error),
    TooLarge,
}

/// The whole of a body.
async fn whole(mut body: RecvStream) -> Result<Bytes, Unreadable> {
    let mut bytes = BytesMut::new();
    while let Some(piece) = body.data().await {
        let piece = piece.map_err(Unreadable::Gone)?;
        if bytes.len() + piece.len() > LARGEST {
            return Err(Unreadable::TooLarge);
        }
        bytes.extend_from_slice(&piece);
        let _ = body.flow_control().release_capacity(piece.len());
    }
    Ok(bytes.freeze())
}

/// The message of a body that holds one, uncompressed, and nothing else.
fn message(body: &Bytes) -> Option<Bytes> {
    let (prefix, rest) = body.split_first_chunk::<PREFIX>()?;
    let length = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]) as usize;
    (prefix[0] == 0 && rest.len() == length).then(|| body.slice(PREFIX..))
}

/// A message with its prefix.
fn framed(message: &Bytes) -> Bytes {
    let mut bytes = BytesMut::with_capacity(PREFIX + message.len());
    bytes.put_u8(0);
    bytes.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    bytes.extend_from_slice(message);
    bytes.freeze()
}

/// What came of a delivery.
type Came = Arc<Mutex<Option<Result<Answer, Arc<h2::Error>>>>>;

/// What is behind the proxy, to one call.
#[derive(Clone)]
enum Behind {
    /// The plugin.
    Plugin(Box<Delivery>),
    /// What answers in its place.
    StandIn,
}

impl Service<UnaryCall> for Behind {
    type Response = Bytes;
    type Error = Status;
    type Future = ReplyFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: UnaryCall) -> ReplyFuture {
        match self {
            Self::Plugin(delivery) => delivery.answered(),
            Self::StandIn => Box::pin(async move { stand_in::answer(call.method, &call.message) }),
        }
    }
}

/// The plugin, to one call.
#[derive(Clone)]
struct Delivery {
    requests: SendRequest<Bytes>,
    head: Request<()>,
    body: Bytes,
    kept: Came,
}

impl Delivery {
    async fn deliver(self, body: Bytes) -> Result<Answer, Arc<h2::Error>> {
        let delivered = async {
            let (response, mut up) = self.requests.ready().await?.send_request(self.head, body.is_empty())?;
            let (response, _) = tokio::join!(response, send(&mut up, body, true));
            let (head, mut from) = response?.into_parts();
            let mut body = BytesMut::new();
            while let Some(piece) = from.data().await {
                let piece = piece?;
                if body.len() + piece.len() > LARGEST {
                    return Err(Reason::ENHANCE_YOUR_CALM.into());
                }
                body.extend_from_slice(&piece);
                let _ = from.flow_control().release_capacity(piece.len());
            }
            Ok(Answer { head, body: body.freeze(), trailers: from.trailers().await? })
        };
        delivered.await.map_err(Arc::new)
    }
}

impl Delivery {
    /// Delivers the call as it came, and keeps what came of that.
    fn answered(&self) -> ReplyFuture {
        let (delivery, kept) = (self.clone(), Arc::clone(&self.kept));
        Box::pin(async move {
            let body = delivery.body.clone();
            let came = delivery.deliver(body).await;
            *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(came.clone());
            came.map_err(stream::failure).and_then(|answer| answer.result())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_in_a_frame_is_the_message() {
        for text in ["", "m", "message"] {
            let bytes = Bytes::from_static(text.as_bytes());
            assert_eq!(message(&framed(&bytes)).unwrap(), bytes);
        }
        for other in [&b""[..], b"\0\0\0\0", b"\x01\0\0\0\0", b"\0\0\0\0\x01", b"\0\0\0\0\0x"] {
            assert_eq!(message(&Bytes::copy_from_slice(other)), None);
        }
    }

    #[test]
    fn an_answer_in_the_plugins_place_is_one_of_grpc() {
        let ok = Answer::of_message(&Bytes::from_static(b"m"), None);
        assert_eq!(ok.result().unwrap(), "m");
        assert!(!ok.head.headers.contains_key("grpc-status"));
        let refused = Answer::of_status(Status::resource_exhausted("no room"));
        assert_eq!(refused.result().unwrap_err().message(), "no room");
        assert_eq!(refused.head.headers["content-type"], "application/grpc");
    }
}
