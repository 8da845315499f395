//! What came of the tests.

use counterfoil_proto::Revision;

use super::{Test, plugin_tests, tests};
use crate::{
    release::{Case, Checks, DoubtKind, Known, Path, Require, RuleState, Tested},
    rules::{self, Level},
};

/// What would tell what is not known of a test.
const TEST_IT: &str = "test it with `counterfoil test`, and give its `--evidence` here";

/// What would tell why the real engine takes no way to a plugin.
const TRY_IT: &str =
    "see how an apply ends with `counterfoil test wfctl --plugin DIRECTORY`, and mend what it tells";

/// The rules by which the process tells the name and the version of its manifest, by `GetManifest` and by `Version` (E-280). Where
/// `GetManifest` is Unimplemented, the engine goes by the file alone (E-215), and the first of them judges nothing.
const TELLS_ITS_MANIFEST: [&str; 2] = ["MAN-014", "MAN-016"];

/// The rule by which `GetManifest` answers, or is Unimplemented.
const ANSWERS_OR_IS_NOT_THERE: &str = "CAP-001";

/// What is known of a test; else that nothing is, which is told.
fn known<'a>(test: &Test<'a>, checks: &mut Checks<'_>) -> Option<&'a Tested> {
    match test.tested {
        Known::Known(tested) => Some(tested),
        Known::Unknown(why) => {
            checks.unknown(test.about(), test.says(format_args!("it was not tested: {why}")), TEST_IT);
            None
        }
    }
}

pub(super) fn the_process_tells_its_manifest(case: &Case<'_>, checks: &mut Checks<'_>) {
    for test in plugin_tests(case) {
        let Some(tested) = known(&test, checks) else { continue };
        let of = |state| TELLS_ITS_MANIFEST.into_iter().find(|rule| tested.rule(rule) == state);
        let [by_get_manifest, by_version] = TELLS_ITS_MANIFEST;
        let is_silent = tested.rule(by_get_manifest).is_none()
            && tested.rule(ANSWERS_OR_IS_NOT_THERE) == Some(RuleState::Held);
        let unjudged =
            if is_silent { tested.rule(by_version).is_none().then_some(by_version) } else { of(None) };
        let broken = of(Some(RuleState::Broken)).or_else(|| of(Some(RuleState::Known)));
        if let Some(rule) = broken {
            let text = format!("{rule} does not hold: {}", title(rule));
            checks.broken(test.about(), test.says(text), "stamp the program and plugin.json from one place");
        } else if let Some(rule) = unjudged {
            checks.unknown(test.about(), test.says(format_args!("{rule} was not judged")), TEST_IT);
        } else if is_silent {
            let text = "its Version tells what its manifest says, and GetManifest tells nothing";
            checks.holds(test.about(), test.says(text));
        } else {
            checks.holds(test.about(), test.says("what it tells is what its manifest says"));
        }
    }
}

fn title(rule: &str) -> &'static str {
    rules::find(rule).map_or("", |rule| rule.title.trim_end_matches('.'))
}

pub(super) fn the_process_declares_v2(case: &Case<'_>, checks: &mut Checks<'_>) {
    for test in plugin_tests(case) {
        let Some(tested) = known(&test, checks) else { continue };
        match tested.declares_v2() {
            Known::Known(true) => checks.holds(test.about(), test.says("its process declares v2")),
            Known::Known(false) => {
                let help =
                    "answer Capabilities with compute_plan_version \"v2\"; the manifest alone does nothing";
                checks.broken(test.about(), test.says("its process does not declare v2"), help);
            }
            Known::Unknown(why) => checks.unknown(test.about(), test.says(why), TEST_IT),
        }
    }
}

pub(super) fn every_suite_passes(case: &Case<'_>, checks: &mut Checks<'_>) {
    for test in tests(case) {
        let Some(tested) = known(&test, checks) else { continue };
        let doubts: Vec<&str> = tested.doubts_about(&[DoubtKind::Broken]).map(|doubt| &*doubt.text).collect();
        let broken: Vec<&str> = broken_must_rules(tested, case.revision()).collect();
        if !broken.is_empty() {
            // One check for each, so that a waiver of one lets no other through.
            for rule in broken {
                let text = format!("{rule} does not hold: {}", title(rule));
                checks.broken(test.about(), test.says(text), MEND_IT);
            }
        } else if doubts.is_empty() {
            let listed = match tested.known_failures {
                0 => String::new(),
                failures => format!(", {failures} of them fail as listed"),
            };
            let text = format!("{} runs were judged{listed}", tested.judged);
            checks.holds(test.about(), test.says(text));
        } else {
            checks.broken(test.about(), test.says(doubts.join("; ")), MEND_IT);
        }
    }
}

/// What to do about what a plugin or an engine breaks.
const MEND_IT: &str =
    "mend it; until it is, name the `--evidence` of a test that lists it with `--known-failures`";

