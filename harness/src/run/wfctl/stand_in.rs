//! A stand-in for the engine's command line: the reference engine, or a broken one, with the same files before and behind it
//! and the same lines in between.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    ffi::OsStr,
    fs,
    io::{self, Write as _},
    iter,
    path::{Path, PathBuf},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use counterfoil_core::{
    decode::Strict,
    engine::{
        self, CommandLine, Context, HookFailures, Job as ApplyJob, Record,
        wire::{Access, Link, WireProvider, spec_message},
    },
    json::JsonMap,
    outcome::{ActionError, Status},
    plan::{Action, ActionKind, Current, Plan, Spec},
    rpc::{Call, Method, Transport},
    scenario::Hook,
    trace::{Addition, Driven, Event, Recorder, Watch},
};
use counterfoil_proto::{Revision, iac};
use prost::Message as _;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    diff::leads_to,
    printed::{in_words, resource},
    state::{self, Kept, State},
};
use crate::{
    provider::{
        FaultyTransport,
        process::{LaunchOptions, Plugin},
    },
    run::{
        Variant,
        load_sequence::{NotLoaded, load},
    },
};

/// When a record is written that is new.
const NOW: &str = "2001-01-02T00:00:00Z";

/// An apply by the stand-in.
#[derive(Debug)]
pub struct StandIn {
    /// The engine.
    pub variant: Variant,
    /// Its revision.
    pub revision: Revision,
    /// The config.
    pub config: PathBuf,
    /// Where plugins lie.
    pub plugins: PathBuf,
}

/// A config, as far as it is read.
#[derive(Deserialize)]
struct Config {
    modules: Vec<Module>,
}

#[derive(Deserialize)]
struct Module {
    name: String,
    r#type: String,
    #[serde(default)]
    config: Map<String, Value>,
}

impl Config {
    fn module(&self, of_type: &str) -> Result<&Module, String> {
        let found = self.modules.iter().find(|module| module.r#type == of_type);
        found.ok_or_else(|| format!("the config has no module of type {of_type}"))
    }
}

impl StandIn {
    /// Applies.
    ///
    /// # Errors
    /// The text that the command line ends with.
    pub async fn apply(&self) -> Result<(), String> {
        let said = |error: &dyn ToString| error.to_string();
        let text = fs::read(&self.config).map_err(|error| said(&error))?;
        let config: Config = serde_json::from_slice(&text).map_err(|error| said(&error))?;
        let state = &config.module("iac.state")?.config["directory"];
        let directory = PathBuf::from(state.as_str().unwrap_or_default());
        let state = state::read(&directory).map_err(|error| said(&error))?;
        let mut options = LaunchOptions::new(self.program()?).map_err(|error| said(&error))?;
        options.environment = env::vars_os().collect();
        let plugin = Plugin::launch(options, Recorder::default()).await.map_err(|error| said(&error))?;
        let transport = FaultyTransport::new(plugin.connection(), iter::empty(), &[], Recorder::default());
        let applied = self.apply_by(transport, &config, &directory, &state).await;
        plugin.stop().await;
        applied
    }

    /// The program of the one plugin that there is.
    fn program(&self) -> Result<PathBuf, String> {
        let plugins = fs::read_dir(&self.plugins).map_err(|error| error.to_string())?;
        let plugin = plugins.flatten().next().ok_or("no plugin found")?.path();
        Ok(plugin.join(plugin.file_name().unwrap_or(OsStr::new(""))))
    }

