//! Unary calls as bytes: what goes over the wire, before anything decodes it.

use std::{
    mem,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::uri::PathAndQuery;
use tonic::{
    Request, Response, Status, Streaming,
    body::Body,
    client::{Grpc, GrpcService},
};
use tower::Service;

use crate::{MAX_MESSAGE, codec::RawCodec};

/// A client over a transport, as soon as that is ready, with the message limits of Go peers (E-208).
async fn ready<T>(transport: T) -> Result<Grpc<T>, Status>
where
    T: GrpcService<Body>,
{
    let client = Grpc::new(transport);
    let mut client = client.max_decoding_message_size(MAX_MESSAGE).max_encoding_message_size(MAX_MESSAGE);
    client.ready().await.map_err(|e| Status::from_error(e.into()))?;
    Ok(client)
}

/// Makes one unary call.
pub(crate) async fn unary<T>(
    transport: T,
    path: PathAndQuery,
    request: Request<Bytes>,
) -> Result<Bytes, Status>
where
    T: GrpcService<Body>,
    T::ResponseBody: Send + 'static,
    <T::ResponseBody as http_body::Body>::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    answer(transport, path, request).await.map(Response::into_inner)
}

/// Makes one unary call, and keeps the metadata of the answer.
async fn answer<T>(
    transport: T,
    path: PathAndQuery,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, Status>
where
    T: GrpcService<Body>,
    T::ResponseBody: Send + 'static,
    <T::ResponseBody as http_body::Body>::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    ready(transport).await?.unary(request, path, RawCodec).await
}

fn path(method: &'static str) -> Result<PathAndQuery, Status> {
    PathAndQuery::from_maybe_shared(Bytes::from_static(method.as_bytes()))
        .map_err(|e| Status::internal(format!("{method:?} is no path: {e}")))
}

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

impl<T> RawClient<T>
where
    T: GrpcService<Body> + Clone + Send + 'static,
    T::ResponseBody: Send + 'static,
    <T::ResponseBody as http_body::Body>::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// Makes a call that has a deadline of its own, which the provider is told.
    ///
    /// # Errors
    /// The status, where it is not OK.
    pub async fn call_within(
        &self,
        method: &'static str,
        message: Bytes,
        deadline: Duration,
    ) -> Result<Bytes, Status> {
        let mut request = Request::new(message);
        request.set_timeout(deadline);
        unary(self.transport.clone(), path(method)?, request).await
    }

    /// Makes a call, and gives the metadata of its answer too.
    ///
    /// # Errors
    /// The status, where it is not OK, with its metadata.
    pub async fn answer(&self, method: &'static str, message: Bytes) -> Result<Response<Bytes>, Status> {
        answer(self.transport.clone(), path(method)?, Request::new(message)).await
    }

    /// Makes a call whose answer is a stream of messages.
    ///
    /// # Errors
    /// The status, where there is no stream.
    pub async fn stream(&self, method: &'static str, message: Bytes) -> Result<Streaming<Bytes>, Status> {
        let request = Request::new(message);
        let mut client = ready(self.transport.clone()).await?;
        client.server_streaming(request, path(method)?, RawCodec).await.map(Response::into_inner)
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
        Box::pin(async move { unary(ready, path(call.method)?, Request::new(call.message)).await })
    }
}
