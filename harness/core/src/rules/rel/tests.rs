//! What the rules say of a release in good order that one thing was changed in. Which rule finds which mistake, the broken
//! releases tell.

use std::path::PathBuf;

use super::window;
use crate::{
    mutants::{RELEASES, good_release},
    release::{
        ArtefactFacts, Case, Check, CheckState, EngineSubject, Facts, Known, LockChange, Presence, Release,
        Require, RuleState, SpentTag, State, Tested, assess,
    },
    rules,
    scenario::{Date, Span},
};

/// The checks of a rule, for a release that was changed.
fn checks(rule: &str, change: impl FnOnce(&mut Release, &mut Facts)) -> Vec<Check> {
    let (mut release, mut facts) = good_release();
    change(&mut release, &mut facts);
    let (checks, _) = assess(Case { release: &release, facts: &facts });
    checks.into_iter().filter(|check| check.rule == rule).collect()
}

/// Which of them came out so, by their texts.
fn texts(checks: &[Check], state: &CheckState) -> Vec<String> {
    checks.iter().filter(|check| check.state == *state).map(|check| check.text.clone()).collect()
}

/// What was found out about a plugin on a platform, by their places.
fn artefact<'f>(facts: &'f mut Facts, plugin: usize, platform: &str) -> &'f mut ArtefactFacts {
    let mut all = facts.plugins[plugin].platforms.iter_mut();
    all.find(|(name, _)| name.to_string() == platform).expect("it is there").1
}

fn known<T>(known: &mut Known<T>) -> &mut T {
    let Known::Known(value) = known else { panic!("it is known") };
    value
}

/// The test of the first plugin.
fn test(facts: &mut Facts) -> &mut Tested {
    known(&mut artefact(facts, 0, "linux/amd64").tested)
}

#[test]
fn what_was_there_before_is_of_the_same_plugin() {
    let broken = checks("REL-003", |_, facts| {
        known(&mut facts.plugins[0].previous.manifest).name = Some("workflow-plugin-other".to_owned());
    });
    let text =
        "what was there before is \"workflow-plugin-other\", by its manifest, and no workflow-plugin-one";
    assert_eq!(texts(&broken, &CheckState::Broken), [text]);
}

#[test]
fn a_commit_is_known_by_seven_digits() {
    for (revision, state) in [("89abcde", CheckState::Holds), ("89abcd", CheckState::Unknown)] {
        let checks = checks("REL-005", |_, facts| {
            let build = known(&mut artefact(facts, 0, "linux/amd64").build);
            build.revision = Some(revision.to_owned());
        });
        let check = checks.iter().find(|check| check.text.contains("linux/amd64")).expect("it is judged");
        assert_eq!(check.state, state, "{}", check.text);
    }
}

/// Where everything is a stand-in nothing is released, and that is what a rehearsal is.
#[test]
fn stand_ins_are_for_rehearsals() {
    let stand_in = "a stand-in takes its place, and others are real";
    let unknown = |binary: bool, real: Option<&str>, missing: Option<&str>| {
        let checks = checks("REL-015", |release, facts| {
            if !binary {
                release.engine.subject.binary = None;
            }
            for (platform, artefact) in facts.plugins.iter_mut().flat_map(|facts| &mut facts.platforms) {
                artefact.stand_in = real != Some(&*platform.to_string());
            }
            if let Some(missing) = missing {
                let artefact = artefact(facts, 0, missing);
                (artefact.presence, artefact.stand_in) = (Presence::Missing("a.tar.gz".to_owned()), false);
            }
        });
        texts(&checks, &CheckState::Unknown)
    };
    assert_eq!(unknown(false, None, None), [""; 0]);
    let (linux, darwin) = (format!("linux/amd64: {stand_in}"), format!("darwin/arm64: {stand_in}"));
    assert_eq!(unknown(true, None, None), [&*darwin, &*linux, &*darwin, &*linux]);
    assert_eq!(unknown(false, Some("linux/amd64"), None), [&*darwin, &*darwin]);
    assert_eq!(unknown(false, None, Some("linux/amd64")), ["linux/amd64: there is no a.tar.gz"]);
}

#[test]
fn what_cannot_be_run_here_is_said_to_be_looked_at() {
    let good = checks("REL-015", |_, _| {});
    let seen = "darwin/arm64: what is there was looked at, and not run: this is linux/amd64";
    let there = "linux/amd64: it is there";
    assert_eq!(texts(&good, &CheckState::Holds), [seen, there, seen, there]);
    let wrong = checks("REL-015", |_, facts| {
        artefact(facts, 0, "linux/amd64").presence = Presence::NotStated;
    });
    let wrong = wrong.iter().find(|check| check.state == CheckState::Unknown).expect("it is not there");
    assert_eq!(wrong.help, "build it for linux/amd64, and name it here");
}

