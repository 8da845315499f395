//! Completions and man pages: those that are kept are those of the program.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use crate::support::Place;

fn kept(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file)
}

/// `UPDATE_GOLDEN=1` writes it anew.
fn assert_kept(file: &str, text: &str) {
    let path = kept(file);
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "{file} is out of date: run this test with UPDATE_GOLDEN=1");
}

#[test]
fn the_completions_that_are_kept_are_those_of_the_program() {
    let place = Place::new();
    let script = |shell: &str| place.run(["completions", shell]).exits(0).quietly().out;
    for (shell, file) in [("bash", "counterfoil.bash"), ("zsh", "_counterfoil"), ("fish", "counterfoil.fish")]
    {
        assert_kept(&format!("completions/{file}"), &script(shell));
    }
    for shell in ["powershell", "elvish"] {
        assert!(script(shell).contains("known-failures"));
    }
}

/// The pages of the command and of its first-level commands are kept; those below are made.
#[test]
fn the_man_pages_that_are_kept_are_those_of_the_program() {
    let place = Place::new();
    let made = place.run(["man", "--into", "a/man"]).exits(0).quietly();
    let entries = fs::read_dir(place.path("a/man")).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    made.says(&format!("{} pages written to a/man", names.len()));
    assert!(names.contains(&"counterfoil-test-provider.1".to_owned()), "{names:?}");
    assert!(!names.contains(&"counterfoil-stand-in.1".to_owned()), "{names:?}");
    let help = place.run(["--help"]).out;
    let is_first = |name: &&String| {
        let command = name.trim_end_matches(".1").trim_start_matches("counterfoil").trim_start_matches('-');
        command.is_empty()
            || help
                .lines()
                .any(|line| line.split_whitespace().next() == Some(command) && line.starts_with("  "))
    };
    let first: Vec<&String> = names.iter().filter(is_first).collect();
    assert!(first.len() > 15, "{first:?}");
    for name in &first {
        assert_kept(&format!("man/{name}"), &place.read(format!("a/man/{name}")));
    }
    let there =
        fs::read_dir(kept("man")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let odd: Vec<String> = there.filter(|name| !first.contains(&name)).collect();
    assert!(odd.is_empty(), "man/ holds pages of no command: {odd:?}");
    place.write("file", "");
    place.run(["man", "--into", "file"]).exits(2).complains("file cannot be written");
}
