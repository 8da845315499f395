//! `counterfoil test`: something of the user's under test.

use std::{collections::BTreeMap, env, ffi::OsString, num::NonZeroUsize, path::PathBuf, sync::Arc};

use counterfoil_proto::RevisionRange;

use super::{
    args::{AdapterArgs, Test, TestDecoder, TestEngine, TestProvider},
    carry_out::{Session, Setting, failed},
    commands::{load, usage},
    evidence::EvidenceFormat,
    exit::Exit,
    output::Output,
    settings::Taken,
    wfctl,
};
use crate::{
    adapter::{Launch, MOST_FAILURES},
    evidence::{Kind, MadeUp, Suite},
    run::{self, DecoderSuite, Filter, Target, Variant},
    subject::manifest::Manifest,
};

/// Carries out a test.
pub(super) fn execute(test: Test, output: Output) -> Exit {
    match test {
        Test::Provider(args) => provider(*args, env::args_os().skip(1), output).unwrap_or_else(|exit| exit),
        Test::Wfctl(args) => wfctl::execute(&args, output).unwrap_or_else(|exit| exit),
        Test::Engine(args) => engine(&args, output).unwrap_or_else(|exit| exit),
        Test::Decoder(args) => decoder(&args, output).unwrap_or_else(|exit| exit),
    }
}

/// Tests a plugin. `words` are the command that says so, to make a run again.
pub(super) fn provider(
    mut args: TestProvider,
    words: impl IntoIterator<Item = OsString>,
    output: Output,
) -> Result<Exit, Exit> {
    let found = args.from.find(output)?;
    let names_secrets = !args.plugin.secret.is_empty();
    let own = found.as_ref().and_then(|found| found.settings.provider.as_ref()?.revisions.clone());
    let taken = args.with_settings(found);
    if names_secrets && args.plugin.config.is_none() {
        return Err(usage(
            "--secret names a value of the config, and there is none: --config gives it",
            output,
        ));
    }
    let filter = Filter::new(args.filter.iter().map(String::as_str))
        .map_err(|error| usage(&error.to_string(), output))?;
    let provisions = args.plugin.provisions(output)?;
    let scenarios = load(&args.scenario, output)?;
    let known = args.how.known.load(&scenarios, output)?;
    if args.evidence.file.is_some() && args.plugin.attach.is_some() {
        let text = "there is no evidence of a plugin that runs already: its program is not known";
        return Err(usage(text, output));
    }
    let evidence = args.evidence.open(args.evidence_format, &args.how, known.as_deref(), output)?;

    // What is quick to refuse has been: to build or unpack a plugin may take a while.
    let session = Session::open(output)?;
    let (plugin, subject) = args.plugin.prepare(provisions, &session, output)?;
    let manifest = subject.as_ref().and_then(|subject| subject.manifest.as_ref());
    let of_manifest = || manifest.map(Manifest::revisions);
    let revisions = args.revisions.clone().or_else(of_manifest).unwrap_or_default();
    // What --revisions leaves out is left out as by a filter.
    let of_repository: RevisionRange = own.or_else(of_manifest).unwrap_or_default();

    let jobs = run::jobs_for_provider(&scenarios, &filter, &revisions);
    if jobs.is_empty() {
        let aside = Taken::aside(taken.as_ref());
        output
            .error(&format!("nothing was judged: no scenario matches the filter at these revisions{aside}"));
        return Err(Exit::Nothing);
    }
    let evidence = evidence.zip(subject.as_ref()).map(|(opened, subject)| {
        let suite = Suite::of(&jobs, args.scenario.is_empty(), revisions, &args.filter);
        opened.of_plugin(subject, Arc::clone(&plugin.redactor), suite, &args.plugin.env, output)
    });
    let setting = Setting {
        variant: Variant::Reference,
        evidence: evidence.transpose()?,
        target: Target::Plugin(Arc::new(plugin)),
        at_once: NonZeroUsize::MIN,
        reproduce: run::reproduce_test(words).into(),
        settings: taken.map(|taken| taken.told()),
        whole: run::jobs_for_provider(&scenarios, &Filter::default(), &of_repository),
    };
    session.carry_out(jobs, &args.how, known, setting, output)
}

