//! Free-form maps as they cross the wire: JSON bytes, checked once, built only where a value is needed.

use std::{
    collections::{BTreeMap, HashMap},
    fmt, iter,
    ops::Range,
};

use bytes::Bytes;
use memchr::{memchr, memchr2};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, de::IgnoredAny};
use serde_json::{Map, Value};

/// Levels of nesting that the engine reads; one more, and it refuses the bytes.
pub const DEEPEST: usize = 10_000;

/// Levels of nesting that are built into values. Dropping, comparing, saving and loading a value recurse:
/// this bound keeps all of that within any stack, and a saved trace within what `serde_json` loads again.
pub const DEEPEST_BUILT: usize = 100;

/// What an error says, without the place that is told beside it.
pub fn without_place(error: &serde_json::Error) -> String {
    let mut said = error.to_string();
    said.truncate(said.rfind(" at line ").unwrap_or(said.len()));
    said
}

/// Why bytes are not the JSON that their field demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JsonFault {
    /// Not JSON at all, or cut short. A number beyond the range of a 64-bit float counts too, and so does
    /// nesting beyond [`DEEPEST`].
    Malformed,
    /// A JSON value, but an array or a scalar where an object is demanded.
    NotAnObject,
    /// A complete value with more bytes behind it.
    Trailing,
}

impl fmt::Display for JsonFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "malformed JSON",
            Self::NotAnObject => "JSON that is not an object",
            Self::Trailing => "bytes after the JSON value",
        })
    }
}

impl std::error::Error for JsonFault {}

/// A free-form map on the wire. Zero bytes and the JSON `null` are the nil map; `{}` is an empty map (E-170).
///
/// The bytes are known to be one JSON object; values are built from them only when something asks.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct JsonMap(Bytes);

impl JsonMap {
    /// The nil map: no bytes on the wire.
    pub const fn nil() -> Self {
        Self(Bytes::new())
    }

    /// Checks `bytes` without building anything from them.
    ///
    /// # Errors
    /// Says how the bytes fail to be one JSON object, `null`, or nothing.
    pub fn parse(bytes: Bytes) -> Result<Self, JsonFault> {
        match check_map(&bytes)? {
            Shape::Nil => Ok(Self::nil()),
            Shape::Value => Ok(Self(bytes)),
        }
    }

