//! Engines of before and after by plugins of before and after: what is demanded of each pair, and what comes of it.
//!
//! What an engine does about a plugin that is there, its revision says (E-217, D-050). The plugin manager is asked at install
//! alone, and goes by `minEngineVersion`.

use std::{cmp::Ordering, fmt};

use counterfoil_proto::{Revision, UndeclaredV2};
use schemars::JsonSchema;
use semver::Version;
use serde::{Serialize, Serializer};

use super::{
    ArtefactFacts, Case, CheckState, DoubtKind, Facts, Known, Member, Path, PluginFacts, RuleState, Tested,
};

/// Before the release, or after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Age {
    /// Before.
    Old,
    /// After. What stays as it is counts as new.
    New,
}

/// What is demanded of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Demand {
    /// It works, as it did before the release.
    Works,
    /// It works call by call.
    WorksByV2,
    /// It is refused: the two were not made for each other.
    Refused,
}

/// What comes of a pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It works call by call, as it is to.
    WorksByV2,
    /// It works through `Apply`, as it did before the release.
    WorksByApply,
    /// The engine finds nothing under the name of the provider, since the plugin's manifest does not tell it (E-231).
    NotFound,
    /// The engine refuses to load the plugin.
    RefusedAtLoad,
    /// The plugin manager refuses to install the plugin, by its `minEngineVersion`. The engine would take it.
    RefusedAtInstall,
    /// The engine hands the plan to `Apply` without a word.
    SilentlyByApply,
    /// The engine drives it call by call, although it is to be refused.
    TakenByV2,
    /// It cannot be told, for this reason.
    Unknown(String),
}

/// Who refuses a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Enforcer {
    /// The engine, when it loads the plugin.
    Loader,
    /// The plugin manager, when it installs the plugin.
    PluginManager,
    /// Nobody.
    Nobody,
}

/// A pair that is to be refused, and that nobody refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub enum Hazard {
    /// The new engine drives the old plugin through `Apply`, and says nothing.
    OldPluginSilentlyDriven,
    /// The new engine drives the old plugin call by call.
    OldPluginTaken,
    /// The old engine drives the new plugin through `Apply`, and says nothing.
    NewPluginSilentlyDriven,
    /// The old engine drives the new plugin call by call.
    NewPluginTakenByOldEngine,
}

/// What an engine does about a plugin that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// It refuses it.
    Refused,
    /// It drives it.
    Driven(Path),
}

/// The pairs of one plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Pairs {
    /// The name of the plugin.
    pub plugin: String,
    /// Four pairs, old engines and old plugins first; fewer where the engine or the plugin stays as it is.
    pub cells: Vec<Cell>,
    /// Whether it has to come after the engine, since it is built with the module that the engine's release makes public.
    #[serde(skip)]
    pub(super) needs_the_engine: bool,
}

/// A pair: an engine and a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Cell {
    /// Which engine.
    pub engine: Age,
    /// Which plugin.
    pub plugin: Age,
    /// The version of the engine.
    pub engine_version: String,
    /// The version of the plugin.
    pub plugin_version: String,
    /// What is demanded.
    pub demanded: Demand,
    /// What comes of it.
    #[schemars(with = "String")]
    pub outcome: Outcome,
    /// Who refuses it; none where that is not known.
    pub refused_by: Option<Enforcer>,
    /// The hazard, where it is to be refused and nobody does.
    pub hazard: Option<Hazard>,
    /// Whether what is demanded is so: `holds`, `unknown` or `broken`.
    #[schemars(with = "String")]
    pub state: CheckState,
    /// What comes of it, in a sentence without its full stop.
    pub text: String,
    /// Who can come upon it.
    pub who: String,
    /// What to upgrade where it is refused, what would mend it where it is not as demanded; else empty.
    pub help: String,
    /// What the engine does about the plugin where it is there.
    #[serde(skip)]
    pub(super) load: Known<Load>,
    /// The oldest engine that the plugin may be installed for, where it states one.
    #[serde(skip)]
    pub(super) oldest: Known<Option<Version>>,
    /// Whether the plugin manager installs it.
    #[serde(skip)]
    pub(super) installs: Known<bool>,
}

