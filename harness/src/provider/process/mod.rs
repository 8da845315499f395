//! Plugin processes: the host's side of the process protocol (P-001 to P-017, E-200 to E-210).
//!
//! ```text
//! Plugin --- Checked ---> Connection ~~ socket, TLS ~~> plugin process
//!   |                                                      ^ stdout, stderr -> Output
//!   +------- Child ~~ channel ~~> supervisor --------------+
//! ```
//!
//! Whatever is learnt goes into the trace as [`ProcessEvent`]s, also where the launch fails. Nothing is judged here.

mod attach;
mod checked;
mod child;
mod connect;
mod descendants;
mod diagnose;
mod handshake;
mod launch;
mod life;
mod output;
mod reach;
mod supervised;
mod supervisor;
mod tls;

use std::{
    path::{self, Path},
    sync::Arc,
    time::Duration,
};

use counterfoil_core::trace::{
    CertificateProblem, ConnectProblem, ExitStatus, LineEnd, Phase, ProcessEvent, Recorder, ShutdownAnswer,
};
use counterfoil_mock::plugin::certificate::Identity;
use counterfoil_proto::{
    go_plugin::{
        Empty, grpc_controller_client::GrpcControllerClient, grpc_stdio_client::GrpcStdioClient,
        stdio_data::Channel,
    },
    handshake::Line,
};
use rustls::ClientConfig;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;
use tonic::Code;

pub use self::{
    attach::Attach,
    checked::Checked,
    child::settle,
    launch::{Deadlines, LaunchOptions, Redact},
    supervisor::Supervision,
};
pub(crate) use self::{
    checked::Broken,
    child::{Pipes, Start},
    output::{TAIL, keep_tail},
    reach::reach,
    supervised::Supervised,
    supervisor::Rest,
};
use self::{
    checked::Checks,
    child::Child,
    handshake::FirstLine,
    life::Life,
    output::Output,
    tls::{Examined, Pinned},
};
use super::{Connection, private_directory};

/// Room for the path of a plugin's socket behind the directory where temporary files lie.
pub(crate) const ROOM: usize = 43;
/// How long a process may take to end at SIGTERM, before it is killed.
const TERM_GRACE: Duration = Duration::from_millis(500);
/// How long a supervisor may take to end everything.
const CLEARING: Duration = Duration::from_secs(10);
/// How long the news of an end may take behind what tells of it first.
const NEWS: Duration = Duration::from_millis(250);

/// A plugin that runs, and to which there is a connection.
///
/// Whichever way it goes, by [`stop`](Self::stop) or by being dropped, nothing of a process of ours stays.
pub struct Plugin {
    running: Running,
    connection: Checked,
    timings: Timings,
    deadlines: Deadlines,
}

/// How long the phases of a launch took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// From the launch to the end of the handshake line.
    pub start: Duration,
    /// From there to the connection.
    pub connect: Duration,
}

/// A launch that failed. What happened is in the trace, and nothing is left of the process.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}{}", quoted(stderr))]
pub struct NotLaunched {
    /// What happened.
    pub message: String,
    /// The last lines on stderr.
    pub stderr: String,
}

/// The last lines of stderr, below a message.
fn quoted(stderr: &str) -> String {
    let lines: Vec<&str> = stderr.lines().collect();
    let last = &lines[lines.len().saturating_sub(10)..];
    if last.is_empty() {
        return String::new();
    }
    format!("\nits last lines on stderr:\n  {}", last.join("\n  "))
}

impl Plugin {
    /// Launches a plugin and connects to it.
    ///
    /// Must be called within a Tokio runtime. Where the future is dropped, the process goes with it.
    ///
    /// # Errors
    /// Says in which phase the launch failed, and why.
    pub async fn launch(options: LaunchOptions, log: Recorder) -> Result<Self, NotLaunched> {
        let begun = Instant::now();
        let (mut running, pipes, identity) = Running::start(&options, log, true).await?;
        match running.connect(&options, pipes, identity.as_ref(), begun).await {
            Ok((connection, timings)) => Ok(running.plugin(connection, timings, &options)),
            Err(message) => Err(running.fail(&options.program, message).await),
        }
    }

