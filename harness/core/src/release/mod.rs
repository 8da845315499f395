//! A release of several repositories at once: what is stated of it, what was found out, and what follows.
//!
//! [`Release`] is what `release.yaml` says (`scenario::parse_release` reads it) and [`Facts`] what was found out about
//! its artefacts. Rules of the family `REL` judge the two together and give [`Check`]s, of which the [`Verdict`] is made.
//! Nothing here reads a file, starts a process or looks at a clock.

mod check;
mod facts;
mod pairs;
mod rollback;
#[cfg(test)]
mod testing;
mod window;

use std::{collections::BTreeMap, fmt, path::PathBuf, sync::Arc, time::Duration};

use counterfoil_proto::Revision;
use schemars::JsonSchema;
use semver::Version;
use serde::{Deserialize, Serialize};

pub(crate) use self::rollback::next_number;
pub use self::{
    check::{About, Case, Check, Checks, State as CheckState, Verdict, Waived, assess, idle},
    facts::{
        ArtefactFacts, Build, Digests, Doubt, DoubtKind, EngineFacts, Facts, Known, LockChange, LockFacts,
        ManifestFacts, Path, PluginFacts, Presence, RuleState, SpentTag, Tested,
    },
    pairs::{Age, Cell, Demand, Enforcer, Hazard, Load, Outcome, Pairs, pairs},
    rollback::{Fate, Left, Number, Retreat, Rollback, StateBack, StateFacts, rollback},
    window::{Best, Position, Sit, Standing, Step, Window, hours, window},
};
use crate::scenario::{Date, Span};

/// What is released together: an engine and its plugins, as the file states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// `[a-z0-9][a-z0-9-]*`, at most 100 characters.
    pub id: String,
    /// What it is about, in a sentence; may be empty.
    pub title: String,
    /// How far the plugins have to be tested.
    pub require: Require,
    /// How long it takes from one member's release to the next.
    pub estimate: Duration,
    /// The engine.
    pub engine: Engine,
    /// The plugins, in the order of the file. At least one; no two share a name.
    pub plugins: Vec<Member>,
    /// What has to be true beside what can be checked.
    pub preconditions: Vec<Precondition>,
    /// What is let through although it does not hold.
    pub waivers: Vec<Waiver>,
    /// The file.
    pub source: Source,
}

/// A file and its text, so that places can be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The path, as it is shown.
    pub file: Arc<str>,
    /// The whole text.
    pub text: Arc<str>,
}

/// How far plugins have to be tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Require {
    /// As far as that goes without a cloud.
    Offline,
    /// Against a cloud too.
    Live,
}

/// The engine of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Engine {
    /// What it has in common with plugins. It has no platforms, and nothing that came before.
    pub member: Member,
    /// The engine itself, by which more than its version is known.
    pub subject: EngineSubject,
}

/// How an engine is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EngineSubject {
    /// The real command line, `wfctl`.
    pub binary: Option<PathBuf>,
    /// The program of an adapter, and its arguments.
    pub adapter: Vec<String>,
    /// Evidence of `test engine` or `test wfctl`.
    pub evidence: Option<PathBuf>,
}

/// One repository in a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// What it is called: a plugin as its manifest tells it.
    pub name: String,
    /// The repository, for the reader; that of the name where the file gives none.
    pub repository: String,
    /// The version that is out there before the release.
    pub from: Version,
    /// The version that is to be out there after it.
    pub to: Version,
    /// Which part of the version goes up, and why.
    pub bump: Bump,
    /// The commit that is released: 7 to 64 hexadecimal digits, in small letters.
    pub commit: String,
    /// The tag of the release.
    pub tag: String,
    /// When it is released: the smallest number first. No two members share one.
    pub order: u32,
    /// How far its release is.
    pub state: State,
    /// The tags of this member that were withdrawn before: none of them is used again.
    pub withdrawn: Vec<String>,
    /// What is released for each platform; of a plugin at least one.
    pub platforms: BTreeMap<Platform, Artefact>,
    /// What is out there before the release, for this machine.
    pub previous: Option<Artefact>,
    /// Where in the file all that stands.
    pub spans: MemberSpans,
}

/// Where in the file the fields of a member stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemberSpans {
    /// The name of the member, or where it begins.
    pub member: Span,
    /// `from`.
    pub from: Span,
    /// `to`.
    pub to: Span,
    /// `bump`.
    pub bump: Span,
    /// `commit`.
    pub commit: Span,
    /// `tag`.
    pub tag: Span,
    /// `order`.
    pub order: Span,
    /// `state`.
    pub state: Span,
}

