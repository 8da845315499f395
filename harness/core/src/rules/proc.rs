//! PROC: the process in which a plugin runs, from its start to its end.
//!
//! One cause is found once: a rule looks only at what the life of the process came to.

use std::fmt::Write as _;

use counterfoil_proto::{
    Revision,
    handshake::{APP_VERSION, CORE_VERSION, HEALTH_SERVICE, Line},
};
use serde_json::Value;

use super::{Findings, Level, Party, Rule, Story};
use crate::trace::{
    CallProblem, CertificateProblem, ConnectProblem, ExitStatus, Handshake, LineEnd, LogProblem,
    NotStarted as WhyNot, Phase,
    ProcessEvent::{
        self, CallBroken, Certificate, Connected, CrashReport, Crowd, Exited, FirstLine, Health, Launched,
        LeftBehind, LogLine, Memory, NotConnected, NotStarted, Output, ShutdownAsked, Stopped, WithoutCookie,
    },
    ShutdownAnswer,
};

/// What the rules of this family judge.
const PROCESS: &[Party] = &[Party::Process];

/// How long a program may take to end, in milliseconds (E-210).
const LONGEST_END: u64 = 2000;
/// Processes below a plugin at once.
const MOST_PROCESSES: u32 = 64;
/// Bytes by which a process may grow over all rounds of questions.
const MOST_GROWTH: u64 = 64 << 20;
/// Bytes on stderr.
const MOST_STDERR: u64 = 64 << 20;
/// Bytes on stdout behind the handshake line.
const MOST_STDOUT: u64 = 1 << 20;
/// What a health service says of a plugin that it knows not to serve, or does not know.
const NOT_SERVING: [&str; 4] = ["NOT_SERVING", "UNKNOWN", "SERVICE_UNKNOWN", "NotFound"];

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "PROC-001",
        title: "Nothing precedes the handshake line on stdout, and it has at least four fields.",
        level: Level::Must,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "host, before it connects (E-204)",
        reason: "One line of a log in front of it, and no host can load the plugin.",
        source: "E-204, E-205, H-27, P-002",
        applies: |story| story.process.iter().any(|(event, _)| whole_line(event).is_some()),
        check: the_first_line_is_a_handshake,
    },
    Rule {
        id: "PROC-002",
        title: "The handshake line comes within the start deadline.",
        level: Level::Must,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "host, by a timeout of 1 minute (E-206)",
        reason: "A host waits for it, and then gives the plugin up.",
        source: "E-206, P-014",
        applies: has_line,
        check: the_line_comes,
    },
    Rule {
        id: "PROC-003",
        title: "The handshake line is ended by a line feed.",
        level: Level::Must,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "host, which reads whole lines (P-002)",
        reason: "A host waits for the end of the line until its deadline.",
        source: "E-206, P-002",
        applies: |story| {
            story.process.iter().any(|(event, _)| matches!(event, FirstLine { bytes, .. } if *bytes > 0))
        },
        check: the_line_ends,
    },
    Rule {
        id: "PROC-004",
        title: "The handshake line is short.",
        level: Level::Must,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "host, by the size of its buffer (P-002)",
        reason: "What has no end is no handshake, and a host cannot keep all of it.",
        source: "P-002",
        applies: has_line,
        check: |story, findings| {
            each(story, findings, |event| match event {
                FirstLine { bytes, end: LineEnd::TooLong, .. } => Some(format!(
                    "stdout has {bytes} bytes and no line feed in them; expected a handshake line"
                )),
                _ => None,
            });
        },
    },
    Rule {
        id: "PROC-005",
        title: "The handshake line is UTF-8.",
        level: Level::Must,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "nobody",
        reason: "A host splits it as text, and what is no text breaks differently in each.",
        source: "P-002",
        applies: |story| {
            story.process.iter().any(|(event, _)| matches!(event, FirstLine { bytes, .. } if *bytes > 0))
        },
        check: |story, findings| {
            each(story, findings, |event| match event {
                FirstLine { utf8: false, text, .. } => {
                    Some(format!("stdout begins with {}, which is not UTF-8", quoted(text)))
                }
                _ => None,
            });
        },
    },
    Rule {
        id: "PROC-006",
        title: "The version of the core protocol is 1.",
        level: Level::Must,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "host, before it connects (E-204)",
        reason: "A host refuses any other.",
        source: "E-204, P-002",
        applies: |story| handshake(story).is_some(),
        check: |story, findings| {
            let Some((line, at)) = handshake(story).filter(|(line, _)| !speaks_core(line)) else { return };
            let message = format!("the core version is {}; expected {CORE_VERSION}", quoted(&line.core));
            findings.add(None, message, [at]);
        },
    },
    Rule {
        id: "PROC-007",
        title: "The version of the application protocol is 1.",
        level: Level::Must,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "host, before it connects (E-204)",
        reason: "A host refuses any other.",
        source: "E-200, E-204, P-001, P-006",
        applies: |story| read_on(story).is_some(),
        check: |story, findings| {
            let Some((line, at)) = read_on(story).filter(|(line, _)| !is(&line.app, APP_VERSION)) else {
                return;
            };
            let message = format!("the plugin speaks version {}; expected {APP_VERSION}", quoted(&line.app));
            findings.add(None, message, [at]);
        },
    },
    Rule {
        id: "PROC-008",
        title: "The network of the handshake line is unix or tcp.",
        level: Level::Must,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "host, before it connects (E-204)",
        reason: "A host knows no other.",
        source: "E-204, E-207, P-002",
        applies: |story| read_on(story).is_some(),
        check: |story, findings| {
            let Some((line, at)) = read_on(story).filter(|(line, _)| !has_network(line)) else { return };
            let message = format!("the network is {}; expected unix or tcp", quoted(&line.network));
            findings.add(None, message, [at]);
        },
    },
    Rule {
        id: "PROC-009",
        title: "The protocol, where the handshake line states one, is grpc.",
        level: Level::Must,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "host, before it connects (E-204)",
        reason: "The engine speaks nothing else.",
        source: "E-200, E-204, P-003",
        applies: |story| read_on(story).is_some_and(|(line, _)| line.protocol.is_some()),
        check: |story, findings| {
            let Some((line, at)) = read_on(story) else { return };
            if let Some(protocol) = line.protocol.as_deref().filter(|protocol| *protocol != "grpc") {
                let message = format!("the protocol is {}; expected grpc", quoted(protocol));
                findings.add(None, message, [at]);
            }
        },
    },
    Rule {
        id: "PROC-010",
        title: "The handshake line states its protocol.",
        level: Level::Should,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "nobody: one family of hosts reads grpc where it is missing (P-003)",
        reason: "The other family reads netrpc, and cannot talk to the plugin.",
        source: "E-204, P-003",
        applies: |story| read_on(story).is_some(),
        check: |story, findings| {
            let Some((line, at)) = read_on(story).filter(|(line, _)| line.protocol.is_none()) else { return };
            let message =
                format!("the line has {} fields, and no protocol; expected grpc as the fifth", line.fields);
            findings.add(None, message, [at]);
        },
    },
    Rule {
        id: "PROC-011",
        title: "Somebody listens at the address of the handshake line.",
        level: Level::Must,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "host, when it connects (P-002)",
        reason: "The line promises that the server is ready.",
        source: "E-204, E-207, P-002",
        applies: |story| connects(story),
        check: |story, findings| {
            not_connected(
                story,
                findings,
                &[
                    ConnectProblem::NothingThere,
                    ConnectProblem::NotASocket,
                    ConnectProblem::Refused,
                    ConnectProblem::BadAddress,
                ],
                "a server that listens at the address of the line before it is printed",
            );
        },
    },
    Rule {
        id: "PROC-012",
        title: "The address of the handshake line is on this machine.",
        level: Level::Must,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "nobody",
        reason: "What the plugin is told, secrets included, would travel to another machine in plain text.",
        source: "E-200, E-207, P-002",
        applies: |story| connects(story),
        check: |story, findings| {
            not_connected(
                story,
                findings,
                &[ConnectProblem::Elsewhere],
                "a Unix socket, or a loopback address",
            );
        },
    },
    Rule {
        id: "PROC-013",
        title: "The peer speaks HTTP/2.",
        level: Level::Must,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "host, when it connects (E-208)",
        reason: "There is no gRPC without it.",
        source: "E-208, P-003",
        applies: |story| connects(story),
        check: |story, findings| {
            not_connected(
                story,
                findings,
                &[ConnectProblem::Http1, ConnectProblem::NotHttp2],
                "HTTP/2 from the first byte on",
            );
        },
    },
    Rule {
        id: "PROC-014",
        title: "The server keeps the connection.",
        level: Level::Must,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "host, when it connects (E-208)",
        reason: "A server that takes a connection and drops it can be asked nothing.",
        source: "E-208, P-014",
        applies: |story| connects(story),
        check: |story, findings| {
            not_connected(
                story,
                findings,
                &[ConnectProblem::GoneAway, ConnectProblem::Deadline],
                "a server that answers and stays",
            );
        },
    },
    Rule {
        id: "PROC-015",
        title: "There is no certificate that was not asked for.",
        level: Level::Must,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "host, which then cannot connect (P-008)",
        reason: "The server expects TLS, and the host speaks plain text.",
        source: "E-200, P-008",
        applies: |story| asks_for_tls(story) == Some(false) && has_certificate_word(story),
        check: |story, findings| {
            each(story, findings, |event| match event {
                Certificate { problem: Some(CertificateProblem::Unasked), .. } => Some(
                    "the line has a certificate, and AutoMTLS was not asked for; expected none".to_owned(),
                ),
                _ => None,
            });
        },
    },
    Rule {
        id: "PROC-016",
        title: "There is a certificate where AutoMTLS was asked for.",
        level: Level::Must,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "host, before it connects (P-007)",
        reason: "Without it the host does not know whom to trust.",
        source: "P-007",
        applies: |story| asks_for_tls(story) == Some(true) && has_certificate_word(story),
        check: |story, findings| {
            each(story, findings, |event| match event {
                Certificate { problem: Some(CertificateProblem::Absent), .. } => Some(
                    "AutoMTLS was asked for, and the line has no certificate; expected a sixth field"
                        .to_owned(),
                ),
                _ => None,
            });
        },
    },
    Rule {
        id: "PROC-017",
        title: "The certificate is one: DER, in base64 without padding.",
        level: Level::Must,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "host, before it connects (P-007)",
        reason: "What cannot be read cannot be trusted.",
        source: "P-007",
        applies: |story| certificate(story).is_some(),
        check: |story, findings| {
            each(story, findings, |event| match event {
                Certificate { problem: Some(CertificateProblem::Garbage), detail } => Some(format!(
                    "the certificate cannot be read: {detail}; expected DER in base64 without padding"
                )),
                _ => None,
            });
        },
    },
    Rule {
        id: "PROC-018",
        title: "The certificate is valid now.",
        level: Level::Must,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "host, in the TLS handshake (P-007)",
        reason: "A host refuses one whose time is over.",
        source: "P-007",
        applies: |story| {
            certificate(story).is_some_and(|problem| problem != Err(CertificateProblem::Garbage))
        },
        check: |story, findings| {
            each(story, findings, |event| match event {
                Certificate { problem: Some(CertificateProblem::Expired), detail } => {
                    Some(format!("the certificate is not valid now: {detail}"))
                }
                _ => None,
            });
        },
    },
    Rule {
        id: "PROC-019",
        title: "The certificate is for localhost.",
        level: Level::Must,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "host, in the TLS handshake (P-007)",
        reason: "It is the name under which a host asks for the server.",
        source: "P-007",
        applies: |story| {
            certificate(story).is_some_and(|problem| problem != Err(CertificateProblem::Garbage))
        },
        check: |story, findings| {
            each(story, findings, |event| match event {
                Certificate { problem: Some(CertificateProblem::OtherName), detail } => {
                    Some(format!("the certificate is not for localhost: {detail}"))
                }
                _ => None,
            });
        },
    },
    Rule {
        id: "PROC-020",
        title: "The server shows the certificate of the line, and owns its key.",
        level: Level::Must,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "host, in the TLS handshake (P-007)",
        reason: "Anybody could print a certificate, and another one could answer.",
        source: "P-007",
        applies: |story| asks_for_tls(story) == Some(true) && (connects(story) || is_not_its_own(story)),
        check: the_certificate_is_the_servers,
    },
    Rule {
        id: "PROC-021",
        title: "The program starts.",
        level: Level::Must,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "host, by the system (E-202)",
        reason: "Nothing else can be said of a program that does not run.",
        source: "E-202, P-014",
        applies: |story| has(story, |event| matches!(event, Launched { .. } | NotStarted { .. })),
        check: |story, findings| {
            each(story, findings, |event| match event {
                NotStarted { why, detail } => {
                    Some(format!("the plugin did not start: {}. {detail}", why_not_started(*why)))
                }
                _ => None,
            });
        },
    },
    Rule {
        id: "PROC-022",
        title: "The program does not end before its handshake line is whole.",
        level: Level::Must,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "host, which sees it exit (E-206)",
        reason: "A host has nothing to connect to.",
        source: "E-206, P-002",
        applies: has_line,
        check: |story, findings| exits(story, findings, &[Phase::Start, Phase::Handshake]),
    },
    Rule {
        id: "PROC-023",
        title: "The program does not end between its handshake line and the connection.",
        level: Level::Must,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "host, when it connects (E-206)",
        reason: "The line promises a server that stays.",
        source: "E-206, P-014",
        applies: |story| handshake(story).is_some(),
        check: ends_before_the_connection,
    },
    Rule {
        id: "PROC-024",
        title: "The program does not end during or between calls.",
        level: Level::Must,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "nobody: the host sees its calls fail",
        reason: "What was under way is lost, and nobody knows what of it was done.",
        source: "P-014",
        applies: is_connected,
        check: |story, findings| exits(story, findings, &[Phase::Call, Phase::Idle]),
    },
    Rule {
        id: "PROC-025",
        title: "The program is not ended by a signal that its host did not send.",
        level: Level::Must,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "nobody: the host sees its calls fail",
        reason: "A segmentation fault or an abort is a crash, whatever the phase.",
        source: "P-014, P-017",
        applies: is_started,
        check: |story, findings| {
            each(story, findings, |event| match event {
                Exited { during, status: ExitStatus::Signal(signal) } => Some(format!(
                    "the plugin was ended {during} by signal {signal}, which the host did not send"
                )),
                _ => None,
            });
        },
    },
    Rule {
        id: "PROC-026",
        title: "The program does not panic.",
        level: Level::Must,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "host, which tells the crash report (P-015)",
        reason: "A panic ends every action at once, and nothing is put in order.",
        source: "P-015",
        applies: is_started,
        check: |story, findings| {
            each(story, findings, |event| match event {
                CrashReport { text } => {
                    Some(format!("stderr has a crash report: {}; expected none", quoted(text)))
                }
                _ => None,
            });
        },
    },
    Rule {
        id: "PROC-027",
        title: "Each call is answered within its deadline.",
        level: Level::Must,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "nobody: most calls of the engine have no deadline (E-218)",
        reason: "A call without an answer makes the command hang.",
        source: "E-218, H-74",
        applies: asks,
        check: |story, findings| {
            broken(story, findings, &[CallProblem::Hang], "an answer within the deadline");
        },
    },
    Rule {
        id: "PROC-028",
        title: "Each reply ends with a status.",
        level: Level::Must,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "host, by its gRPC library",
        reason: "Without grpc-status nobody knows whether the work was done.",
        source: "E-208, P-003",
        applies: asks,
        check: |story, findings| {
            broken(story, findings, &[CallProblem::NoStatus], "grpc-status at the end of the reply");
        },
    },
    Rule {
        id: "PROC-029",
        title: "Each reply is one of gRPC: HTTP status 200 and its content type.",
        level: Level::Must,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "host, by its gRPC library",
        reason: "Something else is answering, such as a proxy or a web server.",
        source: "E-208, P-003",
        applies: asks,
        check: |story, findings| {
            broken(
                story,
                findings,
                &[CallProblem::HttpStatus, CallProblem::ContentType],
                "HTTP status 200 and application/grpc",
            );
        },
    },
    Rule {
        id: "PROC-030",
        title: "Messages stay within the limit of the host.",
        level: Level::Must,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "host, by its gRPC library (P-013)",
        reason: "A host gives up the call, and the work behind it is lost.",
        source: "E-208, P-013",
        applies: asks,
        check: |story, findings| {
            broken(story, findings, &[CallProblem::TooLarge], "a message within the limit");
        },
    },
    Rule {
        id: "PROC-031",
        title: "One message answers a call that has one.",
        level: Level::Must,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "host, by its gRPC library",
        reason: "A host that reads on never comes to an end.",
        source: "E-208",
        applies: asks,
        check: |story, findings| {
            broken(story, findings, &[CallProblem::Endless], "one message and a status");
        },
    },
    Rule {
        id: "PROC-032",
        title: "Calls are not reset.",
        level: Level::Must,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "host, by its gRPC library",
        reason: "Nobody knows whether the work was done.",
        source: "E-208",
        applies: asks,
        check: |story, findings| {
            broken(story, findings, &[CallProblem::Reset], "a reply with a status");
        },
    },
    Rule {
        id: "PROC-033",
        title: "The server does not go away while it is asked.",
        level: Level::Must,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "host, by its gRPC library",
        reason: "Nobody knows whether the work was done.",
        source: "E-208, P-014",
        applies: |story| asks(story) && !has(story, |event| matches!(event, Exited { .. })),
        check: |story, findings| {
            broken(story, findings, &[CallProblem::GoneAway, CallProblem::Lost], "a connection that lasts");
        },
    },
    Rule {
        id: "PROC-034",
        title: "Nothing follows a call that was cancelled.",
        level: Level::Should,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "host, by its gRPC library, which drops it",
        reason: "A server that does not see the end of a call goes on with its work.",
        source: "E-208",
        applies: |story| is_connected(story) && (story.context_ended.is_some() || follows_a_cancel(story)),
        check: |story, findings| {
            broken(story, findings, &[CallProblem::AfterCancel], "no frame behind the cancel");
        },
    },
    Rule {
        id: "PROC-035",
        title: "Shutdown is answered, or ends the connection.",
        level: Level::Must,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "host, by a kill after 2 seconds (E-210)",
        reason: "The host waits for it while the command ends.",
        source: "E-210, P-010, P-017",
        applies: |story| shutdown(story).is_some_and(|answer| answer != ShutdownAnswer::Nobody),
        check: |story, findings| {
            each(story, findings, |event| {
                match event {
            ShutdownAsked { answer: ShutdownAnswer::Hang } => Some("Shutdown was not answered within its deadline; expected an answer, or the end of the connection".to_owned()),
            _ => None,
        }
            });
        },
    },
    Rule {
        id: "PROC-036",
        title: "The program ends within 2 seconds of Shutdown.",
        level: Level::Must,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "host, by a kill (E-210)",
        reason: "What it still had to put in order is cut off.",
        source: "E-210, P-010, P-014, H-53",
        applies: |story| {
            shutdown(story) == Some(ShutdownAnswer::Taken)
                && has(story, |event| matches!(event, Stopped { .. }))
        },
        check: ends_in_time,
    },
    Rule {
        id: "PROC-037",
        title: "The program ends on SIGTERM.",
        level: Level::Should,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "nobody",
        reason: "A supervisor that asks politely has to kill it.",
        source: "P-014",
        applies: |story| has(story, |event| matches!(event, Stopped { .. })),
        check: |story, findings| {
            each(story, findings, |event| match event {
                Stopped { ignored_sigterm: true, .. } => {
                    Some("the plugin ignored SIGTERM; expected it to end".to_owned())
                }
                _ => None,
            });
        },
    },
    Rule {
        id: "PROC-038",
        title: "The program knows Shutdown.",
        level: Level::Should,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "nobody: a host kills it instead (E-210)",
        reason: "Without it the program is killed in the middle of what it does.",
        source: "E-209, E-210, P-010",
        applies: |story| shutdown(story).is_some_and(|answer| answer != ShutdownAnswer::Nobody),
        check: |story, findings| {
            each(story, findings, |event| match event {
                ShutdownAsked { answer: ShutdownAnswer::Unimplemented } => {
                    Some("plugin.GRPCController/Shutdown is not served; expected it to be".to_owned())
                }
                _ => None,
            });
        },
    },
    Rule {
        id: "PROC-039",
        title: "The program leaves no process behind.",
        level: Level::Must,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "nobody (P-017)",
        reason: "It lives on, holds the output open, and keeps its host from ending.",
        source: "P-017, H-53",
        applies: is_over,
        check: leaves_no_process,
    },
    Rule {
        id: "PROC-040",
        title: "The program leaves no socket behind.",
        level: Level::Should,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "nobody (P-017)",
        reason: "Each run leaves one more in the directory for temporary files.",
        source: "P-005, P-017",
        applies: |story| {
            has(story, |event| matches!(event, Stopped { status: Some(ExitStatus::Code(_)), .. }))
        },
        check: |story, findings| {
            each(story, findings, |event| match event {
                LeftBehind { sockets, .. } if *sockets > 0 => {
                    Some(format!("sockets that are still there: {sockets}; expected none"))
                }
                _ => None,
            });
        },
    },
    Rule {
        id: "PROC-041",
        title: "No more than 64 processes are alive at once below the program.",
        level: Level::Should,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "nobody",
        reason: "A plugin that starts processes without end takes the machine with it.",
        source: "P-017",
        applies: |story| has(story, |event| matches!(event, Crowd { .. })),
        check: |story, findings| {
            each(story, findings, |event| match event {
                Crowd { processes } if *processes > MOST_PROCESSES => Some(format!(
                    "{processes} processes were alive at once below the plugin; expected at most {MOST_PROCESSES}"
                )),
                _ => None,
            });
        },
    },
    Rule {
        id: "PROC-042",
        title: "At most 64 MiB come out on stderr.",
        level: Level::Should,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "nobody",
        reason: "A host reads and keeps the log, and somebody has to read it.",
        source: "P-004, P-015",
        applies: has_output,
        check: |story, findings| {
            each(story, findings, |event| match event {
                Output { stderr, .. } if *stderr > MOST_STDERR => {
                    Some(format!("{stderr} bytes came out on stderr; expected at most {MOST_STDERR}"))
                }
                _ => None,
            });
        },
    },
    Rule {
        id: "PROC-043",
        title: "At most 1 MiB comes out on stdout behind the handshake line.",
        level: Level::Should,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "nobody",
        reason: "It is drained unread, so what stands there is lost.",
        source: "E-205, P-004",
        applies: has_output,
        check: |story, findings| {
            each(story, findings, |event| match event {
                Output { stdout, .. } if *stdout > MOST_STDOUT => Some(format!(
                    "{stdout} bytes came out on stdout behind the handshake line; expected at most {MOST_STDOUT}"
                )),
                _ => None,
            });
        },
    },
    Rule {
        id: "PROC-044",
        title: "Log lines in JSON have the types of hclog.",
        level: Level::Must,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "host, by a panic of its own (P-017)",
        reason: "A message that is a number ends the host.",
        source: "P-015, P-017",
        applies: has_output,
        check: |story, findings| {
            each(story, findings, |event| match event {
                LogLine { problem: LogProblem::WrongType, text, count } => Some(format!(
                    "{count} lines of the log have a value of another type where text is expected, the first: {}",
                    quoted(text)
                )),
                _ => None,
            });
        },
    },
    Rule {
        id: "PROC-045",
        title: "Log lines are UTF-8.",
        level: Level::Should,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "nobody",
        reason: "The log is text, and what is none cannot be read.",
        source: "P-015",
        applies: has_output,
        check: |story, findings| {
            each(story, findings, |event| match event {
                LogLine { problem: LogProblem::NotUtf8, text, count } => {
                    Some(format!("{count} lines of the log are not UTF-8, the first: {}", quoted(text)))
                }
                _ => None,
            });
        },
    },
    Rule {
        id: "PROC-046",
        title: "Log lines end.",
        level: Level::Should,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "host, by the size of its buffer (P-015)",
        reason: "A host cuts what is too long, and the JSON in it with it.",
        source: "P-015",
        applies: has_output,
        check: |story, findings| {
            each(story, findings, |event| match event {
                LogLine { problem: LogProblem::TooLong, text, count } => Some(format!(
                    "{count} lines of the log are longer than a line can be, the first: {}",
                    quoted(text)
                )),
                _ => None,
            });
        },
    },
    Rule {
        id: "PROC-047",
        title: "The health service says that the plugin is serving.",
        level: Level::Should,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "nobody: the engine never asks (E-209)",
        reason: "Hosts that ask take the plugin for dead.",
        source: "E-209, P-009",
        applies: |story| has(story, |event| matches!(event, Health { .. })),
        check: |story, findings| {
            each(story, findings, |event| match event {
                Health { status } if NOT_SERVING.contains(&status.as_str()) => Some(format!(
                    "the health service says {status} of \"{HEALTH_SERVICE}\"; expected SERVING"
                )),
                _ => None,
            });
        },
    },
    Rule {
        id: "PROC-048",
        title: "Without the cookie the program says on stderr what it is, and exits with 1.",
        level: Level::Should,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "nobody: the kit of the plugin does it (E-203)",
        reason: "Somebody who starts it by hand is to learn why nothing happens.",
        source: "E-203, P-001",
        applies: |story| has(story, |event| matches!(event, WithoutCookie { .. })),
        check: says_what_it_is,
    },
    Rule {
        id: "PROC-049",
        title: "The same questions, asked again and again, do not make the process grow without end.",
        level: Level::Should,
        judges: PROCESS,
        since: Revision::V0_51,
        until: None,
        enforced: "nobody: the engine starts a process for each command (E-221)",
        reason: "A server that holds it for longer runs out of memory. What grows in every round is kept, and 64 MiB are \
                 more than a collector of garbage lets lie between two rounds of small questions.",
        source: "E-221, E-182",
        applies: |story| has(story, |event| matches!(event, Memory { .. })),
        check: |story, findings| {
            each(story, findings, |event| match event {
                Memory { rounds } if grows(rounds) => Some(format!(
                    "the process grew behind each of {} rounds of the same questions, by more than {} MiB in all; expected \
                     it to stop at some size",
                    rounds.len() - 1,
                    MOST_GROWTH >> 20
                )),
                _ => None,
            });
        },
    },
];

