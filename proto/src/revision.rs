//! The revisions of the contract: their names, their first engine versions, and what the engine did at each.

use std::{fmt, ops::RangeInclusive, str::FromStr};

use semver::Version;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// One revision of the contract, named by the first engine version that shipped it. Revisions are ordered
/// by time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Revision {
    /// The `Apply` RPC without outcomes per action.
    V0_51,
    /// `ApplyResult.actions`: one outcome per action.
    V0_54,
    /// The finalizer and the plan-complete hook.
    V0_55,
    /// Statuses 4, 5 and 6.
    V0_56,
    /// The `Apply` RPC is gone; every provider has to declare `v2`.
    V0_57,
    /// Log capture.
    V0_60,
    /// Requirements; the before-action hook.
    V0_64,
    /// Regions.
    V0_68,
    /// Ownership.
    V0_69,
    /// The job runner.
    V0_73,
    /// The action-complete hook.
    V0_80,
    /// The newest commit that the facts were read at.
    Head,
}

/// What the engine makes of the outcome of an action (E-040, E-041).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StatusMapKind {
    /// The engine records no outcomes.
    None,
    /// One mapping at the end, by action kind alone: any error of a delete is `DELETE_FAILED`.
    Late,
    /// By the phase that failed: before the call, in the call, in a hook after it.
    ByPhase,
}

/// What happens to a provider that does not declare `compute_plan_version` to be exactly `v2` (E-217).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum UndeclaredV2 {
    /// The engine hands it the whole plan through the `Apply` RPC.
    DrivenByApply,
    /// The engine refuses to load it.
    Refused,
}

/// A point at which the engine calls back to its host (E-043).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hook {
    /// Before anything is done for an action; may stop the apply (E-021).
    BeforeAction,
    /// After a resource was created, updated or replaced (E-028).
    ResourceApplied,
    /// After a resource was deleted (E-027).
    ResourceDeleted,
    /// After the outcome of an action was recorded; cannot fail it (E-030).
    ActionComplete,
    /// After the last action of a plan that ran to its end.
    PlanComplete,
}

/// What the engine did at a revision, beside the wire.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct EngineColumns {
    /// How an outcome gets its status.
    pub status_map: StatusMapKind,
    /// Whether the `Apply` RPC exists.
    pub apply_rpc: bool,
    /// How a provider fares that does not declare `v2`.
    pub undeclared_v2: UndeclaredV2,
    /// The hooks that exist, in the order in which one action meets them.
    pub hooks: &'static [Hook],
    /// Whether `FinalizeApply` is called on providers that advertise it.
    pub finalizer: bool,
}

impl fmt::Display for StatusMapKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::None => "none",
            Self::Late => "late",
            Self::ByPhase => "by-phase",
        })
    }
}

impl fmt::Display for UndeclaredV2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::DrivenByApply => "driven-by-apply",
            Self::Refused => "refused",
        })
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::BeforeAction => "before-action",
            Self::ResourceApplied => "resource-applied",
            Self::ResourceDeleted => "resource-deleted",
            Self::ActionComplete => "action-complete",
            Self::PlanComplete => "plan-complete",
        })
    }
}

struct Row {
    revision: Revision,
    name: &'static str,
    alias: Option<&'static str>,
    /// Exact, as semver.
    first: &'static str,
    engine: EngineColumns,
}

const V0_51: EngineColumns = EngineColumns {
    status_map: StatusMapKind::None,
    apply_rpc: true,
    undeclared_v2: UndeclaredV2::DrivenByApply,
    hooks: &[Hook::ResourceApplied, Hook::ResourceDeleted],
    finalizer: false,
};
const V0_54: EngineColumns = EngineColumns { status_map: StatusMapKind::Late, ..V0_51 };
const V0_55: EngineColumns = EngineColumns {
    hooks: &[Hook::ResourceApplied, Hook::ResourceDeleted, Hook::PlanComplete],
    finalizer: true,
    ..V0_54
};
const V0_56: EngineColumns = EngineColumns { status_map: StatusMapKind::ByPhase, ..V0_55 };
const V0_57: EngineColumns =
    EngineColumns { apply_rpc: false, undeclared_v2: UndeclaredV2::Refused, ..V0_56 };
