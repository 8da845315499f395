use counterfoil_proto::iac::{
    ConfigureRequest, DeleteStateRequest, GetStateRequest, IaCState, ListBackendNamesRequest,
    ListStatesRequest, LockRequest, SaveStateRequest, UnlockRequest,
    ia_c_state_backend_client::IaCStateBackendClient,
};

use super::{Code, INVALID, Provider, Routes, Setup, Status, assert_refused};
use crate::state::Place;

type Backend = IaCStateBackendClient<Routes>;

const UNCONFIGURED: (Code, &str) = (Code::FailedPrecondition, "Configure has to come before");

fn setup() -> Setup {
    Setup { state_backends: vec!["mock".into(), "other".into()], ..Setup::default() }
}

/// A backend that is configured, and its provider.
async fn backend() -> (Provider, Backend) {
    let provider = Provider::new(setup());
    let mut backend = Backend::new(provider.routes());
    configure(&mut backend, "mock", "").await.unwrap();
    (provider, backend)
}

async fn configure(backend: &mut Backend, name: &str, config: &str) -> Result<(), Status> {
    let request = ConfigureRequest { backend_name: name.into(), config_json: config.to_owned().into() };
    backend.configure(request).await.map(drop)
}

async fn save(backend: &mut Backend, state: IaCState) -> Result<(), Status> {
    backend.save_state(SaveStateRequest { state: Some(state) }).await.map(drop)
}

async fn get(backend: &mut Backend, id: &str) -> Result<Option<IaCState>, Status> {
    let reply = backend.get_state(GetStateRequest { resource_id: id.into() }).await?.into_inner();
    assert_eq!(reply.exists, reply.state.is_some());
    Ok(reply.state)
}

async fn list(backend: &mut Backend, filter: &[(&str, &str)]) -> Result<Vec<String>, Status> {
    let filter = filter.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let states = backend.list_states(ListStatesRequest { filter }).await?.into_inner().states;
    Ok(states.into_iter().map(|state| state.resource_id).collect())
}

async fn delete(backend: &mut Backend, id: &str) -> Result<(), Status> {
    backend.delete_state(DeleteStateRequest { resource_id: id.into() }).await.map(drop)
}

async fn lock(backend: &mut Backend, id: &str) -> Result<(), Status> {
    backend.lock(LockRequest { resource_id: id.into() }).await.map(drop)
}

async fn unlock(backend: &mut Backend, id: &str) -> Result<(), Status> {
    backend.unlock(UnlockRequest { resource_id: id.into() }).await.map(drop)
}

/// A record with something in every field.
fn state(id: &str) -> IaCState {
    IaCState {
        resource_id: id.into(),
        resource_type: "infra.vpc".into(),
        provider: "aws".into(),
        provider_ref: "cloud".into(),
        provider_id: "vpc-1".into(),
        config_hash: "h".into(),
        status: "active".into(),
        outputs_json: r#"{ "a": 1.0 }"#.into(),
        config_json: "null".into(),
        dependencies: vec!["b".into(), "a".into()],
        created_at: "2026-01-01T00:00:00Z".into(),
        updated_at: "2026-01-02T00:00:00Z".into(),
        error: "none".into(),
    }
}

#[tokio::test]
async fn nothing_comes_before_configure_but_the_names() {
    let mut backend = Backend::new(Provider::new(setup()).routes());
    let names = backend.list_backend_names(ListBackendNamesRequest {}).await.unwrap().into_inner();
    assert_eq!(names.backend_names, ["mock", "other"]);
    let answers = [
        save(&mut backend, state("a")).await,
        get(&mut backend, "a").await.map(drop),
        list(&mut backend, &[]).await.map(drop),
        delete(&mut backend, "a").await,
        lock(&mut backend, "a").await,
        unlock(&mut backend, "a").await,
    ];
    for answer in answers {
        assert_refused(answer, UNCONFIGURED.0, UNCONFIGURED.1);
    }
}

