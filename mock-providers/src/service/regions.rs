use counterfoil_proto::iac::{
    ListRegionsRequest, ListRegionsResponse, ProviderRegion,
    ia_c_provider_region_lister_server::IaCProviderRegionLister,
};
use tonic::{Request, Response, Status, async_trait};

use crate::Provider;

/// The regions of the cloud, as configurations write them and as people read them.
const REGIONS: [(&str, &str); 2] = [("mock-east", "Mock East"), ("mock-west", "Mock West")];

/// `IaCProviderRegionLister`: the cloud has the same regions in every environment.
#[derive(Clone, Debug)]
pub struct RegionLister;

impl RegionLister {
    /// The service of a provider.
    pub fn new(_: Provider) -> Self {
        Self
    }
}

#[async_trait]
impl IaCProviderRegionLister for RegionLister {
    async fn list_regions(
        &self,
        _: Request<ListRegionsRequest>,
    ) -> Result<Response<ListRegionsResponse>, Status> {
        let regions = REGIONS.map(|(name, display_name)| ProviderRegion {
            name: name.into(),
            display_name: display_name.into(),
        });
        Ok(Response::new(ListRegionsResponse { regions: regions.into() }))
    }
}
