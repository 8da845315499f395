//! The reply of `FinalizeApply`: the errors of drivers that could not finish, and none where all could.

use super::{
    Vector, Wire,
    hand::{empty, error},
    iac,
};
use crate::decode::Cause;

pub(super) fn vectors() -> Vec<Vector> {
    [accepted(), forms(), texts(), wire()].into_iter().flatten().collect()
}

fn finalize(name: &'static str, about: &'static str, bytes: Wire, expected: &[Cause]) -> Vector {
    iac(name, about, "FinalizeApplyResponse", bytes, expected)
}

/// A list of one error.
fn one(error: impl AsRef<[u8]>) -> Wire {
    empty().field(1, error)
}

fn accepted() -> Vec<Vector> {
    let lost = || error("db", "update", "lost");
    let of = |name, about, bytes| finalize(name, about, bytes, &[]);
    vec![
        of("finalize-nothing", "no bytes at all: every driver could finish", empty()),
        of("accepted-finalize", "an error of a driver", one(lost())),
        of(
            "finalize-two",
            "errors of two drivers, in this order",
            one(lost()).field(1, error("a", "", "slow")),
        ),
        of("finalize-again", "the same error twice, which is two", one(lost()).field(1, lost())),
        of("finalize-empty-error", "an error with nothing in it, which is one all the same", one("")),
        of("finalize-only-text", "an error of no resource and no action", one(empty().field(3, "lost"))),
        of("finalize-any-action", "an action is any text", one(error("db", "re-index", "lost"))),
        of("finalize-letters", "texts beyond ASCII", one(error("caf\u{e9}", "update", "\u{1f4a5} lost"))),
    ]
}

/// Replies that are in order, written in ways that no encoder takes.
fn forms() -> Vec<Vector> {
    let of = |name, about, bytes| finalize(name, about, bytes, &[]);
    let run_together = error("db", "update", "lost").raw(error("net", "create", "slow").as_ref());
    vec![
        of(
            "finalize-any-order",
            "the text first",
            one(empty().field(3, "lost").field(2, "update").field(1, "db")),
        ),
        of(
            "finalize-last-text",
            "two texts, of which the last counts",
            one(empty().field(3, "a").field(3, "b")),
        ),
        of(
            "finalize-run-together",
            "two errors in one length, which is one: the last values count",
            one(run_together),
        ),
        of("finalize-reserved", "field 2 is set aside, and unknown", empty().number(2, 1)),
        of(
            "finalize-unknown-inside",
            "an unknown field in an error",
            one(error("db", "update", "lost").number(4, 5)),
        ),
        of(
            "finalize-unknown-group",
            "an unknown group between errors",
            one("").group(3, one("")).field(1, ""),
        ),
        of(
            "finalize-long-lengths",
            "tags and lengths longer than they have to be",
            empty().raw(b"\x8a\x00\x86\x00\x1a\x82\x80\x00no"),
        ),
    ]
}

fn texts() -> Vec<Vector> {
    let of = |name, about, error| finalize(name, about, one(error), &[Cause::TextNotUtf8]);
    vec![
        of("finalize-text", "a text that is cut within a letter", error("db", "update", b"lost \xe2\x82")),
        of("finalize-text-resource", "half a surrogate pair", empty().field(1, b"\xed\xb0\x80")),
        of("finalize-text-action", "a byte that begins no letter", empty().field(2, b"\xfe")),
        of(
            "finalize-text-replaced",
            "a text that a later one replaces",
            error("db", "update", b"\xff").field(3, "lost"),
        ),
    ]
}

fn wire() -> Vec<Vector> {
    let of = |name, about, bytes| finalize(name, about, bytes, &[Cause::CutShort]);
    let raw = |bytes: &[u8]| empty().raw(bytes);
    vec![
        of("finalize-cut-tag", "it ends behind a tag", raw(b"\x0a")),
        of("finalize-cut-list", "it ends within the second error", one("").raw(b"\x0a\x04\x0a\x02")),
        of("finalize-cut-inside", "a text reaches beyond its error", one(raw(b"\x1a\x06lost"))),
        of("finalize-error-number", "an error as a number", empty().number(1, 1)),
        of(
            "finalize-error-fixed",
            "an error as eight fixed bytes",
            raw(b"\x09\x00\x00\x00\x00\x00\x00\x00\x00"),
        ),
        of("finalize-error-group", "an error as a group", empty().group(1, error("db", "update", "lost"))),
        of("finalize-text-number", "a text as a number", one(empty().number(3, 0))),
        of("finalize-group-open", "an unknown group without its end", raw(b"\x1b\x08\x01")),
        of("finalize-number-0", "there is no field number 0", one("").raw(b"\x00\x00")),
        of(
            "finalize-length-wide",
            "a length of more than 64 bits",
            raw(b"\x0a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x7f"),
        ),
        finalize(
            "finalize-many-faults",
            "a text that is not UTF-8, and behind it the end",
            one(error("db", "", b"\xff")).raw(b"\x0a\x01"),
            &[Cause::CutShort, Cause::TextNotUtf8],
        ),
    ]
}
