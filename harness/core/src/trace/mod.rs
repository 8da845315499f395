//! What happened: the events of one run, appended while it ran, judged when it is over.
//!
//! What a party *sent* is kept apart from what the other side *received*, so that a fault in between is never
//! blamed on either of them.

mod adapter;
mod file;
mod process;

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use bytes::Bytes;
use counterfoil_proto::{Hook, Revision};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

pub use self::{
    adapter::{AdapterEvent, AnswerProblem, Decoded, Due, FrameProblem, Taken},
    file::{LoadError, VERSION, Writer},
    process::{
        CallProblem, CertificateProblem, ConnectProblem, ExitStatus, Handshake, LineEnd, LogProblem,
        ManifestFile, NotStarted, Origin, Phase, ProcessEvent, Reflection, ShutdownAnswer, Telling,
    },
};
use crate::{
    decode::Refusal,
    engine::{Done, Record},
    outcome::{ApplyResult, Outcome},
    plan::Plan,
    rpc::{Method, RpcError},
    scenario::{EngineSetup, Expect, Fault, FaultKind, ResolvePoint, Scenario},
    trial::Tried,
};

/// Where the thing under test stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// Our own pair: the reference engine and the embedded mock provider, together.
    Pair,
    /// A provider, against the reference engine.
    Provider,
    /// An engine, against the mock provider.
    Engine,
    /// A decoder.
    Decoder,
}

/// Who hands the plan to the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Driven {
    /// The engine calls the ResourceDriver, action by action: the provider declares `v2`.
    CallByCall,
    /// The provider gets the whole plan through `Apply`.
    ByApply,
}

/// What was to happen: everything that a judge has to know beside the events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The version of the form in which the trace was written, and so what it can tell of.
    #[serde(skip)]
    pub version: u32,
    /// The scenario's id.
    pub scenario: String,
    /// The revision of the contract at which it ran.
    pub revision: Revision,
    /// What was under test.
    pub subject: Subject,
    /// How the provider has to be driven, by what it declares.
    pub driven: Driven,
    /// The plan as the engine got it, injected references included.
    pub plan: Plan,
    /// How the scenario addresses each action of the plan.
    pub addresses: Vec<String>,
    /// The variables that references may read.
    pub environment: std::collections::BTreeMap<String, String>,
    /// The hooks that were installed.
    pub hooks: Vec<Hook>,
    /// What drivers can do that no wire can carry.
    #[serde(default)]
    pub drivers: Drivers,
    /// What proves of each fault of the scenario that it struck.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Strike>,
    /// What the scenario expects, beyond the rules.
    pub expect: Expect,
    /// Whether this is the record of a proxy, which sees calls and nothing of what was planned: there is nothing to judge
    /// them by.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recorded: bool,
    /// What could not be seen of the engine. Rules that need it do not apply.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unseen: Vec<View>,
}

impl Header {
    /// The header of a scenario's run, `plan` being what the engine gets.
    pub fn new(
        scenario: &Scenario,
        revision: Revision,
        subject: Subject,
        driven: Driven,
        plan: Plan,
    ) -> Self {
        Self {
            driven,
            plan,
            addresses: scenario.addresses.clone(),
            environment: scenario.environment.clone(),
            hooks: scenario.engine.hooks.at(revision),
            drivers: Drivers::of(&scenario.engine),
            faults: scenario.faults.iter().map(Strike::of).collect(),
            expect: scenario.expect.clone(),
            ..Self::bare(&scenario.id, revision, subject)
        }
    }

    /// The header of what no scenario led to: the provider is driven call by call, nothing is planned and nothing expected.
    pub fn bare(name: &str, revision: Revision, subject: Subject) -> Self {
        Self {
            version: VERSION,
            scenario: name.to_owned(),
            revision,
            subject,
            driven: Driven::CallByCall,
            plan: Plan::default(),
            addresses: Vec::new(),
            environment: std::collections::BTreeMap::new(),
            hooks: Vec::new(),
            drivers: Drivers::default(),
            faults: Vec::new(),
            expect: Expect::default(),
            recorded: false,
            unseen: Vec::new(),
        }
    }

