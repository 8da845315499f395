//! Scenario files: what is planned, what goes wrong on the way, and what has to come of it.
//!
//! [`parse`] turns one file into a [`Scenario`], or into every mistake that the file holds, each with its place
//! and with what was probably meant. The way is bytes → `yaml` nodes with spans → shapes (`read`, one per
//! construct of the format, from which the JSON [`schema()`] comes too) → checked domain types.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
pub use counterfoil_proto::Hook;
use counterfoil_proto::{Revision, RevisionRange};
use schemars::JsonSchema;

use crate::{json::JsonMap, plan::Plan, trial::Trial};

mod actions;
mod diagnostic;
mod existing;
mod expect;
mod fault_parts;
mod faults;
mod file;
mod found;
mod known;
mod known_edit;
mod order;
mod reach;
mod read;
mod release;
mod reply;
mod schema;
mod settings;
#[cfg(test)]
mod tests;
mod write;
mod yaml;

pub use diagnostic::{Diagnostic, Span, nearest};
pub(crate) use diagnostic::{char_start, position};
pub use expect::{ApplyError, Expect, ExpectSpans, ExpectedCall, ExpectedHook, ExpectedOutcomes, TextMatch};
pub use faults::{CallPoint, CancelPoint, Fault, FaultKind, FinalizeAnswer, ResolvePoint, TransportKind};
pub use found::Found;
pub use known::{
    Date, KnownFailure, known_failures_schema, parse_known_failures, parse_unfilled_known_failures,
};
pub use known_edit::{KnownFailureChange, NewKnownFailure, NotRewritten, rewrite_known_failures};
pub use release::{parse_release, release_schema};
pub use schema::{schema, schema_of};
pub use settings::{
    ProviderSettings, RunSettings, SETTINGS_FILE, Settings, parse_settings, parse_wait, settings_schema,
};
pub use write::{text as yaml_text, write, write_with_calls};

/// The longest file that is read. A file of 10,000 actions is about a quarter of it.
pub const MAX_FILE_BYTES: usize = 4 * 1024 * 1024;

/// One scenario, checked: every address in it leads to an action, every fault can be reached.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// `[a-z0-9][a-z0-9-]*`, at most 100 characters, unique within a run.
    pub id: String,
    /// What the scenario shows, in a sentence.
    pub title: String,
    /// How exploration came by it; none for what an author thought of.
    pub found: Option<Found>,
    /// The revisions at which it runs; never empty.
    pub revisions: RevisionRange,
    /// For `--filter`.
    pub tags: Vec<String>,
    /// As written; no fault is worked into it. The id is the scenario's where the file gives none.
    pub plan: Plan,
    /// How faults and expectations call the actions of the plan, one for each: `as`, else `name`. Unique.
    pub addresses: Vec<String>,
    /// What exists in the provider's cloud before the plan is applied, each resource once: those of the file's
    /// `state`, and that of every action that gives a `provider_id`.
    pub state: Vec<Seed>,
    /// What references of the form `${NAME}` read.
    pub environment: BTreeMap<String, String>,
    /// What the provider is like.
    pub provider: ProviderSetup,
    /// How the engine drives the provider.
    pub dispatch: Dispatch,
    /// What the engine and its host are like.
    pub engine: EngineSetup,
    /// The seams at which the scenario can be run, and is meant to be.
    pub seams: BTreeSet<Seam>,
    /// What a run needs of its surroundings.
    pub needs: BTreeSet<Need>,
    /// What the provider is asked beside the plan, which has no actions then. In the order in which it is asked.
    pub trials: BTreeSet<Trial>,
    /// How long the load of the provider and the apply may take together: then their context ends, as with a deadline in
    /// Go. None: for ever, as with the real engine, which sets none.
    pub deadline: Option<Duration>,
    /// What goes wrong.
    pub faults: Vec<Fault>,
    /// What has to come of it.
    pub expect: Expect,
    /// The file, and where in it things stand.
    pub source: Source,
}

impl Scenario {
    /// One that stands in no file, plans nothing and expects nothing, for whoever makes scenarios up.
    pub fn bare(id: impl Into<String>, title: impl Into<String>, revisions: RevisionRange) -> Self {
        let id = id.into();
        Self {
            title: title.into(),
            found: None,
            revisions,
            tags: Vec::new(),
            plan: Plan { id: id.clone(), ..Plan::default() },
            id,
            addresses: Vec::new(),
            state: Vec::new(),
            environment: BTreeMap::new(),
            provider: ProviderSetup {
                compute_plan_version: "v2".to_owned(),
                force_new: Vec::new(),
                services: Services::default(),
            },
            dispatch: Dispatch::V2,
            engine: EngineSetup::default(),
            seams: BTreeSet::new(),
            needs: BTreeSet::new(),
            trials: BTreeSet::new(),
            deadline: None,
            faults: Vec::new(),
            expect: Expect::default(),
            source: Source::nowhere(),
        }
    }

    /// Whether a resource exists because an action says so, and need not be said to exist by itself.
    pub fn is_known_to_an_action(&self, seed: &Seed) -> bool {
        self.plan.actions.iter().any(|action| {
            action.spec.resource_type == seed.resource_type
                && action
                    .current
                    .as_ref()
                    .is_some_and(|known| (&known.name, &known.provider_id) == (&seed.name, &seed.provider_id))
        })
    }
}

/// A resource that exists in the provider's cloud before the plan is applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seed {
    /// The resource's name.
    pub name: String,
    /// The resource type.
    pub resource_type: String,
    /// The provider's own id.
    pub provider_id: String,
    /// The configuration that it was made with.
    pub config: JsonMap,
    /// What it reports.
    pub outputs: JsonMap,
}

