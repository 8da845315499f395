use counterfoil_proto::iac::{
    ActionError, ApplyRequest, ApplyResponse, BootstrapResult, BootstrapStateBackendRequest,
    BootstrapStateBackendResponse, CapabilitiesRequest, CapabilitiesResponse, DestroyRequest,
    DestroyResponse, DestroyResult, IaCCapabilityDeclaration, ImportRequest, ImportResponse,
    InitializeRequest, InitializeResponse, NameRequest, NameResponse, PlanRequest, PlanResponse,
    ProviderSizing, ResolveSizingRequest, ResolveSizingResponse, ResourceRef, ResourceState, ResourceStatus,
    StatusRequest, StatusResponse, VersionRequest, VersionResponse,
    ia_c_provider_required_server::IaCProviderRequired,
};
use serde::Deserialize;
use serde_json::json;
use tonic::{Request, Response, Status, async_trait};

use super::{ACTIVE, check_type, invalid, plan::plan, target};
use crate::{
    Provider, Setup,
    cloud::{CloudError, Target, check_object},
};

/// `IaCProviderRequired`, but for `Apply`: see [`WithApply`](super::WithApply).
#[derive(Clone, Debug)]
pub struct Required(Provider);

impl Required {
    /// The service of a provider.
    pub const fn new(provider: Provider) -> Self {
        Self(provider)
    }