/// Whether a process is larger behind each round, and by too much in the end.
fn grows(rounds: &[u64]) -> bool {
    let (Some(first), Some(last)) = (rounds.first(), rounds.last()) else { return false };
    rounds.is_sorted_by(|before, behind| before < behind) && last - first > MOST_GROWTH
}

/// Adds a finding for each event of which there is something to say.
fn each(story: &Story<'_>, findings: &mut Findings<'_>, said: impl Fn(&ProcessEvent) -> Option<String>) {
    for &(event, at) in &story.process {
        if let Some(message) = said(event) {
            findings.add(None, message, [at]);
        }
    }
}

fn has(story: &Story<'_>, is: impl Fn(&ProcessEvent) -> bool) -> bool {
    story.process.iter().any(|(event, _)| is(event))
}

fn has_line(story: &Story<'_>) -> bool {
    has(story, |event| matches!(event, FirstLine { .. }))
        || has(story, |event| matches!(event, Exited { during: Phase::Start | Phase::Handshake, .. }))
}

fn has_output(story: &Story<'_>) -> bool {
    has(story, |event| matches!(event, Output { .. } | LogLine { .. }))
}

fn is_started(story: &Story<'_>) -> bool {
    has(story, |event| matches!(event, Launched { .. }))
        && !has(story, |event| matches!(event, NotStarted { .. }))
}

