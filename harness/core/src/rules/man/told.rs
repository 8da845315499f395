//! A manifest against what the process says.

use super::{
    Desk, Origin, Party, Remark, bare,
    fields::{NAME, PLAN_VERSION, PROVIDER_NAME, VERSION, is_name, is_release},
    is_placeholder, is_read,
};
use crate::{
    manifest::{BACKENDS, SERVICES, Text},
    rules::{Findings, Story, cap},
    trace::{ProcessEvent, Telling},
    trial::requests::PACKAGE,
};

/// The service that answers `ListBackendNames`.
const STATE_BACKEND: &str = "workflow.plugin.external.iac.IaCStateBackend";

/// The name and the version that `GetManifest` told, and where.
pub(super) fn manifest<'s>(story: &'s Story<'_>) -> Option<(&'s str, &'s str, usize)> {
    story.process.iter().find_map(|&(event, at)| match event {
        ProcessEvent::Manifest { answer: Ok((name, version)), .. } => {
            Some((name.as_str(), version.as_str(), at))
        }
        _ => None,
    })
}

/// What a call of `IaCProviderRequired` told, and where.
fn told<'s>(story: &'s Story<'_>, asked: Telling) -> Option<(&'s str, usize)> {
    story.process.iter().find_map(|&(event, at)| match event {
        ProcessEvent::Told { call, answer: Ok(said) } if *call == asked => Some((said.as_str(), at)),
        _ => None,
    })
}

/// What the provider calls itself, and where it told that.
pub(super) fn provider<'s>(story: &'s Story<'_>) -> Option<(&'s str, usize)> {
    told(story, Telling::Name)
}

/// The versions that the process told, each with the call that did, and where.
pub(super) fn versions<'s>(story: &'s Story<'_>) -> Vec<(&'static str, &'s str, usize)> {
    let by_manifest = manifest(story).map(|(_, version, at)| ("GetManifest", version, at));
    let by_provider = told(story, Telling::Version).map(|(version, at)| ("Version", version, at));
    by_manifest.into_iter().chain(by_provider).collect()
}

pub(super) fn plan_version(desk: &Desk<'_, '_>) -> Vec<Remark> {
    let says = desk.manifest.text(PLAN_VERSION).text().filter(|says| says.value == cap::DECLARED);
    let Some((says, (told, call))) = says.zip(cap::declared_version(desk.story)) else { return Vec::new() };
    if told == cap::DECLARED {
        return Vec::new();
    }
    let message = format!("{PLAN_VERSION} is {:?}, and Capabilities tells {told:?}", says.value);
    vec![Remark::new(says.span, message).proven_by(call.events())]
}

pub(super) fn name(desk: &Desk<'_, '_>) -> Vec<Remark> {
    let told = manifest(desk.story).map(|(name, _, at)| (name, at));
    // What cannot be a name is found for that.
    let says = desk.manifest.text(NAME).text().filter(|says| is_name(says.value));
    other_name(says, NAME, "GetManifest", told)
}

pub(super) fn provider_name(desk: &Desk<'_, '_>) -> Vec<Remark> {
    let says = desk.manifest.text(PROVIDER_NAME).text().filter(|says| !says.value.is_empty());
    other_name(says, PROVIDER_NAME, "Name", provider(desk.story))
}

/// What is to be said where a call told another name than a field says.
fn other_name(says: Option<Text<'_>>, field: &str, call: &str, told: Option<(&str, usize)>) -> Vec<Remark> {
    let other = says.zip(told).filter(|(says, (told, _))| says.value != *told);
    let remark = |(says, (told, at)): (Text<'_>, (&str, usize))| {
        let message = format!("{field} is {:?}, and {call} tells {told:?}", says.value);
        Remark::new(says.span, message).proven_by([at])
    };
    other.map(remark).into_iter().collect()
}

