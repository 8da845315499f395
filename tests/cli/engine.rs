//! Engines under test, behind their adapters.

use std::collections::BTreeSet;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{PROGRAM, Place};

/// The adapter of our own engine.
const OURS: [&str; 4] = ["--", PROGRAM, "adapter", "engine"];

/// Tests an engine with the runs that a filter leaves, and gives what a report says of them.
fn tested(filters: &[&str], adapter: &[&str], exit: i32) -> Vec<Value> {
    let place = Place::new();
    let filters = filters.iter().flat_map(|filter| ["--filter", filter]);
    let words: Vec<&str> = ["test", "engine", "--report", "json=report.jsonl"]
        .into_iter()
        .chain(filters)
        .chain(adapter.iter().copied())
        .collect();
    place.run(words).exits(exit);
    assert!(place.temporary().is_empty(), "{:?}", place.temporary());
    let events = place.events("report.jsonl").into_iter();
    events.filter_map(|mut event| event.get_mut("finished").map(Value::take)).collect()
}

fn rules(finished: &[Value]) -> BTreeSet<String> {
    let findings = finished.iter().filter_map(|run| run["findings"].as_array()).flatten();
    findings.map(|finding| finding["rule"].as_str().unwrap_or_default().to_owned()).collect()
}

fn with_verdict<'r>(runs: &'r [Value], verdict: &str) -> Vec<&'r str> {
    let runs = runs.iter().filter(|run| run["verdict"] == verdict);
    runs.filter_map(|run| run["scenario"].as_str()).collect()
}

#[test]
fn our_own_engine_passes_what_it_can_be_given() {
    // The first revision keeps no outcomes, and the newest has all that there is.
    let runs = tested(&["revision:0.51", "revision:head"], &OURS, 0);
    let passed = with_verdict(&runs, "pass");
    assert!(passed.len() > 350, "{}", passed.len());
    assert!(passed.contains(&"adapter-starts") && passed.contains(&"adapter-ends"));
    let others = runs.iter().filter(|run| run["verdict"] != "pass");
    assert!(others.into_iter().all(|run| run["verdict"]["skip"]["kind"] == "not-applicable"));
}

/// What they do wrong is what nobody sees who looks at one side alone.
#[test]
fn an_engine_that_lies_is_found_by_what_it_says_and_what_its_provider_saw() {
    let of_one = |mutant: &str, filter: &str, rule: &str| {
        let runs = tested(&[filter], &[&OURS[..], &["--mutant", mutant]].concat(), 1);
        assert!(rules(&runs).contains(rule), "{mutant}: {:?}", rules(&runs));
    };
    // An outcome without its call, and a call without its outcome.
    of_one("skips-deletes", "update-then-delete@head", "OUT-005");
    of_one("forgets-failures", "delete-fails-middle@head", "OUT-001");
    // A deleted state after a failed delete.
    of_one("deleted-hook-after-failures", "delete-fails-middle@head", "HOOK-005");
    of_one("creates-anyway", "replace-delete-fails-middle@head", "REP-002");
    of_one("always-success", "update-fails-last@head", "OUT-005");
    of_one("goes-on-unsaved", "applied-hook-fails-first@head", "DSP-012");
    of_one("never-cancelled", "cancelled-before-the-last-action@head", "DSP-013");
    of_one("apply-for-v2", "update-then-delete@0.56", "DSP-008");
    of_one("no-gate", "all-kinds-succeed@head", "HOOK-001");
}

#[test]
fn a_run_that_failed_is_run_again_by_the_line_that_it_gives_and_judged_again_from_its_trace() {
    let place = Place::new();
    let only = ["test", "engine", "--filter", "update-then-delete@head", "--keep-traces", "traces"];
    let broken = [&OURS[..], &["--mutant", "skips-deletes"]].concat();
    let done = place.run([&only[..], &broken].concat()).exits(1).says("OUT-005");
    let line = done.out.lines().find_map(|line| line.trim().strip_prefix("run again  counterfoil "));
    let again: Vec<&str> = line.unwrap().split(' ').collect();
    assert!(again.ends_with(&broken[..]) && again.contains(&"update-then-delete@head"), "{again:?}");
    place.run(again).exits(1).says("OUT-005");
    place.run(["judge", "traces/update-then-delete@head.jsonl"]).exits(1).says("OUT-005");
}

