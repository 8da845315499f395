//! Wire bytes become the domain, read once, or refusals that name their rules.
//!
//! The decoder reads the wire itself instead of asking prost: a refusal needs the field's path and its offset,
//! needs every fault rather than the first, and needs to know what the contract was at one revision. It is
//! driven by a table per message and revision, built once from [`counterfoil_proto::history::descriptors`]; the
//! few field numbers that the typed readers match on are held against the contract by a test.
//!
//! What a decoder makes of a message comes in two strengths. [`Decoder::message`] checks any message of the
//! contract by its table alone: the wire, texts, enums and JSON. The typed readers do the same and pick the
//! values that the domain holds; [`Decoder::apply_response`] also holds the result against the plan.
//!
//! # What counts
//! As protobuf has it: of a singular field the last value, of a singular message the sum of all. A status, an
//! enum or JSON that a later value replaces is therefore not judged; a text has to be UTF-8 wherever it stands,
//! and every entry of a map is judged, also one that a later entry with the same key replaces.
//!
//! Every cause is judged on its own and all are collected: one slip of a provider may break several rules, and
//! then all of them are named. Only what cannot be known is left unsaid: where a message is cut short, nothing
//! that it lacks is held against it, nor how its outcomes add up.
//!
//! # Bounds
//! No bytes make the decoder panic, and what it allocates is proportional to the message at most. It lists at
//! most [`MAX_LISTED`] refusals per cause, so that a flood of one never hides another, and as many unknown
//! fields; where a cause had more, the last one listed says how many.
//!
//! # Where other readers of protobuf differ
//! - A known field in a wire type that its own type cannot have is refused here, as prost does; protobuf-go
//!   keeps it as an unknown field. The one exception is a map, which prost reads whatever its wire type is.
//! - Messages and groups nest 100 deep at most, which is prost's limit; protobuf-go takes 10,000.
//! - Within a `FileDescriptorSet`, which is proto2, texts need not be UTF-8 and enums may hold any number, as in
//!   protobuf-go; prost refuses such texts.

mod accounting;
mod apply;
mod check;
mod encode;
mod numbers;
mod outcomes;
mod output;
mod path;
mod table;
mod text;
mod vectors;
mod wire;

#[cfg(test)]
mod tests;

use std::fmt;

use bytes::Bytes;
use counterfoil_proto::Revision;
use serde::{Deserialize, Serialize};

use crate::{
    outcome::{ActionError, ApplyResult},
    plan::{Action, ResourceOutput},
    rpc::Method,
};

pub use encode::{encode_apply_response, result_message};
pub use text::text;
pub use vectors::{Topic, Vector, vectors};

/// How many refusals of one cause, and how many unknown fields, a [`Reading`] lists at most.
pub const MAX_LISTED: usize = 1_000;

/// What a decoder is told about the apply whose reply it reads.
#[derive(Clone, Copy, Debug)]
pub struct ApplyContext<'a> {
    /// The contract that both sides speak.
    pub revision: Revision,
    /// The actions of the plan that was sent, in their order.
    pub planned: &'a [Action],
}

/// Why bytes are refused. One cause, one rule; the rule says who enforces it upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// An `ApplyResponse` without a result.
    ResultAbsent,
    /// A status that is 0, which is none at all.
    StatusUnspecified,
    /// A status that the revision does not know: 4 to 6 before 0.56, 7 and up, negative ones.
    StatusUnknown,
    /// Fewer outcomes than planned actions.
    TooFewOutcomes,
    /// More outcomes than planned actions.
    TooManyOutcomes,
    /// No outcome at all for a plan that has actions; from 0.54 on.
    NoOutcomes,
    /// An outcome for an action that an earlier one is for.
    DuplicateIndex,
    /// An outcome for an action that the plan does not have.
    IndexOutOfRange,
    /// An outcome for an action that the plan has before the one of the previous outcome.
    IndexOrder,
    /// An error text beside the status success.
    ErrorOnSuccess,
    /// A status other than success, and no error text.
    FailureWithoutError,
    /// A failed delete, said of an action that deletes nothing.
    DeleteFailedOnOther,
    /// A `*_json` field that holds no JSON.
    JsonMalformed,
    /// A `*_json` field that holds JSON, but no object where one is due.
    JsonNotObject,
    /// A `*_json` field with bytes after its value.
    JsonTrailing,
    /// A value that an enum other than the action status does not have at the revision.
    EnumUnknown,
    /// A message that is cut short, or no protobuf at all: a bad varint or tag, field number 0, a group that
    /// does not match, a wire type that the field's type cannot have.
    CutShort,
    /// A text that is not UTF-8.
    TextNotUtf8,
}

impl Cause {
    /// Every cause, in the order of their rules.
    pub const ALL: [Self; 18] = [
        Self::ResultAbsent,
        Self::StatusUnspecified,
        Self::StatusUnknown,
        Self::TooFewOutcomes,
        Self::TooManyOutcomes,
        Self::NoOutcomes,
        Self::DuplicateIndex,
        Self::IndexOutOfRange,
        Self::IndexOrder,
        Self::ErrorOnSuccess,
        Self::FailureWithoutError,
        Self::DeleteFailedOnOther,
        Self::JsonMalformed,
        Self::JsonNotObject,
        Self::JsonTrailing,
        Self::EnumUnknown,
        Self::CutShort,
        Self::TextNotUtf8,
    ];

    /// Whether such a place is about which outcomes there are, and not about what can be read at all.
    pub const fn is_about_outcomes(self) -> bool {
        matches!(
            self,
            Self::TooFewOutcomes
                | Self::TooManyOutcomes
                | Self::NoOutcomes
                | Self::DuplicateIndex
                | Self::IndexOutOfRange
                | Self::IndexOrder
                | Self::ErrorOnSuccess
                | Self::FailureWithoutError
                | Self::DeleteFailedOnOther
        )
    }

