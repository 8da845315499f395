//! A run as one HTML page that needs nothing else: no network, no other file. Totals, filters, search, and each run with its
//! plan, its outcomes and its timeline.
//!
//! Nothing that others wrote is markup here. It stands in a block of JSON, made fit to be shown (see `Shown`), and the
//! page's script puts it in as text. The page's policy lets no script run but that one, by its digest.

use std::{
    collections::{BTreeMap, HashMap},
    io::{self, Write},
    mem, str,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use counterfoil_core::{
    judge::{SkipKind, Verdict},
    outcome::Status,
    rules::{self, Level, Party, Place},
};
use counterfoil_proto::Revision;
use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter, Serializer};
use sha2::{Digest as _, Sha256};

use super::{
    Reporter,
    terminal::counted,
    text::{are_all, is_printable, is_unfit},
};
use crate::run::{
    ActionLine, Finished, FoundFinding, InFile, Partition, RunEvent, Started, SubjectLine, Summary, Timeline,
};

const PAGE: &str = include_str!("html/page.html");
const STYLE: &str = concat!(include_str!("html/tones.css"), include_str!("html/page.css"));
const SCRIPT: &str = include_str!("html/page.js");

/// The page of the rules, each of which has an anchor there.
pub(super) const RULES: &str = "https://github.com/GoCodeAlone/counterfoil/blob/main/docs/rules.md";

/// Writes the page when the run is over. Until then it keeps what is told, each text, action and step once.
#[derive(Debug)]
pub struct Html<W> {
    out: W,
    head: Head,
    values: Values,
    rules: HashMap<String, RuleText>,
    /// The runs as JSON, one behind the other.
    runs: Vec<u8>,
}

/// What the page says above its runs.
#[derive(Debug, Default, Serialize)]
struct Head {
    counterfoil: String,
    /// How many runs there were to be.
    planned: usize,
    subject: Option<SubjectLine>,
    settings: Option<String>,
    /// Findings of level SHOULD fail.
    strict: bool,
    /// Which part of the run this is.
    partition: Option<String>,
}

/// What the catalogue says of a rule.
#[derive(Debug, Serialize)]
struct RuleText {
    title: String,
    judges: String,
    revisions: String,
    enforced: &'static str,
    reason: &'static str,
    source: &'static str,
}

/// A run. What many runs share is a number: its place among the values.
#[derive(Serialize)]
struct Run<'a> {
    scenario: usize,
    revision: Revision,
    title: usize,
    file: usize,
    verdict: &'static str,
    /// Why it was not judged or skipped, or what is listed and did not fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actions: Option<usize>,
    /// An engine of this revision keeps no outcomes.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    keeps_none: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    apply_error: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    load_error: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    findings: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    known: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mismatches: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    judged: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replayed: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeline: Option<usize>,
    reproduce: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: &'a Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_error: &'a Option<String>,
    millis: u64,
}

/// An action without its position, so that it is the same wherever it stands.
#[derive(Serialize)]
struct Action<'a> {
    address: &'a str,
    kind: &'a str,
    #[serde(rename = "type")]
    resource_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    calls: &'a Option<Vec<String>>,
    outcomes: Vec<(Status, &'a str)>,
}

/// A finding without what the rule says anyway.
#[derive(Serialize)]
struct Finding<'a> {
    rule: &'a str,
    level: Level,
    party: Party,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<u32>,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: &'a Option<Place>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<InFile>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_excused: &'a Option<String>,
}

impl<W: Write> Html<W> {
    /// Writes to `out`, once and at the end.
    pub fn new(out: W) -> Self {
        let (head, values, rules) = (Head::default(), Values::default(), HashMap::new());
        Self { out, head, values, rules, runs: Vec::new() }
    }

