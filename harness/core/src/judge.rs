//! From a finished trace to its verdict: the rules, which always hold, and what the scenario expects beside them.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    fmt,
};

use counterfoil_proto::StatusMapKind;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    engine::{Done, host::initial_state},
    outcome::{ApplyResult, Outcome, Status},
    rpc::Method,
    rules::{self, Finding, Judgement, Level},
    scenario::{ApplyError, ExpectedCall, ExpectedHook, ExpectedOutcomes, ResolvePoint, TextMatch},
    trace::{AdapterEvent, Event, ProcessEvent, Strike, Subject, Trace, View},
};

/// How a scenario ends at one revision: exactly one of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every rule held, and everything was as expected.
    Pass,
    /// The contract is broken.
    Fail,
    /// It failed, and exactly as a list of known failures says. Counts as judged.
    KnownFailure,
    /// What a list says to fail did not. It fails the run, so that the list says no more than what is so.
    UnexpectedPass {
        /// The entries that are to be taken out: where each stands, and what it lists.
        entries: Vec<String>,
    },
    /// There is nothing to judge by: a party did not start, crashed or hung, or we failed.
    Unjudged {
        /// What happened.
        reason: String,
    },
    /// It was not run, and need not have been, or could have been.
    Skip {
        /// Which of the two.
        kind: SkipKind,
        /// Why.
        reason: String,
    },
}

impl Verdict {
    /// The word of the verdict.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::KnownFailure => "known-failure",
            Self::UnexpectedPass { .. } => "unexpected-pass",
            Self::Unjudged { .. } => "unjudged",
            Self::Skip { .. } => "skip",
        }
    }
}

/// Why a scenario was skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SkipKind {
    /// This revision, seam or provider cannot reach it. Counts as judged.
    NotApplicable,
    /// It could have been judged, and was not.
    NotRun,
}

impl fmt::Display for SkipKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::NotApplicable => "not-applicable",
            Self::NotRun => "not-run",
        })
    }
}

/// Which expectation was not met. Actions and calls are named by their position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expectation {
    /// `outcomes`, as a whole.
    Outcomes,
    /// The outcome of an action.
    Outcome(usize),
    /// The error text of an action.
    Error(usize),
    /// `calls`.
    Calls,
    /// `received`.
    Received,
    /// `apply_error`.
    ApplyError,
    /// `resources`.
    Resources,
    /// `replace_ids`.
    ReplaceIds,
    /// `hooks`.
    Hooks,
    /// `state`.
    State,
    /// `input_drift`.
    InputDrift,
    /// A finding that is listed, by its position in the list.
    Finding(usize),
    /// A fault that has to strike, by its position in the list.
    Fault(usize),
}

/// An expectation that was not met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mismatch {
    /// Which one.
    pub expectation: Expectation,
    /// What was expected.
    pub expected: String,
    /// What came.
    pub found: String,
}

/// Everything that is known of a finished run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assessment {
    /// The one verdict.
    pub verdict: Verdict,
    /// Findings that the scenario does not expect, in the order of the catalogue.
    pub findings: Vec<Finding>,
    /// Findings that the scenario lists.
    pub expected_findings: Vec<Finding>,
    /// Expectations that were not met.
    pub mismatches: Vec<Mismatch>,
    /// The rules that had something to judge.
    pub judged: Vec<&'static str>,
}

/// Judges a trace. With `strict`, findings of level SHOULD fail too.
pub fn assess(trace: &Trace, strict: bool) -> Assessment {
    let Judgement { findings, judged, undecided } = rules::judge(trace);
    // A rule that judges two parties is expected of the first: the one whose part the scenario plays.
    let listed = |finding: &Finding| {
        trace.header.expect.findings.contains(&finding.rule)
            && rules::find(&finding.rule).is_some_and(|rule| rule.judges[0] == finding.party)
    };
    let (expected_findings, findings): (Vec<_>, Vec<_>) = findings.into_iter().partition(listed);
    // What a scenario expects is about an apply.
    let is_applied = trace.header.subject != Subject::Decoder;
    let mismatches = if is_applied { mismatches(trace, &expected_findings, &judged) } else { Vec::new() };
    let broken = findings.iter().any(|finding| finding.level == Level::Must || strict);
    let ended = trace.end().is_some()
        || load_failed_by_fault(trace).is_some()
        || is_survey(trace)
        || trace.events.iter().any(is_answer);
    // What is found is proven by events, also where the apply never came to its end.
    let verdict = if let Some(reason) = undecided {
        Verdict::Unjudged { reason }
    } else if broken || (ended && !mismatches.is_empty()) {
        Verdict::Fail
    } else if ended {
        Verdict::Pass
    } else {
        Verdict::Unjudged { reason: without_end(trace) }
    };
    Assessment { verdict, findings, expected_findings, mismatches, judged }
}

