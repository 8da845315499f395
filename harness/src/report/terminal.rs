//! What a person sees: a line for each scenario, everything about each failure, and the run in numbers.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    io::{self, Write},
    iter, mem,
};

use anstyle::{AnsiColor, Style};
use counterfoil_core::{
    judge::{Assessment, SkipKind, Verdict},
    outcome::Status,
    rules::{self, Level},
    trace::Trace,
};
use counterfoil_proto::Revision;

use super::{
    Reporter,
    layout::{Layout, Page, keep, pad, width},
    text::plain,
};
use crate::run::{
    ActionLine, Finished, FoundFinding, FoundMismatch, Live, Replay, Replayed, RunEvent, SubjectLine,
    Summary, account,
};

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const ODD: Style = AnsiColor::Yellow.on_default().bold();
const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();

/// Events of evidence that are shown at most; the trace has them all.
const SHOWN_EVENTS: usize = 8;

/// Actions of a plan that are shown, where it has more. Those that just succeeded are left out, and those that
/// something is said of are not, however many they are.
const SHOWN_ACTIONS: usize = 30;

/// The widest column of ids.
const WIDEST_ID: usize = 48;

/// The margin of everything that stands below a heading.
const MARGIN: &str = "      ";

/// Its margin where there is little room.
const SMALL_MARGIN: &str = "  ";

/// Writes for a person. Styles are written always: the writer takes them out where they are not wanted.
#[derive(Debug)]
pub struct Terminal<W> {
    out: W,
    sheet: Sheet,
    /// Runs that have come to an end of their own and are not reported yet. What was cut short is none of them.
    ended: HashSet<String>,
    /// Runs of the scenario that is under way, in the order of their revisions.
    current: Vec<Finished>,
    /// Whether any of them came to an end of its own.
    is_told: bool,
    /// Runs that did not pass, or passed with warnings, each with the revisions at which it ended alike.
    remarkable: Vec<(Finished, Vec<Revision>)>,
    /// What was skipped: why, and how often.
    skipped: Vec<(SkipKind, String, usize)>,
    /// The settings that count.
    settings: Option<String>,
}

impl<W: Write> Terminal<W> {
    /// Writes to `out` about scenarios whose ids are at most so long. A run that is `strict` has no warnings.
    pub fn new(out: W, layout: Layout, longest_id: usize, strict: bool) -> Self {
        let sheet =
            Sheet { page: Page::new(layout), ids: longest_id.min(WIDEST_ID), strict, of_plugin: false };
        let (ended, is_told) = (HashSet::new(), false);
        Self {
            out,
            sheet,
            ended,
            is_told,
            current: Vec::new(),
            remarkable: Vec::new(),
            skipped: Vec::new(),
            settings: None,
        }
    }

    /// One line for all revisions of a scenario.
    fn close_scenario(&mut self) {
        let runs = mem::take(&mut self.current);
        for run in &runs {
            if let Verdict::Skip { kind, reason } = &run.verdict {
                match self.skipped.iter_mut().find(|(known, why, _)| known == kind && why == reason) {
                    Some((.., count)) => *count += 1,
                    None => self.skipped.push((*kind, reason.clone(), 1)),
                }
            }
        }
        // What was cut short as a whole is counted at the end: it may be nearly everything.
        if mem::take(&mut self.is_told) {
            self.sheet.scenario(&runs);
        }
        let mut accounts: Vec<(Finished, Vec<Revision>)> = Vec::new();
        for mut run in runs.into_iter().filter(is_remarkable) {
            match accounts.iter_mut().find(|(first, _)| is_same(first, &run)) {
                None => accounts.push((run, Vec::new())),
                Some((first, same)) => {
                    // The one with outcomes to show tells more.
                    if Finished::keeps_outcomes(run.revision) && !Finished::keeps_outcomes(first.revision) {
                        mem::swap(first, &mut run);
                    }
                    same.push(run.revision);
                }
            }
        }
        self.remarkable.extend(accounts);
    }

