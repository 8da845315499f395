//! Somebody's descriptors held to a revision.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::OnceLock,
};

use prost_types::FileDescriptorSet;
use serde::Serialize;

use super::{
    Contract, Elements,
    diff::{Change, ChangeKind, EMPTY, Element, compare, described, without},
};
use crate::{Revision, history};

impl Contract {
    /// Holds somebody's descriptors to this revision.
    pub fn check(&self, set: &FileDescriptorSet) -> CheckReport {
        let found = Elements::read(set);
        let compared: Vec<_> = history::PACKAGES.into_iter().filter(|p| found.has(p)).collect();
        let elsewhere = found.packages.iter().filter(|p| !compared.contains(&p.as_str()));
        let elsewhere = elsewhere.map(|p| NotCompared { package: shown(p), why: "not part of the contract" });
        let absent = history::PACKAGES.into_iter().filter(|p| !compared.contains(p));
        let absent = absent.map(|p| NotCompared { package: p.to_owned(), why: "not in the descriptors" });
        let not_compared = absent.chain(elsewhere).collect();

        let mut expected = self.elements();
        expected.retain(|name| compared.iter().any(|p| is_in(name, p)));
        let changes = compare(expected.parts(), found.parts());
        let findings = if compared.is_empty() {
            let change = Change::new(ChangeKind::Missing, Element::Package, history::IAC);
            let hint = "the descriptors hold no package of the contract".to_owned();
            vec![Finding::of(Severity::Breaking, change, Some(hint))]
        } else {
            Judge { revision: self.revision, expected: &expected, found: &found }.findings(changes)
        };
        CheckReport { revision: self.revision, compared, not_compared, findings }
    }

    /// Holds somebody's descriptors to the revision that they are closest to. They may be of any: whoever is older than
    /// the contract lacks things, and breaks nothing by that.
    pub fn closest(set: &FileDescriptorSet) -> Closest {
        let reports: Vec<_> = Revision::ALL.iter().map(|revision| Self::at(*revision).check(set)).collect();
        let added = |report: &CheckReport, path: &str| {
            report.findings.iter().any(|finding| finding.kind == ChangeKind::Added && finding.path == path)
        };
        let contradictions =
            |report: &CheckReport| report.findings.iter().filter(|f| f.contradicts()).count();
        // Of two that are equally close it is the newer one.
        let distance = |report: &CheckReport| (contradictions(report), report.findings.len());
        let closest = reports.iter().rev().min_by_key(|report| distance(report));
        let closest = closest.expect("there are revisions");
        let findings = |is: &dyn Fn(&Finding) -> bool| {
            closest.findings.iter().filter(|finding| is(finding)).cloned().collect()
        };
        Closest {
            revision: closest.revision,
            contradictions: findings(&Finding::contradicts),
            unknown: findings(&|finding| reports.iter().all(|report| added(report, &finding.path))),
        }
    }

    fn elements(&self) -> Elements {
        let (services, messages, enums) = (self.services.clone(), self.messages.clone(), self.enums.clone());
        Elements { services, messages, enums, packages: Vec::new() }
    }
}

/// A package for the reader; a file may be in none.
fn shown(package: &str) -> String {
    if package.is_empty() { "(no package)".to_owned() } else { package.to_owned() }
}

impl Elements {
    fn has(&self, package: &str) -> bool {
        self.packages.iter().any(|p| p == package)
    }

    fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.services.retain(|name, _| keep(name));
        self.messages.retain(|name, _| keep(name));
        self.enums.retain(|name, _| keep(name));
    }

    /// The ranges that a message or enum sets aside.
    fn reserved(&self, name: &str) -> &[(i32, i32)] {
        let message = self.messages.get(name).map(|m| &m.reserved);
        message.or_else(|| self.enums.get(name).map(|e| &e.reserved)).map_or(&[], Vec::as_slice)
    }

    /// The numbers that a message or enum uses.
    fn numbers(&self, name: &str) -> Vec<i32> {
        let fields = self.messages.get(name).map(|m| m.fields.iter().map(|f| f.number).collect());
        fields
            .or_else(|| Some(self.enums.get(name)?.values.iter().map(|v| v.number).collect()))
            .unwrap_or_default()
    }
}

fn is_in(name: &str, package: &str) -> bool {
    name.strip_prefix(package).is_some_and(|rest| rest.starts_with('.'))
}

/// How bad a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// A peer that keeps to the contract would not understand this one.
    Breaking,
    /// More than the contract has.
    Addition,
    /// Worth knowing; the bytes on the wire are the same.
    Note,
}

