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
        let begin = value_start(self.text, layout.key)?;
        match self.text[begin..].chars().next()? {
            '-' => self.block(&layout, begin),
            '[' => self.flow(&layout),
            _ => None,
        }
    }

    /// A list of which each item begins with a dash, in lines of its own; the first dash is here.
    fn block(&self, layout: &Layout, dash: usize) -> Option<String> {
        let Self { text, changes, more, tidy } = *self;
        let column = dash - line_start(text, dash);
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

/// Where a value begins, behind its key, the sign of a block of text included.
fn value_start(text: &str, key: Span) -> Option<usize> {
    let mut at = key.end() + text.get(key.end()..)?.find(':')? + 1;
    loop {
        let rest = text.get(at..)?;
        at += rest.len() - rest.trim_start().len();
        if !text[at..].starts_with('#') {
            return Some(at);
        }
        at += text[at..].find('\n')?;
    }
}

/// Where the value of a message stands.
fn value_range(text: &str, item: &Item) -> Option<Range<usize>> {
    let start = value_start(text, item.message_key)?;
    if !text[start..].starts_with(['|', '>']) {
        return Some(item.message.start..item.message.end());
    }
    // A block of text ends where something stands that is not indented further than its key.
    let column = item.message_key.start - line_start(text, item.message_key.start);
    let header = text[start..].find('\n').map_or(text.len(), |at| start + at + 1);
    let (mut at, mut end) = (header, header);
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        KnownFailureChange::{Keep, Pin, Remove},
        *,
    };
    use crate::scenario::parse_known_failures;

    fn new(message: &str) -> NewKnownFailure {
        NewKnownFailure { rule: "OUT-001", scenario: "new@>=0.56".to_owned(), message: message.to_owned() }
    }

    fn rewritten(text: &str, changes: &[KnownFailureChange], more: &[NewKnownFailure]) -> String {
        rewrite_known_failures(Some(text), changes, more).unwrap_or_else(|_| {
            let attempt = Edited { text, changes, more, tidy: true }.attempt();
            panic!("{changes:?} in\n{text}\ngives\n{}", attempt.unwrap_or_default())
        })
    }

    const REST: &str = "reason: r\n    link: l\n    owner: o\n    expires: 2027-03-01\n";

    #[test]
    fn a_list_that_did_not_exist_says_what_it_is_for() {
        let text = rewrite_known_failures(None, &[], &[new("it\nbroke: \"so\"")]).unwrap();
        assert!(text.starts_with("# yaml-language-server: $schema="));
        assert!(
            text.ends_with(
                "\nknown_failures:\n  - rule: OUT-001\n    scenario: \"new@>=0.56\"\n    \
                 message: \"it\\nbroke: \\\"so\\\"\"\n    reason: TODO\n    link: TODO\n    owner: TODO\n    \
                 expires: TODO\n"
            ),
            "{text}"
        );
        let mistakes = parse_known_failures("k", text.as_bytes()).unwrap_err();
        assert!(mistakes.len() == 4 && mistakes.iter().all(|mistake| mistake.code == "not-filled-in"));
        let filled = text
            .replace("reason: TODO", "reason: r")
            .replace("link: TODO", "link: l")
            .replace("owner: TODO", "owner: o")
            .replace("expires: TODO", "expires: 2027-03-01");
        assert_eq!(parse_known_failures("k", filled.as_bytes()).unwrap().len(), 1);
        assert!(rewrite_known_failures(None, &[], &[]).unwrap().ends_with("\nknown_failures: []\n"));
    }

    #[test]
    fn what_is_written_by_hand_stays_as_it_was_written() {
        let text = format!(
            "# top\nknown_failures: # of us\n  # about a\n  - rule: OUT-001   # one\n    scenario: a\n    message: {{ contains: \"x\" }} # pinned\n    {REST}\n  # about b\n  -\n    scenario: 'b'\n    rule: \"OUT-002\"\n    message: |-\n      two\n      lines\n    {REST}    # still b\n  # about c\n  - {{ rule: OUT-003, scenario: c, message: m,\n      reason: r, link: l, owner: o, expires: 2027-03-01 }} # flow\n\n# bottom\n"
        );
        assert_eq!(rewritten(&text, &[Keep, Keep, Keep], &[]), text);
        let pinned = rewritten(&text, &[Pin("now".into()), Pin("is: #1".into()), Pin("so".into())], &[]);
        let expected = text
            .replace("{ contains: \"x\" }", "\"now\"")
            .replace("|-\n      two\n      lines\n", "\"is: #1\"\n")
            .replace("message: m,", "message: \"so\",");
        assert_eq!(pinned, expected);
        let without_b = rewritten(&text, &[Keep, Remove, Keep], &[]);
        let (begin, end) = (text.find("  -\n").unwrap(), text.find("  # about c").unwrap());
        assert_eq!(without_b, [&text[..begin], &text[end..]].concat());
        let without = rewritten(&text, &[Remove, Remove, Remove], &[]);
        assert_eq!(
            without,
            "# top\nknown_failures: [] # of us\n  # about a\n\n  # about b\n  # about c\n\n# bottom\n"
        );
        let more = rewritten(&text, &[Keep, Keep, Remove], &[new("m")]);
        assert!(
            more.contains("# about c\n  - rule: OUT-001\n") && more.ends_with("TODO\n\n# bottom\n"),
            "{more}"
        );
    }

    #[test]
    fn lists_in_brackets_are_changed_in_place() {
        let item = |id: &str| {
            format!(
                "{{ rule: OUT-001, scenario: {id}, message: m, reason: r, link: l, owner: o, expires: 2027-03-01 }}"
            )
        };
        let (a, b) = (item("a"), item("b"));
        let text = format!("known_failures: [ # all\n  {a}, # a\n  {b} # b\n]\n");
        assert_eq!(
            rewritten(&text, &[Remove, Keep], &[]),
            format!("known_failures: [ # all\n   # a\n  {b} # b\n]\n")
        );
        assert_eq!(
            rewritten(&text, &[Keep, Remove], &[]),
            format!("known_failures: [ # all\n  {a} # a\n   # b\n]\n")
        );
        assert!(rewritten(&text, &[Remove, Remove], &[new("m")]).starts_with("known_failures: [{ \"rule\""));
        assert!(
            rewritten(&text, &[Keep, Keep], &[new("m"), new("n")]).contains(&format!("{b}, {{ \"rule\""))
        );
        let json = format!("{{\"known_failures\": [{a},{b}]}}");
        assert_eq!(rewritten(&json, &[Keep, Remove], &[]), format!("{{\"known_failures\": [{a}]}}"));
        assert_eq!(rewritten(&json, &[Remove, Remove], &[]), "{\"known_failures\": []}");
        assert!(
            rewritten("known_failures: [] # none", &[], &[new("m")])
                .starts_with("known_failures: # none\n  - rule")
        );
    }

    #[test]
    fn what_would_change_something_else_is_refused() {
        let text = format!(
            "known_failures:\n  - rule: OUT-001\n    scenario: &s a\n    message: m\n    {REST}  - rule: OUT-002\n    scenario: *s\n    message: m\n    {REST}"
        );
        assert_eq!(rewrite_known_failures(Some(&text), &[Remove, Keep], &[]), Err(NotRewritten));
        assert!(rewrite_known_failures(Some(&text), &[Keep, Remove], &[]).is_ok());
    }

    /// An entry as somebody may have written it, and what stands before it.
    #[derive(Clone, Debug)]
    struct Written {
        before: Vec<u8>,
        order: Vec<&'static str>,
        style: u8,
        notes: Vec<bool>,
        inside: bool,
        behind: bool,
    }

    fn written() -> impl Strategy<Value = Written> {
        let order =
            Just(vec!["rule", "scenario", "message", "reason", "link", "owner", "expires"]).prop_shuffle();
        (
            prop::collection::vec(0..4u8, 0..3),
            order,
            any::<u8>(),
            prop::collection::vec(any::<bool>(), 7),
            any::<bool>(),
            any::<bool>(),
        )
            .prop_map(|(before, order, style, notes, inside, behind)| Written {
                before,
                order,
                style,
                notes,
                inside,
                behind,
            })
    }

    impl Written {
        /// The lines before it, and its own.
        fn lines(&self, at: usize, column: usize, comments: &mut u32) -> (Vec<String>, Vec<String>) {
            let mut comment = || {
                *comments += 1;
                format!("# comment {comments}.")
            };
            let pad = " ".repeat(column);
            let before = self.before.iter().map(|kind| match kind {
                0 => String::new(),
                1 => comment(),
                2 => format!("{pad}{}", comment()),
                _ => "  ".to_owned(),
            });
            let before = before.collect();
            let field = |name: &str| match name {
                "rule" => "OUT-001".to_owned(),
                "scenario" => format!("\"s{at}\""),
                "expires" => "2027-03-01".to_owned(),
                "reason" => ["'it''s known'", "it is known", "\"it # is\""][at % 3].to_owned(),
                other => other.to_owned(),
            };
            let mut lines = Vec::new();
            if self.style.is_multiple_of(4) {
                let fields = self.order.iter().map(|name| match *name {
                    "message" => format!("message: {{ contains: m{at} }}"),
                    name => format!("{name}: {}", field(name)),
                });
                let fields = fields.collect::<Vec<_>>();
                lines.push(format!("{pad}- {{ {},", fields[..3].join(", ")));
                lines.push(format!("{pad}    {} }} {}", fields[3..].join(", "), comment()));
                return (before, lines);
            }
            if self.style % 8 == 1 {
                lines.push(format!("{pad}- {}", comment()));
            }
            for (name, note) in self.order.iter().zip(&self.notes) {
                let indent = if lines.is_empty() { format!("{pad}- ") } else { format!("{pad}  ") };
                let note = if *note { format!(" {}", comment()) } else { String::new() };
                match (*name, self.style % 7) {
                    ("message", 0) => lines.push(format!("{indent}message: m{at} as it is{note}")),
                    ("message", 1) => lines.push(format!("{indent}message: 'm{at} ''as'' it # is'{note}")),
                    ("message", 2) => {
                        lines.push(format!("{indent}message: |-"));
                        lines.push(format!("{pad}    m{at}"));
                        lines.push(format!("{pad}    # not a comment"));
                    }
                    ("message", 3) => {
                        lines.push(format!("{indent}message:{note}"));
                        lines.push(format!("{pad}    contains: m{at}"));
                    }
                    ("message", 4) => {
                        lines.push(format!("{indent}message: m{at} in"));
                        lines.push(format!("{pad}    two lines{note}"));
                    }
                    ("message", 5) => lines.push(format!("{indent}\"message\" : \"m{at}\"{note}")),
                    ("message", _) => lines.push(format!("{indent}message: {{ matches: \"^m{at}\" }}{note}")),
                    (name, _) => lines.push(format!("{indent}{name}: {}{note}", field(name))),
                }
                if self.inside && *name == "owner" {
                    lines.push(format!("{pad}     {}", comment()));
                }
            }
            if self.behind {
                lines.push(format!("{pad}  {}", comment()));
            }
            (before, lines)
        }
    }

    fn change() -> impl Strategy<Value = KnownFailureChange> {
        prop_oneof![2 => Just(Keep), 1 => ".{0,12}".prop_map(Pin), 1 => Just(Remove)]
    }

    proptest! {
        #[test]
        fn nothing_else_changes(
            entries in prop::collection::vec((written(), change()), 1..6),
            column in prop::sample::select(vec![0usize, 2, 4]),
            more in prop::collection::vec(".{1,12}", 0..3),
            windows in any::<bool>(),
            ends in 0..3u8,
        ) {
            let mut comments = 0;
            let end = if windows { "\r\n" } else { "\n" };
            let mut lines = vec!["# comment 0.".to_owned(), "known_failures:".to_owned()];
            // The lines that have to stay, each with whether it belongs to an entry.
            let (mut kept, mut changes) = (Vec::new(), Vec::new());
            for (at, (entry, change)) in entries.iter().enumerate() {
                let (before, own) = entry.lines(at, column, &mut comments);
                kept.extend(before.iter().filter(|line| !line.trim().is_empty()).cloned());
                if *change == Keep {
                    kept.push(own.join(end));
                }
                lines.extend(before);
                lines.extend(own);
                changes.push(change.clone());
            }
            match ends {
                0 => {}
                1 => lines.push(String::new()),
                _ => lines.extend([String::new(), "# the last comment".to_owned(), String::new()]),
            }
            let text = lines.join(end);
            let more: Vec<_> = more.iter().map(|message| new(message)).collect();
            let edited = rewritten(&text, &changes, &more);

            let read = parse_unfilled_known_failures("k", edited.as_bytes()).unwrap();
            let scenarios: Vec<_> = read.iter().map(|entry| entry.scenario.clone()).collect();
            let expected = changes.iter().enumerate().filter(|(_, change)| **change != Remove);
            let expected: Vec<_> = expected
                .map(|(at, _)| format!("s{at}"))
                .chain(more.iter().map(|new| new.scenario.clone()))
                .collect();
            prop_assert_eq!(scenarios, expected);
            let mut from = 0;
            for piece in &kept {
                let found = edited[from..].find(piece.as_str());
                prop_assert!(found.is_some(), "{}\nis not in\n{}\nmade of\n{}", piece, edited, text);
                from += found.unwrap_or_default() + piece.len();
            }
            let again = vec![Keep; read.len()];
            prop_assert_eq!(rewritten(&edited, &again, &[]), edited);
        }

        #[test]
        fn no_text_makes_it_panic(text in "(known_failures:\n)?[-a-z0-9:?&*!|>'\"{}\\[\\],#~ \t\r\n\u{feff}é]{0,200}") {
            drop(rewrite_known_failures(Some(&text), &[Remove], &[new("m")]));
            let attempt = |changes: &[KnownFailureChange]| {
                drop(Edited { text: &text, changes, more: &[new("m")], tidy: true }.attempt());
            };
            attempt(&[]);
            attempt(&[Remove]);
        }
    }
}
