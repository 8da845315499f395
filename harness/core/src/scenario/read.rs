//! Nodes → typed values. A reader reports what is wrong and goes on, so that all mistakes of a file are found.
//!
//! A construct of the format is written down once, with [`shape!`]: that gives the struct, its reader and, by
//! schemars, its part of the JSON Schema, so that none of the three can say what the others do not.

use std::{borrow::Cow, collections::BTreeMap, num::NonZeroU32, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Map;

use super::{
    Span,
    diagnostic::{Report, shown},
    yaml::{Entry, Node, Value},
};
use crate::{
    json::JsonMap,
    outcome::Status,
    rpc::{Code, Method},
};

/// A value that can be read from a file.
pub(super) trait Read: Sized {
    /// Reads a value. Without one there is a mistake in the report. `at` is the field whose value it is.
    fn read(node: &Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self>;
}

/// A field of a shape: a value that may be absent.
pub(super) trait Field: Sized {
    fn read_field(fields: &Fields<'_, '_>, name: &'static str, report: &mut Report<'_>) -> Self;
}

/// A field that may be left out.
impl<T: Read> Field for Option<T> {
    fn read_field(fields: &Fields<'_, '_>, name: &'static str, report: &mut Report<'_>) -> Self {
        T::read(&fields.get(name)?.value, name, report)
    }
}

/// A field that must be there. It is none only with a mistake in the report.
pub(super) struct Required<T>(pub(super) Option<T>);

impl<T: Read> Field for Required<T> {
    fn read_field(fields: &Fields<'_, '_>, name: &'static str, report: &mut Report<'_>) -> Self {
        let value = Option::read_field(fields, name, report);
        if fields.get(name).is_none() && !report.is_meant(fields.span, name) {
            let message = format!("`{name}` is missing{}", fields.place());
            report.mistake("missing-field", fields.span, message).label(format!("`{name}` belongs here"));
        }
        Self(value)
    }
}

/// The fields of one map.
pub(super) struct Fields<'n, 'a> {
    entries: &'n [Entry<'a>],
    span: Span,
    at: &'n str,
}

impl<'n, 'a> Fields<'n, 'a> {
    /// Reports every key that is not `known`. Of those, the ones that are `offered` may have been meant.
    pub(super) fn of(
        node: &'n Node<'a>,
        at: &'n str,
        known: &[&'static str],
        offered: &[&'static str],
        report: &mut Report<'_>,
    ) -> Option<Self> {
        let entries = expect_map(node, at, report)?;
        let fields = Self { entries, span: node.span, at };
        for Entry { key, key_span, .. } in entries {
            if !known.contains(&&**key) {
                let meant = report.guess(key, offered.iter().copied());
                let message = format!("unknown field `{}`{}", shown(key), fields.place());
                let mistake = report.mistake("unknown-field", *key_span, message).label("not a field");
                match meant {
                    Some(meant) => {
                        mistake.help(format!("did you mean `{meant}`?"));
                        report.note_meant(node.span, meant);
                    }
                    None => mistake.help(format!("the fields are {}", listed(offered.iter().copied()))),
                }
            }
        }
        Some(fields)
    }

    pub(super) fn get(&self, name: &str) -> Option<&'n Entry<'a>> {
        self.entries.iter().find(|entry| entry.key == name)
    }

    fn place(&self) -> String {
        if self.at.is_empty() { String::new() } else { format!(" in `{}`", self.at) }
    }
}

/// Writes down one construct of the format: a struct, its [`Read`] and its schema, `as` the title that this gets.
macro_rules! shape {
    (
        $(#[doc = $doc:literal])*
        struct $name:ident as $title:literal {
            $($(#[doc = $field_doc:literal])* $(#[schemars($($limit:tt)*)])? $field:ident: $type:ty,)*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(schemars::JsonSchema)]
        #[schemars(deny_unknown_fields, rename = $title)]
        pub(super) struct $name {
            $($(#[doc = $field_doc])* $(#[schemars($($limit)*)])? pub(super) $field: $type,)*
        }

        impl $crate::scenario::read::Read for $name {
            fn read(
                node: &$crate::scenario::yaml::Node<'_>,
                at: &str,
                report: &mut $crate::scenario::diagnostic::Report<'_>,
            ) -> Option<Self> {
                Self::read_offering(Self::FIELDS, node, at, report)
            }
        }

        impl $name {
            const FIELDS: &[&str] = &[$($crate::scenario::read::bare(stringify!($field))),*];

            /// As `read`; where a key is no field, only those that are `offered` are told.
            fn read_offering(
                offered: &[&'static str],
                node: &$crate::scenario::yaml::Node<'_>,
                at: &str,
                report: &mut $crate::scenario::diagnostic::Report<'_>,
            ) -> Option<Self> {
                use $crate::scenario::read::{Field, Fields};
                let fields = Fields::of(node, at, Self::FIELDS, offered, report)?;
                Some(Self {
                    $($field: Field::read_field(&fields, $crate::scenario::read::bare(stringify!($field)), report),)*
                })
            }
        }
    };
}
pub(super) use shape;

/// The name of a field without the mark of a raw identifier.
pub(super) const fn bare(field: &'static str) -> &'static str {
    match field.as_bytes() {
        [b'r', b'#', ..] => field.split_at(2).1,
        _ => field,
    }
}

/// One of a fixed set of words.
pub(super) trait Word: Copy + 'static {
    /// What the words name, with its article.
    const NOUN: &'static str;
    const CODE: &'static str;
    /// Every word.
    fn all() -> impl Iterator<Item = (&'static str, Self)>;

    /// How a word is written as the one key of a map.
    fn such_as(_: &'static str) -> Option<String> {
        None
    }

    /// The word that stands for a number which others write.
    fn numbered(_: i64) -> Option<&'static str> {
        None
    }

    /// The value of a word; else a mistake.
    fn of(word: &str, span: Span, report: &mut Report<'_>) -> Option<Self> {
        if let Some((_, value)) = Self::all().find(|(known, _)| *known == word) {
            return Some(value);
        }
        let words = || Self::all().map(|(word, _)| word);
        let meant = report.guess(word, words());
        let noun = Self::NOUN.split_once(' ').map_or(Self::NOUN, |(_, noun)| noun);
        let mistake = report.mistake(Self::CODE, span, format!("unknown {noun} `{}`", shown(word)));
        let mistake = mistake.label(format!("not {}", Self::NOUN));
        match meant {
            Some(meant) => mistake.help(format!("did you mean `{meant}`?")),
            None => mistake.help(format!("{} is {}", Self::NOUN, listed(words()))),
        }
        None
    }
}

impl Word for Status {
    const NOUN: &'static str = "a status";
    const CODE: &'static str = "unknown-status";

    fn all() -> impl Iterator<Item = (&'static str, Self)> {
        Self::ALL.into_iter().map(|status| (status.as_str(), status))
    }
}

impl Word for Method {
    const NOUN: &'static str = "a call";
    const CODE: &'static str = "unknown-call";

    fn all() -> impl Iterator<Item = (&'static str, Self)> {
        Self::ALL.into_iter().map(|method| (method.as_str(), method))
    }

    fn such_as(word: &'static str) -> Option<String> {
        Some(format!("write `- {word}: net`, with the address of the action"))
    }
}

impl Word for Code {
    const NOUN: &'static str = "a status code";
    const CODE: &'static str = "unknown-code";

    fn all() -> impl Iterator<Item = (&'static str, Self)> {
        [
            "cancelled",
            "unknown",
            "invalid_argument",
            "deadline_exceeded",
            "not_found",
            "already_exists",
            "permission_denied",
            "resource_exhausted",
            "failed_precondition",
            "aborted",
            "out_of_range",
            "unimplemented",
            "internal",
            "unavailable",
            "data_loss",
            "unauthenticated",
        ]
        .into_iter()
        .zip(Self::ALL)
    }

    fn numbered(number: i64) -> Option<&'static str> {
        // They are in the order of their numbers, without that of status OK.
        let at = usize::try_from(number).ok()?.checked_sub(1)?;
        Self::all().nth(at).map(|(word, _)| word)
    }
}

impl<W: Word> Read for W {
    fn read(node: &Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        if let Value::Text(word) = &node.value {
            return W::of(word, node.span, report);
        }
        let word = integer(node).and_then(W::numbered);
        mismatch_with(node, at, W::NOUN, word.map(|word| format!("write `{word}`")), report)
    }
}

/// A value and its place.
#[derive(Clone, Debug)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) span: Span,
}

impl<T: Read> Read for At<T> {
    fn read(node: &Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        T::read(node, at, report).map(|value| Self { value, span: node.span })
    }
}

/// A value that is given, also where it is a mistake: then it is none.
pub(super) struct Tried<T>(pub(super) Option<T>);

impl<T: Read> Read for Tried<T> {
    fn read(node: &Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        Some(Self(T::read(node, at, report)))
    }
}

/// A list. What could not be read is none, so that positions stay what they are.
pub(super) struct List<T>(pub(super) Vec<Option<T>>);

impl<T: Read> Read for List<T> {
    fn read(node: &Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        match &node.value {
            Value::List(items) => Some(Self(items.iter().map(|item| T::read(item, at, report)).collect())),
            value => {
                let help = match value {
                    Value::Null => Some("leave it out, or write `[]`"),
                    Value::Text(word) if word == "none" => Some("write `[]` for none"),
                    Value::Map(entries) if !entries.is_empty() => Some("begin each with `- `"),
                    _ => None,
                };
                mismatch_with(node, at, "a list", help.map(str::to_owned), report)
            }
        }
    }
}

impl<T> List<T> {
    pub(super) fn into_values(self) -> impl Iterator<Item = T> {
        self.0.into_iter().flatten()
    }
}

/// The values of a list, each of which may stand in it once.
pub(super) fn distinct<W: Word + PartialEq>(list: List<At<W>>, report: &mut Report<'_>) -> Vec<At<W>> {
    let mut kept: Vec<At<W>> = Vec::new();
    for item in list.into_values() {
        match kept.iter().find(|first| first.value == item.value) {
            None => kept.push(item),
            Some(first) => named_twice(report.written(item.span), item.span, first.span, report),
        }
    }
    kept
}

/// Reports what stands in a list for the second time.
pub(super) fn named_twice(name: &str, span: Span, first: Span, report: &mut Report<'_>) {
    let place = report.place(first, span);
    report
        .mistake("twice-there", span, format!("`{}` is named twice", shown(name)))
        .label("named again")
        .help(format!("the first is {place}; keep one of them"));
}

/// A map with keys of the author's own.
pub(super) struct Table<T>(pub(super) Vec<(At<String>, T)>);

impl<T: Read> Read for Table<T> {
    fn read(node: &Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        let entries = expect_map(node, at, report)?.iter();
        let read = entries.filter_map(|Entry { key, key_span, value }| {
            let key = At { value: key.clone().into_owned(), span: *key_span };
            Some((key, T::read(value, at, report)?))
        });
        Some(Self(read.collect()))
    }
}

impl<T> Table<T> {
    pub(super) fn into_map(self) -> BTreeMap<String, T> {
        self.0.into_iter().map(|(key, value)| (key.value, value)).collect()
    }
}

/// A map of one key, which is a word: `create: …`.
pub(super) struct OneKey<W, T> {
    /// None where the word is unknown.
    pub(super) word: Option<W>,
    /// From the key to the end of the value.
    pub(super) span: Span,
    pub(super) body: Option<T>,
}

impl<W: Word, T: Read> Read for OneKey<W, T> {
    fn read(node: &Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        let expected = one_key_such_as::<W>();
        let Value::Map(entries) = &node.value else {
            let help = match &node.value {
                Value::Text(word) => {
                    let meant = W::all().map(|(known, _)| known).find(|known| known == word);
                    meant.or(W::all().map(|(first, _)| first).next()).and_then(W::such_as)
                }
                _ => None,
            };
            return mismatch_with(node, at, &expected, help, report);
        };
        let [first, rest @ ..] = entries.as_slice() else {
            let mistake =
                report.mistake("one-key", node.span, format!("`{at}`: expected {expected}, found none"));
            mistake.label(format!("{} belongs here", W::NOUN));
            return None;
        };
        let span = first.key_span.to(first.value.span);
        if let Some(second) = rest.first() {
            let is_word = W::all().any(|(word, _)| second.key == word);
            if matches!(first.value.value, Value::Null) && !is_word {
                let message =
                    format!("`{}` stands beside `{}`, not in it", shown(&second.key), shown(&first.key));
                report
                    .mistake("indentation", second.key_span, message)
                    .label("not indented far enough")
                    .help(format!("indent what belongs to `{}` further than it", shown(&first.key)));
                W::of(&first.key, first.key_span, report);
                return None;
            }
            let message = format!("`{at}`: expected {expected}, found {}", entries.len());
            report.mistake("one-key", second.key_span, message).label("one key too many");
        }
        let word = W::of(&first.key, first.key_span, report);
        Some(Self { word, span, body: T::read(&first.value, &first.key, report) })
    }
}

/// What [`OneKey`] expects, in words.
pub(super) fn one_key_such_as<W: Word>() -> String {
    let word = W::all().next().map(|(word, _)| word).unwrap_or_default();
    format!("a map with one key such as `{word}`")
}

/// Free-form configuration or outputs.
#[derive(Clone)]
pub(super) struct Object(pub(super) JsonMap);

impl Read for Object {
    fn read(node: &Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        let entries = expect_map(node, at, report)?;
        Some(Self(JsonMap::from(json_map(entries, at, report))))
    }
}

fn json_map(entries: &[Entry<'_>], at: &str, report: &mut Report<'_>) -> Map<String, serde_json::Value> {
    entries.iter().map(|entry| (entry.key.clone().into_owned(), json(&entry.value, at, report))).collect()
}

fn json(node: &Node<'_>, at: &str, report: &mut Report<'_>) -> serde_json::Value {
    match &node.value {
        Value::Null | Value::Refused => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => number.clone().into(),
        Value::NotFinite => {
            let written = shown(report.written(node.span));
            report
                .mistake(
                    "not-finite",
                    node.span,
                    format!("`{at}`: `{written}` is no number that JSON can hold"),
                )
                .label("not finite, or too large")
                .help(format!("write `\"{written}\"`, in quotes, for text"));
            serde_json::Value::Null
        }
        Value::Text(text) => text.clone().into(),
        Value::List(items) => items.iter().map(|item| json(item, at, report)).collect(),
        Value::Map(entries) => json_map(entries, at, report).into(),
    }
}

impl Read for String {
    fn read(node: &Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        let Value::Text(text) = &node.value else {
            return match node.value {
                Value::Bool(_) | Value::Number(_) | Value::NotFinite => {
                    let help = format!("write `\"{}\"`, in quotes", shown(report.written(node.span)));
                    mismatch_with(node, at, "text", Some(help), report)
                }
                _ => mismatch(node, at, "text", report),
            };
        };
        Some(text.clone().into_owned())
    }
}

impl Read for bool {
    fn read(node: &Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        let Value::Bool(value) = node.value else {
            let meant = match &node.value {
                Value::Text(text) if matches!(&*text.to_lowercase(), "yes" | "on" | "y" | "true") => {
                    Some(true)
                }
                Value::Text(text) if matches!(&*text.to_lowercase(), "no" | "off" | "n" | "false") => {
                    Some(false)
                }
                _ => None,
            };
            let help = meant.map(|meant| format!("write `{meant}`"));
            return mismatch_with(node, at, "`true` or `false`", help, report);
        };
        Some(value)
    }
}

impl Read for u32 {
    fn read(node: &Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        let number = integer(node).and_then(|number| number.try_into().ok());
        number.or_else(|| mismatch_with(node, at, "a whole number from 0", unquoted(node), report))
    }
}

impl Read for u64 {
    fn read(node: &Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        let number = match &node.value {
            Value::Number(number) => number.as_u64(),
            _ => None,
        };
        number.or_else(|| mismatch_with(node, at, "a whole number from 0", unquoted(node), report))
    }
}

impl Read for NonZeroU32 {
    fn read(node: &Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        let number = integer(node).and_then(|number| u32::try_from(number).ok()).and_then(Self::new);
        number.or_else(|| mismatch_with(node, at, "a whole number from 1", unquoted(node), report))
    }
}

/// How lengths of time are written: a whole number and a unit.
pub(super) struct Units {
    /// Each with its milliseconds, the shortest first.
    units: [(&'static str, u64); 3],
    /// How a time in each may look.
    such_as: [&'static str; 3],
}

impl Units {
    /// For what a program waits for.
    pub(super) const SECONDS: Self =
        Self { units: [("ms", 1), ("s", 1000), ("m", 60_000)], such_as: ["150ms", "2s", "1m"] };
    /// For what people wait for.
    pub(super) const HOURS: Self =
        Self { units: [("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)], such_as: ["90m", "3h", "2d"] };

    pub(super) fn parse(&self, text: &str) -> Option<Duration> {
        let (number, unit) =
            text.split_at(text.find(|c: char| !c.is_ascii_digit()).filter(|digits| *digits > 0)?);
        let (_, millis) = self.units.into_iter().find(|(known, _)| *known == unit)?;
        let number: u64 = number.parse().unwrap_or(u64::MAX);
        Some(Duration::from_millis(number.saturating_mul(millis)))
    }

    /// Reads a time up to the longest, which is also given as it is written.
    pub(super) fn read_up_to(
        &self,
        (longest, written): (Duration, &str),
        node: &Node<'_>,
        at: &str,
        report: &mut Report<'_>,
    ) -> Option<Duration> {
        let [(shortest, _), (usual, _), _] = self.units;
        let (message, label, help) = match &node.value {
            Value::Text(text) => {
                let told = |what: &str| format!("`{at}`: `{}` {what}", shown(text));
                match self.parse(text) {
                    Some(time) if time.is_zero() => {
                        (told("is no time at all"), "too short", format!("the shortest is `1{shortest}`"))
                    }
                    Some(time) if time > longest => {
                        let message = told(&format!("is too long, at most `{written}`"));
                        (message, "too long", format!("the longest is `{written}`"))
                    }
                    Some(time) => return Some(time),
                    None => (told("is no duration"), "not a duration", self.form()),
                }
            }
            Value::Number(_) => {
                let number = shown(report.written(node.span));
                let help = format!("write `{number}{usual}`, or `{number}{shortest}`");
                (format!("`{at}`: `{number}` has no unit"), "not a duration", help)
            }
            _ => {
                let expected = format!("a duration such as `{}`", self.such_as[1]);
                return mismatch(node, at, &expected, report);
            }
        };
        report.mistake("bad-duration", node.span, message).label(label).help(help);
        None
    }

    fn form(&self) -> String {
        let units = listed(self.units.iter().map(|(unit, _)| *unit));
        let such_as = self.such_as.map(|time| format!("`{time}`")).join(", ");
        format!("write a whole number and {units}: {such_as}")
    }
}

/// A length of time, up to five minutes.
#[derive(Clone, Copy)]
pub(super) struct Time(pub(super) Duration);

impl Time {
    const LONGEST: (Duration, &'static str) = (Duration::from_secs(300), "5m");
}

impl Read for Time {
    fn read(node: &Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        Units::SECONDS.read_up_to(Self::LONGEST, node, at, report).map(Self)
    }
}

/// Any value.
pub(super) struct Json(pub(super) serde_json::Value);

impl Read for Json {
    fn read(node: &Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        Some(Self(json(node, at, report)))
    }
}

/// A whole number, in any notation.
pub(super) fn integer(node: &Node<'_>) -> Option<i64> {
    match &node.value {
        Value::Number(number) => number.as_i64(),
        _ => None,
    }
}

/// What to do about a number that is given as text.
fn unquoted(node: &Node<'_>) -> Option<String> {
    let Value::Text(text) = &node.value else { return None };
    text.parse::<u32>().ok().map(|number| format!("write `{number}`, without quotes"))
}

fn expect_map<'n, 'a>(node: &'n Node<'a>, at: &str, report: &mut Report<'_>) -> Option<&'n [Entry<'a>]> {
    match &node.value {
        Value::Map(entries) => Some(entries),
        value => {
            let help = matches!(value, Value::Null).then(|| "leave it out, or write `{}`".to_owned());
            mismatch_with(node, at, "a map", help, report)
        }
    }
}

/// Reports a value of the wrong type.
pub(super) fn mismatch<T>(node: &Node<'_>, at: &str, expected: &str, report: &mut Report<'_>) -> Option<T> {
    mismatch_with(node, at, expected, None, report)
}

pub(super) fn mismatch_with<T>(
    node: &Node<'_>,
    at: &str,
    expected: &str,
    help: Option<String>,
    report: &mut Report<'_>,
) -> Option<T> {
    if matches!(node.value, Value::Refused) {
        return None;
    }
    let found = found(node, report);
    let place = if at.is_empty() { String::new() } else { format!("`{}`: ", shown(at)) };
    let mistake =
        report.mistake("wrong-type", node.span, format!("{place}expected {expected}, found {found}"));
    let mistake = mistake.label(format!("expected {expected}"));
    if let Some(help) = help {
        mistake.help(help);
    }
    None
}

/// What a value is, in words.
pub(super) fn found(node: &Node<'_>, report: &Report<'_>) -> String {
    match &node.value {
        Value::Null | Value::Refused => "nothing".to_owned(),
        Value::Bool(value) => format!("`{value}`"),
        Value::Number(_) | Value::NotFinite => format!("the number `{}`", shown(report.written(node.span))),
        Value::Text(text) => format!("the text `{}`", shown(text)),
        Value::List(_) => "a list".to_owned(),
        Value::Map(_) => "a map".to_owned(),
    }
}

/// A field of the format that this version cannot run. It has no value.
pub(super) enum NotYet {}

impl Read for NotYet {
    fn read(node: &Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        let message = format!("`{at}` belongs to the format, but this version cannot run it yet");
        let mistake = report.mistake("not-yet", node.span, message).label("not yet");
        mistake.help("leave it out, or run the scenario with a newer version");
        None
    }
}

/// `a`, `b` or `c`.
pub(super) fn listed<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<_> = words.map(|word| format!("`{word}`")).collect();
    match words.as_slice() {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        words => words.concat(),
    }
}

/// Schemas of the values above are those of what they hold.
macro_rules! schema_of {
    ($($outer:ident => $inner:ty),* $(,)?) => {$(
        impl<T: JsonSchema> JsonSchema for $outer<T> {
            fn inline_schema() -> bool {
                <$inner>::inline_schema()
            }

            fn schema_name() -> Cow<'static, str> {
                <$inner>::schema_name()
            }

            fn schema_id() -> Cow<'static, str> {
                <$inner>::schema_id()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                <$inner>::json_schema(generator)
            }
        }
    )*};
}

schema_of! {
    At => T,
    Required => T,
    Tried => T,
    List => Vec<T>,
    Table => BTreeMap<String, T>,
}

impl<W: Word, T: JsonSchema> JsonSchema for OneKey<W, T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        W::NOUN.into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let body = generator.subschema_for::<T>();
        let properties: Map<_, _> =
            W::all().map(|(word, _)| (word.to_owned(), body.clone().into())).collect();
        json_schema!({
            "type": "object",
            "properties": properties,
            "additionalProperties": false,
            "minProperties": 1,
            "maxProperties": 1,
        })
    }
}

/// Schemas of what is read by hand.
macro_rules! schema_is {
    ($($name:ident => $schema:tt),* $(,)?) => {$(
        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!($schema)
            }
        }
    )*};
}
pub(super) use schema_is;

schema_is! {
    Object => { "type": "object" },
    Json => {},
    NotYet => { "not": {} },
    Time => { "type": "string", "pattern": "^0*[1-9][0-9]*(ms|s|m)$" },
}
