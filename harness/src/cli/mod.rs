//! The command line: arguments in, exit code out.

mod args;
mod commands;
mod exit;
mod output;

use std::{
    panic,
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
};

use clap::Parser as _;

pub use self::exit::Exit;
use self::{args::Cli, output::Output};

/// Set by the panic hook: whatever was being done, Counterfoil itself has failed.
static PANICKED: AtomicBool = AtomicBool::new(false);

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    panic::set_hook(Box::new(|info| {
        PANICKED.store(true, Ordering::Relaxed);
        Output::standard().error(&format!(
            "a defect of Counterfoil itself: {info}\nplease report it, with the command line and this text"
        ));
    }));
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too; a closed stdout is no failure.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Passed }.into();
        }
    };
    let output = Output::standard();
    let exit = panic::catch_unwind(|| commands::execute(cli, &output)).unwrap_or(Exit::Defect);
    if PANICKED.load(Ordering::Relaxed) && !exit.is_interrupted() { Exit::Defect } else { exit }.into()
}
