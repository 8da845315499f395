use bytes::Bytes;

use super::*;
use crate::{
    plan::{Action, ActionKind, Current, Spec},
    rules::judge,
    testing::Setting,
    trace::{Event, ProcessEvent, Subject, Trace},
};

fn tried(short: &str, part: &str, request: &impl Message, reply: &impl Message) -> Tried {
    let message = Payload(request.encode_to_vec().into());
    Tried {
        trial: Trial::Life,
        method: format!("/{}{short}", requests::PACKAGE),
        part: part.to_owned(),
        bytes: message.0.len() as u64,
        request: message,
        answers: vec![Answer { times: 1, reply: TrialReply::Ok(Payload(reply.encode_to_vec().into())) }],
    }
}

/// A network that was created, and tells these outputs.
fn created(outputs: &'static str) -> Tried {
    let output = iac::ResourceOutput {
        provider_id: "vpc-1".to_owned(),
        outputs_json: Bytes::from_static(outputs.as_bytes()),
        ..Default::default()
    };
    let request = iac::ResourceCreateRequest { resource_type: "infra.vpc".to_owned(), spec: None };
    tried(
        "ResourceDriver/Create",
        step::CREATE,
        &request,
        &iac::ResourceCreateResponse { output: Some(output) },
    )
}

/// A comparison with another value of a field, which sees a change of these.
fn compared(field: &str, changes: &[&str]) -> Tried {
    let change = |path: &&str| iac::FieldChange { path: (*path).to_owned(), ..Default::default() };
    let result = iac::DiffResult {
        needs_update: !changes.is_empty(),
        changes: changes.iter().map(change).collect(),
        ..Default::default()
    };
    let request = iac::ResourceDiffRequest { resource_type: "infra.vpc".to_owned(), ..Default::default() };
    let part = format!("{} {field}", step::DIFF_OF_CHANGED);
    tried("ResourceDriver/Diff", &part, &request, &iac::ResourceDiffResponse { result: Some(result) })
}

fn trace(tried: Vec<Tried>) -> Trace {
    let mut trace = Setting::of(Vec::new()).run().1;
    trace.header.subject = Subject::Provider;
    trace.events.splice(0..0, tried.into_iter().map(Event::Tried));
    trace
}

fn found(tried: Vec<Tried>) -> Vec<String> {
    judge(&trace(tried)).findings.into_iter().map(|finding| finding.rule).collect()
}

