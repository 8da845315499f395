//! What the engine of each revision does: one value, whose fields an engine mutant replaces one at a time.

use std::{collections::BTreeMap, fmt, sync::Arc};

use counterfoil_proto::{Hook, Revision, StatusMapKind};

use super::{
    context::{Context, Done},
    host::{self, Record},
    inputs,
    references::{self, ReferenceError, Scope, Synced},
};
use crate::{
    json::JsonMap,
    outcome::{ActionError, ApplyResult, InputDrift, Outcome, Status},
    plan::{Action, ActionKind, Plan, ResourceOutput, ResourceRef, Spec},
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
    /// The context ended between the delete of a replace and its create (E-063).
    ReplaceCancelled,
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
    pub const ALL: [Self; 12] = [
        Self::Clean,
        Self::Cancelled,
        Self::BeforeActionHook,
        Self::References,
        Self::DriverResolve,
        Self::Driver,
        Self::Replace,
        Self::ReplaceCancelled,
        Self::UnknownAction,
        Self::ReplaceDeleteHook,
        Self::DeleteHook,
        Self::ApplyHook,
    ];

    /// True for the ways that are taken before a driver is called.
    pub const fn is_before_dispatch(self) -> bool {
        matches!(self, Self::Cancelled | Self::BeforeActionHook | Self::References | Self::DriverResolve)
    }

    /// True for the ways that are taken after the cloud has changed, because a hook failed.
    pub const fn is_after_dispatch(self) -> bool {
        matches!(self, Self::ReplaceDeleteHook | Self::DeleteHook | Self::ApplyHook)
    }

    /// True for the ways that end the whole apply (E-032).
    pub const fn is_fatal(self) -> bool {
        matches!(self, Self::Cancelled | Self::BeforeActionHook) || self.is_after_dispatch()
    }

    /// The error of the apply that an action ends, given the error of its outcome (E-020, E-021, E-026 to E-028).
    pub fn apply_error(self, spec: &Spec, error: &str) -> String {
        let Spec { name, resource_type, .. } = spec;
        let prefix = match self {
            Self::Cancelled => return error.to_owned(),
            Self::BeforeActionHook => "apply aborted by OnBeforeAction hook: ",
            Self::DeleteHook => "post-delete hook: ",
            Self::ApplyHook => "post-apply hook: ",
            _ => "",
        };
        format!("{resource_type}/{name}: {prefix}{error}")
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
    /// Whether a context that ends after the delete keeps the create from being tried (E-063).
    pub stops_when_cancelled: bool,
}

/// The status of each way out of an action of a kind.
#[derive(Clone)]
pub struct StatusMap(Arc<MapStatus>);

type MapStatus = dyn Fn(Exit, &ActionKind) -> Status + Send + Sync;

impl StatusMap {
    /// The map that a function is.
    pub fn new(map: impl Fn(Exit, &ActionKind) -> Status + Send + Sync + 'static) -> Self {
        Self(Arc::new(map))
    }

    /// The status of an action of this kind that ended in this way.
    pub fn of(&self, exit: Exit, kind: &ActionKind) -> Status {
        (self.0)(exit, kind)
    }
}

impl fmt::Debug for StatusMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StatusMap")
    }
}

/// Takes an outcome into a result, given the way by which its action ended. What it leaves is what hooks are told.
pub type OutcomeSink = fn(&mut Vec<Outcome>, Exit, &mut Outcome);

/// How the loop over the actions was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finish {
    /// It was reached at all: the preflight let the plan through.
    pub reached: bool,
    /// The apply has an error.
    pub failed: bool,
    /// Single actions have failed.
    pub failures: bool,
}

/// What becomes of the loop after an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// The next action has its turn (E-025).
    Next,
    /// The apply ends, and has an error: that of the action, behind its type and name (E-032).
    Fail,
    /// The apply ends as if it were done. No engine should do this; it is there for one that does.
    Stop,
}

/// Names of variables, with their values or their fingerprints.
pub type Variables = BTreeMap<String, String>;

