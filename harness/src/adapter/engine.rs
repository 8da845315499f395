//! The words in which an engine's adapter speaks, and what they stand for.

use counterfoil_core::{
    engine::Done,
    outcome::{Outcome, Status},
};
use counterfoil_proto::{
    Hook, Revision,
    adapter::{ActionOutcome, ContextEnd},
};

/// The metadata of a reply that says how the context of the apply has to end before the engine is given the reply.
pub const CONTEXT_ENDS: &str = "counterfoil-context-ends";

/// The value of [`CONTEXT_ENDS`] for a cause.
pub fn word_of(cause: Done) -> &'static str {
    match cause {
        Done::Cancelled => "cancelled",
        Done::DeadlineExceeded => "deadline_exceeded",
    }
}

/// The cause of a value of [`CONTEXT_ENDS`].
pub fn cause_of(word: &str) -> Option<Done> {
    [Done::Cancelled, Done::DeadlineExceeded].into_iter().find(|cause| word_of(*cause) == word)
}

/// How the context has to end, as `GoOn` says it.
pub fn context_end(cause: Option<Done>) -> ContextEnd {
    match cause {
        None => ContextEnd::Unspecified,
        Some(Done::Cancelled) => ContextEnd::Cancelled,
        Some(Done::DeadlineExceeded) => ContextEnd::DeadlineExceeded,
    }
}

/// The cause for which the context has to end by `GoOn`, if it has to.
pub fn cause_of_end(end: ContextEnd) -> Option<Done> {
    match end {
        ContextEnd::Unspecified => None,
        ContextEnd::Cancelled => Some(Done::Cancelled),
        ContextEnd::DeadlineExceeded => Some(Done::DeadlineExceeded),
    }
}

/// The hook of a name.
pub fn hook_named(name: &str) -> Option<Hook> {
    Revision::Head.engine().hooks.iter().copied().find(|hook| hook.to_string() == name)
}

/// An outcome as an engine tells it to a hook; none where its status has no name.
pub fn outcome_of(told: ActionOutcome) -> Option<Outcome> {
    let ActionOutcome { action, status, error } = told;
    Status::from_number(status).map(|status| Outcome { action_index: action, status, error })
}