/// What the real engine did counts on the machine that it was started on, and for no other platform.
#[test]
fn a_way_is_that_of_the_engine_that_took_it() {
    let ways = |change: fn(&mut Release, &mut Facts)| texts(&checks("REL-014", change), &CheckState::Holds);
    assert_eq!(ways(|_, _| {}), ["linux/amd64: the engine drives it by v2"; 2]);
    assert_eq!(
        ways(|release, _| release.engine.subject.binary = None),
        ["linux/amd64: Counterfoil's own engine drives it by v2"; 2]
    );
    let tested_elsewhere = ways(|_, facts| {
        let tested = test(facts).clone();
        artefact(facts, 0, "darwin/arm64").tested = Known::Known(tested);
    });
    assert_eq!(
        tested_elsewhere,
        [
            "darwin/arm64: Counterfoil's own engine drives it by v2",
            "linux/amd64: the engine drives it by v2",
            "linux/amd64: the engine drives it by v2"
        ]
    );
}

/// The cell of a pair that does not hold stands at the version that is at fault, and says whom it meets.
#[test]
fn a_pair_that_is_broken_tells_who_meets_it() {
    let mutant = RELEASES.iter().find(|mutant| mutant.name == "old-plugin-taken").expect("there is one");
    let checks = checks(mutant.caught_by[0], |release, facts| {
        let spans = &mut release.plugins[0].spans;
        (spans.from, spans.to) = (Span { start: 3, len: 1 }, Span { start: 5, len: 1 });
        (mutant.alter)(release, facts);
    });
    let broken: Vec<&Check> = checks.iter().filter(|check| check.state == CheckState::Broken).collect();
    assert!(!broken.is_empty());
    for check in broken {
        assert!(check.text.contains("; met by "), "{}", check.text);
        assert_eq!(check.span.start, 3, "{}", check.text);
    }
    let holds = texts(&checks, &CheckState::Holds);
    assert!(holds.iter().all(|text| !text.contains("; met by ")), "{holds:#?}");
}

#[test]
fn a_change_since_the_freeze_is_held_against_its_member() {
    let members = |name: Option<&str>| -> Vec<Option<String>> {
        let change = LockChange {
            member: name.map(ToOwned::to_owned),
            what: "tag".to_owned(),
            then: "v1".to_owned(),
            now: "v2".to_owned(),
        };
        let checks = checks("REL-019", |_, facts| {
            facts.lock.as_mut().expect("there is one").changes.push(change);
        });
        checks.into_iter().map(|check| check.member).collect()
    };
    assert_eq!(members(Some("workflow-plugin-two")), [Some("workflow-plugin-two".to_owned())]);
    assert_eq!(members(None), [None]);
}

#[test]
fn nobody_confirms_what_is_to_come() {
    for (day, state) in
        [(20_589, CheckState::Holds), (20_590, CheckState::Holds), (20_591, CheckState::Broken)]
    {
        let checks = checks("REL-016", |release, _| {
            let word = release.preconditions[0].confirmed.as_mut().expect("it is confirmed");
            word.on = Date::from_days(day);
        });
        assert_eq!(checks.iter().map(|check| &check.state).collect::<Vec<_>>(), [&state], "{day}");
    }
}

#[test]
fn an_engine_is_given_in_one_of_three_ways() {
    let evidence = || Some(PathBuf::from("wfctl.json"));
    for (subject, state) in [
        (EngineSubject { binary: Some("wfctl".into()), ..EngineSubject::default() }, CheckState::Holds),
        (
            EngineSubject { adapter: vec!["adapter".to_owned()], ..EngineSubject::default() },
            CheckState::Holds,
        ),
        (EngineSubject { evidence: evidence(), ..EngineSubject::default() }, CheckState::Holds),
        (EngineSubject::default(), CheckState::Unknown),
    ] {
        let given = format!("{subject:?}");
        let checks = checks("REL-017", |release, _| release.engine.subject = subject);
        assert_eq!(checks.iter().map(|check| &check.state).collect::<Vec<_>>(), [&state], "{given}");
    }
}

