//! Reports, one file per format, all made from the events of a run.

pub mod cutover;
pub mod diagnostics;
pub mod diff;
pub mod evidence;
pub mod explore;
pub mod explore_map;
pub mod github;
pub mod html;
pub mod init;
pub mod json;
pub mod junit;
pub mod known;
pub mod layout;
pub(crate) mod markup;
pub mod mutants;
pub mod profiles;
pub mod progress;
pub mod rules;
pub mod sarif;
pub mod scenarios;
pub mod tap;
pub mod terminal;
pub mod text;
pub mod vectors;
pub mod words;

use std::io;

use crate::run::RunEvent;

/// Takes the events of a run, in order.
pub trait Reporter {
    /// Takes one event.
    ///
    /// # Errors
    /// When what it writes to does not take it.
    fn event(&mut self, event: &RunEvent) -> io::Result<()>;
}