fn is_connected(story: &Story<'_>) -> bool {
    has(story, |event| matches!(event, Connected))
}

/// Whether the server was asked anything.
fn asks(story: &Story<'_>) -> bool {
    is_connected(story) || has(story, |event| matches!(event, CallBroken { .. }))
}

fn is_over(story: &Story<'_>) -> bool {
    has(story, |event| matches!(event, Stopped { .. } | Exited { .. } | LeftBehind { .. }))
}

fn exited_during(story: &Story<'_>, phases: &[Phase]) -> bool {
    has(story, |event| matches!(event, Exited { during, .. } if phases.contains(during)))
}

/// The handshake line, where it was read as one.
fn handshake<'s>(story: &'s Story<'_>) -> Option<(&'s Handshake, usize)> {
    story.process.iter().find_map(|&(event, at)| match event {
        ProcessEvent::Handshake(line) => Some((line, at)),
        _ => None,
    })
}

/// The handshake line, where its core version says that the rest of it means what we take it for.
fn read_on<'s>(story: &'s Story<'_>) -> Option<(&'s Handshake, usize)> {
    handshake(story).filter(|(line, _)| speaks_core(line))
}

fn speaks_core(line: &Handshake) -> bool {
    is(&line.core, CORE_VERSION)
}

fn is(field: &str, version: u32) -> bool {
    field.parse() == Ok(version)
}