    fn close_run(&mut self, summary: &Summary) {
        self.close_scenario();
        let mut accounts = mem::take(&mut self.remarkable);
        // The worst stands last, where the eye is when the run is over.
        accounts.sort_by_key(|(run, _)| match run.verdict {
            Verdict::Pass | Verdict::KnownFailure => 0,
            Verdict::Unjudged { .. } | Verdict::Skip { .. } => 1,
            Verdict::Fail | Verdict::UnexpectedPass { .. } => 2,
        });
        for (run, same) in &accounts {
            self.sheet.details(run, same);
        }
        self.sheet.again(&accounts);
        self.sheet.summary(summary, &self.skipped, &warned(&accounts));
        if let Some(settings) = &self.settings {
            self.sheet.page.wrapped("", 2, &format!("settings: {}", plain(settings)));
        }
    }

    /// Writes what has been laid out, all at once.
    fn write(&mut self) -> io::Result<()> {
        let text = self.sheet.page.take();
        if !text.is_empty() {
            self.out.write_all(text.as_bytes())?;
        }
        self.out.flush()
    }
}

/// The parts of the report, each as a block of lines.
#[derive(Debug)]
struct Sheet {
    page: Page,
    /// The width of the column of ids.
    ids: usize,
    /// Findings of level SHOULD fail, and are no warnings.
    strict: bool,
    /// A plugin is under test, and not our own pair.
    of_plugin: bool,
}

