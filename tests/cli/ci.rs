//! What other repositories take into their CI: it can be read, and says nothing that the command does not know.

use std::{
    collections::BTreeMap,
    env,
    ffi::OsStr,
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use serde_yaml::Value;

use crate::support::{Done, Place};

fn pack() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../ci")
}

/// The YAML files of the pack, and of our own CI.
fn files() -> Vec<PathBuf> {
    let folders = ["", "workflows", "gitlab", "kubernetes", "../.github/workflows"];
    let entries = folders.iter().flat_map(|folder| fs::read_dir(pack().join(folder)).unwrap());
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "yml"));
    files.sort();
    assert!(files.len() >= 9, "{files:?}");
    files
}

fn read(file: &Path) -> (String, Value) {
    let text = fs::read_to_string(file).unwrap();
    let value = serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    (text, value)
}

/// Every text in a document, with the keys that lead there.
fn texts<'v>(value: &'v Value, at: &str, into: &mut Vec<(String, &'v str)>) {
    match value {
        Value::String(text) => into.push((at.to_owned(), text)),
        Value::Sequence(items) => items.iter().for_each(|item| texts(item, at, into)),
        Value::Mapping(fields) => {
            for (key, field) in fields {
                texts(field, &format!("{at}.{}", key.as_str().unwrap_or("?")), into);
            }
        }
        _ => {}
    }
}

/// The steps of a workflow that are our action.
fn our_steps(workflow: &Value) -> impl Iterator<Item = &Value> {
    let jobs = workflow.get("jobs").and_then(Value::as_mapping).into_iter().flat_map(|jobs| jobs.values());
    let steps = jobs.flat_map(|job| job["steps"].as_sequence().into_iter().flatten());
    steps.filter(|step| step["uses"].as_str().is_some_and(|uses| uses.contains("counterfoil/ci@")))
}

/// The last of the keys that lead somewhere.
fn last(at: &str) -> &str {
    at.rsplit('.').next().unwrap_or_default()
}

/// The command lines in a text that start counterfoil or the gate, as words, up to where the line of the shell goes on to
/// something else.
fn command_lines(text: &str) -> Vec<Vec<String>> {
    let joined = text.replace("\\\n", " ");
    let lines = joined.lines().filter_map(|line| {
        let words: Vec<String> =
            line.split_whitespace().map(|word| word.trim_matches(['"', '\'']).to_owned()).collect();
        let at = words.iter().position(|word| !word.contains('=') && word != "exec")?;
        let program = words[at].rsplit('/').next().unwrap_or_default();
        if !matches!(program, "counterfoil" | "$COUNTERFOIL" | "$program" | "gate.sh") {
            return None;
        }
        let mut line = words[at..].to_vec();
        if line[0].ends_with("gate.sh") {
            line.splice(0..1, ["counterfoil", "test", "provider"].map(str::to_owned));
        }
        line.truncate(
            line.iter()
                .position(|word| matches!(word.as_str(), "||" | "&&" | ";" | "|"))
                .unwrap_or(line.len()),
        );
        Some(line)
    });
    lines.collect()
}

/// Holds that each option of a command line is one that the command has: its help lists them.
fn assert_known(place: &Place, line: &[String], file: &Path) {
    let ours = &line[1..line.iter().position(|word| word == "--").unwrap_or(line.len())];
    let is_word =
        |word: &&String| word.chars().all(|c| c.is_ascii_lowercase() || c == '-') && !word.starts_with('-');
    let command: Vec<&String> = ours.iter().take_while(is_word).take(2).collect();
    let help = place.run(command.iter().map(|word| word.as_str()).chain(["--help"])).exits(0).out;
    let usage = help.lines().find(|line| line.starts_with("Usage: ")).unwrap();
    assert!(
        command.iter().all(|word| usage.contains(word.as_str())),
        "{}: {line:?}: {usage}",
        file.display()
    );
    for option in ours.iter().filter(|word| word.starts_with("--")) {
        let name = option.split('=').next().unwrap();
        let is_there = |line: &str| line.trim_start().split([' ', ',', '[', '=']).any(|word| word == name);
        assert!(help.lines().any(is_there), "{}: `{}` has no {name}", file.display(), line.join(" "));
    }
    // The parser itself reads what is to be reported; nothing is run for it.
    for (_, report) in ours.iter().zip(ours.iter().skip(1)).filter(|(option, _)| *option == "--report") {
        place.run(["run", "--filter", "no-such-scenario", "--report", report]).exits(4);
    }
}

