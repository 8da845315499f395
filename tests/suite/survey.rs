//! Runs of the stock suite through the library, each made once for all tests.

use std::{
    num::NonZeroUsize,
    sync::{Arc, OnceLock},
    thread,
    time::Duration,
};

use crate::leftovers::running_below;
use counterfoil::{
    mutants::{self, Matrix, matrix},
    provider::process::settle,
    run::{self, Filter, Finished, Options, Variant},
};
use counterfoil_core::scenario::Scenario;
use tokio_util::sync::CancellationToken;

/// How long supervisors may take to end what they watch.
const SETTLING: Duration = Duration::from_secs(15);

const COUNTERFOIL: &str = env!("CARGO_BIN_EXE_counterfoil");

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
        let options = Options::embedded(Variant::Reference, at_once);
        let finished = runtime().block_on(run::finished(jobs, &options, &CancellationToken::new()));
        finished.expect("no traces are kept")
    })
}

/// The stock suite against every mutant.
pub(crate) fn mutants() -> &'static Matrix {
    &mutants_and_rest().0
}

/// The processes that are left when every mutant has run, by their command lines.
pub(crate) fn left_of_mutants() -> &'static [String] {
    &mutants_and_rest().1
}

fn mutants_and_rest() -> &'static (Matrix, Vec<String>) {
    static MUTANTS: OnceLock<(Matrix, Vec<String>)> = OnceLock::new();
    MUTANTS.get_or_init(|| {
        // Deadlines are real, and what passes must not depend on how busy the machine is with mutants.
        stock();
        let (private, stop) = (run::private_directory().expect("there is room"), CancellationToken::new());
        let matrix = runtime().block_on(matrix(private.path(), COUNTERFOIL.as_ref(), mutants::all(), &stop));
        settle(SETTLING);
        (matrix.expect("there is room for plugins"), running_below(private.path()))
    })
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads can be started")
}
