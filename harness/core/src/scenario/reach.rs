//! Which faults, calls, hooks and seams a scenario can reach. What it cannot is a mistake in its file.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap, HashSet},
    mem,
    num::NonZeroU32,
    time::Duration,
};

use counterfoil_proto::Revision;

use super::{
    CallPoint, CancelPoint, EngineSetup, Fault, FaultKind, Hook, Need, ResolvePoint, Seam, Services, Span,
    TransportKind,
    actions::{Actions, Verb},
    diagnostic::{Report, shown},
    fault_parts,
    faults::{AtShape, FaultEntry, FaultShape, Inject, MomentShape},
    file::HookWord,
    order::{NO_REPLACER, Never, Order, Refused},
    read::{At, List, Tried, Word, distinct, listed},
};
use crate::{outcome::Status, rpc::Method};

/// What decides what can be reached.
pub(super) struct Reach<'a> {
    /// The plan goes to the provider in one `Apply` call.
    v1: bool,
    revisions: Vec<Revision>,
    engine: &'a EngineSetup,
    services: Services,
    actions: &'a Actions,
    /// Actions whose resource may be deleted again, because something behind its create fails, and by how many deletes:
    /// by its id and then by its name (E-335), and where it may have another identity, by that too (E-333).
    undone: HashMap<usize, u32>,
}

/// Who makes the calls of an action that are meant.
#[derive(Clone, Copy)]
enum By {
    /// The engine, in the course of the apply.
    Engine,
    /// The engine, or the harness behind it.
    Anyone,
}

/// How a mistake about a hook is named: its code, and its label.
#[derive(Clone, Copy)]
pub(super) struct HookUse(&'static str, &'static str);

impl HookUse {
    const FAULT: Self = Self("unreachable-fault", "never happens");
    pub(super) const EXPECTED: Self = Self("hook-not-called", "never called");
}

impl<'a> Reach<'a> {
    pub(super) fn new(
        v1: bool,
        revisions: Vec<Revision>,
        engine: &'a EngineSetup,
        services: Services,
        actions: &'a Actions,
        faults: &List<FaultEntry>,
    ) -> Self {
        let undone = faults.0.iter().flatten().filter_map(|FaultEntry { shape, .. }| {
            let action = actions.get(&shape.action.as_ref()?.value)?;
            let verb = actions.list[action].verb?;
            let call = shape.call.as_ref().map(|call| call.value);
            let deletes = match shape.inject.0? {
                Inject::HookError => {
                    let hook = shape.hook.as_ref().and_then(|hook| hook.0.as_ref());
                    if hook.is_some_and(|hook| hook.value.hook() == Hook::ResourceApplied) { 2 } else { 0 }
                }
                // What is created may be reported under another name, say.
                Inject::Wire if call == Some(Method::Create) => 4,
                Inject::Wire if call.is_none() && verb == Verb::Create => 4,
                _ => 0,
            };
            (deletes > 0 && matches!(verb, Verb::Create | Verb::Replace)).then_some((action, deletes))
        });
        let mut most = HashMap::new();
        for (action, deletes) in undone.filter(|_| engine.hooks.has(Hook::ResourceApplied)) {
            let known: &mut u32 = most.entry(action).or_default();
            *known = deletes.max(*known);
        }
        Self { v1, revisions, engine, services, actions, undone: most }
    }

