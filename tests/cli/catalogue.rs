//! What can be asked for: scenarios, their schema, rules and mutants.

use std::{env, fs, path::Path};

use counterfoil_core::{mutants, rules};
use serde_json::Value;

use crate::support::{PASSING, Place, UNMET};

#[test]
fn scenarios_are_listed_with_their_revisions_and_titles() {
    let place = Place::with([("a.yaml", PASSING), ("b.yaml", UNMET)]);
    let done = place.run(["list", "."]).exits(0).quietly();
    assert_eq!(
        done.out,
        "passing  0.54 to head  A failed create is reported as an error\n\
         unmet    0.54          What fails is expected to be skipped\n"
    );
    place.run(["list"]).exits(0).quietly().says("dispatch-error-mid-plan ");
    place.run(["validate"]).exits(0).quietly().says(" in order\n");
    place.run(["validate", "a.yaml", "b.yaml"]).exits(0).says("2 scenarios in order\n");
}

#[test]
fn the_schema_is_a_json_schema_of_the_format() {
    let done = Place::new().run(["schema"]).exits(0).quietly();
    let schema: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!((&schema["type"], &schema["additionalProperties"]), (&"object".into(), &false.into()));
    for required in ["id", "title", "plan"] {
        assert!(schema["required"].as_array().unwrap().iter().any(|name| name == required), "{required}");
    }
    for field in [
        "id",
        "title",
        "revisions",
        "tags",
        "plan",
        "environment",
        "state",
        "dispatch",
        "reply",
        "reply_hex",
        "provider",
        "engine",
        "faults",
        "expect",
    ] {
        let described = schema["properties"][field]["description"].as_str();
        assert!(described.is_some_and(|text| !text.is_empty()), "{field}");
    }
    // Every reference leads somewhere.
    let mut references = Vec::new();
    collect_references(&schema, &mut references);
    assert!(references.len() > 10);
    for reference in references {
        assert!(schema.pointer(reference.strip_prefix('#').unwrap()).is_some(), "{reference}");
    }
}

fn collect_references<'v>(value: &'v Value, into: &mut Vec<&'v str>) {
    match value {
        Value::Object(fields) => {
            into.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|value| collect_references(value, into));
        }
        Value::Array(items) => items.iter().for_each(|value| collect_references(value, into)),
        _ => {}
    }
}

/// `UPDATE_GOLDEN=1` writes it anew.
#[test]
fn the_schemas_that_are_kept_are_those_of_the_program() {
    let place = Place::new();
    for (format, file) in [
        ("scenario", "scenarios/scenario.schema.json"),
        ("settings", "schemas/settings.schema.json"),
        ("known-failures", "schemas/known-failures.schema.json"),
        ("report", "schemas/report.schema.json"),
        ("evidence", "schemas/evidence.schema.json"),
        ("release", "schemas/release.schema.json"),
        ("cutover", "schemas/cutover.schema.json"),
    ] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
        let schema = place.run(["schema", format]).exits(0).quietly().out;
        if env::var_os("UPDATE_GOLDEN").is_some() {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, &schema).unwrap();
        }
        let kept = fs::read_to_string(&file).unwrap_or_default();
        assert!(kept == schema, "{} is out of date: run this test with UPDATE_GOLDEN=1", file.display());
    }
    assert_eq!(place.run(["schema"]).out, place.run(["schema", "scenario"]).out);
}

#[test]
fn rules_are_listed_and_explained() {
    let place = Place::new();
    let mut listed = place.run(["rules"]).exits(0).quietly();
    for rule in rules::catalogue() {
        listed = listed.says(&format!("\n  {:<8}  {:<6}  {}\n", rule.id, rule.level, rule.title));
        let explained = place
            .run(["explain", rule.id])
            .exits(0)
            .quietly()
            .says(&format!("{}  {}\n", rule.id, rule.title))
            .says(&rule.level.to_string())
            .says(rule.reason)
            .says(rule.source);
        let lower = place.run(["explain", &rule.id.to_lowercase()]).exits(0);
        assert_eq!(lower.out, explained.out);
    }
    for rule in rules::RELEASE.rules {
        listed = listed.says(&format!("\n  {:<8}  MUST    {}\n", rule.id, rule.title));
        let explained = place.run(["explain", rule.id]).exits(0).quietly();
        explained.says(rule.title).says(rule.reason).says(rule.source).says("\nexample       ");
    }
    listed.says(&format!("{} rules; ", rules::catalogue().count() + rules::RELEASE.rules.len()));

    place.run(["explain", "OUT-01"]).exits(2).complains("no rule is called \"OUT-01\": did you mean OUT-0");
    place.run(["explain", "out001"]).exits(2).complains("did you mean OUT-001?");
    place.run(["explain", "nonsense"]).exits(2).complains("`counterfoil rules` lists them");
}

#[test]
fn a_rule_is_explained_with_what_breaks_it_and_with_the_checks_that_it_replaces() {
    let place = Place::new();
    for (rule, says) in [
        ("OUT-001", "\nreplaces      none of the engine's own checks\n"),
        ("MAN-018", "\nreplaces      `wfctl plugin verify-capabilities` (E-280): "),
        ("OUT-001", "\n              `counterfoil mutants --only forgets-failures`\n"),
        ("MAN-001", "\nexample       "),
        ("OUT-012", "\n              `counterfoil run --filter "),
    ] {
        place.run(["explain", rule]).exits(0).quietly().says(says);
    }
}

#[test]
fn a_mutant_is_run_alone_and_told_what_the_rules_say_of_it() {
    let place = Place::new();
    let done = place.run(["mutants", "--only", "trailing-comma", "--only", "no-manifest"]).exits(0).quietly();
    done.says("\n  MAN-001   plugin.json:")
        .says("\n            in plugin.json\n")
        .says("2 mutants (2 manifests): 2 killed in ");
    let mistaken = place.run(["mutants", "--only", "traling-comma"]).exits(2);
    mistaken.complains("no mutant is called \"traling-comma\": did you mean \"trailing-comma\"?");
    place.run(["mutants", "--only", "trailing-comma", "--list"]).exits(2);
}

#[test]
fn every_mutant_is_listed_and_can_be_run() {
    let place = Place::with([("passing.yaml", PASSING)]);
    let engines = mutants::ENGINES.iter().map(|mutant| (mutant.name, mutant.what));
    let decoders = mutants::DECODERS.iter().map(|mutant| (mutant.name, mutant.what));
    let mut listed = place.run(["mutants", "--list"]).exits(0).quietly();
    for (name, what) in engines.chain(decoders) {
        listed = listed.says(&format!("  {name} ")).says(&format!("  {what}\n"));
        let done = place.run(["run", "passing.yaml", "--filter", "passing@0.56", "--mutant", name]);
        assert!(done.out.contains("1 run: 1 "), "{done}");
        let passed = done.out.contains("1 passed");
        done.exits(i32::from(!passed));
    }
}
