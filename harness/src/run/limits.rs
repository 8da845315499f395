//! How much may run at once, given what the system allows.

use std::num::NonZeroUsize;

use rustix::process::{Resource, getrlimit, setrlimit};

/// Open files that a run needs at most: its listener, both ends of its connection, and room to spare.
const FILES_PER_RUN: u64 = 8;

/// Open files that everything else needs.
const OTHER_FILES: u64 = 64;

/// As many of the wanted jobs as the limit of open files allows. The soft limit is raised to the hard one first.
pub fn within_file_limit(wanted: NonZeroUsize) -> NonZeroUsize {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current < limit.maximum || limit.maximum.is_none() {
        limit.current = limit.maximum;
        // Where it cannot be raised, it stays what it was.
        let _ = setrlimit(Resource::Nofile, limit);
    }
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let runs = usize::try_from(files.saturating_sub(OTHER_FILES) / FILES_PER_RUN).unwrap_or(usize::MAX);
    NonZeroUsize::new(runs).unwrap_or(NonZeroUsize::MIN).min(wanted)
}
