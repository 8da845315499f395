//! What a run tells its reporters. Every report, the terminal's too, is made from these events.

use std::fmt;

use counterfoil_core::{
    judge::{self, Assessment, Expectation, Mismatch, SkipKind, Verdict},
    outcome::{Outcome, Status},
    rules::{self, Finding, Level, Party, Place},
    scenario::{Diagnostic, FaultKind, Found, Scenario, Source, Span},
    trace::{self, Driven, Event, Strike, Taken, Trace},
};
use counterfoil_proto::{Revision, StatusMapKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Basis, Job, Partition, Planned, Timeline};
use crate::subject::Subject;

/// The word by which a report of events is known.
pub const FORMAT: &str = "counterfoil-run";

/// The version of the events' form on disk.
pub const VERSION: u32 = 1;

/// One thing that a run tells.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunEvent {
    /// The run begins. Always the first event.
    RunStarted(Box<Started>),
    /// What is under way. These come as things happen, and are no part of the form on disk.
    #[serde(skip)]
    Live(Live),
    /// A scenario is finished at a revision. These come in the order of the jobs, whatever ran first.
    Finished(Box<Finished>),
    /// The run is over. Always the last event, unless Counterfoil itself was killed.
    RunFinished(Summary),
}

/// How a run begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Started {
    /// The word by which the file is known.
    pub format: String,
    /// See [`VERSION`].
    pub version: u32,
    /// The version of Counterfoil.
    pub counterfoil: String,
    /// How many scenarios will be run, each revision counted; in a part of a run, those of the part.
    pub runs: usize,
    /// What is under test, where it is not our own pair.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<SubjectLine>,
    /// The settings of the repository that count, in words: their file, and what is taken of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<String>,
    /// What the run stands on; reports of older versions do not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<Basis>,
    /// The part of the run that this is, where it is not the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<Partition>,
    /// All runs of the whole, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub planned: Vec<Planned>,
}

impl Started {
    /// Whether findings of level SHOULD fail.
    pub fn is_strict(&self) -> bool {
        self.basis.as_ref().is_some_and(|basis| basis.strict)
    }
}

/// What is under test, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubjectLine {
    /// What it is called.
    pub name: String,
    /// The version that its manifest states.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Where it is: the path of its program, or of the archive that it is from, or the address that was attached to.
    pub place: String,
    /// The SHA-256 of its program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The SHA-256 of the archive that it is from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive_sha256: Option<String>,
    /// The config that it is given, in words: where it comes from, and what it is where there are no secrets in it.
    #[serde(default)]
    pub config: String,
}

impl SubjectLine {
    /// A plugin on disk.
    pub fn of(subject: &Subject) -> Self {
        Self {
            name: subject.name.clone(),
            version: subject.manifest.as_ref().and_then(|manifest| manifest.version.clone()),
            place: subject
                .archive
                .as_ref()
                .map_or(&subject.program, |archive| &archive.path)
                .display()
                .to_string(),
            sha256: Some(subject.digest.clone()),
            archive_sha256: subject.archive.as_ref().map(|archive| archive.digest.clone()),
            config: String::new(),
        }
    }

    /// A plugin that runs at this address.
    pub fn attached(address: &str) -> Self {
        Self {
            name: "plugin".to_owned(),
            version: None,
            place: address.to_owned(),
            sha256: None,
            archive_sha256: None,
            config: String::new(),
        }
    }
}

impl fmt::Display for SubjectLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.version.iter().try_for_each(|version| write!(f, " {version}"))
    }
}

/// What is told of a run while it lasts.
#[derive(Clone, Debug)]
pub enum Live {
    /// A scenario is begun at a revision.
    Began {
        /// `id@revision`
        run: String,
    },
    /// It has come to its end. It is reported as finished when all before it are.
    Ended {
        /// `id@revision`
        run: String,
        /// How it ended.
        verdict: Verdict,
    },
}

