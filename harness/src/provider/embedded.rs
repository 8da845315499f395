//! The mock provider in our own process, over real sockets without a name.

use counterfoil_mock::{Provider, serve_over};
use tokio::{sync::mpsc::unbounded_channel, task::JoinHandle};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Connection, ProviderError, connect};

/// A mock provider that is being served, and a connection to it. It is gone when this is.
#[derive(Debug)]
pub struct Embedded {
    channel: Connection,
    server: JoinHandle<std::io::Result<()>>,
    stop: DropGuard,
}

impl Embedded {
    /// Serves `provider`, and connects to it.
    ///
    /// # Errors
    /// See [`ProviderError`].
    pub async fn start(provider: &Provider) -> Result<Self, ProviderError> {
        let stop = CancellationToken::new();
        let (dialled, connections) = unbounded_channel();
        let serving = serve_over(UnboundedReceiverStream::new(connections), provider, stop.clone());
        let server = tokio::spawn(serving);
        let channel = connect(dialled).await?;
        Ok(Self { channel, server, stop: stop.drop_guard() })
    }

    /// The connection, which a fault may cut.
    pub fn connection(&self) -> Connection {
        self.channel.clone()
    }

    /// Ends the provider and waits until it is gone.
    pub async fn stop(self) {
        let Self { channel, server, stop } = self;
        drop(channel);
        drop(stop);
        // A server that failed has already been noticed by whoever called it.
        let _ = server.await;
    }
}
