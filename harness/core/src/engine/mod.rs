//! The reference engine: what must happen when a plan is applied (docs/facts.md).
//!
//! It is pure: it talks to a [`Provider`], appends to a trace, and takes everything that differs between
//! revisions from a [`Semantics`] value. That a started action leaves exactly one outcome is held by the types of
//! [`ledger`].

mod by_apply;
mod context;
pub(crate) mod go_value;
pub mod host;
pub mod inputs;
pub mod ledger;
pub mod provider;
pub mod references;
pub mod secrets;
pub mod semantics;
#[cfg(test)]
mod tests;
pub mod wire;

use std::{collections::BTreeMap, sync::Arc};

use counterfoil_proto::Hook;

pub(crate) use self::host::NOT_FOUND;
pub use self::{
    by_apply::apply_by_provider,
    context::{Context, Done},
    host::{CommandLine, HookFailures, Host, Record, Turn},
    provider::{Driver, DriverError, Provider},
    semantics::{Exit, FINALIZE, Finish, Gate, Replace, Semantics, StatusMap, Step},
};
use self::{
    ledger::{Ledger, Recorded, Started},
    references::{Scope, Synced},
};
use crate::{
    outcome::{ActionError, ApplyResult, Outcome},
    plan::{Action, ActionKind, Plan, ResourceOutput, ResourceRef, Spec},
    scenario::ResolvePoint,
    trace::{Event, Recorder},
};

/// What an engine is given beside the provider.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// The plan; it is never altered (E-005).
    pub plan: &'a Plan,
    /// The variables that references without a dot read (E-112), and by which inputs are known.
    pub environment: &'a BTreeMap<String, String>,
    /// Whether the apply may go on.
    pub context: &'a Context,
}

/// How an apply ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// What is reported, also beside an error. The trace holds the same.
    pub result: Arc<ApplyResult>,
    /// The error of the whole apply; failures of single actions are none.
    pub error: Option<String>,
}

/// Applies a plan: every action in order, one at a time, never a retry (E-002).
pub async fn apply<P: Provider, H: Host>(
    job: Job<'_>,
    provider: &P,
    host: &H,
    semantics: &Semantics,
    log: &Recorder,
) -> Applied {
    log.push(Event::ApplyStarted);
    let mut run = Run {
        job,
        provider,
        host,
        semantics,
        log,
        ledger: Ledger::new(semantics),
        synced: seeded(job.plan),
        result: ApplyResult {
            plan_id: (semantics.plan_id)(&job.plan.id),
            initial_inputs: inputs::snapshot(&job.plan.inputs, job.environment),
            ..ApplyResult::default()
        },
    };
    let error = run.whole().await;
    let Run { ledger, mut result, .. } = run;
    result.outcomes = ledger.into_outcomes();
    let result = Arc::new(result);
    log.push(Event::ApplyEnded { result: Arc::clone(&result), error: error.clone() });
    Applied { result, error }
}

/// Outputs that references see before the first action: the state of every action's resource (E-069).
fn seeded(plan: &Plan) -> Synced {
    let mut synced = Synced::default();
    for current in plan.actions.iter().filter_map(|action| action.current.as_ref()) {
        synced.put(&current.name, &current.provider_id, current.outputs.clone());
    }
    synced
}

struct Run<'a, P, H> {
    job: Job<'a>,
    provider: &'a P,
    host: &'a H,
    semantics: &'a Semantics,
    log: &'a Recorder,
    ledger: Ledger,
    synced: Synced,
    result: ApplyResult,
}

/// What is wrong with a driver that replaces by itself while a hook has to see its delete (E-012).
pub(crate) const GUARD: &str = "replace: driver-owned ResourceReplacer is disabled while delete state hooks are active; \
                     state hooks require engine-owned delete-step visibility";

