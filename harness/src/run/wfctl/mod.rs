//! Runs against the real engine's command line: an apply by it in a place of its own, seen from outside.
//!
//! ```text
//! wfctl infra apply <-- config, state
//!   |  |     |
//!   |  |     +--> state files ---------------+
//!   |  +--> printed lines ------------------+|
//!   v                                       vv
//! proxy, with the scenario's faults --> record, into the trace
//!   |
//!   +--> our provider as the scenario asks for it, or a plugin of the user's
//! ```

mod account;
mod diff;
mod own_words;
mod place;
mod printed;
mod program;
mod recipe;
mod stand_in;
mod state;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt,
    fs::File,
    io::{self, BufReader},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use counterfoil_core::{
    decode::{self, ApplyContext, Strict},
    judge::SkipKind,
    plan::{Action, ActionKind},
    rpc::Method,
    scenario::{Expect, Hook, Scenario},
    trace::{Driven, Event, ExitStatus, Header, LoadError, ProcessEvent, Reply, Subject, Trace, first_reply},
};
use counterfoil_mock::ServedService;
use counterfoil_proto::{Revision, UndeclaredV2, iac, plugin_v1};
use prost::Message as _;
use serde_json::Value;

pub(crate) use self::state::file_name as state_file_name;
use self::{
    account::{Seen, call_of},
    place::{Furnishing, Place},
    printed::EndError,
    program::Ran,
    recipe::Recipe,
};
pub use self::{place::FurnishError, stand_in::StandIn};
use super::{Filter, Job, SubjectLine, drive::DriveError, engine, jobs, plugin::Played, private_directory};
use crate::{
    provider::process::Rest,
    subject::redact::{Redactor, redact_trace},
};

/// The name of the module of the provider in the config of an apply.
const PROVIDER_MODULE: &str = "counterfoil-provider";

/// The engine's command line, under test.
#[derive(Clone)]
pub struct WfctlUnderTest {
    /// What reports say of it.
    pub line: SubjectLine,
    /// The `counterfoil` command.
    pub ourselves: PathBuf,
    /// Its program.
    pub program: PathBuf,
    /// What stands before the arguments of an apply.
    pub arguments: Vec<OsString>,
    /// What its environment holds, beside what an apply needs.
    pub environment: BTreeMap<OsString, OsString>,
    /// How long an apply may take.
    pub deadline: Duration,
    /// Takes secrets out of all that is kept.
    pub redactor: Arc<Redactor>,
    /// The plugin that it applies by; ours, as the scenario asks for it, where there is none.
    pub plugin: Option<RealPlugin>,
}

impl fmt::Debug for WfctlUnderTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The environment and the config of a plugin may hold secrets.
        f.debug_struct("WfctlUnderTest").field("program", &self.program).finish_non_exhaustive()
    }
}

/// A plugin of the user's.
#[derive(Clone)]
pub struct RealPlugin {
    /// Where its manifest and its program lie.
    pub directory: PathBuf,
    /// The name by which the engine finds it (E-231).
    pub provider: String,
    /// What it is initialized with.
    pub config: Value,
    /// The type of all resources.
    pub resource_type: String,
    /// Whether it may change its cloud. If not, the proxy answers in its place what would.
    pub live: bool,
}

impl RealPlugin {
    /// What cannot be shown in front of it: its cloud does not hold what a scenario says to exist.
    fn cannot_show(&self, scenario: &Scenario) -> Option<(SkipKind, &'static str)> {
        let exists = scenario.state.iter().any(|seed| self.live || !scenario.is_known_to_an_action(seed));
        let actions = &scenario.plan.actions;
        let asks = |action: &Action| matches!(action.kind, ActionKind::Update | ActionKind::Replace);
        // A delete is planned without a question, where something else is wanted.
        let asks = actions.iter().any(asks) || actions.iter().all(|action| action.kind == ActionKind::Delete);
        if exists {
            Some((SkipKind::NotApplicable, "the plugin's cloud does not hold what has to exist before"))
        } else if asks {
            Some((SkipKind::NotApplicable, "of what exists the plugin's Diff asks its cloud"))
        } else {
            None
        }
    }

