//! The host of an engine: the hooks that it has installed, and the state that they keep.
//!
//! [`CommandLine`] is the host of the real command line. Its hooks keep the state: a resource that was applied is
//! saved before the next action begins, and one that was deleted is taken out. Where that fails after a create, it
//! deletes what was created (E-330 to E-338).

use std::collections::BTreeMap;

use counterfoil_proto::Hook;
use serde::{Deserialize, Serialize};

use super::{Driver, DriverError, Provider, Semantics, go_value, secrets};
use crate::{
    json::JsonMap,
    outcome::{ActionError, Outcome},
    plan::{Action, ResourceOutput, ResourceRef, Spec},
    trace::{Event, Recorder},
};

/// The action that a hook is about.
#[derive(Clone, Copy, Debug)]
pub struct Turn<'a> {
    /// Its position in the plan.
    pub index: u32,
    /// The action as planned.
    pub action: &'a Action,
}

/// What stands around an engine: its hooks. One that is not installed is never called.
pub trait Host: Sync {
    /// Whether this hook is installed.
    fn has(&self, hook: Hook) -> bool;

    /// Before anything is done for an action.
    ///
    /// # Errors
    /// Why the whole apply must not go on (E-021).
    fn before_action(&self, turn: Turn<'_>) -> impl Future<Output = Result<(), String>> + Send;

    /// After a resource was created, updated or replaced; `spec` is the wanted one, its references resolved.
    ///
    /// # Errors
    /// Why the resource, which exists, could not be taken in (E-028).
    fn resource_applied<D: Driver>(
        &self,
        turn: Turn<'_>,
        driver: &D,
        spec: &Spec,
        output: &ResourceOutput,
    ) -> impl Future<Output = Result<(), String>> + Send;

    /// After a resource was deleted.
    ///
    /// # Errors
    /// Why the deletion could not be taken in (E-027, E-062).
    fn resource_deleted(&self, turn: Turn<'_>) -> impl Future<Output = Result<(), String>> + Send;

    /// After an action got its outcome.
    ///
    /// # Errors
    /// With what it panicked, which changes nothing (E-031).
    fn action_complete(
        &self,
        turn: Turn<'_>,
        outcome: &Outcome,
    ) -> impl Future<Output = Result<(), String>> + Send;

    /// After the last action of a plan that ran to its end.
    ///
    /// # Errors
    /// Why what drivers had put off was not done (E-072).
    fn plan_complete<P: Provider>(&self, provider: &P) -> impl Future<Output = Result<(), String>> + Send;
}

/// A resource as the state keeps it (E-336).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The resource's name, under which it is kept.
    pub name: String,
    /// The resource type.
    #[serde(rename = "type")]
    pub resource_type: String,
    /// The provider's own id.
    pub provider_id: String,
    /// The config that was applied, its references resolved.
    #[serde(default, skip_serializing_if = "JsonMap::is_nil")]
    pub applied_config: JsonMap,
    /// The outputs; in place of a secret stands where it is kept (E-338).
    #[serde(default, skip_serializing_if = "JsonMap::is_nil")]
    pub outputs: JsonMap,
}

impl Record {
    /// What the state has to keep of an applied resource, given its outputs without their secrets.
    pub fn of(spec: &Spec, output: &ResourceOutput, outputs: JsonMap) -> Self {
        Self {
            name: spec.name.clone(),
            resource_type: spec.resource_type.clone(),
            provider_id: output.provider_id.clone(),
            applied_config: spec.config.clone(),
            outputs,
        }
    }
}

/// The hooks that fail, each for an action, or for the plan, with what it says.
pub type HookFailures = BTreeMap<(Hook, Option<u32>), String>;

/// The host of the real command line.
#[derive(Clone, Copy, Debug)]
pub struct CommandLine<'a> {
    /// The hooks that are installed.
    pub hooks: &'a [Hook],
    /// Those that fail.
    pub failures: &'a HookFailures,
    /// The id of the plan, which a finalizer is told.
    pub plan_id: &'a str,
    /// What it keeps, and whether it makes good.
    pub semantics: &'a Semantics,
    /// Where it is written down what the state keeps.
    pub log: &'a Recorder,
}

