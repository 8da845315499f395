//! The command that runs a single job again.

use std::{
    ffi::OsString,
    fmt::Write as _,
    path::{Path, PathBuf},
};

/// A command that lacks one word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Again {
    before: String,
    behind: String,
}

impl From<String> for Again {
    /// A command that ends where the word is missing.
    fn from(before: String) -> Self {
        Self { before, behind: String::new() }
    }
}

impl Again {
    /// The command with this word.
    pub fn with(&self, word: &str) -> String {
        format!("{} {}{}", self.before, shell_word(word), self.behind)
    }

    /// The command that makes the run of this id again, where a filter is what it lacks.
    pub fn run(&self, id: &str) -> String {
        format!("{} --filter {id}{}", self.before, self.behind)
    }
}

/// The start of that command, up to its filter: the same files, judged as strictly, with the same mutant and by the
/// same settings. What comes from settings is not said, since these say it again.
pub fn reproduce(
    paths: &[PathBuf],
    strict: Option<bool>,
    mutant: Option<&str>,
    settings: Option<&Path>,
    no_settings: bool,
) -> String {
    let mut words = vec!["counterfoil run".to_owned()];
    for path in paths {
        let path = path.display().to_string();
        // What looks like an option is none with a directory before it.
        let path = if path.starts_with('-') { format!("./{path}") } else { path };
        words.push(shell_word(&path));
    }
    match strict {
        Some(true) => words.push("--strict".to_owned()),
        Some(false) => words.push("--strict=false".to_owned()),
        None => {}
    }
    if let Some(mutant) = mutant {
        words.extend(["--mutant".to_owned(), mutant.to_owned()]);
    }
    if let Some(settings) = settings {
        words.push(shell_word(&format!("--settings={}", settings.display())));
    }
    if no_settings {
        words.push("--no-settings".to_owned());
    }
    words.join(" ")
}

/// Options that say what is reported of a run, or which runs are made: the runs that are left do not need them. Each takes
/// a word.
const OF_A_RUN: [&str; 8] = [
    "--filter",
    "-f",
    "--report",
    "--partition",
    "--keep-traces",
    "--known-failures",
    "--evidence-format",
    "--evidence",
];
/// Options that say how far an exploration goes. Each takes a word.
const OF_AN_EXPLORATION: [&str; 7] = ["--cases", "--time", "--seed", "--into", "--jobs", "-j", "--map"];

/// The start of the command that tests the same subject again, up to its filter: `words` as they were given, without
/// filters and reports.
pub fn reproduce_test(words: impl IntoIterator<Item = OsString>) -> String {
    kept("counterfoil", words, &OF_A_RUN)
}

/// The command that runs a scenario against what was explored, a `noun`: `words` as they were given, from the command on. It
/// lacks the scenario's path.
pub fn reproduce_explored(noun: &str, words: impl IntoIterator<Item = OsString>) -> Again {
    // The command itself is another: `explore provider` becomes `test provider`.
    let (ours, behind) = before_an_adapter(words.into_iter().skip(2));
    let mut before = kept(&format!("counterfoil test {noun}"), ours, &OF_AN_EXPLORATION);
    before.push_str(" --scenario");
    Again { before, behind }
}

/// The command that tests what stands behind an adapter again: `words` as they were given, without filters and reports. What
/// starts the adapter comes last.
pub fn reproduce_adapter(words: impl IntoIterator<Item = OsString>) -> Again {
    let (ours, behind) = before_an_adapter(words);
    Again { before: kept("counterfoil", ours, &OF_A_RUN), behind }
}

/// The words up to those that start an adapter, and these as a shell reads them back.
fn before_an_adapter(words: impl IntoIterator<Item = OsString>) -> (Vec<OsString>, String) {
    let mut ours: Vec<OsString> = words.into_iter().collect();
    let adapter = ours.split_off(ours.iter().position(|word| word == "--").unwrap_or(ours.len()));
    let adapter = adapter.iter().map(|word| format!(" {}", shell_word(&word.to_string_lossy())));
    (ours, adapter.collect())
}

/// Words as a shell reads them back, without the options that are dropped, and what these take.
fn kept(command: &str, words: impl IntoIterator<Item = OsString>, dropped: &[&str]) -> String {
    const UPDATE: &str = "--update-known-failures";
    let mut kept = vec![command.to_owned()];
    let mut words = words.into_iter().map(|word| word.to_string_lossy().into_owned());
    while let Some(word) = words.next() {
        if word == UPDATE {
            continue;
        }
        match dropped.iter().find(|dropped| word.starts_with(**dropped)) {
            Some(dropped) if word == *dropped => drop(words.next()),
            // A short option holds its word.
            Some(dropped) if word[dropped.len()..].starts_with('=') || !dropped.starts_with("--") => {}
            _ => kept.push(shell_word(&word)),
        }
    }
    kept.join(" ")
}

/// A word as a shell reads it back.
pub(crate) fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./@:,+=%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else if text.chars().any(char::is_control) {
        let escaped = text.chars().fold(String::new(), |mut escaped, c| {
            match c {
                '\'' | '\\' => escaped.extend(['\\', c]),
                c if c.is_control() => {
                    for byte in c.to_string().bytes() {
                        let _ = write!(escaped, "\\x{byte:02x}");
                    }
                }
                c => escaped.push(c),
            }
            escaped
        });
        format!("$'{escaped}'")
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_one_that_a_shell_reads_back() {
        let paths = ["suite/a.yaml", "-odd", "a b's", "new\nline"].map(PathBuf::from);
        assert_eq!(
            reproduce(&paths, Some(true), Some("always-success"), Some("a b.yaml".as_ref()), false),
            r"counterfoil run suite/a.yaml ./-odd 'a b'\''s' $'new\x0aline' --strict --mutant always-success '--settings=a b.yaml'"
        );
        assert_eq!(reproduce(&[], None, None, None, false), "counterfoil run");
        assert_eq!(
            reproduce(&[], Some(false), None, None, true),
            "counterfoil run --strict=false --no-settings"
        );
    }

    #[test]
    fn a_test_is_repeated_without_what_only_selects_and_reports() {
        let given = "test provider ./p -f a --filter=b --report json=r --partition 1/2 --env REGION --live --keep-traces t --update-known-failures --evidence e --evidence-format=wfctl";
        let again = reproduce_test(given.split(' ').map(OsString::from));
        assert_eq!(again, "counterfoil test provider ./p --env REGION --live");
    }

    #[test]
    fn what_starts_an_adapter_stands_behind_the_filter_as_it_was_given() {
        let given = "test decoder --made-up 9 -f a --report json=r -- ./adapter --filter b";
        let again = reproduce_adapter(given.split(' ').map(OsString::from));
        let command = "counterfoil test decoder --made-up 9 --filter status-4@0.56 -- ./adapter --filter b";
        assert_eq!(again.run("status-4@0.56"), command);
        let given = "explore decoder --cases 9 --env REGION --map m.html -- ./my\tadapter --seed";
        let again = reproduce_explored("decoder", given.split(' ').map(OsString::from));
        let command =
            r"counterfoil test decoder --env REGION --scenario 'a b.yaml' -- $'./my\x09adapter' --seed";
        assert_eq!(again.with("a b.yaml"), command);
    }
}
