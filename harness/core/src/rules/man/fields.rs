//! A manifest by itself.

use std::collections::HashMap;

use counterfoil_proto::{Contract, Revision, VersionError};

use super::{Desk, MOST, Origin, Remark, bare, is_placeholder};
use crate::{
    manifest::{BACKENDS, CAPABILITIES, Field, Mistyped, SERVICES, Text},
    rules::cap::{DECLARED, is_named},
    scenario::nearest,
    trial::requests::PACKAGE,
};

pub(super) const NAME: &str = "name";
pub(super) const VERSION: &str = "version";
pub(super) const PROVIDER_NAME: &str = "capabilities.iacProvider.name";
pub(super) const PLAN_VERSION: &str = "iacProvider.computePlanVersion";
const MIN_ENGINE_VERSION: &str = "minEngineVersion";

/// What the names of most plugins begin with, and those of their programs need not (E-261).
const PREFIX: &str = "workflow-plugin-";

pub(super) fn types(desk: &Desk<'_, '_>) -> Vec<Remark> {
    let mistyped = desk.manifest.mistyped().into_iter().filter(|one| one.field != CAPABILITIES);
    mistyped.map(wrong_type).collect()
}

pub(super) fn capabilities(desk: &Desk<'_, '_>) -> Vec<Remark> {
    let mistyped = desk.manifest.mistyped().into_iter().filter(|one| one.field == CAPABILITIES);
    mistyped.map(wrong_type).collect()
}

fn wrong_type(Mistyped { span, field, in_list, expected, found }: Mistyped) -> Remark {
    let part = if in_list { "a value in " } else { "" };
    Remark::new(span, format!("{part}{field} is {found}; expected {expected}"))
}

pub(super) fn repeated_keys(desk: &Desk<'_, '_>) -> Vec<Remark> {
    let repeated = desk.manifest.repeated().into_iter().take(MOST);
    repeated
        .map(|again| {
            let first = desk.told.place(again.first).line;
            Remark::new(
                again.span,
                format!("{:?} stands in line {first} already; the last counts", again.key),
            )
        })
        .collect()
}

pub(super) fn name(desk: &Desk<'_, '_>) -> Vec<Remark> {
    let expected = "small letters, digits and hyphens, a letter first and no hyphen last";
    required(desk, NAME, |name| (!is_name(name)).then(|| format!("name is {name:?}; expected {expected}")))
}

/// Whether a plugin can be called so (E-234).
pub(super) fn is_name(name: &str) -> bool {
    let of_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(of_name) && !name.ends_with('-')
}

pub(super) fn version(desk: &Desk<'_, '_>) -> Vec<Remark> {
    let is_stamped_later = desk.origin() == Origin::Checkout;
    required(desk, VERSION, |version| {
        let is_fine = is_release(version) || is_stamped_later && is_placeholder(version);
        (!is_fine).then(|| format!("version is {version:?}; expected MAJOR.MINOR.PATCH, such as \"1.2.3\""))
    })
}

/// Whether a version is three numbers, with or without a `v` (E-234).
pub(super) fn is_release(version: &str) -> bool {
    let parts: Vec<&str> = bare(version).split('.').collect();
    let is_number = |part: &&str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_digit())
            && (part.len() == 1 || !part.starts_with('0'))
    };
    parts.len() == 3 && parts.iter().all(is_number)
}

pub(super) fn stamped_version(desk: &Desk<'_, '_>) -> Vec<Remark> {
    // What has not even the form of a version is found for that.
    let version = desk.manifest.text(VERSION).text();
    let placeholder = version.filter(|version| is_release(version.value) && is_placeholder(version.value));
    let of = desk.origin();
    let remark = |version: Text<'_>| {
        let message = format!("version is {:?} in {of}; expected that of the release", version.value);
        Remark::new(version.span, message)
    };
    placeholder.map(remark).into_iter().collect()
}

pub(super) fn author_and_description(desk: &Desk<'_, '_>) -> Vec<Remark> {
    ["author", "description"].into_iter().flat_map(|field| required(desk, field, |_| None)).collect()
}

pub(super) fn provider_name(desk: &Desk<'_, '_>) -> Vec<Remark> {
    required(desk, PROVIDER_NAME, |_| None)
}

pub(super) fn plan_version(desk: &Desk<'_, '_>) -> Vec<Remark> {
    let told = desk.manifest.text(PLAN_VERSION).text();
    let wrong = told.filter(|told| !matches!(told.value, "" | "v1" | "v2"));
    let remark = |told: Text<'_>| {
        Remark::new(told.span, format!("{PLAN_VERSION} is {:?}; expected \"v2\", \"v1\" or \"\"", told.value))
    };
    wrong.map(remark).into_iter().collect()
}

pub(super) fn newest_plan_version(desk: &Desk<'_, '_>) -> Vec<Remark> {
    match desk.manifest.text(PLAN_VERSION) {
        Field::Absent => vec![missing(desk, PLAN_VERSION)],
        // A value that there is not is found for that.
        Field::Text(told) if matches!(told.value, "" | "v1") => {
            let message = format!("{PLAN_VERSION} is {:?}; expected {DECLARED:?}", told.value);
            vec![Remark::new(told.span, message)]
        }
        Field::Text(_) | Field::Mistyped => Vec::new(),
    }
}

