//! A provider without a wire, for tests of the pure half.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::{self, Poll, Waker},
};

use bytes::Bytes;
use counterfoil_proto::{Hook, Revision, iac};
use prost::Message as _;
use serde::Serialize;
use serde_json::Value;

use crate::{
    decode::Strict,
    engine::{
        self, Applied, CommandLine, Context, Done, HookFailures, Job, Semantics,
        wire::{Access, Link, WireProvider},
    },
    inject::Canceller,
    plan::{Action, Plan},
    rpc::{Call, Code, Method, RpcError, Transport},
    scenario::CancelPoint,
    trace::{Event, Header, Payload, Recorder, Reply, Subject, Trace},
};

/// Holds what was found in a folder of `tests/ui` against the `expected.json` there, which `UPDATE_UI=1` writes anew.
/// What differs, for the reader.
pub(crate) fn unlike_expected(case: &Path, found: &impl Serialize) -> Option<String> {
    let found = serde_json::to_value(found).unwrap();
    let expected = case.join("expected.json");
    if env::var_os("UPDATE_UI").is_some() {
        fs::write(&expected, serde_json::to_string_pretty(&found).unwrap() + "\n").unwrap();
    }
    let known = fs::read(&expected).ok().and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    (known.as_ref() != Some(&found)).then(|| format!("{}\n{found:#}", case.display()))
}

/// The files of the stock scenarios.
pub(crate) fn scenario_files() -> Vec<PathBuf> {
    let topics = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let entries =
        |dir: &Path| fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    // Rehearsals of a cutover are releases, and no scenarios.
    let is_topic = |path: &PathBuf| path.is_dir() && !path.ends_with("cutover");
    let folders = entries(&topics).into_iter().filter(is_topic);
    let mut files: Vec<_> = folders.flat_map(|folder| entries(&folder)).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    files
}

/// What becomes of a call.
#[derive(Clone, Debug)]
pub(crate) enum Fate {
    /// It never arrives.
    Lost,
    /// It does its work, and the reply is lost.
    ReplyLost,
    /// The provider answers these bytes.
    Answers(Bytes),
    /// The provider did its work, what it answers is cut to so many bytes on its way.
    Cut(usize),
    /// What is to be created exists already.
    Conflicts,
    /// No reply comes, until the deadline of the apply has passed.
    Hangs,
}

/// Answers every call at once: a create and an update bring an output, a delete an empty message.
#[derive(Debug)]
pub(crate) struct Fake {
    /// By the number of the call, from 0.
    pub(crate) fates: BTreeMap<u32, Fate>,
    /// What a finalizer reports.
    pub(crate) unfinished: Vec<iac::ActionError>,
    pub(crate) context: Context,
    pub(crate) log: Recorder,
    ids: AtomicU32,
}

impl Fake {
    pub(crate) fn new(
        fates: BTreeMap<u32, Fate>,
        unfinished: Vec<iac::ActionError>,
        context: Context,
        log: Recorder,
    ) -> Self {
        Self { fates, unfinished, context, log, ids: AtomicU32::new(0) }
    }

    /// Has the deadline pass, if the context has not ended before.
    fn expire(&self) -> Done {
        let cause = Done::DeadlineExceeded;
        let ended_before = || if self.context.end(cause) { None } else { self.context.done() };
        self.log.push_unless(Event::ContextEnded { cause }, ended_before).err().unwrap_or(cause)
    }

