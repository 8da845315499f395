//! `counterfoil mock`: a provider of ours as a plugin that any host can start.

use std::{
    env,
    ffi::OsStr,
    io,
    path::{self, Path, PathBuf},
    sync::Arc,
};

use clap::{Args, Subcommand};
use counterfoil_core::scenario::Scenario;
use counterfoil_mock::{
    Profile, Provider,
    broken::process::{self, NotServed},
    manifest,
    plugin::{self, HostEnvironment},
};
use counterfoil_proto::Revision;

use super::{
    Exit,
    args::revision,
    commands::{load_one, usage},
    known::show_unusable,
    output::Output,
};
use crate::{
    profiles::{self, Found, NotFound},
    report::profiles as profiles_report,
    run,
    subject::script,
};

/// `counterfoil mock`
#[derive(Debug, Subcommand)]
pub(super) enum Mock {
    /// Serve a provider to the host that starts this.
    Serve {
        /// Which provider.
        #[command(flatten)]
        which: Which,
        /// The revision of the contract that it speaks, by name, alias or engine version [default: that of the
        /// profile, and the newest for a scenario].
        #[arg(long, value_parser = revision)]
        revision: Option<Revision>,
    },
    /// Be a broken process, as the kill matrix starts it.
    #[command(hide = true)]
    ServeBroken {
        /// Which one.
        name: String,
    },
    /// Lay a provider out as a plugin that a host finds: DIR/NAME/plugin.json and an executable beside it.
    Install {
        /// Which provider.
        #[command(flatten)]
        which: Which,
        /// The directory of plugins; it is made where it is missing.
        #[arg(long, value_name = "DIR")]
        into: PathBuf,
    },
    /// List the profiles and what a check of each finds.
    Profiles {
        /// Files with profiles of your own; those of ours where there are none.
        files: Vec<PathBuf>,
    },
}

/// A provider: that of a profile, or the one that a scenario asks for.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Which {
    /// The profile: NAME, NAME@POINT, or a file of yours, PATH or PATH@POINT; the newest point where none is named
    /// (`counterfoil mock profiles` lists them).
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// The provider that this scenario asks for: what it declares and serves, and what exists in its cloud.
    #[arg(long, value_name = "SCENARIO")]
    scenario: Option<PathBuf>,
}

/// A provider that was found.
enum Chosen {
    Profile(Box<Found>),
    /// With the profile whose manifest goes with it.
    Scenario(Arc<Scenario>, PathBuf, Box<Found>),
}

impl Which {
    fn find(&self, output: Output) -> Result<Chosen, Exit> {
        let Some(path) = &self.scenario else {
            let named = self.profile.as_deref().unwrap_or_default();
            return found(named, output).map(|found| Chosen::Profile(Box::new(found)));
        };
        let scenario = load_one(path, "--scenario", output)?;
        let path = path::absolute(path).map_err(|error| nowhere(&error, output))?;
        Ok(Chosen::Scenario(scenario, path, Box::new(found(REFERENCE, output)?)))
    }
}

fn found(named: &str, output: Output) -> Result<Found, Exit> {
    profiles::find(named).map_err(|not_found| match not_found {
        NotFound::Unknown(text) => {
            output.error(&text);
            Exit::Usage
        }
        NotFound::Nowhere(error) => nowhere(&error, output),
        NotFound::Unusable(unusable) => show_unusable(unusable, output),
    })
}

fn nowhere(error: &io::Error, output: Output) -> Exit {
    output.error(&format!("the current directory is not known: {error}"));
    Exit::Unjudged
}

impl Chosen {
    /// The provider itself, at a revision or at its own.
    fn provider(&self, revision: Option<Revision>, output: Output) -> Result<Provider, Exit> {
        match self {
            Self::Profile(found) => {
                let profile = &found.profile;
                Ok(Provider::new(profile.setup(revision.unwrap_or_else(|| profile.point.speaks()))))
            }
            Self::Scenario(scenario, ..) => run::provider_of(scenario, revision.unwrap_or(Revision::Head))
                .map_err(|error| {
                    usage(&format!("what the scenario says to exist cannot be: {error}"), output)
                }),
        }
    }

    /// The name of its plugin, the plugin's manifest, and how it is named to `mock serve`.
    fn installed(&self) -> (&str, String, [&OsStr; 2]) {
        let (found, named) = match self {
            Self::Profile(found) => (found, [OsStr::new("--profile"), &found.named]),
            Self::Scenario(_, path, found) => (found, [OsStr::new("--scenario"), path.as_os_str()]),
        };
        (&found.profile.plugin, manifest::text(&found.profile), named)
    }
}

/// Carries out a command.
pub(super) fn execute(command: &Mock, output: Output) -> Exit {
    match command {
        Mock::Serve { which, revision } => serve(which, *revision, output).unwrap_or_else(|exit| exit),
        Mock::ServeBroken { name } => serve_broken(name, output),
        Mock::Install { which, into } => install(which, into, output).unwrap_or_else(|exit| exit),
        Mock::Profiles { files } => list(files, output).unwrap_or_else(|exit| exit),
    }
}

fn list(files: &[PathBuf], output: Output) -> Result<Exit, Exit> {
    let all: Vec<(String, Vec<Profile>)> = if files.is_empty() {
        Profile::all().map(|(name, history)| (name.to_owned(), history.to_vec())).collect()
    } else {
        let read = |file: &PathBuf| Ok((file.display().to_string(), profiles::read(file)?));
        let all: Result<_, _> = files.iter().map(read).collect();
        all.map_err(|unusable| show_unusable(unusable, output))?
    };
    let histories: Vec<_> = all.iter().map(|(name, history)| (name.as_str(), history.as_slice())).collect();
    Ok(output.print(&profiles_report::list(&histories, output.layout())))
}

fn serve(which: &Which, revision: Option<Revision>, output: Output) -> Result<Exit, Exit> {
    let provider = which.find(output)?.provider(revision, output)?;
    let failed = |text: String| {
        output.error_text(&format!("{text}\n"));
        // What hosts expect of a plugin that cannot serve (P-001).
        Exit::Broken
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| failed(format!("no runtime: {error}")))?;
    runtime
        .block_on(plugin::serve(&provider, &HostEnvironment::of_process()))
        .map_err(|error| failed(error.to_string()))?;
    Ok(Exit::Passed)
}

fn serve_broken(name: &str, output: Output) -> Exit {
    let Err(not_served) = process::serve(name);
    output.error_text(&format!("{not_served}\n"));
    match not_served {
        NotServed::Unknown(_) => Exit::Usage,
        NotServed::NoHost => Exit::Broken,
        NotServed::Failed(_) => Exit::Defect,
    }
}

fn install(which: &Which, into: &Path, output: Output) -> Result<Exit, Exit> {
    let chosen = which.find(output)?;
    let program = env::current_exe().map_err(|error| {
        output.error(&format!("the path of this program is not known: {error}"));
        Exit::Unjudged
    })?;
    let (name, manifest, named) = chosen.installed();
    let dir = script::lay_out_mock(into, &program, name, manifest, named)
        .map_err(|error| usage(&error.to_string(), output))?;
    Ok(output.print(&format!("{name} installed in {}\n", dir.display())))
}

/// The profile of the provider that scenarios are made for.
const REFERENCE: &str = "reference";
