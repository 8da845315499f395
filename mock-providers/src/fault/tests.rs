use std::{
    future::{Ready, ready},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use counterfoil_proto::iac::{ResourceCreateRequest, ResourceSpec};
use prost::Message as _;
use tokio::time::{Instant, timeout};
use tonic::{Code, Status};
use tower::{Layer as _, Service, ServiceExt as _};

use super::{
    Alter, Cut, Delay, Disconnect, DispatchError, Effect, Fault, FaultLayer, Hang, Observer, Point, Reply,
    Reset,
};
use crate::{Provider, RawClient, Setup, UnaryCall};

const CREATE: &str = "/workflow.plugin.external.iac.ResourceDriver/Create";
const DELETE: &str = "/workflow.plugin.external.iac.ResourceDriver/Delete";

/// Keeps what it is told, a line each.
#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Notes {
    fn add(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Observer for Notes {
    fn delivered(&self, call: &UnaryCall) {
        self.add(format!("{} delivered {}", call.id, call.resource));
    }

    fn answered(&self, id: u32, reply: &Result<Bytes, Status>) {
        let text = reply.as_ref().map_or_else(Status::message, |b| std::str::from_utf8(b).unwrap());
        self.add(format!("{id} answered {text}"));
    }

    fn injected(&self, id: u32, fault: usize) {
        self.add(format!("{id} injected {fault}"));
    }
}

/// Answers with the request, or refuses what says `refuse`.
#[derive(Clone)]
struct Echo;

impl Service<UnaryCall> for Echo {
    type Response = Bytes;
    type Error = Status;
    type Future = Ready<Result<Bytes, Status>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: UnaryCall) -> Self::Future {
        ready(if call.message == "refuse" { Err(Status::aborted("refused")) } else { Ok(call.message) })
    }
}

fn fault(resource: &str, method: Option<&'static str>, nth: u32, reaches_provider: bool) -> Fault {
    let error =
        DispatchError { code: Code::ResourceExhausted, message: format!("quota {nth}"), reaches_provider };
    let point = Point { resource: resource.into(), method, nth };
    Fault { point, effect: Effect::DispatchError(error) }
}

fn call(id: u32, method: &'static str, resource: &str) -> UnaryCall {
    UnaryCall { id, method, resource: resource.into(), message: Bytes::from_static(b"hi") }
}

fn layer(faults: &[Fault]) -> (FaultLayer, Arc<Notes>) {
    let notes = Arc::new(Notes::default());
    (FaultLayer::new(faults.into(), Arc::clone(&notes) as Arc<dyn Observer>), notes)
}

async fn send<S>(service: &mut S, call: UnaryCall) -> Result<Bytes, (Code, String)>
where
    S: Service<UnaryCall, Response = Bytes, Error = Status>,
{
    let reply = service.ready().await.unwrap().call(call).await;
    reply.map_err(|status| (status.code(), status.message().to_owned()))
}

fn quota(nth: u32) -> Result<Bytes, (Code, String)> {
    Err((Code::ResourceExhausted, format!("quota {nth}")))
}

#[tokio::test]
async fn without_a_match_the_call_goes_through_and_is_told() {
    let (layer, notes) = layer(&[fault("db", None, 1, false)]);
    let mut service = layer.layer(Echo);
    assert_eq!(send(&mut service, call(7, CREATE, "net")).await, Ok("hi".into()));
    assert_eq!(notes.take(), ["7 delivered net", "7 answered hi"]);
    let refused = UnaryCall { message: Bytes::from_static(b"refuse"), ..call(8, CREATE, "net") };
    assert_eq!(send(&mut service, refused).await, Err((Code::Aborted, "refused".into())));
    assert_eq!(notes.take(), ["8 delivered net", "8 answered refused"]);
}

#[tokio::test]
async fn a_fault_that_does_not_reach_keeps_the_call_from_the_provider() {
    let (layer, notes) = layer(&[fault("db", Some(CREATE), 1, false)]);
    let mut service = layer.layer(Echo);
    assert_eq!(send(&mut service, call(1, CREATE, "db")).await, quota(1));
    assert_eq!(notes.take(), ["1 injected 0"]);
    assert_eq!(send(&mut service, call(2, CREATE, "db")).await, Ok("hi".into()));
}

#[tokio::test]
async fn a_fault_that_reaches_loses_the_reply_only() {
    let (layer, notes) = layer(&[fault("db", Some(CREATE), 1, true)]);
    let mut service = layer.layer(Echo);
    assert_eq!(send(&mut service, call(1, CREATE, "db")).await, quota(1));
    assert_eq!(notes.take(), ["1 injected 0", "1 delivered db", "1 answered hi"]);
}

#[tokio::test]
async fn calls_are_counted_per_fault_and_over_the_life_of_the_layer() {
    let (layer, notes) = layer(&[
        fault("db", Some(CREATE), 2, false),
        fault("db", None, 3, false),
        fault("", None, 1, false),
        fault("db", None, 0, false),
    ]);
    let mut replies = Vec::new();
    for (id, method, resource) in [
        (1, CREATE, "db"),
        (2, DELETE, "db"),
        (3, CREATE, "net"),
        // The second create, and the third call about db: both faults strike, and the first in the list wins.
        (4, CREATE, "db"),
        (5, CREATE, "db"),
        (6, CREATE, ""),
        (7, CREATE, ""),
    ] {
        // Each through a service of its own, made by a clone of the layer.
        let mut service = layer.clone().layer(Echo);
        if let Err((_, message)) = send(&mut service, call(id, method, resource)).await {
            replies.push((id, message));
        }
    }
    assert_eq!(replies, [(4, "quota 2".into()), (6, "quota 1".into())]);
    let injected: Vec<_> = notes.take().into_iter().filter(|line| line.contains("injected")).collect();
    assert_eq!(injected, ["4 injected 0", "6 injected 2"]);
}

#[tokio::test]
async fn whether_the_cloud_did_the_work_is_what_the_fault_says() {
    for reaches_provider in [false, true] {
        let provider = Provider::new(Setup::default());
        let faults = [fault("db", Some(CREATE), 1, reaches_provider)];
        let mut service =
            FaultLayer::new(faults.into(), Arc::new(())).layer(RawClient::new(provider.routes()));
        let spec = ResourceSpec { name: "db".into(), ..ResourceSpec::default() };
        let request = ResourceCreateRequest { resource_type: "infra.database".into(), spec: Some(spec) }
            .encode_to_vec();
        let create = UnaryCall { message: request.into(), ..call(1, CREATE, "db") };
        assert_eq!(send(&mut service, create).await, quota(1));
        assert_eq!(provider.cloud().list().len(), usize::from(reaches_provider));
    }
}

/// A layer with one effect, on the first create of `db`.
fn first(effect: Effect) -> (FaultLayer, Arc<Notes>) {
    let point = Point { resource: "db".into(), method: Some(CREATE), nth: 1 };
    layer(&[Fault { point, effect }])
}

/// What the observer is told of the call, beside that it was struck.
fn told(reaches_provider: bool) -> Vec<&'static str> {
    let mut told = vec!["1 injected 0"];
    if reaches_provider {
        told.extend(["1 delivered db", "1 answered hi"]);
    }
    told
}

