//! Profiles as plugins: a check of each point finds exactly what the point declares.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use counterfoil_core::rules::{self, Level};
use counterfoil_mock::{ApplyKind, Profile};
use counterfoil_proto::Revision;
use serde_json::Value;
use tempfile::TempDir;

use super::{AT_ONCE, COUNTERFOIL, ONE_CREATE, running_below};

/// The stock scenarios that show what the plugins of the profiles do wrong, beside a plan; all others find nothing more.
const TELLING: [&str; 3] =
    ["process/load-and-leave.yaml", "rpc/services-are-whole.yaml", "wire/declares-v1-before-0-57.yaml"];

fn run(place: &TempDir, args: &[&str]) -> Output {
    Command::new(COUNTERFOIL).current_dir(place.path()).args(args).output().unwrap()
}

/// Installs a profile below `plugins`.
fn install(place: &TempDir, profile: &str) {
    let done = run(place, &["mock", "install", "--profile", profile, "--into", "plugins"]);
    assert!(done.status.success(), "{profile}: {}", String::from_utf8_lossy(&done.stderr));
}

/// The runs of a check in which something else is found. A load is judged otherwise before the cutover, and behind it; a
/// plan goes through `Apply` before it alone, also where the plugin declares v2 and nobody hears that; a stub then refuses
/// the plan, which is no more than that scenario asks for.
fn telling_runs(spoken: Revision, apply: ApplyKind) -> BTreeSet<String> {
    let before = Revision::V0_56.max(spoken);
    let loads = [spoken, before, Revision::Head].map(|revision| format!("load-and-leave@{revision}"));
    let unheard = (apply != ApplyKind::Stub).then_some("declares-v1-before-0-57");
    let plans = ["one-create"].into_iter().chain(unheard).map(|plan| format!("{plan}@{before}"));
    loads.into_iter().chain(plans).chain([format!("services-are-whole@{spoken}")]).collect()
}

/// The check of a point, as the doc of `Point::findings` has it, but for what tells nothing new.
fn check(place: &TempDir, spoken: Revision, apply: ApplyKind) -> (Output, BTreeSet<String>) {
    fs::write(place.path().join("one-create.yaml"), ONE_CREATE).unwrap();
    let stock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let mut command = Command::new(COUNTERFOIL);
    command
        .current_dir(place.path())
        .args(["test", "provider", "plugins", "--live", "--revisions", &format!(">={spoken}")])
        .args(["--scenario", "one-create.yaml", "--report", "json=report.jsonl"]);
    for file in TELLING {
        command.arg("--scenario").arg(stock.join(file));
    }
    for run in telling_runs(spoken, apply) {
        command.args(["--filter", &run]);
    }
    let output = command.output().unwrap();
    let report = fs::read_to_string(place.path().join("report.jsonl")).unwrap_or_default();
    let found = report.lines().flat_map(|line| {
        let event: Value = serde_json::from_str(line).unwrap();
        let findings = event["finished"]["findings"].as_array().cloned().unwrap_or_default();
        findings.into_iter().map(|finding| finding["rule"].as_str().unwrap().to_owned())
    });
    let found = found.collect();
    (output, found)
}

/// What is wrong with what the check of a point finds.
fn complaint(name: &str, profile: &Profile) -> Option<String> {
    let place = TempDir::new().unwrap();
    let name = format!("{name}@{}", profile.point.at);
    install(&place, &name);
    let (output, found) = check(&place, profile.point.speaks(), profile.point.apply);
    let declared: BTreeSet<String> = profile.point.findings.keys().cloned().collect();
    let must = |id: &String| rules::find(id).is_some_and(|rule| rule.level == Level::Must);
    let code = i32::from(declared.iter().any(must));
    let left = running_below(place.path());
    let text = String::from_utf8_lossy(&output.stdout);
    (found != declared || output.status.code() != Some(code) || !left.is_empty()).then(|| {
        format!("{name}: {found:?} instead of {declared:?}, {}, left {left:?}\n{text}", output.status)
    })
}

/// The profiles of the rehearsals of a cutover, by their paths.
fn of_rehearsals() -> Vec<(String, Vec<Profile>)> {
    let profiles = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/cutover/profiles");
    let files = [profiles.clone(), profiles.join("mended")].into_iter().flat_map(|directory| {
        let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.is_file())
    });
    let read =
        |path: PathBuf| (path.display().to_string(), Profile::parse(&fs::read(&path).unwrap()).unwrap());
    let all: Vec<_> = files.map(read).collect();
    assert_eq!(all.len(), 5, "{all:?}");
    all
}

