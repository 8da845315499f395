//! What one revision of the contract consists of: services, messages, enums and the engine's columns.

use std::{collections::BTreeMap, fmt, sync::OnceLock};

use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet, MethodDescriptorProto,
    field_descriptor_proto::{Label, Type},
};
use serde::Serialize;

use crate::{EngineColumns, Hook, Revision, history};

mod check;
mod diff;
mod digest;

pub use check::{CheckReport, Closest, Finding, NotCompared, Severity};
pub use diff::{Change, ChangeKind, Element, changes_to_text};
pub use digest::digest;

/// Services by full name. Methods stand in the order of the file.
pub type Services = BTreeMap<String, Vec<Method>>;
/// Messages by full name.
pub type Messages = BTreeMap<String, Message>;
/// Enums by full name.
pub type Enums = BTreeMap<String, Enum>;

/// The contract at one revision. Types of the own package are named without it, all others in full.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Contract {
    /// Which revision this is.
    pub revision: Revision,
    /// Upstream's name of the phase, if it had one.
    pub alias: Option<&'static str>,
    /// The first engine version of the revision.
    pub first_version: &'static str,
    /// What the engine does, beside the wire.
    pub engine: &'static EngineColumns,
    /// The services.
    pub services: Services,
    /// The messages.
    pub messages: Messages,
    /// The enums.
    pub enums: Enums,
}

/// One RPC.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Method {
    /// Its name.
    pub name: String,
    /// Where it is called: `/package.Service/Method`.
    pub path: String,
    /// The type of the request.
    pub request: String,
    /// The type of the response.
    pub response: String,
    /// Whether the client sends a stream.
    pub client_streaming: bool,
    /// Whether the server sends a stream.
    pub server_streaming: bool,
}

/// One message.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Message {
    /// The fields, by number.
    pub fields: Vec<Field>,
    /// The numbers set aside, both ends included.
    pub reserved: Vec<(i32, i32)>,
}

/// One field.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its number.
    pub number: i32,
    /// Its type: `string`, `ResourceSpec`, `map<string, ResourceSpec>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it may occur more than once; false for a map.
    pub repeated: bool,
    /// How its absence is told. The contract knows the default only.
    #[serde(skip_serializing_if = "Presence::is_implicit")]
    pub presence: Presence,
}

/// How the absence of a field is told.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Presence {
    /// As proto3 does by default: a scalar that is absent is nought or empty.
    #[default]
    Implicit,
    /// A scalar that is absent differs from one that is empty.
    Optional,
    /// Absence is an error (proto2).
    Required,
    /// At most one field of this group is there.
    OneOf(String),
}

impl Presence {
    fn is_implicit(&self) -> bool {
        *self == Self::Implicit
    }
}

impl fmt::Display for Presence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Implicit => f.write_str("implicit"),
            Self::Optional => f.write_str("optional"),
            Self::Required => f.write_str("required"),
            Self::OneOf(name) => write!(f, "oneof {name}"),
        }
    }
}

/// One enum.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Enum {
    /// The values, by number.
    pub values: Vec<EnumValue>,
    /// The numbers set aside, both ends included.
    pub reserved: Vec<(i32, i32)>,
}

/// One value of an enum.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct EnumValue {
    /// Its name.
    pub name: String,
    /// Its number.
    pub number: i32,
}

impl Contract {
    /// The method of a path, `/package.Service/Method`.
    pub fn method(&self, path: &str) -> Option<&Method> {
        let (service, _) = path.strip_prefix('/')?.rsplit_once('/')?;
        self.services.get(service)?.iter().find(|method| method.path == path)
    }

    /// The contract at a revision.
    pub fn at(revision: Revision) -> &'static Self {
        static ALL: [OnceLock<Contract>; Revision::ALL.len()] =
            [const { OnceLock::new() }; Revision::ALL.len()];
        ALL[revision as usize].get_or_init(|| Self::build(revision))
    }

    fn build(revision: Revision) -> Self {
        let Elements { services, messages, enums, .. } = Elements::read(&history::descriptors(revision));
        Self {
            revision,
            alias: revision.alias(),
            first_version: revision.first_version(),
            engine: revision.engine(),
            services,
            messages,
            enums,
        }
    }
}

/// What a descriptor set says about the packages of the contract.
#[derive(PartialEq, Debug, Default)]
struct Elements {
    services: Services,
    messages: Messages,
    enums: Enums,
    /// The packages in it, with files or without interest to the contract.
    packages: Vec<String>,
}

