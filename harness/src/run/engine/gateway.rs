//! Where the engine calls: in front of our provider, with the faults of the scenario in between.

use std::{
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use bytes::Bytes;
use counterfoil_core::rpc::{Method, RpcError, Transport as _};
use counterfoil_mock::answer::{Answer, answer_over};
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::AbortOnDropHandle,
};
use tonic::{
    Code, Response, Status,
    metadata::{MetadataMap, MetadataValue},
};

use super::host::Host;
use crate::{
    adapter::engine::{CONTEXT_ENDS, word_of},
    provider::FaultyTransport,
};

/// A gateway that takes calls. It is gone when this is.
#[derive(Debug)]
pub(super) struct Gateway {
    _serving: AbortOnDropHandle<io::Result<()>>,
    _stop: DropGuard,
}

impl Gateway {
    /// Takes calls on a socket at `path`, and makes them by `transport`. Every call is a sign.
    ///
    /// # Errors
    /// When the socket cannot be bound.
    pub(super) fn open(path: &Path, transport: FaultyTransport, host: Arc<Host>) -> io::Result<Self> {
        let connections = UnixListenerStream::new(UnixListener::bind(path)?);
        let stop = CancellationToken::new();
        let serving =
            answer_over(connections, Passage { transport, host, calls: Arc::default() }, stop.clone());
        Ok(Self { _serving: AbortOnDropHandle::new(tokio::spawn(serving)), _stop: stop.drop_guard() })
    }
}

/// Passes calls on.
#[derive(Clone)]
struct Passage {
    transport: FaultyTransport,
    host: Arc<Host>,
    calls: Arc<AtomicU32>,
}

/// How many calls may be made for one plan: far more than the largest takes.
const MOST_CALLS: u32 = 1 << 16;

impl Answer for Passage {
    async fn answer(&self, path: &str, request: Bytes) -> Result<Response<Bytes>, Status> {
        let Some(method) = Method::of_path(path) else {
            return Err(Status::unimplemented(format!("no apply has to call {path}")));
        };
        if self.calls.fetch_add(1, Ordering::Relaxed) >= MOST_CALLS {
            self.host.flooded(MOST_CALLS);
            return Err(Status::resource_exhausted(format!("no plan takes more than {MOST_CALLS} calls")));
        }
        self.host.awake();
        let call = self.host.signs.issued(method, request);
        let reply = self.transport.call(call.clone()).await;
        self.host.signs.received(&call, &reply);
        let mut ended = MetadataMap::new();
        if let Some(done) = self.host.signs.end_to_tell() {
            ended.insert(CONTEXT_ENDS, MetadataValue::from_static(word_of(done)));
        }
        match reply {
            Ok(message) => {
                let mut response = Response::new(message);
                *response.metadata_mut() = ended;
                Ok(response)
            }
            Err(RpcError { code, message }) => {
                Err(Status::with_metadata(Code::from_i32(code as i32), message, ended))
            }
        }
    }
}
