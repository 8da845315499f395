//! What an engine did without giving a sign of it, as far as its answer tells.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use counterfoil_core::{
    decode::{self, ApplyContext, Refusal, Strict},
    outcome::{ActionError, Status},
    plan::Action,
    rpc::Method,
    scenario::{Hook, ResolvePoint},
    trace::{Event, Payload, Reply, Trace},
};
use counterfoil_proto::StatusMapKind;

/// Puts in what gave no sign: the replies that the engine's decoder refused, the actions that it was through with before
/// anything was asked or called for them, and the references that did not resolve.
pub(in crate::run) fn put_in(trace: &mut Trace) {
    put_in_refusals(trace);
    put_in_actions(trace);
    put_in_references(trace);
}

/// The actions that came to an end by the engine's account, in the order in which they did, each with its error if it failed.
/// An engine that keeps no outcomes lists failures alone, and those in the order of the plan.
fn ends(trace: &Trace) -> Vec<(u32, Option<String>)> {
    let Some((result, error, _)) = trace.end() else { return Vec::new() };
    if trace.header.revision.engine().status_map != StatusMapKind::None {
        let ends = result.outcomes.iter().map(|outcome| {
            (outcome.action_index, (outcome.status != Status::Success).then(|| outcome.error.clone()))
        });
        return ends.collect();
    }
    let begun: BTreeSet<u32> = trace
        .events
        .iter()
        .filter_map(|event| match event {
            Event::ActionStarted { action } => Some(*action),
            _ => None,
        })
        .collect();
    let mut ends = listed(trace);
    ends.retain(|(index, failure)| failure.is_some() || begun.contains(index));
    // It looks at its context before an action, and says no more than that.
    let next = ends.last().map_or(0, |(index, _)| index + 1);
    if error.is_some_and(|error| looked_at_its_context(trace, error)) {
        ends.push((next, error.map(str::to_owned)));
    }
    ends
}

/// Every action of the plan, with its error where the list of errors has one.
fn listed(trace: &Trace) -> Vec<(u32, Option<String>)> {
    let is_of = |action: &Action, error: &ActionError| {
        action.spec.name == error.resource && action.kind.as_str() == error.action
    };
    let Some((result, ..)) = trace.end() else { return Vec::new() };
    let listed = (0..).zip(&trace.header.plan.actions).map(|(index, action)| {
        let failure = result.errors.iter().find(|error| is_of(action, error));
        (index, failure.map(|failure| failure.error.clone()))
    });
    listed.collect()
}

/// Whether an apply ended since its context had.
fn looked_at_its_context(trace: &Trace, error: &str) -> bool {
    trace
        .events
        .iter()
        .any(|event| matches!(event, Event::ContextEnded { cause } if cause.to_string() == error))
}

/// Inserts events, each before the one that stood at its position.
fn insert(trace: &mut Trace, additions: BTreeMap<usize, Vec<Event>>) {
    for (at, events) in additions.into_iter().rev() {
        trace.events.splice(at..at, events);
    }
}

/// What must be refused, and was followed by a failure, was refused. That what was followed by none should have been is
/// for rules to say.
fn put_in_refusals(trace: &mut Trace) {
    let mut failed: BTreeSet<u32> =
        ends(trace).into_iter().filter(|(_, error)| error.is_some()).map(|(action, _)| action).collect();
    // An outcome may be missing.
    failed.extend(listed(trace).into_iter().filter(|(_, error)| error.is_some()).map(|(action, _)| action));
    let apply_failed = trace.end().is_some_and(|(_, error, _)| error.is_some());
    let is_unfinished =
        |event: &Event| matches!(event, Event::HookAnswered { hook: Hook::PlanComplete, error: Some(_), .. });
    let unfinished = trace.events.iter().any(is_unfinished);
    let mut calls = BTreeMap::new();
    let mut additions = BTreeMap::new();
    for (at, event) in trace.events.iter().enumerate() {
        match event {
            Event::CallIssued { call, action, method, .. } => _ = calls.insert(*call, (*action, *method)),
            Event::ReplyReceived { call, reply: Reply::Ok(Payload(bytes)) } => {
                let Some(&(action, method)) = calls.get(call) else { continue };
                let was_refused = match (action, method) {
                    (Some(action), _) => failed.contains(&action),
                    (None, Method::Finalize) => unfinished,
                    (None, _) => apply_failed,
                };
                let refusals = if was_refused { refusals(trace, method, bytes) } else { Vec::new() };
                if !refusals.is_empty() {
                    additions.insert(at + 1, vec![Event::ReplyRefused { call: *call, refusals }]);
                }
            }
            _ => {}
        }
    }
    insert(trace, additions);
}

