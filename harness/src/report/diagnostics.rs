//! Mistakes in files, shown with the lines that they stand in.

use std::{fmt, sync::Arc};

use counterfoil_core::scenario::{Diagnostic, Span};
use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, SourceCode,
    SourceSpan, SpanContents,
};

use textwrap::{WordSeparator, WordSplitter};

use super::{
    layout::{KEPT_BLANK, Layout, keep, width},
    text::{is_unfit, plain},
};

/// Diagnostics are this wide where their layout does not say.
const WIDTH: usize = 80;

/// The longest line, in columns, that is shown whole where the layout has room for it. Files of a single line exist.
const WHOLE: usize = 120;

/// A tab, as it is shown.
const TAB: &str = "    ";

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
        let _ = handler.render_report(&mut out, &Shown::new(diagnostic, text, layout));
        out.push('\n');
    }
    out.replace(KEPT_BLANK, " ")
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
        .with_word_separator(WordSeparator::AsciiSpace)
        .with_word_splitter(WordSplitter::NoHyphenation)
        .with_links(false)
}

/// A diagnostic in the form that miette shows.
#[derive(Debug)]
struct Shown<'a> {
    diagnostic: &'a Diagnostic,
    excerpt: Option<Excerpt>,
    /// The words that stand beside the place.
    label: Option<String>,
    /// Those and advice, where there is no room for them.
    help: Option<String>,
}

impl<'a> Shown<'a> {
    fn new(diagnostic: &'a Diagnostic, text: Option<&str>, layout: Layout) -> Self {
        let label = Some(plain(&diagnostic.label)).filter(|label| !label.is_empty());
        let help = diagnostic.help.as_deref().map(plain);
        let Some((span, text)) = diagnostic.span.zip(text) else {
            return Self { diagnostic, excerpt: None, label: None, help: help.map(|help| quoted(&help)) };
        };
        // Beside the lines stand their numbers.
        let gutter = (diagnostic.line + 1).to_string().len() + " │ ".len();
        let room = layout.for_reading().columns().map_or(WHOLE, |columns| columns.saturating_sub(gutter));
        // The words hang below the middle of the place.
        let beside = label.as_deref().map_or(0, |label| width(label) + "╰── ".chars().count() + 1);
        let (beside, label, help) = if beside + 2 < room {
            (beside, label, help)
        } else {
            let all = [label, help].into_iter().flatten().collect::<Vec<_>>();
            (0, None, (!all.is_empty()).then(|| all.join("; ").into()))
        };
        Self {
            diagnostic,
            excerpt: Some(Excerpt::new(diagnostic, span, text, room.min(WHOLE), beside)),
            label: label.map(Into::into),
            help: help.map(|help| quoted(&help)),
        }
    }
}

