//! A trace, read as the story of its actions: who was asked, what was called, what came back, and what should have
//! become of each action in the light of that.
//!
//! The account of an engine is not believed here. What references resolve to, and how an action must have ended, is
//! worked out again from the plan and from the replies that arrived.

use std::collections::BTreeMap;

use counterfoil_proto::Revision;

use super::dec::Strictly;
use crate::{
    decode::{ApplyContext, Decoder as _, Refusal, Strict},
    engine::{
        Exit, go_value,
        references::{self, ReferenceError, Scope, Synced},
    },
    json::JsonMap,
    outcome::{ApplyResult, Outcome},
    plan::{Action, ActionKind, ResourceOutput, Spec},
    rpc::{Method, RpcError},
    scenario::ResolvePoint,
    trace::{Driven, Event, Reply, Trace},
};

/// One call, from the engine to the provider and back.
#[derive(Debug)]
pub struct CallStory<'t> {
    /// Its number in the trace.
    pub id: u32,
    /// The action on whose behalf it was made.
    pub action: Option<u32>,
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

    /// The output that a create or an update brought.
    fn output(&self, revision: Revision) -> Option<ResourceOutput> {
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
    /// The calls on its behalf, in order.
    pub calls: Vec<CallStory<'t>>,
    /// What its config resolves to at its turn.
    pub config: Result<JsonMap, String>,
    /// How it must have ended; none where it did not come to its end, or where the calls do not tell.
    pub ending: Option<Ending>,
    /// The output that it brought, where it was done and there is one.
    pub output: Option<ResourceOutput>,
    /// Its outcomes: exactly one, where all is well.
    pub outcomes: Vec<&'t Outcome>,
}

impl ActionStory<'_> {
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
            .chain(self.calls.iter().flat_map(CallStory::events))
            .collect();
        events.sort_unstable();
        events
    }
}

