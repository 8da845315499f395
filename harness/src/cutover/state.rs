//! The state that an engine wrote, read as every engine reads it.

use std::{fs, path::Path};

use counterfoil_core::release::{Known, StateFacts};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::tested::regular;
use crate::run::state_file_name;

/// What is not the record of a resource (E-341).
const METADATA: &str = "metadata.json";
const LOCK: &str = ".lock.json";

/// The largest record that is read, in bytes.
const MOST: u64 = 16 << 20;

/// A record, as engines read it (E-340). What is not known to an older engine is passed over by it; times are texts to it.
#[derive(Deserialize)]
#[expect(dead_code, reason = "that it can be read is all that is asked")]
struct Record {
    resource_id: String,
    resource_type: String,
    provider: String,
    #[serde(default)]
    provider_ref: String,
    #[serde(default)]
    provider_id: String,
    #[serde(default)]
    config_hash: String,
    #[serde(default)]
    status: String,
    config: Option<Map<String, Value>>,
    outputs: Option<Map<String, Value>>,
    #[serde(default)]
    dependencies: Option<Vec<String>>,
    created_at: String,
    updated_at: String,
}

/// What an engine makes of a state directory (E-340): one record that cannot be read ends its loading (E-341).
pub fn read_state(directory: &Path) -> Known<StateFacts> {
    let shown = directory.display();
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) => return Known::Unknown(format!("{shown} cannot be read: {error}")),
    };
    let mut facts = StateFacts { records: 0, unread: Vec::new() };
    for entry in entries {
        let path = match entry {
            Ok(entry) => entry.path(),
            Err(error) => return Known::Unknown(format!("{shown} cannot be read: {error}")),
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_json = path.extension().is_some_and(|extension| extension == "json");
        if !is_json || path.is_dir() || name == METADATA || name.ends_with(LOCK) {
            continue;
        }
        facts.records += 1;
        if let Err(why) = read(&path, &name) {
            facts.unread.push(format!("{name}: {why}"));
        }
    }
    facts.unread.sort();
    if facts.records == 0 {
        return Known::Unknown(format!("{shown} holds no record of a resource"));
    }
    Known::Known(facts)
}

fn read(path: &Path, name: &str) -> Result<(), String> {
    regular(path).map_err(|error| error.to_string())?;
    let size = fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size > MOST {
        return Err(format!("it is larger than {MOST} bytes"));
    }
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    let record: Record = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    let expected = state_file_name(&record.resource_id);
    if expected != name {
        return Err(format!("it is of {:?}, which an engine keeps in {expected}", record.resource_id));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = r#"{"resource_id":"a/b","resource_type":"infra.vpc","provider":"aws","status":"active",
        "config":{"region":"x"},"outputs":{},"created_at":"2026-01-02T03:04:05Z","updated_at":"2026-01-02T03:04:05Z","new":1}"#;

    #[test]
    fn what_an_engine_would_not_read_is_told() {
        let place = tempfile::tempdir().unwrap();
        assert!(matches!(read_state(place.path()), Known::Unknown(_)));
        assert!(matches!(read_state(&place.path().join("nowhere")), Known::Unknown(_)));
        fs::write(place.path().join("a_b.json"), RECORD).unwrap();
        fs::write(place.path().join("metadata.json"), "{").unwrap();
        assert_eq!(read_state(place.path()), Known::Known(StateFacts { records: 1, unread: Vec::new() }));
        fs::write(place.path().join("c.json"), RECORD).unwrap();
        fs::write(place.path().join("d.json"), r#"{"resource_id":"d""#).unwrap();
        let Known::Known(facts) = read_state(place.path()) else { panic!("it can be read") };
        let told: Vec<&str> = facts.unread.iter().map(|text| &text[..7]).collect();
        assert_eq!((facts.records, told), (3, vec!["c.json:", "d.json:"]));
    }
}
