//! Evidence: what is kept of a test, and what it is worth afterwards.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
};

use flate2::{Compression, write::GzEncoder};
use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Done, PROGRAM, Place};

/// The mock provider as a plugin, in `plugins/mock`.
fn place() -> Place {
    let place = Place::new();
    place.run(["mock", "install", "--profile", "reference", "--into", "plugins"]).exits(0);
    place
}

/// Tests the plugin by its load, and keeps the evidence in `e.json`.
fn test(place: &Place, more: &[&str]) -> Done {
    let words = ["test", "provider", "plugins/mock", "--filter", "load-and-leave", "--evidence", "e.json"];
    place.run([&words[..], more].concat())
}

fn evidence(place: &Place) -> Value {
    serde_json::from_str(&place.read("e.json")).expect("JSON")
}

fn verify(place: &Place, more: &[&str]) -> Done {
    place.run([&["evidence", "verify", "e.json"], more].concat())
}

/// Packs `plugins/mock` as a release archive.
fn pack(place: &Place, archive: &str) {
    let file = fs::File::create(place.path(archive)).expect("a file");
    let mut builder = tar::Builder::new(GzEncoder::new(file, Compression::fast()));
    builder.append_dir_all(".", place.path("plugins/mock")).expect("it is packed");
    builder.into_inner().and_then(GzEncoder::finish).expect("it is packed");
}

#[test]
fn evidence_of_a_plugin_holds_for_it_and_for_no_other() {
    let place = place();
    test(&place, &["--revisions", ">=0.57"]).exits(0).quietly();
    let kept = evidence(&place);
    assert_eq!((&kept["conclusion"], &kept["exit_code"]), (&"passed".into(), &0.into()));
    assert_eq!((&kept["subject"]["kind"], &kept["subject"]["name"]), (&"provider".into(), &"mock".into()));
    assert_eq!(kept["contract"]["revisions"][0], "0.57");
    assert_eq!(kept["suite"]["filter"][0], "load-and-leave");
    assert_eq!(
        (&kept["rules"]["CAP-003"]["verdict"], &kept["rules"]["CAP-003"]["level"]),
        (&"held".into(), &"MUST".into())
    );
    assert_eq!(kept["rules"]["REP-001"]["verdict"], "not-judged");
    let held = verify(&place, &["plugins/mock"]).exits(0).quietly();
    held.says("\nHOLDS     it is about this artefact").says("result    passed: 8 passed\n");
    // The program alone, and where it lies, do not matter.
    verify(&place, &["plugins"]).exits(0);
    place
        .run(["evidence", "show", "e.json"])
        .exits(0)
        .quietly()
        .says("subject   mock 0.1.0, a provider plugin\n");

    let manifest = place.read("plugins/mock/plugin.json");
    place.write("plugins/mock/plugin.json", format!("{manifest}\n"));
    let done = verify(&place, &["plugins/mock"]).exits(1).quietly();
    done.says("\nAGAINST   the manifest is another: sha256 ");
    place.write("plugins/mock/plugin.json", manifest);
    let program = place.read("plugins/mock/mock");
    place.write("plugins/mock/mock", format!("{program}#"));
    verify(&place, &["plugins/mock"]).exits(1).says("\nAGAINST   the program is another: sha256 ");
    verify(&place, &["nowhere"]).exits(2).complains("nowhere cannot be read");
}

#[test]
fn an_archive_is_held_against_what_was_tested() {
    let place = place();
    pack(&place, "mock_1.tar.gz");
    let words =
        ["test", "provider", "mock_1.tar.gz", "--filter", "load-and-leave@head", "--evidence", "e.json"];
    place.run(words).exits(0).quietly();
    assert_eq!(evidence(&place)["subject"]["archive"]["name"], "mock_1.tar.gz");
    verify(&place, &["mock_1.tar.gz"]).exits(0);
    verify(&place, &["plugins/mock"]).exits(0);
    place.write("plugins/mock/README", "more");
    pack(&place, "mock_2.tar.gz");
    let done = verify(&place, &["mock_2.tar.gz"]).exits(1);
    let done = done.says("\nAGAINST   the archive is another: sha256 ");
    assert!(!done.out.contains("the program is another"), "{done}");
}

