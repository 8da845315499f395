//! Profiles: what is known of a provider at points of its history, as data in `profiles/`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::OnceLock,
};

use counterfoil_proto::Revision;
use serde::Deserialize;

use crate::{ApplyKind, ServedService, Setup, TypeSupport};

mod read;

/// The name of each profile and its file.
const FILES: [(&str, &str); 5] = [
    ("reference", include_str!("../profiles/reference.yaml")),
    ("aws", include_str!("../profiles/aws.yaml")),
    ("azure", include_str!("../profiles/azure.yaml")),
    ("digitalocean", include_str!("../profiles/digitalocean.yaml")),
    ("gcp", include_str!("../profiles/gcp.yaml")),
];

/// What is known of a provider at a point of its history: who it is, what it serves and declares, and a
/// config for `Initialize` that reaches no cloud.
///
/// ```
/// use counterfoil_mock::Profile;
///
/// let aws = Profile::for_plugin("workflow-plugin-aws").ok_or("it is known")?;
/// assert_eq!((aws.provider.as_str(), aws.point.at.as_str()), ("aws", "2.0.0"));
/// assert!(aws.placeholder()["region"].is_string());
///
/// let before = Profile::named("aws@1.1.0").ok_or("it is known")?;
/// assert_eq!(before.point.compute_plan_version, "");
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The name of the plugin, as its manifest tells it.
    pub plugin: String,
    /// The name of the provider (E-231).
    pub provider: String,
    /// What it is, in a line.
    pub description: String,
    /// What is special to the point.
    pub point: Point,
    placeholder: BTreeMap<String, String>,
}

/// A point in the history of a provider: a release, or a commit.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// Its name, such as `1.1.0` or `v2-declared`.
    #[serde(deserialize_with = "read::point_name")]
    pub at: String,
    /// The version that the plugin says it is, which is not always the name of its release.
    #[serde(deserialize_with = "read::version")]
    pub version: String,
    /// The oldest engine that may load it.
    #[serde(deserialize_with = "read::engine_version")]
    pub min_engine_version: String,
    /// The revision of the contract that it is built with; left out: that of its oldest engine.
    #[serde(default)]
    revision: Option<Revision>,
    /// What it was built from; none where nobody knows.
    #[serde(default)]
    pub built: Option<Built>,
    /// What `Capabilities` declares; empty where it says nothing.
    pub compute_plan_version: String,
    /// How it answers `Apply`, at revisions that have it.
    pub apply: ApplyKind,
    /// What its manifest declares.
    #[serde(default)]
    pub manifest: Declared,
    /// The services that it has.
    pub services: BTreeSet<ServedService>,
    /// Those of them of which every method is a stub that answers `Unimplemented` (H-04); never `required`. What is no
    /// service of the point is none.
    #[serde(default)]
    pub stubs: BTreeSet<ServedService>,
    /// The backends that its `IaCStateBackend` names.
    #[serde(default)]
    pub state_backends: Vec<String>,
    /// The resource types that it has, as `Capabilities` declares them.
    pub resource_types: BTreeMap<String, TypeSupport>,
    /// The ids of the rules, MUST and SHOULD, that a check of such a plugin has to find broken, and of no
    /// others, each with its place in the file.
    ///
    /// The check is `counterfoil test provider DIR --live --revisions '>=REVISION'` of the installed point:
    /// the whole stock suite, from the revision that the point speaks ([`Point::speaks`]) to the newest. That
    /// is what a plugin has to keep from the oldest engine that loads it on. `--live` is there because
    /// outcomes that are never sent show in `Apply` alone, and `Apply` is not called otherwise.
    #[serde(default, deserialize_with = "read::rule_ids")]
    pub findings: BTreeMap<String, Place>,
}

/// What a plugin was built from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Built {
    /// The commit of its repository, or at least the first 7 digits of it, in small letters.
    #[serde(deserialize_with = "read::commit")]
    pub commit: String,
    /// The version of the engine's module, without a `v`.
    #[serde(deserialize_with = "read::module_version")]
    pub engine: String,
}

