use std::fmt;

use bytes::Bytes;
use serde::Deserialize;

use super::{
    CloudError,
    config::{Entries, entries, is_scalar, to_json, value},
};

/// The output of sensitive types that is a secret.
pub const PASSWORD: &str = "password";

/// A live resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// The id, unique in the cloud.
    pub provider_id: String,
    /// The type, such as `infra.vpc`.
    pub resource_type: String,
    /// The name, unique among those of its type.
    pub name: String,
    /// The configuration as it came: a JSON object, `null` or nothing.
    pub config: Bytes,
    /// A JSON object: the scalars at the top of the config, `endpoint`, and for sensitive types `password`.
    pub outputs: Bytes,
    /// Whether the output `password` is sensitive.
    pub sensitive: bool,
    /// Whose it is; empty for nobody's.
    pub owner: String,
    /// Outputs that it was seeded with.
    pub(super) seeded: Bytes,
}

/// What a call points at: by id, or where there is none by type and name. An id counts only together with
/// its type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Target<'a> {
    /// The type.
    pub resource_type: &'a str,
    /// The name.
    pub name: &'a str,
    /// The id; empty for none.
    pub provider_id: &'a str,
}

impl fmt::Display for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} \"{}\"", self.resource_type, self.name)?;
        if self.provider_id.is_empty() { Ok(()) } else { write!(f, " (id {})", self.provider_id) }
    }
}

/// A resource that is there from the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seed<'a> {
    /// The type.
    pub resource_type: &'a str,
    /// The name.
    pub name: &'a str,
    /// The id; empty to be given one.
    pub provider_id: &'a str,
    /// The configuration: a JSON object, `null` or nothing.
    pub config: &'a [u8],
    /// Outputs that the config does not give, as a JSON object, `null` or nothing. They stay as long as the
    /// resource does.
    pub outputs: &'a [u8],
}

impl Resource {
    /// What points at this resource.
    pub fn target(&self) -> Target<'_> {
        Target { resource_type: &self.resource_type, name: &self.name, provider_id: &self.provider_id }
    }

    /// Whether `tags` in its config is a list that has this one.
    pub fn has_tag(&self, tag: &str) -> bool {
        #[derive(Deserialize)]
        struct Tagged {
            tags: Vec<String>,
        }
        serde_json::from_slice::<Tagged>(&self.config)
            .is_ok_and(|it| it.tags.iter().any(|known| known == tag))
    }

    /// A resource at `target`, whose type, name and id are all given.
    pub(super) fn new(target: &Target<'_>, facts: Facts<'_>, sensitive: bool) -> Self {
        let Target { resource_type, name, provider_id } = *target;
        let Facts { config, seeded, mut outputs } = facts;
        outputs
            .entry("endpoint".to_owned())
            .or_insert_with(|| value(&format!("{name}.{}.mock.internal", last_segment(resource_type))));
        if sensitive {
            let secret = || value(&format!("secret-of-{provider_id}"));
            outputs.entry(PASSWORD.to_owned()).or_insert_with(secret);
        }
        Self {
            provider_id: provider_id.to_owned(),
            resource_type: resource_type.to_owned(),
            name: name.to_owned(),
            // Copied, for the bytes of a message keep its whole receive buffer alive.
            config: Bytes::copy_from_slice(config.as_bytes()),
            outputs: to_json(&outputs).into(),
            sensitive,
            owner: String::new(),
            seeded: Bytes::copy_from_slice(seeded.as_bytes()),
        }
    }
}

/// What is known about a resource before it has an id.
pub(super) struct Facts<'a> {
    config: &'a str,
    seeded: &'a str,
    outputs: Entries,
}

impl<'a> Facts<'a> {
    /// The outputs are the seeded ones, and over them the scalars at the top of the config.
    pub(super) fn new(config: &'a str, seeded: &'a str) -> Result<Self, CloudError> {
        let mut outputs = entries("outputs", seeded)?;
        outputs.extend(entries("config", config)?.into_iter().filter(|(_, value)| is_scalar(value)));
        Ok(Self { config, seeded, outputs })
    }
}

/// `vpc` of `infra.vpc`.
pub(super) fn last_segment(resource_type: &str) -> &str {
    resource_type.rsplit('.').find(|segment| !segment.is_empty()).unwrap_or("resource")
}
