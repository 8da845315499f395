//! From a run to its evidence, and what is made of that afterwards.

use std::{fs, path::PathBuf, sync::Arc};

use counterfoil_core::{
    judge::{SkipKind, Verdict},
    scenario::{Date, Scenario},
};
use counterfoil_proto::Revision;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    run::{self, Basis, Finished, Job, Partition, RunEvent, Started, Tested},
    subject::redact::Redactor,
};

/// A day on which every list of known failures here still excuses.
fn today() -> Date {
    Date::parse("2026-12-01").unwrap()
}

/// The subject of these tests, a program that is a script.
struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { directory: tempfile::tempdir().unwrap() };
        fs::write(place.program(), "#!/bin/sh\n").unwrap();
        place
    }

    fn program(&self) -> PathBuf {
        self.directory.path().join("plugin")
    }

    fn conditions(&self) -> Conditions {
        let program = self.program();
        let behind = Subject::behind(Kind::Provider, "workflow-plugin-x", &program).unwrap();
        let manifest = Some(Hashed { name: "plugin.json".to_owned(), sha256: sha256("{}") });
        let subject = Subject { version: Some("1.2.3".to_owned()), manifest, ..behind };
        let jobs = [job(Revision::V0_56), job(Revision::V0_57)];
        let suite = Suite::of(&jobs, true, RevisionRange::default(), &[]);
        Conditions {
            subject,
            program,
            suite,
            until: None,
            variables: Vec::new(),
            ci: None,
            redactor: Arc::default(),
        }
    }

    /// The evidence of a run in which this was finished.
    fn evidence(&self, finished: Vec<Finished>) -> Evidence {
        let mut witness = Witness::new(self.conditions());
        tell(&mut witness, finished);
        witness.finish().unwrap()
    }
}

fn tell(witness: &mut Witness, finished: Vec<Finished>) {
    witness.event(&begun(None));
    let mut summary = Summary::default();
    for finished in finished {
        summary.count(&finished);
        witness.event(&RunEvent::Finished(Box::new(finished)));
    }
    witness.event(&RunEvent::RunFinished(summary));
}

/// The beginning of a run, or of a part of one.
fn begun(partition: Option<Partition>) -> RunEvent {
    RunEvent::RunStarted(Box::new(Started {
        format: run::FORMAT.to_owned(),
        version: run::VERSION,
        counterfoil: String::new(),
        runs: 2,
        subject: None,
        settings: None,
        basis: Some(Basis {
            tested: Tested::Provider,
            suite: String::new(),
            contract: String::new(),
            strict: true,
            live: true,
            mutant: None,
            known_failures: Some(sha256("")),
        }),
        partition,
        planned: Vec::new(),
    }))
}

fn job(revision: Revision) -> Job {
    Job { scenario: Arc::new(Scenario::bare("load-and-leave", "It loads", revision.into())), revision }
}

fn ended(revision: Revision, verdict: Verdict) -> Finished {
    Finished::without_trace(&job(revision), verdict, 1)
}

/// A run in which these rules had something to judge, of which this one did not hold.
fn judged(revision: Revision, rules: &[&str], broken: Option<&str>) -> Finished {
    let findings: Vec<_> = broken
        .iter()
        .map(|rule| {
            json!({"rule": rule, "title": "", "level": "MUST", "party": "provider", "message": "", "evidence": []})
        })
        .collect();
    let verdict = if broken.is_some() { Verdict::Fail } else { Verdict::Pass };
    Finished {
        judged: rules.iter().map(|rule| (*rule).to_owned()).collect(),
        findings: serde_json::from_value(findings.into()).unwrap(),
        ..ended(revision, verdict)
    }
}

fn good() -> Vec<Finished> {
    vec![judged(Revision::V0_56, &["CAP-003", "OUT-001"], None), judged(Revision::V0_57, &["CAP-003"], None)]
}

/// The artefact that the evidence is about, and the digest of its scenarios.
fn own(evidence: &Evidence) -> (Artefact, String) {
    let manifest = evidence.subject.manifest.as_ref().map(|manifest| manifest.sha256.clone());
    let archive = evidence.subject.archive.as_ref().map(|archive| archive.sha256.clone());
    let program = evidence.subject.program.sha256.clone();
    (Artefact { program, archive, manifest }, evidence.suite.sha256.clone())
}

