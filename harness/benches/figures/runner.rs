//! Runs pairs, keeps the books, prints the table.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

/// The argument with which this program serves the mock provider.
pub(crate) const SERVE: &str = "--serve";

/// Pairs that are counted, after one that is not.
const PAIRS: usize = 21;

/// What has been measured.
pub(crate) struct Figures {
    wanted: Vec<String>,
    measured: usize,
    missed: usize,
}

impl Figures {
    pub(crate) fn new(wanted: Vec<String>) -> Self {
        println!("{:<28} {:>12} {:>12} {:>8} {:>8}", "figure", "ours", "baseline", "ratio", "limit");
        Self { wanted, measured: 0, missed: 0 }
    }

    /// Whether a figure is to be measured: all are, unless some are named.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.wanted.is_empty() || self.wanted.iter().any(|wanted| name.contains(wanted.as_str()))
    }

    /// Measures `ours` against `baseline`. Each gives how long it took, and prepares outside of that.
    pub(crate) fn pairs(
        &mut self,
        name: &str,
        limit: f64,
        mut ours: impl FnMut() -> Duration,
        mut baseline: impl FnMut() -> Duration,
    ) {
        let (mut a, mut b) = (Vec::new(), Vec::new());
        for pair in 0..=PAIRS {
            let (one, other);
            if pair % 2 == 0 {
                one = ours();
                other = baseline();
            } else {
                other = baseline();
                one = ours();
            }
            if pair > 0 {
                a.push(one);
                b.push(other);
            }
        }
        let (a, b) = (median(a), median(b));
        let ratio = a.as_secs_f64() / b.as_secs_f64();
        self.row(
            name,
            &format!("{a:.2?}"),
            &format!("{b:.2?}"),
            &format!("{ratio:.2}"),
            &format!("{limit:.2}"),
            ratio <= limit,
        );
    }

    /// Enters a figure that cannot be measured here.
    pub(crate) fn not_measured(&mut self, name: &str, why: &str) {
        println!("{name:<28} not measured: {why}");
        self.measured += 1;
    }

    /// Enters a figure that has no baseline.
    pub(crate) fn single(&mut self, name: &str, found: &str, limit: &str, met: bool) {
        self.row(name, found, "", "", limit, met);
    }

    fn row(&mut self, name: &str, ours: &str, baseline: &str, ratio: &str, limit: &str, met: bool) {
        let verdict = if met { "met" } else { "MISSED" };
        println!("{name:<28} {ours:>12} {baseline:>12} {ratio:>8} {limit:>8}  {verdict}");
        self.measured += 1;
        self.missed += usize::from(!met);
    }

    pub(crate) fn finish(self) -> ExitCode {
        if self.measured == 0 {
            println!("no figure has one of these names: {}", self.wanted.join(", "));
            return ExitCode::FAILURE;
        }
        if self.missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// Prints a part of the figure above, which has no limit of its own.
pub(crate) fn part(name: &str, ours: Duration, baseline: Duration) {
    let ratio = ours.as_secs_f64() / baseline.as_secs_f64();
    let (ours, baseline) = (format!("{ours:.2?}"), format!("{baseline:.2?}"));
    println!("{:<28} {ours:>12} {baseline:>12} {ratio:>8.2}", format!("  {name}"));
}

/// The time that `work` takes.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let begun = Instant::now();
    std::hint::black_box(work());
    begun.elapsed()
}

/// The middle one.
pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// How often something without a baseline is run.
pub(crate) const RUNS: usize = PAIRS;

/// A number of `/proc/PID/status`, in kB.
pub(crate) fn kilobytes(status: &str, name: &str) -> Option<i64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
