//! The settings of a repository: `counterfoil.yaml`, read with the same care as scenarios.
//!
//! It has a block for each command that reads it, and a command reads no other, so that what one of them is told
//! changes nothing of what another says.

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
    time::Duration,
};

use counterfoil_proto::RevisionRange;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value;

use super::{
    Diagnostic, Span,
    diagnostic::{Report, shown},
    file::{Range, document},
    read::{At, List, Read, Time, Units, named_twice, schema_is, shape},
    schema::schema_of,
    yaml,
};

/// The name of the file in which the settings of a repository are looked for.
pub const SETTINGS_FILE: &str = "counterfoil.yaml";

shape! {
    /// What a repository says once, so that nobody has to say it on the command line. Paths are relative to this file.
    struct SettingsShape as "Settings" {
        /// For `counterfoil test provider`.
        provider: Option<ProviderShape>,
        /// For `counterfoil run`.
        run: Option<RunShape>,
    }
}

shape! {
    /// For `counterfoil test provider`. Each key stands for an option of that command, which wins over it.
    struct ProviderShape as "ProviderSettings" {
        /// The plugin: its program, or the directory that holds plugin.json and the program.
        path: Option<FilePath>,
        /// The command that builds it (`--build`).
        build: Option<Said>,
        /// The config that Initialize is given, a YAML or JSON file (`--config`).
        config: Option<FilePath>,
        /// Values of the config that must never show, by their dotted paths (`--secret`, which adds to them).
        secrets: Option<List<At<Said>>>,
        /// Variables of the environment that are passed on to the plugin, and to references in its config (`--env`, which adds to them).
        env: Option<List<At<VariableName>>>,
        /// No key: to reach a cloud, and change it, is asked for by hand, with `--live`.
        live: Option<ByHand>,
        /// Whether the plugin is asked for AutoMTLS (`--mtls`).
        mtls: Option<bool>,
        /// Whether the descriptors that it serves are held against the contract (`--reflect`).
        reflect: Option<bool>,
        /// The revisions at which it is tested, such as `>=0.56` (`--revisions`).
        revisions: Option<Range>,
        /// Scenario files and directories to run in place of the stock scenarios (`--scenario`).
        #[schemars(length(min = 1))]
        scenarios: Option<Nonempty<FilePath>>,
        /// Leaves only the runs that match (`--filter`).
        #[schemars(length(min = 1))]
        filter: Option<Nonempty<At<Said>>>,
        /// The list of failures that are known (`--known-failures`).
        known_failures: Option<FilePath>,
        /// Whether findings of level SHOULD fail too (`--strict`).
        strict: Option<bool>,
        /// Reports beside the terminal's: the file of each, by its format (`--report`).
        reports: Option<ReportsShape>,
        /// The directory for the traces of runs that did not pass (`--keep-traces`).
        keep_traces: Option<FilePath>,
        /// How long the plugin may take to print its handshake line, such as `60s` (`--start-deadline`).
        start_deadline: Option<Wait>,
        /// How long a call may take, such as `30s` (`--call-deadline`).
        call_deadline: Option<Wait>,
    }
}

shape! {
    /// For `counterfoil run`. Each key stands for an option of that command, which wins over it.
    struct RunShape as "RunSettings" {
        /// Scenario files and directories to run in place of the stock scenarios.
        #[schemars(length(min = 1))]
        scenarios: Option<Nonempty<FilePath>>,
        /// Leaves only the runs that match (`--filter`).
        #[schemars(length(min = 1))]
        filter: Option<Nonempty<At<Said>>>,
        /// The list of failures that are known (`--known-failures`).
        known_failures: Option<FilePath>,
        /// Whether findings of level SHOULD fail too (`--strict`).
        strict: Option<bool>,
        /// Reports beside the terminal's: the file of each, by its format (`--report`).
        reports: Option<ReportsShape>,
        /// The directory for the traces of runs that did not pass (`--keep-traces`).
        keep_traces: Option<FilePath>,
    }
}

shape! {
    /// Reports beside the terminal's: the file of each, by its format.
    struct ReportsShape as "Reports" {
        /// Run events as JSON lines.
        json: Option<FilePath>,
        /// JUnit XML.
        junit: Option<FilePath>,
        /// SARIF 2.1.0.
        sarif: Option<FilePath>,
        /// TAP 14.
        tap: Option<FilePath>,
        /// A page for a browser.
        html: Option<FilePath>,
    }
}

/// The settings of a repository. What is left out is none, or empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// For `counterfoil test provider`.
    pub provider: Option<ProviderSettings>,
    /// For `counterfoil run`.
    pub run: Option<RunSettings>,
}

