//! Known failures: which findings a list excuses, and where the list says more than what is so.

use std::{
    fs,
    io::ErrorKind::NotFound,
    path::{Path, PathBuf},
    str::FromStr as _,
    sync::Arc,
};

use counterfoil_core::{
    judge::Verdict,
    rules::Level,
    scenario::{self, Date, Diagnostic, KnownFailure, TextMatch},
};
use counterfoil_proto::{Revision, RevisionRange};
use globset::{Glob, GlobMatcher};

use super::{Finished, Job, load::read_document};

/// How many runs an entry with wildcards may be about.
const MOST_RUNS: usize = 20;

/// A list of known failures, fit to be held against runs.
#[derive(Clone, Debug)]
pub struct KnownFailures {
    pub(super) entries: Vec<Entry>,
    pub(super) today: Date,
    pub(super) path: PathBuf,
    /// What the file held; none where there was no file.
    pub(super) text: Option<Arc<str>>,
}

/// What a list is read for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reading {
    /// To be updated: what is not filled in yet is no mistake, and a file that does not exist holds no failure.
    pub to_update: bool,
    /// Beside scenarios that need not be those that it was made for: entries about others are no mistake.
    pub about_others: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) listed: KnownFailure,
    glob: GlobMatcher,
    revisions: Option<RevisionRange>,
    /// `known-failures.yaml:3`
    pub(super) place: String,
}

impl Entry {
    fn excuses_on(&self, today: Date) -> bool {
        self.listed.is_filled_in() && !self.has_expired(today)
    }

    pub(super) fn has_expired(&self, today: Date) -> bool {
        self.listed.expires.is_some_and(|last| last < today)
    }

    pub(super) fn is_about(&self, scenario: &str, revision: Revision) -> bool {
        self.glob.is_match(scenario) && self.revisions.as_ref().is_none_or(|range| range.contains(revision))
    }
}

/// Why a file of the user's cannot be used: its mistakes, and its text for the reader.
#[derive(Debug)]
pub struct Unusable {
    /// Every mistake.
    pub diagnostics: Vec<Diagnostic>,
    /// The file and its text.
    pub source: (String, Arc<str>),
}

impl Unusable {
    pub(crate) fn new(diagnostics: Vec<Diagnostic>, file: &str, bytes: &[u8]) -> Self {
        Self { diagnostics, source: (file.to_owned(), String::from_utf8_lossy(bytes).into()) }
    }
}

impl KnownFailures {
    /// Reads a list. `jobs` are all runs that there are, before any filter: an entry has to be about some of them.
    /// Entries excuse up to the day on which they expire; `today` is held against that.
    ///
    /// # Errors
    /// Every mistake of the file; also a pattern that matches no run, or too many.
    pub fn load(path: &Path, jobs: &[Job], today: Date, reading: Reading) -> Result<Self, Unusable> {
        let file = path.display().to_string();
        if reading.to_update && fs::symlink_metadata(path).is_err_and(|error| error.kind() == NotFound) {
            return Ok(Self { entries: Vec::new(), today, path: path.to_owned(), text: None });
        }
        let bytes =
            read_document(path, &file).map_err(|mistake| Unusable::new(vec![*mistake], &file, &[]))?;
        let text: Arc<str> = String::from_utf8_lossy(&bytes).into();
        let unusable = |diagnostics| Unusable::new(diagnostics, &file, &bytes);
        let parse = if reading.to_update {
            scenario::parse_unfilled_known_failures
        } else {
            scenario::parse_known_failures
        };
        let listed = parse(&file, &bytes).map_err(unusable)?;
        let (mut entries, mut mistakes) = (Vec::new(), Vec::new());
        for listed in listed {
            match entry(&file, &text, listed, jobs, reading) {
                Ok(entry) => entries.push(entry),
                Err(mistake) => mistakes.push(*mistake),
            }
        }
        if mistakes.is_empty() {
            Ok(Self { entries, today, path: path.to_owned(), text: Some(text) })
        } else {
            Err(unusable(mistakes))
        }
    }

    /// The last day on which all entries excuse; none where there are none.
    pub fn until(&self) -> Option<Date> {
        self.entries.iter().filter_map(|entry| entry.listed.expires).min()
    }

