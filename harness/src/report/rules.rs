//! The catalogue of rules, for the reader.

use std::fmt::Write as _;

use counterfoil_core::rules::{FAMILIES, Party, Rule, catalogue};

use crate::suite::coverage;

/// Every rule in a line, family by family.
pub fn list() -> String {
    let mut out = String::new();
    for (family, about) in FAMILIES {
        let _ = writeln!(out, "{family}  {about}");
        for rule in catalogue().filter(|rule| rule.family() == family) {
            let _ = writeln!(out, "  {}  {:<6}  {}", rule.id, rule.level, rule.title);
        }
        let _ = writeln!(out);
    }
    let _ = writeln!(out, "{} rules; `counterfoil explain ID` says all about one", catalogue().count());
    out
}

/// Everything about a rule. What exercises it and what trips it is computed from the stock suite.
pub fn explain(rule: &Rule) -> String {
    let mut out = format!("{}  {}\n\n", rule.id, rule.title);
    let parties: Vec<String> = rule.judges.iter().map(Party::to_string).collect();
    let with = |of: &std::collections::BTreeMap<String, std::collections::BTreeSet<String>>| {
        let named: Vec<&str> =
            of.iter().filter(|(_, rules)| rules.contains(rule.id)).map(|(name, _)| name.as_str()).collect();
        if named.is_empty() { "none".to_owned() } else { named.join("\n              ") }
    };
    for (key, value) in [
        ("level", rule.level.to_string()),
        ("judges", parties.join(", ")),
        ("revisions", rule.range()),
        ("enforced by", rule.enforced.to_owned()),
        ("why", rule.reason.to_owned()),
        ("source", rule.source.to_owned()),
        ("exercised by", with(&coverage().scenarios)),
        ("tripped by", with(&coverage().mutants)),
    ] {
        let _ = writeln!(out, "{key:<12}  {value}");
    }
    out
}
