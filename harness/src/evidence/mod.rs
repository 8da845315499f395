//! Evidence: a file that says what was tested and what came of it, and that can be held against its artefact afterwards.
//!
//! [`Witness`] makes it of the events of a run, [`Destination`] writes it whole or not at all, [`Evidence::read`] takes it
//! back as what it is, the word of somebody else, and [`Evidence::objections`] says what speaks against it.

mod destination;
mod go;
mod program;
mod selection;
#[cfg(test)]
mod tests;
mod verify;
mod wfctl;
mod witness;

use std::{collections::BTreeMap, fmt};

use counterfoil_core::{rules::Level, scenario};
use counterfoil_proto::{Revision, RevisionRange};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

pub use self::{
    destination::Destination,
    go::{GoBuild, Module, Pin},
    program::Built,
    verify::{Artefact, Objection, Weight},
    wfctl::Wfctl,
    witness::{Conditions, Witness, ci_run},
};
pub(crate) use self::{
    destination::write_whole,
    witness::{found, hash_of, now},
};
use crate::{
    report::text::{plain, pretty_json},
    run::Summary,
};

/// The word by which evidence is known.
pub const FORMAT: &str = "counterfoil-evidence";

/// The version of the form.
pub const VERSION: u32 = 1;

/// The largest evidence that is read, in bytes. What is written is a hundredth of that.
pub const MOST: usize = 4 << 20;

/// How long a text of others may be, in characters.
const LONGEST: usize = 300;

/// What was tested, and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// The word by which the file is known: `counterfoil-evidence`.
    pub format: String,
    /// The version of the form: 1.
    pub version: u32,
    /// `sha256:` and the SHA-256 of everything else as canonical JSON: without blanks, keys in order. No signature.
    pub digest: String,
    /// The version of Counterfoil.
    pub counterfoil: String,
    /// What was under test.
    pub subject: Subject,
    /// What it ran on.
    pub machine: Platform,
    /// Against which contract it was judged.
    pub contract: Contract,
    /// By which scenarios.
    pub suite: Suite,
    /// How it was run.
    pub run: Run,
    /// What came of it, in a word.
    pub conclusion: Conclusion,
    /// The exit code of the command.
    pub exit_code: u8,
    /// The runs in numbers.
    pub totals: Totals,
    /// The runs that were not judged, by their reasons.
    pub not_judged: Vec<NotJudged>,
    /// What became of each rule of the catalogue.
    pub rules: BTreeMap<String, RuleVerdict>,
    /// When the run began: UTC, RFC 3339.
    #[schemars(extend("format" = "date-time"))]
    pub began: String,
    /// When it was over: UTC, RFC 3339.
    #[schemars(extend("format" = "date-time"))]
    pub ended: String,
}

/// What was under test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// Which kind of thing it is.
    pub kind: Kind,
    /// What it is called.
    pub name: String,
    /// The version that its manifest states.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The first engine that its manifest says it works with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_engine_version: Option<String>,
    /// Its program; of what stands behind an adapter, that of the adapter.
    pub program: Program,
    /// The archive that it is from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<Hashed>,
    /// Its manifest, plugin.json.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Hashed>,
}

/// The kinds of things under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A provider plugin.
    Provider,
    /// An engine behind an adapter.
    Engine,
    /// A decoder behind an adapter.
    Decoder,
    /// The engine's command line.
    CommandLine,
}

/// A file, by its name and its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hashed {
    /// The name, without the directory.
    pub name: String,
    /// The SHA-256 of the content, in hexadecimal.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub sha256: String,
}

/// A program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// The name, without the directory.
    pub name: String,
    /// The SHA-256 of the content, in hexadecimal.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub sha256: String,
    /// What it was built for, by its header; a script, for instance, has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// How Go built it.
    pub go: Go,
}

/// What is known of how Go built a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Go {
    /// What the program says.
    Build(Box<GoBuild>),
    /// Why nothing is known.
    Unknown(String),
}

/// A system and its processor, in Go's words: `linux`, `amd64`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Platform {
    /// The system.
    pub os: String,
    /// The processor.
    pub arch: String,
}

/// The contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// The SHA-256 of its tables at every revision, in hexadecimal.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub sha256: String,
    /// The revisions at which something was judged, oldest first.
    #[schemars(with = "Vec<String>")]
    pub revisions: Vec<Revision>,
}

