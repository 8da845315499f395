//! Any other message of the contract: what only such a one has, and places that are easily missed.

use super::{Vector, hand::empty, iac};
use crate::decode::Cause;

pub(super) fn vectors() -> Vec<Vector> {
    [accepted(), json(), enums(), wire()].into_iter().flatten().collect()
}

fn accepted() -> Vec<Vector> {
    vec![
        iac(
            "accepted-state-null",
            "a state backend writes null for the nil map",
            "GetStateResponse",
            empty().field(1, empty().field(8, "null").field(9, "{}")).number(2, 1),
            &[],
        ),
        iac(
            "accepted-packed",
            "repeated enums side by side and one by one",
            "DiscoverRequirementsResponse",
            empty().field(1, empty().field(6, b"\x01\x02").number(6, 5).field(7, b"")),
            &[],
        ),
        iac(
            "accepted-negative",
            "a negative number takes ten bytes",
            "JobStatusReply",
            empty().number(2, 4).number(3, -1),
            &[],
        ),
    ]
}

fn json() -> Vec<Vector> {
    let malformed = &[Cause::JsonMalformed];
    let current =
        |field, json: &str| empty().field(1, empty().field(2, empty().field(3, empty().field(field, json))));
    vec![
        iac("json-in-state", "deep in a plan", "PlanResponse", current(8, "{]"), malformed),
        iac(
            "json-in-map",
            "in a message that is a value of a map",
            "DetectDriftConfigRequest",
            empty().field(2, empty().field(1, "db").field(2, empty().field(3, "7"))),
            &[Cause::JsonNotObject],
        ),
        iac("json-config", "of a request", "InitializeRequest", empty().field(1, "region"), malformed),
        iac("json-parameters", "never read by the host", "IaCRequirement", empty().field(11, "{"), malformed),
    ]
}

fn enums() -> Vec<Vector> {
    let unknown = &[Cause::EnumUnknown];
    vec![
        iac(
            "enum-drift",
            "no drift class",
            "DetectDriftResponse",
            empty().field(1, empty().number(4, 4)),
            unknown,
        ),
        iac(
            "enum-severity",
            "a negative one",
            "ValidatePlanResponse",
            empty().field(1, empty().number(1, -2)),
            unknown,
        ),
        iac(
            "enum-packed",
            "the second of three",
            "IaCRequirement",
            empty().field(6, b"\x01\x06\x02"),
            unknown,
        ),
    ]
}

fn wire() -> Vec<Vector> {
    vec![
        iac(
            "text-list",
            "one of a list",
            "SensitiveKeysResponse",
            empty().field(1, "a").field(1, b"\x80"),
            &[Cause::TextNotUtf8],
        ),
        iac(
            "wire-packed-cut",
            "a list of numbers that ends within one",
            "IaCRequirement",
            empty().field(6, b"\x01\x80"),
            &[Cause::CutShort],
        ),
    ]
}
