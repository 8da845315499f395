//! A message as text, for whoever has to look at its bytes.
//!
//! It is one line, close to the language of protoscope: `name: value`, one field behind another.
//! - A field that the newest revision with the message knows has its name, any other its number.
//! - A varint is a signed number of 64 bits, or the name of an enum's value. Fixed bytes are a hexadecimal
//!   number that ends in `i32` or `i64`.
//! - Text and bytes stand in quotes, what is not printable ASCII as `\n` or `\u{e9}`, or as `\xff` where it is
//!   no UTF-8.
//! - `{…}` is a message, or numbers side by side; `!{…}` is a group.
//! - `long-form:2` stands before a tag, a number or a length that takes two bytes more than it has to.
//! - Bytes between backticks, in hexadecimal, are no protobuf: from there on a message cannot be read.

use std::fmt::{self, Write as _};

use counterfoil_proto::Revision;

use super::{
    table::{Field, Kind, MessageId, Tables},
    wire::{self, MAX_DEPTH, Raw, Reader, Span},
};

/// The text of a message, given by its full name: the bytes as they are, well-formed or not. Of a message that
/// no revision has, every field stands by its number.
pub fn text(full_name: &str, bytes: &[u8]) -> String {
    let (tables, id) =
        Tables::find(full_name, Revision::Head).unwrap_or_else(|| Tables::nothing(Revision::Head));
    let mut text = Text { tables, out: String::new() };
    text.message(bytes, id, 0);
    text.out
}

/// A text in the making.
struct Text {
    tables: &'static Tables,
    out: String,
}

impl Text {
    /// The fields of a message, and what is left where it stops being one.
    fn message(&mut self, bytes: &[u8], id: MessageId, depth: u32) {
        let rest = self.fields(bytes, Some(id), depth);
        self.unreadable(rest);
    }