impl<P: Provider, H: Host> Run<'_, P, H> {
    /// The preflight, the loop and what comes behind it. Gives the error of the whole apply.
    async fn whole(&mut self) -> Option<String> {
        let preflight =
            if (self.semantics.preflight)(self.has_delete_hook()) { self.preflight() } else { Ok(()) };
        let reached = preflight.is_ok();
        let mut error = match preflight {
            Ok(()) => self.all().await.err(),
            Err(error) => Some(error),
        };
        self.result.input_drift = (self.semantics.drift)(&self.job.plan.inputs, self.job.environment);
        let finish = Finish { reached, failed: error.is_some(), failures: !self.result.errors.is_empty() };
        for _ in 0..(self.semantics.finalizes)(finish) {
            if let Err(unfinished) = self.plan_complete().await {
                let unfinished = (self.semantics.unfinished)(&mut self.result, unfinished);
                error = error.or(unfinished);
            }
        }
        error
    }

    async fn all(&mut self) -> Result<(), String> {
        for index in (self.semantics.order)(self.job.plan) {
            let action = &self.job.plan.actions[index as usize];
            let heeded = || (self.semantics.heeds)(self.job.context);
            let done = self.log.push_then(Event::ActionStarted { action: index }, heeded);
            let started = self.ledger.start(index, action);
            let recorded = match done {
                Some(done) => self.ledger.close(started, Exit::Cancelled, done.to_string()),
                None => self.act(started).await,
            };
            self.action_complete(Turn { index, action }, recorded.outcome()).await;
            self.log.push(Event::ActionEnded { action: index });
            match (self.semantics.gate)(recorded.exit()) {
                Gate::Next => {}
                Gate::Stop => break,
                Gate::Fail => {
                    return Err(recorded.exit().apply_error(&action.spec, recorded.fatal()));
                }
            }
        }
        Ok(())
    }

    fn has_delete_hook(&self) -> bool {
        self.host.has(Hook::ResourceDeleted)
    }

    /// Resolves the driver of every replace before anything is changed (E-011), and refuses those that would replace
    /// behind the back of a hook (E-012).
    fn preflight(&self) -> Result<(), String> {
        for (index, action) in (0..).zip(&self.job.plan.actions) {
            if action.kind == ActionKind::Replace {
                let Spec { name, resource_type, .. } = &action.spec;
                let driver =
                    self.resolve_driver(index, action, ResolvePoint::Preflight).map_err(|error| {
                        format!("{resource_type}/{name}: replace preflight resolve driver: {error}")
                    })?;
                if driver.can().replacer {
                    return Err(format!("{resource_type}/{name}: {GUARD}"));
                }
            }
        }
        Ok(())
    }

    /// One action, phase by phase (E-021 to E-030). The only way out is a [`Recorded`].
    async fn act(&mut self, started: Started<'_>) -> Recorded {
        let (index, action) = (started.index(), started.action());
        let turn = Turn { index, action };
        if let Err(error) = self.before_action(turn).await {
            return self.ledger.close(started, Exit::BeforeActionHook, error);
        }
        let spec = match self.resolve_references(action) {
            Ok(spec) => spec,
            Err(error) => {
                self.log.push(Event::ReferencesFailed { action: index, error: error.clone() });
                return self.fail(started, Exit::References, format!("jit substitution: {error}"));
            }
        };
        let driver = match self.resolve_driver_at(index, action, self.semantics.asks) {
            Ok(driver) => driver,
            Err(error) => return self.fail(started, Exit::DriverResolve, format!("resolve driver: {error}")),
        };
        match self.dispatch(turn, &spec, &driver).await {
            Ok(()) => self.ledger.close(started, Exit::Clean, String::new()),
            Err(Failed(exit, error)) if exit.is_fatal() => self.ledger.close(started, exit, error),
            Err(Failed(exit, error)) => self.fail(started, exit, error),
        }
    }

    async fn dispatch(&mut self, turn: Turn<'_>, spec: &Spec, driver: &P::Driver) -> Result<(), Failed> {
        let action = turn.action;
        if !(self.semantics.calls)(&action.kind) {
            return Ok(());
        }
        let target = (self.semantics.target)(action);
        let output = match &action.kind {
            ActionKind::Create => self.create(spec, driver).await?,
            ActionKind::Update => driver.update(&target, spec).await?,
            ActionKind::Delete => {
                let done = driver.delete(&target).await;
                let told = self.resource_deleted(turn, done.is_ok()).await;
                done?;
                told.map_err(|error| Failed(Exit::DeleteHook, error))?;
                (self.semantics.forget)(&mut self.synced, &spec.name);
                return Ok(());
            }
            ActionKind::Replace if driver.can().replacer => {
                let output = self.let_replace(spec, &target, driver).await?;
                let new = output.as_ref().map(|output| output.provider_id.as_str());
                (self.semantics.replaced)(&mut self.result.replace_ids, &spec.name, &target.provider_id, new);
                output
            }
            ActionKind::Replace => self.replace(turn, spec, &target, driver).await?,
            ActionKind::Unknown(word) => {
                return Err(Failed(Exit::UnknownAction, format!("unknown action {}", go_value::quote(word))));
            }
        };
        match output {
            Some(output) => self.keep(turn, driver, spec, output).await,
            // A driver that answers without an output leaves no trace of its resource (E-057).
            None => Ok(()),
        }
    }

    /// Creates. What exists already is updated instead, where the driver says that this may be done (E-051).
    async fn create(&self, spec: &Spec, driver: &P::Driver) -> Result<Option<ResourceOutput>, Failed> {
        let conflict = match driver.create(spec).await {
            Err(error) if error.is_already_exists() && driver.can().upsert => error,
            done => return Ok(done?),
        };
        let failed = |error: String| Failed(Exit::Driver, error);
        let Spec { name, resource_type, .. } = spec;
        let mut target = ResourceRef {
            name: name.clone(),
            resource_type: resource_type.clone(),
            provider_id: String::new(),
        };
        let found = driver.read(&target).await;
        let found =
            found.map_err(|error| failed(format!("upsert: read after conflict: {conflict}\n{error}")))?;
        target.provider_id = found.map(|found| found.provider_id).unwrap_or_default();
        if target.provider_id.is_empty() {
            let name = go_value::quote(name);
            return Err(failed(format!(
                "upsert: resource {name} found by name but ProviderID is empty: {conflict}"
            )));
        }
        Ok(driver.update(&target, spec).await?)
    }

    /// Delete, then create (E-060). The id map learns of it however it ends.
    async fn replace(
        &mut self,
        turn: Turn<'_>,
        spec: &Spec,
        target: &ResourceRef,
        driver: &P::Driver,
    ) -> Result<Option<ResourceOutput>, Failed> {
        let mut created = None;
        let mut failure = None;
        for step in self.semantics.replace.steps {
            let done = match step {
                Step::Delete => self.delete_step(turn, target, driver).await,
                Step::Create => match driver.create(spec).await {
                    Ok(output) => {
                        created = output;
                        Ok(())
                    }
                    Err(error) => Err(Failed(Exit::Replace, format!("replace: create: {error}"))),
                },
            };
            if let Err(failed) = done {
                failure.get_or_insert(failed);
                if self.semantics.replace.stops_at_failure {
                    break;
                }
            }
        }
        let new = created.as_ref().map(|output| output.provider_id.as_str());
        (self.semantics.replaced)(&mut self.result.replace_ids, &spec.name, &target.provider_id, new);
        failure.map_or(Ok(created), Err)
    }

    /// The first step of a replace: the delete, the hook behind it, and a look at the context (E-061 to E-063).
    async fn delete_step(
        &mut self,
        turn: Turn<'_>,
        target: &ResourceRef,
        driver: &P::Driver,
    ) -> Result<(), Failed> {
        let done = driver.delete(target).await;
        let told = self.resource_deleted(turn, done.is_ok()).await;
        done.map_err(|error| Failed(Exit::Replace, format!("replace: delete: {error}")))?;
        told.map_err(|error| Failed(Exit::ReplaceDeleteHook, format!("replace: delete hook: {error}")))?;
        (self.semantics.forget)(&mut self.synced, &turn.action.spec.name);
        match self.job.context.done().filter(|_| self.semantics.replace.stops_when_cancelled) {
            None => Ok(()),
            Some(done) => {
                Err(Failed(Exit::ReplaceCancelled, format!("replace: canceled after delete: {done}")))
            }
        }
    }

    /// Has the driver replace in its own way (E-066).
    async fn let_replace(
        &self,
        spec: &Spec,
        target: &ResourceRef,
        driver: &P::Driver,
    ) -> Result<Option<ResourceOutput>, Failed> {
        if self.has_delete_hook() {
            return Err(Failed(Exit::ReplaceDeleteHook, GUARD.to_owned()));
        }
        let replaced = driver.replace(target, spec).await;
        replaced.map_err(|error| Failed(Exit::Replace, driver_replace_error(&error.to_string())))
    }

    fn resolve_references(&self, action: &Action) -> Result<Spec, String> {
        let scope = Scope {
            replace_ids: &self.result.replace_ids,
            outputs: &self.synced,
            environment: self.job.environment,
        };
        let config =
            (self.semantics.references)(&action.spec.config, &scope).map_err(|error| error.to_string())?;
        Ok(Spec { config, ..action.spec.clone() })
    }

    /// Asks at each point until a driver is given; the first refusal is the one that counts.
    fn resolve_driver_at(
        &self,
        index: u32,
        action: &Action,
        points: &[ResolvePoint],
    ) -> Result<P::Driver, String> {
        let mut refusal = None;
        for point in points {
            match self.resolve_driver(index, action, *point) {
                Ok(driver) => return Ok(driver),
                Err(error) => {
                    refusal.get_or_insert(error);
                }
            }
        }
        Err(refusal.unwrap_or_default())
    }

    fn resolve_driver(&self, index: u32, action: &Action, at: ResolvePoint) -> Result<P::Driver, String> {
        let resource_type = &action.spec.resource_type;
        let driver = self.provider.driver(index, at, resource_type);
        let refused = driver.as_ref().err().cloned();
        self.log.push(Event::DriverAsked {
            action: index,
            at,
            resource_type: resource_type.clone(),
            refused,
        });
        driver
    }

    /// Takes an output into the result, has the host keep it, and then makes it visible to later references (E-028,
    /// E-029).
    async fn keep(
        &mut self,
        turn: Turn<'_>,
        driver: &P::Driver,
        spec: &Spec,
        output: ResourceOutput,
    ) -> Result<(), Failed> {
        let output = output.identified_by(spec);
        (self.semantics.resources)(&mut self.result.resources, output.clone());
        let ask = self.host.resource_applied(turn, driver, spec, &output);
        let told = self.hook(Hook::ResourceApplied, Some(turn.index), None, ask).await;
        told.map_err(|error| Failed(Exit::ApplyHook, error))?;
        self.synced.put(&output.name, &output.provider_id, output.outputs);
        Ok(())
    }

    /// Tells the host of a delete, if it was done.
    async fn resource_deleted(&self, turn: Turn<'_>, done: bool) -> Result<(), String> {
        if !(self.semantics.tells_deleted)(done) {
            return Ok(());
        }
        self.hook(Hook::ResourceDeleted, Some(turn.index), None, self.host.resource_deleted(turn)).await
    }

    async fn before_action(&self, turn: Turn<'_>) -> Result<(), String> {
        self.hook(Hook::BeforeAction, Some(turn.index), None, self.host.before_action(turn)).await
    }

    async fn action_complete(&self, turn: Turn<'_>, outcome: &Outcome) {
        let ask = self.host.action_complete(turn, outcome);
        // What comes of it changes nothing (E-031).
        let _ = self.hook(Hook::ActionComplete, Some(turn.index), Some(outcome), ask).await;
    }

    async fn plan_complete(&self) -> Result<(), String> {
        self.hook(Hook::PlanComplete, None, None, self.host.plan_complete(self.provider)).await
    }

    /// Calls a hook, if it is installed, and gives what the engine makes of its answer.
    async fn hook(
        &self,
        hook: Hook,
        action: Option<u32>,
        outcome: Option<&Outcome>,
        ask: impl Future<Output = Result<(), String>>,
    ) -> Result<(), String> {
        if !(self.semantics.hooks)(hook, self.host.has(hook)) {
            return Ok(());
        }
        self.log.push(Event::HookCalled { hook, action, outcome: outcome.cloned() });
        let answer = ask.await;
        self.log.push(Event::HookAnswered { hook, action, error: answer.as_ref().err().cloned() });
        (self.semantics.believes)(hook, answer)
    }

    /// Ends an action that failed on its own: the error is listed, and the loop goes on (E-022, E-023, E-025).
    fn fail(&mut self, started: Started<'_>, exit: Exit, error: String) -> Recorded {
        let action = started.action();
        let entry = ActionError {
            resource: action.spec.name.clone(),
            action: action.kind.to_string(),
            error: error.clone(),
        };
        (self.semantics.errors)(&mut self.result.errors, entry);
        self.ledger.close(started, exit, error)
    }
}

/// The text of an error with which a driver's own replace failed. It says so itself, or is made to (E-067).
pub(crate) fn driver_replace_error(error: &str) -> String {
    let names_itself = |(word, _): (&str, &str)| !word.is_empty() && !word.contains([' ', ':']);
    if error.starts_with("replace:") || error.split_once(" replace ").is_some_and(names_itself) {
        error.to_owned()
    } else {
        format!("replace: driver: {error}")
    }
}

/// Why an action was not done: the way out, and the text.
struct Failed(Exit, String);

/// Errors of create, update and delete pass on verbatim (E-058).
impl From<DriverError> for Failed {
    fn from(error: DriverError) -> Self {
        Self(Exit::Driver, error.to_string())
    }
}