fn texts(objections: &[Objection], weight: Weight) -> Vec<&str> {
    let all = objections.iter().inspect(|objection| assert_eq!(objection.weight, weight, "{objection:?}"));
    all.map(|objection| objection.text.as_str()).collect()
}

#[test]
fn every_rule_of_the_catalogue_has_its_verdict() {
    let mut known = judged(Revision::V0_57, &["OUT-002"], Some("OUT-002"));
    (known.known_findings, known.verdict) = (std::mem::take(&mut known.findings), Verdict::KnownFailure);
    let finished = [
        judged(Revision::V0_56, &["OUT-001", "OUT-003"], Some("OUT-001")),
        judged(Revision::V0_57, &["OUT-001", "OUT-003"], None),
        known,
        ended(Revision::V0_54, Verdict::Unjudged { reason: "it hung".to_owned() }),
        ended(Revision::V0_54, Verdict::Skip { kind: SkipKind::NotRun, reason: "--live".to_owned() }),
        ended(Revision::V0_55, Verdict::Skip { kind: SkipKind::NotRun, reason: "--live".to_owned() }),
    ];
    let evidence = Place::new().evidence(finished.into());
    let came = |rule: &str| {
        let RuleVerdict { verdict, judged, broken, .. } = evidence.rules[rule];
        (verdict, judged, broken)
    };
    assert_eq!(came("OUT-001"), (Came::Broken, 2, 1));
    assert_eq!(came("OUT-002"), (Came::Known, 1, 0));
    assert_eq!(came("OUT-003"), (Came::Held, 2, 0));
    assert_eq!(came("CAP-003"), (Came::NotJudged, 0, 0));
    assert_eq!(evidence.rules.len(), counterfoil_core::rules::catalogue().count());
    assert_eq!(evidence.contract.revisions, [Revision::V0_56, Revision::V0_57]);
    let reason = |way, reason: &str, runs| NotJudged { way, reason: reason.to_owned(), runs };
    let expected = [reason(WayNotJudged::Unjudged, "it hung", 1), reason(WayNotJudged::NotRun, "--live", 2)];
    assert_eq!(evidence.not_judged, expected);
    assert_eq!((evidence.conclusion, evidence.exit_code), (Conclusion::Broken, 1));
}

#[test]
fn the_worst_decides_and_nothing_but_a_pass_is_one() {
    let concluded = |totals: Totals| totals.conclusion();
    let passed = Totals { passed: 1, ..Totals::default() };
    assert_eq!(concluded(passed), Conclusion::Passed);
    assert_eq!(concluded(Totals { known_failures: 1, ..Totals::default() }), Conclusion::Passed);
    assert_eq!(concluded(Totals { not_run: 9, not_applicable: 9, ..Totals::default() }), Conclusion::Nothing);
    assert_eq!(concluded(Totals { unjudged: 1, ..passed }), Conclusion::Unjudged);
    assert_eq!(concluded(Totals { failed: 1, unjudged: 1, ..passed }), Conclusion::Broken);
    assert_eq!(concluded(Totals { unexpected_passes: 1, ..passed }), Conclusion::Broken);
    assert_eq!(concluded(Totals { defects: 1, failed: 1, ..passed }), Conclusion::Defect);
}

