//! What GitHub shows of a run: annotations, which it takes from the log, and the summary of the job.
//!
//! GitHub keeps ten annotations of each level for a step, so what fails at several revisions is one, and what is left over is
//! counted. All of it stands in the summary.

use std::{
    fmt::Write as _,
    fs::File,
    io::{self, Write},
};

use counterfoil_core::judge::Verdict;
use counterfoil_proto::Revision;
use rand::{TryRng as _, rngs::SysRng};

use super::{
    Reporter,
    markup::{code, html},
    terminal::span,
    text::{plain, shortened},
    words::{fails, headline, path},
};
use crate::{
    run::{Finished, InFile, RunEvent, Summary},
    suite,
};

/// How many annotations of a level GitHub shows for a step.
const MOST: usize = 10;

/// How many rows of what went wrong the summary has at most; GitHub takes 1 MiB of it.
const MOST_ROWS: usize = 200;

/// How many characters of what a plugin or an engine says are told of each: whoever wants all of it finds it in another report.
const KEPT_TEXT: usize = 600;

/// Writes annotations and the summary when the run is over.
#[derive(Debug)]
pub struct Github<W> {
    out: W,
    summary: Option<File>,
    /// What ends the time in which the runner takes no commands from the log.
    token: String,
    strict: bool,
    subject: String,
    notes: Vec<Note>,
}

/// Something that is wrong, at each revision at which it is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Note {
    is_error: bool,
    scenario: String,
    title: String,
    message: String,
    /// The file, and the place in it.
    file: Option<(String, InFile)>,
    revisions: Vec<Revision>,
}

/// Keeps the runner from taking what the terminal's report shows for commands.
#[derive(Debug)]
pub struct Opening<W> {
    out: W,
    token: String,
}

impl<W: Write> Github<W> {
    /// Writes annotations to `out`, and the summary to a file, where there is one.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub fn new(out: W, summary: Option<File>) -> io::Result<Self> {
        // Who does not know it cannot end the time in which no command counts.
        let mut token = [0; 16];
        SysRng.try_fill_bytes(&mut token).map_err(io::Error::other)?;
        let token = hex::encode(token);
        Ok(Self { out, summary, token, strict: false, subject: String::new(), notes: Vec::new() })
    }

    /// What has to come before every other text of the run.
    pub fn opening<O: Write>(&self, out: O) -> Opening<O> {
        Opening { out, token: self.token.clone() }
    }

    fn note(&mut self, run: &Finished, note: Note) {
        // Revisions of a scenario come one after another, but for those that look at a plugin first.
        let same = |known: &&mut Note| Note { revisions: Vec::new(), ..(**known).clone() } == note;
        match self.notes.iter_mut().rev().take(64).find(same) {
            Some(known) => known.revisions.push(run.revision),
            None => self.notes.push(Note { revisions: vec![run.revision], ..note }),
        }
    }

    fn notes_of(&mut self, run: &Finished) {
        let strict = self.strict;
        let of_file =
            |at: Option<InFile>| Some((run.file.clone(), at?)).filter(|(file, _)| !suite::is_stock(file));
        let note = |is_error, title: String, message: &str, file| Note {
            is_error,
            scenario: run.scenario.clone(),
            title,
            message: shortened(&plain(message), KEPT_TEXT),
            file,
            revisions: Vec::new(),
        };
        for finding in &run.findings {
            let place = finding
                .place
                .as_ref()
                .map(|place| (place.file.clone(), InFile { line: place.line, column: place.column }));
            let file = place.or_else(|| of_file(finding.at.or(run.at)));
            let title = format!("{} {}", finding.rule, finding.title);
            self.note(run, note(fails(finding, strict), title, &finding.message, file));
        }
        for unmet in &run.mismatches {
            let message = format!("expected {}, found {}", unmet.expected, unmet.found);
            let at = InFile { line: unmet.line, column: unmet.column };
            self.note(run, note(true, "not as the scenario expects".to_owned(), &message, of_file(Some(at))));
        }
        if matches!(run.verdict, Verdict::Unjudged { .. } | Verdict::UnexpectedPass { .. }) {
            let title = run.verdict.as_str().to_owned();
            self.note(run, note(true, title, &headline(run, strict), of_file(run.at)));
        }
    }

    fn annotations(&mut self) -> io::Result<()> {
        for (level, is_error) in [("error", true), ("warning", false)] {
            let of_level: Vec<&Note> = self.notes.iter().filter(|note| note.is_error == is_error).collect();
            // Where there is no room for all of them, one stands for all that are of its kind.
            let mut notes: Vec<(&Note, usize)> = Vec::new();
            for note in &of_level {
                let alike = |(known, _): &&mut (&Note, usize)| known.title == note.title;
                match notes.iter_mut().find(alike).filter(|_| of_level.len() > MOST) {
                    Some((_, others)) => *others += 1,
                    None => notes.push((note, 0)),
                }
            }
            let shown = if notes.len() > MOST { MOST - 1 } else { notes.len() };
            for (note, others) in &notes[..shown] {
                let place = note.file.as_ref().map_or(String::new(), |(file, at)| {
                    format!("file={},line={},col={},", property(path(file)), at.line, at.column)
                });
                let (title, message) = (property(&note.title), data(&note.message));
                let run = data(&format!("{} at {}", note.scenario, span(&note.revisions)));
                let others =
                    if *others == 0 { String::new() } else { format!(" (and {others} more like this)") };
                writeln!(self.out, "::{level} {place}title={title}::{run}: {message}{others}")?;
            }
            if notes.len() > shown {
                let left = notes.len() - shown;
                writeln!(self.out, "::{level} title=and {left} more::the job's summary has them all")?;
            }
        }
        self.out.flush()
    }

    fn page(&self, summary: &Summary) -> String {
        let mut page = String::new();
        let broken = summary.failed + summary.unexpected_passes;
        let word = match () {
            () if summary.defects > 0 => "a defect of Counterfoil itself",
            () if broken > 0 => "the contract is broken",
            () if summary.unjudged > 0 => "something could not be judged",
            () if summary.interrupted => "interrupted",
            () if summary.passed + summary.known_failures == 0 => "nothing was judged",
            () => "the contract holds",
        };
        let _ = writeln!(page, "## Counterfoil: {word}\n");
        if !self.subject.is_empty() {
            let _ = writeln!(page, "{}\n", code(&self.subject));
        }
        let counts = [
            ("passed", summary.passed),
            ("failed", summary.failed),
            ("failed as listed", summary.known_failures),
            ("passed unexpectedly", summary.unexpected_passes),
            ("unjudged", summary.unjudged),
            ("not applicable", summary.not_applicable),
            ("not run", summary.not_run),
        ];
        let counts: Vec<_> = counts.into_iter().filter(|(_, count)| *count > 0).collect();
        let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        page += &row(counts.iter().map(|(word, _)| (*word).to_owned()).collect());
        page += &row(counts.iter().map(|_| "---:".to_owned()).collect());
        page += &row(counts.iter().map(|(_, count)| count.to_string()).collect());
        let _ = writeln!(page, "\njudged {} of {} rules\n", summary.rules_judged, summary.rules);
        if !self.notes.is_empty() {
            page += "| | what | scenario | revisions | |\n| --- | --- | --- | --- | --- |\n";
            let (errors, warnings): (Vec<_>, Vec<_>) = self.notes.iter().partition(|note| note.is_error);
            for note in errors.into_iter().chain(warnings).take(MOST_ROWS) {
                page += &row(vec![
                    if note.is_error { "✗" } else { "warns" }.to_owned(),
                    html(&note.title),
                    code(&note.scenario),
                    span(&note.revisions),
                    html(&note.message),
                ]);
            }
            let left = self.notes.len().saturating_sub(MOST_ROWS);
            if left > 0 {
                let _ = writeln!(page, "\nand {left} more");
            }
        }
        page
    }
}

