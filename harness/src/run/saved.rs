//! Runs that were reported as JSON lines, read back.

use std::{
    collections::BTreeMap,
    io::{self, BufRead, Read as _},
};

use counterfoil_core::json::without_place;
use serde::Deserialize;

use super::event::{FORMAT, Finished, RunEvent, Started, Summary, VERSION};

/// The longest line that is read, in bytes. One holds all that is told of a run of one scenario.
const MAX_LINE: u64 = 64 << 20;

/// A run of scenarios, by what its report says.
#[derive(Clone, Debug)]
pub struct SavedRun {
    /// How it began.
    pub started: Started,
    /// What had finished, by `id@revision`.
    pub finished: BTreeMap<String, Finished>,
    /// The run in numbers; none where the report was cut short.
    pub summary: Option<Summary>,
}

/// Why a file is not the report of a run.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
    /// Its first line does not begin a report.
    #[error(
        "line 1 does not begin the report of a run: expected an object with `run_started`, as `--report json=FILE` writes it"
    )]
    NotAReport,
    /// A newer Counterfoil wrote it.
    #[error(
        "the report has version {found}, and this Counterfoil reads up to {VERSION}: upgrade Counterfoil"
    )]
    TooNew {
        /// The version that it states.
        found: u32,
    },
    /// A line has no end in sight.
    #[error("line {line} is longer than {MAX_LINE} bytes")]
    Endless {
        /// Counted from 1.
        line: usize,
    },
    /// A line does not hold an event.
    #[error("line {line}, column {column}: {}", without_place(why))]
    Line {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
        /// What is wrong with it.
        why: serde_json::Error,
    },
    /// A line tells of something that cannot come there.
    #[error("line {line}: {what}")]
    OutOfPlace {
        /// Counted from 1.
        line: usize,
        /// What it is, and why it cannot.
        what: String,
    },
}

/// The first line of a report, as far as every version has it.
#[derive(Deserialize)]
struct Opening {
    run_started: Form,
}

#[derive(Deserialize)]
struct Form {
    format: String,
    version: u32,
}

impl SavedRun {
    /// Reads the report that `--report json=FILE` wrote. One that ends before its run did, in the middle of a line too, holds
    /// what had finished: its writer was killed, or the disk was full.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn read(mut from: impl BufRead) -> Result<Self, ReadError> {
        let first = next_line(&mut from, 1)?.ok_or(ReadError::NotAReport)?;
        let Opening { run_started } = serde_json::from_str(&first).map_err(|_| ReadError::NotAReport)?;
        if run_started.format != FORMAT {
            return Err(ReadError::NotAReport);
        }
        if run_started.version > VERSION {
            return Err(ReadError::TooNew { found: run_started.version });
        }
        let RunEvent::RunStarted(started) = event(1, &first)? else {
            return Err(ReadError::NotAReport);
        };
        let mut saved = Self { started: *started, finished: BTreeMap::new(), summary: None };
        for line in 2.. {
            let Some(text) = next_line(&mut from, line)? else { break };
            match event(line, &text) {
                Ok(event) => saved.take(line, event)?,
                Err(_) if !text.ends_with('\n') => break,
                Err(error) => return Err(error),
            }
        }
        Ok(saved)
    }

    fn take(&mut self, line: usize, event: RunEvent) -> Result<(), ReadError> {
        let out_of_place = |what| Err(ReadError::OutOfPlace { line, what });
        if self.summary.is_some() {
            return out_of_place("there is something behind the end of the run".to_owned());
        }
        match event {
            RunEvent::Finished(finished) => {
                let id = finished.id();
                if self.finished.insert(id.clone(), *finished).is_some() {
                    return out_of_place(format!("{id} is finished a second time"));
                }
            }
            RunEvent::RunFinished(summary) => self.summary = Some(summary),
            RunEvent::RunStarted(_) => {
                return out_of_place("another run begins: a report holds one".to_owned());
            }
            RunEvent::Live(_) => {}
        }
        Ok(())
    }

    /// Whether it came to its end: nothing stopped it, and nothing is lost of its report.
    pub fn is_whole(&self) -> bool {
        self.summary.as_ref().is_some_and(|summary| !summary.interrupted)
    }
}

/// The next line, with its end; none at the end of the file.
fn next_line(from: &mut impl BufRead, line: usize) -> Result<Option<String>, ReadError> {
    let mut text = Vec::new();
    let read = from.take(MAX_LINE).read_until(b'\n', &mut text)?;
    match read as u64 {
        0 => Ok(None),
        MAX_LINE if !text.ends_with(b"\n") => Err(ReadError::Endless { line }),
        _ => Ok(Some(String::from_utf8_lossy(&text).into_owned())),
    }
}

fn event(line: usize, text: &str) -> Result<RunEvent, ReadError> {
    serde_json::from_str(text).map_err(|why| ReadError::Line { line, column: why.column(), why })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STARTED: &str =
        r#"{"run_started":{"format":"counterfoil-run","version":1,"counterfoil":"0.1.0","runs":2}}"#;
    const FINISHED: &str = r#"{"finished":{"scenario":"a","revision":"0.56","title":"A","file":"a.yaml","verdict":"pass","actions":[],"judged":[],"reproduce":"","millis":1}}"#;
    const OVER: &str = r#"{"run_finished":{"passed":1,"failed":0,"unjudged":0,"not_applicable":0,"not_run":0,"warnings":0,"defects":0,"rules_judged":0,"rules":0,"millis":1}}"#;

    fn read(lines: &[&str]) -> Result<SavedRun, String> {
        SavedRun::read(lines.join("\n").as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_report_is_read_as_far_as_it_goes() {
        let whole = read(&[STARTED, FINISHED, OVER, ""]).unwrap();
        assert!(whole.is_whole());
        assert_eq!(
            (whole.started.runs, whole.finished.len(), whole.finished.contains_key("a@0.56")),
            (2, 1, true)
        );

        let killed = read(&[STARTED, FINISHED, &OVER[..20]]).unwrap();
        assert_eq!((killed.is_whole(), killed.finished.len()), (false, 1));
        assert_eq!(read(&[STARTED]).unwrap().finished.len(), 0);

        let interrupted = OVER.replace(r#""millis""#, r#""interrupted":true,"millis""#);
        assert!(!read(&[STARTED, FINISHED, &interrupted]).unwrap().is_whole());
    }

    #[test]
    fn what_is_no_report_is_told_with_its_line() {
        let said = |lines: &[&str]| read(lines).unwrap_err();
        assert!(said(&[]).starts_with("line 1 does not begin the report of a run"));
        assert!(said(&["{}"]).starts_with("line 1 does not begin the report of a run"));
        let other = STARTED.replace("counterfoil-run", "tap");
        assert!(said(&[&other]).starts_with("line 1 does not begin the report of a run"));
        let newer = STARTED.replace(r#""version":1"#, r#""version":7"#);
        assert!(said(&[&newer]).starts_with("the report has version 7, and this Counterfoil reads up to 1"));
        assert!(said(&[STARTED, "{\"finished\":7}", OVER]).starts_with("line 2, column 13: "));
        assert_eq!(said(&[STARTED, FINISHED, FINISHED]), "line 3: a@0.56 is finished a second time");
        assert_eq!(said(&[STARTED, STARTED]), "line 2: another run begins: a report holds one");
        assert_eq!(said(&[STARTED, OVER, FINISHED]), "line 3: there is something behind the end of the run");
    }
}