    /// The environment of a plugin that must not reach its cloud: nobody listens at the proxy that it is given.
    fn environment(&self) -> impl Iterator<Item = (OsString, OsString)> + use<> {
        let names = ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"];
        let kept_in = !self.live;
        names.into_iter().filter(move |_| kept_in).map(|name| (name.into(), NOBODY.into()))
    }
}

/// Where nobody listens.
const NOBODY: &str = "http://127.0.0.1:9";

/// The runs that the filters leave of what can say something about the command line of an engine of this revision.
pub fn jobs_for_wfctl(scenarios: &[Arc<Scenario>], filter: &Filter, revision: Revision) -> Vec<Job> {
    let mut jobs = jobs(scenarios, filter);
    jobs.retain(|job| job.revision == revision);
    jobs
}

/// What came of an apply, before it is put together.
struct Applied {
    ran: Ran,
    calls: Vec<Event>,
    state: state::State,
}

impl WfctlUnderTest {
    /// The revision of the engine, by what it says of its version; none where that is no release.
    ///
    /// # Errors
    /// Says why it cannot be asked.
    pub async fn revision(&self) -> Result<Option<Revision>, String> {
        let room = private_directory().map_err(|error| error.to_string())?;
        let ran = self.run(&["version".into()], room.path(), BTreeMap::new()).await?;
        // It tells it on stderr.
        let words = ran.stdout.split_whitespace().chain(ran.stderr.split_whitespace());
        Ok(words.filter_map(|word| Revision::for_version(word).ok()).map(|found| found.revision).next())
    }

    async fn run(
        &self,
        arguments: &[OsString],
        directory: &Path,
        beside: BTreeMap<OsString, OsString>,
    ) -> Result<Ran, String> {
        let arguments = [&self.arguments[..], arguments].concat();
        let environment = self.environment.clone().into_iter().chain(beside).collect();
        program::Command {
            supervisor: &self.ourselves,
            program: &self.program,
            arguments: &arguments,
            directory,
            environment: &environment,
        }
        .run(self.deadline)
        .await
    }

    /// Applies what a job is about.
    pub(super) async fn drive(&self, job: &Job) -> Result<Played, DriveError> {
        if let Some((kind, reason)) =
            self.plugin.as_ref().and_then(|plugin| plugin.cannot_show(&job.scenario))
        {
            return Ok(Played::Skip(kind, reason.to_owned()));
        }
        let only_type = self.plugin.as_ref().map(|plugin| plugin.resource_type.as_str());
        let mut recipe = match Recipe::of(&job.scenario, job.revision, only_type) {
            Ok(recipe) => recipe,
            Err(reason) => return Ok(Played::Skip(SkipKind::NotApplicable, reason)),
        };
        let applied = match self.apply(job, &recipe).await? {
            Ok(applied) => applied,
            Err(reason) => return Ok(Played::Unjudged(reason)),
        };
        if let Some(id) = account::plan_id(&applied.calls) {
            recipe.plan.id = id;
        }
        let mut played = told(job, &recipe, &applied);
        if let (Played::Trace(trace), true) = (&mut played, self.plugin.is_some()) {
            // What a scenario expects comes of the provider that it asks for.
            trace.header.expect = Expect::default();
        }
        if let Played::Trace(trace) = &mut played {
            redact_trace(trace, &self.redactor);
        }
        Ok(played)
    }

    /// The calls that the plugin gets in an apply of what a job is about, in order, and in words how the apply ended.
    ///
    /// # Errors
    /// Says why it cannot be applied.
    pub async fn calls(&self, job: &Job) -> Result<(Vec<Method>, String), String> {
        let only_type = self.plugin.as_ref().map(|plugin| plugin.resource_type.as_str());
        let recipe = Recipe::of(&job.scenario, job.revision, only_type)?;
        let Applied { ran, calls, .. } =
            self.apply(job, &recipe).await.map_err(|error| error.to_string())??;
        let methods = calls.iter().filter_map(|event| match event {
            Event::CallIssued { method, .. } => Some(*method),
            _ => None,
        });
        Ok((methods.collect(), self.redactor.redact(&ran.end()).into_owned()))
    }