/// A driver that the preflight was refused.
#[derive(Clone, Copy, Debug)]
pub struct PreflightRefused<'t> {
    /// The action that needed it.
    pub action: &'t Action,
    /// The text of the refusal.
    pub error: &'t str,
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
    /// The order in which actions were begun, and where.
    pub started: Vec<(u32, usize)>,
    /// The driver that the preflight was refused first.
    pub preflight_refused: Option<PreflightRefused<'t>>,
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
                .map(|(index, action)| ActionStory {
                    index,
                    action,
                    started: None,
                    preflight: None,
                    driver_asked: None,
                    driver_refused: None,
                    driver_given: false,
                    calls: Vec::new(),
                    config: Ok(JsonMap::nil()),
                    ending: None,
                    output: None,
                    outcomes: Vec::new(),
                })
                .collect(),
            other_calls: Vec::new(),
            started: Vec::new(),
            preflight_refused: None,
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
            judged && action.started.is_some() && action.config.is_ok() && action.driver_refused.is_none()
        })
    }

    /// What ends the whole apply, in the light of what arrived: its error. None where it must run on to its natural
    /// end (E-011, E-032).
    pub fn fatal(&self) -> Option<String> {
        self.preflight_refused.map(|PreflightRefused { action, error, .. }| {
            let Spec { name, resource_type, .. } = &action.spec;
            format!("{resource_type}/{name}: replace preflight resolve driver: {error}")
        })
    }

    /// Every call, in no particular order.
    pub fn calls(&self) -> impl Iterator<Item = &CallStory<'t>> {
        self.other_calls.iter().chain(self.actions.iter().flat_map(|action| &action.calls))
    }

    /// The context in which an `Apply` reply is read.
    pub fn apply_context(&self) -> ApplyContext<'t> {
        ApplyContext { revision: self.trace.header.revision, planned: &self.trace.header.plan.actions }
    }

    fn read_events(&mut self) {
        let mut calls: BTreeMap<u32, CallStory<'t>> = BTreeMap::new();
        for (at, event) in self.trace.events.iter().enumerate() {
            match event {
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
                        (ResolvePoint::Preflight, refused, Some(action)) if self.started.is_empty() => {
                            action.preflight = Some(at);
                            let refused = refused.as_deref();
                            let refused =
                                refused.map(|error| PreflightRefused { action: action.action, error, at });
                            self.preflight_refused = self.preflight_refused.or(refused);
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
                Event::LoadFailed { .. }
                | Event::ApplyStarted
                | Event::ReferencesFailed { .. }
                | Event::FaultInjected { .. }
                | Event::HookCalled { .. }
                | Event::HookAnswered { .. }
                | Event::StateSaved { .. }
                | Event::StateRemoved { .. }
                | Event::ContextEnded { .. }
                | Event::ActionEnded { .. }
                | Event::ReadBack { .. }
                | Event::ApplyEnded { .. } => {}
                Event::CallIssued { call, action, method, request, .. } => {
                    calls.insert(
                        *call,
                        CallStory {
                            id: *call,
                            action: *action,
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
                Some(action) => action.calls.push(call),
                None => self.other_calls.push(call),
            }
        }
    }

    /// Walks the actions as an engine that makes no mistake would have, given the replies that arrived. The order is
    /// the one in which they were begun: that it is the wrong one is judged elsewhere.
    fn retrace(&mut self) {
        let revision = self.trace.header.revision;
        let mut synced = Synced::default();
        for current in self.actions.iter().filter_map(|story| story.action.current.as_ref()) {
            synced.put(&current.name, &current.provider_id, current.outputs.clone());
        }
        for index in self.turns() {
            let story = &mut self.actions[index];
            let scope = Scope {
                replace_ids: &self.replace_ids,
                outputs: &synced,
                environment: &self.trace.header.environment,
            };
            let resolved = references::resolve(&story.action.spec.config, &scope);
            if let Err(error @ ReferenceError::TooLarge { .. }) = &resolved {
                self.undecided.get_or_insert_with(|| format!("{}: {error}", story.label()));
            }
            story.config = resolved.map_err(|error| format!("jit substitution: {error}"));
            story.ending = match &story.action.kind {
                // A call that should not have been made is judged elsewhere; what came of it is judged by its reply.
                _ if story.calls.is_empty() => without_call(story),
                ActionKind::Create => ended(story, Method::Create, &mut synced, revision),
                ActionKind::Update => ended(story, Method::Update, &mut synced, revision),
                ActionKind::Delete => ended(story, Method::Delete, &mut synced, revision),
                ActionKind::Replace => replaced(story, &mut synced, &mut self.replace_ids, revision),
                ActionKind::Unknown(_) => None,
            };
        }
    }

    /// Every action, those that were begun in the order of their beginnings first.
    fn turns(&self) -> Vec<usize> {
        let mut waiting = vec![true; self.actions.len()];
        let begun = self.started.iter().map(|(action, _)| *action as usize);
        let mut turns: Vec<usize> =
            begun.filter(|action| waiting.get_mut(*action).is_some_and(std::mem::take)).collect();
        turns.extend((0..self.actions.len()).filter(|action| waiting[*action]));
        turns
    }
}

/// The end of an action that made no call; none where it was never begun, should have made one, or went on in spite
/// of what should have ended it.
fn without_call(story: &ActionStory<'_>) -> Option<Ending> {
    story.started?;
    let (exit, error) = match (&story.config, story.driver_refused, &story.action.kind) {
        (Err(_), ..) if story.driver_asked.is_some() => return None,
        (Err(error), ..) => (Exit::References, error.clone()),
        (_, Some(_), _) if story.driver_given => return None,
        (_, Some((error, _)), _) => (Exit::DriverResolve, format!("resolve driver: {error}")),
        (.., ActionKind::Unknown(word)) => {
            (Exit::UnknownAction, format!("unknown action {}", go_value::quote(word)))
        }
        _ => return None,
    };
    Some(Ending { exit, error: Some(error) })
}

/// The end of an action that makes one call.
fn ended(
    story: &mut ActionStory<'_>,
    method: Method,
    synced: &mut Synced,
    revision: Revision,
) -> Option<Ending> {
    let call = story.calls.iter().rev().find(|call| call.method == method)?;
    Some(match call.answer()? {
        Answer::Done if method == Method::Delete => {
            synced.remove(&story.action.spec.name);
            Ending { exit: Exit::Clean, error: None }
        }
        Answer::Done => {
            let output = call.output(revision);
            bring(story, output, synced);
            Ending { exit: Exit::Clean, error: None }
        }
        Answer::Error(error) => Ending { exit: Exit::Driver, error: Some(error.to_string()) },
        Answer::Refused => Ending { exit: Exit::Driver, error: None },
    })
}

/// The end of a replace: that of the first step that failed, or clean where both were done. What each step did is
/// taken in as it came, also where REP finds fault with the steps.
fn replaced(
    story: &mut ActionStory<'_>,
    synced: &mut Synced,
    ids: &mut BTreeMap<String, String>,
    revision: Revision,
) -> Option<Ending> {
    let (mut deleted, mut created, mut failed) = (false, false, None);
    for at in 0..story.calls.len() {
        let call = &story.calls[at];
        match (call.method, call.answer()?) {
            (Method::Delete, Answer::Done) => {
                deleted = true;
                synced.remove(&story.action.spec.name);
            }
            (Method::Create, Answer::Done) => {
                created = true;
                let output = call.output(revision);
                bring(story, output, synced);
                if let Some(output) = &story.output {
                    ids.insert(story.action.spec.name.clone(), output.provider_id.clone());
                }
            }
            (step @ (Method::Delete | Method::Create), Answer::Error(error)) => {
                let error = Some(format!("replace: {step}: {error}"));
                failed.get_or_insert(Ending { exit: Exit::Replace, error });
            }
            (Method::Delete | Method::Create, Answer::Refused) => {
                failed.get_or_insert(Ending { exit: Exit::Replace, error: None });
            }
            _ => {}
        }
    }
    let done = (deleted && created).then_some(Ending { exit: Exit::Clean, error: None });
    failed.or(done)
}

/// Takes the output that an action brought, if any, and makes it visible to later references.
fn bring(story: &mut ActionStory<'_>, output: Option<ResourceOutput>, synced: &mut Synced) {
    story.output = output.map(|output| output.identified_by(&story.action.spec));
    if let Some(output) = &story.output {
        synced.put(&output.name, &output.provider_id, output.outputs.clone());
    }
}
