//! Changes to the text of a list of known failures: what no change is about stays as it was written, byte for byte.

use std::{fmt::Write as _, iter, ops::Range};

use super::{
    KnownFailure, Span, TextMatch,
    diagnostic::Report,
    known::{PLACEHOLDER, parse_unfilled_known_failures},
    yaml::{self, Value},
};

/// The beginning of a list that did not exist yet.
const HEADER: &str = "\
# yaml-language-server: $schema=known-failures.schema.json
# `counterfoil schema known-failures > known-failures.schema.json` writes the schema, for your editor.
#
# What fails as listed fails nothing. An entry with a TODO in it is not valid: say why it is known and not mended, where
# that is discussed, who sees to it, and until when it may last.
";

/// What becomes of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KnownFailureChange {
    /// It stays as it is.
    Keep,
    /// It is pinned to this message.
    Pin(String),
    /// It goes.
    Remove,
}

/// A failure that is to be listed. The rest is for a human to fill in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKnownFailure {
    /// The rule.
    pub rule: &'static str,
    /// GLOB or GLOB@REVISIONS.
    pub scenario: String,
    /// The message, whole.
    pub message: String,
}

/// A list whose text cannot be changed without changing what nobody asked to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the list is written in a way that is not understood well enough to change it: anchors and such; change it by hand"
)]
pub struct NotRewritten;

/// Makes changes to a list, one for each entry in their order, and adds `more` at its end. None: there was no list yet.
///
/// # Errors
/// When the list cannot be changed so that it says what it has to say, and nothing else.
pub fn rewrite_known_failures(
    text: Option<&str>,
    changes: &[KnownFailureChange],
    more: &[NewKnownFailure],
) -> Result<String, NotRewritten> {
    let Some(text) = text else {
        let empty = format!("{HEADER}\nknown_failures: []\n");
        return rewrite_known_failures(Some(&empty), &[], more);
    };
    if more.is_empty() && changes.iter().all(|change| *change == KnownFailureChange::Keep) {
        return Ok(text.to_owned());
    }
    // Without its blank lines some text means something else: then they stay.
    [true, false]
        .into_iter()
        .filter_map(|tidy| Edited { text, changes, more, tidy }.attempt())
        .find(|edited| says(edited, text, changes, more))
        .ok_or(NotRewritten)
}

/// Whether a list says what is left of another, and what was added.
fn says(edited: &str, text: &str, changes: &[KnownFailureChange], more: &[NewKnownFailure]) -> bool {
    let read = |text: &str| parse_unfilled_known_failures("", text.as_bytes()).ok();
    let (Some(before), Some(after)) = (read(text), read(edited)) else { return false };
    let plain = |mut entry: KnownFailure| {
        (entry.span, entry.scenario_span, entry.message_span) = Default::default();
        // A line end at the end of the file ends the last line, and is no more than that.
        for text in [&mut entry.reason, &mut entry.link, &mut entry.owner] {
            text.truncate(text.trim_end().len());
        }
        entry
    };
    let kept = before.into_iter().zip(changes).filter_map(|(entry, change)| match change {
        KnownFailureChange::Keep => Some(entry),
        KnownFailureChange::Pin(message) => {
            Some(KnownFailure { message: TextMatch::Is(message.clone()), ..entry })
        }
        KnownFailureChange::Remove => None,
    });
    let unfilled = || PLACEHOLDER.to_owned();
    let added = more.iter().map(|new| KnownFailure {
        rule: new.rule,
        scenario: new.scenario.clone(),
        message: TextMatch::Is(new.message.clone()),
        reason: unfilled(),
        link: unfilled(),
        owner: unfilled(),
        expires: None,
        span: Span::default(),
        scenario_span: Span::default(),
        message_span: Span::default(),
    });
    kept.chain(added).map(plain).eq(after.into_iter().map(plain))
}

/// A list, and what is to become of it.
struct Edited<'a> {
    text: &'a str,
    changes: &'a [KnownFailureChange],
    more: &'a [NewKnownFailure],
    /// Blank lines around what is taken out go with it.
    tidy: bool,
}

/// Where the parts of a list stand.
struct Layout {
    root: Span,
    key: Span,
    list: Span,
    items: Vec<Item>,
}

struct Item {
    span: Span,
    message_key: Span,
    message: Span,
}

impl Layout {
    fn of(text: &str) -> Option<Self> {
        let root = yaml::read(text, &mut Report::new("", text))?;
        let Value::Map(entries) = &root.value else { return None };
        let entry = entries.iter().find(|entry| entry.key == "known_failures")?;
        let Value::List(items) = &entry.value.value else { return None };
        let items = items.iter().map(|item| {
            let Value::Map(fields) = &item.value else { return None };
            let message = fields.iter().find(|field| field.key == "message")?;
            Some(Item { span: item.span, message_key: message.key_span, message: message.value.span })
        });
        let items = items.collect::<Option<_>>()?;
        Some(Self { root: root.span, key: entry.key_span, list: entry.value.span, items })
    }
}

