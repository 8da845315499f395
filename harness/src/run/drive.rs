//! One run: a fresh cloud behind a socket, the load sequence, the apply, the trace.

use std::{path::Path, sync::Arc};

use counterfoil_core::{
    engine::{
        self, DriverError, Job as ApplyJob, Semantics,
        wire::{Link, WireProvider},
    },
    inject,
    rpc::Method,
    scenario::{Dispatch, FaultKind, Scenario},
    trace::{Driven, Header, Recorder, Subject, Trace},
};
use counterfoil_mock::{
    Cloud, Provider, ServedService, Setup,
    cloud::{CloudError, Seed},
    fault::{DispatchError, Effect, Fault, Point},
};
use counterfoil_proto::{Hook, iac};
use prost::Message as _;

use super::{Job, Variant};
use crate::provider::{Embedded, FaultyTransport, ProviderError};

/// Why a run gave no trace that could be judged.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// The provider could not be reached.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// What the scenario says of the cloud cannot be.
    #[error("the state of the scenario cannot be set up: {0}")]
    Seed(#[from] CloudError),
    /// The provider did not get through the load sequence.
    #[error("the provider did not load: {method}: {source}")]
    Load {
        /// The call that failed.
        method: Method,
        /// How it failed.
        source: DriverError,
    },
}

/// Runs a scenario against an embedded provider whose socket lies in `directory`, under the name `socket`.
///
/// # Errors
/// See [`DriveError`]. A broken contract is none: it is in the trace.
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

    let log = Recorder::default();
    let transport =
        FaultyTransport::new(embedded.channel(), faults(scenario), &scenario.addresses, log.clone());
    let link = Arc::new(Link::new(transport, variant.decoder(), job.revision, log.clone()));
    let declared = load(&link).await?;

    let plan = inject::plan(scenario);
    let hooks: Vec<Hook> = scenario.hooks.iter().copied().collect();
    let apply = ApplyJob::new(&plan, &scenario.environment, &hooks);
    let semantics = variant.semantics(job.revision);
    match (semantics.drives)(&declared) {
        Driven::CallByCall => {
            let wire = WireProvider::new(Arc::clone(&link), inject::refuse(scenario));
            engine::apply(apply, &wire, &semantics, &log).await;
        }
        Driven::ByApply => {
            engine::apply_by_provider(apply, &link, &log).await;
        }
    }
    embedded.stop().await;

    let driven = (Semantics::at(job.revision).drives)(&declared);
    let header = Header::new(scenario, job.revision, Subject::Pair, driven, plan);
    Ok(Trace { header, events: log.take() })
}

/// The calls that an engine makes before it applies anything, in its order (E-215, E-216). Gives what the provider
/// declares as its `compute_plan_version`.
async fn load(link: &Link<FaultyTransport>) -> Result<String, DriveError> {
    let call = async |method: Method, request: Vec<u8>| {
        let failed = |source| DriveError::Load { method, source };
        let sent = link.call(method, None, "", request.into()).await;
        let (call, reply) = sent.map_err(|error| failed(DriverError::Rpc(error)))?;
        let reading = link.decoder().message(method.response(), &reply, link.revision());
        link.accept(call, reading).map_err(failed).map(|()| reply)
    };
    call(Method::ContractRegistry, Vec::new()).await?;
    call(Method::Initialize, iac::InitializeRequest::default().encode_to_vec()).await?;
    let capabilities = call(Method::Capabilities, Vec::new()).await?;
    // What the decoder has accepted is well-formed.
    Ok(iac::CapabilitiesResponse::decode(capabilities).unwrap_or_default().compute_plan_version)
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

/// Puts into the cloud what exists before the plan: the scenario's state, and the resource of every action that has
/// a current one.
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
    for action in &scenario.plan.actions {
        let Some(current) = action.current.as_ref().filter(|current| !current.provider_id.is_empty()) else {
            continue;
        };
        cloud.seed(&Seed {
            resource_type: &action.spec.resource_type,
            name: &current.name,
            provider_id: &current.provider_id,
            config: current.applied_config.as_bytes(),
            outputs: current.outputs.as_bytes(),
        })?;
    }
    Ok(())
}

/// The faults that stand in front of the provider, each with its position in the scenario.
fn faults(scenario: &Scenario) -> impl Iterator<Item = (u32, Fault)> {
    (0..).zip(&scenario.faults).filter_map(|(at, fault)| match &fault.kind {
        FaultKind::DispatchError { call, nth, code, message, reaches_provider } => {
            let resource = match call {
                Some(Method::Apply) => String::new(),
                _ => scenario.addresses[fault.action].clone(),
            };
            let fault = Fault {
                point: Point { resource, method: call.map(Method::path), nth: *nth },
                effect: Effect::DispatchError(DispatchError {
                    code: tonic::Code::from_i32(*code as i32),
                    message: message.clone(),
                    reaches_provider: *reaches_provider,
                }),
            };
            Some((at, fault))
        }
        FaultKind::JitError | FaultKind::DriverResolveError { .. } => None,
    })
}
