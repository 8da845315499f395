use counterfoil_proto::iac::{
    DetectDriftConfigRequest, DetectDriftRequest, DetectDriftWithSpecsRequest, DriftClass, DriftResult,
    ia_c_provider_drift_config_detector_client::IaCProviderDriftConfigDetectorClient,
    ia_c_provider_drift_detector_client::IaCProviderDriftDetectorClient,
};

use super::{
    INVALID, NO_TYPE, Provider, ResourceRef, ResourceSpec, Status, assert_refused, json, provider_with,
    reference, spec,
};

async fn plain(provider: &Provider, refs: Vec<ResourceRef>) -> Result<Vec<DriftResult>, Status> {
    let mut client = IaCProviderDriftDetectorClient::new(provider.routes());
    client.detect_drift(DetectDriftRequest { refs }).await.map(|reply| reply.into_inner().drifts)
}

/// What both services say that are asked with specs: it is the same.
async fn with_specs(
    provider: &Provider,
    refs: Vec<ResourceRef>,
    specs: Vec<ResourceSpec>,
) -> Result<Vec<DriftResult>, Status> {
    let specs: std::collections::BTreeMap<_, _> = specs.into_iter().map(|it| (it.name.clone(), it)).collect();
    let mut one = IaCProviderDriftDetectorClient::new(provider.routes());
    let request = DetectDriftWithSpecsRequest { refs: refs.clone(), specs: specs.clone() };
    let one = one.detect_drift_with_specs(request).await.map(|reply| reply.into_inner().drifts);
    let mut other = IaCProviderDriftConfigDetectorClient::new(provider.routes());
    let request = DetectDriftConfigRequest { refs, specs };
    let other = other.detect_drift_config(request).await.map(|reply| reply.into_inner().drifts);
    assert_eq!(one.as_ref().ok(), other.as_ref().ok());
    other
}

fn told(drifts: &[DriftResult]) -> Vec<(&str, bool, DriftClass)> {
    drifts.iter().map(|drift| (drift.name.as_str(), drift.drifted, drift.class())).collect()
}

#[tokio::test]
async fn each_reference_has_its_result_in_order() {
    let provider = provider_with(&[("infra.vpc", "net", r#"{"cidr":"a"}"#), ("infra.cache", "c", "{}")]);
    let refs = vec![
        reference("infra.vpc", "gone", "vpc-9"),
        reference("infra.cache", "c", ""),
        reference("infra.vpc", "net", "vpc-1"),
    ];
    let drifts = plain(&provider, refs.clone()).await.unwrap();
    let (ghost, in_sync) = (DriftClass::Ghost, DriftClass::InSync);
    assert_eq!(told(&drifts), [("gone", true, ghost), ("c", false, in_sync), ("net", false, in_sync)]);
    assert_eq!(drifts[0].r#type, "infra.vpc");

    let specs = vec![
        spec("infra.vpc", "gone", &json!({})),
        spec("infra.vpc", "net", &json!({ "cidr": "b", "tags": [] })),
        spec("infra.vpc", "elsewhere", &json!({})),
    ];
    let drifts = with_specs(&provider, refs, specs).await.unwrap();
    assert_eq!(
        told(&drifts),
        [("gone", true, ghost), ("c", false, in_sync), ("net", true, DriftClass::Config)]
    );
    assert_eq!(drifts[2].fields, ["cidr", "tags"]);
    assert_eq!(drifts[2].actual_json, r#"{"cidr":"a"}"#);
    assert_eq!(drifts[2].expected_json, r#"{"cidr":"b","tags":[]}"#);
}

#[tokio::test]
async fn a_config_that_is_only_written_otherwise_is_in_sync() {
    let provider = provider_with(&[("infra.vpc", "net", r#"{"a":1,"b":2.0}"#)]);
    let mut same = spec("infra.vpc", "net", &json!({}));
    same.config_json = r#"{ "b": 2, "a": 1 }"#.into();
    let drifts = with_specs(&provider, vec![reference("infra.vpc", "net", "")], vec![same]).await.unwrap();
    assert_eq!(told(&drifts), [("net", false, DriftClass::InSync)]);
}

#[tokio::test]
async fn what_cannot_be_looked_at_is_refused_and_no_ghost() {
    let provider = provider_with(&[]);
    for (bad, (code, phrase)) in [
        (reference("infra.moon", "luna", ""), NO_TYPE),
        (reference("", "net", ""), INVALID),
        (reference("infra.vpc", "", ""), INVALID),
    ] {
        assert_refused(plain(&provider, vec![bad.clone()]).await, code, phrase);
        assert_refused(with_specs(&provider, vec![bad], vec![]).await, code, phrase);
    }
    let bad = spec("infra.vpc", "gone", &json!([]));
    let refs = vec![reference("infra.vpc", "gone", "")];
    assert_refused(with_specs(&provider, refs, vec![bad]).await, INVALID.0, INVALID.1);
}
