//! What can be said on the command line. Help, man pages and completions are made from this.

use std::{env, ffi::OsString, num::NonZeroUsize, path::PathBuf, str::FromStr, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};
use counterfoil_core::scenario::parse_wait;
use counterfoil_proto::{Revision, RevisionRange};

use super::{
    adapter::Adapter,
    cutover::Cutover,
    evidence::{Evidence, EvidenceFormat, EvidenceTo},
    explore::Explore,
    generated::Generated,
    init::Init,
    known::KnownFailures,
    mock::Mock,
    proxy::Proxy,
    report::Report,
    settings::SettingsFrom,
};
use crate::{provider::process::Attach, run::Partition};

/// A conformance harness for the infrastructure plugins of the workflow engine, and for the engine itself.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 110, after_help = AFTER_HELP)]
pub(super) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const AFTER_HELP: &str = "Exit codes:
  0  every scenario passed, failed as listed, or was skipped with its kind and reason
  1  the contract is broken
  2  usage, or a file that is not valid; nothing was run
  3  something could not be judged
  4  nothing was judged
  5  a defect of Counterfoil itself
  130, 143  interrupted (129 when the terminal goes away); what had finished is reported

Environment:
  NO_COLOR, CLICOLOR_FORCE  no colours; colours even where the output is no terminal
  COLUMNS                   how wide reports are, whatever they are written to
  CI, TERM=dumb             no progress bar";

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run scenarios against the embedded mock provider.
    Run(Run),
    /// Test something of yours.
    #[command(subcommand)]
    Test(Test),
    /// Look at the repository of a plugin, show the files of a gate, and write them.
    Init(Init),
    /// Make up plans and faults, look for one that breaks a rule, and write down the smallest that does.
    #[command(subcommand)]
    Explore(Explore),
    /// Check scenario files without running them.
    Validate {
        /// Files and directories; the stock scenarios where there are none.
        paths: Vec<PathBuf>,
    },
    /// List scenarios and the revisions at which they run.
    List {
        /// Which scenarios.
        #[command(flatten)]
        select: Select,
    },
    /// Print the JSON Schema of a format, for editors.
    Schema {
        /// Of which one.
        #[arg(value_enum, default_value_t = SchemaOf::Scenario)]
        of: SchemaOf,
    },
    /// Judge a saved trace again.
    Judge {
        /// The trace, as `run --keep-traces` leaves it; `-` for standard input.
        trace: PathBuf,
        /// Findings of level SHOULD fail too.
        #[arg(long)]
        strict: bool,
    },
    /// List the rules.
    Rules,
    /// Say everything about a rule.
    Explain {
        /// The rule's id, such as OUT-001.
        id: String,
    },
    /// Run every broken engine, decoder, provider, manifest and process, and print which rules found it.
    Mutants {
        /// Only list them, with the rules that have to find each (`run --mutant` runs one).
        #[arg(long)]
        list: bool,
        /// Run this one alone, and print what each rule says of it. Can be given more than once.
        #[arg(long, value_name = "NAME", conflicts_with = "list")]
        only: Vec<String>,
        /// Run the broken engines behind adapters instead, as engines of others are tested.
        #[arg(long, conflicts_with_all = ["list", "only"])]
        behind_adapters: bool,
    },
    /// List binary vectors for the tests of decoders in any language, or write them to files.
    Vectors {
        /// Write them into this directory, a file of JSON lines for each topic; it is made where it is missing.
        #[arg(long, value_name = "DIR")]
        into: Option<PathBuf>,
    },
    /// Compare reports of runs.
    #[command(subcommand)]
    Report(Report),
    /// Show what is kept of a test, and hold it against its artefact.
    #[command(subcommand)]
    Evidence(Evidence),
    /// Say whether repositories can be released together: go or no-go, with the evidence behind it (docs/cutover.md).
    Cutover(Box<Cutover>),
    /// Show, compare and check the contract.
    #[command(subcommand)]
    Contract(Contract),
    /// Serve or install a mock provider as a plugin of the engine.
    #[command(subcommand)]
    Mock(Mock),
    /// Be the adapter of something of ours, as `test engine` and `test decoder` start it.
    #[command(subcommand)]
    Adapter(Adapter),
    /// Put a plugin of the engine behind another that passes everything on.
    #[command(subcommand)]
    Proxy(Proxy),
    /// Stand in for something that is not ours.
    #[command(subcommand, hide = true)]
    StandIn(StandIn),
    /// Make a scenario to start from of what a proxy has recorded.
    Record {
        /// The trace, as `proxy --record` leaves it; `-` for standard input.
        trace: PathBuf,
        /// Write it to this file, which must not be there yet [default: standard output].
        #[arg(long, value_name = "FILE")]
        into: Option<PathBuf>,
    },
    /// What is made of this command line itself.
    #[command(flatten)]
    Generated(Generated),
}

