use bytes::Bytes;
use counterfoil_proto::{
    Contract, Revision,
    iac::{
        ActionError, ActionResult, ApplyRequest, ApplyResponse, ApplyResult, BootstrapStateBackendRequest,
        CapabilitiesRequest, DestroyRequest, FinalizeApplyRequest, IaCPlan, ImportRequest, InitializeRequest,
        NameRequest, PlanAction, PlanRequest, ResolveSizingRequest, ResourceCreateRequest,
        ResourceDeleteRequest, ResourceDiffRequest, ResourceHealthCheckRequest, ResourceHints,
        ResourceOutput, ResourceReadRequest, ResourceRef, ResourceScaleRequest, ResourceSpec, ResourceState,
        ResourceUpdateRequest, SensitiveKeysRequest, StatusRequest, TroubleshootRequest, VersionRequest,
        ia_c_provider_finalizer_client::IaCProviderFinalizerClient,
        ia_c_provider_required_client::IaCProviderRequiredClient,
        resource_driver_client::ResourceDriverClient,
    },
    plugin_v1::{ContractKind, ContractMode, plugin_service_client::PluginServiceClient},
};
use prost::Message as _;
use serde_json::{Value, json};
use tonic::{Code, Status, service::Routes};
use tower::{Service as _, ServiceExt as _};

use crate::{ApplyKind, Provider, RawClient, ServedService, Setup, UnaryCall, cloud::Target};

mod drift;
mod enumerator;
mod jobs;
mod ownership;
mod requirements;
mod smaller;
mod state_backend;
mod state_machine;
mod validator;

type Driver = ResourceDriverClient<Routes>;
type Required = IaCProviderRequiredClient<Routes>;

fn provider(revision: Revision) -> Provider {
    Provider::new(Setup { revision, ..Setup::default() })
}

fn driver() -> (Provider, Driver) {
    let provider = Provider::new(Setup::default());
    let client = Driver::new(provider.routes());
    (provider, client)
}

fn required(revision: Revision) -> (Provider, Required) {
    let provider = provider(revision);
    let client = Required::new(provider.routes());
    (provider, client)
}

fn spec(resource_type: &str, name: &str, config: &Value) -> ResourceSpec {
    ResourceSpec {
        name: name.into(),
        r#type: resource_type.into(),
        config_json: config.to_string().into(),
        ..ResourceSpec::default()
    }
}

