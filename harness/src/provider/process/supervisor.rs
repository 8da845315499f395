//! The supervisor: our own program, executed once more, between Counterfoil and a plugin.
//!
//! It stays for as long as the plugin lives. Whatever the plugin starts stays below it, as it is a child subreaper;
//! its standard input is a socket whose end means that Counterfoil is gone. It ends when nothing is left below it, and
//! takes the private directory with it. On systems without `/proc` it knows the plugin's process group only.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::{fs::FileTypeExt as _, net::UnixStream as StdUnixStream, process::CommandExt as _},
    },
    path::Path,
    process::{self, Command, Stdio},
    time::{Duration, Instant},
};

use counterfoil_core::trace::ExitStatus;
use rustix::{
    cmsg_space,
    io::Errno,
    net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
        SendFlags, recvmsg, sendmsg,
    },
    process::{Signal, WaitOptions, WaitStatus, kill_process_group, wait, waitpid},
};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
    signal::unix::{SignalKind, signal},
};

use super::descendants::{self, Process};
use crate::provider::remove_private_directory;

/// What the supervisor tells Counterfoil, one JSON line each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Report {
    /// The plugin runs.
    Started {
        /// Its process.
        pid: u32,
    },
    /// The system did not start it.
    NotStarted {
        /// The number of the error, where it has one.
        errno: Option<i32>,
        /// What the system says.
        detail: String,
    },
    /// The plugin ended.
    Exited(ExitStatus),
    /// Nothing is left; the last report.
    Gone(Rest),
}

/// What the supervisor found behind the plugin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rest {
    /// How many processes there were.
    pub processes: u32,
    /// The names of some of them.
    pub names: Vec<String>,
    /// Sockets in the private directory.
    pub sockets: u32,
    /// Whether the processes kept the plugin's stdout or stderr open.
    pub holds_output: bool,
    /// The most processes that were seen alive at once below the plugin.
    pub peak: u32,
}

/// Asks the supervisor to send SIGTERM to the plugin.
pub(super) const TERMINATE: u8 = b't';
/// Asks the supervisor to kill the plugin, and to tell what it leaves behind.
pub(super) const KILL: u8 = b'k';

/// How long what the plugin started may take to end behind it, on a machine that has much else to do.
const GRACE: Duration = Duration::from_millis(500);
/// The time between two looks at that.
const GLANCE: Duration = Duration::from_millis(10);
/// How long the killing may take. What lasts longer cannot be killed by us.
const KILLING: Duration = Duration::from_secs(5);
/// The shortest time between two looks at the descendants.
const LOOK: Duration = Duration::from_millis(50);
/// The names that are told.
const NAMES: usize = 5;

/// The command of ours that supervises a program which reads nothing.
pub(super) const SUPERVISE: &str = "supervise";
/// The command of ours that supervises a program which reads what was handed over on the channel.
pub(super) const SUPERVISE_FED: &str = "supervise-fed";

/// What a supervisor is started for.
#[derive(Debug)]
pub struct Supervision<'a> {
    directory: &'a Path,
    program: &'a Path,
    arguments: &'a [OsString],
    is_fed: bool,
}

impl<'a> Supervision<'a> {
    /// What the arguments of our own command ask for; none where they ask for something else.
    pub fn asked(arguments: &'a [OsString]) -> Option<Self> {
        let [command, directory, program, arguments @ ..] = arguments else { return None };
        let is_fed = command == SUPERVISE_FED;
        let asked = is_fed || command == SUPERVISE;
        asked.then(|| Self { directory: directory.as_ref(), program: program.as_ref(), arguments, is_fed })
    }

    /// Starts the program and supervises it to the end of everything that it starts; then the directory is removed.
    ///
    /// Standard input has to be a socket: the channel to Counterfoil.
    ///
    /// # Errors
    /// When the channel is none, or the system refuses what a supervisor needs. Nothing is started then.
    pub fn carry_out(&self) -> io::Result<()> {
        // Handlers of signals need a runtime; nothing here happens at the same time.
        tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run(self))
    }
}

/// What goes with a file that is handed over: a message has to have a byte.
const HANDED_OVER: u8 = b'i';

/// Puts what a program is to read on the channel to its supervisor.
pub(super) fn hand_over(channel: &StdUnixStream, stdin: &OwnedFd) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut files = SendAncillaryBuffer::new(&mut space);
    let file = [stdin.as_fd()];
    files.push(SendAncillaryMessage::ScmRights(&file));
    sendmsg(channel, &[IoSlice::new(&[HANDED_OVER])], &mut files, SendFlags::empty())?;
    Ok(())
}

/// Takes what was put there.
fn take_over(channel: &StdUnixStream) -> io::Result<OwnedFd> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut files = RecvAncillaryBuffer::new(&mut space);
    recvmsg(channel, &mut [IoSliceMut::new(&mut [0])], &mut files, RecvFlags::empty())?;
    let handed = files.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut files) => files.next(),
        _ => None,
    });
    handed.ok_or_else(|| io::Error::other("nothing was handed over for the program to read"))
}

/// Why the supervision of the plugin itself came to its end.
enum End {
    /// It ended.
    Exited(ExitStatus),
    /// Counterfoil asked for it.
    Asked,
    /// Counterfoil is gone, or we were told to go.
    Abandoned,
}

