//! A run against a plugin: launched or attached to, loaded as the engine does, and left in peace where no cloud is to
//! be reached.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, io,
    pin::Pin,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use counterfoil_core::{
    engine::wire::Link,
    judge::SkipKind,
    rpc::{Method, Transport},
    scenario::{Fault, FaultKind, Need, Scenario, TransportKind},
    trace::{CallProblem, Driven, Event, ManifestFile, ProcessEvent, Recorder, Subject, Trace},
    trial::Trial,
};
use counterfoil_mock::{RawClient, fault::Cut};
use counterfoil_proto::Revision;
use http::{Request, Response};
use tonic::{Status, body::Body};
use tower::Service;

use super::{
    Job, SubjectLine, Variant,
    applicable::needs_finalizer,
    drive::Stage,
    faults::{Levers, faults},
    load_sequence::{Loaded, NotLoaded, load},
    survey,
    trials::{self, CleanUp, Leave},
};
use crate::{
    provider::{
        FaultyTransport,
        process::{Attach, Checked, LaunchOptions, Plugin},
    },
    subject::{
        self,
        outbound::Outbound,
        redact::{Redactor, redact_trace},
    },
};

/// A plugin under test. It is started anew for each run, as the engine does for each command (E-221).
pub struct PluginUnderTest {
    /// How it is reached.
    pub reach: Reach,
    /// What reports say of it.
    pub line: SubjectLine,
    /// The JSON that `Initialize` is given; no byte where there is none (E-219).
    pub config: Bytes,
    /// Whether its cloud may be reached, and changed.
    pub live: bool,
    /// Whether it has been given nothing by which its cloud would know it.
    pub strange: bool,
    /// Whether its descriptors are compared with the contract.
    pub reflect: bool,
    /// What it says of itself on disk; none where nothing is known of that.
    pub manifest: Option<ManifestFile>,
    /// Takes secrets out of all that is kept.
    pub redactor: Arc<Redactor>,
    /// What goes for every run that is still to come.
    pub blocked: Blocked,
}

/// How long a plugin that misses the cookie may take to say so.
const WITHOUT_COOKIE: Duration = Duration::from_secs(5);

/// How a plugin is reached.
pub enum Reach {
    /// It is started.
    Launch(Box<LaunchOptions>),
    /// It runs already. Of the options only deadlines, limit and redaction count.
    Attach(Attach, Box<LaunchOptions>),
}

/// Why further runs would tell nothing new, as soon as that is known.
#[derive(Debug, Default)]
pub struct Blocked(Mutex<BTreeMap<Extent, String>>);

/// Which runs are blocked, most of them first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Extent {
    /// All of them: the plugin does not start, or hangs.
    All,
    /// Those that apply a plan: the plugin does not load.
    Plans,
    /// Those that apply a plan at a revision: its load gate refuses the plugin, which other engines load (E-217).
    PlansAt(Revision),
}

impl Blocked {
    fn by(&self, extent: Extent, reason: String) {
        let mut blocked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        blocked.entry(extent).or_insert(reason);
    }

    /// Why a run is not made, if so.
    pub(super) fn keeps(&self, job: &Job) -> Option<String> {
        let blocked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let applies = !is_survey(&job.scenario);
        let keeps = |extent: &Extent| match extent {
            Extent::All => true,
            Extent::Plans => applies,
            Extent::PlansAt(revision) => applies && *revision == job.revision,
        };
        blocked.iter().find(|(extent, _)| keeps(extent)).map(|(_, reason)| reason.clone())
    }
}

/// Which runs tell nothing new where a plugin does not load at a revision.
fn kept_by(not_loaded: &NotLoaded, revision: Revision) -> Extent {
    match not_loaded.method {
        Method::Capabilities => Extent::PlansAt(revision),
        _ => Extent::Plans,
    }
}

impl fmt::Debug for PluginUnderTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The config may hold secrets.
        f.debug_struct("PluginUnderTest").field("live", &self.live).finish_non_exhaustive()
    }
}

/// How a run against a plugin ended.
#[derive(Debug)]
pub(super) enum Played {
    /// There is a trace to judge.
    Trace(Box<Trace>),
    /// It turned out that the run cannot be made, or must not be.
    Skip(SkipKind, String),
    /// There is nothing to judge by, for this reason.
    Unjudged(String),
}

/// Whether a scenario looks at the process and the load, beside what its plan does.
pub(super) fn is_survey(scenario: &Scenario) -> bool {
    scenario.needs.contains(&Need::Process) && scenario.plan.actions.is_empty()
}

