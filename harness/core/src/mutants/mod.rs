//! Engines, decoders, manifests and releases that are wrong in one way each, to prove that the rules can fail.
//!
//! A mutant stands at a seam: an engine mutant replaces one field of [`Semantics`](crate::engine::Semantics), a decoder
//! mutant wraps the strict decoder, a manifest mutant is another text, and a
//! release mutant states or finds out something else. Each names the rules that it must trip, and it may trip no other.

mod decoder;
mod engine;
mod manifest;
mod release;

pub use self::{
    decoder::{DECODERS, DecoderMutant, Flaw, Flawed},
    engine::{ENGINES, EngineMutant},
    manifest::{MANIFESTS, ManifestMutant, Plugin, released},
    release::{RELEASES, ReleaseMutant, good as good_release},
};
