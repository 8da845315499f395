//! What answers in a plugin's place the calls that would change something.

use bytes::Bytes;
use counterfoil_core::rpc::Method;
use counterfoil_proto::iac;
use prost::{DecodeError, Message};
use tonic::Status;

/// Services and methods that change nothing, by how their paths begin.
const READS: [&str; 25] = [
    "/workflow.plugin.v1.PluginService/",
    "/plugin.GRPC",
    "/grpc.health.v1.Health/",
    "/grpc.reflection.",
    "/workflow.plugin.external.iac.IaCProviderRequired/Initialize",
    "/workflow.plugin.external.iac.IaCProviderRequired/Name",
    "/workflow.plugin.external.iac.IaCProviderRequired/Version",
    "/workflow.plugin.external.iac.IaCProviderRequired/Capabilities",
    "/workflow.plugin.external.iac.IaCProviderRequired/Plan",
    "/workflow.plugin.external.iac.IaCProviderRequired/Status",
    "/workflow.plugin.external.iac.IaCProviderRequired/ResolveSizing",
    "/workflow.plugin.external.iac.ResourceDriver/Read",
    "/workflow.plugin.external.iac.ResourceDriver/Diff",
    "/workflow.plugin.external.iac.ResourceDriver/HealthCheck",
    "/workflow.plugin.external.iac.ResourceDriver/SensitiveKeys",
    "/workflow.plugin.external.iac.ResourceDriver/Troubleshoot",
    "/workflow.plugin.external.iac.IaCProviderEnumerator/",
    "/workflow.plugin.external.iac.IaCProviderDriftDetector/",
    "/workflow.plugin.external.iac.IaCProviderDriftConfigDetector/",
    "/workflow.plugin.external.iac.IaCProviderRegionLister/",
    "/workflow.plugin.external.iac.IaCProviderOwnership/GetOwner",
    "/workflow.plugin.external.iac.IaCProviderValidator/",
    "/workflow.plugin.external.iac.IaCProviderLogCapture/",
    "/workflow.plugin.external.iac.IaCProviderRequirementMapper/",
    "/workflow.plugin.external.iac.IaCRequirementDiscovery/",
];

/// The one call beside those of an apply whose answer is known.
const DESTROY: &str = "/workflow.plugin.external.iac.IaCProviderRequired/Destroy";

/// Whether a call of this path may change something: all that is not known to read.
pub(super) fn may_change(path: &str) -> bool {
    // Of a whole service the beginning is known, of a method all of it.
    !READS
        .iter()
        .any(|read| if read.ends_with(['/', '.', 'C']) { path.starts_with(read) } else { path == *read })
}

/// The answer to a call, as a plugin would give it that did what it is asked.
///
/// # Errors
/// A status, where that cannot be told, or where the request cannot be read.
pub(super) fn answer(path: &str, request: &Bytes) -> Result<Bytes, Status> {
    let answer = match Method::of_path(path) {
        Some(Method::Create) => created(request),
        Some(Method::Update) => updated(request),
        Some(Method::Delete) => Ok(iac::ResourceDeleteResponse {}.encode_to_vec()),
        Some(Method::Finalize) => Ok(iac::FinalizeApplyResponse::default().encode_to_vec()),
        Some(Method::Apply) => applied(request),
        _ if path == DESTROY => destroyed(request),
        _ => {
            return Err(Status::unimplemented(format!(
                "{path} may change something, and the proxy lets nothing through that does"
            )));
        }
    };
    answer.map(Bytes::from).map_err(|error| Status::invalid_argument(error.to_string()))
}

fn created(request: &Bytes) -> Result<Vec<u8>, DecodeError> {
    let spec = iac::ResourceCreateRequest::decode(request.clone())?.spec.unwrap_or_default();
    Ok(iac::ResourceCreateResponse { output: Some(output(spec, "")) }.encode_to_vec())
}

fn updated(request: &Bytes) -> Result<Vec<u8>, DecodeError> {
    let iac::ResourceUpdateRequest { r#ref, spec, .. } = Message::decode(request.clone())?;
    let id = r#ref.unwrap_or_default().provider_id;
    Ok(iac::ResourceUpdateResponse { output: Some(output(spec.unwrap_or_default(), &id)) }.encode_to_vec())
}

/// A resource as it would be: it reports what it was made with. Without an id, it gets one.
fn output(spec: iac::ResourceSpec, id: &str) -> iac::ResourceOutput {
    let provider_id = if id.is_empty() { format!("counterfoil-{}", spec.name) } else { id.to_owned() };
    iac::ResourceOutput {
        name: spec.name,
        r#type: spec.r#type,
        provider_id,
        outputs_json: spec.config_json,
        status: "active".to_owned(),
        ..iac::ResourceOutput::default()
    }
}

fn applied(request: &Bytes) -> Result<Vec<u8>, DecodeError> {
    let plan = iac::ApplyRequest::decode(request.clone())?.plan.unwrap_or_default();
    let mut result = iac::ApplyResult { plan_id: plan.id, ..iac::ApplyResult::default() };
    for (index, action) in (0..).zip(plan.actions) {
        let status = iac::ActionStatus::Success.into();
        result.actions.push(iac::ActionResult { action_index: index, status, ..Default::default() });
        if action.action != "delete" {
            let id = action.current.unwrap_or_default().provider_id;
            result.resources.push(output(action.resource.unwrap_or_default(), &id));
        }
    }
    Ok(iac::ApplyResponse { result: Some(result) }.encode_to_vec())
}

fn destroyed(request: &Bytes) -> Result<Vec<u8>, DecodeError> {
    let refs = iac::DestroyRequest::decode(request.clone())?.refs;
    let destroyed = refs.into_iter().map(|reference| reference.name).collect();
    let result = iac::DestroyResult { destroyed, ..iac::DestroyResult::default() };
    Ok(iac::DestroyResponse { result: Some(result) }.encode_to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_to_read_may_change_something() {
        for read in [Method::Read, Method::Diff, Method::Capabilities, Method::ContractRegistry] {
            assert!(!may_change(read.path()), "{read}");
        }
        for change in [Method::Create, Method::Update, Method::Delete, Method::Apply, Method::Finalize] {
            assert!(may_change(change.path()), "{change}");
        }
        assert!(may_change(DESTROY) && may_change("/of.tomorrow/Anything"));
        assert!(may_change("/workflow.plugin.external.iac.ResourceDriver/ReadAndForget"));
        assert!(!may_change("/plugin.GRPCController/Shutdown"));
    }

    #[test]
    fn what_is_asked_for_counts_as_done() {
        let spec = iac::ResourceSpec { name: "net".into(), r#type: "infra.vpc".into(), ..Default::default() };
        let create = iac::ResourceCreateRequest { spec: Some(spec), ..Default::default() };
        let answer = answer(Method::Create.path(), &create.encode_to_vec().into()).unwrap();
        let output = iac::ResourceCreateResponse::decode(answer).unwrap().output.unwrap();
        assert_eq!((&*output.name, &*output.provider_id), ("net", "counterfoil-net"));
        let unknown = super::answer("/of.tomorrow/Anything", &Bytes::new()).unwrap_err();
        assert_eq!(unknown.code(), tonic::Code::Unimplemented);
    }
}
