//! The catalogue of rules, for the reader.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    mem,
};

use counterfoil_core::{
    mutants::{MANIFESTS, RELEASES, ReleaseMutant},
    rules::{CHECKS, Check, FAMILIES, Family, Party, RELEASE, ReleaseRule, Replaced, Rule, catalogue},
};
use counterfoil_mock::broken::process::PROCESSES;

use super::layout::{Layout, Page, keep};
use crate::suite::{Example, coverage};

/// Every rule in a line, family by family.
pub fn list(layout: Layout) -> String {
    let mut page = Page::new(layout);
    for family in FAMILIES {
        listed(&mut page, family, |rule| (rule.id, rule.level.to_string(), rule.title));
    }
    listed(&mut page, &RELEASE, |rule| (rule.id, ALWAYS.to_owned(), rule.title));
    let command = keep("`counterfoil explain ID`");
    let count = catalogue().count() + RELEASE.rules.len();
    page.wrapped("", 2, &format!("{count} rules; {command} says all about one"));
    page.take()
}

/// A family, and its rules by their ids, levels and titles.
fn listed<R>(page: &mut Page, family: &Family<R>, told: impl Fn(&R) -> (&str, String, &str)) {
    page.wrapped(&format!("{}  ", family.name), family.name.len() + 2, family.about);
    for (id, level, title) in family.rules.iter().map(told) {
        page.wrapped(&format!("  {id:<8}  {level:<6}  "), 20, title);
    }
    page.blank();
}

/// What a rule is, and what is to be said of it, a key each.
fn headed(page: &mut Page, (id, title): (&str, &str), said: &[(&str, &str)]) {
    page.wrapped(&format!("{id}  "), id.len() + 2, title);
    page.blank();
    for (key, value) in said {
        page.wrapped(&format!("{key:<12}  "), 14, value);
    }
}

/// The level of rules that have none: what does not hold of a release, or is not known, is never let through by itself.
const ALWAYS: &str = "MUST";
/// What gives a rule about releases something to judge.
const BY_RELEASES: &str = "releases (`counterfoil cutover`)";

/// Everything about a rule that judges releases.
pub fn explain_release(rule: &ReleaseRule, layout: Layout) -> String {
    let mut page = Page::new(layout.for_reading());
    let said = [
        ("level", ALWAYS),
        ("judges", "releases"),
        ("enforced by", rule.enforced),
        ("why", rule.reason),
        ("source", rule.source),
        ("exercised by", BY_RELEASES),
    ];
    headed(&mut page, (rule.id, rule.title), &said);
    entries(&mut page, "replaces", replaced(rule.replaces()));
    let mutants = releases_that_break(rule);
    page.wrapped(
        "tripped by    ",
        14,
        &mutants.iter().map(|mutant| mutant.name).collect::<Vec<_>>().join(", "),
    );
    if let Some((mutant, said)) = example(rule, &mutants) {
        entries(&mut page, "example", [said, keep(format_args!("`counterfoil mutants --only {mutant}`"))]);
    }
    page.take()
}

/// The broken releases that a rule finds.
fn releases_that_break(rule: &ReleaseRule) -> Vec<&'static ReleaseMutant> {
    RELEASES.iter().filter(|mutant| mutant.caught_by.contains(&rule.id)).collect()
}

/// What a rule says of the release by which the fewest rules are broken, and that release.
fn example(rule: &ReleaseRule, mutants: &[&ReleaseMutant]) -> Option<(&'static str, String)> {
    let smallest = mutants.iter().min_by_key(|mutant| mutant.caught_by.len())?;
    Some((smallest.name, smallest.found().remove(rule.id)?))
}

/// The checks of the engine's own that a rule replaces, each in a line.
fn replaced<'c>(checks: impl Iterator<Item = &'c Check>) -> Vec<String> {
    let checks: Vec<String> =
        checks.map(|Check { tool, fact, what, .. }| format!("{tool} ({fact}): {what}")).collect();
    if checks.is_empty() { vec![NO_CHECK.to_owned()] } else { checks }
}

