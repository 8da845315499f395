//! OUT: every started action leaves exactly one outcome, and every outcome tells the truth.

use std::{
    collections::{BTreeSet, HashMap, HashSet, VecDeque},
    hash::Hash,
};

use counterfoil_proto::{Revision, StatusMapKind};

use super::{ActionStory, Answer, CallStory, ENGINE, Ending, Findings, Level, Rule, Story, dsp::in_doubles};
use crate::{
    decode::{Decoder as _, Strict},
    engine::{
        Exit, FINALIZE, inputs,
        semantics::{late_status, status_by_phase},
    },
    json::JsonMap,
    outcome::{ActionError, ApplyResult, InputDrift, Status},
    plan::ResourceOutput,
    rpc::Method,
    trace::{Driven, Reply, View},
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "OUT-001",
        title: "Every started action leaves an outcome.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_54,
        until: None,
        enforced: "engine, by a length check at the natural end of an apply (E-033)",
        reason: "An action without an outcome may have changed the cloud, and nobody will ever know.",
        source: "E-030, E-032, H-10",
        applies: shows_outcomes,
        check: every_started_action_has_one,
    },
    Rule {
        id: "OUT-002",
        title: "No action leaves two outcomes.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_54,
        until: None,
        enforced: "nobody: the length check counts, and two of one beside none of another add up",
        reason: "Of two outcomes one is wrong, and a reader cannot tell which.",
        source: "E-030, H-10",
        applies: shows_outcomes,
        check: no_action_has_two,
    },
    Rule {
        id: "OUT-003",
        title: "An outcome belongs to an action of the plan that was started.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_54,
        until: None,
        enforced: "nobody",
        reason: "An outcome of something that never began reports what did not happen.",
        source: "E-011, E-032, E-033",
        applies: shows_outcomes,
        check: outcomes_belong_to_started_actions,
    },
    Rule {
        id: "OUT-004",
        title: "Outcomes stand in the order of the plan.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_54,
        until: None,
        enforced: "nobody",
        reason: "Readers pair outcomes and actions by position.",
        source: "E-002, E-033",
        applies: shows_outcomes,
        check: outcomes_are_in_order,
    },
    Rule {
        id: "OUT-005",
        title: "Success is reported only for what the provider acknowledged.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_54,
        until: None,
        enforced: "engine, by construction (E-030)",
        reason: "A false success is a resource that everybody believes in and nobody has.",
        source: "E-025, E-030, ADR 0040",
        applies: has_outcomes,
        check: success_is_true,
    },
    Rule {
        id: "OUT-006",
        title: "A failure is reported only for what failed.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_54,
        until: None,
        enforced: "engine, by construction (E-030)",
        reason: "A false failure makes people repeat what was done.",
        source: "E-030",
        applies: has_outcomes,
        check: failure_is_true,
    },
    Rule {
        id: "OUT-007",
        title: "A failure has the status of the way by which it came about.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_54,
        until: None,
        enforced: "engine, by its status map (E-040, E-041)",
        reason: "Skipped, failed and half-done ask for different repairs.",
        source: "A.4, H-11",
        applies: shows_outcomes,
        check: status_fits_the_exit,
    },
    Rule {
        id: "OUT-008",
        title: "A failure has a text, and a success has none.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_54,
        until: None,
        enforced: "engine, by construction (E-030)",
        reason: "A failure without a text leaves nothing to act on.",
        source: "E-030",
        applies: shows_outcomes,
        check: text_exactly_on_failure,
    },
    Rule {
        id: "OUT-009",
        title: "The text of a failure is the error that arrived, behind the prefix of its phase.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_54,
        until: None,
        enforced: "engine, by construction",
        reason: "People search for the text that the provider wrote.",
        source: "E-022, E-023, E-024, E-058, E-061, E-064",
        applies: has_outcomes,
        check: text_is_verbatim,
    },
    Rule {
        id: "OUT-010",
        title: "The error list holds each failure of a single action once, and nothing else.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_51,
        until: None,
        enforced: "engine, by construction (E-025)",
        reason: "The command's exit code comes from the error list, not from the outcomes.",
        source: "E-022, E-023, E-025, E-313, H-56",
        applies: |story| has_outcomes(story) && story.sees(View::Errors),
        check: errors_match_failures,
    },
    Rule {
        id: "OUT-011",
        title: "The result lists the resources that the provider returned, and no others.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_51,
        until: None,
        enforced: "engine, by construction (E-050)",
        reason: "State is written from this list.",
        source: "E-028, E-050, E-055, E-065",
        applies: shows_result,
        check: resources_are_those_returned,
    },
    Rule {
        id: "OUT-012",
        title: "A call that did its work, and whose reply was lost or refused, leaves nothing behind that no state knows of.",
        level: Level::Should,
        judges: ENGINE,
        since: Revision::V0_51,
        until: None,
        enforced: "nobody: the engine never reads back after a failed call",
        reason: "The failure is reported truthfully, and the resource lives on, paid for and unknown.",
        source: "E-025, E-058, E-170, H-57",
        applies: |story| story.calls().any(reply_was_lost),
        check: lost_replies,
    },
    Rule {
        id: "OUT-013",
        title: "The result carries the id of the plan.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_51,
        until: None,
        enforced: "engine, by construction (E-003)",
        reason: "A result that cannot be matched with its plan is evidence of nothing.",
        source: "E-003",
        applies: shows_result,
        check: |story, findings| {
            let Some((result, _, end)) = story.end else { return };
            let planned = &story.trace.header.plan.id;
            if result.plan_id != *planned {
                let message =
                    format!("the result is that of plan {:?}; expected {planned:?}", result.plan_id);
                findings.add(None, message, [end]);
            }
        },
    },
    Rule {
        id: "OUT-014",
        title: "What the provider answers to Apply is what the apply reports: its result, or its error.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_51,
        until: Some(Revision::V0_56),
        enforced: "engine, by construction (D-010)",
        reason: "The provider alone knows what it did; whatever the engine changes in its account is lost.",
        source: "D-010, D-060",
        applies: |story| apply_call(story).is_some() && story.end.is_some(),
        check: the_result_is_the_reply,
    },
    Rule {
        id: "OUT-015",
        title: "The result says with which inputs the apply began, and which of them are no longer the plan's.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_51,
        until: None,
        enforced: "engine, whatever ended the apply (E-073)",
        reason: "A plan that was made for other inputs changes what nobody has looked at.",
        source: "E-004, E-073, E-074, H-38",
        applies: |story| story.tells_all() && shows_result(story),
        check: |story, findings| {
            let Some((result, _, end)) = story.end else { return };
            let header = &story.trace.header;
            let began = inputs::snapshot(&header.plan.inputs, &header.environment);
            if result.initial_inputs != began {
                let message = format!("the apply began with {:?}; expected {began:?}", result.initial_inputs);
                findings.add(None, message, [end]);
            }
            let drift = inputs::drift(&header.plan.inputs, &header.environment);
            if result.input_drift != drift {
                let names = |drift: &[InputDrift]| -> Vec<String> {
                    drift.iter().map(|input| input.name.clone()).collect()
                };
                let message = format!(
                    "the result reports {:?} as changed; expected {:?}",
                    names(&result.input_drift),
                    names(&drift)
                );
                findings.add(None, message, [end]);
            }
        },
    },
];

