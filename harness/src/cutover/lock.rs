//! A lock: what was frozen, so that a later change shows.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use counterfoil_core::release::{
    ArtefactFacts, Facts, Known, LockChange, LockFacts, Member, Platform, Release, Require, SpentTag, State,
};
use counterfoil_proto::contract;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{suite, tested::regular};
use crate::evidence::{digest_of, write_whole};

/// The word by which a lock is known.
const FORMAT: &str = "counterfoil-lock";

/// The version of the form.
const VERSION: u32 = 1;

/// The largest lock that is read, in bytes.
const MOST: u64 = 4 << 20;

/// What is frozen of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// The word by which the file is known: `counterfoil-lock`.
    format: String,
    /// The version of the form: 1.
    version: u32,
    /// `sha256:` and the SHA-256 of everything else as canonical JSON.
    digest: String,
    /// The version of Counterfoil.
    counterfoil: String,
    /// The id of the release.
    pub release: String,
    /// When it was frozen: UTC, RFC 3339.
    pub frozen: String,
    /// The SHA-256 of the contract's tables.
    contract: String,
    /// The SHA-256 of the scenarios that are part of Counterfoil.
    suite: String,
    /// How far plugins have to be tested.
    require: Require,
    /// What has to be true beside what can be checked.
    preconditions: BTreeSet<String>,
    /// The members, by their names.
    members: BTreeMap<String, Locked>,
    /// The tags that earlier locks knew to be public.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    spent: Vec<SpentTag>,
}

/// What is frozen of a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Locked {
    /// The version that is out there before.
    from: String,
    /// The version that is released.
    to: String,
    /// Its tag.
    tag: String,
    /// Its commit.
    commit: String,
    /// When it is released.
    order: u32,
    /// How far its release was.
    state: State,
    /// The tags of it that were used up before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    withdrawn: Vec<String>,
    /// Of an engine, the command of its adapter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    adapter: Vec<String>,
    /// Of an engine, the SHA-256 of its program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    program: Option<String>,
    /// Of an engine, the SHA-256 of its evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    evidence: Option<String>,
    /// Of a plugin, what is released for each platform.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    platforms: BTreeMap<Platform, LockedArtefact>,
    /// Of a plugin, what is out there before.
    #[serde(default)]
    previous: LockedArtefact,
}

/// What is frozen of a plugin for a platform, each by its SHA-256.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LockedArtefact {
    program: Option<String>,
    archive: Option<String>,
    manifest: Option<String>,
    evidence: Option<String>,
}

/// What is no lock of this release.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The file cannot be read.
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
    /// The file is no lock, or not as it was written.
    #[error("it is damaged: {0}; take it from where it is kept, or remove it and freeze again")]
    Damaged(String),
    /// It is of a version that is not known here.
    #[error(
        "it is a lock of version {0}, and this Counterfoil reads version {VERSION}: a newer one reads it"
    )]
    Newer(u64),
    /// It is of another file.
    #[error("it is the lock of another release, {found:?}, and not of {expected:?}")]
    Other {
        /// Whose it is.
        found: String,
        /// Whose it should be.
        expected: String,
    },
}

/// Where the lock of a file is: beside it.
pub fn beside(file: &Path) -> PathBuf {
    file.with_extension("lock.json")
}

