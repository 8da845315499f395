//! Changes to an encoded message, by the names of its fields: what a `wire` fault does to a reply.
//!
//! A path leads from the message to what is changed: `output.outputs_json`, with a position in a list
//! (`result.actions.0.status`) or a key of a map (`output.sensitive.password`). The bytes of everything else stay
//! as they were sent, and in their order.

use std::{borrow::Cow, sync::OnceLock};

use bytes::Bytes;
use prost::encode_length_delimiter;
use prost_reflect::{
    DescriptorPool, DynamicMessage, EnumDescriptor, EnumValueDescriptor, FieldDescriptor, Kind,
    Value as Reflected,
};

use crate::{DESCRIPTORS, Revision, history};

/// What is done to a message, in this order: fields are dropped, fields are set, the rest is cut off.
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
    /// Text or bytes, or the name of an enum's value: `ACTION_STATUS_SUCCESS`, or `success` in short.
    Text(String),
    /// A whole number, or the number of an enum's value.
    Number(i64),
    /// True or false.
    Bool(bool),
}

/// Why an edit does not fit a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// The contract has no such message.
    #[error("there is no message `{0}`")]
    NoMessage(String),
    /// A step of the path names no field.
    #[error("{message} has no field `{field}`")]
    NoField {
        /// The message, by its short name.
        message: String,
        /// What was written.
        field: String,
        /// The fields that the message has.
        known: Vec<String>,
    },
    /// A step into a list is no position.
    #[error("`{field}` is a list, and `{position}` is no position in it")]
    NoPosition {
        /// The list.
        field: String,
        /// What was written.
        position: String,
    },
    /// The path goes on behind a single value.
    #[error("nothing is inside of `{field}`, which is {kind}")]
    NothingInside {
        /// The field.
        field: String,
        /// What it is.
        kind: &'static str,
    },
    /// Only single values can be set, not messages, lists and maps.
    #[error("`{field}` is {kind}, which cannot be set as a whole")]
    NotOneValue {
        /// The field.
        field: String,
        /// What it is.
        kind: &'static str,
    },
    /// The field holds values of another type.
    #[error("`{path}` takes {expected}")]
    WrongValue {
        /// The whole path.
        path: String,
        /// What would fit.
        expected: &'static str,
    },
    /// An enum has no value of that name.
    #[error("{name} has no value `{value}`")]
    NoEnumValue {
        /// The enum, by its short name.
        name: String,
        /// What was written.
        value: String,
        /// The values that it has.
        known: Vec<String>,
        /// The same in short, in the same order; empty where names have no prefix of the enum's own.
        short: Vec<String>,
    },
}

impl Edit {
    /// The message as it is after the edit. `message` is its full name.
    ///
    /// What cannot be done is left undone: a path to drop that is not there, a position behind the end of a list (one
    /// that is equal to the length appends), and everything but the cut where the bytes are no message.
    pub fn apply(&self, message: &str, bytes: &[u8]) -> Bytes {
        let dropped = self.drop.iter().map(|path| (path, None));
        let set = self.set.iter().map(|(path, value)| (path, Some(value)));
        let mut bytes = Cow::Borrowed(bytes);
        for (path, value) in dropped.chain(set) {
            let steps = match value {
                None => steps(message, path),
                Some(_) => steps_to_value(message, path),
            };
            if let Some(changed) = steps.ok().and_then(|steps| change(&bytes, &steps, value)) {
                bytes = Cow::Owned(changed);
            }
        }
        let mut bytes = Bytes::from(bytes.into_owned());
        bytes.truncate(self.truncate.unwrap_or(usize::MAX));
        bytes
    }

    /// Whether a path leads somewhere in the message of that full name, so that it can be dropped.
    ///
    /// # Errors
    /// Where it leads astray.
    pub fn check_drop(message: &str, path: &str) -> Result<(), Mismatch> {
        steps(message, path).map(drop)
    }

    /// Whether a path leads to a single value in the message of that full name, and takes `value`.
    ///
    /// # Errors
    /// Where it leads astray, or what would fit there.
    pub fn check_set(message: &str, path: &str, value: &Value) -> Result<(), Mismatch> {
        let steps = steps_to_value(message, path)?;
        let Some(field) = steps.last().map(Step::field) else { return Ok(()) };
        match (reflected(&field.kind(), value), field.kind(), value) {
            (Some(_), ..) => Ok(()),
            (None, Kind::Enum(kind), Value::Text(value)) => {
                let known: Vec<_> = kind.values().map(|known| known.name().to_owned()).collect();
                Err(Mismatch::NoEnumValue {
                    name: kind.name().to_owned(),
                    value: value.clone(),
                    short: known.iter().filter_map(|name| short(&kind, name)).collect(),
                    known,
                })
            }
            (None, kind, _) => {
                Err(Mismatch::WrongValue { path: path.to_owned(), expected: described(&kind) })
            }
        }
    }
}