/// True where the engine keeps the account, and closed it.
fn has_outcomes(story: &Story<'_>) -> bool {
    story.is_call_by_call() && story.end.is_some()
}

/// True where the account is shown outcome by outcome.
fn shows_outcomes(story: &Story<'_>) -> bool {
    has_outcomes(story) && story.sees(View::Outcomes)
}

/// True where the account is shown with what stands beside outcomes and errors.
fn shows_result(story: &Story<'_>) -> bool {
    has_outcomes(story) && story.sees(View::Result)
}

/// The one `Apply` of a provider that is driven through it.
fn apply_call<'s, 't>(story: &'s Story<'t>) -> Option<&'s CallStory<'t>> {
    let by_apply = story.trace.header.driven == Driven::ByApply;
    let mut calls = story.other_calls.iter().filter(|call| by_apply && call.method == Method::Apply);
    calls.next().filter(|_| calls.next().is_none())
}

/// True where the provider did what changes the cloud, and the engine was told that the call had failed, or could not
/// read what came back.
fn reply_was_lost(call: &CallStory<'_>) -> bool {
    let sent = call.sent.is_some_and(|(reply, _)| reply.is_ok());
    let received = call.received.is_some_and(|(reply, _)| !reply.is_ok());
    let refused = call.refused.is_some();
    sent && if call.is_mutation() { received || refused } else { received && call.method == Method::Apply }
}

fn lost_replies(story: &Story<'_>, findings: &mut Findings<'_>) {
    for call in story.calls().filter(|call| reply_was_lost(call)) {
        let whose = call.action.and_then(|action| story.actions.get(action as usize));
        let whose = whose.map_or("the whole plan".to_owned(), ActionStory::label);
        findings.add(
            call.action,
            format!(
                "{whose}: the provider did the {}, its reply was {}, and nothing read it back",
                call.method,
                if call.refused.is_some() { "refused" } else { "lost" }
            ),
            call.events(),
        );
    }
}

