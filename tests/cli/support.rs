//! A place to run the program in, and what it gave.

use std::{
    ffi::OsStr,
    fmt,
    fs::{self, File},
    io::{BufRead as _, BufReader, Read},
    path::{Path, PathBuf},
    process::{self, Child, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// How long anything may take. Nothing here takes a tenth of it; it is for when the program hangs.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);

/// The program.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_counterfoil");

/// A scenario that passes wherever it runs, as its engine reports a failure for what it is.
pub(crate) const PASSING: &str = r#"id: passing
title: A failed create is reported as an error
revisions: ">=0.54"
tags: [outcome, good]
plan:
  actions:
    - create: { name: net, type: infra.vpc, config: { region: nyc3 } }
    - create: { name: db, type: infra.database, config: { network: "${net.id}" } }
    - delete: { name: old, type: infra.cache, provider_id: c-1 }
faults:
  - { inject: dispatch-error, action: db, code: resource_exhausted, message: quota exceeded }
expect:
  outcomes: { net: success, db: error, old: success }
"#;

/// A scenario whose expectation is not met.
pub(crate) const UNMET: &str = r#"id: unmet
title: What fails is expected to be skipped
revisions: "0.54"
tags: [outcome, bad]
plan:
  actions:
    - create: { name: net, type: infra.vpc }
faults:
  - { inject: dispatch-error, action: net, code: unavailable, message: no capacity }
expect:
  outcomes: { net: skipped }
"#;

/// A scenario with a finding of level SHOULD, OUT-012.
pub(crate) const LOST_REPLY: &str = r#"id: lost-reply
title: A create is done, and its reply is lost
revisions: ">=0.56"
tags: [lost]
plan:
  actions:
    - create: { name: net, type: infra.vpc, config: { region: nyc3 } }
faults:
  - { inject: dispatch-error, action: net, code: unavailable, message: connection reset, reaches_provider: true }
expect:
  outcomes: { net: error }
"#;

/// A scenario that outlasts every test, unless it is interrupted.
pub(crate) const HANGS: &str = r#"id: z-hangs
title: A reply never comes
revisions: "0.54"
tags: [slow]
deadline: 5m
plan: { actions: [create: { name: net, type: infra.vpc }] }
faults:
  - { inject: transport, action: net, kind: hang }
"#;

/// A scenario that no revision reaches at which it runs.
pub(crate) const OUT_OF_REACH: &str = r#"id: out-of-reach
title: A provider that declares v1 is not loaded any more
revisions: ">=0.57"
provider: { compute_plan_version: v1 }
plan: { actions: [create: { name: net, type: infra.vpc }] }
"#;

/// One of the scenarios above, with another id.
pub(crate) fn with_id(scenario: &str, id: &str) -> String {
    let line = scenario.lines().find(|line| line.starts_with("id: ")).expect("a scenario has an id");
    scenario.replacen(line, &format!("id: {id}"), 1)
}

/// A fresh directory with files for the program to work on, and a fresh one for its temporary files.
pub(crate) struct Place {
    root: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let root = tempfile::Builder::new().prefix("cli-").tempdir().expect("a directory");
        fs::create_dir(root.path().join("work")).expect("a directory");
        fs::create_dir(root.path().join("tmp")).expect("a directory");
        Self { root }
    }

    /// A place with these files in it.
    pub(crate) fn with<'f>(files: impl IntoIterator<Item = (&'f str, &'f str)>) -> Self {
        let place = Self::new();
        for (name, text) in files {
            place.write(name, text);
        }
        place
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.root.path().join("work").join(name)
    }

    pub(crate) fn write(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a file is in a directory")).expect("a directory");
        fs::write(path, content).expect("a file");
    }

    pub(crate) fn read(&self, name: impl AsRef<Path>) -> String {
        let path = self.path(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// What lies in the directory for temporary files.
    pub(crate) fn temporary(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.root.path().join("tmp")).expect("a directory");
        entries.map(|entry| entry.expect("an entry").path()).collect()
    }

    /// The lines of a JSON report.
    pub(crate) fn events(&self, name: &str) -> Vec<Value> {
        let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        self.read(name).lines().map(parse).collect()
    }

    /// A command in this place, with an environment that is the same everywhere.
    pub(crate) fn command_of(&self, program: impl AsRef<OsStr>) -> process::Command {
        let mut command = process::Command::new(program);
        command
            .current_dir(self.path(""))
            .env_clear()
            .env("TMPDIR", self.root.path().join("tmp"))
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .stdin(Stdio::null());
        command
    }

    /// The program in this place.
    pub(crate) fn command<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> process::Command {
        let mut command = self.command_of(PROGRAM);
        command.args(args);
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Done {
        self.finish(self.command(args))
    }

    /// Runs a command of this place to its end.
    pub(crate) fn finish(&self, command: process::Command) -> Done {
        self.finish_with(command, Vec::new())
    }

    /// Runs a command of this place to its end, with this on its standard input.
    pub(crate) fn finish_with(&self, command: process::Command, input: Vec<u8>) -> Done {
        let shown = format!("{command:?}");
        let output = assert_cmd::Command::from_std(command)
            .timeout(DEADLINE)
            .write_stdin(input)
            .output()
            .unwrap_or_else(|error| panic!("{shown}: {error}"));
        let done = Done {
            command: shown,
            status: output.status,
            out: String::from_utf8(output.stdout).expect("text"),
            err: String::from_utf8(output.stderr).expect("text"),
        };
        self.check(&done);
        done
    }

    /// Starts the program, to be watched while it runs.
    pub(crate) fn start<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Running {
        let mut command = self.command(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Running::new(&mut command)
    }

    /// What holds however a command ended: it did not panic, and left nothing behind.
    pub(crate) fn check(&self, done: &Done) {
        assert!(!done.err.contains("panicked") && !done.err.contains("error: a defect of"), "{done}");
        let left = self.temporary();
        assert!(left.is_empty(), "left behind: {left:?}\n{done}");
    }

    /// A text of this place without what differs from one run to the next.
    pub(crate) fn redact(&self, text: &str) -> String {
        let text = text.replace(&self.path("").display().to_string(), "[dir]/");
        let lines = text.lines().map(|line| match line.rsplit_once(" in ") {
            Some((before, time)) if is_time(time) => format!("{before} in [time]"),
            // The catalogue of rules grows.
            _ if line.starts_with("judged ") && line.contains(" rules") => {
                let number = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
                let words = line.split(' ').map(|word| if number(word) { "[count]" } else { word });
                words.collect::<Vec<_>>().join(" ")
            }
            _ => line.to_owned(),
        });
        lines.map(|line| line + "\n").collect()
    }
}

fn is_time(text: &str) -> bool {
    text.strip_suffix(" s").is_some_and(|seconds| seconds.parse::<f64>().is_ok())
}

/// Takes the durations out of a JSON report.
pub(crate) fn without_times(mut events: Vec<Value>) -> Vec<Value> {
    for event in &mut events {
        for content in event.as_object_mut().into_iter().flat_map(|event| event.values_mut()) {
            if let Some(millis) = content.get_mut("millis") {
                assert!(millis.is_u64(), "{millis}");
                *millis = Value::Null;
            }
        }
    }
    events
}

/// How a command ended.
pub(crate) struct Done {
    command: String,
    status: ExitStatus,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Done {
    /// Holds the exit code to what it has to be.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "{self}");
        self
    }

    /// The exit code; none where a signal ended it.
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Holds that standard output has a text.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.out.contains(text), "no {text:?} in\n{self}");
        self
    }

    /// Holds that standard error has a text.
    #[track_caller]
    pub(crate) fn complains(self, text: &str) -> Self {
        assert!(self.err.contains(text), "no {text:?} in\n{self}");
        self
    }

    /// Holds that nothing was complained of.
    #[track_caller]
    pub(crate) fn quietly(self) -> Self {
        assert!(self.err.is_empty(), "{self}");
        self
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n--- out\n{}--- err\n{}", self.command, self.status, self.out, self.err)
    }
}

/// A program that runs. It is killed where a test ends before it does.
pub(crate) struct Running {
    command: String,
    pid: Pid,
    out: Lines,
    err: Lines,
    exit: Receiver<ExitStatus>,
    over: bool,
}

impl Running {
    /// Starts a command. What it writes to a pipe is read as it comes.
    pub(crate) fn new(command: &mut process::Command) -> Self {
        let shown = format!("{command:?}");
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{shown}: {error}"));
        let (out, err) = (Lines::of(child.stdout.take()), Lines::of(child.stderr.take()));
        let pid = Pid::from_child(&child);
        Self { command: shown, pid, out, err, exit: exit_of(child), over: false }
    }

    /// The next line of standard output.
    pub(crate) fn line(&self) -> String {
        self.out.next().unwrap_or_else(|| panic!("{} has nothing more to say", self.command))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).expect("it runs");
    }

    /// Sends a signal again and again, until the program has ended.
    pub(crate) fn signal_until_it_ends(mut self, signal: Signal) -> Done {
        for _ in 0..DEADLINE.as_millis() / 100 {
            self.signal(signal);
            if let Ok(status) = self.exit.recv_timeout(Duration::from_millis(100)) {
                return self.done(status);
            }
        }
        panic!("{} does not heed {signal:?}", self.command);
    }

    /// Waits for something that it does.
    pub(crate) fn wait_until(&self, what: impl Fn() -> bool) {
        for _ in 0..DEADLINE.as_millis() / 20 {
            if what() {
                return;
            }
            let ended = self.exit.recv_timeout(Duration::from_millis(20));
            assert!(ended.is_err(), "{} ended first: {ended:?}", self.command);
        }
        panic!("{} does not get there", self.command);
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Done {
        match self.exit.recv_timeout(DEADLINE) {
            Ok(status) => self.done(status),
            Err(error) => panic!("{} does not come to an end: {error}", self.command),
        }
    }

    fn done(&mut self, status: ExitStatus) -> Done {
        self.over = true;
        Done { command: self.command.clone(), status, out: self.out.rest(), err: self.err.rest() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.over {
            let _ = kill_process(self.pid, Signal::KILL);
        }
    }
}

/// The end of a child, when it comes.
fn exit_of(mut child: Child) -> Receiver<ExitStatus> {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || child.wait().map(|status| tell.send(status)));
    told
}

/// The lines of a pipe, which can be waited for up to the deadline.
pub(crate) struct Lines(Receiver<String>);

impl Lines {
    /// The lines of a pipe; none where there is no pipe.
    pub(crate) fn of<R: Read + Send + 'static>(pipe: Option<R>) -> Self {
        Self::from(move || pipe)
    }

    /// The lines of a named pipe, which opens when somebody opens its other end.
    pub(crate) fn at(path: PathBuf) -> Self {
        Self::from(|| File::open(path).ok())
    }

    fn from<R: Read>(open: impl FnOnce() -> Option<R> + Send + 'static) -> Self {
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            let lines = open().into_iter().flat_map(|pipe| BufReader::new(pipe).lines());
            for line in lines.map_while(Result::ok) {
                if tell.send(line).is_err() {
                    break;
                }
            }
        });
        Self(told)
    }

    /// The next line; none at the end.
    pub(crate) fn next(&self) -> Option<String> {
        match self.0.recv_timeout(DEADLINE) {
            Ok(line) => Some(line),
            Err(mpsc::RecvTimeoutError::Disconnected) => None,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("no line within {DEADLINE:?}"),
        }
    }

    fn rest(&self) -> String {
        std::iter::from_fn(|| self.next()).map(|line| line + "\n").collect()
    }
}

/// Copies a directory of files, where what is written beside them is nobody else's.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("it can be read").map(|entry| entry.expect("an entry").path()) {
        let to = to.join(entry.file_name().expect("a name"));
        if entry.is_dir() { copy(&entry, &to) } else { _ = fs::copy(&entry, to).expect("a copy") }
    }
}