    pub(super) fn actions(&self) -> &'a Actions {
        self.actions
    }

    /// The calls that are made for an action, and how often each is made at most; none where the action is a mistake.
    fn calls(&self, action: usize) -> Option<Vec<(Method, u32)>> {
        let undone = self.undone.get(&action).copied().unwrap_or_default();
        let upsert = u32::from(self.engine.upsert);
        let calls = match self.actions.list[action].verb? {
            Verb::Create => {
                vec![
                    (Method::Create, 1),
                    (Method::Read, upsert),
                    (Method::Update, upsert),
                    (Method::Delete, undone),
                ]
            }
            Verb::Update => vec![(Method::Update, 1)],
            Verb::Replace => vec![(Method::Delete, 1 + undone), (Method::Create, 1)],
            Verb::Delete => vec![(Method::Delete, 1)],
            Verb::Unknown => Vec::new(),
        };
        Some(calls.into_iter().filter(|(_, most)| *most > 0).collect())
    }

    /// As [`Self::calls`], with those of the harness: after an update that failed it looks at what is there.
    fn calls_of_all(&self, action: usize) -> Option<Vec<(Method, u32)>> {
        let mut calls = self.calls(action)?;
        if self.actions.list[action].verb == Some(Verb::Update) {
            calls.push((Method::Read, 1));
        }
        Some(calls)
    }

    /// Whether the engine makes this call for the action; else a mistake.
    pub(super) fn check_expected(&self, action: usize, method: Method, span: Span, report: &mut Report<'_>) {
        let Some(calls) = self.calls(action) else { return };
        if calls.iter().all(|(made, _)| *made != method) {
            let name = self.actions.shown(action);
            self.not_made(
                &format!("`{name}` makes no call `{method}`"),
                action,
                method,
                &calls,
                span,
                report,
            );
        }
    }

    fn not_made(
        &self,
        message: &str,
        action: usize,
        method: Method,
        calls: &[(Method, u32)],
        span: Span,
        report: &mut Report<'_>,
    ) {
        let Some(verb) = self.actions.list[action].verb else { return };
        let made = listed(calls.iter().map(|(method, _)| method.as_str()));
        let help = match (verb, method) {
            (Verb::Unknown, _) => "an action that the engine does not know makes no calls".to_owned(),
            (Verb::Create, Method::Delete) => {
                format!(
                    "a create makes {made}, and a `delete` only behind a resource-applied hook that fails"
                )
            }
            (Verb::Create, Method::Read | Method::Update) => {
                format!("a create makes {made}, and others only with `engine: {{ upsert: true }}`")
            }
            (Verb::Update, Method::Read) => format!(
                "an update makes {made}; the harness reads what is there when the apply is over, and not the engine"
            ),
            _ => format!("{} {} makes {made}", article(verb), verb.as_str()),
        };
        report.mistake("call-not-made", span, message).label("never made").help(help);
    }

    /// The faults as they can happen; every other is a mistake.
    pub(super) fn faults(
        &self,
        entries: List<FaultEntry>,
        deadline: bool,
        report: &mut Report<'_>,
    ) -> Vec<Fault> {
        let faults: Vec<_> = entries.into_values().filter_map(|entry| self.fault(entry, report)).collect();
        if !deadline {
            check_deadline(&faults, report);
        }
        self.check_types(&faults, report);
        let mut never = self.check_order(&faults, report);
        self.check_undone(&faults, &mut never, report);
        check_points(&faults, &never, report);
        faults
    }

    fn fault(&self, FaultEntry { mut shape, span }: FaultEntry, report: &mut Report<'_>) -> Option<Fault> {
        let Some(inject) = shape.inject.0 else {
            self.find(shape.action.as_ref(), report);
            return None;
        };
        if self.v1 && !matches!(inject, Inject::DispatchError | Inject::Transport | Inject::Wire) {
            let message = format!("with `dispatch: v1` there is no {}", inject.noun());
            report.mistake("unreachable-fault", span, message).label("never happens").help(
                "the provider gets the whole plan in one `apply` call; a dispatch-error, a transport fault and a wire \
                 fault can strike it",
            );
            return None;
        }
        let (action, kind) = match inject {
            Inject::JitError => (Some(self.struck(&shape, span, report)?), FaultKind::JitError),
            Inject::DriverResolveError => {
                let action = self.struck(&shape, span, report);
                let at = match shape.at {
                    Some(Tried(at)) => Some(fault_parts::resolve_point(at?, report)?),
                    None => None,
                };
                let action = action?;
                let at = self.check_resolve_point(action, at, span, report)?;
                (Some(action), FaultKind::DriverResolveError { at })
            }
            Inject::DispatchError => {
                let (action, point) = self.point(&shape, span, report)?;
                let reaches_provider = shape.reaches_provider.as_ref().is_some_and(|reaches| reaches.value);
                let (code, message) = fault_parts::status(&mut shape);
                (action, FaultKind::DispatchError { point, code, message, reaches_provider })
            }
            Inject::HookError => self.hook(&shape, span, report)?,
            Inject::Cancel => (None, FaultKind::Cancel { at: self.cancel(shape.at, span, report)? }),
            Inject::FinalizeError => {
                let answer = fault_parts::finalize_answer(&mut shape, report);
                self.check_finalizer(span, report)?;
                (None, FaultKind::FinalizeError { answer: answer? })
            }
            Inject::Transport => {
                let kind = fault_parts::transport(&shape, span, report);
                let (action, point) = self.point(&shape, span, report)?;
                let reaches_provider = shape.reaches_provider.as_ref().is_some_and(|reaches| reaches.value);
                let kind = kind?;
                let reaches_provider = reaches_provider || matches!(kind, TransportKind::Delay(_));
                (action, FaultKind::Transport { point, kind, reaches_provider })
            }
            Inject::Wire => {
                let (action, point) = self.point(&shape, span, report)?;
                (
                    action,
                    FaultKind::Wire { point, edit: fault_parts::edit(shape, point.method, span, report)? },
                )
            }
        };
        Some(Fault { action, kind, span })
    }

    fn find(&self, address: Option<&At<String>>, report: &mut Report<'_>) -> Option<usize> {
        address.and_then(|address| self.actions.find(&address.value, address.span, report))
    }

    /// The action of a fault that needs one.
    fn struck(&self, shape: &FaultShape, span: Span, report: &mut Report<'_>) -> Option<usize> {
        if shape.action.is_none() && !report.is_meant(span, "action") {
            report
                .mistake("missing-field", span, "the fault strikes no action")
                .label("`action` belongs here")
                .help("name it by its `as`, else its `name`");
        }
        self.find(shape.action.as_ref(), report)
    }

    /// The call that a fault strikes, and its action, if it has one.
    fn point(
        &self,
        shape: &FaultShape,
        span: Span,
        report: &mut Report<'_>,
    ) -> Option<(Option<usize>, CallPoint)> {
        let of_no_action: &[_] = if self.v1 {
            &[Method::Apply, Method::Initialize, Method::Capabilities, Method::ContractRegistry]
        } else {
            &[Method::Finalize, Method::Initialize, Method::Capabilities, Method::ContractRegistry]
        };
        let call = shape.call.as_ref();
        let method = match call {
            None if self.v1 => Method::Apply,
            Some(At { value: method, .. }) if of_no_action.contains(method) => *method,
            Some(At { value: method, span }) if self.v1 || *method == Method::Apply => {
                let (dispatch, made) = if self.v1 {
                    ("v1", format!("it makes {}", listed(of_no_action.iter().map(|method| method.as_str()))))
                } else {
                    ("v2", "write `dispatch: v1`, or name a call of the resource drivers".to_owned())
                };
                let message = format!("with `dispatch: {dispatch}` the engine makes no call `{method}`");
                report.mistake("call-not-made", *span, message).label("never made").help(made);
                return None;
            }
            call => {
                let action = self.struck(shape, span, report)?;
                let point = self.call_of(action, call, shape.nth.as_ref(), By::Anyone, span, report)?;
                return Some((Some(action), point));
            }
        };
        if let Some(action) = &shape.action {
            report
                .mistake(
                    "field-not-taken",
                    action.span,
                    format!("`{method}` is a call about no single action"),
                )
                .label("not taken")
                .help("leave `action` out");
        }
        if method == Method::Finalize {
            self.check_finalizer(span, report)?;
        }
        if let Some(nth) = shape.nth.as_ref().filter(|nth| nth.value.get() > 1) {
            too_often(&format!("the engine calls `{method}`"), 1, nth.span, report);
        }
        Some((None, CallPoint { method, nth: shape.nth.as_ref().map_or(1, |nth| nth.value.get()) }))
    }

    /// A call of an action; without `call` its first.
    fn call_of(
        &self,
        action: usize,
        call: Option<&At<Method>>,
        nth: Option<&At<NonZeroU32>>,
        by: By,
        span: Span,
        report: &mut Report<'_>,
    ) -> Option<CallPoint> {
        if !self.services.resource_driver {
            let mistake = report.mistake(
                "unreachable-fault",
                span,
                "the provider serves no resource-driver, so no call is made for an action",
            );
            mistake
                .label("never happens")
                .help("add `resource-driver` to `provider: { services: […] }`, or leave `services` out");
            return None;
        }
        let calls = match by {
            By::Engine => self.calls(action)?,
            By::Anyone => self.calls_of_all(action)?,
        };
        let found = match call {
            None => calls.first(),
            Some(call) => calls.iter().find(|(made, _)| *made == call.value),
        };
        let Some(&(method, most)) = found else {
            let (message, method, span) = match call {
                Some(At { value: method, span }) => {
                    (format!("the action makes no call `{method}`"), *method, *span)
                }
                None => ("the action makes no call".to_owned(), Method::Create, span),
            };
            self.not_made(&message, action, method, &calls, span, report);
            return None;
        };
        if let Some(nth) = nth.filter(|nth| nth.value.get() > most) {
            too_often(&format!("the action calls `{method}`"), most, nth.span, report);
        }
        Some(CallPoint { method, nth: nth.map_or(1, |nth| nth.value.get()) })
    }

    fn check_resolve_point(
        &self,
        action: usize,
        given: Option<At<ResolvePoint>>,
        span: Span,
        report: &mut Report<'_>,
    ) -> Option<ResolvePoint> {
        let replace = self.actions.list[action].verb? == Verb::Replace;
        let guarded = self.engine.hooks.has(Hook::ResourceDeleted);
        let At { value: point, span } = given.unwrap_or(At { value: ResolvePoint::default(), span });
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

    fn hook(
        &self,
        shape: &FaultShape,
        span: Span,
        report: &mut Report<'_>,
    ) -> Option<(Option<usize>, FaultKind)> {
        let Some(Tried(hook)) = &shape.hook else {
            self.find(shape.action.as_ref(), report);
            if report.is_meant(span, "hook") {
                return None;
            }
            let mistake = report.mistake("missing-field", span, "the fault names no hook");
            mistake
                .label("`hook` belongs here")
                .help(format!("a hook is {}", listed(HookWord::all().map(|(word, _)| word))));
            return None;
        };
        let Some(&At { value: hook, span: hook_span }) = hook.as_ref() else {
            self.find(shape.action.as_ref(), report);
            return None;
        };
        let hook = hook.hook();
        let message = shape
            .message
            .as_ref()
            .map_or_else(|| fault_parts::DEFAULT_MESSAGE.to_owned(), |text| text.value.clone());
        let kind = FaultKind::HookError { hook, message };
        if hook == Hook::PlanComplete {
            if let Some(action) = &shape.action {
                report
                    .mistake(
                        "field-not-taken",
                        action.span,
                        "the plan-complete hook is about no single action",
                    )
                    .label("not taken")
                    .help("leave `action` out");
            }
            self.check_hook(hook, None, HookUse::FAULT, hook_span, report)?;
            return Some((None, kind));
        }
        let action = self.struck(shape, span, report)?;
        self.check_hook(hook, Some(action), HookUse::FAULT, hook_span, report)?;
        Some((Some(action), kind))
    }

    /// Whether a hook can be called, for an action of this kind, if it is about one; else a mistake.
    pub(super) fn check_hook(
        &self,
        hook: Hook,
        action: Option<usize>,
        HookUse(code, label): HookUse,
        span: Span,
        report: &mut Report<'_>,
    ) -> Option<()> {
        let verb = action.and_then(|action| self.actions.list[action].verb);
        let wrong = match (hook, verb) {
            (Hook::ResourceDeleted, Some(verb)) => !matches!(verb, Verb::Delete | Verb::Replace),
            (Hook::ResourceApplied, Some(verb)) => {
                !matches!(verb, Verb::Create | Verb::Update | Verb::Replace)
            }
            _ => false,
        };
        if self.v1 {
            let mistake = report.mistake(code, span, "with `dispatch: v1` no hook is called");
            mistake.label(label).help("the provider applies the whole plan by itself; leave it out");
            return None;
        }
        if let (true, Some(verb)) = (wrong, verb) {
            let kind =
                if verb == Verb::Unknown { "action that the engine does not know" } else { verb.as_str() };
            let message = format!("the {hook} hook is never called for {} {kind}", article(verb));
            let whom =
                if hook == Hook::ResourceDeleted { "delete or replace" } else { "create, update or replace" };
            report
                .mistake(code, span, message)
                .label(label)
                .help(format!("it is called when a {whom} was done"));
            return None;
        }
        if !self.engine.hooks.has(hook) {
            let mistake = report.mistake(code, span, format!("the {hook} hook is not installed"));
            mistake
                .label(label)
                .help(format!("add it to `engine: {{ hooks: [{hook}] }}`, or leave `hooks` out"));
            return None;
        }
        let has = |revision: &Revision| revision.engine().hooks.contains(&hook);
        self.check_revisions(&format!("the {hook} hook"), has, label, span, report)
    }

    /// Whether one of the revisions has something; else a mistake.
    fn check_revisions(
        &self,
        what: &str,
        has: impl Fn(&Revision) -> bool,
        label: &'static str,
        span: Span,
        report: &mut Report<'_>,
    ) -> Option<()> {
        if self.revisions.iter().any(&has) {
            return Some(());
        }
        if let Some(first) = Revision::ALL.iter().find(|revision| has(revision)) {
            let last = self.revisions.last().map(|last| format!(", and the scenario runs up to {last}"));
            let message = format!("{what} exists from {first} on{}", last.unwrap_or_default());
            report
                .mistake("unreachable-revision", span, message)
                .label(label)
                .help(format!("write `revisions: \">={first}\"`"));
        }
        None
    }

    fn check_finalizer(&self, span: Span, report: &mut Report<'_>) -> Option<()> {
        if !self.services.finalizer {
            let mistake = report.mistake("unreachable-fault", span, "the provider serves no finalizer");
            mistake
                .label("never happens")
                .help("add `finalizer` to `provider: { services: […] }`, or leave `services` out");
            return None;
        }
        if !self.engine.hooks.has(Hook::PlanComplete) {
            let message = "the plan-complete hook calls `FinalizeApply`, and it is not installed";
            report
                .mistake("unreachable-fault", span, message)
                .label("never happens")
                .help("add `plan-complete` to `engine: { hooks: […] }`, or leave `hooks` out");
            return None;
        }
        self.check_revisions(
            "`FinalizeApply`",
            |revision| revision.engine().finalizer,
            "never happens",
            span,
            report,
        )
    }

    fn cancel(
        &self,
        at: Option<Tried<At<AtShape>>>,
        span: Span,
        report: &mut Report<'_>,
    ) -> Option<CancelPoint> {
        const SUCH: &str = "such as `at: { before: net }`, `at: { during: net }` or `at: { after: net }`";
        let Some(Tried(at)) = at else {
            if report.is_meant(span, "at") {
                return None;
            }
            report
                .mistake("missing-field", span, "the cancel has no moment")
                .label("`at` belongs here")
                .help(SUCH);
            return None;
        };
        let At { value: at, span } = at?;
        let found = match at {
            AtShape::Moment { shape, clean } => Ok((shape, clean)),
            AtShape::Word(word) => Err(format!("the text `{}`", shown(&word))),
            AtShape::Other(found) => Err(found),
        };
        let (moment, clean) = match found {
            Ok(moment) => moment,
            Err(found) => {
                let message = format!("`at`: expected a moment, found {found}");
                report.mistake("wrong-type", span, message).label("expected a moment").help(SUCH);
                return None;
            }
        };
        let MomentShape { before, during, after, call, nth } = moment;
        if during.is_none() {
            let stray = call.as_ref().map(|call| ("call", call.span));
            for (field, span) in stray.into_iter().chain(nth.as_ref().map(|nth| ("nth", nth.span))) {
                report
                    .mistake("field-not-taken", span, format!("`{field}` goes only with `during`"))
                    .label("not taken")
                    .help("`before` and `after` are about the action as a whole");
            }
        }
        let given = [&before, &during, &after].into_iter().flatten().map(|address| address.span);
        let mut given: Vec<_> = given.collect();
        given.sort();
        if let [_, second, ..] = given.as_slice() {
            report
                .mistake("contradiction", *second, "a context is cancelled at one moment")
                .label("a second moment")
                .help("keep one of `before`, `during` and `after`");
            return None;
        }
        let action = |address: At<String>, report: &mut Report<'_>| self.find(Some(&address), report);
        if let Some(before) = before {
            return action(before, report).map(CancelPoint::Before);
        }
        if let Some(after) = after {
            return action(after, report).map(CancelPoint::After);
        }
        let Some(during) = during else {
            if clean {
                report
                    .mistake("missing-field", span, "`at` names no moment")
                    .label("`before`, `during` or `after` belongs here")
                    .help(SUCH);
            }
            return None;
        };
        let span = during.span;
        let action = action(during, report)?;
        let point = self.call_of(action, call.as_ref(), nth.as_ref(), By::Engine, span, report)?;
        Some(CancelPoint::During(action, point))
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

    /// An action ends with its first failure, and the apply with its first fatal one. The faults behind those, which
    /// are mistakes, by their positions.
    fn check_order(&self, faults: &[Fault], report: &mut Report<'_>) -> HashSet<usize> {
        let order = self.order(faults);
        let mut never = HashSet::new();
        for (index, fault) in faults.iter().enumerate() {
            let line = |other: usize, report: &Report<'_>| report.line(faults[other].span);
            let (why, help) = match order.never(index) {
                None => continue,
                Some(Never::LoadFails(other)) => (
                    format!("the fault in line {} has the load of the provider fail", line(other, report)),
                    "keep one of the faults: a provider that is not loaded is asked nothing more",
                ),
                Some(Never::HookFails(other)) => (
                    format!(
                        "the fault in line {} fails the plan-complete hook, which calls `FinalizeApply`",
                        line(other, report)
                    ),
                    "keep one of the faults",
                ),
                Some(Never::ContextEnds(other)) => (
                    format!(
                        "the fault in line {} ends the context, and `FinalizeApply` is not sent without one",
                        line(other, report)
                    ),
                    "keep one of the faults",
                ),
                Some(Never::Preflight) => (
                    "the apply ends in preflight".to_owned(),
                    match order.preflight() {
                        Some(Refused(None)) => NO_REPLACER,
                        _ => "keep one of them: behind a refused preflight there is nothing to strike",
                    },
                ),
                Some(Never::ActionEnds(other)) => (
                    format!("the fault in line {} ends the action before", line(other, report)),
                    "keep one of the faults, or strike different actions",
                ),
                // That there are two is the mistake.
                Some(Never::ApplyEnds(other)) if is_cancel(fault) && is_cancel(&faults[other]) => continue,
                Some(Never::ApplyEnds(other)) => (
                    format!("the fault in line {} ends the apply before", line(other, report)),
                    "keep one of the faults, or strike an earlier action",
                ),
            };
            report
                .mistake("unreachable-fault", fault.span, format!("this fault never happens: {why}"))
                .label("never happens")
                .help(help);
            never.insert(index);
        }
        never
    }

    /// Whether the results of the provider itself are what comes out, and are given or altered in the file: then names and
    /// statuses may be anything.
    pub(super) fn is_told(&self, scripted: bool, faults: &[Fault]) -> bool {
        self.v1 && (scripted || faults.iter().any(|fault| matches!(fault.kind, FaultKind::Wire { .. })))
    }

    /// With `dispatch: v1` no call is about an action; a list of them that is not empty is a mistake.
    pub(super) fn check_calls(&self, field: &str, calls: &[Span], report: &mut Report<'_>) {
        if let (true, [first, ..]) = (self.v1, calls) {
            report
                .mistake("call-not-made", *first, "with `dispatch: v1` no call is made for an action")
                .label("never made")
                .help(format!("the provider gets the whole plan in one `apply` call; leave `{field}` out"));
        }
    }

    /// A status that an action never gets; else a mistake.
    pub(super) fn check_status(&self, action: usize, status: Status, span: Span, report: &mut Report<'_>) {
        if let (Status::DeleteFailed, Some(verb)) = (status, self.actions.list[action].verb)
            && verb != Verb::Delete
        {
            let kind =
                if verb == Verb::Unknown { "action that the engine does not know" } else { verb.as_str() };
            report
                .mistake(
                    "contradiction",
                    span,
                    format!("{} {kind} never ends as `delete_failed`", article(verb)),
                )
                .label("never given")
                .help("only a delete has this status; a failed replace has `error`");
        }
    }

    /// A need that no run can meet is a mistake.
    pub(super) fn check_needs(&self, needs: &[At<Need>], report: &mut Report<'_>) {
        let Some(need) = needs.iter().find(|need| need.value == Need::Finalizer) else { return };
        if self.v1 {
            report
                .mistake("unreachable-need", need.span, "with `dispatch: v1` no finalizer is called")
                .label("never met")
                .help("leave it out");
        } else if self.services.finalizer {
            let has = |revision: &Revision| revision.engine().finalizer;
            self.check_revisions("a finalizer", has, "never met", need.span, report);
        } else {
            report
                .mistake("unreachable-need", need.span, "the provider serves no finalizer")
                .label("never met")
                .help("add `finalizer` to `provider: { services: […] }`, or leave `services` out");
        }
    }

    /// What the faults do to the course of the apply.
    pub(super) fn order<'o>(&'o self, faults: &'o [Fault]) -> Order<'o> {
        Order::of(self.actions, self.engine, &self.revisions, faults)
    }

    /// What was created is deleted by its name only where the delete by its id failed (E-335). Where the output may have
    /// another identity, it is the provider that decides how often is deleted (E-333).
    fn check_undone(&self, faults: &[Fault], never: &mut HashSet<usize>, report: &mut Report<'_>) {
        let fails = |action: usize, point: CallPoint| {
            faults.iter().any(|fault| match &fault.kind {
                FaultKind::Transport { kind: TransportKind::Delay(time), .. } if *time < DETACHED => false,
                FaultKind::Cancel { .. } => false,
                _ => call_struck(fault) == Some((action, point)),
            })
        };
        for (index, fault) in faults.iter().enumerate() {
            let Some((action, CallPoint { method: Method::Delete, nth })) = call_struck(fault) else {
                continue;
            };
            let own = u32::from(self.actions.list[action].verb == Some(Verb::Replace));
            let by_name = self.undone.get(&action) == Some(&2) && nth == own + 2;
            let before = CallPoint { method: Method::Delete, nth: own + 1 };
            if by_name && !fails(action, before) && never.insert(index) {
                let message = "this fault never happens: the delete before it succeeds";
                report.mistake("unreachable-fault", fault.span, message).label("never happens").help(format!(
                    "what was created is deleted by its name where the delete by its id fails; strike `nth: {}` too",
                    before.nth
                ));
            }
        }
    }

    /// The seams that can be reached. `scripted`: the reply of the provider is in the file. `asks`: the provider is asked
    /// something beside the plan.
    pub(super) fn seams(
        &self,
        given: Option<At<List<At<Seam>>>>,
        scripted: bool,
        asks: bool,
        faults: &[Fault],
        report: &mut Report<'_>,
    ) -> BTreeSet<Seam> {
        let obstacle = |seam| match seam {
            Seam::Engine | Seam::Decoder if asks => Some("`trials` are about a provider alone".into()),
            seam => self.obstacle(seam, scripted, faults),
        };
        let obstacles: Vec<_> = Seam::all().map(|(word, seam)| (word, seam, obstacle(seam))).collect();
        let Some(At { value: seams, span }) = given else {
            let reached = obstacles.into_iter().filter(|(.., obstacle)| obstacle.is_none());
            return reached.map(|(_, seam, _)| seam).collect();
        };
        if seams.0.is_empty() {
            report
                .mistake("no-seam", span, "`seams` is empty: the scenario could be run nowhere")
                .label("empty")
                .help("name a seam, or leave it out for all that can be reached");
        }
        let mut kept = BTreeSet::new();
        for At { value: seam, span } in distinct(seams, report) {
            kept.insert(seam);
            if let Some((word, _, Some(why))) = obstacles.iter().find(|(_, other, _)| *other == seam) {
                report
                    .mistake(
                        "unreachable-seam",
                        span,
                        format!("the scenario cannot be run at the seam `{word}`"),
                    )
                    .label("out of reach")
                    .help(why.clone());
            }
        }
        kept
    }

    /// Why a seam cannot be reached.
    fn obstacle(&self, seam: Seam, scripted: bool, faults: &[Fault]) -> Option<Cow<'static, str>> {
        match seam {
            Seam::Provider => scripted.then_some("the file gives the reply, so no provider is asked".into()),
            Seam::Engine if self.engine.upsert => {
                Some("`engine: { upsert: true }` is a promise of drivers that no wire carries".into())
            }
            Seam::Engine if self.engine.replacer => {
                Some("`engine: { replacer: true }` is a promise of drivers that no wire carries".into())
            }
            Seam::Engine => self.indistinct(faults).map(|(name, method)| {
                let name = shown(name);
                format!(
                    "two actions call `{method}` for `{name}`, and the wire does not tell which is struck"
                )
                .into()
            }),
            Seam::Decoder => {
                let fed = scripted || faults.iter().any(|fault| matches!(fault.kind, FaultKind::Wire { .. }));
                (!fed).then_some("a decoder is fed a `reply`, or what a wire fault makes of one".into())
            }
        }
    }

    /// A struck call that two actions make for the same name: the wire carries no position in the plan.
    fn indistinct(&self, faults: &[Fault]) -> Option<(&'a str, Method)> {
        let points: Vec<_> = faults.iter().filter_map(call_struck).collect();
        if points.is_empty() {
            return None;
        }
        let mut makers: HashMap<_, u32> = HashMap::new();
        for (action, planned) in self.actions.list.iter().enumerate() {
            let Some(name) = planned.name.as_deref() else { continue };
            for (method, _) in self.calls_of_all(action).into_iter().flatten() {
                *makers.entry((name, method)).or_default() += 1;
            }
        }
        points.into_iter().find_map(|(action, point)| {
            let name = self.actions.list[action].name.as_deref()?;
            (makers.get(&(name, point.method)).is_some_and(|makers| *makers > 1))
                .then_some((name, point.method))
        })
    }
}

