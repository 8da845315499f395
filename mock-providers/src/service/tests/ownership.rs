use counterfoil_proto::iac::{
    GetOwnerRequest, ListOwnersRequest, SetOwnerRequest,
    ia_c_provider_ownership_client::IaCProviderOwnershipClient,
};

use super::{
    INVALID, MISSING, NO_TYPE, ResourceRef, Routes, Target, assert_refused, provider_with, reference,
};

type Ownership = IaCProviderOwnershipClient<Routes>;

async fn owner(client: &mut Ownership, target: ResourceRef) -> (String, String) {
    let reply = client.get_owner(GetOwnerRequest { r#ref: Some(target) }).await.unwrap().into_inner();
    (reply.owner, reply.source)
}

async fn own(client: &mut Ownership, target: ResourceRef, owner: &str) {
    client.set_owner(SetOwnerRequest { r#ref: Some(target), owner: owner.into() }).await.unwrap();
}

#[tokio::test]
async fn a_resource_is_whose_it_was_made_last() {
    let provider = provider_with(&[("infra.vpc", "net", "{}")]);
    let mut client = Ownership::new(provider.routes());
    let (by_name, by_id) = (reference("infra.vpc", "net", ""), reference("infra.vpc", "", "vpc-1"));
    assert_eq!(owner(&mut client, by_name.clone()).await, (String::new(), String::new()));
    own(&mut client, by_id, "ann").await;
    assert_eq!(owner(&mut client, by_name.clone()).await, ("ann".into(), "tag".into()));
    own(&mut client, by_name.clone(), "bob").await;

    let net = Target { resource_type: "infra.vpc", name: "net", provider_id: "" };
    provider.cloud().update(&net, b"{\"cidr\":\"a\"}").unwrap();
    assert_eq!(owner(&mut client, by_name.clone()).await.0, "bob", "a change of config does not change it");
    provider.cloud().delete(&net).unwrap();
    provider.cloud().create("infra.vpc", "net", b"").unwrap();
    assert_eq!(owner(&mut client, by_name).await.0, "", "another resource of that name is nobody's");
}

#[tokio::test]
async fn owners_are_listed_by_owner_and_by_type() {
    let provider =
        provider_with(&[("infra.vpc", "net", ""), ("infra.cache", "c", ""), ("infra.cache", "free", "")]);
    let mut client = Ownership::new(provider.routes());
    own(&mut client, reference("infra.vpc", "net", ""), "ann").await;
    own(&mut client, reference("infra.cache", "c", ""), "bob").await;
    let mut listed = async |owner: &str, resource_type: &str| {
        let request = ListOwnersRequest { owner: owner.into(), resource_type: resource_type.into() };
        client.list_owners(request).await.map(|reply| {
            let resources = reply.into_inner().resources.into_iter();
            resources.map(|it| format!("{} of {}", it.r#ref.unwrap().name, it.owner)).collect::<Vec<_>>()
        })
    };
    for (owner, resource_type, wanted) in [
        ("", "", vec!["c of bob", "net of ann"]),
        ("ann", "", vec!["net of ann"]),
        ("", "infra.cache", vec!["c of bob"]),
        ("ann", "infra.cache", vec![]),
    ] {
        assert_eq!(listed(owner, resource_type).await.unwrap(), wanted, "{owner} {resource_type}");
    }
    assert_refused(listed("", "infra.moon").await, NO_TYPE.0, NO_TYPE.1);
}

#[tokio::test]
async fn what_is_not_there_is_nobodys_and_can_be_given_to_nobody() {
    let provider = provider_with(&[("infra.vpc", "net", "")]);
    let mut client = Ownership::new(provider.routes());
    for (target, (code, phrase)) in [
        (None, INVALID),
        (Some(reference("infra.vpc", "", "")), INVALID),
        (Some(reference("", "net", "")), INVALID),
        (Some(reference("infra.moon", "net", "")), NO_TYPE),
        (Some(reference("infra.vpc", "gone", "")), MISSING),
    ] {
        assert_refused(client.get_owner(GetOwnerRequest { r#ref: target.clone() }).await, code, phrase);
        let request = SetOwnerRequest { r#ref: target, owner: "ann".into() };
        assert_refused(client.set_owner(request).await, code, phrase);
    }
    let nobody = SetOwnerRequest { r#ref: Some(reference("infra.vpc", "net", "")), owner: String::new() };
    assert_refused(client.set_owner(nobody).await, INVALID.0, INVALID.1);
}