impl Elements {
    /// Reads whatever is there; a descriptor set of somebody else may lack anything.
    fn read(set: &FileDescriptorSet) -> Self {
        let mut elements = Self::default();
        for file in &set.file {
            let package = file.package();
            elements.packages.push(package.to_owned());
            if !history::PACKAGES.contains(&package) {
                continue;
            }
            for service in &file.service {
                let name = format!("{package}.{}", service.name());
                let methods = service.method.iter().map(|m| method(m, package, &name)).collect();
                elements.services.insert(name, methods);
            }
            elements.types(package, package, &file.message_type, &file.enum_type);
        }
        for file in &set.file {
            elements.extensions(&file.extension, &file.message_type);
        }
        elements.messages.values_mut().for_each(|message| message.fields.sort_by_key(|f| f.number));
        elements.packages.sort();
        elements.packages.dedup();
        elements
    }

    /// Messages and enums in `scope`: the package itself or a message.
    fn types(
        &mut self,
        package: &str,
        scope: &str,
        messages: &[DescriptorProto],
        enums: &[EnumDescriptorProto],
    ) {
        for message in messages.iter().filter(|m| !is_map_entry(m)) {
            let name = format!("{scope}.{}", message.name());
            let scope = Scope::of(message, package, &name);
            let fields = message.field.iter().map(|f| scope.field(f)).collect();
            // Message ranges end before their end, enum ranges with it.
            let reserved = message.reserved_range.iter().map(|r| (r.start(), r.end().saturating_sub(1)));
            self.types(package, &name, &message.nested_type, &message.enum_type);
            self.messages.insert(name, Message { fields, reserved: reserved.collect() });
        }
        for enumeration in enums {
            let name = format!("{scope}.{}", enumeration.name());
            let values = enumeration.value.iter();
            let mut values: Vec<_> =
                values.map(|v| EnumValue { name: v.name().to_owned(), number: v.number() }).collect();
            values.sort_by_key(|v| v.number);
            let reserved = enumeration.reserved_range.iter().map(|r| (r.start(), r.end())).collect();
            self.enums.insert(name, Enum { values, reserved });
        }
    }

    /// An extension is a field of the message that it extends, wherever it is declared.
    fn extensions(&mut self, extensions: &[FieldDescriptorProto], messages: &[DescriptorProto]) {
        for extension in extensions {
            let extendee = extension.extendee().trim_start_matches('.');
            let Some(message) = self.messages.get_mut(extendee) else { continue };
            let package = history::PACKAGES.into_iter().find(|p| extendee.starts_with(p)).unwrap_or_default();
            let field = Scope { package, ..Scope::default() }.field(extension);
            message.fields.push(Field { name: format!("[{}]", field.name), ..field });
        }
        for message in messages {
            self.extensions(&message.extension, &message.nested_type);
        }
    }
}

fn is_map_entry(message: &DescriptorProto) -> bool {
    message.options.as_ref().is_some_and(prost_types::MessageOptions::map_entry)
}

fn method(method: &MethodDescriptorProto, package: &str, service: &str) -> Method {
    Method {
        name: method.name().to_owned(),
        path: format!("/{service}/{}", method.name()),
        request: relative(method.input_type(), package),
        response: relative(method.output_type(), package),
        client_streaming: method.client_streaming(),
        server_streaming: method.server_streaming(),
    }
}

/// What stands around a field.
#[derive(Default)]
struct Scope<'a> {
    package: &'a str,
    /// The types of the message's maps, by full name.
    entries: BTreeMap<String, &'a DescriptorProto>,
    /// The message's oneofs, with how many fields each has.
    oneofs: Vec<(&'a str, usize)>,
}

impl<'a> Scope<'a> {
    fn of(message: &'a DescriptorProto, package: &'a str, name: &str) -> Self {
        let entries = message.nested_type.iter().filter(|m| is_map_entry(m));
        let entries = entries.map(|entry| (format!("{name}.{}", entry.name()), entry)).collect();
        let mut oneofs: Vec<_> = message.oneof_decl.iter().map(|oneof| (oneof.name(), 0)).collect();
        for index in message.field.iter().filter_map(|f| f.oneof_index) {
            if let Some((_, fields)) = usize::try_from(index).ok().and_then(|i| oneofs.get_mut(i)) {
                *fields += 1;
            }
        }
        Self { package, entries, oneofs }
    }

