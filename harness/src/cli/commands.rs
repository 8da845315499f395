//! Each command: what it asks of the library, and how that ends.

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error as _,
    fs::{self, File},
    io::{self, BufReader, BufWriter},
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process,
    sync::{Arc, OnceLock},
    thread,
};

use counterfoil_core::{
    judge::{self, Verdict},
    rules,
    scenario::{self, Diagnostic, Scenario},
    trace::{LoadError, Trace},
};
use counterfoil_proto::contract::{self, Severity};
use serde::Serialize;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{
    args::{Cli, Command, Contract, Format, ReportFormat, Run, Select},
    exit::Exit,
    output::Output,
};
use crate::{
    contract::DescriptorError,
    report::{
        Reporter, diagnostics,
        json::Json,
        mutants, rules as rules_report, scenarios,
        terminal::{self, Terminal, counted},
    },
    run::{self, Filter, Loaded, Options, Variant},
};

/// Carries out a command.
pub(super) fn execute(cli: Cli, output: Output) -> Exit {
    match cli.command {
        Command::Run(args) => run(&args, output).unwrap_or_else(|exit| exit),
        Command::Validate { paths } => validate(&paths, output),
        Command::List { select } => list(&select, output).unwrap_or_else(|exit| exit),
        Command::Schema => {
            let schema = serde_json::to_string_pretty(&scenario::schema()).expect("a schema is plain JSON");
            output.print(&format!("{schema}\n"))
        }
        Command::Judge { trace, strict } => judge(&trace, strict, output),
        Command::Rules => output.print(&rules_report::list(output.layout())),
        Command::Explain { id } => explain(&id, output),
        Command::Mutants => output.print(&mutants::list(output.layout())),
        Command::Contract(command) => contract_command(command, output),
    }
}

/// Reads the scenarios that are meant; shows every mistake, where there is one.
fn load(paths: &[PathBuf], output: Output) -> Result<Vec<Arc<Scenario>>, Exit> {
    let Loaded { scenarios, diagnostics, sources, files, .. } =
        if paths.is_empty() { run::stock() } else { run::load(paths) };
    if diagnostics.is_empty() {
        return Ok(scenarios);
    }
    output.error_text(&diagnostics::render(
        &diagnostics,
        &sources,
        output.error_layout(),
        output.colors_errors(),
    ));
    let faulty = diagnostics.iter().map(|mistake| &mistake.file).collect::<BTreeSet<_>>().len();
    let of_files =
        if faulty < files { format!("{faulty} of {files} files") } else { counted(faulty, "file") };
    let shown = diagnostics.iter().filter(|mistake| mistake.code != "more").count();
    let hidden: usize = diagnostics.iter().filter_map(left_out).sum();
    let mistakes = counted(shown + hidden, "mistake");
    let of_them = if hidden > 0 { format!(", {shown} of them shown") } else { String::new() };
    Err(usage(&format!("{mistakes} in {of_files}{of_them}"), output))
}

/// How many mistakes a diagnostic stands for that are not shown: it begins with their number.
fn left_out(diagnostic: &Diagnostic) -> Option<usize> {
    let number = diagnostic.message.split(' ').next().filter(|_| diagnostic.code == "more");
    number.and_then(|number| number.parse().ok())
}

fn filter(select: &Select, output: Output) -> Result<Filter, Exit> {
    Filter::new(select.filter.iter().map(String::as_str)).map_err(|error| usage(&error.to_string(), output))
}

fn usage(text: &str, output: Output) -> Exit {
    output.error(text);
    Exit::Usage
}

