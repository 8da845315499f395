//! Traces on disk: JSON lines, the header first, then one event a line.

use std::io::{self, BufRead, Read as _, Write};

use serde::{Deserialize, Serialize};

use super::{Event, Header, Trace};
use crate::json::without_place;

/// The version of the file format. A reader takes its own version and every older one.
pub const VERSION: u32 = 5;

/// The longest line that is read, in bytes: a message of 64 MB in hexadecimal, with room to spare.
const MAX_LINE: u64 = 256 * 1024 * 1024;

/// The word by which a trace is known.
const FORMAT: &str = "counterfoil-trace";

#[derive(Deserialize)]
struct Opening {
    format: String,
    version: u32,
}

#[derive(Serialize)]
struct FirstLine<'a> {
    format: &'a str,
    version: u32,
    header: &'a Header,
}

#[derive(Deserialize)]
struct HeaderLine {
    header: Header,
}

/// Why a file is not a trace that can be judged.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("the trace cannot be read")]
    Io(#[from] io::Error),
    /// There is nothing in it.
    #[error("the file is empty: a trace begins with a header line")]
    Empty,
    /// The first line is not a trace's.
    #[error("line 1 is not the header of a trace: expected an object with `format: {FORMAT}`")]
    NotATrace,
    /// The trace was written by a newer Counterfoil.
    #[error("the trace has version {found}, and this Counterfoil reads up to {VERSION}: upgrade Counterfoil")]
    TooNew {
        /// The version that the file states.
        found: u32,
    },
    /// A line has no end in sight.
    #[error("line {line} is longer than {MAX_LINE} bytes")]
    Endless {
        /// Counted from 1.
        line: usize,
    },
    /// A line does not hold what it should.
    #[error("line {line}, column {column}: {}", without_place(why))]
    Line {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
        /// What is wrong with it.
        why: serde_json::Error,
    },
}

impl Trace {
    /// Writes the trace as JSON lines, with the version that it has: one that was read in an older form still tells no
    /// more than that form could.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn save(&self, to: impl Write) -> io::Result<()> {
        let mut writer = Writer::begin(to, &self.header)?;
        self.events.iter().try_for_each(|event| writer.event(event))?;
        writer.0.flush()
    }

    /// Reads a trace that [`Trace::save`] wrote.
    ///
    /// # Errors
    /// See [`LoadError`]; a file that was cut short in the middle of a line is one.
    pub fn load(mut from: impl BufRead) -> Result<Self, LoadError> {
        let first = next_line(&mut from, 1)?.ok_or(LoadError::Empty)?;
        let opening: Opening = serde_json::from_str(&first).map_err(|_| LoadError::NotATrace)?;
        if opening.format != FORMAT {
            return Err(LoadError::NotATrace);
        }
        if opening.version > VERSION {
            return Err(LoadError::TooNew { found: opening.version });
        }
        let HeaderLine { mut header } = parse(1, &first)?;
        header.version = opening.version;
        let mut events: Vec<Event> = Vec::new();
        for number in 2.. {
            let Some(text) = next_line(&mut from, number)? else { break };
            events.push(parse(number, &text)?);
        }
        Ok(Self { header, events })
    }
}

/// Writes a trace while it comes about. Each event is handed on at once and whole, so that a trace whose writer was
/// killed can be read.
#[derive(Debug)]
pub struct Writer<W>(W);

impl<W: Write> Writer<W> {
    /// Begins the file of a trace.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn begin(to: W, header: &Header) -> io::Result<Self> {
        let mut writer = Self(to);
        writer.line(&FirstLine { format: FORMAT, version: header.version, header })?;
        Ok(writer)
    }

    /// Appends an event.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn event(&mut self, event: &Event) -> io::Result<()> {
        self.line(event)
    }

    fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        self.0.write_all(&line)
    }
}

/// The next line, without its end; none at the end of the file.
fn next_line(from: &mut impl BufRead, number: usize) -> Result<Option<String>, LoadError> {
    let mut text = String::new();
    let read = from.take(MAX_LINE).read_line(&mut text)?;
    match read as u64 {
        0 => Ok(None),
        MAX_LINE if !text.ends_with('\n') => Err(LoadError::Endless { line: number }),
        _ => Ok(Some(text)),
    }
}

fn parse<'t, T: Deserialize<'t>>(line: usize, text: &'t str) -> Result<T, LoadError> {
    serde_json::from_str(text).map_err(|why| LoadError::Line { line, column: why.column(), why })
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Read as _, repeat};

    use super::*;

    #[test]
    fn a_trace_of_an_older_form_stays_one_when_it_is_saved() {
        let old = include_bytes!("../../../../golden/traces/version-1.jsonl");
        let trace = Trace::load(&old[..]).unwrap();
        let mut saved = Vec::new();
        trace.save(&mut saved).unwrap();
        assert_eq!(trace.header.version, 1);
        assert_eq!(Trace::load(&saved[..]).unwrap(), trace);
    }

    #[test]
    fn a_line_without_an_end_is_given_up() {
        let endless = BufReader::new(repeat(b' ').take(MAX_LINE * 2));
        assert!(matches!(Trace::load(endless), Err(LoadError::Endless { line: 1 })));
    }
}
