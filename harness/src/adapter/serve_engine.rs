//! The adapter of our own engine, with the host of the command line behind its hooks, or of a broken one.

use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread::{self, JoinHandle},
};

use bytes::Bytes;
use counterfoil_core::{
    decode::{Decoder, result_message},
    engine::{
        self, Applied, CommandLine, Context, Driver, HookFailures, Host, Job, Provider, Semantics, Turn,
        wire::{Access, Link, WireDriver, WireProvider, plan_of},
    },
    outcome::{ActionError, Outcome},
    plan::{Plan, ResourceOutput, Spec},
    rpc::{Call, RpcError, Transport},
    scenario::ResolvePoint,
    trace::{Driven, Event, Recorder},
};
use counterfoil_mock::RawClient;
use counterfoil_proto::{
    Hook, Revision,
    adapter::{
        ActionOutcome, ContextEnd, DriverAsked, EngineAbilities, EngineAnswer, EngineCase, FromAdapter, GoOn,
        HookAnswered, HookCalled, Ready, StateRemoved, StateSaved, ToAdapter, Told, from_adapter, to_adapter,
        told::What,
    },
    iac,
};
use prost::Message as _;
use tonic::metadata::MetadataMap;

use super::{
    engine::{CONTEXT_ENDS, cause_of, cause_of_end, hook_named},
    frames::{Frames, frame},
    line::VERSION,
    serve::ServeError,
};
use crate::provider::{Connection, connect, rpc_error};

/// How many cases it takes before it answers the first.
const IN_FLIGHT: u32 = 16;
/// How much is read at once, in bytes.
const BUFFER: usize = 64 << 10;

/// An engine that can be served.
pub struct Served {
    /// What it is.
    pub subject: String,
    /// What it does otherwise than the reference engine.
    pub alter: fn(&mut Semantics),
    /// Reads the replies of providers.
    pub decoder: Arc<dyn Decoder>,
}

/// Applies each plan that comes, until the input ends: each on a thread of its own, and answered in their order.
///
/// # Errors
/// See [`ServeError`].
pub fn engine(
    mut input: impl Read,
    output: impl Write + Send + 'static,
    served: Served,
) -> Result<(), ServeError> {
    let (served, output) = (Arc::new(served), Output(Arc::new(Mutex::new(output))));
    let (mut frames, mut buffer) = (Frames::default(), vec![0; BUFFER]);
    let mut waiting: BTreeMap<u64, mpsc::Sender<GoOn>> = BTreeMap::new();
    let mut last: Option<JoinHandle<()>> = None;
    loop {
        match input.read(&mut buffer)? {
            0 => {
                waiting.clear();
                // What it has to say of a panic it has said.
                let _ = last.map(JoinHandle::join);
                return Ok(frames.end()?);
            }
            length => frames.push(&buffer[..length]),
        }
        while let Some(message) = frames.message()? {
            match ToAdapter::decode(message).ok().and_then(|message| message.kind) {
                Some(to_adapter::Kind::Hello(_)) => {
                    output.say(from_adapter::Kind::Ready(ready(&served.subject)))?;
                }
                Some(to_adapter::Kind::Apply(case)) => {
                    let (go_on, goes_on) = mpsc::channel();
                    waiting.insert(case.case, go_on);
                    let teller = Teller {
                        case: case.case,
                        context: Context::default(),
                        output: output.clone(),
                        goes_on: Mutex::new(goes_on),
                    };
                    let (served, before) = (Arc::clone(&served), last.take());
                    last = Some(thread::spawn(move || answer(*case, &served, &teller, before)));
                }
                Some(to_adapter::Kind::GoOn(go_on)) => {
                    // Of a case that is over nobody waits any more.
                    let _ = waiting.get(&go_on.case).map(|waits| waits.send(go_on));
                }
                Some(to_adapter::Kind::Decode(_)) | None => return Err(ServeError::NoMessage),
            }
        }
    }
}

fn ready(subject: &str) -> Ready {
    let hooks = Revision::Head.engine().hooks;
    let engine = EngineAbilities {
        hooks: hooks.iter().map(ToString::to_string).collect(),
        cancellation: true,
        references: true,
        apply: true,
        drivers: true,
        host: true,
    };
    Ready {
        version: VERSION,
        subject: subject.to_owned(),
        in_flight: IN_FLIGHT,
        engine: Some(engine),
        ..Ready::default()
    }
}

/// Where everything is said.
#[derive(Clone)]
struct Output(Arc<Mutex<dyn Write + Send>>);

impl Output {
    fn say(&self, kind: from_adapter::Kind) -> io::Result<()> {
        let mut output = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        output.write_all(&frame(&FromAdapter { kind: Some(kind) }))?;
        output.flush()
    }
}

