//! `golden/coverage.json` is what the runs of this test say, letter by letter.

use std::{collections::BTreeMap, env, fs, sync::Arc};

use counterfoil::{
    run::{self, Finished, Job, Variant},
    suite::{Breaker, Coverage, Example},
};
use counterfoil_core::rules::{self, Rule, judge};
use regex_lite::Regex;
use serde::Serialize;
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
    let example = |rule: &'static Rule| Some((rule.id.to_owned(), by_mutant(rule).or_else(|| by_run(rule))?));
    coverage.examples = rules::catalogue().filter_map(example).collect();
    coverage
}

/// What a rule says of the smallest mutant that it finds.
fn by_mutant(rule: &Rule) -> Option<Example> {
    let row = survey::mutants().smallest(rule)?;
    let finding = without_chance(&row.found[rule.id].said);
    Some(Example { by: Breaker::Mutant(row.mutant.name.to_owned()), finding })
}

/// What a rule says of the first stock scenario that has it broken, without a mutant.
fn by_run(rule: &Rule) -> Option<Example> {
    let breaks = |run: &&Finished| run.expected_findings.iter().any(|found| found == rule.id);
    let broken = survey::stock().iter().find(breaks)?;
    let scenario = survey::scenarios().iter().find(|scenario| scenario.id == broken.scenario)?;
    let job = Job { scenario: Arc::clone(scenario), revision: broken.revision };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads start");
    let driven = run::drive(&job, &Variant::Reference);
    let trace = runtime.block_on(driven).expect("the mock answers");
    let finding = judge(&trace).findings.into_iter().find(|finding| finding.rule == rule.id)?;
    Some(Example { by: Breaker::Run(broken.id()), finding: without_chance(&finding.message) })
}

/// A text without what is another in each run: places of private directories, process ids, ports, times, and counts of what
/// happens at once.
fn without_chance(text: &str) -> String {
    let patterns = [
        (r"/[^\s\x22]*/cf-\w{6}/(\d+/)?", "DIR/"),
        (r"hostile-\d+", "hostile-PID"),
        (r"\bstatus-\d@", "status-N@"),
        // On a machine that is busy, the proxy hears of a call to it during the next call to the plugin.
        (r"\bduring capabilities;", "during initialize;"),
        (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
        (r"\b\d+( ms\b| times OK\b| are granted\b| processes were\b| bytes and no line feed\b)", "N$1"),
    ];
    patterns.into_iter().fold(text.to_owned(), |text, (pattern, instead)| {
        Regex::new(pattern).expect("it is one").replace_all(&text, instead).into_owned()
    })
}

/// A scenario, a mutant or an example a line, so that a change of one shows as one.
fn rendered(coverage: &Coverage) -> String {
    format!(
        "{{\n  \"scenarios\": {},\n  \"mutants\": {},\n  \"examples\": {}\n}}\n",
        lines(&coverage.scenarios),
        lines(&coverage.mutants),
        lines(&coverage.examples)
    )
}

fn lines(table: &BTreeMap<String, impl Serialize>) -> String {
    let lines: Vec<String> =
        table.iter().map(|(name, entry)| format!("    {}: {}", json!(name), json!(entry))).collect();
    format!("{{\n{}\n  }}", lines.join(",\n"))
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
