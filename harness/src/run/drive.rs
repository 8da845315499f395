//! One run: a provider that can be reached, the load sequence, the apply, the trace.

use std::{
    collections::{BTreeSet, HashMap},
    io,
    sync::Arc,
};

use bytes::Bytes;
use counterfoil_core::{
    engine::{
        self, CommandLine, Context, Job as ApplyJob, Semantics,
        wire::{Access, Link, WireProvider, read_request},
    },
    inject,
    plan::Plan,
    rpc::{Call, Method, Transport},
    scenario::{Dispatch, Scenario},
    trace::{self, Driven, Event, Header, Recorder, Subject, Trace},
    trial::{OURS, Trial},
};
use counterfoil_mock::{
    Cloud, Provider, ServedService, Setup,
    cloud::{CloudError, Seed},
};
use counterfoil_proto::Revision;
use prost::Message as _;

use super::{
    Job, Variant,
    faults::{Levers, faults},
    load_sequence::{Loaded, NotLoaded, load},
    trials::{CleanUp, Leave, examine, look_back},
    wfctl::FurnishError,
};
use crate::provider::{Deadline, Embedded, FaultyTransport, Lifetime, ProviderError};

/// Why a run gave no trace that could be judged.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// The provider could not be reached.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// What the scenario says of the cloud cannot be.
    #[error("the state of the scenario cannot be set up: {0}")]
    Seed(#[from] CloudError),
    /// An engine under test has nothing to call.
    #[error("no socket can be made for the engine to call: {0}")]
    Socket(#[from] io::Error),
    /// There is no place for an apply by the command line.
    #[error(transparent)]
    Place(#[from] FurnishError),
}

/// Runs a scenario against an embedded provider.
///
/// # Errors
/// See [`DriveError`]. A broken contract is none, nor is a provider that does not load: both are in the trace.
pub async fn drive(job: &Job, variant: &Variant) -> Result<Trace, DriveError> {
    let provider = provider(job, variant);
    seed(provider.cloud(), &job.scenario)?;
    let embedded = Embedded::start(&provider).await?;
    let stage = Stage::new(job, variant);
    // It covers the load sequence too, in which a provider hangs as well as anywhere.
    let (life, _deadline) = stage.life();
    let connection = embedded.connection();
    let levers = Levers { cut: connection.cutter(), kill: None };
    let transport = FaultyTransport::new(
        connection.clone(),
        faults(&job.scenario, &levers, |action| &job.scenario.addresses[action]),
        &job.scenario.addresses,
        stage.log.clone(),
    );
    let link = stage.link(transport.within(life));
    let loaded = load(&link, &Bytes::new()).await;
    let trials = &job.scenario.trials;
    if loaded.is_ok() && !trials.is_empty() {
        examine(&connection.clone().into(), job.revision, trials, Leave::Everything, OURS, &stage.log).await;
    }
    let driven = stage.go_on(&link, loaded).await;
    if stage.looks_back(driven) {
        look_back(&connection.into(), job.revision, CleanUp::Leaves, &stage.log).await;
    }
    embedded.stop().await;
    Ok(stage.trace(Subject::Pair, driven))
}

/// What a run has, however its provider is reached.
#[derive(Debug)]
pub(super) struct Stage<'a> {
    job: &'a Job,
    variant: &'a Variant,
    context: Context,
    plan: Plan,
    reads_back: bool,
    /// What happened until now.
    pub log: Recorder,
}

impl<'a> Stage<'a> {
    /// A run about to begin.
    pub(super) fn new(job: &'a Job, variant: &'a Variant) -> Self {
        let context = Context::default();
        let log = inject::recorder(&job.scenario, &context);
        Self { job, variant, context, plan: inject::plan(&job.scenario), reads_back: true, log }
    }

    /// The same, but no resource is asked for behind the apply.
    pub(super) fn without_reading_back(self) -> Self {
        Self { reads_back: false, ..self }
    }

    /// The plan as an engine gets it.
    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The context of the apply.
    pub(super) fn context(&self) -> &Context {
        &self.context
    }

    /// How a provider has to be driven that declares this version of the plan contract.
    pub(super) fn driven(&self, declared: &str) -> Driven {
        (Semantics::at(self.job.revision).drives)(declared)
    }

    /// The life of the load and the apply, which the scenario may have given an end.
    pub(super) fn life(&self) -> (Lifetime, Option<Deadline>) {
        let life = Lifetime::new(self.context.clone());
        let deadline = self.job.scenario.deadline.map(|after| life.deadline(after, self.log.clone()));
        (life, deadline)
    }

    /// The engine's end of a transport.
    pub(super) fn link<T: Transport>(&self, transport: T) -> Arc<Link<T>> {
        let (decoder, context) = (self.variant.decoder(), self.context.clone());
        Arc::new(Link::new(transport, decoder, self.job.revision, context, self.log.clone()))
    }

    /// Whether the plan would be handed to a provider that was loaded so.
    pub(super) fn hands_over(&self, loaded: &Result<Loaded, NotLoaded>) -> bool {
        let semantics = self.variant.semantics(self.job.revision);
        loaded.as_ref().is_ok_and(|loaded| (semantics.drives)(&loaded.declared) == Driven::ByApply)
    }

    /// Applies the plan to a provider that was loaded, or writes down that it was not. Says how the provider has to be
    /// driven.
    pub(super) async fn go_on<T: Transport + Send + Sync>(
        &self,
        link: &Arc<Link<T>>,
        loaded: Result<Loaded, NotLoaded>,
    ) -> Driven {
        let (job, scenario, log, plan) = (self.job, &*self.job.scenario, &self.log, &self.plan);
        let loaded = match loaded {
            Ok(loaded) => loaded,
            Err(NotLoaded { method, error }) => {
                log.push(Event::LoadFailed { method, error });
                // What it declares is not known, so it counts as what every provider has to be.
                return Driven::CallByCall;
            }
        };
        let apply = ApplyJob { plan, environment: &scenario.environment, context: &self.context };
        let semantics = self.variant.semantics(job.revision);
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
                    log,
                };
                let wire = WireProvider::new(Arc::clone(link), access);
                engine::apply(apply, &wire, &host, &semantics, log).await;
                if self.reads_back {
                    read_back(plan, link.transport(), log).await;
                }
            }
            Driven::ByApply => {
                engine::apply_by_provider(apply, link, &semantics, log).await;
            }
        }
        self.driven(&loaded.declared)
    }

    /// Whether the provider has to be asked what the apply left in its cloud.
    pub(super) fn looks_back(&self, driven: Driven) -> bool {
        self.job.scenario.trials.contains(&Trial::LookBack) && driven == Driven::CallByCall
    }

    /// The trace of the run, which is over.
    pub(super) fn trace(self, subject: Subject, driven: Driven) -> Trace {
        let header = Header::new(&self.job.scenario, self.job.revision, subject, driven, self.plan);
        Trace { header, events: self.log.take() }
    }
}

/// Asks the provider for each resource whose update failed: a failed update must not have cost it. Whether it failed is
/// known from its call, whatever the engine made of that.
pub(super) async fn read_back<T: Transport>(plan: &Plan, transport: &T, log: &Recorder) {
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

/// The mock provider that a scenario asks for, over a cloud in which is what the scenario says to exist.
///
/// # Errors
/// When what it says to exist cannot be.
pub fn provider_of(scenario: &Scenario, revision: Revision) -> Result<Provider, CloudError> {
    let provider = Provider::new(setup(scenario, revision));
    seed(provider.cloud(), scenario)?;
    Ok(provider)
}

/// The mock provider of a job, over an empty cloud.
pub(super) fn provider(job: &Job, variant: &Variant) -> Provider {
    Provider::new(Setup { mutant: variant.broken_provider(), ..setup(&job.scenario, job.revision) })
}

/// What the provider is like that a scenario asks for.
fn setup(scenario: &Scenario, revision: Revision) -> Setup {
    let mut setup = Setup {
        revision,
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
    setup
}

/// Puts into the cloud what exists before the plan.
pub(super) fn seed(cloud: &Cloud, scenario: &Scenario) -> Result<(), CloudError> {
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