impl CommandLine<'_> {
    fn fails(&self, hook: Hook, action: Option<u32>) -> Result<(), String> {
        self.failures.get(&(hook, action)).map_or(Ok(()), |message| Err(message.clone()))
    }
}

impl Host for CommandLine<'_> {
    fn has(&self, hook: Hook) -> bool {
        self.hooks.contains(&hook)
    }

    async fn before_action(&self, turn: Turn<'_>) -> Result<(), String> {
        self.fails(Hook::BeforeAction, Some(turn.index))
    }

    async fn resource_applied<D: Driver>(
        &self,
        turn: Turn<'_>,
        driver: &D,
        spec: &Spec,
        output: &ResourceOutput,
    ) -> Result<(), String> {
        // What makes good a failure goes on when the apply is cancelled (E-335).
        let driver = driver.detached();
        let makes_good = (self.semantics.compensates)(&turn.action.kind);
        if let Err(mismatch) = same_identity(spec, output) {
            let failed = format!("state write rejected: {mismatch}");
            let delete = || delete_by_identity(&driver, spec, output);
            return Err(made_good(makes_good, failed, delete).await);
        }
        // Secrets are put away first, and what is left is saved.
        let routed = secrets::route(&spec.name, output).map_err(|error| ("route sensitive outputs", error));
        let saved = routed.and_then(|outputs| {
            let saved = self.fails(Hook::ResourceApplied, Some(turn.index));
            saved.map(|()| outputs).map_err(|error| ("persist state after apply", error))
        });
        let outputs = match saved {
            Ok(outputs) => outputs,
            Err((step, error)) => {
                let Spec { name, resource_type, .. } = spec;
                let failed = format!("{resource_type}/{name}: {step}: {error}");
                let by_id = (self.semantics.compensation)(turn.action, spec, output);
                let delete = || delete_what_was_not_saved(&driver, by_id);
                return Err(made_good(makes_good, failed, delete).await);
            }
        };
        let record = (self.semantics.record)(turn.action, spec, output, outputs);
        self.log.push(Event::StateSaved { action: turn.index, record });
        Ok(())
    }

    async fn resource_deleted(&self, turn: Turn<'_>) -> Result<(), String> {
        self.fails(Hook::ResourceDeleted, Some(turn.index))?;
        if let Some(name) = (self.semantics.removes)(turn.action) {
            self.log.push(Event::StateRemoved { action: turn.index, name });
        }
        Ok(())
    }

    async fn action_complete(&self, turn: Turn<'_>, _: &Outcome) -> Result<(), String> {
        self.fails(Hook::ActionComplete, Some(turn.index))
    }

    /// Has the provider do what it had put off, if it serves a finalizer (E-316).
    async fn plan_complete<P: Provider>(&self, provider: &P) -> Result<(), String> {
        self.fails(Hook::PlanComplete, None)?;
        match provider.finalize(&(self.semantics.plan_id)(self.plan_id)).await {
            None => Ok(()),
            Some(answer) => (self.semantics.finalized)(answer.map_err(|error| error.to_string())),
        }
    }
}

/// What the plan-complete hook answers, given the errors that a finalizer reports, or how the call failed (E-316).
///
/// # Errors
/// The text of the hook, where there is anything to report.
pub fn finalized(answer: Result<Vec<ActionError>, String>) -> Result<(), String> {
    let errors = answer.map_err(|error| format!("FinalizeApply gRPC: {error}"))?;
    if errors.is_empty() {
        return Ok(());
    }
    let texts: Vec<String> =
        errors.iter().map(|e| format!("{}/{}: {}", e.resource, e.action, e.error)).collect();
    Err(format!("plugin finalize: {} driver(s) failed: {}", errors.len(), texts.join("; ")))
}

