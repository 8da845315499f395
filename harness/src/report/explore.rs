//! What exploration found, and where it went, for the reader.

use std::{fmt::Write as _, path::Path};

use counterfoil_core::rules;

use super::{
    layout::{Layout, Page, keep},
    terminal::counted,
};
use crate::explore::{
    Account, Find,
    space::{Corner, Kind, Position, Space, Trouble},
};

/// One find: what is broken, how small it got, and how to see it again. `file` is where it stands, if it stands anywhere.
pub fn find(find: &Find, file: Option<(&Path, &str)>, layout: Layout) -> String {
    let mut page = Page::new(layout);
    let word = if find.is_flaky() { "FLAKY  " } else { "FOUND  " };
    let title = rules::find(&find.rule).map_or("", |rule| rule.title);
    page.wrapped(word, 7, &format!("{} {}: {title}", find.rule, find.party));
    page.wrapped("       ", 7, &find.message);
    let (actions, faults) = find.found;
    let plan = &find.scenario.plan;
    let cut = if find.cut_short { ", where the search was cut short" } else { "" };
    page.wrapped(
        "       ",
        7,
        &format!(
            "case {}: {} and {}, made {} and {} in {}{cut}",
            find.case,
            counted(actions, "action"),
            counted(faults, "fault"),
            plan.actions.len(),
            find.scenario.faults.len(),
            counted(find.runs as usize, "run"),
        ),
    );
    if find.is_flaky() {
        page.wrapped("       ", 7, &format!("it came back in {} of {} runs", find.came_back, find.tries));
    }
    if find.tries == 0 {
        page.wrapped("       ", 7, "whether it comes back was not tried");
    }
    if let Some((path, replay)) = file {
        page.wrapped("       ", 7, &format!("file       {}", keep(path.display())));
        page.wrapped("       ", 7, &format!("run again  {}", keep(replay)));
    }
    page.blank();
    page.take()
}

/// The end of an exploration: where it went, how far, and how much of that was found.
pub fn account(account: &Account, seed: u64, layout: Layout) -> String {
    let mut page = Page::new(layout);
    let (reached, corners) = account.space.reached();
    // A decoder alone applies nothing, and there are no corners where it could go.
    if reached > 0 {
        space(&mut page, &account.space);
        page.blank();
    }
    if let Some(reason) = &account.first_unjudged {
        let text = format!("{} not judged, the first of them: {reason}", cases(account.unjudged));
        page.wrapped("", 2, &text);
    }
    for defect in &account.defects {
        page.wrapped("", 2, &format!("Counterfoil itself failed: {defect}"));
    }
    let mut went =
        format!("{} in {:.1} s from seed {seed}", cases(account.cases), account.took.as_secs_f64());
    if reached > 0 {
        let cells = account.space.cells();
        let _ = write!(went, ": {reached} of {corners} corners reached, {cells} different ends of actions");
    }
    page.wrapped("", 2, &went);
    let found = match account.finds.len() {
        0 => "nothing found".to_owned(),
        finds => format!("{} broken", counted(finds, "rule")),
    };
    let interrupted = if account.interrupted { ", interrupted" } else { "" };
    page.wrapped("", 2, &format!("{found}{interrupted}"));
    page.take()
}

fn cases(count: u64) -> String {
    counted(usize::try_from(count).unwrap_or(usize::MAX), "case")
}

/// Kinds of actions by what goes wrong about them: how often each was reached, and at how many of the four positions where
/// that is not all of them.
fn space(page: &mut Page, space: &Space) {
    let mut row = |head: &str, cells: [String; Kind::ALL.len()]| {
        let mut line = format!("{head:27}");
        for cell in cells {
            let _ = write!(line, "{cell:>11}");
        }
        page.wrapped("", 2, &keep(line.trim_end()));
    };
    row("what goes wrong", Kind::ALL.map(|kind| kind.to_string()));
    for trouble in Trouble::ALL {
        row(&trouble.to_string(), Kind::ALL.map(|kind| cell(space, kind, trouble)));
    }
}

fn cell(space: &Space, kind: Kind, trouble: Trouble) -> String {
    let corner = |position| Corner { kind, trouble, position };
    if !corner(Position::Only).exists() {
        return String::new();
    }
    let visits: Vec<u64> = Position::ALL.into_iter().map(|position| space.visits(corner(position))).collect();
    let reached = visits.iter().filter(|visits| **visits > 0).count();
    let all: u64 = visits.iter().sum();
    if reached == visits.len() { all.to_string() } else { format!("{all} ({reached}/4)") }
}