#[test]
fn an_adapter_that_ends_among_cases_costs_those_alone_in_which_it_does_so_again() {
    // From its third answer on it ends instead of each.
    let broken = ["--", PROGRAM, "adapter", "broken", "adapter-ends-in-an-apply"];
    let runs = tested(&["update-then-delete@>=0.64"], &broken, 1);
    assert_eq!(rules(&runs), BTreeSet::from(["ADP-003".to_owned()]));
    assert!(with_verdict(&runs, "pass").len() >= 2, "{runs:#?}");
}

#[test]
fn an_adapter_that_tells_without_end_is_stopped_whether_it_tells_often_or_at_length() {
    for mutant in ["adapter-tells-without-end", "adapter-tells-at-length"] {
        let broken = ["--", PROGRAM, "adapter", "broken", mutant];
        let runs = tested(&["update-then-delete@>=0.64"], &broken, 1);
        assert_eq!(rules(&runs), BTreeSet::from(["ADP-007".to_owned()]), "{mutant}");
    }
}

#[test]
fn an_interrupted_test_leaves_nothing_behind() {
    let place = Place::new();
    let hangs = ["test", "engine", "--case-deadline", "10m", "--", PROGRAM];
    let hangs = [&hangs[..], &["adapter", "broken", "adapter-hangs-in-a-case"]].concat();
    let running = place.start(hangs);
    while !running.line().contains("pass  adapter-starts") {}
    running.signal(Signal::INT);
    running.end().exits(130);
    assert!(place.temporary().is_empty(), "{:?}", place.temporary());
}

#[test]
fn what_cannot_be_tested_is_said() {
    let place = Place::new();
    place.run(["test", "engine"]).exits(2).complains("no adapter is given");
    place.run(["test", "engine", "--", "./adaptr"]).exits(1).says("ADP-001").says("./adaptr does not exist");
    let nothing = ["test", "engine", "--filter", "no-such-*"];
    place.run([&nothing[..], &OURS].concat()).exits(4).complains("no scenario matches the filter");
}

#[test]
fn what_exploration_finds_of_an_engine_is_a_scenario_that_fails_until_the_engine_is_mended() {
    let place = Place::new();
    let explore = ["explore", "engine", "--cases", "40", "--into", "found"];
    let broken = [&OURS[..], &["--mutant", "always-success"]].concat();
    let done = place.run([&explore[..], &broken].concat()).exits(1).quietly();
    let done = done.says("FOUND  OUT-005 engine");
    let found = done.out.lines().find_map(|line| line.trim().strip_prefix("file ")).unwrap().trim();
    let again =
        done.out.lines().find_map(|line| line.trim().strip_prefix("run again  counterfoil ")).unwrap();
    place.run(again.split(' ')).exits(1).says("still fails");
    place.run([&["test", "engine", "--scenario", found], &OURS[..]].concat()).exits(0).says("fixed");
    place.run([&explore[..], &OURS[..]].concat()).exits(0).says("nothing found\n");
}

/// Nothing shows that the first action is over but the beginning of the second, for which the engine has looked at its context
/// already: it is not blamed for an end that came too late.
#[test]
fn a_context_that_cannot_end_in_time_is_no_fault_of_the_engine() {
    let place = Place::with([(
        "late.yaml",
        r#"id: late
title: The context ends behind an action that fails without a sign
revisions: "0.73"
plan:
  actions:
    - create: { name: a, type: infra.vpc, config: { k: "${}" } }
    - create: { name: b, type: infra.vpc }
faults:
  - { inject: cancel, at: { before: b } }
"#,
    )]);
    place.run(["run", "late.yaml"]).exits(0);
    let test = ["test", "engine", "--scenario", "late.yaml", "--filter", "late"];
    place.run(test.iter().chain(&OURS)).exits(4).says("nothing told that the action was over");
}
