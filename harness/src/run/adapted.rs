//! What stands behind an adapter: the runs about the adapter itself, and what it says of itself.

use std::{num::NonZeroUsize, sync::Arc};

use counterfoil_core::{
    judge::SkipKind,
    scenario::Scenario,
    trace::{AdapterEvent, Driven, Due, Event, Header, Subject, Trace},
};
use counterfoil_proto::{
    Revision,
    adapter::{Ready, Role},
};

use super::{Job, SubjectLine, plugin::Played};
use crate::adapter::{GivenUp, Launch, Line};

/// The run that looks at nothing but the start of the adapter, and the one that looks at its end.
const STARTS: &str = "adapter-starts";
const ENDS: &str = "adapter-ends";

/// The scenarios about the adapter itself.
pub(super) fn about_adapters() -> [Arc<Scenario>; 2] {
    let starts = Scenario::bare(STARTS, "An adapter starts, and is ready", Revision::Head.into());
    let ends = Scenario::bare(ENDS, "An adapter ends with its input", Revision::Head.into());
    [starts, ends].map(Arc::new)
}

/// Puts the run about the start of the adapter first, and the one about its end last.
pub(super) fn in_order(jobs: &mut [Job]) {
    jobs.sort_by_key(|job| match &*job.scenario.id {
        STARTS => 0,
        ENDS => 2,
        _ => 1,
    });
}

/// Something under test that stands behind an adapter.
#[derive(Debug)]
pub struct Adapted {
    /// What reports say of it.
    pub line: SubjectLine,
    /// The way to its adapter.
    pub(super) adapter: Line,
    /// What its adapter says that it can do, or what it did instead of saying so.
    ready: Result<Ready, Vec<AdapterEvent>>,
    subject: Subject,
    /// The run that tells where it did not start: the first. It is the one that is about that, where that is run.
    first: Option<String>,
    /// The run that tells what it says beyond all answers: the last for which it is needed. It is the one that is about its
    /// end, where that is run.
    last: Option<String>,
}

impl Adapted {
    /// Starts an adapter, to give it what these jobs ask. `is_given` says of a job about what stands behind it whether it
    /// can be given that.
    pub(super) async fn start(
        launch: Launch,
        role: Role,
        jobs: &[Job],
        is_given: impl Fn(&Job, &Ready) -> bool,
    ) -> Self {
        let program = launch.program.display().to_string();
        let words = launch.arguments.iter().map(|word| super::shell_word(&word.to_string_lossy()));
        let place = std::iter::once(program.clone()).chain(words).collect::<Vec<_>>().join(" ");
        let adapter = Line::new(launch, role);
        let ready = adapter.ready().await;
        let told = ready.as_ref().map(|ready| ready.subject.clone()).unwrap_or_default();
        let name = if told.is_empty() { program } else { told };
        let subject = match role {
            Role::Engine => Subject::Engine,
            Role::Decoder | Role::Unspecified => Subject::Decoder,
        };
        let is_needed = |job: &&Job| match &ready {
            Ok(ready) => job.scenario.id == ENDS || (job.scenario.id != STARTS && is_given(job, ready)),
            Err(_) => false,
        };
        let last = jobs.iter().rev().find(is_needed).map(Job::id);
        let line = SubjectLine { name, ..SubjectLine::attached(&place) };
        Self { line, adapter, ready, subject, first: jobs.first().map(Job::id), last }
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

    /// What its adapter says that it can do, if it is ready.
    pub(super) fn ready(&self) -> Option<&Ready> {
        self.ready.as_ref().ok()
    }

    /// How many cases its adapter takes at once.
    pub fn takes_at_once(&self) -> NonZeroUsize {
        let told = self.ready.as_ref().map_or(0, |ready| ready.in_flight as usize);
        NonZeroUsize::new(told).unwrap_or(NonZeroUsize::MIN)
    }

    /// What the adapter can do, for a run about what stands behind it.
    ///
    /// # Errors
    /// What came of the run, where it is about the adapter itself, or where there is none.
    pub(super) async fn ready_for(&self, job: &Job) -> Result<&Ready, Played> {
        let (id, not_run) = (&*job.scenario.id, |reason| Played::Skip(SkipKind::NotRun, reason));
        let ready = match &self.ready {
            Ok(ready) => ready,
            Err(events) if id == STARTS => return Err(self.alone(job, events.clone())),
            Err(_) => {
                let reason = self.not_ready().unwrap_or_default();
                let is_first = self.first.as_ref() == Some(&job.id());
                return Err(if is_first { Played::Unjudged(reason) } else { not_run(reason) });
            }
        };
        match id {
            STARTS => Err(self.alone(job, vec![AdapterEvent::Ready { subject: ready.subject.clone() }])),
            ENDS => Err(match self.adapter.end().await {
                Ok(events) => self.alone(job, events),
                Err(GivenUp(reason)) => not_run(reason),
            }),
            _ => Ok(ready),
        }
    }

    /// What the adapter does that it must not when all has been answered, where a job is the last. How it ends is not asked
    /// for here.
    pub(super) async fn beyond_all_answers(&self, job: &Job) -> Vec<AdapterEvent> {
        let mut events = Vec::new();
        if self.closes(job) {
            events = self.adapter.end().await.unwrap_or_default();
            events.retain(|event| {
                matches!(
                    event,
                    AdapterEvent::BadAnswer { .. }
                        | AdapterEvent::BadFrame { .. }
                        | AdapterEvent::Exited { instead: Due::Answer, .. }
                )
            });
        }
        events
    }

    /// The trace of a run about the adapter itself.
    fn alone(&self, job: &Job, events: Vec<AdapterEvent>) -> Played {
        let header = Header::bare(&job.scenario.id, job.revision, self.subject);
        let header = Header { driven: Driven::ByApply, ..header };
        Played::Trace(Box::new(Trace { header, events: events.into_iter().map(Event::Adapter).collect() }))
    }
}
