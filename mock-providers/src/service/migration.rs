use counterfoil_proto::iac::{
    MigrationRepairRequest, MigrationRepairResult, RepairDirtyMigrationRequest, RepairDirtyMigrationResponse,
    ia_c_provider_migration_repairer_server::IaCProviderMigrationRepairer,
};
use tonic::{Request, Response, Status, async_trait};

use super::{invalid, present, said};
use crate::{
    Provider,
    cloud::{CloudError, Job, Target},
};

/// What confirms that the bookkeeping of a migration is to be overwritten.
const CONFIRMED: &str = "FORCE_MIGRATION_METADATA";

/// `IaCProviderMigrationRepairer`: runs the repair as a job of the cloud.
#[derive(Clone, Debug)]
pub struct MigrationRepairer(Provider);

impl MigrationRepairer {
    /// The service of a provider.
    pub const fn new(provider: Provider) -> Self {
        Self(provider)
    }

    /// Looks for the two resources of a repair. What kind of resource an application is, the request does not
    /// say.
    fn find(&self, application: &str, database: &str) -> Result<(), CloudError> {
        let cloud = self.0.cloud();
        if !cloud.list().iter().any(|live| live.name == application) {
            return Err(CloudError::NotFound(format!("the application \"{application}\"")));
        }
        cloud.read(&Target { resource_type: "infra.database", name: database, provider_id: "" }).map(drop)
    }
}

#[async_trait]
impl IaCProviderMigrationRepairer for MigrationRepairer {
    async fn repair_dirty_migration(
        &self,
        request: Request<RepairDirtyMigrationRequest>,
    ) -> Result<Response<RepairDirtyMigrationResponse>, Status> {
        let repair = present(request.into_inner().request, "request")?;
        check(&repair)?;
        self.find(&repair.app_resource_name, &repair.database_resource_name)?;
        let job = self.0.cloud().run(Job {
            name: format!("repair-{}", repair.database_resource_name),
            image: repair.job_image,
            command: format!("force {}", repair.force_version),
            ..Job::default()
        });
        let result = MigrationRepairResult {
            provider_job_id: job.id.clone(),
            status: "succeeded".into(),
            logs: job.log().join("\n"),
            ..MigrationRepairResult::default()
        };
        Ok(Response::new(RepairDirtyMigrationResponse { result: Some(result) }))
    }
}

fn check(repair: &MigrationRepairRequest) -> Result<(), Status> {
    said([
        ("request.app_resource_name", &repair.app_resource_name),
        ("request.database_resource_name", &repair.database_resource_name),
        ("request.job_image", &repair.job_image),
        ("request.source_dir", &repair.source_dir),
        ("request.expected_dirty_version", &repair.expected_dirty_version),
        ("request.force_version", &repair.force_version),
    ])?;
    if repair.confirm_force != CONFIRMED {
        let told = &repair.confirm_force;
        return Err(invalid(format_args!("request.confirm_force is \"{told}\" and not {CONFIRMED}")));
    }
    if repair.then_up && repair.up_if_clean {
        return Err(invalid("request.then_up and request.up_if_clean exclude each other"));
    }
    if repair.timeout_seconds < 0 {
        return Err(invalid(format_args!("request.timeout_seconds is {}", repair.timeout_seconds)));
    }
    Ok(())
}
