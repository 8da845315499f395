//! Manifests that are wrong in one way each.

use std::collections::BTreeMap;

use bytes::Bytes;
use counterfoil_proto::{Revision, iac, plugin_v1};
use prost::Message as _;

use crate::{
    manifest::FILE,
    rpc::Method,
    rules::{Finding, judge},
    trace::{Event, Header, ManifestFile, Origin, Payload, ProcessEvent, Reply, Subject, Telling, Trace},
};

/// A manifest with one defect.
#[derive(Debug)]
pub struct ManifestMutant {
    /// Its name.
    pub name: &'static str,
    /// What is wrong with it.
    pub what: &'static str,
    /// The rules that catch it; no other may.
    pub caught_by: &'static [&'static str],
    /// The plugin that it is the manifest of.
    pub of: Plugin,
    /// Breaks the text of a good manifest. None takes the file away.
    pub alter: fn(&str) -> Option<String>,
}

/// A plugin in good order, by what its process says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Plugin {
    /// The revision at which it is loaded.
    pub revision: Revision,
    /// What it declares.
    pub compute_plan_version: &'static str,
}

/// A plugin of today.
const NEWEST: Plugin = Plugin { revision: Revision::Head, compute_plan_version: "v2" };

/// A plugin that knows nothing of `v2`, before it had to.
const OLD: Plugin = Plugin { revision: Revision::V0_56, compute_plan_version: "v1" };

const NAME: &str = "workflow-plugin-good";
const PROVIDER: &str = "good";
const RELEASE: &str = "1.2.3";
const BACKENDS: [&str; 2] = ["good-bucket", "good-table"];

/// The services of the plugin, by their short names.
const SERVICES: [&str; 4] =
    ["IaCProviderRequired", "ResourceDriver", "IaCStateBackend", "IaCProviderEnumerator"];

impl Default for Plugin {
    fn default() -> Self {
        NEWEST
    }
}

impl Plugin {
    /// The text of its manifest, with which nothing is wrong.
    pub fn manifest(self) -> String {
        let listed =
            |names: &[&str]| names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
        let services = SERVICES.map(full_name).join("\",\n    \"");
        format!(
            "{{\n  \"name\": \"{NAME}\",\n  \"version\": \"{RELEASE}\",\n  \"author\": \"Somebody\",\n  \
             \"description\": \"A plugin in good order\",\n  \"minEngineVersion\": \"0.51.0\",\n  \
             \"capabilities\": {{\n    \"iacProvider\": {{ \"name\": \"{PROVIDER}\" }},\n    \
             \"iacStateBackends\": [{}]\n  }},\n  \
             \"iacProvider\": {{ \"computePlanVersion\": \"{}\" }},\n  \
             \"iacServices\": [\n    \"{services}\"\n  ]\n}}\n",
            listed(&BACKENDS),
            self.compute_plan_version,
        )
    }

    /// What is recorded of it, as far as rules hold that against a manifest: the file, what was told of itself by each
    /// call, and the registry. No process is started for that.
    pub fn trace(self, file: ManifestFile) -> Trace {
        let header = Header::bare("load-and-leave", self.revision, Subject::Provider);
        let tells = |call, said: &str| ProcessEvent::Told { call, answer: Ok(said.to_owned()) };
        let manifest = ProcessEvent::Manifest {
            answer: Ok((NAME.to_owned(), format!("v{RELEASE}"))),
            unimplemented: false,
        };
        let mut events = vec![Event::Process(ProcessEvent::ManifestFile(file)), Event::Process(manifest)];
        events.extend(answered(0, Method::ContractRegistry, registry().encode_to_vec().into()));
        events.extend(answered(1, Method::Capabilities, self.capabilities().encode_to_vec().into()));
        let backends = ProcessEvent::Backends { answer: Ok(BACKENDS.map(str::to_owned).into()) };
        let told = [tells(Telling::Name, PROVIDER), tells(Telling::Version, RELEASE), backends];
        events.extend(told.map(Event::Process));
        Trace { header, events }
    }

    fn capabilities(self) -> iac::CapabilitiesResponse {
        let compute_plan_version = self.compute_plan_version.to_owned();
        iac::CapabilitiesResponse { compute_plan_version, ..iac::CapabilitiesResponse::default() }
    }
}

fn full_name(service: &str) -> String {
    format!("workflow.plugin.external.iac.{service}")
}

fn registry() -> plugin_v1::ContractRegistry {
    let contracts = SERVICES.map(|service| plugin_v1::ContractDescriptor {
        kind: plugin_v1::ContractKind::Service.into(),
        service_name: full_name(service),
        ..plugin_v1::ContractDescriptor::default()
    });
    plugin_v1::ContractRegistry { contracts: contracts.into(), ..plugin_v1::ContractRegistry::default() }
}

