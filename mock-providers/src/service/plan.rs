use std::collections::{HashMap, HashSet};

use counterfoil_proto::iac::{IaCPlan, PlanAction, PlanRequest, ResourceSpec, ResourceState};
use tonic::Status;

use super::{check_type, driver::field_changes, invalid, said};
use crate::{
    Provider,
    cloud::{CloudError, Target, check_object},
};

/// Plans one action per resource that is not as desired: creates and changes in dependency order, then
/// deletes in the reverse (E-360). A resource that the state has and the cloud lost is created.
///
/// # Errors
/// `InvalidArgument` for a dependency cycle, a resource without a name or type, or JSON that is no object;
/// `NotFound` for an unknown type.
pub(super) fn plan(provider: &Provider, request: PlanRequest) -> Result<IaCPlan, Status> {
    check(provider, &request)?;
    let PlanRequest { desired, current } = request;
    let mut actions = Vec::new();
    {
        let known: HashMap<_, _> =
            current.iter().map(|state| ((&state.r#type, &state.name), state)).collect();
        for at in ordered(&desired, |spec| &spec.name, |spec| &spec.depends_on)? {
            let spec = &desired[at];
            actions.extend(action(provider, spec, known.get(&(&spec.r#type, &spec.name)).copied())?);
        }
    }
    let kept: HashSet<_> = desired.iter().map(|spec| (&spec.r#type, &spec.name)).collect();
    for at in ordered(&current, |state| &state.name, |state| &state.dependencies)?.into_iter().rev() {
        let state = &current[at];
        if !kept.contains(&(&state.r#type, &state.name)) {
            actions.push(delete(state));
        }
    }
    Ok(IaCPlan { id: provider.next_plan_id(), actions, schema_version: 1, ..IaCPlan::default() })
}

fn check(provider: &Provider, request: &PlanRequest) -> Result<(), Status> {
    for spec in &request.desired {
        said([("desired.name", &spec.name)])?;
        check_type(provider, &spec.r#type)?;
        check_object("desired.config_json", &spec.config_json)?;
    }
    for state in &request.current {
        said([("current.name", &state.name)])?;
        check_type(provider, &state.r#type)?;
        check_object("current.applied_config_json", &state.applied_config_json)?;
        check_object("current.outputs_json", &state.outputs_json)?;
    }
    Ok(())
}

fn action(
    provider: &Provider,
    spec: &ResourceSpec,
    state: Option<&ResourceState>,
) -> Result<Option<PlanAction>, Status> {
    let found = state.map(|state| {
        let target =
            Target { resource_type: &state.r#type, name: &state.name, provider_id: &state.provider_id };
        (state, provider.cloud().diff(&target, &spec.config_json))
    });
    let (word, current, changes) = match found {
        None | Some((_, Err(CloudError::NotFound(_)))) => ("create", None, Vec::new()),
        Some((_, Err(error))) => return Err(error.into()),
        Some((state, Ok(diff))) if diff.needs_replace() => ("replace", Some(state), field_changes(diff)),
        Some((state, Ok(diff))) if diff.needs_update() => ("update", Some(state), field_changes(diff)),
        Some((_, Ok(_))) => return Ok(None),
    };
    Ok(Some(PlanAction {
        action: word.into(),
        resource: Some(spec.clone()),
        current: current.cloned(),
        changes,
        ..PlanAction::default()
    }))
}

/// The resource of a delete has no config (E-363).
fn delete(state: &ResourceState) -> PlanAction {
    let resource = ResourceSpec {
        name: state.name.clone(),
        r#type: state.r#type.clone(),
        depends_on: state.dependencies.clone(),
        ..ResourceSpec::default()
    };
    PlanAction {
        action: "delete".into(),
        resource: Some(resource),
        current: Some(state.clone()),
        ..PlanAction::default()
    }
}

/// The positions of `items`, each after those of what it depends on, else as they came. Unknown names are
/// ignored (E-361). Recursion is spelled out, for the depth is the caller's.
fn ordered<T>(
    items: &[T],
    name: impl Fn(&T) -> &String,
    depends_on: impl Fn(&T) -> &Vec<String>,
) -> Result<Vec<usize>, Status> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let positions: HashMap<_, _> = items.iter().enumerate().map(|(at, item)| (name(item), at)).collect();
    let mut marks = vec![Mark::New; items.len()];
    let mut order = Vec::with_capacity(items.len());
    for start in 0..items.len() {
        let mut open = if marks[start] == Mark::New { vec![(start, 0)] } else { Vec::new() };
        while let Some((at, next)) = open.last_mut() {
            let at = *at;
            marks[at] = Mark::Open;
            let Some(dependency) = depends_on(&items[at]).get(*next) else {
                marks[at] = Mark::Done;
                order.push(at);
                open.pop();
                continue;
            };
            *next += 1;
            match positions.get(dependency).map(|&at| (at, marks[at])) {
                Some((at, Mark::New)) => open.push((at, 0)),
                Some((_, Mark::Open)) => {
                    return Err(invalid(format_args!("dependency cycle at \"{dependency}\"")));
                }
                Some((_, Mark::Done)) | None => {}
            }
        }
    }
    Ok(order)
}
