//! The kill matrix: every mutant is caught by the rules that it declares and by no other, and every rule catches one.

use std::{collections::BTreeSet, time::Duration};

use counterfoil::{
    mutants::{Kind, Row},
    report::{self, layout::Layout},
};
use counterfoil_core::rules::{self, Level};

use crate::survey;

/// Rules whose breach by a provider nothing in this suite can bring about, and why. Unit tests of the rules do.
const OUT_OF_REACH: [(&str, &str); 2] = [
    (
        "DEC-016",
        "a reply to Apply has no enum but the status, and others are altered on their way, not scripted",
    ),
    ("DSP-011", "the mock provider keeps what it failed to update"),
];

/// The rules that the stock scenarios have to exercise against our own pair. The others are about plugins.
fn suite_rules() -> impl Iterator<Item = &'static rules::Rule> {
    rules::catalogue().filter(|rule| !rule.is_beyond_our_pair())
}

fn is_out_of_reach(rule: &str) -> bool {
    OUT_OF_REACH.iter().any(|(id, _)| *id == rule)
}

#[test]
fn every_mutant_is_caught_by_its_rules_alone() {
    let matrix = survey::mutants();
    let account = report::mutants::matrix(matrix, Duration::ZERO, Layout::ENDLESS);
    assert!(matrix.rows.iter().all(Row::is_killed), "\n{account}");
    assert!(matrix.holds(), "\n{account}");
}

#[test]
fn nothing_of_a_broken_process_is_left() {
    assert_eq!(survey::left_of_mutants(), [""; 0]);
}

#[test]
fn every_must_rule_catches_a_mutant() {
    let unbroken = survey::mutants().without_mutant().into_iter().filter(|rule| rule.level == Level::Must);
    let unbroken: Vec<String> = unbroken.map(|rule| format!("{}: {}", rule.id, rule.title)).collect();
    assert!(unbroken.is_empty(), "{unbroken:#?}");
}

/// A rule that judges what a provider sends is broken by a provider: by a broken one of ours, or by a scenario that plays
/// one with a scripted reply.
#[test]
fn what_a_provider_does_wrong_is_done_by_one() {
    let played = survey::stock().iter().flat_map(|run| &run.expected_findings);
    let providers = survey::mutants().rows.iter().filter(|row| row.mutant.kind == Kind::Provider);
    let found: BTreeSet<&str> =
        played.chain(providers.flat_map(|row| row.found.keys())).map(String::as_str).collect();
    for rule in suite_rules() {
        let due = rule.level == Level::Should || rule.judges.contains(&rules::Party::Provider);
        if due && !is_out_of_reach(rule.id) {
            assert!(found.contains(rule.id), "no stock scenario breaks {}: {}", rule.id, rule.title);
        }
    }
}

#[test]
fn every_rule_has_something_to_judge() {
    let judged: BTreeSet<&str> =
        survey::stock().iter().flat_map(|run| &run.judged).map(String::as_str).collect();
    for rule in suite_rules() {
        assert!(judged.contains(rule.id), "no stock scenario exercises {}: {}", rule.id, rule.title);
    }
}
