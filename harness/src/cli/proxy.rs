//! `counterfoil proxy`: a plugin in front of another plugin.

use std::{
    env,
    ffi::OsStr,
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use clap::{Args, Subcommand};
use counterfoil_core::{scenario::Scenario, trace::ExitStatus};
use counterfoil_mock::plugin::HostEnvironment;
use rustix::process::{Resource, Rlimit, Signal, getpid, kill_process, setrlimit};

use super::{
    Exit,
    commands::{load_one, load_trace, usage},
    output::Output,
};
use crate::{proxy, report::diagnostics};

/// `counterfoil proxy`
#[derive(Debug, Subcommand)]
pub(super) enum Proxy {
    /// Be the plugin that is PROGRAM, to the host that starts this.
    Serve {
        /// The program of the plugin.
        program: PathBuf,
        /// What is done beside.
        #[command(flatten)]
        extras: ExtraArgs,
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
        /// What is done beside.
        #[command(flatten)]
        extras: ExtraArgs,
    },
}

/// What a proxy does beside passing its plugin on.
#[derive(Debug, Args)]
pub(super) struct ExtraArgs {
    /// Record the calls, as a trace that `counterfoil record` makes a scenario of. Where the file is there already, the
    /// next is FILE with a number.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Put the faults of a scenario file in front of the plugin: those that strike calls.
    #[arg(long, value_name = "SCENARIO")]
    faults: Option<PathBuf>,
    /// Answer in the plugin's place what could change something, so that it never gets there. All that is not known to
    /// read counts as such.
    #[arg(long)]
    answers_mutations: bool,
    /// Be part of a test by Counterfoil itself: pass over faults that strike no call, and leave secrets in the record.
    #[arg(long, hide = true)]
    of_a_test: bool,
}

impl ExtraArgs {
    /// The scenario, where its faults can stand in front of a plugin.
    fn scenario(&self, output: Output) -> Result<Option<Arc<Scenario>>, Exit> {
        let Some(path) = &self.faults else { return Ok(None) };
        let scenario = load_one(path, "--faults", output)?;
        let mistakes = proxy::check_faults(&scenario);
        if mistakes.is_empty() || self.of_a_test {
            return Ok(Some(scenario));
        }
        let source = (scenario.source.file.clone(), Arc::clone(&scenario.source.text));
        let (layout, colors) = (output.error_layout(), output.colors_errors());
        output.error_text(&diagnostics::render(&mistakes, &[source], layout, colors));
        Err(Exit::Usage)
    }
}

/// Carries out a command.
pub(super) fn execute(command: &Proxy, output: Output) -> Exit {
    let done = match command {
        Proxy::Serve { program, extras } => serve(program, extras, output),
        Proxy::Install { in_front_of, into, extras } => install(in_front_of, into, extras, output),
    };
    done.unwrap_or_else(|exit| exit)
}

fn install(plugin: &Path, into: &Path, extras: &ExtraArgs, output: Output) -> Result<Exit, Exit> {
    extras.scenario(output)?;
    let extras = proxy::Extras {
        record: extras.record.clone(),
        faults: extras.faults.clone(),
        answers_mutations: extras.answers_mutations,
        of_a_test: extras.of_a_test,
    };
    let installed =
        proxy::install(plugin, into, &extras).map_err(|error| usage(&error.to_string(), output))?;
    let proxy::Installation { name, directory } = installed;
    Ok(output.print(&format!("a proxy in front of {name} installed in {}\n", directory.display())))
}

/// Makes a scenario of a trace.
pub(super) fn record(trace: &Path, into: Option<&Path>, output: Output) -> Result<Exit, Exit> {
    let loaded = load_trace(trace, output)?;
    let name = trace.file_name().map_or_else(|| "recorded".into(), OsStr::to_string_lossy);
    let scenario = proxy::scenario_of(&loaded, &name)
        .map_err(|error| usage(&format!("{}: {error}", trace.display()), output))?;
    let Some(into) = into else { return Ok(output.print(&scenario)) };
    File::create_new(into)
        .and_then(|mut file| file.write_all(scenario.as_bytes()))
        .map_err(|error| usage(&format!("{} cannot be written: {error}", into.display()), output))?;
    Ok(output.print(&format!("a scenario to start from written to {}\n", into.display())))
}

fn serve(program: &Path, extras: &ExtraArgs, output: Output) -> Result<Exit, Exit> {
    let faults = extras.scenario(output)?;
    // What hosts expect of a plugin that cannot serve (P-001).
    let failed = |text: String| {
        output.error_text(&format!("{text}\n"));
        Exit::Broken
    };
    // Bytes that only pass through are passed on soonest where they need not change threads.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| failed(format!("no runtime: {error}")))?;
    let supervisor = env::current_exe()
        .map_err(|error| failed(format!("the path of this program is not known: {error}")))?;
    let proxy = proxy::Proxy {
        program: program.to_owned(),
        environment: env::vars_os().collect(),
        host: HostEnvironment::of_process(),
        supervisor,
        record: extras.record.clone(),
        faults,
        answers_mutations: extras.answers_mutations,
        of_a_test: extras.of_a_test,
    };
    let ended = runtime.block_on(proxy.serve());
    // A host that does not read keeps nobody here.
    runtime.shutdown_background();
    Ok(match ended {
        Ok(Some(ExitStatus::Code(code))) => Exit::AsThePlugin(u8::try_from(code).unwrap_or(u8::MAX)),
        Ok(Some(ExitStatus::Signal(signal))) => die_of(signal),
        Ok(None) => failed("the supervisor of the plugin behind the proxy was killed".to_owned()),
        Err(error) => failed(error.to_string()),
    })
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
