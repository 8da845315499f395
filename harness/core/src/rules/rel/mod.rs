//! REL: what must hold of a release of several repositories.
//!
//! Rules are in the order in which a release comes about: what is stated, what was built, what was tested, and what of it is
//! public.

mod built;
mod pairs;
mod public;
mod stated;
mod tested;
#[cfg(test)]
mod tests;
mod window;

use super::ReleaseRule;
use crate::{
    release::{About, Artefact, ArtefactFacts, Case, Known, Member, Path, Platform, PluginFacts, Tested},
    scenario::Span,
};

/// Who enforces what no tool of the engine's looks at.
const NOBODY: &str = "nobody";

pub(super) const RULES: &[ReleaseRule] = &[
    ReleaseRule {
        id: "REL-001",
        title: "A version can be published: MAJOR.MINOR.PATCH alone, and the tag is `v` and that version.",
        enforced: "`wfctl plugin validate-contract --for-publish` (E-281), for plugins",
        reason: "Anything else is no release to whoever resolves versions.",
        source: "E-281, E-234",
        check: stated::it_can_be_published,
    },
    ReleaseRule {
        id: "REL-002",
        title: "The part of the version that is said to go up does, by itself.",
        enforced: NOBODY,
        reason: "Whoever upgrades goes by that part: a break in a patch reaches everyone.",
        source: "cutover.md",
        check: stated::it_goes_up_as_said,
    },
    ReleaseRule {
        id: "REL-003",
        title: "The manifest bears the name and the version that are released.",
        enforced: "`wfctl plugin validate-contract --for-publish` (E-281), for the version",
        reason: "What was built is another release, or the stamp was forgotten.",
        source: "E-280, E-281, H-28",
        check: built::the_manifest_bears_what_is_released,
    },
    ReleaseRule {
        id: "REL-004",
        title: "The process tells the name and the version of its manifest.",
        enforced: "`wfctl plugin verify-capabilities` (E-280)",
        reason: "Version and GetManifest are what a host asks once it is running.",
        source: "E-280, H-28",
        check: tested::the_process_tells_its_manifest,
    },
    ReleaseRule {
        id: "REL-005",
        title: "What is released was built from the commit that is stated, and from nothing beside it.",
        enforced: NOBODY,
        reason: "A tag on the wrong commit releases what nobody looked at.",
        source: "cutover.md",
        check: built::it_is_of_the_stated_commit,
    },
    ReleaseRule {
        id: "REL-006",
        title: "The engine's module that a plugin is built with meets its own minEngineVersion.",
        enforced: NOBODY,
        reason: "The oldest engine that may load it is newer than the one that its code was written for.",
        source: "E-281, cutover.md",
        check: built::its_pin_meets_its_oldest_engine,
    },
    ReleaseRule {
        id: "REL-007",
        title: "minEngineVersion is at most the engine of the release.",
        enforced: "host, by its plugin manager at install alone",
        reason: "The plugin cannot be installed for the engine that it is released with.",
        source: "E-281, cutover.md",
        check: built::the_new_engine_may_load_it,
    },
    ReleaseRule {
        id: "REL-008",
        title: "minEngineVersion is at least the first engine that speaks the contract which the plugin is built with.",
        enforced: NOBODY,
        reason: "An older engine installs it, and drives it in words that it does not have.",
        source: "E-217, E-281",
        check: built::no_engine_before_its_contract_may_load_it,
    },
    ReleaseRule {
        id: "REL-009",
        title: "The process declares v2, whatever its manifest says.",
        enforced: "host, by its load gate, from 0.57 on (E-217)",
        reason: "An engine goes by what the process says, and refuses it, or calls Apply without a word.",
        source: "E-217, E-232, H-05, H-06",
        check: tested::the_process_declares_v2,
    },
    ReleaseRule {
        id: "REL-010",
        title: "Every suite passes at the revision of the new engine.",
        enforced: NOBODY,
        reason: "What is broken before the release is broken for everybody after it.",
        source: "cutover.md",
        check: tested::every_suite_passes,
    },
    ReleaseRule {
        id: "REL-011",
        title: "What was tested is what is released, by the contract and the scenarios that are in force.",
        enforced: NOBODY,
        reason: "Evidence of something else is none.",
        source: "evidence.md",
        check: tested::evidence_is_about_what_is_released,
    },
    ReleaseRule {
        id: "REL-012",
        title: "Everything was judged that the release requires.",
        enforced: NOBODY,
        reason: "What was not run is not known.",
        source: "cutover.md",
        check: tested::everything_was_judged,
    },
    ReleaseRule {
        id: "REL-013",
        title: "No test leans on a list of known failures that has expired.",
        enforced: NOBODY,
        reason: "Somebody promised to mend it by then.",
        source: "known-failures.md",
        check: tested::no_known_failure_has_expired,
    },
    ReleaseRule {
        id: "REL-014",
        title: "The engine drives the plugin by v2: call by call, and not through Apply.",
        enforced: "host, by its load gate, from 0.57 on (E-217)",
        reason: "Before 0.57 an engine falls back on Apply without a word.",
        source: "E-217, D-050",
        check: tested::the_path_is_v2,
    },
    ReleaseRule {
        id: "REL-015",
        title: "Each platform that is stated has an artefact, which is built for it.",
        enforced: NOBODY,
        reason: "Whoever is on that platform finds nothing, or what does not start.",
        source: "E-233, E-261",
        check: built::each_platform_has_its_artefact,
    },
    ReleaseRule {
        id: "REL-016",
        title: "Every precondition is confirmed.",
        enforced: NOBODY,
        reason: "What no check can see, somebody has to have looked at.",
        source: "cutover.md",
        check: stated::preconditions_are_confirmed,
    },
    ReleaseRule {
        id: "REL-017",
        title: "More is known of the engine than its version.",
        enforced: NOBODY,
        reason: "What an engine enforces is seen by running it.",
        source: "cutover.md",
        check: stated::the_engine_is_given,
    },
    ReleaseRule {
        id: "REL-018",
        title: "What is public has all of its assets.",
        enforced: "host, which finds nothing to install",
        reason: "A tag without assets is a release that nobody can have.",
        source: "E-233, cutover.md",
        check: public::it_has_its_assets,
    },
    ReleaseRule {
        id: "REL-019",
        title: "Nothing is changed after it was frozen.",
        enforced: NOBODY,
        reason: "What was judged is what is released, or nothing was judged.",
        source: "cutover.md",
        check: public::nothing_changed_since_it_was_frozen,
    },
    ReleaseRule {
        id: "REL-020",
        title: "A plugin of before and the engine of after refuse each other, and so do a plugin of after and the engine of before.",
        enforced: "host, by its load gate, from 0.57 on (E-217), and by its plugin manager, by minEngineVersion at install alone",
        reason: "They were not made for each other, and who upgrades one of them alone hears nothing of it.",
        source: "E-217, D-050, cutover.md",
        check: pairs::mixed_pairs_are_refused,
    },
    ReleaseRule {
        id: "REL-021",
        title: "The engine of the release installs, loads and drives each plugin of the release by v2.",
        enforced: "host, by its load gate, from 0.57 on (E-217), and by its plugin manager, by minEngineVersion at install alone",
        reason: "Whoever has upgraded everything is on that pair.",
        source: "E-217, D-050, cutover.md",
        check: pairs::the_new_pair_works,
    },
    ReleaseRule {
        id: "REL-022",
        title: "Members are released in their order, and what was withdrawn is released anew under another number.",
        enforced: NOBODY,
        reason: "What the window was judged safe for is that order.",
        source: "cutover.md",
        check: window::members_are_released_in_their_order,
    },
    ReleaseRule {
        id: "REL-023",
        title: "A tag that was public is not moved, and after a withdrawal not used again.",
        enforced: NOBODY,
        reason: "Who has fetched it keeps what it was: two programs then go by one version.",
        source: "cutover.md",
        check: window::no_tag_is_used_again,
    },
    ReleaseRule {
        id: "REL-024",
        title: "Where an engine or a plugin was withdrawn, what is left of the pair works.",
        enforced: NOBODY,
        reason: "Who had both goes back by one of them alone.",
        source: "E-217, D-050, cutover.md",
        check: window::what_is_left_of_a_withdrawal_is_safe,
    },
];