    /// Whether this side of the engine was shown.
    pub fn sees(&self, view: View) -> bool {
        !self.unseen.contains(&view)
    }

    /// The name of the run: `id@revision`.
    pub fn run_id(&self) -> String {
        format!("{}@{}", self.scenario, self.revision)
    }
}

/// A side of an engine that another party may not be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// When it asks its resolver for a driver, and what it is told.
    Drivers,
    /// What its host does behind the hooks: what it keeps in the state, makes good, and has finalized.
    Host,
    /// Its outcomes, one by one: only which actions failed is seen, and with what text.
    Outcomes,
    /// What it reports beside outcomes and errors: resources, new ids, inputs, the id of the plan.
    Result,
    /// The list of the actions that failed.
    Errors,
    /// What the error of an apply stands behind: only the innermost of it is seen.
    Context,
}

/// What drivers can do that no wire can carry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Drivers {
    /// They say that a create of what exists already may go on as an update (E-051).
    pub upsert: bool,
    /// They replace by themselves (E-066).
    pub replacer: bool,
}

impl Drivers {
    /// Those of a scenario's engine.
    pub fn of(engine: &EngineSetup) -> Self {
        Self { upsert: engine.upsert, replacer: engine.replacer }
    }
}

/// What proves that a fault struck. Actions are named by their positions in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strike {
    /// [`Event::FaultInjected`] for this fault.
    Call,
    /// The references of this action failed.
    References(u32),
    /// The driver of this action was refused, in this phase.
    Driver(u32, ResolvePoint),
    /// This hook failed, for this action.
    Hook(Hook, Option<u32>),
    /// The context was cancelled.
    Cancelled,
}

