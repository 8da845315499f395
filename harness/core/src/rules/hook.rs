//! HOOK: what the engine tells its host, when, and what the host keeps of it.

use counterfoil_proto::{Hook, Revision, iac};
use prost::Message as _;

use super::{ActionStory, CallStory, ENGINE, Findings, HookStory, Level, Rule, Story, dsp::same_json};
use crate::{
    engine::{
        Exit, Record,
        secrets::{PLACEHOLDER, secret_keys},
    },
    json::JsonMap,
    outcome::Status,
    plan::{ActionKind, ResourceOutput, Spec},
    rpc::Method,
    trace::View,
};

mod state;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "HOOK-001",
        title: "The before-action hook is called once for every action that is begun, before anything is done for it.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_64,
        until: None,
        enforced: "engine, by construction (E-021)",
        reason: "A gate that is passed by, or asked too late, guards nothing.",
        source: "E-021, E-043",
        applies: |story| story.tells_of(Hook::BeforeAction) && !story.actions.is_empty(),
        check: the_gate_comes_first,
    },
    Rule {
        id: "HOOK-002",
        title: "An action that the before-action hook refuses is not carried out.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_64,
        until: None,
        enforced: "engine, by construction (E-021)",
        reason: "The hook refuses what must not happen, such as a change of somebody else's resource.",
        source: "E-021",
        applies: |story| refused(story).next().is_some(),
        check: |story, findings| {
            for (action, hook) in refused(story) {
                let asked = action.driver_asked.into_iter();
                let went_on: Vec<usize> = asked.chain(action.calls.iter().map(|call| call.issued)).collect();
                if !went_on.is_empty() {
                    findings.add(
                        Some(action.index),
                        format!(
                            "{} was carried on with, although the before-action hook refused it",
                            action.label()
                        ),
                        hook.events().chain(went_on),
                    );
                }
            }
        },
    },
    Rule {
        id: "HOOK-003",
        title: "The resource-applied hook is called once for each resource that was brought, before the next action.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_51,
        until: None,
        enforced: "engine, by construction (E-028)",
        reason: "State that is written later, or never, is lost with whatever fails in between.",
        source: "E-028, E-057, E-331, H-14",
        applies: |story| story.tells_of(Hook::ResourceApplied) && !story.actions.is_empty(),
        check: applied_is_told,
    },
    Rule {
        id: "HOOK-004",
        title: "The resource-deleted hook is called once behind each delete that was done, before anything else.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_51,
        until: None,
        enforced: "engine, by construction (E-027, E-062)",
        reason: "A state that keeps what is gone makes the next plan change a resource that is not there.",
        source: "E-027, E-062, E-332",
        applies: |story| {
            story.tells_of(Hook::ResourceDeleted) && deletes(story).any(|(_, call)| call.is_done())
        },
        check: deleted_is_told,
    },
    Rule {
        id: "HOOK-005",
        title: "The resource-deleted hook is never called for what was not deleted.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_51,
        until: None,
        enforced: "engine, by construction (E-027)",
        reason: "A failed delete is not a delete: a resource that is forgotten goes on costing money, and nobody knows of it.",
        source: "E-027, E-061, H-09, ADR 0040",
        applies: |story| story.tells_of(Hook::ResourceDeleted) && !story.actions.is_empty(),
        check: |story, findings| {
            for action in &story.actions {
                for hook in action.hooks_of(Hook::ResourceDeleted) {
                    let done = |call: &CallStory<'_>| {
                        call.method == Method::Delete
                            && call.is_done()
                            && call.received.is_some_and(|(_, at)| at < hook.called)
                    };
                    if !action.calls.iter().any(done) {
                        findings.add(
                            Some(action.index),
                            format!(
                                "the host was told that {} had deleted its resource, and it had not",
                                action.label()
                            ),
                            action.events(),
                        );
                    }
                }
            }
        },
    },
    Rule {
        id: "HOOK-006",
        title: "The action-complete hook is called once for every action that was begun, with its outcome.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_80,
        until: None,
        enforced: "engine, by construction (E-030)",
        reason: "It is the one place where a failed action becomes visible while the apply goes on.",
        source: "E-030, E-043, H-56",
        applies: |story| story.tells_of(Hook::ActionComplete) && !story.actions.is_empty(),
        check: completion_is_told,
    },
    Rule {
        id: "HOOK-007",
        title: "The state keeps each applied resource as the provider returned it, with the config that was applied.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_51,
        until: None,
        enforced: "nobody",
        reason: "The next plan is made against this record.",
        source: "E-331, E-336",
        applies: |story| keeps_state(story) && !story.actions.is_empty(),
        check: state_is_kept,
    },
    Rule {
        id: "HOOK-008",
        title: "The state loses a resource exactly when the resource-deleted hook is told of its delete.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_51,
        until: None,
        enforced: "nobody: it is the host that keeps the state",
        reason: "What is taken out of the state and still stands lives on unknown; what is gone and kept is planned for.",
        source: "E-332, H-09, ADR 0040",
        applies: |story| keeps_state(story) && !story.actions.is_empty(),
        check: state_is_removed,
    },
    Rule {
        id: "HOOK-009",
        title: "No secret output is kept in the state.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_51,
        until: None,
        enforced: "engine, by the host's routing of sensitive outputs (E-338)",
        reason: "State files are copied, read and mailed around.",
        source: "E-338, H-01",
        applies: |story| saved(story).any(|(_, output, ..)| secret_keys(output).next().is_some()),
        check: |story, findings| {
            for (action, output, record, at) in saved(story) {
                let kept = record.outputs.build();
                let put_away = |key: &&str| {
                    kept.get(*key).is_none_or(|v| v.as_str().is_some_and(|v| v.starts_with(PLACEHOLDER)))
                };
                for key in secret_keys(output).filter(|key| !put_away(key)) {
                    findings.add(
                        Some(action.index),
                        format!("{}: the state keeps the secret {key:?} in clear", action.label()),
                        [at],
                    );
                }
            }
        },
    },
    Rule {
        id: "HOOK-010",
        title: "A hook that fails after the cloud has changed is reported as such: never as a plain error, nor as made good where nothing was.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_56,
        until: None,
        enforced: "engine, by its status map (E-040)",
        reason: "A plain error says that nothing needs to be looked after, and here something does.",
        source: "A.4, E-026, E-027, E-028, E-040, H-11",
        applies: |story| story.sees(View::Outcomes) && failed_behind(story).next().is_some(),
        check: |story, findings| {
            let Some((.., end)) = story.end else { return };
            for action in failed_behind(story) {
                for outcome in &action.outcomes {
                    // That it is no success is judged by OUT-005, and what a delete came to by HOOK-011.
                    let known = match outcome.status {
                        Status::CompensationFailed | Status::Success => true,
                        Status::Compensated => compensations_of(action).next().is_some(),
                        _ => false,
                    };
                    if !known {
                        findings.add(
                            Some(action.index),
                            format!(
                                "{} is reported as {}; its hook failed after the cloud had changed",
                                action.label(),
                                outcome.status
                            ),
                            action.events().into_iter().chain([end]),
                        );
                    }
                }
            }
        },
    },
    Rule {
        id: "HOOK-011",
        title: "What a compensating delete came to is what the outcome says of it.",
        level: Level::Should,
        judges: ENGINE,
        since: Revision::V0_56,
        until: None,
        enforced: "nobody: the engine never says that an action was compensated (E-042)",
        reason: "Whoever reads of a failed compensation looks for a resource that is not there, and the other way round.",
        source: "E-042, E-335, ADR 0040",
        applies: |story| story.sees(View::Outcomes) && compensated(story).next().is_some(),
        check: |story, findings| {
            let Some((.., end)) = story.end else { return };
            for (action, last) in compensated(story) {
                for outcome in &action.outcomes {
                    let wrong = match outcome.status {
                        Status::CompensationFailed => last.is_done(),
                        Status::Compensated => last.has_failed(),
                        _ => false,
                    };
                    if wrong {
                        let came = if last.is_done() { "done" } else { "not done" };
                        findings.add(
                            Some(action.index),
                            format!(
                                "{} is reported as {}, and its compensating delete was {came}",
                                action.label(),
                                outcome.status
                            ),
                            last.events().chain([end]),
                        );
                    }
                }
            }
        },
    },
    Rule {
        id: "HOOK-012",
        title: "A hook about an action calls nothing but deletes of what that action has just brought.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_51,
        until: None,
        enforced: "nobody",
        reason: "What makes good one failure must not cost another resource.",
        source: "E-333, E-335",
        applies: |story| compensations(story).next().is_some(),
        check: |story, findings| {
            for (action, call) in compensations(story) {
                if !points_at_what_was_brought(action, call) {
                    findings.add(
                        Some(action.index),
                        format!(
                            "{}: a hook sent a {} of something that the action had not brought",
                            action.label(),
                            call.method
                        ),
                        call.events(),
                    );
                }
            }
        },
    },
    Rule {
        id: "HOOK-013",
        title: "What was created and could not be saved is deleted again.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_51,
        until: None,
        enforced: "engine, by its host (E-335)",
        reason: "Nobody knows of a resource that is in no state, and the next apply makes another one.",
        source: "E-333, E-335, E-338",
        applies: |story| keeps_state(story) && unsaved(story).next().is_some(),
        check: |story, findings| {
            for action in unsaved(story).filter(|action| compensations_of(action).next().is_none()) {
                findings.add(
                    Some(action.index),
                    format!(
                        "{} could not be saved, and no delete was sent for what it had made",
                        action.label()
                    ),
                    action.events(),
                );
            }
        },
    },
    Rule {
        id: "HOOK-014",
        title: "No hook is called that is not installed.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_51,
        until: None,
        enforced: "engine, by construction",
        reason: "A host that did not ask for a hook is not prepared for it, and a revision that has none promises none.",
        source: "E-010, E-043",
        applies: |story| story.is_call_by_call() && story.end.is_some() && story.tells_all(),
        check: |story, findings| {
            let of_actions =
                story.actions.iter().flat_map(|a| a.hooks.iter().map(|hook| (Some(a.index), hook)));
            let calls = of_actions.chain(story.completions.iter().map(|hook| (None, hook)));
            for (action, called) in calls.filter(|(_, called)| !story.has_hook(called.hook)) {
                let message = format!("the {} hook was called, which is not installed", called.hook);
                findings.add(action, message, called.events());
            }
        },
    },
    Rule {
        id: "HOOK-015",
        title: "In the end the state holds what stands in the cloud, and nothing that is gone, as far as the engine was told.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_51,
        until: None,
        enforced: "nobody",
        reason: "Each write may be in order and their sum not: the next plan is made against what is left of all of them.",
        source: "E-331, E-332, H-09, H-14",
        applies: |story| {
            // What comes of an action that is carried on with all the same is no longer the engine's contract, nor what the
            // state holds behind it.
            let went_on = story.actions.iter().any(ActionStory::went_on);
            keeps_state(story) && !story.actions.is_empty() && !went_on
        },
        check: state::agrees_with_the_cloud,
    },
];