    /// Connects to a plugin that runs already. Nothing is known of its process, and it is left as it is.
    ///
    /// Of the options only deadlines, limit and redaction count.
    ///
    /// # Errors
    /// When there is no connection.
    pub async fn attach(to: &Attach, options: &LaunchOptions, log: Recorder) -> Result<Self, NotLaunched> {
        let begun = Instant::now();
        let life = Life::new(log, Arc::clone(&options.redact), None);
        let running = Running { life, output: Output::default(), child: None, tasks: Vec::new() };
        let until = begun + options.deadlines.connect;
        match connect::open(to.0.clone(), None, Some(running.late()), until).await {
            Ok(connection) => {
                running.life.record(ProcessEvent::Connected);
                let timings = Timings { connect: begun.elapsed(), ..Timings::default() };
                Ok(running.plugin(connection, timings, options))
            }
            Err((problem, detail)) => {
                running.life.record(ProcessEvent::NotConnected { problem, detail: detail.clone() });
                Err(NotLaunched { message: detail, stderr: String::new() })
            }
        }
    }

    /// Starts the program without the cookie, as somebody does who runs it by hand, and records what it does (E-203).
    /// It may take `within`.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn without_cookie(
        options: &LaunchOptions,
        within: Duration,
        log: Recorder,
    ) -> Result<(), NotLaunched> {
        let silent = Recorder::default();
        let (mut running, pipes, _) = Running::start(options, silent, false).await?;
        let Pipes { stdout, stderr } = pipes;
        running.drain(running.output.clone().drain_stdout(stdout));
        running.drain(running.output.clone().drain_stderr(stderr));
        let status = running.life.end_within(within).await;
        running.clear().await;
        let stderr = running.life.redact(&running.output.tail());
        let stderr = stderr.chars().take(1 << 10).collect();
        let stdout = running.output.bytes().0 > 0;
        let event = ProcessEvent::WithoutCookie { status, stderr, stdout };
        log.push(counterfoil_core::trace::Event::Process(event));
        Ok(())
    }

    /// The connection: every reply on it is checked.
    pub fn connection(&self) -> Checked {
        self.connection.clone()
    }

    /// How long the phases of the launch took.
    pub fn timings(&self) -> Timings {
        self.timings
    }

    /// How the process ended, if it has.
    pub fn exited(&self) -> Option<ExitStatus> {
        self.running.life.exited()
    }

    /// How many bytes have come on stdout, behind the handshake line, and on stderr, whichever way they came.
    pub fn printed(&self) -> (u64, u64) {
        self.running.output.bytes()
    }

    /// The last lines on stderr, at most 4 KiB, without secrets.
    pub fn stderr(&self) -> String {
        self.running.life.redact(&self.running.output.tail())
    }

    /// What a fault kills the process with. What breaks by that is nobody's mistake.
    pub fn killer(&self) -> impl Fn() + Send + Sync + use<> {
        let (life, kill) = (self.running.life.clone(), self.running.child.as_ref().map(Child::killer));
        move || {
            life.expect_end();
            if let Some(kill) = &kill {
                kill();
            }
        }
    }

    /// Ends the plugin as a host does (P-014): Shutdown, closing the connection, waiting; then SIGTERM and SIGKILL. What
    /// it left behind, and what came out of it, is recorded. A plugin that is not our process is only let go.
    pub async fn stop(mut self) {
        let connection = self.connection.connection().clone();
        if self.running.child.is_none() {
            connection.cut();
            self.running.tell_output();
            return;
        }
        let life = self.running.life.clone();
        if life.exited().is_some() {
            life.note_exit();
            life.record(ProcessEvent::ShutdownAsked { answer: ShutdownAnswer::Nobody });
        } else if life.expect_end() {
            let answer = shut_down(connection.clone(), self.deadlines.shutdown_call).await;
            life.record(ProcessEvent::ShutdownAsked { answer });
            connection.cut();
            let stopped = self.running.end_process(self.deadlines.shutdown).await;
            life.record(stopped);
        }
        self.running.finish().await;
    }
}

/// Calls Shutdown. The server stops inside of it (P-010).
async fn shut_down(connection: Connection, within: Duration) -> ShutdownAnswer {
    let mut client = GrpcControllerClient::new(connection);
    match tokio::time::timeout(within, client.shutdown(Empty {})).await {
        Err(_) => ShutdownAnswer::Hang,
        Ok(Err(status)) if status.code() == Code::Unimplemented => ShutdownAnswer::Unimplemented,
        Ok(Err(status)) if refused(&status) => ShutdownAnswer::Nobody,
        Ok(_) => ShutdownAnswer::Taken,
    }
}

