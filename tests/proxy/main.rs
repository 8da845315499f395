//! A plugin behind `counterfoil proxy`: what each side sees is what it would have seen of the other.

#![expect(clippy::unwrap_used, reason = "a test")]

mod bytes;
#[path = "../process/leftovers.rs"]
mod leftovers;
mod place;
mod streams;
mod struck;
mod verdicts;
