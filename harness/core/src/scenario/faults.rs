//! What goes wrong in a scenario.

use std::{
    collections::{HashMap, HashSet},
    mem,
    num::NonZeroU32,
    time::Duration,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Hook, Hooks, Span,
    actions::{Actions, Verb},
    diagnostic::{Report, shown},
    read::{At, List, Read, Required, Word, listed, shape},
    yaml::{Node, Value},
};
use counterfoil_proto::{Revision, edit::Edit};

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

/// One call among those that are about one action, or about none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallPoint {
    /// What is called.
    pub method: Method,
    /// Which of several such calls, from 1.
    pub nth: u32,
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
#[expect(clippy::enum_variant_names, reason = "the words of the format")]
pub(super) enum Inject {
    /// The config has a reference that nothing resolves.
    JitError,
    /// The engine's resolver refuses the type of the action.
    DriverResolveError,
    /// A call comes back with an error.
    DispatchError,
}

impl Word for Inject {
    const NOUN: &'static str = "a fault";
    const CODE: &'static str = "unknown-fault";
    const LATER: &'static [&'static str] = &["hook-error", "cancel", "finalize-error", "transport", "wire"];

    fn all() -> impl Iterator<Item = (&'static str, Self)> {
        [Self::JitError, Self::DriverResolveError, Self::DispatchError]
            .into_iter()
            .map(|kind| (kind.word(), kind))
    }
}

impl Inject {
    fn word(self) -> &'static str {
        match self {
            Self::JitError => "jit-error",
            Self::DriverResolveError => "driver-resolve-error",
            Self::DispatchError => "dispatch-error",
        }
    }

    /// The fields that a fault of this kind takes beside `inject` and `action`.
    fn fields(self) -> &'static [&'static str] {
        match self {
            Self::JitError => &[],
            Self::DriverResolveError => &["at"],
            Self::DispatchError => &["call", "nth", "reaches_provider", "code", "message"],
        }
    }
}

shape! {
    /// One thing that goes wrong. Which fields it takes goes with its kind.
    struct FaultShape as "Fault", later: ["hook", "errors", "kind", "for", "set", "drop", "truncate"] {
        /// The kind of fault.
        inject: Required<Inject>,
        /// The action that it strikes, by its `as`, else its `name`. Only a fault of the `apply` call has none.
        action: Option<At<String>>,
        /// dispatch-error: the call that fails. Left out: the first that the action makes.
        call: Option<At<Method>>,
        /// dispatch-error: which of several such calls of the action, from 1. Left out: the first.
        nth: Option<NonZeroU32>,
        /// dispatch-error: whether the provider does its work and only the reply is lost. Left out: the call never
        /// arrives.
        reaches_provider: Option<bool>,
        /// dispatch-error: the gRPC status code. Left out: `unknown`.
        code: Option<Code>,
        /// dispatch-error: the gRPC status message.
        message: Option<String>,
        /// driver-resolve-error: when the resolver refuses. Left out: `dispatch`.
        at: Option<At<ResolvePoint>>,
    }
}

/// What a failing call says where the scenario does not care.
const DEFAULT_MESSAGE: &str = "injected failure";

/// A fault as written, with no fields but those of its kind.
#[derive(JsonSchema)]
#[schemars(transparent, inline)]
pub(super) struct FaultEntry {
    shape: FaultShape,
    #[schemars(skip)]
    span: Span,
}

impl Read for FaultEntry {
    fn read(node: &Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        // The fields of a kind that is not run yet mean something else there.
        if let Value::Map(entries) = &node.value
            && let Some(inject) = entries.iter().find(|entry| entry.key == "inject")
            && let Value::Text(word) = &inject.value.value
            && Inject::LATER.contains(&&**word)
        {
            Inject::read(&inject.value, "inject", report);
            return None;
        }
        let shape = FaultShape::read(node, at, report)?;
        if let (Some(kind), Value::Map(entries)) = (shape.inject.0, &node.value) {
            let own = |field: &str| field == "inject" || field == "action" || kind.fields().contains(&field);
            let others = || Inject::all().filter(|(_, other)| *other != kind);
            for entry in entries.iter().filter(|entry| !own(&entry.key)) {
                let owners =
                    others().filter(|(_, other)| other.fields().contains(&&*entry.key)).map(|(word, _)| word);
                let owners = listed(owners);
                if !owners.is_empty() {
                    let message = format!("a {} takes no `{}`", kind.word(), entry.key);
                    report
                        .mistake("field-not-taken", entry.key_span, message)
                        .label("not a field of this kind of fault")
                        .help(format!("`{}` belongs to {owners}", entry.key));
                }
            }
        }
        Some(Self { shape, span: node.span })
    }
}

