//! Every stock file means the same to two parsers, so that no scenario leans on a quirk of one.
//!
//! The second reader is `serde_yaml`, as untyped values. What it reads is held against `serde-saphyr`, and is then
//! written as JSON, which is YAML too, and read again as a scenario: that one must be the scenario of the file.

use counterfoil::suite::FILES;
use counterfoil_core::scenario::{self, Dispatch, Scenario};
use serde_json::{Map, Number, Value, json};

#[test]
fn every_file_means_the_same_to_both_parsers() {
    for (file, text) in FILES {
        let second = untyped(&serde_yaml::from_str(text).unwrap(), file);
        let options = serde_saphyr::options! {
            strict_booleans: true,
            leading_zero_numbers_as_strings: true,
        };
        let first: Value = serde_saphyr::from_str_with_options(text, options).unwrap();
        assert!(same(&first, &second), "{file}:\n{first:#}\n{second:#}");

        let ours = scenario::parse(file, text.as_bytes()).unwrap();
        let theirs = scenario::parse(file, second.to_string().as_bytes()).unwrap_or_else(|mistakes| {
            panic!("{file}: read by serde_yaml, it is no scenario: {mistakes:?}");
        });
        let (ours, theirs) = (meaning(&ours), meaning(&theirs));
        assert!(same(&ours, &theirs), "{file}:\n{ours:#}\n{theirs:#}");
    }
}

/// What `serde_yaml` read, in the values of JSON. Whatever JSON cannot say is no part of the format.
fn untyped(value: &serde_yaml::Value, file: &str) -> Value {
    match value {
        serde_yaml::Value::Null => Value::Null,
        serde_yaml::Value::Bool(flag) => json!(flag),
        serde_yaml::Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(number), ..) => json!(number),
            (_, Some(number), _) => json!(number),
            (.., Some(number)) => {
                Number::from_f64(number).map(Value::Number).expect("a number has a notation in JSON")
            }
            _ => panic!("{file}: {number:?}"),
        },
        serde_yaml::Value::String(text) => json!(text),
        serde_yaml::Value::Sequence(items) => items.iter().map(|item| untyped(item, file)).collect(),
        serde_yaml::Value::Mapping(entries) => {
            let entries = entries.iter().map(|(key, value)| {
                let key = key.as_str().unwrap_or_else(|| panic!("{file}: the key {key:?} is no text"));
                (key.to_owned(), untyped(value, file))
            });
            Value::Object(entries.collect::<Map<_, _>>())
        }
        serde_yaml::Value::Tagged(tagged) => panic!("{file}: a tag: {tagged:?}"),
    }
}

/// Everything that a scenario says, and nothing of where it says it.
fn meaning(scenario: &Scenario) -> Value {
    let Scenario {
        id,
        title,
        found,
        revisions,
        tags,
        plan,
        addresses,
        state,
        environment,
        provider,
        dispatch,
        engine,
        seams,
        needs,
        trials,
        deadline,
        faults,
        expect,
        source: _,
    } = scenario;
    let state: Vec<Value> = state
        .iter()
        .map(|seed| json!([seed.name, seed.resource_type, seed.provider_id, seed.config, seed.outputs]))
        .collect();
    let faults: Vec<Value> =
        faults.iter().map(|fault| json!([fault.action, format!("{:?}", fault.kind)])).collect();
    let dispatch = match dispatch {
        Dispatch::V2 => json!("v2"),
        Dispatch::V1 { reply } => json!({ "v1": reply.as_ref().map(|reply| reply.to_vec()) }),
    };
    json!({
        "id": id,
        "title": title,
        "found": format!("{found:?}"),
        "revisions": revisions.revisions(),
        "tags": tags,
        "plan": plan,
        "addresses": addresses,
        "state": state,
        "environment": environment,
        "provider": format!("{provider:?}"),
        "dispatch": dispatch,
        "engine": format!("{engine:?}"),
        "seams": format!("{seams:?}"),
        "needs": format!("{needs:?}"),
        "trials": trials,
        "deadline": deadline,
        "faults": faults,
        "expect": expect,
    })
}

/// Whether two values mean the same. Numbers may be written in different ways; so may JSON that is kept as text.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || (a.as_f64().is_some() && a.as_f64() == b.as_f64()),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (Value::String(a), Value::String(b)) => {
            let object = |text: &str| serde_json::from_str::<Value>(text).ok().filter(Value::is_object);
            a == b || matches!((object(a), object(b)), (Some(a), Some(b)) if same(&a, &b))
        }
        _ => a == b,
    }
}

#[test]
fn different_values_are_told_apart() {
    for (a, b) in [
        (json!(1), json!("1")),
        (json!({"a": [1, 2]}), json!({"a": [1, 3]})),
        (json!(null), json!("")),
        (json!(r#"{"a":1}"#), json!(r#"{"a":"1"}"#)),
    ] {
        assert!(!same(&a, &b), "{a} {b}");
        assert!(same(&a, &a.clone()));
    }
    assert!(same(&json!(r#"{"a":3.0}"#), &json!(r#"{"a":3}"#)));
}
