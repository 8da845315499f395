//! Decoders in other languages, behind the adapters of `ci/adapters`.

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
    process::Command,
};

use super::{COUNTERFOIL, Said, programs};

const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../ci/adapters/python/decoder_adapter.py");

/// Every vector at every revision, and as many messages more as one seed makes.
fn passes(adapter: &[&Path]) {
    let done = Command::new(COUNTERFOIL).args(["test", "decoder", "--"]).args(adapter).output().unwrap();
    assert!(done.status.success(), "{}", Said(&done));
    let told = String::from_utf8_lossy(&done.stdout);
    assert!(told.contains("pass  adapter-ends") && !told.contains("not run"), "{told}");
}

#[test]
fn the_decoder_in_go_gives_every_message_its_verdict() {
    if let Some(programs) = programs() {
        passes(&[&programs.join("decoder-adapter")]);
    }
}

#[test]
fn the_decoder_in_python_gives_every_message_its_verdict() {
    match Command::new("python3").arg("--version").output() {
        Ok(_) => passes(&["python3".as_ref(), PYTHON.as_ref()]),
        // Past the test runner, which would keep it to itself.
        Err(error) => {
            let _ = writeln!(io::stderr(), "SKIPPED: the decoder in Python: `python3` does not run: {error}");
        }
    }
}

#[test]
fn the_python_decoder_is_short_enough_to_be_read_at_once() {
    let lines = fs::read_to_string(PYTHON).unwrap().lines().count();
    assert!(lines < 150, "{lines} lines");
}
