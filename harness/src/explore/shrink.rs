//! Smaller scenarios: plan and faults together, from the boldest cut to the last letter.

use std::ops::Range;

use counterfoil_core::{
    json::JsonMap,
    plan::{Action, ActionKind},
    rpc::Code,
    scenario::{
        CallPoint, CancelPoint, Dispatch, EngineSetup, Expect, Fault, FaultKind, Scenario, Services,
        TransportKind, write,
    },
};
use counterfoil_proto::{Revision, RevisionRange, iac};
use prost::Message as _;
use serde_json::{Map, Value};

use super::Offer;

/// Names that say nothing, for what has one that matters to nobody.
const NAMES: [&str; 4] = ["a", "b", "c", "d"];
/// What a message says that matters to nobody.
const MESSAGE: &str = "it failed";

/// How large a scenario is. What is smaller is simpler: fewer actions count more than fewer faults, and these more than
/// fewer letters.
pub(super) fn size(scenario: &Scenario) -> impl Ord + use<> {
    let age = scenario.revisions.revisions().last().map_or(0, |newest| {
        Revision::ALL.len() - Revision::ALL.iter().position(|revision| revision == newest).unwrap_or(0)
    });
    let oddity: usize = scenario.plan.actions.iter().map(|action| oddity(&action.kind)).sum();
    // What its script for the provider breaks by itself is no part of it.
    let written = write(&Scenario { expect: Expect::default(), ..scenario.clone() });
    (scenario.plan.actions.len(), scenario.faults.len(), oddity, age, written.len())
}

/// How much there is to a kind of action.
fn oddity(kind: &ActionKind) -> usize {
    match kind {
        ActionKind::Create => 0,
        ActionKind::Delete => 1,
        ActionKind::Update => 2,
        ActionKind::Replace => 3,
        ActionKind::Unknown(_) => 4,
    }
}

/// Scenarios that are like this one but for one thing, the boldest first. Not all are smaller, and not all are in order.
///
/// In a cloud that others use too, names keep their prefix, and every run looks back, since it is then that what it created is
/// deleted.
pub(super) fn candidates(scenario: &Scenario, offer: &Offer) -> Vec<Scenario> {
    let mut found = Vec::new();
    fewer_actions(scenario, &mut found);
    let mut changed = |change: &dyn Fn(&mut Scenario)| {
        let mut candidate = scenario.clone();
        change(&mut candidate);
        found.push(candidate);
    };
    for at in 0..scenario.faults.len() {
        changed(&|scenario| drop(scenario.faults.remove(at)));
    }
    if offer.seeded {
        changed(&|scenario| scenario.trials.clear());
    }
    changed(&|scenario| scenario.state.clear());
    for at in 0..scenario.state.len() {
        changed(&|scenario| drop(scenario.state.remove(at)));
    }
    changed(&|scenario| scenario.engine = EngineSetup::default());
    changed(&|scenario| scenario.engine.upsert = false);
    changed(&|scenario| scenario.engine.replacer = false);
    changed(&|scenario| scenario.provider.services = Services::default());
    changed(&|scenario| scenario.provider.force_new.clear());
    changed(&|scenario| scenario.environment.clear());
    changed(&|scenario| scenario.plan.inputs.clear());
    changed(&|scenario| scenario.deadline = None);
    let of_call_by_call = |scenario: &mut Scenario| {
        scenario.dispatch = Dispatch::V2;
        "v2".clone_into(&mut scenario.provider.compute_plan_version);
    };
    changed(&of_call_by_call);
    for revision in Revision::ALL.iter().rev() {
        changed(&|scenario| scenario.revisions = RevisionRange::from(*revision));
    }
    if let Dispatch::V1 { reply: Some(reply) } = &scenario.dispatch {
        for shorter in shorter_replies(reply) {
            changed(&|scenario| scenario.dispatch = Dispatch::V1 { reply: Some(shorter.clone().into()) });
        }
    }
    for at in 0..scenario.plan.actions.len() {
        for simpler in simpler_actions(&scenario.plan.actions[at]) {
            changed(&|scenario| scenario.plan.actions[at] = simpler.clone());
        }
        for name in NAMES {
            changed(&|scenario| rename(scenario, at, &format!("{}{name}", offer.prefix)));
        }
        changed(&|scenario| scenario.addresses[at].clone_from(&scenario.plan.actions[at].spec.name));
    }
    for at in 0..scenario.faults.len() {
        for kind in simpler_faults(&scenario.faults[at].kind) {
            changed(&|scenario| scenario.faults[at].kind = kind.clone());
        }
    }
    found
}

