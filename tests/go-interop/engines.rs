//! An engine in Go, behind an adapter of `ci/adapters`.

use std::process::Command;

use super::{COUNTERFOIL, Said, programs};

/// What it cannot do is not asked of it: it resolves no references, and has no host behind its hooks.
#[test]
fn the_small_engine_in_go_keeps_to_every_rule() {
    let Some(programs) = programs() else { return };
    let mut command = Command::new(COUNTERFOIL);
    command.args(["test", "engine", "--"]).arg(programs.join("engine"));
    let done = command.output().unwrap();
    assert!(done.status.success(), "{}", Said(&done));
    let told = String::from_utf8_lossy(&done.stdout);
    assert!(told.contains("pass  adapter-ends") && !told.contains("not run"), "{told}");
}
