//! What became of a list of known failures, for a person.

use super::{
    layout::{Layout, Page},
    terminal::counted,
    text::plain,
};
use crate::run::Update;

/// What an update did, and what it leaves to a human.
pub fn told(update: &Update, layout: Layout) -> String {
    let Update { added, pinned, removed, left, unmet, .. } = update;
    let mut done = Vec::new();
    if *added > 0 {
        done.push(format!("{added} added, for you to fill in (TODO)"));
    }
    if *pinned > 0 {
        done.push(format!("{} pinned anew", counted(*pinned, "message")));
    }
    if *removed > 0 {
        done.push(format!("{removed} taken out"));
    }
    let done = if done.is_empty() { "nothing to change".to_owned() } else { done.join("; ") };
    let mut page = Page::new(layout);
    page.blank();
    page.wrapped("", 2, &format!("{}: {done}", plain(&update.path().display().to_string())));
    for entry in left {
        page.wrapped("", 2, &format!("left to you: {}", plain(entry)));
    }
    if *unmet > 0 {
        let runs = counted(*unmet, "run");
        page.wrapped("", 2, &format!("{runs} not as expected, which cannot be listed"));
    }
    page.take()
}