/// Without half of the actions, a quarter of them, down to one.
fn fewer_actions(scenario: &Scenario, found: &mut Vec<Scenario>) {
    let count = scenario.plan.actions.len();
    let mut chunk = count.div_ceil(2);
    while chunk > 0 {
        for from in (0..count).step_by(chunk) {
            let gone = from..(from + chunk).min(count);
            let candidate = without_actions(scenario, &gone);
            if let Dispatch::V1 { reply: Some(reply) } = &scenario.dispatch {
                let reply = without_outcomes(reply, &gone).map(Into::into);
                found.push(Scenario { dispatch: Dispatch::V1 { reply }, ..candidate.clone() });
            }
            found.push(candidate);
        }
        chunk /= 2;
    }
}

/// Without the actions at these positions, and without the faults that strike them.
fn without_actions(scenario: &Scenario, gone: &Range<usize>) -> Scenario {
    let mut candidate = scenario.clone();
    candidate.plan.actions.drain(gone.clone());
    candidate.addresses.drain(gone.clone());
    let moved = |action| moved(action, gone);
    candidate.faults = scenario.faults.iter().filter_map(|fault| moved_fault(fault, moved)).collect();
    candidate
}

/// Where an action stands when others are gone; nowhere when it is one of them.
fn moved(action: usize, gone: &Range<usize>) -> Option<usize> {
    match action {
        _ if action < gone.start => Some(action),
        _ if action < gone.end => None,
        _ => Some(action - gone.len()),
    }
}

/// A reply to `Apply` without the outcomes of actions that are gone; none where it is no message.
fn without_outcomes(reply: &[u8], gone: &Range<usize>) -> Option<Vec<u8>> {
    let mut response = iac::ApplyResponse::decode(reply).ok()?;
    if let Some(result) = &mut response.result {
        result.actions.retain_mut(|outcome| {
            let index = usize::try_from(outcome.action_index).ok().and_then(|index| moved(index, gone));
            let index = index.and_then(|index| u32::try_from(index).ok());
            outcome.action_index = index.unwrap_or_default();
            index.is_some()
        });
    }
    Some(response.encode_to_vec())
}

fn moved_fault(fault: &Fault, moved: impl Fn(usize) -> Option<usize>) -> Option<Fault> {
    let mut fault = fault.clone();
    if let Some(action) = &mut fault.action {
        *action = moved(*action)?;
    }
    if let FaultKind::Cancel { at } = &mut fault.kind {
        match at {
            CancelPoint::Before(action) | CancelPoint::During(action, _) | CancelPoint::After(action) => {
                *action = moved(*action)?;
            }
        }
    }
    Some(fault)
}

/// Replies to `Apply` that hold less.
fn shorter_replies(reply: &[u8]) -> Vec<Vec<u8>> {
    let Ok(response) = iac::ApplyResponse::decode(reply) else {
        // What is no message gets shorter at either end.
        return vec![reply[..reply.len() / 2].to_vec(), reply[..reply.len().saturating_sub(1)].to_vec()];
    };
    let Some(result) = response.result else { return Vec::new() };
    let mut shorter = Vec::new();
    let mut changed = |change: &dyn Fn(&mut iac::ApplyResult)| {
        let mut result = result.clone();
        change(&mut result);
        shorter.push(iac::ApplyResponse { result: Some(result) }.encode_to_vec());
    };
    changed(&|result| result.resources.clear());
    changed(&|result| result.errors.clear());
    changed(&|result| result.plan_id.clear());
    for at in 0..result.actions.len() {
        changed(&|result| drop(result.actions.remove(at)));
        changed(&|result| {
            result.actions[at] =
                iac::ActionResult { status: 1, error: String::new(), ..result.actions[at].clone() };
        });
    }
    for at in 0..result.resources.len() {
        changed(&|result| drop(result.resources.remove(at)));
        changed(&|result| {
            let outputs_json = result.resources[at].outputs_json.clone();
            result.resources[at] = iac::ResourceOutput { outputs_json, ..iac::ResourceOutput::default() };
        });
    }
    shorter
}

