//! A plugin in front of another plugin: what the host says to the one, the other hears, and the other way round.
//!
//! ```text
//! host ~~ our socket ~~> connection -- stream by stream --> connection ~~ its socket ~~> plugin
//!   ^                                                                                      |
//!   +---- first line, stdout, stderr, exit code <------ supervisor <-----------------------+
//! ```
//!
//! Bodies and trailers are passed on without a look at the messages in them, of every service alike. Where a record is
//! wanted, messages are found as they go by (`tap`); where a fault could strike a call, or where it is answered here, that
//! call is held in whole (`struck`). Where the plugin does what no host takes, the host gets to see that, and says of it what it would have said.

mod connection;
mod faults;
mod install;
mod line;
mod record;
mod scenario;
mod stand_in;
mod stream;
mod struck;
mod tap;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::File,
    io::{self, Write as _},
    os::fd::AsFd,
    path::{self, Path, PathBuf},
    pin::pin,
    sync::Arc,
    thread,
    time::Duration,
};

use counterfoil_core::{scenario::Scenario, trace::ExitStatus};
use counterfoil_mock::plugin::{
    HostEnvironment,
    certificate::Identity,
    socket::{self, SocketFile},
    tls,
};
use counterfoil_proto::handshake::{CLIENT_CERT, Line, SOCKET_DIR};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use tokio::{
    net::unix::pipe::Receiver,
    signal::unix::{SignalKind, signal},
    sync::oneshot,
    task::JoinHandle,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use self::{
    connection::Way,
    faults::Faults,
    line::{FirstLine, MULTIPLEX},
    record::{Record, Told},
    stream::Between,
};
pub use self::{
    faults::check_faults,
    install::{Extras, InstallError, Installation, install},
    scenario::{NoScenario, scenario_of},
};
use crate::provider::{
    private_directory,
    process::{ROOM, Start, Supervised, reach},
};

/// How long what the plugin has printed, and what it has answered, may take to arrive behind its end.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How long it may take until nothing is left of the plugin behind its end.
const CLEARING: Duration = Duration::from_secs(10);

/// A plugin that is to be passed on.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// The plugin's program.
    pub program: PathBuf,
    /// The environment that the host gave: the plugin gets all of it.
    pub environment: BTreeMap<OsString, OsString>,
    /// What of it is meant for plugins.
    pub host: HostEnvironment,
    /// The program of which `supervise` is a command: our own.
    pub supervisor: PathBuf,
    /// Where the calls are recorded.
    pub record: Option<PathBuf>,
    /// The scenario whose faults stand in front of the plugin; [`check_faults`] has nothing against them.
    pub faults: Option<Arc<Scenario>>,
    /// Whether what could change something is answered in the plugin's place, and never reaches it.
    pub answers_mutations: bool,
    /// Whether secrets stay in the record, which is read by a test of Counterfoil itself.
    pub of_a_test: bool,
}

/// Why a plugin is not passed on. The host sees a plugin that ends before its handshake.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// The plugin does not start.
    #[error("the plugin behind the proxy does not start: {0}")]
    NotStarted(String),
    /// The host's certificate cannot be read.
    #[error("{CLIENT_CERT} holds no certificate in the form PEM: {0}")]
    HostCertificate(String),
    /// A certificate of our own cannot be made, or does not make a secured server.
    #[error("the connection cannot be secured: {0}")]
    Tls(String),
    /// There is no place for the sockets, or none can be bound.
    #[error("no socket can be bound for the proxy: {0}; {SOCKET_DIR} says where it goes")]
    Socket(io::Error),
    /// Standard output or standard error is closed.
    #[error("the proxy has no standard output or no standard error: {0}")]
    Streams(io::Error),
    /// A signal cannot be caught.
    #[error("the proxy cannot catch signals: {0}")]
    Signals(io::Error),
}

