//! The stock suite: scenarios that are part of the program, and what is known of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
};

use serde::{Deserialize, Serialize};

/// The files of the stock suite, each with its path in the repository and its text.
pub const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/stock.rs"));

/// Which rules the stock scenarios exercise, which rules catch which mutant, and an example of a finding of each rule:
/// computed by running all of them, kept in `golden/coverage.json`, and held against a new computation by a test.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Rules, by the scenario that gives them something to judge.
    pub scenarios: BTreeMap<String, BTreeSet<String>>,
    /// Rules with findings, by mutant.
    pub mutants: BTreeMap<String, BTreeSet<String>>,
    /// A finding of each rule that something breaks.
    pub examples: BTreeMap<String, Example>,
}

/// What a rule says where it does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// What breaks it.
    pub by: Breaker,
    /// The finding's text.
    pub finding: String,
}

/// What breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Breaker {
    /// A mutant, by its name.
    Mutant(String),
    /// A run of a stock scenario that plays the provider, by its id.
    Run(String),
}

impl Breaker {
    /// The command that has the rule broken.
    pub fn command(&self) -> String {
        match self {
            Self::Mutant(name) => format!("counterfoil mutants --only {name}"),
            Self::Run(id) => format!("counterfoil run --filter {id}"),
        }
    }
}

/// The coverage of the stock suite.
pub fn coverage() -> &'static Coverage {
    static COVERAGE: OnceLock<Coverage> = OnceLock::new();
    COVERAGE.get_or_init(|| {
        serde_json::from_str(include_str!("../../golden/coverage.json"))
            .expect("golden/coverage.json is written by a test")
    })
}

/// Whether a file is one of the stock suite, which is in no repository of the user's.
pub fn is_stock(file: &str) -> bool {
    FILES.iter().any(|(stock, _)| *stock == file)
}

/// The rules that a stock scenario exercises; none for other scenarios, also where they take the id of one.
pub fn exercised_by(file: &str, scenario: &str) -> Option<&'static BTreeSet<String>> {
    let is_stock = FILES.iter().any(|(stock, _)| file.ends_with(stock));
    coverage().scenarios.get(scenario).filter(|_| is_stock)
}
