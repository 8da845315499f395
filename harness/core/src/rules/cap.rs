//! CAP: what a provider declares of itself while it is loaded, and whether it serves that.

use std::collections::BTreeSet;

use counterfoil_proto::{Revision, iac, plugin_v1};
use prost::Message as _;

use super::{CallStory, Findings, Level, Party, Rule, Story, man};
use crate::{
    manifest::SERVICES,
    rpc::{Code, Method, RpcError},
    scenario::Span,
    trace::{Event, Payload, Phase, ProcessEvent, Reflection, Reply, Subject},
};

/// What the rules of this family judge.
const PROVIDER: &[Party] = &[Party::Provider];

/// The service without which nothing is loaded.
const REQUIRED: &str = "workflow.plugin.external.iac.IaCProviderRequired";

/// The one value that asks to be driven call by call.
pub(super) const DECLARED: &str = "v2";

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "CAP-001",
        title: "GetManifest answers, or is Unimplemented.",
        level: Level::Must,
        judges: PROVIDER,
        since: Revision::V0_51,
        until: None,
        enforced: "host, before it loads (E-215)",
        reason: "Any other error ends the load.",
        source: "E-215, H-33",
        applies: |story| {
            story.process.iter().any(|(event, _)| matches!(event, ProcessEvent::Manifest { .. }))
                && is_attached(story)
        },
        check: manifest_answers,
    },
    Rule {
        id: "CAP-002",
        title: "The registry answers, or is Unimplemented.",
        level: Level::Must,
        judges: PROVIDER,
        since: Revision::V0_51,
        until: None,
        enforced: "host, before it initializes (E-216)",
        reason: "Any other error ends the load.",
        source: "E-215, E-216, H-32",
        applies: |story| told(story, Method::ContractRegistry).is_some(),
        check: registry_answers,
    },
    Rule {
        id: "CAP-003",
        title: "The required service is registered.",
        level: Level::Must,
        judges: PROVIDER,
        since: Revision::V0_51,
        until: None,
        enforced: "host, before it initializes (E-216)",
        reason: "Without it the provider is not loaded.",
        source: "E-216, E-220, H-32",
        applies: |story| registry(story).is_some(),
        check: the_required_service_is_registered,
    },
    Rule {
        id: "CAP-004",
        title: "Initialize succeeds.",
        level: Level::Should,
        judges: PROVIDER,
        since: Revision::V0_51,
        until: None,
        enforced: "host, in the load sequence (E-216)",
        reason: "The provider is not loaded; the config that it got may be a placeholder, so it is a warning.",
        source: "E-216, E-219",
        applies: |story| told(story, Method::Initialize).is_some(),
        check: initialize_succeeds,
    },
    Rule {
        id: "CAP-005",
        title: "Capabilities answers.",
        level: Level::Must,
        judges: PROVIDER,
        since: Revision::V0_57,
        until: None,
        enforced: "host, by its load gate (E-217)",
        reason: "The provider is not loaded.",
        source: "E-216, E-217",
        applies: |story| told(story, Method::Capabilities).is_some(),
        check: capabilities_answer,
    },
    Rule {
        id: "CAP-006",
        title: "compute_plan_version is exactly v2.",
        level: Level::Must,
        judges: PROVIDER,
        since: Revision::V0_57,
        until: None,
        enforced: "host, by its load gate (E-217)",
        reason: "Anything else, a misspelling too, is not loaded.",
        source: "E-217, H-05, H-06",
        applies: |story| declared_version(story).is_some(),
        check: it_declares_v2,
    },
    Rule {
        id: "CAP-007",
        title: "A provider declares v2, or knows that its own Apply is called.",
        level: Level::Should,
        judges: PROVIDER,
        since: Revision::V0_51,
        until: Some(Revision::V0_56),
        enforced: "nobody: the engine drives it through Apply without a word (D-050)",
        reason: "An Apply that is a stub then reports success.",
        source: "D-050, H-05, H-06",
        applies: |story| declared_version(story).is_some(),
        check: it_declares_v2,
    },
    Rule {
        id: "CAP-008",
        title: "Every service in the registry is served.",
        level: Level::Must,
        judges: PROVIDER,
        since: Revision::V0_51,
        until: None,
        enforced: "nobody",
        reason: "An engine that finds it in the registry calls it, in the middle of an apply.",
        source: "E-220, H-02, H-04",
        applies: probed,
        check: registered_is_served,
    },
    Rule {
        id: "CAP-009",
        title: "What is served is in the registry.",
        level: Level::Should,
        judges: PROVIDER,
        since: Revision::V0_51,
        until: None,
        enforced: "nobody",
        reason: "An engine never calls what is not listed.",
        source: "E-220, H-02",
        applies: probed,
        check: served_is_registered,
    },
    Rule {
        id: "CAP-010",
        title: "No host is contacted while the plugin is loaded.",
        level: Level::Should,
        judges: PROVIDER,
        since: Revision::V0_51,
        until: None,
        enforced: "nobody",
        reason: "To load a plugin must not need a network, nor credentials.",
        source: "E-218, H-74",
        applies: |story| is_attached(story) && !story.process.is_empty(),
        check: nobody_is_contacted,
    },
    Rule {
        id: "CAP-011",
        title: "What plugin.json declares in iacServices is in the registry.",
        level: Level::Must,
        judges: PROVIDER,
        since: Revision::V0_51,
        until: None,
        enforced: "`wfctl plugin verify-capabilities` (E-280)",
        reason: "Tools that read the manifest promise what an engine cannot find.",
        source: "E-220, E-280, H-35",
        applies: |story| !declared_services(story).is_empty() && registered(story).is_some(),
        check: declared_is_registered,
    },
    Rule {
        id: "CAP-012",
        title: "The descriptors that a plugin serves say what the contract says.",
        level: Level::Must,
        judges: PROVIDER,
        since: Revision::V0_51,
        until: None,
        enforced: "nobody",
        reason: "A field with another number or type is read as something else, and nobody is told.",
        source: "P-009",
        applies: |story| reflection(story).is_some_and(|(answer, _)| answer.is_ok()),
        check: nothing_is_contradicted,
    },
    Rule {
        id: "CAP-013",
        title: "The descriptors that a plugin serves add nothing to the contract.",
        level: Level::Should,
        judges: PROVIDER,
        since: Revision::V0_51,
        until: None,
        enforced: "nobody",
        reason: "The next revision may use the number for something else.",
        source: "P-009",
        applies: |story| reflection(story).is_some_and(|(answer, _)| answer.is_ok()),
        check: nothing_is_added,
    },
    Rule {
        id: "CAP-014",
        title: "Server reflection answers, where it is asked.",
        level: Level::Should,
        judges: PROVIDER,
        since: Revision::V0_51,
        until: None,
        enforced: "nobody",
        reason: "go-plugin serves it for every plugin; without it nothing can be compared.",
        source: "P-009",
        applies: |story| reflection(story).is_some(),
        check: reflection_answers,
    },
];

