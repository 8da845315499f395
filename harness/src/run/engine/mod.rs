//! Runs against an engine that stands behind an adapter: a scenario is given to it as a case, and our provider is what it
//! calls.
//!
//! ```text
//! Line === case, hooks, drivers ===> adapter, engine
//!                                       | calls
//! Gateway <-----------------------------+
//!   |            Signs: what the engine is at, into the trace
//!   +-> faults -> our provider
//! ```

mod gateway;
mod host;
mod reach;
mod signs;
mod unsigned;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use counterfoil_core::{
    engine::wire::{Access, plan_message},
    inject,
    judge::SkipKind,
    rules,
    scenario::{CancelPoint, FaultKind, Hook, Scenario},
    trace::{Driven, Event, Subject, Trace, View},
};
use counterfoil_proto::adapter::{EngineAbilities, EngineCase, Ready, Role};
use prost::Message as _;
use tempfile::TempDir;

pub(super) use self::unsigned::put_in as put_in_what_gave_no_sign;
use self::{gateway::Gateway, host::Host, reach::installed, signs::Signs};
use super::{
    Job, Variant,
    adapted::Adapted,
    drive::{DriveError, Stage, drive, provider, read_back, seed},
    faults::{Levers, faults},
    load_sequence::{NotLoaded, load},
    plugin::Played,
    schedule::private_directory,
    trials::{CleanUp, look_back},
};
use crate::{
    adapter::{Applied, GivenUp, Launch, Missed},
    provider::{Embedded, FaultyTransport, Lifetime},
};

/// An engine under test.
#[derive(Debug)]
pub struct EngineUnderTest {
    /// What stands behind the adapter.
    pub adapted: Adapted,
    /// Where the sockets are that it calls.
    directory: TempDir,
    sockets: AtomicU64,
}

/// What came of giving a case to an engine.
enum Given {
    /// It came to an end, whatever that was.
    Trace(Box<Trace>),
    /// It was not given.
    Skip(SkipKind, String),
    /// It was under way when the adapter failed by another, and has to be given again.
    Again,
}

impl EngineUnderTest {
    /// Starts an adapter, to give it what these jobs ask.
    ///
    /// # Errors
    /// When there is no room for the sockets that the engine calls.
    pub async fn start(launch: Launch, jobs: &[Job]) -> io::Result<Self> {
        let directory = private_directory()?;
        let is_given = |job: &Job, ready: &Ready| reach::beyond(job, ready).is_none();
        let adapted = Adapted::start(launch, Role::Engine, jobs, is_given).await;
        Ok(Self { adapted, directory, sockets: AtomicU64::default() })
    }

    /// Whether a job can be given to it.
    pub(crate) fn takes(&self, job: &Job) -> bool {
        self.adapted.ready().is_some_and(|ready| reach::beyond(job, ready).is_none())
    }

    /// Gives the engine what a job is about, anew where another case cost it its adapter.
    pub(super) async fn drive(&self, job: &Job) -> Result<Played, DriveError> {
        let ready = match self.adapted.ready_for(job).await {
            Ok(ready) => ready,
            Err(played) => return Ok(played),
        };
        let not_applicable = |reason| Ok(Played::Skip(SkipKind::NotApplicable, reason));
        if let Some(reason) = reach::beyond(job, ready) {
            return not_applicable(reason);
        }
        let abilities = ready.engine.clone().unwrap_or_default();
        if !abilities.host && takes_a_host(&drive(job, &Variant::Reference).await?) {
            let reason = "it is about what the host of a command line does behind its hooks";
            return not_applicable(reason.to_owned());
        }
        loop {
            match self.give(job, &abilities).await? {
                Given::Trace(trace) => return Ok(Played::Trace(trace)),
                Given::Skip(kind, reason) => return Ok(Played::Skip(kind, reason)),
                Given::Again => {}
            }
        }
    }

