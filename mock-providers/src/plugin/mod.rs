//! A provider as a plugin process: what a host starts, and talks to over a socket.

pub mod certificate;
mod log;
mod services;
pub mod socket;
pub mod tls;

use std::{
    env,
    ffi::OsString,
    io::{self, Write as _},
    path::PathBuf,
    time::Duration,
};

use counterfoil_proto::{
    DESCRIPTORS,
    go_plugin::{
        grpc_broker_server::GrpcBrokerServer, grpc_controller_server::GrpcControllerServer,
        grpc_stdio_server::GrpcStdioServer, stdio_data::Channel,
    },
    handshake::{self, Line},
};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic_health::ServingStatus;
use tower::util::MapRequestLayer;

use self::{
    certificate::Identity,
    services::{Broker, Controller, Stdio},
};
use crate::{Provider, broken::BrokenLayer};

/// How long calls under way may take once the plugin is to end. Hosts kill it after two seconds (P-014).
const GRACE: Duration = Duration::from_secs(1);

/// What a host says to a plugin through its environment (P-005).
#[derive(Clone, Debug, Default)]
pub struct HostEnvironment {
    /// The cookie (P-001).
    pub cookie: Option<OsString>,
    /// The versions of the application protocol that the host speaks, separated by commas.
    pub versions: Option<String>,
    /// The host's certificate as PEM, where it asks for `AutoMTLS`.
    pub certificate: Option<String>,
    /// Where the socket has to lie; where temporary files go, if none.
    pub socket_dir: Option<PathBuf>,
}

impl HostEnvironment {
    /// The environment of this process. An empty variable is as good as none.
    pub fn of_process() -> Self {
        let text = |key| env::var(key).ok().filter(|value| !value.is_empty());
        Self {
            cookie: env::var_os(handshake::COOKIE_KEY),
            versions: text(handshake::PROTOCOL_VERSIONS),
            certificate: text(handshake::CLIENT_CERT),
            socket_dir: text(handshake::SOCKET_DIR).map(PathBuf::from),
        }
    }

    /// The version that both speak, else ours, which the host then refuses (P-006). We speak one.
    fn version(&self) -> u32 {
        let offered = self.versions.iter().flat_map(|versions| versions.split(','));
        let matching = offered.filter_map(|version| version.trim().parse().ok());
        matching.filter(|version| *version == handshake::APP_VERSION).max().unwrap_or(handshake::APP_VERSION)
    }
}