#[tokio::test]
async fn a_configure_that_makes_no_sense_is_refused_and_changes_nothing() {
    let mut backend = Backend::new(Provider::new(setup()).routes());
    let bad = [
        ("", ""),
        ("s3", "{}"),
        ("mock", "[]"),
        ("mock", "{"),
        ("mock", r#"{"backend":"other"}"#),
        ("mock", r#"{"backend":1}"#),
        ("mock", r#"{"prefix":[]}"#),
    ];
    for (name, config) in bad {
        assert_refused(configure(&mut backend, name, config).await, INVALID.0, INVALID.1);
    }
    assert_refused(get(&mut backend, "a").await, UNCONFIGURED.0, UNCONFIGURED.1);
    for config in ["", "null", "{}", r#"{"backend":"mock","bucket":"b"}"#] {
        configure(&mut backend, "mock", config).await.unwrap();
    }
    save(&mut backend, state("a")).await.unwrap();
    for (name, config) in bad {
        assert_refused(configure(&mut backend, name, config).await, INVALID.0, INVALID.1);
    }
    assert!(get(&mut backend, "a").await.unwrap().is_some());
}

#[tokio::test]
async fn the_last_configure_wins() {
    let (_, mut backend) = backend().await;
    save(&mut backend, state("a")).await.unwrap();
    for (name, config) in [("other", "{}"), ("mock", r#"{"prefix":"p"}"#)] {
        configure(&mut backend, name, config).await.unwrap();
        assert_eq!(list(&mut backend, &[]).await.unwrap(), Vec::<String>::new());
    }
    configure(&mut backend, "mock", "{}").await.unwrap();
    assert_eq!(list(&mut backend, &[]).await.unwrap(), ["a"]);
}

#[tokio::test]
async fn a_record_comes_back_as_it_was_saved_and_is_replaced_as_a_whole() {
    let (_, mut backend) = backend().await;
    save(&mut backend, state("a")).await.unwrap();
    assert_eq!(get(&mut backend, "a").await.unwrap(), Some(state("a")));
    let bare = IaCState { resource_id: "a".into(), ..IaCState::default() };
    for _ in 0..2 {
        save(&mut backend, bare.clone()).await.unwrap();
        assert_eq!(get(&mut backend, "a").await.unwrap(), Some(bare.clone()));
    }
    assert_eq!(get(&mut backend, "b").await.unwrap(), None);
}

#[tokio::test]
async fn records_that_make_no_sense_are_refused() {
    let (_, mut backend) = backend().await;
    let absent = backend.save_state(SaveStateRequest { state: None }).await;
    assert_refused(absent, INVALID.0, INVALID.1);
    for bad in [
        state(""),
        IaCState { outputs_json: "{".into(), ..state("a") },
        IaCState { config_json: "[]".into(), ..state("a") },
    ] {
        assert_refused(save(&mut backend, bad).await, INVALID.0, INVALID.1);
    }
    assert_eq!(list(&mut backend, &[]).await.unwrap(), Vec::<String>::new());
    let answers = [
        get(&mut backend, "").await.map(drop),
        delete(&mut backend, "").await,
        lock(&mut backend, "").await,
        unlock(&mut backend, "").await,
    ];
    for answer in answers {
        assert_refused(answer, INVALID.0, INVALID.1);
    }
}

#[tokio::test]
async fn a_list_has_what_passes_every_part_of_its_filter_and_no_locks() {
    let (_, mut backend) = backend().await;
    for (id, resource_type, provider, status) in [
        ("a", "infra.vpc", "aws", "active"),
        ("b", "infra.vpc", "gcp", "active"),
        ("c", "infra.cache", "aws", "failed"),
    ] {
        let state = IaCState {
            resource_type: resource_type.into(),
            provider: provider.into(),
            status: status.into(),
            ..state(id)
        };
        save(&mut backend, state).await.unwrap();
    }
    for id in ["a", "z"] {
        lock(&mut backend, id).await.unwrap();
    }
    for (filter, wanted) in [
        (&[][..], vec!["a", "b", "c"]),
        (&[("resource_type", "infra.vpc")], vec!["a", "b"]),
        (&[("resource_type", "infra.vpc"), ("provider", "aws")], vec!["a"]),
        (&[("status", "failed"), ("provider", "gcp")], vec![]),
        (&[("colour", "blue"), ("status", "failed")], vec!["c"]),
    ] {
        assert_eq!(list(&mut backend, filter).await.unwrap(), wanted, "{filter:?}");
    }
}

#[tokio::test]
async fn what_is_not_there_cannot_be_deleted() {
    let (_, mut backend) = backend().await;
    save(&mut backend, state("a")).await.unwrap();
    delete(&mut backend, "a").await.unwrap();
    assert_refused(delete(&mut backend, "a").await, Code::NotFound, "not found");
}

#[tokio::test]
async fn a_lock_is_held_once_and_by_resource() {
    let (_, mut backend) = backend().await;
    for _ in 0..2 {
        assert_refused(unlock(&mut backend, "a").await, Code::FailedPrecondition, "not locked");
        lock(&mut backend, "a").await.unwrap();
        assert_refused(lock(&mut backend, "a").await, Code::FailedPrecondition, "already locked");
        lock(&mut backend, "b").await.unwrap();
        unlock(&mut backend, "b").await.unwrap();
        unlock(&mut backend, "a").await.unwrap();
    }
}

#[tokio::test]
async fn a_corrupt_record_fails_what_would_have_to_read_it() {
    let (provider, mut backend) = backend().await;
    for id in ["a", "b"] {
        save(&mut backend, state(id)).await.unwrap();
    }
    let place = Place { backend: "mock".into(), ..Place::default() };
    assert!(provider.states().corrupt(&place, "a"));
    assert_refused(get(&mut backend, "a").await, Code::DataLoss, "corrupt");
    assert_refused(list(&mut backend, &[]).await, Code::DataLoss, "corrupt");
    get(&mut backend, "b").await.unwrap().unwrap();
}

#[tokio::test]
async fn a_restarted_provider_finds_its_states_and_locks_once_it_is_configured() {
    let (before, mut backend) = backend().await;
    save(&mut backend, state("a")).await.unwrap();
    lock(&mut backend, "a").await.unwrap();
    let after = Provider::with_states(setup(), before.cloud().clone(), before.states().clone());
    let mut backend = Backend::new(after.routes());
    assert_refused(get(&mut backend, "a").await, UNCONFIGURED.0, UNCONFIGURED.1);
    configure(&mut backend, "mock", "").await.unwrap();
    assert_eq!(get(&mut backend, "a").await.unwrap(), Some(state("a")));
    assert_refused(lock(&mut backend, "a").await, Code::FailedPrecondition, "already locked");
}