    /// Sets what is listed apart from what is not, and says how the run ends then. With `strict`, findings of level
    /// SHOULD fail.
    pub fn apply(&self, finished: &mut Finished, strict: bool) {
        if !matches!(finished.verdict, Verdict::Pass | Verdict::Fail) {
            return;
        }
        let about = |entry: &&Entry| entry.is_about(&finished.scenario, finished.revision);
        let entries: Vec<&Entry> = self.entries.iter().filter(about).collect();
        let mut passed = Vec::new();
        for Entry { listed, place, .. } in &entries {
            let judged = finished.judged.iter().any(|rule| rule == listed.rule);
            if judged && !finished.findings.iter().any(|finding| finding.rule == listed.rule) {
                passed.push(format!("{} ({place})", listed.rule));
            }
        }
        for mut finding in std::mem::take(&mut finished.findings) {
            let of_rule = || entries.iter().filter(|entry| entry.listed.rule == finding.rule);
            let mut matching = of_rule().filter(|entry| entry.listed.message.matches(&finding.message));
            if matching.clone().any(|entry| entry.excuses_on(self.today)) {
                finished.known_findings.push(finding);
                continue;
            }
            finding.not_excused = if let Some(expired) = matching.next() {
                Some(match expired.listed.expires {
                    Some(day) if expired.has_expired(self.today) => {
                        format!("{}: the entry expired on {day}", expired.place)
                    }
                    _ => format!("{}: the entry is not filled in", expired.place),
                })
            } else {
                of_rule().next().map(|entry| {
                    let listed = shown(&entry.listed.message);
                    format!(
                        "{}: the message changed: listed {listed}, now {:?}",
                        entry.place, finding.message
                    )
                })
            };
            finished.findings.push(finding);
        }
        let fails = finished.findings.iter().any(|finding| finding.level == Level::Must || strict)
            || !finished.mismatches.is_empty();
        finished.verdict = match finished.verdict {
            Verdict::Fail if fails => Verdict::Fail,
            _ if !passed.is_empty() => Verdict::UnexpectedPass { entries: passed },
            Verdict::Fail => Verdict::KnownFailure,
            _ => Verdict::Pass,
        };
    }
}

fn entry(
    file: &str,
    text: &str,
    listed: KnownFailure,
    jobs: &[Job],
    reading: Reading,
) -> Result<Entry, Box<Diagnostic>> {
    let mistake = |code, message: String| Diagnostic::at(file, text, code, listed.scenario_span, message);
    let (id, range) = match listed.scenario.split_once('@') {
        Some((id, range)) => (id, Some(range)),
        None => (&*listed.scenario, None),
    };
    let glob = Glob::new(id)
        .map_err(|error| Box::new(mistake("bad-glob", format!("{id:?} is not a glob: {error}"))))?;
    let revisions = range.map(RevisionRange::from_str).transpose();
    let revisions = revisions.map_err(|error| Box::new(mistake("bad-range", error.to_string())))?;
    let place = format!("{file}:{}", Diagnostic::at(file, text, "", listed.span, "").line);
    let wild = id.contains(['*', '?', '[', '{']);
    let matcher = glob.compile_matcher();
    let is_about = |job: &&Job| {
        matcher.is_match(&job.scenario.id)
            && revisions.as_ref().is_none_or(|range| range.contains(job.revision))
    };
    let pattern = &listed.scenario;
    let mistake = match jobs.iter().filter(is_about).count() {
        0 if !reading.about_others => mistake("matches-nothing", format!("`{pattern}` matches no run"))
            .label("no such run")
            .help("`counterfoil list` shows what there is; take out what is about nothing"),
        runs if wild && runs > MOST_RUNS => {
            let text = format!("`{pattern}` matches {runs} runs; at most {MOST_RUNS} are taken");
            mistake("too-wide", text)
                .label("too wide")
                .help("name the scenarios, or their revisions: `id@>=0.54`")
        }
        _ => return Ok(Entry { listed, glob: matcher, revisions, place }),
    };
    Err(Box::new(mistake))
}

fn shown(text: &TextMatch) -> String {
    match text {
        TextMatch::Is(text) => format!("{text:?}"),
        TextMatch::StartsWith(text) => format!("what starts with {text:?}"),
        TextMatch::Contains(text) => format!("what contains {text:?}"),
        TextMatch::Matches(regex) => format!("what matches /{regex}/"),
    }
}