#[test]
fn every_command_in_the_pack_is_one_that_there_is() {
    let place = Place::new();
    let mut seen = 0;
    let mut check = |text: &str, file: &Path| {
        for line in command_lines(text) {
            assert_known(&place, &line, file);
            seen += 1;
        }
    };
    for file in files() {
        let (_, value) = read(&file);
        let mut found = Vec::new();
        texts(&value, "", &mut found);
        let runs = ["run", "script", "args", "before_script"];
        for (_, text) in found.iter().filter(|(at, _)| runs.contains(&last(at))) {
            check(text, &file);
        }
        // What the action is given as arguments is for the gate.
        for args in our_steps(&value).filter_map(|step| step["with"]["args"].as_str()) {
            check(&format!("gate.sh {}", args.replace('\n', " ")), &file);
        }
    }
    let gate = pack().join("gate.sh");
    check(&fs::read_to_string(&gate).unwrap(), &gate);
    assert!(seen >= 8, "{seen}");
}

/// A value that somebody else chose, the name of a branch for instance, is no part of a script.
#[test]
fn no_expression_stands_in_a_script_and_no_workflow_can_do_more_than_it_says() {
    for file in files() {
        let (text, value) = read(&file);
        let name = file.display();
        assert!(
            !text.lines().any(|line| !line.starts_with('#') && line.contains("pull_request_target")),
            "{name}"
        );
        let mut found = Vec::new();
        texts(&value, "", &mut found);
        for (at, script) in &found {
            assert!(!(last(at) == "run" && script.contains("${{")), "{name}: {script}");
        }
        if let Some(jobs) = value.get("jobs") {
            assert!(value.get("permissions").is_some(), "{name} does not say what its token may do");
            assert!(!text.contains("write-all"), "{name}");
            // The plugin under test is never run with a token that can change the repository.
            for (job, steps) in jobs.as_mapping().unwrap() {
                let runs_a_plugin = serde_yaml::to_string(steps).unwrap().contains("counterfoil/ci@");
                assert!(!(runs_a_plugin && steps["permissions"]["contents"] == "write"), "{name}: {job:?}");
            }
        }
    }
}

/// What the examples call the action by is what the action is.
#[test]
fn the_examples_give_the_action_nothing_that_it_does_not_take() {
    let (_, action) = read(&pack().join("action.yml"));
    let inputs = action["inputs"].as_mapping().unwrap();
    let outputs = action["outputs"].as_mapping().unwrap();
    let mut uses = 0;
    for file in files() {
        let (text, value) = read(&file);
        for step in our_steps(&value) {
            let ours = concat!("OWNER/counterfoil/ci@v", env!("CARGO_PKG_VERSION"));
            assert_eq!(step["uses"], ours, "{}", file.display());
            for input in step.get("with").and_then(Value::as_mapping).into_iter().flat_map(|with| with.keys())
            {
                assert!(inputs.contains_key(input), "{}: {input:?}", file.display());
            }
            uses += 1;
        }
        for rest in text.split("steps.counterfoil.outputs.").skip(1) {
            let output = rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').next().unwrap();
            assert!(outputs.contains_key(output), "{}: {output}", file.display());
        }
    }
    assert!(uses >= 5, "{uses}");
}

