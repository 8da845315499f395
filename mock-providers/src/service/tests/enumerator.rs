use counterfoil_proto::iac::{
    EnumerateAllRequest, EnumerateByTagRequest, ia_c_provider_enumerator_client::IaCProviderEnumeratorClient,
};

use super::{INVALID, NO_TYPE, assert_refused, provider_with};

#[tokio::test]
async fn everything_of_a_type_is_listed_as_a_read_would_tell_it() {
    let provider = provider_with(&[
        ("infra.database", "z", "{}"),
        ("infra.database", "a", r#"{"region":"r"}"#),
        ("infra.vpc", "net", "{}"),
    ]);
    let mut client = IaCProviderEnumeratorClient::new(provider.routes());
    let mut all = async |resource_type: &str| {
        let request = EnumerateAllRequest { resource_type: resource_type.into() };
        client.enumerate_all(request).await.map(|reply| reply.into_inner().outputs)
    };
    let databases = all("infra.database").await.unwrap();
    let told: Vec<_> = databases.iter().map(|it| (it.name.as_str(), it.provider_id.as_str())).collect();
    assert_eq!(told, [("a", "database-2"), ("z", "database-1")]);
    assert!(databases.iter().all(|it| it.sensitive["password"] && !it.outputs_json.is_empty()));
    assert_eq!(all("infra.cache").await.unwrap(), []);
    assert_refused(all("").await, INVALID.0, INVALID.1);
    assert_refused(all("infra.moon").await, NO_TYPE.0, NO_TYPE.1);
}

#[tokio::test]
async fn a_tag_finds_what_lists_it() {
    let provider = provider_with(&[
        ("infra.vpc", "net", r#"{"tags":["blue","red"]}"#),
        ("infra.cache", "c", r#"{"tags":["red"],"n":1}"#),
        ("infra.cache", "text", r#"{"tags":"red"}"#),
        ("infra.cache", "none", ""),
    ]);
    let mut client = IaCProviderEnumeratorClient::new(provider.routes());
    for (tag, wanted) in [("red", vec!["c", "net"]), ("blue", vec!["net"]), ("green", vec![])] {
        let refs = client.enumerate_by_tag(EnumerateByTagRequest { tag: tag.into() }).await.unwrap();
        let names: Vec<_> = refs.into_inner().refs.into_iter().map(|it| it.name).collect();
        assert_eq!(names, wanted, "{tag}");
    }
    let none = client.enumerate_by_tag(EnumerateByTagRequest { tag: String::new() }).await;
    assert_refused(none, INVALID.0, INVALID.1);
}
