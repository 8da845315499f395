use super::*;
use crate::{
    rules::judge,
    testing::Setting,
    trace::{Event, Subject, Trace},
};

fn trace(events: &[ProcessEvent]) -> Trace {
    let mut trace = Setting::of(Vec::new()).run().1;
    trace.header.subject = Subject::Provider;
    trace.events.splice(0..0, events.iter().cloned().map(Event::Process));
    trace
}

fn found(events: &[ProcessEvent]) -> Vec<String> {
    judge(&trace(events)).findings.into_iter().map(|finding| finding.rule).collect()
}

fn launched() -> ProcessEvent {
    Launched { mtls: false }
}

fn line(text: &str, bytes: u64, end: LineEnd) -> ProcessEvent {
    FirstLine { text: text.to_owned(), bytes, utf8: true, end }
}

fn fields() -> Handshake {
    Handshake {
        fields: 5,
        core: "1".to_owned(),
        app: "1".to_owned(),
        network: "unix".to_owned(),
        address: "/s/p".to_owned(),
        protocol: Some("grpc".to_owned()),
        certificate: false,
    }
}

fn not_connected(problem: ConnectProblem) -> ProcessEvent {
    NotConnected { problem, detail: "seen".to_owned() }
}

fn certificate(problem: CertificateProblem) -> ProcessEvent {
    Certificate { problem: Some(problem), detail: "seen".to_owned() }
}

fn broken(problem: CallProblem) -> ProcessEvent {
    CallBroken { call: "Initialize".to_owned(), problem, detail: "seen".to_owned() }
}

fn log_line(problem: LogProblem) -> ProcessEvent {
    LogLine { problem, text: "{".to_owned(), count: 2 }
}

fn memory(mib: [u64; 5]) -> ProcessEvent {
    Memory { rounds: mib.map(|mib| mib << 20).into() }
}

fn exited(during: Phase, status: ExitStatus) -> ProcessEvent {
    Exited { during, status }
}

fn stopped(millis: u64, status: Option<ExitStatus>, ignored_sigterm: bool) -> ProcessEvent {
    Stopped { millis, status, ignored_sigterm }
}

fn asked(answer: ShutdownAnswer) -> ProcessEvent {
    ShutdownAsked { answer }
}

fn output(stdout: u64, stderr: u64) -> ProcessEvent {
    Output { stdout, stderr, tail: "bye\n".to_owned() }
}

fn left(processes: u32, sockets: u32) -> ProcessEvent {
    LeftBehind { processes, names: Vec::new(), sockets, holds_output: false }
}

#[test]
fn a_clean_life_trips_no_rule() {
    let clean = [
        launched(),
        line("1|1|unix|/s/p|grpc", 19, LineEnd::Newline),
        ProcessEvent::Handshake(fields()),
        Connected,
        Health { status: "SERVING".to_owned() },
        asked(ShutdownAnswer::Taken),
        stopped(20, Some(ExitStatus::Code(0)), false),
        output(0, 10),
        left(0, 0),
    ];
    let judgement = judge(&trace(&clean));
    assert_eq!(judgement.findings, []);
    let judged = |id: &str| judgement.judged.contains(&id);
    for id in ["PROC-001", "PROC-006", "PROC-011", "PROC-021", "PROC-027", "PROC-036", "PROC-039", "PROC-047"]
    {
        assert!(judged(id), "{id}");
    }
    for id in ["PROC-017", "PROC-034", "PROC-041", "PROC-048"] {
        assert!(!judged(id), "{id}");
    }
}

#[test]
fn a_provider_without_a_process_is_not_judged_by_one() {
    let judgement = judge(&Setting::of(Vec::new()).run().1);
    assert!(!judgement.judged.iter().any(|id| id.starts_with("PROC") || id.starts_with("CAP")));
}

