//! `counterfoil mock`: a provider of ours as a plugin that any host can start.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use counterfoil_mock::{
    Profile, Provider,
    broken::process::{self, NotServed},
    manifest,
    plugin::{self, HostEnvironment},
};
use counterfoil_proto::Revision;

use super::{Exit, args::revision, known::show_unusable, output::Output};
use crate::{
    profiles::{self, Found, NotFound},
    report::profiles as profiles_report,
    subject::script,
};

/// `counterfoil mock`
#[derive(Debug, Subcommand)]
pub(super) enum Mock {
    /// Serve a provider to the host that starts this.
    Serve {
        /// Which provider.
        #[command(flatten)]
        profile: Named,
        /// The revision of the contract that it speaks, by name, alias or engine version [default: that of the
        /// profile].
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
        profile: Named,
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

/// A profile by its name.
#[derive(Debug, Args)]
pub(super) struct Named {
    /// The profile: NAME, NAME@POINT, or a file of yours, PATH or PATH@POINT; the newest point where none is named
    /// (`counterfoil mock profiles` lists them).
    #[arg(long = "profile", value_name = "NAME")]
    name: String,
}

impl Named {
    fn find(&self, output: Output) -> Result<Found, Exit> {
        profiles::find(&self.name).map_err(|not_found| match not_found {
            NotFound::Unknown(text) => {
                output.error(&text);
                Exit::Usage
            }
            NotFound::Nowhere(error) => {
                output.error(&format!("the current directory is not known: {error}"));
                Exit::Unjudged
            }
            NotFound::Unusable(unusable) => show_unusable(unusable, output),
        })
    }
}

/// Carries out a command.
pub(super) fn execute(command: &Mock, output: Output) -> Exit {
    match command {
        Mock::Serve { profile, revision } => serve(profile, *revision, output).unwrap_or_else(|exit| exit),
        Mock::ServeBroken { name } => serve_broken(name, output),
        Mock::Install { profile, into } => install(profile, into, output).unwrap_or_else(|exit| exit),
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

fn serve(named: &Named, revision: Option<Revision>, output: Output) -> Result<Exit, Exit> {
    let profile = named.find(output)?.profile;
    let provider = Provider::new(profile.setup(revision.unwrap_or_else(|| profile.point.speaks())));
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

fn install(named: &Named, into: &Path, output: Output) -> Result<Exit, Exit> {
    let Found { profile, named } = named.find(output)?;
    let usage = |text: String| {
        output.error(&text);
        Exit::Usage
    };
    let program = env::current_exe().map_err(|error| {
        output.error(&format!("the path of this program is not known: {error}"));
        Exit::Unjudged
    })?;
    let dir = into.join(&profile.plugin);
    let arguments = ["mock", "serve", "--profile"].map(OsStr::new);
    let script = script::script(COMMAND, &program, &[&arguments[..], &[&named]].concat());
    let files =
        [("plugin.json", manifest::text(&profile).into_bytes(), 0o644), (&*profile.plugin, script, 0o755)];
    script::lay_out(&dir, &files, COMMAND).map_err(|error| usage(error.to_string()))?;
    Ok(output.print(&format!("{} installed in {}\n", profile.plugin, dir.display())))
}

/// What makes our executables.
const COMMAND: &str = "mock install";
