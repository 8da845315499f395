//! What a host checks of every reply: the rules of gRPC, the limits, the deadline.

use std::{
    error::Error,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use counterfoil_core::trace::{CallProblem, ProcessEvent};
use http::{HeaderMap, Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status, TimeoutExpired, body::Body};
use tower::Service;

use super::{
    descendants,
    life::{Life, UnderWay},
};
use crate::provider::Connection;

type BoxError = Box<dyn Error + Send + Sync>;
type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A connection whose replies are watched: whatever breaks the rules of gRPC goes into the trace and fails the call.
///
/// Made from a plain [`Connection`] it watches nothing.
#[derive(Clone, Debug)]
pub struct Checked {
    connection: Connection,
    checks: Option<Checks>,
}

/// What replies are held to.
#[derive(Clone)]
pub(super) struct Checks {
    pub life: Life,
    /// How long a call may take.
    pub deadline: Duration,
    /// The largest message, in bytes.
    pub limit: usize,
}

impl fmt::Debug for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checks")
            .field("deadline", &self.deadline)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// How a call broke: the source of the status with which it fails.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub(crate) struct Broken {
    /// How.
    pub problem: CallProblem,
    /// What was seen.
    pub detail: String,
}

impl From<Connection> for Checked {
    fn from(connection: Connection) -> Self {
        Self { connection, checks: None }
    }
}

impl Checked {
    pub(super) fn new(connection: Connection, checks: Checks) -> Self {
        Self { connection, checks: Some(checks) }
    }

    /// Another connection to the same address, watched as this one is.
    ///
    /// Must be called within a Tokio runtime.
    pub(crate) fn another(&self) -> Self {
        Self { connection: self.connection.another(), checks: self.checks.clone() }
    }

    /// How long a call may take before it counts as one that hangs; none where nothing is watched.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.checks.as_ref().map(|checks| checks.deadline)
    }

    /// How many bytes of memory the process behind it and what lives below that hold. None where it is no process of
    /// ours, or the system does not tell.
    pub(crate) fn resident(&self) -> Option<u64> {
        descendants::resident(self.checks.as_ref()?.life.pid()?)
    }

    /// The connection itself, which a fault may cut.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }
}

impl Service<Request<Body>> for Checked {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Boxed<Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.connection.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let name = call_name(request.uri().path());
        let cut = self.connection.switch();
        let answer = self.connection.call(request);
        let Some(Checks { life, deadline, limit }) = self.checks.clone() else {
            return Box::pin(async move { Ok(answer.await?) });
        };
        Box::pin(async move {
            let mut watch = Watch { call: life.call(name), cut, deadline, limit };
            let until = Instant::now() + deadline;
            let response = match tokio::time::timeout_at(until, answer).await {
                Err(_) => return Err(watch.hang().into()),
                Ok(Err(error)) => return Err(watch.failed(error.into()).await),
                Ok(Ok(response)) => response,
            };
            let (head, body) = response.into_parts();
            if watch.head(head.status, &head.headers)? {
                watch.call.over();
                return Ok(Response::from_parts(head, body));
            }
            let body = Reply {
                body,
                watch: Some(watch),
                sleep: Box::pin(tokio::time::sleep_until(until)),
                framing: Framing::default(),
                failing: None,
            };
            Ok(Response::from_parts(head, Body::new(body)))
        })
    }
}

/// `IaCProviderRequired.Initialize` for `/workflow.plugin.external.iac.IaCProviderRequired/Initialize`.
fn call_name(path: &str) -> String {
    let (service, method) = path.trim_start_matches('/').rsplit_once('/').unwrap_or(("", path));
    let service = service.rsplit('.').next().unwrap_or_default();
    format!("{service}.{method}")
}

/// Watches one call.
struct Watch {
    call: UnderWay,
    /// Fires when it is us who break the connection.
    cut: CancellationToken,
    deadline: Duration,
    limit: usize,
}

impl Watch {
    /// Tells what broke, and returns the status with which the call fails.
    fn broken(&self, code: Code, problem: CallProblem, detail: &str) -> Status {
        let detail = self.call.life().redact(detail);
        let call = self.call.name().to_owned();
        self.call.life().record(ProcessEvent::CallBroken { call, problem, detail: detail.clone() });
        let mut status = Status::new(code, detail.clone());
        status.set_source(Arc::new(Broken { problem, detail }));
        status
    }

