//! What the engine's own tools check of a plugin, and which rules stand in the place of each check.

use super::{ReleaseRule, Rule};

/// A check that the engine's own tools make.
#[derive(Debug)]
pub struct Check {
    /// The tool that makes it.
    pub tool: &'static str,
    /// The fact that tells of it, by its id in `docs/facts.md`.
    pub fact: &'static str,
    /// What it looks at.
    pub what: &'static str,
    /// What stands in its place.
    pub replaced: Replaced,
}

/// What stands in the place of a check.
#[derive(Debug)]
pub enum Replaced {
    /// Rules, by their ids.
    By(&'static [&'static str]),
    /// Nothing, for this reason.
    ByNothing(&'static str),
}

impl Check {
    /// The ids of the rules that stand in its place.
    pub fn rules(&self) -> &'static [&'static str] {
        match self.replaced {
            Replaced::By(rules) => rules,
            Replaced::ByNothing(_) => &[],
        }
    }
}

impl Rule {
    /// The checks of the engine's own tools in whose place it stands, alone or with others.
    pub fn replaces(&self) -> impl Iterator<Item = &'static Check> {
        replaced_by(self.id)
    }
}

impl ReleaseRule {
    /// The checks of the engine's own tools in whose place it stands, alone or with others.
    pub fn replaces(&self) -> impl Iterator<Item = &'static Check> {
        replaced_by(self.id)
    }
}

fn replaced_by(rule: &'static str) -> impl Iterator<Item = &'static Check> {
    CHECKS.iter().filter(move |check| check.rules().contains(&rule))
}

const CONFORMANCE: &str = "`wfctl plugin conformance`";
const LIBRARY: &str = "the kit `iac/conformance`";
const HOST_TESTS: &str = "the plugins' own tests against a host";
const CI: &str = "the engine's CI";
const VERIFY: &str = "`wfctl plugin verify-capabilities`";
const VALIDATE: &str = "`wfctl plugin validate-contract`";
const AUDIT: &str = "`wfctl plugin audit`";
const TEST_KIT: &str = "the kit `wftest/bdd`";

const fn by(
    tool: &'static str,
    fact: &'static str,
    what: &'static str,
    rules: &'static [&'static str],
) -> Check {
    Check { tool, fact, what, replaced: Replaced::By(rules) }
}

const fn by_nothing(tool: &'static str, fact: &'static str, what: &'static str, why: &'static str) -> Check {
    Check { tool, fact, what, replaced: Replaced::ByNothing(why) }
}