    fn run(&mut self, run: &Finished) -> io::Result<()> {
        let Self { values, .. } = self;
        let (verdict, reason) = match &run.verdict {
            Verdict::Skip { kind: SkipKind::NotApplicable, reason } => {
                ("not-applicable", Some(reason.clone()))
            }
            Verdict::Skip { kind: SkipKind::NotRun, reason } => ("not-run", Some(reason.clone())),
            Verdict::Unjudged { reason } => ("unjudged", Some(reason.clone())),
            Verdict::UnexpectedPass { entries } => ("unexpected-pass", Some(entries.join("\n"))),
            verdict => (verdict.as_str(), None),
        };
        let line = Run {
            scenario: values.add(&run.scenario)?,
            revision: run.revision,
            title: values.add(&run.title)?,
            file: values.add(&run.file)?,
            verdict,
            reason: values.some(reason.as_ref())?,
            actions: values.list(run.actions.iter().map(Action::of))?,
            keeps_none: !Finished::keeps_outcomes(run.revision),
            apply_error: values.some(run.apply_error.as_ref())?,
            load_error: values.some(run.load_error.as_ref())?,
            findings: values.findings(&run.findings)?,
            expected: values.list(&run.expected_findings)?,
            known: values.findings(&run.known_findings)?,
            mismatches: values.list(&run.mismatches)?,
            judged: values.list(&run.judged)?,
            replayed: values.some(run.replayed.as_ref())?,
            timeline: values.timeline(&run.timeline)?,
            reproduce: &run.reproduce,
            trace: &run.trace,
            trace_error: &run.trace_error,
            millis: run.millis,
        };
        if !self.runs.is_empty() {
            self.runs.extend(b",\n");
        }
        write_shown(&mut self.runs, &line)?;
        let found = run.findings.iter().chain(&run.known_findings).map(|found| (&found.rule, &*found.title));
        let named = run.judged.iter().chain(&run.expected_findings).map(|rule| (rule, ""));
        for (rule, title) in found.chain(named) {
            if !self.rules.contains_key(rule) {
                self.rules.insert(rule.clone(), RuleText::of(rule, title));
            }
        }
        Ok(())
    }

    fn page(&mut self, summary: &Summary) -> io::Result<()> {
        let mut data = Vec::from("{\"head\":");
        write_shown(&mut data, &self.head)?;
        data.extend(b",\n\"summary\":");
        write_shown(&mut data, summary)?;
        data.extend(b",\n\"rules_page\":");
        write_shown(&mut data, RULES)?;
        data.extend(b",\n\"rules\":");
        write_shown(&mut data, &self.rules.iter().collect::<BTreeMap<_, _>>())?;
        data.extend(b",\n\"values\":[");
        data.extend(self.values.in_order().join(",\n").as_bytes());
        data.extend(b"],\n\"runs\":[");
        data.append(&mut self.runs);
        data.extend(b"]}");
        let told = totals(summary);
        for (name, text) in parts(PAGE) {
            match name {
                None => Ok(()),
                Some("style") => self.out.write_all(STYLE.as_bytes()),
                Some("style-digest") => self.out.write_all(digest(STYLE).as_bytes()),
                Some("script") => self.out.write_all(SCRIPT.as_bytes()),
                Some("script-digest") => self.out.write_all(digest(SCRIPT).as_bytes()),
                Some("totals") => self.out.write_all(told.as_bytes()),
                Some("data") => self.out.write_all(&data),
                Some(other) => Err(io::Error::other(format!("the page has no {other}"))),
            }?;
            self.out.write_all(text.as_bytes())?;
        }
        self.out.flush()
    }
}

impl<W: Write> Reporter for Html<W> {
    fn event(&mut self, event: &RunEvent) -> io::Result<()> {
        match event {
            RunEvent::RunStarted(started) => {
                let strict = started.is_strict();
                let Started { counterfoil, runs, subject, settings, partition, .. } = &**started;
                self.head = Head {
                    counterfoil: counterfoil.clone(),
                    planned: *runs,
                    subject: subject.clone(),
                    settings: settings.clone(),
                    strict,
                    partition: partition.as_ref().map(Partition::to_string),
                };
                Ok(())
            }
            RunEvent::Live(_) => Ok(()),
            RunEvent::Finished(run) => self.run(run),
            RunEvent::RunFinished(summary) => self.page(summary),
        }
    }
}

