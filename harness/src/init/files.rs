//! The files of a gate: what stands in them, and how they come to be.

use std::{
    fmt::{self, Write as _},
    fs,
    io::{self, ErrorKind, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    str::FromStr,
};

use counterfoil_core::scenario::{SETTINGS_FILE, yaml_text};

use super::{
    InitError,
    facts::{Facts, WORKFLOWS},
};

/// The list that a baseline writes.
pub const KNOWN_FAILURES: &str = "known-failures.yaml";

/// The workflow, as the CI pack has it for everybody to read.
const WORKFLOW: &str = include_str!("../../../ci/workflows/pull-request.yml");
/// The same for GitLab.
const GITLAB: &str = include_str!("../../../ci/gitlab/gate.yml");
/// How the CI pack writes where our action lies.
const ANY_ACTION: &str = concat!("OWNER/counterfoil/ci@v", env!("CARGO_PKG_VERSION"));
/// What the workflow says of it.
const WHOSE: &str = "        # OWNER is whose Counterfoil you take.\n";
/// On which branch it runs.
const MAIN: &str = "    branches: [main]\n";
/// What the workflow needs of Go.
const SETUP_GO: &str =
    "      - uses: actions/setup-go@v6\n        with:\n          go-version-file: go.mod\n";

/// A kind of CI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ci {
    /// GitHub Actions.
    GitHub,
    /// GitLab CI.
    GitLab,
    /// None that a file is written for.
    None,
}

/// Where Counterfoil's action lies: `OWNER/NAME/PATH@REF`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action(String);

impl Action {
    /// That of the repository which this program was built from, where that is known.
    pub fn ours() -> Option<Self> {
        let repository = env!("CARGO_PKG_REPOSITORY").strip_prefix("https://github.com/")?;
        format!("{}/ci@v{}", repository.trim_end_matches('/'), env!("CARGO_PKG_VERSION")).parse().ok()
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Action {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_plain = |part: &str| {
            !part.is_empty()
                && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
        };
        let is_action = text.split_once('@').is_some_and(|(path, reference)| {
            path.split('/').count() >= 2
                && path.split('/').all(is_plain)
                && reference.split('/').all(is_plain)
        });
        if is_action {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("expected OWNER/NAME/PATH@REF, such as {ANY_ACTION}"))
        }
    }
}

/// What somebody wants of a gate.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The CI that a file is written for; by what is there, where nothing is said.
    pub ci: Option<Ci>,
    /// Where our action lies.
    pub action: Option<Action>,
    /// Whether what is there may be written over.
    pub force: bool,
    /// Whether what fails today is to be a list of known failures.
    pub baseline: bool,
}

/// A file as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Where, relative to the root of the repository.
    pub path: PathBuf,
    /// What should stand in it.
    pub text: String,
    /// What stands in it now, where it is there. What is not text is shown as far as it is.
    pub now: Option<String>,
    /// Whether it is written: what is there stays, unless it may be written over.
    pub is_written: bool,
}

/// The files of a gate for a repository in `root`, by what is known of it. What is left to a human, and what was decided here, is
/// added to the facts.
///
/// # Errors
/// Where something that is in the way cannot be read.
pub fn plan(root: &Path, facts: &mut Facts, wanted: &Wanted) -> Result<Vec<Planned>, InitError> {
    let mut files = vec![(SETTINGS_FILE.to_owned(), settings(facts, wanted.baseline))];
    match wanted.ci.unwrap_or_else(|| ci(facts)) {
        Ci::GitHub => {
            let action = wanted.action.clone().or_else(Action::ours);
            let path = format!("{WORKFLOWS}/counterfoil.yml");
            if action.is_none() {
                facts.left.push(format!(
                    "`uses: {ANY_ACTION}` in {path} has to name whose Counterfoil you take (--action)"
                ));
            }
            files.push((path, workflow(facts, action.as_ref())));
        }
        Ci::GitLab => {
            let path = ".gitlab-ci.counterfoil.yml";
            facts.left.push(format!(".gitlab-ci.yml has to take it in: `include: {{ local: {path} }}`"));
            facts.left.push(
                "COUNTERFOIL_URL and COUNTERFOIL_SHA256 are variables of the project, for you to set"
                    .to_owned(),
            );
            files.push((path.to_owned(), GITLAB.to_owned()));
        }
        Ci::None => {}
    }
    let planned = files.into_iter().map(|(path, text)| {
        let now = now(root, &path)?;
        let is_written = now.as_ref().is_none_or(|now| wanted.force && *now != text);
        Ok(Planned { path: path.into(), text, now, is_written })
    });
    let planned: Vec<Planned> = planned.collect::<Result<_, InitError>>()?;
    if wanted.baseline
        && planned[0].text != planned[0].now.as_deref().unwrap_or_default()
        && !planned[0].is_written
    {
        facts.left.push(format!(
            "`known_failures: {KNOWN_FAILURES}` in {SETTINGS_FILE} makes the gate know the list"
        ));
    }
    Ok(planned)
}

