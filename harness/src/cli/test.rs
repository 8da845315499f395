//! `counterfoil test`: something of the user's under test.

use std::{collections::BTreeMap, env, num::NonZeroUsize, sync::Arc};

use bytes::Bytes;
use counterfoil_mock::Profile;
use counterfoil_proto::RevisionRange;

use super::{
    args::{Test, TestProvider},
    carry_out::{Session, Setting, failed},
    commands::{load, usage},
    exit::Exit,
    output::Output,
    settings::Taken,
};
use crate::{
    provider::process::{Deadlines, LaunchOptions},
    run::{self, Blocked, Filter, PluginUnderTest, Reach, SubjectLine, Target, Variant},
    subject::{
        Subject,
        config::{Config, Secrets},
        manifest::Manifest,
        redact::Redactor,
    },
};

/// Carries out a test.
pub(super) fn execute(test: Test, output: Output) -> Exit {
    match test {
        Test::Provider(args) => provider(*args, output).unwrap_or_else(|exit| exit),
    }
}

fn provider(mut args: TestProvider, output: Output) -> Result<Exit, Exit> {
    let found = args.how.from.find(output)?;
    let names_secrets = !args.secret.is_empty();
    let own = found.as_ref().and_then(|found| found.settings.provider.as_ref()?.revisions.clone());
    let taken = args.with_settings(found);
    if names_secrets && args.config.is_none() {
        return Err(usage(
            "--secret names a value of the config, and there is none: --config gives it",
            output,
        ));
    }
    let filter = Filter::new(args.filter.iter().map(String::as_str))
        .map_err(|error| usage(&error.to_string(), output))?;
    if args.path.is_none() && args.attach.is_none() {
        return Err(no_plugin(output));
    }
    let environment = named(&args.env).map_err(|error| usage(&error, output))?;
    let secrets = Secrets { required: &args.secret, where_present: &args.secret_where_present };
    let config = args.config.as_deref().map(|path| Config::read(path, secrets, &environment));
    let config = config.transpose().map_err(|error| usage(&error.to_string(), output))?;
    let scenarios = load(&args.scenario, output)?;
    let known = args.how.known.load(&scenarios, output)?;

    // What is quick to refuse has been: to build or unpack a plugin may take a while.
    let session = Session::open(output)?;
    let subject = args.path.as_deref().map(|path| session.prepare(path, args.build.as_deref(), output));
    let subject = subject.transpose()?;
    let manifest = subject.as_ref().and_then(|subject| subject.manifest.as_ref());
    let revisions = match (&args.revisions, manifest) {
        (Some(revisions), _) => revisions.clone(),
        (None, Some(manifest)) => manifest.revisions(),
        (None, None) => RevisionRange::default(),
    };
    // What --revisions leaves out is left out as by a filter.
    let of_manifest = || manifest.map(Manifest::revisions);
    let of_repository = own.or_else(of_manifest).unwrap_or_default();
    let name = manifest.and_then(|manifest| manifest.name.clone());
    let name = name.or_else(|| subject.as_ref().map(|subject| subject.name.clone()));
    let own_config = config.is_some();
    let Given { json, redactor, told } = given(&args, config, &environment, name.as_deref());
    let redactor = Arc::new(redactor);

    let jobs = run::jobs_for_provider(&scenarios, &filter, &revisions);
    if jobs.is_empty() {
        let aside = Taken::aside(taken.as_ref());
        output
            .error(&format!("nothing was judged: no scenario matches the filter at these revisions{aside}"));
        return Err(Exit::Nothing);
    }

    let options = |program: &std::path::Path| {
        let mut options = LaunchOptions::new(program).map_err(|error| {
            failed(&format!("it cannot be told where counterfoil itself is: {error}"), output)
        })?;
        options.mtls = args.mtls == Some(true);
        options.environment = environment.iter().map(|(name, value)| (name.into(), value.into())).collect();
        let usual = Deadlines::default();
        options.deadlines = Deadlines {
            start: args.start_deadline.unwrap_or(usual.start),
            call: args.call_deadline.unwrap_or(usual.call),
            ..usual
        };
        options.redact = {
            let redactor = Arc::clone(&redactor);
            Arc::new(move |text| redactor.redact_cut(text))
        };
        Ok(options)
    };
    let (reach, mut line) = match (&subject, &args.attach) {
        (Some(subject), _) => {
            let mut options = options(&subject.program)?;
            options.directory = Some(subject.directory.clone());
            (Reach::Launch(Box::new(options)), SubjectLine::of(subject))
        }
        (None, Some(address)) => {
            let options = options("".as_ref())?;
            (Reach::Attach(address.clone(), Box::new(options)), SubjectLine::attached(&address.to_string()))
        }
        (None, None) => return Err(no_plugin(output)),
    };
    line.config = told;
    let plugin = PluginUnderTest {
        reach,
        line,
        config: json,
        live: args.live,
        // The environment is cleared but for what the user names, which may be a credential; one that runs already has
        // its own.
        strange: args.attach.is_none() && !own_config && environment.is_empty(),
        manifest: subject.as_ref().and_then(Subject::manifest_file),
        reflect: args.reflect == Some(true),
        redactor,
        blocked: Blocked::default(),
    };
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

fn no_plugin(output: Output) -> Exit {
    let text = "no plugin is given: name its path, here or as `provider: { path: … }` in counterfoil.yaml, or --attach \
                to one that runs already";
    usage(text, output)
}

/// What `Initialize` is given, and what is told of it.
struct Given {
    json: Bytes,
    redactor: Redactor,
    told: String,
}

/// The user's config; else the placeholder of the profile that is known for a plugin of this name, which reaches no
/// cloud; else nothing at all.
fn given(
    args: &TestProvider,
    config: Option<Config>,
    environment: &BTreeMap<String, String>,
    plugin: Option<&str>,
) -> Given {
    if let (Some(Config { json, redactor }), Some(path)) = (config, &args.config) {
        return Given { json, redactor, told: path.display().to_string() };
    }
    let redactor = Redactor::of_environment(environment);
    match plugin.and_then(Profile::for_plugin) {
        Some(profile) => {
            let json = profile.placeholder().to_string();
            let provider = profile.provider;
            let told = format!("placeholders for {provider}, which reach no cloud: {json}");
            Given { json: json.into(), redactor, told }
        }
        None => Given { json: Bytes::new(), redactor, told: "no config (--config gives it one)".to_owned() },
    }
}

/// The variables of these names, as they are set here.
fn named(names: &[String]) -> Result<BTreeMap<String, String>, String> {
    let set = |name: &String| match env::var(name) {
        Ok(value) => Ok((name.clone(), value)),
        Err(env::VarError::NotPresent) => {
            Err(format!("the variable {name} is to be passed on to the plugin, and is not set here"))
        }
        Err(env::VarError::NotUnicode(_)) => {
            Err(format!("the variable {name} is to be passed on to the plugin, and its value is not UTF-8"))
        }
    };
    names.iter().map(set).collect()
}
