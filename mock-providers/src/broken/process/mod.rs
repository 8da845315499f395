//! Broken processes: plugins that misbehave, each in one way.
//!
//! [`PROCESSES`] says which there are, and which rules must find each. A deed stands in one of the modules below, each of
//! which is a part of a plugin's life: `children`, `certificate`, `line`, `connection`, `calls`, `output`, `services`.
//! What stands there under no name is a plugin in good order, as the [`CONTROLS`] are.
//!
//! No process of them lives for longer than two minutes, whatever its host does.

mod calls;
mod certificate;
mod children;
mod connection;
mod line;
mod output;
mod services;
mod table;

use std::{
    convert::Infallible,
    env,
    error::Error,
    io::{self, Write as _},
    process,
    sync::mpsc,
    thread,
    time::Duration,
};

use counterfoil_proto::handshake::{COOKIE_KEY, COOKIE_VALUE};
use tokio::signal::unix::{SignalKind, signal};

pub use self::output::FLOOD_BYTES;
pub use self::table::{CONTROLS, PROCESSES, ProcessMutant, ShowsIn};

/// How long a process lives at most.
const LIFETIME: Duration = Duration::from_secs(120);

/// Why a process did not come to misbehave.
#[derive(Debug, thiserror::Error)]
pub enum NotServed {
    /// Nothing is called so.
    #[error("no broken process is called {0:?}; there are\n{list}", list = list())]
    Unknown(String),
    /// It was started by hand (P-001).
    #[error("This program is a plugin. It is started by its host, and is not meant to be run by hand.")]
    NoHost,
    /// The system does not let it.
    #[error("the plugin cannot misbehave: {0}")]
    Failed(#[from] Box<dyn Error>),
}

/// Is the plugin of this name, of [`PROCESSES`] or [`CONTROLS`], until its host ends it, or what it does wrong.
///
/// It takes the whole process: threads stay, and the end may come in the middle of a call.
///
/// # Errors
/// See [`NotServed`].
pub fn serve(name: &str) -> Result<Infallible, NotServed> {
    thread::spawn(|| {
        wait(LIFETIME);
        process::exit(4);
    });
    let mutant =
        served().find(|mutant| mutant.name == name).ok_or_else(|| NotServed::Unknown(name.to_owned()))?;
    if mutant.name != "no-cookie-check" && env::var(COOKIE_KEY).as_deref() != Ok(COOKIE_VALUE) {
        return Err(NotServed::NoHost);
    }
    Ok(live(mutant.name)?)
}

/// The life of the plugin. It ends inside a call, or by the watchdog.
#[tokio::main]
async fn live(mutant: &'static str) -> Result<Infallible, Box<dyn Error>> {
    // Ctrl-C goes to the whole group, and it is for the host to end its plugins.
    let _swallowed = signal(SignalKind::interrupt())?;
    let _ignored = (mutant == "ignore-sigterm").then(|| signal(SignalKind::terminate())).transpose()?;
    children::start(mutant)?;
    let identity = certificate::choose(mutant)?;
    let (listener, printed) = connection::bind(&identity)?;
    output::log(mutant)?;
    line::say(mutant, printed)?;
    output::chatter(mutant)?;
    Ok(connection::serve(mutant, listener, identity).await?)
}

/// Those that a program of ours can be.
fn served() -> impl Iterator<Item = &'static ProcessMutant> {
    PROCESSES.iter().chain(CONTROLS).filter(|mutant| mutant.program.is_none())
}

/// A line for each of them.
fn list() -> String {
    let lines = served().map(|ProcessMutant { name, what, .. }| format!("  {name:27} {what}"));
    lines.collect::<Vec<_>>().join("\n")
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
