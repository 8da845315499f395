//! The processes that the plugin starts: programs that every system has.

use std::{
    io, mem,
    os::unix::process::CommandExt as _,
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::{LIFETIME, wait};

/// How long a crowd stays together at least: it is seen by somebody who looks now and then.
const LONG_ENOUGH: Duration = Duration::from_secs(2);

/// The children that end with the plugin.
static FOLLOWERS: Mutex<Vec<Child>> = Mutex::new(Vec::new());

/// Starts the children of a process mutant.
///
/// # Errors
/// When the system starts none.
pub(super) fn start(mutant: &str) -> io::Result<()> {
    match mutant {
        "grandchildren" => (0..3).try_for_each(|_| holder().spawn().map(drop)),
        "storm" => {
            for _ in 0..200 {
                let child = follower().spawn()?;
                followers(|all| all.push(child));
            }
            wait(LONG_ENOUGH);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Ends the children that end with the plugin, and waits for them.
pub(super) fn dismiss() {
    let mut children = followers(mem::take);
    for child in &mut children {
        drop(child.stdin.take());
    }
    for mut child in children {
        let _ = child.wait();
    }
}

/// Keeps the plugin's stdout and stderr open for as long as it lives. Its group is its own, so that a signal to that of
/// the plugin does not reach it.
fn holder() -> Command {
    let mut command = Command::new("sleep");
    command.arg(LIFETIME.as_secs().to_string()).stdin(Stdio::null()).process_group(0);
    command
}

/// Ends when its stdin does.
fn follower() -> Command {
    let mut command = Command::new("cat");
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn followers<T>(act: impl FnOnce(&mut Vec<Child>) -> T) -> T {
    act(&mut FOLLOWERS.lock().unwrap_or_else(PoisonError::into_inner))
}
