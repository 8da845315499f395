//! A service without a line of code behind it.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    marker::PhantomData,
    task::{Context, Poll},
};

use bytes::Bytes;
use prost::Message as _;
use tonic::{
    Request, Response, Status,
    body::Body,
    codegen::BoxFuture,
    server::{Grpc, NamedService, UnaryService},
};
use tower::Service;

use crate::{MAX_MESSAGE, codec::RawCodec};

/// The service of which `S` is the server, with the stubs of Go in the place of every method: they read the request, and
/// answer `Unimplemented` (H-04).
#[derive(Clone, Debug)]
pub struct Stub<S>(PhantomData<fn() -> S>);

impl<S> Stub<S> {
    /// The stubs in the place of a server.
    pub fn of(_: &S) -> Self {
        Self(PhantomData)
    }
}

impl<S: NamedService> NamedService for Stub<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<http::Request<Body>> for Stub<S> {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<http::Response<Body>, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let method = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
        Box::pin(async move {
            let mut grpc = Grpc::new(RawCodec).max_decoding_message_size(MAX_MESSAGE);
            Ok(grpc.unary(Method(method), request).await)
        })
    }
}

/// The stub of a method, by its name.
struct Method(String);

impl UnaryService<Bytes> for Method {
    type Response = Bytes;
    type Future = Ready<Result<Response<Bytes>, Status>>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        // A message without fields takes those of every other.
        let refusal = match <()>::decode(request.into_inner()) {
            Ok(()) => Status::unimplemented(format!("method {} not implemented", self.0)),
            Err(error) => Status::internal(format!("the request cannot be read: {error}")),
        };
        ready(Err(refusal))
    }
}
