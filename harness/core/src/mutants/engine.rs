//! Engines that are wrong in one way each.

use crate::{
    engine::{
        Exit, Gate, Replace, Semantics, Step, references,
        semantics::{late_status, status_by_phase},
    },
    outcome::{ApplyResult, Outcome, Status},
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
            semantics.outcomes = |outcomes, outcome| {
                if outcome.status == Status::Success {
                    outcomes.push(outcome);
                }
            };
        },
    },
    EngineMutant {
        name: "records-twice",
        what: "a failure is recorded where it happens and again at the end of the action",
        caught_by: &["OUT-002"],
        alter: |semantics| {
            semantics.outcomes = |outcomes, outcome| {
                if outcome.status != Status::Success {
                    outcomes.push(outcome.clone());
                }
                outcomes.push(outcome);
            };
        },
    },
    EngineMutant {
        name: "wrong-index",
        what: "outcomes carry an index that is none of the plan",
        caught_by: &["OUT-001", "OUT-003"],
        alter: |semantics| {
            semantics.outcomes = |outcomes, mut outcome| {
                outcome.action_index += 1 << 20;
                outcomes.push(outcome);
            };
        },
    },
    EngineMutant {
        name: "newest-first",
        what: "outcomes are listed in reverse",
        caught_by: &["OUT-004"],
        alter: |semantics| semantics.outcomes = |outcomes, outcome| outcomes.insert(0, outcome),
    },
    EngineMutant {
        name: "always-success",
        what: "every action ends as a success, whatever happened",
        caught_by: &["OUT-005"],
        alter: |semantics| {
            semantics.outcomes = |outcomes, outcome| {
                outcomes.push(Outcome { status: Status::Success, error: String::new(), ..outcome });
            };
        },
    },
    EngineMutant {
        name: "sees-failures",
        what: "what was done is reported as an error",
        caught_by: &["OUT-006"],
        alter: |semantics| {
            semantics.outcomes = |outcomes, mut outcome| {
                if outcome.status == Status::Success {
                    outcome.status = Status::Error;
                    "the action may have failed".clone_into(&mut outcome.error);
                }
                outcomes.push(outcome);
            };
        },
    },
    EngineMutant {
        name: "late-status-map",
        what: "one status map by the action's word, as before 0.56",
        caught_by: &["OUT-007"],
        alter: |semantics| semantics.status = late_status,
    },
    EngineMutant {
        name: "early-status-map",
        what: "a status for each phase, as from 0.56 on, before there was one",
        caught_by: &["OUT-007"],
        alter: |semantics| semantics.status = status_by_phase,
    },
    EngineMutant {
        name: "wordless",
        what: "failures carry no text",
        caught_by: &["OUT-008"],
        alter: |semantics| {
            semantics.outcomes = |outcomes, mut outcome| {
                outcome.error.clear();
                outcomes.push(outcome);
            };
        },
    },
    EngineMutant {
        name: "talks-of-success",
        what: "a success carries a text",
        caught_by: &["OUT-008"],
        alter: |semantics| {
            semantics.outcomes = |outcomes, mut outcome| {
                if outcome.status == Status::Success {
                    "done".clone_into(&mut outcome.error);
                }
                outcomes.push(outcome);
            };
        },
    },
    EngineMutant {
        name: "own-words",
        what: "failures carry a text of the engine's own instead of the provider's",
        caught_by: &["OUT-009"],
        alter: |semantics| {
            semantics.outcomes = |outcomes, mut outcome| {
                if !outcome.error.is_empty() {
                    "the action failed".clone_into(&mut outcome.error);
                }
                outcomes.push(outcome);
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
        caught_by: &["DSP-002", "OUT-009", "OUT-010"],
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
                _ => Gate::Stop,
            };
        },
    },
    EngineMutant {
        name: "fails-fast",
        what: "the first failure ends the apply, and is its error",
        caught_by: &["DSP-005", "DSP-010", "OUT-001"],
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
        caught_by: &["OUT-013"],
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
        alter: |semantics| semantics.replace.steps = &[Step::Create, Step::Delete],
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
        caught_by: &["DSP-002", "DSP-006", "OUT-009", "OUT-010", "REP-004"],
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
];

/// The target of an action, its id left out unless it is of the kind that is spared.
fn without_id(action: &Action, spared: &ActionKind) -> ResourceRef {
    let mut target = action.target();
    if action.kind != *spared {
        target.provider_id.clear();
    }
    target
}
