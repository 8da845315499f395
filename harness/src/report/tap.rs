//! TAP 14: a line for each run as it is finished, and why it did not pass in a YAML block below.

use std::io::{self, Write};

use counterfoil_core::judge::Verdict;
use serde_json::{Value, json};

use super::{
    Reporter,
    text::plain,
    words::{account, failed_by, headline},
};
use crate::run::{Finished, RunEvent};

/// Writes lines as they come.
#[derive(Debug)]
pub struct Tap<W> {
    out: W,
    number: usize,
    strict: bool,
}

impl<W: Write> Tap<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self { out, number: 0, strict: false }
    }

    fn test(&mut self, run: &Finished) -> io::Result<()> {
        self.number += 1;
        let told = headline(run, self.strict);
        let (ok, directive) = match &run.verdict {
            Verdict::Pass => ("ok", String::new()),
            Verdict::Fail | Verdict::UnexpectedPass { .. } | Verdict::Unjudged { .. } => {
                ("not ok", String::new())
            }
            Verdict::KnownFailure => ("not ok", format!(" # TODO {}", escaped(&told))),
            Verdict::Skip { .. } => ("ok", format!(" # SKIP {}", escaped(&told))),
        };
        writeln!(self.out, "{ok} {} - {}{directive}", self.number, escaped(&plain(&run.id())))?;
        if matches!(run.verdict, Verdict::Pass | Verdict::Skip { .. }) {
            return Ok(());
        }
        let severity = if run.verdict == Verdict::KnownFailure { "todo" } else { "fail" };
        // JSON is YAML, and needs no quoting of its own.
        let quoted = |text: String| Value::from(text);
        writeln!(self.out, "  ---\n  message: {}\n  severity: {severity}", quoted(told))?;
        writeln!(self.out, "  verdict: {}", run.verdict.as_str())?;
        writeln!(self.out, "  rules: {}\n  account:", json!(failed_by(run, self.strict)))?;
        for line in account(run) {
            writeln!(self.out, "    - {}", quoted(line))?;
        }
        writeln!(self.out, "  ...")
    }
}

impl<W: Write> Reporter for Tap<W> {
    fn event(&mut self, event: &RunEvent) -> io::Result<()> {
        match event {
            RunEvent::RunStarted(started) => {
                self.strict = started.is_strict();
                writeln!(self.out, "TAP version 14\n1..{}", started.runs)?;
            }
            RunEvent::Live(_) => return Ok(()),
            RunEvent::Finished(run) => self.test(run)?,
            RunEvent::RunFinished(summary) => {
                writeln!(self.out, "# judged {} of {} rules", summary.rules_judged, summary.rules)?;
                if summary.interrupted {
                    writeln!(self.out, "Bail out! interrupted")?;
                }
            }
        }
        self.out.flush()
    }
}

/// A text in which nothing begins a directive.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('#', "\\#")
}