#[test]
fn evidence_is_read_back_and_speaks_for_what_it_is_about_alone() {
    let mut conditions = Place::new().conditions();
    conditions.until = Date::parse("2999-01-01");
    let place = Place::new();
    let mut witness = Witness::new(Conditions { program: place.program(), ..conditions });
    tell(&mut witness, good());
    let evidence = witness.finish().unwrap();
    let list = KnownList { sha256: sha256(""), until: Some("2999-01-01".to_owned()) };
    let run = Run { live: true, strict: true, known_failures: Some(list), ..Run::default() };
    assert_eq!(evidence.run, run);
    let read = Evidence::read(evidence.clone().to_json().as_bytes()).unwrap();
    assert_eq!(Evidence { digest: String::new(), ..read.clone() }, evidence);
    let (artefact, suite) = own(&read);
    let objections = |artefact: &Artefact, suite: Option<&str>| read.objections(artefact, suite, today());
    assert_eq!(objections(&artefact, Some(&suite)), []);
    let other = "0".repeat(64);
    let program = Artefact { program: other.clone(), ..artefact.clone() };
    let told = texts(&objections(&program, Some(&suite)), Weight::Against).concat();
    let expected = format!(
        "the program is another: sha256 {} in the evidence, {other} here",
        read.subject.program.sha256
    );
    assert_eq!(told, expected);
    let manifest = Artefact { manifest: Some(other.clone()), ..artefact.clone() };
    assert!(
        texts(&objections(&manifest, Some(&suite)), Weight::Against)[0]
            .starts_with("the manifest is another")
    );
    let by_others = objections(&artefact, Some(&other));
    assert!(texts(&by_others, Weight::Against)[0].starts_with("it was judged by other scenarios"));
    assert!(texts(&objections(&artefact, None), Weight::Untold)[0].contains("--scenario"));
}

#[test]
fn what_evidence_itself_says_against_it_is_told() {
    let place = Place::new();
    let objections = |evidence: &Evidence| {
        let (artefact, suite) = own(evidence);
        evidence.objections(&artefact, Some(&suite), today())
    };
    let archive = Hashed { name: "x.tar.gz".to_owned(), sha256: "0".repeat(64) };
    let mut other = place.evidence(good());
    let (artefact, suite) = own(&other);
    other.subject.archive = Some(archive);
    let given = Artefact { archive: Some("1".repeat(64)), ..artefact };
    let told = other.objections(&given, Some(&suite), today());
    assert!(texts(&told, Weight::Against)[0].starts_with("the archive is another"));

    let mut contract = place.evidence(good());
    contract.contract.sha256 = "0".repeat(64);
    assert!(
        texts(&objections(&contract), Weight::Against)[0].starts_with("it was judged by another contract")
    );
    let mut clock = place.evidence(good());
    clock.ended = "2026-01-01T00:00:00Z".to_owned();
    clock.began = "2026-01-01T00:00:01Z".to_owned();
    assert!(texts(&objections(&clock), Weight::Untold)[0].contains("a clock was put back"));
    let mut bare = place.evidence(good());
    let (artefact, suite) = own(&bare);
    bare.subject.manifest = None;
    assert!(
        texts(&bare.objections(&artefact, Some(&suite), today()), Weight::Untold)[0].contains("plugin.json")
    );

    let broken = place.evidence(vec![judged(Revision::V0_57, &["OUT-001"], Some("OUT-001"))]);
    let expected = "the run behind it did not pass: 1 of 2 runs failed; broken are OUT-001";
    assert_eq!(texts(&objections(&broken), Weight::Against), [expected]);
    let hung = place.evidence(vec![ended(Revision::V0_57, Verdict::Unjudged { reason: String::new() })]);
    let expected = "the run behind it did not pass: 1 of 2 runs could not be judged";
    assert_eq!(texts(&objections(&hung), Weight::Untold), [expected]);
    // What is broken hides nothing of what could not be judged.
    let mut both = broken;
    both.totals.unjudged = 1;
    let untold = |evidence: &Evidence| {
        let untold = objections(evidence).into_iter().filter(|objection| objection.weight == Weight::Untold);
        untold.map(|objection| objection.text).collect::<Vec<_>>()
    };
    assert_eq!(untold(&both), [expected]);
    both.totals.defects = 1;
    both.conclusion = Conclusion::Defect;
    assert_eq!((untold(&both).len(), objections(&both).len()), (2, 3));
    assert!(
        texts(&objections(&place.evidence(Vec::new())), Weight::Untold)[0].ends_with("nothing was judged")
    );
}

