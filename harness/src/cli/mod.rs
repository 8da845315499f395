//! The command line: arguments in, exit code out.

mod adapter;
mod args;
mod carry_out;
mod commands;
mod cutover;
mod evidence;
mod exit;
mod explore;
mod generated;
mod init;
mod known;
mod mock;
mod output;
mod plugin;
mod proxy;
mod report;
mod reports;
mod settings;
mod test;
mod vectors;
mod wfctl;

use std::{
    env,
    ffi::OsString,
    io, panic,
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
};

use clap::Parser as _;

pub use self::exit::Exit;
use self::{args::Cli, output::Output};
use crate::provider::process::Supervision;

/// Set by the panic hook: whatever was being done, Counterfoil itself has failed.
static PANICKED: AtomicBool = AtomicBool::new(false);

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    panic::set_hook(Box::new(|info| {
        PANICKED.store(true, Ordering::Relaxed);
        Output::standard().error_instead_of_bar(&format!(
            "a defect of Counterfoil itself: {info}\nplease report it, with the command line and this text"
        ));
    }));
    // A plugin waits for its supervisor, and to set up the whole command line takes half as long as all else of that.
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    if let Some(asked) = Supervision::asked(&arguments) {
        return commands::supervise(&asked).into();
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too.
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Passed };
            return exit.unless(help_was(error.print())).into();
        }
    };
    let output = Output::standard();
    let exit = panic::catch_unwind(|| commands::execute(cli, output)).unwrap_or(Exit::Defect);
    if PANICKED.load(Ordering::Relaxed) { exit.after_panic() } else { exit }.into()
}

/// What becomes of a command whose help was printed so; a closed stdout is no failure.
fn help_was(printed: io::Result<()>) -> Exit {
    match printed {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Exit::Unjudged,
        _ => Exit::Passed,
    }
}
