//! How a provider is reached: embedded, our own mock behind a real Unix socket, or as a plugin [`process`].
//!
//! ```text
//! Link -> FaultyTransport ----> faults ----> Connection ~~ socket ~~> Embedded
//!              |                  |              ^
//!              +-> Lifetime       +----- cut ----+
//! ```
//!
//! Faults of single calls stand in [`FaultyTransport`], those of the connection itself in [`Connection`]. A call under
//! way is given up when the [`Lifetime`] of the apply ends, as by a [`Deadline`].

mod connection;
mod embedded;
mod frames;
mod lifetime;
pub mod process;
mod transport;

pub use self::{
    connection::{Address, Connection, Target, connect},
    embedded::Embedded,
    lifetime::{Deadline, Lifetime},
    transport::{DETACHED, FaultyTransport},
};

/// A provider that could not be reached.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// The socket could not be bound.
    #[error("the embedded provider cannot listen on {socket}: {source}")]
    Bind {
        /// The path of the socket.
        socket: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// There was no connection.
    #[error("the provider does not answer on its socket: {0}")]
    Connect(#[from] tonic::transport::Error),
}

#[cfg(test)]
mod tests;