fn engine(args: &TestEngine, output: Output) -> Result<Exit, Exit> {
    let filter = Filter::new(args.filter.iter().map(String::as_str))
        .map_err(|error| usage(&error.to_string(), output))?;
    let launch = args.adapter.launch(args.how.jobs, output)?;
    let scenarios = load(&args.scenario, output)?;
    let known = args.how.known.load(&scenarios, output)?;
    let jobs = run::jobs_for_engine(&scenarios, &filter);
    if jobs.is_empty() {
        output.error("nothing was judged: no scenario matches the filter");
        return Err(Exit::Nothing);
    }
    let evidence = args.evidence.open(EvidenceFormat::Counterfoil, &args.how, known.as_deref(), output)?;
    let session = Session::open(output)?;
    let program = launch.program.clone();
    let engine = session.engine(launch, &jobs, output)?;
    let evidence = evidence.map(|opened| {
        let suite = Suite::of(&jobs, args.scenario.is_empty(), RevisionRange::default(), &args.filter);
        opened.of_program(
            (Kind::Engine, &engine.adapted.line.name, &program),
            suite,
            &args.adapter.env,
            output,
        )
    });
    let setting = Setting {
        variant: Variant::Reference,
        evidence: evidence.transpose()?,
        at_once: engine.adapted.takes_at_once(),
        target: Target::Engine(Arc::new(engine)),
        reproduce: run::reproduce_adapter(env::args_os().skip(1)),
        settings: None,
        whole: run::jobs_for_engine(&scenarios, &Filter::default()),
    };
    session.carry_out(jobs, &args.how, known, setting, output)
}

fn decoder(args: &TestDecoder, output: Output) -> Result<Exit, Exit> {
    let filter = Filter::new(args.filter.iter().map(String::as_str))
        .map_err(|error| usage(&error.to_string(), output))?;
    let launch = args.adapter.launch(args.how.jobs, output)?;
    let suite = if args.scenario.is_empty() {
        DecoderSuite::new(args.made_up, args.seed)
    } else {
        DecoderSuite::of(load(&args.scenario, output)?)
    };
    let known = args.how.known.load(suite.scenarios(), output)?;
    let (jobs, whole) = (suite.jobs(&filter), suite.jobs(&Filter::default()));
    if jobs.is_empty() {
        output.error("nothing was judged: nothing that a decoder can be given matches the filter");
        return Err(Exit::Nothing);
    }
    let evidence = args.evidence.open(EvidenceFormat::Counterfoil, &args.how, known.as_deref(), output)?;
    let session = Session::open(output)?;
    let program = launch.program.clone();
    let decoder = session.decoder(launch, suite, &jobs);
    let evidence = evidence.map(|opened| {
        let stock = args.scenario.is_empty();
        let mut suite = Suite::of(&jobs, stock, RevisionRange::default(), &args.filter);
        suite.made_up = stock.then_some(MadeUp { count: args.made_up, seed: args.seed });
        opened.of_program(
            (Kind::Decoder, &decoder.adapted.line.name, &program),
            suite,
            &args.adapter.env,
            output,
        )
    });
    let setting = Setting {
        variant: Variant::Reference,
        evidence: evidence.transpose()?,
        at_once: decoder.adapted.takes_at_once(),
        target: Target::Decoder(Arc::new(decoder)),
        reproduce: run::reproduce_adapter(env::args_os().skip(1)),
        settings: None,
        whole,
    };
    session.carry_out(jobs, &args.how, known, setting, output)
}

impl AdapterArgs {
    /// How the adapter is started: where we are, with what it takes to find programs and their caches, and what the user
    /// names.
    pub(super) fn launch(&self, jobs: Option<NonZeroUsize>, output: Output) -> Result<Launch, Exit> {
        let no_adapter =
            || usage("no adapter is given: its program and its arguments stand behind `--`", output);
        let (program, arguments) =
            self.command.split_first().filter(|(program, _)| !program.is_empty()).ok_or_else(no_adapter)?;
        let environment = passed_on(&["PATH", "HOME"], &self.env, output)?;
        let ours = |what: &str, error| failed(&format!("it cannot be told where {what} is: {error}"), output);
        Ok(Launch {
            supervisor: env::current_exe().map_err(|error| ours("counterfoil itself", error))?,
            program: PathBuf::from(program),
            arguments: arguments.to_vec(),
            directory: env::current_dir().map_err(|error| ours("the current directory", error))?,
            environment,
            ready_within: self.start_deadline,
            answer_within: self.case_deadline,
            failures: MOST_FAILURES,
            at_once: jobs.map(NonZeroUsize::get),
        })
    }
}

/// The variables of the environment that are passed on: those that always are, where they are set, and those that the user
/// names.
pub(super) fn passed_on(
    always: &[&str],
    named: &[String],
    output: Output,
) -> Result<BTreeMap<OsString, OsString>, Exit> {
    let mut environment = BTreeMap::new();
    for name in always.iter().copied().chain(named.iter().map(String::as_str)) {
        if let Some(value) = env::var_os(name) {
            environment.insert(name.into(), value);
        } else if named.iter().any(|named| named == name) {
            let text = format!("--env {name}: there is no such variable in the environment");
            return Err(usage(&text, output));
        }
    }
    Ok(environment)
}