/// One thing that a check found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What is the matter.
    pub kind: ChangeKind,
    /// With what.
    pub element: Element,
    /// Its full name, such as `workflow.plugin.external.iac.ApplyResult.actions`.
    pub path: String,
    /// What the contract has.
    pub expected: Option<String>,
    /// What the descriptors have.
    pub found: Option<String>,
    /// What the rest of the contract says about it.
    pub hint: Option<String>,
}

impl Finding {
    /// Whether the descriptors say something else than the contract, rather than less or more.
    fn contradicts(&self) -> bool {
        let is_nothing_at_all = self.element == Element::Package;
        self.severity == Severity::Breaking && (self.kind != ChangeKind::Missing || is_nothing_at_all)
    }

    fn of(severity: Severity, change: Change, hint: Option<String>) -> Self {
        let Change { kind, element, path, from: expected, to: found, .. } = change;
        Self { severity, kind, element, path, expected, found, hint }
    }
}

/// A package that was left out of a check.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct NotCompared {
    /// Its name.
    pub package: String,
    /// Why it was left out.
    pub why: &'static str,
}

/// What came of holding descriptors to all revisions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Closest {
    /// The revision that they are closest to.
    pub revision: Revision,
    /// Where they say something else than that revision.
    pub contradictions: Vec<Finding>,
    /// What they have, and no revision has.
    pub unknown: Vec<Finding>,
}

/// What came of a check.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CheckReport {
    /// The revision that was held against.
    pub revision: Revision,
    /// The packages that were compared.
    pub compared: Vec<&'static str>,
    /// Those that were not.
    pub not_compared: Vec<NotCompared>,
    /// What was found, the worst first.
    pub findings: Vec<Finding>,
}

impl CheckReport {
    /// How many findings have this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|f| f.severity == severity).count()
    }
}

/// Elements that went and elements that came with the same content, which no other has: they have a new name.
/// A type that is only named anew changes nothing where it is used.
fn pair_renames(mut changes: Vec<Change>) -> Vec<Change> {
    let mut names = BTreeMap::new();
    loop {
        let pairs = pairs(&changes, &names);
        if pairs.is_empty() {
            break;
        }
        for (went, came) in &pairs {
            let (old, new) = (changes[*went].split().1.to_owned(), changes[*came].split().1.to_owned());
            let change = &mut changes[*went];
            (change.kind, change.from, change.to) =
                (ChangeKind::Renamed, Some(old.clone()), Some(new.clone()));
            if matches!(change.element, Element::Message | Element::Enum) {
                names.insert(old, new);
            }
        }
        let came: BTreeSet<_> = pairs.into_iter().map(|(_, came)| came).collect();
        let mut at = 0..;
        changes.retain(|_| at.next().is_none_or(|at| !came.contains(&at)));
    }
    let named_anew = |c: &Change| {
        let from = c.from.as_ref().map(|from| with_names(from, &names));
        c.kind == ChangeKind::Retyped && from == c.to
    };
    changes.retain(|c| !named_anew(c));
    changes
}

/// Where in the list the two halves of each renaming stand.
fn pairs(changes: &[Change], names: &BTreeMap<String, String>) -> Vec<(usize, usize)> {
    let mut halves = BTreeMap::<_, (Vec<usize>, Vec<usize>)>::new();
    for (at, change) in changes.iter().enumerate() {
        let is_method = change.element == Element::Method;
        let counts = is_method || change.element.is_container();
        let place = if is_method { change.container() } else { change.split().0 };
        match (change.kind, &change.from, &change.to) {
            (ChangeKind::Removed, Some(text), _) if counts && text != EMPTY => {
                halves.entry((change.element, place, with_names(text, names))).or_default().0.push(at);
            }
            // What the contract has at another revision is that, and nothing of this one under a new name.
            (ChangeKind::Added, _, Some(text))
                if counts && text != EMPTY && !known().contains_key(&change.path) =>
            {
                halves.entry((change.element, place, text.clone())).or_default().1.push(at);
            }
            _ => {}
        }
    }
    let single = |(went, came): (Vec<usize>, Vec<usize>)| match (went.as_slice(), came.as_slice()) {
        ([went], [came]) => Some((*went, *came)),
        _ => None,
    };
    halves.into_values().filter_map(single).collect()
}

/// A text in which types have their new names.
fn with_names(text: &str, names: &BTreeMap<String, String>) -> String {
    let ends = |c: char| !(c.is_alphanumeric() || c == '_' || c == '.');
    let mut renamed = String::with_capacity(text.len());
    for piece in text.split_inclusive(ends) {
        let word = piece.trim_end_matches(ends);
        renamed.push_str(names.get(word).map_or(word, String::as_str));
        renamed.push_str(&piece[word.len()..]);
    }
    renamed
}

