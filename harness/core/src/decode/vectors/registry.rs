//! The reply of `GetContractRegistry`: what a plugin serves, and the descriptors that belong to it.
//!
//! A row grew by six fields and the kind of messages at 0.64. The descriptors are proto2, whose texts and enums
//! are not looked into.

use counterfoil_proto::{Revision::V0_64, history};

use super::{Vector, Wire, hand::empty};
use crate::decode::Cause;

const SERVICE: &str = "workflow.plugin.external.iac.IaCProviderRequired";

pub(super) fn vectors() -> Vec<Vector> {
    [accepted(), enums(), late(), descriptors(), refused()].into_iter().flatten().collect()
}

fn registry(name: &'static str, about: &'static str, bytes: Wire, expected: &[Cause]) -> Vector {
    Vector::new(name, about, format!("{}.ContractRegistry", history::PLUGIN_V1), bytes, expected)
}

/// A registry of one row.
fn row(row: impl AsRef<[u8]>) -> Wire {
    empty().field(1, row)
}

/// The row of a service.
fn service(name: impl AsRef<[u8]>) -> Wire {
    empty().number(1, 3).field(5, name)
}

fn accepted() -> Vec<Vector> {
    let of = |name, about, bytes| registry(name, about, bytes, &[]);
    let words = (2..=9).fold(empty().number(1, 3), |row, field| row.field(field, "x"));
    vec![
        of("registry-nothing", "no bytes at all: a plugin that serves nothing", empty()),
        of("registry-service", "a service by its full name", row(service(SERVICE))),
        of("registry-everything", "each field that a row has at every revision", row(words.number(10, 3))),
        of("registry-nameless", "a service without a name", row(service(""))),
        of("registry-duplicate", "the same service twice", row(service(SERVICE)).field(1, service(SERVICE))),
        of("registry-no-kind", "a name without a kind", row(empty().field(5, SERVICE))),
        of("registry-empty-row", "a row with nothing in it", row("")),
        of(
            "registry-unknown-fields",
            "unknown fields, outside and in a row",
            row(service("").number(17, 1)).number(3, 1),
        ),
    ]
}

fn enums() -> Vec<Vector> {
    let unknown = &[Cause::EnumUnknown];
    let kind =
        |name, about, kind, expected: &[Cause]| registry(name, about, row(empty().number(1, kind)), expected);
    let mode = |name, about, mode, expected: &[Cause]| {
        registry(name, about, row(empty().number(10, mode)), expected)
    };
    let every_kind = (0..=4).fold(empty(), |rows, kind| rows.field(1, empty().number(1, kind)));
    let every_mode = (0..=3).fold(empty(), |rows, mode| rows.field(1, empty().number(10, mode)));
    let replaced = empty().number(1, 99).number(1, 3);
    vec![
        registry("registry-kinds", "every kind that each revision has", every_kind, &[]),
        registry("registry-modes", "every mode", every_mode, &[]),
        kind("registry-kind-5", "messages, a kind that came with 0.64", 5, unknown).since(V0_64, &[]),
        kind("registry-kind-99", "no kind of any revision", 99, unknown),
        kind("registry-kind-negative", "-1, in ten bytes", -1, unknown),
        kind("registry-kind-wide", "2^32 + 3, of which 3 is left", 1 << 32 | 3, &[]),
        registry("registry-kind-replaced", "no kind, which a later value replaces", row(replaced), &[]),
        mode("registry-mode-4", "no mode of any revision", 4, unknown),
        mode("registry-mode-highest", "2^31 - 1", (1 << 31) - 1, unknown),
    ]
}

/// Fields that rows have from 0.64 on, and that are unknown before.
fn late() -> Vec<Vector> {
    let words = (11..=16).fold(service(SERVICE), |row, field| row.field(field, "x"));
    vec![
        registry("registry-late", "each field that came with 0.64", row(words), &[]),
        registry("registry-late-text", "one of them is not UTF-8", row(empty().field(15, b"\xff")), &[])
            .since(V0_64, &[Cause::TextNotUtf8]),
        registry("registry-late-number", "one of them as a number", row(empty().number(13, 1)), &[])
            .since(V0_64, &[Cause::CutShort]),
    ]
}

/// The `FileDescriptorSet`.
fn descriptors() -> Vec<Vector> {
    let of = |name, about, set: Wire, expected: &[Cause]| {
        registry(name, about, row(service(SERVICE)).field(2, set), expected)
    };
    let file = |name: &[u8]| empty().field(1, empty().field(1, name));
    let odd_type = empty().field(4, empty().field(2, empty().number(5, 99)));
    vec![
        of("registry-set", "a file by its name", file(b"iac.proto"), &[]),
        of("registry-set-empty", "a set of no files", empty(), &[]),
        of("registry-set-latin-1", "the name of a file is not UTF-8", file(b"caf\xe9.proto"), &[]),
        of("registry-set-type-99", "a field of a type that nobody knows", empty().field(1, odd_type), &[]),
        of(
            "registry-set-cut",
            "it ends within the name of a file",
            empty().field(1, b"\x0a\x09iac"),
            &[Cause::CutShort],
        ),
        registry("registry-set-number", "a set as a number", empty().number(2, 1), &[Cause::CutShort]),
        registry(
            "registry-set-parts",
            "a set that stands twice is the sum of both",
            empty().field(2, file(b"a.proto")).field(2, file(b"b.proto")),
            &[],
        ),
    ]
}

fn refused() -> Vec<Vector> {
    let [cut, not_utf8] = [&[Cause::CutShort], &[Cause::TextNotUtf8]];
    let raw = |bytes: &[u8]| empty().raw(bytes);
    vec![
        registry("registry-text-name", "the name of a service", row(service(b"workflow\x80")), not_utf8),
        registry(
            "registry-text-second",
            "of the second row",
            row("").field(1, empty().field(2, b"\xf8")),
            not_utf8,
        ),
        registry("registry-kind-text", "a kind as text", row(empty().field(1, b"\x03")), cut),
        registry("registry-kind-fixed", "a kind as four fixed bytes", row(raw(b"\x0d\x03\x00\x00\x00")), cut),
        registry("registry-name-number", "a name as a number", row(empty().number(5, 3)), cut),
        registry("registry-row-number", "a row as a number", empty().number(1, 3), cut),
        registry("registry-row-group", "a row as a group", empty().group(1, service(SERVICE)), cut),
        registry("registry-cut-list", "it ends within the second row", row("").raw(b"\x0a\x06\x08\x03"), cut),
        registry(
            "registry-cut-inside",
            "a name reaches beyond its row",
            row(raw(b"\x08\x03\x2a\x30workflow")),
            cut,
        ),
        registry(
            "registry-many-faults",
            "no kind, a name that is not UTF-8, and behind it the end",
            row(empty().number(1, 99).field(5, b"\xff")).raw(b"\x0a"),
            &[Cause::EnumUnknown, Cause::CutShort, Cause::TextNotUtf8],
        ),
    ]
}
