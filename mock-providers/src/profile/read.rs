//! Profiles as they are written: in YAML, and mistakes in it.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, SeqAccess, Visitor},
};
use serde_saphyr::{DefaultMessageFormatter, Error, MessageFormatter, Spanned};

use super::{Point, Profile, ProfileError};

/// A file: a provider, and what it was at each point.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct History {
    plugin: String,
    provider: String,
    description: String,
    placeholder: BTreeMap<String, String>,
    #[serde(deserialize_with = "points")]
    points: Vec<Point>,
}

/// The profiles of a file, one per point and in its order.
///
/// # Errors
/// The first mistake in the text, with its place in `file`.
pub(super) fn profiles(file: &str, text: &str) -> Result<Vec<Profile>, ProfileError> {
    // Words and digits mean what they mean in a scenario.
    let options = serde_saphyr::options! {
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
    };
    let history: History =
        serde_saphyr::from_str_with_options(text, options).map_err(|error| mistake(file, &error))?;
    let History { plugin, provider, description, placeholder, points } = history;
    let profile = |point| Profile {
        plugin: plugin.clone(),
        provider: provider.clone(),
        description: description.clone(),
        placeholder: placeholder.clone(),
        point,
    };
    Ok(points.into_iter().map(profile).collect())
}

fn mistake(file: &str, error: &Error) -> ProfileError {
    let (line, column) = error.location().map_or((1, 1), |at| (at.line(), at.column()));
    let options = serde_saphyr::render_options! { formatter: &Meant, source_name: Some(file) };
    ProfileError::Mistake { line, column, text: error.render_with_options(options) }
}

/// Tells mistakes as the parser does, and of words that are none what was probably meant.
struct Meant;

impl MessageFormatter for Meant {
    fn format_message<'a>(&self, error: &'a Error) -> Cow<'a, str> {
        let plain = DefaultMessageFormatter.format_message(error);
        let meant = match error {
            Error::SerdeUnknownField { field: word, expected, .. }
            | Error::SerdeUnknownVariant { variant: word, expected, .. } => nearest(word, expected),
            _ => None,
        };
        match meant {
            Some(meant) => format!("{plain}; did you mean `{meant}`?").into(),
            None => plain,
        }
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

/// At least one point, and no two of one name.
fn points<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Point>, D::Error> {
    struct Points;

    impl<'de> Visitor<'de> for Points {
        type Value = Vec<Point>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of points, oldest first")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Point>, A::Error> {
            let mut points: Vec<Spanned<Point>> = Vec::new();
            while let Some(point) = list.next_element::<Spanned<Point>>()? {
                if let Some(namesake) = points.iter().find(|known| known.value.at == point.value.at) {
                    // The place of the mistake is the list, so its lines stand in the text.
                    return Err(A::Error::custom(format_args!(
                        "the points of line {} and line {} are both called `{}`; rename one",
                        namesake.referenced.line(),
                        point.referenced.line(),
                        point.value.at
                    )));
                }
                points.push(point);
            }
            if points.is_empty() {
                return Err(A::Error::custom("a profile needs at least one point: `- at: 1.0.0`, and so on"));
            }
            Ok(points.into_iter().map(|point| point.value).collect())
        }
    }

    deserializer.deserialize_seq(Points)
}

/// The name of a point: what can stand behind the `@` of a profile's name.
pub(super) fn point_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    if name.is_empty() || name.contains(|c: char| c == '@' || c.is_whitespace() || c.is_control()) {
        let text =
            format_args!("{name:?} names no point; expected a name such as `1.1.0`, without `@` and blanks");
        return Err(D::Error::custom(text));
    }
    Ok(name)
}

/// Ids of rules, such as `CAP-006`. Which rules there are is not known here.
pub(super) fn rule_ids<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeSet<String>, D::Error> {
    let ids = Vec::<RuleId>::deserialize(deserializer)?;
    Ok(ids.into_iter().map(|RuleId(id)| id).collect())
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
