//! Each command: what it asks of the library, and how that ends.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Write as _},
    num::NonZeroUsize,
    sync::{Arc, Mutex},
    thread,
};

use counterfoil_core::{
    judge::{self, Verdict},
    mutants::{DECODERS, ENGINES},
    rules,
    scenario::{self, Scenario},
    trace::Trace,
};
use counterfoil_proto::contract::{self, Severity};
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{
    args::{Cli, Command, Contract, Format, ReportFormat, Run, Select},
    exit::Exit,
    output::Output,
};
use crate::{
    report::{Reporter, diagnostics, json::Json, rules as rules_report, terminal::Terminal},
    run::{self, Filter, Loaded, Options, Variant, describe},
};

/// Carries out a command.
pub(super) fn execute(cli: Cli, output: &Output) -> Exit {
    match cli.command {
        Command::Run(args) => run(args, *output).unwrap_or_else(|exit| exit),
        Command::Validate { paths } => validate(&paths, *output),
        Command::List { select } => list(&select, *output).unwrap_or_else(|exit| exit),
        Command::Schema => {
            let schema = serde_json::to_string_pretty(&scenario::schema()).expect("a schema is plain JSON");
            output.print(&format!("{schema}\n"));
            Exit::Passed
        }
        Command::Judge { trace, strict } => judge(&trace, strict, *output),
        Command::Rules => {
            output.print(&rules_report::list());
            Exit::Passed
        }
        Command::Explain { id } => explain(&id, *output),
        Command::Mutants => {
            output.print(&mutants());
            Exit::Passed
        }
        Command::Contract(command) => contract_command(command, *output),
    }
}

/// Reads the scenarios that are meant; shows every mistake, where there is one.
fn load(paths: &[std::path::PathBuf], output: Output) -> Result<Vec<Arc<Scenario>>, Exit> {
    let Loaded { scenarios, diagnostics, sources, files } =
        if paths.is_empty() { run::stock() } else { run::load(paths) };
    if diagnostics.is_empty() {
        return Ok(scenarios);
    }
    output.error_text(&diagnostics::render(&diagnostics, &sources, output.colors_errors()));
    let mistakes = counted(diagnostics.len(), "mistake");
    output.error(&format!("{mistakes} in {}; nothing was run", counted(files.max(1), "file")));
    Err(Exit::Usage)
}

