use counterfoil_proto::iac::{
    Diagnostic, DiffResult, FieldChange, HealthResult, ResourceCreateRequest, ResourceCreateResponse,
    ResourceDeleteRequest, ResourceDeleteResponse, ResourceDiffRequest, ResourceDiffResponse,
    ResourceHealthCheckRequest, ResourceHealthCheckResponse, ResourceReadRequest, ResourceReadResponse,
    ResourceScaleRequest, ResourceScaleResponse, ResourceUpdateRequest, ResourceUpdateResponse,
    SensitiveKeysRequest, SensitiveKeysResponse, TroubleshootRequest, TroubleshootResponse,
    resource_driver_server,
};
use tonic::{Request, Response, Status, async_trait};

use super::{ACTIVE, check_type, output, present, target};
use crate::{
    Provider,
    cloud::{CloudError, Diff, PASSWORD, Target, check_object},
};

/// `ResourceDriver`: each method is one operation of the cloud.
#[derive(Clone, Debug)]
pub struct ResourceDriver(Provider);

impl ResourceDriver {
    /// The service of a provider.
    pub const fn new(provider: Provider) -> Self {
        Self(provider)
    }
}

#[async_trait]
impl resource_driver_server::ResourceDriver for ResourceDriver {
    async fn create(
        &self,
        request: Request<ResourceCreateRequest>,
    ) -> Result<Response<ResourceCreateResponse>, Status> {
        let ResourceCreateRequest { resource_type, spec } = request.into_inner();
        check_type(&self.0, &resource_type)?;
        let spec = present(spec, "spec")?;
        let created = self.0.cloud().create(&resource_type, &spec.name, &spec.config_json)?;
        Ok(Response::new(ResourceCreateResponse { output: Some(output(&created)) }))
    }

    async fn read(
        &self,
        request: Request<ResourceReadRequest>,
    ) -> Result<Response<ResourceReadResponse>, Status> {
        let ResourceReadRequest { resource_type, r#ref } = request.into_inner();
        check_type(&self.0, &resource_type)?;
        let found = self.0.cloud().read(&target(&resource_type, &present(r#ref, "ref")?))?;
        Ok(Response::new(ResourceReadResponse { output: Some(output(&found)) }))
    }

    async fn update(
        &self,
        request: Request<ResourceUpdateRequest>,
    ) -> Result<Response<ResourceUpdateResponse>, Status> {
        let ResourceUpdateRequest { resource_type, r#ref, spec } = request.into_inner();
        check_type(&self.0, &resource_type)?;
        let (reference, spec) = (present(r#ref, "ref")?, present(spec, "spec")?);
        let updated = self.0.cloud().update(&target(&resource_type, &reference), &spec.config_json)?;
        Ok(Response::new(ResourceUpdateResponse { output: Some(output(&updated)) }))
    }

    async fn delete(
        &self,
        request: Request<ResourceDeleteRequest>,
    ) -> Result<Response<ResourceDeleteResponse>, Status> {
        let ResourceDeleteRequest { resource_type, r#ref } = request.into_inner();
        check_type(&self.0, &resource_type)?;
        self.0.cloud().delete(&target(&resource_type, &present(r#ref, "ref")?))?;
        Ok(Response::new(ResourceDeleteResponse {}))
    }

    async fn diff(
        &self,
        request: Request<ResourceDiffRequest>,
    ) -> Result<Response<ResourceDiffResponse>, Status> {
        let ResourceDiffRequest { resource_type, desired, current } = request.into_inner();
        check_type(&self.0, &resource_type)?;
        let (desired, current) = (present(desired, "desired")?, present(current, "current")?);
        check_object("current.outputs_json", &current.outputs_json)?;
        let target =
            Target { resource_type: &resource_type, name: &current.name, provider_id: &current.provider_id };
        let diff = self.0.cloud().diff(&target, &desired.config_json)?;
        let result = DiffResult {
            needs_update: diff.needs_update(),
            needs_replace: diff.needs_replace(),
            changes: field_changes(diff),
        };
        Ok(Response::new(ResourceDiffResponse { result: Some(result) }))
    }

    async fn scale(
        &self,
        request: Request<ResourceScaleRequest>,
    ) -> Result<Response<ResourceScaleResponse>, Status> {
        let ResourceScaleRequest { resource_type, r#ref, replicas } = request.into_inner();
        check_type(&self.0, &resource_type)?;
        let scaled = self.0.cloud().scale(&target(&resource_type, &present(r#ref, "ref")?), replicas)?;
        Ok(Response::new(ResourceScaleResponse { output: Some(output(&scaled)) }))
    }

    async fn health_check(
        &self,
        request: Request<ResourceHealthCheckRequest>,
    ) -> Result<Response<ResourceHealthCheckResponse>, Status> {
        let ResourceHealthCheckRequest { resource_type, r#ref } = request.into_inner();
        check_type(&self.0, &resource_type)?;
        self.0.cloud().read(&target(&resource_type, &present(r#ref, "ref")?))?;
        let result = HealthResult { healthy: true, message: ACTIVE.into() };
        Ok(Response::new(ResourceHealthCheckResponse { result: Some(result) }))
    }

    async fn sensitive_keys(
        &self,
        request: Request<SensitiveKeysRequest>,
    ) -> Result<Response<SensitiveKeysResponse>, Status> {
        let SensitiveKeysRequest { resource_type } = request.into_inner();
        check_type(&self.0, &resource_type)?;
        let sensitive = self.0.cloud().traits().sensitive.contains(&resource_type);
        let keys = sensitive.then(|| PASSWORD.to_owned()).into_iter().collect();
        Ok(Response::new(SensitiveKeysResponse { keys }))
    }

    async fn troubleshoot(
        &self,
        request: Request<TroubleshootRequest>,
    ) -> Result<Response<TroubleshootResponse>, Status> {
        let TroubleshootRequest { resource_type, r#ref, failure_msg } = request.into_inner();
        check_type(&self.0, &resource_type)?;
        let reference = present(r#ref, "ref")?;
        let (id, detail) = match self.0.cloud().read(&target(&resource_type, &reference)) {
            Ok(live) => (live.provider_id.clone(), format!("{} is {ACTIVE}", live.target())),
            Err(missing @ CloudError::NotFound(_)) => (reference.provider_id, missing.to_string()),
            Err(error) => return Err(error.into()),
        };
        let diagnostic = Diagnostic { id, phase: "runtime".into(), cause: failure_msg, at: None, detail };
        Ok(Response::new(TroubleshootResponse { diagnostics: vec![diagnostic] }))
    }
}

/// The changes of a difference, as they travel.
pub(super) fn field_changes(diff: Diff) -> Vec<FieldChange> {
    let changes = diff.changes.into_iter().map(|change| FieldChange {
        path: change.path,
        old_json: change.old,
        new_json: change.new,
        force_new: change.force_new,
    });
    changes.collect()
}
