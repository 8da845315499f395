//! YAML, with the place of everything in it. The only module that knows the parser.
//!
//! Scalars mean here what they mean to `serde_yaml`: only `true` and `false` in their three spellings are
//! booleans, and digits behind a leading nought are text. What the two could read differently is refused.

use std::{
    borrow::Cow,
    collections::{HashMap, hash_map},
    mem,
};

use serde_json::Number;
use serde_saphyr::granit_parser::{
    self, ErrorKind, Event, Marker, Parser, ScalarStyle, ScanError, StructureStyle,
};

use super::{
    MAX_FILE_BYTES, Span,
    diagnostic::{Report, char_start, shown},
};

/// How deep lists and maps nest at most.
const MAX_DEPTH: usize = 64;

/// What the values of a file may weigh, its aliases put in: each its text and [`VALUE_WEIGHT`].
const MAX_WEIGHT: usize = 4 * MAX_FILE_BYTES;
const VALUE_WEIGHT: usize = 16;

/// A value and its place.
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    pub(super) span: Span,
    pub(super) value: Value<'a>,
}

#[derive(Clone, Debug)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    /// Written as in JSON where it is written so in the file.
    Number(Number),
    /// `.inf`, `.nan`, or a number beyond the range of a 64-bit float.
    NotFinite,
    Text(Cow<'a, str>),
    List(Vec<Node<'a>>),
    /// In the order of the file, without duplicates.
    Map(Vec<Entry<'a>>),
    /// It is in the report already.
    Refused,
}

#[derive(Clone, Debug)]
pub(super) struct Entry<'a> {
    pub(super) key: Cow<'a, str>,
    pub(super) key_span: Span,
    pub(super) value: Node<'a>,
}

/// Reads the one document of a file. Without a node the file is empty, or there is a mistake in the report.
pub(super) fn read<'a>(text: &'a str, report: &mut Report<'_>) -> Option<Node<'a>> {
    let options = granit_parser::options! {
        disallow_directives: true,
        block_scalar_eof_without_line_feed: true,
        emit_unresolved_aliases: true,
        emit_anchor_events: true,
        emit_comments: false,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let mut tree = Tree { report, open: Vec::new(), root: None, anchors: HashMap::new(), weight: 0 };
    for event in Parser::new_from_str_with_options(text, options) {
        let next = match event {
            Ok((event, span)) => {
                let end = offset(text, &span.end);
                tree.take(event, Span::between(offset(text, &span.start).min(end), end))
            }
            Err(error) => {
                syntax_error(&error, text, tree.report);
                Err(Stop)
            }
        };
        if let Err(Stop) = next {
            return None;
        }
    }
    tree.root.filter(|root| !matches!(root.value, Value::Null))
}

/// Nothing more can be read; the report says why.
struct Stop;

/// The tree as far as it has grown.
struct Tree<'a, 'r, 'f> {
    report: &'r mut Report<'f>,
    /// Lists and maps that are not closed yet, outermost first.
    open: Vec<Open<'a>>,
    root: Option<Node<'a>>,
    anchors: HashMap<usize, Anchor<'a>>,
    weight: usize,
}

struct Open<'a> {
    start: Span,
    flow: bool,
    anchor: usize,
    weight: usize,
    height: usize,
    children: Children<'a>,
}

enum Children<'a> {
    List(Vec<Node<'a>>),
    Map { entries: Vec<Entry<'a>>, key: Key<'a> },
}

/// The key that waits for its value.
enum Key<'a> {
    None,
    Text(Cow<'a, str>, Span),
    /// It was refused, and so is its value.
    Refused,
}

struct Anchor<'a> {
    name: Cow<'a, str>,
    /// None while it is not closed.
    node: Option<Grown<'a>>,
}

/// A complete subtree.
#[derive(Clone)]
struct Grown<'a> {
    node: Node<'a>,
    weight: usize,
    height: usize,
}

