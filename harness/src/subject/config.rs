//! What `Initialize` is given.

use std::{
    collections::BTreeMap,
    fmt,
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use serde_json::Value;

use super::redact::{Redactor, SHORTEST};

/// The largest config that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// Words in the name of a key that make a secret of its value, however they are joined in it.
const SECRET_WORDS: [&str; 9] = [
    "secret",
    "token",
    "password",
    "passwd",
    "passphrase",
    "credential",
    "privatekey",
    "accesskey",
    "apikey",
];
/// Keys below which every value is a secret.
const SECRET_KEYS: [&str; 2] = ["env_vars_secret", "secret_env_vars"];

/// The values of a config that must never show, by their dotted paths.
#[derive(Clone, Copy, Debug, Default)]
pub struct Secrets<'a> {
    /// Those that have to be there: who names one that is not has made a mistake.
    pub required: &'a [String],
    /// Those of another config than this one: what it lacks of them is no mistake.
    pub where_present: &'a [String],
}

/// The config of a provider.
#[derive(Clone, Debug)]
pub struct Config {
    /// As `Initialize` is given it: JSON, or no byte at all where there is no config (E-219).
    pub json: Bytes,
    /// Knows its secrets.
    pub redactor: Redactor,
}

/// A config that cannot be used. What it says never shows what is in the file: there may be secrets in it.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is too large to be one.
    #[error("{} is larger than {MAX_BYTES} bytes, so it is no config", .0.display())]
    TooLarge(PathBuf),
    /// It is neither YAML nor JSON.
    #[error("{}{place} is neither YAML nor JSON; the line is not shown, since a config may hold secrets", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line and column, where they are known.
        place: String,
    },
    /// It is no mapping.
    #[error("{} holds no mapping: a config names fields and their values", .0.display())]
    NoMapping(PathBuf),
    /// A `--secret` names nothing.
    #[error("--secret {0}: the config has no text there")]
    NoSecret(String),
    /// A `--secret` that is too short to be kept out of anything.
    #[error("--secret {0}: a text of fewer than {SHORTEST} bytes cannot be kept out of what is said")]
    TooShort(String),
    /// A reference to a variable that the plugin is not given. Its name may be a part of a secret with a `$` in it.
    #[error(
        "the config refers at {0} to a variable that is not given: --env NAME passes one on from the environment"
    )]
    NoVariable(String),
}

impl Config {
    /// Reads a config, YAML or JSON. The texts of `secrets` must never show; where none is named,
    /// keys that look like secrets count, and values below `env_vars_secret` and `secret_env_vars` always do.
    /// References to variables, `$NAME` and `${NAME}`, are resolved from `environment`, as the real host does (E-219).
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn read(
        path: &Path,
        secrets: Secrets<'_>,
        environment: &BTreeMap<String, String>,
    ) -> Result<Self, ConfigError> {
        let io = |source| ConfigError::Io { path: path.to_owned(), source };
        let mut text = Vec::new();
        let read = File::open(path).map_err(io)?.take(MAX_BYTES + 1).read_to_end(&mut text).map_err(io)?;
        if read as u64 > MAX_BYTES {
            return Err(ConfigError::TooLarge(path.to_owned()));
        }
        // Words and digits mean what they mean in a scenario.
        let options = serde_saphyr::options! {
            strict_booleans: true,
            leading_zero_numbers_as_strings: true,
            with_snippet: false,
        };
        let mut value: Value = serde_saphyr::from_slice_with_options(&text, options).map_err(|error| {
            let place = error.location().map(|at| format!(":{}:{}", at.line(), at.column()));
            ConfigError::Syntax { path: path.to_owned(), place: place.unwrap_or_default() }
        })?;
        if !value.is_object() {
            return Err(ConfigError::NoMapping(path.to_owned()));
        }
        expand(&mut value, "", environment)?;
        Self::new(&value, secrets, environment)
    }

