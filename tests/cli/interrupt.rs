//! Runs that are interrupted: what had finished is reported, and nothing is left behind.

use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::support::{HANGS, Lines, PASSING, Place, Running, UNMET, with_id};

/// More scenarios than anybody waits for, and one that does not end by itself.
fn long_run() -> Place {
    let place = Place::new();
    for n in 0..1000 {
        place.write(format!("suite/{n:04}.yaml"), with_id(PASSING, &format!("s-{n:04}")));
    }
    place.write("suite/hangs.yaml", HANGS);
    place
}

fn interrupted_by(signal: Signal, code: i32) {
    let place = long_run();
    let running = place.start(["run", "suite", "--jobs", "2", "--report", "json=report.jsonl"]);
    assert!(running.line().contains("pass  s-0000"));
    running.signal(signal);
    let done = running.end().exits(code).quietly();
    place.check(&done);
    let done = done.says("interrupted: what had finished is reported").says(" not run: interrupted\n");

    let events = place.events("report.jsonl");
    let finished: Vec<_> = events.iter().filter_map(|event| event.get("finished")).collect();
    assert_eq!(finished.len(), 11_001);
    let passed = finished.iter().filter(|run| run["verdict"] == "pass").count();
    let not_run = finished.iter().filter(|run| run["verdict"]["skip"]["kind"] == "not-run").count();
    assert!(passed >= 11 && not_run > 0 && passed + not_run == 11_001, "{passed} + {not_run}\n{done}");
    let summary = &events.last().unwrap()["run_finished"];
    assert_eq!(summary["interrupted"], true);
    assert_eq!(
        (summary["passed"].as_u64(), summary["not_run"].as_u64()),
        (Some(passed as u64), Some(not_run as u64))
    );
}

#[test]
fn sigint_ends_a_run_with_130() {
    interrupted_by(Signal::INT, 130);
}

#[test]
fn sigterm_ends_a_run_with_143() {
    interrupted_by(Signal::TERM, 143);
}

#[test]
fn a_second_signal_on_the_way_out_changes_nothing() {
    let place = long_run();
    let running = place.start(["run", "suite", "--jobs", "4"]);
    running.line();
    let done = running.signal_until_it_ends(Signal::INT).exits(130);
    place.check(&done);
}

#[test]
fn a_second_signal_ends_a_run_whose_output_nobody_takes() {
    // A line longer than a pipe holds: the report cannot be finished, whatever was interrupted.
    let place = Place::new();
    place.write("long.yaml", UNMET.replace("no capacity", &"x".repeat(1_000_000)));
    let events = place.path("events");
    assert!(Command::new("mkfifo").arg(&events).status().unwrap().success());

    let (unread, out) = std::io::pipe().unwrap();
    let mut command = place.command(["run", "long.yaml", "--report", "json=events"]);
    command.stdout(out).stderr(Stdio::piped());
    let running = Running::new(&mut command);
    drop(command);
    // The first event says that the run has begun, and that signals are caught.
    let events = Lines::at(events);
    assert!(events.next().unwrap().starts_with(r#"{"run_started""#));

    let done = running.signal_until_it_ends(Signal::INT).exits(130).quietly();
    place.check(&done);
    drop(unread);
}

#[test]
fn a_run_that_waits_for_the_reader_of_its_report_can_be_ended() {
    let place = Place::with([("passing.yaml", PASSING)]);
    assert!(Command::new("mkfifo").arg(place.path("events")).status().unwrap().success());
    let running = place.start(["run", "passing.yaml", "--report", "json=events"]);
    // Whoever has something to leave behind catches signals.
    running.wait_until(|| !place.temporary().is_empty());
    let done = running.signal_until_it_ends(Signal::TERM).exits(143).quietly();
    place.check(&done);
}
