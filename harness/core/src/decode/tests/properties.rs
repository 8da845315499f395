//! What holds for every result and for any bytes.

use proptest::{
    collection::{btree_map, vec},
    option,
    prelude::*,
    sample::{Index, select},
};

use super::*;
use crate::json::JsonMap;

/// A plan and a result that answers it without a fault.
#[derive(Clone, Debug)]
struct Case {
    revision: Revision,
    planned: Vec<Action>,
    result: ApplyResult,
}

impl Case {
    fn read(&self, bytes: &Bytes) -> Reading<ApplyResult> {
        read(bytes, self.revision, &self.planned)
    }
}

fn kinds() -> impl Strategy<Value = ActionKind> {
    prop_oneof![
        Just(ActionKind::Create),
        Just(ActionKind::Update),
        Just(ActionKind::Replace),
        Just(ActionKind::Delete),
        "[a-z]{0,3}".prop_map(ActionKind::from),
    ]
}

fn outputs() -> impl Strategy<Value = JsonMap> {
    let texts = vec!["", "{}", " {\"a\": 1}", r#"{"id":"x","list":[1,2.5e3,null],"deep":{"a":{}}}"#];
    select(texts).prop_map(|text| JsonMap::parse(Bytes::from_static(text.as_bytes())).unwrap())
}

fn text() -> impl Strategy<Value = String> {
    "[a-zé/ ]{0,12}"
}

fn resource() -> impl Strategy<Value = ResourceOutput> {
    let sensitive = btree_map(text(), any::<bool>(), 0..3);
    (text(), text(), text(), outputs(), sensitive, text()).prop_map(
        |(name, resource_type, provider_id, outputs, sensitive, status)| ResourceOutput {
            name,
            resource_type,
            provider_id,
            outputs,
            sensitive,
            status,
        },
    )
}

fn drift() -> impl Strategy<Value = InputDrift> {
    (text(), text(), text()).prop_map(|(name, plan_fingerprint, apply_fingerprint)| InputDrift {
        name,
        plan_fingerprint,
        apply_fingerprint,
    })
}

fn error() -> impl Strategy<Value = ActionError> {
    (text(), text(), text()).prop_map(|(resource, action, error)| ActionError { resource, action, error })
}

/// How one action of a kind may end, at a revision.
fn ends(kind: &ActionKind, revision: Revision) -> impl Strategy<Value = (Status, String)> + use<> {
    let mut statuses = vec![Status::Success, Status::Error];
    if *kind == ActionKind::Delete {
        statuses.push(Status::DeleteFailed);
    }
    if revision >= Revision::V0_56 {
        statuses.extend([Status::Compensated, Status::CompensationFailed, Status::Skipped]);
    }
    // Texts of 128 bytes and more take a length of two bytes.
    (select(statuses), prop_oneof!["[a-z]{1,9}", "[a-zé]{120,140}"])
        .prop_map(|(status, error)| (status, if status == Status::Success { String::new() } else { error }))
}

fn cases() -> impl Strategy<Value = Case> {
    let revisions = prop_oneof![Just(Revision::V0_54), Just(Revision::V0_56), Just(Revision::Head)];
    (revisions, prop_oneof![9 => vec(kinds(), 0..9), 1 => vec(kinds(), 120..140)])
        .prop_flat_map(|(revision, kinds)| {
            let ends: Vec<_> = kinds.iter().map(|kind| ends(kind, revision)).collect();
            let texts = || btree_map(text(), text(), 0..3);
            let maps = (texts(), texts());
            let lists = (vec(resource(), 0..4), vec(error(), 0..3), vec(drift(), 0..3));
            (Just((revision, kinds)), ends, text(), lists, maps)
        })
        .prop_map(|((revision, kinds), ends, plan_id, lists, (replace_ids, initial_inputs))| {
            let (resources, errors, input_drift) = lists;
            let planned = kinds
                .into_iter()
                .map(|kind| Action { kind, spec: Spec::default(), current: None, changes: Vec::new() })
                .collect();
            let outcomes = (0..)
                .zip(ends)
                .map(|(action_index, (status, error))| Outcome { action_index, status, error })
                .collect();
            let result = ApplyResult {
                plan_id,
                resources,
                errors,
                outcomes,
                replace_ids,
                initial_inputs,
                input_drift,
            };
            Case { revision, planned, result }
        })
}

/// A change of one thing in a valid reply.
#[derive(Clone, Debug)]
enum Corruption {
    NoResult,
    Status(Index, i32),
    DropOutcome(Index),
    DropOutcomes,
    AppendOutcome(u32),
    RepeatOutcome(Index, Index),
    IndexOfAnother(Index, Index),
    IndexBeyond(Index, u32),
    SwapOutcomes(Index, Index),
    ErrorOnSuccess(Index),
    NoError(Index),
    DeleteFailed(Index),
    Json(Index, &'static str),
    /// The wire of an outcome ends in these bytes.
    Wire(Index, &'static [u8]),
    /// A text of an outcome or of the result holds these bytes.
    Text(Option<Index>, &'static [u8]),
    Cut(Index),
}

fn corruptions() -> impl Strategy<Value = Corruption> {
    let index = any::<Index>;
    prop_oneof![
        Just(Corruption::NoResult),
        (index(), prop_oneof![Just(0), -3..0, 4..12, any::<i32>()])
            .prop_map(|(at, status)| Corruption::Status(at, status)),
        index().prop_map(Corruption::DropOutcome),
        Just(Corruption::DropOutcomes),
        any::<u32>().prop_map(Corruption::AppendOutcome),
        (index(), index()).prop_map(|(at, to)| Corruption::RepeatOutcome(at, to)),
        (index(), index()).prop_map(|(at, of)| Corruption::IndexOfAnother(at, of)),
        (index(), any::<u32>()).prop_map(|(at, by)| Corruption::IndexBeyond(at, by)),
        (index(), index()).prop_map(|(a, b)| Corruption::SwapOutcomes(a, b)),
        index().prop_map(Corruption::ErrorOnSuccess),
        index().prop_map(Corruption::NoError),
        index().prop_map(Corruption::DeleteFailed),
        (index(), select(vec!["{", "tru", "[]", "3", "{}x", "null null"]))
            .prop_map(|(at, json)| Corruption::Json(at, json)),
        (index(), select(vec![&b"\x08"[..], b"\x1a\x05", b"\x00", b"\x12\x01\x01", b"\x7b", b"\x0f"]))
            .prop_map(|(at, bytes)| Corruption::Wire(at, bytes)),
        (option::of(index()), select(vec![&b"\xff"[..], b"a\xc3", b"\xed\xa0\x80"]))
            .prop_map(|(at, bytes)| Corruption::Text(at, bytes)),
        index().prop_map(Corruption::Cut),
    ]
}

/// The corrupted reply and the cause that fits; none where the corruption does not apply to the case.
fn corrupt(case: &Case, corruption: &Corruption) -> Option<(Bytes, Cause)> {
    let mut response = iac::ApplyResponse::decode(encode_apply_response(&case.result)).unwrap();
    let result = response.result.as_mut().unwrap();
    let actions = &mut result.actions;
    let planned = case.planned.len();
    let some = |at: &Index, count: usize| (count > 0).then(|| at.index(count));
    let fitting = match corruption {
        Corruption::NoResult => {
            response.result = None;
            Cause::ResultAbsent
        }
        Corruption::Status(at, status) => {
            let highest = if case.revision < Revision::V0_56 { 3 } else { 6 };
            if (1..=highest).contains(status) {
                return None;
            }
            actions[some(at, planned)?].status = *status;
            if *status == 0 { Cause::StatusUnspecified } else { Cause::StatusUnknown }
        }
        Corruption::DropOutcome(at) => {
            actions.remove(some(at, planned)?);
            if planned == 1 { Cause::NoOutcomes } else { Cause::TooFewOutcomes }
        }
        Corruption::DropOutcomes => {
            if planned == 0 {
                return None;
            }
            actions.clear();
            Cause::NoOutcomes
        }
        Corruption::AppendOutcome(index) => {
            actions.push(iac::ActionResult { action_index: *index, status: 1, error: String::new() });
            Cause::TooManyOutcomes
        }
        Corruption::RepeatOutcome(at, to) => {
            let again = actions[some(at, planned)?].clone();
            actions.insert(to.index(planned + 1), again);
            Cause::TooManyOutcomes
        }
        Corruption::IndexOfAnother(at, of) => {
            let (at, of) = (some(at, planned)?, of.index(planned));
            if at == of {
                return None;
            }
            actions[at].action_index = u32::try_from(of).unwrap();
            Cause::DuplicateIndex
        }
        Corruption::IndexBeyond(at, by) => {
            actions[some(at, planned)?].action_index = u32::try_from(planned).unwrap().saturating_add(*by);
            Cause::IndexOutOfRange
        }
        Corruption::SwapOutcomes(a, b) => {
            let (a, b) = (some(a, planned)?, b.index(planned));
            if a == b {
                return None;
            }
            actions.swap(a, b);
            Cause::IndexOrder
        }
        Corruption::ErrorOnSuccess(at) => {
            let action = &mut actions[some(at, planned)?];
            if action.status != Status::Success.number() {
                return None;
            }
            action.error = "x".to_owned();
            Cause::ErrorOnSuccess
        }
        Corruption::NoError(at) => {
            let action = &mut actions[some(at, planned)?];
            if action.status == Status::Success.number() {
                return None;
            }
            action.error.clear();
            Cause::FailureWithoutError
        }
        Corruption::DeleteFailed(at) => {
            let at = some(at, planned)?;
            if actions[at].error.is_empty() || case.planned[at].kind == ActionKind::Delete {
                return None;
            }
            actions[at].status = Status::DeleteFailed.number();
            Cause::DeleteFailedOnOther
        }
        Corruption::Json(at, json) => {
            let count = result.resources.len();
            result.resources[some(at, count)?].outputs_json = Bytes::from_static(json.as_bytes());
            match *json {
                "{" | "tru" => Cause::JsonMalformed,
                "[]" | "3" => Cause::JsonNotObject,
                _ => Cause::JsonTrailing,
            }
        }
        Corruption::Wire(at, tail) => {
            let mut outcome = actions.remove(some(at, planned)?).encode_to_vec();
            outcome.extend_from_slice(tail);
            return Some((with_field(&response, 7, &outcome), Cause::CutShort));
        }
        Corruption::Text(None, text) => {
            return Some((with_field(&response, 1, text), Cause::TextNotUtf8));
        }
        Corruption::Text(Some(at), text) => {
            // Only the last outcome can be written anew without moving it.
            let mut last = actions.pop().filter(|_| at.index(2) == 0)?;
            if last.error.is_empty() {
                return None;
            }
            last.error.clear();
            let outcome = [last.encode_to_vec(), field(3, text)].concat();
            return Some((with_field(&response, 7, &outcome), Cause::TextNotUtf8));
        }
        Corruption::Cut(at) => {
            let bytes = Bytes::from(response.encode_to_vec());
            let kept = at.index(bytes.len());
            return Some((
                bytes.slice(..kept),
                if kept == 0 { Cause::ResultAbsent } else { Cause::CutShort },
            ));
        }
    };
    Some((response.encode_to_vec().into(), fitting))
}

/// Whether a cause says something about outcomes.
fn is_of_outcomes(cause: Cause) -> bool {
    (Cause::StatusUnspecified..=Cause::DeleteFailedOnOther).contains(&cause)
}

/// What is wrong with these outcomes, by the letter of each rule and nothing else.
fn to_the_letter(outcomes: &[iac::ActionResult], case: &Case) -> BTreeSet<Cause> {
    let planned = case.planned.len();
    let in_plan = |outcome: &&iac::ActionResult| (outcome.action_index as usize) < planned;
    let indexes: Vec<u32> = outcomes.iter().filter(in_plan).map(|outcome| outcome.action_index).collect();
    let highest = if case.revision < Revision::V0_56 { 3 } else { 6 };
    let known = |outcome: &iac::ActionResult| (1..=highest).contains(&outcome.status);
    let kind = |outcome: &iac::ActionResult| case.planned.get(outcome.action_index as usize).map(|a| &a.kind);
    let broken = [
        (Cause::StatusUnspecified, outcomes.iter().any(|o| o.status == 0)),
        (Cause::StatusUnknown, outcomes.iter().any(|o| o.status != 0 && !known(o))),
        (Cause::TooFewOutcomes, !outcomes.is_empty() && outcomes.len() < planned),
        (Cause::TooManyOutcomes, outcomes.len() > planned),
        (Cause::NoOutcomes, outcomes.is_empty() && planned > 0),
        (Cause::DuplicateIndex, indexes.iter().collect::<BTreeSet<_>>().len() < indexes.len()),
        (Cause::IndexOutOfRange, indexes.len() < outcomes.len()),
        (Cause::IndexOrder, !indexes.is_sorted()),
        (Cause::ErrorOnSuccess, outcomes.iter().any(|o| o.status == 1 && !o.error.is_empty())),
        (
            Cause::FailureWithoutError,
            outcomes.iter().any(|o| known(o) && o.status != 1 && o.error.is_empty()),
        ),
        (
            Cause::DeleteFailedOnOther,
            outcomes.iter().any(|o| o.status == 3 && kind(o).is_some_and(|kind| *kind != ActionKind::Delete)),
        ),
    ];
    broken.into_iter().filter(|(_, is_broken)| *is_broken).map(|(cause, _)| cause).collect()
}

/// A reply with one more field at the end of its result.
fn with_field(response: &iac::ApplyResponse, number: u8, value: &[u8]) -> Bytes {
    let result = response.result.as_ref().unwrap().encode_to_vec();
    field(1, &[result, field(number, value)].concat()).into()
}

fn field(number: u8, value: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    prost::encode_length_delimiter(value.len(), &mut field).unwrap();
    field.extend_from_slice(value);
    field
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_encoded_is_decoded(case in cases()) {
        let reading = case.read(&encode_apply_response(&case.result));
        prop_assert_eq!(&reading.unknown, &[]);
        prop_assert_eq!(reading.into_result(), Ok(case.result));
    }

    #[test]
    fn a_result_in_two_parts_is_the_sum_of_both(case in cases(), at in any::<Index>()) {
        let mut first = case.result.clone();
        let mut second = ApplyResult { plan_id: first.plan_id.clone(), ..ApplyResult::default() };
        second.outcomes = first.outcomes.split_off(at.index(first.outcomes.len() + 1));
        second.resources = first.resources.split_off(at.index(first.resources.len() + 1));
        second.errors = first.errors.split_off(at.index(first.errors.len() + 1));
        let bytes = [encode_apply_response(&first), encode_apply_response(&second)].concat();
        prop_assert_eq!(case.read(&bytes.into()).into_result(), Ok(case.result));
    }

    #[test]
    fn one_fault_is_refused_for_what_it_is(case in cases(), corruption in corruptions()) {
        if let Some((bytes, cause)) = corrupt(&case, &corruption) {
            let reading = case.read(&bytes);
            let expected = match iac::ApplyResponse::decode(bytes).ok().and_then(|response| response.result) {
                Some(result) if is_of_outcomes(cause) => to_the_letter(&result.actions, &case),
                _ => BTreeSet::from([cause]),
            };
            prop_assert!(expected.contains(&cause));
            prop_assert_eq!(causes(&reading).into_iter().collect::<BTreeSet<_>>(), expected, "{:#?}", reading.refusals);
        }
    }

    #[test]
    fn any_outcomes_are_refused_to_the_letter(
        case in cases(),
        outcomes in vec((0_u32..6, -1_i32..8, any::<bool>()), 0..8),
    ) {
        let action = |(action_index, status, error): (u32, i32, bool)| iac::ActionResult {
            action_index,
            status,
            error: if error { "x".to_owned() } else { String::new() },
        };
        let actions: Vec<_> = outcomes.into_iter().map(action).collect();
        let expected = to_the_letter(&actions, &case);
        // With an unknown field in it no outcome is plain, and all go the long way.
        for unknown in [vec![], field(15, b"?")] {
            let outcome = |action: &iac::ActionResult| field(7, &[action.encode_to_vec(), unknown.clone()].concat());
            let result: Vec<u8> = actions.iter().flat_map(outcome).collect();
            let reading = case.read(&field(1, &result).into());
            let found: BTreeSet<_> = causes(&reading).into_iter().collect();
            prop_assert_eq!(&found, &expected, "{:#?}", reading.refusals);
        }
    }

    #[test]
    fn the_short_way_and_the_long_way_read_alike(case in cases()) {
        let mut long = case.result.clone();
        long.outcomes.clear();
        let response = iac::ApplyResponse::decode(encode_apply_response(&long)).unwrap();
        let mut result = response.result.unwrap().encode_to_vec();
        for outcome in &case.result.outcomes {
            // A field that is unknown: nothing about this outcome is plain.
            let (index, status) = (outcome.action_index, outcome.status.number());
            let outcome = iac::ActionResult { action_index: index, status, error: outcome.error.clone() };
            result.extend(field(7, &[outcome.encode_to_vec(), field(15, b"?")].concat()));
        }
        let reading = case.read(&field(1, &result).into());
        prop_assert_eq!(reading.unknown.len(), case.result.outcomes.len());
        prop_assert_eq!(reading.into_result(), Ok(case.result));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..200), planned in vec(kinds(), 0..4)) {
        read_all(&bytes.into(), planned);
    }

    #[test]
    fn any_change_of_a_reply_is_read_or_refused(
        case in cases(),
        changes in vec((any::<Index>(), any::<u8>()), 1..6),
        kept in any::<Index>(),
    ) {
        let mut bytes = encode_apply_response(&case.result).to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(kept.index(bytes.len() + 1));
        read_all(&bytes.into(), case.planned.into_iter().map(|action| action.kind).collect());
    }
}

/// Reads bytes in every way. What comes out stays within the bounds and says where in the message.
fn read_all(bytes: &Bytes, kinds: Vec<ActionKind>) {
    let planned: Vec<_> = kinds
        .into_iter()
        .map(|kind| Action { kind, spec: Spec::default(), current: None, changes: Vec::new() })
        .collect();
    let check = |reading: Reading<()>| {
        assert!(reading.refusals.iter().all(|refusal| refusal.offset <= bytes.len()));
        assert!(reading.refusals.is_sorted_by_key(|refusal| refusal.offset));
        assert!(reading.unknown.iter().all(|field| field.offset + field.bytes <= bytes.len()));
    };
    for revision in [Revision::V0_51, Revision::V0_54, Revision::V0_56, Revision::Head] {
        check(Strict.apply_response(bytes, &ApplyContext { revision, planned: &planned }).map(drop));
        for method in Method::ALL {
            check(Strict.output(method, bytes, revision).map(drop));
            check(Strict.message(method.response(), bytes, revision));
        }
        check(Strict.finalize(bytes, revision).map(drop));
    }
}