impl<W: Write> Reporter for Github<W> {
    fn event(&mut self, event: &RunEvent) -> io::Result<()> {
        match event {
            RunEvent::RunStarted(started) => {
                self.strict = started.is_strict();
                self.subject = started.subject.as_ref().map(ToString::to_string).unwrap_or_default();
            }
            RunEvent::Live(_) => {}
            RunEvent::Finished(run) => self.notes_of(run),
            RunEvent::RunFinished(summary) => {
                writeln!(self.out, "::{}::", self.token)?;
                self.annotations()?;
                let page = self.page(summary);
                if let Some(file) = &mut self.summary {
                    file.write_all(page.as_bytes())?;
                }
            }
        }
        Ok(())
    }
}

impl<W: Write> Reporter for Opening<W> {
    fn event(&mut self, event: &RunEvent) -> io::Result<()> {
        if matches!(event, RunEvent::RunStarted(_)) {
            writeln!(self.out, "::stop-commands::{}", self.token)?;
            self.out.flush()?;
        }
        Ok(())
    }
}

/// What stands behind a command of the runner.
fn data(text: &str) -> String {
    plain(text).replace('%', "%25")
}

/// The value of a property of a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{Filter, jobs, stock};

    #[test]
    fn a_command_is_one_line_and_its_values_end_nothing() {
        assert_eq!(data("50%\nof ::it"), r"50%25\nof ::it");
        assert_eq!(property("a,line=1:b"), "a%2Cline=1%3Ab");
    }

    #[test]
    fn what_is_told_of_each_is_bounded_and_so_is_the_summary() {
        let mut github = Github::new(Vec::new(), None).expect("the system has random bytes");
        let job = jobs(&stock().scenarios, &Filter::default()).remove(0);
        let verdict = Verdict::Unjudged { reason: ":".repeat(1 << 16) };
        let run = Finished::without_trace(&job, verdict, 0);
        for number in 0..500 {
            github.notes_of(&Finished { scenario: format!("s-{number}"), ..run.clone() });
        }
        github.annotations().expect("there is room");
        assert!(github.out.len() < 20_000, "{}", github.out.len());
        let page = github.page(&Summary::default());
        assert!(page.len() < 1 << 20, "GitHub takes no more: {}", page.len());
    }
}
