//! Lists of known failures: `known-failures.yaml`, read with the same care as scenarios.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::{
    Diagnostic, Span, TextMatch,
    diagnostic::{Report, shown},
    file::document,
    read::{At, List, Read, Required, schema_is, shape},
    schema::schema_of,
    yaml,
};
use crate::rules;

shape! {
    /// Failures that are known, so that a gate can be adopted before all of them are mended.
    struct ListShape as "KnownFailures" {
        /// The failures.
        known_failures: Required<List<At<EntryShape>>>,
    }
}

shape! {
    /// A failure that is known. Every field is required.
    struct EntryShape as "KnownFailure" {
        /// The rule that is broken, such as OUT-001.
        rule: Required<At<RuleId>>,
        /// The runs in which it is broken: GLOB or GLOB@REVISIONS, as with `--filter`. At most 20 runs where it has wildcards.
        scenario: Required<At<String>>,
        /// What the finding says, so that the entry excuses nothing else.
        message: Required<At<TextMatch>>,
        /// Why it is known and not mended.
        reason: Required<At<FilledIn>>,
        /// Where it is discussed.
        link: Required<At<FilledIn>>,
        /// Who sees to it.
        owner: Required<At<FilledIn>>,
        /// The day after which the entry excuses nothing any more, such as 2027-03-01.
        expires: Required<At<Expiry>>,
    }
}

/// What stands where somebody has to fill something in. A list is not valid as long as it does.
pub(super) const PLACEHOLDER: &str = "TODO";

/// A failure that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownFailure {
    /// The id of the rule that is broken.
    pub rule: &'static str,
    /// The runs: GLOB or GLOB@REVISIONS, as written.
    pub scenario: String,
    /// What the finding says.
    pub message: TextMatch,
    /// Why it is known.
    pub reason: String,
    /// Where it is discussed.
    pub link: String,
    /// Who sees to it.
    pub owner: String,
    /// The last day on which it excuses. None: nobody has said so yet.
    pub expires: Option<Date>,
    /// From the start of its first field to the end of its last.
    pub span: Span,
    /// The value of `scenario`.
    pub scenario_span: Span,
    /// The value of `message`.
    pub message_span: Span,
}

impl KnownFailure {
    /// Whether a human has said why it is known, where, who sees to it, and until when.
    pub fn is_filled_in(&self) -> bool {
        self.expires.is_some()
            && [&self.reason, &self.link, &self.owner].iter().all(|text| !is_placeholder(text))
    }
}

fn is_placeholder(text: &str) -> bool {
    text.trim() == PLACEHOLDER
}

/// Reads a list of known failures. `file` is its path as it is shown.
///
/// # Errors
/// Every mistake of the file, in the order of their places. Mistakes of the YAML syntax hide the rest.
pub fn parse_known_failures(file: &str, bytes: &[u8]) -> Result<Vec<KnownFailure>, Vec<Diagnostic>> {
    parse(file, bytes, Unfilled::Mistake)
}

/// As [`parse_known_failures`], for a list that is to be updated: what nobody has filled in yet is no mistake.
///
/// # Errors
/// Every other mistake of the file.
pub fn parse_unfilled_known_failures(file: &str, bytes: &[u8]) -> Result<Vec<KnownFailure>, Vec<Diagnostic>> {
    parse(file, bytes, Unfilled::Taken)
}

/// What an entry is that somebody has to fill in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unfilled {
    Mistake,
    Taken,
}

fn parse(file: &str, bytes: &[u8], unfilled: Unfilled) -> Result<Vec<KnownFailure>, Vec<Diagnostic>> {
    document(file, bytes, |root, report| {
        let Some(root) = root else {
            report
                .mistake("empty-file", Span::default(), "the file holds no list")
                .help("write `known_failures: []` where no failure is known");
            return None;
        };
        let list = ListShape::read(root, "", report)?.known_failures.0?;
        let entries: Vec<KnownFailure> = list
            .into_values()
            .filter_map(|entry| entry.value.resolve(entry.span, unfilled, report))
            .collect();
        for (at, entry) in entries.iter().enumerate() {
            let is_same = |other: &&KnownFailure| {
                (other.rule, &other.scenario, &other.message) == (entry.rule, &entry.scenario, &entry.message)
            };
            if let Some(first) = entries[..at].iter().find(is_same) {
                let place = report.place(first.span, entry.span);
                let message = format!("{} in `{}` is listed twice", entry.rule, shown(&entry.scenario));
                report
                    .mistake("twice-there", entry.span, message)
                    .label("listed again")
                    .help(format!("the first is {place}; keep one of them"));
            }
        }
        Some(entries)
    })
}

