//! One run: a fresh cloud behind a socket, the load sequence, the apply, the trace.

use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
    sync::Arc,
};

use bytes::Bytes;
use counterfoil_core::{
    engine::{
        self, CommandLine, Context, Job as ApplyJob, Semantics,
        wire::{Access, Link, WireProvider, read_request},
    },
    inject,
    outcome::ActionError,
    plan::Plan,
    rpc::{Call, Code, Method, Transport},
    scenario::{CallPoint, Dispatch, FaultKind, FinalizeAnswer, Scenario, TransportKind},
    trace::{self, Driven, Event, Header, Recorder, Subject, Trace},
};
use counterfoil_mock::{
    Cloud, Provider, ServedService, Setup,
    cloud::{CloudError, Seed},
    fault::{Alter, Cut, Delay, Disconnect, DispatchError, Effect, Fault, Hang, Point, Reply, Reset},
};
use counterfoil_proto::{UndeclaredV2, iac, plugin_v1};
use prost::Message as _;

use super::{Job, Variant};
use crate::provider::{Embedded, FaultyTransport, Lifetime, ProviderError};

/// Why a run gave no trace that could be judged.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// The provider could not be reached.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// What the scenario says of the cloud cannot be.
    #[error("the state of the scenario cannot be set up: {0}")]
    Seed(#[from] CloudError),
}

/// Runs a scenario against an embedded provider whose socket lies in `directory`, under the name `socket`.
///
/// # Errors
/// See [`DriveError`]. A broken contract is none, nor is a provider that does not load: both are in the trace.
pub async fn drive(
    job: &Job,
    variant: &Variant,
    directory: &Path,
    socket: &str,
) -> Result<Trace, DriveError> {
    let scenario = &*job.scenario;
    let provider = provider(job);
    seed(provider.cloud(), scenario)?;
    let embedded = Embedded::start(&provider, directory, socket).await?;

    let context = Context::default();
    let log = inject::recorder(scenario, &context);
    let life = Lifetime::new(context.clone());
    // It covers the load sequence too, in which a plugin hangs as well as anywhere.
    let _deadline = scenario.deadline.map(|after| life.deadline(after, log.clone()));
    let connection = embedded.connection();
    let cut = connection.cutter();
    let transport =
        FaultyTransport::new(connection, faults(scenario, &cut), &scenario.addresses, log.clone())
            .within(life);
    let decoder = variant.decoder();
    let link = Arc::new(Link::new(transport, decoder, job.revision, context.clone(), log.clone()));
    let plan = inject::plan(scenario);
    let driven = match load(&link).await {
        Ok(loaded) => {
            let apply = ApplyJob { plan: &plan, environment: &scenario.environment, context: &context };
            let semantics = variant.semantics(job.revision);
            match (semantics.drives)(&loaded.declared) {
                Driven::CallByCall => {
                    let access = Access {
                        no_drivers: !loaded.driver_service,
                        finalizer: loaded.finalizer,
                        ..inject::access(scenario)
                    };
                    let host = CommandLine {
                        hooks: &scenario.engine.hooks.at(job.revision),
                        failures: &inject::hook_failures(scenario),
                        plan_id: &plan.id,
                        semantics: &semantics,
                        log: &log,
                    };
                    let wire = WireProvider::new(Arc::clone(&link), access);
                    engine::apply(apply, &wire, &host, &semantics, &log).await;
                    read_back(&plan, link.transport(), &log).await;
                }
                Driven::ByApply => {
                    engine::apply_by_provider(apply, &link, &semantics, &log).await;
                }
            }
            (Semantics::at(job.revision).drives)(&loaded.declared)
        }
        Err(NotLoaded { method, error }) => {
            log.push(Event::LoadFailed { method, error });
            // What it declares is not known, so it counts as what every provider has to be.
            Driven::CallByCall
        }
    };
    embedded.stop().await;

    let header = Header::new(scenario, job.revision, Subject::Pair, driven, plan);
    Ok(Trace { header, events: log.take() })
}

