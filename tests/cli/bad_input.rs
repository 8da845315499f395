//! Scenario files that are not valid: each mistake is shown where it stands, and nothing is run.

use std::{
    fs::{self, File},
    os::unix::fs::{PermissionsExt as _, symlink},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::support::{Done, PASSING, PROGRAM, Place, Running, UNMET, with_id};

/// How long a file may take that is made to cost much. It tells seconds from minutes.
const AT_ONCE: Duration = Duration::from_secs(20);

/// Checks a file that is not valid. `validate`, `list` and `run` have to agree on it.
#[track_caller]
fn refused(place: &Place, args: &[&str]) -> Done {
    let start = Instant::now();
    let [validated, listed, run] = ["validate", "list", "run"].map(|command| {
        let done = place.run([&[command], args].concat()).exits(2);
        assert_eq!(done.out, "", "{done}");
        done
    });
    assert!(start.elapsed() < AT_ONCE, "took {:?}", start.elapsed());
    assert_eq!(validated.err, listed.err);
    assert_eq!(validated.err, run.err);
    validated
}

/// Checks a text that is not a valid scenario.
#[track_caller]
fn refused_text(text: impl AsRef<[u8]>) -> Done {
    let place = Place::new();
    place.write("bad.yaml", text);
    refused(&place, &["bad.yaml"])
}

#[test]
fn a_mistake_has_its_file_line_column_snippet_and_help() {
    for (correct, wrong, place, message, help) in [
        (
            "revisions:",
            "revision:",
            "[bad.yaml:3:1]",
            "unknown field `revision`",
            "did you mean `revisions`?",
        ),
        (
            "- create: { name: net",
            "- creat: { name: net",
            "[bad.yaml:7:7]",
            "creat",
            "did you mean `create`?",
        ),
        (
            "dispatch-error",
            "dispatch-eror",
            "[bad.yaml:11:15]",
            "dispatch-eror",
            "did you mean `dispatch-error`?",
        ),
        ("action: db", "action: bd", "[bad.yaml:11:39]", "bd", "the plan has `net`, `db` or `old`"),
        ("db: error", "db: errored", "[bad.yaml:13:33]", "errored", "did you mean `error`?"),
        (">=0.54", ">=0.53", "[bad.yaml:3:12]", "unknown revision `0.53`", "did you mean"),
        ("tags: [outcome, good]", "tags: good", "[bad.yaml:4:7]", "list", ""),
        ("plan:", "plan: 7\nplun:", "[bad.yaml:5:7]", "map", ""),
        ("title: A", "title: [A]\nA: A", "[bad.yaml:2:8]", "text", ""),
    ] {
        let text = with_id(PASSING, "bad").replacen(correct, wrong, 1);
        let done = refused_text(text).complains(place).complains(message).complains(help);
        let written = wrong.lines().next().unwrap();
        assert!(done.err.contains('│') && done.err.contains(written), "no snippet\n{done}");
    }
}

#[test]
fn a_file_that_is_no_scenario_at_all_is_refused() {
    refused_text("").complains("[bad.yaml:1:1]").complains("the file holds no scenario").complains("help: ");
    refused_text("# nothing\n").complains("the file holds no scenario");
    refused_text("just words").complains("[bad.yaml:1:1]");
    refused_text("[1, 2]").complains("[bad.yaml:1:1]");
    refused_text(b"id: a\ntitle: gr\xfc\xdfe\n")
        .complains("[bad.yaml:2:10]")
        .complains("not UTF-8")
        .complains("byte 0xfc");
    refused_text(b"\xff\xfei\0d\0").complains("it looks like UTF-16");
    refused_text(b"\0\0\0\0").complains("[bad.yaml:1:1]");
}

#[test]
fn files_that_are_made_to_cost_much_are_refused_at_once() {
    let doubled = |n: usize| format!("a{}: &a{} [*a{n}, *a{n}]", n + 1, n + 1);
    let bomb: Vec<String> = (0..40).map(doubled).collect();
    refused_text(format!("a0: &a0 [x, x]\n{}\n", bomb.join("\n")))
        .complains("aliases")
        .complains("[bad.yaml:");
    refused_text(format!("plan: {}", "[".repeat(200))).complains("deeper than").complains("[bad.yaml:1:");
    let nested: Vec<String> = (0..200).map(|n| format!("{}a:", " ".repeat(n))).collect();
    refused_text(nested.join("\n")).complains("deeper than").complains("[bad.yaml:");

    // 50 MB of text, and the same without taking up the space.
    let text = "# a comment that goes on and on\n".repeat(50 << 15);
    refused_text(text).complains("52428800 bytes").complains("help: ");
    let place = Place::new();
    File::create(place.path("large.yaml")).unwrap().set_len(50_000_000_000).unwrap();
    refused(&place, &["large.yaml"]).complains("large.yaml: the file has 50000000000 bytes");
}

#[test]
fn a_snippet_is_short_whatever_the_line_is_like() {
    // A whole file in one line, with more than 65,535 characters before the mistake.
    let list = "x, ".repeat(100_000);
    let done = refused_text(format!(
        "{{id: a, title: t, plan: {{actions: []}}, environment: {{A: b}}, tags: [{list}], nope: [{list}], no: 1}}"
    ));
    let done =
        done.complains("unknown field `nope`").complains("unknown field `no`").complains("[bad.yaml:1:3000");
    assert!(done.err.lines().all(|line| line.chars().count() < 130), "{done}");
}

#[test]
fn what_a_file_holds_cannot_speak_to_the_terminal() {
    let place = Place::new();
    place.write("a.yaml", b"id: a\x1b[2J\ntitle: t\n");
    place.write("b.yaml", "id: b\ntitle: \"\u{202e}t\u{9b}2J\"\nno\u{2066}pe: 1\n");
    place.write("\u{1b}[31mred.yaml", "id: c\nnope: 1\n");
    let done = refused(&place, &["."]).complains(r"\u{1b}[31mred.yaml");
    let unfit = |c: char| c.is_control() || "\u{202e}\u{2066}".contains(c);
    assert!(!done.err.chars().any(|c| c != '\n' && unfit(c)), "{:?}", done.err);
}

#[test]
fn all_mistakes_of_all_files_are_shown_at_once() {
    let place = Place::with([
        ("suite/a.yaml", "id: a\ntitel: t\nplan: { actions: [] }\n"),
        ("suite/deep/b.yml", "id: B\ntitle: t\nplan: { actions: [{ create: {} }] }\n"),
        ("suite/good.yaml", PASSING),
        ("suite/.hidden.yaml", "nonsense"),
        ("suite/.hidden/c.yaml", "nonsense"),
        ("suite/notes.txt", "nonsense"),
    ]);
    refused(&place, &["suite", "missing.yaml"])
        .complains("[suite/a.yaml:2:1]")
        .complains("did you mean `title`?")
        .complains("[suite/deep/b.yml:1:5]")
        .complains("[suite/deep/b.yml:3:")
        .complains("missing.yaml: there is no such file")
        .complains("5 mistakes in 3 files");
}

#[test]
fn one_id_in_two_files_is_refused() {
    let place = Place::with([("a.yaml", PASSING), ("b.yaml", PASSING), ("c.yaml", PASSING)]);
    refused(&place, &["."])
        .complains("id `passing` is taken by `./a.yaml`")
        .complains("[./b.yaml:1:5]")
        .complains("[./c.yaml:1:5]")
        .complains("2 mistakes in 2 of 3 files");
}

#[test]
fn a_file_that_is_reached_twice_is_read_once() {
    let place = Place::with([("suite/a.yaml", PASSING)]);
    symlink("a.yaml", place.path("suite/b.yaml")).unwrap();
    place
        .run(["validate", "suite", "suite/a.yaml", "./suite/../suite/a.yaml"])
        .exits(0)
        .says("1 scenario in order");
}

#[test]
fn directories_that_contain_themselves_come_to_an_end() {
    let place = Place::with([("suite/deep/a.yaml", PASSING)]);
    // With two loops, there are more paths than anybody can walk.
    symlink(".", place.path("suite/here")).unwrap();
    symlink("..", place.path("suite/deep/up")).unwrap();
    symlink("itself.yaml", place.path("itself.yaml")).unwrap();
    place.run(["validate", "suite"]).exits(0).says("1 scenario in order");
    place.run(["run", "suite"]).exits(0).says("11 passed");
    refused(&place, &["itself.yaml"]).complains("itself.yaml: the file cannot be read");
}

#[test]
fn releases_and_profiles_beside_scenarios_are_left_out() {
    let (release, profile) = ("release: window\n", "plugin: mine\npoints: []\n");
    let place = Place::with([("all/a.yaml", PASSING), ("all/r.yaml", release), ("all/deep/p.yaml", profile)]);
    place.run(["validate", "all"]).exits(0).says("1 scenario in order");
    refused(&place, &["all/deep"]).complains("all/deep: there is no scenario file under this path");
    refused(&place, &["all/r.yaml"]).complains("[all/r.yaml:1:1]").complains("`release`");
}

#[test]
fn paths_without_scenarios_are_told() {
    let place = Place::with([("notes/readme.txt", "nothing")]);
    fs::create_dir(place.path("empty")).unwrap();
    refused(&place, &["empty", "notes"])
        .complains("empty: there is no scenario file under this path")
        .complains("notes: there is no scenario file")
        .complains("scenario files end in .yaml or .yml");
    refused(&place, &["missing"])
        .complains("missing: there is no such file")
        .complains("help: an id is given with `--filter missing`")
        .complains("1 mistake in 1 file");
    symlink("gone", place.path("notes/link.yaml")).unwrap();
    refused(&place, &["notes"]).complains("notes/link.yaml: there is no such file");
}

#[test]
fn a_file_that_must_not_be_read_is_told() {
    let place = Place::with([("secret.yaml", PASSING), ("closed/a.yaml", PASSING)]);
    fs::set_permissions(place.path("secret.yaml"), fs::Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(place.path("closed"), fs::Permissions::from_mode(0o000)).unwrap();
    // Root reads everything, and has to be told of an error in another way.
    if File::open(place.path("secret.yaml")).is_err() {
        refused(&place, &["secret.yaml", "closed"])
            .complains("secret.yaml: this file must not be read: permission denied")
            .complains("closed: this file must not be read");
    }
    fs::set_permissions(place.path("closed"), fs::Permissions::from_mode(0o700)).unwrap();
    #[cfg(target_os = "linux")]
    refused(&place, &["/proc/self/mem"])
        .complains("/proc/self/mem: the file cannot be read: Input/output error");
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_read_where_it_is_named_and_as_far_as_it_makes_sense() {
    let place = Place::with([("suite/a.yaml", PASSING)]);
    refused(&place, &["/dev/null"]).complains("the file holds no scenario");
    refused(&place, &["/dev/zero"]).complains("/dev/zero: there are more than 4194304 bytes");

    // In a directory, a pipe is nobody's scenario: to open it would be to wait for ever.
    let pipe = place.path("suite/pipe.yaml");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    place.run(["validate", "suite"]).exits(0).says("1 scenario in order");

    // Named, it is waited for a while.
    place
        .run(["validate", "suite/pipe.yaml"])
        .exits(2)
        .complains("suite/pipe.yaml: this is a pipe, and nobody writes to it");

    // A shell hands over pipes with writers.
    let shell = |script: &str| {
        let mut command = place.command_of("bash");
        command.args(["-c", script, PROGRAM]);
        place.finish(command)
    };
    shell("\"$0\" run <(cat suite/a.yaml)").exits(0).says("11 passed");
    shell("cat suite/a.yaml > suite/pipe.yaml & \"$0\" run suite/pipe.yaml").exits(0).says("11 passed");

    let mut command = place.command(["validate", "suite/pipe.yaml"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let running = Running::new(&mut command);
    fs::write(pipe, with_id(PASSING, "Piped")).unwrap();
    running.end().exits(2).complains("[suite/pipe.yaml:1:5]").complains("`piped` would be one");

    let mut command = place.command_of(PROGRAM);
    command.args(["run", "/dev/stdin"]);
    place.finish_with(command, PASSING.into()).exits(0).says("11 passed");
}

#[test]
fn what_cannot_exist_before_the_plan_is_a_mistake_of_the_file() {
    let seeded = |state: &str| format!("{}state:\n{state}", with_id(PASSING, "bad"));
    let seed = "  - { name: seed, type: infra.dns, provider_id: s-1 }\n";
    refused_text(seeded(&seed.repeat(2))).complains("[bad.yaml:16:13]").complains("`seed` is there already");
    refused_text(seeded("  - { name: old, type: infra.cache, provider_id: c-2 }\n"))
        .complains("[bad.yaml:9:23]")
        .complains("`old` is there with another id");
    refused_text(seeded("  - { name: seed, type: infra.dns, provider_id: c-1 }\n"))
        .complains("[bad.yaml:9:60]")
        .complains("is the id of infra.dns `seed`");
    refused_text(seeded(&seed.replace("seed", "\"\""))).complains("a resource that exists needs a name");
}

#[test]
fn an_id_too_long_for_a_file_name_is_refused() {
    refused_text(with_id(PASSING, &"x".repeat(1_000_000)))
        .complains("[bad.yaml:1:5]")
        .complains("long for an id")
        .complains("more than 100 characters");
    let place = Place::new();
    let longest = "x".repeat(100);
    place.write("long.yaml", UNMET.replacen("id: unmet", &format!("id: {longest}"), 1));
    place.run(["run", "long.yaml", "--keep-traces", "traces"]).exits(1);
    assert!(place.path(format!("traces/{longest}@0.54.jsonl")).exists());
}

#[test]
fn two_actions_may_be_about_one_resource() {
    let place = Place::new();
    let text = r"id: twice
title: An update, and then a delete
plan:
  actions:
    - update: { name: db, type: infra.database, provider_id: db-1, config: { size: 2 } }
    - delete: { as: gone, name: db, type: infra.database, provider_id: db-1, applied_config: { size: 1 } }
expect:
  outcomes: { db: success, gone: success }
  received: [update: db, delete: gone]
";
    place.write("twice.yaml", text);
    place.run(["run", "twice.yaml"]).exits(0).quietly().says("12 passed");
}
