//! Which broken processes there are, what a host has to do for each to show, and the rules that have to say so.

use std::time::Duration;

use counterfoil_proto::Revision;
use serde_json::json;

use crate::{ServedService, Setup};

/// A plugin process with exactly one defect, or with none where no rule must find it.
#[derive(Clone, Debug)]
pub struct ProcessMutant {
    /// Its name: that of the program too.
    pub name: &'static str,
    /// What it does.
    pub what: &'static str,
    /// The rules that must find it, and no other may.
    pub caught_by: &'static [&'static str],
    /// Where its defect shows.
    pub shows_in: ShowsIn,
    /// The revision at which it shows.
    pub revision: Revision,
    /// Whether the host has to ask for `AutoMTLS`.
    pub mtls: bool,
    /// Whether the host has to ask for reflection.
    pub reflect: bool,
    /// The start deadline that the host has to set; none where any will do.
    pub start: Option<Duration>,
    /// The deadline of each call that the host has to set; none where any will do.
    pub call: Option<Duration>,
    /// The text of the plugin.json beside its program; none where there is no such file.
    pub manifest: Option<fn(name: &str) -> String>,
    /// The text of its program; none where [`serve`](super::serve) is what runs.
    pub program: Option<&'static str>,
}

/// Where the defect of a process shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShowsIn {
    /// It is started, loaded and asked to end.
    Load,
    /// A plan is applied that creates a resource.
    Plan,
    /// It is asked the same questions, again and again.
    Questions,
}

impl ProcessMutant {
    const fn new(name: &'static str, what: &'static str, caught_by: &'static [&'static str]) -> Self {
        Self {
            name,
            what,
            caught_by,
            shows_in: ShowsIn::Load,
            revision: Revision::Head,
            mtls: false,
            reflect: false,
            start: None,
            call: None,
            manifest: None,
            program: None,
        }
    }

    const fn in_a_plan(self) -> Self {
        Self { shows_in: ShowsIn::Plan, ..self }
    }

    const fn in_questions(self) -> Self {
        Self { shows_in: ShowsIn::Questions, ..self }
    }

    const fn at(self, revision: Revision) -> Self {
        Self { revision, ..self }
    }

    const fn under_mtls(self) -> Self {
        Self { mtls: true, ..self }
    }

    const fn reflected(self) -> Self {
        Self { reflect: true, ..self }
    }

    const fn starts_within(self, start: Duration) -> Self {
        Self { start: Some(start), ..self }
    }

    const fn answers_within(self, call: Duration) -> Self {
        Self { call: Some(call), ..self }
    }

    const fn with_manifest(self, manifest: fn(&str) -> String) -> Self {
        Self { manifest: Some(manifest), ..self }
    }

    const fn with_program(self, program: &'static str) -> Self {
        Self { program: Some(program), ..self }
    }
}

/// A deadline that is soon over, and that what is in order does not miss.
const SHORT: Duration = Duration::from_secs(1);

/// The plugin.json of a process, in order but for a service that is not served.
fn one_service_too_many(name: &str) -> String {
    let provider = Setup::default();
    json!({
        "name": name,
        "version": provider.version,
        "author": "Counterfoil",
        "description": "A plugin that declares more than it serves",
        "minEngineVersion": "0.57.0",
        "capabilities": { "iacProvider": { "name": provider.name } },
        "iacProvider": { "computePlanVersion": provider.compute_plan_version },
        "iacServices": ServedService::ALL.map(ServedService::name),
    })
    .to_string()
}

/// Processes that do nothing wrong, some of them in a way that a host could take for wrong.
pub const CONTROLS: &[ProcessMutant] = &[
    ProcessMutant::new("good", "does nothing wrong", &[]),
    ProcessMutant::new("line-just-in-time", "prints its line after 700 ms, which is allowed", &[])
        .starts_within(Duration::from_secs(3)),
    ProcessMutant::new(
        "reflection-of-old",
        "serves reflection under its older name alone, which is allowed",
        &[],
    )
    .reflected(),
];

