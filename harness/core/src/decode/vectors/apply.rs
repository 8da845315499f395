//! The reply of `Apply`, but for its outcomes: the result itself, its other fields, and the wire.

use counterfoil_proto::Revision::V0_54;

use super::{
    Vector, Wire,
    hand::{empty, error},
    iac,
    outcomes::{outcome, result, successes},
};
use crate::{
    decode::Cause,
    plan::{Action, ActionKind, Spec},
};

pub(super) fn vectors() -> Vec<Vector> {
    let groups = [accepted(), forms(), parts(), results(), json(), texts(), cut(), wire(), many()];
    groups.into_iter().flatten().collect()
}

/// A reply to a plan, which gets the same verdict with outcomes and without.
pub(super) fn apply(
    name: &'static str,
    about: &'static str,
    planned: &str,
    bytes: Wire,
    expected: &[Cause],
) -> Vector {
    Vector { planned: plan(planned), ..iac(name, about, "ApplyResponse", bytes, expected) }
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

/// The `ApplyResponse` around a result.
pub(super) fn response(result: impl AsRef<[u8]>) -> Wire {
    empty().field(1, result)
}

/// An `ApplyResult` of one resource.
pub(super) fn resource(output: Wire) -> Wire {
    empty().field(2, output)
}

/// A reply to one create, with bytes behind the status of its outcome, which is judged from 0.54 on.
fn inner(name: &'static str, about: &'static str, bytes: &[u8], expected: &[Cause]) -> Vector {
    let result = result([empty().number(2, 1).raw(bytes)]);
    apply(name, about, "c", response(result), &[]).since(V0_54, expected)
}

/// A reply to one create whose bytes are no protobuf of its kind, at whatever revision.
fn cut_short(name: &'static str, about: &'static str, bytes: &[u8]) -> Vector {
    apply(name, about, "c", empty().raw(bytes), &[Cause::CutShort])
}

/// The same of bytes behind the status of its outcome.
fn cut_inside(name: &'static str, about: &'static str, bytes: &[u8]) -> Vector {
    inner(name, about, bytes, &[Cause::CutShort])
}

fn accepted() -> Vec<Vector> {
    vec![
        apply("accepted-nothing", "an empty plan has an empty result", "", response(empty()), &[]),
        apply(
            "accepted-everything",
            "each field of a result",
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
                    .field(3, error("db", "replace", "slow"))
                    .field(4, empty().field(1, "REGION").field(2, "1f"))
                    .field(5, empty().field(1, "REGION").field(2, "1f").field(3, "2e"))
                    .field(6, empty().field(1, "db").field(2, "d-1"))
                    .field(7, outcome(0, 2, "slow")),
            ),
            &[],
        ),
        apply(
            "accepted-everything-empty",
            "each field of a result, with nothing in it",
            "c",
            response(
                (1..=6).fold(empty(), |result, field| result.field(field, "")).field(7, outcome(0, 1, "")),
            ),
            &[],
        ),
        apply(
            "accepted-map-again",
            "a key of a map twice, and an entry without a value: the last entry counts",
            "",
            response(
                empty()
                    .field(4, empty().field(1, "REGION").field(2, "1f"))
                    .field(4, empty().field(2, "2e").field(1, "REGION"))
                    .field(6, empty().field(1, "db")),
            ),
            &[],
        ),
        apply(
            "accepted-unknown-fields",
            "unknown fields of every wire type are reported, not refused",
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
            "accepted-unknown-text",
            "what is unknown need not be UTF-8, nor a message in itself",
            "c",
            response(successes(&[0]).field(16, b"\xff\x0a")),
            &[],
        ),
        apply(
            "accepted-unknown-group",
            "an unknown group in one of the same number",
            "c",
            response(successes(&[0])).group(15, empty().group(15, empty().number(1, 1))),
            &[],
        ),
        apply(
            "accepted-highest-number",
            "the highest field number there is",
            "c",
            response(successes(&[0])).raw(b"\xf8\xff\xff\xff\x0f\x00"),
            &[],
        ),
    ]
}

