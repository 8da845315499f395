//! What is put under test: a plugin as a maintainer has it on disk, and what it is given.

pub mod archive;
pub mod build;
pub mod config;
pub mod manifest;
pub mod outbound;
pub mod redact;

use std::{
    fs::{self, File},
    io,
    os::unix::{ffi::OsStrExt as _, fs::PermissionsExt as _},
    path::{self, Path, PathBuf},
};

use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use self::{
    archive::{ArchiveError, Kind},
    build::BuildError,
    manifest::{Manifest, ManifestError},
};

/// The name of a manifest.
const MANIFEST: &str = "plugin.json";

/// What the names of most plugins begin with, and those of their programs need not (E-261).
const PREFIX: &str = "workflow-plugin-";

/// Where the program of a checkout may be, below it.
const PLACES: [&str; 4] = ["", "bin", "dist", "build"];

/// A plugin on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// What it is called: by its manifest, else after its file.
    pub name: String,
    /// The archive that it comes from.
    pub archive: Option<Packed>,
    /// The program, by its absolute path.
    pub program: PathBuf,
    /// The directory in which it is started (E-202).
    pub directory: PathBuf,
    /// What it says of itself on disk.
    pub manifest: Option<Manifest>,
    /// The SHA-256 of the program, in hexadecimal.
    pub digest: String,
}

/// The archive that a plugin comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// Where it is.
    pub path: PathBuf,
    /// Its SHA-256, in hexadecimal.
    pub digest: String,
}

/// What it takes to have a plugin on disk.
#[derive(Clone, Copy, Debug)]
pub struct Preparation<'a> {
    /// The command that builds it first.
    pub build: Option<&'a str>,
    /// An empty directory to unpack an archive into. It is the caller's to remove.
    pub room: &'a Path,
    /// Ends the preparation.
    pub stop: &'a CancellationToken,
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
    /// An archive that is not taken.
    #[error("{} is not taken: {error}", path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// Why.
        error: ArchiveError,
    },
    /// It could not be built.
    #[error("the plugin cannot be built: {0}")]
    Build(#[from] BuildError),
    /// Something to be built that is no checkout.
    #[error("{} is no directory: --build makes the program of a checkout", .0.display())]
    NothingToBuild(PathBuf),
    /// A directory without a plugin.
    #[error(
        "{} has no {MANIFEST}; a plugin is its program, or what holds {MANIFEST} and the program{}",
        .0.display(), hint(.0)
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
    #[error("{} is missing: {} names it{}", program.display(), MANIFEST, hint(directory))]
    NoProgram {
        /// Where it should be.
        program: PathBuf,
        /// Where the manifest is.
        directory: PathBuf,
    },
    /// A manifest with several programs that could be the one.
    #[error("{} has no program of the name in {MANIFEST}, and several that could be it: {}", directory.display(), names.join(", "))]
    SeveralPrograms {
        /// The directory.
        directory: PathBuf,
        /// The names of the programs.
        names: Vec<String>,
    },
}

/// What to do about a directory that may hold sources.
fn hint(directory: &Path) -> &'static str {
    // In an archive there is nothing to build.
    if !directory.is_dir() {
        return "";
    }
    let is_checkout = ["go.mod", ".git"].iter().any(|name| directory.join(name).exists());
    if is_checkout {
        "; this looks like a checkout: `--build CMD` builds it first, with `go build -o NAME ./cmd/NAME` for instance"
    } else {
        "; `--build CMD` makes it first, where this is a checkout"
    }
}

impl SubjectError {
    /// Whether it is not the plugin that is to blame, but where it was to be unpacked.
    pub fn is_ours(&self) -> bool {
        matches!(self, Self::Archive { error: ArchiveError::Unwritable { .. }, .. })
    }