/// Whether a scenario kills the process of its provider.
pub(super) fn kills(scenario: &Scenario) -> bool {
    let kills = |fault: &Fault| matches!(fault.kind, FaultKind::Transport { kind: TransportKind::Kill, .. });
    scenario.faults.iter().any(kills)
}

impl PluginUnderTest {
    /// A plugin that is given nothing but this config, and kept from its cloud.
    ///
    /// # Errors
    /// When the system does not tell where our own program is, which supervises it.
    pub fn offline(plugin: &subject::Subject, config: Bytes) -> io::Result<Self> {
        let mut options = LaunchOptions::new(&plugin.program)?;
        options.directory = Some(plugin.directory.clone());
        Ok(Self {
            reach: Reach::Launch(Box::new(options)),
            line: SubjectLine::of(plugin),
            config,
            live: false,
            strange: true,
            reflect: false,
            manifest: plugin.manifest_file(),
            redactor: Arc::default(),
            blocked: Blocked::default(),
        })
    }

    /// Runs a scenario against the plugin.
    pub(super) async fn drive(&self, job: &Job, variant: &Variant) -> Played {
        let played = match &self.reach {
            Reach::Launch(options) => self.launched(job, variant, options).await,
            Reach::Attach(target, options) => self.attached(job, variant, target, options).await,
        };
        match played {
            Played::Trace(mut trace) => {
                redact_trace(&mut trace, &self.redactor);
                Played::Trace(trace)
            }
            Played::Skip(kind, reason) => Played::Skip(kind, self.redactor.redact(&reason).into_owned()),
            Played::Unjudged(reason) => Played::Unjudged(self.redactor.redact(&reason).into_owned()),
        }
    }

    async fn launched(&self, job: &Job, variant: &Variant, options: &LaunchOptions) -> Played {
        let stage = stage(job, variant);
        let mut options = options.clone();
        // The listener is there as long as the plugin is.
        let _outbound = match self.refuse_outbound(&stage.log, &mut options).await {
            Ok(outbound) => outbound,
            Err(error) => {
                return Played::Skip(
                    SkipKind::NotRun,
                    format!("nothing can listen for its calls out: {error}"),
                );
            }
        };
        if is_survey(&job.scenario) {
            // It is judged whether or not the plugin starts.
            if let Some(manifest) = &self.manifest {
                stage.log.push(Event::Process(ProcessEvent::ManifestFile(manifest.clone())));
            }
            // Where it does not start, the launch proper says so.
            let _ = Plugin::without_cookie(&options, WITHOUT_COOKIE, stage.log.clone()).await;
        }
        let plugin = match Plugin::launch(options, stage.log.clone()).await {
            Ok(plugin) => plugin,
            Err(error) => {
                self.blocked.by(Extent::All, format!("the plugin does not start: {}", error.message));
                return finish(stage, Ok(Driven::CallByCall));
            }
        };
        let kill = Cut::new(plugin.killer());
        let played = self.play(&stage, job, plugin.connection(), Some(kill)).await;
        plugin.stop().await;
        finish(stage, played)
    }

    async fn attached(
        &self,
        job: &Job,
        variant: &Variant,
        target: &Attach,
        options: &LaunchOptions,
    ) -> Played {
        let stage = stage(job, variant);
        match Plugin::attach(target, options, stage.log.clone()).await {
            Ok(plugin) => {
                let played = self.play(&stage, job, plugin.connection(), None).await;
                plugin.stop().await;
                finish(stage, played)
            }
            Err(error) => {
                self.blocked.by(Extent::All, format!("nothing can be attached to: {}", error.message));
                finish(stage, Ok(Driven::CallByCall))
            }
        }
    }

    /// Has the plugin's calls to the world end at a listener of ours, where no cloud is to be reached.
    async fn refuse_outbound(
        &self,
        log: &Recorder,
        options: &mut LaunchOptions,
    ) -> io::Result<Option<Outbound>> {
        if self.live {
            return Ok(None);
        }
        let log = log.clone();
        let told = move |host: String| {
            let during = log.look(under_way);
            log.push(Event::Process(ProcessEvent::Outbound { host, during }));
        };
        let outbound = Outbound::start(told).await?;
        options.environment.extend(outbound.environment());
        Ok(Some(outbound))
    }

