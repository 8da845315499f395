//! How wide a report is, and where its lines are broken.
//!
//! On a terminal, lines are broken at blanks, and the rest of a line hangs below its own text. Everywhere else, in a
//! file or a pipe, no line is broken: what reads them one by one, grep for instance, finds whole statements. `COLUMNS`
//! decides over both. A word that is wider than the terminal stays whole, and so does what is made to be copied: paths
//! and commands.

use std::{env, fmt, io::IsTerminal, os::fd::AsFd};

use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm, core::display_width};

/// The width of a terminal that does not tell its own.
const USUAL: usize = 80;

/// No terminal counts as narrower: its lines would hold a word each.
const NARROWEST: usize = 40;

/// Below this width, margins are small and columns close to each other.
const NARROW: usize = 60;

/// What the last column of a table needs, so as not to be a heap of single words.
const LAST_COLUMN: usize = 36;

/// Takes the place of a blank at which a line is not broken.
pub(super) const KEPT_BLANK: char = '\u{a0}';

/// The width that a report is laid out for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    columns: Option<usize>,
}

impl Layout {
    /// Lines of any length.
    pub const ENDLESS: Self = Self { columns: None };

    /// Lines of so many columns, or of 40 where that is more.
    pub fn of(columns: usize) -> Self {
        Self { columns: Some(columns.max(NARROWEST)) }
    }

    /// The layout for what is written to a stream: as wide as `COLUMNS` says, or as the terminal is; endless where
    /// the stream is no terminal.
    pub fn on(stream: &(impl AsFd + IsTerminal)) -> Self {
        let told = env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).filter(|told| *told > 0);
        if let Some(columns) = told {
            return Self::of(columns);
        }
        if !stream.is_terminal() {
            return Self::ENDLESS;
        }
        let size = terminal_size::terminal_size_of(stream);
        Self::of(size.map_or(USUAL, |(width, _)| width.0.into()))
    }

    /// The columns, where there is an end to them.
    pub fn columns(self) -> Option<usize> {
        self.columns
    }

    /// The same for a text that is read through, which takes lines that are not all too long.
    #[must_use]
    pub fn for_reading(self) -> Self {
        Self { columns: self.columns.map(|columns| columns.min(110)) }
    }

    /// Whether there is little room.
    pub(super) fn is_narrow(self) -> bool {
        self.columns.is_some_and(|columns| columns < NARROW)
    }

    /// The columns between here and the end of the line.
    pub(super) fn left_after(self, column: usize) -> usize {
        self.columns.map_or(usize::MAX, |columns| columns.saturating_sub(column))
    }
}

/// The columns that a text takes; escape sequences take none, wide characters two.
pub(super) fn width(text: &str) -> usize {
    display_width(text)
}

/// A text, filled up with blanks to a number of columns.
pub(super) fn pad(text: &str, to: usize) -> String {
    format!("{text}{}", " ".repeat(to.saturating_sub(width(text))))
}

/// Marks a part of a line that is not broken, because it is to be copied or makes sense only as a whole.
pub(super) fn keep(text: impl fmt::Display) -> String {
    text.to_string().replace(' ', &KEPT_BLANK.to_string())
}

/// A text that is laid out line by line.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// Its width.
    pub(super) layout: Layout,
    text: String,
}

impl Page {
    pub(super) fn new(layout: Layout) -> Self {
        Self { layout, text: String::new() }
    }

