//! Two sets of elements side by side.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::Serialize;

use super::{
    Contract, Elements, Enum, EnumValue, Enums, Field, Message, Messages, Method, Services, range_text,
};
use crate::{EngineColumns, history};

/// What happened to an element.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// The contract has it and the checked descriptors do not.
    Missing,
    /// The same number carries another name, or the same content stands under another name.
    Renamed,
    /// The same name carries another number.
    Renumbered,
    /// A field has another type, or a method another request or response.
    Retyped,
    /// A field that may occur once may now occur often, or the other way round.
    Cardinality,
    /// The absence of a field is told in another way.
    Presence,
    /// A side of a method that sent one message now sends a stream, or the other way round.
    Streaming,
    /// A number is set aside that was not.
    Reserved,
    /// A number is no longer set aside.
    Unreserved,
    /// A number is used that the contract has set aside or uses for something else.
    NumberReused,
    /// An engine column has another value.
    Changed,
}

/// What kind of thing a path leads to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Element {
    /// A whole package.
    Package,
    /// A service.
    Service,
    /// A method of a service.
    Method,
    /// A message.
    Message,
    /// A field of a message.
    Field,
    /// An enum.
    Enum,
    /// A value of an enum.
    Value,
    /// An engine column.
    Engine,
}

impl Element {
    pub(super) fn is_container(self) -> bool {
        matches!(self, Self::Service | Self::Message | Self::Enum)
    }
}

/// One difference.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Change {
    /// What happened.
    pub kind: ChangeKind,
    /// What it happened to.
    pub element: Element,
    /// The full name, such as `workflow.plugin.external.iac.ApplyResult.actions`.
    pub path: String,
    /// What stood there before.
    pub from: Option<String>,
    /// What stands there after.
    pub to: Option<String>,
    /// The number of a field or value, or the range set aside.
    #[serde(skip)]
    pub(super) numbers: Option<(i32, i32)>,
}

impl Change {
    pub(super) fn new(kind: ChangeKind, element: Element, path: impl Into<String>) -> Self {
        Self { kind, element, path: path.into(), from: None, to: None, numbers: None }
    }

    fn from(self, text: impl Into<String>) -> Self {
        Self { from: Some(text.into()), ..self }
    }

    fn to(self, text: impl Into<String>) -> Self {
        Self { to: Some(text.into()), ..self }
    }

    fn number(self, number: i32) -> Self {
        Self { numbers: Some((number, number)), ..self }
    }

    /// The service, message or enum that a method, field or value stands in.
    pub(super) fn container(&self) -> &str {
        self.path.rsplit_once('.').map_or("", |(container, _)| container)
    }

    /// The package of the contract that the path lies in, and the rest of the path.
    pub(super) fn split(&self) -> (&'static str, &str) {
        let within = |p: &'static str| Some((p, self.path.strip_prefix(p)?.strip_prefix('.')?));
        history::PACKAGES.into_iter().find_map(within).unwrap_or(("", &self.path))
    }
}

impl Contract {
    /// What changed from this revision to another, in the order: services, messages, enums of each package,
    /// then the engine. What stands in an element that came or went is listed too.
    pub fn diff(&self, other: &Self) -> Vec<Change> {
        let mut changes = compare(self.parts(), other.parts());
        changes.sort_by_key(|c| history::PACKAGES.iter().position(|p| c.split().0 == *p));
        compare_engines(&mut changes, self.engine, other.engine);
        changes
    }

    pub(super) fn parts(&self) -> Parts<'_> {
        Parts { services: &self.services, messages: &self.messages, enums: &self.enums }
    }
}

impl Elements {
    pub(super) fn parts(&self) -> Parts<'_> {
        Parts { services: &self.services, messages: &self.messages, enums: &self.enums }
    }
}

#[derive(Clone, Copy)]
pub(super) struct Parts<'a> {
    services: &'a Services,
    messages: &'a Messages,
    enums: &'a Enums,
}

