//! A scenario to start from, made of the calls in a trace.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fmt::Write as _,
    path::Path,
};

use bytes::Bytes;
use counterfoil_core::{
    decode::text,
    json::JsonMap,
    plan::{Action, ActionKind, Current, Hints, Plan, Spec},
    rpc::{Method, RpcError},
    scenario::{CallPoint, Expect, ExpectedCall, Fault, FaultKind, Scenario, Span, parse, write_with_calls},
    trace::{Event, Reply, Trace},
};
use counterfoil_proto::{RevisionRange, edit::same_message, iac};
use prost::Message;

/// Why no scenario comes of a trace.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoScenario {
    /// Nothing was changed.
    #[error(
        "nobody created, updated or deleted a resource call by call in this trace, so there is nothing to plan; a \
         provider that is driven through Apply is not recorded so"
    )]
    Nothing,
    /// What was called makes no plan.
    #[error("the calls in this trace make no scenario: {0}")]
    Invalid(String),
}

/// The text of a scenario file that has the engine make the calls of a trace again: an action for each create, update and
/// delete, in their order; one for a delete and the create right behind it. Calls that failed fail again, by faults.
///
/// One plan never touches a resource twice, so the scenario ends where the host came back to one. What of the requests is
/// not in the plan stands in comments.
///
/// # Errors
/// See [`NoScenario`].
pub fn scenario_of(trace: &Trace, name: &str) -> Result<String, NoScenario> {
    let draft = Draft::of(trace);
    if draft.actions.is_empty() {
        return Err(NoScenario::Nothing);
    }
    let scenario = draft.scenario(id_of(name), format!("What was called in {name}"));
    let text = with_remarks(&write_with_calls(&scenario), &draft.remarks);
    match parse(name, text.as_bytes()) {
        Ok(_) => Ok(text),
        Err(mistakes) => {
            let mistakes: Vec<String> = mistakes.into_iter().map(|mistake| mistake.message).collect();
            Err(NoScenario::Invalid(mistakes.join("; ")))
        }
    }
}

/// The text with these remarks behind its first line, which is for editors.
fn with_remarks(text: &str, remarks: &[String]) -> String {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let remarks = remarks.iter().fold(String::new(), |mut all, remark| {
        let _ = writeln!(all, "# {remark}");
        all
    });
    format!("{first}\n{remarks}{rest}")
}

/// An id that looks like the name of this file.
fn id_of(name: &str) -> String {
    let name = Path::new(name).file_stem().unwrap_or_default().to_string_lossy();
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let id: String = name.chars().map(plain).take(80).collect();
    let id = id.trim_matches('-');
    if id.is_empty() { "recorded".to_owned() } else { id.to_owned() }
}

/// A call that changes a resource.
struct Call {
    method: Method,
    request: Bytes,
    action: Action,
    /// How it failed, and whether the plugin did its work all the same.
    failed: Option<(RpcError, bool)>,
}

/// A plan in the making.
#[derive(Default)]
struct Draft {
    actions: Vec<Action>,
    addresses: Vec<String>,
    calls: Vec<ExpectedCall>,
    faults: Vec<Fault>,
    remarks: Vec<String>,
    touched: BTreeSet<(String, String)>,
}

impl Draft {
    fn of(trace: &Trace) -> Self {
        let (mut draft, calls) = (Self::default(), calls_of(trace));
        let mut calls = calls.into_iter().peekable();
        while let Some(call) = calls.next() {
            let key = key(&call.action);
            if !draft.touched.insert(key.clone()) {
                let rest = calls.count() + 1;
                draft.remarks.push(format!(
                    "Here the host came back to {}: {rest} more calls of the trace belong to another plan.",
                    one_line(&key.1)
                ));
                return draft;
            }
            let successor = calls.next_if(|next| {
                (call.method, next.method) == (Method::Delete, Method::Create)
                    && self::key(&next.action) == key
            });
            draft.add(call, successor);
        }
        draft
    }

