//! The decoder against the vectors, and what a verdict says beside its cause.

mod agreement;
mod properties;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use counterfoil_proto::{Contract, Revision, iac};
use prost::Message as _;

use super::*;
use crate::{
    outcome::{InputDrift, Outcome, Status},
    plan::{ActionKind, Spec},
};

const REPLY: &str = "workflow.plugin.external.iac.ApplyResponse";

/// The causes of a reading, each once, in the order of the rules.
fn causes<T>(reading: &Reading<T>) -> Vec<Cause> {
    let causes: BTreeSet<Cause> = reading.refusals.iter().map(|refusal| refusal.cause).collect();
    causes.into_iter().collect()
}

/// Actions that all are creates.
fn creates(count: usize) -> Vec<Action> {
    let action =
        Action { kind: ActionKind::Create, spec: Spec::default(), current: None, changes: Vec::new() };
    vec![action; count]
}

/// The reply with these outcomes: index, status, error.
fn reply(outcomes: &[(u32, i32, &str)]) -> Bytes {
    let actions = outcomes.iter().map(|(action_index, status, error)| iac::ActionResult {
        action_index: *action_index,
        status: *status,
        error: (*error).to_owned(),
    });
    let result = iac::ApplyResult { actions: actions.collect(), ..iac::ApplyResult::default() };
    iac::ApplyResponse { result: Some(result) }.encode_to_vec().into()
}

fn read(bytes: &Bytes, revision: Revision, planned: &[Action]) -> Reading<ApplyResult> {
    Strict.apply_response(bytes, &ApplyContext { revision, planned })
}

/// The vectors of all topics.
fn all() -> Vec<Vector> {
    vectors().into_iter().flat_map(|topic| topic.vectors).collect()
}

fn vector(name: &str) -> Vector {
    all().into_iter().find(|vector| vector.name == name).unwrap()
}

/// What the newest revision that has the message makes of a vector.
fn newest(name: &str) -> Reading<()> {
    let vector = vector(name);
    let (revision, _) = vector.verdicts().last().unwrap();
    vector.read_by(&Strict, revision)
}

/// Path, offset and message of the one refusal.
fn only<T: fmt::Debug>(reading: &Reading<T>) -> (&str, usize, &str) {
    let [refusal] = &reading.refusals[..] else { panic!("{reading:#?}") };
    (&refusal.path, refusal.offset, &refusal.message)
}

#[test]
fn every_vector_gets_its_verdict_at_every_revision() {
    for vector in all() {
        for (revision, expected) in vector.verdicts() {
            let reading = vector.read_by(&Strict, revision);
            assert_eq!(causes(&reading), expected, "{} at {revision}: {:#?}", vector.name, reading.refusals);
        }
    }
}

#[test]
fn a_verdict_is_declared_for_every_revision_that_has_the_message_and_for_no_other() {
    for vector in all() {
        let declared: Vec<Revision> = vector.verdicts().map(|(revision, _)| revision).collect();
        let mut has = Revision::ALL.to_vec();
        has.retain(|revision| Contract::at(*revision).messages.contains_key(&vector.message));
        assert_eq!(declared, has, "{}", vector.name);
    }
}

#[test]
fn the_generic_check_gives_every_vector_the_same_verdict_of_form() {
    use Cause::{
        CutShort, EnumUnknown, JsonMalformed, JsonNotObject, JsonTrailing, StatusUnknown, TextNotUtf8,
    };
    let of_form =
        [StatusUnknown, JsonMalformed, JsonNotObject, JsonTrailing, EnumUnknown, CutShort, TextNotUtf8];
    for vector in all() {
        for (revision, expected) in vector.verdicts() {
            let reading = Strict.message(&vector.message, &vector.bytes, revision);
            let expected: Vec<_> = expected.iter().filter(|cause| of_form.contains(cause)).copied().collect();
            assert_eq!(causes(&reading), expected, "{} at {revision}", vector.name);
            assert_eq!(reading.unknown, vector.read_by(&Strict, revision).unknown, "{}", vector.name);
        }
    }
}

