use counterfoil_proto::iac::{
    JobHandle, JobSpec, JobState, JobStatusReply, LogChunk, ia_c_provider_runner_server::IaCProviderRunner,
};
use tonic::{Request, Response, Status, async_trait};

use super::{Answers, invalid, logs::stream, said};
use crate::{Provider, cloud::Job};

/// `IaCProviderRunner`: jobs of the cloud, found by their ids.
#[derive(Clone, Debug)]
pub struct Runner(Provider);

impl Runner {
    /// The service of a provider.
    pub const fn new(provider: Provider) -> Self {
        Self(provider)
    }

    fn handle(&self, job: &Job) -> JobHandle {
        JobHandle {
            id: job.id.clone(),
            name: job.name.clone(),
            provider: self.0.setup().name.clone(),
            ..JobHandle::default()
        }
    }
}

#[async_trait]
impl IaCProviderRunner for Runner {
    type JobLogsStream = Answers<LogChunk>;

    async fn run_job(&self, request: Request<JobSpec>) -> Result<Response<JobHandle>, Status> {
        let JobSpec { name, image, run_command, cron, termination, .. } = request.into_inner();
        said([("name", &name), ("image", &image)])?;
        let termination = termination.unwrap_or_default();
        for (field, seconds) in [
            ("drain_seconds", termination.drain_seconds),
            ("grace_period_seconds", termination.grace_period_seconds),
        ] {
            if seconds < 0 {
                return Err(invalid(format_args!("termination.{field} is {seconds}")));
            }
        }
        let job = self.0.cloud().run(Job { name, image, command: run_command, cron, ..Job::default() });
        Ok(Response::new(self.handle(&job)))
    }

    async fn job_status(&self, request: Request<JobHandle>) -> Result<Response<JobStatusReply>, Status> {
        let job = self.0.cloud().job(&request.into_inner().id)?;
        let (state, message) = if job.is_done() {
            (JobState::Succeeded, "done".to_owned())
        } else {
            (JobState::Pending, format!("waits for {}", job.cron))
        };
        let handle = Some(self.handle(&job));
        Ok(Response::new(JobStatusReply { handle, state: state.into(), exit_code: 0, message }))
    }

    async fn job_logs(&self, request: Request<JobHandle>) -> Result<Response<Self::JobLogsStream>, Status> {
        let job = self.0.cloud().job(&request.into_inner().id)?;
        Ok(Response::new(stream(&job.name, job.log())))
    }
}