/// The pairs of every plugin of a release, in the order of the file.
pub fn pairs(case: Case<'_>) -> Vec<Pairs> {
    let Case { release, facts } = case;
    let plugins = release.plugins.iter().zip(&facts.plugins);
    plugins.map(|(plugin, found)| Pairs::of(&release.engine.member, plugin, found, facts)).collect()
}

impl Pairs {
    fn of(engine: &Member, plugin: &Member, found: &PluginFacts, facts: &Facts) -> Self {
        let traits = [Traits::of_old(&found.previous), Traits::of_new(found, facts)];
        let mut cells = Vec::new();
        for engine_age in Age::of(engine) {
            for plugin_age in Age::of(plugin) {
                let pair = Pair { engine, plugin, ages: (*engine_age, *plugin_age) };
                cells.push(pair.cell(&traits[*plugin_age as usize]));
            }
        }
        Self {
            plugin: plugin.name.clone(),
            cells,
            needs_the_engine: engine.from != engine.to && is_built_with(found, &engine.to),
        }
    }

    /// The pair of two ages.
    pub fn cell(&self, engine: Age, plugin: Age) -> &Cell {
        // The first pair is the oldest: what is new in it stays as it is, and has no other age.
        let (engine, plugin) = (engine.max(self.cells[0].engine), plugin.max(self.cells[0].plugin));
        let mut cells = self.cells.iter();
        cells
            .find(|cell| (cell.engine, cell.plugin) == (engine, plugin))
            .expect("there is a pair of each age")
    }

    /// The pairs that are to be refused.
    pub fn mixed(&self) -> impl Iterator<Item = &Cell> {
        self.cells.iter().filter(|cell| cell.demanded == Demand::Refused)
    }
}

impl Age {
    /// The ages in which a member is out there.
    fn of(member: &Member) -> &'static [Self] {
        if member.from == member.to { &[Self::New] } else { &[Self::Old, Self::New] }
    }

    fn version(self, member: &Member) -> &Version {
        match self {
            Self::Old => &member.from,
            Self::New => &member.to,
        }
    }
}

/// What decides over a plugin, at install and at load.
struct Traits {
    declares_v2: Known<bool>,
    /// Whether the manifest tells of no provider on some platform. An installation may put that in, which nobody can count on.
    is_hidden: bool,
    /// The oldest engine that it may be installed for, where it states one: the lowest of all platforms.
    oldest: Known<Option<Version>>,
    /// The same, the highest of all platforms.
    highest: Known<Option<Version>>,
}

impl Traits {
    fn of_old(found: &ArtefactFacts) -> Self {
        // What speaks against a test speaks against what it says of the plugin.
        let sound = |tested: &Tested| match tested.doubts_about(&OF_SOMETHING_ELSE).next() {
            Some(doubt) => Known::Unknown(doubt.text.clone()),
            None => tested.declares_v2(),
        };
        let oldest = oldest(found);
        let declares_v2 = found.tested.and_then(sound);
        Self { declares_v2, is_hidden: is_hidden(found), highest: oldest.clone(), oldest }
    }

    /// The worst of what is known for any platform: whoever is on that one has it.
    fn of_new(found: &PluginFacts, facts: &Facts) -> Self {
        let here = found.platforms.get_key_value(&facts.here);
        let others = found.platforms.iter().filter(|(platform, _)| **platform != facts.here);
        let artefacts: Vec<&ArtefactFacts> =
            here.into_iter().chain(others).map(|(_, artefact)| artefact).collect();
        Self {
            declares_v2: all_declare(artefacts.iter().map(|artefact| artefact.declares_v2())),
            is_hidden: artefacts.iter().any(|artefact| is_hidden(artefact)),
            oldest: most(artefacts.iter().map(|artefact| oldest(artefact)), Ordering::Less),
            highest: most(artefacts.iter().map(|artefact| oldest(artefact)), Ordering::Greater),
        }
    }
}

/// The rule by which a manifest tells the name of its provider.
const TELLS_ITS_PROVIDER: &str = "MAN-009";

/// Whether the manifest of a plugin tells of no provider, as its test has seen.
fn is_hidden(found: &ArtefactFacts) -> bool {
    let state = found.tested.known().and_then(|tested| tested.rule(TELLS_ITS_PROVIDER));
    matches!(state, Some(RuleState::Broken | RuleState::Known))
}