/// The JSON Schema of a list of known failures, for editors.
pub fn known_failures_schema() -> Value {
    schema_of::<ListShape>("A list of failures that Counterfoil knows")
}

impl EntryShape {
    fn resolve(self, map: Span, unfilled: Unfilled, report: &mut Report<'_>) -> Option<KnownFailure> {
        if let Some(At { value, span }) = &self.scenario.0
            && value.trim().is_empty()
        {
            report.mistake("empty-text", *span, "this says nothing").label("empty");
        }
        if unfilled == Unfilled::Mistake {
            let texts = [
                (&self.reason, "say why it is known and not mended"),
                (&self.link, "say where it is discussed"),
                (&self.owner, "say who sees to it"),
            ];
            let open = texts.into_iter().filter_map(|(text, help)| {
                let At { value: FilledIn(text), span } = text.0.as_ref()?;
                is_placeholder(text).then_some((*span, help))
            });
            let expires = self.expires.0.as_ref().filter(|expires| expires.value.0.is_none());
            let expires = expires
                .map(|expires| (expires.span, "give the last day on which it may still fail: `2027-03-01`"));
            for (span, help) in open.chain(expires) {
                let message = format!("`{PLACEHOLDER}` is left for you to fill in");
                report.mistake("not-filled-in", span, message).label("not filled in").help(help);
            }
        }
        let (rule, scenario, message) = (self.rule.0?, self.scenario.0?, self.message.0?);
        let (reason, link, owner, expires) = (self.reason.0?, self.link.0?, self.owner.0?, self.expires.0?);
        // Of a map in lines only the start is sure: it ends where the next thing begins.
        let spans =
            [rule.span, scenario.span, message.span, reason.span, link.span, owner.span, expires.span];
        let end = spans.iter().map(|span| span.end()).max().unwrap_or_default();
        Some(KnownFailure {
            rule: rule.value.0,
            scenario: scenario.value,
            message: message.value,
            reason: reason.value.0,
            link: link.value.0,
            owner: owner.value.0,
            expires: expires.value.0,
            span: Span::between(map.start, end),
            scenario_span: scenario.span,
            message_span: message.span,
        })
    }
}

/// A text that a human has to write.
pub(super) struct FilledIn(String);

impl Read for FilledIn {
    fn read(node: &yaml::Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        let text = String::read(node, at, report)?;
        if text.trim().is_empty() {
            report.mistake("empty-text", node.span, "this says nothing").label("empty");
        }
        Some(Self(text))
    }
}

/// A day, or none where nobody has said it yet.
pub(super) struct Expiry(Option<Date>);

impl Read for Expiry {
    fn read(node: &yaml::Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        match &node.value {
            yaml::Value::Text(text) if is_placeholder(text) => Some(Self(None)),
            _ => Date::read(node, at, report).map(|date| Self(Some(date))),
        }
    }
}

schema_is! {
    FilledIn => { "type": "string", "pattern": "\\S", "not": { "const": "TODO" } },
    Expiry => { "type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" },
    Date => { "type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" },
}

/// The id of a rule of the catalogue.
pub(super) struct RuleId(&'static str);

impl RuleId {
    pub(super) fn id(&self) -> &'static str {
        self.0
    }
}

impl Read for RuleId {
    fn read(node: &yaml::Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        let text = String::read(node, at, report)?;
        if let Some(rule) = rules::find(&text) {
            return Some(Self(rule.id));
        }
        let meant = report.guess(&text.to_uppercase(), rules::catalogue().map(|rule| rule.id));
        let help = meant
            .map_or("`counterfoil rules` lists them".to_owned(), |meant| format!("did you mean {meant}?"));
        let message = format!("no rule is called `{}`", shown(&text));
        report.mistake("unknown-rule", node.span, message).label("not a rule").help(help);
        None
    }
}

