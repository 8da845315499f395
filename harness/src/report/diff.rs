//! Two runs side by side, for the reader.

use counterfoil_core::judge::Verdict;
use counterfoil_proto::Revision;

use super::{
    layout::{Layout, Page, keep},
    terminal::{counted, span},
    text::plain,
};
use crate::run::{
    ActionLine, Change, Diff, Finished, FoundFinding, SavedRun, Way, address_of, has_other_calls,
    has_other_outcomes, verdict_word,
};

/// The words that sections begin with, and the column behind the widest.
const SECTIONS: [(Way, &str); 4] = [
    (Way::Worse, "WORSE"),
    (Way::Unjudged, "UNJUDGED"),
    (Way::Better, "BETTER"),
    (Way::Otherwise, "OTHERWISE"),
];
const COLUMN: usize = 11;

/// What differs between two runs, which are called by the names of their files: what is worse first.
pub fn told(diff: &Diff<'_>, old: (&str, &SavedRun), new: (&str, &SavedRun), layout: Layout) -> String {
    let mut page = Page::new(layout);
    head(&mut page, "old", old);
    head(&mut page, "new", new);
    page.blank();
    for (way, word) in SECTIONS {
        let changes = diff.changes.iter().filter(|change| change.way() == way);
        let account =
            |change: &Change<'_>| (change.new.scenario.clone(), change.new.revision, account(change));
        section(&mut page, word, changes.map(account));
    }
    let verdict = |runs: &[&Finished], word: &str, page: &mut Page| {
        let runs = runs.iter().map(|run| (run.scenario.clone(), run.revision, vec![verdict_of(run)]));
        section(page, word, runs);
    };
    verdict(&diff.gone, "ONLY OLD", &mut page);
    verdict(&diff.added, "ONLY NEW", &mut page);
    if !(diff.changes.is_empty() && diff.gone.is_empty() && diff.added.is_empty()) {
        page.blank();
    }
    page.wrapped("", 2, &sum(diff));
    let took = |run: &SavedRun| match &run.summary {
        Some(summary) => format!("{}.{:02} s", summary.millis / 1000, summary.millis % 1000 / 10),
        None => "an unknown time".to_owned(),
    };
    page.wrapped("", 2, &format!("took {}, and now {}; that is not judged", took(old.1), took(new.1)));
    page.take()
}

/// Which run this is, and what is missing of it.
fn head(page: &mut Page, which: &str, (file, run): (&str, &SavedRun)) {
    let subject = run.started.subject.as_ref().map_or_else(|| "our own pair".to_owned(), ToString::to_string);
    let cut =
        if run.is_whole() { String::new() } else { format!(", cut short after {}", run.finished.len()) };
    let of = format!(
        "{}  {} of {}{cut}, by counterfoil {}",
        keep(plain(file)),
        counted(run.started.runs, "run"),
        plain(&subject),
        plain(&run.started.counterfoil)
    );
    page.wrapped(&format!("{which}  "), 5, &of);
}

/// A section: scenarios, each with the revisions at which the same is to be told of it.
fn section(page: &mut Page, word: &str, entries: impl Iterator<Item = (String, Revision, Vec<String>)>) {
    let mut told: Vec<(String, Vec<Revision>, Vec<String>)> = Vec::new();
    for (scenario, revision, account) in entries {
        match told.iter_mut().rev().find(|(known, _, same)| *known == scenario && *same == account) {
            Some((_, revisions, _)) => revisions.push(revision),
            None => told.push((scenario, vec![revision], account)),
        }
    }
    for (scenario, revisions, account) in told {
        let heading = format!("{}  {}", keep(plain(&scenario)), keep(span(&revisions)));
        page.wrapped(&format!("{word:COLUMN$}"), COLUMN, &heading);
        for line in account {
            page.wrapped(&" ".repeat(COLUMN), COLUMN + 2, &line);
        }
    }
}

/// What is told of a change, a line each.
fn account(change: &Change<'_>) -> Vec<String> {
    let now = verdict_of(change.new);
    let ended = if change.has_another_verdict() {
        format!("{}, and now {now}", verdict_of(change.old))
    } else {
        format!("{now}, as before")
    };
    let mut lines = vec![ended];
    lines.extend(change.gained.iter().map(|gained| finding(change, "gained", gained, change.new)));
    lines.extend(change.lost.iter().map(|lost| finding(change, "lost", lost, change.old)));
    lines.extend(change.missed.iter().map(|missed| {
        format!("no longer as expected: {}; found {}", plain(&missed.expected), plain(&missed.found))
    }));
    lines.extend(change.met.iter().map(|met| format!("now as expected: {}", plain(&met.expected))));
    for (before, now) in &change.actions {
        let of = plain(&now.address);
        if has_other_outcomes(before, now) {
            lines.push(format!("outcome of {of}: {}; and now {}", statuses(before), statuses(now)));
        }
        if has_other_calls(before, now) {
            lines.push(format!("calls of {of}: {}; and now {}", calls(before), calls(now)));
        }
    }
    lines
}

fn statuses(action: &ActionLine) -> String {
    listed(action.outcomes.iter().map(|outcome| outcome.status.to_string()))
}

fn calls(action: &ActionLine) -> String {
    listed(action.calls.iter().flatten().cloned())
}

fn listed(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    if items.is_empty() { "none".to_owned() } else { items.join(", ") }
}

fn finding(change: &Change<'_>, came: &str, finding: &FoundFinding, run: &Finished) -> String {
    let only = if change.is_comparable(finding) { "" } else { " (judged in one of the two alone)" };
    let of = address_of(run, finding.action).map(|of| format!(", {}", plain(of))).unwrap_or_default();
    format!(
        "{came}{only} {} {} against the {}{of}: {}",
        finding.rule,
        finding.level,
        finding.party,
        plain(&finding.message)
    )
}

/// How a run ended, and why where that is told.
fn verdict_of(run: &Finished) -> String {
    match &run.verdict {
        Verdict::Unjudged { reason } | Verdict::Skip { reason, .. } => {
            format!("{} ({})", verdict_word(&run.verdict), plain(reason))
        }
        verdict => verdict_word(verdict),
    }
}

/// Both runs in numbers.
fn sum(diff: &Diff<'_>) -> String {
    let mut parts: Vec<String> = SECTIONS
        .iter()
        .map(|(way, word)| {
            (diff.changes.iter().filter(|change| change.way() == *way).count(), word.to_lowercase())
        })
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    parts.push(format!("{} alike", diff.alike));
    for (runs, word) in [(&diff.gone, "only in the old one"), (&diff.added, "only in the new one")] {
        if !runs.is_empty() {
            parts.push(format!("{} {word}", runs.len()));
        }
    }
    let both = diff.changes.len() + diff.alike;
    format!("{} in both: {}", counted(both, "run"), parts.join(", "))
}
