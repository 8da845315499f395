use std::collections::{HashMap, HashSet};

use counterfoil_proto::iac::{
    PlanAction, PlanDiagnostic, PlanDiagnosticSeverity, ResourceSpec, ValidatePlanRequest,
    ValidatePlanResponse, ia_c_provider_validator_server::IaCProviderValidator,
};
use serde_json::Value;
use tonic::{Request, Response, Status, async_trait};

use super::present;
use crate::{Provider, cloud::check_object};

/// `IaCProviderValidator`: actions that cannot work, and references to what will not be there (E-271).
///
/// A config key such as `vpc_ref` refers to a resource by its name or its id.
#[derive(Clone, Debug)]
pub struct Validator(Provider);

impl Validator {
    /// The service of a provider.
    pub const fn new(provider: Provider) -> Self {
        Self(provider)
    }

    /// What can be referred to: what lives and is not deleted, and what the plan makes.
    fn names(&self, actions: &[(PlanAction, ResourceSpec)]) -> HashSet<String> {
        let of_plan = |deleted: bool| {
            let chosen = actions.iter().filter(move |(action, _)| (action.action == "delete") == deleted);
            chosen.map(|(_, spec)| (&spec.r#type, &spec.name))
        };
        let deleted: HashSet<_> = of_plan(true).collect();
        let live = self.0.cloud().list();
        let live = live.iter().filter(|live| !deleted.contains(&(&live.resource_type, &live.name)));
        let live = live.flat_map(|live| [live.name.clone(), live.provider_id.clone()]);
        live.chain(of_plan(false).map(|(_, name)| name.clone())).collect()
    }

    /// What is wrong with an action, whatever its config says.
    fn about_action(&self, action: &PlanAction, spec: &ResourceSpec) -> Vec<PlanDiagnostic> {
        let mut found = Vec::new();
        if !matches!(action.action.as_str(), "create" | "update" | "replace" | "delete") {
            found.push(error(spec, "", format!("\"{}\" is no action", action.action)));
        }
        if spec.name.is_empty() {
            found.push(error(spec, "", format!("a resource of type \"{}\" has no name", spec.r#type)));
        }
        if !self.0.setup().resource_types.contains_key(&spec.r#type) {
            let name = &self.0.setup().name;
            found.push(error(spec, "", format!("{name} has no resource type \"{}\"", spec.r#type)));
        }
        found
    }
}

#[async_trait]
impl IaCProviderValidator for Validator {
    async fn validate_plan(
        &self,
        request: Request<ValidatePlanRequest>,
    ) -> Result<Response<ValidatePlanResponse>, Status> {
        let plan = present(request.into_inner().plan, "plan")?;
        let mut actions = Vec::with_capacity(plan.actions.len());
        for (i, mut action) in plan.actions.into_iter().enumerate() {
            let spec = present(action.resource.take(), &format!("plan.actions[{i}].resource"))?;
            check_object(&format!("plan.actions[{i}].resource.config_json"), &spec.config_json)?;
            actions.push((action, spec));
        }
        let names = self.names(&actions);
        let diagnostics = actions.iter().flat_map(|(action, spec)| {
            self.about_action(action, spec).into_iter().chain(about_references(spec, &names))
        });
        Ok(Response::new(ValidatePlanResponse { diagnostics: diagnostics.collect() }))
    }
}

/// What a config refers to and nothing is called. What only an apply can resolve is not judged.
fn about_references(spec: &ResourceSpec, names: &HashSet<String>) -> Vec<PlanDiagnostic> {
    // No bytes and `null` are the empty config.
    let config: HashMap<String, Value> = serde_json::from_slice(&spec.config_json).unwrap_or_default();
    let mut references: Vec<(&String, &str)> = config
        .iter()
        .filter(|(key, _)| key.ends_with("_ref"))
        .filter_map(|(key, value)| Some((key, value.as_str()?)))
        .filter(|(_, name)| !name.contains("${") && !names.contains(*name))
        .collect();
    references.sort();
    let told = |(key, name): (&String, &str)| error(spec, key, format!("nothing is called \"{name}\""));
    references.into_iter().map(told).collect()
}

fn error(spec: &ResourceSpec, field: &str, message: String) -> PlanDiagnostic {
    PlanDiagnostic {
        severity: PlanDiagnosticSeverity::PlanDiagnosticError.into(),
        resource: spec.name.clone(),
        field: field.to_owned(),
        message,
    }
}
