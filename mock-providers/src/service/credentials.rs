use counterfoil_proto::iac::{
    RevokeProviderCredentialRequest, RevokeProviderCredentialResponse,
    ia_c_provider_credential_revoker_server::IaCProviderCredentialRevoker,
};
use tonic::{Request, Response, Status, async_trait};

use super::said;
use crate::Provider;

/// `IaCProviderCredentialRevoker`. The cloud issues no credentials, so each is revoked already; as with a
/// delete, that is no mistake (H-77).
#[derive(Clone, Debug)]
pub struct CredentialRevoker;

impl CredentialRevoker {
    /// The service of a provider.
    pub fn new(_: Provider) -> Self {
        Self
    }
}

#[async_trait]
impl IaCProviderCredentialRevoker for CredentialRevoker {
    async fn revoke_provider_credential(
        &self,
        request: Request<RevokeProviderCredentialRequest>,
    ) -> Result<Response<RevokeProviderCredentialResponse>, Status> {
        let RevokeProviderCredentialRequest { source, credential_id } = request.into_inner();
        said([("source", &source), ("credential_id", &credential_id)])?;
        Ok(Response::new(RevokeProviderCredentialResponse {}))
    }
}
