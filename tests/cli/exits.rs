//! Every exit code of the table, and which one wins.

use std::process::Stdio;

use crate::support::{LOST_REPLY, OUT_OF_REACH, PASSING, PROGRAM, Place, Running, UNMET, with_id};

fn place() -> Place {
    Place::with([
        ("passing.yaml", PASSING),
        ("unmet.yaml", UNMET),
        ("lost-reply.yaml", LOST_REPLY),
        ("out-of-reach.yaml", OUT_OF_REACH),
    ])
}

#[test]
fn nought_for_what_passed_or_was_skipped_with_its_reason() {
    let place = place();
    place.run(["run", "passing.yaml"]).exits(0).quietly().says("11 runs: 11 passed");
    place
        .run(["run", "passing.yaml", "out-of-reach.yaml"])
        .exits(0)
        .says("11 passed, 8 not applicable")
        .says("8 not applicable: from 0.57 on the engine refuses to load a provider that declares \"v1\"");
    place.run(["run", "lost-reply.yaml"]).exits(0).says("9 warnings").says("OUT-012  SHOULD");
    place.run(["run", "--filter", "dispatch-error-mid-plan"]).exits(0).says("dispatch-error-mid-plan");
    for asks in [&["--help"][..], &["--version"], &["run", "--help"], &["help", "contract"]] {
        place.run(asks).exits(0).quietly();
    }
}

#[test]
fn one_for_a_broken_contract() {
    let place = place();
    place.run(["run", "unmet.yaml"]).exits(1).quietly().says("expected  net: skipped");
    place.run(["run", "--mutant", "always-success", "passing.yaml"]).exits(1).says("OUT-005  MUST engine");
    place.run(["run", "--mutant", "forgets-failures"]).exits(1).says("OUT-001  MUST engine");
    place.run(["run", "--strict", "lost-reply.yaml"]).exits(1).says("OUT-012  SHOULD");
}

#[test]
fn two_for_what_cannot_be_meant() {
    let place = place();
    place.write("bad.yaml", with_id(PASSING, "bad").replace("create:", "creat:"));
    for (args, complaint) in [
        (&["run", "--frob"][..], "unexpected argument '--frob'"),
        (&["frob"], "unrecognized subcommand 'frob'"),
        (&[], "Usage: counterfoil"),
        (&["run", "--jobs", "0"], "--jobs"),
        (&["run", "--jobs", "many"], "--jobs"),
        (&["run", "--mutant", "always-sucess"], "did you mean \"always-success\"?"),
        (&["run", "--mutant", "frob"], "`counterfoil mutants --list` has them"),
        (&["run", "--filter", "frob:x"], "unknown filter \"frob\""),
        (&["run", "--filter", "[a"], "is not a glob"),
        (&["run", "--filter", "rule:OUT-999"], "did you mean OUT-"),
        (&["run", "--filter", "rule:frob"], "`counterfoil rules` lists them"),
        (&["run", "--filter", "revision:0.52"], "unknown revision `0.52`"),
        (&["run", "--filter", "a@0.52"], "unknown revision `0.52`"),
        (&["run", "--report", "json"], "expected `json=FILE`"),
        (&["run", "--report", "json="], "the file has no name"),
        (&["run", "--report", "xml=a"], "unknown format \"xml\""),
        (&["run", "--report", "json=/dev/null/report"], "/dev/null/report cannot be written"),
        (&["run", "--report", "json=."], "cannot be written"),
        (&["run", "--keep-traces", "passing.yaml/traces"], "no directory for traces can be made"),
        (&["run", "passing.yaml", "bad.yaml"], "creat"),
        (&["list", "bad.yaml"], "bad.yaml:"),
        (&["validate", "bad.yaml"], "bad.yaml:"),
        (&["explain", "OUT-999"], "did you mean OUT-"),
        (&["judge"], "<TRACE>"),
        (&["judge", "no-such-trace"], "no-such-trace"),
        (&["contract", "show", "--revision", "0.52"], "unknown revision `0.52`"),
        (&["contract", "diff", "0.54"], "<TO>"),
        (&["contract", "check", "no.proto"], "no.proto cannot be read"),
    ] {
        place.run(args).exits(2).complains(complaint);
    }
}

#[test]
fn nothing_is_run_where_a_file_is_not_valid() {
    let place = place();
    place.write("bad.yaml", "id: bad\n");
    let done = place.run(["run", "passing.yaml", "bad.yaml", "--report", "json=report.jsonl"]).exits(2);
    assert_eq!(done.out, "");
    assert!(!place.path("report.jsonl").exists());
}

