//! Binary vectors: messages made by hand, each with the verdict that it must get.
//!
//! They are for decoders in any language, and the strict one is held to them too. None of them comes out of an
//! encoder: the bytes are put together here, field by field, so that what no encoder writes is among them.

use bytes::Bytes;
use counterfoil_proto::Revision;

use super::{ApplyContext, Cause, Decoder, Reading};
use crate::{
    plan::{Action, ActionKind, Spec},
    rpc::Method,
};

use Revision::{Head, V0_51, V0_54, V0_55, V0_56, V0_57, V0_60, V0_64, V0_73};

/// A message and the verdict that it must get.
#[derive(Clone, Debug)]
pub struct Vector {
    /// Its name, which stays the same for ever.
    pub name: &'static str,
    /// What it shows.
    pub about: &'static str,
    /// The full name of the message.
    pub message: String,
    /// The contract by which it is read.
    pub revision: Revision,
    /// The actions that an `ApplyResponse` answers.
    pub planned: Vec<Action>,
    /// The message itself.
    pub bytes: Bytes,
    /// Every cause for which it must be refused, in the order of the rules; none where it must be accepted.
    pub expected: Vec<Cause>,
}

impl Vector {
    /// What a decoder makes of it, read as the typed message that it is, where the decoder knows it as one.
    pub fn read_by(&self, decoder: &dyn Decoder) -> Reading<()> {
        let context = ApplyContext { revision: self.revision, planned: &self.planned };
        match Method::ALL.into_iter().find(|method| method.response() == self.message) {
            Some(Method::Apply) => decoder.apply_response(&self.bytes, &context).map(drop),
            Some(method @ (Method::Create | Method::Read | Method::Update)) => {
                decoder.output(method, &self.bytes, self.revision).map(drop)
            }
            Some(Method::Finalize) => decoder.finalize(&self.bytes, self.revision).map(drop),
            _ => decoder.message(&self.message, &self.bytes, self.revision),
        }
    }
}

/// Every vector, the accepted ones first.
pub fn vectors() -> Vec<Vector> {
    let groups = [accepted(), results(), accounting(), statements(), json(), enums(), wire(), texts()];
    groups.into_iter().flatten().collect()
}

/// A message in the making.
#[derive(Clone, Default)]
struct Wire(Vec<u8>);

/// An empty message.
fn empty() -> Wire {
    Wire::default()
}

impl Wire {
    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn varint(mut self, mut value: u64) -> Self {
        while value >= 0x80 {
            self.0.push(0x80 | value.to_le_bytes()[0]);
            value >>= 7;
        }
        self.0.push(value.to_le_bytes()[0]);
        self
    }

    /// A field that holds a number.
    fn number(self, field: u64, value: i64) -> Self {
        self.varint(field << 3).varint(value.cast_unsigned())
    }

    /// A field that holds a text, bytes or a message.
    fn field(self, field: u64, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        self.varint(field << 3 | 2).varint(value.len() as u64).raw(value)
    }
}

