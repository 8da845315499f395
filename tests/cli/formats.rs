//! Reports in the formats of others: what each says of the same run, and what it does to texts of others.

use std::{fs, path::Path, process};

use jsonschema::Validator;
use serde_json::Value;

use crate::support::{Done, LOST_REPLY, OUT_OF_REACH, PASSING, Place, UNMET};

const ALL: &str =
    "json=r/run.jsonl,junit=r/run.xml,sarif=r/run.sarif,tap=r/run.tap,github=r/summary.md,html=r/run.html";

/// Texts that would do something to whoever shows them, and what they must not become.
const HOSTILE: &str = r#""</failure>]]><script>alert(1)</script>\n::error::owned\n::stop-commands::x\e[31m | `a` [b](c) 100% # \u202e \ufffe""#;

fn suite() -> Place {
    Place::with([
        ("suite/lost-reply.yaml", LOST_REPLY),
        ("suite/out-of-reach.yaml", OUT_OF_REACH),
        ("suite/passing.yaml", PASSING),
        ("suite/unmet.yaml", UNMET),
    ])
}

fn golden(name: &str, text: &str) {
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../golden/reports");
    insta::with_settings!({
        snapshot_path => golden,
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, { insta::assert_snapshot!(name, text) });
}

fn schema(file: &str) -> Validator {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    // A pattern of SARIF's schema has a bracket that is no regular expression everywhere.
    let text = fs::read_to_string(file).unwrap().replace("{2}]?$", "{2}$");
    let schema: Value = serde_json::from_str(&text).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

#[track_caller]
fn is_valid(schema: &Validator, value: &Value) {
    let mistakes: Vec<String> = schema.iter_errors(value).map(|error| format!("{error}")).collect();
    assert!(mistakes.is_empty(), "{mistakes:#?}\n{value:#}");
}

/// Durations are never the same.
fn without_times(xml: &str) -> String {
    let mut kept = String::new();
    for part in xml.split_inclusive(" time=\"") {
        let rest = if kept.ends_with(" time=\"") { part.split_once('"').unwrap().1 } else { part };
        if kept.ends_with(" time=\"") {
            kept.push_str("[time]\"");
        }
        kept.push_str(rest);
    }
    kept
}

#[test]
fn all_formats_tell_of_the_same_run() {
    let place = suite();
    let done = place.run(["run", "suite", "--report", ALL]).exits(1);
    let summary = &place.events("r/run.jsonl").pop().unwrap()["run_finished"];
    let count = |name: &str| usize::try_from(summary[name].as_u64().unwrap()).unwrap();
    let runs = count("passed") + count("failed") + count("not_applicable");
    assert_eq!((count("failed"), count("unjudged"), count("not_run")), (1, 0, 0));

    let xml = place.read("r/run.xml");
    let totals = format!(r#"tests="{runs}" skipped="{}" failures="1" errors="0""#, count("not_applicable"));
    assert!(xml.lines().nth(1).unwrap().contains(&totals), "{xml}");
    assert_eq!(xml.matches("<testcase ").count(), runs);
    golden("junit", &without_times(&xml));

    let tap = place.read("r/run.tap");
    assert!(tap.starts_with(&format!("TAP version 14\n1..{runs}\n")), "{tap}");
    assert_eq!(tap.lines().filter(|line| line.starts_with("not ok ")).count(), count("failed"));
    assert_eq!(tap.lines().filter(|line| line.starts_with("ok ")).count(), runs - count("failed"));
    assert_eq!(tap.matches(" # SKIP ").count(), count("not_applicable"));
    golden("tap", &place.redact(&tap.replace("# judged", "judged")));

    let sarif: Value = serde_json::from_str(&place.read("r/run.sarif")).unwrap();
    is_valid(&schema("tests/schemas/sarif-2.1.0.json"), &sarif);
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let levels: Vec<_> = results.iter().map(|result| result["level"].as_str().unwrap()).collect();
    assert_eq!(levels, ["warning", "error"]);
    let version = format!("\"{}\"", env!("CARGO_PKG_VERSION"));
    golden("sarif", &serde_json::to_string_pretty(&sarif).unwrap().replace(&version, "\"[version]\""));

    let page = place.read("r/run.html");
    assert!(page.contains(&format!("{runs} runs: {} failed, ", count("failed"))), "{page}");
    assert_eq!(page_data(&page)["runs"].as_array().unwrap().len(), runs);

    golden("github-annotations", &commands(&done));
    golden("github-summary", &place.redact(&place.read("r/summary.md")));
}

/// What an HTML page shows, as its script gets it.
fn page_data(page: &str) -> Value {
    let (_, from) = page.split_once("<script type=\"application/json\" id=\"data\">").unwrap();
    serde_json::from_str(from.split_once("</script>").unwrap().0).unwrap()
}

/// What the runner of GitHub takes for commands, with a name for the token.
fn commands(done: &Done) -> String {
    let lines: Vec<&str> = done.out.lines().collect();
    let token = lines[0].strip_prefix("::stop-commands::").unwrap_or_else(|| panic!("{done}"));
    assert!(token.len() == 32 && done.out.matches(token).count() == 2, "{done}");
    let end = lines.iter().rposition(|line| *line == format!("::{token}::")).unwrap();
    lines[end + 1..].iter().flat_map(|line| [*line, "\n"]).collect()
}

#[test]
fn every_line_of_a_report_is_as_its_schema_says() {
    let place = suite();
    let schema = schema("schemas/report.schema.json");
    place.run(["run", "suite", "--report", "json=a", "--keep-traces", "traces"]).exits(1);
    place.run(["run", "--mutant", "forgets-failures", "--filter", "o*", "--report", "json=b"]).exits(1);
    let events = [place.events("a"), place.events("b")].concat();
    assert!(events.len() > 100);
    for event in &events {
        is_valid(&schema, event);
    }
    // It refuses something.
    let mut event = events[1].clone();
    event["finished"]["verdict"] = "passed".into();
    assert!(!schema.is_valid(&event) && !schema.is_valid(&Value::Null));
}

#[test]
fn texts_of_others_do_nothing_in_any_report() {
    let place = Place::new();
    let scenario =
        UNMET.replace("no capacity", HOSTILE).replace("What fails is expected", "'# TODO | </a> `x`'");
    let title = "title: '# TODO ::error:: | </a> `x` ]]>'";
    let scenario: String = scenario
        .lines()
        .map(|line| if line.starts_with("title") { title } else { line }.to_owned() + "\n")
        .collect();
    place.write("a.yaml", scenario);
    let done = place.run(["run", "a.yaml", "--report", ALL]).exits(1);

    for file in ["run.xml", "run.sarif", "run.tap", "summary.md", "run.html"] {
        let text = place.read(format!("r/{file}"));
        let bad = |c: &char| c.is_control() && *c != '\n' || matches!(c, '\u{202e}' | '\u{fffe}');
        assert_eq!(text.chars().find(bad), None, "{file}: {text}");
        assert!(
            ["run.sarif", "run.tap", "run.html"].contains(&file) || !text.contains("<script"),
            "{file}: {text}"
        );
    }
    let xml = place.read("r/run.xml");
    assert_eq!((xml.matches("</failure>").count(), xml.matches("]]>").count()), (1, 0), "{xml}");
    let tap = place.read("r/run.tap");
    assert!(!tap.contains("ok 1 - unmet@0.54 #"), "{tap}");
    is_valid(
        &schema("tests/schemas/sarif-2.1.0.json"),
        &serde_json::from_str(&place.read("r/run.sarif")).unwrap(),
    );
    let page = place.read("r/run.html");
    assert!(page_data(&page).to_string().contains("<script>alert(1)</script>"));
    assert_eq!((page.matches("<script").count(), page.matches("</a>").count()), (2, 0), "{page}");
    // Between the two commands that are ours, the runner takes none; behind them each is one line of ours.
    let commands = commands(&done);
    assert!(commands.lines().all(|line| line.starts_with("::error ")), "{commands}");
    assert!(commands.contains("100%25"), "{commands}");
    let summary = place.read("r/summary.md");
    let rows: Vec<&str> = summary.lines().filter(|line| line.starts_with("| ✗")).collect();
    assert!(rows.len() == 1 && rows[0].matches(" | ").count() == 4, "{summary}");
}

#[test]
fn where_reports_go_is_looked_at_before_anything_runs() {
    let place = suite();
    place.write("file", "");
    place
        .run(["run", "suite", "--report", "junit=file/run.xml"])
        .exits(2)
        .complains("file/run.xml cannot be written");
    place
        .run(["run", "suite", "--report", "json=a,tap=./a"])
        .exits(2)
        .complains("the report ./a is asked for twice: each report needs a file of its own");
    place.run(["run", "suite", "--report", "junit"]).exits(2).complains("the report has to go to a file");
    place.run(["run", "suite", "--report", "xml=a"]).exits(2).complains("unknown format \"xml\"");
    place.run(["run", "suite", "--report", "github=file/x"]).exits(2).complains("file/x cannot be written");
    let twice = place.run(["run", "suite", "--report", "github,github=r/summary.md"]).exits(2);
    twice.complains("the report for GitHub is asked for twice");
    // What takes everything may take several.
    place.run(["run", "suite", "--report", "json=/dev/null,tap=/dev/null"]).exits(1);
}

#[test]
fn a_full_disk_fails_what_had_passed_and_says_which_report_is_lost() {
    if !Path::new("/dev/full").exists() {
        return;
    }
    let place = suite();
    for format in ["json", "junit", "sarif", "tap", "html"] {
        let report = format!("{format}=/dev/full,json=good");
        let done = place.run(["run", "suite/passing.yaml", "--report", &report]).exits(3);
        done.complains("the report /dev/full is not complete: ");
        assert_eq!(place.events("good").len(), 13);
    }
}

#[test]
fn the_summary_goes_where_the_runner_says_and_is_added_to_what_is_there() {
    let place = suite();
    place.write("step", "before\n");
    let run = |file: &str| {
        let mut command: process::Command =
            place.command(["run", "suite/passing.yaml", "--report", "github"]);
        command.env("GITHUB_STEP_SUMMARY", file);
        place.finish(command).exits(0)
    };
    run("step");
    let summary = place.read("step");
    assert!(summary.starts_with("before\n## Counterfoil: the contract holds\n"), "{summary}");
    // Without a runner there are annotations alone.
    assert_eq!(commands(&run("")), "");
}
