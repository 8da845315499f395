//! The cutover: a release of several repositories, from its file to go or no-go.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
};

use flate2::{Compression, write::GzEncoder};
use rustix::{
    fs::{CWD, FileType, Mode, mknodat},
    process::Signal,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::{Done, Lines, PROGRAM, Place};

/// A platform that no machine is.
const FOREIGN: &str = if cfg!(target_os = "macos") { "linux/amd64" } else { "darwin/arm64" };

/// The platform of this machine, in Go's words.
fn here() -> String {
    let os = if cfg!(target_os = "macos") { "darwin" } else { std::env::consts::OS };
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        arch => arch,
    };
    format!("{os}/{arch}")
}

/// A release of an engine, known by what `engine` says of it, and of the mock provider, by these artefacts.
fn release(engine: &str, platforms: &[(&str, &str)]) -> String {
    let platforms = platforms.iter().map(|(platform, artefact)| format!("      {platform}: {artefact}\n"));
    format!(
        "release: apply-removed\nrequire: offline\nengine:\n  from: 0.56.0\n  to: 0.57.0\n  \
         bump: {{ minor: Apply leaves the contract }}\n  commit: 0123abcd\n  tag: v0.57.0\n  order: 1\n  \
         state: planned\n{engine}plugins:\n  - name: mock\n    from: 0.0.1\n    to: 0.1.0\n    \
         bump: {{ minor: Apply is gone }}\n    commit: 0171cece\n    tag: v0.1.0\n    order: 2\n    \
         state: planned\n    platforms:\n{}",
        platforms.collect::<String>()
    )
}

/// The mock provider in `plugins/mock` and in an archive, and evidence that it loads.
fn tested() -> Place {
    let place = Place::new();
    place.run(["mock", "install", "--profile", "reference", "--into", "plugins"]).exits(0);
    pack(&place);
    let test = ["test", "provider", "mock.tar.gz", "-f", "load-and-leave@0.57", "--evidence", "e.json"];
    place.run(test).exits(0);
    place.write("release.yaml", release("", &[(&here(), "{ archive: mock.tar.gz, evidence: e.json }")]));
    place
}

/// Packs `plugins/mock` as a release archive.
fn pack(place: &Place) {
    let file = fs::File::create(place.path("mock.tar.gz")).expect("a file");
    let mut builder = tar::Builder::new(GzEncoder::new(file, Compression::fast()));
    builder.append_dir_all(".", place.path("plugins/mock")).expect("it is packed");
    builder.into_inner().and_then(GzEncoder::finish).expect("it is packed");
}

/// Asks for the answer, and gives what is told of each check, by its rule.
fn checks(place: &Place, more: &[&str]) -> (Done, Vec<(String, String, String)>) {
    let done = place.run([&["cutover", "release.yaml", "--json", "told.json"], more].concat());
    let told: Value = serde_json::from_str(&place.read("told.json")).expect("JSON");
    let text = |check: &Value, key: &str| check[key].as_str().unwrap_or_default().to_owned();
    let checks = told["checks"].as_array().expect("checks").iter();
    let checks =
        checks.map(|check| (text(check, "rule"), text(check, "state"), text(check, "text"))).collect();
    (done, checks)
}

/// Holds that a rule comes out so for the plugin, and says this.
#[track_caller]
fn holds_that(place: &Place, rule: &str, state: &str, says: &str) {
    let (done, checks) = checks(place, &[]);
    let done = done.exits(1);
    let of_rule =
        |(id, found, text): &&(String, String, String)| id == rule && found == state && text.contains(says);
    assert!(checks.iter().any(|check| of_rule(&check)), "no {rule} {state} {says:?} in {checks:#?}\n{done}");
}

/// Changes a document, and makes its digest right again.
pub(crate) fn forge(place: &Place, file: &str, change: impl FnOnce(&mut Value)) {
    let mut value: Value = serde_json::from_str(&place.read(file)).expect("JSON");
    change(&mut value);
    place.write(file, with_digest(value));
}

fn with_digest(mut value: Value) -> String {
    value.as_object_mut().expect("an object").remove("digest");
    value.sort_all_objects();
    value["digest"] = format!("sha256:{}", hex::encode(Sha256::digest(value.to_string()))).into();
    value.to_string()
}

#[test]
fn an_archive_that_changed_after_its_evidence_is_no_go() {
    let place = tested();
    holds_that(&place, "REL-011", "holds", "e.json is about it");
    holds_that(&place, "REL-012", "unknown", "were left out of it by --filter or --revisions");
    place.write("plugins/mock/README", "more");
    pack(&place);
    holds_that(&place, "REL-011", "broken", "the archive is another: sha256 ");
}

