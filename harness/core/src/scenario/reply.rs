//! The reply to an `Apply` call, as a file gives it: by field names or as bytes. It may be as wrong as it likes, for
//! decoders are tested with it.

use std::borrow::Cow;

use bytes::Bytes;
use counterfoil_proto::iac;
use prost::Message as _;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{
    Span,
    diagnostic::{Report, shown},
    read::{List, Read, Table, Word, integer, mismatch, shape},
    yaml::{Node, Value},
};
use crate::outcome::{ActionError, Status};

shape! {
    /// An `ApplyResponse`, by field name. Nothing in it has to be right.
    struct ReplyShape as "ApplyResponse" {
        /// Left out: the reply has none.
        result: Option<ResultShape>,
    }
}

shape! {
    /// An `ApplyResult`.
    struct ResultShape as "ApplyResult" {
        /// The id of the plan.
        plan_id: Option<String>,
        /// Resources that were created, updated or replaced.
        resources: Option<List<ResourceShape>>,
        /// Failures of single actions.
        errors: Option<List<ErrorShape>>,
        /// Fingerprints of inputs before the apply.
        initial_input_snapshot: Option<Table<String>>,
        /// Inputs that changed during the apply.
        input_drift_report: Option<List<DriftShape>>,
        /// New ids of replaced resources, by name.
        replace_id_map: Option<Table<String>>,
        /// One outcome per action.
        actions: Option<List<OutcomeShape>>,
    }
}

shape! {
    /// A `ResourceOutput`.
    struct ResourceShape as "ResourceOutput" {
        /// The resource's name.
        name: Option<String>,
        /// The resource type.
        r#type: Option<String>,
        /// The provider's own id.
        provider_id: Option<String>,
        /// The bytes of the outputs, as text: JSON, or what a decoder has to refuse.
        outputs_json: Option<String>,
        /// Keys of outputs that hold secrets.
        sensitive: Option<Table<bool>>,
        /// Free-form status text.
        status: Option<String>,
    }
}

shape! {
    /// An `ActionError`.
    struct ErrorShape as "ActionError" {
        /// The resource's name.
        resource: Option<String>,
        /// The action's word.
        action: Option<String>,
        /// What went wrong.
        error: Option<String>,
    }
}

shape! {
    /// A `DriftEntry`.
    struct DriftShape as "DriftEntry" {
        /// The name of the input.
        name: Option<String>,
        /// Its fingerprint when the plan was made.
        plan_fingerprint: Option<String>,
        /// Its fingerprint when the plan was applied.
        apply_fingerprint: Option<String>,
    }
}

shape! {
    /// An `ActionResult`.
    struct OutcomeShape as "ActionResult" {
        /// The action's position in the plan, from 0.
        action_index: Option<u32>,
        /// How it ended: any number, or a name such as `ACTION_STATUS_SUCCESS` or `success`.
        status: Option<StatusNumber>,
        /// Why it failed.
        error: Option<String>,
    }
}

/// A status as the wire carries it.
pub(super) struct StatusNumber(i32);

impl StatusNumber {
    const PREFIX: &str = "ACTION_STATUS_";
    const UNSPECIFIED: &str = "unspecified";

    fn names() -> impl Iterator<Item = &'static str> {
        [Self::UNSPECIFIED].into_iter().chain(Status::ALL.map(Status::as_str))
    }
}

impl Read for StatusNumber {
    fn read(node: &Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        let Value::Text(name) = &node.value else {
            let number = integer(node).and_then(|number| i32::try_from(number).ok());
            return number
                .map(Self)
                .or_else(|| mismatch(node, at, "a status by name, or a 32-bit number", report));
        };
        let short = name
            .strip_prefix(Self::PREFIX)
            .map_or_else(|| Cow::Borrowed(&**name), |name| name.to_lowercase().into());
        if short == Self::UNSPECIFIED {
            return Some(Self(0));
        }
        Status::of(&short, node.span, report).map(|status| Self(status.number()))
    }
}