/// The lists of the contract whose order says nothing, by their messages and fields: each is a set, or a number of
/// findings that nobody numbers. A provider that gathers one from a map of Go has it in another order each time.
///
/// Every other list is compared in its order. So are the actions of a plan and of an `ApplyResult`, which answer each
/// other one by one; the steps that a migration `applied`; and the modules that requirements become, of which those
/// behind may need those before.
const SETS: [(&str, &str); 40] = [
    ("ApplyResult", "errors"),
    ("ApplyResult", "input_drift_report"),
    ("ApplyResult", "resources"),
    ("CapabilitiesResponse", "canonical_keys"),
    ("CapabilitiesResponse", "capabilities"),
    ("ContractDescriptor", "message_names"),
    ("ContractRegistry", "contracts"),
    ("DerivedModuleSpec", "depends_on"),
    ("DerivedModuleSpec", "satisfies"),
    ("DestroyResult", "destroyed"),
    ("DestroyResult", "errors"),
    ("DetectDriftConfigResponse", "drifts"),
    ("DetectDriftResponse", "drifts"),
    ("DetectDriftWithSpecsResponse", "drifts"),
    ("DiffResult", "changes"),
    ("DiscoverRequirementsResponse", "requirements"),
    ("DriftResult", "fields"),
    ("EnumerateAllResponse", "outputs"),
    ("EnumerateByTagResponse", "refs"),
    ("FinalizeApplyResponse", "errors"),
    ("IaCCapabilityDeclaration", "operations"),
    ("IaCRequirement", "deployment_modes"),
    ("IaCRequirement", "observability_backends"),
    ("IaCRequirement", "runtimes"),
    ("IaCRequirement", "telemetry_signals"),
    ("IaCRequirement", "vendor_features"),
    ("IaCState", "dependencies"),
    ("ListBackendNamesResponse", "backend_names"),
    ("ListOwnersResponse", "resources"),
    ("ListRegionsResponse", "regions"),
    ("ListStatesResponse", "states"),
    ("MapRequirementsResponse", "accepted_keys"),
    ("MapRequirementsResponse", "notes"),
    ("MapRequirementsResponse", "rejected"),
    ("MigrationRepairResult", "diagnostics"),
    ("ResourceSpec", "depends_on"),
    ("SensitiveKeysResponse", "keys"),
    ("StatusResponse", "statuses"),
    ("TroubleshootResponse", "diagnostics"),
    ("ValidatePlanResponse", "diagnostics"),
];

/// Whether two encoded messages of that full name say the same. The order of fields, of the entries of a map, and of lists
/// that are sets is not part of what they say: Go walks through maps in another order each time. How often
/// something stands in a set is. JSON that is `null` says what no bytes say (E-170). What is no message is the same as equal
/// bytes.
pub fn same_message(message: &str, a: &[u8], b: &[u8]) -> bool {
    let read = |bytes: &[u8]| DynamicMessage::decode(pool().get_message_by_name(message)?, bytes).ok();
    a == b
        || matches!((read(a), read(b)), (Some(a), Some(b)) if said(&a, Unknown::Told) == said(&b, Unknown::Told))
}

/// The same, by what one revision knows: a field that it does not know says nothing. None where that cannot be told: one of
/// the two is no message, or the revision has none of that name.
pub fn says_the_same_at(revision: Revision, message: &str, a: &[u8], b: &[u8]) -> Option<bool> {
    let descriptor = pool_at(revision).get_message_by_name(message)?;
    let read = |bytes: &[u8]| DynamicMessage::decode(descriptor.clone(), bytes).ok();
    Some(said(&read(a)?, Unknown::Ignored) == said(&read(b)?, Unknown::Ignored))
}

/// What becomes of fields that nobody knows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unknown {
    Told,
    Ignored,
}

/// What is said, in the one order in which it can be compared.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Said {
    /// A single value.
    One(String),
    /// Values, each under the number of its field or its key in a map; in a list under none.
    Many(Vec<(String, Said)>),
}

/// What a message says.
fn said(message: &DynamicMessage, unknown: Unknown) -> Said {
    let known = message.fields().filter(|(field, value)| !is_nil(field, value));
    let known = known.map(|(field, value)| (field.number().to_string(), said_in(&field, value, unknown)));
    let others = message.unknown_fields().filter(|_| unknown == Unknown::Told);
    let others = others.map(|field| (field.number().to_string(), Said::One(format!("{field:?}"))));
    Said::Many(known.chain(others).collect())
}

