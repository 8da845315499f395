//! Profiles: what is known of a provider at points of its history, as data in `profiles/`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
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

/// The most bytes of a file of somebody else.
const MAX_BYTES: u64 = 1 << 20;

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
    pub version: String,
    /// The oldest engine that may load it.
    pub min_engine_version: String,
    /// What `Capabilities` declares; empty where it says nothing.
    pub compute_plan_version: String,
    /// How it answers `Apply`, at revisions that have it.
    pub apply: ApplyKind,
    /// What its manifest declares.
    #[serde(default)]
    pub manifest: Declared,
    /// The services that it has.
    pub services: BTreeSet<ServedService>,
    /// The backends that its `IaCStateBackend` names.
    #[serde(default)]
    pub state_backends: Vec<String>,
    /// The resource types that it has, as `Capabilities` declares them.
    pub resource_types: BTreeMap<String, TypeSupport>,
    /// The ids of the rules that a check of such a plugin finds broken, each at the revisions at which it
    /// holds.
    #[serde(default, deserialize_with = "read::rule_ids")]
    pub findings: BTreeSet<String>,
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

/// Why a file is no profile. The text says where, what was expected and what was probably meant.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The file cannot be read.
    #[error("the profile {} cannot be read: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is larger than any profile.
    #[error("the profile {} has more than {MAX_BYTES} bytes", .0.display())]
    TooLarge(PathBuf),
    /// What the file says is no profile.
    #[error("{text}")]
    Mistake {
        /// The line, from 1.
        line: u64,
        /// The column, from 1, in characters.
        column: u64,
        /// The mistake with the file, its place and the lines around it.
        text: String,
    },
}

impl Profile {
    /// The profile of a name: `aws` for the newest point of a provider, `aws@1.1.0` for another.
    pub fn named(name: &str) -> Option<Self> {
        let (name, at) = name.split_once('@').map_or((name, None), |(name, at)| (name, Some(at)));
        let profiles = history(name);
        match at {
            None => profiles.last(),
            Some(at) => profiles.iter().find(|profile| profile.point.at == at),
        }
        .cloned()
    }

    /// The names of all providers that have profiles, without points.
    pub fn names() -> impl Iterator<Item = &'static str> {
        FILES.into_iter().map(|(name, _)| name)
    }

    /// The points of a provider, oldest first; none for a name that is not known.
    pub fn points(name: &str) -> impl Iterator<Item = &'static str> {
        history(name).iter().map(|profile| profile.point.at.as_str())
    }

    /// The newest profile of a plugin, such as `workflow-plugin-aws`.
    pub fn for_plugin(plugin_name: &str) -> Option<Self> {
        all().iter().filter_map(|(_, profiles)| profiles.last()).find(|it| it.plugin == plugin_name).cloned()
    }

    /// The profiles in a file of the same form as those of ours: one per point, oldest first, and at least
    /// one.
    ///
    /// # Errors
    /// When the file cannot be read, or is not of that form: the first mistake in it, with its place.
    pub fn read(path: &Path) -> Result<Vec<Self>, ProfileError> {
        let io = |source| ProfileError::Io { path: path.to_owned(), source };
        let mut text = String::new();
        let read = File::open(path).map_err(io)?.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(io)?;
        if read as u64 > MAX_BYTES {
            return Err(ProfileError::TooLarge(path.to_owned()));
        }
        read::profiles(&path.to_string_lossy(), &text)
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

/// The profiles of a provider, oldest first.
fn history(name: &str) -> &'static [Profile] {
    all().iter().find(|(known, _)| *known == name).map_or(&[], |(_, profiles)| profiles)
}

fn all() -> &'static [(&'static str, Vec<Profile>)] {
    static ALL: OnceLock<Vec<(&'static str, Vec<Profile>)>> = OnceLock::new();
    ALL.get_or_init(|| {
        let read = |(name, text)| (name, read::profiles(name, text).expect("a test reads every profile"));
        FILES.into_iter().map(read).collect()
    })
}

#[cfg(test)]
mod tests;