#[test]
fn evidence_of_a_failure_and_of_what_was_not_judged_is_no_pass() {
    let place = place();
    place.write("plugins/mock/plugin.json", r#"{"name":"mock","version":"0.1"}"#);
    test(&place, &["--revisions", "head"]).exits(1);
    let kept = evidence(&place);
    assert_eq!((&kept["conclusion"], &kept["exit_code"]), (&"broken".into(), &1.into()));
    let done = verify(&place, &["plugins/mock"]).exits(1);
    done.says("\nAGAINST   the run behind it did not pass: 1 of 1 runs failed; broken are ").says("MAN-");

    let words =
        ["test", "provider", "plugins/mock", "-f", "dispatch-error-mid-plan@head", "--evidence", "e.json"];
    place.run(words).exits(4);
    assert_eq!(evidence(&place)["not_judged"][0]["as"], "not-run");
    let done = verify(&place, &["plugins/mock"]).exits(3);
    done.says("\nUNTOLD    the run behind it did not pass: nothing was judged");
}

#[test]
fn what_was_changed_cut_short_or_is_something_else_is_refused() {
    let place = place();
    test(&place, &["--revisions", "head"]).exits(0);
    let text = place.read("e.json");
    let with = |text: &str| {
        place.write("e.json", text);
        verify(&place, &["plugins/mock"])
    };
    with(&text.replace("\"live\": false", "\"live\": true"))
        .exits(1)
        .complains("was changed after it was written");
    with(&text[..text.len() / 2]).exits(2).complains("e.json: it is cut short, after ");
    with("").exits(2).complains("it is cut short");
    with("plugin").exits(2).complains("it is no evidence: it is no JSON");
    with(r#"{"run_started":{"format":"counterfoil-run","version":1}}"#)
        .exits(2)
        .complains("its format is not");
    with(&text.replacen("\"version\": 1", "\"version\": 9", 1)).exits(3).complains("of version 9");
    for missing in ["none.json", "plugins"] {
        place.run(["evidence", "verify", missing, "plugins/mock"]).exits(2).complains("cannot be read");
    }
    place.run(["evidence", "verify", "e.json"]).exits(2);
}

/// Evidence that somebody wrote with its digest right.
fn forge(place: &Place, change: impl Fn(&mut Value)) {
    use sha2::{Digest as _, Sha256};
    let mut value = evidence(place);
    change(&mut value);
    value.as_object_mut().expect("an object").remove("digest");
    let digest = hex::encode(Sha256::digest(value.to_string()));
    value["digest"] = format!("sha256:{digest}").into();
    place.write("e.json", value.to_string());
}

#[test]
fn another_contract_and_another_suite_are_told() {
    let place = place();
    test(&place, &["--revisions", "head"]).exits(0);
    let text = place.read("e.json");
    forge(&place, |_| {});
    verify(&place, &["plugins/mock"]).exits(0);
    forge(&place, |evidence| evidence["contract"]["sha256"] = "0".repeat(64).into());
    verify(&place, &["plugins/mock"])
        .exits(1)
        .says("\nAGAINST   it was judged by another contract: sha256 000");
    place.write("e.json", &text);
    forge(&place, |evidence| evidence["suite"]["filter"] = serde_json::json!(["load-*", "tag:outcome"]));
    verify(&place, &["plugins/mock"]).exits(1).says("\nAGAINST   it was judged by other scenarios: sha256 ");
    place.write("e.json", &text);
    forge(&place, |evidence| evidence["subject"]["name"] = "\u{1b}[31mred".into());
    assert!(!verify(&place, &["plugins/mock"]).exits(0).out.contains('\u{1b}'));
}

const OWN: &str = "id: own\ntitle: It loads\nneeds: [process]\nplan: { actions: [] }\n";

#[test]
fn scenarios_of_the_user_are_asked_for() {
    let place = place();
    place.write("own/a.yaml", OWN);
    let words = [
        "test",
        "provider",
        "plugins/mock",
        "--scenario",
        "own",
        "--revisions",
        "head",
        "--evidence",
        "e.json",
    ];
    place.run(words).exits(0);
    verify(&place, &["plugins/mock"]).exits(3).says("\nUNTOLD    it was judged by scenarios of the user's");
    verify(&place, &["plugins/mock", "--scenario", "own"]).exits(0);
    place.write("own/a.yaml", format!("{OWN}# changed\n"));
    verify(&place, &["plugins/mock", "--scenario", "own"]).exits(1).says("it was judged by other scenarios");
}

#[test]
fn where_evidence_cannot_be_written_nothing_is_run() {
    let place = place();
    let refused = |file: &str| {
        let words = ["test", "provider", "plugins/mock", "--filter", "load-and-leave", "--evidence", file];
        let done = place.run(words).exits(2);
        assert!(done.out.is_empty(), "{done}");
        done
    };
    refused("none/e.json").complains("the evidence none/e.json cannot be written: No such file");
    refused("plugins").complains("no evidence");
    refused("plugins/mock/mock").complains("something else stands there, which is no evidence");
    assert!(place.read("plugins/mock/mock").starts_with("#!"));
    place
        .run(["test", "provider", "--attach", "unix:socket", "--evidence", "e.json"])
        .exits(2)
        .complains("its program is not known");
    place
        .run(["test", "provider", "plugins/mock", "--evidence-format", "wfctl"])
        .exits(2)
        .complains("--evidence");
}

#[test]
fn an_interrupted_run_leaves_none_and_takes_away_what_was_there() {
    let place = place();
    place.write("e.json", "{}");
    symlink("e.json", place.path("link.json")).expect("a link");
    place.write("plugins/mock/mock", "#!/bin/sh\ntouch started\nexec sleep 600\n");
    let words = ["test", "provider", "plugins/mock", "--filter", "load-and-leave", "--evidence", "link.json"];
    let running = place.start(words);
    running.wait_until(|| place.path("plugins/mock/started").exists());
    assert!(!place.path("e.json").exists());
    running.signal(Signal::INT);
    running.end().exits(130).complains("there is no evidence link.json: the run was interrupted");
    let left =
        fs::read_dir(place.path("")).expect("a directory").map(|entry| entry.expect("an entry").file_name());
    let mut left: Vec<_> = left.collect();
    left.sort();
    assert_eq!(left, ["link.json", "plugins"]);
}

#[test]
fn secrets_and_directories_do_not_get_into_evidence() {
    let place = place();
    let words =
        ["test", "provider", "plugins/mock", "--filter", "load-and-leave@head", "--evidence", "e.json"];
    let mut command = place.command([&words[..], &["--env", "API_TOKEN"]].concat());
    command
        .env("API_TOKEN", "hush-hush")
        .env("CI", "true")
        .env("CI_JOB_URL", "https://ci.example/hush-hush/7");
    place.finish(command).exits(0);
    let text = place.read("e.json");
    assert!(
        !text.contains("hush-hush") && text.contains("https://ci.example/[secret:API_TOKEN]/7"),
        "{text}"
    );
    assert_eq!(evidence(&place)["run"]["variables"][0], "API_TOKEN");
    assert!(!text.contains(&*place.path("").to_string_lossy()), "{text}");
}

#[test]
fn the_engine_gets_evidence_in_its_own_form() {
    let place = place();
    test(&place, &["--revisions", ">=0.56", "--evidence-format", "wfctl"]).exits(0);
    let kept = evidence(&place);
    assert_eq!((&kept["plugin"], &kept["version"]), (&"mock".into(), &"v0.1.0".into()));
    assert_eq!((&kept["mode"], &kept["status"]), (&"typed-iac".into(), &"pass".into()));
    assert_eq!(kept["compatibleEngineRange"]["min"], "v0.56.0");
    assert!(kept["evidenceDigest"].as_str().is_some_and(|digest| digest.len() == "sha256:".len() + 64));
    verify(&place, &["plugins/mock"]).exits(2).complains("in the form of the engine");
    // What fails, and what is not judged, does not pass.
    place.write("plugins/mock/plugin.json", r#"{"name":"mock","version":"0.1"}"#);
    test(&place, &["--revisions", "head", "--evidence-format", "wfctl"]).exits(1);
    assert_eq!(evidence(&place)["status"], "fail");
    let words =
        ["--filter", "dispatch-error-mid-plan@head", "--evidence", "e.json", "--evidence-format", "wfctl"];
    place.run([&["test", "provider", "plugins/mock"], &words[..]].concat()).exits(4);
    let kept = evidence(&place);
    assert_eq!((&kept["status"], &kept["failureReason"]), (&"fail".into(), &"nothing was judged".into()));
}

#[test]
fn engines_decoders_and_command_lines_leave_evidence_too() {
    let place = Place::new();
    // Small beside what it starts, and so looked at in no time.
    place.write("ours", format!("#!/bin/sh\nexec {PROGRAM} \"$@\"\n"));
    fs::set_permissions(place.path("ours"), fs::Permissions::from_mode(0o755)).expect("it can be run");
    for (words, kind, command) in [
        (
            &["decoder", "--made-up", "20", "-f", "adapter-*", "-f", "made-up-*"][..],
            "decoder",
            &["adapter", "decoder"][..],
        ),
        (&["engine", "-f", "all-kinds-succeed@head"], "engine", &["adapter", "engine"]),
        (
            &["wfctl", "-f", "all-kinds-succeed", "--revision", "0.57"],
            "command-line",
            &["stand-in", "wfctl", "--revision", "0.57"],
        ),
    ] {
        let command = [&["--evidence", "e.json", "--", "./ours"], command].concat();
        place.run([&["test"], words, &command].concat()).exits(0);
        assert_eq!(evidence(&place)["subject"]["kind"], kind);
        verify(&place, &["./ours"]).exits(0);
        // Found as it is when it is started.
        verify(&place, &["sh"]).exits(1).says("the program is another");
    }
}

#[test]
fn every_command_of_the_page_works_as_it_stands() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/evidence.md");
    let page = fs::read_to_string(page).expect("the page can be read");
    let blocks = page.split("```console\n").skip(1).filter_map(|rest| rest.split_once("```"));
    let commands: Vec<&str> = blocks.flat_map(|(block, _)| block.lines()).collect();
    assert_eq!(commands.len(), 5, "{page}");
    let place = Place::new();
    for command in commands {
        let words = command.strip_prefix("counterfoil ").expect("a command of ours");
        place.run(words.split(' ')).exits(0).quietly();
    }
}
