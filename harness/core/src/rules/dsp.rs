//! DSP: actions run in order, one at a time, phase by phase, and each call says what the plan says.

use std::collections::HashSet;

use counterfoil_proto::{Hook, Revision, iac};
use prost::Message as _;
use serde_json::Value;

use super::{ActionStory, Answer, CallStory, ENGINE, Findings, Level, Party, Rule, Story};
use crate::{
    decode::{Decoder as _, Strict},
    engine::{Exit, NOT_FOUND, wire},
    json::JsonMap,
    plan::{ActionKind, ResourceRef},
    rpc::{Code, Method, RpcError},
    trace::{Driven, Reply, View},
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "DSP-001",
        title: "Actions run in the order of the plan, one at a time.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_51,
        until: None,
        enforced: "engine, by construction (E-002)",
        reason: "The planner has put dependencies first; any other order breaks them.",
        source: "E-002, E-360",
        applies: |story| story.is_call_by_call() && (story.actions.len() > 1 || !story.strays.is_empty()),
        check: in_order,
    },
    Rule {
        id: "DSP-002",
        title: "An action whose references do not resolve never reaches a driver.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_51,
        until: None,
        enforced: "engine, by construction (E-022)",
        reason: "A provider must never see the text of a reference in place of a value.",
        source: "E-022, E-070a, E-070d",
        applies: |story| begun(story).any(|action| action.config.is_err()),
        check: |story, findings| {
            for action in begun(story).filter(|action| !story.is_after_the_end(action)) {
                let went_on = action.driver_asked.is_some() || !action.calls.is_empty();
                let (Err(error), true) = (&action.config, went_on) else { continue };
                findings.add(
                    Some(action.index),
                    format!("{} went on to a driver in spite of: {error}", action.label()),
                    action.events(),
                );
            }
        },
    },
    Rule {
        id: "DSP-003",
        title: "An action without a driver makes no call.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_51,
        until: None,
        enforced: "engine, by construction (E-023)",
        reason: "A type that was refused must not be changed by another way.",
        source: "E-023, E-160",
        applies: |story| begun(story).any(|action| action.driver_refused.is_some()),
        check: |story, findings| {
            for action in begun(story) {
                let Some((error, _)) = action.driver_refused else { continue };
                for call in &action.calls {
                    findings.add(
                        Some(action.index),
                        format!("{} called {} in spite of: {error}", action.label(), call.method),
                        action.events(),
                    );
                }
            }
        },
    },
    Rule {
        id: "DSP-004",
        title: "A create, an update or a delete makes exactly one call, of its own kind, and no other call changes anything.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_51,
        until: None,
        enforced: "engine, by construction (E-024, E-050, E-054, E-055)",
        reason: "A skipped call leaves the cloud as it was, and a repeated one doubles it.",
        source: "E-002, E-024, E-050, E-054, E-055, H-08",
        applies: |story| story.is_call_by_call() && story.end.is_some(),
        check: one_fitting_call,
    },
    Rule {
        id: "DSP-005",
        title: "A failure of one action does not keep later actions from running.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_51,
        until: None,
        enforced: "engine, by construction (E-025)",
        reason: "Whoever reads the outcomes takes every action as tried.",
        source: "E-022, E-023, E-025",
        applies: |story| story.is_call_by_call() && story.end.is_some() && story.fatal.is_none(),
        check: every_action_is_begun,
    },
    Rule {
        id: "DSP-006",
        title: "A driver gets the config with its references resolved, once, and nothing else changed.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_51,
        until: None,
        enforced: "engine, by construction (E-022)",
        reason: "An old id or a half-resolved text in a config points at the wrong resource.",
        source: "E-070a, E-070b, E-101, E-130, E-131, E-134",
        applies: |story| specs(story).next().is_some(),
        check: specs_are_as_planned,
    },
    Rule {
        id: "DSP-007",
        title: "A call names the resource of its action: type, name, and the id that the state knows.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_51,
        until: None,
        enforced: "engine, by construction (E-056, E-161)",
        reason: "A wrong id deletes or changes somebody else's resource.",
        source: "E-051, E-054, E-055, E-056, E-161, H-25",
        applies: |story| targets(story).next().is_some(),
        check: targets_are_as_planned,
    },
    Rule {
        id: "DSP-008",
        title: "A provider that declares v2 is driven call by call and never through Apply; another gets one Apply.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_51,
        until: None,
        enforced: "engine, by its load gate (E-217) and its dispatch",
        reason: "A v2 provider behind Apply loses per-action state, and nobody is told.",
        source: "E-217, H-06, D-050",
        applies: |story| story.end.is_some(),
        check: the_path_is_the_declared_one,
    },
    Rule {
        id: "DSP-009",
        title: "With a delete hook installed, every replace, and nothing else, has its driver before anything is changed, or nothing is.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_51,
        until: None,
        enforced: "engine, by its preflight (E-011)",
        reason: "Half of a plan that cannot be finished is worse than none of it.",
        source: "E-010, E-011, E-014",
        applies: |story| {
            let begun = story.end.is_some() || !story.started.is_empty();
            let has_replace = || story.actions.iter().any(|action| action.action.kind == ActionKind::Replace);
            let asked = || story.actions.iter().any(|action| action.preflight.is_some());
            story.is_call_by_call()
                && begun
                && story.sees(View::Drivers)
                && ((story.has_hook(Hook::ResourceDeleted) && has_replace()) || asked())
        },
        check: preflight_comes_first,
    },
    Rule {
        id: "DSP-010",
        title: "The apply ends in an error exactly where something ended it, and says what it was.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_51,
        until: None,
        enforced: "engine, by construction (E-011, E-025)",
        reason: "The command stops at an error of the apply, and goes on after failures of single actions.",
        source: "E-011, E-025, E-032",
        applies: |story| story.is_call_by_call() && story.end.is_some(),
        check: the_error_is_what_ended_it,
    },
    Rule {
        id: "DSP-011",
        title: "A failed update deletes nothing.",
        level: Level::Must,
        judges: &[Party::Engine, Party::Provider],
        since: Revision::V0_51,
        until: None,
        enforced: "engine, by its host, which makes good creates alone (E-335)",
        reason: "The resource was there before the plan, with everything in it.",
        source: "E-335",
        applies: |story| story.is_call_by_call() && failed_updates(story).next().is_some(),
        check: updates_delete_nothing,
    },
    Rule {
        id: "DSP-012",
        title: "After what ends the apply, no further action is begun.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_51,
        until: None,
        enforced: "engine, by construction (E-032)",
        reason: "What ends an apply says that the plan no longer fits the world.",
        source: "E-020, E-021, E-026, E-032",
        applies: |story| story.is_call_by_call() && story.fatal.as_ref().is_some_and(|f| f.exit.is_some()),
        check: |story, findings| {
            let Some(fatal) = &story.fatal else { return };
            for (action, at) in
                story.started.iter().filter(|(action, at)| *at > fatal.at && *action != fatal.action)
            {
                findings.add(
                    Some(*action),
                    format!("action {action} was begun after the apply had ended: {}", fatal.error),
                    [fatal.at, *at],
                );
            }
            for action in story.actions.iter().filter(|action| action.started.is_none()) {
                if let Some(at) = action.events().into_iter().find(|at| *at > fatal.at) {
                    findings.add(
                        Some(action.index),
                        format!(
                            "{} was worked at after the apply had ended: {}",
                            action.label(),
                            fatal.error
                        ),
                        [fatal.at, at],
                    );
                }
            }
        },
    },
    Rule {
        id: "DSP-013",
        title: "Once the context has ended, no action is begun, and no call is made for one.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_51,
        until: None,
        enforced: "engine, by its look at the context before each action and inside a replace (E-020, E-063)",
        reason: "Whoever cancels an apply wants the cloud left as it is.",
        source: "E-020, E-063",
        applies: |story| {
            story.is_call_by_call() && story.context_ended.is_some() && !story.started.is_empty()
        },
        check: an_ended_context_ends_it,
    },
];

