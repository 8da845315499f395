//! A plugin process below its supervisor, as Counterfoil sees it.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io,
    os::{
        fd::OwnedFd,
        unix::{ffi::OsStrExt as _, net::UnixStream as StdUnixStream, process::CommandExt as _},
    },
    path::{Path, PathBuf},
    process::{self, Command, Stdio},
    sync::{Arc, Condvar, Mutex, Once, PoisonError},
    thread,
    time::{Duration, Instant},
};

use counterfoil_core::trace::ExitStatus;
use rustix::process::{WaitOptions, waitpid};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf, pipe::Receiver},
    },
    sync::watch,
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    descendants,
    supervisor::{KILL, Report, Rest, TERMINATE},
};
use crate::provider::remove_private_directory;

/// The variable that marks every process of a launch; its value is the private directory.
pub(super) const MARK: &str = "COUNTERFOIL_RUN";
/// How long the killing of what a supervisor left may take.
const KILLING: Duration = Duration::from_secs(5);

/// How far a plugin process has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    /// Whether it was started, or what the system says.
    pub started: Option<Result<u32, (Option<i32>, String)>>,
    /// How it ended.
    pub exited: Option<ExitStatus>,
    /// What it left behind.
    pub rest: Option<Rest>,
    /// Its supervisor is gone, and so is everything else.
    cleared: bool,
    /// All that the supervisor had to say has been read, which may be later.
    told: bool,
}

impl State {
    /// Whether nothing is left, and nothing more will be known.
    pub(super) fn is_gone(&self) -> bool {
        self.cleared && self.told
    }
}

/// A plugin process. When this is dropped, the supervisor kills it, and all that it started.
#[derive(Debug)]
pub(super) struct Child {
    commands: Arc<OwnedWriteHalf>,
    state: watch::Receiver<State>,
    _reports: AbortOnDropHandle<()>,
}

/// What comes out of a plugin process.
#[derive(Debug)]
pub(crate) struct Pipes {
    pub stdout: Receiver,
    pub stderr: Receiver,
}

impl Child {
    /// Has `supervisor` start `program` in `working_directory` with exactly this environment.
    ///
    /// # Errors
    /// When the supervisor cannot be started.
    pub(super) fn start(
        supervisor: &Path,
        program: &Path,
        working_directory: &Path,
        environment: &BTreeMap<OsString, OsString>,
        directory: TempDir,
    ) -> io::Result<(Self, Pipes)> {
        adopt_orphans();
        let (ours, theirs) = StdUnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let mut child = Command::new(supervisor)
            .arg("supervise")
            .arg(directory.path())
            .arg(program)
            .env_clear()
            .envs(environment)
            .env(MARK, directory.path())
            .current_dir(working_directory)
            // The terminal's signals are for Counterfoil.
            .process_group(0)
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (tell, state) = watch::channel(State::default());
        let watcher = Watcher { child, directory, state: tell.clone() };
        watcher.begin()?;
        let stdout = OwnedFd::from(stdout.expect("it is piped"));
        let stderr = OwnedFd::from(stderr.expect("it is piped"));
        let pipes =
            Pipes { stdout: Receiver::from_owned_fd(stdout)?, stderr: Receiver::from_owned_fd(stderr)? };
        let (reports, commands) = UnixStream::from_std(ours)?.into_split();
        let reports = AbortOnDropHandle::new(tokio::spawn(read_reports(reports, tell)));
        Ok((Self { commands: Arc::new(commands), state, _reports: reports }, pipes))
    }

