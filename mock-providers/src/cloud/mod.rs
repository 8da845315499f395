//! An in-memory cloud: resources with ids, configurations and outputs, and jobs. No gRPC in here.

mod config;
mod diff;
mod error;
mod job;
mod resource;
mod store;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

pub(crate) use config::check_object;
pub use diff::{Change, Diff};
pub use error::CloudError;
pub use job::Job;
pub use resource::{PASSWORD, Resource, Seed, Target};
use store::Store;

/// What the types of a cloud have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traits {
    /// Top-level config keys whose change asks for a new resource.
    pub force_new: BTreeSet<String>,
    /// Types whose resources have a `password` among their outputs, and hold it to be sensitive.
    pub sensitive: BTreeSet<String>,
}

impl Default for Traits {
    fn default() -> Self {
        Self { force_new: ["region".into()].into(), sensitive: ["infra.database".into()].into() }
    }
}

/// A handle on a cloud; clones share it.
///
/// Ids are the last segment of the type and a number, such as `vpc-1`. They depend on nothing but the calls
/// before, and none is given out twice, also not after its resource is gone. A type and a name belong to one
/// live resource at a time.
#[derive(Clone, Debug, Default)]
pub struct Cloud(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    traits: Traits,
    store: Mutex<Store>,
    jobs: Mutex<Vec<Arc<Job>>>,
}

impl Cloud {
    /// An empty cloud.
    pub fn new(traits: Traits) -> Self {
        Self(Arc::new(Inner { traits, ..Inner::default() }))
    }

    /// No call leaves a store half changed, so one that a panic interrupted is as good as any.
    fn store(&self) -> MutexGuard<'_, Store> {
        self.0.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Creates a resource. `config` is a JSON object, `null` or nothing.
    ///
    /// # Errors
    /// `InvalidArgument` without a type or a name, or for other JSON; `AlreadyExists` when type and name
    /// belong to a live resource (H-47).
    pub fn create(
        &self,
        resource_type: &str,
        name: &str,
        config: &[u8],
    ) -> Result<Arc<Resource>, CloudError> {
        self.seed(&Seed { resource_type, name, config, ..Seed::default() })
    }

    /// Puts a resource there that existed before.
    ///
    /// # Errors
    /// Those of [`Cloud::create`], and `AlreadyExists` when the id belongs to a live resource.
    pub fn seed(&self, seed: &Seed<'_>) -> Result<Arc<Resource>, CloudError> {
        for (what, text) in [("a resource type", seed.resource_type), ("a name", seed.name)] {
            if text.is_empty() {
                return Err(CloudError::InvalidArgument(format!("a resource needs {what}")));
            }
        }
        self.store().insert(seed, &self.0.traits)
    }

    /// The live resource.
    ///
    /// # Errors
    /// `NotFound` (H-16); `InvalidArgument` when the target says neither id nor name.
    pub fn read(&self, target: &Target<'_>) -> Result<Arc<Resource>, CloudError> {
        self.store().find(target).cloned()
    }

    /// Gives a live resource another configuration. If the target has an id and another name, the resource
    /// takes that name.
    ///
    /// # Errors
    /// Those of [`Cloud::read`]; `InvalidArgument` for a config that is no JSON object; `AlreadyExists` when
    /// the new name belongs to another resource.
    pub fn update(&self, target: &Target<'_>, config: &[u8]) -> Result<Arc<Resource>, CloudError> {
        self.store().update(target, |_| Ok(config::text(config)))
    }

    /// Sets `replicas` in the configuration of a live resource, and leaves the rest of it alone.
    ///
    /// # Errors
    /// Those of [`Cloud::read`]; `InvalidArgument` for a negative number.
    pub fn scale(&self, target: &Target<'_>, replicas: i32) -> Result<Arc<Resource>, CloudError> {
        if replicas < 0 {
            return Err(CloudError::InvalidArgument(format!("{replicas} replicas")));
        }
        self.store().update(target, |live| config::with_number(&live.config, "replicas", replicas))
    }

    /// Removes a resource; true if there was one. One that is gone already is no mistake (H-77).
    ///
    /// # Errors
    /// `InvalidArgument` when the target says neither id nor name.
    pub fn delete(&self, target: &Target<'_>) -> Result<bool, CloudError> {
        match self.store().remove(target) {
            Ok(()) => Ok(true),
            Err(CloudError::NotFound(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Compares a live resource with a wanted configuration, whatever the order of its keys (H-18).
    ///
    /// # Errors
    /// Those of [`Cloud::read`]; `InvalidArgument` for a config that is no JSON object.
    pub fn diff(&self, target: &Target<'_>, desired: &[u8]) -> Result<Diff, CloudError> {
        let live = self.read(target)?;
        let (old, new) = (config::text(&live.config), config::text(desired));
        let (old, new) = (config::entries("config", &old)?, config::entries("config", &new)?);
        Ok(Diff::between(&old, &new, &self.0.traits.force_new))
    }

    /// Makes a live resource somebody's. It stays so until another owner is set or the resource is gone.
    ///
    /// # Errors
    /// Those of [`Cloud::read`]; `InvalidArgument` for an owner without a name.
    pub fn set_owner(&self, target: &Target<'_>, owner: &str) -> Result<(), CloudError> {
        if owner.is_empty() {
            return Err(CloudError::InvalidArgument("an owner needs a name".into()));
        }
        self.store().own(target, owner)
    }

    /// Starts a job. Its id is the next of `job-1`, `job-2` and so on.
    pub fn run(&self, job: Job) -> Arc<Job> {
        let mut jobs = self.jobs();
        let job = Arc::new(Job { id: format!("job-{}", jobs.len() + 1), ..job });
        jobs.push(Arc::clone(&job));
        job
    }

    /// The job of an id.
    ///
    /// # Errors
    /// `NotFound`; `InvalidArgument` for no id.
    pub fn job(&self, id: &str) -> Result<Arc<Job>, CloudError> {
        if id.is_empty() {
            return Err(CloudError::InvalidArgument("a job is found by its id, which is empty".into()));
        }
        let found = self.jobs().iter().find(|job| job.id == id).cloned();
        found.ok_or_else(|| CloudError::NotFound(format!("job \"{id}\"")))
    }

    fn jobs(&self) -> MutexGuard<'_, Vec<Arc<Job>>> {
        self.0.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every live resource, in the order of type and name.
    pub fn list(&self) -> Vec<Arc<Resource>> {
        let mut all: Vec<_> = self.store().iter().cloned().collect();
        all.sort_by(|a, b| (&a.resource_type, &a.name).cmp(&(&b.resource_type, &b.name)));
        all
    }

    /// What the types of this cloud have in common.
    pub fn traits(&self) -> &Traits {
        &self.0.traits
    }
}

#[cfg(test)]
mod tests;
