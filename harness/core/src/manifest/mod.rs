//! `plugin.json` as its host reads it, with the place of everything in it.
//!
//! The host decodes it as Go does: the case of a key does not count, of a key that is there twice the last one does,
//! `null` says nothing, and a value of another type than its field spoils the whole file (E-231).

mod json;

use std::collections::HashMap;

pub use self::json::Malformed;
use self::json::{Member, Node, Value};
use crate::scenario::{Span, nearest};

/// The file name of a manifest.
pub const FILE: &str = "plugin.json";

/// The type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Text,
    Texts,
    Object,
}

impl Shape {
    const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Texts => "a list of texts",
            Self::Object => "an object",
        }
    }
}

/// The object that says what a plugin can do.
pub const CAPABILITIES: &str = "capabilities";
/// The list of the services of the contract that a plugin serves.
pub const SERVICES: &str = "iacServices";
/// The list of the state backends that a plugin serves.
pub const BACKENDS: &str = "iacStateBackends";

/// The fields that a host reads of a provider's manifest, by their paths (E-231, E-232, E-234).
const FIELDS: [(&str, Shape); 15] = [
    ("name", Shape::Text),
    ("version", Shape::Text),
    ("author", Shape::Text),
    ("description", Shape::Text),
    ("minEngineVersion", Shape::Text),
    (CAPABILITIES, Shape::Object),
    ("capabilities.iacProvider", Shape::Object),
    ("capabilities.iacProvider.name", Shape::Text),
    ("capabilities.iacProvider.resourceTypes", Shape::Texts),
    ("capabilities.iacServices", Shape::Texts),
    ("capabilities.iacStateBackends", Shape::Texts),
    ("iacProvider", Shape::Object),
    ("iacProvider.computePlanVersion", Shape::Text),
    ("iacServices", Shape::Texts),
    ("iacStateBackends", Shape::Texts),
];

/// The path of what lies where a host reads no field.
const NOWHERE: &str = "[]";

/// How many keys are looked at for one that was meant to be another. Files with more were made to cost much.
const MOST_GUESSED: usize = 200;

/// A manifest that can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    root: Node,
}

/// A text in a manifest, and its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<'m> {
    /// What it says.
    pub value: &'m str,
    /// Where.
    pub span: Span,
}

/// A field that has to be text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field<'m> {
    /// It is not there, or `null`.
    Absent,
    /// It is there.
    Text(Text<'m>),
    /// It, or what it stands in, is of another type.
    Mistyped,
}

impl<'m> Field<'m> {
    /// The text, where it is one.
    pub fn text(self) -> Option<Text<'m>> {
        match self {
            Self::Text(text) => Some(text),
            Self::Absent | Self::Mistyped => None,
        }
    }
}

/// A value of another type than that of its field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistyped {
    /// Where it stands.
    pub span: Span,
    /// The field, by its path.
    pub field: &'static str,
    /// Whether it is a value in the field's list.
    pub in_list: bool,
    /// The type that it must have.
    pub expected: &'static str,
    /// The type that it has.
    pub found: &'static str,
}

/// A key that is there once more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeated<'m> {
    /// Where it is there again.
    pub span: Span,
    /// The key, as it is written there.
    pub key: &'m str,
    /// Where it was there first.
    pub first: Span,
}

/// What a path leads to.
enum Found<'m> {
    Absent,
    Node(&'m Node),
    /// What it goes through is no object.
    Mistyped,
}

impl Manifest {
    /// Reads the text of a manifest.
    ///
    /// # Errors
    /// Where it is no JSON, or no object.
    pub fn read(text: &str) -> Result<Self, Malformed> {
        let root = json::read(text).map_err(|Malformed { span, message }| Malformed {
            span,
            message: format!("this is no JSON: {message}"),
        })?;
        if matches!(root.value, Value::Object(_)) {
            Ok(Self { root })
        } else {
            let message = format!("this is {}, and a manifest is an object", type_of(&root.value));
            Err(Malformed { span: Span { len: 1, ..root.span }, message })
        }
    }

