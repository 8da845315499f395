//! What of a scenario can be told to the engine's command line, which makes its plan by itself: out of a config and a state.

use counterfoil_core::{
    json::JsonMap,
    plan::{Action, ActionKind, Current, Plan, Spec},
    rpc::Method,
    scenario::{Dispatch, Expect, Fault, FaultKind, Hook, Hooks, Need, Scenario, Seam, Seed, TransportKind},
};
use counterfoil_proto::Revision;
use serde_json::{Map, Value, json};

use super::PROVIDER_MODULE;

/// The config key that asks for a new resource: our provider says that it cannot be changed in place.
const REPLACES: &str = "counterfoil_replaces";
/// The config key below which strings are not expanded by the command line itself (E-140).
const UNEXPANDED: &str = "env_vars";
/// Keys of a config that the command line takes for its own (E-301, E-184).
const TAKEN: [&str; 5] = ["provider", "iac_provider", "depends_on", "protected", "adopt_existing"];
/// Sizes that are resolved (E-301).
const SIZES: [&str; 5] = ["xs", "s", "m", "l", "xl"];
/// What stays as it is where all else goes: without anything that is wanted, nothing is planned (E-366).
const BYSTANDER: &str = "counterfoil-bystander";

/// Why a plan that is handed over is not judged.
pub(super) const SILENT_ON_APPLY: &str = "the command line says nothing of what Apply reports";

/// A scenario as the command line can be told it.
#[derive(Clone, Debug)]
pub(super) struct Recipe {
    /// The plan that it has to come to.
    pub plan: Plan,
    /// What provider and proxy have to know: what exists, what is served, and which calls fail.
    pub behind: Scenario,
    /// A resource beside those of the plan that stays as it is.
    pub bystander: Option<Seed>,
    /// The names of resources whose state files cannot be written.
    pub unwritable: Vec<String>,
}

impl Recipe {
    /// Translates a scenario for an engine of a revision. Resources are of `only_type`, where that is given.
    ///
    /// # Errors
    /// Why the command line cannot be told it.
    pub(super) fn of(
        scenario: &Scenario,
        revision: Revision,
        only_type: Option<&str>,
    ) -> Result<Self, String> {
        if let Some(reason) = beyond(scenario) {
            return Err(reason);
        }
        let mut plan = Plan { id: scenario.plan.id.clone(), ..Plan::default() };
        for (index, action) in scenario.plan.actions.iter().enumerate() {
            refused(&scenario.plan.actions, index)?;
            let unresolved = scenario
                .faults
                .iter()
                .any(|fault| matches!(fault.kind, FaultKind::JitError) && fault.action == Some(index));
            let action = told(action, unresolved, only_type)?;
            if revision < FINDS_NOTHING && is_looked_for(&action) {
                return Err("before it creates a domain, the command line looks whether it is there, and before 0.64 \
                            takes that it is not for an error (E-184)"
                    .to_owned());
            }
            plan.actions.push(action);
        }
        let is_wanted = |action: &Action| action.kind != ActionKind::Delete;
        let first_type = plan.actions.first().map(|action| action.spec.resource_type.clone());
        let bystander =
            first_type.filter(|_| !plan.actions.iter().any(is_wanted)).map(|resource_type| Seed {
                name: BYSTANDER.to_owned(),
                resource_type,
                provider_id: BYSTANDER.to_owned(),
                config: config_of(Map::new(), &[]),
                outputs: JsonMap::nil(),
            });
        let behind = behind(scenario, &plan, bystander.as_ref());
        let unsaved = scenario.faults.iter().filter_map(|fault| unsaved(fault, scenario));
        let unwritable = unsaved.map(|action| action.spec.name.clone()).collect();
        Ok(Self { plan, behind, bystander, unwritable })
    }
}

/// Why a scenario is nothing that a command line could show, if so.
fn beyond(scenario: &Scenario) -> Option<String> {
    let reason = if !scenario.seams.contains(&Seam::Engine) {
        "it is not about an engine"
    } else if scenario.dispatch != Dispatch::V2 || scenario.provider.compute_plan_version != "v2" {
        SILENT_ON_APPLY
    } else if scenario.needs.contains(&Need::Cloud) || !scenario.trials.is_empty() {
        "it is about more than an apply"
    } else if scenario.engine.hooks != Hooks::All || scenario.engine.upsert || scenario.engine.replacer {
        "the command line installs the hooks that it has, and no wire carries what drivers can do (E-168, E-330)"
    } else if scenario.deadline.is_some() {
        "the command line sets no deadline (E-318)"
    } else if !scenario.plan.inputs.is_empty() {
        "the command line takes the fingerprints of its inputs itself"
    } else if !scenario.provider.services.resource_driver && scenario.plan.actions.iter().any(is_known) {
        "of what exists there is no plan without a driver (E-181)"
    } else if scenario.plan.actions.is_empty() {
        "where nothing is to be done, the command line ends before the engine begins (E-317)"
    } else {
        return scenario.faults.iter().find_map(|fault| out_of_reach(fault, scenario)).map(str::to_owned);
    };
    Some(reason.to_owned())
}

