//! The binary vectors, as a list and as the files in `golden/vectors`.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use counterfoil_core::decode;
use serde_json::Value;

use crate::support::Place;

/// The files that are checked in.
fn kept() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../golden/vectors")
}

/// The names of the vectors' files in a directory.
fn files_in(directory: &Path) -> BTreeSet<String> {
    let paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let files = paths.filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    files.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
}

#[test]
fn the_vectors_that_are_kept_are_those_of_the_program() {
    let place = Place::new();
    let done = place.run(["vectors", "--into", "some/where"]).exits(0).quietly();
    let count: usize = decode::vectors().iter().map(|topic| topic.vectors.len()).sum();
    assert_eq!(done.out, format!("{count} vectors in 7 files written to some/where\n"));
    let files = files_in(&place.path("some/where"));
    assert_eq!(files, files_in(&kept()), "a file too many or too few in golden/vectors");
    for file in files {
        let written = place.read(Path::new("some/where").join(&file));
        let is_kept = fs::read_to_string(kept().join(&file)).unwrap() == written;
        assert!(is_kept, "{file} is out of date: `counterfoil vectors --into golden/vectors` writes it anew");
    }
}

/// What the README of the files promises.
#[test]
fn every_line_can_be_read_without_protobuf() {
    for file in files_in(&kept()) {
        for line in fs::read_to_string(kept().join(&file)).unwrap().lines() {
            let vector: Value = serde_json::from_str(line).unwrap();
            let hex = vector["hex"].as_str().unwrap();
            assert!(hex::decode(hex).is_ok() && hex == hex.to_lowercase(), "{line}");
            assert_eq!(vector["text"] == "", hex.is_empty(), "{line}");
            let answers_a_plan = vector["message"] == "workflow.plugin.external.iac.ApplyResponse";
            assert_eq!(vector["planned"].is_array(), answers_a_plan, "{line}");
            let verdicts = vector["verdicts"].as_object().unwrap();
            let mut rules = verdicts.values().flat_map(|rules| rules.as_array().unwrap());
            assert!(rules.all(|rule| rule.as_str().unwrap().starts_with("DEC-0")), "{line}");
            assert!(!verdicts.is_empty(), "{line}");
        }
    }
}

#[test]
fn the_vectors_are_listed_by_topic() {
    let mut listed = Place::new().run(["vectors"]).exits(0).quietly();
    for topic in decode::vectors() {
        listed = listed.says(&format!("{}  {}\n", topic.name, topic.about));
        for vector in topic.vectors {
            listed = listed.says(&format!("\n  {:<32}  {}\n", vector.name, vector.about));
        }
    }
}

#[test]
fn a_place_that_cannot_be_written_to_is_named() {
    let place = Place::with([("file", "in the way")]);
    place.run(["vectors", "--into", "file"]).exits(2).complains("file cannot be written: ");
    place.write("dir/registry.jsonl/x", "a directory in the way");
    place.run(["vectors", "--into", "dir"]).exits(2).complains("dir/registry.jsonl cannot be written: ");
}

#[test]
fn what_else_lies_there_stays_as_it_is() {
    let place = Place::with([("dir/README.md", "mine"), ("dir/apply.jsonl", "old")]);
    place.run(["vectors", "--into", "dir"]).exits(0).quietly();
    assert_eq!(place.read("dir/README.md"), "mine");
    assert!(place.read("dir/apply.jsonl").starts_with("{\"name\":\"accepted-nothing\""));
}