pub(super) fn compare(a: Parts<'_>, b: Parts<'_>) -> Vec<Change> {
    let mut changes = Vec::new();
    for (name, a, b) in side_by_side(a.services, b.services) {
        let text = |methods: &Vec<Method>| content(methods.iter().map(|m| format!("{}{m}", m.name)));
        changes.extend(came_or_went(Element::Service, name, a.map(text), b.map(text)));
        compare_methods(&mut changes, name, a.map_or(&[], Vec::as_slice), b.map_or(&[], Vec::as_slice));
    }
    let none = Message::default();
    for (name, a, b) in side_by_side(a.messages, b.messages) {
        let text = |message: &Message| content(message.fields.iter().map(|f| format!("{} = {f}", f.name)));
        changes.extend(came_or_went(Element::Message, name, a.map(text), b.map(text)));
        let (a, b) = (a.unwrap_or(&none), b.unwrap_or(&none));
        compare_numbered(&mut changes, name, &a.fields, &b.fields);
        compare_reserved(&mut changes, Element::Message, name, &a.reserved, &b.reserved);
    }
    let none = Enum::default();
    for (name, a, b) in side_by_side(a.enums, b.enums) {
        let text = |e: &Enum| content(e.values.iter().map(|v| format!("{} = {}", v.name, v.number)));
        changes.extend(came_or_went(Element::Enum, name, a.map(text), b.map(text)));
        let (a, b) = (a.unwrap_or(&none), b.unwrap_or(&none));
        compare_numbered(&mut changes, name, &a.values, &b.values);
        compare_reserved(&mut changes, Element::Enum, name, &a.reserved, &b.reserved);
    }
    changes
}

/// Every name of either side, with what stands under it on each.
fn side_by_side<'a, T>(
    a: &'a BTreeMap<String, T>,
    b: &'a BTreeMap<String, T>,
) -> impl Iterator<Item = (&'a str, Option<&'a T>, Option<&'a T>)> {
    let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    names.into_iter().map(|name| (name.as_str(), a.get(name), b.get(name)))
}

/// The content of an element that has none.
pub(super) const EMPTY: &str = "{}";

fn content(lines: impl Iterator<Item = String>) -> String {
    let lines: Vec<_> = lines.collect();
    if lines.is_empty() { EMPTY.to_owned() } else { format!("{{ {} }}", lines.join("; ")) }
}

fn came_or_went(element: Element, path: &str, from: Option<String>, to: Option<String>) -> Option<Change> {
    let kind = match (&from, &to) {
        (Some(_), None) => ChangeKind::Removed,
        (None, Some(_)) => ChangeKind::Added,
        _ => return None,
    };
    Some(Change { from, to, ..Change::new(kind, element, path) })
}

fn compare_methods(changes: &mut Vec<Change>, service: &str, a: &[Method], b: &[Method]) {
    let find = |methods: &'_ [Method], name: &str| methods.iter().position(|m| m.name == name);
    for old in a {
        let path = format!("{service}.{}", old.name);
        let Some(new) = find(b, &old.name).map(|i| &b[i]) else {
            changes.push(Change::new(ChangeKind::Removed, Element::Method, path).from(old.to_string()));
            continue;
        };
        let kinds = [
            (ChangeKind::Retyped, (&old.request, &old.response) != (&new.request, &new.response)),
            (
                ChangeKind::Streaming,
                (old.client_streaming, old.server_streaming) != (new.client_streaming, new.server_streaming),
            ),
        ];
        for (kind, _) in kinds.into_iter().filter(|(_, differs)| *differs) {
            changes.push(
                Change::new(kind, Element::Method, path.clone()).from(old.to_string()).to(new.to_string()),
            );
        }
    }
    for new in b.iter().filter(|m| find(a, &m.name).is_none()) {
        let path = format!("{service}.{}", new.name);
        changes.push(Change::new(ChangeKind::Added, Element::Method, path).to(new.to_string()));
    }
}

/// A field or a value: what has a name and a number.
trait Numbered {
    const ELEMENT: Element;
    fn name(&self) -> &str;
    fn number(&self) -> i32;
    /// The whole of it but for the name.
    fn text(&self) -> String;
    /// How `new` differs from it beside name and number.
    fn differences(&self, new: &Self) -> Vec<(ChangeKind, String, String)>;
}

impl Numbered for Field {
    const ELEMENT: Element = Element::Field;

    fn name(&self) -> &str {
        &self.name
    }

    fn number(&self) -> i32 {
        self.number
    }

    fn text(&self) -> String {
        self.to_string()
    }

    fn differences(&self, new: &Self) -> Vec<(ChangeKind, String, String)> {
        let many = |field: &Self| if field.repeated { "repeated" } else { "singular" }.to_owned();
        let pairs = [
            (ChangeKind::Retyped, self.kind.clone(), new.kind.clone()),
            (ChangeKind::Cardinality, many(self), many(new)),
            (ChangeKind::Presence, self.presence.to_string(), new.presence.to_string()),
        ];
        pairs.into_iter().filter(|(_, old, new)| old != new).collect()
    }
}

