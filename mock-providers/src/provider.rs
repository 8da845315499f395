use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use counterfoil_proto::{
    iac::{
        ia_c_provider_credential_revoker_server::IaCProviderCredentialRevokerServer,
        ia_c_provider_drift_config_detector_server::IaCProviderDriftConfigDetectorServer,
        ia_c_provider_drift_detector_server::IaCProviderDriftDetectorServer,
        ia_c_provider_enumerator_server::IaCProviderEnumeratorServer,
        ia_c_provider_finalizer_server::IaCProviderFinalizerServer,
        ia_c_provider_log_capture_server::IaCProviderLogCaptureServer,
        ia_c_provider_migration_repairer_server::IaCProviderMigrationRepairerServer,
        ia_c_provider_ownership_server::IaCProviderOwnershipServer,
        ia_c_provider_region_lister_server::IaCProviderRegionListerServer,
        ia_c_provider_required_server::IaCProviderRequiredServer,
        ia_c_provider_requirement_mapper_server::IaCProviderRequirementMapperServer,
        ia_c_provider_runner_server::IaCProviderRunnerServer,
        ia_c_provider_validator_server::IaCProviderValidatorServer,
        ia_c_requirement_discovery_server::IaCRequirementDiscoveryServer,
        ia_c_state_backend_server::IaCStateBackendServer, resource_driver_server::ResourceDriverServer,
    },
    plugin_v1::plugin_service_server::PluginServiceServer,
};
use tonic::service::Routes;

use crate::{
    MAX_MESSAGE, ServedService, Setup,
    cloud::Cloud,
    service::{self, WithApply},
    state::{Place, StateStore},
};

/// A provider: a setup, the cloud that it works on and the store that it keeps states in. Clones share all.
#[derive(Clone, Debug)]
pub struct Provider(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    setup: Setup,
    cloud: Cloud,
    states: StateStore,
    /// What `IaCStateBackend` was last configured for.
    place: Mutex<Option<Place>>,
    plans: AtomicU64,
}

impl Provider {
    /// A provider over a fresh cloud.
    pub fn new(setup: Setup) -> Self {
        let cloud = Cloud::new(setup.traits());
        Self::with_cloud(setup, cloud)
    }

    /// A provider over a cloud that exists already: a plugin starts anew, its cloud does not (E-221). The
    /// traits of types are those of the cloud.
    pub fn with_cloud(setup: Setup, cloud: Cloud) -> Self {
        Self::with_states(setup, cloud, StateStore::default())
    }

    /// A provider over a cloud and a store of states that exist already. What state backend is to be used is
    /// not kept: whoever starts a plugin configures it (E-390).
    pub fn with_states(setup: Setup, cloud: Cloud, states: StateStore) -> Self {
        Self(Arc::new(Parts { setup, cloud, states, place: Mutex::default(), plans: AtomicU64::new(0) }))
    }

    /// What the provider is.
    pub fn setup(&self) -> &Setup {
        &self.0.setup
    }

    /// The cloud that it works on.
    pub fn cloud(&self) -> &Cloud {
        &self.0.cloud
    }

    /// The store that it keeps states in.
    pub fn states(&self) -> &StateStore {
        &self.0.states
    }

    /// The place in the store that the last `Configure` chose.
    pub(crate) fn place(&self) -> Option<Place> {
        self.0.place.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn choose_place(&self, place: Place) {
        *self.0.place.lock().unwrap_or_else(PoisonError::into_inner) = Some(place);
    }

    pub(crate) fn next_plan_id(&self) -> String {
        format!("plan-{}", self.0.plans.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// The gRPC services, to be served on a socket or called in process. What the setup does not serve
    /// answers `Unimplemented`.
    pub fn routes(&self) -> Routes {
        macro_rules! limited {
            ($server:ident($service:ident)) => {
                $server::new(service::$service::new(self.clone()))
                    .max_decoding_message_size(MAX_MESSAGE)
                    .max_encoding_message_size(MAX_MESSAGE)
            };
        }
        let mut routes = Routes::new(limited!(PluginServiceServer(Plugin)));
        if self.setup().serves(ServedService::Required) {
            let server = limited!(IaCProviderRequiredServer(Required));
            routes = routes.add_service(WithApply::new(server, self.clone()));
        }
        macro_rules! serve {
            ($($service:ident => $server:ident,)*) => {
                $(if self.setup().serves(ServedService::$service) {
                    let server = limited!($server($service));
                    routes = if self.setup().stubs.contains(&ServedService::$service) {
                        routes.add_service(service::Stub::of(&server))
                    } else {
                        routes.add_service(server)
                    };
                })*
            };
        }
        serve! {
            CredentialRevoker => IaCProviderCredentialRevokerServer,
            DriftConfigDetector => IaCProviderDriftConfigDetectorServer,
            DriftDetector => IaCProviderDriftDetectorServer,
            Enumerator => IaCProviderEnumeratorServer,
            Finalizer => IaCProviderFinalizerServer,
            LogCapture => IaCProviderLogCaptureServer,
            MigrationRepairer => IaCProviderMigrationRepairerServer,
            Ownership => IaCProviderOwnershipServer,
            RegionLister => IaCProviderRegionListerServer,
            RequirementMapper => IaCProviderRequirementMapperServer,
            Runner => IaCProviderRunnerServer,
            Validator => IaCProviderValidatorServer,
            RequirementDiscovery => IaCRequirementDiscoveryServer,
            StateBackend => IaCStateBackendServer,
            ResourceDriver => ResourceDriverServer,
        }
        routes.prepare()
    }
}