    fn destroy_one(&self, reference: &ResourceRef) -> Result<(), Status> {
        check_type(&self.0, &reference.r#type)?;
        self.0.cloud().delete(&target(&reference.r#type, reference))?;
        Ok(())
    }
}

/// The status text of a resource that is not there.
const MISSING: &str = "missing";

/// The size tiers of an engine (E-301), with processors and memory in GiB.
const SIZES: [(&str, &str, &str); 5] =
    [("xs", "500m", "512Mi"), ("s", "1", "1Gi"), ("m", "2", "4Gi"), ("l", "4", "16Gi"), ("xl", "8", "32Gi")];

#[derive(Default, Deserialize)]
#[serde(default)]
struct Bootstrap {
    bucket: Option<String>,
    region: String,
}

#[async_trait]
impl IaCProviderRequired for Required {
    /// Checks the config and changes nothing (H-74).
    async fn initialize(
        &self,
        request: Request<InitializeRequest>,
    ) -> Result<Response<InitializeResponse>, Status> {
        check_object("config_json", &request.into_inner().config_json)?;
        Ok(Response::new(InitializeResponse {}))
    }

    async fn name(&self, _: Request<NameRequest>) -> Result<Response<NameResponse>, Status> {
        Ok(Response::new(NameResponse { name: self.0.setup().name.clone() }))
    }

    async fn version(&self, _: Request<VersionRequest>) -> Result<Response<VersionResponse>, Status> {
        Ok(Response::new(VersionResponse { version: self.0.setup().version.clone() }))
    }

    async fn capabilities(
        &self,
        _: Request<CapabilitiesRequest>,
    ) -> Result<Response<CapabilitiesResponse>, Status> {
        let setup = self.0.setup();
        let declarations = setup.resource_types.iter().map(|(name, support)| IaCCapabilityDeclaration {
            resource_type: name.clone(),
            tier: support.tier,
            operations: support.operations.clone(),
        });
        Ok(Response::new(CapabilitiesResponse {
            capabilities: declarations.collect(),
            canonical_keys: setup.canonical_keys.clone(),
            compute_plan_version: setup.compute_plan_version.clone(),
        }))
    }

    async fn plan(&self, request: Request<PlanRequest>) -> Result<Response<PlanResponse>, Status> {
        let plan = plan(&self.0, request.into_inner())?;
        Ok(Response::new(PlanResponse { plan: Some(plan) }))
    }

    /// Reached only where the revision or the provider has no `Apply`.
    async fn apply(&self, _: Request<ApplyRequest>) -> Result<Response<ApplyResponse>, Status> {
        let Setup { name, revision, .. } = self.0.setup();
        Err(Status::unimplemented(format!(
            "iac: provider method unimplemented: {name} has no Apply at {revision}"
        )))
    }

    /// Every reference ends up in `destroyed` or in `errors` (H-62).
    async fn destroy(&self, request: Request<DestroyRequest>) -> Result<Response<DestroyResponse>, Status> {
        let mut result = DestroyResult::default();
        for reference in request.into_inner().refs {
            match self.destroy_one(&reference) {
                Ok(()) => result.destroyed.push(reference.name),
                Err(status) => result.errors.push(ActionError {
                    resource: reference.name,
                    action: "delete".into(),
                    error: status.message().into(),
                }),
            }
        }
        Ok(Response::new(DestroyResponse { result: Some(result) }))
    }

    /// One status per reference, in order; of what is not there too.
    async fn status(&self, request: Request<StatusRequest>) -> Result<Response<StatusResponse>, Status> {
        let mut statuses = Vec::new();
        for reference in request.into_inner().refs {
            check_type(&self.0, &reference.r#type)?;
            statuses.push(match self.0.cloud().read(&target(&reference.r#type, &reference)) {
                Ok(live) => ResourceStatus {
                    name: live.name.clone(),
                    r#type: live.resource_type.clone(),
                    provider_id: live.provider_id.clone(),
                    status: ACTIVE.into(),
                    outputs_json: live.outputs.clone(),
                },
                Err(CloudError::NotFound(_)) => ResourceStatus {
                    name: reference.name,
                    r#type: reference.r#type,
                    provider_id: reference.provider_id,
                    status: MISSING.into(),
                    ..ResourceStatus::default()
                },
                Err(error) => return Err(error.into()),
            });
        }
        Ok(Response::new(StatusResponse { statuses }))
    }

    async fn import(&self, request: Request<ImportRequest>) -> Result<Response<ImportResponse>, Status> {
        let ImportRequest { provider_id, resource_type } = request.into_inner();
        check_type(&self.0, &resource_type)?;
        let found = Target { resource_type: &resource_type, provider_id: &provider_id, ..Target::default() };
        let live = self.0.cloud().read(&found)?;
        let state = ResourceState {
            id: live.name.clone(),
            name: live.name.clone(),
            r#type: live.resource_type.clone(),
            provider: self.0.setup().name.clone(),
            provider_id: live.provider_id.clone(),
            applied_config_json: live.config.clone(),
            outputs_json: live.outputs.clone(),
            ..ResourceState::default()
        };
        Ok(Response::new(ImportResponse { state: Some(state) }))
    }

    /// Hints go before what the tier says.
    async fn resolve_sizing(
        &self,
        request: Request<ResolveSizingRequest>,
    ) -> Result<Response<ResolveSizingResponse>, Status> {
        let ResolveSizingRequest { resource_type, size, hints } = request.into_inner();
        check_type(&self.0, &resource_type)?;
        let Some((tier, cpu, memory)) = SIZES.into_iter().find(|(tier, ..)| *tier == size) else {
            return Err(invalid(format_args!("no size tier \"{size}\"")));
        };
        let hints = hints.unwrap_or_default();
        let or = |hint: String, tier: &str| if hint.is_empty() { tier.to_owned() } else { hint };
        let mut specs = json!({ "cpu": or(hints.cpu, cpu), "memory": or(hints.memory, memory) });
        if !hints.storage.is_empty() {
            specs["storage"] = hints.storage.into();
        }
        let sizing = ProviderSizing {
            instance_type: format!("mock-{tier}"),
            specs_json: specs.to_string().into_bytes().into(),
        };
        Ok(Response::new(ResolveSizingResponse { sizing: Some(sizing) }))
    }

    /// Makes sure that the bucket exists, by default one named after the provider.
    async fn bootstrap_state_backend(
        &self,
        request: Request<BootstrapStateBackendRequest>,
    ) -> Result<Response<BootstrapStateBackendResponse>, Status> {
        let json = request.into_inner().config_json;
        check_object("config_json", &json)?;
        let Bootstrap { bucket, region } = if json.is_empty() {
            Bootstrap::default()
        } else {
            let config: Option<Bootstrap> =
                serde_json::from_slice(&json).map_err(|e| invalid(format_args!("config_json: {e}")))?;
            config.unwrap_or_default()
        };
        let bucket = bucket.unwrap_or_else(|| format!("{}-state", self.0.setup().name));
        let config = json!({ "region": region }).to_string();
        match self.0.cloud().create("infra.storage", &bucket, config.as_bytes()) {
            Ok(_) | Err(CloudError::AlreadyExists(_)) => {}
            Err(error) => return Err(error.into()),
        }
        let endpoint = format!("{bucket}.storage.mock.internal");
        let result = BootstrapResult { bucket, region, endpoint, ..BootstrapResult::default() };
        Ok(Response::new(BootstrapStateBackendResponse { result: Some(result) }))
    }
}