    /// The same, with paths as they are in the archive where they are below `room`.
    fn in_archive(self, room: &Path, archive: &Path) -> Self {
        let inner = |path: PathBuf| match path.strip_prefix(room) {
            Ok(inner) if inner.as_os_str().is_empty() => archive.to_owned(),
            Ok(inner) => archive.join(inner),
            Err(_) => path,
        };
        let inner_names = |names: Vec<String>| {
            names.into_iter().map(|name| inner(name.into()).display().to_string()).collect()
        };
        match self {
            Self::NoManifest(directory) => Self::NoManifest(inner(directory)),
            Self::Several { directory, names } => {
                Self::Several { directory: inner(directory), names: inner_names(names) }
            }
            Self::NoProgram { program, directory } => {
                Self::NoProgram { program: inner(program), directory: inner(directory) }
            }
            Self::SeveralPrograms { directory, names } => {
                Self::SeveralPrograms { directory: inner(directory), names: inner_names(names) }
            }
            Self::Manifest(error) => Self::Manifest(error.at(inner)),
            other => other,
        }
    }

    /// Whether there is no plugin because the preparation was stopped.
    pub fn is_stopped(&self) -> bool {
        matches!(
            self,
            Self::Archive { error: ArchiveError::Stopped, .. } | Self::Build(BuildError::Stopped(_))
        )
    }
}

impl Subject {
    /// The plugin at `path`: its program, the directory of an installed plugin, a directory that holds one such, a
    /// checkout, or a release archive, which is unpacked. Whether the program can be run shows when it is started.
    ///
    /// # Errors
    /// See [`SubjectError`].
    pub async fn prepare(path: &Path, preparation: Preparation<'_>) -> Result<Self, SubjectError> {
        let Preparation { build, room, stop } = preparation;
        let io = |source| SubjectError::Io { path: path.to_owned(), source };
        let metadata = fs::metadata(path).map_err(io)?;
        if let Some(command) = build {
            if !metadata.is_dir() {
                return Err(SubjectError::NothingToBuild(path.to_owned()));
            }
            build::build(path, command, stop).await?;
        }
        let not_taken = |error| SubjectError::Archive { path: path.to_owned(), error };
        // Only a file is looked into: what else could be opened might never end.
        let kind = if metadata.is_file() { archive::kind(path).map_err(io)? } else { Kind::Other };
        match kind {
            Kind::Gzip => {
                let file = File::open(path).map_err(io)?;
                let (place, stop) = (room.to_owned(), stop.clone());
                let unpacked = tokio::task::spawn_blocking(move || {
                    let digest = archive::digest(&file, &stop)?;
                    archive::unpack(file, &place, &stop).map(|()| digest)
                });
                let digest = unpacked.await.map_err(|error| io(error.into()))?.map_err(not_taken)?;
                let packed = Packed { path: path.to_owned(), digest };
                let subject = Self::within(room).map_err(|error| error.in_archive(room, path))?;
                Ok(Self { archive: Some(packed), ..subject })
            }
            Kind::NoArchive(what) => Err(not_taken(ArchiveError::Other(what))),
            Kind::Other => Self::open(path),
        }
    }