/// Whether an output is that of the resource that was asked for (E-333).
fn same_identity(spec: &Spec, output: &ResourceOutput) -> Result<(), String> {
    if output.name != spec.name {
        let (found, wanted) = (go_value::quote(&output.name), go_value::quote(&spec.name));
        return Err(format!("driver returned output name {found} for resource {wanted}"));
    }
    if output.resource_type != spec.resource_type {
        return Err(format!(
            "driver returned output type {} for resource {} (expected {})",
            go_value::quote(&output.resource_type),
            go_value::quote(&spec.name),
            go_value::quote(&spec.resource_type)
        ));
    }
    Ok(())
}

/// The text of a failure, with what became of the delete that makes it good, if that is due.
async fn made_good<F>(due: bool, failed: String, delete: impl FnOnce() -> F) -> String
where
    F: Future<Output = Result<(), String>>,
{
    if !due {
        return failed;
    }
    match delete().await {
        Ok(()) => format!("{failed} (compensating delete succeeded)"),
        Err(error) => format!("{failed} (compensating delete failed: {error})"),
    }
}

fn target(name: &str, resource_type: &str, provider_id: &str) -> ResourceRef {
    ResourceRef {
        name: name.to_owned(),
        resource_type: resource_type.to_owned(),
        provider_id: provider_id.to_owned(),
    }
}

/// Deletes by id and, where that fails, by name.
async fn delete_what_was_not_saved<D: Driver>(driver: &D, by_id: ResourceRef) -> Result<(), String> {
    let Err(first) = driver.delete(&by_id).await else { return Ok(()) };
    if by_id.provider_id.is_empty() {
        return Err(format!("driver.Delete: {first}"));
    }
    let by_name = ResourceRef { provider_id: String::new(), ..by_id };
    driver.delete(&by_name).await.map_err(|second| format!("driver.Delete: {first}\n{second}"))
}

/// Deletes what the driver says that it made, and what it was to make: nobody knows which of the two there is.
async fn delete_by_identity<D: Driver>(
    driver: &D,
    spec: &Spec,
    output: &ResourceOutput,
) -> Result<(), String> {
    let mut errors = Vec::new();
    let mut done = false;
    for (name, resource_type) in [(&output.name, &output.resource_type), (&spec.name, &spec.resource_type)] {
        match delete_unless_gone(driver, &target(name, resource_type, &output.provider_id)).await {
            Ok(()) => done = true,
            Err(error) => errors.push(error),
        }
    }
    if done { Ok(()) } else { Err(errors.join("\n")) }
}

/// Deletes by id and, where that did not surely succeed, by name. That it is gone already is no failure.
async fn delete_unless_gone<D: Driver>(driver: &D, by_id: &ResourceRef) -> Result<(), String> {
    let mut errors = Vec::new();
    if !by_id.provider_id.is_empty() {
        match driver.delete(by_id).await {
            Ok(()) => return Ok(()),
            Err(error) if is_gone(&error) => {}
            Err(error) => errors.push(format!("driver.Delete({}): {error}", by_id.provider_id)),
        }
    }
    let by_name = target(&by_id.name, &by_id.resource_type, "");
    match driver.delete(&by_name).await {
        Ok(()) => return Ok(()),
        Err(error) if is_gone(&error) => {}
        Err(error) => errors.push(format!("driver.Delete(name-only): {error}")),
    }
    if errors.is_empty() { Ok(()) } else { Err(errors.join("\n")) }
}

/// The phrase by which a missing resource is known, whatever the status code (E-164).
pub(crate) const NOT_FOUND: &str = "iac: resource not found";

fn is_gone(error: &DriverError) -> bool {
    error.to_string().contains(NOT_FOUND)
}

/// The state that an apply starts from, as far as its plan tells: every resource that an action knows (E-069).
pub fn initial_state(actions: &[Action]) -> BTreeMap<String, Record> {
    let known = actions.iter().filter_map(|action| Some((action, action.current.as_ref()?)));
    let record = |(action, current): (&Action, &crate::plan::Current)| Record {
        name: current.name.clone(),
        resource_type: action.spec.resource_type.clone(),
        provider_id: current.provider_id.clone(),
        applied_config: current.applied_config.clone(),
        outputs: current.outputs.clone(),
    };
    known.map(record).map(|record| (record.name.clone(), record)).collect()
}