    /// Carries an apply out, in a place of its own. Where it comes to no end, that is said.
    async fn apply(&self, job: &Job, recipe: &Recipe) -> Result<Result<Applied, String>, DriveError> {
        let room = private_directory().map_err(FurnishError::from)?;
        let furnishing = Furnishing {
            recipe,
            revision: job.revision,
            plugin: self.plugin.as_ref(),
            ourselves: &self.ourselves,
        };
        let place = Place::furnish(room.path(), furnishing)?;
        let mut environment = place.environment();
        environment.extend(self.plugin.iter().flat_map(RealPlugin::environment));
        environment.extend(job.scenario.environment.iter().map(|(name, value)| (name.into(), value.into())));
        let ran = match self.run(&place.arguments(), place.root(), environment).await {
            Ok(ran) => ran,
            Err(reason) => return Ok(Err(reason)),
        };
        let calls = match recorded(&place.record()) {
            Ok(calls) => calls,
            Err(error) => return Ok(Err(format!("the record of the proxy cannot be read: {error}"))),
        };
        let state = state::read(&place.state());
        Ok(state
            .map(|state| Applied { ran, calls, state })
            .map_err(|error| format!("the state that was left cannot be read: {error}")))
    }
}

/// Reads the records of a proxy, one for each start of the plugin. Calls are counted through all of them.
fn recorded(first: &Path) -> Result<Vec<Event>, LoadError> {
    let mut events: Vec<Event> = Vec::new();
    for number in 1.. {
        let path = if number == 1 {
            first.to_owned()
        } else {
            first.with_file_name(format!("record-{number}.jsonl"))
        };
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => break,
            Err(error) => return Err(error.into()),
        };
        let offset = events.iter().filter_map(call_of).max().map_or(0, |last| last + 1);
        let record = Trace::load(BufReader::new(file))?;
        events.extend(record.events.into_iter().map(|event| renumbered(event, offset)));
    }
    Ok(events)
}

/// An event of a record with the number that its call has in the trace.
fn renumbered(mut event: Event, offset: u32) -> Event {
    if let Event::CallIssued { call, .. }
    | Event::CallDelivered { call }
    | Event::FaultInjected { call, .. }
    | Event::ReplySent { call, .. }
    | Event::ReplyReceived { call, .. } = &mut event
    {
        *call += offset;
    }
    event
}

/// The trace of an apply, or why there is none.
fn told(job: &Job, recipe: &Recipe, applied: &Applied) -> Played {
    let Applied { ran, calls, state } = applied;
    let actions = &recipe.plan.actions;
    let printed = printed::read(&ran.stdout, actions);
    let error = printed::error(&ran.stderr, actions);
    if let Some(action) = diff::other_than_planned(calls, &recipe.plan) {
        let name = &action.spec.name;
        let reason = format!("the answer to Diff leads to something else than a {} of {name:?}", action.kind);
        return Played::Skip(SkipKind::NotApplicable, reason);
    }
    if error.is_none() && ran.status != Some(ExitStatus::Code(0)) {
        return Played::Unjudged(format!("the command line ends without a word of why: {}", ran.end()));
    }
    let own_words = own_words::of(&job.scenario, &printed, error.as_ref());
    let seen = Seen {
        plan: &recipe.plan,
        revision: job.revision,
        calls: own_words.put_in(calls),
        printed: &printed,
        error: error.as_ref(),
        state,
    };
    let driven = driven(calls, job.revision);
    if driven == Driven::ByApply && printed.planned.is_some() {
        return Played::Skip(SkipKind::NotApplicable, recipe::SILENT_ON_APPLY.to_owned());
    }
    if let (Some(EndError::Other(error)), false, Some(_)) =
        (&error, account::tells_beginnings(&seen), printed.planned)
    {
        let reason =
            format!("this engine does not print which actions failed where something else did: {error}");
        return Played::Skip(SkipKind::NotApplicable, reason);
    }
    let mut account = account::of(&seen);
    if printed.planned.is_none() {
        match (not_loaded(calls), error) {
            (Some((call, method)), Some(EndError::Other(error))) => {
                account.events.extend(refused(calls, call, method, job.revision));
                account.events.push(Event::LoadFailed { method, error });
            }
            _ => return Played::Unjudged(format!("the command line comes to no plan: {}", ran.end())),
        }
    }
    let mut expect = job.scenario.expect.clone();
    // What cannot be written is told in the words of the system, and what broke in those of the engine's client.
    let name = |action: usize| &job.scenario.plan.actions[action].spec.name;
    let is_broken = |action: usize| {
        let mut faults = job.scenario.faults.iter();
        faults.any(|fault| fault.action == Some(action) && own_words::breaks(&fault.kind))
    };
    expect.errors.retain(|action, _| !recipe.unwritable.contains(name(*action)) && !is_broken(*action));
    let header = Header {
        expect,
        hooks: hooks(job.revision, calls),
        environment: job.scenario.environment.clone(),
        unseen: account.unseen,
        ..Header::new(&job.scenario, job.revision, Subject::Engine, driven, recipe.plan.clone())
    };
    let left = ran.rest.iter().map(|rest| {
        let Rest { processes, names, holds_output, .. } = rest.clone();
        Event::Process(ProcessEvent::LeftBehind { processes, names, sockets: 0, holds_output })
    });
    account.events.extend(left);
    let mut trace = Trace { header, events: account.events };
    engine::put_in_what_gave_no_sign(&mut trace);
    Played::Trace(Box::new(trace))
}

