//! Releases that are wrong in one way each.

use std::{collections::BTreeMap, time::Duration};

use counterfoil_proto::Revision;
use semver::Version;

use crate::{
    release::{
        Artefact, ArtefactFacts, Build, Bump, Case, CheckState, Confirmation, Digests, Doubt, DoubtKind,
        Engine, EngineFacts, EngineSubject, Facts, Known, LockChange, LockFacts, ManifestFacts, Member,
        MemberSpans, Part, Path, Platform, Plugin, PluginFacts, Precondition, Presence, Release, Require,
        RuleState, Source, SpentTag, State, Tested, assess,
    },
    scenario::{Date, Span},
};

/// A release with one defect.
#[derive(Debug)]
pub struct ReleaseMutant {
    /// Its name.
    pub name: &'static str,
    /// What is wrong with it.
    pub what: &'static str,
    /// The rules that catch it; no other may.
    pub caught_by: &'static [&'static str],
    /// Breaks a release in good order.
    pub alter: fn(&mut Release, &mut Facts),
}

impl ReleaseMutant {
    /// The rules that do not hold of it, or of which that is not known, each with what it said first.
    pub fn found(&self) -> BTreeMap<String, String> {
        let (mut release, mut facts) = good();
        (self.alter)(&mut release, &mut facts);
        let mut found = BTreeMap::new();
        for check in assess(Case { release: &release, facts: &facts }).0 {
            if matches!(check.state, CheckState::Broken | CheckState::Unknown) {
                found.entry(check.rule.to_owned()).or_insert(check.text);
            }
        }
        found
    }
}

/// The plugins of the release.
const NAMES: [&str; 2] = ["workflow-plugin-one", "workflow-plugin-two"];

/// The commits of the release.
const ENGINE_COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const COMMITS: [&str; 2] =
    ["89abcdef0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210fedcba98"];

/// A release with which nothing is wrong: `Apply` leaves an engine and its plugins, and nothing is public yet.
pub fn good() -> (Release, Facts) {
    let plugins = [(NAMES[0], 2, COMMITS[0]), (NAMES[1], 3, COMMITS[1])];
    let release = Release {
        id: "good".to_owned(),
        title: "A release in good order".to_owned(),
        require: Require::Offline,
        estimate: Duration::from_secs(3 * 60 * 60),
        engine: Engine {
            member: Member {
                platforms: BTreeMap::new(),
                ..member("workflow", "0.56.0", "0.57.0", 1, ENGINE_COMMIT)
            },
            subject: EngineSubject { binary: Some("wfctl".into()), ..EngineSubject::default() },
        },
        plugins: plugins.map(|(name, order, commit)| member(name, "1.2.1", "2.0.0", order, commit)).into(),
        preconditions: vec![Precondition {
            text: "The runbook was rehearsed".to_owned(),
            link: None,
            confirmed: Some(Confirmation { by: "somebody".to_owned(), on: today() }),
            span: Span::default(),
        }],
        waivers: Vec::new(),
        source: Source { file: "release.yaml".into(), text: "".into() },
    };
    let facts = Facts {
        today: today(),
        now: "2026-05-17T12:00:00Z".to_owned(),
        here: linux(),
        engine: EngineFacts {
            stand_in: false,
            digest: Known::Known(digest('e')),
            build: Known::Known(Build { engine: None, ..build(ENGINE_COMMIT) }),
            tested: Known::Known(tested(&[])),
        },
        plugins: NAMES.into_iter().zip(COMMITS).map(plugin_facts).collect(),
        lock: Some(LockFacts {
            frozen: "2026-05-17T09:00:00Z".to_owned(),
            changes: Vec::new(),
            spent: Vec::new(),
        }),
    };
    (release, facts)
}

/// The day on which the release is judged: 2026-05-17.
fn today() -> Date {
    Date::from_days(20_590)
}

fn linux() -> Platform {
    Platform { os: "linux".to_owned(), arch: "amd64".to_owned() }
}

