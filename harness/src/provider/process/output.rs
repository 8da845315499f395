//! What comes out of a plugin: drained for as long as it lives, in bounded memory, and looked at as it goes by.
//!
//! Lines of stderr are those of hclog (P-015): a JSON object with `@level`, `@message` and `@timestamp`, or plain text.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use counterfoil_core::trace::{LogProblem, ProcessEvent};
use memchr::{memchr, memmem::find};
use serde::Deserialize;
use serde_json::Value;
use tokio::{io::AsyncReadExt as _, net::unix::pipe::Receiver};

/// The longest line that is read as one, in bytes.
const LONGEST_LINE: usize = 64 << 10;
/// How much is read at once, in bytes.
const BUFFER: usize = 256 << 10;
/// How much of the end of stderr is kept, in bytes.
pub(crate) const TAIL: usize = 4 << 10;
/// How much of a crash report is kept, in bytes.
const CRASH: usize = 16 << 10;
/// How much of a line is shown, in bytes.
const SHOWN: usize = 1 << 10;

/// What came out of a plugin until now. Clones are one account.
#[derive(Clone, Debug, Default)]
pub(super) struct Output(Arc<Mutex<Account>>);

#[derive(Debug, Default)]
struct Account {
    stdout: u64,
    stderr: u64,
    tail: Vec<u8>,
    crash: Option<Vec<u8>>,
    /// The first line of each kind, and how many there were.
    problems: Vec<(LogProblem, Vec<u8>, u64)>,
}

impl Output {
    fn account(&self) -> MutexGuard<'_, Account> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts what came on stdout behind the handshake line.
    pub(super) fn stdout(&self, bytes: &[u8]) {
        self.account().stdout += bytes.len() as u64;
    }

    /// The last lines of stderr, at most 4 KiB.
    pub(super) fn tail(&self) -> String {
        self.account().last_lines()
    }

    /// How many bytes have come on stdout and on stderr.
    pub(super) fn bytes(&self) -> (u64, u64) {
        let account = self.account();
        (account.stdout, account.stderr)
    }

    /// All of it, as events.
    pub(super) fn events(&self, redact: impl Fn(&str) -> String) -> Vec<ProcessEvent> {
        let account = self.account();
        let text = |bytes: &[u8]| redact(&String::from_utf8_lossy(bytes));
        let lines = account.problems.iter().map(|(problem, line, count)| ProcessEvent::LogLine {
            problem: *problem,
            text: text(line),
            count: *count,
        });
        let mut events: Vec<ProcessEvent> = lines.collect();
        events.extend(account.crash.as_ref().map(|crash| ProcessEvent::CrashReport { text: text(crash) }));
        events.push(ProcessEvent::Output {
            stdout: account.stdout,
            stderr: account.stderr,
            tail: redact(&account.last_lines()),
        });
        events
    }

    /// Reads stdout until it ends.
    pub(super) async fn drain_stdout(self, mut from: Receiver) {
        let mut buffer = vec![0; BUFFER];
        while let Some(bytes) = read(&mut from, &mut buffer).await {
            self.stdout(bytes);
        }
    }

    /// Reads stderr until it ends.
    pub(super) async fn drain_stderr(self, mut from: Receiver) {
        let (mut buffer, mut lines) = (vec![0; BUFFER], self.lines());
        while let Some(bytes) = read(&mut from, &mut buffer).await {
            lines.read(bytes);
        }
        lines.end();
    }

    /// A reader of stderr, whichever way it comes.
    pub(super) fn lines(&self) -> Lines {
        Lines { output: self.clone(), line: Vec::new(), too_long: false }
    }
}

/// Puts bytes behind the end of what came before, of which no more is kept than [`TAIL`].
pub(crate) fn keep_tail(tail: &mut Vec<u8>, bytes: &[u8]) {
    tail.extend_from_slice(&bytes[bytes.len().saturating_sub(TAIL)..]);
    let surplus = tail.len().saturating_sub(TAIL);
    tail.drain(..surplus);
}

