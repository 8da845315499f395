//! A run in steps, few enough to be drawn: what a report shows of a trace that it does not carry.

use std::collections::{BTreeSet, HashMap};

use counterfoil_core::{
    engine::Done,
    rpc::{Method, RpcError},
    scenario::Fault,
    trace::{AdapterEvent, Event, ProcessEvent, Reply, Strike, Subject, Trace},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::report::text::shortened;

/// Steps of a run that are kept.
pub const KEPT_STEPS: usize = 120;

/// Characters of a step's text that are kept.
const KEPT_TEXT: usize = 160;

/// What happened in a run, in order, each step on the lane of who did it. Texts are as they came, and not fit to be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Timeline {
    /// At most [`KEPT_STEPS`]; where there were more, those with faults are kept first, then those that failed.
    pub steps: Vec<Step>,
    /// How many there were beside these.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: usize,
}

/// One step of a run: a call with its answer, a hook with its, or something that the engine did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// Who did it.
    pub lane: Lane,
    /// The action that it is about, by its position in the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<u32>,
    /// What was done, and how it failed.
    pub text: String,
    /// Whether it failed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub failed: bool,
    /// The faults of the scenario that struck here, in its words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
}

/// Who does something in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// The engine, and what stands in for it.
    Engine,
    /// The provider, and its process.
    Provider,
    /// The hooks, and the state behind them.
    Hooks,
}

impl Timeline {
    /// The steps of a finished trace; `faults` are those of its scenario, as far as it is known. A decoder has none.
    pub fn of(trace: &Trace, faults: &[Fault]) -> Self {
        if trace.header.subject == Subject::Decoder {
            return Self::default();
        }
        let story = Story::new(trace, faults);
        let mut steps: Vec<Step> = Vec::new();
        let mut is_loading = false;
        for event in &trace.events {
            let Some(step) = story.step(event) else { continue };
            // Calls that load the provider are of interest together, unless one goes wrong.
            let loads = step.text == LOADS;
            if !(loads && is_loading) {
                steps.push(step);
            }
            is_loading = loads;
        }
        Self::bounded(steps)
    }

    /// Whether there is nothing to draw.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    fn bounded(mut steps: Vec<Step>) -> Self {
        let left_out = steps.len().saturating_sub(KEPT_STEPS);
        if left_out > 0 {
            let mut by_weight: Vec<usize> = (0..steps.len()).collect();
            by_weight.sort_by_key(|at| (steps[*at].faults.is_empty(), !steps[*at].failed, *at));
            let kept: BTreeSet<usize> = by_weight.into_iter().take(KEPT_STEPS).collect();
            let mut at = 0..;
            steps.retain(|_| at.next().is_some_and(|at| kept.contains(&at)));
        }
        Self { steps, left_out }
    }
}

/// The text of a call that loads the provider and does not fail.
const LOADS: &str = "load sequence";

/// What became of a call.
#[derive(Default)]
struct Call<'a> {
    is_made: bool,
    is_delivered: bool,
    sent: Option<&'a Reply>,
    received: Option<&'a Reply>,
    refused: Vec<&'static str>,
    faults: Vec<usize>,
}

/// A trace, with the events of a call put together.
struct Story<'a> {
    trace: &'a Trace,
    faults: &'a [Fault],
    calls: HashMap<u32, Call<'a>>,
}

impl<'a> Story<'a> {
    fn new(trace: &'a Trace, faults: &'a [Fault]) -> Self {
        let mut calls: HashMap<u32, Call<'a>> = HashMap::new();
        for event in &trace.events {
            match event {
                Event::CallIssued { call, .. } | Event::ReadBack { call, .. } => {
                    calls.entry(*call).or_default().is_made = true;
                }
                Event::CallDelivered { call } => calls.entry(*call).or_default().is_delivered = true,
                Event::ReplySent { call, reply } => calls.entry(*call).or_default().sent = Some(reply),
                Event::ReplyReceived { call, reply } => {
                    calls.entry(*call).or_default().received = Some(reply);
                }
                Event::ReplyRefused { call, refusals } => {
                    let rules = refusals.iter().map(|refusal| refusal.cause.rule());
                    calls.entry(*call).or_default().refused.extend(rules);
                }
                Event::FaultInjected { call, fault } => {
                    calls.entry(*call).or_default().faults.push(*fault as usize);
                }
                _ => {}
            }
        }
        Self { trace, faults, calls }
    }