/// Whether a provider was loaded for the sake of the load alone, and came to its end, good or bad: then there is nothing
/// that an apply would add.
fn is_survey(trace: &Trace) -> bool {
    let is_bare = trace.header.subject == Subject::Provider && trace.header.plan.actions.is_empty();
    let is_loaded = |event: &Event| {
        matches!(event, Event::LoadFailed { .. } | Event::CallIssued { method: Method::Capabilities, .. })
    };
    is_bare && trace.events.iter().any(is_loaded)
}

/// Whether this is what an adapter was asked for, where there is nothing to apply.
fn is_answer(event: &Event) -> bool {
    matches!(
        event,
        Event::Decoded(_) | Event::Adapter(AdapterEvent::Ready { .. } | AdapterEvent::Ended { .. })
    )
}

/// Why there is no end to judge by.
fn without_end(trace: &Trace) -> String {
    let reasons = trace.events.iter().filter_map(|event| match event {
        Event::LoadFailed { method, error } => Some(format!("the provider did not load: {method}: {error}")),
        Event::Process(
            event @ (ProcessEvent::NotStarted { .. }
            | ProcessEvent::NotConnected { .. }
            | ProcessEvent::Certificate { problem: Some(_), .. }
            | ProcessEvent::Exited { .. }),
        ) => Some(event.describe()),
        Event::Adapter(event) => Some(event.describe()),
        _ => None,
    });
    reasons.last().unwrap_or_else(|| "the apply never came to its end".to_owned())
}

/// The error by which the provider did not load, where a fault of the scenario struck a call of the load sequence: that
/// nothing is applied then is what had to come of it.
fn load_failed_by_fault(trace: &Trace) -> Option<String> {
    let struck: BTreeSet<u32> = trace
        .events
        .iter()
        .filter_map(|event| match event {
            Event::FaultInjected { call, .. } => Some(*call),
            _ => None,
        })
        .collect();
    let failed = trace.events.iter().find_map(|event| match event {
        Event::LoadFailed { method, error } => Some((*method, error)),
        _ => None,
    });
    let (failed, error) = failed?;
    let is_struck = |event: &Event| matches!(event, Event::CallIssued { call, method, .. } if *method == failed && struck.contains(call));
    trace.events.iter().any(is_struck).then(|| format!("{failed}: {error}"))
}

fn mismatches(trace: &Trace, expected_findings: &[Finding], judged: &[&str]) -> Vec<Mismatch> {
    let expect = &trace.header.expect;
    let sees = |view| trace.header.sees(view);
    let mut unmet = Unmet(Vec::new());
    let (nothing, not_loaded) = (ApplyResult::default(), load_failed_by_fault(trace));
    let not_loaded = not_loaded.as_deref().map(|error| (&nothing, Some(error)));
    if let Some((result, error)) = trace.end().map(|(result, error, _)| (result, error)).or(not_loaded) {
        if trace.header.revision.engine().status_map != StatusMapKind::None {
            outcomes(trace, result, &mut unmet);
        }
        if let Some(expected) = &expect.apply_error {
            apply_error(expected, error, sees(View::Context), &mut unmet);
        }
        if let Some(expected) = expect.resources.as_ref().filter(|_| sees(View::Result)) {
            let found: Vec<&String> = result.resources.iter().map(|resource| &resource.name).collect();
            if expected.iter().ne(found.iter().copied()) {
                unmet.add(Expectation::Resources, list(expected), list(&found));
            }
        }
        if let Some(expected) = expect.input_drift.as_ref().filter(|_| sees(View::Result)) {
            let found: Vec<&String> = result.input_drift.iter().map(|input| &input.name).collect();
            if expected.iter().ne(found.iter().copied()) {
                unmet.add(Expectation::InputDrift, list(expected), list(&found));
            }
        }
        if let Some(expected) = expect.replace_ids.as_ref().filter(|_| sees(View::Result)) {
            let met = expected.len() == result.replace_ids.len()
                && expected
                    .iter()
                    .all(|(name, text)| result.replace_ids.get(name).is_some_and(|id| text.matches(id)));
            if !met {
                let wanted = expected.iter().map(|(name, text)| format!("{name}: {}", shown(text)));
                let found = result.replace_ids.iter().map(|(name, id)| format!("{name}: {id:?}"));
                unmet.add(Expectation::ReplaceIds, list(wanted), list(found));
            }
        }
    }
    hooks(trace, &mut unmet);
    if let Some(expected) = expect.state.as_ref().filter(|_| sees(View::Host)) {
        let found = state(trace);
        if !expected.iter().eq(&found) {
            unmet.add(Expectation::State, list(expected), list(&found));
        }
    }
    for (expectation, expected, delivered_only) in
        [(Expectation::Calls, &expect.calls, false), (Expectation::Received, &expect.received, true)]
    {
        if let Some(expected) = expected {
            let found = calls(trace, delivered_only);
            if *expected != found {
                let named = |calls: &[ExpectedCall]| {
                    list(calls.iter().map(|call| format!("{} {}", call.method, address(trace, call.action))))
                };
                unmet.add(expectation, named(expected), named(&found));
            }
        }
    }
    let found: BTreeSet<&str> = expected_findings.iter().map(|finding| finding.rule.as_str()).collect();
    for (at, rule) in expect.findings.iter().enumerate() {
        let holds = rules::find(rule).is_none_or(|rule| rule.holds_at(trace.header.revision));
        // Of what was not seen nothing is found.
        let is_seen = trace.header.unseen.is_empty() || judged.contains(&rule.as_str());
        if holds && is_seen && !found.contains(rule.as_str()) {
            unmet.add(Expectation::Finding(at), format!("a finding of {rule}"), "none".to_owned());
        }
    }
    for fault in faults_without_effect(trace) {
        let expected = format!("fault {fault} of the scenario strikes");
        unmet.add(Expectation::Fault(fault), expected, "nothing came to it".to_owned());
    }
    unmet.0
}

