//! Decoders that are wrong in one way each.

use bytes::Bytes;
use counterfoil_proto::Revision;

use crate::{
    decode::{ApplyContext, Cause, Decoder, Reading, Refusal, Strict},
    outcome::{ActionError, ApplyResult, Status},
    plan::ResourceOutput,
    rpc::Method,
};

/// A decoder that is not the strict one.
#[derive(Debug)]
pub struct DecoderMutant {
    /// Its name.
    pub name: &'static str,
    /// What it does wrong.
    pub what: &'static str,
    /// The rules that catch it; no other may.
    pub caught_by: &'static [&'static str],
    /// How it goes wrong.
    pub flaw: Flaw,
}

/// How a decoder goes wrong.
#[derive(Clone, Copy, Debug)]
pub enum Flaw {
    /// It does not refuse for these causes.
    Blind(&'static [Cause]),
    /// It refuses a result that holds this status, which is in order.
    Distrusts(Status),
}

/// Every broken decoder.
pub const DECODERS: &[DecoderMutant] = &[
    blind("takes-no-result", "an absent result counts as success", &["DEC-001"], &[Cause::ResultAbsent]),
    blind("takes-status-0", "status 0 is accepted", &["DEC-002"], &[Cause::StatusUnspecified]),
    blind("takes-any-status", "a status without a name is accepted", &["DEC-003"], &[Cause::StatusUnknown]),
    blind(
        "counts-nothing",
        "the number of outcomes is not checked",
        &["DEC-004", "DEC-005", "DEC-006"],
        &[Cause::TooFewOutcomes, Cause::TooManyOutcomes, Cause::NoOutcomes],
    ),
    blind(
        "ignores-indexes",
        "indexes are taken as they come",
        &["DEC-007", "DEC-008", "DEC-009"],
        &[Cause::DuplicateIndex, Cause::IndexOutOfRange, Cause::IndexOrder],
    ),
    blind(
        "ignores-texts",
        "texts are not held against statuses",
        &["DEC-010", "DEC-011"],
        &[Cause::ErrorOnSuccess, Cause::FailureWithoutError],
    ),
    blind(
        "takes-any-failed-delete",
        "a failed delete is accepted of any action",
        &["DEC-012"],
        &[Cause::DeleteFailedOnOther],
    ),
    blind(
        "skips-json",
        "JSON fields are passed on unread",
        &["DEC-013", "DEC-014", "DEC-015"],
        &[Cause::JsonMalformed, Cause::JsonNotObject, Cause::JsonTrailing],
    ),
    blind(
        "takes-any-enum",
        "a value that its enum does not have is accepted",
        &["DEC-016"],
        &[Cause::EnumUnknown],
    ),
    blind(
        "reads-what-is-there",
        "a message cut short is read as far as it goes",
        &["DEC-017"],
        &[Cause::CutShort],
    ),
    blind("takes-any-text", "texts need not be UTF-8", &["DEC-018"], &[Cause::TextNotUtf8]),
    DecoderMutant {
        name: "distrusts-failed-deletes",
        what: "a failed delete is refused, although the contract has it",
        caught_by: &["DEC-020"],
        flaw: Flaw::Distrusts(Status::DeleteFailed),
    },
];

const fn blind(
    name: &'static str,
    what: &'static str,
    caught_by: &'static [&'static str],
    causes: &'static [Cause],
) -> DecoderMutant {
    DecoderMutant { name, what, caught_by, flaw: Flaw::Blind(causes) }
}

/// The strict decoder behind a flaw.
#[derive(Clone, Copy, Debug)]
pub struct Flawed(pub Flaw);

impl Flawed {
    fn spoil<T>(self, mut reading: Reading<T>) -> Reading<T> {
        match self.0 {
            Flaw::Blind(causes) => reading.refusals.retain(|refusal| !causes.contains(&refusal.cause)),
            Flaw::Distrusts(_) => {}
        }
        reading
    }
}

impl Decoder for Flawed {
    fn apply_response(&self, bytes: &Bytes, context: &ApplyContext<'_>) -> Reading<ApplyResult> {
        let mut reading = self.spoil(Strict.apply_response(bytes, context));
        if let Flaw::Distrusts(status) = self.0 {
            let distrusted = reading.value.outcomes.iter().position(|outcome| outcome.status == status);
            reading.refusals.extend(distrusted.map(|at| Refusal {
                cause: Cause::StatusUnknown,
                path: format!("result.actions[{at}].status"),
                offset: 0,
                message: format!("{status} is not to be believed"),
            }));
        }
        reading
    }

    fn output(&self, method: Method, bytes: &Bytes, revision: Revision) -> Reading<Option<ResourceOutput>> {
        self.spoil(Strict.output(method, bytes, revision))
    }

    fn finalize(&self, bytes: &Bytes, revision: Revision) -> Reading<Vec<ActionError>> {
        self.spoil(Strict.finalize(bytes, revision))
    }

    fn message(&self, full_name: &str, bytes: &Bytes, revision: Revision) -> Reading<()> {
        self.spoil(Strict.message(full_name, bytes, revision))
    }
}
