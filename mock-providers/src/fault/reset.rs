use bytes::Bytes;
use tonic::Status;

use super::lose;

/// The stream of the call is reset; the connection stays.
#[derive(Clone, Copy, Debug)]
pub struct Reset {
    /// Whether the provider does its work first, and its reply is lost.
    pub reaches_provider: bool,
}

impl Reset {
    /// What a Go client says of a reset stream, before the name of the HTTP/2 error.
    pub const MESSAGE: &'static str = "stream terminated by RST_STREAM with error code: ";

    pub(super) async fn answer(
        self,
        delivery: impl Future<Output = Result<Bytes, Status>>,
    ) -> Result<Bytes, Status> {
        lose(self.reaches_provider, delivery).await;
        Err(Status::internal(format!("{}INTERNAL_ERROR", Self::MESSAGE)))
    }
}