/// The settings of `counterfoil test provider`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProviderSettings {
    /// The plugin.
    pub path: Option<PathBuf>,
    /// The command that builds it.
    pub build: Option<String>,
    /// The config that `Initialize` is given.
    pub config: Option<PathBuf>,
    /// Values of the config that must never show, by their dotted paths.
    pub secrets: Vec<String>,
    /// Variables of the environment that are passed on.
    pub env: Vec<String>,
    /// Whether the plugin is asked for `AutoMTLS`.
    pub mtls: Option<bool>,
    /// Whether the descriptors that it serves are held against the contract.
    pub reflect: Option<bool>,
    /// The revisions at which it is tested.
    pub revisions: Option<RevisionRange>,
    /// How long it may take to print its handshake line.
    pub start_deadline: Option<Duration>,
    /// How long a call may take.
    pub call_deadline: Option<Duration>,
    /// What every command has that runs scenarios.
    pub how: RunSettings,
}

/// The settings of every command that runs scenarios.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunSettings {
    /// Scenario files and directories in place of the stock scenarios.
    pub scenarios: Vec<PathBuf>,
    /// The terms of a filter, not yet read, and where they stand.
    pub filter: Vec<(String, Span)>,
    /// The list of failures that are known.
    pub known_failures: Option<PathBuf>,
    /// Whether findings of level SHOULD fail too.
    pub strict: Option<bool>,
    /// The file of each report, by the word of its format.
    pub reports: Vec<(&'static str, PathBuf)>,
    /// The directory for traces.
    pub keep_traces: Option<PathBuf>,
}

/// Reads settings. `file` is their path as it is shown; the paths in them are relative to `directory`.
///
/// # Errors
/// Every mistake of the file, in the order of their places. Mistakes of the YAML syntax hide the rest.
pub fn parse_settings(file: &str, directory: &Path, bytes: &[u8]) -> Result<Settings, Vec<Diagnostic>> {
    document(file, bytes, |root, report| {
        let Some(root) = root else {
            report
                .mistake("empty-file", Span::default(), "the file holds no settings")
                .help("write `provider:` and what its tests need, or take the file away");
            return None;
        };
        let shape = SettingsShape::read(root, "", report)?;
        Some(Settings {
            provider: shape.provider.map(|provider| provider.resolve(directory, report)),
            run: shape.run.map(|run| run.resolve(directory)),
        })
    })
}

/// The JSON Schema of settings, for editors.
pub fn settings_schema() -> Value {
    schema_of::<SettingsShape>("The settings of a repository that Counterfoil tests")
}

impl ProviderShape {
    fn resolve(self, directory: &Path, report: &mut Report<'_>) -> ProviderSettings {
        if let Some(never) = self.live {
            match never {}
        }
        let how = RunShape {
            scenarios: self.scenarios,
            filter: self.filter,
            known_failures: self.known_failures,
            strict: self.strict,
            reports: self.reports,
            keep_traces: self.keep_traces,
        };
        ProviderSettings {
            path: self.path.map(|path| path.within(directory)),
            build: self.build.map(|Said(command)| command),
            config: self.config.map(|path| path.within(directory)),
            secrets: each_once(self.secrets, |Said(path)| path, report),
            env: each_once(self.env, |VariableName(name)| name, report),
            mtls: self.mtls,
            reflect: self.reflect,
            revisions: self.revisions.map(Range::into_inner),
            start_deadline: self.start_deadline.map(|Wait(time)| time),
            call_deadline: self.call_deadline.map(|Wait(time)| time),
            how: how.resolve(directory),
        }
    }
}

impl RunShape {
    fn resolve(self, directory: &Path) -> RunSettings {
        let scenarios = self.scenarios.into_iter().flat_map(|Nonempty(paths)| paths.into_values());
        let filter = self.filter.into_iter().flat_map(|Nonempty(terms)| terms.into_values());
        RunSettings {
            scenarios: scenarios.map(|path| path.within(directory)).collect(),
            filter: filter.map(|At { value: Said(term), span }| (term, span)).collect(),
            known_failures: self.known_failures.map(|path| path.within(directory)),
            strict: self.strict,
            reports: self.reports.map(|reports| reports.resolve(directory)).unwrap_or_default(),
            keep_traces: self.keep_traces.map(|path| path.within(directory)),
        }
    }
}

impl ReportsShape {
    fn resolve(self, directory: &Path) -> Vec<(&'static str, PathBuf)> {
        let Self { json, junit, sarif, tap, html } = self;
        let files = [("json", json), ("junit", junit), ("sarif", sarif), ("tap", tap), ("html", html)];
        files.into_iter().filter_map(|(format, file)| Some((format, file?.within(directory)))).collect()
    }
}