fn darwin() -> Platform {
    Platform { os: "darwin".to_owned(), arch: "arm64".to_owned() }
}

fn member(name: &str, from: &str, to: &str, order: u32, commit: &str) -> Member {
    let version = |text| Version::parse(text).expect("a version");
    let (from, to) = (version(from), version(to));
    let archive = |platform: &str| Artefact {
        plugin: Some(Plugin::Archive(format!("{name}_{platform}.tar.gz").into())),
        ..Artefact::default()
    };
    Member {
        name: name.to_owned(),
        repository: format!("example/{name}"),
        bump: Bump {
            part: Part::between(&from, &to).unwrap_or(Part::Major),
            reason: "Apply is gone".to_owned(),
        },
        commit: commit[..8].to_owned(),
        tag: format!("v{to}"),
        from,
        to,
        order,
        state: State::Planned,
        withdrawn: Vec::new(),
        platforms: BTreeMap::from([(linux(), archive("linux_amd64")), (darwin(), archive("darwin_arm64"))]),
        previous: Some(archive("previous")),
        spans: MemberSpans::default(),
    }
}

fn digest(of: char) -> String {
    of.to_string().repeat(64)
}

fn build(commit: &str) -> Build {
    Build {
        revision: Some(commit.to_owned()),
        modified: Some(false),
        engine: Some("v0.57.0".to_owned()),
        replaced_by: None,
        version: None,
    }
}

/// A test that everything came well out of, but for some rules.
fn tested(broken: &[&str]) -> Tested {
    let rules = ["CAP-006", "MAN-014", "MAN-016"].into_iter().map(|rule| {
        let state = if broken.contains(&rule) { RuleState::Broken } else { RuleState::Held };
        (rule.to_owned(), state)
    });
    Tested {
        evidence: None,
        evidence_digest: None,
        live: false,
        revisions: vec![Revision::V0_57],
        judged: 300,
        not_run: vec![("it needs --live".to_owned(), 40)],
        known_failures: 0,
        doubts: Vec::new(),
        rules: rules.collect(),
        ended: "2026-05-17T11:59:00Z".to_owned(),
    }
}

fn plugin_facts((name, commit): (&str, &str)) -> PluginFacts {
    let artefact = |platform: Platform, version: &str, oldest: &str| ArtefactFacts {
        presence: Presence::There,
        stand_in: false,
        digests: Known::Known(Digests {
            program: digest('a'),
            archive: Some(digest('b')),
            manifest: Some(digest('c')),
        }),
        built_for: Known::Known(platform),
        manifest: Known::Known(ManifestFacts {
            name: Some(name.to_owned()),
            version: Some(version.to_owned()),
            min_engine_version: Some(oldest.to_owned()),
        }),
        build: Known::Known(build(commit)),
        tested: Known::Known(tested(&[])),
        driven: Known::Known(Path::V2),
    };
    let foreign = ArtefactFacts {
        tested: Known::Unknown("this is linux/amd64".to_owned()),
        driven: Known::Unknown("this is linux/amd64".to_owned()),
        ..artefact(darwin(), "2.0.0", "0.57.0")
    };
    let previous =
        ArtefactFacts { tested: Known::Known(tested(&["CAP-006"])), ..artefact(linux(), "1.2.1", "0.54.0") };
    PluginFacts {
        platforms: BTreeMap::from([(linux(), artefact(linux(), "2.0.0", "0.57.0")), (darwin(), foreign)]),
        previous,
    }
}

/// What was found out about the first plugin, on this machine.
fn piece(facts: &mut Facts) -> &mut ArtefactFacts {
    facts.plugins[0].platforms.get_mut(&linux()).expect("it is there")
}

fn its<T>(known: &mut Known<T>) -> &mut T {
    match known {
        Known::Known(value) => value,
        Known::Unknown(why) => unreachable!("unknown: {why}"),
    }
}

