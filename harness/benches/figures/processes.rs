//! What is left of plugins, and what they cost, after very many of them.

#[path = "../../../tests/process/leftovers.rs"]
mod leftovers;

use std::{
    collections::BTreeMap,
    env, fs,
    io::{self, Write as _},
    os::unix::fs::symlink,
    path::Path,
    process::{Command, ExitCode, Stdio},
    sync::mpsc,
    time::Duration,
};

use bytes::Bytes;
use counterfoil::provider::process::{Deadlines, LaunchOptions, Plugin, settle};
use counterfoil_core::trace::Recorder;
use counterfoil_mock::{RawClient, UnaryCall, broken::process::FLOOD_BYTES};
use leftovers::running_below;
use tempfile::TempDir;
use tower::ServiceExt as _;

use crate::runner::{Figures, kilobytes};

/// The argument with which this program launches plugins.
pub(crate) const LAUNCHES: &str = "--launches";

const COUNTERFOIL: &str = env!("CARGO_BIN_EXE_counterfoil");
const HOSTILE: &str = env!("CARGO_BIN_EXE_hostile-plugin");

/// How many are launched, and how many of them before memory is first looked at.
const ROUNDS: usize = 1_000;
const WARM_UP: usize = 100;

/// Who is launched, in turns: every other one is in order, the others by no means.
const PLUGINS: [&str; 12] = [
    "good",
    "exit-before-line",
    "good",
    "grandchildren",
    "good",
    "noise-before-line",
    "good",
    "panic-in-call",
    "good",
    "no-line",
    "good",
    "leaves-socket",
];

/// A thousand launches and kills in a row: nothing is left, and our own memory does not grow.
pub(crate) fn launches(figures: &mut Figures) {
    let name = "launches-1000";
    if !figures.wants(name) {
        return;
    }
    let place = TempDir::new().expect("there is room");
    let (plugins, temporary) = (place.path().join("plugins"), place.path().join("tmp"));
    for directory in [&plugins, &temporary] {
        fs::create_dir(directory).expect("there is room");
    }
    for plugin in PLUGINS {
        // Some are there already.
        let _ = symlink(HOSTILE, plugins.join(plugin));
    }
    let output = Command::new(env::current_exe().expect("we run from somewhere"))
        .arg(LAUNCHES)
        .arg(&plugins)
        .env("TMPDIR", &temporary)
        .stderr(Stdio::inherit())
        .output()
        .expect("we can be started again");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let numbers: BTreeMap<&str, i64> = told
        .split_whitespace()
        .filter_map(|word| word.split_once('='))
        .filter_map(|(name, number)| Some((name, number.parse().ok()?)))
        .collect();
    let of = |name: &str| numbers.get(name).copied().unwrap_or(i64::MAX);
    let left = |name: &str| shown(of(name));
    for what in ["processes", "sockets", "files", "descriptors"] {
        figures.single(&format!("{name}: {what}"), &left(what), "0", of(what) == 0);
    }
    figures.single(
        &format!("{name}: memory"),
        &format!("{} kB", left("grown")),
        "10000 kB",
        of("grown") < 10_000,
    );
}

fn shown(number: i64) -> String {
    if number == i64::MAX { "unknown".to_owned() } else { number.to_string() }
}

/// Launches plugins from a directory one after the other, and prints what is left of them.
pub(crate) fn launch_all(plugins: &Path) -> ExitCode {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime can be had");
    let temporary = env::temp_dir();
    let (mut descriptors, mut memory) = (0, 0);
    for round in 0..ROUNDS {
        if round == WARM_UP {
            (descriptors, memory) = (entries("/proc/self/fd".as_ref()), resident());
        }
        let plugin = PLUGINS[round % PLUGINS.len()];
        runtime.block_on(launch(&plugins.join(plugin), round % 4 == 0));
    }
    let grown = resident() - memory;
    let settled = settle(Duration::from_secs(30));
    assert!(settled, "every supervisor ends");
    let descriptors = entries("/proc/self/fd".as_ref()) - descriptors;
    let sockets = sockets_below(&temporary);
    let running = running_below(plugins);
    for process in &running {
        let _ = writeln!(io::stderr(), "left: {process}");
    }
    println!(
        "processes={} sockets={sockets} files={} descriptors={descriptors} grown={grown}",
        running.len(),
        entries(&temporary),
    );
    ExitCode::SUCCESS
}

/// One launch, one call, and the end: by the protocol, or by a kill.
async fn launch(program: &Path, gently: bool) {
    let mut options = LaunchOptions::supervised_by(COUNTERFOIL, program);
    let short = Duration::from_millis(300);
    options.deadlines = Deadlines {
        start: Duration::from_secs(20),
        shutdown_call: short,
        shutdown: short,
        ..Deadlines::default()
    };
    if program.ends_with("no-line") {
        options.deadlines.start = short;
    }
    let Ok(plugin) = Plugin::launch(options, Recorder::default()).await else { return };
    let client = RawClient::new(plugin.connection());
    let call = UnaryCall {
        id: 0,
        method: "/workflow.plugin.external.iac.IaCProviderRequired/Capabilities",
        resource: String::new(),
        message: Bytes::new(),
    };
    // Some end in it, which is what they are here for.
    let _ = client.oneshot(call).await;
    if !gently {
        plugin.killer()();
    }
    plugin.stop().await;
}

fn entries(directory: &Path) -> i64 {
    fs::read_dir(directory).expect("it can be read").count().try_into().expect("there are not that many")
}

/// The memory of this process, in kB.
fn resident() -> i64 {
    let status = fs::read_to_string("/proc/self/status").expect("this is Linux");
    kilobytes(&status, "VmRSS:").expect("the kernel keeps it")
}

/// How many listening sockets lie below a directory.
fn sockets_below(directory: &Path) -> usize {
    let directory = directory.to_str().expect("it is UTF-8");
    let sockets = fs::read_to_string("/proc/net/unix").expect("this is Linux");
    sockets.lines().filter(|line| line.contains(directory)).count()
}

/// A plugin that floods its stderr with a gigabyte: our peak.
pub(crate) fn flood(figures: &mut Figures) {
    let name = "stderr-flood-1-GiB";
    if !figures.wants(name) {
        return;
    }
    let place = TempDir::new().expect("there is room");
    let plugin = place.path().join("stderr-flood");
    symlink(HOSTILE, &plugin).expect("there is room");
    let mut command = Command::new(COUNTERFOIL)
        .args(["test", "provider"])
        .arg(&plugin)
        .args(["--filter", "load-and-leave", "--revisions", "head", "--env", FLOOD_BYTES])
        .env(FLOOD_BYTES, (1_u64 << 30).to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it can be started");
    let status = format!("/proc/{}/status", command.id());
    // The peak only ever grows, so the last look at it counts. It is gone with the process.
    let (_keep, never) = mpsc::channel::<()>();
    let mut peak = 0;
    while command.try_wait().expect("it is our child").is_none() {
        peak =
            fs::read_to_string(&status).ok().and_then(|status| kilobytes(&status, "VmHWM:")).unwrap_or(peak);
        let _ = never.recv_timeout(Duration::from_millis(5));
    }
    let peak = peak / 1024;
    figures.single(name, &format!("{peak} MB"), "100 MB", peak > 0 && peak < 100);
}
