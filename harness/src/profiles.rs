//! Profiles of providers: ours by their names, and a user's own by their files.

use std::{
    ffi::OsString,
    fmt, io,
    path::{self, Path},
};

use counterfoil_core::{
    release::{Plugin, Release},
    rules,
    scenario::{self, Diagnostic, Span},
};
use counterfoil_mock::{Place, Profile, ProfileError};

use crate::run::{Unusable, read_document, rules_help};

/// A profile, and how to name it to another process.
#[derive(Clone, Debug)]
pub struct Found {
    /// The profile.
    pub profile: Profile,
    /// Its name and point; where it is one of a file, with the whole path.
    pub named: OsString,
}

/// Why there is no profile.
#[derive(Debug)]
pub enum NotFound {
    /// Nothing is called so. What was probably meant, and what there is.
    Unknown(String),
    /// The path of a file has no beginning.
    Nowhere(io::Error),
    /// The file cannot be used.
    Unusable(Unusable),
}

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(text) => f.write_str(text),
            Self::Nowhere(error) => write!(f, "the current directory is not known: {error}"),
            Self::Unusable(Unusable { diagnostics, source: (file, _) }) => match diagnostics.first() {
                Some(first) if first.span.is_some() => write!(f, "{first}"),
                first => write!(f, "{file}: {}", first.map_or("no profile", |first| &first.message)),
            },
        }
    }
}

/// The profile that is meant by `NAME`, `NAME@POINT`, `PATH` or `PATH@POINT`. Without a point it is the newest.
///
/// # Errors
/// When there is none, with what was probably meant; every mistake that can be told of a file.
pub fn find(named: &str) -> Result<Found, NotFound> {
    let Some((path, at)) = of_a_file(named) else { return ours(named) };
    let history = read(Path::new(path)).map_err(NotFound::Unusable)?;
    let profile = Profile::at(&history, at).ok_or_else(|| {
        let points = history.iter().map(|profile| profile.point.at.as_str());
        NotFound::Unknown(no_point(path, at.unwrap_or_default(), points))
    })?;
    let mut named = path::absolute(path).map_err(NotFound::Nowhere)?.into_os_string();
    named.push(format!("@{}", profile.point.at));
    Ok(Found { profile: profile.clone(), named })
}

/// The profiles in a file: one per point, oldest first, and at least one.
///
/// # Errors
/// The first mistake of the file; where it has none, every rule that it names and that does not exist.
pub fn read(path: &Path) -> Result<Vec<Profile>, Unusable> {
    let file = path.display().to_string();
    let bytes = read_document(path, &file).map_err(|mistake| Unusable::new(vec![*mistake], &file, &[]))?;
    parse(&file, &bytes).map_err(|mistakes| Unusable::new(mistakes, &file, &bytes))
}

/// The profiles in the text of a file.
///
/// # Errors
/// As those of [`read`].
pub fn parse(file: &str, bytes: &[u8]) -> Result<Vec<Profile>, Vec<Diagnostic>> {
    let text = String::from_utf8_lossy(bytes);
    let at = |code, place, message: String| {
        let span = word_at(&text, place);
        Diagnostic {
            line: place.line,
            column: place.column,
            ..Diagnostic::at(file, &text, code, span, message)
        }
    };
    let history = Profile::parse(bytes).map_err(|ProfileError { place, message, help }| {
        let mistake = at("not-a-profile", place, message);
        vec![Diagnostic { help, ..mistake }]
    })?;
    let claims = history.iter().flat_map(|profile| &profile.point.findings);
    let unknown = claims.filter(|(rule, _)| rules::find(rule).is_none());
    let mistakes: Vec<Diagnostic> = unknown
        .map(|(rule, place)| {
            at("unknown-rule", *place, format!("no rule is called `{rule}`")).help(rules_help(rule))
        })
        .collect();
    if mistakes.is_empty() { Ok(history) } else { Err(mistakes) }
}