/// Applies the plan of a case, and answers as soon as the cases before it are answered.
fn answer(case: EngineCase, served: &Served, teller: &Teller, before: Option<JoinHandle<()>>) {
    let number = case.case;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let applied = match runtime {
        Ok(runtime) => runtime.block_on(apply(case, served, teller)),
        Err(error) => Err(error.to_string()),
    };
    let applied = applied.unwrap_or_else(|error| Applied { error: Some(error), ..Applied::default() });
    let result = result_message(&applied.result).encode_to_vec().into();
    let answer = EngineAnswer { case: number, result, error: applied.error };
    let _ = before.map(JoinHandle::join);
    // Where nobody listens any more, the input ends too.
    let _ = teller.output.say(from_adapter::Kind::Applied(Box::new(answer)));
}

/// Applies the plan of a case.
///
/// # Errors
/// Why it could not be.
async fn apply(case: EngineCase, served: &Served, teller: &Teller) -> Result<Applied, String> {
    let revision: Revision = case
        .revision
        .parse()
        .map_err(|unknown: counterfoil_proto::ParseRevisionError| unknown.to_string())?;
    let plan = iac::IaCPlan::decode(case.plan).map_err(|e| format!("the plan of the case is none: {e}"))?;
    let plan = plan_of(plan).map_err(|e| format!("the plan of the case has a config that is none: {e}"))?;
    let socket = PathBuf::from(&case.socket);
    let connection = connect(socket).await.map_err(|e| format!("{} cannot be called: {e}", case.socket))?;
    if case.cancelled {
        teller.context.end(engine::Done::Cancelled);
    }
    let log = Recorder::default();
    let wire = Wire { client: RawClient::new(connection), context: teller.context.clone() };
    let decoder = Arc::clone(&served.decoder);
    let link = Arc::new(Link::new(wire, decoder, revision, teller.context.clone(), log.clone()));
    let mut semantics = Semantics::at(revision);
    (served.alter)(&mut semantics);
    let environment = case.environment.into_iter().collect();
    let job = Job { plan: &plan, environment: &environment, context: &teller.context };
    if (semantics.drives)(&case.compute_plan_version) == Driven::ByApply {
        return Ok(engine::apply_by_provider(job, &link, &semantics, &log).await);
    }
    let access = Access { finalizer: case.finalizer, ..Access::default() };
    let provider = Telling { provider: WireProvider::new(link, access), teller };
    let hooks: Vec<Hook> = case.hooks.iter().filter_map(|name| hook_named(name)).collect();
    let host = TellingHost { hooks, plan: &plan, semantics: &semantics, log: Recorder::default(), teller };
    Ok(engine::apply(job, &provider, &host, &semantics, &log).await)
}

/// Tells what is about to be done in a case, and waits for the word to go on.
struct Teller {
    case: u64,
    context: Context,
    output: Output,
    goes_on: Mutex<mpsc::Receiver<GoOn>>,
}

impl Teller {
    /// Gives the error with which what is told has to fail. Where nobody listens any more, it fails.
    fn tell(&self, what: What) -> Option<String> {
        let told = Told { case: self.case, what: Some(what) };
        let waits = self.output.say(from_adapter::Kind::Told(told)).is_ok();
        let go_on = || self.goes_on.lock().unwrap_or_else(PoisonError::into_inner).recv().ok();
        let Some(go_on) = waits.then(go_on).flatten() else {
            return Some("Counterfoil does not listen any more".to_owned());
        };
        let end = ContextEnd::try_from(go_on.ends).ok().and_then(cause_of_end);
        end.map(|cause| self.context.end(cause));
        go_on.error
    }
}

/// Calls what listens on the socket of a case.
struct Wire {
    client: RawClient<Connection>,
    context: Context,
}

impl Wire {
    /// Ends the context where a reply says so.
    fn heed(&self, metadata: &MetadataMap) {
        let word = metadata.get(CONTEXT_ENDS).and_then(|word| word.to_str().ok());
        word.and_then(cause_of).map(|cause| self.context.end(cause));
    }
}

impl Transport for Wire {
    async fn call(&self, call: Call) -> Result<Bytes, RpcError> {
        match self.client.answer(call.method.path(), call.request).await {
            Ok(response) => {
                self.heed(response.metadata());
                Ok(response.into_inner())
            }
            Err(status) => {
                self.heed(status.metadata());
                Err(rpc_error(&status))
            }
        }
    }
}

/// A provider that tells which drivers are asked for.
struct Telling<'a> {
    provider: WireProvider<Wire>,
    teller: &'a Teller,
}

