//! Every stock file can be read as documentation.

use std::{collections::BTreeSet, fs, path::Path};

use counterfoil::{profiles, suite::FILES};
use counterfoil_core::{rules, scenario};
use counterfoil_mock::Profile;

use crate::survey;

const SCHEMA: &str = "# yaml-language-server: $schema=../scenario.schema.json";

#[test]
fn every_file_says_what_it_is_and_why() {
    assert!(FILES.len() >= 32, "{} stock scenarios", FILES.len());
    for (file, text) in FILES {
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some(SCHEMA), "{file}: the first line names the schema");
        let comment: Vec<&str> = lines.by_ref().take_while(|line| line.starts_with("# ")).collect();
        let words = comment.join(" ");
        assert!(words.split_whitespace().count() >= 12, "{file}: a comment at the top says why it matters");
        assert!(words.ends_with(['.', ')', '?']), "{file}: the comment ends in a sentence");
        let longest = text.lines().map(|line| line.chars().count()).max();
        assert!(longest <= Some(120), "{file}: a line has {longest:?} characters");
        assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{file}: ends in one line end");
        assert!(text.lines().all(|line| line == line.trim_end()), "{file}: white space at the end of a line");
    }
}

#[test]
fn every_file_is_named_after_its_scenario_in_a_folder_of_its_topic() {
    let mut titles = BTreeSet::new();
    for scenario in survey::scenarios() {
        let file = Path::new(&scenario.source.file);
        assert_eq!(
            file.file_stem().and_then(|stem| stem.to_str()),
            Some(&*scenario.id),
            "{}",
            file.display()
        );
        assert_eq!(file.components().count(), 3, "{}: scenarios/TOPIC/ID.yaml", file.display());
        assert!(!scenario.title.ends_with('.'), "{}: a title is no sentence with a full stop", scenario.id);
        assert!(titles.insert(&scenario.title), "{}: the title is taken", scenario.id);
        assert!(!scenario.tags.is_empty(), "{}: no tags", scenario.id);
    }
}

/// A comment that sends the reader to another scenario names one that exists.
#[test]
fn references_between_files_lead_somewhere() {
    let known: BTreeSet<String> = FILES
        .iter()
        .map(|(file, _)| file.trim_start_matches("scenarios/").trim_end_matches(".yaml").to_owned())
        .collect();
    let topics: BTreeSet<&str> = known.iter().filter_map(|name| name.split('/').next()).collect();
    for (file, text) in FILES {
        for comment in text.lines().skip(1).filter(|line| line.starts_with('#')) {
            for word in comment.split([' ', ',', ';', ':', '(', ')']) {
                let word = word.trim_end_matches('.');
                let names_a_topic = word.split_once('/').is_some_and(|(topic, _)| topics.contains(topic));
                assert!(!names_a_topic || known.contains(word), "{file}: {word} is no stock scenario");
            }
        }
    }
}

/// The ids that `docs/facts.md` defines: `- <a id="e-022"></a>**E-022** (read) Words.`
fn facts() -> BTreeSet<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/facts.md");
    let page = fs::read_to_string(page).expect("docs/facts.md can be read");
    let mut ids = BTreeSet::new();
    for line in page.lines().filter(|line| line.contains("<a id=")) {
        let (anchor, (id, text)) = line
            .strip_prefix("- <a id=\"")
            .and_then(|rest| rest.split_once("\"></a>**"))
            .and_then(|(anchor, rest)| Some((anchor, rest.split_once("** ")?)))
            .unwrap_or_else(|| panic!("an anchor that defines no fact: {line}"));
        assert_eq!(anchor, id.to_lowercase().replace([' ', '.'], "-"), "{id}: rules.md links to this anchor");
        assert!(text.starts_with('('), "{id}: how sure is it?");
        assert!(ids.insert(id.to_owned()), "{id} twice");
    }
    assert!(ids.len() >= 100, "{} facts", ids.len());
    ids
}

/// The ids of facts that a text cites.
fn cited(text: &str) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    let mut before = "";
    for word in text.split(|c: char| !c.is_alphanumeric() && !matches!(c, '-' | '.' | '_')) {
        let word = word.trim_end_matches('.');
        let numbered = |kind: &str| {
            word.strip_prefix(kind).is_some_and(|number| number.starts_with(|c: char| c.is_ascii_digit()))
        };
        if ["E-", "H-", "D-", "P-0", "A."].into_iter().any(numbered) {
            ids.insert(word.to_owned());
        } else if before == "ADR" && numbered("") {
            ids.insert(format!("ADR {word}"));
        }
        before = word;
    }
    ids
}

