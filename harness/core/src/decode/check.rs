//! The one way through a message, and what every message is checked for, whatever it means.
//!
//! [`Fields`] yields the known fields of a message; on the way it reports the unknown ones and refuses what is
//! no protobuf or no text. Both kinds of readers go through it: the generic one here, which looks into every
//! field by its table, and the typed ones, which pick their values.

use std::fmt::{self, Write as _};

use counterfoil_proto::Revision;

use super::{
    Cause, MAX_LISTED, Reading, Refusal, UnknownField,
    path::{Path, Step},
    table::{EnumId, Enumeration, Field, JsonShape, Kind, Message, MessageId, Tables},
    wire::{self, Fault, MAX_DEPTH, Raw, Reader, Span},
};
use crate::json::{self, JsonFault};

/// One way through one message: the tables that it is read by, and what was found.
pub(super) struct Pass {
    pub(super) tables: &'static Tables,
    refusals: Vec<Refusal>,
    /// How many refusals each cause had, the unlisted ones included.
    counts: [usize; Cause::ALL.len()],
    unknown: Vec<UnknownField>,
}

impl Pass {
    /// Nothing found yet.
    pub(super) fn new(tables: &'static Tables) -> Self {
        Self { tables, refusals: Vec::new(), counts: [0; Cause::ALL.len()], unknown: Vec::new() }
    }

    /// Refuses the message for what stands at a place in it. Path and message become text only where the refusal
    /// is listed: a flood of them costs little more than reading does.
    #[cold]
    pub(super) fn refuse(
        &mut self,
        cause: Cause,
        path: &Path<'_>,
        offset: usize,
        message: fmt::Arguments<'_>,
    ) {
        let count = &mut self.counts[cause as usize];
        *count += 1;
        if *count <= MAX_LISTED {
            self.refusals.push(Refusal { cause, path: written(path), offset, message: written(&message) });
        }
    }

    /// Refuses a field for the JSON in it.
    #[cold]
    pub(super) fn refuse_json(&mut self, fault: JsonFault, path: &Path<'_>, offset: usize) {
        let cause = match fault {
            JsonFault::Malformed => Cause::JsonMalformed,
            JsonFault::NotAnObject => Cause::JsonNotObject,
            JsonFault::Trailing => Cause::JsonTrailing,
        };
        self.refuse(cause, path, offset, format_args!("{fault}"));
    }

    /// Refuses a number that its enum does not have.
    #[cold]
    pub(super) fn refuse_number(&mut self, id: EnumId, number: i32, path: &Path<'_>, offset: usize) {
        let enumeration = self.tables.enumeration(id);
        let known = List(enumeration);
        self.refuse(enumeration.cause, path, offset, format_args!("{number} is unknown; known are {known}"));
    }

    #[cold]
    fn refuse_wire(&mut self, fault: Fault, path: &Path<'_>, offset: usize) {
        self.refuse(Cause::CutShort, path, offset, format_args!("{fault}"));
    }

    #[cold]
    fn report_unknown(&mut self, number: u32, path: &Path<'_>, offset: usize, bytes: usize) {
        if self.unknown.len() < MAX_LISTED {
            self.unknown.push(UnknownField { path: path.to_string(), number, offset, bytes });
        }
    }

    /// Whether the message is refused for this cause.
    pub(super) fn has(&self, cause: Cause) -> bool {
        self.counts[cause as usize] > 0
    }

    /// What came of it.
    pub(super) fn finish<T>(mut self, value: T) -> Reading<T> {
        for cause in Cause::ALL {
            let unlisted = self.counts[cause as usize].saturating_sub(MAX_LISTED);
            if unlisted > 0
                && let Some(last) = self.refusals.iter_mut().rfind(|refusal| refusal.cause == cause)
            {
                let note = format!("; {unlisted} more for {} are not listed", cause.rule());
                last.message.push_str(&note);
            }
        }
        self.refusals.sort_by_key(|refusal| refusal.offset);
        self.unknown.sort_by_key(|field| field.offset);
        Reading { value, refusals: self.refusals, unknown: self.unknown }
    }
}

/// As text, with room for what most places and reasons take.
pub(super) fn written(what: &dyn fmt::Display) -> String {
    let mut text = String::with_capacity(64);
    write!(text, "{what}").expect("there is always room in a text");
    text
}

