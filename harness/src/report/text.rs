//! Text of others, made fit to be shown: it comes out of files, plugins and traces, and may hold anything.

use std::{borrow::Cow, fmt::Write as _};

use serde::Serialize;

/// A text as one line that cannot speak to a terminal: control characters, and those that turn the direction of
/// writing, are shown by their codes.
pub fn plain(text: &str) -> Cow<'_, str> {
    if are_all(text, is_printable) || !text.chars().any(is_unfit) {
        return Cow::Borrowed(text);
    }
    let shown = text.chars().fold(String::with_capacity(text.len() + 8), |mut shown, c| {
        match c {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            c if is_unfit(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
        shown
    });
    Cow::Owned(shown)
}

/// The first characters of a text, so many at most, and a sign that there are more, where there are.
pub fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// JSON of the same value in which no character does something to who looks at it. They stand in texts alone, but for the ends
/// of lines between values.
pub fn plain_json(json: String) -> String {
    let is_unfit = |c: char| c != '\n' && is_unfit(c);
    if are_all(&json, |byte| is_printable(byte) || byte == b'\n') || !json.chars().any(is_unfit) {
        return json;
    }
    json.chars().fold(String::with_capacity(json.len() + 8), |mut shown, c| {
        if is_unfit(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(c);
        }
        shown
    })
}

/// The same of a value, indented, with the end of its last line.
pub fn pretty_json(value: &impl Serialize) -> String {
    plain_json(serde_json::to_string_pretty(value).expect("plain data")) + "\n"
}

/// Whether a byte is a printable character of ASCII, none of which is unfit. Most texts have no others.
pub(super) fn is_printable(byte: u8) -> bool {
    matches!(byte, b' '..=b'~')
}

/// Whether all bytes of a text are such. It looks at each of them, whatever was before, so that many are looked at in one step.
pub(super) fn are_all(text: &str, is_such: impl Fn(u8) -> bool) -> bool {
    text.bytes().fold(true, |all, byte| all & is_such(byte))
}

/// Whether a character does something to a terminal, or to the text around it, instead of being seen.
pub(super) fn is_unfit(c: char) -> bool {
    let turns = matches!(c, '\u{feff}' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    // No XML may hold these.
    let is_no_character = matches!(c, '\u{fdd0}'..='\u{fdef}') || u32::from(c) & 0xfffe == 0xfffe;
    c.is_control() || turns || is_no_character || matches!(c, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_is_shown_is_one_line_without_effects() {
        assert!(matches!(plain("größe ${a.b} → ok"), Cow::Borrowed("größe ${a.b} → ok")));
        assert_eq!(plain("two\nlines\t\x1b[31m"), r"two\nlines\t\u{1b}[31m");
        assert_eq!(plain("\u{fffe}\u{10ffff}\u{fffd}"), "\\u{fffe}\\u{10ffff}\u{fffd}");
        assert_eq!(plain("\u{9b}31m\u{202e}\u{2028}"), r"\u{9b}31m\u{202e}\u{2028}");
    }

    proptest! {
        #[test]
        fn what_is_printable_throughout_is_told_by_its_bytes(
            text in "[ -~]{0,80}", other in any::<char>(), ascii in 0..=127u8, at in any::<prop::sample::Index>()
        ) {
            prop_assert!(are_all(&text, is_printable) && !text.chars().any(is_unfit));
            for other in [other, char::from(ascii)] {
                let mut text = text.clone();
                text.insert(at.index(text.len() + 1), other);
                prop_assert_eq!(are_all(&text, is_printable), matches!(other, ' '..='~'), "{:?}", other);
            }
        }

        #[test]
        fn plain_json_is_of_the_same_value_and_has_no_effect(text: String) {
            let value = json!({ "key": format!("{text}\u{7f}\u{9b}\u{202e}\u{10ffff}") });
            let shown = plain_json(serde_json::to_string_pretty(&value).expect("plain data"));
            prop_assert!(!shown.chars().any(|c| c != '\n' && is_unfit(c)), "{}", shown);
            prop_assert_eq!(serde_json::from_str::<Value>(&shown).expect("it is JSON"), value);
        }
    }
}
