//! How long an apply may last.

use std::time::Duration;

use counterfoil_core::{
    engine::{Context, Done},
    trace::{Event, Recorder},
};
use tokio::time::Instant;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

/// The life of an apply: its context, which the engine looks at between calls, and the calls under way, which the
/// context's end interrupts. Clones are one life.
///
/// By default it is one that nobody ends.
#[derive(Clone, Debug, Default)]
pub struct Lifetime {
    context: Context,
    ended: CancellationToken,
}

impl Lifetime {
    /// The life of what runs in `context`.
    ///
    /// Where that is ended directly, calls made afterwards see it; only an end by way of [`Self::end`] interrupts
    /// those under way.
    pub fn new(context: Context) -> Self {
        Self { context, ended: CancellationToken::new() }
    }

    /// Ends the context, and with it the calls under way. False if the context had ended before: that cause stays.
    pub fn end(&self, cause: Done) -> bool {
        let first = self.context.end(cause);
        self.ended.cancel();
        first
    }

    /// Ends the context after `after`, unless it has ended by then, and enters that into `log` in one step: no event
    /// lies between the end and its entry.
    ///
    /// Must be called within a Tokio runtime.
    pub fn deadline(&self, after: Duration, log: Recorder) -> Deadline {
        let (life, at) = (self.clone(), Instant::now() + after);
        Deadline(AbortOnDropHandle::new(tokio::spawn(async move {
            tokio::time::sleep_until(at).await;
            let cause = Done::DeadlineExceeded;
            let ended_before = || if life.end(cause) { None } else { life.context.done() };
            // Who ended it before has told so.
            let _ = log.push_unless(Event::ContextEnded { cause }, ended_before);
        })))
    }

    /// Waits for the end and says why it came.
    pub(super) async fn ended(&self) -> Done {
        if let Some(cause) = self.context.done() {
            return cause;
        }
        self.ended.cancelled().await;
        // The context ends before the token fires.
        self.context.done().unwrap_or(Done::Cancelled)
    }
}

/// A deadline that is kept until this is dropped.
#[derive(Debug)]
#[must_use = "a deadline that is dropped is no more"]
pub struct Deadline(#[expect(dead_code, reason = "held for its drop")] AbortOnDropHandle<()>);

#[cfg(test)]
mod tests {
    use super::*;

    const TWO_SECONDS: Duration = Duration::from_secs(2);

    fn ended() -> Vec<Event> {
        vec![Event::ContextEnded { cause: Done::DeadlineExceeded }]
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_ends_the_context_at_its_time_and_says_so() {
        let (context, log, start) = (Context::default(), Recorder::default(), Instant::now());
        let life = Lifetime::new(context.clone());
        let _deadline = life.deadline(TWO_SECONDS, log.clone());
        assert_eq!(context.done(), None);
        assert_eq!(life.ended().await, Done::DeadlineExceeded);
        assert_eq!(start.elapsed(), TWO_SECONDS);
        assert_eq!(context.done(), Some(Done::DeadlineExceeded));
        assert_eq!(log.take(), ended());
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_comes_too_late_for_what_has_ended() {
        let (life, log) = (Lifetime::default(), Recorder::default());
        let _deadline = life.deadline(TWO_SECONDS, log.clone());
        assert!(life.end(Done::Cancelled));
        assert!(!life.end(Done::DeadlineExceeded));
        tokio::time::sleep(2 * TWO_SECONDS).await;
        assert_eq!(life.ended().await, Done::Cancelled);
        assert_eq!(log.take(), []);
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_is_dropped_is_no_more() {
        let (life, log) = (Lifetime::default(), Recorder::default());
        drop(life.deadline(TWO_SECONDS, log.clone()));
        tokio::time::sleep(2 * TWO_SECONDS).await;
        assert_eq!(life.context.done(), None);
        assert_eq!(log.take(), []);
    }
}
