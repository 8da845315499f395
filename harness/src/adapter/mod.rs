//! Engines and decoders under test, which stand behind adapters (docs/adapter.md).
//!
//! ```text
//! Line --- frames ---> supervisor, adapter, decoder
//!   ^                     |
//!   +----- frames --------+
//! ```
//!
//! Whatever an adapter does comes back as [`AdapterEvent`](counterfoil_core::trace::AdapterEvent)s. Nothing is judged here.

pub mod broken;
pub mod cases;
pub mod engine;
pub mod frames;
pub mod line;
pub mod serve;
pub mod serve_engine;

pub use self::{
    cases::Case,
    line::{Applied, GivenUp, Launch, Line, MOST_FAILURES, Missed, Told},
};