#[test]
fn a_known_failure_excuses_as_long_as_its_list_does() {
    let mut known = place_with_known_failure();
    let until = |evidence: &mut Evidence, day: &str| {
        let list = KnownList { sha256: sha256(""), until: Some(day.to_owned()) };
        evidence.run.known_failures = Some(list);
        let (artefact, suite) = own(evidence);
        evidence.objections(&artefact, Some(&suite), today())
    };
    assert_eq!(until(&mut known, "2026-12-01"), []);
    for day in ["2026-11-30", "some day"] {
        assert!(texts(&until(&mut known, day), Weight::Against)[0].contains("failed as listed"), "{day}");
    }
    // A list that excused nothing is nobody's business.
    assert_eq!(until(&mut Place::new().evidence(good()), "2026-11-30"), []);
}

fn place_with_known_failure() -> Evidence {
    let mut finished = good();
    finished.push(ended(Revision::V0_57, Verdict::KnownFailure));
    Place::new().evidence(finished)
}

#[test]
fn of_an_interrupted_run_and_of_a_changed_program_there_is_none() {
    let place = Place::new();
    let none = |witness: Witness| witness.finish().unwrap_err().to_string();
    assert_eq!(none(Witness::new(place.conditions())), "there was no whole run");
    let mut part = Witness::new(place.conditions());
    part.event(&begun(Partition::new(1, 2)));
    part.event(&RunEvent::RunFinished(Summary { passed: 1, ..Summary::default() }));
    assert_eq!(none(part), "there was no whole run");
    let mut killed = Witness::new(place.conditions());
    killed.event(&begun(None));
    assert_eq!(none(killed), "the run was interrupted");
    let mut witness = Witness::new(place.conditions());
    witness.event(&begun(None));
    witness.event(&RunEvent::RunFinished(Summary { interrupted: true, passed: 1, ..Summary::default() }));
    assert_eq!(none(witness), "the run was interrupted");
    for change in [Some("#!/bin/bash\n"), None] {
        let place = Place::new();
        let mut witness = Witness::new(place.conditions());
        match change {
            Some(text) => fs::write(place.program(), text).unwrap(),
            None => fs::remove_file(place.program()).unwrap(),
        }
        tell(&mut witness, good());
        assert_eq!(none(witness), "the program changed while it was tested");
    }
}

