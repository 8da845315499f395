//! gRPC's server reflection: the descriptors that a server tells of itself.

use std::collections::{BTreeMap, BTreeSet};

use counterfoil_proto::history::PACKAGES;
use prost::Message as _;
use prost_types::{FileDescriptorProto, FileDescriptorSet};
use tonic::{
    Code, Request, Status,
    body::Body,
    client::{Grpc, GrpcService},
    codegen::http::uri::PathAndQuery,
};
use tonic_prost::ProstCodec;
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, ServerReflectionResponse, server_reflection_request::MessageRequest,
    server_reflection_response::MessageResponse,
};

/// Both names of the service; their messages are the same on the wire.
const METHODS: [&str; 2] = [
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/// How many files are asked for at most.
const MOST_FILES: usize = 256;

/// The descriptors of the services of the contract that a server lists, with all that they import.
///
/// # Errors
/// The status of a call that failed, or what is wrong with an answer.
pub async fn descriptors<S>(service: S) -> Result<FileDescriptorSet, Status>
where
    S: GrpcService<Body> + Clone,
    S::ResponseBody: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    <S::ResponseBody as http_body::Body>::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
{
    let mut server = Server { grpc: Grpc::new(service), method: METHODS[0] };
    let list = MessageRequest::ListServices(String::new());
    let answer = match server.ask(list.clone()).await {
        Err(status) if status.code() == Code::Unimplemented => {
            server.method = METHODS[1];
            server.ask(list).await
        }
        answer => answer,
    }?;
    let MessageResponse::ListServicesResponse(listed) = answer else {
        return Err(unexpected("the list of services"));
    };
    let names = listed.service.into_iter().map(|service| service.name);
    let is_ours = |name: &String| {
        PACKAGES.iter().any(|package| name.strip_prefix(package).is_some_and(|rest| rest.starts_with('.')))
    };
    let mut files = Files::default();
    for name in names.filter(is_ours).collect::<BTreeSet<_>>() {
        files.take(server.ask(MessageRequest::FileContainingSymbol(name)).await?)?;
    }
    while let Some(name) = files.missing() {
        files.take(server.ask(MessageRequest::FileByFilename(name.clone())).await?)?;
        files.asked.insert(name);
    }
    Ok(FileDescriptorSet { file: files.known.into_values().collect() })
}

fn unexpected(what: &str) -> Status {
    Status::internal(format!("reflection answered with something else than {what}"))
}

/// The server that is asked, by the name of the service that it knows.
struct Server<S> {
    grpc: Grpc<S>,
    method: &'static str,
}

impl<S> Server<S>
where
    S: GrpcService<Body>,
    S::ResponseBody: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    <S::ResponseBody as http_body::Body>::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
{
    /// Asks one thing, in a stream of its own: so a server repeats what it has told before.
    async fn ask(&mut self, what: MessageRequest) -> Result<MessageResponse, Status> {
        self.grpc.ready().await.map_err(|error| Status::from_error(error.into()))?;
        let request = ServerReflectionRequest { host: String::new(), message_request: Some(what) };
        let codec = ProstCodec::<ServerReflectionRequest, ServerReflectionResponse>::default();
        let path = PathAndQuery::from_static(self.method);
        let asked = Request::new(tokio_stream::once(request));
        let mut answers = self.grpc.streaming(asked, path, codec).await?.into_inner();
        match answers.message().await?.and_then(|answer| answer.message_response) {
            Some(MessageResponse::ErrorResponse(error)) => {
                Err(Status::new(Code::from_i32(error.error_code), error.error_message))
            }
            Some(answer) => Ok(answer),
            None => Err(unexpected("an answer")),
        }
    }
}

/// Files by name.
#[derive(Default)]
struct Files {
    known: BTreeMap<String, FileDescriptorProto>,
    asked: BTreeSet<String>,
}

impl Files {
    fn take(&mut self, answer: MessageResponse) -> Result<(), Status> {
        let MessageResponse::FileDescriptorResponse(files) = answer else {
            return Err(unexpected("a file"));
        };
        for file in files.file_descriptor_proto {
            let file = FileDescriptorProto::decode(&file[..])
                .map_err(|error| Status::internal(format!("a descriptor cannot be read: {error}")))?;
            self.known.insert(file.name().to_owned(), file);
        }
        if self.known.len() > MOST_FILES {
            return Err(Status::internal(format!("reflection told of more than {MOST_FILES} files")));
        }
        Ok(())
    }

    /// A file that is imported, and was not told of or asked for yet.
    fn missing(&self) -> Option<String> {
        let imports = self.known.values().flat_map(|file| &file.dependency);
        let unknown = |name: &&String| !self.known.contains_key(*name) && !self.asked.contains(*name);
        imports.into_iter().find(unknown).cloned()
    }
}