    fn field(&self, field: &FieldDescriptorProto) -> Field {
        let entry = self.entries.get(field.type_name().trim_start_matches('.'));
        let map = entry.and_then(|entry| {
            let part = |number| entry.field.iter().find(|f| f.number() == number);
            Some((type_name(part(1)?, self.package), type_name(part(2)?, self.package)))
        });
        Field {
            name: field.name().to_owned(),
            number: field.number(),
            repeated: field.label() == Label::Repeated && map.is_none(),
            kind: map.map_or_else(|| type_name(field, self.package), |(k, v)| format!("map<{k}, {v}>")),
            presence: self.presence(field),
        }
    }

    fn presence(&self, field: &FieldDescriptorProto) -> Presence {
        if field.label() == Label::Required {
            return Presence::Required;
        }
        let Some(index) = field.oneof_index else {
            return Presence::Implicit;
        };
        // A group of one, which is also how `optional` is described, excludes nothing.
        match usize::try_from(index).ok().and_then(|i| self.oneofs.get(i)) {
            Some((name, fields)) if *fields > 1 => Presence::OneOf((*name).to_owned()),
            _ => Presence::Optional,
        }
    }
}

fn type_name(field: &FieldDescriptorProto, package: &str) -> String {
    if let Some(name) = &field.type_name {
        return relative(name, package);
    }
    let scalar = match field.r#type() {
        Type::Double => "double",
        Type::Float => "float",
        Type::Int64 => "int64",
        Type::Uint64 => "uint64",
        Type::Int32 => "int32",
        Type::Fixed64 => "fixed64",
        Type::Fixed32 => "fixed32",
        Type::Bool => "bool",
        Type::String => "string",
        Type::Bytes => "bytes",
        Type::Uint32 => "uint32",
        Type::Sfixed32 => "sfixed32",
        Type::Sfixed64 => "sfixed64",
        Type::Sint32 => "sint32",
        Type::Sint64 => "sint64",
        Type::Group | Type::Message | Type::Enum => "(unnamed)",
    };
    scalar.to_owned()
}

fn relative(name: &str, package: &str) -> String {
    let name = name.trim_start_matches('.');
    name.strip_prefix(package).and_then(|n| n.strip_prefix('.')).unwrap_or(name).to_owned()
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stream = |on| if on { "stream " } else { "" };
        let (up, down) = (stream(self.client_streaming), stream(self.server_streaming));
        write!(f, "({up}{}) returns ({down}{})", self.request, self.response)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.number)?;
        if !self.presence.is_implicit() {
            write!(f, "{} ", self.presence)?;
        }
        f.write_str(if self.repeated { "repeated " } else { "" })?;
        f.write_str(&self.kind)
    }
}

/// A range as it is written in a .proto file.
fn range_text((start, end): (i32, i32)) -> String {
    if start == end { start.to_string() } else { format!("{start} to {end}") }
}

/// One line per element, in the order of the names; fields and values in the order of their numbers.
impl fmt::Display for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "revision {}", self.revision)?;
        if let Some(alias) = self.alias {
            write!(f, " ({alias})")?;
        }
        writeln!(f, ", from engine {} on", self.first_version)?;
        let yes = |on| if on { "yes" } else { "no" };
        writeln!(f, "\nengine")?;
        writeln!(f, "  status map        {}", self.engine.status_map)?;
        writeln!(f, "  Apply RPC         {}", yes(self.engine.apply_rpc))?;
        writeln!(f, "  other than v2     {}", self.engine.undeclared_v2)?;
        writeln!(f, "  hooks             {}", hooks_text(self.engine.hooks))?;
        writeln!(f, "  finalizer called  {}", yes(self.engine.finalizer))?;
        writeln!(f, "\nservices")?;
        for (name, methods) in &self.services {
            writeln!(f, "  {name}")?;
            for method in methods {
                writeln!(f, "    {}{method}", method.name)?;
            }
        }
        writeln!(f, "\nmessages")?;
        for (name, message) in &self.messages {
            writeln!(f, "  {name}")?;
            for field in &message.fields {
                writeln!(f, "    {} = {field}", field.name)?;
            }
            for range in &message.reserved {
                writeln!(f, "    reserved {}", range_text(*range))?;
            }
        }
        writeln!(f, "\nenums")?;
        for (name, enumeration) in &self.enums {
            writeln!(f, "  {name}")?;
            for value in &enumeration.values {
                writeln!(f, "    {} = {}", value.name, value.number)?;
            }
            for range in &enumeration.reserved {
                writeln!(f, "    reserved {}", range_text(*range))?;
            }
        }
        Ok(())
    }
}

