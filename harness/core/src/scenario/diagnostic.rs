//! What is told about a file.

use std::{cell::OnceCell, collections::HashSet, fmt};

use serde::{Deserialize, Serialize};

/// A range of bytes in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// How many bytes.
    pub len: usize,
}

impl Span {
    pub(super) fn between(start: usize, end: usize) -> Self {
        Self { start, len: end.saturating_sub(start) }
    }

    /// The byte behind the last.
    pub fn end(self) -> usize {
        self.start + self.len
    }

    /// From the start of this to the end of `other`.
    pub(super) fn to(self, other: Self) -> Self {
        Self::between(self.start, other.end())
    }
}

/// One mistake in one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// The path, as it is shown.
    pub file: String,
    /// A stable word for the kind of mistake, such as `unknown-field`.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// Where; none where it is the file as a whole.
    pub span: Option<Span>,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// A few words to stand beside the place; may be empty.
    pub label: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// How many mistakes it stands for: one, but for the last of very many, which stands for those that are not shown.
    #[serde(skip)]
    pub stands_for: usize,
}

impl Diagnostic {
    /// About a place in the text of a file.
    pub fn at(file: &str, text: &str, code: &'static str, span: Span, message: impl Into<String>) -> Self {
        let (line, column) = position(text, span.start);
        Self { span: Some(span), line, column, ..Self::whole(file, code, message) }
    }

    /// About a file as a whole; also for one that cannot be read.
    pub fn whole(file: &str, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            code,
            message: message.into(),
            span: None,
            line: 1,
            column: 1,
            label: String::new(),
            help: None,
            stands_for: 1,
        }
    }

    /// With words to stand beside the place.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// With advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)
    }
}

impl std::error::Error for Diagnostic {}

/// The most mistakes that are told of one file.
const MAX_MISTAKES: usize = 100;

/// The mistakes of one file, as they are found.
pub(super) struct Report<'a> {
    file: &'a str,
    text: &'a str,
    /// Where lines end, once somebody asked for one.
    newlines: OnceCell<Vec<usize>>,
    found: Vec<Diagnostic>,
    /// Fields that were meant by keys that are none, each with the place of its map.
    meant: HashSet<(Span, &'static str)>,
}

impl<'a> Report<'a> {
    pub(super) fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, text, newlines: OnceCell::new(), found: Vec::new(), meant: HashSet::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// How many mistakes there are so far.
    pub(super) fn len(&self) -> usize {
        self.found.len()
    }

    pub(super) fn mistake(
        &mut self,
        code: &'static str,
        span: Span,
        message: impl Into<String>,
    ) -> Mistake<'_> {
        let diagnostic = Diagnostic { span: Some(span), ..Diagnostic::whole(self.file, code, message) };
        let at = self.found.len();
        self.found.push(diagnostic);
        Mistake(&mut self.found[at])
    }

    /// What was probably meant. Guessing is dear, so nothing is guessed for mistakes that nobody will see.
    pub(super) fn guess<'c>(
        &self,
        word: &str,
        candidates: impl IntoIterator<Item = &'c str>,
    ) -> Option<&'c str> {
        if self.found.len() < MAX_MISTAKES { nearest(word, candidates) } else { None }
    }

    /// Notes that a key of the map at this place was probably meant to be a field.
    pub(super) fn note_meant(&mut self, map: Span, field: &'static str) {
        self.meant.insert((map, field));
    }

    /// Whether a field of the map at this place was meant by a key that is none, so that it is not missing as well.
    pub(super) fn is_meant(&self, map: Span, field: &'static str) -> bool {
        self.meant.contains(&(map, field))
    }

    /// What is written at a place, up to the end of the line.
    pub(super) fn written(&self, span: Span) -> &'a str {
        let span = first_line(self.text, span);
        self.text.get(span.start..span.end()).unwrap_or_default()
    }

    pub(super) fn line(&self, span: Span) -> usize {
        let newlines =
            self.newlines.get_or_init(|| self.text.match_indices('\n').map(|(at, _)| at).collect());
        1 + newlines.partition_point(|at| *at < span.start)
    }

    /// Where something stands, told beside something else: by its line, or where that is the same, by its column.
    pub(super) fn place(&self, span: Span, beside: Span) -> String {
        match self.line(span) {
            line if line == self.line(beside) => {
                format!("in column {} of the same line", position(self.text, span.start).1)
            }
            line => format!("in line {line}"),
        }
    }

    /// All of them, in the order of their places.
    pub(super) fn finish(self) -> Vec<Diagnostic> {
        let Self { file, text, mut found, .. } = self;
        found.sort_by_key(|diagnostic| diagnostic.span.map(|span| span.start));
        // A mistake behind an alias is found wherever the alias stands.
        found.dedup();
        let more = found.len().saturating_sub(MAX_MISTAKES);
        found.truncate(MAX_MISTAKES);
        for diagnostic in &mut found {
            if let Some(span) = &mut diagnostic.span {
                *span = first_line(text, *span);
                (diagnostic.line, diagnostic.column) = position(text, span.start);
            }
        }
        if more > 0 {
            let message =
                format!("{more} more {} not shown", if more == 1 { "mistake is" } else { "mistakes are" });
            found.push(Diagnostic { stands_for: more, ..Diagnostic::whole(file, "more", message) });
        }
        found
    }
}

/// The mistake that was told last, to be told better.
pub(super) struct Mistake<'r>(&'r mut Diagnostic);

impl Mistake<'_> {
    pub(super) fn label(self, label: impl Into<String>) -> Self {
        self.0.label = label.into();
        self
    }

    pub(super) fn help(self, help: impl Into<String>) {
        self.0.help = Some(help.into());
    }
}

/// The part of a span that lies in its first line: whole blocks are not worth showing.
fn first_line(text: &str, span: Span) -> Span {
    let written = text.get(span.start..span.end()).unwrap_or_default();
    Span { len: written.lines().next().unwrap_or_default().trim_end().len(), ..span }
}

/// A word out of a file, fit to be shown in a line of text.
pub(super) fn shown(word: &str) -> String {
    let mut shown: String = word.chars().take(MAX_SHOWN).flat_map(char::escape_debug).collect();
    if word.chars().nth(MAX_SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

const MAX_SHOWN: usize = 60;

/// Where the character begins that a byte belongs to.
pub(crate) fn char_start(text: &str, byte: usize) -> usize {
    (0..=byte.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default()
}

/// Line and column of a byte, both from 1. A byte-order mark has no width.
pub(crate) fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = &text[..char_start(text, byte)];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = 1 + before.bytes().filter(|b| *b == b'\n').count();
    let column = 1 + before[line_start..].trim_start_matches('\u{feff}').chars().count();
    (line, column)
}

/// The candidate that somebody who wrote `word` probably meant.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > MAX_SHOWN {
        return None;
    }
    // Spelling differs in case and in the sign between words before it differs in letters.
    let plain = |word: &str| word.to_lowercase().replace(['-', ' '], "_");
    let word = plain(word);
    candidates
        .into_iter()
        .map(|candidate| (candidate, strsim::normalized_damerau_levenshtein(&word, &plain(candidate))))
        .filter(|(_, likeness)| *likeness >= 0.6)
        // Of equals the first.
        .reduce(|best, other| if other.1 > best.1 { other } else { best })
        .map(|(candidate, _)| candidate)
}