/// How far the release of a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It is not public.
    Planned,
    /// It is public.
    Released,
    /// It was public, and was taken back.
    Withdrawn,
}

/// Which part of a version goes up, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bump {
    /// Which part.
    pub part: Part,
    /// Why that one.
    pub reason: String,
}

/// The parts of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// MAJOR: something breaks.
    Major,
    /// MINOR: something is new.
    Minor,
    /// PATCH: something is mended.
    Patch,
}

/// A system and its processor, in Go's words: `linux/amd64`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform {
    /// The system.
    pub os: String,
    /// The processor.
    pub arch: String,
}

/// What is released of a plugin for a platform.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Artefact {
    /// The plugin itself.
    pub plugin: Option<Plugin>,
    /// The evidence of its test.
    pub evidence: Option<PathBuf>,
    /// Where in the file it stands.
    pub span: Span,
}

/// Where a plugin is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plugin {
    /// In a release archive.
    Archive(PathBuf),
    /// In a directory, with its manifest.
    Directory(PathBuf),
    /// Nowhere: a stand-in takes its place, made of a profile, such as `aws@2.0.0`. For rehearsals.
    Profile(String),
}

/// What has to be true beside what can be checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Precondition {
    /// What.
    pub text: String,
    /// Where it is written down.
    pub link: Option<String>,
    /// Who says that it is so, and since when; none where nobody has.
    pub confirmed: Option<Confirmation>,
    /// Where in the file it stands.
    pub span: Span,
}

/// Somebody's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmation {
    /// Whose.
    pub by: String,
    /// On which day.
    pub on: Date,
}

/// What is let through although it does not hold, or is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiver {
    /// The id of the rule.
    pub check: &'static str,
    /// The name of the member; none: of every one.
    pub member: Option<String>,
    /// What the check says, as far as that tells it from others of the same rule: a part of its text.
    pub contains: Option<String>,
    /// Why.
    pub reason: String,
    /// Who let it through.
    pub approver: String,
    /// The last day on which it counts.
    pub expires: Date,
    /// Where in the file it stands.
    pub span: Span,
}

impl Release {
    /// The revision that the engine speaks after the release: its version has one, or the file was refused.
    pub fn revision(&self) -> Revision {
        Revision::for_version(&self.engine.member.to.to_string())
            .map_or(Revision::Head, |found| found.revision)
    }

    /// Every member, in the order in which they are released.
    pub fn in_order(&self) -> Vec<&Member> {
        let mut members: Vec<&Member> = self.members().collect();
        members.sort_by_key(|member| member.order);
        members
    }

    /// Every member, the engine first.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        std::iter::once(&self.engine.member).chain(&self.plugins)
    }
}

impl Member {
    /// The highest version that was ever used: that before the release, or one that was withdrawn.
    pub fn highest_used(&self) -> Version {
        let withdrawn = self.withdrawn.iter().filter_map(|tag| Version::parse(tag.strip_prefix('v')?).ok());
        withdrawn.fold(self.from.clone(), Version::max)
    }

    /// The version that is out there: what was released, unless it was taken back.
    pub fn public(&self) -> &Version {
        if self.state == State::Released { &self.to } else { &self.from }
    }
}

impl Require {
    /// The word that files and reports use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Live => "live",
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.os, self.arch))
    }
}

impl State {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Planned, Self::Released, Self::Withdrawn];

    /// The word that files and reports use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Released => "released",
            Self::Withdrawn => "withdrawn",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Part {
    /// Every part.
    pub const ALL: [Self; 3] = [Self::Major, Self::Minor, Self::Patch];

    /// The word that files and reports use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Major => "major",
            Self::Minor => "minor",
            Self::Patch => "patch",
        }
    }

    /// The part that goes up from one version to another; none where nothing does, or more than one step at once: the parts
    /// behind it are to be nought.
    pub fn between(from: &Version, to: &Version) -> Option<Self> {
        let (old, new) = ((from.major, from.minor, from.patch), (to.major, to.minor, to.patch));
        match new {
            (major, 0, 0) if major > old.0 => Some(Self::Major),
            (major, minor, 0) if major == old.0 && minor > old.1 => Some(Self::Minor),
            (major, minor, patch) if (major, minor) == (old.0, old.1) && patch > old.2 => Some(Self::Patch),
            _ => None,
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