#[test]
fn what_was_changed_cut_short_or_is_something_else_is_no_evidence() {
    let evidence = Place::new().evidence(good());
    let text = evidence.clone().to_json();
    let refused = |text: &str| Evidence::read(text.as_bytes()).unwrap_err().to_string();
    for (from, to) in
        [("\"strict\": true", "\"strict\": false"), ("\"passed\": 2", "\"passed\": 3"), ("1.2.3", "1.2.4")]
    {
        assert!(text.contains(from), "{text}");
        let told = refused(&text.replace(from, to));
        assert!(
            told.starts_with("it was changed after it was written: by its digest it is sha256:"),
            "{told}"
        );
    }
    // Blanks and the order of keys say nothing.
    let value: Value = serde_json::from_str(&text).unwrap();
    assert!(Evidence::read(value.to_string().as_bytes()).is_ok());

    assert!(refused(&text[..text.len() / 2]).starts_with("it is cut short, after "));
    assert_eq!(refused(""), "it is cut short, after 0 bytes");
    assert!(refused("evidence").starts_with("it is no evidence: it is no JSON: "));
    for other in ["[]", "7", "null", "{}", r#"{"format":"counterfoil-run","version":1}"#] {
        assert_eq!(
            refused(other),
            "it is no evidence: its format is not \"counterfoil-evidence\"",
            "{other}"
        );
    }
    assert!(refused(r#"{"evidenceDigest":"sha256:00"}"#).contains("--evidence-format wfctl"));
    assert!(refused(r#"{"format":"counterfoil-evidence"}"#).ends_with("it states no version"));
    assert!(refused(r#"{"format":"counterfoil-evidence","version":1}"#).ends_with("it states no digest"));
    assert!(refused(&text.replacen("\"version\": 1", "\"version\": 2", 1)).contains("of version 2"));
    let long = format!("{text}{}", " ".repeat(MOST));
    assert!(refused(&long).contains("larger than"));
    // Who writes the digest anew has not written what can be.
    let forged = |change: fn(&mut Value)| {
        let mut value = value.clone();
        change(&mut value);
        value["digest"] = digest_of(&value).into();
        refused(&value.to_string())
    };
    assert!(forged(|value| value["totals"]["failed"] = 1.into()).starts_with("it contradicts itself: "));
    assert!(forged(|value| value["exit_code"] = 3.into()).starts_with("it contradicts itself: "));
    assert!(forged(|value| value["more"] = 1.into()).contains("unknown field `more`"));
    assert!(forged(|value| value["suite"]["runs"] = (-1).into()).starts_with("it is no evidence"));
    assert!(
        forged(|value| value["contract"]["revisions"][0] = "9.9".into()).starts_with("it is no evidence")
    );
}

#[test]
fn no_secret_and_no_flood_gets_into_evidence() {
    let place = Place::new();
    let mut conditions = place.conditions();
    conditions.redactor = Arc::new(Redactor::new([("TOKEN", "hush-hush")]));
    conditions.subject.version = Some("1.0-hush-hush".to_owned());
    conditions.suite.filter = vec!["hush-hush*".to_owned()];
    conditions.variables = vec!["TOKEN".to_owned()];
    conditions.ci = Some(CiRun { address: Some("https://x/hush-hush".to_owned()), ..CiRun::default() });
    let mut witness = Witness::new(conditions);
    let reason = |number: usize| format!("it said hush-hush {number}\n{}", "x".repeat(2 * LONGEST));
    let unjudged = |number| ended(Revision::V0_57, Verdict::Unjudged { reason: reason(number) });
    tell(&mut witness, (0..100).map(unjudged).collect());
    let evidence = witness.finish().unwrap();
    assert_eq!(evidence.run.variables, ["TOKEN"]);
    assert_eq!(evidence.not_judged.len(), 33);
    assert_eq!(evidence.not_judged.iter().map(|reason| reason.runs).sum::<usize>(), 100);
    assert!(evidence.not_judged.iter().any(|reason| reason.reason == "other" && reason.runs == 68));
    let text = evidence.to_json();
    assert!(!text.contains("hush-hush") && text.contains("[secret:TOKEN]"), "{text}");
    assert!(!text.contains(&*place.directory.path().to_string_lossy()), "{text}");
}

#[test]
fn the_ci_that_it_ran_in_is_told_without_who_may_enter_there() {
    let ci = |set: &[(&str, &str)]| {
        ci_run(|name| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    };
    assert_eq!(ci(&[("GITHUB_SHA", "abc")]), None);
    let github = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_SERVER_URL", "https://user:word@github.example"),
        ("GITHUB_REPOSITORY", "owner/plugin"),
        ("GITHUB_RUN_ID", "7"),
        ("GITHUB_REF", "refs/tags/v1.2.3"),
        ("GITHUB_SHA", "abc"),
    ];
    let text = |text: &str| Some(text.to_owned());
    let expected = CiRun {
        address: text("https://github.example/owner/plugin/actions/runs/7"),
        repository: text("owner/plugin"),
        reference: text("refs/tags/v1.2.3"),
        commit: text("abc"),
    };
    assert_eq!(ci(&github), Some(expected));
    let gitlab = [("CI", "true"), ("CI_PIPELINE_URL", "https://a@b@host/p@1"), ("CI_COMMIT_SHA", "")];
    let expected = CiRun { address: text("https://host/p@1"), ..CiRun::default() };
    assert_eq!(ci(&gitlab), Some(expected));
}

#[test]
fn the_engine_is_told_in_its_own_keys() {
    let mut evidence = Place::new().evidence(good());
    evidence.subject.program.platform = Some(Platform { os: "linux".to_owned(), arch: "arm64".to_owned() });
    evidence.run.ci = Some(CiRun { repository: Some("owner/<plugin>".to_owned()), ..CiRun::default() });
    let told: Value = serde_json::from_str(&Wfctl::of(&evidence).to_json()).unwrap();
    let expected = json!({
        "plugin": "workflow-plugin-x",
        "version": "v1.2.3",
        "engineVersion": "v0.57.0",
        "mode": "typed-iac",
        "status": "pass",
        "evidenceDigest": told["evidenceDigest"],
        "os": "linux",
        "arch": "arm64",
        "binarySHA256": sha256("#!/bin/sh\n"),
        "pluginManifestSHA256": sha256("{}"),
        "compatibleEngineRange": {
            "min": "v0.56.0",
            "max": "v0.57.0",
            "derivation": "every revision of the contract between the two was judged",
        },
        "repository": "owner/<plugin>",
        "generatedBy": format!("counterfoil {}", evidence.counterfoil),
    });
    assert_eq!(told, expected);
    // As Go writes it: keys in order, no blanks, and with its escapes.
    let written = format!(
        r#"{{"arch":"arm64","binarySHA256":"{}","compatibleEngineRange":{{"derivation":"every revision of the contract between the two was judged","max":"v0.57.0","min":"v0.56.0"}},"engineVersion":"v0.57.0","generatedBy":"counterfoil {}","mode":"typed-iac","os":"linux","plugin":"workflow-plugin-x","pluginManifestSHA256":"{}","repository":"owner/\u003cplugin\u003e","status":"pass","version":"v1.2.3"}}"#,
        sha256("#!/bin/sh\n"),
        evidence.counterfoil,
        sha256("{}"),
    );
    assert_eq!(told["evidenceDigest"], format!("sha256:{}", sha256(written)));
}

#[test]
fn the_engine_is_told_of_no_pass_that_is_none() {
    let place = Place::new();
    let told = |evidence: &Evidence| {
        let told: Value = serde_json::from_str(&Wfctl::of(evidence).to_json()).unwrap();
        assert_eq!((&told["status"], &told["compatibleEngineRange"]), (&json!("fail"), &Value::Null));
        told["failureReason"].as_str().unwrap().to_owned()
    };
    let unjudged = || ended(Revision::V0_57, Verdict::Unjudged { reason: String::new() });
    let of = |more: Finished| place.evidence([good(), vec![more]].concat());
    assert!(told(&of(judged(Revision::V0_57, &["OUT-001"], Some("OUT-001")))).contains("broken are OUT-001"));
    assert!(told(&of(unjudged())).contains("could not be judged"));
    assert_eq!(told(&place.evidence(Vec::new())), "nothing was judged");
    let without_load = place.evidence(vec![judged(Revision::V0_57, &["OUT-001"], None)]);
    assert!(told(&without_load).contains("CAP-003"));
    for version in [None, Some("1.2"), Some("1.2.3-rc1"), Some("dev")] {
        let mut evidence = place.evidence(good());
        evidence.subject.version = version.map(str::to_owned);
        assert!(told(&evidence).contains("MAJOR.MINOR.PATCH"), "{version:?}");
    }
}

#[test]
fn a_revision_that_was_left_out_leaves_no_range_of_engines() {
    let place = Place::new();
    let range = |revisions: &[Revision]| {
        let finished = revisions.iter().map(|revision| judged(*revision, &["CAP-003"], None)).collect();
        let told: Value = serde_json::from_str(&Wfctl::of(&place.evidence(finished)).to_json()).unwrap();
        assert_eq!(told["status"], "pass");
        (told["compatibleEngineRange"]["max"].clone(), told["engineVersion"].as_str().unwrap().to_owned())
    };
    assert_eq!(range(&[Revision::V0_55, Revision::V0_57]).0, Value::Null);
    assert_eq!(range(&[Revision::V0_57]).0, Value::Null);
    // The newest is no release, and named as Go names its commit.
    let (last, engine) = range(&[Revision::V0_73, Revision::V0_80, Revision::Head]);
    assert_eq!(last, "v0.80.10");
    assert!(engine.starts_with("v0.85.5-0."), "{engine}");
}

#[test]
fn the_schema_says_what_evidence_holds() {
    let schema = schema();
    let evidence: Value = serde_json::from_str(&place_with_known_failure().to_json()).unwrap();
    let described = schema["properties"].as_object().unwrap();
    let held = evidence.as_object().unwrap();
    assert!(held.keys().eq(described.keys()), "{described:?}");
    assert_eq!(schema["additionalProperties"], false);
}

proptest! {
    #[test]
    fn whatever_stands_there_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Evidence::read(&bytes).is_err());
    }
}
