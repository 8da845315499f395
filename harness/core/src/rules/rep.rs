//! REP: a replace is a delete of the old resource, then a create of the new one, and the plan learns the new id.
//!
//! A driver that replaces by itself can be advertised nowhere on the wire (E-168), so over the wire every replace is
//! these two calls.

use std::collections::{BTreeSet, HashMap};

use counterfoil_proto::{Hook, Revision};

use super::{ActionStory, CallStory, ENGINE, Findings, Level, Rule, Story, dsp::listed};
use crate::{engine::Exit, plan::ActionKind, rpc::Method, trace::View};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "REP-001",
        title: "A replace deletes before it creates, each at most once, and calls nothing else.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_51,
        until: None,
        enforced: "engine, by construction (E-060)",
        reason: "Names and addresses are taken until the old resource is gone.",
        source: "E-060, E-068, H-46",
        applies: |story| has_replace(story) && story.end.is_some(),
        check: delete_comes_first,
    },
    Rule {
        id: "REP-002",
        title: "A replace whose delete failed, or whose host could not take that in, does not create.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_51,
        until: None,
        enforced: "engine, by construction (E-061, E-062)",
        reason: "The old resource still stands, in the cloud or in the state, and a second one would stand beside it.",
        source: "E-061, E-062",
        applies: |story| {
            replaces(story).any(|action| {
                let failed = |call: &CallStory<'_>| call.method == Method::Delete && call.has_failed();
                action.calls.iter().any(failed) || deleted_hook_failed(action)
            })
        },
        check: a_failed_delete_ends_it,
    },
    Rule {
        id: "REP-003",
        title: "A replace whose delete was done goes on to create.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_51,
        until: None,
        enforced: "engine, by construction (E-060)",
        reason: "A replace that stops half-way is a delete.",
        source: "E-060",
        applies: |story| story.end.is_some() && replaces(story).any(deleted),
        check: a_done_delete_goes_on,
    },
    Rule {
        id: "REP-004",
        title: "The id map holds the new id of each replace that created its successor, and nothing else.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_51,
        until: None,
        enforced: "engine, by construction (E-065)",
        reason: "Whoever depends on the resource is led to the id in this map.",
        source: "E-061, E-063, E-064, E-065",
        applies: |story| story.is_call_by_call() && story.end.is_some() && story.sees(View::Result),
        check: the_id_map_is_exact,
    },
    Rule {
        id: "REP-005",
        title: "A replace deletes the resource by the id that the state knew before.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_51,
        until: None,
        enforced: "engine, by construction (E-068)",
        reason: "Any other id deletes the wrong resource, or the new one.",
        source: "E-060, E-068",
        applies: |story| {
            replaces(story).any(|action| action.calls.iter().any(|call| call.method == Method::Delete))
        },
        check: the_old_id_is_deleted,
    },
];

/// The replaces that came to a driver; those that drivers make by themselves are none of the engine's.
fn replaces<'s, 't>(story: &'s Story<'t>) -> impl Iterator<Item = &'s ActionStory<'t>> {
    let by_engine = !story.trace.header.drivers.replacer;
    story.reached().filter(move |action| by_engine && action.action.kind == ActionKind::Replace)
}

fn has_replace(story: &Story<'_>) -> bool {
    replaces(story).next().is_some()
}

fn deleted(action: &ActionStory<'_>) -> bool {
    action.calls.iter().any(|call| call.method == Method::Delete && call.is_done())
}

fn deleted_hook_failed(action: &ActionStory<'_>) -> bool {
    action.hooks_of(Hook::ResourceDeleted).any(|hook| hook.error.is_some())
}

fn delete_comes_first(story: &Story<'_>, findings: &mut Findings<'_>) {
    for action in replaces(story) {
        let made: Vec<Method> = action.calls.iter().map(|call| call.method).collect();
        if !matches!(made[..], [Method::Delete] | [Method::Delete, Method::Create]) {
            findings.add(
                Some(action.index),
                format!("{} made {}; expected a delete, then a create", action.label(), listed(&made)),
                action.events(),
            );
        }
    }
}

fn a_failed_delete_ends_it(story: &Story<'_>, findings: &mut Findings<'_>) {
    for action in replaces(story) {
        let mut failed = false;
        for call in &action.calls {
            match call.method {
                Method::Delete => failed = call.has_failed() || deleted_hook_failed(action),
                Method::Create if failed => findings.add(
                    Some(action.index),
                    format!(
                        "{} created its successor after its delete, or the hook behind it, had failed",
                        action.label()
                    ),
                    action.events(),
                ),
                _ => {}
            }
        }
    }
}

fn a_done_delete_goes_on(story: &Story<'_>, findings: &mut Findings<'_>) {
    for action in replaces(story).filter(|action| deleted(action)) {
        let must_stop = matches!(action.exit(), Some(Exit::ReplaceCancelled | Exit::ReplaceDeleteHook));
        if !must_stop && !action.calls.iter().any(|call| call.method == Method::Create) {
            findings.add(
                Some(action.index),
                format!("{} deleted the old resource and created no new one", action.label()),
                action.events(),
            );
        }
    }
}

fn the_id_map_is_exact(story: &Story<'_>, findings: &mut Findings<'_>) {
    let Some((result, _, end)) = story.end else { return };
    let names: BTreeSet<&String> = story.replace_ids.keys().chain(result.replace_ids.keys()).collect();
    let of_name: HashMap<&str, &ActionStory<'_>> =
        replaces(story).map(|action| (action.action.spec.name.as_str(), action)).collect();
    for name in names {
        let (expected, found) = (story.replace_ids.get(name), result.replace_ids.get(name));
        // What came of a replace that was made in spite of a refusal is no longer the engine's contract.
        let went_on =
            || story.actions.iter().any(|action| action.went_on() && action.action.spec.name == *name);
        if expected == found || went_on() {
            continue;
        }
        let shown = |id: Option<&String>| id.map_or("no entry".to_owned(), |id| format!("{id:?}"));
        let action = of_name.get(name.as_str()).copied();
        findings.add(
            action.map(|action| action.index),
            format!("the id map has {} for {name:?}; expected {}", shown(found), shown(expected)),
            action.map(ActionStory::events).unwrap_or_default().into_iter().chain([end]),
        );
    }
}

fn the_old_id_is_deleted(story: &Story<'_>, findings: &mut Findings<'_>) {
    for action in replaces(story) {
        let old = action.action.target().provider_id;
        for call in action.calls.iter().filter(|call| call.method == Method::Delete) {
            let Some((_, sent)) = call.target() else { continue };
            if sent.provider_id != old {
                findings.add(
                    Some(action.index),
                    format!("{} deleted the id {:?}; expected {old:?}", action.label(), sent.provider_id),
                    call.events(),
                );
            }
        }
    }
}