/// One message, written in ways that no encoder takes.
fn forms() -> Vec<Vector> {
    let of = |name, about, planned, result| apply(name, about, planned, response(result), &[]);
    vec![
        of(
            "accepted-any-order",
            "fields may stand in any order",
            "cc",
            result([outcome(0, 1, ""), empty().field(3, "slow").number(2, 2).number(1, 1)]),
        ),
        of(
            "accepted-interleaved",
            "other fields may stand between the entries of a list",
            "cc",
            successes(&[0]).field(1, "plan-1").raw(successes(&[1]).as_ref()),
        ),
        of(
            "accepted-last-value",
            "of a field that stands twice the last value counts",
            "c",
            result([empty().number(2, 9).field(3, "x").number(2, 1).field(3, "")]),
        ),
        of(
            "accepted-explicit-zeros",
            "zeros and empty texts may be written",
            "c",
            result([empty().number(1, 0).number(2, 1).field(3, "")]),
        ),
        of(
            "accepted-long-varints",
            "a varint may be longer than it has to be, up to ten bytes",
            "c",
            result([empty().raw(b"\x90\x00\x81\x80\x80\x80\x80\x80\x80\x80\x80\x00")]),
        ),
        of(
            "accepted-long-lengths",
            "a length may be, too",
            "c",
            empty().raw(b"\x3a\x87\x80\x80\x00\x10\x02\x1a\x82\x00no"),
        ),
        of(
            "accepted-wide-number",
            "what is beyond 32 bits of an index or a status is cut off",
            "c",
            result([empty().number(1, 1 << 32).number(2, 1 << 40 | 1)]),
        ),
        of(
            "accepted-wide-negative",
            "of a negative number too",
            "c",
            result([empty().number(1, -1 << 32).number(2, -1 << 32 | 1)]),
        ),
    ]
}

/// Results that stand more than once.
fn parts() -> Vec<Vector> {
    use Cause::{CutShort, DuplicateIndex, IndexOrder, TooFewOutcomes};
    let of = |name, about, planned, first: Wire, second: Wire| {
        apply(name, about, planned, response(first).raw(response(second).as_ref()), &[])
    };
    let two = |indexes: [i64; 2]| indexes.map(|index| successes(&[index]));
    let [first, second] = two([0, 1]);
    let [zero, again] = two([0, 0]);
    let [one, back] = two([1, 0]);
    vec![
        of("accepted-two-results", "a result that stands twice is the sum of both", "cc", first, second),
        of("accepted-then-empty", "an empty second part takes nothing away", "c", successes(&[0]), empty()),
        of("parts-too-few", "two parts, and together one too few", "ccc", successes(&[0]), successes(&[1]))
            .since(V0_54, &[TooFewOutcomes]),
        of("parts-duplicate", "the same action in both parts", "cc", zero, again)
            .since(V0_54, &[DuplicateIndex]),
        of("parts-order", "the later action in the first part", "cc", one, back).since(V0_54, &[IndexOrder]),
        apply(
            "parts-cut",
            "the second part is cut short, the first one whole",
            "c",
            response(successes(&[0])).raw(b"\x0a\x02\x3a\x05"),
            &[CutShort],
        ),
    ]
}

fn results() -> Vec<Vector> {
    let absent = &[Cause::ResultAbsent];
    vec![
        apply("result-absent", "no bytes at all", "", empty(), absent),
        apply("result-absent-unknown", "an unknown field and no result", "c", empty().number(2, 1), absent),
    ]
}

fn json() -> Vec<Vector> {
    let of = |name, about, json: &str, cause| {
        let output = empty().field(1, "db").field(4, json);
        let result = resource(output).raw(successes(&[0]).as_ref());
        apply(name, about, "c", response(result), &[cause])
    };
    vec![
        of("json-in-result", "outputs of a result", "{\"a\"", Cause::JsonMalformed),
        of("json-in-result-text", "a string in place of outputs", "\"\"", Cause::JsonNotObject),
        of("json-in-result-trailing", "a bracket too many", "{}}", Cause::JsonTrailing),
    ]
}

fn texts() -> Vec<Vector> {
    let of = |name, about, result| apply(name, about, "", response(result), &[Cause::TextNotUtf8]);
    vec![
        of("text-plan", "the plan's id, cut within a letter", empty().field(1, b"p\xc3")),
        of("text-resource", "the name of a resource, as Latin-1", resource(empty().field(1, b"k\xfcche"))),
        of(
            "text-error-list",
            "an error in the list of errors, with a zero byte of two bytes",
            empty().field(3, error("db", "create", b"\xc0\x80")),
        ),
        of(
            "text-snapshot-key",
            "a key of a map, with a letter beyond the last one there is",
            empty().field(4, empty().field(1, b"\xf4\x90\x80\x80").field(2, "1f")),
        ),
        of(
            "text-replaced",
            "a text that a later one replaces has to be UTF-8 all the same",
            empty().field(1, b"\xff").field(1, "plan-1"),
        ),
        apply(
            "text-error",
            "the error of an outcome, with half a surrogate pair; that there is one counts",
            "c",
            response(result([outcome(0, 2, "").field(3, b"\xed\xa0\x80")])),
            &[],
        )
        .since(V0_54, &[Cause::TextNotUtf8]),
    ]
}