impl JsonSchema for RuleId {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Rule".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[A-Z]+-[0-9]{3}$" })
    }
}

/// A day of the Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    year: i64,
    month: i64,
    day: i64,
}

impl Date {
    /// The day that is so many days after 1970-01-01.
    pub fn from_days(days: i64) -> Self {
        // Years are counted from March on, so that the leap day is their last; 400 of them have 146,097 days.
        let days = days + 719_468;
        let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let shifted = (5 * of_year + 2) / 153;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year + era * 400 + i64::from(month <= 2);
        Self { year, month, day: of_year - (153 * shifted + 2) / 5 + 1 }
    }

    /// The day of `YYYY-MM-DD`; none where there is no such day.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = |part: &str, len: usize| {
            (part.len() == len && part.bytes().all(|byte| byte.is_ascii_digit()))
                .then(|| part.parse().ok())
                .flatten()
        };
        let mut parts = text.splitn(3, '-');
        let (year, month, day) =
            (digits(parts.next()?, 4)?, digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
        let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let longest = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if is_leap => 29,
            2 => 28,
            _ => return None,
        };
        (1..=longest).contains(&day).then_some(Self { year, month, day })
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl Read for Date {
    fn read(node: &yaml::Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        let text = String::read(node, at, report)?;
        let date = Self::parse(&text);
        if date.is_none() {
            let message = format!("`{at}`: `{}` is no day", shown(&text));
            let mistake = report.mistake("bad-date", node.span, message).label("not a day");
            mistake.help("write year, month and day: `2027-03-01`");
        }
        date
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (days, text) in
            [(0, "1970-01-01"), (11_016, "2000-02-29"), (20_513, "2026-03-01"), (-1, "1969-12-31")]
        {
            assert_eq!(Date::from_days(days).to_string(), text);
            assert_eq!(Date::parse(text), Some(Date::from_days(days)));
        }
        for no_day in
            ["2026-02-29", "1900-02-29", "2026-13-01", "2026-04-31", "2026-00-10", "2026-1-1", "soon", ""]
        {
            assert_eq!(Date::parse(no_day), None, "{no_day}");
        }
    }

    #[test]
    fn mistakes_have_their_place_and_what_was_meant() {
        let text = "known_failures:\n  - rule: OUT-01\n    scenaro: a\n    message: { frob: x }\n    reason: r\n    link: l\n    owner: ''\n    expires: 2026-02-30\n";
        let told: Vec<_> = parse_known_failures("known.yaml", text.as_bytes()).unwrap_err();
        let told: Vec<_> = told.iter().map(|mistake| (mistake.line, mistake.code)).collect();
        let expected = [
            (2, "unknown-rule"),
            (3, "unknown-field"),
            (4, "unknown-matcher"),
            (7, "empty-text"),
            (8, "bad-date"),
        ];
        assert_eq!(
            told.iter().map(|(line, _)| *line).collect::<Vec<_>>(),
            expected.map(|(line, _)| line),
            "{told:?}"
        );
    }

    #[test]
    fn an_entry_stands_in_the_list_once() {
        let entry = "  - { rule: OUT-001, scenario: a, message: m, reason: r, link: l, owner: o, expires: 2027-03-01 }\n";
        let list = |entries: &str| format!("known_failures:\n{entries}");
        assert_eq!(parse_known_failures("known.yaml", list(entry).as_bytes()).unwrap().len(), 1);
        let told = parse_known_failures("known.yaml", list(&entry.repeat(2)).as_bytes()).unwrap_err();
        assert_eq!((told.len(), told[0].line, told[0].code), (1, 3, "twice-there"));
        assert!(parse_known_failures("known.yaml", b"known_failures: []").unwrap().is_empty());
        assert_eq!(parse_known_failures("known.yaml", b"").unwrap_err()[0].code, "empty-file");
    }
}
