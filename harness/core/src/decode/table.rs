//! What the decoder knows of the contract: a compact table per message and revision, built once.

use std::{
    collections::{BTreeMap, HashMap},
    sync::OnceLock,
};

use counterfoil_proto::{Revision, history};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet, MessageOptions,
    field_descriptor_proto::{Label, Type},
};

use super::{Cause, wire::WireType};
use crate::rpc::Method;

/// The package whose messages the typed readers read.
const IAC: &str = "workflow.plugin.external.iac";

/// What a `*_json` field may hold. No bytes at all are the nil value, for both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JsonShape {
    /// An object or `null`.
    Map,
    /// Any one value.
    Any,
}

/// Every `*_json` field of the contract, by message and name.
///
/// The host decodes those of the first block, and a plugin those of the second, each into the shape that stands
/// here (D-020). For the third the facts name no shape, and the host passes the bytes on unread: the name promises
/// JSON, so JSON of any kind is what they may hold.
const JSON_FIELDS: [(&str, &str, JsonShape); 18] = [
    ("ResourceOutput", "outputs_json", JsonShape::Map),
    ("ResourceSpec", "config_json", JsonShape::Map),
    ("ResourceState", "applied_config_json", JsonShape::Map),
    ("ResourceState", "outputs_json", JsonShape::Map),
    ("FieldChange", "old_json", JsonShape::Any),
    ("FieldChange", "new_json", JsonShape::Any),
    ("ResourceStatus", "outputs_json", JsonShape::Map),
    ("DriftResult", "expected_json", JsonShape::Map),
    ("DriftResult", "actual_json", JsonShape::Map),
    ("ProviderSizing", "specs_json", JsonShape::Map),
    // A state backend writes `null` for the nil map; its reader takes that, `{}` and nothing for the same.
    ("IaCState", "outputs_json", JsonShape::Map),
    ("IaCState", "config_json", JsonShape::Map),
    ("DerivedModuleSpec", "config_json", JsonShape::Map),
    //
    ("InitializeRequest", "config_json", JsonShape::Map),
    ("BootstrapStateBackendRequest", "config_json", JsonShape::Map),
    ("ConfigureRequest", "config_json", JsonShape::Map),
    //
    ("IaCRequirement", "parameters_json", JsonShape::Any),
    ("DiscoverRequirementsRequest", "module_config_json", JsonShape::Any),
];

/// Which message of its [`Tables`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MessageId(usize);

/// Which enum of its [`Tables`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EnumId(usize);

/// What a field holds, as far as something is checked about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A number or a truth value, in this layout.
    Number(WireType),
    /// Text, which has to be UTF-8.
    Text,
    /// Bytes of any kind.
    Bytes,
    /// Bytes that hold JSON.
    Json(JsonShape),
    /// A number that has to be one of an enum's.
    Enum(EnumId),
    /// Another message.
    Message(MessageId),
    /// An entry of a map, which is a message of `key` and `value`.
    Entry(MessageId),
}

impl Kind {
    fn wire_type(self) -> WireType {
        match self {
            Self::Number(wire_type) => wire_type,
            Self::Enum(_) => WireType::Varint,
            Self::Text | Self::Bytes | Self::Json(_) | Self::Message(_) | Self::Entry(_) => {
                WireType::Delimited
            }
        }
    }
}

/// One field of a message.
#[derive(Debug)]
pub(super) struct Field {
    /// Its number.
    pub(super) number: u32,
    /// Its name in the .proto file.
    pub(super) name: String,
    /// What it holds.
    pub(super) kind: Kind,
    /// The layout that follows from it.
    pub(super) wire_type: WireType,
    /// For a repeated field, its place among those of the message.
    pub(super) repeated: Option<usize>,
}

/// One message.
#[derive(Debug)]
pub(super) struct Message {
    /// By number.
    fields: Vec<Field>,
    /// How many of them are repeated.
    pub(super) repeated: usize,
    /// True for a message of the contract, false for one of protobuf itself, which grows on its own account:
    /// what is unknown there is no matter of a revision.
    pub(super) is_ours: bool,
    /// True for an entry of a map.
    pub(super) is_entry: bool,
}

impl Message {
    /// The field with this number.
    #[inline]
    pub(super) fn field(&self, number: u32) -> Option<&Field> {
        // Most messages count from 1 without gaps, so that the number tells the place.
        match self.fields.get(number as usize - 1) {
            Some(field) if field.number == number => Some(field),
            _ => self
                .fields
                .binary_search_by_key(&number, |field| field.number)
                .ok()
                .map(|at| &self.fields[at]),
        }
    }
}

/// One enum.
#[derive(Debug)]
pub(super) struct Enumeration {
    /// The names of its values, by number.
    names: BTreeMap<i32, String>,
    /// A bit for each of them below 64, which is all that the contract has.
    bits: u64,
    /// Why a number that is none of them is refused.
    pub(super) cause: Cause,
}

impl Enumeration {
    /// Whether the revision knows the number.
    #[inline]
    pub(super) fn knows(&self, number: i32) -> bool {
        match number {
            0..64 => self.bits >> number & 1 == 1,
            _ => self.names.contains_key(&number),
        }
    }

