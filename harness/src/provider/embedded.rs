//! The mock provider in our own process, over a real Unix socket.

use std::path::Path;

use counterfoil_mock::{Provider, serve_unix};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Connection, ProviderError, connect};

/// A mock provider that is being served, and a connection to it. It is gone, its socket with it, when this is.
#[derive(Debug)]
pub struct Embedded {
    channel: Connection,
    server: JoinHandle<std::io::Result<()>>,
    stop: DropGuard,
}

impl Embedded {
    /// Serves `provider` on a socket of this `name` in `directory`, and connects to it.
    ///
    /// # Errors
    /// See [`ProviderError`].
    pub async fn start(provider: &Provider, directory: &Path, name: &str) -> Result<Self, ProviderError> {
        let socket = directory.join(name);
        let stop = CancellationToken::new();
        let serving = serve_unix(&socket, provider, stop.clone())
            .map_err(|source| ProviderError::Bind { socket: socket.display().to_string(), source })?;
        let server = tokio::spawn(serving);
        let channel = connect(socket).await?;
        Ok(Self { channel, server, stop: stop.drop_guard() })
    }

    /// The connection, which a fault may cut.
    pub fn connection(&self) -> Connection {
        self.channel.clone()
    }

    /// Ends the provider and waits until its socket is gone.
    pub async fn stop(self) {
        let Self { channel, server, stop } = self;
        drop(channel);
        drop(stop);
        // A server that failed has already been noticed by whoever called it.
        let _ = server.await;
    }
}