/// The CI by what is there.
fn ci(facts: &mut Facts) -> Ci {
    if let Some(workflow) = &facts.gated_by {
        facts.left.push(format!(
            "{workflow} speaks of counterfoil, so no other workflow is written (--ci github writes it)"
        ));
        return Ci::None;
    }
    if !facts.is_root {
        facts.left.push(
            "run this at the root of the repository, with --plugin, to have a workflow written".to_owned(),
        );
        return Ci::None;
    }
    if facts.is_on_gitlab { Ci::GitLab } else { Ci::GitHub }
}

/// `counterfoil.yaml`.
fn settings(facts: &Facts, baseline: bool) -> String {
    let Facts { path, name, build, .. } = facts;
    let mut text = format!("# How {} is tested: `counterfoil test provider`.\nprovider:\n", yaml_text(name));
    let mut line = |key: &str, value: &str| {
        let _ = writeln!(text, "  {key}: {}", yaml_text(value));
    };
    line("path", path);
    if let Some(build) = build {
        line("build", build);
    }
    if baseline || facts.has_known_failures {
        line("known_failures", KNOWN_FAILURES);
    }
    text
}

/// The workflow of GitHub.
fn workflow(facts: &Facts, action: Option<&Action>) -> String {
    let mut text = match &facts.go_mod {
        Some(go_mod) => {
            WORKFLOW.replace("go-version-file: go.mod", &format!("go-version-file: {}", yaml_text(go_mod)))
        }
        None => WORKFLOW.replace(SETUP_GO, ""),
    };
    if let Some(branch) = &facts.branch {
        text = text.replace(MAIN, &format!("    branches: [{}]\n", yaml_text(branch)));
    }
    if let Some(action) = action {
        text = text.replace(WHOSE, "").replace(ANY_ACTION, &action.0);
    }
    text
}

/// What stands in a file, if there is one.
fn now(root: &Path, path: &str) -> Result<Option<String>, InitError> {
    let path = root.join(path);
    match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(InitError::Unreadable { path, source }),
        // A link that leads nowhere, or a directory, is in the way as well.
        Ok(_) => Ok(Some(
            fs::read(&path).map_or(String::new(), |bytes| String::from_utf8_lossy(&bytes).into_owned()),
        )),
    }
}

impl Planned {
    /// Writes the file, at once or not at all. What came to be there meanwhile stays.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&self, root: &Path) -> io::Result<()> {
        let path = root.join(&self.path);
        let directory = path.parent().unwrap_or(root);
        fs::create_dir_all(directory)?;
        let mut file = tempfile::Builder::new()
            .prefix(".counterfoil-init-")
            .permissions(fs::Permissions::from_mode(0o666))
            .tempfile_in(directory)?;
        file.write_all(self.text.as_bytes())?;
        file.as_file().sync_all()?;
        let written = if self.now.is_some() { file.persist(&path) } else { file.persist_noclobber(&path) };
        written.map_err(|error| error.error)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use counterfoil_core::scenario::parse_settings;
    use proptest::prelude::*;

    use super::*;

    fn facts() -> Facts {
        Facts {
            path: ".".to_owned(),
            name: "x".to_owned(),
            go_mod: Some("go.mod".to_owned()),
            is_root: true,
            ..Facts::default()
        }
    }

    fn planned(facts: &mut Facts, wanted: &Wanted) -> Vec<(String, String)> {
        let root = tempfile::tempdir().unwrap();
        let files = plan(root.path(), facts, wanted).unwrap();
        files.into_iter().map(|file| (file.path.display().to_string(), file.text)).collect()
    }

