//! A release, as a page of its own: no script, no network.

use std::fmt::Write as _;

use counterfoil_core::release::Pairs;

use super::{
    CheckTold, MemberTold, Row, Told,
    terminal::{demanded, enforced, stuck},
};
use crate::report::{
    html::{RULES, digest, parts},
    markup::{code, html as escaped},
};

const PAGE: &str = include_str!("../html/cutover.html");
const STYLE: &str = concat!(include_str!("../html/tones.css"), include_str!("../html/cutover.css"));

/// The page.
pub fn html(told: &Told) -> String {
    let mut page = String::with_capacity(PAGE.len() + STYLE.len() + 4096);
    for (name, text) in parts(PAGE) {
        match name.unwrap_or_default() {
            "" => {}
            "style" => page.push_str(STYLE),
            "style-digest" => page.push_str(&digest(STYLE)),
            "verdict" => page.push_str(&told.verdict.to_string()),
            "release" => page.push_str(&escaped(&told.release)),
            "title" => page.push_str(&escaped(&told.title)),
            "sums" => page.push_str(&told.sums()),
            "how" => page.push_str(&how(told)),
            "members" => members(&mut page, told),
            "reasons" => reasons(&mut page, told),
            "held" => held(&mut page, told),
            "pairs" => pairs(&mut page, told),
            "window" => window(&mut page, told),
            other => unreachable!("the page has no {other}"),
        }
        page.push_str(text);
    }
    page
}

fn how(told: &Told) -> String {
    let rehearsal = if told.rehearsal {
        " A rehearsal: stand-ins take the place of plugins or of the engine."
    } else {
        ""
    };
    format!(
        "Judged at {} by counterfoil {} from {}, at revision {}.{rehearsal}",
        escaped(&told.judged),
        told.counterfoil,
        code(&told.file),
        escaped(&told.revision)
    )
}

fn members(page: &mut String, told: &Told) {
    for MemberTold { name, repository, from, to, tag, commit, order, state } in &told.members {
        let _ = write!(
            page,
            "<tr><td>{order}</td><th scope=\"row\">{}<small>{}</small></th><td>{} to {}</td><td>{}</td><td>{} at {}</td></tr>",
            escaped(name),
            escaped(repository),
            escaped(from),
            escaped(to),
            state,
            escaped(tag),
            code(commit)
        );
    }
}

fn reasons(page: &mut String, told: &Told) {
    let open = told.by_repository(|check| !check.holds());
    if open.is_empty() {
        page.push_str("<p>Everything holds.</p>");
    }
    for (member, rows) in open {
        let of = member.map_or("The release as a whole", |member| &member.repository);
        let _ = write!(page, "<h3>{}</h3><table class=\"checks\">", escaped(of));
        page.push_str("<thead><tr><th scope=\"col\">State</th><th scope=\"col\">Rule</th><th scope=\"col\">What was found</th></tr></thead><tbody>");
        for row in rows {
            reason(page, told, &row);
        }
        page.push_str("</tbody></table>");
    }
    for waiver in &told.idle_waivers {
        let _ = write!(page, "<p>Note: {}.</p>", escaped(&waiver.to_string()));
    }
}

/// A rule, linked to its page.
fn link(check: &CheckTold) -> String {
    format!("<a href=\"{RULES}#{}\">{}</a>", check.rule.to_lowercase(), check.rule)
}

fn reason(page: &mut String, told: &Told, row: &Row<'_>) {
    let check = row.said();
    let rules: Vec<String> = row.checks.iter().map(|check| link(check)).collect();
    let _ = write!(
        page,
        "<tr class=\"{state}\"><td class=\"state\">{state}</td><td>{}</td><td><p>{text}</p>",
        rules.join(" "),
        state = check.state,
        text = escaped(&check.text)
    );
    if let Some(waiver) = &check.waiver {
        let _ = write!(
            page,
            "<p class=\"muted\">Let through by {} until {}: {}</p>",
            escaped(&waiver.approver),
            escaped(&waiver.expires),
            escaped(&waiver.reason)
        );
    }
    let help = row.help();
    if !help.is_empty() {
        let _ = write!(page, "<p class=\"muted\">To make it go: {}</p>", escaped(&help));
    }
    if let Some(place) = check.place {
        let place = format!("{}:{}:{}", told.file, place.line, place.column);
        let _ = write!(page, "<p class=\"muted\">{}</p>", code(&place));
    }
    page.push_str("</td></tr>");
}

fn pairs(page: &mut String, told: &Told) {
    for Pairs { plugin, cells, .. } in &told.pairs {
        for (at, cell) in cells.iter().enumerate() {
            let name = if at == 0 { escaped(plugin) } else { String::new() };
            let _ = write!(
                page,
                "<tr class=\"{}\"><th scope=\"row\">{name}</th><td>{}</td><td>{}</td><td>{} {}</td><td class=\"state\">{}</td><td>{}</td></tr>",
                cell.state,
                escaped(&cell.engine_version),
                escaped(&cell.plugin_version),
                demanded(cell.demanded),
                enforced(cell),
                cell.state,
                escaped(&cell.text)
            );
        }
    }
}

fn window(page: &mut String, told: &Told) {
    let position = &told.window.position;
    let public = if position.public.is_empty() { "nothing".to_owned() } else { position.public.join(", ") };
    let safe = if position.safe_to_stop { "yes" } else { "no" };
    let next = position.next.as_deref().unwrap_or("none: everything is public");
    for (word, text) in [
        ("Public", public),
        ("Next step", next.to_owned()),
        ("Safe to stop here", format!("{safe}: {}", position.why.join("; "))),
        ("Best order", told.window.best.text.clone()),
    ] {
        let _ = write!(page, "<tr><th scope=\"row\">{word}</th><td>{}</td></tr>", escaped(&text));
    }
    for (at, step) in told.window.steps.iter().enumerate() {
        let released = step.released.as_deref().unwrap_or("nothing");
        let stuck = if step.sitting == 0 { "nobody".to_owned() } else { step.sitting.to_string() };
        let text = format!("{released} is released; stuck until the next step: {stuck}");
        let _ = write!(page, "<tr><th scope=\"row\">Step {at}</th><td>{}</td></tr>", escaped(&text));
    }
    for sit in &told.window.sits {
        let _ = write!(page, "<tr><th scope=\"row\">Stuck</th><td>{}</td></tr>", escaped(&stuck(sit)));
    }
}

fn held(page: &mut String, told: &Told) {
    for check in told.checks.iter().filter(|check| check.holds()) {
        let of = check.member.as_deref().unwrap_or("the release");
        let _ = write!(
            page,
            "<tr class=\"holds\"><td>{}</td><td>{}</td><td>{}</td></tr>",
            link(check),
            escaped(of),
            escaped(&check.text)
        );
    }
}
