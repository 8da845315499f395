use std::fs;

use super::*;

fn every_profile() -> impl Iterator<Item = (&'static str, &'static Profile)> {
    all().iter().flat_map(|(name, profiles)| profiles.iter().map(|profile| (*name, profile)))
}

#[test]
fn every_profile_is_read_and_its_placeholders_are_plain() {
    for name in Profile::names() {
        let newest = Profile::named(name).unwrap();
        assert_eq!(Profile::for_plugin(&newest.plugin), Some(newest));
    }
    for (name, profile) in every_profile() {
        for (key, value) in &profile.placeholder {
            assert!(key == "provider" || value.starts_with("placeholder-"), "{name}: {key}: {value}");
        }
    }
    for nobody in ["nobody", "nobody@1.1.0", "aws@", "aws@9.9.9", "@1.1.0", ""] {
        assert_eq!(Profile::named(nobody), None, "{nobody}");
    }
}

#[test]
fn a_name_is_that_of_the_newest_point_or_of_one_that_it_tells() {
    assert_eq!(
        Profile::points("aws").collect::<Vec<_>>(),
        ["1.2.0", "1.1.0", "v2-declared", "1.2.1", "2.0.0"]
    );
    assert_eq!(Profile::points("azure").collect::<Vec<_>>(), ["1.1.2", "1.2.0", "1.2.1", "2.0.0"]);
    assert_eq!(Profile::points("gcp").collect::<Vec<_>>(), ["v2-declared"]);
    assert_eq!(Profile::points("nobody").count(), 0);
    for (name, profile) in every_profile() {
        let at = &profile.point.at;
        assert_eq!(Profile::named(&format!("{name}@{at}")).as_ref(), Some(profile));
    }
    assert_eq!(Profile::named("digitalocean"), Profile::named("digitalocean@2.0.0"));
}

#[test]
fn the_reference_is_the_embedded_provider() {
    let (reference, embedded) = (Profile::named("reference").unwrap(), Setup::default());
    let setup = reference.setup(Revision::Head);
    assert_eq!((setup.plugin, setup.name, setup.version), (embedded.plugin, embedded.name, embedded.version));
    assert_eq!((setup.resource_types, setup.services), (embedded.resource_types, embedded.services));
    assert_eq!((setup.state_backends, setup.apply), (embedded.state_backends, embedded.apply));
}

#[test]
fn what_a_point_serves_and_what_it_declares_are_told_apart() {
    for (name, declared, says) in [
        ("aws@1.1.0", None, ""),
        ("aws@v2-declared", None, "v2"),
        ("digitalocean@1.2.0", Some("v2"), ""),
        ("digitalocean@1.3.0", Some("v2"), "v2"),
    ] {
        let Point { manifest, compute_plan_version, .. } = Profile::named(name).unwrap().point;
        assert_eq!(manifest.compute_plan_version.as_deref(), declared, "{name}");
        assert_eq!(compute_plan_version, says, "{name}");
    }
    for (name, finalizer) in [("digitalocean@1.2.0", false), ("digitalocean@1.3.0", true), ("aws", false)] {
        let services = Profile::named(name).unwrap().point.services;
        assert_eq!(services.contains(&ServedService::Finalizer), finalizer, "{name}");
    }
}

#[test]
fn a_point_that_does_not_declare_v2_is_found() {
    for (name, Profile { point, .. }) in every_profile() {
        let found = ["CAP-006", "CAP-007"].map(|id| point.findings.contains(id));
        let declares = point.compute_plan_version == "v2";
        assert_eq!(found, [!declares; 2], "{name}@{}", point.at);
    }
}

#[test]
fn a_point_without_a_state_backend_names_none_and_no_other_is_so() {
    for (name, Profile { point, .. }) in every_profile() {
        let served = point.services.contains(&ServedService::StateBackend);
        assert_eq!(served, !point.state_backends.is_empty(), "{name}@{}", point.at);
        assert_eq!(point.manifest.state_backends, point.state_backends, "{name}@{}", point.at);
    }
}

