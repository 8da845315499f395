//! Behind an apply: what a provider tells of its cloud is held against the model of that.

use std::collections::HashSet;

use counterfoil_proto::iac;

use super::{answer, looks_back, output, read};
use crate::{
    cloud::{Cloud, Fate, Resource},
    rpc::{Method, target_of},
    rules::{Findings, Story, dsp::is_not_found},
    trial::{KEPT, Tried, step},
};

/// The cloud behind the apply of a story.
fn cloud(story: &Story<'_>) -> Cloud {
    Cloud::behind(&story.trace.events, story.trace.header.revision)
}

pub(super) fn reads_agree(story: &Story<'_>, findings: &mut Findings<'_>) {
    let cloud = cloud(story);
    for (tried, at) in looks_back(story, step::READ).filter(|(tried, _)| is_whole(tried)) {
        let Some((resource_type, target)) = target_of(Method::Read, &tried.request.0) else { continue };
        let Some(resource) = cloud.get(&resource_type, &target.provider_id) else { continue };
        let found = output(tried).map(|output| output.provider_id);
        let wrong = match (resource.fate, found) {
            (Fate::Stands, Some(id)) if id != target.provider_id => format!("finds {id:?}"),
            // What else fails says nothing of the resource.
            (Fate::Stands, None) if tried.errors().any(is_not_found) => "finds nothing".to_owned(),
            (Fate::Stands, None) if tried.succeeded() => {
                "is answered with OK and without an output".to_owned()
            }
            (Fate::Gone, Some(id)) if id == target.provider_id => "finds it".to_owned(),
            _ => continue,
        };
        let message = format!(
            "Read of {} {wrong}; {}",
            label(&resource_type, &target.provider_id, resource),
            must(resource)
        );
        findings.add(None, message, [resource.told, at]);
    }
}

pub(super) fn lists_agree(story: &Story<'_>, findings: &mut Findings<'_>) {
    let cloud = cloud(story);
    for (tried, at) in looks_back(story, step::LIST).filter(|(tried, _)| is_whole(tried)) {
        let Some(request) = read::<iac::EnumerateAllRequest>(&tried.request) else { continue };
        let Some(reply) = answer::<iac::EnumerateAllResponse>(tried) else { continue };
        let listed: HashSet<&str> = reply.outputs.iter().map(|output| output.provider_id.as_str()).collect();
        let of_type =
            cloud.resources().filter(|((resource_type, _), _)| *resource_type == request.resource_type);
        for ((resource_type, id), resource) in of_type {
            let wrong = match (resource.fate, listed.contains(id.as_str())) {
                (Fate::Stands, false) => "leaves out",
                (Fate::Gone, true) => "names",
                _ => continue,
            };
            let message =
                format!("EnumerateAll {wrong} {}; {}", label(resource_type, id, resource), must(resource));
            findings.add(None, message, [resource.told, at]);
        }
    }
}

/// Whether all of a reply was kept.
fn is_whole(tried: &Tried) -> bool {
    tried.messages().all(|message| message.0.len() < KEPT)
}

/// What a resource is called in a finding.
fn label(resource_type: &str, id: &str, Resource { name, .. }: &Resource) -> String {
    format!("{resource_type} {name:?} (id {id:?})")
}

/// What has to be so.
fn must(resource: &Resource) -> &'static str {
    match resource.fate {
        Fate::Gone => "its delete was answered with OK, so nothing was expected",
        _ => "it was answered with OK and this id, so it was expected to be there",
    }
}
