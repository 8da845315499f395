//! The provider kit: an in-memory cloud, the gRPC services over it, and the faults that stand in their way.
//!
//! ```text
//! UnaryCall -> FaultLayer -> RawClient ~~ socket, or in process ~~> Provider::routes -> service/ -> Cloud
//!                  |
//!                  +-> Observer: what was delivered, answered, injected
//! ```
//!
//! Beside the cloud lies the [`StateStore`], in which a provider keeps states for others.
//!
//! The kit knows no trace and no rule. Where new things go:
//! - a new kind of fault: a file in `fault/` and a variant of [`fault::Effect`]. Where it needs more than the call
//!   (a connection to cut, a message to alter), it is given a function, and does not know what stands behind it;
//! - a new service: a variant of [`ServedService`], a file in `service/`, a line in `provider.rs`;
//! - a new profile: a file in `profiles/` and a line in `profile.rs`; another point of one: an entry in its
//!   file;
//! - a broken provider or process: a row in a file of `broken/`. The code in `cloud/`, `state/` and `service/` stays honest.

pub mod answer;
pub mod broken;
pub mod client;
pub mod cloud;
mod codec;
pub mod fault;
pub mod manifest;
pub mod plugin;
mod profile;
mod provider;
pub mod serve;
pub mod service;
mod setup;
pub mod state;

pub use broken::ProviderMutant;
pub use client::{RawClient, UnaryCall};
pub use cloud::Cloud;
pub use profile::{Declared, Place, Point, Profile, ProfileError};
pub use provider::Provider;
pub use serve::{serve_over, serve_unix};
pub use setup::{ApplyKind, ServedService, Setup, TypeSupport};
pub use state::StateStore;

/// The message limit of Go peers, in bytes, both ways (E-208).
pub(crate) const MAX_MESSAGE: usize = i32::MAX as usize;
