//! Where in a message the decoder stands.

use std::fmt;

use super::wire::{Raw, Reader, Span};

/// How many characters of a map's key a path shows.
const KEY_SHOWN: usize = 60;
/// How many fields of an entry are looked at for its key. Honest ones have two.
const KEY_SOUGHT: usize = 8;

/// The way from the outermost message to a field. It lives on the stack and becomes text only in a refusal.
#[derive(Clone, Copy)]
pub(super) struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    step: Step<'p>,
    /// How many messages deep.
    pub(super) depth: u32,
}

/// One step of the way.
#[derive(Clone, Copy)]
pub(super) enum Step<'p> {
    /// Nothing to show: the outermost message, or key and value of an entry, which the entry names.
    Silent,
    /// A field.
    Field(&'p str),
    /// An element of a repeated field.
    Item(&'p str, u32),
    /// An entry of a map, with its bytes, which hold the key.
    Entry(&'p str, &'p [u8]),
}

impl<'p> Path<'p> {
    /// The outermost message.
    pub(super) const ROOT: Path<'static> = Path { parent: None, step: Step::Silent, depth: 0 };

    /// One step on.
    pub(super) fn step(&'p self, step: Step<'p>) -> Self {
        Self { parent: Some(self), step, depth: self.depth + 1 }
    }

    /// A field of the message at this path.
    pub(super) fn field(&'p self, name: &'p str) -> Self {
        self.step(Step::Field(name))
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(parent) = self.parent else { return Ok(()) };
        parent.fmt(f)?;
        let dot = if parent.parent.is_some() { "." } else { "" };
        match self.step {
            Step::Silent => Ok(()),
            Step::Field(name) => {
                f.write_str(dot)?;
                f.write_str(name)
            }
            Step::Item(name, index) => write!(f, "{dot}{name}[{index}]"),
            Step::Entry(name, entry) => write!(f, "{dot}{name}[{:?}]", key(entry)),
        }
    }
}

/// The key of a map's entry, as far as it can be read and shown.
fn key(entry: &[u8]) -> String {
    let mut reader = Reader::new(Span::whole(entry), 0);
    let mut key: &[u8] = &[];
    for _ in 0..KEY_SOUGHT {
        let Ok(Some(field)) = reader.field() else { break };
        if let (1, Raw::Delimited(span)) = (field.number, field.value) {
            key = span.bytes;
        }
    }
    let text = String::from_utf8_lossy(key);
    match text.char_indices().nth(KEY_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into_owned(),
    }
}