    /// The step that begins with an event; none where the event belongs to another step, or says nothing.
    fn step(&self, event: &Event) -> Option<Step> {
        use Lane::{Engine, Hooks, Provider};
        let failure = |lane, action, text: String, strike| {
            Some(Step { failed: true, faults: self.strikes(strike), ..step(lane, action, &text) })
        };
        match event {
            Event::ActionStarted { action } => Some(step(Engine, Some(*action), "begins")),
            Event::ReferencesFailed { action, error } => {
                failure(Engine, Some(*action), error.clone(), Strike::References(*action))
            }
            Event::DriverAsked { action, at, refused: Some(error), .. } => {
                failure(Engine, Some(*action), error.clone(), Strike::Driver(*action, *at))
            }
            Event::ContextEnded { cause } => {
                let ended = step(Engine, None, &format!("the context ends: {cause}"));
                let cancelled = *cause == Done::Cancelled;
                let faults = if cancelled { self.strikes(Strike::Cancelled) } else { Vec::new() };
                Some(Step { failed: true, faults, ..ended })
            }
            Event::ApplyEnded { error: None, .. } => Some(step(Engine, None, "the apply ends")),
            Event::ApplyEnded { error: Some(error), .. } => {
                Some(failed(step(Engine, None, &format!("the apply ends: {error}"))))
            }
            Event::CallIssued { call, action, method, .. } => Some(self.call(*call, *action, *method)),
            Event::FaultInjected { call, fault } if !self.calls[call].is_made => {
                let faults = vec![self.word(*fault as usize)];
                Some(Step { faults, ..step(Provider, None, &format!("call {call}")) })
            }
            Event::ReadBack { call, action, reply } => {
                let mut read = step(Provider, Some(*action), "read back");
                if let Reply::Error(error) = reply {
                    read = failed(step(Provider, Some(*action), &format!("read back: {}", told(error))));
                }
                Some(Step { faults: self.words(&self.calls[call].faults), ..read })
            }
            Event::HookAnswered { hook, action, error: Some(error) } => {
                failure(Hooks, *action, format!("{hook} fails: {error}"), Strike::Hook(*hook, *action))
            }
            Event::HookCalled { hook, action, .. } => Some(step(Hooks, *action, &hook.to_string())),
            Event::LoadFailed { method, error } => {
                Some(failed(step(Engine, None, &format!("the provider does not load: {method}: {error}"))))
            }
            Event::Tried(tried) => Some(step(Provider, None, &tried.describe())),
            Event::Process(event) => of_process(event),
            Event::Adapter(event) => Some(of_adapter(event)),
            _ => None,
        }
    }

    fn call(&self, call: u32, action: Option<u32>, method: Method) -> Step {
        let Call { is_delivered, sent, received, refused, faults, .. } = &self.calls[&call];
        let faults = self.words(faults);
        let (text, is_bad) = match (sent, received) {
            (_, Some(Reply::Ok(_))) if !refused.is_empty() => {
                (format!("{method}: the reply is refused, {}", refused.join(", ")), true)
            }
            (_, Some(Reply::Ok(_))) => (method.to_string(), false),
            (Some(Reply::Ok(_)), Some(Reply::Error(error))) => {
                (format!("{method} is answered; what arrives is {}", told(error)), true)
            }
            (None, Some(Reply::Error(error))) if !is_delivered && !faults.is_empty() => {
                (format!("{method} never arrives: {}", told(error)), true)
            }
            (_, Some(Reply::Error(error))) => (format!("{method}: {}", told(error)), true),
            (_, None) => (format!("{method}: no answer arrives"), true),
        };
        let loads = matches!(method, Method::ContractRegistry | Method::Initialize | Method::Capabilities);
        if loads && !is_bad && faults.is_empty() {
            return step(Lane::Provider, None, LOADS);
        }
        Step { failed: is_bad, faults, ..step(Lane::Provider, action, &text) }
    }

