//! The gRPC services of a provider, one file each. They do what they say: a broken provider is made of them
//! by wrapping one.

mod apply;
mod driver;
mod finalizer;
mod plan;
mod plugin;
mod required;

pub use apply::WithApply;
use counterfoil_proto::iac::{ResourceOutput, ResourceRef};
pub use driver::Driver;
pub use finalizer::Finalizer;
pub use plugin::Plugin;
pub use required::Required;
use tonic::Status;

use crate::{
    Provider,
    cloud::{CloudError, PASSWORD, Resource, Target},
};

/// The status text of a live resource.
const ACTIVE: &str = "active";

impl From<CloudError> for Status {
    fn from(error: CloudError) -> Self {
        let text = error.to_string();
        match error {
            CloudError::NotFound(_) => Self::not_found(text),
            CloudError::AlreadyExists(_) => Self::already_exists(text),
            CloudError::InvalidArgument(_) => Self::invalid_argument(text),
        }
    }
}

/// Refuses types that the provider does not have (E-161, E-162).
fn check_type(provider: &Provider, resource_type: &str) -> Result<(), Status> {
    let setup = provider.setup();
    if resource_type.is_empty() {
        return Err(Status::invalid_argument("iac: validation error: resource_type is empty"));
    }
    if !setup.resource_types.contains_key(resource_type) {
        let name = &setup.name;
        return Err(Status::not_found(format!(
            "{name} ResourceDriver: no resource type \"{resource_type}\""
        )));
    }
    Ok(())
}

/// Unwraps a message that a request has to carry.
fn present<T>(message: Option<T>, field: &str) -> Result<T, Status> {
    message.ok_or_else(|| Status::invalid_argument(format!("iac: validation error: {field} is absent")))
}

/// What a reference points at. Of the two types that a driver request carries, its own counts (E-161).
fn target<'a>(resource_type: &'a str, reference: &'a ResourceRef) -> Target<'a> {
    Target { resource_type, name: &reference.name, provider_id: &reference.provider_id }
}

/// A resource as the driver reports it.
fn output(resource: &Resource) -> ResourceOutput {
    ResourceOutput {
        name: resource.name.clone(),
        r#type: resource.resource_type.clone(),
        provider_id: resource.provider_id.clone(),
        outputs_json: resource.outputs.clone(),
        sensitive: resource.sensitive.then(|| (PASSWORD.to_owned(), true)).into_iter().collect(),
        status: ACTIVE.into(),
    }
}

#[cfg(test)]
mod tests;
