//! Settings: what a repository says once counts as if it were said on the command line, which wins over it.

use crate::support::{Done, LOST_REPLY, PASSING, Place, UNMET};

fn place(settings: &str) -> Place {
    Place::with([
        ("suite/passing.yaml", PASSING),
        ("suite/lost-reply.yaml", LOST_REPLY),
        ("other/unmet.yaml", UNMET),
        ("counterfoil.yaml", settings),
    ])
}

/// The command that a report gives to run its first failure again.
fn again(done: &Done) -> Vec<String> {
    let line = done.out.lines().find_map(|line| line.trim().strip_prefix("run again  counterfoil "));
    line.expect("a command to run again").split(' ').map(str::to_owned).collect()
}

const STRICT: &str = "\
run:
  scenarios: [suite]
  filter: ['tag:lost']
  strict: true
  reports: { json: report.jsonl }
  keep_traces: traces
";

#[test]
fn what_the_command_line_does_not_say_the_settings_do() {
    let place = place(STRICT);
    let done = place.run(["run"]).exits(1).says("OUT-012");
    let done = done.says("settings: counterfoil.yaml (scenarios, filter, strict, keep_traces, reports)");
    assert_eq!(
        place.events("report.jsonl")[0]["run_started"]["settings"],
        "counterfoil.yaml (scenarios, filter, strict, keep_traces, reports)"
    );
    assert!(place.path("traces/lost-reply@0.56.jsonl").is_file());
    // The command that is told works as it is, and says nothing that the settings say.
    let again = again(&done);
    assert_eq!(again, ["run", "--filter", "lost-reply@0.56"]);
    place.run(&again).exits(1).says("FAIL  lost-reply@0.56").says("1 run: 1 failed");
}

#[test]
fn each_option_wins_over_its_setting() {
    let place = place(STRICT);
    place.run(["run", "--strict=false"]).exits(0).says("(scenarios, filter, keep_traces, reports)");
    place.run(["run", "--filter", "tag:good"]).exits(0).says("(scenarios, strict, keep_traces, reports)");
    place.run(["run", "other", "--filter", "unmet"]).exits(1).says("unmet");
    place
        .run(["run", "--report", "json=mine.jsonl"])
        .exits(1)
        .says("(scenarios, filter, strict, keep_traces)");
    assert!(!place.events("mine.jsonl").is_empty());
    let alone = place.run(["run", "suite", "--no-settings", "--filter", "tag:lost"]).exits(0);
    assert!(!alone.out.contains("settings: "), "{alone}");
    place
        .run(["run", "other"])
        .exits(4)
        .complains("no scenario matches the filter; settings: counterfoil.yaml (filter");
    place.run(["run", "--no-settings", "--settings", "counterfoil.yaml"]).exits(2);
}

#[test]
fn paths_are_those_of_the_file_that_names_them() {
    let place = place("run: { scenarios: [nowhere] }\n");
    place.write("ci/own.yaml", STRICT.replace("[suite]", "[../suite]"));
    let done = place.run(["run", "--settings", "ci/own.yaml"]).exits(1);
    let done = done.says("settings: ci/own.yaml (scenarios, filter, strict, keep_traces, reports)");
    assert!(place.path("ci/traces").is_dir() && place.path("ci/report.jsonl").is_file());
    let again = again(&done);
    assert_eq!(again, ["run", "--settings=ci/own.yaml", "--filter", "lost-reply@0.56"]);
    place.run(&again).exits(1);
    // Only this directory is searched, and none above it.
    let mut command = place.command(["run", "../suite", "--filter", "tag:good"]);
    command.current_dir(place.path("ci"));
    let done = place.finish(command).exits(0);
    assert!(!done.out.contains("settings: "), "{done}");
}

#[test]
fn a_command_takes_its_own_block_and_no_other() {
    let place = place("provider: { path: ./none, strict: true, filter: [nothing] }\n");
    let done = place.run(["run", "suite"]).exits(0);
    assert!(!done.out.contains("settings: "), "{done}");
    place.run(["test", "provider"]).exits(2).complains("none cannot be read");
}