/// Why a fault cannot be brought about from outside.
fn out_of_reach(fault: &Fault, scenario: &Scenario) -> Option<&'static str> {
    match &fault.kind {
        FaultKind::Cancel { .. } => Some("an apply by the command line cannot be cancelled (E-318)"),
        FaultKind::HookError { .. } if unsaved(fault, scenario).is_some() => None,
        FaultKind::HookError { .. } => Some("of the hooks of the command line, none can be made to fail so"),
        FaultKind::DriverResolveError { .. } => Some("its resolver refuses no type (E-160)"),
        FaultKind::Transport { kind: TransportKind::Hang, .. } => {
            Some("no deadline ends the call that hangs")
        }
        FaultKind::Transport { kind: TransportKind::Kill, .. } => {
            Some("the command line goes on with the plugin that was killed, and starts no other")
        }
        kind if strikes_a_delete_by_another_name(kind, fault.action, scenario) => {
            Some("a delete by the name that the driver made up is not known for one of its action")
        }
        FaultKind::JitError
        | FaultKind::DispatchError { .. }
        | FaultKind::FinalizeError { .. }
        | FaultKind::Transport { .. }
        | FaultKind::Wire { .. } => None,
    }
}

/// Whether a fault strikes a delete that makes good a create whose answer is altered, and may be under another name.
fn strikes_a_delete_by_another_name(kind: &FaultKind, action: Option<usize>, scenario: &Scenario) -> bool {
    let Some(index) = action else { return false };
    let is_create = scenario.plan.actions[index].kind == ActionKind::Create;
    let deletes = kind.strikes().is_some_and(|point| point.method == Method::Delete);
    let is_altered = |fault: &Fault| fault.action == action && matches!(fault.kind, FaultKind::Wire { .. });
    is_create && deletes && scenario.faults.iter().any(is_altered)
}

/// The create whose resource cannot be kept in the state, where that is the fault: something is in the way of its file.
fn unsaved<'s>(fault: &Fault, scenario: &'s Scenario) -> Option<&'s Action> {
    let FaultKind::HookError { hook: Hook::ResourceApplied, .. } = fault.kind else { return None };
    let action = &scenario.plan.actions[fault.action?];
    (action.kind == ActionKind::Create).then_some(action)
}

/// Refuses an action that the command line's planner does not come to.
fn refused(actions: &[Action], index: usize) -> Result<(), String> {
    let Action { kind, spec, current, .. } = &actions[index];
    let name = &spec.name;
    let keys = spec.config.build();
    let has_size = keys.get("size").and_then(Value::as_str).is_some_and(|size| SIZES.contains(&size));
    let reason = if !spec.resource_type.starts_with("infra.") {
        "its type is none of a module that is applied"
    } else if actions.iter().filter(|other| other.spec.name == *name).count() > 1 {
        "a name is declared more than once, which the command line refuses (E-320)"
    } else if TAKEN.iter().any(|key| keys.contains_key(*key)) {
        "a key of its config has a meaning of its own to the command line"
    } else if has_size || !spec.size.is_empty() || spec.hints.is_some() {
        "sizes are resolved before an apply, and there are no hints"
    } else if is_malformed(&spec.config) {
        "a malformed reference ends the command line before it has a plan (E-135)"
    } else if *kind != ActionKind::Delete && actions[..index].iter().any(is_delete) {
        "deletes are planned behind everything else (E-360)"
    } else if spec.depends_on.iter().any(|on| actions[index..].iter().any(|later| later.spec.name == *on)) {
        "what others depend on is planned before them (E-360)"
    } else {
        return known(kind, current.as_ref(), spec);
    };
    Err(reason.to_owned())
}

/// Since when the command line knows it for sure where nothing is found across the wire (E-164).
const FINDS_NOTHING: Revision = Revision::V0_64;

