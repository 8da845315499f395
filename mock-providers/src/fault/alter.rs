use std::{fmt, sync::Arc};

use bytes::Bytes;
use tonic::Status;

/// The provider gets the call, and its reply is altered on its way. A status other than OK passes as it is, and a reply
/// that comes out as it was has not been struck.
#[derive(Clone)]
pub struct Alter(Arc<dyn Fn(Bytes) -> Bytes + Send + Sync>);

impl Alter {
    /// Alters by `alter`, which takes the encoded reply and gives what the caller gets, well-formed or not.
    pub fn new(alter: impl Fn(Bytes) -> Bytes + Send + Sync + 'static) -> Self {
        Self(Arc::new(alter))
    }

    /// Answers a call, and tells `struck` if its reply came out as another.
    pub(super) async fn answer(
        &self,
        delivery: impl Future<Output = Result<Bytes, Status>>,
        struck: impl FnOnce(),
    ) -> Result<Bytes, Status> {
        let reply = delivery.await?;
        let altered = (self.0)(reply.clone());
        if altered != reply {
            struck();
        }
        Ok(altered)
    }
}

impl fmt::Debug for Alter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alter").finish_non_exhaustive()
    }
}