#[test]
fn evidence_from_another_contract_and_from_the_future_is_not_known_to_hold() {
    let place = tested();
    let kept = place.read("e.json");
    forge(&place, "e.json", |evidence| evidence["contract"]["sha256"] = "0".repeat(64).into());
    holds_that(&place, "REL-011", "unknown", "it was judged by another contract");
    place.write("e.json", &kept);
    forge(&place, "e.json", |evidence| evidence["ended"] = "2999-01-01T00:00:00Z".into());
    holds_that(&place, "REL-011", "unknown", "a clock was put back");
    place.write("e.json", &kept[..kept.len() / 2]);
    holds_that(&place, "REL-011", "broken", "it is cut short");
    place.write("e.json", kept.replace("\"passed\": 1", "\"passed\": 2"));
    holds_that(&place, "REL-011", "broken", "it was changed after it was written");
    fs::remove_file(place.path("e.json")).expect("it is there");
    holds_that(&place, "REL-011", "unknown", "it was not tested: the evidence e.json cannot be read");
}

#[test]
fn evidence_alone_tells_what_it_is_about_and_no_more() {
    let place = tested();
    place.write("release.yaml", release("", &[(&here(), "{ evidence: e.json }")]));
    holds_that(&place, "REL-003", "holds", "plugin.json is of mock 0.1.0");
    holds_that(&place, "REL-009", "holds", "its process declares v2");
    holds_that(&place, "REL-015", "unknown", "");
}

#[test]
fn what_is_missing_and_what_cannot_be_read_is_told_beside_the_rest() {
    let place = tested();
    place.write("damaged.tar.gz", b"\x1f\x8b\x08\x00damaged");
    let platforms = [(&*here(), "{ archive: damaged.tar.gz }"), (FOREIGN, "{ archive: nowhere.tar.gz }")];
    place.write("release.yaml", release("", &platforms));
    holds_that(&place, "REL-015", "unknown", "damaged.tar.gz is not taken: ");
    holds_that(&place, "REL-015", "unknown", "there is no nowhere.tar.gz");
    holds_that(&place, "REL-001", "holds", "0.1.0 is tagged v0.1.0");
}

#[test]
fn what_cannot_be_run_here_gets_the_looks_that_it_can_and_says_so() {
    let place = tested();
    place.write("release.yaml", release("", &[(FOREIGN, "{ archive: mock.tar.gz }")]));
    holds_that(&place, "REL-003", "holds", "plugin.json is of mock 0.1.0");
    holds_that(&place, "REL-010", "unknown", "evidence of a test there would tell");
}

/// A lock that says what it must, and nothing of any member.
fn lock() -> Value {
    json!({
        "format": "counterfoil-lock", "version": 1, "counterfoil": "0.1.0", "release": "apply-removed",
        "frozen": "2026-01-01T00:00:00Z", "contract": "0", "suite": "0", "require": "live",
        "preconditions": ["the moon is full"], "members": {},
    })
}

#[test]
fn a_lock_that_is_none_of_this_release_is_refused() {
    let place = tested();
    let refused = |lock: &str, why: &str| {
        place.write("release.lock.json", lock);
        place
            .run(["cutover", "release.yaml"])
            .exits(2)
            .complains("the lock release.lock.json: ")
            .complains(why);
        place.run(["cutover", "freeze", "release.yaml"]).exits(2).complains(why);
    };
    let other = json!({ "release": "another" });
    let with = |more: Value| {
        let mut lock = lock();
        lock.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        with_digest(lock)
    };
    refused(&with(other), "it is the lock of another release, \"another\", and not of \"apply-removed\"");
    refused(&with(json!({ "version": 2 })), "a newer one reads it");
    refused(&with(json!({})).replace("2026", "2025"), "its digest is not that of what it holds");
    refused("{}", "it is no lock");
    refused("", "it is damaged");
    let named = place.run(["cutover", "release.yaml", "--lock", "nowhere.json"]).exits(2);
    named.complains("there is no lock nowhere.json");
}

#[test]
fn a_lock_from_the_future_and_what_it_does_not_have_are_changes() {
    let place = tested();
    let mut lock = lock();
    lock["frozen"] = "2999-01-01T00:00:00Z".into();
    place.write("release.lock.json", with_digest(lock));
    holds_that(&place, "REL-019", "broken", "the clock, which was put back, was 2999-01-01T00:00:00Z");
    holds_that(&place, "REL-019", "broken", "the contract was 0, and is ");
    holds_that(&place, "REL-019", "broken", "what is required was live, and is offline");
    let gone = "the precondition \"the moon is full\" was stated, and is not there";
    holds_that(&place, "REL-019", "broken", gone);
    holds_that(&place, "REL-019", "broken", "the member was not there, and is 0.1.0");
}