/// A process that leaves `GetManifest` out goes by the file alone, as long as nothing else answers for it.
#[test]
fn a_process_tells_its_manifest_by_two_calls_or_by_one() {
    let first = |rules: &[(&str, Option<RuleState>)]| {
        let checks = checks("REL-004", |_, facts| {
            for (rule, state) in rules {
                match state {
                    Some(state) => test(facts).rules.insert((*rule).to_owned(), *state),
                    None => test(facts).rules.remove(*rule),
                };
            }
        });
        (checks[0].state.clone(), checks[0].text.clone())
    };
    let holds = |text: &str| (CheckState::Holds, format!("linux/amd64: {text}"));
    let both = holds("what it tells is what its manifest says");
    let version_alone = holds("its Version tells what its manifest says, and GetManifest tells nothing");
    let unjudged = |rule| (CheckState::Unknown, format!("linux/amd64: {rule} was not judged"));
    assert_eq!(first(&[]), both);
    assert_eq!(first(&[("CAP-001", Some(RuleState::Held))]), both);
    assert_eq!(first(&[("CAP-001", Some(RuleState::Held)), ("MAN-014", None)]), version_alone);
    assert_eq!(first(&[("CAP-001", Some(RuleState::Broken)), ("MAN-014", None)]), unjudged("MAN-014"));
    assert_eq!(first(&[("MAN-014", None)]), unjudged("MAN-014"));

    let title = rules::find("MAN-016").expect("it is a rule").title.trim_end_matches('.');
    let broken = format!("linux/amd64: MAN-016 does not hold: {title}");
    assert_eq!(first(&[("MAN-016", Some(RuleState::Broken))]), (CheckState::Broken, broken));
}

#[test]
fn what_was_not_judged_says_how_it_would_be() {
    let missing = |require, live: bool, change: fn(&mut Tested)| -> Vec<(String, String)> {
        let checks = checks("REL-012", |release, facts| {
            release.require = require;
            for artefact in facts.plugins.iter_mut().flat_map(|facts| facts.platforms.values_mut()) {
                if let Known::Known(tested) = &mut artefact.tested {
                    tested.live = live;
                    tested.not_run.clear();
                }
            }
            change(test(facts));
        });
        let unknown = checks.into_iter().filter(|check| check.state == CheckState::Unknown);
        unknown.map(|check| (check.text, check.help)).collect()
    };
    let one = |text: &str, help: &str| [(format!("linux/amd64: {text}"), help.to_owned())];
    let revisions = |tested: &mut Tested| tested.revisions.clear();
    let (offline, live) = (
        "test it at 0.57, and give its `--evidence` here",
        "test it `--live` at 0.57, and give its `--evidence` here",
    );
    assert_eq!(missing(Require::Offline, false, |_| {}), []);
    assert_eq!(missing(Require::Live, true, |_| {}), []);
    assert_eq!(missing(Require::Offline, false, revisions), one("nothing was judged at 0.57", offline));
    assert_eq!(missing(Require::Live, true, revisions), one("nothing was judged at 0.57", live));
    assert_eq!(
        missing(Require::Live, true, |tested| tested.live = false),
        one("it was not tested live", live)
    );
}

#[test]
fn members_that_are_public_are_counted() {
    let checks = checks("REL-022", |release, _| release.engine.member.state = State::Released);
    assert_eq!(texts(&checks, &CheckState::Holds), ["1 of 3 members are public, none before its turn"]);
}

/// Tags are remembered by member: two plugins may well be of one version.
#[test]
fn a_tag_is_used_again_by_its_own_member_alone() {
    let broken = |member: &str, tag: &str| -> Vec<Option<String>> {
        let spent = SpentTag {
            member: member.to_owned(),
            tag: tag.to_owned(),
            commit: "0".repeat(40),
            withdrawn: false,
        };
        let checks = checks("REL-023", |_, facts| {
            facts.lock.as_mut().expect("there is one").spent.push(spent);
        });
        let broken = checks.into_iter().filter(|check| check.state == CheckState::Broken);
        broken.map(|check| check.member).collect()
    };
    assert_eq!(broken("workflow-plugin-two", "v2.0.0"), [Some("workflow-plugin-two".to_owned())]);
    assert_eq!(broken("workflow-plugin-two", "v1.2.1"), []);
    assert_eq!(broken("workflow-plugin-three", "v2.0.0"), []);
}

#[test]
fn a_tag_that_was_public_stays_where_it_was() {
    let (release, _) = good_release();
    let used = |state, commit: &str, withdrawn| {
        let mut member = release.plugins[0].clone();
        member.state = state;
        let spent = SpentTag {
            member: member.name.clone(),
            tag: member.tag.clone(),
            commit: commit.into(),
            withdrawn,
        };
        window::used_again(&member, &spent)
    };
    // The release states eight digits of it.
    for commit in ["89abcdef", "89abcdef0123456789abcdef0123456789abcdef", "89ab"] {
        assert_eq!(used(State::Released, commit, false), None);
        assert_eq!(used(State::Withdrawn, commit, true), None);
        let again = |word: &str| Some(format!("v2.0.0 was withdrawn, and is {word} again"));
        assert_eq!(used(State::Released, commit, true), again("released"));
        assert_eq!(used(State::Planned, commit, true), again("planned"));
        let planned = Some("v2.0.0 was public, and is planned again".to_owned());
        assert_eq!(used(State::Planned, commit, false), planned);
    }
    let moved = Some("v2.0.0 was public on 0123, and is to be on 89abcdef".to_owned());
    assert_eq!(used(State::Released, "0123", false), moved);
}
