//! Secrets do not get into traces and reports: they are taken out by their value, in every form that they are likely to
//! take on their way.

use std::{borrow::Cow, collections::BTreeMap};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use counterfoil_core::trace::{Event, Trace};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::config::secret_variables;

/// Texts shorter than this are no secrets: taking them out would spoil everything that is said.
pub(super) const SHORTEST: usize = 4;

/// What stands in a trace before a config that is no text.
const HEX: &str = "hex:";

/// Where in a trace the text of a manifest stands, of which findings tell lines and columns.
const MANIFEST_TEXT: &str = "/manifest_file/text";

/// Takes secrets out of texts and bytes.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    /// Each form of each secret with what stands in its place, the longest first.
    forms: Vec<(String, String)>,
}

impl Redactor {
    /// A redactor of these secrets, each with the name by which a reader knows it.
    pub fn new<'s>(secrets: impl IntoIterator<Item = (&'s str, &'s str)>) -> Self {
        let mut forms: Vec<(String, String)> = Vec::new();
        for (name, secret) in secrets {
            let token = format!("[secret:{name}]");
            // Of a text of several lines, one may be said alone, and few say the line feed at its end.
            let parts = [secret.trim()].into_iter().chain(secret.lines().map(str::trim));
            let parts = parts.filter(|part| part.len() >= SHORTEST);
            forms.extend(parts.flat_map(forms_of).map(|form| (form, token.clone())));
        }
        let mut redactor = Self::default();
        redactor.learn(Self { forms });
        redactor
    }

    /// A redactor of the variables whose names look like those of secrets.
    pub fn of_environment(environment: &BTreeMap<String, String>) -> Self {
        Self::new(secret_variables(environment).map(|(name, text)| (name.as_str(), text.as_str())))
    }

    /// Knows the secrets of another one too.
    pub(crate) fn learn(&mut self, other: Self) {
        self.forms.extend(other.forms);
        self.forms.sort_by(|(a, _), (b, _)| b.len().cmp(&a.len()).then(a.cmp(b)));
        self.forms.dedup_by(|(a, _), (b, _)| a == b);
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

    /// The same for a text that may have been cut off at either end, and there within a secret.
    pub fn redact_cut(&self, text: &str) -> String {
        let redacted = self.redact(text);
        // What stands behind a cut may be a line feed of ours, or half a character.
        let middle = redacted
            .trim_end_matches(['\n', char::REPLACEMENT_CHARACTER])
            .trim_start_matches(char::REPLACEMENT_CHARACTER);
        let behind = self.forms.iter().find_map(|(form, token)| {
            Some((beginnings(form).find_map(|part| middle.strip_suffix(part))?, token.as_str()))
        });
        let (middle, behind) = behind.unwrap_or((middle, ""));
        let before = self.forms.iter().find_map(|(form, token)| {
            Some((endings(form).find_map(|part| middle.strip_prefix(part))?, token.as_str()))
        });
        let (middle, before) = before.unwrap_or((middle, ""));
        if before.is_empty() && behind.is_empty() {
            redacted.into_owned()
        } else {
            format!("{before}{middle}{behind}")
        }
    }

    /// The text, with a sign in place of each character of a secret, so that everything else stays at its place. What is
    /// but digits may be a number, and stays one.
    fn mask(&self, text: &str) -> String {
        let mut masked = text.to_owned();
        for (form, _) in &self.forms {
            if masked.contains(form.as_str()) {
                let sign = if form.bytes().all(|byte| byte.is_ascii_digit()) { "9" } else { "*" };
                masked = masked.replace(form.as_str(), &sign.repeat(form.chars().count()));
            }
        }
        masked
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

/// What may be left of a form that was cut off at its end, the longest first.
fn beginnings(form: &str) -> impl Iterator<Item = &str> {
    (SHORTEST..form.len()).rev().filter_map(|end| form.get(..end))
}

/// What may be left of one that was cut off at its beginning.
fn endings(form: &str) -> impl Iterator<Item = &str> {
    (1..=form.len().saturating_sub(SHORTEST)).filter_map(|from| form.get(from..))
}

/// A secret in every form that it is likely to take on its way.
fn forms_of(secret: &str) -> Vec<String> {
    let within_quotes = |text: &str| {
        let quoted = Value::from(text).to_string();
        quoted[1..quoted.len() - 1].to_owned()
    };
    let json = within_quotes(secret);
    // As Go writes it, which has pages of HTML in mind.
    let of_go = ['&', '<', '>']
        .into_iter()
        .fold(json.clone(), |text, special| text.replace(special, &format!("\\u{:04x}", u32::from(special))));
    let quoted = format!("{secret:?}");
    vec![
        secret.to_owned(),
        quoted[1..quoted.len() - 1].to_owned(),
        within_quotes(&json),
        within_quotes(&of_go),
        json,
        of_go,
        STANDARD_NO_PAD.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
        percent_encoded(secret, false),
        percent_encoded(secret, true),
    ]
}

/// A text as it stands in a URL, or in a form, where a space is a plus.
fn percent_encoded(text: &str, is_form: bool) -> String {
    text.bytes()
        .map(|byte| match byte {
            b' ' if is_form => "+".to_owned(),
            b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
            _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// Takes secrets out of everything that a trace holds: texts, and messages as they were sent.
pub fn redact_trace(trace: &mut Trace, redactor: &Redactor) {
    if redactor.is_idle() {
        return;
    }
    let version = trace.header.version;
    trace.header = redacted(&trace.header, redactor);
    // The version is the file's, and stands beside the header there.
    trace.header.version = version;
    trace.events.iter_mut().for_each(|event| *event = redacted(event, redactor));
}

/// One event of a trace without secrets.
pub(crate) fn redact_event(event: Event, redactor: &Redactor) -> Event {
    if redactor.is_idle() { event } else { redacted(&event, redactor) }
}

/// A part of a trace without secrets. It has one form in which everything in it is text, so nothing can be forgotten.
/// A word of the trace's own language stays, even where a secret is the same word: the trace could not be read again.
fn redacted<T: Serialize + DeserializeOwned>(part: &T, redactor: &Redactor) -> T {
    let written = serde_json::to_value(part).expect("a part of a trace can be written");
    let mut changes = Vec::new();
    list_changes(&written, redactor, &mut String::new(), &mut changes);
    let with = |value: &Value, changes: &[(String, String)]| {
        let mut value = value.clone();
        for (at, text) in changes {
            *value.pointer_mut(at).expect("the place was found in the same value") = text.as_str().into();
        }
        value
    };
    let read = |value: &Value| serde_json::from_str::<T>(&value.to_string()).ok();
    read(&with(&written, &changes)).unwrap_or_else(|| {
        let mut clean = written.clone();
        for change in changes {
            let next = with(&clean, &[change]);
            if read(&next).is_some() {
                clean = next;
            }
        }
        read(&clean).expect("what is written can be read")
    })
}

/// The texts of a value that have to become other ones, each by the JSON pointer to it.
fn list_changes(value: &Value, redactor: &Redactor, at: &mut String, changes: &mut Vec<(String, String)>) {
    let mut below = |key: &str, value: &Value| {
        let length = at.len();
        at.push('/');
        at.push_str(&key.replace('~', "~0").replace('/', "~1"));
        list_changes(value, redactor, at, changes);
        at.truncate(length);
    };
    match value {
        Value::String(text) => {
            // The last step says whether the text is a message in hexadecimal.
            let is_message = at.ends_with("/request") || at.ends_with("/ok");
            let clean = if is_message { blanked(text, redactor) } else { None };
            let clean = clean
                .or_else(|| blanked(text.strip_prefix(HEX)?, redactor).map(|clean| HEX.to_owned() + &clean));
            let clean = clean.unwrap_or_else(|| {
                if at.ends_with(MANIFEST_TEXT) {
                    redactor.mask(text)
                } else {
                    redactor.redact(text).into_owned()
                }
            });
            if clean != *text {
                changes.push((at.clone(), clean));
            }
        }
        Value::Array(values) => values.iter().enumerate().for_each(|(i, value)| below(&i.to_string(), value)),
        Value::Object(fields) => fields.iter().for_each(|(key, value)| below(key, value)),
        _ => {}
    }
}

/// Bytes in hexadecimal without secrets. None where the text is none.
fn blanked(text: &str, redactor: &Redactor) -> Option<String> {
    let mut bytes = hex::decode(text).ok()?;
    redactor.blank(&mut bytes);
    Some(hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use counterfoil_core::{
        plan::Plan,
        rpc::{Method, RpcError},
        rules::judge,
        scenario::{self},
        trace::{
            Driven, Event, Header, ManifestFile, Origin, Payload, ProcessEvent, Recorder, Reply, Subject,
        },
    };
    use counterfoil_proto::Revision;

    use super::*;

    fn trace(events: Vec<Event>) -> Trace {
        let text = "id: a\ntitle: A\nplan: { actions: [{ create: { name: net, type: infra.vpc } }] }\n";
        let scenario = scenario::parse("a.yaml", text.as_bytes()).unwrap();
        let plan = Plan { id: "p".to_owned(), ..scenario.plan.clone() };
        let mut header = Header::new(&scenario, Revision::Head, Subject::Provider, Driven::CallByCall, plan);
        header.environment.insert("a/b~c".to_owned(), "deadbeefcafe".to_owned());
        Trace { header, events }
    }

    #[test]
    fn a_secret_goes_line_by_line_as_go_writes_it_and_at_a_cut() {
        let redactor = Redactor::new([
            ("token", "hush-hush\n"),
            ("key", "BEGIN\nline-of-key\nEND\n"),
            ("odd", "p&ss<word>"),
        ]);
        assert_eq!(redactor.redact("hush-hush, line-of-key"), "[secret:token], [secret:key]");
        assert_eq!(
            redactor.redact(r"p\u0026ss\u003cword\u003e p\\u0026ss\\u003cword\\u003e"),
            "[secret:odd] [secret:odd]"
        );
        let cut = |text: &str| redactor.redact_cut(text);
        assert_eq!(cut("a line with hush-hu"), "a line with [secret:token]");
        assert_eq!(cut("h-hush\nand more"), "[secret:token]\nand more");
        assert_eq!(cut("line-of-ke\n"), "[secret:key]");
        assert_eq!(cut("nothing of it: hus"), "nothing of it: hus");
        assert_eq!(cut("whole"), "whole");
    }

    #[test]
    fn no_secret_stays_in_a_saved_trace() {
        let secrets = [("text", "pa ss/w\"ord"), ("hex", "deadbeefcafe")];
        let redactor = Redactor::new(secrets);
        let forms = [
            "pa ss/w\"ord",
            "pa ss/w\\\"ord",
            "cGEgc3MvdyJvcmQ",
            "pa%20ss%2Fw%22ord",
            "pa+ss%2Fw%22ord",
            "deadbeefcafe",
        ];
        let mut events = Vec::new();
        for form in forms {
            events.push(Event::Process(ProcessEvent::CrashReport { text: format!("panic: {form}!") }));
            events.push(Event::Process(ProcessEvent::Health { status: form.to_owned() }));
            events.push(Event::CallIssued {
                call: 1,
                action: None,
                method: Method::Initialize,
                resource: String::new(),
                request: Payload(Bytes::from(format!("\x0a{form}"))),
            });
            let error = RpcError { code: counterfoil_core::rpc::Code::Internal, message: form.to_owned() };
            events.push(Event::ReplySent { call: 1, reply: Reply::Error(error) });
            events.push(Event::ReplySent { call: 1, reply: Reply::Ok(Payload(Bytes::from(form))) });
        }
        let mut trace = trace(events);
        let version = trace.header.version;
        redact_trace(&mut trace, &redactor);
        let mut saved = Vec::new();
        trace.save(&mut saved).unwrap();
        let saved = String::from_utf8(saved).unwrap();
        for form in forms {
            let escaped = Value::from(form).to_string();
            assert!(!saved.contains(escaped.trim_matches('"')), "{form} in {saved}");
            assert!(!saved.contains(&hex::encode(form)), "{form} in {saved}");
        }
        assert_eq!((Trace::load(saved.as_bytes()).unwrap(), trace.header.version), (trace, version));
    }

    #[test]
    fn a_secret_goes_out_of_a_manifest_and_everything_else_stays_at_its_place() {
        let redactor = Redactor::new([("token", "gr\u{fc}ne wolke"), ("port", "5432")]);
        let text = "{ \"a\": \"gr\u{fc}ne wolke!\", \"b\": 5432,\n\"name\": 1 }";
        let file = ManifestFile {
            path: "x/plugin.json".to_owned(),
            origin: Origin::Archive,
            program: "x".to_owned(),
            text: Some(text.to_owned()),
        };
        let mut trace = trace(vec![Event::Process(ProcessEvent::ManifestFile(file))]);
        redact_trace(&mut trace, &redactor);
        let Event::Process(ProcessEvent::ManifestFile(file)) = &trace.events[0] else {
            panic!("it is there")
        };
        let masked = "{ \"a\": \"***********!\", \"b\": 9999,\n\"name\": 1 }";
        assert_eq!(file.text.as_deref(), Some(masked));
        assert!(judge(&trace).findings.iter().any(|finding| finding.rule == "MAN-002"));
    }

    #[test]
    fn a_secret_that_is_a_word_of_the_trace_does_not_spoil_it() {
        let redactor = Redactor::new([("a", "head"), ("b", "create"), ("c", "1234")]);
        let log = Recorder::default();
        log.push(Event::Process(ProcessEvent::Health { status: "head 1234".to_owned() }));
        log.push(Event::ReplySent { call: 1, reply: Reply::Ok(Payload(Bytes::from_static(&[0x12, 0x34]))) });
        let mut trace = trace(log.take());
        redact_trace(&mut trace, &redactor);
        assert_eq!(trace.header.revision, Revision::Head);
        let health = ProcessEvent::Health { status: "[secret:a] [secret:c]".to_owned() };
        assert_eq!(trace.events[0], Event::Process(health));
        let reply = Reply::Ok(Payload(Bytes::from_static(&[0x12, 0x34])));
        assert_eq!(trace.events[1], Event::ReplySent { call: 1, reply });
    }

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
