//! Hosts built with go-plugin drive our mock.

use std::{ffi::OsStr, fs, process::Command};

use serde_json::Value;
use tempfile::TempDir;

use super::{COUNTERFOIL, DEADLINE, FORK, HASHICORP, Said, Wire, programs};

/// What the hosts do, in their order; `tests/go-interop/host/steps.go` says what has to come of each.
const STEPS: [&str; 21] = [
    "versions",
    "start",
    "connect",
    "ping",
    "manifest",
    "registry",
    "initialize",
    "capabilities",
    "create",
    "create again",
    "read",
    "diff",
    "update",
    "delete",
    "read what is gone",
    "finalize",
    "log",
    "stdout",
    "stderr",
    "kill",
    "gone",
];

#[test]
fn a_hashicorp_host_drives_our_mock() {
    drive(HASHICORP, Wire::Plaintext);
}

#[test]
fn a_hashicorp_host_drives_our_mock_over_mtls() {
    drive(HASHICORP, Wire::Mtls);
}

#[test]
fn a_host_of_the_fork_drives_our_mock() {
    drive(FORK, Wire::Plaintext);
}

#[test]
fn a_host_of_the_fork_drives_our_mock_over_mtls() {
    drive(FORK, Wire::Mtls);
}

#[test]
fn hosts_drive_our_mock_through_the_proxy() {
    let place = TempDir::new().unwrap();
    let install = ["mock", "install", "--profile", "reference", "--into"];
    let installed = Command::new(COUNTERFOIL).args(install).arg(place.path()).output().unwrap();
    assert!(installed.status.success(), "{}", Said(&installed));
    let mock = place.path().join("mock/mock");
    for library in [HASHICORP, FORK] {
        for wire in [Wire::Plaintext, Wire::Mtls] {
            drive_plugin(library, wire, &["proxy".as_ref(), "serve".as_ref(), mock.as_os_str()]);
        }
    }
}

fn drive(library: &str, wire: Wire) {
    drive_plugin(library, wire, &["mock", "serve", "--profile", "reference"].map(OsStr::new));
}

#[expect(clippy::print_stdout, reason = "which versions they were; shown with --nocapture")]
fn drive_plugin(library: &str, wire: Wire, arguments: &[&OsStr]) {
    let Some(programs) = programs() else { return };
    let place = TempDir::new().unwrap();
    let mut command = Command::new(programs.join(format!("host-{library}")));
    command.env("TMPDIR", place.path());
    if wire == Wire::Mtls {
        command.arg("--mtls");
    }
    command.arg(COUNTERFOIL).args(arguments);
    let output = assert_cmd::Command::from_std(command).timeout(DEADLINE).output().unwrap();
    let lines = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let steps: Vec<&str> = lines.iter().filter_map(|line| line["step"].as_str()).collect();
    assert!(output.status.success() && steps == STEPS, "{steps:?}\n{}", Said(&output));
    println!("{}", lines[0]);
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0, "something is left\n{}", Said(&output));
}
