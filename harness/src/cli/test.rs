//! `counterfoil test`: something of the user's under test.

use std::{env, num::NonZeroUsize, sync::Arc};

use counterfoil_proto::RevisionRange;

use super::{
    args::{Test, TestProvider},
    carry_out::{Session, Setting},
    commands::{load, usage},
    exit::Exit,
    output::Output,
    settings::Taken,
};
use crate::{
    run::{self, Filter, Target, Variant},
    subject::manifest::Manifest,
};

/// Carries out a test.
pub(super) fn execute(test: Test, output: Output) -> Exit {
    match test {
        Test::Provider(args) => provider(*args, output).unwrap_or_else(|exit| exit),
    }
}

fn provider(mut args: TestProvider, output: Output) -> Result<Exit, Exit> {
    let found = args.how.from.find(output)?;
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
    let setting = Setting {
        variant: Variant::Reference,
        target: Target::Plugin(Arc::new(plugin)),
        at_once: NonZeroUsize::MIN,
        reproduce: run::reproduce_test(env::args_os().skip(1)),
        settings: taken.map(|taken| taken.told()),
        whole: run::jobs_for_provider(&scenarios, &Filter::default(), &of_repository),
    };
    session.carry_out(jobs, &args.how, known, setting, output)
}