async fn run(asked: &Supervision<'_>) -> io::Result<()> {
    let Supervision { directory, program, arguments, is_fed } = *asked;
    let channel = StdUnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    channel.peer_addr().map_err(|_| {
        io::Error::other("standard input is no channel: only Counterfoil itself starts this command")
    })?;
    let stdin = if is_fed { Stdio::from(take_over(&channel)?) } else { Stdio::null() };
    channel.set_nonblocking(true)?;
    let mut channel = UnixStream::from_std(channel)?;
    let (mut ended, mut interrupt) = (signal(SignalKind::child())?, signal(SignalKind::interrupt())?);
    let (mut terminate, mut hang_up) = (signal(SignalKind::terminate())?, signal(SignalKind::hangup())?);
    #[cfg(target_os = "linux")]
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;

    let plugin = match Command::new(program).args(arguments).stdin(stdin).process_group(0).spawn() {
        Ok(child) => child.id(),
        Err(error) => {
            let report = Report::NotStarted { errno: error.raw_os_error(), detail: error.to_string() };
            tell(&mut channel, &report).await;
            let _ = remove_private_directory(directory);
            return Ok(());
        }
    };
    let output = release_output()?;
    tell(&mut channel, &Report::Started { pid: plugin }).await;

    let (mut peak, mut look) = (0, LOOK);
    let end = loop {
        tokio::select! {
            _ = ended.recv() => if let Some(status) = reap(plugin) {
                break End::Exited(status);
            },
            command = channel.read_u8() => match command {
                Ok(TERMINATE) => descendants::send(plugin, Signal::TERM),
                Ok(KILL) => break End::Asked,
                Ok(_) => {}
                Err(_) => break End::Abandoned,
            },
            _ = interrupt.recv() => break End::Abandoned,
            _ = terminate.recv() => break End::Abandoned,
            _ = hang_up.recv() => break End::Abandoned,
            () = tokio::time::sleep(look) => {
                let begun = Instant::now();
                peak = peak.max(descendants::below(&[plugin]).len());
                // A look costs more the more processes there are; it never takes more than a twentieth of the time.
                look = LOOK.max(20 * begun.elapsed());
            }
        }
    };
    let mut rest = Rest::default();
    if !matches!(end, End::Abandoned) {
        let status = match end {
            End::Exited(status) => Some(status),
            _ => kill_plugin(plugin),
        };
        if let Some(status) = status {
            tell(&mut channel, &Report::Exited(status)).await;
        }
        rest = left_behind(&output).await;
    }
    let _ = kill_group(plugin);
    descendants::kill_all(
        || {
            reap(plugin);
            descendants::below(&[process::id()])
        },
        KILLING,
    );
    reap(plugin);
    rest.peak = count(peak).max(rest.processes);
    rest.sockets = sockets(directory);
    let _ = remove_private_directory(directory);
    tell(&mut channel, &Report::Gone(rest)).await;
    Ok(())
}

/// Writes a report. Where Counterfoil is gone, nobody needs it.
async fn tell(channel: &mut UnixStream, report: &Report) {
    let mut line = serde_json::to_vec(report).expect("plain data");
    line.push(b'\n');
    let _ = channel.write_all(&line).await;
}

/// Lets go of our own end of the plugin's stdout and stderr, so that these end with the plugin. Returns their names.
fn release_output() -> io::Result<Vec<String>> {
    let file = |fd: u32| descendants::link(Path::new(&format!("/proc/self/fd/{fd}"))).ok();
    let names = [1, 2].into_iter().filter_map(file).collect();
    let null = File::options().write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdout(&null)?;
    rustix::stdio::dup2_stderr(&null)?;
    Ok(names)
}

/// Asks all children that have ended how they did. Returns how the plugin did, if it is among them.
fn reap(plugin: u32) -> Option<ExitStatus> {
    let mut found = None;
    while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
        if u32::try_from(pid.as_raw_nonzero().get()) == Ok(plugin) {
            found = exit_status(status);
        }
    }
    found
}

fn exit_status(status: WaitStatus) -> Option<ExitStatus> {
    let code = status.exit_status().map(ExitStatus::Code);
    code.or_else(|| status.terminating_signal().map(ExitStatus::Signal))
}

/// Kills the plugin alone, and returns how it ended.
fn kill_plugin(plugin: u32) -> Option<ExitStatus> {
    descendants::send(plugin, Signal::KILL);
    let pid = descendants::pid_of(plugin)?;
    loop {
        match waitpid(Some(pid), WaitOptions::empty()) {
            Ok(Some((_, status))) => return exit_status(status),
            Err(Errno::INTR) => {}
            _ => return None,
        }
    }
}

/// Kills the plugin's process group: all that can be done where there is no `/proc`.
fn kill_group(plugin: u32) -> rustix::io::Result<()> {
    descendants::pid_of(plugin).map_or(Ok(()), |group| kill_process_group(group, Signal::KILL))
}

/// What is still there some time after the plugin has ended.
async fn left_behind(output: &[String]) -> Rest {
    let until = Instant::now() + GRACE;
    let mut left: Vec<Process>;
    loop {
        left = descendants::below(&[process::id()]);
        if left.is_empty() || Instant::now() > until {
            break;
        }
        tokio::time::sleep(GLANCE).await;
    }
    Rest {
        processes: count(left.len()),
        names: left.iter().take(NAMES).map(|process| process.name.clone()).collect(),
        holds_output: left.iter().any(|process| descendants::holds(process.pid, output)),
        ..Rest::default()
    }
}

/// How many sockets are in a directory.
fn sockets(directory: &Path) -> u32 {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    count(entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_socket())).count())
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
