//! Changes to an encoded message, by the names of its fields: what a `wire` fault does to a reply.

/// What is done to a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edit {
    /// Fields that get another value, by their paths.
    pub set: Vec<(String, Value)>,
    /// Fields that are taken out, by their paths.
    pub drop: Vec<String>,
    /// How many bytes are kept in the end; none: all.
    pub truncate: Option<usize>,
}

/// The new value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Text or bytes, or the name of an enum's value.
    Text(String),
    /// A whole number, or the number of an enum's value.
    Number(i64),
    /// True or false.
    Bool(bool),
}