impl Proxy {
    /// Starts the plugin and passes it on until it ends; says how it did. None where nobody can know, as its supervisor was
    /// killed.
    ///
    /// The host has a connection to the plugin for each of its own. Standard output and standard error are the plugin's.
    /// SIGTERM is passed on. Nothing of the plugin is left when the future ends, nor where this process is killed.
    ///
    /// Must be called within a Tokio runtime of its own.
    ///
    /// # Errors
    /// See [`ProxyError`]; what the plugin does wrong is none.
    pub async fn serve(&self) -> Result<Option<ExitStatus>, ProxyError> {
        // Signals are caught before there is anything to leave behind.
        let mut terminate = signal(SignalKind::terminate()).map_err(ProxyError::Signals)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(ProxyError::Signals)?;
        let (out, err) = (stream(io::stdout())?, stream(io::stderr())?);
        let security = self.host.certificate.as_deref().map(Security::new).transpose()?;
        let directory = private_directory(ROOM).map_err(ProxyError::Socket)?;
        let sockets = self.host.socket_dir.clone().unwrap_or_else(|| directory.path().to_owned());
        let environment = self.environment(directory.path(), security.as_ref());
        let program = path::absolute(&self.program).unwrap_or_else(|_| self.program.clone());
        // Where a host starts it (E-202).
        let home = program.parent().unwrap_or(Path::new("/"));
        let start = Start {
            supervisor: &self.supervisor,
            program: &program,
            arguments: &[],
            working_directory: home,
            environment: &environment,
            stdin: None,
            directory,
        };
        let (plugin, pipes) = Supervised::start(start).await.map_err(ProxyError::NotStarted)?;
        let errors = copy(pipes.stderr, err);
        let (record, written) = self.record().unzip();
        let record = record.map(Arc::new);
        let faults = self.faults.as_deref();
        let faults = faults.map(|faults| Faults::new(faults, plugin.killer(), record.clone()));
        let between = Between {
            faults,
            record: record.clone(),
            answers_mutations: self.answers_mutations,
            ..Between::default()
        };
        let greeting = Greeting {
            sockets,
            security,
            between: Arc::new(between),
            multiplex: self.environment.contains_key(&OsString::from(MULTIPLEX)),
        };
        let mut greeting = pin!(greeting.pass_on(pipes.stdout, out));
        let mut passed_on = None;
        let ended = {
            let mut end = pin!(plugin.end());
            loop {
                tokio::select! {
                    ended = &mut end => break ended,
                    greeted = &mut greeting, if passed_on.is_none() => match greeted {
                        Ok(greeted) => passed_on = Some(greeted),
                        Err(error) => {
                            plugin.killer()();
                            plugin.gone(CLEARING).await;
                            return Err(error);
                        }
                    },
                    _ = terminate.recv() => plugin.terminate(),
                    // A terminal sends it to the host's whole group: the host decides when its plugins end.
                    _ = interrupt.recv() => {}
                }
            }
        };
        plugin.gone(CLEARING).await;
        let last_words = async {
            let passed_on = match passed_on {
                Some(passed_on) => Ok(passed_on),
                None => greeting.await,
            };
            if let Ok(passed_on) = passed_on {
                passed_on.over().await;
            }
            let _ = errors.await;
            if let Some((record, written)) = record.zip(written) {
                record.end();
                let _ = written.await;
            }
        };
        let _ = timeout(LAST_WORDS, last_words).await;
        Ok(ended)
    }

    /// Begins the record, where there is to be one.
    fn record(&self) -> Option<(Record, oneshot::Receiver<()>)> {
        let texts = self
            .environment
            .iter()
            .filter_map(|(name, value)| Some((name.to_str()?.to_owned(), value.to_str()?.to_owned())));
        let secrets = if self.of_a_test { Told::Secrets } else { Told::But(texts.collect()) };
        self.record.as_deref().map(|path| Record::begin(path, secrets))
    }

    /// The environment of the plugin: that of the host, but for what is between the host and ourselves.
    fn environment(&self, sockets: &Path, security: Option<&Security>) -> BTreeMap<OsString, OsString> {
        let mut environment = self.environment.clone();
        environment.insert(SOCKET_DIR.into(), sockets.into());
        // Several connections in one would hide from us what is in each.
        environment.remove(&OsString::from(MULTIPLEX));
        if let Some(security) = security {
            environment.insert(CLIENT_CERT.into(), security.ours.pem.clone().into());
        }
        environment
    }
}

/// `AutoMTLS` (P-007), which ends here, and begins here anew: each side is shown a certificate of ours.
struct Security {
    host: CertificateDer<'static>,
    ours: Identity,
}