    /// A config that is given as it is. Variables whose names look like those of secrets are secrets too.
    ///
    /// # Errors
    /// When one of `secrets` that has to be there is not, or when one is too short to be a secret.
    pub fn new(
        value: &Value,
        secrets: Secrets<'_>,
        environment: &BTreeMap<String, String>,
    ) -> Result<Self, ConfigError> {
        let mut found: Vec<(String, String)> = Vec::new();
        let required = secrets.required.iter().map(|path| (path, true));
        for (path, is_required) in required.chain(secrets.where_present.iter().map(|path| (path, false))) {
            let at = path.split('.').try_fold(value, |value, key| match value {
                Value::Array(items) => items.get(key.parse::<usize>().ok()?),
                _ => value.get(key),
            });
            let before = found.len();
            if let Some(value) = at {
                texts(value, path, &mut found);
            }
            if found.len() == before && is_required {
                return Err(ConfigError::NoSecret(path.clone()));
            }
            if found[before..].iter().any(|(_, text)| text.len() < SHORTEST) {
                return Err(ConfigError::TooShort(path.clone()));
            }
        }
        let guess = secrets.required.is_empty() && secrets.where_present.is_empty();
        let is_secret = |key: &str| SECRET_KEYS.contains(&key) || (guess && looks_secret(key));
        likely(value, "", &is_secret, &mut found);
        // A key of a cloud is often a JSON document within a text.
        for (path, text) in found.clone() {
            if let Ok(inner @ Value::Object(_)) = serde_json::from_str(&text) {
                texts(&inner, &path, &mut found);
            }
        }
        found.extend(secret_variables(environment).map(|(name, text)| (name.clone(), text.clone())));
        let redactor = Redactor::new(found.iter().map(|(path, text)| (path.as_str(), text.as_str())));
        Ok(Self { json: value.to_string().into(), redactor })
    }
}

/// The variables whose names look like those of secrets.
pub(super) fn secret_variables(
    environment: &BTreeMap<String, String>,
) -> impl Iterator<Item = (&String, &String)> {
    environment.iter().filter(|(name, _)| looks_secret(name))
}

/// Whether a name looks like that of a secret: `apiKey`, `api-key` and `API_KEY` alike.
fn looks_secret(name: &str) -> bool {
    let letters: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    SECRET_WORDS.iter().any(|word| letters.contains(word))
}

/// Every text at or below a value.
fn texts(value: &Value, path: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::String(text) => found.push((path.to_owned(), text.clone())),
        Value::Number(number) => found.push((path.to_owned(), number.to_string())),
        Value::Array(items) => items.iter().for_each(|item| texts(item, path, found)),
        Value::Object(fields) => fields.values().for_each(|field| texts(field, path, found)),
        Value::Null | Value::Bool(_) => {}
    }
}

/// Texts below keys that look like those of secrets.
fn likely(value: &Value, path: &str, is: &impl Fn(&str) -> bool, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                if is(key) { texts(field, &path, found) } else { likely(field, &path, is, found) }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| likely(item, path, is, found)),
        _ => {}
    }
}

