//! How Go prints values and quotes text: what the engine puts into configs and messages.

use std::fmt::Write as _;

use serde_json::Value;

/// Go's `%v` of the value that `encoding/json` reads: numbers are 64-bit floats, keys come sorted
/// (E-131, E-132).
///
/// Recurses: fit for what [`build`](crate::json::JsonMap::build) builds.
pub(crate) fn format(value: &Value) -> String {
    let mut text = String::new();
    push(&mut text, value);
    text
}

fn push(text: &mut String, value: &Value) {
    match value {
        Value::Null => text.push_str("<nil>"),
        Value::Bool(true) => text.push_str("true"),
        Value::Bool(false) => text.push_str("false"),
        Value::Number(number) => match number.as_f64() {
            Some(float) => push_float(text, float),
            None => text.push_str(number.as_str()),
        },
        Value::String(string) => text.push_str(string),
        Value::Array(items) => {
            text.push('[');
            for (place, item) in items.iter().enumerate() {
                text.push_str(if place > 0 { " " } else { "" });
                push(text, item);
            }
            text.push(']');
        }
        Value::Object(map) => {
            let mut members: Vec<_> = map.iter().collect();
            members.sort_unstable_by_key(|(key, _)| *key);
            text.push_str("map[");
            for (place, (key, member)) in members.into_iter().enumerate() {
                text.push_str(if place > 0 { " " } else { "" });
                text.extend([key, ":"]);
                push(text, member);
            }
            text.push(']');
        }
    }
}

/// The shortest digits that read back as the same float; with an exponent, of two digits at least, where the
/// decimal exponent is below -4 or above 5.
fn push_float(text: &mut String, float: f64) {
    let scientific = shortest(float);
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    // Writing to a string never fails.
    let _ = match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..6).contains(&exponent) => {
            write!(text, "{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.unsigned_abs())
        }
        _ => write!(text, "{float}"),
    };
}

/// Where two texts of the shortest length are equally near, Rust takes the upper one and Go the even one, as
/// rounding to that many digits does.
fn shortest(float: f64) -> String {
    let upper = format!("{float:e}");
    let digits =
        upper.split('e').next().map_or(0, |digits| digits.bytes().filter(u8::is_ascii_digit).count());
    let even = format!("{float:.*e}", digits.saturating_sub(1));
    if even.parse() == Ok(float) { even } else { upper }
}

/// Go's `%q` of a string.
pub(crate) fn quote(string: &str) -> String {
    let mut text = String::with_capacity(string.len() + 2);
    text.push('"');
    for character in string.chars() {
        let _ = match character {
            '"' | '\\' => write!(text, "\\{character}"),
            '\u{7}' => text.write_str("\\a"),
            '\u{8}' => text.write_str("\\b"),
            '\u{c}' => text.write_str("\\f"),
            '\n' => text.write_str("\\n"),
            '\r' => text.write_str("\\r"),
            '\t' => text.write_str("\\t"),
            '\u{b}' => text.write_str("\\v"),
            _ if is_printable(character) => text.write_char(character),
            '\0'..='\u{7f}' => write!(text, "\\x{:02x}", u32::from(character)),
            '\u{80}'..='\u{ffff}' => write!(text, "\\u{:04x}", u32::from(character)),
            _ => write!(text, "\\U{:08x}", u32::from(character)),
        };
    }
    text.push('"');
    text
}

/// Rust and Go agree on what can be printed, but for characters that are newer than one of their tables.
/// Rust escapes a combining mark too, unless it stands behind a letter.
fn is_printable(character: char) -> bool {
    let text = String::from_iter(['a', character]);
    text.escape_debug().eq(text.chars()) || character == '\''
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn number(text: &str) -> String {
        format(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn numbers_turn_to_exponents_at_a_million_e132() {
        for (source, text) in [
            ("0", "0"),
            ("-0", "-0"),
            ("1.0", "1"),
            ("5432", "5432"),
            ("-123.25", "-123.25"),
            ("100000", "100000"),
            ("999999.5", "999999.5"),
            ("1000000", "1e+06"),
            ("1234567", "1.234567e+06"),
            ("123456789", "1.23456789e+08"),
            ("100000000000000000000", "1e+20"),
            ("1e21", "1e+21"),
            ("1.5e300", "1.5e+300"),
            ("0.0001", "0.0001"),
            ("0.00012345", "0.00012345"),
            ("0.00001", "1e-05"),
            ("1e-7", "1e-07"),
            ("5e-324", "5e-324"),
            ("1e-999", "0"),
            ("9007199254740993", "9.007199254740992e+15"),
        ] {
            assert_eq!(number(source), text, "{source}");
        }
    }

    #[test]
    fn of_two_shortest_texts_as_near_the_even_one_is_taken() {
        assert_eq!(number("1180991521663194.25"), "1.1809915216631942e+15");
        assert_eq!(number("1180991521663194.75"), "1.1809915216631948e+15");
    }

    #[test]
    fn a_shorter_text_that_reads_back_as_another_float_is_not_taken() {
        assert_eq!(format(&json!(2_f64.powi(-44))), "5.684341886080802e-14");
    }

    #[test]
    fn containers_print_as_in_go_e132() {
        let value = json!({"b": [1, "x y", null, true, [], {}], "a": {"z": 1e6, "\u{e9}": "q", "B": false}});
        assert_eq!(format(&value), "map[a:map[B:false z:1e+06 \u{e9}:q] b:[1 x y <nil> true [] map[]]]");
        assert_eq!(format(&Value::Null), "<nil>");
        assert_eq!(format(&json!("a \"b\"")), "a \"b\"");
    }

    #[test]
    fn quoting_escapes_what_cannot_be_printed() {
        assert_eq!(
            quote("a'b\"\\ \u{e9}\u{301}\u{1f600}\u{fffd}"),
            "\"a'b\\\"\\\\ \u{e9}\u{301}\u{1f600}\u{fffd}\""
        );
        assert_eq!(quote("\u{7}\u{8}\u{c}\n\r\t\u{b}"), r#""\a\b\f\n\r\t\v""#);
        assert_eq!(quote("\0\u{7f}\u{a0}\u{200b}\u{e0001}"), r#""\x00\x7f\u00a0\u200b\U000e0001""#);
    }

    proptest! {
        #[test]
        fn a_printed_float_reads_back_as_itself(float: f64) {
            prop_assert_eq!(format(&json!(float)).parse::<f64>(), Ok(float));
        }
    }
}
