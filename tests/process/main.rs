//! Plugins under `counterfoil test provider`, those in order and broken ones: what is told of them, and that nothing of
//! them stays. That each broken one is found by its rules, and by no other, is what the kill matrix shows.

#![expect(clippy::unwrap_used, reason = "a test")]

mod explored;
mod leftovers;
mod profiles;
mod subjects;

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use counterfoil_core::rules::{self, Level};
use counterfoil_mock::broken::process::{CONTROLS, PROCESSES, ProcessMutant, ShowsIn};
use counterfoil_proto::handshake::{COOKIE_KEY, COOKIE_VALUE, Line, SOCKET_DIR};
use leftovers::running_below;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

const COUNTERFOIL: &str = env!("CARGO_BIN_EXE_counterfoil");
const PLUGIN: &str = env!("CARGO_BIN_EXE_hostile-plugin");

/// How many plugins are under test at once.
const AT_ONCE: usize = 4;

/// A plan that calls a driver, for what misbehaves there.
const ONE_CREATE: &str = "\
id: one-create
title: One resource is created
tags: [process]
plan: { actions: [create: { name: net, type: infra.vpc }] }
";

/// What findings have to say of broken processes, beside that there are any.
const TOLD: [(&str, &str); 20] = [
    ("wrong-core", "2"),
    ("wrong-app", "9"),
    ("wrong-network", "udp"),
    ("wrong-protocol", "netrpc"),
    ("exit-before-line", "3"),
    ("exit-after-line", "3"),
    ("address-elsewhere", "192.0.2.1"),
    ("not-serving", "NOT_SERVING"),
    ("registry-lies", "IaCProviderEnumerator"),
    ("served-not-registered", "ResourceDriver"),
    ("gate-v1", "v1"),
    ("gate-typo", "V2"),
    ("calls-home", "api.example.com"),
    ("exit-in-call", "3"),
    ("panic-in-call", "runtime error"),
    ("hang-in-apply", "Apply"),
    ("reflection-contradicts", "ResourceRef.provider_id"),
    ("reflection-adds", "ResourceRef.zone"),
    ("reflection-of-nothing", "no package"),
    ("reflection-absent", "Unimplemented"),
];

/// Broken processes of which something could stay, whatever is told of them.
const STAYING: [&str; 9] = [
    "no-line",
    "half-line",
    "huge-line",
    "hang-in-create",
    "hang-in-shutdown",
    "ignore-sigterm",
    "grandchildren",
    "leaves-socket",
    "storm",
];

/// What came of testing a process.
struct Tested {
    output: Output,
    /// The findings, each as its rule and its message.
    findings: Vec<(String, String)>,
    /// Processes that were left, by their command lines.
    left: Vec<String>,
    /// What was left in the directory for temporary files.
    temporary: Vec<String>,
}