/// Whether a field is JSON that says no more than if it were not there.
fn is_nil(field: &FieldDescriptor, value: &Reflected) -> bool {
    let is_null = |bytes: &Bytes| bytes.trim_ascii() == b"null";
    field.name().ends_with("_json") && matches!(value, Reflected::Bytes(bytes) if is_null(bytes))
}

/// What a field says.
fn said_in(field: &FieldDescriptor, value: &Reflected, unknown: Unknown) -> Said {
    let said_by = |value| said_by(value, unknown);
    match value {
        Reflected::List(list) => {
            let mut values: Vec<_> = list.iter().map(|value| (String::new(), said_by(value))).collect();
            if SETS.contains(&(field.parent_message().name(), field.name())) {
                values.sort();
            }
            Said::Many(values)
        }
        Reflected::Map(map) => {
            let mut entries: Vec<_> =
                map.iter().map(|(key, value)| (format!("{key:?}"), said_by(value))).collect();
            entries.sort();
            Said::Many(entries)
        }
        single => said_by(single),
    }
}

/// What a value says that is neither a list nor a map.
fn said_by(value: &Reflected, unknown: Unknown) -> Said {
    match value {
        Reflected::Message(message) => said(message, unknown),
        single => Said::One(format!("{single:?}")),
    }
}

fn pool() -> &'static DescriptorPool {
    static POOL: OnceLock<DescriptorPool> = OnceLock::new();
    POOL.get_or_init(|| DescriptorPool::decode(DESCRIPTORS).expect("the build script encoded it"))
}

fn pool_at(revision: Revision) -> &'static DescriptorPool {
    static POOLS: [OnceLock<DescriptorPool>; Revision::ALL.len()] =
        [const { OnceLock::new() }; Revision::ALL.len()];
    POOLS[revision as usize].get_or_init(|| {
        DescriptorPool::from_file_descriptor_set(history::descriptors(revision)).expect("a revision is whole")
    })
}

/// One step of a path.
enum Step {
    /// To a field.
    Field(FieldDescriptor),
    /// To a position in a list.
    Element(FieldDescriptor, usize),
    /// To the entry of a map that has this key. An entry is a message of `key` and `value`.
    Entry(FieldDescriptor, String),
}

impl Step {
    fn field(&self) -> &FieldDescriptor {
        match self {
            Self::Field(field) | Self::Element(field, _) | Self::Entry(field, _) => field,
        }
    }
}

/// The steps of a path.
fn steps(message: &str, path: &str) -> Result<Vec<Step>, Mismatch> {
    let no_message = || Mismatch::NoMessage(message.to_owned());
    let mut inside = pool().get_message_by_name(message).ok_or_else(no_message)?;
    let mut steps = Vec::new();
    let mut rest = path;
    loop {
        let (name, behind) = cut(rest);
        let field = inside.get_field_by_name(name).ok_or_else(|| {
            let known: Vec<_> = inside.fields().map(|field| field.name().to_owned()).collect();
            Mismatch::NoField { message: inside.name().to_owned(), field: name.to_owned(), known }
        })?;
        let mut holder = field.clone();
        let behind = match behind {
            Some(behind) if field.is_map() => {
                if let Kind::Message(entry) = field.kind() {
                    holder = entry.map_entry_value_field();
                }
                // A key may have dots where nothing can stand behind it.
                let (key, behind) =
                    if holder.kind().as_message().is_some() { cut(behind) } else { (behind, None) };
                steps.push(Step::Entry(field, key.to_owned()));
                behind
            }
            // They stand in one record, and no reply that anybody edits has such a field.
            Some(_) if field.is_packed() => {
                let (field, kind) = (field.name().to_owned(), "a list of numbers");
                return Err(Mismatch::NothingInside { field, kind });
            }
            Some(behind) if field.is_list() => {
                let (position, behind) = cut(behind);
                let Ok(at) = position.parse() else {
                    let (field, position) = (field.name().to_owned(), position.to_owned());
                    return Err(Mismatch::NoPosition { field, position });
                };
                steps.push(Step::Element(field, at));
                behind
            }
            behind => {
                steps.push(Step::Field(field));
                behind
            }
        };
        let Some(behind) = behind else { return Ok(steps) };
        let Kind::Message(next) = holder.kind() else {
            let (field, kind) = (holder.name().to_owned(), described(&holder.kind()));
            return Err(Mismatch::NothingInside { field, kind });
        };
        (inside, rest) = (next, behind);
    }
}

