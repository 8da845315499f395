//! JSON objects as their top-level entries. What lies deeper stays text until two values are compared.

use std::{borrow::Cow, collections::BTreeMap};

use serde::Serialize;
use serde_json::{Value, value::RawValue};

use super::CloudError;

/// The top-level entries of a JSON object, by key.
pub(super) type Entries = BTreeMap<String, Box<RawValue>>;

/// A config or outputs field as text. Bytes that are no UTF-8 are replaced, as a Go peer does.
pub(super) fn text(json: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(json)
}

/// Splits an object. No bytes and `null` are the empty map (E-170); of equal keys the last wins.
pub(super) fn entries(field: &str, json: &str) -> Result<Entries, CloudError> {
    if json.is_empty() {
        return Ok(Entries::new());
    }
    let entries: Option<Entries> = serde_json::from_str(json)
        .map_err(|e| CloudError::InvalidArgument(format!("{field} is not a JSON object: {e}")))?;
    Ok(entries.unwrap_or_default())
}

/// Checks that a field holds a JSON object, `null` or nothing.
pub(crate) fn check_object(field: &str, json: &[u8]) -> Result<(), CloudError> {
    entries(field, &text(json)).map(drop)
}

/// Writes an object, keys in order.
pub(super) fn to_json(entries: &Entries) -> Vec<u8> {
    serde_json::to_vec(entries).expect("strings and JSON texts always serialise")
}

/// The object with one entry added or replaced.
pub(super) fn with_number(json: &[u8], key: &str, number: i32) -> Result<Cow<'static, str>, CloudError> {
    let json = text(json);
    let mut entries = entries("config", &json)?;
    entries.insert(key.to_owned(), value(&number));
    Ok(text(&to_json(&entries)).into_owned().into())
}

/// A string or a number as a JSON value.
pub(super) fn value<T: Serialize + ?Sized>(scalar: &T) -> Box<RawValue> {
    serde_json::value::to_raw_value(scalar).expect("scalars always serialise")
}

/// True for strings, numbers and booleans.
pub(super) fn is_scalar(value: &RawValue) -> bool {
    !matches!(value.get().as_bytes(), [b'{' | b'[' | b'n', ..])
}

/// Whether two values mean the same, however they are written: key order and the notation of a number do not
/// matter (H-18, H-20).
pub(super) fn same(a: &RawValue, b: &RawValue) -> bool {
    if a.get() == b.get() {
        return true;
    }
    // Scalars of different spelling are parsed too: "\u0061" is "a".
    match (serde_json::from_str(a.get()), serde_json::from_str(b.get())) {
        (Ok(a), Ok(b)) => same_value(&a, &b),
        // Nested deeper than the parser goes.
        _ => false,
    }
}

fn same_value(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            a == b
                || match (a.as_i128(), b.as_i128()) {
                    (Some(a), Some(b)) => a == b,
                    _ => a.as_f64().is_some() && a.as_f64() == b.as_f64(),
                }
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_value(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same_value(a, b)))
        }
        _ => a == b,
    }
}
