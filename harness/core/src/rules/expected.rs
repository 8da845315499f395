//! The rules that a scenario expects to find something.

use super::{catalogue, find};
use crate::scenario::{Diagnostic, Scenario, nearest};

/// The rules under `expect: findings` that can find nothing: there is no such rule, or it holds at no revision at which
/// the scenario runs.
pub fn check_expected(scenario: &Scenario) -> Vec<Diagnostic> {
    let source = &scenario.source;
    let revisions = scenario.revisions.revisions();
    let expected = scenario.expect.findings.iter().zip(&source.expect.findings);
    let mistaken = expected.filter_map(|(id, span)| {
        let Some(rule) = find(id) else {
            let message = format!("unknown rule `{id}`");
            let diagnostic = source.diagnostic("unknown-rule", *span, message).label("no rule has this id");
            return Some(match nearest(id, catalogue().map(|rule| rule.id)) {
                Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")),
                None => diagnostic.help("`counterfoil rules` lists them"),
            });
        };
        let holds = revisions.iter().any(|revision| rule.holds_at(*revision));
        (!holds).then(|| {
            let message = format!("{id} holds at no revision of this scenario");
            source
                .diagnostic("unreachable-revision", *span, message)
                .label("finds nothing here")
                .help(format!("it holds for {}", rule.range()))
        })
    });
    mistaken.collect()
}
