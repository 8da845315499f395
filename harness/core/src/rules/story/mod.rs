//! A trace, read as the story of its actions: who was asked, what was called, what came back, and what should have
//! become of each action in the light of that.
//!
//! The account of an engine is not believed here. What references resolve to, and how an action must have ended, is
//! worked out again from the plan and from the replies that arrived.

mod manifest;
mod retrace;

use std::collections::BTreeMap;

use counterfoil_proto::{Hook, Revision, iac};

pub use self::manifest::ManifestStory;
use super::dec::Strictly;
use crate::{
    decode::{self, ApplyContext, Decoder as _, Refusal, Strict},
    engine::{Done, Exit, GUARD, Record},
    json::JsonMap,
    outcome::{ApplyResult, Outcome},
    plan::{Action, ActionKind, ResourceOutput, Spec},
    rpc::{Method, RpcError, target_of},
    scenario::ResolvePoint,
    trace::{AdapterEvent, Decoded, Driven, Event, ProcessEvent, Reply, Trace, View},
    trial::Tried,
};

/// One call, from the engine to the provider and back.
#[derive(Debug)]
pub struct CallStory<'t> {
    /// Its number in the trace.
    pub id: u32,
    /// The action on whose behalf it was made.
    pub action: Option<u32>,
    /// The hook on whose behalf it was made, if it was made by one.
    pub hook: Option<Hook>,
    /// What was called.
    pub method: Method,
    /// The request.
    pub request: &'t [u8],
    /// Where in the trace it was issued.
    pub issued: usize,
    /// Where it was delivered, if it was.
    pub delivered: Option<usize>,
    /// What the provider sent, and where.
    pub sent: Option<(&'t Reply, usize)>,
    /// What arrived at the engine, and where.
    pub received: Option<(&'t Reply, usize)>,
    /// What the engine's decoder refused it for, and where.
    pub refused: Option<(&'t [Refusal], usize)>,
    /// What the strict decoder makes of what was sent and of what arrived.
    pub(super) strictly: Strictly,
}

impl<'t> CallStory<'t> {
    /// The events of this call, in order.
    pub fn events(&self) -> impl Iterator<Item = usize> + use<> {
        let apart = |at: Option<usize>| at.into_iter();
        std::iter::once(self.issued)
            .chain(apart(self.delivered))
            .chain(apart(self.sent.map(|(_, at)| at)))
            .chain(apart(self.received.map(|(_, at)| at)))
            .chain(apart(self.refused.map(|(_, at)| at)))
    }

    /// True where the engine was told that the call was done.
    pub fn is_done(&self) -> bool {
        matches!(self.answer(), Some(Answer::Done))
    }

    /// True where the engine was told that the call failed, be it by its own decoder.
    pub fn has_failed(&self) -> bool {
        matches!(self.answer(), Some(Answer::Error(_) | Answer::Refused))
    }

    /// True for a call that changes the cloud.
    pub fn is_mutation(&self) -> bool {
        matches!(self.method, Method::Create | Method::Update | Method::Delete)
    }

    /// What the reply that arrived amounts to, by what the engine's decoder told it; none where none arrived. That it
    /// should have been told otherwise is judged by DEC.
    pub fn answer(&self) -> Option<Answer<'t>> {
        Some(match self.received?.0 {
            Reply::Error(error) => Answer::Error(error),
            Reply::Ok(_) if self.refused.is_some() => Answer::Refused,
            Reply::Ok(_) => Answer::Done,
        })
    }

    /// The type and the reference of the resource that it is about, where its request tells of one.
    pub fn target(&self) -> Option<(String, iac::ResourceRef)> {
        target_of(self.method, self.request)
    }

    /// The output that a create, a read or an update brought.
    pub fn output(&self, revision: Revision) -> Option<ResourceOutput> {
        match self.received?.0 {
            Reply::Ok(bytes) => Strict.output(self.method, &bytes.0, revision).value,
            Reply::Error(_) => None,
        }
    }
}

/// What a reply amounts to for the engine that it arrived at.
#[derive(Clone, Copy, Debug)]
pub enum Answer<'t> {
    /// The call was done.
    Done,
    /// It came back with another status.
    Error(&'t RpcError),
    /// The decoder refused what arrived.
    Refused,
}

/// A message that a decoder was given beside any apply.
#[derive(Debug)]
pub struct DecodedStory<'t> {
    /// The message, and what the decoder made of it.
    pub decoded: &'t Decoded,
    /// Where in the trace.
    pub at: usize,
    /// What the strict decoder refuses it for; nothing where it has to be accepted.
    pub refusals: Vec<Refusal>,
}

