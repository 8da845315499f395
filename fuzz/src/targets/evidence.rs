//! Evidence, and what Go says of a program in it.

use counterfoil::{
    evidence::{Artefact, Evidence, GoBuild},
    report::{evidence as report, layout::Layout},
};

/// Reads evidence. What is read, written and read again stays the same; it can be shown, whatever stands in it, and objects to
/// another program.
pub fn evidence_file(input: &[u8]) {
    let Ok(evidence) = Evidence::read(input) else { return };
    let again = Evidence::read(evidence.clone().to_json().as_bytes()).expect("what was written is evidence");
    let without_digest = |evidence: &Evidence| Evidence { digest: String::new(), ..evidence.clone() };
    assert_eq!(without_digest(&again), without_digest(&evidence));
    let other = Artefact { program: "another".to_owned(), archive: None, manifest: None };
    let objections = evidence.objections(&other, None, counterfoil_core::scenario::Date::from_days(0));
    assert!(!objections.is_empty(), "it is about another program");
    let shown = report::verified(&evidence, &objections, Layout::ENDLESS);
    assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "{shown:?}");
}

/// Reads what Go says of a program. However much stands there, little is kept.
pub fn go_build(input: &[u8]) {
    match GoBuild::read(input) {
        Ok(build) => assert!(build.go.chars().count() <= 301, "{build:?}"),
        Err(why) => assert!(!why.is_empty(), "what is unknown is so for a reason"),
    }
}
