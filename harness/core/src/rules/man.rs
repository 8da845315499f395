//! MAN: `plugin.json`, by itself and against what the process says.
//!
//! One cause is found once: a field of another type is MAN-002's or MAN-003's, and to all other rules it says nothing.

mod fields;
mod told;

#[cfg(test)]
mod tests;

use counterfoil_proto::Revision;

use super::{Findings, Level, ManifestStory, Party, Rule, Story};
use crate::{manifest::Manifest, scenario::Span, trace::Origin};

/// What the rules of this family judge.
const MANIFEST: &[Party] = &[Party::Manifest];

/// The most findings of one rule about one manifest. Files are made that have very many mistakes.
pub(super) const MOST: usize = 50;

/// Who enforces what the plugin manager does.
const MANAGER: &str = "host, by its plugin manager (E-234)";
/// Who compares a manifest with its process, where no host does.
const VERIFY: &str = "`wfctl plugin verify-capabilities` (E-280)";
/// Who looks at a manifest by itself.
const VALIDATE: &str = "`wfctl plugin validate-contract` (E-281)";

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "MAN-001",
        title: "plugin.json is there, and is a JSON object.",
        level: Level::Must,
        judges: MANIFEST,
        since: Revision::V0_51,
        until: None,
        enforced: "host, which passes over the directory without a word (E-231)",
        reason: "A host finds a plugin by its manifest alone.",
        source: "E-231",
        applies: |story| story.manifest.is_some(),
        check: it_is_a_json_object,
    },
    Rule {
        id: "MAN-002",
        title: "Every field that a host reads has the type of that field.",
        level: Level::Must,
        judges: MANIFEST,
        since: Revision::V0_51,
        until: None,
        enforced: "host, which passes over the directory without a word (E-231)",
        reason: "One value of another type, and nothing of the manifest is decoded.",
        source: "E-231",
        applies: is_read,
        check: |story, findings| each(story, findings, fields::types),
    },
    Rule {
        id: "MAN-003",
        title: "capabilities is an object.",
        level: Level::Must,
        judges: MANIFEST,
        since: Revision::V0_51,
        until: None,
        enforced: "host, which passes over the directory without a word (E-231)",
        reason: "The list that other plugins have there hides an infrastructure plugin from its host.",
        source: "E-231, E-282",
        applies: is_read,
        check: |story, findings| each(story, findings, fields::capabilities),
    },
    Rule {
        id: "MAN-004",
        title: "No key is there twice.",
        level: Level::Should,
        judges: MANIFEST,
        since: Revision::V0_51,
        until: None,
        enforced: "nobody",
        reason: "The last one counts, and whoever changes the first changes nothing.",
        source: "E-231",
        applies: is_read,
        check: |story, findings| each(story, findings, fields::repeated_keys),
    },
    Rule {
        id: "MAN-005",
        title: "name is there: small letters, digits and hyphens, a letter first and no hyphen last.",
        level: Level::Must,
        judges: MANIFEST,
        since: Revision::V0_51,
        until: None,
        enforced: MANAGER,
        reason: "The plugin manager refuses the plugin.",
        source: "E-234",
        applies: is_read,
        check: |story, findings| each(story, findings, fields::name),
    },
    Rule {
        id: "MAN-006",
        title: "version is there: MAJOR.MINOR.PATCH. A checkout may leave it to its release.",
        level: Level::Must,
        judges: MANIFEST,
        since: Revision::V0_51,
        until: None,
        enforced: MANAGER,
        reason: "The plugin manager refuses the plugin.",
        source: "E-234, E-266",
        applies: is_read,
        check: |story, findings| each(story, findings, fields::version),
    },
    Rule {
        id: "MAN-007",
        title: "The version of a release is no placeholder.",
        level: Level::Should,
        judges: MANIFEST,
        since: Revision::V0_51,
        until: None,
        enforced: "nobody",
        reason: "No two releases can be told apart, and every version of the process is taken for the right one.",
        source: "E-280, H-28",
        applies: |story| is_read(story) && !is_checkout(story),
        check: |story, findings| each(story, findings, fields::stamped_version),
    },
    Rule {
        id: "MAN-008",
        title: "author and description are there.",
        level: Level::Must,
        judges: MANIFEST,
        since: Revision::V0_51,
        until: None,
        enforced: MANAGER,
        reason: "The plugin manager refuses the plugin.",
        source: "E-234",
        applies: is_read,
        check: |story, findings| each(story, findings, fields::author_and_description),
    },
    Rule {
        id: "MAN-009",
        title: "capabilities.iacProvider.name is there.",
        level: Level::Must,
        judges: MANIFEST,
        since: Revision::V0_51,
        until: None,
        enforced: "host, which finds no plugin for the provider (E-233)",
        reason: "A configuration asks for a provider by this name, and for nothing else.",
        source: "E-231, E-233, E-235, H-75",
        applies: is_read,
        check: |story, findings| each(story, findings, fields::provider_name),
    },
    Rule {
        id: "MAN-010",
        title: "iacProvider.computePlanVersion is empty, v1 or v2.",
        level: Level::Must,
        judges: MANIFEST,
        since: Revision::V0_51,
        until: None,
        enforced: "host, as it finds the plugin (E-232)",
        reason: "The host refuses the plugin for any other value, a misspelling too.",
        source: "E-232, H-05",
        applies: is_read,
        check: |story, findings| each(story, findings, fields::plan_version),
    },
    Rule {
        id: "MAN-011",
        title: "iacProvider.computePlanVersion is v2.",
        level: Level::Should,
        judges: MANIFEST,
        since: Revision::V0_57,
        until: None,
        enforced: "host, by a line in its log (E-232)",
        reason: "Nothing else is loaded any more, so a manifest that says anything else is out of date.",
        source: "E-217, E-232",
        applies: is_read,
        check: |story, findings| each(story, findings, fields::newest_plan_version),
    },
    Rule {
        id: "MAN-012",
        title: "A manifest that says v2 is borne out by Capabilities.",
        level: Level::Should,
        judges: MANIFEST,
        since: Revision::V0_51,
        until: None,
        enforced: "nobody: the value of the process alone decides (E-232)",
        reason: "Who reads the manifest takes the plugin for what it is not.",
        source: "E-232, H-05",
        applies: |story| is_read(story) && super::cap::declared_version(story).is_some(),
        check: |story, findings| each(story, findings, told::plan_version),
    },
    Rule {
        id: "MAN-013",
        title: "minEngineVersion is there, and is a version of an engine.",
        level: Level::Should,
        judges: MANIFEST,
        since: Revision::V0_51,
        until: None,
        enforced: VALIDATE,
        reason: "Nobody can tell which engines the plugin works with.",
        source: "E-281",
        applies: is_read,
        check: |story, findings| each(story, findings, fields::min_engine_version),
    },
    Rule {
        id: "MAN-014",
        title: "name is what GetManifest tells.",
        level: Level::Should,
        judges: MANIFEST,
        since: Revision::V0_51,
        until: None,
        enforced: VERIFY,
        reason: "One of the two is another plugin's.",
        source: "E-215, E-280",
        applies: |story| is_read(story) && told::manifest(story).is_some(),
        check: |story, findings| each(story, findings, told::name),
    },
    Rule {
        id: "MAN-015",
        title: "capabilities.iacProvider.name is what Name tells.",
        level: Level::Should,
        judges: MANIFEST,
        since: Revision::V0_51,
        until: None,
        enforced: "nobody",
        reason: "The provider that a configuration gets calls itself something else than it asked for.",
        source: "E-231, H-75",
        applies: |story| is_read(story) && told::provider(story).is_some(),
        check: |story, findings| each(story, findings, told::provider_name),
    },
    Rule {
        id: "MAN-016",
        title: "version is what GetManifest and Version tell, and that is no placeholder in a release.",
        level: Level::Should,
        judges: MANIFEST,
        since: Revision::V0_51,
        until: None,
        enforced: VERIFY,
        reason: "A program that was not stamped, or not built anew, goes by the name of a release.",
        source: "E-280, H-28",
        applies: |story| is_read(story) && !told::versions(story).is_empty(),
        check: |story, findings| each(story, findings, told::version),
    },
    Rule {
        id: "MAN-017",
        title: "iacServices names services of the contract.",
        level: Level::Should,
        judges: MANIFEST,
        since: Revision::V0_51,
        until: None,
        enforced: "nobody",
        reason: "An engine asks for the names that it knows, and for no other.",
        source: "E-220, H-35",
        applies: is_read,
        check: |story, findings| each(story, findings, fields::services),
    },
    Rule {
        id: "MAN-018",
        title: "A manifest that declares services declares all that are in the registry.",
        level: Level::Should,
        judges: MANIFEST,
        since: Revision::V0_51,
        until: None,
        enforced: "`wfctl plugin verify-capabilities`, by a warning (E-280)",
        reason: "Tools that read the manifest do not know what the plugin can do. CAP-011 looks the other way.",
        source: "E-280, H-35",
        applies: |story| told::declares_services(story) && super::cap::registered(story).is_some(),
        check: |story, findings| each(story, findings, told::services),
    },
    Rule {
        id: "MAN-019",
        title: "No service and no state backend is declared twice.",
        level: Level::Should,
        judges: MANIFEST,
        since: Revision::V0_51,
        until: None,
        enforced: "nobody",
        reason: "One of the two was meant to be another.",
        source: "H-31, H-35",
        applies: is_read,
        check: |story, findings| each(story, findings, fields::repeated_entries),
    },
    Rule {
        id: "MAN-020",
        title: "iacStateBackends, where it is there, names what ListBackendNames names, which is at least one.",
        level: Level::Must,
        judges: &[Party::Manifest, Party::Provider],
        since: Revision::V0_51,
        until: None,
        enforced: "host, as it looks for state backends (E-392)",
        reason: "The host refuses the state backend, and with it every configuration that uses one.",
        source: "E-392, H-31",
        applies: told::has_backends,
        check: told::backends,
    },
    Rule {
        id: "MAN-021",
        title: "The program of a release bears the name of its manifest.",
        level: Level::Should,
        judges: MANIFEST,
        since: Revision::V0_51,
        until: None,
        enforced: "host, which looks for no other (E-202)",
        reason: "As it lies there, no host can start it.",
        source: "E-202, E-233, E-261",
        applies: |story| is_read(story) && !is_checkout(story),
        check: |story, findings| each(story, findings, fields::program),
    },
];