impl Strike {
    fn of(fault: &Fault) -> Self {
        let position = fault.action.and_then(|action| u32::try_from(action).ok());
        let action = position.unwrap_or(u32::MAX);
        match &fault.kind {
            FaultKind::JitError => Self::References(action),
            FaultKind::DriverResolveError { at } => Self::Driver(action, *at),
            FaultKind::HookError { hook, .. } => Self::Hook(*hook, position),
            FaultKind::Cancel { .. } => Self::Cancelled,
            FaultKind::DispatchError { .. }
            | FaultKind::FinalizeError { .. }
            | FaultKind::Transport { .. }
            | FaultKind::Wire { .. } => Self::Call,
        }
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The plugin's process did something, or its host did something to it.
    Process(ProcessEvent),
    /// The adapter of an engine or a decoder did something, or failed to do it.
    Adapter(AdapterEvent),
    /// Beside any apply, a decoder was given a message.
    Decoded(Decoded),
    /// The provider did not get through the load sequence: nothing was applied.
    LoadFailed {
        /// The call that failed.
        method: Method,
        /// How it failed.
        error: String,
    },
    /// The engine began to apply the plan.
    ApplyStarted,
    /// The engine began an action.
    ActionStarted {
        /// The action's position in the plan.
        action: u32,
    },
    /// The engine could not resolve a reference in the action's config.
    ReferencesFailed {
        /// The action's position in the plan.
        action: u32,
        /// The error, without a prefix.
        error: String,
    },
    /// The engine asked its resolver for a driver.
    DriverAsked {
        /// The action on whose behalf it asked.
        action: u32,
        /// In which phase.
        at: ResolvePoint,
        /// For which type.
        resource_type: String,
        /// The text of the refusal; absent where it got a driver.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refused: Option<String>,
    },
    /// The engine sent a call.
    CallIssued {
        /// The call's number in this trace.
        call: u32,
        /// The action on whose behalf it was made, as far as the engine tells.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        action: Option<u32>,
        /// What was called.
        method: Method,
        /// The name of the resource that it is about.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        resource: String,
        /// The request message.
        request: Payload,
    },
    /// The call arrived at the provider, as it was issued.
    CallDelivered {
        /// The call's number.
        call: u32,
    },
    /// A fault of the scenario struck a call.
    FaultInjected {
        /// The call's number.
        call: u32,
        /// The fault's position in the scenario.
        fault: u32,
    },
    /// The provider answered.
    ReplySent {
        /// The call's number.
        call: u32,
        /// What it answered.
        reply: Reply,
    },
    /// An answer arrived at the engine: the provider's, or a fault's in its place.
    ReplyReceived {
        /// The call's number.
        call: u32,
        /// What arrived.
        reply: Reply,
    },
    /// The decoder refused what arrived. A reply without this event was accepted.
    ReplyRefused {
        /// The call's number.
        call: u32,
        /// Why.
        refusals: Vec<Refusal>,
    },
    /// The engine called a hook. What it does until it answers, it does on the hook's behalf.
    HookCalled {
        /// Which hook.
        hook: Hook,
        /// The action that it is about; none for the plan-complete hook.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        action: Option<u32>,
        /// The outcome that it is told of; the action-complete hook alone is told of one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outcome: Option<Outcome>,
    },
    /// A hook answered.
    HookAnswered {
        /// Which hook.
        hook: Hook,
        /// The action that it is about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        action: Option<u32>,
        /// Why it failed, if it did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// A hook kept a resource in the state.
    StateSaved {
        /// The action on whose behalf.
        action: u32,
        /// What is kept.
        record: Record,
    },
    /// A hook took a resource out of the state.
    StateRemoved {
        /// The action on whose behalf.
        action: u32,
        /// The resource's name.
        name: String,
    },
    /// The context of the apply ended. What the engine looks at afterwards, it sees ended.
    ContextEnded {
        /// Why.
        cause: Done,
    },
    /// The engine is through with an action.
    ActionEnded {
        /// The action's position in the plan.
        action: u32,
    },
    /// After the apply, the provider was asked for the resource of an action whose update had failed.
    ReadBack {
        /// The call's number. The harness made it, not the engine, so it was issued by nobody.
        call: u32,
        /// The action's position in the plan.
        action: u32,
        /// What the provider answered.
        reply: Reply,
    },
    /// Beside the apply, the provider was asked something.
    Tried(Tried),
    /// The apply came to its end.
    ApplyEnded {
        /// What it reports.
        result: Arc<ApplyResult>,
        /// The error of the whole apply.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
}

/// The answer to a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// Status OK, with this message.
    Ok(Payload),
    /// Another status.
    Error(RpcError),
}

impl Reply {
    /// The reply that a transport's answer stands for.
    pub fn from_result(reply: &Result<Bytes, RpcError>) -> Self {
        match reply {
            Ok(bytes) => Self::Ok(Payload(bytes.clone())),
            Err(error) => Self::Error(error.clone()),
        }
    }

    /// True for status OK.
    pub fn is_ok(&self) -> bool {
        matches!(self, Self::Ok(_))
    }
}

/// The bytes of a message; hexadecimal in a saved trace.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Payload(pub Bytes);

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        hex::decode(text).map(|bytes| Self(bytes.into())).map_err(D::Error::custom)
    }
}

/// A finished run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// What was to happen.
    pub header: Header,
    /// What happened, in order.
    pub events: Vec<Event>,
}

impl Trace {
    /// How the apply ended: its result, its error, and the position of the event. None where it never did.
    pub fn end(&self) -> Option<(&ApplyResult, Option<&str>, usize)> {
        self.events.iter().enumerate().rev().find_map(|(at, event)| match event {
            Event::ApplyEnded { result, error } => Some((&**result, error.as_deref(), at)),
            _ => None,
        })
    }
}

/// The message that arrived as the answer to the first call of a method; none where there is no such call, or no message.
pub fn first_reply(events: &[Event], asked: Method) -> Option<Bytes> {
    let asked = events.iter().find_map(|event| match event {
        Event::CallIssued { call, method, .. } if *method == asked => Some(*call),
        _ => None,
    })?;
    events.iter().find_map(|event| match event {
        Event::ReplyReceived { call, reply: Reply::Ok(reply) } if *call == asked => Some(reply.0.clone()),
        _ => None,
    })
}