#[test]
fn each_rule_is_tripped_by_its_events_alone() {
    let ok = Some(ExitStatus::Code(0));
    let text = |text: &str| text.to_owned();
    let with = |change: fn(&mut Handshake)| {
        let mut line = fields();
        change(&mut line);
        vec![ProcessEvent::Handshake(line)]
    };
    let mtls = |event| vec![Launched { mtls: true }, ProcessEvent::Handshake(fields()), event];
    let table: Vec<(&[u32], Vec<ProcessEvent>)> = vec![
        (&[1], vec![line("starting", 9, LineEnd::Newline)]),
        (&[1], vec![line("", 1, LineEnd::Newline)]),
        (&[1], vec![line("1|1|unix", 9, LineEnd::Newline)]),
        (&[2], vec![line("", 0, LineEnd::Deadline)]),
        (&[2], vec![line("", 0, LineEnd::Closed)]),
        (&[3], vec![line("1|1|", 4, LineEnd::Deadline)]),
        (&[4], vec![line("aaaa", 65536, LineEnd::TooLong)]),
        (&[5], vec![FirstLine { text: text("?"), bytes: 2, utf8: false, end: LineEnd::Newline }]),
        (&[6], with(|line| line.core = "2".to_owned())),
        (&[7], with(|line| line.app = "9".to_owned())),
        (&[8], with(|line| line.network = "udp".to_owned())),
        (&[9], with(|line| line.protocol = Some("netrpc".to_owned()))),
        (&[10], with(|line| line.protocol = None)),
        (&[11], vec![not_connected(ConnectProblem::Refused)]),
        (&[12], vec![not_connected(ConnectProblem::Elsewhere)]),
        (&[13], vec![not_connected(ConnectProblem::Http1)]),
        (&[14], vec![not_connected(ConnectProblem::GoneAway)]),
        (&[15], vec![launched(), certificate(CertificateProblem::Unasked)]),
        (&[16], mtls(certificate(CertificateProblem::Absent))),
        (&[17], mtls(certificate(CertificateProblem::Garbage))),
        (&[18], mtls(certificate(CertificateProblem::Expired))),
        (&[19], mtls(certificate(CertificateProblem::OtherName))),
        (
            &[20],
            [mtls(certificate(CertificateProblem::OtherKey)), vec![not_connected(ConnectProblem::Tls)]]
                .concat(),
        ),
        (&[21], vec![launched(), NotStarted { why: WhyNot::Empty, detail: text("0 bytes") }]),
        (&[22], vec![line("", 0, LineEnd::Closed), exited(Phase::Start, ExitStatus::Code(3)), output(0, 4)]),
        (&[23], vec![ProcessEvent::Handshake(fields()), not_connected(ConnectProblem::Exited)]),
        (&[24], vec![Connected, exited(Phase::Call, ExitStatus::Code(1)), broken(CallProblem::Lost)]),
        (&[25], vec![launched(), Connected, exited(Phase::Idle, ExitStatus::Signal(11))]),
        (
            &[24, 26],
            vec![
                launched(),
                Connected,
                exited(Phase::Call, ExitStatus::Code(2)),
                CrashReport { text: text("panic: boom") },
            ],
        ),
        (&[27], vec![broken(CallProblem::Hang)]),
        (&[28], vec![broken(CallProblem::NoStatus)]),
        (&[29], vec![broken(CallProblem::ContentType)]),
        (&[30], vec![broken(CallProblem::TooLarge)]),
        (&[31], vec![broken(CallProblem::Endless)]),
        (&[32], vec![broken(CallProblem::Reset)]),
        (&[33], vec![broken(CallProblem::GoneAway)]),
        (&[34], vec![Connected, broken(CallProblem::AfterCancel)]),
        (&[35], vec![asked(ShutdownAnswer::Hang), stopped(2000, None, false)]),
        (&[36], vec![asked(ShutdownAnswer::Taken), stopped(2500, ok, false)]),
        (&[37], vec![stopped(10, None, true)]),
        (&[38], vec![asked(ShutdownAnswer::Unimplemented)]),
        (&[39], vec![left(2, 0)]),
        (&[40], vec![stopped(10, ok, false), left(0, 1)]),
        (&[41], vec![Crowd { processes: 65 }]),
        (&[42], vec![output(0, (64 << 20) + 1)]),
        (&[43], vec![output((1 << 20) + 1, 0)]),
        (&[44], vec![log_line(LogProblem::WrongType)]),
        (&[45], vec![log_line(LogProblem::NotUtf8)]),
        (&[46], vec![log_line(LogProblem::TooLong)]),
        (&[47], vec![Health { status: text("NOT_SERVING") }]),
        (&[48], vec![WithoutCookie { status: ok, stderr: String::new(), stdout: true }]),
        (&[49], vec![memory([10, 30, 50, 70, 90])]),
        (&[], vec![memory([10, 30, 50, 70, 70])]),
        (&[], vec![memory([10, 30, 50, 90, 90])]),
        (&[], vec![Crowd { processes: 64 }]),
        (&[], vec![output(1 << 20, 64 << 20)]),
        (&[], vec![asked(ShutdownAnswer::Taken), stopped(2000, ok, false)]),
        (
            &[20],
            [mtls(Certificate { problem: None, detail: text("") }), vec![not_connected(ConnectProblem::Tls)]]
                .concat(),
        ),
        (
            &[17],
            [mtls(certificate(CertificateProblem::Garbage)), vec![not_connected(ConnectProblem::Tls)]]
                .concat(),
        ),
        (&[], vec![memory([10, 20, 40, 60, 74])]),
    ];
    for (expected, events) in table {
        let expected: Vec<String> = expected.iter().map(|number| format!("PROC-{number:03}")).collect();
        assert_eq!(found(&events), expected, "{events:?}");
    }
}