    proptest! {
        #[test]
        fn settings_mean_what_was_found(
            // What is no control character may stand in a path, and anything in a command.
            path in "[^\\p{Cc}\\s~][^\\p{Cc}]{0,20}", name in "[^\\p{Cc}/]{1,20}", build in proptest::option::of("\\PC*\\S\\PC*|\\S(?s:.{0,20})"),
            baseline: bool,
        ) {
            let facts = Facts { path: path.clone(), name, build: build.clone(), ..facts() };
            let text = settings(&facts, baseline);
            let read = parse_settings("f", Path::new(""), text.as_bytes()).map_err(|mistakes| {
                TestCaseError::fail(format!("{text}\n{mistakes:?}"))
            })?;
            let provider = read.provider.unwrap();
            prop_assert_eq!(provider.path, Some(PathBuf::from(path)));
            prop_assert_eq!(provider.build, build);
            prop_assert_eq!(provider.how.known_failures, baseline.then(|| PathBuf::from(KNOWN_FAILURES)));
        }
    }

    #[test]
    fn the_workflow_is_that_of_the_pack_with_what_is_known() {
        let wanted =
            Wanted { action: Some("me/counterfoil/ci@0123abc".parse().unwrap()), ..Wanted::default() };
        let mut known = facts();
        let files = planned(&mut known, &wanted);
        assert_eq!(files[1].0, ".github/workflows/counterfoil.yml");
        assert!(files[1].1.contains("uses: me/counterfoil/ci@0123abc\n") && !files[1].1.contains("OWNER"));
        assert!(known.left.is_empty());
        for text in [SETUP_GO, MAIN, WHOSE, ANY_ACTION] {
            assert!(WORKFLOW.contains(text), "{text}");
        }
        let mut branched = Facts { branch: Some("master".to_owned()), ..facts() };
        assert!(planned(&mut branched, &wanted)[1].1.contains("    branches: [master]\n"));
        // Without Go nothing is set up for it.
        let mut other = Facts { go_mod: None, ..facts() };
        assert!(!planned(&mut other, &wanted)[1].1.contains("setup-go"));
        assert!(
            planned(&mut Facts { go_mod: Some("a b/go.mod".to_owned()), ..facts() }, &wanted)[1]
                .1
                .contains("\"a b/go.mod\"")
        );
        if Action::ours().is_none() {
            planned(&mut known, &Wanted::default());
            assert!(known.left[0].contains(ANY_ACTION));
        }
    }

    #[test]
    fn a_file_is_written_for_the_ci_that_is_there() {
        let second = |mut facts: Facts, ci| {
            let files = planned(&mut facts, &Wanted { ci, ..Wanted::default() });
            files.get(1).map(|(path, _)| path.clone())
        };
        let gitlab = Facts { is_on_gitlab: true, ..facts() };
        assert_eq!(second(gitlab.clone(), None).as_deref(), Some(".gitlab-ci.counterfoil.yml"));
        assert_eq!(second(gitlab, Some(Ci::GitHub)).as_deref(), Some(".github/workflows/counterfoil.yml"));
        assert_eq!(second(facts(), Some(Ci::None)), None);
        assert_eq!(second(Facts { gated_by: Some("w".to_owned()), ..facts() }, None), None);
        assert_eq!(second(Facts { is_root: false, ..facts() }, None), None);
    }

    #[test]
    fn where_our_action_lies_is_nothing_but_that() {
        for no in ["", "a/b", "a@v1", "a/b@", "a/b@v1\n- run: x", "a/b@v 1", "a//b@v1", "./a@v1#"] {
            assert!(Action::from_str(no).is_err(), "{no:?}");
        }
        for yes in ["a/b@v1", ANY_ACTION, "a/b/c@release/1.0"] {
            assert_eq!(Action::from_str(yes).unwrap().to_string(), yes);
        }
    }

    #[test]
    fn what_is_there_stays() {
        let root = tempfile::tempdir().unwrap();
        let settings = |force| {
            let wanted = Wanted { ci: Some(Ci::None), force, ..Wanted::default() };
            plan(root.path(), &mut facts(), &wanted).unwrap().remove(0)
        };
        let (first, second) = (settings(false), settings(false));
        first.write(root.path()).unwrap();
        // It came to be there meanwhile.
        assert_eq!(second.write(root.path()).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert!(!settings(true).is_written, "it is as it would be written");
        fs::write(root.path().join(SETTINGS_FILE), "mine").unwrap();
        assert!(!settings(false).is_written && settings(true).is_written);
        settings(true).write(root.path()).unwrap();
        assert_eq!(fs::read_to_string(root.path().join(SETTINGS_FILE)).unwrap(), first.text);
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }
}