/// Each profile that a release names and that cannot be had, with its place: which there are is not known where a release is
/// read.
pub fn missing_of(release: &Release) -> Vec<Diagnostic> {
    let source = &release.source;
    let artefacts =
        release.plugins.iter().flat_map(|plugin| plugin.platforms.values().chain(&plugin.previous));
    let named = artefacts.filter_map(|artefact| match &artefact.plugin {
        Some(Plugin::Profile(named)) => Some((named, artefact.span)),
        _ => None,
    });
    named
        .filter_map(|(named, span)| {
            let message = find(named).err()?.to_string();
            Some(
                Diagnostic::at(&source.file, &source.text, "unknown-profile", span, message)
                    .label("no profile"),
            )
        })
        .collect()
}

/// The path of a file and a point, where a name is that of a file.
fn of_a_file(named: &str) -> Option<(&str, Option<&str>)> {
    let is_yaml =
        |text: &str| Path::new(text).extension().is_some_and(|kind| kind == "yaml" || kind == "yml");
    let is_path = |text: &str| text.contains('/') || is_yaml(text);
    match named.rsplit_once('@') {
        Some((path, at)) if is_path(path) && !at.contains('/') && !Path::new(named).exists() => {
            Some((path, Some(at)))
        }
        _ => is_path(named).then_some((named, None)),
    }
}

fn ours(named: &str) -> Result<Found, NotFound> {
    if let Some(profile) = Profile::named(named) {
        return Ok(Found { profile, named: named.into() });
    }
    let text = match named.split_once('@') {
        Some((name, at)) if Profile::points(name).next().is_some() => {
            no_point(name, at, Profile::points(name))
        }
        _ => {
            let name = named.split('@').next().unwrap_or_default();
            let all: Vec<&str> = Profile::names().collect();
            let meant = meant(name, &all);
            format!(
                "no profile is called {named:?}{meant}; there are {}, or the path of a file",
                all.join(", ")
            )
        }
    };
    Err(NotFound::Unknown(text))
}

fn no_point<'a>(name: &str, at: &str, points: impl Iterator<Item = &'a str>) -> String {
    let points: Vec<&str> = points.collect();
    format!("{name} has no point {at:?}{}; it has {}", meant(at, &points), points.join(", "))
}

fn meant(word: &str, candidates: &[&str]) -> String {
    let nearest = scenario::nearest(word, candidates.iter().copied());
    nearest.map(|meant| format!(": did you mean {meant:?}?")).unwrap_or_default()
}

/// The word that begins at a place.
fn word_at(text: &str, place: Place) -> Span {
    let line = text.split_inclusive('\n').take(place.line - 1).map(str::len).sum::<usize>();
    let rest = &text[line..];
    let start = rest.char_indices().nth(place.column - 1).map_or(rest.len(), |(at, _)| at);
    let len = rest[start..].find(|c: char| c.is_whitespace() || ",[]{}:#".contains(c));
    Span { start: line + start, len: len.unwrap_or(rest.len() - start) }
}

#[cfg(test)]
mod tests {
    use std::{env, fs, path::PathBuf};

    use serde_json::Value;

    use super::*;

