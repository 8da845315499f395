//! `counterfoil report`: what is made of reports of runs.

use std::{fs::File, io::BufReader, path::Path};

use clap::Subcommand;

use super::{commands::usage, exit::Exit, output::Output};
use crate::{
    report::diff as diff_report,
    run::{Diff, ReadError, SavedRun},
};

/// `counterfoil report`
#[derive(Debug, Subcommand)]
pub(super) enum Report {
    /// Compare two runs: verdicts and findings that are gained or lost, and calls that are others
    #[command(after_help = "Exit codes:
  0  nothing is worse
  1  something is worse: a run fails that did not, or fails for more than it did
  2  usage, or a file that is no report
  3  something that the old run judged is judged no more: it was not run, or is missing
  4  nothing was compared: no run is in both

How long something took is shown, and never judged.")]
    Diff {
        /// The run before, as `--report json=FILE` left it.
        old: std::path::PathBuf,
        /// The run now.
        new: std::path::PathBuf,
    },
}

/// Carries out `counterfoil report`.
pub(super) fn execute(command: &Report, output: Output) -> Exit {
    let Report::Diff { old, new } = command;
    diff(old, new, output).unwrap_or_else(|exit| exit)
}

fn diff(old: &Path, new: &Path, output: Output) -> Result<Exit, Exit> {
    let (before, now) = (read(old, output)?, read(new, output)?);
    let diff = Diff::between(&before, &now);
    let (old, new) = (old.display().to_string(), new.display().to_string());
    let exit = match () {
        () if diff.is_of_nothing() => Exit::Nothing,
        () if diff.is_worse() => Exit::Broken,
        () if diff.is_less() => Exit::Unjudged,
        () => Exit::Passed,
    };
    let told = diff_report::told(&diff, (&old, &before), (&new, &now), output.layout());
    Ok(exit.unless(output.print(&told)))
}

fn read(path: &Path, output: Output) -> Result<SavedRun, Exit> {
    let run = File::open(path).map_err(ReadError::from).and_then(|file| SavedRun::read(BufReader::new(file)));
    run.map_err(|error| usage(&format!("{}: {error}", path.display()), output))
}
