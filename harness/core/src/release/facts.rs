//! What was found out about the members of a release. It is kept, so that what did not change is not found out again.

use std::{collections::BTreeMap, fmt};

use counterfoil_proto::Revision;
use semver::Version;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::Platform;
use crate::scenario::Date;

/// Something that is known, or why it is not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Known<T> {
    /// It is known.
    Known(T),
    /// It is not, for this reason: a clause that can follow "unknown: ".
    Unknown(String),
}

/// What was found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The day on which it is judged, in UTC.
    pub today: Date,
    /// The moment at which it is judged: UTC, RFC 3339, with a `Z`.
    pub now: String,
    /// The machine that it is judged on.
    pub here: Platform,
    /// About the engine.
    pub engine: EngineFacts,
    /// About the plugins, in the order of [`super::Release::plugins`].
    pub plugins: Vec<PluginFacts>,
    /// What the lock says, where there is one.
    pub lock: Option<LockFacts>,
}

/// What was found out about the engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineFacts {
    /// Whether it is Counterfoil's own, which takes its place in a rehearsal.
    pub stand_in: bool,
    /// The SHA-256 of what is started: its binary, or the program of its adapter; in hexadecimal.
    pub digest: Known<String>,
    /// How Go built its binary. Of what stands behind an adapter the program says nothing.
    pub build: Known<Build>,
    /// What came of its test.
    pub tested: Known<Tested>,
}

/// What was found out about a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginFacts {
    /// About what is released for each platform.
    pub platforms: BTreeMap<Platform, ArtefactFacts>,
    /// About what was there before.
    pub previous: ArtefactFacts,
}

/// What was found out about a plugin on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtefactFacts {
    /// Whether it is there.
    pub presence: Presence,
    /// Whether it is no plugin, but what takes its place in a rehearsal.
    pub stand_in: bool,
    /// What it consists of.
    pub digests: Known<Digests>,
    /// What its program was built for, by its header.
    pub built_for: Known<Platform>,
    /// What its manifest says.
    pub manifest: Known<ManifestFacts>,
    /// How Go built its program.
    pub build: Known<Build>,
    /// What came of its test.
    pub tested: Known<Tested>,
    /// Which way the real engine took, behind the proxy.
    pub driven: Known<Path>,
}

/// Whether an artefact is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Presence {
    /// The file states none.
    NotStated,
    /// It is not where the file says, which is here.
    Missing(String),
    /// It is there, and cannot be read, for this reason.
    Unreadable(String),
    /// The file states evidence alone.
    EvidenceAlone,
    /// It is there.
    There,
}

/// What an artefact consists of: each the SHA-256, in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digests {
    /// Its program.
    pub program: String,
    /// The archive that it is from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<String>,
    /// Its manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<String>,
}

/// What a manifest says, as far as a release depends on it. What it leaves out is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestFacts {
    /// `name`.
    pub name: Option<String>,
    /// `version`.
    pub version: Option<String>,
    /// `minEngineVersion`.
    pub min_engine_version: Option<String>,
}

/// How Go built a program. What it does not say is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// `vcs.revision`.
    pub revision: Option<String>,
    /// `vcs.modified`.
    pub modified: Option<bool>,
    /// The version of the engine's module that it is built with, and what takes its place, if something does.
    pub engine: Option<String>,
    /// What was built in place of the engine's module.
    pub replaced_by: Option<String>,
    /// The version of the main module.
    pub version: Option<String>,
}

/// Which way an engine takes to a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Path {
    /// Call by call.
    V2,
    /// The whole plan, through `Apply`.
    Apply,
}

/// What came of a test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tested {
    /// The evidence that says so, by its file; none where it was tested here.
    pub evidence: Option<String>,
    /// The SHA-256 of that file, in hexadecimal.
    pub evidence_digest: Option<String>,
    /// Whether it is a cloud that it was tested against.
    pub live: bool,
    /// The revisions at which something was judged.
    pub revisions: Vec<Revision>,
    /// How many runs were judged.
    pub judged: usize,
    /// How many runs a cloud alone lets be judged, and were not, each count with its reason. What else was not run is a doubt.
    pub not_run: Vec<(String, usize)>,
    /// How many runs failed as a list of known failures says.
    pub known_failures: usize,
    /// What speaks against it.
    pub doubts: Vec<Doubt>,
    /// What became of each rule that was judged.
    pub rules: BTreeMap<String, RuleState>,
    /// When it was over: UTC, RFC 3339, with a `Z`; empty where nothing says so.
    pub ended: String,
}

