//! What each target does with an input, and what has to hold of it.

mod archive;
mod decode;
mod evidence;
mod frames;
mod handshake;
mod manifest;
mod scenario;
mod trace;
mod yaml;

pub use self::{
    archive::archive,
    decode::{decode_apply, decode_finalize, decode_message, decode_output},
    evidence::{evidence_file, go_build},
    frames::adapter_frames,
    handshake::handshake_line,
    manifest::plugin_manifest,
    scenario::scenario_file,
    trace::trace_file,
    yaml::{known_failures, release_file, settings_file},
};
pub(crate) use self::{
    archive::{GZIP, TAR, gzip},
    decode::{OUTPUTS, chosen, chosen_plan, messages},
};
