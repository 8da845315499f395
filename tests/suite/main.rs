//! The stock suite: every scenario passes, every rule can fail, and what is known of both is up to date.
//!
//! `UPDATE_GOLDEN=1 cargo test -p counterfoil --test suite` rewrites `golden/coverage.json` and the
//! pages of `docs/` that are computed.

mod coverage;
mod documentation;
#[path = "../process/leftovers.rs"]
mod leftovers;
mod mutants;
mod parsers;
mod repeat;
mod rows;
mod survey;
mod traces;
mod ways;

use counterfoil::run::Finished;
use counterfoil_core::judge::Verdict;

/// What a scenario says of itself holds wherever it can be run, and nothing else is found there.
#[test]
fn every_scenario_passes_at_every_revision() {
    let mut complaints = Vec::new();
    // What takes a plugin is run against plugins, in `tests/process`.
    let takes_plugin = |finished: &&Finished| finished.file.starts_with("scenarios/process/");
    for finished in survey::stock().iter().filter(|finished| !takes_plugin(finished)) {
        let mut complain =
            |what: &str| complaints.push(format!("{} ({}): {what}", finished.id(), finished.file));
        if finished.verdict != Verdict::Pass {
            complain(&format!("{:?}", finished.verdict));
        }
        for finding in &finished.findings {
            complain(&format!("{} ({}): {}", finding.rule, finding.party, finding.message));
        }
        for mismatch in &finished.mismatches {
            complain(&format!(
                "line {}: expected {}, found {}",
                mismatch.line, mismatch.expected, mismatch.found
            ));
        }
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}