fn has_network(line: &Handshake) -> bool {
    matches!(line.network.as_str(), "unix" | "tcp")
}

/// Whether there is a connection to judge: nothing in front of it went wrong already.
fn connects(story: &Story<'_>) -> bool {
    has(story, |event| matches!(event, Connected | NotConnected { .. }))
        && handshake(story).is_none_or(|(line, _)| has_network(line))
        && !exited_during(story, &[Phase::Connect])
}

fn asks_for_tls(story: &Story<'_>) -> Option<bool> {
    story.process.iter().find_map(|(event, _)| match event {
        Launched { mtls } => Some(*mtls),
        _ => None,
    })
}

fn has_certificate_word(story: &Story<'_>) -> bool {
    handshake(story).is_some() || has(story, |event| matches!(event, Certificate { .. }))
}

/// What was found wrong with a certificate that was asked for and is there.
fn certificate(story: &Story<'_>) -> Option<Result<(), CertificateProblem>> {
    story.process.iter().find_map(|(event, _)| match event {
        Certificate { problem: Some(CertificateProblem::Unasked | CertificateProblem::Absent), .. } => None,
        Certificate { problem, .. } => Some(problem.map_or(Ok(()), Err)),
        _ => None,
    })
}

fn shutdown(story: &Story<'_>) -> Option<ShutdownAnswer> {
    story.process.iter().find_map(|(event, _)| match event {
        ShutdownAsked { answer } => Some(*answer),
        _ => None,
    })
}

