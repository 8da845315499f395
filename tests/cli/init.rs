//! `counterfoil init`: what it goes by, what it writes, and what it leaves alone.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
};

use crate::support::{Done, PROGRAM, Place};

const MANIFEST: &str = r#"{"name":"workflow-plugin-x","version":"1.2.3","minEngineVersion":"0.57.0"}"#;
const MAIN: &str = "package main\n\nfunc main() {}\n";

fn repository() -> Place {
    Place::with([
        ("plugin.json", MANIFEST),
        ("go.mod", "module x\n"),
        ("cmd/workflow-plugin-x/main.go", MAIN),
        (".goreleaser.yaml", "builds: [{ main: ./cmd/workflow-plugin-x, env: [CGO_ENABLED=0] }]\n"),
        (".github/workflows/test.yml", "on: push\n"),
    ])
}

const WORKFLOW: &str = ".github/workflows/counterfoil.yml";

#[test]
fn a_repository_gets_settings_and_a_workflow_that_go_by_what_is_there() {
    let place = repository();
    let done = place.run(["init", "--yes", "--action", "me/counterfoil/ci@v1"]).exits(0).quietly();
    let done = done.says("plugin.json: workflow-plugin-x 1.2.3, for engines from 0.57.0 on");
    let done = done.says(".goreleaser.yaml: builds ./cmd/workflow-plugin-x, which is what users get");
    let done = done.says("test.yml stay as they are").says("+   path: \".\"");
    done.says("left to you: the build leaves workflow-plugin-x in .").says("written: counterfoil.yaml");
    assert_eq!(
        place.read("counterfoil.yaml"),
        "# How workflow-plugin-x is tested: `counterfoil test provider`.\nprovider:\n  path: \".\"\n  \
         build: \"CGO_ENABLED=0 go build -o workflow-plugin-x ./cmd/workflow-plugin-x\"\n"
    );
    let workflow: serde_yaml::Value = serde_yaml::from_str(&place.read(WORKFLOW)).unwrap();
    let steps = workflow["jobs"]["gate"]["steps"].as_sequence().unwrap();
    assert!(steps.iter().any(|step| step["uses"] == "me/counterfoil/ci@v1"));
    // The program takes it: it goes on to what is not there to be built.
    let mut command = place.command(["test", "provider"]);
    command.env("PATH", "/nowhere");
    place
        .finish(command)
        .exits(2)
        .complains("`CGO_ENABLED=0 go build -o workflow-plugin-x ./cmd/workflow-plugin-x` failed");
}

#[test]
fn nothing_is_written_unless_somebody_says_so() {
    let place = repository();
    place.run(["init"]).exits(0).says("+ provider:").says("nothing was written: --yes writes it");
    let done = place.run(["init", "--dry-run"]).exits(0).says("+ provider:");
    assert!(!done.out.contains("written"), "{done}");
    place.run(["init", "--dry-run", "--yes"]).exits(2);
    assert!(!place.path("counterfoil.yaml").exists() && !place.path(WORKFLOW).exists());
}

#[test]
fn what_is_there_stays_unless_it_is_to_go() {
    let place = repository();
    place.write("counterfoil.yaml", "provider: { path: mine }\n");
    place.run(["init", "--yes"]).exits(0).says("counterfoil.yaml is there already, and stays as it is");
    assert_eq!(place.read("counterfoil.yaml"), "provider: { path: mine }\n");
    assert!(place.path(WORKFLOW).is_file());
    // The workflow that was written speaks of counterfoil.
    place
        .run(["init", "--yes"])
        .exits(0)
        .says("no other workflow is written")
        .says("there is nothing to write");
    let done = place.run(["init", "--yes", "--force"]).exits(0);
    done.says("- provider: { path: mine }").says("+   path: \".\"");
    place.run(["init", "--yes", "--force"]).exits(0).says("counterfoil.yaml is as it would be written");
    assert!(place.read("counterfoil.yaml").contains("go build"));
}

#[test]
fn what_cannot_be_written_is_told_with_what_was() {
    let place = Place::with([("plugin.json", MANIFEST)]);
    let init = |github: &str| {
        symlink(github, place.path(".github")).unwrap();
        let done = place.run(["init", "--yes", "--ci", "github"]).exits(2);
        fs::remove_file(place.path(".github")).unwrap();
        done
    };
    init("plugin.json").complains(".github/workflows/counterfoil.yml cannot be read: ");
    assert!(!place.path("counterfoil.yaml").exists());
    let done = init("/nowhere/at/all");
    done.complains(".github/workflows/counterfoil.yml cannot be written: ")
        .complains("; counterfoil.yaml written");
}

