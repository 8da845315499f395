//! Profiles as they are written: in YAML, and mistakes in it.

use std::collections::BTreeMap;

use counterfoil_proto::Revision;
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_saphyr::{DefaultMessageFormatter, Error, Location, MessageFormatter as _, Spanned};

use super::{Place, Point, Profile, ProfileError};

/// A file: a provider, and what it was at each point.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct History {
    #[serde(deserialize_with = "plugin_name")]
    plugin: String,
    #[serde(deserialize_with = "not_empty")]
    provider: String,
    description: String,
    placeholder: BTreeMap<String, String>,
    points: Spanned<Vec<Spanned<Point>>>,
}

/// The profiles of a file, one per point and in its order.
///
/// # Errors
/// The first mistake in the text.
pub(super) fn profiles(bytes: &[u8]) -> Result<Vec<Profile>, ProfileError> {
    let text = utf8(bytes)?;
    if text.lines().all(|line| line.trim_start().is_empty() || line.trim_start().starts_with('#')) {
        let help = "it begins with `plugin: NAME`; docs/profiles.md has an example";
        return Err(mistake(Location::UNKNOWN, "the file holds no profile").with_help(help));
    }
    // Words and digits mean what they mean in a scenario.
    let options = serde_saphyr::options! {
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        with_snippet: false,
    };
    let history: History =
        serde_saphyr::from_str_with_options(text, options).map_err(|error| told(&error))?;
    let History { plugin, provider, description, placeholder, points } = history;
    if points.value.is_empty() {
        let help = "a point begins with `- at: 1.0.0`";
        return Err(mistake(points.referenced, "a profile needs at least one point").with_help(help));
    }
    check_names(&points.value)?;
    let profile = |point: Spanned<Point>| Profile {
        plugin: plugin.clone(),
        provider: provider.clone(),
        description: description.clone(),
        placeholder: placeholder.clone(),
        point: point.value,
    };
    Ok(points.value.into_iter().map(profile).collect())
}

fn utf8(bytes: &[u8]) -> Result<&str, ProfileError> {
    str::from_utf8(bytes).map_err(|error| {
        let (before, after) = bytes.split_at(error.valid_up_to());
        let before = String::from_utf8_lossy(before);
        let line = 1 + before.matches('\n').count();
        let column = 1 + before.rsplit('\n').next().map_or(0, |of_line| of_line.chars().count());
        let message = format!("the file is not UTF-8: byte {:#04x}", after.first().unwrap_or(&0));
        ProfileError { place: Place { line, column }, message, help: Some("save it as UTF-8".to_owned()) }
    })
}

/// No two points may have one name.
fn check_names(points: &[Spanned<Point>]) -> Result<(), ProfileError> {
    for (at, point) in points.iter().enumerate() {
        let name = &point.value.at;
        if let Some(first) = points[..at].iter().find(|earlier| earlier.value.at == *name) {
            let message = format!("a second point is called `{name}`");
            let help = format!("the first is in line {}; rename one of them", place(first.referenced).line);
            return Err(mistake(point.referenced, message).with_help(help));
        }
    }
    Ok(())
}

impl ProfileError {
    fn with_help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

fn mistake(location: Location, message: impl Into<String>) -> ProfileError {
    ProfileError { place: place(location), message: message.into(), help: None }
}

/// What is nowhere is at the beginning.
fn place(location: Location) -> Place {
    let number = |told: u64| usize::try_from(told).unwrap_or(usize::MAX).max(1);
    Place { line: number(location.line()), column: number(location.column()) }
}

/// A mistake as the parser tells it, and of words that are none what was probably meant.
fn told(error: &Error) -> ProfileError {
    let found = mistake(error.location().unwrap_or(Location::UNKNOWN), message(error));
    let meant = match error.without_snippet() {
        Error::SerdeUnknownField { field: word, expected, .. }
        | Error::SerdeUnknownVariant { variant: word, expected, .. } => nearest(word, expected),
        _ => None,
    };
    match meant {
        Some(meant) => found.with_help(format!("did you mean `{meant}`?")),
        None => found,
    }
}

/// What is wrong, in words of the format where the parser speaks of its own.
fn message(error: &Error) -> String {
    match error.without_snippet() {
        Error::DuplicateMappingKey { key: Some(key), .. } => format!("a second `{key}`"),
        Error::DuplicateMappingKey { key: None, .. } => "a key that is there already".to_owned(),
        Error::MultipleDocuments { .. } => "a second document; a file holds one".to_owned(),
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            format!("`{variant}` is none of {}", expected.join(", "))
        }
        Error::InvalidScalar { .. } => "expected a whole number".to_owned(),
        Error::Unexpected { expected: "mapping start", .. } => "expected a map, `key: value`".to_owned(),
        Error::Unexpected { expected: "sequence start", .. } => {
            "expected a list, `[one, another]`".to_owned()
        }
        Error::Unexpected { expected: "string scalar", .. } => "expected a text".to_owned(),
        other => DefaultMessageFormatter.format_message(other).into_owned(),
    }
}