/// Whether the trace tells what the host keeps.
fn keeps_state(story: &Story<'_>) -> bool {
    let over = story.is_call_by_call() && story.end.is_some();
    over && story.tells_all() && story.sees(View::Host)
}

/// Creates and replaces whose resource could not be saved.
fn unsaved<'s, 't>(story: &'s Story<'t>) -> impl Iterator<Item = &'s ActionStory<'t>> {
    story.actions.iter().filter(|action| {
        let brings = matches!(action.action.kind, ActionKind::Create | ActionKind::Replace);
        brings && action.hooks_of(Hook::ResourceApplied).any(|hook| hook.error.is_some())
    })
}

/// The deletes that hooks sent for an action, as far as there was an answer.
fn compensations_of<'s, 't>(action: &'s ActionStory<'t>) -> impl Iterator<Item = &'s CallStory<'t>> {
    let answered = |call: &&CallStory<'_>| call.method == Method::Delete && call.answer().is_some();
    action.hook_calls.iter().filter(answered)
}

/// Actions that were begun and that no ended context stopped.
fn begun<'s, 't>(story: &'s Story<'t>) -> impl Iterator<Item = &'s ActionStory<'t>> {
    let stopped = |action: &&ActionStory<'_>| action.exit() == Some(Exit::Cancelled);
    story.actions.iter().filter(move |action| action.started.is_some() && !stopped(action))
}

