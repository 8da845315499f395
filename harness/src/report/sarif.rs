//! SARIF 2.1.0, for what collects the findings of analyses, such as GitHub's code scanning.
//!
//! A finding that a scenario has at several revisions is one result. Locations point into the scenario, or into the file of
//! the plugin that a finding is about; the stock scenarios are in no repository of the user's, and have a base of their own.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
};

use counterfoil_core::{
    judge::Verdict,
    rules::{self, Level},
};
use counterfoil_proto::Revision;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    Reporter,
    terminal::span,
    text::plain,
    words::{fails, headline, path},
};
use crate::{
    run::{Finished, FoundFinding, InFile, RunEvent, address_of},
    suite,
};

/// Results that are written at most: GitHub shows 5,000 of a run, and refuses one with more than 25,000.
const MOST: usize = 5_000;

/// Where the stock scenarios stand.
const STOCK: &str = "STOCK";

/// What goes by these words is no rule of the catalogue.
const BESIDE_RULES: [(&str, &str); 2] = [
    ("expectation", "The scenario ends as it expects"),
    ("unexpected-pass", "What is listed as a known failure fails"),
];

/// Writes the whole document when the run is over.
#[derive(Debug)]
pub struct Sarif<W> {
    out: W,
    strict: bool,
    version: String,
    subject: Option<String>,
    results: BTreeMap<Key, Result>,
    /// The order in which results came.
    order: Vec<Key>,
    left_out: usize,
    /// Runs that could not be judged, and why.
    unjudged: Vec<(String, String)>,
}

/// What makes a finding at one revision the same as at another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    rule: String,
    scenario: String,
    about: String,
    message: String,
    known: bool,
}

#[derive(Debug)]
struct Result {
    level: &'static str,
    location: Location,
    revisions: BTreeSet<Revision>,
}

#[derive(Debug)]
struct Location {
    file: String,
    at: InFile,
    snippet: Option<String>,
}

impl<W: Write> Sarif<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self {
            out,
            strict: false,
            version: String::new(),
            subject: None,
            results: BTreeMap::new(),
            order: Vec::new(),
            left_out: 0,
            unjudged: Vec::new(),
        }
    }

    fn result(&mut self, run: &Finished, key: Key, level: &'static str, location: Location) {
        if let Some(known) = self.results.get_mut(&key) {
            known.revisions.insert(run.revision);
        } else if self.order.len() == MOST {
            self.left_out += 1;
        } else {
            self.order.push(key.clone());
            self.results.insert(key, Result { level, location, revisions: [run.revision].into() });
        }
    }

    fn finding(&mut self, run: &Finished, finding: &FoundFinding, known: bool) {
        let level = match finding.level {
            _ if fails(finding, self.strict) => "error",
            Level::Should => "warning",
            Level::Must => "error",
        };
        let location = match &finding.place {
            Some(place) => Location {
                file: place.file.clone(),
                at: InFile { line: place.line, column: place.column },
                snippet: Some(plain(&place.snippet).into_owned()),
            },
            None => in_scenario(run, finding.at),
        };
        let about = address_of(run, finding.action).unwrap_or_default();
        let key = Key {
            rule: plain(&finding.rule).into_owned(),
            scenario: plain(&run.scenario).into_owned(),
            about: plain(&format!("{} {about}", finding.party)).into_owned(),
            message: plain(&finding.message).into_owned(),
            known,
        };
        self.result(run, key, level, location);
    }

    fn finished(&mut self, run: &Finished) {
        run.findings.iter().for_each(|finding| self.finding(run, finding, false));
        run.known_findings.iter().for_each(|finding| self.finding(run, finding, true));
        let beside = |rule: &str, about: &str, message: String| Key {
            rule: rule.to_owned(),
            scenario: plain(&run.scenario).into_owned(),
            about: about.to_owned(),
            message,
            known: false,
        };
        for unmet in &run.mismatches {
            let (expected, found) = (plain(&unmet.expected), plain(&unmet.found));
            let key = beside("expectation", &expected, format!("expected {expected}, found {found}"));
            let at = InFile { line: unmet.line, column: unmet.column };
            self.result(run, key, "error", in_scenario(run, Some(at)));
        }
        match &run.verdict {
            Verdict::UnexpectedPass { .. } => {
                let key = beside("unexpected-pass", "", headline(run, self.strict));
                self.result(run, key, "error", in_scenario(run, None));
            }
            Verdict::Unjudged { reason } => {
                self.unjudged.push((plain(&run.id()).into_owned(), plain(reason).into_owned()));
            }
            _ => {}
        }
    }

    fn document(&self, successful: bool) -> Value {
        let used: BTreeSet<&str> = self.order.iter().map(|key| &*key.rule).collect();
        let rules: Vec<Value> = used.iter().map(|id| rule(id)).collect();
        let index = |id: &str| used.iter().position(|used| *used == id);
        let results: Vec<Value> = self
            .order
            .iter()
            .map(|key| {
                let Result { level, location, revisions } = &self.results[key];
                let revisions: Vec<Revision> = revisions.iter().copied().collect();
                let text = format!("{} at {}: {}", key.scenario, span(&revisions), key.message);
                let mut result = json!({
                    "ruleId": key.rule,
                    "ruleIndex": index(&key.rule),
                    "level": level,
                    "message": { "text": text },
                    "locations": [located(location)],
                    "partialFingerprints": { "counterfoil/v1": key.fingerprint() },
                    "properties": { "scenario": key.scenario, "revisions": revisions },
                });
                if key.known {
                    result["suppressions"] = json!([{ "kind": "external", "status": "accepted",
                        "justification": "a list of known failures has it" }]);
                }
                result
            })
            .collect();
        let mut notes: Vec<Value> = self
            .unjudged
            .iter()
            .take(MOST)
            .map(|(run, reason)| json!({ "level": "error", "message": { "text": format!("{run} is unjudged: {reason}") } }))
            .collect();
        if self.left_out > 0 {
            let text = format!("{} results more are left out", self.left_out);
            notes.push(json!({ "level": "warning", "message": { "text": text } }));
        }
        let subject = self.subject.as_deref().unwrap_or("the reference engine and the mock provider");
        json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": { "driver": {
                    "name": "Counterfoil",
                    "semanticVersion": self.version,
                    "rules": rules,
                } },
                "automationDetails": { "id": "counterfoil/", "description": { "text": plain(subject) } },
                "columnKind": "unicodeCodePoints",
                "originalUriBaseIds": { STOCK: { "description": {
                    "text": "The stock scenarios, which are part of Counterfoil",
                } } },
                "invocations": [{ "executionSuccessful": successful, "toolExecutionNotifications": notes }],
                "results": results,
            }],
        })
    }
}

