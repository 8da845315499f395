//! Every stock file can be read as documentation.

use std::{collections::BTreeSet, path::Path};

use counterfoil::suite::FILES;

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
