//! The gRPC services of a provider, one file each. They do what they say: a broken provider is made of them
//! by wrapping one.

mod apply;
mod credentials;
mod drift;
mod driver;
mod enumerator;
mod finalizer;
mod logs;
mod migration;
mod ownership;
mod plan;
mod plugin;
mod regions;
mod required;
mod requirements;
mod runner;
mod state_backend;
mod stub;
mod validator;

use std::{fmt, pin::Pin, sync::Arc};

pub use apply::WithApply;
use counterfoil_proto::iac::{ResourceOutput, ResourceRef};
pub use credentials::CredentialRevoker;
pub use drift::{DriftConfigDetector, DriftDetector};
pub use driver::ResourceDriver;
pub use enumerator::Enumerator;
pub use finalizer::Finalizer;
pub use logs::LogCapture;
pub use migration::MigrationRepairer;
pub use ownership::Ownership;
pub use plugin::Plugin;
pub use regions::RegionLister;
pub use required::Required;
pub use requirements::{RequirementDiscovery, RequirementMapper};
pub use runner::Runner;
pub use state_backend::StateBackend;
pub use stub::Stub;
use tokio_stream::Stream;
use tonic::Status;

pub use validator::Validator;

use crate::{
    Provider,
    cloud::{CloudError, PASSWORD, Resource, Target},
};

/// The answers of a call that streams them.
type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// The status text of a live resource.
const ACTIVE: &str = "active";

impl From<CloudError> for Status {
    fn from(error: CloudError) -> Self {
        let text = brief(error.to_string());
        match error {
            CloudError::NotFound(_) => Self::not_found(text),
            CloudError::AlreadyExists(_) => Self::already_exists(text),
            CloudError::InvalidArgument(_) => Self::invalid_argument(text),
        }
    }
}

/// The most characters of a status text.
const MAX_TEXT: usize = 4000;

/// A text that a status may have. It travels in a header, and peers end a connection over headers without end: a
/// request that names something very long must not lead to one.
fn brief(text: String) -> String {
    match text.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// What makes no sense, told with the phrase for it (E-166).
fn invalid(text: impl fmt::Display) -> Status {
    Status::invalid_argument(brief(format!("iac: validation error: {text}")))
}

/// Refuses types that the provider does not have (E-161, E-162).
fn check_type(provider: &Provider, resource_type: &str) -> Result<(), Status> {
    let setup = provider.setup();
    if resource_type.is_empty() {
        return Err(invalid("resource_type is empty"));
    }
    if !setup.resource_types.contains_key(resource_type) {
        let name = &setup.name;
        let text = format!("{name} ResourceDriver: no resource type \"{resource_type}\"");
        return Err(Status::not_found(brief(text)));
    }
    Ok(())
}

/// Unwraps a message that a request has to carry.
fn present<T>(message: Option<T>, field: &str) -> Result<T, Status> {
    message.ok_or_else(|| invalid(format_args!("{field} is absent")))
}

/// Refuses texts that a request has to say, each told by the name of its field.
fn said<const N: usize>(fields: [(&str, &str); N]) -> Result<(), Status> {
    match fields.into_iter().find(|(_, text)| text.is_empty()) {
        Some((field, _)) => Err(invalid(format_args!("{field} is empty"))),
        None => Ok(()),
    }
}

/// The live resource that a reference points at, of a type that the provider has.
fn live(provider: &Provider, reference: &ResourceRef) -> Result<Arc<Resource>, Status> {
    check_type(provider, &reference.r#type)?;
    Ok(provider.cloud().read(&target(&reference.r#type, reference))?)
}

/// What points at a resource.
fn reference(resource: &Resource) -> ResourceRef {
    ResourceRef {
        name: resource.name.clone(),
        r#type: resource.resource_type.clone(),
        provider_id: resource.provider_id.clone(),
    }
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
