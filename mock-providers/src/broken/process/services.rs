//! The services beside the contract: health, the end, and the output, in good order, and reflection (P-009 to P-011).

use std::{fs, process};

use counterfoil_proto::{
    go_plugin::{Empty, StdioData, grpc_controller_server::GrpcController, grpc_stdio_server::GrpcStdio},
    handshake::HEALTH_SERVICE,
    health::{
        HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus, health_server::Health,
    },
};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorSet};
use tonic::{Request, Response, Status, Streaming, async_trait, service::Routes};
use tonic_reflection::{
    pb::v1::{
        FileDescriptorResponse, ListServiceResponse, ServerReflectionRequest, ServerReflectionResponse,
        ServiceResponse,
        server_reflection_request::MessageRequest,
        server_reflection_response::MessageResponse,
        server_reflection_server::{ServerReflection, ServerReflectionServer},
    },
    server,
};

use super::{children, line};

type Never<T> = tokio_stream::Pending<Result<T, Status>>;

/// Says this of the plugin.
pub(super) struct Says(pub(super) ServingStatus);

#[async_trait]
impl Health for Says {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        match request.into_inner().service.as_str() {
            "" | HEALTH_SERVICE => Ok(Response::new(HealthCheckResponse { status: self.0.into() })),
            _ => Err(Status::not_found("unknown service")),
        }
    }

    type WatchStream = Never<HealthCheckResponse>;

    async fn watch(&self, _: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("nothing ever changes here"))
    }
}

/// Ends the process when it is told to.
pub(super) struct Controller {
    /// Whether it forgets its socket.
    pub(super) leaves_socket: bool,
}

#[async_trait]
impl GrpcController for Controller {
    /// Ends inside of the call, as the Go implementation does.
    async fn shutdown(&self, _: Request<Empty>) -> Result<Response<Empty>, Status> {
        children::dismiss();
        if !self.leaves_socket {
            let _ = fs::remove_file(line::socket());
        }
        process::exit(0)
    }
}

/// Has nothing to tell, and never ends.
pub(super) struct Stdio;

#[async_trait]
impl GrpcStdio for Stdio {
    type StreamStdioStream = Never<StdioData>;

    async fn stream_stdio(&self, _: Request<()>) -> Result<Response<Self::StreamStdioStream>, Status> {
        Ok(Response::new(tokio_stream::pending()))
    }
}

/// Adds reflection, as the switch has it.
///
/// # Errors
/// When it refuses its own descriptors.
pub(super) fn add_reflection(routes: Routes, switch: &str) -> Result<Routes, server::Error> {
    let mut set = counterfoil_proto::file_descriptor_set();
    match switch {
        "reflection-absent" => return Ok(routes),
        "reflection-garbled" => return Ok(routes.add_service(ServerReflectionServer::new(Garbled))),
        "reflection-contradicts" => field(&mut set, "provider_id").number = Some(9),
        "reflection-adds" => {
            let zone = FieldDescriptorProto { number: Some(99), ..field(&mut set, "provider_id").clone() };
            resource_ref(&mut set).field.push(FieldDescriptorProto { name: Some("zone".to_owned()), ..zone });
        }
        "reflection-of-nothing" => set.file.retain(|file| !file.package().starts_with("workflow.")),
        _ => {}
    }
    let reflection = server::Builder::configure().register_file_descriptor_set(set);
    Ok(match switch {
        "reflection-of-old" => routes.add_service(reflection.build_v1alpha()?),
        _ => routes.add_service(reflection.build_v1()?),
    })
}

fn resource_ref(set: &mut FileDescriptorSet) -> &mut DescriptorProto {
    let mut messages = set.file.iter_mut().flat_map(|file| &mut file.message_type);
    messages.find(|message| message.name() == "ResourceRef").expect("the contract has it")
}

fn field<'a>(set: &'a mut FileDescriptorSet, name: &str) -> &'a mut FieldDescriptorProto {
    let mut fields = resource_ref(set).field.iter_mut();
    fields.find(|field| field.name() == name).expect("the contract has it")
}

/// Reflection whose descriptors are none.
struct Garbled;

#[async_trait]
impl ServerReflection for Garbled {
    type ServerReflectionInfoStream = tokio_stream::Once<Result<ServerReflectionResponse, Status>>;

    async fn server_reflection_info(
        &self,
        request: Request<Streaming<ServerReflectionRequest>>,
    ) -> Result<Response<Self::ServerReflectionInfoStream>, Status> {
        let asked = request.into_inner().message().await?.and_then(|request| request.message_request);
        let answer = if let Some(MessageRequest::ListServices(_)) = asked {
            let name = "workflow.plugin.external.iac.IaCProviderRequired".to_owned();
            MessageResponse::ListServicesResponse(ListServiceResponse {
                service: vec![ServiceResponse { name }],
            })
        } else {
            let file_descriptor_proto = vec![b"\xff".to_vec()];
            MessageResponse::FileDescriptorResponse(FileDescriptorResponse { file_descriptor_proto })
        };
        let answer = ServerReflectionResponse { message_response: Some(answer), ..Default::default() };
        Ok(Response::new(tokio_stream::once(Ok(answer))))
    }
}
