//! `plugin.json`: what a plugin says of itself on disk.

use std::{
    fs::File,
    io::{self, Read as _},
    path::PathBuf,
};

use counterfoil_core::{
    manifest::{self, Malformed},
    rules::Place,
    trace::Origin,
};
use counterfoil_proto::{Revision, RevisionRange};

/// The largest manifest that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// The manifest of a plugin. What is absent in it, or of another type, is none (E-231): rules say what that means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Where it lies, or should.
    pub path: PathBuf,
    /// What it lies in.
    pub origin: Origin,
    /// What stands in it. None where there is no such file.
    pub text: Option<String>,
    /// The plugin's name, and that of its program (E-202).
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// The first engine that it works with.
    pub min_engine_version: Option<String>,
    /// Why nothing of it can be read, if so.
    malformed: Option<Malformed>,
}

/// A manifest that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The file cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is too large to be one.
    #[error("{} is larger than {MAX_BYTES} bytes, so it is no manifest", .0.display())]
    TooLarge(PathBuf),
    /// It is no JSON object, and nothing else says which program is the plugin's.
    #[error("{}:{}:{}: {message}\n  {}", path.display(), place.line, place.column, place.snippet)]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where in it.
        place: Place,
        /// What is wrong.
        message: String,
    },
}

impl ManifestError {
    /// The same, of the file by another path.
    pub(super) fn at(mut self, other: impl FnOnce(PathBuf) -> PathBuf) -> Self {
        let (Self::Io { path, .. } | Self::TooLarge(path) | Self::Malformed { path, .. }) = &mut self;
        *path = other(std::mem::take(path));
        self
    }
}

impl Manifest {
    /// Reads a manifest. One that is no JSON object is read as well: to say so is a rule's.
    ///
    /// # Errors
    /// Where there is no text, or too much of it.
    pub fn read(path: PathBuf, origin: Origin) -> Result<Self, ManifestError> {
        let io = |source| ManifestError::Io { path: path.clone(), source };
        let mut text = String::new();
        let file = File::open(&path).map_err(io)?;
        let read = file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(io)?;
        if read as u64 > MAX_BYTES {
            return Err(ManifestError::TooLarge(path));
        }
        let absent = Self::absent(path, origin);
        Ok(match manifest::Manifest::read(&text) {
            Ok(manifest) => {
                let field = |path: &str| Some(manifest.text(path).text()?.value.to_owned());
                let (name, version) = (field("name"), field("version"));
                let min_engine_version = field("minEngineVersion");
                Self { text: Some(text), name, version, min_engine_version, ..absent }
            }
            Err(malformed) => Self { text: Some(text), malformed: Some(malformed), ..absent },
        })
    }

    /// The manifest of a plugin that has none.
    pub(super) fn absent(path: PathBuf, origin: Origin) -> Self {
        Self {
            path,
            origin,
            text: None,
            name: None,
            version: None,
            min_engine_version: None,
            malformed: None,
        }
    }

    /// Whether there is a file that is no manifest.
    pub(super) fn is_malformed(&self) -> bool {
        self.malformed.is_some()
    }

    /// What is wrong with it, if it is none.
    pub(crate) fn error(&self) -> Option<ManifestError> {
        let Malformed { span, message } = self.malformed.as_ref()?;
        let place = Place::at(manifest::FILE, self.text.as_deref()?, *span);
        Some(ManifestError::Malformed { path: self.path.clone(), place, message: message.clone() })
    }

    /// The revisions that the plugin is made for: from that of `minEngineVersion` to the newest; all where it names no
    /// engine of the contract.
    pub fn revisions(&self) -> RevisionRange {
        let first =
            self.min_engine_version.as_deref().and_then(|version| Revision::for_version(version).ok());
        first.map_or_else(RevisionRange::default, |first| {
            format!(">={}", first.revision).parse().expect("a revision is a range")
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn read(text: &str) -> Manifest {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("plugin.json");
        fs::write(&path, text).unwrap();
        Manifest::read(path, Origin::Directory).unwrap()
    }

    #[test]
    fn what_is_there_is_read_and_what_is_of_another_type_is_absent() {
        let manifest = read(r#"{"name":"mock","version":"0.1.0","minEngineVersion":"0.57.0"}"#);
        assert_eq!((manifest.name.as_deref(), manifest.version.as_deref()), (Some("mock"), Some("0.1.0")));
        let revisions = manifest.revisions().revisions();
        assert_eq!((revisions[0], revisions.last()), (Revision::V0_57, Some(&Revision::Head)));
        let odd = read(r#"{"name":7,"version":["1"],"minEngineVersion":"new"}"#);
        assert_eq!((odd.name.as_ref(), odd.version.as_ref()), (None, None));
        assert_eq!(odd.revisions().revisions(), Revision::ALL);
    }

    #[test]
    fn mistakes_have_their_place() {
        let error = |text: &str| {
            let error = read(text).error().map(|error| error.to_string());
            error.and_then(|error| Some(error.split_once("plugin.json")?.1.to_owned()))
        };
        let malformed = error("{\n  \"name\": \"mock\",\n  oops\n}").unwrap();
        assert!(malformed.starts_with(":3:3: ") && malformed.ends_with("\n    oops"), "{malformed}");
        assert!(error("[]").unwrap().contains("a manifest is an object"));
        assert_eq!(error("{}"), None);
    }
}