impl RuleText {
    /// What the catalogue says of a rule; of one that it does not know, what the finding does.
    fn of(id: &str, title: &str) -> Self {
        let Some(rule) = rules::find(id) else {
            let title = title.to_owned();
            let (judges, revisions) = (String::new(), String::new());
            return Self { title, judges, revisions, enforced: "", reason: "", source: "" };
        };
        let judges: Vec<String> = rule.judges.iter().map(Party::to_string).collect();
        Self {
            title: rule.title.to_owned(),
            judges: judges.join(", "),
            revisions: rule.range(),
            enforced: rule.enforced,
            reason: rule.reason,
            source: rule.source,
        }
    }
}

impl<'a> Action<'a> {
    fn of(line: &'a ActionLine) -> Self {
        let ActionLine { address, kind, resource_type, calls, outcomes } = line;
        let outcomes = outcomes.iter().map(|outcome| (outcome.status, &*outcome.error)).collect();
        Self { address, kind, resource_type, calls, outcomes }
    }
}

/// Values as JSON, each once, by their places.
#[derive(Debug, Default)]
struct Values {
    places: HashMap<String, usize>,
    /// Whole lists, by the JSON of what is in them: what most runs share is not taken apart for each of them.
    lists: HashMap<Vec<u8>, usize>,
    /// Where values are written until it is known whether they are there already.
    room: Vec<u8>,
}

impl Values {
    fn add(&mut self, value: &(impl Serialize + ?Sized)) -> io::Result<usize> {
        self.room.clear();
        write_shown(&mut self.room, value)?;
        let json = str::from_utf8(&self.room).map_err(io::Error::other)?;
        if let Some(place) = self.places.get(json) {
            return Ok(*place);
        }
        let place = self.places.len();
        self.places.insert(json.to_owned(), place);
        Ok(place)
    }

    fn some(&mut self, value: Option<&impl Serialize>) -> io::Result<Option<usize>> {
        value.map(|value| self.add(value)).transpose()
    }

    /// The places of values, as a value; none where there are none.
    fn list(&mut self, values: impl IntoIterator<Item = impl Serialize>) -> io::Result<Option<usize>> {
        let values: Vec<_> = values.into_iter().collect();
        if values.is_empty() {
            return Ok(None);
        }
        self.room.clear();
        write_shown(&mut self.room, &values)?;
        if let Some(place) = self.lists.get(&self.room) {
            return Ok(Some(*place));
        }
        let whole = mem::take(&mut self.room);
        let places = values.iter().map(|value| self.add(value)).collect::<io::Result<Vec<usize>>>()?;
        let place = self.add(&places)?;
        self.lists.insert(whole, place);
        Ok(Some(place))
    }

    fn findings(&mut self, findings: &[FoundFinding]) -> io::Result<Option<usize>> {
        let line = |found: &FoundFinding| {
            let evidence = self.list(&found.evidence)?;
            let FoundFinding { rule, level, party, action, message, place, at, not_excused, .. } = found;
            let (level, party, action, at) = (*level, *party, *action, *at);
            self.add(&Finding { rule, level, party, action, message, place, at, evidence, not_excused })
        };
        let places = findings.iter().map(line).collect::<io::Result<Vec<usize>>>()?;
        if places.is_empty() { Ok(None) } else { self.add(&places).map(Some) }
    }

    fn timeline(&mut self, Timeline { steps, left_out }: &Timeline) -> io::Result<Option<usize>> {
        let steps = self.list(steps)?;
        steps.map(|steps| self.add(&(steps, left_out))).transpose()
    }

    fn in_order(&self) -> Vec<&str> {
        let mut values: Vec<(&String, &usize)> = self.places.iter().collect();
        values.sort_unstable_by_key(|(_, place)| **place);
        values.into_iter().map(|(json, _)| json.as_str()).collect()
    }
}

/// Writes a value as JSON that can stand in a page. Its texts are shown as [`plain`](super::text::plain) shows them.
fn write_shown(into: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(into, Shown)).map_err(io::Error::from)
}

/// Writes strings so that no markup can begin in them, and that they have no effect where they are shown.
struct Shown;

