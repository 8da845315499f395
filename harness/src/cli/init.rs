//! `counterfoil init`: a gate for the repository of a plugin.

use std::{
    env,
    ffi::OsString,
    io::{self, BufRead as _, IsTerminal as _},
    path::{Path, PathBuf},
};

use clap::{Args, Parser as _, ValueEnum};

use super::{
    args::{Cli, Command, Test},
    commands::usage,
    exit::Exit,
    output::Output,
    test,
};
use crate::{
    init::{self, Action, Planned, Wanted},
    report::{init as report, terminal::counted},
};

/// `counterfoil init`
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
#[derive(Debug, Args)]
pub(super) struct Init {
    /// The plugin.json that is meant, or its directory [default: the one here or in cmd/*/].
    #[arg(long, value_name = "PATH")]
    plugin: Option<PathBuf>,
    /// For which CI a file is written [default: by what is there; github where nothing is].
    #[arg(long, value_enum)]
    ci: Option<Ci>,
    /// Where Counterfoil's GitHub action lies, OWNER/NAME/PATH@REF.
    #[arg(long, value_name = "ACTION")]
    action: Option<Action>,
    /// Write without asking.
    #[arg(long, short)]
    yes: bool,
    /// Show what would be written, and write nothing.
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Write over files that are there already.
    #[arg(long)]
    force: bool,
    /// Then run the gate once, and list what fails in known-failures.yaml, for you to say why, who sees to it, and until when.
    /// The exit code is that of the run.
    #[arg(long)]
    baseline: bool,
}

/// The kinds of CI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Ci {
    /// A workflow for GitHub Actions.
    Github,
    /// A file for GitLab to include.
    Gitlab,
    /// Only counterfoil.yaml.
    None,
}

/// Carries it out.
pub(super) fn execute(args: &Init, output: Output) -> Result<Exit, Exit> {
    let refuse = |error: init::InitError| usage(&error.to_string(), output);
    if args.baseline && Path::new(init::KNOWN_FAILURES).exists() {
        let text = "there is a list of known failures already: `counterfoil test provider --update-known-failures` brings it up to \
                    date";
        return Err(usage(&format!("{}: {text}", init::KNOWN_FAILURES), output));
    }
    let here = env::current_dir()
        .map_err(|error| usage(&format!("the current directory is not known: {error}"), output))?;
    let mut facts = init::look(&here, args.plugin.as_deref()).map_err(refuse)?;
    let wanted = Wanted {
        ci: args.ci.map(Into::into),
        action: args.action.clone(),
        force: args.force,
        baseline: args.baseline,
    };
    let files = init::plan(&here, &mut facts, &wanted).map_err(refuse)?;
    let shown = output.print(&report::plan(&facts, &files, output.layout()));

    let to_write: Vec<&Planned> = files.iter().filter(|file| file.is_written).collect();
    if to_write.is_empty() && !args.baseline {
        return Ok(output.print("there is nothing to write\n"));
    }
    if args.dry_run {
        return Ok(Exit::Passed.unless(shown));
    }
    if !args.yes {
        match asked(&to_write, args.baseline, output) {
            Some(true) => {}
            Some(false) => return Ok(output.print("nothing was written\n")),
            None => {
                return Ok(output.print("nothing was written: --yes writes it, where nobody can be asked\n"));
            }
        }
    }
    let mut written = Vec::new();
    for file in to_write {
        if let Err(error) = file.write(&here) {
            let path = file.path.display();
            let before =
                if written.is_empty() { String::new() } else { format!("; {} written", written.join(", ")) };
            return Err(usage(&format!("{path} cannot be written: {error}{before}"), output));
        }
        written.push(file.path.display().to_string());
    }
    let exit = output.print(&report::done(&written, args.baseline, output.layout()));
    if !args.baseline {
        return Ok(exit);
    }
    let ended = baseline(output);
    if !Path::new(init::KNOWN_FAILURES).exists() {
        let text = "is not there, as the gate was not run to its end: `counterfoil test provider --update-known-failures` writes it";
        output.error(&format!("{} {text}", init::KNOWN_FAILURES));
    }
    ended
}

/// Whether somebody says yes; nothing where there is nobody to be asked.
fn asked(files: &[&Planned], baseline: bool, output: Output) -> Option<bool> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return None;
    }
    let then = if baseline { " and run the gate" } else { "" };
    output.print(&format!("write {}{then}? [y/N] ", counted(files.len(), "file")));
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).ok()?;
    Some(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// Runs the gate as the settings say that were just written, and lists what fails.
fn baseline(output: Output) -> Result<Exit, Exit> {
    let words = ["test", "provider", "--known-failures", init::KNOWN_FAILURES, "--update-known-failures"];
    let words: Vec<OsString> = words.iter().map(OsString::from).collect();
    let cli = Cli::try_parse_from(["counterfoil".into()].into_iter().chain(words.iter().cloned()));
    match cli.map(|cli| cli.command) {
        Ok(Command::Test(Test::Provider(args))) => test::provider(*args, words, output),
        _ => unreachable!("the words are those of a test"),
    }
}

impl From<Ci> for init::Ci {
    fn from(ci: Ci) -> Self {
        match ci {
            Ci::Github => Self::GitHub,
            Ci::Gitlab => Self::GitLab,
            Ci::None => Self::None,
        }
    }
}
