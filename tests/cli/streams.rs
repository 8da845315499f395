//! Standard output that is closed, or full.

use std::process::Stdio;

use crate::support::{LOST_REPLY, PASSING, Place, Running};

/// Commands with something to say, and how they end where somebody listens.
const COMMANDS: [&[&str]; 9] = [
    &["run", "passing.yaml"],
    &["list"],
    &["validate"],
    &["schema"],
    &["rules"],
    &["explain", "OUT-001"],
    &["mutants"],
    &["contract", "show"],
    &["contract", "diff", "0.54", "0.56"],
];

#[test]
fn a_closed_stdout_ends_quietly() {
    let place = Place::with([("passing.yaml", PASSING)]);
    for args in COMMANDS.into_iter().chain([&["--help"][..], &["--version"]]) {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = place.command(args);
        command.stdout(writer).stderr(Stdio::piped());
        let running = Running::new(&mut command);
        drop(command);
        place.check(&running.end().exits(0).quietly());
    }
}

#[test]
fn a_run_whose_reader_goes_away_comes_to_its_end() {
    let place = Place::new();
    for n in 0..20 {
        place.write(format!("suite/{n}.yaml"), crate::support::with_id(LOST_REPLY, &format!("s-{n:02}")));
    }
    let (reader, writer) = std::io::pipe().unwrap();
    let mut command = place.command(["run", "suite", "--report", "json=report.jsonl"]);
    command.stdout(writer).stderr(Stdio::piped());
    let running = Running::new(&mut command);
    drop(command);
    let mut first = [0];
    std::io::Read::read_exact(&mut { reader }, &mut first).unwrap();
    place.check(&running.end().exits(0).quietly());
    assert_eq!(place.events("report.jsonl").last().unwrap()["run_finished"]["passed"], 180);
}

#[test]
fn the_same_through_a_shell() {
    let place = Place::new();
    for script in ["\"$0\" rules | head -1", "\"$0\" schema | head -1", "\"$0\" run 2>&1 | true"] {
        let mut command = place.command_of("sh");
        command.args(["-c", script, crate::support::PROGRAM]);
        place.finish(command).exits(0).quietly();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_and_is_no_success() {
    let place = Place::with([("passing.yaml", PASSING), ("unmet.yaml", crate::support::UNMET)]);
    let full = || std::fs::File::options().write(true).open("/dev/full").unwrap();
    let to_full = |args: &[&str]| {
        let mut command = place.command(args);
        command.stdout(full()).stderr(Stdio::piped());
        let done = Running::new(&mut command).end();
        place.check(&done);
        done
    };
    for args in COMMANDS {
        to_full(args).exits(3).complains("No space left on device");
    }
    to_full(&["--help"]).exits(3);
    // The contract is broken all the same.
    to_full(&["run", "unmet.yaml"]).exits(1).complains("standard output is not complete");

    place
        .run(["run", "passing.yaml", "--report", "json=/dev/full"])
        .exits(3)
        .says("11 passed")
        .complains("the report /dev/full is not complete: No space left on device");
}