/// The call by which a provider did not load, and its method; none where it did.
fn not_loaded(calls: &[Event]) -> Option<(u32, Method)> {
    let asked = calls.iter().filter_map(|event| match event {
        Event::CallIssued { call, method, .. } => Some((*call, *method)),
        _ => None,
    });
    let (call, last) = asked.last()?;
    let loads = [Method::ContractRegistry, Method::Initialize, Method::Capabilities].contains(&last);
    loads.then_some((call, last))
}

/// That the reply to the call by which a provider did not load was refused, where it has to be.
fn refused(calls: &[Event], of: u32, method: Method, revision: Revision) -> Option<Event> {
    let reply = calls.iter().find_map(|event| match event {
        Event::ReplyReceived { call, reply: Reply::Ok(reply) } if *call == of => Some(&reply.0),
        _ => None,
    })?;
    let context = ApplyContext { revision, planned: &[] };
    let refusals = decode::read(&Strict, method.response(), reply, &context).refusals;
    (!refusals.is_empty()).then_some(Event::ReplyRefused { call: of, refusals })
}

/// How a provider has to be driven that declares what this one does, by what the engine was told.
fn driven(calls: &[Event], revision: Revision) -> Driven {
    let is_asked = |event: &Event| matches!(event, Event::CallIssued { method: Method::Capabilities, .. });
    let declared = first_reply(calls, Method::Capabilities)
        .and_then(|reply| iac::CapabilitiesResponse::decode(reply).ok())
        .map(|declared| declared.compute_plan_version);
    let by_apply = revision.engine().undeclared_v2 == UndeclaredV2::DrivenByApply;
    // What does not answer declares nothing (D-010).
    let is_silent = declared.is_none() && by_apply && calls.iter().any(is_asked);
    if is_silent || declared.is_some_and(|declared| declared != "v2") {
        Driven::ByApply
    } else {
        Driven::CallByCall
    }
}

/// The hooks of which it can be seen that they are called: that a plan is complete is seen where something is finalized.
fn hooks(revision: Revision, calls: &[Event]) -> Vec<Hook> {
    let registry = first_reply(calls, Method::ContractRegistry)
        .and_then(|reply| plugin_v1::ContractRegistry::decode(reply).ok())
        .unwrap_or_default();
    let service = ServedService::Finalizer.name();
    let finalizes = registry.contracts.iter().any(|contract| contract.service_name == service);
    let is_seen = |hook: &Hook| match hook {
        Hook::ResourceApplied | Hook::ResourceDeleted => true,
        Hook::PlanComplete => finalizes,
        _ => false,
    };
    revision.engine().hooks.iter().copied().filter(is_seen).collect()
}
