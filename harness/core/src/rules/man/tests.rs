use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use proptest::{collection::vec, prelude::*};

use crate::{
    mutants::{Plugin, released},
    rules::{Finding, Party, judge},
    testing::unlike_expected,
    trace::{Event, ManifestFile, Origin, ProcessEvent, Telling, Trace},
};

/// The findings about a manifest of a plugin in good order.
fn found(file: ManifestFile) -> Vec<Finding> {
    judge(&Plugin::default().trace(file)).findings
}

fn rules_of(findings: &[Finding]) -> Vec<&str> {
    findings.iter().map(|finding| finding.rule.as_str()).collect()
}

/// Where a case lies: `manifest-checkout-…` in a checkout, any other in a release archive.
fn file(case: &Path) -> ManifestFile {
    let text = fs::read_to_string(case.join("plugin.json")).unwrap();
    let is_checkout = case.file_name().unwrap().to_str().unwrap().starts_with("manifest-checkout-");
    let origin = if is_checkout { Origin::Checkout } else { Origin::Archive };
    ManifestFile { origin, ..released(Some(text)) }
}

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/ui");
    let entries = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<PathBuf> =
        entries.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("manifest-")).collect();
    cases.sort();
    cases
}

/// Each folder `tests/ui/manifest-…` holds a manifest and what is to be found in it. `UPDATE_UI=1` writes that anew.
#[test]
fn faulty_manifests_get_the_findings_beside_them() {
    let mut wrong = Vec::new();
    let cases = cases();
    assert!(cases.len() >= 20, "{} cases", cases.len());
    for case in cases {
        wrong.extend(unlike_expected(&case, &found(file(&case))));
    }
    assert!(wrong.is_empty(), "not as expected:\n{}", wrong.join("\n"));
}

/// What a release stamps is no finding before it did, neither in the manifest nor in what the process says.
#[test]
fn a_checkout_may_leave_its_version_to_the_release() {
    let good = Plugin::default().manifest();
    for version in ["0.0.0", "0.0.0-dev", "dev", "(devel)", "{{ .Version }}"] {
        let text = good.replacen("1.2.3", version, 1);
        let release = released(Some(text));
        assert!(!found(release.clone()).is_empty(), "{version}");
        assert_eq!(found(ManifestFile { origin: Origin::Checkout, ..release }), [], "{version}");
    }
    for (origin, expected) in [(Origin::Checkout, vec![]), (Origin::Directory, vec!["MAN-016"])] {
        let mut trace = Plugin::default().trace(ManifestFile { origin, ..released(Some(good.clone())) });
        for event in &mut trace.events {
            if let Event::Process(ProcessEvent::Told { call: Telling::Version, answer }) = event {
                *answer = Ok("(devel)".to_owned());
            }
        }
        assert_eq!(rules_of(&judge(&trace).findings), expected);
    }
}

#[test]
fn a_program_may_leave_the_prefix_out_and_in_an_archive_name_its_platform() {
    let file = released(Some(Plugin::default().manifest()));
    for (program, origin, expected) in [
        ("good", Origin::Directory, true),
        ("workflow-plugin-good_linux_amd64", Origin::Archive, true),
        ("workflow-plugin-good_linux_amd64", Origin::Directory, false),
        ("goodness", Origin::Archive, false),
        ("anything", Origin::Checkout, true),
    ] {
        let findings = found(ManifestFile { program: program.to_owned(), origin, ..file.clone() });
        assert_eq!(rules_of(&findings), if expected { vec![] } else { vec!["MAN-021"] }, "{program}");
    }
}

#[test]
fn a_state_backend_names_something_and_a_manifest_that_says_nothing_trusts_it() {
    let good = Plugin::default().manifest();
    let silent = good.replacen("\"iacStateBackends\": [\"good-bucket\", \"good-table\"]", "\"a\": 1", 1);
    assert_eq!(found(released(Some(silent.clone()))), []);

    let tells = |text: &str, names: Option<Vec<String>>| {
        let mut trace = Plugin::default().trace(released(Some(text.to_owned())));
        trace.events.retain_mut(|event| match (event, &names) {
            (Event::Process(ProcessEvent::Backends { answer }), Some(names)) => {
                *answer = Ok(names.clone());
                true
            }
            (Event::Process(ProcessEvent::Backends { .. }), None) => false,
            _ => true,
        });
        judge(&trace).findings
    };
    let empty = tells(&silent, Some(Vec::new()));
    assert_eq!((rules_of(&empty), empty[0].party), (vec!["MAN-020"], Party::Provider));
    // Nothing was told by a service that is in the registry: that is another rule's.
    assert_eq!(tells(&good, None), []);
}