/// The texts of a list, each of which may stand in it once.
fn each_once<T>(
    list: Option<List<At<T>>>,
    text: impl Fn(T) -> String,
    report: &mut Report<'_>,
) -> Vec<String> {
    let mut kept: Vec<At<String>> = Vec::new();
    for At { value, span } in list.into_iter().flat_map(List::into_values) {
        let value = text(value);
        match kept.iter().find(|first| first.value == value) {
            Some(first) => named_twice(&value, span, first.span, report),
            None => kept.push(At { value, span }),
        }
    }
    kept.into_iter().map(|item| item.value).collect()
}

/// A text that says something.
pub(super) struct Said(pub(super) String);

impl Said {
    pub(super) fn into_inner(self) -> String {
        self.0
    }
}

impl Read for Said {
    fn read(node: &yaml::Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        let text = String::read(node, at, report)?;
        if text.trim().is_empty() {
            report.mistake("empty-text", node.span, format!("`{at}` says nothing")).label("empty");
            return None;
        }
        Some(Self(text))
    }
}

/// A path, relative to the file that it stands in.
pub(super) struct FilePath(String);

impl FilePath {
    pub(super) fn within(&self, directory: &Path) -> PathBuf {
        directory.join(&self.0)
    }
}

impl Read for FilePath {
    fn read(node: &yaml::Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        let Said(path) = Said::read(node, at, report)?;
        let (message, help) = if path.starts_with("~/") {
            (
                "a path is taken as it is written: `~` names no home directory here",
                "write it out, or give it by its option",
            )
        } else if path.contains('\0') {
            ("no path holds a NUL", "take it out")
        } else {
            return Some(Self(path));
        };
        report.mistake("bad-path", node.span, format!("`{at}`: {message}")).label("no path").help(help);
        None
    }
}

/// The name of a variable of the environment.
pub(super) struct VariableName(String);

impl Read for VariableName {
    fn read(node: &yaml::Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        let Said(name) = Said::read(node, at, report)?;
        if name.contains(['=', '\0', '$']) {
            let message = format!("`{at}`: `{}` is not the name of a variable", shown(&name));
            let mistake = report.mistake("bad-name", node.span, message).label("not a name");
            mistake.help("give the name alone, such as `REGION`: its value comes from the environment");
            return None;
        }
        Some(Self(name))
    }
}

/// A list with something in it: an empty one would say the same as none, and look as if it did not.
pub(super) struct Nonempty<T>(pub(super) List<T>);

impl<T: Read> Read for Nonempty<T> {
    fn read(node: &yaml::Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        let list = List::read(node, at, report)?;
        if list.0.is_empty() {
            let mistake = report.mistake("empty-list", node.span, format!("`{at}` lists nothing"));
            mistake.label("empty").help("leave it out");
            return None;
        }
        Some(Self(list))
    }
}

impl<T: JsonSchema> JsonSchema for Nonempty<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        List::<T>::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        List::<T>::json_schema(generator)
    }
}

/// The longest that a plugin may be waited for, and how that is written. A real cloud can take its time.
const LONGEST_WAIT: (Duration, &str) = (Duration::from_secs(3600), "60m");

/// Reads how long a plugin may be waited for, as settings write it.
///
/// # Errors
/// Says what was expected.
pub fn parse_wait(text: &str) -> Result<Duration, String> {
    let (longest, written) = LONGEST_WAIT;
    match Units::SECONDS.parse(text) {
        None => Err(format!("{text:?} is no duration: expected a whole number and ms, s or m, such as 30s")),
        Some(wait) if wait.is_zero() || wait > longest => {
            Err(format!("{text:?} is out of bounds: expected more than nothing, and at most {written}"))
        }
        Some(wait) => Ok(wait),
    }
}

/// How long something may take.
pub(super) struct Wait(Duration);

impl Read for Wait {
    fn read(node: &yaml::Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        Units::SECONDS.read_up_to(LONGEST_WAIT, node, at, report).map(Self)
    }
}

impl JsonSchema for Wait {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Time::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Time::json_schema(generator)
    }
}

/// What no file may say. It has no value.
pub(super) enum ByHand {}

impl Read for ByHand {
    fn read(node: &yaml::Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        let message =
            format!("`{at}` is no setting: whoever lets a plugin change its cloud says so each time");
        let mistake = report.mistake("by-hand", node.span, message).label("not here");
        mistake.help(format!("leave it out, and give `--{at}` on the command line"));
        None
    }
}