/// A call and its answer.
fn answered(call: u32, method: Method, reply: Bytes) -> [Event; 4] {
    let (resource, request, reply) = (String::new(), Payload::default(), Reply::Ok(Payload(reply)));
    [
        Event::CallIssued { call, action: None, method, resource, request },
        Event::CallDelivered { call },
        Event::ReplySent { call, reply: reply.clone() },
        Event::ReplyReceived { call, reply },
    ]
}

/// The manifest of a release archive, with its program beside it.
pub fn released(text: Option<String>) -> ManifestFile {
    ManifestFile { path: FILE.to_owned(), origin: Origin::Archive, program: NAME.to_owned(), text }
}

impl ManifestMutant {
    /// The text of the manifest, if there is one.
    pub fn text(&self) -> Option<String> {
        (self.alter)(&self.of.manifest())
    }

    /// The rules that find something in it, and nothing in the manifest that it is a mutant of, each with what it says
    /// first, behind the place of it.
    pub fn found(&self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        for finding in self.findings(self.text()) {
            let place = finding.place.map_or(String::new(), |place| format!("{place}  "));
            found.entry(finding.rule).or_insert(format!("{place}{}", finding.message));
        }
        for finding in self.findings(Some(self.of.manifest())) {
            found.remove(&finding.rule);
        }
        found
    }

    fn findings(&self, text: Option<String>) -> Vec<Finding> {
        judge(&self.of.trace(released(text))).findings
    }
}

/// Every broken manifest.
pub const MANIFESTS: &[ManifestMutant] = &[
    mutant("no-manifest", "there is none", &["MAN-001"], |_| None),
    mutant(
        "trailing-comma",
        "a comma stands behind the last field, which is no JSON",
        &["MAN-001"],
        |text| put(text, "  ]\n}", "  ],\n}"),
    ),
    mutant("list-of-manifests", "it is a list with the manifest in it", &["MAN-001"], |text| {
        Some(format!("[{text}]"))
    }),
    mutant("numeric-version", "the version is a number", &["MAN-002"], |text| put(text, "\"1.2.3\"", "1.2")),
    mutant("services-as-text", "the services are one text", &["MAN-002"], |text| {
        let (before, _) = text.split_once("\"iacServices\"")?;
        Some(format!("{before}\"iacServices\": \"IaCProviderRequired, ResourceDriver\"\n}}\n"))
    }),
    mutant("list-of-capabilities", "capabilities is a list, as of other plugins", &["MAN-003"], |text| {
        let (before, rest) = text.split_once("\"capabilities\"")?;
        let (_, behind) = rest.split_once("\n  },")?;
        Some(format!("{before}\"capabilities\": [\"iac.provider\"],{behind}"))
    }),
    mutant("name-twice", "the name is there twice, in another spelling of its key", &["MAN-004"], |text| {
        put(text, "{\n", "{\n  \"Name\": \"workflow-plugin-old\",\n")
    }),
    mutant("nameless", "there is no name", &["MAN-005"], |text| {
        put(text, "  \"name\": \"workflow-plugin-good\",\n", "")
    }),
    mutant("shouted-name", "the name has capital letters", &["MAN-005"], |text| {
        put(text, NAME, "Workflow-Plugin-Good")
    }),
    mutant("no-version", "there is no version", &["MAN-006"], |text| {
        put(text, "  \"version\": \"1.2.3\",\n", "")
    }),
    mutant("short-version", "the version has two numbers", &["MAN-006"], |text| put(text, RELEASE, "1.2")),
    mutant("unstamped-word", "a release has a word in place of its version", &["MAN-006"], |text| {
        put(text, RELEASE, "dev")
    }),
    mutant("unstamped-version", "a release has a placeholder for its version", &["MAN-007"], |text| {
        put(text, RELEASE, "0.0.0")
    }),
    mutant("anonymous", "nobody wrote it", &["MAN-008"], |text| put(text, "Somebody", "")),
    mutant("misspelt-description", "the key of the description is misspelt", &["MAN-008"], |text| {
        put(text, "\"description\"", "\"desciption\"")
    }),
    mutant("undiscoverable", "it names no provider, so that none finds it", &["MAN-009"], |text| {
        put(text, "    \"iacProvider\": { \"name\": \"good\" },\n", "")
    }),
    mutant("misspelt-plan-version", "computePlanVersion is V2", &["MAN-010"], |text| {
        put(text, "\"v2\"", "\"V2\"")
    }),
    mutant("old-plan-version", "computePlanVersion is v1", &["MAN-011"], |text| {
        put(text, "\"v2\"", "\"v1\"")
    }),
    mutant("no-plan-version", "it says nothing of computePlanVersion", &["MAN-011"], |text| {
        put(text, "  \"iacProvider\": { \"computePlanVersion\": \"v2\" },\n", "")
    }),
    ManifestMutant {
        name: "hasty-plan-version",
        what: "computePlanVersion is v2, and the process declares v1",
        caught_by: &["MAN-012"],
        of: OLD,
        alter: |text| put(text, "\"v1\"", "\"v2\""),
    },
    mutant("any-engine", "minEngineVersion is misspelt, and so is not there", &["MAN-013"], |text| {
        put(text, "minEngineVersion", "minEngineVersoin")
    }),
    mutant("latest-engine", "minEngineVersion is a word", &["MAN-013"], |text| put(text, "0.51.0", "latest")),
    mutant("name-of-another", "the name is another plugin's", &["MAN-014", "MAN-021"], |text| {
        put(text, NAME, "workflow-plugin-better")
    }),
    mutant("provider-of-another", "the provider calls itself something else", &["MAN-015"], |text| {
        put(text, "\"name\": \"good\"", "\"name\": \"goods\"")
    }),
    mutant("next-version", "the version is not that of the process", &["MAN-016"], |text| {
        put(text, RELEASE, "1.2.4")
    }),
    mutant(
        "misspelt-service",
        "a service is misspelt, so that one is declared that is not there, and one is not that is",
        &["CAP-011", "MAN-017", "MAN-018"],
        |text| put(text, "IaCProviderEnumerator", "IaCProviderEnumerater"),
    ),
    mutant("boasts", "a service is declared that is not in the registry", &["CAP-011"], |text| {
        put(text, "  \"iacServices\": [", "  \"iacServices\": [\"IaCProviderFinalizer\",")
    }),
    mutant("modest", "a service of the registry is not declared", &["MAN-018"], |text| {
        put(text, ",\n    \"workflow.plugin.external.iac.IaCProviderEnumerator\"", "")
    }),
    mutant("service-twice", "a service is declared again, by its short name", &["MAN-019"], |text| {
        put(text, "  \"iacServices\": [", "  \"iacServices\": [\"ResourceDriver\",")
    }),
    mutant("backend-twice", "a state backend is declared twice", &["MAN-019"], |text| {
        put(text, "[\"good-bucket\"", "[\"good-bucket\", \"good-bucket\"")
    }),
    mutant(
        "unknown-backend",
        "a state backend is declared that the process does not name",
        &["MAN-020"],
        |text| put(text, "[\"good-bucket\"", "[\"good-disk\", \"good-bucket\""),
    ),
    mutant("forgotten-backend", "a state backend of the process is not declared", &["MAN-020"], |text| {
        put(text, ", \"good-table\"", "")
    }),
];

