//! `counterfoil.yaml`: which one is meant, and what of it is taken where the command line does not say.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum as _};
use counterfoil_core::scenario::{ProviderSettings, RunSettings};

use super::{
    args::{How, ReportFormat, ReportTo, Run, TestProvider},
    exit::Exit,
    known::show_unusable,
    output::Output,
};
use crate::settings::{self, Found};

/// Where settings come from.
#[derive(Debug, Args)]
pub(super) struct SettingsFrom {
    /// The settings of the repository, which options win over [default: counterfoil.yaml in the current directory,
    /// where there is one].
    #[arg(long, value_name = "FILE", conflicts_with = "no_settings")]
    pub settings: Option<PathBuf>,
    /// Take no settings from a file.
    #[arg(long)]
    pub no_settings: bool,
}

impl SettingsFrom {
    /// Reads the settings that are meant, where there are any; shows their mistakes.
    pub(super) fn find(&self, output: Output) -> Result<Option<Found>, Exit> {
        if self.no_settings {
            return Ok(None);
        }
        settings::find(self.settings.as_deref()).map_err(|unusable| show_unusable(unusable, output))
    }
}

/// What was taken of a file of settings.
#[derive(Debug)]
pub(super) struct Taken {
    file: String,
    keys: Vec<&'static str>,
}

impl Taken {
    fn of(file: String) -> Self {
        Self { file, keys: Vec::new() }
    }

    /// `counterfoil.yaml (path, strict)`
    pub(super) fn told(&self) -> String {
        let keys = if self.keys.is_empty() { "nothing taken".to_owned() } else { self.keys.join(", ") };
        format!("{} ({keys})", self.file)
    }

    /// The same, to be said beside something else, where there is anything to say.
    pub(super) fn aside(taken: Option<&Self>) -> String {
        taken.map_or(String::new(), |taken| format!("; settings: {}", taken.told()))
    }

    /// What can be said once: the command line has said it, or the setting is taken.
    fn take<T>(&mut self, key: &'static str, said: &mut Option<T>, setting: Option<T>) {
        if said.is_none() && setting.is_some() {
            *said = setting;
            self.keys.push(key);
        }
    }

    /// What selects: the command line's selection, or that of the settings.
    fn select<T>(&mut self, key: &'static str, said: &mut Vec<T>, setting: Vec<T>) {
        if said.is_empty() && !setting.is_empty() {
            *said = setting;
            self.keys.push(key);
        }
    }

    /// What adds up: nothing that the repository keeps secret shows because somebody keeps more secret.
    fn add(&mut self, key: &'static str, said: &mut Vec<String>, setting: Vec<String>) {
        let more: Vec<String> = setting.into_iter().filter(|item| !said.contains(item)).collect();
        if !more.is_empty() {
            said.extend(more);
            self.keys.push(key);
        }
    }

    /// The settings of every command that runs scenarios.
    fn how(
        &mut self,
        how: &mut How,
        scenarios: &mut Vec<PathBuf>,
        filter: &mut Vec<String>,
        of: RunSettings,
    ) {
        let RunSettings { scenarios: paths, filter: terms, known_failures, strict, reports, keep_traces } =
            of;
        // A list that the repository names is about its own scenarios, whichever are run today.
        how.known.about_others = how.known.list.is_none() && !scenarios.is_empty();
        self.select("scenarios", scenarios, paths);
        self.select("filter", filter, terms.into_iter().map(|(term, _)| term).collect());
        self.take("known_failures", &mut how.known.list, known_failures);
        self.take("strict", &mut how.strict, strict);
        self.take("keep_traces", &mut how.keep_traces, keep_traces);
        let mut more: Vec<ReportTo> = Vec::new();
        for (format, file) in reports {
            let format = ReportFormat::from_str(format, false).expect("settings name formats that there are");
            if how.report.iter().all(|to| to.format != format) {
                more.push(ReportTo { format, file: Some(file) });
            }
        }
        if !more.is_empty() {
            how.report.extend(more);
            self.keys.push("reports");
        }
    }
}

impl Run {
    /// Takes what the command line does not say from the settings of `counterfoil run`, where there are any.
    pub(super) fn with_settings(&mut self, found: Option<Found>) -> Option<Taken> {
        let Found { settings, file } = found?;
        let mut taken = Taken::of(file);
        taken.how(&mut self.how, &mut self.select.paths, &mut self.select.filter, settings.run?);
        Some(taken)
    }
}

impl TestProvider {
    /// Takes what the command line does not say from the settings of `counterfoil test provider`, where there are any.
    /// This is the one place where the two come together.
    pub(super) fn with_settings(&mut self, found: Option<Found>) -> Option<Taken> {
        let Found { settings, file } = found?;
        let mut taken = Taken::of(file);
        let ProviderSettings {
            path,
            build,
            config,
            secrets,
            env,
            mtls,
            reflect,
            revisions,
            start_deadline,
            call_deadline,
            how,
        } = settings.provider?;
        let plugin = &mut self.plugin;
        // What runs already is neither built nor started.
        if plugin.attach.is_none() {
            taken.take("path", &mut plugin.path, path);
            taken.take("mtls", &mut plugin.mtls, mtls);
            // A program or an archive that the command line names is there already.
            if plugin.path.as_deref().is_some_and(Path::is_dir) {
                taken.take("build", &mut plugin.build, build);
            }
        }
        taken.take("reflect", &mut plugin.reflect, reflect);
        let of_settings = plugin.config.is_none();
        taken.take("config", &mut plugin.config, config);
        if plugin.config.is_some() {
            let secret = if of_settings { &mut plugin.secret } else { &mut plugin.secret_where_present };
            taken.add("secrets", secret, secrets);
        }
        taken.add("env", &mut plugin.env, env);
        taken.take("revisions", &mut self.revisions, revisions);
        taken.take("start_deadline", &mut plugin.start_deadline, start_deadline);
        taken.take("call_deadline", &mut plugin.call_deadline, call_deadline);
        taken.how(&mut self.how, &mut self.scenario, &mut self.filter, how);
        Some(taken)
    }
}
