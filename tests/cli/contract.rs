//! The contract: shown, compared, and held against the files of others.

use std::{fs, path::Path};

use counterfoil_proto::Revision;
use prost::Message as _;
use serde_json::Value;

use crate::support::{Done, Place};

/// The contract as Counterfoil has it: everything that any revision had.
fn own() -> String {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto/proto/workflow/plugin/external/iac.proto");
    fs::read_to_string(file).unwrap()
}

/// It, with one thing changed.
fn changed(from: &str, to: &str) -> String {
    let own = own();
    let changed = own.replacen(from, to, 1);
    assert_ne!(changed, own, "{from:?} is not in it");
    changed
}

fn check(proto: &str, options: &[&str]) -> Done {
    let place = Place::with([("other.proto", proto)]);
    place.run([&["contract", "check", "other.proto"], options].concat())
}

#[test]
fn every_revision_is_shown_in_every_form() {
    let place = Place::new();
    for &revision in Revision::ALL {
        let show = |format: &str| {
            let name = revision.to_string();
            place.run(["contract", "show", "--revision", &name, "--format", format]).exits(0).quietly()
        };
        let (text, json, yaml) = (show("text"), show("json"), show("yaml"));
        let text = text.says(&format!("revision {revision}")).says("\nservices\n").says("ResourceDriver");
        let json: Value = serde_json::from_str(&json.out).unwrap();
        let yaml: Value = serde_yaml::from_str(&yaml.out).unwrap();
        assert_eq!(json, yaml);
        let has_apply = json.to_string().contains("ApplyResult");
        assert_eq!(has_apply, revision < Revision::V0_57, "{revision}");
        let plain = place.run(["contract", "show", "--revision", &revision.to_string()]).exits(0);
        assert_eq!(plain.out, text.out);
    }
    let head = place.run(["contract", "show"]).exits(0);
    assert_eq!(head.out, place.run(["contract", "show", "--revision", "head"]).exits(0).out);
}

#[test]
fn a_revision_is_meant_by_name_alias_and_version() {
    let place = Place::new();
    for (given, meant) in [
        ("0.51", "0.51"),
        ("v1-baseline", "0.51"),
        ("phase-2", "0.54"),
        ("phase-2.5", "0.55"),
        ("phase-2.3", "0.56"),
        ("apply-removed", "0.57"),
        ("0.54.3", "0.54"),
        ("v0.54.3", "0.54"),
        ("0.57.0-rc1", "0.57"),
        // The one tag that does not stand where its number says.
        ("v0.56.0-rc1", "0.57"),
        ("0.56.0", "0.56"),
        ("0.58.2", "0.57"),
        ("0.86.1-0.20260716181633-2805e84318b0", "head"),
        ("0.86.0", "head"),
        ("9.9.9", "head"),
    ] {
        let show = |revision: &str| place.run(["contract", "show", "--revision", revision]).exits(0).out;
        assert_eq!(show(given), show(meant), "{given}");
    }
    for (given, complaint) in [
        ("0.52", "unknown revision"),
        ("phase-9", "unknown revision"),
        ("0.1.0", "0.1.0"),
        ("0.57.x", "0.57.x"),
        ("", ""),
    ] {
        place.run(["contract", "show", "--revision", given]).exits(2).complains(complaint);
    }
}

#[test]
fn what_changed_between_revisions_is_told() {
    let place = Place::new();
    let done = place
        .run(["contract", "diff", "0.54", "0.56"])
        .exits(0)
        .quietly()
        .says("+ service IaCProviderFinalizer")
        .says("+ value ActionStatus.ACTION_STATUS_SKIPPED = 6")
        .says("- reserved ActionStatus 4")
        .says("~ engine.status_map changed: late -> by-phase");
    let by_alias = place.run(["contract", "diff", "phase-2", "phase-2.3"]).exits(0);
    assert_eq!(by_alias.out, done.out);
    place.run(["contract", "diff", "0.56", "0.57"]).exits(0).says("- message ApplyResult");
    let none = place.run(["contract", "diff", "0.56", "0.56", "--format", "json"]).exits(0);
    assert_eq!(serde_json::from_str::<Value>(&none.out).unwrap(), Value::Array(Vec::new()));
    let json = place.run(["contract", "diff", "0.54", "0.56", "--format", "json"]).exits(0).out;
    let yaml = place.run(["contract", "diff", "0.54", "0.56", "--format", "yaml"]).exits(0).out;
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), serde_yaml::from_str::<Value>(&yaml).unwrap());
}

#[test]
fn our_own_file_keeps_to_every_revision_but_for_numbers_that_were_set_aside() {
    for &revision in Revision::ALL {
        // It has everything that any revision had, and what a revision has not is named. Two statuses have numbers that
        // earlier revisions had reserved for them.
        let reserved = [Revision::V0_54, Revision::V0_55].contains(&revision);
        let breaking = if reserved { 2 } else { 0 };
        let done = check(&own(), &["--revision", &revision.to_string()])
            .exits(i32::from(reserved))
            .quietly()
            .says(&format!("against revision {revision}: {breaking} breaking, "))
            .says("addition\n");
        if reserved {
            done.says("number-reused: value workflow.plugin.external.iac.ActionStatus.ACTION_STATUS_COMPENSATED = 4")
                .says("(revision 0.5");
        }
    }
}