fn run(args: &Run, output: Output) -> Result<Exit, Exit> {
    let filter = filter(&args.select, output)?;
    let variant = match &args.mutant {
        None => Variant::Reference,
        Some(name) => Variant::named(name).ok_or_else(|| {
            let meant = scenario::nearest(name, Variant::names());
            let help = meant.map_or("`counterfoil mutants` lists them".to_owned(), |meant| {
                format!("did you mean {meant:?}?")
            });
            usage(&format!("no mutant is called {name:?}: {help}"), output)
        })?,
    };
    let scenarios = load(&args.select.paths, output)?;
    let jobs = run::jobs(&scenarios, &filter);
    if jobs.is_empty() {
        output.error("nothing was judged: no scenario matches the filter");
        return Err(Exit::Nothing);
    }

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| failed(&format!("no runtime: {error}"), output))?;
    // Signals are caught before there is anything to leave behind.
    let signals = {
        let _runtime = runtime.enter();
        Signals::new().map_err(|error| failed(&format!("signals cannot be caught: {error}"), output))?
    };
    let sockets = run::private_directory().map_err(|error| {
        failed(&format!("no directory for sockets can be made: {error}; TMPDIR says where it goes"), output)
    })?;
    // From here on: to open a report may take for ever, where it is a pipe.
    let (stop, caught) = (CancellationToken::new(), Arc::new(OnceLock::new()));
    runtime.spawn(signals.watch(stop.clone(), Arc::clone(&caught), sockets.path().to_owned()));
    if let Some(traces) = &args.keep_traces {
        fs::create_dir_all(traces).map_err(|error| {
            usage(&format!("no directory for traces can be made at {}: {error}", traces.display()), output)
        })?;
    }
    let progress = output.progress();
    let longest_id = jobs.iter().map(|job| job.scenario.id.len()).max().unwrap_or(0);
    let terminal = Terminal::new(progress.above(output.out()), output.layout(), longest_id, args.strict);
    // Progress is gone before the report comes to its end.
    let mut reporters: Vec<(String, Box<dyn Reporter>)> =
        vec![("progress".to_owned(), Box::new(progress)), ("standard output".to_owned(), Box::new(terminal))];
    for to in &args.report {
        let name = format!("the report {}", to.file.display());
        let file = File::create(&to.file)
            .map_err(|error| usage(&format!("{name} cannot be written: {error}"), output))?;
        match to.format {
            ReportFormat::Json => reporters.push((name, Box::new(Json(BufWriter::new(file))))),
        }
    }
    let options = Options {
        jobs: run::within_file_limit(
            args.jobs.or_else(|| thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN),
        ),
        strict: args.strict,
        fail_fast: args.fail_fast,
        keep_traces: args.keep_traces.clone(),
        variant,
        reproduce: run::reproduce(&args.select.paths, args.strict, args.mutant.as_deref()),
    };
    let mut unwritten: BTreeMap<String, io::Error> = BTreeMap::new();
    let summary = runtime.block_on(run::run_in(sockets.path(), jobs, &options, &stop, |event| {
        for (name, reporter) in &mut reporters {
            if let Err(error) = reporter.event(&event) {
                unwritten.entry(name.clone()).or_insert(error);
            }
        }
    }));
    // Servers of runs that were cut short take their sockets with them; the directory goes after them.
    drop(runtime);
    drop(sockets);
    let summary = summary.map_err(|error| failed(&format!("the run stopped: {error}"), output))?;
    for (name, error) in &unwritten {
        output.error(&format!("{name} is not complete: {error}"));
    }
    let written = if unwritten.is_empty() { Exit::Passed } else { Exit::Unjudged };
    let exit = Exit::of(&summary, caught.get().copied());
    if exit == Exit::Nothing {
        output.error("nothing was judged: every run was skipped");
    }
    Ok(exit.unless(written))
}

/// We failed, where the subject did not.
fn failed(text: &str, output: Output) -> Exit {
    output.error(text);
    Exit::Unjudged
}

/// SIGINT, SIGTERM and SIGHUP, caught.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => 2,
            _ = self.terminate.recv() => 15,
            _ = self.hang_up.recv() => 1,
        }
    }

    /// Stops the run at the first signal. At the second, the report is what takes so long, on a pipe that nobody
    /// empties for instance: the process ends at once, and takes only its sockets with it.
    async fn watch(mut self, stop: CancellationToken, caught: Arc<OnceLock<u8>>, sockets: PathBuf) {
        let first = self.next().await;
        let _ = caught.set(first);
        stop.cancel();
        self.next().await;
        let _ = fs::remove_dir_all(sockets);
        process::exit(Exit::Interrupted(first).code().into());
    }
}

