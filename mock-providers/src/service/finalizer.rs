use counterfoil_proto::iac::{
    FinalizeApplyRequest, FinalizeApplyResponse, ia_c_provider_finalizer_server::IaCProviderFinalizer,
};
use tonic::{Request, Response, Status, async_trait};

use crate::Provider;

/// `IaCProviderFinalizer`: reports the errors of the setup. The cloud has no deferred work.
#[derive(Clone, Debug)]
pub struct Finalizer(Provider);

impl Finalizer {
    /// The service of a provider.
    pub const fn new(provider: Provider) -> Self {
        Self(provider)
    }
}

#[async_trait]
impl IaCProviderFinalizer for Finalizer {
    async fn finalize_apply(
        &self,
        _: Request<FinalizeApplyRequest>,
    ) -> Result<Response<FinalizeApplyResponse>, Status> {
        let errors = self.0.setup().finalize_errors.clone();
        Ok(Response::new(FinalizeApplyResponse { errors }))
    }
}