/// The formats of files that others write or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum SchemaOf {
    /// Scenarios.
    Scenario,
    /// The settings of a repository, counterfoil.yaml.
    Settings,
    /// Lists of known failures.
    KnownFailures,
    /// A line of the JSON report of a run.
    Report,
    /// Evidence, which `test … --evidence FILE` writes.
    Evidence,
    /// Releases of several repositories, release.yaml.
    Release,
    /// The answer of `cutover --json FILE`.
    Cutover,
}

/// `counterfoil run`
#[derive(Debug, Args)]
pub(super) struct Run {
    /// Which scenarios.
    #[command(flatten)]
    pub select: Select,
    /// How they are run.
    #[command(flatten)]
    pub how: How,
    /// Where settings come from.
    #[command(flatten)]
    pub from: SettingsFrom,
    /// Run a broken engine, decoder or provider in place of the reference (`counterfoil mutants --list` has them).
    #[arg(long, value_name = "NAME")]
    pub mutant: Option<String>,
}

/// How scenarios are run, and what is told of it.
#[derive(Debug, Args)]
pub(super) struct How {
    /// How many scenarios run at once [default: as many as there are processors; 1 for a plugin; as many as an adapter
    /// takes].
    #[arg(long, short, value_name = "N")]
    pub jobs: Option<NonZeroUsize>,
    /// Begin nothing new after the first failure.
    #[arg(long)]
    pub fail_fast: bool,
    /// Findings of level SHOULD fail too.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true, value_name = "BOOL")]
    pub strict: Option<bool>,
    /// Keep the trace of every run that did not pass, as DIR/ID@REVISION.jsonl.
    #[arg(long, value_name = "DIR")]
    pub keep_traces: Option<PathBuf>,
    /// Write a report beside the terminal's, or several, with commas between them: json, junit, sarif, tap or html with
    /// its file, or github (annotations on standard output, and the job's summary); may be repeated.
    #[arg(long, value_name = "FORMAT=FILE", value_delimiter = ',')]
    pub report: Vec<ReportTo>,
    /// Run one part of several, such as 2/5; auto or auto/M: the part that GitLab's `parallel` or an indexed job of
    /// Kubernetes says. `report merge` puts the JSON reports of all parts together.
    #[arg(long, value_name = "N/M", value_parser = partition)]
    pub partition: Option<Partition>,
    /// Which failures are known.
    #[command(flatten)]
    pub known: KnownFailures,
}

/// `counterfoil test`
#[derive(Debug, Subcommand)]
pub(super) enum Test {
    /// Test a provider plugin: start it as the engine does, load it, and run every scenario that can tell something of
    /// it. Nothing behind which a cloud stands is called without --live.
    Provider(Box<TestProvider>),
    /// Test an engine in any language: give its adapter every scenario that can reach it, play the provider that it calls,
    /// and judge what it says and what it did (docs/adapter.md).
    Engine(Box<TestEngine>),
    /// Test the engine's own command line: have it apply what scenarios plan, in front of the mock provider and through the
    /// proxy, and judge its calls, its state files and what it prints (docs/engine.md).
    Wfctl(Box<TestWfctl>),
    /// Test a decoder in any language: give its adapter every binary vector at every revision, and messages made of them,
    /// and judge what it accepts and what it refuses (docs/adapter.md).
    Decoder(Box<TestDecoder>),
}

