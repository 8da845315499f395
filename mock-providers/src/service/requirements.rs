use std::collections::HashSet;

use counterfoil_proto::iac::{
    DerivedModuleSpec, DiscoverRequirementsRequest, DiscoverRequirementsResponse, IaCRequirement,
    MapRequirementsRequest, MapRequirementsResponse, RequirementContext, RequirementDiagnostic,
    RequirementKind, ia_c_provider_requirement_mapper_server::IaCProviderRequirementMapper,
    ia_c_requirement_discovery_server::IaCRequirementDiscovery,
};
use serde::Deserialize;
use tonic::{Request, Response, Status, async_trait};

use super::{invalid, present, said};
use crate::{Provider, Setup, cloud::check_object};

/// What a module's config says of its needs: `requires`, a list of words such as `database`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ModuleConfig {
    requires: Vec<String>,
}

/// Each kind of need: its word in a module's config, and the type of resource that meets it, if any does.
const KINDS: [(RequirementKind, &str, Option<&str>); 6] = [
    (RequirementKind::Observability, "observability", None),
    (RequirementKind::WebApi, "web_api", Some("infra.container_service")),
    (RequirementKind::MessageBroker, "message_broker", None),
    (RequirementKind::Database, "database", Some("infra.database")),
    (RequirementKind::Cache, "cache", Some("infra.cache")),
    (RequirementKind::Storage, "storage", Some("infra.storage")),
];

/// `IaCRequirementDiscovery`: a module needs what `requires` in its config lists.
#[derive(Clone, Debug)]
pub struct RequirementDiscovery;

impl RequirementDiscovery {
    /// The service of a provider.
    pub fn new(_: Provider) -> Self {
        Self
    }
}

#[async_trait]
impl IaCRequirementDiscovery for RequirementDiscovery {
    /// What a module of the application meets already is no requirement any more.
    async fn discover_requirements(
        &self,
        request: Request<DiscoverRequirementsRequest>,
    ) -> Result<Response<DiscoverRequirementsResponse>, Status> {
        let DiscoverRequirementsRequest { context, module_config_json: json } = request.into_inner();
        let context = present(context, "context")?;
        check_object("module_config_json", &json)?;
        let config: Option<ModuleConfig> = if json.is_empty() {
            None
        } else {
            serde_json::from_slice(&json)
                .map_err(|error| invalid(format_args!("module_config_json: {error}")))?
        };
        let words = config.unwrap_or_default().requires;
        let met: HashSet<&String> = context.modules.iter().flat_map(|module| &module.satisfies).collect();
        let requirements: Vec<_> =
            words.iter().map(|word| requirement(word, &context)).collect::<Result<_, Status>>()?;
        let open = requirements.into_iter().filter(|it| !met.contains(&it.key));
        Ok(Response::new(DiscoverRequirementsResponse { requirements: open.collect() }))
    }
}

fn requirement(word: &str, context: &RequirementContext) -> Result<IaCRequirement, Status> {
    let Some((kind, ..)) = KINDS.into_iter().find(|(_, known, _)| *known == word) else {
        let text = format_args!("module_config_json: requires: \"{word}\" is no kind of requirement");
        return Err(invalid(text));
    };
    Ok(IaCRequirement {
        key: word.to_owned(),
        kind: kind.into(),
        source: context.application.clone(),
        environment: context.environment.clone(),
        ..IaCRequirement::default()
    })
}

/// `IaCProviderRequirementMapper`: one module for each need that a resource type of the provider meets.
#[derive(Clone, Debug)]
pub struct RequirementMapper(Provider);

impl RequirementMapper {
    /// The service of a provider.
    pub const fn new(provider: Provider) -> Self {
        Self(provider)
    }
}

#[async_trait]
impl IaCProviderRequirementMapper for RequirementMapper {
    /// Every key ends up among the accepted or among the rejected, once.
    async fn map_requirements(
        &self,
        request: Request<MapRequirementsRequest>,
    ) -> Result<Response<MapRequirementsResponse>, Status> {
        let MapRequirementsRequest { provider, requirements, .. } = request.into_inner();
        let setup = self.0.setup();
        if !provider.is_empty() && provider != setup.name {
            return Err(invalid(format_args!("the provider is \"{provider}\" and not {}", setup.name)));
        }
        let mut keys = HashSet::new();
        for requirement in &requirements {
            said([("requirements.key", &requirement.key)])?;
            check_object(
                &format!("parameters_json of \"{}\"", requirement.key),
                &requirement.parameters_json,
            )?;
            if !keys.insert(&requirement.key) {
                return Err(invalid(format_args!("two requirements have the key \"{}\"", requirement.key)));
            }
        }
        let mut response = MapRequirementsResponse::default();
        for requirement in &requirements {
            match met_by(setup, requirement) {
                Ok(resource_type) => {
                    response.accepted_keys.push(requirement.key.clone());
                    response.modules.push(module(requirement, resource_type));
                }
                Err(diagnostic) => response.rejected.push(diagnostic),
            }
        }
        Ok(Response::new(response))
    }
}

/// The type of resource that meets a need: the one wished for if the provider has it, else that of its kind.
fn met_by<'a>(setup: &Setup, requirement: &'a IaCRequirement) -> Result<&'a str, RequirementDiagnostic> {
    let rejected = |code: &str, message: String| RequirementDiagnostic {
        key: requirement.key.clone(),
        code: code.to_owned(),
        message,
    };
    let hint = requirement.resource_type_hint.as_str();
    if setup.resource_types.contains_key(hint) {
        return Ok(hint);
    }
    let Some((_, word, by)) = KINDS.into_iter().find(|(kind, ..)| i32::from(*kind) == requirement.kind)
    else {
        return Err(rejected("unknown_kind", format!("no requirement has the kind {}", requirement.kind)));
    };
    by.filter(|by| setup.resource_types.contains_key(*by))
        .ok_or_else(|| rejected("unsupported", format!("{} has nothing that is a {word}", setup.name)))
}

fn module(requirement: &IaCRequirement, resource_type: &str) -> DerivedModuleSpec {
    DerivedModuleSpec {
        name: requirement.key.clone(),
        r#type: resource_type.to_owned(),
        satisfies: vec![requirement.key.clone()],
        config_json: requirement.parameters_json.clone(),
        ..DerivedModuleSpec::default()
    }
}