impl<'t> DecodedStory<'t> {
    fn of(decoded: &'t Decoded, at: usize, context: ApplyContext<'_>) -> Self {
        let refusals = decode::read(&Strict, &decoded.message, &decoded.bytes.0, &context).refusals;
        Self { decoded, at, refusals }
    }
}

/// One call of a hook.
#[derive(Clone, Copy, Debug)]
pub struct HookStory<'t> {
    /// Which hook.
    pub hook: Hook,
    /// Where it was called.
    pub called: usize,
    /// The outcome that it was told of.
    pub outcome: Option<&'t Outcome>,
    /// Whether it answered, and where.
    pub answered: Option<usize>,
    /// Why it failed, if it did.
    pub error: Option<&'t str>,
}

impl HookStory<'_> {
    /// Whether it was at work at this place of the trace.
    pub fn spans(&self, at: usize) -> bool {
        self.called < at && self.answered.is_some_and(|answered| at < answered)
    }

    /// The events of this call of a hook.
    pub fn events(&self) -> impl Iterator<Item = usize> + use<> {
        std::iter::once(self.called).chain(self.answered)
    }
}

/// How an action must have ended, in the light of the replies that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// The way out.
    pub exit: Exit,
    /// The text of its outcome, where it is certain; that of a refused reply is the decoder's own.
    pub error: Option<String>,
}

/// One action of the plan.
#[derive(Debug)]
pub struct ActionStory<'t> {
    /// Its position in the plan.
    pub index: u32,
    /// The action itself.
    pub action: &'t Action,
    /// Where the engine began it, if it did.
    pub started: Option<usize>,
    /// Where the engine asked for its driver in the preflight.
    pub preflight: Option<usize>,
    /// Where the engine asked for its driver at its turn.
    pub driver_asked: Option<usize>,
    /// Where the resolver refused a driver at dispatch, with its text.
    pub driver_refused: Option<(&'t str, usize)>,
    /// Whether a driver that had been refused was given after all.
    pub driver_given: bool,
    /// The calls that the engine made on its behalf, in order.
    pub calls: Vec<CallStory<'t>>,
    /// The calls that hooks made on its behalf, in order.
    pub hook_calls: Vec<CallStory<'t>>,
    /// The hooks that were called about it, in order.
    pub hooks: Vec<HookStory<'t>>,
    /// What was kept of it in the state, and where.
    pub saved: Vec<(&'t Record, usize)>,
    /// What was taken out of the state on its behalf, by name, and where.
    pub removed: Vec<(&'t str, usize)>,
    /// What the provider answered when its resource was read back, and where.
    pub read_back: Option<(&'t Reply, usize)>,
    /// Where the engine was through with it.
    pub ended: Option<usize>,
    /// Where the engine found that its references do not resolve.
    pub unresolved: Option<usize>,
    /// What its config resolves to at its turn.
    pub config: Result<JsonMap, String>,
    /// How it must have ended; none where it did not come to its end, or where the calls do not tell.
    pub ending: Option<Ending>,
    /// The output that it brought, where it was done and there is one.
    pub output: Option<ResourceOutput>,
    /// Its outcomes: exactly one, where all is well.
    pub outcomes: Vec<&'t Outcome>,
}

impl<'t> ActionStory<'t> {
    fn of(index: u32, action: &'t Action) -> Self {
        Self {
            index,
            action,
            started: None,
            preflight: None,
            driver_asked: None,
            driver_refused: None,
            driver_given: false,
            calls: Vec::new(),
            hook_calls: Vec::new(),
            hooks: Vec::new(),
            saved: Vec::new(),
            removed: Vec::new(),
            read_back: None,
            ended: None,
            unresolved: None,
            config: Ok(JsonMap::nil()),
            ending: None,
            output: None,
            outcomes: Vec::new(),
        }
    }

    /// The calls of one of the hooks about it.
    pub fn hooks_of(&self, hook: Hook) -> impl Iterator<Item = &HookStory<'t>> {
        self.hooks.iter().filter(move |called| called.hook == hook)
    }

    /// Why a hook failed, where one of this kind did.
    fn hook_error(&self, hook: Hook) -> Option<&'t str> {
        self.hooks_of(hook).find_map(|called| called.error)
    }

    /// The way by which it must have ended, where that is known.
    pub fn exit(&self) -> Option<Exit> {
        self.ending.as_ref().map(|ending| ending.exit)
    }

    /// True where the engine looked at it, and must not have gone on to resolve anything for it.
    pub fn is_stopped_at_its_head(&self) -> bool {
        matches!(self.exit(), Some(Exit::Cancelled | Exit::BeforeActionHook))
    }

    /// True where it was carried on with all the same. What came of it then is no longer the engine's contract.
    pub fn went_on(&self) -> bool {
        self.is_stopped_at_its_head() && self.is_carried_out()
    }

    /// True where more was done for it than to look at it.
    fn is_carried_out(&self) -> bool {
        self.unresolved.is_some() || self.driver_asked.is_some() || !self.calls.is_empty()
    }

    /// Its name for the reader.
    pub fn label(&self) -> String {
        format!("action {} ({} {:?})", self.index, self.action.kind, self.action.spec.name)
    }

    /// The events of this action, in order.
    pub fn events(&self) -> Vec<usize> {
        let mut events: Vec<usize> = self
            .started
            .into_iter()
            .chain(self.driver_asked)
            .chain(self.calls.iter().chain(&self.hook_calls).flat_map(CallStory::events))
            .chain(self.hooks.iter().flat_map(HookStory::events))
            .collect();
        events.sort_unstable();
        events
    }
}

/// What ended an apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fatal {
    /// The action by which it ended; in the preflight, the one that must not be begun.
    pub action: u32,
    /// The way by which that action ended; none in the preflight, which none has begun.
    pub exit: Option<Exit>,
    /// The error that the apply must have.
    pub error: String,
    /// Where in the trace.
    pub at: usize,
}