fn doubt(facts: &mut Facts, kind: DoubtKind, text: &str) {
    its(&mut piece(facts).tested).doubts.push(Doubt { kind, text: text.to_owned() });
}

const fn mutant(
    name: &'static str,
    what: &'static str,
    caught_by: &'static [&'static str],
    alter: fn(&mut Release, &mut Facts),
) -> ReleaseMutant {
    ReleaseMutant { name, what, caught_by, alter }
}

/// Every broken release.
pub const RELEASES: &[ReleaseMutant] = &[
    mutant(
        "pre-release",
        "A release candidate is to be published",
        &["REL-001", "REL-002", "REL-003"],
        |release, _| {
            let plugin = &mut release.plugins[0];
            plugin.to = Version::parse("2.0.1-rc.1").expect("a version");
            plugin.tag = format!("v{}", plugin.to);
        },
    ),
    mutant("tag-without-v", "A tag has no `v`", &["REL-001"], |release, _| {
        release.plugins[0].tag.remove(0);
    }),
    mutant("tag-of-another-version", "A tag is that of the version before", &["REL-001"], |release, _| {
        release.plugins[0].tag = format!("v{}", release.plugins[0].from);
    }),
    mutant("bump-of-another-part", "A break is called a minor version", &["REL-002"], |release, _| {
        release.plugins[0].bump.part = Part::Minor;
    }),
    mutant("bump-down", "A version goes down", &["REL-002"], |release, _| {
        release.plugins[0].from = Version::new(2, 0, 1);
    }),
    mutant("manifest-unstamped", "A manifest says the version before", &["REL-003"], |_, facts| {
        its(&mut piece(facts).manifest).version = Some("1.2.1".to_owned());
    }),
    mutant("manifest-of-another", "A manifest is that of another plugin", &["REL-003"], |_, facts| {
        its(&mut piece(facts).manifest).name = Some("workflow-plugin-two".to_owned());
    }),
    mutant(
        "process-unstamped",
        "A process tells another version than its manifest",
        &["REL-004"],
        |_, facts| {
            its(&mut piece(facts).tested).rules.insert("MAN-016".to_owned(), RuleState::Broken);
        },
    ),
    mutant(
        "tag-misplaced",
        "A tag sits on another commit than the one that is stated",
        &["REL-005"],
        |_, facts| {
            its(&mut piece(facts).build).revision = Some(COMMITS[1].to_owned());
        },
    ),
    mutant(
        "built-with-changes",
        "A program was built with changes that are in no commit",
        &["REL-005"],
        |_, facts| {
            its(&mut piece(facts).build).modified = Some(true);
        },
    ),
    mutant("built-without-a-commit", "A program does not say its commit", &["REL-005"], |_, facts| {
        its(&mut piece(facts).build).revision = None;
    }),
    mutant("built-at-another-tag", "A program was built at another tag", &["REL-005"], |_, facts| {
        its(&mut piece(facts).build).version = Some("v1.2.1".to_owned());
    }),
    mutant(
        "engine-of-another-commit",
        "The engine was built from another commit",
        &["REL-005"],
        |_, facts| {
            its(&mut facts.engine.build).revision = Some(COMMITS[1].to_owned());
        },
    ),
    mutant(
        "pin-below-oldest-engine",
        "A plugin is built with an older engine than it asks for",
        &["REL-006"],
        |_, facts| {
            // The same contract, so that nothing else is wrong.
            its(&mut piece(facts).build).engine = Some("v0.56.0".to_owned());
        },
    ),
    mutant(
        "pin-replaced",
        "A plugin is built with something else in place of the engine",
        &["REL-006", "REL-008"],
        |_, facts| {
            its(&mut piece(facts).build).replaced_by = Some("workflow".to_owned());
        },
    ),
    mutant(
        "newer-engine-asked-for",
        "A plugin asks for an engine that is not released",
        &["REL-007", "REL-021"],
        |_, facts| {
            its(&mut piece(facts).manifest).min_engine_version = Some("0.57.1".to_owned());
            its(&mut piece(facts).build).engine = Some("v0.57.1".to_owned());
        },
    ),
    mutant(
        "older-engine-let-in",
        "A plugin lets itself be installed for an engine before its contract",
        &["REL-008"],
        |_, facts| {
            its(&mut piece(facts).manifest).min_engine_version = Some("0.56.1".to_owned());
        },
    ),
    mutant(
        "v2-in-the-manifest-alone",
        "A process does not declare v2",
        &["REL-009", "REL-010", "REL-021"],
        |_, facts| {
            its(&mut piece(facts).tested).rules.insert("CAP-006".to_owned(), RuleState::Broken);
        },
    ),
    mutant(
        "provider-without-a-name",
        "A manifest does not tell by which name its provider is found",
        &["REL-010", "REL-021"],
        |_, facts| {
            its(&mut piece(facts).tested).rules.insert("MAN-009".to_owned(), RuleState::Broken);
        },
    ),
    mutant("suite-broken", "A plugin breaks the contract", &["REL-010"], |_, facts| {
        doubt(facts, DoubtKind::Broken, "1 of 300 runs failed; broken are RPC-001");
    }),
    mutant("engine-broken", "The engine breaks the contract", &["REL-010"], |_, facts| {
        let text = "1 of 300 runs failed; broken are OUT-001".to_owned();
        its(&mut facts.engine.tested).doubts.push(Doubt { kind: DoubtKind::Broken, text });
    }),
    mutant(
        "archive-changed-after-its-test",
        "An archive is not the one that was tested",
        &["REL-011"],
        |_, facts| {
            doubt(facts, DoubtKind::Artefact, "the archive is another");
        },
    ),
    mutant("evidence-of-another-contract", "Evidence is of another contract", &["REL-011"], |_, facts| {
        doubt(facts, DoubtKind::Contract, "it was judged by another contract");
    }),
    mutant("evidence-edited", "Evidence was changed after it was written", &["REL-011"], |_, facts| {
        doubt(facts, DoubtKind::Unsound, "it was changed after it was written");
    }),
    mutant(
        "not-judged-at-the-revision",
        "A plugin was tested at the revision before",
        &["REL-012"],
        |_, facts| {
            its(&mut facts.engine.tested).revisions = vec![Revision::V0_56];
        },
    ),
    mutant("not-live", "A release that requires live tests has none", &["REL-012"], |release, facts| {
        release.require = Require::Live;
        for plugin in &mut facts.plugins[1..] {
            let tested = its(&mut plugin.platforms.get_mut(&linux()).expect("it is there").tested);
            tested.live = true;
            tested.not_run.clear();
        }
    }),
    mutant(
        "not-tested",
        "A plugin was tested on no platform",
        &["REL-004", "REL-009", "REL-010", "REL-011", "REL-012", "REL-013", "REL-021"],
        |_, facts| {
            piece(facts).tested = Known::Unknown("nobody tested it".to_owned());
        },
    ),
    mutant("known-failures-expired", "A list of known failures has expired", &["REL-013"], |_, facts| {
        doubt(
            facts,
            DoubtKind::Expired,
            "3 of its runs failed as listed, and the list excuses until 2026-05-01 only",
        );
    }),
    mutant("driven-through-apply", "The engine drives a plugin through Apply", &["REL-014"], |_, facts| {
        piece(facts).driven = Known::Known(Path::Apply);
    }),
    mutant(
        "built-for-another-platform",
        "An archive holds a program for another platform",
        &["REL-015"],
        |_, facts| {
            piece(facts).built_for = Known::Known(darwin());
        },
    ),
    mutant(
        "platform-missing",
        "There is no archive for a platform",
        &["REL-003", "REL-005", "REL-006", "REL-007", "REL-008", "REL-015"],
        |_, facts| {
            let missing = Presence::Missing("one_darwin_arm64.tar.gz".to_owned());
            let foreign = ArtefactFacts::unknown(missing, "there is no one_darwin_arm64.tar.gz");
            facts.plugins[0].platforms.insert(darwin(), foreign);
        },
    ),
    mutant("precondition-unconfirmed", "A precondition is not confirmed", &["REL-016"], |release, _| {
        release.preconditions[0].confirmed = None;
    }),
    mutant(
        "engine-by-its-version",
        "Of the engine its version alone is known",
        &["REL-010", "REL-011", "REL-012", "REL-013", "REL-017"],
        |release, facts| {
            release.engine.subject = EngineSubject::default();
            let unknown = || "its version alone is known".to_owned();
            facts.engine = EngineFacts {
                stand_in: false,
                digest: Known::Unknown(unknown()),
                build: Known::Unknown(unknown()),
                tested: Known::Unknown(unknown()),
            };
        },
    ),
    mutant(
        "released-without-assets",
        "A tag is public, and its assets are not",
        &["REL-003", "REL-005", "REL-006", "REL-007", "REL-008", "REL-015", "REL-018"],
        |release, facts| {
            release.engine.member.state = State::Released;
            release.plugins[0].state = State::Released;
            let missing = Presence::Missing("one_darwin_arm64.tar.gz".to_owned());
            let foreign = ArtefactFacts::unknown(missing, "there is no one_darwin_arm64.tar.gz");
            facts.plugins[0].platforms.insert(darwin(), foreign);
        },
    ),
    mutant(
        "changed-after-the-freeze",
        "A program is not the one that was frozen",
        &["REL-019"],
        |_, facts| {
            let change = LockChange {
                member: Some("workflow-plugin-one".to_owned()),
                what: "program on linux/amd64".to_owned(),
                then: digest('9'),
                now: digest('a'),
            };
            its_lock(facts).changes.push(change);
        },
    ),
    mutant(
        "old-plugin-silently-driven",
        "An engine that still calls Apply takes a plugin of before",
        &["REL-020"],
        at_phase_2,
    ),
    mutant(
        "old-plugin-taken",
        "The new engine takes a plugin of before, which declares v2 already",
        &["REL-020"],
        |_, facts| {
            its(&mut facts.plugins[0].previous.tested).rules.insert("CAP-006".to_owned(), RuleState::Held);
        },
    ),
    mutant(
        "new-plugin-taken-by-old-engine",
        "A new plugin lets itself be installed for the engine of before",
        &["REL-008", "REL-020"],
        |_, facts| {
            its(&mut piece(facts).manifest).min_engine_version = Some("0.56.0".to_owned());
        },
    ),
    mutant("previous-unknown", "Nothing is known of the plugin of before", &["REL-020"], |_, facts| {
        facts.plugins[0].previous = ArtefactFacts::unknown(Presence::NotStated, "no artefact is stated");
    }),
    mutant(
        "released-before-its-turn",
        "A plugin is public, and the engine before it is not",
        &["REL-022"],
        |release, _| {
            release.plugins[0].state = State::Released;
        },
    ),
    mutant("tag-moved", "A tag that was public is to be on another commit", &["REL-023"], |_, facts| {
        its_lock(facts).spent.push(spent(COMMITS[1], false));
    }),
    mutant(
        "tag-used-again",
        "A version that was withdrawn is released again",
        &["REL-023"],
        |release, facts| {
            release.engine.member.state = State::Released;
            release.plugins[0].state = State::Released;
            its_lock(facts).spent.push(spent(COMMITS[0], true));
        },
    ),
    mutant(
        "withdrawn-tag-again",
        "A tag that was withdrawn is used again",
        &["REL-002", "REL-023"],
        |release, _| {
            let plugin = &mut release.plugins[0];
            plugin.withdrawn = vec![plugin.tag.clone()];
        },
    ),
    mutant("tag-planned-again", "A version that was public is planned again", &["REL-023"], |_, facts| {
        its_lock(facts).spent.push(spent(COMMITS[0], false));
    }),
    mutant(
        "engine-withdrawn-alone",
        "The engine was withdrawn, and a plugin that needs it is still public",
        &["REL-022", "REL-024"],
        |release, _| {
            release.engine.member.state = State::Withdrawn;
            release.plugins[0].state = State::Released;
        },
    ),
    mutant(
        "plugin-withdrawn-alone",
        "A plugin was withdrawn, and the engine that refuses the one before it is still public",
        &["REL-022", "REL-024"],
        |release, _| {
            release.engine.member.state = State::Released;
            release.plugins[0].state = State::Withdrawn;
        },
    ),
];