    /// The plugin at `path`, where nothing has to be made first.
    fn open(path: &Path) -> Result<Self, SubjectError> {
        let io = |source| SubjectError::Io { path: path.to_owned(), source };
        let metadata = fs::metadata(path).map_err(io)?;
        let path = path::absolute(path).map_err(io)?;
        if metadata.is_dir() { Self::within(&path) } else { Self::program(path) }
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

    fn within(directory: &Path) -> Result<Self, SubjectError> {
        let manifest = directory.join(MANIFEST);
        if !manifest.is_file() {
            let mut within = plugins_in(directory)?;
            return match within.len() {
                0 => Err(SubjectError::NoManifest(directory.to_owned())),
                1 => Self::within(&within.remove(0)),
                _ => {
                    let names = within.iter().map(|path| path.display().to_string()).collect();
                    Err(SubjectError::Several { directory: directory.to_owned(), names })
                }
            };
        }
        let manifest = Manifest::read(&manifest)?;
        let program = program_in(directory, manifest.name.as_deref())?;
        let own = || program.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = manifest.name.clone().or_else(own).unwrap_or_default();
        // It is started where it lies (E-202).
        let place = program.parent().unwrap_or(directory).to_owned();
        Self::of(name, program, place, Some(manifest))
    }

    fn of(
        name: String,
        program: PathBuf,
        directory: PathBuf,
        manifest: Option<Manifest>,
    ) -> Result<Self, SubjectError> {
        let digest = digest(&program).map_err(|source| SubjectError::Io { path: program.clone(), source })?;
        Ok(Self { name, archive: None, program, directory, manifest, digest })
    }
}

/// The program of the plugin whose manifest is in `directory` and gives it this name: by that name, with or without its
/// prefix, or by that of the directory; else the one program whose name begins so, as that of a platform (E-261).
fn program_in(directory: &Path, told: Option<&str>) -> Result<PathBuf, SubjectError> {
    // A name is no path: it must not lead out of the directory.
    let told = told.filter(|name| !name.is_empty() && !name.contains('/') && *name != "..");
    let short = told.and_then(|name| name.strip_prefix(PREFIX)).filter(|name| !name.is_empty());
    let own = directory.file_name().and_then(|name| name.to_str());
    let names: Vec<&str> = [told, short, own].into_iter().flatten().collect();
    let places = PLACES.iter().map(|place| directory.join(place));
    let exact = places.clone().flat_map(|place| names.iter().map(move |name| place.join(name)));
    if let Some(program) = exact.into_iter().find(|program| program.is_file()) {
        return Ok(program);
    }
    let mut alike = Vec::new();
    for place in places.filter(|place| place.is_dir()) {
        alike.extend(programs_in(&place, told.unwrap_or(PREFIX))?);
    }
    match alike.len() {
        0 => {
            let program = names.first().map_or_else(|| directory.to_owned(), |name| directory.join(name));
            Err(SubjectError::NoProgram { program, directory: directory.to_owned() })
        }
        1 => Ok(alike.remove(0)),
        _ => {
            let names = alike.iter().map(|path| path.display().to_string()).collect();
            Err(SubjectError::SeveralPrograms { directory: directory.to_owned(), names })
        }
    }
}

/// The executable files in `directory` whose names begin so, in the order of their names.
fn programs_in(directory: &Path, beginning: &str) -> Result<Vec<PathBuf>, SubjectError> {
    let executable = |path: &PathBuf| {
        fs::metadata(path).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
    };
    let named = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.as_bytes().starts_with(beginning.as_bytes()))
    };
    let mut paths = entries(directory)?;
    paths.retain(|path| named(path) && executable(path));
    Ok(paths)
}

/// The directories in `directory` that hold a manifest, in the order of their names.
fn plugins_in(directory: &Path) -> Result<Vec<PathBuf>, SubjectError> {
    let mut paths = entries(directory)?;
    paths.retain(|path| path.join(MANIFEST).is_file());
    Ok(paths)
}

/// What is in a directory, in the order of the names.
fn entries(directory: &Path) -> Result<Vec<PathBuf>, SubjectError> {
    let io = |source| SubjectError::Io { path: directory.to_owned(), source };
    let entries = fs::read_dir(directory).map_err(io)?;
    let mut paths =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>().map_err(io)?;
    paths.sort();
    Ok(paths)
}

/// The SHA-256 of a program, in hexadecimal.
fn digest(program: &Path) -> io::Result<String> {
    // What is no file has no end, and is refused when it is to be started.
    if fs::metadata(program)?.is_file() { sha256(File::open(program)?) } else { sha256(io::empty()) }
}

/// The SHA-256 of all that can be read, in hexadecimal.
fn sha256(mut from: impl io::Read) -> io::Result<String> {
    let mut hasher = Sha256::new();
    io::copy(&mut from, &mut hasher)?;
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
