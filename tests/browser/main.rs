//! The HTML report in a browser: real pages, driven by `check.mjs` in headless Chromium.
//!
//! Needs Node, npm, and Chromium, at `COUNTERFOIL_CHROMIUM` or on the path. Where one of them is not there, the tests say so
//! and pass, unless `COUNTERFOIL_REQUIRE_BROWSER` is set. Pictures are left in the directory that
//! `COUNTERFOIL_SCREENSHOTS` names.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::{
    env, fs,
    io::{self, BufRead as _, Write as _},
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    thread,
};

use counterfoil::{
    report::{Reporter as _, html::Html},
    run::{Finished, RunEvent, Started, Summary},
};

const COUNTERFOIL: &str = env!("CARGO_BIN_EXE_counterfoil");
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/browser");

/// Scenarios that give a page something of everything.
const SCENARIOS: [&str; 5] = [
    "a-day-of-failures",
    "all-kinds-succeed",
    "applied-hook-fails-first",
    "hooks-of-a-clean-run",
    "killed-*",
];

/// A value that does all that a value must not do.
const HOSTILE: &str = concat!(
    "</script><script>globalThis.struck = 1</script><!--<img src=x onerror=\"globalThis.struck = 1\">",
    "<svg onload=alert(1)>\"'><a href=\"javascript:alert(1)\">a</a>{{data}}&lt;\u{1b}[31m\u{9b}\u{202e}\u{2028}\n\0",
    "https://example.invalid/x.png ",
);

/// What is needed to drive a browser.
struct Browser {
    /// Where the check lies, beside what it is made with.
    place: PathBuf,
    program: PathBuf,
}

impl Browser {
    /// Finds or builds all of it.
    fn get() -> Result<Self, String> {
        let runs = |program: &Path| {
            let output = Command::new(program).arg("--version").output();
            output.is_ok_and(|output| output.status.success())
        };
        if !runs(Path::new("node")) || !runs(Path::new("npm")) {
            return Err("`node` and `npm` do not run".to_owned());
        }
        let named = env::var_os("COUNTERFOIL_CHROMIUM").map(PathBuf::from);
        let usual = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
        let on_path = env::var_os("PATH").unwrap_or_default();
        let on_path: Vec<PathBuf> = env::split_paths(&on_path).collect();
        let program = named
            .map_or_else(
                || usual.iter().flat_map(|name| on_path.iter().map(move |place| place.join(name))).collect(),
                |named| vec![named],
            )
            .into_iter()
            .find(|program| runs(program))
            .ok_or("there is no Chromium on the path, nor at COUNTERFOIL_CHROMIUM")?;
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser");
        fs::create_dir_all(&place).unwrap();
        for file in ["package.json", "package-lock.json", "check.mjs"] {
            fs::copy(Path::new(SOURCES).join(file), place.join(file)).unwrap();
        }
        let npm =
            Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&place).output().unwrap();
        if !npm.status.success() {
            return Err(format!("`npm ci` fails: {}", String::from_utf8_lossy(&npm.stderr)));
        }
        Ok(Self { place, program })
    }

    /// Runs a check over a page. What it measures goes past the test runner.
    fn check(&self, what: &str, page: &Path) {
        let output = Command::new("node")
            .arg(self.place.join("check.mjs"))
            .args([what.as_ref(), page.as_os_str(), self.program.as_os_str()])
            .output()
            .unwrap();
        let (said, error) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{what}: {}\n{said}\n{error}", output.status);
        let _ = write!(io::stderr(), "{said}");
    }
}

/// The browser; none where there is none, which is said.
fn browser() -> Option<&'static Browser> {
    static FOUND: OnceLock<Result<Browser, String>> = OnceLock::new();
    let why = match FOUND.get_or_init(Browser::get) {
        Ok(browser) => return Some(browser),
        Err(why) => why,
    };
    assert!(env::var_os("COUNTERFOIL_REQUIRE_BROWSER").is_none(), "a browser is required here, and {why}");
    // Past the test runner, which would keep it to itself.
    let test = thread::current();
    let test = test.name().unwrap_or_default();
    let _ = writeln!(io::stderr(), "SKIPPED: {test}: it needs Node, npm and Chromium, and {why}");
    None
}

/// Runs the command with a report of this format, and says where the report is.
fn reported(directory: &Path, format: &str) -> PathBuf {
    let report = directory.join(format!("report.{format}"));
    let output = Command::new(COUNTERFOIL)
        .args(["run", "--mutant", "skips-deletes"])
        .args(SCENARIOS.iter().flat_map(|scenario| ["--filter", scenario]))
        .args(["--report", &format!("{format}={}", report.display())])
        .current_dir(directory)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    report
}