impl Provider for Telling<'_> {
    type Driver = WireDriver<Wire>;

    fn driver(&self, action: u32, at: ResolvePoint, resource_type: &str) -> Result<Self::Driver, String> {
        let asked = DriverAsked {
            r#type: resource_type.to_owned(),
            action: Some(action),
            preflight: Some(at == ResolvePoint::Preflight),
        };
        match self.teller.tell(What::DriverAsked(asked)) {
            Some(refusal) => Err(refusal),
            None => self.provider.driver(action, at, resource_type),
        }
    }

    async fn finalize(&self, plan_id: &str) -> Option<Result<Vec<ActionError>, engine::DriverError>> {
        self.provider.finalize(plan_id).await
    }
}

/// The host of the command line, which tells of each hook when it is called and when it answers, and what it keeps.
struct TellingHost<'a> {
    hooks: Vec<Hook>,
    plan: &'a Plan,
    semantics: &'a Semantics,
    /// What the host writes down until it is told.
    log: Recorder,
    teller: &'a Teller,
}

impl TellingHost<'_> {
    /// Tells that a hook is called; gives how it has to fail.
    fn called(&self, hook: Hook, action: Option<u32>, outcome: Option<&Outcome>) -> HookFailures {
        let outcome = outcome.map(|outcome| ActionOutcome {
            action: outcome.action_index,
            status: outcome.status.number(),
            error: outcome.error.clone(),
        });
        let called = HookCalled { hook: hook.to_string(), action, outcome };
        let failure = self.teller.tell(What::HookCalled(called));
        failure.into_iter().map(|failure| ((hook, action), failure)).collect()
    }

    fn host<'a>(&'a self, failures: &'a HookFailures) -> CommandLine<'a> {
        CommandLine {
            hooks: &self.hooks,
            failures,
            plan_id: &self.plan.id,
            semantics: self.semantics,
            log: &self.log,
        }
    }

    /// Tells what a hook has kept, and what it is about to answer.
    fn answered(&self, hook: Hook, action: Option<u32>, answer: Result<(), String>) -> Result<(), String> {
        for event in self.log.take() {
            let kept = match event {
                Event::StateSaved { action, record } => What::StateSaved(StateSaved {
                    action,
                    name: record.name,
                    r#type: record.resource_type,
                    provider_id: record.provider_id,
                    applied_config_json: record.applied_config.as_bytes().clone(),
                    outputs_json: record.outputs.as_bytes().clone(),
                }),
                Event::StateRemoved { action, name } => What::StateRemoved(StateRemoved { action, name }),
                _ => continue,
            };
            self.teller.tell(kept);
        }
        let answered = HookAnswered { hook: hook.to_string(), action, error: answer.as_ref().err().cloned() };
        self.teller.tell(What::HookAnswered(answered));
        answer
    }
}

impl Host for TellingHost<'_> {
    fn has(&self, hook: Hook) -> bool {
        self.hooks.contains(&hook)
    }

    async fn before_action(&self, turn: Turn<'_>) -> Result<(), String> {
        let (hook, action) = (Hook::BeforeAction, Some(turn.index));
        let failures = self.called(hook, action, None);
        let answer = self.host(&failures).before_action(turn).await;
        self.answered(hook, action, answer)
    }

    async fn resource_applied<D: Driver>(
        &self,
        turn: Turn<'_>,
        driver: &D,
        spec: &Spec,
        output: &ResourceOutput,
    ) -> Result<(), String> {
        let (hook, action) = (Hook::ResourceApplied, Some(turn.index));
        let failures = self.called(hook, action, None);
        let answer = self.host(&failures).resource_applied(turn, driver, spec, output).await;
        self.answered(hook, action, answer)
    }

    async fn resource_deleted(&self, turn: Turn<'_>) -> Result<(), String> {
        let (hook, action) = (Hook::ResourceDeleted, Some(turn.index));
        let failures = self.called(hook, action, None);
        let answer = self.host(&failures).resource_deleted(turn).await;
        self.answered(hook, action, answer)
    }

    async fn action_complete(&self, turn: Turn<'_>, outcome: &Outcome) -> Result<(), String> {
        let (hook, action) = (Hook::ActionComplete, Some(turn.index));
        let failures = self.called(hook, action, Some(outcome));
        let answer = self.host(&failures).action_complete(turn, outcome).await;
        self.answered(hook, action, answer)
    }

    async fn plan_complete<P: Provider>(&self, provider: &P) -> Result<(), String> {
        let failures = self.called(Hook::PlanComplete, None, None);
        let answer = self.host(&failures).plan_complete(provider).await;
        self.answered(Hook::PlanComplete, None, answer)
    }
}