    /// Adds the action of a call, or of a delete and the create of its successor.
    fn add(&mut self, call: Call, successor: Option<Call>) {
        let at = self.actions.len();
        let address = self.address(&call.action.spec.name);
        let mut action = call.action.clone();
        if let Some(successor) = &successor {
            action = Action { kind: ActionKind::Replace, spec: successor.action.spec.clone(), ..action };
        }
        for Call { method, request, failed, .. } in [call].into_iter().chain(successor) {
            self.calls.push(ExpectedCall { method, action: at });
            self.faults.extend(failed.map(|(error, reaches_provider)| {
                let (code, message) = (error.code, error.message);
                let point = CallPoint { method, nth: 1 };
                let kind = FaultKind::DispatchError { point, code, message, reaches_provider };
                Fault { action: Some(at), kind, span: Span::default() }
            }));
            self.remarks.extend(says_more(method, &request).map(|whole| {
                format!("The {method} of {} says more than a plan does: {whole}", one_line(&address))
            }));
        }
        self.actions.push(action);
        self.addresses.push(address);
    }

    /// What an action about a resource of this name is called; two types may share a name.
    fn address(&self, name: &str) -> String {
        let free = |address: &String| !self.addresses.contains(address);
        let numbered = (2..).map(|number| format!("{name}-{number}"));
        [name.to_owned()].into_iter().chain(numbered).find(free).unwrap_or_default()
    }

    fn scenario(&self, id: String, title: String) -> Scenario {
        Scenario {
            plan: Plan { id: id.clone(), inputs: BTreeMap::new(), actions: self.actions.clone() },
            tags: vec!["recorded".to_owned()],
            addresses: self.addresses.clone(),
            faults: self.faults.clone(),
            expect: Expect { calls: Some(self.calls.clone()), ..Expect::default() },
            ..Scenario::bare(id, title, RevisionRange::default())
        }
    }
}

/// What tells one resource from another: type and name.
fn key(action: &Action) -> (String, String) {
    (action.spec.resource_type.clone(), action.spec.name.clone())
}

/// A text for a comment.
fn one_line(text: &str) -> String {
    format!("{text:?}")
}

/// The calls of a trace that change a resource, in their order. What cannot be read is none.
fn calls_of(trace: &Trace) -> Vec<Call> {
    let mut failures = failures(trace);
    let issued = trace.events.iter().filter_map(|event| match event {
        Event::CallIssued { call, method, request, .. } => Some((call, *method, request.0.clone())),
        _ => None,
    });
    issued
        .filter_map(|(call, method, request)| {
            let action = action_of(method, &request)?;
            Some(Call { method, request, action, failed: failures.remove(call) })
        })
        .collect()
}

/// The calls of a trace that failed, each with its error, and whether the plugin did its work all the same.
fn failures(trace: &Trace) -> HashMap<u32, (RpcError, bool)> {
    let (mut worked, mut failed) = (HashSet::new(), HashMap::new());
    for event in &trace.events {
        match event {
            Event::ReplySent { call, reply: Reply::Ok(_) } => {
                worked.insert(*call);
            }
            Event::ReplyReceived { call, reply: Reply::Error(error) } => {
                failed.insert(*call, (error.clone(), worked.contains(call)));
            }
            _ => {}
        }
    }
    failed
}