fn counted(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

fn filter(select: &Select, output: Output) -> Result<Filter, Exit> {
    Filter::new(select.filter.iter().map(String::as_str)).map_err(|error| usage(&error.to_string(), output))
}

fn usage(text: &str, output: Output) -> Exit {
    output.error(text);
    Exit::Usage
}

fn run(args: Run, output: Output) -> Result<Exit, Exit> {
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

    let mut reporters: Vec<Box<dyn Reporter>> = vec![Box::new(Terminal::new(output.out()))];
    for to in &args.report {
        let file = File::create(&to.file)
            .map_err(|error| usage(&format!("the report {} cannot be written: {error}", to.file.display()), output))?;
        match to.format {
            ReportFormat::Json => reporters.push(Box::new(Json(BufWriter::new(file)))),
        }
    }
    let options = Options {
        jobs: args.jobs.or_else(|| thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN),
        strict: args.strict,
        fail_fast: args.fail_fast,
        keep_traces: args.keep_traces.clone(),
        variant,
        reproduce: reproduce(&args),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| failed(&format!("no runtime: {error}"), output))?;
    let mut unwritten = None;
    let (summary, signal) = runtime.block_on(async {
        let stop = CancellationToken::new();
        let caught = Arc::new(Mutex::new(None));
        let watch = tokio::spawn(watch_signals(stop.clone(), Arc::clone(&caught)));
        let summary = run::run(jobs, &options, &stop, |event| {
            for reporter in &mut reporters {
                if let Err(error) = reporter.event(&event) {
                    unwritten.get_or_insert(error);
                }
            }
        })
        .await;
        watch.abort();
        let signal = caught.lock().ok().and_then(|caught| *caught);
        (summary, signal)
    });
    let summary = summary.map_err(|error| failed(&format!("the run stopped: {error}"), output))?;
    let exit = Exit::of(&summary, signal);
    if let Some(error) = unwritten {
        let exit = if matches!(exit, Exit::Passed | Exit::Nothing) { Exit::Unjudged } else { exit };
        output.error(&format!("a report is not complete: {error}"));
        return Ok(exit);
    }
    Ok(exit)
}

/// We failed, where the subject did not.
fn failed(text: &str, output: Output) -> Exit {
    output.error(text);
    Exit::Unjudged
}

/// Stops the run at the first SIGINT or SIGTERM.
async fn watch_signals(stop: CancellationToken, caught: Arc<Mutex<Option<u8>>>) {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    let number = tokio::select! {
        _ = interrupt.recv() => 2,
        _ = terminate.recv() => 15,
    };
    if let Ok(mut caught) = caught.lock() {
        *caught = Some(number);
    }
    stop.cancel();
}

/// The command line that this one would be for a single run, up to its filter.
fn reproduce(args: &Run) -> String {
    let mut line = "counterfoil run".to_owned();
    for path in &args.select.paths {
        line.push_str(&format!(" {}", shell_word(&path.display().to_string())));
    }
    if args.strict {
        line.push_str(" --strict");
    }
    if let Some(mutant) = &args.mutant {
        line.push_str(&format!(" --mutant {mutant}"));
    }
    line
}

/// A word as a shell reads it back.
fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./@:,+=%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

fn validate(paths: &[std::path::PathBuf], output: Output) -> Exit {
    match load(paths, output) {
        Ok(scenarios) => {
            output.print(&format!("{} in order\n", counted(scenarios.len(), "scenario")));
            Exit::Passed
        }
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
    let mut out = output.out();
    for same in jobs.chunk_by(|a, b| a.scenario.id == b.scenario.id) {
        let revisions: Vec<String> = same.iter().map(|job| job.revision.to_string()).collect();
        let scenario = &same[0].scenario;
        let _ = writeln!(out, "{:<44}  {:<66}  {}", scenario.id, revisions.join(" "), scenario.title);
    }
    Ok(Exit::Passed)
}

fn judge(path: &std::path::Path, strict: bool, output: Output) -> Exit {
    let loaded = if path.as_os_str() == "-" {
        Trace::load(io::stdin().lock())
    } else {
        match File::open(path) {
            Ok(file) => Trace::load(BufReader::new(file)),
            Err(error) => return usage(&format!("{}: {error}", path.display()), output),
        }
    };
    let trace = match loaded {
        Ok(trace) => trace,
        Err(error) => return usage(&format!("{}: {error}", path.display()), output),
    };
    let assessment = judge::assess(&trace, strict);
    let mut out = output.out();
    let _ = writeln!(out, "{}  {}", assessment.verdict.as_str(), trace.header.run_id());
    if let Verdict::Unjudged { reason } = &assessment.verdict {
        let _ = writeln!(out, "  {reason}");
    }
    for finding in &assessment.findings {
        let _ = writeln!(out, "\n  {} {} {}  {}", finding.rule, finding.level, finding.party, finding.message);
        for event in &finding.evidence {
            if let Some(text) = trace.events.get(*event).map(describe) {
                let _ = writeln!(out, "    {event:>5}  {text}");
            }
        }
    }
    for mismatch in &assessment.mismatches {
        let _ = writeln!(out, "\n  expected  {}\n  found     {}", mismatch.expected, mismatch.found);
    }
    let _ = writeln!(out, "\njudged {} of {} rules", assessment.judged.len(), rules::catalogue().count());
    match assessment.verdict {
        Verdict::Pass => Exit::Passed,
        Verdict::Fail => Exit::Broken,
        Verdict::Unjudged { .. } | Verdict::Skip { .. } => Exit::Unjudged,
    }
}

fn explain(id: &str, output: Output) -> Exit {
    let wanted = id.to_uppercase();
    if let Some(rule) = rules::find(&wanted) {
        output.print(&rules_report::explain(rule));
        return Exit::Passed;
    }
    let meant = scenario::nearest(&wanted, rules::catalogue().map(|rule| rule.id));
    let help = meant
        .map_or("`counterfoil rules` lists them".to_owned(), |meant| format!("did you mean {meant}?"));
    usage(&format!("no rule is called {id:?}: {help}"), output)
}

fn mutants() -> String {
    let engines = ENGINES.iter().map(|mutant| ("engine", mutant.name, mutant.what, mutant.caught_by));
    let decoders = DECODERS.iter().map(|mutant| ("decoder", mutant.name, mutant.what, mutant.caught_by));
    engines
        .chain(decoders)
        .map(|(kind, name, what, rules)| format!("{kind:<8}  {name:<24}  {:<24}  {what}\n", rules.join(" ")))
        .collect()
}

fn contract_command(command: Contract, output: Output) -> Exit {
    match command {
        Contract::Show { revision, format } => {
            let contract = contract::Contract::at(revision);
            show(contract, format, || contract.to_string(), output);
            Exit::Passed
        }
        Contract::Diff { from, to, format } => {
            let changes = contract::Contract::at(from).diff(contract::Contract::at(to));
            show(&changes, format, || contract::changes_to_text(&changes), output);
            Exit::Passed
        }
        Contract::Check { file, revision, format } => {
            match crate::contract::check(contract::Contract::at(revision), &file) {
                Err(error) => usage(&error.to_string(), output),
                Ok(report) => {
                    show(&report, format, || report.to_string(), output);
                    if report.count(Severity::Breaking) > 0 { Exit::Broken } else { Exit::Passed }
                }
            }
        }
    }
}

fn show(value: &impl Serialize, format: Format, text: impl FnOnce() -> String, output: Output) {
    let shown = match format {
        Format::Text => text(),
        Format::Json => serde_json::to_string_pretty(value).expect("plain data") + "\n",
        Format::Yaml => serde_saphyr::to_string(value).expect("plain data"),
    };
    output.print(&shown);
}
