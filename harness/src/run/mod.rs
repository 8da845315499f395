//! From scenarios to verdicts: select, drive, judge, in the same order every time.

mod adapted;
mod applicable;
mod decoder;
mod diff;
mod drive;
mod engine;
mod event;
mod faults;
mod filter;
mod known;
mod known_update;
mod limits;
mod load;
mod load_sequence;
mod merge;
mod part;
mod plugin;
mod reproduce;
mod saved;
mod schedule;
mod survey;
mod tally;
mod timeline;
mod trials;
mod wfctl;

use std::sync::Arc;

use counterfoil_core::{
    decode::{Decoder, Strict},
    engine::Semantics,
    mutants::{DECODERS, ENGINES, Flawed},
    scenario::Scenario,
};
use counterfoil_mock::{ProviderMutant, broken};
use counterfoil_proto::{Revision, RevisionRange};

pub use self::{
    adapted::Adapted,
    decoder::{DecoderSuite, DecoderUnderTest},
    diff::{Change, Diff, Way, address_of, has_other_calls, has_other_outcomes, verdict_word},
    drive::{DriveError, drive, provider_of},
    engine::EngineUnderTest,
    event::{
        ActionLine, Evidence, FORMAT, Finished, FoundFinding, FoundMismatch, InFile, Live, Replay, Replayed,
        RunEvent, Started, SubjectLine, Summary, VERSION, account, describe,
    },
    filter::{Filter, FilterError, rules_help},
    known::{KnownFailures, Reading, Unusable},
    known_update::{Seen, Update, UpdateError},
    limits::within_file_limit,
    load::{Loaded, load, stock},
    merge::{MergeError, Merged},
    part::{Basis, Partition, Planned, Tested, suite_digest},
    plugin::{Blocked, PluginUnderTest, Reach},
    reproduce::{Again, reproduce, reproduce_adapter, reproduce_explored, reproduce_test},
    saved::{ReadError, SavedRun},
    schedule::{Options, finished, private_directory, run},
    timeline::{KEPT_STEPS, Lane, Step, Timeline},
    wfctl::{FurnishError, RealPlugin, StandIn, WfctlUnderTest, jobs_for_wfctl},
};
pub(crate) use self::{
    faults::{Levers, faults},
    load::read_document,
    plugin::{NEEDS_LIVE, NEEDS_STATE},
    reproduce::shell_word,
    schedule::{Untraced, traced},
    wfctl::state_file_name,
};

/// One scenario at one revision.
#[derive(Clone, Debug)]
pub struct Job {
    /// What is run.
    pub scenario: Arc<Scenario>,
    /// The revision at which it is run.
    pub revision: Revision,
}

impl Job {
    /// `id@revision`
    pub fn id(&self) -> String {
        format!("{}@{}", self.scenario.id, self.revision)
    }
}

/// Every run that the filters leave: scenarios in the order of their ids, each from its oldest revision on.
pub fn jobs(scenarios: &[Arc<Scenario>], filter: &Filter) -> Vec<Job> {
    let mut sorted: Vec<&Arc<Scenario>> = scenarios.iter().collect();
    sorted.sort_by(|a, b| a.id.cmp(&b.id));
    sorted
        .into_iter()
        .flat_map(|scenario| {
            let revisions = scenario.revisions.revisions();
            revisions.into_iter().map(|revision| Job { scenario: Arc::clone(scenario), revision })
        })
        .filter(|job| filter.selects(job))
        .collect()
}

/// What is under test.
#[derive(Clone, Debug, Default)]
pub enum Target {
    /// Our own pair, its provider in our own process.
    #[default]
    Embedded,
    /// A plugin.
    Plugin(Arc<PluginUnderTest>),
    /// A decoder.
    Decoder(Arc<DecoderUnderTest>),
    /// An engine.
    Engine(Arc<EngineUnderTest>),
    /// The engine's command line.
    Wfctl(Arc<WfctlUnderTest>),
}

impl Target {
    /// Whether a run is about the end of what is under test, and so has to come behind all others.
    fn closes(&self, job: &Job) -> bool {
        match self {
            Self::Decoder(decoder) => decoder.adapted.closes(job),
            Self::Engine(engine) => engine.adapted.closes(job),
            Self::Embedded | Self::Plugin(_) | Self::Wfctl(_) => false,
        }
    }
}

/// The runs that the filters leave of what can say something about a provider at these revisions: first those that look
/// at its process and its load, since where these fail nothing else need be tried.
pub fn jobs_for_provider(
    scenarios: &[Arc<Scenario>],
    filter: &Filter,
    revisions: &RevisionRange,
) -> Vec<Job> {
    let mut jobs = jobs(scenarios, filter);
    jobs.retain(|job| revisions.contains(job.revision));
    jobs.sort_by_key(|job| !plugin::is_survey(&job.scenario));
    jobs
}

/// The runs that the filters leave of what can say something about an engine, between those about its adapter.
pub fn jobs_for_engine(scenarios: &[Arc<Scenario>], filter: &Filter) -> Vec<Job> {
    let all: Vec<Arc<Scenario>> = scenarios.iter().cloned().chain(adapted::about_adapters()).collect();
    let mut jobs = jobs(&all, filter);
    adapted::in_order(&mut jobs);
    jobs
}

/// Our own pair, engine with decoder and provider: the reference ones, or one of them that is broken.
#[derive(Clone, Debug, Default)]
pub enum Variant {
    /// The reference engine and the strict decoder.
    #[default]
    Reference,
    /// A broken engine, by its name.
    Engine(&'static counterfoil_core::mutants::EngineMutant),
    /// A broken decoder, by its name.
    Decoder(&'static counterfoil_core::mutants::DecoderMutant),
    /// The reference engine and the strict decoder, against a broken provider of ours.
    Provider(&'static ProviderMutant),
}

impl Variant {
    /// The mutant of a name.
    pub fn named(name: &str) -> Option<Self> {
        let engine = ENGINES.iter().find(|mutant| mutant.name == name).map(Self::Engine);
        let decoder = || DECODERS.iter().find(|mutant| mutant.name == name).map(Self::Decoder);
        let provider = || broken::all().find(|mutant| mutant.name == name).map(Self::Provider);
        engine.or_else(decoder).or_else(provider)
    }

    /// The names of all mutants.
    pub fn names() -> impl Iterator<Item = &'static str> {
        let decoders = DECODERS.iter().map(|mutant| mutant.name);
        let providers = broken::all().map(|mutant| mutant.name);
        ENGINES.iter().map(|mutant| mutant.name).chain(decoders).chain(providers)
    }

    /// What is wrong with the embedded provider, if anything is.
    fn broken_provider(&self) -> Option<&'static ProviderMutant> {
        match self {
            Self::Provider(mutant) => Some(mutant),
            Self::Reference | Self::Engine(_) | Self::Decoder(_) => None,
        }
    }

    fn semantics(&self, revision: Revision) -> Semantics {
        let mut semantics = Semantics::at(revision);
        if let Self::Engine(mutant) = self {
            (mutant.alter)(&mut semantics);
        }
        semantics
    }

    fn decoder(&self) -> Arc<dyn Decoder> {
        match self {
            Self::Decoder(mutant) => Arc::new(Flawed(mutant.flaw)),
            Self::Reference | Self::Engine(_) | Self::Provider(_) => Arc::new(Strict),
        }
    }
}