/// Whether the command line looks for a resource before it is created, whatever its config says (E-184).
fn is_looked_for(action: &Action) -> bool {
    action.kind == ActionKind::Create
        && ["infra.dns", "infra.dns_delegation"].contains(&&*action.spec.resource_type)
}

fn is_known(action: &Action) -> bool {
    action.current.is_some()
}

fn is_delete(action: &Action) -> bool {
    action.kind == ActionKind::Delete
}

/// Refuses an action of which the state does not know what it takes to plan it.
fn known(kind: &ActionKind, current: Option<&Current>, spec: &Spec) -> Result<(), String> {
    let reason = match (kind, current) {
        (ActionKind::Unknown(_), _) => "the planner has no other words than those of the contract",
        (ActionKind::Create, Some(_)) => "what the state knows is not planned as a create",
        (ActionKind::Create, None) => return Ok(()),
        (_, None) => "what the state does not know is planned as a create",
        (_, Some(current)) if current.provider_id.is_empty() => {
            "what the state has no id of is given its name for one (E-342)"
        }
        (_, Some(current)) if current.name != spec.name => "the state knows resources by their names",
        (_, Some(_)) => return Ok(()),
    };
    Err(reason.to_owned())
}

/// An action as the engine gets it of the command line.
fn told(action: &Action, unresolved: bool, only_type: Option<&str>) -> Result<Action, String> {
    let mut action = action.clone();
    if let Some(only_type) = only_type {
        only_type.clone_into(&mut action.spec.resource_type);
    }
    if action.kind == ActionKind::Delete {
        // It carries no config (E-363).
        action.spec.config = JsonMap::nil();
        return if unresolved { Err("a delete carries no config (E-363)".to_owned()) } else { Ok(action) };
    }
    let mut config = action.spec.config.build();
    if refers(&action.spec.config) {
        config = Map::from_iter([(UNEXPANDED.to_owned(), Value::Object(config))]);
    }
    if unresolved {
        let nowhere = json!({ "COUNTERFOIL_NOWHERE": "${counterfoil-nowhere.id}" });
        config.insert(UNEXPANDED.to_owned(), nowhere);
    }
    if action.kind == ActionKind::Replace {
        config.insert(REPLACES.to_owned(), Value::Bool(true));
    }
    action.spec.config = config_of(config, &action.spec.depends_on);
    Ok(action)
}

/// Whether something in a config would be expanded.
fn refers(config: &JsonMap) -> bool {
    config.as_bytes().contains(&b'$')
}

/// Whether a config holds a reference that is none (E-103).
fn is_malformed(config: &JsonMap) -> bool {
    let text = String::from_utf8_lossy(config.as_bytes());
    let bodies = text.split("${").skip(1).filter_map(|rest| rest.split_once('}').map(|(body, _)| body));
    let malformed = |body: &str| match body.split_once('.') {
        None => body.is_empty(),
        Some((module, field)) => module.is_empty() || field.is_empty(),
    };
    bodies.into_iter().any(malformed)
}

/// A config with what the command line wants to stand in it, and leaves there (E-301).
fn config_of(mut config: Map<String, Value>, depends_on: &[String]) -> JsonMap {
    config.insert("provider".to_owned(), PROVIDER_MODULE.into());
    if !depends_on.is_empty() {
        config.insert("depends_on".to_owned(), depends_on.into());
    }
    JsonMap::from(config)
}

/// The scenario as it stands behind the command line: nothing is expected of it, and its plan but names resources.
fn behind(scenario: &Scenario, plan: &Plan, bystander: Option<&Seed>) -> Scenario {
    let mut behind = scenario.clone();
    behind.expect = Expect::default();
    behind.environment.clear();
    behind.provider.force_new.push(REPLACES.to_owned());
    for (told, action) in plan.actions.iter().zip(&mut behind.plan.actions) {
        let target = action.target();
        for seed in behind.state.iter_mut().filter(|seed| seed.provider_id == target.provider_id) {
            seed.resource_type.clone_from(&told.spec.resource_type);
        }
        action.spec = Spec {
            name: told.spec.name.clone(),
            resource_type: told.spec.resource_type.clone(),
            ..Spec::default()
        };
    }
    behind.state.extend(bystander.cloned());
    behind
}