#[test]
fn every_mistake_is_shown_with_its_place_and_nothing_is_run() {
    let place = place(
        "provider: { live: true, filter: ['rul:OUT'] }\nrun:\n  strit: true\n  filter: ['rule:NO-001']\n",
    );
    let done = place.run(["run", "suite"]).exits(2);
    let done = done.complains("counterfoil.yaml:1:19").complains("counterfoil.yaml:3:3");
    let done = done.complains("did you mean `strict`?").complains("give `--live` on the command line");
    let done = done.complains("2 mistakes in counterfoil.yaml");
    assert!(done.out.is_empty(), "{done}");
    place.write("counterfoil.yaml", "provider: { filter: ['rul:OUT'] }\nrun:\n  filter: ['rule:NO-001']\n");
    let done = place.run(["run", "suite"]).exits(2).complains("counterfoil.yaml:1:22");
    done.complains("unknown filter").complains("counterfoil.yaml:3:12").complains("no rule is called");
    for (name, says) in [("none.yaml", "there is no such file"), ("suite", "this is a directory")] {
        place.run(["run", "--settings", name]).exits(2).complains(says);
    }
    place.write("counterfoil.yaml", [0xff, 0xfe]);
    place.run(["run", "suite"]).exits(2).complains("UTF-16");
}

#[test]
fn a_plugin_is_tested_as_its_repository_says() {
    let place = place("");
    place.write("counterfoil.yaml", "provider:\n  path: plugins/mock\n  filter: [load-and-leave]\n  revisions: head\n  config: config.yaml\n  secrets: [key]\n  env: [REGION]\n  mtls: true\n  start_deadline: 20s\n  call_deadline: 5s\n");
    place.write("config.yaml", "region: $REGION\nkey: hush-hush\n");
    place.run(["mock", "install", "--profile", "reference", "--into", "plugins"]).exits(0);
    place.run(["test", "provider"]).exits(2).complains("the variable REGION is to be passed on");
    let mut command = place.command(["test", "provider"]);
    command.env("REGION", "nyc3");
    let done = place.finish(command).exits(0).says("Initialize is given config.yaml").says("1 run: 1 passed");
    done.says("settings: counterfoil.yaml (path, mtls, config, secrets, env, revisions, start_deadline, call_deadline, filter)");
    // The path and the config of the command line; what is kept secret adds up.
    place.write("other.yaml", "region: a\nkey: hush-hush\nmore: hush-too\n");
    let mut command = place.command([
        "test",
        "provider",
        "plugins/mock/mock",
        "--config",
        "other.yaml",
        "--secret",
        "more",
        "--mtls=false",
    ]);
    command.env("REGION", "nyc3");
    let done = place.finish(command).exits(0).says("Initialize is given other.yaml");
    done.says("(secrets, env, revisions, start_deadline, call_deadline, filter)");
    place.run(["test", "provider", "--no-settings"]).exits(2).complains("no plugin is given");
    place
        .run(["test", "provider", "plugins/mock", "--no-settings", "--secret", "a"])
        .exits(2)
        .complains("--config gives it");
}

#[test]
fn a_checkout_is_built_and_reflected_as_its_repository_says() {
    let place = place("");
    place.write(
        "counterfoil.yaml",
        "provider:\n  path: plugins/mock\n  build: echo building; touch built\n  reflect: true\n  filter: [load-and-leave]\n  revisions: head\n",
    );
    place.run(["mock", "install", "--profile", "reference", "--into", "plugins"]).exits(0);
    let done = place.run(["test", "provider"]).exits(0).says("(path, build, reflect, revisions, filter)");
    done.complains("building");
    assert_eq!(place.read("plugins/mock/built"), "");
    // What the command line names is there already.
    place.run(["test", "provider", "plugins/mock/mock"]).exits(0).says("(reflect, revisions, filter)");
    place
        .run(["test", "provider", "--build", "exit 3"])
        .exits(2)
        .complains("`exit 3` failed: exit status: 3");
}

#[test]
fn the_list_of_a_repository_is_about_its_own_scenarios() {
    let place = place("run: { scenarios: [suite, other], known_failures: known.yaml, strict: true }\n");
    place.run(["run", "suite", "--update-known-failures"]).exits(1).says("known.yaml: 1 added");
    let text = place.read("known.yaml").replace("expires: TODO", "expires: 2999-01-01");
    place.write("known.yaml", text.replace(": TODO", ": said"));
    place.run(["run", "suite"]).exits(0).says("failed as listed").says("known_failures");
    // No entry is about this scenario, and none has to be.
    place.run(["run", "suite/passing.yaml"]).exits(0);
    place
        .run(["run", "suite/passing.yaml", "--known-failures", "known.yaml"])
        .exits(2)
        .complains("matches no run");
    // Without the settings nothing is known.
    place.run(["run", "suite", "--strict", "--no-settings"]).exits(1);
}