/// The manifest of a plugin of today, broken.
const fn mutant(
    name: &'static str,
    what: &'static str,
    caught_by: &'static [&'static str],
    alter: fn(&str) -> Option<String>,
) -> ManifestMutant {
    ManifestMutant { name, what, caught_by, of: NEWEST, alter }
}

/// A text with one part of it replaced. None where that is not there.
fn put(text: &str, part: &str, other: &str) -> Option<String> {
    let (before, behind) = text.split_once(part)?;
    Some(format!("{before}{other}{behind}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::rules::{self, Party};

    #[test]
    fn nothing_is_wrong_with_a_good_manifest() {
        let judgement = judge(&NEWEST.trace(released(Some(NEWEST.manifest()))));
        assert!(judgement.findings.is_empty(), "{:#?}", judgement.findings);
        let of_manifests = rules::catalogue().filter(|rule| rule.family() == "MAN").map(|rule| rule.id);
        let unjudged: Vec<&str> = of_manifests.filter(|id| !judgement.judged.contains(id)).collect();
        assert!(unjudged.is_empty(), "{unjudged:?}");
        let old = judge(&OLD.trace(released(Some(OLD.manifest()))));
        assert!(old.findings.iter().all(|finding| finding.party != Party::Manifest), "{:#?}", old.findings);
    }

    #[test]
    fn every_broken_manifest_is_caught_by_its_rules_alone() {
        for mutant in MANIFESTS {
            assert_ne!(mutant.text(), Some(mutant.of.manifest()), "{}: nothing is broken", mutant.name);
            let declared: BTreeSet<&str> = mutant.caught_by.iter().copied().collect();
            let found = mutant.found();
            let found: BTreeSet<&str> = found.keys().map(String::as_str).collect();
            assert_eq!(found, declared, "{}: {:?}", mutant.name, mutant.text());
        }
    }

    #[test]
    fn every_rule_about_manifests_catches_a_mutant_and_no_two_have_one_name() {
        let caught: BTreeSet<&str> = MANIFESTS.iter().flat_map(|mutant| mutant.caught_by).copied().collect();
        for rule in rules::catalogue().filter(|rule| rule.family() == "MAN") {
            assert!(caught.contains(rule.id), "{} catches nothing", rule.id);
        }
        let names: BTreeSet<&str> = MANIFESTS.iter().map(|mutant| mutant.name).collect();
        assert_eq!(names.len(), MANIFESTS.len());
    }
}
