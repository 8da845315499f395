//! What goes wrong in a scenario.

use std::{num::NonZeroU32, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::{
    Hook, Span,
    diagnostic::Report,
    file::HookWord,
    read::{
        At, List, Read, Required, Table, Time, Tried, Word, found, listed, mismatch, mismatch_with,
        schema_is, shape,
    },
    reply::ErrorShape,
    yaml::{Node, Value},
};
use counterfoil_proto::edit::{self, Edit};

use crate::{
    outcome::ActionError,
    rpc::{Code, Method},
};

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The action that it strikes, by its position in the plan; none for what is about no single action.
    pub action: Option<usize>,
    /// What it is.
    pub kind: FaultKind,
    /// The fault in its file.
    pub span: Span,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The config has a reference that nothing resolves.
    JitError,
    /// The engine's resolver refuses the type of the action. Every action of that type has such a fault.
    DriverResolveError {
        /// When the resolver is asked.
        at: ResolvePoint,
    },
    /// A call comes back with an error.
    DispatchError {
        /// Which call.
        point: CallPoint,
        /// The status code.
        code: Code,
        /// The status message.
        message: String,
        /// Whether the provider does its work, and the reply is lost; else the call never arrives.
        reaches_provider: bool,
    },
    /// A hook fails. Without an action it is the plan-complete hook.
    HookError {
        /// Which hook.
        hook: Hook,
        /// What it says.
        message: String,
    },
    /// The context of the apply is cancelled.
    Cancel {
        /// When.
        at: CancelPoint,
    },
    /// `FinalizeApply` answers so, in the provider's place.
    FinalizeError {
        /// What it answers.
        answer: FinalizeAnswer,
    },
    /// The way to the provider fails.
    Transport {
        /// Which call it strikes.
        point: CallPoint,
        /// How it fails.
        kind: TransportKind,
        /// Whether the provider gets the call first.
        reaches_provider: bool,
    },
    /// The reply is altered on its way, if its status is OK.
    Wire {
        /// Which call it strikes.
        point: CallPoint,
        /// What is done to it.
        edit: Edit,
    },
}

impl FaultKind {
    /// The call that it strikes; none for a fault that strikes none.
    pub fn strikes(&self) -> Option<CallPoint> {
        match self {
            Self::DispatchError { point, .. } | Self::Transport { point, .. } | Self::Wire { point, .. } => {
                Some(*point)
            }
            Self::FinalizeError { .. } => Some(CallPoint::FINALIZE),
            Self::JitError
            | Self::DriverResolveError { .. }
            | Self::HookError { .. }
            | Self::Cancel { .. } => None,
        }
    }

    /// The call that comes back with an error because of this, whatever the provider would answer.
    pub fn failing_call(&self) -> Option<CallPoint> {
        match self {
            Self::DispatchError { point, .. } => Some(*point),
            Self::Transport { point, kind, .. } => {
                (!matches!(kind, TransportKind::Delay(_))).then_some(*point)
            }
            Self::FinalizeError { answer: FinalizeAnswer::Status { .. } } => Some(CallPoint::FINALIZE),
            Self::FinalizeError { answer: FinalizeAnswer::Errors(_) }
            | Self::JitError
            | Self::DriverResolveError { .. }
            | Self::HookError { .. }
            | Self::Cancel { .. }
            | Self::Wire { .. } => None,
        }
    }
}

/// One call among those that are about one action, or about none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallPoint {
    /// What is called.
    pub method: Method,
    /// Which of several such calls, from 1.
    pub nth: u32,
}

impl CallPoint {
    /// The one `FinalizeApply` of an apply.
    pub(super) const FINALIZE: Self = Self { method: Method::Finalize, nth: 1 };
}

/// When a context is cancelled. Actions are named by their positions in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CancelPoint {
    /// Before the engine looks at the action.
    Before(usize),
    /// When the reply to this call of the action has arrived, and before the engine goes on.
    During(usize, CallPoint),
    /// When the action has its outcome, and before the engine goes on.
    After(usize),
}

/// What `FinalizeApply` answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FinalizeAnswer {
    /// Status OK, and these errors.
    Errors(Vec<ActionError>),
    /// Another status.
    Status {
        /// The status code.
        code: Code,
        /// The status message.
        message: String,
    },
}

/// How the way to a provider fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransportKind {
    /// The reply comes late.
    Delay(Duration),
    /// The reply never comes.
    Hang,
    /// The stream of the call is reset.
    Reset,
    /// The connection is lost.
    Disconnect,
    /// The provider's process is killed.
    Kill,
}

/// When the engine asks its resolver for a driver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResolvePoint {
    /// When the action's turn has come (E-023).
    #[default]
    Dispatch,
    /// Before the first action, for replaces under a delete hook (E-011).
    Preflight,
}

impl Word for ResolvePoint {
    const NOUN: &'static str = "a point of resolution";
    const CODE: &'static str = "unknown-point";

