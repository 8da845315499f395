//! Each command: what it asks of the library, and how that ends.

use std::{
    collections::BTreeSet,
    error::Error as _,
    fs::File,
    io::{self, BufReader},
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Instant,
};

use counterfoil_core::{
    judge::{self, Verdict},
    rules,
    scenario::{self, Scenario},
    trace::{LoadError, Trace},
};
use counterfoil_proto::contract::{self, Severity};
use serde::Serialize;

use super::{
    adapter,
    args::{Cli, Command, Contract, Format, Run, SchemaOf, Select},
    carry_out::{Session, Setting},
    cutover, evidence,
    exit::Exit,
    explore, generated, init, mock,
    output::Output,
    proxy, report,
    settings::Taken,
    test, vectors, wfctl,
};
use crate::{
    contract::DescriptorError,
    mutants,
    provider::process::Supervision,
    report::{
        diagnostics, mutants as mutants_report, rules as rules_report, scenarios,
        terminal::{self, counted},
        text::pretty_json,
    },
    run::{self, Filter, Loaded, RunEvent, Variant},
};

/// Carries out a command.
pub(super) fn execute(cli: Cli, output: Output) -> Exit {
    match cli.command {
        Command::Run(args) => run(args, output).unwrap_or_else(|exit| exit),
        Command::Init(args) => init::execute(&args, output).unwrap_or_else(|exit| exit),
        Command::Generated(command) => generated::execute(&command, output),
        Command::Explore(explore) => explore::execute(explore, output),
        Command::Test(args) => test::execute(args, output),
        Command::Validate { paths } => validate(&paths, output),
        Command::List { select } => list(&select, output).unwrap_or_else(|exit| exit),
        Command::Schema { of } => {
            let schema = match of {
                SchemaOf::Scenario => scenario::schema(),
                SchemaOf::Settings => scenario::settings_schema(),
                SchemaOf::KnownFailures => scenario::known_failures_schema(),
                SchemaOf::Report => scenario::schema_of::<RunEvent>("A line of the JSON report of a run"),
                SchemaOf::Evidence => crate::evidence::schema(),
                SchemaOf::Release => scenario::release_schema(),
                SchemaOf::Cutover => crate::report::cutover::schema(),
            };
            let schema = serde_json::to_string_pretty(&schema).expect("a schema is plain JSON");
            output.print(&format!("{schema}\n"))
        }
        Command::Judge { trace, strict } => judge(&trace, strict, output).unwrap_or_else(|exit| exit),
        Command::Rules => output.print(&rules_report::list(output.layout())),
        Command::Explain { id } => explain(&id, output),
        Command::Mutants { list: true, .. } => output.print(&mutants_report::list(output.layout())),
        Command::Mutants { behind_adapters: true, .. } => {
            run_behind_adapters(output).unwrap_or_else(|exit| exit)
        }
        Command::Mutants { only, .. } if only.is_empty() => kill_matrix(output),
        Command::Mutants { only, .. } => run_mutants(&only, output).unwrap_or_else(|exit| exit),
        Command::Vectors { into } => vectors::execute(into.as_deref(), output),
        Command::Report(command) => report::execute(&command, output),
        Command::Evidence(command) => evidence::execute(&command, output),
        Command::Cutover(args) => cutover::execute(&args, output).unwrap_or_else(|exit| exit),
        Command::Contract(command) => contract_command(command, output),
        Command::Mock(command) => mock::execute(&command, output),
        Command::Adapter(command) => adapter::execute(&command, output),
        Command::Proxy(command) => proxy::execute(&command, output),
        Command::StandIn(stand_in) => wfctl::stand_in(stand_in, output).unwrap_or_else(|exit| exit),
        Command::Record { trace, into } => {
            proxy::record(&trace, into.as_deref(), output).unwrap_or_else(|exit| exit)
        }
    }
}

/// Runs every mutant, and fails where one survives, or where a rule finds none.
fn kill_matrix(output: Output) -> Exit {
    let begun = Instant::now();
    let matrix = Session::open(output).and_then(|session| session.kill_matrix(mutants::all(), output));
    let matrix = match matrix {
        Ok(matrix) => matrix,
        Err(exit) => return exit,
    };
    let account = mutants_report::matrix(&matrix, begun.elapsed(), output.layout());
    let exit = if matrix.holds() { Exit::Passed } else { Exit::Broken };
    exit.unless(output.print(&account))
}

/// Runs mutants of some names, says what the rules find, and fails where one survives.
fn run_mutants(names: &[String], output: Output) -> Result<Exit, Exit> {
    let begun = Instant::now();
    let chosen = mutants::named(names.iter().map(String::as_str)).map_err(|name| {
        let all = mutants::all();
        no_mutant(name, all.iter().map(|mutant| mutant.name), output)
    })?;
    let matrix = Session::open(output)?.kill_matrix(chosen, output)?;
    let account = mutants_report::said(&matrix, begun.elapsed(), output.layout());
    let exit = if matrix.is_killed() { Exit::Passed } else { Exit::Broken };
    Ok(exit.unless(output.print(&account)))
}

/// Runs the broken engines behind adapters, and fails where one survives.
fn run_behind_adapters(output: Output) -> Result<Exit, Exit> {
    let begun = Instant::now();
    let matrix = Session::open(output)?.kill_matrix(mutants::engines_behind_adapters(), output)?;
    let exit = if matrix.is_killed() { Exit::Passed } else { Exit::Broken };
    Ok(exit.unless(output.print(&mutants_report::part(&matrix, begun.elapsed(), output.layout()))))
}