/// The numbers of an enum, with commas between them.
struct List<'a>(&'a Enumeration);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, number) in self.0.numbers().enumerate() {
            write!(f, "{}{number}", if at == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// The value of a known field, in the layout that its type has.
#[derive(Clone, Copy)]
pub(super) enum Value<'b> {
    /// A varint. How many of its bits count is the type's affair.
    Number(u64),
    /// A number of a layout that nothing looks into.
    Opaque,
    /// Text.
    Text(&'b str),
    /// Bytes, an embedded message, or an entry of a map.
    Bytes(Span<'b>),
}

/// A known field on the wire.
#[derive(Clone, Copy)]
pub(super) struct Found<'b> {
    pub(super) field: &'static Field,
    pub(super) value: Value<'b>,
    /// Where its tag begins in the whole message.
    pub(super) offset: usize,
    /// How many elements of a repeated field came before.
    index: u32,
}

impl<'b> Found<'b> {
    /// The text of a text field.
    #[inline]
    pub(super) fn text(&self) -> &'b str {
        if let Value::Text(text) = self.value { text } else { "" }
    }

    /// The number of a field of an unsigned type.
    #[inline]
    pub(super) fn uint32(&self) -> u32 {
        if let Value::Number(number) = self.value { wire::uint32(number) } else { 0 }
    }

    /// The number of an enum or of a signed type.
    #[inline]
    pub(super) fn int32(&self) -> i32 {
        self.uint32().cast_signed()
    }

    /// The truth of a truth value.
    #[inline]
    pub(super) fn bool(&self) -> bool {
        matches!(self.value, Value::Number(number) if number != 0)
    }

    /// The bytes of a field that holds a message, an entry or bytes.
    #[inline]
    pub(super) fn span(&self) -> Span<'b> {
        if let Value::Bytes(span) = self.value { span } else { Span { bytes: &[], offset: self.offset } }
    }
}

/// The known fields of one message, which may lie in several spans: a singular message that comes more than
/// once on the wire is the sum of all.
pub(super) struct Fields<'b, 'p> {
    message: &'static Message,
    path: &'p Path<'p>,
    reader: Reader<'b>,
    /// A repeated number whose elements stand side by side, and where their tag begins.
    packed: Option<(&'static Field, Reader<'b>, usize)>,
    /// How many elements each repeated field had.
    counts: Vec<u32>,
    is_broken: bool,
}

impl<'b, 'p> Fields<'b, 'p> {
    /// The fields of a message in one span.
    #[inline]
    pub(super) fn new(pass: &Pass, id: MessageId, span: Span<'b>, path: &'p Path<'p>) -> Self {
        let message = pass.tables.message(id);
        Self {
            message,
            path,
            reader: Reader::new(span, path.depth),
            packed: None,
            counts: vec![0; message.repeated],
            is_broken: false,
        }
    }

    /// The fields of the message, or of the entry, that a field holds.
    #[inline]
    pub(super) fn inside(pass: &Pass, found: &Found<'b>, path: &'p Path<'p>) -> Self {
        let (Kind::Message(id) | Kind::Entry(id)) = found.field.kind else {
            unreachable!("the typed readers look into messages only")
        };
        Self::new(pass, id, found.span(), path)
    }

    /// Goes on with another span of the same message.
    pub(super) fn enter(&mut self, span: Span<'b>) {
        self.reader = Reader::new(span, self.path.depth);
    }

    /// The field of this number, if the revision has one.
    pub(super) fn known(&self, number: u32) -> Option<&'static Field> {
        self.message.field(number)
    }

    /// Whether something in the message itself is no protobuf, so that what is not there may have been.
    pub(super) fn is_broken(&self) -> bool {
        self.is_broken
    }

    /// The path of one of the fields.
    pub(super) fn path<'f>(&'f self, found: &Found<'f>) -> Path<'f> {
        self.path.step(match (found.field.repeated, found.field.kind) {
            _ if self.message.is_entry => Step::Silent,
            (_, Kind::Entry(_)) => Step::Entry(&found.field.name, found.span().bytes),
            (Some(_), _) => Step::Item(&found.field.name, found.index),
            (None, _) => Step::Field(&found.field.name),
        })
    }

    /// Hands the next field to `read`, if it is this repeated one and short. What `read` makes nothing of stays
    /// unread.
    #[inline]
    pub(super) fn next_short<T>(
        &mut self,
        field: &Field,
        read: impl FnOnce(&'b [u8]) -> Option<T>,
    ) -> Option<T> {
        let (bytes, rest) = self.reader.short(field.number)?;
        let value = read(bytes)?;
        self.reader = rest;
        if let Some(place) = field.repeated {
            self.counts[place] += 1;
        }
        Some(value)
    }

    /// The next known field; none at the end, which may be where the bytes stop being protobuf.
    #[inline]
    pub(super) fn next(&mut self, pass: &mut Pass) -> Option<Found<'b>> {
        if self.packed.is_some()
            && let Some(element) = self.next_element(pass)
        {
            return Some(element);
        }
        loop {
            let offset = self.reader.offset();
            let raw = match self.reader.field() {
                Ok(Some(raw)) => raw,
                Ok(None) => return None,
                Err(fault) => {
                    pass.refuse_wire(fault, self.path, self.reader.offset());
                    self.is_broken = true;
                    self.reader.stop();
                    return None;
                }
            };
            let Some(field) = self.message.field(raw.number) else {
                if self.message.is_ours {
                    pass.report_unknown(raw.number, self.path, offset, self.reader.offset() - offset);
                }
                continue;
            };
            if raw.value.wire_type() == field.wire_type {
                return Some(self.found(pass, field, raw.value, offset));
            }
            if let Some(first) = self.unpack(pass, field, raw.value, offset) {
                return Some(first);
            }
        }
    }

    #[inline]
    fn found(&mut self, pass: &mut Pass, field: &'static Field, raw: Raw<'b>, offset: usize) -> Found<'b> {
        let mut index = 0;
        if let Some(place) = field.repeated {
            index = self.counts[place];
            self.counts[place] += 1;
        }
        let mut found = Found { field, value: Value::Opaque, offset, index };
        match raw {
            Raw::Varint(number) => found.value = Value::Number(number),
            Raw::Delimited(span) if field.kind == Kind::Text => match str::from_utf8(span.bytes) {
                Ok(text) => found.value = Value::Text(text),
                Err(error) => {
                    let at = span.offset + error.valid_up_to();
                    pass.refuse(Cause::TextNotUtf8, &self.path(&found), at, format_args!("not UTF-8"));
                    // A stand-in, so that a broken text is not taken for none.
                    found.value = Value::Text("\u{fffd}");
                }
            },
            Raw::Delimited(span) => found.value = Value::Bytes(span),
            Raw::Fixed32 | Raw::Fixed64 | Raw::Group => {}
        }
        found
    }

    /// A value in another layout than its field's: elements side by side, or a refusal.
    #[cold]
    fn unpack(
        &mut self,
        pass: &mut Pass,
        field: &'static Field,
        raw: Raw<'b>,
        offset: usize,
    ) -> Option<Found<'b>> {
        if let (Some(_), Raw::Delimited(span), Kind::Number(_) | Kind::Enum(_)) =
            (field.repeated, raw, field.kind)
        {
            self.packed = Some((field, Reader::new(span, 0), offset));
            return self.next_element(pass);
        }
        let (path, found) = (self.path.field(&field.name), raw.wire_type());
        pass.refuse(
            Cause::CutShort,
            &path,
            offset,
            format_args!("{found}, where {} is due", field.wire_type),
        );
        self.is_broken = true;
        None
    }

    #[cold]
    fn next_element(&mut self, pass: &mut Pass) -> Option<Found<'b>> {
        let (field, reader, offset) = self.packed.as_mut()?;
        let (field, offset) = (*field, *offset);
        match reader.element(field.wire_type) {
            Ok(Some(raw)) => return Some(self.found(pass, field, raw, offset)),
            Ok(None) => {}
            Err(fault) => {
                let at = reader.offset();
                pass.refuse_wire(fault, &self.path.field(&field.name), at);
                self.is_broken = true;
            }
        }
        self.packed = None;
        None
    }
}

