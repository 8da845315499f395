//! Scenario files, found and read. All files are checked before anything is run.

use std::{
    collections::HashSet,
    fs, io,
    io::Read as _,
    os::unix::fs::FileTypeExt as _,
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use counterfoil_core::{
    rules,
    scenario::{self, Diagnostic, MAX_FILE_BYTES, Scenario},
};

use crate::suite;

/// How long a pipe is waited for that nobody has opened to write.
const PATIENCE: Duration = Duration::from_secs(2);

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
/// any depth. Hidden files and directories are left out, and so are releases and profiles. What is reached twice, by a
/// link or by name, is read once.
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
            let unreadable = unreadable(&shown, error);
            // A word that looks like no file may be meant for an id.
            if named && error.kind() == io::ErrorKind::NotFound && !shown.contains(['.', '/']) {
                unreadable.help(format!("an id is given with `--filter {shown}`"))
            } else {
                unreadable
            }
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
            Ok(meta) if meta.is_file() || named => match read_file(path, &shown, &meta) {
                Ok(bytes) if named || !is_of_the_cutover(&bytes) => self.read(&shown, &bytes),
                Ok(_) => {}
                Err(mistake) => {
                    self.files += usize::from(mistake.code == "too-large");
                    self.diagnostics.push(*mistake);
                }
            },
            Ok(_) => {}
        }
    }

    fn read(&mut self, file: &str, bytes: &[u8]) {
        self.files += 1;
        match scenario::parse(file, bytes) {
            Ok(scenario) => {
                let mistakes = rules::check_expected(&scenario);
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

/// Reads a file of a user's that is no scenario: settings, or a list of known failures.
pub(crate) fn read_document(path: &Path, shown: &str) -> Result<Vec<u8>, Box<Diagnostic>> {
    let meta = fs::metadata(path).map_err(|error| Box::new(unreadable(shown, &error)))?;
    if meta.is_dir() {
        return Err(Diagnostic::whole(shown, "unreadable", "this is a directory").into());
    }
    read_file(path, shown, &meta).map_err(|mut mistake| {
        if mistake.code == "too-large" {
            mistake.help = None;
        }
        mistake
    })
}

fn unreadable(shown: &str, error: &io::Error) -> Diagnostic {
    let message = match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "this file must not be read: permission denied".to_owned(),
        _ => format!("the file cannot be read: {error}"),
    };
    Diagnostic::whole(shown, "unreadable", message)
}

/// Reads a file, or a pipe, up to the longest that is read.
fn read_file(path: &Path, shown: &str, meta: &fs::Metadata) -> Result<Vec<u8>, Box<Diagnostic>> {
    if let Some(too_large) = scenario::check_size(shown, meta.len()) {
        return Err(too_large.into());
    }
    let opened = if meta.file_type().is_fifo() { open_pipe(path) } else { fs::File::open(path).map(Some) };
    // A pipe says nothing of its size beforehand.
    let mut bytes = Vec::new();
    let read = opened.and_then(|file| {
        let taken = file.map(|file| file.take(MAX_FILE_BYTES as u64 + 1));
        taken.map(|mut taken| taken.read_to_end(&mut bytes)).transpose()
    });
    match read {
        Err(error) => Err(unreadable(shown, &error).into()),
        Ok(None) => Err(Diagnostic::whole(shown, "unwritten", "this is a pipe, and nobody writes to it")
            .help("what writes to it has to be started first, or beside this")
            .into()),
        Ok(Some(_)) if bytes.len() > MAX_FILE_BYTES => {
            let message =
                format!("there are more than {MAX_FILE_BYTES} bytes, which is the most that is read");
            Err(Diagnostic::whole(shown, "too-large", message).into())
        }
        Ok(Some(_)) => Ok(bytes),
    }
}

/// Opens a pipe, which waits for somebody to open it for writing; none where nobody does. The pipes that a shell hands
/// over have their writers from the start.
fn open_pipe(path: &Path) -> io::Result<Option<fs::File>> {
    let (tell, opened) = mpsc::channel();
    let path = path.to_owned();
    // Where it waits for ever, it waits for the end of the process.
    thread::Builder::new().name("pipe".to_owned()).spawn(move || tell.send(fs::File::open(path)))?;
    opened.recv_timeout(PATIENCE).ok().transpose()
}

/// Whether a file is a release, or a profile of a plugin: of these keys the one or the other begins a line, and no scenario
/// has them.
fn is_of_the_cutover(bytes: &[u8]) -> bool {
    bytes
        .split(|byte| *byte == b'\n')
        .any(|line| line.starts_with(b"release:") || line.starts_with(b"points:"))
}

fn is_wanted(path: &Path) -> bool {
    let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    let yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
    !hidden && (path.is_dir() || yaml)
}