/// Whether there is a manifest of which something can be said.
fn is_read(story: &Story<'_>) -> bool {
    story.manifest.as_ref().is_some_and(|told| told.manifest().is_some())
}

fn is_checkout(story: &Story<'_>) -> bool {
    story.manifest.as_ref().is_some_and(|told| told.file.origin == Origin::Checkout)
}

/// A manifest before its judge, and the run that it comes from.
struct Desk<'s, 't> {
    story: &'s Story<'t>,
    told: &'s ManifestStory<'t>,
    manifest: &'s Manifest,
}

impl<'s, 't> Desk<'s, 't> {
    fn of(story: &'s Story<'t>) -> Option<Self> {
        let told = story.manifest.as_ref()?;
        Some(Self { story, told, manifest: told.manifest()? })
    }

    fn origin(&self) -> Origin {
        self.told.file.origin
    }
}

/// What is to be said of a place in a manifest.
struct Remark {
    span: Span,
    message: String,
    /// What proves it beside the manifest.
    evidence: Vec<usize>,
}

impl Remark {
    fn new(span: Span, message: String) -> Self {
        Self { span, message, evidence: Vec::new() }
    }

    fn proven_by(self, evidence: impl IntoIterator<Item = usize>) -> Self {
        Self { evidence: evidence.into_iter().collect(), ..self }
    }
}