/// Updates that failed.
fn failed_updates<'s, 't>(story: &'s Story<'t>) -> impl Iterator<Item = &'s ActionStory<'t>> {
    let failed = |action: &ActionStory<'_>| action.exit().is_some_and(|exit| exit != Exit::Clean);
    story.reached().filter(move |action| action.action.kind == ActionKind::Update && failed(action))
}

fn updates_delete_nothing(story: &Story<'_>, findings: &mut Findings<'_>) {
    let gone = Gone::of(story);
    for action in failed_updates(story) {
        let mut deletes =
            action.calls.iter().chain(&action.hook_calls).filter(|c| c.method == Method::Delete);
        if let Some(delete) = deletes.next() {
            findings.add(
                Some(action.index),
                format!("{} failed, and a delete was sent for it", action.label()),
                delete.events(),
            );
            continue;
        }
        let Some((reply, at)) = action.read_back else { continue };
        let target = action.action.target();
        // It was not there in the first place, or something else in the plan took it away.
        if was_missing(action) || gone.has(&target) {
            continue;
        }
        let wanted = target.provider_id;
        let revision = story.trace.header.revision;
        let found = match reply {
            Reply::Ok(bytes) => Strict.output(Method::Read, &bytes.0, revision).value,
            Reply::Error(error) if !error.message.contains(NOT_FOUND) => continue,
            Reply::Error(_) => None,
        };
        if found.as_ref().is_none_or(|found| found.provider_id != wanted) {
            let found = found.map_or("nothing".to_owned(), |found| format!("{:?}", found.provider_id));
            findings.against(
                Party::Provider,
                Some(action.index),
                format!("{} failed, and a read finds {found}; expected {wanted:?}", action.label()),
                action.events().into_iter().chain([at]),
            );
        }
    }
}

