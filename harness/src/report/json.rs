//! JSON lines: one run event a line, as it comes. What is told of a run while it lasts ([`RunEvent::Live`]) is left
//! out: the lines are the same whatever ran first.

use std::io::{self, Write};

use super::{Reporter, text::plain_json};
use crate::run::RunEvent;

/// Writes events as they are. The first line states the format and its version.
#[derive(Debug)]
pub struct Json<W>(pub W);

impl<W: Write> Reporter for Json<W> {
    fn event(&mut self, event: &RunEvent) -> io::Result<()> {
        if matches!(event, RunEvent::Live(_)) {
            return Ok(());
        }
        let line = plain_json(serde_json::to_string(event)?) + "\n";
        self.0.write_all(line.as_bytes())?;
        // A run that is killed leaves every line that was finished.
        self.0.flush()
    }
}
