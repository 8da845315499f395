//! Where in a file of the plugin a finding stands.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::scenario::{Span, position};

/// The most characters of a line that are kept, and how many of them stand before the place where a line is longer.
const LONGEST: usize = 120;
const BEFORE: usize = 40;

/// A place in a file, with the line that it stands in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    /// The file, as the user knows it.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What stands in the line; of a long line what stands around the place.
    pub snippet: String,
}

impl Place {
    /// The place of a span in the text of a file.
    pub fn at(file: &str, text: &str, span: Span) -> Self {
        let (line, column) = position(text, span.start);
        let written = text.split('\n').nth(line - 1).unwrap_or_default();
        let written = written.trim_start_matches('\u{feff}').trim_end();
        Self { file: file.to_owned(), line, column, snippet: around(written, column) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// A line, or the part of a long one around a column.
fn around(line: &str, column: usize) -> String {
    let length = line.chars().count();
    if length <= LONGEST {
        return line.to_owned();
    }
    let from = column.saturating_sub(1 + BEFORE).min(length - LONGEST);
    let part: String = line.chars().skip(from).take(LONGEST).collect();
    let before = if from > 0 { "…" } else { "" };
    let behind = if from + LONGEST < length { "…" } else { "" };
    format!("{before}{part}{behind}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, start: usize) -> (usize, usize, String) {
        let place = Place::at("plugin.json", text, Span { start, len: 1 });
        (place.line, place.column, place.snippet)
    }

    #[test]
    fn a_place_counts_characters_and_shows_its_line() {
        let text = "{\r\n  \"é\": 1\r\n}";
        assert_eq!(at(text, text.find('1').unwrap()), (2, 8, "  \"é\": 1".to_owned()));
        assert_eq!(at(text, text.len()), (3, 2, "}".to_owned()));
        assert_eq!(at("", 0), (1, 1, String::new()));
        assert_eq!(Place::at("a/plugin.json", text, Span::default()).to_string(), "a/plugin.json:1:1");
    }

    #[test]
    fn of_a_long_line_only_the_part_around_the_place_is_shown() {
        let text = format!("{}!{}", "é".repeat(1000), "è".repeat(1000));
        let (line, column, snippet) = at(&text, 2000);
        assert_eq!((line, column), (1, 1001));
        assert!(snippet.starts_with('…') && snippet.ends_with('…') && snippet.contains("é!è"), "{snippet}");
        assert_eq!(snippet.chars().count(), LONGEST + 2);
        let (first, last) = (at(&text, 0).2, at(&text, text.len()).2);
        assert!(first.starts_with('é') && first.ends_with('…'), "{first}");
        assert!(last.starts_with('…') && last.ends_with('è'), "{last}");
        assert_eq!([first, last].map(|snippet| snippet.chars().count()), [LONGEST + 1; 2]);
    }
}