/// Whether the provider stands outside of our own pair, and so has something to declare.
fn is_attached(story: &Story<'_>) -> bool {
    story.trace.header.subject == Subject::Provider
}

/// Whether a call came to nothing by what the process did, which is judged as that.
fn is_broken(story: &Story<'_>, name: &str) -> bool {
    story.process.iter().any(|(event, _)| match event {
        ProcessEvent::CallBroken { call, .. } => call.contains(name),
        ProcessEvent::Exited { during, .. } => *during >= Phase::Connect,
        _ => false,
    })
}

/// What the provider itself answered to a call of the load sequence.
fn told<'s, 't>(story: &'s Story<'t>, method: Method) -> Option<(&'t Reply, &'s CallStory<'t>)> {
    let call = story.other_calls.iter().find(|call| call.method == method)?;
    let (reply, _) = call.sent.filter(|_| is_attached(story))?;
    (reply.is_ok() || !is_broken(story, method.as_str())).then_some((reply, call))
}

/// The status by which the provider refused a call of the load sequence.
fn refusal<'s, 't>(story: &'s Story<'t>, method: Method) -> Option<(&'t RpcError, &'s CallStory<'t>)> {
    match told(story, method)? {
        (Reply::Error(error), call) => Some((error, call)),
        (Reply::Ok(_), _) => None,
    }
}

/// The services that the registry lists, and the call that told. One that is Unimplemented is empty (E-215).
pub(super) fn registry<'s>(story: &'s Story<'_>) -> Option<(BTreeSet<String>, &'s CallStory<'s>)> {
    let (reply, call) = told(story, Method::ContractRegistry)?;
    let listed = match reply {
        Reply::Ok(Payload(bytes)) => plugin_v1::ContractRegistry::decode(&bytes[..]).ok()?.contracts,
        Reply::Error(error) if error.code == Code::Unimplemented => Vec::new(),
        Reply::Error(_) => return None,
    };
    let services = listed.into_iter().filter(|one| one.kind() == plugin_v1::ContractKind::Service);
    Some((services.map(|one| one.service_name).collect(), call))
}