/// By these words a decoder that stands on a library which takes such a value for an unknown field finds them.
#[test]
fn a_vector_with_a_value_in_the_layout_of_another_type_says_so() {
    let words = ["as a number", "as text", "as a group", "as a list", "fixed bytes"];
    for vector in all() {
        let is_misplaced = |refusal: &Refusal| refusal.message.contains(", where a");
        let has_one = newest(vector.name).refusals.iter().any(is_misplaced);
        assert_eq!(words.iter().any(|word| vector.about.contains(word)), has_one, "{}", vector.name);
    }
}

#[test]
fn every_cause_has_two_vectors() {
    let vectors = all();
    for cause in Cause::ALL {
        // An outcome too many never comes alone: its index is there already, or beyond the plan.
        let alone = |causes: &[Cause]| match cause {
            Cause::TooManyOutcomes => causes.len() == 2 && causes.contains(&cause),
            _ => causes == [cause],
        };
        let count =
            vectors.iter().filter(|vector| vector.verdicts().any(|(_, causes)| alone(causes))).count();
        assert!(count >= 2, "{cause:?} has {count}");
    }
}

#[test]
fn every_vector_has_a_name_of_its_own_and_says_something_of_its_own() {
    let vectors = all();
    assert!(vectors.len() >= 150, "{}", vectors.len());
    let names: BTreeSet<_> = vectors.iter().map(|vector| vector.name).collect();
    assert_eq!(names.len(), vectors.len());
    let mut said = BTreeMap::new();
    for vector in &vectors {
        let planned: Vec<_> = vector.planned.iter().map(|action| action.kind.as_str()).collect();
        let same = said.insert((&vector.message, planned, &vector.bytes), vector.name);
        assert_eq!(same, None, "{}", vector.name);
    }
}

#[test]
fn the_rules_are_numbered_in_the_order_of_the_causes() {
    let rules = Cause::ALL.map(Cause::rule);
    assert_eq!(rules.len(), Cause::ALL.len());
    for (at, rule) in rules.into_iter().enumerate() {
        assert_eq!(rule, format!("DEC-{:03}", at + 1));
        assert_eq!(Cause::ALL[at] as usize, at);
    }
}

#[test]
fn a_refusal_says_where() {
    let bytes = reply(&[(0, 1, ""), (1, 9, "x")]);
    assert_eq!(
        only(&read(&bytes, Revision::V0_54, &creates(2))),
        ("result.actions[1].status", 10, "9 is unknown; known are 0, 1, 2, 3")
    );
    assert_eq!(bytes[10..12], [0x10, 9]);

    let bytes = vector("json-in-map").bytes;
    let reading = Strict.message(&vector("json-in-map").message, &bytes, Revision::Head);
    assert_eq!(only(&reading), ("specs[\"db\"].config_json", 10, "JSON that is not an object"));

    let reading = newest("text-key");
    assert_eq!(only(&reading), ("output.sensitive[\"pass\u{fffd}word\"]", 10, "not UTF-8"));

    let reading = newest("text-list");
    assert_eq!(only(&reading), ("keys[1]", 5, "not UTF-8"));

    let reading = newest("enum-packed");
    assert_eq!(only(&reading), ("runtimes[1]", 0, "6 is unknown; known are 0, 1, 2, 3, 4, 5"));

    let reading = newest("wire-status-text");
    let message = "a length and bytes, where a varint is due";
    assert_eq!(only(&reading), ("result.actions[0].status", 6, message));

    let reading = newest("cut-value");
    assert_eq!(only(&reading), ("", 2, "5 bytes are due and 4 are left"));
    assert_eq!(
        reading.refusals[0].to_string(),
        "DEC-017 at message (byte 2): 5 bytes are due and 4 are left"
    );
}