#[test]
fn a_change_is_asked_for_where_the_provider_named_the_field_and_nowhere_else() {
    let nothing = || compared("size", &[]);
    assert_eq!(found(vec![created(r#"{"size":"s"}"#), nothing()]), ["RPC-021"]);
    assert_eq!(found(vec![created("{}"), compared("count", &["size"]), nothing()]), ["RPC-021"]);
    assert!(found(vec![created(r#"{"region":"nyc3"}"#), nothing()]).is_empty());
    assert!(found(vec![created("no JSON"), nothing()]).is_empty());
    // What is told beside the resource's own life names no field of it.
    let aside = Tried { part: "aside".to_owned(), ..created(r#"{"size":"s"}"#) };
    assert!(found(vec![aside, nothing()]).is_empty());
}

#[test]
fn a_rule_applies_where_its_step_was_taken_and_nowhere_else() {
    let applies = |id: &str, tried: Vec<Tried>| judge(&trace(tried)).judged.contains(&id);
    let life = || vec![created(r#"{"size":"s"}"#), compared("size", &["size"])];
    for id in ["RPC-016", "RPC-017", "RPC-021", "RPC-022"] {
        assert!(applies(id, life()), "{id}");
    }
    for id in ["RPC-018", "RPC-019", "RPC-020", "RPC-023", "RPC-024", "RPC-025", "RPC-026"] {
        assert!(!applies(id, life()), "{id}");
    }
    assert!(!applies("RPC-021", vec![created("{}"), compared("size", &[])]));
}

#[test]
fn what_a_look_back_finds_is_held_to_the_delete_that_was_answered() {
    let spec = Spec { name: "net".to_owned(), resource_type: "infra.vpc".to_owned(), ..Spec::default() };
    let current = Current { name: "net".to_owned(), provider_id: "id-0".to_owned(), ..Current::default() };
    let action = |kind, current| Action { kind, spec: spec.clone(), current, changes: Vec::new() };
    let request = iac::ResourceReadRequest {
        resource_type: "infra.vpc".to_owned(),
        r#ref: Some(iac::ResourceRef { provider_id: "id-0".to_owned(), ..Default::default() }),
    };
    let output = iac::ResourceOutput { provider_id: "id-0".to_owned(), ..Default::default() };
    let reply = |output| iac::ResourceReadResponse { output };
    let looked = |output| Tried {
        trial: Trial::LookBack,
        ..tried("ResourceDriver/Read", step::READ, &request, &reply(output))
    };
    let create = || action(ActionKind::Create, None);
    for (actions, read, expected) in [
        (vec![create()], None, "it was answered with OK and this id, so it was expected to be there"),
        (
            vec![create(), action(ActionKind::Delete, Some(current))],
            Some(output),
            "its delete was answered with OK, so nothing was expected",
        ),
    ] {
        let mut trace = Setting::of(actions).run().1;
        trace.header.subject = Subject::Provider;
        trace.events.push(Event::Tried(looked(read)));
        let findings = judge(&trace).findings;
        let told = findings.iter().find(|finding| finding.rule == "RPC-030").unwrap();
        assert!(told.message.ends_with(expected), "{}", told.message);
    }
}

#[test]
fn a_code_that_fits_or_is_judged_elsewhere_is_no_finding() {
    let refused = |code| {
        let error = RpcError { code, message: "no".to_owned() };
        Tried {
            trial: Trial::AbsentMessage,
            answers: vec![Answer { times: 1, reply: TrialReply::Error(error) }],
            ..created("{}")
        }
    };
    for code in [Code::InvalidArgument, Code::Unimplemented, Code::Unavailable, Code::FailedPrecondition] {
        assert!(!found(vec![refused(code)]).contains(&"RPC-009".to_owned()), "{code:?}");
    }
    for code in [Code::Internal, Code::NotFound] {
        assert!(found(vec![refused(code)]).contains(&"RPC-009".to_owned()), "{code:?}");
    }
}

#[test]
fn that_no_cloud_is_reached_is_no_refusal_and_no_part_of_the_load() {
    let refused = |code| {
        let error = RpcError { code, message: "no such host".to_owned() };
        Event::Tried(Tried {
            trial: Trial::AbsentMessage,
            part: "ref".to_owned(),
            answers: vec![Answer { times: 1, reply: TrialReply::Error(error) }],
            ..created("{}")
        })
    };
    let reached = |during: Option<&str>| {
        let host = "api.example.com:443".to_owned();
        Event::Process(ProcessEvent::Outbound { host, during: during.map(str::to_owned) })
    };
    let told = |events: Vec<Event>| {
        let mut trace = trace(Vec::new());
        trace.events.splice(0..0, events);
        let of = |rule: &str| {
            let findings = judge(&trace).findings.into_iter().filter(|finding| finding.rule == rule);
            findings.map(|finding| finding.message).collect::<Vec<_>>()
        };
        (of("RPC-009"), of("CAP-010"))
    };
    let by_itself =
        "ResourceDriver/Create refuses a request without `ref` with Unknown; expected InvalidArgument";
    assert_eq!(told(vec![refused(Code::Unknown)]), (vec![by_itself.to_owned()], vec![]));
    let asked = "ResourceDriver/Create asks api.example.com:443 about a request without `ref`, and refuses nothing of itself; \
                 expected InvalidArgument";
    assert_eq!(told(vec![reached(None), refused(Code::Unknown)]), (vec![asked.to_owned()], vec![]));
    assert_eq!(told(vec![reached(None), refused(Code::InvalidArgument)]), (vec![], vec![]));
    let (by_code, at_load) = told(vec![reached(Some("Capabilities")), refused(Code::Unknown)]);
    assert_eq!((by_code, at_load.len()), (vec![by_itself.to_owned()], 1));
    // What follows an answer is not what it was given for.
    assert_eq!(told(vec![refused(Code::Unknown), reached(None)]).0, [by_itself]);
}

/// A comparison of a config with a key that no type has, which comes to this.
fn unknown_key(result: iac::DiffResult) -> Tried {
    let request = iac::ResourceDiffRequest { resource_type: "infra.vpc".to_owned(), ..Default::default() };
    let reply = iac::ResourceDiffResponse { result: Some(result) };
    tried("ResourceDriver/Diff", step::DIFF_OF_UNKNOWN, &request, &reply)
}

/// A plan for a type with such a key, validated with so many diagnostics.
fn validated(resource_type: &str, diagnostics: usize) -> Tried {
    let spec = iac::ResourceSpec { r#type: resource_type.to_owned(), ..Default::default() };
    let action = iac::PlanAction { resource: Some(spec), ..Default::default() };
    let plan = iac::IaCPlan { actions: vec![action], ..Default::default() };
    let reply = iac::ValidatePlanResponse { diagnostics: vec![iac::PlanDiagnostic::default(); diagnostics] };
    let request = iac::ValidatePlanRequest { plan: Some(plan) };
    tried("IaCProviderValidator/ValidatePlan", step::PLAN_OF_UNKNOWN, &request, &reply)
}

#[test]
fn a_key_that_no_type_has_is_told_of_by_a_comparison_or_for_a_plan_of_its_type() {
    let silent = || unknown_key(iac::DiffResult::default());
    let refused = |code| {
        let error = RpcError { code, message: "no".to_owned() };
        let answers = vec![Answer { times: 1, reply: TrialReply::Error(error) }];
        Tried { answers, ..validated("infra.vpc", 0) }
    };
    let is_found = |tried: Vec<Tried>| found(tried).contains(&"RPC-029".to_owned());

    assert!(is_found(vec![silent()]));
    for told in [
        iac::DiffResult { needs_update: true, ..Default::default() },
        iac::DiffResult { needs_replace: true, ..Default::default() },
        iac::DiffResult { changes: vec![iac::FieldChange::default()], ..Default::default() },
    ] {
        assert!(!is_found(vec![unknown_key(told)]));
    }

    assert!(!is_found(vec![silent(), validated("infra.vpc", 1)]));
    assert!(is_found(vec![silent(), validated("infra.vpc", 0)]));
    assert!(is_found(vec![silent(), validated("infra.database", 1)]));
    assert!(!is_found(vec![silent(), refused(Code::InvalidArgument)]));
    assert!(is_found(vec![silent(), refused(Code::Unimplemented)]));
}

#[test]
fn a_finding_names_the_resource_and_the_first_answers() {
    let mut tried = created("{}");
    assert_eq!(resource(&tried), "a resource of infra.vpc");
    let answer = |times, why: &str| Answer { times, reply: TrialReply::None(why.to_owned()) };
    tried.answers = vec![answer(3, "cut"), answer(1, "late"), answer(1, "gone"), answer(1, "more")];
    assert_eq!(told(&tried), "3 times no answer: cut, no answer: late, no answer: gone");
    tried.request = Payload(Bytes::from_static(&[0xff]));
    assert_eq!(resource(&tried), "a resource");
}
