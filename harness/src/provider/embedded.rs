//! The mock provider in our own process, over a real Unix socket.

use std::path::{Path, PathBuf};

use counterfoil_mock::{Provider, serve_unix};
use hyper_util::rt::TokioIo;
use tokio::{net::UnixStream, task::JoinHandle};
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;

use super::ProviderError;

/// A mock provider that is being served, and a connection to it. It is gone, its socket with it, when this is.
#[derive(Debug)]
pub struct Embedded {
    channel: Channel,
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

    /// The connection.
    pub fn channel(&self) -> Channel {
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

/// A connection to whatever listens on `socket`.
///
/// # Errors
/// When nothing does.
pub async fn connect(socket: PathBuf) -> Result<Channel, tonic::transport::Error> {
    // The authority is never looked at; Go peers send one like it (E-208).
    Endpoint::from_static("http://localhost")
        .connect_with_connector(service_fn(move |_| {
            let socket = socket.clone();
            async move { UnixStream::connect(socket).await.map(TokioIo::new) }
        }))
        .await
}