    /// Gives the engine what a job is about.
    async fn give(&self, job: &Job, abilities: &EngineAbilities) -> Result<Given, DriveError> {
        let job = &Job { scenario: cancelled_in_time(&job.scenario), ..job.clone() };
        let scenario = &*job.scenario;
        let stage = Stage::new(job, &Variant::Reference);
        let provider = provider(job, &Variant::Reference);
        seed(provider.cloud(), scenario)?;
        let embedded = Embedded::start(&provider).await?;
        let life = Lifetime::new(stage.context().clone());
        let connection = embedded.connection();
        let levers = Levers { cut: connection.cutter(), kill: None };
        let strikes = faults(scenario, &levers, |action| &scenario.addresses[action]);
        let transport =
            FaultyTransport::new(connection.clone(), strikes, &scenario.addresses, stage.log.clone());
        let transport = transport.within(life.clone());
        // What an engine knows before it applies is known for it.
        let loaded = match load(&stage.link(transport.clone()), &Bytes::new()).await {
            Ok(loaded) => loaded,
            Err(NotLoaded { method, error }) => {
                let reason = format!("its provider does not load: {method}: {error}");
                return Ok(Given::Skip(SkipKind::NotApplicable, reason));
            }
        };
        let driven = stage.driven(&loaded.declared);
        let hooks = installed(scenario, job.revision, abilities);
        let signs =
            Signs::new(stage.plan().clone(), hooks.clone(), stage.context().clone(), stage.log.clone());
        let number = self.sockets.fetch_add(1, Ordering::Relaxed);
        let socket = self.directory.path().join(number.to_string());
        let cancelled = is_cancelled_at_once(scenario);
        stage.log.push(Event::ApplyStarted);
        if cancelled {
            signs.cancelled_at_once();
        }
        let case = EngineCase {
            revision: job.revision.to_string(),
            plan: plan_message(stage.plan()).encode_to_vec().into(),
            environment: scenario.environment.clone().into_iter().collect(),
            hooks: hooks.iter().map(ToString::to_string).collect(),
            socket: socket.display().to_string(),
            compute_plan_version: loaded.declared.clone(),
            finalizer: loaded.finalizer,
            cancelled,
            ..EngineCase::default()
        };
        let access = Access { no_drivers: !loaded.driver_service, ..inject::access(scenario) };
        let deadline = scenario.deadline.map(|after| (life, after, stage.log.clone()));
        let host =
            Arc::new(Host::new(access, abilities.host, inject::hook_failures(scenario), signs, deadline));
        let gateway = Gateway::open(&socket, transport.clone(), Arc::clone(&host))?;
        let applied = self.adapted.adapter.apply(job.id(), case, |told| host.told(told)).await;
        let Applied { answer, events } = match applied {
            Ok(applied) => applied,
            Err(Missed::GivenUp(GivenUp(reason))) => return Ok(Given::Skip(SkipKind::NotRun, reason)),
            Err(Missed::Interrupted) => return Ok(Given::Again),
        };
        let nonsense = host.over(answer, &stage.plan().actions);
        let ended_late = host.signs.ended_late();
        drop(gateway);
        if driven == Driven::CallByCall {
            read_back(stage.plan(), &transport, &stage.log).await;
        }
        if stage.looks_back(driven) {
            look_back(&connection.into(), job.revision, CleanUp::Leaves, &stage.log).await;
        }
        embedded.stop().await;
        let beyond = self.adapted.beyond_all_answers(job).await;
        events
            .into_iter()
            .chain(nonsense)
            .chain(beyond)
            .for_each(|event| stage.log.push(Event::Adapter(event)));
        let was_never_cancelled = is_cancelled(scenario) && stage.context().done().is_none();
        let mut trace = stage.trace(Subject::Engine, driven);
        trace.header.hooks = hooks;
        trace.header.unseen = unseen(abilities);
        unsigned::put_in(&mut trace);
        // What is wrong all the same counts, but for a context that ended too late, for which the engine would be blamed.
        let was_not_cancelled = was_never_cancelled && rules::judge(&trace).findings.is_empty();
        if (was_not_cancelled || ended_late) && trace.end().is_some() {
            let reason = "nothing told that the action was over behind which its context is cancelled";
            return Ok(Given::Skip(SkipKind::NotApplicable, reason.to_owned()));
        }
        Ok(Given::Trace(Box::new(trace)))
    }
}

/// Whether a host does more in a run than to take in what it is told: it makes good what it cannot keep, or reports what a
/// finalizer does.
fn takes_a_host(rehearsal: &Trace) -> bool {
    rehearsal.events.iter().any(|event| match event {
        Event::HookAnswered { hook: Hook::ResourceApplied | Hook::PlanComplete, error, .. } => {
            error.is_some()
        }
        _ => false,
    })
}

/// What the adapter does not show of its engine.
fn unseen(abilities: &EngineAbilities) -> Vec<View> {
    let shown = [(View::Drivers, abilities.drivers), (View::Host, abilities.host)];
    shown.into_iter().filter(|(_, shown)| !shown).map(|(view, _)| view).collect()
}

/// The scenario, its context cancelled where the engine can be told of it: before an action is behind the one before.
fn cancelled_in_time(scenario: &Arc<Scenario>) -> Arc<Scenario> {
    let mut cancelled = Arc::clone(scenario);
    let points = || scenario.faults.iter().map(|fault| &fault.kind);
    if points().any(|kind| matches!(kind, FaultKind::Cancel { at: CancelPoint::Before(1..) })) {
        for fault in &mut Arc::make_mut(&mut cancelled).faults {
            if let FaultKind::Cancel { at } = &mut fault.kind
                && let CancelPoint::Before(action @ 1..) = *at
            {
                *at = CancelPoint::After(action - 1);
            }
        }
    }
    cancelled
}

/// Whether the context is to be cancelled.
fn is_cancelled(scenario: &Scenario) -> bool {
    scenario.faults.iter().any(|fault| matches!(fault.kind, FaultKind::Cancel { .. }))
}

/// Whether the engine is to be given a context that has ended.
fn is_cancelled_at_once(scenario: &Scenario) -> bool {
    let is_first = |kind: &FaultKind| matches!(kind, FaultKind::Cancel { at: CancelPoint::Before(0) });
    scenario.faults.iter().any(|fault| is_first(&fault.kind))
}