/// What is released of a plugin for one platform: what is stated, and what was found out.
#[derive(Clone, Copy)]
struct Piece<'a> {
    plugin: &'a Member,
    platform: &'a Platform,
    stated: &'a Artefact,
    facts: &'a ArtefactFacts,
    /// Whether nothing says what a test of it would show, and it cannot be run on this machine.
    is_foreign: bool,
}

impl<'a> Piece<'a> {
    fn about(&self) -> About<'a> {
        About::member(self.plugin, self.stated.span)
    }

    /// A text about it.
    fn says(&self, text: impl std::fmt::Display) -> String {
        format!("{}: {text}", self.platform)
    }

    /// What would tell what is not known of it.
    fn wanted(&self) -> String {
        format!("build it for {}, and name it here", self.platform)
    }
}

/// What is released of every plugin for every platform.
fn pieces<'a>(case: &Case<'a>) -> impl Iterator<Item = Piece<'a>> + use<'a> {
    let here = &case.facts.here;
    let plugins = case.release.plugins.iter().zip(&case.facts.plugins);
    plugins.flat_map(move |(plugin, facts)| pieces_of(plugin, facts, here))
}

fn pieces_of<'a>(
    plugin: &'a Member,
    facts: &'a PluginFacts,
    here: &'a Platform,
) -> impl Iterator<Item = Piece<'a>> {
    plugin.platforms.iter().filter_map(move |(platform, stated)| {
        let facts = facts.platforms.get(platform)?;
        let is_foreign = platform != here && stated.evidence.is_none() && facts.tested.known().is_none();
        Some(Piece { plugin, platform, stated, facts, is_foreign })
    })
}