/// Every check, tool by tool.
pub const CHECKS: &[Check] = &[
    by(
        CONFORMANCE,
        "E-262",
        "the program starts, and shakes hands in time",
        &[
            "PROC-001", "PROC-002", "PROC-003", "PROC-006", "PROC-007", "PROC-008", "PROC-009", "PROC-021",
            "PROC-022",
        ],
    ),
    by(
        CONFORMANCE,
        "E-262",
        "an adapter can be made over its connection",
        &["PROC-011", "PROC-013", "PROC-014", "PROC-023"],
    ),
    by(CONFORMANCE, "E-262", "the registry can be read", &["CAP-002"]),
    by(CONFORMANCE, "E-262", "the required service is in the registry", &["CAP-003"]),
    by(
        CONFORMANCE,
        "E-262",
        "`Capabilities` is called, whatever it answers",
        &["CAP-005", "CAP-006", "CAP-007"],
    ),
    by(CONFORMANCE, "E-266", "the version of `plugin.json` is a semantic one", &["MAN-006"]),
    by_nothing(
        LIBRARY,
        "E-271",
        "a comparison that asks for a replace makes the plan replace",
        "plans are given and not made here; what the comparison has to say for it, RPC-022 judges",
    ),
    by(LIBRARY, "E-271", "a delete of a plan reaches its driver", &["DSP-004", "DSP-007", "RPC-025"]),
    by(
        LIBRARY,
        "E-271",
        "what a comparison says survives its way back",
        &["RPC-019", "RPC-020", "RPC-021", "RPC-022"],
    ),
    by_nothing(
        LIBRARY,
        "E-271",
        "a refresh finds new fields in what is read",
        "a refresh is the command line's, and no part of an apply",
    ),
    by(LIBRARY, "E-271", "an input that changed since the plan is told", &["OUT-015"]),
    by_nothing(
        LIBRARY,
        "E-271",
        "a plan with a reference that leads nowhere is refused by the provider",
        "which field of which type refers to what is no part of the contract",
    ),
    by(LIBRARY, "E-271", "a reference to what another module tells resolves", &["DSP-002", "DSP-006"]),
    by_nothing(
        LIBRARY,
        "E-271",
        "a replace of a protected resource is refused",
        "the gate stands in the command line, before the apply",
    ),
    by_nothing(
        LIBRARY,
        "E-271",
        "the same replace goes through where the user allows it",
        "the gate stands in the command line, before the apply",
    ),
    by(LIBRARY, "E-271", "reads of a resource agree", &["RPC-017", "RPC-018", "RPC-020"]),
    by(LIBRARY, "E-271", "what depends on a replaced resource gets its new id", &["DSP-006", "REP-004"]),
    by(LIBRARY, "E-271", "a create of what exists goes on as an update", &["DSP-004", "RPC-023"]),
    by(
        HOST_TESTS,
        "E-273",
        "the program loads, and tells its registry, its name and a capability",
        &["CAP-002", "CAP-003", "CAP-005", "MAN-015"],
    ),
    by_nothing(
        CI,
        "E-274",
        "three of the plugins build against a change of the engine",
        "that a program builds says nothing of what it does; `--build` builds one, and then it is judged",
    ),
    by(VERIFY, "E-280", "the program starts", &["PROC-002", "PROC-021"]),
    by(VERIFY, "E-280", "`GetManifest` answers, with the name of `plugin.json`", &["CAP-001", "MAN-014"]),
    by(
        VERIFY,
        "E-280",
        "`GetManifest` tells the version of `plugin.json`, and no placeholder",
        &["MAN-007", "MAN-016"],
    ),
    by(VERIFY, "E-280", "a service that is declared is in the registry", &["CAP-011"]),
    by(VERIFY, "E-280", "a service in the registry is declared", &["MAN-018"]),
    by(VALIDATE, "E-281", "the manifest is valid", &["MAN-001", "MAN-002", "MAN-005", "MAN-006", "MAN-008"]),
    by(VALIDATE, "E-281", "`capabilities` is there, and not empty", &["MAN-003", "MAN-009"]),
    by(VALIDATE, "E-281", "`minEngineVersion` is there", &["MAN-013"]),
    by(VALIDATE, "E-281", "the sources have a release set the version", &["MAN-007", "MAN-016"]),
    by(VALIDATE, "E-281", "before publishing, the tag is that of the version", &["REL-001", "REL-003"]),
    by(AUDIT, "E-282", "the manifest has the shape of today", &["MAN-003"]),
    by_nothing(
        AUDIT,
        "E-282",
        "each call has its contract in `plugin.contracts.json`",
        "the calls of infrastructure are left out of that file, and others are no concern here",
    ),
    by(
        TEST_KIT,
        "E-283",
        "a service is registered exactly where its methods are there",
        &["CAP-008", "CAP-009", "RPC-002", "RPC-003"],
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::rules::{find, find_release};

    #[test]
    fn every_check_is_told_once_and_names_rules_that_exist_or_a_reason() {
        let mut told = BTreeSet::new();
        for Check { tool, fact, what, replaced } in CHECKS {
            assert!(told.insert((tool, what)), "{tool}: {what}: twice");
            let number = fact.strip_prefix("E-").and_then(|number| number.parse().ok());
            assert!(number.is_some_and(|number| (260..290).contains(&number)), "{tool}: {fact} is no check");
            match replaced {
                Replaced::By(rules) => {
                    assert!(!rules.is_empty(), "{tool}: {what}: by which rule?");
                    assert!(rules.is_sorted(), "{tool}: {what}: {rules:?} are out of order");
                    let is_one = |id| find(id).is_some() || find_release(id).is_some();
                    rules.iter().for_each(|id| assert!(is_one(id), "{what}: there is no {id}"));
                }
                Replaced::ByNothing(why) => assert!(!why.is_empty(), "{tool}: {what}: why?"),
            }
        }
    }

    #[test]
    fn a_rule_knows_the_checks_that_it_replaces() {
        let tools = |id| -> Vec<_> { find(id).unwrap().replaces().map(|check| check.tool).collect() };
        assert_eq!(tools("MAN-018"), [VERIFY]);
        assert_eq!(tools("CAP-003"), [CONFORMANCE, HOST_TESTS]);
        assert!(tools("OUT-001").is_empty());
        let of_release = find_release("REL-001").unwrap().replaces();
        assert_eq!(of_release.map(|check| check.tool).collect::<Vec<_>>(), [VALIDATE]);
    }
}
