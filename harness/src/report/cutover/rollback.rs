//! The ways back from a release, for a terminal.

use anstyle::{AnsiColor, Style};
use counterfoil_core::release::{CheckState, Fate, Left, Number, Retreat, Rollback};

use super::Told;
use crate::report::{
    layout::{Layout, Page},
    text::plain,
};

/// The column behind the widest word.
const COLUMN: usize = 9;

/// The ways back; with a retreat, the one that takes these members back, by their names.
pub fn rollback(
    told: &Told,
    ways: &Rollback,
    retreat: Option<(&[String], &Retreat<'_>)>,
    layout: Layout,
) -> String {
    let mut page = Page::new(layout);
    page.wrapped("", 2, &format!("{}: the ways back", plain(&told.release)));
    match retreat {
        Some((withdrawn, retreat)) => {
            page.blank();
            page.wrapped("", 2, &format!("with {} withdrawn", plain(&withdrawn.join(", "))));
            for left in &retreat.left {
                line(&mut page, &left.safe, &told_of(left));
            }
        }
        None => every_way(&mut page, ways),
    }
    let state = match retreat {
        Some((_, retreat)) => retreat.state,
        None => ways.state.as_ref(),
    };
    if let Some(state) = state {
        page.blank();
        page.wrapped("", 2, "the state that the new engine wrote");
        line(&mut page, &state.safe, &state.text);
        if !state.help.is_empty() {
            page.wrapped(&" ".repeat(COLUMN + 2), COLUMN + 2, &plain(&state.help));
        }
    }
    numbers(&mut page, ways, retreat.map(|(withdrawn, _)| withdrawn));
    if let Some((_, retreat)) = retreat {
        page.blank();
        let (word, style) = match retreat.safe() {
            CheckState::Holds => ("safe", AnsiColor::Green.on_default().bold()),
            CheckState::Unknown => ("not known to be safe", AnsiColor::Yellow.on_default().bold()),
            _ => ("not safe", AnsiColor::Red.on_default().bold()),
        };
        page.wrapped("", 2, &format!("{style}{word}{style:#} to withdraw"));
    }
    page.take()
}

/// The table that tells every set: each plugin stands for itself, beside an engine that stays and one that goes.
fn every_way(page: &mut Page, ways: &Rollback) {
    for (engine, heading) in
        [(Fate::Kept, "where the engine stays"), (Fate::Withdrawn, "where the engine is withdrawn")]
    {
        let left: Vec<&Left> = ways.left.iter().filter(|left| left.engine_is == engine).collect();
        if left.is_empty() {
            continue;
        }
        page.blank();
        page.wrapped("", 2, heading);
        for left in left {
            line(page, &left.safe, &told_of(left));
        }
    }
    page.blank();
    let names = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let alone = names(&ways.on_their_own);
    page.wrapped("", 2, &format!("can be withdrawn by themselves: {}", plain(&alone)));
    let together = names(&ways.along_with_the_engine);
    page.wrapped("", 2, &format!("have to be withdrawn along with the engine: {}", plain(&together)));
}

fn told_of(left: &Left) -> String {
    let fate = match left.plugin_is {
        Fate::Kept => "kept",
        Fate::Withdrawn => "withdrawn",
    };
    format!("{} {fate}: {}", left.plugin, left.text)
}

fn numbers(page: &mut Page, ways: &Rollback, withdrawn: Option<&[String]>) {
    let is_told = |number: &&Number| withdrawn.is_none_or(|names| names.contains(&number.member));
    page.blank();
    page.wrapped("", 2, "a tag that was public is spent: it is not moved, and not used again");
    for Number { member, spent, next } in ways.numbers.iter().filter(is_told) {
        page.wrapped("  ", 4, &plain(&format!("{member}: after {spent} comes {next}")));
    }
}

fn line(page: &mut Page, state: &CheckState, text: &str) {
    let (word, style): (&str, Style) = match state {
        CheckState::Holds => ("safe", AnsiColor::Green.on_default()),
        CheckState::Unknown => ("UNKNOWN", AnsiColor::Yellow.on_default().bold()),
        _ => ("UNSAFE", AnsiColor::Red.on_default().bold()),
    };
    page.wrapped(&format!("  {style}{word:<7}{style:#}  "), COLUMN + 2, &plain(text));
}
