//! What was found out before, so that only what changed is found out again.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use counterfoil_core::release::{self, ArtefactFacts, EngineFacts};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::bundle::file_name;
use crate::evidence::{digest_of, sha256, write_whole};

/// The word by which the file is known.
const FORMAT: &str = "counterfoil-cutover-memory";

/// The version of the form.
const VERSION: u32 = 1;

/// The largest file that is read, in bytes. What a hundred plugins leave is a tenth of that.
const MOST: u64 = 16 << 20;

/// What was found out of a release before.
#[derive(Clone, Debug)]
pub struct Memory {
    path: PathBuf,
    release: String,
    kept: Kept,
}

/// What is kept, each beside the key of all that it depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kept {
    /// Of the engine.
    pub engine: Option<Entry<EngineFacts>>,
    /// Of plugins, by their names and platforms.
    pub artefacts: BTreeMap<String, Entry<ArtefactFacts>>,
    /// Which way the engine took to them.
    pub paths: BTreeMap<String, Entry<release::Path>>,
}

/// Something that was found out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry<T> {
    /// What it depends on.
    pub key: String,
    /// What it is.
    pub facts: T,
}

/// The file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    format: String,
    version: u32,
    digest: String,
    counterfoil: String,
    release: String,
    written: String,
    kept: Kept,
}

/// Why what was kept does not count. All of it is found out again.
#[derive(Debug, thiserror::Error)]
pub enum Forgotten {
    /// The file cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(io::Error),
    /// The file is not as it was written.
    #[error("it is damaged")]
    Damaged,
    /// A clock was put back since.
    #[error("it was written at {0}, which is to come: a clock was put back")]
    ToCome(String),
}

impl Memory {
    /// A memory of a release, with nothing in it. It is kept beside the file of the release, in this directory.
    pub fn empty(directory: &Path, release: &str) -> Self {
        let path = directory.join(".counterfoil/cutover").join(format!("{release}.json"));
        Self { path, release: release.to_owned(), kept: Kept::default() }
    }

    /// Where the evidence is kept of what was tested for this release, by the name of what was.
    pub fn evidence_of(&self, tested: &str) -> PathBuf {
        self.path.with_extension("").join(format!("{}.json", file_name(tested)))
    }

    /// Where all evidence is that was kept for this release.
    pub fn evidence(&self) -> PathBuf {
        self.path.with_extension("")
    }

    /// Reads what was kept of a release, `now` being the time. What another version has kept counts as nothing.
    ///
    /// # Errors
    /// Why it does not count, beside a memory with nothing in it.
    pub fn open(directory: &Path, release: &str, now: &str) -> (Self, Option<Forgotten>) {
        let empty = Self::empty(directory, release);
        match read(&empty.path, release, now) {
            Ok(kept) => (Self { kept, ..empty }, None),
            Err(why) => (empty, Some(why)),
        }
    }

    /// Where it is kept.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps it.
    ///
    /// # Errors
    /// When it cannot be written. Then what was there stays.
    pub fn save(&self, now: &str) -> io::Result<()> {
        let mut form = Form {
            format: FORMAT.to_owned(),
            version: VERSION,
            digest: String::new(),
            counterfoil: env!("CARGO_PKG_VERSION").to_owned(),
            release: self.release.clone(),
            written: now.to_owned(),
            kept: self.kept.clone(),
        };
        form.digest = digest_of(&serde_json::to_value(&form)?);
        if let Some(directory) = self.path.parent() {
            fs::create_dir_all(directory)?;
        }
        write_whole(&self.path, &(serde_json::to_string_pretty(&form)? + "\n"))
    }

    pub(super) fn with(&self, kept: Kept) -> Self {
        Self { kept, ..self.clone() }
    }

    pub(super) fn kept(&self) -> &Kept {
        &self.kept
    }
}

impl<T: Clone> Entry<T> {
    /// What was found out, where it depends on the same as now.
    pub(super) fn of(entry: Option<&Self>, key: &str) -> Option<T> {
        entry.filter(|entry| entry.key == key).map(|entry| entry.facts.clone())
    }
}

/// A key of all that something depends on.
pub(super) fn key<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let parts: Vec<&str> = parts.into_iter().collect();
    sha256(Value::from(parts).to_string())
}

