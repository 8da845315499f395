//! A plugin of the user's, from what the command line says of it to where it can be started.

use std::{collections::BTreeMap, env, path::Path, sync::Arc};

use bytes::Bytes;
use counterfoil_mock::Profile;

use super::{
    args::PluginArgs,
    carry_out::{Session, failed},
    commands::usage,
    exit::Exit,
    output::Output,
};
use crate::{
    provider::process::{Deadlines, LaunchOptions},
    run::{Blocked, PluginUnderTest, Reach, SubjectLine},
    subject::{
        Subject,
        config::{Config, Secrets},
        redact::Redactor,
    },
};

/// What a plugin is given, read and in order.
pub(super) struct Provisions {
    environment: BTreeMap<String, String>,
    config: Option<Config>,
}

impl PluginArgs {
    /// Reads what the plugin is to be given. That is quick to refuse, and so comes first.
    pub(super) fn provisions(&self, output: Output) -> Result<Provisions, Exit> {
        if self.path.is_none() && self.attach.is_none() {
            return Err(no_plugin(output));
        }
        let environment = named(&self.env).map_err(|error| usage(&error, output))?;
        let secrets = Secrets { required: &self.secret, where_present: &self.secret_where_present };
        let config = self.config.as_deref().map(|path| Config::read(path, secrets, &environment));
        let config = config.transpose().map_err(|error| usage(&error.to_string(), output))?;
        Ok(Provisions { environment, config })
    }

    /// Brings the plugin to where it can be started: that may take a while. What is known of it on disk comes beside it;
    /// nothing is of one that runs already.
    pub(super) fn prepare(
        &self,
        provisions: Provisions,
        session: &Session,
        output: Output,
    ) -> Result<(PluginUnderTest, Option<Subject>), Exit> {
        let Provisions { environment, config } = provisions;
        let subject = self
            .path
            .as_deref()
            .map(|path| session.prepare(path, self.build.as_deref(), output))
            .transpose()?;
        let manifest = subject.as_ref().and_then(|subject| subject.manifest.as_ref());
        let name = manifest.and_then(|manifest| manifest.name.clone());
        let name = name.or_else(|| subject.as_ref().map(|subject| subject.name.clone()));
        let own_config = config.is_some();
        let Given { json, redactor, told } = given(self, config, &environment, name.as_deref());
        let redactor = Arc::new(redactor);
        let options = |program: &Path| self.launch_options(program, &environment, &redactor, output);
        let (reach, mut line) = match (&subject, &self.attach) {
            (Some(subject), _) => {
                let mut options = options(&subject.program)?;
                options.directory = Some(subject.directory.clone());
                (Reach::Launch(Box::new(options)), SubjectLine::of(subject))
            }
            (None, Some(address)) => {
                let options = options("".as_ref())?;
                let line = SubjectLine::attached(&address.to_string());
                (Reach::Attach(address.clone(), Box::new(options)), line)
            }
            (None, None) => return Err(no_plugin(output)),
        };
        line.config = told;
        let plugin = PluginUnderTest {
            reach,
            line,
            config: json,
            live: self.live,
            // The environment is cleared but for what the user names, which may be a credential; one that runs already has
            // its own.
            strange: self.attach.is_none() && !own_config && environment.is_empty(),
            manifest: subject.as_ref().and_then(Subject::manifest_file),
            reflect: self.reflect == Some(true),
            redactor,
            blocked: Blocked::default(),
        };
        Ok((plugin, subject))
    }

    fn launch_options(
        &self,
        program: &Path,
        environment: &BTreeMap<String, String>,
        redactor: &Arc<Redactor>,
        output: Output,
    ) -> Result<LaunchOptions, Exit> {
        let mut options = LaunchOptions::new(program).map_err(|error| {
            failed(&format!("it cannot be told where counterfoil itself is: {error}"), output)
        })?;
        options.mtls = self.mtls == Some(true);
        options.environment = environment.iter().map(|(name, value)| (name.into(), value.into())).collect();
        let usual = Deadlines::default();
        options.deadlines = Deadlines {
            start: self.start_deadline.unwrap_or(usual.start),
            call: self.call_deadline.unwrap_or(usual.call),
            ..usual
        };
        let redactor = Arc::clone(redactor);
        options.redact = Arc::new(move |text| redactor.redact_cut(text));
        Ok(options)
    }
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
    args: &PluginArgs,
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