/// Whether nobody listens any more.
fn refused(status: &tonic::Status) -> bool {
    let causes = std::iter::successors(std::error::Error::source(status), |&error| error.source());
    let mut kinds =
        causes.filter_map(|error| error.downcast_ref::<std::io::Error>()).map(std::io::Error::kind);
    kinds.any(|kind| matches!(kind, std::io::ErrorKind::ConnectionRefused | std::io::ErrorKind::NotFound))
}

/// How to speak TLS to a plugin, and the certificate to which that is pinned.
type Tls = (Arc<ClientConfig>, Arc<Pinned>);

/// What belongs to a plugin beside the connection.
struct Running {
    life: Life,
    output: Output,
    /// None for one that is not our process.
    child: Option<Child>,
    tasks: Vec<AbortOnDropHandle<()>>,
}

impl Running {
    /// Starts the process.
    async fn start(
        options: &LaunchOptions,
        log: Recorder,
        cookie: bool,
    ) -> Result<(Self, Pipes, Option<Identity>), NotLaunched> {
        let identity = (options.mtls && cookie).then(Identity::generate).transpose();
        let program = path::absolute(&options.program).unwrap_or_else(|_| options.program.clone());
        let unborn = Life::new(log.clone(), Arc::clone(&options.redact), None);
        unborn.record(ProcessEvent::Launched { mtls: options.mtls && cookie });
        let not_started = |(why, detail): diagnose::Why| {
            let detail = unborn.redact(&detail);
            unborn.record(ProcessEvent::NotStarted { why, detail: detail.clone() });
            NotLaunched { message: detail, stderr: String::new() }
        };
        let ours = |what: &str, error: &dyn std::fmt::Display| NotLaunched {
            message: format!("{what} for the plugin: {error}"),
            stderr: String::new(),
        };
        if let Some(why) = diagnose::examine(&program) {
            return Err(not_started(why));
        }
        let identity = identity.map_err(|error| ours("no certificate can be made", &error))?;
        let directory = private_directory(ROOM)
            .map_err(|error| ours("no private directory can be made, TMPDIR says where it goes,", &error))?;
        let certificate = identity.as_ref().map(|identity| identity.pem.as_str());
        let environment = options.environment(directory.path(), certificate, cookie);
        let working_directory = options.working_directory(&program);
        let start = Start {
            supervisor: &options.supervisor,
            program: &program,
            arguments: &[],
            working_directory: &working_directory,
            environment: &environment,
            stdin: None,
            directory,
        };
        let (child, pipes) =
            Child::start(start).map_err(|error| ours("no supervisor can be started", &error))?;
        let mut state = child.state();
        let life = Life::new(log, Arc::clone(&options.redact), Some(child.state()));
        let running = Self { life, output: Output::default(), child: Some(child), tasks: Vec::new() };
        let known = state.wait_for(|state| state.started.is_some() || state.is_gone()).await;
        let started = known.ok().and_then(|state| state.started.clone());
        match started {
            Some(Ok(_)) => Ok((running, pipes, identity)),
            Some(Err((errno, detail))) => {
                running.clear_unborn().await;
                Err(not_started(diagnose::system(&program, errno, &detail)))
            }
            None => {
                Err(ours("the supervisor ended before it started anything", &options.supervisor.display()))
            }
        }
    }