const GOOD: &str = "\
plugin: my-plugin
provider: mine
description: Mine
placeholder: { provider: mine }
points:
  - at: 1.0.0
    version: 1.0.0
    min_engine_version: 0.57.0
    compute_plan_version: v2
    apply: absent
    services: [required, resource_driver]
    resource_types: &types
      infra.vpc: { tier: 1, operations: [create] }
    findings: [CAP-006]
  - at: next
    version: 1.1.0
    min_engine_version: 0.57.0
    compute_plan_version: v2
    apply: honest
    services: [required]
    resource_types: *types
";

fn read_text(text: &str) -> Result<Vec<Profile>, ProfileError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mine.yaml");
    fs::write(&path, text).unwrap();
    Profile::read(&path)
}

#[test]
fn a_file_of_somebody_else_has_a_profile_for_each_point() {
    let profiles = read_text(GOOD).unwrap();
    let names: Vec<_> = profiles.iter().map(|it| (it.provider.as_str(), it.point.at.as_str())).collect();
    assert_eq!(names, [("mine", "1.0.0"), ("mine", "next")]);
    assert_eq!(profiles[0].point.resource_types, profiles[1].point.resource_types);
    assert_eq!(profiles[1].point.manifest, Declared::default());
}

#[test]
fn a_mistake_has_its_place_its_lines_and_what_was_meant() {
    for (from, to, line, column, wanted) in [
        ("provider: mine\nd", "provder: mine\nd", 2, 1, "did you mean `provider`?"),
        ("    apply: absent", "    apply: without-outcomes", 10, 12, "did you mean `without_outcomes`?"),
        (
            "[required, resource_driver]",
            "[required, resorce_driver]",
            11,
            26,
            "did you mean `resource_driver`?",
        ),
        ("[required, resource_driver]", "[required, moon]", 11, 26, "unknown variant `moon`"),
        ("{ tier: 1, op", "{ tire: 1, op", 13, 20, "did you mean `tier`?"),
        ("{ tier: 1, op", "{ tier: one, op", 13, 26, "one"),
        ("[CAP-006]", "[cap-6]", 14, 16, "is no id of a rule; expected one such as `CAP-006`"),
        ("at: next", "at: a@b", 15, 9, "names no point"),
        ("description: Mine\n", "", 4, 1, "missing field `description`"),
        ("at: next", "at: [", 15, 9, "expected string scalar"),
        (
            "at: next",
            "at: 1.0.0",
            6,
            3,
            "the points of line 6 and line 15 are both called `1.0.0`; rename one",
        ),
    ] {
        assert!(GOOD.contains(from), "{from}");
        match read_text(&GOOD.replacen(from, to, 1)) {
            Err(ProfileError::Mistake { line: told, column: at, text }) => {
                assert!(text.contains(wanted), "{to}: {text}");
                assert!(text.contains(&format!("mine.yaml:{line}:{column}")), "{to}: {text}");
                assert_eq!((told, at), (line, column), "{to}: {text}");
            }
            other => panic!("{to}: {other:?}"),
        }
    }
}

#[test]
fn a_profile_without_a_point_is_refused() {
    let (head, _) = GOOD.split_once("points:").unwrap();
    let error = read_text(&format!("{head}points: []\n")).unwrap_err();
    assert!(error.to_string().contains("a profile needs at least one point"), "{error}");
    assert!(matches!(read_text(""), Err(ProfileError::Mistake { .. })));
}

#[test]
fn a_file_that_cannot_be_read_is_told_by_its_path() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing.yaml");
    let error = Profile::read(&missing).unwrap_err().to_string();
    assert!(error.contains("missing.yaml cannot be read"), "{error}");
    let huge = dir.path().join("huge.yaml");
    fs::write(&huge, " ".repeat(1 + usize::try_from(MAX_BYTES).unwrap())).unwrap();
    assert!(matches!(Profile::read(&huge), Err(ProfileError::TooLarge(path)) if path == huge));
    let latin = dir.path().join("latin.yaml");
    fs::write(&latin, b"plugin: \xe9").unwrap();
    assert!(matches!(Profile::read(&latin), Err(ProfileError::Io { .. })));
}
