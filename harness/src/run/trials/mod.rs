//! Trials: a provider is asked what no apply would ask it, and what it answers is written down.

mod life;
mod look_back;
mod state;

use std::{
    collections::BTreeSet,
    error::Error as _,
    hash::{BuildHasher as _, RandomState},
    sync::LazyLock,
    time::Duration,
};

use bytes::Bytes;
use counterfoil_core::{
    rpc::{Code, Method, RpcError},
    trace::{Event, Payload, ProcessEvent, Recorder},
    trial::{
        Answer, KEPT, OURS, Trial, TrialReply, Tried,
        requests::{self, About, Reach, Request},
        step,
    },
};
use counterfoil_mock::{RawClient, UnaryCall};
use counterfoil_proto::{Contract, Revision, contract, iac};
use futures_util::future::join_all;
use prost::Message;
use tonic::Status;
use tower::{Service as _, ServiceExt as _};

pub(super) use self::look_back::CleanUp;
use super::survey;
use crate::provider::process::{Broken, Checked};

/// How long an answer may take where the connection sets no deadline.
const PATIENCE: Duration = Duration::from_secs(10);

/// How much longer is waited where it does, so that it is the connection that tells of a call that hangs.
const LEEWAY: Duration = Duration::from_secs(1);

/// How long a call is given to be on its way before it is given up.
const ON_ITS_WAY: Duration = Duration::from_millis(2);

/// How long a stream may take to its end where the connection sets no deadline.
const STREAM_PATIENCE: Duration = Duration::from_secs(5);

/// How often the same question is asked.
const REPEATED: usize = 100;

/// How often it is asked at once: as many comparisons as an engine makes side by side (E-182).
const PARALLEL: usize = 32;

/// How often memory is measured behind a round of questions, beside the first time.
const ROUNDS: usize = 4;

/// How far trials may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// Resources may be made and changed.
    Everything,
    /// The cloud must not be reached, and cannot be: a call that has to be refused may be one of any method.
    Refusals,
    /// The cloud must not be reached, although it could be: nothing is asked that would change it if it were taken.
    Reading,
}

impl Leave {
    /// Whether a request that must be refused may be tried.
    fn allows_refusal(self, request: &Request) -> bool {
        self != Self::Reading || request.reach != Reach::Change
    }

    /// Whether a request that is in order may be made, where it changes nothing.
    fn allows_question(self, request: &Request) -> bool {
        match request.reach {
            Reach::Local => true,
            Reach::Cloud => self == Self::Everything,
            Reach::Change => false,
        }
    }
}

/// What the names of resources begin with in a cloud that others use too: no two runs of Counterfoil name the same.
pub(super) fn prefix_of_this_run() -> &'static str {
    static PREFIX: LazyLock<String> = LazyLock::new(|| {
        // The keys of a hash are random, and nothing more is needed.
        let random = RandomState::new().hash_one(std::process::id());
        format!("{OURS}{:08x}-", random & u64::from(u32::MAX))
    });
    &PREFIX
}

/// Makes the trials of a scenario, in their order, on a provider that has been loaded; but for those that are made behind
/// the apply. The names of the resources that are made begin with `prefix`.
pub(super) async fn examine(
    connection: &Checked,
    revision: Revision,
    trials: &BTreeSet<Trial>,
    leave: Leave,
    prefix: &str,
    log: &Recorder,
) {
    let examiner = Examiner::new(connection, revision, leave, prefix, log);
    let afterwards = trials.contains(&Trial::SameAfterwards);
    if afterwards {
        examiner.questions(Trial::SameAfterwards, step::BEFORE).await;
    }
    for &trial in trials {
        if examiner.is_over() || (trial.needs_cloud() && leave != Leave::Everything) {
            continue;
        }
        examiner.make(trial).await;
    }
    if afterwards && !examiner.is_over() {
        examiner.questions(Trial::SameAfterwards, step::AFTER).await;
    }
}

/// Makes [`Trial::LookBack`], behind an apply that was driven call by call.
pub(super) async fn look_back(connection: &Checked, revision: Revision, clean_up: CleanUp, log: &Recorder) {
    let examiner = Examiner::new(connection, revision, Leave::Everything, OURS, log);
    look_back::look_back(&examiner, clean_up).await;
}

/// Asks, and writes down what comes of it.
struct Examiner<'a> {
    client: RawClient<Checked>,
    connection: &'a Checked,
    /// How long an answer may take.
    patience: Duration,
    /// How long a stream may take to its end.
    stream_patience: Duration,
    /// The services that the provider lists.
    services: Vec<String>,
    /// The resource types that it declares.
    types: Vec<String>,
    revision: Revision,
    leave: Leave,
    /// What the names of resources begin with.
    prefix: &'a str,
    log: &'a Recorder,
}

