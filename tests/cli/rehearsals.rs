//! Each rehearsal of `scenarios/cutover/` comes out with the right answer, for the right reasons and no others.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::{
    cutover::forge,
    support::{Done, PROGRAM, Place, copy},
};

/// What has to come of a rehearsal.
struct Expected {
    /// Its id, which its file is named after.
    id: &'static str,
    /// The answer.
    verdict: &'static str,
    /// What does not hold: the last word of the member's name, how it came out, and the rules, each as often as it says so.
    reasons: &'static [&'static str],
    /// What the answer says, for those that matter most.
    says: &'static [&'static str],
}

/// In an order in which most of what was found out for one is of use to the next.
const AT_0_54: &[Expected] = &[
    Expected {
        id: "before-0-54",
        verdict: "no-go",
        reasons: &[
            "aws broken REL-003 REL-010 REL-010 REL-020 REL-021",
            "azure broken REL-010 REL-010 REL-020 REL-021",
            "digitalocean broken REL-009 REL-014 REL-020 REL-021",
            "gcp broken REL-003 REL-010 REL-010 REL-020 REL-021",
        ],
        says: &[
            "in plugin.json version is \"1.1.0\", and 1.2.0 is released",
            "old-plugin-silently-driven: engine 0.54.0 hands the plan to the Apply of 1.1.0 without a word",
            "its process does not declare v2",
            "safe to stop here  yes: nothing is public",
        ],
    },
    Expected {
        id: "v2-one-release-late",
        verdict: "no-go",
        reasons: &["digitalocean broken REL-009 REL-014 REL-020 REL-021"],
        says: &[
            "its process does not declare v2",
            "engine 0.54.0 hands the plan to the Apply of 1.2.0 without a word",
            "no order is safe: no step ends what followers of workflow-plugin-digitalocean come to sit on",
        ],
    },
    Expected {
        id: "after-0-54",
        verdict: "no-go",
        reasons: &[
            "aws broken REL-003 REL-010 REL-010 REL-020 REL-021",
            "azure broken REL-010 REL-010 REL-020 REL-021",
            "digitalocean broken REL-009 REL-014 REL-020 REL-021",
            "gcp broken REL-003 REL-010 REL-010 REL-020 REL-021",
        ],
        says: &[
            "in plugin.json version is \"1.2.0\", and 1.2.1 is released",
            "safe to stop here  no: workflow-plugin-aws: engine 0.54.0 finds no provider in 1.2.1",
            "workflow-plugin-digitalocean: engine 0.54.0 hands the plan to the Apply of 1.2.0",
            "next step          none: everything is public",
        ],
    },
    Expected {
        id: "at-0-54",
        verdict: "no-go",
        reasons: &[
            "aws broken REL-003 REL-005 REL-009 REL-010 REL-010 REL-014 REL-020 REL-020 REL-021",
            "azure broken REL-010 REL-010 REL-020 REL-021",
            "digitalocean broken REL-009 REL-014 REL-020 REL-021",
            "gcp broken REL-003 REL-010 REL-010 REL-020 REL-021",
        ],
        says: &[
            "it was built from 6eb0ed56, and 98b46d8c is stated",
            "safe to stop here  no: workflow-plugin-aws: engine 0.54.0 hands the plan to the Apply of 1.2.0",
            "next step          once it is go: release workflow-plugin-gcp 1.2.0 (tag v1.2.0)",
        ],
    },
    Expected {
        id: "misplaced-tag",
        verdict: "no-go",
        reasons: &["aws broken REL-003 REL-005 REL-009 REL-010 REL-010 REL-014 REL-020 REL-020 REL-021"],
        says: &[
            "it was built from 6eb0ed56, and 98b46d8c is stated",
            "in plugin.json version is \"1.0.0\", and 1.2.0 is released",
            "a tag that is public is not moved: number it anew",
        ],
    },
];