/// Asks the provider for each resource whose update failed: a failed update must not have cost it. Whether it failed is
/// known from its call, whatever the engine made of that.
async fn read_back<T: Transport>(plan: &Plan, transport: &T, log: &Recorder) {
    for action in log.look(failed_updates) {
        let Some(planned) = plan.actions.get(action as usize) else { continue };
        let target = planned.target();
        if target.provider_id.is_empty() {
            continue;
        }
        let call = log.next_call();
        let asked = Call {
            id: call,
            action: Some(action),
            method: Method::Read,
            resource: target.name.clone(),
            request: read_request(&target).encode_to_vec().into(),
            detached: true,
        };
        // What a fault makes of it on its way is not the provider's.
        let _ = transport.call(asked).await;
        let sent = log.look(|events| {
            events.iter().rev().find_map(|event| match event {
                Event::ReplySent { call: of, reply } if *of == call => Some(reply.clone()),
                _ => None,
            })
        });
        if let Some(reply) = sent {
            log.push(Event::ReadBack { call, action, reply });
        }
    }
}

/// The updates that came back with an error, or with what the decoder refused, in the order of the plan.
fn failed_updates(events: &[Event]) -> BTreeSet<u32> {
    let mut updates = HashMap::new();
    let mut failed = BTreeSet::new();
    for event in events {
        match event {
            Event::CallIssued { call, action: Some(action), method: Method::Update, .. } => {
                updates.insert(*call, *action);
            }
            Event::ReplyReceived { call, reply: trace::Reply::Error(_) }
            | Event::ReplyRefused { call, .. } => {
                failed.extend(updates.get(call));
            }
            _ => {}
        }
    }
    failed
}

/// What an engine knows of a provider before it applies anything.
#[derive(Debug, PartialEq, Eq)]
struct Loaded {
    /// Its `compute_plan_version`.
    declared: String,
    /// Whether its registry lists a ResourceDriver. Nothing else tells (E-152, E-160).
    driver_service: bool,
    /// Whether it lists a finalizer that the revision has.
    finalizer: bool,
}

/// A provider that did not get through the load sequence.
#[derive(Debug, PartialEq, Eq)]
struct NotLoaded {
    /// The call that failed.
    method: Method,
    /// How.
    error: String,
}

/// The calls that an engine makes before it applies anything, in its order (E-215 to E-217).
async fn load<T: Transport>(link: &Link<T>) -> Result<Loaded, NotLoaded> {
    let not_loaded = |method, error: &dyn ToString| NotLoaded { method, error: error.to_string() };
    // The outer error is a refused reply, the inner one the status of the call.
    let call =
        async |method: Method, request: Vec<u8>| match link.call(method, None, "", request.into()).await {
            Err(status) => Ok(Err(status)),
            Ok((call, reply)) => {
                let reading = link.decoder().message(method.response(), &reply, link.revision());
                link.accept(call, reading).map_err(|refused| not_loaded(method, &refused))?;
                Ok(Ok(reply))
            }
        };

    let method = Method::ContractRegistry;
    let registry = match call(method, Vec::new()).await? {
        Ok(reply) => reply,
        Err(status) if status.code == Code::Unimplemented => Bytes::new(),
        Err(status) => return Err(not_loaded(method, &status)),
    };
    // What the decoder has accepted is well-formed, here and below.
    let registry = plugin_v1::ContractRegistry::decode(registry).unwrap_or_default();
    let registers = |service: ServedService| {
        registry.contracts.iter().any(|contract| {
            contract.kind() == plugin_v1::ContractKind::Service && contract.service_name == service.name()
        })
    };
    if !registers(ServedService::Required) {
        let required = ServedService::Required.name();
        return Err(not_loaded(method, &format!("the required service {required:?} is not registered")));
    }

    let method = Method::Initialize;
    call(method, iac::InitializeRequest::default().encode_to_vec())
        .await?
        .map_err(|status| not_loaded(method, &status))?;

    let method = Method::Capabilities;
    let by_apply = link.revision().engine().undeclared_v2 == UndeclaredV2::DrivenByApply;
    let capabilities = match call(method, Vec::new()).await? {
        Ok(reply) => reply,
        // It declares nothing, and so not v2 (D-010).
        Err(_) if by_apply => Bytes::new(),
        Err(status) => return Err(not_loaded(method, &status)),
    };
    let declared = iac::CapabilitiesResponse::decode(capabilities).unwrap_or_default().compute_plan_version;
    if !by_apply && declared != "v2" {
        return Err(not_loaded(
            method,
            &format!("compute_plan_version is {declared:?}, and has to be \"v2\""),
        ));
    }
    Ok(Loaded {
        declared,
        driver_service: registers(ServedService::ResourceDriver),
        finalizer: link.revision().engine().finalizer && registers(ServedService::Finalizer),
    })
}