#[test]
fn certificates_are_judged_where_they_were_asked_for() {
    let judged = |events: &[ProcessEvent]| -> Vec<&str> {
        let judged = judge(&trace(events)).judged.into_iter();
        judged.filter(|id| ("PROC-015"..="PROC-020").contains(id)).collect()
    };
    let (asked, line) = (|| Launched { mtls: true }, || ProcessEvent::Handshake(fields()));
    for (events, expected) in [
        (vec![line()], vec![]),
        (vec![launched()], vec![]),
        (vec![launched(), line(), Connected], vec!["PROC-015"]),
        (vec![launched(), certificate(CertificateProblem::Unasked)], vec!["PROC-015"]),
        (vec![asked()], vec![]),
        (vec![asked(), line()], vec!["PROC-016"]),
        (vec![asked(), line(), certificate(CertificateProblem::Absent)], vec!["PROC-016"]),
        (vec![asked(), Connected], vec!["PROC-020"]),
    ] {
        assert_eq!(judged(&events), expected, "{events:?}");
    }
    let other_key = judged(&[asked(), certificate(CertificateProblem::OtherKey)]);
    assert!(other_key.contains(&"PROC-020"), "{other_key:?}");
}

#[test]
fn a_finding_tells_what_was_seen() {
    let first = |events: &[ProcessEvent]| judge(&trace(events)).findings.swap_remove(0);
    let said = |events: &[ProcessEvent]| first(events).message;

    let empty = said(&[line("", 1, LineEnd::Newline)]);
    assert_eq!(empty, "stdout begins with an empty line; expected the handshake line first");
    let long = said(&[line(&"é".repeat(200), 401, LineEnd::Newline)]);
    let shown = format!("stdout begins with \"{}\" and so on: ", "é".repeat(120));
    assert!(long.starts_with(&shown), "{long}");

    let why = said(&[launched(), NotStarted { why: WhyNot::Empty, detail: "0 bytes".to_owned() }]);
    assert!(why.contains("the file is empty; build or install it again"), "{why}");
    let killed = said(&[asked(ShutdownAnswer::Taken), stopped(10, None, false)]);
    assert!(killed.starts_with("the plugin had to be killed 10 ms after Shutdown"), "{killed}");

    let left = [line("", 0, LineEnd::Closed), exited(Phase::Start, ExitStatus::Code(3)), output(0, 4)];
    let ended = first(&left);
    assert!(ended.message.ends_with(". The last line on stderr: \"bye\""), "{}", ended.message);
    assert_eq!(ended.evidence, [1, 2]);
}

/// A known failure is pinned to its message, which must not be another one each time.
#[test]
fn the_last_line_is_told_without_its_time() {
    for (line, expected) in [
        (
            r#"{"@level":"error","@message":"no token","@timestamp":"2026-01-02T03:04:05.6Z","pid":7}"#,
            "no token",
        ),
        ("2026/01/02 03:04:05 no token: 401", "no token: 401"),
        ("2026-01-02T03:04:05.678Z [ERROR] plugin: no token", "[ERROR] plugin: no token"),
        ("3 errors occurred", "3 errors occurred"),
        (r#"{"@message":1}"#, r#"{"@message":1}"#),
        ("", ""),
    ] {
        assert_eq!(said(line), expected);
    }
}
