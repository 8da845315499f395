//! Engines that are wrong in one way each.

use counterfoil_proto::Hook;

use crate::{
    engine::{
        Exit, Gate, Record, Replace, Semantics, StatusMap, Step, references,
        semantics::{gate, late_status, status_by_phase},
    },
    outcome::{ApplyResult, Status},
    plan::{Action, ActionKind, ResourceRef},
    scenario::ResolvePoint,
    trace::Driven,
};

/// An engine with one field of its semantics replaced.
#[derive(Debug)]
pub struct EngineMutant {
    /// Its name.
    pub name: &'static str,
    /// What it does wrong.
    pub what: &'static str,
    /// The rules that catch it; no other may.
    pub caught_by: &'static [&'static str],
    /// Breaks the semantics.
    pub alter: fn(&mut Semantics),
}

/// Every broken engine.
pub const ENGINES: &[EngineMutant] = &[
    EngineMutant {
        name: "forgets-failures",
        what: "an action that failed leaves no outcome",
        caught_by: &["OUT-001"],
        alter: |semantics| {
            semantics.outcomes = |outcomes, _, outcome| {
                if outcome.status == Status::Success {
                    outcomes.push(outcome.clone());
                }
            };
        },
    },
    EngineMutant {
        name: "records-twice",
        what: "a failure is recorded where it happens and again at the end of the action",
        caught_by: &["OUT-002"],
        alter: |semantics| {
            semantics.outcomes = |outcomes, _, outcome| {
                if outcome.status != Status::Success {
                    outcomes.push(outcome.clone());
                }
                outcomes.push(outcome.clone());
            };
        },
    },
    EngineMutant {
        name: "wrong-index",
        what: "outcomes carry an index that is none of the plan",
        caught_by: &["OUT-001", "OUT-003"],
        alter: |semantics| {
            semantics.outcomes = |outcomes, _, outcome| {
                outcome.action_index += 1 << 20;
                outcomes.push(outcome.clone());
            };
        },
    },
    EngineMutant {
        name: "newest-first",
        what: "outcomes are listed in reverse",
        caught_by: &["OUT-004"],
        alter: |semantics| semantics.outcomes = |outcomes, _, outcome| outcomes.insert(0, outcome.clone()),
    },
    EngineMutant {
        name: "always-success",
        what: "every action ends as a success, whatever happened",
        caught_by: &["OUT-005"],
        alter: |semantics| {
            semantics.outcomes = |outcomes, _, outcome| {
                outcome.status = Status::Success;
                outcome.error.clear();
                outcomes.push(outcome.clone());
            };
        },
    },
    EngineMutant {
        name: "sees-failures",
        what: "what was done is reported as an error",
        caught_by: &["OUT-006"],
        alter: |semantics| {
            semantics.outcomes = |outcomes, _, outcome| {
                if outcome.status == Status::Success {
                    outcome.status = Status::Error;
                    "the action may have failed".clone_into(&mut outcome.error);
                }
                outcomes.push(outcome.clone());
            };
        },
    },
    EngineMutant {
        name: "late-status-map",
        what: "one status map by the action's word, as before 0.56",
        caught_by: &["HOOK-010", "OUT-007"],
        alter: |semantics| semantics.status = StatusMap::new(late_status),
    },
    EngineMutant {
        name: "early-status-map",
        what: "a status for each phase, as from 0.56 on, before there was one",
        caught_by: &["OUT-007"],
        alter: |semantics| semantics.status = StatusMap::new(status_by_phase),
    },
    EngineMutant {
        name: "wordless",
        what: "failures carry no text",
        caught_by: &["OUT-008"],
        alter: |semantics| {
            semantics.outcomes = |outcomes, _, outcome| {
                outcome.error.clear();
                outcomes.push(outcome.clone());
            };
        },
    },
    EngineMutant {
        name: "talks-of-success",
        what: "a success carries a text",
        caught_by: &["OUT-008"],
        alter: |semantics| {
            semantics.outcomes = |outcomes, _, outcome| {
                if outcome.status == Status::Success {
                    "done".clone_into(&mut outcome.error);
                }
                outcomes.push(outcome.clone());
            };
        },
    },
    EngineMutant {
        name: "own-words",
        what: "failures carry a text of the engine's own instead of the provider's",
        caught_by: &["OUT-009"],
        alter: |semantics| {
            semantics.outcomes = |outcomes, _, outcome| {
                if !outcome.error.is_empty() {
                    "the action failed".clone_into(&mut outcome.error);
                }
                outcomes.push(outcome.clone());
            };
        },
    },
    EngineMutant {
        name: "errors-unlisted",
        what: "the error list stays empty, so the command exits 0",
        caught_by: &["OUT-010"],
        alter: |semantics| semantics.errors = |_, _| {},
    },
    EngineMutant {
        name: "errors-listed-twice",
        what: "each error is listed where it happens and again at the end of the action",
        caught_by: &["OUT-010"],
        alter: |semantics| semantics.errors = |errors, error| errors.extend([error.clone(), error]),
    },
    EngineMutant {
        name: "resources-unlisted",
        what: "the result lists no resources, so no state is written",
        caught_by: &["OUT-011"],
        alter: |semantics| semantics.resources = |_, _| {},
    },
    EngineMutant {
        name: "resources-listed-twice",
        what: "each resource is listed twice, so that state is written twice",
        caught_by: &["OUT-011"],
        alter: |semantics| {
            semantics.resources = |resources, resource| resources.extend([resource.clone(), resource]);
        },
    },
    EngineMutant {
        name: "last-first",
        what: "the last action runs first",
        caught_by: &["DSP-001", "OUT-004"],
        alter: |semantics| {
            semantics.order = |plan| {
                let mut order: Vec<u32> = (0..).zip(&plan.actions).map(|(index, _)| index).collect();
                if order.len() > 1 {
                    order.rotate_right(1);
                }
                order
            };
        },
    },
    EngineMutant {
        name: "unresolved-goes-out",
        what: "a config whose references do not resolve goes to the driver as it is",
        caught_by: &["DSP-002"],
        alter: |semantics| {
            semantics.references =
                |config, scope| Ok(references::resolve(config, scope).unwrap_or_else(|_| config.clone()));
        },
    },
    // What can be referred to decides also which reference of several fails first, and so the text of the failure.
    EngineMutant {
        name: "remembers-what-is-gone",
        what: "the outputs of a deleted resource can still be referred to",
        caught_by: &["DSP-002", "OUT-009"],
        alter: |semantics| semantics.forget = |_, _| {},
    },
    EngineMutant {
        name: "asks-until-yes",
        what: "a driver that was refused is asked for again, under another pretext",
        caught_by: &["DSP-003"],
        alter: |semantics| semantics.asks = &[ResolvePoint::Dispatch, ResolvePoint::Preflight],
    },
    EngineMutant {
        name: "skips-deletes",
        what: "a delete is reported as done, and the driver never hears of it",
        caught_by: &["DSP-004", "OUT-005"],
        alter: |semantics| semantics.calls = |kind| *kind != ActionKind::Delete,
    },
    EngineMutant {
        name: "stops-at-failure",
        what: "the first failure ends the loop",
        caught_by: &["DSP-005", "OUT-001"],
        alter: |semantics| {
            semantics.gate = |exit| match exit {
                Exit::Clean => Gate::Next,
                fatal if fatal.is_fatal() => Gate::Fail,
                _ => Gate::Stop,
            };
        },
    },
    EngineMutant {
        name: "fails-fast",
        what: "the first failure ends the apply, and is its error",
        caught_by: &["DSP-005", "DSP-010", "FIN-001", "OUT-001"],
        alter: |semantics| {
            semantics.gate = |exit| match exit {
                Exit::Clean => Gate::Next,
                _ => Gate::Fail,
            };
        },
    },
    EngineMutant {
        name: "forgets-the-plan",
        what: "the result does not say which plan it is of",
        caught_by: &["FIN-004", "OUT-013"],
        alter: |semantics| semantics.plan_id = |_| String::new(),
    },
    EngineMutant {
        name: "swallows-apply-errors",
        what: "an Apply that failed, or whose reply was refused, ends the apply without an error",
        caught_by: &["OUT-014"],
        alter: |semantics| semantics.adopt = |answer| (answer.unwrap_or_default(), None),
    },
    EngineMutant {
        name: "drops-apply-results",
        what: "what a provider reports through Apply is thrown away",
        caught_by: &["OUT-014"],
        alter: |semantics| semantics.adopt = |answer| (ApplyResult::default(), answer.err()),
    },
    EngineMutant {
        name: "skips-replaces",
        what: "a replace is reported as done, and the driver never hears of it",
        caught_by: &["OUT-005", "REP-001"],
        alter: |semantics| semantics.calls = |kind| *kind != ActionKind::Replace,
    },
    EngineMutant {
        name: "rescans",
        what: "what a reference resolved to is scanned for references again",
        caught_by: &["DSP-006"],
        alter: |semantics| {
            semantics.references = |config, scope| {
                let once = references::resolve(config, scope)?;
                Ok(references::resolve(&once, scope).unwrap_or(once))
            };
        },
    },
    EngineMutant {
        name: "loses-ids",
        what: "updates and deletes point at a resource by name, without its id",
        caught_by: &["DSP-007"],
        alter: |semantics| semantics.target = |action| without_id(action, &ActionKind::Replace),
    },
    EngineMutant {
        name: "apply-for-v2",
        what: "a provider that declares v2 is handed the plan through Apply",
        caught_by: &["DSP-008"],
        alter: |semantics| semantics.drives = |_| Driven::ByApply,
    },
    EngineMutant {
        name: "drives-everyone",
        what: "a provider that does not declare v2 is driven call by call all the same",
        caught_by: &["DSP-008"],
        alter: |semantics| semantics.drives = |_| Driven::CallByCall,
    },
    EngineMutant {
        name: "no-preflight",
        what: "replaces are begun before their drivers are known",
        caught_by: &["DSP-009"],
        alter: |semantics| semantics.preflight = |_| false,
    },
    EngineMutant {
        name: "creates-first",
        what: "a replace creates the successor before it deletes",
        caught_by: &["REP-001"],
        alter: |semantics| {
            let steps = &[Step::Create, Step::Delete];
            semantics.replace = Replace { steps, stops_when_cancelled: false, ..semantics.replace };
        },
    },
    EngineMutant {
        name: "creates-anyway",
        what: "a replace goes on to create after its delete failed",
        caught_by: &["REP-002"],
        alter: |semantics| {
            semantics.replace = Replace { stops_at_failure: false, ..semantics.replace };
        },
    },
    EngineMutant {
        name: "only-deletes",
        what: "a replace stops after its delete",
        caught_by: &["OUT-005", "REP-003"],
        alter: |semantics| semantics.replace.steps = &[Step::Delete],
    },
    // Later references read the id map: what is wrong in it goes out to drivers, or has another reference fail first.
    EngineMutant {
        name: "maps-failed-replaces",
        what: "the id map is filled after a failed create too",
        caught_by: &["DSP-002", "DSP-006", "OUT-009", "REP-004"],
        alter: |semantics| {
            semantics.replaced = |ids, name, old, new| {
                ids.insert(name.to_owned(), new.unwrap_or(old).to_owned());
            };
        },
    },
    EngineMutant {
        name: "maps-old-ids",
        what: "the id map leads to the resource that was replaced",
        caught_by: &["DSP-006", "REP-004"],
        alter: |semantics| {
            semantics.replaced = |ids, name, old, new| {
                if new.is_some() {
                    ids.insert(name.to_owned(), old.to_owned());
                }
            };
        },
    },
    EngineMutant {
        name: "maps-by-id",
        what: "the id map has an entry under the old id too, besides the one under the name",
        caught_by: &["REP-004"],
        alter: |semantics| {
            semantics.replaced = |ids, name, old, new| {
                if let Some(new) = new {
                    ids.insert(name.to_owned(), new.to_owned());
                    ids.insert(format!("id {old}"), new.to_owned());
                }
            };
        },
    },
    EngineMutant {
        name: "replaces-by-name",
        what: "a replace deletes by name, without the id of the old resource",
        caught_by: &["REP-005"],
        alter: |semantics| {
            semantics.target = |action| match action.kind {
                ActionKind::Replace => without_id(action, &ActionKind::Create),
                _ => action.target(),
            };
        },
    },
    EngineMutant {
        name: "records-after-dispatch",
        what: "an outcome is recorded only for what came to its driver",
        caught_by: &["OUT-001"],
        alter: |semantics| {
            semantics.outcomes = |outcomes, exit, outcome| {
                if !exit.is_before_dispatch() {
                    outcomes.push(outcome.clone());
                }
            };
        },
    },
    EngineMutant {
        name: "drift-unreported",
        what: "inputs that changed since the plan was made are not reported",
        caught_by: &["OUT-015"],
        alter: |semantics| semantics.drift = |_, _| Vec::new(),
    },
    // The rows of table A.4, each with the status of another row.
    EngineMutant {
        name: "clean-is-an-error",
        what: "what was done is an error",
        caught_by: &["OUT-006", "OUT-008"],
        alter: |semantics| other_status(semantics, |exit, _| (exit == Exit::Clean).then_some(Status::Error)),
    },
    EngineMutant {
        name: "cancelled-is-an-error",
        what: "what a cancelled context kept from beginning is an error",
        caught_by: &["OUT-007"],
        alter: |semantics| {
            other_status(semantics, |exit, kind| (exit == Exit::Cancelled).then(|| plain(kind)));
        },
    },
    EngineMutant {
        name: "gate-is-an-error",
        what: "what the before-action hook refused is an error",
        caught_by: &["OUT-007"],
        alter: |semantics| {
            other_status(semantics, |exit, kind| (exit == Exit::BeforeActionHook).then(|| plain(kind)));
        },
    },
    EngineMutant {
        name: "unresolved-is-an-error",
        what: "what did not resolve is an error",
        caught_by: &["OUT-007"],
        alter: |semantics| {
            other_status(semantics, |exit, kind| (exit == Exit::References).then(|| plain(kind)));
        },
    },
    EngineMutant {
        name: "no-driver-is-an-error",
        what: "what found no driver is an error",
        caught_by: &["OUT-007"],
        alter: |semantics| {
            other_status(semantics, |exit, kind| (exit == Exit::DriverResolve).then(|| plain(kind)));
        },
    },
    EngineMutant {
        name: "failed-is-skipped",
        what: "a create or an update that failed is skipped",
        caught_by: &["OUT-007"],
        alter: |semantics| {
            other_status(semantics, |exit, kind| {
                (exit == Exit::Driver && *kind != ActionKind::Delete).then_some(Status::Skipped)
            });
        },
    },
    EngineMutant {
        name: "failed-delete-is-an-error",
        what: "a delete that failed is an error",
        caught_by: &["OUT-007"],
        alter: |semantics| {
            other_status(semantics, |exit, kind| {
                (exit == Exit::Driver && *kind == ActionKind::Delete).then_some(Status::Error)
            });
        },
    },
    EngineMutant {
        name: "failed-replace-is-a-failed-delete",
        what: "a replace that failed is a failed delete",
        caught_by: &["OUT-007"],
        alter: |semantics| {
            other_status(semantics, |exit, _| (exit == Exit::Replace).then_some(Status::DeleteFailed));
        },
    },
    EngineMutant {
        name: "half-replaced-is-skipped",
        what: "a replace that was cancelled half-way is skipped",
        caught_by: &["OUT-007"],
        alter: |semantics| {
            other_status(semantics, |exit, _| (exit == Exit::ReplaceCancelled).then_some(Status::Skipped));
        },
    },
    EngineMutant {
        name: "unknown-is-skipped",
        what: "an action of an unknown word is skipped",
        caught_by: &["OUT-007"],
        alter: |semantics| {
            other_status(semantics, |exit, _| (exit == Exit::UnknownAction).then_some(Status::Skipped));
        },
    },
    EngineMutant {
        name: "untold-replace-is-an-error",
        what: "a replace whose delete hook failed is an error",
        caught_by: &["HOOK-010"],
        alter: |semantics| {
            other_status(semantics, |exit, _| (exit == Exit::ReplaceDeleteHook).then_some(Status::Error));
        },
    },
    EngineMutant {
        name: "untold-delete-is-a-failed-delete",
        what: "a delete whose hook failed is a failed delete",
        caught_by: &["HOOK-010"],
        alter: |semantics| {
            other_status(semantics, |exit, _| (exit == Exit::DeleteHook).then_some(Status::DeleteFailed));
        },
    },
    EngineMutant {
        name: "unsaved-is-an-error",
        what: "a resource that could not be saved is an error",
        caught_by: &["HOOK-010"],
        alter: |semantics| {
            other_status(semantics, |exit, _| (exit == Exit::ApplyHook).then_some(Status::Error));
        },
    },
    EngineMutant {
        name: "skips-when-cancelled",
        what: "a cancelled context skips an action, and the loop goes on to the next",
        caught_by: &["DSP-010", "DSP-012", "FIN-002"],
        alter: |semantics| {
            semantics.gate = |exit| match exit {
                Exit::Cancelled => Gate::Next,
                other => gate(other),
            };
        },
    },
    EngineMutant {
        name: "never-cancelled",
        what: "the context is looked at nowhere",
        caught_by: &["DSP-010", "DSP-012", "DSP-013", "FIN-002", "OUT-009"],
        alter: |semantics| {
            semantics.heeds = |_| None;
            semantics.replace.stops_when_cancelled = false;
        },
    },
    EngineMutant {
        name: "looks-not-between",
        what: "a replace does not look at the context between its delete and its create",
        caught_by: &["OUT-009"],
        alter: |semantics| semantics.replace.stops_when_cancelled = false,
    },
    EngineMutant {
        name: "goes-on-after-the-gate",
        what: "what the before-action hook refused ends its action, and the loop goes on",
        caught_by: &["DSP-010", "DSP-012", "FIN-002"],
        alter: |semantics| {
            semantics.gate = |exit| match exit {
                Exit::BeforeActionHook => Gate::Next,
                other => gate(other),
            };
        },
    },
    EngineMutant {
        name: "goes-on-unsaved",
        what: "a fatal error of a hook behind an action does not stop the loop",
        caught_by: &["DSP-010", "DSP-012", "FIN-002"],
        alter: |semantics| {
            semantics.gate = |exit| if exit == Exit::Cancelled { Gate::Fail } else { Gate::Next };
        },
    },
    EngineMutant {
        name: "calls-what-is-not-installed",
        what: "every hook is called, also those that nobody installed, or that the revision does not have",
        caught_by: &["HOOK-014"],
        alter: |semantics| semantics.hooks = |_, _| true,
    },
    EngineMutant {
        name: "no-gate",
        what: "the before-action hook is never called",
        caught_by: &["HOOK-001"],
        alter: |semantics| semantics.hooks = |hook, installed| installed && hook != Hook::BeforeAction,
    },
    EngineMutant {
        name: "overrules-the-gate",
        what: "what the before-action hook says changes nothing",
        caught_by: &["DSP-010", "DSP-012", "FIN-002", "HOOK-002", "OUT-005"],
        alter: |semantics| {
            semantics.believes = |hook, answer| if hook == Hook::BeforeAction { Ok(()) } else { answer };
        },
    },
    EngineMutant {
        name: "no-applied-hook",
        what: "the host is never told of an applied resource, so no state is written",
        caught_by: &["HOOK-003", "HOOK-015"],
        alter: |semantics| semantics.hooks = |hook, installed| installed && hook != Hook::ResourceApplied,
    },
    EngineMutant {
        name: "unsaved-is-a-success",
        what: "that an applied resource could not be saved changes nothing",
        caught_by: &["DSP-010", "DSP-012", "FIN-002", "OUT-005"],
        alter: |semantics| {
            semantics.believes = |hook, answer| if hook == Hook::ResourceApplied { Ok(()) } else { answer };
        },
    },
    EngineMutant {
        name: "no-deleted-hook",
        what: "the host is never told of a delete, so the state keeps what is gone",
        caught_by: &["HOOK-004", "HOOK-015"],
        alter: |semantics| semantics.hooks = |hook, installed| installed && hook != Hook::ResourceDeleted,
    },
    EngineMutant {
        name: "deleted-hook-after-failures",
        what: "the host is told of a delete also where it failed, so the state loses what still stands",
        caught_by: &["HOOK-005"],
        alter: |semantics| semantics.tells_deleted = |_| true,
    },
    EngineMutant {
        name: "no-complete-hook",
        what: "the host is never told how actions end",
        caught_by: &["HOOK-006"],
        alter: |semantics| semantics.hooks = |hook, installed| installed && hook != Hook::ActionComplete,
    },
    EngineMutant {
        name: "keeps-references",
        what: "the state keeps the config as planned, with its references",
        caught_by: &["HOOK-007"],
        alter: |semantics| {
            semantics.record = |action, _, output, outputs| Record::of(&action.spec, output, outputs);
        },
    },
    EngineMutant {
        name: "keeps-secrets",
        what: "the state keeps secret outputs in clear",
        caught_by: &["HOOK-009"],
        alter: |semantics| {
            semantics.record = |_, spec, output, _| Record::of(spec, output, output.outputs.clone());
        },
    },
    EngineMutant {
        name: "keeps-the-deleted",
        what: "the state keeps what was deleted",
        caught_by: &["HOOK-008", "HOOK-015"],
        alter: |semantics| semantics.removes = |_| None,
    },
    EngineMutant {
        name: "never-compensates",
        what: "what was created and could not be saved is left to itself",
        caught_by: &["HOOK-013"],
        alter: |semantics| semantics.compensates = |_| false,
    },
    EngineMutant {
        name: "compensates-updates",
        what: "a resource that was updated and could not be saved is deleted",
        caught_by: &["DSP-011"],
        alter: |semantics| semantics.compensates = |_| true,
    },
    EngineMutant {
        name: "compensates-the-old",
        what: "the delete that makes good a replace points at the predecessor",
        caught_by: &["HOOK-012"],
        alter: |semantics| semantics.compensation = |action, _, _| action.target(),
    },
    EngineMutant {
        name: "never-finalizes",
        what: "the plan-complete hook is never called",
        caught_by: &["FIN-001"],
        alter: |semantics| semantics.hooks = |hook, installed| installed && hook != Hook::PlanComplete,
    },
    EngineMutant {
        name: "finalizes-twice",
        what: "the plan-complete hook is called twice",
        caught_by: &["FIN-001"],
        alter: |semantics| semantics.finalizes = |finish| 2 * u32::from(finish.reached && !finish.failed),
    },
    EngineMutant {
        name: "finalizes-clean-runs-alone",
        what: "the plan-complete hook is not called where a single action failed",
        caught_by: &["FIN-001"],
        alter: |semantics| {
            semantics.finalizes = |finish| u32::from(finish.reached && !finish.failed && !finish.failures);
        },
    },
    EngineMutant {
        name: "finalizes-after-fatal",
        what: "the plan-complete hook is called also where something ended the apply",
        caught_by: &["FIN-002"],
        alter: |semantics| semantics.finalizes = |_| 1,
    },
    EngineMutant {
        name: "finalizer-unheard",
        what: "what a finalizer reports is not read",
        caught_by: &["FIN-005"],
        alter: |semantics| semantics.finalized = |_| Ok(()),
    },
    EngineMutant {
        name: "unfinished-unseen",
        what: "that the plan-complete hook failed is reported to nobody",
        caught_by: &["DSP-010", "FIN-003"],
        alter: |semantics| semantics.unfinished = |_, _| None,
    },
];

/// Gives some rows of the status table another status.
fn other_status(semantics: &mut Semantics, changed: fn(Exit, &ActionKind) -> Option<Status>) {
    let honest = semantics.status.clone();
    let status = move |exit, kind: &ActionKind| changed(exit, kind).unwrap_or_else(|| honest.of(exit, kind));
    semantics.status = StatusMap::new(status);
}

/// The status of what failed in its driver.
fn plain(kind: &ActionKind) -> Status {
    if *kind == ActionKind::Delete { Status::DeleteFailed } else { Status::Error }
}

/// The target of an action, its id left out unless it is of the kind that is spared.
fn without_id(action: &Action, spared: &ActionKind) -> ResourceRef {
    let mut target = action.target();
    if action.kind != *spared {
        target.provider_id.clear();
    }
    target
}