    fn answer(&self, call: &Call) -> Bytes {
        let output = |name: String, resource_type: String, provider_id: String| iac::ResourceOutput {
            name,
            provider_id,
            outputs_json: Bytes::from_static(
                br#"{"port":5432,"size":1234567,"text":"${REGION}","a.b":"dotted"}"#,
            ),
            // What one type reports, nobody else is to see.
            sensitive: BTreeMap::from([("text".to_owned(), resource_type == "infra.database")]),
            r#type: resource_type,
            ..iac::ResourceOutput::default()
        };
        match call.method {
            Method::Create => {
                let request = iac::ResourceCreateRequest::decode(&call.request[..]).unwrap_or_default();
                let spec = request.spec.unwrap_or_default();
                let id = format!("id-{}", self.ids.fetch_add(1, Ordering::Relaxed));
                let output = Some(output(spec.name, spec.r#type, id));
                iac::ResourceCreateResponse { output }.encode_to_vec().into()
            }
            Method::Update => {
                let request = iac::ResourceUpdateRequest::decode(&call.request[..]).unwrap_or_default();
                let target = request.r#ref.unwrap_or_default();
                let output = Some(output(target.name, target.r#type, target.provider_id));
                iac::ResourceUpdateResponse { output }.encode_to_vec().into()
            }
            Method::Read => {
                let request = iac::ResourceReadRequest::decode(&call.request[..]).unwrap_or_default();
                let target = request.r#ref.unwrap_or_default();
                let output = Some(output(target.name, target.r#type, "id-found".to_owned()));
                iac::ResourceReadResponse { output }.encode_to_vec().into()
            }
            Method::Finalize => {
                let errors = self.unfinished.clone();
                iac::FinalizeApplyResponse { errors }.encode_to_vec().into()
            }
            _ => Bytes::new(),
        }
    }
}

impl Transport for Fake {
    async fn call(&self, call: Call) -> Result<Bytes, RpcError> {
        let fate = self.fates.get(&call.id);
        let lost = || Err(RpcError { code: Code::Unavailable, message: "lost".to_owned() });
        match fate {
            Some(Fate::Lost) => return lost(),
            Some(Fate::Conflicts) => {
                return Err(RpcError { code: Code::AlreadyExists, message: "there is one".to_owned() });
            }
            // A call on a context of its own has no deadline here: it comes back as lost.
            Some(Fate::Hangs) if call.detached => return lost(),
            Some(Fate::Hangs) => return Err(self.expire().rpc_error()),
            _ => {}
        }
        self.log.push(Event::CallDelivered { call: call.id });
        let reply = match fate {
            Some(Fate::Answers(bytes)) => bytes.clone(),
            _ => self.answer(&call),
        };
        self.log.push(Event::ReplySent { call: call.id, reply: Reply::Ok(Payload(reply.clone())) });
        match fate {
            Some(Fate::ReplyLost) => lost(),
            Some(Fate::Cut(bytes)) => Ok(reply.slice(..reply.len().min(*bytes))),
            _ => Ok(reply),
        }
    }
}

/// What a run is made of, beside the provider's answers.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) plan: Plan,
    pub(crate) revision: Revision,
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) hooks: Vec<Hook>,
    pub(crate) failures: HookFailures,
    pub(crate) cancel: Option<CancelPoint>,
    pub(crate) access: Access,
    pub(crate) fates: BTreeMap<u32, Fate>,
    pub(crate) unfinished: Vec<iac::ActionError>,
}

impl Setting {
    /// A plan of these actions at the newest revision, where nothing goes wrong.
    pub(crate) fn of(actions: Vec<Action>) -> Self {
        Self {
            plan: Plan { id: "p".to_owned(), actions, ..Plan::default() },
            revision: Revision::Head,
            environment: BTreeMap::new(),
            hooks: Vec::new(),
            failures: HookFailures::new(),
            cancel: None,
            access: Access::default(),
            fates: BTreeMap::new(),
            unfinished: Vec::new(),
        }
    }

    /// Runs the reference engine at the setting's revision.
    pub(crate) fn run(&self) -> (Applied, Trace) {
        self.run_with(&Semantics::at(self.revision))
    }

    /// Runs an engine of these semantics.
    pub(crate) fn run_with(&self, semantics: &Semantics) -> (Applied, Trace) {
        let context = Context::default();
        let log = match self.cancel {
            None => Recorder::default(),
            Some(at) => Recorder::watched(Canceller::new(at, context.clone())),
        };
        let (fates, unfinished) = (self.fates.clone(), self.unfinished.clone());
        let fake = Fake::new(fates, unfinished, context.clone(), log.clone());
        let link = Arc::new(Link::new(fake, Arc::new(Strict), self.revision, context.clone(), log.clone()));
        let provider = WireProvider::new(link, self.access.clone());
        let host = CommandLine {
            hooks: &self.hooks,
            failures: &self.failures,
            plan_id: &self.plan.id,
            semantics,
            log: &log,
        };
        let job = Job { plan: &self.plan, environment: &self.environment, context: &context };
        let applied = now(engine::apply(job, &provider, &host, semantics, &log));
        let header = Header {
            plan: self.plan.clone(),
            addresses: self.plan.actions.iter().map(|action| action.spec.name.clone()).collect(),
            environment: self.environment.clone(),
            hooks: self.hooks.clone(),
            drivers: self.access.drivers,
            ..Header::bare("generated", self.revision, Subject::Pair)
        };
        (applied, Trace { header, events: log.take() })
    }
}

/// The output of a future that waits for nothing.
pub(crate) fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut task::Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the fake provider answers at once"),
    }
}
