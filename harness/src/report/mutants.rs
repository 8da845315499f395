//! Mutants and the kill matrix, for the reader.

use std::{collections::BTreeMap, time::Duration};

use counterfoil_core::rules::{self, RELEASE};

use super::{
    layout::{Layout, Page, keep, width},
    terminal::counted,
};
use crate::mutants::{Found, Kind, Matrix, Mutant, Place, Row, all};

/// A line for each mutant: what it is, its name, the rules that catch it, and what is broken.
pub fn list(layout: Layout) -> String {
    let mutants = all();
    let rows: Vec<_> = mutants.iter().map(|mutant| (mutant, mutant.caught_by.join(" "))).collect();
    let names = rows.iter().map(|(mutant, _)| width(mutant.name)).max().unwrap_or(0);
    let rules = rows.iter().map(|(_, rules)| width(rules)).max().unwrap_or(0);
    let mut page = Page::new(layout);
    for (Mutant { kind, name, what, .. }, caught_by) in &rows {
        page.row("", &[(&kind.to_string(), KIND), (name, names), (caught_by, rules)], what);
    }
    page.take()
}

/// How wide the kind of a mutant is.
const KIND: usize = 8;

/// How many runs are named where a rule found something that it should not.
const NAMED: usize = 3;

/// The kill matrix: a line for each mutant with the rules that found it, then what is wrong, then the sums.
pub fn matrix(matrix: &Matrix, took: Duration, layout: Layout) -> String {
    let mut page = rows(matrix, layout);
    let of_runs = matrix.unbroken().into_iter().map(|rule| (rule.id, rule.title));
    let of_releases = matrix.releases_without_mutant().into_iter().map(|rule| (rule.id, rule.title));
    let unbroken: Vec<_> = of_runs.chain(of_releases).collect();
    for (id, title) in &unbroken {
        page.wrapped("NO MUTANT  ", 11, &format!("{id} {title}"));
    }
    sums(&mut page, matrix, unbroken.len(), took);
    page.take()
}

/// The same for mutants which are not all there are, and so say nothing of the rules.
pub fn part(matrix: &Matrix, took: Duration, layout: Layout) -> String {
    let mut page = rows(matrix, layout);
    killed(&mut page, matrix, took);
    page.take()
}

/// A line for each mutant with the rules that found it, then what is wrong.
fn rows(matrix: &Matrix, layout: Layout) -> Page {
    let mut page = Page::new(layout);
    let names = matrix.rows.iter().map(|row| width(row.mutant.name)).max().unwrap_or(0);
    for Row { mutant, found, .. } in &matrix.rows {
        let found: Vec<&str> = found.keys().map(String::as_str).collect();
        let found = if found.is_empty() { "nothing".to_owned() } else { found.join(" ") };
        page.row("", &[(&mutant.kind.to_string(), KIND), (mutant.name, names)], &found);
    }
    page.blank();
    for row in matrix.rows.iter().filter(|row| !row.is_killed()) {
        wrong(&mut page, row);
    }
    page
}

/// What each rule says of mutants that were chosen: first what it found first, then what is wrong, then the sums.
pub fn said(matrix: &Matrix, took: Duration, layout: Layout) -> String {
    let mut page = Page::new(layout);
    for Row { mutant, found, .. } in &matrix.rows {
        page.wrapped(&format!("{}  ", mutant.name), 4, mutant.what);
        for (rule, Found { runs, first, said }) in found {
            page.wrapped(&format!("  {rule:<8}  "), 12, said);
            let others = match runs.len() - 1 {
                0 => String::new(),
                others => format!(", and {}", counted(others, "other run")),
            };
            page.wrapped(&" ".repeat(12), 12, &format!("in {first}{others}"));
        }
        page.blank();
    }
    for row in matrix.rows.iter().filter(|row| !row.is_killed()) {
        wrong(&mut page, row);
    }
    killed(&mut page, matrix, took);
    page.take()
}

/// What is wrong with the row of a mutant that is not killed.
fn wrong(page: &mut Page, row: &Row) {
    let Mutant { name, what, .. } = row.mutant;
    page.wrapped("SURVIVES  ", 10, &format!("{name}: {what}"));
    for rule in row.missed() {
        page.wrapped("  ", 4, &format!("{rule} has to find it, and finds nothing"));
    }
    for (rule, runs) in row.undeclared() {
        let some: Vec<&str> = runs.iter().take(NAMED).map(String::as_str).collect();
        let text = format!(
            "{rule} finds something in {}, and the mutant does not declare it: {}",
            counted(runs.len(), "run"),
            some.join(", ")
        );
        page.wrapped("  ", 4, &text);
    }
    for run in &row.unjudged {
        page.wrapped("  ", 4, &format!("not judged: {run}"));
    }
    let shown = match row.mutant.place {
        Place::Pair(_) => Some(("run again", "run --mutant")),
        Place::Process(_) => Some(("its program", "mock serve-broken")),
        Place::Adapter(_) => Some(("its program", "adapter broken")),
        Place::BehindAdapter(_) => Some(("run again", "test engine -- counterfoil adapter engine --mutant")),
        Place::Disk(_) | Place::Paper(_) => None,
    };
    if let Some((what, command)) = shown {
        let command = keep(format_args!("counterfoil {command} {name}"));
        page.wrapped("  ", 4, &format!("{what}  {command}"));
    }
    page.blank();
}

/// How many mutants there are of each kind, and how many were killed.
fn killed(page: &mut Page, matrix: &Matrix, took: Duration) {
    let killed = matrix.rows.iter().filter(|row| row.is_killed()).count();
    let mut kinds: BTreeMap<Kind, usize> = BTreeMap::new();
    for row in &matrix.rows {
        *kinds.entry(row.mutant.kind).or_default() += 1;
    }
    let kinds: Vec<String> =
        kinds.into_iter().map(|(kind, count)| counted(count, &kind.to_string())).collect();
    let mutants = counted(matrix.rows.len(), "mutant");
    let text = format!("{mutants} ({}): {killed} killed in {:.1} s", kinds.join(", "), took.as_secs_f64());
    page.wrapped("", 2, &text);
}

fn sums(page: &mut Page, matrix: &Matrix, unbroken: usize, took: Duration) {
    killed(page, matrix, took);
    let all = rules::catalogue().count() + RELEASE.rules.len();
    let without = matrix.without_mutant().len() + matrix.releases_without_mutant().len();
    let (broken, played) = (all - without, without - unbroken);
    let text = format!(
        "{}: {broken} broken by a mutant, {played} by scenarios that play the provider, {unbroken} by nothing",
        counted(all, "rule"),
    );
    page.wrapped("", 2, &text);
}
