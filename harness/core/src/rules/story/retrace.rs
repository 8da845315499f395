//! What should have become of each action, in the light of the replies that arrived: the way of an engine that makes no
//! mistake, walked again.

use std::collections::BTreeMap;

use counterfoil_proto::{Hook, Revision};

use super::{ActionStory, Answer, Ending, Fatal, Story};
use crate::{
    engine::{
        Done, Exit, GUARD, driver_replace_error, go_value,
        references::{self, ReferenceError, Scope, Synced},
    },
    plan::{ActionKind, ResourceOutput},
    rpc::{Code, Method},
};

impl Story<'_> {
    /// Walks the actions as an engine that makes no mistake would have, given the replies that arrived. The order is
    /// the one in which they were begun: that it is the wrong one is judged elsewhere.
    pub(super) fn retrace(&mut self) {
        let mut world = World {
            revision: self.trace.header.revision,
            upsert: self.trace.header.drivers.upsert,
            drivers_replace: self.drivers_replace(),
            guarded: self.trace.header.drivers.replacer && self.has_hook(Hook::ResourceDeleted),
            context_ended: self.context_ended,
            synced: Synced::default(),
            replace_ids: BTreeMap::new(),
        };
        for current in self.actions.iter().filter_map(|story| story.action.current.as_ref()) {
            world.synced.put(&current.name, &current.provider_id, current.outputs.clone());
        }
        for index in self.turns() {
            let story = &mut self.actions[index];
            let stopped = stopped(story, &world);
            // What came of an action that was carried on with all the same is there for later ones.
            if stopped.is_none() || story.is_carried_out() {
                let scope = Scope {
                    replace_ids: &world.replace_ids,
                    outputs: &world.synced,
                    environment: &self.trace.header.environment,
                };
                let resolved = references::resolve(&story.action.spec.config, &scope);
                if let Err(error @ ReferenceError::TooLarge { .. }) = &resolved {
                    self.undecided.get_or_insert_with(|| format!("{}: {error}", story.label()));
                }
                story.config = resolved.map_err(|error| format!("jit substitution: {error}"));
                story.ending = world.end(story);
            }
            story.ending = stopped.or(story.ending.take());
            let fatal = story.ending.as_ref().filter(|ending| ending.exit.is_fatal());
            if let (Some(Ending { exit, error: Some(error) }), None) = (fatal, &self.fatal) {
                self.fatal = Some(Fatal {
                    action: story.index,
                    exit: Some(*exit),
                    error: exit.apply_error(&story.action.spec, error),
                    at: story.events().last().copied().unwrap_or_default(),
                });
            }
        }
        self.replace_ids = world.replace_ids;
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

/// What an engine knows at one point of its way through the plan.
struct World {
    revision: Revision,
    upsert: bool,
    drivers_replace: bool,
    /// Drivers would replace by themselves, and a hook forbids it.
    guarded: bool,
    context_ended: Option<(Done, usize)>,
    synced: Synced,
    replace_ids: BTreeMap<String, String>,
}

/// The end of an action that must not even be resolved: the context had ended before it, or the hook refuses it.
fn stopped(story: &ActionStory<'_>, world: &World) -> Option<Ending> {
    let started = story.started?;
    let cancelled = world.context_ended.filter(|(_, at)| *at < started);
    let cancelled = cancelled.map(|(done, _)| (Exit::Cancelled, done.to_string()));
    let refused = || story.hook_error(Hook::BeforeAction).map(|e| (Exit::BeforeActionHook, e.to_owned()));
    cancelled.or_else(refused).map(|(exit, error)| Ending { exit, error: Some(error) })
}

impl World {
    /// How an action that was not stopped must have ended.
    fn end(&mut self, story: &mut ActionStory<'_>) -> Option<Ending> {
        match &story.action.kind {
            // A call that should not have been made is judged elsewhere; what came of it is judged by its reply.
            _ if story.calls.is_empty() => self.without_call(story),
            ActionKind::Create => self.created(story),
            ActionKind::Update => self.changed(story, Method::Update),
            ActionKind::Delete => self.deleted(story),
            ActionKind::Replace if self.drivers_replace => self.replaced_by_driver(story),
            ActionKind::Replace => self.replaced(story),
            ActionKind::Unknown(_) => None,
        }
    }

    /// The end of an action that made no call; none where it was never begun, should have made one, or went on in spite
    /// of what should have ended it.
    fn without_call(&self, story: &ActionStory<'_>) -> Option<Ending> {
        story.started?;
        let (exit, error) = match (&story.config, story.driver_refused, &story.action.kind) {
            (Err(_), ..) if story.driver_asked.is_some() => return None,
            (Err(error), ..) => (Exit::References, error.clone()),
            (_, Some(_), _) if story.driver_given => return None,
            (_, Some((error, _)), _) => (Exit::DriverResolve, format!("resolve driver: {error}")),
            (.., ActionKind::Unknown(word)) => {
                (Exit::UnknownAction, format!("unknown action {}", go_value::quote(word)))
            }
            (.., ActionKind::Replace) if self.guarded => (Exit::ReplaceDeleteHook, GUARD.to_owned()),
            (.., kind) => {
                // The context ended between the look at it and the call, which was therefore never sent.
                let done = self.ended_within(story)?;
                let error = done.rpc_error().to_string();
                match kind {
                    ActionKind::Replace if self.drivers_replace => {
                        (Exit::Replace, driver_replace_error(&error))
                    }
                    ActionKind::Replace => (Exit::Replace, format!("replace: delete: {error}")),
                    _ => (Exit::Driver, error),
                }
            }
        };
        Some(Ending { exit, error: Some(error) })
    }

    /// Why the context ended while the engine was at this action, if it did.
    fn ended_within(&self, story: &ActionStory<'_>) -> Option<Done> {
        let begun = story.started?;
        let over = story.ended.unwrap_or(usize::MAX);
        self.context_ended.filter(|(_, at)| (begun..over).contains(at)).map(|(done, _)| done)
    }

    /// The end of a create, which may have gone on as an update (E-051 to E-053).
    fn created(&mut self, story: &mut ActionStory<'_>) -> Option<Ending> {
        let failed = |error: Option<String>| Some(Ending { exit: Exit::Driver, error });
        let of = |method: Method| story.calls.iter().rev().find(|call| call.method == method);
        let conflict = match of(Method::Create)?.answer()? {
            Answer::Error(error) if self.upsert && error.code == Code::AlreadyExists => error,
            _ => return self.changed(story, Method::Create),
        };
        let Some(read) = of(Method::Read) else {
            // It was not sent because the context had ended.
            let done = self.ended_within(story)?;
            return failed(Some(format!("upsert: read after conflict: {conflict}\n{}", done.rpc_error())));
        };
        match read.answer()? {
            Answer::Error(error) => {
                return failed(Some(format!("upsert: read after conflict: {conflict}\n{error}")));
            }
            Answer::Refused => return failed(None),
            Answer::Done => {}
        }
        if read.output(self.revision).is_none_or(|found| found.provider_id.is_empty()) {
            let name = go_value::quote(&story.action.spec.name);
            let text = format!("upsert: resource {name} found by name but ProviderID is empty: {conflict}");
            return failed(Some(text));
        }
        if of(Method::Update).is_none() {
            return failed(Some(self.ended_within(story)?.rpc_error().to_string()));
        }
        self.changed(story, Method::Update)
    }

    /// The end of an action by a call that brings an output.
    fn changed(&mut self, story: &mut ActionStory<'_>, method: Method) -> Option<Ending> {
        let call = story.calls.iter().rev().find(|call| call.method == method)?;
        match call.answer()? {
            Answer::Done => {
                let output = call.output(self.revision);
                self.bring(story, output)
            }
            Answer::Error(error) => Some(Ending { exit: Exit::Driver, error: Some(error.to_string()) }),
            Answer::Refused => Some(Ending { exit: Exit::Driver, error: None }),
        }
    }

    fn deleted(&mut self, story: &ActionStory<'_>) -> Option<Ending> {
        let call = story.calls.iter().rev().find(|call| call.method == Method::Delete)?;
        let (exit, error) = match call.answer()? {
            Answer::Error(error) => (Exit::Driver, Some(error.to_string())),
            Answer::Refused => (Exit::Driver, None),
            Answer::Done => {
                if let Some(error) = story.hook_error(Hook::ResourceDeleted) {
                    (Exit::DeleteHook, Some(error.to_owned()))
                } else {
                    self.synced.remove(&story.action.spec.name);
                    (Exit::Clean, None)
                }
            }
        };
        Some(Ending { exit, error })
    }

    /// The end of a replace: that of the first step that failed, or clean where both were done. What each step did is
    /// taken in as it came, also where REP finds fault with the steps.
    fn replaced(&mut self, story: &mut ActionStory<'_>) -> Option<Ending> {
        let (mut deleted, mut output, mut failed) = (false, None, None);
        for call in &story.calls {
            match (call.method, call.answer()?) {
                (Method::Delete, Answer::Done) => {
                    deleted = true;
                    if let Some(error) = story.hook_error(Hook::ResourceDeleted) {
                        let error = Some(format!("replace: delete hook: {error}"));
                        failed.get_or_insert(Ending { exit: Exit::ReplaceDeleteHook, error });
                    } else {
                        self.synced.remove(&story.action.spec.name);
                    }
                }
                (Method::Create, Answer::Done) => output = Some(call.output(self.revision)),
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
        if let Some(Some(output)) = &output {
            self.replace_ids.insert(story.action.spec.name.clone(), output.provider_id.clone());
        }
        let created = output.is_some();
        let brought = output.filter(|_| failed.is_none()).and_then(|output| self.bring(story, output));
        let cancelled = || {
            // Where a deadline passed, it may have been just after the engine had looked.
            let done = self.ended_within(story).filter(|_| deleted && !created)?;
            let error = Some(format!("replace: canceled after delete: {done}"));
            let error = error.filter(|_| done == Done::Cancelled);
            Some(Ending { exit: Exit::ReplaceCancelled, error })
        };
        failed.or_else(cancelled).or_else(|| brought.filter(|_| deleted))
    }

    /// The end of a replace that the driver made by itself: the engine sees its result alone (E-066, E-067).
    fn replaced_by_driver(&mut self, story: &mut ActionStory<'_>) -> Option<Ending> {
        let last = story.calls.last()?;
        match last.answer()? {
            Answer::Done if last.method == Method::Create => {
                let output = last.output(self.revision);
                if let Some(output) = &output {
                    self.replace_ids.insert(story.action.spec.name.clone(), output.provider_id.clone());
                }
                self.bring(story, output)
            }
            Answer::Done => {
                let done = self.ended_within(story)?;
                let error = Some(driver_replace_error(&done.rpc_error().to_string()));
                Some(Ending { exit: Exit::Replace, error })
            }
            Answer::Error(error) => {
                let error = Some(driver_replace_error(&error.to_string()));
                Some(Ending { exit: Exit::Replace, error })
            }
            Answer::Refused => Some(Ending { exit: Exit::Replace, error: None }),
        }
    }

    /// Takes the output that an action brought, if any, and, where the hook behind it is content, makes it visible to
    /// later references. Gives the end of the action; none where the hook has not answered yet.
    fn bring(&mut self, story: &mut ActionStory<'_>, output: Option<ResourceOutput>) -> Option<Ending> {
        story.output = output.map(|output| output.identified_by(&story.action.spec));
        let Some(output) = &story.output else { return Some(Ending { exit: Exit::Clean, error: None }) };
        if story.hooks_of(Hook::ResourceApplied).any(|called| called.answered.is_none()) {
            return None;
        }
        if let Some(error) = story.hook_error(Hook::ResourceApplied) {
            return Some(Ending { exit: Exit::ApplyHook, error: Some(error.to_owned()) });
        }
        self.synced.put(&output.name, &output.provider_id, output.outputs.clone());
        Some(Ending { exit: Exit::Clean, error: None })
    }
}
