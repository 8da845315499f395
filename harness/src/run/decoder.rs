//! Runs against a decoder that stands behind an adapter: a run for each message and revision.

use std::{collections::BTreeMap, num::NonZeroUsize, sync::Arc};

use counterfoil_core::{
    decode::vectors,
    judge::SkipKind,
    plan::Plan,
    rpc::Method,
    scenario::{Dispatch, Scenario, Seam},
    trace::{AdapterEvent, Decoded, Driven, Due, Event, Header, Payload, Subject, Taken, Trace},
};
use counterfoil_proto::{
    Revision, RevisionRange,
    adapter::{Accepted, Ready, decoder_answer::Verdict},
};

use super::{Filter, Job, SubjectLine, jobs, plugin::Played};
use crate::adapter::{Case, GivenUp, Launch, Line, Told, cases::Generator};

/// The run that looks at nothing but the start of the adapter, and the one that looks at its end.
const STARTS: &str = "adapter-starts";
const ENDS: &str = "adapter-ends";

/// Messages for decoders, each a scenario of its own.
#[derive(Clone, Debug, Default)]
pub struct DecoderSuite {
    scenarios: Vec<Arc<Scenario>>,
    cases: BTreeMap<String, Case>,
}

impl DecoderSuite {
    /// Every binary vector at every revision, and so many messages more that are made up out of them.
    pub fn new(made_up: u32, seed: u64) -> Self {
        let mut suite = Self::default();
        let starts = Scenario::bare(STARTS, "An adapter starts, and is ready", Revision::Head.into());
        let ends = Scenario::bare(ENDS, "An adapter ends with its input", Revision::Head.into());
        suite.scenarios.extend([starts, ends].map(Arc::new));
        for topic in vectors() {
            for vector in &topic.vectors {
                let of: Vec<Revision> = vector.verdicts().map(|(revision, _)| revision).collect();
                let (Some(first), Some(last)) = (of.first(), of.last()) else { continue };
                let mut scenario = Scenario::bare(vector.name, vector.about, (*first..=*last).into());
                scenario.source.file = format!("golden/vectors/{}", topic.file_name());
                scenario.tags = vec![topic.name.to_owned()];
                suite.take(scenario, Case::of(vector));
            }
        }
        let mut generator = None;
        for number in 1..=made_up {
            let (case, revision) = generator.get_or_insert_with(|| Generator::new(seed)).case();
            let title = format!("Made up out of vectors of {}", case.message);
            let mut scenario =
                Scenario::bare(format!("made-up-{seed}-{number}"), title, RevisionRange::from(revision));
            scenario.tags = vec!["made-up".to_owned()];
            suite.take(scenario, case);
        }
        suite
    }

    /// Scenarios of the user's: those that script a reply to `Apply`. The others say nothing to a decoder alone.
    pub fn of(scenarios: Vec<Arc<Scenario>>) -> Self {
        Self { scenarios, cases: BTreeMap::new() }
    }

    fn take(&mut self, mut scenario: Scenario, case: Case) {
        scenario.seams.insert(Seam::Decoder);
        scenario.plan = Plan { id: scenario.id.clone(), actions: case.planned.clone(), ..Plan::default() };
        scenario.addresses = (1..=case.planned.len()).map(|number| format!("action-{number}")).collect();
        self.cases.insert(scenario.id.clone(), case);
        self.scenarios.push(Arc::new(scenario));
    }

    /// What a job asks of a decoder that can do so much.
    ///
    /// # Errors
    /// Why it has nothing to ask.
    fn case(&self, job: &Job, ready: &Ready) -> Result<Case, String> {
        let case = self.cases.get(&job.scenario.id).cloned().or_else(|| scripted(&job.scenario));
        let case =
            case.ok_or("it scripts no reply to Apply, and a decoder alone has nothing else to read")?;
        match beyond(ready, &case, job.revision) {
            None => Ok(case),
            Some(reason) => Err(reason),
        }
    }

    /// All of it, as scenarios.
    pub fn scenarios(&self) -> &[Arc<Scenario>] {
        &self.scenarios
    }

    /// The runs that a filter leaves: first the start of the adapter, and its end last.
    pub fn jobs(&self, filter: &Filter) -> Vec<Job> {
        let mut jobs = jobs(&self.scenarios, filter);
        jobs.sort_by_key(|job| match &*job.scenario.id {
            STARTS => 0,
            ENDS => 2,
            _ => 1,
        });
        jobs
    }
}

/// A decoder under test.
#[derive(Debug)]
pub struct DecoderUnderTest {
    /// What reports say of it.
    pub line: SubjectLine,
    adapter: Line,
    /// What its adapter says that it can do, or what it did instead of saying so.
    ready: Result<Ready, Vec<AdapterEvent>>,
    suite: DecoderSuite,
    /// The run that tells where it did not start: the first. It is the one that is about that, where that is run.
    first: Option<String>,
    /// The run that tells what it says beyond all answers: the last for which it is needed. It is the one that is about its
    /// end, where that is run.
    last: Option<String>,
}