/// What became of a rule in a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleState {
    /// It held wherever it was judged.
    Held,
    /// It did not hold.
    Broken,
    /// It did not hold, as a list of known failures says.
    Known,
}

/// What speaks against a test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    /// What it is about.
    pub kind: DoubtKind,
    /// What it is: a clause.
    pub text: String,
}

/// What a doubt is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DoubtKind {
    /// The program, the archive or the manifest is another.
    Artefact,
    /// It was judged by another contract.
    Contract,
    /// It was judged by other scenarios, or it is not known by which.
    Suite,
    /// A clock was put back.
    Clock,
    /// A list of known failures that it leans on has expired.
    Expired,
    /// The file was changed after it was written, or is none.
    Unsound,
    /// The contract is broken.
    Broken,
    /// Not everything could be judged.
    Unjudged,
}

/// What a lock says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockFacts {
    /// When it was written: UTC, RFC 3339, with a `Z`.
    pub frozen: String,
    /// What is not as it was then.
    pub changes: Vec<LockChange>,
    /// The tags that were public by then.
    pub spent: Vec<SpentTag>,
}

/// A tag that was public.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpentTag {
    /// The member that it is of.
    pub member: String,
    /// The tag.
    pub tag: String,
    /// The commit that it was on.
    pub commit: String,
    /// Whether what it released was taken back.
    pub withdrawn: bool,
}

/// What is not as it was when the lock was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockChange {
    /// The member that it is about; none: the release as a whole.
    pub member: Option<String>,
    /// What it is, such as `tag` or `program on linux/amd64`.
    pub what: String,
    /// What the lock says.
    pub then: String,
    /// What is so now.
    pub now: String,
}

impl<T> Known<T> {
    /// What is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }

    /// The same for a part of it, or what follows of it.
    pub fn and_then<'a, U>(&'a self, part: impl FnOnce(&'a T) -> Known<U>) -> Known<U> {
        match self {
            Self::Known(value) => part(value),
            Self::Unknown(why) => Known::Unknown(why.clone()),
        }
    }
}

impl Tested {
    /// What became of a rule; none where it was not judged.
    pub fn rule(&self, id: &str) -> Option<RuleState> {
        self.rules.get(id).copied()
    }

    /// Whether the process declares `v2`, as it shows at any revision (CAP-006, CAP-007).
    pub fn declares_v2(&self) -> Known<bool> {
        match self.rule("CAP-006").or(self.rule("CAP-007")) {
            Some(state) => Known::Known(state == RuleState::Held),
            None => Known::Unknown("its test did not come to what it declares (CAP-006, CAP-007)".to_owned()),
        }
    }

    /// The doubts of some kinds.
    pub fn doubts_about(&self, kinds: &[DoubtKind]) -> impl Iterator<Item = &Doubt> {
        self.doubts.iter().filter(move |doubt| kinds.contains(&doubt.kind))
    }
}

impl ArtefactFacts {
    /// Nothing is known, for one reason.
    pub fn unknown(presence: Presence, why: &str) -> Self {
        fn unknown<T>(why: &str) -> Known<T> {
            Known::Unknown(why.to_owned())
        }
        Self {
            presence,
            stand_in: false,
            digests: unknown(why),
            built_for: unknown(why),
            manifest: unknown(why),
            build: unknown(why),
            tested: unknown(why),
            driven: unknown(why),
        }
    }

    /// Whether its process declares `v2`.
    pub fn declares_v2(&self) -> Known<bool> {
        self.tested.and_then(Tested::declares_v2)
    }

    /// The oldest engine that its manifest lets it be installed for.
    pub fn min_engine_version(&self) -> Known<Version> {
        self.manifest.and_then(|manifest| {
            let Some(text) = &manifest.min_engine_version else {
                return Known::Unknown("its manifest states no minEngineVersion".to_owned());
            };
            Version::parse(text.strip_prefix('v').unwrap_or(text)).map_or_else(
                |_| Known::Unknown(format!("its minEngineVersion is {text:?}, which is no version")),
                Known::Known,
            )
        })
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::V2 => "v2",
            Self::Apply => "Apply",
        })
    }
}

impl Serialize for Platform {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Platform {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (os, arch) = text.split_once('/').ok_or_else(|| D::Error::custom("no platform"))?;
        Ok(Self { os: os.to_owned(), arch: arch.to_owned() })
    }
}
