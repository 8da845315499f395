//! What each repository owes before a release can go, as the text of an issue.

use std::fmt::Write as _;

use super::{MemberTold, Told};
use crate::report::markup::{code, html};

/// The text of an issue for each repository that owes something, in Markdown, with the member that it is about; none: the
/// repository of the release. Nothing is posted anywhere.
pub fn issues(told: &Told) -> Vec<(Option<&MemberTold>, String)> {
    let owed = told.by_repository(super::CheckTold::is_open);
    owed.into_iter().map(|(member, checks)| (member, issue(told, member, &checks))).collect()
}

fn issue(told: &Told, member: Option<&MemberTold>, checks: &[&super::CheckTold]) -> String {
    let mut text = String::new();
    let what = member.map_or_else(
        || "The release as a whole".to_owned(),
        |member| format!("{} {}", html(&member.name), html(&member.to)),
    );
    let _ = writeln!(text, "# {what}: {} before {} can go\n", owed(checks.len()), html(&told.release));
    let _ = writeln!(
        text,
        "Judged at {} by counterfoil {}: **{}**. {}\n",
        told.judged,
        told.counterfoil,
        told.verdict,
        html(&told.title)
    );
    for check in checks {
        let _ = writeln!(text, "- [ ] **{}** {} ({})", check.rule, html(check.title), check.state);
        let _ = writeln!(text, "  - found: {}", html(&check.text));
        let _ = writeln!(text, "  - to make it go: {}", html(&check.help));
        if let Some(place) = check.place {
            let place = format!("{}:{}:{}", told.file, place.line, place.column);
            let _ = writeln!(text, "  - stated at: {}", code(&place));
        }
    }
    let command = format!("counterfoil cutover {} --explain", told.file);
    let _ = writeln!(text, "\nSee it again: {}", code(&command));
    text
}

fn owed(checks: usize) -> String {
    if checks == 1 { "one thing".to_owned() } else { format!("{checks} things") }
}
