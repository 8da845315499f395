use counterfoil_proto::iac::{
    GetOwnerRequest, GetOwnerResponse, ListOwnersRequest, ListOwnersResponse, OwnedResource, SetOwnerRequest,
    SetOwnerResponse, ia_c_provider_ownership_server::IaCProviderOwnership,
};
use tonic::{Request, Response, Status, async_trait};

use super::{check_type, live, present, reference};
use crate::Provider;

/// Where the cloud keeps whose a resource is.
const SOURCE: &str = "tag";

/// `IaCProviderOwnership`: whose the resources of the cloud are.
#[derive(Clone, Debug)]
pub struct Ownership(Provider);

impl Ownership {
    /// The service of a provider.
    pub const fn new(provider: Provider) -> Self {
        Self(provider)
    }
}

#[async_trait]
impl IaCProviderOwnership for Ownership {
    /// What is nobody's has no source either.
    async fn get_owner(
        &self,
        request: Request<GetOwnerRequest>,
    ) -> Result<Response<GetOwnerResponse>, Status> {
        let live = live(&self.0, &present(request.into_inner().r#ref, "ref")?)?;
        let source = if live.owner.is_empty() { String::new() } else { SOURCE.to_owned() };
        Ok(Response::new(GetOwnerResponse { owner: live.owner.clone(), source }))
    }

    async fn set_owner(
        &self,
        request: Request<SetOwnerRequest>,
    ) -> Result<Response<SetOwnerResponse>, Status> {
        let SetOwnerRequest { r#ref, owner } = request.into_inner();
        let live = live(&self.0, &present(r#ref, "ref")?)?;
        self.0.cloud().set_owner(&live.target(), &owner)?;
        Ok(Response::new(SetOwnerResponse {}))
    }

    async fn list_owners(
        &self,
        request: Request<ListOwnersRequest>,
    ) -> Result<Response<ListOwnersResponse>, Status> {
        let ListOwnersRequest { owner, resource_type } = request.into_inner();
        if !resource_type.is_empty() {
            check_type(&self.0, &resource_type)?;
        }
        let all = self.0.cloud().list();
        let wanted = all.iter().filter(|live| {
            !live.owner.is_empty()
                && (owner.is_empty() || live.owner == owner)
                && (resource_type.is_empty() || live.resource_type == resource_type)
        });
        let resources = wanted.map(|live| OwnedResource {
            r#ref: Some(reference(live)),
            owner: live.owner.clone(),
            source: SOURCE.into(),
        });
        Ok(Response::new(ListOwnersResponse { resources: resources.collect() }))
    }
}