fn reference(resource_type: &str, name: &str, id: &str) -> ResourceRef {
    ResourceRef { name: name.into(), r#type: resource_type.into(), provider_id: id.into() }
}

fn create(resource_type: &str, name: &str, config: &Value) -> ResourceCreateRequest {
    ResourceCreateRequest {
        resource_type: resource_type.into(),
        spec: Some(spec(resource_type, name, config)),
    }
}

fn read(resource_type: &str, name: &str, id: &str) -> ResourceReadRequest {
    ResourceReadRequest {
        resource_type: resource_type.into(),
        r#ref: Some(reference(resource_type, name, id)),
    }
}

fn outputs(output: &ResourceOutput) -> Value {
    serde_json::from_slice(&output.outputs_json).unwrap()
}

/// A provider over a cloud with these resources.
fn provider_with(resources: &[(&str, &str, &str)]) -> Provider {
    let provider = Provider::new(Setup::default());
    for (resource_type, name, config) in resources {
        provider.cloud().create(resource_type, name, config.as_bytes()).unwrap();
    }
    provider
}

/// That a call was refused with a code, and with a text that holds a phrase.
#[track_caller]
fn assert_refused<T>(answer: Result<T, Status>, code: Code, phrase: &str) {
    let status = answer.err().expect("it was not refused");
    assert_eq!(status.code(), code, "{status}");
    assert!(status.message().contains(phrase), "{status}");
}

/// What engines take for a request that makes no sense, and for a resource that is not there (E-165).
const INVALID: (Code, &str) = (Code::InvalidArgument, "iac: validation error: ");
const MISSING: (Code, &str) = (Code::NotFound, "iac: resource not found: ");
/// An unknown type is no missing resource.
const NO_TYPE: (Code, &str) = (Code::NotFound, "no resource type \"");

/// Calls one method with one message, as bytes.
async fn raw(provider: &Provider, method: &'static str, message: Bytes) -> Result<Bytes, Status> {
    let mut client = RawClient::new(provider.routes());
    let call = UnaryCall { id: 0, method, resource: String::new(), message };
    client.ready().await?.call(call).await
}

#[tokio::test]
async fn a_resource_lives_through_its_driver() {
    let (provider, mut driver) = driver();
    let created = driver.create(create("infra.database", "db", &json!({ "region": "a", "o": {} }))).await;
    let db = created.unwrap().into_inner().output.unwrap();
    assert_eq!((db.name.as_str(), db.r#type.as_str()), ("db", "infra.database"));
    assert_eq!((db.provider_id.as_str(), db.status.as_str()), ("database-1", "active"));
    assert_eq!(db.sensitive, [("password".into(), true)].into());
    assert_eq!(
        outputs(&db),
        json!({
            "region": "a",
            "endpoint": "db.database.mock.internal",
            "password": "secret-of-database-1",
        })
    );

    let found = driver.read(read("infra.database", "db", "database-1")).await.unwrap();
    assert_eq!(found.into_inner().output.unwrap(), db);

    let diff = |config: &Value| ResourceDiffRequest {
        resource_type: "infra.database".into(),
        desired: Some(spec("infra.database", "db", config)),
        current: Some(db.clone()),
    };
    let same = driver.diff(diff(&json!({ "o": {}, "region": "a" }))).await.unwrap().into_inner();
    assert_eq!(same.result.unwrap(), counterfoil_proto::iac::DiffResult::default());
    let moved = driver.diff(diff(&json!({ "o": {}, "region": "b" }))).await.unwrap().into_inner();
    let moved = moved.result.unwrap();
    assert!(moved.needs_replace && !moved.needs_update && moved.changes[0].force_new);
    assert_eq!((moved.changes[0].path.as_str(), &moved.changes[0].old_json[..]), ("region", &b"\"a\""[..]));

    let update = ResourceUpdateRequest {
        resource_type: "infra.database".into(),
        r#ref: Some(reference("infra.database", "db", "database-1")),
        spec: Some(spec("infra.database", "db", &json!({ "region": "a", "tier": 2 }))),
    };
    let updated = driver.update(update).await.unwrap().into_inner().output.unwrap();
    assert_eq!(updated.provider_id, "database-1");
    assert_eq!(outputs(&updated)["tier"], 2);

    let delete = ResourceDeleteRequest {
        resource_type: "infra.database".into(),
        r#ref: Some(reference("infra.database", "db", "database-1")),
    };
    driver.delete(delete.clone()).await.unwrap();
    assert_eq!(provider.cloud().list(), []);
    driver.delete(delete).await.unwrap();
}

#[tokio::test]
async fn refusals_have_the_code_and_the_phrase() {
    let (_, mut driver) = driver();
    let missing = driver.read(read("infra.vpc", "net", "vpc-7")).await.unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
    assert_eq!(missing.message(), "iac: resource not found: infra.vpc \"net\" (id vpc-7)");

    driver.create(create("infra.vpc", "net", &json!({}))).await.unwrap();
    let conflict = driver.create(create("infra.vpc", "net", &json!({}))).await.unwrap_err();
    assert_eq!(conflict.code(), Code::AlreadyExists);
    assert!(conflict.message().starts_with("iac: resource already exists"));

    let bad = driver.create(create("infra.vpc", "bad", &json!([]))).await.unwrap_err();
    assert_eq!(bad.code(), Code::InvalidArgument);
    assert!(bad.message().starts_with("iac: validation error: config is not a JSON object"));
}

/// Every method of the driver, with a type and with or without the messages beside it.
async fn every_driver_method(
    driver: &mut Driver,
    resource_type: &str,
    filled: bool,
) -> Vec<Result<(), Status>> {
    let resource_type = || resource_type.to_owned();
    let r#ref = || filled.then(|| reference(&resource_type(), "x", ""));
    let spec = || filled.then(|| spec(&resource_type(), "x", &json!({})));
    let current = || filled.then(|| ResourceOutput { name: "x".into(), ..ResourceOutput::default() });
    macro_rules! call {
        ($method:ident, $request:expr) => {
            driver.$method($request).await.map(drop)
        };
    }
    vec![
        call!(create, ResourceCreateRequest { resource_type: resource_type(), spec: spec() }),
        call!(read, ResourceReadRequest { resource_type: resource_type(), r#ref: r#ref() }),
        call!(update, ResourceUpdateRequest { resource_type: resource_type(), r#ref: r#ref(), spec: spec() }),
        call!(
            diff,
            ResourceDiffRequest { resource_type: resource_type(), desired: spec(), current: current() }
        ),
        call!(scale, ResourceScaleRequest { resource_type: resource_type(), r#ref: r#ref(), replicas: 2 }),
        call!(health_check, ResourceHealthCheckRequest { resource_type: resource_type(), r#ref: r#ref() }),
        call!(
            troubleshoot,
            TroubleshootRequest {
                resource_type: resource_type(),
                r#ref: r#ref(),
                failure_msg: String::new()
            }
        ),
        call!(delete, ResourceDeleteRequest { resource_type: resource_type(), r#ref: r#ref() }),
        call!(sensitive_keys, SensitiveKeysRequest { resource_type: resource_type() }),
    ]
}

fn codes(results: Vec<Result<(), Status>>) -> Vec<Code> {
    results.into_iter().map(|result| result.err().map_or(Code::Ok, |status| status.code())).collect()
}

#[tokio::test]
async fn the_driver_answers_every_method_and_checks_every_type() {
    let (_, mut driver) = driver();
    assert_eq!(codes(every_driver_method(&mut driver, "infra.cache", true).await), [Code::Ok; 9]);
    assert_eq!(codes(every_driver_method(&mut driver, "", true).await), [Code::InvalidArgument; 9]);
    let unknown = every_driver_method(&mut driver, "infra.moon", true).await;
    for status in unknown.iter().map(|result| result.as_ref().unwrap_err()) {
        assert_eq!(status.code(), Code::NotFound);
        assert_eq!(status.message(), "mock ResourceDriver: no resource type \"infra.moon\"");
    }
    // An unknown type is no missing resource.
    assert!(!unknown[0].as_ref().unwrap_err().message().contains("iac: resource not found"));
}

#[tokio::test]
async fn absent_messages_are_refused() {
    let (_, mut driver) = driver();
    let mut codes = codes(every_driver_method(&mut driver, "infra.cache", false).await);
    assert_eq!(codes.pop(), Some(Code::Ok), "SensitiveKeys has none");
    assert_eq!(codes, [Code::InvalidArgument; 8]);
}

#[tokio::test]
async fn the_smaller_driver_methods_answer() {
    let (_, mut driver) = driver();
    driver.create(create("infra.cache", "c", &json!({}))).await.unwrap();
    let cache = || Some(reference("infra.cache", "c", "cache-1"));
    let scale = ResourceScaleRequest { resource_type: "infra.cache".into(), r#ref: cache(), replicas: 4 };
    let scaled = driver.scale(scale).await.unwrap().into_inner().output.unwrap();
    assert_eq!(outputs(&scaled)["replicas"], 4);

    let health = ResourceHealthCheckRequest { resource_type: "infra.cache".into(), r#ref: cache() };
    assert!(driver.health_check(health).await.unwrap().into_inner().result.unwrap().healthy);

    for (kind, wanted) in [("infra.database", vec!["password"]), ("infra.vpc", vec![])] {
        let request = SensitiveKeysRequest { resource_type: kind.into() };
        assert_eq!(driver.sensitive_keys(request).await.unwrap().into_inner().keys, wanted);
    }

    for (id, detail) in [("cache-1", "is active"), ("cache-2", "iac: resource not found")] {
        let trouble = TroubleshootRequest {
            resource_type: "infra.cache".into(),
            r#ref: Some(reference("infra.cache", "c", id)),
            failure_msg: "boom".into(),
        };
        let found = driver.troubleshoot(trouble).await.unwrap().into_inner().diagnostics.remove(0);
        assert_eq!((found.id.as_str(), found.cause.as_str()), (id, "boom"));
        assert!(found.detail.contains(detail), "{}", found.detail);
    }
}

#[tokio::test]
async fn the_provider_says_who_it_is() {
    let setup = Setup {
        plugin: "workflow-plugin-aws".into(),
        name: "aws".into(),
        version: "1.2.3".into(),
        canonical_keys: vec!["region".into()],
        ..Setup::default()
    };
    let provider = Provider::new(setup);
    let mut required = Required::new(provider.routes());
    assert_eq!(required.name(NameRequest {}).await.unwrap().into_inner().name, "aws");
    assert_eq!(required.version(VersionRequest {}).await.unwrap().into_inner().version, "1.2.3");
    let capabilities = required.capabilities(CapabilitiesRequest {}).await.unwrap().into_inner();
    assert_eq!(capabilities.compute_plan_version, "v2");
    assert_eq!(capabilities.canonical_keys, ["region"]);
    assert_eq!(capabilities.capabilities.len(), 12);
    let cache = capabilities.capabilities.iter().find(|c| c.resource_type == "infra.cache").unwrap();
    assert_eq!((cache.tier, cache.operations.last().unwrap().as_str()), (1, "scale"));

    let manifest = PluginServiceClient::new(provider.routes()).get_manifest(()).await.unwrap().into_inner();
    assert_eq!((manifest.name.as_str(), manifest.version.as_str()), ("workflow-plugin-aws", "1.2.3"));
    assert!(!manifest.author.is_empty() && !manifest.description.is_empty());
}

#[tokio::test]
async fn initialize_checks_its_config_and_changes_nothing() {
    let (provider, mut required) = required(Revision::Head);
    for good in ["", "null", "{}", r#"{"provider":"mock"}"#] {
        required.initialize(InitializeRequest { config_json: good.into() }).await.unwrap();
    }
    for bad in ["[]", "{", "x"] {
        let status = required.initialize(InitializeRequest { config_json: bad.into() }).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
    }
    assert_eq!(provider.cloud().list(), []);
}

async fn registered(provider: &Provider) -> Vec<String> {
    let mut plugin = PluginServiceClient::new(provider.routes());
    let registry = plugin.get_contract_registry(()).await.unwrap().into_inner();
    let listed = registry.contracts.into_iter().map(|contract| {
        assert_eq!(contract.kind(), ContractKind::Service);
        assert_eq!(contract.mode(), ContractMode::StrictProto);
        contract.service_name.strip_prefix("workflow.plugin.external.iac.").unwrap().to_owned()
    });
    listed.collect()
}

/// Which services answer anything but `Unimplemented`, to their first method.
async fn answering(provider: &Provider) -> Vec<ServedService> {
    let mut answering = Vec::new();
    for service in ServedService::ALL {
        let method = &Contract::at(Revision::Head).services[service.name()][0].path;
        match raw(provider, method, Bytes::new()).await {
            Err(status) if status.code() == Code::Unimplemented => {}
            _ => answering.push(service),
        }
    }
    answering
}

#[tokio::test]
async fn the_registry_lists_what_is_served_and_nothing_else() {
    for revision in Revision::ALL {
        let all = provider(*revision);
        let services = Contract::at(*revision).services.keys();
        let wanted: Vec<_> =
            services.filter_map(|name| name.strip_prefix("workflow.plugin.external.iac.")).collect();
        assert_eq!(registered(&all).await, wanted, "{revision}");
        assert_eq!(answering(&all).await.len(), wanted.len(), "{revision}");
    }
    for services in [vec![], vec![ServedService::ResourceDriver], vec![ServedService::Required]] {
        let some = Provider::new(Setup { services: services.iter().copied().collect(), ..Setup::default() });
        let names: Vec<_> = services.iter().map(|s| s.name().rsplit('.').next().unwrap()).collect();
        assert_eq!(registered(&some).await, names);
        assert_eq!(answering(&some).await, services);
    }
}

#[tokio::test]
async fn every_method_of_every_service_is_there_at_its_revisions() {
    for revision in Revision::ALL {
        let provider = provider(*revision);
        for service in ServedService::ALL.into_iter().filter(|service| service.exists_at(*revision)) {
            for method in &Contract::at(*revision).services[service.name()] {
                // An empty message is refused by most, and not one of them is left out (H-02).
                let answer = raw(&provider, &method.path, Bytes::new()).await;
                let left_out = answer.is_err_and(|status| status.code() == Code::Unimplemented);
                assert!(!left_out, "{} at {revision}", method.path);
            }
        }
    }
}

#[tokio::test]
async fn the_rest_of_the_plugin_service_is_left_out() {
    let mut plugin = PluginServiceClient::new(Provider::new(Setup::default()).routes());
    for status in
        [plugin.get_trigger_types(()).await.unwrap_err(), plugin.get_config_fragment(()).await.unwrap_err()]
    {
        assert_eq!(status.code(), Code::Unimplemented);
    }
}

#[tokio::test]
async fn the_finalizer_reports_with_an_ok_status() {
    let error = ActionError { resource: "db".into(), action: "update".into(), error: "still pending".into() };
    let setup = Setup { finalize_errors: vec![error.clone()], ..Setup::default() };
    for (setup, wanted) in [(setup, vec![error]), (Setup::default(), vec![])] {
        let mut finalizer = IaCProviderFinalizerClient::new(Provider::new(setup).routes());
        let request = FinalizeApplyRequest { plan_id: "p".into() };
        assert_eq!(finalizer.finalize_apply(request).await.unwrap().into_inner().errors, wanted);
    }
}

fn state(resource_type: &str, name: &str, id: &str) -> ResourceState {
    ResourceState {
        id: name.into(),
        name: name.into(),
        r#type: resource_type.into(),
        provider_id: id.into(),
        ..ResourceState::default()
    }
}

#[tokio::test]
async fn a_plan_has_one_action_for_what_differs() {
    let (provider, mut required) = required(Revision::Head);
    for name in ["same", "changed", "moved", "a", "b"] {
        provider.cloud().create("infra.vpc", name, br#"{"region":"x"}"#).unwrap();
    }
    let mut first = spec("infra.vpc", "first", &json!({}));
    first.depends_on = vec!["second".into(), "elsewhere".into()];
    let desired = vec![
        first,
        spec("infra.vpc", "second", &json!({})),
        spec("infra.vpc", "same", &json!({ "region": "x" })),
        spec("infra.vpc", "changed", &json!({ "region": "x", "size": 1 })),
        spec("infra.vpc", "moved", &json!({ "region": "y" })),
        spec("infra.vpc", "ghost", &json!({})),
    ];
    let mut a = state("infra.vpc", "a", "vpc-4");
    a.dependencies = vec!["b".into()];
    let current = vec![
        state("infra.vpc", "same", "vpc-1"),
        state("infra.vpc", "changed", "vpc-2"),
        state("infra.vpc", "moved", "vpc-3"),
        a,
        state("infra.vpc", "b", "vpc-5"),
        state("infra.vpc", "ghost", "vpc-77"),
    ];
    let request = PlanRequest { desired, current };
    let plan = required.plan(request.clone()).await.unwrap().into_inner().plan.unwrap();
    let actions = plan.actions.iter().map(|action| {
        (action.action.as_str(), action.resource.as_ref().unwrap().name.as_str(), action.current.is_some())
    });
    assert_eq!(
        actions.collect::<Vec<_>>(),
        [
            ("create", "second", false),
            ("create", "first", false),
            ("update", "changed", true),
            ("replace", "moved", true),
            ("create", "ghost", false),
            ("delete", "a", true),
            ("delete", "b", true),
        ]
    );
    assert_eq!(plan.actions[3].changes[0].path, "region");
    assert_eq!(plan.actions[5].resource.as_ref().unwrap().config_json, Bytes::new());
    assert_eq!(plan.id, "plan-1");
    assert_eq!(required.plan(request).await.unwrap().into_inner().plan.unwrap().id, "plan-2");
}

#[tokio::test]
async fn a_plan_of_what_cannot_be_is_refused() {
    let (_, mut required) = required(Revision::Head);
    let wanted = |spec| PlanRequest { desired: vec![spec], current: vec![] };
    let there = |state| PlanRequest { desired: vec![], current: vec![state] };
    let vpc = || state("infra.vpc", "net", "vpc-1");
    for (request, (code, phrase)) in [
        (wanted(spec("infra.vpc", "", &json!({}))), INVALID),
        (wanted(spec("", "net", &json!({}))), INVALID),
        (wanted(spec("infra.moon", "luna", &json!({}))), NO_TYPE),
        (wanted(spec("infra.vpc", "net", &json!([]))), INVALID),
        (there(state("infra.vpc", "", "vpc-1")), INVALID),
        (there(state("infra.moon", "luna", "m-1")), NO_TYPE),
        (there(ResourceState { outputs_json: "{".into(), ..vpc() }), INVALID),
        (there(ResourceState { applied_config_json: "[]".into(), ..vpc() }), INVALID),
    ] {
        assert_refused(required.plan(request).await, code, phrase);
    }
}

#[tokio::test]
async fn a_dependency_cycle_is_refused_and_a_long_chain_is_not() {
    let (_, mut required) = required(Revision::Head);
    let depends = |name: usize, on: usize| {
        let mut spec = spec("infra.vpc", &name.to_string(), &json!({}));
        spec.depends_on = vec![on.to_string()];
        spec
    };
    let mut plan = async |desired| {
        let request = PlanRequest { desired, current: vec![] };
        required.plan(request).await.map(|reply| reply.into_inner().plan.unwrap())
    };
    let refused = plan(vec![depends(0, 1), depends(1, 2), depends(2, 0)]).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("dependency cycle"));
    let chain = plan((0..50_000).map(|at| depends(at, at + 1)).collect()).await.unwrap();
    assert_eq!(chain.actions[0].resource.as_ref().unwrap().name, "49999");
}

#[tokio::test]
async fn destroy_accounts_for_every_reference() {
    let (provider, mut required) = required(Revision::Head);
    provider.cloud().create("infra.vpc", "net", b"").unwrap();
    let refs = vec![
        reference("infra.vpc", "net", "vpc-1"),
        reference("infra.moon", "luna", "m-1"),
        reference("infra.vpc", "gone", "vpc-9"),
        reference("infra.vpc", "", ""),
    ];
    let result = required.destroy(DestroyRequest { refs }).await.unwrap().into_inner().result.unwrap();
    assert_eq!(result.destroyed, ["net", "gone"]);
    let failed: Vec<_> = result.errors.iter().map(|e| (e.resource.as_str(), e.action.as_str())).collect();
    assert_eq!(failed, [("luna", "delete"), ("", "delete")]);
    assert_eq!(provider.cloud().list(), []);
}

#[tokio::test]
async fn status_and_import_tell_what_is_there() {
    let (provider, mut required) = required(Revision::Head);
    provider.cloud().create("infra.vpc", "net", br#"{"cidr":"c"}"#).unwrap();
    let refs = vec![reference("infra.vpc", "net", "vpc-1"), reference("infra.vpc", "gone", "vpc-2")];
    let statuses = required.status(StatusRequest { refs }).await.unwrap().into_inner().statuses;
    let told: Vec<_> = statuses.iter().map(|s| (s.name.as_str(), s.status.as_str())).collect();
    assert_eq!(told, [("net", "active"), ("gone", "missing")]);
    assert_eq!(statuses[1].outputs_json, Bytes::new());

    let mut import = async |kind: &str, id: &str| {
        let request = ImportRequest { provider_id: id.into(), resource_type: kind.into() };
        required.import(request).await.map(|reply| reply.into_inner().state.unwrap())
    };
    let net = import("infra.vpc", "vpc-1").await.unwrap();
    assert_eq!((net.name.as_str(), net.provider_id.as_str()), ("net", "vpc-1"));
    assert_eq!((net.provider.as_str(), &net.applied_config_json[..]), ("mock", &br#"{"cidr":"c"}"#[..]));
    assert_eq!(import("infra.vpc", "vpc-2").await.unwrap_err().code(), Code::NotFound);
    assert_eq!(import("infra.vpc", "").await.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(import("", "vpc-1").await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn sizing_follows_the_tier_and_the_hints() {
    let (_, mut required) = required(Revision::Head);
    let mut sizing = async |size: &str, hints| {
        let request = ResolveSizingRequest { resource_type: "infra.cache".into(), size: size.into(), hints };
        required.resolve_sizing(request).await.map(|reply| reply.into_inner().sizing.unwrap())
    };
    let small = sizing("s", None).await.unwrap();
    assert_eq!(small.instance_type, "mock-s");
    assert_eq!(small.specs_json, r#"{"cpu":"1","memory":"1Gi"}"#);
    let hints = ResourceHints { memory: "3Gi".into(), storage: "9Gi".into(), ..ResourceHints::default() };
    let hinted = sizing("xl", Some(hints)).await.unwrap();
    assert_eq!(hinted.specs_json, r#"{"cpu":"8","memory":"3Gi","storage":"9Gi"}"#);
    assert_eq!(sizing("huge", None).await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn bootstrap_makes_the_bucket_once() {
    let (provider, mut required) = required(Revision::Head);
    let mut bootstrap = async |config: &'static str| {
        let request = BootstrapStateBackendRequest { config_json: config.into() };
        required.bootstrap_state_backend(request).await.map(|reply| reply.into_inner().result.unwrap())
    };
    for _ in 0..2 {
        let made = bootstrap(r#"{"bucket":"b","region":"r","other":1}"#).await.unwrap();
        assert_eq!((made.bucket.as_str(), made.region.as_str()), ("b", "r"));
        assert_eq!(made.endpoint, "b.storage.mock.internal");
    }
    assert_eq!(bootstrap("").await.unwrap().bucket, "mock-state");
    for bad in [r#"{"bucket":1}"#, "[]", "{"] {
        assert_eq!(bootstrap(bad).await.unwrap_err().code(), Code::InvalidArgument);
    }
    assert_eq!(provider.cloud().list().len(), 2);
}

fn action(word: &str, spec: ResourceSpec, current: Option<&str>) -> PlanAction {
    let current = current.map(|id| state(&spec.r#type, &spec.name, id));
    PlanAction { action: word.into(), resource: Some(spec), current, ..PlanAction::default() }
}

/// One plan with a success and a failure of every kind that a provider can have.
fn mixed_plan(provider: &Provider) -> ApplyRequest {
    for name in ["taken", "old", "parent", "doomed"] {
        provider.cloud().create("infra.vpc", name, b"").unwrap();
    }
    let vpc = |name: &str| spec("infra.vpc", name, &json!({}));
    let moon = |name: &str| spec("infra.moon", name, &json!({}));
    let bad = |name: &str| spec("infra.vpc", name, &json!([]));
    let actions = vec![
        action("create", vpc("net"), None),
        action("create", vpc("taken"), None),
        action("update", vpc("old"), Some("vpc-2")),
        action("update", vpc("none"), Some("vpc-99")),
        action("replace", vpc("parent"), Some("vpc-3")),
        action("replace", bad("doomed"), Some("vpc-4")),
        action("replace", moon("luna"), Some("m-1")),
        action("delete", vpc("gone"), Some("vpc-98")),
        action("delete", moon("luna"), Some("m-1")),
        action("Create", vpc("case"), None),
    ];
    let plan = IaCPlan { id: "p-1".into(), actions, ..IaCPlan::default() };
    ApplyRequest { plan: Some(plan) }
}

#[tokio::test]
async fn apply_reports_every_action_with_its_own_truth() {
    for revision in [Revision::V0_51, Revision::V0_54, Revision::V0_56] {
        let (provider, mut required) = required(revision);
        let request = mixed_plan(&provider);
        let result: ApplyResult = required.apply(request).await.unwrap().into_inner().result.unwrap();

        assert_eq!(result.plan_id, "p-1");
        let resources: Vec<_> =
            result.resources.iter().map(|r| (r.name.as_str(), r.provider_id.as_str())).collect();
        assert_eq!(resources, [("net", "vpc-5"), ("old", "vpc-2"), ("parent", "vpc-6")]);
        assert_eq!(result.replace_id_map, [("parent".into(), "vpc-6".into())].into());

        let no_moon = "mock ResourceDriver: no resource type \"infra.moon\"";
        let errors = [
            (1, 2, "taken", "create", "iac: resource already exists: infra.vpc \"taken\" (id vpc-1)"),
            (3, 2, "none", "update", "iac: resource not found: infra.vpc \"none\" (id vpc-99)"),
            (
                5,
                2,
                "doomed",
                "replace",
                "replace: create: iac: validation error: config is not a JSON object",
            ),
            (6, 2, "luna", "replace", &format!("replace: delete: {no_moon}")),
            (8, 3, "luna", "delete", no_moon),
            (9, 2, "case", "Create", "unknown action \"Create\""),
        ];
        assert_eq!(result.errors.len(), errors.len());
        for (told, (_, _, resource, action, error)) in result.errors.iter().zip(errors) {
            assert_eq!((told.resource.as_str(), told.action.as_str()), (resource, action));
            assert!(told.error.starts_with(error), "{} / {error}", told.error);
        }

        if revision == Revision::V0_51 {
            assert_eq!(result.actions, []);
        } else {
            assert_eq!(result.actions.len(), 10);
            for (index, told) in (0..).zip(&result.actions) {
                let failed = errors.iter().position(|error| error.0 == index);
                let (status, error) =
                    failed.map_or((1, ""), |at| (errors[at].1, result.errors[at].error.as_str()));
                let wanted = ActionResult { action_index: index, status, error: error.into() };
                assert_eq!(*told, wanted);
            }
        }
        let gone = Target { resource_type: "infra.vpc", name: "doomed", provider_id: "" };
        provider.cloud().read(&gone).expect_err("its replace got as far as the delete");
    }
}

#[tokio::test]
async fn apply_is_gone_from_0_57() {
    for revision in Revision::ALL {
        let (provider, mut required) = required(*revision);
        let reply = required.apply(ApplyRequest { plan: Some(IaCPlan::default()) }).await;
        if *revision < Revision::V0_57 {
            assert_eq!(reply.unwrap().into_inner().result, Some(ApplyResult::default()), "{revision}");
        } else {
            assert_eq!(reply.unwrap_err().code(), Code::Unimplemented, "{revision}");
        }
        assert_eq!(provider.cloud().list(), []);
    }
}

#[tokio::test]
async fn an_apply_answers_as_the_plugin_did() {
    let with = |apply| {
        let provider = Provider::new(Setup { revision: Revision::V0_54, apply, ..Setup::default() });
        let client = Required::new(provider.routes());
        (provider, client)
    };
    let plan = || {
        let actions = vec![action("create", spec("infra.vpc", "net", &json!({})), None)];
        ApplyRequest { plan: Some(IaCPlan { actions, ..IaCPlan::default() }) }
    };
    for (apply, outcomes) in [(ApplyKind::Honest, 1), (ApplyKind::WithoutOutcomes, 0)] {
        let (provider, mut required) = with(apply);
        let result = required.apply(plan()).await.unwrap().into_inner().result.unwrap();
        assert_eq!((result.actions.len(), result.resources.len()), (outcomes, 1), "{apply:?}");
        assert_eq!(provider.cloud().list().len(), 1);
    }
    for apply in [ApplyKind::Stub, ApplyKind::Absent] {
        let (provider, mut required) = with(apply);
        let phrase = "iac: provider method unimplemented: ";
        assert_refused(required.apply(plan()).await, Code::Unimplemented, phrase);
        assert_eq!(provider.cloud().list(), [], "{apply:?}");
    }
}

#[tokio::test]
async fn an_apply_without_its_messages_does_nothing() {
    let (provider, mut required) = required(Revision::V0_54);
    let no_plan = required.apply(ApplyRequest { plan: None }).await.unwrap_err();
    assert_eq!(no_plan.code(), Code::InvalidArgument);
    let actions = vec![
        action("create", spec("infra.vpc", "net", &json!({})), None),
        PlanAction { action: "create".into(), ..PlanAction::default() },
    ];
    let plan = IaCPlan { actions, ..IaCPlan::default() };
    let no_resource = required.apply(ApplyRequest { plan: Some(plan) }).await.unwrap_err();
    assert_eq!(no_resource.code(), Code::InvalidArgument);
    assert!(no_resource.message().contains("plan.actions[1].resource"));
    assert_eq!(provider.cloud().list(), []);
}

const APPLY: &str = "/workflow.plugin.external.iac.IaCProviderRequired/Apply";

#[tokio::test]
async fn a_scripted_apply_reply_goes_out_byte_for_byte() {
    for scripted in [&b""[..], b"\x0a", b"\xff\xff\xff", b"\x0a\x02\x0a\x00"] {
        let setup = Setup {
            revision: Revision::V0_54,
            apply_reply: Some(Bytes::from_static(scripted)),
            ..Setup::default()
        };
        let provider = Provider::new(setup);
        let request = Bytes::from(mixed_plan(&provider).encode_to_vec());
        assert_eq!(raw(&provider, APPLY, request).await.unwrap(), scripted);
        assert_eq!(provider.cloud().list().len(), 4, "nothing was done");
    }
    // The other methods of the service are served beside it.
    let provider = Provider::new(Setup {
        revision: Revision::V0_54,
        apply_reply: Some(Bytes::new()),
        ..Setup::default()
    });
    Required::new(provider.routes()).name(NameRequest {}).await.unwrap();
}

#[tokio::test]
async fn an_apply_that_is_no_message_is_refused() {
    let provider = provider(Revision::V0_54);
    let status = raw(&provider, APPLY, Bytes::from_static(b"\xff")).await.unwrap_err();
    assert_eq!(status.code(), Code::Internal);
}

#[tokio::test]
async fn bytes_and_messages_agree_about_an_apply() {
    let provider = provider(Revision::V0_54);
    let request = Bytes::from(mixed_plan(&provider).encode_to_vec());
    let reply = raw(&provider, APPLY, request).await.unwrap();
    let reply = ApplyResponse::decode(reply).unwrap();
    assert_eq!(reply.result.unwrap().actions.len(), 10);
}

#[tokio::test]
async fn a_raw_client_tells_of_paths_that_are_none() {
    let provider = provider(Revision::Head);
    assert_eq!(raw(&provider, "/no/such", Bytes::new()).await.unwrap_err().code(), Code::Unimplemented);
    assert_eq!(raw(&provider, "no\npath", Bytes::new()).await.unwrap_err().code(), Code::Internal);
}

#[tokio::test]
async fn a_restarted_provider_finds_its_cloud() {
    let before = provider(Revision::Head);
    Driver::new(before.routes()).create(create("infra.vpc", "net", &json!({}))).await.unwrap();
    let after = Provider::with_cloud(Setup::default(), before.cloud().clone());
    Driver::new(after.routes()).read(read("infra.vpc", "net", "vpc-1")).await.unwrap();
}