/// Checks a whole message of the contract. Of a message that no revision has, every field is unknown.
pub(super) fn whole(full_name: &str, bytes: &[u8], revision: Revision) -> Reading<()> {
    let (tables, id) = Tables::find(full_name, revision).unwrap_or_else(|| Tables::nothing(revision));
    let mut pass = Pass::new(tables);
    message(&mut pass, id, &[Span::whole(bytes)], &Path::ROOT);
    pass.finish(())
}

/// Checks a message by its tables alone: all of the wire, and in it every text, enum and JSON.
pub(super) fn message(pass: &mut Pass, id: MessageId, spans: &[Span<'_>], path: &Path<'_>) {
    let Some((first, others)) = spans.split_first() else { return };
    if path.depth > MAX_DEPTH {
        return pass.refuse_wire(Fault::TooDeep, path, first.offset);
    }
    let mut fields = Fields::new(pass, id, *first, path);
    let mut others = others.iter();
    // Of a singular field the last value counts, and of a singular message the sum: both are known at the end.
    let mut singular: Vec<(Found<'_>, Vec<Span<'_>>)> = Vec::new();
    loop {
        while let Some(found) = fields.next(pass) {
            if found.field.repeated.is_some() {
                value(pass, &found, &[found.span()], &fields.path(&found));
            } else if !matches!(found.field.kind, Kind::Number(_) | Kind::Text | Kind::Bytes) {
                match singular.iter_mut().find(|(earlier, _)| earlier.field.number == found.field.number) {
                    Some((earlier, spans)) => {
                        *earlier = found;
                        spans.push(found.span());
                    }
                    None => singular.push((found, vec![found.span()])),
                }
            }
        }
        match others.next() {
            Some(span) => fields.enter(*span),
            None => break,
        }
    }
    for (found, spans) in &singular {
        value(pass, found, spans, &fields.path(found));
    }
}

/// Checks what a field holds; for a message, in all the spans that make it up.
pub(super) fn value(pass: &mut Pass, found: &Found<'_>, spans: &[Span<'_>], path: &Path<'_>) {
    match found.field.kind {
        Kind::Message(id) | Kind::Entry(id) => message(pass, id, spans, path),
        Kind::Enum(id) => {
            if !pass.tables.enumeration(id).knows(found.int32()) {
                pass.refuse_number(id, found.int32(), path, found.offset);
            }
        }
        Kind::Json(shape) => {
            let span = found.span();
            let checked = match shape {
                JsonShape::Map => json::check_map(span.bytes),
                JsonShape::Any => json::check_any(span.bytes),
            };
            if let Err(fault) = checked {
                pass.refuse_json(fault, path, span.offset);
            }
        }
        Kind::Number(_) | Kind::Text | Kind::Bytes => {}
    }
}
