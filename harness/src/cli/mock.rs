//! `counterfoil mock`: a provider of ours as a plugin that any host can start.

use std::{
    env, fs,
    io::{self, ErrorKind},
    os::unix::{ffi::OsStrExt as _, fs::PermissionsExt as _},
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use counterfoil_core::scenario;
use counterfoil_mock::{
    Profile, Provider, manifest,
    plugin::{self, HostEnvironment},
};
use counterfoil_proto::Revision;

use super::{Exit, args::revision, output::Output};

/// `counterfoil mock`
#[derive(Debug, Subcommand)]
pub(super) enum Mock {
    /// Serve a provider to the host that starts this.
    Serve {
        /// Which provider.
        #[command(flatten)]
        profile: Named,
        /// The revision of the contract that it speaks, by name, alias or engine version.
        #[arg(long, default_value = "head", value_parser = revision)]
        revision: Revision,
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
    /// List the profiles.
    Profiles,
}

/// A profile by its name.
#[derive(Debug, Args)]
pub(super) struct Named {
    /// The profile (`counterfoil mock profiles` lists them).
    #[arg(long = "profile", value_name = "NAME")]
    name: String,
}

impl Named {
    fn find(&self, output: Output) -> Result<Profile, Exit> {
        Profile::named(&self.name).ok_or_else(|| {
            let help = scenario::nearest(&self.name, Profile::names())
                .map_or("`counterfoil mock profiles` lists them".to_owned(), |meant| {
                    format!("did you mean {meant:?}?")
                });
            output.error(&format!("no profile is called {:?}: {help}", self.name));
            Exit::Usage
        })
    }
}

/// Carries out a command.
pub(super) fn execute(command: &Mock, output: Output) -> Exit {
    match command {
        Mock::Serve { profile, revision } => serve(profile, *revision, output).unwrap_or_else(|exit| exit),
        Mock::Install { profile, into } => install(profile, into, output).unwrap_or_else(|exit| exit),
        Mock::Profiles => {
            let line = |name| {
                let profile = Profile::named(name).expect("it is one of the names");
                format!("{name:<14}{}\n", profile.description)
            };
            output.print(&Profile::names().map(line).collect::<String>())
        }
    }
}

fn serve(profile: &Named, revision: Revision, output: Output) -> Result<Exit, Exit> {
    let provider = Provider::new(profile.find(output)?.setup(revision));
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

fn install(named: &Named, into: &Path, output: Output) -> Result<Exit, Exit> {
    let profile = named.find(output)?;
    let usage = |text: String| {
        output.error(&text);
        Exit::Usage
    };
    let program = env::current_exe().map_err(|error| {
        output.error(&format!("the path of this program is not known: {error}"));
        Exit::Unjudged
    })?;
    let dir = into.join(&profile.plugin);
    let script = script(&program, &named.name);
    let files = [
        (dir.join("plugin.json"), manifest::text(&profile).into_bytes(), 0o644),
        (dir.join(&profile.plugin), script, 0o755),
    ];
    // Nothing is written where anything is in the way.
    for (path, ours, _) in &files {
        match fs::read(path) {
            Ok(found) if is_ours(&found, ours) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Ok(_) => {
                return Err(usage(format!(
                    "{} is there already and was not made by `counterfoil mock install`: it is left as it is; \
                     remove it, or install elsewhere",
                    path.display()
                )));
            }
            Err(error) => return Err(usage(format!("{} cannot be read: {error}", path.display()))),
        }
    }
    let write = || -> Result<(), (PathBuf, io::Error)> {
        fs::create_dir_all(&dir).map_err(|error| (dir.clone(), error))?;
        for (path, content, mode) in &files {
            fs::write(path, content)
                .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(*mode)))
                .map_err(|error| (path.clone(), error))?;
        }
        Ok(())
    };
    write().map_err(|(path, error)| usage(format!("{} cannot be written: {error}", path.display())))?;
    Ok(output.print(&format!("{} installed in {}\n", profile.plugin, dir.display())))
}

/// The first lines of an executable of ours.
const HEAD: &[u8] = b"#!/bin/sh\n# Made by `counterfoil mock install`.\n";

/// What starts this program as the plugin.
fn script(program: &Path, profile: &str) -> Vec<u8> {
    let program = program.as_os_str().as_bytes();
    [HEAD, b"exec ", &quoted(program), b" mock serve --profile ", &quoted(profile.as_bytes()), b"\n"].concat()
}

/// A word of the shell that means these bytes.
fn quoted(word: &[u8]) -> Vec<u8> {
    let mut quoted = vec![b'\''];
    for byte in word {
        match byte {
            b'\'' => quoted.extend_from_slice(br"'\''"),
            other => quoted.push(*other),
        }
    }
    quoted.push(b'\'');
    quoted
}

/// Whether a file is what we would write, or an executable that we wrote for another path of this program.
fn is_ours(found: &[u8], ours: &[u8]) -> bool {
    found == ours || (ours.starts_with(HEAD) && found.starts_with(HEAD))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_anything_in_it_is_one_word_of_the_shell() {
        let script = script(Path::new("/a b/it's $HOME/counterfoil"), "reference");
        let expected = r"exec '/a b/it'\''s $HOME/counterfoil' mock serve --profile 'reference'";
        assert!(String::from_utf8(script).unwrap().ends_with(&format!("{expected}\n")));
    }
}
