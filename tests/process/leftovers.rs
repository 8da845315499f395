//! What is left of plugins.

use std::{fs, path::Path, process};

/// The processes, other than this one, whose command line or environment names a directory: each by its command line.
pub(crate) fn running_below(directory: &Path) -> Vec<String> {
    let directory = directory.to_str().expect("it is UTF-8");
    let own = process::id().to_string();
    let processes = fs::read_dir("/proc").expect("this is Linux").flatten();
    // Beside its number this process has names there, `self` for one.
    let is_number = |name: &str| name.parse::<u32>().is_ok();
    let others = processes
        .filter(|process| process.file_name().to_str().is_some_and(|name| is_number(name) && name != own));
    let named = others.filter_map(|process| {
        let read = |name: &str| fs::read(process.path().join(name)).unwrap_or_default();
        let (command, environment) = (read("cmdline"), read("environ"));
        let names = |text: &[u8]| String::from_utf8_lossy(text).contains(directory);
        (names(&command) || names(&environment)).then(|| String::from_utf8_lossy(&command).replace('\0', " "))
    });
    named.collect()
}
