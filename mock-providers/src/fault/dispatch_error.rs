use bytes::Bytes;
use tonic::{Code, Status};

use super::lose;

/// A status in place of the reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DispatchError {
    /// The code of the status.
    pub code: Code,
    /// The message of the status.
    pub message: String,
    /// Whether the provider does its work first, and its reply is lost.
    pub reaches_provider: bool,
}

impl DispatchError {
    pub(super) async fn answer(
        &self,
        delivery: impl Future<Output = Result<Bytes, Status>>,
    ) -> Result<Bytes, Status> {
        lose(self.reaches_provider, delivery).await;
        Err(Status::new(self.code, &self.message))
    }
}
