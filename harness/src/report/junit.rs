//! JUnit XML, for what shows the results of tests: a suite for each scenario, and a case for each revision of it.
//!
//! A failure is a contract that is broken, an error what could not be judged. What was skipped says its kind, since JUnit has
//! one word for what cannot be reached and for what was not run.

use std::{
    io::{self, Write},
    mem,
    time::Duration,
};

use counterfoil_core::judge::Verdict;
use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use super::{
    Reporter,
    text::plain,
    words::{account, failed_by, headline},
};
use crate::run::{Finished, RunEvent};

/// Writes the whole document when the run is over.
#[derive(Debug)]
pub struct Junit<W> {
    out: W,
    report: Report,
    /// The scenario that is under way.
    suite: Option<TestSuite>,
    strict: bool,
}

impl<W: Write> Junit<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self { out, report: Report::new("counterfoil"), suite: None, strict: false }
    }

    fn enter(&mut self, run: &Finished) {
        if self.suite.as_ref().is_none_or(|suite| suite.name.as_str() != plain(&run.scenario)) {
            self.close_suite();
            let mut suite = TestSuite::new(&*plain(&run.scenario));
            suite.add_property(Property::new("title", &*plain(&run.title)));
            suite.add_property(Property::new("file", &*plain(&run.file)));
            self.suite = Some(suite);
        }
        if let Some(suite) = &mut self.suite {
            suite.add_test_case(case(run, self.strict));
        }
    }

    /// The report counts what a suite holds when it is given to it.
    fn close_suite(&mut self) {
        if let Some(mut suite) = self.suite.take() {
            let time = suite.test_cases.iter().filter_map(|case| case.time).sum();
            suite.set_time(time);
            self.report.add_test_suite(suite);
        }
    }
}

impl<W: Write> Reporter for Junit<W> {
    fn event(&mut self, event: &RunEvent) -> io::Result<()> {
        match event {
            RunEvent::RunStarted(started) => {
                self.strict = started.is_strict();
                if let Some(subject) = &started.subject {
                    self.report.name = Some(format!("counterfoil: {}", plain(&subject.to_string())).into());
                }
            }
            RunEvent::Live(_) => {}
            RunEvent::Finished(run) => self.enter(run),
            RunEvent::RunFinished(summary) => {
                self.close_suite();
                let mut report = mem::replace(&mut self.report, Report::new(""));
                report.set_time(Duration::from_millis(summary.millis));
                report.serialize(&mut self.out).map_err(io::Error::other)?;
                self.out.flush()?;
            }
        }
        Ok(())
    }
}

/// What JUnit is told of a run.
fn case(run: &Finished, strict: bool) -> TestCase {
    let told = headline(run, strict);
    let mut status = match &run.verdict {
        Verdict::Pass => TestCaseStatus::success(),
        Verdict::Fail | Verdict::UnexpectedPass { .. } => {
            TestCaseStatus::non_success(NonSuccessKind::Failure)
        }
        Verdict::Unjudged { .. } => TestCaseStatus::non_success(NonSuccessKind::Error),
        // A list excuses it, so that it fails nothing.
        Verdict::KnownFailure | Verdict::Skip { .. } => TestCaseStatus::skipped(),
    };
    let broken =
        matches!(run.verdict, Verdict::Fail | Verdict::UnexpectedPass { .. } | Verdict::Unjudged { .. });
    if run.verdict != Verdict::Pass {
        status.set_message(&told);
    }
    if broken {
        let rules = failed_by(run, strict).join(",");
        status.set_type(if rules.is_empty() {
            run.verdict.as_str().to_owned()
        } else {
            plain(&rules).into_owned()
        });
        status.set_description(account(run).join("\n"));
    }
    let mut case = TestCase::new(&*plain(&run.id()), status);
    case.set_classname(&*plain(&run.scenario)).set_time(Duration::from_millis(run.millis));
    let warns = matches!(run.verdict, Verdict::Pass | Verdict::KnownFailure) && !run.findings.is_empty();
    if warns {
        case.set_system_out(account(run).join("\n"));
    }
    case
}