/// Replies that end too early.
fn cut() -> Vec<Vector> {
    vec![
        cut_short("cut-tag", "the message ends within a tag", b"\x8a"),
        cut_short("cut-length", "it ends where a length is due", b"\x0a"),
        cut_short("cut-value", "it ends before the length says", b"\x0a\x05\x3a\x02\x10\x01"),
        cut_short("cut-fixed", "it ends within a fixed number", b"\x11\x00\x00\x00"),
        cut_short("cut-unknown", "it ends within an unknown field", b"\x0a\x04\x3a\x02\x10\x01\x7a\x7f."),
        cut_short(
            "cut-second",
            "a second outcome reaches beyond the result",
            b"\x0a\x07\x3a\x02\x10\x01\x3a\x05\x10",
        ),
        cut_inside("cut-inside", "a text reaches beyond its outcome", b"\x1a\x40x"),
        cut_inside("cut-varint-inside", "a varint reaches beyond its outcome", b"\x08\x80"),
    ]
}

/// Replies that are no protobuf, or hold values in the layout of another type.
fn wire() -> Vec<Vector> {
    vec![
        cut_short(
            "wire-varint-long",
            "a varint of eleven bytes",
            b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00",
        ),
        cut_inside(
            "wire-varint-wide",
            "a varint of more than 64 bits",
            b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
        ),
        cut_short("wire-length-huge", "a length of 64 bits", b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
        cut_short(
            "wire-tag-wide",
            "a tag of 33 bits, of which 32 are that of a result",
            b"\x8a\x80\x80\x80\x10\x00",
        ),
        cut_short("wire-result-number", "a result as a number", b"\x08\x01"),
        cut_short("wire-result-group", "a result as a group", b"\x0b\x3b\x10\x01\x3c\x0c"),
        cut_inside("wire-number-0", "there is no field number 0", b"\x02\x00"),
        cut_inside("wire-number-high", "nor one of 30 bits", b"\x80\x80\x80\x80\x10\x00"),
        cut_inside("wire-type-6", "there is no wire type 6", b"\x0e"),
        cut_inside("wire-type-7", "nor a wire type 7", b"\x0f"),
        cut_inside("wire-group-open", "a group without its end", b"\x7b\x08\x01"),
        cut_inside("wire-group-other", "a group with the end of another one", b"\x7b\x84\x01"),
        cut_inside("wire-group-crossed", "two groups that cross", b"\x7b\x83\x01\x7c\x84\x01"),
        cut_inside("wire-group-end", "the end of a group that was not begun", b"\x7c"),
        cut_inside("wire-status-text", "a status as text", b"\x12\x01\x01"),
        cut_inside("wire-error-number", "an error as a number", b"\x18\x01"),
        cut_inside("wire-index-fixed", "an index as four fixed bytes", b"\x0d\x00\x00\x00\x00"),
        cut_inside("wire-index-packed", "an index as a list", b"\x0a\x01\x00"),
        apply(
            "wire-status-fixed",
            "a status as four fixed bytes, which is no missing status",
            "c",
            response(result([empty().raw(b"\x15\x01\x00\x00\x00")])),
            &[],
        )
        .since(V0_54, &[Cause::CutShort]),
        apply(
            "wire-map-value",
            "a value of a map as a number",
            "",
            response(empty().field(4, empty().field(1, "REGION").number(2, 31))),
            &[Cause::CutShort],
        ),
    ]
}

fn many() -> Vec<Vector> {
    use Cause::{
        CutShort, DuplicateIndex, ErrorOnSuccess, JsonMalformed, JsonNotObject, StatusUnspecified,
        TextNotUtf8,
    };
    vec![
        apply(
            "many-faults",
            "every fault is found, not the first one only",
            "cc",
            response(
                result([outcome(0, 0, ""), outcome(0, 1, "x")])
                    .field(1, b"\xff")
                    .field(2, empty().field(4, "["))
                    .field(2, empty().field(4, "[]")),
            ),
            &[JsonMalformed, JsonNotObject, TextNotUtf8],
        )
        .since(
            V0_54,
            &[StatusUnspecified, DuplicateIndex, ErrorOnSuccess, JsonMalformed, JsonNotObject, TextNotUtf8],
        ),
        apply(
            "many-and-cut",
            "what stands before the cut is judged, and nothing is said of what it lacks",
            "ccc",
            response(result([outcome(0, 0, "")])).raw(b"\x0a\x05\x3a"),
            &[CutShort],
        )
        .since(V0_54, &[StatusUnspecified, CutShort]),
    ]
}