fn the_result_is_the_reply(story: &Story<'_>, findings: &mut Findings<'_>) {
    let (Some(call), Some((result, error, end))) = (apply_call(story), story.end) else { return };
    let mut found = |message: String| findings.add(None, message, call.events().chain([end]));
    let (expected, expected_error) = match (call.answer(), call.received) {
        (Some(Answer::Error(sent)), _) => (ApplyResult::default(), Some(sent.to_string())),
        (Some(Answer::Refused), _) => (ApplyResult::default(), error.map(str::to_owned)),
        (Some(Answer::Done), Some((Reply::Ok(bytes), _))) => {
            let reading = Strict.apply_response(&bytes.0, &story.apply_context());
            // What a decoder made of bytes that it should have refused is anybody's guess.
            if !reading.is_accepted() {
                return;
            }
            (reading.value, None)
        }
        _ => return,
    };
    if matches!(call.answer(), Some(Answer::Refused)) && error.is_none() {
        found("the reply to Apply was refused, and the apply reports no error".to_owned());
    } else if expected_error.as_deref() != error {
        found(format!(
            "the apply ends with {}; the call ended with {}",
            error.unwrap_or("no error"),
            expected_error.as_deref().unwrap_or("no error")
        ));
    }
    if expected != *result {
        found(format!(
            "the apply reports {} outcomes, {} errors and {} resources; the reply has {}, {} and {}{}",
            result.outcomes.len(),
            result.errors.len(),
            result.resources.len(),
            expected.outcomes.len(),
            expected.errors.len(),
            expected.resources.len(),
            if expected.outcomes.len() == result.outcomes.len() { ", and what they say differs" } else { "" }
        ));
    }
}

fn every_started_action_has_one(story: &Story<'_>, findings: &mut Findings<'_>) {
    let Some((.., end)) = story.end else { return };
    // Where nothing ends the apply, every planned action counts as started, whatever the engine says.
    let runs_on = story.fatal.is_none();
    for action in &story.actions {
        let owed = runs_on || action.started.is_some();
        if owed && action.outcomes.is_empty() {
            let evidence = action.events().into_iter().chain([end]);
            findings.add(Some(action.index), format!("{} has no outcome", action.label()), evidence);
        }
    }
}

fn no_action_has_two(story: &Story<'_>, findings: &mut Findings<'_>) {
    let Some((.., end)) = story.end else { return };
    for action in &story.actions {
        if action.outcomes.len() > 1 {
            let statuses: Vec<_> = action.outcomes.iter().map(|outcome| outcome.status.as_str()).collect();
            findings.add(
                Some(action.index),
                format!("{} has {} outcomes: {}", action.label(), statuses.len(), statuses.join(", ")),
                [end],
            );
        }
    }
}

fn outcomes_belong_to_started_actions(story: &Story<'_>, findings: &mut Findings<'_>) {
    let Some((result, _, end)) = story.end else { return };
    let stopped = story.fatal.is_some();
    let started: BTreeSet<u32> = story.started.iter().map(|(action, _)| *action).collect();
    for outcome in &result.outcomes {
        let index = outcome.action_index;
        if index as usize >= story.actions.len() {
            let planned = story.actions.len();
            findings.add(
                None,
                format!("an outcome names action {index}, and the plan has {planned} actions"),
                [end],
            );
        } else if stopped && !started.contains(&index) {
            findings.add(
                Some(index),
                format!(
                    "{} has an outcome ({}) and was never started",
                    story.actions[index as usize].label(),
                    outcome.status
                ),
                [end],
            );
        }
    }
}

fn outcomes_are_in_order(story: &Story<'_>, findings: &mut Findings<'_>) {
    let Some((result, _, end)) = story.end else { return };
    for pair in result.outcomes.windows(2) {
        let (before, after) = (pair[0].action_index, pair[1].action_index);
        if after < before {
            findings.add(
                Some(after),
                format!("the outcome of action {after} stands behind that of action {before}"),
                [end],
            );
        }
    }
}

fn success_is_true(story: &Story<'_>, findings: &mut Findings<'_>) {
    let Some((.., end)) = story.end else { return };
    for action in &story.actions {
        let claimed = action.outcomes.iter().any(|outcome| outcome.status == Status::Success);
        let why = match &action.ending {
            Some(ending) if ending.exit == Exit::Clean => continue,
            Some(Ending { error: Some(error), .. }) => format!("it failed: {error}"),
            Some(_) => "its reply was refused".to_owned(),
            None => "no reply says that it was done".to_owned(),
        };
        if claimed {
            findings.add(
                Some(action.index),
                format!("{} is reported as a success, and {why}", action.label()),
                action.events().into_iter().chain([end]),
            );
        }
    }
}

