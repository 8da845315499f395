//! The binary vectors, for the reader.

use counterfoil_core::decode::Topic;

use super::layout::{Layout, Page, keep};

/// Every vector in a line, topic by topic.
pub fn list(topics: &[Topic], layout: Layout) -> String {
    let mut page = Page::new(layout);
    for Topic { name, about, vectors } in topics {
        page.wrapped(&format!("{name}  "), name.len() + 2, about);
        for vector in vectors {
            page.wrapped(&format!("  {:<32}  ", vector.name), 36, vector.about);
        }
        page.blank();
    }
    let count: usize = topics.iter().map(|topic| topic.vectors.len()).sum();
    let command = keep("`counterfoil vectors --into DIR`");
    page.wrapped("", 2, &format!("{count} vectors; {command} writes them as JSON, with bytes and verdicts"));
    page.take()
}