/// A create of `db` that the provider refuses.
fn refused() -> UnaryCall {
    UnaryCall { message: Bytes::from_static(b"refuse"), ..call(1, CREATE, "db") }
}

#[tokio::test(start_paused = true)]
async fn a_delay_brings_any_reply_that_much_later() {
    let wait = Duration::from_secs(3600);
    for (struck, answer, reply) in [
        (call(1, CREATE, "db"), "hi", Ok("hi".into())),
        (refused(), "refused", Err((Code::Aborted, "refused".into()))),
    ] {
        let (layer, notes) = first(Effect::Delay(Delay(wait)));
        let (mut service, start) = (layer.layer(Echo), Instant::now());
        {
            let mut late = std::pin::pin!(send(&mut service, struck));
            // The provider has done its work long before.
            timeout(Duration::from_secs(1), late.as_mut()).await.unwrap_err();
            assert_eq!(notes.take(), ["1 injected 0", "1 delivered db", &format!("1 answered {answer}")]);
            assert_eq!(late.await, reply);
        }
        assert_eq!(start.elapsed(), wait);
        assert_eq!(send(&mut service, call(2, CREATE, "db")).await, Ok("hi".into()));
        assert_eq!(start.elapsed(), wait);
    }
}

#[tokio::test(start_paused = true)]
async fn a_hang_never_replies() {
    for reaches_provider in [false, true] {
        let (layer, notes) = first(Effect::Hang(Hang { reaches_provider }));
        let mut service = layer.layer(Echo);
        let hung = send(&mut service, call(1, CREATE, "db"));
        timeout(Duration::from_secs(1_000_000), hung).await.unwrap_err();
        assert_eq!(notes.take(), told(reaches_provider));
        assert_eq!(send(&mut service, call(2, CREATE, "db")).await, Ok("hi".into()));
    }
}

