//! The way back: a result as the bytes that a provider would send.

use bytes::Bytes;
use counterfoil_proto::iac;
use prost::Message as _;

use crate::{
    outcome::{ActionError, ApplyResult, InputDrift, Outcome},
    plan::ResourceOutput,
};

/// The `ApplyResponse` that carries a result.
pub fn encode_apply_response(result: &ApplyResult) -> Bytes {
    iac::ApplyResponse { result: Some(result_message(result)) }.encode_to_vec().into()
}

/// A result as it travels.
pub fn result_message(result: &ApplyResult) -> iac::ApplyResult {
    iac::ApplyResult {
        plan_id: result.plan_id.clone(),
        resources: result.resources.iter().map(resource).collect(),
        errors: result.errors.iter().map(error).collect(),
        replace_id_map: result.replace_ids.clone(),
        actions: result.outcomes.iter().map(outcome).collect(),
        initial_input_snapshot: result.initial_inputs.clone(),
        input_drift_report: result.input_drift.iter().map(drift).collect(),
    }
}

fn resource(output: &ResourceOutput) -> iac::ResourceOutput {
    iac::ResourceOutput {
        name: output.name.clone(),
        r#type: output.resource_type.clone(),
        provider_id: output.provider_id.clone(),
        outputs_json: output.outputs.as_bytes().clone(),
        sensitive: output.sensitive.clone(),
        status: output.status.clone(),
    }
}

fn error(error: &ActionError) -> iac::ActionError {
    iac::ActionError {
        resource: error.resource.clone(),
        action: error.action.clone(),
        error: error.error.clone(),
    }
}

fn drift(drift: &InputDrift) -> iac::DriftEntry {
    iac::DriftEntry {
        name: drift.name.clone(),
        plan_fingerprint: drift.plan_fingerprint.clone(),
        apply_fingerprint: drift.apply_fingerprint.clone(),
    }
}

fn outcome(outcome: &Outcome) -> iac::ActionResult {
    iac::ActionResult {
        action_index: outcome.action_index,
        status: outcome.status.number(),
        error: outcome.error.clone(),
    }
}
