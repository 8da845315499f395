//! The order in which things happen in an apply, as far as a file can know it: which faults end an action or the apply,
//! and which others therefore never happen.

use std::collections::HashMap;

use counterfoil_proto::{Revision, UndeclaredV2};

use super::{
    CallPoint, CancelPoint, EngineSetup, Fault, FaultKind, Hook, ResolvePoint, TransportKind,
    actions::{Actions, Verb},
};
use crate::rpc::{Code, Method};

/// What one action goes through, in this order (E-020 to E-030).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// A context that is cancelled before the action.
    Before,
    /// The before-action hook.
    Gate,
    /// References are resolved.
    Jit,
    /// The driver is resolved.
    Resolve,
    /// The first call, and those after it; a replace has its resource-deleted hook between them (E-062).
    First,
    DeletedBetween,
    Second,
    Third,
    /// The hook behind the calls.
    Hook,
    /// What is done because something failed: a delete that compensates, or a look at what is there.
    Aftermath,
    /// The action-complete hook, after the outcome.
    Complete,
    /// A context that is cancelled after the action.
    After,
}

/// When something happens.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// Before there is an apply: one of the calls by which a provider is loaded, in their order (E-215 to E-217).
    Load(usize),
    /// In the course of an action.
    At(usize, Phase),
    /// After the last action.
    End,
    /// Behind the plan-complete hook: `FinalizeApply` is called (E-316).
    Finalize,
}

/// The calls by which a provider is loaded, in their order.
const LOAD: [Method; 3] = [Method::ContractRegistry, Method::Initialize, Method::Capabilities];

/// A fault after which there is no apply.
#[derive(Clone, Copy)]
struct LoadEnd {
    fault: usize,
    /// The place of the call among those of the load.
    step: usize,
}

/// What a fault ends.
struct Effect {
    action: usize,
    /// From where on the action does nothing more, and whether an aftermath follows.
    ends: Option<(Phase, bool)>,
    /// From where on the engine looks at no further action.
    fatal: Option<Phase>,
    /// The last action that gets an outcome, if it is fatal.
    last: usize,
}

/// A fault after which an action does nothing more.
#[derive(Clone, Copy)]
struct ActionEnd {
    fault: usize,
    phase: Phase,
    /// Whether it has an aftermath.
    aftermath: bool,
}

/// A fault after which the engine looks at no further action.
#[derive(Clone, Copy)]
pub(super) struct ApplyEnd {
    /// Its position among the faults.
    pub(super) fault: usize,
    action: usize,
    phase: Phase,
    /// The last action that gets an outcome.
    pub(super) last: usize,
}

/// Preflight refuses the plan: because of this fault, or of drivers that replace by themselves.
#[derive(Clone, Copy)]
pub(super) struct Refused(pub(super) Option<usize>);

/// What to do about drivers that preflight refuses.
pub(super) const NO_REPLACER: &str = "leave `replacer` out, or give `engine: { hooks: […] }` without resource-deleted, which refuses such drivers";

/// What the faults of a scenario do to the course of its apply, on the supposition that all of them happen.
pub(super) struct Order<'a> {
    actions: &'a Actions,
    engine: &'a EngineSetup,
    faults: &'a [Fault],
    /// The provider is not loaded.
    load: Option<LoadEnd>,
    /// The apply ends before the first action.
    preflight: Option<Refused>,
    ends: HashMap<usize, ActionEnd>,
    /// The first fatal end.
    fatal: Option<ApplyEnd>,
}

/// Why a fault never happens.
pub(super) enum Never {
    /// Another fault has the load fail.
    LoadFails(usize),
    /// The apply ends in preflight.
    Preflight,
    /// Another fault ends the action before.
    ActionEnds(usize),
    /// Another fault ends the apply before.
    ApplyEnds(usize),
    /// Another fault fails the plan-complete hook, which would have called the finalizer.
    HookFails(usize),
    /// Another fault ends the context, and the finalizer is not called with one that is over.
    ContextEnds(usize),
}