/// A test that counts.
#[derive(Clone, Copy)]
struct Test<'a> {
    member: &'a Member,
    /// On which platform, where it is a plugin.
    platform: Option<&'a Platform>,
    tested: &'a Known<Tested>,
    /// Which way the real engine took to it, where that could be seen on this machine.
    driven: Option<&'a Known<Path>>,
    span: Span,
}

impl<'a> Test<'a> {
    fn about(&self) -> About<'a> {
        About::member(self.member, self.span)
    }

    fn says(&self, text: impl std::fmt::Display) -> String {
        match self.platform {
            Some(platform) => format!("{platform}: {text}"),
            None => text.to_string(),
        }
    }
}

/// The tests of every member. What cannot be run on this machine needs none, as long as the plugin is tested on some platform.
fn tests<'a>(case: &Case<'a>) -> Vec<Test<'a>> {
    let engine = &case.release.engine.member;
    let of_engine = Test {
        member: engine,
        platform: None,
        tested: &case.facts.engine.tested,
        driven: None,
        span: engine.spans.member,
    };
    std::iter::once(of_engine).chain(plugin_tests(case)).collect()
}

/// The tests of every plugin.
fn plugin_tests<'a>(case: &Case<'a>) -> Vec<Test<'a>> {
    let mut tests = Vec::new();
    let (here, engine) = (&case.facts.here, &case.release.engine.subject);
    for (plugin, facts) in case.release.plugins.iter().zip(&case.facts.plugins) {
        let pieces: Vec<Piece<'a>> = pieces_of(plugin, facts, here).collect();
        let all_foreign = pieces.iter().all(|piece| piece.is_foreign);
        tests.extend(pieces.into_iter().filter(|piece| all_foreign || !piece.is_foreign).map(|piece| Test {
            member: plugin,
            platform: Some(piece.platform),
            tested: &piece.facts.tested,
            driven: (engine.binary.is_some() && piece.platform == here).then_some(&piece.facts.driven),
            span: piece.stated.span,
        }));
    }
    tests
}
