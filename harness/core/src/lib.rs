//! The pure half of Counterfoil: no gRPC, no process, no clock.
//!
//! A [`scenario`] becomes a [`plan`], the [`engine`] drives it over a transport, every step is appended to a
//! [`trace`], and the [`rules`] judge the finished trace. The strict [`decode`]r reads what a provider sends.

pub mod cloud;
pub mod decode;
pub mod engine;
pub mod inject;
pub mod json;
pub mod judge;
pub mod manifest;
pub mod mutants;
pub mod outcome;
pub mod plan;
pub mod release;
pub mod rpc;
pub mod rules;
pub mod scenario;
#[cfg(test)]
mod testing;
pub mod trace;
pub mod trial;
