//! A provider behind the wire: driver calls become messages, replies are read by a decoder, both are recorded.

use std::sync::Arc;

use bytes::Bytes;
use counterfoil_proto::{Revision, iac};
use prost::Message;

use super::provider::{Driver, DriverError, Provider};
use crate::{
    decode::Decoder,
    plan::{Plan, ResourceOutput, ResourceRef, Spec},
    rpc::{Call, Method, RpcError, Transport},
    scenario::ResolvePoint,
    trace::{Event, Payload, Recorder, Reply},
};

/// The engine's end of the wire: what it sends and what it receives goes into the trace.
pub struct Link<T> {
    transport: T,
    decoder: Arc<dyn Decoder>,
    revision: Revision,
    log: Recorder,
}

impl<T: Transport> Link<T> {
    /// Calls over `transport`, replies read by `decoder` as of `revision`.
    pub fn new(transport: T, decoder: Arc<dyn Decoder>, revision: Revision, log: Recorder) -> Self {
        Self { transport, decoder, revision, log }
    }

    /// The decoder that reads replies.
    pub fn decoder(&self) -> &dyn Decoder {
        &*self.decoder
    }

    /// The revision as of which replies are read.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// Makes a call and records what was sent and what came back.
    ///
    /// `action` is the position of the action on whose behalf it is made, `resource` the name that it is about.
    ///
    /// # Errors
    /// The status, where it is not OK.
    pub async fn call(
        &self,
        method: Method,
        action: Option<u32>,
        resource: &str,
        request: Bytes,
    ) -> Result<(u32, Bytes), RpcError> {
        let call = self.log.next_call();
        self.log.push(Event::CallIssued {
            call,
            action,
            method,
            resource: resource.to_owned(),
            request: Payload(request.clone()),
        });
        let reply = self
            .transport
            .call(Call { id: call, action, method, resource: resource.to_owned(), request, detached: false })
            .await;
        self.log.push(Event::ReplyReceived { call, reply: Reply::from_result(&reply) });
        reply.map(|bytes| (call, bytes))
    }

    /// Records what the decoder made of a reply.
    ///
    /// # Errors
    /// The refusals, where there are any.
    pub fn accept<V>(&self, call: u32, reading: crate::decode::Reading<V>) -> Result<V, DriverError> {
        reading.into_result().map_err(|refusals| {
            self.log.push(Event::ReplyRefused { call, refusals: refusals.clone() });
            DriverError::Refused(refusals)
        })
    }
}

/// A provider that is reached over a [`Link`].
pub struct WireProvider<T> {
    link: Arc<Link<T>>,
    refuse: Refuse,
}

/// Which types the engine's resolver refuses: the way in which a driver-resolve error is realised.
#[derive(Clone, Debug, Default)]
pub struct Refuse {
    /// Types, each with the phase in which it is refused.
    pub types: Vec<(ResolvePoint, String)>,
    /// The provider advertises no ResourceDriver at all: every type is refused (E-160).
    pub no_driver_service: bool,
}

impl<T: Transport> WireProvider<T> {
    /// A provider over `link` whose resolver refuses what `refuse` says.
    pub fn new(link: Arc<Link<T>>, refuse: Refuse) -> Self {
        Self { link, refuse }
    }
}

impl<T: Transport + Send + Sync> Provider for WireProvider<T> {
    type Driver = WireDriver<T>;

    fn driver(&self, action: u32, at: ResolvePoint, resource_type: &str) -> Result<WireDriver<T>, String> {
        if self.refuse.no_driver_service {
            return Err("iac: provider method unimplemented: optional service \
                 \"workflow.plugin.external.iac.ResourceDriver\" not registered by plugin"
                .to_owned());
        }
        if self.refuse.types.iter().any(|(point, refused)| *point == at && refused == resource_type) {
            return Err(format!("no driver for {resource_type:?}"));
        }
        Ok(WireDriver { link: Arc::clone(&self.link), action, resource_type: resource_type.to_owned() })
    }
}

