//! Unary calls as bytes, at the end that answers them: what stands where a provider stands, and reads no message.

use std::{
    convert::Infallible,
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use tokio::net::UnixStream;
use tokio_stream::Stream;
use tokio_util::sync::CancellationToken;
use tonic::{
    Response, Status,
    body::Body,
    server::{Grpc, UnaryService},
    service::Routes,
    transport::Server,
};
use tower::{Service, layer::layer_fn};

use crate::{MAX_MESSAGE, codec::RawCodec};

/// What answers a call, given the path of its method and its request.
pub trait Answer: Clone + Send + Sync + 'static {
    /// Answers.
    ///
    /// # Errors
    /// The status, where it is not OK.
    fn answer(
        &self,
        path: &str,
        request: Bytes,
    ) -> impl Future<Output = Result<Response<Bytes>, Status>> + Send;
}

/// Has `answer` answer every unary call over each of the connections that come, until `shutdown` fires and calls under way
/// are answered, or no more will come. The message limits are those of Go peers (E-208).
///
/// # Errors
/// The future fails when `connections` does.
pub async fn answer_over<C, A>(connections: C, answer: A, shutdown: CancellationToken) -> io::Result<()>
where
    C: Stream<Item = io::Result<UnixStream>> + Send + 'static,
    A: Answer,
{
    Server::builder()
        .layer(layer_fn(move |_: Routes| Answering(answer.clone())))
        .add_routes(Routes::default())
        .serve_with_incoming_shutdown(connections, shutdown.cancelled_owned())
        .await
        .map_err(io::Error::other)
}

/// Stands in place of every service.
#[derive(Clone, Debug)]
struct Answering<A>(A);

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl<A: Answer> Service<http::Request<Body>> for Answering<A> {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Boxed<Result<http::Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let handler = Handler { answer: self.0.clone(), path: request.uri().path().to_owned() };
        Box::pin(async move {
            let mut server = Grpc::new(RawCodec)
                .max_decoding_message_size(MAX_MESSAGE)
                .max_encoding_message_size(MAX_MESSAGE);
            Ok(server.unary(handler, request).await)
        })
    }
}

/// Handles one call.
struct Handler<A> {
    answer: A,
    path: String,
}

impl<A: Answer> UnaryService<Bytes> for Handler<A> {
    type Response = Bytes;
    type Future = Boxed<Result<Response<Bytes>, Status>>;

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        let (answer, path) = (self.answer.clone(), std::mem::take(&mut self.path));
        Box::pin(async move { answer.answer(&path, request.into_inner()).await })
    }
}
