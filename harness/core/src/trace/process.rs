//! What a plugin process did, as its host saw it: launch, handshake, connection, output, end.
//!
//! Nothing here is a judgement. Numbers, sizes and texts are what was seen, bounded and redacted, so that rules can
//! say of each what the contract makes of it.

use std::fmt;

use counterfoil_proto::Revision;
use serde::{Deserialize, Serialize};

/// How the descriptors of a plugin stand to the contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reflection {
    /// The revision that they are closest to.
    pub closest: Revision,
    /// Where they say something else than that revision.
    pub contradictions: Vec<String>,
    /// What they have, and no revision has.
    pub unknown: Vec<String>,
}

/// `plugin.json` as it lay on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestFile {
    /// Its path, as the user knows it.
    pub path: String,
    /// What it lay in.
    pub origin: Origin,
    /// The file name of the program that it was found with.
    pub program: String,
    /// Its text. None where there is no such file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// What the manifest of a plugin lay in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Sources, in which a release has not stamped its version yet.
    Checkout,
    /// The directory of an installed plugin.
    Directory,
    /// A release archive.
    Archive,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Checkout => "a checkout",
            Self::Directory => "an installed plugin",
            Self::Archive => "an archive",
        })
    }
}

/// What a provider is asked to call itself by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Telling {
    /// `IaCProviderRequired.Name`.
    Name,
    /// `IaCProviderRequired.Version`.
    Version,
}

impl fmt::Display for Telling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "Name",
            Self::Version => "Version",
        })
    }
}

