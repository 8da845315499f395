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
