//! The form of the engine's own compatibility evidence (E-265), which its registry takes.

use counterfoil_proto::Revision;
use semver::Version;
use serde::Serialize;
use serde_json::Value;

use super::{Came, Evidence, Go, sha256};
use crate::report::text::pretty_json;

/// The rule by which a plugin registers the typed service, which is what the engine's evidence is about.
const TYPED: &str = "CAP-003";

/// The mode of all that is judged here: the plugin serves the typed contract.
const MODE: &str = "typed-iac";

/// Evidence as the engine reads it. What is not known is left out, as the engine does; so is the output of the plugin, since
/// each run has a process of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Wfctl {
    plugin: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    version: String,
    engine_version: String,
    mode: &'static str,
    status: &'static str,
    evidence_digest: String,
    os: String,
    arch: String,
    #[serde(rename = "archiveSHA256", skip_serializing_if = "Option::is_none")]
    archive_sha256: Option<String>,
    #[serde(rename = "binarySHA256")]
    binary_sha256: String,
    #[serde(rename = "pluginManifestSHA256", skip_serializing_if = "Option::is_none")]
    plugin_manifest_sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compatible_engine_range: Option<Range>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repository: Option<String>,
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<String>,
    #[serde(rename = "workflowRunURL", skip_serializing_if = "Option::is_none")]
    workflow_run_url: Option<String>,
    generated_by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_reason: Option<String>,
}

/// The engines for which it passed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Range {
    min: String,
    max: String,
    derivation: &'static str,
}

impl Wfctl {
    /// What the engine is told of evidence. It passes where the run did, the typed service was judged, and the engine can
    /// read the version; whatever else there was is a failure with its reason.
    pub fn of(evidence: &Evidence) -> Self {
        let subject = &evidence.subject;
        let version = subject.version.as_deref().and_then(strict);
        let why: Vec<String> = evidence.why_not_passed().into_iter().map(|(_, why)| why).collect();
        let failure = if !why.is_empty() {
            Some(why.join("; "))
        } else if evidence.rules.get(TYPED).is_none_or(|rule| rule.verdict != Came::Held) {
            Some(format!("whether the typed service is registered was not judged ({TYPED})"))
        } else if version.is_none() {
            Some("the manifest states no version of the form MAJOR.MINOR.PATCH".to_owned())
        } else {
            None
        };
        let revisions = &evidence.contract.revisions;
        let ci = evidence.run.ci.clone().unwrap_or_default();
        let built_from = match &subject.program.go {
            Go::Build(build) => build.revision.clone(),
            Go::Unknown(_) => None,
        };
        let platform = subject.program.platform.as_ref().unwrap_or(&evidence.machine).clone();
        let told = Self {
            plugin: subject.name.clone(),
            version: version.or_else(|| subject.version.clone()).unwrap_or_default(),
            engine_version: format!("v{}", revisions.last().unwrap_or(&Revision::Head).engine_version()),
            mode: MODE,
            status: if failure.is_none() { "pass" } else { "fail" },
            evidence_digest: String::new(),
            os: platform.os,
            arch: platform.arch,
            archive_sha256: subject.archive.as_ref().map(|archive| archive.sha256.clone()),
            binary_sha256: subject.program.sha256.clone(),
            plugin_manifest_sha256: subject.manifest.as_ref().map(|manifest| manifest.sha256.clone()),
            compatible_engine_range: failure.is_none().then(|| range(revisions)).flatten(),
            repository: ci.repository,
            reference: ci.reference,
            commit: built_from.or(ci.commit),
            workflow_run_url: ci.address,
            generated_by: format!("counterfoil {}", evidence.counterfoil),
            failure_reason: failure,
        };
        Self { evidence_digest: told.digest(), ..told }
    }

    /// As the engine computes it: over the JSON of all other keys, in their order, with the escapes of Go.
    fn digest(&self) -> String {
        let mut value = serde_json::to_value(self).expect("plain data");
        value.as_object_mut().map(|keys| keys.remove("evidenceDigest"));
        value.sort_all_objects();
        format!("sha256:{}", sha256(as_go_writes(&value)))
    }

    /// The evidence as a file.
    pub fn to_json(&self) -> String {
        pretty_json(self)
    }
}

/// JSON with the characters escaped that Go escapes. They stand in texts alone.
fn as_go_writes(value: &Value) -> String {
    let json = value.to_string();
    ['&', '<', '>', '\u{2028}', '\u{2029}']
        .into_iter()
        .fold(json, |json, special| json.replace(special, &format!("\\u{:04x}", u32::from(special))))
}

/// A version in the form that the engine takes, `v1.2.3`; none where it is of another.
fn strict(version: &str) -> Option<String> {
    let parsed = Version::parse(version.strip_prefix('v').unwrap_or(version)).ok()?;
    (parsed.pre.is_empty() && parsed.build.is_empty()).then(|| format!("v{parsed}"))
}

/// The releases between which every revision passed; none where there are not two, or one between them was left out.
fn range(revisions: &[Revision]) -> Option<Range> {
    let released: Vec<Revision> =
        revisions.iter().copied().filter(|revision| *revision != Revision::Head).collect();
    let (first, last) = (*released.first()?, *released.last()?);
    let between = Revision::ALL.iter().filter(|revision| (first..=last).contains(revision));
    let is_whole = first != last && between.eq(&released);
    is_whole.then(|| Range {
        min: format!("v{}", first.first_version()),
        max: format!("v{}", last.first_version()),
        derivation: "every revision of the contract between the two was judged",
    })
}