impl Sheet {
    fn margin(&self) -> &'static str {
        if self.page.layout.is_narrow() { SMALL_MARGIN } else { MARGIN }
    }

    /// A text below a heading; what follows its first line is moved in by so many columns more.
    fn below(&mut self, hang: usize, text: &str) {
        let margin = self.margin();
        self.page.wrapped(margin, margin.len() + hang, text);
    }

    /// What is under test.
    fn subject(&mut self, subject: &SubjectLine) {
        self.of_plugin = true;
        let SubjectLine { name, version, place, sha256, archive_sha256, config } = subject;
        let version = version.as_ref().map_or(String::new(), |version| format!(" {}", plain(version)));
        let mut text = format!("{BOLD}{}{version}{BOLD:#}  {}", plain(name), keep(plain(place)));
        // The archive's is what a release lists; the program's stands in the report for machines too.
        if let Some(digest) = archive_sha256.as_ref().or(sha256.as_ref()) {
            text.extend([
                "  ",
                &keep(format_args!("{DIM}sha256 {}{DIM:#}", &digest[..digest.len().min(12)])),
            ]);
        }
        self.page.wrapped("", 2, &text);
        if !config.is_empty() {
            self.page.wrapped("", 2, &format!("{DIM}Initialize is given{DIM:#} {}", plain(config)));
        }
        self.page.blank();
    }

    /// How a scenario ended, at all its revisions.
    fn scenario(&mut self, runs: &[Finished]) {
        let Some(first) = runs.first() else { return };
        let is_narrow = self.page.layout.is_narrow();
        let of = |is: fn(&Verdict) -> bool| -> Vec<Revision> {
            runs.iter().filter(|run| is(&run.verdict)).map(|run| run.revision).collect()
        };
        let out_of_reach = if is_narrow { "n/a" } else { "not applicable" };
        let unexpected = if is_narrow { "no fail" } else { "no failure" };
        let groups = [
            (BAD, "fail", of(|verdict| *verdict == Verdict::Fail)),
            (BAD, unexpected, of(|verdict| matches!(verdict, Verdict::UnexpectedPass { .. }))),
            (ODD, "unjudged", of(|verdict| matches!(verdict, Verdict::Unjudged { .. }))),
            (ODD, if is_narrow { "known" } else { "known failure" }, of(|v| *v == Verdict::KnownFailure)),
            (GOOD, "pass", of(|verdict| *verdict == Verdict::Pass)),
            (DIM, out_of_reach, of(|v| matches!(v, Verdict::Skip { kind: SkipKind::NotApplicable, .. }))),
            (ODD, "not run", of(is_not_run)),
        ];
        let words = if is_narrow { 8 } else { 14 };
        // The revisions have their place in one column, and enough of it to stay in one line.
        let ids = self.ids.min(self.page.layout.left_after(words + 2 + 2 + 12)).max(10);
        let shown_id = self.id(&first.scenario, words + 2);
        let mut line = String::new();
        for (style, word, revisions) in groups.into_iter().filter(|(.., revisions)| !revisions.is_empty()) {
            let revisions = keep(format_args!("{DIM}{}{DIM:#}", span(&revisions)));
            if line.is_empty() {
                let id = pad(&shown_id, ids);
                line = format!("{style}{word:>words$}{style:#}  {id}  {revisions}");
            } else {
                let word = keep(format_args!("{style}{word}{style:#} {revisions}"));
                line.extend(["; ", &word]);
            }
        }
        let passed = runs.iter().filter(|run| run.verdict == Verdict::Pass);
        let warning: BTreeSet<&str> =
            passed.flat_map(|run| &run.findings).map(|finding| &*finding.rule).collect();
        if !warning.is_empty() {
            let rules = Vec::from_iter(warning).join(", ");
            line.extend(["  ", &keep(format_args!("{ODD}warns{ODD:#} {rules}"))]);
        }
        // Of a scenario that exploration came by, it counts whether it still does what it was kept for.
        let mut replays: Vec<String> = runs
            .iter()
            .filter_map(|run| run.replayed.as_ref())
            .map(|Replayed { rule, came, .. }| {
                let style = match came {
                    Replay::StillFails => BAD,
                    Replay::Fixed => GOOD,
                    Replay::Unjudged => ODD,
                };
                keep(format_args!("{} {style}{came}{style:#}", plain(rule)))
            })
            .collect();
        replays.dedup();
        for replay in replays {
            line.extend(["  ", &replay]);
        }
        self.page.wrapped("", words + 4, &line);
    }

    /// Everything about a run that did not just pass; it ended alike at the revisions `same`.
    fn details(&mut self, run: &Finished, same: &[Revision]) {
        let (style, word) = match &run.verdict {
            Verdict::Fail => (BAD, "FAIL"),
            Verdict::Pass | Verdict::KnownFailure => (ODD, "WARN"),
            Verdict::UnexpectedPass { .. } => (BAD, "UNEXPECTED PASS"),
            Verdict::Unjudged { .. } | Verdict::Skip { .. } => (ODD, "UNJUDGED"),
        };
        let mut heading = format!("{style}{word}{style:#}  {BOLD}{}{BOLD:#}", run.id());
        if !same.is_empty() {
            let same = keep(format_args!("{DIM}(the same at {}){DIM:#}", span(same)));
            heading.extend(["  ", &same]);
        }
        self.page.blank();
        self.page.wrapped("", word.len() + 2, &heading);
        let file = plain(&run.file);
        self.below(0, &plain(&run.title));
        if !file.is_empty() {
            self.below(0, &keep(format_args!("{DIM}{file}{DIM:#}")));
        }
        if let Verdict::Unjudged { reason } = &run.verdict {
            self.page.blank();
            self.below(0, &plain(reason));
        }
        if let Verdict::UnexpectedPass { entries } = &run.verdict {
            self.page.blank();
            for entry in entries {
                self.below(2, &format!("listed, and did not fail: {}", plain(entry)));
            }
            self.below(2, "take it out of the list, or let `--update-known-failures` do so");
        }
        let blamed = self.blamed(&run.findings, &run.mismatches);
        self.actions(&run.actions, run.revision, &blamed);
        self.errors(run.load_error.as_deref(), run.apply_error.as_deref(), &run.verdict);
        let only_warns = matches!(run.verdict, Verdict::Pass | Verdict::KnownFailure);
        self.causes(&run.findings, &run.mismatches, only_warns, |unmet| {
            keep(format_args!("{DIM}{file}:{}:{}{DIM:#}", unmet.line, unmet.column))
        });
        self.page.blank();
        if let Some(trace) = &run.trace {
            let mut text = format!("trace      {}", keep(plain(trace)));
            if let Some(error) = &run.trace_error {
                text.extend(["  ", &format!("{BAD}not complete{BAD:#}: {}", plain(error))]);
            }
            self.below(2, &text);
        }
        self.below(2, &format!("run again  {}", keep(&run.reproduce)));
    }

    /// Whether a finding fails nothing.
    fn warns(&self, finding: &FoundFinding) -> bool {
        finding.level == Level::Should && !self.strict
    }

    /// An id behind so many columns. It is broken at its hyphens where a line cannot hold it.
    fn id(&self, id: &str, before: usize) -> String {
        let room = self.page.layout.left_after(before).max(10);
        let (mut broken, mut column) = (String::new(), 0);
        for part in id.split_inclusive('-') {
            if column > 0 && column + width(part) > room {
                broken.push(' ');
                column = 0;
            }
            broken.push_str(part);
            column += width(part);
        }
        broken
    }

    /// Actions that something is said of, each with the colour of what is said.
    fn blamed(&self, findings: &[FoundFinding], unmet: &[FoundMismatch]) -> BTreeMap<usize, Style> {
        let style = |finding: &FoundFinding| if self.warns(finding) { ODD } else { BAD };
        let (warnings, bad): (Vec<_>, Vec<_>) = findings.iter().partition(|finding| self.warns(finding));
        let of_findings = |finding: &FoundFinding| Some((finding.action?, style(finding)));
        let unmet = unmet.iter().filter_map(|unmet| Some((unmet.action?, BAD)));
        // The last one counts.
        let blamed = warnings.into_iter().chain(bad).filter_map(of_findings).chain(unmet);
        blamed.filter_map(|(action, style)| Some((action.try_into().ok()?, style))).collect()
    }

    /// The plan and what became of it, side by side; the text of an error below, where it does not fit in there.
    /// Actions that a finding is about are marked by colour: the finding itself says so in words.
    fn actions(&mut self, lines: &[ActionLine], revision: Revision, blamed: &BTreeMap<usize, Style>) {
        let mut shown: Vec<(usize, &ActionLine)> = lines.iter().enumerate().collect();
        let keeps_outcomes = Finished::keeps_outcomes(revision);
        if lines.len() > SHOWN_ACTIONS {
            let mut room = SHOWN_ACTIONS.saturating_sub(blamed.len());
            shown.retain(|(at, line)| {
                let is_good = matches!(&line.outcomes[..], [one] if one.status == Status::Success);
                let is_shown = blamed.contains_key(at) || (room > 0 && !is_good);
                room -= usize::from(is_shown && !blamed.contains_key(at));
                is_shown
            });
        }
        let shown: Vec<(usize, String, &ActionLine)> = shown
            .into_iter()
            .map(|(at, line)| {
                let planned = format!("{} {}  {}", line.kind, line.address, line.resource_type);
                (at, plain(&planned).into_owned(), line)
            })
            .collect();
        let margin = self.margin();
        let numbers = if self.page.layout.is_narrow() { 1 } else { 3 };
        let inner = margin.len() + numbers + 2;
        if !shown.is_empty() {
            let widest = shown.iter().map(|(_, planned, _)| width(planned)).max().unwrap_or(0).max(4);
            let statuses = shown.iter().flat_map(|(.., line)| &line.outcomes);
            let status = statuses.map(|outcome| width(&outcome.status.to_string())).max().unwrap_or(0);
            let column =
                widest.min(self.page.layout.left_after(inner + 2 + status.max("outcome".len())).max(4));
            self.page.blank();
            self.page.line(&format!(
                "{margin}{DIM}{:>numbers$}  {}  outcome{DIM:#}",
                "#",
                pad("plan", column)
            ));
            for (at, planned, line) in &shown {
                let number = blamed.get(at).copied().unwrap_or_default();
                let planned = pad(planned, column);
                let mut before = format!("{margin}{number}{at:>numbers$}{number:#}  {planned}  ");
                if line.outcomes.is_empty() {
                    let style = blamed.get(at).copied().unwrap_or(DIM);
                    let none = if keeps_outcomes { "none" } else { "–" };
                    self.outcome(&before, inner, &format!("{style}{none}{style:#}"), "");
                }
                for outcome in &line.outcomes {
                    let style = if outcome.status == Status::Success { GOOD } else { BAD };
                    let status = format!("{style}{}{style:#}", outcome.status);
                    self.outcome(&before, inner, &status, &plain(&outcome.error));
                    before = " ".repeat(inner + column + 2);
                }
            }
        }
        let left = lines.len() - shown.len();
        if left > 0 {
            let left = counted(left, "action");
            self.page.line(&format!("{}{DIM}and {left} more{DIM:#}", " ".repeat(inner)));
        }
        if !keeps_outcomes && lines.iter().any(|line| line.outcomes.is_empty()) {
            self.below(2, &format!("{DIM}{revision} keeps no outcomes{DIM:#}"));
        }
    }

    /// What ended the whole apply, or kept it from beginning; not again what the verdict says.
    fn errors(&mut self, load_error: Option<&str>, apply_error: Option<&str>, verdict: &Verdict) {
        let told = if let Verdict::Unjudged { reason } = verdict { reason } else { "" };
        for (what, error) in
            [("the provider was not loaded", load_error), ("the apply ended with an error", apply_error)]
        {
            if let Some(error) = error.filter(|error| !told.contains(*error)) {
                self.page.blank();
                self.below(2, &format!("{BAD}{what}{BAD:#}  {}", plain(error)));
            }
        }
    }

    /// What fails the run, and what only warns.
    fn causes(
        &mut self,
        findings: &[FoundFinding],
        unmet: &[FoundMismatch],
        has_passed: bool,
        place: impl Fn(&FoundMismatch) -> String,
    ) {
        let (warnings, bad): (Vec<_>, Vec<_>) = findings.iter().partition(|finding| self.warns(finding));
        for finding in bad {
            self.finding(finding, "");
        }
        for unmet in unmet {
            self.mismatch(&place(unmet), &unmet.expected, &unmet.found);
        }
        for finding in warnings {
            self.finding(finding, if has_passed { "" } else { " (warns only)" });
        }
    }

    fn outcome(&mut self, before: &str, inner: usize, status: &str, error: &str) {
        let mut line = format!("{before}{status}");
        if self.page.layout.left_after(width(&line)) == 0 && !before.trim().is_empty() {
            self.page.line(before.trim_end());
            line = format!("{}{status}", " ".repeat(inner + 2));
        }
        if error.is_empty() {
            self.page.line(&line);
        } else if self.page.layout.left_after(width(&line) + 2) >= width(error) {
            self.page.line(&format!("{line}  {error}"));
        } else {
            self.page.line(&line);
            self.page.wrapped(&" ".repeat(inner + 2), inner + 2, error);
        }
    }

    fn finding(&mut self, finding: &FoundFinding, weight: &str) {
        let FoundFinding { rule, level, party, .. } = finding;
        let style = if self.warns(finding) { ODD } else { BAD };
        let weight = keep(weight);
        self.page.blank();
        self.below(9, &format!("{style}{rule}{style:#}  {level} {party}{weight}  {}", finding.title));
        let margin = format!("{}  ", self.margin());
        self.page.wrapped(&margin, margin.len() + 2, &plain(&finding.message));
        if let Some(place) = &finding.place {
            let text = format!("{}  {DIM}{}{DIM:#}", plain(&place.to_string()), plain(place.snippet.trim()));
            self.page.wrapped(&margin, margin.len() + 2, &text);
        }
        if let Some(reason) = &finding.not_excused {
            self.page.wrapped(&margin, margin.len() + 2, &plain(reason));
        }
        let numbers = if self.page.layout.is_narrow() { 3 } else { 5 };
        let texts = margin.len() + numbers + 2;
        for evidence in finding.evidence.iter().take(SHOWN_EVENTS) {
            let text = format!("{DIM}{:>numbers$}  {}{DIM:#}", evidence.event, plain(&evidence.text));
            self.page.wrapped(&margin, texts, &text);
        }
        let left = finding.evidence.len().saturating_sub(SHOWN_EVENTS);
        if left > 0 {
            let left = counted(left, "event");
            self.page.line(&format!("{}{DIM}and {left} more{DIM:#}", " ".repeat(texts)));
        }
    }

    /// An expectation that was not met; `place` says where it stands.
    fn mismatch(&mut self, place: &str, expected: &str, found: &str) {
        self.page.blank();
        self.below(2, format!("{BAD}not as expected{BAD:#}  {place}").trim_end());
        let margin = format!("{}  ", self.margin());
        self.page.wrapped(&format!("{margin}expected  "), margin.len() + 10, &plain(expected));
        self.page.wrapped(&format!("{margin}found     "), margin.len() + 10, &plain(found));
    }

    /// What went wrong, in short, where it takes more than one account to tell.
    fn again(&mut self, accounts: &[(Finished, Vec<Revision>)]) {
        let bad: Vec<_> = accounts
            .iter()
            .filter(|(run, _)| !matches!(run.verdict, Verdict::Pass | Verdict::KnownFailure))
            .collect();
        if bad.len() < 2 {
            return;
        }
        let rows: Vec<_> = bad
            .into_iter()
            .map(|(run, same)| {
                let revisions: Vec<Revision> = iter::once(run.revision).chain(same.iter().copied()).collect();
                (run, span(&revisions))
            })
            .collect();
        let is_narrow = self.page.layout.is_narrow();
        let widest = |widths: &mut dyn Iterator<Item = usize>| {
            if is_narrow { 0 } else { widths.max().unwrap_or(0).min(WIDEST_ID) }
        };
        let ids = widest(&mut rows.iter().map(|(run, _)| width(&run.scenario)));
        let spans = widest(&mut rows.iter().map(|(_, at)| width(at)));
        self.page.blank();
        for (run, at) in &rows {
            let (style, word) = match run.verdict {
                Verdict::Fail => (BAD, "FAIL"),
                Verdict::UnexpectedPass { .. } => (BAD, "UNEXPECTED PASS"),
                _ => (ODD, "UNJUDGED"),
            };
            let id = self.id(&run.scenario, word.len() + 2);
            let id = pad(&format!("{BOLD}{id}{BOLD:#}"), ids);
            let at = keep(pad(&format!("{DIM}{at}{DIM:#}"), spans));
            let text = format!("{style}{word}{style:#}  {id}  {at}  {}", self.short(run));
            self.page.wrapped("", word.len() + 2, &text);
        }
    }

    /// Why a run did not pass, in a few words.
    fn short(&self, run: &Finished) -> String {
        if let Verdict::Unjudged { reason } = &run.verdict {
            return plain(reason).into_owned();
        }
        if let Verdict::UnexpectedPass { entries } = &run.verdict {
            return plain(&entries.join(", ")).into_owned();
        }
        let bad = run.findings.iter().filter(|finding| !self.warns(finding));
        let mut causes: Vec<String> = bad.map(|finding| finding.rule.clone()).collect();
        causes.dedup();
        if !run.mismatches.is_empty() {
            causes.push(keep("not as expected"));
        }
        causes.join(", ")
    }

    fn summary(
        &mut self,
        summary: &Summary,
        skipped: &[(SkipKind, String, usize)],
        warned: &BTreeMap<&str, usize>,
    ) {
        self.page.blank();
        if summary.interrupted {
            self.page.wrapped("", 2, &format!("{ODD}interrupted{ODD:#}: what had finished is reported"));
        }
        let counts = [
            (GOOD, summary.passed, "passed"),
            (BAD, summary.failed, "failed"),
            (ODD, summary.known_failures, "failed as listed"),
            (BAD, summary.unexpected_passes, "passed unexpectedly"),
            (ODD, summary.unjudged, "unjudged"),
            (DIM, summary.not_applicable, "not applicable"),
            (ODD, summary.not_run, "not run"),
        ];
        let counts = counts.into_iter().filter(|(_, count, _)| *count > 0);
        let counts: Vec<String> = counts
            .map(|(style, count, word)| format!("{style}{}{style:#}", keep(format_args!("{count} {word}"))))
            .collect();
        let seconds = f64::from(u32::try_from(summary.millis).unwrap_or(u32::MAX)) / 1000.0;
        let runs = format!("{BOLD}{}{BOLD:#}", keep(counted(summary.runs(), "run")));
        let time = keep(format_args!("in {seconds:.2} s"));
        let colon = if counts.is_empty() { "" } else { ": " };
        self.page.wrapped("", 2, &format!("{runs}{colon}{} {DIM}{time}{DIM:#}", counts.join(", ")));
        for (kind, reason, count) in skipped {
            let word = match kind {
                SkipKind::NotApplicable => "not applicable",
                SkipKind::NotRun => "not run",
            };
            self.page.wrapped("", 2, &format!("{count} {word}: {}", plain(reason)));
        }
        if summary.warnings > 0 && !self.strict {
            let warnings = counted(summary.warnings, "warning");
            let rules: Vec<String> =
                warned.iter().map(|(rule, count)| keep(format_args!("{rule} ({count})"))).collect();
            let text = format!("{ODD}{warnings}{ODD:#}, which --strict fails: {}", rules.join(", "));
            self.page.wrapped("", 2, &text);
        }
        let beyond = match summary.rules_out_of_reach {
            0 => String::new(),
            count if self.of_plugin => format!("; {count} more need --live"),
            count => format!("; {count} need a plugin or an adapter (counterfoil test)"),
        };
        let judged = format!("judged {} of {} rules{beyond}", summary.rules_judged, summary.rules);
        self.page.wrapped("", 2, &judged);
    }
}