/// A scenario, finished at one revision.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Finished {
    /// The scenario's id.
    pub scenario: String,
    /// The revision.
    #[schemars(with = "String")]
    pub revision: Revision,
    /// The scenario's title.
    pub title: String,
    /// The file that it stands in.
    pub file: String,
    /// The place of its id in that file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<InFile>,
    /// How it ended.
    pub verdict: Verdict,
    /// The plan beside what became of it.
    pub actions: Vec<ActionLine>,
    /// The error of the whole apply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apply_error: Option<String>,
    /// Why the provider was not loaded: then nothing was applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_error: Option<String>,
    /// Findings that the scenario does not expect.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<FoundFinding>,
    /// The rules of findings that it does expect, in the order of the catalogue.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expected_findings: Vec<String>,
    /// Findings that a list of known failures excuses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known_findings: Vec<FoundFinding>,
    /// Expectations that were not met.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mismatches: Vec<FoundMismatch>,
    /// The rules that had something to judge.
    pub judged: Vec<String>,
    /// What became of the rule that exploration found broken, for a scenario that it came by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replayed: Option<Replayed>,
    /// What happened, in steps.
    #[serde(default, skip_serializing_if = "Timeline::is_empty")]
    pub timeline: Timeline,
    /// The command that runs it again.
    pub reproduce: String,
    /// Where its trace was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// Why that trace is not complete, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_error: Option<String>,
    /// How long it took, in milliseconds. Never judged.
    pub millis: u64,
}

/// A scenario that exploration came by, run again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Replayed {
    /// The rule that was found broken.
    pub rule: String,
    /// Who broke it.
    pub party: Party,
    /// Whether it still is.
    pub came: Replay,
}

/// What became of a rule that was found broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Replay {
    /// It still is.
    StillFails,
    /// It holds.
    Fixed,
    /// There is nothing to tell by.
    Unjudged,
}

impl fmt::Display for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::StillFails => "still fails",
            Self::Fixed => "fixed",
            Self::Unjudged => "unjudged",
        })
    }
}

impl Replayed {
    fn of(found: &Found, came: Replay) -> Self {
        Self { rule: found.rule.clone(), party: found.party, came }
    }

    /// By what was found of a run, and by what it gave the rule to judge.
    fn judged(found: &Found, assessment: &Assessment) -> Self {
        let same = |finding: &Finding| (&finding.rule, finding.party) == (&found.rule, found.party);
        let holds = matches!(assessment.verdict, Verdict::Pass | Verdict::Fail)
            && assessment.judged.iter().any(|rule| *rule == found.rule);
        let came = match assessment.findings.iter().any(same) {
            true => Replay::StillFails,
            false if holds => Replay::Fixed,
            false => Replay::Unjudged,
        };
        Self::of(found, came)
    }
}

/// An action of the plan, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ActionLine {
    /// How the scenario calls it.
    pub address: String,
    /// What is to be done.
    pub kind: String,
    /// The resource type.
    #[serde(rename = "type")]
    pub resource_type: String,
    /// The calls that were made for it, in order; none where the provider was given the whole plan, or nothing is known of
    /// them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<Vec<String>>,
    /// Its outcomes: one, where all is well.
    pub outcomes: Vec<Outcome>,
}

/// A finding, with the events that prove it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct FoundFinding {
    /// The rule.
    pub rule: String,
    /// What the rule says.
    pub title: String,
    /// Its level.
    pub level: Level,
    /// Who broke it.
    pub party: Party,
    /// The action that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<u32>,
    /// What was found.
    pub message: String,
    /// Where in a file of the plugin it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// The place of the action that it is about in the scenario's file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<InFile>,
    /// The events that prove it.
    pub evidence: Vec<Evidence>,
    /// Why an entry of a list of known failures does not excuse it, where one is about its rule and run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_excused: Option<String>,
}

/// A place in the file of a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct InFile {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

impl InFile {
    /// The place of a span; none where the scenario stands in no file.
    fn of(source: &Source, span: Span) -> Option<Self> {
        if source.text.is_empty() {
            return None;
        }
        let Diagnostic { line, column, .. } = source.diagnostic("place", span, String::new());
        Some(Self { line, column })
    }
}

