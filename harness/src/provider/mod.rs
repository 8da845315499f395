//! How a provider is reached: embedded, our own mock behind a pair of sockets, or as a plugin [`process`].
//!
//! ```text
//! Link -> FaultyTransport ----> faults ----> Connection ~~ socket ~~> Embedded
//!              |                  |              ^
//!              +-> Lifetime       +----- cut ----+
//! ```
//!
//! Faults of single calls stand in [`FaultyTransport`], those of the connection itself in [`Connection`]. A call under
//! way is given up when the [`Lifetime`] of the apply ends, as by a [`Deadline`].

use std::{env, fs, io, os::unix::fs::PermissionsExt as _, path::Path};

use tempfile::TempDir;

mod connection;
mod embedded;
mod frames;
mod lifetime;
pub mod process;
pub mod reflection;
mod transport;

pub(crate) use self::{connection::Stream, frames::Opening, transport::rpc_error};
pub use self::{
    connection::{Address, Connection, Target, connect},
    embedded::Embedded,
    lifetime::{Deadline, Lifetime},
    transport::{DETACHED, FaultyTransport},
};

/// The longest path of a socket that every platform takes (104 bytes with the NUL, on macOS).
const LONGEST_SOCKET: usize = 103;

/// A directory for sockets that nobody else may enter. It lies where temporary files lie, or in `/tmp` where that path
/// leaves no `room`, in bytes, for a socket below it, as it does in many a build sandbox.
///
/// # Errors
/// When it cannot be made.
pub fn private_directory(room: usize) -> io::Result<TempDir> {
    let usual = env::temp_dir();
    let base = if usual.as_os_str().len() + room > LONGEST_SOCKET { Path::new("/tmp") } else { &usual };
    tempfile::Builder::new().prefix("cf-").tempdir_in(base)
}

/// Removes a private directory with all that a plugin left there, what it made read-only too.
///
/// # Errors
/// When something stays.
pub fn remove_private_directory(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_up(directory);
            fs::remove_dir_all(directory)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Lets us into a directory and all below it, as far as that goes.
fn open_up(directory: &Path) {
    let _ = fs::set_permissions(directory, fs::Permissions::from_mode(0o700));
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            open_up(&entry.path());
        }
    }
}

/// A provider that could not be reached.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// There was no connection.
    #[error("the provider does not answer on its socket: {0}")]
    Connect(#[from] tonic::transport::Error),
}

#[cfg(test)]
mod tests;