fn the_gate_comes_first(story: &Story<'_>, findings: &mut Findings<'_>) {
    never_begun(story, Hook::BeforeAction, findings);
    for action in begun(story) {
        let calls = action.calls.iter().map(|call| call.issued);
        let asked = action.unresolved.into_iter().chain(action.driver_asked).chain(calls).min();
        let calls: Vec<&HookStory<'_>> = action.hooks_of(Hook::BeforeAction).collect();
        let what = match calls[..] {
            [one] if asked.is_none_or(|asked| one.called < asked) => continue,
            [_] => "after something had been done for it".to_owned(),
            [] => "not at all".to_owned(),
            _ => format!("{} times", calls.len()),
        };
        findings.add(
            Some(action.index),
            format!(
                "{}: the before-action hook was called {what}; expected once, first of all",
                action.label()
            ),
            action.events(),
        );
    }
}

/// Finds the calls of a hook about actions that were never begun.
fn never_begun(story: &Story<'_>, hook: Hook, findings: &mut Findings<'_>) {
    for action in story.actions.iter().filter(|action| action.started.is_none()) {
        for called in action.hooks_of(hook) {
            findings.add(
                Some(action.index),
                format!("the {hook} hook was called for {}, which was never begun", action.label()),
                called.events(),
            );
        }
    }
}