fn refusals(trace: &Trace, method: Method, bytes: &Bytes) -> Vec<Refusal> {
    let context = ApplyContext { revision: trace.header.revision, planned: &trace.header.plan.actions };
    decode::read(&Strict, method.response(), bytes, &context).refusals
}

/// An action with an outcome was begun. Where nothing showed it, it was begun behind the one whose outcome comes before.
fn put_in_actions(trace: &mut Trace) {
    let is_apply = |event: &Event| matches!(event, Event::CallIssued { method: Method::Apply, .. });
    if trace.events.iter().any(is_apply) {
        return;
    }
    let seen = |trace: &Trace| -> BTreeMap<u32, usize> {
        let ended = trace.events.iter().enumerate().filter_map(|(at, event)| match event {
            Event::ActionEnded { action } => Some((*action, at)),
            _ => None,
        });
        ended.collect()
    };
    let mut before = None;
    for (action, _) in ends(trace) {
        let planned = (action as usize) < trace.header.plan.actions.len();
        let ended = seen(trace);
        if planned && !ended.contains_key(&action) {
            let behind =
                before.and_then(|before| ended.get(&before)).map_or_else(|| beginning(trace), |at| at + 1);
            let stays = |event: &Event| !matches!(event, Event::ContextEnded { .. });
            let at = behind + trace.events[behind..].iter().position(stays).unwrap_or_default();
            trace.events.splice(at..at, [Event::ActionStarted { action }, Event::ActionEnded { action }]);
        }
        before = Some(action);
    }
}

/// Where the first action is begun: behind the preflight.
fn beginning(trace: &Trace) -> usize {
    let is_before = |event: &Event| {
        matches!(event, Event::ApplyStarted | Event::DriverAsked { at: ResolvePoint::Preflight, .. })
    };
    trace.events.iter().rposition(is_before).map_or(0, |at| at + 1)
}

/// An action that failed although nothing stopped it before its references were resolved, and for which no driver was asked
/// afterwards, failed by them.
fn put_in_references(trace: &mut Trace) {
    let mut additions = BTreeMap::new();
    for (action, error) in ends(trace) {
        if let (Some(error), Some(at)) = (error, ends_by_references(trace, action)) {
            let error = error.strip_prefix("jit substitution: ").unwrap_or(&error).to_owned();
            additions.insert(at, vec![Event::ReferencesFailed { action, error }]);
        }
    }
    insert(trace, additions);
}