    /// Its numbers, ascending.
    pub(super) fn numbers(&self) -> impl Iterator<Item = i32> {
        self.names.keys().copied()
    }

    /// The name of the value with this number.
    pub(super) fn name(&self, number: i32) -> Option<&str> {
        self.names.get(&number).map(String::as_str)
    }
}

/// The messages and enums of one revision.
#[derive(Debug)]
pub(super) struct Tables {
    messages: Vec<Message>,
    enums: Vec<Enumeration>,
    by_name: HashMap<String, MessageId>,
}

impl Tables {
    /// The tables of a revision.
    pub(super) fn at(revision: Revision) -> &'static Self {
        static BUILT: [OnceLock<Tables>; Revision::ALL.len()] =
            [const { OnceLock::new() }; Revision::ALL.len()];
        BUILT[revision as usize].get_or_init(|| Builder::new(&history::descriptors(revision)).build())
    }

    /// A message by its full name. Where the revision does not have it, it is read as the last revision before
    /// that had it, or else the first one after.
    pub(super) fn find(full_name: &str, revision: Revision) -> Option<(&'static Self, MessageId)> {
        let (until, after) = Revision::ALL.split_at(revision as usize + 1);
        until.iter().rev().chain(after).find_map(|revision| {
            let tables = Self::at(*revision);
            tables.by_name.get(full_name).map(|id| (tables, *id))
        })
    }

    /// Whether the revision of these tables has a message of this full name.
    pub(super) fn has(&self, full_name: &str) -> bool {
        self.by_name.contains_key(full_name)
    }

    /// The reply of a method.
    pub(super) fn reply(method: Method, revision: Revision) -> (&'static Self, MessageId) {
        Self::find(method.response(), revision).expect("the contract has every reply")
    }

    /// A message without fields.
    pub(super) fn nothing(revision: Revision) -> (&'static Self, MessageId) {
        let name = format!("{IAC}.DeleteStateResponse");
        Self::find(&name, revision).expect("the contract has it")
    }

    /// A message of the package of the infrastructure services.
    #[cfg(test)]
    pub(super) fn find_iac(name: &str, revision: Revision) -> (&'static Self, MessageId) {
        Self::find(&format!("{IAC}.{name}"), revision).expect("there is such a message")
    }

    /// The table of a message.
    #[inline]
    pub(super) fn message(&self, id: MessageId) -> &Message {
        &self.messages[id.0]
    }

    /// The table of an enum.
    pub(super) fn enumeration(&self, id: EnumId) -> &Enumeration {
        &self.enums[id.0]
    }
}

/// A message on its way into the tables.
struct Draft<'d> {
    full_name: String,
    descriptor: &'d DescriptorProto,
    is_proto3: bool,
}

/// Tables on their way: names are resolved once all of them are known.
#[derive(Default)]
struct Builder<'d> {
    messages: Vec<Draft<'d>>,
    enums: Vec<(String, &'d EnumDescriptorProto)>,
}

impl<'d> Builder<'d> {
    fn new(set: &'d FileDescriptorSet) -> Self {
        let mut builder = Self::default();
        for file in &set.file {
            let is_proto3 = file.syntax() == "proto3";
            for descriptor in &file.message_type {
                builder.add(file.package(), descriptor, is_proto3);
            }
            let enums = file.enum_type.iter().map(|e| (format!("{}.{}", file.package(), e.name()), e));
            builder.enums.extend(enums);
        }
        builder
    }

    fn add(&mut self, scope: &str, descriptor: &'d DescriptorProto, is_proto3: bool) {
        let full_name = format!("{scope}.{}", descriptor.name());
        for nested in &descriptor.nested_type {
            self.add(&full_name, nested, is_proto3);
        }
        self.enums.extend(descriptor.enum_type.iter().map(|e| (format!("{full_name}.{}", e.name()), e)));
        self.messages.push(Draft { full_name, descriptor, is_proto3 });
    }

    fn build(self) -> Tables {
        let by_name =
            self.messages.iter().enumerate().map(|(at, m)| (m.full_name.clone(), MessageId(at))).collect();
        let enum_ids =
            self.enums.iter().enumerate().map(|(at, (name, _))| (name.clone(), EnumId(at))).collect();
        let messages = self.messages.iter().map(|draft| self.message(draft, &by_name, &enum_ids)).collect();
        let enums = self.enums.iter().map(|(name, descriptor)| enumeration(name, descriptor)).collect();
        Tables { messages, enums, by_name }
    }

