//! What an engine asks of a provider.

use std::fmt;

use crate::{
    decode::Refusal,
    plan::{ResourceOutput, ResourceRef, Spec},
    rpc::RpcError,
    scenario::ResolvePoint,
};

/// Hands out drivers. Over the wire this fails only for a provider without drivers at all (E-160).
pub trait Provider: Sync {
    /// What changes resources of one type.
    type Driver: Driver;

    /// The driver for a resource type.
    ///
    /// `action` says for which action of the plan it is asked, `at` in which phase.
    ///
    /// # Errors
    /// The text of the refusal, without a prefix.
    fn driver(&self, action: u32, at: ResolvePoint, resource_type: &str) -> Result<Self::Driver, String>;
}

/// Changes resources of one type, on behalf of one action.
pub trait Driver: Send + Sync {
    /// Brings a resource into being. No output is a success that leaves no trace (E-057).
    ///
    /// # Errors
    /// See [`DriverError`].
    fn create(&self, spec: &Spec)
    -> impl Future<Output = Result<Option<ResourceOutput>, DriverError>> + Send;

    /// Changes the resource at `target` (E-054).
    ///
    /// # Errors
    /// See [`DriverError`].
    fn update(
        &self,
        target: &ResourceRef,
        spec: &Spec,
    ) -> impl Future<Output = Result<Option<ResourceOutput>, DriverError>> + Send;

    /// Removes the resource at `target` (E-055).
    ///
    /// # Errors
    /// See [`DriverError`].
    fn delete(&self, target: &ResourceRef) -> impl Future<Output = Result<(), DriverError>> + Send;
}

/// Why a driver call gave nothing to go on with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DriverError {
    /// The call came back with a status other than OK; its text is passed on verbatim (E-163).
    Rpc(RpcError),
    /// The reply arrived and was refused: the cloud was changed, and the action is an error (E-170).
    Refused(Vec<Refusal>),
}

impl fmt::Display for DriverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rpc(error) => error.fmt(f),
            Self::Refused(refusals) => {
                f.write_str("the reply was refused: ")?;
                for (at, refusal) in refusals.iter().enumerate() {
                    write!(f, "{}{}: {}", if at == 0 { "" } else { "; " }, refusal.path, refusal.message)?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for DriverError {}
