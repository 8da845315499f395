use std::{fmt, sync::Arc};

use bytes::Bytes;
use tonic::Status;

use super::lose;

/// The connection is lost.
///
/// The caller gets one and the same status, whatever the operating system would have said.
#[derive(Clone, Debug)]
pub struct Disconnect {
    /// Whether the provider does its work first, and its reply is lost.
    pub reaches_provider: bool,
    /// Cuts the connection; none where it is not ours to cut, and all that happens is the status.
    pub cut: Option<Cut>,
}

impl Disconnect {
    /// What a Go client says of a connection that was lost during a call, with the code `Unavailable`.
    pub const MESSAGE: &'static str = "error reading from server: EOF";

    pub(super) async fn answer(
        &self,
        delivery: impl Future<Output = Result<Bytes, Status>>,
    ) -> Result<Bytes, Status> {
        lose(self.reaches_provider, delivery).await;
        if let Some(Cut(cut)) = &self.cut {
            cut();
        }
        Err(Status::unavailable(Self::MESSAGE))
    }
}

/// Cuts a connection, each time that it is asked to. Calls made afterwards have to find a new one.
#[derive(Clone)]
pub struct Cut(Arc<dyn Fn() + Send + Sync>);

impl Cut {
    /// Cuts by calling `cut`.
    pub fn new(cut: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(cut))
    }
}

impl fmt::Debug for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cut").finish_non_exhaustive()
    }
}