/// The doubts by which a test tells nothing of what it is said to be about.
const OF_SOMETHING_ELSE: [DoubtKind; 4] =
    [DoubtKind::Artefact, DoubtKind::Unsound, DoubtKind::Contract, DoubtKind::Clock];

/// Whether all declare it of which it is known.
fn all_declare(all: impl Iterator<Item = Known<bool>>) -> Known<bool> {
    let all: Vec<Known<bool>> = all.collect();
    if all.contains(&Known::Known(false)) { Known::Known(false) } else { first_known(all.into_iter()) }
}

/// The one of those that are known to which each other is not so; else the first reason.
fn most(all: impl Iterator<Item = Known<Option<Version>>>, so: Ordering) -> Known<Option<Version>> {
    all.reduce(|one, other| match (one.known(), other.known()) {
        (Some(kept), Some(found)) if found.cmp(kept) == so => other,
        (None, Some(_)) => other,
        _ => one,
    })
    .unwrap_or_else(|| Known::Unknown("no artefact is stated".to_owned()))
}

/// The first that is known, else the first reason.
fn first_known<T>(all: impl Iterator<Item = Known<T>>) -> Known<T> {
    let mut unknown = None;
    for one in all {
        if one.known().is_some() {
            return one;
        }
        unknown.get_or_insert(one);
    }
    unknown.unwrap_or_else(|| Known::Unknown("no artefact is stated".to_owned()))
}

/// The oldest engine that a plugin may be installed for. One that states none is installed for any.
fn oldest(found: &ArtefactFacts) -> Known<Option<Version>> {
    match &found.manifest {
        Known::Known(manifest) if manifest.min_engine_version.is_none() => Known::Known(None),
        _ => match found.min_engine_version() {
            Known::Known(oldest) => Known::Known(Some(oldest)),
            Known::Unknown(why) => Known::Unknown(why),
        },
    }
}

/// Whether a plugin is built with a release of the engine's module that is not public before this one.
fn is_built_with(found: &PluginFacts, engine: &Version) -> bool {
    let builds = found.platforms.values().filter_map(|artefact| artefact.build.known());
    // What took the place of the module in a build does so nowhere else: who fetches the plugin's sources gets the pin.
    let mut pins = builds.filter_map(|build| build.engine.as_deref());
    pins.any(|pin| {
        let pin = Version::parse(pin.strip_prefix('v').unwrap_or(pin));
        pin.is_ok_and(|pin| pin.pre.is_empty() && pin.cmp_precedence(engine).is_ge())
    })
}

/// What an engine does about a plugin that is there (E-217, D-050).
fn load(engine: &Version, declares_v2: &Known<bool>) -> Known<Load> {
    let Ok(spoken) = Revision::for_version(&engine.to_string()) else {
        return Known::Unknown(format!("engine {engine} speaks no contract that is known"));
    };
    let undeclared = match spoken.revision.engine().undeclared_v2 {
        UndeclaredV2::DrivenByApply => Load::Driven(Path::Apply),
        UndeclaredV2::Refused => Load::Refused,
    };
    declares_v2.and_then(|declares| Known::Known(if *declares { Load::Driven(Path::V2) } else { undeclared }))
}

/// The first engine that refuses what does not declare v2.
fn first_that_refuses() -> &'static str {
    let mut revisions = Revision::ALL.iter();
    revisions
        .find(|revision| revision.engine().undeclared_v2 == UndeclaredV2::Refused)
        .map_or("none", |revision| revision.first_version())
}

/// An engine and a plugin, of which a cell is made.
struct Pair<'a> {
    engine: &'a Member,
    plugin: &'a Member,
    ages: (Age, Age),
}