impl Numbered for EnumValue {
    const ELEMENT: Element = Element::Value;

    fn name(&self) -> &str {
        &self.name
    }

    fn number(&self) -> i32 {
        self.number
    }

    fn text(&self) -> String {
        self.number.to_string()
    }

    fn differences(&self, _: &Self) -> Vec<(ChangeKind, String, String)> {
        Vec::new()
    }
}

/// Pairs by name and number, then by name, then by number; what is left over came or went.
fn compare_numbered<T: Numbered>(changes: &mut Vec<Change>, container: &str, a: &[T], b: &[T]) {
    let mut old: Vec<&T> = a.iter().collect();
    let mut new: Vec<&T> = b.iter().collect();
    let mut found: Vec<(i32, Change)> = Vec::new();
    let same: [fn(&T, &T) -> bool; 3] = [
        |a, b| a.name() == b.name() && a.number() == b.number(),
        |a, b| a.name() == b.name(),
        |a, b| a.number() == b.number(),
    ];
    for same in same {
        old.retain(|old| {
            let Some(at) = new.iter().position(|new| same(old, new)) else { return true };
            let new = new.remove(at);
            let change = |kind| {
                Change::new(kind, T::ELEMENT, format!("{container}.{}", old.name())).number(old.number())
            };
            if old.name() != new.name() {
                found.push((old.number(), change(ChangeKind::Renamed).from(old.name()).to(new.name())));
            }
            if old.number() != new.number() {
                let numbers = (old.number().to_string(), new.number().to_string());
                found.push((old.number(), change(ChangeKind::Renumbered).from(numbers.0).to(numbers.1)));
            }
            let differences = old.differences(new).into_iter();
            found.extend(differences.map(|(kind, from, to)| (old.number(), change(kind).from(from).to(to))));
            false
        });
    }
    let change = |kind, item: &T| {
        Change::new(kind, T::ELEMENT, format!("{container}.{}", item.name())).number(item.number())
    };
    found.extend(old.iter().map(|old| (old.number(), change(ChangeKind::Removed, old).from(old.text()))));
    found.extend(new.iter().map(|new| (new.number(), change(ChangeKind::Added, new).to(new.text()))));
    found.sort_by_key(|(number, _)| *number);
    changes.extend(found.into_iter().map(|(_, change)| change));
}

fn compare_reserved(
    changes: &mut Vec<Change>,
    element: Element,
    path: &str,
    a: &[(i32, i32)],
    b: &[(i32, i32)],
) {
    for (kind, here, there) in [(ChangeKind::Unreserved, a, b), (ChangeKind::Reserved, b, a)] {
        for range in here.iter().flat_map(|range| without(*range, there)) {
            let change = Change { numbers: Some(range), ..Change::new(kind, element, path) };
            let text = range_text(range);
            changes.push(if kind == ChangeKind::Reserved { change.to(text) } else { change.from(text) });
        }
    }
}

/// The parts of a range that none of the others covers.
pub(super) fn without(range: (i32, i32), others: &[(i32, i32)]) -> Vec<(i32, i32)> {
    others.iter().fold(vec![range], |rest, other| {
        let cut = |(start, end): (i32, i32)| {
            let before = other.0.checked_sub(1).map(|last| (start, end.min(last)));
            let after = other.1.checked_add(1).map(|first| (start.max(first), end));
            let apart = other.1 < start || end < other.0;
            let pieces = if apart { [Some((start, end)), None] } else { [before, after] };
            pieces.into_iter().flatten().filter(|(start, end)| start <= end)
        };
        rest.into_iter().flat_map(cut).collect()
    })
}

fn compare_engines(changes: &mut Vec<Change>, a: &EngineColumns, b: &EngineColumns) {
    let change = |kind, name: &str| Change::new(kind, Element::Engine, format!("engine.{name}"));
    let columns = [
        ("status_map", a.status_map.to_string(), b.status_map.to_string()),
        ("apply_rpc", a.apply_rpc.to_string(), b.apply_rpc.to_string()),
        ("undeclared_v2", a.undeclared_v2.to_string(), b.undeclared_v2.to_string()),
        ("finalizer", a.finalizer.to_string(), b.finalizer.to_string()),
    ];
    for (name, from, to) in columns.into_iter().filter(|(_, from, to)| from != to) {
        changes.push(change(ChangeKind::Changed, name).from(from).to(to));
    }
    for (kind, here, there) in [(ChangeKind::Removed, a, b), (ChangeKind::Added, b, a)] {
        let hooks = here.hooks.iter().filter(|hook| !there.hooks.contains(hook));
        changes.extend(hooks.map(|hook| change(kind, &format!("hooks.{hook}"))));
    }
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Missing => "missing",
            Self::Renamed => "renamed",
            Self::Renumbered => "renumbered",
            Self::Retyped => "retyped",
            Self::Cardinality => "cardinality",
            Self::Presence => "presence",
            Self::Streaming => "streaming",
            Self::Reserved => "reserved",
            Self::Unreserved => "unreserved",
            Self::NumberReused => "number-reused",
            Self::Changed => "changed",
        })
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Package => "package",
            Self::Service => "service",
            Self::Method => "method",
            Self::Message => "message",
            Self::Field => "field",
            Self::Enum => "enum",
            Self::Value => "value",
            Self::Engine => "engine",
        })
    }
}