/// The steps of a path to a single value.
fn steps_to_value(message: &str, path: &str) -> Result<Vec<Step>, Mismatch> {
    let mut steps = steps(message, path)?;
    if let Some(Step::Entry(field, _)) = steps.last()
        && let Kind::Message(entry) = field.kind()
    {
        steps.push(Step::Field(entry.map_entry_value_field()));
    }
    let kind = match steps.last() {
        Some(Step::Field(field)) if field.is_map() => Some("a map"),
        Some(Step::Field(field)) if field.is_list() => Some("a list"),
        Some(step) => step.field().kind().as_message().map(|_| "a message"),
        None => None,
    };
    match (kind, steps.last()) {
        (Some(kind), Some(step)) => {
            Err(Mismatch::NotOneValue { field: step.field().name().to_owned(), kind })
        }
        _ => Ok(steps),
    }
}

fn cut(path: &str) -> (&str, Option<&str>) {
    path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)))
}

/// `success` of `ACTION_STATUS_SUCCESS`: the name of an enum's value without that of the enum.
fn short(kind: &EnumDescriptor, name: &str) -> Option<String> {
    let mut prefix = String::new();
    for letter in kind.name().chars() {
        if letter.is_ascii_uppercase() && !prefix.is_empty() {
            prefix.push('_');
        }
        prefix.push(letter.to_ascii_uppercase());
    }
    Some(name.strip_prefix(&prefix)?.strip_prefix('_')?.to_lowercase())
}

/// The values of a kind, in words.
fn described(kind: &Kind) -> &'static str {
    match kind {
        Kind::Bool => "`true` or `false`",
        Kind::String | Kind::Bytes => "text",
        // Of the two that are no whole numbers the contract has only the longer.
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 | Kind::Double | Kind::Float => {
            "a whole number of 32 bits"
        }
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => "a whole number",
        Kind::Uint32 | Kind::Fixed32 => "a whole number of 32 bits, from 0",
        Kind::Uint64 | Kind::Fixed64 => "a whole number from 0",
        Kind::Enum(_) => "a value by name, or a number of 32 bits",
        Kind::Message(_) => "a message",
    }
}

/// A value as a field of that kind holds it; none where it does not fit.
fn reflected(kind: &Kind, value: &Value) -> Option<Reflected> {
    Some(match (kind, value) {
        (Kind::String, Value::Text(text)) => Reflected::String(text.clone()),
        (Kind::Bytes, Value::Text(text)) => Reflected::Bytes(text.clone().into()),
        (Kind::Bool, Value::Bool(value)) => Reflected::Bool(*value),
        (Kind::Int32 | Kind::Sint32 | Kind::Sfixed32, Value::Number(n)) => {
            Reflected::I32((*n).try_into().ok()?)
        }
        (Kind::Int64 | Kind::Sint64 | Kind::Sfixed64, Value::Number(n)) => Reflected::I64(*n),
        (Kind::Uint32 | Kind::Fixed32, Value::Number(n)) => Reflected::U32((*n).try_into().ok()?),
        (Kind::Uint64 | Kind::Fixed64, Value::Number(n)) => Reflected::U64((*n).try_into().ok()?),
        (Kind::Double, Value::Number(n)) => Reflected::F64(i32::try_from(*n).ok()?.into()),
        (Kind::Enum(_), Value::Number(n)) => Reflected::EnumNumber((*n).try_into().ok()?),
        (Kind::Enum(kind), Value::Text(name)) => {
            let named = |value: &EnumValueDescriptor| {
                value.name() == name || short(kind, value.name()).is_some_and(|short| short == *name)
            };
            Reflected::EnumNumber(kind.values().find(named)?.number())
        }
        _ => return None,
    })
}

/// One field as it stands in an encoded message.
struct Record<'b> {
    number: u64,
    /// With its key.
    whole: Cow<'b, [u8]>,
    /// What it holds, where that has a length of its own.
    body: Option<&'b [u8]>,
}

/// The fields of an encoded message; none where it is none.
fn records(mut bytes: &[u8]) -> Option<Vec<Record<'_>>> {
    let mut records = Vec::new();
    while !bytes.is_empty() {
        let mut rest = bytes;
        let key = varint(&mut rest)?;
        let (body, rest) = match key & 7 {
            0 => {
                varint(&mut rest)?;
                (None, rest)
            }
            1 => (None, rest.get(8..)?),
            2 => {
                let length = usize::try_from(varint(&mut rest)?).ok()?;
                let (body, rest) = rest.split_at_checked(length)?;
                (Some(body), rest)
            }
            5 => (None, rest.get(4..)?),
            // Groups, which the contract does not have.
            _ => return None,
        };
        let whole = Cow::Borrowed(&bytes[..bytes.len() - rest.len()]);
        records.push(Record { number: key >> 3, whole, body });
        bytes = rest;
    }
    Some(records)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for (at, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            *bytes = &bytes[at + 1..];
            return Some(value);
        }
    }
    None
}