impl Edited<'_> {
    fn attempt(&self) -> Option<String> {
        let layout = Layout::of(self.text)?;
        if layout.items.len() != self.changes.len() {
            return None;
        }
        match self.text.get(layout.list.start..)?.chars().next()? {
            '-' => self.block(&layout),
            '[' => self.flow(&layout),
            _ => None,
        }
    }

    /// A list of which each item begins with a dash, in lines of its own.
    fn block(&self, layout: &Layout) -> Option<String> {
        let Self { text, changes, more, tidy } = *self;
        let column = layout.list.start - line_start(text, layout.list.start);
        let dashes: Vec<usize> = layout
            .items
            .iter()
            .map(|item| dash_line(text, item.span.start, column))
            .collect::<Option<_>>()?;
        let mut edits: Vec<(Range<usize>, String)> = Vec::new();
        let mut end = 0;
        for (at, (item, change)) in layout.items.iter().zip(changes).enumerate() {
            let begin = dashes[at];
            end = item_end(text, begin, dashes.get(at + 1).copied(), column);
            match change {
                KnownFailureChange::Keep => {}
                KnownFailureChange::Pin(message) => {
                    edits.push((value_range(text, item)?, quoted(message)));
                }
                KnownFailureChange::Remove => {
                    let blank_before = lines_back(text, begin).next().is_some_and(is_blank);
                    let blank_behind = lines_from(text, end).take_while(|line| is_blank(line));
                    let blank_behind: usize =
                        if tidy && blank_before { blank_behind.map(str::len).sum() } else { 0 };
                    edits.push((begin..end + blank_behind, String::new()));
                }
            }
        }
        let spaced = dashes.len() > 1
            && dashes.last().is_some_and(|last| lines_back(text, *last).next().is_some_and(is_blank));
        let mut added = self.block_entries(column, spaced);
        if !added.is_empty() {
            if !text[..end].ends_with('\n') {
                added.insert_str(0, self.line_end());
            }
            match edits.last_mut() {
                Some((range, instead)) if range.end >= end && instead.is_empty() => *instead = added,
                _ => edits.push((end..end, added)),
            }
        }
        let mut edited = text.to_owned();
        for (range, instead) in edits.iter().rev() {
            edited.replace_range(range.clone(), instead);
        }
        let is_gone = |change: Option<&KnownFailureChange>| change == Some(&KnownFailureChange::Remove);
        if more.is_empty() && changes.iter().all(|change| is_gone(Some(change))) {
            // A list of nothing has to be written as one.
            let colon = layout.key.end() + text.get(layout.key.end()..)?.find(':')?;
            edited.insert_str(colon + 1, " []");
        }
        if tidy && is_gone(changes.last()) {
            let kept = edited.trim_end().len();
            let whole_lines = edited[kept..].find('\n').map_or(edited.len(), |at| kept + at + 1);
            edited.truncate(whole_lines);
        }
        Some(edited)
    }

    /// New entries as items of a list in lines, whose dashes stand in this column.
    fn block_entries(&self, column: usize, spaced: bool) -> String {
        let (indent, end) = (" ".repeat(column), self.line_end());
        let mut lines = String::new();
        for NewKnownFailure { rule, scenario, message } in self.more {
            if spaced {
                lines.push_str(end);
            }
            let (scenario, message) = (quoted(scenario), quoted(message));
            // Writing into a string cannot fail.
            let _ = write!(
                lines,
                "{indent}- rule: {rule}{end}\
                 {indent}  scenario: {scenario}{end}\
                 {indent}  message: {message}{end}"
            );
            for field in ["reason", "link", "owner", "expires"] {
                let _ = write!(lines, "{indent}  {field}: {PLACEHOLDER}{end}");
            }
        }
        lines
    }

    /// A list in brackets.
    fn flow(&self, layout: &Layout) -> Option<String> {
        let Self { text, changes, more, .. } = *self;
        let is_block_root = !text[layout.root.start..].starts_with('{');
        let inside = text.get(layout.list.start + 1..layout.list.end() - 1)?;
        if layout.items.is_empty() && is_block_root && inside.trim().is_empty() {
            let added = self.block_entries(2, false);
            let behind = layout.list.end();
            let line_end = text[behind..].find('\n').map_or(text.len(), |at| behind + at + 1);
            let mut edited = text.to_owned();
            let missing = if text[..line_end].ends_with('\n') { "" } else { self.line_end() };
            edited.insert_str(line_end, &format!("{missing}{added}"));
            // The space before the brackets goes too, where nothing but the key stands before it.
            let before = text[..layout.list.start].trim_end_matches(' ').len();
            edited.replace_range(before..behind, "");
            return Some(edited);
        }
        let mut edited = text.to_owned();
        let mut kept_behind = false;
        for (at, (item, change)) in layout.items.iter().zip(changes).enumerate().rev() {
            match change {
                KnownFailureChange::Keep => kept_behind = true,
                KnownFailureChange::Pin(message) => {
                    edited.replace_range(value_range(text, item)?, &quoted(message));
                    kept_behind = true;
                }
                KnownFailureChange::Remove => {
                    let comma_behind = comma_from(&edited, item.span.end());
                    if let Some(comma) = comma_behind {
                        edited.replace_range(comma..=comma, "");
                    }
                    remove_flow_item(&mut edited, item.span);
                    let before = at.checked_sub(1).map(|before| layout.items[before].span.end());
                    if !kept_behind && let Some(comma) = before.and_then(|before| comma_from(&edited, before))
                    {
                        edited.replace_range(comma..=comma, "");
                    }
                }
            }
        }
        if more.is_empty() {
            return Some(edited);
        }
        let layout = Layout::of(&edited)?;
        let entries = more.iter().map(|NewKnownFailure { rule, scenario, message }| {
            let todo = quoted(PLACEHOLDER);
            format!(
                "{{ \"rule\": \"{rule}\", \"scenario\": {}, \"message\": {}, \"reason\": {todo}, \"link\": {todo}, \
                 \"owner\": {todo}, \"expires\": {todo} }}",
                quoted(scenario),
                quoted(message)
            )
        });
        let entries = entries.collect::<Vec<_>>().join(", ");
        match layout.items.last() {
            Some(last) => edited.insert_str(last.span.end(), &format!(", {entries}")),
            None => edited.insert_str(layout.list.start + 1, &format!("{entries} ")),
        }
        Some(edited)
    }

    fn line_end(&self) -> &'static str {
        if self.text.contains("\r\n") { "\r\n" } else { "\n" }
    }
}

