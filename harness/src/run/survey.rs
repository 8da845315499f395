//! What a host learns of a plugin beside the load sequence of the engine.

use std::error::Error as _;

use bytes::Bytes;
use counterfoil_core::rpc::Method;
use counterfoil_core::trace::{Event, ProcessEvent, Recorder, Reflection, Telling, first_reply};
use counterfoil_core::trial::requests::PACKAGE;
use counterfoil_mock::UnaryCall;
use counterfoil_proto::{
    Contract, Revision,
    contract::{self, Closest},
    handshake::HEALTH_SERVICE,
    health, iac, plugin_v1,
};
use prost::Message as _;
use tonic::{Code, Status};
use tower::{Service, ServiceExt as _};

use crate::provider::{process::Checked, reflection::descriptors};

const HEALTH: &str = "/grpc.health.v1.Health/Check";
const MANIFEST: &str = "/workflow.plugin.v1.PluginService/GetManifest";
const TRIGGER_TYPES: &str = "/workflow.plugin.v1.PluginService/GetTriggerTypes";
const CONFIG_FRAGMENT: &str = "/workflow.plugin.v1.PluginService/GetConfigFragment";
const NAME: &str = "/workflow.plugin.external.iac.IaCProviderRequired/Name";
const VERSION: &str = "/workflow.plugin.external.iac.IaCProviderRequired/Version";
const BACKENDS: &str = "/workflow.plugin.external.iac.IaCStateBackend/ListBackendNames";

/// A request that no server can read: its first byte announces a number that never ends. It is refused before any code
/// of a provider sees it, so it changes nothing.
const UNREADABLE: &[u8] = &[0xff];

/// A service that carries unary calls as bytes, each to its reply or its status.
pub(super) trait Unary:
    Service<UnaryCall, Response = Bytes, Error = Status, Future: Send> + Clone + Send
{
}

impl<S: Service<UnaryCall, Response = Bytes, Error = Status, Future: Send> + Clone + Send> Unary for S {}

async fn call(client: &impl Unary, method: &'static str, message: Bytes) -> Result<Bytes, Status> {
    let call = UnaryCall { id: 0, method, resource: String::new(), message };
    client.clone().oneshot(call).await
}

/// Asks the health service. No engine does (P-009), other hosts do.
pub(super) async fn health(client: &impl Unary, log: &Recorder) {
    let request = health::HealthCheckRequest { service: HEALTH_SERVICE.to_owned() };
    let status = match call(client, HEALTH, request.encode_to_vec().into()).await {
        Ok(reply) => match health::HealthCheckResponse::decode(reply) {
            Ok(response) => response.status().as_str_name().to_owned(),
            Err(error) => format!("what is no answer: {error}"),
        },
        Err(status) => format!("{:?}", status.code()),
    };
    log.push(Event::Process(ProcessEvent::Health { status }));
}

/// The calls that come before the registry (E-215): the manifest, whose answer counts, and the types of triggers, whose
/// does not.
pub(super) async fn before_registry(client: &impl Unary, log: &Recorder) {
    let answer = call(client, MANIFEST, Bytes::new()).await;
    let unimplemented = matches!(&answer, Err(status) if status.code() == Code::Unimplemented);
    let answer = match answer {
        Ok(reply) => plugin_v1::Manifest::decode(reply)
            .map(|manifest| (manifest.name, manifest.version))
            .map_err(|error| format!("the manifest cannot be read: {error}")),
        Err(status) => Err(format!("{:?}: {}", status.code(), status.message())),
    };
    log.push(Event::Process(ProcessEvent::Manifest { answer, unimplemented }));
    let _ = call(client, TRIGGER_TYPES, Bytes::new()).await;
}

/// The call that comes behind it (E-215), whose answer does not count.
pub(super) async fn behind_registry(client: &impl Unary) {
    let _ = call(client, CONFIG_FRAGMENT, Bytes::new()).await;
}

