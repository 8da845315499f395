//! How far a plugin has come, shared by all who watch it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use counterfoil_core::trace::{Event, ExitStatus, Phase, ProcessEvent, Recorder};
use tokio::sync::watch;

use super::{Redact, child::State};

/// How long the news of an end may take behind the end of a connection that it brought about.
const NEWS: Duration = Duration::from_millis(250);

/// The life of one plugin, and the trace into which it goes. Clones are one life.
#[derive(Clone)]
pub(super) struct Life(Arc<Shared>);

struct Shared {
    log: Recorder,
    redact: Redact,
    /// None for a plugin that is not our process.
    state: Option<watch::Receiver<State>>,
    now: Mutex<Now>,
}

struct Now {
    phase: Phase,
    /// The calls that are under way, by name.
    calls: Vec<String>,
    /// The last call that was given up.
    given_up: Option<String>,
    /// Its end is ours, or has been told of.
    expected: bool,
}

impl Life {
    pub(super) fn new(log: Recorder, redact: Redact, state: Option<watch::Receiver<State>>) -> Self {
        let now = Now { phase: Phase::Start, calls: Vec::new(), given_up: None, expected: false };
        Self(Arc::new(Shared { log, redact, state, now: Mutex::new(now) }))
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.0.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters an event into the trace.
    pub(super) fn record(&self, event: ProcessEvent) {
        self.0.log.push(Event::Process(event));
    }

    /// A text without its secrets.
    pub(super) fn redact(&self, text: &str) -> String {
        (self.0.redact)(text)
    }

    /// The next phase begins.
    pub(super) fn enter(&self, phase: Phase) {
        self.now().phase = phase;
    }

    /// A call begins; until what is returned is dropped, it is under way.
    pub(super) fn call(&self, name: String) -> UnderWay {
        self.now().calls.push(name.clone());
        UnderWay { life: self.clone(), name, over: false }
    }

    /// The call that was given up last.
    pub(super) fn given_up(&self) -> Option<String> {
        self.now().given_up.clone()
    }

    /// From now on the end of the plugin is what we want. False if it was before.
    pub(super) fn expect_end(&self) -> bool {
        !std::mem::replace(&mut self.now().expected, true)
    }

    /// Whether the end of the plugin is what we want, or has been told of.
    pub(super) fn is_ending(&self) -> bool {
        self.now().expected
    }

    /// The process; none where it is not ours, or was not started.
    pub(super) fn pid(&self) -> Option<u32> {
        self.0.state.as_ref().and_then(|state| state.borrow().started.clone()?.ok())
    }

    /// How the process ended, if it has.
    pub(super) fn exited(&self) -> Option<ExitStatus> {
        self.0.state.as_ref().and_then(|state| state.borrow().exited)
    }

    /// Waits until the process has ended, or all that is known of it is gone. Never for one that is not ours.
    pub(super) async fn end(&self) -> Option<ExitStatus> {
        let Some(state) = &self.0.state else { return std::future::pending().await };
        let mut state = state.clone();
        let ended = state.wait_for(|state| state.exited.is_some() || state.is_gone()).await;
        ended.ok().and_then(|state| state.exited)
    }

    /// The same, at most for `within`.
    pub(super) async fn end_within(&self, within: Duration) -> Option<ExitStatus> {
        tokio::time::timeout(within, self.end()).await.ok().flatten()
    }

    /// Waits until nothing is left of the process, at most for `within`.
    pub(super) async fn gone_within(&self, within: Duration) -> Option<State> {
        let mut state = self.0.state.clone()?;
        let gone = tokio::time::timeout(within, state.wait_for(State::is_gone)).await;
        gone.ok()?.ok().map(|state| state.clone())
    }

    /// A connection has broken: if that is because the process ended, this tells so, and says true.
    pub(super) async fn broke_with_process(&self) -> bool {
        if self.is_ending() {
            return true;
        }
        if self.0.state.is_none() {
            return false;
        }
        self.end_within(NEWS).await.is_some() && {
            self.note_exit();
            true
        }
    }

    /// Tells of the end of the process, if it has ended, nobody wanted that, and it has not been told.
    pub(super) fn note_exit(&self) {
        let Some(status) = self.exited() else { return };
        let during = {
            let mut now = self.now();
            if std::mem::replace(&mut now.expected, true) {
                return;
            }
            if now.phase == Phase::Idle && !now.calls.is_empty() { Phase::Call } else { now.phase }
        };
        self.record(ProcessEvent::Exited { during, status });
    }
}

/// A call that is under way.
pub(super) struct UnderWay {
    life: Life,
    name: String,
    over: bool,
}

impl UnderWay {
    pub(super) fn life(&self) -> &Life {
        &self.life
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The call has come to its end by itself.
    pub(super) fn over(&mut self) {
        self.over = true;
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut now = self.life.now();
        if let Some(at) = now.calls.iter().position(|name| *name == self.name) {
            now.calls.swap_remove(at);
        }
        if !self.over {
            now.given_up = Some(std::mem::take(&mut self.name));
        }
    }
}