    fn all() -> impl Iterator<Item = (&'static str, Self)> {
        [("dispatch", Self::Dispatch), ("preflight", Self::Preflight)].into_iter()
    }
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub(super) enum Inject {
    /// The config has a reference that nothing resolves.
    JitError,
    /// The engine's resolver refuses the type of the action.
    DriverResolveError,
    /// A call comes back with an error.
    DispatchError,
    /// A hook of the engine's host fails.
    HookError,
    /// The context of the apply is cancelled.
    Cancel,
    /// `FinalizeApply` answers with errors, or fails.
    FinalizeError,
    /// The way to the provider fails.
    Transport,
    /// The reply to a call is altered on its way.
    Wire,
}

impl Word for Inject {
    const NOUN: &'static str = "a fault";
    const CODE: &'static str = "unknown-fault";

    fn all() -> impl Iterator<Item = (&'static str, Self)> {
        [
            ("jit-error", Self::JitError),
            ("driver-resolve-error", Self::DriverResolveError),
            ("dispatch-error", Self::DispatchError),
            ("hook-error", Self::HookError),
            ("cancel", Self::Cancel),
            ("finalize-error", Self::FinalizeError),
            ("transport", Self::Transport),
            ("wire", Self::Wire),
        ]
        .into_iter()
    }
}

impl Inject {
    /// A fault of this kind, in words, without an article.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::JitError => "jit-error",
            Self::DriverResolveError => "driver-resolve-error",
            Self::DispatchError => "dispatch-error",
            Self::HookError => "hook-error",
            Self::Cancel => "cancel",
            Self::FinalizeError => "finalize-error",
            Self::Transport => "transport fault",
            Self::Wire => "wire fault",
        }
    }

    /// The fields that a fault of this kind takes beside `inject`.
    fn fields(self) -> &'static [&'static str] {
        match self {
            Self::JitError => &["action"],
            Self::DriverResolveError => &["action", "at"],
            Self::DispatchError => &["action", "call", "nth", "reaches_provider", "code", "message"],
            Self::HookError => &["action", "hook", "message"],
            Self::Cancel => &["at"],
            Self::FinalizeError => &["errors", "code", "message"],
            Self::Transport => &["action", "call", "nth", "reaches_provider", "kind", "for"],
            Self::Wire => &["action", "call", "nth", "set", "drop", "truncate"],
        }
    }
}

/// How the way to a provider fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub(super) enum TransportWord {
    /// The reply comes late, by `for`.
    Delay,
    /// The reply never comes. The scenario needs a `deadline`.
    Hang,
    /// The stream of the call is reset.
    Reset,
    /// The connection is lost.
    Disconnect,
    /// The provider's process is killed.
    Kill,
}

impl Word for TransportWord {
    const NOUN: &'static str = "a kind of transport fault";
    const CODE: &'static str = "unknown-transport";

    fn all() -> impl Iterator<Item = (&'static str, Self)> {
        [
            ("delay", Self::Delay),
            ("hang", Self::Hang),
            ("reset", Self::Reset),
            ("disconnect", Self::Disconnect),
            ("kill", Self::Kill),
        ]
        .into_iter()
    }
}

/// The value of `at`: for a driver-resolve-error a word, for a cancel one of the moments.
pub(super) enum AtShape {
    /// Neither a word nor a map, in words.
    Other(String),
    Word(String),
    Moment {
        shape: MomentShape,
        /// No mistake was found in it.
        clean: bool,
    },
}

impl Read for AtShape {
    fn read(node: &Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        match &node.value {
            Value::Text(word) => Some(Self::Word(word.clone().into_owned())),
            Value::Map(_) => {
                let before = report.len();
                let shape = MomentShape::read(node, at, report)?;
                Some(Self::Moment { shape, clean: report.len() == before })
            }
            Value::Refused => None,
            _ => Some(Self::Other(found(node, report))),
        }
    }
}

impl JsonSchema for AtShape {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "At".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (point, moment) =
            (generator.subschema_for::<ResolvePoint>(), generator.subschema_for::<MomentShape>());
        json_schema!({ "anyOf": [point, moment] })
    }
}

shape! {
    /// When a context is cancelled: one of `before`, `during` and `after`.
    struct MomentShape as "Moment" {
        /// Before the engine looks at this action.
        before: Option<At<String>>,
        /// When the reply to a call of this action has arrived, and before the engine goes on.
        during: Option<At<String>>,
        /// When this action has its outcome, and before the engine goes on.
        after: Option<At<String>>,
        /// during: the call. Left out: the first that the action makes.
        call: Option<At<Method>>,
        /// during: which of several such calls, from 1. Left out: the first.
        nth: Option<At<NonZeroU32>>,
    }
}

/// The new value of a field of a message.
pub(super) struct FieldValue(pub(super) edit::Value);