impl Pair<'_> {
    fn demanded(&self) -> Demand {
        let all_are = |age| {
            [(self.ages.0, self.engine), (self.ages.1, self.plugin)]
                .iter()
                .all(|(its, member)| *its == age || member.from == member.to)
        };
        if all_are(Age::Old) {
            Demand::Works
        } else if all_are(Age::New) {
            Demand::WorksByV2
        } else {
            Demand::Refused
        }
    }

    fn cell(&self, traits: &Traits) -> Cell {
        let (engine, plugin) = (self.ages.0.version(self.engine), self.ages.1.version(self.plugin));
        let demanded = self.demanded();
        let load = load(engine, &traits.declares_v2);
        // Where it is to be refused, the platform counts that lets in most; where it is to work, the one that lets in least.
        let bound = if demanded == Demand::Refused { &traits.oldest } else { &traits.highest };
        // What was there before the release is installed already.
        let asked = self.ages.1 == Age::New && demanded != Demand::Works;
        let installs = if asked {
            bound.and_then(|oldest| {
                Known::Known(oldest.as_ref().is_none_or(|oldest| oldest.cmp_precedence(engine).is_le()))
            })
        } else {
            Known::Known(true)
        };
        let outcome = match outcome(demanded, &load, &installs) {
            // Where it is to work, it has to be found; where it is to be refused, it may be found.
            Outcome::WorksByV2 if traits.is_hidden && demanded == Demand::WorksByV2 => Outcome::NotFound,
            outcome => outcome,
        };
        let hazard = match (&outcome, self.ages.1) {
            _ if demanded != Demand::Refused => None,
            (Outcome::SilentlyByApply, Age::Old) => Some(Hazard::OldPluginSilentlyDriven),
            (Outcome::TakenByV2, Age::Old) => Some(Hazard::OldPluginTaken),
            (Outcome::SilentlyByApply, Age::New) => Some(Hazard::NewPluginSilentlyDriven),
            (Outcome::TakenByV2, Age::New) => Some(Hazard::NewPluginTakenByOldEngine),
            _ => None,
        };
        let state = match (&outcome, demanded) {
            (Outcome::Unknown(_), _) => CheckState::Unknown,
            (Outcome::WorksByV2 | Outcome::WorksByApply, _)
            | (Outcome::RefusedAtLoad | Outcome::RefusedAtInstall, Demand::Refused) => CheckState::Holds,
            _ => CheckState::Broken,
        };
        let mut cell = Cell {
            engine: self.ages.0,
            plugin: self.ages.1,
            engine_version: engine.to_string(),
            plugin_version: plugin.to_string(),
            demanded,
            refused_by: match outcome {
                Outcome::RefusedAtLoad => Some(Enforcer::Loader),
                Outcome::RefusedAtInstall => Some(Enforcer::PluginManager),
                Outcome::Unknown(_) => None,
                _ => Some(Enforcer::Nobody),
            },
            outcome,
            hazard,
            state,
            text: String::new(),
            who: self.who(),
            help: String::new(),
            load,
            oldest: bound.clone(),
            installs,
        };
        cell.text = cell.told();
        cell.help = self.help(&cell);
        cell
    }

    fn who(&self) -> String {
        let (engine, plugin) = (&self.engine.to, &self.plugin.to);
        match (self.demanded(), self.ages.1) {
            (Demand::Works, _) => "everybody, before the release".to_owned(),
            (Demand::WorksByV2, _) => "everybody, after the release".to_owned(),
            (Demand::Refused, Age::Old) => {
                format!("whoever upgrades the engine to {engine}, and not the plugin")
            }
            (Demand::Refused, Age::New) => {
                format!("whoever upgrades the plugin to {plugin}, and not the engine")
            }
        }
    }

    /// What to upgrade, or what would mend it.
    fn help(&self, cell: &Cell) -> String {
        let (engine, plugin) = (&self.engine.to, &self.plugin.to);
        let oldest = cell.oldest.known().and_then(Option::as_ref);
        match (&cell.outcome, cell.demanded, cell.plugin) {
            (Outcome::WorksByV2 | Outcome::WorksByApply, ..) => String::new(),
            (Outcome::Unknown(_), _, Age::Old) => {
                "name under `previous` what is public now, or evidence of its test".to_owned()
            }
            (Outcome::Unknown(_), ..) => {
                "build it, test it with `counterfoil test`, and name it here".to_owned()
            }
            (Outcome::RefusedAtInstall, Demand::WorksByV2, _) => {
                let oldest = oldest.map(ToString::to_string).unwrap_or_default();
                format!("release the engine {oldest} or later, or lower minEngineVersion")
            }
            (Outcome::NotFound, ..) => "state capabilities.iacProvider.name in plugin.json".to_owned(),
            (_, Demand::WorksByV2, _) => "answer Capabilities with compute_plan_version \"v2\"".to_owned(),
            (_, Demand::Works, _) => "it was so before the release".to_owned(),
            (Outcome::RefusedAtLoad | Outcome::RefusedAtInstall, _, Age::Old) => {
                format!("upgrade the plugin to {plugin}")
            }
            (Outcome::RefusedAtLoad | Outcome::RefusedAtInstall, _, Age::New) => {
                format!(
                    "upgrade the engine to {}",
                    oldest.filter(|oldest| *oldest > engine).unwrap_or(engine)
                )
            }
            (Outcome::SilentlyByApply, _, Age::Old) => format!(
                "engines refuse it from {} on: release the plugin first, tell whoever stays, and waive it",
                first_that_refuses()
            ),
            (_, _, Age::Old) => format!(
                "no engine refuses what declares v2: test {} with engine {engine}, and waive it",
                cell.plugin_version
            ),
            (_, _, Age::New) => format!("set minEngineVersion of {plugin} to {engine}"),
        }
    }
}

