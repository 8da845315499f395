//! What an engine asks of a provider before it applies anything.

use bytes::Bytes;
use counterfoil_core::{
    engine::wire::Link,
    rpc::{Code, Method, Transport},
};
use counterfoil_mock::ServedService;
use counterfoil_proto::{UndeclaredV2, iac, plugin_v1};
use prost::Message as _;

/// What an engine knows of a provider before it applies anything.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Loaded {
    /// Its `compute_plan_version`.
    pub declared: String,
    /// Whether its registry lists a ResourceDriver. Nothing else tells (E-152, E-160).
    pub driver_service: bool,
    /// Whether it lists a finalizer that the revision has.
    pub finalizer: bool,
}

/// A provider that did not get through the load sequence.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotLoaded {
    /// The call that failed.
    pub method: Method,
    /// How.
    pub error: String,
}

/// The calls that an engine makes before it applies anything, in its order (E-215 to E-217). `config` is what
/// `Initialize` is given; none is no byte at all (E-219).
pub(super) async fn load<T: Transport>(link: &Link<T>, config: &Bytes) -> Result<Loaded, NotLoaded> {
    let not_loaded = |method, error: &dyn ToString| NotLoaded { method, error: error.to_string() };
    // The outer error is a refused reply, the inner one the status of the call.
    let call =
        async |method: Method, request: Vec<u8>| match link.call(method, None, "", request.into()).await {
            Err(status) => Ok(Err(status)),
            Ok((call, reply)) => {
                let reading = link.decoder().message(method.response(), &reply, link.revision());
                link.accept(call, reading).map_err(|refused| not_loaded(method, &refused))?;
                Ok(Ok(reply))
            }
        };

    let method = Method::ContractRegistry;
    let registry = match call(method, Vec::new()).await? {
        Ok(reply) => reply,
        Err(status) if status.code == Code::Unimplemented => Bytes::new(),
        Err(status) => return Err(not_loaded(method, &status)),
    };
    // What the decoder has accepted is well-formed, here and below.
    let registry = plugin_v1::ContractRegistry::decode(registry).unwrap_or_default();
    let registers = |service: ServedService| {
        registry.contracts.iter().any(|contract| {
            contract.kind() == plugin_v1::ContractKind::Service && contract.service_name == service.name()
        })
    };
    if !registers(ServedService::Required) {
        let required = ServedService::Required.name();
        return Err(not_loaded(method, &format!("the required service {required:?} is not registered")));
    }

    let method = Method::Initialize;
    let request = iac::InitializeRequest { config_json: config.clone() };
    call(method, request.encode_to_vec()).await?.map_err(|status| not_loaded(method, &status))?;

    let method = Method::Capabilities;
    let by_apply = link.revision().engine().undeclared_v2 == UndeclaredV2::DrivenByApply;
    let capabilities = match call(method, Vec::new()).await? {
        Ok(reply) => reply,
        // It declares nothing, and so not v2 (D-010).
        Err(_) if by_apply => Bytes::new(),
        Err(status) => return Err(not_loaded(method, &status)),
    };
    let declared = iac::CapabilitiesResponse::decode(capabilities).unwrap_or_default().compute_plan_version;
    if !by_apply && declared != "v2" {
        return Err(not_loaded(
            method,
            &format!("compute_plan_version is {declared:?}, and has to be \"v2\""),
        ));
    }
    Ok(Loaded {
        declared,
        driver_service: registers(ServedService::ResourceDriver),
        finalizer: link.revision().engine().finalizer && registers(ServedService::Finalizer),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use counterfoil_core::{
        decode::Strict,
        engine::Context,
        rpc::{Call, RpcError},
        trace::Recorder,
    };
    use counterfoil_proto::Revision;

    use super::*;

    /// A provider that answers the calls of the load sequence, and those that it does not know with an empty message.
    struct Answers(Vec<(Method, Result<Vec<u8>, RpcError>)>);

    impl Transport for Answers {
        async fn call(&self, call: Call) -> Result<Bytes, RpcError> {
            let answer = self.0.iter().find(|(method, _)| *method == call.method);
            answer.map_or_else(|| Ok(Bytes::new()), |(_, answer)| answer.clone().map(Bytes::from))
        }
    }

    fn registry(
        services: &[(plugin_v1::ContractKind, ServedService)],
    ) -> (Method, Result<Vec<u8>, RpcError>) {
        let contracts = services.iter().map(|(kind, service)| plugin_v1::ContractDescriptor {
            kind: (*kind).into(),
            service_name: service.name().to_owned(),
            ..Default::default()
        });
        let registry = plugin_v1::ContractRegistry { contracts: contracts.collect(), ..Default::default() };
        (Method::ContractRegistry, Ok(registry.encode_to_vec()))
    }

    fn both() -> (Method, Result<Vec<u8>, RpcError>) {
        use plugin_v1::ContractKind::Service;
        registry(&[(Service, ServedService::Required), (Service, ServedService::ResourceDriver)])
    }

    fn declares(version: &str) -> (Method, Result<Vec<u8>, RpcError>) {
        let capabilities =
            iac::CapabilitiesResponse { compute_plan_version: version.to_owned(), ..Default::default() };
        (Method::Capabilities, Ok(capabilities.encode_to_vec()))
    }

    fn fails(method: Method, code: Code) -> (Method, Result<Vec<u8>, RpcError>) {
        (method, Err(RpcError { code, message: "no".to_owned() }))
    }

    async fn loaded<const N: usize>(
        revision: Revision,
        answers: [(Method, Result<Vec<u8>, RpcError>); N],
    ) -> Result<(String, bool), (Method, String)> {
        let (context, log) = (Context::default(), Recorder::default());
        let link = Link::new(Answers(answers.into()), Arc::new(Strict), revision, context, log);
        let loaded = load(&link, &Bytes::new()).await.map(|loaded| (loaded.declared, loaded.driver_service));
        loaded.map_err(|not| (not.method, not.error))
    }

    #[tokio::test]
    async fn a_registry_alone_says_whether_there_are_drivers() {
        use plugin_v1::ContractKind::{Module, Service};
        let v2 = || "v2".to_owned();
        assert_eq!(loaded(Revision::Head, [both(), declares("v2")]).await, Ok((v2(), true)));
        let without = registry(&[(Service, ServedService::Required)]);
        assert_eq!(loaded(Revision::Head, [without, declares("v2")]).await, Ok((v2(), false)));
        let of_another_kind =
            registry(&[(Service, ServedService::Required), (Module, ServedService::ResourceDriver)]);
        assert_eq!(loaded(Revision::Head, [of_another_kind, declares("v2")]).await, Ok((v2(), false)));
    }

    #[tokio::test]
    async fn no_registry_is_an_empty_one_and_lacks_what_is_required() {
        for registry in [fails(Method::ContractRegistry, Code::Unimplemented), registry(&[])] {
            let (method, error) = loaded(Revision::Head, [registry, declares("v2")]).await.unwrap_err();
            assert_eq!(method, Method::ContractRegistry);
            assert!(error.contains("IaCProviderRequired") && error.contains("not registered"), "{error}");
        }
        let (method, error) =
            loaded(Revision::Head, [fails(Method::ContractRegistry, Code::Unavailable)]).await.unwrap_err();
        assert_eq!((method, &*error), (Method::ContractRegistry, "rpc error: code = Unavailable desc = no"));
    }

    #[tokio::test]
    async fn capabilities_that_fail_mean_apply_as_long_as_there_is_one() {
        for (revision, expected) in
            [(Revision::V0_51, true), (Revision::V0_56, true), (Revision::V0_57, false)]
        {
            for answer in [fails(Method::Capabilities, Code::Unavailable), declares("v1")] {
                let declared = if answer.1.is_ok() { "v1" } else { "" };
                match loaded(revision, [both(), answer]).await {
                    Ok(loaded) => {
                        assert!(expected && loaded == (declared.to_owned(), true), "{revision}: {loaded:?}");
                    }
                    Err((method, error)) => {
                        assert!(!expected && method == Method::Capabilities, "{revision}: {error}");
                    }
                }
            }
        }
    }

    #[tokio::test]
    async fn what_fails_or_is_refused_ends_the_load() {
        for answer in [fails(Method::Initialize, Code::Internal), (Method::Capabilities, Ok(vec![0x0a]))] {
            let expected = answer.0;
            let (method, error) = loaded(Revision::V0_54, [both(), answer]).await.unwrap_err();
            assert_eq!(method, expected, "{error}");
        }
    }
}
