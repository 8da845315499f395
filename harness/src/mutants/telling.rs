//! Which runs can tell a mutant from what it is a mutant of. The others are known to pass, and to leave them out is what
//! keeps the matrix quick.

use std::{collections::BTreeMap, ptr, sync::Arc};

use counterfoil_core::{
    engine::Semantics,
    rules,
    scenario::{Dispatch, FaultKind, Scenario},
    trace::Driven,
    trial::Trial,
};
use counterfoil_mock::broken::process::{ProcessMutant, ShowsIn};
use counterfoil_proto::{Revision, StatusMapKind};

use crate::run::{Job, Variant};

/// The runs that can tell a variant from the reference.
pub(super) fn runs(variant: &Variant, scenarios: &[Arc<Scenario>]) -> Vec<Job> {
    let mut jobs = Vec::new();
    for scenario in scenarios {
        // Of revisions at which the pair does the same under the same rules, the newest stands for all.
        let mut classes = BTreeMap::new();
        for revision in scenario.revisions.revisions() {
            if let Some(driven) = driven_if_telling(variant, scenario, revision) {
                classes.insert(class(driven, revision), revision);
            }
        }
        let mut revisions: Vec<Revision> = classes.into_values().collect();
        if matches!(variant, Variant::Provider(_)) {
            // It is the same provider at each of them.
            revisions = revisions.into_iter().max().into_iter().collect();
        }
        revisions.sort_unstable();
        jobs.extend(revisions.into_iter().map(|revision| Job { scenario: Arc::clone(scenario), revision }));
    }
    jobs
}

/// The run that tells a broken process. That it does not load, or is left behind, shows in each, and there is nothing more
/// to be told of it in any other.
pub(super) fn run_of_a_process(mutant: &ProcessMutant, scenarios: &[Arc<Scenario>]) -> Job {
    let id = match mutant.shows_in {
        ShowsIn::Load => "load-and-leave",
        ShowsIn::Plan => "only-config-is-resolved",
        ShowsIn::Questions => "questions-without-end",
    };
    let scenario = scenarios.iter().find(|scenario| scenario.id == id).expect("the stock suite has it");
    Job { scenario: Arc::clone(scenario), revision: mutant.revision }
}

/// Everything by which revisions differ for an engine that drives in this way, and for its judge.
fn class(driven: Driven, revision: Revision) -> String {
    let engine = revision.engine();
    match driven {
        Driven::CallByCall => {
            // The rules that went with Apply are about the reply to it; of the others, and of hooks, none ever went, so
            // that the newest revision of a class has all that any of them has.
            let gone = |rule: &rules::Rule| rule.until.is_some_and(|until| until != Revision::V0_56);
            debug_assert!(!rules::catalogue().any(gone), "a class has to know the rules that hold");
            // At 0.51 the engine does what it does at 0.54, and keeps no account of it.
            match engine.status_map {
                StatusMapKind::None | StatusMapKind::Late => "late".to_owned(),
                StatusMapKind::ByPhase => "by phase".to_owned(),
            }
        }
        Driven::ByApply => {
            let rules: Vec<&str> =
                rules::catalogue().filter(|rule| rule.holds_at(revision)).map(|rule| rule.id).collect();
            format!("{} {} {}", engine.status_map, engine.apply_rpc, rules.join(" "))
        }
    }
}

/// How the provider of a scenario is driven by a variant, where that can tell it from the reference.
fn driven_if_telling(variant: &Variant, scenario: &Scenario, revision: Revision) -> Option<Driven> {
    let declared = &scenario.provider.compute_plan_version;
    let mut semantics = Semantics::at(revision);
    let reference = (semantics.drives)(declared);
    match variant {
        Variant::Reference => None,
        // Trials ask the provider alone, but where a plan is applied before.
        Variant::Engine(_) | Variant::Decoder(_)
            if scenario.trials.iter().any(|it| !it.is_behind_a_plan()) =>
        {
            None
        }
        // An engine that hands the plan over asks its semantics for nothing but that, and for what to report.
        Variant::Engine(mutant) => {
            let adopts = semantics.adopt;
            (mutant.alter)(&mut semantics);
            let driven = (semantics.drives)(declared);
            let differs = driven != reference || !ptr::fn_addr_eq(semantics.adopt, adopts);
            (driven == Driven::CallByCall || differs).then_some(driven)
        }
        // The replies of the mock itself are in order: a decoder that is wrong about what to refuse shows with replies
        // that are scripted, or altered on their way.
        Variant::Decoder(_) => {
            let scripted = matches!(scenario.dispatch, Dispatch::V1 { reply: Some(_) });
            let altered = || scenario.faults.iter().any(|fault| matches!(fault.kind, FaultKind::Wire { .. }));
            (scripted || altered()).then_some(reference)
        }
        // What it does wrong shows in trials, and must not show where outcomes are looked at and nothing else goes wrong.
        // That a request is very large does nothing to a flaw, and takes long.
        Variant::Provider(_) => {
            let plain = scenario.faults.is_empty() && scenario.dispatch == Dispatch::V2;
            let outcomes = scenario.tags.iter().any(|tag| tag == "outcome");
            let size = [Trial::SameAfterwards, Trial::LongName, Trial::LargeMessage];
            let tells = scenario.trials.iter().any(|trial| !size.contains(trial));
            (plain && (outcomes || tells)).then_some(reference)
        }
    }
}
