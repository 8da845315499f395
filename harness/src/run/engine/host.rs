//! What stands around an engine under test: its resolver and its hooks, as the scenario wants them.

use std::{
    sync::{Mutex, OnceLock, PoisonError},
    time::Duration,
};

use bytes::{BufMut as _, Bytes};
use counterfoil_core::{
    decode::{ApplyContext, Decoder as _, Strict},
    engine::{HookFailures, Record, wire::Access},
    json::JsonMap,
    outcome::ApplyResult,
    plan::Action,
    scenario::Hook,
    trace::{AdapterEvent, AnswerProblem, Recorder},
};
use counterfoil_proto::{
    Revision,
    adapter::{
        DriverAsked, EngineAnswer, GoOn, HookAnswered, HookCalled, StateRemoved, StateSaved, told::What,
    },
};
use prost::encoding::{WireType, encode_key, encode_varint};

use super::signs::Signs;
use crate::{
    adapter::engine::{context_end, hook_named, outcome_of},
    provider::{Deadline, Lifetime},
    report::text::shortened,
};

/// How much is said of what cannot be what an engine tells, in characters.
const LONGEST_NONSENSE: usize = 600;

/// Answers what an engine tells, and writes it down.
#[derive(Debug)]
pub(super) struct Host {
    access: Access,
    /// Whether the adapter said that behind its hooks stands one that keeps a state.
    keeps_state: bool,
    failures: HookFailures,
    pub(super) signs: Signs,
    /// When the context ends by itself, counted from the first sign: a case may wait for others.
    deadline: Option<(Lifetime, Duration, Recorder)>,
    running: OnceLock<Deadline>,
    /// What cannot be what an engine tells.
    nonsense: Mutex<Vec<AdapterEvent>>,
}

impl Host {
    /// Refuses the drivers that `access` does not give, and fails by `failures`. What is told of a state is taken where it
    /// `keeps_state`.
    pub(super) fn new(
        access: Access,
        keeps_state: bool,
        failures: HookFailures,
        signs: Signs,
        deadline: Option<(Lifetime, Duration, Recorder)>,
    ) -> Self {
        Self {
            access,
            keeps_state,
            failures,
            signs,
            deadline,
            running: OnceLock::new(),
            nonsense: Mutex::default(),
        }
    }

    /// The engine has given a sign.
    pub(super) fn awake(&self) {
        if let Some((life, after, log)) = &self.deadline {
            self.running.get_or_init(|| life.deadline(*after, log.clone()));
        }
    }

    /// Takes what an engine tells, and says how it goes on.
    pub(super) fn told(&self, what: What) -> GoOn {
        self.awake();
        let error =
            match what {
                What::DriverAsked(DriverAsked { r#type, action, preflight }) => {
                    let refusal = |at| self.access.refusal(at, &r#type);
                    self.signs.driver_asked(&r#type, action, preflight, refusal)
                }
                What::HookCalled(HookCalled { hook, action, outcome }) => self.with_hook(&hook, |hook| {
                    self.signs.hook_called(hook, action, outcome.and_then(outcome_of));
                    self.failures.get(&(hook, action)).cloned()
                }),
                What::HookAnswered(HookAnswered { hook, action, error }) => self.with_hook(&hook, |hook| {
                    self.signs.hook_answered(hook, action, error);
                    None
                }),
                What::StateSaved(StateSaved { name, .. }) | What::StateRemoved(StateRemoved { name, .. })
                    if !self.keeps_state =>
                {
                    Some(self.nonsense(&format!(
                        "it tells of the state of {name:?}, and said that it has no host"
                    )))
                }
                What::StateSaved(saved) => self.saved(saved),
                What::StateRemoved(StateRemoved { action, name }) => {
                    self.signs.state_removed(action, name);
                    None
                }
            };
        GoOn { case: 0, error, ends: context_end(self.signs.end_to_tell()).into() }
    }

    fn with_hook(&self, name: &str, then: impl FnOnce(Hook) -> Option<String>) -> Option<String> {
        match hook_named(name) {
            Some(hook) => then(hook),
            None => Some(self.nonsense(&format!("it calls a hook {name:?}, and there is none"))),
        }
    }

    fn saved(&self, saved: StateSaved) -> Option<String> {
        let StateSaved { action, name, r#type, provider_id, applied_config_json, outputs_json } = saved;
        let maps = JsonMap::parse(applied_config_json)
            .and_then(|config| JsonMap::parse(outputs_json).map(|outputs| (config, outputs)));
        match maps {
            Ok((applied_config, outputs)) => {
                let record = Record { name, resource_type: r#type, provider_id, applied_config, outputs };
                self.signs.state_saved(action, record);
                None
            }
            Err(fault) => {
                Some(self.nonsense(&format!("its state keeps JSON of {name:?} that is none: {fault}")))
            }
        }
    }

    /// Keeps in mind what the adapter has to be told it did wrong, and gives that: a beginning of it where the adapter's own
    /// texts make it long.
    fn nonsense(&self, detail: &str) -> String {
        let detail = shortened(detail, LONGEST_NONSENSE);
        let event = AdapterEvent::BadAnswer { problem: AnswerProblem::OfAnotherKind, detail: detail.clone() };
        self.nonsense.lock().unwrap_or_else(PoisonError::into_inner).push(event);
        detail
    }

    /// The engine makes more calls than so many.
    pub(super) fn flooded(&self, most: u32) {
        let detail = format!("its engine makes more than {most} calls for one plan");
        let problem = AnswerProblem::OfAnotherKind;
        let mut nonsense = self.nonsense.lock().unwrap_or_else(PoisonError::into_inner);
        if nonsense.is_empty() {
            nonsense.push(AdapterEvent::BadAnswer { problem, detail });
        }
    }

    /// The engine has answered. Gives what cannot be what an engine tells.
    pub(super) fn over(&self, answer: Option<EngineAnswer>, planned: &[Action]) -> Vec<AdapterEvent> {
        if let Some(EngineAnswer { result, error, .. }) = answer {
            let (result, unread) = read_result(&result, planned);
            self.signs.over(result, error);
            if let Some(unread) = unread {
                self.nonsense(&format!("it reports what no decoder takes: {unread}"));
            }
        }
        std::mem::take(&mut self.nonsense.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Reads a result, and says what of it cannot be read. Whether its outcomes are those that are due, and say what they have
/// to, is judged by rules for engines.
fn read_result(bytes: &Bytes, planned: &[Action]) -> (ApplyResult, Option<String>) {
    let mut response = Vec::with_capacity(bytes.len() + 8);
    encode_key(1, WireType::LengthDelimited, &mut response);
    encode_varint(bytes.len() as u64, &mut response);
    response.put_slice(bytes);
    let context = ApplyContext { revision: Revision::Head, planned };
    let reading = Strict.apply_response(&response.into(), &context);
    let unread = reading.refusals.iter().find(|refusal| !refusal.cause.is_about_outcomes());
    (reading.value, unread.map(ToString::to_string))
}