/// Holds the calls of hooks against those that are expected of the hooks that are installed.
fn hooks(trace: &Trace, unmet: &mut Unmet) {
    let Some(expected) = &trace.header.expect.hooks else { return };
    let installed = expected.iter().filter(|hook| trace.header.hooks.contains(&hook.hook)).copied();
    let expected: Vec<ExpectedHook> = installed.collect();
    let called = trace.events.iter().filter_map(|event| match event {
        Event::HookCalled { hook, action, .. } => {
            Some(ExpectedHook { hook: *hook, action: action.map(|action| action as usize) })
        }
        _ => None,
    });
    let found: Vec<ExpectedHook> = called.collect();
    if expected != found {
        let named = |hooks: &[ExpectedHook]| {
            list(hooks.iter().map(|ExpectedHook { hook, action }| match action {
                Some(action) => format!("{hook} {}", address(trace, *action)),
                None => hook.to_string(),
            }))
        };
        unmet.add(Expectation::Hooks, named(&expected), named(&found));
    }
}

/// The names of the resources that the state holds in the end.
fn state(trace: &Trace) -> Vec<String> {
    let mut state: BTreeSet<String> = initial_state(&trace.header.plan.actions).into_keys().collect();
    for event in &trace.events {
        match event {
            Event::StateSaved { record, .. } => {
                state.insert(record.name.clone());
            }
            Event::StateRemoved { name, .. } => {
                state.remove(name);
            }
            _ => {}
        }
    }
    state.into_iter().collect()
}

/// The faults that nothing came to, by their positions in the scenario. In a preflight the first refusal ends the
/// apply, so of several such faults one is enough.
fn faults_without_effect(trace: &Trace) -> Vec<usize> {
    let mut calls = BTreeSet::new();
    let mut others = HashSet::new();
    for event in &trace.events {
        match event {
            Event::FaultInjected { fault, .. } => {
                calls.insert(*fault as usize);
            }
            Event::ReferencesFailed { action, .. } => {
                others.insert(Strike::References(*action));
            }
            Event::DriverAsked { action, at, refused: Some(_), .. } => {
                others.insert(Strike::Driver(*action, *at));
            }
            Event::HookAnswered { hook, action, error: Some(_) } => {
                others.insert(Strike::Hook(*hook, *action));
            }
            Event::ContextEnded { cause: Done::Cancelled } => {
                others.insert(Strike::Cancelled);
            }
            _ => {}
        }
    }
    let preflight_refused =
        others.iter().any(|strike| matches!(strike, Strike::Driver(_, ResolvePoint::Preflight)));
    let faults = trace.header.faults.iter().enumerate();
    faults
        .filter(|(at, strike)| match strike {
            Strike::Call => !calls.contains(at),
            Strike::Driver(_, ResolvePoint::Preflight) => !preflight_refused,
            _ => !others.contains(strike),
        })
        .map(|(at, _)| at)
        .collect()
}

struct Unmet(Vec<Mismatch>);

impl Unmet {
    fn add(&mut self, expectation: Expectation, expected: String, found: String) {
        self.0.push(Mismatch { expectation, expected, found });
    }
}

