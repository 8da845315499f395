//! What an engine is at, read from the signs that it gives: the drivers that it asks for, the hooks that it calls, and
//! the calls that arrive.
//!
//! An engine behind an adapter says of no action that it begins it. The first sign of one tells that. That it is over tells
//! the last hook that is called about it, the last reply where none is, or the first sign of another.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use counterfoil_core::{
    engine::{Context, Done, Record},
    outcome::{ApplyResult, Outcome},
    plan::{Action, ActionKind, Plan},
    rpc::{Call, Method, RpcError, target_of},
    scenario::{Hook, ResolvePoint},
    trace::{Event, Payload, Recorder, Reply},
};

/// Takes the signs of one apply, and writes down what they tell.
#[derive(Debug)]
pub(super) struct Signs {
    log: Recorder,
    context: Context,
    plan: Plan,
    hooks: Vec<Hook>,
    book: Mutex<Book>,
}

/// Where the engine is.
#[derive(Debug, Default)]
struct Book {
    /// The action that it is at.
    open: Option<Open>,
    /// Whether a hook is at work.
    in_hook: bool,
    begun: BTreeSet<u32>,
    preflighted: BTreeSet<u32>,
    /// Whether the engine knows that its context has ended.
    end_is_told: bool,
    /// Whether it had looked at its context before that could end where it had to.
    ended_late: bool,
}

/// An action that an engine is at.
#[derive(Debug)]
struct Open {
    action: u32,
    /// Whether its driver has been asked for.
    has_asked: bool,
    /// Whether all calls have been made that it takes.
    is_through: bool,
}

impl Book {
    fn is_at(&self, action: u32) -> bool {
        self.open.as_ref().is_some_and(|open| open.action == action)
    }
}

