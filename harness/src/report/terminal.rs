//! What a person sees: a line for each scenario, everything about each failure, and the run in numbers.

use std::{
    io::{self, Write},
    mem,
};

use anstyle::{AnsiColor, Style};
use counterfoil_core::{
    judge::{Assessment, SkipKind, Verdict},
    outcome::Status,
    rules::{self, Level},
    trace::Trace,
};
use counterfoil_proto::Revision;

use super::{Reporter, text::plain};
use crate::run::{ActionLine, Finished, FoundFinding, RunEvent, Summary, account};

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const ODD: Style = AnsiColor::Yellow.on_default().bold();
const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();

/// Events of evidence that are shown at most; the trace has them all.
const SHOWN_EVENTS: usize = 8;

/// Actions of a plan that are shown at most; those that just succeeded are left out first.
const SHOWN_ACTIONS: usize = 30;

/// Writes for a person. Styles are written always: the writer takes them out where they are not wanted.
#[derive(Debug)]
pub struct Terminal<W> {
    out: W,
    /// Runs of the scenario that is under way, in the order of their revisions.
    current: Vec<Finished>,
    /// Runs that did not pass, or passed with warnings.
    remarkable: Vec<Finished>,
    /// What was skipped: why, and how often.
    skipped: Vec<(SkipKind, String, usize)>,
}