fn outcomes(trace: &Trace, result: &ApplyResult, unmet: &mut Unmet) {
    let expect = &trace.header.expect;
    let mut by_action: HashMap<usize, &Outcome> = HashMap::new();
    for outcome in &result.outcomes {
        by_action.entry(outcome.action_index as usize).or_insert(outcome);
    }
    let of = |action: usize| by_action.get(&action).copied();
    let are_shown = trace.header.sees(View::Outcomes);
    let is_expected = |found: Status, expected: Status| {
        found == expected || (!are_shown && (found == Status::Success) == (expected == Status::Success))
    };
    match &expect.outcomes {
        None => {}
        Some(ExpectedOutcomes::None) if result.outcomes.is_empty() => {}
        Some(ExpectedOutcomes::None) => {
            let found = result.outcomes.iter().map(|outcome| {
                format!("{}: {}", address(trace, outcome.action_index as usize), outcome.status)
            });
            unmet.add(Expectation::Outcomes, "no outcome".to_owned(), list(found));
        }
        Some(ExpectedOutcomes::Of(expected)) => {
            for (action, status) in expected {
                let found = of(*action);
                if !found.is_some_and(|outcome| is_expected(outcome.status, *status)) {
                    let found = found.map_or("no outcome".to_owned(), |outcome| {
                        if outcome.error.is_empty() {
                            outcome.status.to_string()
                        } else {
                            format!("{}: {}", outcome.status, outcome.error)
                        }
                    });
                    let expected = format!("{}: {status}", address(trace, *action));
                    unmet.add(Expectation::Outcome(*action), expected, found);
                }
            }
        }
    }
    // What an engine of others says of a reply that its decoder refuses, it says in its own words.
    let own_words = match trace.header.subject {
        Subject::Engine => refused(trace),
        Subject::Pair | Subject::Provider | Subject::Decoder => BTreeSet::new(),
    };
    for (action, text) in expect.errors.iter().filter(|(action, _)| !own_words.contains(action)) {
        let found = of(*action);
        if found.is_none_or(|outcome| !text.matches(&outcome.error)) {
            unmet.add(
                Expectation::Error(*action),
                format!("{}: an error that {}", address(trace, *action), shown(text)),
                found.map_or("no outcome".to_owned(), |outcome| format!("{:?}", outcome.error)),
            );
        }
    }
}

/// The actions of which a reply was refused.
fn refused(trace: &Trace) -> BTreeSet<usize> {
    let refused = trace.events.iter().filter_map(|event| match event {
        Event::ReplyRefused { call, .. } => Some(*call),
        _ => None,
    });
    let refused: BTreeSet<u32> = refused.collect();
    let actions = trace.events.iter().filter_map(|event| match event {
        Event::CallIssued { call, action: Some(action), .. } if refused.contains(call) => {
            Some(*action as usize)
        }
        _ => None,
    });
    actions.collect()
}

/// Holds the error of an apply against the one that is expected; where only the innermost of it is seen, that there is one.
fn apply_error(expected: &ApplyError, found: Option<&str>, is_whole: bool, unmet: &mut Unmet) {
    let met = match (expected, found) {
        (ApplyError::Text(_), Some(_)) if !is_whole => true,
        (ApplyError::None, found) => found.is_none(),
        (ApplyError::Text(text), Some(found)) => text.matches(found),
        (ApplyError::Text(_), None) => false,
    };
    if !met {
        let expected = match expected {
            ApplyError::None => "no error of the apply".to_owned(),
            ApplyError::Text(text) => format!("an error of the apply that {}", shown(text)),
        };
        unmet.add(
            Expectation::ApplyError,
            expected,
            found.map_or("none".to_owned(), |found| format!("{found:?}")),
        );
    }
}

/// The calls on behalf of actions, in order; those that arrived, or all.
pub fn calls(trace: &Trace, delivered_only: bool) -> Vec<ExpectedCall> {
    let delivered: BTreeSet<u32> = trace
        .events
        .iter()
        .filter_map(|event| match event {
            Event::CallDelivered { call } => Some(*call),
            _ => None,
        })
        .collect();
    let issued = trace.events.iter().filter_map(|event| match event {
        Event::CallIssued { call, action: Some(action), method, .. } => Some((*call, *action, *method)),
        _ => None,
    });
    issued
        .filter(|(call, ..)| !delivered_only || delivered.contains(call))
        .map(|(_, action, method): (u32, u32, Method)| ExpectedCall { method, action: action as usize })
        .collect()
}

/// How the scenario calls an action.
fn address(trace: &Trace, action: usize) -> String {
    trace.header.addresses.get(action).cloned().unwrap_or_else(|| format!("action {action}"))
}

fn list(items: impl IntoIterator<Item = impl fmt::Display>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    if items.is_empty() { "none".to_owned() } else { items.join(", ") }
}

fn shown(text: &TextMatch) -> String {
    match text {
        TextMatch::Is(text) => format!("is {text:?}"),
        TextMatch::StartsWith(text) => format!("starts with {text:?}"),
        TextMatch::Contains(text) => format!("contains {text:?}"),
        TextMatch::Matches(text) => format!("matches /{text}/"),
    }
}
