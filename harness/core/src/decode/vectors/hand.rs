//! Bytes put together by hand, field by field.

/// A message in the making.
#[derive(Clone, Default)]
pub(super) struct Wire(Vec<u8>);

/// An empty message.
pub(super) fn empty() -> Wire {
    Wire::default()
}

impl Wire {
    /// Bytes as they are.
    pub(super) fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn varint(mut self, mut value: u64) -> Self {
        while value >= 0x80 {
            self.0.push(0x80 | value.to_le_bytes()[0]);
            value >>= 7;
        }
        self.0.push(value.to_le_bytes()[0]);
        self
    }

    /// A field that holds a number.
    pub(super) fn number(self, field: u64, value: i64) -> Self {
        self.varint(field << 3).varint(value.cast_unsigned())
    }

    /// A field that holds a text, bytes or a message.
    pub(super) fn field(self, field: u64, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        self.varint(field << 3 | 2).varint(value.len() as u64).raw(value)
    }

    /// A field that holds nothing but fields, between two tags.
    pub(super) fn group(self, field: u64, content: impl AsRef<[u8]>) -> Self {
        self.varint(field << 3 | 3).raw(content.as_ref()).varint(field << 3 | 4)
    }

    /// The bytes so far.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl AsRef<[u8]> for Wire {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// An `ActionError`, in a list of errors: the resource, the action and the text.
pub(super) fn error(resource: &str, action: &str, text: impl AsRef<[u8]>) -> Wire {
    empty().field(1, resource).field(2, action).field(3, text)
}