/// An event of the trace, in a form to be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// Its position in the trace.
    pub event: usize,
    /// What it says.
    pub text: String,
}

/// An expectation that was not met, with its place in the file.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct FoundMismatch {
    /// What was expected.
    pub expected: String,
    /// What came.
    pub found: String,
    /// The action that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<u32>,
    /// The line in the scenario's file, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
}

/// The run in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Runs that passed.
    pub passed: usize,
    /// Runs that failed.
    pub failed: usize,
    /// Runs that failed as a list of known failures says.
    #[serde(default)]
    pub known_failures: usize,
    /// Runs that did not fail, although such a list says so.
    #[serde(default)]
    pub unexpected_passes: usize,
    /// Runs that could not be judged.
    pub unjudged: usize,
    /// Runs that this revision or seam cannot reach.
    pub not_applicable: usize,
    /// Runs that could have been judged and were not.
    pub not_run: usize,
    /// Findings of level SHOULD, however their runs ended. They fail nothing, but for a run that is `--strict`.
    pub warnings: usize,
    /// Runs in which Counterfoil itself failed.
    pub defects: usize,
    /// Rules that had something to judge.
    pub rules_judged: usize,
    /// Rules of the catalogue.
    pub rules: usize,
    /// Rules that had nothing to judge here, and would have elsewhere: with `--live` where a plugin is under test, with
    /// a plugin where none is.
    #[serde(default)]
    pub rules_out_of_reach: usize,
    /// The run was interrupted.
    #[serde(default)]
    pub interrupted: bool,
    /// How long the run took, in milliseconds. Never judged.
    pub millis: u64,
}

impl Summary {
    /// Counts a finished run.
    pub fn count(&mut self, finished: &Finished) {
        match &finished.verdict {
            Verdict::Pass => self.passed += 1,
            Verdict::Fail => self.failed += 1,
            Verdict::KnownFailure => self.known_failures += 1,
            Verdict::UnexpectedPass { .. } => self.unexpected_passes += 1,
            Verdict::Unjudged { .. } => self.unjudged += 1,
            Verdict::Skip { kind: SkipKind::NotApplicable, .. } => self.not_applicable += 1,
            Verdict::Skip { kind: SkipKind::NotRun, .. } => self.not_run += 1,
        }
        self.warnings += finished.findings.iter().filter(|finding| finding.level == Level::Should).count();
    }

    /// How many runs there were, skipped ones included.
    pub fn runs(&self) -> usize {
        let judged = self.passed + self.failed + self.known_failures + self.unexpected_passes;
        judged + self.unjudged + self.not_applicable + self.not_run
    }
}

impl Finished {
    /// A run that gave a trace.
    pub fn judged(job: &Job, trace: &Trace, assessment: Assessment, millis: u64) -> Self {
        let found = job.scenario.found.as_ref();
        let replayed = found.map(|found| Replayed::judged(found, &assessment));
        let mut expected: Vec<String> =
            assessment.expected_findings.into_iter().map(|finding| finding.rule).collect();
        expected.dedup();
        let Account { actions, apply_error, load_error } = account(trace);
        let unmet = assessment.mismatches.iter();
        let mut mismatches: Vec<_> =
            unmet.map(|mismatch| FoundMismatch::new(mismatch, trace, Some(job))).collect();
        mismatches.sort_by_key(|mismatch| (mismatch.line, mismatch.column));
        Self {
            replayed,
            actions,
            apply_error,
            load_error,
            findings: assessment
                .findings
                .iter()
                .map(|finding| FoundFinding::of(job, finding, trace))
                .collect(),
            expected_findings: expected,
            mismatches,
            judged: assessment.judged.into_iter().map(str::to_owned).collect(),
            timeline: Timeline::of(trace, &job.scenario.faults),
            ..Self::without_trace(job, assessment.verdict, millis)
        }
    }

