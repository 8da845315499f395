//! Broken providers: each a good one with a layer in front of its services that breaks one thing; and broken processes,
//! in [`process`].
//!
//! What a layer does to calls stands here, which provider does what in the files below, and [`all`] has them all. Each
//! names the rules that must find it, as words: the kit knows no rule.

pub mod process;
mod providers;
mod state;

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, uri::PathAndQuery};
use prost::Message;
use tonic::{
    Status,
    body::Body,
    client::GrpcService,
    server::{Grpc, UnaryService},
};
use tower::{Layer, Service};

use crate::{MAX_MESSAGE, client, codec::RawCodec};

/// Every broken provider.
pub fn all() -> impl Iterator<Item = &'static ProviderMutant> {
    providers::ALL.iter().chain(state::ALL)
}

/// A provider with exactly one defect.
#[derive(Debug)]
pub struct ProviderMutant {
    /// Its name.
    pub name: &'static str,
    /// What it does wrong.
    pub what: &'static str,
    /// The rules that must find it, and no other may.
    pub caught_by: &'static [&'static str],
    /// How it comes about.
    pub flaw: Flaw,
}

/// What becomes of an honest answer to a call; none where it stays.
pub type Answering = fn(&Exchange<'_>, &Answered) -> Option<Answered>;

/// An answer: a message, or a status that is an error.
pub type Answered = Result<Bytes, Status>;

/// What a broken provider does to calls.
#[derive(Clone, Copy, Debug)]
pub enum Flaw {
    /// It takes another request than the one that was sent; none where it takes that.
    Takes(fn(&Exchange<'_>) -> Option<Bytes>),
    /// It answers something else than a good one; none where it answers as that.
    Answers(Answering),
    /// The same, and calls take their time, so that those that are made at once are under way at once.
    Crowds(Answering),
    /// It never answers calls of the method.
    Hangs(&'static str),
}

/// A call, as a flaw sees it.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// The method without its package: `ResourceDriver/Create`.
    pub method: &'a str,
    /// The request.
    pub request: &'a Bytes,
    /// How many calls of the method came before.
    pub calls: usize,
    /// Whether the same request of the method came before.
    pub again: bool,
    /// How many calls were refused as malformed before this one.
    pub refused: u64,
    /// Whether another call is under way.
    pub crowded: bool,
    /// The calls that were answered before.
    pub past: &'a Past,
}

/// The calls that were answered until now, by their methods without the package.
#[derive(Debug, Default)]
pub struct Past(Mutex<Vec<(String, Bytes)>>);

impl Past {
    /// All of them, in the order in which they came.
    pub fn all(&self) -> impl Iterator<Item = (String, Bytes)> + use<> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone().into_iter()
    }

    /// The requests of a method, in the order in which they came.
    pub fn requests<M: Message + Default>(&self, method: &'static str) -> impl Iterator<Item = M> + use<M> {
        let of_method = self.all().filter(move |(known, _)| known == method);
        of_method.filter_map(|(_, request)| M::decode(request).ok())
    }

    fn enter(&self, method: &str, request: &Bytes) {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        calls.push((method.to_owned(), request.clone()));
    }
}

/// The package of the services whose calls are looked at.
const PACKAGE: &str = "/workflow.plugin.external.iac.";

/// Streams that flaws do not look into.
const STREAMS: [&str; 2] = ["IaCProviderLogCapture/CaptureLogs", "IaCProviderRunner/JobLogs"];

/// How long a call takes of which others are to be under way at the same time.
const GATHERING: Duration = Duration::from_millis(2);

/// Puts a flaw in front of services, or nothing.
#[derive(Clone, Debug, Default)]
pub struct BrokenLayer(Option<&'static ProviderMutant>);

impl BrokenLayer {
    /// The layer of a broken provider; of a good one where there is none.
    pub const fn new(mutant: Option<&'static ProviderMutant>) -> Self {
        Self(mutant)
    }
}

impl<S> Layer<S> for BrokenLayer {
    type Service = Broken<S>;

    fn layer(&self, inner: S) -> Broken<S> {
        Broken { inner, flaw: self.0.map(|mutant| mutant.flaw), memory: Arc::default() }
    }
}

/// Services with a flaw in front of them.
#[derive(Clone, Debug)]
pub struct Broken<S> {
    inner: S,
    flaw: Option<Flaw>,
    memory: Arc<Memory>,
}

/// What a broken provider remembers of the calls before.
#[derive(Debug, Default)]
struct Memory {
    /// The requests that were made until now, by their methods.
    begun: Mutex<HashMap<String, Vec<Bytes>>>,
    refused: AtomicU64,
    under_way: AtomicUsize,
    past: Past,
}

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl<S> Service<Request<Body>> for Broken<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Boxed<Result<Response<Body>, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let method = request.uri().path().strip_prefix(PACKAGE).map(str::to_owned);
        let (Some(flaw), Some(method)) = (self.flaw, method) else {
            return Box::pin(self.inner.call(request));
        };
        if matches!(flaw, Flaw::Hangs(hanging) if hanging == method) {
            return Box::pin(std::future::pending());
        }
        if STREAMS.contains(&method.as_str()) {
            return Box::pin(self.inner.call(request));
        }
        let handler = Handler { inner: self.inner.clone(), flaw, method, memory: Arc::clone(&self.memory) };
        Box::pin(async move {
            let mut server = Grpc::new(RawCodec)
                .max_decoding_message_size(MAX_MESSAGE)
                .max_encoding_message_size(MAX_MESSAGE);
            Ok(server.unary(handler, request).await)
        })
    }
}

/// Handles one call.
struct Handler<S> {
    inner: S,
    flaw: Flaw,
    method: String,
    memory: Arc<Memory>,
}

impl<S> UnaryService<Bytes> for Handler<S>
where
    S: GrpcService<Body> + Clone + Send + 'static,
    S::ResponseBody: Send + 'static,
    <S::ResponseBody as http_body::Body>::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    S::Future: Send,
{
    type Response = Bytes;
    type Future = Boxed<Result<tonic::Response<Bytes>, Status>>;

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        let Self { inner, flaw, method, memory } = self;
        let (inner, flaw, method, memory) = (inner.clone(), *flaw, method.clone(), Arc::clone(memory));
        Box::pin(async move { memory.exchange(inner, flaw, &method, request.into_inner()).await })
    }
}

