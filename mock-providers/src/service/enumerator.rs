use counterfoil_proto::iac::{
    EnumerateAllRequest, EnumerateAllResponse, EnumerateByTagRequest, EnumerateByTagResponse,
    ia_c_provider_enumerator_server::IaCProviderEnumerator,
};
use tonic::{Request, Response, Status, async_trait};

use super::{check_type, output, reference, said};
use crate::Provider;

/// `IaCProviderEnumerator`: what lives in the cloud, in the order of type and name.
#[derive(Clone, Debug)]
pub struct Enumerator(Provider);

impl Enumerator {
    /// The service of a provider.
    pub const fn new(provider: Provider) -> Self {
        Self(provider)
    }
}

#[async_trait]
impl IaCProviderEnumerator for Enumerator {
    /// No type is not every type: as with a driver, it is a type that was forgotten (H-25).
    async fn enumerate_all(
        &self,
        request: Request<EnumerateAllRequest>,
    ) -> Result<Response<EnumerateAllResponse>, Status> {
        let EnumerateAllRequest { resource_type } = request.into_inner();
        check_type(&self.0, &resource_type)?;
        let all = self.0.cloud().list();
        let outputs = all.iter().filter(|live| live.resource_type == resource_type);
        Ok(Response::new(EnumerateAllResponse { outputs: outputs.map(|live| output(live)).collect() }))
    }

    /// A resource has the tags that `tags` in its config lists.
    async fn enumerate_by_tag(
        &self,
        request: Request<EnumerateByTagRequest>,
    ) -> Result<Response<EnumerateByTagResponse>, Status> {
        let EnumerateByTagRequest { tag } = request.into_inner();
        said([("tag", &tag)])?;
        let all = self.0.cloud().list();
        let refs = all.iter().filter(|live| live.has_tag(&tag)).map(|live| reference(live));
        Ok(Response::new(EnumerateByTagResponse { refs: refs.collect() }))
    }
}
