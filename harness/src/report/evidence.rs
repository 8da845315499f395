//! Evidence, for a person.

use super::{
    layout::{Layout, Page, keep},
    terminal::{counted, span},
    text::plain,
};
use crate::evidence::{Came, Evidence, Go, GoBuild, Kind, Objection, Platform, Weight};

/// The column behind the widest word.
const COLUMN: usize = 10;

/// What evidence says.
pub fn told(evidence: &Evidence, layout: Layout) -> String {
    let mut page = Page::new(layout);
    account(evidence, &mut page);
    page.take()
}

/// What evidence says, and what speaks against it.
pub fn verified(evidence: &Evidence, objections: &[Objection], layout: Layout) -> String {
    let mut page = Page::new(layout);
    account(evidence, &mut page);
    page.blank();
    for Objection { weight, text, .. } in objections {
        let word = match weight {
            Weight::Against => "AGAINST",
            Weight::Untold => "UNTOLD",
        };
        line(&mut page, word, &plain(text));
    }
    if objections.is_empty() {
        line(
            &mut page,
            "HOLDS",
            "it is about this artefact, contract and suite, and all that was judged passed",
        );
    }
    page.take()
}

fn account(evidence: &Evidence, page: &mut Page) {
    let Evidence { subject, suite, run, totals, .. } = evidence;
    let kind = match subject.kind {
        Kind::Provider => "provider plugin",
        Kind::Engine => "engine",
        Kind::Decoder => "decoder",
        Kind::CommandLine => "command line of the engine",
    };
    let version = subject.version.as_ref().map_or(String::new(), |version| format!(" {}", plain(version)));
    line(page, "subject", &format!("{}{version}, a {kind}", plain(&subject.name)));
    let program = &subject.program;
    let built_for =
        program.platform.as_ref().map_or(String::new(), |built| format!(", for {}", platform(built)));
    line(page, "program", &format!("{}{built_for}, sha256 {}", plain(&program.name), plain(&program.sha256)));
    for (word, file) in [("archive", &subject.archive), ("manifest", &subject.manifest)] {
        if let Some(file) = file {
            line(page, word, &format!("{}, sha256 {}", plain(&file.name), plain(&file.sha256)));
        }
    }
    let built = match &program.go {
        Go::Build(build) => built(build),
        Go::Unknown(why) => format!("unknown to Go: {}", plain(why)),
    };
    line(page, "built", &built);
    let which = if suite.stock { "the stock scenarios" } else { "scenarios of the user's" };
    let filter = suite.filter.iter().map(|term| format!(", --filter {}", plain(term)));
    let judged = match &*evidence.contract.revisions {
        [] => "no revision".to_owned(),
        revisions => span(revisions),
    };
    let scenarios = format!(
        "{} of {which}{}; judged at {judged}",
        counted(suite.runs, "run"),
        filter.collect::<String>()
    );
    line(page, "suite", &scenarios);
    let leave = if run.live { "live" } else { "offline" };
    let strict = if run.strict { ", strict" } else { "" };
    let how = format!(
        "{leave}{strict}, by counterfoil {} on {}, from {} to {}",
        plain(&evidence.counterfoil),
        platform(&evidence.machine),
        plain(&evidence.began),
        plain(&evidence.ended)
    );
    line(page, "run", &how);
    if let Some(address) = run.ci.as_ref().and_then(|ci| ci.address.as_ref()) {
        line(page, "CI", &keep(plain(address)));
    }
    let numbers = [
        (totals.passed, "passed"),
        (totals.failed, "failed"),
        (totals.known_failures, "failed as listed"),
        (totals.unexpected_passes, "passed unexpectedly"),
        (totals.unjudged, "unjudged"),
        (totals.not_run, "not run"),
        (totals.not_applicable, "not applicable"),
    ];
    let numbers =
        numbers.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    line(page, "result", &format!("{}: {}", evidence.conclusion, numbers.collect::<Vec<_>>().join(", ")));
    let count = |came| evidence.rules_that(came).count();
    let broken: Vec<_> = evidence.rules_that(Came::Broken).map(plain).collect();
    let broken = if broken.is_empty() { String::new() } else { format!(" ({})", broken.join(", ")) };
    let rules = format!(
        "{} held, {} broken{broken}, {} broken as listed, {} not judged",
        count(Came::Held),
        count(Came::Broken),
        count(Came::Known),
        count(Came::NotJudged)
    );
    line(page, "rules", &rules);
}

fn built(build: &GoBuild) -> String {
    let mut told = plain(&build.go).into_owned();
    let mut add = |text: String| told.push_str(&text);
    if let Some(module) = &build.module {
        add(format!(", from {} {}", plain(&module.path), plain(&module.version)));
    }
    if let Some(engine) = &build.engine {
        let by = engine.replaced_by.as_ref();
        let by = by.map(|by| format!(", replaced by {} {}", plain(&by.path), plain(&by.version)));
        add(format!(", with engine {}{}", plain(&engine.version), by.unwrap_or_default()));
    }
    if let Some(revision) = &build.revision {
        let changed = if build.modified == Some(true) { ", and what was not committed" } else { "" };
        add(format!(", at commit {}{changed}", plain(revision)));
    }
    told
}

fn platform(platform: &Platform) -> String {
    format!("{}/{}", plain(&platform.os), plain(&platform.arch))
}

fn line(page: &mut Page, word: &str, text: &str) {
    page.wrapped(&format!("{word:COLUMN$}"), COLUMN, text);
}