    /// A run of the plan that never came to anything.
    pub(super) fn not_run(planned: &Planned, revision: Revision, reason: &str) -> Self {
        let verdict = Verdict::Skip { kind: SkipKind::NotRun, reason: reason.to_owned() };
        let Planned { scenario, title, file, .. } = planned.clone();
        Self::bare(scenario, revision, title, file, verdict)
    }

    /// A run that gave none.
    pub fn without_trace(job: &Job, verdict: Verdict, millis: u64) -> Self {
        let Scenario { id, title, source, found, .. } = &*job.scenario;
        Self {
            at: InFile::of(source, source.id),
            replayed: found.as_ref().map(|found| Replayed::of(found, Replay::Unjudged)),
            millis,
            ..Self::bare(id.clone(), job.revision, title.clone(), source.file.clone(), verdict)
        }
    }

    fn bare(scenario: String, revision: Revision, title: String, file: String, verdict: Verdict) -> Self {
        Self {
            scenario,
            revision,
            title,
            file,
            at: None,
            verdict,
            actions: Vec::new(),
            apply_error: None,
            load_error: None,
            findings: Vec::new(),
            expected_findings: Vec::new(),
            known_findings: Vec::new(),
            mismatches: Vec::new(),
            judged: Vec::new(),
            replayed: None,
            timeline: Timeline::default(),
            reproduce: String::new(),
            trace: None,
            trace_error: None,
            millis: 0,
        }
    }

    /// `id@revision`
    pub fn id(&self) -> String {
        format!("{}@{}", self.scenario, self.revision)
    }

    /// Whether an engine of this revision keeps an outcome for each action.
    pub fn keeps_outcomes(revision: Revision) -> bool {
        revision.engine().status_map != StatusMapKind::None
    }
}

impl FoundMismatch {
    /// An expectation that was not met. Without a job there is no file, and no place in it: line and column are 0.
    pub fn new(mismatch: &Mismatch, trace: &Trace, job: Option<&Job>) -> Self {
        let place = job.map(|job| place(job, mismatch.expectation));
        let (mut expected, mut found) = (mismatch.expected.clone(), mismatch.found.clone());
        match (mismatch.expectation, job, &place) {
            (Expectation::Fault(at), Some(job), Some(place)) => {
                if let Some(fault) = job.scenario.faults.get(at) {
                    expected = format!("the {} in line {} strikes", word(&fault.kind), place.line);
                }
            }
            (Expectation::Error(action), ..) => {
                let outcomes = trace.end().map(|(result, ..)| &*result.outcomes).unwrap_or_default();
                let is_it = |outcome: &&Outcome| outcome.action_index as usize == action;
                if let Some(outcome) = outcomes.iter().find(is_it).filter(|outcome| outcome.error.is_empty())
                {
                    found = if outcome.status == Status::Success {
                        "no error: it succeeded".to_owned()
                    } else {
                        format!("{} without a text", outcome.status)
                    };
                }
            }
            _ => {}
        }
        let action = match mismatch.expectation {
            Expectation::Outcome(action) | Expectation::Error(action) => action.try_into().ok(),
            Expectation::Fault(at) => match trace.header.faults.get(at) {
                Some(Strike::References(action) | Strike::Driver(action, _)) => Some(*action),
                Some(Strike::Hook(_, action)) => *action,
                Some(Strike::Call | Strike::Cancelled) | None => {
                    let fault = job.and_then(|job| job.scenario.faults.get(at));
                    fault.and_then(|fault| fault.action?.try_into().ok())
                }
            },
            _ => None,
        };
        let (line, column) = place.map_or((0, 0), |place| (place.line, place.column));
        Self { expected, found, action, line, column }
    }
}