#[test]
fn three_where_we_failed() {
    let place = place();
    let mut command = place.command(["run", "passing.yaml", "--report", "json=report.jsonl"]);
    command.env("TMPDIR", place.path("no/such/directory"));
    place
        .finish(command)
        .exits(3)
        .complains("no private directory can be made")
        .complains("no/such/directory")
        .complains("TMPDIR says where it goes");
    assert!(!place.path("report.jsonl").exists(), "a report of nothing");
}

#[test]
fn three_and_five_where_files_cannot_be_opened() {
    let place = place();
    // How many files a limit has to leave for the runtime, for its signals, and for a socket and its connection,
    // differs by platform: the steps in between are what is looked for.
    let limited = |limit: u32| {
        let script = format!("ulimit -n {limit} && exec \"$0\" run passing.yaml --filter passing@0.54");
        let mut command = place.command_of("sh");
        command.args(["-c", &script, PROGRAM]).stdout(Stdio::piped()).stderr(Stdio::piped());
        Running::new(&mut command).end()
    };
    let (mut unjudged, mut defects) = (false, false);
    for limit in 4..40 {
        let done = limited(limit);
        // A panic, whosever it was, is a defect of ours, and nothing else is.
        if done.err.contains("error: a defect of Counterfoil itself") {
            defects = true;
            done.exits(5).complains("Too many open files").complains("please report it");
        } else if done.out.contains("UNJUDGED") {
            unjudged = true;
            place.check(&done);
            done.exits(3).says("Too many open files").says("UNJUDGED  passing@0.54");
            break;
        } else {
            let code = if done.err.is_empty() { 0 } else { 3 };
            place.check(&done);
            done.exits(code);
        }
    }
    assert!(unjudged, "at no limit was a socket one too many");
    // Where signals cannot be set up, the runtime panics: the one way to a panic that is open to anybody.
    assert!(defects || !cfg!(target_os = "linux"), "at no limit did anything panic");
}

#[test]
fn a_trace_without_its_end_is_not_judged() {
    let place = place();
    place.run(["run", "unmet.yaml", "--keep-traces", "traces"]).exits(1);
    let trace = place.read("traces/unmet@0.54.jsonl");
    let lines: Vec<&str> = trace.lines().collect();
    place.write("cut.jsonl", lines[..lines.len() - 1].join("\n"));
    place.run(["judge", "cut.jsonl"]).exits(3).says("UNJUDGED").says("the apply never came to its end");
}

#[test]
fn a_long_directory_for_temporary_files_is_no_obstacle() {
    // No socket has a path that long.
    let place = place();
    let long = place.path("x".repeat(120));
    std::fs::create_dir(&long).unwrap();
    let mut command = place.command(["run", "passing.yaml"]);
    command.env("TMPDIR", &long);
    place.finish(command).exits(0).says("11 passed");
    assert_eq!(std::fs::read_dir(long).unwrap().count(), 0);
}

#[test]
fn four_where_nothing_was_judged() {
    let place = place();
    place
        .run(["run", "passing.yaml", "--filter", "other"])
        .exits(4)
        .complains("no scenario matches the filter");
    place.run(["list", "passing.yaml", "--filter", "passing@0.51"]).exits(4);
    place.run(["run", "out-of-reach.yaml"]).exits(4).says("8 runs: 8 not applicable");
}

#[test]
fn the_worst_decides() {
    let place = place();
    // Broken, beside passed, warned about and out of reach.
    place.run(["run", "."]).exits(1).says("FAIL").says("WARN").says("20 passed").says("8 not applicable");
    // Broken, although the report is lost. A mistake in a file comes before everything that could be run.
    #[cfg(target_os = "linux")]
    place.run(["run", ".", "--report", "json=/dev/full"]).exits(1).complains("/dev/full is not complete");
    place.run(["run", ".", "no-such-file"]).exits(2);
}

/// A limit that is ours and not the engine's says nothing about the contract.
#[test]
fn three_where_references_grow_beyond_what_we_hold() {
    let action = |at: usize| {
        let value = if at == 0 { "x".repeat(16) } else { format!("${{a{0}.v}}${{a{0}.v}}", at - 1) };
        format!("    - create: {{ name: a{at}, type: infra.vpc, config: {{ v: \"{value}\" }} }}\n")
    };
    let actions: String = (0..40).map(action).collect();
    let text = format!(
        "id: laughs\ntitle: Each text twice the one before\nrevisions: head\nplan:\n  actions:\n{actions}"
    );
    Place::with([("laughs.yaml", text.as_str())])
        .run(["run", "laughs.yaml"])
        .exits(3)
        .says("too large for this harness");
}