const V0_64: EngineColumns = EngineColumns {
    hooks: &[Hook::BeforeAction, Hook::ResourceApplied, Hook::ResourceDeleted, Hook::PlanComplete],
    ..V0_57
};
const V0_80: EngineColumns = EngineColumns {
    hooks: &[
        Hook::BeforeAction,
        Hook::ResourceApplied,
        Hook::ResourceDeleted,
        Hook::ActionComplete,
        Hook::PlanComplete,
    ],
    ..V0_57
};

const fn row(
    revision: Revision,
    name: &'static str,
    alias: Option<&'static str>,
    first: &'static str,
    engine: EngineColumns,
) -> Row {
    Row { revision, name, alias, first, engine }
}

/// The one table, in the order of the enum. 0.51 reaches back to 0.50.1, the first engine that reads
/// `compute_plan_version`; the before-action hook came within 0.64, with 0.64.7.
static TABLE: [Row; Revision::ALL.len()] = [
    row(Revision::V0_51, "0.51", Some("v1-baseline"), "0.50.1", V0_51),
    row(Revision::V0_54, "0.54", Some("phase-2"), "0.54.0", V0_54),
    row(Revision::V0_55, "0.55", Some("phase-2.5"), "0.55.0", V0_55),
    row(Revision::V0_56, "0.56", Some("phase-2.3"), "0.56.0", V0_56),
    row(Revision::V0_57, "0.57", Some("apply-removed"), "0.57.0", V0_57),
    row(Revision::V0_60, "0.60", None, "0.60.7", V0_57),
    row(Revision::V0_64, "0.64", None, "0.64.3", V0_64),
    row(Revision::V0_68, "0.68", None, "0.68.2", V0_64),
    row(Revision::V0_69, "0.69", None, "0.69.1", V0_64),
    row(Revision::V0_73, "0.73", None, "0.73.0", V0_64),
    row(Revision::V0_80, "0.80", None, "0.80.10", V0_80),
    row(Revision::Head, "head", None, "0.85.5", V0_80),
];

const _: () = {
    let mut i = 0;
    while i < TABLE.len() {
        assert!(
            TABLE[i].revision as usize == i && Revision::ALL[i] as usize == i,
            "rows in the enum's order"
        );
        i += 1;
    }
};

/// Versions that do not count as their own release, and the release that they are: tag `v0.56.0-rc1` sits
/// on the commit that became 0.57.0.
const LISTED: [(&str, &str); 1] = [("0.56.0-rc1", "0.57.0")];

/// The commit that [`Revision::Head`] was read at, and the pseudo-version that Go gives it.
const HEAD_COMMIT: &str = "2805e84318b0";
const HEAD_VERSION: &str = "0.85.5-0.20260716221633-2805e84318b0";

