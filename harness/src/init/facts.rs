//! What a repository says of how its plugin is made.

use std::{
    fs::{self, File},
    io::{ErrorKind, Read as _},
    path::{Component, Path, PathBuf},
};

use counterfoil_core::{manifest::FILE as MANIFEST, trace::Origin};
use serde_json::Value;

use super::InitError;
use crate::{
    run::shell_word,
    subject::{
        PREFIX, Subject,
        manifest::{Manifest, ManifestError},
    },
};

/// The most that is read of a file, in bytes: what is longer was not written by hand.
const MAX_BYTES: u64 = 1 << 20;

/// What a repository holds that says how its plugin is made, and by which CI it is looked after.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The directory of the plugin's manifest, as `path` of `counterfoil.yaml` names it.
    pub path: String,
    /// The name of the plugin.
    pub name: String,
    /// The command that builds it in its directory.
    pub build: Option<String>,
    /// The `go.mod` that it is built by.
    pub go_mod: Option<String>,
    /// Whether there is a list of known failures.
    pub has_known_failures: bool,
    /// Whether this is the root of its repository, as far as that can be told.
    pub is_root: bool,
    /// The branch that others start from, where the clone tells.
    pub branch: Option<String>,
    /// Whether GitLab looks after it, and GitHub does not.
    pub is_on_gitlab: bool,
    /// A workflow that speaks of Counterfoil.
    pub gated_by: Option<String>,
    /// What was seen.
    pub seen: Vec<Fact>,
    /// What only a human can know.
    pub left: Vec<String>,
}

/// Something that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Where.
    pub place: String,
    /// What it says, or what follows from it.
    pub says: String,
}

impl Facts {
    fn saw(&mut self, place: impl Into<String>, says: impl Into<String>) {
        self.seen.push(Fact { place: place.into(), says: says.into() });
    }
}

/// Looks at the repository in `root`. `plugin` is the manifest that is meant, or its directory, where somebody has said so.
///
/// # Errors
/// Where there is no plugin, or several, or what cannot be read.
pub fn look(root: &Path, plugin: Option<&Path>) -> Result<Facts, InitError> {
    let mut facts = Facts::default();
    let directory = match plugin {
        Some(path) => named(root, path)?,
        None => found(root, &mut facts)?,
    };
    facts.path = match shown(&directory) {
        path if path.is_empty() => ".".to_owned(),
        // Settings take no `~` at the beginning.
        path if path.starts_with('~') => format!("./{path}"),
        path => path,
    };
    let manifest = read_manifest(root, &directory)?;
    let place = shown(&directory.join(MANIFEST));
    facts.name = manifest
        .name
        .filter(|name| is_program_name(name))
        .ok_or_else(|| InitError::NoName(directory.join(MANIFEST)))?;
    let version = manifest.version.map_or(String::new(), |version| format!(" {version}"));
    let engines =
        manifest.min_engine_version.map_or("for engines that it does not name".to_owned(), |version| {
            format!("for engines from {version} on, so that is where its tests begin")
        });
    facts.saw(place, format!("{}{version}, {engines}", facts.name));
    facts.build = build(root, &directory, &mut facts);
    surroundings(root, &mut facts);
    Ok(facts)
}

/// The directory of a manifest that somebody named, relative to `root`.
fn named(root: &Path, path: &Path) -> Result<PathBuf, InitError> {
    let no = |why| InitError::NoManifest { path: path.to_owned(), why };
    let within = if path.is_absolute() {
        path.strip_prefix(root).map_err(|_| no("it lies outside of this directory"))?
    } else {
        path
    };
    let parts: Vec<Component<'_>> = within.components().filter(|part| *part != Component::CurDir).collect();
    if parts.iter().any(|part| !matches!(part, Component::Normal(_))) {
        return Err(no("it lies outside of this directory"));
    }
    let within: PathBuf = parts.into_iter().collect();
    let directory = if root.join(&within).is_dir() {
        within
    } else if within.file_name().is_some_and(|name| name == MANIFEST) {
        within.parent().map_or_else(PathBuf::new, Path::to_owned)
    } else {
        return Err(no("a plugin is named by its plugin.json, or by the directory that holds it"));
    };
    if !root.join(&directory).join(MANIFEST).is_file() {
        return Err(no("there is no plugin.json"));
    }
    if directory.to_str().is_none_or(|path| path.chars().any(char::is_control)) {
        return Err(no("counterfoil.yaml cannot say this path: it is not plain text"));
    }
    Ok(directory)
}

