use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use counterfoil_proto::{
    iac::{
        ia_c_provider_finalizer_server::IaCProviderFinalizerServer,
        ia_c_provider_required_server::IaCProviderRequiredServer,
        resource_driver_server::ResourceDriverServer,
    },
    plugin_v1::plugin_service_server::PluginServiceServer,
};
use tonic::service::Routes;

use crate::{
    MAX_MESSAGE, ServedService, Setup,
    cloud::Cloud,
    service::{Driver, Finalizer, Plugin, Required, WithApply},
};

/// A provider: a setup and the cloud that it works on. Clones share both.
#[derive(Clone, Debug)]
pub struct Provider(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    setup: Setup,
    cloud: Cloud,
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
        Self(Arc::new(Parts { setup, cloud, plans: AtomicU64::new(0) }))
    }

    /// What the provider is.
    pub fn setup(&self) -> &Setup {
        &self.0.setup
    }

    /// The cloud that it works on.
    pub fn cloud(&self) -> &Cloud {
        &self.0.cloud
    }

    pub(crate) fn next_plan_id(&self) -> String {
        format!("plan-{}", self.0.plans.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// The gRPC services, to be served on a socket or called in process. What the setup does not serve
    /// answers `Unimplemented`.
    pub fn routes(&self) -> Routes {
        macro_rules! limited {
            ($server:expr) => {
                $server.max_decoding_message_size(MAX_MESSAGE).max_encoding_message_size(MAX_MESSAGE)
            };
        }
        let mut routes = Routes::new(limited!(PluginServiceServer::new(Plugin::new(self.clone()))));
        if self.setup().serves(ServedService::Required) {
            let server = limited!(IaCProviderRequiredServer::new(Required::new(self.clone())));
            routes = routes.add_service(WithApply::new(server, self.clone()));
        }
        if self.setup().serves(ServedService::ResourceDriver) {
            routes = routes.add_service(limited!(ResourceDriverServer::new(Driver::new(self.clone()))));
        }
        if self.setup().serves(ServedService::Finalizer) {
            routes =
                routes.add_service(limited!(IaCProviderFinalizerServer::new(Finalizer::new(self.clone()))));
        }
        routes.prepare()
    }
}