/// Adds a finding for each remark about a manifest that can be read; of very many for the first.
fn each(story: &Story<'_>, findings: &mut Findings<'_>, remarks: fn(&Desk<'_, '_>) -> Vec<Remark>) {
    let Some(desk) = Desk::of(story) else { return };
    for Remark { span, message, evidence } in remarks(&desk).into_iter().take(MOST) {
        findings.add_at(desk.told.place(span), message, [desk.told.at].into_iter().chain(evidence));
    }
}

fn it_is_a_json_object(story: &Story<'_>, findings: &mut Findings<'_>) {
    let Some(told) = &story.manifest else { return };
    match &told.read {
        None => {
            let message = format!("there is no {}; a host finds no plugin without it", told.file.path);
            findings.add(None, message, [told.at]);
        }
        Some(Err(malformed)) => findings.add_at(told.place(malformed.span), malformed.to_string(), [told.at]),
        Some(Ok(_)) => {}
    }
}

/// What a release puts in the place of its version: the words by which a program says that it was not stamped (E-280),
/// the same in a manifest, and templates.
fn is_placeholder(version: &str) -> bool {
    let bare = bare(version);
    matches!(bare, "dev" | "0.0.0")
        || ["0.0.0-", "0.0.0+", "(devel)"].iter().any(|beginning| bare.starts_with(beginning))
        || ["{{", "${"].iter().any(|sign| bare.contains(sign))
}

/// A version without the `v` that may stand before it.
fn bare(version: &str) -> &str {
    version.strip_prefix('v').unwrap_or(version)
}
