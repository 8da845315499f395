//! An executable that starts this program as a plugin, and the directory in which a host finds it.

use std::{
    ffi::OsStr,
    fs,
    io::{self, ErrorKind},
    os::unix::{ffi::OsStrExt as _, fs::PermissionsExt as _},
    path::{Path, PathBuf},
};

/// The text of an executable that is `program`, which is ours, with these arguments. `command` is the one of ours by which
/// it is made.
pub fn script(command: &str, program: &Path, arguments: &[&OsStr]) -> Vec<u8> {
    let mut script = head(command);
    script.extend([b"exec ", &*quoted(program.as_os_str().as_bytes())].concat());
    for argument in arguments {
        script.push(b' ');
        script.extend(quoted(argument.as_bytes()));
    }
    script.push(b'\n');
    script
}

/// The first lines of such an executable.
pub fn head(command: &str) -> Vec<u8> {
    format!("#!/bin/sh\n# Made by `counterfoil {command}`.\n").into_bytes()
}

/// Why a plugin is not laid out.
#[derive(Debug, thiserror::Error)]
pub enum NotLaidOut {
    /// Something is in the way, and nothing was written.
    #[error(
        "{} is there already and was not made by `counterfoil {command}`: it is left as it is; remove it, or install \
         elsewhere",
        path.display()
    )]
    InTheWay {
        /// What.
        path: PathBuf,
        /// The command that would have made it.
        command: String,
    },
    /// It cannot be seen whether something is in the way, and nothing was written.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// What was looked at.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It cannot be written.
    #[error("{} cannot be written: {source}", path.display())]
    Unwritable {
        /// What was to be.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Writes the files of a plugin into `directory`, which is made where it is missing: each by its name, with its content
/// and its mode. What `command` has written before is replaced.
///
/// # Errors
/// See [`NotLaidOut`].
pub fn lay_out(directory: &Path, files: &[(&str, Vec<u8>, u32)], command: &str) -> Result<(), NotLaidOut> {
    // Nothing is written where anything is in the way.
    for (name, ours, _) in files {
        let path = directory.join(name);
        match fs::read(&path) {
            Ok(found) if is_ours(&found, ours, command) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Ok(_) => return Err(NotLaidOut::InTheWay { path, command: command.to_owned() }),
            Err(source) => return Err(NotLaidOut::Unreadable { path, source }),
        }
    }
    let unwritable = |path: &Path, source| NotLaidOut::Unwritable { path: path.to_owned(), source };
    fs::create_dir_all(directory).map_err(|error| unwritable(directory, error))?;
    for (name, content, mode) in files {
        let path = directory.join(name);
        fs::write(&path, content)
            .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(*mode)))
            .map_err(|error| unwritable(&path, error))?;
    }
    Ok(())
}

/// What makes a mock provider's executable.
const MOCK: &str = "mock install";

/// Lays a mock provider out as a plugin of this name, below `into`, and gives its directory. `program` is ours, and `which`
/// the provider as `mock serve` is told it.
///
/// # Errors
/// See [`NotLaidOut`].
pub fn lay_out_mock(
    into: &Path,
    program: &Path,
    name: &str,
    manifest: String,
    which: [&OsStr; 2],
) -> Result<PathBuf, NotLaidOut> {
    let directory = into.join(name);
    let script = script(MOCK, program, &[&["mock", "serve"].map(OsStr::new), &which[..]].concat());
    let files = [("plugin.json", manifest.into_bytes(), 0o644), (name, script, 0o755)];
    lay_out(&directory, &files, MOCK)?;
    Ok(directory)
}

/// Whether a file is what we would write, or an executable that the same command wrote otherwise.
fn is_ours(found: &[u8], ours: &[u8], command: &str) -> bool {
    let head = head(command);
    found == ours || (ours.starts_with(&head) && found.starts_with(&head))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_anything_in_it_is_one_word_of_the_shell() {
        let arguments = ["mock", "serve", "--profile", "reference"].map(OsStr::new);
        let script = script("mock install", Path::new("/a b/it's $HOME/counterfoil"), &arguments);
        let expected = r"exec '/a b/it'\''s $HOME/counterfoil' 'mock' 'serve' '--profile' 'reference'";
        assert!(String::from_utf8(script).unwrap().ends_with(&format!("{expected}\n")));
    }
}
