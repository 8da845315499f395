use std::time::Duration;

use counterfoil_proto::iac::{
    CaptureLogsRequest, JobHandle, JobSpec, JobState, JobTerminationSpec, LogCaptureType, LogChunk,
    MigrationRepairRequest, RepairDirtyMigrationRequest,
    ia_c_provider_log_capture_client::IaCProviderLogCaptureClient,
    ia_c_provider_migration_repairer_client::IaCProviderMigrationRepairerClient,
    ia_c_provider_runner_client::IaCProviderRunnerClient,
};
use tonic::{Response, Streaming};

use super::{
    INVALID, MISSING, NO_TYPE, Provider, RawClient, ServedService, Setup, Status, assert_refused,
    provider_with,
};

/// The lines of a log. Its last piece, and no other, is the end.
async fn lines(answer: Result<Response<Streaming<LogChunk>>, Status>) -> Result<Vec<String>, Status> {
    let mut stream = answer?.into_inner();
    let mut pieces = Vec::new();
    while let Some(piece) = stream.message().await? {
        pieces.push(piece);
    }
    let (last, others) = pieces.split_last().expect("a log has an end");
    assert!(last.eof && last.data.is_empty() && others.iter().all(|piece| !piece.eof));
    Ok(others.iter().map(|piece| String::from_utf8(piece.data.to_vec()).unwrap()).collect())
}

async fn captured(provider: &Provider, request: CaptureLogsRequest) -> Result<Vec<String>, Status> {
    let mut client = IaCProviderLogCaptureClient::new(provider.routes());
    lines(client.capture_logs(request).await).await
}

fn logs_of(resource_type: &str, name: &str) -> CaptureLogsRequest {
    CaptureLogsRequest {
        resource_name: name.into(),
        resource_type: resource_type.into(),
        log_type: LogCaptureType::Run.into(),
        ..CaptureLogsRequest::default()
    }
}

#[tokio::test]
async fn a_log_has_the_lines_that_were_asked_for_and_an_end() {
    let provider = provider_with(&[("infra.vpc", "net", "{}")]);
    for (tail_lines, follow, wanted) in [(0, false, 3), (2, false, 2), (9, true, 3)] {
        let request = CaptureLogsRequest { tail_lines, follow, ..logs_of("infra.vpc", "net") };
        let lines = captured(&provider, request).await.unwrap();
        assert_eq!(lines.len(), wanted);
        assert_eq!(lines.last().unwrap(), "net: run ends\n");
    }
    for log_type in [LogCaptureType::Build, LogCaptureType::Deploy, LogCaptureType::RunRestarted] {
        let request = CaptureLogsRequest { log_type: log_type.into(), ..logs_of("infra.vpc", "net") };
        assert_eq!(captured(&provider, request).await.unwrap().len(), 3);
    }
}

#[tokio::test]
async fn logs_of_nothing_and_no_log_at_all_are_refused() {
    let provider = provider_with(&[("infra.vpc", "net", "{}")]);
    let net = || logs_of("infra.vpc", "net");
    for (request, (code, phrase)) in [
        (CaptureLogsRequest { log_type: 0, ..net() }, INVALID),
        (CaptureLogsRequest { log_type: 99, ..net() }, INVALID),
        (CaptureLogsRequest { tail_lines: -1, ..net() }, INVALID),
        (CaptureLogsRequest { duration_seconds: -1, ..net() }, INVALID),
        (logs_of("infra.vpc", ""), INVALID),
        (logs_of("", "net"), INVALID),
        (logs_of("infra.moon", "net"), NO_TYPE),
        (logs_of("infra.vpc", "gone"), MISSING),
    ] {
        assert_refused(captured(&provider, request).await, code, phrase);
    }
}

fn job(name: &str, image: &str) -> JobSpec {
    JobSpec { name: name.into(), image: image.into(), run_command: "migrate".into(), ..JobSpec::default() }
}

