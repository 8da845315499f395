use counterfoil_proto::plugin_v1::{
    ConfigFragmentResponse, ConfigureCallbackRequest, ContractDescriptor, ContractKind, ContractMode,
    ContractRegistry, CreateModuleRequest, CreateStepRequest, CreateTriggerRequest, DeliverMessageRequest,
    DeliverMessageResponse, ErrorResponse, ExecuteStepRequest, ExecuteStepResponse, GetAssetRequest,
    GetAssetResponse, HandleRequest, HandleResponse, InvokeServiceRequest, InvokeServiceResponse, Manifest,
    ModuleSchemaList, TypeList, plugin_service_server::PluginService,
};
use tonic::{Request, Response, Status, async_trait};

use crate::{Provider, ServedService};

/// `PluginService`: who the provider is and what it serves. It has no modules, steps or triggers.
#[derive(Clone, Debug)]
pub struct Plugin(Provider);

impl Plugin {
    /// The service of a provider.
    pub const fn new(provider: Provider) -> Self {
        Self(provider)
    }
}

/// The methods that a plugin without modules, steps and triggers leaves out.
macro_rules! left_out {
    ($($method:ident($request:ty) -> $response:ty;)*) => {
        #[async_trait]
        impl PluginService for Plugin {
            async fn get_manifest(&self, _: Request<()>) -> Result<Response<Manifest>, Status> {
                Ok(Response::new(self.manifest()))
            }

            async fn get_contract_registry(
                &self,
                _: Request<()>,
            ) -> Result<Response<ContractRegistry>, Status> {
                Ok(Response::new(self.registry()))
            }

            $(async fn $method(&self, _: Request<$request>) -> Result<Response<$response>, Status> {
                Err(Status::unimplemented(concat!("iac: provider method unimplemented: ", stringify!($method))))
            })*
        }
    };
}
left_out! {
    get_module_types(()) -> TypeList;
    get_step_types(()) -> TypeList;
    get_trigger_types(()) -> TypeList;
    get_module_schemas(()) -> ModuleSchemaList;
    create_module(CreateModuleRequest) -> HandleResponse;
    init_module(HandleRequest) -> ErrorResponse;
    start_module(HandleRequest) -> ErrorResponse;
    stop_module(HandleRequest) -> ErrorResponse;
    destroy_module(HandleRequest) -> ErrorResponse;
    create_step(CreateStepRequest) -> HandleResponse;
    execute_step(ExecuteStepRequest) -> ExecuteStepResponse;
    destroy_step(HandleRequest) -> ErrorResponse;
    invoke_service(InvokeServiceRequest) -> InvokeServiceResponse;
    deliver_message(DeliverMessageRequest) -> DeliverMessageResponse;
    get_config_fragment(()) -> ConfigFragmentResponse;
    get_asset(GetAssetRequest) -> GetAssetResponse;
    configure_callback(ConfigureCallbackRequest) -> ErrorResponse;
    create_trigger(CreateTriggerRequest) -> HandleResponse;
}

impl Plugin {
    fn manifest(&self) -> Manifest {
        let setup = self.0.setup();
        Manifest {
            name: setup.plugin.clone(),
            version: setup.version.clone(),
            author: "Counterfoil".into(),
            description: "An infrastructure provider over an in-memory cloud".into(),
            ..Manifest::default()
        }
    }

    /// Lists the infrastructure services that are served, and no other, by name (E-220).
    fn registry(&self) -> ContractRegistry {
        let served = ServedService::ALL.into_iter().filter(|service| self.0.setup().serves(*service));
        let contracts = served.map(|service| ContractDescriptor {
            kind: ContractKind::Service.into(),
            service_name: service.name().into(),
            mode: ContractMode::StrictProto.into(),
            ..ContractDescriptor::default()
        });
        ContractRegistry { contracts: contracts.collect(), ..ContractRegistry::default() }
    }
}
