//! Plugins under `counterfoil explore provider`.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    process::{Command, Output},
};

use tempfile::TempDir;

use super::{COUNTERFOIL, PLUGIN, running_below};

fn run(place: &TempDir, args: &[&str]) -> Output {
    Command::new(COUNTERFOIL)
        .current_dir(place.path())
        .env("TMPDIR", place.path().join("tmp"))
        .args(args)
        .output()
        .unwrap()
}

fn place() -> TempDir {
    let place = TempDir::new().unwrap();
    fs::create_dir(place.path().join("tmp")).unwrap();
    place
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn nothing_is_found_of_a_plugin_in_order() {
    let place = place();
    let installed = run(&place, &["mock", "install", "--profile", "reference", "--into", "plugins"]);
    assert!(installed.status.success(), "{}", said(&installed));
    let explored = run(&place, &["explore", "provider", "plugins", "--live", "--cases", "25"]);
    let text = said(&explored);
    assert_eq!(explored.status.code(), Some(0), "{text}");
    assert!(text.contains("25 cases in") && text.contains("nothing found\n"), "{text}");
    assert_eq!(running_below(place.path()), Vec::<String>::new());
}

#[test]
fn what_a_plugin_does_wrong_is_found_and_tested_again_by_its_file() {
    let place = place();
    symlink(PLUGIN, place.path().join("hang-in-create")).unwrap();
    let plugin = ["provider", "./hang-in-create", "--live", "--call-deadline", "300ms"];
    let explored = run(&place, &[&["explore"], &plugin[..], &["--cases", "8", "--seed", "2"]].concat());
    let text = said(&explored);
    assert_eq!(explored.status.code(), Some(1), "{text}");
    assert!(text.contains("FOUND  PROC-027 process: "), "{text}");
    let replay = "counterfoil test provider ./hang-in-create --live --call-deadline 300ms --scenario ";
    let file = text.lines().find_map(|line| line.split_once(replay)).map(|(_, file)| file.trim().to_owned());
    let file = file.unwrap_or_else(|| panic!("no line says how to run it again:\n{text}"));
    let written = fs::read_to_string(place.path().join(&file)).unwrap();
    assert!(written.contains("digest: \"sha256:") && written.contains("- create: "), "{written}");

    let again = run(&place, &[&["test"], &plugin[..], &["--scenario", &file]].concat());
    assert_eq!(again.status.code(), Some(1), "{}", said(&again));
    assert!(said(&again).contains("PROC-027 still fails"), "{}", said(&again));
    assert_eq!(running_below(place.path()), Vec::<String>::new());
}

/// A plugin that counts its launches in `$launches`, does `deed`, and is the broken process `name` then.
fn counting(place: &TempDir, name: &str, deed: &str) {
    symlink(PLUGIN, place.path().join(name)).unwrap();
    let at = place.path().display();
    let text = format!(
        "#!/bin/sh\necho >> {at}/launches\nlaunches=$(wc -l < {at}/launches)\n{deed}\nexec {at}/{name}\n"
    );
    fs::write(place.path().join("plugin"), text).unwrap();
    fs::set_permissions(place.path().join("plugin"), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn what_a_plugin_did_before_it_died_for_good_is_kept() {
    let place = place();
    counting(&place, "hang-in-create", "[ $launches -le 12 ] || exit 3");
    let explore = ["explore", "provider", "./plugin", "--live", "--call-deadline", "300ms", "--cases", "8"];
    let explored = run(&place, &[&explore[..], &["--seed", "2"]].concat());
    let text = said(&explored);
    assert_eq!(explored.status.code(), Some(1), "{text}");
    assert!(text.contains("PROC-027 process: ") && text.contains("FLAKY"), "{text}");
    let kept = fs::read_dir(place.path().join("scenarios/found")).unwrap();
    let names: Vec<_> = kept.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(names.iter().any(|name| name.starts_with("proc-027-")), "{names:?}");
    assert_eq!(running_below(place.path()), Vec::<String>::new());
}

#[test]
fn a_plugin_that_slows_down_is_explored_for_as_long_as_was_given() {
    let place = place();
    counting(&place, "good", "sleep $((launches / 4)).$((launches % 4 * 25))");
    let explore = ["explore", "provider", "./plugin", "--live", "--cases", "100000", "--time", "2s"];
    let explored = run(&place, &explore);
    let text = said(&explored);
    assert_eq!(explored.status.code(), Some(0), "{text}");
    let cases = text.lines().find_map(|line| line.split_once(" cases in ")).map(|(cases, _)| cases);
    assert!(cases.and_then(|cases| cases.parse::<u32>().ok()).is_some_and(|cases| cases < 100), "{text}");
    assert_eq!(running_below(place.path()), Vec::<String>::new());
}

#[test]
fn a_plugin_that_does_not_start_leaves_nothing_to_explore() {
    let place = place();
    symlink(PLUGIN, place.path().join("exit-before-line")).unwrap();
    let explored = run(&place, &["explore", "provider", "./exit-before-line", "--live", "--cases", "8"]);
    let text = said(&explored);
    assert_eq!(explored.status.code(), Some(3), "{text}");
    assert!(text.contains("there is nothing to explore: "), "{text}");
}