/// Where actionlint is at hand, it is asked too.
#[expect(clippy::print_stdout, reason = "what is left out is told")]
#[test]
fn actionlint_finds_nothing_where_it_is_at_hand() {
    let workflows = files().into_iter().filter(|file| file.parent().unwrap().ends_with("workflows"));
    match Command::new("actionlint").args(workflows).output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout)),
        Err(error) => println!("SKIPPED: actionlint was not asked: {error}"),
    }
}

/// A program in this place that is a script.
fn program(place: &Place, name: &str, script: &str) {
    place.write(name, format!("#!/bin/sh\n{script}"));
    fs::set_permissions(place.path(name), fs::Permissions::from_mode(0o755)).unwrap();
}

fn sh(place: &Place, script: &Path, args: &[&str], variables: &[(&str, &OsStr)]) -> Done {
    let mut command = place.command_of("sh");
    command.arg(script).args(args).envs(variables.iter().copied());
    place.finish(command)
}

#[test]
fn the_gate_script_passes_on_what_it_is_given_and_ends_as_the_gate_did() {
    let place = Place::new();
    let gate = pack().join("gate.sh");
    program(&place, "a b/stub", "for word; do printf '<%s>' \"$word\"; done\nexit ${CODE:-0}\n");
    let stub = place.path("a b/stub");
    let run = |args: &[&str], more: &[(&str, &OsStr)]| {
        sh(&place, &gate, args, &[&[("COUNTERFOIL", stub.as_os_str())], more].concat())
    };
    let done = run(&["--build", "go build -o 'x y' .", "--", "-odd"], &[]).exits(0);
    let done = done.says("<test><provider><--report><junit=counterfoil-reports/junit.xml>");
    let done =
        done.says("<--build><go build -o 'x y' .><--><-odd>").complains("reports in counterfoil-reports");
    assert!(!done.out.contains("<github>"), "{done}");
    run(&[], &[("GITHUB_ACTIONS", "true".as_ref())]).exits(0).says("<--report><github>");
    run(&[], &[("COUNTERFOIL_REPORTS", "my reports".as_ref())])
        .exits(0)
        .says("<json=my reports/counterfoil.jsonl>");
    for (code, says) in [(1, "the contract is broken"), (3, "could not be judged"), (4, "nothing was judged")]
    {
        let text = code.to_string();
        run(&[], &[("CODE", text.as_ref())]).exits(code).complains(says).complains("reports in");
    }
    let done = run(&[], &[("CODE", "2".as_ref())]).exits(2).complains("nothing was run");
    assert!(!done.err.contains("reports in"), "{done}");
}

#[test]
fn the_gate_script_says_what_to_do_where_it_cannot_begin() {
    let place = Place::new();
    let gate = pack().join("gate.sh");
    let refused = |name: &str, value: &str, says: &str| {
        let done = sh(&place, &gate, &[], &[(name, value.as_ref())]).exits(2).complains("gate: ");
        done.complains(says).out.is_empty()
    };
    assert!(refused(
        "COUNTERFOIL",
        "no-such-counterfoil",
        "put counterfoil on PATH, or name it by COUNTERFOIL"
    ));
    place.write("not-executable", "");
    assert!(refused("COUNTERFOIL", "./not-executable", "COUNTERFOIL"));
    assert!(refused("COUNTERFOIL", ".", "COUNTERFOIL"));
    program(&place, "stub", "");
    let stub = place.path("stub");
    for (reports, says) in [("a,b", "has a comma in it"), ("stub/x", "no directory for reports")] {
        let variables = [("COUNTERFOIL", stub.as_os_str()), ("COUNTERFOIL_REPORTS", reports.as_ref())];
        sh(&place, &gate, &[], &variables).exits(2).complains(says);
    }
}

