//! A plugin behind the proxy gets the verdicts that it gets without.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::symlink,
    path::Path,
    process::{Command, Output},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use counterfoil_mock::broken::process::{CONTROLS, PROCESSES, ProcessMutant, ShowsIn};
use serde_json::Value;
use tempfile::TempDir;

use crate::{leftovers::running_below, place::COUNTERFOIL};

const HOSTILE: &str = env!("CARGO_BIN_EXE_hostile-plugin");

/// How many plugins are under test at once: they wait for most of the time.
const AT_ONCE: usize = 8;

/// What is found through the proxy where that is not what is found without it, and why.
const OTHERWISE: [(&str, &[&str], &str); 3] = [
    ("grandchildren", &[], "the proxy ends what its plugin leaves running"),
    ("leaves-socket", &[], "the plugin's socket lies in a directory that goes with the proxy"),
    ("reply-after-cancel", &["PROC-027"], "frames of a call that was cancelled end at the proxy"),
];

const ONE_CREATE: &str = "\
id: one-create
title: One resource is created
tags: [process]
plan: { actions: [create: { name: net, type: infra.vpc }] }
";

fn counterfoil(place: &Path, arguments: &[&str]) -> Output {
    let temporary = place.join("tmp");
    fs::create_dir_all(&temporary).unwrap();
    Command::new(COUNTERFOIL)
        .current_dir(place)
        .env_clear()
        .env("TMPDIR", temporary)
        .args(arguments)
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned()).concat()
}

/// The verdict and the findings of each run of a report.
fn verdicts(report: &Path) -> Vec<(String, String, BTreeSet<String>)> {
    let lines = fs::read_to_string(report).unwrap();
    let events = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let finished = events.filter_map(|event| event.get("finished").cloned());
    let rules = |run: &Value| {
        let findings = run["findings"].as_array().cloned().unwrap_or_default();
        findings.iter().map(|finding| finding["rule"].as_str().unwrap().to_owned()).collect()
    };
    finished.map(|run| (run["run"].to_string(), run["verdict"].to_string(), rules(&run))).collect()
}

#[test]
fn the_mock_gets_the_same_verdicts_with_the_proxy_and_without() {
    let place = TempDir::new().unwrap();
    let done = counterfoil(place.path(), &["mock", "install", "--profile", "reference", "--into", "real"]);
    assert!(done.status.success(), "{}", text(&done));
    let done = counterfoil(place.path(), &["proxy", "install", "--in-front-of", "real", "--into", "front"]);
    assert!(done.status.success(), "{}", text(&done));
    fs::write(place.path().join("one-create.yaml"), ONE_CREATE).unwrap();
    for more in [
        &["--filter", "load-and-leave", "--strict", "--reflect"][..],
        &["--filter", "load-and-leave", "--revisions", "head", "--mtls"],
        &["--filter", "questions*", "--revisions", "head"],
        &["--scenario", "one-create.yaml", "--live", "--revisions", ">=0.54"],
    ] {
        let test = |plugin: &str| {
            let arguments = ["test", "provider", plugin, "--report", "json=report.jsonl"];
            let done = counterfoil(place.path(), &[&arguments[..], more].concat());
            (done.status.code(), text(&done), verdicts(&place.path().join("report.jsonl")))
        };
        let (direct, proxied) = (test("real"), test("front"));
        assert_eq!(direct.0, Some(0), "{}", direct.1);
        assert_eq!((direct.0, &direct.2), (proxied.0, &proxied.2), "{more:?}\n{}\n{}", direct.1, proxied.1);
        assert!(!direct.2.is_empty());
    }
    assert_eq!(running_below(place.path()), Vec::<String>::new());
    assert_eq!(fs::read_dir(place.path().join("tmp")).unwrap().count(), 0);
}

/// What is wrong with what is found of a broken process behind the proxy.
fn complaint(mutant: &ProcessMutant) -> Option<String> {
    let place = TempDir::new().unwrap();
    let file = |name: &str| place.path().join(name);
    symlink(HOSTILE, file(mutant.name)).unwrap();
    fs::write(file("one-create.yaml"), ONE_CREATE).unwrap();
    let installed =
        counterfoil(place.path(), &["proxy", "install", "--in-front-of", mutant.name, "--into", "front"]);
    assert!(installed.status.success(), "{}", text(&installed));
    let (plugin, revision) = (format!("front/{0}/{0}", mutant.name), mutant.revision.to_string());
    let millis = |deadline: Option<Duration>| deadline.map_or(20_000, |deadline| deadline.as_millis());
    // What starts twice takes longer, and a deadline is the host's.
    let start = mutant.start.map_or(20_000, |deadline| deadline.as_millis() + 300);
    let (start, call) =
        (format!("--start-deadline={start}ms"), format!("--call-deadline={}ms", millis(mutant.call)));
    let mut arguments =
        vec!["test", "provider", &plugin, "--revisions", &revision, "--report", "json=report.jsonl"];
    arguments.extend([start.as_str(), call.as_str()]);
    arguments.extend(match mutant.shows_in {
        ShowsIn::Plan => &["--live", "--scenario", "one-create.yaml"][..],
        ShowsIn::Questions => &["--filter", "questions-without-end"],
        ShowsIn::Load => &["--filter", "load-and-leave"],
    });
    arguments.extend(mutant.mtls.then_some("--mtls"));
    arguments.extend(mutant.reflect.then_some("--reflect"));
    let done = counterfoil(place.path(), &arguments);
    let found: BTreeSet<String> =
        verdicts(&file("report.jsonl")).into_iter().flat_map(|(_, _, found)| found).collect();
    let otherwise = OTHERWISE.iter().find(|(name, ..)| *name == mutant.name);
    let expected = otherwise.map_or(mutant.caught_by, |(_, found, _)| *found);
    let expected: BTreeSet<String> = expected.iter().map(|rule| (*rule).to_owned()).collect();
    let left = running_below(place.path());
    let temporary = fs::read_dir(file("tmp")).unwrap().count();
    (found != expected || !left.is_empty() || temporary > 0).then(|| {
        let name = mutant.name;
        format!(
            "{name}: {expected:?} should find it and {found:?} did, left {left:?} {temporary}\n{}",
            text(&done)
        )
    })
}

#[test]
fn what_a_process_does_wrong_is_found_through_the_proxy() {
    // What has no program is refused when the proxy is laid out, and a manifest is no matter of the process.
    let is_a_process = |mutant: &&ProcessMutant| mutant.manifest.is_none() && mutant.program.is_none();
    let all: Vec<&ProcessMutant> = PROCESSES.iter().chain(CONTROLS).filter(is_a_process).collect();
    let next = AtomicUsize::new(0);
    let wrong: Vec<String> = thread::scope(|scope| {
        let work = || {
            let mut wrong = Vec::new();
            while let Some(mutant) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                wrong.extend(complaint(mutant));
            }
            wrong
        };
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{} of {} processes:\n{}", wrong.len(), all.len(), wrong.join("\n"));
}