#[test]
fn accounts_say_what_does_not_add_up() {
    let at = |indices: &[u32], planned| {
        let outcomes: Vec<_> = indices.iter().map(|index| (*index, 1, "")).collect();
        let reading = read(&reply(&outcomes), Revision::V0_54, &creates(planned));
        let (path, _, message) = only(&reading);
        format!("{path}: {message}")
    };
    assert_eq!(at(&[], 2), "result.actions: none for 2 planned actions");
    assert_eq!(at(&[0, 2], 3), "result.actions: 2 for 3 planned actions; action 1 has none");
    assert_eq!(at(&[0, 2, 2], 3), "result.actions[2].action_index: action 2 has its outcome at place 1");
    assert_eq!(at(&[0, 9], 2), "result.actions[1].action_index: 9, in a plan of 2 actions");
    assert_eq!(at(&[1, 0], 2), "result.actions[1].action_index: action 0 comes after action 1");

    let reading = newest("delete-failed-replace");
    let message = "a failed delete, but action 0 is a replace";
    assert_eq!(only(&reading), ("result.actions[0].status", 2, message));
}

#[test]
fn a_rule_is_broken_as_often_as_it_is_true() {
    use Cause::{DeleteFailedOnOther, DuplicateIndex, IndexOrder, IndexOutOfRange, TooManyOutcomes};
    let at = |indices: &[u32], status, planned| {
        let outcomes: Vec<_> =
            indices.iter().map(|index| (*index, status, if status == 1 { "" } else { "x" })).collect();
        let reading = read(&reply(&outcomes), Revision::V0_54, &creates(planned));
        let mut all: Vec<_> = reading.refusals.iter().map(|refusal| refusal.cause).collect();
        all.sort_unstable();
        all
    };
    assert_eq!(at(&[2, 0, 0, 1, 0], 1, 5), [DuplicateIndex, DuplicateIndex, IndexOrder, IndexOrder]);
    assert_eq!(at(&[1, 9, 9, 0], 1, 4), [IndexOutOfRange, IndexOutOfRange, IndexOrder]);
    assert_eq!(at(&[0, 1], 1, 0), [TooManyOutcomes, IndexOutOfRange, IndexOutOfRange]);
    assert_eq!(at(&[0, 0], 3, 2), [DuplicateIndex, DeleteFailedOnOther, DeleteFailedOnOther]);
}

#[test]
fn a_status_is_judged_by_its_revision() {
    for revision in Revision::ALL {
        for status in -1..=8 {
            let reading =
                read(&reply(&[(0, status, if status == 1 { "" } else { "x" })]), *revision, &creates(1));
            let highest = if *revision < Revision::V0_56 { 3 } else { 6 };
            let expected = match status {
                _ if *revision == Revision::V0_51 => vec![],
                0 => vec![Cause::StatusUnspecified],
                3 => vec![Cause::DeleteFailedOnOther],
                status if (1..=highest).contains(&status) => vec![],
                _ => vec![Cause::StatusUnknown],
            };
            assert_eq!(causes(&reading), expected, "status {status} at {revision}");
        }
    }
}

#[test]
fn no_outcomes_are_a_fault_from_0_54_on() {
    for revision in Revision::ALL {
        let reading = read(&reply(&[]), *revision, &creates(1));
        let expected = if *revision == Revision::V0_51 { vec![] } else { vec![Cause::NoOutcomes] };
        assert_eq!(causes(&reading), expected, "{revision}");
        assert!(read(&reply(&[]), *revision, &[]).is_accepted(), "{revision}");
    }
}

#[test]
fn unknown_fields_are_reported_with_their_place() {
    let reading = vector("status-unknown-beyond").read_by(&Strict, Revision::V0_51);
    let field =
        |path: &str, number, offset, bytes| UnknownField { path: path.to_owned(), number, offset, bytes };
    assert_eq!(reading.unknown, [field("result", 7, 2, 6)]);

    let reading = newest("accepted-unknown-fields");
    let numbers: Vec<_> = reading.unknown.iter().map(|f| (f.path.as_str(), f.number)).collect();
    assert_eq!(
        numbers,
        [("result", 15), ("result", 16), ("result", 17), ("result", 18), ("result", 19), ("", 2)]
    );

    let bytes = Bytes::from_static(b"\x0a\x06\x3a\x04\x10\x01\x48\x05");
    let reading = read(&bytes, Revision::V0_56, &creates(1));
    assert_eq!(reading.unknown, [field("result.actions[0]", 9, 6, 2)]);
    assert_eq!(reading.value.outcomes.len(), 1, "and the outcome is read");
}

