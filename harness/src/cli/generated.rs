//! Completions and man pages, made from the definition of the command line.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clap::{CommandFactory as _, Subcommand};
use clap_complete::Shell;
use clap_mangen::Man;

use super::{args::Cli, commands::usage, exit::Exit, output::Output};
use crate::report::terminal::counted;

/// The commands that make something of the command line itself.
#[derive(Debug, Subcommand)]
pub(super) enum Generated {
    /// Print what a shell needs to complete this command line.
    Completions {
        /// Which shell.
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Write the man pages.
    Man {
        /// The directory, such as ~/.local/share/man/man1; it is made where it is missing.
        #[arg(long, value_name = "DIR")]
        into: PathBuf,
    },
}

/// Carries out a command.
pub(super) fn execute(command: &Generated, output: Output) -> Exit {
    match command {
        Generated::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "counterfoil", &mut script);
            output.print(&String::from_utf8_lossy(&script))
        }
        Generated::Man { into } => match man(into) {
            Ok(pages) => output.print(&format!("{} written to {}\n", counted(pages, "page"), into.display())),
            Err((path, error)) => usage(&format!("{} cannot be written: {error}", path.display()), output),
        },
    }
}

/// Writes a page for each command that is listed; says how many there are.
fn man(into: &Path) -> Result<usize, (PathBuf, io::Error)> {
    fs::create_dir_all(into).map_err(|error| (into.to_owned(), error))?;
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    pages(&command, into)
}

fn pages(command: &clap::Command, into: &Path) -> Result<usize, (PathBuf, io::Error)> {
    let page = Man::new(command.clone());
    let path = into.join(page.get_filename());
    let mut text = Vec::new();
    page.render(&mut text).and_then(|()| fs::write(&path, text)).map_err(|error| (path, error))?;
    let listed = command.get_subcommands().filter(|command| !command.is_hide_set());
    listed.map(|command| pages(command, into)).try_fold(1, |count, more| Ok(count + more?))
}