fn validate(paths: &[PathBuf], output: Output) -> Exit {
    match load(paths, output) {
        Ok(scenarios) => output.print(&format!("{} in order\n", counted(scenarios.len(), "scenario"))),
        Err(exit) => exit,
    }
}

fn list(select: &Select, output: Output) -> Result<Exit, Exit> {
    let filter = filter(select, output)?;
    let jobs = run::jobs(&load(&select.paths, output)?, &filter);
    if jobs.is_empty() {
        output.error("no scenario matches the filter");
        return Err(Exit::Nothing);
    }
    Ok(output.print(&scenarios::list(&jobs, output.layout())))
}

fn judge(path: &Path, strict: bool, output: Output) -> Exit {
    let loaded = if path.as_os_str() == "-" {
        Trace::load(io::stdin().lock())
    } else {
        File::open(path).map_err(LoadError::from).and_then(|file| Trace::load(BufReader::new(file)))
    };
    let trace = match loaded {
        Ok(trace) => trace,
        Err(error) => {
            let cause = error.source().map_or(String::new(), |cause| format!(": {cause}"));
            return usage(&format!("{}: {error}{cause}", path.display()), output);
        }
    };
    let assessment = judge::assess(&trace, strict);
    let account = terminal::judged(&trace, &assessment, output.layout(), strict);
    let exit = match assessment.verdict {
        Verdict::Pass => Exit::Passed,
        Verdict::Fail => Exit::Broken,
        Verdict::Unjudged { .. } | Verdict::Skip { .. } => Exit::Unjudged,
    };
    exit.unless(output.print(&account))
}

fn explain(id: &str, output: Output) -> Exit {
    let wanted = id.to_uppercase();
    if let Some(rule) = rules::find(&wanted) {
        return output.print(&rules_report::explain(rule, output.layout()));
    }
    if is_fact(&wanted) {
        return usage(
            &format!("{id:?} is the id of a fact, not of a rule: facts are in docs/facts.md"),
            output,
        );
    }
    usage(&format!("no rule is called {id:?}: {}", run::rules_help(id)), output)
}

/// Whether this looks like the id of a fact: E-028, D-010, ADR 0040.
fn is_fact(id: &str) -> bool {
    let number = ["E-", "H-", "D-", "ADR ", "ADR-"].iter().find_map(|family| id.strip_prefix(family));
    number.is_some_and(|number| number.starts_with(|c: char| c.is_ascii_digit()))
}

fn contract_command(command: Contract, output: Output) -> Exit {
    match command {
        Contract::Show { revision, format } => {
            let contract = contract::Contract::at(revision);
            show(contract, format, || contract.to_string(), output)
        }
        Contract::Diff { from, to, format } => {
            let changes = contract::Contract::at(from).diff(contract::Contract::at(to));
            show(&changes, format, || contract::changes_to_text(&changes), output)
        }
        Contract::Check { file, revision, format } => {
            match crate::contract::check(contract::Contract::at(revision), &file) {
                Err(DescriptorError::Proto(report)) => {
                    output.error_text(&diagnostics::render_report(
                        report.as_ref(),
                        output.error_layout(),
                        output.colors_errors(),
                    ));
                    usage(&format!("{} does not compile", file.display()), output)
                }
                Err(error) => usage(&error.to_string(), output),
                Ok(report) => {
                    let shown = show(&report, format, || report.to_string(), output);
                    if report.count(Severity::Breaking) > 0 { Exit::Broken } else { shown }
                }
            }
        }
    }
}

fn show(value: &impl Serialize, format: Format, text: impl FnOnce() -> String, output: Output) -> Exit {
    let shown = match format {
        Format::Text => text(),
        Format::Json => serde_json::to_string_pretty(value).expect("plain data") + "\n",
        Format::Yaml => serde_saphyr::to_string(value).expect("plain data"),
    };
    output.print(&shown)
}