    /// The faults of which this is the proof.
    fn strikes(&self, strike: Strike) -> Vec<String> {
        let faults = self.trace.header.faults.iter().enumerate();
        faults.filter(|(_, proof)| **proof == strike).map(|(fault, _)| self.word(fault)).collect()
    }

    fn words(&self, faults: &[usize]) -> Vec<String> {
        faults.iter().map(|fault| self.word(*fault)).collect()
    }

    fn word(&self, fault: usize) -> String {
        self.faults
            .get(fault)
            .map_or_else(|| format!("fault {fault}"), |fault| super::event::word(&fault.kind).to_owned())
    }
}

/// What a process does as any good one does is left out, but for its beginning and its end.
fn of_process(event: &ProcessEvent) -> Option<Step> {
    let told = || step(Lane::Provider, None, &event.describe());
    match event {
        ProcessEvent::Launched { .. } | ProcessEvent::Stopped { status: Some(_), .. } => Some(told()),
        ProcessEvent::NotStarted { .. }
        | ProcessEvent::Certificate { problem: Some(_), .. }
        | ProcessEvent::NotConnected { .. }
        | ProcessEvent::CallBroken { .. }
        | ProcessEvent::Outbound { .. }
        | ProcessEvent::CrashReport { .. }
        | ProcessEvent::Exited { .. }
        | ProcessEvent::Stopped { .. }
        | ProcessEvent::LeftBehind { .. } => Some(failed(told())),
        _ => None,
    }
}

fn of_adapter(event: &AdapterEvent) -> Step {
    let told = step(Lane::Engine, None, &event.describe());
    match event {
        AdapterEvent::Ready { .. }
        | AdapterEvent::Printed { .. }
        | AdapterEvent::Ended { status: Some(_) } => told,
        _ => failed(told),
    }
}

fn step(lane: Lane, action: Option<u32>, text: &str) -> Step {
    Step { lane, action, text: shortened(text, KEPT_TEXT), failed: false, faults: Vec::new() }
}

fn failed(step: Step) -> Step {
    Step { failed: true, ..step }
}

