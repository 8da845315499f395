//! Runs of the stock suite through the library, each made once for all tests.

use std::{
    num::NonZeroUsize,
    sync::{Arc, OnceLock},
    thread,
};

use counterfoil::{
    mutants::{Matrix, matrix},
    run::{self, Filter, Finished, Job, Options, RunEvent, Variant},
};
use counterfoil_core::scenario::Scenario;
use tokio_util::sync::CancellationToken;

/// The stock scenarios, all in order.
pub(crate) fn scenarios() -> &'static [Arc<Scenario>] {
    static SCENARIOS: OnceLock<Vec<Arc<Scenario>>> = OnceLock::new();
    SCENARIOS.get_or_init(|| {
        let stock = run::stock();
        assert!(stock.diagnostics.is_empty(), "the stock suite has mistakes: {:?}", stock.diagnostics);
        stock.scenarios
    })
}

/// Every stock scenario at every one of its revisions, run against our own pair.
pub(crate) fn stock() -> &'static [Finished] {
    static STOCK: OnceLock<Vec<Finished>> = OnceLock::new();
    STOCK.get_or_init(|| {
        let jobs = run::jobs(scenarios(), &Filter::default());
        let at_once = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        runtime().block_on(finished(jobs, Variant::Reference, at_once))
    })
}

/// The stock suite against every mutant.
pub(crate) fn mutants() -> &'static Matrix {
    static MUTANTS: OnceLock<Matrix> = OnceLock::new();
    MUTANTS.get_or_init(|| {
        // Deadlines are real, and what passes must not depend on how busy the machine is with mutants.
        stock();
        let private = run::private_directory().expect("there is room");
        let stop = CancellationToken::new();
        runtime().block_on(matrix(private.path(), &stop)).expect("there is room for sockets")
    })
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads can be started")
}

async fn finished(jobs: Vec<Job>, variant: Variant, at_once: NonZeroUsize) -> Vec<Finished> {
    let options = Options {
        known: None,
        jobs: at_once,
        strict: false,
        fail_fast: false,
        keep_traces: None,
        variant,
        target: run::Target::Embedded,
        reproduce: "counterfoil run".to_owned(),
        settings: None,
    };
    let mut runs = Vec::with_capacity(jobs.len());
    let report = |event| {
        if let RunEvent::Finished(finished) = event {
            runs.push(*finished);
        }
    };
    run::run(jobs, &options, &CancellationToken::new(), report).await.expect("there is room for sockets");
    runs
}