/// Why a plugin did not serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PluginError {
    /// It was started by hand (P-001).
    #[error(
        "This is a Counterfoil mock provider, a plugin of the workflow engine. It is not meant to be run by hand: \
         start it through a host, which sets {}={}, or see `counterfoil mock --help`.",
        handshake::COOKIE_KEY,
        handshake::COOKIE_VALUE
    )]
    NoHost,
    /// The host's certificate cannot be read.
    #[error("{key} holds no certificate in the form PEM: {0}", key = handshake::CLIENT_CERT)]
    HostCertificate(String),
    /// A certificate of our own cannot be made.
    #[error("no certificate can be made: {0}")]
    OwnCertificate(#[from] rcgen::Error),
    /// The parts do not make a secured server.
    #[error("no secured server can be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// No socket can be bound.
    #[error("no socket can be bound at {0}; {key} says where it goes", key = handshake::SOCKET_DIR)]
    Socket(io::Error),
    /// The handshake line cannot be written.
    #[error("the handshake line cannot be written: {0}")]
    Line(io::Error),
    /// The services of reflection refuse the contract.
    #[error("reflection cannot be served: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// A signal cannot be caught, or the server failed.
    #[error("the plugin stopped: {0}")]
    Stopped(#[from] io::Error),
}

/// Serves `provider` to the host that started this process, until the host shuts it down or SIGTERM comes.
///
/// The handshake line is the one thing that is written to standard output. Logs go to standard error. The socket is
/// gone when the future ends, with calls under way given a second to end.
///
/// Must be called within a Tokio runtime of its own: tasks of open connections end with the runtime.
///
/// # Errors
/// [`PluginError::NoHost`] without the cookie; else what stood in the way.
pub async fn serve(provider: &Provider, host: &HostEnvironment) -> Result<(), PluginError> {
    if host.cookie.as_deref() != Some(handshake::COOKIE_VALUE.as_ref()) {
        return Err(PluginError::NoHost);
    }
    let (field, tls) = match &host.certificate {
        None => (None, None),
        Some(pem) => {
            let pinned = CertificateDer::from_pem_slice(pem.as_bytes())
                .map_err(|error| PluginError::HostCertificate(error.to_string()))?;
            let identity = Identity::generate()?;
            (Some(identity.field()), Some(tls::server(&identity, pinned)?))
        }
    };
    // Signals are caught before there is anything to leave behind.
    let stop = CancellationToken::new();
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let (listener, socket) = socket::bind(host.socket_dir.as_deref()).map_err(PluginError::Socket)?;

    let (stdio, prints) = Stdio::new(stop.clone());
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_service_status(handshake::HEALTH_SERVICE, ServingStatus::Serving).await;
    let reflection =
        || tonic_reflection::server::Builder::configure().register_encoded_file_descriptor_set(DESCRIPTORS);
    let routes = provider
        .routes()
        .add_service(health_service)
        .add_service(GrpcControllerServer::new(Controller(stop.clone())))
        .add_service(GrpcStdioServer::new(stdio))
        .add_service(GrpcBrokerServer::new(Broker(stop.clone())))
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?);
    let name = provider.setup().name.clone();
    log::info(&name, &format!("provider {name} {} starts", provider.setup().version));
    prints.line(Channel::Stdout, &format!("{name} prints this after the handshake"));
    prints.line(Channel::Stderr, &format!("the cloud of {name} is in memory, and ends with this process"));
    let changes = MapRequestLayer::new(move |request: http::Request<tonic::body::Body>| {
        if let Some(change) = change(request.uri().path()) {
            log::info(&name, &format!("the cloud is asked to {change} a resource"));
            prints.line(Channel::Stdout, &format!("{change} a resource"));
        }
        request
    });
    let incoming = socket::connections(listener, tls);
    let serving = Server::builder()
        .layer(changes)
        .layer(BrokenLayer::new(provider.setup().mutant))
        .add_routes(routes)
        .serve_with_incoming_shutdown(incoming, stop.clone().cancelled_owned());

    let line =
        Line { app: host.version().to_string(), ..Line::grpc("unix", socket.0.to_string_lossy(), field) };
    let mut out = io::stdout();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(PluginError::Line)?;

    let mut serving = std::pin::pin!(serving);
    loop {
        tokio::select! {
            served = &mut serving => return served.map_err(|error| PluginError::Stopped(io::Error::other(error))),
            () = stop.cancelled() => break,
            _ = terminate.recv() => stop.cancel(),
            // A terminal sends it to the host's whole group: the host decides when its plugins end.
            _ = interrupt.recv() => {}
        }
    }
    match timeout(GRACE, serving).await {
        Ok(served) => served.map_err(|error| PluginError::Stopped(io::Error::other(error))),
        // Streams that a host leaves open end with the process.
        Err(_) => Ok(()),
    }
}

/// What a call changes, by its path.
fn change(path: &str) -> Option<&'static str> {
    match path.strip_prefix("/workflow.plugin.external.iac.ResourceDriver/")? {
        "Create" => Some("create"),
        "Update" => Some("update"),
        "Delete" => Some("delete"),
        "Scale" => Some("scale"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn without_the_cookie_a_plugin_says_what_it_is() {
        let provider = Provider::new(crate::Setup::default());
        let other = HostEnvironment { cookie: Some("other".into()), ..HostEnvironment::default() };
        for host in [HostEnvironment::default(), other] {
            let refused = serve(&provider, &host).await.unwrap_err();
            assert!(refused.to_string().starts_with("This is a Counterfoil mock provider"), "{refused}");
        }
    }

    #[test]
    fn the_version_is_ours_whatever_is_offered() {
        for offered in [None, Some("1"), Some("2,1,7"), Some("5"), Some("x,,")] {
            let host = HostEnvironment { versions: offered.map(str::to_owned), ..HostEnvironment::default() };
            assert_eq!(host.version(), 1, "{offered:?}");
        }
    }
}