/// An error without the words that all of them begin with.
fn told(error: &RpcError) -> String {
    let (code, message) = (error.code.go_name(), &error.message);
    if message.is_empty() { code.to_owned() } else { format!("{code}: {message}") }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use counterfoil_core::{
        outcome::ApplyResult,
        rpc::Code,
        scenario::ResolvePoint,
        trace::{Header, Payload},
    };
    use counterfoil_proto::{Hook, Revision};
    use proptest::prelude::*;

    use super::*;
    use crate::run::{self, Filter, Variant};

    const FAULTS: [Strike; 5] = [
        Strike::Call,
        Strike::References(1),
        Strike::Driver(1, ResolvePoint::Dispatch),
        Strike::Hook(Hook::ResourceApplied, Some(1)),
        Strike::Cancelled,
    ];

    fn trace(events: Vec<Event>) -> Trace {
        let bare = Header::bare("a", Revision::V0_56, Subject::Pair);
        Trace { header: Header { faults: FAULTS.to_vec(), ..bare }, events }
    }

    fn steps(events: Vec<Event>) -> Vec<Step> {
        Timeline::of(&trace(events), &[]).steps
    }

    /// How often a fault is proven to have struck.
    fn strikes(trace: &Trace) -> usize {
        let proves = |event: &&Event| match event {
            Event::FaultInjected { .. } => true,
            Event::ReferencesFailed { action, .. } => {
                trace.header.faults.contains(&Strike::References(*action))
            }
            Event::DriverAsked { action, at, refused: Some(_), .. } => {
                trace.header.faults.contains(&Strike::Driver(*action, *at))
            }
            Event::HookAnswered { hook, action, error: Some(_) } => {
                trace.header.faults.contains(&Strike::Hook(*hook, *action))
            }
            Event::ContextEnded { cause: Done::Cancelled } => {
                trace.header.faults.contains(&Strike::Cancelled)
            }
            _ => false,
        };
        trace.events.iter().filter(proves).count()
    }

    fn error(message: &str) -> Reply {
        Reply::Error(RpcError { code: Code::Aborted, message: message.to_owned() })
    }

    fn issued(call: u32, method: Method) -> Event {
        let (resource, request) = (String::new(), Payload::default());
        Event::CallIssued { call, action: Some(1), method, resource, request }
    }

    #[test]
    fn a_call_is_one_step_whatever_becomes_of_it() {
        let ok = || Reply::Ok(Payload::default());
        let told = |method, rest: Vec<Event>| {
            let mut events = vec![issued(0, method)];
            events.extend(rest);
            let steps = steps(events);
            assert_eq!((steps.len(), steps[0].lane), (1, Lane::Provider));
            (steps[0].text.clone(), steps[0].failed, steps[0].faults.clone())
        };
        let call = 0;
        let delivered = Event::CallDelivered { call };
        let sent = Event::ReplySent { call, reply: ok() };
        let struck = Event::FaultInjected { call, fault: 0 };
        let lost = Event::ReplyReceived { call, reply: error("gone") };
        let fault = vec!["fault 0".to_owned()];
        let answered = Event::ReplyReceived { call, reply: ok() };
        let table = [
            (vec![delivered.clone(), sent.clone(), answered], "create", false, vec![]),
            (vec![struck.clone(), lost.clone()], "create never arrives: Aborted: gone", true, fault.clone()),
            (
                vec![delivered.clone(), sent, struck, lost.clone()],
                "create is answered; what arrives is Aborted: gone",
                true,
                fault,
            ),
            (vec![delivered.clone(), lost], "create: Aborted: gone", true, vec![]),
            (vec![delivered], "create: no answer arrives", true, vec![]),
        ];
        for (events, text, failed, faults) in table {
            assert_eq!(told(Method::Create, events), (text.to_owned(), failed, faults));
        }
    }

    #[test]
    fn what_goes_well_while_loading_is_one_step() {
        let well = |call, method| {
            [issued(call, method), Event::ReplyReceived { call, reply: Reply::Ok(Payload::default()) }]
        };
        let mut events: Vec<Event> = well(0, Method::ContractRegistry).into();
        events.extend(well(1, Method::Initialize));
        events.extend([
            issued(2, Method::Capabilities),
            Event::ReplyReceived { call: 2, reply: error("not now") },
        ]);
        let texts: Vec<String> = steps(events).into_iter().map(|step| step.text).collect();
        assert_eq!(texts, [LOADS, "capabilities: Aborted: not now"]);
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let error = "ü".repeat(KEPT_TEXT + 1);
        let [step] = &steps(vec![Event::ReferencesFailed { action: 0, error }])[..] else { panic!() };
        assert_eq!(step.text, "ü".repeat(KEPT_TEXT) + "…");
    }

    /// What happens at once: one step each, but for hooks that fail, which are two.
    fn happening() -> impl Strategy<Value = Vec<Event>> {
        let action = 0..3u32;
        prop_oneof![
            4 => action.clone().prop_map(|action| vec![Event::ActionStarted { action }]),
            4 => (any::<bool>(), any::<bool>()).prop_map(|(is_struck, is_ok)| {
                let reply = if is_ok { Reply::Ok(Payload::default()) } else { error("no") };
                let struck = is_struck.then_some(Event::FaultInjected { call: 0, fault: 0 });
                let made = [Some(issued(0, Method::Update)), struck, Some(Event::ReplyReceived { call: 0, reply })];
                made.into_iter().flatten().collect()
            }),
            1 => Just(vec![Event::FaultInjected { call: 0, fault: 0 }]),
            1 => action.clone().prop_map(|action| vec![Event::ReadBack { call: 0, action, reply: error("no") }]),
            2 => (action.clone(), any::<bool>()).prop_map(|(action, fails)| {
                let (hook, action) = (Hook::ResourceApplied, Some(action));
                let error = fails.then(|| "no".to_owned());
                vec![Event::HookCalled { hook, action, outcome: None }, Event::HookAnswered { hook, action, error }]
            }),
            1 => action.clone().prop_map(|action| vec![Event::ReferencesFailed { action, error: String::new() }]),
            1 => action.prop_map(|action| {
                let (at, resource_type) = (ResolvePoint::Dispatch, "a".to_owned());
                vec![Event::DriverAsked { action, at, resource_type, refused: Some(String::new()) }]
            }),
            1 => Just(vec![Event::ContextEnded { cause: Done::Cancelled }]),
            1 => Just(vec![Event::ApplyEnded { result: Arc::new(ApplyResult::default()), error: None }]),
        ]
    }

    fn numbered(happenings: Vec<Vec<Event>>) -> Vec<Event> {
        let numbered = happenings.into_iter().zip(0..).flat_map(|(events, number)| {
            events.into_iter().map(move |mut event| {
                if let Event::CallIssued { call, .. }
                | Event::FaultInjected { call, .. }
                | Event::ReplyReceived { call, .. }
                | Event::ReadBack { call, .. } = &mut event
                {
                    *call = number;
                }
                event
            })
        });
        numbered.collect()
    }

    fn begun(trace: &Trace) -> Vec<u32> {
        let begun = trace.events.iter().filter_map(|event| match event {
            Event::ActionStarted { action } => Some(*action),
            _ => None,
        });
        begun.collect()
    }

    proptest! {
        #[test]
        fn every_fault_is_in_it_and_all_stands_in_order(
            happenings in prop::collection::vec(happening(), 0..KEPT_STEPS * 3),
        ) {
            let failing_hooks = |events: &&Vec<Event>| {
                matches!(&events[..], [_, Event::HookAnswered { error: Some(_), .. }])
            };
            let all = happenings.len() + happenings.iter().filter(failing_hooks).count();
            let trace = trace(numbered(happenings));
            let timeline = Timeline::of(&trace, &[]);
            prop_assert!(timeline.steps.len() <= KEPT_STEPS);
            prop_assert_eq!(timeline.steps.len() + timeline.left_out, all);
            let faults: usize = timeline.steps.iter().map(|step| step.faults.len()).sum();
            prop_assert_eq!(faults, strikes(&trace).min(KEPT_STEPS));
            // What is left of the actions that began stands in their order, and none is made up.
            let mut began = begun(&trace).into_iter();
            let kept: Vec<u32> = timeline.steps.iter().filter(|step| step.text == "begins").filter_map(|step| step.action).collect();
            prop_assert!(kept.iter().all(|action| began.any(|other| other == *action)));
            prop_assert!(timeline.left_out > 0 || began.next().is_none());
        }
    }

    #[tokio::test]
    async fn those_of_the_stock_scenarios_are_whole_and_small() {
        let mut sizes = Vec::new();
        let stock = run::stock().scenarios;
        let scenarios: Vec<_> = stock
            .into_iter()
            .filter(|scenario| !scenario.faults.is_empty() && scenario.deadline.is_none())
            .collect();
        for job in run::jobs(&scenarios, &Filter::default())
            .into_iter()
            .filter(|job| job.revision == Revision::V0_56)
        {
            let trace = run::drive(&job, &Variant::default()).await.unwrap();
            let timeline = Timeline::of(&trace, &job.scenario.faults);
            let about = &job.scenario.id;
            let faults: usize = timeline.steps.iter().map(|step| step.faults.len()).sum();
            assert_eq!(faults, strikes(&trace), "{about}");
            let json = serde_json::to_string(&timeline).unwrap();
            assert_eq!(serde_json::from_str::<Timeline>(&json).unwrap(), timeline, "{about}");
            sizes.push(json.len());
        }
        let mean = sizes.iter().sum::<usize>() / sizes.len();
        assert!(sizes.len() > 100 && mean < 1000, "{} runs, {mean} bytes", sizes.len());
    }
}