/// Actions that the gate refused, with the call of it that did.
fn refused<'s, 't>(story: &'s Story<'t>) -> impl Iterator<Item = (&'s ActionStory<'t>, &'s HookStory<'t>)> {
    let judged = story.is_call_by_call();
    story.actions.iter().filter(move |_| judged).filter_map(|action| {
        let refusal = action.hooks_of(Hook::BeforeAction).find(|called| called.error.is_some());
        refusal.map(|refusal| (action, refusal))
    })
}

fn applied_is_told(story: &Story<'_>, findings: &mut Findings<'_>) {
    never_begun(story, Hook::ResourceApplied, findings);
    for action in begun(story).filter(|action| action.ending.is_some() && !action.went_on()) {
        let told: Vec<&HookStory<'_>> = action.hooks_of(Hook::ResourceApplied).collect();
        let next = action.started.and_then(|own| story.next_start(own)).unwrap_or(usize::MAX);
        let replied = action.calls.iter().filter_map(|call| call.received).map(|(_, at)| at).max();
        let in_time = |hook: &HookStory<'_>| Some(hook.called) > replied && hook.called < next;
        let brought = action.output.is_some()
            && action.exit().is_some_and(|exit| matches!(exit, Exit::Clean | Exit::ApplyHook));
        let what = match (brought, &told[..]) {
            (true, [one]) if in_time(one) => continue,
            (true, [_]) => "before the reply, or after the next action had begun",
            (true, []) => "not at all",
            (true, _) => "more than once",
            (false, []) => continue,
            (false, _) => "although it had brought no resource",
        };
        findings.add(
            Some(action.index),
            format!("{}: the resource-applied hook was called {what}", action.label()),
            action.events(),
        );
    }
}

