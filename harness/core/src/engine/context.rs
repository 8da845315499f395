//! The context of an apply: whether it may still go on.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use serde::{Deserialize, Serialize};

use crate::rpc::{Code, RpcError};

/// Why a context ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Done {
    /// Somebody cancelled it.
    Cancelled,
    /// Its deadline passed.
    DeadlineExceeded,
}

impl Done {
    /// The error of a call that is under way when its context ends, or that would begin thereafter.
    pub fn rpc_error(self) -> RpcError {
        let code = match self {
            Self::Cancelled => Code::Cancelled,
            Self::DeadlineExceeded => Code::DeadlineExceeded,
        };
        RpcError { code, message: self.to_string() }
    }
}

impl fmt::Display for Done {
    /// The text of the error in Go, which an engine passes on as it is (E-020).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cancelled => "context canceled",
            Self::DeadlineExceeded => "context deadline exceeded",
        })
    }
}

/// Whether an apply may go on. Clones are one context; it ends once.
#[derive(Clone, Debug, Default)]
pub struct Context(Arc<OnceLock<Done>>);

impl Context {
    /// Ends it. False if it had ended before: that cause stays.
    pub fn end(&self, cause: Done) -> bool {
        self.0.set(cause).is_ok()
    }

    /// Why it ended, if it did.
    pub fn done(&self) -> Option<Done> {
        self.0.get().copied()
    }
}
