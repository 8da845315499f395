//! What the documentation tells to type: each block of commands is run, in a place as its page has it, and each command that a
//! text speaks of exists, with its options.
//!
//! Long commands have less to do here: `test provider` runs one scenario, `run` and `explore` a few. A block that no test can
//! run says so, and why, in a comment before it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
};

use crate::support::{PASSING, PROGRAM, Place, copy};

/// Stands before a block that no test runs, with the reason behind it.
const NOT_RUN: &str = "<!-- no test runs this: ";

/// What a command is expected to end with says its comment; else it is 0.
const EXIT_CODE: &str = "exit code ";

/// In front of the program, so that it has less to do.
const LESS: &str = r#"#!/bin/sh
less=
case "$1 $2" in
"test provider") less=--filter=load-and-leave ;;
"explore "*) less=--cases=30 ;;
"run "*) less=--filter=d* ;;
esac
case " $* " in *" --filter"* | *" --cases"* | *.yaml* | *"/ "*) less= ;; esac
first=$1
shift
case $first in
test | explore) second=$1; shift; exec PROGRAM "$first" "$second" $less "$@" ;;
*) exec PROGRAM "$first" $less "$@" ;;
esac
"#;

struct Page {
    name: String,
    text: String,
}

/// Every page that is read by users, with its path in the repository.
fn pages() -> Vec<Page> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut names: Vec<PathBuf> =
        ["README.md", "CONTRIBUTING.md", "ci/README.md", "ci/adapters/README.md"].map(PathBuf::from).into();
    let docs = fs::read_dir(root.join("docs")).expect("there are docs");
    names.extend(docs.map(|entry| Path::new("docs").join(entry.expect("an entry").file_name())));
    names.retain(|name| name.extension().is_some_and(|kind| kind == "md"));
    names.sort();
    let read = |name: PathBuf| {
        let text = fs::read_to_string(root.join(&name)).expect("a page can be read");
        Page { name: name.display().to_string(), text }
    };
    names.into_iter().map(read).collect()
}

struct Block<'p> {
    language: &'p str,
    /// The last line before it that is not empty.
    before: &'p str,
    text: String,
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    // How far a block that is open is moved in.
    let (mut before, mut open): (&str, Option<usize>) = ("", None);
    for line in page.lines() {
        let bare = line.trim_start();
        match bare.strip_prefix("```") {
            Some(_) if open.is_some() => open = None,
            Some(language) => {
                open = Some(line.len() - bare.len());
                blocks.push(Block { language, before, text: String::new() });
            }
            None => {
                if let (Some(margin), Some(block)) = (open, blocks.last_mut()) {
                    block.text.push_str(line.get(margin..).unwrap_or(bare));
                    block.text.push('\n');
                }
            }
        }
        if !bare.is_empty() && open.is_none() {
            before = bare;
        }
    }
    blocks
}

/// What a page takes for granted.
fn stage(page: &Page, place: &Place) {
    place.run(["mock", "install", "--profile", "reference", "--into", "real"]).exits(0);
    for name in ["workflow-plugin-x", "workflow-plugin-mine"] {
        symlink("real/mock", place.path(name)).expect("a link");
    }
    if page.name == "docs/proxy.md" {
        fs::create_dir(place.path("plugins")).expect("a directory");
        symlink("../real/mock", place.path("plugins/workflow-plugin-mine")).expect("a link");
    }
    place.write("test-account.yaml", "region: nyc3\n");
    let archive = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut archive = tar::Builder::new(archive);
    archive.append_dir_all("", place.path("real/mock")).expect("an archive");
    let archive = archive.into_inner().and_then(flate2::write::GzEncoder::finish).expect("an archive");
    place.write("workflow-plugin-x_1.2.3.tar.gz", archive);
    place.write("scenarios/passing.yaml", PASSING);
    let adapter = |of: &str| format!("#!/bin/sh\nexec '{PROGRAM}' adapter {of}\n");
    for (name, of) in [("my-adapter", "decoder"), ("my-engine-adapter", "engine")] {
        place.write(name, adapter(of));
        executable(&place.path(name));
    }
    if ["docs/settings.md", "docs/known-failures.md", "ci/README.md"].contains(&&*page.name) {
        place.write("counterfoil.yaml", "provider: { path: workflow-plugin-x }\n");
    }
    let yaml: Vec<String> = blocks(&page.text)
        .into_iter()
        .filter(|block| block.language == "yaml")
        .map(|block| block.text)
        .collect();
    match &*page.name {
        "ci/README.md" => {
            let ci = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ci");
            symlink(ci, place.path("ci")).expect("a link");
        }
        "docs/gate.md" => {
            fs::create_dir(place.path(".git")).expect("a directory");
            place.write("plugin.json", place.read("real/mock/plugin.json"));
            place.write("Makefile", "build:\n\tcp real/mock/mock mock\n");
        }
        "docs/engine.md" => place.write("quota.yaml", &yaml[0]),
        "docs/cutover.md" => {
            let rehearsals = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/cutover");
            copy(&rehearsals, &place.path("scenarios/cutover"));
        }
        "docs/scenarios.md" | "docs/writing-scenarios.md" => place.write("mine.yaml", &yaml[0]),
        _ => {}
    }
}

fn executable(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a mode");
}