impl<'a> Order<'a> {
    pub(super) fn of(
        actions: &'a Actions,
        engine: &'a EngineSetup,
        revisions: &[Revision],
        faults: &'a [Fault],
    ) -> Self {
        // Before 0.57 a provider whose capabilities fail is one that declares nothing.
        let declared =
            revisions.iter().all(|revision| revision.engine().undeclared_v2 == UndeclaredV2::Refused);
        let load = |(fault, kind): (usize, &FaultKind)| {
            let step = load_step(kind.failing_call()?)?;
            (declared || LOAD[step] != Method::Capabilities).then_some(LoadEnd { fault, step })
        };
        let kinds = faults.iter().map(|fault| &fault.kind);
        let load = kinds.enumerate().filter_map(load).min_by_key(|end| end.step);
        let refused = |fault: &Fault| {
            matches!(fault.kind, FaultKind::DriverResolveError { at: ResolvePoint::Preflight })
        };
        // E-012: a driver that replaces by itself and a hook that wants to see each delete do not go together.
        let replacer = engine.replacer
            && engine.hooks.has(Hook::ResourceDeleted)
            && actions.list.iter().any(|planned| planned.verb == Some(Verb::Replace));
        let preflight = match faults.iter().position(refused) {
            Some(fault) => Some(Refused(Some(fault))),
            None => replacer.then_some(Refused(None)),
        };
        let mut order = Self { actions, engine, faults, load, preflight, ends: HashMap::new(), fatal: None };
        let effects: Vec<_> = faults.iter().map(|fault| order.effect(fault)).collect();
        for (fault, effect) in effects.iter().enumerate() {
            if let Some(Effect { action, ends: Some((phase, aftermath)), .. }) = *effect {
                let end = ActionEnd { fault, phase, aftermath };
                let first = order.ends.entry(action).or_insert(end);
                if phase < first.phase {
                    *first = end;
                }
            }
        }
        for (fault, effect) in effects.into_iter().enumerate() {
            if let Some(Effect { action, fatal: Some(phase), last, .. }) = effect
                // Without a next action there is nothing left to be stopped.
                && last < actions.list.len()
                && order.fatal.is_none_or(|first| (action, phase) < (first.action, first.phase))
                && order.ended(fault).is_none()
            {
                order.fatal = Some(ApplyEnd { fault, action, phase, last });
            }
        }
        order
    }

    /// What a fault ends, if anything.
    fn effect(&self, fault: &Fault) -> Option<Effect> {
        let Moment::At(action, phase) = self.moment(fault) else { return None };
        let verb = self.actions.list[action].verb;
        let ends =
            |phase, aftermath| Effect { action, ends: Some((phase, aftermath)), fatal: None, last: action };
        // A context that is over stops the next action, which gets the outcome of that (E-020).
        let over = |ends| Effect { action, ends, fatal: Some(Phase::Complete), last: action + 1 };
        let fails = fault.kind.failing_call().is_some();
        Some(match &fault.kind {
            FaultKind::JitError | FaultKind::DriverResolveError { .. } => ends(phase, false),
            FaultKind::DispatchError {
                point: CallPoint { method: Method::Create, .. },
                code: Code::AlreadyExists,
                ..
            } if self.engine.upsert && verb == Some(Verb::Create) => return None,
            _ if fails && phase == Phase::Aftermath => return None,
            // A hang lasts until the context ends.
            FaultKind::Transport { kind: TransportKind::Hang, .. } => {
                over(Some((phase, verb == Some(Verb::Update))))
            }
            FaultKind::DispatchError { .. } | FaultKind::Transport { .. } if fails => {
                ends(phase, verb == Some(Verb::Update))
            }
            FaultKind::DispatchError { .. }
            | FaultKind::Transport { .. }
            | FaultKind::HookError { hook: Hook::ActionComplete | Hook::PlanComplete, .. }
            | FaultKind::Wire { .. }
            | FaultKind::FinalizeError { .. } => return None,
            FaultKind::HookError { hook, .. } => {
                Effect { fatal: Some(phase), ..ends(phase, *hook == Hook::ResourceApplied) }
            }
            FaultKind::Cancel { at: CancelPoint::Before(_) } => {
                Effect { fatal: Some(phase), ..ends(phase, false) }
            }
            // E-063: a replace is not gone on with after its delete; its hook is run before that is looked at.
            FaultKind::Cancel { at: CancelPoint::During(..) } => {
                let between = verb == Some(Verb::Replace) && phase == Phase::First;
                over(between.then_some((Phase::DeletedBetween, false)))
            }
            FaultKind::Cancel { at: CancelPoint::After(_) } => over(None),
        })
    }

    /// The moment of a call of an action.
    fn call(&self, action: usize, point: CallPoint) -> Moment {
        let phase = match (self.actions.list[action].verb, point.method, point.nth) {
            (Some(Verb::Replace), Method::Delete, 1) | (Some(Verb::Delete), ..) => Phase::First,
            (Some(Verb::Replace), Method::Create, _) | (Some(Verb::Create), Method::Read, _) => Phase::Second,
            (Some(Verb::Create), Method::Update, _) => Phase::Third,
            (Some(Verb::Replace | Verb::Create), Method::Delete, _)
            | (Some(Verb::Update), Method::Read, _) => Phase::Aftermath,
            _ => Phase::First,
        };
        Moment::At(action, phase)
    }

