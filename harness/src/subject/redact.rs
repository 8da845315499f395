//! Secrets do not get into traces and reports: they are taken out by their value, in every form that they are likely to
//! take on their way.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use counterfoil_core::trace::Trace;
use serde_json::Value;

/// Texts shorter than this are no secrets: taking them out would spoil everything that is said.
const SHORTEST: usize = 4;

/// Takes secrets out of texts and bytes.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    /// Each form of each secret with what stands in its place, the longest first.
    forms: Vec<(String, String)>,
}

impl Redactor {
    /// A redactor of these secrets, each with the name by which a reader knows it.
    pub fn new<'s>(secrets: impl IntoIterator<Item = (&'s str, &'s str)>) -> Self {
        let secrets = secrets.into_iter().filter(|(_, secret)| secret.len() >= SHORTEST);
        let mut forms: Vec<(String, String)> = secrets
            .flat_map(|(name, secret)| {
                let token = format!("[secret:{name}]");
                let escaped = Value::from(secret).to_string();
                let escaped = escaped.trim_matches('"').to_owned();
                let quoted = format!("{secret:?}").trim_matches('"').to_owned();
                let encoded = STANDARD_NO_PAD.encode(secret);
                [secret.to_owned(), escaped, quoted, encoded].map(|form| (form, token.clone()))
            })
            .collect();
        forms.sort_by(|(a, _), (b, _)| b.len().cmp(&a.len()).then(a.cmp(b)));
        forms.dedup_by(|(a, _), (b, _)| a == b);
        Self { forms }
    }

    /// The text, with `[secret:NAME]` in place of each secret.
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut redacted = Cow::Borrowed(text);
        for (form, token) in &self.forms {
            if redacted.contains(form.as_str()) {
                redacted = Cow::Owned(redacted.replace(form.as_str(), token));
            }
        }
        redacted
    }

    /// The bytes, with as many `*` in place of each secret as it is long: a message stays one that can be read.
    fn blank(&self, bytes: &mut [u8]) {
        for (form, _) in &self.forms {
            let form = form.as_bytes();
            let mut from = 0;
            while let Some(at) = memchr::memmem::find(&bytes[from..], form) {
                bytes[from + at..from + at + form.len()].fill(b'*');
                from += at + form.len();
            }
        }
    }

    fn is_idle(&self) -> bool {
        self.forms.is_empty()
    }
}

/// Takes secrets out of everything that a trace holds: texts, and messages as they were sent.
pub fn redact_trace(trace: &mut Trace, redactor: &Redactor) {
    if redactor.is_idle() {
        return;
    }
    // A trace has one form in which everything in it is text, so nothing can be forgotten here.
    let mut written = Vec::new();
    trace.save(&mut written).expect("a trace can be written to memory");
    let lines = String::from_utf8(written).expect("a trace is JSON");
    let mut clean = String::new();
    for line in lines.lines() {
        let mut value: Value = serde_json::from_str(line).expect("each line is JSON");
        redact_value(&mut value, redactor);
        clean.push_str(&value.to_string());
        clean.push('\n');
    }
    *trace = Trace::load(clean.as_bytes()).expect("what was saved can be loaded");
}

fn redact_value(value: &mut Value, redactor: &Redactor) {
    match value {
        Value::String(text) => match hex::decode(text.as_str()) {
            Ok(mut bytes) if !bytes.is_empty() => {
                redactor.blank(&mut bytes);
                *text = hex::encode(bytes);
            }
            _ => *text = redactor.redact(text).into_owned(),
        },
        Value::Array(values) => values.iter_mut().for_each(|value| redact_value(value, redactor)),
        Value::Object(fields) => fields.values_mut().for_each(|value| redact_value(value, redactor)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_goes_in_every_form() {
        let redactor = Redactor::new([("token", "s3cr\"et\nkey"), ("short", "abc")]);
        for text in ["a s3cr\"et\nkey b", r#"{"t":"s3cr\"et\nkey"}"#, "czNjciJldAprZXk"] {
            let redacted = redactor.redact(text);
            assert!(redacted.contains("[secret:token]"), "{text} became {redacted}");
        }
        assert_eq!(redactor.redact("abc stays"), "abc stays");
        let mut bytes = b"\x0a\x0bs3cr\"et\nkey!".to_vec();
        redactor.blank(&mut bytes);
        assert_eq!(bytes, b"\x0a\x0b***********!");
    }

    #[test]
    fn a_longer_secret_is_not_spoilt_by_a_shorter_one_within() {
        let redactor = Redactor::new([("a", "abcd"), ("b", "abcdefgh")]);
        assert_eq!(redactor.redact("x abcdefgh abcd"), "x [secret:b] [secret:a]");
    }
}
