//! Which scenarios can be given to an engine behind its adapter.

use counterfoil_core::{
    rpc::Method,
    scenario::{FaultKind, Hook, Scenario, Seam, TransportKind},
};
use counterfoil_proto::{
    Revision,
    adapter::{EngineAbilities, Ready},
};

use crate::{
    adapter::engine::hook_named,
    run::{Job, plugin::wants_finalizer},
};

/// Why a job says nothing of an engine that is so, if it does not.
pub(super) fn beyond(job: &Job, ready: &Ready) -> Option<String> {
    let (scenario, revision) = (&*job.scenario, job.revision);
    if !scenario.seams.contains(&Seam::Engine) {
        return Some("it is not about an engine".to_owned());
    }
    let known = &ready.revisions;
    if !known.is_empty() && !known.contains(&revision.to_string()) {
        return Some(format!("the engine knows no revision {revision}"));
    }
    let abilities = ready.engine.clone().unwrap_or_default();
    lacks(scenario, revision, &abilities)
        .map(|what| format!("the engine's adapter cannot {what}"))
        .or_else(|| unreachable(scenario).map(str::to_owned))
}

/// What it takes that the adapter cannot do, in words that stand behind "cannot".
fn lacks(scenario: &Scenario, revision: Revision, abilities: &EngineAbilities) -> Option<String> {
    let declares_v2 = scenario.provider.compute_plan_version == "v2";
    if !declares_v2 && !abilities.apply {
        return Some("hand a plan over by Apply".to_owned());
    }
    let refers = |config: &[u8]| config.windows(2).any(|pair| pair == b"${");
    let has_references = scenario.plan.actions.iter().any(|action| refers(action.spec.config.as_bytes()));
    if has_references && !abilities.references {
        return Some("resolve references".to_owned());
    }
    if !scenario.provider.services.resource_driver && !abilities.drivers {
        return Some("tell when a driver is asked for".to_owned());
    }
    let ends = scenario.deadline.is_some();
    if ends && !abilities.cancellation {
        return Some("end its context".to_owned());
    }
    if wants_finalizer(scenario) && !abilities.host {
        return Some("finalize".to_owned());
    }
    scenario.faults.iter().find_map(|fault| match &fault.kind {
        FaultKind::JitError if !abilities.references => Some("resolve references".to_owned()),
        FaultKind::DriverResolveError { .. } if !abilities.drivers => {
            Some("tell when a driver is asked for".to_owned())
        }
        FaultKind::Cancel { .. } if !abilities.cancellation => Some("end its context".to_owned()),
        FaultKind::HookError { hook, .. } if !installed(scenario, revision, abilities).contains(hook) => {
            Some(format!("call the {hook} hook"))
        }
        _ => None,
    })
}

/// What cannot be brought about from outside of the engine.
fn unreachable(scenario: &Scenario) -> Option<&'static str> {
    scenario.faults.iter().find_map(|fault| match &fault.kind {
        FaultKind::Transport { kind: TransportKind::Hang, .. } if scenario.deadline.is_none() => {
            Some("no deadline ends the call that hangs")
        }
        kind if kind.strikes().is_some_and(|point| LOAD.contains(&point.method)) => {
            Some("it strikes the load of the provider, which is done for the engine")
        }
        _ => None,
    })
}

/// The calls of the load sequence.
const LOAD: [Method; 3] = [Method::ContractRegistry, Method::Initialize, Method::Capabilities];

/// The hooks of a scenario that the adapter can install.
pub(super) fn installed(scenario: &Scenario, revision: Revision, abilities: &EngineAbilities) -> Vec<Hook> {
    let able: Vec<Hook> = abilities.hooks.iter().filter_map(|name| hook_named(name)).collect();
    let mut hooks = scenario.engine.hooks.at(revision);
    hooks.retain(|hook| able.contains(hook));
    hooks
}