/// The directory of the one manifest that there is. Copies of the root's own, as programs embed them, are the same plugin.
fn found(root: &Path, facts: &mut Facts) -> Result<PathBuf, InitError> {
    let mut directories: Vec<PathBuf> =
        packages(root)?.into_iter().map(|name| Path::new("cmd").join(name)).collect();
    directories.retain(|directory| root.join(directory).join(MANIFEST).is_file());
    if root.join(MANIFEST).is_file() {
        let own = read_manifest(root, Path::new(""))?.name;
        let (copies, others): (Vec<_>, Vec<_>) = directories
            .into_iter()
            .partition(|directory| read_manifest(root, directory).is_ok_and(|manifest| manifest.name == own));
        for copy in copies {
            facts.saw(shown(&copy.join(MANIFEST)), "the same plugin; the one in the root counts");
        }
        directories = others;
        directories.insert(0, PathBuf::new());
    }
    match directories.len() {
        0 => Err(InitError::NoPlugin),
        1 => Ok(directories.remove(0)),
        _ => Err(InitError::Several(directories.iter().map(|path| shown(&path.join(MANIFEST))).collect())),
    }
}

/// The manifest in a directory, where it can be read as one.
fn read_manifest(root: &Path, directory: &Path) -> Result<Manifest, ManifestError> {
    let manifest = Manifest::read(root.join(directory).join(MANIFEST), Origin::Checkout)?;
    manifest.error().map_or(Ok(manifest), Err)
}

/// Whether the program of a plugin can be called so (`Subject` looks for no other).
fn is_program_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..")
        && !name.starts_with('-')
        && !name.contains(|c: char| c == '/' || c.is_control())
}

/// The directories in `cmd/`, in the order of their names.
fn packages(root: &Path) -> Result<Vec<String>, InitError> {
    let path = root.join("cmd");
    let entries = match fs::read_dir(&path) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(source) => return Err(InitError::Unreadable { path, source }),
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> =
        names.filter(|name| path.join(name).is_dir() && !name.chars().any(char::is_control)).collect();
    names.sort();
    Ok(names)
}

/// The command that builds the plugin in its directory, and by what that was told.
fn build(root: &Path, directory: &Path, facts: &mut Facts) -> Option<String> {
    let place = root.join(directory);
    let go_mod =
        directory.ancestors().map(|above| above.join("go.mod")).find(|file| root.join(file).is_file());
    let makefile =
        ["Makefile", "makefile", "GNUmakefile"].into_iter().find(|name| has_target(&place.join(name)));
    if let Some(go_mod) = go_mod {
        facts.saw(shown(&go_mod), "a Go module");
        facts.go_mod = Some(shown(&go_mod));
        let target = released(&place, facts).or_else(|| main_package(&place, facts));
        if let Some(Target { before, package }) = target {
            let name = shell_word(&facts.name);
            if !ignores(root, &facts.name) {
                facts.left.push(format!(
                    "the build leaves {} in {}: .gitignore should know it",
                    facts.name, facts.path
                ));
            }
            return Some(format!("{before}go build -o {name} {}", shell_word(&package)));
        }
    }
    if let Some(makefile) = makefile {
        facts.saw(shown(&directory.join(makefile)), "has a target `build`");
        facts.left.push(format!(
            "`make build` has to leave the program as {} in {}, or in bin, dist or build below it",
            facts.name, facts.path
        ));
        return Some("make build".to_owned());
    }
    if let Ok(subject) = Subject::open(&place) {
        let program = subject.program.strip_prefix(root).unwrap_or(&subject.program);
        facts.saw(shown(program), "the program, built already");
        return None;
    }
    facts.left.push(format!(
        "nothing here says how the program is built: it has to lie in {} as {}, or `build` has to say how it gets there",
        facts.path, facts.name
    ));
    None
}

/// What is built.
struct Target {
    /// What stands before the command: variables.
    before: String,
    package: String,
}

