//! The `counterfoil` command.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Each run sets up connections and buffers of its own and drops them at its end: with the system's allocator a sixth of the
/// kill matrix's time goes there.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    counterfoil::cli::main()
}
