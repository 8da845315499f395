//! Unary calls as bytes: what goes over the wire, before anything decodes it.

use std::{
    mem,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::uri::PathAndQuery;
use tonic::{
    Request, Response, Status,
    body::Body,
    client::{Grpc, GrpcService},
};
use tower::Service;

use crate::{MAX_MESSAGE, codec::RawCodec};

/// A boxed future of a reply.
pub type ReplyFuture = std::pin::Pin<Box<dyn Future<Output = Result<Bytes, Status>> + Send>>;

/// One call on its way to a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnaryCall {
    /// The caller's number for the call.
    pub id: u32,
    /// The path of the request, such as `/workflow.plugin.external.iac.ResourceDriver/Create`.
    pub method: &'static str,
    /// The name of the resource that the call is about; empty where it is about none.
    pub resource: String,
    /// The encoded request.
    pub message: Bytes,
}

/// Makes [`UnaryCall`]s over any gRPC transport, be it a channel or, in process, [`Provider::routes`].
///
/// Replies come back as the bytes that were sent. The message limits are those of Go peers (E-208).
///
/// [`Provider::routes`]: crate::Provider::routes
#[derive(Clone, Debug)]
pub struct RawClient<T> {
    transport: T,
}

impl<T> RawClient<T> {
    /// A client over `transport`.
    pub const fn new(transport: T) -> Self {
        Self { transport }
    }
}

impl<T> Service<UnaryCall> for RawClient<T>
where
    T: GrpcService<Body> + Clone + Send + 'static,
    T::ResponseBody: Send + 'static,
    <T::ResponseBody as http_body::Body>::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    T::Future: Send,
{
    type Response = Bytes;
    type Error = Status;
    type Future = ReplyFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        self.transport.poll_ready(cx).map_err(|e| Status::from_error(e.into()))
    }

    fn call(&mut self, call: UnaryCall) -> ReplyFuture {
        let next = self.transport.clone();
        let ready = mem::replace(&mut self.transport, next);
        Box::pin(async move {
            let path = PathAndQuery::from_maybe_shared(Bytes::from_static(call.method.as_bytes()))
                .map_err(|e| Status::internal(format!("{:?} is no path: {e}", call.method)))?;
            let mut client = Grpc::new(ready)
                .max_decoding_message_size(MAX_MESSAGE)
                .max_encoding_message_size(MAX_MESSAGE);
            client.unary(Request::new(call.message), path, RawCodec).await.map(Response::into_inner)
        })
    }
}
