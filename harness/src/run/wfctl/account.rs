//! What an apply by the command line was, out of all that can be seen of it: the calls that went through the proxy, the
//! lines that were printed, and the state files before and after.
//!
//! Calls and lines each have an order of their own. Put together, a line about the end of an action comes behind its calls,
//! and the line about the beginning of the next behind that.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use counterfoil_core::{
    decode::{self, ApplyContext, Strict},
    engine::{Exit, semantics::status_by_phase},
    outcome::{ApplyResult, Outcome},
    plan::{Action, ActionKind, Plan},
    rpc::Method,
    scenario::{Hook, ResolvePoint},
    trace::{Event, Payload, Reply, View},
};
use counterfoil_proto::{Revision, iac};
use prost::Message as _;

use super::{
    printed::{EndError, Line, Printed},
    state::{State, Written},
};

/// All that was seen of an apply.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    /// The plan that the command line had to come to.
    pub plan: &'a Plan,
    /// The revision at which it is judged.
    pub revision: Revision,
    /// The calls that went through the proxy.
    pub calls: Vec<Event>,
    /// What was printed.
    pub printed: &'a Printed,
    /// The error in the end.
    pub error: Option<&'a EndError>,
    /// What the state held in the end.
    pub state: &'a State,
}

/// What it was.
#[derive(Debug)]
pub(super) struct Account {
    /// Event by event.
    pub events: Vec<Event>,
    /// What of the engine could not be seen.
    pub unseen: Vec<View>,
}

/// Puts together what was seen.
pub(super) fn of(seen: &Seen<'_>) -> Account {
    let mut unseen = vec![View::Drivers, View::Outcomes, View::Result, View::Context];
    if matches!(seen.error, Some(EndError::Other(_))) {
        unseen.push(View::Errors);
    }
    let mut merge = Merge::new(seen);
    seen.printed.lines.iter().for_each(|line| merge.line(line));
    merge.end();
    Account { events: merge.out, unseen }
}

/// The text of an action that failed since there was no driver, and where its references did not resolve.
const NO_DRIVER: &str = "resolve driver: ";
const UNRESOLVED: &str = "jit substitution: ";
/// The text of a replace whose deletion could not be taken in.
const DELETE_HOOK: &str = "replace: delete hook: ";

/// Puts calls and lines together.
struct Merge<'a> {
    seen: &'a Seen<'a>,
    /// The calls that are still to come, each event with the action on whose behalf it is.
    left: VecDeque<(Event, Option<u32>)>,
    calls: BTreeMap<u32, Method>,
    /// The actions that failed, by what was printed.
    failed: BTreeMap<u32, &'a str>,
    out: Vec<Event>,
    outcomes: Vec<Outcome>,
    begun: BTreeSet<u32>,
    /// The action that the engine is at.
    open: Option<u32>,
    /// The calls of the resource-applied hook of that action belong to it.
    in_hook: bool,
    /// The actions whose resource the provider has brought.
    brought: BTreeSet<u32>,
    saved: BTreeSet<u32>,
    removed: BTreeSet<u32>,
}

impl<'a> Merge<'a> {
    fn new(seen: &'a Seen<'a>) -> Self {
        let mut failed: BTreeMap<u32, &str> = BTreeMap::new();
        for line in &seen.printed.lines {
            if let Line::Failed(action, text) = line {
                failed.insert(*action, text);
            }
        }
        // Before 0.80 nothing is printed of a failure until the end.
        if let (Some(EndError::Actions(errors)), false) = (seen.error, tells_beginnings(seen)) {
            for (index, action) in (0..).zip(&seen.plan.actions) {
                let of = |e: &&_| is_of(action, e);
                failed.extend(errors.iter().find(of).map(|error| (index, error.error.as_str())));
            }
        }
        let (left, calls) = attributed(&seen.calls, &seen.plan.actions);
        Self {
            seen,
            left,
            calls,
            failed,
            out: Vec::new(),
            outcomes: Vec::new(),
            begun: BTreeSet::new(),
            open: None,
            in_hook: false,
            brought: BTreeSet::new(),
            saved: BTreeSet::new(),
            removed: BTreeSet::new(),
        }
    }