/// What the manifest of a point declares, beside its name and versions. What is left out is not in the
/// manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Declared {
    /// `capabilities.iacProvider.name`, by which a host finds the plugin (E-231, E-235).
    pub provider_name: Option<String>,
    /// `capabilities.iacProvider.resourceTypes`.
    pub resource_types: Vec<String>,
    /// `iacProvider.computePlanVersion` (E-232).
    pub compute_plan_version: Option<String>,
    /// `iacServices`.
    pub services: BTreeSet<ServedService>,
    /// `capabilities.iacStateBackends` (E-392).
    pub state_backends: Vec<String>,
}

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// Why a text is no profile: its first mistake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct ProfileError {
    /// Where.
    pub place: Place,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Point {
    /// The revision of the contract that its plugin speaks, whatever engine starts it.
    pub fn speaks(&self) -> Revision {
        let oldest = || Revision::for_version(&self.min_engine_version).map(|found| found.revision);
        self.revision.unwrap_or_else(|| oldest().unwrap_or(Revision::Head))
    }
}

impl Profile {
    /// The profile of a name: `aws` for the newest point of a provider, `aws@1.1.0` for another.
    pub fn named(name: &str) -> Option<Self> {
        let (name, at) = name.split_once('@').map_or((name, None), |(name, at)| (name, Some(at)));
        Self::at(history(name), at).cloned()
    }

    /// The profile of a point among those of a history; of the newest where none is named.
    pub fn at<'a>(history: &'a [Self], point: Option<&str>) -> Option<&'a Self> {
        match point {
            None => history.last(),
            Some(at) => history.iter().find(|profile| profile.point.at == at),
        }
    }

    /// The names of all providers that have profiles, without points.
    pub fn names() -> impl Iterator<Item = &'static str> {
        FILES.into_iter().map(|(name, _)| name)
    }

    /// The points of a provider, oldest first; none for a name that is not known.
    pub fn points(name: &str) -> impl Iterator<Item = &'static str> {
        history(name).iter().map(|profile| profile.point.at.as_str())
    }

    /// Every name and its profiles, oldest point first.
    pub fn all() -> impl Iterator<Item = (&'static str, &'static [Self])> {
        Self::names().map(|name| (name, history(name)))
    }

    /// The newest profile of a plugin, such as `workflow-plugin-aws`.
    pub fn for_plugin(plugin_name: &str) -> Option<Self> {
        Self::all().filter_map(|(_, profiles)| profiles.last()).find(|it| it.plugin == plugin_name).cloned()
    }

    /// The profiles in a text of the same form as the files of ours: one per point, oldest first, and at least
    /// one. Whether `findings` names rules that exist is not known here.
    ///
    /// # Errors
    /// The first mistake, with its place.
    pub fn parse(text: &[u8]) -> Result<Vec<Self>, ProfileError> {
        read::profiles(text)
    }

    /// A good provider of this profile at a revision: what it does is honest, whatever it declares and leaves
    /// out.
    pub fn setup(&self, revision: Revision) -> Setup {
        let point = &self.point;
        Setup {
            revision,
            plugin: self.plugin.clone(),
            name: self.provider.clone(),
            version: point.version.clone(),
            compute_plan_version: point.compute_plan_version.clone(),
            resource_types: point.resource_types.clone(),
            services: point.services.clone(),
            stubs: point.stubs.clone(),
            state_backends: point.state_backends.clone(),
            apply: point.apply,
            ..Setup::default()
        }
    }

    /// A config for `Initialize`: the keys that such a plugin asks for, and values that reach no cloud.
    pub fn placeholder(&self) -> serde_json::Value {
        self.placeholder.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    }
}

/// The profiles of a provider, oldest first. Only its own file is read: a plugin starts with one of them.
fn history(name: &str) -> &'static [Profile] {
    static READ: [OnceLock<Vec<Profile>>; FILES.len()] = [const { OnceLock::new() }; FILES.len()];
    let Some(file) = FILES.iter().position(|(known, _)| *known == name) else { return &[] };
    let (_, text) = FILES[file];
    READ[file].get_or_init(|| read::profiles(text.as_bytes()).expect("a test reads every profile"))
}

#[cfg(test)]
mod tests;