/// Resolves references to variables in every text at or below `path`.
fn expand(value: &mut Value, path: &str, environment: &BTreeMap<String, String>) -> Result<(), ConfigError> {
    let below =
        |key: &dyn fmt::Display| if path.is_empty() { key.to_string() } else { format!("{path}.{key}") };
    match value {
        Value::String(text) => {
            *text = expanded(text, environment).ok_or_else(|| ConfigError::NoVariable(path.to_owned()))?;
        }
        Value::Array(items) => {
            for (at, item) in items.iter_mut().enumerate() {
                expand(item, &below(&at), environment)?;
            }
        }
        Value::Object(fields) => {
            for (key, field) in fields.iter_mut() {
                expand(field, &below(key), environment)?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// A text with its references resolved; none where a variable is not given.
fn expanded(text: &str, environment: &BTreeMap<String, String>) -> Option<String> {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, behind)) = rest.split_once('$') {
        out.push_str(before);
        let is_name = |c: char| c == '_' || c.is_ascii_alphanumeric();
        let (name, after) = match behind.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            Some(found) => found,
            None => behind.split_at(behind.find(|c| !is_name(c)).unwrap_or(behind.len())),
        };
        if name.is_empty() || !name.chars().all(is_name) {
            out.push('$');
            rest = behind;
            continue;
        }
        out.push_str(environment.get(name)?);
        rest = after;
    }
    Some(out + rest)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn read(text: &str, secrets: &[&str]) -> Result<Config, ConfigError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config");
        fs::write(&path, text).unwrap();
        let secrets: Vec<String> = secrets.iter().copied().map(str::to_owned).collect();
        let environment = BTreeMap::from([("REGION".to_owned(), "nyc3".to_owned())]);
        Config::read(&path, Secrets { required: &secrets, where_present: &[] }, &environment)
    }

    #[test]
    fn yaml_and_json_come_out_alike() {
        let yaml = read("region: ${REGION}\nzones: [$REGION-a]\nprice: 5$\n", &[]).unwrap();
        assert_eq!(yaml.json, r#"{"price":"5$","region":"nyc3","zones":["nyc3-a"]}"#);
        assert_eq!(read(r#"{"region": "x"}"#, &[]).unwrap().json, r#"{"region":"x"}"#);
        assert_eq!(read("a: no\nb: false\nc: 010\n", &[]).unwrap().json, r#"{"a":"no","b":false,"c":"010"}"#);
    }

    #[test]
    fn secrets_are_known_by_path_and_by_the_look_of_their_keys() {
        let text = "api_token: hush-hush\nplain: visible\nsecret_env_vars: { A: never-told }\n";
        let guessed = read(text, &[]).unwrap().redactor;
        assert_eq!(
            guessed.redact("hush-hush visible never-told"),
            "[secret:api_token] visible [secret:secret_env_vars]"
        );
        let named = read(text, &["plain"]).unwrap().redactor;
        assert_eq!(
            named.redact("hush-hush visible never-told"),
            "hush-hush [secret:plain] [secret:secret_env_vars]"
        );
        let joined = "apiKey: key-1234\naccess-key: key-5678\nPassPhrase: long-words\n\
                      credentials: '{\"private_key\": \"inner-key\"}'\n";
        assert_eq!(
            read(joined, &[]).unwrap().redactor.redact("key-1234 key-5678 long-words inner-key"),
            "[secret:apiKey] [secret:access-key] [secret:PassPhrase] [secret:credentials]"
        );
        let (mine, theirs) = (["plain".to_owned()], ["absent.key".to_owned(), "api_token".to_owned()]);
        let both = Secrets { required: &mine, where_present: &theirs };
        let value = serde_json::json!({ "plain": "visible", "api_token": "hush-hush" });
        let both = Config::new(&value, both, &BTreeMap::new()).unwrap().redactor;
        assert_eq!(both.redact("visible hush-hush"), "[secret:plain] [secret:api_token]");
        assert!(matches!(read("pin: '987'", &["pin"]), Err(ConfigError::TooShort(path)) if path == "pin"));
        let environment = BTreeMap::from([("HUSH_TOKEN".to_owned(), "hush-hush".to_owned())]);
        let of_environment = Config::new(&Value::Null, Secrets::default(), &environment).unwrap().redactor;
        assert_eq!(of_environment.redact("hush-hush"), "[secret:HUSH_TOKEN]");
        assert!(
            matches!(read(text, &["absent.key"]), Err(ConfigError::NoSecret(path)) if path == "absent.key")
        );
    }

    #[test]
    fn a_mistake_never_shows_the_file() {
        for text in ["token: 'hush-hush", "- hush-hush", "hush-hush", "a: { token: ['x$hush-hush'] }"] {
            let error = read(text, &[]).unwrap_err().to_string();
            assert!(!error.contains("hush"), "{error}");
        }
        assert!(read("a: { token: ['$x'] }", &[]).unwrap_err().to_string().contains("at a.token.0"));
        assert!(read("token: 'hush", &[]).unwrap_err().to_string().contains("neither YAML nor JSON"));
    }
}
