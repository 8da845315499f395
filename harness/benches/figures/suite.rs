//! The stock suite, as a person runs it.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use counterfoil::suite;

use crate::runner::{Figures, RUNS, median, timed};

/// The whole command, from its start to its end.
pub(crate) fn stock(figures: &mut Figures) {
    let name = "stock-suite";
    if !figures.wants(name) {
        return;
    }
    let time = median((0..RUNS).map(|_| command("run", &[])).collect());
    figures.single(name, &format!("{time:.2?}"), "2 s", time.as_secs_f64() < 2.0);
}

/// A thousand files, copied from the suite one after the other, each with an id of its own.
pub(crate) fn validate(figures: &mut Figures) {
    let name = "validate-1000-files";
    if !figures.wants(name) {
        return;
    }
    let directory = tempfile::tempdir().expect("there is room for files");
    for (at, (_, text)) in suite::FILES.iter().cycle().take(1_000).enumerate() {
        let text = text.replacen("\nid: ", &format!("\nid: c{at}-"), 1);
        fs::write(directory.path().join(format!("{at}.yaml")), text).expect("they can be written");
    }
    let time = median((0..RUNS).map(|_| command("validate", &[directory.path()])).collect());
    figures.single(name, &format!("{time:.2?}"), "2 s", time.as_secs_f64() < 2.0);
}

/// A scenario that hangs for half a second beside those of the suite that do not, against the longer of the two by itself:
/// a hang costs its deadline, and nothing where others take as long.
pub(crate) fn hang(figures: &mut Figures) {
    let name = "hang-beside-the-suite";
    if !figures.wants(name) {
        return;
    }
    let directory = tempfile::tempdir().expect("there is room for files");
    let hang = directory.path().join("hang.yaml");
    fs::write(&hang, HANG).expect("it can be written");
    let beside = directory.path().join("beside");
    fs::create_dir(&beside).expect("there is room");
    for (path, text) in suite::FILES.iter().filter(|(_, text)| !text.contains("deadline:")) {
        let file = Path::new(path).file_name().expect("it is a file");
        fs::write(beside.join(file), text).expect("it can be written");
    }
    let together = || command("run", &[&hang, &beside]);
    let apart = || command("run", &[&hang]).max(command("run", &[&beside]));
    figures.pairs(name, 1.15, together, apart);
}

/// The stock suite with every report that there is, against the terminal's alone.
pub(crate) fn reports(figures: &mut Figures) {
    let name = "all-reports";
    if !figures.wants(name) {
        return;
    }
    let with_all = || {
        // As in a fresh checkout: a file that is written over is written to the disk before the command ends.
        let directory = tempfile::tempdir().expect("there is room for reports");
        let files = ["json", "junit", "sarif", "tap", "html", "github"];
        let files = files.map(|format| format!("{format}={}", directory.path().join(format).display()));
        command("run", &[format!("--report={}", files.join(",")).as_ref()])
    };
    figures.pairs(name, 1.05, with_all, || command("run", &[]));
}

const HANG: &str = "\
id: hang
title: A hang costs its deadline
revisions: head
deadline: 500ms
plan: { actions: [create: { name: net, type: infra.vpc }] }
faults: [{ inject: transport, kind: hang, action: net }]
";

fn command(name: &str, paths: &[&Path]) -> Duration {
    timed(|| {
        let status = Command::new(env!("CARGO_BIN_EXE_counterfoil"))
            .arg(name)
            .args(paths)
            .stdout(Stdio::null())
            .status()
            .expect("the command can be started");
        assert!(status.success(), "{name} ends well");
    })
}