/// The mock provider that a scenario asks for.
fn provider(job: &Job) -> Provider {
    let scenario = &*job.scenario;
    let mut setup = Setup {
        revision: job.revision,
        compute_plan_version: scenario.provider.compute_plan_version.clone(),
        ..Setup::default()
    };
    setup.force_new.extend(scenario.provider.force_new.iter().cloned());
    if !scenario.provider.services.resource_driver {
        setup.services.remove(&ServedService::ResourceDriver);
    }
    if !scenario.provider.services.finalizer {
        setup.services.remove(&ServedService::Finalizer);
    }
    if let Dispatch::V1 { reply } = &scenario.dispatch {
        setup.apply_reply.clone_from(reply);
    }
    Provider::new(setup)
}

/// Puts into the cloud what exists before the plan.
fn seed(cloud: &Cloud, scenario: &Scenario) -> Result<(), CloudError> {
    for seed in &scenario.state {
        cloud.seed(&Seed {
            resource_type: &seed.resource_type,
            name: &seed.name,
            provider_id: &seed.provider_id,
            config: seed.config.as_bytes(),
            outputs: seed.outputs.as_bytes(),
        })?;
    }
    Ok(())
}

/// The faults that stand in front of the provider, each with its position in the scenario. `cut` loses the connection.
fn faults(scenario: &Scenario, cut: &Cut) -> impl Iterator<Item = (u32, Fault)> {
    (0..).zip(&scenario.faults).filter_map(|(at, fault)| {
        let (point, effect) = effect(&fault.kind, cut)?;
        let resource = fault.action.map_or(String::new(), |action| scenario.addresses[action].clone());
        let point = Point { resource, method: Some(point.method.path()), nth: point.nth };
        Some((at, Fault { point, effect }))
    })
}

/// The call that a fault strikes, and what it does to it; none for a fault that strikes no call on its way.
fn effect(kind: &FaultKind, cut: &Cut) -> Option<(CallPoint, Effect)> {
    let status = |code: Code, message: &str, reaches_provider| {
        let (code, message) = (tonic::Code::from_i32(code as i32), message.to_owned());
        Effect::DispatchError(DispatchError { code, message, reaches_provider })
    };
    Some(match kind {
        FaultKind::DispatchError { point, code, message, reaches_provider } => {
            (*point, status(*code, message, *reaches_provider))
        }
        FaultKind::FinalizeError { answer } => {
            let effect = match answer {
                FinalizeAnswer::Errors(errors) => Effect::Reply(Reply(finalize_reply(errors))),
                FinalizeAnswer::Status { code, message } => status(*code, message, false),
            };
            (CallPoint { method: Method::Finalize, nth: 1 }, effect)
        }
        FaultKind::Transport { point, kind, reaches_provider } => {
            let reaches_provider = *reaches_provider;
            let effect = match *kind {
                TransportKind::Delay(by) => Effect::Delay(Delay(by)),
                TransportKind::Hang => Effect::Hang(Hang { reaches_provider }),
                TransportKind::Reset => Effect::Reset(Reset { reaches_provider }),
                TransportKind::Disconnect => {
                    Effect::Disconnect(Disconnect { reaches_provider, cut: Some(cut.clone()) })
                }
                // It takes a process: see `applicable`.
                TransportKind::Kill => return None,
            };
            (*point, effect)
        }
        FaultKind::Wire { point, edit } => {
            let (message, edit) = (point.method.response(), edit.clone());
            (*point, Effect::Alter(Alter::new(move |reply| edit.apply(message, &reply))))
        }
        FaultKind::JitError
        | FaultKind::DriverResolveError { .. }
        | FaultKind::HookError { .. }
        | FaultKind::Cancel { .. } => return None,
    })
}

fn finalize_reply(errors: &[ActionError]) -> Bytes {
    let errors = errors.iter().map(|error| iac::ActionError {
        resource: error.resource.clone(),
        action: error.action.clone(),
        error: error.error.clone(),
    });
    iac::FinalizeApplyResponse { errors: errors.collect() }.encode_to_vec().into()
}

#[cfg(test)]
mod tests {
    use counterfoil_core::{
        decode::Strict,
        rpc::{Call, RpcError},
    };
    use counterfoil_proto::Revision;

    use super::*;

    /// A provider that answers the calls of the load sequence, and those that it does not know with an empty message.
    struct Answers(Vec<(Method, Result<Vec<u8>, RpcError>)>);

    impl Transport for Answers {
        async fn call(&self, call: Call) -> Result<Bytes, RpcError> {
            let answer = self.0.iter().find(|(method, _)| *method == call.method);
            answer.map_or_else(|| Ok(Bytes::new()), |(_, answer)| answer.clone().map(Bytes::from))
        }
    }