/// Every broken process, in the order of a plugin's life.
pub const PROCESSES: &[ProcessMutant] = &[
    // The program.
    ProcessMutant::new("empty-program", "has a program without a byte", &["PROC-021"]).with_program(""),
    // The handshake line.
    ProcessMutant::new("noise-before-line", "greets on stdout before its handshake", &["PROC-001"]),
    ProcessMutant::new("empty-line", "begins stdout with an empty line", &["PROC-001"]),
    ProcessMutant::new("three-fields", "prints a line of three fields", &["PROC-001"]),
    ProcessMutant::new("no-line", "prints nothing, and stays", &["PROC-002"]).starts_within(SHORT),
    ProcessMutant::new("line-too-late", "prints its line after 1600 ms", &["PROC-002"]).starts_within(SHORT),
    ProcessMutant::new("half-line", "stops in the middle of its line, and stays", &["PROC-003"])
        .starts_within(SHORT),
    ProcessMutant::new("half-line-exit", "exits in the middle of its line", &["PROC-022"]),
    ProcessMutant::new("huge-line", "prints 512 KiB without a line feed", &["PROC-004"]),
    ProcessMutant::new("binary-line", "has bytes in its line that are not UTF-8", &["PROC-005"]),
    ProcessMutant::new("wrong-core", "says core protocol 2", &["PROC-006"]),
    ProcessMutant::new("wrong-app", "says application protocol 9", &["PROC-007"]),
    ProcessMutant::new("wrong-network", "says the network udp", &["PROC-008"]),
    ProcessMutant::new("wrong-protocol", "says the protocol netrpc", &["PROC-009"]),
    ProcessMutant::new("four-fields", "does not say its protocol", &["PROC-010"]),
    ProcessMutant::new("exit-before-line", "exits with 3 before its handshake", &["PROC-022"]),
    ProcessMutant::new("exit-after-line", "exits with 3 behind its handshake", &["PROC-023"]),
    ProcessMutant::new("no-cookie-check", "serves without the cookie too", &["PROC-048"]),
    // The address, and who is there.
    ProcessMutant::new("address-of-nothing", "names a socket that does not exist", &["PROC-011"]),
    ProcessMutant::new("address-of-a-file", "names a file that is no socket", &["PROC-011"]),
    ProcessMutant::new("bad-address", "names an address that cannot be one", &["PROC-011"]),
    ProcessMutant::new("address-elsewhere", "names an address of another machine", &["PROC-012"]),
    ProcessMutant::new(
        "address-of-another-server",
        "names a server that sends back what it reads",
        &["PROC-013"],
    )
    .answers_within(SHORT),
    ProcessMutant::new("address-of-http1-server", "names a TCP server of HTTP/1.1", &["PROC-013"]),
    ProcessMutant::new("http1", "speaks HTTP/1.1 on its own socket", &["PROC-013"]),
    ProcessMutant::new("goaway-at-once", "sends GOAWAY as soon as the host is connected", &["PROC-014"]),
    ProcessMutant::new("not-serving", "says NOT_SERVING to the health check", &["PROC-047"]),
    // Certificates.
    ProcessMutant::new("cert-unasked", "prints a certificate that nobody asked for", &["PROC-015"]),
    ProcessMutant::new("cert-absent", "prints no certificate, and serves without TLS", &["PROC-016"])
        .under_mtls(),
    ProcessMutant::new("cert-garbage", "prints base64 that is no certificate", &["PROC-017"]).under_mtls(),
    ProcessMutant::new("cert-expired", "has a certificate that ended in 2001", &["PROC-018"]).under_mtls(),
    ProcessMutant::new("cert-other-name", "has a certificate for example.com", &["PROC-019"]).under_mtls(),
    ProcessMutant::new("cert-other-key", "shows another certificate than it printed", &["PROC-020"])
        .under_mtls(),
    // The load sequence.
    ProcessMutant::new("manifest-error", "answers GetManifest with an error", &["CAP-001"]),
    ProcessMutant::new(
        "registry-error",
        "answers GetContractRegistry with an error",
        &["CAP-002", "CAP-009"],
    ),
    ProcessMutant::new(
        "registry-unimplemented",
        "does not know GetContractRegistry",
        &["CAP-003", "CAP-009"],
    ),
    ProcessMutant::new("registry-empty", "lists no service", &["CAP-003", "CAP-009"]),
    ProcessMutant::new("registry-lies", "lists a service that it does not serve", &["CAP-008"]),
    ProcessMutant::new("served-not-registered", "serves ResourceDriver without listing it", &["CAP-009"]),
    ProcessMutant::new("initialize-error", "answers Initialize with an error", &["CAP-004"]),
    ProcessMutant::new("capabilities-error", "answers Capabilities with an error", &["CAP-005"]),
    ProcessMutant::new("gate-v1", "declares compute_plan_version v1", &["CAP-006"]),
    ProcessMutant::new("gate-typo", "declares compute_plan_version V2", &["CAP-006"]),
    ProcessMutant::new("gate-v1-before-0-57", "declares compute_plan_version v1 at 0.56", &["CAP-007"])
        .at(Revision::V0_56),
    ProcessMutant::new(
        "declared-not-registered",
        "declares a service in plugin.json that its registry does not list",
        &["CAP-011"],
    )
    .with_manifest(one_service_too_many),
    ProcessMutant::new("calls-home", "asks the proxy for api.example.com during Initialize", &["CAP-010"]),
    // Calls.
    ProcessMutant::new("exit-in-call", "exits with 3 in Capabilities", &["PROC-024"]),
    ProcessMutant::new("segfault-in-call", "dies of SIGSEGV in Capabilities", &["PROC-025"]),
    ProcessMutant::new(
        "panic-in-call",
        "panics in Capabilities as a Go program does",
        &["PROC-024", "PROC-026"],
    ),
    ProcessMutant::new("hang-in-registry", "never answers GetContractRegistry", &["PROC-027"])
        .answers_within(SHORT),
    ProcessMutant::new("hang-in-initialize", "never answers Initialize", &["PROC-027"]).answers_within(SHORT),
    ProcessMutant::new("hang-in-capabilities", "never answers Capabilities", &["PROC-027"])
        .answers_within(SHORT),
    ProcessMutant::new("hang-in-create", "never answers Create", &["PROC-027"])
        .answers_within(SHORT)
        .in_a_plan(),
    ProcessMutant::new(
        "hang-in-apply",
        "wants its own Apply to be called, and never answers it",
        &["CAP-007", "PROC-027"],
    )
    .answers_within(SHORT)
    .in_a_plan()
    .at(Revision::V0_56),
    ProcessMutant::new("hang-in-finalize", "never answers FinalizeApply", &["PROC-027"])
        .answers_within(SHORT),
    ProcessMutant::new("no-trailers", "ends the reply to Capabilities without a status", &["PROC-028"]),
    ProcessMutant::new("wrong-content-type", "answers Capabilities with text/html", &["PROC-029"]),
    ProcessMutant::new("http-status-500", "answers Capabilities with HTTP status 500", &["PROC-029"]),
    ProcessMutant::new("huge-reply", "announces 1 GiB in reply to Capabilities, and sends it", &["PROC-030"]),
    ProcessMutant::new("endless-stream", "answers Capabilities again and again", &["PROC-031"]),
    ProcessMutant::new("reset-each-call", "resets the stream of every call of the contract", &["PROC-032"]),
    ProcessMutant::new("goaway-in-call", "sends GOAWAY in Capabilities, and closes", &["PROC-033"]),
    ProcessMutant::new("connection-closed-in-call", "closes the connection in Capabilities", &["PROC-033"]),
    ProcessMutant::new(
        "reply-after-cancel",
        "answers Capabilities 700 ms after it is cancelled",
        &["PROC-027", "PROC-034"],
    )
    .answers_within(SHORT),
    ProcessMutant::new("grows", "keeps 256 KiB of memory for each call of Capabilities", &["PROC-049"])
        .in_questions(),
    // Reflection.
    ProcessMutant::new(
        "reflection-contradicts",
        "tells another number for a field of ResourceRef",
        &["CAP-012"],
    )
    .reflected(),
    ProcessMutant::new("reflection-adds", "tells of a field that no revision has", &["CAP-013"]).reflected(),
    ProcessMutant::new("reflection-of-nothing", "tells of no service of the contract", &["CAP-012"])
        .reflected(),
    ProcessMutant::new("reflection-garbled", "tells descriptors that nobody can read", &["CAP-014"])
        .reflected(),
    ProcessMutant::new("reflection-absent", "does not serve reflection", &["CAP-014"]).reflected(),
    // Output.
    ProcessMutant::new("stderr-flood", "writes 80 MiB, or HOSTILE_FLOOD_BYTES, to stderr", &["PROC-042"]),
    ProcessMutant::new(
        "stdout-flood",
        "writes 2 MiB, or HOSTILE_FLOOD_BYTES, to stdout behind its line",
        &["PROC-043"],
    ),
    ProcessMutant::new("log-wrong-types", "logs a message that is a number", &["PROC-044"]),
    ProcessMutant::new("log-invalid-utf8", "logs bytes that are not UTF-8", &["PROC-045"]),
    ProcessMutant::new("log-endless-line", "logs 8 MiB without a line feed", &["PROC-046"]),
    // The end, and what is left.
    ProcessMutant::new("hang-in-shutdown", "never answers Shutdown", &["PROC-035"]).answers_within(SHORT),
    ProcessMutant::new(
        "ignore-sigterm",
        "answers Shutdown and stays, and ignores SIGTERM",
        &["PROC-036", "PROC-037"],
    ),
    ProcessMutant::new("no-controller", "does not know Shutdown, and stays", &["PROC-038"]),
    ProcessMutant::new("grandchildren", "starts children that outlive it and hold its output", &["PROC-039"]),
    ProcessMutant::new("leaves-socket", "leaves its socket behind", &["PROC-040"]),
    ProcessMutant::new("storm", "has 200 children at once, which end with it", &["PROC-041"]),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_process_goes_by_the_name_of_another_and_each_is_told_whole() {
        let all: Vec<_> = PROCESSES.iter().chain(CONTROLS).collect();
        let names: BTreeSet<&str> = all.iter().map(|mutant| mutant.name).collect();
        assert_eq!(names.len(), all.len());
        assert!(all.iter().all(|mutant| !mutant.what.is_empty()));
    }

    #[test]
    fn what_breaks_something_is_found_and_what_breaks_nothing_is_not() {
        assert!(PROCESSES.iter().all(|mutant| !mutant.caught_by.is_empty()));
        assert!(CONTROLS.iter().all(|mutant| mutant.caught_by.is_empty()));
    }
}