/// A finished run, action by action.
#[derive(Debug)]
pub struct Story<'t> {
    /// The trace itself.
    pub trace: &'t Trace,
    /// The actions of the plan, in its order.
    pub actions: Vec<ActionStory<'t>>,
    /// Calls on behalf of no single action: the load sequence, and `Apply`.
    pub other_calls: Vec<CallStory<'t>>,
    /// What the plugin says of itself on disk; none where the trace holds no manifest.
    pub manifest: Option<ManifestStory<'t>>,
    /// What the plugin's process did, and where. Empty where the provider has no process of its own.
    pub process: Vec<(&'t ProcessEvent, usize)>,
    /// What the provider was asked beside the apply, and where.
    pub trials: Vec<(&'t Tried, usize)>,
    /// What the adapter of the subject did, and where.
    pub adapter: Vec<(&'t AdapterEvent, usize)>,
    /// What a decoder was given beside any apply, and where.
    pub decoded: Vec<DecodedStory<'t>>,
    /// The order in which actions were begun, and where.
    pub started: Vec<(u32, usize)>,
    /// What ended the apply, in the light of what arrived; none where it must run on to its natural end (E-011, E-032).
    pub fatal: Option<Fatal>,
    /// The calls of the plan-complete hook.
    pub completions: Vec<HookStory<'t>>,
    /// Where something is told of an action that the plan does not have.
    pub strays: Vec<(u32, usize)>,
    /// Why the context of the apply ended, and where, if it did.
    pub context_ended: Option<(Done, usize)>,
    /// What the apply reports, its error, and where; none where it never came to an end.
    pub end: Option<(&'t ApplyResult, Option<&'t str>, usize)>,
    /// The replace ids that the result must hold.
    pub replace_ids: BTreeMap<String, String>,
    /// Why nothing can be said of the run: a limit that is ours and not the engine's.
    pub undecided: Option<String>,
}

impl<'t> Story<'t> {
    /// Reads a trace.
    pub fn of(trace: &'t Trace) -> Self {
        let mut story = Self {
            trace,
            actions: (0..)
                .zip(&trace.header.plan.actions)
                .map(|(index, action)| ActionStory::of(index, action))
                .collect(),
            other_calls: Vec::new(),
            manifest: ManifestStory::of(trace),
            process: Vec::new(),
            trials: Vec::new(),
            adapter: Vec::new(),
            decoded: Vec::new(),
            started: Vec::new(),
            fatal: None,
            completions: Vec::new(),
            strays: Vec::new(),
            context_ended: None,
            end: trace.end(),
            replace_ids: BTreeMap::new(),
            undecided: None,
        };
        story.read_events();
        if let Some((result, ..)) = story.end {
            for outcome in &result.outcomes {
                if let Some(action) = story.actions.get_mut(outcome.action_index as usize) {
                    action.outcomes.push(outcome);
                }
            }
        }
        if story.is_call_by_call() {
            story.retrace();
        }
        story
    }

    /// True where the engine drives the provider action by action, as it should. An engine that hands the plan
    /// over instead, and begins no action, gives another's account: that it did so is judged by DSP-008 alone.
    pub fn is_call_by_call(&self) -> bool {
        self.trace.header.driven == Driven::CallByCall && !self.is_handed_over()
    }

    fn is_handed_over(&self) -> bool {
        self.started.is_empty() && self.other_calls.iter().any(|call| call.method == Method::Apply)
    }

    /// Actions that came to a driver: begun, resolved, and not refused one.
    pub fn reached(&self) -> impl Iterator<Item = &ActionStory<'t>> {
        let judged = self.is_call_by_call();
        self.actions.iter().filter(move |action| {
            judged
                && action.started.is_some()
                && !action.is_stopped_at_its_head()
                && action.config.is_ok()
                && action.driver_refused.is_none()
        })
    }

    /// Whether the trace is of a form that tells of hooks, of the state, and of inputs.
    pub fn tells_all(&self) -> bool {
        self.trace.header.version >= 2
    }

    /// Whether this side of the engine was shown.
    pub fn sees(&self, view: View) -> bool {
        self.trace.header.sees(view)
    }

    /// The host that the provider tried to reach before it answered what it was asked beside the apply, which stands at `asked`.
    /// No cloud is to be reached then: what it answers is that there is none.
    pub fn reached_out(&self, asked: usize) -> Option<&'t str> {
        let before = self.trace.events.get(..asked)?.iter().rev();
        before.map_while(|event| if let Event::Process(event) = event { Some(event) } else { None }).find_map(
            |event| match event {
                ProcessEvent::Outbound { host, during: None } => Some(host.as_str()),
                _ => None,
            },
        )
    }

    /// Where the next action was begun after this place of the trace.
    pub fn next_start(&self, after: usize) -> Option<usize> {
        let next = self.started.partition_point(|(_, at)| *at <= after);
        self.started.get(next).map(|(_, at)| *at)
    }

    /// Whether the apply is over, was made call by call, and had a hook of which the trace tells.
    pub fn tells_of(&self, hook: Hook) -> bool {
        self.is_call_by_call() && self.end.is_some() && self.tells_all() && self.has_hook(hook)
    }

    /// Whether an action was begun although the apply had ended. What it could refer to then is anybody's guess.
    pub fn is_after_the_end(&self, action: &ActionStory<'_>) -> bool {
        let begun = action.started.unwrap_or_default();
        self.fatal.as_ref().is_some_and(|fatal| fatal.action != action.index && begun > fatal.at)
    }

    /// Whether a hook is installed.
    pub fn has_hook(&self, hook: Hook) -> bool {
        self.trace.header.hooks.contains(&hook)
    }

    /// Whether replaces are done by the drivers themselves, unseen by the engine (E-066).
    pub fn drivers_replace(&self) -> bool {
        self.trace.header.drivers.replacer && !self.has_hook(Hook::ResourceDeleted)
    }

    /// Whether the context ended at this place of the trace or before it.
    pub fn is_over_at(&self, at: usize) -> bool {
        self.context_ended.is_some_and(|(_, ended)| ended <= at)
    }

    /// The error of the whole apply, in the light of what arrived: of what ended it, or of the plan-complete hook.
    pub fn apply_error(&self) -> Option<String> {
        let unfinished = || self.completions.iter().find_map(|called| called.error);
        let fatal = self.fatal.as_ref().map(|fatal| fatal.error.clone());
        fatal.or_else(|| unfinished().map(|error| format!("plan finalize: {error}")))
    }

    /// Every call, in no particular order.
    pub fn calls(&self) -> impl Iterator<Item = &CallStory<'t>> {
        let of_actions = self.actions.iter().flat_map(|action| action.calls.iter().chain(&action.hook_calls));
        self.other_calls.iter().chain(of_actions)
    }

    /// The context in which an `Apply` reply is read.
    pub fn apply_context(&self) -> ApplyContext<'t> {
        ApplyContext { revision: self.trace.header.revision, planned: &self.trace.header.plan.actions }
    }

    fn read_events(&mut self) {
        let mut calls: BTreeMap<u32, CallStory<'t>> = BTreeMap::new();
        // Only replaces have a preflight, and only where a hook has to see their deletes (E-010, E-015).
        let guarded = self.has_hook(Hook::ResourceDeleted);
        // The hook that has been called and has not answered, with the action that it is about.
        let mut open: Option<(Hook, Option<u32>)> = None;
        let planned = self.actions.len();
        for (at, event) in self.trace.events.iter().enumerate() {
            if let Some(action) = told_of(event).filter(|action| *action as usize >= planned) {
                self.strays.push((action, at));
            }
            match event {
                Event::Process(event) => self.process.push((event, at)),
                Event::Tried(tried) => self.trials.push((tried, at)),
                Event::Adapter(event) => self.adapter.push((event, at)),
                Event::Decoded(decoded) => {
                    let decoded = DecodedStory::of(decoded, at, self.apply_context());
                    self.decoded.push(decoded);
                }
                Event::ActionStarted { action } => {
                    self.started.push((*action, at));
                    if let Some(action) = self.actions.get_mut(*action as usize) {
                        action.started.get_or_insert(at);
                    }
                }
                Event::DriverAsked { action, at: point, refused, .. } => {
                    let action = self.actions.get_mut(*action as usize);
                    match (point, refused, action) {
                        // Once actions run, what is asked is asked for one of them.
                        (ResolvePoint::Preflight, _, Some(action))
                            if self.started.is_empty()
                                && !(guarded && action.action.kind == ActionKind::Replace) =>
                        {
                            action.preflight = Some(at);
                        }
                        (ResolvePoint::Preflight, refused, Some(action)) if self.started.is_empty() => {
                            action.preflight = Some(at);
                            let Spec { name, resource_type, .. } = &action.action.spec;
                            let error = match refused {
                                Some(error) => Some(format!(
                                    "{resource_type}/{name}: replace preflight resolve driver: {error}"
                                )),
                                None if self.trace.header.drivers.replacer => {
                                    Some(format!("{resource_type}/{name}: {GUARD}"))
                                }
                                None => None,
                            };
                            let action = action.index;
                            let refused = error.map(|error| Fatal { action, exit: None, error, at });
                            self.fatal = self.fatal.take().or(refused);
                        }
                        (ResolvePoint::Dispatch, refused, Some(action)) => {
                            action.driver_asked = Some(at);
                            action.driver_refused = refused.as_deref().map(|text| (text, at));
                        }
                        // Asked under another pretext.
                        (ResolvePoint::Preflight, None, Some(action)) => action.driver_given = true,
                        _ => {}
                    }
                }
                Event::HookCalled { hook, action, outcome } => {
                    open = Some((*hook, *action));
                    let called = HookStory {
                        hook: *hook,
                        called: at,
                        outcome: outcome.as_ref(),
                        answered: None,
                        error: None,
                    };
                    if let Some(hooks) = self.hooks_about(*action) {
                        hooks.push(called);
                    }
                }
                Event::HookAnswered { hook, action, error } => {
                    open = None;
                    let called = self.hooks_about(*action).and_then(|hooks| hooks.last_mut());
                    if let Some(called) = called.filter(|called| called.hook == *hook) {
                        called.answered = Some(at);
                        called.error = error.as_deref();
                    }
                }
                Event::StateSaved { action, record } => {
                    if let Some(action) = self.actions.get_mut(*action as usize) {
                        action.saved.push((record, at));
                    }
                }
                Event::StateRemoved { action, name } => {
                    if let Some(action) = self.actions.get_mut(*action as usize) {
                        action.removed.push((name, at));
                    }
                }
                Event::ContextEnded { cause } => {
                    self.context_ended.get_or_insert((*cause, at));
                }
                Event::ActionEnded { action } => {
                    if let Some(action) = self.actions.get_mut(*action as usize) {
                        action.ended.get_or_insert(at);
                    }
                }
                Event::ReadBack { action, reply, .. } => {
                    if let Some(action) = self.actions.get_mut(*action as usize) {
                        action.read_back = Some((reply, at));
                    }
                }
                Event::ReferencesFailed { action, .. } => {
                    if let Some(action) = self.actions.get_mut(*action as usize) {
                        action.unresolved = Some(at);
                    }
                }
                Event::LoadFailed { .. }
                | Event::ApplyStarted
                | Event::FaultInjected { .. }
                | Event::ApplyEnded { .. } => {}
                Event::CallIssued { call, action, method, request, .. } => {
                    calls.insert(
                        *call,
                        CallStory {
                            id: *call,
                            action: *action,
                            hook: open.map(|(hook, _)| hook),
                            method: *method,
                            request: &request.0,
                            issued: at,
                            delivered: None,
                            sent: None,
                            received: None,
                            refused: None,
                            strictly: Strictly::default(),
                        },
                    );
                }
                Event::CallDelivered { call } => {
                    if let Some(call) = calls.get_mut(call) {
                        call.delivered = Some(at);
                    }
                }
                Event::ReplySent { call, reply } => {
                    if let Some(call) = calls.get_mut(call) {
                        call.sent = Some((reply, at));
                    }
                }
                Event::ReplyReceived { call, reply } => {
                    if let Some(call) = calls.get_mut(call) {
                        call.received = Some((reply, at));
                    }
                }
                Event::ReplyRefused { call, refusals } => {
                    if let Some(call) = calls.get_mut(call) {
                        call.refused = Some((refusals, at));
                    }
                }
            }
        }
        for mut call in calls.into_values() {
            call.strictly = Strictly::read(self, &call);
            match call.action.and_then(|action| self.actions.get_mut(action as usize)) {
                Some(action) if call.hook.is_some() => action.hook_calls.push(call),
                Some(action) => action.calls.push(call),
                None => self.other_calls.push(call),
            }
        }
    }

    /// The calls of hooks about an action, or about the plan.
    fn hooks_about(&mut self, action: Option<u32>) -> Option<&mut Vec<HookStory<'t>>> {
        match action {
            None => Some(&mut self.completions),
            Some(action) => self.actions.get_mut(action as usize).map(|action| &mut action.hooks),
        }
    }
}

