//! A real engine, in Go, behind its adapter of `ci/adapters/go-workflow`.
//!
//! It is an ordinary dependency of that, which a module proxy may give or refuse. Where it is refused, or long in coming,
//! the test says so and passes, unless `COUNTERFOIL_REQUIRE_ENGINE` is set. What a proxy gives in its place, and what is wrong
//! with the adapter, is a failure.

use std::{
    env, fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

use counterfoil_proto::Revision;

use super::{COUNTERFOIL, Said, programs};

const MODULE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../ci/adapters/go-workflow");
/// Until when the engine and what it needs has to be there.
const FETCH: Duration = Duration::from_secs(120);
/// How Go says that a module is not to be had.
const NOT_TO_BE_HAD: [&str; 11] = [
    "403 Forbidden",
    "404 Not Found",
    "410 Gone",
    "429 Too Many Requests",
    "500 Internal Server Error",
    "502 Bad Gateway",
    "503 Service Unavailable",
    "dial tcp",
    "timeout",
    "module lookup disabled by GOPROXY=off",
    "GOVCS disallows",
];
/// What is built here runs for seconds, so that to optimize it would take longer than it saves.
const BUILD: [&str; 2] = ["-trimpath", "-gcflags=all=-N -l"];

fn go(arguments: &[&str]) -> Command {
    let mut go = Command::new("go");
    // What a proxy does not have is not looked for elsewhere.
    go.current_dir(MODULE).env("CGO_ENABLED", "0").env("GOVCS", "*:off").args(arguments);
    go
}

/// The output of what has to succeed.
fn done(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", Said(&output));
    output
}

/// Has Go fetch all that the adapter and its tests are built of, or says why it is not to be had.
fn fetch() -> Result<(), String> {
    let packages = ["list", "-deps", "-test", "./..."];
    if go(&packages).env("GOPROXY", "off").output().unwrap().status.success() {
        return Ok(());
    }
    let output = assert_cmd::Command::from_std(go(&packages)).timeout(FETCH).output().unwrap();
    if output.status.success() {
        return Ok(());
    }
    let told = String::from_utf8_lossy(&output.stderr);
    // Past its deadline it was killed.
    if output.status.code().is_none() {
        return Err(format!("it has not come within {FETCH:?}"));
    }
    let why = told.lines().find(|line| NOT_TO_BE_HAD.iter().any(|sign| line.contains(sign)));
    Err(why.unwrap_or_else(|| panic!("{}", Said(&output))).to_owned())
}

/// Builds the adapter.
fn build(name: &str, tags: &str) -> PathBuf {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    done(go(&["build"]).args(BUILD).args(["-ldflags=-s -w", "-tags", tags, "-o"]).arg(&program).arg("."));
    program
}

/// Gives scenarios to what is behind an adapter.
fn test_engine(arguments: &[&str], adapter: &Path) -> Output {
    Command::new(COUNTERFOIL)
        .args(["test", "engine"])
        .args(arguments)
        .arg("--")
        .arg(adapter)
        .output()
        .unwrap()
}

#[test]
fn the_real_engine_keeps_to_every_rule() {
    // That there is Go.
    let Some(_) = programs() else { return };
    if let Err(why) = fetch() {
        assert!(
            env::var_os("COUNTERFOIL_REQUIRE_ENGINE").is_none(),
            "the real engine is required here: {why}"
        );
        // Past the test runner, which would keep it to itself.
        let _ = writeln!(io::stderr(), "SKIPPED: the real engine in Go: {why}");
        return;
    }
    done(go(&["test", "-vet=off"]).args(BUILD).arg("./..."));

    let output = test_engine(&[], &build("workflow-adapter", ""));
    assert!(output.status.success(), "{}", Said(&output));
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.starts_with("github.com/GoCodeAlone/workflow v"), "{told}");
    // A host alone finalizes, which an adapter without one cannot; all else is in reach.
    for scenario in
        ["a-day-of-failures", "cascade-of-a-replace", "deadline-in-a-middle-delete", "adapter-ends"]
    {
        assert!(told.contains(&format!("pass  {scenario}  ")), "{scenario}: {told}");
    }
    assert!(!told.contains("not run"), "{told}");

    // The client that the engine's pipelines have puts its own words in front of an error.
    let client = build("workflow-adapter-providerclient", "providerclient");
    let output = test_engine(&["--filter", "a-day-of-failures@head"], &client);
    assert_eq!(output.status.code(), Some(1), "{}", Said(&output));
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("OUT-009") && !told.contains("OUT-007"), "{told}");
}

#[test]
fn the_adapter_of_the_real_engine_knows_every_revision_that_it_can_act_at() {
    let table = fs::read_to_string(Path::new(MODULE).join("version.go")).unwrap();
    let rows: Vec<_> = table.lines().filter(|line| line.starts_with("\t{\"v")).collect();
    let due: Vec<_> = Revision::ALL.iter().copied().filter(|revision| *revision >= Revision::V0_57).collect();
    assert_eq!(rows.len(), due.len(), "{rows:?}");
    for (row, revision) in rows.into_iter().zip(due) {
        let name = match revision {
            Revision::Head => "newest".to_owned(),
            _ => format!("{:?}", revision.name()),
        };
        let beginning = format!("\t{{\"v{}\", []string{{{name}", revision.first_version());
        assert!(row.starts_with(&beginning), "{row} is not that of {revision}");
    }
    // One that acts at 0.80 acts at the newest too.
    assert_eq!(Revision::V0_80.engine(), Revision::Head.engine());
    let output = done(Command::new(COUNTERFOIL).args(["contract", "diff", "0.80", "head"]));
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "no difference");
}
