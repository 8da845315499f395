//! What is put under test: a plugin as a maintainer has it on disk, and what it is given.

pub mod archive;
pub mod build;
pub mod config;
pub mod manifest;
pub mod outbound;
pub mod redact;
pub mod script;

use std::{
    fs::{self, File},
    io,
    os::unix::{ffi::OsStrExt as _, fs::PermissionsExt as _},
    path::{self, Path, PathBuf},
};

use counterfoil_core::{
    manifest::FILE as MANIFEST,
    trace::{ManifestFile, Origin},
};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use self::{
    archive::{ArchiveError, Kind},
    build::BuildError,
    manifest::{Manifest, ManifestError},
};

/// What the names of most plugins begin with, and those of their programs need not (E-261).
pub(crate) const PREFIX: &str = "workflow-plugin-";

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
    /// What it says of itself on disk; none of a program by itself.
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
    if is_checkout(directory) {
        "; this looks like a checkout: `--build CMD` builds it first, with `go build -o NAME ./cmd/NAME` for instance"
    } else {
        "; `--build CMD` makes it first, where this is a checkout"
    }
}

/// Whether a directory holds the sources of a plugin.
fn is_checkout(directory: &Path) -> bool {
    ["go.mod", ".git"].iter().any(|name| directory.join(name).exists())
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
                let subject = Self { archive: Some(packed), ..subject };
                Ok(subject.with_manifest_of(Origin::Archive).with_manifest_at(room, path))
            }
            Kind::NoArchive(what) => Err(not_taken(ArchiveError::Other(what))),
            Kind::Other => {
                let subject = Self::open(path)?;
                let is_sources = build.is_some() || metadata.is_dir() && is_checkout(path);
                let subject = if is_sources { subject.with_manifest_of(Origin::Checkout) } else { subject };
                let given = if metadata.is_dir() { path } else { path.parent().unwrap_or(path) };
                let absolute = path::absolute(path).map_err(io)?;
                let base =
                    if metadata.is_dir() { &*absolute } else { absolute.parent().unwrap_or(&absolute) };
                Ok(subject.with_manifest_at(base, given))
            }
        }
    }

    /// The same with a manifest of another origin.
    fn with_manifest_of(mut self, origin: Origin) -> Self {
        if let Some(manifest) = &mut self.manifest {
            manifest.origin = origin;
        }
        self
    }

    /// The same with the path of its manifest as the user gave it: below `given` where it is below `base`.
    fn with_manifest_at(mut self, base: &Path, given: &Path) -> Self {
        if let Some(manifest) = &mut self.manifest
            && let Ok(inner) = manifest.path.strip_prefix(base)
        {
            manifest.path = given.join(inner);
        }
        self
    }

    /// The name of its provider, by which the engine finds it (E-231, E-235).
    pub fn provider_name(&self) -> Option<String> {
        let text = self.manifest.as_ref()?.text.as_ref()?;
        let manifest: Value = serde_json::from_str(text).ok()?;
        manifest["capabilities"]["iacProvider"]["name"].as_str().map(str::to_owned)
    }

    /// The manifest, as a trace holds it.
    pub fn manifest_file(&self) -> Option<ManifestFile> {
        let manifest = self.manifest.as_ref()?;
        let program = self.program.file_name().unwrap_or_default();
        Some(ManifestFile {
            path: manifest.path.display().to_string(),
            origin: manifest.origin,
            program: program.to_string_lossy().into_owned(),
            text: manifest.text.clone(),
        })
    }

    /// The plugin at `path`, where nothing has to be made first.
    ///
    /// # Errors
    /// See [`SubjectError`].
    pub fn open(path: &Path) -> Result<Self, SubjectError> {
        let io = |source| SubjectError::Io { path: path.to_owned(), source };
        let metadata = fs::metadata(path).map_err(io)?;
        let path = path::absolute(path).map_err(io)?;
        if metadata.is_dir() { Self::within(&path) } else { Self::program(path) }
    }

    /// A program; a manifest beside it counts where it has the same name, as in the directory of an installed plugin, or
    /// where nothing of it can be read.
    fn program(program: PathBuf) -> Result<Self, SubjectError> {
        let directory = program.parent().map_or_else(|| PathBuf::from("/"), Path::to_owned);
        let own = program.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let beside = directory.join(MANIFEST);
        let origin = origin(&directory);
        let manifest = if beside.is_file() { Some(Manifest::read(beside, origin)?) } else { None };
        let is_its_own =
            |manifest: &Manifest| manifest.is_malformed() || manifest.name.as_ref() == Some(&own);
        let manifest = manifest.filter(is_its_own);
        Self::of(own, program, directory, manifest)
    }

    fn within(directory: &Path) -> Result<Self, SubjectError> {
        let manifest = directory.join(MANIFEST);
        if !manifest.is_file() {
            let mut within = plugins_in(directory)?;
            return match within.len() {
                0 => Self::without_manifest(directory),
                1 => Self::within(&within.remove(0)),
                _ => {
                    let names = within.iter().map(|path| path.display().to_string()).collect();
                    Err(SubjectError::Several { directory: directory.to_owned(), names })
                }
            };
        }
        let manifest = Manifest::read(manifest, origin(directory))?;
        let program = program_in(directory, manifest.name.as_deref());
        // Where there is no manifest either, that is the mistake.
        let program = program.map_err(|error| manifest.error().map_or(error, SubjectError::Manifest))?;
        let own = || program.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = manifest.name.clone().or_else(own).unwrap_or_default();
        // It is started where it lies (E-202).
        let place = program.parent().unwrap_or(directory).to_owned();
        Self::of(name, program, place, Some(manifest))
    }

    /// The plugin of a directory that holds the program of one, by its name, and no manifest.
    fn without_manifest(directory: &Path) -> Result<Self, SubjectError> {
        let mut programs = programs_in(directory, PREFIX)?;
        if programs.len() != 1 {
            return Err(SubjectError::NoManifest(directory.to_owned()));
        }
        let program = programs.remove(0);
        let name = program.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let manifest = Manifest::absent(directory.join(MANIFEST), origin(directory));
        Self::of(name, program, directory.to_owned(), Some(manifest))
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

/// What the manifest in a directory lies in, as far as that tells.
fn origin(directory: &Path) -> Origin {
    if is_checkout(directory) { Origin::Checkout } else { Origin::Directory }
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
pub(crate) fn sha256(mut from: impl io::Read) -> io::Result<String> {
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

    async fn manifest_file(path: &Path, build: Option<&str>) -> ManifestFile {
        let preparation = Preparation { build, room: path, stop: &CancellationToken::new() };
        Subject::prepare(path, preparation).await.unwrap().manifest_file().unwrap()
    }

    #[tokio::test]
    async fn a_manifest_is_recorded_by_the_path_that_was_given_with_what_it_lies_in() {
        let root = tempfile::tempdir().unwrap();
        let directory = installed(root.path(), "mock", true);
        for path in [directory.join("mock"), directory.clone(), root.path().to_owned()] {
            let file = manifest_file(&path, None).await;
            assert_eq!((&*file.path, &*file.program), (directory.join(MANIFEST).to_str().unwrap(), "mock"));
            assert_eq!((file.origin, file.text.as_deref()), (Origin::Directory, Some(r#"{"name":"mock"}"#)));
        }
        assert_eq!(manifest_file(&directory, Some("true")).await.origin, Origin::Checkout);
        fs::write(directory.join("go.mod"), "module mock").unwrap();
        assert_eq!(manifest_file(&directory, None).await.origin, Origin::Checkout);
    }

    #[tokio::test]
    async fn a_manifest_that_is_none_or_not_there_is_recorded_where_the_program_can_be_told() {
        let root = tempfile::tempdir().unwrap();
        let directory = installed(root.path(), "workflow-plugin-x", true);
        let program = directory.join("workflow-plugin-x");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(directory.join(MANIFEST), "{").unwrap();
        for path in [&program, &directory] {
            assert_eq!(manifest_file(path, None).await.text.as_deref(), Some("{"));
        }
        fs::remove_file(directory.join(MANIFEST)).unwrap();
        assert_eq!(manifest_file(&directory, None).await.text, None);
        assert_eq!(Subject::open(&program).unwrap().manifest, None);
        fs::remove_file(&program).unwrap();
        fs::write(directory.join(MANIFEST), "{").unwrap();
        let error = Subject::open(&directory).unwrap_err().to_string();
        assert!(error.contains("plugin.json:1:1: this is no JSON"), "{error}");
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
