//! What happens to a call: the good services, and what stands in their way.

use std::{
    collections::BTreeSet,
    convert::Infallible,
    env, fs,
    future::{self, Future},
    io, iter,
    pin::Pin,
    process,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use counterfoil_proto::plugin_v1::{ContractDescriptor, ContractKind, ContractMode, ContractRegistry};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body::Frame;
use prost::Message as _;
use rustix::process::{Signal, getpid, kill_process};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::Notify,
    time::timeout,
};
use tonic::{Status, body::Body, service::Routes};
use tower::{Service, ServiceExt as _};

use super::{complain, line};
use crate::ServedService;

/// Five bytes in front of a message of no bytes.
const EMPTY_MESSAGE: &[u8] = &[0; 5];

/// The services, with the misbehaviour of a switch in front of them.
#[derive(Clone)]
pub(super) struct Misbehaving {
    /// The good services.
    pub(super) inner: Routes,
    /// What is to go wrong.
    pub(super) switch: &'static str,
    /// Makes the connections end that there are.
    pub(super) leaving: Arc<Notify>,
}

/// Keeps 256 KiB for ever, with something in them, so that they are resident.
fn keep() {
    static KEPT: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());
    KEPT.lock().unwrap_or_else(PoisonError::into_inner).push(vec![1; 256 << 10]);
}

impl Service<Request<Body>> for Misbehaving {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.clone().answer(request))
    }
}

impl Misbehaving {
    async fn answer(self, request: Request<Body>) -> Result<Response<Body>, Infallible> {
        let path = request.uri().path().to_owned();
        let method = path.rsplit('/').next().unwrap_or_default();
        let refused = |status: Status| Ok(status.into_http());
        match (self.switch, method) {
            ("hang-in-registry", "GetContractRegistry")
            | ("hang-in-initialize", "Initialize")
            | ("hang-in-capabilities" | "reply-after-cancel", "Capabilities")
            | ("hang-in-create", "Create")
            | ("hang-in-apply", "Apply")
            | ("hang-in-finalize", "FinalizeApply")
            | ("hang-in-shutdown", "Shutdown") => future::pending().await,

            ("manifest-error", "GetManifest") => refused(Status::internal("the manifest is lost")),
            ("registry-error", "GetContractRegistry") => refused(Status::internal("the registry is lost")),
            ("registry-unimplemented", "GetContractRegistry") => {
                refused(Status::unimplemented("unknown method GetContractRegistry"))
            }
            ("initialize-error", "Initialize") => refused(Status::invalid_argument("no token was given")),
            ("capabilities-error", "Capabilities") => refused(Status::internal("nothing is known of me")),
            ("no-controller", "Shutdown") => refused(Status::unimplemented("unknown method Shutdown")),

            ("registry-empty" | "registry-lies" | "served-not-registered", "GetContractRegistry") => {
                Ok(whole(&registry(self.switch)))
            }
            ("ignore-sigterm", "Shutdown") => Ok(whole(&[])),

            ("exit-in-call", "Capabilities") => {
                gone();
                process::exit(3)
            }
            ("panic-in-call", "Capabilities") => {
                gone();
                complain(
                    "panic: runtime error: invalid memory address or nil pointer dereference\n\
                     [signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x4a1b2c]\n\n\
                     goroutine 1 [running]:\nmain.(*provider).Capabilities(0x0)\n\t/src/provider.go:42 +0x1c",
                );
                process::exit(2)
            }
            ("segfault-in-call", "Capabilities") => {
                gone();
                // The first one only takes away the handler that the runtime has for overflows of the stack.
                loop {
                    let _ = kill_process(getpid(), Signal::SEGV);
                    tokio::task::yield_now().await;
                }
            }
            ("goaway-in-call" | "connection-closed-in-call", "Capabilities") => {
                self.leaving.notify_waiters();
                future::pending().await
            }

            ("grows", "Capabilities") => {
                keep();
                self.inner.oneshot(request).await
            }

            ("no-trailers", "Capabilities") => Ok(frames([data(EMPTY_MESSAGE)])),
            ("huge-reply", "Capabilities") => {
                let head = [&[0][..], &(1_u32 << 30).to_be_bytes()].concat();
                let zeros = Bytes::from(vec![0; 1 << 16]);
                let zeros = iter::repeat_n(zeros, 1 << 14).map(Frame::data);
                Ok(frames(iter::once(data(&head)).chain(zeros).chain([status_ok()])))
            }
            ("endless-stream", "Capabilities") => {
                // Frames of a few bytes each would be taken for an attack before anybody counts messages.
                let many = EMPTY_MESSAGE.repeat(1 << 10);
                Ok(frames(iter::repeat_with(move || data(&many))))
            }
            ("reset-each-call", _) if path.starts_with("/workflow.") => {
                Ok(reply(iter::once(Err(Status::internal("what fails the body resets the stream")))))
            }

            ("wrong-content-type", "Capabilities") => {
                let mut reply = self.inner.oneshot(request).await?;
                reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
                Ok(reply)
            }
            ("http-status-500", "Capabilities") => {
                let mut reply = self.inner.oneshot(request).await?;
                *reply.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                Ok(reply)
            }
            ("calls-home", "Initialize") => {
                // That there is no proxy, or that it refuses, is no reason to fail.
                let _ = timeout(Duration::from_secs(2), call_home()).await;
                self.inner.oneshot(request).await
            }
            _ => self.inner.oneshot(request).await,
        }
    }
}