/// The rules that fail a run at a revision, and that did not hold in a test.
fn broken_must_rules(tested: &Tested, revision: Revision) -> impl Iterator<Item = &str> {
    let broken = tested.rules.iter().filter(|(_, state)| **state == RuleState::Broken);
    // What a plugin declares is looked at where it counts, which may be later.
    let fails = move |rule: &str| {
        rules::find(rule).is_some_and(|rule| rule.level == Level::Must && rule.holds_at(revision))
    };
    broken.map(|(rule, _)| rule.as_str()).filter(move |rule| fails(rule))
}

pub(super) fn evidence_is_about_what_is_released(case: &Case<'_>, checks: &mut Checks<'_>) {
    for test in tests(case) {
        let Some(tested) = known(&test, checks) else { continue };
        let by = tested.evidence.as_deref().unwrap_or("a test on this machine");
        let text = |kinds: &[DoubtKind]| {
            let doubts: Vec<&str> = tested.doubts_about(kinds).map(|doubt| &*doubt.text).collect();
            (!doubts.is_empty()).then(|| test.says(format_args!("{by}: {}", doubts.join("; "))))
        };
        if let Some(text) = text(&[DoubtKind::Artefact, DoubtKind::Unsound]) {
            checks.broken(test.about(), text, TEST_IT);
        } else if let Some(text) = text(&[DoubtKind::Contract, DoubtKind::Suite, DoubtKind::Clock]) {
            checks.unknown(test.about(), text, TEST_IT);
        } else {
            checks.holds(test.about(), test.says(format_args!("{by} is about it")));
        }
    }
}

pub(super) fn everything_was_judged(case: &Case<'_>, checks: &mut Checks<'_>) {
    let (revision, require) = (case.revision(), case.release.require);
    for test in tests(case) {
        let Some(tested) = known(&test, checks) else { continue };
        let mut missing: Vec<String> =
            tested.doubts_about(&[DoubtKind::Unjudged]).map(|doubt| doubt.text.clone()).collect();
        if !tested.revisions.contains(&revision) {
            missing.push(format!("nothing was judged at {revision}"));
        }
        // An engine has no cloud of its own.
        if require == Require::Live && test.platform.is_some() {
            if !tested.live {
                missing.push("it was not tested live".to_owned());
            }
            missing
                .extend(tested.not_run.iter().map(|(why, runs)| format!("{runs} runs were not run: {why}")));
        }
        if missing.is_empty() {
            let text = format!("{} runs were judged, at {revision} too", tested.judged);
            checks.holds(test.about(), test.says(text));
        } else {
            let how = if require == Require::Live { " `--live`" } else { "" };
            let help = format!("test it{how} at {revision}, and give its `--evidence` here");
            // One check for each, so that a waiver of one lets no other through.
            for missing in missing {
                checks.unknown(test.about(), test.says(missing), &*help);
            }
        }
    }
}

pub(super) fn no_known_failure_has_expired(case: &Case<'_>, checks: &mut Checks<'_>) {
    for test in tests(case) {
        let Some(tested) = known(&test, checks) else { continue };
        match tested.doubts_about(&[DoubtKind::Expired]).next() {
            Some(doubt) => {
                let help = "mend what is listed, or agree on another day, and test it again";
                checks.broken(test.about(), test.says(&doubt.text), help);
            }
            None => checks.holds(test.about(), test.says("it leans on nothing that has expired")),
        }
    }
}

pub(super) fn the_path_is_v2(case: &Case<'_>, checks: &mut Checks<'_>) {
    for test in plugin_tests(case) {
        let (engine, path) = if let Some(driven) = test.driven {
            ("the engine", driven.clone())
        } else {
            ("Counterfoil's own engine", test.tested.and_then(|tested| driven_by_ours(case, tested)))
        };
        match path {
            Known::Known(Path::V2) => {
                checks.holds(test.about(), test.says(format_args!("{engine} drives it by v2")));
            }
            Known::Known(Path::Apply) => {
                let help = "declare v2 in the process";
                checks.broken(
                    test.about(),
                    test.says(format_args!("{engine} drives it through Apply")),
                    help,
                );
            }
            Known::Unknown(why) => {
                let text = format_args!("it is not known how {engine} drives it: {why}");
                let help = if test.driven.is_some() { TRY_IT } else { TEST_IT };
                checks.unknown(test.about(), test.says(text), help);
            }
        }
    }
}

/// How our own engine drives a plugin at the revision of the release: as the real one, by what it declares.
fn driven_by_ours(case: &Case<'_>, tested: &Tested) -> Known<Path> {
    if !tested.revisions.contains(&case.revision()) {
        return Known::Unknown(format!("nothing was judged at {}", case.revision()));
    }
    tested.declares_v2().and_then(|declares| Known::Known(if *declares { Path::V2 } else { Path::Apply }))
}