/// The scenarios, and how they were selected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// The SHA-256 of the scenarios that were selected, by their ids and texts, in hexadecimal.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub sha256: String,
    /// How many runs there were of them.
    pub runs: usize,
    /// Whether they are those that are part of Counterfoil.
    pub stock: bool,
    /// The revisions that were asked for.
    #[schemars(with = "String")]
    pub revisions: RevisionRange,
    /// The filter, a term each.
    pub filter: Vec<String>,
    /// The messages that were made up for a decoder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_up: Option<MadeUp>,
}

/// Messages that are made up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MadeUp {
    /// How many.
    pub count: u32,
    /// Where they come from.
    pub seed: u64,
}

/// How something was run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Whether the cloud of the subject could be reached, and changed.
    pub live: bool,
    /// Whether findings of level SHOULD fail.
    pub strict: bool,
    /// The list of known failures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_failures: Option<KnownList>,
    /// The names of the variables that the user passed on.
    pub variables: Vec<String>,
    /// Where in CI that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ci: Option<CiRun>,
}

/// A list of known failures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KnownList {
    /// The SHA-256 of the file, in hexadecimal.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub sha256: String,
    /// The last day on which all of its entries excuse: YYYY-MM-DD. None of an empty list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// A run of a CI, as its variables tell of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CiRun {
    /// Its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The branch or the tag.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "ref")]
    pub reference: Option<String>,
    /// The commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// What came of all runs together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Conclusion {
    /// Everything that was judged passed, or failed as a list of known failures says.
    Passed,
    /// The contract is broken.
    Broken,
    /// Something could not be judged.
    Unjudged,
    /// Nothing was judged.
    Nothing,
    /// Counterfoil itself failed.
    Defect,
}

/// The runs in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Totals {
    /// Runs that passed.
    pub passed: usize,
    /// Runs that failed.
    pub failed: usize,
    /// Runs that failed as a list of known failures says.
    pub known_failures: usize,
    /// Runs that did not fail, although such a list says so.
    pub unexpected_passes: usize,
    /// Runs that could not be judged.
    pub unjudged: usize,
    /// Runs that this revision or seam cannot reach.
    pub not_applicable: usize,
    /// Runs that could have been judged and were not.
    pub not_run: usize,
    /// Findings of level SHOULD.
    pub warnings: usize,
    /// Runs in which Counterfoil itself failed.
    pub defects: usize,
}

/// Why runs were not judged.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NotJudged {
    /// In which way.
    #[serde(rename = "as")]
    pub way: WayNotJudged,
    /// The reason.
    pub reason: String,
    /// How many runs.
    pub runs: usize,
}

/// The ways in which a run is not judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WayNotJudged {
    /// It was run, and there was nothing to judge by.
    Unjudged,
    /// It could have been run.
    NotRun,
    /// This revision or seam cannot reach it.
    NotApplicable,
}

/// What became of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleVerdict {
    /// How binding it is.
    #[schemars(with = "String")]
    pub level: Level,
    /// What became of it.
    pub verdict: Came,
    /// In how many runs it had something to judge.
    pub judged: usize,
    /// In how many of them it did not hold; what a scenario expects or a list of known failures excuses does not count.
    pub broken: usize,
}

/// What becomes of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Came {
    /// It held wherever it was judged.
    Held,
    /// It did not hold.
    Broken,
    /// It did not hold, as a list of known failures says.
    Known,
    /// It had nothing to judge.
    NotJudged,
}

impl Platform {
    /// The machine that this runs on.
    pub fn here() -> Self {
        let os = match std::env::consts::OS {
            "macos" => "darwin",
            os => os,
        };
        let arch = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            "x86" => "386",
            "loongarch64" => "loong64",
            arch => arch,
        };
        Self { os: os.to_owned(), arch: arch.to_owned() }
    }
}

impl Conclusion {
    /// The exit code of a command that ends so.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Broken => 1,
            Self::Unjudged => 3,
            Self::Nothing => 4,
            Self::Defect => 5,
        }
    }
}

impl fmt::Display for Conclusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Passed => "passed",
            Self::Broken => "broken",
            Self::Unjudged => "unjudged",
            Self::Nothing => "nothing judged",
            Self::Defect => "a defect of Counterfoil",
        })
    }
}

impl Totals {
    /// What is concluded of these numbers: the worst decides.
    pub fn conclusion(&self) -> Conclusion {
        match self {
            Self { defects: 1.., .. } => Conclusion::Defect,
            Self { failed: 1.., .. } | Self { unexpected_passes: 1.., .. } => Conclusion::Broken,
            Self { unjudged: 1.., .. } => Conclusion::Unjudged,
            Self { passed: 0, known_failures: 0, .. } => Conclusion::Nothing,
            _ => Conclusion::Passed,
        }
    }
}

