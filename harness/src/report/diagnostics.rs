//! Mistakes in files, shown with the lines that they stand in.

use std::{fmt, sync::Arc};

use counterfoil_core::scenario::{Diagnostic, Span};
use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, SourceCode,
    SourceSpan, SpanContents,
};

use super::{
    layout::Layout,
    text::{is_unfit, plain},
};

/// Diagnostics are this wide where their layout does not say.
const WIDTH: usize = 80;

/// The longest line, in characters, that is shown whole. Files of a single line exist.
const WHOLE: usize = 120;

/// Characters of a longer one that are shown before a mistake; from its start on, the rest of [`WHOLE`].
const BEFORE: usize = 50;

/// Renders diagnostics one after the other. `sources` has the text of each file by its name.
pub fn render(
    diagnostics: &[Diagnostic],
    sources: &[(String, Arc<str>)],
    layout: Layout,
    color: bool,
) -> String {
    let handler = handler(layout, color);
    let mut out = String::new();
    for diagnostic in diagnostics {
        let text = sources.iter().find(|(file, _)| *file == diagnostic.file).map(|(_, text)| &**text);
        // Writing into a string cannot fail.
        let _ = handler.render_report(&mut out, &Shown::new(diagnostic, text));
        out.push('\n');
    }
    out
}

/// Renders what somebody else's reader says of a file.
pub fn render_report(report: &dyn miette::Diagnostic, layout: Layout, color: bool) -> String {
    let mut out = String::new();
    let _ = handler(layout, color).render_report(&mut out, report);
    out
}

fn handler(layout: Layout, color: bool) -> GraphicalReportHandler {
    let theme = if color { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    GraphicalReportHandler::new_themed(theme)
        .with_width(layout.for_reading().columns().unwrap_or(WIDTH))
        .with_break_words(false)
        .with_links(false)
}

/// A diagnostic in the form that miette shows.
#[derive(Debug)]
struct Shown<'a> {
    diagnostic: &'a Diagnostic,
    excerpt: Option<Excerpt>,
}

impl<'a> Shown<'a> {
    fn new(diagnostic: &'a Diagnostic, text: Option<&str>) -> Self {
        let place = diagnostic.span.zip(text);
        Self { diagnostic, excerpt: place.map(|(span, text)| Excerpt::new(diagnostic, span, text)) }
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = plain(&self.diagnostic.message);
        if self.excerpt.is_some() {
            f.write_str(&message)
        } else {
            write!(f, "{}: {message}", plain(&self.diagnostic.file))
        }
    }
}

impl std::error::Error for Shown<'_> {}

impl miette::Diagnostic for Shown<'_> {
    fn code<'c>(&'c self) -> Option<Box<dyn fmt::Display + 'c>> {
        Some(Box::new(self.diagnostic.code))
    }

    fn help<'h>(&'h self) -> Option<Box<dyn fmt::Display + 'h>> {
        self.diagnostic.help.as_ref().map(|help| Box::new(plain(help)) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.excerpt.as_ref().map(|excerpt| excerpt as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.excerpt.as_ref()?.span;
        let label = (!self.diagnostic.label.is_empty()).then(|| plain(&self.diagnostic.label).into_owned());
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(label, span))))
    }
}

/// The line of a mistake and its neighbours, cut to what fits on a screen.
#[derive(Debug)]
struct Excerpt {
    file: String,
    text: String,
    /// The mistake, in `text`.
    span: SourceSpan,
    /// The line of the file with which `text` begins, from 0.
    first: usize,
    /// Line and column of the mistake in its file, from 0.
    place: (usize, usize),
}