impl<'a> Tree<'a, '_, '_> {
    fn take(&mut self, event: Event<'a>, span: Span) -> Result<(), Stop> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let tagged = self.refuse_tag(tag.is_some(), span);
                let weight = VALUE_WEIGHT + text.len();
                self.weigh(weight, span)?;
                let value = match style {
                    _ if tagged => Value::Refused,
                    ScalarStyle::Plain if text.starts_with(['?', ':']) && self.in_flow() => {
                        self.report
                            .mistake(
                                "ambiguous-text",
                                span,
                                "in braces, `?` and `:` in front mean text to some readers only",
                            )
                            .help("put it into quotes");
                        Value::Refused
                    }
                    ScalarStyle::Plain => resolve(text),
                    _ => Value::Text(text),
                };
                self.put(Grown { node: Node { span, value }, weight, height: 0 }, anchor)
            }
            Event::SequenceStart(style, anchor, tag) => {
                self.refuse_tag(tag.is_some(), span);
                self.open(style, anchor, span, Children::List(Vec::new()))
            }
            Event::MappingStart(style, anchor, tag) => {
                self.refuse_tag(tag.is_some(), span);
                self.open(style, anchor, span, Children::Map { entries: Vec::new(), key: Key::None })
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Anchor(id, name) => {
                // Anchors of other characters end elsewhere for other readers.
                if !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) {
                    self.report
                        .mistake("bad-anchor", span, format!("`{}` is no name for an anchor", shown(&name)))
                        .help("use letters, digits, `-` and `_`");
                }
                // The event follows its node: of a scalar, which is complete, or of a list or map that is not.
                self.anchors.entry(id).or_insert(Anchor { name: Cow::Borrowed(""), node: None }).name = name;
                Ok(())
            }
            Event::Alias(id) => self.alias(id, span),
            Event::UnresolvedAlias(name) => {
                let meant = self.report.guess(&name, self.anchors.values().map(|anchor| &*anchor.name));
                let message = format!("no anchor `&{}` stands before this", shown(&name));
                let mistake = self.report.mistake("unknown-anchor", span, message);
                if let Some(meant) = meant {
                    mistake.help(format!("did you mean `*{meant}`?"));
                }
                self.put(
                    Grown { node: Node { span, value: Value::Refused }, weight: VALUE_WEIGHT, height: 0 },
                    0,
                )
            }
            Event::DocumentStart(..) if self.root.is_some() => {
                self.report
                    .mistake("several-documents", span, "a second document begins here")
                    .help("one file holds one document; put this one into a file of its own");
                Err(Stop)
            }
            _ => Ok(()),
        }
    }

    fn in_flow(&self) -> bool {
        self.open.last().is_some_and(|open| open.flow)
    }

    fn refuse_tag(&mut self, tagged: bool, span: Span) -> bool {
        if tagged {
            self.report
                .mistake("tag", span, "tags are not part of the format")
                .help("leave the tag out; quotes make a value text");
        }
        tagged
    }

    fn open(
        &mut self,
        style: StructureStyle,
        anchor: usize,
        start: Span,
        children: Children<'a>,
    ) -> Result<(), Stop> {
        if self.open.len() == MAX_DEPTH {
            return self.too_deep(start);
        }
        self.weigh(VALUE_WEIGHT, start)?;
        let flow = style == StructureStyle::Flow;
        self.open.push(Open { start, flow, anchor, weight: VALUE_WEIGHT, height: 1, children });
        Ok(())
    }

    fn too_deep(&mut self, span: Span) -> Result<(), Stop> {
        too_deep(span, self.report);
        Err(Stop)
    }

    fn close(&mut self, end: Span) -> Result<(), Stop> {
        let Some(Open { start, flow, anchor, weight, height, children }) = self.open.pop() else {
            return Ok(());
        };
        let (value, last) = match children {
            Children::List(items) => {
                let last = items.last().map(|item| item.span);
                (Value::List(items), last)
            }
            Children::Map { entries, .. } => {
                let last = entries.last().map(|entry| entry.value.span);
                (Value::Map(self.without_duplicates(entries)), last)
            }
        };
        // A block ends where the next token begins, which may be far below it.
        let end = if flow { end } else { last.unwrap_or(start) };
        let span = Span::between(start.start, end.end().max(start.start));
        self.put(Grown { node: Node { span, value }, weight, height }, anchor)
    }

    fn without_duplicates(&mut self, entries: Vec<Entry<'a>>) -> Vec<Entry<'a>> {
        if entries.len() < 2 {
            return entries;
        }
        let mut first = HashMap::with_capacity(entries.len());
        let mut again = Vec::new();
        for (at, entry) in entries.iter().enumerate() {
            match first.entry(&*entry.key) {
                hash_map::Entry::Vacant(vacant) => drop(vacant.insert(entry.key_span)),
                hash_map::Entry::Occupied(known) => again.push((at, *known.get())),
            }
        }
        for (at, first) in &again {
            let Entry { key, key_span, .. } = &entries[*at];
            let line = self.report.line(*first);
            self.report
                .mistake("duplicate-key", *key_span, format!("`{}` is given twice", shown(key)))
                .label("given again")
                .help(format!("the first is in line {line}; keep one of them"));
        }
        let mut again = again.into_iter().map(|(at, _)| at).peekable();
        let kept = entries.into_iter().enumerate().filter(|(at, _)| again.next_if_eq(at).is_none());
        kept.map(|(_, entry)| entry).collect()
    }

    fn alias(&mut self, id: usize, span: Span) -> Result<(), Stop> {
        let Some(Anchor { node: Some(grown), .. }) = self.anchors.get(&id) else {
            self.report.mistake("recursive-alias", span, "this alias stands inside of what it names");
            return Err(Stop);
        };
        if self.open.len() + grown.height > MAX_DEPTH {
            return self.too_deep(span);
        }
        let weight = self.weight + grown.weight;
        if weight > MAX_WEIGHT {
            return self.too_heavy(span);
        }
        self.weight = weight;
        let mut grown = grown.clone();
        grown.node.span = span;
        self.put(grown, 0)
    }

    /// Counts what is about to be kept.
    fn weigh(&mut self, weight: usize, span: Span) -> Result<(), Stop> {
        self.weight = self.weight.saturating_add(weight);
        if self.weight > MAX_WEIGHT { self.too_heavy(span) } else { Ok(()) }
    }

    fn too_heavy(&mut self, span: Span) -> Result<(), Stop> {
        if self.anchors.is_empty() {
            self.report.mistake("too-large", span, "the file holds too many values").label("one too many");
        } else {
            self.report
                .mistake("alias-bomb", span, "with its aliases put in, the file becomes too large")
                .help("write out what differs, and leave away what does not matter");
        }
        Err(Stop)
    }

    /// Puts a complete value where it belongs.
    fn put(&mut self, grown: Grown<'a>, anchor: usize) -> Result<(), Stop> {
        if anchor != 0 {
            self.weigh(grown.weight, grown.node.span)?;
            let known = self.anchors.entry(anchor).or_insert(Anchor { name: Cow::Borrowed(""), node: None });
            known.node = Some(grown.clone());
        }
        let Grown { node, weight, height } = grown;
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        open.weight += weight;
        open.height = open.height.max(height + 1);
        match &mut open.children {
            Children::List(items) => items.push(node),
            Children::Map { entries, key } => match mem::replace(key, Key::None) {
                Key::None => *key = read_key(node, self.report),
                Key::Text(key, key_span) => entries.push(Entry { key, key_span, value: node }),
                Key::Refused => {}
            },
        }
        Ok(())
    }
}

