//! Profiles: what is known of a provider, as data in `profiles/`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
};

use counterfoil_proto::Revision;
use serde::Deserialize;

use crate::{ServedService, Setup, TypeSupport};

/// The name of each profile and its file.
const FILES: [(&str, &str); 5] = [
    ("reference", include_str!("../profiles/reference.yaml")),
    ("aws", include_str!("../profiles/aws.yaml")),
    ("azure", include_str!("../profiles/azure.yaml")),
    ("digitalocean", include_str!("../profiles/digitalocean.yaml")),
    ("gcp", include_str!("../profiles/gcp.yaml")),
];

/// What is known of a provider: who it is, what it serves, and a config for `Initialize` that reaches no cloud.
///
/// ```
/// use counterfoil_mock::Profile;
///
/// let aws = Profile::for_plugin("workflow-plugin-aws").ok_or("it is known")?;
/// assert_eq!(aws.provider, "aws");
/// assert!(aws.placeholder()["region"].is_string());
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The name of the plugin, as its manifest tells it.
    pub plugin: String,
    /// The name of the provider (E-231).
    pub provider: String,
    /// The version, MAJOR.MINOR.PATCH.
    pub version: String,
    /// The oldest engine that may load it.
    pub min_engine_version: String,
    /// What it is, in a line.
    pub description: String,
    /// What its manifest and `Capabilities` declare.
    pub compute_plan_version: String,
    /// The services that it has.
    pub services: BTreeSet<ServedService>,
    /// The backends that its `IaCStateBackend` names, and its manifest with it (E-392).
    #[serde(default)]
    pub state_backends: Vec<String>,
    /// The resource types that it has.
    pub resource_types: BTreeMap<String, TypeSupport>,
    placeholder: BTreeMap<String, String>,
}

impl Profile {
    /// The profile of a name, such as `reference`.
    pub fn named(name: &str) -> Option<Self> {
        all().iter().find(|(known, _)| *known == name).map(|(_, profile)| profile.clone())
    }

    /// The names of all profiles.
    pub fn names() -> impl Iterator<Item = &'static str> {
        FILES.into_iter().map(|(name, _)| name)
    }

    /// The profile of a plugin, such as `workflow-plugin-aws`.
    pub fn for_plugin(plugin_name: &str) -> Option<Self> {
        all().iter().find(|(_, profile)| profile.plugin == plugin_name).map(|(_, profile)| profile.clone())
    }

    /// A good provider of this profile at a revision.
    pub fn setup(&self, revision: Revision) -> Setup {
        Setup {
            revision,
            name: self.provider.clone(),
            version: self.version.clone(),
            compute_plan_version: self.compute_plan_version.clone(),
            resource_types: self.resource_types.clone(),
            services: self.services.clone(),
            state_backends: self.state_backends.clone(),
            ..Setup::default()
        }
    }

    /// A config for `Initialize`: the keys that such a plugin asks for, and values that reach no cloud.
    pub fn placeholder(&self) -> serde_json::Value {
        self.placeholder.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    }
}

fn all() -> &'static [(&'static str, Profile)] {
    static ALL: OnceLock<Vec<(&'static str, Profile)>> = OnceLock::new();
    ALL.get_or_init(|| {
        let read = |text| serde_saphyr::from_str(text).expect("a test reads every profile");
        FILES.into_iter().map(|(name, text)| (name, read(text))).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_is_read_and_its_placeholders_are_plain() {
        for name in Profile::names() {
            let profile = Profile::named(name).unwrap();
            assert_eq!(Profile::for_plugin(&profile.plugin).as_ref(), Some(&profile));
            for (key, value) in &profile.placeholder {
                assert!(key == "provider" || value.starts_with("placeholder-"), "{name}: {key}: {value}");
            }
        }
        assert_eq!(Profile::named("nobody"), None);
    }

    #[test]
    fn the_reference_is_the_embedded_provider() {
        let (reference, embedded) = (Profile::named("reference").unwrap(), Setup::default());
        let setup = reference.setup(Revision::Head);
        assert_eq!((setup.name, setup.version), (embedded.name, embedded.version));
        assert_eq!((setup.resource_types, setup.services), (embedded.resource_types, embedded.services));
        assert_eq!(setup.state_backends, embedded.state_backends);
    }
}