/// The services that the plugin has: all but one, so that there is one to lie about.
pub(super) fn served() -> BTreeSet<ServedService> {
    ServedService::ALL.into_iter().filter(|service| *service != ServedService::Enumerator).collect()
}

/// The registry that a switch will have.
fn registry(switch: &str) -> Vec<u8> {
    let listed: BTreeSet<ServedService> = match switch {
        "registry-lies" => ServedService::ALL.into(),
        "served-not-registered" => &served() - &BTreeSet::from([ServedService::ResourceDriver]),
        _ => BTreeSet::new(),
    };
    let contracts = listed.into_iter().map(|service| ContractDescriptor {
        kind: ContractKind::Service.into(),
        service_name: service.name().into(),
        mode: ContractMode::StrictProto.into(),
        ..ContractDescriptor::default()
    });
    ContractRegistry { contracts: contracts.collect(), ..ContractRegistry::default() }.encode_to_vec()
}

/// Asks the proxy of the environment for a way to a host of the network.
async fn call_home() -> io::Result<()> {
    let proxy = env::var("HTTPS_PROXY").map_err(io::Error::other)?;
    let address = proxy.trim_start_matches("http://").trim_end_matches('/');
    let mut proxy = TcpStream::connect(address).await?;
    proxy.write_all(b"CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com:443\r\n\r\n").await?;
    proxy.read(&mut [0; 1024]).await.map(drop)
}

/// Takes the socket away, so that nothing is left but the end itself.
fn gone() {
    let _ = fs::remove_file(line::socket());
}

/// A reply in good order, with this message.
fn whole(message: &[u8]) -> Response<Body> {
    let length = u32::try_from(message.len()).expect("these messages are short");
    frames([data(&[&[0][..], &length.to_be_bytes(), message].concat()), status_ok()])
}

/// A reply of these frames, and no others.
fn frames<I>(frames: I) -> Response<Body>
where
    I: IntoIterator<Item = Frame<Bytes>>,
    I::IntoIter: Send + 'static,
{
    reply(frames.into_iter().map(Ok))
}

fn reply(frames: impl Iterator<Item = Result<Frame<Bytes>, Status>> + Send + 'static) -> Response<Body> {
    let mut reply = Response::new(Body::new(Frames(Box::new(frames))));
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    reply
}

fn data(bytes: &[u8]) -> Frame<Bytes> {
    Frame::data(Bytes::copy_from_slice(bytes))
}

fn status_ok() -> Frame<Bytes> {
    Frame::trailers(HeaderMap::from_iter([(Status::GRPC_STATUS, HeaderValue::from_static("0"))]))
}

/// A body of frames that are made when they are asked for.
struct Frames(Box<dyn Iterator<Item = Result<Frame<Bytes>, Status>> + Send>);

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Poll::Ready(self.0.next())
    }
}
