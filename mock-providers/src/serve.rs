//! Serving a provider on a Unix socket, or over connections that come by another way.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use tokio::net::{UnixListener, UnixStream};
use tokio_stream::{Stream, wrappers::UnixListenerStream};
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;

use crate::{Provider, broken::BrokenLayer};

/// Serves `provider` on a socket at `path`, in a directory that exists.
///
/// The socket is bound when this returns, so that a client may connect at once. The future serves until
/// `shutdown` fires and calls under way are answered. The socket file is removed when the future ends, or is
/// dropped.
///
/// Must be called within a Tokio runtime.
///
/// # Errors
/// When `path` cannot be bound: it exists, its directory does not, or it is longer than a socket's path may
/// be. The future fails when the listener does.
pub fn serve_unix(
    path: &Path,
    provider: &Provider,
    shutdown: CancellationToken,
) -> io::Result<impl Future<Output = io::Result<()>> + Send + use<>> {
    let listener = UnixListener::bind(path)?;
    let socket = SocketFile(path.to_owned());
    let serving = serve_over(UnixListenerStream::new(listener), provider, shutdown);
    Ok(async move {
        let _socket = socket;
        serving.await
    })
}

/// Serves `provider` over each of the connections that come, until `shutdown` fires and calls under way are answered, or no
/// more will come.
///
/// # Errors
/// The future fails when `connections` does.
pub fn serve_over<C: Stream<Item = io::Result<UnixStream>> + Send + 'static>(
    connections: C,
    provider: &Provider,
    shutdown: CancellationToken,
) -> impl Future<Output = io::Result<()>> + Send + use<C> {
    let (routes, broken) = (provider.routes(), BrokenLayer::new(provider.setup().mutant));
    async move {
        Server::builder()
            .layer(broken)
            .add_routes(routes)
            .serve_with_incoming_shutdown(connections, shutdown.cancelled_owned())
            .await
            .map_err(io::Error::other)
    }
}

/// A socket file of ours, gone when this is.
#[derive(Debug)]
pub struct SocketFile(pub PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Gone already, with its directory for instance: nothing is left to do.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use counterfoil_proto::iac::{
        ResourceCreateRequest, ResourceSpec, resource_driver_client::ResourceDriverClient,
    };
    use hyper_util::rt::TokioIo;
    use prost::Message as _;
    use tonic::transport::{Channel, Endpoint};
    use tower::{Service as _, ServiceExt as _, service_fn};

    use super::*;
    use crate::{RawClient, Setup, UnaryCall};

    async fn connect(path: &Path) -> Channel {
        let path = path.to_owned();
        let dial = service_fn(move |_| {
            let path = path.clone();
            async move { UnixStream::connect(path).await.map(TokioIo::new) }
        });
        Endpoint::from_static("http://localhost").connect_with_connector(dial).await.unwrap()
    }

    fn create(name: &str, config: String) -> ResourceCreateRequest {
        let spec = ResourceSpec { name: name.into(), config_json: config.into(), ..ResourceSpec::default() };
        ResourceCreateRequest { resource_type: "infra.vpc".into(), spec: Some(spec) }
    }

    #[tokio::test]
    async fn a_provider_serves_on_a_socket_until_it_is_told_to_stop() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let (provider, stop) = (Provider::new(Setup::default()), CancellationToken::new());
        let serving = tokio::spawn(serve_unix(&path, &provider, stop.clone()).unwrap());

        let channel = connect(&path).await;
        let made = ResourceDriverClient::new(channel.clone()).create(create("net", String::new())).await;
        assert_eq!(made.unwrap().into_inner().output.unwrap().provider_id, "vpc-1");

        // Larger than the limit of four million bytes that tonic sets by default, both ways.
        let large = create("large", format!("{{\"a\":\"{}\"}}", "x".repeat(6_000_000)));
        let mut raw = RawClient::new(channel);
        let call = UnaryCall {
            id: 1,
            method: "/workflow.plugin.external.iac.ResourceDriver/Create",
            resource: "large".into(),
            message: Bytes::from(large.encode_to_vec()),
        };
        assert!(raw.ready().await.unwrap().call(call).await.unwrap().len() > 6_000_000);
        assert_eq!(provider.cloud().list().len(), 2);

        stop.cancel();
        serving.await.unwrap().unwrap();
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_dropped_server_leaves_no_socket() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let serving = serve_unix(&path, &Provider::new(Setup::default()), CancellationToken::new()).unwrap();
        assert!(path.exists());
        drop(serving);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_path_that_cannot_be_bound_is_an_error_and_stays_untouched() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        fs::write(&path, "mine").unwrap();
        let provider = Provider::new(Setup::default());
        assert!(serve_unix(&path, &provider, CancellationToken::new()).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
        assert!(serve_unix(&dir.path().join("no/s"), &provider, CancellationToken::new()).is_err());
    }
}
