//! `golden/coverage.json` is what the runs of this test say, letter by letter.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
};

use counterfoil::suite::Coverage;
use serde_json::json;

use crate::survey;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../golden/coverage.json");

fn computed() -> Coverage {
    let mut coverage = Coverage::default();
    for run in survey::stock() {
        coverage.scenarios.entry(run.scenario.clone()).or_default().extend(run.judged.iter().cloned());
    }
    coverage.mutants = survey::mutants()
        .rows
        .iter()
        .map(|row| (row.mutant.name.to_owned(), row.found.keys().cloned().collect()))
        .collect();
    coverage
}

/// A scenario or a mutant a line, so that a change of one shows as one.
fn rendered(coverage: &Coverage) -> String {
    let lines = |table: &BTreeMap<String, BTreeSet<String>>| {
        let lines: Vec<String> =
            table.iter().map(|(name, rules)| format!("    {}: {}", json!(name), json!(rules))).collect();
        format!("{{\n{}\n  }}", lines.join(",\n"))
    };
    format!(
        "{{\n  \"scenarios\": {},\n  \"mutants\": {}\n}}\n",
        lines(&coverage.scenarios),
        lines(&coverage.mutants)
    )
}

#[test]
fn the_coverage_file_is_up_to_date() {
    let coverage = computed();
    let rendered = rendered(&coverage);
    assert_eq!(serde_json::from_str::<Coverage>(&rendered).unwrap(), coverage);
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(FILE, &rendered).unwrap();
        return;
    }
    let kept = fs::read_to_string(FILE).unwrap();
    let (kept, rendered): (Vec<_>, Vec<_>) = (kept.lines().collect(), rendered.lines().collect());
    let gone = kept.iter().filter(|line| !rendered.contains(line)).map(|line| format!("- {line}\n"));
    let new = rendered.iter().filter(|line| !kept.contains(line)).map(|line| format!("+ {line}\n"));
    let difference: String = gone.chain(new).collect();
    assert!(
        kept == rendered,
        "golden/coverage.json is out of date; UPDATE_GOLDEN=1 rewrites it\n{difference}"
    );
}