    /// How far it has come, now and later.
    pub(super) fn state(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    /// Sends SIGTERM to the plugin.
    pub(super) fn terminate(&self) {
        // A supervisor that is gone has nothing left to end; one byte always fits.
        let _ = self.commands.try_write(&[TERMINATE]);
    }

    /// Kills the plugin, and then what it has started.
    pub(super) fn kill(&self) {
        self.killer()();
    }

    /// The same, for whoever has no more than this of the plugin.
    pub(super) fn killer(&self) -> impl Fn() + Send + Sync + use<> {
        let commands = Arc::clone(&self.commands);
        move || {
            let _ = commands.try_write(&[KILL]);
        }
    }
}

async fn read_reports(reports: OwnedReadHalf, state: watch::Sender<State>) {
    let mut lines = BufReader::new(reports).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        // Only the supervisor writes there.
        let Ok(report) = serde_json::from_str(&line) else { continue };
        state.send_modify(|state| match report {
            Report::Started { pid } => state.started = Some(Ok(pid)),
            Report::NotStarted { errno, detail } => state.started = Some(Err((errno, detail))),
            Report::Exited(status) => state.exited = Some(status),
            Report::Gone(rest) => state.rest = Some(rest),
        });
    }
    state.send_modify(|state| state.told = true);
}

/// Waits for the end of a supervisor in a thread of its own, so that this happens whatever becomes of the runtime.
struct Watcher {
    child: process::Child,
    directory: TempDir,
    state: watch::Sender<State>,
}

/// How many supervisors are there.
static SUPERVISORS: Mutex<usize> = Mutex::new(0);
static ONE_LESS: Condvar = Condvar::new();

/// Waits until no supervisor is left, at most for `within`. False if some are.
///
/// A launch that is given up, or dropped, ends by itself: this is for who wants to see it.
pub fn settle(within: Duration) -> bool {
    let until = Instant::now() + within;
    let mut left = SUPERVISORS.lock().unwrap_or_else(PoisonError::into_inner);
    while *left > 0 {
        let now = Instant::now();
        if now >= until {
            return false;
        }
        left = ONE_LESS.wait_timeout(left, until - now).unwrap_or_else(PoisonError::into_inner).0;
    }
    true
}

impl Watcher {
    fn begin(mut self) -> io::Result<()> {
        *SUPERVISORS.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        let watching = thread::Builder::new().name("supervisor".to_owned()).spawn(move || {
            self.watch();
            *SUPERVISORS.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
            ONE_LESS.notify_all();
        });
        watching.map(drop)
    }

    fn watch(&mut self) {
        let status = self.child.wait();
        if !status.is_ok_and(|status| status.success()) {
            // It was killed: what it should have done is up to us.
            let plugin = self.state.borrow().started.clone().and_then(Result::ok);
            clean_up(self.directory.path(), plugin);
        }
        let directory = PathBuf::from(self.directory.path());
        // Usually gone with the supervisor.
        let _ = remove_private_directory(&directory);
        self.state.send_modify(|state| state.cleared = true);
    }
}

/// Makes orphans of a supervisor ours, not those of some process far away that would not reap them.
fn adopt_orphans() {
    static ADOPT: Once = Once::new();
    ADOPT.call_once(|| {
        #[cfg(target_os = "linux")]
        // Without it orphans are still found by their mark, and merely reaped by another.
        let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
    });
}

/// Kills every process of the launch in `directory`, and asks those that became ours how they ended.
fn clean_up(directory: &Path, plugin: Option<u32>) {
    let mark = directory.as_os_str().as_bytes();
    let mut seen: Vec<u32> = plugin.into_iter().collect();
    let killed = descendants::kill_all(|| descendants::marked(MARK, mark), KILLING);
    seen.extend(killed.iter().flat_map(|process| [process.pid, process.group]));
    let until = Instant::now() + KILLING;
    loop {
        let mut ours = descendants::all();
        ours.retain(|process| {
            process.parent == process::id() && (seen.contains(&process.pid) || seen.contains(&process.group))
        });
        if ours.is_empty() || Instant::now() > until {
            return;
        }
        for pid in ours.iter().filter_map(|process| descendants::pid_of(process.pid)) {
            let _ = waitpid(Some(pid), WaitOptions::NOHANG);
        }
        thread::park_timeout(Duration::from_millis(1));
    }
}
