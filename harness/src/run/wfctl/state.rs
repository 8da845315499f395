//! The state of the command line: a file for each resource (E-340 to E-342).

use std::{
    collections::BTreeMap,
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use counterfoil_core::{engine::Record, json::JsonMap};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::PROVIDER_MODULE;

/// What is not the record of a resource (E-341).
const OTHERS: [&str; 2] = ["metadata.json", ".lock.json"];
/// When all that is known before an apply was written: it shows what was written since.
pub(super) const LONG_AGO: &str = "2001-01-01T00:00:00Z";

/// A resource as a state file keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Kept {
    pub name: String,
    pub resource_type: String,
    pub provider_id: String,
    pub config: JsonMap,
    pub outputs: JsonMap,
    pub dependencies: Vec<String>,
}

/// What a state directory holds: the record of each resource, by its name, and when that was written.
pub(super) type State = BTreeMap<String, Written>;

/// A record, and when it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Written {
    /// The record.
    pub record: Record,
    /// The names of the resources that it depends on.
    pub dependencies: Vec<String>,
    at: String,
}

impl Written {
    /// Whether it has been written by the apply.
    pub(super) fn is_new(&self) -> bool {
        self.at != LONG_AGO
    }
}

/// Writes the record of a resource that was applied `at` this time.
///
/// # Errors
/// Those of the file system.
pub(super) fn write(directory: &Path, provider: &str, kept: &Kept, at: &str) -> io::Result<()> {
    let text = json!({
        "resource_id": kept.name,
        "resource_type": kept.resource_type,
        "provider": provider,
        "provider_ref": PROVIDER_MODULE,
        "provider_id": kept.provider_id,
        "status": "active",
        "config": kept.config.build(),
        "outputs": kept.outputs.build(),
        "dependencies": kept.dependencies,
        "created_at": at,
        "updated_at": at,
    });
    fs::write(path(directory, &kept.name), text.to_string())
}

/// The file of a resource.
pub(super) fn path(directory: &Path, name: &str) -> PathBuf {
    directory.join(file_name(name))
}

/// Puts something in the way of the file of a resource, so that it cannot be written; what lists the state passes it over.
///
/// # Errors
/// Those of the file system.
pub(super) fn obstruct(directory: &Path, name: &str) -> io::Result<()> {
    fs::create_dir_all(path(directory, name).join("in-the-way"))
}

/// The name of a resource's file (E-340).
pub(crate) fn file_name(id: &str) -> String {
    id.replace(['/', '\\', ':', '*'], "_") + ".json"
}

/// The keys of a state file that are read.
#[derive(Deserialize)]
struct File {
    resource_id: String,
    resource_type: String,
    #[serde(default)]
    provider_id: String,
    #[serde(default)]
    config: Option<Map<String, Value>>,
    #[serde(default)]
    outputs: Option<Map<String, Value>>,
    #[serde(default)]
    dependencies: Vec<String>,
    #[serde(default)]
    updated_at: String,
}

/// Reads what a state directory holds.
///
/// # Errors
/// When a record cannot be read: writing is not atomic (E-342), and nothing goes on once the command line has ended.
pub(super) fn read(directory: &Path) -> io::Result<State> {
    let mut state = State::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_json = path.extension().is_some_and(|extension| extension == "json");
        if path.is_dir() || !is_json || OTHERS.iter().any(|other| name.ends_with(other)) {
            continue;
        }
        let file: File = serde_json::from_slice(&fs::read(&path)?)
            .map_err(|error| io::Error::new(ErrorKind::InvalidData, format!("{name}: {error}")))?;
        let map = |map: Option<Map<String, Value>>| map.map_or(JsonMap::nil(), JsonMap::from);
        let record = Record {
            name: file.resource_id.clone(),
            resource_type: file.resource_type,
            provider_id: file.provider_id,
            applied_config: map(file.config),
            outputs: map(file.outputs),
        };
        let written = Written { record, dependencies: file.dependencies, at: file.updated_at };
        state.insert(file.resource_id, written);
    }
    Ok(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_long_ago_is_read_back_and_told_from_what_is_new() {
        let place = tempfile::tempdir().unwrap();
        let kept = Kept { name: "a/b".into(), provider_id: "vpc-1".into(), ..Kept::default() };
        write(place.path(), "mock", &kept, LONG_AGO).unwrap();
        fs::write(place.path().join("metadata.json"), "{}").unwrap();
        fs::write(
            place.path().join("db.json"),
            r#"{"resource_id":"db","resource_type":"infra.database","config":null,"updated_at":"2026-01-02T03:04:05Z"}"#,
        )
        .unwrap();
        let state = read(place.path()).unwrap();
        let new: Vec<(&str, bool)> =
            state.iter().map(|(name, written)| (name.as_str(), written.is_new())).collect();
        assert_eq!(new, [("a/b", false), ("db", true)]);
        assert_eq!(state["a/b"].record.provider_id, "vpc-1");
        assert!(place.path().join("a_b.json").exists());
        fs::write(place.path().join("cut.json"), r#"{"resource_id":"#).unwrap();
        assert!(read(place.path()).unwrap_err().to_string().starts_with("cut.json: "));
    }
}
