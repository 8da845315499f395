//! Secret outputs: what the state keeps in their place (E-338).

use std::fmt::Write as _;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::go_value;
use crate::{json::JsonMap, plan::ResourceOutput};

/// What stands before the key of a secret in the state.
pub const PLACEHOLDER: &str = "secret_ref://";

/// How many bytes of the hash make a key unlike any other.
const HASH_BYTES: usize = 16;

/// The keys of an output that hold secrets.
pub fn secret_keys(output: &ResourceOutput) -> impl Iterator<Item = &str> {
    output.sensitive.iter().filter(|(_, secret)| **secret).map(|(key, _)| key.as_str())
}

/// The outputs of a resource with the key of the secret store in place of each secret. `name` is the resource's.
///
/// # Errors
/// The text of the real command line where a secret is no text, which its store cannot keep.
pub fn route(name: &str, output: &ResourceOutput) -> Result<JsonMap, String> {
    if secret_keys(output).next().is_none() {
        return Ok(output.outputs.clone());
    }
    let mut outputs = output.outputs.build();
    for key in secret_keys(output) {
        let Some(value) = outputs.get_mut(key) else { continue };
        let Value::String(_) = value else {
            let (name, key, kind) = (go_value::quote(name), go_value::quote(key), go_type(value));
            return Err(format!(
                "sensitive.Route: resource {name} key {key}: sensitive output value type {kind} not supported \
                 (must be string)"
            ));
        };
        *value = Value::String(format!("{PLACEHOLDER}{}", store_key(name, key)));
    }
    Ok(JsonMap::from(outputs))
}

/// The key under which the secret of an output is kept.
fn store_key(name: &str, key: &str) -> String {
    let hash = Sha256::digest(format!("{name}\0{key}"));
    let hash = hash[..HASH_BYTES].iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02X}");
        text
    });
    format!("{}__{}_{hash}", sanitized(name), sanitized(key))
}

/// A part of a key, in letters, digits and strokes.
fn sanitized(part: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let part: String = part.chars().map(plain).collect();
    match part.chars().next() {
        None => "SECRET".to_owned(),
        Some('0'..='9') => format!("_{part}"),
        Some(_) => part,
    }
}

/// The type that a decoded value has in Go.
fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(_) => "float64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    fn output(outputs: &Value, secret: &[&str]) -> ResourceOutput {
        let outputs = outputs.as_object().cloned().map(JsonMap::from).unwrap_or_default();
        let sensitive: BTreeMap<_, _> = secret.iter().map(|key| ((*key).to_owned(), true)).collect();
        ResourceOutput { outputs, sensitive, ..ResourceOutput::default() }
    }

    #[test]
    fn a_secret_gives_way_to_its_key_and_nothing_else_changes() {
        let output =
            output(&json!({"host": "a", "pass word": "s3cret", "gone": 1}), &["pass word", "absent"]);
        let kept = route("9-db", &output).unwrap().build();
        assert_eq!((&kept["host"], &kept["gone"]), (&json!("a"), &json!(1)));
        let key = kept["pass word"].as_str().unwrap();
        assert!(key.starts_with("secret_ref://_9_db__pass_word_"), "{key}");
        assert_eq!(key.len(), "secret_ref://_9_db__pass_word_".len() + 32);
    }

    #[test]
    fn a_secret_that_is_no_text_cannot_be_kept() {
        for (value, kind) in [(json!(7), "float64"), (json!(null), "<nil>"), (json!([1]), "[]interface {}")] {
            let error = route("db", &output(&json!({"pin": value}), &["pin"])).unwrap_err();
            assert_eq!(
                error,
                format!(
                    "sensitive.Route: resource \"db\" key \"pin\": sensitive output value type {kind} not supported \
                     (must be string)"
                )
            );
        }
    }
}
