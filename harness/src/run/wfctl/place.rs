//! Where an apply by the command line happens: a config, a state and plugins, in a directory of its own (E-300, E-305).

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs, io,
    path::{Path, PathBuf},
};

use counterfoil_core::{
    json::JsonMap,
    plan::Plan,
    scenario::{Seed, write},
};
use counterfoil_proto::Revision;
use serde_json::{Value, json};

use super::{
    PROVIDER_MODULE,
    recipe::{Recipe, dependencies},
    state::{self, Kept, LONG_AGO},
};
use crate::{
    proxy::{self, Extras, InstallError},
    subject::script,
};

/// What makes the executables of such a place.
const COMMAND: &str = "test wfctl";

/// What the command line finds in the place of an apply.
#[derive(Clone, Copy)]
pub(super) struct Furnishing<'a> {
    /// What it is told.
    pub recipe: &'a Recipe,
    /// The revision of the engine.
    pub revision: Revision,
    /// The plugin of the user's; none where ours is behind the proxy.
    pub plugin: Option<&'a super::RealPlugin>,
    /// The `counterfoil` command.
    pub ourselves: &'a Path,
}

/// A place that is furnished.
#[derive(Clone, Debug)]
pub(super) struct Place {
    root: PathBuf,
    revision: Revision,
}

