//! Texts of others in HTML and in Markdown.

use std::fmt::Write as _;

use super::text::plain;

/// The longest text of others, in characters.
const LONGEST: usize = 600;

/// A text of others of which neither HTML nor Markdown makes anything, in a cell of a table too.
pub(crate) fn html(text: &str) -> String {
    let text = plain(text);
    let mut shown = String::with_capacity(text.len());
    for (at, c) in text.chars().enumerate() {
        if at == LONGEST {
            shown.push('…');
            break;
        }
        match c {
            '&' | '<' | '>' | '"' | '\'' | '|' | '`' | '*' | '_' | '~' | '[' | ']' | '!' | '\\' | '#'
            | '$' | '@' | ':' | '(' | ')' => {
                let _ = write!(shown, "&#{};", u32::from(c));
            }
            c => shown.push(c),
        }
    }
    shown
}

/// The same, as code.
pub(crate) fn code(text: &str) -> String {
    format!("<code>{}</code>", html(text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nothing_is_made_of_a_text(text in any::<String>()) {
            let shown = html(&text);
            prop_assert!(!shown.contains(['<', '>', '|', '`', '\n', '[', '@', '*']));
            prop_assert!(shown.chars().all(|c| !c.is_control()));
        }
    }
}