/// A field that holds a message, encoded.
fn wrap(field: &FieldDescriptor, body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(body.len() + 8);
    let key = field.number() as usize * 8 + 2;
    for number in [key, body.len()] {
        encode_length_delimiter(number, &mut whole).expect("a Vec grows");
    }
    whole.extend_from_slice(body);
    whole
}

/// A field that holds this value, encoded; empty where that is the same as its absence.
fn encode(field: &FieldDescriptor, value: &Value) -> Option<Vec<u8>> {
    let value = reflected(&field.kind(), value)?;
    let mut message = DynamicMessage::new(field.parent_message().clone());
    message.set_field(field, if field.is_list() { Reflected::List(vec![value]) } else { value });
    Some(prost::Message::encode_to_vec(&message))
}

/// The message with the value set at the end of the steps, or dropped there; none where there is nothing to do.
fn change(bytes: &[u8], steps: &[Step], value: Option<&Value>) -> Option<Vec<u8>> {
    let (step, rest) = steps.split_first()?;
    let field = step.field();
    let number = u64::from(field.number());
    let mut records = records(bytes)?;
    let mut own = records.iter().enumerate().filter(|(_, record)| record.number == number);
    let replaced = |body: Option<&[u8]>| match (rest, value) {
        ([], None) => Some(None),
        ([], Some(value)) => encode(field, value).map(Some),
        _ => change(body?, rest, value).map(|body| Some(wrap(field, &body))),
    };
    let (place, new) = match step {
        Step::Field(_) => {
            let bodies: Vec<_> = own.map(|(_, record)| record.body).collect();
            if bodies.is_empty() && value.is_none() {
                return None;
            }
            // A message in several parts is what they are one behind another.
            let body = bodies.into_iter().collect::<Option<Vec<_>>>().map(|bodies| bodies.concat());
            let new = replaced(body.as_deref())?;
            records.retain(|record| record.number != number);
            (None, new)
        }
        Step::Element(_, at) => {
            let count = own.clone().count();
            match own.nth(*at) {
                Some((place, record)) => (Some(place), replaced(record.body)?),
                None if *at == count && value.is_some() => (None, replaced(Some(&[]))?),
                None => return None,
            }
        }
        Step::Entry(_, key) => {
            let has_key =
                |record: &Record<'_>| record.body.and_then(key_of).is_some_and(|of| of == key.as_bytes());
            match own.rfind(|(_, record)| has_key(record)) {
                Some((place, record)) => (Some(place), replaced(record.body)?),
                None if value.is_some() => (None, replaced(Some(&entry(field, key)?))?),
                None => return None,
            }
        }
    };
    match (place, new) {
        (Some(place), Some(new)) => records[place].whole = Cow::Owned(new),
        (Some(place), None) => drop(records.remove(place)),
        (None, Some(new)) => records.push(Record { number, whole: Cow::Owned(new), body: None }),
        (None, None) => {}
    }
    Some(records.iter().map(|record| &*record.whole).collect::<Vec<_>>().concat())
}

/// The key of a map's entry.
fn key_of(entry: &[u8]) -> Option<&[u8]> {
    let keys = records(entry)?;
    let key = keys.iter().rfind(|record| record.number == 1);
    key.map_or(Some(&[]), |record| record.body)
}