/// Where an action that failed by its references is told of, or is over; none for one that failed otherwise.
fn ends_by_references(trace: &Trace, index: u32) -> Option<usize> {
    let mut begun = None;
    let mut is_over = false;
    for (at, event) in trace.events.iter().enumerate() {
        match event {
            Event::ContextEnded { .. } => is_over = true,
            Event::ActionStarted { action } if *action == index => {
                if is_over {
                    return None;
                }
                begun = Some(at);
            }
            Event::HookAnswered { hook: Hook::BeforeAction, action: Some(action), error: Some(_) }
                if *action == index =>
            {
                return None;
            }
            Event::DriverAsked { action, at: ResolvePoint::Dispatch, .. } if *action == index => return None,
            Event::CallIssued { action: Some(action), .. } if *action == index => return None,
            Event::HookCalled { hook: Hook::ActionComplete, action: Some(action), .. }
            | Event::ActionEnded { action }
                if *action == index =>
            {
                return begun.map(|_| at);
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use counterfoil_core::{
        engine::Done,
        outcome::{ApplyResult, Outcome},
        plan::{ActionKind, Plan, Spec},
        trace::{Header, Subject},
    };
    use counterfoil_proto::Revision;

    use super::*;

    fn trace(revision: Revision, events: Vec<Event>, result: ApplyResult, error: Option<&str>) -> Trace {
        let create = |name: &str| Action {
            kind: ActionKind::Create,
            spec: Spec { name: name.to_owned(), ..Spec::default() },
            current: None,
            changes: Vec::new(),
        };
        let plan = Plan { actions: ["a", "b", "c"].map(create).into(), ..Plan::default() };
        let header = Header { plan, ..Header::bare("made", revision, Subject::Engine) };
        let end = Event::ApplyEnded { result: result.into(), error: error.map(str::to_owned) };
        let mut trace = Trace { header, events: [vec![Event::ApplyStarted], events, vec![end]].concat() };
        put_in(&mut trace);
        trace
    }

    fn turn(action: u32) -> [Event; 3] {
        let call = Event::CallIssued {
            call: action,
            action: Some(action),
            method: Method::Create,
            resource: String::new(),
            request: Payload::default(),
        };
        [Event::ActionStarted { action }, call, Event::ActionEnded { action }]
    }

    fn outcome(action_index: u32, status: Status, error: &str) -> Outcome {
        Outcome { action_index, status, error: error.to_owned() }
    }

    /// What was put in, with its position.
    fn turns(trace: &Trace) -> Vec<String> {
        let turns = trace.events.iter().filter_map(|event| match event {
            Event::ActionStarted { action } => Some(format!("begins {action}")),
            Event::ReferencesFailed { action, error } => Some(format!("unresolved {action}: {error}")),
            Event::ContextEnded { .. } => Some("context ends".to_owned()),
            Event::ActionEnded { action } => Some(format!("ends {action}")),
            _ => None,
        });
        turns.collect()
    }

    #[test]
    fn an_action_of_which_nothing_was_seen_stands_where_its_outcome_does() {
        let outcomes = vec![
            outcome(0, Status::Success, ""),
            outcome(1, Status::Skipped, "jit substitution: no such name"),
            outcome(2, Status::Success, ""),
        ];
        let result = ApplyResult { outcomes, ..ApplyResult::default() };
        let trace = trace(Revision::Head, [turn(0), turn(2)].concat(), result, None);
        let expected =
            ["begins 0", "ends 0", "begins 1", "unresolved 1: no such name", "ends 1", "begins 2", "ends 2"];
        assert_eq!(turns(&trace), expected);
    }

    #[test]
    fn an_action_that_an_ended_context_stopped_is_begun_behind_that_end() {
        let outcomes = vec![outcome(0, Status::Success, ""), outcome(1, Status::Skipped, "context canceled")];
        let result = ApplyResult { outcomes, ..ApplyResult::default() };
        let ended = vec![Event::ContextEnded { cause: Done::Cancelled }];
        let events = [turn(0).to_vec(), ended].concat();
        let trace = trace(Revision::Head, events, result, Some("context canceled"));
        assert_eq!(turns(&trace), ["begins 0", "ends 0", "context ends", "begins 1", "ends 1"]);
    }

    #[test]
    fn where_no_outcomes_are_kept_the_list_of_errors_tells_in_the_order_of_the_plan() {
        let failed = ActionError {
            resource: "b".to_owned(),
            action: "create".to_owned(),
            error: "jit substitution: no such name".to_owned(),
        };
        let result = ApplyResult { errors: vec![failed], ..ApplyResult::default() };
        let trace = trace(Revision::V0_51, [turn(0), turn(2)].concat(), result, None);
        let expected =
            ["begins 0", "ends 0", "begins 1", "unresolved 1: no such name", "ends 1", "begins 2", "ends 2"];
        assert_eq!(turns(&trace), expected);
    }

    #[test]
    fn a_reply_that_must_be_refused_was_refused_where_its_action_failed() {
        let cut_short = Reply::Ok(Payload(vec![0x0a, 0x05].into()));
        let refused = |status, error| {
            let result = ApplyResult { outcomes: vec![outcome(0, status, error)], ..ApplyResult::default() };
            let reply = Event::ReplyReceived { call: 0, reply: cut_short.clone() };
            let [begun, issued, ended] = turn(0);
            let trace = trace(Revision::Head, vec![begun, issued, reply, ended], result, None);
            trace.events.iter().any(|event| matches!(event, Event::ReplyRefused { call: 0, .. }))
        };
        assert!(refused(Status::Error, "cannot be read"));
        // That it was taken is for rules to say.
        assert!(!refused(Status::Success, ""));
    }
}