impl DecoderUnderTest {
    /// Starts an adapter, to give it what these jobs ask of a suite.
    pub async fn start(launch: Launch, suite: DecoderSuite, jobs: &[Job]) -> Self {
        let program = launch.program.display().to_string();
        let words = launch.arguments.iter().map(|word| super::shell_word(&word.to_string_lossy()));
        let place = std::iter::once(program.clone()).chain(words).collect::<Vec<_>>().join(" ");
        let adapter = Line::new(launch);
        let ready = adapter.ready().await;
        let told = ready.as_ref().map(|ready| ready.subject.clone()).unwrap_or_default();
        let name = if told.is_empty() { program } else { told };
        let is_needed = |job: &&Job| match &ready {
            Ok(ready) => job.scenario.id == ENDS || suite.case(job, ready).is_ok(),
            Err(_) => false,
        };
        let last = jobs.iter().rev().find(is_needed).map(Job::id);
        let line = SubjectLine { name, ..SubjectLine::attached(&place) };
        Self { line, adapter, ready, suite, first: jobs.first().map(Job::id), last }
    }

    /// Whether a run is about the end of the adapter, and so has to come behind all others for which that is needed.
    pub(super) fn closes(&self, job: &Job) -> bool {
        self.last.as_ref() == Some(&job.id())
    }

    /// Why it cannot be given anything, if so.
    pub fn not_ready(&self) -> Option<String> {
        let events = self.ready.as_ref().err()?;
        Some(events.first().map(AdapterEvent::describe).unwrap_or_default())
    }

    /// How many cases its adapter takes at once.
    pub fn takes_at_once(&self) -> NonZeroUsize {
        let told = self.ready.as_ref().map_or(0, |ready| ready.in_flight as usize);
        NonZeroUsize::new(told).unwrap_or(NonZeroUsize::MIN)
    }

    /// Gives the decoder what a job is about.
    pub(super) async fn drive(&self, job: &Job) -> Played {
        let (id, not_run) = (&*job.scenario.id, |reason| Played::Skip(SkipKind::NotRun, reason));
        let ready = match &self.ready {
            Ok(ready) => ready,
            Err(events) if id == STARTS => return trace(job, events.iter().cloned().map(Event::Adapter)),
            Err(_) => {
                let reason = self.not_ready().unwrap_or_default();
                let is_first = self.first.as_ref() == Some(&job.id());
                return if is_first { Played::Unjudged(reason) } else { not_run(reason) };
            }
        };
        if id == STARTS {
            let ready = AdapterEvent::Ready { subject: ready.subject.clone() };
            return trace(job, [Event::Adapter(ready)]);
        }
        if id == ENDS {
            return match self.adapter.end().await {
                Ok(events) => trace(job, events.into_iter().map(Event::Adapter)),
                Err(GivenUp(reason)) => not_run(reason),
            };
        }
        let case = match self.suite.case(job, ready) {
            Ok(case) => case,
            Err(reason) => return Played::Skip(SkipKind::NotApplicable, reason),
        };
        let mut told = match self.adapter.decode(job.id(), case.at(job.revision)).await {
            Ok(told) => told,
            Err(GivenUp(reason)) => return not_run(reason),
        };
        if self.closes(job) {
            told.events.extend(self.beyond_all_answers().await);
        }
        trace(job, events(&case, told))
    }

    /// What the adapter does that it must not when all has been answered. How it ends is not asked for here.
    async fn beyond_all_answers(&self) -> impl Iterator<Item = AdapterEvent> {
        let events = self.adapter.end().await.unwrap_or_default();
        events.into_iter().filter(|event| {
            matches!(
                event,
                AdapterEvent::BadAnswer { .. }
                    | AdapterEvent::BadFrame { .. }
                    | AdapterEvent::Exited { instead: Due::Answer, .. }
            )
        })
    }
}

/// The reply that a scenario scripts.
fn scripted(scenario: &Scenario) -> Option<Case> {
    let Dispatch::V1 { reply: Some(reply) } = &scenario.dispatch else { return None };
    let (message, planned) = (Method::Apply.response().to_owned(), scenario.plan.actions.clone());
    Some(Case { message, planned, bytes: reply.clone() })
}

/// What a decoder does not know.
fn beyond(ready: &Ready, case: &Case, revision: Revision) -> Option<String> {
    let knows = |known: &[String], name: &str| known.is_empty() || known.iter().any(|known| known == name);
    if !knows(&ready.revisions, &revision.to_string()) {
        return Some(format!("the decoder knows no revision {revision}"));
    }
    let message = &case.message;
    (!knows(&ready.messages, message)).then(|| format!("the decoder reads no {message}"))
}

fn events(case: &Case, told: Told) -> impl Iterator<Item = Event> {
    let verdict = told.answer.map(|answer| match answer {
        Verdict::Accepted(Accepted { value }) => Taken::Accepted { value: value.map(Payload) },
        Verdict::Refused(why) => Taken::Refused { why },
    });
    let decoded = verdict.map(|verdict| {
        let (message, bytes) = (case.message.clone(), Payload(case.bytes.clone()));
        Event::Decoded(Decoded { message, bytes, verdict })
    });
    told.events.into_iter().map(Event::Adapter).chain(decoded)
}

fn trace(job: &Job, events: impl IntoIterator<Item = Event>) -> Played {
    let plan = job.scenario.plan.clone();
    let header = Header::new(&job.scenario, job.revision, Subject::Decoder, Driven::ByApply, plan);
    Played::Trace(Box::new(Trace { header, events: events.into_iter().collect() }))
}