/// How a scenario writes a kind of fault.
pub(super) fn word(kind: &FaultKind) -> &'static str {
    match kind {
        FaultKind::JitError => "jit-error",
        FaultKind::DriverResolveError { .. } => "driver-resolve-error",
        FaultKind::DispatchError { .. } => "dispatch-error",
        FaultKind::HookError { .. } => "hook-error",
        FaultKind::Cancel { .. } => "cancel",
        FaultKind::FinalizeError { .. } => "finalize-error",
        FaultKind::Transport { .. } => "transport fault",
        FaultKind::Wire { .. } => "wire fault",
    }
}

impl FoundFinding {
    /// A finding, with the events of its trace.
    pub fn new(finding: &Finding, trace: &Trace) -> Self {
        let evidence = finding.evidence.iter().filter_map(|event| {
            let text = describe(trace.events.get(*event)?);
            Some(Evidence { event: *event, text })
        });
        Self {
            rule: finding.rule.clone(),
            title: rules::find(&finding.rule).map(|rule| rule.title).unwrap_or_default().to_owned(),
            level: finding.level,
            party: finding.party,
            action: finding.action,
            message: finding.message.clone(),
            place: finding.place.clone(),
            at: None,
            evidence: evidence.collect(),
            not_excused: None,
        }
    }

    /// The same, with the place of its action in the scenario's file.
    fn of(job: &Job, finding: &Finding, trace: &Trace) -> Self {
        let source = &job.scenario.source;
        let action = finding.action.and_then(|action| source.actions.get(action as usize));
        Self { at: action.and_then(|span| InFile::of(source, *span)), ..Self::new(finding, trace) }
    }
}

/// What became of a plan.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// The plan beside its outcomes.
    pub actions: Vec<ActionLine>,
    /// The error of the whole apply.
    pub apply_error: Option<String>,
    /// Why the provider was not loaded, if so.
    pub load_error: Option<String>,
}

/// What became of the plan of a trace. A decoder carries none out.
pub fn account(trace: &Trace) -> Account {
    if trace.header.subject == trace::Subject::Decoder {
        return Account::default();
    }
    let end = trace.end();
    // A plan may have very many actions, so each outcome is looked at once.
    let mut outcomes: Vec<Vec<Outcome>> = trace.header.plan.actions.iter().map(|_| Vec::new()).collect();
    for outcome in end.iter().flat_map(|(result, ..)| &result.outcomes) {
        if let Some(of) = outcomes.get_mut(outcome.action_index as usize) {
            of.push(outcome.clone());
        }
    }
    let mut calls: Vec<Vec<String>> = trace.header.plan.actions.iter().map(|_| Vec::new()).collect();
    for call in judge::calls(trace, false) {
        if let Some(of) = calls.get_mut(call.action) {
            of.push(call.method.to_string());
        }
    }
    let tells = trace.header.driven == Driven::CallByCall;
    let planned = trace.header.plan.actions.iter().zip(outcomes).zip(calls).enumerate();
    let lines = planned.map(|(index, ((action, outcomes), calls))| ActionLine {
        address: trace.header.addresses.get(index).cloned().unwrap_or_default(),
        kind: action.kind.to_string(),
        resource_type: action.spec.resource_type.clone(),
        calls: tells.then_some(calls),
        outcomes,
    });
    let load_error = trace.events.iter().find_map(|event| match event {
        Event::LoadFailed { method, error } => Some(format!("{method}: {error}")),
        _ => None,
    });
    let apply_error = end.and_then(|(_, error, _)| error.map(str::to_owned));
    Account { actions: lines.collect(), apply_error, load_error }
}

/// Where an expectation stands in the scenario's file.
fn place(job: &Job, expectation: Expectation) -> Diagnostic {
    let source = &job.scenario.source;
    let spans = &source.expect;
    let span = match expectation {
        Expectation::Outcomes => spans.outcomes,
        Expectation::Outcome(action) => spans.outcome.get(&action).copied().or(spans.outcomes),
        Expectation::Error(action) => spans.errors.get(&action).copied(),
        Expectation::Calls => spans.calls,
        Expectation::Received => spans.received,
        Expectation::ApplyError => spans.apply_error,
        Expectation::Resources => spans.resources,
        Expectation::ReplaceIds => spans.replace_ids,
        Expectation::Hooks => spans.hooks,
        Expectation::State => spans.state,
        Expectation::InputDrift => spans.input_drift,
        Expectation::Finding(at) => spans.findings.get(at).copied(),
        Expectation::Fault(at) => source.faults.get(at).copied(),
    };
    source.diagnostic("unmet-expectation", span.unwrap_or(source.id), String::new())
}