    async fn apply_by<T: Transport + Send + Sync>(
        &self,
        transport: T,
        config: &Config,
        directory: &Path,
        state: &State,
    ) -> Result<(), String> {
        let plan = Plan {
            id: format!(
                "plan-{}",
                SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos()
            ),
            ..Plan::default()
        };
        let provider = Value::Object(config.module("iac.provider")?.config.clone());
        let (context, quiet) = (Context::default(), Recorder::default());
        let link =
            |transport, log| Link::new(transport, Arc::new(Strict), self.revision, context.clone(), log);
        let link = Arc::new(link(transport, quiet));
        let loaded =
            load(&link, &Bytes::from(provider.to_string())).await.map_err(|NotLoaded { error, .. }| error)?;
        let actions = planned(link.transport(), config, state).await?;
        let plan = Plan { actions, ..plan };
        say(&format!("  Plan: {} action(s) to execute.", plan.actions.len()));
        let semantics = self.variant.semantics(self.revision);
        let hooks = self.revision.engine().hooks;
        let tells_all = hooks.contains(&Hook::ActionComplete);
        let printer = Printer { actions: plan.actions.clone(), directory: directory.to_owned(), tells_all };
        let failures = printer.failures();
        let log = Recorder::watched(printer);
        let environment: BTreeMap<String, String> = env::vars().collect();
        let job = ApplyJob { plan: &plan, environment: &environment, context: &context };
        let applied = match (semantics.drives)(&loaded.declared) {
            Driven::ByApply => engine::apply_by_provider(job, &link, &semantics, &log).await,
            Driven::CallByCall => {
                let access = Access {
                    no_drivers: !loaded.driver_service,
                    finalizer: loaded.finalizer,
                    ..Access::default()
                };
                let host = CommandLine {
                    hooks,
                    failures: &failures,
                    plan_id: &plan.id,
                    semantics: &semantics,
                    log: &log,
                };
                engine::apply(job, &WireProvider::new(link, access), &host, &semantics, &log).await
            }
        };
        match applied.error {
            Some(error) => Err(error),
            None if applied.result.errors.is_empty() => Ok(()),
            None => Err(listed(&applied.result.errors)),
        }
    }
}

/// The list of failed actions (E-313).
fn listed(errors: &[ActionError]) -> String {
    let entries: Vec<String> =
        errors.iter().map(|e| format!("{}/{}: {}", e.action, e.resource, e.error)).collect();
    format!("{} resource(s) failed: {}", errors.len(), entries.join("; "))
}

/// The actions that lead from the state to the config (E-180, E-360).
async fn planned<T: Transport>(transport: &T, config: &Config, state: &State) -> Result<Vec<Action>, String> {
    let mut actions = Vec::new();
    let mut wanted = BTreeSet::new();
    for module in config.modules.iter().filter(|module| module.r#type.starts_with("infra.")) {
        wanted.insert(module.name.as_str());
        let spec = spec_of(module);
        let known = state.get(&module.name).map(|written| &written.record);
        let kind = match known {
            None => Some(ActionKind::Create),
            Some(record) => compared(transport, &spec, record).await?,
        };
        let current = known.map(current_of);
        actions.extend(kind.map(|kind| Action { kind, spec, current, changes: Vec::new() }));
    }
    let mut left: BTreeMap<&String, _> =
        state.iter().filter(|(name, _)| !wanted.contains(name.as_str())).collect();
    // What nothing depends on any more goes first.
    while let Some(name) = left
        .keys()
        .find(|name| !left.values().any(|other| other.dependencies.contains(name)))
        .or(left.keys().next())
        .copied()
    {
        let Some(written) = left.remove(name) else { break };
        let Record { name, resource_type, .. } = written.record.clone();
        let spec = Spec { name, resource_type, ..Spec::default() };
        let current = Some(current_of(&written.record));
        actions.push(Action { kind: ActionKind::Delete, spec, current, changes: Vec::new() });
    }
    Ok(actions)
}

fn spec_of(module: &Module) -> Spec {
    let depends_on = module.config.get("depends_on").and_then(Value::as_array).into_iter().flatten();
    Spec {
        name: module.name.clone(),
        resource_type: module.r#type.clone(),
        config: JsonMap::from(module.config.clone()),
        depends_on: depends_on.filter_map(|on| on.as_str().map(str::to_owned)).collect(),
        ..Spec::default()
    }
}

fn current_of(record: &Record) -> Current {
    Current {
        name: record.name.clone(),
        provider_id: record.provider_id.clone(),
        outputs: record.outputs.clone(),
        applied_config: record.applied_config.clone(),
    }
}

/// What the provider's Diff leads to.
async fn compared<T: Transport>(
    transport: &T,
    spec: &Spec,
    record: &Record,
) -> Result<Option<ActionKind>, String> {
    let current = iac::ResourceOutput {
        name: record.name.clone(),
        r#type: record.resource_type.clone(),
        provider_id: record.provider_id.clone(),
        outputs_json: record.outputs.as_bytes().clone(),
        ..iac::ResourceOutput::default()
    };
    let request = iac::ResourceDiffRequest {
        resource_type: spec.resource_type.clone(),
        desired: Some(spec_message(spec)),
        current: Some(current),
    };
    let call = Call {
        id: 0,
        action: None,
        method: Method::Diff,
        resource: spec.name.clone(),
        request: request.encode_to_vec().into(),
        detached: true,
    };
    let reply = transport.call(call).await.map_err(|error| error.to_string())?;
    let answer = iac::ResourceDiffResponse::decode(reply).map_err(|error| error.to_string())?;
    Ok(leads_to(&answer.result.unwrap_or_default()))
}

/// Prints what an apply does, and keeps its state.
struct Printer {
    actions: Vec<Action>,
    directory: PathBuf,
    /// Whether it prints what is begun, and what failed (E-310).
    tells_all: bool,
}

impl Printer {
    /// The hooks that fail, as something is in the way of a file.
    fn failures(&self) -> HookFailures {
        let in_the_way = |action: &Action| state::path(&self.directory, &action.spec.name).is_dir();
        let obstructed = (0..).zip(&self.actions).filter(|(_, action)| in_the_way(action));
        let failure = |(index, _)| ((Hook::ResourceApplied, Some(index)), "is a directory".to_owned());
        obstructed.map(failure).collect()
    }

    fn keep(&self, action: &Action, record: &Record) -> io::Result<()> {
        let Record { name, resource_type, provider_id, applied_config, outputs } = record.clone();
        let dependencies = action.spec.depends_on.clone();
        let kept = Kept { name, resource_type, provider_id, config: applied_config, outputs, dependencies };
        state::write(&self.directory, "stand-in", &kept, NOW)
    }
}

impl Watch for Printer {
    fn watch(&mut self, event: &Event) -> Option<Addition> {
        let action = |index: u32| &self.actions[index as usize];
        match event {
            Event::ActionStarted { action: index } if self.tells_all => {
                say(&format!("  -> [{}/{}] {}", index + 1, self.actions.len(), in_words(action(*index))));
            }
            Event::StateSaved { action: index, record } => {
                if let Err(error) = self.keep(action(*index), record) {
                    say(&error.to_string());
                }
                say(&format!("  ✓ {}", resource(action(*index))));
            }
            Event::StateRemoved { name, .. } => _ = fs::remove_file(state::path(&self.directory, name)),
            Event::HookCalled { hook: Hook::ActionComplete, action: Some(index), outcome: Some(outcome) }
                if outcome.status != Status::Success =>
            {
                say(&format!("  ✗ {}: {}", resource(action(*index)), outcome.error));
            }
            _ => {}
        }
        None
    }
}

/// Prints a line, if anybody reads it.
fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}