/// How long a call may take that has a context of its own.
const DETACHED: Duration = Duration::from_secs(30);

fn is_cancel(fault: &Fault) -> bool {
    matches!(fault.kind, FaultKind::Cancel { .. })
}

fn article(verb: Verb) -> &'static str {
    if matches!(verb, Verb::Update | Verb::Unknown) { "an" } else { "a" }
}

fn too_often(who: &str, most: u32, span: Span, report: &mut Report<'_>) {
    let (times, help) = match most {
        1 => ("only once".to_owned(), "leave `nth` out".to_owned()),
        _ => (format!("{most} times at most"), format!("`nth` is a number from 1 to {most}")),
    };
    report.mistake("call-not-made", span, format!("{who} {times}")).label("never made").help(help);
}

/// The call of an action that a fault strikes.
fn call_struck(fault: &Fault) -> Option<(usize, CallPoint)> {
    match fault.kind {
        FaultKind::DispatchError { point, .. }
        | FaultKind::Transport { point, .. }
        | FaultKind::Wire { point, .. } => Some((fault.action?, point)),
        FaultKind::Cancel { at: CancelPoint::During(action, point) } => Some((action, point)),
        _ => None,
    }
}

/// A hang ends with a deadline, or never.
fn check_deadline(faults: &[Fault], report: &mut Report<'_>) {
    let hangs = faults
        .iter()
        .filter(|fault| matches!(fault.kind, FaultKind::Transport { kind: TransportKind::Hang, .. }));
    for fault in hangs {
        report
            .mistake("hang-without-deadline", fault.span, "this hang never ends: the scenario has no `deadline`")
            .label("waits for ever")
            .help("the real engine sets no deadline; write one such as `deadline: 2s` at the top level of the file");
    }
}

