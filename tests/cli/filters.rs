//! What is selected, what is not begun, and what is run again.

use std::{env, path::Path};

use crate::support::{Done, LOST_REPLY, OUT_OF_REACH, PASSING, PROGRAM, Place, UNMET, with_id};

fn suite() -> Place {
    let expected = LOST_REPLY.replace("expect:", "expect:\n  findings: [OUT-012]");
    Place::with([
        ("suite/passing.yaml", PASSING),
        ("suite/passing-too.yaml", &with_id(PASSING, "passing-too")),
        ("suite/unmet.yaml", UNMET),
        ("suite/expected.yaml", &with_id(&expected, "expected")),
        ("suite/out-of-reach.yaml", OUT_OF_REACH),
    ])
}

/// The runs that a filter leaves, as `id` and its revisions in short.
fn listed(place: &Place, filters: &[&str]) -> Vec<String> {
    let filters = filters.iter().flat_map(|filter| ["--filter", filter]);
    let done = place.run(["list", "suite"].into_iter().chain(filters)).exits(0).quietly();
    let line = |line: &str| {
        let (id, rest) = line.split_once("  ").unwrap();
        format!("{id}: {}", rest.trim_start().split_once("  ").unwrap().0)
    };
    done.out.lines().map(line).collect()
}

#[test]
fn filters_leave_what_they_say() {
    let place = suite();
    let all = [
        "expected: 0.56 to head",
        "out-of-reach: 0.57 to head",
        "passing: 0.54 to head",
        "passing-too: 0.54 to head",
        "unmet: 0.54",
    ];
    assert_eq!(listed(&place, &[]), all);
    assert_eq!(listed(&place, &["*"]), all);
    for (filters, left) in [
        // By id: exact, by glob, at revisions. Terms of one kind are alternatives.
        (&["passing"][..], &["passing: 0.54 to head"][..]),
        (&["id:passing"], &["passing: 0.54 to head"]),
        (&["passing*"], &["passing: 0.54 to head", "passing-too: 0.54 to head"]),
        (&["{unmet,passing-?oo}"], &["passing-too: 0.54 to head", "unmet: 0.54"]),
        (&["passing@0.57"], &["passing: 0.57"]),
        (&["passing@>=0.56, <0.60"], &["passing: 0.56 to 0.57"]),
        (&["passing@phase-2"], &["passing: 0.54"]),
        (&["passing@0.54", "passing@0.56", "unmet"], &["passing: 0.54, 0.56", "unmet: 0.54"]),
        // By tag and revision.
        (&["tag:bad"], &["unmet: 0.54"]),
        (
            &["tag:out*", "tag:lost"],
            &["expected: 0.56 to head", "passing: 0.54 to head", "passing-too: 0.54 to head", "unmet: 0.54"],
        ),
        (&["revision:0.54"], &["passing: 0.54", "passing-too: 0.54", "unmet: 0.54"]),
        (&["revision:<0.55", "revision:head", "passing"], &["passing: 0.54, head"]),
        // By rule, in any case of letters, or by family: which rules judge it is known of a stock scenario alone, so
        // every other is taken where the rule holds.
        (&["rule:OUT-012"], &all),
        (&["rule:out-012", "revision:>=0.80", "expected"], &["expected: 0.80 to head"]),
        (&["rule:OUT-*"], &all),
        (&["rule:OUT"], &all),
        // Terms of different kinds have to be met at once.
        (&["passing*", "tag:good", "revision:0.55"], &["passing: 0.55", "passing-too: 0.55"]),
        (&["*@0.54", "tag:outcome", "unmet"], &["passing: 0.54", "passing-too: 0.54", "unmet: 0.54"]),
        (&["expected@0.57", "rule:OUT-012", "tag:lost", "revision:>=0.57"], &["expected: 0.57"]),
    ] {
        assert_eq!(listed(&place, filters), left, "{filters:?}");
    }
    for none in [
        &["pass"][..],
        &["tag:good", "unmet"],
        &["unmet@0.55"],
        &["tag:good", "rule:REP-001", "unmet"],
        &[""],
        &["tag:"],
    ] {
        let filters = none.iter().flat_map(|filter| ["-f", filter]);
        place.run(["run", "suite"].into_iter().chain(filters)).exits(4);
    }
}

#[test]
fn what_is_listed_is_what_runs() {
    let place = suite();
    let filter = ["--filter", "passing@<0.56", "--filter", "unmet"];
    place.run([&["run", "suite", "--report", "json=report"][..], &filter].concat()).exits(1).says("3 runs: ");
    let events = place.events("report");
    let ran = events.iter().filter_map(|event| event.get("finished"));
    let ran: Vec<_> =
        ran.map(|run| (run["scenario"].as_str().unwrap(), run["revision"].as_str().unwrap())).collect();
    assert_eq!(ran, [("passing", "0.54"), ("passing", "0.55"), ("unmet", "0.54")]);
}