#[test]
fn what_breaks_the_contract_is_found() {
    for (from, to, finding) in [
        // Renumbered.
        ("string plan_id = 1;", "string plan_id = 15;", "plan_id"),
        ("uint32 action_index = 1;", "uint32 action_index = 9;", "action_index"),
        (
            "ACTION_STATUS_DELETE_FAILED = 3;",
            "ACTION_STATUS_DELETE_FAILED = 9;",
            "ACTION_STATUS_DELETE_FAILED",
        ),
        // Retyped.
        ("uint32 action_index = 1;", "string action_index = 1;", "expected uint32, found string"),
        ("string plan_id = 1;", "repeated string plan_id = 1;", "expected singular, found repeated"),
        // A number that was set aside.
        ("  reserved 2;", "  string again = 2;", "again"),
        // Gone.
        ("uint32 action_index = 1;", "", "action_index"),
        ("rpc Capabilities(CapabilitiesRequest) returns (CapabilitiesResponse);", "", "Capabilities"),
    ] {
        check(&changed(from, to), &["--revision", "0.56"])
            .exits(1)
            .quietly()
            .says("\nbreaking\n")
            .says(finding);
    }
    // What breaks one revision is no matter at another.
    let renumbered = changed("uint32 action_index = 1;", "uint32 action_index = 9;");
    check(&renumbered, &["--revision", "0.57"]).exits(0).says("0 breaking");
}

#[test]
fn unknown_additions_are_named() {
    for (from, to, name) in [
        (
            "message ActionResult {",
            "message ActionResult {\n  string blame = 99;",
            "ActionResult.blame = 99: string",
        ),
        ("message ActionResult {", "message Novelty { string a = 1; }\nmessage ActionResult {", "Novelty"),
        (
            "enum ActionStatus {",
            "enum ActionStatus {\n  ACTION_STATUS_LOST = 42;\n",
            "ACTION_STATUS_LOST = 42",
        ),
        (
            "service ResourceDriver {",
            "service ResourceDriver {\n  rpc Guess(ResourceCreateRequest) returns (ResourceCreateResponse);",
            "ResourceDriver.Guess",
        ),
    ] {
        let mut text = changed(from, to);
        if name.contains("LOST") {
            // The first value of an enum is 0.
            text = changed(
                "ACTION_STATUS_UNSPECIFIED = 0;",
                "ACTION_STATUS_UNSPECIFIED = 0;\n  ACTION_STATUS_LOST = 42;",
            );
        }
        let done = check(&text, &["--revision", "0.56", "--format", "json"]).exits(0);
        let report: Value = serde_json::from_str(&done.out).unwrap();
        let named = report["findings"].as_array().unwrap().iter().any(|finding| {
            finding["severity"] == "addition"
                && name.contains(finding["path"].as_str().unwrap().rsplit('.').next().unwrap())
        });
        assert!(named, "{done}");
        check(&text, &["--revision", "0.56"]).exits(0).says("addition\n").says(name);
    }
}

#[test]
fn descriptor_sets_are_read_too() {
    let place = Place::with([("iac.proto", own().as_str())]);
    let set = protox::compile([place.path("iac.proto")], [place.path("")]).unwrap();
    place.write("set.binpb", set.encode_to_vec());
    let from_set = place.run(["contract", "check", "set.binpb", "--revision", "0.56"]).exits(0);
    let from_text = place.run(["contract", "check", "iac.proto", "--revision", "0.56"]).exits(0);
    assert_eq!(from_set.out, from_text.out);

    place.write("none.binpb", []);
    place
        .run(["contract", "check", "none.binpb"])
        .exits(1)
        .says("the descriptors hold no package of the contract");
    place.write("other.proto", "syntax = \"proto3\"; package other; message A {}");
    place.run(["contract", "check", "other.proto"]).exits(1).says("other: not part of the contract");
}

#[test]
fn what_cannot_be_read_is_no_verdict() {
    check("syntax = \"proto3\";\nmessage {", &[])
        .exits(2)
        .complains("other.proto:2:9]")
        .complains("error: other.proto does not compile");
    check("syntax = \"proto3\";\nimport \"common/types.proto\";\n", &[])
        .exits(2)
        .complains("'common/types.proto' not found")
        .complains("other.proto:2:1]");
    check("syntax = \"proto3\";\nmessage A { B b = 1; }", &[]).exits(2).complains("'B'");

    let place = Place::new();
    fs::create_dir(place.path("folder.proto")).unwrap();
    place.write("junk.bin", [0xff; 64]);
    place.write("latin.proto", b"syntax = \"proto3\"; // \xfc\n");
    fs::File::create(place.path("large.bin")).unwrap().set_len(5_000_000_000).unwrap();
    fs::File::create(place.path("large.proto")).unwrap().set_len(5_000_000_000).unwrap();
    for (file, complaint) in [
        ("missing.proto", "missing.proto cannot be read: No such file"),
        ("missing.bin", "missing.bin cannot be read: No such file"),
        (".", "cannot be read: Is a directory"),
        ("folder.proto", "folder.proto"),
        ("junk.bin", "junk.bin is neither a .proto file nor an encoded FileDescriptorSet"),
        ("latin.proto", "latin.proto"),
        ("large.bin", "large.bin is larger than"),
        ("large.proto", "large.proto is larger than"),
        ("/dev/zero", "/dev/zero"),
    ] {
        place.run(["contract", "check", file]).exits(2).complains(complaint);
    }
}
