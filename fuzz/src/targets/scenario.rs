//! Scenario files.

use counterfoil_core::scenario::{Expect, Scenario, Source, Span, parse, write};

use super::yaml::{FILE, have_their_places};

/// Reads a scenario file. Mistakes have their places in the text; a scenario that was written is the same when it is read
/// again, but for what it expects.
pub fn scenario_file(input: &[u8]) {
    let known = match parse(FILE, input) {
        Ok(known) => known,
        Err(mistakes) => return have_their_places(&mistakes, input),
    };
    let written = write(&known);
    let again = parse(FILE, written.as_bytes());
    let again = again
        .unwrap_or_else(|mistakes| panic!("it is not read once it was written: {mistakes:#?}\n{written}"));
    assert_eq!(written, write(&again), "it is written the same again");
    assert_eq!(plain(known), plain(again), "{written}");
}

/// All that is written of a scenario: without the places of everything, and of what is expected the findings alone.
fn plain(mut scenario: Scenario) -> String {
    scenario.faults.iter_mut().for_each(|fault| fault.span = Span::default());
    scenario.expect = Expect { findings: scenario.expect.findings, ..Expect::default() };
    scenario.source = Source::nowhere();
    format!("{scenario:#?}")
}