    /// Each folder `tests/ui/profile-…` holds a faulty profile and what is to be told of it. `UPDATE_UI=1` writes that
    /// anew.
    #[test]
    fn faulty_profiles_get_the_diagnostics_beside_them() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/ui");
        let entries = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
        let is_ours = |case: &PathBuf| case.file_name().unwrap().to_str().unwrap().starts_with("profile-");
        let mut cases: Vec<PathBuf> = entries.filter(is_ours).collect();
        cases.sort();
        assert!(cases.len() >= 15, "{} cases", cases.len());
        let mut wrong = Vec::new();
        for case in cases {
            let bytes = fs::read(case.join("profile.yaml")).unwrap();
            let found = serde_json::to_value(parse("profile.yaml", &bytes).unwrap_err()).unwrap();
            let expected = case.join("expected.json");
            if env::var_os("UPDATE_UI").is_some() {
                fs::write(&expected, serde_json::to_string_pretty(&found).unwrap() + "\n").unwrap();
            }
            let known =
                fs::read(&expected).ok().and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
            if known.as_ref() != Some(&found) {
                wrong.push(format!("{}\n{found:#}", case.display()));
            }
        }
        assert!(wrong.is_empty(), "not as expected:\n{}", wrong.join("\n"));
    }

    #[test]
    fn a_name_with_the_sign_of_a_path_is_that_of_a_file() {
        for (named, expected) in [
            ("aws", None),
            ("aws@1.1.0", None),
            ("mine.yaml", Some(("mine.yaml", None))),
            ("./mine", Some(("./mine", None))),
            ("a@b/mine.yml", Some(("a@b/mine.yml", None))),
            ("a@b/mine.yml@1.0.0", Some(("a@b/mine.yml", Some("1.0.0")))),
        ] {
            assert_eq!(of_a_file(named), expected, "{named}");
        }
    }

    #[test]
    fn every_rule_that_a_profile_of_ours_names_exists() {
        for (name, history) in Profile::all() {
            for profile in history {
                for rule in profile.point.findings.keys() {
                    assert!(rules::find(rule).is_some(), "{name}@{}: {rule}", profile.point.at);
                }
            }
        }
    }

    #[test]
    fn what_is_called_otherwise_is_told() {
        for (named, told) in [
            ("asw", "no profile is called \"asw\": did you mean \"aws\"?; there are reference, aws, "),
            ("asw@1.1.0", "did you mean \"aws\"?"),
            ("moon", "no profile is called \"moon\"; there are reference, "),
            ("aws@1.1", "aws has no point \"1.1\": did you mean \"1.1.0\"?; it has 1.2.0, 1.1.0, "),
        ] {
            match find(named) {
                Err(NotFound::Unknown(text)) => assert!(text.contains(told), "{text}"),
                other => panic!("{named}: {other:?}"),
            }
        }
        assert!(matches!(find("./nowhere.yaml"), Err(NotFound::Unusable(_))));
    }

    #[test]
    fn a_profile_that_a_release_names_has_to_be_there() {
        let place = tempfile::tempdir().unwrap();
        let mut profile = fs::read_to_string("../mock-providers/profiles/gcp.yaml").unwrap();
        fs::write(place.path().join("mine.yaml"), &profile).unwrap();
        profile.replace_range(..profile.find("provider:").unwrap(), "provder: 1\n");
        fs::write(place.path().join("broken.yaml"), profile).unwrap();
        let text = "\
release: rehearsal
require: offline
engine:
  { from: 0.56.0, to: 0.57.0, bump: { minor: m }, commit: 0123abcd, tag: v0.57.0, order: 1, state: planned }
plugins:
  - { name: p, from: 1.0.0, to: 2.0.0, bump: { major: m }, commit: 0123abcd, tag: v2.0.0, order: 2, state: planned,
      previous: { profile: aws@1.1 },
      platforms: {
        linux/amd64: { profile: mine.yaml@v2-declared },
        linux/arm64: { profile: aws@2.0.0 },
        darwin/amd64: { profile: mine.yaml@2.0.0 },
        darwin/arm64: { profile: broken.yaml },
        windows/amd64: { profile: nowhere.yaml } } }
";
        let release = scenario::parse_release("release.yaml", place.path(), text.as_bytes()).unwrap();
        let mut missing = missing_of(&release);
        missing.sort_by_key(|mistake| mistake.line);
        let told: Vec<_> = missing.iter().map(|mistake| (mistake.line, &*mistake.message)).collect();
        let expected = [
            (
                7,
                "aws has no point \"1.1\": did you mean \"1.1.0\"?; it has 1.2.0, 1.1.0, v2-declared, 1.2.1, 2.0.0",
            ),
            (11, "mine.yaml has no point \"2.0.0\""),
            (12, "broken.yaml:1:1: "),
            (13, "nowhere.yaml: there is no such file"),
        ];
        assert_eq!(told.len(), expected.len(), "{told:?}");
        for ((line, message), (at, expected)) in told.iter().zip(expected) {
            assert!(*line == at && message.contains(expected), "{line}: {message}");
        }
    }

    #[test]
    fn a_place_becomes_the_word_that_begins_there() {
        let text = "a: é b\n  key: [one, two]\n";
        for (line, column, word) in [(1, 1, "a"), (1, 6, "b"), (2, 3, "key"), (2, 14, "two"), (9, 9, "")] {
            let span = word_at(text, Place { line, column });
            assert_eq!(&text[span.start..span.end()], word, "{line}:{column}");
        }
    }
}
