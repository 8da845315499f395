use std::time::Duration;

use bytes::Bytes;
use tonic::Status;

/// The provider gets the call, and its reply, whatever it is, comes this much later.
#[derive(Clone, Copy, Debug)]
pub struct Delay(pub Duration);

impl Delay {
    pub(super) async fn answer(
        self,
        delivery: impl Future<Output = Result<Bytes, Status>>,
    ) -> Result<Bytes, Status> {
        let reply = delivery.await;
        tokio::time::sleep(self.0).await;
        reply
    }
}