impl Excerpt {
    fn new(diagnostic: &Diagnostic, span: Span, source: &str) -> Self {
        let start = boundary(source, span.start);
        let line = source[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let end = source[start..].find('\n').map_or(source.len(), |newline| start + newline);
        let marked = boundary(source, span.end().clamp(start, end));

        let is_whole = source[line..end].chars().nth(WHOLE).is_none();
        let (before, behind) = if is_whole { (WHOLE, WHOLE) } else { (BEFORE, WHOLE - BEFORE) };

        let mut text = String::new();
        let above = source[..line].strip_suffix('\n').and_then(|above| above.rsplit('\n').next());
        if let Some(above) = above {
            push(&mut text, above, WHOLE);
            text.push('\n');
        }
        let from =
            source[line..start].char_indices().rev().take(before).last().map_or(start, |(at, _)| line + at);
        if from > line {
            text.push('…');
        }
        push(&mut text, &source[from..start], before);
        let at = text.len();
        push(&mut text, &source[start..marked], behind);
        let len = text.len() - at;
        let left = behind.saturating_sub(source[start..marked].chars().take(behind).count());
        if left > 0 {
            push(&mut text, &source[marked..end], left);
        }
        if let Some(below) = source[end..].strip_prefix('\n') {
            text.push('\n');
            push(&mut text, below.split('\n').next().unwrap_or_default(), WHOLE);
        }
        Self {
            file: plain(&diagnostic.file).into_owned(),
            text,
            span: (at, len).into(),
            first: diagnostic.line.saturating_sub(1 + usize::from(above.is_some())),
            place: (diagnostic.line.saturating_sub(1), diagnostic.column.saturating_sub(1)),
        }
    }
}

/// The last boundary between characters up to a byte.
fn boundary(text: &str, byte: usize) -> usize {
    (0..=byte.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// Appends a part of a line: at most so many characters, and none that a terminal would obey.
fn push(text: &mut String, line: &str, most: usize) {
    let line = line.strip_suffix('\r').unwrap_or(line);
    let mut chars = line.chars();
    text.extend(chars.by_ref().take(most).map(|c| if is_unfit(c) && c != '\t' { '\u{fffd}' } else { c }));
    if chars.next().is_some() {
        text.push('…');
    }
}

impl SourceCode for Excerpt {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let lines = self.text.read_span(span, before, after)?;
        // Without lines around it, the place is asked for: a column counts characters of the file, not bytes of this.
        let (line, column) =
            if before == 0 { self.place } else { (self.first + lines.line(), lines.column()) };
        let (data, span, count) = (lines.data(), *lines.span(), lines.line_count());
        Ok(Box::new(MietteSpanContents::new_named(self.file.clone(), data, span, line, column, count)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, start: usize, len: usize) -> String {
        let diagnostic = Diagnostic::at("a.yaml", text, "code", Span { start, len }, "no good").label("here");
        render(&[diagnostic], &[("a.yaml".to_owned(), text.into())], Layout::ENDLESS, false)
    }

    #[test]
    fn a_long_line_is_cut_around_the_mistake() {
        let text = format!(
            "first\n{}é: wrong{}\nlast {}\n",
            "x".repeat(100_000),
            "y".repeat(100_000),
            "z".repeat(200)
        );
        let shown = shown(&text, 6 + 100_000 + 4, 5);
        assert!(shown.contains("[a.yaml:2:100004]"), "{shown}");
        assert!(
            shown.contains("│ …xxx") && shown.contains("é: wrongyyy") && shown.contains("y…\n"),
            "{shown}"
        );
        assert!(
            shown.contains("1 │ first\n") && shown.contains("3 │ last zzz") && shown.contains("z…\n"),
            "{shown}"
        );
        assert!(shown.len() < 2000, "{shown}");
    }

    #[test]
    fn a_mistake_that_is_a_whole_long_line_is_cut_too() {
        let shown = shown(&"é".repeat(100_000), 0, 200_000);
        assert!(shown.contains("é…\n") && shown.len() < 1500, "{shown}");
    }

    #[test]
    fn what_a_terminal_would_obey_is_not_shown() {
        let shown = shown("a: \x1b[31m\u{202e}\r\nb: \u{9b}\r\n\tc: d\r\n", 12, 1);
        assert!(shown.contains("1 │ a: \u{fffd}[31m\u{fffd}\n"), "{shown}");
        assert!(!shown.chars().any(|c| c != '\n' && is_unfit(c)), "{shown:?}");
    }

    #[test]
    fn a_mistake_at_the_end_of_the_file_is_shown() {
        for text in ["", "a: b", "a: b\n", "a: é"] {
            assert!(shown(text, text.len(), 0).contains("a.yaml"), "{text:?}");
        }
    }
}
