//! The kill matrix: every mutant is caught by the rules that it declares and by no other, and every rule catches one.

use std::{collections::BTreeSet, fmt::Write as _};

use counterfoil_core::{
    mutants::{DECODERS, ENGINES},
    rules::{self, Level},
};

use crate::survey::{self, Mutant};

/// Rules whose breach by a provider nothing in this suite can bring about, and why. Unit tests of the rules do.
const OUT_OF_REACH: [(&str, &str); 2] = [
    (
        "DEC-016",
        "a reply to Apply has no enum but the status, and others are altered on their way, not scripted",
    ),
    ("DSP-011", "the mock provider keeps what it failed to update"),
];

/// The rules that this suite has to exercise. Broken plugins trip the others, in `tests/process`.
fn suite_rules() -> impl Iterator<Item = &'static rules::Rule> {
    rules::catalogue().filter(|rule| !rule.needs_a_plugin())
}

fn is_out_of_reach(rule: &str) -> bool {
    OUT_OF_REACH.iter().any(|(id, _)| *id == rule)
}

#[test]
fn every_mutant_is_caught_by_its_rules_alone() {
    let wrong: Vec<&Mutant> =
        survey::mutants().iter().filter(|mutant| !mutant.found.keys().eq(mutant.declared.iter())).collect();
    assert!(wrong.is_empty(), "\n{}", table(&wrong));
}

/// Declared and found side by side, with a run in which to look for each rule that should not have found anything.
fn table(mutants: &[&Mutant]) -> String {
    let mut table = String::new();
    for mutant in mutants {
        let _ = writeln!(table, "{}", mutant.name);
        let found: BTreeSet<&str> = mutant.found.keys().map(String::as_str).collect();
        for rule in mutant.declared.union(&found) {
            let runs = mutant.found.get(*rule);
            let _ = match (mutant.declared.contains(rule), runs) {
                (true, Some(runs)) => writeln!(table, "  {rule}  declared, found in {} runs", runs.len()),
                (true, None) => writeln!(table, "  {rule}  DECLARED, FOUND NOWHERE"),
                (false, Some(runs)) => {
                    let some: Vec<&str> = runs.iter().take(5).map(String::as_str).collect();
                    writeln!(
                        table,
                        "  {rule}  FOUND, NOT DECLARED, in {} runs: {}",
                        runs.len(),
                        some.join(" ")
                    )
                }
                (false, None) => Ok(()),
            };
        }
    }
    table
}

#[test]
fn every_must_rule_catches_a_mutant() {
    let caught: BTreeSet<&str> = ENGINES
        .iter()
        .map(|mutant| mutant.caught_by)
        .chain(DECODERS.iter().map(|mutant| mutant.caught_by))
        .flatten()
        .copied()
        .collect();
    for rule in suite_rules().filter(|rule| rule.level == Level::Must) {
        assert!(caught.contains(rule.id), "{}: {}", rule.id, rule.title);
    }
}

/// A rule that judges what a provider sends is broken by a scripted reply, and a SHOULD rule by a scenario that says
/// so: there is no mutant of our provider here that could do it.
#[test]
fn what_no_mutant_can_break_a_scenario_does() {
    let found: BTreeSet<&str> =
        survey::stock().iter().flat_map(|run| &run.expected_findings).map(String::as_str).collect();
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