/// The same of the other window.
const AT_0_57: &[Expected] = &[
    Expected {
        id: "before-0-57",
        verdict: "no-go",
        reasons: AS_IT_WAS_AT_0_57,
        says: &[
            "minEngineVersion is 0.57.1, and the engine of the release is 0.57.0",
            "old-plugin-taken: engine 0.57.0 takes 1.2.1, and drives it by v2",
            "safe to stop here  yes: nothing is public",
        ],
    },
    Expected {
        id: "at-0-57",
        verdict: "no-go",
        reasons: AS_IT_WAS_AT_0_57,
        says: &[
            "next step          once it is go: release workflow-plugin-azure 2.0.0 (tag v2.0.0)",
            "safe to stop here  no: workflow-plugin-aws: engine 0.57.0 finds no provider in 2.0.0",
        ],
    },
    Expected {
        id: "after-0-57",
        verdict: "no-go",
        reasons: AS_IT_WAS_AT_0_57,
        says: &[
            "next step          none: everything is public",
            "MAN-009 does not hold: capabilities.iacProvider.name is there",
        ],
    },
    Expected {
        id: "undiscoverable-manifests",
        verdict: "no-go",
        reasons: &[
            "aws broken REL-010 REL-010 REL-021",
            "azure broken REL-010 REL-010 REL-021",
            "gcp broken REL-010 REL-010 REL-021",
        ],
        says: &["MAN-009 does not hold: capabilities.iacProvider.name is there"],
    },
    Expected {
        id: "needs-a-newer-engine",
        verdict: "no-go",
        reasons: &["digitalocean broken REL-007 REL-021"],
        says: &[
            "minEngineVersion is 0.57.1, and the engine of the release is 0.57.0",
            "the plugin manager refuses 2.0.0 for engine 0.57.0",
            "release the engine 0.57.1 or later, or lower minEngineVersion",
        ],
    },
    Expected {
        id: "expired-waiver",
        verdict: "no-go",
        reasons: &["aws broken REL-010 REL-010 REL-021"],
        says: &["MAN-009", "the waiver of the release lead expired on 2026-05-31"],
    },
    Expected {
        id: "with-a-waiver",
        verdict: "go-with-waivers",
        reasons: &["aws waived REL-010 REL-010 REL-021"],
        says: &[
            "let through by the release lead until 2099-12-31: The registry writes the provider's name",
            "go-with-waivers: 3 waived",
        ],
    },
    Expected {
        id: "third-of-five-fails",
        verdict: "no-go",
        reasons: &["azure broken REL-010 REL-010 REL-021"],
        says: &[
            "public             workflow, workflow-plugin-aws\n",
            "safe to stop here  no: workflow-plugin-azure: engine 0.57.0 refuses 1.1.2 at load",
        ],
    },
    Expected {
        id: "withdraw",
        verdict: "no-go",
        reasons: &["azure broken REL-010 REL-010 REL-021 REL-022 REL-024"],
        says: &[
            "workflow-plugin-azure 2.0.0 was withdrawn: engine 0.57.0 refuses 1.1.2 at load",
            "next step          once it is go: release workflow-plugin-azure 2.0.1 in place of 2.0.0, which was withdrawn",
        ],
    },
    Expected {
        id: "resume",
        verdict: "go",
        reasons: &[],
        says: &["next step          release workflow-plugin-azure 2.0.1 (tag v2.0.1)"],
    },
    Expected {
        id: "as-it-should-have-been",
        verdict: "go",
        reasons: &[],
        says: &[
            "0.57.0 with 1.2.0   refused      by the loader",
            "next step          release workflow 0.57.0",
        ],
    },
    Expected {
        id: "contract-changes-midway",
        verdict: "go",
        reasons: &[],
        says: &["public             workflow, workflow-plugin-aws\n"],
    },
    Expected {
        id: "release-without-assets",
        verdict: "no-go",
        reasons: &[
            "aws broken REL-018 REL-018",
            "aws unknown REL-003 REL-003 REL-004 REL-005 REL-005 REL-006 REL-006 REL-007 REL-007 REL-008 REL-008 \
             REL-009 REL-010 REL-011 REL-012 REL-013 REL-014 REL-015 REL-015 REL-020 REL-021",
        ],
        says: &["linux/amd64: it is public without an asset", "darwin/arm64: it is public without an asset"],
    },
];

const AS_IT_WAS_AT_0_57: &[&str] = &[
    "aws broken REL-010 REL-010 REL-020 REL-021",
    "azure broken REL-010 REL-010 REL-020 REL-021",
    "digitalocean broken REL-007 REL-020 REL-021",
    "gcp broken REL-010 REL-010 REL-020 REL-021",
];

/// The rehearsals that have their picture in `golden/cutover/`.
const PICTURES: [&str; 2] = ["at-0-54", "third-of-five-fails"];

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/cutover")
}

/// The files of a directory, by their stems, without those in directories below it.
fn files(directory: &Path) -> BTreeMap<String, PathBuf> {
    let entries = fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path());
    let files = entries.filter(|path| path.is_file());
    files.map(|path| (path.file_stem().expect("a name").to_string_lossy().into_owned(), path)).collect()
}

/// A copy of the rehearsals, and what was found out for those before.
struct Rehearsals {
    place: Place,
    found_out: Option<Value>,
}

impl Rehearsals {
    fn new() -> Self {
        let place = Place::new();
        copy(&directory(), &place.path(""));
        Self { place, found_out: None }
    }

    /// Runs the command with the program in the `PATH`, by which the engine's adapter is found.
    fn run(&self, args: &[&str]) -> Done {
        let mut path = Path::new(PROGRAM).parent().expect("a directory").as_os_str().to_owned();
        path.push(":");
        path.push(env::var_os("PATH").unwrap_or_default());
        let mut command = self.place.command(args);
        command.env("PATH", path);
        self.place.finish(command)
    }