impl JsonSchema for StatusNumber {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "StatusNumber".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let long = Self::names().map(|name| format!("{}{}", Self::PREFIX, name.to_uppercase()));
        let names: Vec<_> = Self::names().map(str::to_owned).chain(long).collect();
        json_schema!({ "anyOf": [{ "type": "integer", "format": "int32" }, { "enum": names }] })
    }
}

impl ReplyShape {
    /// The reply as it crosses the wire.
    pub(super) fn encode(self) -> Bytes {
        iac::ApplyResponse { result: self.result.map(Into::into) }.encode_to_vec().into()
    }
}

impl From<ResultShape> for iac::ApplyResult {
    fn from(shape: ResultShape) -> Self {
        Self {
            plan_id: shape.plan_id.unwrap_or_default(),
            resources: messages(shape.resources),
            errors: messages(shape.errors),
            initial_input_snapshot: shape.initial_input_snapshot.map(Table::into_map).unwrap_or_default(),
            input_drift_report: messages(shape.input_drift_report),
            replace_id_map: shape.replace_id_map.map(Table::into_map).unwrap_or_default(),
            actions: messages(shape.actions),
        }
    }
}

fn messages<T: Into<M>, M>(shapes: Option<List<T>>) -> Vec<M> {
    shapes.into_iter().flat_map(List::into_values).map(Into::into).collect()
}

impl From<ResourceShape> for iac::ResourceOutput {
    fn from(shape: ResourceShape) -> Self {
        Self {
            name: shape.name.unwrap_or_default(),
            r#type: shape.r#type.unwrap_or_default(),
            provider_id: shape.provider_id.unwrap_or_default(),
            outputs_json: shape.outputs_json.unwrap_or_default().into(),
            sensitive: shape.sensitive.map(Table::into_map).unwrap_or_default(),
            status: shape.status.unwrap_or_default(),
        }
    }
}

impl From<ErrorShape> for iac::ActionError {
    fn from(shape: ErrorShape) -> Self {
        Self {
            resource: shape.resource.unwrap_or_default(),
            action: shape.action.unwrap_or_default(),
            error: shape.error.unwrap_or_default(),
        }
    }
}

impl From<ErrorShape> for ActionError {
    fn from(shape: ErrorShape) -> Self {
        Self {
            resource: shape.resource.unwrap_or_default(),
            action: shape.action.unwrap_or_default(),
            error: shape.error.unwrap_or_default(),
        }
    }
}

impl From<DriftShape> for iac::DriftEntry {
    fn from(shape: DriftShape) -> Self {
        Self {
            name: shape.name.unwrap_or_default(),
            plan_fingerprint: shape.plan_fingerprint.unwrap_or_default(),
            apply_fingerprint: shape.apply_fingerprint.unwrap_or_default(),
        }
    }
}

impl From<OutcomeShape> for iac::ActionResult {
    fn from(shape: OutcomeShape) -> Self {
        Self {
            action_index: shape.action_index.unwrap_or_default(),
            status: shape.status.map_or(0, |StatusNumber(number)| number),
            error: shape.error.unwrap_or_default(),
        }
    }
}

/// The bytes of a `reply_hex`: pairs of digits, with white space wherever it helps.
pub(super) fn from_hex(text: &str, span: Span, report: &mut Report<'_>) -> Option<Bytes> {
    let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let (message, label) = match hex::decode(&digits) {
        Ok(bytes) => return Some(bytes.into()),
        Err(hex::FromHexError::InvalidHexCharacter { .. }) => {
            // The one that the decoder names is half a character where it is no ASCII.
            let stranger =
                digits.chars().find(|c| !c.is_ascii_hexdigit()).map(String::from).unwrap_or_default();
            (format!("`{}` is no hexadecimal digit", shown(&stranger)), "not hexadecimal")
        }
        Err(_) => (format!("{} digits make no whole bytes", digits.len()), "one digit is missing"),
    };
    report.mistake("bad-hex", span, message).label(label).help("a byte is two digits out of `0` to `f`");
    None
}