/// How the provider of a scenario is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderSetup {
    /// What its capabilities declare; exactly `v2` has it driven call by call. The default goes with the
    /// dispatch: `v2`, or `v1` where the scenario says `dispatch: v1`.
    pub compute_plan_version: String,
    /// Config fields that cannot be changed in place.
    pub force_new: Vec<String>,
    /// Which optional services it serves.
    pub services: Services,
}

impl ProviderSetup {
    /// Whether it is what every provider is that declares `v2`: the scenario then says nothing about its own.
    pub fn is_plain(&self) -> bool {
        self.compute_plan_version == "v2" && self.force_new.is_empty() && self.services == Services::default()
    }
}

/// Optional services of a provider; those that every provider must serve are always there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Services {
    /// `ResourceDriver`: the calls of a v2 dispatch.
    pub resource_driver: bool,
    /// `IaCProviderFinalizer`.
    pub finalizer: bool,
}

impl Default for Services {
    fn default() -> Self {
        Self { resource_driver: true, finalizer: true }
    }
}

/// What the engine and its host are like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EngineSetup {
    /// The hooks that the host has installed.
    pub hooks: Hooks,
    /// Drivers say that a create of what exists already may go on as an update (E-051). No wire can carry that.
    pub upsert: bool,
    /// Drivers replace by themselves (E-066). No wire can carry that.
    pub replacer: bool,
}

/// The hooks that the host of an engine has installed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Hooks {
    /// Every one that the revision has, as with the real command line (E-330).
    #[default]
    All,
    /// These, and no others.
    Only(BTreeSet<Hook>),
}

impl Hooks {
    /// Whether a hook is installed, at the revisions that have it.
    pub fn has(&self, hook: Hook) -> bool {
        match self {
            Self::All => true,
            Self::Only(hooks) => hooks.contains(&hook),
        }
    }

    /// The hooks that are installed at a revision, in the order in which one action meets them.
    pub fn at(&self, revision: Revision) -> Vec<Hook> {
        revision.engine().hooks.iter().copied().filter(|hook| self.has(*hook)).collect()
    }
}

/// Where the thing under test stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub enum Seam {
    /// A provider, against our engine.
    Provider,
    /// An engine, against our provider.
    Engine,
    /// A decoder, which is fed bytes.
    Decoder,
}

/// What a run needs of its surroundings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub enum Need {
    /// A real cloud, and leave to change it.
    Cloud,
    /// A provider in a process of its own.
    Process,
    /// A provider that serves a finalizer, and a revision that has it.
    Finalizer,
}

/// How the engine drives the provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Dispatch {
    /// Call by call, through the resource drivers.
    #[default]
    V2,
    /// The whole plan at once, through the `Apply` RPC.
    V1 {
        /// An encoded `ApplyResponse` with which the provider answers. It may be anything, nonsense too. None:
        /// the provider does its work.
        reply: Option<Bytes>,
    },
}

/// The text of a scenario, and where in it things stand.
#[derive(Clone, Debug)]
pub struct Source {
    /// The path, as it is shown.
    pub file: String,
    /// The whole file.
    pub text: Arc<str>,
    /// The value of `id`.
    pub id: Span,
    /// Each action, from its kind to the end of its fields.
    pub actions: Vec<Span>,
    /// Each fault.
    pub faults: Vec<Span>,
    /// Each expectation.
    pub expect: ExpectSpans,
}

impl Source {
    /// That of a scenario which stands in no file.
    pub fn nowhere() -> Self {
        Self {
            file: String::new(),
            text: Arc::from(""),
            id: Span::default(),
            actions: Vec::new(),
            faults: Vec::new(),
            expect: ExpectSpans::default(),
        }
    }

    /// A diagnostic about a place in this file. Label and help are for the caller to fill in.
    pub fn diagnostic(&self, code: &'static str, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::at(&self.file, &self.text, code, span, message)
    }
}

/// Reads one scenario file. `file` is its path as it is shown.
///
/// # Errors
/// Every mistake of the file, in the order of their places. Mistakes of the YAML syntax hide the rest.
pub fn parse(file: &str, bytes: &[u8]) -> Result<Scenario, Vec<Diagnostic>> {
    file::read(file, bytes)
}

/// The refusal of a file of so many bytes, for a caller that knows the size before it reads: none up to
/// [`MAX_FILE_BYTES`].
pub fn check_size(file: &str, bytes: u64) -> Option<Diagnostic> {
    let too_large = usize::try_from(bytes).map_or(true, |bytes| bytes > MAX_FILE_BYTES);
    too_large.then(|| {
        Diagnostic::whole(
            file,
            "too-large",
            format!("the file has {bytes} bytes; at most {MAX_FILE_BYTES} are read"),
        )
        .help("a scenario is one plan; split the file, or build large plans in a test")
    })
}

/// The mistakes that only a set of files can make: one id in two of them.
pub fn check_set<'a>(scenarios: impl IntoIterator<Item = &'a Scenario>) -> Vec<Diagnostic> {
    let mut first: HashMap<&str, &Scenario> = HashMap::new();
    scenarios
        .into_iter()
        .filter_map(|scenario| {
            let known = *first.entry(&scenario.id).or_insert(scenario);
            if std::ptr::eq(known, scenario) {
                return None;
            }
            let source = &scenario.source;
            let message = format!("id `{}` is taken by `{}`", scenario.id, known.source.file);
            let diagnostic = source.diagnostic("duplicate-id", source.id, message);
            Some(
                diagnostic
                    .label("already in use")
                    .help("results are named by id, so give each scenario its own"),
            )
        })
        .collect()
}