impl AsRef<[u8]> for Wire {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// An outcome as encoders write it: fields by number, what is zero or empty left out.
fn outcome(action_index: i64, status: i64, error: &str) -> Wire {
    let mut outcome = empty();
    if action_index != 0 {
        outcome = outcome.number(1, action_index);
    }
    if status != 0 {
        outcome = outcome.number(2, status);
    }
    if error.is_empty() { outcome } else { outcome.field(3, error) }
}

/// A success of each of these actions, in this order.
fn successes(indices: &[i64]) -> Wire {
    result(indices.iter().map(|index| outcome(*index, 1, "")))
}

/// An `ApplyResult` of outcomes.
fn result(outcomes: impl IntoIterator<Item = Wire>) -> Wire {
    outcomes.into_iter().fold(empty(), |result, outcome| result.field(7, outcome))
}

/// An `ApplyResult` of one resource.
fn resource(output: Wire) -> Wire {
    empty().field(2, output)
}

/// The `ApplyResponse` around a result.
fn response(result: impl AsRef<[u8]>) -> Wire {
    empty().field(1, result)
}

/// Actions by their initials: create, update, replace, delete.
fn plan(initials: &str) -> Vec<Action> {
    let action = |(at, initial)| Action {
        kind: match initial {
            'c' => ActionKind::Create,
            'u' => ActionKind::Update,
            'r' => ActionKind::Replace,
            _ => ActionKind::Delete,
        },
        spec: Spec { name: format!("r{at}"), resource_type: "infra.vpc".to_owned(), ..Spec::default() },
        current: None,
        changes: Vec::new(),
    };
    initials.chars().enumerate().map(action).collect()
}

/// A reply to a plan.
fn apply(
    name: &'static str,
    about: &'static str,
    revision: Revision,
    planned: &str,
    bytes: Wire,
    expected: &[Cause],
) -> Vector {
    Vector { planned: plan(planned), ..iac(name, about, revision, "ApplyResponse", bytes, expected) }
}

/// Any message of the infrastructure package.
fn iac(
    name: &'static str,
    about: &'static str,
    revision: Revision,
    message: &str,
    bytes: Wire,
    expected: &[Cause],
) -> Vector {
    Vector {
        name,
        about,
        message: format!("workflow.plugin.external.iac.{message}"),
        revision,
        planned: Vec::new(),
        bytes: bytes.0.into(),
        expected: expected.to_vec(),
    }
}

fn accepted() -> Vec<Vector> {
    let mixed = || result([outcome(0, 1, ""), outcome(1, 2, "quota exceeded"), outcome(2, 3, "in use")]);
    vec![
        apply("accepted-mixed", "success, error and a failed delete", V0_54, "cud", response(mixed()), &[]),
        apply("accepted-nothing", "an empty plan has an empty result", V0_54, "", response(empty()), &[]),
        apply("accepted-none-at-0.51", "at 0.51 there are no outcomes", V0_51, "c", response(empty()), &[]),
        apply(
            "accepted-unknown-at-0.51",
            "at 0.51 outcomes are an unknown field, whatever they say",
            V0_51,
            "c",
            response(result([outcome(7, 9, "")])),
            &[],
        ),
        apply(
            "accepted-late-statuses",
            "compensated, compensation failed and skipped, from 0.56 on",
            V0_56,
            "ccc",
            response(result([
                outcome(0, 4, "undone"),
                outcome(1, 5, "unclear"),
                outcome(2, 6, "not started"),
            ])),
            &[],
        ),
        apply(
            "accepted-after-removal",
            "from 0.57 on there is no such reply; it is read as 0.56 does",
            V0_57,
            "c",
            response(result([outcome(0, 6, "not started")])),
            &[],
        ),
        apply(
            "accepted-everything",
            "each field of a result",
            V0_56,
            "r",
            response(
                empty()
                    .field(1, "plan-1")
                    .field(
                        2,
                        empty()
                            .field(1, "db")
                            .field(2, "infra.database")
                            .field(3, "d-1")
                            .field(4, r#"{"port":5432}"#)
                            .field(5, empty().field(1, "password").number(2, 1))
                            .field(6, "active"),
                    )
                    .field(3, empty().field(1, "db").field(2, "replace").field(3, "slow"))
                    .field(4, empty().field(1, "REGION").field(2, "1f"))
                    .field(5, empty().field(1, "REGION").field(2, "1f").field(3, "2e"))
                    .field(6, empty().field(1, "db").field(2, "d-1"))
                    .field(7, outcome(0, 2, "slow")),
            ),
            &[],
        ),
        apply(
            "accepted-unknown-fields",
            "unknown fields of every wire type are reported, not refused",
            V0_56,
            "c",
            response(
                successes(&[0])
                    .number(15, 1)
                    .field(16, "x")
                    .raw(b"\x89\x01........\x95\x01....")
                    .raw(b"\x9b\x01\x08\x01\x0b\x0c\x9c\x01"),
            )
            .number(2, 0),
            &[],
        ),
        apply(
            "accepted-any-order",
            "fields may stand in any order",
            V0_56,
            "cc",
            response(result([outcome(0, 1, ""), empty().field(3, "slow").number(2, 2).number(1, 1)])),
            &[],
        ),
        apply(
            "accepted-last-value",
            "of a field that stands twice the last value counts",
            V0_56,
            "c",
            response(result([empty().number(2, 9).field(3, "x").number(2, 1).field(3, "")])),
            &[],
        ),
        apply(
            "accepted-two-results",
            "a result that stands twice is the sum of both",
            V0_56,
            "cc",
            response(successes(&[0])).raw(response(successes(&[1])).as_ref()),
            &[],
        ),
        apply(
            "accepted-explicit-zeros",
            "zeros and empty texts may be written",
            V0_56,
            "c",
            response(result([empty().number(1, 0).number(2, 1).field(3, "")])),
            &[],
        ),
        apply(
            "accepted-long-varints",
            "a varint may be longer than it has to be, up to ten bytes",
            V0_56,
            "c",
            response(result([empty().raw(b"\x90\x00\x81\x80\x80\x80\x80\x80\x80\x80\x80\x00")])),
            &[],
        ),
        apply(
            "accepted-wide-number",
            "what is beyond 32 bits of an index or a status is cut off",
            V0_56,
            "c",
            response(result([empty().number(1, 1 << 32).number(2, 1 << 40 | 1)])),
            &[],
        ),
        iac("accepted-no-output", "an absent output", V0_57, "ResourceReadResponse", empty(), &[]),
        iac(
            "accepted-nil-outputs",
            "the JSON null, with space around it, is the nil map",
            V0_57,
            "ResourceCreateResponse",
            empty().field(1, empty().field(1, "db").field(4, " null\n")),
            &[],
        ),
        iac(
            "accepted-replaced-json",
            "malformed JSON that a later value replaces, also in a second part of the output",
            V0_57,
            "ResourceUpdateResponse",
            empty().field(1, empty().field(4, "{").field(1, "db")).field(1, empty().field(4, "{}")),
            &[],
        ),
        iac(
            "accepted-json-text",
            "a JSON string that is not UTF-8, and half a surrogate pair: the host replaces both",
            V0_57,
            "ResourceCreateResponse",
            empty().field(1, empty().field(4, b"{\"a\":\"\xff\",\"b\":\"\\ud800\",\"a\":2}")),
            &[],
        ),
        iac(
            "accepted-any-json",
            "the values of a change may be of any kind",
            V0_57,
            "ResourceDiffResponse",
            empty().field(1, empty().field(3, empty().field(2, "3").field(3, "[1,\"x\"]"))),
            &[],
        ),
        iac(
            "accepted-state-null",
            "a state backend writes null for the nil map",
            V0_57,
            "GetStateResponse",
            empty().field(1, empty().field(8, "null").field(9, "{}")).number(2, 1),
            &[],
        ),
        iac(
            "accepted-packed",
            "repeated enums side by side and one by one",
            V0_64,
            "DiscoverRequirementsResponse",
            empty().field(1, empty().field(6, b"\x01\x02").number(6, 5).field(7, b"")),
            &[],
        ),
        iac(
            "accepted-negative",
            "a negative number takes ten bytes",
            V0_73,
            "JobStatusReply",
            empty().number(2, 4).number(3, -1),
            &[],
        ),
        iac(
            "accepted-finalize",
            "errors of a finalizer",
            V0_55,
            "FinalizeApplyResponse",
            empty().field(1, empty().field(1, "db").field(2, "update").field(3, "lost")),
            &[],
        ),
    ]
}

fn results() -> Vec<Vector> {
    let absent = &[Cause::ResultAbsent];
    vec![
        apply("result-absent", "no bytes at all", V0_51, "", empty(), absent),
        apply(
            "result-absent-unknown",
            "an unknown field and no result",
            V0_56,
            "c",
            empty().number(2, 1),
            absent,
        ),
    ]
}

fn accounting() -> Vec<Vector> {
    use Cause::{DuplicateIndex, IndexOrder, IndexOutOfRange, NoOutcomes, TooFewOutcomes, TooManyOutcomes};
    let none =
        |name, about, planned, result| apply(name, about, V0_54, planned, response(result), &[NoOutcomes]);
    let of = |name, about, planned, indexes: &[i64], causes: &[Cause]| {
        apply(name, about, V0_54, planned, response(successes(indexes)), causes)
    };
    vec![
        none("none", "an empty result", "cc", empty()),
        none("none-but-resources", "resources are no outcomes", "c", resource(empty().field(1, "db"))),
        of("too-few-last", "the last one is missing", "ccc", &[0, 1], &[TooFewOutcomes]),
        of("too-few-first", "the first one is missing", "ccc", &[1, 2], &[TooFewOutcomes]),
        of("too-many-beyond", "one beyond the plan", "cc", &[0, 1, 2], &[TooManyOutcomes, IndexOutOfRange]),
        of("too-many-again", "one of them again", "ccc", &[0, 1, 1, 2], &[TooManyOutcomes, DuplicateIndex]),
        of("too-many-for-nothing", "an empty plan has none", "", &[0], &[TooManyOutcomes, IndexOutOfRange]),
        of("duplicate-first", "0 in place of 1", "ccc", &[0, 0, 2], &[DuplicateIndex]),
        of("duplicate-second", "2 in place of 1", "ccc", &[0, 2, 2], &[DuplicateIndex]),
        of("duplicate-last", "2 in place of 0", "ccc", &[2, 1, 2], &[DuplicateIndex, IndexOrder]),
        of("out-of-range", "9 in place of 1", "cc", &[0, 9], &[IndexOutOfRange]),
        of("out-of-range-by-one", "2 in place of 0", "cc", &[2, 1], &[IndexOutOfRange]),
        of("out-of-range-negative", "-1 in place of 0", "cc", &[-1, 1], &[IndexOutOfRange]),
        of("order-swapped", "two of two", "cc", &[1, 0], &[IndexOrder]),
        of("order-moved", "the last one first", "ccc", &[2, 0, 1], &[IndexOrder]),
        of(
            "fewer-and-duplicate",
            "two faults: one is missing, and 0 stands in place of another",
            "cccc",
            &[0, 0, 3],
            &[TooFewOutcomes, DuplicateIndex],
        ),
        of(
            "more-again-and-back",
            "three faults: one too many, which is there again, and out of order",
            "cc",
            &[1, 0, 1],
            &[TooManyOutcomes, DuplicateIndex, IndexOrder],
        ),
        of("duplicate-and-back", "2 first, then 0 twice", "ccc", &[2, 0, 0], &[DuplicateIndex, IndexOrder]),
        of("out-of-range-twice", "9 twice, which is no duplicate", "ccc", &[0, 9, 9], &[IndexOutOfRange]),
        of("order-around-9", "0 after 1, with 9 between", "ccc", &[1, 9, 0], &[IndexOutOfRange, IndexOrder]),
        apply(
            "duplicate-failed-delete",
            "a failed delete of a create, said twice",
            V0_54,
            "cc",
            response(result([outcome(0, 3, "x"), outcome(0, 3, "x")])),
            &[DuplicateIndex, Cause::DeleteFailedOnOther],
        ),
    ]
}

fn statements() -> Vec<Vector> {
    let of = |name, about, revision, planned, outcome, cause| {
        apply(name, about, revision, planned, response(result([outcome])), &[cause])
    };
    let unknown = Cause::StatusUnknown;
    vec![
        of("status-absent", "no status", V0_54, "c", outcome(0, 0, ""), Cause::StatusUnspecified),
        of(
            "status-zero",
            "0, beside an error",
            V0_56,
            "c",
            empty().number(2, 0).field(3, "x"),
            Cause::StatusUnspecified,
        ),
        of("status-4-at-0.54", "before 0.56", V0_54, "c", outcome(0, 4, "x"), unknown),
        of("status-5-at-0.54", "before 0.56", V0_54, "c", outcome(0, 5, "x"), unknown),
        of("status-6-at-0.55", "before 0.56", V0_55, "c", outcome(0, 6, "x"), unknown),
        of("status-7", "no status of any revision", V0_56, "c", outcome(0, 7, "x"), unknown),
        of("status-99", "no status of any revision", V0_54, "c", outcome(0, 99, ""), unknown),
        of("status-negative", "-1, in ten bytes", V0_56, "c", outcome(0, -1, "x"), unknown),
        of(
            "error-on-success",
            "a text beside success",
            V0_54,
            "c",
            outcome(0, 1, "x"),
            Cause::ErrorOnSuccess,
        ),
        of("error-on-success-delete", "of a delete", V0_56, "d", outcome(0, 1, "x"), Cause::ErrorOnSuccess),
        of("no-error", "an error without a text", V0_54, "c", outcome(0, 2, ""), Cause::FailureWithoutError),
        of(
            "no-error-delete",
            "a failed delete without",
            V0_54,
            "d",
            outcome(0, 3, ""),
            Cause::FailureWithoutError,
        ),
        of("no-error-skipped", "skipped without", V0_56, "c", outcome(0, 6, ""), Cause::FailureWithoutError),
        of("delete-failed-create", "of a create", V0_54, "c", outcome(0, 3, "x"), Cause::DeleteFailedOnOther),
        of(
            "delete-failed-replace",
            "of a replace",
            V0_56,
            "r",
            outcome(0, 3, "x"),
            Cause::DeleteFailedOnOther,
        ),
    ]
}

fn json() -> Vec<Vector> {
    let output = |json: &[u8]| empty().field(1, "db").field(4, json);
    let created = |name, about, json: &str, cause| {
        let bytes = empty().field(1, output(json.as_bytes()));
        iac(name, about, V0_57, "ResourceCreateResponse", bytes, &[cause])
    };
    let malformed = &[Cause::JsonMalformed];
    let current =
        |field, json: &str| empty().field(1, empty().field(2, empty().field(3, empty().field(field, json))));
    vec![
        created("json-cut", "an object without its end", "{\"a\":1", Cause::JsonMalformed),
        created("json-space", "nothing but space", " ", Cause::JsonMalformed),
        created("json-word", "no JSON", "nil", Cause::JsonMalformed),
        created("json-range", "a number beyond a 64-bit float", "{\"a\":1e999}", Cause::JsonMalformed),
        created("json-array", "an array", "[]", Cause::JsonNotObject),
        created("json-string", "a string", "\"{}\"", Cause::JsonNotObject),
        created("json-false", "false, which is not null", "false", Cause::JsonNotObject),
        created("json-trailing", "a second object", "{} {}", Cause::JsonTrailing),
        created("json-trailing-null", "a byte after null", "null}", Cause::JsonTrailing),
        apply(
            "json-in-result",
            "outputs of a result, at 0.51 too",
            V0_51,
            "c",
            response(resource(output(b"{\"a\""))),
            malformed,
        ),
        iac(
            "json-in-change",
            "a change takes any JSON, but JSON it must be",
            V0_57,
            "ResourceDiffResponse",
            empty().field(1, empty().field(3, empty().field(2, "1").field(3, "1,"))),
            &[Cause::JsonTrailing],
        ),
        iac("json-in-state", "deep in a plan", V0_57, "PlanResponse", current(8, "{]"), malformed),
        iac(
            "json-in-map",
            "in a message that is a value of a map",
            V0_57,
            "DetectDriftConfigRequest",
            empty().field(2, empty().field(1, "db").field(2, empty().field(3, "7"))),
            &[Cause::JsonNotObject],
        ),
        iac("json-config", "of a request", Head, "InitializeRequest", empty().field(1, "region"), malformed),
        iac(
            "json-parameters",
            "never read by the host",
            V0_64,
            "IaCRequirement",
            empty().field(11, "{"),
            malformed,
        ),
    ]
}

fn enums() -> Vec<Vector> {
    let unknown = &[Cause::EnumUnknown];
    let kind = |name, revision, expected: &[Cause]| Vector {
        message: "workflow.plugin.v1.ContractRegistry".to_owned(),
        ..iac(
            name,
            "a kind that came with 0.64",
            revision,
            "",
            empty().field(1, empty().number(1, 5)),
            expected,
        )
    };
    vec![
        iac(
            "enum-drift",
            "no drift class",
            V0_54,
            "DetectDriftResponse",
            empty().field(1, empty().number(4, 4)),
            unknown,
        ),
        iac(
            "enum-severity",
            "a negative one",
            V0_57,
            "ValidatePlanResponse",
            empty().field(1, empty().number(1, -2)),
            unknown,
        ),
        iac(
            "enum-packed",
            "the second of three",
            V0_64,
            "IaCRequirement",
            empty().field(6, b"\x01\x06\x02"),
            unknown,
        ),
        kind("enum-kind-at-0.60", V0_60, unknown),
        kind("enum-kind-at-0.64", V0_64, &[]),
    ]
}

fn wire() -> Vec<Vector> {
    let cut = &[Cause::CutShort];
    let of = |name, about, bytes: &[u8]| apply(name, about, V0_56, "c", empty().raw(bytes), cut);
    let inner = |name, about, bytes: &[u8]| {
        let result = result([empty().number(2, 1).raw(bytes)]);
        apply(name, about, V0_56, "c", response(result), cut)
    };
    vec![
        of("cut-tag", "the message ends within a tag", b"\x8a"),
        of("cut-length", "it ends where a length is due", b"\x0a"),
        of("cut-value", "it ends before the length says", b"\x0a\x05\x3a\x02\x10\x01"),
        of("cut-fixed", "it ends within a fixed number", b"\x11\x00\x00\x00"),
        of("cut-unknown", "it ends within an unknown field", b"\x0a\x04\x3a\x02\x10\x01\x7a\x7f."),
        inner("cut-inside", "a text reaches beyond its outcome", b"\x1a\x40x"),
        inner("cut-varint-inside", "a varint reaches beyond its outcome", b"\x08\x80"),
        of("wire-varint-long", "a varint of eleven bytes", b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"),
        inner(
            "wire-varint-wide",
            "a varint of more than 64 bits",
            b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
        ),
        of("wire-length-huge", "a length of 64 bits", b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
        inner("wire-number-0", "there is no field number 0", b"\x02\x00"),
        inner("wire-number-high", "nor one of 30 bits", b"\x80\x80\x80\x80\x10\x00"),
        inner("wire-type-6", "there is no wire type 6", b"\x0e"),
        inner("wire-type-7", "nor a wire type 7", b"\x0f"),
        inner("wire-group-open", "a group without its end", b"\x7b\x08\x01"),
        inner("wire-group-other", "a group with the end of another one", b"\x7b\x84\x01"),
        inner("wire-group-end", "the end of a group that was not begun", b"\x7c"),
        inner("wire-status-text", "a status as text", b"\x12\x01\x01"),
        inner("wire-error-number", "an error as a number", b"\x18\x01"),
        inner("wire-index-fixed", "an index as four fixed bytes", b"\x0d\x00\x00\x00\x00"),
        inner("wire-index-packed", "an index as a list", b"\x0a\x01\x00"),
        apply(
            "wire-status-fixed",
            "a status as four fixed bytes, which is no missing status",
            V0_56,
            "c",
            response(result([empty().raw(b"\x15\x01\x00\x00\x00")])),
            cut,
        ),
        iac(
            "wire-packed-cut",
            "a list of numbers that ends within one",
            V0_64,
            "IaCRequirement",
            empty().field(6, b"\x01\x80"),
            cut,
        ),
        iac(
            "wire-map-number",
            "a map as a number",
            V0_57,
            "ResourceReadResponse",
            empty().field(1, empty().number(5, 0)),
            cut,
        ),
    ]
}

fn texts() -> Vec<Vector> {
    let not_utf8 = &[Cause::TextNotUtf8];
    let entry = empty().field(1, b"pass\xffword").number(2, 1);
    vec![
        apply("text-plan", "the plan's id", V0_56, "", response(empty().field(1, b"p\xc3")), not_utf8),
        apply(
            "text-error",
            "an error; that there is one counts",
            V0_54,
            "c",
            response(result([outcome(0, 2, "").field(3, b"\xed\xa0\x80")])),
            not_utf8,
        ),
        iac(
            "text-key",
            "a key of a map",
            V0_57,
            "ResourceReadResponse",
            empty().field(1, empty().field(5, entry)),
            not_utf8,
        ),
        iac(
            "text-list",
            "one of a list",
            V0_57,
            "SensitiveKeysResponse",
            empty().field(1, "a").field(1, b"\x80"),
            not_utf8,
        ),
        apply(
            "many-faults",
            "every fault is found, not the first one only",
            V0_54,
            "cc",
            response(
                result([outcome(0, 0, ""), outcome(0, 1, "x")])
                    .field(1, b"\xff")
                    .field(2, empty().field(4, "["))
                    .field(2, empty().field(4, "[]")),
            ),
            &[
                Cause::StatusUnspecified,
                Cause::DuplicateIndex,
                Cause::ErrorOnSuccess,
                Cause::JsonMalformed,
                Cause::JsonNotObject,
                Cause::TextNotUtf8,
            ],
        ),
    ]
}
