//! The reference engine: what must happen when a plan is applied (docs/facts.md).
//!
//! It is pure: it talks to a [`Provider`], appends to a trace, and takes everything that differs between
//! revisions from a [`Semantics`] value. That a started action leaves exactly one outcome is held by the types of
//! [`ledger`].

mod by_apply;
mod context;
pub(crate) mod go_value;
mod host;
pub mod ledger;
pub mod provider;
pub mod references;
pub mod semantics;
#[cfg(test)]
mod tests;
pub mod wire;

use std::{collections::BTreeMap, sync::Arc};

use counterfoil_proto::Hook;

pub use self::{
    by_apply::apply_by_provider,
    context::{Context, Done},
    host::Record,
    provider::{Driver, DriverError, Provider},
    semantics::{Exit, Gate, Replace, Semantics, Step},
};
use self::{
    ledger::{Ledger, Recorded, Started},
    references::{Scope, Synced},
};
use crate::{
    outcome::{ActionError, ApplyResult},
    plan::{Action, ActionKind, Plan, ResourceOutput, ResourceRef, Spec},
    scenario::ResolvePoint,
    trace::{Event, Recorder},
};

/// What an engine is given beside the provider.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// The plan; it is never altered (E-005).
    pub plan: &'a Plan,
    /// The variables that references without a dot read (E-112).
    pub environment: &'a BTreeMap<String, String>,
    /// Whether a hook stands behind deletes, as it always does in the real command line (E-330). It turns the
    /// preflight of replaces on (E-010).
    pub delete_hook: bool,
}

impl<'a> Job<'a> {
    /// A job for a plan under the hooks that a scenario asks for.
    pub fn new(plan: &'a Plan, environment: &'a BTreeMap<String, String>, hooks: &[Hook]) -> Self {
        Self { plan, environment, delete_hook: hooks.contains(&Hook::ResourceDeleted) }
    }
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
pub async fn apply<P: Provider>(
    job: Job<'_>,
    provider: &P,
    semantics: &Semantics,
    log: &Recorder,
) -> Applied {
    log.push(Event::ApplyStarted);
    let mut run = Run {
        job,
        provider,
        semantics,
        log,
        ledger: Ledger::new(semantics),
        synced: seeded(job.plan),
        result: ApplyResult { plan_id: (semantics.plan_id)(&job.plan.id), ..ApplyResult::default() },
    };
    let error = run.all().await.err();
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

struct Run<'a, P> {
    job: Job<'a>,
    provider: &'a P,
    semantics: &'a Semantics,
    log: &'a Recorder,
    ledger: Ledger,
    synced: Synced,
    result: ApplyResult,
}

impl<P: Provider> Run<'_, P> {
    async fn all(&mut self) -> Result<(), String> {
        if (self.semantics.preflight)(self.job.delete_hook) {
            self.preflight()?;
        }
        for index in (self.semantics.order)(self.job.plan) {
            let action = &self.job.plan.actions[index as usize];
            self.log.push(Event::ActionStarted { action: index });
            let started = self.ledger.start(index, action);
            let recorded = self.act(started).await;
            match (self.semantics.gate)(recorded.exit()) {
                Gate::Next => {}
                Gate::Stop => break,
                Gate::Fail => {
                    let Spec { name, resource_type, .. } = &action.spec;
                    return Err(format!("{resource_type}/{name}: {}", recorded.into_error()));
                }
            }
        }
        Ok(())
    }

    /// Resolves the driver of every replace before anything is changed (E-011).
    fn preflight(&self) -> Result<(), String> {
        for (index, action) in (0..).zip(&self.job.plan.actions) {
            if action.kind == ActionKind::Replace {
                self.resolve_driver(index, action, ResolvePoint::Preflight).map_err(|error| {
                    let Spec { name, resource_type, .. } = &action.spec;
                    format!("{resource_type}/{name}: replace preflight resolve driver: {error}")
                })?;
            }
        }
        Ok(())
    }

    /// One action, phase by phase (E-022 to E-030). The only way out is a [`Recorded`].
    async fn act(&mut self, started: Started<'_>) -> Recorded {
        let (index, action) = (started.index(), started.action());
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
        match self.dispatch(action, &spec, &driver).await {
            Ok(()) => self.ledger.close(started, Exit::Clean, String::new()),
            Err(Failed(exit, error)) => self.fail(started, exit, error),
        }
    }

    async fn dispatch(&mut self, action: &Action, spec: &Spec, driver: &P::Driver) -> Result<(), Failed> {
        if !(self.semantics.calls)(&action.kind) {
            return Ok(());
        }
        let target = (self.semantics.target)(action);
        match &action.kind {
            ActionKind::Create => {
                let output = driver.create(spec).await?;
                self.keep(spec, output);
            }
            ActionKind::Update => {
                let output = driver.update(&target, spec).await?;
                self.keep(spec, output);
            }
            ActionKind::Delete => {
                driver.delete(&target).await?;
                (self.semantics.forget)(&mut self.synced, &spec.name);
            }
            ActionKind::Replace => self.replace(spec, &target, driver).await?,
            ActionKind::Unknown(word) => {
                return Err(Failed(Exit::UnknownAction, format!("unknown action {}", go_value::quote(word))));
            }
        }
        Ok(())
    }

    /// Delete, then create (E-060). The id map learns of it however it ends.
    async fn replace(&mut self, spec: &Spec, target: &ResourceRef, driver: &P::Driver) -> Result<(), Failed> {
        let mut created = None;
        let mut failure = None;
        for step in self.semantics.replace.steps {
            let done = match step {
                Step::Delete => driver.delete(target).await.map(|()| {
                    (self.semantics.forget)(&mut self.synced, &spec.name);
                }),
                Step::Create => driver.create(spec).await.map(|output| {
                    created = output.as_ref().map(|output| output.provider_id.clone());
                    self.keep(spec, output);
                }),
            };
            if let Err(error) = done {
                failure.get_or_insert(Failed(Exit::Replace, format!("replace: {step}: {error}")));
                if self.semantics.replace.stops_at_failure {
                    break;
                }
            }
        }
        let ids = &mut self.result.replace_ids;
        (self.semantics.replaced)(ids, &spec.name, &target.provider_id, created.as_deref());
        failure.map_or(Ok(()), Err)
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

    /// Takes an output into the result and makes it visible to later references (E-028, E-029). A driver that
    /// answers without an output leaves no trace of its resource (E-057).
    fn keep(&mut self, spec: &Spec, output: Option<ResourceOutput>) {
        let Some(output) = output else { return };
        let output = output.identified_by(spec);
        self.synced.put(&output.name, &output.provider_id, output.outputs.clone());
        (self.semantics.resources)(&mut self.result.resources, output);
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

/// Why an action was not done: the way out, and the text.
struct Failed(Exit, String);

/// Errors of create, update and delete pass on verbatim (E-058).
impl From<DriverError> for Failed {
    fn from(error: DriverError) -> Self {
        Self(Exit::Driver, error.to_string())
    }
}
