//! Runs of the stock suite through the library, each made once for all tests.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroUsize,
    ptr,
    sync::{Arc, OnceLock},
    thread,
};

use counterfoil::run::{self, Filter, Finished, Job, Options, RunEvent, Variant};
use counterfoil_core::{
    engine::Semantics,
    judge::Verdict,
    mutants::{DECODERS, ENGINES},
    rules,
    scenario::{Dispatch, FaultKind, Scenario},
    trace::Driven,
};
use counterfoil_proto::{Revision, StatusMapKind};
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;

/// A broken engine or decoder, and what the suite finds against it.
#[derive(Debug)]
pub(crate) struct Mutant {
    pub(crate) name: &'static str,
    /// The rules that it declares.
    pub(crate) declared: BTreeSet<&'static str>,
    /// The rules that found something, each with the runs in which it did.
    pub(crate) found: BTreeMap<String, BTreeSet<String>>,
}

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

/// The stock suite against every mutant. A few side by side for each processor: they often wait for a deadline, and when
/// all of them work at once, what has one is late.
pub(crate) fn mutants() -> &'static [Mutant] {
    static MUTANTS: OnceLock<Vec<Mutant>> = OnceLock::new();
    MUTANTS.get_or_init(|| {
        // Deadlines are real, and what passes must not depend on how busy the machine is with mutants.
        stock();
        let engines = ENGINES.iter().map(|mutant| (mutant.name, mutant.caught_by, Variant::Engine(mutant)));
        let decoders =
            DECODERS.iter().map(|mutant| (mutant.name, mutant.caught_by, Variant::Decoder(mutant)));
        runtime().block_on(async {
            let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
            let turns = Arc::new(Semaphore::new(8 * processors));
            let mut running = JoinSet::new();
            for (at, (name, caught_by, variant)) in engines.chain(decoders).enumerate() {
                let turns = Arc::clone(&turns);
                running.spawn(async move {
                    let _turn = turns.acquire_owned().await.expect("it is never closed");
                    let runs = finished(telling(&variant), variant, NonZeroUsize::MIN).await;
                    (at, Mutant { name, declared: caught_by.iter().copied().collect(), found: found(&runs) })
                });
            }
            let mut mutants = running.join_all().await;
            mutants.sort_by_key(|(at, _)| *at);
            mutants.into_iter().map(|(_, mutant)| mutant).collect()
        })
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

/// Findings that no scenario lists. That expectations are not met is no finding: they know nothing of mutants.
fn found(runs: &[Finished]) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for run in runs {
        assert!(!matches!(run.verdict, Verdict::Unjudged { .. }), "{}: {:?}", run.id(), run.verdict);
        for finding in &run.findings {
            found.entry(finding.rule.clone()).or_default().insert(run.id());
        }
    }
    found
}

/// The runs in which a mutant can differ from what it is a mutant of. The others are known from [`stock`], and
/// leaving them out is what keeps this test short.
fn telling(variant: &Variant) -> Vec<Job> {
    let mut jobs = Vec::new();
    for scenario in scenarios() {
        // Of revisions at which the engine does the same under the same rules, the newest stands for all.
        let mut classes = BTreeMap::new();
        for revision in scenario.revisions.revisions() {
            if let Some(driven) = driven_if_telling(variant, scenario, revision) {
                classes.insert(class(driven, revision), revision);
            }
        }
        let mut revisions: Vec<Revision> = classes.into_values().collect();
        revisions.sort_unstable();
        jobs.extend(revisions.into_iter().map(|revision| Job { scenario: Arc::clone(scenario), revision }));
    }
    jobs
}

/// Everything by which revisions differ for an engine that drives in this way, and for its judge.
fn class(driven: Driven, revision: Revision) -> String {
    let engine = revision.engine();
    match driven {
        Driven::CallByCall => {
            // The rules that went with Apply are about the reply to it; of the others, and of hooks, none ever went, so
            // that the newest revision of a class has all that any of them has.
            let gone = |rule: &rules::Rule| rule.until.is_some_and(|until| until != Revision::V0_56);
            assert!(!rules::catalogue().any(gone), "a class has to know the rules that hold");
            // At 0.51 the engine does what it does at 0.54, and keeps no account of it.
            match engine.status_map {
                StatusMapKind::None | StatusMapKind::Late => "late".to_owned(),
                StatusMapKind::ByPhase => "by phase".to_owned(),
            }
        }
        Driven::ByApply => {
            let rules: Vec<&str> =
                rules::catalogue().filter(|rule| rule.holds_at(revision)).map(|rule| rule.id).collect();
            format!("{} {} {}", engine.status_map, engine.apply_rpc, rules.join(" "))
        }
    }
}

/// How the provider of a scenario is driven by a mutant, where that can tell it from what it is a mutant of.
fn driven_if_telling(variant: &Variant, scenario: &Scenario, revision: Revision) -> Option<Driven> {
    let declared = &scenario.provider.compute_plan_version;
    let mut semantics = Semantics::at(revision);
    let reference = (semantics.drives)(declared);
    match variant {
        Variant::Reference => None,
        // An engine that hands the plan over asks its semantics for nothing but that, and for what to report.
        Variant::Engine(mutant) => {
            let adopts = semantics.adopt;
            (mutant.alter)(&mut semantics);
            let driven = (semantics.drives)(declared);
            let differs = driven != reference || !ptr::fn_addr_eq(semantics.adopt, adopts);
            (driven == Driven::CallByCall || differs).then_some(driven)
        }
        // The replies of the mock itself are in order, or `stock` would have findings of DEC: a decoder that is
        // wrong about what to refuse shows with replies that are scripted, or altered on their way.
        Variant::Decoder(_) => {
            let scripted = matches!(scenario.dispatch, Dispatch::V1 { reply: Some(_) });
            let altered = || scenario.faults.iter().any(|fault| matches!(fault.kind, FaultKind::Wire { .. }));
            (scripted || altered()).then_some(reference)
        }
    }
}
