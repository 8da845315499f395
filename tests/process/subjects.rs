//! What `counterfoil test provider` takes for a plugin: archives, and checkouts that are built first.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
};

use flate2::{Compression, write::GzEncoder};
use rustix::process::{Pid, Signal, kill_process};
use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

use super::{COUNTERFOIL, PLUGIN, names_in, running_below, test_path, wait_until};

/// A plugin in order, as a script: the hostile plugin goes by the name under which it is started.
fn plugin() -> String {
    format!("#!/bin/bash\nexec -a good '{PLUGIN}'\n")
}

/// The members of an archive, by path.
type Members<'a> = &'a [(&'a str, &'a [u8])];

fn pack(path: &Path, members: Members<'_>) {
    let mut builder = Builder::new(GzEncoder::new(fs::File::create(path).unwrap(), Compression::fast()));
    for (name, content) in members {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(EntryType::Regular);
        header.set_size(content.len() as u64);
        header.set_mode(if name.ends_with("json") { 0o644 } else { 0o755 });
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap();
}

const MANIFEST: &[u8] = br#"{
  "name": "workflow-plugin-good",
  "version": "1.2.3",
  "author": "Somebody",
  "description": "A plugin in good order",
  "minEngineVersion": "0.80.10",
  "capabilities": { "iacProvider": { "name": "mock" } },
  "iacProvider": { "computePlanVersion": "v2" }
}"#;

