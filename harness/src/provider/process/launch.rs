//! What a launch is given: program, environment, deadlines, limits.

use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use counterfoil_proto::handshake::{
    APP_VERSION, CLIENT_CERT, COOKIE_KEY, COOKIE_VALUE, MAX_PORT, MIN_PORT, PROTOCOL_VERSIONS, SOCKET_DIR,
};

/// Takes the secrets out of a text before it is recorded.
pub type Redact = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// How a plugin is launched.
#[derive(Clone)]
pub struct LaunchOptions {
    /// The program.
    pub program: PathBuf,
    /// Where it runs; the program's own directory where this is none (E-202).
    pub directory: Option<PathBuf>,
    /// The variables that it is given beside those of the protocol; nothing is inherited.
    pub environment: BTreeMap<OsString, OsString>,
    /// Whether it is asked for `AutoMTLS` (P-007).
    pub mtls: bool,
    /// How long each phase may take.
    pub deadlines: Deadlines,
    /// The largest message that is taken, in bytes.
    pub message_limit: usize,
    /// The program of which `supervise` is a command: our own.
    pub supervisor: PathBuf,
    /// Takes secrets out of what is recorded.
    pub redact: Redact,
}

/// How long each phase may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// From the launch to the end of the handshake line (E-206).
    pub start: Duration,
    /// To be connected.
    pub connect: Duration,
    /// Each call.
    pub call: Duration,
    /// The call of Shutdown itself.
    pub shutdown_call: Duration,
    /// From the end of that call to the end of the process (E-210).
    pub shutdown: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            start: seconds(60),
            connect: seconds(10),
            call: seconds(30),
            shutdown_call: seconds(5),
            shutdown: seconds(2),
        }
    }
}

impl LaunchOptions {
    /// Launches `program` as a host of the engine does.
    ///
    /// # Errors
    /// When the system does not tell where our own program is, which supervises the plugin.
    pub fn new(program: impl Into<PathBuf>) -> io::Result<Self> {
        Ok(Self::supervised_by(env::current_exe()?, program))
    }

    /// The same, supervised by the `counterfoil` command at this path.
    pub fn supervised_by(supervisor: impl Into<PathBuf>, program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            directory: None,
            environment: BTreeMap::new(),
            mtls: false,
            deadlines: Deadlines::default(),
            message_limit: 64 << 20,
            supervisor: supervisor.into(),
            redact: Arc::new(str::to_owned),
        }
    }

    /// The directory in which the program runs.
    pub(super) fn working_directory(&self, program: &Path) -> PathBuf {
        let own = || program.parent().map_or_else(|| PathBuf::from("/"), Path::to_owned);
        self.directory.clone().unwrap_or_else(own)
    }

    /// The whole environment (P-005, E-201): what the user names, and what a host sets. `private` is the private
    /// directory, `certificate` that of the host where it asks for `AutoMTLS`.
    pub(super) fn environment(
        &self,
        private: &Path,
        certificate: Option<&str>,
        cookie: bool,
    ) -> BTreeMap<OsString, OsString> {
        let mut environment = self.environment.clone();
        for name in ["HOME", "TMPDIR"] {
            environment.entry(name.into()).or_insert_with(|| private.into());
        }
        let mut set = |name: &str, value: OsString| environment.insert(name.into(), value);
        set(MIN_PORT, "10000".into());
        set(MAX_PORT, "25000".into());
        set(PROTOCOL_VERSIONS, APP_VERSION.to_string().into());
        set(SOCKET_DIR, private.into());
        if let Some(certificate) = certificate {
            set(CLIENT_CERT, certificate.into());
        }
        if cookie {
            set(COOKIE_KEY, COOKIE_VALUE.into());
        } else {
            environment.remove(&OsString::from(COOKIE_KEY));
        }
        environment
    }
}

impl fmt::Debug for LaunchOptions {
    /// Values of variables may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LaunchOptions")
            .field("program", &self.program)
            .field("directory", &self.directory)
            .field("environment", &self.environment.keys())
            .field("mtls", &self.mtls)
            .field("deadlines", &self.deadlines)
            .field("message_limit", &self.message_limit)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_is_what_a_host_sets_and_what_the_user_names() {
        let mut options = LaunchOptions::supervised_by("counterfoil", "/plugins/p/p");
        options.environment.insert("REGION".into(), "nyc3".into());
        options.environment.insert("HOME".into(), "/home/me".into());
        let names = |cookie| {
            let environment = options.environment(Path::new("/tmp/cf-1"), Some("PEM"), cookie);
            assert_eq!(environment[&OsString::from("HOME")], "/home/me");
            assert_eq!(environment[&OsString::from("TMPDIR")], "/tmp/cf-1");
            environment.into_keys().map(|name| name.into_string().unwrap()).collect::<Vec<_>>().join(" ")
        };
        let without = "HOME PLUGIN_CLIENT_CERT PLUGIN_MAX_PORT PLUGIN_MIN_PORT PLUGIN_PROTOCOL_VERSIONS \
                       PLUGIN_UNIX_SOCKET_DIR REGION TMPDIR";
        assert_eq!(names(false), without);
        assert_eq!(names(true), format!("{without} WORKFLOW_PLUGIN"));
        assert_eq!(options.working_directory(&options.program), Path::new("/plugins/p"));
    }
}