/// What is in the registry, by its reply and by what was asked behind it.
pub(super) fn registered(story: &Story<'_>) -> Option<BTreeSet<String>> {
    let asked = story.process.iter().filter_map(|(event, _)| match event {
        ProcessEvent::Probed { service, registered, .. } => Some((service, *registered)),
        _ => None,
    });
    let listed = registry(story).map(|(listed, _)| listed);
    let known = listed.is_some() || probed(story);
    let asked = asked.filter(|(_, registered)| *registered).map(|(service, _)| service.clone());
    known.then(|| listed.into_iter().flatten().chain(asked).collect())
}

pub(super) fn declared_version<'s>(story: &'s Story<'_>) -> Option<(String, &'s CallStory<'s>)> {
    let (Reply::Ok(Payload(bytes)), call) = told(story, Method::Capabilities)? else { return None };
    let reply = iac::CapabilitiesResponse::decode(&bytes[..]).ok()?;
    Some((reply.compute_plan_version, call))
}

fn probed(story: &Story<'_>) -> bool {
    is_attached(story) && story.process.iter().any(|(event, _)| matches!(event, ProcessEvent::Probed { .. }))
}

/// A service that plugin.json declares.
struct DeclaredService<'s> {
    name: &'s str,
    /// Where it does, if the trace holds the manifest.
    span: Option<Span>,
    /// Where the trace tells of it.
    at: usize,
}

fn declared_services<'s>(story: &'s Story<'_>) -> Vec<DeclaredService<'s>> {
    if !is_attached(story) {
        return Vec::new();
    }
    if let Some(told) = &story.manifest {
        let texts = told.manifest().map(|manifest| manifest.lists(SERVICES).concat()).unwrap_or_default();
        let named = texts.into_iter();
        return named
            .map(|text| DeclaredService { name: text.value, span: Some(text.span), at: told.at })
            .collect();
    }
    let declared = story.process.iter().filter_map(|&(event, at)| match event {
        ProcessEvent::Declared { services } => Some((services, at)),
        _ => None,
    });
    let named = declared.flat_map(|(services, at)| services.iter().map(move |service| (service, at)));
    named.map(|(name, at)| DeclaredService { name, span: None, at }).collect()
}

/// What server reflection told, where it was asked.
fn reflection<'s>(story: &'s Story<'_>) -> Option<(&'s Result<Reflection, String>, usize)> {
    story.process.iter().find_map(|&(event, at)| match event {
        ProcessEvent::Reflected { answer } => Some((answer, at)),
        _ => None,
    })
}

/// Adds a finding for each event of which there is something to say.
fn each(story: &Story<'_>, findings: &mut Findings<'_>, said: impl Fn(&ProcessEvent) -> Option<String>) {
    for &(event, at) in &story.process {
        if let Some(message) = said(event) {
            findings.add(None, message, [at]);
        }
    }
}

fn manifest_answers(story: &Story<'_>, findings: &mut Findings<'_>) {
    let broken = is_broken(story, "GetManifest");
    each(story, findings, |event| match event {
        ProcessEvent::Manifest { answer: Err(error), unimplemented: false } if !broken => {
            Some(format!("GetManifest failed: {error}; expected an answer, or Unimplemented"))
        }
        _ => None,
    });
}

fn registry_answers(story: &Story<'_>, findings: &mut Findings<'_>) {
    if let Some((error, call)) = refusal(story, Method::ContractRegistry)
        && error.code != Code::Unimplemented
    {
        let message = format!("GetContractRegistry failed: {error}; expected an answer, or Unimplemented");
        findings.add(None, message, call.events());
    }
}

fn the_required_service_is_registered(story: &Story<'_>, findings: &mut Findings<'_>) {
    let Some((listed, call)) = registry(story) else { return };
    if !listed.contains(REQUIRED) {
        let found = match listed.len() {
            0 => "no service".to_owned(),
            _ => listed.into_iter().collect::<Vec<_>>().join(", "),
        };
        findings.add(None, format!("the registry lists {found}; expected {REQUIRED} too"), call.events());
    }
}