impl Key {
    /// Stays the same as long as it is the same thing that is wrong, whatever the texts say.
    fn fingerprint(&self) -> String {
        let parts = [&*self.rule, &self.scenario, &self.about].join("\0");
        hex::encode(&Sha256::digest(parts)[..16])
    }
}

impl<W: Write> Reporter for Sarif<W> {
    fn event(&mut self, event: &RunEvent) -> io::Result<()> {
        match event {
            RunEvent::RunStarted(started) => {
                self.version.clone_from(&started.counterfoil);
                self.strict = started.is_strict();
                self.subject = started.subject.as_ref().map(ToString::to_string);
            }
            RunEvent::Live(_) => {}
            RunEvent::Finished(run) => self.finished(run),
            RunEvent::RunFinished(summary) => {
                let successful = self.unjudged.is_empty() && summary.defects == 0 && !summary.interrupted;
                let document = self.document(successful);
                serde_json::to_writer_pretty(&mut self.out, &document)?;
                self.out.write_all(b"\n")?;
                self.out.flush()?;
            }
        }
        Ok(())
    }
}

/// What the document says of a rule.
fn rule(id: &str) -> Value {
    let beside = || BESIDE_RULES.iter().find(|(known, _)| *known == id).map(|(_, title)| *title);
    match rules::find(id) {
        Some(rule) => json!({
            "id": id,
            "shortDescription": { "text": rule.title },
            "fullDescription": { "text": rule.reason },
            "help": { "text": format!("{} {}: `counterfoil explain {id}`", rule.title, rule.reason) },
            "defaultConfiguration": { "level": if rule.level == Level::Must { "error" } else { "warning" } },
        }),
        None => json!({ "id": id, "shortDescription": { "text": beside().unwrap_or(id) } }),
    }
}

fn in_scenario(run: &Finished, at: Option<InFile>) -> Location {
    let at = at.or(run.at).unwrap_or(InFile { line: 1, column: 1 });
    Location { file: run.file.clone(), at, snippet: None }
}

fn located(location: &Location) -> Value {
    let Location { file, at, snippet } = location;
    let mut artifact = json!({ "uri": uri(path(file)) });
    if suite::is_stock(file) {
        artifact["uriBaseId"] = STOCK.into();
    }
    let mut region = json!({ "startLine": at.line, "startColumn": at.column });
    if let Some(snippet) = snippet {
        region["snippet"] = json!({ "text": snippet });
    }
    json!({ "physicalLocation": { "artifactLocation": artifact, "region": region } })
}

/// A path as a reference, relative where the path is.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
                uri.push(char::from(byte));
            }
            byte => uri.extend(["%", &hex::encode_upper([byte])]),
        }
    }
    if path.starts_with('/') { format!("file://{uri}") } else { uri }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_references() {
        assert_eq!(uri("scenarios/a b.yaml"), "scenarios/a%20b.yaml");
        assert_eq!(uri("/tmp/größe:1"), "file:///tmp/gr%C3%B6%C3%9Fe%3A1");
    }
}