/// One thing that a plugin process did, or that its host did to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProcessEvent {
    /// The manifest of the plugin was read, or is missing, before anything was asked of its process.
    ManifestFile(ManifestFile),
    /// The host asked for the process.
    Launched {
        /// Whether it asked for `AutoMTLS`.
        mtls: bool,
    },
    /// There is no process: the system did not start it, or could not have run it.
    NotStarted {
        /// Why.
        why: NotStarted,
        /// What the system says, and what was looked at.
        detail: String,
    },
    /// What stood on stdout up to the end of the first line.
    FirstLine {
        /// Its beginning, at most 1 KiB, without the end of the line; what is not UTF-8 is replaced.
        text: String,
        /// How many bytes were read until it ended, or was given up.
        bytes: u64,
        /// Whether all of what is in `text` was UTF-8.
        utf8: bool,
        /// How it came to its end.
        end: LineEnd,
    },
    /// The first line was read as a handshake.
    Handshake(Handshake),
    /// The certificate of the handshake line was looked at.
    Certificate {
        /// What is wrong with it, if anything is.
        problem: Option<CertificateProblem>,
        /// What was looked at: names, dates, or the text where it is none.
        detail: String,
    },
    /// The host connected, and the peer speaks HTTP/2.
    Connected,
    /// The host could not connect.
    NotConnected {
        /// How it failed.
        problem: ConnectProblem,
        /// What the system or the peer says.
        detail: String,
    },
    /// What the health service says of `plugin`.
    Health {
        /// `SERVING`, `NOT_SERVING`, another word of the service, or the status of a call that failed.
        status: String,
    },
    /// `GetManifest` was called, first of all in the load sequence.
    Manifest {
        /// The name and the version that it tells, or the error.
        answer: Result<(String, String), String>,
        /// Whether the error is Unimplemented, which the engine takes.
        unimplemented: bool,
    },
    /// A service of the contract was asked with a request that no server can read, which changes nothing.
    Probed {
        /// The full name of the service.
        service: String,
        /// Whether the registry lists it.
        registered: bool,
        /// Whether the server knows it: anything but Unimplemented. None where there was no answer.
        served: Option<bool>,
    },
    /// The manifest on disk names services of the contract, and this is all of them. A trace that holds the manifest
    /// itself does without.
    Declared {
        /// `iacServices` of plugin.json, full or short names as they stand there.
        services: Vec<String>,
    },
    /// The provider was asked what it calls itself.
    Told {
        /// By which call.
        call: Telling,
        /// What it said, or the error.
        answer: Result<String, String>,
    },
    /// The state backend of the plugin was asked for the names of its backends.
    Backends {
        /// What it said, or the error.
        answer: Result<Vec<String>, String>,
    },
    /// Server reflection was asked what the plugin serves, and its descriptors were held to the contract.
    Reflected {
        /// What came of it, or why there are no descriptors.
        answer: Result<Reflection, String>,
    },
    /// A call broke the rules of gRPC, or of HTTP/2 below it.
    CallBroken {
        /// The call, or the phase where it is none of the trace's.
        call: String,
        /// How.
        problem: CallProblem,
        /// What was seen.
        detail: String,
    },
    /// The plugin tried to reach a host while no cloud was to be reached; the attempt was refused.
    Outbound {
        /// The host and port.
        host: String,
        /// The call that was under way, if one was.
        during: Option<String>,
    },
    /// A line of the log is not what it should be. The first of each kind is told, with how many there were.
    LogLine {
        /// What is wrong.
        problem: LogProblem,
        /// The line's beginning.
        text: String,
        /// How many lines had it.
        count: u64,
    },
    /// What stood on stderr from `panic:` or `fatal error:` on, at most 16 KiB.
    CrashReport {
        /// The text.
        text: String,
    },
    /// How much came out of the process until its end.
    Output {
        /// Bytes on stdout behind the handshake line.
        stdout: u64,
        /// Bytes on stderr.
        stderr: u64,
        /// The last lines of stderr, at most 4 KiB.
        tail: String,
    },
    /// The process ended by itself, before the host asked it to.
    Exited {
        /// In which phase.
        during: Phase,
        /// How.
        status: ExitStatus,
    },
    /// The host asked the process to end, and this is what became of the call.
    ShutdownAsked {
        /// How the call went. The server stops inside of it, so a transport error is as good as an answer.
        answer: ShutdownAnswer,
    },
    /// The process ended after it was asked to.
    Stopped {
        /// How long it took, in milliseconds, from the end of the call on.
        millis: u64,
        /// How it ended. None where it had to be killed.
        status: Option<ExitStatus>,
        /// Whether SIGTERM was sent before, and ignored.
        ignored_sigterm: bool,
    },
    /// What was still there when the process was gone. The supervisor killed it.
    LeftBehind {
        /// Processes that it had started.
        processes: u32,
        /// The names of some of them.
        names: Vec<String>,
        /// Sockets in the directory that it was given.
        sockets: u32,
        /// Whether they kept its stdout or stderr open.
        holds_output: bool,
    },
    /// The most processes that were alive at once below the plugin.
    Crowd {
        /// How many.
        processes: u32,
    },
    /// How much memory the process and what lives below it held, behind rounds of the same questions.
    Memory {
        /// The resident size in bytes: first behind questions that are not counted, so that what is allocated once is
        /// there, and then behind each round, up to the first that did not make the process grow.
        rounds: Vec<u64>,
    },
    /// The program was started once more without the cookie.
    WithoutCookie {
        /// How it ended; none where it had to be killed.
        status: Option<ExitStatus>,
        /// What it said on stderr, at most 1 KiB.
        stderr: String,
        /// Whether something stood on stdout.
        stdout: bool,
    },
}

/// Why there is no process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotStarted {
    /// There is no such file.
    NotFound,
    /// It is no file: a directory, a device.
    NotAFile,
    /// It may not be executed.
    NotExecutable,
    /// It belongs to somebody else, and may not be read or entered.
    WrongOwner,
    /// It is empty.
    Empty,
    /// It is a script whose first line names no interpreter.
    NoShebang,
    /// The interpreter of the script, or the loader of the program, is not there.
    MissingLoader,
    /// It was built for another processor or another system.
    WrongArchitecture,
    /// It is no program, or is cut short.
    Malformed,
    /// The system had another reason.
    System,
}

/// How the first line ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineEnd {
    /// With a line feed.
    Newline,
    /// Stdout was closed before.
    Closed,
    /// It was longer than any such line can be.
    TooLong,
    /// The start deadline passed.
    Deadline,
}