/// The action that has the engine make a call.
fn action_of(method: Method, request: &Bytes) -> Option<Action> {
    let (kind, spec, target) = match method {
        Method::Create => {
            let request = iac::ResourceCreateRequest::decode(request.clone()).ok()?;
            (ActionKind::Create, spec_of(request.spec?, &request.resource_type), None)
        }
        Method::Update => {
            let request = iac::ResourceUpdateRequest::decode(request.clone()).ok()?;
            (ActionKind::Update, spec_of(request.spec?, &request.resource_type), request.r#ref)
        }
        Method::Delete => {
            let request = iac::ResourceDeleteRequest::decode(request.clone()).ok()?;
            let target = request.r#ref?;
            let (name, resource_type) = (target.name.clone(), request.resource_type);
            (ActionKind::Delete, Spec { name, resource_type, ..Spec::default() }, Some(target))
        }
        _ => return None,
    };
    let current = target.map(|target| Current {
        name: target.name,
        provider_id: target.provider_id,
        ..Current::default()
    });
    Some(Action { kind, spec, current, changes: Vec::new() })
}

/// A spec as a plan has it; a config that is no JSON object is none.
fn spec_of(spec: iac::ResourceSpec, resource_type: &str) -> Spec {
    Spec {
        name: spec.name,
        resource_type: resource_type.to_owned(),
        config: JsonMap::parse(spec.config_json).unwrap_or_else(|_| JsonMap::nil()),
        size: spec.size,
        hints: spec.hints.map(|hints| Hints { cpu: hints.cpu, memory: hints.memory, storage: hints.storage }),
        depends_on: spec.depends_on,
    }
}

/// The whole request, where it says something that we have no field for.
fn says_more(method: Method, request: &Bytes) -> Option<String> {
    match method {
        Method::Create => more::<iac::ResourceCreateRequest>("ResourceCreateRequest", request),
        Method::Update => more::<iac::ResourceUpdateRequest>("ResourceUpdateRequest", request),
        Method::Delete => more::<iac::ResourceDeleteRequest>("ResourceDeleteRequest", request),
        _ => None,
    }
}

fn more<M: Message + Default>(name: &str, request: &Bytes) -> Option<String> {
    let known = M::decode(request.clone()).ok()?.encode_to_vec();
    let name = format!("workflow.plugin.external.iac.{name}");
    (!same_message(&name, request, &known)).then(|| text(&name, request))
}

#[cfg(test)]
mod tests {
    use Method::{Create, Delete, Update};
    use counterfoil_core::trace::Payload;

    use super::*;
    use crate::proxy::record;

    fn spec(name: &str) -> iac::ResourceSpec {
        let config_json = br#"{"region":"nyc3"}"#.to_vec().into();
        iac::ResourceSpec { name: name.into(), config_json, ..iac::ResourceSpec::default() }
    }

    fn target(name: &str) -> iac::ResourceRef {
        let (r#type, provider_id) = ("infra.vpc".to_owned(), format!("{name}-1"));
        iac::ResourceRef { name: name.into(), r#type, provider_id }
    }

    fn create(name: &str) -> (Method, Vec<u8>) {
        let request =
            iac::ResourceCreateRequest { resource_type: "infra.vpc".into(), spec: Some(spec(name)) };
        (Create, request.encode_to_vec())
    }

    fn update(name: &str) -> (Method, Vec<u8>) {
        let (resource_type, r#ref) = ("infra.vpc".to_owned(), Some(target(name)));
        let request = iac::ResourceUpdateRequest { resource_type, r#ref, spec: Some(spec(name)) };
        (Update, request.encode_to_vec())
    }

    fn delete(name: &str) -> (Method, Vec<u8>) {
        let request =
            iac::ResourceDeleteRequest { resource_type: "infra.vpc".into(), r#ref: Some(target(name)) };
        (Delete, request.encode_to_vec())
    }

    fn trace(calls: &[(Method, Vec<u8>)]) -> Trace {
        let issued = (0..).zip(calls).map(|(call, (method, request))| Event::CallIssued {
            call,
            action: None,
            method: *method,
            resource: String::new(),
            request: Payload(request.clone().into()),
        });
        Trace { header: record::header(), events: issued.collect() }
    }

    #[test]
    fn the_calls_of_a_trace_are_the_actions_of_a_scenario() {
        let (mut more, code) = (create("odd"), counterfoil_core::rpc::Code::Unavailable);
        more.1.extend([0xfa, 0x07, 1, b'x']);
        let mut trace =
            trace(&[create("net"), update("db"), delete("old"), delete("web"), create("web"), more]);
        let error = RpcError { code, message: "busy".to_owned() };
        trace.events.push(Event::ReplyReceived { call: 0, reply: Reply::Error(error) });
        let text = scenario_of(&trace, "Apply 1.jsonl").unwrap();
        let scenario = parse("a.yaml", text.as_bytes()).unwrap();
        assert_eq!(scenario.id, "apply-1");
        let kinds: Vec<&str> = scenario.plan.actions.iter().map(|action| action.kind.as_str()).collect();
        assert_eq!(kinds, ["create", "update", "delete", "replace", "create"]);
        let calls: Vec<Method> = scenario.expect.calls.unwrap().iter().map(|call| call.method).collect();
        assert_eq!(calls, [Create, Update, Delete, Delete, Create, Create]);
        assert_eq!(scenario.faults.len(), 1);
        assert!(text.contains("# The create of \"odd\" says more than a plan does:"), "{text}");
        assert!(text.contains("127: "), "{text}");
    }

    #[test]
    fn a_resource_that_is_touched_again_belongs_to_another_plan() {
        let text = scenario_of(&trace(&[create("net"), update("net"), create("db")]), "r").unwrap();
        assert!(text.contains("came back to \"net\": 2 more calls"), "{text}");
        assert_eq!(parse("r.yaml", text.as_bytes()).unwrap().plan.actions.len(), 1);
        assert!(matches!(scenario_of(&trace(&[]), "r"), Err(NoScenario::Nothing)));
    }
}
