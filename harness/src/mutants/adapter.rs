//! Broken adapters, and broken engines behind adapters, under test as a user's would be.

use std::{io, path::Path, sync::Arc, time::Duration};

use counterfoil_core::{mutants::EngineMutant, scenario::Scenario};
use counterfoil_proto::adapter::Role;
use tokio_util::sync::CancellationToken;

use super::RUNS_AT_ONCE;
use crate::{
    adapter::{Launch, broken::AdapterMutant},
    run::{
        self, DecoderSuite, DecoderUnderTest, EngineUnderTest, Filter, Finished, Job, Options, Target,
        Variant,
    },
};

/// How long an adapter may take where its row does not say: longer than a machine that is busy with other mutants needs.
const PATIENCE: Duration = Duration::from_secs(20);

/// The runs that tell a broken adapter: its start, its end, and a few messages or plans in between.
const TELLING: [&str; 2] = ["adapter-*", "status-?@0.56"];
const TELLING_OF_ENGINES: [&str; 3] = ["adapter-*", "update-then-delete@>=0.64", "all-kinds-succeed@head"];

/// Gives a broken adapter messages or plans. `program` is our own command.
///
/// # Errors
/// See [`run::run`].
pub(super) async fn finished(
    mutant: &AdapterMutant,
    scenarios: &[Arc<Scenario>],
    program: &Path,
    stop: &CancellationToken,
) -> io::Result<Vec<Finished>> {
    let launch = Launch {
        answer_within: mutant.patience().unwrap_or(PATIENCE),
        at_once: mutant.at_once().or(Some(1)),
        ..Launch::of_ours(program, program, &["adapter", "broken", mutant.name], PATIENCE)
    };
    if mutant.role() == Role::Engine {
        let filter = Filter::new(TELLING_OF_ENGINES).expect("these are ids");
        let jobs = run::jobs_for_engine(scenarios, &filter);
        let engine = EngineUnderTest::start(launch, &jobs).await?;
        return against(Target::Engine(Arc::new(engine)), jobs, stop).await;
    }
    let filter = Filter::new(TELLING).expect("these are ids");
    let suite = DecoderSuite::new(0, 0);
    let jobs = suite.jobs(&filter);
    let decoder = DecoderUnderTest::start(launch, suite, &jobs).await;
    against(Target::Decoder(Arc::new(decoder)), jobs, stop).await
}

/// Gives a broken engine, which stands behind an adapter of ours, what can tell it.
///
/// # Errors
/// See [`run::run`].
pub(super) async fn engine(
    mutant: &EngineMutant,
    jobs: Vec<Job>,
    program: &Path,
    stop: &CancellationToken,
) -> io::Result<Vec<Finished>> {
    let arguments = ["adapter", "engine", "--mutant", mutant.name];
    let launch = Launch::of_ours(program, program, &arguments, PATIENCE);
    let engine = EngineUnderTest::start(launch, &jobs).await?;
    against(Target::Engine(Arc::new(engine)), jobs, stop).await
}

async fn against(target: Target, jobs: Vec<Job>, stop: &CancellationToken) -> io::Result<Vec<Finished>> {
    let options = Options { target, ..Options::embedded(Variant::Reference, RUNS_AT_ONCE) };
    run::finished(jobs, &options, stop).await
}