fn read_key<'a>(node: Node<'a>, report: &mut Report<'_>) -> Key<'a> {
    let Node { span, value } = node;
    let written = report.written(span);
    match value {
        Value::Text(_) if written == "<<" => {
            report
                .mistake("merge-key", span, "merge keys are not part of the format")
                .help("write the fields out, or give the whole value as an alias");
            Key::Refused
        }
        Value::Text(key) => Key::Text(key, span),
        Value::List(_) | Value::Map(_) => {
            report.mistake("key-not-text", span, "a list or map cannot be a key");
            Key::Refused
        }
        Value::Refused => Key::Refused,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::NotFinite => {
            let mistake = report.mistake("key-not-text", span, "a key is text");
            if !written.is_empty() {
                mistake.help(format!("write `\"{}\"`, in quotes", shown(written)));
            }
            Key::Refused
        }
    }
}

/// What a plain scalar means.
fn resolve(text: Cow<'_, str>) -> Value<'_> {
    match &*text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Value::NotFinite,
        _ => {}
    }
    // Most scalars are words, and every number has one of these in front.
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return Value::Text(text);
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(&text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return Value::NotFinite;
    }
    match number(&text, unsigned) {
        Some(Ok(number)) => Value::Number(number),
        Some(Err(NotFinite)) => Value::NotFinite,
        None => Value::Text(text),
    }
}