#[test]
fn a_field_of_a_later_revision_is_unknown() {
    let registry = Bytes::from_static(b"\x0a\x04\x5a\x02v1");
    let unknown =
        |revision| Strict.message("workflow.plugin.v1.ContractRegistry", &registry, revision).unknown.len();
    assert_eq!([Revision::V0_60, Revision::V0_64].map(unknown), [1, 0]);
}

#[test]
fn a_message_that_no_revision_has_is_all_unknown() {
    let reading = Strict.message("no.such.Message", &Bytes::from_static(b"\x08\x01\x12\x00"), Revision::Head);
    assert!(reading.is_accepted());
    assert_eq!(reading.unknown.len(), 2);
    let reading = Strict.message("no.such.Message", &Bytes::from_static(b"\x08"), Revision::Head);
    assert_eq!(causes(&reading), [Cause::CutShort]);
}

#[test]
fn the_values_are_those_of_the_wire() {
    let result = vector("accepted-everything").bytes;
    let planned = vector("accepted-everything").planned;
    let value = read(&result, Revision::V0_56, &planned).into_result().unwrap();
    assert_eq!(value.plan_id, "plan-1");
    let resource = &value.resources[0];
    assert_eq!((resource.name.as_str(), resource.resource_type.as_str()), ("db", "infra.database"));
    assert_eq!((resource.provider_id.as_str(), resource.status.as_str()), ("d-1", "active"));
    assert_eq!(resource.outputs.as_bytes(), r#"{"port":5432}"#);
    assert_eq!(resource.sensitive, BTreeMap::from([("password".to_owned(), true)]));
    let error = ActionError { resource: "db".into(), action: "replace".into(), error: "slow".into() };
    assert_eq!(value.errors, [error]);
    assert_eq!(value.outcomes, [Outcome { action_index: 0, status: Status::Error, error: "slow".into() }]);
    assert_eq!(value.replace_ids, BTreeMap::from([("db".to_owned(), "d-1".to_owned())]));

    let errors = Strict.finalize(&vector("accepted-finalize").bytes, Revision::V0_55).into_result().unwrap();
    assert_eq!(
        errors,
        [ActionError { resource: "db".into(), action: "update".into(), error: "lost".into() }]
    );
}

/// Tells which way a message was read, by the place of a refusal.
struct Ways;

impl Ways {
    fn reading<T>(way: &str, value: T) -> Reading<T> {
        let refusal =
            Refusal { cause: Cause::CutShort, path: way.to_owned(), offset: 0, message: String::new() };
        Reading { value, refusals: vec![refusal], unknown: Vec::new() }
    }
}

impl Decoder for Ways {
    fn apply_response(&self, _: &Bytes, context: &ApplyContext<'_>) -> Reading<ApplyResult> {
        Self::reading(&format!("a reply to {}", context.planned.len()), ApplyResult::default())
    }

    fn output(&self, method: Method, _: &Bytes, _: Revision) -> Reading<Option<ResourceOutput>> {
        Self::reading(&format!("the output of {method:?}"), None)
    }

    fn finalize(&self, _: &Bytes, _: Revision) -> Reading<Vec<ActionError>> {
        Self::reading("the end", Vec::new())
    }

    fn message(&self, full_name: &str, _: &Bytes, _: Revision) -> Reading<()> {
        Self::reading(full_name, ())
    }
}

/// A decoder that reads typed messages in ways of its own has to be asked in those.
#[test]
fn a_message_that_is_typed_is_read_as_such() {
    let way = |message: &str| {
        let context = ApplyContext { revision: Revision::V0_56, planned: &creates(2) };
        let full_name = format!("workflow.plugin.external.iac.{message}");
        only(&super::read(&Ways, &full_name, &Bytes::new(), &context)).0.to_owned()
    };
    assert_eq!(way("ApplyResponse"), "a reply to 2");
    assert_eq!(way("ResourceCreateResponse"), "the output of Create");
    assert_eq!(way("ResourceReadResponse"), "the output of Read");
    assert_eq!(way("ResourceUpdateResponse"), "the output of Update");
    assert_eq!(way("FinalizeApplyResponse"), "the end");
    for other in ["PlanResponse", "ResourceDeleteResponse", "ResourceOutput"] {
        assert_eq!(way(other), format!("workflow.plugin.external.iac.{other}"));
    }
}

/// What is read in one go is an outcome by its tags and not by its looks.
#[test]
fn a_plain_outcome_is_known_by_its_tags() {
    let result = |fields: &[u8]| Bytes::from([&[0x0a, u8::try_from(fields.len()).unwrap()], fields].concat());
    for tag in [0x00, 0x02] {
        let reading = read(&result(&[tag, 2, 0x10, 1]), Revision::V0_56, &creates(1));
        assert_eq!(only(&reading), ("result", 3, "a tag with the field number 0"));
    }

    // The third has no index, so that its status stands where an index would, and its text reads like what would follow.
    let look_alike = [0x3a, 8, 0x10, 2, 0x1a, 4, 0x1a, 2, b'x', b'y'];
    let two = [0x3a, 2, 0x10, 1, 0x3a, 4, 0x08, 1, 0x10, 1];
    let reading = read(&result(&[&two[..], &look_alike].concat()), Revision::V0_56, &creates(3));
    let third = Outcome { action_index: 0, status: Status::Error, error: "\u{1a}\u{2}xy".to_owned() };
    assert_eq!(reading.value.outcomes[2], third);
    assert!(causes(&reading).contains(&Cause::DuplicateIndex), "{:#?}", reading.refusals);
}

#[test]
fn a_varint_without_an_end_is_cut_or_too_long() {
    let at = |length| {
        let reading = Strict.message(REPLY, &vec![0x80; length].into(), Revision::V0_56);
        only(&reading).2.to_owned()
    };
    assert_eq!(at(9), "the bytes end where a varint is due");
    assert_eq!(at(10), "a varint of more than 64 bits");
    assert_eq!(at(11), "a varint of more than 64 bits");
}

/// What is said of an outcome is the provider's doing only where the outcome itself was read.
#[test]
fn a_cause_about_outcomes_hides_none() {
    let mut seen = BTreeSet::new();
    for vector in all().into_iter().filter(|vector| vector.message == REPLY) {
        let reading = read(&vector.bytes, Revision::V0_56, &vector.planned);
        let sent = iac::ApplyResponse::decode(vector.bytes.clone()).ok().and_then(|reply| reply.result);
        let sent = sent.map(|result| result.actions.len());
        let is_whole = sent == Some(reading.value.outcomes.len());
        match causes(&reading)[..] {
            [] => assert!(is_whole, "{}", vector.name),
            [cause] if cause.is_about_outcomes() => {
                assert!(is_whole, "{}", vector.name);
                seen.insert(cause);
            }
            [Cause::StatusUnspecified | Cause::StatusUnknown] => assert!(!is_whole, "{}", vector.name),
            _ => {}
        }
    }
    let lost = [Cause::ResultAbsent, Cause::StatusUnspecified, Cause::StatusUnknown, Cause::CutShort];
    assert!(lost.iter().all(|cause| !cause.is_about_outcomes()));
    assert!(seen.len() >= 8, "{seen:?}");
}

#[test]
fn outputs_are_slices_of_the_reply() {
    let reply = vector("accepted-everything");
    let reading = read(&reply.bytes, Revision::V0_56, &reply.planned);
    assert!(reply.bytes.as_ptr_range().contains(&reading.value.resources[0].outputs.as_bytes().as_ptr()));
}

#[test]
fn an_output_may_come_in_parts() {
    let bytes = Bytes::from_static(
        b"\x0a\x0b\x0a\x02db\x2a\x05\x0a\x01a\x10\x01\x0a\x0a\x12\x01t\x2a\x05\x0a\x01b\x10\x00",
    );
    let output = Strict.output(Method::Create, &bytes, Revision::Head).into_result().unwrap().unwrap();
    assert_eq!((output.name.as_str(), output.resource_type.as_str()), ("db", "t"));
    assert_eq!(output.sensitive, BTreeMap::from([("a".to_owned(), true), ("b".to_owned(), false)]));
    let absent = Strict.output(Method::Read, &Bytes::new(), Revision::Head);
    assert_eq!(absent.into_result().unwrap(), None);
}

#[test]
fn a_reply_without_an_output_is_checked_all_the_same() {
    let bytes = vector("json-in-change").bytes;
    let reading = Strict.output(Method::Diff, &bytes, Revision::Head);
    assert_eq!((causes(&reading), reading.value), (vec![Cause::JsonTrailing], None));
}

#[test]
fn a_refused_reply_is_read_as_far_as_it_goes() {
    let bytes = reply(&[(0, 1, ""), (1, 0, ""), (2, 1, "x")]);
    let reading = read(&bytes, Revision::V0_54, &creates(3));
    assert_eq!(causes(&reading), [Cause::StatusUnspecified, Cause::ErrorOnSuccess]);
    assert_eq!(reading.value.outcomes.iter().map(|o| o.action_index).collect::<Vec<_>>(), [0, 2]);
}

#[test]
fn a_flood_of_one_cause_hides_no_other_and_is_counted() {
    let mut outcomes = vec![(0, 0, ""); 5_000];
    for (index, outcome) in (0..).zip(&mut outcomes) {
        outcome.0 = index;
    }
    outcomes.push((5_000, 2, ""));
    let reading = read(&reply(&outcomes), Revision::V0_54, &creates(5_001));
    assert_eq!(causes(&reading), [Cause::StatusUnspecified, Cause::FailureWithoutError]);
    assert_eq!(reading.refusals.len(), MAX_LISTED + 1);
    let note = "0, which is none, for action 999; 4000 more for DEC-002 are not listed";
    assert_eq!(reading.refusals[MAX_LISTED - 1].message, note);

    let unknown = Bytes::from([0x78, 0x01].repeat(5_000));
    assert_eq!(Strict.message(REPLY, &unknown, Revision::V0_56).unknown.len(), MAX_LISTED);
}

#[test]
fn nesting_has_an_end() {
    // A struct in a struct in a struct: three messages a level.
    let nested = |levels| {
        let mut value: Vec<u8> = Vec::new();
        let wrap = |tag: u8, value: &[u8]| {
            let mut field = vec![tag];
            prost::encode_length_delimiter(value.len(), &mut field).unwrap();
            [field, value.to_vec()].concat()
        };
        for _ in 0..levels {
            value = wrap(0x0a, &wrap(0x12, &wrap(0x2a, &value)));
        }
        Bytes::from(wrap(0x1a, &value))
    };
    let check = |levels| {
        causes(&Strict.message("workflow.plugin.v1.CreateModuleRequest", &nested(levels), Revision::Head))
    };
    let prost = |levels| counterfoil_proto::plugin_v1::CreateModuleRequest::decode(nested(levels)).is_ok();
    for levels in [1, 32, 33, 34, 1_000] {
        assert_eq!(check(levels).is_empty(), prost(levels), "{levels}");
    }
    assert_eq!((check(33), check(34)), (vec![], vec![Cause::CutShort]));

    let group = Bytes::from([vec![0x7b; 100_000], vec![0x7c; 100_000]].concat());
    assert_eq!(causes(&Strict.message(REPLY, &group, Revision::V0_56)), [Cause::CutShort]);
}

#[test]
fn the_wire_names_are_stable() {
    let refusal =
        Refusal { cause: Cause::DeleteFailedOnOther, path: "p".into(), offset: 3, message: "m".into() };
    let json = r#"{"cause":"delete_failed_on_other","path":"p","offset":3,"message":"m"}"#;
    assert_eq!(serde_json::to_string(&refusal).unwrap(), json);
    assert_eq!(serde_json::from_str::<Refusal>(json).unwrap(), refusal);
}
