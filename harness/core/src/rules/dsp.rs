//! DSP: actions run in order, one at a time, phase by phase, and each call says what the plan says.

use counterfoil_proto::{Hook, Revision, iac};
use prost::Message as _;
use serde_json::Value;

use super::{ActionStory, CallStory, ENGINE, Findings, Level, Rule, Story};
use crate::{engine::wire, json::JsonMap, plan::ActionKind, rpc::Method, trace::Driven};

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
        applies: |story| story.is_call_by_call() && story.actions.len() > 1,
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
            for action in begun(story) {
                let (Err(error), Some(_)) = (&action.config, action.driver_asked) else { continue };
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
        applies: |story| story.is_call_by_call() && story.end.is_some() && story.fatal().is_none(),
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
        source: "E-054, E-055, E-056, E-161, H-25",
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
        title: "With a delete hook installed, every replace has its driver before anything is changed, or nothing is.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_51,
        until: None,
        enforced: "engine, by its preflight (E-011)",
        reason: "Half of a plan that cannot be finished is worse than none of it.",
        source: "E-010, E-011, E-014",
        applies: |story| {
            story.is_call_by_call()
                && (story.end.is_some() || !story.started.is_empty())
                && story.trace.header.hooks.contains(&Hook::ResourceDeleted)
                && story.actions.iter().any(|action| action.action.kind == ActionKind::Replace)
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
];

/// Actions of a run whose calls can be told apart.
fn begun<'s, 't>(story: &'s Story<'t>) -> impl Iterator<Item = &'s ActionStory<'t>> {
    let judged = story.is_call_by_call();
    story.actions.iter().filter(move |action| judged && action.started.is_some())
}

fn in_order(story: &Story<'_>, findings: &mut Findings<'_>) {
    let mut latest: Option<(u32, usize)> = None;
    for &(action, at) in &story.started {
        if action as usize >= story.actions.len() {
            let planned = story.actions.len();
            findings.add(
                None,
                format!("action {action} was begun, and the plan has {planned} actions"),
                [at],
            );
        }
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
        let next = story.started.partition_point(|(_, at)| *at <= begun);
        let over = story.started.get(next).map_or(usize::MAX, |(_, at)| *at);
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
        let expected: &[Method] = match action.action.kind {
            ActionKind::Create => &[Method::Create],
            ActionKind::Update => &[Method::Update],
            ActionKind::Delete => &[Method::Delete],
            ActionKind::Unknown(_) => &[],
            ActionKind::Replace => continue,
        };
        let made: Vec<Method> = action.calls.iter().map(|call| call.method).collect();
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
    story.reached().flat_map(|action| {
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
                    "{}: the driver got the config {}; expected {config:?}",
                    action.label(),
                    String::from_utf8_lossy(&config_sent)
                ),
                call.events(),
            );
        } else if sent != expected {
            findings.add(
                Some(action.index),
                format!("{}: the driver got the spec {sent:?}; expected {expected:?}", action.label()),
                call.events(),
            );
        }
    }
}

/// Whether two documents mean the same; the order of keys and the notation of numbers carry no meaning.
fn same_json(sent: &[u8], expected: &JsonMap) -> bool {
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

/// Calls that point at a resource of the state, apart from the delete step of a replace, which REP judges.
fn targets<'s, 't>(story: &'s Story<'t>) -> impl Iterator<Item = (&'s ActionStory<'t>, &'s CallStory<'t>)> {
    story.reached().flat_map(|action| action.calls.iter().map(move |call| (action, call)))
}

fn targets_are_as_planned(story: &Story<'_>, findings: &mut Findings<'_>) {
    for (action, call) in targets(story) {
        let planned = action.action.target();
        let Some((resource_type, sent)) = target_of(call) else {
            let message = format!("{}: its {} is not a message of its kind", action.label(), call.method);
            findings.add(Some(action.index), message, call.events());
            continue;
        };
        let mut expected = wire::ref_message(&planned);
        if call.method == Method::Create || action.action.kind == ActionKind::Replace {
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

/// The resource type of a call, and the resource that it points at.
pub(super) fn target_of(call: &CallStory<'_>) -> Option<(String, iac::ResourceRef)> {
    let of_spec = |spec: Option<iac::ResourceSpec>| {
        spec.map(|spec| iac::ResourceRef { name: spec.name, r#type: spec.r#type, provider_id: String::new() })
    };
    match call.method {
        Method::Create => {
            let request = iac::ResourceCreateRequest::decode(call.request).ok()?;
            Some((request.resource_type, of_spec(request.spec)?))
        }
        Method::Update => {
            let request = iac::ResourceUpdateRequest::decode(call.request).ok()?;
            Some((request.resource_type, request.r#ref?))
        }
        Method::Delete => {
            let request = iac::ResourceDeleteRequest::decode(call.request).ok()?;
            Some((request.resource_type, request.r#ref?))
        }
        _ => None,
    }
}

fn the_path_is_the_declared_one(story: &Story<'_>, findings: &mut Findings<'_>) {
    let applies: Vec<&CallStory<'_>> = story.calls().filter(|call| call.method == Method::Apply).collect();
    let drives: Vec<&CallStory<'_>> = story
        .calls()
        .filter(|call| matches!(call.method, Method::Create | Method::Update | Method::Delete))
        .collect();
    let events = |calls: &[&CallStory<'_>]| -> Vec<usize> { calls.iter().map(|call| call.issued).collect() };
    match story.trace.header.driven {
        Driven::CallByCall if !applies.is_empty() => {
            findings.add(None, "the provider declares v2, and Apply was called".to_owned(), events(&applies));
        }
        Driven::ByApply if !drives.is_empty() => {
            let message = "the provider does not declare v2, and its drivers were called one by one";
            findings.add(None, message.to_owned(), events(&drives));
        }
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
    if let Some(refused) = story.preflight_refused {
        for action in &story.actions {
            if action.started.is_some() || !action.calls.is_empty() {
                findings.add(
                    Some(action.index),
                    format!("{} was begun after the preflight had been refused a driver", action.label()),
                    [refused.at].into_iter().chain(action.events()),
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
    let expected = story.fatal();
    if expected.as_deref() != found {
        let shown = |error: Option<&str>| error.map_or("no error".to_owned(), |error| format!("{error:?}"));
        let cause = story.preflight_refused.map(|refused| refused.at);
        findings.add(
            None,
            format!("the apply ends with {}; expected {}", shown(found), shown(expected.as_deref())),
            cause.into_iter().chain([end]),
        );
    }
}
