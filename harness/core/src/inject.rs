//! How the faults of a scenario are worked into a run of the reference engine.
//!
//! Faults of calls stand in the transport, outside of this crate; these are the two that stand before any call.

use serde_json::Value;

use crate::{
    engine::wire::Refuse,
    json::JsonMap,
    plan::Plan,
    scenario::{FaultKind, Scenario},
};

/// The config key that a `jit-error` adds.
pub const UNRESOLVED_KEY: &str = "counterfoil_jit_error";

/// The reference that a `jit-error` adds: nothing resolves it.
pub const UNRESOLVED_REFERENCE: &str = "${counterfoil-nowhere.id}";

/// The plan as the engine gets it: each `jit-error` puts a reference into its action's config that nothing
/// resolves.
pub fn plan(scenario: &Scenario) -> Plan {
    let mut plan = scenario.plan.clone();
    for fault in scenario.faults.iter().filter(|fault| matches!(fault.kind, FaultKind::JitError)) {
        let config = &mut plan.actions[fault.action].spec.config;
        let mut map = config.build();
        map.insert(UNRESOLVED_KEY.to_owned(), Value::String(UNRESOLVED_REFERENCE.to_owned()));
        *config = JsonMap::from(map);
    }
    plan
}

/// The types that the engine's resolver refuses, one for each `driver-resolve-error`.
pub fn refuse(scenario: &Scenario) -> Refuse {
    let refused = scenario.faults.iter().filter_map(|fault| match fault.kind {
        FaultKind::DriverResolveError { at } => {
            Some((at, scenario.plan.actions[fault.action].spec.resource_type.clone()))
        }
        _ => None,
    });
    Refuse { types: refused.collect(), no_driver_service: !scenario.provider.services.resource_driver }
}
