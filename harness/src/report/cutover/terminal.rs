//! A release, for a terminal.

use anstyle::{AnsiColor, Style};
use counterfoil_core::release::Verdict;

use super::{CheckTold, Told};
use crate::report::{
    layout::{Layout, Page, keep},
    text::plain,
};

/// The column behind the widest word.
const COLUMN: usize = 9;

/// What is to be told of a release. With `explain`, each reason has what would make it go, and what holds is told too.
pub fn terminal(told: &Told, explain: bool, layout: Layout) -> String {
    let mut page = Page::new(layout);
    head(&mut page, told);
    members(&mut page, told);
    reasons(&mut page, told, explain);
    page.blank();
    verdict(&mut page, told, explain);
    page.take()
}

fn head(page: &mut Page, told: &Told) {
    let title = if told.title.is_empty() { String::new() } else { format!("  {}", plain(&told.title)) };
    page.wrapped("", 2, &format!("{}{title}", plain(&told.release)));
    if told.rehearsal {
        page.wrapped("  ", 2, "a rehearsal: stand-ins take the place of plugins, and nothing real is judged");
    }
    page.blank();
}

fn members(page: &mut Page, told: &Told) {
    let names = told.members.iter().map(|member| member.name.chars().count()).max().unwrap_or(0);
    for member in &told.members {
        let name = plain(&member.name);
        let step = format!("{} to {}", member.from, member.to);
        let at = format!("{}, {} at {}", member.state, plain(&member.tag), short(&member.commit));
        page.row("  ", &[(&format!("{:>2}", member.order), 2), (&*name, names)], &format!("{step}  {at}"));
    }
}

/// A commit as people call it.
fn short(commit: &str) -> &str {
    commit.get(..8).unwrap_or(commit)
}

/// What stands in the way, repository by repository, and what is let through.
fn reasons(page: &mut Page, told: &Told, explain: bool) {
    for (member, checks) in told.by_repository(|check| explain || !check.holds()) {
        page.blank();
        match member {
            Some(member) => page.wrapped("", 2, &plain(&member.repository)),
            None => page.wrapped("", 2, "the release as a whole"),
        }
        for check in checks {
            reason(page, told, check, explain);
        }
    }
}

fn reason(page: &mut Page, told: &Told, check: &CheckTold, explain: bool) {
    let (word, style) = word(check.state);
    let word = format!("{style}{word:<7}{style:#}");
    page.wrapped(&format!("  {word}  {}  ", check.rule), COLUMN + 2, &plain(&check.text));
    let margin = " ".repeat(COLUMN + 2);
    if let Some(waiver) = &check.waiver {
        let text = format!("let through by {} until {}: {}", waiver.approver, waiver.expires, waiver.reason);
        page.wrapped(&margin, COLUMN + 2, &plain(&text));
    } else if let (true, Some(place)) = (check.is_open(), check.place) {
        let place = format!("{}:{}:{}", plain(&told.file), place.line, place.column);
        page.wrapped(&margin, COLUMN + 2, &keep(place));
    }
    if explain && !check.help.is_empty() {
        page.wrapped(&format!("{margin}to make it go: "), COLUMN + 4, &plain(&check.help));
    }
}

fn word(state: &str) -> (&'static str, Style) {
    match state {
        "broken" => ("BROKEN", AnsiColor::Red.on_default().bold()),
        "unknown" => ("UNKNOWN", AnsiColor::Yellow.on_default().bold()),
        "waived" => ("WAIVED", AnsiColor::Yellow.on_default()),
        _ => ("holds", AnsiColor::Green.on_default()),
    }
}

fn verdict(page: &mut Page, told: &Told, explain: bool) {
    let style = match told.verdict {
        Verdict::Go => AnsiColor::Green.on_default().bold(),
        Verdict::GoWithWaivers => AnsiColor::Yellow.on_default().bold(),
        Verdict::NoGo => AnsiColor::Red.on_default().bold(),
    };
    page.wrapped("", 2, &format!("{style}{}{style:#}: {}", told.verdict, told.sums()));
    if told.verdict == Verdict::NoGo && !explain {
        page.wrapped("  ", 2, &format!("{} says what would make it go", keep("`--explain`")));
    }
}