fn initialize_succeeds(story: &Story<'_>, findings: &mut Findings<'_>) {
    if let Some((error, call)) = refusal(story, Method::Initialize) {
        let message =
            format!("Initialize failed: {error}; expected success, or a config that is no placeholder");
        findings.add(None, message, call.events());
    }
}

fn capabilities_answer(story: &Story<'_>, findings: &mut Findings<'_>) {
    if let Some((error, call)) = refusal(story, Method::Capabilities) {
        findings.add(None, format!("Capabilities failed: {error}; expected an answer"), call.events());
    }
}

fn it_declares_v2(story: &Story<'_>, findings: &mut Findings<'_>) {
    let Some((version, call)) = declared_version(story).filter(|(version, _)| version != DECLARED) else {
        return;
    };
    let until = if story.trace.header.revision <= Revision::V0_56 {
        ". At this revision the provider is driven through its own Apply, and nobody is told"
    } else {
        ""
    };
    let message = format!("compute_plan_version is {version:?}; expected {DECLARED:?}{until}");
    findings.add(None, message, call.events());
}

fn registered_is_served(story: &Story<'_>, findings: &mut Findings<'_>) {
    each(story, findings, |event| match event {
        ProcessEvent::Probed { service, registered: true, served: Some(false) } => Some(format!(
            "{service} is in the registry, and calls of it are Unimplemented; expected it to be served"
        )),
        _ => None,
    });
}

fn served_is_registered(story: &Story<'_>, findings: &mut Findings<'_>) {
    each(story, findings, |event| match event {
        ProcessEvent::Probed { service, registered: false, served: Some(true) } => {
            Some(format!("{service} is served, and not in the registry; expected it there"))
        }
        _ => None,
    });
}

fn nobody_is_contacted(story: &Story<'_>, findings: &mut Findings<'_>) {
    for &(event, at) in &story.process {
        let ProcessEvent::Outbound { host, during } = event else { continue };
        let during = match during {
            Some(during) => during,
            // What it was asked beside the apply is no part of its load.
            None if is_asked_next(story, at) => continue,
            None => "the load, outside of any call",
        };
        let message = format!("the plugin tried to reach {host} during {during}; expected no network");
        findings.add(None, message, [at]);
    }
}

/// Whether what comes next, but for what the process does, is the answer to something that was asked beside the apply.
fn is_asked_next(story: &Story<'_>, at: usize) -> bool {
    let next = story.trace.events.iter().skip(at).find(|event| !matches!(event, Event::Process(_)));
    matches!(next, Some(Event::Tried(_)))
}

fn declared_is_registered(story: &Story<'_>, findings: &mut Findings<'_>) {
    let Some(registered) = registered(story) else { return };
    let is_registered = |name| registered.iter().any(|service| is_named(service, name));
    let unlisted = declared_services(story).into_iter().filter(|service| !is_registered(service.name));
    for DeclaredService { name, span, at } in unlisted.take(man::MOST) {
        let place = story.manifest.as_ref().zip(span).map(|(told, span)| told.place(span));
        let message = format!("plugin.json declares {name}, and the registry does not list it");
        match place {
            Some(place) => findings.add_at(place, message, [at]),
            None => findings.add(None, message, [at]),
        }
    }
}

/// Whether a manifest means this service by a name: it may leave the package out.
pub(super) fn is_named(service: &str, name: &str) -> bool {
    service == name || service.rsplit('.').next() == Some(name)
}

fn nothing_is_contradicted(story: &Story<'_>, findings: &mut Findings<'_>) {
    each_of_reflection(story, findings, |reflection| &reflection.contradictions);
}

fn nothing_is_added(story: &Story<'_>, findings: &mut Findings<'_>) {
    each_of_reflection(story, findings, |reflection| &reflection.unknown);
}

/// Adds a finding for each difference of one kind.
fn each_of_reflection(
    story: &Story<'_>,
    findings: &mut Findings<'_>,
    differences: impl Fn(&Reflection) -> &Vec<String>,
) {
    let Some((Ok(reflection), at)) = reflection(story) else { return };
    for difference in differences(reflection) {
        let closest = reflection.closest;
        findings.add(None, format!("by its descriptors, closest to revision {closest}: {difference}"), [at]);
    }
}

fn reflection_answers(story: &Story<'_>, findings: &mut Findings<'_>) {
    if let Some((Err(why), at)) = reflection(story) {
        let message = format!("server reflection told no descriptors: {why}; expected those of the contract");
        findings.add(None, message, [at]);
    }
}
