use std::collections::BTreeMap;

use counterfoil_proto::iac::{
    DetectDriftConfigRequest, DetectDriftConfigResponse, DetectDriftRequest, DetectDriftResponse,
    DetectDriftWithSpecsRequest, DetectDriftWithSpecsResponse, DriftClass, DriftResult, ResourceRef,
    ResourceSpec, ia_c_provider_drift_config_detector_server::IaCProviderDriftConfigDetector,
    ia_c_provider_drift_detector_server::IaCProviderDriftDetector,
};
use tonic::{Request, Response, Status, async_trait};

use super::{check_type, target};
use crate::{
    Provider,
    cloud::{CloudError, check_object},
};

/// `IaCProviderDriftDetector`: what is gone, and with specs what has another configuration.
#[derive(Clone, Debug)]
pub struct DriftDetector(Provider);

impl DriftDetector {
    /// The service of a provider.
    pub const fn new(provider: Provider) -> Self {
        Self(provider)
    }
}

#[async_trait]
impl IaCProviderDriftDetector for DriftDetector {
    async fn detect_drift(
        &self,
        request: Request<DetectDriftRequest>,
    ) -> Result<Response<DetectDriftResponse>, Status> {
        let drifts = drifts(&self.0, &request.into_inner().refs, &BTreeMap::new())?;
        Ok(Response::new(DetectDriftResponse { drifts }))
    }

    async fn detect_drift_with_specs(
        &self,
        request: Request<DetectDriftWithSpecsRequest>,
    ) -> Result<Response<DetectDriftWithSpecsResponse>, Status> {
        let DetectDriftWithSpecsRequest { refs, specs } = request.into_inner();
        let drifts = drifts(&self.0, &refs, &specs)?;
        Ok(Response::new(DetectDriftWithSpecsResponse { drifts }))
    }
}

/// `IaCProviderDriftConfigDetector`: the same, as a service of its own.
#[derive(Clone, Debug)]
pub struct DriftConfigDetector(Provider);

impl DriftConfigDetector {
    /// The service of a provider.
    pub const fn new(provider: Provider) -> Self {
        Self(provider)
    }
}

#[async_trait]
impl IaCProviderDriftConfigDetector for DriftConfigDetector {
    async fn detect_drift_config(
        &self,
        request: Request<DetectDriftConfigRequest>,
    ) -> Result<Response<DetectDriftConfigResponse>, Status> {
        let DetectDriftConfigRequest { refs, specs } = request.into_inner();
        let drifts = drifts(&self.0, &refs, &specs)?;
        Ok(Response::new(DetectDriftConfigResponse { drifts }))
    }
}

/// One result per reference, in order. Where there is no spec of its name, only its absence is drift.
fn drifts(
    provider: &Provider,
    refs: &[ResourceRef],
    specs: &BTreeMap<String, ResourceSpec>,
) -> Result<Vec<DriftResult>, Status> {
    for (name, spec) in specs {
        check_object(&format!("specs[\"{name}\"].config_json"), &spec.config_json)?;
    }
    refs.iter().map(|reference| drift(provider, reference, specs)).collect()
}

/// How one resource drifted (E-176). Only what is certainly not there is a ghost: an engine forgets it
/// (H-55).
fn drift(
    provider: &Provider,
    reference: &ResourceRef,
    specs: &BTreeMap<String, ResourceSpec>,
) -> Result<DriftResult, Status> {
    check_type(provider, &reference.r#type)?;
    let target = target(&reference.r#type, reference);
    let (name, resource_type) = (reference.name.clone(), reference.r#type.clone());
    let result = |class: DriftClass| DriftResult {
        name,
        r#type: resource_type,
        drifted: class != DriftClass::InSync,
        class: class.into(),
        ..DriftResult::default()
    };
    let live = match provider.cloud().read(&target) {
        Ok(live) => live,
        Err(CloudError::NotFound(_)) => return Ok(result(DriftClass::Ghost)),
        Err(error) => return Err(error.into()),
    };
    let Some(spec) = specs.get(&reference.name) else {
        return Ok(result(DriftClass::InSync));
    };
    let diff = provider.cloud().diff(&live.target(), &spec.config_json)?;
    if diff.changes.is_empty() {
        return Ok(result(DriftClass::InSync));
    }
    Ok(DriftResult {
        expected_json: spec.config_json.clone(),
        actual_json: live.config.clone(),
        fields: diff.changes.into_iter().map(|change| change.path).collect(),
        ..result(DriftClass::Config)
    })
}
