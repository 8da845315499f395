//! JSON, with the place of everything in it. The only module that knows the parser.

use jsonc_parser::{CollectOptions, ParseOptions, ast, common::Range, parse_to_ast};

use crate::{
    json::without_place,
    scenario::{Span, char_start},
};

/// What JSON itself does not have is not taken.
const STRICT: ParseOptions = ParseOptions {
    allow_comments: false,
    allow_loose_object_property_names: false,
    allow_trailing_commas: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// A value and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) span: Span,
    pub(super) value: Value,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    Bool,
    Number,
    Text(String),
    List(Vec<Node>),
    /// In the order of the file, duplicates among them.
    Object(Vec<Member>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) key: String,
    pub(super) key_span: Span,
    pub(super) value: Node,
}

/// A text that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Malformed {
    /// Where reading came to an end.
    pub span: Span,
    /// What is wrong there.
    pub message: String,
}

/// Reads the one value of a text.
pub(super) fn read(text: &str) -> Result<Node, Malformed> {
    // This parser says what is JSON, and how deep it nests; the other one, where everything stands.
    serde_json::from_str::<serde_json::Value>(text).map_err(|error| malformed(text, &error))?;
    let parsed = parse_to_ast(text, &CollectOptions::default(), &STRICT)
        .map_err(|error| Malformed { span: span(error.range()), message: error.kind().to_string() })?;
    let nothing = || Malformed { span: Span::default(), message: "there is nothing in it".to_owned() };
    parsed.value.map(node).ok_or_else(nothing)
}

/// The place that an error tells as a line and a byte in it.
fn malformed(text: &str, error: &serde_json::Error) -> Malformed {
    let line = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum::<usize>();
    let start = char_start(text, line + error.column().saturating_sub(1));
    Malformed { span: Span { start, len: 0 }, message: without_place(error) }
}

fn node(value: ast::Value<'_>) -> Node {
    let (range, value) = match value {
        ast::Value::NullKeyword(null) => (null.range, Value::Null),
        ast::Value::BooleanLit(literal) => (literal.range, Value::Bool),
        ast::Value::NumberLit(number) => (number.range, Value::Number),
        ast::Value::StringLit(text) => (text.range, Value::Text(text.value.into_owned())),
        ast::Value::Array(list) => (list.range, Value::List(list.elements.into_iter().map(node).collect())),
        ast::Value::Object(object) => {
            (object.range, Value::Object(object.properties.into_iter().map(member).collect()))
        }
    };
    Node { span: span(range), value }
}

fn member(member: ast::ObjectProp<'_>) -> Member {
    let key_span = match &member.name {
        ast::ObjectPropName::String(key) => key.range,
        ast::ObjectPropName::Word(key) => key.range,
    };
    Member { key: member.name.into_string(), key_span: span(key_span), value: node(member.value) }
}

fn span(range: Range) -> Span {
    Span { start: range.start, len: range.end.saturating_sub(range.start) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str, span: Span) -> &str {
        &text[span.start..span.end()]
    }

    #[test]
    fn everything_has_its_place() {
        let text = "{\n  \"é\": [1, \"\\ud83d\\ude00é\", null, true],\n  \"é\": {}\n}";
        let Value::Object(members) = read(text).unwrap().value else { panic!("it is an object") };
        assert_eq!(members.len(), 2);
        assert_eq!(written(text, members[0].key_span), "\"é\"");
        assert_eq!(written(text, members[1].value.span), "{}");
        let Value::List(values) = &members[0].value.value else { panic!("it is a list") };
        assert_eq!(values[1].value, Value::Text("😀é".to_owned()));
        assert_eq!(written(text, values[1].span), "\"\\ud83d\\ude00é\"");
    }

    #[test]
    fn what_is_no_json_is_refused_where_it_is_none() {
        for (text, rest) in [
            ("{\n  oops\n}", "oops\n}"),
            ("{\"a\": 1,}", "}"),
            ("// no\n{}", "// no\n{}"),
            ("{'a': 1}", "'a': 1}"),
            ("{\"a\": 0x1}", "x1}"),
            ("{\"a\": .5}", ".5}"),
            ("{} {}", "{}"),
            ("\u{feff}{}", "\u{feff}{}"),
            ("{\"a\" 1}", "1}"),
            // The parser tells the last byte of the character.
            ("\"ʳ", "ʳ"),
        ] {
            let error = read(text).unwrap_err();
            assert_eq!(&text[error.span.start..], rest, "{error}");
            assert!(!error.message.contains(" at line "), "{error}");
        }
        for text in ["", "{", "{\"a\"", "\"\\ud800\"", "[1", &"[".repeat(100_000)] {
            assert!(read(text).unwrap_err().span.start <= text.len(), "{text:?}");
        }
    }
}