impl Formatter for Shown {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, into: &mut W, fragment: &str) -> io::Result<()> {
        if are_all(fragment, |byte| is_printable(byte) & !matches!(byte, b'<' | b'>' | b'&')) {
            return into.write_all(fragment.as_bytes());
        }
        let mut rest = fragment;
        while let Some(at) = rest.find(|c| matches!(c, '<' | '>' | '&') || is_unfit(c)) {
            let (before, from) = rest.split_at(at);
            into.write_all(before.as_bytes())?;
            let mut chars = from.chars();
            match chars.next() {
                Some(c) if is_unfit(c) => write!(into, "\\{}", c.escape_unicode())?,
                Some(c) => write!(into, "\\u{:04x}", u32::from(c))?,
                None => {}
            }
            rest = chars.as_str();
        }
        into.write_all(rest.as_bytes())
    }

    fn write_char_escape<W: ?Sized + Write>(&mut self, into: &mut W, escape: CharEscape) -> io::Result<()> {
        match escape {
            CharEscape::Quote => into.write_all(b"\\\""),
            CharEscape::ReverseSolidus => into.write_all(b"\\\\"),
            CharEscape::Solidus => into.write_all(b"/"),
            CharEscape::LineFeed => into.write_all(b"\\\\n"),
            CharEscape::CarriageReturn => into.write_all(b"\\\\r"),
            CharEscape::Tab => into.write_all(b"\\\\t"),
            CharEscape::Backspace => into.write_all(b"\\\\u{8}"),
            CharEscape::FormFeed => into.write_all(b"\\\\u{c}"),
            CharEscape::AsciiControl(byte) => write!(into, "\\\\u{{{byte:x}}}"),
        }
    }
}

/// The parts of a page of ours: a text, and in front of it the name of what is put in there; the first has none.
pub(super) fn parts(page: &'static str) -> impl Iterator<Item = (Option<&'static str>, &'static str)> {
    page.split("{{").map(|part| match part.split_once("}}") {
        Some((name, text)) => (Some(name), text),
        None => (None, part),
    })
}

/// What a policy names a text by.
pub(super) fn digest(text: &str) -> String {
    format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(text)))
}

/// The run in numbers, and in nothing else: this stands in the page as it is.
fn totals(summary: &Summary) -> String {
    let counts = [
        (summary.failed, "failed"),
        (summary.unexpected_passes, "passed unexpectedly"),
        (summary.unjudged, "unjudged"),
        (summary.not_run, "not run"),
        (summary.known_failures, "failed as listed"),
        (summary.passed, "passed"),
        (summary.not_applicable, "not applicable"),
    ];
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let counts: Vec<String> = counts.map(|(count, word)| format!("{count} {word}")).collect();
    let interrupted = if summary.interrupted { "interrupted; " } else { "" };
    format!("{interrupted}{}: {}", counted(summary.runs(), "run"), counts.join(", "))
}

#[cfg(test)]
mod tests {
    use counterfoil_core::outcome::Outcome;
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::{
        report::text::plain,
        run::{Evidence, FORMAT, FoundMismatch, Lane, Replay, Replayed, Step, VERSION},
    };

    fn started(runs: usize, text: &str) -> RunEvent {
        let text = text.to_owned();
        let subject = SubjectLine {
            name: text.clone(),
            version: Some(text.clone()),
            place: text.clone(),
            sha256: Some(text.clone()),
            archive_sha256: None,
            config: text.clone(),
        };
        RunEvent::RunStarted(Box::new(Started {
            format: FORMAT.to_owned(),
            version: VERSION,
            counterfoil: "0.1.0".to_owned(),
            runs,
            subject: Some(subject),
            settings: Some(text),
            basis: None,
            partition: None,
            planned: Vec::new(),
        }))
    }

