use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::value::RawValue;

use super::config::{Entries, same};

/// What lies between a live resource and a wanted configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    /// One per top-level key that differs, in the order of the keys.
    pub changes: Vec<Change>,
}

/// One top-level key that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub path: String,
    /// Its value in the live resource, as JSON; empty when it has none.
    pub old: Bytes,
    /// Its wanted value, as JSON; empty when it is to go away.
    pub new: Bytes,
    /// Whether only a new resource can have the new value.
    pub force_new: bool,
}

impl Diff {
    /// Whether the resource has to be replaced: exactly if a change forces it (H-15).
    pub fn needs_replace(&self) -> bool {
        self.changes.iter().any(|change| change.force_new)
    }

    /// Whether the resource has to be changed, and can be changed in place.
    pub fn needs_update(&self) -> bool {
        !self.changes.is_empty() && !self.needs_replace()
    }

    pub(super) fn between(live: &Entries, wanted: &Entries, force_new: &BTreeSet<String>) -> Self {
        let keys: BTreeSet<_> = live.keys().chain(wanted.keys()).collect();
        let changes = keys.into_iter().filter_map(|key| {
            let (old, new) = (live.get(key), wanted.get(key));
            if let (Some(old), Some(new)) = (old, new)
                && same(old, new)
            {
                return None;
            }
            let json = |value: Option<&Box<RawValue>>| {
                value.map(|value| Bytes::copy_from_slice(value.get().as_bytes())).unwrap_or_default()
            };
            Some(Change {
                path: key.clone(),
                old: json(old),
                new: json(new),
                force_new: force_new.contains(key),
            })
        });
        Self { changes: changes.collect() }
    }
}