/// What requests are about that must find nothing.
const NAME: &str = "counterfoil-of-nobody";

/// The whole message of an answer, or what came instead; none where nothing was asked.
type Answered = Option<Result<Bytes, TrialReply>>;

impl<'a> Examiner<'a> {
    fn new(
        connection: &'a Checked,
        revision: Revision,
        leave: Leave,
        prefix: &'a str,
        log: &'a Recorder,
    ) -> Self {
        let deadline = connection.deadline().map(|deadline| deadline + LEEWAY);
        Self {
            patience: deadline.unwrap_or(PATIENCE),
            stream_patience: deadline.unwrap_or(STREAM_PATIENCE),
            client: RawClient::new(connection.clone()),
            connection,
            services: survey::registered(log),
            types: declared_types(log),
            revision,
            leave,
            prefix,
            log,
        }
    }

    /// Asks as a step of a trial, writes down what comes of it, and gives it. None where the provider does not list the
    /// service, or the revision does not have the method.
    async fn answer(&self, trial: Trial, short: &str, step: &str, request: &impl Message) -> Answered {
        let method = method(self.revision, short)?;
        if !self.services.contains(&requests::full_name(short.split('/').next()?)) {
            return None;
        }
        let message = Bytes::from(request.encode_to_vec());
        let answer = self.call_over(&self.client, method, message.clone()).await;
        let told = answer.as_ref().map_or_else(Clone::clone, |reply| TrialReply::Ok(kept(reply)));
        self.tell(trial, method, step, &message, vec![told]);
        Some(answer)
    }

    async fn make(&self, trial: Trial) {
        match trial {
            // Around all others, and behind the apply.
            Trial::SameAfterwards | Trial::LookBack => {}
            Trial::Implemented => self.empty_requests().await,
            Trial::AbsentMessage
            | Trial::MalformedJson
            | Trial::NotAnObject
            | Trial::EmptyType
            | Trial::UnknownType
            | Trial::EmptyName => self.defects(trial, Leave::allows_refusal).await,
            Trial::LongName | Trial::LargeMessage => {
                self.defects(trial, Leave::allows_question).await;
            }
            Trial::Cancelled => self.given_up(trial).await,
            Trial::ExpiredDeadline => self.too_late(trial).await,
            Trial::Repeated | Trial::Parallel => self.questions(trial, "").await,
            Trial::Growth => self.growth().await,
            Trial::Streams => self.streams().await,
            Trial::Life => life::lives(self).await,
            Trial::Destroy => life::destroy(self).await,
            Trial::Unconfigured => state::unconfigured(self).await,
            Trial::State => state::converse(self).await,
        }
    }

    /// Whether nothing more is to be learned: a call hangs, or the process is gone.
    fn is_over(&self) -> bool {
        let hangs = |reply: &TrialReply| matches!(reply, TrialReply::None(_));
        let ends = |event: &Event| match event {
            Event::Process(ProcessEvent::CallBroken { .. } | ProcessEvent::Exited { .. }) => true,
            Event::Tried(tried) => tried.answers.iter().any(|answer| hangs(&answer.reply)),
            _ => false,
        };
        self.log.look(|events| events.iter().any(ends))
    }

    /// Whether the process has ended, so that no call can reach it.
    fn is_gone(&self) -> bool {
        let exited = |event: &Event| matches!(event, Event::Process(ProcessEvent::Exited { .. }));
        self.log.look(|events| events.iter().any(exited))
    }

    /// The methods of the services that the provider lists.
    fn methods(&self) -> impl Iterator<Item = (&'static contract::Method, &'static Request)> {
        requests::at(self.revision).filter(|(_, request)| {
            let service = requests::full_name(request.service());
            self.services.contains(&service)
        })
    }

    /// The first resource type that the provider declares, or one that most have.
    fn resource_type(&self) -> &str {
        self.types.first().map_or("infra.vpc", String::as_str)
    }