    /// Waits for the handshake and connects. The error says why there is no connection; the trace knows more.
    async fn connect(
        &mut self,
        options: &LaunchOptions,
        pipes: Pipes,
        identity: Option<&Identity>,
        begun: Instant,
    ) -> Result<(Connection, Timings), String> {
        let Pipes { mut stdout, stderr } = pipes;
        self.drain(self.output.clone().drain_stderr(stderr));
        let ending = self.life.clone();
        let given_up = async {
            tokio::select! {
                () = tokio::time::sleep_until(begun + options.deadlines.start) => LineEnd::Deadline,
                // Somebody else may hold its stdout open.
                _ = ending.end() => {
                    tokio::time::sleep(NEWS).await;
                    LineEnd::Closed
                }
            }
        };
        let first = FirstLine::read(&mut stdout, given_up, || self.life.enter(Phase::Handshake)).await;
        self.output.stdout(&first.behind);
        self.drain(self.output.clone().drain_stdout(stdout));
        self.life.record(first.event(|text| self.life.redact(text)));
        let start = begun.elapsed();
        let line = match first.parse(|text| self.life.redact(text)) {
            Ok(line) => line,
            Err(message) => return Err(self.ended(NEWS).await.unwrap_or(message)),
        };
        self.life.enter(Phase::Connect);
        let mut told = handshake::event(&line);
        told.address = self.life.redact(&told.address);
        self.life.record(ProcessEvent::Handshake(told));
        handshake::accept(&line)?;
        let tls = self.certificate(&line, identity)?;
        let address = match connect::address(&line) {
            Ok(address) => address,
            Err((problem, detail)) => return Err(self.not_connected(problem, &detail)),
        };
        let (config, pinned) = tls.unzip();
        let connecting = Instant::now();
        let opened =
            connect::open(address, config, Some(self.late()), connecting + options.deadlines.connect).await;
        match opened {
            Ok(connection) => {
                self.life.record(ProcessEvent::Connected);
                Ok((connection, Timings { start, connect: connecting.elapsed() }))
            }
            Err((problem, detail)) => {
                if let Some(refused) = pinned.as_ref().and_then(|pinned: &Arc<Pinned>| pinned.refused()) {
                    return Err(self.bad_certificate(CertificateProblem::OtherKey, &refused));
                }
                Err(match self.ended(NEWS).await {
                    Some(message) => self.not_connected(ConnectProblem::Exited, &message),
                    None => self.not_connected(problem, &detail),
                })
            }
        }
    }

    /// Says how the process ended, if it has, or does within this time.
    async fn ended(&self, within: Duration) -> Option<String> {
        let status = self.life.end_within(within).await?;
        self.life.note_exit();
        Some(format!("it ended by itself: {status}"))
    }

    fn not_connected(&self, problem: ConnectProblem, detail: &str) -> String {
        let detail = self.life.redact(detail);
        self.life.record(ProcessEvent::NotConnected { problem, detail: detail.clone() });
        format!("there is no connection: {detail}")
    }

    fn bad_certificate(&self, problem: CertificateProblem, detail: &str) -> String {
        let detail = self.life.redact(detail);
        self.life.record(ProcessEvent::Certificate { problem: Some(problem), detail: detail.clone() });
        format!("its certificate is not in order: {detail}")
    }

    /// Looks at the certificate of the line, and says how to connect where there is to be one.
    fn certificate(&self, line: &Line, identity: Option<&Identity>) -> Result<Option<Tls>, String> {
        match (handshake::certificate(line), identity) {
            (None, None) => Ok(None),
            (Some(_), None) => {
                let detail = "the line has one, and the host did not ask for AutoMTLS";
                Err(self.bad_certificate(CertificateProblem::Unasked, detail))
            }
            (None, Some(_)) => {
                let detail = "the host asked for AutoMTLS, and the line has none";
                Err(self.bad_certificate(CertificateProblem::Absent, detail))
            }
            (Some(text), Some(identity)) => {
                let Examined { der, problem, detail } = Examined::new(text);
                let der = match (der, problem) {
                    (Some(der), None) => der,
                    (_, problem) => {
                        let problem = problem.unwrap_or(CertificateProblem::Garbage);
                        return Err(self.bad_certificate(problem, &detail));
                    }
                };
                self.life.record(ProcessEvent::Certificate { problem: None, detail });
                let pinned = Pinned::new(der);
                let config = tls::client(identity, &pinned).map_err(|error| format!("TLS: {error}"))?;
                Ok(Some((Arc::new(config), pinned)))
            }
        }
    }

    /// The plugin, now that there is a connection.
    fn plugin(mut self, connection: Connection, timings: Timings, options: &LaunchOptions) -> Plugin {
        self.life.enter(Phase::Idle);
        self.drain(drain_stdio(connection.clone(), self.output.clone()));
        if self.child.is_some() {
            let life = self.life.clone();
            self.drain(async move {
                life.end().await;
                life.note_exit();
            });
        }
        let checks = Checks {
            life: self.life.clone(),
            deadline: options.deadlines.call,
            limit: options.message_limit,
        };
        let connection = Checked::new(connection, checks);
        Plugin { running: self, connection, timings, deadlines: options.deadlines }
    }