/// Says that no mutant has a name, and which one was probably meant.
pub(super) fn no_mutant<'n>(name: &str, known: impl IntoIterator<Item = &'n str>, output: Output) -> Exit {
    let help = scenario::nearest(name, known).map_or_else(
        || "`counterfoil mutants --list` has them".to_owned(),
        |meant| format!("did you mean {meant:?}?"),
    );
    usage(&format!("no mutant is called {name:?}: {help}"), output)
}

/// Starts a program and supervises it: Counterfoil's own command, which nobody else calls.
pub(super) fn supervise(asked: &Supervision<'_>) -> Exit {
    match asked.carry_out() {
        Ok(()) => Exit::Passed,
        Err(error) => usage(&error.to_string(), Output::standard()),
    }
}

/// Reads the scenarios that are meant; shows every mistake, where there is one.
pub(super) fn load(paths: &[PathBuf], output: Output) -> Result<Vec<Arc<Scenario>>, Exit> {
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
    let all: usize = diagnostics.iter().map(|mistake| mistake.stands_for).sum();
    let mistakes = counted(all, "mistake");
    let of_them = if all > shown { format!(", {shown} of them shown") } else { String::new() };
    Err(usage(&format!("{mistakes} in {of_files}{of_them}"), output))
}

/// Reads the one scenario of a file that an option names.
pub(super) fn load_one(path: &Path, option: &str, output: Output) -> Result<Arc<Scenario>, Exit> {
    let mut scenarios = load(&[path.to_owned()], output)?;
    match (scenarios.pop(), scenarios.is_empty()) {
        (Some(scenario), true) => Ok(scenario),
        _ => Err(usage(&format!("{} holds several scenarios: {option} takes one", path.display()), output)),
    }
}

fn filter(select: &Select, output: Output) -> Result<Filter, Exit> {
    Filter::new(select.filter.iter().map(String::as_str)).map_err(|error| usage(&error.to_string(), output))
}

pub(super) fn usage(text: &str, output: Output) -> Exit {
    output.error(text);
    Exit::Usage
}

/// The pair that is meant: the mutant of this name, or the reference where there is none.
pub(super) fn variant(mutant: Option<&str>, output: Output) -> Result<Variant, Exit> {
    let Some(name) = mutant else { return Ok(Variant::Reference) };
    if let Some(variant) = Variant::named(name) {
        return Ok(variant);
    }
    Err(match mutants::named([name]).ok().and_then(|mut found| found.pop()) {
        Some(mutant) => usage(
            &format!("{name} is a broken {}, and is run by `counterfoil mutants --only {name}`", mutant.kind),
            output,
        ),
        None => no_mutant(name, Variant::names(), output),
    })
}

fn run(mut args: Run, output: Output) -> Result<Exit, Exit> {
    let reproduce = run::reproduce(
        &args.select.paths,
        args.how.strict,
        args.mutant.as_deref(),
        args.from.settings.as_deref(),
        args.from.no_settings,
    );
    let taken = args.with_settings(args.from.find(output)?);
    let filter = filter(&args.select, output)?;
    let variant = variant(args.mutant.as_deref(), output)?;
    let scenarios = load(&args.select.paths, output)?;
    let known = args.how.known.load(&scenarios, output)?;
    let jobs = run::jobs(&scenarios, &filter);
    if jobs.is_empty() {
        output.error(&format!(
            "nothing was judged: no scenario matches the filter{}",
            Taken::aside(taken.as_ref())
        ));
        return Err(Exit::Nothing);
    }

    let setting = Setting {
        variant,
        target: run::Target::Embedded,
        at_once: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
        reproduce: reproduce.into(),
        settings: taken.map(|taken| taken.told()),
        whole: run::jobs(&scenarios, &Filter::default()),
        evidence: None,
    };
    Session::open(output)?.carry_out(jobs, &args.how, known, setting, output)
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

/// Reads a trace, from standard input where that is meant.
pub(super) fn load_trace(path: &Path, output: Output) -> Result<Trace, Exit> {
    let loaded = if path.as_os_str() == "-" {
        Trace::load(io::stdin().lock())
    } else {
        File::open(path).map_err(LoadError::from).and_then(|file| Trace::load(BufReader::new(file)))
    };
    loaded.map_err(|error| {
        let cause = error.source().map_or(String::new(), |cause| format!(": {cause}"));
        usage(&format!("{}: {error}{cause}", path.display()), output)
    })
}

fn judge(path: &Path, strict: bool, output: Output) -> Result<Exit, Exit> {
    let trace = load_trace(path, output)?;
    if trace.header.recorded {
        let text = "is the record of a proxy, which tells what was called and nothing of what was planned, so there is \
                    nothing to judge it by; `counterfoil record` makes a scenario of it";
        return Err(usage(&format!("{} {text}", path.display()), output));
    }
    let assessment = judge::assess(&trace, strict);
    let account = terminal::judged(&trace, &assessment, output.layout(), strict);
    let exit = match assessment.verdict {
        Verdict::Pass => Exit::Passed,
        Verdict::Fail | Verdict::KnownFailure | Verdict::UnexpectedPass { .. } => Exit::Broken,
        Verdict::Unjudged { .. } | Verdict::Skip { .. } => Exit::Unjudged,
    };
    Ok(exit.unless(output.print(&account)))
}

fn explain(id: &str, output: Output) -> Exit {
    let wanted = id.to_uppercase();
    if let Some(rule) = rules::find(&wanted) {
        return output.print(&rules_report::explain(rule, output.layout()));
    }
    if let Some(rule) = rules::find_release(&wanted) {
        return output.print(&rules_report::explain_release(rule, output.layout()));
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
        Format::Json => pretty_json(value),
        Format::Yaml => serde_saphyr::to_string(value).expect("plain data"),
    };
    output.print(&shown)
}