/// `counterfoil test provider`
#[derive(Debug, Args)]
pub(super) struct TestProvider {
    /// The plugin.
    #[command(flatten)]
    pub plugin: PluginArgs,
    /// The revisions at which it is tested [default: from the minEngineVersion of its plugin.json to the newest].
    #[arg(long, value_name = "RANGE")]
    pub revisions: Option<RevisionRange>,
    /// Scenario files and directories to run in place of the stock scenarios; may be repeated.
    #[arg(long, value_name = "PATH")]
    pub scenario: Vec<PathBuf>,
    /// Leave only the runs that match, as `run --filter` does; may be repeated.
    #[arg(long, short, value_name = "TERM")]
    pub filter: Vec<String>,
    /// How they are run.
    #[command(flatten)]
    pub how: How,
    /// What is kept of it.
    #[command(flatten)]
    pub evidence: EvidenceTo,
    /// The form of the evidence.
    #[arg(long, value_enum, default_value_t, value_name = "FORM", requires = "evidence")]
    pub evidence_format: EvidenceFormat,
    /// Where settings come from.
    #[command(flatten)]
    pub from: SettingsFrom,
}

/// `counterfoil test engine`
#[derive(Debug, Args)]
pub(super) struct TestEngine {
    /// Scenario files and directories to run in place of the stock scenarios; may be repeated.
    #[arg(long, value_name = "PATH")]
    pub scenario: Vec<PathBuf>,
    /// Leave only the runs that match, as `run --filter` does; may be repeated.
    #[arg(long, short, value_name = "TERM")]
    pub filter: Vec<String>,
    /// How they are run.
    #[command(flatten)]
    pub how: How,
    /// What is kept of it.
    #[command(flatten)]
    pub evidence: EvidenceTo,
    /// The adapter.
    #[command(flatten)]
    pub adapter: AdapterArgs,
}

/// `counterfoil test decoder`
#[derive(Debug, Args)]
pub(super) struct TestDecoder {
    /// How many messages are made up beside the vectors.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub made_up: u32,
    /// Where messages that are made up come from: the same seed and version make the same.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Scenario files and directories in place of the vectors: those that script a reply to `Apply`; may be repeated.
    #[arg(long, value_name = "PATH")]
    pub scenario: Vec<PathBuf>,
    /// Leave only the runs that match, as `run --filter` does; may be repeated. Runs are named by their vectors.
    #[arg(long, short, value_name = "TERM")]
    pub filter: Vec<String>,
    /// How they are run.
    #[command(flatten)]
    pub how: How,
    /// What is kept of it.
    #[command(flatten)]
    pub evidence: EvidenceTo,
    /// The adapter.
    #[command(flatten)]
    pub adapter: AdapterArgs,
}

/// `counterfoil stand-in`
#[derive(Debug, Subcommand)]
pub(super) enum StandIn {
    /// Apply as the engine's command line does, with the reference engine or a broken one behind it.
    Wfctl {
        /// Apply as this broken engine does.
        #[arg(long, value_name = "NAME")]
        mutant: Option<String>,
        /// The revision of the engine.
        #[arg(long, default_value = "head", value_parser = revision)]
        revision: Revision,
        /// The arguments of the command line.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<OsString>,
    },
}

