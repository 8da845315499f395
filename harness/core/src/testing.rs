//! A provider without a wire, for tests of the pure half.

use std::{
    collections::BTreeMap,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use counterfoil_proto::{Hook, Revision, iac};
use prost::Message as _;

use crate::{
    decode::Strict,
    engine::{
        self, Applied, Job, Semantics,
        wire::{Link, Refuse, WireProvider},
    },
    plan::{Action, Plan},
    rpc::{Call, Code, Method, RpcError, Transport},
    scenario::Expect,
    trace::{Driven, Drivers, Event, Header, Payload, Recorder, Reply, Subject, Trace},
};

/// What becomes of a call.
#[derive(Clone, Debug)]
pub(crate) enum Fate {
    /// It never arrives.
    Lost,
    /// It does its work, and the reply is lost.
    ReplyLost,
    /// The provider answers these bytes.
    Answers(Bytes),
}

/// Answers every call at once: a create and an update bring an output, a delete an empty message.
#[derive(Debug)]
pub(crate) struct Fake {
    /// By the number of the call, from 0.
    pub(crate) fates: BTreeMap<u32, Fate>,
    pub(crate) log: Recorder,
    ids: AtomicU32,
}

impl Fake {
    pub(crate) fn new(fates: BTreeMap<u32, Fate>, log: Recorder) -> Self {
        Self { fates, log, ids: AtomicU32::new(0) }
    }

    fn answer(&self, call: &Call) -> Bytes {
        let output = |name: String, resource_type: String, provider_id: String| iac::ResourceOutput {
            name,
            r#type: resource_type,
            provider_id,
            outputs_json: Bytes::from_static(
                br#"{"port":5432,"size":1234567,"text":"${REGION}","a.b":"dotted"}"#,
            ),
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
            _ => Bytes::new(),
        }
    }
}

impl Transport for Fake {
    async fn call(&self, call: Call) -> Result<Bytes, RpcError> {
        let fate = self.fates.get(&call.id);
        let lost = || Err(RpcError { code: Code::Unavailable, message: "lost".to_owned() });
        if matches!(fate, Some(Fate::Lost)) {
            return lost();
        }
        self.log.push(Event::CallDelivered { call: call.id });
        let reply = match fate {
            Some(Fate::Answers(bytes)) => bytes.clone(),
            _ => self.answer(&call),
        };
        self.log.push(Event::ReplySent { call: call.id, reply: Reply::Ok(Payload(reply.clone())) });
        if matches!(fate, Some(Fate::ReplyLost)) { lost() } else { Ok(reply) }
    }
}

/// What a run is made of, beside the provider's answers.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) plan: Plan,
    pub(crate) revision: Revision,
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) hooks: Vec<Hook>,
    pub(crate) refuse: Refuse,
    pub(crate) fates: BTreeMap<u32, Fate>,
}

impl Setting {
    /// A plan of these actions at the newest revision, where nothing goes wrong.
    pub(crate) fn of(actions: Vec<Action>) -> Self {
        Self {
            plan: Plan { id: "p".to_owned(), actions, ..Plan::default() },
            revision: Revision::Head,
            environment: BTreeMap::new(),
            hooks: Vec::new(),
            refuse: Refuse::default(),
            fates: BTreeMap::new(),
        }
    }

    /// Runs the reference engine at the setting's revision.
    pub(crate) fn run(&self) -> (Applied, Trace) {
        self.run_with(&Semantics::at(self.revision))
    }

    /// Runs an engine of these semantics.
    pub(crate) fn run_with(&self, semantics: &Semantics) -> (Applied, Trace) {
        let log = Recorder::default();
        let fake = Fake::new(self.fates.clone(), log.clone());
        let link = Arc::new(Link::new(fake, Arc::new(Strict), self.revision, log.clone()));
        let provider = WireProvider::new(link, self.refuse.clone());
        let job = Job::new(&self.plan, &self.environment, &self.hooks);
        let applied = now(engine::apply(job, &provider, semantics, &log));
        let header = Header {
            scenario: "generated".to_owned(),
            revision: self.revision,
            subject: Subject::Pair,
            driven: Driven::CallByCall,
            plan: self.plan.clone(),
            addresses: self.plan.actions.iter().map(|action| action.spec.name.clone()).collect(),
            environment: self.environment.clone(),
            hooks: self.hooks.clone(),
            drivers: Drivers::default(),
            faults: Vec::new(),
            expect: Expect::default(),
        };
        (applied, Trace { header, events: log.take() })
    }
}

/// The output of a future that waits for nothing.
pub(crate) fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the fake provider answers at once"),
    }
}