impl<W: Write> Terminal<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self { out, current: Vec::new(), remarkable: Vec::new(), skipped: Vec::new() }
    }

    /// One line for all revisions of a scenario.
    fn close_scenario(&mut self) -> io::Result<()> {
        let runs = mem::take(&mut self.current);
        let Some(first) = runs.first() else { return Ok(()) };
        for run in &runs {
            if let Verdict::Skip { kind, reason } = &run.verdict {
                match self.skipped.iter_mut().find(|(known, why, _)| known == kind && why == reason) {
                    Some((.., count)) => *count += 1,
                    None => self.skipped.push((*kind, reason.clone(), 1)),
                }
            }
        }
        let of = |is: fn(&Verdict) -> bool| -> Vec<Revision> {
            runs.iter().filter(|run| is(&run.verdict)).map(|run| run.revision).collect()
        };
        let groups = [
            (BAD, "fail", of(|verdict| *verdict == Verdict::Fail)),
            (ODD, "unjudged", of(|verdict| matches!(verdict, Verdict::Unjudged { .. }))),
            (GOOD, "pass", of(|verdict| *verdict == Verdict::Pass)),
            (DIM, "not applicable", of(|v| matches!(v, Verdict::Skip { kind: SkipKind::NotApplicable, .. }))),
            (ODD, "not run", of(is_not_run)),
        ];
        let mut is_first = true;
        // What was not run at all is counted at the end: after an interruption that may be nearly everything.
        let groups = groups.into_iter().filter(|_| !runs.iter().all(|run| is_not_run(&run.verdict)));
        for (style, word, revisions) in groups.filter(|(.., revisions)| !revisions.is_empty()) {
            if mem::take(&mut is_first) {
                write!(self.out, "{style}{word:>14}{style:#}  {:<40}", first.scenario)?;
            } else {
                write!(self.out, "; {style}{word}{style:#}")?;
            }
            write!(self.out, " {DIM}{}{DIM:#}", span(&revisions))?;
        }
        if !is_first {
            writeln!(self.out)?;
        }
        self.remarkable.extend(runs.into_iter().filter(is_remarkable));
        Ok(())
    }

    fn close_run(&mut self, summary: &Summary) -> io::Result<()> {
        self.close_scenario()?;
        let mut runs = mem::take(&mut self.remarkable);
        // The worst stands last, where the eye is when the run is over.
        runs.sort_by_key(|run| match run.verdict {
            Verdict::Pass => 0,
            Verdict::Unjudged { .. } | Verdict::Skip { .. } => 1,
            Verdict::Fail => 2,
        });
        while !runs.is_empty() {
            let first = runs.remove(0);
            let (same, others) = runs.into_iter().partition(|run| is_same(&first, run));
            runs = others;
            self.details(&first, &same)?;
        }
        self.summary(summary)
    }

    /// Everything about a run that did not just pass; `same` are other revisions that ended alike.
    fn details(&mut self, run: &Finished, same: &[Finished]) -> io::Result<()> {
        let (style, word) = match &run.verdict {
            Verdict::Fail => (BAD, "FAIL"),
            Verdict::Pass => (ODD, "WARN"),
            Verdict::Unjudged { .. } | Verdict::Skip { .. } => (ODD, "UNJUDGED"),
        };
        write!(self.out, "\n{style}{word}{style:#}  {BOLD}{}{BOLD:#}", run.id())?;
        if !same.is_empty() {
            let revisions: Vec<Revision> = same.iter().map(|run| run.revision).collect();
            write!(self.out, "  {DIM}(the same at {}){DIM:#}", span(&revisions))?;
        }
        let file = plain(&run.file);
        writeln!(self.out, "\n      {}\n      {DIM}{file}{DIM:#}", plain(&run.title))?;
        if let Verdict::Unjudged { reason } = &run.verdict {
            writeln!(self.out, "\n      {}", plain(reason))?;
        }
        self.actions(&run.actions, run.apply_error.as_deref())?;
        for finding in &run.findings {
            self.finding(finding)?;
        }
        for unmet in &run.mismatches {
            let place = format_args!("{file}:{}:{}", unmet.line, unmet.column);
            writeln!(self.out, "\n      {BAD}not as expected{BAD:#}  {DIM}{place}{DIM:#}")?;
            self.mismatch(&unmet.expected, &unmet.found)?;
        }
        if let Some(trace) = &run.trace {
            write!(self.out, "\n      trace      {}", plain(trace))?;
            if let Some(error) = &run.trace_error {
                write!(self.out, "  {BAD}not complete{BAD:#}: {}", plain(error))?;
            }
        }
        writeln!(self.out, "\n      run again  {}", run.reproduce)
    }

    /// The plan and what became of it, side by side.
    fn actions(&mut self, lines: &[ActionLine], apply_error: Option<&str>) -> io::Result<()> {
        let mut shown: Vec<(usize, &ActionLine)> = lines.iter().enumerate().collect();
        if lines.len() > SHOWN_ACTIONS {
            shown.retain(|(_, line)| !matches!(&line.outcomes[..], [one] if one.status == Status::Success));
            shown.truncate(SHOWN_ACTIONS);
        }
        let shown: Vec<(usize, String, &ActionLine)> = shown
            .into_iter()
            .map(|(at, line)| {
                let planned = format!("{} {}  {}", line.kind, line.address, line.resource_type);
                (at, plain(&planned).into_owned(), line)
            })
            .collect();
        if !shown.is_empty() {
            let width = shown.iter().map(|(_, planned, _)| planned.chars().count()).max().unwrap_or(0).max(4);
            writeln!(self.out, "\n      {DIM}  #  {:<width$}  outcome{DIM:#}", "plan")?;
            for (at, planned, line) in &shown {
                write!(self.out, "      {at:>3}  {planned:<width$}  ")?;
                if line.outcomes.is_empty() {
                    writeln!(self.out, "{DIM}none{DIM:#}")?;
                }
                for (nth, outcome) in line.outcomes.iter().enumerate() {
                    let style = if outcome.status == Status::Success { GOOD } else { BAD };
                    if nth > 0 {
                        write!(self.out, "           {:<width$}  ", "")?;
                    }
                    write!(self.out, "{style}{}{style:#}", outcome.status)?;
                    if !outcome.error.is_empty() {
                        write!(self.out, "  {}", plain(&outcome.error))?;
                    }
                    writeln!(self.out)?;
                }
            }
        }
        let left = lines.len() - shown.len();
        if left > 0 {
            writeln!(self.out, "           {DIM}and {} more{DIM:#}", counted(left, "action"))?;
        }
        match apply_error {
            Some(error) => {
                writeln!(self.out, "\n      {BAD}the apply ended with an error{BAD:#}  {}", plain(error))
            }
            None => Ok(()),
        }
    }

    fn finding(&mut self, finding: &FoundFinding) -> io::Result<()> {
        let style = if finding.level == Level::Must { BAD } else { ODD };
        writeln!(
            self.out,
            "\n      {style}{}{style:#}  {} {}  {}",
            finding.rule, finding.level, finding.party, finding.title
        )?;
        writeln!(self.out, "        {}", plain(&finding.message))?;
        for evidence in finding.evidence.iter().take(SHOWN_EVENTS) {
            writeln!(self.out, "        {DIM}{:>5}  {}{DIM:#}", evidence.event, plain(&evidence.text))?;
        }
        let left = finding.evidence.len().saturating_sub(SHOWN_EVENTS);
        if left > 0 {
            writeln!(self.out, "        {DIM}       and {} more{DIM:#}", counted(left, "event"))?;
        }
        Ok(())
    }

    fn mismatch(&mut self, expected: &str, found: &str) -> io::Result<()> {
        writeln!(self.out, "        expected  {}", plain(expected))?;
        writeln!(self.out, "        found     {}", plain(found))
    }

    fn summary(&mut self, summary: &Summary) -> io::Result<()> {
        writeln!(self.out)?;
        if summary.interrupted {
            writeln!(self.out, "{ODD}interrupted{ODD:#}: what had finished is reported")?;
        }
        let counts = [
            (GOOD, summary.passed, "passed"),
            (BAD, summary.failed, "failed"),
            (ODD, summary.unjudged, "unjudged"),
            (DIM, summary.not_applicable, "not applicable"),
            (ODD, summary.not_run, "not run"),
        ];
        write!(self.out, "{BOLD}{}{BOLD:#}", counted(summary.runs(), "run"))?;
        for (at, (style, count, word)) in counts.into_iter().filter(|(_, count, _)| *count > 0).enumerate() {
            write!(self.out, "{}{style}{count} {word}{style:#}", if at == 0 { ": " } else { ", " })?;
        }
        let seconds = f64::from(u32::try_from(summary.millis).unwrap_or(u32::MAX)) / 1000.0;
        writeln!(self.out, " {DIM}in {seconds:.2} s{DIM:#}")?;
        for (kind, reason, count) in &self.skipped {
            let word = match kind {
                SkipKind::NotApplicable => "not applicable",
                SkipKind::NotRun => "not run",
            };
            writeln!(self.out, "{count} {word}: {}", plain(reason))?;
        }
        if summary.warnings > 0 {
            let warnings = counted(summary.warnings, "warning");
            writeln!(self.out, "{ODD}{warnings}{ODD:#}, which --strict fails")?;
        }
        writeln!(self.out, "judged {} of {} rules", summary.rules_judged, summary.rules)
    }
}