#[tokio::test]
async fn a_job_runs_and_is_found_by_its_id() {
    let provider = provider_with(&[]);
    let mut runner = IaCProviderRunnerClient::new(provider.routes());
    let mut secret = job("nightly", "img:1");
    secret.env_vars_secret.insert("TOKEN".into(), "hush".into());
    let handle = runner.run_job(secret).await.unwrap().into_inner();
    assert_eq!((handle.id.as_str(), handle.name.as_str()), ("job-1", "nightly"));
    assert_eq!(handle.provider, "mock");

    let by_id = JobHandle { id: handle.id.clone(), ..JobHandle::default() };
    let status = runner.job_status(by_id.clone()).await.unwrap().into_inner();
    assert_eq!((status.state(), status.exit_code), (JobState::Succeeded, 0));
    assert_eq!(status.handle, Some(handle));
    let log = lines(runner.job_logs(by_id).await).await.unwrap();
    assert_eq!(log, ["job-1: img:1 runs migrate\n", "job-1: done\n"]);

    let later = JobSpec { cron: "0 3 * * *".into(), ..job("later", "img:1") };
    let later = runner.run_job(later).await.unwrap().into_inner();
    assert_eq!(runner.job_status(later.clone()).await.unwrap().into_inner().state(), JobState::Pending);
    assert_eq!(lines(runner.job_logs(later).await).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn jobs_that_make_no_sense_or_are_not_there_are_refused() {
    let provider = provider_with(&[]);
    let mut runner = IaCProviderRunnerClient::new(provider.routes());
    let impatient = Some(JobTerminationSpec { grace_period_seconds: -1, ..JobTerminationSpec::default() });
    for bad in [job("", "img"), job("j", ""), JobSpec { termination: impatient, ..job("j", "img") }] {
        assert_refused(runner.run_job(bad).await, INVALID.0, INVALID.1);
    }
    for (id, (code, phrase)) in [("", INVALID), ("job-7", MISSING)] {
        let handle = JobHandle { id: id.into(), ..JobHandle::default() };
        assert_refused(runner.job_status(handle.clone()).await, code, phrase);
        assert_refused(runner.job_logs(handle).await, code, phrase);
    }
}

fn repair() -> MigrationRepairRequest {
    MigrationRepairRequest {
        app_resource_name: "app".into(),
        database_resource_name: "db".into(),
        job_image: "img:1".into(),
        source_dir: "migrations".into(),
        expected_dirty_version: "7".into(),
        force_version: "6".into(),
        confirm_force: "FORCE_MIGRATION_METADATA".into(),
        ..MigrationRepairRequest::default()
    }
}

#[tokio::test]
async fn a_repair_runs_as_a_job() {
    let provider = provider_with(&[("infra.container_service", "app", "{}"), ("infra.database", "db", "{}")]);
    let mut client = IaCProviderMigrationRepairerClient::new(provider.routes());
    let request = RepairDirtyMigrationRequest { request: Some(repair()) };
    let result = client.repair_dirty_migration(request).await.unwrap().into_inner().result.unwrap();
    assert_eq!((result.provider_job_id.as_str(), result.status.as_str()), ("job-1", "succeeded"));
    assert_eq!(result.logs, "job-1: img:1 runs force 6\njob-1: done");
}

#[tokio::test]
async fn a_repair_that_is_not_told_in_full_is_refused() {
    let provider = provider_with(&[("infra.container_service", "app", "{}"), ("infra.database", "db", "{}")]);
    let mut client = IaCProviderMigrationRepairerClient::new(provider.routes());
    let with = |change: fn(&mut MigrationRepairRequest)| {
        let mut repair = repair();
        change(&mut repair);
        Some(repair)
    };
    for (request, (code, phrase)) in [
        (None, INVALID),
        (with(|it| it.app_resource_name.clear()), INVALID),
        (with(|it| it.database_resource_name.clear()), INVALID),
        (with(|it| it.job_image.clear()), INVALID),
        (with(|it| it.source_dir.clear()), INVALID),
        (with(|it| it.expected_dirty_version.clear()), INVALID),
        (with(|it| it.force_version.clear()), INVALID),
        (with(|it| it.confirm_force = "force_migration_metadata".into()), INVALID),
        (with(|it| (it.then_up, it.up_if_clean) = (true, true)), INVALID),
        (with(|it| it.timeout_seconds = -1), INVALID),
        (with(|it| it.app_resource_name = "nobody".into()), MISSING),
        (with(|it| it.database_resource_name = "app".into()), MISSING),
    ] {
        let answer = client.repair_dirty_migration(RepairDirtyMigrationRequest { request }).await;
        assert_refused(answer, code, phrase);
    }
}

#[tokio::test]
async fn a_stub_reads_its_request_and_does_nothing() {
    let stubs = [ServedService::MigrationRepairer].into();
    let provider = Provider::new(Setup { stubs, ..Setup::default() });
    let mut client = IaCProviderMigrationRepairerClient::new(provider.routes());
    let refused = client.repair_dirty_migration(RepairDirtyMigrationRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unimplemented);
    assert_eq!(refused.message(), "method RepairDirtyMigration not implemented");
    let path = "/workflow.plugin.external.iac.IaCProviderMigrationRepairer/RepairDirtyMigration";
    let unreadable = RawClient::new(provider.routes())
        .call_within(path, (&b"\xff"[..]).into(), Duration::from_secs(60))
        .await;
    assert_eq!(unreadable.unwrap_err().code(), tonic::Code::Internal);
}
