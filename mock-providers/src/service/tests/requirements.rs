use counterfoil_proto::iac::{
    DiscoverRequirementsRequest, IaCRequirement, MapRequirementsRequest, ModuleRef, RequirementContext,
    RequirementKind, ia_c_provider_requirement_mapper_client::IaCProviderRequirementMapperClient,
    ia_c_requirement_discovery_client::IaCRequirementDiscoveryClient,
};

use super::{INVALID, assert_refused, provider_with};

#[tokio::test]
async fn a_module_needs_what_its_config_requires_and_nothing_meets() {
    let provider = provider_with(&[]);
    let mut client = IaCRequirementDiscoveryClient::new(provider.routes());
    let mut found = async |context: Option<RequirementContext>, config: &'static str| {
        let request = DiscoverRequirementsRequest { context, module_config_json: config.into() };
        client.discover_requirements(request).await.map(|reply| reply.into_inner().requirements)
    };
    let cache = ModuleRef { satisfies: vec!["cache".into()], ..ModuleRef::default() };
    let context = || {
        Some(RequirementContext {
            application: "shop".into(),
            environment: "prod".into(),
            modules: vec![cache.clone()],
            ..RequirementContext::default()
        })
    };
    let needs = found(context(), r#"{"requires":["database","cache"],"other":1}"#).await.unwrap();
    assert_eq!(needs.len(), 1);
    assert_eq!((needs[0].key.as_str(), needs[0].kind()), ("database", RequirementKind::Database));
    assert_eq!((needs[0].source.as_str(), needs[0].environment.as_str()), ("shop", "prod"));
    for nothing in ["", "null", "{}"] {
        assert_eq!(found(context(), nothing).await.unwrap(), []);
    }
    for bad in ["[]", "{", r#"{"requires":"database"}"#, r#"{"requires":["moon"]}"#] {
        assert_refused(found(context(), bad).await, INVALID.0, INVALID.1);
    }
    assert_refused(found(None, "{}").await, INVALID.0, INVALID.1);
}

fn need(key: &str, kind: i32, hint: &str) -> IaCRequirement {
    IaCRequirement { key: key.into(), kind, resource_type_hint: hint.into(), ..IaCRequirement::default() }
}

fn mapping(requirements: Vec<IaCRequirement>) -> MapRequirementsRequest {
    MapRequirementsRequest { requirements, ..MapRequirementsRequest::default() }
}

#[tokio::test]
async fn every_key_is_accepted_or_rejected() {
    let provider = provider_with(&[]);
    let mut client = IaCProviderRequirementMapperClient::new(provider.routes());
    let mut parameters = need("db", RequirementKind::Database.into(), "");
    parameters.parameters_json = r#"{"engine":"pg"}"#.into();
    let request = mapping(vec![
        parameters,
        need("queue", RequirementKind::MessageBroker.into(), ""),
        need("web", RequirementKind::WebApi.into(), "infra.k8s_cluster"),
        need("files", RequirementKind::Storage.into(), "infra.moon"),
        need("riddle", 0, ""),
        need("future", 99, ""),
    ]);
    let reply = client.map_requirements(request).await.unwrap().into_inner();
    assert_eq!(reply.accepted_keys, ["db", "web", "files"]);
    let modules: Vec<_> = reply.modules.iter().map(|it| (it.name.as_str(), it.r#type.as_str())).collect();
    assert_eq!(modules, [("db", "infra.database"), ("web", "infra.k8s_cluster"), ("files", "infra.storage")]);
    assert_eq!(
        (&reply.modules[0].config_json[..], &reply.modules[0].satisfies[..]),
        (&br#"{"engine":"pg"}"#[..], &["db".to_owned()][..])
    );
    let rejected: Vec<_> = reply.rejected.iter().map(|it| (it.key.as_str(), it.code.as_str())).collect();
    assert_eq!(rejected, [("queue", "unsupported"), ("riddle", "unknown_kind"), ("future", "unknown_kind")]);
    assert!(reply.rejected.iter().all(|it| !it.message.is_empty()));
}

#[tokio::test]
async fn needs_that_cannot_be_told_apart_or_are_for_others_are_refused() {
    let provider = provider_with(&[]);
    let mut client = IaCProviderRequirementMapperClient::new(provider.routes());
    let database = || need("db", RequirementKind::Database.into(), "");
    let other = MapRequirementsRequest { provider: "aws".into(), ..mapping(vec![database()]) };
    let mut malformed = database();
    malformed.parameters_json = "[]".into();
    for bad in [
        mapping(vec![need("", 1, "")]),
        mapping(vec![database(), database()]),
        mapping(vec![malformed]),
        other,
    ] {
        assert_refused(client.map_requirements(bad).await, INVALID.0, INVALID.1);
    }
}