/// Whether the provider says of an update that there is nothing to be updated.
fn was_missing(action: &ActionStory<'_>) -> bool {
    action.calls.iter().any(|call| match call.answer() {
        Some(Answer::Error(error)) => is_not_found(error),
        _ => false,
    })
}

/// Whether an error says that there is no such resource, by its code or by the text that engines know.
pub(super) fn is_not_found(error: &RpcError) -> bool {
    error.code == Code::NotFound || error.message.contains(NOT_FOUND)
}

/// What the deletes of a run point at.
#[derive(Default)]
struct Gone {
    ids: HashSet<String>,
    names: HashSet<(String, String)>,
}

impl Gone {
    fn of(story: &Story<'_>) -> Self {
        let mut gone = Self::default();
        let deletes = story.calls().filter(|call| call.method == Method::Delete);
        for (_, target) in deletes.filter_map(CallStory::target) {
            if !target.provider_id.is_empty() {
                gone.ids.insert(target.provider_id);
            }
            gone.names.insert((target.r#type, target.name));
        }
        gone
    }

    fn has(&self, target: &ResourceRef) -> bool {
        self.ids.contains(&target.provider_id)
            || self.names.contains(&(target.resource_type.clone(), target.name.clone()))
    }
}

fn an_ended_context_ends_it(story: &Story<'_>, findings: &mut Findings<'_>) {
    let Some((done, ended)) = story.context_ended else { return };
    for action in &story.actions {
        let stopped = action.exit() == Some(Exit::Cancelled);
        let own_calls = action.calls.iter().map(|call| call.issued).filter(|at| *at > ended);
        // An action that was under way asks for nothing more either, but for what its hooks have to put in order.
        let at_its_head = action
            .driver_asked
            .into_iter()
            .chain(action.hooks_of(Hook::BeforeAction).map(|hook| hook.called))
            .filter(|_| stopped);
        let went_on: Vec<usize> = own_calls.chain(at_its_head).collect();
        if !went_on.is_empty() {
            findings.add(
                Some(action.index),
                format!("{} was carried on with after the end of its context: {done}", action.label()),
                [ended].into_iter().chain(went_on),
            );
        }
    }
}

/// Actions of a run whose calls can be told apart.
fn begun<'s, 't>(story: &'s Story<'t>) -> impl Iterator<Item = &'s ActionStory<'t>> {
    let judged = story.is_call_by_call();
    story.actions.iter().filter(move |action| judged && action.started.is_some())
}

fn in_order(story: &Story<'_>, findings: &mut Findings<'_>) {
    for &(action, at) in &story.strays {
        let planned = story.actions.len();
        findings.add(
            None,
            format!("something is done for action {action}, and the plan has {planned} actions"),
            [at],
        );
    }
    let mut latest: Option<(u32, usize)> = None;
    for &(action, at) in &story.started {
        if let Some((before, earlier)) = latest.filter(|(before, _)| *before >= action) {
            findings.add(
                Some(action),
                format!("action {action} was begun after action {before}"),
                [earlier, at],
            );
        }
        latest = Some((action, at));
    }
    for action in &story.actions {
        let Some(begun) = action.started else { continue };
        let over = story.next_start(begun).unwrap_or(usize::MAX);
        for call in &action.calls {
            let last = call.events().last().unwrap_or(call.issued);
            if call.issued < begun || last > over {
                findings.add(
                    Some(action.index),
                    format!("{}: its {} overlaps with another action", action.label(), call.method),
                    call.events(),
                );
            }
        }
    }
}

fn one_fitting_call(story: &Story<'_>, findings: &mut Findings<'_>) {
    for action in story.reached() {
        let made: Vec<Method> = action.calls.iter().map(|call| call.method).collect();
        let expected: &[Method] = match action.action.kind {
            // The context ended between the look at it and the call.
            _ if made.is_empty() && action.ending.is_some() => &[],
            ActionKind::Create if may_update(story, action) => match made.len() {
                // The context ended in between, or there was nothing to be updated.
                ..3 if action.ending.is_some() => continue,
                _ => &[Method::Create, Method::Read, Method::Update],
            },
            ActionKind::Create => &[Method::Create],
            ActionKind::Update => &[Method::Update],
            ActionKind::Delete => &[Method::Delete],
            ActionKind::Unknown(_) => &[],
            ActionKind::Replace => continue,
        };
        if made != expected {
            findings.add(
                Some(action.index),
                format!("{} made {}; expected {}", action.label(), listed(&made), listed(expected)),
                action.events(),
            );
        }
    }
    for call in story.other_calls.iter().filter(|call| call.is_mutation()) {
        let message = format!("a {} was made on behalf of no action of the plan", call.method);
        findings.add(None, message, call.events());
    }
}

/// Whether a create met what exists already, and has to go on as an update (E-051).
fn may_update(story: &Story<'_>, action: &ActionStory<'_>) -> bool {
    let conflict = |call: &CallStory<'_>| match call.answer() {
        Some(Answer::Error(error)) => call.method == Method::Create && error.code == Code::AlreadyExists,
        _ => false,
    };
    story.trace.header.drivers.upsert && action.calls.iter().any(conflict)
}

pub(super) fn listed(methods: &[Method]) -> String {
    match methods {
        [] => "no call".to_owned(),
        [one] => format!("one {one}"),
        many => many.iter().map(|method| method.as_str()).collect::<Vec<_>>().join(", "),
    }
}

fn every_action_is_begun(story: &Story<'_>, findings: &mut Findings<'_>) {
    let Some((.., end)) = story.end else { return };
    for action in story.actions.iter().filter(|action| action.started.is_none()) {
        findings.add(
            Some(action.index),
            format!("{} was never begun, and nothing had ended the apply", action.label()),
            [end],
        );
    }
}

/// Calls that carry a spec, with the action and the spec that should have travelled.
fn specs<'s, 't>(
    story: &'s Story<'t>,
) -> impl Iterator<Item = (&'s ActionStory<'t>, &'s CallStory<'t>, &'s JsonMap)> {
    story.reached().filter(|action| !story.is_after_the_end(action)).flat_map(|action| {
        let config = action.config.as_ref().ok();
        action
            .calls
            .iter()
            .filter(|call| matches!(call.method, Method::Create | Method::Update))
            .filter_map(move |call| config.map(|config| (action, call, config)))
    })
}

fn specs_are_as_planned(story: &Story<'_>, findings: &mut Findings<'_>) {
    for (action, call, config) in specs(story) {
        let spec = match call.method {
            Method::Create => iac::ResourceCreateRequest::decode(call.request).map(|request| request.spec),
            _ => iac::ResourceUpdateRequest::decode(call.request).map(|request| request.spec),
        };
        let Ok(Some(mut sent)) = spec else {
            let message = format!("{}: its {} carries no spec", action.label(), call.method);
            findings.add(Some(action.index), message, call.events());
            continue;
        };
        let config_sent = std::mem::take(&mut sent.config_json);
        let expected = wire::spec_message(&action.action.spec);
        let expected = iac::ResourceSpec { config_json: sent.config_json.clone(), ..expected };
        if config_sent != *config.as_bytes() && !same_json(&config_sent, config) {
            findings.add(
                Some(action.index),
                format!(
                    "{}: the driver got the config {}; expected {}",
                    action.label(),
                    short(&String::from_utf8_lossy(&config_sent)),
                    short(&format!("{config:?}"))
                ),
                call.events(),
            );
        } else if sent != expected {
            findings.add(
                Some(action.index),
                format!(
                    "{}: the driver got the spec {}; expected {}",
                    action.label(),
                    short(&format!("{sent:?}")),
                    short(&format!("{expected:?}"))
                ),
                call.events(),
            );
        }
    }
}

/// The start of what may be long.
fn short(text: &str) -> String {
    const MOST: usize = 300;
    match text.char_indices().nth(MOST) {
        None => text.to_owned(),
        Some((end, _)) => format!("{} and so on, {} bytes", &text[..end], text.len()),
    }
}

/// Whether two documents mean the same; the order of keys and the notation of numbers carry no meaning.
pub(super) fn same_json(sent: &[u8], expected: &JsonMap) -> bool {
    let parsed = JsonMap::parse(sent.to_vec().into());
    parsed.is_ok_and(|sent| {
        sent.is_nil() == expected.is_nil()
            && same(&Value::Object(sent.build()), &Value::Object(expected.build()))
    })
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

/// A map as a text that is the same for all that say the same: keys in order, numbers as doubles.
pub(super) fn in_doubles(map: &JsonMap) -> String {
    Value::Object(map.build().into_iter().map(|(key, value)| (key, doubled(value))).collect()).to_string()
}

fn doubled(value: Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().map_or(Value::Number(number), Value::from),
        Value::Array(values) => values.into_iter().map(doubled).collect(),
        Value::Object(map) => map.into_iter().map(|(key, value)| (key, doubled(value))).collect(),
        other => other,
    }
}

/// Calls that point at a resource of the state, apart from the delete step of a replace, which REP judges.
fn targets<'s, 't>(story: &'s Story<'t>) -> impl Iterator<Item = (&'s ActionStory<'t>, &'s CallStory<'t>)> {
    story.reached().flat_map(|action| action.calls.iter().map(move |call| (action, call)))
}

fn targets_are_as_planned(story: &Story<'_>, findings: &mut Findings<'_>) {
    for (action, call) in targets(story) {
        let planned = action.action.target();
        let Some((resource_type, sent)) = call.target() else {
            let message = format!("{}: its {} is not a message of its kind", action.label(), call.method);
            findings.add(Some(action.index), message, call.events());
            continue;
        };
        let mut expected = wire::ref_message(&planned);
        let creates = action.action.kind == ActionKind::Create;
        let finds_its_id = creates && call.method == Method::Update;
        if let Some(found) = finds_its_id.then(|| found_id(story, action)).flatten() {
            expected.provider_id = found;
        } else if creates && call.method == Method::Read {
            // What is in the way of a create is looked for by its name, whatever the state knows (E-051).
            expected.provider_id.clear();
        } else if call.method == Method::Create || action.action.kind == ActionKind::Replace {
            // A create points at no id, and that of a replace is judged by REP-005.
            expected.provider_id.clone_from(&sent.provider_id);
        }
        if resource_type != planned.resource_type || sent != expected {
            findings.add(
                Some(action.index),
                format!(
                    "{}: its {} is about {resource_type} {sent:?}; expected {} {expected:?}",
                    action.label(),
                    call.method,
                    planned.resource_type
                ),
                call.events(),
            );
        }
    }
}

/// The id of what a create found to exist already (E-051).
fn found_id(story: &Story<'_>, action: &ActionStory<'_>) -> Option<String> {
    let read = action.calls.iter().rfind(|call| call.method == Method::Read)?;
    Some(read.output(story.trace.header.revision)?.provider_id)
}

fn the_path_is_the_declared_one(story: &Story<'_>, findings: &mut Findings<'_>) {
    let applies: Vec<&CallStory<'_>> = story.calls().filter(|call| call.method == Method::Apply).collect();
    let drives: Vec<&CallStory<'_>> = story.calls().filter(|call| call.is_mutation()).collect();
    let events = |calls: &[&CallStory<'_>]| -> Vec<usize> { calls.iter().map(|call| call.issued).collect() };
    match story.trace.header.driven {
        Driven::CallByCall if !applies.is_empty() => {
            findings.add(None, "the provider declares v2, and Apply was called".to_owned(), events(&applies));
        }
        Driven::ByApply if !drives.is_empty() => {
            let message = "the provider does not declare v2, and its drivers were called one by one";
            findings.add(None, message.to_owned(), events(&drives));
        }
        // Nothing is sent once the context has ended.
        Driven::ByApply if applies.is_empty() && story.context_ended.is_some() => {}
        Driven::ByApply if applies.len() != 1 => {
            findings.add(
                None,
                format!("the provider does not declare v2, and Apply was called {} times", applies.len()),
                events(&applies),
            );
        }
        Driven::CallByCall | Driven::ByApply => {}
    }
}

fn preflight_comes_first(story: &Story<'_>, findings: &mut Findings<'_>) {
    let guarded = story.has_hook(Hook::ResourceDeleted);
    for action in &story.actions {
        let due = guarded && action.action.kind == ActionKind::Replace;
        if let Some(at) = action.preflight.filter(|_| !due) {
            findings.add(
                Some(action.index),
                format!("{} had its driver asked for in a preflight that it does not have", action.label()),
                [at],
            );
        }
    }
    if !guarded {
        return;
    }
    if let Some(fatal) = story.fatal.as_ref().filter(|fatal| fatal.exit.is_none()) {
        for action in &story.actions {
            let touched =
                action.started.is_some() || action.driver_asked.is_some() || !action.hooks.is_empty();
            if touched || !action.calls.is_empty() {
                findings.add(
                    Some(action.index),
                    format!("{} was begun after the preflight had refused the plan", action.label()),
                    [fatal.at].into_iter().chain(action.events()),
                );
            }
        }
        return;
    }
    let first_begin = story.started.first().map_or(usize::MAX, |(_, at)| *at);
    for action in story.actions.iter().filter(|action| action.action.kind == ActionKind::Replace) {
        if action.preflight.is_none_or(|at| at > first_begin) {
            findings.add(
                Some(action.index),
                format!("{} had no driver resolved before the first action was begun", action.label()),
                action.preflight.into_iter().chain(story.started.first().map(|(_, at)| *at)),
            );
        }
    }
}

fn the_error_is_what_ended_it(story: &Story<'_>, findings: &mut Findings<'_>) {
    let Some((_, found, end)) = story.end else { return };
    let expected = story.apply_error();
    let alike = match (expected.as_deref(), found) {
        (Some(expected), Some(found)) if !story.sees(View::Context) => expected.contains(found),
        (expected, found) => expected == found,
    };
    if !alike {
        let shown = |error: Option<&str>| error.map_or("no error".to_owned(), |error| format!("{error:?}"));
        let cause = story.fatal.as_ref().map(|fatal| fatal.at);
        findings.add(
            None,
            format!("the apply ends with {}; expected {}", shown(found), shown(expected.as_deref())),
            cause.into_iter().chain([end]),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(text: &str) -> JsonMap {
        JsonMap::parse(text.to_owned().into()).unwrap()
    }

    #[test]
    fn documents_are_the_same_by_what_they_mean() {
        for (sent, expected, is_same) in [
            (r#"{"a":1.0,"b":[1,{"c":2}]}"#, r#"{"b":[1e0,{"c":2.0}],"a":1}"#, true),
            (r#"{"a":"x","b":null}"#, r#"{"b":null,"a":"x"}"#, true),
            (r#"{"a":1}"#, r#"{"a":2}"#, false),
            (r#"{"a":1}"#, r#"{"a":"1"}"#, false),
            (r#"{"a":1}"#, r#"{"b":1}"#, false),
            (r#"{"a":1}"#, r#"{"a":1,"b":2}"#, false),
            (r#"{"a":[1,2]}"#, r#"{"a":[1]}"#, false),
            (r#"{"a":[1,2]}"#, r#"{"a":[2,1]}"#, false),
            ("{}", "null", false),
            ("{", "{}", false),
        ] {
            assert_eq!(same_json(sent.as_bytes(), &map(expected)), is_same, "{sent} {expected}");
            if is_same {
                assert_eq!(in_doubles(&map(sent)), in_doubles(&map(expected)));
            }
        }
        assert_eq!(in_doubles(&map(r#"{"b":[1,{"c":2e0}],"a":"x"}"#)), r#"{"a":"x","b":[1.0,{"c":2.0}]}"#);
    }

    #[test]
    fn what_may_be_long_is_cut_short_and_calls_are_listed() {
        assert_eq!(short(&"é".repeat(300)), "é".repeat(300));
        assert_eq!(short(&"é".repeat(301)), format!("{} and so on, 602 bytes", "é".repeat(300)));
        assert_eq!(listed(&[]), "no call");
        assert_eq!(listed(&[Method::Create]), format!("one {}", Method::Create));
        let both = format!("{}, {}", Method::Delete, Method::Create);
        assert_eq!(listed(&[Method::Delete, Method::Create]), both);
    }
}
