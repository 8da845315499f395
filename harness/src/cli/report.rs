//! `counterfoil report`: what is made of reports of runs.

use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
};

use clap::Subcommand;

use super::{args::ReportTo, commands::usage, exit::Exit, output::Output, reports::Reporters};
use crate::{
    report::{diff as diff_report, terminal::Terminal},
    run::{Diff, Merged, ReadError, SavedRun},
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
        old: PathBuf,
        /// The run now.
        new: PathBuf,
    },
    /// Make one run again of the reports of its parts, or of what a run left that was killed
    #[command(
        after_help = "Exit codes: those of the run, had it been made in one piece. What is missing of it is not run, and then
what passed is no pass: the exit code is 3 at least."
    )]
    Merge {
        /// The JSON report of each part, as `run --partition N/M --report json=FILE` left it; or the one report of a
        /// whole run.
        #[arg(required = true, value_name = "REPORT")]
        parts: Vec<PathBuf>,
        /// Write a report beside the terminal's, as `run --report` does; may be repeated.
        #[arg(long, value_name = "FORMAT=FILE", value_delimiter = ',')]
        report: Vec<ReportTo>,
    },
}

/// Carries out `counterfoil report`.
pub(super) fn execute(command: &Report, output: Output) -> Exit {
    let done = match command {
        Report::Diff { old, new } => diff(old, new, output),
        Report::Merge { parts, report } => merge(parts, report, output),
    };
    done.unwrap_or_else(|exit| exit)
}

fn merge(parts: &[PathBuf], reports: &[ReportTo], output: Output) -> Result<Exit, Exit> {
    let read = |path: &PathBuf| Ok((path.display().to_string(), read(path, output)?));
    let parts = parts.iter().map(read).collect::<Result<Vec<_>, Exit>>()?;
    let merged = Merged::of(parts).map_err(|error| usage(&error.to_string(), output))?;
    let terminal = Terminal::new(output.out(), output.layout(), merged.longest_id(), merged.is_strict());
    let mut reporters = Reporters::new("standard output", terminal);
    reporters.open(reports, output)?;
    let exit = Exit::of(merged.summary(), None);
    let gaps = merged.gaps.clone();
    merged.events().for_each(|event| reporters.event(&event));
    let written = reporters.close(output);
    for gap in &gaps {
        output.error(gap);
    }
    Ok(exit.unless(if gaps.is_empty() { written } else { Exit::Unjudged }))
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