fn hooks_text(hooks: &[Hook]) -> String {
    hooks.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Those with a table of their own in the source of the facts.
    const TABLES: [Revision; 6] =
        [Revision::V0_51, Revision::V0_54, Revision::V0_55, Revision::V0_56, Revision::V0_57, Revision::Head];

    pub(super) fn golden(name: &str, text: &str) {
        insta::with_settings!({
            snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/../golden/contract"),
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, { insta::assert_snapshot!(name, text) });
    }

    /// What adapters of others speak changes for them all: on purpose, then, or not at all.
    #[test]
    fn adapter_protocol() {
        let text = include_str!("../proto/counterfoil/adapter/v1/adapter.proto");
        let lines = text.lines().filter(|line| !line.is_empty() && !line.trim_start().starts_with("//"));
        golden("adapter-1", &lines.collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn revisions() {
        for revision in TABLES {
            golden(&format!("revision-{revision}"), &Contract::at(revision).to_string());
        }
    }

    #[test]
    fn diffs() {
        for pair in Revision::ALL.windows(2) {
            let changes = Contract::at(pair[0]).diff(Contract::at(pair[1]));
            golden(&format!("diff-{}-{}", pair[0], pair[1]), &changes_to_text(&changes));
        }
    }

    #[test]
    fn names_and_numbers_are_unique() {
        fn unique<T: Ord>(items: impl Iterator<Item = T>) -> bool {
            let mut seen = BTreeSet::new();
            items.into_iter().all(|item| seen.insert(item))
        }
        // The superset itself, not the revisions of it: a number that went must not come back as another.
        let elements = Elements::read(&crate::file_descriptor_set());
        for (name, Message { fields, reserved }) in &elements.messages {
            assert!(
                unique(fields.iter().map(|f| f.number)) && unique(fields.iter().map(|f| &f.name)),
                "{name}"
            );
            let free = |number| reserved.iter().all(|(start, end)| !(*start..=*end).contains(&number));
            assert!(fields.iter().all(|f| free(f.number)), "{name}");
        }
        for (name, Enum { values, .. }) in &elements.enums {
            assert!(
                unique(values.iter().map(|v| v.number)) && unique(values.iter().map(|v| &v.name)),
                "{name}"
            );
            assert_eq!(values[0].number, 0, "{name}");
        }
        for (name, methods) in &elements.services {
            assert!(unique(methods.iter().map(|m| &m.name)), "{name}");
        }
    }

    #[test]
    fn every_revision_is_closed() {
        for revision in Revision::ALL {
            let contract = Contract::at(*revision);
            let known = |kind: &str, scope: &str| {
                let package = history::PACKAGES.into_iter().find(|p| scope.starts_with(p)).unwrap();
                let full = format!("{package}.{kind}");
                contract.messages.contains_key(&full)
                    || contract.enums.contains_key(&full)
                    || kind.starts_with("google.protobuf.")
                    || !kind.starts_with(char::is_uppercase)
            };
            for (name, message) in &contract.messages {
                for field in &message.fields {
                    let kind = field.kind.trim_start_matches("map<string, ").trim_end_matches('>');
                    assert!(known(kind, name), "{revision}: {name}.{}: {kind}", field.name);
                }
            }
            for (name, methods) in &contract.services {
                for method in methods {
                    assert!(known(&method.request, name) && known(&method.response, name), "{}", method.path);
                }
            }
        }
    }

    #[test]
    fn values_carry_the_contract_in_their_json() {
        let json = serde_json::to_value(Contract::at(Revision::V0_54)).unwrap();
        assert_eq!(json["revision"], "0.54");
        assert_eq!(json["alias"], "phase-2");
        assert_eq!(json["engine"]["status_map"], "late");
        let field = &json["messages"]["workflow.plugin.external.iac.ApplyResult"]["fields"][6];
        assert_eq!(
            *field,
            serde_json::json!({"name": "actions", "number": 7, "type": "ActionResult", "repeated": true})
        );
        let reserved = &json["enums"]["workflow.plugin.external.iac.ActionStatus"]["reserved"];
        assert_eq!(*reserved, serde_json::json!([[4, 4], [5, 5]]));
        let method = &json["services"]["workflow.plugin.external.iac.IaCProviderRequired"][5];
        assert_eq!(method["path"], "/workflow.plugin.external.iac.IaCProviderRequired/Apply");
    }
}