    /// Loads the plugin that `connection` leads to and applies the plan of the scenario. Says how the plugin has to be
    /// driven, or why the run must be left out.
    async fn play(
        &self,
        stage: &Stage<'_>,
        job: &Job,
        connection: Checked,
        kill: Option<Cut>,
    ) -> Result<Driven, (SkipKind, String)> {
        let (scenario, log) = (&*job.scenario, &stage.log);
        let surveys = is_survey(scenario);
        let (life, _deadline) = stage.life();
        let levers = Levers { cut: connection.connection().cutter(), kill };
        let client = RawClient::new(connection.clone());
        let reflected = self.reflect.then(|| connection.clone());
        let examined = (!scenario.trials.is_empty()).then(|| connection.clone());
        let guard = Guard { inner: connection, closed: !self.live, stopped: Arc::default() };
        let stopped = Arc::clone(&guard.stopped);

        if surveys {
            survey::health(&client, log).await;
        }
        survey::before_registry(&client, log).await;
        let faults = faults(scenario, &levers, |action| &scenario.addresses[action]);
        let transport = FaultyTransport::over(guard, faults, &scenario.addresses, log.clone());
        let link = stage.link(transport.within(life));
        let loaded = load(&link, &self.config).await;
        survey::behind_registry(&client).await;

        if surveys {
            self.survey(&client, &link, job.revision, &loaded, log).await;
            // Where it hangs, it would once more.
            if let Some(connection) = reflected.filter(|_| !log.look(|events| events.iter().any(hangs))) {
                survey::reflect(connection, log).await;
            }
        } else if !is_struck(log) {
            self.can_judge(job, &loaded)?;
        }
        if let Some(connection) = examined.as_ref().filter(|_| loaded.is_ok()) {
            // Not through the guard: a request that has to be refused must reach the plugin, also where it is a Create, and
            // one that the guard stopped would leave the run out. What may be asked without a cloud, `Leave` says.
            let (trials, prefix) = (self.trials(scenario), trials::prefix_of_this_run());
            trials::examine(connection, job.revision, &trials, self.leave(), prefix, log).await;
        }
        if (surveys || examined.is_some()) && !self.live && stage.hands_over(&loaded) {
            // Even an empty plan would be handed to `Apply`, and so to the cloud.
            return Ok(Driven::ByApply);
        }
        let driven = stage.go_on(&link, loaded).await;
        if let Some(connection) = examined.filter(|_| self.live && stage.looks_back(driven)) {
            trials::look_back(&connection, job.revision, CleanUp::Deletes, log).await;
        }
        match stopped.get() {
            Some(()) => Err((SkipKind::NotRun, NEEDS_LIVE.to_owned())),
            None => Ok(driven),
        }
    }

    /// The trials of a scenario that can be made: the state backend of a plugin that runs already may be configured.
    fn trials(&self, scenario: &Scenario) -> BTreeSet<Trial> {
        let is_fresh = matches!(self.reach, Reach::Launch(_));
        scenario.trials.iter().copied().filter(|trial| is_fresh || *trial != Trial::Unconfigured).collect()
    }

    /// How far trials may go.
    fn leave(&self) -> Leave {
        match (self.live, self.strange) {
            (true, _) => Leave::Everything,
            (false, true) => Leave::Refusals,
            (false, false) => Leave::Reading,
        }
    }

    /// Looks at what a run alone would not: what is served, and what the plugin calls itself. Where `Initialize` failed, the last call
    /// of the load is made all the same, so that it can be judged.
    async fn survey<T: Transport>(
        &self,
        client: &RawClient<Checked>,
        link: &Link<T>,
        revision: Revision,
        loaded: &Result<Loaded, NotLoaded>,
        log: &Recorder,
    ) {
        if let Err(not_loaded) = loaded {
            let hangs = log.look(|events| events.iter().any(hangs));
            let extent = if hangs { Extent::All } else { kept_by(not_loaded, revision) };
            self.does_not_load(extent, not_loaded);
            if extent == Extent::All {
                return;
            }
            if not_loaded.method == Method::Initialize {
                // Whatever it is answered stands in the trace.
                let _ = link.call(Method::Capabilities, None, "", Bytes::new()).await;
            }
        }
        survey::probe(client, revision, log).await;
        survey::identity(client, log).await;
    }

    /// Keeps further runs from being made. Gives the reason, without secrets.
    fn does_not_load(&self, extent: Extent, NotLoaded { method, error }: &NotLoaded) -> String {
        let reason = format!("the plugin does not load: {method}: {error}");
        let reason = self.redactor.redact(&reason).into_owned();
        self.blocked.by(extent, reason.clone());
        reason
    }

