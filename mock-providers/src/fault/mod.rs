//! Faults: what goes wrong between a caller and its provider, at points that a scenario names.
//!
//! A new kind is a file here, with a type that answers a call given the provider's reply yet to come, and a
//! variant of [`Effect`]. What it says to the caller is fixed text in the words of a Go client, so that runs are the
//! same byte for byte. The layer sees single calls: what befalls a whole connection is done by whoever dialled it,
//! and the effect only says when (see [`Cut`]).

mod alter;
mod delay;
mod disconnect;
mod dispatch_error;
mod hang;
mod layer;
mod reply;
mod reset;

pub use alter::Alter;
use bytes::Bytes;
pub use delay::Delay;
pub use disconnect::{Cut, Disconnect};
pub use dispatch_error::DispatchError;
pub use hang::Hang;
pub use layer::{FaultLayer, FaultService};
pub use reply::Reply;
pub use reset::Reset;
use tonic::Status;

use crate::UnaryCall;

/// Something that goes wrong once, at one point.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Which call it strikes.
    pub point: Point,
    /// What it does to that call.
    pub effect: Effect,
}

/// One call among all those that go through a [`FaultLayer`]. The wire carries no index of an action, so
/// this is what a point can be known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// The name of the resource; empty for calls that are about none.
    pub resource: String,
    /// The path of the method; none for any.
    pub method: Option<&'static str>,
    /// Which of the calls that match, from 1. A point with 0 is never reached.
    pub nth: u32,
}

impl Point {
    fn matches(&self, call: &UnaryCall) -> bool {
        self.resource == call.resource && self.method.is_none_or(|method| method == call.method)
    }
}

/// What a fault does.
#[derive(Clone, Debug)]
pub enum Effect {
    /// The call fails with a status.
    DispatchError(DispatchError),
    /// The reply comes late.
    Delay(Delay),
    /// The reply never comes.
    Hang(Hang),
    /// The stream of the call is reset.
    Reset(Reset),
    /// The connection is lost.
    Disconnect(Disconnect),
    /// The call is answered in the provider's place.
    Reply(Reply),
    /// The reply is altered on its way.
    Alter(Alter),
}

impl Effect {
    /// How far from the caller the effect stands, where several strike one call.
    const fn distance(&self) -> u8 {
        match self {
            Self::Alter(_) => 0,
            Self::Delay(_) => 1,
            Self::DispatchError(_)
            | Self::Hang(_)
            | Self::Reset(_)
            | Self::Disconnect(_)
            | Self::Reply(_) => 2,
        }
    }

    /// Answers a call. The provider gets it if `delivery` is awaited, and not before. `struck` is told that the effect
    /// does something to this call.
    async fn answer<D>(&self, delivery: D, struck: impl FnOnce() + Send) -> Result<Bytes, Status>
    where
        D: Future<Output = Result<Bytes, Status>> + Send,
    {
        if let Self::Alter(alter) = self {
            return alter.answer(delivery, struck).await;
        }
        struck();
        match self {
            Self::DispatchError(error) => error.answer(delivery).await,
            Self::Delay(delay) => delay.answer(delivery).await,
            Self::Hang(hang) => hang.answer(delivery).await,
            Self::Reset(reset) => reset.answer(delivery).await,
            Self::Disconnect(disconnect) => disconnect.answer(delivery).await,
            Self::Reply(reply) => Ok(reply.answer()),
            Self::Alter(_) => delivery.await,
        }
    }
}

/// Loses the reply to a call, after the provider has done its work if the call reaches it.
async fn lose(reaches_provider: bool, delivery: impl Future<Output = Result<Bytes, Status>>) {
    if reaches_provider {
        drop(delivery.await);
    }
}

/// Is told what a [`FaultLayer`] does, as it does it.
pub trait Observer: Send + Sync {
    /// The provider is given a call.
    fn delivered(&self, call: &UnaryCall) {
        let _ = call;
    }

    /// The provider has answered the call with this id. What the caller receives may be another thing.
    ///
    /// A status with a source (see [`std::error::Error::source`]) was made on our side: the way to the provider
    /// failed, and it answered nothing.
    fn answered(&self, id: u32, reply: &Result<Bytes, Status>) {
        let _ = (id, reply);
    }

    /// The fault at this place of the list strikes the call with this id. Comes before anything else that is
    /// told of the call, unless it is one that alters the reply, of which this is known only then.
    fn injected(&self, id: u32, fault: usize) {
        let _ = (id, fault);
    }
}

/// Nobody looks.
impl Observer for () {}

#[cfg(test)]
mod tests;