/// Everything about a rule. What exercises it and what trips it is computed from the stock suite.
pub fn explain(rule: &Rule, layout: Layout) -> String {
    let mut page = Page::new(layout.for_reading());
    let parties: Vec<String> = rule.judges.iter().map(Party::to_string).collect();
    let said = [
        ("level", &*rule.level.to_string()),
        ("judges", &parties.join(", ")),
        ("revisions", &rule.range()),
        ("enforced by", rule.enforced),
        ("why", rule.reason),
        ("source", rule.source),
    ];
    headed(&mut page, (rule.id, rule.title), &said);
    entries(&mut page, "replaces", replaced(rule.replaces()));
    if rule.is_beyond_our_pair() {
        for (key, value) in [("exercised by", BY_PLUGINS), ("tripped by", &*tripped_by_a_plugin(rule))] {
            page.wrapped(&format!("{key:<12}  "), 14, value);
        }
    } else {
        for (key, of) in [("exercised by", &coverage().scenarios), ("tripped by", &coverage().mutants)] {
            entries(&mut page, key, shown_names(rule, &named(rule, of)));
        }
    }
    if let Some(Example { by, finding }) = coverage().examples.get(rule.id) {
        entries(&mut page, "example", [finding.clone(), keep(format_args!("`{}`", by.command()))]);
    }
    page.take()
}

/// Entries under one key, each on a line of its own.
fn entries(page: &mut Page, mut key: &str, entries: impl IntoIterator<Item = String>) {
    for entry in entries {
        page.wrapped(&format!("{:<12}  ", mem::take(&mut key)), 14, &entry);
    }
}

/// The catalogue as a page: `docs/rules.md`.
pub fn markdown() -> String {
    let mut out = String::from(
        "<!-- Made from the definitions in harness/core/src/rules; `just golden` rewrites it. -->\n\n# Rules\n\n\
         A finding of level MUST fails a scenario; SHOULD warns, and fails with `--strict`. A rule judges a party by \
         what that party sent. Scenarios and mutants are those of the stock suite, by computation.\n",
    );
    for Family { name, about, note, rules } in FAMILIES {
        let _ = writeln!(out, "\n## {name}: {about}");
        if let Some(note) = note {
            let _ = writeln!(out, "\n{note}");
        }
        for rule in *rules {
            let parties: Vec<String> = rule.judges.iter().map(Party::to_string).collect();
            let (exercised, tripped) = proofs(rule);
            let _ = writeln!(out, "\n### {}\n\n**{}** {}\n", rule.id, rule.title, rule.reason);
            for (key, value) in [
                ("level", rule.level.to_string()),
                ("judges", parties.join(", ")),
                ("revisions", rule.range()),
                ("enforced by", rule.enforced.to_owned()),
                ("source", linked(rule.source)),
            ] {
                let _ = writeln!(out, "- {key}: {value}");
            }
            for Check { tool, fact, what, .. } in rule.replaces() {
                let _ = writeln!(out, "- replaces: {tool} ({}): {what}", linked(fact));
            }
            let _ = writeln!(out, "- exercised by: {exercised}\n- tripped by: {tripped}");
            if let Some(Example { by, finding }) = coverage().examples.get(rule.id) {
                let _ = writeln!(out, "- example: {}, by `{}`", literal(finding), by.command());
            }
        }
    }
    releases(&mut out);
    out.push_str(&checks());
    out
}

/// The rules that judge releases.
fn releases(out: &mut String) {
    let _ = writeln!(out, "\n## {}: {}", RELEASE.name, RELEASE.about);
    if let Some(note) = RELEASE.note {
        let _ = writeln!(out, "\n{note}");
    }
    for rule in RELEASE.rules {
        let mutants = releases_that_break(rule);
        let names: Vec<&str> = mutants.iter().map(|mutant| mutant.name).collect();
        let _ = writeln!(out, "\n### {}\n\n**{}** {}\n", rule.id, rule.title, rule.reason);
        let _ = writeln!(out, "- enforced by: {}\n- source: {}", rule.enforced, linked(rule.source));
        for Check { tool, fact, what, .. } in rule.replaces() {
            let _ = writeln!(out, "- replaces: {tool} ({}): {what}", linked(fact));
        }
        let _ = writeln!(out, "- tripped by: {}", names.join(", "));
        if let Some((mutant, said)) = example(rule, &mutants) {
            let _ = writeln!(out, "- example: {}, by `counterfoil mutants --only {mutant}`", literal(&said));
        }
    }
}