    fn action(&self, index: u32) -> &'a Action {
        &self.seen.plan.actions[index as usize]
    }

    fn name(&self, index: u32) -> &'a str {
        &self.action(index).spec.name
    }

    fn line(&mut self, line: &Line) {
        match line {
            Line::Begun(action) => {
                self.close();
                if let Some(action) = *action {
                    self.begin(action);
                }
            }
            Line::Kept(action) => {
                self.pass_all_of(*action);
                self.kept(*action);
            }
            // It is told of where the action comes to its end.
            Line::Failed(..) => {}
        }
    }

    /// The engine begins an action.
    fn begin(&mut self, action: u32) {
        if self.begun.is_empty() {
            while self.left.front().is_some_and(|(_, of)| of.is_none()) && !self.finalizes_next() {
                self.pass();
            }
            self.out.push(Event::ApplyStarted);
        }
        self.open = Some(action);
        self.begun.insert(action);
        self.out.push(Event::ActionStarted { action });
    }

    fn finalizes_next(&self) -> bool {
        let next = self.left.front().map(|(event, _)| event);
        matches!(next, Some(Event::CallIssued { method: Method::Finalize, .. }))
    }

    /// Passes on the events of calls up to the last on behalf of an action.
    fn pass_all_of(&mut self, action: u32) {
        let last = self.left.iter().rposition(|(_, of)| *of == Some(action));
        for _ in 0..last.map_or(0, |last| last + 1) {
            self.pass();
        }
    }

    /// Passes on the next event of a call, with what hangs on it.
    fn pass(&mut self) {
        let Some((event, action)) = self.left.pop_front() else { return };
        if let Event::CallIssued { method, .. } = &event {
            self.before(*method, action);
        }
        let answered = match &event {
            Event::ReplyReceived { call, reply } => {
                self.calls.get(call).map(|method| (*method, reply.clone()))
            }
            _ => None,
        };
        self.out.push(event);
        if let Some((method, reply)) = answered {
            self.behind(method, &reply, action);
        }
    }

    /// What comes before a call.
    fn before(&mut self, method: Method, action: Option<u32>) {
        if method == Method::Finalize {
            self.close();
            self.hook_called(Hook::PlanComplete, None);
        }
        let Some(action) = action else { return };
        if !tells_beginnings(self.seen) && !self.begun.contains(&action) {
            self.close();
            self.begin(action);
        }
        // What the engine has deleted is brought again behind it; what was brought and is deleted, a hook deletes.
        if method == Method::Delete && self.brought.contains(&action) && !self.in_hook {
            self.hook_called(Hook::ResourceApplied, Some(action));
            self.in_hook = true;
        }
    }

    /// What comes behind a reply.
    fn behind(&mut self, method: Method, reply: &Reply, action: Option<u32>) {
        let is_done = matches!(reply, Reply::Ok(Payload(bytes)) if self.is_accepted(method, bytes));
        match (method, action) {
            (Method::Finalize, _) => {
                let error = match self.seen.error {
                    Some(EndError::Other(error)) => Some(error.clone()),
                    _ => None,
                };
                self.hook_answered(Hook::PlanComplete, None, error);
            }
            (Method::Create | Method::Update, Some(action)) if is_done => _ = self.brought.insert(action),
            (Method::Delete, Some(action)) if is_done && !self.in_hook => self.deleted(action),
            _ => {}
        }
    }

    fn is_accepted(&self, method: Method, bytes: &Bytes) -> bool {
        let context = ApplyContext { revision: self.seen.revision, planned: &self.seen.plan.actions };
        decode::read(&Strict, method.response(), bytes, &context).is_accepted()
    }

    /// A resource is deleted, and what became of it in the state tells whether the hook was told of that.
    fn deleted(&mut self, action: u32) {
        let error = self.failed.get(&action).and_then(|text| match self.action(action).kind {
            ActionKind::Delete => Some(*text),
            _ => text.strip_prefix(DELETE_HOOK),
        });
        if error.is_some() {
            self.hook_called(Hook::ResourceDeleted, Some(action));
            self.hook_answered(Hook::ResourceDeleted, Some(action), error.map(str::to_owned));
        } else if self.seen.state.get(self.name(action)).is_none_or(Written::is_new) {
            self.forgotten(action);
        }
    }

    /// The state has lost what it knew of an action.
    fn forgotten(&mut self, action: u32) {
        self.removed.insert(action);
        self.hook_called(Hook::ResourceDeleted, Some(action));
        self.out.push(Event::StateRemoved { action, name: self.name(action).to_owned() });
        self.hook_answered(Hook::ResourceDeleted, Some(action), None);
    }

    /// A resource was brought, and the hook says that it is in the state.
    fn kept(&mut self, action: u32) {
        if !self.in_hook {
            self.hook_called(Hook::ResourceApplied, Some(action));
        }
        self.in_hook = false;
        self.saved(action);
        self.hook_answered(Hook::ResourceApplied, Some(action), None);
    }

    /// What the state has got of an action, if anything.
    fn saved(&mut self, action: u32) {
        let written = self.seen.state.get(self.name(action)).filter(|written| written.is_new());
        if let (Some(written), true) = (written, self.saved.insert(action)) {
            self.out.push(Event::StateSaved { action, record: written.record.clone() });
        }
    }

    /// The engine is through with the action that it was at.
    fn close(&mut self) {
        let Some(action) = self.open else { return };
        self.pass_all_of(action);
        let failure = self.failed.get(&action).copied();
        let exit = failure.map_or(Exit::Clean, |text| self.failed(action, text));
        // What is in the state, or no longer there, without a word of it.
        if !self.saved.contains(&action) {
            self.saved(action);
        }
        let was_known = self.action(action).current.is_some();
        let is_gone = !self.seen.state.contains_key(self.name(action));
        if was_known && is_gone && !self.removed.contains(&action) {
            self.forgotten(action);
        }
        self.out.push(Event::ActionEnded { action });
        self.outcome(action, exit, failure.unwrap_or_default());
        self.open = None;
    }

    /// An action failed with this text; by which way.
    fn failed(&mut self, action: u32, text: &str) -> Exit {
        if let Some(refused) = text.strip_prefix(NO_DRIVER) {
            let (at, refused) = (ResolvePoint::Dispatch, Some(refused.to_owned()));
            let resource_type = self.action(action).spec.resource_type.clone();
            self.out.push(Event::DriverAsked { action, at, resource_type, refused });
            return Exit::DriverResolve;
        }
        if text.starts_with(UNRESOLVED) {
            return Exit::References;
        }
        if self.in_hook || (self.brought.contains(&action) && !self.saved.contains(&action)) {
            if !self.in_hook {
                self.hook_called(Hook::ResourceApplied, Some(action));
            }
            self.in_hook = false;
            self.hook_answered(Hook::ResourceApplied, Some(action), Some(text.to_owned()));
            return Exit::ApplyHook;
        }
        Exit::Driver
    }

    fn outcome(&mut self, action: u32, exit: Exit, error: &str) {
        let status = status_by_phase(exit, &self.action(action).kind);
        self.outcomes.push(Outcome { action_index: action, status, error: error.to_owned() });
    }

    fn hook_called(&mut self, hook: Hook, action: Option<u32>) {
        self.out.push(Event::HookCalled { hook, action, outcome: None });
    }

    fn hook_answered(&mut self, hook: Hook, action: Option<u32>, error: Option<String>) {
        self.out.push(Event::HookAnswered { hook, action, error });
    }

    /// Nothing more comes.
    fn end(&mut self) {
        if tells_beginnings(self.seen) || self.seen.printed.planned.is_none() {
            self.close();
        }
        while !self.left.is_empty() {
            self.pass();
        }
        self.close();
        if self.seen.printed.planned.is_none() {
            return;
        }
        if !tells_beginnings(self.seen) {
            // What failed without a call was begun as well, and only the list of failures tells it.
            let is_silent = |(index, _): &(&u32, &&str)| !self.begun.contains(index);
            let silent: Vec<(u32, &str)> =
                self.failed.iter().filter(is_silent).map(|(index, text)| (*index, *text)).collect();
            for (index, text) in silent {
                self.outcome(index, Exit::References, text);
            }
            self.outcomes.sort_by_key(|outcome| outcome.action_index);
        }
        let (errors, error) = match self.seen.error {
            None => (Vec::new(), None),
            Some(EndError::Actions(errors)) => (errors.clone(), None),
            Some(EndError::Other(error)) => (Vec::new(), Some(error.clone())),
        };
        let outcomes = std::mem::take(&mut self.outcomes);
        let plan_id = self.seen.plan.id.clone();
        let result = ApplyResult { plan_id, outcomes, errors, ..ApplyResult::default() };
        self.out.push(Event::ApplyEnded { result: result.into(), error });
    }
}