    /// The id of the rule that the bytes break.
    pub const fn rule(self) -> &'static str {
        match self {
            Self::ResultAbsent => "DEC-001",
            Self::StatusUnspecified => "DEC-002",
            Self::StatusUnknown => "DEC-003",
            Self::TooFewOutcomes => "DEC-004",
            Self::TooManyOutcomes => "DEC-005",
            Self::NoOutcomes => "DEC-006",
            Self::DuplicateIndex => "DEC-007",
            Self::IndexOutOfRange => "DEC-008",
            Self::IndexOrder => "DEC-009",
            Self::ErrorOnSuccess => "DEC-010",
            Self::FailureWithoutError => "DEC-011",
            Self::DeleteFailedOnOther => "DEC-012",
            Self::JsonMalformed => "DEC-013",
            Self::JsonNotObject => "DEC-014",
            Self::JsonTrailing => "DEC-015",
            Self::EnumUnknown => "DEC-016",
            Self::CutShort => "DEC-017",
            Self::TextNotUtf8 => "DEC-018",
        }
    }
}

/// One place in a message that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Why.
    pub cause: Cause,
    /// The field, such as `result.actions[3].status`; empty for the message itself.
    pub path: String,
    /// Where in the whole message, in bytes.
    pub offset: usize,
    /// What was found and what is due.
    pub message: String,
}

impl Refusal {
    /// The text that it is displayed as. Where many are told, this takes less time than to have it grow.
    pub fn text(&self) -> String {
        check::written(self)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "message" } else { &self.path };
        write!(f, "{} at {path} (byte {}): {}", self.cause.rule(), self.offset, self.message)
    }
}

impl std::error::Error for Refusal {}

/// A field that the revision does not know. It is reported, not refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownField {
    /// The message that holds it; empty for the outermost.
    pub path: String,
    /// Its number.
    pub number: u32,
    /// Where in the whole message its tag begins, in bytes.
    pub offset: usize,
    /// How many bytes it takes, the tag included.
    pub bytes: usize,
}

/// What a decoder makes of a message.
///
/// The value of a refused message is what could be read of it: an outcome without a known status is left out,
/// and so is JSON that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading<T> {
    /// What the message says.
    pub value: T,
    /// Why it is refused, in the order of the offsets; none for a message that is accepted.
    pub refusals: Vec<Refusal>,
    /// Fields that the revision does not know, in the order of the offsets.
    pub unknown: Vec<UnknownField>,
}

impl<T> Reading<T> {
    /// True for a message without a refusal.
    pub fn is_accepted(&self) -> bool {
        self.refusals.is_empty()
    }

    /// The same reading of another value.
    pub fn map<U>(self, of: impl FnOnce(T) -> U) -> Reading<U> {
        Reading { value: of(self.value), refusals: self.refusals, unknown: self.unknown }
    }

    /// The value of an accepted message.
    ///
    /// # Errors
    /// The refusals of one that is not.
    pub fn into_result(self) -> Result<T, Vec<Refusal>> {
        if self.is_accepted() { Ok(self.value) } else { Err(self.refusals) }
    }
}

/// A decoder at the seam: the strict one, or a mutant that wraps it.
pub trait Decoder: Send + Sync {
    /// Reads the reply of the `Apply` RPC and holds it against the plan.
    ///
    /// From 0.57 on the contract has no such message; it is read as 0.56 would.
    fn apply_response(&self, bytes: &Bytes, context: &ApplyContext<'_>) -> Reading<ApplyResult>;

    /// Reads the reply of a create, a read or an update. An absent output is no refusal here: what it means
    /// depends on the call (E-171).
    fn output(&self, method: Method, bytes: &Bytes, revision: Revision) -> Reading<Option<ResourceOutput>>;

    /// Reads the reply of `FinalizeApply`.
    fn finalize(&self, bytes: &Bytes, revision: Revision) -> Reading<Vec<ActionError>>;

    /// Checks any message of the contract by its table alone, such as
    /// `workflow.plugin.external.iac.PlanResponse`.
    fn message(&self, full_name: &str, bytes: &Bytes, revision: Revision) -> Reading<()>;
}

/// What a decoder makes of a message of this full name, read as the typed message that it is, where the decoder knows it as
/// one.
pub fn read(
    decoder: &dyn Decoder,
    full_name: &str,
    bytes: &Bytes,
    context: &ApplyContext<'_>,
) -> Reading<()> {
    match Method::ALL.into_iter().find(|method| method.response() == full_name) {
        Some(Method::Apply) => decoder.apply_response(bytes, context).map(drop),
        Some(method @ (Method::Create | Method::Read | Method::Update)) => {
            decoder.output(method, bytes, context.revision).map(drop)
        }
        Some(Method::Finalize) => decoder.finalize(bytes, context.revision).map(drop),
        _ => decoder.message(full_name, bytes, context.revision),
    }
}

/// The strict decoder.
#[derive(Clone, Copy, Debug, Default)]
pub struct Strict;

impl Decoder for Strict {
    fn apply_response(&self, bytes: &Bytes, context: &ApplyContext<'_>) -> Reading<ApplyResult> {
        apply::response(bytes, context)
    }

    fn output(&self, method: Method, bytes: &Bytes, revision: Revision) -> Reading<Option<ResourceOutput>> {
        output::output(method, bytes, revision)
    }

    fn finalize(&self, bytes: &Bytes, revision: Revision) -> Reading<Vec<ActionError>> {
        output::finalize(bytes, revision)
    }

    fn message(&self, full_name: &str, bytes: &Bytes, revision: Revision) -> Reading<()> {
        check::whole(full_name, bytes, revision)
    }
}