    /// A run of which everything says the same.
    fn finished(text: &str, verdict: Verdict) -> Finished {
        let text = text.to_owned();
        let finding = FoundFinding {
            rule: "OUT-005".to_owned(),
            title: text.clone(),
            level: Level::Must,
            party: Party::Engine,
            action: Some(0),
            message: text.clone(),
            place: Some(Place { file: text.clone(), line: 1, column: 2, snippet: text.clone() }),
            at: Some(InFile { line: 8, column: 9 }),
            evidence: vec![Evidence { event: 3, text: text.clone() }],
            not_excused: Some(text.clone()),
        };
        let unknown = FoundFinding { rule: "NEW-001".to_owned(), ..finding.clone() };
        let action = ActionLine {
            address: text.clone(),
            kind: text.clone(),
            resource_type: text.clone(),
            calls: Some(vec![text.clone()]),
            outcomes: vec![Outcome { action_index: 0, status: Status::Error, error: text.clone() }],
        };
        let (lane, faults) = (Lane::Provider, vec![text.clone()]);
        let step = Step { lane, action: Some(0), text: text.clone(), failed: true, faults };
        let (expected, found) = (text.clone(), text.clone());
        let mismatch = FoundMismatch { expected, found, action: None, line: 4, column: 5 };
        let replayed = Replayed { rule: text.clone(), party: Party::Engine, came: Replay::Fixed };
        Finished {
            scenario: text.clone(),
            revision: Revision::V0_56,
            title: text.clone(),
            file: text.clone(),
            at: None,
            verdict,
            actions: vec![action],
            apply_error: Some(text.clone()),
            load_error: Some(text.clone()),
            findings: vec![finding],
            expected_findings: vec!["OUT-012".to_owned()],
            known_findings: vec![unknown],
            mismatches: vec![mismatch],
            judged: vec!["OUT-005".to_owned()],
            replayed: Some(replayed),
            timeline: Timeline { steps: vec![step], left_out: 6 },
            reproduce: text.clone(),
            trace: Some(text.clone()),
            trace_error: Some(text),
            millis: 7,
        }
    }

    fn page(events: &[RunEvent]) -> String {
        let mut html = Html::new(Vec::new());
        for event in events {
            html.event(event).unwrap();
        }
        String::from_utf8(html.out).unwrap()
    }

    const BEFORE: &str = "<script type=\"application/json\" id=\"data\">";

    /// What of a page is data.
    fn data(page: &str) -> &str {
        let (_, from) = page.split_once(BEFORE).unwrap();
        from.split_once("</script>").unwrap().0
    }

    fn of_one(run: Finished, summary: Summary) -> Vec<RunEvent> {
        vec![started(1, "it"), RunEvent::Finished(Box::new(run)), RunEvent::RunFinished(summary)]
    }