/// What decides which faults can be reached.
pub(super) struct Reach<'a> {
    /// The plan goes to the provider in one `Apply` call.
    pub(super) v1: bool,
    pub(super) hooks: &'a Hooks,
    pub(super) actions: &'a Actions,
}

impl Reach<'_> {
    /// The faults as they can happen; every other is a mistake.
    pub(super) fn check(&self, entries: List<FaultEntry>, report: &mut Report<'_>) -> Vec<Fault> {
        let faults: Vec<_> = entries.into_values().filter_map(|entry| self.fault(entry, report)).collect();
        self.check_types(&faults, report);
        Self::check_order(&faults, report);
        faults
    }

    fn fault(&self, FaultEntry { shape, span }: FaultEntry, report: &mut Report<'_>) -> Option<Fault> {
        let action = match &shape.action {
            Some(address) => self.actions.find(&address.value, address.span, report),
            None if self.v1 && shape.inject.0 == Some(Inject::DispatchError) => {
                let method = self.call(0, shape.call.as_ref(), report)?;
                return Some(Fault {
                    action: None,
                    kind: FaultKind::DispatchError {
                        point: CallPoint { method, nth: shape.nth.map_or(1, NonZeroU32::get) },
                        code: shape.code.unwrap_or(Code::Unknown),
                        message: shape.message.unwrap_or_else(|| DEFAULT_MESSAGE.to_owned()),
                        reaches_provider: shape.reaches_provider.unwrap_or_default(),
                    },
                    span,
                });
            }
            None => {
                report
                    .mistake("missing-field", span, "the fault strikes no action")
                    .label("`action` belongs here");
                None
            }
        };
        let kind = shape.inject.0?;
        if self.v1 && kind != Inject::DispatchError {
            report
                .mistake("unreachable-fault", span, format!("with `dispatch: v1` there is no {}", kind.word()))
                .label("never happens")
                .help("the provider gets the whole plan in one `apply` call; only a dispatch-error can strike it");
            return None;
        }
        let action = action?;
        let kind = match kind {
            Inject::JitError => FaultKind::JitError,
            Inject::DriverResolveError => {
                FaultKind::DriverResolveError { at: self.resolve_point(action, shape.at, span, report)? }
            }
            Inject::DispatchError => FaultKind::DispatchError {
                point: CallPoint {
                    method: self.call(action, shape.call.as_ref(), report)?,
                    nth: shape.nth.map_or(1, NonZeroU32::get),
                },
                code: shape.code.unwrap_or(Code::Unknown),
                message: shape.message.unwrap_or_else(|| DEFAULT_MESSAGE.to_owned()),
                reaches_provider: shape.reaches_provider.unwrap_or_default(),
            },
        };
        Some(Fault { action: Some(action), kind, span })
    }

    fn call(&self, action: usize, given: Option<&At<Method>>, report: &mut Report<'_>) -> Option<Method> {
        let made = if self.v1 { &[Method::Apply] } else { self.actions.list[action].verb?.calls() };
        let Some(&At { value: call, span }) = given else { return made.first().copied() };
        if made.contains(&call) {
            return Some(call);
        }
        let made = listed(made.iter().map(|method| method.as_str()));
        if self.v1 {
            report
                .mistake(
                    "call-not-made",
                    span,
                    format!("with `dispatch: v1` the engine makes no call `{call}`"),
                )
                .label("never made")
                .help(format!("the one call that it makes is {made}"));
        } else {
            let mistake = report.mistake("call-not-made", span, format!("the action makes no call `{call}`"));
            mistake.label("never made").help(format!("it makes {made}"));
        }
        None
    }

    fn resolve_point(
        &self,
        action: usize,
        given: Option<At<ResolvePoint>>,
        span: Span,
        report: &mut Report<'_>,
    ) -> Option<ResolvePoint> {
        let replace = self.actions.list[action].verb? == Verb::Replace;
        let guarded = self.hooks.at(Revision::Head).contains(&Hook::ResourceDeleted);
        let span = given.as_ref().map_or(span, |at| at.span);
        let point = given.map(|at| at.value).unwrap_or_default();
        let (message, help) = match point {
            ResolvePoint::Preflight if !replace => {
                ("only a replace is resolved in preflight", "leave `at` out, or make the action a replace")
            }
            ResolvePoint::Preflight if !guarded => (
                "without the resource-deleted hook there is no preflight",
                "leave `at` out, or leave the hook on",
            ),
            ResolvePoint::Dispatch if replace && guarded => (
                "under the resource-deleted hook a replace is resolved in preflight",
                "write `at: preflight`, or turn the hook off with `engine: { hooks: [] }`",
            ),
            ResolvePoint::Dispatch | ResolvePoint::Preflight => return Some(point),
        };
        report.mistake("unreachable-fault", span, message).label("never happens").help(help);
        None
    }

    /// A resolver is asked for a type, so it refuses every action of that type.
    fn check_types(&self, faults: &[Fault], report: &mut Report<'_>) {
        let refusals =
            || faults.iter().filter(|fault| matches!(fault.kind, FaultKind::DriverResolveError { .. }));
        let refused: HashSet<_> = refusals().filter_map(|fault| fault.action).collect();
        let mut spared = HashMap::new();
        for (index, planned) in
            self.actions.list.iter().enumerate().filter(|(index, _)| !refused.contains(index))
        {
            if let (Some(resource_type), Some(address)) = (&planned.resource_type, &planned.address) {
                spared.entry(resource_type.as_str()).or_insert((index, address));
            }
        }
        for fault in refusals() {
            let Some(resource_type) =
                fault.action.and_then(|action| self.actions.list[action].resource_type.as_ref())
            else {
                continue;
            };
            if let Some((_, other)) = spared.get(resource_type.as_str()) {
                let (resource_type, other) = (shown(resource_type), shown(other));
                report
                    .mistake(
                        "shared-type",
                        fault.span,
                        format!("`{other}` has the type `{resource_type}` too"),
                    )
                    .label("the resolver refuses a type, not an action")
                    .help(format!("give `{other}` another type, or a driver-resolve-error of its own"));
            }
        }
    }

    /// An action ends with its first failure, and the plan with a refused preflight.
    fn check_order(faults: &[Fault], report: &mut Report<'_>) {
        use FaultKind::{DispatchError, DriverResolveError, JitError};

        let actions = |struck: fn(&FaultKind) -> bool| -> HashSet<usize> {
            faults.iter().filter(|fault| struck(&fault.kind)).filter_map(|fault| fault.action).collect()
        };
        let preflight =
            !actions(|kind| matches!(kind, DriverResolveError { at: ResolvePoint::Preflight })).is_empty();
        let not_dispatched = actions(|kind| matches!(kind, JitError | DriverResolveError { .. }));
        let not_deleted = actions(|kind| {
            matches!(kind, DispatchError { point: CallPoint { method: Method::Delete, nth: 1 }, .. })
        });
        let mut seen = HashSet::new();
        for fault in faults {
            let early = match fault.kind {
                // Striking a whole type may need more of these than can happen.
                DriverResolveError { .. } => None,
                _ if preflight => Some("the apply ends in preflight"),
                DispatchError { .. }
                    if fault.action.is_some_and(|action| not_dispatched.contains(&action)) =>
                {
                    Some("another fault ends the action before it makes a call")
                }
                DispatchError { point: CallPoint { method: Method::Create, .. }, .. }
                    if fault.action.is_some_and(|action| not_deleted.contains(&action)) =>
                {
                    Some("another fault ends the replace with its delete")
                }
                _ => None,
            };
            let point = match fault.kind {
                DispatchError { point, .. } => Some(point),
                _ => None,
            };
            if let Some(why) = early {
                report
                    .mistake("unreachable-fault", fault.span, format!("this fault never happens: {why}"))
                    .label("never happens")
                    .help("keep one of the faults, or strike different actions");
            }
            if !seen.insert((fault.action, mem::discriminant(&fault.kind), point)) {
                report
                    .mistake("duplicate-fault", fault.span, "this fault is given twice")
                    .label("given again")
                    .help("a fault point fails once; keep one of them");
            }
        }
    }
}