    /// Does something for as long as the plugin lives.
    fn drain(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.push(AbortOnDropHandle::new(tokio::spawn(task)));
    }

    /// What records answers that come too late.
    fn late(&self) -> super::frames::Late {
        let life = self.life.clone();
        Arc::new(move || {
            let call = life.given_up().unwrap_or_else(|| "a call that was given up".to_owned());
            let problem = counterfoil_core::trace::CallProblem::AfterCancel;
            let detail = "frames of its answer came after it had been cancelled".to_owned();
            life.record(ProcessEvent::CallBroken { call, problem, detail });
        })
    }

    /// Waits for the end of the process, and brings it about where it does not come.
    async fn end_process(&self, within: Duration) -> ProcessEvent {
        let begun = Instant::now();
        let mut status = self.life.end_within(within).await;
        let mut ignored_sigterm = false;
        if status.is_none() {
            self.child.iter().for_each(Child::terminate);
            status = self.life.end_within(TERM_GRACE).await;
            ignored_sigterm = status.is_none();
        }
        let millis = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        if status.is_none() {
            self.child.iter().for_each(Child::kill);
        }
        ProcessEvent::Stopped { millis, status, ignored_sigterm }
    }

    /// Ends what is left of the process, and waits until that is done.
    async fn clear(&mut self) -> Option<child::State> {
        self.life.expect_end();
        self.child.iter().for_each(Child::kill);
        let state = self.life.gone_within(CLEARING).await;
        // Nobody holds the pipes any more, so what is in them is the last.
        for task in self.tasks.iter_mut().filter(|task| !task.is_finished()) {
            let _ = tokio::time::timeout(NEWS, task).await;
        }
        state
    }

    /// Waits for the supervisor of a process that did not come to be.
    async fn clear_unborn(&self) {
        let _ = self.life.gone_within(CLEARING).await;
    }

    /// Ends what is left of the process, and records what that was.
    async fn finish(&mut self) {
        let rest = self.clear().await.and_then(|state| Some((state.rest?, state.exited)));
        if let Some((rest, exited)) = rest {
            // A process that was killed could not take its socket with it.
            let killed = exited == Some(ExitStatus::Signal(rustix::process::Signal::KILL.as_raw()));
            let sockets = if killed { 0 } else { rest.sockets };
            if rest.processes > 0 || sockets > 0 {
                self.life.record(ProcessEvent::LeftBehind {
                    processes: rest.processes,
                    names: rest.names.iter().map(|name| self.life.redact(name)).collect(),
                    sockets,
                    holds_output: rest.holds_output,
                });
            }
            if rest.peak > 1 {
                self.life.record(ProcessEvent::Crowd { processes: rest.peak });
            }
        }
        self.tell_output();
    }

    /// Records what came out of the plugin.
    fn tell_output(&self) {
        for event in self.output.events(|text| self.life.redact(text)) {
            self.life.record(event);
        }
    }

    /// Ends a launch that failed.
    async fn fail(mut self, program: &Path, message: String) -> NotLaunched {
        self.finish().await;
        let stderr = self.life.redact(&self.output.tail());
        let message = self.life.redact(&format!("{} did not start: {message}", program.display()));
        NotLaunched { message, stderr }
    }
}

/// Drains what the plugin prints after the handshake (P-011). A plugin need not serve that.
async fn drain_stdio(connection: Connection, output: Output) {
    loop {
        let cut = connection.switch();
        let mut lines = output.lines();
        let opened = GrpcStdioClient::new(connection.clone()).stream_stdio(()).await;
        if let Ok(mut stream) = opened.map(tonic::Response::into_inner) {
            while let Ok(Some(piece)) = stream.message().await {
                match piece.channel() {
                    Channel::Stderr => lines.read(&piece.data),
                    Channel::Stdout | Channel::Invalid => output.stdout(&piece.data),
                }
            }
        }
        lines.end();
        // A connection that we cut ourselves is dialled anew, and the plugin must not block meanwhile.
        if !cut.is_cancelled() {
            return;
        }
    }
}
