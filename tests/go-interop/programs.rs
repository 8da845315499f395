//! Building the Go programs. The figures use this too.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// The Go module.
pub(crate) const MODULE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/go-interop");

/// That of the adapters.
const ADAPTERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../ci/adapters/go");

/// Why there are no programs.
pub(crate) enum NotBuilt {
    /// There is no Go.
    NoGo(String),
    /// Go says why.
    Broken(String),
}

/// Builds the programs of both modules, and says where they are.
pub(crate) fn build() -> Result<PathBuf, NotBuilt> {
    if let Err(error) = Command::new("go").arg("version").output() {
        return Err(NotBuilt::NoGo(format!("`go version` does not run: {error}")));
    }
    // The slash at its end tells Go that it is a directory.
    let into = Path::new(env!("CARGO_TARGET_TMPDIR")).join("go-interop/");
    for module in [MODULE, ADAPTERS] {
        let output = Command::new("go")
            .current_dir(module)
            // Nothing here needs C, and the same flags in .ci/run save a second compilation.
            .env("CGO_ENABLED", "0")
            .args(["build", "-trimpath", "-ldflags=-s -w", "-o"])
            .arg(&into)
            .arg("./cmd/...")
            .output()
            .map_err(|error| NotBuilt::Broken(error.to_string()))?;
        if !output.status.success() {
            return Err(NotBuilt::Broken(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
    }
    Ok(into)
}