#[test]
fn every_point_causes_exactly_the_findings_that_it_declares() {
    let of_rehearsals = of_rehearsals();
    let mut points: Vec<(&str, &Profile)> = Vec::new();
    for (name, history) in Profile::all() {
        points.extend(history.iter().map(|profile| (name, profile)));
    }
    for (name, history) in &of_rehearsals {
        points.extend(history.iter().map(|profile| (&**name, profile)));
    }
    let next = AtomicUsize::new(0);
    let wrong: Vec<String> = thread::scope(|scope| {
        let work = || {
            let mut wrong = Vec::new();
            while let Some((name, profile)) = points.get(next.fetch_add(1, Ordering::Relaxed)) {
                wrong.extend(complaint(name, profile));
            }
            wrong
        };
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(Profile::named("reference").unwrap().point.findings.is_empty());
}

/// Texts that come back in a status, and deadlines that are over before an answer can be there, are no lost connection.
#[test]
fn what_is_given_up_or_very_long_costs_the_reference_nothing() {
    let place = TempDir::new().unwrap();
    install(&place, "reference");
    let check = ["test", "provider", "plugins", "--live", "--revisions", "head", "--strict"];
    let done = run(&place, &[&check[..], &["--filter", "calls-that-are-given-up"]].concat());
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stdout));
}

const MINE: &str = "\
plugin: workflow-plugin-mine
provider: mine
description: A stand-in for a plugin of mine
placeholder: { provider: mine }
points:
  - at: before
    version: 1.0.0
    min_engine_version: 0.54.0
    compute_plan_version: v2
    apply: without_outcomes
    services: [required, resource_driver]
    resource_types: &types
      infra.vpc: { tier: 1, operations: [create, read, update, delete] }
  - at: now
    version: 2.0.0
    min_engine_version: 0.57.0
    compute_plan_version: v2
    apply: absent
    manifest: { provider_name: mine, compute_plan_version: v2 }
    services: [required, resource_driver]
    resource_types: *types
";

#[test]
fn a_profile_of_a_users_own_is_installed_served_and_listed() {
    let place = TempDir::new().unwrap();
    fs::write(place.path().join("mine.yaml"), MINE).unwrap();
    install(&place, "mine.yaml");
    let manifest = fs::read_to_string(place.path().join("plugins/workflow-plugin-mine/plugin.json")).unwrap();
    assert!(manifest.contains(r#""version": "2.0.0""#), "{manifest}");
    // The plugin is started elsewhere, and finds the file all the same.
    let (output, found) = check(&place, Revision::V0_57, ApplyKind::Absent);
    assert!(found.is_empty() && output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));

    install(&place, "./mine.yaml@now");
    let listed = run(&place, &["mock", "profiles", "mine.yaml"]);
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(listed.contains("mine.yaml@before  1.0.0") && listed.contains("mine.yaml@now "), "{listed}");
}

#[test]
fn what_is_no_profile_is_told_with_its_place() {
    let place = TempDir::new().unwrap();
    fs::write(place.path().join("mine.yaml"), MINE.replace("resource_driver", "resource_drivr")).unwrap();
    let serve = |profile| ["mock", "serve", "--profile", profile];
    let install = |profile| ["mock", "install", "--into", "plugins", "--profile", profile];
    for args in [&serve("mine.yaml")[..], &install("mine.yaml@now"), &["mock", "profiles", "mine.yaml"]] {
        let done = run(&place, args);
        let told = String::from_utf8_lossy(&done.stderr);
        for expected in [
            "[mine.yaml:11:26]",
            "`resource_drivr` is none of credential_revoker, ",
            "services: [required, resource_drivr]",
            "did you mean `resource_driver`?",
            "1 mistake in mine.yaml",
        ] {
            assert!(told.contains(expected), "{expected}:\n{told}");
        }
        assert!(done.status.code() == Some(2) && done.stdout.is_empty(), "{}: {told}", done.status);
    }
    fs::write(place.path().join("mine.yaml"), MINE).unwrap();
    for (profile, expected) in [
        ("asw", "no profile is called \"asw\": did you mean \"aws\"?; there are reference, aws,"),
        ("aws@1.1", "aws has no point \"1.1\": did you mean \"1.1.0\"?; it has 1.2.0, 1.1.0, v2-declared"),
        ("mine.yaml@then", "mine.yaml has no point \"then\"; it has before, now"),
        ("yours.yaml", "yours.yaml: there is no such file"),
    ] {
        let done = run(&place, &install(profile));
        let told = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.code() == Some(2) && told.contains(expected), "{expected}:\n{told}");
    }
    assert!(!place.path().join("plugins").exists());
}