/// A release as it would lie on a server, below `releases`, and the SHA-256 of its archive.
fn release(place: &Place, releases: &str) -> Option<String> {
    let name = "counterfoil-v1.2.3-x86_64-unknown-linux-musl";
    program(place, &format!("build/{name}/counterfoil"), "echo got it\n");
    let into = format!("{releases}/v1.2.3");
    fs::create_dir_all(place.path(&into)).unwrap();
    let script = format!(
        "tar -czf {into}/{name}.tar.gz -C build {name} && cd {into} && sha256sum {name}.tar.gz | tee {name}.tar.gz.sha256"
    );
    let mut command = place.command_of("sh");
    command.args(["-c", &script]);
    let digest = place.finish(command).exits(0).out;
    cfg!(all(target_os = "linux", target_arch = "x86_64")).then(|| digest[..64].to_owned())
}

#[test]
fn a_release_is_taken_only_where_it_is_what_it_should_be() {
    let place = Place::new();
    // Nothing is released for any other platform.
    let Some(digest) = release(&place, "releases") else { return };
    let get = pack().join("get.sh");
    let releases = format!("file://{}", place.path("releases").display());
    let run = |version: &str, more: &[(&str, &str)]| {
        let own = [("COUNTERFOIL_RELEASES", releases.as_str())];
        let variables: Vec<(&str, &OsStr)> =
            own.iter().chain(more).map(|(name, value)| (*name, value.as_ref())).collect();
        sh(&place, &get, &[version, "to here"], &variables)
    };
    let done = run("1.2.3", &[("COUNTERFOIL_SHA256", &digest)]).exits(0).quietly();
    assert_eq!(done.out, "to here/counterfoil\n");
    place.finish(place.command_of(place.path("to here/counterfoil"))).exits(0).says("got it");
    run("v1.2.3", &[]).exits(0).complains("held only against the digest that lies beside it");
    fs::remove_file(place.path("to here/counterfoil")).unwrap();
    run("v1.2.3", &[("COUNTERFOIL_SHA256", &"0".repeat(64))]).exits(2).complains("it is not used");
    run("v9.9.9", &[]).exits(2).complains("is v9.9.9 a release?");
    assert!(!place.path("to here/counterfoil").exists());
    assert_eq!(fs::read_dir(place.path("to here")).unwrap().count(), 0, "something is left behind");
    sh(&place, &get, &["v1.2.3"], &[]).exits(2).complains("usage: get.sh VERSION DIRECTORY");
}

/// The action, with its scripts run as GitHub's runner runs them.
struct Action<'p> {
    place: &'p Place,
    steps: Value,
    values: BTreeMap<String, String>,
}

impl<'p> Action<'p> {
    /// The action of a repository, with these inputs; the others are as they are by default.
    fn with(place: &'p Place, inputs: &[(&str, &str)]) -> Self {
        let (_, action) = read(&pack().join("action.yml"));
        let own = place.path("_actions/me/my-counterfoil/v1");
        fs::create_dir_all(&own).unwrap();
        let path = own.join("ci");
        if !path.exists() {
            symlink(pack().canonicalize().unwrap(), &path).unwrap();
        }
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        let mut values: BTreeMap<String, String> =
            [("github.action_path", text(path)), ("runner.temp", text(place.path("temp")))]
                .map(|(name, value)| (name.to_owned(), value))
                .into();
        for (name, input) in action["inputs"].as_mapping().unwrap() {
            let name = name.as_str().unwrap();
            let given = inputs.iter().find(|(given, _)| *given == name).map(|(_, value)| *value);
            let value = given.unwrap_or_else(|| input["default"].as_str().unwrap());
            values.insert(format!("inputs.{name}"), value.to_owned());
        }
        Self { place, steps: action["runs"]["steps"].clone(), values }
    }