#[test]
fn a_finding_has_its_place_and_the_line_that_it_stands_in() {
    let text = "{\n  \"name\": \"good\",\n\t\"version\": \"1.2\"\n}\n";
    let findings = found(released(Some(text.to_owned())));
    let version = findings.iter().find(|finding| finding.rule == "MAN-006").unwrap();
    let place = version.place.as_ref().unwrap();
    assert_eq!(place.to_string(), "plugin.json:3:13");
    assert_eq!(place.snippet, "\t\"version\": \"1.2\"");
    let saved = serde_json::to_string(version).unwrap();
    assert_eq!(serde_json::from_str::<Finding>(&saved).unwrap(), *version);
}

/// What a report calls judged was there to be judged.
#[test]
fn only_what_is_there_is_judged() {
    let judged = |trace: &Trace| -> Vec<&str> {
        judge(trace).judged.into_iter().filter(|rule| rule.starts_with("MAN-")).collect()
    };
    let of = |text: &str, origin| {
        Plugin::default().trace(ManifestFile { origin, ..released(Some(text.to_owned())) })
    };
    let without = |gone: &[u32]| -> Vec<String> {
        (1..=21).filter(|number| !gone.contains(number)).map(|number| format!("MAN-{number:03}")).collect()
    };
    let good = Plugin::default().manifest();
    let mut told = of(&good, Origin::Archive);
    assert_eq!(judged(&told), without(&[]));
    assert_eq!(judged(&of(&good, Origin::Checkout)), without(&[7, 21]));
    assert_eq!(judged(&of("{", Origin::Archive)), ["MAN-001"]);
    // The file alone, of a process that says nothing.
    told.events.truncate(1);
    assert_eq!(judged(&told), without(&[12, 14, 15, 16, 18, 20]));
}

proptest! {
    #[test]
    fn whatever_a_manifest_holds_is_judged_and_every_place_is_in_it(
        edits in vec((any::<prop::sample::Index>(), 0..40_usize, "[ -~é\\n]{0,6}"), 1..4),
    ) {
        let mut text: Vec<char> = Plugin::default().manifest().chars().collect();
        for (at, gone, new) in edits {
            let at = at.index(text.len() + 1);
            let end = (at + gone).min(text.len());
            text.splice(at..end, new.chars());
        }
        let text: String = text.into_iter().collect();
        for finding in found(released(Some(text.clone()))) {
            if let Some(place) = finding.place {
                let line = text.split('\n').nth(place.line - 1);
                prop_assert!(line.is_some_and(|line| place.column <= line.chars().count() + 1), "{place}");
            }
        }
    }
}

/// A manifest may be large and have nothing but mistakes. The bound tells seconds from minutes.
#[test]
fn a_manifest_that_is_made_to_cost_much_is_judged_soon() {
    let start = Instant::now();
    let many = |part: &str| part.repeat((1 << 20) / part.len());
    let nested = format!("{}1{}", many("{\"a\":").get(..600).unwrap(), "}".repeat(100));
    for text in [
        format!("{{{}\"a\":1}}", many("\"a\":1,")),
        format!("{{\"iacServices\":[{}\"x\"]}}", many("\"x\",")),
        format!("{{\"iacServices\":[{}\"x\"]}}", many("\"IaCProviderX\",\n")),
        format!("{{\"iacServices\":[{}1]}}", many("1,")),
        format!("{{\"nam\":\"{}\"}}", many("x")),
        nested,
        many("["),
    ] {
        let findings = found(released(Some(text)));
        assert!(!findings.is_empty() && findings.len() < 500, "{}", findings.len());
    }
    assert!(start.elapsed() < Duration::from_secs(60), "took {:?}", start.elapsed());
}

/// What holds for traces that hold the services alone holds for those that hold the manifest.
#[test]
fn an_older_trace_tells_of_the_declared_services() {
    let mut trace = Plugin::default().trace(released(None));
    let services = vec!["IaCProviderFinalizer".to_owned()];
    trace.events[0] = Event::Process(ProcessEvent::Declared { services });
    let findings = judge(&trace).findings;
    assert_eq!(rules_of(&findings), ["CAP-011"]);
    assert_eq!(findings[0].place, None);
}