fn follows_a_cancel(story: &Story<'_>) -> bool {
    has(story, |event| matches!(event, CallBroken { problem: CallProblem::AfterCancel, .. }))
}

/// The start of what may be long, in quotes.
fn quoted(text: &str) -> String {
    const MOST: usize = 120;
    match text.char_indices().nth(MOST) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?} and so on", &text[..end]),
    }
}

/// The text of a first line that is whole and can be read.
fn whole_line(event: &ProcessEvent) -> Option<&str> {
    match event {
        FirstLine { text, utf8: true, end: LineEnd::Newline, .. } => Some(text),
        _ => None,
    }
}

fn the_first_line_is_a_handshake(story: &Story<'_>, findings: &mut Findings<'_>) {
    each(story, findings, |event| {
        let text = whole_line(event)?;
        let wrong = text.parse::<Line>().err()?;
        Some(match text.trim() {
            "" => "stdout begins with an empty line; expected the handshake line first".to_owned(),
            _ => format!("stdout begins with {}: {wrong}; expected the handshake line first", quoted(text)),
        })
    });
}

fn the_line_comes(story: &Story<'_>, findings: &mut Findings<'_>) {
    let ended = exited_during(story, &[Phase::Start, Phase::Handshake]);
    each(story, findings, |event| match event {
        FirstLine { bytes: 0, end: LineEnd::Deadline, .. } => Some(
            "nothing came out on stdout until the start deadline; expected the handshake line".to_owned(),
        ),
        FirstLine { bytes: 0, end: LineEnd::Closed, .. } if !ended => {
            Some("stdout was closed with nothing on it; expected the handshake line".to_owned())
        }
        _ => None,
    });
}