impl Revision {
    /// Every revision, oldest first.
    pub const ALL: &'static [Self] = &[
        Self::V0_51,
        Self::V0_54,
        Self::V0_55,
        Self::V0_56,
        Self::V0_57,
        Self::V0_60,
        Self::V0_64,
        Self::V0_68,
        Self::V0_69,
        Self::V0_73,
        Self::V0_80,
        Self::Head,
    ];

    fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// The name, as files and reports write it: `0.51` … `head`.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Upstream's name of the phase, if it had one: `phase-2` is 0.54.
    pub fn alias(self) -> Option<&'static str> {
        self.row().alias
    }

    /// The first engine version that counts as this revision.
    pub fn first_version(self) -> &'static str {
        self.row().first
    }

    /// The version of an engine that speaks this revision: its first release; of the newest, which is not released, the
    /// pseudo-version of the commit that it was read at.
    pub fn engine_version(self) -> &'static str {
        if self == Self::Head { HEAD_VERSION } else { self.first_version() }
    }

    /// What the engine did at this revision.
    pub fn engine(self) -> &'static EngineColumns {
        &self.row().engine
    }

    /// The revision that an engine of this version speaks.
    ///
    /// Takes a release, a pre-release or a Go pseudo-version, with or without a leading `v` and build
    /// metadata. A pre-release or pseudo-version counts as its release, unless a list says otherwise.
    ///
    /// # Errors
    /// When the text is no version, or the version is older than the contract or names no release.
    pub fn for_version(text: &str) -> Result<VersionMatch, VersionError> {
        let version = parse_version(text)?;
        let pseudo = PseudoVersion::of(&version);
        let tag = pseudo.as_ref().map_or(version.pre.as_str(), |p| p.base);
        let tag = format!("{}-{tag}", release_of(&version));
        let listed = LISTED.iter().find(|(listed, _)| *listed == tag).map(|(_, release)| exact(release));

        let why = match (&listed, &pseudo) {
            (Some(_), _) => VersionWhy::Listed,
            (None, Some(_)) => VersionWhy::PseudoVersion,
            (None, None) if version.pre.is_empty() => VersionWhy::Release,
            (None, None) => VersionWhy::PreRelease,
        };
        let as_release = listed.unwrap_or_else(|| release_of(&version));
        if pseudo.is_some() && as_release == Version::new(0, 0, 0) {
            return Err(VersionError::NoRelease { version });
        }
        let Some(revision) = Self::ALL.iter().rev().find(|r| exact(r.first_version()) <= as_release) else {
            return Err(VersionError::TooOld { version });
        };
        let newer_than_known = version.cmp_precedence(&exact(HEAD_VERSION)).is_gt()
            && pseudo.is_none_or(|p| p.commit != HEAD_COMMIT);
        Ok(VersionMatch { revision: *revision, version, as_release, why, newer_than_known })
    }

    /// The revision that somebody who wrote `text` most likely meant.
    fn nearest(text: &str) -> Option<Self> {
        // Whoever writes an engine version means what that engine speaks.
        if let Ok(found) = Self::for_version(text).or_else(|_| Self::for_version(&format!("{text}.0"))) {
            return Some(found.revision);
        }
        let text = text.to_lowercase();
        let names = Self::ALL.iter().flat_map(|r| [(*r, Some(r.name())), (*r, r.alias())]);
        names
            .filter_map(|(r, name)| Some((r, strsim::normalized_damerau_levenshtein(&text, name?))))
            .filter(|(_, likeness)| *likeness >= 0.5)
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .map(|(revision, _)| revision)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A text that names no revision.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParseRevisionError {
    /// What was written.
    pub text: String,
    /// What was probably meant.
    pub nearest: Option<Revision>,
}

impl fmt::Display for ParseRevisionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown revision `{}`", self.text)?;
        if let Some(nearest) = self.nearest {
            write!(f, "; did you mean `{nearest}`?")?;
        }
        f.write_str(" (known:")?;
        for (i, revision) in Revision::ALL.iter().enumerate() {
            write!(f, "{} {revision}", if i == 0 { "" } else { "," })?;
            if let Some(alias) = revision.alias() {
                write!(f, " = {alias}")?;
            }
        }
        f.write_str(")")
    }
}

impl std::error::Error for ParseRevisionError {}

impl FromStr for Revision {
    type Err = ParseRevisionError;

    /// Takes a name or an alias.
    fn from_str(text: &str) -> Result<Self, ParseRevisionError> {
        let known = Self::ALL.iter().find(|r| r.name() == text || r.alias() == Some(text));
        known
            .copied()
            .ok_or_else(|| ParseRevisionError { text: text.to_owned(), nearest: Self::nearest(text) })
    }
}

