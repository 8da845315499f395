//! The switches of the hostile plugin: one way of going wrong each, and the rules that have to say so.

/// One way in which the hostile plugin misbehaves, chosen by the name under which it is started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Switch {
    /// The file name that chooses it.
    pub(crate) name: &'static str,
    /// What the plugin does.
    pub(crate) about: &'static str,
    /// The rules that have to be tripped. What follows from the misbehaviour may trip others beside them.
    pub(crate) trips: &'static [&'static str],
    /// A part of what the finding says; empty where nothing is asked of it.
    pub(crate) message: &'static str,
    /// Whether the host has to ask for `AutoMTLS`.
    pub(crate) mtls: bool,
    /// The start deadline that the host has to set, in milliseconds; none where any will do.
    pub(crate) start_ms: Option<u64>,
    /// The deadline of each call that the host has to set, in milliseconds; none where any will do.
    pub(crate) call_ms: Option<u64>,
}

impl Switch {
    const fn new(name: &'static str, about: &'static str, trips: &'static [&'static str]) -> Self {
        Self { name, about, trips, message: "", mtls: false, start_ms: None, call_ms: None }
    }

    const fn says(self, message: &'static str) -> Self {
        Self { message, ..self }
    }

    const fn under_mtls(self) -> Self {
        Self { mtls: true, ..self }
    }

    const fn starts_within(self, millis: u64) -> Self {
        Self { start_ms: Some(millis), ..self }
    }

    const fn answers_within(self, millis: u64) -> Self {
        Self { call_ms: Some(millis), ..self }
    }
}