pub(super) fn version(desk: &Desk<'_, '_>) -> Vec<Remark> {
    let Some(says) = desk.manifest.text(VERSION).text() else { return Vec::new() };
    let wrong = |(call, told, at): (&str, &str, usize)| {
        let message = if told.is_empty() || is_placeholder(told) {
            // What is not released was not stamped either.
            (desk.origin() != Origin::Checkout).then(|| {
                format!("{call} tells {told:?}, which is a placeholder; expected the version of the release")
            })
        } else if !is_release(says.value) || is_placeholder(says.value) || bare(says.value) == bare(told) {
            // What cannot be a version is found for that.
            None
        } else {
            Some(format!("version is {:?}, and {call} tells {told:?}", says.value))
        };
        Some(Remark::new(says.span, message?).proven_by([at]))
    };
    versions(desk.story).into_iter().filter_map(wrong).collect()
}

/// Whether a manifest declares any service: one that declares none says nothing about them (E-280).
pub(super) fn declares_services(story: &Story<'_>) -> bool {
    declares(story, SERVICES)
}

fn declares(story: &Story<'_>, list: &str) -> bool {
    Desk::of(story).is_some_and(|desk| !desk.manifest.lists(list).concat().is_empty())
}

pub(super) fn services(desk: &Desk<'_, '_>) -> Vec<Remark> {
    let declared = desk.manifest.lists(SERVICES).concat();
    let is_declared = |service: &str| declared.iter().any(|text| cap::is_named(service, text.value));
    let place = desk.manifest.place_of_list(SERVICES);
    let evidence: Vec<usize> =
        cap::registry(desk.story).into_iter().flat_map(|(_, call)| call.events()).collect();
    let registered = cap::registered(desk.story).unwrap_or_default().into_iter();
    registered
        .filter(|service| service.starts_with(PACKAGE) && !is_declared(service))
        .map(|service| {
            let message = format!("{service} is in the registry, and {SERVICES} does not declare it");
            Remark::new(place, message).proven_by(evidence.iter().copied())
        })
        .collect()
}

/// Whether a state backend was asked, or a manifest declares one.
pub(super) fn has_backends(story: &Story<'_>) -> bool {
    let lacks_service = || cap::registered(story).is_some_and(|services| !services.contains(STATE_BACKEND));
    is_read(story) && (told_backends(story).is_some() || declares(story, BACKENDS) && lacks_service())
}

/// What `ListBackendNames` told, and where.
fn told_backends<'s>(story: &'s Story<'_>) -> Option<(&'s [String], usize)> {
    story.process.iter().find_map(|&(event, at)| match event {
        ProcessEvent::Backends { answer: Ok(names) } => Some((names.as_slice(), at)),
        _ => None,
    })
}

pub(super) fn backends(story: &Story<'_>, findings: &mut Findings<'_>) {
    match told_backends(story) {
        Some(([], at)) => {
            let message = "ListBackendNames tells no name; expected at least one".to_owned();
            findings.against(Party::Provider, None, message, [at]);
        }
        Some(_) => super::each(story, findings, other_backends),
        None => super::each(story, findings, backends_without_service),
    }
}

fn other_backends(desk: &Desk<'_, '_>) -> Vec<Remark> {
    let declared = desk.manifest.lists(BACKENDS).concat();
    let Some((told, at)) = told_backends(desk.story).filter(|_| !declared.is_empty()) else {
        return Vec::new();
    };
    let mut remarks = Vec::new();
    for text in declared.iter().filter(|text| !told.iter().any(|name| name == text.value)) {
        let message = format!("{BACKENDS} has {:?}, and ListBackendNames tells {told:?}", text.value);
        remarks.push(Remark::new(text.span, message).proven_by([at]));
    }
    for name in told.iter().filter(|name| !declared.iter().any(|text| text.value == **name)) {
        let message = format!("ListBackendNames tells {name:?}, and {BACKENDS} does not have it");
        remarks.push(Remark::new(desk.manifest.place_of_list(BACKENDS), message).proven_by([at]));
    }
    remarks
}

fn backends_without_service(desk: &Desk<'_, '_>) -> Vec<Remark> {
    let message = format!("{BACKENDS} is there, and {STATE_BACKEND} is not in the registry");
    let evidence = cap::registry(desk.story).into_iter().flat_map(|(_, call)| call.events());
    vec![Remark::new(desk.manifest.place_of_list(BACKENDS), message).proven_by(evidence)]
}