impl From<&Summary> for Totals {
    fn from(summary: &Summary) -> Self {
        Self {
            passed: summary.passed,
            failed: summary.failed,
            known_failures: summary.known_failures,
            unexpected_passes: summary.unexpected_passes,
            unjudged: summary.unjudged,
            not_applicable: summary.not_applicable,
            not_run: summary.not_run,
            warnings: summary.warnings,
            defects: summary.defects,
        }
    }
}

/// What is no evidence, or none that can be trusted.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It ends too early.
    #[error("it is cut short, after {0} bytes")]
    CutShort(usize),
    /// It is something else.
    #[error("it is no evidence: {0}")]
    Other(String),
    /// It is of the engine's form.
    #[error(
        "it is evidence in the form of the engine (`--evidence-format wfctl`), which leaves out by which contract and which \
             scenarios it was judged; `--evidence FILE` alone keeps what can be verified"
    )]
    Wfctl,
    /// It is of a version that is not known here.
    #[error(
        "it is evidence of version {0}, and this Counterfoil reads version {VERSION}: a newer one reads it"
    )]
    Newer(String),
    /// It is not as it was written.
    #[error("it was changed after it was written: by its digest it is {told}, by its content {found}")]
    Changed {
        /// The digest that stands in it.
        told: String,
        /// That of its content.
        found: String,
    },
    /// It says two things that exclude each other.
    #[error("it contradicts itself: {0}")]
    Contradiction(String),
}

impl Evidence {
    /// Reads evidence, which is what it was when it was written.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn read(bytes: &[u8]) -> Result<Self, ReadError> {
        let other = |why: String| ReadError::Other(why);
        if bytes.len() > MOST {
            return Err(other(format!("it is larger than {MOST} bytes")));
        }
        let value: Value = serde_json::from_slice(bytes).map_err(|error| {
            if error.is_eof() {
                ReadError::CutShort(bytes.len())
            } else {
                other(format!("it is no JSON: {error}"))
            }
        })?;
        match value["format"].as_str() {
            Some(FORMAT) => {}
            None if value["evidenceDigest"].is_string() => return Err(ReadError::Wfctl),
            _ => return Err(other(format!("its format is not {FORMAT:?}"))),
        }
        match value["version"].as_u64() {
            Some(version) if version == u64::from(VERSION) => {}
            Some(version) if version > u64::from(VERSION) => {
                return Err(ReadError::Newer(version.to_string()));
            }
            _ => return Err(other("it states no version".to_owned())),
        }
        let told =
            value["digest"].as_str().ok_or_else(|| other("it states no digest".to_owned()))?.to_owned();
        let found = digest_of(&value);
        if told != found {
            return Err(ReadError::Changed { told: bounded(&told), found });
        }
        let evidence: Self =
            serde_json::from_value(value).map_err(|error| other(plain(&error.to_string()).into_owned()))?;
        let concluded = evidence.totals.conclusion();
        if (evidence.conclusion, evidence.exit_code) != (concluded, concluded.exit_code()) {
            let told = format!("it concludes `{}`, and its runs say `{concluded}`", evidence.conclusion);
            return Err(ReadError::Contradiction(told));
        }
        Ok(evidence)
    }

    /// The evidence as a file: with its digest, indented.
    pub fn to_json(mut self) -> String {
        self.digest = digest_of(&serde_json::to_value(&self).expect("plain data"));
        pretty_json(&self)
    }

    /// The names of the rules of which this came.
    pub fn rules_that(&self, came: Came) -> impl Iterator<Item = &str> {
        self.rules.iter().filter(move |(_, rule)| rule.verdict == came).map(|(id, _)| id.as_str())
    }
}

/// The digest of evidence, or of anything else that holds its own: of everything but that.
pub(crate) fn digest_of(evidence: &Value) -> String {
    let mut rest = evidence.clone();
    rest.as_object_mut().map(|rest| rest.remove("digest"));
    rest.sort_all_objects();
    format!("sha256:{}", sha256(rest.to_string()))
}

pub(crate) fn sha256(content: impl AsRef<[u8]>) -> String {
    hex::encode(Sha256::digest(content))
}

/// A text of others, as one line that is not too long.
fn bounded(text: &str) -> String {
    let text = plain(text);
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into_owned(),
    }
}

/// The JSON Schema of evidence, for who reads it.
pub fn schema() -> Value {
    scenario::schema_of::<Evidence>("Evidence of a run of Counterfoil")
}
