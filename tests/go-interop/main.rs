//! Both sides of the process protocol against Go: our host drives providers that are built with go-plugin, and hosts
//! that are built with go-plugin drive our mock. Each with `github.com/hashicorp/go-plugin` and with the fork
//! `github.com/GoCodeAlone/go-plugin`, in plaintext and with `AutoMTLS`. And decoders in Go and Python, and engines in
//! Go, of which one is the real one, behind adapters.
//!
//! The programs in this directory are built once. Where there is no Go, the tests say so and pass, unless
//! `COUNTERFOIL_REQUIRE_GO` is set.

#![expect(clippy::unwrap_used, reason = "a test")]

mod adapters;
mod command;
mod contract;
mod engines;
mod evidence;
mod host;
mod programs;
mod provider;
mod workflow;

use std::{
    env, fmt,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::Output,
    sync::OnceLock,
    thread,
    time::Duration,
};

use programs::NotBuilt;

const COUNTERFOIL: &str = env!("CARGO_BIN_EXE_counterfoil");
/// What every test waits for at most.
const DEADLINE: Duration = Duration::from_secs(120);

/// The libraries, as the names of the programs end.
const HASHICORP: &str = "hashicorp";
const FORK: &str = "fork";

/// Whether calls are secured.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wire {
    Plaintext,
    Mtls,
}

/// Where the Go programs are; none where there is no Go.
fn programs() -> Option<&'static Path> {
    static BUILT: OnceLock<Result<PathBuf, NotBuilt>> = OnceLock::new();
    let why = match BUILT.get_or_init(programs::build) {
        Ok(programs) => return Some(programs),
        Err(NotBuilt::Broken(output)) => panic!("the Go programs do not build\n{output}"),
        Err(NotBuilt::NoGo(why)) => why,
    };
    assert!(env::var_os("COUNTERFOIL_REQUIRE_GO").is_none(), "Go is required here, and {why}");
    // Past the test runner, which would keep it to itself.
    let test = thread::current();
    let test = test.name().unwrap_or_default();
    let _ = writeln!(io::stderr(), "SKIPPED: {test}: it needs Go 1.26 or later, and {why}");
    None
}

/// What a program said, for a test that fails.
struct Said<'a>(&'a Output);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let Output { status, stdout, stderr } = self.0;
        write!(f, "{status}\n--- stdout\n{}\n--- stderr\n{}", text(stdout), text(stderr))
    }
}
