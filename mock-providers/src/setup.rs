use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use counterfoil_proto::{Contract, Revision, iac};
use serde::Deserialize;

use crate::{ProviderMutant, cloud::Traits};

/// What a provider is: everything about it that is not code.
///
/// ```
/// use counterfoil_mock::{Provider, Setup};
/// use counterfoil_proto::Revision;
///
/// let provider = Provider::new(Setup { revision: Revision::V0_54, ..Setup::default() });
/// ```
#[derive(Clone, Debug)]
pub struct Setup {
    /// The revision of the contract that it speaks. Services and methods that this one lacks are not served.
    pub revision: Revision,
    /// The name of its plugin, as its manifest and `GetManifest` tell it (E-280).
    pub plugin: String,
    /// Its name.
    pub name: String,
    /// Its version, as its manifest and `Version` tell it (H-28).
    pub version: String,
    /// What `Capabilities` says; only `v2` passes the load gate from 0.57 on (E-217).
    pub compute_plan_version: String,
    /// The top-level config keys that it knows; empty for the default set of the host (E-175).
    pub canonical_keys: Vec<String>,
    /// The resource types that it has.
    pub resource_types: BTreeMap<String, TypeSupport>,
    /// The services that it serves and lists in its registry.
    pub services: BTreeSet<ServedService>,
    /// Those of its services of which every method is `Unimplemented`: a type embeds the stubs of the service, and is
    /// registered for it without a line of code behind it (H-04). `Required` is never one.
    pub stubs: BTreeSet<ServedService>,
    /// The backends that its `IaCStateBackend` names (E-392).
    pub state_backends: Vec<String>,
    /// Top-level config keys whose change asks for a new resource.
    pub force_new: BTreeSet<String>,
    /// Types whose resources have a sensitive `password`.
    pub sensitive: BTreeSet<String>,
    /// How it answers `Apply`, at revisions that have it.
    pub apply: ApplyKind,
    /// The encoded `ApplyResponse`, well-formed or not, that answers every `Apply` in place of the work.
    pub apply_reply: Option<Bytes>,
    /// What it does wrong, where it is a broken one.
    pub mutant: Option<&'static ProviderMutant>,
    /// What every `FinalizeApply` reports, with status OK (H-13).
    pub finalize_errors: Vec<iac::ActionError>,
}

/// What a provider declares about a resource type.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TypeSupport {
    /// The tier; 1 is what every provider should have.
    pub tier: i32,
    /// The operations, such as `create`.
    pub operations: Vec<String>,
}

/// How a provider answers `Apply`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApplyKind {
    /// It works through the plan, and tells the outcome of each action where its revision can.
    #[default]
    Honest,
    /// It works through the plan, and never tells the outcomes of actions.
    WithoutOutcomes,
    /// It does nothing, and says so by an error.
    Stub,
    /// It has no such method.
    Absent,
}

/// A service that a provider may have. The order is that of their full names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServedService {
    /// `IaCProviderCredentialRevoker`
    CredentialRevoker,
    /// `IaCProviderDriftConfigDetector`
    DriftConfigDetector,
    /// `IaCProviderDriftDetector`
    DriftDetector,
    /// `IaCProviderEnumerator`
    Enumerator,
    /// `IaCProviderFinalizer`
    Finalizer,
    /// `IaCProviderLogCapture`
    LogCapture,
    /// `IaCProviderMigrationRepairer`
    MigrationRepairer,
    /// `IaCProviderOwnership`
    Ownership,
    /// `IaCProviderRegionLister`
    RegionLister,
    /// `IaCProviderRequired`
    Required,
    /// `IaCProviderRequirementMapper`
    RequirementMapper,
    /// `IaCProviderRunner`
    Runner,
    /// `IaCProviderValidator`
    Validator,
    /// `IaCRequirementDiscovery`
    RequirementDiscovery,
    /// `IaCStateBackend`
    StateBackend,
    /// `ResourceDriver`
    ResourceDriver,
}

