//! What it costs to have a proxy in front of a plugin: our mock through it, and without.
//!
//! The client is tonic on Tokio, with several threads, over a Unix socket. Proxy and plugin are processes of their own.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use bytes::Bytes;
use counterfoil::provider::{Connection, connect};
use counterfoil_mock::{RawClient, UnaryCall};
use counterfoil_proto::handshake::{COOKIE_KEY, COOKIE_VALUE, Line, SOCKET_DIR};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

use crate::runner::{Figures, median, timed};

const COUNTERFOIL: &str = env!("CARGO_BIN_EXE_counterfoil");

/// How many calls one after the other make a median.
const CALLS: usize = 500;
/// How many are in flight at once, and how many each of those makes.
const AT_ONCE: usize = 32;
const EACH: usize = 50;

/// The median of a unary call.
pub(crate) fn unary(figures: &mut Figures) {
    let name = "proxy-unary";
    if !figures.wants(name) {
        return;
    }
    let pair = Pair::start();
    figures.pairs(name, 2.2, || pair.median(&pair.proxied), || pair.median(&pair.direct));
}

/// How long it takes to make calls of which many are in flight: twice as long is half the throughput.
pub(crate) fn in_flight(figures: &mut Figures) {
    let name = "proxy-32-in-flight";
    if !figures.wants(name) {
        return;
    }
    let pair = Pair::start();
    figures.pairs(name, 2.0, || pair.flight(&pair.proxied), || pair.flight(&pair.direct));
}

/// The same plugin twice, once through a proxy.
struct Pair {
    runtime: Runtime,
    proxied: Connection,
    direct: Connection,
    _plugins: [Plugin; 2],
    _place: TempDir,
}

impl Pair {
    fn start() -> Self {
        let place = TempDir::new().expect("there is room");
        let at = |name: &str| place.path().join(name);
        install(&["mock", "install", "--profile", "reference", "--into"], &[&at("real")]);
        install(&["proxy", "install", "--in-front-of"], &[&at("real"), "--into".as_ref(), &at("front")]);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("it can be had");
        let (proxied, direct) = (Plugin::start(&at("front/mock/mock")), Plugin::start(&at("real/mock/mock")));
        let connect = |plugin: &Plugin| {
            let connected = runtime.block_on(connect(plugin.socket.clone()));
            connected.expect("the plugin listens")
        };
        let (through, without) = (connect(&proxied), connect(&direct));
        Self { proxied: through, direct: without, _plugins: [proxied, direct], runtime, _place: place }
    }

    fn median(&self, connection: &Connection) -> Duration {
        let calls = async {
            let mut times = Vec::with_capacity(CALLS);
            for _ in 0..CALLS {
                let begun = Instant::now();
                call(connection.clone()).await;
                times.push(begun.elapsed());
            }
            times
        };
        median(self.runtime.block_on(calls))
    }

    fn flight(&self, connection: &Connection) -> Duration {
        let flights = async {
            let flight = |connection: Connection| async move {
                for _ in 0..EACH {
                    call(connection.clone()).await;
                }
            };
            let flights: Vec<_> = (0..AT_ONCE).map(|_| tokio::spawn(flight(connection.clone()))).collect();
            for flight in flights {
                flight.await.expect("it ends");
            }
        };
        timed(|| self.runtime.block_on(flights))
    }
}

async fn call(connection: Connection) {
    let call = UnaryCall {
        id: 0,
        method: "/workflow.plugin.external.iac.IaCProviderRequired/Capabilities",
        resource: String::new(),
        message: Bytes::new(),
    };
    RawClient::new(connection).oneshot(call).await.expect("the mock answers");
}

fn install(command: &[&str], paths: &[&Path]) {
    let installed = Command::new(COUNTERFOIL).args(command).args(paths).output().expect("it can be started");
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
}

/// A plugin that runs until this goes.
struct Plugin {
    child: Child,
    socket: PathBuf,
    _sockets: TempDir,
}

impl Plugin {
    fn start(program: &Path) -> Self {
        let sockets = TempDir::new().expect("there is room");
        let mut child = Command::new(program)
            .env(COOKIE_KEY, COOKIE_VALUE)
            .env(SOCKET_DIR, sockets.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it can be started");
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        stdout.read_line(&mut line).expect("it prints a line");
        let line: Line = line.parse().expect("it is a handshake");
        Self { child, socket: line.address.into(), _sockets: sockets }
    }
}

impl Drop for Plugin {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
