//! `--build`: a command that makes the program of a plugin from its sources.

use std::{path::Path, process::ExitStatus, process::Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

/// Why there is no program.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// There is no shell.
    #[error("`{command}` cannot be started: {source}")]
    NotStarted {
        /// The command.
        command: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The command failed.
    #[error("`{command}` failed: {status}")]
    Failed {
        /// The command.
        command: String,
        /// How it ended.
        status: ExitStatus,
    },
    /// It was asked to stop, and the command was ended.
    #[error("`{0}` was ended before it had finished")]
    Stopped(String),
}

/// Runs `command` by the shell, in `directory`, with the environment of the user, whose command it is. What it prints
/// goes to standard error. `stop` ends it, with all that it started.
///
/// # Errors
/// See [`BuildError`].
pub(super) async fn build(
    directory: &Path,
    command: &str,
    stop: &CancellationToken,
) -> Result<(), BuildError> {
    let not_started = |source| BuildError::NotStarted { command: command.to_owned(), source };
    // A group of its own: a signal has to reach the compiler too, which knows nothing of ours.
    let mut child = Command::new("/bin/sh")
        .arg("-c")
        .arg(command)
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(std::io::stderr())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(not_started)?;
    let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    tokio::select! {
        status = child.wait() => match status.map_err(not_started)? {
            status if status.success() => Ok(()),
            status => Err(BuildError::Failed { command: command.to_owned(), status }),
        },
        () = stop.cancelled() => {
            if let Some(group) = group {
                // Where it has just ended there is nobody to be told.
                let _ = kill_process_group(group, Signal::KILL);
            }
            let _ = child.wait().await;
            Err(BuildError::Stopped(command.to_owned()))
        }
    }
}
