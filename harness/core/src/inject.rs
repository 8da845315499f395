//! How the faults of a scenario are worked into a run of the reference engine.
//!
//! Faults of calls stand in the transport, outside of this crate; these are the two that stand before any call.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    engine::wire::Refuse,
    json::JsonMap,
    plan::Plan,
    scenario::{FaultKind, Scenario},
};

/// The plan as the engine gets it: each `jit-error` puts a reference into its action's config that nothing
/// resolves, under a key that the config does not have.
pub fn plan(scenario: &Scenario) -> Plan {
    let mut plan = scenario.plan.clone();
    let actions = &scenario.plan.actions;
    let names = actions.iter().flat_map(|action| {
        let of_state = action.current.as_ref().map(|current| current.name.as_str());
        of_state.into_iter().chain([action.spec.name.as_str()])
    });
    let nowhere = unused("counterfoil-nowhere", &names.collect());
    for fault in scenario.faults.iter().filter(|fault| matches!(fault.kind, FaultKind::JitError)) {
        let Some(action) = fault.action else { continue };
        let config = &mut plan.actions[action].spec.config;
        let mut map = config.build();
        let key = unused("counterfoil_jit_error", &map.keys().map(String::as_str).collect());
        map.insert(key, Value::String(format!("${{{nowhere}.id}}")));
        *config = JsonMap::from(map);
    }
    plan
}

/// A word that is none of those taken: `word` itself, or with as many strokes behind it as it takes.
fn unused(word: &str, taken: &BTreeSet<&str>) -> String {
    let mut unused = word.to_owned();
    while taken.contains(unused.as_str()) {
        unused.push('-');
    }
    unused
}

/// The types that the engine's resolver refuses, one for each `driver-resolve-error`. Whether there is a ResourceDriver
/// at all is nothing that a scenario could tell: the provider's registry does (E-152).
pub fn refuse(scenario: &Scenario) -> Refuse {
    let refused = scenario.faults.iter().filter_map(|fault| match (&fault.kind, fault.action) {
        (FaultKind::DriverResolveError { at }, Some(action)) => {
            Some((*at, scenario.plan.actions[action].spec.resource_type.clone()))
        }
        _ => None,
    });
    Refuse { types: refused.collect(), no_driver_service: false }
}
