//! A plugin that misbehaves, in the one way that is named by the file name under which it is started.
//!
//! By hand, for instance:
//!
//! ```text
//! cargo build -p counterfoil --bin hostile-plugin
//! ln -s "$PWD/target/debug/hostile-plugin" /tmp/noise-before-line
//! WORKFLOW_PLUGIN=workflow-external-plugin-v1 /tmp/noise-before-line
//! ```
//!
//! Under another name, its own for instance, it lists all of them and exits with 2.

use std::{
    env,
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
};

use counterfoil_mock::broken::process::{NotServed, serve};

fn main() -> ExitCode {
    let program = env::args_os().next().unwrap_or_default();
    let name = Path::new(&program).file_name().unwrap_or_default();
    let Err(not_served) = serve(&name.to_string_lossy());
    // Nobody may be there to read it.
    let _ = writeln!(io::stderr(), "{not_served}");
    ExitCode::from(match not_served {
        NotServed::NoHost => 1,
        NotServed::Unknown(_) => 2,
        NotServed::Failed(_) => 5,
    })
}