pub(super) fn min_engine_version(desk: &Desk<'_, '_>) -> Vec<Remark> {
    required(desk, MIN_ENGINE_VERSION, |version| match Revision::for_version(version) {
        // An engine may be older than all of the contract.
        Ok(_) | Err(VersionError::TooOld { .. }) => None,
        Err(error) => Some(format!("{MIN_ENGINE_VERSION}: {error}; expected a version such as \"0.57.0\"")),
    })
}

pub(super) fn services(desk: &Desk<'_, '_>) -> Vec<Remark> {
    // No service was ever taken away.
    let known = Contract::at(Revision::Head).services.keys();
    let known: Vec<&str> = known.map(String::as_str).filter(|name| name.starts_with(PACKAGE)).collect();
    let is_known = |text: &Text<'_>| known.iter().any(|service| is_named(service, text.value));
    let unknown =
        desk.manifest.lists(SERVICES).concat().into_iter().filter(|text| !is_known(text)).take(MOST);
    unknown
        .map(|text| {
            // The package makes all of them alike.
            let name = text.value.rsplit('.').next().unwrap_or_default();
            let meant = nearest(name, known.iter().filter_map(|known| known.strip_prefix(PACKAGE)));
            let hint = meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
            let message = format!("{} is no service of the contract{hint}", text.value);
            Remark::new(text.span, message)
        })
        .collect()
}

pub(super) fn repeated_entries(desk: &Desk<'_, '_>) -> Vec<Remark> {
    let mut remarks = Vec::new();
    for list in [SERVICES, BACKENDS] {
        for texts in desk.manifest.lists(list) {
            let mut seen: HashMap<&str, Text<'_>> = HashMap::new();
            for text in texts {
                // A service is the same by its short name.
                let key = text.value.strip_prefix(PACKAGE).unwrap_or(text.value);
                match seen.get(key) {
                    Some(first) if remarks.len() < MOST => {
                        let line = desk.told.place(first.span).line;
                        let message = format!("{list} has {} in line {line} already", text.value);
                        remarks.push(Remark::new(text.span, message));
                    }
                    Some(_) => return remarks,
                    None => drop(seen.insert(key, text)),
                }
            }
        }
    }
    remarks
}

pub(super) fn program(desk: &Desk<'_, '_>) -> Vec<Remark> {
    let Some(name) = desk.manifest.text(NAME).text().filter(|name| is_name(name.value)) else {
        return Vec::new();
    };
    let program = desk.told.file.program.as_str();
    let short = name.value.strip_prefix(PREFIX).filter(|short| !short.is_empty());
    let mut names = [name.value].into_iter().chain(short);
    let bears = |name: &str| match program.strip_prefix(name) {
        // A release may put its platform behind the name (E-261).
        Some(rest) => rest.is_empty() || desk.origin() == Origin::Archive && rest.starts_with(['_', '-']),
        None => false,
    };
    if names.any(bears) {
        return Vec::new();
    }
    let message =
        format!("name is {:?}, and the program is called {program:?}; expected that name", name.value);
    vec![Remark::new(name.span, message)]
}

/// What is to be said of a field that has to be there and not be empty. What `wrong` says of its text is put to it.
fn required(desk: &Desk<'_, '_>, field: &str, wrong: impl Fn(&str) -> Option<String>) -> Vec<Remark> {
    match desk.manifest.text(field) {
        Field::Absent => vec![missing(desk, field)],
        Field::Text(Text { value: "", span }) => vec![Remark::new(span, format!("{field} is empty"))],
        Field::Text(text) => {
            wrong(text.value).map(|message| Remark::new(text.span, message)).into_iter().collect()
        }
        Field::Mistyped => Vec::new(),
    }
}

fn missing(desk: &Desk<'_, '_>, field: &str) -> Remark {
    match desk.manifest.misspelt(field) {
        Some(key) => {
            Remark::new(key.span, format!("{field} is missing; {:?} is no field of a manifest", key.value))
        }
        None => Remark::new(desk.manifest.place(field), format!("{field} is missing")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_versions_have_their_forms() {
        for name in ["a", "ab", "workflow-plugin-aws", "a1", "a--b"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "A", "1a", "-a", "a-", "a_b", "é", "a b"] {
            assert!(!is_name(name), "{name}");
        }
        for version in ["1.2.3", "v1.2.3", "0.0.0", "10.20.30"] {
            assert!(is_release(version), "{version}");
        }
        for version in ["", "1.2", "1.2.3.4", "1.2.x", "01.2.3", "1.2.3-rc1", "dev", "vv1.2.3", "1..3"] {
            assert!(!is_release(version), "{version}");
        }
        for version in ["0.0.0", "v0.0.0", "0.0.0-dev", "dev", "(devel)", "{{ .Version }}", "${VERSION}"] {
            assert!(is_placeholder(version), "{version}");
        }
        for version in ["", "1.2.3", "0.0.1", "devil", "10.0.0.0"] {
            assert!(!is_placeholder(version), "{version}");
        }
    }

    #[test]
    fn no_service_of_an_older_revision_is_unknown_to_the_newest() {
        let newest = &Contract::at(Revision::Head).services;
        for revision in Revision::ALL {
            for name in Contract::at(*revision).services.keys() {
                assert!(newest.contains_key(name), "{name} of {revision}");
            }
        }
    }
}
