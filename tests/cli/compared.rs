//! `counterfoil report diff`: two runs held side by side.

use std::fs;

use crate::support::{LOST_REPLY, PASSING, Place};

/// Runs the suite, and leaves its report under this name.
fn report(place: &Place, name: &str, more: &[&str]) {
    let report = format!("json={name}");
    place.run(["run", "suite", "--report", &report].iter().chain(more));
}

fn place() -> Place {
    let place = Place::with([("suite/passing.yaml", PASSING), ("suite/lost-reply.yaml", LOST_REPLY)]);
    report(&place, "old", &[]);
    place
}

#[test]
fn a_run_and_its_repetition_are_alike() {
    let place = place();
    report(&place, "again", &["--jobs", "1"]);
    let done = place.run(["report", "diff", "old", "again"]).exits(0).quietly();
    let done = done.says(" runs in both: ").says(" alike\n").says("that is not judged");
    assert!(!done.out.contains("WORSE") && !done.out.contains("OTHERWISE"), "{done}");
}

#[test]
fn what_got_worse_is_told_first_with_its_findings_and_fails() {
    let place = place();
    report(&place, "new", &["--mutant", "skips-deletes"]);
    let worse = place.run(["report", "diff", "old", "new"]).exits(1).quietly();
    let worse = worse
        .says("WORSE      passing  ")
        .says("pass, and now fail")
        .says("gained OUT-005 MUST against the engine");
    worse.says("calls of old: delete; and now none");
    let better = place.run(["report", "diff", "new", "old"]).exits(0).quietly();
    better.says("BETTER     passing  ").says("lost OUT-005").says("calls of old: none; and now delete");
}

#[test]
fn what_is_not_run_any_more_is_no_pass() {
    let place = place();
    report(&place, "fewer", &["--filter", "passing"]);
    let fewer = place.run(["report", "diff", "old", "fewer"]).exits(3).quietly();
    fewer.says("ONLY OLD   lost-reply  ").says(" only in the old one");
    place.run(["report", "diff", "fewer", "old"]).exits(0).says("ONLY NEW   lost-reply  ");

    // A run that was killed has told what had finished, up to the middle of a line.
    let whole = place.read("old");
    let half = whole.lines().take(4).map(str::len).sum::<usize>();
    fs::write(place.path("killed"), &whole[..half]).unwrap();
    let killed = place.run(["report", "diff", "old", "killed"]).exits(3).quietly();
    killed.says("cut short after 2").says("an unknown time");

    // A baseline with nothing in it makes no gate green.
    let opening = whole.lines().next().unwrap();
    fs::write(place.path("opening"), opening).unwrap();
    place.run(["report", "diff", "opening", "old"]).exits(4).says("0 runs in both: 0 alike");
}

#[test]
fn what_is_no_report_is_told_and_nothing_is_compared() {
    let place = place();
    place.write("empty", "");
    place.write("a.yaml", PASSING);
    let wrong = [
        ("nothing", "nothing: it cannot be read: No such file or directory"),
        ("empty", "empty: line 1 does not begin the report of a run"),
        (
            "a.yaml",
            "a.yaml: line 1 does not begin the report of a run: expected an object with `run_started`",
        ),
        ("suite", "suite: it cannot be read: Is a directory"),
    ];
    for (file, said) in wrong {
        let done = place.run(["report", "diff", "old", file]).exits(2).complains(said);
        assert_eq!(done.out, "");
    }
    let lines: Vec<String> = place.read("old").lines().map(str::to_owned).collect();
    let broken = format!("{}\n{{\"finished\": 7}}\n{}\n", lines[0], lines[1]);
    place.write("broken", broken);
    place
        .run(["report", "diff", "broken", "old"])
        .exits(2)
        .complains("broken: line 2, column 14: invalid type: integer `7`, expected struct Finished\n");
}
