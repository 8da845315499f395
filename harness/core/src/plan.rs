//! What an engine is asked to do: the plan and its actions, free of wire and of YAML.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::json::JsonMap;

/// A plan: actions in the order in which they are applied (E-002).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Copied into the result (E-003).
    pub id: String,
    /// Names of the environment variables that the plan read, with the fingerprints that they had.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, String>,
    /// In order of application.
    pub actions: Vec<Action>,
}

/// One planned change of one resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// What is to be done.
    pub kind: ActionKind,
    /// The resource as it should become. A delete carries name and type only (E-363).
    pub spec: Spec,
    /// The resource as the state knows it; absent for what does not exist yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<Current>,
    /// What differs between the two, as the planner found it. It travels with a plan, and nothing reads it (E-180).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
}

/// A difference in one field of a configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The field's path, in the provider's notation.
    pub path: String,
    /// The value before: any JSON. None where the field was not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<serde_json::Value>,
    /// The value after: any JSON. None where the field is not wanted any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<serde_json::Value>,
    /// Whether only a replacement brings it about.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force_new: bool,
}

impl Action {
    /// The reference that driver calls carry: name and type of the spec, the id of the current state (E-056).
    pub fn target(&self) -> ResourceRef {
        ResourceRef {
            name: self.spec.name.clone(),
            resource_type: self.spec.resource_type.clone(),
            provider_id: self.current.as_ref().map(|c| c.provider_id.clone()).unwrap_or_default(),
        }
    }
}

/// The kind of an action. Matching is case-sensitive (E-024).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum ActionKind {
    /// Bring a resource into being.
    Create,
    /// Change a resource in place.
    Update,
    /// Delete a resource, then create its successor.
    Replace,
    /// Remove a resource.
    Delete,
    /// A word that the engine does not know: an error outcome, never a call.
    Unknown(String),
}

impl ActionKind {
    /// The word on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Replace => "replace",
            Self::Delete => "delete",
            Self::Unknown(word) => word,
        }
    }
}

impl From<String> for ActionKind {
    fn from(word: String) -> Self {
        match word.as_str() {
            "create" => Self::Create,
            "update" => Self::Update,
            "replace" => Self::Replace,
            "delete" => Self::Delete,
            _ => Self::Unknown(word),
        }
    }
}

impl From<ActionKind> for String {
    fn from(kind: ActionKind) -> Self {
        kind.as_str().to_owned()
    }
}

impl fmt::Display for ActionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A resource as it is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// The resource's name, which references use.
    pub name: String,
    /// The resource type, such as `infra.vpc`.
    #[serde(rename = "type")]
    pub resource_type: String,
    /// Free-form configuration; the only place where references are resolved (E-134).
    #[serde(default, skip_serializing_if = "JsonMap::is_nil")]
    pub config: JsonMap,
    /// A size tier, such as `s`; empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub size: String,
    /// Sizing hints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hints: Option<Hints>,
    /// Names of resources that the planner put before this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<String>,
}

/// Sizing hints, in the provider's own notation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hints {
    /// Processor share, such as `500m`.
    #[serde(default)]
    pub cpu: String,
    /// Memory, such as `512Mi`.
    #[serde(default)]
    pub memory: String,
    /// Storage, such as `10Gi`.
    #[serde(default)]
    pub storage: String,
}

/// A resource as the state knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Current {
    /// The name under which references see its outputs (E-069).
    pub name: String,
    /// The provider's own id; empty when the state lost it.
    pub provider_id: String,
    /// The outputs of the last apply.
    #[serde(default, skip_serializing_if = "JsonMap::is_nil")]
    pub outputs: JsonMap,
    /// The configuration of the last apply.
    #[serde(default, skip_serializing_if = "JsonMap::is_nil")]
    pub applied_config: JsonMap,
}

/// What a driver call points at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceRef {
    /// The resource's name.
    pub name: String,
    /// The resource type.
    #[serde(rename = "type")]
    pub resource_type: String,
    /// The provider's own id; empty when the state knows none.
    pub provider_id: String,
}

/// A resource as a driver reports it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ResourceOutput {
    /// The name, by the driver's own account.
    pub name: String,
    /// The resource type, by the driver's own account.
    #[serde(rename = "type")]
    pub resource_type: String,
    /// The provider's own id.
    pub provider_id: String,
    /// Free-form outputs.
    #[serde(default, skip_serializing_if = "JsonMap::is_nil")]
    pub outputs: JsonMap,
    /// Keys of outputs that hold secrets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sensitive: BTreeMap<String, bool>,
    /// Free-form status text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub status: String,
}

impl ResourceOutput {
    /// The output with the name and the type that its driver left out, taken from the spec (E-028).
    #[must_use]
    pub fn identified_by(mut self, spec: &Spec) -> Self {
        if self.name.is_empty() {
            self.name.clone_from(&spec.name);
        }
        if self.resource_type.is_empty() {
            self.resource_type.clone_from(&spec.resource_type);
        }
        self
    }
}
