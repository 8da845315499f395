//! A release, for a terminal.

use anstyle::{AnsiColor, Style};
use counterfoil_core::release::{Cell, CheckState, Demand, Enforcer, Pairs, Sit, Standing, Verdict, hours};

use super::{PlaceTold, Row, Told};
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
    pairs(&mut page, told, explain);
    window(&mut page, told);
    page.blank();
    verdict(&mut page, told, explain);
    page.take()
}

fn head(page: &mut Page, told: &Told) {
    let title = if told.title.is_empty() { String::new() } else { format!("  {}", plain(&told.title)) };
    page.wrapped("", 2, &format!("{}{title}", plain(&told.release)));
    if told.rehearsal {
        page.wrapped("  ", 2, "a rehearsal: stand-ins take the place of plugins or of the engine");
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
    for (member, rows) in told.by_repository(|check| explain || !check.holds()) {
        page.blank();
        match member {
            Some(member) => page.wrapped("", 2, &plain(&member.repository)),
            None => page.wrapped("", 2, "the release as a whole"),
        }
        for row in rows {
            reason(page, told, &row, explain);
        }
    }
    if !told.idle_waivers.is_empty() {
        page.blank();
    }
    for waiver in &told.idle_waivers {
        page.wrapped("", 2, &plain(&waiver.to_string()));
        page.wrapped("  ", 2, &keep(place(told, waiver.place)));
    }
}

fn place(told: &Told, PlaceTold { line, column }: PlaceTold) -> String {
    format!("{}:{line}:{column}", plain(&told.file))
}

fn reason(page: &mut Page, told: &Told, row: &Row<'_>, explain: bool) {
    let check = row.said();
    let (word, style) = word(check.state);
    let word = format!("{style}{word:<7}{style:#}");
    page.wrapped(&format!("  {word}  "), COLUMN + 2, &format!("{}  {}", row.rules(), plain(&check.text)));
    let margin = " ".repeat(COLUMN + 2);
    if let Some(waiver) = &check.waiver {
        let text = format!("let through by {} until {}: {}", waiver.approver, waiver.expires, waiver.reason);
        page.wrapped(&margin, COLUMN + 2, &plain(&text));
    } else if let (true, Some(at)) = (check.is_open(), check.place) {
        page.wrapped(&margin, COLUMN + 2, &keep(place(told, at)));
    }
    let help = row.help();
    if explain && !help.is_empty() {
        page.wrapped(&format!("{margin}to make it go: "), COLUMN + 4, &plain(&help));
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

/// How many plugins' pairs are told unasked.
const MOST_PAIRS: usize = 8;

/// The pairs that are to be refused, or that do not work: what comes of each, and who sees to that. Of many plugins, those
/// alone that are not as demanded.
fn pairs(page: &mut Page, told: &Told, explain: bool) {
    let is_long = told.pairs.len() > MOST_PAIRS && !explain;
    let is_told = |cell: &&Cell| !is_long || cell.state != CheckState::Holds;
    page.blank();
    page.wrapped("", 2, "pairs of engine and plugin");
    for Pairs { plugin, cells, .. } in &told.pairs {
        let cells: Vec<&Cell> = cells.iter().filter(is_told).collect();
        if cells.is_empty() {
            continue;
        }
        page.wrapped("  ", 4, &plain(plugin));
        for cell in cells {
            let versions = format!("{} with {}", cell.engine_version, cell.plugin_version);
            let cells = [(&*versions, PAIR), (demanded(cell.demanded), DEMAND), (enforced(cell), ENFORCER)];
            page.row("    ", &cells, &plain(&cell.text));
        }
    }
    if is_long {
        page.wrapped("  ", 4, &format!("the others are as demanded; {} tells them all", keep("`--explain`")));
    }
}

/// How wide the columns of the pairs are.
const PAIR: usize = 18;
const DEMAND: usize = 11;
const ENFORCER: usize = 14;

pub(super) fn demanded(demand: Demand) -> &'static str {
    match demand {
        Demand::Works => "works",
        Demand::WorksByV2 => "works by v2",
        Demand::Refused => "refused",
    }
}

pub(super) fn enforced(cell: &Cell) -> &'static str {
    match (cell.demanded, cell.refused_by) {
        (Demand::Refused, Some(Enforcer::Loader)) => "by the loader",
        (Demand::Refused, Some(Enforcer::PluginManager)) => "at install",
        (Demand::Refused, Some(Enforcer::Nobody)) => "by nobody",
        (Demand::Refused, None) => "not known",
        _ => "",
    }
}

/// How far the release is, who sits where in the stated order, and the best order.
fn window(page: &mut Page, told: &Told) {
    let position = &told.window.position;
    page.blank();
    page.wrapped("", 2, "the window");
    let public = if position.public.is_empty() { "nothing".to_owned() } else { position.public.join(", ") };
    let safe = if position.safe_to_stop { "yes" } else { "no" };
    let mut line = |word: &str, text: &str| {
        page.row("  ", &[(word, "safe to stop here".len())], &plain(text));
    };
    line("public", &public);
    line("next step", position.next.as_deref().unwrap_or("none: everything is public"));
    line("safe to stop here", &format!("{safe}: {}", position.why.join("; ")));
    let stopped = told.window.steps.iter().enumerate().map(|(at, step)| {
        let released = step.released.as_deref().unwrap_or("nothing");
        match step.sitting {
            0 => format!("{at} {released}"),
            sitting => format!("{at} {released} ({sitting} stuck)"),
        }
    });
    line("stated order", &stopped.collect::<Vec<_>>().join(", "));
    for sit in &told.window.sits {
        line("", &stuck(sit));
    }
    line("best order", &told.window.best.text);
}

/// Who sits where, and for how long.
pub(super) fn stuck(Sit { plugin, standing, from, until, lasts, text }: &Sit) -> String {
    let (from, until) = (*from, until.map_or("and for good".to_owned(), |until| format!("to {until}")));
    let lasts = lasts.map_or(String::new(), |lasts| format!(", {}", hours(lasts)));
    let perhaps = if *standing == Standing::Unknown { ", or not" } else { "" };
    format!("{plugin}, from step {from} {until}{lasts}{perhaps}: {text}")
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