/// What a stand-in cannot show, let through.
fn waived(rules: &[&str]) -> String {
    let waiver = |rule: &&str| {
        format!("  - {{ check: {rule}, reason: of a test, approver: nobody, expires: 2999-01-01 }}\n")
    };
    format!("waivers:\n{}", rules.iter().map(waiver).collect::<String>())
}

/// A release that can go, with an engine behind an adapter of ours and a stand-in.
fn that_can_go() -> Place {
    let place = Place::new();
    let engine = format!("  adapter: [{PROGRAM}, adapter, engine]\n");
    let waivers = waived(&["REL-005", "REL-020"]);
    place.write("release.yaml", release(&engine, &[(&here(), "{ profile: reference }")]) + &waivers);
    place
}

#[test]
fn what_was_frozen_is_held_against_what_is_so_later() {
    let place = that_can_go();
    let frozen = place.run(["cutover", "freeze", "release.yaml"]).exits(0);
    frozen.says("apply-removed is frozen as of 20").says(", in release.lock.json\n");
    let lock: Value = serde_json::from_str(&place.read("release.lock.json")).expect("JSON");
    assert_eq!(lock["members"]["mock"]["tag"], "v0.1.0");
    assert!(lock["members"]["mock"]["platforms"][here()]["program"].is_string(), "{lock}");

    // The evidence that was kept holds up by itself.
    let kept = ".counterfoil/cutover/apply-removed/workflow.json";
    place.run(["evidence", "verify", kept, PROGRAM]).exits(0);

    let (done, checks) = checks(&place, &[]);
    done.exits(0).says("judged again: 0 of 2 members\n");
    assert!(checks.iter().any(|(rule, state, _)| rule == "REL-019" && state == "holds"), "{checks:?}");
    place.run(["cutover", "freeze", "release.yaml"]).exits(0).says("apply-removed is as it was frozen at ");

    let text = place.read("release.yaml");
    place.write("release.yaml", text.replace("commit: 0171cece", "commit: 0171cecf"));
    holds_that(&place, "REL-019", "broken", "the commit was 0171cece, and is 0171cecf");
    let kept = place.read("release.lock.json");
    let refused = place.run(["cutover", "freeze", "release.yaml"]).exits(1);
    refused.complains("nothing is frozen: the answer is no-go");
    assert_eq!(place.read("release.lock.json"), kept);
}

#[test]
fn what_has_no_digest_is_not_frozen() {
    let place = Place::new();
    let all = ["REL-005", "REL-010", "REL-011", "REL-012", "REL-013", "REL-017", "REL-020"];
    place.write("release.yaml", release("", &[(&here(), "{ profile: reference }")]) + &waived(&all));
    let done = place.run(["cutover", "freeze", "release.yaml"]).exits(1);
    let done = done.complains("there is no digest of workflow: its version alone is known");
    done.complains("what has no digest can change unseen");
    assert!(!place.path("release.lock.json").exists());
}

#[test]
fn only_what_changed_is_judged_again() {
    let place = Place::new();
    place.write("release.yaml", release("", &[(&here(), "{ profile: reference }")]));
    let again = |more: &[&str]| {
        let done = place.run([&["cutover", "release.yaml"], more].concat()).exits(1);
        let told = done.out.lines().last().expect("a line").to_owned();
        // A machine that is busy takes so long that this is told.
        let told_of_patience = |line: &&str| line.trim_end().ends_with(" is being tested");
        let err: String = done.err.split_inclusive('\n').filter(|line| !told_of_patience(line)).collect();
        (told, err)
    };
    let (none, one) = ("judged again: 0 of 2 members", "judged again: 1 of 2 members");
    assert_eq!(again(&[]), (one.to_owned(), String::new()));
    assert_eq!(again(&[]), (none.to_owned(), String::new()));
    assert_eq!(again(&["--afresh"]).0, one);

    // What is damaged costs time, and is told.
    let memory = ".counterfoil/cutover/apply-removed.json";
    let kept = place.read(memory);
    place.write(memory, kept.replace("held", "broken"));
    let (told, why) = again(&[]);
    assert!(told == one && why.ends_with("apply-removed.json: it is damaged\n"), "{told} {why}");
    forge(&place, memory, |memory| memory["written"] = "2999-01-01T00:00:00Z".into());
    let (told, why) = again(&[]);
    assert!(told == one && why.contains("a clock was put back"), "{told} {why}");

    // So is what cannot be kept.
    fs::remove_dir_all(place.path(".counterfoil")).expect("it is there");
    place.write(".counterfoil", "in the way");
    let (told, why) = again(&[]);
    assert!(told == one && why.contains("cannot be kept in "), "{told} {why}");
}

