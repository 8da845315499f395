use std::{
    convert::Infallible,
    future::{Ready, ready},
    task::{Context, Poll},
};

use bytes::Bytes;
use counterfoil_proto::{
    Revision,
    iac::{
        ActionError, ActionResult, ActionStatus, ApplyRequest, ApplyResponse, ApplyResult, IaCPlan,
        PlanAction, ResourceOutput, ResourceSpec,
    },
};
use prost::Message as _;
use tonic::{
    Request, Response, Status,
    body::Body,
    codegen::BoxFuture,
    server::{Grpc, NamedService, UnaryService},
};
use tower::Service;

use super::{check_type, output, present};
use crate::{ApplyKind, MAX_MESSAGE, Provider, Setup, cloud::Target, codec::RawCodec};

const PATH: &str = "/workflow.plugin.external.iac.IaCProviderRequired/Apply";

/// The server of `IaCProviderRequired` with the `Apply` RPC before it.
///
/// `Apply` exists until 0.56. Its reply goes out as bytes, so that a scripted one may be anything.
#[derive(Clone, Debug)]
pub struct WithApply<S> {
    server: S,
    apply: Apply,
}

impl<S> WithApply<S> {
    /// Puts the `Apply` of a provider before `server`.
    pub const fn new(server: S, provider: Provider) -> Self {
        Self { server, apply: Apply(provider) }
    }
}

impl<S: NamedService> NamedService for WithApply<S> {
    const NAME: &'static str = S::NAME;
}

type HttpFuture = BoxFuture<http::Response<Body>, Infallible>;

impl<S> Service<http::Request<Body>> for WithApply<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible, Future = HttpFuture>,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = HttpFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.server.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<Body>) -> HttpFuture {
        let setup = self.apply.0.setup();
        let is_there = setup.revision.engine().apply_rpc && setup.apply != ApplyKind::Absent;
        if request.uri().path() != PATH || !is_there {
            return self.server.call(request);
        }
        let apply = self.apply.clone();
        Box::pin(async move {
            let mut grpc = Grpc::new(RawCodec)
                .max_decoding_message_size(MAX_MESSAGE)
                .max_encoding_message_size(MAX_MESSAGE);
            Ok(grpc.unary(apply, request).await)
        })
    }
}

#[derive(Clone, Debug)]
struct Apply(Provider);

impl UnaryService<Bytes> for Apply {
    type Response = Bytes;
    type Future = Ready<Result<Response<Bytes>, Status>>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        ready(reply(&self.0, request.into_inner()).map(Response::new))
    }
}

fn reply(provider: &Provider, request: Bytes) -> Result<Bytes, Status> {
    let request = ApplyRequest::decode(request)
        .map_err(|e| Status::internal(format!("cannot decode the ApplyRequest: {e}")))?;
    if let Some(scripted) = &provider.setup().apply_reply {
        return Ok(scripted.clone());
    }
    if provider.setup().apply == ApplyKind::Stub {
        return Err(Status::unimplemented("iac: provider method unimplemented: Apply does nothing any more"));
    }
    let result = apply(provider, present(request.plan, "plan")?)?;
    Ok(ApplyResponse { result: Some(result) }.encode_to_vec().into())
}

/// Works through a plan, in order and to its end, whatever fails on the way. References are left as they
/// are: a provider has no engine.
///
/// # Errors
/// `InvalidArgument` when an action lacks its resource; nothing is done then.
fn apply(provider: &Provider, plan: IaCPlan) -> Result<ApplyResult, Status> {
    let actions: Vec<(PlanAction, ResourceSpec)> = plan
        .actions
        .into_iter()
        .enumerate()
        .map(|(i, mut action)| {
            let spec = present(action.resource.take(), &format!("plan.actions[{i}].resource"))?;
            Ok((action, spec))
        })
        .collect::<Result<_, Status>>()?;

    let Setup { revision, apply, .. } = provider.setup();
    let tells_outcomes = *revision >= Revision::V0_54 && *apply == ApplyKind::Honest;
    let mut result = ApplyResult { plan_id: plan.id, ..ApplyResult::default() };
    for (index, (action, spec)) in (0..).zip(actions) {
        let done = dispatch(provider, &action, &spec);
        if tells_outcomes {
            result.actions.push(ActionResult {
                action_index: index,
                status: status(&action.action, &done).into(),
                error: done.as_ref().err().cloned().unwrap_or_default(),
            });
        }
        match done {
            Ok(Some(output)) => {
                if action.action == "replace" {
                    result.replace_id_map.insert(spec.name, output.provider_id.clone());
                }
                result.resources.push(output);
            }
            Ok(None) => {}
            Err(error) => {
                result.errors.push(ActionError { resource: spec.name, action: action.action, error });
            }
        }
    }
    Ok(result)
}

/// Does one action. What it left alive, or why it failed.
fn dispatch(
    provider: &Provider,
    action: &PlanAction,
    spec: &ResourceSpec,
) -> Result<Option<ResourceOutput>, String> {
    let cloud = provider.cloud();
    let target = Target {
        resource_type: &spec.r#type,
        name: &spec.name,
        provider_id: action.current.as_ref().map_or("", |current| &current.provider_id),
    };
    let create = || cloud.create(&spec.r#type, &spec.name, &spec.config_json);
    let known = check_type(provider, &spec.r#type).map_err(|status| status.message().to_owned());
    let live = match action.action.as_str() {
        "create" => known.and_then(|()| create().map_err(|e| e.to_string())),
        "update" => known.and_then(|()| cloud.update(&target, &spec.config_json).map_err(|e| e.to_string())),
        "replace" => known
            .and_then(|()| cloud.delete(&target).map_err(|e| e.to_string()))
            .map_err(|e| format!("replace: delete: {e}"))
            .and_then(|_| create().map_err(|e| format!("replace: create: {e}"))),
        "delete" => {
            return known.and_then(|()| cloud.delete(&target).map_err(|e| e.to_string())).map(|_| None);
        }
        unknown => return Err(format!("unknown action \"{unknown}\"")),
    };
    live.map(|live| Some(output(&live)))
}

/// The status of a done action (A.4; before 0.56 there were no others).
fn status<T, E>(action: &str, done: &Result<T, E>) -> ActionStatus {
    match (done, action) {
        (Ok(_), _) => ActionStatus::Success,
        (Err(_), "delete") => ActionStatus::DeleteFailed,
        (Err(_), _) => ActionStatus::Error,
    }
}
