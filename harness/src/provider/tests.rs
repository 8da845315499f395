use std::{future::poll_fn, path::Path, time::Duration};

use bytes::Bytes;
use counterfoil_core::{
    engine::Done,
    rpc::{Call, Code, Method, RpcError, Transport as _},
    trace::{Event, Recorder, Reply},
};
use counterfoil_mock::{
    Provider, Setup,
    fault::{Disconnect, Effect, Fault, Hang, Point},
};
use counterfoil_proto::iac::{ResourceCreateRequest, ResourceSpec};
use h2::{Reason, server::SendResponse};
use http::{HeaderMap, HeaderValue, Response};
use prost::Message as _;
use tokio::{
    net::UnixListener,
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    task::JoinHandle,
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::*;

/// A call as it arrives at a peer that does nothing by itself.
struct Incoming {
    /// Over which of its connections, from 1.
    connection: u32,
    /// Kept, as a request that nobody reads resets its stream.
    _request: http::Request<h2::RecvStream>,
    respond: SendResponse<Bytes>,
}

impl Incoming {
    /// Waits until the caller gives the call up, and says how; none where the connection is gone.
    async fn given_up(&mut self) -> Option<Reason> {
        poll_fn(|cx| self.respond.poll_reset(cx)).await.ok()
    }

    /// Begins an answer.
    fn begin(&mut self) -> h2::SendStream<Bytes> {
        let head = Response::builder().header("content-type", "application/grpc").body(()).unwrap();
        self.respond.send_response(head, false).unwrap()
    }

    /// Answers with status OK and an empty message.
    fn answer(&mut self) {
        let mut body = self.begin();
        body.send_data(Bytes::from_static(&[0; 5]), false).unwrap();
        let trailers =
            HeaderMap::from_iter([("grpc-status".parse().unwrap(), HeaderValue::from_static("0"))]);
        body.send_trailers(trailers).unwrap();
    }
}

/// Listens on `socket` for calls, until `hang_up` fires.
fn peer(socket: &Path, hang_up: CancellationToken) -> UnboundedReceiver<Incoming> {
    let listener = UnixListener::bind(socket).unwrap();
    let (calls, incoming) = unbounded_channel();
    tokio::spawn(async move {
        for connection in 1.. {
            let (stream, _) = listener.accept().await.unwrap();
            let (calls, hang_up) = (calls.clone(), hang_up.clone());
            let serving = async move {
                let mut streams = h2::server::handshake(stream).await.unwrap();
                while let Some(Ok((request, respond))) = streams.accept().await {
                    let _ = calls.send(Incoming { connection, _request: request, respond });
                }
            };
            tokio::spawn(hang_up.run_until_cancelled_owned(serving));
        }
    });
    incoming
}

/// A create of `db`, or a call about no resource.
fn call(id: u32, method: Method) -> Call {
    let (resource, request) = if method == Method::Create {
        let spec = ResourceSpec { name: "db".into(), ..ResourceSpec::default() };
        (
            "db",
            ResourceCreateRequest { resource_type: "infra.database".into(), spec: Some(spec) }
                .encode_to_vec(),
        )
    } else {
        ("", Vec::new())
    };
    Call { id, action: None, method, resource: resource.into(), request: request.into(), detached: false }
}

/// A fault of the first call of its method.
fn fault(method: Method, effect: Effect) -> (u32, Fault) {
    let point = Point { resource: call(0, method).resource, method: Some(method.path()), nth: 1 };
    (0, Fault { point, effect })
}

fn transport(connection: &Connection, log: &Recorder) -> FaultyTransport {
    FaultyTransport::new(connection.clone(), [], &[], log.clone())
}

/// Makes a call in a task of its own.
fn spawn(transport: &FaultyTransport, call: Call) -> JoinHandle<Result<Bytes, RpcError>> {
    let transport = transport.clone();
    tokio::spawn(async move { transport.call(call).await })
}

fn error<T>(code: Code, message: &str) -> Result<T, RpcError> {
    Err(RpcError { code, message: message.to_owned() })
}

fn lost<T>() -> Result<T, RpcError> {
    error(Code::Unavailable, "error reading from server: EOF")
}

#[tokio::test]
async fn after_a_disconnect_the_next_call_gets_through_and_the_cloud_is_the_same() {
    for reaches_provider in [false, true] {
        let log = Recorder::default();
        let provider = Provider::new(Setup::default());
        let embedded = Embedded::start(&provider).await.unwrap();
        let cut = Some(embedded.connection().cutter());
        let faults = [fault(Method::Create, Effect::Disconnect(Disconnect { reaches_provider, cut }))];
        let transport = FaultyTransport::new(embedded.connection(), faults, &[], log.clone());

        transport.call(call(0, Method::Initialize)).await.unwrap();
        assert_eq!(transport.call(call(1, Method::Create)).await, lost());
        assert_eq!(provider.cloud().list().len(), usize::from(reaches_provider));
        // Created twice where it reached: what the cloud had is still there.
        let again = transport.call(call(2, Method::Create)).await;
        assert_eq!(again.is_ok(), !reaches_provider, "{again:?}");
        assert_eq!(provider.cloud().list().len(), 1);
        let told = log.take().into_iter().map(|event| match event {
            Event::CallDelivered { call } => format!("{call} delivered"),
            Event::ReplySent { call, .. } => format!("{call} answered"),
            Event::FaultInjected { call, .. } => format!("{call} struck"),
            other => format!("{other:?}"),
        });
        let mut expected = vec!["0 delivered", "0 answered", "1 struck"];
        expected.extend(["1 delivered", "1 answered"].iter().filter(|_| reaches_provider));
        expected.extend(["2 delivered", "2 answered"]);
        assert_eq!(told.collect::<Vec<_>>(), expected);
        embedded.stop().await;
    }
}

#[tokio::test]
async fn a_cut_fails_what_is_under_way_and_the_next_call_dials_anew() {
    let (directory, log) = (tempfile::tempdir().unwrap(), Recorder::default());
    let socket = directory.path().join("s");
    let mut incoming = peer(&socket, CancellationToken::new());
    let connection = connect(socket).await.unwrap();
    let transport = transport(&connection, &log);
    for round in 1..4 {
        let waiting = spawn(&transport, call(round, Method::Create));
        let mut arrived = incoming.recv().await.unwrap();
        assert_eq!(arrived.connection, round);
        connection.cut();
        assert_eq!(waiting.await.unwrap(), lost());
        assert_eq!(arrived.given_up().await, None);
    }
    // The provider was given the calls, and answered none.
    let delivered = [1, 2, 3].map(|call| Event::CallDelivered { call });
    assert_eq!(log.take(), delivered);
}

#[tokio::test]
async fn a_peer_that_hangs_up_or_is_not_there_is_a_lost_connection() {
    for begun in [false, true] {
        let (directory, log) = (tempfile::tempdir().unwrap(), Recorder::default());
        let (socket, hang_up) = (directory.path().join("s"), CancellationToken::new());
        let mut incoming = peer(&socket, hang_up.clone());
        let connection = connect(socket).await.unwrap();
        let transport = transport(&connection, &log);
        let waiting = spawn(&transport, call(1, Method::Create));
        let mut arrived = incoming.recv().await.unwrap();
        let _body = begun.then(|| arrived.begin());
        hang_up.cancel();
        assert_eq!(waiting.await.unwrap(), lost());
        assert_eq!(log.take(), [Event::CallDelivered { call: 1 }]);
    }
    let nobody = Connection::undialled("/nobody/listens".into());
    assert_eq!(transport(&nobody, &Recorder::default()).call(call(1, Method::Create)).await, lost());
}

#[tokio::test]
async fn a_stream_that_the_peer_resets_is_no_lost_connection() {
    let (directory, log) = (tempfile::tempdir().unwrap(), Recorder::default());
    let socket = directory.path().join("s");
    let mut incoming = peer(&socket, CancellationToken::new());
    let transport = transport(&connect(socket).await.unwrap(), &log);
    for (reason, code, name) in [
        (Reason::INTERNAL_ERROR, Code::Internal, "INTERNAL_ERROR"),
        (Reason::REFUSED_STREAM, Code::Unavailable, "REFUSED_STREAM"),
    ] {
        let waiting = spawn(&transport, call(1, Method::Create));
        let mut arrived = incoming.recv().await.unwrap();
        assert_eq!(arrived.connection, 1);
        arrived.respond.send_reset(reason);
        let message = format!("stream terminated by RST_STREAM with error code: {name}");
        assert_eq!(waiting.await.unwrap(), error(code, &message));
        assert_eq!(log.take(), [Event::CallDelivered { call: 1 }]);
    }
}

#[tokio::test]
async fn the_end_of_the_context_ends_a_call_under_way_but_no_detached_one() {
    for (cause, code, message) in [
        (Done::Cancelled, Code::Cancelled, "context canceled"),
        (Done::DeadlineExceeded, Code::DeadlineExceeded, "context deadline exceeded"),
    ] {
        let (directory, log) = (tempfile::tempdir().unwrap(), Recorder::default());
        let (socket, life) = (directory.path().join("s"), Lifetime::default());
        let mut incoming = peer(&socket, CancellationToken::new());
        let transport = transport(&connect(socket).await.unwrap(), &log).within(life.clone());
        let detached = |id| Call { detached: true, ..call(id, Method::Create) };

        let apart = spawn(&transport, detached(1));
        let mut apart_arrived = incoming.recv().await.unwrap();
        let waiting = spawn(&transport, call(2, Method::Create));
        let mut arrived = incoming.recv().await.unwrap();
        life.end(cause);
        assert_eq!(waiting.await.unwrap(), error(code, message));
        assert_eq!(arrived.given_up().await, Some(Reason::CANCEL));
        apart_arrived.answer();
        assert_eq!(apart.await.unwrap(), Ok(Bytes::new()));

        // What comes afterwards does not leave any more, unless it is detached.
        assert_eq!(transport.call(call(3, Method::Create)).await, error(code, message));
        let apart = spawn(&transport, detached(4));
        incoming.recv().await.unwrap().answer();
        assert_eq!(apart.await.unwrap(), Ok(Bytes::new()));

        let answered = |call| Event::ReplySent { call, reply: Reply::from_result(&Ok(Bytes::new())) };
        let delivered = |call| Event::CallDelivered { call };
        assert_eq!(log.take(), [delivered(1), delivered(2), answered(1), delivered(4), answered(4)]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_a_hang_in_the_load_sequence_and_in_the_apply() {
    for method in [Method::Initialize, Method::Create] {
        let (log, start, after) = (Recorder::default(), Instant::now(), Duration::from_secs(2));
        let life = Lifetime::default();
        let faults = [fault(method, Effect::Hang(Hang { reaches_provider: false }))];
        // No call reaches it.
        let nobody = Connection::undialled("/nobody/listens".into());
        let transport = FaultyTransport::new(nobody, faults, &[], log.clone()).within(life.clone());
        let _deadline = life.deadline(after, log.clone());
        assert_eq!(
            transport.call(call(1, method)).await,
            error(Code::DeadlineExceeded, "context deadline exceeded")
        );
        assert_eq!(start.elapsed(), after);
        let ended = Event::ContextEnded { cause: Done::DeadlineExceeded };
        assert_eq!(log.take(), [Event::FaultInjected { call: 1, fault: 0 }, ended]);
    }
}