/// Asks every service of the contract at a revision whether it is there, and holds that against the registry.
pub(super) async fn probe(client: &impl Unary, revision: Revision, log: &Recorder) {
    let registered = registered(log);
    for (service, path) in paths(revision) {
        let served = match call(client, path, Bytes::from_static(UNREADABLE)).await {
            Ok(_) => Some(true),
            // Where there is a cause, the call broke on its way, and nobody answered.
            Err(status) if status.source().is_some() => None,
            Err(status) => match status.code() {
                Code::Unimplemented => Some(false),
                Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => None,
                _ => Some(true),
            },
        };
        let registered = registered.iter().any(|row| row == service);
        log.push(Event::Process(ProcessEvent::Probed { service: service.to_owned(), registered, served }));
    }
}

/// Asks the services that are in the registry what they call the provider and its state backends. Each manifest says that
/// too (H-28, H-31).
pub(super) async fn identity(client: &impl Unary, log: &Recorder) {
    let registered = registered(log);
    let has = |path: &str| registered.iter().any(|service| path[1..].split('/').next() == Some(service));
    for (asked, path) in [(Telling::Name, NAME), (Telling::Version, VERSION)] {
        if has(path) {
            let answer = ask(client, path, |reply| match asked {
                Telling::Name => iac::NameResponse::decode(reply).map(|told| told.name),
                Telling::Version => iac::VersionResponse::decode(reply).map(|told| told.version),
            });
            let told = ProcessEvent::Told { call: asked, answer: answer.await };
            log.push(Event::Process(told));
        }
    }
    if has(BACKENDS) {
        let decode = |reply| iac::ListBackendNamesResponse::decode(reply).map(|told| told.backend_names);
        let answer = ask(client, BACKENDS, decode).await;
        log.push(Event::Process(ProcessEvent::Backends { answer }));
    }
}

/// What a call without arguments is answered, or why there is no answer.
async fn ask<T>(
    client: &impl Unary,
    path: &'static str,
    decode: impl FnOnce(Bytes) -> Result<T, prost::DecodeError>,
) -> Result<T, String> {
    let reply = call(client, path, Bytes::new()).await;
    let reply = reply.map_err(|status| format!("{:?}: {}", status.code(), status.message()))?;
    decode(reply).map_err(|error| format!("the reply cannot be read: {error}"))
}

/// Asks server reflection what is served, and holds that against the contract.
pub(super) async fn reflect(connection: Checked, log: &Recorder) {
    let answer = match descriptors(connection).await {
        Ok(set) => {
            let Closest { revision, contradictions, unknown } = Contract::closest(&set);
            let texts = |findings: Vec<contract::Finding>| findings.iter().map(ToString::to_string).collect();
            let (contradictions, unknown) = (texts(contradictions), texts(unknown));
            Ok(Reflection { closest: revision, contradictions, unknown })
        }
        Err(status) => Err(format!("{:?}: {}", status.code(), status.message())),
    };
    log.push(Event::Process(ProcessEvent::Reflected { answer }));
}

/// What the registry listed, by the reply that arrived. Only rows of kind SERVICE count (E-220).
pub(super) fn registered(log: &Recorder) -> Vec<String> {
    let reply = reply_of(log, Method::ContractRegistry);
    let registry = plugin_v1::ContractRegistry::decode(reply.unwrap_or_default()).unwrap_or_default();
    let rows = registry.contracts.into_iter();
    rows.filter(|row| row.kind() == plugin_v1::ContractKind::Service).map(|row| row.service_name).collect()
}

/// The message that arrived as the answer to the first call of a method.
pub(super) fn reply_of(log: &Recorder, asked: Method) -> Option<Bytes> {
    log.look(|events| first_reply(events, asked))
}

/// The services of the contract that a registry lists, each with a call that it has: a unary one, where there is one.
fn paths(revision: Revision) -> impl Iterator<Item = (&'static str, &'static str)> {
    let services = Contract::at(revision).services.iter();
    services.filter(|(name, _)| name.starts_with(PACKAGE)).filter_map(|(name, methods)| {
        let unary = methods.iter().find(|method| !method.client_streaming && !method.server_streaming);
        Some((name.as_str(), unary.or(methods.first())?.path.as_str()))
    })
}