/// The deletes that the engine sent on behalf of actions.
fn deletes<'s, 't>(story: &'s Story<'t>) -> impl Iterator<Item = (&'s ActionStory<'t>, &'s CallStory<'t>)> {
    let own = !story.drivers_replace();
    let judged = story.is_call_by_call();
    story
        .actions
        .iter()
        .filter(move |action| judged && (own || action.action.kind != ActionKind::Replace))
        .flat_map(|action| {
            action.calls.iter().filter(|call| call.method == Method::Delete).map(move |call| (action, call))
        })
}

fn deleted_is_told(story: &Story<'_>, findings: &mut Findings<'_>) {
    for (action, call) in deletes(story).filter(|(_, call)| call.is_done()) {
        let Some((_, received)) = call.received else { continue };
        let later = action.calls.iter().map(|call| call.issued).filter(|at| *at > received);
        let next = later.chain(action.ended.filter(|at| *at > received)).min().unwrap_or(usize::MAX);
        let told = action
            .hooks_of(Hook::ResourceDeleted)
            .filter(|hook| hook.called > received && hook.called < next)
            .count();
        if told != 1 {
            findings.add(
                Some(action.index),
                format!(
                    "{}: the resource-deleted hook was called {told} times behind its delete; expected once",
                    action.label()
                ),
                action.events(),
            );
        }
    }
}

fn completion_is_told(story: &Story<'_>, findings: &mut Findings<'_>) {
    never_begun(story, Hook::ActionComplete, findings);
    for action in story.actions.iter().filter(|action| action.started.is_some()) {
        let told: Vec<&HookStory<'_>> = action.hooks_of(Hook::ActionComplete).collect();
        // How many outcomes there are, and of which kind, is judged by OUT.
        let alike =
            |hook: &HookStory<'_>| action.outcomes.first().is_none_or(|own| hook.outcome == Some(*own));
        let others = action.hooks.iter().filter(|hook| hook.hook != Hook::ActionComplete);
        let calls = action.calls.iter().chain(&action.hook_calls).flat_map(CallStory::events);
        let done = calls.chain(others.flat_map(HookStory::events)).chain(action.driver_asked).max();
        let next = action.started.and_then(|own| story.next_start(own)).unwrap_or(usize::MAX);
        let in_time = |hook: &HookStory<'_>| Some(hook.called) > done && hook.called < next;
        let what = match told[..] {
            [one] if alike(one) && in_time(one) => continue,
            [one] if alike(one) => "before the action was through, or after the next had begun",
            [_] => "with another outcome than the result has",
            [] => "not at all",
            _ => "more than once",
        };
        findings.add(
            Some(action.index),
            format!("{}: the action-complete hook was called {what}", action.label()),
            action.events(),
        );
    }
}

fn state_is_kept(story: &Story<'_>, findings: &mut Findings<'_>) {
    for action in story.actions.iter().filter(|action| !action.went_on()) {
        let told = action.hooks_of(Hook::ResourceApplied).find(|hook| hook.answered.is_some());
        let told = told.filter(|hook| hook.error.is_none());
        match (told, action.output.as_ref(), &action.saved[..]) {
            (None, _, []) | (Some(_), None, []) => {}
            (Some(hook), Some(output), [(record, at)]) if hook.spans(*at) => {
                // That it is the right one is judged by DSP-006.
                let Some(config) = config_sent(action) else { continue };
                let spec = Spec { config, ..action.action.spec.clone() };
                let differing = differences(record, &spec, output);
                if !differing.is_empty() {
                    findings.add(
                        Some(action.index),
                        format!(
                            "{}: the state keeps another {} than what was applied",
                            action.label(),
                            differing.join(" and another ")
                        ),
                        action.events().into_iter().chain([*at]),
                    );
                }
            }
            (told, _, saved) => {
                let expected = if told.is_some() { "one, by the resource-applied hook" } else { "none" };
                findings.add(
                    Some(action.index),
                    format!(
                        "{}: the state kept {} records of it; expected {expected}",
                        action.label(),
                        saved.len()
                    ),
                    action.events().into_iter().chain(saved.iter().map(|(_, at)| *at)),
                );
            }
        }
    }
}