    fn hang(&self) -> Status {
        let detail = format!("there is no whole answer within {:?}", self.deadline);
        self.broken(Code::DeadlineExceeded, CallProblem::Hang, &detail)
    }

    /// Looks at the head of a reply. Says whether it holds the status already, with no body to follow.
    fn head(&mut self, status: StatusCode, headers: &HeaderMap) -> Result<bool, Status> {
        if status != StatusCode::OK {
            let detail = format!("the HTTP status is {status}, and every reply of gRPC has 200");
            return Err(self.broken(Code::Unknown, CallProblem::HttpStatus, &detail));
        }
        let kind = headers.get(CONTENT_TYPE).map(|kind| String::from_utf8_lossy(kind.as_bytes()));
        let is_grpc = kind.as_deref().and_then(|kind| kind.strip_prefix("application/grpc"));
        if !is_grpc.is_some_and(|rest| rest.is_empty() || rest.starts_with(['+', ';'])) {
            let kind = kind.map_or("missing".to_owned(), |kind| format!("{kind:?}"));
            let detail = format!("the content type is {kind}, and should be application/grpc");
            return Err(self.broken(Code::Unknown, CallProblem::ContentType, &detail));
        }
        Ok(headers.contains_key("grpc-status"))
    }

    /// What becomes of a call whose stream failed. Where the process ended, or we cut the connection, that is told
    /// elsewhere; where we gave the call up, the server has nothing to do with it.
    async fn failed(self, error: BoxError) -> BoxError {
        if cause::<TimeoutExpired>(&*error).is_some() {
            return error;
        }
        let http2 = cause::<h2::Error>(&*error);
        let reset = http2.filter(|error| error.is_reset()).and_then(h2::Error::reason);
        if let Some(reason) = reset {
            if http2.is_some_and(h2::Error::is_remote) {
                let detail = format!("the server reset the stream: {reason:?}");
                self.tell(CallProblem::Reset, &detail);
            }
            return error;
        }
        if self.cut.is_cancelled() || self.call.life().broke_with_process().await || self.cut.is_cancelled() {
            return error;
        }
        if http2.is_some_and(|error| error.is_go_away() && error.is_remote()) {
            let reason = http2.and_then(h2::Error::reason);
            let reason = reason.map_or(String::new(), |reason| format!(" with {reason:?}"));
            self.tell(CallProblem::GoneAway, &format!("the server said GOAWAY{reason}"));
        } else {
            let words = std::iter::successors(Some(&*error as &dyn Error), |&error| error.source());
            let words: Vec<String> = words.map(ToString::to_string).collect();
            self.tell(CallProblem::Lost, &format!("the connection broke: {}", words.join(": ")));
        }
        error
    }

    fn tell(&self, problem: CallProblem, detail: &str) {
        let (call, detail) = (self.call.name().to_owned(), self.call.life().redact(detail));
        self.call.life().record(ProcessEvent::CallBroken { call, problem, detail });
    }
}

/// The error of a kind behind an error.
fn cause<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    std::iter::successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref())
}

/// The messages of a reply, as their five-byte prefixes announce them.
#[derive(Debug, Default)]
struct Framing {
    prefix: [u8; 5],
    filled: usize,
    /// How much of the message is still to come.
    left: usize,
    messages: u32,
}

/// What is wrong with what came.
#[derive(Debug, PartialEq, Eq)]
enum Excess {
    /// A message of this size.
    TooLarge(usize),
    /// A second message.
    Second,
}

impl Framing {
    fn read(&mut self, mut data: &[u8], limit: usize) -> Result<(), Excess> {
        while !data.is_empty() {
            if self.left > 0 {
                let taken = self.left.min(data.len());
                self.left -= taken;
                data = &data[taken..];
                continue;
            }
            if self.messages > 0 {
                return Err(Excess::Second);
            }
            let taken = (self.prefix.len() - self.filled).min(data.len());
            self.prefix[self.filled..][..taken].copy_from_slice(&data[..taken]);
            self.filled += taken;
            data = &data[taken..];
            if self.filled == self.prefix.len() {
                let [_, length @ ..] = self.prefix;
                let length = u32::from_be_bytes(length) as usize;
                if length > limit {
                    return Err(Excess::TooLarge(length));
                }
                (self.filled, self.left) = (0, length);
                self.messages += 1;
            }
        }
        Ok(())
    }
}

