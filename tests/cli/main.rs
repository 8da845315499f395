//! The command line, end to end: the built program, over files in fresh directories.
//!
//! Nothing here depends on which stock scenarios there are, beyond `dispatch-error-mid-plan`. A golden file that is
//! meant to change is written anew with `INSTA_UPDATE=always` (screens) or `UPDATE_GOLDEN=1` (the JSON Schema).

// Marked, so that what is allowed in tests is allowed in the functions beside them.
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod catalogue;
#[cfg(test)]
mod ci;
#[cfg(test)]
mod compared;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod cutover;
mod decoder;
#[cfg(test)]
mod documented;
mod engine;
#[cfg(test)]
mod evidence;
#[cfg(test)]
mod exits;
mod explore;
#[cfg(test)]
mod filters;
#[cfg(test)]
mod formats;
#[cfg(test)]
mod generated;
mod init;
#[cfg(test)]
mod interrupt;
mod known;
#[cfg(test)]
mod merged;
#[cfg(test)]
mod reach;
#[cfg(test)]
mod rehearsals;
#[cfg(test)]
mod reports;
#[cfg(test)]
mod screens;
mod settings;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod support;
#[cfg(test)]
mod traces;
#[cfg(test)]
mod vectors;
#[cfg(test)]
mod wfctl;