    /// True for the nil map, false for `{}`.
    pub fn is_nil(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes as they travel; none for the nil map.
    pub fn as_bytes(&self) -> &Bytes {
        &self.0
    }

    /// Builds the map. Of duplicate keys the last wins, and what is not UTF-8 is replaced, as in the engine.
    ///
    /// An array or object below [`DEEPEST_BUILT`] levels becomes a string that holds its JSON text.
    pub fn build(&self) -> Map<String, Value> {
        match assemble(read(&self.0, DEEPEST_BUILT)) {
            Value::Object(map) => map,
            _ => Map::new(),
        }
    }

    /// The value of one top-level key, as [`build`](Self::build) builds it; nothing else is built.
    pub fn get(&self, key: &str) -> Option<Value> {
        let (_, place) = self.members().filter(|(written, _)| reads_as(written, key)).last()?;
        Some(self.build_at(&place))
    }

    /// Where the value of each top-level key stands: for [`build_at`](Self::build_at), where more than one key of
    /// a map is asked for.
    pub(crate) fn places(&self) -> HashMap<String, Range<usize>> {
        self.members().map(|(written, place)| (unquote(written), place)).collect()
    }

    /// The value at one of the [`places`](Self::places) of this map, as [`build`](Self::build) builds it.
    pub(crate) fn build_at(&self, place: &Range<usize>) -> Value {
        assemble(read(&self.0[place.clone()], DEEPEST_BUILT - 1))
    }

    /// The top-level members, duplicates too: the key as it is written, and the place of the value.
    fn members(&self) -> impl Iterator<Item = (&[u8], Range<usize>)> {
        let mut tokens = Tokens { bytes: &self.0, at: 0 };
        tokens.next();
        iter::from_fn(move || {
            let (_, key) = tokens.next().filter(|(_, token)| token[0] == b'"')?;
            let (start, value) = tokens.next()?;
            let end = if matches!(value[0], b'{' | b'[') { tokens.close() } else { tokens.at };
            Some((key, start..end))
        })
    }

    /// Visits every string value, at any depth, in the engine's order: keys sorted, items by index (E-124).
    /// Keys are no values. `change` answers with the text that takes the place of a string, or with nothing.
    ///
    /// Without a change the same bytes come back; otherwise numbers keep their text and keys come out sorted.
    pub(crate) fn map_strings<E>(
        &self,
        mut change: impl FnMut(&str) -> Result<Option<String>, E>,
    ) -> Result<Self, E> {
        let nodes = read(&self.0, DEEPEST);
        if nodes.is_empty() {
            return Ok(Self::nil());
        }
        let (mut text, mut changed) = (Vec::with_capacity(self.0.len()), false);
        let mut todo = vec![Step::Node(0)];
        while let Some(step) = todo.pop() {
            match step {
                Step::Mark(mark) => text.push(mark),
                Step::Key(key) => {
                    push_quoted(&mut text, key);
                    text.push(b':');
                }
                Step::Node(at) => match &nodes[at] {
                    Node::String(old) => {
                        let new = change(old)?;
                        changed |= new.is_some();
                        push_quoted(&mut text, new.as_ref().unwrap_or(old));
                    }
                    Node::Scalar(scalar) => text.extend_from_slice(scalar.as_bytes()),
                    Node::Array(items) => {
                        text.push(b'[');
                        todo.push(Step::Mark(b']'));
                        for (place, &item) in items.iter().enumerate().rev() {
                            todo.push(Step::Node(item));
                            todo.extend((place > 0).then_some(Step::Mark(b',')));
                        }
                    }
                    Node::Object(members) => {
                        text.push(b'{');
                        todo.push(Step::Mark(b'}'));
                        for (place, (key, &member)) in members.iter().enumerate().rev() {
                            todo.extend([Step::Node(member), Step::Key(key)]);
                            todo.extend((place > 0).then_some(Step::Mark(b',')));
                        }
                    }
                },
            }
        }
        // Room that is left over would stay allocated as long as the bytes.
        Ok(if changed { Self(Bytes::from(text.into_boxed_slice())) } else { self.clone() })
    }
}

/// What is left to write of a map whose strings are visited.
enum Step<'a> {
    Mark(u8),
    Key(&'a str),
    Node(usize),
}

fn push_quoted(json: &mut Vec<u8>, text: &str) {
    // Writing to a vector never fails.
    let _ = serde_json::to_writer(json, text);
}

/// How many bytes longer a text is as a JSON string of this module's, quotes left out.
pub(crate) fn escapes_in(text: &str) -> usize {
    let extra = |byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x8 | 0xc => 1,
        0..0x20 => 5,
        _ => 0,
    };
    text.bytes().map(extra).sum()
}

impl From<Map<String, Value>> for JsonMap {
    fn from(map: Map<String, Value>) -> Self {
        Self(Bytes::from(Value::Object(map).to_string()))
    }
}

impl fmt::Debug for JsonMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_nil() { f.write_str("nil") } else { f.write_str(&String::from_utf8_lossy(&self.0)) }
    }
}

/// How bytes that are no text are told from text in a file. No JSON object begins with it.
const HEX: &str = "hex:";

/// As text, not as a JSON object: the order of keys, the notation of numbers and the white space are what was sent.
impl Serialize for JsonMap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => serializer.collect_str(&format_args!("{HEX}{}", hex::encode(&self.0))),
        }
    }
}

