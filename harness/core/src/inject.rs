//! How the faults of a scenario are worked into a run of the reference engine.
//!
//! Faults of calls stand in the transport, outside of this crate; these are those that stand before any call, in the
//! host of the engine, or in its context.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    engine::{Context, Done, HookFailures, wire::Access},
    json::JsonMap,
    plan::Plan,
    scenario::{CancelPoint, FaultKind, Scenario},
    trace::{Addition, Drivers, Event, Recorder, Watch},
};

/// The plan as the engine gets it: each `jit-error` puts a reference into its action's config that nothing
/// resolves, under a key that the config does not have.
pub fn plan(scenario: &Scenario) -> Plan {
    let mut plan = scenario.plan.clone();
    let actions = &scenario.plan.actions;
    let names = actions.iter().flat_map(|action| {
        let of_state = action.current.as_ref().map(|current| current.name.as_str());
        of_state.into_iter().chain([action.spec.name.as_str()])
    });
    let nowhere = unused("counterfoil-nowhere", &names.collect());
    for fault in scenario.faults.iter().filter(|fault| matches!(fault.kind, FaultKind::JitError)) {
        let Some(action) = fault.action else { continue };
        let config = &mut plan.actions[action].spec.config;
        let mut map = config.build();
        let key = unused("counterfoil_jit_error", &map.keys().map(String::as_str).collect());
        map.insert(key, Value::String(format!("${{{nowhere}.id}}")));
        *config = JsonMap::from(map);
    }
    plan
}

/// A word that is none of those taken: `word` itself, or with as many strokes behind it as it takes.
fn unused(word: &str, taken: &BTreeSet<&str>) -> String {
    let mut unused = word.to_owned();
    while taken.contains(unused.as_str()) {
        unused.push('-');
    }
    unused
}

/// How far the engine gets with the provider of a scenario: what its resolver refuses, one type for each
/// `driver-resolve-error`, and what drivers can do. Whether there is a ResourceDriver or a finalizer at all is nothing
/// that a scenario could tell: the provider's registry does (E-152).
pub fn access(scenario: &Scenario) -> Access {
    let refused = scenario.faults.iter().filter_map(|fault| match (&fault.kind, fault.action) {
        (FaultKind::DriverResolveError { at }, Some(action)) => {
            Some((*at, scenario.plan.actions[action].spec.resource_type.clone()))
        }
        _ => None,
    });
    Access { refused: refused.collect(), drivers: Drivers::of(&scenario.engine), ..Access::default() }
}

/// The hooks of the host that fail, one for each `hook-error`.
pub fn hook_failures(scenario: &Scenario) -> HookFailures {
    let failures = scenario.faults.iter().filter_map(|fault| match &fault.kind {
        FaultKind::HookError { hook, message } => {
            let action = fault.action.and_then(|action| u32::try_from(action).ok());
            Some(((*hook, action), message.clone()))
        }
        _ => None,
    });
    failures.collect()
}

/// A recorder for a run of this scenario: where the scenario says so, it cancels `context` as the events come by.
pub fn recorder(scenario: &Scenario, context: &Context) -> Recorder {
    let cancel = scenario.faults.iter().find_map(|fault| match fault.kind {
        FaultKind::Cancel { at } => Some(at),
        _ => None,
    });
    cancel.map_or_else(Recorder::default, |at| Recorder::watched(Canceller::new(at, context.clone())))
}

/// Cancels a context at a point of the run that it watches.
#[derive(Debug)]
pub struct Canceller {
    at: CancelPoint,
    context: Context,
    /// How many calls of the kind that is waited for have been seen.
    seen: u32,
    /// The call whose reply is waited for.
    call: Option<u32>,
}

impl Canceller {
    /// Cancels `context` at this point.
    pub fn new(at: CancelPoint, context: Context) -> Self {
        Self { at, context, seen: 0, call: None }
    }
}

impl Watch for Canceller {
    fn watch(&mut self, event: &Event) -> Option<Addition> {
        let is = |planned: usize, action: u32| u32::try_from(planned) == Ok(action);
        let side: fn(Event) -> Addition = match (self.at, event) {
            (CancelPoint::Before(planned), Event::ActionStarted { action }) if is(planned, *action) => {
                Addition::Before
            }
            (CancelPoint::After(planned), Event::ActionEnded { action }) if is(planned, *action) => {
                Addition::After
            }
            (
                CancelPoint::During(planned, point),
                Event::CallIssued { call, action: Some(action), method, .. },
            ) if is(planned, *action) && *method == point.method => {
                self.seen += 1;
                if self.seen == point.nth {
                    self.call = Some(*call);
                }
                return None;
            }
            (CancelPoint::During(..), Event::ReplyReceived { call, .. }) if self.call == Some(*call) => {
                Addition::After
            }
            _ => return None,
        };
        let cause = Done::Cancelled;
        self.context.end(cause).then(|| side(Event::ContextEnded { cause }))
    }
}
