//! Decoders under test, behind their adapters.

use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt as _};

use counterfoil_core::mutants::DECODERS;
use rustix::process::Signal;
use serde_json::Value;

use crate::support::{PROGRAM, Place};

/// The adapter of our own decoder.
const OURS: [&str; 4] = ["--", PROGRAM, "adapter", "decoder"];

/// A place with an adapter that is this script.
fn with_script(body: &str) -> Place {
    let place = Place::with([("adapter", &*format!("#!/bin/sh\n{body}\n"))]);
    fs::set_permissions(place.path("adapter"), fs::Permissions::from_mode(0o755)).expect("it can be run");
    place
}

/// What a report in the place says of the runs that were made.
fn finished(place: &Place) -> Vec<Value> {
    let events = place.events("report.jsonl").into_iter();
    events.filter_map(|mut event| event.get_mut("finished").map(Value::take)).collect()
}

fn rules(finished: &[Value]) -> BTreeSet<String> {
    let findings = finished.iter().filter_map(|run| run["findings"].as_array()).flatten();
    findings.map(|finding| finding["rule"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn our_own_decoder_gives_every_message_its_verdict() {
    let place = Place::new();
    let done = place.run([&["test", "decoder", "--report", "json=report.jsonl"], &OURS[..]].concat());
    let done = done.exits(0).quietly();
    done.says("the strict decoder").says("pass  adapter-starts").says("pass  adapter-ends");
    let runs = finished(&place);
    let made_up = runs.iter().filter(|run| run["scenario"].as_str().unwrap().starts_with("made-up-1-"));
    assert_eq!(made_up.count(), 1_000);
    assert!(runs.len() > 3_000 && runs.iter().all(|run| run["verdict"] == "pass"), "{}", runs.len());
    assert_eq!(place.temporary(), [""; 0].map(std::path::PathBuf::from));
}

#[test]
fn our_own_decoder_takes_the_replies_of_every_scenario_as_they_are() {
    let scenarios = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios");
    let place = Place::new();
    let of_scenarios = ["test", "decoder", "--scenario", scenarios];
    place.run([&of_scenarios[..], &OURS].concat()).exits(0).quietly().says(" passed");
}

/// More outcomes than actions name one twice, or one that there is not: a message that is refused for their number alone
/// there cannot be, and an adapter tells no more than that one is refused.
const NEVER_ALONE: &str = "DEC-005";

#[test]
fn every_broken_decoder_is_found_through_its_adapter_by_its_own_rules_alone() {
    for mutant in DECODERS {
        let place = Place::new();
        let of_mutant = [&OURS[..], &["--mutant", mutant.name]].concat();
        place.run([&["test", "decoder", "--report", "json=report.jsonl"], &of_mutant[..]].concat()).exits(1);
        let seen = mutant.caught_by.iter().filter(|rule| **rule != NEVER_ALONE);
        let declared = seen.map(|&rule| rule.to_owned()).collect();
        assert_eq!(rules(&finished(&place)), declared, "{}", mutant.name);
    }
}

#[test]
fn a_run_that_failed_is_run_again_by_the_line_that_it_gives() {
    let place = Place::new();
    let broken = [&OURS[..], &["--mutant", "takes-status-0"]].concat();
    let only =
        ["test", "decoder", "--made-up", "7", "--filter", "status-zero", "--report", "json=report.jsonl"];
    place.run([&only[..], &broken].concat()).exits(1).says("DEC-002");
    let runs = finished(&place);
    let failed = runs.iter().find(|run| run["verdict"] == "fail").unwrap();
    let again = failed["reproduce"].as_str().unwrap();
    let expected = format!(
        "counterfoil test decoder --made-up 7 --filter {}@{} -- {PROGRAM} adapter decoder --mutant takes-status-0",
        failed["scenario"].as_str().unwrap(),
        failed["revision"].as_str().unwrap()
    );
    assert_eq!(again, expected);
    let words: Vec<&str> = again.split(' ').skip(1).collect();
    place.run(words).exits(1).says("1 run: 1 failed").says("DEC-002");
}

#[test]
fn an_adapter_that_is_not_there_is_told_with_its_path() {
    let place = Place::new();
    let done = place.run(["test", "decoder", "--", "./adaptr"]).exits(1);
    done.says("ADP-001").says("./adaptr does not exist").says("not run");
    // Where that is not what is run, the first run tells.
    let only = ["test", "decoder", "--filter", "status-?@0.56", "--", "./adaptr"];
    let done = place.run(only).exits(3).says("1 unjudged, 3 not run");
    done.says("./adaptr does not exist");
    let done = place.run(["test", "decoder", "--filter", "adapter-starts", "--", "adaptr"]).exits(1);
    done.says("there is no program adaptr in any directory of the PATH");
    // Not even a command.
    place.run(["test", "decoder"]).exits(2).complains("no adapter is given");
    place.run(["test", "decoder", "--", ""]).exits(2).complains("no adapter is given");
    let done = place.run(["test", "decoder", "--filter", "nothing-*", "--", "./adaptr"]).exits(4);
    done.complains("nothing that a decoder can be given matches the filter");
}

#[test]
fn what_an_adapter_says_that_fails_is_told_and_another_one_is_started() {
    // It dies of the third case that it is given, whichever that is, and says why.
    let place = with_script(&format!(
        "[ -e once ] && exec {PROGRAM} adapter decoder\n: >once\necho 'no more memory' >&2\n\
         exec {PROGRAM} adapter broken adapter-ends-in-a-case"
    ));
    let only =
        ["test", "decoder", "--filter", "status-*@0.56", "--report", "json=report.jsonl", "--", "./adapter"];
    let done = place.run(only).exits(1).says("ADP-003").says("11 passed, 1 failed");
    // Where it was not alone, not one of them does it again; how many were under way is a matter of the machine's load.
    let among = done.out.contains("cases under way, any of which it may be");
    assert!(among || done.out.contains("the adapter ends instead of answering a case"), "{done}");
    assert_eq!(rules(&finished(&place)), BTreeSet::from(["ADP-003".to_owned()]));
}

#[test]
fn each_case_in_which_an_adapter_ends_is_found_among_those_that_are_under_way_at_once() {
    let place = Place::new();
    let only = ["test", "decoder", "--filter", "status-*@0.56", "--report", "json=report.jsonl", "--"];
    place.run([&only[..], &[PROGRAM, "adapter", "broken", "adapter-cannot-refuse"]].concat()).exits(1);
    let runs = finished(&place);
    assert_eq!(rules(&runs), BTreeSet::from(["ADP-003".to_owned()]));
    let passed = runs.iter().filter(|run| run["verdict"] == "pass");
    let passed: Vec<_> = passed.filter_map(|run| run["scenario"].as_str()).collect();
    // All others have to be refused.
    assert_eq!(passed, ["status-4", "status-5", "status-6"]);
}

#[test]
fn an_adapter_that_answers_without_end_is_stopped() {
    let place = Place::new();
    let endless = ["--", PROGRAM, "adapter", "broken", "adapter-answers-without-end"];
    let done = place.run([&["test", "decoder", "--made-up", "0"], &endless[..]].concat()).exits(1);
    done.says("ADP-007").says("it answers ").says(", which it has answered").says("fails too often");
}

#[test]
fn an_adapter_that_prints_without_end_is_ended_with_an_interrupted_run() {
    let place = with_script(&format!("yes >&2 &\nexec {PROGRAM} adapter broken adapter-hangs-in-a-case"));
    let report = ["--report", "json=report.jsonl", "--", "./adapter"];
    let running = place.start(["test", "decoder", "--case-deadline", "10m"].iter().chain(&report));
    // A line on the terminal waits for the next scenario, and that may be the one in which the adapter hangs.
    let started = r#"{"finished":{"scenario":"adapter-starts""#;
    let path = place.path("report.jsonl");
    running.wait_until(|| fs::read_to_string(&path).is_ok_and(|report| report.contains(started)));
    running.signal(Signal::INT);
    running.end().exits(130);
    assert!(place.temporary().is_empty(), "{:?}", place.temporary());
}

#[test]
fn what_an_adapter_says_beyond_all_answers_is_told_also_where_its_end_is_not_run() {
    // The answer to the first case once more, when it is to end.
    let again = r"\000\000\000\004\022\002\010\001";
    let place = with_script(&format!("{PROGRAM} adapter decoder\nprintf '{again}'"));
    let done = place.run(["test", "decoder", "--filter", "status-4@0.56", "--", "./adapter"]).exits(1);
    done.says("ADP-007").says("it answers status-4@0.56, which it has answered");
    place.run(["test", "decoder", "--filter", "adapter-*", "--", "./adapter"]).exits(1).says("ADP-008");
}

#[test]
fn an_adapter_that_is_slow_or_ends_its_output_alone_is_not_said_to_do_nothing_or_to_end() {
    let place = with_script("exec >&-\nsleep 1000");
    let starts = ["test", "decoder", "--filter", "adapter-starts", "--start-deadline", "2s", "--"];
    let done = place.run([&starts[..], &["./adapter"]].concat()).exits(1);
    done.says("the adapter ends its standard output instead of saying that it is ready");
    let place = with_script("printf '\\000'\nsleep 1000");
    let done = place.run([&starts[..], &["./adapter"]].concat()).exits(1);
    done.says("the adapter takes longer than 2000 ms for saying that it is ready");
}

#[test]
fn an_adapter_whose_interpreter_is_missing_is_told_also_where_the_path_has_it() {
    let place = Place::with([("adapter", "#!/no/such/interpreter\n")]);
    fs::set_permissions(place.path("adapter"), fs::Permissions::from_mode(0o755)).expect("it can be run");
    let starts = ["test", "decoder", "--filter", "adapter-starts", "--", "adapter"];
    let mut command = place.command(starts);
    command.env("PATH", place.path(""));
    let done = place.finish(command).exits(1);
    done.says("the interpreter of ").says("\"/no/such/interpreter\", does not exist on this machine");
}

#[test]
fn an_adapter_that_ends_has_ended_also_where_it_leaves_a_child_that_holds_its_output() {
    let place =
        with_script(&format!("sleep 1000 &\n{PROGRAM} adapter broken adapter-ends-in-a-case\nexit 7"));
    let done = place.run(["test", "decoder", "--filter", "status-?@0.56", "--", "./adapter"]).exits(1);
    done.says("ADP-003").says("the adapter ends instead of answering a case: exit code 7");
    assert!(place.temporary().is_empty(), "{:?}", place.temporary());
}

#[test]
fn an_adapter_that_hangs_is_ended_with_an_interrupted_run() {
    let place = Place::new();
    let hangs = ["--", PROGRAM, "adapter", "broken", "adapter-hangs-in-a-case"];
    // One by one, so that the cases that it answers are those of the first runs.
    let one_by_one = ["test", "decoder", "--jobs", "1", "--case-deadline", "10m"];
    let running = place.start([&one_by_one[..], &hangs[..]].concat());
    while !running.line().contains("pass  adapter-starts") {}
    running.signal(Signal::INT);
    running.end().exits(130).says("interrupted: what had finished is reported");
    assert!(place.temporary().is_empty(), "{:?}", place.temporary());
}

#[test]
fn what_exploration_finds_of_a_decoder_is_a_scenario_that_fails_until_the_decoder_is_mended() {
    let place = Place::new();
    let explore = ["explore", "decoder", "--cases", "60", "--into", "found"];
    let broken = [&OURS[..], &["--mutant", "counts-nothing"]].concat();
    let done = place.run([&explore[..], &broken].concat()).exits(1).quietly();
    let done = done.says("FOUND  DEC-004 decoder").says("FOUND  DEC-006 decoder").says("2 rules broken");
    let found = done.out.lines().find_map(|line| line.trim().strip_prefix("file ")).unwrap().trim();
    assert!(place.read(found).contains("reply_hex: "), "{}", place.read(found));
    let again =
        done.out.lines().find_map(|line| line.trim().strip_prefix("run again  counterfoil ")).unwrap();
    place.run(again.split(' ')).exits(1).says("still fails");
    place.run([&["test", "decoder", "--scenario", found], &OURS[..]].concat()).exits(0).says("fixed");
    // Nothing is found of one that is in order, and the same seed finds the same.
    let place = Place::new();
    let done = place.run([&explore[..], &OURS[..]].concat()).exits(0);
    done.says("60 cases in ").says(" s from seed 1\nnothing found\n");
    place.run([&["explore", "decoder", "--mutant", "counts-nothing"], &OURS[..]].concat()).exits(2);
    let ends = ["--", PROGRAM, "adapter", "broken", "adapter-cannot-refuse"];
    let done = place.run([&explore[..], &ends].concat()).exits(1);
    done.says("FOUND  ADP-003 decoder").says("1 rule broken");
    place.run(["explore", "decoder", "--", "./adaptr"]).exits(3).complains("there is nothing to explore: ");
}
