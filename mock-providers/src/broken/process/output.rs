//! What the plugin writes beside its handshake (P-004, P-015).
//!
//! All of it is written before anybody is served, so that no end of the plugin comes in between: a host that does not
//! drain waits for ever.

use std::{
    env,
    io::{self, Write},
};

const MEBIBYTE: u64 = 1 << 20;

/// The variable that says how many bytes a flood has, in place of what is just enough to be found.
pub const FLOOD_BYTES: &str = "HOSTILE_FLOOD_BYTES";

/// Writes to stderr what the switch will have in front of the handshake.
pub(super) fn log(switch: &str) -> io::Result<()> {
    let mut stderr = io::stderr().lock();
    match switch {
        "stderr-flood" => pour(stderr, bytes_or(80 * MEBIBYTE)),
        "log-wrong-types" => stderr.write_all(b"{\"@level\":\"info\",\"@message\":1}\n"),
        "log-invalid-utf8" => stderr.write_all(b"[INFO] the name is \xff\xfe\x80\n"),
        "log-endless-line" => stderr.write_all(&b"x".repeat(8 << 20)),
        _ => Ok(()),
    }
}

/// Writes to stdout what the switch will have behind the handshake.
pub(super) fn chatter(switch: &str) -> io::Result<()> {
    match switch {
        "stdout-flood" => pour(io::stdout().lock(), bytes_or(2 * MEBIBYTE)),
        _ => Ok(()),
    }
}

/// How much to write: what the environment says, else the default.
fn bytes_or(default: u64) -> u64 {
    env::var(FLOOD_BYTES).ok().and_then(|bytes| bytes.parse().ok()).unwrap_or(default)
}

fn pour(mut to: impl Write, bytes: u64) -> io::Result<()> {
    let lines = [&b".".repeat(127)[..], b"\n"].concat().repeat(512);
    let mut left = bytes;
    while left > 0 {
        let part = usize::try_from(left).map_or(lines.len(), |left| left.min(lines.len()));
        to.write_all(&lines[..part])?;
        left -= part as u64;
    }
    to.flush()
}