/// A text in which nothing is broken that stands between backticks, unless it is long.
fn quoted(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    let last = parts.len() - 1;
    let kept = parts.iter().enumerate().map(|(at, part)| {
        if at % 2 == 1 && at < last && part.len() < 30 { keep(part) } else { (*part).to_owned() }
    });
    kept.collect::<Vec<_>>().join("`")
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = quoted(&plain(&self.diagnostic.message));
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
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.excerpt.as_ref().map(|excerpt| excerpt as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.excerpt.as_ref()?.span;
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(self.label.clone(), span))))
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
    /// Lines of at most so many columns. Words of the width `beside` have room to hang below the place.
    fn new(diagnostic: &Diagnostic, span: Span, source: &str, room: usize, beside: usize) -> Self {
        let start = boundary(source, span.start);
        let line = source[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let end = source[start..].find('\n').map_or(source.len(), |newline| start + newline);
        let marked = boundary(source, span.end().clamp(start, end));

        let mut text = String::new();
        let above = source[..line].strip_suffix('\n').and_then(|above| above.rsplit('\n').next());
        if let Some(above) = above {
            push(&mut text, above, room);
            text.push('\n');
        }
        // What is marked comes first, then what is before it; what is behind it takes the rest.
        let wanted = fit(source[start..marked].chars(), room).1;
        let is_whole = fit(source[line..end].chars(), room).0 == end - line;
        let most = room.saturating_sub(beside + wanted / 2);
        let most = if is_whole { most } else { most.min(room.saturating_sub(wanted)).min(room * 2 / 5) };
        let (bytes, mut column) = fit(source[line..start].chars().rev(), most);
        let mut from = start - bytes;
        if from > line {
            // The sign of what was left out takes a column too.
            (from, column) = {
                let (bytes, columns) = fit(source[line..start].chars().rev(), most.saturating_sub(1));
                (start - bytes, columns + 1)
            };
            text.push('…');
        }
        push(&mut text, &source[from..start], room);
        let at = text.len();
        push(&mut text, &source[start..marked], room - column);
        let len = text.len() - at;
        if wanted + column < room || marked == end {
            push(&mut text, &source[marked..end], room.saturating_sub(column + wanted));
        }
        if let Some(below) = source[end..].strip_prefix('\n') {
            text.push('\n');
            push(&mut text, below.split('\n').next().unwrap_or_default(), room);
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

/// Appends a part of a line: at most so many columns, and nothing that a terminal would obey.
fn push(text: &mut String, line: &str, most: usize) {
    let line = line.strip_suffix('\r').unwrap_or(line);
    let (bytes, _) = fit(line.chars(), most);
    if bytes == line.len() {
        text.extend(line.chars().map(shown));
    } else {
        let (bytes, _) = fit(line.chars(), most.saturating_sub(1));
        text.extend(line[..bytes].chars().map(shown));
        text.push('…');
    }
}

/// How many bytes of these characters so many columns can hold, and how many columns those take.
fn fit(chars: impl Iterator<Item = char>, most: usize) -> (usize, usize) {
    let (mut bytes, mut columns) = (0, 0);
    for c in chars {
        let wide = width(&shown(c));
        if columns + wide > most {
            break;
        }
        (bytes, columns) = (bytes + c.len_utf8(), columns + wide);
    }
    (bytes, columns)
}

/// A character as it is shown.
fn shown(c: char) -> String {
    match c {
        '\t' => TAB.to_owned(),
        c if is_unfit(c) => '\u{fffd}'.to_string(),
        c => c.to_string(),
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
    fn a_snippet_fits_its_terminal_and_its_mark_stands_below_the_place() {
        let text = "- { inject: dispatch-error, action: db, code: resource_exhausted, message: quota, wrong: 幅, x: y }";
        for (at, word) in [
            (4, "inject"),
            (36, "db"),
            (82, "wrong"),
            (text.find("幅").unwrap(), "幅"),
            (text.len() - 6, "x"),
        ] {
            for columns in [40, 50, 80, 110] {
                let span = Span { start: at, len: word.len() };
                let mistake = Diagnostic::at("a.yaml", text, "code", span, "no good").label("not this one");
                let sources = [("a.yaml".to_owned(), Arc::from(text))];
                let shown = render(&[mistake], &sources, Layout::of(columns), false);
                let lines: Vec<&str> = shown.lines().collect();
                assert!(lines.iter().all(|line| width(line) <= columns), "{columns}\n{shown}");
                let line = lines.iter().position(|line| line.starts_with(" 1 │")).unwrap();
                let place = width(&lines[line][..lines[line].rfind(word).unwrap()]);
                let mark = lines[line + 1];
                let marked = mark.find(['─', '┬']).map(|at| width(&mark[..at]));
                assert_eq!(marked, Some(place), "{columns}\n{shown}");
                assert!(shown.contains("╰── not this one"), "{shown}");
            }
        }
    }

    #[test]
    fn words_without_room_beside_the_place_are_advice_and_what_is_quoted_stays_whole() {
        let mistake = Diagnostic::at("a.yaml", "id: A", "code", Span { start: 4, len: 1 }, "no good")
            .label("lower-case letters, digits and `-`, not `-` first")
            .help("start it with `counterfoil run` or with a-word-with-hyphens");
        let shown = render(&[mistake], &[("a.yaml".to_owned(), "id: A".into())], Layout::of(40), false);
        assert!(shown.contains("help: lower-case letters, digits"), "{shown}");
        assert!(shown.contains("`counterfoil run`") && shown.contains("a-word-with-hyphens"), "{shown}");
        assert!(shown.lines().all(|line| width(line) <= 40), "{shown}");
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
