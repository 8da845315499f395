//! A plugin from its launch to the first reply.

#[path = "../../../tests/go-interop/programs.rs"]
pub(crate) mod programs;

use std::{
    io::{BufRead as _, BufReader, Lines, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use counterfoil::provider::process::{LaunchOptions, Plugin, settle};
use counterfoil_core::trace::Recorder;
use counterfoil_proto::plugin_v1::plugin_service_client::PluginServiceClient;
use programs::NotBuilt;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::runner::{self, Figures, median};

const COUNTERFOIL: &str = env!("CARGO_BIN_EXE_counterfoil");

/// How long the parts of a launch took: up to the handshake line, the connection, the reply.
type Phases = [Duration; 3];
const PHASES: [&str; 3] = ["start", "connect", "reply"];

/// Our host against one that is built with go-plugin. Both launch our mock, as it is installed for hosts, and ask it for
/// its registry.
pub(crate) fn to_first_reply(figures: &mut Figures) {
    for (name, mtls) in [("launch-to-first-reply", false), ("launch-to-first-reply-mtls", true)] {
        if !figures.wants(name) {
            continue;
        }
        let programs = match programs::build() {
            Ok(programs) => programs,
            Err(NotBuilt::NoGo(why)) => {
                figures.not_measured(name, &format!("it takes Go, and {why}"));
                continue;
            }
            Err(NotBuilt::Broken(output)) => panic!("the Go programs do not build\n{output}"),
        };
        let directory = tempfile::tempdir().expect("there is room for files");
        let mock = install(directory.path());
        let runtime =
            tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("it can be had");
        let mut go = GoHost::start(&programs, &mock, mtls);
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        figures.pairs(
            name,
            1.25,
            || kept(&mut ours, launch(&runtime, &mock, mtls)),
            || kept(&mut theirs, go.launch()),
        );
        for (at, phase) in PHASES.into_iter().enumerate() {
            let middle = |all: &[Phases]| median(all[1..].iter().map(|phases| phases[at]).collect());
            runner::part(phase, middle(&ours), middle(&theirs));
        }
    }
}

/// Keeps the parts, and gives the whole.
fn kept(all: &mut Vec<Phases>, phases: Phases) -> Duration {
    all.push(phases);
    phases.iter().sum()
}

/// Lays the mock out as a plugin.
fn install(into: &Path) -> PathBuf {
    let installed = Command::new(COUNTERFOIL)
        .args(["mock", "install", "--profile", "reference", "--into"])
        .arg(into)
        .output()
        .expect("the command can be started");
    assert!(installed.status.success(), "the mock can be installed");
    into.join("mock/mock")
}

/// Launches a plugin by our host, and ends it again.
fn launch(runtime: &Runtime, mock: &Path, mtls: bool) -> Phases {
    let mut options = LaunchOptions::supervised_by(COUNTERFOIL, mock);
    options.mtls = mtls;
    let phases = runtime.block_on(async {
        let begun = Instant::now();
        let plugin = Plugin::launch(options, Recorder::default()).await.expect("the mock starts");
        let (launched, connected) = (begun.elapsed(), Instant::now());
        let mut client = PluginServiceClient::new(plugin.connection());
        client.get_contract_registry(()).await.expect("the mock has a registry");
        let replied = connected.elapsed();
        let start = plugin.timings().start;
        plugin.stop().await;
        [start, launched.saturating_sub(start), replied]
    });
    // What ends the one launch must not slow down the next.
    assert!(settle(Duration::from_secs(10)), "a supervisor is left");
    phases
}

/// The Go host, which launches a plugin each time that it is told to.
struct GoHost {
    process: Child,
    ask: Option<ChildStdin>,
    answers: Lines<BufReader<ChildStdout>>,
}

impl GoHost {
    fn start(programs: &Path, mock: &Path, mtls: bool) -> Self {
        let mut process = Command::new(programs.join("host-hashicorp"))
            .arg("--times")
            .args(mtls.then_some("--mtls"))
            .arg(mock)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the Go host can be started");
        let ask = process.stdin.take();
        let mut answers = BufReader::new(process.stdout.take().expect("it is piped")).lines();
        answers.next().expect("it tells its versions").expect("text");
        Self { process, ask, answers }
    }

    fn launch(&mut self) -> Phases {
        let mut ask = self.ask.as_ref().expect("it is open");
        ask.write_all(b"\n").expect("the Go host takes it");
        let answer = self.answers.next().expect("the Go host answers").expect("text");
        let answer: Value = serde_json::from_str(&answer).expect("it is JSON");
        PHASES.map(|phase| {
            let micros = answer[format!("{phase}_us")].as_u64();
            Duration::from_micros(micros.unwrap_or_else(|| panic!("the Go host says {answer}")))
        })
    }
}

impl Drop for GoHost {
    fn drop(&mut self) {
        self.ask = None;
        let _ = self.process.wait();
    }
}