/// Takes an item out of a list in brackets, and its line where nothing else stands in it.
fn remove_flow_item(text: &mut String, span: Span) {
    let begin = line_start(text, span.start);
    let behind = text[span.end()..].find('\n').map_or(text.len(), |at| span.end() + at + 1);
    let alone = text[begin..span.start].trim().is_empty() && text[span.end()..behind].trim().is_empty();
    let range = if alone { begin..behind } else { span.start..span.end() };
    text.replace_range(range, "");
}

/// The comma that comes next, where only white space and comments stand before it.
fn comma_from(text: &str, from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let rest = text.get(at..)?;
        at += rest.len() - rest.trim_start().len();
        match text[at..].chars().next()? {
            ',' => return Some(at),
            '#' => at += text[at..].find('\n')?,
            _ => return None,
        }
    }
}

/// Where the value of a message stands.
fn value_range(text: &str, item: &Item) -> Option<Range<usize>> {
    let Span { start, .. } = item.message;
    if !text.get(start..)?.starts_with(['|', '>']) {
        return Some(start..item.message.end());
    }
    // A block of text ends where something stands that is not indented further than its key.
    let column = item.message_key.start - line_start(text, item.message_key.start);
    let header = text[start..].find('\n').map_or(text.len(), |at| start + at + 1);
    let mut end = header;
    let mut at = header;
    for line in lines_from(text, header) {
        at += line.len();
        if is_blank(line) {
            continue;
        }
        if indentation(line) <= column {
            break;
        }
        end = at;
    }
    Some(start..text[..end].trim_end_matches(['\r', '\n']).len())
}

/// The start of the line in which the dash of an item stands.
fn dash_line(text: &str, item: usize, column: usize) -> Option<usize> {
    let own = line_start(text, item);
    let is_dash = |line: &str| indentation(line) == column && line[column..].starts_with('-');
    if is_dash(lines_from(text, own).next()?) {
        return Some(own);
    }
    let mut begin = own;
    for line in lines_back(text, own) {
        begin -= line.len();
        if is_dash(line) {
            return Some(begin);
        }
    }
    None
}

/// Where an item ends that begins with this line: behind the last line that is its own. A comment is its own where it
/// is indented further than the dash.
fn item_end(text: &str, begin: usize, next: Option<usize>, column: usize) -> usize {
    let (mut at, mut end) = (begin, begin);
    for (number, line) in lines_from(text, begin).enumerate() {
        let is_inside = indentation(line) > column || number == 0;
        let is_comment = line.trim_start().starts_with('#');
        match next {
            Some(next) if at >= next => break,
            None if !is_inside && !is_comment && !is_blank(line) => break,
            _ => {}
        }
        at += line.len();
        if !is_blank(line) && (is_inside || !is_comment) {
            end = at;
        }
    }
    end
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// The lines from this place on, each with its end.
fn lines_from(text: &str, from: usize) -> impl Iterator<Item = &str> {
    text[from..].split_inclusive('\n')
}

/// The lines before this one, the last first, each with its end.
fn lines_back(text: &str, line: usize) -> impl Iterator<Item = &str> {
    let mut end = line;
    iter::from_fn(move || {
        let begin = line_start(text, end.checked_sub(1)?);
        let line = &text[begin..end];
        end = begin;
        Some(line)
    })
}

fn is_blank(line: &str) -> bool {
    line.trim().is_empty()
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// A text in quotes, in one line, that is read as it is by every reader of YAML or JSON.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if c.is_control()
                || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}') =>
            {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted + "\""
}