/// What goreleaser builds as this plugin: so is what users get.
fn released(place: &Path, facts: &mut Facts) -> Option<Target> {
    let file = [".goreleaser.yaml", ".goreleaser.yml", "goreleaser.yaml", "goreleaser.yml"]
        .into_iter()
        .find(|name| place.join(name).is_file())?;
    let Some(config) =
        text_of(&place.join(file)).and_then(|text| serde_saphyr::from_str::<Value>(&text).ok())
    else {
        facts.saw(file, "cannot be read as YAML, so nothing of it counts");
        return None;
    };
    let builds: Vec<&Value> = config["builds"].as_array().into_iter().flatten().collect();
    let short = facts.name.strip_prefix(PREFIX).unwrap_or(&facts.name);
    let is_ours = |build: &&&Value| matches!(build["binary"].as_str(), Some(binary) if binary == facts.name || binary == short);
    let build = match (builds.iter().find(is_ours), builds.as_slice()) {
        (Some(build), _) => *build,
        (None, [only]) => only,
        _ => {
            facts.saw(file, format!("has no build whose binary is {}", facts.name));
            return None;
        }
    };
    let package = plain(build.get("main").and_then(Value::as_str).unwrap_or("."))
        .filter(|_| build.get("dir").is_none());
    let Some(package) = package.map(relative).filter(|main| is_main(&place.join(main))) else {
        facts.saw(file, "builds what cannot be told from here: a template, or what is not there");
        return None;
    };
    let variables =
        build["env"].as_array().into_iter().flatten().filter_map(|item| assignment(item.as_str()?));
    let before: String = variables.map(|variable| variable + " ").collect();
    facts.saw(file, format!("builds {package}, which is what users get"));
    Some(Target { before, package })
}

/// A text without templates.
fn plain(text: &str) -> Option<&str> {
    (!text.contains("{{") && !text.chars().any(char::is_control)).then_some(text)
}

/// A variable and its value, as a shell sets them.
fn assignment(text: &str) -> Option<String> {
    let (name, value) = plain(text)?.split_once('=')?;
    let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.starts_with(|c: char| !c.is_ascii_digit());
    is_name.then(|| format!("{name}={}", if value.is_empty() { String::new() } else { shell_word(value) }))
}

/// A package as `go build` takes it: a path that begins with a dot, without the file that goreleaser lets it end with.
fn relative(main: &str) -> String {
    let main = main.trim_start_matches("./").trim_end_matches('/');
    let main = if is_go(Path::new(main)) {
        main.rsplit_once('/').map_or("", |(directory, _)| directory)
    } else {
        main
    };
    if matches!(main, "" | ".") { ".".to_owned() } else { format!("./{main}") }
}

/// The program among the packages of a Go module: the one of the plugin's name, else the only one.
fn main_package(place: &Path, facts: &mut Facts) -> Option<Target> {
    let mut mains = packages(place).unwrap_or_default();
    mains.retain(|name| is_main(&place.join("cmd").join(name)));
    let short = facts.name.strip_prefix(PREFIX).unwrap_or(&facts.name);
    let of_its_name =
        [facts.name.as_str(), short].into_iter().find(|name| mains.iter().any(|main| main == name));
    let (package, why) = match (of_its_name, mains.as_slice()) {
        (Some(name), _) => (format!("./cmd/{name}"), "a program of the plugin's name"),
        (None, [only]) => (format!("./cmd/{only}"), "the only program in cmd/"),
        (None, []) if is_main(place) => (".".to_owned(), "the program"),
        (None, []) => return None,
        (None, _) => {
            facts
                .saw("cmd", format!("several programs, and none of the plugin's name: {}", mains.join(", ")));
            return None;
        }
    };
    facts.saw(if package == "." { "package main" } else { &package[2..] }, why);
    Some(Target { before: String::new(), package })
}

/// Whether a directory holds a program in Go.
fn is_main(directory: &Path) -> bool {
    let files = fs::read_dir(directory).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let sources =
        files.filter(|path| is_go(path) && path.to_str().is_some_and(|path| !path.ends_with("_test.go")));
    let says_so =
        |text: String| text.lines().any(|line| line.split_whitespace().take(2).eq(["package", "main"]));
    sources.filter_map(|path| text_of(&path)).any(says_so)
}

/// Whether a file is a source in Go, by its name.
fn is_go(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "go")
}

/// Whether a Makefile has the target `build`.
fn has_target(makefile: &Path) -> bool {
    let is_it = |line: &str| {
        let target = line.split_once(':').filter(|(_, rest)| !rest.starts_with('='));
        target.is_some_and(|(targets, _)| targets.split_whitespace().any(|target| target == "build"))
    };
    text_of(makefile).is_some_and(|text| text.lines().any(is_it))
}

/// Whether `.gitignore` has a line that certainly means this name.
fn ignores(root: &Path, name: &str) -> bool {
    let lines = text_of(&root.join(".gitignore")).unwrap_or_default();
    lines.lines().any(|line| line.trim().trim_start_matches('/') == name)
}

