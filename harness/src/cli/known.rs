//! `--known-failures`: the same for every command that runs scenarios.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use clap::Args;
use counterfoil_core::scenario::{Date, Scenario};

use super::{commands::usage, exit::Exit, output::Output};
use crate::{
    report::{diagnostics, terminal::counted},
    run::{self, Filter, Reading},
};

/// Which failures are known.
#[derive(Debug, Args)]
pub(super) struct KnownFailures {
    /// A list of failures that are known: these fail nothing, as long as they fail exactly as listed.
    #[arg(long = "known-failures", value_name = "FILE")]
    pub list: Option<PathBuf>,
    /// Rewrite that list by what the run finds: messages that changed are pinned anew, what passes is taken out, new
    /// failures are added for you to fill in. The exit code is that of the list as it was.
    #[arg(long = "update-known-failures")]
    pub update: bool,
    /// The list may be about other scenarios than those that are run.
    #[arg(skip)]
    pub about_others: bool,
}

impl KnownFailures {
    /// Reads the list, where one is given; shows its mistakes.
    pub(super) fn load(
        &self,
        scenarios: &[Arc<Scenario>],
        output: Output,
    ) -> Result<Option<Arc<run::KnownFailures>>, Exit> {
        let Some(path) = &self.list else {
            if self.update {
                let text = "--update-known-failures needs a list to update: --known-failures says which, or \
                            `known_failures` in counterfoil.yaml";
                return Err(usage(text, output));
            }
            return Ok(None);
        };
        // A filter leaves entries as they are, so they are held against every run that there is.
        let jobs = run::jobs(scenarios, &Filter::default());
        let reading = Reading { to_update: self.update, about_others: self.about_others };
        let list = run::KnownFailures::load(path, &jobs, today(), reading)
            .map_err(|unusable| show_unusable(unusable, output))?;
        Ok(Some(Arc::new(list)))
    }
}

/// Shows why a file cannot be used.
pub(super) fn show_unusable(unusable: run::Unusable, output: Output) -> Exit {
    let run::Unusable { diagnostics: mistakes, source } = unusable;
    let file = source.0.clone();
    output.error_text(&diagnostics::render(
        &mistakes,
        &[source],
        output.error_layout(),
        output.colors_errors(),
    ));
    let count: usize = mistakes.iter().map(|mistake| mistake.stands_for).sum();
    output.error(&format!("{} in {file}", counted(count, "mistake")));
    Exit::Usage
}

/// The day in UTC.
pub(super) fn today() -> Date {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    Date::from_days(i64::try_from(seconds / 86_400).unwrap_or_default())
}