fn the_line_ends(story: &Story<'_>, findings: &mut Findings<'_>) {
    let ended = exited_during(story, &[Phase::Start, Phase::Handshake]);
    each(story, findings, |event| match event {
        FirstLine { text, bytes: 1.., utf8: true, end: end @ (LineEnd::Deadline | LineEnd::Closed) } => {
            (!ended).then(|| {
                format!("stdout begins with {}, {end}; expected a line feed behind it", quoted(text))
            })
        }
        _ => None,
    });
}

fn not_connected(
    story: &Story<'_>,
    findings: &mut Findings<'_>,
    problems: &[ConnectProblem],
    expected: &str,
) {
    each(story, findings, |event| match event {
        NotConnected { problem, detail } if problems.contains(problem) => {
            Some(format!("the host could not connect: {detail}; expected {expected}"))
        }
        _ => None,
    });
}

/// Whether the host ended the handshake of TLS because the server showed another certificate, or could not sign.
fn is_not_its_own(story: &Story<'_>) -> bool {
    has(story, |event| matches!(event, Certificate { problem: Some(CertificateProblem::OtherKey), .. }))
}

fn the_certificate_is_the_servers(story: &Story<'_>, findings: &mut Findings<'_>) {
    // What is wrong with the certificate itself breaks the handshake too, and is told by its own rule.
    let in_order = certificate(story) == Some(Ok(()));
    each(story, findings, |event| match event {
        Certificate { problem: Some(CertificateProblem::OtherKey), detail } => {
            Some(format!("the server does not own the certificate of the line: {detail}"))
        }
        NotConnected { problem: ConnectProblem::Tls, detail } if in_order => {
            Some(format!("TLS failed, and the certificate of the line is in order: {detail}"))
        }
        _ => None,
    });
}