/// Everything in which engines differ, and in which an engine can be wrong.
#[derive(Clone, Debug)]
pub struct Semantics {
    /// How a provider is driven that declares this `compute_plan_version` (E-217).
    pub drives: fn(&str) -> Driven,
    /// Whether this hook is called where it has its place, given whether it is installed.
    pub hooks: fn(Hook, bool) -> bool,
    /// Whether the resource-deleted hook is called, given whether the delete was done (E-027).
    pub tells_deleted: fn(bool) -> bool,
    /// What the engine makes of a hook's answer (E-021, E-027, E-028, E-072).
    pub believes: fn(Hook, Result<(), String>) -> Result<(), String>,
    /// Why an action must not begin, given the context (E-020).
    pub heeds: fn(&Context) -> Option<Done>,
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
    /// How often the plan-complete hook is called in the end (E-071).
    pub finalizes: fn(Finish) -> u32,
    /// Takes the error of the plan-complete hook into the result, and gives the error of the apply (E-072).
    pub unfinished: fn(&mut ApplyResult, String) -> Option<String>,
    /// The inputs that are no longer what they were, given those of the plan and the environment (E-073).
    pub drift: fn(&Variables, &Variables) -> Vec<InputDrift>,
    /// What the host keeps of a resource, given the action, the spec that was applied, the output, and the outputs
    /// without their secrets (E-336).
    pub record: fn(&Action, &Spec, &ResourceOutput, JsonMap) -> Record,
    /// Which resource the host takes out of the state when that of this action was deleted (E-332).
    pub removes: fn(&Action) -> Option<String>,
    /// What the host makes of a finalizer's answer (E-316).
    pub finalized: fn(Result<Vec<ActionError>, String>) -> Result<(), String>,
    /// Whether the host deletes what an action of this kind brought and could not be saved (E-333, E-335).
    pub compensates: fn(&ActionKind) -> bool,
    /// What such a delete points at first (E-335).
    pub compensation: fn(&Action, &Spec, &ResourceOutput) -> ResourceRef,
    /// The id that the result carries, and the one of which a finalizer is told, given that of the plan (E-003).
    pub plan_id: fn(&str) -> String,
    /// What an apply reports where the provider was driven through `Apply`, given its accepted result or the error
    /// (D-010).
    pub adopt: fn(Result<ApplyResult, String>) -> (ApplyResult, Option<String>),
}

impl Semantics {
    /// The engine as it was at `revision`.
    pub fn at(revision: Revision) -> Self {
        let (status, outcomes): (StatusMap, OutcomeSink) = match revision.engine().status_map {
            StatusMapKind::None => (StatusMap::new(late_status), |_, _, _| {}),
            StatusMapKind::Late => (StatusMap::new(late_status), push),
            StatusMapKind::ByPhase => (StatusMap::new(status_by_phase), push),
        };
        Self {
            drives: |declared| if declared == "v2" { Driven::CallByCall } else { Driven::ByApply },
            hooks: |_, installed| installed,
            tells_deleted: |done| done,
            believes: |_, answer| answer,
            heeds: Context::done,
            preflight: |delete_hook| delete_hook,
            asks: &[ResolvePoint::Dispatch],
            calls: |_| true,
            order: |plan| (0..).zip(&plan.actions).map(|(index, _)| index).collect(),
            references: references::resolve,
            target: Action::target,
            replace: Replace {
                steps: &[Step::Delete, Step::Create],
                stops_at_failure: true,
                stops_when_cancelled: true,
            },
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
            gate,
            finalizes: |finish| u32::from(finish.reached && !finish.failed),
            unfinished: |result, error| {
                let whole = format!("plan finalize: {error}");
                result.errors.push(ActionError {
                    resource: FINALIZE.0.to_owned(),
                    action: FINALIZE.1.to_owned(),
                    error,
                });
                Some(whole)
            },
            drift: inputs::drift,
            record: |_, spec, output, outputs| Record::of(spec, output, outputs),
            removes: |action| Some(action.spec.name.clone()),
            finalized: host::finalized,
            compensates: |kind| matches!(kind, ActionKind::Create | ActionKind::Replace),
            compensation: |_, spec, output| ResourceRef {
                name: spec.name.clone(),
                resource_type: spec.resource_type.clone(),
                provider_id: output.provider_id.clone(),
            },
            plan_id: str::to_owned,
            adopt: |answer| match answer {
                Ok(result) => (result, None),
                Err(error) => (ApplyResult::default(), Some(error)),
            },
        }
    }
}

fn push(outcomes: &mut Vec<Outcome>, _: Exit, outcome: &mut Outcome) {
    outcomes.push(outcome.clone());
}

/// The gate as it has to be (E-025, E-032).
pub fn gate(exit: Exit) -> Gate {
    if exit.is_fatal() { Gate::Fail } else { Gate::Next }
}

/// The resource and the action under which the error list holds a failure of the plan-complete hook (E-072).
pub const FINALIZE: (&str, &str) = ("<plan-finalize>", "finalize");

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
        Exit::Driver | Exit::Replace | Exit::ReplaceCancelled | Exit::UnknownAction => Status::Error,
        Exit::ReplaceDeleteHook | Exit::DeleteHook | Exit::ApplyHook => Status::CompensationFailed,
    }
}