    fn registry(
        services: &[(plugin_v1::ContractKind, ServedService)],
    ) -> (Method, Result<Vec<u8>, RpcError>) {
        let contracts = services.iter().map(|(kind, service)| plugin_v1::ContractDescriptor {
            kind: (*kind).into(),
            service_name: service.name().to_owned(),
            ..Default::default()
        });
        let registry = plugin_v1::ContractRegistry { contracts: contracts.collect(), ..Default::default() };
        (Method::ContractRegistry, Ok(registry.encode_to_vec()))
    }

    fn both() -> (Method, Result<Vec<u8>, RpcError>) {
        use plugin_v1::ContractKind::Service;
        registry(&[(Service, ServedService::Required), (Service, ServedService::ResourceDriver)])
    }

    fn declares(version: &str) -> (Method, Result<Vec<u8>, RpcError>) {
        let capabilities =
            iac::CapabilitiesResponse { compute_plan_version: version.to_owned(), ..Default::default() };
        (Method::Capabilities, Ok(capabilities.encode_to_vec()))
    }

    fn fails(method: Method, code: Code) -> (Method, Result<Vec<u8>, RpcError>) {
        (method, Err(RpcError { code, message: "no".to_owned() }))
    }

    async fn loaded<const N: usize>(
        revision: Revision,
        answers: [(Method, Result<Vec<u8>, RpcError>); N],
    ) -> Result<(String, bool), (Method, String)> {
        let (context, log) = (Context::default(), Recorder::default());
        let link = Link::new(Answers(answers.into()), Arc::new(Strict), revision, context, log);
        let loaded = load(&link).await.map(|loaded| (loaded.declared, loaded.driver_service));
        loaded.map_err(|not| (not.method, not.error))
    }

    #[tokio::test]
    async fn a_registry_alone_says_whether_there_are_drivers() {
        use plugin_v1::ContractKind::{Module, Service};
        let v2 = || "v2".to_owned();
        assert_eq!(loaded(Revision::Head, [both(), declares("v2")]).await, Ok((v2(), true)));
        let without = registry(&[(Service, ServedService::Required)]);
        assert_eq!(loaded(Revision::Head, [without, declares("v2")]).await, Ok((v2(), false)));
        let of_another_kind =
            registry(&[(Service, ServedService::Required), (Module, ServedService::ResourceDriver)]);
        assert_eq!(loaded(Revision::Head, [of_another_kind, declares("v2")]).await, Ok((v2(), false)));
    }

    #[tokio::test]
    async fn no_registry_is_an_empty_one_and_lacks_what_is_required() {
        for registry in [fails(Method::ContractRegistry, Code::Unimplemented), registry(&[])] {
            let (method, error) = loaded(Revision::Head, [registry, declares("v2")]).await.unwrap_err();
            assert_eq!(method, Method::ContractRegistry);
            assert!(error.contains("IaCProviderRequired") && error.contains("not registered"), "{error}");
        }
        let (method, error) =
            loaded(Revision::Head, [fails(Method::ContractRegistry, Code::Unavailable)]).await.unwrap_err();
        assert_eq!((method, &*error), (Method::ContractRegistry, "rpc error: code = Unavailable desc = no"));
    }

    #[tokio::test]
    async fn capabilities_that_fail_mean_apply_as_long_as_there_is_one() {
        for (revision, expected) in
            [(Revision::V0_51, true), (Revision::V0_56, true), (Revision::V0_57, false)]
        {
            for answer in [fails(Method::Capabilities, Code::Unavailable), declares("v1")] {
                let declared = if answer.1.is_ok() { "v1" } else { "" };
                match loaded(revision, [both(), answer]).await {
                    Ok(loaded) => {
                        assert!(expected && loaded == (declared.to_owned(), true), "{revision}: {loaded:?}");
                    }
                    Err((method, error)) => {
                        assert!(!expected && method == Method::Capabilities, "{revision}: {error}");
                    }
                }
            }
        }
    }

    #[tokio::test]
    async fn what_fails_or_is_refused_ends_the_load() {
        for answer in [fails(Method::Initialize, Code::Internal), (Method::Capabilities, Ok(vec![0x0a]))] {
            let expected = answer.0;
            let (method, error) = loaded(Revision::V0_54, [both(), answer]).await.unwrap_err();
            assert_eq!(method, expected, "{error}");
        }
    }
}
