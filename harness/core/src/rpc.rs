//! Calls to a provider, as far as a pure engine needs to know them.

use std::fmt;

use bytes::Bytes;
use counterfoil_proto::iac;
use prost::Message as _;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The calls that an apply can make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// `ResourceDriver.Create`
    Create,
    /// `ResourceDriver.Read`
    Read,
    /// `ResourceDriver.Update`
    Update,
    /// `ResourceDriver.Delete`
    Delete,
    /// `ResourceDriver.Diff`
    Diff,
    /// `IaCProviderFinalizer.FinalizeApply`
    Finalize,
    /// `IaCProviderRequired.Apply`, until 0.56
    Apply,
    /// `IaCProviderRequired.Initialize`
    Initialize,
    /// `IaCProviderRequired.Capabilities`
    Capabilities,
    /// `PluginService.GetContractRegistry`
    ContractRegistry,
}

impl Method {
    /// Every method, in the order of the list above.
    pub const ALL: [Self; 10] = [
        Self::Create,
        Self::Read,
        Self::Update,
        Self::Delete,
        Self::Diff,
        Self::Finalize,
        Self::Apply,
        Self::Initialize,
        Self::Capabilities,
        Self::ContractRegistry,
    ];

    /// The path of the HTTP/2 request.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Create => "/workflow.plugin.external.iac.ResourceDriver/Create",
            Self::Read => "/workflow.plugin.external.iac.ResourceDriver/Read",
            Self::Update => "/workflow.plugin.external.iac.ResourceDriver/Update",
            Self::Delete => "/workflow.plugin.external.iac.ResourceDriver/Delete",
            Self::Diff => "/workflow.plugin.external.iac.ResourceDriver/Diff",
            Self::Finalize => "/workflow.plugin.external.iac.IaCProviderFinalizer/FinalizeApply",
            Self::Apply => "/workflow.plugin.external.iac.IaCProviderRequired/Apply",
            Self::Initialize => "/workflow.plugin.external.iac.IaCProviderRequired/Initialize",
            Self::Capabilities => "/workflow.plugin.external.iac.IaCProviderRequired/Capabilities",
            Self::ContractRegistry => "/workflow.plugin.v1.PluginService/GetContractRegistry",
        }
    }

    /// The method of such a path.
    pub fn of_path(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.path() == path)
    }

    /// The full name of the message that answers the call.
    pub const fn response(self) -> &'static str {
        match self {
            Self::Create => "workflow.plugin.external.iac.ResourceCreateResponse",
            Self::Read => "workflow.plugin.external.iac.ResourceReadResponse",
            Self::Update => "workflow.plugin.external.iac.ResourceUpdateResponse",
            Self::Delete => "workflow.plugin.external.iac.ResourceDeleteResponse",
            Self::Diff => "workflow.plugin.external.iac.ResourceDiffResponse",
            Self::Finalize => "workflow.plugin.external.iac.FinalizeApplyResponse",
            Self::Apply => "workflow.plugin.external.iac.ApplyResponse",
            Self::Initialize => "workflow.plugin.external.iac.InitializeResponse",
            Self::Capabilities => "workflow.plugin.external.iac.CapabilitiesResponse",
            Self::ContractRegistry => "workflow.plugin.v1.ContractRegistry",
        }
    }

    /// The word that scenarios and reports use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Read => "read",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Diff => "diff",
            Self::Finalize => "finalize",
            Self::Apply => "apply",
            Self::Initialize => "initialize",
            Self::Capabilities => "capabilities",
            Self::ContractRegistry => "contract_registry",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The type and the reference of the resource that a call of a driver is about, by its request. A resource that is to be
