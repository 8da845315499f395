//! What the engine of each revision does: one value, whose fields an engine mutant replaces one at a time.

use std::{collections::BTreeMap, fmt};

use counterfoil_proto::{Revision, StatusMapKind};

use super::references::{self, ReferenceError, Scope, Synced};
use crate::{
    json::JsonMap,
    outcome::{ActionError, ApplyResult, Outcome, Status},
    plan::{Action, ActionKind, Plan, ResourceOutput, ResourceRef},
    scenario::ResolvePoint,
    trace::Driven,
};

/// The ways by which an action ends: the rows of the status table (A.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Exit {
    /// Everything was done.
    Clean,
    /// The context was cancelled before the action began (E-020).
    Cancelled,
    /// The hook before the action refused it (E-021).
    BeforeActionHook,
    /// A reference in the config did not resolve (E-022).
    References,
    /// There is no driver for the type (E-023).
    DriverResolve,
    /// The driver failed in a create, an update or a delete (E-025).
    Driver,
    /// A step of a replace failed, its delete included (E-061, E-064).
    Replace,
    /// The action's word is none of the four (E-024).
    UnknownAction,
    /// The hook behind the delete step of a replace failed (E-062).
    ReplaceDeleteHook,
    /// The hook behind a delete failed (E-027).
    DeleteHook,
    /// The hook behind an applied resource failed (E-028).
    ApplyHook,
}

impl Exit {
    /// Every way, in the order of the list above.
    pub const ALL: [Self; 11] = [
        Self::Clean,
        Self::Cancelled,
        Self::BeforeActionHook,
        Self::References,
        Self::DriverResolve,
        Self::Driver,
        Self::Replace,
        Self::UnknownAction,
        Self::ReplaceDeleteHook,
        Self::DeleteHook,
        Self::ApplyHook,
    ];

    /// True for the ways that end the whole apply (E-032).
    pub const fn is_fatal(self) -> bool {
        matches!(
            self,
            Self::Cancelled
                | Self::BeforeActionHook
                | Self::ReplaceDeleteHook
                | Self::DeleteHook
                | Self::ApplyHook
        )
    }
}

/// A step of a replace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Remove the predecessor.
    Delete,
    /// Bring the successor into being.
    Create,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Delete => "delete",
            Self::Create => "create",
        })
    }
}

/// How a replace is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replace {
    /// Its steps, in order (E-060).
    pub steps: &'static [Step],
    /// Whether a failed step keeps the later ones from being tried (E-061).
    pub stops_at_failure: bool,
}

/// The status of each way out of an action of a kind.
pub type StatusMap = fn(Exit, &ActionKind) -> Status;

/// Takes an outcome into a result.
pub type OutcomeSink = fn(&mut Vec<Outcome>, Outcome);

/// What becomes of the loop after an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// The next action has its turn (E-025).
    Next,
    /// The apply ends, and has an error: that of the action, behind its type and name (E-032).
    Fail,
    /// The apply ends as if it were done. No engine should do this.
    Stop,
}

/// Everything in which engines differ, and in which an engine can be wrong.
#[derive(Clone, Debug)]
pub struct Semantics {
    /// How a provider is driven that declares this `compute_plan_version` (E-217).
    pub drives: fn(&str) -> Driven,
    /// Whether replaces have their drivers resolved before the first action, given a delete hook or none (E-010).
    pub preflight: fn(bool) -> bool,
    /// The positions of the plan's actions in the order in which they run (E-002).
    pub order: fn(&Plan) -> Vec<u32>,
    /// Where the engine asks for a driver, until it gets one (E-023).
    pub asks: &'static [ResolvePoint],
    /// Whether an action of this kind is carried to its driver at all (E-055, H-08).
    pub calls: fn(&ActionKind) -> bool,
    /// Resolves the references of a config (E-100 to E-134).
    pub references: fn(&JsonMap, &Scope<'_>) -> Result<JsonMap, ReferenceError>,
    /// What a driver call points at (E-056).
    pub target: fn(&Action) -> ResourceRef,
    /// How a replace is done.
    pub replace: Replace,
    /// Enters a replace into the id map: name, old id, and the new id where there is one (E-065).
    pub replaced: fn(&mut BTreeMap<String, String>, &str, &str, Option<&str>),
    /// What becomes of the outputs of a resource that was deleted (E-070a).
    pub forget: fn(&mut Synced, &str),
    /// Takes an output into the result (E-028).
    pub resources: fn(&mut Vec<ResourceOutput>, ResourceOutput),
    /// The status of each way out of an action.
    pub status: StatusMap,
    /// Takes an outcome into the result (E-030).
    pub outcomes: OutcomeSink,
    /// Takes the error of a single action into the result (E-025).
    pub errors: fn(&mut Vec<ActionError>, ActionError),
    /// What becomes of the loop after an action that ended this way.
    pub gate: fn(Exit) -> Gate,
    /// The id that the result carries, given that of the plan (E-003).
    pub plan_id: fn(&str) -> String,
    /// What an apply reports where the provider was driven through `Apply`, given its accepted result or the error
    /// (D-010).
    pub adopt: fn(Result<ApplyResult, String>) -> (ApplyResult, Option<String>),
}

impl Semantics {
    /// The engine as it was at `revision`.
    pub fn at(revision: Revision) -> Self {
        let (status, outcomes): (StatusMap, OutcomeSink) = match revision.engine().status_map {
            StatusMapKind::None => (late_status, |_, _| {}),
            StatusMapKind::Late => (late_status, Vec::push),
            StatusMapKind::ByPhase => (status_by_phase, Vec::push),
        };
        Self {
            drives: |declared| if declared == "v2" { Driven::CallByCall } else { Driven::ByApply },
            preflight: |delete_hook| delete_hook,
            asks: &[ResolvePoint::Dispatch],
            calls: |_| true,
            order: |plan| (0..).zip(&plan.actions).map(|(index, _)| index).collect(),
            references: references::resolve,
            target: Action::target,
            replace: Replace { steps: &[Step::Delete, Step::Create], stops_at_failure: true },
            replaced: |ids, name, _old, new| {
                if let Some(new) = new {
                    ids.insert(name.to_owned(), new.to_owned());
                }
            },
            forget: |synced, name| {
                synced.remove(name);
            },
            resources: Vec::push,
            status,
            outcomes,
            errors: Vec::push,
            gate: |exit| if exit.is_fatal() { Gate::Fail } else { Gate::Next },
            plan_id: str::to_owned,
            adopt: |answer| match answer {
                Ok(result) => (result, None),
                Err(error) => (ApplyResult::default(), Some(error)),
            },
        }
    }
}

/// The status map of 0.54 and 0.55: by the action's word alone, whatever went wrong (E-041).
pub fn late_status(exit: Exit, kind: &ActionKind) -> Status {
    match (exit, kind) {
        (Exit::Clean, _) => Status::Success,
        (_, ActionKind::Delete) => Status::DeleteFailed,
        _ => Status::Error,
    }
}

/// The status map from 0.56 on: by the phase in which it went wrong (E-040).
pub fn status_by_phase(exit: Exit, kind: &ActionKind) -> Status {
    match exit {
        Exit::Clean => Status::Success,
        Exit::Cancelled | Exit::BeforeActionHook | Exit::References | Exit::DriverResolve => Status::Skipped,
        Exit::Driver if *kind == ActionKind::Delete => Status::DeleteFailed,
        Exit::Driver | Exit::Replace | Exit::UnknownAction => Status::Error,
        Exit::ReplaceDeleteHook | Exit::DeleteHook | Exit::ApplyHook => Status::CompensationFailed,
    }
}