/// Why a program did not start, and what to do.
fn why_not_started(why: WhyNot) -> &'static str {
    match why {
        WhyNot::NotFound => "there is no such file; build the plugin, or correct the path",
        WhyNot::NotAFile => "the path names no file; name the program itself",
        WhyNot::NotExecutable => "the file may not be executed; set its mode with chmod +x",
        WhyNot::WrongOwner => "it belongs to somebody else and may not be read; change its owner or its mode",
        WhyNot::Empty => "the file is empty; build or install it again",
        WhyNot::NoShebang => "it is a script without an interpreter; begin it with a line such as #!/bin/sh",
        WhyNot::MissingLoader => {
            "its interpreter or loader is not there; install it, or link the program statically"
        }
        WhyNot::WrongArchitecture => "it was built for another processor or system; build it for this one",
        WhyNot::Malformed => "it is no program, or is cut short; build or install it again",
        WhyNot::System => "the system refused",
    }
}

/// What the program said before it ended: a crash report, or the end of its output.
fn last_words(story: &Story<'_>) -> impl Iterator<Item = usize> {
    let says = |event: &ProcessEvent| matches!(event, CrashReport { .. } | Output { .. });
    story.process.iter().filter(move |(event, _)| says(event)).map(|&(_, at)| at)
}

