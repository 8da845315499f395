//! Profiles, for the reader.

use counterfoil_mock::{ApplyKind, Profile};

use super::layout::{Layout, Page, width};

/// The heads of the columns.
const HEADS: [&str; 7] = ["profile", "version", "engine", "declares", "Apply", "services", "types"];

/// What stands over the last column.
const LAST: &str = "findings";

/// A table for each history with a line for each of its points: what is special to it, and the rules that a check finds
/// broken.
pub fn list(histories: &[(&str, &[Profile])], layout: Layout) -> String {
    let mut widths = HEADS.map(width);
    for (cells, _) in histories.iter().flat_map(|(name, history)| rows(name, history)) {
        for (widest, cell) in widths.iter_mut().zip(&cells) {
            *widest = (*widest).max(width(cell));
        }
    }
    let mut page = Page::new(layout);
    for (at, (name, history)) in histories.iter().enumerate() {
        if at > 0 {
            page.blank();
        }
        if let Some(newest) = history.last() {
            let plugin = format!("{}  ", newest.plugin);
            page.wrapped(&plugin, 2, &newest.description);
        }
        row(&mut page, &HEADS.map(str::to_owned), widths, LAST);
        for (cells, findings) in rows(name, history) {
            row(&mut page, &cells, widths, &findings);
        }
    }
    page.take()
}

fn row(page: &mut Page, cells: &[String; HEADS.len()], widths: [usize; HEADS.len()], last: &str) {
    let cells: Vec<(&str, usize)> = cells.iter().map(String::as_str).zip(widths).collect();
    page.row("  ", &cells, last);
}

/// The cells of each point, and its findings.
fn rows(name: &str, history: &[Profile]) -> Vec<([String; HEADS.len()], String)> {
    let of = |profile: &Profile| {
        let point = &profile.point;
        let declares = match &*point.compute_plan_version {
            "" => "nothing".to_owned(),
            version => version.to_owned(),
        };
        let cells = [
            format!("{name}@{}", point.at),
            point.version.clone(),
            point.min_engine_version.clone(),
            declares,
            apply(profile).to_owned(),
            point.services.len().to_string(),
            point.resource_types.len().to_string(),
        ];
        let findings: Vec<&str> = point.findings.keys().map(String::as_str).collect();
        (cells, if findings.is_empty() { "none".to_owned() } else { findings.join(" ") })
    };
    history.iter().map(of).collect()
}

/// How a provider answers `Apply`.
fn apply(Profile { point, .. }: &Profile) -> &'static str {
    match point.apply {
        _ if !point.speaks().engine().apply_rpc => "absent",
        ApplyKind::Absent => "absent",
        ApplyKind::Honest => "honest",
        ApplyKind::WithoutOutcomes => "no outcomes",
        ApplyKind::Stub => "stub",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_has_a_line_with_what_its_check_finds() {
        let table = list(&Profile::all().collect::<Vec<_>>(), Layout::ENDLESS);
        for (name, history) in Profile::all() {
            for profile in history {
                let begin = format!("\n  {name}@{} ", profile.point.at);
                assert!(table.contains(&begin), "{begin:?}\n{table}");
            }
        }
        let reference = table.lines().find(|line| line.contains(" reference@head ")).unwrap();
        assert!(reference.split_whitespace().eq([
            "reference@head",
            "0.1.0",
            "0.51.0",
            "v2",
            "absent",
            "16",
            "12",
            "none"
        ]));
        assert!(table.contains("\nworkflow-plugin-aws  A stand-in"), "{table}");
    }
}
