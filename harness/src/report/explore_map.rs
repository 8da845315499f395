//! Where an exploration went, as a page that needs nothing beside itself: no script, no network.

use std::fmt::Write as _;

use crate::explore::{
    Account,
    space::{Corner, Kind, Position, Space, Trouble},
};

/// The shades of a cell, from the barest on.
const SHADES: u32 = 8;

const STYLE: &str = "\
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --line: #d0d7de; --warm: 200 90 20; --none: #f6f8fa }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --paper: #0d1117; --line: #30363d; --warm: 255 150 70; --none: #161b22 }
}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem auto; max-width: 76rem; padding: 0 1rem }
.scroll { overflow-x: auto }
table { border-collapse: collapse }
th, td { border: 1px solid var(--line); padding: .3rem .6rem; text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
th { font-weight: 600 } tbody th { text-align: left }
td.never { background: var(--none); font-weight: 600 }
td small { display: block; opacity: .8 }
";

/// The page. `subject` is what was explored, in words.
pub fn page(account: &Account, seed: u64, subject: &str) -> String {
    let space = &account.space;
    let (reached, corners) = space.reached();
    let subject = escaped(subject);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Exploration of {subject}</title>\n<style>\n{STYLE}{shades}</style>\n\
         <h1>Exploration of {subject}</h1>\n\
         <p>{cases} cases from seed {seed}: {reached} of {corners} corners reached, {cells} different ends of actions, \
         {finds} broken rules.</p>\n\
         <p>A corner is a kind of action, what goes wrong about it, and where in its plan it stands. A cell says how often it \
         was reached, and below that how often with each outcome; a dash is a corner that was never reached.</p>\n\
         <div class=\"scroll\"><table>\n",
        shades = shades(),
        cases = account.cases,
        cells = space.cells(),
        finds = account.finds.len(),
    );
    head(&mut page);
    let most = Corner::all().map(|corner| space.visits(corner)).max().unwrap_or(0);
    page.push_str("<tbody>\n");
    for trouble in Trouble::ALL {
        let _ = write!(page, "<tr><th scope=\"row\">{trouble}</th>");
        for kind in Kind::ALL {
            for position in Position::ALL {
                page.push_str(&cell(space, Corner { kind, trouble, position }, most));
            }
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n</table></div>\n</html>\n");
    page
}

fn head(page: &mut String) {
    page.push_str("<thead>\n<tr><th rowspan=\"2\" scope=\"col\">what goes wrong</th>");
    for kind in Kind::ALL {
        let _ = write!(page, "<th colspan=\"{}\" scope=\"colgroup\">{kind}</th>", Position::ALL.len());
    }
    page.push_str("</tr>\n<tr>");
    for position in Kind::ALL.iter().flat_map(|_| Position::ALL) {
        let _ = write!(page, "<th scope=\"col\">{position}</th>");
    }
    page.push_str("</tr>\n</thead>\n");
}

fn cell(space: &Space, corner: Corner, most: u64) -> String {
    let visits = space.visits(corner);
    if !corner.exists() {
        return "<td></td>".to_owned();
    }
    if visits == 0 {
        return "<td class=\"never\">–</td>".to_owned();
    }
    let mut cell = format!("<td class=\"h{}\">{visits}", shade(visits, most));
    for (status, times) in space.outcomes(corner) {
        let status = status.map_or("none", |status| status.as_str());
        let _ = write!(cell, "<small>{status} {times}</small>");
    }
    cell + "</td>"
}

/// The shade of so many visits. It goes by their logarithm: most corners were reached a few times, and a few very often.
fn shade(visits: u64, most: u64) -> u32 {
    let (visits, most) = (visits.max(1).ilog2(), most.max(2).ilog2());
    visits * (SHADES - 1) / most
}

fn shades() -> String {
    let alpha = |shade: u32| 8 + 56 * shade / (SHADES - 1);
    (0..SHADES).fold(String::new(), |mut css, shade| {
        let _ = writeln!(css, "td.h{shade} {{ background: rgb(var(--warm) / {}%) }}", alpha(shade));
        css
    })
}

/// A text of somebody else's, as a page may hold it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_a_cell_for_every_corner_and_no_script() {
        let page = page(&Account::default(), 7, "<script>alert(1)</script>");
        assert!(!page.contains("<script"), "{page}");
        assert_eq!(page.matches("<td class=\"never\">").count(), Corner::all().count());
        assert_eq!(page.matches("<tr>").count(), 2 + Trouble::ALL.len());
    }

    #[test]
    fn what_was_reached_more_often_is_never_lighter() {
        let shades: Vec<u32> = (1..2_000).map(|visits| shade(visits, 2_000)).collect();
        assert!(shades.is_sorted());
        assert_eq!(shade(2_000, 2_000), SHADES - 1);
        assert_eq!(shade(1, 1), 0);
    }
}