fn failure_is_true(story: &Story<'_>, findings: &mut Findings<'_>) {
    each_outcome(story, |action, ending, status, end| {
        if status != Status::Success && ending.exit == Exit::Clean {
            findings.add(
                Some(action.index),
                format!("{} is reported as {status}, and every reply that arrived was OK", action.label()),
                action.events().into_iter().chain([end]),
            );
        }
    });
}

fn status_fits_the_exit(story: &Story<'_>, findings: &mut Findings<'_>) {
    let map = story.trace.header.revision.engine().status_map;
    let status_of = match map {
        StatusMapKind::None => return,
        StatusMapKind::Late => late_status,
        StatusMapKind::ByPhase => status_by_phase,
    };
    each_outcome(story, |action, ending, status, end| {
        let expected = status_of(ending.exit, &action.action.kind);
        let both_failed = status != Status::Success && expected != Status::Success;
        // What a failed hook leaves behind is judged by HOOK-010, from when on there is a status for it.
        let by_hook = map == StatusMapKind::ByPhase && ending.exit.is_after_dispatch();
        if both_failed && !by_hook && status != expected {
            findings.add(
                Some(action.index),
                format!(
                    "{} is reported as {status}; at {} it must be {expected}",
                    action.label(),
                    story.trace.header.revision
                ),
                action.events().into_iter().chain([end]),
            );
        }
    });
}

fn text_exactly_on_failure(story: &Story<'_>, findings: &mut Findings<'_>) {
    let Some((result, _, end)) = story.end else { return };
    // A hook may fail without a word, and the engine adds none of its own (E-021).
    let mut hooks = story.actions.iter().flat_map(|action| &action.hooks);
    let is_wordless = hooks.any(|hook| hook.error == Some(""));
    for outcome in &result.outcomes {
        let succeeded = outcome.status == Status::Success;
        if succeeded != outcome.error.is_empty() && (succeeded || !is_wordless) {
            let message = if succeeded {
                format!("a success carries the error text {:?}", outcome.error)
            } else {
                format!("a failure ({}) carries no error text", outcome.status)
            };
            findings.add(
                Some(outcome.action_index),
                format!("action {}: {message}", outcome.action_index),
                [end],
            );
        }
    }
}

fn text_is_verbatim(story: &Story<'_>, findings: &mut Findings<'_>) {
    let Some((.., end)) = story.end else { return };
    for action in story.actions.iter().filter(|action| !action.went_on()) {
        let Some(expected) = action.ending.as_ref().and_then(|ending| ending.error.as_deref()) else {
            continue;
        };
        for outcome in &action.outcomes {
            // Other rules judge a success, and a text that is missing.
            let claimed = outcome.status != Status::Success && !outcome.error.is_empty();
            if claimed && outcome.error != expected {
                findings.add(
                    Some(action.index),
                    format!("{}: the text is {:?}; expected {expected:?}", action.label(), outcome.error),
                    action.events().into_iter().chain([end]),
                );
            }
        }
    }
}

fn errors_match_failures(story: &Story<'_>, findings: &mut Findings<'_>) {
    let Some((result, _, end)) = story.end else { return };
    let mut by_text = Unclaimed::new(&result.errors, |entry| {
        (entry.resource.as_str(), entry.action.as_str(), entry.error.as_str())
    });
    let mut missing: Vec<&ActionStory<'_>> = Vec::new();
    let mut uncertain: Vec<&ActionStory<'_>> = Vec::new();
    for action in &story.actions {
        let Some(ending) = &action.ending else { continue };
        if ending.exit == Exit::Clean || ending.exit.is_fatal() {
            continue;
        }
        let (resource, kind) = (action.action.spec.name.as_str(), action.action.kind.as_str());
        // That the text of its outcome is another than it must be is judged by OUT-009.
        let own = action.outcomes.iter().map(|outcome| outcome.error.as_str());
        let mut texts = ending.error.as_deref().into_iter().chain(own);
        if !texts.any(|error| by_text.claim(&(resource, kind, error))) {
            let is_certain = ending.error.is_some();
            if is_certain { &mut missing } else { &mut uncertain }.push(action);
        }
    }
    // A failure whose text is not certain takes what the others leave.
    let left: Vec<&ActionError> = by_text.left().collect();
    let mut by_name = Unclaimed::new(&left, |entry| (entry.resource.as_str(), entry.action.as_str()));
    for action in uncertain {
        if !by_name.claim(&(action.action.spec.name.as_str(), action.action.kind.as_str())) {
            missing.push(action);
        }
    }
    for action in missing {
        findings.add(
            Some(action.index),
            format!("{} failed, and the error list does not say so", action.label()),
            action.events().into_iter().chain([end]),
        );
    }
    let unknown: HashSet<(&str, &str)> = unknown_ends(story)
        .map(|action| (action.action.spec.name.as_str(), action.action.kind.as_str()))
        .collect();
    for entry in by_name.left().filter(|entry| (&*entry.resource, &*entry.action) != FINALIZE) {
        if !unknown.contains(&(entry.resource.as_str(), entry.action.as_str())) {
            findings.add(
                None,
                format!(
                    "the error list holds {}/{}: {:?}, which no action left there",
                    entry.action, entry.resource, entry.error
                ),
                [end],
            );
        }
    }
}

