//! The command tests providers that are built with go-plugin.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use tempfile::TempDir;

use super::{COUNTERFOIL, DEADLINE, FORK, HASHICORP, Said, Wire, programs};

/// A plan whose drivers are really called, and whose end the finalizer is told.
const SCENARIO: &str = "\
id: create-and-delete
title: One resource refers to another, and a third was never there
tags: [process]
plan:
  actions:
    - create: { name: net, type: infra.vpc, config: { region: nyc3 } }
    - create: { name: db, type: infra.database, config: { network: \"${net.endpoint}\" } }
    - delete: { name: old, type: infra.cache }
expect:
  outcomes: { net: success, db: success, old: success }
";

#[test]
fn the_command_tests_a_hashicorp_provider() {
    test(HASHICORP, Wire::Plaintext);
}

#[test]
fn the_command_tests_a_hashicorp_provider_over_mtls() {
    test(HASHICORP, Wire::Mtls);
}

#[test]
fn the_command_tests_a_provider_of_the_fork() {
    test(FORK, Wire::Plaintext);
}

#[test]
fn the_command_tests_a_provider_of_the_fork_over_mtls() {
    test(FORK, Wire::Mtls);
}

fn test(library: &str, wire: Wire) {
    let place = TempDir::new().unwrap();
    let scenario = place.path().join("create-and-delete.yaml");
    fs::write(&scenario, SCENARIO).unwrap();
    let process = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/process");
    let more = ["--scenario", process, "--scenario", scenario.to_str().unwrap()];
    let more = more.into_iter().chain((wire == Wire::Mtls).then_some("--mtls"));
    let Some(output) = live(library, place.path(), more) else { return };
    let text = String::from_utf8_lossy(&output.stdout);
    for id in ["create-and-delete", "load-and-leave", "killed-before-a-create"] {
        assert!(text.contains(&format!("pass  {id} ")), "{id} did not run\n{}", Said(&output));
    }
}

/// Scenarios of calls that no apply makes. The provider has no more than an apply needs, so these are for whole ones.
const OF_WHOLE_PROVIDERS: [&str; 2] = ["services-are-whole", "requests-out-of-order"];

/// A provider in Go does well in the stock suite.
#[test]
fn a_provider_of_the_fork_passes_the_stock_suite_of_an_apply() {
    let place = TempDir::new().unwrap();
    let stock = counterfoil::run::stock().scenarios.into_iter();
    let ids =
        stock.map(|scenario| scenario.id.clone()).filter(|id| !OF_WHOLE_PROVIDERS.contains(&id.as_str()));
    let filters: Vec<String> = ids.flat_map(|id| ["--filter".to_owned(), id]).collect();
    live(FORK, place.path(), filters.iter().map(String::as_str));
}

/// Tests a provider, and lets it do all that it is asked for. It passes, and leaves nothing.
fn live<'a>(library: &str, place: &Path, more: impl IntoIterator<Item = &'a str>) -> Option<Output> {
    let temporary = place.join("tmp");
    fs::create_dir(&temporary).unwrap();
    let mut command = Command::new(COUNTERFOIL);
    command
        .current_dir(place)
        .env_clear()
        .env("TMPDIR", &temporary)
        .args(["test", "provider"])
        .arg(programs()?.join(format!("provider-{library}")))
        .args(["--live", "--strict", "--jobs", "2", "--revisions", "head"])
        .args(more);
    let output = assert_cmd::Command::from_std(command).timeout(DEADLINE).output().unwrap();
    assert!(output.status.success(), "{}", Said(&output));
    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0, "something is left\n{}", Said(&output));
    Some(output)
}