fn state_is_removed(story: &Story<'_>, findings: &mut Findings<'_>) {
    for action in story.actions.iter().filter(|action| !action.went_on()) {
        let told = || action.hooks_of(Hook::ResourceDeleted).filter(|hook| hook.answered.is_some());
        for (name, at) in &action.removed {
            let by_hook = told().any(|hook| hook.error.is_none() && hook.spans(*at));
            if !by_hook || *name != action.action.spec.name {
                findings.add(
                    Some(action.index),
                    format!(
                        "{}: the state lost {name:?}, of whose delete nobody had told it",
                        action.label()
                    ),
                    action.events().into_iter().chain([*at]),
                );
            }
        }
        for hook in told().filter(|hook| hook.error.is_none()) {
            let removed = action.removed.iter().filter(|(_, at)| hook.spans(*at)).count();
            if removed != 1 {
                findings.add(
                    Some(action.index),
                    format!(
                        "{}: told of its delete, the state lost {removed} resources; expected one",
                        action.label()
                    ),
                    hook.events(),
                );
            }
        }
        // What is deleted and of which nobody is told is judged by HOOK-004, and what is not deleted by HOOK-005.
    }
}

/// The config that went to the driver, and brought the resource.
fn config_sent(action: &ActionStory<'_>) -> Option<JsonMap> {
    let call =
        action.calls.iter().rev().find(|call| matches!(call.method, Method::Create | Method::Update))?;
    let spec = match call.method {
        Method::Create => iac::ResourceCreateRequest::decode(call.request).ok()?.spec,
        _ => iac::ResourceUpdateRequest::decode(call.request).ok()?.spec,
    };
    JsonMap::parse(spec?.config_json).ok()
}

/// In what a record differs from what was applied. What stands there may be secret, and long.
fn differences(record: &Record, spec: &Spec, output: &ResourceOutput) -> Vec<&'static str> {
    // That secrets are put away is judged by HOOK-009.
    let without_secrets = |outputs: &JsonMap| {
        let mut outputs = outputs.build();
        secret_keys(output).for_each(|key| drop(outputs.remove(key)));
        JsonMap::from(outputs)
    };
    let (kept, brought) = (without_secrets(&record.outputs), without_secrets(&output.outputs));
    let fields = [
        ("name", record.name != spec.name),
        ("type", record.resource_type != spec.resource_type),
        ("provider id", record.provider_id != output.provider_id),
        ("applied config", !same_json(record.applied_config.as_bytes(), &spec.config)),
        ("outputs", !same_json(kept.as_bytes(), &brought)),
    ];
    fields.into_iter().filter(|(_, differs)| *differs).map(|(field, _)| field).collect()
}

/// What was kept of each action that brought an output, and where.
fn saved<'s, 't>(
    story: &'s Story<'t>,
) -> impl Iterator<Item = (&'s ActionStory<'t>, &'s ResourceOutput, &'t Record, usize)> {
    story.actions.iter().flat_map(|action| {
        let output = action.output.as_ref();
        action.saved.iter().filter_map(move |(record, at)| Some((action, output?, *record, *at)))
    })
}

/// Actions whose hook failed after the cloud had changed.
fn failed_behind<'s, 't>(story: &'s Story<'t>) -> impl Iterator<Item = &'s ActionStory<'t>> {
    let judged = story.is_call_by_call() && story.end.is_some();
    let behind = |action: &&ActionStory<'_>| action.exit().is_some_and(Exit::is_after_dispatch);
    story.actions.iter().filter(move |action| judged && behind(action))
}

/// The calls of hooks that are about single actions.
fn compensations<'s, 't>(
    story: &'s Story<'t>,
) -> impl Iterator<Item = (&'s ActionStory<'t>, &'s CallStory<'t>)> {
    story.actions.iter().flat_map(|action| action.hook_calls.iter().map(move |call| (action, call)))
}

