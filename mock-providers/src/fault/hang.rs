use std::future;

use bytes::Bytes;
use tonic::Status;

use super::lose;

/// The reply never comes: who waits for it waits until it gives up.
#[derive(Clone, Copy, Debug)]
pub struct Hang {
    /// Whether the provider does its work first.
    pub reaches_provider: bool,
}

impl Hang {
    pub(super) async fn answer(
        self,
        delivery: impl Future<Output = Result<Bytes, Status>>,
    ) -> Result<Bytes, Status> {
        lose(self.reaches_provider, delivery).await;
        future::pending().await
    }
}
