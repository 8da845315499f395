//! `--partition` and `counterfoil report merge`: a run on several machines is one run.

use std::fs;

use serde_json::Value;

use crate::support::{Done, LOST_REPLY, OUT_OF_REACH, PASSING, Place, UNMET, with_id, without_times};

fn suite() -> Place {
    let place = Place::new();
    for (name, scenario) in
        [("passing", PASSING), ("unmet", UNMET), ("lost", LOST_REPLY), ("out-of-reach", OUT_OF_REACH)]
    {
        for n in 0..2 {
            let id = format!("{name}-{n}");
            place.write(format!("suite/{id}.yaml"), with_id(scenario, &id));
        }
    }
    place
}

/// Runs a part, and leaves its report as `part-N`.
fn part(place: &Place, number: usize, of: usize) -> Done {
    let (part, report) = (format!("{number}/{of}"), format!("json=part-{number}"));
    place.run(["run", "suite", "--partition", &part, "--report", &report])
}

/// Without what tells that it was run elsewhere, or when.
fn told(place: &Place, out: &str) -> String {
    place.redact(out)
}

#[test]
fn a_merged_run_equals_one_that_was_made_in_one_piece() {
    let place = suite();
    let reports = |name: &str| {
        format!("json={name}.jsonl,junit={name}.xml,tap={name}.tap,sarif={name}.sarif,github={name}.md")
    };
    let whole = place.run(["run", "suite", "--report", &reports("whole")]).exits(1);
    for of in [1, 3, 7] {
        let parts: Vec<String> = (1..=of)
            .map(|number| {
                part(&place, number, of);
                format!("part-{number}")
            })
            .collect();
        // In whatever order they come.
        let mut words =
            vec!["report".to_owned(), "merge".to_owned(), "--report".to_owned(), reports("merged")];
        words.extend(parts.into_iter().rev());
        let merged = place.run(&words).exits(1).quietly();

        let lines = |out: &str| {
            told(&place, out)
                .lines()
                .filter(|line| !line.starts_with("::"))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(lines(&merged.out), lines(&whole.out));
        assert_eq!(events(&place, "merged.jsonl"), events(&place, "whole.jsonl"));
        for format in ["tap", "sarif", "md"] {
            let [merged, whole] = ["merged", "whole"].map(|name| place.read(format!("{name}.{format}")));
            assert_eq!(merged, whole, "{format}");
            fs::remove_file(place.path(format!("merged.{format}"))).unwrap();
        }
    }
}

/// The lines of a report, without durations, and without what says that its trace lies elsewhere.
fn events(place: &Place, name: &str) -> Vec<Value> {
    without_times(place.events(name))
}

#[test]
fn parts_share_the_work() {
    let place = suite();
    let whole = events_of_runs(&place.run(["run", "suite", "--report", "json=whole"]), &place, "whole");
    let mut all: Vec<String> = Vec::new();
    for number in 1..=3 {
        let done = part(&place, number, 3);
        all.extend(events_of_runs(&done, &place, &format!("part-{number}")));
    }
    assert_eq!(all.len(), whole.len());
    all.sort();
    let mut sorted = whole.clone();
    sorted.sort();
    assert_eq!(all, sorted);
    // A machine that has nothing to do has judged nothing.
    let id = ["run", "suite/unmet-0.yaml", "--partition", "2/2"];
    place.run(id).exits(4).complains("nothing was judged: part 2 of 2 has no run");
}

fn events_of_runs(_: &Done, place: &Place, report: &str) -> Vec<String> {
    let runs = place.events(report);
    let finished = runs.iter().filter_map(|event| event.get("finished"));
    finished.map(|run| format!("{}@{}", run["scenario"], run["revision"])).collect()
}

#[test]
fn what_is_missing_is_not_run_and_never_a_pass() {
    let place = Place::with([("suite/passing.yaml", PASSING)]);
    (1..=3).for_each(|number| _ = part(&place, number, 3).exits(0));
    place.run(["report", "merge", "part-1", "part-2", "part-3"]).exits(0).quietly().says("11 passed");
    place
        .run(["report", "merge", "part-1", "part-3", "--report", "tap=tap"])
        .exits(3)
        .says("7 passed, 4 not run")
        .says("4 not run: part 2 of 3 is missing")
        .complains("part 2 of 3 is missing: 4 runs are not run");
    assert_eq!(place.read("tap").matches("# SKIP not run: part 2 of 3 is missing").count(), 4);
    assert!(place.read("tap").ends_with("Bail out! interrupted\n"));
    // What lacks something goes on lacking it, and no format says that all is well.
    let merge = ["report", "merge", "part-1", "part-3", "--report", "json=again,github=summary,sarif=sarif"];
    place.run(merge).exits(3);
    assert!(place.read("summary").starts_with("## Counterfoil: interrupted\n"));
    assert!(place.read("sarif").contains("\"executionSuccessful\": false"));
    place.run(["report", "merge", "again"]).exits(3);

    // One that was killed has left what had finished, up to the middle of a line.
    let whole = place.read("part-2");
    fs::write(place.path("part-2"), &whole[..whole.len() - 700]).unwrap();
    place
        .run(["report", "merge", "part-1", "part-2", "part-3"])
        .exits(3)
        .says("not run: part 2 of 3 was cut short")
        .complains("part-2, part 2 of 3, was cut short: ");
}

#[test]
fn what_a_killed_run_had_finished_can_still_be_reported() {
    let place = suite();
    place.run(["run", "suite", "--report", "json=whole"]).exits(1);
    let whole = place.read("whole");
    let lines = whole.lines().count();
    let kept: String = whole.split_inclusive('\n').take(lines / 2).collect();
    fs::write(place.path("killed"), kept + r#"{"finished":{"scen"#).unwrap();
    let merged = place.run(["report", "merge", "killed", "--report", "junit=xml,json=again"]);
    merged.says("not run: the run was cut short").complains("killed, the run, was cut short: ");
    let again = place.events("again");
    assert_eq!(again.len(), lines);
    let not_run =
        again.iter().filter(|event| event["finished"]["verdict"]["skip"]["kind"] == "not-run").count();
    assert_eq!(not_run, lines - 2 - (lines / 2 - 1));
    assert!(place.read("xml").contains("not run: the run was cut short"));
}

#[test]
fn what_is_not_of_one_run_is_refused() {
    let place = Place::with([("suite/passing.yaml", PASSING)]);
    (1..=2).for_each(|number| _ = part(&place, number, 2).exits(0));
    let merge = |reports: &[&str]| place.run(["report", "merge"].iter().chain(reports)).exits(2);
    merge(&["part-1", "part-1"]).complains("part-1 and part-1 are both of part 1 of 2");
    let other = |words: &[&str]| {
        place.run(["run", "--partition", "2/2", "--report", "json=other"].iter().chain(words));
        merge(&["part-1", "other"])
    };
    other(&["suite", "--strict"])
        .complains("other is no part of the same run as part-1: one of them is --strict");
    other(&["suite", "--mutant", "skips-deletes"]).complains("one of them is of another mutant");
    other(&["suite", "--filter", "revision:<=0.57"]).complains("the filters differ");
    place.write("suite/passing.yaml", PASSING.replace("nyc3", "ams2"));
    other(&["suite"]).complains("its scenarios are others");
    place.run(["run", "suite", "--report", "json=whole"]).exits(0);
    merge(&["part-1", "whole"]).complains("whole is the report of a whole run, and no part of one");
    merge(&["part-1", "nothing"]).complains("nothing: it cannot be read");
    let change = |from: &str, to: &str| {
        let changed = place.read("part-1").replace(from, to);
        assert_ne!(changed, place.read("part-1"), "{from}");
        place.write("changed", changed);
        merge(&["changed"])
    };
    let said = |of: &str| format!("\"of\":{of}}}");
    change(&said("2"), &said("18446744073709551615")).complains("there is no such part");
    change("\"number\":1", "\"number\":5").complains("changed says that it is part 5 of 2");
    change("\"passed\":6", "\"passed\":7")
        .complains("it counts 7 passed and 0 failed runs, and tells of 6 and 0");
    place.run(["run", "suite", "--mutant", "skips-deletes", "--report", "json=part-1"]).exits(1);
    change("\"verdict\":\"fail\"", "\"verdict\":\"pass\"").complains("passes, with what fails a run");
    place.write("tap", "1..4\n");
    merge(&["tap"]).complains("tap: line 1 does not begin the report of a run");
    place.run(["report", "merge"]).exits(2);

    for wrong in ["0/2", "3/2", "1", "auto/0", "automatic"] {
        place.run(["run", "suite", "--partition", wrong]).exits(2).complains("'--partition <N/M>'");
    }
}

#[test]
fn job_runners_say_which_part_it_is() {
    let place = Place::with([("suite/passing.yaml", PASSING)]);
    let run = |words: &str, variables: &[(&str, &str)]| {
        let mut command = place.command(["run", "suite", "--partition", words, "--report", "json=part"]);
        command.envs(variables.iter().copied());
        place.finish(command)
    };
    let is_of = || {
        let part = &place.events("part")[0]["run_started"]["partition"];
        format!("{}/{}", part["number"], part["of"])
    };
    run("auto", &[("CI_NODE_INDEX", "2"), ("CI_NODE_TOTAL", "3")]).exits(0);
    assert_eq!(is_of(), "2/3");
    run("auto/4", &[("JOB_COMPLETION_INDEX", "3")]).exits(0);
    assert_eq!(is_of(), "4/4");
    run("auto", &[])
        .exits(2)
        .complains("neither CI_NODE_INDEX (GitLab) nor JOB_COMPLETION_INDEX (Kubernetes) is set");
    run("auto", &[("JOB_COMPLETION_INDEX", "3")]).exits(2).complains("`auto/M`");
}