/// Why a place cannot be furnished.
#[derive(Debug, thiserror::Error)]
pub enum FurnishError {
    /// Something cannot be written.
    #[error("no place for an apply can be made: {0}")]
    Io(#[from] io::Error),
    /// No proxy can be laid out in front of the plugin.
    #[error("no proxy can be laid out for an apply: {0}")]
    Proxy(#[from] InstallError),
}

impl Place {
    /// Furnishes a directory, which is empty.
    ///
    /// # Errors
    /// See [`FurnishError`].
    pub(super) fn furnish(root: &Path, furnishing: Furnishing<'_>) -> Result<Self, FurnishError> {
        let Furnishing { recipe, plugin, revision, .. } = furnishing;
        let place = Self { root: root.to_owned(), revision };
        for directory in [place.state(), place.home(), place.secrets()] {
            fs::create_dir_all(directory)?;
        }
        let behind = root.join("scenario.yaml");
        fs::write(&behind, write(&recipe.behind))?;
        let real = match plugin {
            Some(plugin) => plugin.directory.clone(),
            None => lay_out_ours(root, &behind, furnishing)?,
        };
        let strikes = recipe.behind.faults.iter().any(|fault| fault.kind.strikes().is_some());
        let extras = Extras {
            record: Some(place.record()),
            faults: strikes.then_some(behind),
            answers_mutations: plugin.is_some_and(|plugin| !plugin.live),
            of_a_test: true,
        };
        proxy::install(&real, &place.plugins(), &extras)?;
        let config = plugin.map_or(json!({}), |plugin| plugin.config.clone());
        let provider = plugin.map_or(OUR_PROVIDER, |plugin| &plugin.provider);
        fs::write(root.join(CONFIG), place.config(recipe, provider, config).to_string())?;
        let known = known(&recipe.plan, recipe.bystander.as_ref());
        for kept in known {
            state::write(&place.state(), provider, &kept, LONG_AGO)?;
        }
        for name in &recipe.unwritable {
            state::obstruct(&place.state(), name)?;
        }
        Ok(place)
    }

    /// The config, which is YAML as all JSON is.
    fn config(&self, recipe: &Recipe, provider: &str, mut provider_config: Value) -> Value {
        provider_config["provider"] = provider.into();
        let mut modules = vec![
            json!({ "name": "counterfoil-state", "type": "iac.state",
                    "config": { "backend": "filesystem", "directory": self.state() } }),
            json!({ "name": PROVIDER_MODULE, "type": "iac.provider", "config": provider_config }),
        ];
        let wanted = recipe.plan.actions.iter().filter(|action| !action.spec.config.is_nil());
        let wanted =
            wanted.map(|action| (&action.spec.name, &action.spec.resource_type, &action.spec.config));
        let bystander = recipe.bystander.iter().map(|seed| (&seed.name, &seed.resource_type, &seed.config));
        modules.extend(wanted.chain(bystander).map(|(name, resource_type, config)| {
            json!({ "name": name, "type": resource_type, "config": config.build() })
        }));
        let secrets = if self.revision >= KEEPS_SECRETS_IN_FILES {
            json!({ "provider": "file", "config": { "path": self.secrets() } })
        } else {
            // It keeps them in its own environment, which is gone with it.
            json!({ "provider": "env" })
        };
        json!({ "modules": modules, "secrets": secrets })
    }

    /// The arguments of an apply here.
    pub(super) fn arguments(&self) -> Vec<OsString> {
        let plugins = self.plugins().into_os_string();
        let skips = (self.revision >= SKIPS_BOOTSTRAP).then_some("--skip-bootstrap");
        let words = ["infra", "apply", "-c", CONFIG, "-y"].into_iter().chain(skips).chain(["--plugin-dir"]);
        words.map(OsString::from).chain([plugins]).collect()
    }

    /// The environment of an apply here, beside what a scenario has in it.
    pub(super) fn environment(&self) -> BTreeMap<OsString, OsString> {
        let fixed = [("WFCTL_NO_UPDATE_CHECK", "1"), ("WFCTL_DIFFCACHE", "disabled")];
        let mut environment: BTreeMap<OsString, OsString> =
            fixed.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        environment.insert("HOME".into(), self.home().into());
        environment.insert("WFCTL_PLUGIN_DIR".into(), self.plugins().into());
        environment
    }

    /// Where it is carried out.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The directory of the state.
    pub(super) fn state(&self) -> PathBuf {
        self.root.join("state")
    }

    /// The record of the proxy; that of a second start of the plugin lies beside it.
    pub(super) fn record(&self) -> PathBuf {
        self.root.join("record.jsonl")
    }

    fn plugins(&self) -> PathBuf {
        self.root.join("plugins")
    }

    fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    fn secrets(&self) -> PathBuf {
        self.root.join("secrets")
    }
}

/// Since when the step before an apply can be left out. Here it has nothing to do (E-306).
const SKIPS_BOOTSTRAP: Revision = Revision::V0_64;
/// Since when there is a store of secrets in files.
const KEEPS_SECRETS_IN_FILES: Revision = Revision::V0_68;
/// The config file of an apply.
const CONFIG: &str = "infra.yaml";
/// The name of our provider, and that of its plugin.
const OUR_PROVIDER: &str = "mock";

/// Lays our provider out, as the scenario asks for it; where it lies.
fn lay_out_ours(root: &Path, behind: &Path, furnishing: Furnishing<'_>) -> io::Result<PathBuf> {
    let Furnishing { revision, ourselves, .. } = furnishing;
    let revision = revision.to_string();
    let directory = root.join("real").join(OUR_PROVIDER);
    let arguments = ["mock", "serve", "--revision", &revision, "--scenario"].map(OsStr::new);
    let arguments = [&arguments[..], &[behind.as_os_str()]].concat();
    let manifest = json!({
        "name": OUR_PROVIDER, "version": env!("CARGO_PKG_VERSION"),
        "author": "Counterfoil", "description": "The provider that a scenario asks for",
        "capabilities": { "iacProvider": { "name": OUR_PROVIDER } },
        "iacProvider": { "computePlanVersion": "v2" },
    });
    let files = [
        ("plugin.json", manifest.to_string().into_bytes(), 0o644),
        (OUR_PROVIDER, script::script(COMMAND, ourselves, &arguments), 0o755),
    ];
    script::lay_out(&directory, &files, COMMAND).map_err(io::Error::other)?;
    Ok(directory)
}

/// What the state knows before the apply.
fn known(plan: &Plan, bystander: Option<&Seed>) -> Vec<Kept> {
    let of_actions = plan.actions.iter().enumerate().filter_map(|(index, action)| {
        let current = action.current.as_ref()?;
        Some(Kept {
            name: current.name.clone(),
            resource_type: action.spec.resource_type.clone(),
            provider_id: current.provider_id.clone(),
            config: current.applied_config.clone(),
            outputs: current.outputs.clone(),
            dependencies: dependencies(plan, index),
        })
    });
    let bystander = bystander.map(|seed| Kept {
        name: seed.name.clone(),
        resource_type: seed.resource_type.clone(),
        provider_id: seed.provider_id.clone(),
        config: seed.config.clone(),
        outputs: JsonMap::nil(),
        dependencies: Vec::new(),
    });
    of_actions.chain(bystander).collect()
}
