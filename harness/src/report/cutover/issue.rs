//! What each repository owes before a release can go, as the text of an issue.

use std::fmt::Write as _;

use super::{MemberTold, Row, Told};
use crate::report::markup::{code, html};

/// The text of an issue for each repository that owes something, in Markdown, with the member that it is about; none: the
/// repository of the release. Nothing is posted anywhere.
pub fn issues(told: &Told) -> Vec<(Option<&MemberTold>, String)> {
    let owed = told.by_repository(super::CheckTold::is_open);
    owed.into_iter().map(|(member, rows)| (member, issue(told, member, &rows))).collect()
}

fn issue(told: &Told, member: Option<&MemberTold>, rows: &[Row<'_>]) -> String {
    let mut text = String::new();
    let what = member.map_or_else(
        || "The release as a whole".to_owned(),
        |member| format!("{} {}", html(&member.name), html(&member.to)),
    );
    let _ = writeln!(text, "# {what}: {} before {} can go\n", owed(rows.len()), html(&told.release));
    let _ = writeln!(
        text,
        "Judged at {} by counterfoil {}: **{}**. {}\n",
        told.judged,
        told.counterfoil,
        told.verdict,
        html(&told.title)
    );
    for row in rows {
        let check = row.said();
        let rules = row.checks.iter().map(|check| format!("**{}** {}", check.rule, html(check.title)));
        let _ = writeln!(text, "- [ ] {} ({})", rules.collect::<Vec<_>>().join(" "), check.state);
        let _ = writeln!(text, "  - found: {}", html(&check.text));
        let _ = writeln!(text, "  - to make it go: {}", html(&row.help()));
        if let Some(place) = check.place {
            let place = format!("{}:{}:{}", told.file, place.line, place.column);
            let _ = writeln!(text, "  - stated at: {}", code(&place));
        }
    }
    let command = format!("counterfoil cutover {} --explain", told.file);
    let _ = writeln!(text, "\nSee it again: {}", code(&command));
    text
}

fn owed(things: usize) -> String {
    if things == 1 { "one thing".to_owned() } else { format!("{things} things") }
}
