//! `counterfoil init`: looks at a plugin's repository, and makes the files that put a gate into it. What is there already is
//! never written over, unless that is asked for.

mod facts;
mod files;

use std::{io, path::PathBuf};

pub use self::{
    facts::{Fact, Facts, look},
    files::{Action, Ci, KNOWN_FAILURES, Planned, Wanted, plan},
};
use crate::subject::manifest::ManifestError;

/// Why there is nothing to begin with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// There is no plugin.
    #[error(
        "there is no plugin.json here nor in cmd/*/: a gate is put into the repository of a plugin. Go to its root, or name \
         the file by --plugin; an engine or a decoder needs no file (docs/adapter.md)"
    )]
    NoPlugin,
    /// There are several, and none is the repository's own.
    #[error("there are several plugins: say which by --plugin, one of {}", .0.join(", "))]
    Several(Vec<String>),
    /// What `--plugin` names is no manifest of this repository.
    #[error("--plugin {}: {why}", path.display())]
    NoManifest {
        /// What was named.
        path: PathBuf,
        /// Why it cannot be the one.
        why: &'static str,
    },
    /// The manifest cannot be read.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// It says no name by which the program could be found.
    #[error("{} has no `name` that a program can have: it is the plugin's name, such as workflow-plugin-x", .0.display())]
    NoName(PathBuf),
    /// Something that is there cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// What was looked at.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}
