//! The protobuf wire: tags, varints, lengths and groups, read in place.
//!
//! Nothing here knows a message. A [`Reader`] yields the fields of one stretch of bytes in order; where the
//! bytes are no protobuf it says why, and then it is at its end.

use std::fmt;

/// How deep messages and groups may nest. It is prost's limit; protobuf-go has 10,000.
pub(super) const MAX_DEPTH: u32 = 100;

/// The highest field number there is.
const MAX_NUMBER: u32 = (1 << 29) - 1;

/// How many bytes a varint has at most.
const LONGEST_VARINT: usize = 10;

/// A stretch of a message that knows where in the whole it lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span<'b> {
    /// The bytes.
    pub(super) bytes: &'b [u8],
    /// Where they begin in the whole message.
    pub(super) offset: usize,
}

impl<'b> Span<'b> {
    /// The whole message.
    pub(super) fn whole(bytes: &'b [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    /// Where the bytes end in the whole message.
    pub(super) fn end(&self) -> usize {
        self.offset + self.bytes.len()
    }
}

/// How a value is laid out on the wire. The number in a tag is the discriminant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WireType {
    /// A number of one to ten bytes.
    Varint = 0,
    /// Eight bytes.
    Fixed64 = 1,
    /// A length, and as many bytes.
    Delimited = 2,
    /// Fields between two tags, an old form that proto3 never writes.
    Group = 3,
    /// The second of those tags; no value has it.
    GroupEnd = 4,
    /// Four bytes.
    Fixed32 = 5,
}

impl fmt::Display for WireType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Varint => "a varint",
            Self::Fixed64 => "eight fixed bytes",
            Self::Delimited => "a length and bytes",
            Self::Group => "a group",
            Self::GroupEnd => "the end of a group",
            Self::Fixed32 => "four fixed bytes",
        })
    }
}

/// A value as it lies on the wire. Of what no check looks into, the bytes are left out.
#[derive(Clone, Copy, Debug)]
pub(super) enum Raw<'b> {
    Varint(u64),
    Fixed64,
    Delimited(Span<'b>),
    Group,
    Fixed32,
}

impl Raw<'_> {
    /// Its layout.
    pub(super) fn wire_type(&self) -> WireType {
        match self {
            Self::Varint(_) => WireType::Varint,
            Self::Fixed64 => WireType::Fixed64,
            Self::Delimited(_) => WireType::Delimited,
            Self::Group => WireType::Group,
            Self::Fixed32 => WireType::Fixed32,
        }
    }
}

/// One field on the wire.
#[derive(Clone, Copy, Debug)]
pub(super) struct RawField<'b> {
    /// Its number.
    pub(super) number: u32,
    /// Its value.
    pub(super) value: Raw<'b>,
}

/// Why bytes are no protobuf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The bytes end within a varint.
    VarintCut,
    /// A varint of more than 64 bits.
    VarintTooLong,
    /// A tag whose field number is 0 or beyond the highest.
    Number(u64),
    /// A wire type that does not exist.
    WireType(u64),
    /// A length that reaches beyond the bytes.
    Length { due: u64, left: usize },
    /// The end of a group that was not begun, or of another one.
    GroupEnd(u32),
    /// Messages or groups nest too deep.
    TooDeep,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::VarintCut => f.write_str("the bytes end where a varint is due"),
            Self::VarintTooLong => f.write_str("a varint of more than 64 bits"),
            Self::Number(number) => write!(f, "a tag with the field number {number}"),
            Self::WireType(wire_type) => {
                write!(f, "a tag with the wire type {wire_type}, which does not exist")
            }
            Self::Length { due, left } => write!(f, "{due} bytes are due and {left} are left"),
            Self::GroupEnd(number) => write!(f, "the end of group {number}, which is not open here"),
            Self::TooDeep => write!(f, "nested more than {MAX_DEPTH} deep"),
        }
    }
}

/// The tag of a field with a number below 16, which takes one byte. For constants.
pub(super) const fn short_tag(number: u32, wire_type: WireType) -> u8 {
    assert!(number < 16);
    number.to_le_bytes()[0] << 3 | wire_type as u8
}

/// What of a varint counts for a number of 32 bits: protobuf cuts off the rest.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "protobuf cuts it off")]
pub(super) fn uint32(varint: u64) -> u32 {
    varint as u32
}

/// Reads the fields of one stretch of bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'b> {
    rest: &'b [u8],
    /// Where the stretch ends in the whole message.
    end: usize,
    /// How many levels of groups may still open.
    depth_left: u32,
}

impl<'b> Reader<'b> {
    /// Reads a span that lies `depth` messages deep.
    pub(super) fn new(span: Span<'b>, depth: u32) -> Self {
        Self { rest: span.bytes, end: span.end(), depth_left: MAX_DEPTH.saturating_sub(depth) }
    }

    /// Where the next byte lies in the whole message.
    #[inline]
    pub(super) fn offset(&self) -> usize {
        self.end - self.rest.len()
    }