#[test]
fn every_command_of_the_documentation_is_run() {
    let (mut commands, mut wrong) = (0, Vec::new());
    for page in pages() {
        let runs = |block: &&Block<'_>| ["sh", "console"].contains(&block.language);
        let blocks: Vec<Block<'_>> = blocks(&page.text).into_iter().filter(|block| runs(&block)).collect();
        for block in &blocks {
            let reason = block.before.strip_prefix(NOT_RUN);
            assert!(
                reason.is_none_or(|reason| reason.len() > 20 && reason.ends_with(" -->")),
                "{}",
                page.name
            );
        }
        let told: Vec<&Block<'_>> =
            blocks.iter().filter(|block| !block.before.starts_with(NOT_RUN)).collect();
        if told.is_empty() {
            continue;
        }
        let place = Place::new();
        stage(&page, &place);
        place.write(".bin/counterfoil", LESS.replace("PROGRAM", &format!("'{PROGRAM}'")));
        executable(&place.path(".bin/counterfoil"));
        for line in told.iter().flat_map(|block| block.text.lines()).filter(|line| !line.is_empty()) {
            let (_, comment) = line.split_once(" # ").unwrap_or((line, ""));
            let code = comment.split_once(EXIT_CODE).map_or("0", |(_, code)| code);
            let code = code.split(|c: char| !c.is_ascii_digit()).next().and_then(|code| code.parse().ok());
            let mut command = place.command_of("/bin/sh");
            let path =
                format!("{}:{}", place.path(".bin").display(), std::env::var("PATH").unwrap_or_default());
            command.args(["-euc", line]).env("PATH", path);
            let done = place.finish(command);
            if done.code() != code {
                wrong.push(format!("{}: {line}\n{done}", page.name));
            }
            commands += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(commands >= 25, "{commands}");
}

/// What stands between single backticks and begins with the name of the command.
fn spoken_of(text: &str) -> BTreeSet<String> {
    let mut spans = BTreeSet::new();
    let prose: String = text.split("```").step_by(2).collect::<Vec<_>>().join(" ").replace('\n', " ");
    for span in prose.split('`').skip(1).step_by(2) {
        if let Some(words) = span.strip_prefix("counterfoil ") {
            spans.insert(words.to_owned());
        }
    }
    spans
}

#[test]
fn every_command_that_a_text_speaks_of_exists_with_its_options() {
    let place = Place::new();
    let mut helps: BTreeMap<String, String> = BTreeMap::new();
    let mut seen = 0;
    for page in pages() {
        for span in spoken_of(&page.text) {
            let ours = span.split(" -- ").next().unwrap_or_default();
            let of: Vec<&str> = ours
                .split(' ')
                .take_while(|word| word.starts_with(|c: char| c.is_ascii_lowercase()) && !word.contains('.'))
                .collect();
            // Alternatives, such as `explore provider|engine`, are told apart by nobody but the reader.
            let of: Vec<&str> = of.iter().map(|word| word.split('|').next().unwrap_or(word)).collect();
            let help = (1..=of.len().min(2)).rev().find_map(|count| {
                let words = &of[..count];
                let help = helps.entry(words.join(" ")).or_insert_with(|| {
                    let asked = words.iter().copied().chain(["--help"]);
                    let done = place.run(asked);
                    if done.code() == Some(0) { done.out } else { String::new() }
                });
                (!help.is_empty()).then(|| help.clone())
            });
            let help = help.unwrap_or_else(|| panic!("{}: `counterfoil {span}` is no command", page.name));
            for option in ours.split([' ', '=']).filter(|word| word.starts_with("--") && word.len() > 2) {
                assert!(help.contains(option), "{}: `counterfoil {span}`: {option}", page.name);
            }
            seen += 1;
        }
    }
    assert!(seen > 60, "{seen}");
}

/// `UPDATE_GOLDEN=1` writes it anew.
#[test]
fn every_command_and_option_has_its_place_on_the_page_of_options() {
    let place = Place::new();
    let mut page = "# Every command and option\n\n\
        What `--help` says of each command, in one page. This page is generated: a test holds it against the program.\n\
        Exit codes are those of the [README](../README.md#exit-codes), where a command does not say otherwise.\n"
        .to_owned();
    let mut unread: Vec<Vec<String>> = vec![Vec::new()];
    while let Some(words) = unread.pop() {
        let mut command = place.command(words.iter().map(String::as_str).chain(["--help"]));
        command.env("COLUMNS", "110");
        let help = place.finish(command).exits(0).out;
        let name = ["counterfoil"].into_iter().chain(words.iter().map(String::as_str)).collect::<Vec<_>>();
        page.extend(["\n## `", &name.join(" "), "`\n\n```text\n", help.trim_end(), "\n```\n"]);
        let listed = help.split("\nCommands:\n").nth(1).unwrap_or_default();
        let names = listed.lines().take_while(|line| !line.is_empty()).filter_map(|line| {
            let name = line.strip_prefix("  ")?.split_whitespace().next()?;
            (!line.starts_with("   ") && name != "help").then(|| name.to_owned())
        });
        let below: Vec<Vec<String>> =
            names.map(|name| words.iter().cloned().chain([name]).collect()).collect();
        unread.extend(below.into_iter().rev());
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/options.md");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, &page).unwrap();
    }
    let kept = fs::read_to_string(&file).unwrap_or_default();
    assert!(kept == page, "docs/options.md is out of date: run this test with UPDATE_GOLDEN=1");
}