impl Serialize for Revision {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Revision {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_str(Parsed { expecting: "a revision of the contract", parse: Self::from_str })
    }
}

/// Reads a string through its parser. Asked for as a string, so that a YAML `0.60` keeps its nought.
struct Parsed<T, E> {
    expecting: &'static str,
    parse: fn(&str) -> Result<T, E>,
}

impl<T, E: fmt::Display> de::Visitor<'_> for Parsed<T, E> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expecting)
    }

    fn visit_str<X: de::Error>(self, text: &str) -> Result<T, X> {
        (self.parse)(text).map_err(X::custom)
    }
}

/// How an engine version was placed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VersionMatch {
    /// The revision that this engine speaks.
    pub revision: Revision,
    /// The version as it was given.
    pub version: Version,
    /// The release that it counts as.
    pub as_release: Version,
    /// Why it counts as that release.
    pub why: VersionWhy,
    /// The engine is newer than the newest commit that the facts were read at, so it may speak more than
    /// `revision` says.
    pub newer_than_known: bool,
}

/// Why a version counts as a release.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum VersionWhy {
    /// It is one.
    Release,
    /// It is a pre-release of it.
    PreRelease,
    /// Go made it from a commit on the way to it.
    PseudoVersion,
    /// A list of exceptions says so.
    Listed,
}

/// An engine version that has no revision.
#[derive(Debug, thiserror::Error)]
pub enum VersionError {
    /// The text is no semantic version.
    #[error("`{text}` is not a version: {source}")]
    NotAVersion {
        /// What was given.
        text: String,
        /// What is wrong with it.
        source: semver::Error,
    },
    /// The engine does not have this contract yet.
    #[error("engine {version} is older than the contract, which begins with {}", Revision::V0_51.first_version())]
    TooOld {
        /// What was given.
        version: Version,
    },
    /// A pseudo-version on top of no release at all.
    #[error("{version} names a commit without a release below it, so its revision cannot be told")]
    NoRelease {
        /// What was given.
        version: Version,
    },
}

fn parse_version(text: &str) -> Result<Version, VersionError> {
    let bare = text.strip_prefix('v').unwrap_or(text);
    bare.parse().map_err(|source| VersionError::NotAVersion { text: text.to_owned(), source })
}

/// A version out of a table of ours.
fn exact(text: &str) -> Version {
    text.parse().expect("the tables hold exact versions")
}

fn release_of(version: &Version) -> Version {
    Version::new(version.major, version.minor, version.patch)
}

/// What Go writes for a commit that has no tag: `vX.0.0-TIME-COMMIT` where no tag precedes it,
/// `vX.Y.Z-PRE.0.TIME-COMMIT` after a pre-release, `vX.Y.Z-0.TIME-COMMIT` on the way to X.Y.Z.
struct PseudoVersion<'a> {
    /// The pre-release that it follows; empty if none.
    base: &'a str,
    commit: &'a str,
}

impl<'a> PseudoVersion<'a> {
    fn of(version: &'a Version) -> Option<Self> {
        let (head, commit) = version.pre.as_str().rsplit_once('-')?;
        let (base, time) = head.rsplit_once('.').unwrap_or(("", head));
        let base = match base {
            "" | "0" => "",
            _ => base.strip_suffix(".0")?,
        };
        let is_time = time.len() == 14 && time.bytes().all(|b| b.is_ascii_digit());
        let is_commit = commit.len() == 12 && commit.bytes().all(|b| b.is_ascii_hexdigit());
        (is_time && is_commit).then_some(Self { base, commit })
    }
}

