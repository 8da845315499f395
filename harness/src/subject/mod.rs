//! What is put under test: a plugin as a maintainer has it on disk, and what it is given.

pub mod config;
pub mod manifest;
pub mod outbound;
pub mod redact;

use std::{
    fs::{self, File},
    io,
    path::{self, Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use self::manifest::{Manifest, ManifestError};

/// The name of a manifest.
const MANIFEST: &str = "plugin.json";

/// A plugin on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// What it is called: by its manifest, else after its file.
    pub name: String,
    /// The program, by its absolute path.
    pub program: PathBuf,
    /// The directory in which it is started (E-202).
    pub directory: PathBuf,
    /// What it says of itself on disk.
    pub manifest: Option<Manifest>,
    /// The SHA-256 of the program, in hexadecimal.
    pub digest: String,
}

/// What is no plugin that could be started.
#[derive(Debug, thiserror::Error)]
pub enum SubjectError {
    /// It cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Io {
        /// What was looked at.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Its manifest is none.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A directory without a plugin.
    #[error(
        "{} has no {MANIFEST}: give the program itself, or the directory of an installed plugin, which holds \
         {MANIFEST} and the program{}", .0.display(), hint(.0)
    )]
    NoManifest(PathBuf),
    /// A directory with several plugins.
    #[error("{} holds several plugins, give one of them: {}", directory.display(), names.join(", "))]
    Several {
        /// The directory.
        directory: PathBuf,
        /// The directories in it that hold a plugin.
        names: Vec<String>,
    },
    /// A manifest without its program (E-233).
    #[error("{} is missing: {} names it; build the plugin first{}", program.display(), MANIFEST, hint(directory))]
    NoProgram {
        /// Where it should be.
        program: PathBuf,
        /// Where the manifest is.
        directory: PathBuf,
    },
}

/// What to do about a directory that holds sources.
fn hint(directory: &Path) -> &'static str {
    let is_checkout = ["go.mod", ".git"].iter().any(|name| directory.join(name).exists());
    if is_checkout {
        " (this looks like a checkout: build it, and give the program that comes out)"
    } else {
        ""
    }
}

impl Subject {
    /// The plugin at `path`: its program, the directory of an installed plugin, or a directory that holds one such.
    /// Whether the program can be run shows when it is started.
    ///
    /// # Errors
    /// See [`SubjectError`].
    pub fn open(path: &Path) -> Result<Self, SubjectError> {
        let io = |source| SubjectError::Io { path: path.to_owned(), source };
        let metadata = fs::metadata(path).map_err(io)?;
        let path = path::absolute(path).map_err(io)?;
        if metadata.is_dir() { Self::directory(&path) } else { Self::program(path) }
    }

    /// A program; a manifest beside it counts where it has the same name, as in the directory of an installed plugin.
    fn program(program: PathBuf) -> Result<Self, SubjectError> {
        let directory = program.parent().map_or_else(|| PathBuf::from("/"), Path::to_owned);
        let own = program.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let beside = directory.join(MANIFEST);
        let manifest = if beside.is_file() { Some(Manifest::read(&beside)?) } else { None };
        let manifest = manifest.filter(|manifest| manifest.name.as_ref() == Some(&own));
        Self::of(own, program, directory, manifest)
    }

    fn directory(directory: &Path) -> Result<Self, SubjectError> {
        let manifest = directory.join(MANIFEST);
        if !manifest.is_file() {
            let mut within = plugins_in(directory)?;
            return match within.len() {
                0 => Err(SubjectError::NoManifest(directory.to_owned())),
                1 => Self::directory(&within.remove(0)),
                _ => {
                    let names = within.iter().map(|path| path.display().to_string()).collect();
                    Err(SubjectError::Several { directory: directory.to_owned(), names })
                }
            };
        }
        let manifest = Manifest::read(&manifest)?;
        let own = directory.file_name().map(|name| name.to_string_lossy().into_owned());
        // A name is no path: it must not lead out of the directory.
        let told = manifest.name.clone().filter(|name| !name.contains('/') && name != "..");
        let candidates = [told, own];
        let mut programs = candidates.iter().flatten().map(|name| (name, directory.join(name)));
        let found = programs.clone().find(|(_, program)| program.is_file());
        match found.or_else(|| programs.next()) {
            Some((name, program)) if program.is_file() => {
                Self::of(name.clone(), program, directory.to_owned(), Some(manifest))
            }
            other => Err(SubjectError::NoProgram {
                program: other.map_or_else(|| directory.to_owned(), |(_, program)| program),
                directory: directory.to_owned(),
            }),
        }
    }

    fn of(
        name: String,
        program: PathBuf,
        directory: PathBuf,
        manifest: Option<Manifest>,
    ) -> Result<Self, SubjectError> {
        let digest = digest(&program).map_err(|source| SubjectError::Io { path: program.clone(), source })?;
        Ok(Self { name, program, directory, manifest, digest })
    }
}

/// The directories in `directory` that hold a manifest, in the order of their names.
fn plugins_in(directory: &Path) -> Result<Vec<PathBuf>, SubjectError> {
    let io = |source| SubjectError::Io { path: directory.to_owned(), source };
    let entries = fs::read_dir(directory).map_err(io)?;
    let mut paths =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>().map_err(io)?;
    paths.retain(|path| path.join(MANIFEST).is_file());
    paths.sort();
    Ok(paths)
}

fn digest(program: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    // What is no file has no end, and is refused when it is to be started.
    if fs::metadata(program)?.is_file() {
        io::copy(&mut File::open(program)?, &mut hasher)?;
    }
    Ok(hex::encode(hasher.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn installed(root: &Path, name: &str, program: bool) -> PathBuf {
        let directory = root.join(name);
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join(MANIFEST), format!(r#"{{"name":"{name}"}}"#)).unwrap();
        if program {
            fs::write(directory.join(name), "#!/bin/sh\n").unwrap();
        }
        directory
    }

    #[test]
    fn a_plugin_is_found_by_its_program_its_directory_and_the_one_above() {
        let root = tempfile::tempdir().unwrap();
        let directory = installed(root.path(), "mock", true);
        for path in [directory.join("mock"), directory.clone(), root.path().to_owned()] {
            let subject = Subject::open(&path).unwrap();
            assert_eq!((subject.name.as_str(), subject.program), ("mock", directory.join("mock")));
            assert_eq!((subject.directory, subject.digest.len()), (directory.clone(), 64));
            assert!(subject.manifest.is_some());
        }
        fs::copy(directory.join("mock"), directory.join("other")).unwrap();
        assert_eq!(Subject::open(&directory.join("other")).unwrap().manifest, None);
    }

    #[test]
    fn what_is_no_plugin_is_told_what_would_be_one() {
        let root = tempfile::tempdir().unwrap();
        let error = |path: &Path| Subject::open(path).unwrap_err().to_string();
        assert!(error(&root.path().join("absent")).contains("cannot be read"));
        assert!(error(root.path()).contains("has no plugin.json"));
        let bare = installed(root.path(), "bare", false);
        fs::write(bare.join("go.mod"), "module bare").unwrap();
        let told = error(&bare);
        assert!(told.contains("bare/bare is missing") && told.contains("looks like a checkout"), "{told}");
        installed(root.path(), "whole", true);
        assert!(error(root.path()).contains("several plugins"));
        fs::write(bare.join(MANIFEST), r#"{"name":"../whole/whole"}"#).unwrap();
        assert!(error(&bare).contains("is missing"));
    }
}