/// The candidate that a word was probably meant to be.
fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let plain = word.to_lowercase().replace(['-', ' '], "_");
    let likeness = |candidate: &str| strsim::normalized_damerau_levenshtein(&plain, candidate);
    let near = candidates.iter().map(|candidate| (*candidate, likeness(candidate)));
    let near = near.filter(|(_, likeness)| *likeness >= 0.6);
    near.max_by(|(_, one), (_, other)| one.total_cmp(other)).map(|(candidate, _)| candidate)
}

/// The name of a plugin, which is that of its directory and of its program too.
fn plugin_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.starts_with(['.', '-']) || !name.chars().all(fits) {
        return Err(D::Error::custom(format_args!(
            "{name:?} names no plugin; expected a name such as `workflow-plugin-mine`, of letters, digits, `-`, \
             `_` and `.`"
        )));
    }
    Ok(name)
}

fn not_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    if name.is_empty() {
        return Err(D::Error::custom("a provider without a name; expected one such as `aws`"));
    }
    Ok(name)
}

/// The version of a plugin: a release, or what comes before one.
pub(super) fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let version = String::deserialize(deserializer)?;
    if semver::Version::parse(&version).is_err() {
        let text = format_args!("{version:?} is not a version; expected three numbers, such as `1.2.0`");
        return Err(D::Error::custom(text));
    }
    Ok(version)
}

/// The version of an engine that speaks the contract.
pub(super) fn engine_version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let version = String::deserialize(deserializer)?;
    match Revision::for_version(&version) {
        Ok(_) => Ok(version),
        Err(error) => Err(D::Error::custom(error)),
    }
}

/// The version of the engine's module that a plugin is built with.
pub(super) fn module_version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let version = engine_version(deserializer)?;
    match version.strip_prefix('v') {
        None => Ok(version),
        Some(bare) => Err(D::Error::custom(format_args!(
            "{version:?} names a tag; expected the version alone, `{bare}`"
        ))),
    }
}

/// The hash of a commit, or its beginning.
pub(super) fn commit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let commit = String::deserialize(deserializer)?;
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if (7..=64).contains(&commit.len()) && commit.bytes().all(is_digit) {
        return Ok(commit);
    }
    Err(D::Error::custom(format_args!(
        "{commit:?} is no commit; expected 7 hexadecimal digits of its hash or more, in small letters"
    )))
}

/// The name of a point: what can stand behind the `@` of a profile's name.
pub(super) fn point_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    let unfit = |c: char| c == '@' || c == '/' || c.is_whitespace() || c.is_control();
    if name.is_empty() || name.contains(unfit) {
        let text = format_args!(
            "{name:?} names no point; expected a name such as `1.1.0`, without `@`, `/` and blanks"
        );
        return Err(D::Error::custom(text));
    }
    Ok(name)
}

/// Ids of rules, such as `CAP-006`. Which rules there are is not known here.
pub(super) fn rule_ids<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, Place>, D::Error> {
    let ids = Vec::<Spanned<RuleId>>::deserialize(deserializer)?;
    Ok(ids.into_iter().map(|id| (id.value.0, place(id.referenced))).collect())
}

struct RuleId(String);

impl<'de> Deserialize<'de> for RuleId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = String::deserialize(deserializer)?;
        let parts = id.split_once('-');
        let well_formed = parts.is_some_and(|(family, number)| {
            !family.is_empty()
                && family.bytes().all(|byte| byte.is_ascii_uppercase())
                && number.len() == 3
                && number.bytes().all(|byte| byte.is_ascii_digit())
        });
        if !well_formed {
            return Err(D::Error::custom(format_args!(
                "{id:?} is no id of a rule; expected one such as `CAP-006`"
            )));
        }
        Ok(Self(id))
    }
}