/// A range over revisions, such as `>=0.54, <0.57`: comparators that all have to hold. The default holds
/// every revision.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RevisionRange {
    comparators: Vec<Comparator>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Comparator {
    op: Op,
    revision: Revision,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Op {
    AtLeast,
    After,
    AtMost,
    Before,
    Exactly,
}

impl Op {
    /// As written, the longer ones first. No sign at all means exactly.
    const SIGNS: [(&'static str, Self); 5] = [
        (">=", Self::AtLeast),
        ("<=", Self::AtMost),
        (">", Self::After),
        ("<", Self::Before),
        ("=", Self::Exactly),
    ];
}

/// How a range over all revisions is written.
const ALL: &str = "*";

impl RevisionRange {
    /// Whether the revision lies in the range.
    pub fn contains(&self, revision: Revision) -> bool {
        self.comparators.iter().all(|c| match c.op {
            Op::AtLeast => revision >= c.revision,
            Op::After => revision > c.revision,
            Op::AtMost => revision <= c.revision,
            Op::Before => revision < c.revision,
            Op::Exactly => revision == c.revision,
        })
    }

    /// The revisions of the range, oldest first.
    pub fn revisions(&self) -> Vec<Revision> {
        Revision::ALL.iter().copied().filter(|r| self.contains(*r)).collect()
    }

    /// Whether no revision lies in the range.
    pub fn is_empty(&self) -> bool {
        !Revision::ALL.iter().any(|r| self.contains(*r))
    }
}

impl From<Revision> for RevisionRange {
    fn from(revision: Revision) -> Self {
        Self { comparators: vec![Comparator { op: Op::Exactly, revision }] }
    }
}

impl From<RangeInclusive<Revision>> for RevisionRange {
    fn from(range: RangeInclusive<Revision>) -> Self {
        let (first, last) = range.into_inner();
        let comparator = |op, revision| Comparator { op, revision };
        Self { comparators: vec![comparator(Op::AtLeast, first), comparator(Op::AtMost, last)] }
    }
}

impl fmt::Display for RevisionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.comparators.is_empty() {
            return f.write_str(ALL);
        }
        for (i, Comparator { op, revision }) in self.comparators.iter().enumerate() {
            let sign = Op::SIGNS.iter().find(|(_, known)| known == op && *known != Op::Exactly);
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{}{revision}", sign.map_or("", |(sign, _)| sign))?;
        }
        Ok(())
    }
}

/// A text that is no range over revisions.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ParseRangeError {
    /// A comparator names nothing: the text, or a part of it between commas, is empty.
    #[error("expected a range over revisions such as `>=0.54, <0.57`, `0.55` or `{ALL}`; `{range}` {}", if range.trim().is_empty() { "is empty" } else { "lacks a revision" })]
    NoRevision {
        /// The whole text.
        range: String,
    },
    /// A comparator names a revision that does not exist.
    #[error("in `{comparator}`: {source}")]
    UnknownRevision {
        /// The comparator as written.
        comparator: String,
        /// What it named.
        source: ParseRevisionError,
    },
}

impl ParseRangeError {
    /// The revision that was probably meant.
    pub fn nearest(&self) -> Option<Revision> {
        match self {
            Self::NoRevision { .. } => None,
            Self::UnknownRevision { source, .. } => source.nearest,
        }
    }
}

impl FromStr for RevisionRange {
    type Err = ParseRangeError;

    /// Takes comparators separated by commas (`>=0.54`, `>0.54`, `<0.57`, `<=0.56`, `=0.55`, `0.55`, with names or
    /// aliases), or `*`.
    fn from_str(text: &str) -> Result<Self, ParseRangeError> {
        if text.trim() == ALL {
            return Ok(Self::default());
        }
        let comparators = text.split(',').map(|comparator| {
            let comparator = comparator.trim();
            let (op, name) = Op::SIGNS
                .iter()
                .find_map(|(sign, op)| Some((*op, comparator.strip_prefix(sign)?)))
                .unwrap_or((Op::Exactly, comparator));
            let name = name.trim_start();
            if name.is_empty() {
                return Err(ParseRangeError::NoRevision { range: text.to_owned() });
            }
            let revision = name.parse().map_err(|source| ParseRangeError::UnknownRevision {
                comparator: comparator.to_owned(),
                source,
            })?;
            Ok(Comparator { op, revision })
        });
        Ok(Self { comparators: comparators.collect::<Result<_, _>>()? })
    }
}