    fn about(&self) -> About<'_> {
        About { resource_type: self.resource_type(), name: NAME, provider_id: NAME }
    }

    /// A request of a method that is in order, about nothing that is there.
    fn whole(&self, method: &contract::Method, request: &Request) -> Bytes {
        request.whole(&requests::full_name(&method.request), self.about())
    }

    /// The empty request of each method.
    async fn empty_requests(&self) {
        let live = self.leave == Leave::Everything;
        let may = |request: &Request| request.may_be_empty(live) && self.leave.allows_refusal(request);
        for (method, _) in self.methods().filter(|(_, request)| may(request)) {
            let reply = self.ask(method, Bytes::new()).await;
            self.tell(Trial::Implemented, method, "", &Bytes::new(), vec![reply]);
            if self.is_over() {
                return;
            }
        }
    }

    /// The requests of each method that are out of order in one way, as far as there is leave to make them.
    async fn defects(&self, trial: Trial, allows: impl Fn(Leave, &Request) -> bool) {
        for (method, request) in self.methods().filter(|(_, request)| allows(self.leave, request)) {
            let whole = self.whole(method, request);
            for (part, edit) in request.defects(trial) {
                let message = edit.apply(&requests::full_name(&method.request), &whole);
                let reply = self.ask(method, message.clone()).await;
                self.tell(trial, method, part, &message, vec![reply]);
                if self.is_over() {
                    return;
                }
            }
        }
    }

    /// Questions that change nothing, with the requests that ask them.
    fn local_questions(&self) -> impl Iterator<Item = (&'static contract::Method, Bytes)> {
        // What a provider looks up elsewhere may change between two looks.
        let local = |method: &contract::Method, request: &Request| {
            request.reach == Reach::Local && !method.server_streaming
        };
        let methods = self.methods().filter(move |(method, request)| local(method, request));
        methods.map(|(method, request)| (method, self.whole(method, request)))
    }

    /// How the memory of the process comes out of rounds of questions, up to the first round that does not make it grow.
    /// What is asked for the first time is not counted. Where there is no process to measure, nothing is asked.
    async fn growth(&self) {
        if self.resident().is_none() {
            return;
        }
        self.round().await;
        let Some(first) = self.resident() else { return };
        let mut rounds = vec![first];
        while rounds.len() <= ROUNDS && rounds.is_sorted_by(|before, behind| before < behind) {
            self.round().await;
            let Some(size) = self.resident() else { return };
            rounds.push(size);
        }
        self.log.push(Event::Process(ProcessEvent::Memory { rounds }));
    }

    /// The memory of the process. One that hangs or is gone has no size that counts.
    fn resident(&self) -> Option<u64> {
        self.connection.resident().filter(|_| !self.is_over())
    }

    /// Asks each question that changes nothing as often as the other trials do, as many at once as they do. The answers are
    /// those that they get.
    async fn round(&self) {
        for (method, message) in self.local_questions() {
            for _ in 0..REPEATED.div_ceil(PARALLEL) {
                let replies = join_all((0..PARALLEL).map(|_| self.ask(method, message.clone()))).await;
                let hangs = replies.iter().any(|reply| matches!(reply, TrialReply::None(_)));
                if hangs || self.is_over() {
                    return;
                }
            }
        }
    }

    /// Questions that change nothing, each as often as the trial wants it.
    async fn questions(&self, trial: Trial, part: &str) {
        for (method, message) in self.local_questions() {
            let ask = || self.ask(method, message.clone());
            let replies = match trial {
                Trial::Parallel => join_all((0..PARALLEL).map(|_| ask())).await,
                Trial::Repeated => {
                    let mut replies = Vec::with_capacity(REPEATED);
                    while replies.len() < REPEATED && !matches!(replies.last(), Some(TrialReply::None(_))) {
                        replies.push(ask().await);
                    }
                    replies
                }
                _ => vec![ask().await],
            };
            self.tell(trial, method, part, &message, replies);
            if self.is_over() {
                return;
            }
        }
    }

    /// Calls that are given up once they are on their way.
    async fn given_up(&self, trial: Trial) {
        for (method, request) in self.methods().filter(|(_, request)| self.leave.allows_question(request)) {
            let message = self.whole(method, request);
            // Whether an answer is quicker than that is chance.
            let _ = tokio::time::timeout(ON_ITS_WAY, self.ask(method, message.clone())).await;
            self.tell(trial, method, "", &message, vec![TrialReply::NotAwaited]);
            if self.is_over() {
                return;
            }
        }
    }

    /// Calls whose deadline has passed when they arrive.
    async fn too_late(&self, trial: Trial) {
        for (method, request) in self.methods().filter(|(_, request)| self.leave.allows_question(request)) {
            if method.server_streaming {
                continue;
            }
            let message = self.whole(method, request);
            let call = self.client.call_within(&method.path, message.clone(), Duration::from_nanos(1));
            // Whatever it is answered, nobody waits for it.
            let _ = tokio::time::timeout(self.patience, call).await;
            self.tell(trial, method, "", &message, vec![TrialReply::NotAwaited]);
            if self.is_over() {
                return;
            }
        }
    }

    /// Streams of what is there, to their end.
    async fn streams(&self) {
        for (method, request) in self.methods().filter(|(method, _)| method.server_streaming) {
            let message = self.whole(method, request);
            let reply = self.ask(method, message.clone()).await;
            self.tell(Trial::Streams, method, "", &message, vec![reply]);
            if self.is_over() {
                return;
            }
        }
    }

    /// Makes a call of a method and waits for its answer, or for the end of its stream.
    async fn ask(&self, method: &'static contract::Method, message: Bytes) -> TrialReply {
        if method.server_streaming {
            return self.read_stream(method, message).await;
        }
        self.ask_over(&self.client, method, message).await
    }

    /// Makes a call over a connection and waits for its answer.
    async fn ask_over(
        &self,
        client: &RawClient<Checked>,
        method: &'static contract::Method,
        message: Bytes,
    ) -> TrialReply {
        match self.call_over(client, method, message).await {
            Ok(reply) => TrialReply::Ok(kept(&reply)),
            Err(other) => other,
        }
    }

    /// The same, and gives the whole message where it is answered with one, else what came of it.
    async fn call_over(
        &self,
        client: &RawClient<Checked>,
        method: &'static contract::Method,
        message: Bytes,
    ) -> Result<Bytes, TrialReply> {
        let call = UnaryCall { id: 0, method: &method.path, resource: String::new(), message };
        let mut client = client.clone();
        let answer = async { client.ready().await?.call(call).await };
        match tokio::time::timeout(self.patience, answer).await {
            Ok(reply) => reply.map_err(|status| refused(&status)),
            Err(_) => Err(TrialReply::None(format!("there is none within {:?}", self.patience))),
        }
    }

    async fn read_stream(&self, method: &'static contract::Method, message: Bytes) -> TrialReply {
        let mut count = 0_u64;
        let read = async {
            let mut stream = self.client.stream(&method.path, message).await?;
            let mut last = Bytes::new();
            while let Some(message) = stream.message().await? {
                (count, last) = (count + 1, message);
            }
            Ok(last)
        };
        match tokio::time::timeout(self.stream_patience, read).await {
            Ok(Ok(last)) => TrialReply::Ok(kept(&last)),
            Ok(Err(status)) => refused(&status),
            Err(_) => TrialReply::None(format!(
                "the stream has not ended after {:?} and {count} messages",
                self.stream_patience
            )),
        }
    }

    /// Writes down a question with its answers.
    fn tell(
        &self,
        trial: Trial,
        method: &contract::Method,
        part: &str,
        request: &Bytes,
        replies: Vec<TrialReply>,
    ) {
        let mut answers: Vec<Answer> = Vec::new();
        for reply in replies {
            let response = requests::full_name(&method.response);
            match answers.iter_mut().find(|answer| answer.reply.says_the_same_as(&reply, &response)) {
                Some(answer) => answer.times += 1,
                None => answers.push(Answer { times: 1, reply }),
            }
        }
        // Which of many at once was the first is chance, and no run shall differ by that.
        answers.sort_by_cached_key(|answer| format!("{:?}", answer.reply));
        self.log.push(Event::Tried(Tried {
            trial,
            method: method.path.clone(),
            part: part.to_owned(),
            request: kept(request),
            bytes: request.len() as u64,
            answers,
        }));
    }
}