/// Every switch, in the order of a plugin's life.
pub(crate) const SWITCHES: &[Switch] = &[
    Switch::new("good", "does nothing wrong", &[]),
    // The handshake line.
    Switch::new("noise-before-line", "greets on stdout before its handshake", &["PROC-001"]),
    Switch::new("empty-line", "begins stdout with an empty line", &["PROC-001"]),
    Switch::new("three-fields", "prints a line of three fields", &["PROC-001"]),
    Switch::new("no-line", "prints nothing, and stays", &["PROC-002"]).starts_within(1000),
    Switch::new("line-just-in-time", "prints its line after 700 ms, which is allowed", &[])
        .starts_within(3000),
    Switch::new("line-too-late", "prints its line after 1600 ms", &["PROC-002"]).starts_within(1000),
    Switch::new("half-line", "stops in the middle of its line, and stays", &["PROC-003"]).starts_within(1000),
    Switch::new("half-line-exit", "exits in the middle of its line", &["PROC-022"]),
    Switch::new("huge-line", "prints 100 MB without a line feed", &["PROC-004"]),
    Switch::new("binary-line", "has bytes in its line that are not UTF-8", &["PROC-005"]),
    Switch::new("wrong-core", "says core protocol 2", &["PROC-006"]).says("2"),
    Switch::new("wrong-app", "says application protocol 9", &["PROC-007"]).says("9"),
    Switch::new("wrong-network", "says the network udp", &["PROC-008"]).says("udp"),
    Switch::new("wrong-protocol", "says the protocol netrpc", &["PROC-009"]).says("netrpc"),
    Switch::new("four-fields", "does not say its protocol", &["PROC-010"]),
    Switch::new("exit-before-line", "exits with 3 before its handshake", &["PROC-022"]).says("3"),
    Switch::new("exit-after-line", "exits with 3 behind its handshake", &["PROC-023"]).says("3"),
    Switch::new("no-cookie-check", "serves without the cookie too", &["PROC-048"]),
    // The address, and who is there.
    Switch::new("address-of-nothing", "names a socket that does not exist", &["PROC-011"]),
    Switch::new("address-of-a-file", "names a file that is no socket", &["PROC-011"]),
    Switch::new("bad-address", "names an address that cannot be one", &["PROC-011"]),
    Switch::new("address-elsewhere", "names an address of another machine", &["PROC-012"]).says("192.0.2.1"),
    Switch::new("address-of-another-server", "names a server that sends back what it reads", &["PROC-013"])
        .answers_within(1000),
    Switch::new("address-of-http1-server", "names a TCP server of HTTP/1.1", &["PROC-013"]),
    Switch::new("http1", "speaks HTTP/1.1 on its own socket", &["PROC-013"]),
    Switch::new("goaway-at-once", "sends GOAWAY as soon as the host is connected", &["PROC-014"]),
    Switch::new("not-serving", "says NOT_SERVING to the health check", &["PROC-047"]).says("NOT_SERVING"),
    // Certificates.
    Switch::new("cert-unasked", "prints a certificate that nobody asked for", &["PROC-015"]),
    Switch::new("cert-absent", "prints no certificate, and serves without TLS", &["PROC-016"]).under_mtls(),
    Switch::new("cert-garbage", "prints base64 that is no certificate", &["PROC-017"]).under_mtls(),
    Switch::new("cert-expired", "has a certificate that ended in 2001", &["PROC-018"]).under_mtls(),
    Switch::new("cert-other-name", "has a certificate for example.com", &["PROC-019"]).under_mtls(),
    Switch::new("cert-other-key", "shows another certificate than it printed", &["PROC-020"]).under_mtls(),
    // The load sequence.
    Switch::new("manifest-error", "answers GetManifest with an error", &["CAP-001"]),
    Switch::new("registry-error", "answers GetContractRegistry with an error", &["CAP-002"]),
    Switch::new("registry-unimplemented", "does not know GetContractRegistry", &["CAP-003"]),
    Switch::new("registry-empty", "lists no service", &["CAP-003"]),
    Switch::new("registry-lies", "lists a service that it does not serve", &["CAP-008"])
        .says("IaCProviderEnumerator"),
    Switch::new("served-not-registered", "serves ResourceDriver without listing it", &["CAP-009"])
        .says("ResourceDriver"),
    Switch::new("initialize-error", "answers Initialize with an error", &["CAP-004"]),
    Switch::new("capabilities-error", "answers Capabilities with an error", &["CAP-005"]),
    Switch::new("gate-v1", "declares compute_plan_version v1", &["CAP-006"]).says("v1"),
    Switch::new("gate-typo", "declares compute_plan_version V2", &["CAP-006"]).says("V2"),
    Switch::new("calls-home", "asks the proxy for api.example.com during Initialize", &["CAP-010"])
        .says("api.example.com"),
    // Calls.
    Switch::new("exit-in-call", "exits with 3 in Capabilities", &["PROC-024"]).says("3"),
    Switch::new("segfault-in-call", "dies of SIGSEGV in Capabilities", &["PROC-025"]),
    Switch::new("panic-in-call", "panics in Capabilities as a Go program does", &["PROC-026"])
        .says("runtime error"),
    Switch::new("hang-in-registry", "never answers GetContractRegistry", &["PROC-027"]).answers_within(500),
    Switch::new("hang-in-initialize", "never answers Initialize", &["PROC-027"]).answers_within(500),
    Switch::new("hang-in-capabilities", "never answers Capabilities", &["PROC-027"]).answers_within(500),
    Switch::new("hang-in-create", "never answers Create", &["PROC-027"]).answers_within(500),
    Switch::new("hang-in-apply", "wants its own Apply to be called, and never answers it", &["PROC-027"])
        .says("Apply")
        .answers_within(500),
    Switch::new("hang-in-finalize", "never answers FinalizeApply", &["PROC-027"]).answers_within(500),
    Switch::new("no-trailers", "ends the reply to Capabilities without a status", &["PROC-028"]),
    Switch::new("wrong-content-type", "answers Capabilities with text/html", &["PROC-029"]),
    Switch::new("http-status-500", "answers Capabilities with HTTP status 500", &["PROC-029"]),
    Switch::new("huge-reply", "announces 1 GiB in reply to Capabilities, and sends it", &["PROC-030"]),
    Switch::new("endless-stream", "answers Capabilities again and again", &["PROC-031"]),
    Switch::new("reset-each-call", "resets the stream of every call of the contract", &["PROC-032"]),
    Switch::new("goaway-in-call", "sends GOAWAY in Capabilities, and closes", &["PROC-033"]),
    Switch::new("connection-closed-in-call", "closes the connection in Capabilities", &["PROC-033"]),
    Switch::new(
        "reply-after-cancel",
        "answers Capabilities 700 ms after it is cancelled",
        &["PROC-027", "PROC-034"],
    )
    .answers_within(1000),
    Switch::new("grows", "keeps 256 KiB of memory for each call of Capabilities", &["PROC-049"]),
    // Reflection, which is asked where the name begins so.
    Switch::new("reflection-of-old", "serves reflection under its older name alone, which is allowed", &[]),
    Switch::new("reflection-contradicts", "tells another number for a field of ResourceRef", &["CAP-012"])
        .says("ResourceRef.provider_id"),
    Switch::new("reflection-adds", "tells of a field that no revision has", &["CAP-013"])
        .says("ResourceRef.zone"),
    Switch::new("reflection-of-nothing", "tells of no service of the contract", &["CAP-012"])
        .says("no package"),
    Switch::new("reflection-garbled", "tells descriptors that nobody can read", &["CAP-014"]),
    Switch::new("reflection-absent", "does not serve reflection", &["CAP-014"]).says("Unimplemented"),
    // Output.
    Switch::new("stderr-flood", "writes 1 GiB, or HOSTILE_FLOOD_BYTES, to stderr", &["PROC-042"]),
    Switch::new(
        "stdout-flood",
        "writes 8 MiB, or HOSTILE_FLOOD_BYTES, to stdout behind its line",
        &["PROC-043"],
    ),
    Switch::new("log-wrong-types", "logs a message that is a number", &["PROC-044"]),
    Switch::new("log-invalid-utf8", "logs bytes that are not UTF-8", &["PROC-045"]),
    Switch::new("log-endless-line", "logs 8 MiB without a line feed", &["PROC-046"]),
    // The end, and what is left.
    Switch::new("hang-in-shutdown", "never answers Shutdown", &["PROC-035"]).answers_within(500),
    Switch::new(
        "ignore-sigterm",
        "answers Shutdown and stays, and ignores SIGTERM",
        &["PROC-036", "PROC-037"],
    ),
    Switch::new("no-controller", "does not know Shutdown, and stays", &["PROC-038"]),
    Switch::new("grandchildren", "starts children that outlive it and hold its output", &["PROC-039"]),
    Switch::new("leaves-socket", "leaves its socket behind", &["PROC-040"]),
    Switch::new("storm", "has 200 children at once, which end with it", &["PROC-041"]),
];
