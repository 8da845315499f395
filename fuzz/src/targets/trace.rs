//! Saved traces.

use counterfoil_core::{judge, trace::Trace};

/// Reads a saved trace, and judges it.
///
/// One that is read, saved and read again is the same, and is judged alike. Findings point at events and actions of it.
pub fn trace_file(input: &[u8]) {
    let Ok(trace) = Trace::load(input) else { return };
    let saved = save(&trace);
    let again =
        Trace::load(&saved[..]).unwrap_or_else(|error| panic!("it is not read once it was saved: {error}"));
    assert_eq!(text(&saved), text(&save(&again)), "it is saved the same again");

    let assessment = judge::assess(&trace, true);
    assert_eq!(assessment, judge::assess(&again, true), "it is judged alike");
    for finding in assessment.findings.iter().chain(&assessment.expected_findings) {
        assert!(finding.evidence.iter().all(|at| *at < trace.events.len()), "{finding:?}");
        let actions = trace.header.plan.actions.len();
        assert!(finding.action.is_none_or(|at| (at as usize) < actions), "{finding:?}");
    }
}

fn save(trace: &Trace) -> Vec<u8> {
    let mut saved = Vec::new();
    trace.save(&mut saved).expect("there is room in memory");
    saved
}

fn text(saved: &[u8]) -> &str {
    std::str::from_utf8(saved).expect("JSON is text")
}