impl<'de> Deserialize<'de> for JsonMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = match text.strip_prefix(HEX) {
            Some(digits) => hex::decode(digits).map_err(D::Error::custom)?,
            None => text.into_bytes(),
        };
        Self::parse(bytes.into()).map_err(D::Error::custom)
    }
}

/// What well-formed bytes hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Nothing, or `null`.
    Nil,
    /// A value.
    Value,
}

/// Checks bytes that must hold an object, `null`, or nothing.
///
/// # Errors
/// See [`JsonFault`].
pub fn check_map(bytes: &[u8]) -> Result<Shape, JsonFault> {
    match check_any(bytes)? {
        Shape::Nil => Ok(Shape::Nil),
        Shape::Value if bytes.trim_ascii_start().first() == Some(&b'{') => Ok(Shape::Value),
        Shape::Value => Err(JsonFault::NotAnObject),
    }
}

/// Checks bytes that must hold one JSON value of any kind, or nothing.
///
/// # Errors
/// [`JsonFault::Malformed`] or [`JsonFault::Trailing`].
pub fn check_any(bytes: &[u8]) -> Result<Shape, JsonFault> {
    if bytes.is_empty() {
        return Ok(Shape::Nil);
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    IgnoredAny::deserialize(&mut reader).map_err(|_| JsonFault::Malformed)?;
    reader.end().map_err(|_| JsonFault::Trailing)?;
    if is_too_deep(bytes) || has_number_out_of_range(bytes) {
        return Err(JsonFault::Malformed);
    }
    Ok(if bytes.trim_ascii() == b"null" { Shape::Nil } else { Shape::Value })
}

/// Whether well-formed `bytes` nest deeper than the engine reads. Each level takes two bytes at least.
fn is_too_deep(bytes: &[u8]) -> bool {
    let mut depth = 0_usize;
    bytes.len() > 2 * DEEPEST
        && Tokens { bytes, at: 0 }.any(|(_, token)| {
            match token[0] {
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            depth > DEEPEST
        })
}

/// Whether a number in well-formed `bytes` is beyond a 64-bit float, so that the engine refuses it.
///
/// It takes an exponent or 309 digits to get there: bytes without either are not read a second time.
fn has_number_out_of_range(bytes: &[u8]) -> bool {
    let exponent = || bytes.windows(2).any(|pair| pair[0].is_ascii_digit() && matches!(pair[1], b'e' | b'E'));
    let long = || bytes.len() > 308 && bytes.split(|byte| !byte.is_ascii_digit()).any(|run| run.len() > 308);
    (exponent() || long()) && Tokens { bytes, at: 0 }.any(|(_, token)| is_out_of_range(token))
}

fn is_out_of_range(token: &[u8]) -> bool {
    matches!(token[0], b'-' | b'0'..=b'9')
        && str::from_utf8(token).is_ok_and(|text| text.parse().is_ok_and(f64::is_infinite))
}

/// The tokens of well-formed JSON with their places; white space, commas and colons are left out.
struct Tokens<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Tokens<'_> {
    /// Passes over the rest of a container that was just opened; gives the place behind it.
    fn close(&mut self) -> usize {
        let mut depth = 1;
        while depth > 0
            && let Some((_, token)) = self.next()
        {
            match token[0] {
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
        }
        self.at
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = (usize, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let is_gap = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b',' | b':');
        let start = self.at + self.bytes[self.at..].iter().position(|byte| !is_gap(byte))?;
        let rest = &self.bytes[start..];
        let length = match rest[0] {
            b'"' => string_length(rest),
            b'{' | b'}' | b'[' | b']' => 1,
            _ => {
                rest.iter().position(|byte| is_gap(byte) || matches!(byte, b'}' | b']')).unwrap_or(rest.len())
            }
        };
        self.at = start + length;
        Some((start, &rest[..length]))
    }
}

/// The length of the string at the start of `bytes`, quotes included.
fn string_length(bytes: &[u8]) -> usize {
    let mut at = 1;
    while let Some(skipped) = bytes.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += skipped + 1;
        if bytes[at - 1] == b'"' {
            return at;
        }
        at += 1;
    }
    bytes.len()
}

/// One value of a document. A container holds the places of its members in the list of all nodes, which stand
/// behind its own: depth costs no stack, neither here nor when the list is dropped.
enum Node<'a> {
    /// A number as it was written, `true`, `false` or `null`.
    Scalar(&'a str),
    String(String),
    Array(Vec<usize>),
    Object(BTreeMap<String, usize>),
}

/// Reads well-formed JSON. Containers below `deepest` levels become strings that hold their text.
///
/// `serde_json` does not do here: it refuses strings that the engine mends and depths that the engine reads,
/// and an object with the key that marks a number for it is a number to it.
fn read(bytes: &[u8], deepest: usize) -> Vec<Node<'_>> {
    let mut nodes = Vec::new();
    let mut open = Vec::<usize>::new();
    let mut key = None;
    let mut tokens = Tokens { bytes, at: 0 };
    while let Some((start, token)) = tokens.next() {
        let parent = open.last().copied();
        let in_object = parent.is_some_and(|at| matches!(nodes[at], Node::Object(_)));
        let place = nodes.len();
        let node = match token[0] {
            b'}' | b']' => {
                open.pop();
                continue;
            }
            b'"' if in_object && key.is_none() => {
                key = Some(unquote(token));
                continue;
            }
            b'{' | b'[' if open.len() == deepest => {
                let mut text = String::new();
                push_mended(&mut text, &bytes[start..tokens.close()]);
                Node::String(text)
            }
            b'{' => {
                open.push(place);
                Node::Object(BTreeMap::new())
            }
            b'[' => {
                open.push(place);
                Node::Array(Vec::new())
            }
            b'"' => Node::String(unquote(token)),
            _ => Node::Scalar(str::from_utf8(token).unwrap_or_default()),
        };
        nodes.push(node);
        match parent.map(|at| &mut nodes[at]) {
            Some(Node::Array(items)) => items.push(place),
            Some(Node::Object(members)) => members.extend(key.take().map(|key| (key, place))),
            Some(Node::Scalar(_) | Node::String(_)) | None => {}
        }
    }
    nodes
}