impl<W: Write> Reporter for Terminal<W> {
    fn event(&mut self, event: &RunEvent) -> io::Result<()> {
        match event {
            RunEvent::RunStarted { .. } => {}
            RunEvent::Finished(finished) => {
                if self.current.first().is_some_and(|run| run.scenario != finished.scenario) {
                    self.close_scenario()?;
                }
                self.current.push((**finished).clone());
            }
            RunEvent::RunFinished(summary) => self.close_run(summary)?,
        }
        self.out.flush()
    }
}

/// What came of judging a saved trace.
///
/// # Errors
/// Those of the writer.
pub fn judged(out: impl Write, trace: &Trace, assessment: &Assessment) -> io::Result<()> {
    let mut terminal = Terminal::new(out);
    let (style, word) = match &assessment.verdict {
        Verdict::Pass => (GOOD, "PASS"),
        Verdict::Fail => (BAD, "FAIL"),
        Verdict::Unjudged { .. } | Verdict::Skip { .. } => (ODD, "UNJUDGED"),
    };
    let id = trace.header.run_id();
    writeln!(terminal.out, "{style}{word}{style:#}  {BOLD}{}{BOLD:#}", plain(&id))?;
    if let Verdict::Unjudged { reason } = &assessment.verdict {
        writeln!(terminal.out, "\n      {}", plain(reason))?;
    }
    let (lines, apply_error) = account(trace);
    terminal.actions(&lines, apply_error.as_deref())?;
    for finding in &assessment.findings {
        terminal.finding(&FoundFinding::new(finding, trace))?;
    }
    for unmet in &assessment.mismatches {
        writeln!(terminal.out, "\n      {BAD}not as expected{BAD:#}")?;
        terminal.mismatch(&unmet.expected, &unmet.found)?;
    }
    let (judged, rules) = (assessment.judged.len(), rules::catalogue().count());
    writeln!(terminal.out, "\njudged {judged} of {rules} rules")?;
    terminal.out.flush()
}

/// A number of things.
pub fn counted(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

fn is_not_run(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Skip { kind: SkipKind::NotRun, .. })
}

fn is_remarkable(run: &Finished) -> bool {
    match run.verdict {
        Verdict::Pass => !run.findings.is_empty(),
        Verdict::Fail | Verdict::Unjudged { .. } => true,
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

/// Revisions in short: neighbours as a range.
pub fn span(revisions: &[Revision]) -> String {
    let position = |revision: &Revision| Revision::ALL.iter().position(|other| other == revision);
    let mut parts: Vec<(Revision, Revision)> = Vec::new();
    for revision in revisions {
        match parts.last_mut() {
            Some((_, last)) if position(last).map(|at| at + 1) == position(revision) => *last = *revision,
            _ => parts.push((*revision, *revision)),
        }
    }
    let shown = parts
        .iter()
        .map(|(first, last)| if first == last { first.to_string() } else { format!("{first} to {last}") });
    shown.collect::<Vec<_>>().join(", ")
}