/// Whether it is printed when an action is begun, and that it failed: since 0.80.
pub(super) fn tells_beginnings(seen: &Seen<'_>) -> bool {
    !seen.printed.begun.is_empty()
}

fn is_of(action: &Action, error: &counterfoil_core::outcome::ActionError) -> bool {
    action.spec.name == error.resource && action.kind.as_str() == error.action
}

/// The events of calls, each with the action on whose behalf the call was: the one of that name or, for a name that none has,
/// the one that was called for last. What only reads is the planner's.
#[expect(clippy::type_complexity, reason = "the two halves of one reading")]
fn attributed(
    calls: &[Event],
    actions: &[Action],
) -> (VecDeque<(Event, Option<u32>)>, BTreeMap<u32, Method>) {
    let mut methods = BTreeMap::new();
    let mut whose: BTreeMap<u32, u32> = BTreeMap::new();
    let mut latest = None;
    let events = calls.iter().cloned().map(|mut event| {
        if let Event::CallIssued { call, action, method, resource, .. } = &mut event {
            methods.insert(*call, *method);
            if matches!(method, Method::Create | Method::Update | Method::Delete) {
                let named = (0..).zip(actions).find(|(_, planned)| planned.spec.name == *resource);
                latest = named.map(|(index, _)| index).or(latest);
                *action = latest;
                whose.extend(latest.map(|latest| (*call, latest)));
            }
        }
        let of = call_of(&event).and_then(|call| whose.get(&call).copied());
        (event, of)
    });
    (events.collect(), methods)
}