fn outcome(demanded: Demand, load: &Known<Load>, installs: &Known<bool>) -> Outcome {
    match (load, installs, demanded) {
        (Known::Known(Load::Refused), ..) => Outcome::RefusedAtLoad,
        (_, Known::Known(false), _) => Outcome::RefusedAtInstall,
        (Known::Unknown(why), ..) | (_, Known::Unknown(why), _) => Outcome::Unknown(why.clone()),
        (Known::Known(Load::Driven(Path::V2)), _, Demand::Refused) => Outcome::TakenByV2,
        (Known::Known(Load::Driven(Path::V2)), ..) => Outcome::WorksByV2,
        (Known::Known(Load::Driven(Path::Apply)), _, Demand::Works) => Outcome::WorksByApply,
        (Known::Known(Load::Driven(Path::Apply)), ..) => Outcome::SilentlyByApply,
    }
}

impl Cell {
    fn told(&self) -> String {
        let Self { engine_version: engine, plugin_version: plugin, .. } = self;
        let pair = format!("engine {engine}");
        let text = match &self.outcome {
            Outcome::WorksByV2 => format!("{pair} drives {plugin} by v2"),
            Outcome::WorksByApply => format!("{pair} drives {plugin} through Apply, as before"),
            Outcome::NotFound => format!(
                "{pair} finds no provider in {plugin}, whose plugin.json does not tell its name ({TELLS_ITS_PROVIDER})"
            ),
            Outcome::RefusedAtLoad => format!("{pair} refuses {plugin} at load"),
            Outcome::RefusedAtInstall => {
                let oldest = self.oldest.known().and_then(Option::as_ref).map(ToString::to_string);
                let there = match self.load {
                    Known::Known(Load::Driven(path)) => format!("drives it by {path}"),
                    _ => "may take it".to_owned(),
                };
                format!(
                    "the plugin manager refuses {plugin} for {pair}, since its minEngineVersion is {}; at install alone: \
                     an engine that finds it there {there}",
                    oldest.unwrap_or_default()
                )
            }
            Outcome::SilentlyByApply => {
                format!("{pair} hands the plan to the Apply of {plugin} without a word")
            }
            Outcome::TakenByV2 => format!("{pair} takes {plugin}, and drives it by v2"),
            Outcome::Unknown(why) => format!("what {pair} does about {plugin} is not known: {why}"),
        };
        match self.hazard {
            Some(hazard) => format!("{hazard}: {text}"),
            None => text,
        }
    }
}

impl Outcome {
    /// The word that reports use.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::WorksByV2 => "works-by-v2",
            Self::WorksByApply => "works-by-apply",
            Self::NotFound => "not-found",
            Self::RefusedAtLoad => "refused-at-load",
            Self::RefusedAtInstall => "refused-at-install",
            Self::SilentlyByApply => "silently-by-apply",
            Self::TakenByV2 => "taken-by-v2",
            Self::Unknown(_) => "unknown",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Hazard {
    /// The name by which it is known.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OldPluginSilentlyDriven => "old-plugin-silently-driven",
            Self::OldPluginTaken => "old-plugin-taken",
            Self::NewPluginSilentlyDriven => "new-plugin-silently-driven",
            Self::NewPluginTakenByOldEngine => "new-plugin-taken-by-old-engine",
        }
    }
}

impl fmt::Display for Hazard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Hazard {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::testing::{POINT, Point, case, release};

