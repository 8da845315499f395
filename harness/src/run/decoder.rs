//! Runs against a decoder that stands behind an adapter: a run for each message and revision.

use std::{collections::BTreeMap, sync::Arc};

use counterfoil_core::{
    decode::vectors,
    judge::SkipKind,
    plan::Plan,
    rpc::Method,
    scenario::{Dispatch, Scenario, Seam},
    trace::{Decoded, Driven, Event, Header, Payload, Subject, Taken, Trace},
};
use counterfoil_proto::{
    Revision, RevisionRange,
    adapter::{Accepted, Ready, Role, decoder_answer::Verdict},
};

use super::{
    Filter, Job,
    adapted::{Adapted, about_adapters, in_order},
    jobs,
    plugin::Played,
};
use crate::adapter::{Case, GivenUp, Launch, Told, cases::Generator};

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
        suite.scenarios.extend(about_adapters());
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
        in_order(&mut jobs);
        jobs
    }
}

/// A decoder under test.
#[derive(Debug)]
pub struct DecoderUnderTest {
    /// What stands behind the adapter.
    pub adapted: Adapted,
    suite: DecoderSuite,
}

impl DecoderUnderTest {
    /// Starts an adapter, to give it what these jobs ask of a suite.
    pub async fn start(launch: Launch, suite: DecoderSuite, jobs: &[Job]) -> Self {
        let is_given = |job: &Job, ready: &Ready| suite.case(job, ready).is_ok();
        let adapted = Adapted::start(launch, Role::Decoder, jobs, is_given).await;
        Self { adapted, suite }
    }

    /// Gives the decoder what a job is about.
    pub(super) async fn drive(&self, job: &Job) -> Played {
        let ready = match self.adapted.ready_for(job).await {
            Ok(ready) => ready,
            Err(played) => return played,
        };
        let case = match self.suite.case(job, ready) {
            Ok(case) => case,
            Err(reason) => return Played::Skip(SkipKind::NotApplicable, reason),
        };
        let mut told = match self.adapted.adapter.decode(job.id(), case.at(job.revision)).await {
            Ok(told) => told,
            Err(GivenUp(reason)) => return Played::Skip(SkipKind::NotRun, reason),
        };
        told.events.extend(self.adapted.beyond_all_answers(job).await);
        trace(job, events(&case, told))
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
