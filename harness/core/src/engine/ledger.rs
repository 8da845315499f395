//! The ledger of outcomes: the invariant as types.
//!
//! A [`Started`] stands for an action without an outcome. It cannot be copied, and [`Ledger::close`] alone takes it
//! and gives a [`Recorded`] for it. The function that runs an action is given the one and must return the other, so
//! no path out of an action compiles without its outcome, and none can close it twice.
//!
//! ```compile_fail
//! use counterfoil_core::engine::ledger::{Recorded, Started};
//! fn forgetful(_: Started<'_>) -> Recorded {
//!     Recorded { exit: counterfoil_core::engine::Exit::Clean, ..todo!() }
//! }
//! ```
//!
//! ```compile_fail
//! use counterfoil_core::engine::{Exit, ledger::{Ledger, Recorded, Started}};
//! fn twice(ledger: &mut Ledger, started: Started<'_>) -> Recorded {
//!     ledger.close(started, Exit::Clean, String::new());
//!     ledger.close(started, Exit::Clean, String::new())
//! }
//! ```

use super::semantics::{Exit, OutcomeSink, Semantics, StatusMap};
use crate::{outcome::Outcome, plan::Action};

/// An action that has started and has no outcome yet.
#[derive(Debug)]
#[must_use = "a started action leaves exactly one outcome"]
pub struct Started<'p> {
    index: u32,
    action: &'p Action,
}

impl<'p> Started<'p> {
    /// The action's position in the plan.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// The action itself.
    pub fn action(&self) -> &'p Action {
        self.action
    }
}

/// The proof that a started action has its outcome.
#[derive(Debug)]
#[must_use = "says how the action ended, and so whether the apply goes on"]
pub struct Recorded {
    exit: Exit,
    outcome: Outcome,
    /// Why it ended the apply; empty where it did not.
    fatal: String,
}

impl Recorded {
    /// The way by which the action ended.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// Why it ended the apply; empty where it did not.
    pub fn fatal(&self) -> &str {
        &self.fatal
    }

    /// Its outcome, as it was recorded.
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }
}

/// The outcomes of one apply, in the order in which actions ended.
#[derive(Debug)]
pub struct Ledger {
    outcomes: Vec<Outcome>,
    status: StatusMap,
    sink: OutcomeSink,
}

impl Ledger {
    /// An empty ledger that keeps outcomes as `semantics` says.
    pub fn new(semantics: &Semantics) -> Self {
        Self { outcomes: Vec::new(), status: semantics.status.clone(), sink: semantics.outcomes }
    }

    /// Opens the account of an action.
    pub fn start<'p>(&mut self, index: u32, action: &'p Action) -> Started<'p> {
        Started { index, action }
    }

    /// Records the one outcome of a started action. `error` is empty exactly for [`Exit::Clean`].
    #[expect(clippy::needless_pass_by_value, reason = "an action is closed once: taking it is the point")]
    pub fn close(&mut self, started: Started<'_>, exit: Exit, error: String) -> Recorded {
        let status = self.status.of(exit, &started.action.kind);
        let fatal = if exit.is_fatal() { error.clone() } else { String::new() };
        let mut outcome = Outcome { action_index: started.index, status, error };
        (self.sink)(&mut self.outcomes, exit, &mut outcome);
        Recorded { exit, outcome, fatal }
    }

    /// The outcomes, in the order in which they were recorded.
    pub fn into_outcomes(self) -> Vec<Outcome> {
        self.outcomes
    }
}