#[tokio::test]
async fn a_reset_is_worded_as_a_go_client_does() {
    for reaches_provider in [false, true] {
        let (layer, notes) = first(Effect::Reset(Reset { reaches_provider }));
        let mut service = layer.layer(Echo);
        let message = "stream terminated by RST_STREAM with error code: INTERNAL_ERROR";
        assert_eq!(
            send(&mut service, call(1, CREATE, "db")).await,
            Err((Code::Internal, message.to_owned()))
        );
        assert_eq!(notes.take(), told(reaches_provider));
        assert_eq!(send(&mut service, call(2, CREATE, "db")).await, Ok("hi".into()));
    }
}

#[tokio::test]
async fn a_disconnect_cuts_the_connection_once_the_provider_has_answered() {
    let lost = || Err((Code::Unavailable, "error reading from server: EOF".to_owned()));
    for reaches_provider in [false, true] {
        let cuts = Arc::new(AtomicUsize::new(0));
        let cut = Cut::new({
            let cuts = Arc::clone(&cuts);
            move || {
                cuts.fetch_add(1, Ordering::Relaxed);
            }
        });
        for (cut, expected) in [(Some(cut), 1), (None, 1)] {
            let (layer, notes) = first(Effect::Disconnect(Disconnect { reaches_provider, cut }));
            let mut service = layer.layer(Echo);
            assert_eq!(send(&mut service, call(1, CREATE, "db")).await, lost());
            assert_eq!(notes.take(), told(reaches_provider));
            assert_eq!(send(&mut service, call(2, CREATE, "db")).await, Ok("hi".into()));
            assert_eq!(cuts.load(Ordering::Relaxed), expected);
        }
    }
}

#[tokio::test]
async fn a_reply_stands_in_for_the_provider() {
    let (layer, notes) = first(Effect::Reply(Reply(Bytes::from_static(b"instead"))));
    let mut service = layer.layer(Echo);
    assert_eq!(send(&mut service, call(1, CREATE, "db")).await, Ok("instead".into()));
    assert_eq!(notes.take(), told(false));
    assert_eq!(send(&mut service, call(2, CREATE, "db")).await, Ok("hi".into()));
}

#[tokio::test]
async fn what_is_altered_is_the_reply_that_the_caller_gets() {
    let cut_short = Effect::Alter(Alter::new(|reply| reply.slice(..1)));
    let (layer, notes) = first(cut_short.clone());
    let mut service = layer.layer(Echo);
    assert_eq!(send(&mut service, call(1, CREATE, "db")).await, Ok("h".into()));
    // The provider sent all of it.
    assert_eq!(notes.take(), ["1 delivered db", "1 answered hi", "1 injected 0"]);
    assert_eq!(send(&mut service, call(2, CREATE, "db")).await, Ok("hi".into()));

    let (layer, notes) = first(cut_short);
    let refusal = Err((Code::Aborted, "refused".into()));
    assert_eq!(send(&mut layer.layer(Echo), refused()).await, refusal);
    assert_eq!(notes.take(), ["1 delivered db", "1 answered refused"]);
}

#[tokio::test]
async fn what_alters_a_reply_stands_in_front_of_what_takes_its_place() {
    let shout = Alter::new(|reply: Bytes| reply.to_ascii_uppercase().into());
    let point = || Point { resource: "db".into(), method: Some(CREATE), nth: 1 };
    let faults = [
        Fault { point: point(), effect: Effect::Reply(Reply(Bytes::from_static(b"scripted"))) },
        Fault { point: point(), effect: Effect::Alter(shout) },
    ];
    let (layer, notes) = layer(&faults);
    let mut service = layer.layer(Echo);
    assert_eq!(send(&mut service, call(1, CREATE, "db")).await, Ok("SCRIPTED".into()));
    assert_eq!(notes.take(), ["1 injected 0", "1 injected 1"]);
    // A shout that is none, since it was loud already.
    let loud = UnaryCall { message: Bytes::from_static(b"HI"), ..call(2, CREATE, "net") };
    let point = Point { resource: "net".into(), method: None, nth: 1 };
    let shout = Alter::new(|reply: Bytes| reply.to_ascii_uppercase().into());
    let notes = Arc::new(Notes::default());
    let faults = [Fault { point, effect: Effect::Alter(shout) }];
    let mut service = FaultLayer::new(faults.into(), Arc::clone(&notes) as Arc<dyn Observer>).layer(Echo);
    assert_eq!(send(&mut service, loud).await, Ok("HI".into()));
    assert_eq!(notes.take(), ["2 delivered net", "2 answered HI"]);
}