    fn message(
        &self,
        draft: &Draft<'_>,
        by_name: &HashMap<String, MessageId>,
        enums: &BTreeMap<String, EnumId>,
    ) -> Message {
        let kind = |field: &FieldDescriptorProto| match field.r#type() {
            Type::String if draft.is_proto3 => Kind::Text,
            Type::Bytes => match json_shape(&draft.full_name, field.name()) {
                Some(shape) => Kind::Json(shape),
                None => Kind::Bytes,
            },
            // proto2 asks no UTF-8 of its texts, and keeps unknown numbers of its enums as unknown fields.
            Type::String => Kind::Bytes,
            Type::Enum if draft.is_proto3 => Kind::Enum(enums[type_name(field)]),
            Type::Message => {
                let id = by_name[type_name(field)];
                if self.messages[id.0].descriptor.options.as_ref().is_some_and(MessageOptions::map_entry) {
                    Kind::Entry(id)
                } else {
                    Kind::Message(id)
                }
            }
            Type::Group => Kind::Number(WireType::Group),
            Type::Double | Type::Fixed64 | Type::Sfixed64 => Kind::Number(WireType::Fixed64),
            Type::Float | Type::Fixed32 | Type::Sfixed32 => Kind::Number(WireType::Fixed32),
            Type::Int32
            | Type::Int64
            | Type::Uint32
            | Type::Uint64
            | Type::Sint32
            | Type::Sint64
            | Type::Bool
            | Type::Enum => Kind::Number(WireType::Varint),
        };

        let mut repeated = 0;
        let mut fields: Vec<Field> = draft
            .descriptor
            .field
            .iter()
            .map(|field| {
                let kind = kind(field);
                let is_repeated = field.label() == Label::Repeated;
                let place = is_repeated.then_some(repeated);
                repeated += usize::from(is_repeated);
                let number = u32::try_from(field.number()).expect("numbers are positive");
                Field {
                    number,
                    name: field.name().to_owned(),
                    kind,
                    wire_type: kind.wire_type(),
                    repeated: place,
                }
            })
            .collect();
        fields.sort_by_key(|field| field.number);
        Message {
            fields,
            repeated,
            is_ours: !draft.full_name.starts_with("google.protobuf."),
            is_entry: draft.descriptor.options.as_ref().is_some_and(MessageOptions::map_entry),
        }
    }
}

fn enumeration(name: &str, descriptor: &EnumDescriptorProto) -> Enumeration {
    let names: BTreeMap<i32, String> =
        descriptor.value.iter().map(|value| (value.number(), value.name().to_owned())).collect();
    let is_status = name.strip_prefix(IAC) == Some(".ActionStatus");
    Enumeration {
        bits: names
            .keys()
            .filter(|number| (0..64).contains(*number))
            .fold(0, |bits, number| bits | 1 << number),
        names,
        cause: if is_status { Cause::StatusUnknown } else { Cause::EnumUnknown },
    }
}

/// The name of a field's type, without the dot that says that it is full.
fn type_name(field: &FieldDescriptorProto) -> &str {
    field.type_name().trim_start_matches('.')
}

fn json_shape(message: &str, field: &str) -> Option<JsonShape> {
    let message = message.strip_prefix(IAC)?.strip_prefix('.')?;
    JSON_FIELDS.iter().find(|row| (row.0, row.1) == (message, field)).map(|row| row.2)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_json_field_of_the_contract_has_a_shape_and_no_other() {
        let set = counterfoil_proto::file_descriptor_set();
        let mut found = BTreeSet::new();
        for file in set.file.iter().filter(|file| file.package() == IAC) {
            for message in &file.message_type {
                let json = message.field.iter().filter(|field| field.name().ends_with("_json"));
                found.extend(json.map(|field| (message.name(), field.name())));
            }
        }
        assert_eq!(JSON_FIELDS.iter().map(|row| (row.0, row.1)).collect::<BTreeSet<_>>(), found);
    }

    #[test]
    fn a_message_is_found_at_the_nearest_revision_that_has_it() {
        let at = |name: &str, revision| {
            let (tables, _) = Tables::find(&format!("{IAC}.{name}"), revision).unwrap();
            *Revision::ALL.iter().find(|r| std::ptr::eq(Tables::at(**r), tables)).unwrap()
        };
        assert_eq!(at("ApplyResponse", Revision::V0_51), Revision::V0_51);
        assert_eq!(at("ApplyResponse", Revision::Head), Revision::V0_56, "the last one before");
        assert_eq!(at("FinalizeApplyResponse", Revision::V0_51), Revision::V0_55, "the first one after");
        assert!(Tables::find("no.such.Message", Revision::Head).is_none());
    }

    #[test]
    fn a_field_is_found_by_its_number_and_by_no_other() {
        for message in Revision::ALL.iter().flat_map(|revision| &Tables::at(*revision).messages) {
            let numbers: BTreeSet<u32> = message.fields.iter().map(|field| field.number).collect();
            for number in 1..=numbers.last().map_or(1, |last| last + 1) {
                let found = message.field(number).map(|field| field.number);
                assert_eq!(found, numbers.contains(&number).then_some(number));
            }
        }
    }

    #[test]
    fn a_table_knows_what_its_revision_knew() {
        let actions = |revision| {
            let (tables, id) = Tables::find_iac("ApplyResult", revision);
            tables.message(id).field(7).is_some()
        };
        assert_eq!([Revision::V0_51, Revision::V0_54].map(actions), [false, true]);
    }
}
