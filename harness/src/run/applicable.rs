//! What a run can reach: whether a scenario makes sense at a revision, against an embedded provider.

use counterfoil_core::{
    judge::SkipKind,
    rpc::Method,
    scenario::{Dispatch, FaultKind, Hook, Hooks, Need, Scenario, TransportKind},
};
use counterfoil_proto::{Revision, UndeclaredV2};

use super::Job;

/// Why a run is skipped, if it is.
pub(super) fn out_of_reach(job: &Job) -> Option<(SkipKind, String)> {
    let (scenario, revision) = (&*job.scenario, job.revision);
    let lacking = refused(scenario, revision)
        .or_else(|| lacks_hook(scenario, revision))
        .or_else(|| lacks_finalizer(scenario, revision))
        .or_else(|| needs_process(scenario));
    let not_applicable = lacking.map(|reason| (SkipKind::NotApplicable, reason));
    let not_run = || {
        let wants_cloud = scenario.needs.contains(&Need::Cloud);
        wants_cloud.then(|| (SkipKind::NotRun, "it needs a real cloud, and leave to change it".to_owned()))
    };
    not_applicable.or_else(not_run)
}

fn refused(scenario: &Scenario, revision: Revision) -> Option<String> {
    let declared = &scenario.provider.compute_plan_version;
    let refused = revision.engine().undeclared_v2 == UndeclaredV2::Refused;
    (refused && declared != "v2").then(|| {
        format!("from 0.57 on the engine refuses to load a provider that declares {declared:?} instead of v2")
    })
}

/// A hook that a fault or the engine's setup names, and that the revision does not have yet.
fn lacks_hook(scenario: &Scenario, revision: Revision) -> Option<String> {
    let known = revision.engine().hooks;
    let named = match &scenario.engine.hooks {
        Hooks::All => None,
        Hooks::Only(hooks) => hooks.iter().find(|hook| !known.contains(hook)).copied(),
    };
    let failing = scenario.faults.iter().find_map(|fault| match fault.kind {
        FaultKind::HookError { hook, .. } if !known.contains(&hook) => Some(hook),
        _ => None,
    });
    let lacking: Hook = named.or(failing)?;
    Some(format!("before {} there is no {lacking} hook", since(|revision| has(revision, lacking))))
}

fn has(revision: Revision, hook: Hook) -> bool {
    revision.engine().hooks.contains(&hook)
}

fn lacks_finalizer(scenario: &Scenario, revision: Revision) -> Option<String> {
    let strikes = |kind: &FaultKind| match kind {
        FaultKind::FinalizeError { .. } => true,
        FaultKind::DispatchError { point, .. }
        | FaultKind::Transport { point, .. }
        | FaultKind::Wire { point, .. } => point.method == Method::Finalize,
        FaultKind::JitError
        | FaultKind::DriverResolveError { .. }
        | FaultKind::HookError { .. }
        | FaultKind::Cancel { .. } => false,
    };
    let needed =
        scenario.needs.contains(&Need::Finalizer) || scenario.faults.iter().any(|fault| strikes(&fault.kind));
    if !needed {
        return None;
    }
    if !revision.engine().finalizer {
        return Some(format!(
            "before {} there is no finalizer",
            since(|revision| revision.engine().finalizer)
        ));
    }
    let served = scenario.provider.services.finalizer && scenario.dispatch == Dispatch::V2;
    (!served).then(|| "the provider serves no finalizer".to_owned())
}

fn needs_process(scenario: &Scenario) -> Option<String> {
    let kills = |kind: &FaultKind| matches!(kind, FaultKind::Transport { kind: TransportKind::Kill, .. });
    let needed =
        scenario.needs.contains(&Need::Process) || scenario.faults.iter().any(|fault| kills(&fault.kind));
    needed.then(|| "the embedded provider is no process of its own".to_owned())
}

/// The first revision of which something is true.
fn since(is: impl Fn(Revision) -> bool) -> Revision {
    Revision::ALL.iter().copied().find(|revision| is(*revision)).unwrap_or(Revision::Head)
}