#[test]
fn where_there_is_no_plugin_or_more_than_one_it_says_what_to_do() {
    let place = Place::new();
    place
        .run(["init", "--yes"])
        .exits(2)
        .complains("there is no plugin.json here")
        .complains("Go to its root");
    place.write("cmd/a/plugin.json", MANIFEST);
    place.write("cmd/b/plugin.json", "{");
    place
        .run(["init", "--yes"])
        .exits(2)
        .complains("say which by --plugin, one of cmd/a/plugin.json, cmd/b/plugin.json");
    place.run(["init", "--yes", "--plugin", "cmd/b"]).exits(2).complains("plugin.json:1:1");
    place
        .run(["init", "--yes", "--plugin", "cmd/a", "--ci", "none"])
        .exits(0)
        .says("written: counterfoil.yaml");
    assert!(place.read("counterfoil.yaml").contains("path: cmd/a\n"));
    place.run(["init", "--action", "me/x@v1\nrun: x"]).exits(2).complains("expected OWNER/NAME/PATH@REF");
}

/// Names come from files that anybody may have written. They end in no command, in no other key, and on no terminal.
#[test]
fn names_of_others_are_nothing_but_names() {
    let place = Place::new();
    place.write("plugin.json", r#"{"name":"x; touch 'made' #","version":"\u001b[31m1"}"#);
    place.write("a b: c/plugin.json", r#"{"name":"y"}"#);
    place.write("go.mod", "module x\n");
    place.write("main.go", MAIN);
    let done = place.run(["init", "--yes", "--ci", "gitlab"]).exits(0).says(r"\u{1b}[31m1");
    assert!(!done.out.contains('\u{1b}'), "{done}");
    let read = |place: &Place| -> serde_yaml::Value {
        serde_yaml::from_str(&place.read("counterfoil.yaml")).unwrap()
    };
    assert_eq!(read(&place)["provider"]["build"], r"go build -o 'x; touch '\''made'\'' #' .");
    place.run(["test", "provider"]);
    assert!(!place.path("made").exists());
    place.run(["init", "--yes", "--force", "--plugin", "a b: c", "--ci", "none"]).exits(0);
    assert_eq!(read(&place)["provider"]["path"], "a b: c");
}

#[test]
fn gitlab_gets_a_file_of_its_own() {
    let place = Place::with([("plugin.json", MANIFEST), (".gitlab-ci.yml", "x: {}\n")]);
    let done = place.run(["init", "--yes"]).exits(0).says("written: .gitlab-ci.counterfoil.yml");
    done.says("`include: { local: .gitlab-ci.counterfoil.yml }`")
        .says("nothing here says how the program is built");
    assert!(!place.path(".github").exists());
}

fn baseline(place: &Place) -> Done {
    place.run(["init", "--yes", "--ci", "none", "--baseline"])
}

#[test]
fn a_baseline_lists_what_fails_for_somebody_to_fill_in() {
    let place = Place::with([
        ("plugin.json", r#"{"name":"x","version":"1.2.3"}"#),
        ("counterfoil.yaml", "provider: { path: ., filter: [load-and-leave], revisions: head }\n"),
    ]);
    place.write("x", format!("#!/bin/sh\nexec '{PROGRAM}' mock serve-broken prints-nothing\n"));
    fs::set_permissions(place.path("x"), fs::Permissions::from_mode(0o755)).unwrap();
    let done = baseline(&place).exits(1).says("x: the program, built already");
    let done =
        done.says("`known_failures: known-failures.yaml` in counterfoil.yaml makes the gate know the list");
    let done = done.says("known-failures.yaml: ").says("added, for you to fill in (TODO)");
    // What runs a failure again is the test, and not this.
    done.says("run again  counterfoil test provider --filter load-and-leave@head");
    assert!(place.read("known-failures.yaml").contains("owner: TODO\n    expires: TODO\n"));
    baseline(&place)
        .exits(2)
        .complains("`counterfoil test provider --update-known-failures` brings it up to date");
    place.run(["test", "provider", "--known-failures", "known-failures.yaml"]).exits(2).complains("TODO");
}

#[test]
fn a_baseline_that_comes_to_no_end_says_how_to_make_one() {
    let place = Place::with([("plugin.json", MANIFEST), ("Makefile", "build:\n\tfalse\n")]);
    let done = baseline(&place).exits(2).complains("`make build` failed");
    let done =
        done.complains("known-failures.yaml is not there").complains("--update-known-failures` writes it");
    assert!(!done.out.contains("next:"), "{done}");
    assert!(place.read("counterfoil.yaml").contains("known_failures: known-failures.yaml\n"));
}
