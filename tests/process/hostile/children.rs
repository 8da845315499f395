//! The processes that the plugin starts: this program again, under the name of a child.

use std::{
    env, io, mem,
    os::unix::process::CommandExt as _,
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::{LIFETIME, wait};

/// Keeps the plugin's stdout and stderr open for as long as it lives.
const HOLDER: &str = "child-holding-pipes";
/// Ends when its stdin does.
const FOLLOWER: &str = "child-reading-stdin";

/// How long a crowd stays together at least: it is seen by somebody who looks now and then.
const LONG_ENOUGH: Duration = Duration::from_secs(2);

/// The children that end with the plugin.
static FOLLOWERS: Mutex<Vec<Child>> = Mutex::new(Vec::new());

/// Lives the life of a child, if that is the name under which this program was started.
pub(crate) fn is_child(name: &str) -> bool {
    match name {
        HOLDER => wait(LIFETIME),
        FOLLOWER => {
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
        }
        _ => return false,
    }
    true
}

/// Starts the children of a switch.
pub(crate) fn start(switch: &str) -> io::Result<()> {
    match switch {
        "grandchildren" => {
            for _ in 0..3 {
                // A group of its own, so that a signal to the plugin's does not reach it.
                child(HOLDER)?.stdin(Stdio::null()).process_group(0).spawn()?;
            }
        }
        "storm" => {
            for _ in 0..200 {
                let mut command = child(FOLLOWER)?;
                command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
                followers(|all| command.spawn().map(|child| all.push(child)))?;
            }
            wait(LONG_ENOUGH);
        }
        _ => {}
    }
    Ok(())
}

/// Ends the children that end with the plugin, and waits for them.
pub(crate) fn dismiss() {
    let mut children = followers(mem::take);
    for child in &mut children {
        drop(child.stdin.take());
    }
    for mut child in children {
        let _ = child.wait();
    }
}

fn child(name: &str) -> io::Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.arg0(name);
    Ok(command)
}

fn followers<T>(act: impl FnOnce(&mut Vec<Child>) -> T) -> T {
    act(&mut FOLLOWERS.lock().unwrap_or_else(PoisonError::into_inner))
}
