//! The same scenario gives the same trace, byte for byte, however often it is run.

use std::{collections::BTreeSet, sync::Arc};

use counterfoil::run::{self, Job, Variant};
use counterfoil_proto::Revision;
use tokio::task::JoinSet;

use crate::survey;

/// How many runs are under way at once.
const AT_ONCE: usize = 4;

/// The oldest and the newest revision of a scenario stand for all.
fn jobs() -> Vec<Job> {
    let ends = |revisions: Vec<Revision>| -> BTreeSet<Revision> {
        revisions.first().into_iter().chain(revisions.last()).copied().collect()
    };
    let jobs = survey::scenarios().iter().flat_map(|scenario| {
        let revisions = ends(scenario.revisions.revisions());
        revisions.into_iter().map(|revision| Job { scenario: Arc::clone(scenario), revision })
    });
    jobs.collect()
}

#[test]
fn a_run_repeats_itself_byte_for_byte() {
    // Deadlines are real: what is compared must not depend on how busy the machine is with other tests.
    survey::stock();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads start");
    let differ: Vec<String> = runtime.block_on(async {
        let mut running = JoinSet::new();
        let mut differ = Vec::new();
        for job in jobs() {
            if running.len() >= AT_ONCE
                && let Some(joined) = running.join_next().await
            {
                differ.extend(joined.expect("no run panics"));
            }
            running.spawn(async move {
                let mut saved = Vec::new();
                for _ in 0..2 {
                    let trace = run::drive(&job, &Variant::Reference).await;
                    let mut file = Vec::new();
                    trace.expect("the mock answers").save(&mut file).expect("memory takes it");
                    saved.push(file);
                }
                (saved[0] != saved[1]).then(|| job.id())
            });
        }
        for joined in running.join_all().await {
            differ.extend(joined);
        }
        differ
    });
    assert_eq!(differ, Vec::<String>::new());
}
