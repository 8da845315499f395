//! `counterfoil explore`: plans and faults made up, to find what nobody thought of.

use std::{
    env, fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use clap::{Args, Subcommand};
use counterfoil_core::scenario::parse_wait;

use super::{
    args::{AdapterArgs, PluginArgs},
    carry_out::Session,
    commands::{usage, variant},
    exit::Exit,
    output::Output,
};
use crate::{
    adapter::Launch,
    explore::{Emphasis, Exploration, Find, Offer, Written},
    report::{explore as explore_report, explore_map},
    run::{self, Adapted, DecoderSuite, Target, Variant},
};

/// How often an adapter may fail in a row: what is found is made smaller by having it fail again and again.
const MOST_FAILURES: u32 = 100;

/// `counterfoil explore`
#[derive(Debug, Subcommand)]
pub(super) enum Explore {
    /// Look for plans and faults in which a plugin of yours breaks the contract; without a plugin, our own mock provider.
    ///
    /// The plans create, change and delete whatever they make up: give the plugin a cloud of its own.
    Provider(Box<OfProvider>),
    /// Look for plans and faults in which an engine of yours breaks the contract, behind its adapter; without one, the
    /// reference engine, or a broken one.
    Engine(Box<OfAdapted>),
    /// Look for replies of which a decoder of yours makes what it must not, behind its adapter; without one, the strict
    /// decoder, or a broken one.
    Decoder(Box<OfAdapted>),
}

/// `counterfoil explore provider`
#[derive(Debug, Args)]
pub(super) struct OfProvider {
    /// The plugin.
    #[command(flatten)]
    plugin: PluginArgs,
    /// What is explored where no plugin is given.
    #[command(flatten)]
    pair: OfPair,
}

/// `counterfoil explore engine` and `counterfoil explore decoder`
#[derive(Debug, Args)]
pub(super) struct OfAdapted {
    /// The adapter.
    #[command(flatten)]
    adapter: AdapterArgs,
    /// What is explored where no adapter is given.
    #[command(flatten)]
    pair: OfPair,
}

/// What is explored where nothing of the user's is, and how far
#[derive(Debug, Args)]
pub(super) struct OfPair {
    /// Explore a broken engine or decoder in place of the reference (`counterfoil mutants --list` has them).
    #[arg(long, value_name = "NAME")]
    mutant: Option<String>,
    /// How far it goes.
    #[command(flatten)]
    how: How,
}

/// How far an exploration goes.
#[derive(Debug, Args)]
pub(super) struct How {
    /// How many cases are run at most.
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    cases: u64,
    /// How long it may take, such as `5m`, and at most `60m`; what is found is made smaller beside that.
    #[arg(long, value_name = "TIME", value_parser = parse_wait)]
    time: Option<Duration>,
    /// Where everything that is made up comes from: the same seed, version and subject find the same.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Where scenarios go that were found.
    #[arg(long, value_name = "DIR", default_value = "scenarios/found")]
    into: PathBuf,
    /// Write where it went as a page: how often each corner was reached, and with which outcomes.
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    /// How many cases run at once [default: as many as there are processors].
    #[arg(long, short, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Findings of level SHOULD count too.
    #[arg(long)]
    strict: bool,
}

/// Explores, and says how that ends.
pub(super) fn execute(explore: Explore, output: Output) -> Exit {
    let done = match explore {
        Explore::Provider(args) if args.plugin.path.is_some() || args.plugin.attach.is_some() => {
            of_plugin(&args, output)
        }
        Explore::Provider(args) => of_pair("provider", Emphasis::Plans, &args.pair, output),
        Explore::Engine(args) if args.adapter.command.is_empty() => {
            of_pair("engine", Emphasis::Plans, &args.pair, output)
        }
        Explore::Engine(args) => of_engine(&args, output),
        Explore::Decoder(args) if args.adapter.command.is_empty() => {
            of_pair("decoder", Emphasis::Replies, &args.pair, output)
        }
        Explore::Decoder(args) => of_decoder(&args, output),
    };
    done.unwrap_or_else(|exit| exit)
}

fn of_pair(noun: &str, emphasis: Emphasis, args: &OfPair, output: Output) -> Result<Exit, Exit> {
    let OfPair { mutant, how } = args;
    let mutant = mutant.as_deref();
    let variant = variant(mutant, output)?;
    let written = Written {
        seed: how.seed,
        subject: mutant.map_or_else(|| format!("our own {noun}"), |mutant| format!("the mutant {mutant}")),
        digest: None,
        replay: run::reproduce(&[], how.strict.then_some(true), mutant, None, false).into(),
    };
    let at_once = how.jobs.or(thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
    let exploration = how.exploration(Target::Embedded, variant, emphasis, Offer::default(), at_once);
    Ok(carry_out(Session::open(output)?, &exploration, &written, how, output))
}

fn of_plugin(args: &OfProvider, output: Output) -> Result<Exit, Exit> {
    let OfProvider { plugin, pair: OfPair { mutant, how } } = args;
    if mutant.is_some() {
        return Err(usage("a plugin is explored, or a mutant of ours: leave out PATH or --mutant", output));
    }
    if !plugin.live {
        return Err(usage(
            "a plan that is made up creates, changes and deletes resources in the plugin's cloud: --live says that it may, \
             and --config which cloud that is",
            output,
        ));
    }
    let provisions = plugin.provisions(output)?;
    let session = Session::open(output)?;
    let (plugin, _subject) = plugin.prepare(provisions, &session, output)?;
    let written = Written {
        seed: how.seed,
        subject: plugin.line.to_string(),
        digest: plugin.line.sha256.as_ref().map(|digest| format!("sha256:{digest}")),
        replay: run::reproduce_explored("provider", env::args_os().skip(1)),
    };
    let target = Target::Plugin(Arc::new(plugin));
    let prefix = format!("cf{}-", how.seed);
    let offer = session.offer(&target, prefix).map_err(|reason| {
        output.error(&format!("there is nothing to explore: {reason}"));
        Exit::Unjudged
    })?;
    // Cases that run side by side would meet in its cloud.
    let at_once = how.jobs.unwrap_or(NonZeroUsize::MIN);
    let exploration = how.exploration(target, Variant::Reference, Emphasis::Plans, offer, at_once);
    Ok(carry_out(session, &exploration, &written, how, output))
}

fn of_engine(args: &OfAdapted, output: Output) -> Result<Exit, Exit> {
    let (session, launch) = args.session("an engine", output)?;
    let engine = Arc::new(session.engine(launch, &[], output)?);
    let target = Target::Engine(Arc::clone(&engine));
    of_adapted("engine", session, target, &engine.adapted, Emphasis::Plans, &args.pair.how, output)
}

fn of_decoder(args: &OfAdapted, output: Output) -> Result<Exit, Exit> {
    let (session, launch) = args.session("a decoder", output)?;
    let decoder = Arc::new(session.decoder(launch, DecoderSuite::default(), &[]));
    let target = Target::Decoder(Arc::clone(&decoder));
    of_adapted("decoder", session, target, &decoder.adapted, Emphasis::RepliesAlone, &args.pair.how, output)
}

impl OfAdapted {
    /// What it takes to start the adapter of what is explored.
    fn session(&self, explored: &str, output: Output) -> Result<(Session, Launch), Exit> {
        let OfAdapted { adapter, pair: OfPair { mutant, how } } = self;
        if mutant.is_some() {
            let text = format!("{explored} is explored, or a mutant of ours: leave out CMD or --mutant");
            return Err(usage(&text, output));
        }
        let launch = Launch { failures: MOST_FAILURES, ..adapter.launch(how.jobs, output)? };
        Ok((Session::open(output)?, launch))
    }
}

fn of_adapted(
    noun: &str,
    session: Session,
    target: Target,
    adapted: &Adapted,
    emphasis: Emphasis,
    how: &How,
    output: Output,
) -> Result<Exit, Exit> {
    if let Some(reason) = adapted.not_ready() {
        output.error(&format!("there is nothing to explore: {reason}"));
        return Err(Exit::Unjudged);
    }
    let written = Written {
        seed: how.seed,
        subject: adapted.line.to_string(),
        digest: None,
        replay: run::reproduce_explored(noun, env::args_os().skip(1)),
    };
    let at_once = adapted.takes_at_once();
    let at_once = how.jobs.map_or(at_once, |jobs| jobs.min(at_once));
    let exploration = how.exploration(target, Variant::Reference, emphasis, Offer::default(), at_once);
    Ok(carry_out(session, &exploration, &written, how, output))
}

impl How {
    fn exploration(
        &self,
        target: Target,
        variant: Variant,
        emphasis: Emphasis,
        offer: Offer,
        at_once: NonZeroUsize,
    ) -> Exploration {
        Exploration {
            target,
            variant,
            emphasis,
            offer,
            cases: self.cases,
            time: self.time,
            seed: self.seed,
            strict: self.strict,
            at_once: run::within_file_limit(at_once).get(),
        }
    }
}

/// A rule that is broken breaks the contract, whether or not it comes back.
fn carry_out(
    session: Session,
    exploration: &Exploration,
    written: &Written,
    how: &How,
    output: Output,
) -> Exit {
    let tell = |find: &Find| keep(find, written, &how.into, output);
    let (account, signal) = session.explore(exploration, tell);
    let mut printed = output.print(&explore_report::account(&account, exploration.seed, output.layout()));
    if let Some(file) = &how.map {
        let page = explore_map::page(&account, exploration.seed, &written.subject);
        if let Err(error) = fs::write(file, page) {
            output.error(&format!("the map {} cannot be written: {error}", file.display()));
            printed = Exit::Unjudged;
        }
    }
    match signal {
        Some(signal) => Exit::Interrupted(signal),
        None if !account.defects.is_empty() => Exit::Defect,
        None if !account.finds.is_empty() => Exit::Broken,
        None if account.cases == 0 => Exit::Nothing,
        None if account.unjudged == account.cases => Exit::Unjudged,
        None => Exit::Passed.unless(printed),
    }
}

/// Writes down a find and tells of it. Where its file cannot be written, its text goes to standard output: what was found
/// is not lost.
fn keep(find: &Find, written: &Written, into: &Path, output: Output) {
    let layout = output.layout();
    let told = match written.save(find, into) {
        Ok(path) => explore_report::find(find, Some((&path, &written.replay(&path))), layout),
        Err(unsaved) => {
            output.error(&format!("{unsaved}; the scenario stands on standard output instead"));
            explore_report::find(find, None, layout) + &unsaved.text + "\n"
        }
    };
    // That it cannot be told is said; that it was found counts all the same.
    output.print(&told);
}
