//! What comes of engines and plugins that meet in the window.

use crate::release::{self, About, Age, Case, Cell, CheckState, Checks, Demand, Member, Pairs};

/// The pairs of every plugin, with the plugin.
fn pairs<'a>(case: &Case<'a>) -> impl Iterator<Item = (&'a Member, Pairs)> {
    case.release.plugins.iter().zip(release::pairs(*case))
}

fn tell(about: About<'_>, cell: &Cell, checks: &mut Checks<'_>) {
    let text = match cell.state {
        CheckState::Broken => format!("{}; met by {}", cell.text, cell.who),
        _ => cell.text.clone(),
    };
    checks.judged(about, &cell.state, text, cell.help.clone());
}

pub(super) fn mixed_pairs_are_refused(case: &Case<'_>, checks: &mut Checks<'_>) {
    for (plugin, pairs) in pairs(case) {
        for cell in pairs.mixed() {
            let span = if cell.plugin == Age::Old { plugin.spans.from } else { plugin.spans.to };
            tell(About::member(plugin, span), cell, checks);
        }
    }
}

pub(super) fn the_new_pair_works(case: &Case<'_>, checks: &mut Checks<'_>) {
    for (plugin, pairs) in pairs(case) {
        let cell = pairs.cell(Age::New, Age::New);
        // Where nothing is released, nothing is demanded that was not so before.
        if cell.demanded == Demand::WorksByV2 {
            tell(About::member(plugin, plugin.spans.to), cell, checks);
        }
    }
}
