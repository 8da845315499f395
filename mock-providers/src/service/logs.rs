use counterfoil_proto::iac::{
    CaptureLogsRequest, LogCaptureType, LogChunk, ResourceRef,
    ia_c_provider_log_capture_server::IaCProviderLogCapture,
};
use tonic::{Request, Response, Status, async_trait};

use super::{Answers, invalid, live};
use crate::{Provider, cloud::Resource};

/// `IaCProviderLogCapture`. The log of a resource does not grow, so that to follow one ends at once.
#[derive(Clone, Debug)]
pub struct LogCapture(Provider);

impl LogCapture {
    /// The service of a provider.
    pub const fn new(provider: Provider) -> Self {
        Self(provider)
    }
}

#[async_trait]
impl IaCProviderLogCapture for LogCapture {
    type CaptureLogsStream = Answers<LogChunk>;

    async fn capture_logs(
        &self,
        request: Request<CaptureLogsRequest>,
    ) -> Result<Response<Self::CaptureLogsStream>, Status> {
        let request = request.into_inner();
        let log = log_name(request.log_type)?;
        let tail = usize::try_from(request.tail_lines)
            .map_err(|_| invalid(format_args!("tail_lines is {}", request.tail_lines)))?;
        if request.duration_seconds < 0 {
            return Err(invalid(format_args!("duration_seconds is {}", request.duration_seconds)));
        }
        let CaptureLogsRequest { resource_name, resource_type, provider_id, component_name, .. } = request;
        let live = live(&self.0, &ResourceRef { name: resource_name, r#type: resource_type, provider_id })?;
        let source = if component_name.is_empty() { live.name.clone() } else { component_name };
        let mut lines = lines(&live, log);
        if tail > 0 {
            lines.drain(..lines.len().saturating_sub(tail));
        }
        Ok(Response::new(stream(&source, lines)))
    }
}

/// How a log is called. One that is not told, or that nobody knows, is refused (E-176).
fn log_name(number: i32) -> Result<&'static str, Status> {
    match LogCaptureType::try_from(number) {
        Ok(LogCaptureType::Build) => Ok("build"),
        Ok(LogCaptureType::Deploy) => Ok("deploy"),
        Ok(LogCaptureType::Run) => Ok("run"),
        Ok(LogCaptureType::RunRestarted) => Ok("run before the last restart"),
        Ok(LogCaptureType::Unspecified) | Err(_) => {
            Err(invalid(format_args!("no log has the type {number}")))
        }
    }
}

fn lines(resource: &Resource, log: &str) -> Vec<String> {
    ["begins", "works", "ends"].map(|phase| format!("{}: {log} {phase}", resource.name)).into()
}

/// A log as it travels: a piece for each line, and one without any for the end.
pub(super) fn stream(source: &str, lines: Vec<String>) -> Answers<LogChunk> {
    let piece = |data: String, eof| LogChunk { data: data.into(), source: source.to_owned(), eof };
    let mut pieces: Vec<_> = lines.into_iter().map(|line| Ok(piece(line + "\n", false))).collect();
    pieces.push(Ok(piece(String::new(), true)));
    Box::pin(tokio_stream::iter(pieces))
}
