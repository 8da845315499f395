//! What a person sees: a line for each scenario, everything about each failure, and the run in numbers.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use counterfoil_core::{
    judge::{SkipKind, Verdict},
    rules::Level,
};
use counterfoil_proto::Revision;

use super::Reporter;
use crate::run::{ActionLine, Finished, FoundFinding, RunEvent, Summary};

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const ODD: Style = AnsiColor::Yellow.on_default().bold();
const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();

/// Events of evidence that are shown at most; the trace has them all.
const SHOWN_EVENTS: usize = 8;

/// Writes for a person. Styles are written always: the writer takes them out where they are not wanted.
#[derive(Debug)]
pub struct Terminal<W> {
    out: W,
    /// Runs of the scenario that is under way, in the order of their revisions.
    current: Vec<Finished>,
    /// Runs that did not pass, or passed with warnings.
    remarkable: Vec<Finished>,
}

impl<W: Write> Terminal<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self { out, current: Vec::new(), remarkable: Vec::new() }
    }

    /// One line for all revisions of a scenario.
    fn close_scenario(&mut self) -> io::Result<()> {
        let Some(first) = self.current.first() else { return Ok(()) };
        let of = |wanted: fn(&Verdict) -> bool| -> Vec<Revision> {
            self.current.iter().filter(|run| wanted(&run.verdict)).map(|run| run.revision).collect()
        };
        let passed = of(|verdict| *verdict == Verdict::Pass);
        let groups = [
            (BAD, "fail", of(|verdict| *verdict == Verdict::Fail)),
            (ODD, "unjudged", of(|verdict| matches!(verdict, Verdict::Unjudged { .. }))),
            (GOOD, "pass", passed),
            (DIM, "not applicable", of(|v| matches!(v, Verdict::Skip { kind: SkipKind::NotApplicable, .. }))),
            (ODD, "not run", of(|v| matches!(v, Verdict::Skip { kind: SkipKind::NotRun, .. }))),
        ];
        let mut word = true;
        for (style, verdict, revisions) in groups.into_iter().filter(|(.., revisions)| !revisions.is_empty()) {
            if word {
                write!(self.out, "{style}{verdict:>14}{style:#}  {:<44}", first.scenario)?;
            } else {
                write!(self.out, "; {style}{verdict}{style:#}")?;
            }
            word = false;
            write!(self.out, " {DIM}{}{DIM:#}", span(&revisions))?;
        }
        writeln!(self.out)?;
        let remarkable = self.current.drain(..).filter(is_remarkable);
        self.remarkable.extend(remarkable);
        Ok(())
    }

    fn close_run(&mut self, summary: &Summary) -> io::Result<()> {
        self.close_scenario()?;
        let mut runs = std::mem::take(&mut self.remarkable);
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
        writeln!(self.out, "\n      {}\n      {DIM}{}{DIM:#}", run.title, run.file)?;
        if let Verdict::Unjudged { reason } = &run.verdict {
            writeln!(self.out, "\n      {reason}")?;
        }
        self.actions(run)?;
        for finding in &run.findings {
            self.finding(finding)?;
        }
        for mismatch in &run.mismatches {
            writeln!(self.out, "\n      {BAD}not as expected{BAD:#}  {DIM}{}:{}:{}{DIM:#}", run.file, mismatch.line, mismatch.column)?;
            writeln!(self.out, "        expected  {}", mismatch.expected)?;
            writeln!(self.out, "        found     {}", mismatch.found)?;
        }
        if let Some(trace) = &run.trace {
            writeln!(self.out, "\n      trace      {trace}")?;
        }
        writeln!(self.out, "\n      run again  {}", run.reproduce)
    }

    /// The plan and what became of it, side by side.
    fn actions(&mut self, run: &Finished) -> io::Result<()> {
        if run.actions.is_empty() {
            return Ok(());
        }
        let planned = |line: &ActionLine| format!("{} {}  {}", line.kind, line.address, line.resource_type);
        let width = run.actions.iter().map(|line| planned(line).chars().count()).max().unwrap_or(0).max(4);
        writeln!(self.out, "\n      {DIM}  #  {:<width$}  outcome{DIM:#}", "plan")?;
        for (at, line) in run.actions.iter().enumerate() {
            write!(self.out, "      {at:>3}  {:<width$}  ", planned(line))?;
            match &line.outcomes[..] {
                [] => writeln!(self.out, "{DIM}none{DIM:#}")?,
                outcomes => {
                    for (nth, outcome) in outcomes.iter().enumerate() {
                        let style = if outcome.error.is_empty() { GOOD } else { BAD };
                        if nth > 0 {
                            write!(self.out, "           {:<width$}  ", "")?;
                        }
                        writeln!(self.out, "{style}{}{style:#}  {}", outcome.status, outcome.error)?;
                    }
                }
            }
        }
        match &run.apply_error {
            Some(error) => writeln!(self.out, "      the apply ended with an error: {error}"),
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
        writeln!(self.out, "        {}", finding.message)?;
        for evidence in finding.evidence.iter().take(SHOWN_EVENTS) {
            writeln!(self.out, "        {DIM}{:>5}  {}{DIM:#}", evidence.event, evidence.text)?;
        }
        let left = finding.evidence.len().saturating_sub(SHOWN_EVENTS);
        if left > 0 {
            writeln!(self.out, "        {DIM}       and {left} more events{DIM:#}")?;
        }
        Ok(())
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
            (ODD, summary.warnings, "warnings"),
        ];
        write!(self.out, "{BOLD}{} runs{BOLD:#}", summary.runs())?;
        for (at, (style, count, word)) in counts.into_iter().filter(|(_, count, _)| *count > 0).enumerate() {
            write!(self.out, "{}{style}{count} {word}{style:#}", if at == 0 { ": " } else { ", " })?;
        }
        writeln!(self.out, " {DIM}in {:.2} s{DIM:#}", f64::from(u32::try_from(summary.millis).unwrap_or(u32::MAX)) / 1000.0)?;
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
fn span(revisions: &[Revision]) -> String {
    let position = |revision: &Revision| Revision::ALL.iter().position(|other| other == revision);
    let mut parts: Vec<(Revision, Revision)> = Vec::new();
    for revision in revisions {
        match parts.last_mut() {
            Some((_, last)) if position(last).map(|at| at + 1) == position(revision) => *last = *revision,
            _ => parts.push((*revision, *revision)),
        }
    }
    let shown = parts.iter().map(|(first, last)| {
        if first == last { first.to_string() } else { format!("{first} to {last}") }
    });
    shown.collect::<Vec<_>>().join(", ")
}