fn resources_are_those_returned(story: &Story<'_>, findings: &mut Findings<'_>) {
    let Some((result, _, end)) = story.end else { return };
    // Engines may keep outputs as values, and number all of these as doubles (E-170).
    let identity = |resource: &ResourceOutput| {
        let ResourceOutput { outputs, .. } = resource;
        (
            ResourceOutput { outputs: JsonMap::nil(), ..resource.clone() },
            outputs.is_nil(),
            in_doubles(outputs),
        )
    };
    let mut listed = Unclaimed::new(&result.resources, identity);
    for action in &story.actions {
        let Some(output) = &action.output else { continue };
        if !listed.claim(&identity(output)) {
            findings.add(
                Some(action.index),
                format!(
                    "{} returned {} {:?}, and the result does not list it",
                    action.label(),
                    output.resource_type,
                    output.provider_id
                ),
                action.events().into_iter().chain([end]),
            );
        }
    }
    let unknown: HashSet<&str> = unknown_ends(story).map(|action| action.action.spec.name.as_str()).collect();
    for resource in listed.left().filter(|resource| !unknown.contains(resource.name.as_str())) {
        findings.add(
            None,
            format!(
                "the result lists {} {:?} ({}), which no reply returned",
                resource.resource_type, resource.name, resource.provider_id
            ),
            [end],
        );
    }
}

/// Actions of which it is not known how they ended, and so not what they left in the result.
fn unknown_ends<'s, 't>(story: &'s Story<'t>) -> impl Iterator<Item = &'s ActionStory<'t>> {
    // An action that was never begun, and for which nothing was done, has left nothing.
    let unknown = |action: &&ActionStory<'_>| {
        let touched = action.started.is_some() || !action.calls.is_empty();
        action.went_on() || (touched && action.ending.is_none())
    };
    story.actions.iter().filter(unknown)
}

/// The entries of a list that nobody has accounted for yet, each of which can be claimed once.
struct Unclaimed<'i, T, K> {
    items: &'i [T],
    waiting: HashMap<K, VecDeque<usize>>,
}

impl<'i, T, K: Eq + Hash> Unclaimed<'i, T, K> {
    fn new(items: &'i [T], key: impl Fn(&'i T) -> K) -> Self {
        let mut waiting: HashMap<K, VecDeque<usize>> = HashMap::new();
        for (at, item) in items.iter().enumerate() {
            waiting.entry(key(item)).or_default().push_back(at);
        }
        Self { items, waiting }
    }

    /// Claims one entry; false where none is left.
    fn claim(&mut self, key: &K) -> bool {
        self.waiting.get_mut(key).is_some_and(|waiting| waiting.pop_front().is_some())
    }

    /// What nobody claimed, in the order of the list.
    fn left(&self) -> impl Iterator<Item = &'i T> + use<'i, T, K> {
        let left: BTreeSet<usize> = self.waiting.values().flatten().copied().collect();
        let items = self.items;
        left.into_iter().map(move |at| &items[at])
    }
}

/// Visits every outcome of an action whose end is known.
fn each_outcome<'s>(
    story: &'s Story<'_>,
    mut visit: impl FnMut(&'s ActionStory<'s>, &'s Ending, Status, usize),
) {
    let Some((.., end)) = story.end else { return };
    for action in story.actions.iter().filter(|action| !action.went_on()) {
        let Some(ending) = &action.ending else { continue };
        for outcome in &action.outcomes {
            visit(action, ending, outcome.status, end);
        }
    }
}