fn test(mutant: &ProcessMutant) -> Tested {
    let place = TempDir::new().unwrap();
    let file = |name: &str| place.path().join(name);
    symlink(PLUGIN, file(mutant.name)).unwrap();
    fs::write(file("one-create.yaml"), ONE_CREATE).unwrap();
    fs::create_dir(file("tmp")).unwrap();
    let mut command = Command::new(COUNTERFOIL);
    command
        .current_dir(place.path())
        .env_clear()
        .env("TMPDIR", file("tmp"))
        .args(["test", "provider"])
        .arg(file(mutant.name))
        .args(["--revisions", &mutant.revision.to_string()])
        .args(["--report", "json=report.jsonl"]);
    match mutant.shows_in {
        ShowsIn::Plan => command.args(["--live", "--scenario", "one-create.yaml"]),
        ShowsIn::Questions => command.args(["--filter", "questions-without-end"]),
        ShowsIn::Load => command.args(["--filter", "load-and-leave"]),
    };
    if mutant.mtls {
        command.arg("--mtls");
    }
    if mutant.reflect {
        command.arg("--reflect");
    }
    let millis = |deadline: Option<Duration>| deadline.map_or(20_000, |deadline| deadline.as_millis());
    command.arg(format!("--start-deadline={}ms", millis(mutant.start)));
    command.arg(format!("--call-deadline={}ms", millis(mutant.call)));
    let output = command.output().unwrap();
    let report = fs::read_to_string(file("report.jsonl")).unwrap_or_default();
    let findings = report.lines().flat_map(|line| {
        let event: Value = serde_json::from_str(line).unwrap();
        let findings = event["finished"]["findings"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        findings.iter().map(|finding| (text(&finding["rule"]), text(&finding["message"]))).collect::<Vec<_>>()
    });
    Tested {
        findings: findings.collect(),
        left: running_below(place.path()),
        temporary: names_in(&file("tmp")),
        output,
    }
}

/// Starts `counterfoil test provider` on a process by its name, in a place of its own.
fn start(place: &TempDir, name: &str, more: &[&str]) -> Child {
    symlink(PLUGIN, place.path().join(name)).unwrap();
    fs::create_dir(place.path().join("tmp")).unwrap();
    let mut command = Command::new(COUNTERFOIL);
    command
        .current_dir(place.path())
        .env_clear()
        .env("TMPDIR", place.path().join("tmp"))
        .args(["test", "provider"])
        .arg(place.path().join(name))
        .args(["--revisions", "head"])
        .args(more)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// Waits until something is so, at most for half a minute.
fn wait_until(is_so: impl Fn() -> bool, what: &str) {
    let until = Instant::now() + Duration::from_secs(30);
    let (_keep, never) = mpsc::channel::<()>();
    while !is_so() {
        assert!(Instant::now() < until, "{what} did not come about");
        let _ = never.recv_timeout(Duration::from_millis(10));
    }
}

fn names_in(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

/// What is wrong with how the test of a process came out, of which a finding has to say this.
fn complaints(mutant: &ProcessMutant, says: &str) -> Vec<String> {
    let Tested { output, findings, left, temporary } = test(mutant);
    let mut complaints = Vec::new();
    let found: BTreeSet<&str> = findings.iter().map(|(rule, _)| rule.as_str()).collect();
    let declared: BTreeSet<&str> = mutant.caught_by.iter().copied().collect();
    if found != declared {
        complaints.push(format!("{:?} should find something, and did {findings:?}", mutant.caught_by));
    }
    if !says.is_empty() && !findings.iter().any(|(_, message)| message.contains(says)) {
        complaints.push(format!("no finding says {says:?}: {findings:?}"));
    }
    let must = |rule: &&str| rules::find(rule).is_some_and(|rule| rule.level == Level::Must);
    let expected = i32::from(mutant.caught_by.iter().any(must));
    if output.status.code() != Some(expected) {
        complaints.push(format!("exit {:?} instead of {expected}", output.status.code()));
    }
    if !left.is_empty() || !temporary.is_empty() {
        complaints.push(format!("left behind: {left:?} {temporary:?}"));
    }
    if !complaints.is_empty() {
        complaints.push(String::from_utf8_lossy(&output.stdout).into_owned());
        complaints.push(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    complaints
}

/// The processes whose test shows what the kill matrix does not, each with what a finding has to say of it.
fn told() -> Vec<(&'static ProcessMutant, &'static str)> {
    let named = |name: &str| PROCESSES.iter().find(|mutant| mutant.name == name).unwrap();
    let staying = STAYING.iter().map(|name| (*name, ""));
    let broken = TOLD.into_iter().chain(staying).map(|(name, says)| (named(name), says));
    broken.chain(CONTROLS.iter().map(|control| (control, ""))).collect()
}

#[test]
fn what_a_process_does_wrong_is_told_and_nothing_of_it_is_left() {
    let (next, all) = (AtomicUsize::new(0), told());
    let wrong: Vec<String> = thread::scope(|scope| {
        let work = || {
            let mut wrong = Vec::new();
            while let Some((mutant, says)) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                let complaints = complaints(mutant, says);
                if !complaints.is_empty() {
                    wrong.push(format!("{} ({}):\n  {}", mutant.name, mutant.what, complaints.join("\n  ")));
                }
            }
            wrong
        };
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{} of {} processes:\n{}", wrong.len(), all.len(), wrong.join("\n"));
}

#[test]
fn nothing_of_a_plugin_outlives_counterfoil_however_that_ends() {
    for (signal, code) in [(Signal::INT, Some(130)), (Signal::TERM, Some(143)), (Signal::KILL, None)] {
        let place = TempDir::new().unwrap();
        let child = start(&place, "hang-in-initialize", &["--filter", "load-and-leave"]);
        let pid = Pid::from_child(&child);
        let plugin = place.path().join("hang-in-initialize").display().to_string();
        let runs = |what: &str| running_below(place.path()).iter().any(|line| line.starts_with(what));
        wait_until(|| runs(&plugin), "the plugin");
        kill_process(pid, signal).unwrap();
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), code, "{signal:?}: {}", String::from_utf8_lossy(&ended.stderr));
        wait_until(|| running_below(place.path()).is_empty(), "the end of every process");
        wait_until(|| names_in(&place.path().join("tmp")).is_empty() || code.is_none(), "an empty directory");
    }
}

/// All that can be said of a plugin offline is said of one that is in order, and all of it is good. What is left out is
/// left out with its reason.
#[test]
fn a_plugin_in_order_passes_the_whole_stock_suite() {
    let place = TempDir::new().unwrap();
    let done = start(&place, "good", &["--jobs", "2"]).wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&done.stdout);
    assert_eq!(done.status.code(), Some(0), "{text}{}", String::from_utf8_lossy(&done.stderr));
    assert!(text.contains("pass  killed-before-a-create"), "{text}");
    assert!(text.contains("not run: it reaches the provider's cloud, which takes --live"), "{text}");
    assert!(text.contains("more need --live"), "{text}");
    assert!(names_in(&place.path().join("tmp")).is_empty() && running_below(place.path()).is_empty());
}

/// Installs our own mock below `plugins`.
fn install_mock(place: &TempDir) {
    let install = Command::new(COUNTERFOIL)
        .args(["mock", "install", "--profile", "reference", "--into"])
        .arg(place.path().join("plugins"))
        .output()
        .unwrap();
    assert!(install.status.success(), "{}", String::from_utf8_lossy(&install.stderr));
}

/// Our own mock, served as a plugin and installed as a host looks for one, keeps every rule, those that only warn too.
#[test]
fn the_mock_is_a_plugin_in_order() {
    let place = TempDir::new().unwrap();
    install_mock(&place);
    for more in [&["--strict"][..], &["--strict", "--mtls", "--reflect"]] {
        let (code, text) = test_path(&place, "plugins", more);
        assert_eq!(code, Some(0), "{text}");
        assert!(text.contains("pass  load-and-leave  0.51 to head"), "{text}");
        assert!(text.contains("Initialize is given placeholders for mock"), "{text}");
    }
    let live = ["--live", "--scenario", "one-create.yaml", "--filter", "one-create"];
    fs::write(place.path().join("one-create.yaml"), ONE_CREATE).unwrap();
    let (code, text) = test_path(&place, "plugins", &live);
    assert!(code == Some(0) && text.contains("pass  one-create"), "{text}");
    assert!(running_below(place.path()).is_empty());
}

/// These updates fail on their way to a resource that is nowhere but in the scenario.
#[test]
fn a_plugin_is_not_blamed_for_the_absence_of_what_it_never_had() {
    let place = TempDir::new().unwrap();
    install_mock(&place);
    for scenario in ["cancelled-call", "deadline-in-the-last-action"] {
        let output = Command::new(COUNTERFOIL)
            .args(["test", "provider", "--live", "--revisions", "head", "--filter", scenario])
            .arg(place.path().join("plugins"))
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains(&format!("pass  {scenario} ")), "{text}");
    }
}

#[test]
fn a_plugin_that_runs_already_is_attached_to_and_left_alone() {
    let place = TempDir::new().unwrap();
    let mut serving = Command::new(COUNTERFOIL)
        .args(["mock", "serve", "--profile", "reference"])
        .env(COOKIE_KEY, COOKIE_VALUE)
        .env(SOCKET_DIR, place.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(serving.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let line: Line = line.parse().unwrap();
    for _ in 0..2 {
        let output = Command::new(COUNTERFOIL)
            .args(["test", "provider", "--attach", &format!("unix:{}", line.address)])
            .args(["--filter", "load-and-leave", "--revisions", "head"])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    }
    assert!(serving.try_wait().unwrap().is_none(), "it was left running");
    kill_process(Pid::from_child(&serving), Signal::TERM).unwrap();
    assert_eq!(serving.wait().unwrap().code(), Some(0));
}

/// Runs `counterfoil test provider` on a path in a directory, and gives its exit code and what it printed.
fn test_path(place: &TempDir, path: &str, more: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(COUNTERFOIL);
    command.current_dir(place.path()).env_clear();
    if place.path().join("tmp").is_dir() {
        command.env("TMPDIR", place.path().join("tmp"));
    }
    let command = command.args(["test", "provider", path, "--filter", "load-and-leave"]).args(more);
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    (output.status.code(), text.concat())
}

#[test]
fn what_does_not_start_is_told_why() {
    let place = TempDir::new().unwrap();
    let file = |name: &str| place.path().join(name);
    let write = |name: &str, content: &[u8], mode| {
        fs::write(file(name), content).unwrap();
        fs::set_permissions(file(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    let elf = fs::read(PLUGIN).unwrap();
    write("empty", b"", 0o755);
    write("no-mode", b"#!/bin/sh\n", 0o644);
    write("no-shebang", b"echo hello\n", 0o755);
    write("no-interpreter", b"#!/nowhere/sh\n", 0o755);
    write("truncated", &elf[..elf.len() / 100], 0o755);
    for (name, says) in [
        ("empty", "empty"),
        ("no-mode", "may not be executed"),
        ("no-shebang", "interpreter"),
        ("no-interpreter", "/nowhere/sh"),
        ("truncated", "cut short"),
    ] {
        let (code, text) = test_path(&place, name, &["--revisions", "head"]);
        assert!(
            code == Some(1) && text.contains("PROC-021") && text.contains(says),
            "{name}: {code:?}\n{text}"
        );
    }
    fs::create_dir(file("checkout")).unwrap();
    write("checkout/go.mod", b"module plugin\n", 0o644);
    for (path, says) in [("absent", "absent cannot be read"), ("checkout", "has no plugin.json")] {
        let (code, text) = test_path(&place, path, &[]);
        assert!(code == Some(2) && text.contains(says), "{path}: {code:?}\n{text}");
    }
}

#[test]
fn before_0_57_a_provider_that_does_not_declare_v2_is_warned_of() {
    let place = TempDir::new().unwrap();
    symlink(PLUGIN, place.path().join("gate-v1")).unwrap();
    let (code, text) = test_path(&place, "gate-v1", &["--revisions", "0.56"]);
    assert!(code == Some(0) && text.contains("CAP-007"), "{code:?}\n{text}");
    let (code, text) = test_path(&place, "gate-v1", &["--revisions", "0.56", "--strict"]);
    assert_eq!(code, Some(1), "{text}");
}

#[test]
fn a_manifest_that_declares_what_the_registry_lacks_is_found_and_gives_the_revisions() {
    let place = TempDir::new().unwrap();
    fs::create_dir(place.path().join("good")).unwrap();
    symlink(PLUGIN, place.path().join("good/good")).unwrap();
    let manifest = |services: &str| {
        let text = format!(
            r#"{{"name":"good","version":"1.0.0","author":"A","description":"D","minEngineVersion":"0.80.10",
                "capabilities":{{"iacProvider":{{"name":"mock"}}}},"iacServices":[{services}]}}"#
        );
        fs::write(place.path().join("good/plugin.json"), text).unwrap();
    };
    manifest(r#""workflow.plugin.external.iac.ResourceDriver""#);
    let (code, text) = test_path(&place, "good", &[]);
    assert!(code == Some(0) && text.contains("0.80 to head") && text.contains("2 runs"), "{code:?}\n{text}");
    manifest(r#""workflow.plugin.external.iac.IaCProviderEnumerator""#);
    let (code, text) = test_path(&place, "good", &[]);
    assert!(code == Some(1) && text.contains("CAP-011"), "{code:?}\n{text}");
}

#[test]
fn a_manifest_is_judged_with_its_places_whether_or_not_the_plugin_starts() {
    let place = TempDir::new().unwrap();
    let file = |name: &str| place.path().join(name);
    fs::create_dir_all(file("plugins/good")).unwrap();
    let manifest = "{\n  \"name\": \"Good\",\n  \"version\": \"1.2\",\n  \"minEngineVersion\": \"new\"\n}\n";
    fs::write(file("plugins/good/plugin.json"), manifest).unwrap();
    let places = ["plugins/good/plugin.json:2:11  \"name\": \"Good\"", "plugins/good/plugin.json:3:14"];
    let judged = |rules: &[&str]| {
        let report = ["--report", "json=report.jsonl", "--revisions", "head"];
        let (code, text) = test_path(&place, "plugins/good", &report);
        let report = fs::read_to_string(file("report.jsonl")).unwrap();
        assert!(code == Some(1) && rules.iter().all(|rule| text.contains(rule)), "{code:?}\n{text}");
        assert!(places.iter().all(|place| text.contains(place)), "{text}");
        let told = r#""place":{"file":"plugins/good/plugin.json","line":3,"column":14,"snippet":"#;
        assert!(report.contains(told), "{report}");
    };
    symlink(PLUGIN, file("plugins/good/good")).unwrap();
    judged(&["MAN-005", "MAN-006", "MAN-008", "MAN-009", "MAN-013"]);
    fs::remove_file(file("plugins/good/good")).unwrap();
    fs::write(file("plugins/good/good"), "").unwrap();
    judged(&["MAN-005", "MAN-006", "PROC-02"]);
}

#[test]
fn nothing_is_wrong_with_the_manifest_of_the_mock() {
    let place = TempDir::new().unwrap();
    install_mock(&place);
    let more = ["--strict", "--revisions", "head", "--report", "json=report.jsonl"];
    let (code, text) = test_path(&place, "plugins", &more);
    assert_eq!(code, Some(0), "{text}");
    let report = fs::read_to_string(place.path().join("report.jsonl")).unwrap();
    let judged = |rule: &str| report.contains(&format!("\"{rule}\""));
    assert!(["MAN-001", "MAN-014", "MAN-015", "MAN-016", "MAN-018"].into_iter().all(judged), "{report}");
}

#[test]
fn a_secret_of_the_config_shows_nowhere() {
    let place = TempDir::new().unwrap();
    let secret = "hush-hush-7f3a";
    symlink(PLUGIN, place.path().join("initialize-error")).unwrap();
    fs::write(place.path().join("config.yaml"), format!("region: nyc3\napi_token: {secret}\n")).unwrap();
    let report = ["--config", "config.yaml", "--report", "json=report.jsonl", "--keep-traces", "traces"];
    let (code, text) = test_path(&place, "initialize-error", &[&report[..], &["--strict"]].concat());
    assert!(code == Some(1) && text.contains("CAP-004"), "{code:?}\n{text}");
    let traces = fs::read_dir(place.path().join("traces")).unwrap();
    let kept: Vec<String> = traces.map(|trace| fs::read_to_string(trace.unwrap().path()).unwrap()).collect();
    assert!(!kept.is_empty());
    let report = fs::read_to_string(place.path().join("report.jsonl")).unwrap();
    let hex = hex::encode(secret);
    for told in kept.iter().chain([&text, &report]) {
        assert!(!told.contains(secret) && !told.contains(&hex), "{told}");
    }
    fs::write(place.path().join("config.yaml"), format!("api_token: '{secret}\n")).unwrap();
    let (code, text) = test_path(&place, "initialize-error", &["--config", "config.yaml"]);
    assert!(code == Some(2) && !text.contains(secret), "{text}");
}

/// A plugin says its secrets in whatever form, on either output, and in a line that we cut; none of it is told.
#[test]
fn a_plugin_that_says_its_secrets_is_not_quoted() {
    let place = TempDir::new().unwrap();
    let file = |name: &str| place.path().join(name);
    let config = "token: |\n  hush-hush-hush\nodd: { api-key: 'p&ss<word>9' }\nlines: { private_key: \"BEGIN\\nmiddle-of-key\\nEND\" }\n";
    fs::write(file("config.yaml"), config).unwrap();
    let filler = "x".repeat(1024 - 8);
    for (name, said) in [
        (
            "stderr",
            "echo 'token=hush-hush-hush, p\\u0026ss\\u003cword\\u003e9 and middle-of-key' >&2; exit 3"
                .to_owned(),
        ),
        ("first-line", format!("echo '{filler}hush-hush-hush'; exit 3")),
        ("log-line", format!("echo '{{\"@message\":1,\"x\":\"{filler}hush-hush-hush\"}}' >&2; exit 3")),
        ("variable", "echo \"$HUSH_TOKEN\" >&2; exit 3".to_owned()),
    ] {
        fs::write(file(name), format!("#!/bin/sh\n{said}\n")).unwrap();
        fs::set_permissions(file(name), fs::Permissions::from_mode(0o755)).unwrap();
        let output = Command::new(COUNTERFOIL)
            .current_dir(place.path())
            .env("HUSH_TOKEN", "hush-from-outside")
            .args(["test", "provider", name, "--filter", "load-and-leave", "--revisions", "head"])
            .args(["--config", "config.yaml", "--env", "HUSH_TOKEN"])
            .args(["--report", "json=report.jsonl", "--keep-traces", "traces"])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        let traces = fs::read_dir(file("traces")).unwrap().map(|trace| trace.unwrap().path());
        let mut told: Vec<Vec<u8>> =
            traces.chain([file("report.jsonl")]).map(|path| fs::read(path).unwrap()).collect();
        told.extend([output.stdout, output.stderr]);
        for told in told {
            let told = String::from_utf8_lossy(&told);
            for secret in ["hush-h", "ss<word", "u003cword", "middle-of-key", "hush-from"] {
                assert!(!told.contains(secret), "{name} tells {secret}:\n{told}");
            }
        }
    }
}

/// What a plugin makes read-only in its private directory goes with it.
#[test]
fn a_directory_that_a_plugin_locks_is_removed() {
    let place = TempDir::new().unwrap();
    fs::create_dir(place.path().join("tmp")).unwrap();
    let script = "#!/bin/sh\nmkdir -p \"$TMPDIR/a/b\"; echo x >\"$TMPDIR/a/b/f\"; chmod 555 \"$TMPDIR/a/b\" \"$TMPDIR/a\"; exit 3\n";
    fs::write(place.path().join("locks"), script).unwrap();
    fs::set_permissions(place.path().join("locks"), fs::Permissions::from_mode(0o755)).unwrap();
    let (code, text) = test_path(&place, "locks", &["--revisions", "head"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(names_in(&place.path().join("tmp")).is_empty());
}