impl Lock {
    /// The lock of what was found out.
    ///
    /// # Errors
    /// What has no digest, and so cannot be frozen.
    pub fn of(release: &Release, facts: &Facts) -> Result<Self, Vec<String>> {
        let mut missing = Vec::new();
        let members = now(release, facts, &mut missing);
        if !missing.is_empty() {
            return Err(missing);
        }
        Ok(Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            digest: String::new(),
            counterfoil: env!("CARGO_PKG_VERSION").to_owned(),
            release: release.id.clone(),
            frozen: facts.now.clone(),
            contract: contract::digest().to_owned(),
            suite: suite(),
            require: release.require,
            preconditions: preconditions(release),
            members,
            spent: facts.lock.iter().flat_map(|lock| &lock.spent).cloned().collect(),
        })
    }

    /// Whether it freezes the same, with every member as far as here.
    pub fn is_like(&self, other: &Self) -> bool {
        (self.require, &self.preconditions, &self.members)
            == (other.require, &other.preconditions, &other.members)
    }

    /// Reads the lock of a release; none where there is no such file.
    ///
    /// # Errors
    /// See [`LockError`].
    pub fn read(file: &Path, release: &str) -> Result<Option<Self>, LockError> {
        let mut text = String::new();
        match regular(file).and_then(|()| File::open(file)) {
            Ok(file) => _ = file.take(MOST).read_to_string(&mut text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        let damaged = |why: &str| LockError::Damaged(why.to_owned());
        let value: Value =
            serde_json::from_str(&text).map_err(|error| LockError::Damaged(error.to_string()))?;
        if value["format"] != FORMAT {
            return Err(damaged("it is no lock"));
        }
        match value["version"].as_u64() {
            Some(version) if version > u64::from(VERSION) => return Err(LockError::Newer(version)),
            Some(version) if version == u64::from(VERSION) => {}
            _ => return Err(damaged("it states no version")),
        }
        if value["digest"].as_str() != Some(&digest_of(&value)) {
            return Err(damaged("its digest is not that of what it holds"));
        }
        let lock: Self =
            serde_json::from_value(value).map_err(|error| LockError::Damaged(error.to_string()))?;
        if lock.release != release {
            return Err(LockError::Other { found: lock.release, expected: release.to_owned() });
        }
        Ok(Some(lock))
    }

    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written. Then what stood there stays.
    pub fn write(mut self, file: &Path) -> io::Result<()> {
        self.digest = digest_of(&serde_json::to_value(&self)?);
        write_whole(file, &(serde_json::to_string_pretty(&self)? + "\n"))
    }

    /// What is not as it was when this was written.
    pub fn held_against(&self, release: &Release, facts: &Facts) -> LockFacts {
        let mut changes = Changes::default();
        // Fixed in form and zone, times are in order as texts are.
        if self.frozen > facts.now {
            changes.differ("the clock, which was put back,", Some(&self.frozen), Some(&facts.now));
        }
        changes.differ("the contract", Some(&self.contract), Some(contract::digest()));
        changes.differ("the stock suite", Some(&self.suite), Some(&suite()));
        changes.differ("what is required", Some(self.require.as_str()), Some(release.require.as_str()));
        let (then, still) = (&self.preconditions, preconditions(release));
        for text in then.symmetric_difference(&still) {
            let word = |is_there: bool| is_there.then_some("stated");
            let what = format!("the precondition {text:?}");
            changes.differ(&what, word(then.contains(text)), word(still.contains(text)));
        }
        let now = now(release, facts, &mut Vec::new());
        let names: BTreeSet<&String> = self.members.keys().chain(now.keys()).collect();
        for name in names {
            changes.member = Some(name.clone());
            match (self.members.get(name), now.get(name)) {
                (Some(then), Some(now)) => changes.of(then, now),
                (then, now) => {
                    changes.differ("the member", then.map(|it| &*it.to), now.map(|it| &*it.to));
                }
            }
        }
        let spent = self.members.iter().filter(|(_, locked)| locked.state != State::Planned);
        let spent = spent.map(|(name, locked)| SpentTag {
            member: name.clone(),
            tag: locked.tag.clone(),
            commit: locked.commit.clone(),
            withdrawn: locked.state == State::Withdrawn,
        });
        let mut spent: Vec<SpentTag> = spent.collect();
        let is_known = |tag: &SpentTag| spent.iter().any(|it| it.member == tag.member && it.tag == tag.tag);
        let earlier: Vec<SpentTag> = self.spent.iter().filter(|tag| !is_known(tag)).cloned().collect();
        spent.extend(earlier);
        LockFacts { frozen: self.frozen.clone(), changes: changes.found, spent }
    }
}

impl LockedArtefact {
    fn of(facts: &ArtefactFacts) -> Self {
        let digests = facts.digests.known();
        Self {
            program: digests.map(|digests| digests.program.clone()),
            archive: digests.and_then(|digests| digests.archive.clone()),
            manifest: digests.and_then(|digests| digests.manifest.clone()),
            evidence: facts.tested.known().and_then(|tested| tested.evidence_digest.clone()),
        }
    }
}

/// What has to be true beside what can be checked. Who confirms it may come later.
fn preconditions(release: &Release) -> BTreeSet<String> {
    release.preconditions.iter().map(|it| it.text.clone()).collect()
}

/// What is so now; what has no digest is named.
fn now(release: &Release, facts: &Facts, missing: &mut Vec<String>) -> BTreeMap<String, Locked> {
    let locked = |member: &Member| Locked {
        from: member.from.to_string(),
        previous: LockedArtefact::default(),
        to: member.to.to_string(),
        tag: member.tag.clone(),
        commit: member.commit.clone(),
        order: member.order,
        state: member.state,
        withdrawn: member.withdrawn.clone(),
        adapter: Vec::new(),
        program: None,
        evidence: None,
        platforms: BTreeMap::new(),
    };
    let engine = &release.engine.member;
    if let Known::Unknown(why) = &facts.engine.digest {
        missing.push(format!("{}: {why}", engine.name));
    }
    let of_engine = Locked {
        adapter: release.engine.subject.adapter.clone(),
        program: facts.engine.digest.known().cloned(),
        evidence: facts.engine.tested.known().and_then(|tested| tested.evidence_digest.clone()),
        ..locked(engine)
    };
    let mut members = BTreeMap::from([(engine.name.clone(), of_engine)]);
    for (plugin, found) in release.plugins.iter().zip(&facts.plugins) {
        let platforms = found.platforms.iter().map(|(platform, artefact)| {
            if let Known::Unknown(why) = &artefact.digests {
                missing.push(format!("{} for {platform}: {why}", plugin.name));
            }
            (platform.clone(), LockedArtefact::of(artefact))
        });
        let of_plugin = Locked {
            platforms: platforms.collect(),
            previous: LockedArtefact::of(&found.previous),
            ..locked(plugin)
        };
        members.insert(plugin.name.clone(), of_plugin);
    }
    members
}

/// Changes, as they are found.
#[derive(Default)]
struct Changes {
    member: Option<String>,
    found: Vec<LockChange>,
}

impl Changes {
    fn differ(&mut self, what: &str, then: Option<&str>, now: Option<&str>) {
        if then != now {
            let shown = |text: Option<&str>| text.unwrap_or("not there").to_owned();
            self.found.push(LockChange {
                member: self.member.clone(),
                what: what.to_owned(),
                then: shown(then),
                now: shown(now),
            });
        }
    }

    fn of(&mut self, then: &Locked, now: &Locked) {
        self.differ("the version before", Some(&then.from), Some(&now.from));
        self.differ("the version", Some(&then.to), Some(&now.to));
        self.of_artefact("of before", &then.previous, &now.previous);
        self.differ("the tag", Some(&then.tag), Some(&now.tag));
        // One of them may be the other, shortened.
        if !then.commit.starts_with(&now.commit) && !now.commit.starts_with(&then.commit) {
            self.differ("the commit", Some(&then.commit), Some(&now.commit));
        }
        self.differ("the order", Some(&then.order.to_string()), Some(&now.order.to_string()));
        // A tag that is used up is added, and none is taken back.
        for tag in then.withdrawn.iter().filter(|tag| !now.withdrawn.contains(tag)) {
            self.differ("a tag that is used up", Some(tag), None);
        }
        self.differ("the adapter", quoted(&then.adapter).as_deref(), quoted(&now.adapter).as_deref());
        self.differ("the program", then.program.as_deref(), now.program.as_deref());
        self.differ("the evidence", then.evidence.as_deref(), now.evidence.as_deref());
        let none = LockedArtefact::default();
        let platforms: BTreeSet<&Platform> = then.platforms.keys().chain(now.platforms.keys()).collect();
        for platform in platforms {
            let [then, now] = [then, now].map(|it| it.platforms.get(platform).unwrap_or(&none));
            self.of_artefact(&format!("for {platform}"), then, now);
        }
    }

    fn of_artefact(&mut self, which: &str, then: &LockedArtefact, now: &LockedArtefact) {
        for (what, then, now) in [
            ("program", &then.program, &now.program),
            ("archive", &then.archive, &now.archive),
            ("manifest", &then.manifest, &now.manifest),
            ("evidence", &then.evidence, &now.evidence),
        ] {
            self.differ(&format!("the {what} {which}"), then.as_deref(), now.as_deref());
        }
    }
}

/// A command, each of its words in quotes; none where there is none.
fn quoted(command: &[String]) -> Option<String> {
    (!command.is_empty()).then(|| format!("{command:?}"))
}

#[cfg(test)]
mod tests {
    use counterfoil_core::mutants::good_release;

    use super::*;

    /// What is told of a release that was altered behind its freezing.
    fn changed(alter: impl FnOnce(&mut Release, &mut Facts)) -> Vec<String> {
        let (mut release, mut facts) = good_release();
        let place = tempfile::tempdir().unwrap();
        let file = beside(&place.path().join("release.yaml"));
        Lock::of(&release, &facts).unwrap().write(&file).unwrap();
        alter(&mut release, &mut facts);
        let lock = Lock::read(&file, &release.id).unwrap().unwrap();
        let told = lock.held_against(&release, &facts).changes.into_iter();
        told.map(|change| format!("{}: {}", change.member.unwrap_or_default(), change.what)).collect()
    }

    #[test]
    fn each_change_behind_the_freezing_is_named() {
        assert_eq!(changed(|_, _| {}), <[String; 0]>::default());
        let told = changed(|release, facts| {
            release.engine.member.tag = "v0.57.1".to_owned();
            release.plugins[0].order = 9;
            facts.engine.digest = Known::Known("0".repeat(64));
            let artefact = facts.plugins[1].platforms.values_mut().next().unwrap();
            artefact.digests = Known::Unknown("it is gone".to_owned());
            facts.now = "2026-01-01T00:00:00Z".to_owned();
        });
        let (engine, [one, two]) =
            (&good_release().0.engine.member.name, ["one", "two"].map(|it| format!("workflow-plugin-{it}")));
        let of_two =
            ["program", "archive", "manifest"].map(|what| format!("{two}: the {what} for darwin/arm64"));
        let mut expected = vec![": the clock, which was put back,".to_owned()];
        expected.extend([
            format!("{engine}: the tag"),
            format!("{engine}: the program"),
            format!("{one}: the order"),
        ]);
        expected.extend(of_two);
        assert_eq!(told, expected);
        assert_eq!(
            changed(|release, facts| _ = (release.plugins.pop(), facts.plugins.pop())),
            [format!("{two}: the member")]
        );
    }

    #[test]
    fn what_is_asked_for_is_frozen_and_waivers_and_confirmations_are_not() {
        let told = changed(|release, _| {
            release.require = Require::Live;
            release.preconditions[0].text = "another".to_owned();
            release.engine.subject.adapter = vec!["an".to_owned(), "adapter".to_owned()];
        });
        let before = good_release().0.preconditions[0].text.clone();
        let mut preconditions = [&*before, "another"].map(|text| format!(": the precondition {text:?}"));
        preconditions.sort();
        let engine = format!("{}: the adapter", good_release().0.engine.member.name);
        assert_eq!(told, [&[": what is required".to_owned()], &preconditions[..], &[engine]].concat());
        let told = changed(|release, _| {
            release.plugins[0].commit.truncate(7);
            release.preconditions[0].confirmed = None;
            release.waivers.clear();
            release.engine.member.withdrawn.push("v0.0.1".to_owned());
        });
        assert_eq!(told, <[String; 0]>::default());
    }

    #[test]
    fn what_has_no_digest_is_named_and_not_frozen() {
        let (release, mut facts) = good_release();
        facts.engine.digest = Known::Unknown("its version alone is known".to_owned());
        let missing = Lock::of(&release, &facts).unwrap_err();
        assert_eq!(missing, [format!("{}: its version alone is known", release.engine.member.name)]);
    }
}