    /// Whether a scenario can tell something about a plugin that was loaded so.
    fn can_judge(&self, job: &Job, loaded: &Result<Loaded, NotLoaded>) -> Result<(), (SkipKind, String)> {
        let loaded = match loaded {
            Ok(loaded) => loaded,
            Err(not_loaded) => {
                let extent = kept_by(not_loaded, job.revision);
                return Err((SkipKind::NotRun, self.does_not_load(extent, not_loaded)));
            }
        };
        let lacks = |what: &str| Err((SkipKind::NotApplicable, format!("the plugin serves no {what}")));
        if !loaded.driver_service && !job.scenario.plan.actions.is_empty() {
            return lacks("ResourceDriver");
        }
        if !loaded.finalizer && wants_finalizer(&job.scenario) {
            return lacks("finalizer");
        }
        Ok(())
    }
}

/// What a scenario says exists before is nowhere in the cloud of a plugin, so that it is not found there behind a failed
/// update tells nothing of the plugin.
fn stage<'a>(job: &'a Job, variant: &'a Variant) -> Stage<'a> {
    Stage::new(job, variant).without_reading_back()
}

fn finish(stage: Stage<'_>, played: Result<Driven, (SkipKind, String)>) -> Played {
    match played {
        Ok(driven) => Played::Trace(Box::new(stage.trace(Subject::Provider, driven))),
        Err((kind, reason)) => Played::Skip(kind, reason),
    }
}

/// Why what a scenario would show takes leave to reach the provider's cloud.
pub(crate) const NEEDS_LIVE: &str = "it reaches the provider's cloud, which takes --live";

/// Why a scenario cannot be shown in a cloud that is not ours.
pub(crate) const NEEDS_STATE: &str =
    "it is about resources that exist before, which a real cloud does not have";

/// Whether a fault of the scenario has struck.
fn is_struck(log: &Recorder) -> bool {
    log.look(|events| events.iter().any(|event| matches!(event, Event::FaultInjected { .. })))
}

fn hangs(event: &Event) -> bool {
    matches!(event, Event::Process(ProcessEvent::CallBroken { problem: CallProblem::Hang, .. }))
}

/// The call that has been issued and not been answered yet.
fn under_way(events: &[Event]) -> Option<String> {
    let (issued, method) = events.iter().rev().find_map(|event| match event {
        Event::CallIssued { call, method, .. } => Some((*call, *method)),
        _ => None,
    })?;
    let answered = |event: &Event| matches!(event, Event::ReplyReceived { call, .. } if *call == issued);
    (!events.iter().any(answered)).then(|| method.to_string())
}

/// Whether a scenario makes sense only where `FinalizeApply` is called.
pub(super) fn wants_finalizer(scenario: &Scenario) -> bool {
    let calls = [&scenario.expect.calls, &scenario.expect.received];
    let expected = calls.into_iter().flatten().flatten().any(|call| call.method == Method::Finalize);
    expected || needs_finalizer(scenario)
}

/// The calls behind which a cloud stands.
const CLOUD: [Method; 5] = [Method::Create, Method::Read, Method::Update, Method::Delete, Method::Apply];

/// Whether a run reached the cloud of its provider.
pub(super) fn reaches_cloud(trace: &Trace) -> bool {
    let is_of_cloud =
        |event: &&Event| matches!(event, Event::CallIssued { method, .. } if CLOUD.contains(method));
    let issued = trace.events.iter().filter(is_of_cloud).filter_map(|event| match event {
        Event::CallIssued { call, .. } => Some(*call),
        _ => None,
    });
    let issued: BTreeSet<u32> = issued.collect();
    trace.events.iter().any(|event| matches!(event, Event::CallDelivered { call } if issued.contains(call)))
}

/// Stands in front of a plugin, and lets no call through behind which a cloud stands, while it is closed.
#[derive(Clone)]
struct Guard<S> {
    inner: S,
    closed: bool,
    /// Set as soon as a call was stopped.
    stopped: Arc<OnceLock<()>>,
}

impl<S> Service<Request<Body>> for Guard<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let path = request.uri().path();
        if self.closed && CLOUD.iter().any(|method| method.path() == path) {
            let _ = self.stopped.set(());
            let refused = Status::unavailable(NEEDS_LIVE).into_http();
            return Box::pin(async move { Ok(refused) });
        }
        Box::pin(self.inner.call(request))
    }
}