/// `counterfoil test wfctl`
#[derive(Debug, Args)]
pub(super) struct TestWfctl {
    /// Apply by this plugin instead of the mock provider: its program, the directory that holds plugin.json and the
    /// program, or a release archive (.tar.gz). What could change something, the proxy answers in its place.
    #[arg(long, value_name = "PATH")]
    pub plugin: Option<PathBuf>,
    /// Let the plugin reach its cloud, and change it.
    #[arg(long, requires = "plugin")]
    pub live: bool,
    /// The config that the plugin's Initialize is given, a YAML or JSON file [default: placeholders that reach no cloud,
    /// where the plugin is known by name].
    #[arg(long, value_name = "FILE", requires = "plugin")]
    pub config: Option<PathBuf>,
    /// The type of all resources in front of the plugin [default: the first of its Capabilities].
    #[arg(long = "type", value_name = "TYPE", requires = "plugin")]
    pub resource_type: Option<String>,
    /// The revision of the engine, by name, alias or engine version [default: by what `CMD version` prints; the newest
    /// where that is no release].
    #[arg(long, value_parser = revision)]
    pub revision: Option<Revision>,
    /// Pass a variable of the environment on to the command line, beside PATH; may be repeated.
    #[arg(long, value_name = "NAME")]
    pub env: Vec<String>,
    /// How long an apply may take.
    #[arg(long, value_name = "DURATION", value_parser = parse_wait, default_value = "60s")]
    pub deadline: Duration,
    /// Scenario files and directories to run in place of the stock scenarios; may be repeated.
    #[arg(long, value_name = "PATH")]
    pub scenario: Vec<PathBuf>,
    /// Leave only the runs that match, as `run --filter` does; may be repeated.
    #[arg(long, short, value_name = "TERM")]
    pub filter: Vec<String>,
    /// How they are run.
    #[command(flatten)]
    pub how: How,
    /// What is kept of it.
    #[command(flatten)]
    pub evidence: EvidenceTo,
    /// The engine's command line, and what stands before the arguments of an apply.
    #[arg(last = true, value_name = "CMD")]
    pub command: Vec<OsString>,
}

/// An adapter, and how it is started.
#[derive(Debug, Args)]
pub(super) struct AdapterArgs {
    /// Pass a variable of the environment on to the adapter, beside PATH and HOME; may be repeated.
    #[arg(long, value_name = "NAME")]
    pub env: Vec<String>,
    /// How long the adapter may take until it is ready.
    #[arg(long, value_name = "DURATION", value_parser = parse_wait, default_value = "60s")]
    pub start_deadline: Duration,
    /// How long a case may take.
    #[arg(long, value_name = "DURATION", value_parser = parse_wait, default_value = "30s")]
    pub case_deadline: Duration,
    /// The adapter's program and its arguments.
    #[arg(last = true, value_name = "CMD")]
    pub command: Vec<OsString>,
}

/// A plugin, and how it is started and spoken to.
#[derive(Debug, Args)]
pub(super) struct PluginArgs {
    /// The plugin: its program, the directory that holds plugin.json and the program, a checkout, or a release archive
    /// (.tar.gz).
    pub path: Option<PathBuf>,
    /// Build the plugin first: a command for the shell, run in PATH, which is a checkout then.
    #[arg(long, value_name = "CMD", conflicts_with = "attach")]
    pub build: Option<String>,
    /// Connect to a plugin that runs already, at unix:PATH or tcp:HOST:PORT, and leave it running.
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["path", "mtls", "env"])]
    pub attach: Option<Attach>,
    /// The config that Initialize is given, a YAML or JSON file [default: placeholders that
    /// reach no cloud, where the plugin is known by name].
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// A value of the config that must never show, by its dotted path; may be repeated. Left out: whatever looks like
    /// one by its name.
    #[arg(long, value_name = "PATH")]
    pub secret: Vec<String>,
    /// Those that the settings name for another config than the one that is given.
    #[arg(skip)]
    pub secret_where_present: Vec<String>,
    /// Pass a variable of the environment on to the plugin, and to references in its config; may be repeated.
    #[arg(long, value_name = "NAME")]
    pub env: Vec<String>,
    /// Let the plugin reach its cloud, and change it.
    #[arg(long)]
    pub live: bool,
    /// Ask the plugin for AutoMTLS, which the engine itself does not.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true, value_name = "BOOL")]
    pub mtls: Option<bool>,
    /// Compare what the plugin says of itself by gRPC's server reflection with the contract.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true, value_name = "BOOL")]
    pub reflect: Option<bool>,
    /// How long the plugin may take to print its handshake line [default: 60s].
    #[arg(long, value_name = "DURATION", value_parser = parse_wait)]
    pub start_deadline: Option<Duration>,
    /// How long a call may take [default: 30s].
    #[arg(long, value_name = "DURATION", value_parser = parse_wait)]
    pub call_deadline: Option<Duration>,
}

