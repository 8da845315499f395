//! Reports: the same whatever ran first, and the JSON lines as others read them.

use std::collections::BTreeSet;

use counterfoil::run::RunEvent;
use serde_json::Value;

use crate::support::{LOST_REPLY, OUT_OF_REACH, PASSING, Place, UNMET, with_id, without_times};

/// Enough of everything to be mixed up.
fn suite() -> Place {
    let place = Place::new();
    for n in 0..6 {
        for (name, scenario) in
            [("passing", PASSING), ("unmet", UNMET), ("lost", LOST_REPLY), ("out-of-reach", OUT_OF_REACH)]
        {
            let id = format!("{name}-{n}");
            place.write(format!("suite/{id}.yaml"), with_id(scenario, &id));
        }
    }
    place
}

#[test]
fn reports_do_not_depend_on_what_ran_first() {
    let place = suite();
    let run = |jobs: &str, report: &str| {
        let report = format!("json={report}");
        let done = place.run(["run", "suite", "--jobs", jobs, "--report", &report]).exits(1).quietly();
        place.redact(&done.out)
    };
    let one = run("1", "one");
    let events = without_times(place.events("one"));
    for (jobs, report) in [("4", "four"), ("64", "many"), ("1", "again")] {
        assert_eq!(run(jobs, report), one);
        assert_eq!(without_times(place.events(report)), events);
    }
    let of: Vec<_> = events.iter().filter_map(|event| event["finished"]["scenario"].as_str()).collect();
    assert!(of.is_sorted() && of.len() == 6 * (11 + 1 + 9 + 8), "{of:?}");
}

#[test]
fn the_lines_of_a_json_report_are_as_documented() {
    let place = suite();
    place.run(["run", "suite", "--keep-traces", "traces", "--report", "json=report.jsonl"]).exits(1);
    let events = place.events("report.jsonl");

    let names: Vec<&String> =
        events.iter().map(|event| event.as_object().unwrap().keys().next().unwrap()).collect();
    assert_eq!((names[0].as_str(), names[names.len() - 1].as_str()), ("run_started", "run_finished"));
    assert!(names[1..names.len() - 1].iter().all(|name| *name == "finished"));

    let started = &events[0]["run_started"];
    assert_eq!(keys(started), ["basis", "counterfoil", "format", "planned", "runs", "version"]);
    assert_eq!(keys(&started["basis"]), ["contract", "live", "strict", "suite", "tested"]);
    assert_eq!(keys(&started["planned"][0]), ["file", "revisions", "scenario", "title"]);
    let planned = started["planned"].as_array().unwrap().iter();
    let planned: usize = planned.map(|of| of["revisions"].as_array().unwrap().len()).sum();
    assert_eq!(started["runs"], planned);
    assert_eq!((&started["format"], &started["version"]), (&"counterfoil-run".into(), &1.into()));
    assert_eq!(started["runs"], events.len() - 2);
    assert!(started["counterfoil"].as_str().unwrap().split('.').count() == 3);

    let always = [
        "actions",
        "at",
        "file",
        "judged",
        "millis",
        "reproduce",
        "revision",
        "scenario",
        "title",
        "verdict",
    ];
    let at_times =
        ["apply_error", "expected_findings", "findings", "load_error", "mismatches", "timeline", "trace"];
    for run in events.iter().filter_map(|event| event.get("finished")) {
        let keys: BTreeSet<_> = keys(run).into_iter().collect();
        assert!(always.iter().all(|key| keys.contains(*key)), "{run}");
        assert!(keys.iter().all(|key| always.contains(key) || at_times.contains(key)), "{run}");
        match run["scenario"].as_str().unwrap().rsplit_once('-').unwrap().0 {
            "passing" => assert_eq!(run["verdict"], "pass"),
            "unmet" => {
                assert_eq!(run["verdict"], "fail");
                let [action] = run["actions"].as_array().unwrap().as_slice() else { panic!("{run}") };
                assert_eq!(self::keys(action), ["address", "calls", "kind", "outcomes", "type"]);
                assert_eq!(self::keys(&action["outcomes"][0]), ["action_index", "error", "status"]);
                let [unmet] = run["mismatches"].as_array().unwrap().as_slice() else { panic!("{run}") };
                assert_eq!(self::keys(unmet), ["action", "column", "expected", "found", "line"]);
                assert_eq!((&unmet["line"], &unmet["column"]), (&11.into(), &15.into()));
            }
            "lost" => {
                assert_eq!(run["verdict"], "pass");
                let [found] = run["findings"].as_array().unwrap().as_slice() else { panic!("{run}") };
                let keys = self::keys(found);
                assert_eq!(keys, ["action", "at", "evidence", "level", "message", "party", "rule", "title"]);
                assert_eq!((&found["rule"], &found["level"]), (&"OUT-012".into(), &"SHOULD".into()));
                assert_eq!(self::keys(&found["evidence"][0]), ["event", "text"]);
                let steps = run["timeline"]["steps"].as_array().unwrap();
                let struck = steps.iter().find(|step| step.get("faults").is_some()).unwrap();
                assert_eq!(self::keys(struck), ["action", "failed", "faults", "lane", "text"]);
                assert_eq!(
                    (&struck["lane"], &struck["faults"][0]),
                    (&"provider".into(), &"dispatch-error".into())
                );
            }
            _ => {
                assert_eq!(run["verdict"]["skip"]["kind"], "not-applicable");
                assert!(run["verdict"]["skip"]["reason"].as_str().unwrap().contains("refuses to load"));
            }
        }
    }

    let summary = &events[events.len() - 1]["run_finished"];
    let counts = ["passed", "failed", "unjudged", "not_applicable", "not_run", "warnings", "defects"];
    assert_eq!(counts.map(|count| summary[count].as_u64().unwrap()), [120, 6, 0, 48, 0, 54, 0]);
    assert_eq!(summary["interrupted"], false);
    assert!(summary["rules_judged"].as_u64().unwrap() < summary["rules"].as_u64().unwrap());
}