/// Builds the value of the first node. Members stand behind their container, so they are built before it.
fn assemble(nodes: Vec<Node<'_>>) -> Value {
    let mut built = vec![Value::Null; nodes.len()];
    for (at, node) in nodes.into_iter().enumerate().rev() {
        built[at] = match node {
            Node::Scalar(scalar) => serde_json::from_str(scalar).unwrap_or_default(),
            Node::String(text) => Value::String(text),
            Node::Array(items) => items.into_iter().map(|item| built[item].take()).collect(),
            Node::Object(members) => {
                members.into_iter().map(|(key, member)| (key, built[member].take())).collect()
            }
        };
    }
    built.into_iter().next().unwrap_or_default()
}

/// Whether a well-formed JSON string is read as this text.
fn reads_as(quoted: &[u8], text: &str) -> bool {
    // Only escapes and bytes that are not UTF-8 make a text that differs from what stands between the quotes.
    if quoted.is_ascii() && memchr(b'\\', quoted).is_none() {
        quoted[1..quoted.len() - 1] == *text.as_bytes()
    } else {
        unquote(quoted) == text
    }
}

/// The text of a well-formed JSON string, as the engine reads it.
fn unquote(quoted: &[u8]) -> String {
    let mut rest = &quoted[1..quoted.len() - 1];
    let mut text = String::with_capacity(rest.len());
    while let Some(at) = memchr(b'\\', rest) {
        push_mended(&mut text, &rest[..at]);
        let (character, length) = unescape(&rest[at..]);
        text.push(character);
        rest = &rest[at + length..];
    }
    push_mended(&mut text, rest);
    text
}