impl<W: Write> Reporter for Terminal<W> {
    fn event(&mut self, event: &RunEvent) -> io::Result<()> {
        match event {
            RunEvent::RunStarted(started) => {
                self.settings.clone_from(&started.settings);
                match &started.subject {
                    Some(subject) => self.sheet.subject(subject),
                    None => return Ok(()),
                }
            }
            RunEvent::Live(Live::Began { .. }) => return Ok(()),
            RunEvent::Live(Live::Ended { run, .. }) => {
                self.ended.insert(run.clone());
                return Ok(());
            }
            RunEvent::Finished(finished) => {
                if self.current.first().is_some_and(|run| run.scenario != finished.scenario) {
                    self.close_scenario();
                }
                self.is_told |= self.ended.remove(&finished.id());
                self.current.push((**finished).clone());
            }
            RunEvent::RunFinished(summary) => self.close_run(summary),
        }
        self.write()
    }
}

/// What came of judging a saved trace.
pub fn judged(trace: &Trace, assessment: &Assessment, layout: Layout, strict: bool) -> String {
    let mut sheet = Sheet { page: Page::new(layout), ids: 0, strict, of_plugin: false };
    let (style, word) = match &assessment.verdict {
        Verdict::Pass => (GOOD, "PASS"),
        Verdict::Fail | Verdict::KnownFailure | Verdict::UnexpectedPass { .. } => (BAD, "FAIL"),
        Verdict::Unjudged { .. } | Verdict::Skip { .. } => (ODD, "UNJUDGED"),
    };
    let id = trace.header.run_id();
    sheet.page.line(&format!("{style}{word}{style:#}  {BOLD}{}{BOLD:#}", plain(&id)));
    if let Verdict::Unjudged { reason } = &assessment.verdict {
        sheet.page.blank();
        sheet.below(0, &plain(reason));
    }
    let account = account(trace);
    let findings: Vec<_> =
        assessment.findings.iter().map(|finding| FoundFinding::new(finding, trace)).collect();
    let unmet = assessment.mismatches.iter();
    let unmet: Vec<_> = unmet.map(|mismatch| FoundMismatch::new(mismatch, trace, None)).collect();
    let blamed = sheet.blamed(&findings, &unmet);
    sheet.actions(&account.actions, trace.header.revision, &blamed);
    sheet.errors(account.load_error.as_deref(), account.apply_error.as_deref(), &assessment.verdict);
    sheet.causes(&findings, &unmet, assessment.verdict == Verdict::Pass, |_| String::new());
    let (judged, rules) = (assessment.judged.len(), rules::catalogue().count());
    sheet.page.blank();
    sheet.page.line(&format!("judged {judged} of {rules} rules"));
    sheet.page.take()
}