/// What deletes depend on in the state, so that they are planned in the order of the plan: each on the next (E-360).
pub(super) fn dependencies(plan: &Plan, index: usize) -> Vec<String> {
    let action = &plan.actions[index];
    if action.kind != ActionKind::Delete {
        return action.spec.depends_on.clone();
    }
    plan.actions.get(index + 1).map(|next| next.spec.name.clone()).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use counterfoil_core::scenario::parse;

    use super::*;

    fn recipe(rest: &str) -> Result<Recipe, String> {
        let text = format!("id: told\ntitle: Told\n{rest}");
        Recipe::of(&parse("told.yaml", text.as_bytes()).unwrap(), Revision::Head, None)
    }

    fn plan(actions: &str) -> Result<Recipe, String> {
        recipe(&format!("plan: {{ actions: [{actions}] }}\n"))
    }

    #[test]
    fn configs_are_told_with_what_the_command_line_wants_to_stand_in_them() {
        let told = plan(
            r#"create: { name: net, type: infra.vpc, config: { region: nyc3 } },
               update: { name: web, type: infra.cache, provider_id: c-1, config: { net: "${net.id}" }, depends_on: [net] },
               replace: { name: db, type: infra.database, provider_id: d-1 }"#,
        )
        .unwrap();
        let configs: Vec<Value> =
            told.plan.actions.iter().map(|action| action.spec.config.build().into()).collect();
        let expected = [
            json!({ "region": "nyc3", "provider": PROVIDER_MODULE }),
            json!({ "env_vars": { "net": "${net.id}" }, "provider": PROVIDER_MODULE, "depends_on": ["net"] }),
            json!({ REPLACES: true, "provider": PROVIDER_MODULE }),
        ];
        assert_eq!(configs, expected);
        assert_eq!(told.bystander, None);
    }

    #[test]
    fn a_domain_cannot_be_made_where_the_command_line_takes_nothing_for_an_error() {
        let text = "id: told\ntitle: Told\nplan: { actions: [create: { name: a, type: infra.dns }] }\n";
        let scenario = parse("told.yaml", text.as_bytes()).unwrap();
        let refused = Recipe::of(&scenario, Revision::V0_60, None).unwrap_err();
        assert!(refused.ends_with("takes that it is not for an error (E-184)"), "{refused}");
        assert!(Recipe::of(&scenario, Revision::V0_64, None).is_ok());
        assert!(Recipe::of(&scenario, Revision::V0_57, Some("infra.vpc")).is_ok());
    }

    #[test]
    fn deletes_alone_have_something_beside_them_and_depend_on_the_next() {
        let told = plan(
            "delete: { name: a, type: infra.cache, provider_id: c-1 }, delete: { name: b, type: infra.vpc, provider_id: v-1 }",
        )
        .unwrap();
        assert_eq!(told.bystander.unwrap().resource_type, "infra.cache");
        assert_eq!(
            (dependencies(&told.plan, 0), dependencies(&told.plan, 1)),
            (vec!["b".to_owned()], vec![])
        );
    }

    #[test]
    fn what_a_command_line_cannot_be_told_has_its_reason() {
        let net = "create: { name: net, type: infra.vpc }";
        for (actions, reason) in [
            (
                "delete: { name: a, type: infra.vpc, provider_id: v-1 }, create: { name: b, type: infra.vpc }",
                "E-360",
            ),
            (
                "create: { as: a, name: net, type: infra.vpc }, create: { as: b, name: net, type: infra.dns }",
                "E-320",
            ),
            ("update: { name: net, type: infra.vpc }", "planned as a create"),
            ("create: { name: net, type: platform.vpc }", "none of a module"),
            ("create: { name: net, type: infra.vpc, config: { size: xl } }", "sizes"),
            (r#"create: { name: net, type: infra.vpc, config: { a: "${.x}" } }"#, "E-135"),
            ("", "E-317"),
        ] {
            let refused = plan(actions).unwrap_err();
            assert!(refused.contains(reason), "{actions}: {refused}");
        }
        let cancelled = recipe(&format!(
            "plan: {{ actions: [{net}] }}\nfaults: [{{ inject: cancel, at: {{ before: net }} }}]\n"
        ));
        assert!(cancelled.unwrap_err().contains("E-318"));
    }

    #[test]
    fn a_create_that_cannot_be_kept_has_something_in_its_way() {
        let faults = "faults: [{ inject: hook-error, action: net, hook: resource-applied, message: full }]\n";
        let told =
            recipe(&format!("plan: {{ actions: [create: {{ name: net, type: infra.vpc }}] }}\n{faults}"))
                .unwrap();
        assert_eq!(told.unwritable, ["net"]);
    }
}
