//! A provider behind the wire: driver calls become messages, replies are read by a decoder, both are recorded.

use std::sync::Arc;

use bytes::Bytes;
use counterfoil_proto::{Revision, iac};
use prost::Message;

use super::{
    context::{Context, Done},
    go_value,
    provider::{Driver, DriverError, Provider},
};
use crate::{
    decode::Decoder,
    json::{JsonFault, JsonMap},
    outcome::ActionError,
    plan::{Action, ActionKind, Change, Current, Hints, Plan, ResourceOutput, ResourceRef, Spec},
    rpc::{Call, Method, RpcError, Transport},
    scenario::ResolvePoint,
    trace::{Drivers, Event, Payload, Recorder, Reply},
};

/// The engine's end of the wire: what it sends and what it receives goes into the trace.
pub struct Link<T> {
    transport: T,
    decoder: Arc<dyn Decoder>,
    revision: Revision,
    context: Context,
    log: Recorder,
}

impl<T: Transport> Link<T> {
    /// Calls over `transport` while `context` lasts, replies read by `decoder` as of `revision`.
    pub fn new(
        transport: T,
        decoder: Arc<dyn Decoder>,
        revision: Revision,
        context: Context,
        log: Recorder,
    ) -> Self {
        Self { transport, decoder, revision, context, log }
    }

    /// What carries the calls.
    pub fn transport(&self) -> &T {
        &self.transport
    }

    /// The decoder that reads replies.
    pub fn decoder(&self) -> &dyn Decoder {
        &*self.decoder
    }

    /// The revision as of which replies are read.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// Makes a call and records what was sent and what came back. When the context has ended, nothing is sent.
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
        self.send(Call { id: 0, action, method, resource: resource.to_owned(), request, detached: false })
            .await
    }

    /// Makes a call, to which this gives the number.
    async fn send(&self, mut call: Call) -> Result<(u32, Bytes), RpcError> {
        let ended = || self.context.done().filter(|_| !call.detached);
        if let Some(done) = ended() {
            return Err(done.rpc_error());
        }
        let id = self.log.next_call();
        let issued = Event::CallIssued {
            call: id,
            action: call.action,
            method: call.method,
            resource: call.resource.clone(),
            request: Payload(call.request.clone()),
        };
        self.log.push_unless(issued, ended).map_err(Done::rpc_error)?;
        call.id = id;
        let reply = self.transport.call(call).await;
        self.log.push(Event::ReplyReceived { call: id, reply: Reply::from_result(&reply) });
        reply.map(|bytes| (id, bytes))
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
    access: Access,
}

/// How far an engine gets with a provider, apart from what the provider itself answers.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Types that the engine's resolver refuses, each with the phase in which it does.
    pub refused: Vec<(ResolvePoint, String)>,
    /// The provider advertises no ResourceDriver at all: every type is refused (E-160).
    pub no_drivers: bool,
    /// The provider advertises a finalizer (E-152).
    pub finalizer: bool,
    /// What its drivers can do that no wire can carry, as if they stood in the engine's own process (E-168).
    pub drivers: Drivers,
}

impl Access {
    /// The text with which the resolver refuses a driver for a type in this phase, if it does.
    pub fn refusal(&self, at: ResolvePoint, resource_type: &str) -> Option<String> {
        if self.no_drivers {
            let refusal = "iac: provider method unimplemented: optional service \
                 \"workflow.plugin.external.iac.ResourceDriver\" not registered by plugin";
            return Some(refusal.to_owned());
        }
        let refused = self.refused.iter().any(|(point, refused)| *point == at && refused == resource_type);
        refused.then(|| format!("no driver for {}", go_value::quote(resource_type)))
    }
}

impl<T: Transport> WireProvider<T> {
    /// A provider over `link` with so much access.
    pub fn new(link: Arc<Link<T>>, access: Access) -> Self {
        Self { link, access }
    }
}

impl<T: Transport + Send + Sync> Provider for WireProvider<T> {
    type Driver = WireDriver<T>;

    fn driver(&self, action: u32, at: ResolvePoint, resource_type: &str) -> Result<WireDriver<T>, String> {
        if let Some(refusal) = self.access.refusal(at, resource_type) {
            return Err(refusal);
        }
        Ok(WireDriver {
            link: Arc::clone(&self.link),
            action,
            resource_type: resource_type.to_owned(),
            can: self.access.drivers,
            detached: false,
        })
    }

    async fn finalize(&self, plan_id: &str) -> Option<Result<Vec<ActionError>, DriverError>> {
        if !self.access.finalizer {
            return None;
        }
        let request = iac::FinalizeApplyRequest { plan_id: plan_id.to_owned() }.encode_to_vec().into();
        let reply = self.link.call(Method::Finalize, None, "", request).await.map_err(DriverError::Rpc);
        Some(reply.and_then(|(call, reply)| {
            self.link.accept(call, self.link.decoder.finalize(&reply, self.link.revision))
        }))
    }
}

/// The ResourceDriver service, on behalf of one action.
pub struct WireDriver<T> {
    link: Arc<Link<T>>,
    action: u32,
    resource_type: String,
    can: Drivers,
    detached: bool,
}

