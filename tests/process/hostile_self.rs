//! The hostile plugin does what its table says, as far as that can be seen without a host.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    os::unix::{fs::symlink, net::UnixStream, process::ExitStatusExt as _},
    path::Path,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    time::Duration,
};

use counterfoil_mock::broken::process::{CONTROLS, PROCESSES};
use counterfoil_proto::handshake::{
    CLIENT_CERT, COOKIE_KEY, COOKIE_VALUE, Line, SHORTEST_CERTIFICATE, SOCKET_DIR,
};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

const PLUGIN: &str = env!("CARGO_BIN_EXE_hostile-plugin");

/// A running hostile plugin, in a directory of its own. It and its children are killed when this goes.
struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    dir: TempDir,
}

impl Running {
    fn start(switch: &str) -> Self {
        Self::start_with(switch, &[])
    }

    fn start_with(switch: &str, environment: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut command = command(dir.path(), switch);
        command.env(COOKIE_KEY, COOKIE_VALUE).envs(environment.iter().copied()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdout, dir }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let id = self.child.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        let _ = self.child.kill();
        for child in children.split_whitespace() {
            let _ = kill_process(Pid::from_raw(child.parse().unwrap()).unwrap(), Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

/// The names under which it is started.
fn names() -> impl Iterator<Item = &'static str> {
    let served = PROCESSES.iter().filter(|mutant| mutant.program.is_none());
    served.chain(CONTROLS).map(|mutant| mutant.name)
}

fn command(dir: &Path, name: &str) -> Command {
    let program = dir.join(name);
    symlink(PLUGIN, &program).unwrap();
    let mut command = Command::new(program);
    command.env_clear().env(SOCKET_DIR, dir).stdin(Stdio::null()).stderr(Stdio::null());
    command
}

#[test]
fn an_unknown_name_lists_all_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let output = command(dir.path(), "no-such-switch").stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let listed = String::from_utf8(output.stderr).unwrap();
    let listed: Vec<&str> =
        listed.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(listed, names().collect::<Vec<_>>());
}

#[test]
fn only_one_switch_starts_without_the_cookie() {
    let dir = tempfile::tempdir().unwrap();
    let output = command(dir.path(), "good").stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    assert!(String::from_utf8(output.stderr).unwrap().contains("plugin"));

    let mut child = command(dir.path(), "no-cookie-check").stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.starts_with("1|1|unix|"), "{line:?}");
}

#[test]
fn the_first_line_is_as_announced() {
    let good: Line = Running::start("good").line().parse().unwrap();
    assert_eq!((good.core.as_str(), good.app.as_str(), good.network.as_str()), ("1", "1", "unix"));
    assert_eq!(good.protocol.as_deref(), Some("grpc"));
    assert_eq!(good.certificate.as_deref(), Some(""));

    let mut noisy = Running::start("noise-before-line");
    assert!(noisy.line().parse::<Line>().is_err());
    assert!(noisy.line().parse::<Line>().is_ok());

    let core: Line = Running::start("wrong-core").line().parse().unwrap();
    assert_eq!(core.core, "2");

    let unasked: Line = Running::start("cert-unasked").line().parse().unwrap();
    assert!(unasked.certificate.unwrap().len() > SHORTEST_CERTIFICATE);

    let mut early = Running::start("exit-before-line");
    assert_eq!(early.line(), "");
    assert_eq!(early.child.wait().unwrap().code(), Some(3));

    let mut huge = Running::start("huge-line");
    let mut beginning = vec![0; 1 << 19];
    huge.stdout.read_exact(&mut beginning).unwrap();
    assert!(!beginning.contains(&b'\n'));
}

#[test]
fn every_switch_starts() {
    for name in names() {
        let mut running = Running::start_with(name, &[("HOSTILE_FLOOD_BYTES", "100000")]);
        // These say nothing, or say it without an end.
        if ["no-line", "half-line", "huge-line", "binary-line"].contains(&name) {
            assert!(running.child.try_wait().unwrap().is_none(), "{name} ended");
            continue;
        }
        let line = running.line();
        let silent = name == "exit-before-line";
        assert_eq!(line.is_empty(), silent, "{name}: {line:?}");
    }
}

#[test]
fn certificates_are_printed_where_they_are_asked_for() {
    let printed = |switch| {
        let line = Running::start_with(switch, &[(CLIENT_CERT, "a certificate")]).line();
        line.parse::<Line>().unwrap().certificate.unwrap().len() > SHORTEST_CERTIFICATE
    };
    for mutant in PROCESSES.iter().filter(|mutant| mutant.mtls) {
        assert_eq!(printed(mutant.name), mutant.name != "cert-absent", "{}", mutant.name);
    }
    assert!(printed("good"));
}

/// How long a plugin may take for anything.
const DEADLINE: Duration = Duration::from_secs(30);

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// A peer that writes and reads frames of HTTP/2, with one call on stream 1.
struct Peer(UnixStream);

impl Peer {
    /// Starts a switch and sends it the call.
    fn call(running: &mut Running, path: &str) -> Self {
        let line: Line = running.line().parse().unwrap();
        let stream = UnixStream::connect(line.address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut peer = Self(stream);
        peer.0.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
        peer.send(4, 0, 0, &[]);
        let text = |text: &str| [&[u8::try_from(text.len()).unwrap()][..], text.as_bytes()].concat();
        let field = |name: &str, value: &str| [&[0][..], &text(name), &text(value)].concat();
        // POST and http of the static table, then a literal path under its name there.
        let head = [
            &[0x83, 0x86, 0x04][..],
            &text(path),
            &field("content-type", "application/grpc"),
            &field("te", "trailers"),
        ];
        peer.send(HEADERS, END_HEADERS, 1, &head.concat());
        peer.send(DATA, END_STREAM, 1, &[0; 5]);
        peer
    }

    fn send(&mut self, kind: u8, flags: u8, stream: u8, payload: &[u8]) {
        let length = u8::try_from(payload.len()).unwrap();
        let frame = [&[0, 0, length, kind, flags, 0, 0, 0, stream][..], payload].concat();
        self.0.write_all(&frame).unwrap();
    }

    /// The next frame of the call, or that ends the connection: kind, flags, payload. None where the connection ended.
    fn frame(&mut self) -> Option<(u8, u8, Vec<u8>)> {
        loop {
            let mut head = [0; 9];
            self.0.read_exact(&mut head).ok()?;
            let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
            self.0.read_exact(&mut payload).ok()?;
            if head[8] == 1 && head[3] != 8 || head[3] == GOAWAY {
                return Some((head[3], head[4], payload));
            }
        }
    }

    /// The kinds of the frames up to the one that ends the call, at most eight, and whether that one has `END_STREAM`.
    fn kinds(&mut self) -> (Vec<u8>, bool) {
        let mut kinds = Vec::new();
        while let Some((kind, flags, _)) = self.frame() {
            kinds.push(kind);
            let ends = matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0;
            if ends || matches!(kind, RST_STREAM | GOAWAY) || kinds.len() == 8 {
                return (kinds, ends);
            }
        }
        (kinds, false)
    }
}

const CAPABILITIES: &str = "/workflow.plugin.external.iac.IaCProviderRequired/Capabilities";
const SHUTDOWN: &str = "/plugin.GRPCController/Shutdown";

#[test]
fn calls_are_answered_as_announced() {
    let kinds = |switch| Peer::call(&mut Running::start(switch), CAPABILITIES).kinds();
    assert_eq!(kinds("good"), (vec![HEADERS, DATA, HEADERS], true));
    assert_eq!(kinds("wrong-content-type"), (vec![HEADERS, DATA, HEADERS], true));
    assert_eq!(kinds("http-status-500"), (vec![HEADERS, DATA, HEADERS], true));
    assert_eq!(kinds("capabilities-error"), (vec![HEADERS], true));
    let (cut, ends) = kinds("no-trailers");
    assert_eq!((cut[0], cut.contains(&DATA), cut.last(), ends), (HEADERS, true, Some(&DATA), true));
    assert_eq!(kinds("reset-each-call").0.last(), Some(&RST_STREAM));
    assert_eq!(kinds("goaway-in-call"), (vec![GOAWAY], false));
    assert_eq!(kinds("goaway-at-once"), (vec![GOAWAY], false));
    assert_eq!(kinds("connection-closed-in-call"), (vec![], false));
    assert_eq!(kinds("endless-stream").0, [HEADERS, DATA, DATA, DATA, DATA, DATA, DATA, DATA]);

    let mut running = Running::start("huge-reply");
    let mut peer = Peer::call(&mut running, CAPABILITIES);
    assert_eq!(peer.frame().unwrap().0, HEADERS);
    assert_eq!(peer.frame().unwrap().2[..5], [0, 0x40, 0, 0, 0]);
}

#[test]
fn what_is_declared_is_as_announced() {
    const REGISTRY: &str = "/workflow.plugin.v1.PluginService/GetContractRegistry";
    let says = |switch, path, word: &str| {
        let mut running = Running::start(switch);
        let mut peer = Peer::call(&mut running, path);
        let mut reply = Vec::new();
        loop {
            let (kind, flags, payload) = peer.frame().unwrap();
            if kind == DATA {
                reply.extend(payload);
            }
            if flags & END_STREAM != 0 {
                return reply.windows(word.len()).any(|window| window == word.as_bytes());
            }
        }
    };
    for (switch, path, word, expected) in [
        ("good", CAPABILITIES, "v2", true),
        ("gate-v1", CAPABILITIES, "v1", true),
        ("gate-typo", CAPABILITIES, "V2", true),
        ("good", REGISTRY, "ResourceDriver", true),
        ("good", REGISTRY, "IaCProviderEnumerator", false),
        ("registry-empty", REGISTRY, "IaCProvider", false),
        ("registry-lies", REGISTRY, "IaCProviderEnumerator", true),
        ("served-not-registered", REGISTRY, "IaCProviderRequired", true),
        ("served-not-registered", REGISTRY, "ResourceDriver", false),
    ] {
        assert_eq!(says(switch, path, word), expected, "{switch}: {word}");
    }
}

#[test]
fn the_proxy_is_asked_for_a_way_home() {
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let mut running = Running::start_with("calls-home", &[("HTTPS_PROXY", &address)]);
    let mut peer = Peer::call(&mut running, "/workflow.plugin.external.iac.IaCProviderRequired/Initialize");
    let (stream, _) = proxy.accept().unwrap();
    let mut asked = String::new();
    BufReader::new(stream).read_line(&mut asked).unwrap();
    assert_eq!(asked, "CONNECT api.example.com:443 HTTP/1.1\r\n");
    assert_eq!(peer.kinds(), (vec![HEADERS, DATA, HEADERS], true));
}

#[test]
fn a_cancelled_call_is_answered_afterwards() {
    let mut running = Running::start("reply-after-cancel");
    let mut peer = Peer::call(&mut running, CAPABILITIES);
    peer.send(RST_STREAM, 0, 1, &[0, 0, 0, 8]);
    assert_eq!(peer.kinds(), (vec![HEADERS, DATA, HEADERS], true));
}

#[test]
fn a_call_ends_the_process_as_announced() {
    let ended = |switch| {
        let mut running = Running::start(switch);
        assert_eq!(Peer::call(&mut running, CAPABILITIES).kinds(), (vec![], false), "{switch}");
        let status: ExitStatus = running.child.wait().unwrap();
        (status.code(), status.signal())
    };
    assert_eq!(ended("exit-in-call"), (Some(3), None));
    assert_eq!(ended("panic-in-call"), (Some(2), None));
    assert_eq!(ended("segfault-in-call"), (None, Some(11)));
}

#[test]
fn shutdown_ends_what_is_not_told_to_stay() {
    for (switch, sockets) in [("good", 0), ("leaves-socket", 1), ("storm", 0)] {
        let mut running = Running::start(switch);
        Peer::call(&mut running, SHUTDOWN).kinds();
        assert!(running.child.wait().unwrap().success(), "{switch}");
        let left = running.dir.path().read_dir().unwrap();
        // The link to the program is there too.
        assert_eq!(left.count(), 1 + sockets, "{switch}");
    }
    for (switch, frames) in
        [("ignore-sigterm", vec![HEADERS, DATA, HEADERS]), ("no-controller", vec![HEADERS])]
    {
        let mut running = Running::start(switch);
        assert_eq!(Peer::call(&mut running, SHUTDOWN).kinds(), (frames, true), "{switch}");
        assert!(running.child.try_wait().unwrap().is_none(), "{switch} ended");
    }
}