/// Looks at events as they come, and may add one of its own.
pub trait Watch: Send {
    /// Is given each event before it is recorded.
    fn watch(&mut self, event: &Event) -> Option<Addition>;
}

/// An event that a [`Watch`] adds, and on which side of the one that it saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Addition {
    /// It comes before the one that was seen.
    Before(Event),
    /// It comes after it.
    After(Event),
}

/// Takes events while a run goes on. Clones append to the same log.
#[derive(Clone, Default)]
pub struct Recorder(Arc<Log>);

#[derive(Default)]
struct Log {
    book: Mutex<Book>,
    calls: AtomicU32,
}

#[derive(Default)]
struct Book {
    events: Vec<Event>,
    watch: Option<Box<dyn Watch>>,
}

impl Book {
    fn enter(&mut self, event: Event) {
        match self.watch.as_mut().and_then(|watch| watch.watch(&event)) {
            None => self.events.push(event),
            Some(Addition::Before(addition)) => self.events.extend([addition, event]),
            Some(Addition::After(addition)) => self.events.extend([event, addition]),
        }
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("events", &self.book().events.len()).finish_non_exhaustive()
    }
}

impl Recorder {
    /// A recorder whose events `watch` looks at.
    pub fn watched(watch: impl Watch + 'static) -> Self {
        let book = Book { watch: Some(Box::new(watch)), ..Book::default() };
        Self(Arc::new(Log { book: Mutex::new(book), ..Log::default() }))
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends an event.
    pub fn push(&self, event: Event) {
        self.book().enter(event);
    }

    /// Appends an event and then looks at something, with no other event in between.
    pub fn push_then<T>(&self, event: Event, look: impl FnOnce() -> T) -> T {
        let mut book = self.book();
        book.enter(event);
        look()
    }

    /// Appends an event unless something keeps it from happening, with no other event in between.
    ///
    /// # Errors
    /// What kept it from happening.
    pub fn push_unless<T>(&self, event: Event, kept: impl FnOnce() -> Option<T>) -> Result<(), T> {
        let mut book = self.book();
        if let Some(kept) = kept() {
            return Err(kept);
        }
        book.enter(event);
        Ok(())
    }

    /// Looks at the events that were recorded until now.
    pub fn look<T>(&self, look: impl FnOnce(&[Event]) -> T) -> T {
        look(&self.book().events)
    }

    /// The number of the next call.
    pub fn next_call(&self) -> u32 {
        self.0.calls.fetch_add(1, Ordering::Relaxed)
    }

    /// Takes the events that were recorded until now.
    pub fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.book().events)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ends the context before an action begins, and after it is over.
    struct Frame;

    impl Watch for Frame {
        fn watch(&mut self, event: &Event) -> Option<Addition> {
            let end = |cause| Event::ContextEnded { cause };
            match event {
                Event::ActionStarted { .. } => Some(Addition::Before(end(Done::Cancelled))),
                Event::ActionEnded { .. } => Some(Addition::After(end(Done::DeadlineExceeded))),
                _ => None,
            }
        }
    }

    #[test]
    fn what_a_watch_adds_stands_beside_what_it_saw() {
        let log = Recorder::watched(Frame);
        log.push(Event::ApplyStarted);
        assert_eq!(log.push_then(Event::ActionStarted { action: 0 }, || 7), 7);
        assert_eq!(log.push_unless(Event::ActionEnded { action: 0 }, || None::<()>), Ok(()));
        assert_eq!(log.push_unless(Event::ActionEnded { action: 1 }, || Some("kept")), Err("kept"));
        let end = |cause| Event::ContextEnded { cause };
        let expected = [
            Event::ApplyStarted,
            end(Done::Cancelled),
            Event::ActionStarted { action: 0 },
            Event::ActionEnded { action: 0 },
            end(Done::DeadlineExceeded),
        ];
        assert_eq!(log.take(), expected);
    }
}