/// A fault point fails once. What is a mistake already, as it `never` happens, is not told again.
fn check_points(faults: &[Fault], never: &HashSet<usize>, report: &mut Report<'_>) {
    let mut seen = HashSet::new();
    let mut cancelled = None;
    // The first fault that fails a call.
    let mut failing: HashMap<(Option<usize>, CallPoint), usize> = HashMap::new();
    for (index, fault) in faults.iter().enumerate() {
        let (point, hook) = match &fault.kind {
            FaultKind::DispatchError { point, .. }
            | FaultKind::Transport { point, .. }
            | FaultKind::Wire { point, .. } => (Some(*point), None),
            FaultKind::FinalizeError { .. } => (Some(CallPoint::FINALIZE), None),
            FaultKind::HookError { hook, .. } => (None, Some(*hook)),
            FaultKind::Cancel { .. } => {
                match cancelled {
                    None => cancelled = Some(fault.span),
                    Some(first) => {
                        let line = report.line(first);
                        report
                            .mistake("duplicate-fault", fault.span, "a context is cancelled once")
                            .label("cancelled again")
                            .help(format!("the first cancel is in line {line}; keep one of them"));
                    }
                }
                continue;
            }
            FaultKind::JitError | FaultKind::DriverResolveError { .. } => (None, None),
        };
        if !seen.insert((fault.action, mem::discriminant(&fault.kind), point, hook)) {
            report
                .mistake("duplicate-fault", fault.span, "this fault is given twice")
                .label("given again")
                .help("a fault point fails once; keep one of them");
        } else if let Some(point) = fault.kind.failing_call() {
            failing.entry((fault.action, point)).or_insert(index);
        }
    }
    for (index, fault) in faults.iter().enumerate() {
        let (point, instead) = match (&fault.kind, fault.kind.failing_call()) {
            (_, Some(point)) => (point, "a call fails once"),
            (FaultKind::FinalizeError { .. }, None) => (CallPoint::FINALIZE, "a call fails once"),
            (FaultKind::Wire { point, .. }, None) => (*point, "there is no reply to alter"),
            _ => continue,
        };
        let Some(&other) = failing.get(&(fault.action, point)) else { continue };
        let same_kind = mem::discriminant(&faults[other].kind) == mem::discriminant(&fault.kind);
        if other == index || same_kind || never.contains(&index) {
            continue;
        }
        let line = report.line(faults[other].span);
        let message = format!("this fault never happens: the fault in line {line} fails the same call");
        report
            .mistake("unreachable-fault", fault.span, message)
            .label("never happens")
            .help(format!("{instead}; keep one of them, or strike different calls"));
    }
}