fn read(path: &Path, release: &str, now: &str) -> Result<Kept, Forgotten> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MOST).read_to_string(&mut text));
    match read {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Kept::default()),
        Err(error) => return Err(Forgotten::Unreadable(error)),
    }
    let value: Value = serde_json::from_str(&text).map_err(|_| Forgotten::Damaged)?;
    if value["digest"].as_str() != Some(&digest_of(&value)) {
        return Err(Forgotten::Damaged);
    }
    if value["version"] != VERSION || value["counterfoil"] != env!("CARGO_PKG_VERSION") {
        return Ok(Kept::default());
    }
    let form: Form = serde_json::from_value(value).map_err(|_| Forgotten::Damaged)?;
    if form.format != FORMAT || form.release != release {
        return Err(Forgotten::Damaged);
    }
    // Fixed in form and zone, times are in order as texts are.
    if form.written.as_str() > now {
        return Err(Forgotten::ToCome(form.written));
    }
    Ok(form.kept)
}

#[cfg(test)]
mod tests {
    use counterfoil_core::release::Presence;

    use super::*;

    const NOW: &str = "2026-11-29T12:00:00Z";

    fn kept() -> Kept {
        let facts = ArtefactFacts::unknown(Presence::There, "of a test");
        let entry = Entry { key: key(["one", "two"]), facts };
        Kept { artefacts: [("aws linux/amd64".to_owned(), entry)].into(), ..Kept::default() }
    }

    fn opened(directory: &Path, now: &str) -> (Kept, Option<String>) {
        let (memory, why) = Memory::open(directory, "r", now);
        (memory.kept, why.map(|why| why.to_string()))
    }

    #[test]
    fn what_was_kept_is_there_again_and_counts_for_its_key_alone() {
        let place = tempfile::tempdir().unwrap();
        assert_eq!(opened(place.path(), NOW), (Kept::default(), None));
        Memory::empty(place.path(), "r").with(kept()).save(NOW).unwrap();
        assert_eq!(opened(place.path(), NOW), (kept(), None));
        let entry = kept().artefacts.remove("aws linux/amd64");
        assert!(Entry::of(entry.as_ref(), &key(["one", "two"])).is_some());
        assert!(Entry::of(entry.as_ref(), &key(["onetwo"])).is_none());
    }

    #[test]
    fn what_is_damaged_of_another_release_or_to_come_counts_as_nothing() {
        let place = tempfile::tempdir().unwrap();
        let memory = Memory::empty(place.path(), "r").with(kept());
        memory.save(NOW).unwrap();
        let text = fs::read_to_string(memory.path()).unwrap();
        let told = |text: &str| {
            fs::write(memory.path(), text).unwrap();
            let (kept, why) = opened(place.path(), NOW);
            assert_eq!(kept, Kept::default());
            why
        };
        for damaged in [&text.replace("there", "missing"), &text[..text.len() / 2], "", "{}"] {
            assert_eq!(told(damaged).as_deref(), Some("it is damaged"), "{damaged}");
        }
        let other = Memory { release: "other".to_owned(), ..memory.clone() };
        other.save(NOW).unwrap();
        assert_eq!(opened(place.path(), NOW).1.as_deref(), Some("it is damaged"));
        memory.save("2026-11-29T12:00:01Z").unwrap();
        let why = opened(place.path(), NOW).1.unwrap();
        assert!(why.starts_with("it was written at 2026-11-29T12:00:01Z"), "{why}");
        fs::remove_file(memory.path()).unwrap();
        fs::create_dir(memory.path()).unwrap();
        assert!(opened(place.path(), NOW).1.unwrap().starts_with("it cannot be read"));
        assert!(memory.save(NOW).is_err());
    }

    #[test]
    fn what_another_version_has_kept_counts_as_nothing_without_a_word() {
        let place = tempfile::tempdir().unwrap();
        let memory = Memory::empty(place.path(), "r").with(kept());
        memory.save(NOW).unwrap();
        let text = fs::read_to_string(memory.path()).unwrap();
        let mut value: Value = serde_json::from_str(&text).unwrap();
        value["counterfoil"] = "0.0.9".into();
        value["digest"] = digest_of(&value).into();
        fs::write(memory.path(), value.to_string()).unwrap();
        assert_eq!(opened(place.path(), NOW), (Kept::default(), None));
    }
}