    /// The fields of a stretch of bytes, up to its end or to what is no field. Gives what is left.
    fn fields<'b>(&mut self, bytes: &'b [u8], id: Option<MessageId>, depth: u32) -> &'b [u8] {
        let mut reader = Reader::new(Span::whole(bytes), depth);
        let mut begin = 0;
        while let Ok(Some(found)) = reader.field() {
            let known = id.and_then(|id| self.tables.message(id).field(found.number));
            let end = reader.offset();
            self.separate();
            let value = self.tag(&bytes[begin..end], found.number, known);
            self.value(value, found.value, known, depth);
            begin = end;
        }
        &bytes[begin..]
    }

    /// The name of a field or its number. Gives the bytes behind its tag.
    fn tag<'b>(&mut self, field: &'b [u8], number: u32, known: Option<&Field>) -> &'b [u8] {
        let (tag, rest) = wire::varint(field).unwrap_or((0, field));
        self.long_form(tag, field.len() - rest.len());
        match known {
            Some(known) => self.push(&known.name),
            None => self.push(number),
        }
        self.push(": ");
        rest
    }

    /// A value, which takes these bytes behind its tag.
    fn value(&mut self, bytes: &[u8], value: Raw<'_>, field: Option<&Field>, depth: u32) {
        match value {
            Raw::Varint(number) => {
                self.long_form(number, bytes.len());
                self.number(number, field);
            }
            Raw::Fixed32 | Raw::Fixed64 => self.fixed(bytes),
            Raw::Delimited(Span { bytes: content, .. }) => {
                self.long_form(content.len() as u64, bytes.len() - content.len());
                self.delimited(content, field, depth);
            }
            Raw::Group => {
                self.push("!{");
                // What is left is the tag that ends the group.
                self.fields(bytes, None, depth + 1);
                self.out.push('}');
            }
        }
    }

    fn number(&mut self, number: u64, field: Option<&Field>) {
        let number = number.cast_signed();
        let name = match field.map(|field| field.kind) {
            Some(Kind::Enum(id)) => {
                i32::try_from(number).ok().and_then(|number| self.tables.enumeration(id).name(number))
            }
            _ => None,
        };
        match name {
            Some(name) => self.push(name),
            None => self.push(number),
        }
    }

    fn fixed(&mut self, bytes: &[u8]) {
        let number: Vec<u8> = bytes.iter().rev().copied().collect();
        self.push(format_args!("0x{}i{}", hex::encode(number), 8 * bytes.len()));
    }

    fn delimited(&mut self, content: &[u8], field: Option<&Field>, depth: u32) {
        match field.map(|field| (field, field.kind)) {
            Some((_, Kind::Message(id) | Kind::Entry(id))) if depth < MAX_DEPTH => {
                self.out.push('{');
                self.message(content, id, depth + 1);
                self.out.push('}');
            }
            Some((field, Kind::Number(_) | Kind::Enum(_))) if field.repeated.is_some() => {
                self.out.push('{');
                self.elements(content, field, depth);
                self.out.push('}');
            }
            _ => self.quoted(content),
        }
    }

    /// Numbers side by side, and what is left where they stop being numbers.
    fn elements(&mut self, bytes: &[u8], field: &Field, depth: u32) {
        let mut reader = Reader::new(Span::whole(bytes), depth);
        let mut begin = 0;
        while let Ok(Some(element)) = reader.element(field.wire_type) {
            let end = reader.offset();
            self.separate();
            self.value(&bytes[begin..end], element, Some(field), depth);
            begin = end;
        }
        self.unreadable(&bytes[begin..]);
    }

    /// Says by how many bytes a varint is longer than it has to be.
    fn long_form(&mut self, number: u64, length: usize) {
        let shortest = (64 - number.leading_zeros()).div_ceil(7).max(1) as usize;
        if length > shortest {
            self.push(format_args!("long-form:{} ", length - shortest));
        }
    }

    /// A text or bytes, in the quotes that it has not itself, where there are such.
    fn quoted(&mut self, bytes: &[u8]) {
        let quote = if bytes.contains(&b'"') && !bytes.contains(&b'\'') { '\'' } else { '"' };
        self.out.push(quote);
        for chunk in bytes.utf8_chunks() {
            for letter in chunk.valid().chars() {
                match letter {
                    ' '..='~' if letter != quote && letter != '\\' => self.out.push(letter),
                    _ => self.out.extend(letter.escape_default()),
                }
            }
            for byte in chunk.invalid() {
                self.push(format_args!("\\x{byte:02x}"));
            }
        }
        self.out.push(quote);
    }

    /// Bytes that are no protobuf, if there are any.
    fn unreadable(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.separate();
            self.push(format_args!("`{}`", hex::encode(bytes)));
        }
    }

    fn push(&mut self, text: impl fmt::Display) {
        let _ = write!(self.out, "{text}");
    }

    /// A space, unless something begins here.
    fn separate(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with('{') {
            self.out.push(' ');
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn apply(bytes: &[u8]) -> String {
        text("workflow.plugin.external.iac.ApplyResponse", bytes)
    }

    #[test]
    fn known_fields_have_their_names() {
        assert_eq!(
            apply(b"\x0a\x0b\x0a\x01p\x3a\x06\x10\x02\x1a\x02no"),
            r#"result: {plan_id: "p" actions: {status: ACTION_STATUS_ERROR error: "no"}}"#
        );
        let runtimes = text("workflow.plugin.external.iac.IaCRequirement", b"\x32\x03\x01\x63\x80");
        assert_eq!(runtimes, "runtimes: {REQUIREMENT_RUNTIME_KUBERNETES 99 `80`}");
    }

    #[test]
    fn others_have_their_numbers() {
        assert_eq!(text("no.such.Message", b"\x08\x01\x12\x02ok"), r#"1: 1 2: "ok""#);
        assert_eq!(
            apply(b"\x15\x2e\x00\x00\x00\x19\x01\x00\x00\x00\x00\x00\x00\x00\x7b\x08\x01\x7c"),
            "2: 0x0000002ei32 3: 0x0000000000000001i64 15: !{1: 1}"
        );
    }

    #[test]
    fn a_field_in_the_layout_of_another_type_is_shown_as_it_is() {
        assert_eq!(apply(b"\x08\x01"), "result: 1");
        assert_eq!(apply(b"\x0a\x05\x3a\x03\x12\x01\x01"), r#"result: {actions: {status: "\u{1}"}}"#);
    }

    #[test]
    fn numbers_keep_their_sign_and_their_form() {
        assert_eq!(
            apply(b"\x0a\x0d\x3a\x0b\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
            "result: {actions: {status: -1}}"
        );
        assert_eq!(apply(b"\x8a\x00\x81\x80\x00\x80"), "long-form:1 result: long-form:2 {`80`}");
    }

    #[test]
    fn text_is_plain_and_unambiguous() {
        let name =
            |text: &str| super::text("no.such.Message", &[b"\x0a", &[5][..], text.as_bytes()].concat());
        assert_eq!(name(r#"{"a":"#), r#"1: '{"a":'"#);
        assert_eq!(name("\"'\n\\e"), r#"1: "\"'\n\\e""#);
        assert_eq!(name("\u{e9}\u{202e}"), r#"1: "\u{e9}\u{202e}""#);
        assert_eq!(text("no.such.Message", b"\x0a\x02\xc3("), r#"1: "\xc3(""#);
    }

    #[test]
    fn what_is_no_protobuf_stands_as_it_is() {
        assert_eq!(apply(b"\x0a\x05\x3a"), "`0a053a`");
        assert_eq!(apply(b"\x10\x01\x00\x01"), "2: 1 `0001`");
        assert_eq!(apply(b"\x7b\x08\x01"), "`7b0801`");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes_have_one_text_in_one_line(bytes in vec(prop_oneof![any::<u8>(), 0x08..0x40_u8], 0..80)) {
            for message in ["ApplyResponse", "IaCRequirement", "DetectDriftConfigRequest"] {
                let message = format!("workflow.plugin.external.iac.{message}");
                let once = text(&message, &bytes);
                prop_assert!(once.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{:?}", once);
                prop_assert_eq!(once.is_empty(), bytes.is_empty());
                prop_assert_eq!(text(&message, &bytes), once);
            }
        }
    }

    #[test]
    fn no_nesting_is_too_deep() {
        let groups = [vec![0x7b; 100_000], vec![0x7c; 100_000]].concat();
        assert!(apply(&groups).starts_with("`7b7b"));
        // A list in a list in a list: two messages a level.
        let mut lists = Vec::new();
        for tag in [0x0a, 0x32].repeat(100) {
            let mut outer = vec![tag];
            prost::encode_length_delimiter(lists.len(), &mut outer).unwrap();
            outer.extend(lists);
            lists = outer;
        }
        let lists = text("google.protobuf.Value", &lists);
        assert!(lists.starts_with("list_value: {values: {list_value: {"), "{lists}");
        assert_eq!(lists.matches(": {").count(), MAX_DEPTH as usize, "{lists}");
    }
}
