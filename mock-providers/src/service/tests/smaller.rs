use counterfoil_proto::iac::{
    ListRegionsRequest, RevokeProviderCredentialRequest,
    ia_c_provider_credential_revoker_client::IaCProviderCredentialRevokerClient,
    ia_c_provider_region_lister_client::IaCProviderRegionListerClient,
};

use super::{INVALID, assert_refused, provider_with};

#[tokio::test]
async fn a_credential_is_revoked_as_often_as_one_likes() {
    let mut client = IaCProviderCredentialRevokerClient::new(provider_with(&[]).routes());
    let mut revoke = async |source: &str, id: &str| {
        let request = RevokeProviderCredentialRequest { source: source.into(), credential_id: id.into() };
        client.revoke_provider_credential(request).await
    };
    for _ in 0..2 {
        revoke("mock.key", "k-1").await.unwrap();
    }
    for (source, id) in [("", "k-1"), ("mock.key", "")] {
        assert_refused(revoke(source, id).await, INVALID.0, INVALID.1);
    }
}

#[tokio::test]
async fn regions_have_a_name_for_each_reader() {
    let mut client = IaCProviderRegionListerClient::new(provider_with(&[]).routes());
    for env_name in ["", "prod"] {
        let reply = client.list_regions(ListRegionsRequest { env_name: env_name.into() }).await.unwrap();
        let regions = reply.into_inner().regions;
        assert_eq!(regions.len(), 2);
        assert!(regions.iter().all(|region| !region.name.is_empty() && !region.display_name.is_empty()));
    }
}