    /// Judges a rehearsal. What was found out for another counts for it too, since each of it stands beside all that it
    /// depends on: only the release is another.
    fn judge(&mut self, id: &str) -> (Done, Value) {
        let (file, memory) = (format!("{id}.yaml"), format!(".counterfoil/cutover/{id}.json"));
        if let Some(found_out) = &self.found_out {
            self.place.write(&memory, found_out.to_string());
            forge(&self.place, &memory, |memory| memory["release"] = id.into());
        }
        let done = self.run(&["cutover", &file, "--explain", "--json", "told.json"]);
        let mut found_out: Value = serde_json::from_str(&self.place.read(&memory)).expect("JSON");
        if let Some(before) = &self.found_out {
            let before = before["kept"]["artefacts"].as_object().expect("what was found out");
            let kept = found_out["kept"]["artefacts"].as_object_mut().expect("what was found out");
            for (artefact, entry) in before {
                kept.entry(artefact).or_insert_with(|| entry.clone());
            }
        }
        self.found_out = Some(found_out);
        (done, serde_json::from_str(&self.place.read("told.json")).expect("JSON"))
    }

    fn hold(&mut self, expected: &Expected) {
        let Expected { id, verdict, reasons, says } = expected;
        let (done, told) = self.judge(id);
        assert_eq!(told["verdict"], *verdict, "{id}\n{done}");
        assert_eq!(reasons_of(&told), *reasons, "{id}\n{done}");
        let done = done.exits(i32::from(*verdict == "no-go"));
        says.iter().fold(done, |done, text| done.says(text));
        if PICTURES.contains(id) {
            let screen = self.run(&["cutover", &format!("{id}.yaml")]).out;
            let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../golden/cutover");
            insta::with_settings!({
                snapshot_path => golden,
                prepend_module_to_snapshot => false,
                omit_expression => true,
            }, { insta::assert_snapshot!(*id, screen) });
        }
    }
}

/// What does not hold, as [`Expected::reasons`] has it.
fn reasons_of(told: &Value) -> Vec<String> {
    let mut reasons: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for check in told["checks"].as_array().expect("checks").iter().filter(|check| check["state"] != "holds") {
        let member = check["member"].as_str().unwrap_or("release");
        let member = member.rsplit('-').next().unwrap_or(member);
        let state = check["state"].as_str().expect("a state");
        let rule = check["rule"].as_str().expect("a rule");
        reasons.entry(format!("{member} {state}")).or_default().push(rule);
    }
    reasons.into_iter().map(|(of, rules)| format!("{of} {}", rules.join(" "))).collect()
}

#[test]
fn at_0_54_each_rehearsal_comes_out_right() {
    let mut rehearsals = Rehearsals::new();
    for expected in AT_0_54 {
        rehearsals.hold(expected);
    }
}

#[test]
fn at_0_57_each_rehearsal_comes_out_right() {
    let mut rehearsals = Rehearsals::new();
    for expected in AT_0_57 {
        rehearsals.hold(expected);
    }

    // The window goes on with a Counterfoil of another contract than the one that froze it.
    let id = "contract-changes-midway";
    rehearsals.run(&["cutover", "freeze", &format!("{id}.yaml")]).exits(0);
    forge(&rehearsals.place, &format!("{id}.lock.json"), |lock| lock["contract"] = "0".repeat(64).into());
    let (done, told) = rehearsals.judge(id);
    assert_eq!(
        (&told["verdict"], reasons_of(&told)),
        (&json!("no-go"), vec!["release broken REL-019".to_owned()])
    );
    done.exits(1).says(&format!("the contract was {}, and is ", "0".repeat(64)));
}

#[test]
fn each_rehearsal_says_what_it_shows_and_what_comes_of_it() {
    let files = files(&directory());
    let expected: BTreeMap<&str, &Expected> =
        AT_0_54.iter().chain(AT_0_57).map(|expected| (expected.id, expected)).collect();
    assert_eq!(files.keys().map(String::as_str).collect::<BTreeSet<_>>(), expected.keys().copied().collect());
    for (id, path) in &files {
        let text = fs::read_to_string(path).expect("text");
        let mut lines = text.lines();
        let schema = "# yaml-language-server: $schema=../../schemas/release.schema.json";
        assert_eq!(lines.next(), Some(schema), "{id}");
        let comment: Vec<&str> = lines.by_ref().map_while(|line| line.strip_prefix("# ")).collect();
        let comment = comment.join(" ");
        let answer = match expected[&**id].verdict {
            "no-go" => "No-go",
            "go" => "goes",
            _ => "it goes, with a waiver",
        };
        assert!(comment.contains(answer) && comment.ends_with(['.', ')']), "{id}: {comment}");
        assert!(text.contains(&format!("\nrelease: {id}\n")), "{id} is not its id");
        assert!(text.lines().all(|line| line.chars().count() <= 120), "{id}: a line is too long");
    }
}