/// The action of which an event tells, if it tells of one.
fn told_of(event: &Event) -> Option<u32> {
    match event {
        Event::ActionStarted { action }
        | Event::ReferencesFailed { action, .. }
        | Event::DriverAsked { action, .. }
        | Event::StateSaved { action, .. }
        | Event::StateRemoved { action, .. }
        | Event::ActionEnded { action }
        | Event::ReadBack { action, .. } => Some(*action),
        Event::CallIssued { action, .. }
        | Event::HookCalled { action, .. }
        | Event::HookAnswered { action, .. } => *action,
        Event::Process(_)
        | Event::Adapter(_)
        | Event::Decoded(_)
        | Event::Tried(_)
        | Event::LoadFailed { .. }
        | Event::ApplyStarted
        | Event::CallDelivered { .. }
        | Event::FaultInjected { .. }
        | Event::ReplySent { .. }
        | Event::ReplyReceived { .. }
        | Event::ReplyRefused { .. }
        | Event::ContextEnded { .. }
        | Event::ApplyEnded { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Setting;

    #[test]
    fn a_hook_is_at_work_between_its_call_and_its_answer() {
        let hook = |answered| HookStory {
            hook: Hook::PlanComplete,
            called: 3,
            outcome: None,
            answered,
            error: None,
        };
        let at_work = |answered| (0..8).filter(|at| hook(answered).spans(*at)).collect::<Vec<_>>();
        assert_eq!((at_work(Some(6)), at_work(None)), (vec![4, 5], vec![]));
        let events = |answered| hook(answered).events().collect::<Vec<_>>();
        assert_eq!((events(Some(6)), events(None)), (vec![3, 6], vec![3]));
    }

    #[test]
    fn an_action_is_called_by_its_place_its_kind_and_its_resource() {
        let action = |kind, name: &str| Action {
            kind,
            spec: Spec { name: name.to_owned(), resource_type: "infra.vpc".to_owned(), ..Spec::default() },
            current: None,
            changes: Vec::new(),
        };
        let actions = vec![action(ActionKind::Create, "net"), action(ActionKind::Create, "other")];
        let (_, trace) = Setting::of(actions).run();
        let story = Story::of(&trace);
        let labels: Vec<_> = story.actions.iter().map(ActionStory::label).collect();
        assert_eq!(labels, [r#"action 0 (create "net")"#, r#"action 1 (create "other")"#]);
    }
}
