//! Broken adapters, under test as a user's would be.

use std::{io, path::Path, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::RUNS_AT_ONCE;
use crate::{
    adapter::{Launch, broken::AdapterMutant},
    run::{self, DecoderSuite, DecoderUnderTest, Filter, Finished, Options, Target, Variant},
};

/// How long an adapter may take where its row does not say: longer than a machine that is busy with other mutants needs.
const PATIENCE: Duration = Duration::from_secs(20);

/// The runs that tell a broken adapter: its start, its end, and a few messages in between.
const TELLING: [&str; 2] = ["adapter-*", "status-?@0.56"];

/// Gives a broken adapter messages. `program` is our own command.
///
/// # Errors
/// See [`run::run`].
pub(super) async fn finished(
    mutant: &AdapterMutant,
    program: &Path,
    stop: &CancellationToken,
) -> io::Result<Vec<Finished>> {
    let launch = Launch {
        answer_within: mutant.patience().unwrap_or(PATIENCE),
        at_once: mutant.at_once().or(Some(1)),
        ..Launch::of_ours(program, program, &["adapter", "broken", mutant.name], PATIENCE)
    };
    let filter = Filter::new(TELLING).expect("these are ids");
    let suite = DecoderSuite::new(0, 0);
    let jobs = suite.jobs(&filter);
    let decoder = DecoderUnderTest::start(launch, suite, &jobs).await;
    let options = Options {
        target: Target::Decoder(Arc::new(decoder)),
        ..Options::embedded(Variant::Reference, RUNS_AT_ONCE)
    };
    run::finished(jobs, &options, stop).await
}
