//! Scenarios, for the reader.

use counterfoil_core::scenario::Scenario;
use counterfoil_proto::Revision;

use super::{
    layout::{Layout, Page, width},
    terminal::span,
    text::plain,
};
use crate::run::Job;

/// A line for each scenario: its id, the revisions at which it runs, its title. Jobs of one scenario stand together.
pub fn list(jobs: &[Job], layout: Layout) -> String {
    let mut lines: Vec<(&Scenario, Vec<Revision>)> = Vec::new();
    for job in jobs {
        match lines.last_mut() {
            Some((scenario, revisions)) if scenario.id == job.scenario.id => revisions.push(job.revision),
            _ => lines.push((&job.scenario, vec![job.revision])),
        }
    }
    let lines: Vec<_> = lines.into_iter().map(|(scenario, of)| (scenario, span(&of))).collect();
    let ids = lines.iter().map(|(scenario, _)| width(&scenario.id)).max().unwrap_or(0);
    let spans = lines.iter().map(|(_, span)| width(span)).max().unwrap_or(0);
    let mut page = Page::new(layout);
    for (scenario, span) in &lines {
        page.row("", &[(&scenario.id, ids), (span, spans)], &plain(&scenario.title));
    }
    page.take()
}
