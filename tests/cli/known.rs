//! Known failures: what is listed fails nothing, as long as it fails exactly as listed.

use crate::support::{PASSING, Place};

/// An entry about what the mutant `forgets-failures` does to [`PASSING`].
fn list(scenario: &str, message: &str, expires: &str) -> String {
    format!(
        "known_failures:
  - rule: OUT-001
    scenario: \"{scenario}\"
    message: {message}
    reason: the engine forgets what failed
    link: https://example.com/issues/1
    owner: somebody
    expires: {expires}
"
    )
}

const ALWAYS: &str = "2999-01-01";
const ANY: &str = "{ matches: \".*\" }";

/// A place with a scenario that the mutant fails, by OUT-001 alone and without an expectation.
fn place() -> Place {
    let plain = PASSING.split("expect:").next().expect("there is something before it");
    Place::with([("suite/passing.yaml", plain)])
}

const RUN: [&str; 6] = ["run", "suite", "--known-failures", "known.yaml", "--filter", "revision:0.57"];
const BROKEN: [&str; 2] = ["--mutant", "forgets-failures"];

fn broken() -> Vec<&'static str> {
    [&RUN[..], &BROKEN].concat()
}

#[test]
fn what_fails_as_listed_fails_nothing() {
    let place = place();
    place.run(["run", "suite", "--filter", "revision:0.57", BROKEN[0], BROKEN[1]]).exits(1);
    place.write("known.yaml", list("*", ANY, ALWAYS));
    place.run(broken()).exits(0).says("1 failed as listed");
}

#[test]
fn what_passes_although_it_is_listed_fails() {
    let place = place();
    place.write("known.yaml", list("*", ANY, ALWAYS));
    place.run(RUN).exits(1).says("unexpected");
}

#[test]
fn a_message_that_changed_and_an_entry_that_expired_excuse_nothing() {
    let place = place();
    place.write("known.yaml", list("*", "something else", ALWAYS));
    place.run(broken()).exits(1).says("the message changed");
    place.write("known.yaml", list("*", ANY, "2020-01-01"));
    place.run(broken()).exits(1).says("expired on 2020-01-01");
}

#[test]
fn a_list_that_says_nothing_is_a_mistake_with_its_place() {
    let place = place();
    for (list, says) in [
        (list("nothing-*", ANY, ALWAYS), "known.yaml:3:"),
        (list("*", ANY, "soon"), "known.yaml:8:"),
        (list("*", ANY, ALWAYS).replace("OUT-001", "OUT-999"), "known.yaml:2:"),
        (list("*", ANY, ALWAYS).replace("    owner: somebody\n", ""), "owner"),
    ] {
        place.write("known.yaml", &list);
        place.run(broken()).exits(2).complains(says);
    }
}

/// Fills in what an update left to a human.
fn fill_in(place: &Place, file: &str) {
    let text = place.read(file).replace("expires: TODO", "expires: 2999-01-01");
    place.write(file, text.replace(": TODO", ": said by a human"));
}

fn updating(file: &str) -> Vec<&str> {
    vec!["run", "suite", "--known-failures", file, "--update-known-failures", BROKEN[0], BROKEN[1]]
}

#[test]
fn a_red_gate_is_adopted_by_an_update_and_a_human() {
    let place = place();
    // The run fails all the same: what a human has to say is not said yet.
    let done = place.run(updating("known.yaml")).exits(1).quietly();
    done.says("known.yaml: 1 added, for you to fill in (TODO)");
    let text = place.read("known.yaml");
    assert!(text.starts_with("# yaml-language-server: $schema="), "{text}");
    assert!(text.contains("  - rule: OUT-001\n    scenario: \"passing\"\n    message: \""), "{text}");
    let run = ["run", "suite", "--known-failures", "known.yaml", BROKEN[0], BROKEN[1]];
    place.run(run).exits(2).complains("`TODO` is left for you to fill in");
    // Nor does it pass once more, or say anything else.
    place.run(updating("known.yaml")).exits(1).says("not filled in").says("known.yaml: nothing to change");
    assert_eq!(place.read("known.yaml"), text);
    fill_in(&place, "known.yaml");
    place.run(run).exits(0).says("failed as listed");
}