/// Who looks after the repository, and what else there is.
fn surroundings(root: &Path, facts: &mut Facts) {
    facts.has_known_failures = root.join("known-failures.yaml").is_file();
    if facts.has_known_failures {
        facts.saw("known-failures.yaml", "what is known to fail");
    }
    let has_git = |directory: &Path| directory.join(".git").exists();
    facts.is_root = has_git(root) || !root.ancestors().skip(1).any(has_git);
    if !facts.is_root {
        facts.saw(".", "lies inside of a repository, and a workflow is read at the root of it alone");
    }
    let head = text_of(&root.join(".git/refs/remotes/origin/HEAD"));
    facts.branch =
        head.and_then(|head| Some(head.trim().strip_prefix("ref: refs/remotes/origin/")?.to_owned()));
    let workflows = workflows(root);
    facts.is_on_gitlab = !root.join(".github").exists() && root.join(".gitlab-ci.yml").is_file();
    if facts.is_on_gitlab {
        facts.saw(".gitlab-ci.yml", "GitLab looks after it");
    }
    if !workflows.is_empty() {
        facts.saw(".github/workflows", format!("{} stay as they are", workflows.join(", ")));
    }
    let speaks_of_us = |name: &&String| {
        text_of(&root.join(WORKFLOWS).join(name)).is_some_and(|text| text.contains("counterfoil"))
    };
    facts.gated_by = workflows.iter().find(speaks_of_us).map(|name| format!("{WORKFLOWS}/{name}"));
}

/// Where GitHub looks for workflows.
pub(super) const WORKFLOWS: &str = ".github/workflows";

/// The workflows of GitHub, in the order of their names.
fn workflows(root: &Path) -> Vec<String> {
    let entries = fs::read_dir(root.join(WORKFLOWS)).into_iter().flatten();
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.retain(|name| [".yml", ".yaml"].iter().any(|ending| name.ends_with(ending)));
    names.sort();
    names
}

/// The text of a file, where it is one that was written by hand.
fn text_of(path: &Path) -> Option<String> {
    // What is no file might never end.
    if !path.is_file() {
        return None;
    }
    let mut text = String::new();
    let read = File::open(path).ok()?.take(MAX_BYTES + 1).read_to_string(&mut text).ok()?;
    (read as u64 <= MAX_BYTES).then_some(text)
}