/// created has no id yet. None where the call is about no single resource, or the request cannot be read.
pub fn target_of(method: Method, request: &[u8]) -> Option<(String, iac::ResourceRef)> {
    match method {
        Method::Create => {
            let request = iac::ResourceCreateRequest::decode(request).ok()?;
            let spec = request.spec?;
            let target =
                iac::ResourceRef { name: spec.name, r#type: spec.r#type, provider_id: String::new() };
            Some((request.resource_type, target))
        }
        Method::Update => {
            let request = iac::ResourceUpdateRequest::decode(request).ok()?;
            Some((request.resource_type, request.r#ref?))
        }
        Method::Delete => {
            let request = iac::ResourceDeleteRequest::decode(request).ok()?;
            Some((request.resource_type, request.r#ref?))
        }
        Method::Read => {
            let request = iac::ResourceReadRequest::decode(request).ok()?;
            Some((request.resource_type, request.r#ref?))
        }
        _ => None,
    }
}

/// A gRPC status code. The number is the discriminant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are those of gRPC")]
pub enum Code {
    Cancelled = 1,
    Unknown = 2,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Aborted = 10,
    OutOfRange = 11,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    DataLoss = 15,
    Unauthenticated = 16,
}

impl Code {
    /// Every code but OK, in the order of their numbers.
    pub const ALL: [Self; 16] = [
        Self::Cancelled,
        Self::Unknown,
        Self::InvalidArgument,
        Self::DeadlineExceeded,
        Self::NotFound,
        Self::AlreadyExists,
        Self::PermissionDenied,
        Self::ResourceExhausted,
        Self::FailedPrecondition,
        Self::Aborted,
        Self::OutOfRange,
        Self::Unimplemented,
        Self::Internal,
        Self::Unavailable,
        Self::DataLoss,
        Self::Unauthenticated,
    ];

    /// The code of a number; numbers that gRPC does not know count as `Unknown`.
    pub fn from_number(number: i32) -> Self {
        usize::try_from(number)
            .ok()
            .and_then(|n| n.checked_sub(1))
            .and_then(|at| Self::ALL.get(at).copied())
            .unwrap_or(Self::Unknown)
    }

    /// The name as Go's gRPC prints it, which is what an engine puts into its texts (E-163).
    pub const fn go_name(self) -> &'static str {
        match self {
            Self::Cancelled => "Canceled",
            Self::Unknown => "Unknown",
            Self::InvalidArgument => "InvalidArgument",
            Self::DeadlineExceeded => "DeadlineExceeded",
            Self::NotFound => "NotFound",
            Self::AlreadyExists => "AlreadyExists",
            Self::PermissionDenied => "PermissionDenied",
            Self::ResourceExhausted => "ResourceExhausted",
            Self::FailedPrecondition => "FailedPrecondition",
            Self::Aborted => "Aborted",
            Self::OutOfRange => "OutOfRange",
            Self::Unimplemented => "Unimplemented",
            Self::Internal => "Internal",
            Self::Unavailable => "Unavailable",
            Self::DataLoss => "DataLoss",
            Self::Unauthenticated => "Unauthenticated",
        }
    }
}

/// A call that came back with a status other than OK.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RpcError {
    /// The status code.
    pub code: Code,
    /// The status message.
    pub message: String,
}

impl fmt::Display for RpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rpc error: code = {} desc = {}", self.code.go_name(), self.message)
    }
}

impl std::error::Error for RpcError {}

/// One call on its way to a provider.
#[derive(Clone, Debug)]
pub struct Call {
    /// The call's number in its trace.
    pub id: u32,
    /// The action on whose behalf it is made, by its position in the plan; none for a call about no single action.
    pub action: Option<u32>,
    /// What is called.
    pub method: Method,
    /// The name of the resource that it is about; empty where the call is about none.
    pub resource: String,
    /// The request message, encoded.
    pub request: Bytes,
    /// Made on a context of its own, which the end of the apply's does not touch (E-332).
    pub detached: bool,
}

/// A way to a provider: gRPC in the harness, a function in a test.
pub trait Transport {
    /// Makes one call and waits for its reply.
    ///
    /// # Errors
    /// The status, where it is not OK.
    fn call(&self, call: Call) -> impl Future<Output = Result<Bytes, RpcError>> + Send;
}