/// How often each rule warned.
fn warned(accounts: &[(Finished, Vec<Revision>)]) -> BTreeMap<&str, usize> {
    let mut warned = BTreeMap::new();
    for (run, same) in accounts {
        for finding in run.findings.iter().filter(|finding| finding.level == Level::Should) {
            *warned.entry(&*finding.rule).or_default() += 1 + same.len();
        }
    }
    warned
}

/// A number of things.
pub fn counted(count: usize, thing: &str) -> String {
    let ending = match count {
        1 => "",
        _ if thing.ends_with('s') => "es",
        _ => "s",
    };
    format!("{count} {thing}{ending}")
}

fn is_not_run(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Skip { kind: SkipKind::NotRun, .. })
}

fn is_remarkable(run: &Finished) -> bool {
    match run.verdict {
        Verdict::Pass | Verdict::KnownFailure => !run.findings.is_empty(),
        Verdict::Fail | Verdict::UnexpectedPass { .. } | Verdict::Unjudged { .. } => true,
        Verdict::Skip { .. } => false,
    }
}

/// Whether two runs of a scenario ended alike, so that one account serves both.
fn is_same(a: &Finished, b: &Finished) -> bool {
    let rules = |run: &Finished| -> Vec<(String, Option<u32>)> {
        run.findings.iter().map(|finding| (finding.rule.clone(), finding.action)).collect()
    };
    let unmet = |run: &Finished| -> Vec<(usize, String)> {
        run.mismatches.iter().map(|mismatch| (mismatch.line, mismatch.found.clone())).collect()
    };
    a.scenario == b.scenario && a.verdict == b.verdict && rules(a) == rules(b) && unmet(a) == unmet(b)
}

/// Revisions in short and in their order: neighbours as a range.
pub fn span(revisions: &[Revision]) -> String {
    let mut revisions = revisions.to_vec();
    revisions.sort_unstable();
    let position = |revision: &Revision| Revision::ALL.iter().position(|other| other == revision);
    let mut parts: Vec<(Revision, Revision)> = Vec::new();
    for revision in revisions {
        match parts.last_mut() {
            Some((_, last)) if position(last).map(|at| at + 1) == position(&revision) => *last = revision,
            _ => parts.push((revision, revision)),
        }
    }
    let shown = parts
        .iter()
        .map(|(first, last)| if first == last { first.to_string() } else { format!("{first} to {last}") });
    shown.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revisions_are_told_in_their_order_whichever_came_first() {
        let told = span(&[Revision::V0_54, Revision::V0_51, Revision::V0_55, Revision::V0_57]);
        assert_eq!(told, "0.51 to 0.55, 0.57");
    }
}
