//! What a run can reach: whether a scenario makes sense at a revision, against its provider.

use counterfoil_core::{
    judge::SkipKind,
    rpc::Method,
    scenario::{Dispatch, FaultKind, Hook, Hooks, Need, Scenario, Seam},
};
use counterfoil_proto::{Revision, UndeclaredV2};

use super::{
    Job, Target,
    plugin::{NEEDS_LIVE, PluginUnderTest, Reach, kills},
};

/// Why a run is skipped, if it is.
pub(super) fn out_of_reach(job: &Job, target: &Target) -> Option<(SkipKind, String)> {
    match target {
        Target::Embedded => beyond_revision(job).or_else(|| beyond_embedded(&job.scenario)),
        Target::Plugin(plugin) => beyond_revision(job).or_else(|| beyond_plugin(job, plugin)),
        Target::Engine(_) => beyond_revision(job).or_else(|| beyond_embedded(&job.scenario)),
        Target::Wfctl(_) => beyond_revision(job),
        // It says itself what it does not know.
        Target::Decoder(_) => None,
    }
}

/// What a revision does not have, or refuses.
fn beyond_revision(job: &Job) -> Option<(SkipKind, String)> {
    let (scenario, revision) = (&*job.scenario, job.revision);
    let lacking = refused(scenario, revision)
        .or_else(|| lacks_hook(scenario, revision))
        .or_else(|| lacks_finalizer(scenario, revision));
    lacking.map(|reason| (SkipKind::NotApplicable, reason))
}

/// What takes more than our own provider in our own process.
fn beyond_embedded(scenario: &Scenario) -> Option<(SkipKind, String)> {
    if scenario.needs.contains(&Need::Process) || kills(scenario) {
        let reason = "the embedded provider is no process of its own".to_owned();
        return Some((SkipKind::NotApplicable, reason));
    }
    let wants_cloud = scenario.needs.contains(&Need::Cloud);
    wants_cloud.then(|| (SkipKind::NotRun, "it needs a real cloud, and leave to change it".to_owned()))
}

/// What a plugin, which is as it is, cannot show, and what must not or need not be tried on it.
fn beyond_plugin(job: &Job, plugin: &PluginUnderTest) -> Option<(SkipKind, String)> {
    let scenario = &*job.scenario;
    let not_applicable = |reason: &str| Some((SkipKind::NotApplicable, reason.to_owned()));
    if !scenario.seams.contains(&Seam::Provider) {
        return not_applicable("it is not about a provider");
    }
    if !scenario.provider.is_plain() || scenario.dispatch != Dispatch::V2 {
        return not_applicable("it says itself what the provider is like or answers");
    }
    if kills(scenario) && matches!(plugin.reach, Reach::Attach(..)) {
        return not_applicable("a process that was only attached to is not killed");
    }
    if let Some(reason) = plugin.blocked.keeps(job) {
        return Some((SkipKind::NotRun, reason));
    }
    let trials = &scenario.trials;
    let tries_cloud = !trials.is_empty() && trials.iter().all(|trial| trial.needs_cloud());
    let wants_cloud = (scenario.needs.contains(&Need::Cloud) || tries_cloud) && !plugin.live;
    wants_cloud.then(|| (SkipKind::NotRun, NEEDS_LIVE.to_owned()))
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

/// Whether a scenario says that it takes a finalizer, or strikes its call.
pub(super) fn needs_finalizer(scenario: &Scenario) -> bool {
    let strikes = |kind: &FaultKind| kind.strikes().is_some_and(|point| point.method == Method::Finalize);
    scenario.needs.contains(&Need::Finalizer) || scenario.faults.iter().any(|fault| strikes(&fault.kind))
}

fn lacks_finalizer(scenario: &Scenario, revision: Revision) -> Option<String> {
    if !needs_finalizer(scenario) {
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

/// The first revision of which something is true.
fn since(is: impl Fn(Revision) -> bool) -> Revision {
    Revision::ALL.iter().copied().find(|revision| is(*revision)).unwrap_or(Revision::Head)
}
