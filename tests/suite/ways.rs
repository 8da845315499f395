//! The ways in which providers, their manifests and state backends are known to break, and which mutant proves that each
//! would be seen.
//!
//! `docs/ways-to-break.md` is what this computes; `UPDATE_GOLDEN=1` rewrites it. What each way is stands in
//! `docs/facts.md`, and which rules judge it in their sources.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fmt,
    fmt::Write as _,
    fs,
};

use counterfoil::mutants::{self, Mutant};
use counterfoil_core::rules::{self, Party, Rule};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/ways-to-break.md");
const FACTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/facts.md");

/// How many ways to break the facts know.
const KNOWN: u32 = 77;

/// Those in which an engine alone goes wrong, by their numbers: nothing that a provider does shows them.
const ENGINES_ALONE: [u32; 27] = [
    9, 10, 11, 14, 34, 36, 37, 38, 39, 41, 43, 44, 45, 50, 51, 54, 56, 58, 59, 61, 64, 65, 66, 67, 68, 70, 71,
];

/// What can be broken, engines apart.
#[derive(Clone, Copy)]
enum Side {
    Provider,
    Manifest,
    State,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Provider => "provider",
            Self::Manifest => "manifest",
            Self::State => "state backend",
        })
    }
}

/// How much of a way to break is seen.
#[derive(Clone, Copy)]
enum Seen {
    /// A rule sees it, and a mutant proves that.
    All,
    /// The same, but for what is said here.
    Without(&'static str),
    /// Nothing sees it, for this reason.
    Nothing(&'static str),
}

/// A way to break.
struct Way {
    number: u32,
    side: Side,
    seen: Seen,
}

impl Way {
    fn id(&self) -> String {
        format!("H-{:02}", self.number)
    }

    /// The rules that stand on it and judge its side. What an engine is judged by says nothing of a provider.
    fn rules(&self) -> Vec<&'static Rule> {
        let id = self.id();
        let judges =
            |rule: &&Rule| rule.judges.iter().any(|party| !matches!(party, Party::Engine | Party::Decoder));
        let stands_on = |rule: &&Rule| rule.source.split(", ").any(|fact| fact == id);
        rules::catalogue().filter(judges).filter(stands_on).collect()
    }
}

const fn way(number: u32, side: Side, seen: Seen) -> Way {
    Way { number, side, seen }
}

const WAYS: [Way; 50] = {
    use Seen::{All, Nothing, Without};
    use Side::{Manifest, Provider, State};
    [
        way(
            1,
            Provider,
            Nothing(
                "which outputs are secret the provider alone knows: that a mark is missing cannot be seen",
            ),
        ),
        way(2, Provider, All),
        way(3, Provider, All),
        way(4, Provider, All),
        way(5, Manifest, All),
        way(6, Provider, All),
        way(
            7,
            Provider,
            Nothing("the keys stand in one reply and nowhere else: there is nothing to hold them against"),
        ),
        way(8, Provider, All),
        way(
            12,
            Provider,
            Nothing(
                "what was put off a driver alone knows: a finalizer that forgets it answers as one with none",
            ),
        ),
        way(13, Provider, Nothing("work that was put off has to fail for it, and no call makes it fail")),
        way(15, Provider, All),
        way(16, Provider, All),
        way(17, Provider, Nothing("a read may tell less than a create did: the engine has to keep the rest")),
        way(18, Provider, All),
        way(19, Provider, All),
        way(20, Provider, All),
        way(21, Provider, All),
        way(
            22,
            Provider,
            Without("what a type takes for valid no contract says: no type takes what is no JSON object"),
        ),
        way(
            23,
            Provider,
            Nothing("no contract says which field lets somebody in, and what came of it stands in the cloud"),
        ),
        way(24, Provider, All),
        way(25, Provider, All),
        way(26, Provider, All),
        way(27, Provider, All),
        way(28, Manifest, All),
        way(29, Provider, Without("the form that an id has to have is told nowhere on the wire (E-168)")),
        way(30, State, All),
        way(31, State, All),
        way(32, Provider, All),
        way(33, Provider, Without("to load one without a manifest is the engine's part")),
        way(35, Manifest, All),
        way(
            40,
            State,
            Nothing("the engine chooses the config, and a backend has no other to compare it with"),
        ),
        way(
            42,
            Provider,
            Nothing("the engine asks for the size or does not: a provider cannot tell the ways apart"),
        ),
        way(
            46,
            Provider,
            Nothing(
                "it takes a cloud that attaches, and a driver that replaces is reached by no call (E-168)",
            ),
        ),
        way(47, Provider, All),
        way(
            48,
            Provider,
            Nothing("no call asks a driver for it: the engine decides, by what a read tells (E-168)"),
        ),
        way(49, Provider, Without("what the engine makes of an error is the engine's part")),
        way(
            52,
            State,
            Nothing("the engine has to load a backend; what one does that is loaded, the rules of STA say"),
        ),
        way(53, Provider, Without("to close it is the engine's part")),
        way(55, Provider, Nothing("it takes a cloud that fails in passing, and no call makes it fail")),
        way(57, Provider, Nothing("a step inside a create has to fail, and no call makes it fail")),
        way(60, Provider, All),
        way(62, Provider, All),
        way(
            63,
            Provider,
            Nothing("a destroy tells no dependencies, and whether one was in the way stands in the cloud"),
        ),
        way(
            69,
            Provider,
            Nothing(
                "the engine sets the mark by a call of its own, and has to say what stays where that fails",
            ),
        ),
        way(72, State, Nothing("no call spoils a record: what a backend keeps is out of reach")),
        way(73, State, Without("that a lock ends by itself shows after longer than a run lasts")),
        way(74, Provider, All),
        way(75, Manifest, All),
        way(76, Provider, All),
        way(77, Provider, All),
    ]
};

/// The mutants that are declared to be found by a rule.
fn mutants_of(rule: &Rule) -> BTreeSet<&'static str> {
    let declares = |mutant: &Mutant| mutant.caught_by.contains(&rule.id);
    mutants::all().into_iter().filter(declares).map(|mutant| mutant.name).collect()
}

