//! Exploration: what is found stands in a file, which says what became of it when it is run again.

use rustix::process::Signal;

use crate::support::Place;

#[test]
fn what_is_found_still_fails_until_it_is_mended() {
    let place = Place::new();
    let explore = ["explore", "engine", "--mutant", "forgets-failures", "--cases", "40"];
    let done = place.run(explore).exits(1).quietly().says("FOUND  OUT-001 engine: ");
    let done = done.says("40 cases in").says("1 rule broken\n");
    let told = done.to_string();
    let replay = told.lines().find_map(|line| line.trim().strip_prefix("run again  counterfoil ")).unwrap();
    let words: Vec<&str> = replay.split(' ').collect();
    let file = *words.last().unwrap();
    assert!(file.starts_with("scenarios/found/out-001-"), "{file}");
    let text = place.read(file);
    assert!(text.contains("found: { rule: OUT-001, party: engine, seed: 1, case: "), "{text}");

    place.run(["validate", file]).exits(0);
    place.run(&words).exits(1).says("OUT-001 still fails");
    place.run(["run", file]).exits(0).says("OUT-001 fixed");
    place.run(["run", file, "--report", "json=report.jsonl"]).exits(0);
    let events = place.events("report.jsonl");
    let finished = events.iter().find_map(|event| event.get("finished")).unwrap();
    assert_eq!(finished["replayed"]["came"], "fixed");
}

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    let place = Place::new();
    for seam in ["provider", "engine", "decoder"] {
        let asks = ["explore", seam, "--cases", "60", "--seed", "5", "--map", "map.html"];
        let done = place.run(asks).exits(0).quietly();
        assert!(place.read("map.html").contains("60 cases from seed 5"));
        done.says("60 cases in").says("from seed 5").says("nothing found\n");
    }
    assert!(!place.path("scenarios").exists());
}

#[test]
fn what_cannot_be_written_is_not_lost() {
    let place = Place::new();
    place.write("taken", "a file where the directory would be");
    let into = ["explore", "engine", "--mutant", "finalizes-twice", "--cases", "20", "--into", "taken"];
    let done = place.run(into).exits(1).says("found: { rule: FIN-001, party: engine, seed: 1");
    done.complains("the scenario stands on standard output instead");
}

#[test]
fn a_search_that_is_interrupted_keeps_what_it_found() {
    let place = Place::new();
    let explore = ["explore", "engine", "--mutant", "finalizes-twice", "--cases", "1000000000"];
    let running = place.start(explore);
    assert!(running.line().starts_with("FOUND  FIN-001"));
    running.signal(Signal::INT);
    let done = running.end().exits(130).quietly();
    place.check(&done);
    done.says("1 rule broken, interrupted\n");
    assert_eq!(std::fs::read_dir(place.path("scenarios/found")).unwrap().count(), 1);
}

#[test]
fn what_is_not_to_be_explored_is_told() {
    let place = Place::new();
    for (asks, told) in [
        (&["explore", "provider", "plugin"][..], "--live says that it may"),
        (&["explore", "provider", "plugin", "--live"], "plugin"),
        (&["explore", "provider", "plugin", "--live", "--mutant", "x"], "leave out PATH or --mutant"),
        (&["explore", "engine", "--mutant", "forgets-failure"], "did you mean \"forgets-failures\"?"),
        (&["explore", "engine", "--mutant", "calls-home"], "calls-home is a broken process"),
        (&["explore", "engine", "--time", "soon"], "soon"),
    ] {
        place.run(asks).exits(2).complains(told);
    }
    place.run(["explore", "engine", "--cases", "0"]).exits(4);
}

#[test]
fn a_rule_that_had_nothing_to_judge_is_not_said_to_hold() {
    let place = Place::new();
    let found = "found: { rule: OUT-001, party: engine, seed: 1, case: 0, counterfoil: \"0.1.0\", subject: x, \
                 replay: counterfoil run }";
    let text = format!("id: old\ntitle: Old\n{found}\nrevisions: \"0.51\"\nplan: {{ actions: [] }}\n");
    place.write("old.yaml", text);
    place.run(["run", "old.yaml"]).exits(0).says("OUT-001 unjudged");
}

#[test]
fn a_provider_whose_cloud_is_not_what_it_says_is_found() {
    let place = Place::new();
    for (mutant, rule) in [("keeps-what-it-deleted", "RPC-030"), ("lists-all-but-the-newest", "RPC-031")] {
        let explore = ["explore", "provider", "--mutant", mutant, "--cases", "200"];
        let told = place.run(explore).exits(1).says(&format!("FOUND  {rule} provider: ")).to_string();
        let of_rule = format!("found/{}-", rule.to_lowercase());
        let file = told
            .lines()
            .find_map(|line| line.trim().strip_prefix("file       ").filter(|f| f.contains(&of_rule)));
        let file = file.unwrap();
        assert!(place.read(file).contains("trials: [look-back]"), "{}", place.read(file));
        place.run(["run", file]).exits(0).says(&format!("{rule} fixed"));
        place.run(["run", "--mutant", mutant, file]).exits(1).says(&format!("{rule} still fails"));
    }
}

#[test]
fn what_a_decoder_took_is_a_scenario_that_passes_when_it_is_mended() {
    let place = Place::new();
    let explore = ["explore", "decoder", "--mutant", "takes-status-0", "--cases", "500"];
    let told = place.run(explore).exits(1).says("FOUND  DEC-002 decoder: ").to_string();
    let file = told.lines().find_map(|line| line.trim().strip_prefix("file       ")).unwrap();
    assert!(place.read(file).contains("expect: { findings: [DEC-002"), "{}", place.read(file));
    place.run(["run", file]).exits(0).says("DEC-002 fixed");
    place.run(["run", "--mutant", "takes-status-0", file]).exits(1).says("DEC-002 still fails");
}
