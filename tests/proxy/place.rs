//! A proxy in front of a plugin that is half a shell script, which prints the line, and half the test, which serves.

use std::{
    fs,
    future::Future,
    io::{BufRead as _, BufReader, Read as _},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use bytes::Bytes;
use counterfoil_proto::handshake::{COOKIE_KEY, COOKIE_VALUE, Line, SOCKET_DIR};
use h2::{client, server};
use tempfile::TempDir;
use tokio::net::{UnixListener, UnixStream};

use crate::leftovers::running_below;

pub(crate) const COUNTERFOIL: &str = env!("CARGO_BIN_EXE_counterfoil");
/// What every test waits for at most.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// Runs a test that is over in time.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(SOON, future).await.expect("it ends in time") })
}

/// Waits until something is so.
pub(crate) async fn wait_until(is_so: impl Fn() -> bool, what: &str) {
    let until = Instant::now() + SOON;
    while !is_so() {
        assert!(Instant::now() < until, "{what} did not come about");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A place for a plugin, its proxy and their sockets.
pub(crate) struct Place {
    pub directory: TempDir,
    pub listener: UnixListener,
}

impl Place {
    /// With the test's end of the plugin. Must be called within a runtime.
    pub(crate) fn new() -> Self {
        let directory = TempDir::new().unwrap();
        for name in ["tmp", "host"] {
            fs::create_dir(directory.path().join(name)).unwrap();
        }
        let made = Command::new("mkfifo").arg(directory.path().join("stop")).status().unwrap();
        assert!(made.success());
        let listener = UnixListener::bind(directory.path().join("s")).unwrap();
        Self { directory, listener }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Starts the proxy of a plugin that does what `body` says behind its handshake line.
    pub(crate) fn start(&self, body: &str) -> Proxied {
        self.start_script(&format!("{}\n{body}", self.says()))
    }

    /// The command by which a script prints its line.
    pub(crate) fn says(&self) -> String {
        format!("echo '{}'", Line::grpc("unix", self.path("s").display().to_string(), None))
    }

    /// Starts the proxy of a plugin that is this script.
    pub(crate) fn start_script(&self, script: &str) -> Proxied {
        let program = self.path("plugin");
        fs::write(&program, format!("#!/bin/sh\ncd '{}'\n{script}\n", self.directory.path().display()))
            .unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let mut child = Command::new(COUNTERFOIL)
            .args(["proxy", "serve"])
            .arg(program)
            .env(COOKIE_KEY, COOKIE_VALUE)
            .env(SOCKET_DIR, self.path("host"))
            .env("TMPDIR", self.path("tmp"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Proxied { child, stdout }
    }

    /// A connection of a host through the proxy of a plugin that stays, and the plugin's end of it.
    pub(crate) async fn connect(&self) -> Ends {
        let mut proxied = self.start("read -r _ <stop");
        let line = proxied.line();
        let host = UnixStream::connect(line.address).await.unwrap();
        let plugin = async {
            let (stream, _) = self.listener.accept().await.unwrap();
            // Small pieces are what the test is about, and no flood.
            server::Builder::new().data_frame_budget(usize::MAX).handshake(stream).await.unwrap()
        };
        let mut client = client::Builder::new();
        let client = client.data_frame_budget(usize::MAX).handshake(host);
        let (host, plugin) = tokio::join!(client, plugin);
        let (host, connection) = host.unwrap();
        Ends { host, connection: tokio::spawn(connection), plugin, proxied }
    }

    /// The processes and files that are there still.
    pub(crate) fn left(&self) -> Vec<String> {
        let mut left = running_below(self.directory.path());
        for name in ["tmp", "host"] {
            let entries = fs::read_dir(self.path(name)).unwrap();
            left.extend(entries.map(|entry| entry.unwrap().path().display().to_string()));
        }
        left
    }
}

/// Both ends of a connection through the proxy.
pub(crate) struct Ends {
    pub host: client::SendRequest<Bytes>,
    pub connection: tokio::task::JoinHandle<Result<(), h2::Error>>,
    pub plugin: server::Connection<UnixStream, Bytes>,
    pub proxied: Proxied,
}

/// A running proxy. It is killed when this goes, and with it its plugin.
pub(crate) struct Proxied {
    pub child: Child,
    pub stdout: BufReader<ChildStdout>,
}

impl Proxied {
    pub(crate) fn line(&mut self) -> Line {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.parse().unwrap()
    }

    /// How it ended, and what it printed behind what has been read of that.
    pub(crate) fn end(mut self) -> (std::process::ExitStatus, String, String) {
        let (mut out, mut err) = (String::new(), String::new());
        self.stdout.read_to_string(&mut out).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        (self.child.wait().unwrap(), out, err)
    }
}

impl Drop for Proxied {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
