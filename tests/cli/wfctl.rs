//! `counterfoil test wfctl`, and the script that other repositories call it by.

use std::{
    env,
    io::{self, Write as _},
    path::Path,
};

use crate::support::{Done, PROGRAM, Place};

/// The script, with `WFCTL` as given.
fn script(place: &Place, wfctl: Option<&str>) -> Done {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ci/engine.sh");
    let mut command = place.command_of(script);
    command.envs(wfctl.map(|wfctl| ("WFCTL", wfctl)));
    place.finish(command)
}

/// A test by a command line, of these scenarios.
fn test<'a>(place: &Place, ids: &[&'a str], options: &[&'a str], command: &[&'a str]) -> Done {
    let filters = ids.iter().flat_map(|id| ["--filter", *id]);
    let words = ["test", "wfctl"].into_iter().chain(filters).chain(options.iter().copied());
    place.run(words.chain(["--"]).chain(command.iter().copied()))
}

#[test]
fn a_test_that_is_not_made_says_so_loudly() {
    for (wfctl, reason) in [(None, "WFCTL is not set"), (Some("/nowhere/wfctl"), "no executable file")] {
        let skipped = script(&Place::new(), wfctl).exits(0);
        assert!(skipped.err.starts_with("SKIPPED: ") && skipped.err.contains(reason), "{skipped}");
    }
}

#[test]
fn what_is_no_command_line_is_told_from_one_that_fails() {
    let place = Place::new();
    let none = place.run(["test", "wfctl"]).exits(2);
    assert!(none.err.contains("stands behind `--`"), "{none}");
    test(&place, &[], &[], &["/nowhere/wfctl"]).exits(2);
    let silent = test(&place, &["all-kinds-succeed"], &["--revision", "head"], &["false"]).exits(3);
    assert!(silent.out.contains("the command line ends without a word of why"), "{silent}");
}

/// Scenarios that show the most of a command line.
const TELLING: [&str; 5] = [
    "all-kinds-succeed",
    "dispatch-error-mid-plan",
    "failed-delete-keeps-its-record",
    "jit-error-middle",
    "output-of-another-name",
];

#[test]
fn the_reference_engine_behind_a_command_line_keeps_the_contract() {
    let place = Place::new();
    let tested = test(&place, &TELLING, &["-j", "2"], &[PROGRAM, "stand-in", "wfctl"]).exits(0);
    assert!(tested.out.contains("5 runs: 5 passed"), "{tested}");
}

#[test]
fn broken_engines_behind_a_command_line_are_found() {
    let place = Place::new();
    for (mutant, rule) in [("skips-deletes", "DSP-004"), ("apply-for-v2", "DSP-008")] {
        let command = [PROGRAM, "stand-in", "wfctl", "--mutant", mutant];
        let tested = test(&place, &TELLING[..1], &["--revision", "0.56"], &command).exits(1);
        assert!(tested.out.contains(rule), "{tested}");
    }
}

/// Where `WFCTL` names the real one.
#[test]
fn the_real_command_line_keeps_the_contract_in_front_of_our_provider() {
    let Ok(wfctl) = env::var("WFCTL") else {
        let _ = writeln!(io::stderr(), "SKIPPED: WFCTL names no command line of the engine");
        return;
    };
    let tested = test(&Place::new(), &TELLING, &[], &[&wfctl]).exits(0);
    assert!(tested.out.contains("5 runs: 5 passed"), "{tested}");
}
