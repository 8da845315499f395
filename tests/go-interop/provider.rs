//! Our host drives providers that are built with go-plugin.

use std::{error::Error, fmt::Debug, path::Path, process::Command};

use counterfoil::provider::process::{Checked, LaunchOptions, Plugin, settle};
use counterfoil_core::trace::{Event, ExitStatus, ProcessEvent, Recorder, ShutdownAnswer};
use counterfoil_proto::{
    health::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient},
    iac::{
        CapabilitiesRequest, FinalizeApplyRequest, InitializeRequest, NameRequest, ResourceCreateRequest,
        ResourceDeleteRequest, ResourceDiffRequest, ResourceOutput, ResourceReadRequest, ResourceRef,
        ResourceSpec, ResourceUpdateRequest, ia_c_provider_finalizer_client::IaCProviderFinalizerClient,
        ia_c_provider_required_client::IaCProviderRequiredClient,
        resource_driver_client::ResourceDriverClient,
    },
    plugin_v1::{ContractKind, plugin_service_client::PluginServiceClient},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;
use tonic::{Code, Status};

use super::{COUNTERFOIL, DEADLINE, FORK, HASHICORP, Wire, programs};

/// What the providers print as they are initialized, by each of their three ways.
const STDOUT: &str = "on stdout: initialized\n";
const STDERR: &str = "on stderr: initialized\n";
const LOGGED: &str = r#""@message":"initialized","@module":"go-interop""#;

const VPC: &str = "infra.vpc";

#[test]
fn our_host_drives_a_hashicorp_provider() {
    run(HASHICORP, Wire::Plaintext);
}

#[test]
fn our_host_drives_a_hashicorp_provider_over_mtls() {
    run(HASHICORP, Wire::Mtls);
}

#[test]
fn our_host_drives_a_provider_of_the_fork() {
    run(FORK, Wire::Plaintext);
}

#[test]
fn our_host_drives_a_provider_of_the_fork_over_mtls() {
    run(FORK, Wire::Mtls);
}

#[test]
fn our_host_drives_providers_through_the_proxy() {
    for library in [HASHICORP, FORK] {
        for wire in [Wire::Plaintext, Wire::Mtls] {
            let Some(programs) = programs() else { return };
            let place = TempDir::new().unwrap();
            let program = programs.join(format!("provider-{library}"));
            let mut install = Command::new(COUNTERFOIL);
            install.args(["proxy", "install", "--in-front-of"]).arg(&program).arg("--into").arg(place.path());
            assert!(install.output().unwrap().status.success());
            run_program(library, wire, &place.path().join(format!("provider-{library}/provider-{library}")));
        }
    }
}

fn run(library: &str, wire: Wire) {
    let Some(programs) = programs() else { return };
    run_program(library, wire, &programs.join(format!("provider-{library}")));
}

#[tokio::main]
async fn run_program(library: &str, wire: Wire, program: &Path) {
    let place = TempDir::new().unwrap();
    let mut options = LaunchOptions::supervised_by(COUNTERFOIL, program);
    options.directory = Some(place.path().to_owned());
    options.mtls = wire == Wire::Mtls;
    let log = Recorder::default();
    let plugin = Plugin::launch(options, log.clone()).await.unwrap_or_else(|error| panic!("{error}"));
    let driven = timeout(DEADLINE, drive(&plugin)).await;
    let failed = match &driven {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some("it takes too long".to_owned()),
    };
    assert_eq!(failed, None, "the provider's last lines on stderr:\n{}", plugin.stderr());
    plugin.stop().await;
    assert!(settle(DEADLINE), "a supervisor is left");
    let events = log.take().into_iter().filter_map(|event| match event {
        Event::Process(event) => Some(event),
        _ => None,
    });
    judge(library, wire, &events.collect::<Vec<_>>());
}

/// Holds two things together.
fn same<T: PartialEq + Debug>(what: &str, found: &T, expected: &T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found:?} instead of {expected:?}")) }
}

/// Holds that a call failed so.
fn fails<T: Debug>(what: &str, answer: Result<T, Status>, code: Code) -> Result<(), String> {
    same(what, &answer.map(|answer| format!("{answer:?}")).map_err(|status| status.code()), &Err(code))
}

