//! What `counterfoil init` goes by, would write, and leaves to a human.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use similar::{ChangeTag, TextDiff};

use super::{
    layout::{Layout, Page},
    text::plain,
};
use crate::init::{Facts, Planned};

const ADDED: Style = AnsiColor::Green.on_default();
const REMOVED: Style = AnsiColor::Red.on_default();

/// What was seen, each file as it would change, and what only a human can know.
pub fn plan(facts: &Facts, files: &[Planned], layout: Layout) -> String {
    let mut page = Page::new(layout);
    for fact in &facts.seen {
        page.wrapped("", 2, &format!("{}: {}", plain(&fact.place), plain(&fact.says)));
    }
    let mut text = page.take();
    for file in files {
        text.push('\n');
        let path = plain(&file.path.display().to_string()).into_owned();
        let _ = if file.is_written {
            write!(text, "{path}\n{}", changes(file.now.as_deref().unwrap_or_default(), &file.text))
        } else if file.now.as_ref() == Some(&file.text) {
            writeln!(text, "{path} is as it would be written")
        } else {
            writeln!(text, "{path} is there already, and stays as it is (--force writes over it)")
        };
    }
    let mut page = Page::new(layout);
    page.blank();
    for what in &facts.left {
        page.wrapped("", 2, &format!("left to you: {}", plain(what)));
    }
    text + &page.take()
}

/// How a text becomes another, line by line.
fn changes(from: &str, to: &str) -> String {
    let difference = TextDiff::from_lines(from, to);
    let lines = difference.iter_all_changes().map(|change| {
        let line = plain(change.value().trim_end_matches('\n')).into_owned();
        match change.tag() {
            ChangeTag::Insert => format!("{ADDED}+ {line}{ADDED:#}\n"),
            ChangeTag::Delete => format!("{REMOVED}- {line}{REMOVED:#}\n"),
            ChangeTag::Equal => format!("  {line}\n"),
        }
    });
    lines.collect()
}

/// What was written, and what to do next.
pub fn done(written: &[String], baseline: bool, layout: Layout) -> String {
    let mut page = Page::new(layout);
    for path in written {
        page.wrapped("", 2, &format!("written: {}", plain(path)));
    }
    if !baseline {
        page.wrapped("", 2, "next: counterfoil test provider");
    }
    page.take()
}