/// What each way to break is, in the words of `docs/facts.md`, by its id.
fn words() -> BTreeMap<String, String> {
    let facts = fs::read_to_string(FACTS).expect("docs/facts.md can be read");
    let entries = facts.split("\n- <a id=\"h-").skip(1);
    let words = entries.filter_map(|entry| {
        let (_, entry) = entry.split_once("**H-")?;
        let (number, entry) = entry.split_once("** (")?;
        let (_, text) = entry.split_once(") ")?;
        let text: Vec<&str> = text.split_whitespace().collect();
        Some((format!("H-{number}"), text.join(" ").replace("](#", "](facts.md#")))
    });
    words.collect()
}

fn rendered() -> String {
    let words = words();
    let mut text = String::from(
        "<!-- Computed by tests/suite/ways.rs; `just golden` rewrites it. -->\n\n# Ways to break, and what sees them\n\n\
         Mistakes that providers, manifests and state backends have made, or could ([facts.md](facts.md#bug-classes)): \
         the rules that judge each, and the mutants that prove it. Where nothing sees one, the table says why. \
         Mistakes that an engine alone makes are left out.\n\n\
         | | side | what breaks | rules | mutants |\n|---|---|---|---|---|\n",
    );
    for way in &WAYS {
        let rules = way.rules();
        let mutants: BTreeSet<&str> = rules.iter().flat_map(|rule| mutants_of(rule)).collect();
        let quoted: Vec<String> = mutants.iter().map(|mutant| format!("`{mutant}`")).collect();
        let linked = |rule: &&Rule| format!("[{}](rules.md#{})", rule.id, rule.id.to_lowercase());
        let linked: Vec<String> = rules.iter().map(linked).collect();
        let (rules, mutants) = match way.seen {
            Seen::All => (linked.join(", "), quoted.join(", ")),
            Seen::Without(what) => (linked.join(", "), format!("{}; unseen: {what}", quoted.join(", "))),
            Seen::Nothing(why) => ("none".to_owned(), why.to_owned()),
        };
        let id = way.id();
        let what = words.get(&id).map_or("", String::as_str);
        let anchor = id.to_lowercase();
        let _ = writeln!(text, "| [{id}](facts.md#{anchor}) | {} | {what} | {rules} | {mutants} |", way.side);
    }
    text
}

#[test]
fn every_way_to_break_has_a_mutant_or_a_reason_and_never_both() {
    let words = words();
    for way in &WAYS {
        let (id, rules) = (way.id(), way.rules());
        let proven = rules.iter().any(|rule| !mutants_of(rule).is_empty());
        assert!(words.contains_key(&id), "{id}: docs/facts.md does not say what breaks");
        match way.seen {
            Seen::All | Seen::Without(_) => assert!(
                proven,
                "{id}: no mutant is found by a rule that stands on it; the rules: {:?}",
                rules.iter().map(|rule| rule.id).collect::<Vec<_>>()
            ),
            Seen::Nothing(why) => assert!(!proven, "{id}: a mutant shows it, so this is no reason: {why}"),
        }
    }
}

#[test]
fn every_way_that_the_facts_know_is_in_the_table_or_an_engines_alone() {
    let mut numbers: Vec<u32> = WAYS.iter().map(|way| way.number).chain(ENGINES_ALONE).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=KNOWN).collect::<Vec<_>>(), "each number once");
    for id in words().keys() {
        let number = id.strip_prefix("H-").and_then(|number| number.parse::<u32>().ok());
        assert!(number.is_some_and(|number| numbers.contains(&number)), "{id} is in docs/facts.md alone");
    }
}

#[test]
fn the_page_of_ways_to_break_is_up_to_date() {
    let rendered = rendered();
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(PAGE, &rendered).unwrap();
    }
    let kept = fs::read_to_string(PAGE).unwrap_or_default();
    assert!(
        kept == rendered,
        "docs/ways-to-break.md is out of date; UPDATE_GOLDEN=1 rewrites it\n{rendered}"
    );
}