#[test]
fn a_release_archive_is_tested_as_what_is_in_it() {
    let place = TempDir::new().unwrap();
    fs::create_dir(place.path().join("tmp")).unwrap();
    let program = plugin();
    for (archive, program_name) in [
        ("by-name.tar.gz", "workflow-plugin-good"),
        ("short.tar.gz", "good"),
        ("by-platform.tgz", "workflow-plugin-good_linux_amd64"),
        ("one-directory-down", "good_1.2.3/workflow-plugin-good"),
    ] {
        let manifest = match program_name.rsplit_once('/') {
            Some((directory, _)) => format!("{directory}/plugin.json"),
            None => "plugin.json".to_owned(),
        };
        pack(&place.path().join(archive), &[(&manifest, MANIFEST), (program_name, program.as_bytes())]);
        let (code, text) = test_path(&place, archive, &["--report", "json=report.jsonl"]);
        assert_eq!(code, Some(0), "{archive}: {text}");
        assert!(text.contains("workflow-plugin-good 1.2.3  ") && text.contains("0.80 to head"), "{text}");
        let report = fs::read_to_string(place.path().join("report.jsonl")).unwrap();
        assert!(report.contains(r#""archive_sha256":""#) && report.contains(archive), "{report}");
    }
    assert!(names_in(&place.path().join("tmp")).is_empty());
}

#[test]
fn an_archive_that_is_not_taken_is_told_why_and_nothing_is_run() {
    let place = TempDir::new().unwrap();
    fs::create_dir(place.path().join("tmp")).unwrap();
    let program = plugin();
    let (manifest, program) = (("plugin.json", MANIFEST), program.as_bytes());
    let archives: [(&str, Members<'_>, &str); 6] = [
        ("outside", &[manifest, ("../evil", program)], "\"../evil\" has a path that leads out"),
        ("absolute", &[manifest, ("/tmp/evil", program)], "\"/tmp/evil\" has an absolute path"),
        ("empty", &[], "empty.tar.gz has no plugin.json"),
        ("no-program", &[manifest], "no-program.tar.gz/workflow-plugin-good is missing"),
        (
            "two-programs",
            &[manifest, ("workflow-plugin-good_a", program), ("workflow-plugin-good_b", program)],
            "several that could be it: two-programs.tar.gz/workflow-plugin-good_a, two-programs",
        ),
        (
            "two-plugins",
            &[("a/plugin.json", MANIFEST), ("b/plugin.json", MANIFEST)],
            "holds several plugins, give one of them: two-plugins.tar.gz/a, two-plugins.tar.gz/b",
        ),
    ];
    for (name, members, says) in archives {
        let archive = format!("{name}.tar.gz");
        pack(&place.path().join(&archive), members);
        let (code, text) = test_path(&place, &archive, &[]);
        assert!(code == Some(2) && text.contains(says), "{name}: {code:?}\n{text}");
    }
    pack(&place.path().join("broken.tar.gz"), &[("plugin.json", b"{\n  \"name\": \n}")]);
    let (code, text) = test_path(&place, "broken.tar.gz", &[]);
    assert!(code == Some(2) && text.contains("broken.tar.gz/plugin.json:3:1"), "{text}");
    // Where the program can be told all the same, it is tested.
    let program = ("workflow-plugin-good", program);
    for (name, manifest, says) in [
        ("no-json", Some("{ \"name\": }"), "no-json.tar.gz/plugin.json:1:11"),
        ("no-manifest", None, "there is no no-manifest.tar.gz/plugin.json"),
    ] {
        let manifest = manifest.map(|text| ("plugin.json", text.as_bytes()));
        let members: Vec<(&str, &[u8])> = manifest.into_iter().chain([program]).collect();
        pack(&place.path().join(format!("{name}.tar.gz")), &members);
        let (code, text) = test_path(&place, &format!("{name}.tar.gz"), &["--revisions", "head"]);
        assert!(code == Some(1) && text.contains("MAN-001") && text.contains(says), "{code:?}\n{text}");
    }
    fs::write(place.path().join("release.zip"), b"PK\x03\x04").unwrap();
    let (code, text) = test_path(&place, "release.zip", &[]);
    assert!(code == Some(2) && text.contains("a release archive is a .tar.gz"), "{text}");
    assert!(names_in(&place.path().join("tmp")).is_empty());
}

/// A checkout with a plugin that is not built.
fn checkout(place: &TempDir) {
    fs::create_dir(place.path().join("tmp")).unwrap();
    fs::create_dir(place.path().join("checkout")).unwrap();
    fs::write(place.path().join("checkout/plugin.json"), MANIFEST).unwrap();
    fs::write(place.path().join("checkout/main.sh"), plugin()).unwrap();
}

#[test]
fn a_checkout_is_built_first() {
    let place = TempDir::new().unwrap();
    checkout(&place);
    let (code, text) = test_path(&place, "checkout", &[]);
    assert!(code == Some(2) && text.contains("--build CMD"), "{code:?}\n{text}");

    let build = "echo building; mkdir -p bin && cp main.sh bin/good && chmod +x bin/good";
    let (code, text) = test_path(&place, "checkout", &["--build", build]);
    assert!(code == Some(0) && text.contains("building\n"), "{code:?}\n{text}");

    let (code, text) = test_path(&place, "checkout", &["--build", "echo no compiler; exit 7"]);
    assert!(code == Some(2) && text.contains("`echo no compiler; exit 7` failed: exit status: 7"), "{text}");
    let (code, text) = test_path(&place, "checkout/bin/good", &["--build", "true"]);
    assert!(code == Some(2) && text.contains("is no directory"), "{text}");
}

#[test]
fn a_build_ends_with_the_command_that_waits_for_it() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let place = TempDir::new().unwrap();
        checkout(&place);
        let script = place.path().join("checkout/build.sh");
        fs::write(&script, "#!/bin/sh\nsleep 100 & wait\n").unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        let child = Command::new(COUNTERFOIL)
            .current_dir(place.path())
            .env("TMPDIR", place.path().join("tmp"))
            .args(["test", "provider", "checkout", "--build", "./build.sh"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let running =
            || running_below(place.path()).into_iter().filter(|line| line.starts_with("sleep")).count();
        wait_until(|| running() == 1, "the build");
        kill_process(Pid::from_child(&child), signal).unwrap();
        let ended = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(code), "{text}");
        assert!(text.contains("was ended before it had finished"), "{text}");
        wait_until(|| running() == 0, "the end of the build");
        assert!(names_in(&place.path().join("tmp")).is_empty());
    }
}