/// The runs of a real report.
fn finished(directory: &Path) -> Vec<Finished> {
    let lines = io::BufReader::new(fs::File::open(reported(directory, "json")).unwrap()).lines();
    let events = lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap());
    let runs = events.filter_map(|event| match event {
        RunEvent::Finished(run) => Some(*run),
        _ => None,
    });
    runs.collect()
}

/// Writes a page of these runs, out of so many that there were to be.
fn page(directory: &Path, planned: usize, runs: Vec<Finished>, summary: Summary) -> PathBuf {
    let path = directory.join("page.html");
    let mut html = Html::new(io::BufWriter::new(fs::File::create(&path).unwrap()));
    let begin = Started {
        format: String::new(),
        version: 1,
        counterfoil: "0.1.0".to_owned(),
        runs: planned,
        subject: None,
        settings: None,
        basis: None,
        partition: None,
        planned: Vec::new(),
    };
    html.event(&RunEvent::RunStarted(Box::new(begin))).unwrap();
    let summary = runs.into_iter().fold(summary, |mut summary, run| {
        summary.count(&run);
        html.event(&RunEvent::Finished(Box::new(run))).unwrap();
        summary
    });
    html.event(&RunEvent::RunFinished(summary)).unwrap();
    path
}

#[test]
fn a_report_is_read_filtered_and_walked_through() {
    let Some(browser) = browser() else { return };
    let directory = tempfile::tempdir().unwrap();
    browser.check("real", &reported(directory.path(), "html"));
}

#[test]
fn nothing_of_a_hostile_value_has_an_effect() {
    let Some(browser) = browser() else { return };
    let directory = tempfile::tempdir().unwrap();
    let mut runs = finished(directory.path());
    for run in &mut runs {
        for text in [&mut run.scenario, &mut run.title, &mut run.file, &mut run.reproduce] {
            text.push_str(HOSTILE);
        }
        (run.trace, run.apply_error) = (Some(HOSTILE.to_owned()), Some(HOSTILE.to_owned()));
        for action in &mut run.actions {
            action.outcomes.iter_mut().for_each(|outcome| HOSTILE.clone_into(&mut outcome.error));
            for text in [&mut action.address, &mut action.kind, &mut action.resource_type] {
                text.push_str(HOSTILE);
            }
        }
        for finding in &mut run.findings {
            finding.evidence.iter_mut().for_each(|evidence| HOSTILE.clone_into(&mut evidence.text));
            for text in [&mut finding.rule, &mut finding.title, &mut finding.message] {
                text.push_str(HOSTILE);
            }
        }
        for step in &mut run.timeline.steps {
            step.text.push_str(HOSTILE);
            step.faults.iter_mut().for_each(|fault| fault.push_str(HOSTILE));
        }
    }
    let planned = runs.len() + 5;
    let summary = Summary { interrupted: true, ..Summary::default() };
    browser.check("hostile", &page(directory.path(), planned, runs, summary));
}

#[test]
fn a_plan_of_thousands_is_shown_by_and_by() {
    const ACTIONS: usize = 3000;
    let Some(browser) = browser() else { return };
    let directory = tempfile::tempdir().unwrap();
    let mut run = finished(directory.path()).remove(0);
    run.actions = vec![run.actions.swap_remove(0); ACTIONS];
    run.findings = vec![run.findings.swap_remove(0); ACTIONS];
    run.findings.iter_mut().for_each(|found| found.action = Some(2500));
    run.mismatches.clear();
    browser.check("long", &page(directory.path(), 1, vec![run], Summary::default()));
}

#[test]
fn ten_thousand_runs_are_a_page_of_less_than_15_mb() {
    const RUNS: usize = 10_000;
    let directory = tempfile::tempdir().unwrap();
    // Each has names and texts of its own, as if every one were of another scenario.
    let runs = finished(directory.path()).into_iter().cycle().zip(0..RUNS).map(|(mut run, number)| {
        for text in [&mut run.scenario, &mut run.title, &mut run.reproduce] {
            *text = format!("{text}-{number}");
        }
        for action in &mut run.actions {
            action.address = format!("{}-{number}", action.address);
        }
        for finding in &mut run.findings {
            finding.message = format!("{} ({number})", finding.message);
        }
        for step in &mut run.timeline.steps {
            if step.failed {
                step.text = format!("{} ({number})", step.text);
            }
        }
        run
    });
    let page = page(directory.path(), RUNS, runs.collect(), Summary::default());
    let bytes = fs::metadata(&page).unwrap().len();
    let _ = writeln!(io::stderr(), "10,000 runs: {bytes} bytes");
    assert!(bytes < 15_000_000, "{bytes} bytes");
    let Some(browser) = browser() else { return };
    browser.check("large", &page);
}