    /// Runs a step's script, and takes in what it puts out.
    fn step(&mut self, name: &str) -> Done {
        let steps = self.steps.as_sequence().unwrap();
        let step = steps.iter().find(|step| step["name"] == name).unwrap();
        assert_eq!(step["shell"], "sh");
        let (output, path) = (self.place.path("output"), self.place.path("path"));
        let mut command = self.place.command_of("sh");
        command
            .args(["-e", "-c", step["run"].as_str().unwrap()])
            .env("GITHUB_OUTPUT", &output)
            .env("GITHUB_PATH", path);
        command.env("GITHUB_SERVER_URL", format!("file://{}", self.place.path("server").display()));
        for (name, value) in step["env"].as_mapping().unwrap() {
            let mut value = value.as_str().unwrap().to_owned();
            while let Some((before, rest)) = value.split_once("${{ ") {
                let (expression, behind) = rest.split_once(" }}").unwrap();
                let known = self.values.get(expression).map_or("", String::as_str);
                value = format!("{before}{known}{behind}");
            }
            command.env(name.as_str().unwrap(), value);
        }
        let done = self.place.finish(command);
        for line in fs::read_to_string(&output).unwrap_or_default().lines() {
            let (name, value) = line.split_once('=').unwrap();
            self.values
                .insert(format!("steps.{}.outputs.{name}", step["id"].as_str().unwrap()), value.to_owned());
        }
        let _ = fs::remove_file(output);
        done
    }

    fn output(&self, name: &str) -> &str {
        &self.values[name]
    }
}

const STUB: &str = "[ \"$*\" != --version ] || exit 0\nfor word; do printf '<%s>' \"$word\"; done\nexit 3\n";

#[test]
fn the_action_gives_the_gate_what_it_was_given_and_has_no_shell_read_it() {
    let place = Place::new();
    program(&place, "stub", STUB);
    let inputs = [
        ("binary", "stub"),
        ("path", "-a b; touch made"),
        ("build", "go build -o 'x y' . $(touch made)"),
        ("strict", "true"),
        ("partition", "2/3"),
        ("args", "--filter\nload-*\n\n--evidence\n$(touch made)\n"),
        ("working-directory", "sub"),
    ];
    let mut action = Action::with(&place, &inputs);
    action.step("Look for counterfoil").exits(0);
    action.step("Get counterfoil").exits(0);
    assert_eq!(place.read("path"), format!("{}/counterfoil/bin\n", place.path("temp").display()));
    let done = action.step("Test the plugin").exits(3);
    done.says(
        "<html=counterfoil-reports/counterfoil.html><--filter><load-*><--evidence><$(touch made)>\
         <--build><go build -o 'x y' . $(touch made)><--strict=true><--partition><2/3><--><-a b; touch made>",
    );
    assert!(!place.path("made").exists());
    assert_eq!(action.output("steps.gate.outputs.exit-code"), "3");
    assert_eq!(action.output("steps.gate.outputs.reports"), "sub/counterfoil-reports");

    let mut plain = Action::with(&place, &[("binary", "stub")]);
    plain.step("Look for counterfoil").exits(0);
    plain.step("Get counterfoil").exits(0);
    let done = plain.step("Test the plugin").exits(3);
    assert!(done.out.ends_with("<html=counterfoil-reports/counterfoil.html>"), "{done}");
    assert_eq!(plain.output("steps.gate.outputs.reports"), "counterfoil-reports");
    let mut absent = Action::with(&place, &[("binary", "nowhere")]);
    absent.step("Look for counterfoil").exits(0);
    absent.step("Get counterfoil").exits(2).says("::error title=Counterfoil::binary names no file");
}

#[test]
fn the_action_takes_a_release_of_its_own_repository() {
    let place = Place::new();
    let Some(digest) = release(&place, "server/me/my-counterfoil/releases/download") else { return };
    for (digest, code) in [(digest.as_str(), 0), (&"0".repeat(64), 2)] {
        let mut action = Action::with(&place, &[("version", "v1.2.3"), ("sha256", digest)]);
        action.step("Look for counterfoil").exits(0);
        assert_eq!(action.output("steps.look.outputs.from"), "release");
        action.step("Get counterfoil").exits(code);
    }
    // Without one it is built, and what it is built from names the cache.
    let mut action = Action::with(&place, &[]);
    action.step("Look for counterfoil").exits(0);
    assert_eq!(action.output("steps.look.outputs.from"), "sources");
    assert!(action.output("steps.look.outputs.sources").contains('-'));
}

