//! The engine's way to a provider: a gRPC connection with the faults of a scenario in front of it.

use std::{error::Error, io, iter, sync::Arc, time::Duration};

use bytes::Bytes;
use counterfoil_core::{
    engine::Done,
    rpc::{Call, Code, RpcError, Transport},
    trace::{Event, Payload, Recorder, Reply},
};
use counterfoil_mock::{
    RawClient, UnaryCall,
    fault::{Disconnect, Fault, FaultLayer, FaultService, Observer, Reset},
};
use http::{Request, Response};
use tonic::{Status, body::Body, transport};
use tower::{Layer, Service, ServiceExt as _};

use super::{
    Lifetime,
    process::{Broken, Checked},
};

/// A connection with faults in front of it. What the provider is given, and what it answers, goes into the trace
/// apart from what the engine sends and receives.
///
/// The wire carries no index of an action, but our own engine knows for which one it calls. So a fault is found by the
/// action's address, which is unique, where two actions share a name.
#[derive(Clone, Debug)]
pub struct FaultyTransport<S = Checked> {
    service: FaultService<RawClient<S>>,
    addresses: Arc<[String]>,
    life: Lifetime,
}

impl FaultyTransport {
    /// Calls over `connection`, struck by `faults`, each with its position in the scenario, witnessed by `log`.
    /// `addresses` are those of the plan's actions, by their positions; without them a fault is found by the name of
    /// the resource.
    pub fn new(
        connection: impl Into<Checked>,
        faults: impl IntoIterator<Item = (u32, Fault)>,
        addresses: &[String],
        log: Recorder,
    ) -> Self {
        Self::over(connection.into(), faults, addresses, log)
    }
}

impl<S> FaultyTransport<S> {
    /// As [`FaultyTransport::new`], over any service that carries calls to a provider.
    pub fn over(
        service: S,
        faults: impl IntoIterator<Item = (u32, Fault)>,
        addresses: &[String],
        log: Recorder,
    ) -> Self {
        let (positions, faults): (Vec<u32>, Vec<Fault>) = faults.into_iter().unzip();
        let layer = FaultLayer::new(faults.into(), Arc::new(Witness { log, positions }));
        let service = layer.layer(RawClient::new(service));
        Self { service, addresses: addresses.into(), life: Lifetime::default() }
    }

    /// The same, within `life`: when that ends, a call under way is given up, and so is any made afterwards, before it
    /// reaches the provider or a fault. Detached calls are not touched.
    #[must_use]
    pub fn within(self, life: Lifetime) -> Self {
        Self { life, ..self }
    }
}

/// How long a call on a context of its own may take (E-332, E-335).
pub const DETACHED: Duration = Duration::from_secs(30);

impl<S> Transport for FaultyTransport<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + Sync + 'static,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    S::Future: Send,
{
    async fn call(&self, call: Call) -> Result<Bytes, RpcError> {
        let detached = call.detached;
        let address = call.action.and_then(|action| self.addresses.get(action as usize));
        let call = UnaryCall {
            id: call.id,
            method: call.method.path(),
            resource: address.cloned().unwrap_or(call.resource),
            message: call.request,
        };
        let mut service = self.service.clone();
        let answer = async {
            let answer = match service.ready().await {
                Ok(ready) => ready.call(call).await,
                Err(status) => Err(status),
            };
            answer.map_err(|status| rpc_error(&status))
        };
        if detached {
            let in_time = tokio::time::timeout(DETACHED, answer).await;
            return in_time.unwrap_or_else(|_| Err(Done::DeadlineExceeded.rpc_error()));
        }
        tokio::select! {
            // Asked first, so that a call on a context that has ended never leaves.
            biased;
            cause = self.life.ended() => Err(cause.rpc_error()),
            answer = answer => answer,
        }
    }
}

/// What the engine receives for a status. Where the way to the provider failed, the words are those of a Go client,
/// and the same whatever the operating system says.
pub(crate) fn rpc_error(status: &Status) -> RpcError {
    let code = Code::from_number(status.code().into());
    match Failure::of(status) {
        Some(Failure::Lost) => RpcError { code: Code::Unavailable, message: Disconnect::MESSAGE.to_owned() },
        Some(Failure::Reset(reason)) => RpcError { code, message: format!("{}{reason:?}", Reset::MESSAGE) },
        Some(Failure::Broken) | None => RpcError { code, message: status.message().to_owned() },
    }
}

/// How the way to the provider failed, so that there was no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    /// The connection was lost, or there was none.
    Lost,
    /// The stream of the call was reset; the connection stays.
    Reset(h2::Reason),
    /// What came broke the rules of gRPC, so that the call was failed here.
    Broken,
}

impl Failure {
    /// The failure behind a status; none where the status is an answer.
    fn of(status: &Status) -> Option<Self> {
        let causes = || iter::successors(status.source(), |&cause| cause.source());
        let reset = causes()
            .filter_map(|cause| cause.downcast_ref::<h2::Error>())
            .find(|error| error.is_reset())
            .and_then(h2::Error::reason);
        if let Some(reason) = reset {
            return Some(Self::Reset(reason));
        }
        if causes().any(<dyn Error>::is::<Broken>) {
            return Some(Self::Broken);
        }
        let lost = causes().any(|cause| {
            cause.is::<transport::Error>() || cause.is::<h2::Error>() || cause.is::<io::Error>()
        });
        lost.then_some(Self::Lost)
    }
}

/// Writes down what the fault layer tells.
struct Witness {
    log: Recorder,
    /// The position in the scenario of each fault of the layer.
    positions: Vec<u32>,
}

impl Observer for Witness {
    fn delivered(&self, call: &UnaryCall) {
        self.log.push(Event::CallDelivered { call: call.id });
    }

    fn answered(&self, id: u32, reply: &Result<Bytes, Status>) {
        let reply = match reply {
            Ok(bytes) => Reply::Ok(Payload(bytes.clone())),
            // It sent nothing then, whatever the engine receives.
            Err(status) if Failure::of(status).is_some() => return,
            Err(status) => Reply::Error(rpc_error(status)),
        };
        self.log.push(Event::ReplySent { call: id, reply });
    }

    fn injected(&self, id: u32, fault: usize) {
        self.log.push(Event::FaultInjected { call: id, fault: self.positions[fault] });
    }
}