/// The tag of the first plugin, which was public.
fn spent(commit: &str, withdrawn: bool) -> SpentTag {
    SpentTag {
        member: "workflow-plugin-one".to_owned(),
        tag: "v2.0.0".to_owned(),
        commit: commit.to_owned(),
        withdrawn,
    }
}

/// Makes it the release of 0.54.0, when engines took whatever plugin there was.
fn at_phase_2(release: &mut Release, facts: &mut Facts) {
    let engine = &mut release.engine.member;
    (engine.from, engine.to) = (Version::new(0, 53, 0), Version::new(0, 54, 0));
    engine.tag = format!("v{}", engine.to);
    its(&mut facts.engine.tested).revisions = vec![Revision::V0_54];
    for artefact in facts.plugins.iter_mut().flat_map(|plugin| plugin.platforms.values_mut()) {
        its(&mut artefact.manifest).min_engine_version = Some("0.54.0".to_owned());
        its(&mut artefact.build).engine = Some("v0.54.0".to_owned());
        if let Known::Known(tested) = &mut artefact.tested {
            tested.revisions = vec![Revision::V0_54];
        }
    }
}

fn its_lock(facts: &mut Facts) -> &mut LockFacts {
    facts.lock.as_mut().expect("it was frozen")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{release::Verdict, rules::RELEASE};

    #[test]
    fn nothing_is_wrong_with_the_good_release() {
        let (release, facts) = good();
        let (checks, verdict) = assess(Case { release: &release, facts: &facts });
        let open: Vec<_> = checks.iter().filter(|check| !check.is_go()).collect();
        assert!(open.is_empty(), "{open:#?}");
        assert_eq!(verdict, Verdict::Go);
        let judged: BTreeSet<&str> = checks.iter().map(|check| check.rule).collect();
        // An asset is looked for where something is public, and what is left where something was withdrawn.
        let quiet: Vec<&str> =
            RELEASE.rules.iter().map(|rule| rule.id).filter(|rule| !judged.contains(rule)).collect();
        assert_eq!(quiet, ["REL-018", "REL-024"]);
    }

    #[test]
    fn every_mutant_is_caught_by_what_it_declares_and_by_nothing_else() {
        for mutant in RELEASES {
            let found = mutant.found();
            let rules: Vec<&str> = found.keys().map(String::as_str).collect();
            assert_eq!(rules, mutant.caught_by, "{}: {found:#?}", mutant.name);
        }
    }

    #[test]
    fn every_rule_about_releases_has_a_mutant() {
        let caught: BTreeSet<&str> = RELEASES.iter().flat_map(|mutant| mutant.caught_by).copied().collect();
        let all: BTreeSet<&str> = RELEASE.rules.iter().map(|rule| rule.id).collect();
        assert_eq!(caught, all);
    }

    #[test]
    fn whatever_says_no_says_what_would_make_it_go() {
        for mutant in RELEASES {
            let (mut release, mut facts) = good();
            (mutant.alter)(&mut release, &mut facts);
            let (checks, verdict) = assess(Case { release: &release, facts: &facts });
            assert_eq!(verdict, Verdict::NoGo, "{}", mutant.name);
            for check in checks.iter().filter(|check| !check.is_go()) {
                assert!(!check.help.is_empty() && !check.text.is_empty(), "{}: {check:?}", mutant.name);
            }
        }
    }
}
