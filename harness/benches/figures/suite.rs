//! The stock suite, as a person runs it.

use std::process::{Command, Stdio};

use crate::runner::{Figures, RUNS, median, timed};

/// The whole command, from its start to its end.
pub(crate) fn stock(figures: &mut Figures) {
    let name = "stock-suite";
    if !figures.wants(name) {
        return;
    }
    let run = || {
        timed(|| {
            let status = Command::new(env!("CARGO_BIN_EXE_counterfoil"))
                .arg("run")
                .stdout(Stdio::null())
                .status()
                .expect("the command can be started");
            assert!(status.success(), "the stock suite passes");
        })
    };
    let time = median((0..RUNS).map(|_| run()).collect());
    figures.single(name, &format!("{time:.2?}"), "1 s", time.as_secs_f64() < 1.0);
}