/// Ends by an exit code in one of these phases. Ends by a signal are one rule's, whatever the phase.
fn exits(story: &Story<'_>, findings: &mut Findings<'_>, phases: &[Phase]) {
    for &(event, at) in &story.process {
        let Exited { during, status: ExitStatus::Code(code) } = event else { continue };
        if !phases.contains(during) {
            continue;
        }
        let mut message = format!("the plugin ended {during} with exit code {code}; expected it to stay");
        let tail = story.process.iter().find_map(|(event, _)| match event {
            Output { tail, .. } => tail.lines().last(),
            _ => None,
        });
        if let Some(last) = tail {
            let _ = write!(message, ". The last line on stderr: {}", quoted(&said(last)));
        }
        findings.add(None, message, [at].into_iter().chain(last_words(story)));
    }
}

/// What a line of a log says, without what is another each time, so that a finding is the same each time: of hclog's
/// JSON the message (P-015), of other lines what stands behind the time.
fn said(line: &str) -> String {
    let message =
        |line: &str| Some(serde_json::from_str::<Value>(line).ok()?.get("@message")?.as_str()?.to_owned());
    message(line).unwrap_or_else(|| {
        let is_time = |word: &str| {
            word.starts_with(|c: char| c.is_ascii_digit())
                && word.contains(['/', ':', '-'])
                && word.chars().all(|c| c.is_ascii_digit() || "/:-.,TZ+".contains(c))
        };
        let mut rest = line.trim_start();
        while let Some((_, behind)) = rest.split_once(' ').filter(|(word, _)| is_time(word)) {
            rest = behind.trim_start();
        }
        rest.to_owned()
    })
}

fn ends_before_the_connection(story: &Story<'_>, findings: &mut Findings<'_>) {
    exits(story, findings, &[Phase::Connect]);
    if has(story, |event| matches!(event, Exited { .. })) {
        return;
    }
    not_connected(story, findings, &[ConnectProblem::Exited], "a program that stays");
}

fn broken(story: &Story<'_>, findings: &mut Findings<'_>, problems: &[CallProblem], expected: &str) {
    each(story, findings, |event| match event {
        CallBroken { call, problem, detail } if problems.contains(problem) => {
            Some(format!("{call}: {detail}; expected {expected}"))
        }
        _ => None,
    });
}

fn ends_in_time(story: &Story<'_>, findings: &mut Findings<'_>) {
    each(story, findings, |event| match event {
        Stopped { millis, status: None, .. } => Some(format!(
            "the plugin had to be killed {millis} ms after Shutdown; expected it to end by itself"
        )),
        Stopped { millis, .. } if *millis > LONGEST_END => {
            Some(format!("the plugin ended {millis} ms after Shutdown; expected at most {LONGEST_END} ms"))
        }
        _ => None,
    });
}

fn leaves_no_process(story: &Story<'_>, findings: &mut Findings<'_>) {
    each(story, findings, |event| match event {
        LeftBehind { processes: processes @ 1.., names, holds_output, .. } => {
            let names = if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) };
            let held = if *holds_output { ", and the output of the plugin was held open" } else { "" };
            Some(format!("processes that were still alive: {processes}{names}{held}; expected none"))
        }
        _ => None,
    });
}

fn says_what_it_is(story: &Story<'_>, findings: &mut Findings<'_>) {
    each(story, findings, |event| {
        let WithoutCookie { status, stderr, stdout } = event else { return None };
        let mut wrong = Vec::new();
        match status {
            Some(ExitStatus::Code(1)) => {}
            Some(status) => wrong.push(format!("it ended with {status}")),
            None => wrong.push("it had to be killed".to_owned()),
        }
        if stderr.trim().is_empty() {
            wrong.push("it said nothing on stderr".to_owned());
        }
        if *stdout {
            wrong.push("something stood on stdout".to_owned());
        }
        let expected = "expected exit code 1, a word on stderr, and nothing on stdout";
        (!wrong.is_empty()).then(|| format!("started without the cookie, {}; {expected}", wrong.join(", ")))
    });
}

#[cfg(test)]
mod tests;