/// As `cargo bench --bench figures` prints it.
fn figures(lookup: &str, ratio: &str, more: &str) -> String {
    format!(
        "figure                               ours     baseline    ratio    limit\n\
         decode an outcome            {lookup:>12} {:>12} {ratio:>8} {:>8}  met\n\
         \u{20}  a part of it                  9.00ms       1.00ms     9.00\n\
         memory                              12 MB                          50 MB  met\n\
         launches                     not measured: no /proc\n{more}",
        "10.00µs", "1.50"
    )
}

#[test]
fn a_figure_that_is_a_fifth_worse_is_flagged() {
    let place = Place::new();
    let script = pack().join("bench-compare");
    let compare = || sh(&place, &script, &["old", "new"], &[]);
    let slow = "the stock suite                  2.00s     500.00ms     4.00     9.00  MISSED\n";
    place.write("old", figures("10.00µs", "1.00", slow));
    // The machine was twice as slow, and nothing got worse.
    place.write("new", figures("19.80µs", "0.99", slow).replace("10.00µs", "20.00µs"));
    let done = compare().exits(0).says("none of 2 figures worse by 20 % or more").says("the stock suite");
    assert!(
        !done.out.contains("memory") && !done.out.contains("part") && !done.out.contains("WORSE"),
        "{done}"
    );
    // By the times, whatever the ratio that is printed is rounded to.
    for (time, code) in [("11.99µs", 0), ("12.00µs", 1), ("0.02ms", 1), ("0.01ms", 0), ("9000.00ns", 0)] {
        place.write("new", figures(time, "1.20", slow));
        compare().exits(code);
    }
    place.write("new", figures("12.00µs", "1.20", slow));
    compare().exits(1).says("+20.0 %  WORSE").says("1 of 2 figures worse");
    place.write("new", figures("10.00µs", "1.00", ""));
    compare().exits(0).says("gone");
    for (text, says) in [("", "holds no figure"), ("x 1.00s 1.00s 1.00 1.00 met\n", "no figure is in both")] {
        place.write("new", text);
        compare().exits(2).complains(says);
    }
    sh(&place, &script, &["old"], &[]).exits(2).complains("usage");
    sh(&place, &script, &["old", "none"], &[]).exits(2).complains("none cannot be read");
}

#[test]
fn the_merge_base_is_built_by_itself() {
    let place = Place::new();
    // Takes what is built for as long as it is there, as cargo does where no file is newer.
    let cargo = "target=${CARGO_TARGET_DIR:-target}\nmkdir -p \"$target\"\n\
                 [ -e \"$target/built\" ] || cp figure \"$target/built\"\ncat \"$target/built\"\n";
    program(&place, "bin/cargo", cargo);
    let path = format!("{}:{}", place.path("bin").display(), env::var("PATH").expect("there is a path"));
    let git = |args: &[&str]| {
        let mut command = place.command_of("git");
        command.args(["-c", "user.name=nobody", "-c", "user.email=nobody@example.com"]).args(args);
        place.finish(command).exits(0);
    };
    let commit = |time: &str| {
        place.write("figure", figures(time, "1.00", ""));
        git(&["add", "figure"]);
        git(&["commit", "--quiet", "--message", time]);
    };
    git(&["init", "--quiet", "--initial-branch", "main"]);
    commit("10.00µs");
    git(&["branch", "base"]);
    commit("13.00µs");
    let compare = |more: &[(&str, &OsStr)]| {
        let variables = [&[("PATH", path.as_ref())], more].concat();
        sh(&place, &pack().join("bench-compare"), &["--against", "base"], &variables)
    };
    compare(&[]).exits(1).says("1.000").says("+30.0 %  WORSE");
    compare(&[("CARGO_TARGET_DIR", place.path("shared").as_ref())]).exits(1).says("+30.0 %  WORSE");
}
