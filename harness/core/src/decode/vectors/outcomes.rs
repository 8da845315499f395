//! The outcomes in a reply of `Apply`: whether they add up to the plan, and what each says.
//!
//! There are outcomes from 0.54 on; before, they are an unknown field, whatever they say.

use counterfoil_proto::Revision::{V0_54, V0_56};

use super::{
    Vector, Wire,
    apply::{apply, resource, response},
    hand::{empty, error},
};
use crate::decode::Cause;

pub(super) fn vectors() -> Vec<Vector> {
    [accepted(), none(), accounting(), statuses(), texts(), failed_deletes()].into_iter().flatten().collect()
}

/// An outcome as encoders write it: fields by number, what is zero or empty left out.
pub(super) fn outcome(action_index: i64, status: i64, error: &str) -> Wire {
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
pub(super) fn successes(indexes: &[i64]) -> Wire {
    result(indexes.iter().map(|index| outcome(*index, 1, "")))
}

/// An `ApplyResult` of outcomes.
pub(super) fn result(outcomes: impl IntoIterator<Item = Wire>) -> Wire {
    outcomes.into_iter().fold(empty(), |result, outcome| result.field(7, outcome))
}

/// A reply of these outcomes, which is judged from 0.54 on.
fn outcomes(
    name: &'static str,
    about: &'static str,
    planned: &str,
    outcomes: impl IntoIterator<Item = Wire>,
    expected: &[Cause],
) -> Vector {
    apply(name, about, planned, response(result(outcomes)), &[]).since(V0_54, expected)
}

fn accepted() -> Vec<Vector> {
    let mixed = [outcome(0, 1, ""), outcome(1, 2, "quota exceeded"), outcome(2, 3, "in use")];
    let late = [outcome(0, 4, "undone"), outcome(1, 5, "unclear"), outcome(2, 6, "not started")];
    vec![
        apply("accepted-mixed", "success, error and a failed delete", "cud", response(result(mixed)), &[]),
        outcomes(
            "accepted-late-statuses",
            "compensated, compensation failed and skipped, from 0.56 on",
            "ccc",
            late,
            &[Cause::StatusUnknown],
        )
        .since(V0_56, &[]),
        apply("accepted-blank-error", "a space is a text", "c", response(result([outcome(0, 2, " ")])), &[]),
    ]
}

fn none() -> Vec<Vector> {
    let of = |name, about, planned, result| {
        apply(name, about, planned, response(result), &[]).since(V0_54, &[Cause::NoOutcomes])
    };
    vec![
        of("none", "an empty result", "cc", empty()),
        of("none-but-resources", "resources are no outcomes", "c", resource(empty().field(1, "db"))),
        of("none-but-errors", "errors are no outcomes", "c", empty().field(3, error("db", "create", "slow"))),
        of("none-at-8", "outcomes under another number are none", "c", empty().field(8, outcome(0, 1, ""))),
    ]
}

fn accounting() -> Vec<Vector> {
    use Cause::{DuplicateIndex, IndexOrder, IndexOutOfRange, TooFewOutcomes, TooManyOutcomes};
    let of = |name, about, planned, indexes: &[i64], causes: &[Cause]| {
        apply(name, about, planned, response(successes(indexes)), &[]).since(V0_54, causes)
    };
    vec![
        of("too-few-last", "the last one is missing", "ccc", &[0, 1], &[TooFewOutcomes]),
        of("too-few-first", "the first one is missing", "ccc", &[1, 2], &[TooFewOutcomes]),
        of("too-few-but-one", "the one in the middle alone", "ccc", &[1], &[TooFewOutcomes]),
        of("too-many-beyond", "one beyond the plan", "cc", &[0, 1, 2], &[TooManyOutcomes, IndexOutOfRange]),
        of("too-many-again", "one of them again", "ccc", &[0, 1, 1, 2], &[TooManyOutcomes, DuplicateIndex]),
        of("too-many-for-nothing", "an empty plan has none", "", &[0], &[TooManyOutcomes, IndexOutOfRange]),
        of("duplicate-first", "0 in place of 1", "ccc", &[0, 0, 2], &[DuplicateIndex]),
        of("duplicate-second", "2 in place of 1", "ccc", &[0, 2, 2], &[DuplicateIndex]),
        of("duplicate-last", "2 in place of 0", "ccc", &[2, 1, 2], &[DuplicateIndex, IndexOrder]),
        of("duplicate-only", "an index that is never written", "ccc", &[0, 0, 0], &[DuplicateIndex]),
        of("out-of-range", "9 in place of 1", "cc", &[0, 9], &[IndexOutOfRange]),
        of("out-of-range-by-one", "2 in place of 0", "cc", &[2, 1], &[IndexOutOfRange]),
        of("out-of-range-negative", "-1 in place of 0", "cc", &[-1, 1], &[IndexOutOfRange]),
        of("out-of-range-sign", "2^31, which is no negative number", "cc", &[0, 1 << 31], &[IndexOutOfRange]),
        of("order-swapped", "two of two", "cc", &[1, 0], &[IndexOrder]),
        of("order-moved", "the last one first", "ccc", &[2, 0, 1], &[IndexOrder]),
        of("order-reversed", "all of them", "cccc", &[3, 2, 1, 0], &[IndexOrder]),
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
    ]
}

fn statuses() -> Vec<Vector> {
    use Cause::{FailureWithoutError, IndexOutOfRange, StatusUnknown, StatusUnspecified};
    let one = |name, about, outcome, cause| outcomes(name, about, "c", [outcome], &[cause]);
    let late = |name, about, status, text, then: &[Cause]| {
        one(name, about, outcome(0, status, text), StatusUnknown).since(V0_56, then)
    };
    let written = |status| empty().number(2, status);
    vec![
        one("status-absent", "no status", outcome(0, 0, ""), StatusUnspecified),
        one("status-zero", "0, beside an error", written(0).field(3, "x"), StatusUnspecified),
        one("status-zero-last", "success, and then 0", written(1).number(2, 0), StatusUnspecified),
        one("status-wide-zero", "2^32, of which 0 is left", written(1 << 32), StatusUnspecified),
        late("status-4", "compensated, from 0.56 on", 4, "x", &[]),
        late("status-5", "compensation failed, from 0.56 on", 5, "x", &[]),
        late("status-6", "skipped, from 0.56 on", 6, "x", &[]),
        one("status-7", "no status of any revision", outcome(0, 7, "x"), StatusUnknown),
        one("status-99", "no status of any revision, and no text", outcome(0, 99, ""), StatusUnknown),
        one("status-negative", "-1, in ten bytes", outcome(0, -1, "x"), StatusUnknown),
        one("status-lowest", "-2^31", outcome(0, -1 << 31, "x"), StatusUnknown),
        outcomes(
            "status-unknown-beyond",
            "two faults: of an action that is not planned, and no status",
            "c",
            [outcome(7, 9, "")],
            &[StatusUnknown, IndexOutOfRange],
        ),
        late("no-error-compensated", "compensated without a text", 4, "", &[FailureWithoutError]),
        late("no-error-uncompensated", "compensation failed without", 5, "", &[FailureWithoutError]),
        late("no-error-skipped", "skipped without", 6, "", &[FailureWithoutError]),
    ]
}

fn texts() -> Vec<Vector> {
    use Cause::{ErrorOnSuccess, FailureWithoutError, TextNotUtf8};
    let last = empty().number(2, 1).field(3, "").field(3, "x");
    let broken = empty().number(2, 1).field(3, b"\x80");
    vec![
        outcomes("error-on-success", "a text beside success", "c", [outcome(0, 1, "x")], &[ErrorOnSuccess]),
        outcomes("error-on-success-delete", "of a delete", "d", [outcome(0, 1, "x")], &[ErrorOnSuccess]),
        outcomes("error-on-success-blank", "a space", "c", [outcome(0, 1, " ")], &[ErrorOnSuccess]),
        outcomes("error-on-success-last", "no text, and then one", "c", [last], &[ErrorOnSuccess]),
        outcomes(
            "error-on-success-text",
            "two faults: the text is not UTF-8 either",
            "c",
            [broken],
            &[ErrorOnSuccess, TextNotUtf8],
        ),
        outcomes("no-error", "an error without a text", "c", [outcome(0, 2, "")], &[FailureWithoutError]),
        outcomes(
            "no-error-delete",
            "a failed delete without",
            "d",
            [outcome(0, 3, "")],
            &[FailureWithoutError],
        ),
    ]
}

fn failed_deletes() -> Vec<Vector> {
    use Cause::{DeleteFailedOnOther, DuplicateIndex, IndexOutOfRange};
    let failed = |action_index| outcome(action_index, 3, "x");
    vec![
        outcomes("delete-failed-create", "of a create", "c", [failed(0)], &[DeleteFailedOnOther]),
        outcomes("delete-failed-update", "of an update", "u", [failed(0)], &[DeleteFailedOnOther]),
        outcomes("delete-failed-replace", "of a replace", "r", [failed(0)], &[DeleteFailedOnOther]),
        outcomes(
            "delete-failed-nowhere",
            "of an action that is not planned, so that nobody knows what it is",
            "d",
            [failed(1)],
            &[IndexOutOfRange],
        ),
        outcomes(
            "duplicate-failed-delete",
            "a failed delete of a create, said twice",
            "cc",
            [failed(0), failed(0)],
            &[DuplicateIndex, DeleteFailedOnOther],
        ),
    ]
}