/// The ResourceDriver service, on behalf of one action.
pub struct WireDriver<T> {
    link: Arc<Link<T>>,
    action: u32,
    resource_type: String,
}

impl<T: Transport + Send + Sync> WireDriver<T> {
    async fn output(
        &self,
        method: Method,
        resource: &str,
        request: Vec<u8>,
    ) -> Result<Option<ResourceOutput>, DriverError> {
        let (call, reply) = self
            .link
            .call(method, Some(self.action), resource, request.into())
            .await
            .map_err(DriverError::Rpc)?;
        self.link.accept(call, self.link.decoder.output(method, &reply, self.link.revision))
    }
}

impl<T: Transport + Send + Sync> Driver for WireDriver<T> {
    async fn create(&self, spec: &Spec) -> Result<Option<ResourceOutput>, DriverError> {
        let request = iac::ResourceCreateRequest {
            resource_type: self.resource_type.clone(),
            spec: Some(spec_message(spec)),
        };
        self.output(Method::Create, &spec.name, request.encode_to_vec()).await
    }

    async fn update(&self, target: &ResourceRef, spec: &Spec) -> Result<Option<ResourceOutput>, DriverError> {
        let request = iac::ResourceUpdateRequest {
            resource_type: self.resource_type.clone(),
            r#ref: Some(ref_message(target)),
            spec: Some(spec_message(spec)),
        };
        self.output(Method::Update, &target.name, request.encode_to_vec()).await
    }

    async fn delete(&self, target: &ResourceRef) -> Result<(), DriverError> {
        let request = iac::ResourceDeleteRequest {
            resource_type: self.resource_type.clone(),
            r#ref: Some(ref_message(target)),
        };
        let request = request.encode_to_vec().into();
        let (call, reply) = self
            .link
            .call(Method::Delete, Some(self.action), &target.name, request)
            .await
            .map_err(DriverError::Rpc)?;
        let response = Method::Delete.response();
        self.link.accept(call, self.link.decoder.message(response, &reply, self.link.revision))
    }
}

/// A spec as it travels (E-170).
pub fn spec_message(spec: &Spec) -> iac::ResourceSpec {
    iac::ResourceSpec {
        name: spec.name.clone(),
        r#type: spec.resource_type.clone(),
        config_json: spec.config.as_bytes().clone(),
        size: spec.size.clone(),
        hints: spec.hints.as_ref().map(|hints| iac::ResourceHints {
            cpu: hints.cpu.clone(),
            memory: hints.memory.clone(),
            storage: hints.storage.clone(),
        }),
        depends_on: spec.depends_on.clone(),
    }
}

/// A reference as it travels.
pub fn ref_message(target: &ResourceRef) -> iac::ResourceRef {
    iac::ResourceRef {
        name: target.name.clone(),
        r#type: target.resource_type.clone(),
        provider_id: target.provider_id.clone(),
    }
}

/// A plan as it travels to a provider that is driven through `Apply`.
pub fn plan_message(plan: &Plan) -> iac::IaCPlan {
    let actions = plan.actions.iter().map(|action| iac::PlanAction {
        action: action.kind.as_str().to_owned(),
        resource: Some(spec_message(&action.spec)),
        current: action.current.as_ref().map(|current| iac::ResourceState {
            name: current.name.clone(),
            r#type: action.spec.resource_type.clone(),
            provider_id: current.provider_id.clone(),
            applied_config_json: current.applied_config.as_bytes().clone(),
            outputs_json: current.outputs.as_bytes().clone(),
            ..iac::ResourceState::default()
        }),
        ..iac::PlanAction::default()
    });
    iac::IaCPlan {
        id: plan.id.clone(),
        actions: actions.collect(),
        schema_version: 1,
        input_snapshot: plan.inputs.clone().into_iter().collect(),
        ..iac::IaCPlan::default()
    }
}
