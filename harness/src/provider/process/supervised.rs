//! A process below a supervisor and no more: for who is not the host of a plugin.

use std::{path::Path, time::Duration};

use counterfoil_core::trace::ExitStatus;

use super::{
    child::{Child, Pipes, Start, State},
    diagnose,
    supervisor::Rest,
};

/// A process that runs. Nothing of it is left where this is dropped, or this process ends, however that comes about.
#[derive(Debug)]
pub(crate) struct Supervised(Child);

impl Supervised {
    /// Says why a program cannot be started, as far as that shows before it is. A name alone is looked for by the system.
    pub(crate) fn refusal(program: &Path) -> Option<String> {
        program.components().nth(1)?;
        diagnose::examine(program).map(|(_, why)| why)
    }

    /// Has a supervisor start a program.
    ///
    /// Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// Says why it does not start.
    pub(crate) async fn start(start: Start<'_>) -> Result<(Self, Pipes), String> {
        let Start { supervisor, program, .. } = start;
        if let Some(why) = Self::refusal(program) {
            return Err(why);
        }
        let (child, pipes) =
            Child::start(start).map_err(|error| format!("no supervisor can be started: {error}"))?;
        let mut state = child.state();
        let known = state.wait_for(|state| state.started.is_some() || state.is_gone()).await;
        match known.ok().and_then(|state| state.started.clone()) {
            Some(Ok(_)) => Ok((Self(child), pipes)),
            Some(Err((errno, detail))) => Err(diagnose::system(program, errno, &detail).1),
            None => Err(format!("{} ended before it started anything", supervisor.display())),
        }
    }

    /// Waits until the process has ended, and says how. None where nobody can know any more.
    pub(crate) fn end(&self) -> impl Future<Output = Option<ExitStatus>> + Send + use<> {
        let mut state = self.0.state();
        async move {
            let ended = state.wait_for(|state| state.exited.is_some() || state.is_gone()).await;
            ended.ok().and_then(|state| state.exited)
        }
    }

    /// Waits until nothing is left of the process, of what it started, and of its directory, at most for `within`.
    pub(crate) async fn gone(&self, within: Duration) {
        let mut state = self.0.state();
        let _ = tokio::time::timeout(within, state.wait_for(State::is_gone)).await;
    }

    /// What was still there when the process had ended; none where nobody can know. It is known once nothing is left.
    pub(crate) fn rest(&self) -> Option<Rest> {
        self.0.state().borrow().rest.clone()
    }

    /// What kills the process.
    pub(crate) fn killer(&self) -> impl Fn() + Send + Sync + use<> {
        self.0.killer()
    }

    /// Sends SIGTERM to the process.
    pub(crate) fn terminate(&self) {
        self.0.terminate();
    }
}