    /// What comes of each pair: old engine and old plugin, old and new, new and old, new and new.
    fn outcomes(engine: (&str, &str), point: Point) -> Vec<String> {
        let made = release(engine, &[point]);
        pairs(case(&made))[0].cells.iter().map(|cell| cell.outcome.to_string()).collect()
    }

    /// The pair of two ages, at 0.54 or at 0.57.
    fn cell(engine: (&str, &str), point: Point, ages: (Age, Age)) -> Cell {
        let made = release(engine, &[point]);
        pairs(case(&made))[0].cell(ages.0, ages.1).clone()
    }

    const TO_0_54: (&str, &str) = ("0.53.0", "0.54.0");
    const TO_0_57: (&str, &str) = ("0.56.0", "0.57.0");

    /// aws at 0.54: 1.1.0 does not declare v2, and 1.2.1 does.
    const AWS_AT_0_54: Point = Point { from: "1.1.0", to: "1.2.1", oldest: Some("0.54.0"), ..POINT };

    /// aws at 0.57: 1.2.1 declares v2 already.
    const AWS_AT_0_57: Point = Point { old_v2: Some(true), ..POINT };

    #[test]
    fn at_0_54_an_old_plugin_is_driven_silently() {
        assert_eq!(
            outcomes(TO_0_54, AWS_AT_0_54),
            ["works-by-apply", "refused-at-install", "silently-by-apply", "works-by-v2"]
        );
        let met = cell(TO_0_54, AWS_AT_0_54, (Age::New, Age::Old));
        assert_eq!(
            (met.hazard, met.refused_by),
            (Some(Hazard::OldPluginSilentlyDriven), Some(Enforcer::Nobody))
        );
        assert_eq!(met.state, CheckState::Broken);
        assert_eq!(
            met.text,
            "old-plugin-silently-driven: engine 0.54.0 hands the plan to the Apply of 1.1.0 without a word"
        );
        assert_eq!(met.who, "whoever upgrades the engine to 0.54.0, and not the plugin");
        assert!(met.help.contains("from 0.57.0 on"), "{}", met.help);
    }

    #[test]
    fn at_0_54_a_plugin_that_declares_v2_one_release_late_is_driven_silently_too() {
        let late = Point { from: "1.1.0", to: "1.2.0", new_v2: Some(false), oldest: Some("0.54.0"), ..POINT };
        assert_eq!(
            outcomes(TO_0_54, late.clone()),
            ["works-by-apply", "refused-at-install", "silently-by-apply", "silently-by-apply"]
        );
        let new = cell(TO_0_54, late, (Age::New, Age::New));
        assert_eq!(
            (new.state, new.hazard),
            (CheckState::Broken, None),
            "it is to work, and not to be refused"
        );
        assert!(new.help.contains("compute_plan_version"), "{}", new.help);
    }

    #[test]
    fn at_0_57_an_old_plugin_is_refused_unless_it_declares_v2() {
        assert_eq!(
            outcomes(TO_0_57, POINT),
            ["works-by-apply", "refused-at-install", "refused-at-load", "works-by-v2"]
        );
        let refused = cell(TO_0_57, POINT, (Age::New, Age::Old));
        assert_eq!((refused.state, refused.refused_by), (CheckState::Holds, Some(Enforcer::Loader)));
        assert_eq!(refused.help, "upgrade the plugin to 2.0.0");

        assert_eq!(
            outcomes(TO_0_57, AWS_AT_0_57),
            ["works-by-v2", "refused-at-install", "taken-by-v2", "works-by-v2"]
        );
        let taken = cell(TO_0_57, AWS_AT_0_57, (Age::New, Age::Old));
        assert_eq!((taken.state, taken.hazard), (CheckState::Broken, Some(Hazard::OldPluginTaken)));
    }

    #[test]
    fn a_new_plugin_is_kept_from_an_old_engine_at_install_alone() {
        let refused = cell(TO_0_57, POINT, (Age::Old, Age::New));
        assert_eq!((refused.state, refused.refused_by), (CheckState::Holds, Some(Enforcer::PluginManager)));
        assert_eq!(
            refused.text,
            "the plugin manager refuses 2.0.0 for engine 0.56.0, since its minEngineVersion is 0.57.0; at install \
             alone: an engine that finds it there drives it by v2"
        );
        assert_eq!(refused.help, "upgrade the engine to 0.57.0");

        let open = Point { oldest: None, ..POINT };
        let taken = cell(TO_0_57, open, (Age::Old, Age::New));
        assert_eq!(taken.hazard, Some(Hazard::NewPluginTakenByOldEngine));
        assert_eq!(taken.help, "set minEngineVersion of 2.0.0 to 0.57.0");
        let driven = Point { oldest: Some("0.56.0"), new_v2: Some(false), ..POINT };
        let driven = cell(TO_0_57, driven, (Age::Old, Age::New));
        assert_eq!(driven.hazard, Some(Hazard::NewPluginSilentlyDriven));
    }

