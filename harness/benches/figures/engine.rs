//! The engine over a real socket, the mock provider in a process of its own.

use std::{
    collections::BTreeMap,
    env, fs,
    io::{self, BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use counterfoil::provider::{Connection, FaultyTransport, connect};
use counterfoil_core::{
    decode::Strict,
    engine::{
        Applied, CommandLine, Context, HookFailures, Job, Semantics, apply,
        wire::{Access, Link, WireProvider},
    },
    json::JsonMap,
    plan::{Action, ActionKind, Plan, Spec},
    rules,
    trace::{Event, Header, Recorder, Subject, Trace},
};
use counterfoil_mock::{Provider, Setup, serve_unix};
use counterfoil_proto::{Hook, Revision, iac, iac::resource_driver_client::ResourceDriverClient};
use prost::Message as _;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::runner::{Figures, SERVE, kilobytes, timed};

/// The argument with which this program applies a plan and prints the most memory that it had.
pub(crate) const PEAK: &str = "--peak";

const ACTIONS: usize = 10_000;

/// Every hook that there is, as in a scenario that says nothing of them.
fn hooks() -> &'static [Hook] {
    Revision::Head.engine().hooks
}

/// The engine, recording and decoding strictly, against a tonic client that makes the same calls with the same bytes.
pub(crate) fn against_a_bare_client(figures: &mut Figures) {
    if !figures.wants("engine-over-socket") {
        return;
    }
    let runtime = runtime();
    let plan = plan(ACTIONS);
    let requests = requests(&runtime, &plan);
    figures.pairs(
        "engine-over-socket",
        1.25,
        || {
            let mock = Mock::start();
            let channel = mock.channel(&runtime);
            timed(|| runtime.block_on(drive(&plan, channel)))
        },
        || {
            let mock = Mock::start();
            let mut client = ResourceDriverClient::new(mock.channel(&runtime));
            let requests = requests.clone();
            timed(|| {
                runtime.block_on(async {
                    for request in requests {
                        client.create(request).await.expect("the mock creates it");
                    }
                });
            })
        },
    );
}

/// Ten times the actions, rules included.
pub(crate) fn ten_times_the_actions(figures: &mut Figures) {
    if !figures.wants("ten-times-the-actions") {
        return;
    }
    let runtime = runtime();
    let (few, many) = (plan(ACTIONS / 5), plan(ACTIONS * 2));
    let run = |plan: &Plan| -> Duration {
        let mock = Mock::start();
        let channel = mock.channel(&runtime);
        timed(|| judged(plan, runtime.block_on(drive(plan, channel))))
    };
    figures.pairs("ten-times-the-actions", 11.0, || run(&many), || run(&few));
}

/// The most memory that a plan of 100,000 actions takes, rules included.
pub(crate) fn memory(figures: &mut Figures) {
    let name = "memory-100k-actions";
    if !figures.wants(name) {
        return;
    }
    let mock = Mock::start();
    let out = Command::new(env::current_exe().expect("we run from somewhere"))
        .args([PEAK, mock.socket().to_str().expect("it is UTF-8"), "100000"])
        .output()
        .expect("we can be started again");
    let peak: u64 = String::from_utf8_lossy(&out.stdout).trim().parse().expect("it prints a number");
    figures.single(name, &format!("{peak} MB"), "400 MB", peak < 400);
}

/// Serves a mock provider until standard input ends.
pub(crate) fn serve(socket: &str) -> ExitCode {
    let stop = CancellationToken::new();
    let at_end = stop.clone();
    std::thread::spawn(move || {
        let _ = io::stdin().read(&mut [0]);
        at_end.cancel();
    });
    runtime().block_on(async {
        let serving =
            serve_unix(Path::new(socket), &Provider::new(Setup::default()), stop).expect("it can be bound");
        println!("ready");
        serving.await.expect("it serves");
    });
    ExitCode::SUCCESS
}

/// Applies a plan of so many actions, judges it, and prints the peak of this process in MB.
pub(crate) fn peak(arguments: &[String]) -> ExitCode {
    let runtime = runtime();
    let plan = plan(arguments[1].parse().expect("it is a number"));
    let channel = runtime.block_on(connect(PathBuf::from(&arguments[0]))).expect("the mock listens");
    judged(&plan, runtime.block_on(drive(&plan, channel)));
    let status = fs::read_to_string("/proc/self/status").expect("this is Linux");
    println!("{}", kilobytes(&status, "VmHWM:").expect("the kernel keeps it") / 1024);
    ExitCode::SUCCESS
}

/// Creates, one in ten with a reference to the one before it.
fn plan(actions: usize) -> Plan {
    let action = |index: usize| {
        let network = if index % 10 == 9 { format!("${{r-{}.id}}", index - 1) } else { "net-1".to_owned() };
        let config = format!(r#"{{"network":"{network}","region":"nyc3","replicas":3,"tags":["a","b"]}}"#);
        Action {
            kind: ActionKind::Create,
            spec: Spec {
                name: format!("r-{index}"),
                resource_type: "infra.cache".to_owned(),
                config: JsonMap::parse(config.into()).expect("it is JSON"),
                ..Spec::default()
            },
            current: None,
            changes: Vec::new(),
        }
    };
    Plan { id: "plan".to_owned(), actions: (0..actions).map(action).collect(), ..Plan::default() }
}

async fn drive(plan: &Plan, connection: Connection) -> (Applied, Vec<Event>) {
    let (log, revision, environment) = (Recorder::default(), Revision::Head, BTreeMap::new());
    let transport = FaultyTransport::new(connection, [], &[], log.clone());
    let (context, semantics) = (Context::default(), Semantics::at(revision));
    let link = Arc::new(Link::new(transport, Arc::new(Strict), revision, context.clone(), log.clone()));
    let provider = WireProvider::new(link, Access::default());
    let job = Job { plan, environment: &environment, context: &context };
    let (hooks, failures, plan_id) = (hooks(), &HookFailures::new(), &plan.id);
    let host = CommandLine { hooks, failures, plan_id, semantics: &semantics, log: &log };
    let applied = apply(job, &provider, &host, &semantics, &log).await;
    (applied, log.take())
}

/// Judges what was driven; nothing is found.
fn judged(plan: &Plan, (_, events): (Applied, Vec<Event>)) {
    let header = Header {
        plan: plan.clone(),
        hooks: hooks().to_vec(),
        ..Header::bare("figures", Revision::Head, Subject::Pair)
    };
    assert_eq!(rules::judge(&Trace { header, events }).findings, []);
}

/// What the engine sends for a plan.
fn requests(runtime: &Runtime, plan: &Plan) -> Vec<iac::ResourceCreateRequest> {
    let mock = Mock::start();
    let channel = mock.channel(runtime);
    let (_, events) = runtime.block_on(drive(plan, channel));
    let issued = events.into_iter().filter_map(|event| match event {
        Event::CallIssued { request, .. } => Some(request.0),
        _ => None,
    });
    issued.map(|request| iac::ResourceCreateRequest::decode(request).expect("it is a create")).collect()
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime can be had")
}

/// A mock provider over a fresh cloud, in a process of its own.
struct Mock {
    process: Child,
    directory: TempDir,
}

impl Mock {
    fn start() -> Self {
        let directory = tempfile::Builder::new().prefix("cf-").tempdir().expect("there is room");
        let mut process = Command::new(env::current_exe().expect("we run from somewhere"))
            .arg(SERVE)
            .arg(directory.path().join("s"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("we can be started again");
        let mut ready = String::new();
        let stdout = process.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut ready).expect("the mock says when it is ready");
        Self { process, directory }
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("s")
    }

    fn channel(&self, runtime: &Runtime) -> Connection {
        runtime.block_on(connect(self.socket())).expect("the mock listens")
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        // A connection that is still open would keep it serving.
        let begun = Instant::now();
        let _ = self.process.kill();
        let _ = self.process.wait();
        assert!(begun.elapsed() < Duration::from_secs(5), "the mock does not end");
    }
}
