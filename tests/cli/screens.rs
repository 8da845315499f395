//! What a person sees, kept in `golden/cli`.

use std::{env, ffi::OsStr, fs, path::Path};

use anstyle_svg::{Palette, Term, WIN10_CONSOLE};

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

/// Runs the program as in a terminal of so many columns.
fn run_at<A: AsRef<OsStr>>(place: &Place, columns: u16, args: impl IntoIterator<Item = A>) -> Done {
    let mut command = place.command(args);
    command.env("COLUMNS", columns.to_string());
    place.finish(command)
}

#[test]
fn a_run_that_fails_in_terminals_of_different_widths() {
    for columns in [50, 80, 160] {
        let place = suite();
        let done = run_at(&place, columns, ["run", "suite", "--keep-traces", "traces"]).exits(1);
        assert_screen(&format!("run-failing-{columns}"), &place, &done);
    }
}

/// Names of double width, long names, and an error that needs more than a line.
#[test]
fn a_plan_with_names_of_any_width() {
    let place = Place::with([(
        "wide.yaml",
        "id: wide\ntitle: Names of any width stand in columns\nrevisions: '0.54'\nplan:\n  actions:\n    \
         - create: { name: ネットワーク, type: infra.vpc }\n    - create: { name: größe, type: infra.database }\n    \
         - create: { name: 📦, type: infra.cache }\nfaults:\n  - { inject: dispatch-error, action: größe, message: \
         the quota of this account is exceeded and nobody knows when that will change }\nexpect:\n  \
         outcomes: { ネットワーク: error, 📦: error }\n",
    )]);
    for columns in [50, 80] {
        let done = run_at(&place, columns, ["run", "wide.yaml"]).exits(1);
        assert_screen(&format!("run-wide-names-{columns}"), &place, &done);
    }
}

/// The first lines of a catalogue, which grows at its end.
fn first_lines(mut done: Done, is_last: impl Fn(&str) -> bool) -> Done {
    let lines = done.out.lines().take_while(|line| !is_last(line));
    done.out = lines.flat_map(|line| [line, "\n"]).collect();
    done
}

#[test]
fn a_rule_and_the_mutants_in_a_terminal() {
    let place = Place::new();
    let rule = run_at(&place, 60, ["explain", "OUT-005"]).exits(0);
    assert_screen("explain-60", &place, &first_lines(rule, |line| line.starts_with("exercised by")));
    let mutants = run_at(&place, 80, ["mutants", "--list"]).exits(0);
    assert_screen("mutants-80", &place, &first_lines(mutants, |line| line.contains("always-success")));
}

/// What stands before and behind the time that a run took.
fn around_time(screen: &str) -> Option<(&str, &str)> {
    screen.rmatch_indices("in ").find_map(|(at, found)| {
        let (seconds, after) = screen[at + found.len()..].split_once(" s")?;
        seconds.parse::<f64>().ok().map(|_| (&screen[..at], after))
    })
}

/// The picture in the README: what the command prints today, but for the time that it takes.
#[test]
fn the_picture_of_a_failing_run_is_what_the_command_prints() {
    let args = ["run", "--filter", "dispatch-error-mid-plan", "--mutant", "forgets-failures"];
    let place = Place::new();
    let mut command = place.command(args);
    command.env("COLUMNS", "100").env("CLICOLOR_FORCE", "1");
    let done = place.finish(command).exits(1);
    let (before, after) = around_time(&done.out).expect("a time");
    let screen = format!("$ counterfoil {}\n{before}in 0.05 s{after}", args.join(" "));
    // What is bold is bright in a terminal, and can be read better.
    let mut colors = WIN10_CONSOLE.0;
    colors.copy_within(9..16, 1);
    let picture = Term::new().palette(Palette(colors)).render_svg(&screen);
    let picture = picture.replace(".dimmed { opacity: 0.4; }", ".dimmed { fill-opacity: 0.7; }");

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/images/failing-run.svg");
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &picture).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == picture, "{} has drifted: `just golden` rewrites it", path.display());
}

#[test]
fn a_run_of_a_broken_engine() {
    let place = suite();
    let done = place.run(["run", "suite/passing.yaml", "--mutant", "always-success"]).exits(1);
    assert_screen("run-mutant", &place, &done);
}

#[test]
fn a_run_that_fails_in_several_ways() {
    let place = suite();
    place.write("suite/other.yaml", with_id(PASSING, "other"));
    let done = run_at(&place, 80, ["run", "suite", "--mutant", "own-words"]).exits(1);
    assert_screen("run-several-failures", &place, &done);
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
    assert_screen("help-explore-provider", &place, &place.run(["explore", "provider", "--help"]).exits(0));
    assert_screen("help-run", &place, &place.run(["run", "--help"]).exits(0));
}