schema_is! {
    ByHand => { "not": {} },
    Said => { "type": "string", "pattern": "\\S" },
    FilePath => { "type": "string", "pattern": "\\S" },
    VariableName => { "type": "string", "pattern": "^[^=$]+$" },
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERYTHING: &str = "\
# yaml-language-server: $schema=settings.schema.json
provider:
  path: ./workflow-plugin-x
  build: go build -o workflow-plugin-x ./cmd/plugin
  config: ci/config.yaml
  secrets: [token, nested.key]
  env: [REGION]
  mtls: true
  reflect: true
  revisions: '>=0.56'
  scenarios: [conformance]
  filter: [load-*, 'rule:PROC']
  known_failures: known-failures.yaml
  strict: false
  reports: { json: out/report.jsonl }
  keep_traces: /tmp/traces
  start_deadline: 2s
  call_deadline: 10m
run:
  scenarios: [a.yaml, b]
  filter: [tag:own]
  known_failures: known.yaml
  strict: true
  reports: { json: run.jsonl }
  keep_traces: traces
";

    fn parsed(text: &str) -> Result<Settings, Vec<String>> {
        let told = |mistakes: Vec<Diagnostic>| mistakes.iter().map(ToString::to_string).collect();
        parse_settings("ci/counterfoil.yaml", Path::new("ci"), text.as_bytes()).map_err(told)
    }

    #[test]
    fn everything_that_can_be_said_is_taken() {
        let settings = parsed(EVERYTHING).unwrap();
        let provider = settings.provider.unwrap();
        assert_eq!(provider.path, Some("ci/./workflow-plugin-x".into()));
        assert_eq!(provider.build.as_deref(), Some("go build -o workflow-plugin-x ./cmd/plugin"));
        assert_eq!(provider.config, Some("ci/ci/config.yaml".into()));
        assert_eq!((provider.secrets.len(), provider.env.len()), (2, 1));
        assert_eq!((provider.mtls, provider.reflect), (Some(true), Some(true)));
        assert_eq!(provider.revisions, Some(">=0.56".parse().unwrap()));
        assert_eq!(provider.start_deadline, Some(Duration::from_secs(2)));
        assert_eq!(provider.call_deadline, Some(Duration::from_secs(600)));
        let how = provider.how;
        assert_eq!(how.scenarios, [Path::new("ci/conformance")]);
        let terms: Vec<_> = how
            .filter
            .iter()
            .map(|(term, span)| (term.as_str(), &EVERYTHING[span.start..span.end()]))
            .collect();
        assert_eq!(terms, [("load-*", "load-*"), ("rule:PROC", "'rule:PROC'")]);
        assert_eq!(how.known_failures, Some("ci/known-failures.yaml".into()));
        assert_eq!(how.strict, Some(false));
        assert_eq!(how.reports, [("json", "ci/out/report.jsonl".into())]);
        assert_eq!(how.keep_traces, Some("/tmp/traces".into()));
        let run = settings.run.unwrap();
        assert_eq!(run.scenarios, [Path::new("ci/a.yaml"), Path::new("ci/b")]);
        assert_eq!(run.strict, Some(true));
    }

    #[test]
    fn each_command_has_a_block_of_its_own() {
        assert_eq!(
            parsed("provider: {}").unwrap(),
            Settings { provider: Some(ProviderSettings::default()), run: None }
        );
        assert!(parsed("path: ./plugin").unwrap_err()[0].contains("unknown field `path`"));
    }

    /// What a file may say, the schema describes; and of what it describes, nothing is missing in the file above.
    #[test]
    fn the_schema_and_the_reader_have_the_same_keys() {
        let schema = settings_schema();
        let text: Value = serde_yaml::from_str(EVERYTHING).unwrap();
        let keys = |value: &Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
        assert_eq!(keys(&schema["properties"]), keys(&text));
        for (name, block) in [("ProviderSettings", "provider"), ("RunSettings", "run")] {
            let mut described = keys(&schema["$defs"][name]["properties"]);
            // It is described, so that an editor says why it is not allowed.
            described.retain(|key| key != "live");
            let mut said = keys(&text[block]);
            described.sort();
            said.sort();
            assert_eq!(described, said);
            for key in described {
                // In this block the key is known, whatever else is wrong with its value.
                let told = parsed(&format!("{block}: {{ {key}: ~ }}")).unwrap_err();
                assert!(!told[0].contains("unknown field"), "{told:?}");
            }
        }
        assert_eq!(schema["$defs"]["ProviderSettings"]["properties"]["live"]["not"], serde_json::json!({}));
        assert_eq!(schema["$defs"]["ProviderSettings"]["properties"]["filter"]["minItems"], 1);
    }

    #[test]
    fn where_it_lies_decides_where_its_paths_lead() {
        let text = b"provider: { path: ../plugin }";
        let path = |directory: &str| {
            parse_settings("c", directory.as_ref(), text).unwrap().provider.unwrap().path.unwrap()
        };
        assert_eq!(path(""), Path::new("../plugin"));
        assert_eq!(path("/repo/ci"), Path::new("/repo/ci/../plugin"));
    }
}