/// The character of the escape at the start of `bytes`, and the escape's length. A surrogate without its
/// other half is replaced.
fn unescape(bytes: &[u8]) -> (char, usize) {
    let short = |character| (character, 2);
    match bytes[1] {
        b'b' => short('\u{8}'),
        b'f' => short('\u{c}'),
        b'n' => short('\n'),
        b'r' => short('\r'),
        b't' => short('\t'),
        b'u' => {
            let units = [code_unit(bytes), code_unit(&bytes[6..])];
            match char::decode_utf16(units.into_iter().flatten()).next() {
                Some(Ok(character)) => (character, 6 * character.len_utf16()),
                Some(Err(_)) | None => (char::REPLACEMENT_CHARACTER, 6),
            }
        }
        byte => short(char::from(byte)),
    }
}

/// The UTF-16 unit that bytes such as `\u00e9` stand for.
fn code_unit(bytes: &[u8]) -> Option<u16> {
    let digits = bytes.strip_prefix(b"\\u")?.get(..4)?;
    u16::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

/// Appends bytes as text. The engine puts a replacement character for each byte that is not UTF-8.
fn push_mended(text: &mut String, bytes: &[u8]) {
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn map(text: impl Into<Vec<u8>>) -> JsonMap {
        JsonMap::parse(Bytes::from(text.into())).unwrap()
    }

    fn nested(levels: usize, open: &str, core: &str, close: &str) -> String {
        [open.repeat(levels).as_str(), core, close.repeat(levels).as_str()].concat()
    }

    #[test]
    fn nothing_and_null_are_the_nil_map_and_braces_are_not_e170() {
        for nil in ["", "null", " null\n"] {
            assert!(map(nil).is_nil(), "{nil:?}");
            assert_eq!(check_any(nil.as_bytes()), Ok(Shape::Nil));
        }
        assert!(!map("{}").is_nil());
        assert_eq!(map("").build(), Map::new());
        assert_eq!(map("").get("a"), None);
        assert_eq!(map(r#"{"a":1}"#).get("a"), Some(json!(1)));
    }

    #[test]
    fn a_refusal_says_why() {
        use JsonFault::{Malformed, NotAnObject, Trailing};
        for (text, fault) in [
            (" ", Malformed),
            ("{", Malformed),
            ("\u{feff}{}", Malformed),
            ("{\"a\":01}", Malformed),
            ("{\"a\":.5}", Malformed),
            ("{\"a\":1,}", Malformed),
            ("{\"a\":\"\n\"}", Malformed),
            ("{\"a\":\"\\'\"}", Malformed),
            ("{\"a\":\"\\u12g4\"}", Malformed),
            ("[1]", NotAnObject),
            ("\"{}\"", NotAnObject),
            ("7", NotAnObject),
            ("{}{}", Trailing),
            ("{} x", Trailing),
            ("nullx", Trailing),
            ("{} \u{c}", Trailing),
        ] {
            assert_eq!(check_map(text.as_bytes()), Err(fault), "{text:?}");
        }
        assert_eq!(check_any(b"[1]"), Ok(Shape::Value));
    }

    #[test]
    fn of_duplicate_keys_the_last_wins_whole() {
        assert_eq!(json!(map(r#"{"a":{"x":1},"a":{"y":2}}"#).build()), json!({"a": {"y": 2}}));
        assert_eq!(json!(map(r#"{"a":1,"\u0061":2}"#).build()), json!({"a": 2}));
    }

    #[test]
    fn each_byte_that_is_not_utf8_is_replaced() {
        let mended = |inside: &[u8]| map([b"{\"a\":\"", inside, b"\"}"].concat()).get("a").unwrap();
        assert_eq!(mended(b"x\xff\xe2\x82y"), "x\u{fffd}\u{fffd}\u{fffd}y");
        assert_eq!(mended(b"\xed\xa0\x80"), "\u{fffd}\u{fffd}\u{fffd}");
        assert_eq!(mended("\u{e9}\u{1f600}".as_bytes()), "\u{e9}\u{1f600}");
        assert!(map(*b"{\"\xff\":1}").build().contains_key("\u{fffd}"));
    }

    #[test]
    fn half_a_surrogate_pair_is_replaced() {
        for (escaped, text) in [
            (r"\ud83d\ude00", "\u{1f600}"),
            (r"\ud800", "\u{fffd}"),
            (r"\udc00\ud800", "\u{fffd}\u{fffd}"),
            (r"\ud800\ud800\udc00x", "\u{fffd}\u{10000}x"),
            (r"\uD800\u0041", "\u{fffd}A"),
            (r"\ud800\n", "\u{fffd}\n"),
            (r"\b\f\n\r\t\/\\\u0022", "\u{8}\u{c}\n\r\t/\\\""),
        ] {
            assert_eq!(map(format!(r#"{{"a":"{escaped}"}}"#)).get("a").unwrap(), text, "{escaped}");
        }
    }

    #[test]
    fn a_number_beyond_a_float_is_malformed() {
        let zeros = "0".repeat(308);
        for (number, fits) in [
            ("1e999", false),
            ("-1E+999", false),
            ("1.7976931348623157e308", true),
            ("1.7976931348623158e308", true),
            ("1.7976931348623159e308", false),
            ("1e-999", true),
            ("0e999", true),
            (&format!("1{zeros}"), true),
            (&format!("2{zeros}"), false),
            (&format!("0.{zeros}{zeros}"), true),
            (r#""1e999""#, true),
            (&format!("\"2{zeros}\""), true),
        ] {
            for text in [number.to_owned(), format!("[ {number} ]"), format!("{{\"a\":{number}}}")] {
                assert_eq!(check_any(text.as_bytes()).is_ok(), fits, "{text}");
            }
        }
    }

    #[test]
    fn numbers_keep_their_text() {
        let text = r#"{"a":[1.50,1e+5,-0,12345678901234567890123,1e-400]}"#;
        assert_eq!(JsonMap::from(map(text).build()), map(text));
        let changed = map(r#"{"b":"","a":1E5}"#).map_strings::<()>(|_| Ok(Some(String::new())));
        assert_eq!(changed.unwrap(), map(r#"{"a":1E5,"b":""}"#));
    }

    #[test]
    fn a_key_that_marks_numbers_for_serde_json_is_a_key() {
        let text = r#"{"a":{"$serde_json::private::Number":"x"}}"#;
        assert_eq!(JsonMap::from(map(text).build()), map(text));
    }

    #[test]
    fn ten_thousand_levels_are_read_and_one_more_is_malformed() {
        for (open, close) in [("[", "]"), ("{\"k\":", "}")] {
            assert_eq!(check_any(nested(DEEPEST, open, "1", close).as_bytes()), Ok(Shape::Value));
            for levels in [DEEPEST + 1, 200_000] {
                let text = nested(levels, open, "1", close);
                assert_eq!(check_any(text.as_bytes()), Err(JsonFault::Malformed));
                assert_eq!(check_any(&text.as_bytes()[..text.len() / 2]), Err(JsonFault::Malformed));
            }
        }
        let wide = format!("[{}1]", "[],".repeat(DEEPEST + 1));
        assert_eq!(check_any(wide.as_bytes()), Ok(Shape::Value));
    }

    #[test]
    fn what_nests_too_deep_to_be_built_becomes_its_text() {
        let inner = |levels| nested(levels, "[", "\"\u{e9}\"", "]");
        let built = |levels| {
            let mut value = map(format!("{{\"a\":{}, \"b\":true}}", inner(levels))).build();
            assert_eq!(value["b"], true);
            let mut bottom = value["a"].take();
            while let Value::Array(mut items) = bottom {
                bottom = items.remove(0);
            }
            bottom
        };
        assert_eq!(built(DEEPEST_BUILT - 1), "\u{e9}");
        assert_eq!(built(DEEPEST_BUILT), "[\"\u{e9}\"]");
        assert_eq!(built(DEEPEST - 1), inner(DEEPEST - DEEPEST_BUILT).as_str());
    }

    #[test]
    fn depth_costs_no_stack_and_what_is_saved_loads_again() {
        let work = || {
            let deep = map(nested(DEEPEST, "{\"k\":", "\"x\"", "}"));
            let saved = serde_json::to_string(&deep).unwrap();
            assert_eq!(serde_json::from_str::<JsonMap>(&saved).unwrap().build(), deep.build());
            let changed = deep.map_strings::<()>(|_| Ok(Some("y".to_owned()))).unwrap();
            assert_eq!(changed, map(nested(DEEPEST, "{\"k\":", "\"y\"", "}")));
        };
        std::thread::Builder::new().stack_size(512 * 1024).spawn(work).unwrap().join().unwrap();
    }

    #[test]
    fn strings_are_visited_by_sorted_key_and_index() {
        let source = map(r#"{"b":["3",4,["5"],{}],"a":{"z":"2","é":"6","Z":"1"},"B":"0","n":1.50}"#);
        let mut seen = Vec::new();
        let changed = source.map_strings::<()>(|text| {
            seen.push(text.to_owned());
            Ok((text == "3").then(|| "\"\n".to_owned()))
        });
        assert_eq!(seen, ["0", "1", "2", "6", "3", "5"]);
        let text = r#"{"B":"0","a":{"Z":"1","z":"2","é":"6"},"b":["\"\n",4,["5"],{}],"n":1.50}"#;
        assert_eq!(changed.unwrap(), map(text));
    }

    #[test]
    fn one_value_is_what_would_be_built_of_it() {
        let deep = nested(DEEPEST_BUILT + 5, "[", "1", "]");
        let deepest = nested(DEEPEST_BUILT - 1, "{\"k\":", "[1]", "}");
        let source = map(format!(
            r#" {{ "a" : 1 , "b":{{"a":2,"c":[{{"a":3}}]}},"":"\ud800","deep":{deep},"deepest":{deepest},
               "\u0061":[4, 5],"\\u0062":6,"é":1.50,"e" :"}}\"" ,"n":null}} "#
        ));
        let built = source.build();
        assert_eq!((built.len(), &built["a"]), (9, &json!([4, 5])));
        for key in ["a", "b", "", "deep", "deepest", "\\u0062", "\\u0061", "é", "e", "n", "c", "none"] {
            assert_eq!(source.get(key).as_ref(), built.get(key), "{key:?}");
        }
        assert_eq!(map("{}").get(""), None);
    }

    /// JSON as others write it: duplicate keys, escapes, white space, bytes that are no text.
    fn written() -> impl Strategy<Value = Vec<u8>> {
        const PARTS: &[&str] =
            &["a", "é", "\\u0061", "\\ud83d", "\\ude00", "\\\\", "\\\"", "[", "}", ",", ":", "\u{fffd}"];
        const SCALARS: &[&str] = &["1", "-0.50", "1E5", "true", "null", " false\n"];
        fn list(open: u8, items: &[Vec<u8>], close: u8) -> Vec<u8> {
            [&[open], items.join(&b","[..]).as_slice(), &[close]].concat()
        }
        let part = prop_oneof![
            prop::sample::select(PARTS).prop_map(|part| part.as_bytes().to_vec()),
            any::<u8>().prop_map(|byte| if byte < 128 { b"a".to_vec() } else { vec![byte] }),
        ];
        let text =
            prop::collection::vec(part, 0..3).prop_map(|parts| [b"\"", &*parts.concat(), b"\""].concat());
        let leaf = prop_oneof![
            prop::sample::select(SCALARS).prop_map(|word| word.as_bytes().to_vec()),
            text.clone()
        ];
        let object = move |value: BoxedStrategy<Vec<u8>>| {
            let member = (text.clone(), "[ \t]{0,1}", value)
                .prop_map(|(key, gap, value)| [&*key, gap.as_bytes(), b":", &*value].concat());
            prop::collection::vec(member, 0..5).prop_map(|members| list(b'{', &members, b'}'))
        };
        let inner = object.clone();
        let value = leaf.prop_recursive(3, 16, 4, move |value| {
            let deep = value.clone().prop_map(|core| {
                let levels = DEEPEST_BUILT - 1;
                [b"[".repeat(levels), core, b"]".repeat(levels)].concat()
            });
            prop_oneof![
                prop::collection::vec(value.clone(), 0..4).prop_map(|items| list(b'[', &items, b']')),
                inner(value),
                deep,
            ]
        });
        object(value.boxed())
    }

    fn document() -> impl Strategy<Value = Map<String, Value>> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        let value = leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..4)
                    .prop_map(|members| members.into_iter().collect()),
            ]
        });
        prop::collection::btree_map(any::<String>(), value, 0..4)
            .prop_map(|members| members.into_iter().collect())
    }

    proptest! {
        #[test]
        fn what_is_built_is_what_serde_json_reads(source in document(), pretty: bool) {
            let value = Value::Object(source.clone());
            let text = if pretty { format!("{value:#}") } else { value.to_string() };
            let parsed = map(text);
            prop_assert_eq!(&parsed.build(), &source);
            let same = parsed.map_strings::<()>(|_| Ok(None)).unwrap();
            prop_assert_eq!(same.as_bytes().as_ptr(), parsed.as_bytes().as_ptr());
            let copy = |text: &str| Ok::<_, ()>(Some(text.to_owned()));
            prop_assert_eq!(parsed.map_strings(copy).unwrap().build(), source);
        }

        #[test]
        fn any_bytes_are_judged_and_what_passes_can_be_built(source in document(), at: usize, byte: u8) {
            let mut bytes = Value::Object(source).to_string().into_bytes();
            let at = at % bytes.len();
            bytes[at] = byte;
            if let Ok(parsed) = JsonMap::parse(Bytes::from(bytes)) {
                let again = JsonMap::from(parsed.build());
                prop_assert!(parsed.is_nil() || check_map(again.as_bytes()) == Ok(Shape::Value));
                prop_assert_eq!(again.build(), parsed.build());
            }
        }

        #[test]
        fn one_value_is_the_same_as_among_all(bytes in written(), changed: Option<(usize, u8)>, key: String) {
            let mut bytes = bytes;
            if let Some((at, byte)) = changed {
                let at = at % bytes.len();
                bytes[at] = byte;
            }
            if let Ok(parsed) = JsonMap::parse(Bytes::from(bytes)) {
                let built = parsed.build();
                let places = parsed.places();
                prop_assert_eq!(places.len(), built.len());
                for (key, value) in &built {
                    prop_assert_eq!(parsed.get(key), Some(value.clone()));
                    prop_assert_eq!(&parsed.build_at(&places[key]), value);
                }
                let written = parsed.members().map(|(key, _)| String::from_utf8_lossy(key).into_owned());
                for key in written.map(|key| key[1..key.len() - 1].to_owned()).chain([key]) {
                    prop_assert_eq!(parsed.get(&key), built.get(&key).cloned());
                }
            }
        }

        #[test]
        fn escapes_are_counted_as_they_are_written(text in "[\\x00-\\x7fé]{0,40}") {
            let mut json = Vec::new();
            push_quoted(&mut json, &text);
            prop_assert_eq!(json.len(), text.len() + escapes_in(&text) + 2);
        }

        #[test]
        fn the_short_cut_misses_no_number(digits in "[1-9][0-9]{300,315}(\\.[0-9]{1,3})?(e-?[0-9]{1,2})?") {
            let fits = digits.parse::<f64>().unwrap().is_finite();
            prop_assert_eq!(check_any(format!("{{\"a\" :{digits}}}").as_bytes()).is_ok(), fits);
        }
    }
}