/// `field ApplyResult.actions = 7: repeated ActionResult`; the content of an element only if asked for.
pub(super) fn described(element: Element, path: &str, text: Option<&str>, with_content: bool) -> String {
    match text {
        Some(text) if element == Element::Method => format!("{element} {path}{text}"),
        Some(text) if matches!(element, Element::Field | Element::Value) => {
            format!("{element} {path} = {text}")
        }
        Some(text) if with_content => format!("{element} {path} {text}"),
        _ if element == Element::Engine => path.to_owned(),
        _ => format!("{element} {path}"),
    }
}

impl Change {
    fn line(&self, path: &str) -> String {
        let (from, to) = (self.from.as_deref(), self.to.as_deref());
        let described = |text| described(self.element, path, text, false);
        match self.kind {
            ChangeKind::Added => format!("+ {}", described(to)),
            ChangeKind::Removed => format!("- {}", described(from)),
            ChangeKind::Reserved => format!("+ reserved {path} {}", to.unwrap_or_default()),
            ChangeKind::Unreserved => format!("- reserved {path} {}", from.unwrap_or_default()),
            kind => {
                let (from, to) = (from.unwrap_or_default(), to.unwrap_or_default());
                format!("~ {} {kind}: {from} -> {to}", described(None))
            }
        }
    }
}

/// One line: `+`, `-` or `~`, and what it is about.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line(&self.path))
    }
}

/// The changes as text, one line each, under the name of their package.
pub fn changes_to_text(changes: &[Change]) -> String {
    if changes.is_empty() {
        return "no difference\n".to_owned();
    }
    let mut text = String::new();
    for of_one in changes.chunk_by(|a, b| a.split().0 == b.split().0) {
        let package = of_one[0].split().0;
        text.push_str(if package.is_empty() { "beside the wire" } else { package });
        text.push('\n');
        for change in of_one {
            text.push_str("  ");
            text.push_str(&change.line(change.split().1));
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Revision;

    #[test]
    fn a_diff_turns_one_revision_into_the_other() {
        for [a, b] in Revision::ALL.iter().flat_map(|a| Revision::ALL.iter().map(move |b| [*a, *b])) {
            let forth = Contract::at(a).diff(Contract::at(b));
            let back = Contract::at(b).diff(Contract::at(a));
            assert_eq!(forth.is_empty(), back.is_empty());
            assert_eq!(forth.len(), back.len(), "{a} {b}");
            let count = |changes: &[Change], kind| changes.iter().filter(|c| c.kind == kind).count();
            assert_eq!(count(&forth, ChangeKind::Added), count(&back, ChangeKind::Removed), "{a} {b}");
            assert_eq!(count(&forth, ChangeKind::Reserved), count(&back, ChangeKind::Unreserved), "{a} {b}");
            let surprising = |c: &&Change| {
                !matches!(
                    c.kind,
                    ChangeKind::Added
                        | ChangeKind::Removed
                        | ChangeKind::Reserved
                        | ChangeKind::Unreserved
                        | ChangeKind::Changed
                )
            };
            assert_eq!(forth.iter().find(surprising), None, "no number was ever used anew");
        }
    }

    #[test]
    fn ranges_are_cut() {
        assert_eq!(without((1, 9), &[(3, 4), (6, 6)]), [(1, 2), (5, 5), (7, 9)]);
        assert_eq!(without((1, 9), &[(9, 12), (0, 1)]), [(2, 8)]);
        assert_eq!(without((1, 9), &[]), [(1, 9)]);
        assert_eq!(without((4, 5), &[(4, 4), (5, 5)]), []);
        assert_eq!(without((i32::MIN, i32::MAX), &[(i32::MIN, i32::MAX)]), []);
    }
}