/// A resource, as the calls of drivers name one.
fn reference(resource_type: &str, name: &str, provider_id: &str) -> iac::ResourceRef {
    iac::ResourceRef {
        name: name.to_owned(),
        r#type: resource_type.to_owned(),
        provider_id: provider_id.to_owned(),
    }
}

/// The request that reads a resource.
fn reading(target: iac::ResourceRef) -> iac::ResourceReadRequest {
    iac::ResourceReadRequest { resource_type: target.r#type.clone(), r#ref: Some(target) }
}

/// The request that deletes a resource.
fn deletion(target: iac::ResourceRef) -> iac::ResourceDeleteRequest {
    iac::ResourceDeleteRequest { resource_type: target.r#type.clone(), r#ref: Some(target) }
}

/// What is kept of a message.
fn kept(message: &Bytes) -> Payload {
    Payload(message.slice(..message.len().min(KEPT)))
}

fn refused(status: &Status) -> TrialReply {
    if let Some(broken) = status.source().and_then(|source| source.downcast_ref::<Broken>()) {
        return TrialReply::None(broken.detail.clone());
    }
    TrialReply::Error(RpcError {
        code: Code::from_number(status.code().into()),
        message: status.message().to_owned(),
    })
}

/// The resource types that the provider declared as it was loaded.
fn declared_types(log: &Recorder) -> Vec<String> {
    let declared = survey::reply_of(log, Method::Capabilities).unwrap_or_default();
    let declared = iac::CapabilitiesResponse::decode(declared).unwrap_or_default();
    declared.capabilities.into_iter().map(|capability| capability.resource_type).collect()
}

/// A method of the contract, by its name without the package.
fn method(revision: Revision, short: &str) -> Option<&'static contract::Method> {
    Contract::at(revision).method(&format!("/{}", requests::full_name(short)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_run_are_ours_and_the_same_to_its_end() {
        let prefix = prefix_of_this_run();
        assert_eq!((prefix.len(), prefix), (OURS.len() + 9, prefix_of_this_run()));
        assert!(prefix.starts_with(OURS) && prefix.ends_with('-'), "{prefix}");
    }
}
