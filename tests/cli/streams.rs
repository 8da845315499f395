//! Where output goes: a terminal, a file, a pipe; one that is closed, or full.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    os::unix::ffi::OsStringExt as _,
    process::{Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
};

use rustix::{
    process::Signal,
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

use crate::support::{DEADLINE, HANGS, LOST_REPLY, PASSING, Place, Running, UNMET, with_id};

/// Commands with something to say, and how they end where somebody listens.
const COMMANDS: [&[&str]; 10] = [
    &["run", "passing.yaml"],
    &["list"],
    &["validate"],
    &["schema"],
    &["rules"],
    &["explain", "OUT-001"],
    &["mutants", "--list"],
    &["vectors"],
    &["contract", "show"],
    &["contract", "diff", "0.54", "0.56"],
];

#[test]
fn a_closed_stdout_ends_quietly() {
    let place = Place::with([("passing.yaml", PASSING)]);
    for args in COMMANDS.into_iter().chain([&["--help"][..], &["--version"]]) {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = place.command(args);
        command.stdout(writer).stderr(Stdio::piped());
        let running = Running::new(&mut command);
        drop(command);
        place.check(&running.end().exits(0).quietly());
    }
}

#[test]
fn a_run_whose_reader_goes_away_comes_to_its_end() {
    let place = Place::new();
    for n in 0..20 {
        place.write(format!("suite/{n}.yaml"), with_id(LOST_REPLY, &format!("s-{n:02}")));
    }
    let (reader, writer) = std::io::pipe().unwrap();
    let mut command = place.command(["run", "suite", "--report", "json=report.jsonl"]);
    command.stdout(writer).stderr(Stdio::piped());
    let running = Running::new(&mut command);
    drop(command);
    let mut first = [0];
    { reader }.read_exact(&mut first).unwrap();
    place.check(&running.end().exits(0).quietly());
    assert_eq!(place.events("report.jsonl").last().unwrap()["run_finished"]["passed"], 180);
}

#[test]
fn the_same_through_a_shell() {
    let place = Place::new();
    for script in ["\"$0\" rules | head -1", "\"$0\" schema | head -1", "\"$0\" run 2>&1 | true"] {
        let mut command = place.command_of("sh");
        command.args(["-c", script, crate::support::PROGRAM]);
        place.finish(command).exits(0).quietly();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_and_is_no_success() {
    let place = Place::with([("passing.yaml", PASSING), ("unmet.yaml", UNMET)]);
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let to_full = |args: &[&str]| {
        let mut command = place.command(args);
        command.stdout(full()).stderr(Stdio::piped());
        let done = Running::new(&mut command).end();
        place.check(&done);
        done
    };
    for args in COMMANDS {
        to_full(args).exits(3).complains("No space left on device");
    }
    to_full(&["--help"]).exits(3);
    // The contract is broken all the same.
    to_full(&["run", "unmet.yaml"]).exits(1).complains("standard output is not complete");

    place
        .run(["run", "passing.yaml", "--report", "json=/dev/full"])
        .exits(3)
        .says("11 passed")
        .complains("the report /dev/full is not complete: No space left on device");
}

/// A terminal, and what has come to it.
struct Terminal {
    columns: u16,
    keys: File,
    user: File,
    came: Receiver<Vec<u8>>,
    bytes: Vec<u8>,
}

impl Terminal {
    fn new(columns: u16) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = std::ffi::OsString::from_vec(ptsname(&master, Vec::new()).unwrap().into_bytes());
        let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master, size).unwrap();
        let user = File::options().read(true).write(true).open(name).unwrap();
        let keys = File::from(master.try_clone().unwrap());
        let (tell, came) = mpsc::channel();
        thread::spawn(move || {
            let (mut master, mut buffer) = (File::from(master), [0; 4096]);
            // A terminal that nobody has open any more is at its end, or fails, as the platform has it.
            while let Ok(count @ 1..) = master.read(&mut buffer) {
                if tell.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { columns, keys, user, came, bytes: Vec::new() }
    }

    /// The terminal as a stream of a program.
    fn stream(&self) -> Stdio {
        self.user.try_clone().unwrap().into()
    }

    /// Waits until a text has come.
    fn wait_for(&mut self, text: &str) {
        while !self.bytes.windows(text.len()).any(|bytes| bytes == text.as_bytes()) {
            let more = self.came.recv_timeout(DEADLINE);
            self.bytes.extend(more.unwrap_or_else(|error| panic!("no {text:?}: {error}")));
        }
    }

    /// Types a line.
    fn type_line(&mut self, line: &str) {
        self.keys.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Presses Ctrl-C, as far as the terminal shows it: it controls no program.
    fn interrupt(&mut self) {
        self.keys.write_all(b"\x03").unwrap();
        self.wait_for("^C");
    }

    /// Everything that came, when the program has ended.
    fn end(self) -> String {
        let Self { user, came, mut bytes, .. } = self;
        drop(user);
        bytes.extend(came.iter().flatten());
        String::from_utf8(bytes).unwrap()
    }

    /// What can be seen of it in the end, however far one scrolls.
    fn screen(self) -> String {
        let mut screen = vt100::Parser::new(5000, self.columns, 0);
        screen.process(self.end().as_bytes());
        screen.screen().contents()
    }
}

/// A run that takes long enough for a bar to be drawn, and does not end by itself.
fn long_run() -> Place {
    let place = Place::new();
    for n in 0..400 {
        let id = format!("s-{n:03}");
        place.write(format!("suite/{id}.yaml"), with_id(if n == 0 { UNMET } else { PASSING }, &id));
    }
    place.write("suite/hangs.yaml", HANGS);
    place
}

/// How the bar counts them.
const OF_ALL: &str = "/4391";

fn in_terminal(place: &Place, args: &[&str]) -> Command {
    let mut command = place.command(args);
    command.env("TERM", "xterm-256color");
    command
}

#[test]
fn a_bar_stands_below_the_report_and_is_taken_away() {
    let place = long_run();
    let mut terminal = Terminal::new(100);
    let mut command = in_terminal(&place, &["run", "suite"]);
    command.stdout(terminal.stream()).stderr(terminal.stream());
    let running = Running::new(&mut command);
    drop(command);
    terminal.wait_for(OF_ALL);
    terminal.wait_for("1 failed");
    terminal.interrupt();
    running.signal(Signal::INT);
    place.check(&running.end().exits(130));

    let screen = terminal.screen();
    assert!(!screen.contains(OF_ALL), "{screen}");
    let mut lines = screen.lines();
    assert!(lines.next().is_some_and(|line| line.starts_with("          fail  s-000 ")), "{screen}");
    for line in lines.by_ref().take_while(|line| !line.is_empty()) {
        // The one that was interrupted says what was not run, in a line of its own where it is long.
        if line.trim_start().starts_with("not run ") {
            continue;
        }
        assert!(line.starts_with("          pass  s-"), "{line:?} in\n{screen}");
        let interrupted = line.ends_with(';') || line.contains("; not run ");
        assert!(line.ends_with(" 0.54 to head") || interrupted, "{line:?} in\n{screen}");
    }
    assert_eq!(lines.next(), Some("FAIL  s-000@0.54"), "{screen}");
    assert!(screen.contains("\ninterrupted: what had finished is reported\n"), "{screen}");
    let last = screen.lines().rfind(|line| !line.trim().is_empty());
    assert!(last.is_some_and(|line| line.contains(" rules; ")), "{screen}");
}

#[test]
fn a_report_that_goes_to_a_file_leaves_the_terminal_to_the_bar() {
    let place = long_run();
    let mut terminal = Terminal::new(60);
    let mut command = in_terminal(&place, &["run", "suite"]);
    command.stdout(File::create(place.path("report")).unwrap()).stderr(terminal.stream());
    let running = Running::new(&mut command);
    drop(command);
    terminal.wait_for(OF_ALL);
    terminal.interrupt();
    running.signal(Signal::INT);
    place.check(&running.end().exits(130));
    assert_eq!(terminal.screen(), "");
    let report = place.read("report");
    assert!(report.contains("interrupted: what had finished is reported\n"), "{report}");
    assert!(!report.contains(['\r', '\u{1b}']), "{report}");
}

/// So many of them that they outlast the wait for the bar.
const SOME: [&str; 6] = ["run", "suite", "--filter", "s-00*", "--filter", "s-01*"];

/// Runs some, with its report in this stream and progress in a terminal.
fn no_bar(place: &Place, out: Option<Stdio>, set: (&str, &str)) -> String {
    let terminal = Terminal::new(100);
    let mut command = in_terminal(place, &SOME);
    command.env(set.0, set.1).stdout(out.unwrap_or_else(|| terminal.stream())).stderr(terminal.stream());
    let running = Running::new(&mut command);
    drop(command);
    place.check(&running.end().exits(1));
    terminal.end()
}

#[test]
fn nothing_moves_where_nobody_watches() {
    let place = long_run();
    for set in [("CI", "true"), ("TERM", "dumb")] {
        let shown = no_bar(&place, None, set);
        assert!(!shown.contains("/210") && !shown.contains("\u{1b}[2K"), "{set:?}\n{shown}");
        assert!(!shown.replace("\r\n", "\n").contains('\r'), "{set:?}\n{shown}");
    }
    // What reads a pipe may write to the same terminal.
    assert_eq!(no_bar(&place, Some(Stdio::piped()), ("CI", "")), "");

    let done = place.run(SOME).exits(1).quietly();
    assert!(!done.out.contains(['\r', '\u{1b}']), "{done}");
}

#[test]
fn a_report_is_as_wide_and_as_colourful_as_its_terminal() {
    let place = Place::with([("unmet.yaml", UNMET)]);
    let shown = |set: (&str, &str)| {
        let terminal = Terminal::new(50);
        let mut command = in_terminal(&place, &["run", "unmet.yaml"]);
        command.env("CI", "true").env(set.0, set.1).stdout(terminal.stream()).stderr(terminal.stream());
        let running = Running::new(&mut command);
        drop(command);
        place.check(&running.end().exits(1));
        terminal.end()
    };
    let plain = shown(("NO_COLOR", "1"));
    assert!(!plain.contains('\u{1b}'), "{plain}");
    assert!(plain.contains("found     error: rpc error: code = Unavailable\r\n"), "{plain}");
    assert!(plain.lines().all(|line| line.trim_end().len() <= 50), "{plain}");
    assert!(shown(("COLUMNS", "200")).contains("desc = no capacity\r\n"));
    assert!(shown(("LANG", "C")).contains("\u{1b}["));
}

#[test]
fn init_asks_on_a_terminal_and_takes_nothing_but_yes_for_a_yes() {
    for (answer, is_written) in [("n", false), ("", false), ("Y", true)] {
        let place = Place::with([("plugin.json", r#"{"name":"workflow-plugin-x"}"#)]);
        let mut terminal = Terminal::new(100);
        let mut command = place.command(["init", "--ci", "none"]);
        command.stdin(terminal.stream()).stdout(terminal.stream());
        let running = Running::new(&mut command);
        drop(command);
        terminal.wait_for("write 1 file? [y/N]");
        assert!(!place.path("counterfoil.yaml").exists());
        terminal.type_line(answer);
        place.check(&running.end().exits(0));
        assert_eq!(place.path("counterfoil.yaml").exists(), is_written, "{}", terminal.end());
    }
}