/// The entry of a map without a value.
fn entry(field: &FieldDescriptor, key: &str) -> Option<Vec<u8>> {
    let kind = field.kind();
    encode(&kind.as_message()?.map_entry_key_field(), &Value::Text(key.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use prost::Message as _;

    use super::*;
    use crate::iac::{
        ActionError, ActionResult, ApplyResponse, ApplyResult, CapabilitiesResponse, FinalizeApplyResponse,
        IaCCapabilityDeclaration, ResourceCreateResponse, ResourceOutput,
    };

    const CREATE: &str = "workflow.plugin.external.iac.ResourceCreateResponse";

    #[test]
    fn the_order_of_fields_and_of_map_entries_says_nothing() {
        // Fields 1 and 3 of an output, and two entries of its map, in either order.
        let (name, id) = (b"\x0a\x01n".as_slice(), b"\x1a\x01i".as_slice());
        let (one, two) = (b"\x2a\x05\x0a\x01a\x10\x01".as_slice(), b"\x2a\x05\x0a\x01b\x10\x01".as_slice());
        let output = "workflow.plugin.external.iac.ResourceOutput";
        let same = |a: &[&[u8]], b: &[&[u8]]| same_message(output, &a.concat(), &b.concat());
        assert!(same(&[name, id, one, two], &[two, id, one, name]));
        assert!(!same(&[name, id], &[name]) && !same(&[one], &[two]));
        assert!(same(&[b"\xff"], &[b"\xff"]) && !same(&[b"\xff"], &[b"\xfe"]));
    }

    #[test]
    fn what_a_revision_does_not_know_says_nothing_at_it() {
        let message = "workflow.plugin.external.iac.CapabilitiesResponse";
        let declared = CapabilitiesResponse { compute_plan_version: "v2".to_owned(), ..Default::default() };
        // The declaration with a field that no revision has, and with one that is there twice.
        let [plain, more, twice] = [&b""[..], b"\xf8\x3f\x01", b"\x1a\x02v2"]
            .map(|behind| [&declared.encode_to_vec()[..], behind].concat());
        let same = |a: &[u8], b: &[u8]| says_the_same_at(Revision::Head, message, a, b);
        assert_eq!((same(&plain, &more), same(&plain, &twice)), (Some(true), Some(true)));
        assert_eq!((same(&plain, b""), same(&plain, b"\xff")), (Some(false), None));
        let gone = "workflow.plugin.external.iac.ApplyResponse";
        assert_eq!(says_the_same_at(Revision::V0_57, gone, b"", b""), None);
        assert!(!same_message(message, &plain, &more));
    }

    #[test]
    fn json_that_is_null_says_as_much_as_none() {
        let outputs = |json: &'static str| {
            let outputs_json = Bytes::from_static(json.as_bytes());
            ResourceOutput { outputs_json, ..Default::default() }.encode_to_vec()
        };
        let output = "workflow.plugin.external.iac.ResourceOutput";
        assert!(same_message(output, &outputs(" null\n"), &outputs("")));
        assert!(!same_message(output, &outputs("{}"), &outputs("")));
    }

    #[test]
    fn the_order_of_a_set_says_nothing_and_that_of_a_list_does() {
        let capabilities = |types: &[&str], operations: &[&str]| {
            let declared = types.iter().map(|resource_type| IaCCapabilityDeclaration {
                resource_type: (*resource_type).to_owned(),
                operations: operations.iter().map(|&operation| operation.to_owned()).collect(),
                ..IaCCapabilityDeclaration::default()
            });
            let response =
                CapabilitiesResponse { capabilities: declared.collect(), ..CapabilitiesResponse::default() };
            response.encode_to_vec()
        };
        let message = "workflow.plugin.external.iac.CapabilitiesResponse";
        let same = |a: &[u8], b: &[u8]| same_message(message, a, b);
        let honest = capabilities(&["vpc", "dns"], &["create", "read"]);
        assert!(same(&honest, &capabilities(&["dns", "vpc"], &["read", "create"])));
        for other in [
            capabilities(&["vpc"], &["create", "read"]),
            capabilities(&["vpc", "vpc", "dns"], &["create", "read"]),
            capabilities(&["vpc", "dns"], &["create", "delete"]),
        ] {
            assert!(!same(&honest, &other));
        }
        let applied = |statuses: &[i32]| {
            let actions =
                statuses.iter().map(|&status| ActionResult { status, ..ActionResult::default() }).collect();
            let result = Some(ApplyResult { actions, ..ApplyResult::default() });
            ApplyResponse { result }.encode_to_vec()
        };
        assert!(!same_message(APPLY, &applied(&[1, 2]), &applied(&[2, 1])));
    }

    #[test]
    fn sets_are_lists_of_the_contract_in_order() {
        assert!(SETS.is_sorted());
        for (message, field) in SETS {
            let mut known = pool().all_messages().filter(|known| known.name() == message);
            let is_list = |known: prost_reflect::MessageDescriptor| {
                known.get_field_by_name(field).is_some_and(|field| field.is_list())
            };
            assert!(known.any(is_list), "{message}.{field}");
        }
    }

    const APPLY: &str = "workflow.plugin.external.iac.ApplyResponse";
    const FINALIZE: &str = "workflow.plugin.external.iac.FinalizeApplyResponse";

    fn created() -> ResourceCreateResponse {
        ResourceCreateResponse {
            output: Some(ResourceOutput {
                name: "net".to_owned(),
                r#type: "infra.vpc".to_owned(),
                provider_id: "net-1".to_owned(),
                outputs_json: "{}".into(),
                sensitive: BTreeMap::from([("a.b".to_owned(), true), ("token".to_owned(), true)]),
                status: "up".to_owned(),
            }),
        }
    }

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    fn set<const N: usize>(set: [(&str, Value); N]) -> Edit {
        Edit { set: set.map(|(path, value)| (path.to_owned(), value)).into(), ..Edit::default() }
    }

    fn dropped<const N: usize>(paths: [&str; N]) -> Edit {
        Edit { drop: paths.map(str::to_owned).into(), ..Edit::default() }
    }

    fn edited<M: prost::Message + Default>(edit: &Edit, name: &str, message: &M) -> M {
        M::decode(edit.apply(name, &message.encode_to_vec())).unwrap()
    }

    #[test]
    fn fields_are_set_and_nothing_else_changes() {
        let edit = set([
            ("output.provider_id", text("net-2")),
            ("output.outputs_json", text("{")),
            ("output.sensitive.token", Value::Bool(false)),
            ("output.sensitive.password", Value::Bool(true)),
            ("output.sensitive.x.y", Value::Bool(true)),
            ("output.status", text("")),
        ]);
        let mut expected = created();
        let output = expected.output.as_mut().unwrap();
        output.provider_id = "net-2".to_owned();
        output.outputs_json = "{".into();
        output.sensitive = [("a.b", true), ("token", false), ("password", true), ("x.y", true)]
            .map(|(key, value)| (key.to_owned(), value))
            .into();
        output.status = String::new();
        assert_eq!(edited(&edit, CREATE, &created()), expected);
    }

    #[test]
    fn what_is_on_the_way_is_made() {
        let empty = ResourceCreateResponse { output: None };
        let output = ResourceOutput { name: "net".to_owned(), ..ResourceOutput::default() };
        let made = edited(&set([("output.name", text("net"))]), CREATE, &empty);
        assert_eq!(made.output, Some(output.clone()));

        let edit = Edit { drop: vec!["output".to_owned()], ..set([("output.name", text("net"))]) };
        assert_eq!(edited(&edit, CREATE, &created()).output, Some(output), "dropped first, then set");
    }

    #[test]
    fn positions_lead_into_lists() {
        let result = |statuses: &[i32]| ApplyResponse {
            result: Some(ApplyResult {
                actions: (0..)
                    .zip(statuses)
                    .map(|(action_index, status)| ActionResult {
                        action_index,
                        status: *status,
                        error: String::new(),
                    })
                    .collect(),
                ..ApplyResult::default()
            }),
        };
        let edit = set([
            ("result.actions.1.status", text("ACTION_STATUS_SKIPPED")),
            ("result.actions.0.status", Value::Number(-7)),
            ("result.actions.3.status", text("error")),
            ("result.actions.3.action_index", Value::Number(3)),
            ("result.actions.9.status", Value::Number(1)),
        ]);
        assert_eq!(edited(&edit, APPLY, &result(&[1, 1, 1])), result(&[-7, 6, 1, 2]));
        assert_eq!(edited(&dropped(["result.actions"]), APPLY, &result(&[1, 2])), result(&[]));
        assert_eq!(
            edited(&dropped(["result.actions.1", "result.actions.5"]), APPLY, &result(&[1, 2])),
            result(&[1])
        );

        let keys =
            CapabilitiesResponse { canonical_keys: vec!["a".to_owned()], ..CapabilitiesResponse::default() };
        let edit = set([("canonical_keys.1", text("")), ("canonical_keys.0", text("b"))]);
        let name = "workflow.plugin.external.iac.CapabilitiesResponse";
        assert_eq!(edited(&edit, name, &keys).canonical_keys, ["b", ""]);
    }

    #[test]
    fn what_is_absent_is_not_dropped() {
        let edit = dropped(["output.sensitive.none", "output.sensitive.a.b", "output.name"]);
        let changed = edited(&edit, CREATE, &created()).output.unwrap();
        assert_eq!((&*changed.name, changed.sensitive.len()), ("", 1));

        let empty = FinalizeApplyResponse { errors: Vec::<ActionError>::new() };
        assert_eq!(dropped(["errors.0", "errors"]).apply(FINALIZE, &empty.encode_to_vec()), Bytes::new());
    }

    #[test]
    fn the_cut_comes_last_and_works_on_anything() {
        let edit = Edit { truncate: Some(3), ..set([("output.name", text("x"))]) };
        let whole = set([("output.name", text("x"))]).apply(CREATE, &created().encode_to_vec());
        assert_eq!(edit.apply(CREATE, &created().encode_to_vec()), whole.slice(..3));
        assert_eq!(edit.apply(CREATE, b"\xff\xff\xff\xff"), b"\xff\xff\xff"[..]);
        assert_eq!(set([("output.name", text("x"))]).apply(CREATE, b"\x0a"), b"\x0a"[..], "no message");
        let long = Edit { truncate: Some(1000), ..Edit::default() };
        assert_eq!(long.apply(CREATE, b"ab"), b"ab"[..]);
        assert_eq!(Edit::default().apply("no.Message", b"ab"), b"ab"[..]);
    }

    #[test]
    fn fields_that_nobody_knows_are_kept() {
        // A varint, a double word, text, and a word, under numbers that the message does not have.
        let strange = b"\x78\x01\x79\x01\x02\x03\x04\x05\x06\x07\x08\x7a\x01x\x7d\x01\x02\x03\x04";
        let changed = set([("output.name", text("x"))]).apply(CREATE, strange);
        assert_eq!(changed, [&strange[..], b"\x0a\x03\x0a\x01x"].concat());
    }

    #[test]
    fn parts_of_a_message_count_as_one() {
        let part = |name: &str, status: &str| {
            let (name, status) = (name.to_owned(), status.to_owned());
            let output = Some(ResourceOutput { name, status, ..ResourceOutput::default() });
            ResourceCreateResponse { output }.encode_to_vec()
        };
        let bytes = [part("a", "s"), part("b", "")].concat();
        let changed = set([("output.provider_id", text("i"))]).apply(CREATE, &bytes);
        let output = ResourceCreateResponse::decode(changed).unwrap().output.unwrap();
        assert_eq!((&*output.name, &*output.status, &*output.provider_id), ("b", "s", "i"));
    }

    #[test]
    fn mistakes_say_what_would_fit() {
        let no = |path: &str, value: Value| Edit::check_set(CREATE, path, &value).unwrap_err().to_string();
        assert_eq!(no("outputs.name", text("x")), "ResourceCreateResponse has no field `outputs`");
        assert_eq!(no("", text("x")), "ResourceCreateResponse has no field ``");
        assert_eq!(no("output.name.x", text("x")), "nothing is inside of `name`, which is text");
        assert_eq!(no("output", text("x")), "`output` is a message, which cannot be set as a whole");
        assert_eq!(no("output.sensitive", text("x")), "`sensitive` is a map, which cannot be set as a whole");
        assert_eq!(no("output.name", Value::Number(1)), "`output.name` takes text");
        assert_eq!(no("output.sensitive.x", text("yes")), "`output.sensitive.x` takes `true` or `false`");
        let no = |path: &str, value: Value| Edit::check_set(APPLY, path, &value).unwrap_err();
        assert_eq!(
            no("result.actions.first.error", text("x")).to_string(),
            "`actions` is a list, and `first` is no position in it"
        );
        assert_eq!(
            no("result.actions.0.action_index", Value::Number(-1)).to_string(),
            "`result.actions.0.action_index` takes a whole number of 32 bits, from 0"
        );
        assert_eq!(
            no("result.actions", text("x")).to_string(),
            "`actions` is a list, which cannot be set as a whole"
        );
        let Mismatch::NoEnumValue { known, short, .. } =
            no("result.actions.0.status", text("ACTION_STATUS_SKIPED"))
        else {
            panic!("an enum")
        };
        assert_eq!((known.len(), short.len()), (7, 7));
        assert_eq!((&*known[3], &*short[3]), ("ACTION_STATUS_DELETE_FAILED", "delete_failed"));
        let Mismatch::NoField { known, .. } = Edit::check_drop(CREATE, "output.outputs_jso").unwrap_err()
        else {
            panic!("a field")
        };
        assert!(known.iter().any(|field| field == "outputs_json"));
        for path in ["output", "output.sensitive", "output.sensitive.a.b", "output.name"] {
            assert_eq!(Edit::check_drop(CREATE, path), Ok(()));
        }
    }

    #[test]
    fn the_contract_has_only_what_is_edited_here() {
        let ours = pool().all_messages().filter(|message| !message.full_name().starts_with("google."));
        for field in ours.flat_map(|message| message.fields().collect::<Vec<_>>()) {
            let name = field.full_name();
            assert!(field.containing_oneof().is_none(), "{name}: setting one of a group drops the others");
            assert_ne!(field.kind(), Kind::Float, "{name}");
            if let (true, Kind::Message(entry)) = (field.is_map(), field.kind()) {
                assert_eq!(entry.map_entry_key_field().kind(), Kind::String, "{name}");
            }
        }
    }
}
