//! `plugin.json`: what a plugin says of itself on disk.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use counterfoil_proto::{Revision, RevisionRange};
use serde_json::Value;

/// The largest manifest that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// What `plugin.json` says, as far as it can be read: what is absent, or of another type, is none (E-231).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The plugin's name, and that of its program (E-202).
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// The first engine that it works with.
    pub min_engine_version: Option<String>,
    /// The name by which a configuration asks for its provider (E-231).
    pub provider: Option<String>,
    /// The optional services that it declares.
    pub iac_services: Option<Vec<String>>,
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
    /// It is no JSON object.
    #[error("{}:{line}:{column}: {message}\n  {snippet}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong.
        message: String,
        /// The line as it stands there.
        snippet: String,
    },
}

impl ManifestError {
    /// The same, of the file by another path.
    pub(super) fn at(mut self, other: impl FnOnce(PathBuf) -> PathBuf) -> Self {
        let (Self::Io { path, .. } | Self::TooLarge(path) | Self::Json { path, .. }) = &mut self;
        *path = other(std::mem::take(path));
        self
    }
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// See [`ManifestError`].
    pub fn read(path: &Path) -> Result<Self, ManifestError> {
        let io = |source| ManifestError::Io { path: path.to_owned(), source };
        let mut text = String::new();
        let file = File::open(path).map_err(io)?;
        let read = file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(io)?;
        if read as u64 > MAX_BYTES {
            return Err(ManifestError::TooLarge(path.to_owned()));
        }
        let faulty = |line: usize, column, message| ManifestError::Json {
            path: path.to_owned(),
            line,
            column,
            message,
            snippet: text.lines().nth(line.saturating_sub(1)).unwrap_or_default().chars().take(120).collect(),
        };
        let manifest: Value = serde_json::from_str(&text)
            .map_err(|error| faulty(error.line().max(1), error.column().max(1), error.to_string()))?;
        if !manifest.is_object() {
            return Err(faulty(1, 1, "a manifest is a JSON object".to_owned()));
        }
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let services = manifest["iacServices"].as_array();
        Ok(Self {
            name: text(&manifest["name"]),
            version: text(&manifest["version"]),
            min_engine_version: text(&manifest["minEngineVersion"]),
            provider: text(&manifest["capabilities"]["iacProvider"]["name"]),
            iac_services: services.map(|services| services.iter().filter_map(text).collect()),
        })
    }

    /// The revisions that the plugin is made for: from that of `minEngineVersion` to the newest; all where it names none.
    ///
    /// # Errors
    /// A text for the reader, where that is no version of an engine.
    pub fn revisions(&self) -> Result<RevisionRange, String> {
        let Some(version) = &self.min_engine_version else { return Ok(RevisionRange::default()) };
        let first = Revision::for_version(version)
            .map_err(|error| format!("minEngineVersion {version:?} in plugin.json: {error}"))?;
        Ok(format!(">={}", first.revision).parse().expect("a revision is a range"))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn read(text: &str) -> Result<Manifest, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("plugin.json");
        fs::write(&path, text).unwrap();
        Manifest::read(&path)
            .map_err(|error| error.to_string().split_once("plugin.json").unwrap().1.to_owned())
    }

    #[test]
    fn what_is_there_is_read_and_what_is_of_another_type_is_absent() {
        let manifest = read(
            r#"{"name":"mock","version":"0.1.0","minEngineVersion":"0.57.0","iacServices":["A"],
                "capabilities":{"iacProvider":{"name":"mock"}}}"#,
        )
        .unwrap();
        assert_eq!((manifest.name.as_deref(), manifest.provider.as_deref()), (Some("mock"), Some("mock")));
        let revisions = manifest.revisions().unwrap().revisions();
        assert_eq!((revisions[0], revisions.last()), (Revision::V0_57, Some(&Revision::Head)));
        let odd = read(r#"{"name":7,"capabilities":["iac.provider"]}"#).unwrap();
        assert_eq!(odd, Manifest::default());
        assert_eq!(odd.revisions().unwrap().revisions(), Revision::ALL);
    }

    #[test]
    fn mistakes_have_their_place() {
        let error = read("{\n  \"name\": \"mock\",\n  oops\n}").unwrap_err();
        assert!(error.starts_with(":3:3: ") && error.ends_with("\n    oops"), "{error}");
        assert!(read("[]").unwrap_err().contains("a JSON object"));
        let odd = Manifest { min_engine_version: Some("new".to_owned()), ..Manifest::default() };
        assert!(odd.revisions().unwrap_err().contains("\"new\""));
    }
}
