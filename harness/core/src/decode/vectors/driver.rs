//! What a resource driver answers: outputs, which are JSON, and the changes of a diff.

use super::{Vector, Wire, hand::empty, iac};
use crate::decode::Cause;

pub(super) fn vectors() -> Vec<Vector> {
    [accepted(), sensitive(), json(), other()].into_iter().flatten().collect()
}

/// The reply to a create whose outputs are these bytes.
fn created(name: &'static str, about: &'static str, json: impl AsRef<[u8]>, expected: &[Cause]) -> Vector {
    let output = empty().field(1, "db").field(4, json);
    iac(name, about, "ResourceCreateResponse", empty().field(1, output), expected)
}

/// The reply to a read of an output that comes in parts.
fn read(name: &'static str, about: &'static str, parts: &[Wire], expected: &[Cause]) -> Vector {
    let reply = parts.iter().fold(empty(), |reply, part| reply.field(1, part));
    iac(name, about, "ResourceReadResponse", reply, expected)
}

fn accepted() -> Vec<Vector> {
    vec![
        read("accepted-no-output", "an absent output", &[], &[]),
        read("accepted-empty-output", "an output with nothing in it", &[empty()], &[]),
        read("accepted-any-status", "the status of a resource is any text", &[empty().field(6, "odd")], &[]),
        created(
            "accepted-nil-outputs",
            "the JSON null, with space around it, is the nil map",
            " null\n",
            &[],
        ),
        created("accepted-no-json", "no bytes at all are the nil map, too", "", &[]),
        iac(
            "accepted-replaced-json",
            "malformed JSON that a later value replaces, also in a second part of the output",
            "ResourceUpdateResponse",
            empty().field(1, empty().field(4, "{").field(1, "db")).field(1, empty().field(4, "{}")),
            &[],
        ),
        created(
            "accepted-json-text",
            "a JSON string that is not UTF-8, and half a surrogate pair: the host replaces both",
            b"{\"a\":\"\xff\",\"b\":\"\\ud800\",\"a\":2}",
            &[],
        ),
        iac(
            "accepted-any-json",
            "the values of a change may be of any kind",
            "ResourceDiffResponse",
            empty().field(1, empty().field(3, empty().field(2, "3").field(3, "[1,\"x\"]"))),
            &[],
        ),
        iac(
            "accepted-any-truth",
            "a truth value is true where it is not 0",
            "ResourceDiffResponse",
            empty().field(1, empty().number(1, 2).number(2, -1)),
            &[],
        ),
        iac(
            "accepted-answer-to-delete",
            "the reply to a delete has no fields, so that any is unknown",
            "ResourceDeleteResponse",
            empty().field(1, "gone"),
            &[],
        ),
    ]
}

/// The map that says which outputs are secret.
fn sensitive() -> Vec<Vector> {
    let of = |name, about, entries: &[Wire], expected: &[Cause]| {
        let output = entries.iter().fold(empty(), |output, entry| output.field(5, entry));
        read(name, about, &[output], expected)
    };
    let entry = |key: &[u8]| empty().field(1, key).number(2, 1);
    let [cut, not_utf8] = [&[Cause::CutShort], &[Cause::TextNotUtf8]];
    vec![
        of("accepted-entry-without-key", "the key of a map left out is the empty one", &[empty()], &[]),
        of("text-key", "a key of a map", &[entry(b"pass\xffword")], not_utf8),
        of("text-key-replaced", "a key that a later one replaces", &[entry(b"\xff").field(1, "a")], not_utf8),
        of("wire-map-value-text", "a truth value as text", &[empty().field(1, "a").field(2, "true")], cut),
        read("wire-map-number", "a map as a number", &[empty().number(5, 0)], cut),
        read(
            "wire-map-entry-cut",
            "an entry that ends within its key",
            &[empty().field(5, b"\x0a\x04pa")],
            cut,
        ),
    ]
}

fn json() -> Vec<Vector> {
    let [malformed, not_object, trailing] =
        [&[Cause::JsonMalformed], &[Cause::JsonNotObject], &[Cause::JsonTrailing]];
    vec![
        created("json-cut", "an object without its end", "{\"a\":1", malformed),
        created("json-space", "nothing but space", " ", malformed),
        created("json-word", "no JSON", "nil", malformed),
        created("json-range", "a number beyond a 64-bit float", "{\"a\":1e999}", malformed),
        created("json-nan", "a number that JSON does not have", "{\"a\":NaN}", malformed),
        created("json-zero", "a number with a zero in front", "{\"a\":01}", malformed),
        created("json-comma", "a comma too many", "{\"a\":1,}", malformed),
        created("json-quotes", "a key in single quotes", "{'a':1}", malformed),
        created("json-line-end", "a line end in a string", "{\"a\":\"1\n2\"}", malformed),
        created("json-mark", "a byte order mark in front", "\u{feff}{}", malformed),
        created("json-array", "an array", "[]", not_object),
        created("json-string", "a string", "\"{}\"", not_object),
        created("json-false", "false, which is not null", "false", not_object),
        created("json-trailing", "a second object", "{} {}", trailing),
        created("json-trailing-null", "a byte after null", "null}", trailing),
        created("json-trailing-zero", "a zero byte after an object", "{}\0", trailing),
        read(
            "json-in-second-part",
            "malformed JSON in a second part of the output, which counts",
            &[empty().field(4, "{}"), empty().field(4, "{")],
            malformed,
        ),
        iac(
            "json-in-change",
            "a change takes any JSON, but JSON it must be",
            "ResourceDiffResponse",
            empty().field(1, empty().field(3, empty().field(2, "1").field(3, "1,"))),
            trailing,
        ),
    ]
}

fn other() -> Vec<Vector> {
    let [cut, not_utf8] = [&[Cause::CutShort], &[Cause::TextNotUtf8]];
    vec![
        read("text-name", "the name of a resource", &[empty().field(1, b"caf\xe9")], not_utf8),
        iac("output-number", "an output as a number", "ResourceCreateResponse", empty().number(1, 1), cut),
        read("output-cut", "an output that ends within its JSON", &[empty().raw(b"\x22\x08{\"a\":1}")], cut),
        iac(
            "output-cut-outside",
            "a reply that ends within its output",
            "ResourceUpdateResponse",
            empty().raw(b"\x0a\x08\x0a\x02db"),
            cut,
        ),
    ]
}