    /// Leaves the rest unread.
    pub(super) fn stop(&mut self) {
        self.rest = &[];
    }

    /// The next field; none at the end.
    #[inline]
    pub(super) fn field(&mut self) -> Result<Option<RawField<'b>>, Fault> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (number, wire_type) = self.tag()?;
        let value = self.value(number, wire_type, self.depth_left)?;
        Ok(Some(RawField { number, value }))
    }

    /// The bytes of the next field, and the reader behind it, if the field has this number and is delimited and
    /// short: tag and length of a byte each.
    #[inline]
    pub(super) fn short(&self, number: u32) -> Option<(&'b [u8], Self)> {
        let [tag, length @ 0..0x80, rest @ ..] = self.rest else { return None };
        let (bytes, rest) = rest.split_at_checked(usize::from(*length))?;
        let is_due = u32::from(*tag) == number << 3 | WireType::Delimited as u32;
        is_due.then_some((bytes, Self { rest, ..*self }))
    }

    /// The next element of a packed field; none at the end.
    pub(super) fn element(&mut self, wire_type: WireType) -> Result<Option<Raw<'b>>, Fault> {
        if self.rest.is_empty() { Ok(None) } else { self.value(0, wire_type, 0).map(Some) }
    }

    #[inline]
    fn tag(&mut self) -> Result<(u32, WireType), Fault> {
        let tag = self.varint()?;
        let number = tag >> 3;
        let wire_type = match tag & 7 {
            0 => WireType::Varint,
            1 => WireType::Fixed64,
            2 => WireType::Delimited,
            3 => WireType::Group,
            4 => WireType::GroupEnd,
            5 => WireType::Fixed32,
            other => return Err(Fault::WireType(other)),
        };
        match u32::try_from(number) {
            Ok(number @ 1..=MAX_NUMBER) => Ok((number, wire_type)),
            _ => Err(Fault::Number(number)),
        }
    }

    #[inline]
    fn value(&mut self, number: u32, wire_type: WireType, depth_left: u32) -> Result<Raw<'b>, Fault> {
        match wire_type {
            WireType::Varint => self.varint().map(Raw::Varint),
            WireType::Delimited => {
                let due = self.varint()?;
                self.take(due).map(Raw::Delimited)
            }
            WireType::Fixed64 => self.take(8).map(|_| Raw::Fixed64),
            WireType::Fixed32 => self.take(4).map(|_| Raw::Fixed32),
            WireType::Group => self.skip_group(number, depth_left).map(|()| Raw::Group),
            WireType::GroupEnd => Err(Fault::GroupEnd(number)),
        }
    }

    #[cold]
    fn skip_group(&mut self, group: u32, depth_left: u32) -> Result<(), Fault> {
        let depth_left = depth_left.checked_sub(1).ok_or(Fault::TooDeep)?;
        loop {
            match self.tag()? {
                (number, WireType::GroupEnd) if number == group => return Ok(()),
                (number, wire_type) => self.value(number, wire_type, depth_left)?,
            };
        }
    }

    #[inline]
    fn take(&mut self, due: u64) -> Result<Span<'b>, Fault> {
        let offset = self.offset();
        let taken = usize::try_from(due).ok().and_then(|length| self.rest.split_at_checked(length));
        let (bytes, rest) = taken.ok_or(Fault::Length { due, left: self.rest.len() })?;
        self.rest = rest;
        Ok(Span { bytes, offset })
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, Fault> {
        let (value, rest) = varint(self.rest)?;
        self.rest = rest;
        Ok(value)
    }
}

/// Takes a varint off the front of bytes.
#[inline]
pub(super) fn varint(bytes: &[u8]) -> Result<(u64, &[u8]), Fault> {
    // One byte takes tags, statuses and most lengths; up to three, the index of an action.
    match bytes {
        [a @ 0..0x80, rest @ ..] => Ok((u64::from(*a), rest)),
        [a, b @ 0..0x80, rest @ ..] => Ok((u64::from(a & 0x7f) | u64::from(*b) << 7, rest)),
        [a, b, c @ 0..0x80, rest @ ..] => {
            Ok((u64::from(a & 0x7f) | u64::from(b & 0x7f) << 7 | u64::from(*c) << 14, rest))
        }
        _ => long_varint(bytes),
    }
}

#[cold]
fn long_varint(bytes: &[u8]) -> Result<(u64, &[u8]), Fault> {
    let mut value = 0;
    for (at, byte) in bytes.iter().take(LONGEST_VARINT).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if *byte < 0x80 {
            // The tenth byte holds the last of 64 bits.
            let fits = at + 1 < LONGEST_VARINT || *byte <= 1;
            return if fits { Ok((value, &bytes[at + 1..])) } else { Err(Fault::VarintTooLong) };
        }
    }
    Err(if bytes.len() < LONGEST_VARINT { Fault::VarintCut } else { Fault::VarintTooLong })
}