/// The handshake line, field by field, as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handshake {
    /// How many fields there are.
    pub fields: u32,
    /// The version of the core protocol, as it stands there.
    pub core: String,
    /// The version of the application protocol, as it stands there.
    pub app: String,
    /// `unix` or `tcp`, as it should be.
    pub network: String,
    /// The address.
    pub address: String,
    /// The protocol; absent where there are but four fields.
    pub protocol: Option<String>,
    /// Whether there is a certificate.
    pub certificate: bool,
}

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CertificateProblem {
    /// The line has one, and the host asked for none.
    Unasked,
    /// The host asked for one, and the line has none.
    Absent,
    /// It is no base64, or no certificate.
    Garbage,
    /// Its time is over, or has not begun.
    Expired,
    /// It is not for `localhost`.
    OtherName,
    /// The server shows another one, or cannot sign with its key.
    OtherKey,
}

/// How a connection failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectProblem {
    /// Nothing is there.
    NothingThere,
    /// There is a file that is no socket.
    NotASocket,
    /// Nobody listens there.
    Refused,
    /// The address cannot be one.
    BadAddress,
    /// The address is not one of this machine.
    Elsewhere,
    /// The peer speaks HTTP/1.1.
    Http1,
    /// The peer speaks no HTTP/2.
    NotHttp2,
    /// The peer ended the connection at once, with GOAWAY or without a word.
    GoneAway,
    /// TLS failed for a reason that is not the certificate's.
    Tls,
    /// The deadline of the phase passed.
    Deadline,
    /// The program had ended.
    Exited,
}

/// How a call broke the rules of gRPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallProblem {
    /// The deadline of the call passed.
    Hang,
    /// The reply ended without `grpc-status`.
    NoStatus,
    /// Its content type is not that of gRPC.
    ContentType,
    /// The HTTP status is not 200.
    HttpStatus,
    /// The message is larger than the host takes.
    TooLarge,
    /// More than one message came for a call that has one.
    Endless,
    /// The stream was reset.
    Reset,
    /// The server went away, with GOAWAY, while it was asked.
    GoneAway,
    /// The connection broke under the call.
    Lost,
    /// Frames of an answer came after the call had been cancelled, and the server had been told so.
    AfterCancel,
}

/// What is wrong with a line of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogProblem {
    /// It is a JSON object like those of hclog, with a value of another type where text is expected.
    WrongType,
    /// It is not UTF-8.
    NotUtf8,
    /// It is longer than a line can be.
    TooLong,
}

/// Where in the life of a process something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Before anything stood on stdout.
    Start,
    /// In the middle of the handshake line.
    Handshake,
    /// Behind the handshake line, before there was a connection.
    Connect,
    /// During a call.
    Call,
    /// Between calls.
    Idle,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitStatus {
    /// With this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

/// What became of the call of Shutdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShutdownAnswer {
    /// It was answered, or the server went away in the middle.
    Taken,
    /// The server does not know it.
    Unimplemented,
    /// Its deadline passed.
    Hang,
    /// There was nobody to ask any more.
    Nobody,
}

