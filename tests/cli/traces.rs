//! Traces: kept for what did not pass, and judged again.

use std::fs;

use counterfoil_core::trace::VERSION;

use crate::support::{LOST_REPLY, OUT_OF_REACH, PASSING, Place, UNMET};

fn kept(place: &Place) -> Vec<String> {
    let names = fs::read_dir(place.path("traces")).unwrap();
    let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_trace_is_kept_exactly_for_what_did_not_pass() {
    let place = Place::with([
        ("suite/passing.yaml", PASSING),
        ("suite/unmet.yaml", UNMET),
        ("suite/lost-reply.yaml", LOST_REPLY),
        ("suite/out-of-reach.yaml", OUT_OF_REACH),
    ]);
    let run = ["run", "suite", "--keep-traces", "traces", "--report", "json=report.jsonl"];
    place.run(run).exits(1).says("trace      traces/unmet@0.54.jsonl");
    assert_eq!(kept(&place), ["unmet@0.54.jsonl"]);
    for event in place.events("report.jsonl").iter().filter_map(|event| event.get("finished")) {
        let expected = if event["verdict"] == "fail" {
            "traces/unmet@0.54.jsonl".into()
        } else {
            serde_json::Value::Null
        };
        assert_eq!(event["trace"], expected);
    }

    place.run([&run[..], &["--strict"]].concat()).exits(1);
    let kept = kept(&place);
    assert_eq!(kept.len(), 10, "{kept:?}");
    assert!(kept[..9].iter().all(|name| name.starts_with("lost-reply@")), "{kept:?}");
}

#[test]
fn a_judged_trace_gets_the_verdict_and_the_findings_of_its_run() {
    let place = Place::with([("suite/passing.yaml", PASSING), ("suite/lost-reply.yaml", LOST_REPLY)]);
    for mutant in ["always-success", "forgets-failures", "newest-first", "wordless"] {
        let run =
            ["run", "suite", "--mutant", mutant, "--keep-traces", "traces", "--report", "json=report.jsonl"];
        place.run(run).exits(1);
        for run in place.events("report.jsonl").iter().filter_map(|event| event.get("finished")) {
            let Some(trace) = run["trace"].as_str() else { continue };
            let mut done = place.run(["judge", trace]).exits(1).quietly().says(&format!(
                "FAIL  {}@{}\n",
                run["scenario"].as_str().unwrap(),
                run["revision"].as_str().unwrap()
            ));
            let mut found = 0;
            for finding in run["findings"].as_array().into_iter().flatten() {
                let text = |key: &str| finding[key].as_str().unwrap();
                let head = format!("{}  {} {}", text("rule"), text("level"), text("party"));
                let title = format!("  {}\n", text("title"));
                done = done.says(&head).says(&title).says(text("message"));
                found += 1;
            }
            for unmet in run["mismatches"].as_array().into_iter().flatten() {
                let text = |key: &str| unmet[key].as_str().unwrap();
                let pair = format!("expected  {}\n        found     {}\n", text("expected"), text("found"));
                done = done.says(&pair);
            }
            let heads =
                |level| done.out.lines().filter(|line| line.contains(level) && line.contains("  ")).count();
            assert_eq!(heads("  MUST ") + heads("  SHOULD "), found, "{done}");
            let judged = format!("judged {} of ", run["judged"].as_array().unwrap().len());
            done.says(&judged);
        }
    }
}

#[test]
fn strict_counts_when_a_trace_is_judged_too() {
    let place = Place::with([("lost-reply.yaml", LOST_REPLY)]);
    place.run(["run", "lost-reply.yaml", "--strict", "--keep-traces", "traces"]).exits(1);
    place
        .run(["judge", "traces/lost-reply@0.56.jsonl"])
        .exits(0)
        .says("PASS  lost-reply@0.56")
        .says("OUT-012  SHOULD");
    place.run(["judge", "--strict", "traces/lost-reply@0.56.jsonl"]).exits(1).says("FAIL  lost-reply@0.56");
}

#[test]
fn a_trace_is_taken_from_standard_input() {
    let place = Place::with([("unmet.yaml", UNMET)]);
    place.run(["run", "unmet.yaml", "--keep-traces", "traces"]).exits(1);
    let named = place.run(["judge", "traces/unmet@0.54.jsonl"]).exits(1);
    let trace = fs::read(place.path("traces/unmet@0.54.jsonl")).unwrap();
    let piped = place.finish_with(place.command(["judge", "-"]), trace).exits(1);
    assert_eq!(named.out, piped.out);
    place.finish_with(place.command(["judge", "-"]), Vec::new()).exits(2).complains("-: the file is empty");
}

/// A trace that an older Counterfoil wrote of an engine whose failures have no text. It knows no hooks, no state and no
/// drift, and nothing is missed of that.
#[test]
fn an_older_trace_gets_the_findings_that_it_always_had() {
    let old = include_bytes!("../../golden/traces/version-1.jsonl");
    let place = Place::new();
    place.write("old.jsonl", old);
    let done = place.run(["judge", "old.jsonl"]).exits(1).quietly();
    let found: Vec<&str> = done.out.lines().filter(|line| line.contains(" MUST ")).map(str::trim).collect();
    assert_eq!(found.len(), 1, "{done}");
    assert!(found[0].starts_with("OUT-008"), "{done}");
}

#[test]
fn what_is_no_whole_trace_is_refused() {
    let place = Place::with([("unmet.yaml", UNMET)]);
    place.run(["run", "unmet.yaml", "--keep-traces", "traces"]).exits(1);
    let trace = place.read("traces/unmet@0.54.jsonl");
    let lines = trace.lines().count();

    let refused = |text: &[u8]| {
        place.write("trace", text);
        let done = place.run(["judge", "trace"]).exits(2).complains("error: trace: ");
        assert_eq!(done.out, "");
        done
    };
    refused(b"").complains("the file is empty");
    refused(&trace.as_bytes()[..trace.len() - 5]).complains(&format!("line {lines}, column "));
    refused(&trace.as_bytes()[..100]).complains("line 1");
    refused(b"\n").complains("line 1");
    refused(b"{}").complains("line 1 is not the header of a trace");
    refused(b"not a trace\n").complains("line 1 is not the header of a trace");
    refused(PASSING.as_bytes()).complains("line 1 is not the header of a trace");
    refused(br#"{"format":"counterfoil-run","version":1}"#).complains("line 1 is not the header of a trace");
    refused(b"\xff\xfe").complains("the trace cannot be read: stream did not contain valid UTF-8");
    let (now, next) = (format!("\"version\":{VERSION}"), format!("\"version\":{}", VERSION + 1));
    refused(trace.replacen(&now, &next, 1).as_bytes())
        .complains(&format!("the trace has version {}", VERSION + 1))
        .complains("upgrade Counterfoil");
    refused(trace.replacen("\"unmet\"", "7", 1).as_bytes()).complains("line 1, column ");
    refused(trace.replacen("call_delivered", "call_lost", 1).as_bytes()).complains("call_lost");
    refused(&[trace.as_bytes(), b"{\"call_delivered\":{\"call\":-1}}\n"].concat())
        .complains(&format!("line {}, column ", lines + 1));
    place.run(["judge", "."]).exits(2).complains("the trace cannot be read: Is a directory");
}

#[test]
fn no_order_of_events_is_too_strange_to_be_judged() {
    // Whatever is in the file, the answer is a verdict or a refusal, and never a defect.
    let place = Place::with([("passing.yaml", PASSING)]);
    let run = ["run", "passing.yaml", "--mutant", "always-success", "--filter", "revision:0.54"];
    place.run([&run[..], &["--keep-traces", "traces"]].concat()).exits(1);
    let trace = place.read("traces/passing@0.54.jsonl");
    let lines: Vec<&str> = trace.lines().collect();
    let judge = |lines: &[&str]| {
        let done = place.finish_with(place.command(["judge", "-"]), lines.join("\n").into_bytes());
        assert!(["PASS", "FAIL", "UNJUDGED"].iter().any(|word| done.out.starts_with(word)), "{done}");
    };
    for at in 1..lines.len() {
        judge(&[&lines[..at], &lines[at + 1..]].concat());
        judge(&[&lines[..at], &[lines[lines.len() - at]], &lines[at..]].concat());
    }
    let backwards: Vec<&str> = lines[..1].iter().chain(lines[1..].iter().rev()).copied().collect();
    judge(&backwards);
    for (from, to) in [
        ("\"action\":1", "\"action\":4294967295"),
        ("\"call\":4", "\"call\":3"),
        ("\"action_index\":1", "\"action_index\":9"),
    ] {
        let altered = trace.replace(from, to);
        assert_ne!(altered, trace);
        judge(&altered.lines().collect::<Vec<_>>());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_trace_that_cannot_be_kept_costs_no_verdict() {
    let place = Place::with([("passing.yaml", PASSING), ("unmet.yaml", UNMET)]);
    fs::create_dir(place.path("traces")).unwrap();
    std::os::unix::fs::symlink("/dev/full", place.path("traces/unmet@0.54.jsonl")).unwrap();
    place
        .run(["run", ".", "--keep-traces", "traces", "--report", "json=report.jsonl"])
        .exits(1)
        .says("trace      traces/unmet@0.54.jsonl  not complete: No space left on device")
        .says("12 runs: 11 passed, 1 failed");
    let events = place.events("report.jsonl");
    let unmet = events.iter().find(|event| event["finished"]["scenario"] == "unmet").unwrap();
    assert!(unmet["finished"]["trace_error"].as_str().unwrap().starts_with("No space left"));
}
