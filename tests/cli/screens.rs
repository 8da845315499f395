//! What a person sees, kept in `golden/cli`.

use crate::support::{Done, LOST_REPLY, OUT_OF_REACH, PASSING, Place, UNMET, with_id};

/// Holds a screen to the golden one.
fn assert_screen(name: &str, place: &Place, done: &Done) {
    assert!(done.out.is_empty() || done.err.is_empty(), "two screens at once\n{done}");
    let screen = place.redact(&format!("{}{}", done.out, done.err));
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../golden/cli");
    insta::with_settings!({
        snapshot_path => golden,
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, { insta::assert_snapshot!(name, screen) });
}

fn suite() -> Place {
    Place::with([
        ("suite/passing.yaml", PASSING),
        ("suite/out-of-reach.yaml", OUT_OF_REACH),
        ("suite/lost-reply.yaml", LOST_REPLY),
        ("suite/unmet.yaml", UNMET),
    ])
}

#[test]
fn a_run_that_passes() {
    let place = suite();
    let done = place.run(["run", "suite/passing.yaml", "suite/out-of-reach.yaml"]).exits(0);
    assert_screen("run-passing", &place, &done);
}

#[test]
fn a_run_that_fails() {
    let place = suite();
    let done = place.run(["run", "suite", "--keep-traces", "traces"]).exits(1);
    assert_screen("run-failing", &place, &done);
}

#[test]
fn a_run_of_a_broken_engine() {
    let place = suite();
    let done = place.run(["run", "suite/passing.yaml", "--mutant", "always-success"]).exits(1);
    assert_screen("run-mutant", &place, &done);
}

#[test]
fn a_run_that_ends_early() {
    let place = suite();
    let done = place.run(["run", "suite", "--jobs", "1", "--strict", "--fail-fast"]).exits(1);
    assert_screen("run-fail-fast", &place, &done);
}

#[test]
fn a_trace_that_is_judged() {
    let place = suite();
    place.run(["run", "suite/unmet.yaml", "--mutant", "own-words", "--keep-traces", "traces"]).exits(1);
    let done = place.run(["judge", "traces/unmet@0.54.jsonl"]).exits(1);
    assert_screen("judge", &place, &done);
}

#[test]
fn mistakes_in_files() {
    let place = suite();
    let bad = with_id(PASSING, "Bad Id")
        .replace("revisions:", "revision:")
        .replace("dispatch-error", "dispatch-eror");
    place.write("suite/bad.yaml", bad);
    let done = place.run(["validate", "suite", "missing.yaml"]).exits(2);
    assert_screen("diagnostics", &place, &done);
}

#[test]
fn help() {
    let place = Place::new();
    assert_screen("help", &place, &place.run(["--help"]).exits(0));
    assert_screen("help-run", &place, &place.run(["run", "--help"]).exits(0));
}
