use std::{
    collections::HashMap,
    fmt, mem,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use tonic::Status;
use tower::{Layer, Service};

use super::{Fault, Observer};
use crate::{UnaryCall, client::ReplyFuture};

/// Puts faults between a caller and a service of [`UnaryCall`]s.
///
/// Calls are counted over the life of the layer and its clones, however many services it makes. Where several
/// faults have the same point, one stands behind the other: those that alter a reply nearest to the caller, then
/// those that delay it, then, in the order of the list, those that take its place. One that never lets the call
/// through keeps those behind it from striking.
#[derive(Clone)]
pub struct FaultLayer(Arc<Shared>);

struct Shared {
    faults: Arc<[Fault]>,
    /// Which faults are about a resource.
    about: HashMap<String, Vec<usize>>,
    /// The matching calls so far, by fault.
    seen: Box<[AtomicU32]>,
    observer: Arc<dyn Observer>,
}

impl FaultLayer {
    /// A layer that has seen no call yet.
    pub fn new(faults: Arc<[Fault]>, observer: Arc<dyn Observer>) -> Self {
        let seen = faults.iter().map(|_| AtomicU32::new(0)).collect();
        let mut about: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, fault) in faults.iter().enumerate() {
            about.entry(fault.point.resource.clone()).or_default().push(at);
        }
        Self(Arc::new(Shared { faults, about, seen, observer }))
    }
}

impl fmt::Debug for FaultLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultLayer").field("faults", &self.0.faults).finish_non_exhaustive()
    }
}

impl<S> Layer<S> for FaultLayer {
    type Service = FaultService<S>;

    fn layer(&self, inner: S) -> FaultService<S> {
        FaultService { inner, layer: self.clone() }
    }
}

impl Shared {
    /// Counts a call and finds the faults that strike it, the one that is nearest to the caller first.
    fn strike(&self, call: &UnaryCall) -> Vec<usize> {
        let mut struck = Vec::new();
        for &at in self.about.get(&call.resource).into_iter().flatten() {
            let point = &self.faults[at].point;
            if point.matches(call) {
                let nth = self.seen[at].fetch_add(1, Ordering::Relaxed).wrapping_add(1);
                if nth == point.nth {
                    struck.push(at);
                }
            }
        }
        struck.sort_by_key(|at| self.faults[*at].effect.distance());
        struck
    }

    /// Gives a call to the provider at once, and waits for the reply.
    fn deliver<S>(
        self: Arc<Self>,
        provider: &mut S,
        call: UnaryCall,
    ) -> impl Future<Output = Result<Bytes, Status>> + use<S>
    where
        S: Service<UnaryCall, Response = Bytes, Error = Status>,
    {
        let id = call.id;
        self.observer.delivered(&call);
        let reply = provider.call(call);
        async move {
            let reply = reply.await;
            self.observer.answered(id, &reply);
            reply
        }
    }
}

/// What [`FaultLayer`] makes of a service.
#[derive(Clone, Debug)]
pub struct FaultService<S> {
    inner: S,
    layer: FaultLayer,
}

impl<S> Service<UnaryCall> for FaultService<S>
where
    S: Service<UnaryCall, Response = Bytes, Error = Status> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Bytes;
    type Error = Status;
    type Future = ReplyFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, call: UnaryCall) -> ReplyFuture {
        let shared = Arc::clone(&self.layer.0);
        let struck = shared.strike(&call);
        if struck.is_empty() {
            return Box::pin(shared.deliver(&mut self.inner, call));
        }
        // The effects decide when the provider gets the call, if ever: they take the ready service with them.
        let next = self.inner.clone();
        let mut provider = mem::replace(&mut self.inner, next);
        let (id, deliverer) = (call.id, Arc::clone(&shared));
        let mut answer: ReplyFuture = Box::pin(async move { deliverer.deliver(&mut provider, call).await });
        for at in struck.into_iter().rev() {
            let shared = Arc::clone(&shared);
            answer = Box::pin(async move {
                let struck = || shared.observer.injected(id, at);
                shared.faults[at].effect.answer(answer, struck).await
            });
        }
        answer
    }
}