/// Where each element of the contract is found: by path, the revisions that have it and how it stands there.
fn known() -> &'static BTreeMap<String, Vec<(Revision, Change)>> {
    static KNOWN: OnceLock<BTreeMap<String, Vec<(Revision, Change)>>> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let nothing = Elements::default();
        let mut known = BTreeMap::<String, Vec<_>>::new();
        for revision in Revision::ALL {
            for change in compare(nothing.parts(), Contract::at(*revision).parts()) {
                if change.kind == ChangeKind::Added {
                    known.entry(change.path.clone()).or_default().push((*revision, change));
                }
            }
        }
        known
    })
}

/// `revision 0.56`, or `revisions 0.56 to head`.
fn revisions_text<'a>(standing: impl IntoIterator<Item = &'a (Revision, Change)>) -> String {
    let revisions: Vec<_> = standing.into_iter().map(|(revision, _)| *revision).collect();
    match revisions.as_slice() {
        [] => "no revision".to_owned(),
        [one] => format!("revision {one}"),
        [first, .., last] => format!("revisions {first} to {last}"),
    }
}

/// Turns differences into findings.
struct Judge<'a> {
    revision: Revision,
    expected: &'a Elements,
    found: &'a Elements,
}

impl Judge<'_> {
    fn findings(&self, changes: Vec<Change>) -> Vec<Finding> {
        // What stands in an element that came or went as a whole is told with it.
        let whole: BTreeSet<String> = changes
            .iter()
            .filter(|c| c.element.is_container() && matches!(c.kind, ChangeKind::Added | ChangeKind::Removed))
            .map(|c| c.path.clone())
            .collect();
        let told = |c: &Change| {
            let inside = !c.element.is_container() && whole.contains(c.container());
            let range = matches!(c.kind, ChangeKind::Reserved | ChangeKind::Unreserved);
            inside || range && (whole.contains(&c.path) || self.is_told(c))
        };
        let changes = pair_renames(changes.into_iter().filter(|c| !told(c)).collect());
        let mut findings: Vec<_> = changes.into_iter().map(|c| self.finding(c)).collect();
        findings.sort_by_key(|f| f.severity);
        findings
    }

    /// Whether all numbers of a range are in use on the other side: then the use is the finding.
    fn is_told(&self, range: &Change) -> bool {
        let used = if range.kind == ChangeKind::Reserved { self.expected } else { self.found };
        let used: Vec<_> = used.numbers(&range.path).into_iter().map(|n| (n, n)).collect();
        range.numbers.is_some_and(|range| without(range, &used).is_empty())
    }

    fn finding(&self, mut change: Change) -> Finding {
        let (severity, hint) = match change.kind {
            ChangeKind::Removed => {
                change.kind = ChangeKind::Missing;
                (Severity::Breaking, self.missing(&change))
            }
            ChangeKind::Added => self.added(&mut change),
            ChangeKind::Renamed if matches!(change.element, Element::Message | Element::Enum) => {
                (Severity::Note, Some("the content is the same".to_owned()))
            }
            ChangeKind::Renamed if matches!(change.element, Element::Field | Element::Value) => {
                (Severity::Breaking, Some("a new name and a number used anew look alike".to_owned()))
            }
            ChangeKind::Renamed => (Severity::Breaking, Some("calls go to the name".to_owned())),
            ChangeKind::Presence => {
                let harmless = change.to.as_deref() == Some("optional");
                (if harmless { Severity::Note } else { Severity::Breaking }, None)
            }
            ChangeKind::Reserved | ChangeKind::Unreserved => (Severity::Note, None),
            ChangeKind::Missing
            | ChangeKind::Renumbered
            | ChangeKind::Retyped
            | ChangeKind::Cardinality
            | ChangeKind::Streaming
            | ChangeKind::NumberReused
            | ChangeKind::Changed => (Severity::Breaking, None),
        };
        Finding::of(severity, change, hint)
    }

    fn missing(&self, change: &Change) -> Option<String> {
        let (package, path) = change.split();
        let since = history::since(package, path).map(|version| {
            let within =
                if history::came_within(version, self.revision) { ", within this revision" } else { "" };
            format!("the contract has it since engine {version}{within}")
        });
        let reserved = change.numbers.is_some_and(|n| covers(self.found.reserved(change.container()), n));
        let reserved = reserved.then(|| "its number is reserved there".to_owned());
        let hints: Vec<_> = since.into_iter().chain(reserved).collect();
        (!hints.is_empty()).then(|| hints.join("; "))
    }

    fn added(&self, change: &mut Change) -> (Severity, Option<String>) {
        let standing = known().get(&change.path).map_or(&[][..], Vec::as_slice);
        let (same, other): (Vec<_>, Vec<_>) = standing.iter().partition(|(_, known)| known.to == change.to);
        let elsewhere = match (&*same, &*other) {
            ([], []) => "no revision has it".to_owned(),
            ([], [other, ..]) => {
                format!("{}: {}", revisions_text(standing), other.1.to.as_deref().unwrap_or_default())
            }
            _ => format!("as at {}", revisions_text(same.iter().copied())),
        };
        if let Some(number) = change.numbers {
            if covers(self.expected.reserved(change.container()), number) {
                change.kind = ChangeKind::NumberReused;
                let hint = format!("revision {} reserves the number; {elsewhere}", self.revision);
                return (Severity::Breaking, Some(hint));
            }
            let prefix = format!("{}.", change.container());
            let mut rivals =
                known().range(prefix.clone()..).take_while(|(path, _)| path.starts_with(&prefix));
            let rival = rivals.find(|(path, at)| **path != change.path && at[0].1.numbers == change.numbers);
            if let Some((path, at)) = rival {
                change.kind = ChangeKind::NumberReused;
                let at = revisions_text(at);
                let hint = format!("the number is that of `{}` at {at}", path.trim_start_matches(&prefix));
                return (Severity::Breaking, Some(hint));
            }
        }
        (Severity::Addition, Some(elsewhere))
    }
}