    /// Takes what has been laid out.
    pub(super) fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    /// An empty line.
    pub(super) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// A line that is not broken.
    pub(super) fn line(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// A text behind a margin; where it is broken, it goes on behind so many blanks.
    pub(super) fn wrapped(&mut self, margin: &str, hang: usize, text: &str) {
        let hang = " ".repeat(hang);
        let lines = match self.layout.columns {
            None => format!("{margin}{text}"),
            Some(columns) => {
                let options = Options::new(columns)
                    .initial_indent(margin)
                    .subsequent_indent(&hang)
                    .break_words(false)
                    .word_separator(WordSeparator::AsciiSpace)
                    .word_splitter(WordSplitter::NoHyphenation)
                    .wrap_algorithm(WrapAlgorithm::FirstFit);
                textwrap::fill(text, options)
            }
        };
        self.styled_by_line(&lines.replace(KEPT_BLANK, " "), &hang);
    }

    /// Appends lines, each with its own styles: a pager shows them one by one.
    fn styled_by_line(&mut self, lines: &str, hang: &str) {
        let mut open = String::new();
        for (at, line) in lines.split('\n').enumerate() {
            if at > 0 && !open.is_empty() {
                self.text.extend([hang, &open, line.strip_prefix(hang).unwrap_or(line)]);
            } else {
                self.text.push_str(line);
            }
            for (start, _) in line.match_indices('\u{1b}') {
                let Some(len) = line[start..].find('m') else { continue };
                match &line[start..=start + len] {
                    "\u{1b}[0m" => open.clear(),
                    style => open.push_str(style),
                }
            }
            self.text.push_str(if open.is_empty() { "\n" } else { "\u{1b}[0m\n" });
        }
    }

    /// A row of a table: cells, each with the width of its column, and a text. Where there is too little room for
    /// the text beside the cells, it stands below them.
    pub(super) fn row(&mut self, margin: &str, cells: &[(&str, usize)], text: &str) {
        let padded: String = cells.iter().map(|(cell, width)| pad(cell, *width) + "  ").collect();
        let (outer, inner) = (width(margin), width(margin) + width(&padded));
        if self.layout.left_after(inner) >= LAST_COLUMN {
            self.wrapped(&format!("{margin}{padded}"), inner, text);
        } else {
            // The last cell has nothing beside it to be told from.
            let padded = if self.layout.left_after(inner) == 0 {
                cells.iter().map(|(cell, _)| *cell).collect::<Vec<_>>().join("  ")
            } else {
                padded.trim_end().to_owned()
            };
            self.wrapped(margin, outer + 4, &padded);
            self.wrapped(&" ".repeat(outer + 4), outer + 4, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use anstyle::{AnsiColor, Style};

    use super::*;

    fn wrapped(columns: usize, margin: &str, hang: usize, text: &str) -> String {
        let mut page = Page::new(Layout { columns: Some(columns) });
        page.wrapped(margin, hang, text);
        page.take()
    }

    #[test]
    fn lines_are_broken_at_blanks_and_hang() {
        assert_eq!(wrapped(12, "  a  ", 5, "one two three"), "  a  one two\n     three\n");
        assert_eq!(wrapped(12, "", 2, "one-two-three-four and"), "one-two-three-four\n  and\n");
        assert_eq!(wrapped(12, "", 2, "größe 幅幅 幅 x"), "größe 幅幅\n  幅 x\n");
    }

    #[test]
    fn what_is_kept_is_not_broken() {
        let command = keep("counterfoil run --filter 'a b'");
        assert_eq!(
            wrapped(20, "", 2, &format!("again  {command}")),
            "again\n  counterfoil run --filter 'a b'\n"
        );
    }

    #[test]
    fn nothing_is_broken_without_an_end() {
        let mut page = Page::new(Layout::ENDLESS);
        let text = "word ".repeat(100);
        page.wrapped("  ", 4, &keep(&text));
        assert_eq!(page.take(), format!("  {text}\n"));
    }

    #[test]
    fn styles_end_with_their_line_and_go_on_in_the_next() {
        let (dim, red) = (Style::new().dimmed(), AnsiColor::Red.on_default().bold());
        let shown = wrapped(12, "", 2, &format!("{red}x{red:#} {dim}one two three{dim:#} end"));
        assert_eq!(shown, format!("{red}x{red:#} {dim}one two{dim:#}\n  {dim}three{dim:#} end\n"));
    }

    #[test]
    fn a_row_is_as_wide_as_its_layout_lets_it_be() {
        let row = |columns| {
            let mut page = Page::new(Layout { columns });
            page.row("  ", &[("幅", 4), ("b", 20)], "a text of several words that goes on");
            page.take()
        };
        assert_eq!(row(None), "  幅    b                     a text of several words that goes on\n");
        assert_eq!(row(Some(40)), "  幅    b\n      a text of several words that goes\n      on\n");
    }

    #[test]
    fn a_terminal_is_never_too_narrow_for_words() {
        assert_eq!(Layout::of(1), Layout::of(NARROWEST));
        assert_eq!(Layout::of(200).for_reading().columns(), Some(110));
    }
}