#[test]
fn after_the_first_failure_nothing_new_is_begun() {
    let place = Place::new();
    place.write("suite/a.yaml", with_id(PASSING, "a"));
    place.write("suite/b.yaml", with_id(UNMET, "b"));
    for id in ["c", "d", "e"] {
        place.write(format!("suite/{id}.yaml"), with_id(PASSING, id));
    }
    place
        .run(["run", "suite", "--fail-fast", "--jobs", "1", "--report", "json=report"])
        .exits(1)
        .says("45 runs: 11 passed, 1 failed, 33 not run")
        .says("33 not run: an earlier scenario failed (--fail-fast)");
    let events = place.events("report");
    let finished: Vec<_> = events.iter().filter_map(|event| event.get("finished")).collect();
    assert_eq!(finished.len(), 45);
    for run in finished {
        match run["scenario"].as_str().unwrap() {
            "a" => assert_eq!(run["verdict"], "pass"),
            "b" => assert_eq!(run["verdict"], "fail"),
            _ => {
                assert_eq!(run["verdict"]["skip"]["kind"], "not-run");
                assert_eq!(run["judged"].as_array().unwrap().len(), 0);
            }
        }
    }
    // Without it, everything is run; and where nothing fails, it changes nothing.
    place.run(["run", "suite", "--jobs", "1"]).exits(1).says("44 passed, 1 failed");
    place.run(["run", "suite/a.yaml", "suite/c.yaml", "--fail-fast"]).exits(0).says("22 passed");
    // With several at once, what had begun is finished and counts; of the rest, all is accounted for.
    place.run(["run", "suite", "--fail-fast", "--jobs", "4"]).exits(1).says("45 runs: ").says(" not run");
    // A warning is no failure until it is made one.
    place.write("lost/1.yaml", LOST_REPLY);
    place.run(["run", "lost", "--fail-fast", "--jobs", "1"]).exits(0).says("9 passed");
    place.run(["run", "lost", "--fail-fast", "--jobs", "1", "--strict"]).exits(1).says("1 failed, 8 not run");
}

/// Runs the line of a report that says how to run a failure again, as it is printed.
fn again(place: &Place, first: &Done) -> Done {
    let line = first.out.lines().find_map(|line| line.trim_start().strip_prefix("run again  ")).unwrap();
    let mut path = Path::new(PROGRAM).parent().unwrap().as_os_str().to_owned();
    path.push(":");
    path.push(env::var_os("PATH").unwrap());
    let mut command = place.command_of("bash");
    command.args(["-c", line]).env("PATH", path);
    place.finish(command)
}

/// The account of the first failure, as printed.
fn account(done: &Done) -> String {
    let from = done.out.find("\nFAIL  ").unwrap();
    let account = &done.out[from..];
    account[..account.find("run again").unwrap()].to_owned()
}

#[test]
fn a_failure_can_be_run_again_as_it_is_printed() {
    let place = Place::new();
    let names = [
        "plain.yaml",
        "with space/it's a \"test\".yaml",
        "$HOME/`id`;*.yaml",
        "-dash.yaml",
        "tab\tand\nline.yaml",
    ];
    for (at, name) in names.into_iter().enumerate() {
        place.write(name, with_id(UNMET, &format!("unmet-{at}")));
        let first = place.run(["run", "--", name]).exits(1);
        let second = again(&place, &first).exits(1);
        // A path that looks like an option is another path the second time.
        let same = |done: &Done| account(done).replace("./-dash", "-dash");
        assert_eq!(same(&second), same(&first));
        second.says("1 run: 1 failed");
    }
    let first = place.run(["run", "with space", "--", "plain.yaml"]).exits(1).says("2 runs: 2 failed");
    again(&place, &first).exits(1).says("1 run: 1 failed");
}

#[test]
fn what_made_it_fail_is_part_of_the_line() {
    let place = Place::with([("suite/passing.yaml", PASSING), ("suite/lost.yaml", LOST_REPLY)]);
    for options in
        [&["--mutant", "own-words"][..], &["--strict"], &["--strict", "--mutant", "errors-unlisted"]]
    {
        let first = place.run([&["run", "suite", "--jobs", "3", "--fail-fast"], options].concat()).exits(1);
        let second = again(&place, &first).exits(1).says("1 run: 1 failed");
        let told = |done: &Done| account(done).lines().skip(2).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(told(&second), told(&first));
    }
    // The stock scenarios need no path.
    let first =
        place.run(["run", "--mutant", "always-success", "--filter", "dispatch-error-mid-plan"]).exits(1);
    again(&place, &first).exits(1).says("FAIL  dispatch-error-mid-plan@0.54");
}
