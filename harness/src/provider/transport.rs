//! The engine's way to a provider: a gRPC connection with the faults of a scenario in front of it.

use std::sync::Arc;

use bytes::Bytes;
use counterfoil_core::{
    rpc::{Call, Code, RpcError, Transport},
    trace::{Event, Payload, Recorder, Reply},
};
use counterfoil_mock::{
    RawClient, UnaryCall,
    fault::{Fault, FaultLayer, FaultService, Observer},
};
use tonic::{Status, transport::Channel};
use tower::{Layer, Service, ServiceExt as _};

/// A connection with faults in front of it. What the provider is given, and what it answers, goes into the trace
/// apart from what the engine sends and receives.
///
/// The wire carries no index of an action, but our own engine knows for which one it calls. So a fault is found by the
/// action's address, which is unique, where two actions share a name.
#[derive(Clone, Debug)]
pub struct FaultyTransport {
    service: FaultService<RawClient<Channel>>,
    addresses: Arc<[String]>,
}

impl FaultyTransport {
    /// Calls over `channel`, struck by `faults`, each with its position in the scenario, witnessed by `log`.
    /// `addresses` are those of the plan's actions, by their positions; without them a fault is found by the name of
    /// the resource.
    pub fn new(
        channel: Channel,
        faults: impl IntoIterator<Item = (u32, Fault)>,
        addresses: &[String],
        log: Recorder,
    ) -> Self {
        let (positions, faults): (Vec<u32>, Vec<Fault>) = faults.into_iter().unzip();
        let layer = FaultLayer::new(faults.into(), Arc::new(Witness { log, positions }));
        Self { service: layer.layer(RawClient::new(channel)), addresses: addresses.into() }
    }
}

impl Transport for FaultyTransport {
    async fn call(&self, call: Call) -> Result<Bytes, RpcError> {
        let address = call.action.and_then(|action| self.addresses.get(action as usize));
        let call = UnaryCall {
            id: call.id,
            method: call.method.path(),
            resource: address.cloned().unwrap_or(call.resource),
            message: call.request,
        };
        let mut service = self.service.clone();
        let answer = match service.ready().await {
            Ok(ready) => ready.call(call).await,
            Err(status) => Err(status),
        };
        answer.map_err(|status| rpc_error(&status))
    }
}

fn rpc_error(status: &Status) -> RpcError {
    RpcError { code: Code::from_number(status.code().into()), message: status.message().to_owned() }
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
            Err(status) => Reply::Error(rpc_error(status)),
        };
        self.log.push(Event::ReplySent { call: id, reply });
    }

    fn injected(&self, id: u32, fault: usize) {
        self.log.push(Event::FaultInjected { call: id, fault: self.positions[fault] });
    }
}
