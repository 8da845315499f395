//! `--report`: the reports of a run beside the terminal's, opened before anything is run.

use std::{
    collections::BTreeMap,
    env,
    fs::{self, File, OpenOptions},
    io::{self, BufWriter},
    os::unix::fs::MetadataExt as _,
    panic,
    path::{Path, PathBuf},
    sync::mpsc::{SyncSender, sync_channel},
    thread::{self, JoinHandle},
};

use super::{
    args::{ReportFormat, ReportTo},
    commands::usage,
    exit::Exit,
    output::Output,
};
use crate::{
    report::{Reporter, github::Github, html::Html, json::Json, junit::Junit, sarif::Sarif, tap::Tap},
    run::RunEvent,
};

/// How many events wait for reports. When there are more, the run waits: a report that nobody takes fills no memory.
const WAITING: usize = 256;

/// Reports in a thread of their own, so that no run waits to begin while another is told of.
pub(super) struct AtWork {
    /// None once there are no more.
    events: Option<SyncSender<RunEvent>>,
    /// None once it was waited for.
    reporters: Option<JoinHandle<Reporters>>,
}

impl AtWork {
    /// Gives all of them an event.
    pub(super) fn event(&self, event: RunEvent) {
        // Reporters that are gone have panicked, which is told when they are waited for.
        let _ = self.events.as_ref().map(|events| events.send(event));
    }

    /// Waits until all is told.
    pub(super) fn done(mut self) -> Reporters {
        let reporters = self.wait().expect("nobody has waited for them before");
        reporters.unwrap_or_else(|panic| panic::resume_unwind(panic))
    }

    fn wait(&mut self) -> Option<thread::Result<Reporters>> {
        drop(self.events.take());
        self.reporters.take().map(JoinHandle::join)
    }
}

impl Drop for AtWork {
    /// What is finished is told, even where what it belongs to came to a bad end.
    fn drop(&mut self) {
        let _ = self.wait();
    }
}

/// Everything that is told of a run, each with its name.
pub(super) struct Reporters {
    all: Vec<(String, Box<dyn Reporter + Send>)>,
    /// What did not take an event, and why.
    unwritten: BTreeMap<String, io::Error>,
}

impl Reporters {
    /// A single one.
    pub(super) fn new(name: &str, reporter: impl Reporter + Send + 'static) -> Self {
        let mut reporters = Self { all: Vec::new(), unwritten: BTreeMap::new() };
        reporters.add(name, reporter);
        reporters
    }

    /// Another behind it.
    pub(super) fn add(&mut self, name: &str, reporter: impl Reporter + Send + 'static) {
        self.all.push((name.to_owned(), Box::new(reporter)));
    }

    /// Opens the reports that are asked for; says why, where one of them cannot be written.
    pub(super) fn open(&mut self, asked: &[ReportTo], output: Output) -> Result<(), Exit> {
        let mut opened: BTreeMap<(u64, u64), PathBuf> = BTreeMap::new();
        if asked.iter().filter(|to| to.format == ReportFormat::Github).count() > 1 {
            return Err(usage(
                "the report for GitHub is asked for twice: a log has its annotations once",
                output,
            ));
        }
        for to in asked {
            if to.format == ReportFormat::Github {
                self.open_github(to.file.as_deref(), output)?;
                continue;
            }
            let Some(path) = &to.file else { continue };
            let name = format!("the report {}", path.display());
            let unwritable = |error| usage(&format!("{name} cannot be written: {error}"), output);
            let file = create(path).map_err(unwritable)?;
            let about = file.metadata().map_err(unwritable)?;
            // What is no file, such as a pipe, may take several.
            if about.is_file() && opened.insert((about.dev(), about.ino()), path.clone()).is_some() {
                let text = format!("{name} is asked for twice: each report needs a file of its own");
                return Err(usage(&text, output));
            }
            let file = BufWriter::new(file);
            match to.format {
                ReportFormat::Json => self.add(&name, Json(file)),
                ReportFormat::Junit => self.add(&name, Junit::new(file)),
                ReportFormat::Sarif => self.add(&name, Sarif::new(file)),
                ReportFormat::Tap => self.add(&name, Tap::new(file)),
                ReportFormat::Html => self.add(&name, Html::new(file)),
                ReportFormat::Github => {}
            }
        }
        Ok(())
    }

    /// Annotations go to standard output, and the summary to a file that other steps of the job have written to.
    fn open_github(&mut self, file: Option<&Path>, output: Output) -> Result<(), Exit> {
        let of_job = || env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()).map(PathBuf::from);
        let path = file.map(Path::to_owned).or_else(of_job);
        let summary = path.map(|path| {
            let opened = OpenOptions::new().append(true).create(true).open(&path);
            opened.map_err(|error| {
                usage(&format!("the job's summary {} cannot be written: {error}", path.display()), output)
            })
        });
        let github = Github::new(output.out(), summary.transpose()?)
            .map_err(|error| usage(&format!("no annotations can be written: {error}"), output))?;
        // What the terminal's report shows of others' texts is no command of the runner's.
        self.all.insert(0, ("GitHub's log".to_owned(), Box::new(github.opening(output.out()))));
        self.add("the report for GitHub", github);
        Ok(())
    }

    /// Lets them work beside the run.
    pub(super) fn at_work(mut self) -> AtWork {
        let (events, told) = sync_channel(WAITING);
        let reporters = thread::spawn(move || {
            for event in told {
                self.event(&event);
            }
            self
        });
        AtWork { events: Some(events), reporters: Some(reporters) }
    }

    /// Gives all of them an event.
    pub(super) fn event(&mut self, event: &RunEvent) {
        for (name, reporter) in &mut self.all {
            if let Err(error) = reporter.event(event) {
                self.unwritten.entry(name.clone()).or_insert(error);
            }
        }
    }

    /// Says what is not complete.
    pub(super) fn close(self, output: Output) -> Exit {
        for (name, error) in &self.unwritten {
            output.error(&format!("{name} is not complete: {error}"));
        }
        if self.unwritten.is_empty() { Exit::Passed } else { Exit::Unjudged }
    }
}

/// A file to write to, and the directories that it stands in.
pub(super) fn create(path: &Path) -> io::Result<File> {
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        fs::create_dir_all(directory)?;
    }
    File::create(path)
}