/// Actions that were made good, or should have been, with the last delete that was to do it.
fn compensated<'s, 't>(
    story: &'s Story<'t>,
) -> impl Iterator<Item = (&'s ActionStory<'t>, &'s CallStory<'t>)> {
    let over = story.end.is_some();
    // A delete behind an update makes nothing good: that it was sent is judged by DSP-011.
    let brings = |action: &&ActionStory<'_>| action.action.kind != ActionKind::Update;
    story
        .actions
        .iter()
        .filter(move |action| over && brings(action))
        .filter_map(|action| compensations_of(action).last().map(|last| (action, last)))
}

/// Whether a call of a hook deletes what the action brought, by what the driver says or by what was asked for.
fn points_at_what_was_brought(action: &ActionStory<'_>, call: &CallStory<'_>) -> bool {
    let (Some(output), Some((_, target))) = (&action.output, call.target()) else { return false };
    let spec = &action.action.spec;
    let names = [(&output.name, &output.resource_type), (&spec.name, &spec.resource_type)];
    call.method == Method::Delete
        && names.contains(&(&target.name, &target.r#type))
        && (target.provider_id.is_empty() || target.provider_id == output.provider_id)
}

#[cfg(test)]
mod tests {
    use counterfoil_proto::Hook;

    use crate::{
        plan::{Action, ActionKind, Spec},
        rules::judge,
        testing::Setting,
        trace::{Event, Trace},
    };

    /// A create with these hooks.
    fn created(hooks: &[Hook]) -> Trace {
        let spec = Spec { name: "net".to_owned(), resource_type: "infra.vpc".to_owned(), ..Spec::default() };
        let mut setting =
            Setting::of(vec![Action { kind: ActionKind::Create, spec, current: None, changes: Vec::new() }]);
        setting.hooks = hooks.to_vec();
        setting.run().1
    }

    /// Where the call of a hook stands, with its answer behind it.
    fn place(trace: &Trace, hook: Hook) -> usize {
        let calls =
            |event: &Event| matches!(event, Event::HookCalled { hook: called, .. } if *called == hook);
        trace.events.iter().position(calls).unwrap()
    }

    fn message(trace: &Trace, rule: &str) -> Option<String> {
        judge(trace).findings.into_iter().find(|finding| finding.rule == rule).map(|finding| finding.message)
    }

    #[test]
    fn a_gate_that_comes_too_late_is_told_from_one_that_comes_twice() {
        let trace = created(&[Hook::BeforeAction]);
        assert_eq!(message(&trace, "HOOK-001"), None);
        let gate = place(&trace, Hook::BeforeAction);

        let mut late = trace.clone();
        late.events[gate..].rotate_left(2);
        let told = message(&late, "HOOK-001").unwrap();
        assert!(told.contains("called after something had been done for it;"), "{told}");

        let mut twice = trace.clone();
        let again = trace.events[gate..gate + 2].to_vec();
        twice.events.splice(gate..gate, again);
        let told = message(&twice, "HOOK-001").unwrap();
        assert!(told.contains("called 2 times;"), "{told}");
    }

    #[test]
    fn a_completion_that_comes_too_soon_is_told_from_one_with_another_outcome() {
        let trace = created(&[Hook::BeforeAction, Hook::ActionComplete]);
        assert_eq!(message(&trace, "HOOK-006"), None);
        let (gate, completion) = (place(&trace, Hook::BeforeAction), place(&trace, Hook::ActionComplete));

        let mut soon = trace.clone();
        soon.events[gate + 2..completion + 2].rotate_right(2);
        let told = message(&soon, "HOOK-006").unwrap();
        assert!(told.contains("called before the action was through"), "{told}");

        let mut other = trace;
        let Event::HookCalled { outcome, .. } = &mut other.events[completion] else { unreachable!() };
        *outcome = None;
        let told = message(&other, "HOOK-006").unwrap();
        assert!(told.contains("called with another outcome"), "{told}");
    }
}