/// Reads what there is; none at the end.
async fn read<'a>(from: &mut Receiver, buffer: &'a mut [u8]) -> Option<&'a [u8]> {
    loop {
        match from.read(buffer).await {
            Ok(0) => return None,
            Ok(length) => return Some(&buffer[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // Nothing more can come.
            Err(_) => return None,
        }
    }
}

/// Cuts what comes on stderr into lines.
#[derive(Debug)]
pub(super) struct Lines {
    output: Output,
    /// The beginning of a line whose end has not come.
    line: Vec<u8>,
    /// More of it came than is kept.
    too_long: bool,
}

impl Lines {
    /// Takes the next piece.
    pub(super) fn read(&mut self, mut bytes: &[u8]) {
        let output = self.output.clone();
        let mut account = output.account();
        account.stderr += bytes.len() as u64;
        keep_tail(&mut account.tail, bytes);
        while let Some(end) = memchr(b'\n', bytes) {
            let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
            if self.line.is_empty() && line.len() <= LONGEST_LINE {
                account.line(line, false);
            } else {
                self.keep(line);
                account.line(&self.line, self.too_long);
                self.line.clear();
                self.too_long = false;
            }
            bytes = rest;
        }
        self.keep(bytes);
    }

    /// The last line may have no end.
    pub(super) fn end(&mut self) {
        if !self.line.is_empty() {
            self.output.account().line(&self.line, self.too_long);
            self.line.clear();
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = LONGEST_LINE - self.line.len();
        self.line.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.too_long |= bytes.len() > room;
    }
}

/// A line of hclog, of which nothing is believed.
#[derive(Deserialize)]
struct LogLine {
    #[serde(rename = "@level")]
    level: Option<Value>,
    #[serde(rename = "@message")]
    message: Option<Value>,
    #[serde(rename = "@timestamp")]
    timestamp: Option<Value>,
}

impl LogLine {
    fn has_wrong_type(&self) -> bool {
        [&self.level, &self.message, &self.timestamp].into_iter().flatten().any(|value| !value.is_string())
    }
}

impl Account {
    fn line(&mut self, line: &[u8], too_long: bool) {
        if too_long {
            self.problem(LogProblem::TooLong, line);
        } else if std::str::from_utf8(line).is_err() {
            self.problem(LogProblem::NotUtf8, line);
        } else if line.starts_with(b"{")
            && find(line, b"\"@").is_some()
            && serde_json::from_slice::<LogLine>(line).is_ok_and(|line| line.has_wrong_type())
        {
            self.problem(LogProblem::WrongType, line);
        }
        if self.crash.is_none()
            && [&b"panic:"[..], b"fatal error:"].iter().any(|words| line.starts_with(words))
        {
            self.crash = Some(Vec::new());
        }
        if let Some(crash) = &mut self.crash {
            let room = CRASH.saturating_sub(crash.len() + 1);
            if room > 0 {
                crash.extend_from_slice(&line[..line.len().min(room)]);
                crash.push(b'\n');
            }
        }
    }

    fn problem(&mut self, problem: LogProblem, line: &[u8]) {
        match self.problems.iter_mut().find(|(known, ..)| *known == problem) {
            Some((.., count)) => *count += 1,
            None => self.problems.push((problem, line[..line.len().min(SHOWN)].to_vec(), 1)),
        }
    }

    fn last_lines(&self) -> String {
        let whole = self.stderr == self.tail.len() as u64;
        let from = if whole { 0 } else { memchr(b'\n', &self.tail).map_or(0, |end| end + 1) };
        String::from_utf8_lossy(&self.tail[from..]).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(pieces: &[&[u8]]) -> Vec<ProcessEvent> {
        let output = Output::default();
        let mut lines = output.lines();
        for piece in pieces {
            lines.read(piece);
        }
        lines.end();
        output.events(|text| text.replace("hunter2", "***"))
    }

    #[test]
    fn lines_of_a_wrong_type_are_counted_and_the_first_is_told() {
        let events = events(&[
            b"{\"@level\":\"info\",\"@message\":\"a\",\"@timestamp\":\"t\"}\n{\"@mess",
            b"age\":1, \"password\":\"hunter2\"}\n{\"@level\":[]}\n{\"@level\":\n{}\n",
        ]);
        let text = "{\"@message\":1, \"password\":\"***\"}".to_owned();
        assert_eq!(events[0], ProcessEvent::LogLine { problem: LogProblem::WrongType, text, count: 2 });
        assert_eq!(events.len(), 2, "{events:?}");
    }

    #[test]
    fn lines_that_are_no_text_or_have_no_end_are_told() {
        let long = vec![b'x'; 3 * LONGEST_LINE];
        let events = events(&[b"\xff\xfe\n", &long, b"\nplain\n"]);
        let ProcessEvent::LogLine { problem: LogProblem::NotUtf8, .. } = &events[0] else {
            panic!("{events:?}")
        };
        let ProcessEvent::LogLine { problem: LogProblem::TooLong, text, count: 1 } = &events[1] else {
            panic!("{events:?}")
        };
        assert_eq!(text.len(), SHOWN);
        let ProcessEvent::Output { stderr, tail, .. } = &events[2] else { panic!("{events:?}") };
        assert_eq!((*stderr, tail.as_str()), (3 + 3 * LONGEST_LINE as u64 + 7, "plain\n"));
    }

    #[test]
    fn a_crash_report_goes_from_its_beginning_to_the_end_but_no_further_than_its_limit() {
        let events_of_short = events(&[b"before\npanic: oh no\n\ngoroutine 1 [running]:"]);
        let text = "panic: oh no\n\ngoroutine 1 [running]:\n".to_owned();
        assert_eq!(events_of_short[0], ProcessEvent::CrashReport { text });
        let frame = [b'f'; 1023];
        let mut pieces: Vec<&[u8]> = vec![b"fatal error: stack\n"];
        pieces.extend([&frame[..], b"\n"].repeat(100));
        let events = events(&pieces);
        let ProcessEvent::CrashReport { text } = &events[0] else { panic!("{events:?}") };
        assert_eq!(text.len(), CRASH);
    }
}
