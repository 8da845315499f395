//! `counterfoil proxy`: a plugin in front of another plugin.

use std::{env, path::PathBuf, thread, time::Duration};

use clap::Subcommand;
use counterfoil_core::trace::ExitStatus;
use counterfoil_mock::plugin::HostEnvironment;
use rustix::process::{Resource, Rlimit, Signal, getpid, kill_process, setrlimit};

use super::{Exit, commands::usage, output::Output};
use crate::proxy;

/// `counterfoil proxy`
#[derive(Debug, Subcommand)]
pub(super) enum Proxy {
    /// Be the plugin that is PROGRAM, to the host that starts this.
    Serve {
        /// The program of the plugin.
        program: PathBuf,
    },
    /// Lay a proxy out as a plugin that a host finds: DIR/NAME/plugin.json, which is that of the plugin, and an
    /// executable beside it.
    Install {
        /// The plugin: its program, or the directory that holds plugin.json and the program.
        #[arg(long, value_name = "PLUGIN")]
        in_front_of: PathBuf,
        /// The directory of plugins; it is made where it is missing.
        #[arg(long, value_name = "DIR")]
        into: PathBuf,
    },
}

/// Carries out a command.
pub(super) fn execute(command: &Proxy, output: Output) -> Exit {
    match command {
        Proxy::Serve { program } => serve(program.clone(), output),
        Proxy::Install { in_front_of, into } => match proxy::install(in_front_of, into) {
            Ok(proxy::Installation { name, directory }) => {
                output.print(&format!("a proxy in front of {name} installed in {}\n", directory.display()))
            }
            Err(error) => usage(&error.to_string(), output),
        },
    }
}

fn serve(program: PathBuf, output: Output) -> Exit {
    // What hosts expect of a plugin that cannot serve (P-001).
    let failed = |text: String| {
        output.error_text(&format!("{text}\n"));
        Exit::Broken
    };
    // Bytes that only pass through are passed on soonest where they need not change threads.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(format!("no runtime: {error}")),
    };
    let supervisor = match env::current_exe() {
        Ok(supervisor) => supervisor,
        Err(error) => return failed(format!("the path of this program is not known: {error}")),
    };
    let proxy = proxy::Proxy {
        program,
        environment: env::vars_os().collect(),
        host: HostEnvironment::of_process(),
        supervisor,
    };
    let ended = runtime.block_on(proxy.serve());
    // A host that does not read keeps nobody here.
    runtime.shutdown_background();
    match ended {
        Ok(Some(ExitStatus::Code(code))) => Exit::AsThePlugin(u8::try_from(code).unwrap_or(u8::MAX)),
        Ok(Some(ExitStatus::Signal(signal))) => die_of(signal),
        Ok(None) => failed("the supervisor of the plugin behind the proxy was killed".to_owned()),
        Err(error) => failed(error.to_string()),
    }
}

/// Ends this process by the signal that the plugin died of, as that is what the host has to see of it.
fn die_of(signal: i32) -> Exit {
    // What there would be to see in it is not the plugin.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    if let Some(signal) = Signal::from_named_raw(signal) {
        // The first of some signals only takes away the handler of the language's runtime.
        for _ in 0..2 {
            let _ = kill_process(getpid(), signal);
            thread::park_timeout(Duration::from_millis(50));
        }
    }
    // Such a signal is caught for the plugin's sake, and shells tell of it so.
    Exit::Interrupted(u8::try_from(signal).unwrap_or_default())
}