impl Read for FieldValue {
    fn read(node: &Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        let value = match &node.value {
            Value::Text(text) => Some(edit::Value::Text(text.clone().into_owned())),
            Value::Bool(value) => Some(edit::Value::Bool(*value)),
            Value::Number(number) => number.as_i64().map(edit::Value::Number),
            _ => None,
        };
        match value {
            Some(value) => Some(Self(value)),
            None => mismatch(node, at, "text, a whole number, `true` or `false`", report),
        }
    }
}

schema_is! {
    FieldValue => { "type": ["string", "integer", "boolean"] },
}

shape! {
    /// One thing that goes wrong. Which fields it takes goes with its kind.
    struct FaultShape as "Fault" {
        /// The kind of fault.
        inject: Required<Inject>,
        /// The action that it strikes, by its `as`, else its `name`. Not for a cancel, a finalize-error, the
        /// plan-complete hook, and calls that are about no single action.
        action: Option<At<String>>,
        /// dispatch-error, transport, wire: the call that is struck. Left out: the first that the action makes, or
        /// `apply` with `dispatch: v1`.
        call: Option<At<Method>>,
        /// dispatch-error, transport, wire: which of several such calls, from 1. Left out: the first.
        nth: Option<At<NonZeroU32>>,
        /// dispatch-error, transport: whether the provider does its work and only the reply is lost. Left out: the
        /// call never arrives. A delayed call always does.
        reaches_provider: Option<At<bool>>,
        /// dispatch-error, finalize-error: the gRPC status code. Left out: `unknown`.
        code: Option<At<Code>>,
        /// dispatch-error, finalize-error: the gRPC status message. hook-error: what the hook says.
        message: Option<At<String>>,
        /// driver-resolve-error: `dispatch` (the default) or `preflight`. cancel: when, such as `{ before: net }`.
        at: Option<Tried<At<AtShape>>>,
        /// hook-error: the hook that fails. The action-complete hook panics, which changes nothing.
        hook: Option<Tried<At<HookWord>>>,
        /// finalize-error: what `FinalizeApply` answers beside status OK.
        #[schemars(length(min = 1))]
        errors: Option<At<List<ErrorShape>>>,
        /// transport: how the way fails.
        kind: Option<Tried<TransportWord>>,
        /// transport: how long a delay is, such as `150ms`, `2s` or `1m`.
        r#for: Option<Tried<At<Time>>>,
        /// wire: fields of the reply that get another value, by their paths, such as `output.outputs_json`.
        set: Option<Tried<Table<At<Tried<FieldValue>>>>>,
        /// wire: fields of the reply that are taken out, by their paths, before others are set.
        drop: Option<Tried<List<At<String>>>>,
        /// wire: how many bytes of the reply are kept in the end.
        truncate: Option<Tried<u32>>,
    }
}

/// A fault as written, with no fields but those of its kind.
#[derive(JsonSchema)]
#[schemars(transparent, inline)]
pub(super) struct FaultEntry {
    pub(super) shape: FaultShape,
    #[schemars(skip)]
    pub(super) span: Span,
}

/// The kind of fault that a text names.
fn inject_of(node: &Node<'_>) -> Option<(&'static str, Inject)> {
    match &node.value {
        Value::Text(text) => Inject::all().find(|(word, _)| word == text),
        _ => None,
    }
}

impl Read for FaultEntry {
    fn read(node: &Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            let (word, _) = inject_of(node).unwrap_or(("jit-error", Inject::JitError));
            let help = format!("write such as `- {{ inject: {word}, … }}`");
            return mismatch_with(node, at, "a map that says what to `inject`", Some(help), report);
        };
        let named = entries.iter().find(|entry| entry.key == "inject");
        let kind = named.and_then(|entry| inject_of(&entry.value));
        let offered = match kind {
            Some((_, kind)) => [&["inject"], kind.fields()].concat(),
            None => FaultShape::FIELDS.to_vec(),
        };
        let shape = FaultShape::read_offering(&offered, node, at, report)?;
        if let Some(kind) = shape.inject.0 {
            let own = |field: &str| field == "inject" || kind.fields().contains(&field);
            for entry in entries.iter().filter(|entry| !own(&entry.key)) {
                let owners = Inject::all().filter(|(_, other)| other.fields().contains(&&*entry.key));
                let owners = listed(owners.map(|(word, _)| word));
                let help = match (kind, &*entry.key) {
                    // Not a field at all, which is reported.
                    _ if owners.is_empty() => continue,
                    (Inject::Cancel, "action") => {
                        "say when in `at`, such as `at: { before: net }`".to_owned()
                    }
                    (Inject::FinalizeError, "action") => "`FinalizeApply` is about the whole plan".to_owned(),
                    (_, field) => format!("`{field}` belongs to {owners}"),
                };
                let message = format!("a {} takes no `{}`", kind.noun(), entry.key);
                report
                    .mistake("field-not-taken", entry.key_span, message)
                    .label("not a field of this kind of fault")
                    .help(help);
            }
        }
        Some(Self { shape, span: node.span })
    }
}
