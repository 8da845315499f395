//! What became of a plan: one outcome per started action, and the result around them.

use std::{collections::BTreeMap, fmt};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::ResourceOutput;

/// How an action ended. The number on the wire is the discriminant; 0 is no status at all (A.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[repr(i32)]
pub enum Status {
    /// It was done.
    Success = 1,
    /// It failed.
    Error = 2,
    /// A delete failed: the resource has to stay in the state.
    DeleteFailed = 3,
    /// It was done and then undone. From 0.56.
    Compensated = 4,
    /// It was done, something after it failed, and what is left is unclear. From 0.56.
    CompensationFailed = 5,
    /// It never reached the driver. From 0.56.
    Skipped = 6,
}

impl Status {
    /// Every status, in the order of their numbers.
    pub const ALL: [Self; 6] = [
        Self::Success,
        Self::Error,
        Self::DeleteFailed,
        Self::Compensated,
        Self::CompensationFailed,
        Self::Skipped,
    ];

    /// The number on the wire.
    pub const fn number(self) -> i32 {
        self as i32
    }

    /// The status of a number, whatever the revision; none for 0 and for numbers without a name.
    pub fn from_number(number: i32) -> Option<Self> {
        usize::try_from(number).ok()?.checked_sub(1).and_then(|at| Self::ALL.get(at).copied())
    }

    /// The word that scenarios and reports use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Error => "error",
            Self::DeleteFailed => "delete_failed",
            Self::Compensated => "compensated",
            Self::CompensationFailed => "compensation_failed",
            Self::Skipped => "skipped",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What became of one action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    /// The action's position in the plan.
    pub action_index: u32,
    /// How it ended.
    pub status: Status,
    /// Why it failed; empty exactly on success.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub error: String,
}

/// A failure of one action, as the result lists it beside the outcomes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionError {
    /// The resource's name.
    pub resource: String,
    /// The action's word.
    pub action: String,
    /// What went wrong.
    pub error: String,
}

/// Everything that an apply reports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplyResult {
    /// The plan's id (E-003).
    pub plan_id: String,
    /// Resources that were created, updated or replaced, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<ResourceOutput>,
    /// Failures of single actions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ActionError>,
    /// One outcome per started action. Always empty at 0.51, which had none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outcomes: Vec<Outcome>,
    /// New ids of replaced resources, by name (E-065).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub replace_ids: BTreeMap<String, String>,
    /// Fingerprints that the plan's inputs had when the apply began; those of unset variables are left out (E-004).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub initial_inputs: BTreeMap<String, String>,
    /// Inputs that changed since the plan was made, in the order of their names (E-073, E-074).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub input_drift: Vec<InputDrift>,
}

/// An input of the plan that changed since it was made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputDrift {
    /// The name of the variable.
    pub name: String,
    /// Its fingerprint when the plan was made.
    pub plan_fingerprint: String,
    /// Its fingerprint when the apply was over.
    pub apply_fingerprint: String,
}
