//! The host of an engine: the hooks that it has installed, and the state that they keep.

use serde::{Deserialize, Serialize};

use crate::json::JsonMap;

/// A resource as the state keeps it (E-336).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The resource's name, under which it is kept.
    pub name: String,
    /// The resource type.
    #[serde(rename = "type")]
    pub resource_type: String,
    /// The provider's own id.
    pub provider_id: String,
    /// The config that was applied, its references resolved.
    #[serde(default, skip_serializing_if = "JsonMap::is_nil")]
    pub applied_config: JsonMap,
    /// The outputs, apart from those that are secret (E-338).
    #[serde(default, skip_serializing_if = "JsonMap::is_nil")]
    pub outputs: JsonMap,
}
