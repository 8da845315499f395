//! Whichever way a plugin, Counterfoil or the supervisor between them ends: nothing is left.
//!
//! The plugins are shell scripts. What a script cannot do, serving gRPC, the test does for it, at the address that the
//! script tells.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::{
        fd::OwnedFd,
        unix::{fs::PermissionsExt as _, net::UnixStream},
    },
    path::{Path, PathBuf},
    process::{self, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use counterfoil::provider::{
    FaultyTransport,
    process::{LaunchOptions, NotLaunched, Plugin, settle},
};
use counterfoil_core::{
    rpc::{Call, Method, Transport as _},
    trace::{Event, ExitStatus, LineEnd, Phase, ProcessEvent, Recorder, ShutdownAnswer},
};
use counterfoil_mock::{Provider, Setup, serve_unix};
use tempfile::TempDir;
use tokio_util::sync::{CancellationToken, DropGuard};

const SUPERVISOR: &str = env!("CARGO_BIN_EXE_counterfoil");
/// What every test waits for at most.
const SOON: Duration = Duration::from_secs(30);

/// Grandchildren that ignore SIGTERM, hold the pipes, and leave the process group: one by `setsid`, one orphaned.
const GRANDCHILDREN: &str = "
    (trap '' TERM HUP INT; setsid sh -c 'trap \"\" TERM; sleep 1000; :') &
    (trap '' TERM HUP INT; (sleep 1000; :) & :)
";

/// A place for a plugin. Tests that count processes and descriptors take turns.
struct Place {
    directory: TempDir,
    descriptors: usize,
    _turn: MutexGuard<'static, ()>,
}

impl Place {
    fn new() -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        // The first runtime of a process opens descriptors for signals, which stay.
        run(async {});
        let directory = tempfile::tempdir().unwrap();
        let made = Command::new("mkfifo").arg(directory.path().join("ready")).status().unwrap();
        assert!(made.success());
        Self { directory, descriptors: descriptors(), _turn: turn }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a plugin that tells its private directory, and then does what `body` says.
    fn script(&self, body: &str) -> PathBuf {
        let program = self.path("plugin");
        let tell = "echo \"$PLUGIN_UNIX_SOCKET_DIR\" >\"$PLACE/told\"";
        fs::write(&program, format!("#!/bin/sh\n{tell}\n{body}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        program
    }

    fn options(&self, body: &str) -> LaunchOptions {
        let mut options = LaunchOptions::supervised_by(SUPERVISOR, self.script(body));
        options.environment.insert("PATH".into(), std::env::var_os("PATH").unwrap());
        options.environment.insert("PLACE".into(), self.directory.path().into());
        options
    }

    /// Waits until the script writes into `ready`.
    async fn ready(&self) {
        let path = self.path("ready");
        let read = tokio::task::spawn_blocking(move || fs::read(path));
        tokio::time::timeout(SOON, read).await.expect("the script is ready").unwrap().unwrap();
    }

    /// Serves a mock where the script says that it listens.
    fn serve(&self) -> DropGuard {
        let stop = CancellationToken::new();
        let provider = Provider::new(Setup::default());
        tokio::spawn(serve_unix(&self.path("s"), &provider, stop.clone()).unwrap());
        stop.drop_guard()
    }

    /// The processes that were started here and still are.
    fn left(&self) -> Vec<String> {
        let mark = format!("PLACE={}", self.directory.path().display());
        let carries =
            |environment: &[u8]| environment.split(|&byte| byte == 0).any(|one| one == mark.as_bytes());
        let mine = process::id().to_string();
        processes()
            .filter(|(directory, stat)| {
                let environment = fs::read(directory.join("environ")).unwrap_or_default();
                let zombie = stat.first().is_some_and(|state| state == "Z");
                carries(&environment) || (zombie && stat.get(1) == Some(&mine))
            })
            .map(|(directory, stat)| format!("{} {stat:?}", directory.display()))
            .collect()
    }

    fn assert_nothing_left(&self) {
        assert!(settle(SOON), "supervisors are left");
        assert_eq!(self.left(), Vec::<String>::new());
        let private = fs::read_to_string(self.path("told")).unwrap();
        assert!(!Path::new(private.trim()).exists(), "{private} is left");
        assert_eq!(descriptors(), self.descriptors);
    }
}

/// The directory of each process, and its state, parent, and so on.
fn processes() -> impl Iterator<Item = (PathBuf, Vec<String>)> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries.filter(|entry| entry.file_name().to_string_lossy().parse::<u32>().is_ok()).filter_map(|entry| {
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        let fields = stat.rsplit_once(") ")?.1.split(' ').take(3).map(ToOwned::to_owned).collect();
        Some((entry.path(), fields))
    })
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// The supervisors that are ours.
fn supervisors() -> Vec<i32> {
    let mine = process::id().to_string();
    processes()
        .filter(|(_, stat)| stat.get(1) == Some(&mine))
        .filter_map(|(directory, _)| directory.file_name()?.to_string_lossy().parse().ok())
        .collect()
}

fn kill(pid: i32, signal: rustix::process::Signal) {
    rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), signal).unwrap();
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(SOON, future).await.expect("it ends in time") })
}

