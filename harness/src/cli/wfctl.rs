//! `counterfoil test wfctl`: the engine's own command line under test.

use std::{
    env,
    num::NonZeroUsize,
    path::{self, PathBuf},
    sync::Arc,
    thread,
};

use bytes::Bytes;
use counterfoil_core::manifest::FILE as MANIFEST;
use counterfoil_mock::Profile;
use counterfoil_proto::Revision;
use serde_json::{Value, json};

use super::{
    args::{StandIn, TestWfctl},
    carry_out::{Session, Setting, failed},
    commands::{load, usage, variant},
    evidence::EvidenceFormat,
    exit::Exit,
    output::Output,
    test::passed_on,
};
use crate::{
    evidence::{Kind, Suite},
    run::{self, Filter, PluginUnderTest, RealPlugin, SubjectLine, Target, Variant, WfctlUnderTest},
    subject::{
        Subject,
        config::{Config, Secrets},
        redact::Redactor,
    },
};

/// Carries out a test.
pub(super) fn execute(args: &TestWfctl, output: Output) -> Result<Exit, Exit> {
    let filter = Filter::new(args.filter.iter().map(String::as_str))
        .map_err(|error| usage(&error.to_string(), output))?;
    let mut wfctl = args.wfctl(output)?;
    let scenarios = load(&args.scenario, output)?;
    let known = args.how.known.load(&scenarios, output)?;
    let evidence = args.evidence.open(EvidenceFormat::Counterfoil, &args.how, known.as_deref(), output)?;
    let session = Session::open(output)?;
    if let Some(path) = &args.plugin {
        let subject = session.prepare(path, None, output)?;
        wfctl.line.config = format!("in front of {}", SubjectLine::of(&subject));
        let (plugin, redactor) = args.real_plugin(&subject, &session, output)?;
        (wfctl.plugin, wfctl.redactor) = (Some(plugin), Arc::new(redactor));
    }
    let revision = if let Some(revision) = args.revision {
        revision
    } else {
        let says = session.wait_for(wfctl.revision()).map_err(|why| usage(&why, output))?;
        says.unwrap_or_else(|| {
            output
                .error_text("its `version` tells no release: it is taken for one of the head (--revision)\n");
            Revision::Head
        })
    };
    let jobs = run::jobs_for_wfctl(&scenarios, &filter, revision);
    if jobs.is_empty() {
        let text = format!("nothing was judged: no scenario matches the filter at revision {revision}");
        output.error(&text);
        return Err(Exit::Nothing);
    }
    let evidence = evidence.map(|opened| {
        let suite = Suite::of(&jobs, args.scenario.is_empty(), revision.into(), &args.filter);
        opened.of_program((Kind::CommandLine, &wfctl.line.name, &wfctl.program), suite, &args.env, output)
    });
    let setting = Setting {
        variant: Variant::Reference,
        evidence: evidence.transpose()?,
        at_once: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
        target: Target::Wfctl(Arc::new(wfctl)),
        reproduce: run::reproduce_adapter(env::args_os().skip(1)),
        settings: None,
        whole: run::jobs_for_wfctl(&scenarios, &Filter::default(), revision),
    };
    session.carry_out(jobs, &args.how, known, setting, output)
}

impl TestWfctl {
    /// The command line that is meant, in front of our own provider.
    fn wfctl(&self, output: Output) -> Result<WfctlUnderTest, Exit> {
        let nothing = || usage("no command line is given: the engine's stands behind `--`", output);
        let (program, arguments) = self.command.split_first().ok_or_else(nothing)?;
        let ours = |what: &str, error| failed(&format!("it cannot be told where {what} is: {error}"), output);
        let mut program = PathBuf::from(program);
        if program.components().nth(1).is_some() {
            program = path::absolute(&program).map_err(|error| ours("the command line", error))?;
        }
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(WfctlUnderTest {
            line: SubjectLine { name, ..SubjectLine::attached(&program.display().to_string()) },
            ourselves: env::current_exe().map_err(|error| ours("counterfoil itself", error))?,
            program,
            arguments: arguments.to_vec(),
            environment: passed_on(&["PATH"], &self.env, output)?,
            deadline: self.deadline,
            redactor: Arc::default(),
            plugin: None,
        })
    }

    /// The plugin that is meant, as the command line finds it.
    fn real_plugin(
        &self,
        subject: &Subject,
        session: &Session,
        output: Output,
    ) -> Result<(RealPlugin, Redactor), Exit> {
        let provider = subject.provider_name().ok_or_else(|| {
            let text = format!(
                "{} tells no capabilities.iacProvider.name, by which the engine finds a plugin (E-235)",
                subject.directory.join(MANIFEST).display()
            );
            usage(&text, output)
        })?;
        let (config, redactor) = self.provider_config(subject, output)?;
        let resource_type = match &self.resource_type {
            Some(resource_type) => resource_type.clone(),
            None => first_type(subject, &config, session, output)?,
        };
        let directory = subject.directory.clone();
        Ok((RealPlugin { directory, provider, config, resource_type, live: self.live }, redactor))
    }

    /// What the plugin is initialized with, and what knows the secrets in that and in the environment that is passed on.
    fn provider_config(&self, subject: &Subject, output: Output) -> Result<(Value, Redactor), Exit> {
        let named = self.env.iter().filter_map(|name| Some((name.clone(), env::var(name).ok()?)));
        let environment = named.collect();
        let Some(path) = &self.config else {
            let profile = Profile::for_plugin(&subject.name);
            let placeholder = profile.map_or(json!({}), |profile| profile.placeholder());
            return Ok((placeholder, Redactor::of_environment(&environment)));
        };
        let config = Config::read(path, Secrets::default(), &environment)
            .map_err(|error| usage(&error.to_string(), output))?;
        let json = serde_json::from_slice(&config.json);
        json.map(|json| (json, config.redactor)).map_err(|error| usage(&error.to_string(), output))
    }
}

/// Does what the command line is told, in its place.
pub(super) fn stand_in(stand_in: StandIn, output: Output) -> Result<Exit, Exit> {
    let StandIn::Wfctl { mutant, revision, words } = stand_in;
    let after = |option: &str| words.iter().skip_while(|word| *word != option).nth(1).map(PathBuf::from);
    let (Some(config), Some(plugins)) = (after("-c"), after("--plugin-dir")) else {
        // As the real one, which writes it there.
        output.error_text(&format!("wfctl version {}\n", revision.engine_version()));
        return Ok(Exit::Passed);
    };
    let variant = variant(mutant.as_deref(), output)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| failed(&format!("no runtime: {error}"), output))?;
    let applied = runtime.block_on(run::StandIn { variant, revision, config, plugins }.apply());
    Ok(match applied {
        Ok(()) => Exit::Passed,
        Err(error) => {
            output.error_text(&format!("error: {error}\n"));
            Exit::Broken
        }
    })
}

/// The first type that a plugin declares.
fn first_type(subject: &Subject, config: &Value, session: &Session, output: Output) -> Result<String, Exit> {
    let plugin = PluginUnderTest::offline(subject, Bytes::from(config.to_string())).map_err(|error| {
        failed(&format!("it cannot be told where counterfoil itself is: {error}"), output)
    })?;
    let offer = session.offer(&Target::Plugin(Arc::new(plugin)), String::new());
    let types = offer.map(|offer| offer.types);
    types.ok().and_then(|types| types.into_iter().next()).ok_or_else(|| {
        usage("the plugin does not tell its types: --type names that of the resources", output)
    })
}