impl ProcessEvent {
    /// The event in words, without a full stop.
    pub fn describe(&self) -> String {
        match self {
            Self::ManifestFile(ManifestFile { path, origin, text: Some(text), .. }) => {
                format!("the manifest of {origin} is {path} ({} bytes)", text.len())
            }
            Self::ManifestFile(ManifestFile { path, .. }) => format!("there is no {path}"),
            Self::Launched { mtls: true } => "the host starts the plugin and asks for AutoMTLS".to_owned(),
            Self::Launched { mtls: false } => "the host starts the plugin".to_owned(),
            Self::NotStarted { detail, .. } => format!("the plugin does not start: {detail}"),
            Self::FirstLine { text, bytes, end, .. } => {
                let text: String = text.chars().take(120).collect();
                format!("stdout begins with {text:?} ({bytes} bytes, {end})")
            }
            Self::Handshake(line) => format!(
                "the handshake: core {}, version {}, {} {}, {}{}",
                line.core,
                line.app,
                line.network,
                line.address,
                line.protocol.as_deref().unwrap_or("no protocol"),
                if line.certificate { ", with a certificate" } else { "" },
            ),
            Self::Certificate { problem: None, detail } => format!("the certificate is in order: {detail}"),
            Self::Certificate { detail, .. } => format!("the certificate is not in order: {detail}"),
            Self::Connected => "the host is connected".to_owned(),
            Self::NotConnected { detail, .. } => format!("there is no connection: {detail}"),
            Self::Health { status } => format!("the health service says {status}"),
            Self::Manifest { answer: Ok((name, version)), .. } => {
                format!("GetManifest tells the name {name:?} and the version {version:?}")
            }
            Self::Manifest { answer: Err(error), .. } => format!("GetManifest: {error}"),
            Self::Probed { service, registered, served } => format!(
                "{service} is {}, and is {}",
                if *registered { "in the registry" } else { "not in the registry" },
                match served {
                    Some(true) => "served",
                    Some(false) => "not served",
                    None => "silent",
                },
            ),
            Self::Declared { services } => format!("plugin.json declares {}", services.join(", ")),
            Self::Told { call, answer: Ok(said) } => format!("{call} tells {said:?}"),
            Self::Told { call, answer: Err(error) } => format!("{call}: {error}"),
            Self::Backends { answer: Ok(names) } => format!("ListBackendNames tells {names:?}"),
            Self::Backends { answer: Err(error) } => format!("ListBackendNames: {error}"),
            Self::Reflected { answer: Ok(Reflection { closest, contradictions, unknown }) } => format!(
                "the descriptors are closest to revision {closest}: {} contradictions, {} additions",
                contradictions.len(),
                unknown.len()
            ),
            Self::Reflected { answer: Err(why) } => format!("there are no descriptors: {why}"),
            Self::CallBroken { call, detail, .. } => format!("{call}: {detail}"),
            Self::Outbound { host, during } => match during {
                Some(during) => format!("the plugin tries to reach {host} during {during}"),
                None => format!("the plugin tries to reach {host}"),
            },
            Self::LogLine { text, count, .. } => {
                format!("{count} such lines in the log, the first: {text:?}")
            }
            Self::CrashReport { text } => format!("stderr: {text}"),
            Self::Output { stdout, stderr, tail } => {
                let last =
                    tail.lines().last().map_or(String::new(), |last| format!("; stderr ends with {last:?}"));
                format!("{stdout} bytes came out on stdout behind the handshake, {stderr} on stderr{last}")
            }
            Self::Exited { during, status } => format!("the plugin ended {during}: {status}"),
            Self::ShutdownAsked { answer } => format!("the host asks the plugin to end: {answer}"),
            Self::Stopped { millis, status: Some(status), ignored_sigterm } => {
                let after = if *ignored_sigterm { ", having ignored SIGTERM" } else { "" };
                format!("the plugin ended within {millis} ms{after}: {status}")
            }
            Self::Stopped { millis, status: None, ignored_sigterm } => {
                let after = if *ignored_sigterm { " It had ignored SIGTERM." } else { "" };
                format!("the plugin was killed after {millis} ms.{after}").trim_end_matches('.').to_owned()
            }
            Self::LeftBehind { processes, names, sockets, .. } => {
                let names = if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) };
                format!("it left {processes} processes{names} and {sockets} sockets behind")
            }
            Self::Crowd { processes } => format!("at most {processes} processes were alive below the plugin"),
            Self::Memory { rounds } => {
                let sizes: Vec<String> = rounds.iter().map(ToString::to_string).collect();
                format!("the process held {} bytes behind rounds of the same questions", sizes.join(", "))
            }
            Self::WithoutCookie { status, stderr, .. } => {
                let ended = status.map_or("it had to be killed".to_owned(), |status| status.to_string());
                format!("started without the cookie: {ended}; stderr: {:?}", stderr.trim_end())
            }
        }
    }
}

impl fmt::Display for LineEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Newline => "a whole line",
            Self::Closed => "then it was closed",
            Self::TooLong => "without an end",
            Self::Deadline => "until the deadline",
        })
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Start => "before its handshake",
            Self::Handshake => "in the middle of its handshake",
            Self::Connect => "behind its handshake, before there was a connection",
            Self::Call => "during a call",
            Self::Idle => "between calls",
        })
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
        }
    }
}

impl fmt::Display for ShutdownAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Taken => "it takes the call",
            Self::Unimplemented => "it does not know Shutdown",
            Self::Hang => "it does not answer",
            Self::Nobody => "nobody is there",
        })
    }
}