    fn moment(&self, fault: &Fault) -> Moment {
        match (&fault.kind, fault.action) {
            (FaultKind::JitError, Some(action)) => Moment::At(action, Phase::Jit),
            (FaultKind::DriverResolveError { .. }, Some(action)) => Moment::At(action, Phase::Resolve),
            (
                FaultKind::DispatchError { point, .. }
                | FaultKind::Transport { point, .. }
                | FaultKind::Wire { point, .. },
                Some(action),
            ) => self.call(action, *point),
            (
                FaultKind::DispatchError { point, .. }
                | FaultKind::Transport { point, .. }
                | FaultKind::Wire { point, .. },
                None,
            ) => match load_step(*point) {
                Some(step) => Moment::Load(step),
                None if point.method == Method::Finalize => Moment::Finalize,
                None => Moment::End,
            },
            (FaultKind::FinalizeError { .. }, _) => Moment::Finalize,
            (FaultKind::HookError { hook, .. }, Some(action)) => {
                let replace = self.actions.list[action].verb == Some(Verb::Replace);
                Moment::At(
                    action,
                    match hook {
                        Hook::BeforeAction => Phase::Gate,
                        Hook::ResourceDeleted if replace => Phase::DeletedBetween,
                        Hook::ActionComplete => Phase::Complete,
                        _ => Phase::Hook,
                    },
                )
            }
            (FaultKind::Cancel { at: CancelPoint::Before(action) }, _) => Moment::At(*action, Phase::Before),
            (FaultKind::Cancel { at: CancelPoint::During(action, point) }, _) => self.call(*action, *point),
            (FaultKind::Cancel { at: CancelPoint::After(action) }, _) => Moment::At(*action, Phase::After),
            _ => Moment::End,
        }
    }

    /// Why a fault never happens, if another sees to that.
    pub(super) fn never(&self, fault: usize) -> Option<Never> {
        let moment = self.moment(&self.faults[fault]);
        if let Some(load) = self.load.filter(|load| load.fault != fault) {
            let behind = match moment {
                Moment::Load(step) => step > load.step,
                Moment::At(..) | Moment::End | Moment::Finalize => true,
            };
            if behind {
                return Some(Never::LoadFails(load.fault));
            }
        }
        // Striking a whole type may need more of these than can happen.
        let resolver = matches!(self.faults[fault].kind, FaultKind::DriverResolveError { .. });
        if resolver || matches!(moment, Moment::Load(_)) {
            return None;
        }
        if self.preflight.is_some() {
            return Some(Never::Preflight);
        }
        if let Some(fatal) = self.fatal.filter(|fatal| fatal.fault != fault) {
            let behind = match moment {
                Moment::Load(_) => false,
                Moment::End | Moment::Finalize => true,
                Moment::At(action, phase) if action == fatal.action => {
                    phase == Phase::After && fatal.phase < Phase::Complete
                }
                Moment::At(action, phase) => {
                    action > fatal.last
                        || (action == fatal.last && phase != Phase::Complete && action > fatal.action)
                }
            };
            if behind {
                return Some(Never::ApplyEnds(fatal.fault));
            }
        }
        if moment == Moment::Finalize {
            return self.not_finalized();
        }
        self.ended(fault).map(Never::ActionEnds)
    }

    /// Why the finalizer is not called at the end of an apply that is not ended before.
    fn not_finalized(&self) -> Option<Never> {
        let fails =
            |fault: &Fault| matches!(fault.kind, FaultKind::HookError { hook: Hook::PlanComplete, .. });
        let hook = self.faults.iter().position(fails).map(Never::HookFails);
        let context = || (0..self.faults.len()).find(|fault| self.ends_context(*fault));
        hook.or_else(|| context().map(Never::ContextEnds))
    }

    /// Whether the context is over because of this fault.
    fn ends_context(&self, fault: usize) -> bool {
        let ends = match self.faults[fault].kind {
            FaultKind::Cancel { .. } => true,
            // What is done because something failed has a context of its own.
            FaultKind::Transport { kind: TransportKind::Hang, .. } => {
                matches!(self.moment(&self.faults[fault]), Moment::At(_, phase) if phase != Phase::Aftermath)
            }
            _ => false,
        };
        ends && self.ended(fault).is_none()
    }

    /// The fault that has the load fail.
    pub(super) fn load(&self) -> Option<usize> {
        self.load.map(|end| end.fault)
    }

    /// The fault that ends the action before this one strikes it.
    fn ended(&self, fault: usize) -> Option<usize> {
        let Moment::At(action, phase) = self.moment(&self.faults[fault]) else { return None };
        let end = self.ends.get(&action).filter(|end| end.fault != fault)?;
        let done =
            phase > end.phase && phase < Phase::Complete && !(phase == Phase::Aftermath && end.aftermath);
        done.then_some(end.fault)
    }

    /// The refusal of preflight, if there is one.
    pub(super) fn preflight(&self) -> Option<Refused> {
        self.preflight
    }

    /// Whether the engine does not know what to do for an action (E-024).
    pub(super) fn is_unknown(&self, action: usize) -> bool {
        self.actions.list[action].verb == Some(Verb::Unknown)
    }

    /// The fault that fails an action.
    pub(super) fn failure(&self, action: usize) -> Option<usize> {
        let end = self.ends.get(&action).map(|end| end.fault);
        // What comes after the end of a context is skipped.
        end.or_else(|| {
            self.fatal.filter(|fatal| fatal.last == action && action > fatal.action).map(|fatal| fatal.fault)
        })
    }

    /// The fault that ends the apply.
    pub(super) fn fatal(&self) -> Option<ApplyEnd> {
        self.fatal
    }
}

/// The place of a call among those by which a provider is loaded.
fn load_step(point: CallPoint) -> Option<usize> {
    LOAD.iter().position(|method| *method == point.method)
}