/// A release with a command line that stands in for that of an engine, and evidence of its test.
fn by_a_command_line(engine: &str, profile: &str) -> Place {
    let place = Place::new();
    let script = format!("#!/bin/sh\nexec '{PROGRAM}' stand-in wfctl --revision {engine} \"$@\"\n");
    place.write("wfctl", script);
    fs::set_permissions(place.path("wfctl"), fs::Permissions::from_mode(0o755)).expect("a program");
    let test = ["test", "wfctl", "-f", "all-kinds-succeed", "--evidence", "wfctl.json", "--", "./wfctl"];
    place.run(test).exits(0);
    let stated = release("  binary: wfctl\n  evidence: wfctl.json\n", &[(&here(), profile)]);
    place.write("release.yaml", stated.replace("0.56.0", "0.55.0").replace("0.57.0", &format!("{engine}.0")));
    place
}

#[test]
fn the_path_that_the_real_command_line_takes_is_seen_behind_the_proxy() {
    let place = by_a_command_line("0.57", "{ profile: reference }");
    holds_that(&place, "REL-014", "holds", "the engine drives it by v2");
    holds_that(&place, "REL-011", "holds", "wfctl.json is about it");
    // Before 0.57, what does not declare v2 is handed to Apply without a word.
    let place = by_a_command_line("0.56", "{ profile: digitalocean@1.2.0 }");
    holds_that(&place, "REL-014", "broken", "the engine drives it through Apply");
    let place = by_a_command_line("0.57", "{ profile: digitalocean@1.2.0 }");
    holds_that(&place, "REL-014", "unknown", "the engine calls nothing that would apply a plan");
    // Evidence is about the program that was tested.
    place.write("wfctl", place.read("wfctl") + "#");
    holds_that(&place, "REL-011", "broken", "wfctl.json: the program is another: sha256 ");
}

#[test]
fn an_interrupted_cutover_gives_no_answer_and_leaves_nothing_behind() {
    let place = Place::new();
    place.write("plugins/mock/plugin.json", r#"{"name":"mock","version":"0.1.0"}"#);
    let began = place.path("began");
    mknodat(CWD, &began, FileType::Fifo, Mode::RWXU, 0).expect("a pipe");
    // It never comes to its handshake line.
    place.write(
        "plugins/mock/mock",
        format!("#!/bin/sh\necho began > '{}'\nexec sleep 600\n", began.display()),
    );
    let program = fs::Permissions::from_mode(0o755);
    fs::set_permissions(place.path("plugins/mock/mock"), program).expect("a program");
    place.write("release.yaml", release("", &[(&here(), "{ directory: plugins/mock }")]));
    let told = Lines::at(began);
    let running = place.start(["cutover", "release.yaml"]);
    assert_eq!(told.next().as_deref(), Some("began"));
    running.signal(Signal::INT);
    let done = running.end().exits(130).complains("interrupted: there is no answer");
    assert_eq!(done.out, "");
    place.check(&done);
}

#[test]
fn a_release_that_cannot_be_read_is_shown_its_mistakes() {
    let place = Place::new();
    place.write("release.yaml", release("", &[(&here(), "{}")]).replace("order: 2", "order: 1"));
    let done = place.run(["cutover", "release.yaml"]).exits(2);
    done.complains("in release.yaml");
    place.write("release.yaml", release("", &[(&here(), "{ profile: refrence }")]));
    place.run(["cutover", "release.yaml"]).exits(2).complains("did you mean \"reference\"?");
    place.run(["cutover", "nowhere.yaml"]).exits(2).complains("there is no such file");
    place.run(["cutover"]).exits(2);
}

#[test]
fn where_a_bundle_cannot_go_is_said_before_anything_is_looked_at() {
    let place = Place::new();
    place.write("release.yaml", release("", &[(&here(), "{ profile: reference }")]));
    symlink("nowhere", place.path("dangling")).expect("a link");
    place.write("file", "");
    let refused = |into: &str, why: &str| {
        let done = place.run(["cutover", "bundle", "release.yaml", "--into", into]).exits(2);
        done.complains(why);
        assert!(!place.path(".counterfoil").exists(), "nothing was looked at");
    };
    refused("dangling", "dangling is there: a bundle goes into a directory of its own");
    refused("file", "file is there");
    refused("no/such", "no/such cannot be made: there is no directory no");
}