fn events(log: &Recorder) -> Vec<ProcessEvent> {
    log.take()
        .into_iter()
        .filter_map(|event| if let Event::Process(event) = event { Some(event) } else { None })
        .collect()
}

async fn capabilities(plugin: &Plugin, log: &Recorder) -> Result<Bytes, counterfoil_core::rpc::RpcError> {
    let transport = FaultyTransport::new(plugin.connection(), [], &[], log.clone());
    let method = Method::Capabilities;
    let (resource, request) = (String::new(), Bytes::new());
    transport.call(Call { id: 0, action: None, method, resource, request, detached: false }).await
}

const LINE: &str = "echo \"1|1|unix|$PLACE/s|grpc||true\"";

#[test]
fn nothing_is_left_after_success() {
    let (place, log) = (Place::new(), Recorder::default());
    run(async {
        let _server = place.serve();
        let options = place.options(&format!("{GRANDCHILDREN}\n{LINE}\nread nothing\nexec sleep 1000"));
        let plugin = Plugin::launch(options, log.clone()).await.unwrap();
        capabilities(&plugin, &log).await.unwrap();
        plugin.stop().await;
    });
    place.assert_nothing_left();
    let events = events(&log);
    let [
        ProcessEvent::Launched { mtls: false },
        ProcessEvent::FirstLine { end: LineEnd::Newline, utf8: true, .. },
        ProcessEvent::Handshake(line),
        ProcessEvent::Connected,
        ProcessEvent::ShutdownAsked { answer: ShutdownAnswer::Unimplemented },
        ProcessEvent::Stopped { status: Some(ExitStatus::Signal(15)), ignored_sigterm: false, .. },
        ProcessEvent::LeftBehind { processes, sockets: 0, holds_output: true, .. },
        rest @ ..,
    ] = &events[..]
    else {
        panic!("{events:#?}")
    };
    assert_eq!(line.fields, 7);
    assert!(*processes >= 2, "{events:#?}");
    assert!(matches!(rest.last(), Some(ProcessEvent::Output { stdout: 0, stderr: 0, .. })), "{events:#?}");
}

#[test]
fn nothing_is_left_after_a_handshake_that_failed() {
    let place = Place::new();
    for (body, message, last) in [
        ("echo 'starting up'; sleep 1000", "its first line on stdout is \"starting up\"", None),
        ("echo oh >&2; exit 3", "it ended by itself: exit code 3", Some(Phase::Start)),
        ("printf '1|1|un'; kill -9 $$", "it ended by itself: signal 9", Some(Phase::Handshake)),
        ("echo '1|1|unix|/nowhere/s|grpc|'; exit 0", "it ended by itself: exit code 0", Some(Phase::Connect)),
        ("echo '1|1|unix|/nowhere/s|grpc|'; sleep 1000", "nothing is at /nowhere/s", None),
        ("echo '1|1|unix|/s|netrpc'; sleep 1000", "it speaks \"netrpc\", expected grpc", None),
        ("echo '1|1|tcp|192.0.2.7:80|grpc'; sleep 1000", "is not one of this machine", None),
    ] {
        let log = Recorder::default();
        let failed = run(async {
            let options = place.options(&format!("{GRANDCHILDREN}\n{body}"));
            Plugin::launch(options, log.clone()).await.err().expect("it fails")
        });
        place.assert_nothing_left();
        let NotLaunched { message: told, stderr } = failed;
        assert!(told.contains(message), "{body}: {told}");
        assert_eq!(stderr, if body.contains(">&2") { "oh\n" } else { "" });
        let events = events(&log);
        let phase = events.iter().find_map(|event| match event {
            ProcessEvent::Exited { during, .. } => Some(*during),
            _ => None,
        });
        assert_eq!(phase, last, "{body}: {events:#?}");
        assert!(matches!(events.last(), Some(ProcessEvent::Output { .. })), "{body}: {events:#?}");
    }
}

#[test]
fn nothing_is_left_when_the_launch_is_given_up() {
    let place = Place::new();
    run(async {
        let body = format!("{GRANDCHILDREN}\necho >\"$PLACE/ready\"\nexec sleep 1000");
        tokio::select! {
            _ = Plugin::launch(place.options(&body), Recorder::default()) => panic!("there is no handshake"),
            () = place.ready() => {}
        }
    });
    place.assert_nothing_left();
}

#[test]
fn nothing_is_left_when_the_plugin_is_dropped() {
    let place = Place::new();
    run(async {
        let _server = place.serve();
        let body = format!("{GRANDCHILDREN}\n{LINE}\nexec sleep 1000");
        drop(Plugin::launch(place.options(&body), Recorder::default()).await.unwrap());
    });
    place.assert_nothing_left();
}