/// The call that an event of a record is about.
pub(super) fn call_of(event: &Event) -> Option<u32> {
    match event {
        Event::CallIssued { call, .. }
        | Event::CallDelivered { call }
        | Event::FaultInjected { call, .. }
        | Event::ReplySent { call, .. }
        | Event::ReplyReceived { call, .. } => Some(*call),
        _ => None,
    }
}

/// The id of the plan, which the command line makes up and tells a finalizer alone (E-355).
pub(super) fn plan_id(calls: &[Event]) -> Option<String> {
    let told = calls.iter().find_map(|event| match event {
        Event::CallIssued { method: Method::Finalize, request, .. } => {
            iac::FinalizeApplyRequest::decode(request.0.clone()).ok()
        }
        _ => None,
    })?;
    let is_one = |number: &str| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    told.plan_id.strip_prefix("plan-").is_some_and(is_one).then_some(told.plan_id)
}

#[cfg(test)]
mod tests {
    use counterfoil_core::{plan::Spec, rpc::RpcError, scenario::Hook::*};

    use super::*;
    use crate::run::wfctl::printed;

    fn plan() -> Plan {
        let action = |kind, name: &str| {
            let spec = Spec { name: name.into(), resource_type: "infra.vpc".into(), ..Spec::default() };
            Action { kind, spec, current: None, changes: Vec::new() }
        };
        let actions = vec![
            action(ActionKind::Create, "net"),
            action(ActionKind::Create, "db"),
            action(ActionKind::Create, "web"),
        ];
        Plan { actions, ..Plan::default() }
    }

