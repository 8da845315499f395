//! A plugin that misbehaves, in the one way that is named by the file name under which it is started.
//!
//! By hand, for instance:
//!
//! ```text
//! cargo build -p counterfoil --bin hostile-plugin
//! ln -s "$PWD/target/debug/hostile-plugin" /tmp/noise-before-line
//! WORKFLOW_PLUGIN=workflow-external-plugin-v1 /tmp/noise-before-line
//! ```
//!
//! Under a name that is no switch, its own for instance, it lists all of them and exits with 2. Without the cookie it
//! exits with 1, as a plugin does. No process of it lives for longer than two minutes, whatever its host does.
//!
//! The floods write as many bytes as `HOSTILE_FLOOD_BYTES` says, where it is set.
//!
//! A new switch has a line in `../switches.rs`, and its deed in one of the modules, each of which is a part of a
//! plugin's life: `children`, `certificate`, `line`, `connection`, `calls`, `output`. What stands there under no switch is
//! a plugin in good order.

mod calls;
mod certificate;
mod children;
mod connection;
mod line;
mod output;
mod services;
#[path = "../switches.rs"]
mod switches;

use std::{
    convert::Infallible,
    env,
    error::Error,
    io::{self, Write as _},
    path::Path,
    process::{self, ExitCode},
    sync::mpsc,
    thread,
    time::Duration,
};

use counterfoil_proto::handshake::{COOKIE_KEY, COOKIE_VALUE};
use tokio::signal::unix::{SignalKind, signal};

use crate::switches::{SWITCHES, Switch};

/// How long a process lives at most.
const LIFETIME: Duration = Duration::from_secs(120);

fn main() -> ExitCode {
    thread::spawn(|| {
        wait(LIFETIME);
        process::exit(4);
    });
    let name = env::args_os().next().unwrap_or_default();
    let name = Path::new(&name).file_name().unwrap_or_default().to_string_lossy();
    if children::is_child(&name) {
        return ExitCode::SUCCESS;
    }
    let Some(switch) = SWITCHES.iter().find(|switch| switch.name == name) else {
        list();
        return ExitCode::from(2);
    };
    if switch.name != "no-cookie-check" && env::var(COOKIE_KEY).as_deref() != Ok(COOKIE_VALUE) {
        complain("This program is a plugin. It is started by its host, and is not meant to be run by hand.");
        return ExitCode::FAILURE;
    }
    let Err(error) = live(switch.name);
    complain(&format!("hostile-plugin: {error}"));
    ExitCode::from(5)
}

/// The life of the plugin. It ends inside a call, or by the watchdog.
#[tokio::main]
async fn live(switch: &'static str) -> Result<Infallible, Box<dyn Error>> {
    // Ctrl-C goes to the whole group, and it is for the host to end its plugins.
    let _swallowed = signal(SignalKind::interrupt())?;
    let _ignored = (switch == "ignore-sigterm").then(|| signal(SignalKind::terminate())).transpose()?;
    children::start(switch)?;
    let identity = certificate::choose(switch)?;
    let (listener, printed) = connection::bind(&identity)?;
    output::log(switch)?;
    line::say(switch, printed)?;
    output::chatter(switch)?;
    Ok(connection::serve(switch, listener, identity).await?)
}

fn list() {
    for Switch { name, about, trips, message, mtls, start_ms, call_ms } in SWITCHES {
        let deadline = |what: &str, millis: &Option<u64>| {
            millis.map_or(String::new(), |millis| format!(" ({what} deadline {millis} ms)"))
        };
        let asked = if *mtls { " (AutoMTLS)" } else { "" };
        let (start, call) = (deadline("start", start_ms), deadline("call", call_ms));
        complain(&format!("{name:27} {about}{asked}{start}{call}; trips {trips:?}, says {message:?}"));
    }
}

/// Writes a line to stderr. Nobody may be there to read it, which changes nothing.
fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Blocks for a time, which is what being late means.
fn wait(time: Duration) {
    let (_kept, never) = mpsc::channel::<()>();
    let _ = never.recv_timeout(time);
}