#[test]
fn every_rule_stands_on_facts_that_are_written_down() {
    let facts = facts();
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let of_runs = rules::catalogue().map(|rule| (rule.id, rule.source));
    let of_releases = rules::RELEASE.rules.iter().map(|rule| (rule.id, rule.source));
    for (rule, source) in of_runs.chain(of_releases) {
        for id in source.split(", ") {
            // What is of our own is no fact of the contract: a page has it.
            let is_page = docs.join(id).is_file();
            assert!(is_page || facts.contains(id), "{rule}: {id} is not in docs/facts.md");
        }
    }
    for rules::Check { tool, fact, .. } in rules::CHECKS {
        assert!(facts.contains(*fact), "{tool}: {fact} is not in docs/facts.md");
    }
}

#[test]
fn every_fact_that_a_file_cites_is_written_down() {
    let facts = facts();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut unread: Vec<_> = ["docs", "harness", "mock-providers", "proto", "scenarios", "tests"]
        .map(|room| root.join(room))
        .into();
    let mut seen = BTreeSet::new();
    while let Some(path) = unread.pop() {
        if path.is_dir() {
            unread.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path
            .extension()
            .is_some_and(|kind| ["md", "proto", "rs", "yaml"].iter().any(|k| kind == *k))
        {
            // Some files for the tests of the reader are no text.
            let found = cited(&String::from_utf8_lossy(&fs::read(&path).unwrap()));
            let missing: Vec<_> = found.difference(&facts).collect();
            assert!(missing.is_empty(), "{}: {missing:?} are not in docs/facts.md", path.display());
            seen.extend(found);
        }
    }
    assert!(seen.contains("E-022") && seen.contains("A.4") && seen.contains("ADR 0040"), "{seen:?}");
}

/// The blocks of YAML in a page of the documentation.
fn examples(page: &str) -> (String, Vec<String>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(page);
    let text = fs::read_to_string(path).expect("the page can be read");
    let blocks = text.split("```yaml\n").skip(1).filter_map(|rest| rest.split_once("```"));
    let blocks: Vec<String> = blocks.map(|(block, _)| block.to_owned()).collect();
    (text, blocks)
}

#[test]
fn every_example_of_settings_is_read_and_every_key_has_its_line() {
    let (page, blocks) = examples("settings.md");
    assert!(blocks.len() >= 2, "{page}");
    for block in &blocks {
        let read = scenario::parse_settings("settings.md", "".as_ref(), block.as_bytes());
        assert!(read.is_ok(), "{read:?} in\n{block}");
    }
    let everything = &blocks[blocks.len() - 1];
    let schema = scenario::settings_schema();
    for block in schema["$defs"].as_object().expect("there are blocks").values() {
        for key in block["properties"].as_object().expect("a block has keys").keys() {
            assert!(page.contains(&format!("`{key}`")) || key == "live" || key == "json", "{key}");
            assert!(everything.contains(&format!("{key}:")) || key == "live", "{key}");
        }
    }
}

#[test]
fn the_example_of_a_profile_is_read_and_every_profile_is_listed() {
    let (page, blocks) = examples("profiles.md");
    assert_eq!(blocks.len(), 1);
    let read = profiles::parse("profiles.md", blocks[0].as_bytes());
    assert!(read.as_ref().is_ok_and(|points| points.len() == 2), "{read:?}");
    for (name, history) in Profile::all() {
        let line = page.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
        let line = line.unwrap_or_else(|| panic!("{name} is not listed"));
        for Profile { point, .. } in history {
            assert!(name == "reference" || line.contains(&format!("`{}`", point.at)), "{name}@{}", point.at);
            for rule in point.findings.keys() {
                assert!(page.contains(rule.as_str()), "{name}@{}: {rule}", point.at);
            }
        }
    }
}

#[test]
fn the_example_of_a_release_is_read() {
    let (_, blocks) = examples("cutover.md");
    assert_eq!(blocks.len(), 1);
    let read = scenario::parse_release("cutover.md", Path::new(""), blocks[0].as_bytes());
    assert!(read.as_ref().is_ok_and(|release| release.waivers.len() == 1), "{read:?}");
}

#[test]
fn every_example_of_known_failures_is_read() {
    let (_, blocks) = examples("known-failures.md");
    assert_eq!(blocks.len(), 2);
    let read = scenario::parse_known_failures("known-failures.md", blocks[0].as_bytes());
    assert!(read.is_ok(), "{read:?}");
    let unfilled = scenario::parse_known_failures("known-failures.md", blocks[1].as_bytes()).unwrap_err();
    assert!(
        unfilled.len() == 4 && unfilled.iter().all(|mistake| mistake.code == "not-filled-in"),
        "{unfilled:?}"
    );
}