#[test]
fn the_library_reads_what_it_wrote() {
    let place = suite();
    place.run(["run", "suite", "--report", "json=report.jsonl"]).exits(1);
    for line in place.read("report.jsonl").lines() {
        let event: RunEvent = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(serde_json::to_string(&event).unwrap(), line);
    }
}

#[test]
fn a_report_may_be_given_more_than_once() {
    let place = Place::with([("passing.yaml", PASSING)]);
    place.run(["run", "passing.yaml", "--report", "json=a", "--report", "JSON=b"]).exits(0);
    assert_eq!(place.read("a"), place.read("b"));
}

#[test]
fn texts_of_others_are_shown_in_a_line_that_a_terminal_does_not_obey() {
    let place = Place::new();
    let message = "no capacity".to_owned();
    place.write("a.yaml", UNMET.replace(&message, r#""two\nlines \e[2J \u202e""#));
    place
        .run(["run", "a.yaml"])
        .exits(1)
        .says(r"error  rpc error: code = Unavailable desc = two\nlines \u{1b}[2J \u{202e}")
        .says(r"found     error: rpc error: code = Unavailable desc = two\nlines \u{1b}[2J \u{202e}");
}

#[test]
fn a_long_plan_is_shown_where_something_came_of_it() {
    let place = Place::new();
    let action = |n: usize| format!("    - create: {{ name: r{n:03}, type: infra.vpc }}\n");
    let actions: String = (0..200).map(action).collect();
    place.write(
        "long.yaml",
        format!(
            "id: long\ntitle: A long plan\nrevisions: '0.54'\nplan:\n  actions:\n{actions}\
             faults: [{{ inject: dispatch-error, action: r150 }}]\nexpect: {{ outcomes: {{ r150: skipped }} }}\n"
        ),
    );
    let done = place.run(["run", "long.yaml"]).exits(1).says("150  create r150").says("and 199 actions more");
    assert!(!done.out.contains("r149"), "{done}");
}

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}