impl ServedService {
    /// Every service, in the order of their names.
    pub const ALL: [Self; 16] = [
        Self::CredentialRevoker,
        Self::DriftConfigDetector,
        Self::DriftDetector,
        Self::Enumerator,
        Self::Finalizer,
        Self::LogCapture,
        Self::MigrationRepairer,
        Self::Ownership,
        Self::RegionLister,
        Self::Required,
        Self::RequirementMapper,
        Self::Runner,
        Self::Validator,
        Self::RequirementDiscovery,
        Self::StateBackend,
        Self::ResourceDriver,
    ];

    /// The full name of the service.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CredentialRevoker => iac::ia_c_provider_credential_revoker_server::SERVICE_NAME,
            Self::DriftConfigDetector => iac::ia_c_provider_drift_config_detector_server::SERVICE_NAME,
            Self::DriftDetector => iac::ia_c_provider_drift_detector_server::SERVICE_NAME,
            Self::Enumerator => iac::ia_c_provider_enumerator_server::SERVICE_NAME,
            Self::Finalizer => iac::ia_c_provider_finalizer_server::SERVICE_NAME,
            Self::LogCapture => iac::ia_c_provider_log_capture_server::SERVICE_NAME,
            Self::MigrationRepairer => iac::ia_c_provider_migration_repairer_server::SERVICE_NAME,
            Self::Ownership => iac::ia_c_provider_ownership_server::SERVICE_NAME,
            Self::RegionLister => iac::ia_c_provider_region_lister_server::SERVICE_NAME,
            Self::Required => iac::ia_c_provider_required_server::SERVICE_NAME,
            Self::RequirementMapper => iac::ia_c_provider_requirement_mapper_server::SERVICE_NAME,
            Self::Runner => iac::ia_c_provider_runner_server::SERVICE_NAME,
            Self::Validator => iac::ia_c_provider_validator_server::SERVICE_NAME,
            Self::RequirementDiscovery => iac::ia_c_requirement_discovery_server::SERVICE_NAME,
            Self::StateBackend => iac::ia_c_state_backend_server::SERVICE_NAME,
            Self::ResourceDriver => iac::resource_driver_server::SERVICE_NAME,
        }
    }

    /// Whether the service exists at a revision.
    pub fn exists_at(self, revision: Revision) -> bool {
        Contract::at(revision).services.contains_key(self.name())
    }
}

impl Default for Setup {
    /// A good provider at the newest revision.
    fn default() -> Self {
        let Traits { force_new, sensitive } = Traits::default();
        Self {
            revision: Revision::Head,
            plugin: "mock".into(),
            name: "mock".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            compute_plan_version: "v2".into(),
            canonical_keys: Vec::new(),
            resource_types: TYPES.iter().map(type_support).collect(),
            services: ServedService::ALL.into(),
            stubs: BTreeSet::new(),
            state_backends: vec!["mock".into()],
            force_new,
            sensitive,
            apply: ApplyKind::Honest,
            apply_reply: None,
            mutant: None,
            finalize_errors: Vec::new(),
        }
    }
}

impl Setup {
    /// Whether a service is served: it is wanted, and the revision has it.
    pub fn serves(&self, service: ServedService) -> bool {
        self.services.contains(&service) && service.exists_at(self.revision)
    }

    pub(crate) fn traits(&self) -> Traits {
        Traits { force_new: self.force_new.clone(), sensitive: self.sensitive.clone() }
    }
}

/// Name, tier, and whether the type scales.
const TYPES: [(&str, i32, bool); 12] = [
    ("infra.vpc", 1, false),
    ("infra.database", 1, false),
    ("infra.cache", 1, true),
    ("infra.container_service", 1, true),
    ("infra.k8s_cluster", 1, false),
    ("infra.load_balancer", 1, false),
    ("infra.firewall", 1, false),
    ("infra.iam_role", 1, false),
    ("infra.dns", 2, false),
    ("infra.registry", 2, false),
    ("infra.storage", 2, false),
    ("infra.certificate", 2, false),
];

fn type_support(&(name, tier, scales): &(&str, i32, bool)) -> (String, TypeSupport) {
    let operations = ["create", "read", "update", "delete"].into_iter().chain(scales.then_some("scale"));
    (name.to_owned(), TypeSupport { tier, operations: operations.map(str::to_owned).collect() })
}