impl Memory {
    /// Makes the call, with the flaw in its way.
    async fn exchange<S>(
        &self,
        inner: S,
        flaw: Flaw,
        method: &str,
        request: Bytes,
    ) -> Result<tonic::Response<Bytes>, Status>
    where
        S: GrpcService<Body> + Clone + Send + 'static,
        S::ResponseBody: Send + 'static,
        <S::ResponseBody as http_body::Body>::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
        S::Future: Send,
    {
        let _here = UnderWay::enter(&self.under_way);
        if matches!(flaw, Flaw::Crowds(_)) {
            tokio::time::sleep(GATHERING).await;
        }
        let (calls, again) = self.note(method, &request);
        let exchange = Exchange {
            method,
            request: &request,
            calls,
            again,
            refused: self.refused.load(Ordering::Relaxed),
            crowded: self.under_way.load(Ordering::Relaxed) > 1,
            past: &self.past,
        };
        let taken = match flaw {
            Flaw::Takes(takes) => takes(&exchange),
            Flaw::Answers(_) | Flaw::Crowds(_) | Flaw::Hangs(_) => None,
        };
        let path = PathAndQuery::try_from(format!("{PACKAGE}{method}"))
            .map_err(|e| Status::internal(format!("{method:?} is no path: {e}")))?;
        let message = taken.unwrap_or_else(|| request.clone());
        let honest = client::unary(inner, path, tonic::Request::new(message)).await;
        if honest.as_ref().is_err_and(|status| status.code() == tonic::Code::InvalidArgument) {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        let answer = match flaw {
            Flaw::Answers(answers) | Flaw::Crowds(answers) => answers(&exchange, &honest),
            Flaw::Takes(_) | Flaw::Hangs(_) => None,
        };
        self.past.enter(method, &request);
        answer.unwrap_or(honest).map(tonic::Response::new)
    }

    /// Notes a call: how many of its method came before, and whether one of them was the same.
    fn note(&self, method: &str, request: &Bytes) -> (usize, bool) {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let before = begun.entry(method.to_owned()).or_default();
        let noted = (before.len(), before.contains(request));
        before.push(request.clone());
        noted
    }
}

/// Counts a call for as long as it is under way.
struct UnderWay<'a>(&'a AtomicUsize);

impl<'a> UnderWay<'a> {
    fn enter(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