/// Which scenarios.
#[derive(Debug, Args)]
pub(super) struct Select {
    /// Files and directories; the stock scenarios where there are none.
    pub paths: Vec<PathBuf>,
    /// Leave only what matches: GLOB or GLOB@REVISIONS for ids, tag:GLOB, rule:ID, revision:RANGE. Repeated terms of
    /// one kind are alternatives, different kinds must all match.
    #[arg(long, short, value_name = "TERM")]
    pub filter: Vec<String>,
}

/// `json=FILE`, or a format alone that needs no file.
#[derive(Clone, Debug)]
pub(super) struct ReportTo {
    /// The format.
    pub format: ReportFormat,
    /// The file.
    pub file: Option<PathBuf>,
}

/// The formats of reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ReportFormat {
    /// Run events as JSON lines.
    Json,
    /// `JUnit` XML.
    Junit,
    /// SARIF 2.1.0.
    Sarif,
    /// TAP 14.
    Tap,
    /// A page for a browser.
    Html,
    /// Annotations of GitHub on standard output; in its file, or where `GITHUB_STEP_SUMMARY` says, the job's summary.
    Github,
}

impl FromStr for ReportTo {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let formats = || {
            let names = ReportFormat::value_variants().iter().filter_map(ValueEnum::to_possible_value);
            let written = names.map(|name| match name.get_name() {
                "github" => "`github`".to_owned(),
                name => format!("`{name}=FILE`"),
            });
            written.collect::<Vec<_>>().join(", ")
        };
        let (format, file) = match text.split_once('=') {
            Some((format, file)) => (format, Some(file)),
            None => (text, None),
        };
        let format = ReportFormat::from_str(format, true)
            .map_err(|_| format!("unknown format {format:?}: expected {}", formats()))?;
        match file {
            Some("") => Err("the file has no name".to_owned()),
            None if format != ReportFormat::Github => {
                Err(format!("the report has to go to a file: expected {}", formats()))
            }
            file => Ok(Self { format, file: file.map(PathBuf::from) }),
        }
    }
}

/// `N/M`, `auto` or `auto/M`.
fn partition(text: &str) -> Result<Partition, String> {
    let variable = |name: &str| env::var(name).ok();
    match text.strip_prefix("auto") {
        Some("") => Partition::from_environment(None, variable),
        Some(of) => {
            let of = of.strip_prefix('/').and_then(|of| of.parse().ok());
            let of = of.ok_or_else(|| format!("expected `auto` or one such as `auto/5`, found {text:?}"))?;
            Partition::from_environment(Some(of), variable)
        }
        None => text.parse(),
    }
}

/// `counterfoil contract`
#[derive(Debug, Subcommand)]
pub(super) enum Contract {
    /// Show the contract of a revision: services, messages, enums, and what the engine did.
    Show {
        /// A revision, by name, alias or engine version.
        #[arg(long, default_value = "head", value_parser = revision)]
        revision: Revision,
        /// The form.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Say what changed between two revisions.
    Diff {
        /// The revision to start from.
        #[arg(value_parser = revision)]
        from: Revision,
        /// The revision to go to.
        #[arg(value_parser = revision)]
        to: Revision,
        /// The form.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Hold somebody's .proto file or descriptor set against a revision.
    Check {
        /// A .proto file, or an encoded descriptor set.
        file: PathBuf,
        /// A revision, by name, alias or engine version.
        #[arg(long, default_value = "head", value_parser = revision)]
        revision: Revision,
        /// The form.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
}

/// The forms in which the contract is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// To be read.
    Text,
    /// JSON.
    Json,
    /// YAML.
    Yaml,
}

/// A revision by its name or alias, or by the version of an engine.
pub(super) fn revision(text: &str) -> Result<Revision, String> {
    match Revision::from_str(text) {
        Ok(revision) => Ok(revision),
        Err(unknown) => match Revision::for_version(text) {
            Ok(found) => Ok(found.revision),
            // What looks like a version is told what is wrong with it as one.
            Err(error) if text.matches('.').count() > 1 => Err(error.to_string()),
            Err(_) => Err(unknown.to_string()),
        },
    }
}