/// The same action with less to it.
fn simpler_actions(action: &Action) -> Vec<Action> {
    let mut simpler = Vec::new();
    let mut changed = |change: &dyn Fn(&mut Action)| {
        let mut candidate = action.clone();
        change(&mut candidate);
        simpler.push(candidate);
    };
    for kind in [ActionKind::Create, ActionKind::Delete, ActionKind::Update, ActionKind::Replace] {
        changed(&|action| {
            if kind == ActionKind::Delete {
                action.spec.config = JsonMap::nil();
                action.spec.size.clear();
                action.spec.hints = None;
            }
            action.kind = kind.clone();
        });
    }
    changed(&|action| action.current = None);
    changed(&|action| {
        if let Some(current) = &mut action.current {
            current.outputs = JsonMap::nil();
        }
    });
    changed(&|action| {
        if let Some(current) = &mut action.current {
            current.applied_config = JsonMap::nil();
        }
    });
    changed(&|action| action.spec.config = JsonMap::nil());
    let config = action.spec.config.build();
    for key in config.keys() {
        changed(&|action| {
            let mut config = config.clone();
            config.remove(key);
            action.spec.config = JsonMap::from(config);
        });
    }
    for (key, value) in &config {
        for value in simpler_values(value) {
            changed(&|action| {
                let mut config = config.clone();
                config.insert(key.clone(), value.clone());
                action.spec.config = JsonMap::from(config);
            });
        }
        changed(&|action| {
            let mut config: Map<String, Value> = config.clone();
            config.remove(key);
            config.insert("k".to_owned(), value.clone());
            action.spec.config = JsonMap::from(config);
        });
    }
    changed(&|action| action.spec.size.clear());
    changed(&|action| action.spec.hints = None);
    changed(&|action| action.spec.depends_on.clear());
    changed(&|action| action.changes.clear());
    changed(&|action| "infra.vpc".clone_into(&mut action.spec.resource_type));
    simpler
}

/// Values that hold less.
fn simpler_values(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items.clone(),
        Value::Object(fields) => fields.values().cloned().collect(),
        Value::String(text) if text.contains("${") => {
            // Of a text, a reference in it may be all that counts.
            let from = text.find("${").unwrap_or_default();
            let to = text[from..].find('}').map_or(text.len(), |end| from + end + 1);
            vec![Value::from(&text[from..to]), Value::from("")]
        }
        Value::String(_) => vec![Value::from("")],
        Value::Number(_) => vec![Value::from(0)],
        Value::Null | Value::Bool(_) => Vec::new(),
    }
}

/// Gives the resource of an action another name, wherever it is named; unless that is taken.
fn rename(scenario: &mut Scenario, action: usize, name: &str) {
    let actions = &mut scenario.plan.actions;
    let old = actions[action].spec.name.clone();
    if old.is_empty() || actions.iter().any(|action| action.spec.name == name) {
        return;
    }
    let (reference, new) = (format!("${{{old}."), format!("${{{name}."));
    let renamed = |config: &JsonMap| {
        let text = String::from_utf8_lossy(config.as_bytes()).replace(&reference, &new);
        JsonMap::parse(text.into_bytes().into()).unwrap_or_else(|_| config.clone())
    };
    for (action, address) in actions.iter_mut().zip(&mut scenario.addresses) {
        action.spec.config = renamed(&action.spec.config);
        if action.spec.name == old {
            if *address == old {
                name.clone_into(address);
            }
            name.clone_into(&mut action.spec.name);
            if let Some(current) = &mut action.current {
                name.clone_into(&mut current.name);
            }
        }
    }
    for seed in scenario.state.iter_mut().filter(|seed| seed.name == old) {
        name.clone_into(&mut seed.name);
    }
}

/// The same fault with less to it.
fn simpler_faults(kind: &FaultKind) -> Vec<FaultKind> {
    let first = |point: &CallPoint| CallPoint { nth: 1, ..*point };
    match kind {
        FaultKind::DispatchError { point, code, message, reaches_provider } => {
            let with = |point, code, message: &str, reaches_provider| FaultKind::DispatchError {
                point,
                code,
                message: message.to_owned(),
                reaches_provider,
            };
            vec![
                with(*point, *code, message, false),
                with(first(point), *code, message, *reaches_provider),
                with(*point, Code::Unknown, message, *reaches_provider),
                with(*point, *code, MESSAGE, *reaches_provider),
            ]
        }
        FaultKind::Transport { point, kind, reaches_provider } => {
            let with = |point, kind, reaches_provider| FaultKind::Transport { point, kind, reaches_provider };
            vec![
                with(*point, TransportKind::Reset, *reaches_provider),
                with(*point, *kind, matches!(kind, TransportKind::Delay(_))),
                with(first(point), *kind, *reaches_provider),
            ]
        }
        FaultKind::HookError { hook, .. } => {
            vec![FaultKind::HookError { hook: *hook, message: MESSAGE.to_owned() }]
        }
        FaultKind::Cancel { at: CancelPoint::During(action, _) } => {
            [CancelPoint::Before(*action), CancelPoint::After(*action)]
                .map(|at| FaultKind::Cancel { at })
                .to_vec()
        }
        FaultKind::JitError
        | FaultKind::DriverResolveError { .. }
        | FaultKind::Cancel { .. }
        | FaultKind::FinalizeError { .. }
        | FaultKind::Wire { .. } => Vec::new(),
    }
}

/// What a scenario says of its own, without what follows from that: so it can be changed, and be read again.
pub(super) fn bare(scenario: &Scenario) -> Scenario {
    let mut bare = scenario.clone();
    bare.seams.clear();
    bare.expect = Expect::default();
    bare.state.retain(|seed| !scenario.is_known_to_an_action(seed));
    bare
}
