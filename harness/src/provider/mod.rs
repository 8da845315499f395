//! How a provider is reached. Today: embedded, our own mock behind a real Unix socket.

mod embedded;
mod transport;

pub use self::{
    embedded::{Embedded, connect},
    transport::FaultyTransport,
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