/// A path as it is shown and written.
fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PROGRAM: &str = "// A plugin.\npackage main\n\nfunc main() {}\n";

    fn repository(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    fn build_of(files: &[(&str, &str)]) -> Option<String> {
        let manifest = ("plugin.json", r#"{"name":"workflow-plugin-x"}"#);
        look(repository(&[&[manifest], files].concat()).path(), None).unwrap().build
    }

    #[test]
    fn what_goreleaser_builds_is_what_is_tested() {
        let files = [
            ("go.mod", "module x"),
            ("cmd/server/main.go", PROGRAM),
            ("cmd/other/main.go", PROGRAM),
            (
                ".goreleaser.yml",
                "builds:\n  - { binary: tool, main: ./cmd/other }\n  - binary: x\n    main: cmd/server/main.go\n    env: [CGO_ENABLED=0, 'A={{ .Version }}', 'B=a b']\n",
            ),
        ];
        let build = build_of(&files).unwrap();
        assert_eq!(build, "CGO_ENABLED=0 B='a b' go build -o workflow-plugin-x ./cmd/server");
        // One build alone is the plugin's, whatever it is called; a template tells nothing.
        let only = |main: &str| format!("builds: [{{ binary: '{{{{ .ProjectName }}}}', main: '{main}' }}]");
        let with = |config: &str| build_of(&[files[0], files[1], (".goreleaser.yaml", config)]);
        assert_eq!(with(&only("./cmd/server")).unwrap(), "go build -o workflow-plugin-x ./cmd/server");
        assert_eq!(with(&only("{{ .Main }}")).unwrap(), "go build -o workflow-plugin-x ./cmd/server");
        assert_eq!(with("builds: [").unwrap(), "go build -o workflow-plugin-x ./cmd/server");
    }

    #[test]
    fn without_it_the_program_of_its_name_is_or_the_only_one() {
        let module = ("go.mod", "module x");
        let (own, short, other) = (
            ("cmd/workflow-plugin-x/main.go", PROGRAM),
            ("cmd/x/main.go", PROGRAM),
            ("cmd/other/main.go", PROGRAM),
        );
        let built = |files: &[(&str, &str)]| {
            build_of(files).map(|build| build.rsplit_once(' ').unwrap().1.to_owned())
        };
        assert_eq!(built(&[module, own, short, other]).as_deref(), Some("./cmd/workflow-plugin-x"));
        assert_eq!(built(&[module, short, other]).as_deref(), Some("./cmd/x"));
        assert_eq!(built(&[module, other]).as_deref(), Some("./cmd/other"));
        assert_eq!(built(&[module, other, ("cmd/more/main.go", PROGRAM)]), None);
        assert_eq!(
            built(&[module, ("main.go", PROGRAM), ("cmd/lib/lib.go", "package lib")]).as_deref(),
            Some(".")
        );
        assert_eq!(
            build_of(&[("Makefile", "BUILD := a\nbuild: x.go\n\techo\n")]).as_deref(),
            Some("make build")
        );
        assert_eq!(build_of(&[("Makefile", "build := a\n")]), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Files are those of anybody: whatever stands in them ends in no other command than one that builds.
        #[test]
        fn whatever_files_say_is_one_word_of_the_build(
            main in "\\PC{0,20}", variable in "\\PC{0,20}", junk in "(?s:.{0,40})",
        ) {
            let quoted = |text: &str| Value::from(text).to_string();
            let config = format!("builds: [{{ main: {}, env: [{}] }}]\n", quoted(&main), quoted(&variable));
            for config in [config.as_str(), &junk, &junk.repeat(100)] {
                let files =
                    [("go.mod", ""), ("main.go", PROGRAM), (".goreleaser.yml", config), ("Makefile", &junk), (".gitignore", &junk)];
                let build = build_of(&files).unwrap();
                let words = shell_words(&build);
                let at = words.iter().position(|word| word == "go").unwrap();
                prop_assert!(at <= 1, "{build}");
                prop_assert_eq!(&words[at..], ["go", "build", "-o", "workflow-plugin-x", "."], "{}", build);
            }
        }
    }

    /// The words of a command, as the shell reads them.
    fn shell_words(command: &str) -> Vec<String> {
        // What stands before the command are variables, whose values are words of it here.
        let script = format!("for word in {command}; do printf '%s\\0' \"$word\"; done");
        let output = std::process::Command::new("/bin/sh").args(["-c", &script]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.split_terminator('\0').map(str::to_owned).collect()
    }

    #[test]
    fn a_file_that_was_made_to_cost_much_tells_nothing() {
        for config in ["[".repeat(500_000), "a: ".to_owned() + &"{b: ".repeat(200_000), "x".repeat(2 << 20)] {
            let build = build_of(&[("go.mod", ""), ("main.go", PROGRAM), (".goreleaser.yml", &config)]);
            assert_eq!(build.as_deref(), Some("go build -o workflow-plugin-x ."));
        }
    }

    #[test]
    fn the_plugin_is_the_one_that_is_meant() {
        let manifest = |name: &str| format!(r#"{{"name":"{name}"}}"#);
        let (x, y) = (manifest("x"), manifest("y"));
        let root = repository(&[
            ("cmd/x/plugin.json", &x),
            ("cmd/y/plugin.json", &y),
            ("cmd/y/main.go", PROGRAM),
            ("go.mod", ""),
        ]);
        let told = look(root.path(), None).unwrap_err().to_string();
        assert!(told.contains("--plugin, one of cmd/x/plugin.json, cmd/y/plugin.json"), "{told}");
        for named in ["cmd/y", "./cmd/y/plugin.json"] {
            let facts = look(root.path(), Some(Path::new(named))).unwrap();
            assert_eq!((facts.path.as_str(), facts.build.as_deref()), ("cmd/y", Some("go build -o y .")));
        }
        for (named, why) in
            [("..", "outside"), ("/etc", "outside"), ("cmd", "no plugin.json"), ("go.mod", "named by its")]
        {
            let told = look(root.path(), Some(Path::new(named))).unwrap_err().to_string();
            assert!(told.contains(why), "{told}");
        }
        let copies = repository(&[("plugin.json", &x), ("cmd/x/plugin.json", &x)]);
        assert_eq!(look(copies.path(), None).unwrap().path, ".");
    }

    #[test]
    fn what_is_no_plugin_is_told_what_to_do() {
        let told = |files: &[(&str, &str)]| look(repository(files).path(), None).unwrap_err().to_string();
        assert!(told(&[]).contains("Go to its root"));
        assert!(told(&[("plugin.json", "{")]).contains("plugin.json:1:1"));
        for name in ["", "..", "a/b", "-o", "a\\nb"] {
            assert!(
                told(&[("plugin.json", &format!(r#"{{"name":"{name}"}}"#))]).contains("no `name`"),
                "{name}"
            );
        }
        assert!(told(&[("plugin.json", "{}")]).contains("no `name`"));
    }
}