    #[test]
    fn at_0_57_digitalocean_cannot_be_installed_for_the_engine_of_the_release() {
        let digitalocean = Point {
            from: "1.4.0",
            old_v2: Some(true),
            oldest: Some("0.57.1"),
            pin: Some("v0.57.1"),
            ..POINT
        };
        assert_eq!(
            outcomes(TO_0_57, digitalocean.clone()),
            ["works-by-v2", "refused-at-install", "taken-by-v2", "refused-at-install"]
        );
        let new = cell(TO_0_57, digitalocean.clone(), (Age::New, Age::New));
        assert_eq!(new.state, CheckState::Broken);
        assert_eq!(new.help, "release the engine 0.57.1 or later, or lower minEngineVersion");
        let refused = cell(TO_0_57, digitalocean, (Age::Old, Age::New));
        assert_eq!(refused.help, "upgrade the engine to 0.57.1", "that of the release would not do");
    }

    #[test]
    fn what_stays_makes_no_mixed_pair() {
        let mixed = |engine, point: &Point| {
            let made = release(engine, std::slice::from_ref(point));
            let pairs = pairs(case(&made)).remove(0);
            let demanded = pairs.cells.iter().map(|cell| cell.demanded).collect::<Vec<_>>();
            (demanded, pairs.mixed().count())
        };
        let stays = Point { from: POINT.to, ..POINT };
        assert_eq!(mixed(TO_0_57, &stays), (vec![Demand::Works, Demand::WorksByV2], 0));
        assert_eq!(mixed(("0.57.0", "0.57.0"), &POINT), (vec![Demand::Works, Demand::WorksByV2], 0));
        assert_eq!(mixed(("0.57.0", "0.57.0"), &stays), (vec![Demand::Works], 0));
        assert_eq!(mixed(TO_0_57, &POINT).1, 2);
    }

    #[test]
    fn what_is_not_known_is_said_unless_it_makes_no_difference() {
        let unknown = Point { old_v2: None, new_v2: None, ..POINT };
        assert_eq!(
            outcomes(TO_0_57, unknown.clone()),
            ["unknown", "refused-at-install", "unknown", "unknown"]
        );
        let old = cell(TO_0_57, unknown, (Age::New, Age::Old));
        assert_eq!((old.state, old.refused_by), (CheckState::Unknown, None));
        assert_eq!(old.text, "what engine 0.57.0 does about 1.2.1 is not known: nobody tested it");
        assert!(old.help.contains("previous"), "{}", old.help);

        let mut made = release(TO_0_57, &[Point { new_v2: Some(false), ..POINT }]);
        for artefact in made.1.plugins[0].platforms.values_mut() {
            artefact.manifest = Known::Unknown("it has no plugin.json".to_owned());
        }
        let pairs = pairs(case(&made));
        assert_eq!(pairs[0].cell(Age::New, Age::New).outcome, Outcome::RefusedAtLoad, "installed or not");
        let why = Outcome::Unknown("it has no plugin.json".to_owned());
        assert_eq!(pairs[0].cell(Age::Old, Age::New).outcome, why);
    }

    #[test]
    fn another_platform_tells_what_this_one_does_not() {
        let (release, mut facts) = release(TO_0_57, &[Point { new_v2: None, ..POINT }]);
        let here = facts.here.clone();
        let others = facts.plugins[0].platforms.iter_mut().filter(|(platform, _)| **platform != here);
        let tested = crate::mutants::good_release().1.plugins[0].platforms[&here].tested.clone();
        others.for_each(|(_, artefact)| artefact.tested = tested.clone());
        let made = (release, facts);
        assert_eq!(pairs(case(&made))[0].cell(Age::New, Age::New).outcome, Outcome::WorksByV2);
    }
}
