//! The services beside the contract, in good order: health, the end, and the output (P-009 to P-011).

use std::{fs, process};

use counterfoil_proto::{
    go_plugin::{Empty, StdioData, grpc_controller_server::GrpcController, grpc_stdio_server::GrpcStdio},
    handshake::HEALTH_SERVICE,
    health::{
        HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus, health_server::Health,
    },
};
use tonic::{Request, Response, Status, async_trait, codegen::tokio_stream};

use crate::{children, line};

type Never<T> = tokio_stream::Pending<Result<T, Status>>;

/// Says this of the plugin.
pub(crate) struct Says(pub(crate) ServingStatus);

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
pub(crate) struct Controller {
    /// Whether it forgets its socket.
    pub(crate) leaves_socket: bool,
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
pub(crate) struct Stdio;

#[async_trait]
impl GrpcStdio for Stdio {
    type StreamStdioStream = Never<StdioData>;

    async fn stream_stdio(&self, _: Request<()>) -> Result<Response<Self::StreamStdioStream>, Status> {
        Ok(Response::new(tokio_stream::pending()))
    }
}