    /// A create of this name, done or refused.
    fn created(call: u32, name: &str, is_done: bool) -> [Event; 2] {
        let output =
            iac::ResourceOutput { name: name.into(), provider_id: "vpc-1".into(), ..Default::default() };
        let reply = if is_done {
            let message = iac::ResourceCreateResponse { output: Some(output) };
            Reply::Ok(Payload(message.encode_to_vec().into()))
        } else {
            Reply::Error(RpcError { code: counterfoil_core::rpc::Code::Internal, message: "no".into() })
        };
        [
            Event::CallIssued {
                call,
                action: None,
                method: Method::Create,
                resource: name.to_owned(),
                request: Payload::default(),
            },
            Event::ReplyReceived { call, reply },
        ]
    }

    fn told(stdout: &str, calls: Vec<Event>) -> Vec<String> {
        let plan = plan();
        let printed = printed::read(stdout, &plan.actions);
        let seen = Seen {
            plan: &plan,
            revision: Revision::Head,
            calls,
            printed: &printed,
            error: None,
            state: &State::new(),
        };
        let word = |event: &Event| match event {
            Event::ActionStarted { action } => format!("begin {action}"),
            Event::ActionEnded { action } => format!("end {action}"),
            Event::CallIssued { action, method, .. } => format!("{method} for {action:?}"),
            Event::HookCalled { hook, .. } => format!("{hook}"),
            Event::HookAnswered { error, .. } => format!("answers {error:?}"),
            Event::ApplyEnded { result, .. } => {
                let statuses = result.outcomes.iter().map(|outcome| outcome.status.as_str());
                statuses.collect::<Vec<_>>().join(" ")
            }
            _ => String::new(),
        };
        of(&seen).events.iter().map(word).filter(|word| !word.is_empty()).collect()
    }

    #[test]
    fn a_line_about_an_end_stands_behind_the_calls_of_its_action() {
        let stdout = "  Plan: 3 action(s) to execute.\n  -> [1/3] create net (infra.vpc)\n  ✓ net (infra.vpc)\n  \
                      -> [2/3] create db (infra.vpc)\n  ✗ db (infra.vpc): no\n  -> [3/3] create web (infra.vpc)\n  \
                      ✗ web (infra.vpc): jit substitution: unresolved\n";
        let calls = [created(0, "net", true), created(1, "db", false)].concat();
        let expected = [
            "begin 0",
            "create for Some(0)",
            &ResourceApplied.to_string(),
            "answers None",
            "end 0",
            "begin 1",
            "create for Some(1)",
            "end 1",
            "begin 2",
            "end 2",
            "success error skipped",
        ];
        assert_eq!(told(stdout, calls), expected);
    }

    #[test]
    fn a_delete_behind_what_was_brought_is_one_of_the_hook() {
        let stdout = "  Plan: 3 action(s) to execute.\n  -> [1/3] create net (infra.vpc)\n  ✗ net (infra.vpc): not kept\n";
        let mut calls = created(0, "net", true).to_vec();
        calls.push(Event::CallIssued {
            call: 1,
            action: None,
            method: Method::Delete,
            resource: "another name".into(),
            request: Payload::default(),
        });
        let expected = [
            "begin 0",
            "create for Some(0)",
            &ResourceApplied.to_string(),
            "delete for Some(0)",
            r#"answers Some("not kept")"#,
            "end 0",
            "compensation_failed",
        ];
        assert_eq!(told(stdout, calls), expected);
    }

    #[test]
    fn calls_side_by_side_are_not_put_in_order() {
        let stdout = "  Plan: 3 action(s) to execute.\n  -> [1/3] create net (infra.vpc)\n  -> [2/3] create db (infra.vpc)\n  \
                      ✓ net (infra.vpc)\n  ✓ db (infra.vpc)\n";
        let ([net, net_done], [db, db_done]) = (created(0, "net", true), created(1, "db", true));
        let told = told(stdout, vec![net, db, net_done, db_done]);
        let place = |word: &str| told.iter().position(|told| told == word).unwrap();
        assert!(place("create for Some(1)") < place("begin 1"), "{told:?}");
    }
}
