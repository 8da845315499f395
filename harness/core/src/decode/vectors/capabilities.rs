//! The reply of `Capabilities`: what a provider can do, and how it asks to be driven.
//!
//! What a host makes of the words in it, and which it refuses, is no matter of decoding (E-217): any text is taken
//! as it is.

use super::{Vector, Wire, hand::empty, iac};
use crate::decode::Cause;

pub(super) fn vectors() -> Vec<Vector> {
    [versions(), accepted(), texts(), wire()].into_iter().flatten().collect()
}

fn capabilities(name: &'static str, about: &'static str, bytes: Wire, expected: &[Cause]) -> Vector {
    iac(name, about, "CapabilitiesResponse", bytes, expected)
}

/// What a provider can do with one type of resource.
fn vpc() -> Wire {
    empty().field(1, "infra.vpc").number(2, 1).field(3, "create").field(3, "delete")
}

/// The plan version, which is compared with `v2` byte by byte.
fn versions() -> Vec<Vector> {
    let of = |name, about, version: &str| capabilities(name, about, empty().field(3, version), &[]);
    vec![
        capabilities("capabilities-nothing", "no bytes at all: nothing is declared", empty(), &[]),
        of("capabilities-v2", "exactly v2, which asks to be driven call by call", "v2"),
        of("capabilities-v1", "v1, which asks for Apply", "v1"),
        of("capabilities-version-empty", "an empty version is one that is not there", ""),
        of("capabilities-version-case", "V2, which is not v2", "V2"),
        of("capabilities-version-space", "v2 and a space, which is not v2", "v2 "),
        of("capabilities-version-zero", "v2 and a zero byte, which is not v2", "v2\0"),
        of("capabilities-version-wide", "v2 in letters of full width, which is not v2", "\u{ff56}\u{ff12}"),
        capabilities(
            "capabilities-version-again",
            "v1, and then v2: the last value counts",
            empty().field(3, "v1").field(3, "v2"),
            &[],
        ),
        capabilities(
            "capabilities-version-taken-back",
            "v2, and then an empty version: the last value counts",
            empty().field(3, "v2").field(3, ""),
            &[],
        ),
    ]
}

fn accepted() -> Vec<Vector> {
    let of = |name, about, bytes| capabilities(name, about, bytes, &[]);
    let tier =
        |name, about, tier| of(name, about, empty().field(1, empty().field(1, "infra.vpc").number(2, tier)));
    vec![
        of(
            "capabilities-everything",
            "each field",
            empty().field(1, vpc()).field(2, "region").field(2, "size").field(3, "v2"),
        ),
        of(
            "capabilities-duplicate",
            "the same type of resource twice",
            empty().field(1, vpc()).field(1, vpc()),
        ),
        of("capabilities-empty-entry", "a declaration with nothing in it", empty().field(1, "")),
        of(
            "capabilities-key-again",
            "an empty key, and the same key twice",
            empty().field(2, "").field(2, "region").field(2, "region"),
        ),
        tier("capabilities-tier-99", "a tier is a number like any other, and no enum", 99),
        tier("capabilities-tier-negative", "-1, in ten bytes", -1),
        tier("capabilities-tier-wide", "2^32 + 3, of which 3 is left", 1 << 32 | 3),
        of(
            "capabilities-unknown-fields",
            "unknown fields, outside and in a declaration",
            empty().field(1, vpc().field(4, "x")).number(4, 1),
        ),
        of("capabilities-any-order", "the version first", empty().field(3, "v2").field(1, vpc())),
        of(
            "capabilities-long-lengths",
            "a length longer than it has to be",
            empty().raw(b"\x1a\x82\x80\x00v2"),
        ),
    ]
}

fn texts() -> Vec<Vector> {
    let of = |name, about, bytes| capabilities(name, about, bytes, &[Cause::TextNotUtf8]);
    vec![
        of("capabilities-text-version", "v2 and a byte that is no letter", empty().field(3, b"v2\xff")),
        of("capabilities-text-key", "the second key", empty().field(2, "region").field(2, b"\xc1\xbf")),
        of("capabilities-text-type", "a type of resource", empty().field(1, empty().field(1, b"infra.\x9f"))),
        of("capabilities-text-operation", "an operation", empty().field(1, vpc().field(3, b"\xe2\x28\xa1"))),
    ]
}

fn wire() -> Vec<Vector> {
    let of = |name, about, bytes| capabilities(name, about, bytes, &[Cause::CutShort]);
    let raw = |bytes: &[u8]| empty().raw(bytes);
    let inner = |bytes: &[u8]| empty().field(1, bytes);
    vec![
        of("capabilities-version-number", "the version as a number", empty().number(3, 2)),
        of("capabilities-version-group", "the version as a group", empty().group(3, "")),
        of("capabilities-tier-text", "a tier as text", inner(b"\x12\x011")),
        of("capabilities-tier-fixed", "a tier as four fixed bytes", inner(b"\x15\x01\x00\x00\x00")),
        of(
            "capabilities-tier-long",
            "a tier of eleven bytes",
            inner(b"\x10\x81\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"),
        ),
        of("capabilities-entry-number", "a declaration as a number", empty().number(1, 1)),
        of("capabilities-entry-group", "a declaration as a group", empty().group(1, vpc())),
        of("capabilities-cut-version", "it ends within the version", raw(b"\x1a\x02v")),
        of("capabilities-cut-entry", "it ends within a declaration", raw(b"\x0a\x0d\x0a\x09infra")),
        of(
            "capabilities-cut-inside",
            "an operation reaches beyond its declaration",
            inner(b"\x1a\x07create"),
        ),
        capabilities(
            "capabilities-many-faults",
            "a type that is not UTF-8, and behind it the end",
            empty().field(1, empty().field(1, b"\xff")).raw(b"\x1a"),
            &[Cause::CutShort, Cause::TextNotUtf8],
        ),
    ]
}