#[test]
fn a_message_that_changed_is_pinned_anew_and_nothing_else_is_touched() {
    let place = place();
    let before = list("pass*", "{ contains: 'something else' } # seen in March", ALWAYS);
    let before = format!("# ours\n\n{before}\n# the end\n");
    place.write("known.yaml", &before);
    let run = ["run", "suite", "--known-failures", "known.yaml", BROKEN[0], BROKEN[1]];
    place.run(run).exits(1).says("the message changed");
    place.run(updating("known.yaml")).exits(1).says("known.yaml: 1 message pinned anew");
    let after = place.read("known.yaml");
    let (begin, rest) = before.split_once("{ contains: 'something else' }").expect("it is there");
    assert!(after.starts_with(begin) && after.ends_with(rest), "{after}");
    place.run(run).exits(0);
    place.run(updating("known.yaml")).exits(0).says("known.yaml: nothing to change");
    assert_eq!(place.read("known.yaml"), after);
}

#[test]
fn what_passes_is_taken_out_and_what_a_filter_leaves_out_is_left_alone() {
    let place = place();
    let before = format!("{} # of March\n# the end\n", list("*", ANY, ALWAYS).trim_end());
    place.write("known.yaml", &before);
    let passing = ["run", "suite", "--known-failures", "known.yaml", "--update-known-failures"];
    let filtered = [&passing[..], &["--filter", "revision:0.57"]].concat();
    place.run(filtered).exits(1).says("passes, but").says("were not judged").says("nothing to change");
    assert_eq!(place.read("known.yaml"), before);
    place.run(passing).exits(1).says("known.yaml: 1 taken out");
    assert_eq!(place.read("known.yaml"), "known_failures: []\n# the end\n");
    place.run(passing).exits(0);
}

#[test]
fn an_entry_that_expired_is_not_prolonged() {
    let place = place();
    let before = list("*", ANY, "2020-01-01");
    place.write("known.yaml", &before);
    let done = place.run(updating("known.yaml")).exits(1);
    done.says("left to you: known.yaml:2: OUT-001 in `*` expired on 2020-01-01").says("nothing to change");
    assert_eq!(place.read("known.yaml"), before);
}

#[test]
fn a_pattern_that_passes_in_some_runs_is_for_a_human_to_narrow() {
    let place = place();
    let good = "id: passing-too\ntitle: Nothing fails\nrevisions: '0.57'\nplan:\n  actions:\n    - create: { name: net, type: infra.vpc }\n";
    place.write("suite/good.yaml", good);
    place.write("known.yaml", list("passing*", ANY, ALWAYS));
    let done = place.run(updating("known.yaml")).exits(1);
    done.says("left to you: known.yaml:2: OUT-001 in `passing*` passes in 1 of its");
    assert_eq!(place.read("known.yaml"), list("passing*", ANY, ALWAYS));
}

#[test]
fn a_list_that_cannot_be_written_is_as_it_was() {
    let place = place();
    let run = |file| ["run", "suite", "--known-failures", file, "--update-known-failures"];
    place.run(["run", "suite", "--update-known-failures"]).exits(2).complains("needs a list to update");
    // There is no such directory; the verdict stands.
    place.run(run("none/known.yaml")).exits(3).complains("none/known.yaml is as it was: ");
    place.run(updating("none/known.yaml")).exits(1).complains("none/known.yaml is as it was: ");
    // Anchors: what is taken out is named elsewhere.
    let first = list("*@0.57", ANY, ALWAYS).replace("owner: somebody", "owner: &o somebody");
    let second = list("*@0.56", "other", ALWAYS).replace("owner: somebody", "owner: *o");
    let before = first + second.strip_prefix("known_failures:\n").expect("a list begins so");
    place.write("known.yaml", before.replace("OUT-001", "OUT-002").replacen("OUT-002", "OUT-001", 1));
    let before = place.read("known.yaml");
    place
        .run([&run("known.yaml")[..], &["--filter", "revision:0.57"]].concat())
        .exits(1)
        .complains("change it by hand");
    assert_eq!(place.read("known.yaml"), before);
    let mut files = std::fs::read_dir(place.path("")).expect("a directory");
    assert!(files.all(|file| !file.expect("an entry").file_name().to_string_lossy().starts_with('.')));
}

#[test]
fn only_the_link_leads_to_the_list() {
    let place = place();
    place.write("kept/known.yaml", list("*", "something else", ALWAYS));
    std::os::unix::fs::symlink("kept/known.yaml", place.path("known.yaml")).expect("a link");
    place.run(updating("known.yaml")).exits(1).says("1 message pinned anew");
    assert!(place.path("known.yaml").is_symlink());
    assert!(!place.read("kept/known.yaml").contains("something else"));
}