    /// The field of a path such as `capabilities.iacProvider.name`.
    pub fn text(&self, path: &str) -> Field<'_> {
        match self.find(path) {
            Found::Absent => Field::Absent,
            Found::Mistyped => Field::Mistyped,
            Found::Node(node) => text_of(node).map_or(Field::Mistyped, Field::Text),
        }
    }

    /// The lists of a name, with their texts: the host puts those of `capabilities` to those beside it. One that is
    /// mistyped is left out.
    pub fn lists(&self, name: &str) -> Vec<Vec<Text<'_>>> {
        let lists = self.places_of_list(name);
        let texts = lists.into_iter().filter_map(|node| match &node.value {
            Value::List(values) if values.iter().all(is_text_or_null) => {
                Some(values.iter().filter_map(text_of).collect())
            }
            _ => None,
        });
        texts.collect()
    }

    /// The place of the list of a name, or of what it would stand in.
    pub fn place_of_list(&self, name: &str) -> Span {
        self.places_of_list(name).first().map_or_else(|| self.place(name), |node| node.span)
    }

    fn places_of_list(&self, name: &str) -> Vec<&Node> {
        let paths = [name.to_owned(), format!("{CAPABILITIES}.{name}")];
        let nodes = paths.iter().filter_map(|path| match self.find(path) {
            Found::Node(node) => Some(node),
            Found::Absent | Found::Mistyped => None,
        });
        nodes.collect()
    }

    /// The place of a field, of its `null` too; or where it is absent, that of the key in whose object it would stand; that of the opening
    /// brace where it would stand in no other.
    pub fn place(&self, path: &str) -> Span {
        let mut place = Span { len: 1, ..self.root.span };
        let mut object = &self.root;
        for key in path.split('.') {
            let null = || members_of(object).iter().rfind(|member| member.key.eq_ignore_ascii_case(key));
            let Some(member) = last_of(object, key).or_else(null) else { return place };
            (place, object) = (member.key_span, &member.value);
        }
        object.span
    }

    /// The key that stands where a field is absent, and was probably meant to be it.
    pub fn misspelt(&self, path: &str) -> Option<Text<'_>> {
        let (above, key) = path.rsplit_once('.').unwrap_or(("", path));
        let object = if above.is_empty() { Found::Node(&self.root) } else { self.find(above) };
        let Found::Node(Node { value: Value::Object(members), .. }) = object else { return None };
        let unknown = members.iter().filter(|member| field(&below(above, &member.key)).is_none());
        let unknown: Vec<&Member> = unknown.take(MOST_GUESSED).collect();
        let meant = nearest(key, unknown.iter().map(|member| member.key.as_str()))?;
        let member = unknown.into_iter().find(|member| member.key == meant)?;
        Some(Text { value: &member.key, span: member.key_span })
    }

    /// Every field that a host reads and that is of another type.
    pub fn mistyped(&self) -> Vec<Mistyped> {
        let mut mistyped = Vec::new();
        for (field, shape) in FIELDS {
            let Found::Node(node) = self.find(field) else { continue };
            let mut add = |node: &Node, in_list, expected| {
                let found = type_of(&node.value);
                mistyped.push(Mistyped { span: node.span, field, in_list, expected, found });
            };
            match (shape, &node.value) {
                (Shape::Text, Value::Text(_)) | (Shape::Object, Value::Object(_)) => {}
                (Shape::Texts, Value::List(values)) => {
                    for value in values.iter().filter(|value| !is_text_or_null(value)) {
                        add(value, true, Shape::Text.name());
                    }
                }
                (shape, _) => add(node, false, shape.name()),
            }
        }
        mistyped
    }

    /// Every key that is there more than once in its object. The case of a key counts where a host reads no field.
    pub fn repeated(&self) -> Vec<Repeated<'_>> {
        let mut repeated = Vec::new();
        repeated_in(&self.root, "", &mut repeated);
        repeated.sort_by_key(|again| again.span);
        repeated
    }

    fn find(&self, path: &str) -> Found<'_> {
        let mut node = &self.root;
        for key in path.split('.') {
            if !matches!(node.value, Value::Object(_)) {
                return Found::Mistyped;
            }
            let Some(member) = last_of(node, key) else { return Found::Absent };
            node = &member.value;
        }
        Found::Node(node)
    }
}

/// The member of an object that counts for a key.
fn last_of<'m>(node: &'m Node, key: &str) -> Option<&'m Member> {
    let counts =
        |member: &&Member| member.key.eq_ignore_ascii_case(key) && !matches!(member.value.value, Value::Null);
    members_of(node).iter().rfind(counts)
}

fn members_of(node: &Node) -> &[Member] {
    match &node.value {
        Value::Object(members) => members,
        _ => &[],
    }
}

fn text_of(node: &Node) -> Option<Text<'_>> {
    match &node.value {
        Value::Text(value) => Some(Text { value, span: node.span }),
        _ => None,
    }
}

fn is_text_or_null(node: &Node) -> bool {
    matches!(node.value, Value::Text(_) | Value::Null)
}

const fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool => "a boolean",
        Value::Number => "a number",
        Value::Text(_) => "text",
        Value::List(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The path of a key in an object.
fn below(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The field of a path, whatever its case.
fn field(path: &str) -> Option<&'static str> {
    FIELDS.iter().map(|(field, _)| *field).find(|field| field.eq_ignore_ascii_case(path))
}

fn repeated_in<'m>(node: &'m Node, path: &str, repeated: &mut Vec<Repeated<'m>>) {
    match &node.value {
        Value::List(values) => {
            for value in values {
                repeated_in(value, NOWHERE, repeated);
            }
        }
        Value::Object(members) => {
            let mut seen: HashMap<&str, Span> = HashMap::new();
            for member in members {
                let field = field(&below(path, &member.key));
                let key = field.unwrap_or(&member.key);
                match seen.get(key) {
                    Some(first) => {
                        repeated.push(Repeated { span: member.key_span, key: &member.key, first: *first });
                    }
                    None => drop(seen.insert(key, member.key_span)),
                }
                repeated_in(&member.value, field.unwrap_or(NOWHERE), repeated);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value<'m>(manifest: &'m Manifest, path: &str) -> Option<&'m str> {
        manifest.text(path).text().map(|text| text.value)
    }

    #[test]
    fn a_manifest_is_read_as_go_reads_it() {
        let text = r#"{"name":"a","NAME":"b","name":null,"Capabilities":{"IACprovider":{"Name":"p"}}}"#;
        let manifest = Manifest::read(text).unwrap();
        assert_eq!(value(&manifest, "name"), Some("b"));
        assert_eq!(value(&manifest, "capabilities.iacProvider.name"), Some("p"));
        assert_eq!(manifest.text("version"), Field::Absent);
        let list = Manifest::read(r#"{"capabilities":["iac.provider"]}"#).unwrap();
        assert_eq!(list.text("capabilities.iacProvider.name"), Field::Mistyped);
    }

    #[test]
    fn lists_beside_capabilities_and_in_it_both_count() {
        let text = r#"{"iacServices":["A",null,"B"],"capabilities":{"iacServices":["C"]}}"#;
        let manifest = Manifest::read(text).unwrap();
        let values: Vec<&str> =
            manifest.lists("iacServices").concat().iter().map(|text| text.value).collect();
        assert_eq!(values, ["A", "B", "C"]);
        assert!(manifest.lists("iacStateBackends").is_empty());
        assert!(manifest.mistyped().is_empty());
    }

    #[test]
    fn a_field_of_another_type_is_told_with_both() {
        let text =
            r#"{"name":7,"iacServices":[{}],"capabilities":[],"iacProvider":{"computePlanVersion":2}}"#;
        let told: Vec<_> = Manifest::read(text).unwrap().mistyped();
        let told: Vec<_> = told.iter().map(|one| (one.field, one.expected, one.found)).collect();
        let expected = [
            ("name", "text", "a number"),
            ("capabilities", "an object", "a list"),
            ("iacProvider.computePlanVersion", "text", "a number"),
            ("iacServices", "text", "an object"),
        ];
        assert_eq!(told, expected);
        let error = Manifest::read(" []").unwrap_err();
        assert_eq!(
            (error.span.start, error.message.as_str()),
            (1, "this is a list, and a manifest is an object")
        );
    }

    #[test]
    fn keys_that_are_there_twice_are_found_at_every_depth() {
        let text = r#"{"name":"a","Name":"b","x":[{"y":1,"Y":2,"y":3}],"capabilities":{"a":1,"a":2}}"#;
        let manifest = Manifest::read(text).unwrap();
        let keys: Vec<&str> = manifest.repeated().iter().map(|again| again.key).collect();
        assert_eq!(keys, ["Name", "y", "a"]);
    }

    #[test]
    fn what_is_absent_has_the_place_in_which_it_would_stand() {
        let text = r#"{"capabilities":{"iacProvider":{"nam":"x"}},"minEngineVersoin":"1"}"#;
        let manifest = Manifest::read(text).unwrap();
        let written = |span: Span| &text[span.start..span.end()];
        assert_eq!(written(manifest.place("version")), "{");
        assert_eq!(written(manifest.place("capabilities.iacProvider.name")), "\"iacProvider\"");
        assert_eq!(written(manifest.place("capabilities.iacProvider.nam")), "\"x\"");
        assert_eq!(manifest.misspelt("minEngineVersion").map(|key| key.value), Some("minEngineVersoin"));
        assert_eq!(manifest.misspelt("capabilities.iacProvider.name").map(|key| key.value), Some("nam"));
        assert_eq!(manifest.misspelt("author"), None);
        let null = Manifest::read(r#"{"name":null}"#).unwrap();
        assert_eq!(null.place("name").start, 8);
    }
}