/// What the engine's own tools check, and what stands in the place of each.
fn checks() -> String {
    let mut out = String::from(
        "\n## The engine's own checks\n\nWhat the engine's own tools check of a plugin, and the rules in the place of \
         each check.\n\n| tool | checks that | replaced by |\n|---|---|---|\n",
    );
    for Check { tool, fact, what, replaced } in CHECKS {
        let by = match replaced {
            Replaced::By(rules) => {
                let link = |id: &&str| format!("[{id}](#{})", id.to_lowercase());
                rules.iter().map(link).collect::<Vec<_>>().join(", ")
            }
            Replaced::ByNothing(why) => format!("nothing: {why}"),
        };
        let _ = writeln!(out, "| {tool} ({}) | {what} | {by} |", linked(fact));
    }
    out
}

/// A text as Markdown shows it letter by letter, whatever quotes stand in it.
fn literal(text: &str) -> String {
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
}

/// What is said of a rule that replaces no check.
const NO_CHECK: &str = "none of the engine's own checks";
/// What gives a rule that needs a plugin something to judge.
const BY_PLUGINS: &str = "plugins under test (`counterfoil test provider`)";
/// What trips a rule that needs a plugin: manifests that are broken, and processes that are.
fn tripped_by_a_plugin(rule: &Rule) -> String {
    let caught = |caught_by: &[&str]| caught_by.contains(&rule.id);
    let manifests = MANIFESTS.iter().filter(|mutant| caught(mutant.caught_by)).map(|mutant| mutant.name);
    let processes = PROCESSES.iter().filter(|mutant| caught(mutant.caught_by)).map(|mutant| mutant.name);
    let kinds: [(&str, Vec<&str>); 2] =
        [("manifests", manifests.collect()), ("processes", processes.collect())];
    let told = kinds.iter().filter(|(_, names)| !names.is_empty());
    told.map(|(kind, names)| format!("{kind}: {}", names.join(", "))).collect::<Vec<_>>().join("; ")
}

/// What exercises a rule, and what trips it.
fn proofs(rule: &Rule) -> (String, String) {
    if rule.is_beyond_our_pair() {
        return (BY_PLUGINS.to_owned(), tripped_by_a_plugin(rule));
    }
    let mutants = named(rule, &coverage().mutants);
    let tripped = if mutants.is_empty() { "no mutant".to_owned() } else { mutants.join(", ") };
    (format!("{} scenarios", named(rule, &coverage().scenarios).len()), tripped)
}

/// The facts of a source, each linked to its place in `docs/facts.md`; a page beside that is linked as a whole.
fn linked(source: &str) -> String {
    let link = |id: &str| match id.strip_suffix(".md") {
        Some(_) => format!("[{id}]({id})"),
        None => format!("[{id}](facts.md#{})", id.to_lowercase().replace([' ', '.'], "-")),
    };
    source.split(", ").map(link).collect::<Vec<_>>().join(", ")
}

/// The names under which a rule is entered.
fn named<'c>(rule: &Rule, of: &'c BTreeMap<String, BTreeSet<String>>) -> Vec<&'c str> {
    of.iter().filter(|(_, rules)| rules.contains(rule.id)).map(|(name, _)| name.as_str()).collect()
}

/// Names for a screen: the first of them, and where to find the others.
fn shown_names(rule: &Rule, names: &[&str]) -> Vec<String> {
    const SHOWN: usize = 12;
    let (shown, left) = names.split_at(names.len().min(SHOWN));
    let mut lines: Vec<String> = shown.iter().map(|name| (*name).to_owned()).collect();
    if !left.is_empty() {
        let command = keep(format_args!("`counterfoil list --filter rule:{}`", rule.id));
        lines.push(format!("and {} more: {command}", left.len()));
    }
    if lines.is_empty() { vec!["none".to_owned()] } else { lines }
}

#[cfg(test)]
mod tests {
    use std::{env, fs, path::Path};

    #[test]
    fn the_page_of_rules_is_made_from_the_catalogue() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/rules.md");
        if env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&page, super::markdown()).unwrap();
        }
        let kept = fs::read_to_string(&page).unwrap_or_default();
        assert!(kept == super::markdown(), "docs/rules.md has drifted: `just golden` rewrites it");
    }
}