fn covers(ranges: &[(i32, i32)], number: (i32, i32)) -> bool {
    without(number, ranges).is_empty()
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Breaking => "breaking",
            Self::Addition => "addition",
            Self::Note => "note",
        })
    }
}

/// One line: what is the matter, with what, and what the contract says of it.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, element, path, expected, found, .. } = self;
        match (expected, found) {
            (Some(expected), Some(found)) => {
                write!(f, "{kind}: {element} {path}: expected {expected}, found {found}")?;
            }
            (expected, found) => {
                let text = expected.as_deref().or(found.as_deref());
                let content = *kind != ChangeKind::Missing;
                write!(f, "{kind}: {}", described(*element, path, text, content))?;
            }
        }
        if let Some(hint) = &self.hint {
            write!(f, " ({hint})")?;
        }
        Ok(())
    }
}

/// The counts, what was compared, and a line per finding.
impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = |severity, one, many| {
            let count = self.count(severity);
            format!("{count} {}", if count == 1 { one } else { many })
        };
        write!(f, "against revision {}: ", self.revision)?;
        write!(f, "{}, ", counted(Severity::Breaking, "breaking", "breaking"))?;
        write!(f, "{}, ", counted(Severity::Addition, "addition", "additions"))?;
        writeln!(f, "{}", counted(Severity::Note, "note", "notes"))?;
        for package in &self.compared {
            writeln!(f, "compared      {package}")?;
        }
        for NotCompared { package, why } in &self.not_compared {
            writeln!(f, "not compared  {package}: {why}")?;
        }
        for of_one in self.findings.chunk_by(|a, b| a.severity == b.severity) {
            writeln!(f, "\n{}", of_one[0].severity)?;
            for finding in of_one {
                writeln!(f, "  {finding}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use prost_types::{
        DescriptorProto, EnumDescriptorProto, EnumValueDescriptorProto, FieldDescriptorProto,
        FileDescriptorProto, OneofDescriptorProto,
        field_descriptor_proto::{Label, Type},
    };

    use super::*;

    fn iac(set: &mut FileDescriptorSet) -> &mut FileDescriptorProto {
        set.file.iter_mut().find(|f| f.package() == history::IAC).unwrap()
    }

    fn message<'a>(set: &'a mut FileDescriptorSet, name: &str) -> &'a mut DescriptorProto {
        iac(set).message_type.iter_mut().find(|m| m.name() == name).unwrap()
    }

    fn field<'a>(set: &'a mut FileDescriptorSet, name: &str, field: &str) -> &'a mut FieldDescriptorProto {
        message(set, name).field.iter_mut().find(|f| f.name() == field).unwrap()
    }

    fn enumeration<'a>(set: &'a mut FileDescriptorSet, name: &str) -> &'a mut EnumDescriptorProto {
        iac(set).enum_type.iter_mut().find(|e| e.name() == name).unwrap()
    }

    fn new_field(name: &str, number: i32) -> FieldDescriptorProto {
        FieldDescriptorProto {
            name: Some(name.to_owned()),
            number: Some(number),
            label: Some(Label::Optional.into()),
            r#type: Some(Type::String.into()),
            ..Default::default()
        }
    }

    /// The findings about descriptors of a revision that were altered, one line each, without the package.
    fn found(revision: Revision, alter: impl FnOnce(&mut FileDescriptorSet)) -> Vec<String> {
        let mut set = history::descriptors(revision);
        alter(&mut set);
        lines(&Contract::at(revision).check(&set))
    }

    fn lines(report: &CheckReport) -> Vec<String> {
        let line = |f: &Finding| format!("{} {f}", f.severity).replace("workflow.plugin.external.iac.", "");
        report.findings.iter().map(line).collect()
    }

    #[test]
    fn every_revision_is_clean_against_itself() {
        for revision in Revision::ALL {
            let report = Contract::at(*revision).check(&history::descriptors(*revision));
            assert_eq!(lines(&report), [""; 0], "{revision}");
            assert_eq!(report.compared, history::PACKAGES);
            let others: Vec<_> = report.not_compared.iter().map(|n| n.package.as_str()).collect();
            assert_eq!(others, ["google.protobuf", "grpc.health.v1", "plugin"]);
        }
    }

    #[test]
    fn an_older_engine_lacks_the_newer_statuses() {
        let report = Contract::at(Revision::V0_56).check(&history::descriptors(Revision::V0_54));
        assert_eq!(
            lines(&report),
            [
                "breaking missing: service IaCProviderFinalizer (the contract has it since engine 0.55.0)",
                "breaking missing: message FinalizeApplyRequest (the contract has it since engine 0.55.0)",
                "breaking missing: message FinalizeApplyResponse (the contract has it since engine 0.55.0)",
                "breaking missing: value ActionStatus.ACTION_STATUS_COMPENSATED = 4 \
                 (the contract has it since engine 0.56.0; its number is reserved there)",
                "breaking missing: value ActionStatus.ACTION_STATUS_COMPENSATION_FAILED = 5 \
                 (the contract has it since engine 0.56.0; its number is reserved there)",
                "breaking missing: value ActionStatus.ACTION_STATUS_SKIPPED = 6 \
                 (the contract has it since engine 0.56.0)",
            ]
        );
    }

    #[test]
    fn what_came_within_a_revision_is_said_to() {
        let report = Contract::at(Revision::V0_64).check(&history::descriptors(Revision::V0_60));
        let line = lines(&report).into_iter().find(|line| line.contains("CONTRACT_KIND_MESSAGE")).unwrap();
        assert!(
            line.ends_with("= 5 (the contract has it since engine 0.64.7, within this revision)"),
            "{line}"
        );
    }

    #[test]
    fn a_newer_engine_uses_what_an_older_one_reserved() {
        let report = Contract::at(Revision::V0_55).check(&history::descriptors(Revision::V0_56));
        assert_eq!(
            lines(&report),
            [
                "breaking number-reused: value ActionStatus.ACTION_STATUS_COMPENSATED = 4 \
                 (revision 0.55 reserves the number; as at revisions 0.56 to head)",
                "breaking number-reused: value ActionStatus.ACTION_STATUS_COMPENSATION_FAILED = 5 \
                 (revision 0.55 reserves the number; as at revisions 0.56 to head)",
                "addition added: value ActionStatus.ACTION_STATUS_SKIPPED = 6 (as at revisions 0.56 to head)",
            ]
        );
    }

    #[test]
    fn a_field_that_moved_is_renumbered_even_where_others_took_its_place() {
        assert_eq!(
            found(Revision::V0_57, |set| field(set, "ResourceRef", "provider_id").number = Some(9)),
            ["breaking renumbered: field ResourceRef.provider_id: expected 3, found 9"]
        );
        let swapped = found(Revision::V0_57, |set| {
            field(set, "ResourceRef", "name").number = Some(2);
            field(set, "ResourceRef", "type").number = Some(1);
        });
        assert_eq!(
            swapped,
            [
                "breaking renumbered: field ResourceRef.name: expected 1, found 2",
                "breaking renumbered: field ResourceRef.type: expected 2, found 1",
            ]
        );
        let taken = found(Revision::V0_57, |set| {
            field(set, "ResourceRef", "provider_id").number = Some(4);
            message(set, "ResourceRef").field.push(new_field("owner", 3));
        });
        assert_eq!(
            taken,
            [
                "breaking renumbered: field ResourceRef.provider_id: expected 3, found 4",
                "breaking number-reused: field ResourceRef.owner = 3: string \
                 (the number is that of `provider_id` at revisions 0.51 to head)",
            ]
        );
    }

    #[test]
    fn types_and_cardinalities_are_told_apart() {
        assert_eq!(
            found(Revision::Head, |set| {
                field(set, "ResourceRef", "name").set_type(Type::Bytes);
                field(set, "ResourceSpec", "depends_on").set_label(Label::Optional);
                field(set, "PlanAction", "current").type_name =
                    Some(format!(".{}.ResourceRef", history::IAC));
            }),
            [
                "breaking retyped: field PlanAction.current: expected ResourceState, found ResourceRef",
                "breaking retyped: field ResourceRef.name: expected string, found bytes",
                "breaking cardinality: field ResourceSpec.depends_on: expected repeated, found singular",
            ]
        );
        let value = |set: &mut FileDescriptorSet| {
            message(set, "ListStatesRequest").nested_type[0].field[1].set_type(Type::Int32);
        };
        assert_eq!(
            found(Revision::Head, value),
            ["breaking retyped: field ListStatesRequest.filter: expected map<string, string>, \
              found map<string, int32>"]
        );
    }

    #[test]
    fn presence_is_a_note_unless_absence_breaks() {
        assert_eq!(
            found(Revision::Head, |set| {
                message(set, "NameResponse").oneof_decl.push(OneofDescriptorProto::default());
                field(set, "NameResponse", "name").oneof_index = Some(0);
                field(set, "VersionResponse", "version").set_label(Label::Required);
                let choice = OneofDescriptorProto { name: Some("which".to_owned()), ..Default::default() };
                message(set, "HealthResult").oneof_decl.push(choice);
                field(set, "HealthResult", "healthy").oneof_index = Some(0);
                field(set, "HealthResult", "message").oneof_index = Some(0);
            }),
            [
                "breaking presence: field HealthResult.healthy: expected implicit, found oneof which",
                "breaking presence: field HealthResult.message: expected implicit, found oneof which",
                "breaking presence: field VersionResponse.version: expected implicit, found required",
                "note presence: field NameResponse.name: expected implicit, found optional",
            ]
        );
    }

    #[test]
    fn methods_are_compared_by_name() {
        assert_eq!(
            found(Revision::V0_60, |set| {
                let services = &mut iac(set).service;
                let driver = services.iter_mut().find(|s| s.name() == "ResourceDriver").unwrap();
                driver.method.reverse();
                driver.method.retain(|m| m.name() != "Troubleshoot");
                for method in &mut driver.method {
                    match method.name() {
                        "Scale" => method.name = Some("Resize".to_owned()),
                        "Read" => method.output_type = Some(format!(".{}.ResourceStatus", history::IAC)),
                        _ => {}
                    }
                }
                let capture = services.iter_mut().find(|s| s.name() == "IaCProviderLogCapture").unwrap();
                capture.method[0].server_streaming = None;
            }),
            [
                "breaking streaming: method IaCProviderLogCapture.CaptureLogs: \
                 expected (CaptureLogsRequest) returns (stream LogChunk), \
                 found (CaptureLogsRequest) returns (LogChunk)",
                "breaking retyped: method ResourceDriver.Read: \
                 expected (ResourceReadRequest) returns (ResourceReadResponse), \
                 found (ResourceReadRequest) returns (ResourceStatus)",
                "breaking renamed: method ResourceDriver.Scale: expected ResourceDriver.Scale, \
                 found ResourceDriver.Resize (calls go to the name)",
                "breaking missing: method ResourceDriver.Troubleshoot(TroubleshootRequest) \
                 returns (TroubleshootResponse)",
            ]
        );
    }

    #[test]
    fn a_type_under_a_new_name_is_one_note() {
        let rename = |set: &mut FileDescriptorSet, from: &str, to: &str| {
            message(set, from).name = Some(to.to_owned());
            let (from, to) = (format!(".{}.{from}", history::IAC), format!(".{}.{to}", history::IAC));
            let anew = |name: &mut Option<String>| {
                let rest = name
                    .as_ref()
                    .and_then(|n| n.strip_prefix(&from))
                    .filter(|r| r.is_empty() || r.starts_with('.'));
                if let Some(rest) = rest {
                    *name = Some(format!("{to}{rest}"));
                }
            };
            for message in &mut iac(set).message_type {
                let nested = message.nested_type.iter_mut().flat_map(|entry| &mut entry.field);
                message.field.iter_mut().chain(nested).for_each(|field| anew(&mut field.type_name));
            }
            for method in iac(set).service.iter_mut().flat_map(|s| &mut s.method) {
                anew(&mut method.input_type);
                anew(&mut method.output_type);
            }
        };
        assert_eq!(
            found(Revision::Head, |set| rename(set, "ResourceSpec", "Spec")),
            [
                "note renamed: message ResourceSpec: expected ResourceSpec, found Spec (the content is the same)"
            ]
        );
        assert_eq!(
            found(Revision::V0_56, |set| {
                rename(set, "ApplyResult", "Result");
                rename(set, "DriftEntry", "InputDrift");
            }),
            [
                "note renamed: message ApplyResult: expected ApplyResult, found Result (the content is the same)",
                "note renamed: message DriftEntry: expected DriftEntry, found InputDrift (the content is the same)",
            ],
            "also one inside the other"
        );
        let service = |set: &mut FileDescriptorSet| {
            let mut services = iac(set).service.iter_mut();
            services.find(|s| s.name() == "IaCProviderFinalizer").unwrap().name =
                Some("Finalizer".to_owned());
        };
        assert_eq!(
            found(Revision::V0_56, service),
            [
                "breaking renamed: service IaCProviderFinalizer: expected IaCProviderFinalizer, found Finalizer \
              (calls go to the name)"
            ]
        );
    }

    #[test]
    fn a_renamed_field_or_value_may_be_a_number_used_anew() {
        assert_eq!(
            found(Revision::V0_56, |set| {
                field(set, "ActionError", "error").name = Some("text".to_owned());
                enumeration(set, "ActionStatus").value[6].name = Some("ACTION_STATUS_NEVER_RUN".to_owned());
            }),
            [
                "breaking renamed: field ActionError.error: expected error, found text \
                 (a new name and a number used anew look alike)",
                "breaking renamed: value ActionStatus.ACTION_STATUS_SKIPPED: expected ACTION_STATUS_SKIPPED, \
                 found ACTION_STATUS_NEVER_RUN (a new name and a number used anew look alike)",
            ]
        );
    }

    #[test]
    fn additions_are_named_with_what_the_contract_knows_of_them() {
        assert_eq!(
            found(Revision::V0_51, |set| {
                message(set, "ResourceRef").field.push(new_field("region", 4));
                message(set, "ApplyResult").field.push(new_field("actions", 7));
                message(set, "ApplyResult").field.push(new_field("outcome_keys", 8));
                let value = |name: &str, number| EnumValueDescriptorProto {
                    name: Some(name.to_owned()),
                    number: Some(number),
                    ..Default::default()
                };
                let mine = EnumDescriptorProto {
                    name: Some("Mine".to_owned()),
                    value: vec![value("A", 0), value("B", -1)],
                    ..Default::default()
                };
                iac(set).enum_type.push(mine.clone());
                message(set, "ActionError").enum_type.push(mine);
            }),
            [
                "addition added: field ApplyResult.actions = 7: string \
                 (revisions 0.54 to 0.56: 7: repeated ActionResult)",
                "addition added: field ApplyResult.outcome_keys = 8: string (no revision has it)",
                "addition added: field ResourceRef.region = 4: string (no revision has it)",
                "addition added: enum ActionError.Mine { B = -1; A = 0 } (no revision has it)",
                "addition added: enum Mine { B = -1; A = 0 } (no revision has it)",
            ]
        );
        let extension = |set: &mut FileDescriptorSet| {
            let extendee = Some(format!(".{}.ResourceRef", history::IAC));
            let extension = FieldDescriptorProto { extendee, ..new_field("zone", 100) };
            set.file.push(FileDescriptorProto { extension: vec![extension], ..Default::default() });
        };
        assert_eq!(
            found(Revision::Head, extension),
            ["addition added: field ResourceRef.[zone] = 100: string (no revision has it)"]
        );
    }

    #[test]
    fn a_reserved_number_is_not_for_use() {
        assert_eq!(
            found(Revision::V0_55, |set| {
                message(set, "FinalizeApplyResponse").reserved_range.clear();
                message(set, "FinalizeApplyResponse").field.push(new_field("warnings", 2));
            }),
            ["breaking number-reused: field FinalizeApplyResponse.warnings = 2: string \
              (revision 0.55 reserves the number; no revision has it)"]
        );
        assert_eq!(
            found(Revision::V0_54, |set| {
                let reserved = &mut enumeration(set, "ActionStatus").reserved_range;
                reserved.truncate(1);
                reserved[0].end = Some(4);
                let range = prost_types::descriptor_proto::ReservedRange { start: Some(9), end: Some(12) };
                message(set, "ResourceRef").reserved_range.push(range);
            }),
            ["note reserved: message ResourceRef 9 to 11", "note unreserved: enum ActionStatus 5",]
        );
        let merged = |set: &mut FileDescriptorSet| {
            let reserved = &mut enumeration(set, "ActionStatus").reserved_range;
            reserved.truncate(1);
            (reserved[0].start, reserved[0].end) = (Some(4), Some(5));
        };
        assert_eq!(found(Revision::V0_54, merged), [""; 0], "`4 to 5` is `4, 5`");
    }

    #[test]
    fn a_package_that_is_not_there_is_not_missing_piece_by_piece() {
        let mut set = history::descriptors(Revision::V0_56);
        set.file.retain(|f| f.package() == history::IAC);
        let report = Contract::at(Revision::V0_56).check(&set);
        assert_eq!(lines(&report), [""; 0]);
        assert_eq!(report.compared, [history::IAC]);
        assert_eq!(report.not_compared[0].why, "not in the descriptors");

        let report = Contract::at(Revision::V0_56).check(&FileDescriptorSet::default());
        assert_eq!(report.count(Severity::Breaking), 1);
        assert!(report.to_string().contains("the descriptors hold no package of the contract"));
    }

    #[test]
    fn descriptors_without_any_content_do_not_panic() {
        let mut set = FileDescriptorSet::default();
        let file = FileDescriptorProto {
            package: Some(history::IAC.to_owned()),
            message_type: vec![DescriptorProto {
                field: vec![FieldDescriptorProto { oneof_index: Some(-1), ..Default::default() }],
                nested_type: vec![DescriptorProto::default()],
                reserved_range: vec![prost_types::descriptor_proto::ReservedRange {
                    start: Some(i32::MIN),
                    end: Some(i32::MIN),
                }],
                ..Default::default()
            }],
            service: vec![prost_types::ServiceDescriptorProto {
                method: vec![prost_types::MethodDescriptorProto::default()],
                ..Default::default()
            }],
            enum_type: vec![EnumDescriptorProto {
                value: vec![EnumValueDescriptorProto::default(); 2],
                ..Default::default()
            }],
            ..Default::default()
        };
        set.file = vec![file.clone(), FileDescriptorProto::default(), file];
        let report = Contract::at(Revision::Head).check(&set);
        assert!(report.count(Severity::Breaking) > 100);
        assert!(!report.to_string().is_empty());
    }

    #[test]
    fn descriptors_are_held_to_the_revision_that_they_are_closest_to() {
        for revision in Revision::ALL {
            let closest = Contract::closest(&history::descriptors(*revision));
            // Some revisions differ from the one before in the engine alone.
            let parts = |revision| Contract::at(revision).elements();
            assert_eq!(parts(closest.revision), parts(*revision));
            assert_eq!((closest.contradictions, closest.unknown), (vec![], vec![]));
        }
        // All revisions in one, as a mock may serve them, contradict none.
        let closest = Contract::closest(&crate::file_descriptor_set());
        assert_eq!((closest.contradictions, closest.unknown), (vec![], vec![]));

        let mut set = history::descriptors(Revision::V0_55);
        field(&mut set, "ActionError", "error").number = Some(9);
        message(&mut set, "ResourceRef").field.push(new_field("zone", 4));
        message(&mut set, "ApplyResult").field.pop();
        let closest = Contract::closest(&set);
        assert_eq!(closest.revision, Revision::V0_55);
        let paths = |findings: &[Finding]| findings.iter().map(|f| f.path.clone()).collect::<Vec<_>>();
        assert_eq!(paths(&closest.contradictions), ["workflow.plugin.external.iac.ActionError.error"]);
        assert_eq!(paths(&closest.unknown), ["workflow.plugin.external.iac.ResourceRef.zone"]);

        let nothing = Contract::closest(&FileDescriptorSet::default());
        assert_eq!((nothing.revision, nothing.contradictions.len()), (Revision::Head, 1));
    }

    #[test]
    fn a_report_reads_well() {
        let mut set = history::descriptors(Revision::V0_54);
        message(&mut set, "ResourceRef").field.push(new_field("region", 4));
        enumeration(&mut set, "ActionStatus").reserved_range.clear();
        set.file.retain(|f| f.package() != history::PLUGIN_V1);
        let report = Contract::at(Revision::V0_54).check(&set);
        insta::assert_snapshot!(report.to_string(), @r"
        against revision 0.54: 0 breaking, 1 addition, 2 notes
        compared      workflow.plugin.external.iac
        not compared  workflow.plugin.v1: not in the descriptors
        not compared  google.protobuf: not part of the contract
        not compared  grpc.health.v1: not part of the contract
        not compared  plugin: not part of the contract

        addition
          added: field workflow.plugin.external.iac.ResourceRef.region = 4: string (no revision has it)

        note
          unreserved: enum workflow.plugin.external.iac.ActionStatus 4
          unreserved: enum workflow.plugin.external.iac.ActionStatus 5
        ");
        assert_eq!(
            serde_json::to_value(&report.findings[0]).unwrap(),
            serde_json::json!({
                "severity": "addition",
                "kind": "added",
                "element": "field",
                "path": "workflow.plugin.external.iac.ResourceRef.region",
                "expected": null,
                "found": "4: string",
                "hint": "no revision has it",
            })
        );
    }
}
