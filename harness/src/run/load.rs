//! Scenario files, found and read. All files are checked before anything is run.

use std::{
    collections::HashSet,
    fs, io,
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use counterfoil_core::{
    rules,
    scenario::{self, Diagnostic, MAX_FILE_BYTES, Scenario},
};

use crate::suite;

/// What the files hold.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The scenarios that are in order.
    pub scenarios: Vec<Arc<Scenario>>,
    /// Every mistake in every file, in the order of the files.
    pub diagnostics: Vec<Diagnostic>,
    /// The text of each file with mistakes, for the reader.
    pub sources: Vec<(String, Arc<str>)>,
    /// How many files were read.
    pub files: usize,
    /// Files and directories that were looked at, by their real paths.
    seen: HashSet<PathBuf>,
}

/// The stock scenarios, which are part of the program.
pub fn stock() -> Loaded {
    let mut loaded = Loaded::default();
    for (file, text) in suite::FILES {
        loaded.read(file, text.as_bytes());
    }
    loaded.finish()
}

/// The scenarios under these paths: a file is read whatever its name, a directory for its `.yaml` and `.yml` files at
/// any depth. Hidden files and directories are left out. What is reached twice, by a link or by name, is read once.
pub fn load(paths: &[PathBuf]) -> Loaded {
    let mut loaded = Loaded::default();
    for path in paths {
        loaded.path(path, true);
    }
    if loaded.files == 0 && loaded.diagnostics.is_empty() {
        for path in paths {
            let shown = path.display().to_string();
            let found_none =
                Diagnostic::whole(&shown, "no-scenarios", "there is no scenario file under this path")
                    .help("scenario files end in .yaml or .yml");
            loaded.diagnostics.push(found_none);
        }
    }
    loaded.finish()
}

impl Loaded {
    fn path(&mut self, path: &Path, named: bool) {
        let shown = path.display().to_string();
        let unreadable = |error: &io::Error| {
            let message = match error.kind() {
                io::ErrorKind::NotFound => "there is no such file".to_owned(),
                io::ErrorKind::PermissionDenied => "this file must not be read: permission denied".to_owned(),
                _ => format!("the file cannot be read: {error}"),
            };
            Diagnostic::whole(&shown, "unreadable", message)
        };
        // What has no path of its own, such as a pipe that a shell hands over, goes by the name that it was given.
        if !self.seen.insert(fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())) {
            return;
        }
        match fs::metadata(path) {
            Err(error) => self.diagnostics.push(unreadable(&error)),
            Ok(meta) if meta.is_dir() => match fs::read_dir(path) {
                Err(error) => self.diagnostics.push(unreadable(&error)),
                Ok(entries) => {
                    let mut found = Vec::new();
                    for entry in entries {
                        match entry {
                            Ok(entry) => found.push(entry.path()),
                            Err(error) => self.diagnostics.push(unreadable(&error)),
                        }
                    }
                    found.sort();
                    for path in found.into_iter().filter(|path| is_wanted(path)) {
                        self.path(&path, false);
                    }
                }
            },
            Ok(meta) if meta.is_file() || named => {
                if let Some(too_large) = scenario::check_size(&shown, meta.len()) {
                    self.files += 1;
                    self.diagnostics.push(too_large);
                    return;
                }
                // A pipe says nothing of its size beforehand.
                let mut bytes = Vec::new();
                let limit = MAX_FILE_BYTES as u64 + 1;
                match fs::File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)) {
                    Err(error) => self.diagnostics.push(unreadable(&error)),
                    Ok(_) => self.read(&shown, &bytes),
                }
            }
            Ok(_) => {}
        }
    }

    fn read(&mut self, file: &str, bytes: &[u8]) {
        self.files += 1;
        match scenario::parse(file, bytes) {
            Ok(scenario) => {
                let suggest = |id: &str| {
                    let ids = rules::catalogue().map(|rule| rule.id);
                    scenario::nearest(id, ids).map(str::to_owned)
                };
                let mistakes = scenario::check_findings(&scenario, |id| rules::find(id).is_some(), suggest);
                if !mistakes.is_empty() {
                    self.sources.push((file.to_owned(), Arc::clone(&scenario.source.text)));
                }
                self.diagnostics.extend(mistakes);
                self.scenarios.push(Arc::new(scenario));
            }
            Err(mistakes) => {
                self.sources.push((file.to_owned(), String::from_utf8_lossy(bytes).into()));
                self.diagnostics.extend(mistakes);
            }
        }
    }

    fn finish(mut self) -> Self {
        for mistake in scenario::check_set(self.scenarios.iter().map(Arc::as_ref)) {
            if let Some(scenario) =
                self.scenarios.iter().find(|scenario| scenario.source.file == mistake.file)
            {
                self.sources.push((mistake.file.clone(), Arc::clone(&scenario.source.text)));
            }
            self.diagnostics.push(mistake);
        }
        self
    }
}

fn is_wanted(path: &Path) -> bool {
    let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    let yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
    !hidden && (path.is_dir() || yaml)
}