/// An event in a form to be read.
pub fn describe(event: &Event) -> String {
    use counterfoil_core::trace::Reply;
    let answer = |reply: &Reply| match reply {
        Reply::Ok(message) => format!("OK, {} bytes", message.0.len()),
        Reply::Error(error) => error.to_string(),
    };
    let of_action = |action: Option<u32>| action.map_or(String::new(), |action| format!("action {action}: "));
    match event {
        Event::Process(event) => event.describe(),
        Event::Adapter(event) => event.describe(),
        Event::Decoded(decoded) => {
            let verdict = match &decoded.verdict {
                Taken::Accepted { .. } => "accepts them".to_owned(),
                Taken::Refused { why } => format!("refuses them: {why}"),
            };
            let (bytes, name) = (decoded.bytes.0.len(), decoded.short_name());
            format!("given {bytes} bytes as {name}, the decoder {verdict}")
        }
        Event::LoadFailed { method, error } => format!("the provider did not load: {method}: {error}"),
        Event::ApplyStarted => "the engine begins to apply the plan".to_owned(),
        Event::ActionStarted { action } => format!("the engine begins action {action}"),
        Event::ReferencesFailed { action, error } => format!("action {action}: {error}"),
        Event::DriverAsked { action, resource_type, refused, .. } => match refused {
            None => format!("action {action}: a driver for {resource_type} is resolved"),
            Some(error) => format!("action {action}: no driver for {resource_type}: {error}"),
        },
        Event::CallIssued { call, method, resource, .. } => {
            format!("call {call}: the engine sends {method} {resource}")
        }
        Event::CallDelivered { call } => format!("call {call}: it arrives at the provider"),
        Event::FaultInjected { call, fault } => format!("call {call}: fault {fault} of the scenario strikes"),
        Event::ReplySent { call, reply } => format!("call {call}: the provider answers {}", answer(reply)),
        Event::ReplyReceived { call, reply } => format!("call {call}: the engine receives {}", answer(reply)),
        Event::ReplyRefused { call, refusals } => {
            let causes: Vec<&str> = refusals.iter().map(|refusal| refusal.cause.rule()).collect();
            format!("call {call}: the decoder refuses the reply: {}", causes.join(", "))
        }
        Event::HookCalled { hook, action, .. } => {
            format!("{}the engine calls the {hook} hook", of_action(*action))
        }
        Event::HookAnswered { hook, action, error } => {
            let answer = error.as_ref().map_or("is content".to_owned(), |error| format!("fails: {error}"));
            format!("{}the {hook} hook {answer}", of_action(*action))
        }
        Event::StateSaved { action, record } => {
            format!("action {action}: the state keeps {} {:?}", record.resource_type, record.name)
        }
        Event::StateRemoved { action, name } => format!("action {action}: the state loses {name:?}"),
        Event::ContextEnded { cause } => format!("the context ends: {cause}"),
        Event::ActionEnded { action } => format!("the engine is through with action {action}"),
        Event::ReadBack { call, action, reply } => {
            format!(
                "call {call}: read back after the apply for action {action}, the provider answers {}",
                answer(reply)
            )
        }
        Event::Tried(tried) => format!("beside the apply, {}", tried.describe()),
        Event::ApplyEnded { result, error } => {
            let error = error.as_ref().map_or(String::new(), |error| format!(", error: {error}"));
            let outcomes = match result.outcomes.len() {
                1 => "1 outcome".to_owned(),
                count => format!("{count} outcomes"),
            };
            format!("the apply ends with {outcomes}{error}")
        }
    }
}