/// Takes a provider through its whole life.
async fn drive(plugin: &Plugin) -> Result<(), Box<dyn Error>> {
    let request = HealthCheckRequest { service: "plugin".to_owned() };
    let health = HealthClient::new(plugin.connection()).check(request).await?.into_inner();
    same("its health", &health.status(), &ServingStatus::Serving)?;

    let registry =
        PluginServiceClient::new(plugin.connection()).get_contract_registry(()).await?.into_inner();
    let rows = registry.contracts.iter().filter(|row| row.kind() == ContractKind::Service);
    let services: Vec<&str> = rows.filter_map(|row| row.service_name.rsplit('.').next()).collect();
    let expected = ["IaCProviderFinalizer", "IaCProviderRequired", "ResourceDriver"];
    same("its services", &services, &expected.to_vec())?;

    let mut required = IaCProviderRequiredClient::new(plugin.connection());
    fails("a config that is none", required.initialize(initialize("nyc3")).await, Code::InvalidArgument)?;
    required.initialize(initialize(r#"{"region":"nyc3"}"#)).await?;
    let capabilities = required.capabilities(CapabilitiesRequest {}).await?.into_inner();
    same("its gate", &capabilities.compute_plan_version.as_str(), &"v2")?;

    resource(ResourceDriverClient::new(plugin.connection())).await?;

    let request = FinalizeApplyRequest { plan_id: "plan-1".to_owned() };
    let finalized = IaCProviderFinalizerClient::new(plugin.connection()).finalize_apply(request).await?;
    same("what it could not complete", &finalized.into_inner().errors, &Vec::new())?;

    // What it prints comes by a stream of its own, so it may come later than the answers do.
    while plugin.printed().0 < STDOUT.len() as u64 || !plugin.stderr().contains(STDERR) {
        required.name(NameRequest {}).await?;
    }
    Ok(())
}

fn initialize(config: &'static str) -> InitializeRequest {
    InitializeRequest { config_json: config.into() }
}

/// The life of one resource.
async fn resource(mut driver: ResourceDriverClient<Checked>) -> Result<(), Box<dyn Error>> {
    let resource_type = || VPC.to_owned();
    let spec = |config: &'static str| {
        let (name, r#type) = ("net".to_owned(), resource_type());
        Some(ResourceSpec { name, r#type, config_json: config.into(), ..ResourceSpec::default() })
    };
    let create = |config| ResourceCreateRequest { resource_type: resource_type(), spec: spec(config) };

    let created = driver.create(create(r#"{"region":"nyc3","size":"s"}"#)).await?.into_inner().output;
    let created = created.ok_or("nothing was created")?;
    same("what was created", &(created.name.as_str(), created.provider_id.as_str()), &("net", "vpc-1"))?;
    has_outputs(&created, "s")?;
    fails("another of that name", driver.create(create("{}")).await, Code::AlreadyExists)?;

    let (name, provider_id) = (created.name.clone(), created.provider_id.clone());
    let reference = Some(ResourceRef { name, r#type: resource_type(), provider_id });
    let read = || ResourceReadRequest { resource_type: resource_type(), r#ref: reference.clone() };
    let found = driver.read(read()).await?.into_inner().output;
    same("what was read", &found.as_ref(), &Some(&created))?;

    let moved = spec(r#"{"region":"ams3","size":"s"}"#);
    let request =
        ResourceDiffRequest { resource_type: resource_type(), desired: moved, current: Some(created) };
    let result = driver.diff(request).await?.into_inner().result.ok_or("there is no difference")?;
    let changes: Vec<&str> = result.changes.iter().map(|change| change.path.as_str()).collect();
    same("the changes", &(result.needs_replace, changes), &(true, vec!["region"]))?;

    let (resource, spec) = (reference.clone(), spec(r#"{"region":"nyc3","size":"m"}"#));
    let request = ResourceUpdateRequest { resource_type: resource_type(), r#ref: resource, spec };
    let updated = driver.update(request).await?.into_inner().output.ok_or("nothing was updated")?;
    has_outputs(&updated, "m")?;

    let request = || ResourceDeleteRequest { resource_type: resource_type(), r#ref: reference.clone() };
    driver.delete(request()).await?;
    driver.delete(request()).await?;
    fails("what is gone", driver.read(read()).await, Code::NotFound)?;
    Ok(())
}

fn has_outputs(resource: &ResourceOutput, size: &str) -> Result<(), Box<dyn Error>> {
    let outputs: Value = serde_json::from_slice(&resource.outputs_json)?;
    let endpoint = format!("{}.interop.example", resource.provider_id);
    same("its outputs", &outputs, &json!({ "region": "nyc3", "size": size, "endpoint": endpoint }))?;
    Ok(())
}

/// What has to be seen of the process, and nothing beside.
fn judge(library: &str, wire: Wire, events: &[ProcessEvent]) {
    let mut seen = Vec::new();
    for event in events {
        let word = match event {
            ProcessEvent::Launched { mtls } => {
                assert_eq!(*mtls, wire == Wire::Mtls);
                "launched"
            }
            ProcessEvent::FirstLine { .. } => "line",
            ProcessEvent::Handshake(line) => {
                // One library says whether it can multiplex, the other only where it is asked.
                assert_eq!(line.fields, if library == FORK { 7 } else { 6 });
                assert_eq!(line.certificate, wire == Wire::Mtls);
                assert!(!Path::new(&line.address).exists(), "{} is left", line.address);
                "handshake"
            }
            ProcessEvent::Certificate { problem, .. } => {
                assert_eq!(*problem, None);
                "certificate"
            }
            ProcessEvent::Connected => "connected",
            ProcessEvent::ShutdownAsked { answer } => {
                assert_eq!(*answer, ShutdownAnswer::Taken);
                "asked"
            }
            ProcessEvent::Stopped { status, ignored_sigterm, .. } => {
                assert_eq!((*status, *ignored_sigterm), (Some(ExitStatus::Code(0)), false));
                "stopped"
            }
            ProcessEvent::Output { stdout, tail, .. } => {
                assert_eq!(*stdout, STDOUT.len() as u64);
                assert!(tail.contains(STDERR) && tail.contains(LOGGED), "{tail}");
                "output"
            }
            // Below a proxy there are its supervisor and the plugin.
            ProcessEvent::Crowd { processes: 2 } => continue,
            other => panic!("{other:?}\n{events:#?}"),
        };
        seen.push(word);
    }
    let mut expected = vec!["launched", "line", "handshake", "connected", "asked", "stopped", "output"];
    if wire == Wire::Mtls {
        expected.insert(3, "certificate");
    }
    assert_eq!(seen, expected);
}
