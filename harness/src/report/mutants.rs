//! The broken engines and decoders, for the reader.

use counterfoil_core::mutants::{DECODERS, ENGINES};

use super::layout::{Layout, Page, width};

/// A line for each: what it is, its name, the rules that catch it, and what is broken.
pub fn list(layout: Layout) -> String {
    let engines = ENGINES.iter().map(|mutant| ("engine", mutant.name, mutant.caught_by, mutant.what));
    let decoders = DECODERS.iter().map(|mutant| ("decoder", mutant.name, mutant.caught_by, mutant.what));
    let rows: Vec<_> = engines
        .chain(decoders)
        .map(|(kind, name, caught_by, what)| (kind, name, caught_by.join(" "), what))
        .collect();
    let names = rows.iter().map(|(_, name, ..)| width(name)).max().unwrap_or(0);
    let rules = rows.iter().map(|(.., rules, _)| width(rules)).max().unwrap_or(0);
    let mut page = Page::new(layout);
    for (kind, name, caught_by, what) in &rows {
        page.row("", &[(kind, 7), (name, names), (caught_by, rules)], what);
    }
    page.take()
}
