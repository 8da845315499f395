//! A lock: what was frozen, so that a later change shows.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use counterfoil_core::release::{
    Facts, Known, LockChange, LockFacts, Member, Platform, Release, SpentTag, State,
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
            members,
            spent: facts.lock.iter().flat_map(|lock| &lock.spent).cloned().collect(),
        })
    }

    /// Whether it freezes the same, with every member as far as here.
    pub fn is_like(&self, other: &Self) -> bool {
        self.members == other.members
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
        program: None,
        evidence: None,
        platforms: BTreeMap::new(),
    };
    let engine = &release.engine.member;
    if let Known::Unknown(why) = &facts.engine.digest {
        missing.push(format!("{}: {why}", engine.name));
    }
    let of_engine = Locked {
        program: facts.engine.digest.known().cloned(),
        evidence: facts.engine.tested.known().and_then(|tested| tested.evidence_digest.clone()),
        ..locked(engine)
    };
    let mut members = BTreeMap::from([(engine.name.clone(), of_engine)]);
    for (plugin, found) in release.plugins.iter().zip(&facts.plugins) {
        let mut of_plugin = locked(plugin);
        if let Known::Known(digests) = &found.previous.digests {
            of_plugin.previous = LockedArtefact {
                program: Some(digests.program.clone()),
                archive: digests.archive.clone(),
                manifest: digests.manifest.clone(),
                evidence: found.previous.tested.known().and_then(|tested| tested.evidence_digest.clone()),
            };
        }
        for (platform, artefact) in &found.platforms {
            let evidence = artefact.tested.known().and_then(|tested| tested.evidence_digest.clone());
            let mut of_platform = LockedArtefact { evidence, ..LockedArtefact::default() };
            match &artefact.digests {
                Known::Known(digests) => {
                    of_platform.program = Some(digests.program.clone());
                    of_platform.archive.clone_from(&digests.archive);
                    of_platform.manifest.clone_from(&digests.manifest);
                }
                Known::Unknown(why) => missing.push(format!("{} for {platform}: {why}", plugin.name)),
            }
            of_plugin.platforms.insert(platform.clone(), of_platform);
        }
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
        for (what, then, now) in [
            ("program", &then.previous.program, &now.previous.program),
            ("archive", &then.previous.archive, &now.previous.archive),
            ("manifest", &then.previous.manifest, &now.previous.manifest),
            ("evidence", &then.previous.evidence, &now.previous.evidence),
        ] {
            self.differ(&format!("the {what} of before"), then.as_deref(), now.as_deref());
        }
        self.differ("the tag", Some(&then.tag), Some(&now.tag));
        self.differ("the commit", Some(&then.commit), Some(&now.commit));
        self.differ("the order", Some(&then.order.to_string()), Some(&now.order.to_string()));
        self.differ("the program", then.program.as_deref(), now.program.as_deref());
        self.differ("the evidence", then.evidence.as_deref(), now.evidence.as_deref());
        let none = LockedArtefact::default();
        let platforms: BTreeSet<&Platform> = then.platforms.keys().chain(now.platforms.keys()).collect();
        for platform in platforms {
            let [then, now] = [then, now].map(|it| it.platforms.get(platform).unwrap_or(&none));
            let parts = [
                ("program", &then.program, &now.program),
                ("archive", &then.archive, &now.archive),
                ("manifest", &then.manifest, &now.manifest),
                ("evidence", &then.evidence, &now.evidence),
            ];
            for (what, then, now) in parts {
                self.differ(&format!("the {what} for {platform}"), then.as_deref(), now.as_deref());
            }
        }
    }
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
    fn what_has_no_digest_is_named_and_not_frozen() {
        let (release, mut facts) = good_release();
        facts.engine.digest = Known::Unknown("its version alone is known".to_owned());
        let missing = Lock::of(&release, &facts).unwrap_err();
        assert_eq!(missing, [format!("{}: its version alone is known", release.engine.member.name)]);
    }
}
