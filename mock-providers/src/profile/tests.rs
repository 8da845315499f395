use super::*;

fn every_profile() -> impl Iterator<Item = (&'static str, &'static Profile)> {
    Profile::all().flat_map(|(name, profiles)| profiles.iter().map(move |profile| (name, profile)))
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
        let found = ["CAP-006", "CAP-007"].map(|id| point.findings.contains_key(id));
        let declares = point.compute_plan_version == "v2";
        assert_eq!(found, [!declares; 2], "{name}@{}", point.at);
    }
}

#[test]
fn every_point_was_built_from_a_commit_of_its_own() {
    let mut commits = BTreeSet::new();
    for (name, Profile { point, .. }) in every_profile() {
        let built = point.built.as_ref().unwrap();
        assert_eq!(built.engine.split('.').count(), 3, "{name}@{}", point.at);
        assert!(commits.insert(&built.commit), "{name}@{}", point.at);
    }
    let built = |name: &str| Profile::named(name).unwrap().point.built.unwrap();
    let misplaced = Built { commit: "6eb0ed56".to_owned(), engine: "0.51.7".to_owned() };
    assert_eq!(built("aws@1.2.0"), misplaced);
    assert_eq!((&*built("aws").commit, &*built("aws").engine), ("0171cece", "0.57.0"));
    assert_eq!(built("digitalocean").engine, "0.57.1");
    let reference = Profile::named("reference").unwrap().point;
    assert_eq!(reference.built.unwrap().engine, reference.min_engine_version);
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
    built: { commit: 0123abcd, engine: 0.57.1 }
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
    Profile::parse(text.as_bytes())
}

#[test]
fn a_file_of_somebody_else_has_a_profile_for_each_point() {
    let profiles = read_text(GOOD).unwrap();
    let names: Vec<_> = profiles.iter().map(|it| (it.provider.as_str(), it.point.at.as_str())).collect();
    assert_eq!(names, [("mine", "1.0.0"), ("mine", "next")]);
    assert_eq!(profiles[0].point.resource_types, profiles[1].point.resource_types);
    assert_eq!(profiles[1].point.manifest, Declared::default());
    let built = Built { commit: "0123abcd".to_owned(), engine: "0.57.1".to_owned() };
    assert_eq!([&profiles[0].point.built, &profiles[1].point.built], [&Some(built), &None]);
}

#[test]
fn a_mistake_has_its_place_and_what_was_meant() {
    for (from, to, line, column, wanted) in [
        ("provider: mine\nd", "provder: mine\nd", 2, 1, "did you mean `provider`?"),
        ("    apply: absent", "    apply: without-outcomes", 11, 12, "did you mean `without_outcomes`?"),
        (
            "[required, resource_driver]",
            "[required, resorce_driver]",
            12,
            26,
            "did you mean `resource_driver`?",
        ),
        ("[required, resource_driver]", "[required, moon]", 12, 26, "`moon` is none of credential_revoker, "),
        ("{ tier: 1, op", "{ tire: 1, op", 14, 20, "did you mean `tier`?"),
        ("{ tier: 1, op", "{ tier: one, op", 14, 26, "expected a whole number"),
        ("[CAP-006]", "[cap-6]", 15, 16, "is no id of a rule; expected one such as `CAP-006`"),
        ("at: next", "at: a@b", 16, 9, "names no point"),
        ("description: Mine\n", "", 4, 1, "missing field `description`"),
        ("at: next", "at: [", 16, 9, "expected a text"),
        ("at: next", "at: 1.0.0", 16, 5, "the first is in line 6"),
        ("plugin: my-plugin", "plugin: ../mine", 1, 9, "names no plugin"),
        ("    version: 1.1.0", "    version: 1.1", 17, 14, "is not a version"),
        ("_version: 0.57.0", "_version: 0.50.0", 8, 25, "older than the contract"),
        (
            "commit: 0123abcd",
            "commit: 0123ab",
            9,
            22,
            "\"0123ab\" is no commit; expected 7 hexadecimal digits",
        ),
        ("commit: 0123abcd", "commit: 0123ABCD", 9, 22, "is no commit"),
        ("commit: 0123abcd, ", "", 9, 14, "missing field `commit`"),
        ("engine: 0.57.1", "engine: v0.57.1", 9, 40, "expected the version alone, `0.57.1`"),
        ("engine: 0.57.1", "engine: 0.57", 9, 40, "is not a version"),
        ("engine: 0.57.1", "engin: 0.57.1", 9, 32, "did you mean `engine`?"),
    ] {
        assert!(GOOD.contains(from), "{from}");
        let error = read_text(&GOOD.replacen(from, to, 1)).unwrap_err();
        let told = format!("{} {}", error.message, error.help.as_deref().unwrap_or_default());
        assert!(told.contains(wanted), "{to}: {error:?}");
        assert_eq!(error.place, Place { line, column }, "{to}: {error:?}");
    }
}

#[test]
fn stubs_are_services_of_their_point() {
    for (name, profile) in every_profile() {
        let Point { at, services, stubs, findings, .. } = &profile.point;
        assert!(stubs.is_subset(services), "{name}@{at}");
        assert_eq!(!stubs.is_empty(), findings.contains_key("RPC-003"), "{name}@{at}");
    }
    assert!(!Profile::named("aws").unwrap().setup(Revision::Head).stubs.is_empty());
}

#[test]
fn a_profile_without_a_point_is_refused() {
    let (head, _) = GOOD.split_once("points:").unwrap();
    let error = read_text(&format!("{head}points: []\n")).unwrap_err();
    assert_eq!((error.place.line, &*error.message), (5, "a profile needs at least one point"));
    for empty in ["", "\n", "# nothing\n"] {
        assert_eq!(read_text(empty).unwrap_err().to_string(), "1:1: the file holds no profile");
    }
}

#[test]
fn a_text_that_is_not_utf8_is_told_by_its_byte() {
    let error = Profile::parse(b"plugin: a\nprovider: \xc3\xa9\xe9").unwrap_err();
    assert_eq!(error.to_string(), "2:12: the file is not UTF-8: byte 0xe9");
}

#[test]
fn a_point_speaks_what_its_oldest_engine_does_unless_it_says_otherwise() {
    for (name, revision) in [
        ("aws@1.1.0", Revision::V0_51),
        ("aws@v2-declared", Revision::V0_54),
        ("digitalocean@1.4.0", Revision::V0_55),
        ("digitalocean", Revision::V0_57),
        ("reference", Revision::Head),
    ] {
        assert_eq!(Profile::named(name).unwrap().point.speaks(), revision, "{name}");
    }
}
