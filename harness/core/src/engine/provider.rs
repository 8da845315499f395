//! What an engine asks of a provider.

use std::fmt;

use crate::{
    decode::Refusal,
    outcome::ActionError,
    plan::{ResourceOutput, ResourceRef, Spec},
    rpc::{Code, RpcError},
    scenario::ResolvePoint,
    trace::Drivers,
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

    /// Has the provider do what its drivers put off, and gives the errors that it reports; none where it serves no
    /// finalizer (E-071, E-316).
    fn finalize(
        &self,
        plan_id: &str,
    ) -> impl Future<Output = Option<Result<Vec<ActionError>, DriverError>>> + Send;
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

    /// Looks a resource up, by its name where `target` has no id (E-051).
    ///
    /// # Errors
    /// See [`DriverError`].
    fn read(
        &self,
        target: &ResourceRef,
    ) -> impl Future<Output = Result<Option<ResourceOutput>, DriverError>> + Send;

    /// Replaces the resource at `old` in the driver's own way. Is called only where [`Driver::can`] says so (E-066).
    ///
    /// # Errors
    /// See [`DriverError`].
    fn replace(
        &self,
        old: &ResourceRef,
        spec: &Spec,
    ) -> impl Future<Output = Result<Option<ResourceOutput>, DriverError>> + Send;

    /// What this driver can do that no wire can carry (E-168).
    fn can(&self) -> Drivers;

    /// The same driver on a context of its own, which the end of the apply's does not touch.
    #[must_use]
    fn detached(&self) -> Self;
}

/// Why a driver call gave nothing to go on with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DriverError {
    /// The call came back with a status other than OK; its text is passed on verbatim (E-163).
    Rpc(RpcError),
    /// The reply arrived and was refused: the cloud was changed, and the action is an error (E-170).
    Refused(Vec<Refusal>),
}

impl DriverError {
    /// Whether the resource that was to be created exists already. Only a driver in the engine's own process can make
    /// itself so clear (E-164).
    pub fn is_already_exists(&self) -> bool {
        matches!(self, Self::Rpc(error) if error.code == Code::AlreadyExists)
    }
}

impl fmt::Display for DriverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rpc(error) => error.fmt(f),
            Self::Refused(refusals) => {
                f.write_str("the reply was refused: ")?;
                for (at, refusal) in refusals.iter().enumerate() {
                    f.write_str(if at == 0 { "" } else { "; " })?;
                    // What is wrong with a message as a whole has no path.
                    if !refusal.path.is_empty() {
                        write!(f, "{}: ", refusal.path)?;
                    }
                    f.write_str(&refusal.message)?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for DriverError {}
