use std::{
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
/// Calls are counted over the life of the layer and its clones, however many services it makes. Where two
/// faults have the same point, the first in the list strikes; both have counted the call.
#[derive(Clone)]
pub struct FaultLayer(Arc<Shared>);

struct Shared {
    faults: Arc<[Fault]>,
    /// The matching calls so far, by fault.
    seen: Box<[AtomicU32]>,
    observer: Arc<dyn Observer>,
}

impl FaultLayer {
    /// A layer that has seen no call yet.
    pub fn new(faults: Arc<[Fault]>, observer: Arc<dyn Observer>) -> Self {
        let seen = faults.iter().map(|_| AtomicU32::new(0)).collect();
        Self(Arc::new(Shared { faults, seen, observer }))
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
    /// Counts a call and finds the fault that strikes it.
    fn strike(&self, call: &UnaryCall) -> Option<usize> {
        let mut struck = None;
        for (at, (fault, seen)) in self.faults.iter().zip(&self.seen).enumerate() {
            if fault.point.matches(call) {
                let nth = seen.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
                if nth == fault.point.nth {
                    struck = struck.or(Some(at));
                }
            }
        }
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
        let Some(at) = shared.strike(&call) else {
            return Box::pin(shared.deliver(&mut self.inner, call));
        };
        // The effect decides when the provider gets the call, if ever: it takes the ready service with it.
        let next = self.inner.clone();
        let mut provider = mem::replace(&mut self.inner, next);
        Box::pin(async move {
            shared.observer.injected(call.id, at);
            let delivery = async { Arc::clone(&shared).deliver(&mut provider, call).await };
            shared.faults[at].effect.answer(delivery).await
        })
    }
}