#[test]
fn nothing_is_left_when_the_supervisor_is_killed() {
    for signal in [rustix::process::Signal::KILL, rustix::process::Signal::TERM, rustix::process::Signal::HUP]
    {
        let (place, log) = (Place::new(), Recorder::default());
        run(async {
            let _server = place.serve();
            let options =
                place.options(&format!("{GRANDCHILDREN}\n{LINE}\necho >\"$PLACE/ready\"\nexec sleep 1000"));
            let plugin = Plugin::launch(options, log.clone()).await.unwrap();
            place.ready().await;
            let [supervisor] = supervisors()[..] else { panic!("one supervisor: {:?}", supervisors()) };
            kill(supervisor, signal);
            plugin.stop().await;
        });
        place.assert_nothing_left();
    }
}

/// Starts a supervisor as Counterfoil does, without being Counterfoil.
fn supervisor(place: &Place, body: &str) -> (process::Child, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let private = place.path("private");
    fs::create_dir(&private).unwrap();
    let child = Command::new(SUPERVISOR)
        .arg("supervise")
        .arg(&private)
        .arg(place.script(body))
        .env("PLACE", place.directory.path())
        .env("PLUGIN_UNIX_SOCKET_DIR", &private)
        .stdin(OwnedFd::from(theirs))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    (child, ours)
}

#[test]
fn nothing_is_left_when_counterfoil_is_killed() {
    let place = Place::new();
    let (mut child, channel) =
        supervisor(&place, &format!("{GRANDCHILDREN}\necho >\"$PLACE/ready\"\nexec sleep 1000"));
    run(place.ready());
    // The end of the channel is all that the supervisor sees of a Counterfoil that is killed.
    drop(channel);
    assert!(child.wait().unwrap().success());
    place.assert_nothing_left();
}

#[test]
fn a_supervisor_tells_what_became_of_the_plugin() {
    let place = Place::new();
    let (mut child, channel) = supervisor(&place, "exit 7");
    let reports: Vec<String> = BufReader::new(&channel).lines().map(Result::unwrap).collect();
    assert!(child.wait().unwrap().success());
    assert!(reports[0].starts_with("{\"started\""), "{reports:?}");
    assert_eq!(reports[1], "{\"exited\":{\"code\":7}}");
    assert!(reports[2].starts_with("{\"gone\":{\"processes\":0,"), "{reports:?}");
    drop(channel);
    place.assert_nothing_left();
}

#[test]
fn a_storm_of_children_is_counted_and_ended() {
    let (place, log) = (Place::new(), Recorder::default());
    run(async {
        let _server = place.serve();
        let storm = "i=0; while [ $i -lt 200 ]; do sleep 1000 & i=$((i+1)); done";
        let options = place.options(&format!("{storm}\n{LINE}\nexec sleep 1000"));
        let plugin = Plugin::launch(options, log.clone()).await.unwrap();
        plugin.stop().await;
    });
    place.assert_nothing_left();
    let events = events(&log);
    let crowd = events.iter().find_map(|event| match event {
        ProcessEvent::Crowd { processes } => Some(*processes),
        _ => None,
    });
    assert_eq!(crowd, Some(200), "{events:#?}");
}

#[test]
fn a_plugin_that_ends_by_itself_is_told_of_once_in_its_phase() {
    let (place, log) = (Place::new(), Recorder::default());
    run(async {
        let _server = place.serve();
        let options =
            place.options(&format!("{LINE}\necho 'panic: oh' >&2\nread x <\"$PLACE/ready\"\nexit 2"));
        let plugin = Plugin::launch(options, log.clone()).await.unwrap();
        let ready = place.path("ready");
        tokio::task::spawn_blocking(move || fs::write(ready, "\n")).await.unwrap().unwrap();
        while plugin.exited().is_none() {
            tokio::task::yield_now().await;
        }
        plugin.stop().await;
    });
    place.assert_nothing_left();
    let events = events(&log);
    let exits: Vec<&ProcessEvent> =
        events.iter().filter(|event| matches!(event, ProcessEvent::Exited { .. })).collect();
    assert_eq!(exits, [&ProcessEvent::Exited { during: Phase::Idle, status: ExitStatus::Code(2) }]);
    assert!(events.contains(&ProcessEvent::CrashReport { text: "panic: oh\n".to_owned() }), "{events:#?}");
}

#[test]
fn a_plugin_without_the_cookie_is_run_to_its_end() {
    let (place, log) = (Place::new(), Recorder::default());
    run(async {
        let body = "if [ -z \"$WORKFLOW_PLUGIN\" ]; then echo 'This is a plugin.' >&2; exit 1; fi";
        Plugin::without_cookie(&place.options(body), SOON, log.clone()).await.unwrap();
    });
    place.assert_nothing_left();
    let stderr = "This is a plugin.\n".to_owned();
    let status = Some(ExitStatus::Code(1));
    assert_eq!(events(&log), [ProcessEvent::WithoutCookie { status, stderr, stdout: false }]);
}