impl Serialize for RevisionRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RevisionRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expecting = "a range over revisions such as `>=0.54, <0.57`";
        deserializer.deserialize_str(Parsed { expecting, parse: Self::from_str })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(text: &str) -> VersionMatch {
        Revision::for_version(text).unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    #[test]
    fn names_and_aliases_parse_back() {
        for revision in Revision::ALL {
            assert_eq!(revision.name().parse(), Ok(*revision));
            if let Some(alias) = revision.alias() {
                assert_eq!(alias.parse(), Ok(*revision));
            }
            let json = serde_json::to_string(revision).unwrap();
            assert_eq!(json, format!("\"{revision}\""));
            assert_eq!(serde_json::from_str::<Revision>(&json).unwrap(), *revision);
        }
    }

    #[test]
    fn rows_are_in_order_of_time() {
        assert!(Revision::ALL.is_sorted());
        let firsts: Vec<_> = Revision::ALL.iter().map(|r| exact(r.first_version())).collect();
        assert!(firsts.is_sorted_by(|a, b| a < b));
        for revision in Revision::ALL {
            assert_eq!(placed(revision.first_version()).revision, *revision);
        }
    }

    #[test]
    fn unknown_revision_names_the_nearest() {
        let nearest = |text: &str| text.parse::<Revision>().unwrap_err().nearest;
        assert_eq!(nearest("0.58"), Some(Revision::V0_57), "an engine 0.58 speaks 0.57");
        assert_eq!(nearest("v0.56.0"), Some(Revision::V0_56));
        assert_eq!(nearest("0.85.9"), Some(Revision::Head));
        assert_eq!(nearest("Head"), Some(Revision::Head));
        assert_eq!(nearest("phase2.5"), Some(Revision::V0_55));
        assert_eq!(nearest("0,54"), Some(Revision::V0_54));
        assert_eq!(nearest("banana"), None);
        let text = "hed".parse::<Revision>().unwrap_err().to_string();
        assert!(
            text.starts_with("unknown revision `hed`; did you mean `head`? (known: 0.51 = v1-baseline, 0.54")
        );
    }

    #[test]
    fn every_release_has_its_revision() {
        for (version, revision) in [
            ("0.50.1", Revision::V0_51),
            ("0.51.11", Revision::V0_51),
            ("0.53.99", Revision::V0_51),
            ("0.54.0", Revision::V0_54),
            ("v0.55.0", Revision::V0_55),
            ("0.56.0", Revision::V0_56),
            ("0.56.1", Revision::V0_56),
            ("0.57.1", Revision::V0_57),
            ("0.60.6", Revision::V0_57),
            ("0.60.7", Revision::V0_60),
            ("0.64.2", Revision::V0_60),
            ("0.64.3", Revision::V0_64),
            ("0.68.1", Revision::V0_64),
            ("0.68.2", Revision::V0_68),
            ("0.69.1", Revision::V0_69),
            ("0.73.0", Revision::V0_73),
            ("0.80.9", Revision::V0_73),
            ("0.80.10", Revision::V0_80),
            ("0.85.4", Revision::V0_80),
        ] {
            let found = placed(version);
            assert_eq!((found.revision, found.why), (revision, VersionWhy::Release), "{version}");
            assert!(!found.newer_than_known, "{version}");
            assert_eq!(found.as_release, found.version);
        }
    }

    #[test]
    fn pre_releases_and_pseudo_versions_count_as_their_release() {
        use VersionWhy::{Listed, PreRelease, PseudoVersion, Release};
        for (version, revision, release, why) in [
            ("0.57.0-rc1", Revision::V0_57, "0.57.0", PreRelease),
            ("v0.54.0-alpha.2", Revision::V0_54, "0.54.0", PreRelease),
            ("v0.57.0+incompatible", Revision::V0_57, "0.57.0", Release),
            ("v0.56.0-rc1", Revision::V0_57, "0.57.0", Listed),
            ("v0.56.0-rc1+dirty", Revision::V0_57, "0.57.0", Listed),
            ("v0.56.0-rc2", Revision::V0_56, "0.56.0", PreRelease),
            ("0.86.1-0.20260716181633-2805e84318b0", Revision::Head, "0.86.1", PseudoVersion),
            ("v0.56.1-0.20260517150000-0123456789ab", Revision::V0_56, "0.56.1", PseudoVersion),
            ("v0.57.0-rc1.0.20260517220000-0123456789ab", Revision::V0_57, "0.57.0", PseudoVersion),
            ("v0.56.0-rc1.0.20260517220000-0123456789ab", Revision::V0_57, "0.57.0", Listed),
            ("v1.0.0-20260901000000-0123456789ab", Revision::Head, "1.0.0", PseudoVersion),
            // Looks like one, but Go would not write it.
            ("v0.57.0-rc1.20260517220000-0123456789ab", Revision::V0_57, "0.57.0", PreRelease),
            ("v0.57.0-0.2026051722-0123456789ab", Revision::V0_57, "0.57.0", PreRelease),
            ("v0.57.0-0.20260517220000-0123456789xy", Revision::V0_57, "0.57.0", PreRelease),
        ] {
            let found = placed(version);
            assert_eq!((found.revision, found.why), (revision, why), "{version}");
            assert_eq!(found.as_release, exact(release), "{version}");
            assert_eq!(found.version.to_string(), version.trim_start_matches('v'), "keeps its identity");
        }
    }

    #[test]
    fn an_engine_after_the_head_commit_is_newer_than_known() {
        for (version, newer) in [
            ("0.85.4", false),
            (HEAD_VERSION, false),
            ("0.85.5-0.20260716221632-0123456789ab", false),
            ("0.85.5-0.20260716221634-0123456789ab", true),
            ("0.86.1-0.20260716181633-2805e84318b0", false),
            ("0.86.1-0.20260716181633-0123456789ab", true),
            ("0.85.5", true),
            ("0.85.5+build.7", true),
            ("1.0.0", true),
        ] {
            assert_eq!(placed(version).newer_than_known, newer, "{version}");
        }
    }

    #[test]
    fn what_cannot_be_placed_says_why() {
        let text = |version: &str| Revision::for_version(version).unwrap_err().to_string();
        assert_eq!(text("0.50.0"), "engine 0.50.0 is older than the contract, which begins with 0.50.1");
        assert!(text("v0.19.2").contains("older than the contract"));
        assert!(text("v0.0.0-20260716181633-2805e84318b0").contains("cannot be told"));
        for nonsense in ["", "v", "latest", "0.57", "vv0.57.0", "0.57.0.1", "(devel)"] {
            assert!(text(nonsense).starts_with(&format!("`{nonsense}` is not a version")), "{nonsense}");
        }
    }

    #[test]
    fn ranges_hold_what_they_say() {
        use Revision::*;
        for (text, written, holds) in [
            (">=0.80", ">=0.80", vec![V0_80, Head]),
            (">0.80", ">0.80", vec![Head]),
            ("<0.55", "<0.55", vec![V0_51, V0_54]),
            ("<= phase-2", "<=0.54", vec![V0_51, V0_54]),
            (" >=0.54,<0.57 ", ">=0.54, <0.57", vec![V0_54, V0_55, V0_56]),
            ("=0.55", "0.55", vec![V0_55]),
            ("head", "head", vec![Head]),
            ("0.55, 0.56", "0.55, 0.56", vec![]),
        ] {
            let range: RevisionRange = text.parse().unwrap();
            assert_eq!(range.to_string(), written);
            assert_eq!(range.revisions(), holds, "{text}");
            assert_eq!(range.is_empty(), holds.is_empty(), "{text}");
            assert_eq!(written.parse(), Ok(range.clone()));
            let json = serde_json::to_string(&range).unwrap();
            assert_eq!(serde_json::from_str::<RevisionRange>(&json).unwrap(), range);
        }
        let all = RevisionRange::default();
        assert_eq!(all.revisions(), Revision::ALL);
        assert_eq!(all.to_string().parse(), Ok(all));
        assert_eq!(RevisionRange::from(V0_55).revisions(), [V0_55]);
    }

    #[test]
    fn a_bad_range_says_what_was_expected() {
        let error = |text: &str| text.parse::<RevisionRange>().unwrap_err();
        assert_eq!(error(">=0.53").nearest(), Some(Revision::V0_51));
        assert!(error("<0.57, >=0.4").to_string().starts_with("in `>=0.4`: unknown revision `0.4`"));
        assert!(error("~0.54").to_string().contains("did you mean `0.54`?"));
        for lacking in ["", "  ", ">=", "0.54,", ",", ">=0.54,,<0.57"] {
            assert!(error(lacking).to_string().starts_with("expected a range over revisions"), "{lacking}");
        }
        assert!(
            serde_json::from_str::<RevisionRange>("\"banana\"")
                .unwrap_err()
                .to_string()
                .contains("known: 0.51")
        );
        assert!(
            serde_json::from_str::<RevisionRange>("0.54").unwrap_err().to_string().contains("range over")
        );
    }

    #[test]
    fn engine_words_are_the_same_in_text_and_json() {
        let engine = Revision::Head.engine();
        let json = serde_json::to_value(engine).unwrap();
        assert_eq!(json["status_map"], engine.status_map.to_string());
        assert_eq!(json["undeclared_v2"], engine.undeclared_v2.to_string());
        let hooks: Vec<_> = engine.hooks.iter().map(ToString::to_string).collect();
        assert_eq!(json["hooks"], serde_json::to_value(hooks).unwrap());
        let older = serde_json::to_value(Revision::V0_51.engine()).unwrap();
        assert_eq!(older["status_map"], StatusMapKind::None.to_string());
        assert_eq!(older["undeclared_v2"], UndeclaredV2::DrivenByApply.to_string());
        assert_eq!(serde_json::to_value(StatusMapKind::Late).unwrap(), StatusMapKind::Late.to_string());
    }

    #[test]
    fn engine_columns_follow_the_history() {
        let first = |holds: fn(&EngineColumns) -> bool| {
            let from = Revision::ALL.iter().position(|r| holds(r.engine())).unwrap();
            assert!(Revision::ALL[from..].iter().all(|r| holds(r.engine())), "and from then on");
            Revision::ALL[from]
        };
        assert_eq!(first(|e| e.status_map != StatusMapKind::None), Revision::V0_54);
        assert_eq!(first(|e| e.status_map == StatusMapKind::ByPhase), Revision::V0_56);
        assert_eq!(first(|e| !e.apply_rpc), Revision::V0_57);
        assert_eq!(first(|e| e.undeclared_v2 == UndeclaredV2::Refused), Revision::V0_57);
        assert_eq!(first(|e| e.finalizer), Revision::V0_55);
        assert_eq!(first(|e| e.hooks.contains(&Hook::PlanComplete)), Revision::V0_55);
        assert_eq!(first(|e| e.hooks.contains(&Hook::BeforeAction)), Revision::V0_64);
        assert_eq!(first(|e| e.hooks.contains(&Hook::ActionComplete)), Revision::V0_80);
        assert_eq!(first(|e| e.hooks.contains(&Hook::ResourceDeleted)), Revision::V0_51);
        assert!(Revision::ALL.iter().all(|r| r.engine().hooks.is_sorted()));
    }
}