    #[test]
    fn the_data_of_a_small_page() {
        let summary = Summary { failed: 1, rules_judged: 2, rules: 3, ..Summary::default() };
        let page = page(&of_one(finished("it", Verdict::Fail), summary));
        let data: Value = serde_json::from_str(data(&page)).unwrap();
        insta::with_settings!({
            snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/../golden/reports"),
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, { insta::assert_snapshot!("html", serde_json::to_string_pretty(&data).unwrap()) });
    }

    #[test]
    fn the_policy_names_what_stands_in_the_page() {
        let page = page(&of_one(finished("it", Verdict::Pass), Summary::default()));
        let between =
            |from: &str, to: &str| page.split_once(from).unwrap().1.split_once(to).unwrap().0.to_owned();
        let policy = between("http-equiv=\"Content-Security-Policy\" content=\"", "\"");
        let (style, script) =
            (digest(&between("<style>", "</style>")), digest(&between("<script>", "</script>")));
        assert!(policy.starts_with("default-src 'none'; "), "{policy}");
        assert!(policy.contains(&format!("script-src '{script}';")), "{policy}");
        assert!(policy.contains(&format!("style-src '{style}';")), "{policy}");
        assert!(!page.contains("{{") && page.ends_with("</html>\n"));
    }

    #[test]
    fn without_scripts_it_tells_the_totals() {
        let summary = Summary { failed: 2, passed: 1, not_run: 4, interrupted: true, ..Summary::default() };
        let page = page(&[started(9, "it"), RunEvent::RunFinished(summary)]);
        assert!(page.contains("<noscript><p>interrupted; 7 runs: 2 failed, 4 not run, 1 passed</p>"));
    }

    #[test]
    fn a_run_that_was_not_made_is_not_called_passed() {
        let (kind, reason) = (SkipKind::NotRun, "interrupted".to_owned());
        let run = finished("it", Verdict::Skip { kind, reason });
        let page = page(&of_one(run, Summary { not_run: 1, interrupted: true, ..Summary::default() }));
        let data: Value = serde_json::from_str(data(&page)).unwrap();
        assert_eq!(data["runs"][0]["verdict"], "not-run");
        assert_eq!(data["summary"]["passed"], 0);
        assert_eq!((&data["head"]["planned"], &data["summary"]["interrupted"]), (&1.into(), &true.into()));
    }

    #[test]
    fn what_is_the_same_is_kept_once() {
        let runs = |count: usize| {
            let run = |number| Finished { millis: number, ..finished(&"long ".repeat(100), Verdict::Fail) };
            let runs = (0..count as u64).map(|number| RunEvent::Finished(Box::new(run(number))));
            let mut events: Vec<_> = runs.collect();
            events.push(RunEvent::RunFinished(Summary::default()));
            page(&events).len()
        };
        let own = 3 * "long ".len() * 100;
        assert!(runs(11) - runs(1) < 10 * (own + 300));
    }

    fn text() -> impl Strategy<Value = String> {
        let parts = prop::sample::select(vec![
            "</script>",
            "<script>",
            "<!--",
            "-->",
            "<img src=x onerror=x>",
            "]]>",
            "&lt;",
            "\"",
            "'",
            "\\",
            "{{data}}",
            "\u{1b}[31m",
            "\u{9b}",
            "\0",
            "\r\n",
            "\t",
            "\u{8}",
            "\u{c}",
            "\u{7f}",
            "\u{202e}",
            "\u{2066}",
            "\u{2028}",
            "\u{2029}",
            "\u{feff}",
            "größe",
            "幅",
            "\u{1f600}",
        ]);
        let part = prop_oneof![parts.prop_map(str::to_owned), any::<String>()];
        prop::collection::vec(part, 1..6).prop_map(|parts| parts.concat())
    }

    /// Every text of a value, the keys of its objects included.
    fn texts(value: &Value) -> Vec<&str> {
        match value {
            Value::String(text) => vec![text],
            Value::Array(values) => values.iter().flat_map(texts).collect(),
            Value::Object(fields) => {
                fields.iter().flat_map(|(key, value)| [vec![&**key], texts(value)].concat()).collect()
            }
            _ => Vec::new(),
        }
    }

    proptest! {
        #[test]
        fn no_text_gets_out_of_the_data_or_is_lost_in_it(text in text()) {
            let reason = text.clone();
            let mut run = finished(&text, Verdict::Unjudged { reason });
            for finding in run.findings.iter_mut().chain(&mut run.known_findings) {
                finding.rule.clone_from(&text);
            }
            run.judged = vec![text.clone()];
            run.expected_findings = vec![text.clone()];
            let events = |text: &str, run| [started(1, text), RunEvent::Finished(Box::new(run)), RunEvent::RunFinished(Summary::default())];
            let written = page(&events(&text, run));
            let told = data(&written);
            // Around the data nothing depends on what others wrote.
            let other = page(&events("a", finished("a", Verdict::Pass)));
            let around = |page: &str, data: &str| page.replacen(data, "", 1);
            prop_assert_eq!(around(&written, told), around(&other, data(&other)));
            prop_assert!(!told.contains(['<', '>', '&']));
            prop_assert!(!told.chars().any(|c| is_unfit(c) && c != '\n'), "{:?}", told);
            let value: Value = serde_json::from_str(told).unwrap();
            let shown = plain(&text);
            let texts = texts(&value);
            let count = texts.iter().filter(|other| **other == shown).count();
            // The subject and the settings have it six times, the run ten, what it shares with others stands there once.
            prop_assert!(count >= 10, "{} times {:?} in {}", count, shown, told);
        }
    }
}