/// The body of a reply, watched.
struct Reply {
    body: Body,
    /// Gone when the call is over.
    watch: Option<Watch>,
    sleep: Pin<Box<Sleep>>,
    framing: Framing,
    /// The body failed, and why is being found out.
    failing: Option<Boxed<BoxError>>,
}

impl http_body::Body for Reply {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        if let Some(failing) = &mut this.failing {
            let error = ready!(failing.as_mut().poll(cx));
            this.failing = None;
            return Poll::Ready(Some(Err(error)));
        }
        let Some(watch) = &mut this.watch else { return Poll::Ready(None) };
        let frame = match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                ready!(this.sleep.as_mut().poll(cx));
                let status = watch.hang();
                this.give_up();
                return Poll::Ready(Some(Err(status.into())));
            }
        };
        let status = match frame {
            Some(Ok(frame)) => {
                if let Some(trailers) = frame.trailers_ref() {
                    watch.call.over();
                    if trailers.contains_key("grpc-status") {
                        this.watch = None;
                        return Poll::Ready(Some(Ok(frame)));
                    }
                    watch.no_status()
                } else {
                    let data = frame.data_ref().map_or(&[][..], |data| &data[..]);
                    match this.framing.read(data, watch.limit) {
                        Ok(()) => return Poll::Ready(Some(Ok(frame))),
                        Err(excess) => watch.excess(&excess),
                    }
                }
            }
            Some(Err(error)) => {
                let watch = this.watch.take().expect("it is watched");
                let mut failing: Boxed<BoxError> = Box::pin(watch.failed(error.into()));
                let polled = failing.as_mut().poll(cx);
                return match polled {
                    Poll::Ready(error) => Poll::Ready(Some(Err(error))),
                    Poll::Pending => {
                        this.failing = Some(failing);
                        Poll::Pending
                    }
                };
            }
            None => {
                watch.call.over();
                watch.no_status()
            }
        };
        this.give_up();
        Poll::Ready(Some(Err(status.into())))
    }

    fn is_end_stream(&self) -> bool {
        // Whether the status came shows at the end, so that is always asked for.
        false
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Reply {
    /// Gives up what may still come.
    fn give_up(&mut self) {
        self.watch = None;
        self.body = Body::empty();
    }
}

impl Watch {
    fn no_status(&self) -> Status {
        let detail = "the reply ended without grpc-status";
        self.broken(Code::Internal, CallProblem::NoStatus, detail)
    }

    fn excess(&self, excess: &Excess) -> Status {
        match excess {
            Excess::TooLarge(size) => {
                let detail = format!("the message has {size} bytes, and the limit is {}", self.limit);
                self.broken(Code::ResourceExhausted, CallProblem::TooLarge, &detail)
            }
            Excess::Second => {
                let detail = "more than one message came, and the call has one";
                self.broken(Code::Internal, CallProblem::Endless, detail)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_counted_and_measured_whatever_pieces_they_come_in() {
        let message = [&[0, 0, 0, 0, 4][..], b"text"].concat();
        for size in 1..=message.len() {
            let mut framing = Framing::default();
            assert!(message.chunks(size).all(|piece| framing.read(piece, 4).is_ok()));
            assert_eq!((framing.messages, framing.left), (1, 0));
            assert_eq!(framing.read(&[0], 4), Err(Excess::Second));
        }
        assert_eq!(Framing::default().read(&message, 3), Err(Excess::TooLarge(4)));
        // Nothing of it has to come for that.
        assert_eq!(Framing::default().read(&[0, 64, 0, 0, 0], 1 << 20), Err(Excess::TooLarge(1 << 30)));
    }

    #[test]
    fn calls_are_named_as_in_the_contract() {
        let path = "/workflow.plugin.external.iac.IaCProviderRequired/Initialize";
        assert_eq!(call_name(path), "IaCProviderRequired.Initialize");
        assert_eq!(call_name("/plugin.GRPCController/Shutdown"), "GRPCController.Shutdown");
    }
}