impl Security {
    /// Of a host with this certificate.
    fn new(pem: &str) -> Result<Self, ProxyError> {
        let host = CertificateDer::from_pem_slice(pem.as_bytes())
            .map_err(|error| ProxyError::HostCertificate(error.to_string()))?;
        Ok(Self { host, ours: identity()? })
    }

    /// What serves the host as `identity`.
    fn acceptor(&self, identity: &Identity) -> Result<TlsAcceptor, ProxyError> {
        let server = tls::server(identity, self.host.clone());
        server.map(|server| Arc::new(server).into()).map_err(|error| ProxyError::Tls(error.to_string()))
    }
}

fn identity() -> Result<Identity, ProxyError> {
    Identity::generate().map_err(|error| ProxyError::Tls(error.to_string()))
}

/// The plugin's first line on its way to the host, and what is needed to put ours in its place.
struct Greeting {
    /// Where our socket goes.
    sockets: PathBuf,
    security: Option<Security>,
    between: Arc<Between>,
    /// Whether the host wants to have several connections in one.
    multiplex: bool,
}

impl Greeting {
    /// Passes standard output on to its end, with our address in the first line, at which we serve from then on. A line
    /// behind which no host goes on is passed on as it is.
    async fn pass_on(self, mut stdout: Receiver, mut out: File) -> Result<PassedOn, ProxyError> {
        let mut first = FirstLine::default();
        // A host that has closed its end does not want to know.
        let _ = first.read(&mut stdout, &mut out).await;
        let served = self.serve(&first)?;
        let rest = match &served {
            Some(served) => first.rest_as(&served.line),
            None => first.rest(),
        };
        let _ = out.write_all(&rest);
        Ok(PassedOn { stdout: copy(stdout, out), served })
    }

    /// Serves the host in the plugin's place, where it would go on behind this line.
    fn serve(&self, first: &FirstLine) -> Result<Option<Served>, ProxyError> {
        let Some(line) = first.parse() else { return Ok(None) };
        let ours = self.security.as_ref().map(|security| &security.ours);
        let Some(target) = reach(&line, ours) else { return Ok(None) };
        let (listener, socket) = socket::bind(Some(&self.sockets)).map_err(ProxyError::Socket)?;
        let mut way = Way { target, tls: None, other_tls: None, between: Arc::clone(&self.between) };
        if let Some(security) = &self.security {
            way.tls = Some(security.acceptor(&security.ours)?);
            way.other_tls = Some(security.acceptor(&identity()?)?);
        }
        let line = Line {
            network: "unix".to_owned(),
            address: socket.0.to_string_lossy().into_owned(),
            certificate: ours.map(Identity::field).or(line.certificate),
            multiplex: line.multiplex.map(|told| if self.multiplex { "false".to_owned() } else { told }),
            ..line
        };
        let over = CancellationToken::new();
        let accepting = tokio::spawn(connection::accept(listener, Arc::new(way), over.clone()));
        Ok(Some(Served { line, accepting, over, _socket: socket }))
    }
}

/// What becomes of a plugin's standard output, and its connections.
struct PassedOn {
    stdout: oneshot::Receiver<()>,
    served: Option<Served>,
}

/// The host is served in the plugin's place.
struct Served {
    /// The line that says so.
    line: Line,
    accepting: JoinHandle<()>,
    /// Fires when the plugin is no more.
    over: CancellationToken,
    _socket: SocketFile,
}

impl PassedOn {
    /// Waits until all of what a plugin has said that is no more has arrived.
    async fn over(self) {
        let _ = self.stdout.await;
        if let Some(served) = self.served {
            served.over.cancel();
            let _ = served.accepting.await;
        }
    }
}

/// Passes on what comes until it ends or is not taken any more. What is returned is resolved then.
///
/// That has a thread of its own: what standard output is, a host decides, and not everything can be waited for.
fn copy(from: Receiver, mut to: File) -> oneshot::Receiver<()> {
    let (done, over) = oneshot::channel();
    thread::spawn(move || {
        if let Ok(from) = from.into_blocking_fd() {
            // Where the host has closed its end, so do we: the plugin sees what it would have seen.
            let _ = io::copy(&mut File::from(from), &mut to);
        }
        let _ = done.send(());
    });
    over
}

/// One of our standard streams, with nothing kept back.
fn stream(of: impl AsFd) -> Result<File, ProxyError> {
    of.as_fd().try_clone_to_owned().map(File::from).map_err(ProxyError::Streams)
}