struct NotFinite;

fn number(text: &str, unsigned: &str) -> Option<Result<Number, NotFinite>> {
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = unsigned.strip_prefix(prefix) {
            let number = u64::from_str_radix(digits, radix).ok().filter(|_| !digits.starts_with('+'))?;
            let signed = i128::from(number) * if text.starts_with('-') { -1 } else { 1 };
            return Number::from_i128(signed).map(Ok);
        }
    }
    let digits = unsigned.bytes().all(|b| b.is_ascii_digit());
    if digits && unsigned.len() > 1 && unsigned.starts_with('0') {
        return None;
    }
    let float: f64 = text.parse().ok()?;
    if !float.is_finite() {
        return Some(Err(NotFinite));
    }
    let written = text.strip_prefix('+').unwrap_or(text);
    let number = serde_json::from_str(written).ok().or_else(|| Number::from_f64(float))?;
    Some(Ok(number))
}

fn too_deep(span: Span, report: &mut Report<'_>) {
    report
        .mistake("too-deep", span, format!("lists and maps nest deeper than {MAX_DEPTH} levels"))
        .label("one level too many");
}

fn syntax_error(error: &ScanError, text: &str, report: &mut Report<'_>) {
    let start = offset(text, error.marker());
    let len = text[start..].chars().next().filter(|c| !c.is_control()).map_or(0, char::len_utf8);
    let span = Span { start, len };
    match error.kind() {
        ErrorKind::RecursionLimitExceeded => too_deep(span, report),
        ErrorKind::DirectiveDisallowed => {
            report
                .mistake("directive", span, "YAML directives are not part of the format")
                .help("leave the line out");
        }
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart
        | ErrorKind::TabInPlainScalar => {
            report.mistake("tab", span, "a tab where YAML allows only spaces").help("indent with spaces");
        }
        kind => {
            let unquoted = reference_at(text, start).or_else(|| comparison_at(text, start));
            let mistake = report.mistake("syntax", span, format!("not valid YAML: {kind}"));
            if let Some(unquoted) = unquoted {
                return mistake.help(format!("put it in quotes: `\"{}\"`", shown(unquoted)));
            }
            let help = match kind {
                ErrorKind::MappingValueNotAllowed | ErrorKind::SimpleKeyExpected => {
                    "look at the indentation, and put text that holds `: ` or ` #` into quotes"
                }
                ErrorKind::UnclosedQuotedScalar => "close the quotes that open here",
                ErrorKind::UnclosedFlowCollection { .. } => "close what opens here",
                _ => return,
            };
            mistake.help(help);
        }
    }
}

/// The text around a reference such as `${net.id}` whose brace is taken for that of a map.
fn reference_at(text: &str, brace: usize) -> Option<&str> {
    // The parser stops at the brace or behind it.
    let dollar = [1, 2].into_iter().filter_map(|back| brace.checked_sub(back));
    let dollar = dollar.into_iter().find(|at| text.get(*at..).is_some_and(|rest| rest.starts_with("${")))?;
    let start = text[..dollar].rfind([' ', '\t', '\n', ',', '[', '{']).map_or(0, |before| before + 1);
    let close =
        dollar + text[dollar..].find(['}', '\n']).filter(|at| text[dollar + at..].starts_with('}'))?;
    let behind = text[close + 1..].find([' ', '\t', '\r', '\n', ',', ']', '}']);
    Some(&text[start..behind.map_or(text.len(), |behind| close + 1 + behind)])
}

/// A range such as `>=0.56` whose sign is taken for that of a block of text.
fn comparison_at(text: &str, sign: usize) -> Option<&str> {
    let rest = text.get(sign..)?;
    let number = rest.strip_prefix('>')?.trim_start_matches(['=', ' ']);
    let line = rest.lines().next().unwrap_or_default();
    let range = line.split(" #").next().unwrap_or_default().trim_end();
    number.starts_with(|c: char| c.is_ascii_digit()).then_some(range)
}

fn offset(text: &str, marker: &Marker) -> usize {
    let byte = marker
        .byte_offset()
        .unwrap_or_else(|| text.char_indices().nth(marker.index()).map_or(text.len(), |(byte, _)| byte));
    char_start(text, byte)
}
