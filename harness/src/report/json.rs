//! JSON lines: one run event a line, as it comes. What is told of a run while it lasts ([`RunEvent::Live`]) is left
//! out: the lines are the same whatever ran first.

use std::io::{self, Write};

use super::Reporter;
use crate::run::RunEvent;

/// Writes events as they are. The first line states the format and its version.
#[derive(Debug)]
pub struct Json<W>(pub W);

impl<W: Write> Reporter for Json<W> {
    fn event(&mut self, event: &RunEvent) -> io::Result<()> {
        if matches!(event, RunEvent::Live(_)) {
            return Ok(());
        }
        serde_json::to_writer(&mut self.0, event)?;
        self.0.write_all(b"\n")?;
        // A run that is killed leaves every line that was finished.
        self.0.flush()
    }
}