impl<T: Transport + Send + Sync> WireDriver<T> {
    async fn call(
        &self,
        method: Method,
        resource: &str,
        request: &impl Message,
    ) -> Result<(u32, Bytes), DriverError> {
        let call = Call {
            id: 0,
            action: Some(self.action),
            method,
            resource: resource.to_owned(),
            request: request.encode_to_vec().into(),
            detached: self.detached,
        };
        self.link.send(call).await.map_err(DriverError::Rpc)
    }

    async fn output(
        &self,
        method: Method,
        resource: &str,
        request: &impl Message,
    ) -> Result<Option<ResourceOutput>, DriverError> {
        let (call, reply) = self.call(method, resource, request).await?;
        self.link.accept(call, self.link.decoder.output(method, &reply, self.link.revision))
    }
}

impl<T: Transport + Send + Sync> Driver for WireDriver<T> {
    async fn create(&self, spec: &Spec) -> Result<Option<ResourceOutput>, DriverError> {
        let request = iac::ResourceCreateRequest {
            resource_type: self.resource_type.clone(),
            spec: Some(spec_message(spec)),
        };
        self.output(Method::Create, &spec.name, &request).await
    }

    async fn update(&self, target: &ResourceRef, spec: &Spec) -> Result<Option<ResourceOutput>, DriverError> {
        let request = iac::ResourceUpdateRequest {
            resource_type: self.resource_type.clone(),
            r#ref: Some(ref_message(target)),
            spec: Some(spec_message(spec)),
        };
        self.output(Method::Update, &target.name, &request).await
    }

    async fn delete(&self, target: &ResourceRef) -> Result<(), DriverError> {
        let request = iac::ResourceDeleteRequest {
            resource_type: self.resource_type.clone(),
            r#ref: Some(ref_message(target)),
        };
        let (call, reply) = self.call(Method::Delete, &target.name, &request).await?;
        let response = Method::Delete.response();
        self.link.accept(call, self.link.decoder.message(response, &reply, self.link.revision))
    }

    async fn read(&self, target: &ResourceRef) -> Result<Option<ResourceOutput>, DriverError> {
        let request = read_request(target);
        self.output(Method::Read, &target.name, &request).await
    }

    /// Makes the calls of a replace by itself, so that the engine sees none of its steps.
    async fn replace(&self, old: &ResourceRef, spec: &Spec) -> Result<Option<ResourceOutput>, DriverError> {
        self.delete(old).await?;
        self.create(spec).await
    }

    fn can(&self) -> Drivers {
        self.can
    }

    fn detached(&self) -> Self {
        Self {
            link: Arc::clone(&self.link),
            resource_type: self.resource_type.clone(),
            detached: true,
            ..*self
        }
    }
}

/// The request that looks a resource up.
pub fn read_request(target: &ResourceRef) -> iac::ResourceReadRequest {
    iac::ResourceReadRequest { resource_type: target.resource_type.clone(), r#ref: Some(ref_message(target)) }
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
        changes: action.changes.iter().map(change_message).collect(),
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

/// The plan that [`plan_message`] makes such a message of.
///
/// # Errors
/// When what has to be the JSON of an object is none.
pub fn plan_of(message: iac::IaCPlan) -> Result<Plan, JsonFault> {
    let actions = message.actions.into_iter().map(action_of).collect::<Result<_, _>>()?;
    Ok(Plan { id: message.id, inputs: message.input_snapshot.into_iter().collect(), actions })
}

fn action_of(message: iac::PlanAction) -> Result<Action, JsonFault> {
    let iac::PlanAction { action, resource, current, changes, .. } = message;
    let current = current.map(|current| {
        Ok(Current {
            name: current.name,
            provider_id: current.provider_id,
            outputs: JsonMap::parse(current.outputs_json)?,
            applied_config: JsonMap::parse(current.applied_config_json)?,
        })
    });
    Ok(Action {
        kind: ActionKind::from(action),
        spec: spec_of(resource.unwrap_or_default())?,
        current: current.transpose()?,
        changes: changes.into_iter().map(change_of).collect(),
    })
}

fn spec_of(message: iac::ResourceSpec) -> Result<Spec, JsonFault> {
    let hints =
        message.hints.map(|hints| Hints { cpu: hints.cpu, memory: hints.memory, storage: hints.storage });
    Ok(Spec {
        name: message.name,
        resource_type: message.r#type,
        config: JsonMap::parse(message.config_json)?,
        size: message.size,
        hints,
        depends_on: message.depends_on,
    })
}

fn change_of(message: iac::FieldChange) -> Change {
    let value = |json: Bytes| serde_json::from_slice(&json).ok();
    let iac::FieldChange { path, old_json, new_json, force_new } = message;
    Change { path, old: value(old_json), new: value(new_json), force_new }
}

fn change_message(change: &Change) -> iac::FieldChange {
    let json = |value: &Option<serde_json::Value>| {
        value.as_ref().map(|value| value.to_string().into()).unwrap_or_default()
    };
    iac::FieldChange {
        path: change.path.clone(),
        old_json: json(&change.old),
        new_json: json(&change.new),
        force_new: change.force_new,
    }
}