impl Signs {
    /// Of an engine that is given this plan, with these hooks. Where `context` ends, it has to be told.
    pub(super) fn new(plan: Plan, hooks: Vec<Hook>, context: Context, log: Recorder) -> Self {
        Self { log, context, plan, hooks, book: Mutex::default() }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn action(&self, index: u32) -> Option<&Action> {
        self.plan.actions.get(index as usize)
    }

    /// The actions that satisfy a condition, by their positions.
    fn actions(&self, is: impl Fn(&Action) -> bool) -> impl Iterator<Item = u32> {
        (0..).zip(&self.plan.actions).filter(move |(_, action)| is(action)).map(|(index, _)| index)
    }

    /// The next action that satisfies a condition: behind those that were begun, or else one that was passed over.
    fn next(&self, book: &Book, is: impl Fn(&Action) -> bool) -> Option<u32> {
        let left = || self.actions(&is).filter(|index| !book.begun.contains(index));
        left().find(|index| book.begun.last() < Some(index)).or_else(|| left().next())
    }

    /// Why the context has ended, where the engine has not been told that yet.
    pub(super) fn end_to_tell(&self) -> Option<Done> {
        let done = self.context.done()?;
        let told = std::mem::replace(&mut self.book().end_is_told, true);
        (!told).then_some(done)
    }

    /// Whether the context ended behind an action whose end the engine told by the beginning of the next alone: by then it had
    /// looked at its context.
    pub(super) fn ended_late(&self) -> bool {
        self.book().ended_late
    }

    /// The context is cancelled before the engine is given it.
    pub(super) fn cancelled_at_once(&self) {
        self.book().end_is_told = true;
        let cause = Done::Cancelled;
        self.log.push(Event::ContextEnded { cause });
        self.context.end(cause);
    }

    /// The engine is at this action.
    fn turn_to(&self, book: &mut Book, action: u32) {
        if !book.is_at(action) {
            let had_ended = self.context.done().is_some();
            self.close(book);
            book.ended_late |= !had_ended && self.context.done().is_some();
            self.log.push(Event::ActionStarted { action });
            book.begun.insert(action);
            book.open = Some(Open { action, has_asked: false, is_through: false });
        }
    }

    /// The engine is through with the action that it was at.
    fn close(&self, book: &mut Book) {
        if let Some(Open { action, .. }) = book.open.take() {
            self.log.push(Event::ActionEnded { action });
        }
    }

    /// The resolver is asked for a driver; gives the text of its refusal. The action and the phase are told as far as the
    /// adapter knows them.
    pub(super) fn driver_asked(
        &self,
        resource_type: &str,
        action: Option<u32>,
        preflight: Option<bool>,
        refusal: impl Fn(ResolvePoint) -> Option<String>,
    ) -> Option<String> {
        let mut book = self.book();
        let of_type = |action: &Action| action.spec.resource_type == resource_type;
        // Replaces have a preflight where a hook has to see their deletes (E-010, E-011).
        let due = self.hooks.contains(&Hook::ResourceDeleted) && book.begun.is_empty();
        let awaited = self
            .actions(|action| action.kind == ActionKind::Replace && of_type(action))
            .find(|index| due && !book.preflighted.contains(index));
        let (action, at) = if preflight.unwrap_or(awaited.is_some()) {
            (action.or(awaited), ResolvePoint::Preflight)
        } else {
            let at = book.open.as_ref();
            let due = at.filter(|open| !open.has_asked && self.action(open.action).is_some_and(of_type));
            let next = || self.next(&book, of_type);
            let due = due.map(|open| open.action).or_else(next).or(at.map(|open| open.action));
            (action.or(due), ResolvePoint::Dispatch)
        };
        // A type that no action has is asked for on behalf of none: there is nothing that could be told of it.
        let Some(action) = action else { return refusal(at) };
        match at {
            ResolvePoint::Preflight => _ = book.preflighted.insert(action),
            ResolvePoint::Dispatch => {
                self.turn_to(&mut book, action);
                book.open.iter_mut().for_each(|open| open.has_asked = true);
            }
        }
        let refused = refusal(at);
        self.log.push(Event::DriverAsked {
            action,
            at,
            resource_type: resource_type.to_owned(),
            refused: refused.clone(),
        });
        refused
    }

    /// A hook is called.
    pub(super) fn hook_called(&self, hook: Hook, action: Option<u32>, outcome: Option<Outcome>) {
        let mut book = self.book();
        match action {
            Some(action) => self.turn_to(&mut book, action),
            None => self.close(&mut book),
        }
        book.in_hook = true;
        self.log.push(Event::HookCalled { hook, action, outcome });
    }

    /// A hook answers.
    pub(super) fn hook_answered(&self, hook: Hook, action: Option<u32>, error: Option<String>) {
        let mut book = self.book();
        book.in_hook = false;
        self.log.push(Event::HookAnswered { hook, action, error });
        if action.is_some_and(|action| book.is_at(action)) && self.last_hook(action) == Some(hook) {
            self.close(&mut book);
        }
    }

    /// The hook behind which nothing more is done for an action that was done, if one is installed.
    fn last_hook(&self, action: Option<u32>) -> Option<Hook> {
        let told = match self.action(action?)?.kind {
            ActionKind::Delete => Hook::ResourceDeleted,
            ActionKind::Create | ActionKind::Update | ActionKind::Replace => Hook::ResourceApplied,
            ActionKind::Unknown(_) => Hook::ActionComplete,
        };
        [Hook::ActionComplete, told].into_iter().find(|hook| self.hooks.contains(hook))
    }

    /// The host keeps a resource.
    pub(super) fn state_saved(&self, action: u32, record: Record) {
        self.log.push(Event::StateSaved { action, record });
    }

    /// The host forgets a resource.
    pub(super) fn state_removed(&self, action: u32, name: String) {
        self.log.push(Event::StateRemoved { action, name });
    }

    /// A call has arrived.
    pub(super) fn issued(&self, method: Method, request: Bytes) -> Call {
        let mut book = self.book();
        let target = target_of(method, &request);
        let resource = target.map(|(_, target)| target.name).unwrap_or_default();
        let action = if matches!(method, Method::Create | Method::Update | Method::Delete) {
            let caller = self.caller(&book, method, &resource);
            if let Some(action) = caller {
                self.turn_to(&mut book, action);
            }
            caller
        } else {
            // To look at a resource begins nothing.
            let is_its_own = |index: &u32| self.action(*index).is_some_and(|a| a.spec.name == resource);
            book.open.as_ref().map(|open| open.action).filter(is_its_own)
        };
        let id = self.log.next_call();
        let payload = Payload(request.clone());
        self.log.push(Event::CallIssued {
            call: id,
            action,
            method,
            resource: resource.clone(),
            request: payload,
        });
        // What is called once the context has ended is called on another one, or against the contract, which is judged.
        let detached = self.context.done().is_some();
        Call { id, action, method, resource, request, detached }
    }

    /// The action on whose behalf a call about a resource is made: the one that the engine is at, if it has that name and
    /// is not through, or the next one that has.
    fn caller(&self, book: &Book, method: Method, name: &str) -> Option<u32> {
        let named = |action: &Action| action.spec.name == name;
        let open = book.open.as_ref().filter(|open| self.action(open.action).is_some_and(named));
        let next = || self.next(book, named);
        let fits = |index: &u32| self.action(*index).is_some_and(|action| may_call(&action.kind, method));
        match open {
            Some(open) if open.is_through => next().filter(fits).or(Some(open.action)),
            Some(open) => Some(open.action),
            None => {
                let at = book.open.as_ref().map(|open| open.action);
                next().or_else(|| self.actions(named).last()).or(at)
            }
        }
    }

    /// The reply to a call goes back.
    pub(super) fn received(&self, call: &Call, reply: &Result<Bytes, RpcError>) {
        let mut book = self.book();
        self.log.push(Event::ReplyReceived { call: call.id, reply: Reply::from_result(reply) });
        let Some(action) = call.action.filter(|action| book.is_at(*action)) else { return };
        let kind = self.action(action).map(|action| &action.kind);
        let goes_on = match kind {
            Some(ActionKind::Replace) => call.method != Method::Create && reply.is_ok(),
            _ => call.method == Method::Read,
        };
        book.open.iter_mut().for_each(|open| open.is_through |= !goes_on);
        let is_told = match reply {
            Ok(_) => self.last_hook(call.action).is_some(),
            Err(_) => self.hooks.contains(&Hook::ActionComplete),
        };
        if !goes_on && !is_told && !book.in_hook {
            self.close(&mut book);
        }
    }

    /// The engine has answered.
    pub(super) fn over(&self, result: ApplyResult, error: Option<String>) {
        self.close(&mut self.book());
        self.log.push(Event::ApplyEnded { result: result.into(), error });
    }
}

/// Whether an action may be carried out by such a call.
fn may_call(kind: &ActionKind, method: Method) -> bool {
    match kind {
        ActionKind::Create => method == Method::Create,
        ActionKind::Update => method == Method::Update,
        ActionKind::Delete | ActionKind::Replace => method == Method::Delete,
        ActionKind::Unknown(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use counterfoil_core::{engine::wire::spec_message, plan::Spec, rpc::Code};
    use counterfoil_proto::iac;
    use prost::Message as _;

    use super::*;

    fn action(kind: ActionKind, name: &str) -> Action {
        let spec = Spec { name: name.to_owned(), resource_type: "infra.vpc".to_owned(), ..Spec::default() };
        Action { kind, spec, current: None, changes: Vec::new() }
    }

    fn signs_of(actions: Vec<Action>, hooks: &[Hook]) -> (Signs, Recorder) {
        let (plan, log) = (Plan { actions, ..Plan::default() }, Recorder::default());
        (Signs::new(plan, hooks.to_vec(), Context::default(), log.clone()), log)
    }

    fn create(signs: &Signs, name: &str, reply: Result<(), ()>) -> Option<u32> {
        let spec = spec_message(&action(ActionKind::Create, name).spec);
        let request = iac::ResourceCreateRequest { spec: Some(spec), ..Default::default() };
        let call = signs.issued(Method::Create, request.encode_to_vec().into());
        let lost = RpcError { code: Code::Unavailable, message: "lost".to_owned() };
        signs.received(&call, &reply.map(|()| Bytes::new()).map_err(|()| lost));
        call.action
    }

    /// The beginnings and the ends of actions, in order: `+0` and `-0`.
    fn turns(log: &Recorder) -> String {
        let turns = log.take().into_iter().filter_map(|event| match event {
            Event::ActionStarted { action } => Some(format!("+{action}")),
            Event::ActionEnded { action } => Some(format!("-{action}")),
            _ => None,
        });
        turns.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn an_action_lasts_from_its_first_sign_to_its_last_hook() {
        let two = || vec![action(ActionKind::Create, "a"), action(ActionKind::Create, "b")];
        let (signs, log) = signs_of(two(), &[Hook::BeforeAction, Hook::ActionComplete]);
        for (index, name) in [(0, "a"), (1, "b")] {
            signs.hook_called(Hook::BeforeAction, Some(index), None);
            signs.hook_answered(Hook::BeforeAction, Some(index), None);
            assert_eq!(create(&signs, name, Ok(())), Some(index));
            signs.hook_called(Hook::ActionComplete, Some(index), None);
            signs.hook_answered(Hook::ActionComplete, Some(index), None);
        }
        assert_eq!(turns(&log), "+0 -0 +1 -1");
        // Without hooks its reply is the last that is heard of it.
        let (signs, log) = signs_of(two(), &[]);
        create(&signs, "a", Ok(()));
        assert_eq!(turns(&log), "+0 -0");
        // A reply that fails calls no hook but the one that tells of every outcome.
        let (signs, log) = signs_of(two(), &[Hook::ResourceApplied]);
        create(&signs, "a", Ok(()));
        assert_eq!(turns(&log), "+0");
        create(&signs, "b", Err(()));
        assert_eq!(turns(&log), "-0 +1 -1");
    }

    #[test]
    fn a_call_is_made_for_the_action_of_its_resource_that_is_at_its_turn() {
        let actions = vec![
            action(ActionKind::Create, "a"),
            action(ActionKind::Create, "b"),
            action(ActionKind::Create, "a"),
        ];
        let (signs, log) = signs_of(actions, &[Hook::ActionComplete]);
        assert_eq!(create(&signs, "a", Ok(())), Some(0));
        assert_eq!(create(&signs, "b", Ok(())), Some(1));
        assert_eq!(create(&signs, "a", Ok(())), Some(2));
        assert_eq!(turns(&log), "+0 -0 +1 -1 +2");
        // One that no action names is made for the one that the engine is at.
        assert_eq!(create(&signs, "stranger", Ok(())), Some(2));
    }

    #[test]
    fn a_driver_is_asked_for_before_all_where_a_hook_has_to_see_the_delete_of_a_replace() {
        let actions = || vec![action(ActionKind::Replace, "a"), action(ActionKind::Create, "b")];
        let asked = |hooks: &[Hook]| {
            let (signs, log) = signs_of(actions(), hooks);
            for _ in 0..3 {
                signs.driver_asked("infra.vpc", None, None, |_| None);
            }
            let asked = log.take().into_iter().filter_map(|event| match event {
                Event::DriverAsked { action, at, .. } => Some((action, at)),
                _ => None,
            });
            asked.collect::<Vec<_>>()
        };
        let (preflight, dispatch) = (ResolvePoint::Preflight, ResolvePoint::Dispatch);
        assert_eq!(asked(&[Hook::ResourceDeleted]), [(0, preflight), (0, dispatch), (1, dispatch)]);
        assert_eq!(asked(&[])[..2], [(0, dispatch), (1, dispatch)]);
    }

    /// One whose references do not resolve gives no sign.
    #[test]
    fn the_next_action_is_behind_those_that_were_begun() {
        let database = |name| {
            let mut action = action(ActionKind::Create, name);
            action.spec.resource_type = "infra.database".to_owned();
            action
        };
        let actions = || vec![database("a"), action(ActionKind::Create, "net"), database("b"), database("a")];
        let (signs, log) = signs_of(actions(), &[]);
        signs.driver_asked("infra.vpc", None, None, |_| None);
        signs.driver_asked("infra.database", None, None, |_| None);
        assert_eq!(turns(&log), "+1 -1 +2");
        let (signs, _) = signs_of(actions(), &[]);
        assert_eq!(create(&signs, "net", Ok(())), Some(1));
        assert_eq!(create(&signs, "a", Ok(())), Some(3));
        // Where none is left behind them, the order is not that of the plan.
        assert_eq!(create(&signs, "b", Ok(())), Some(2));
        assert_eq!(create(&signs, "a", Ok(())), Some(0));
    }

    #[test]
    fn the_end_of_the_context_is_told_once() {
        let (signs, log) = signs_of(Vec::new(), &[]);
        assert_eq!(signs.end_to_tell(), None);
        signs.context.end(Done::Cancelled);
        assert_eq!(signs.end_to_tell(), Some(Done::Cancelled));
        assert_eq!(signs.end_to_tell(), None);
        let (signs, _) = signs_of(Vec::new(), &[]);
        signs.cancelled_at_once();
        assert_eq!((signs.end_to_tell(), signs.context.done()), (None, Some(Done::Cancelled)));
        assert_eq!(log.take(), []);
    }
}
