//! The handshake of the plugin process protocol: the environment that a host gives a plugin, and the line by which the
//! plugin answers on its standard output. See P-001 to P-006 in `docs/facts.md`.

use std::{fmt, str::FromStr};

/// The variable that says that a plugin was started by a host of the engine, not by hand (E-200).
pub const COOKIE_KEY: &str = "WORKFLOW_PLUGIN";
/// The value of [`COOKIE_KEY`].
pub const COOKIE_VALUE: &str = "workflow-external-plugin-v1";
/// The one version of the core protocol.
pub const CORE_VERSION: u32 = 1;
/// The one version of the engine's application protocol (E-200).
pub const APP_VERSION: u32 = 1;

/// The versions of the application protocol that the host speaks, separated by commas.
pub const PROTOCOL_VERSIONS: &str = "PLUGIN_PROTOCOL_VERSIONS";
/// The lowest port of a plugin that listens on TCP.
pub const MIN_PORT: &str = "PLUGIN_MIN_PORT";
/// The highest port of a plugin that listens on TCP.
pub const MAX_PORT: &str = "PLUGIN_MAX_PORT";
/// The host's certificate as PEM: it asks for `AutoMTLS`.
pub const CLIENT_CERT: &str = "PLUGIN_CLIENT_CERT";
/// Where the plugin's socket has to lie.
pub const SOCKET_DIR: &str = "PLUGIN_UNIX_SOCKET_DIR";

/// The name by which the health service knows the plugin.
pub const HEALTH_SERVICE: &str = "plugin";

/// A certificate in the line is one only if it is longer than this, in characters (E-204).
pub const SHORTEST_CERTIFICATE: usize = 50;

/// The fields of a handshake line, as they stand in it.
///
/// ```
/// use counterfoil_proto::handshake::Line;
///
/// let line: Line = "1|1|unix|/tmp/plugin7|grpc||true\n".parse()?;
/// assert_eq!((line.network.as_str(), line.address.as_str()), ("unix", "/tmp/plugin7"));
/// assert_eq!(line.to_string(), "1|1|unix|/tmp/plugin7|grpc||true");
/// # Ok::<(), counterfoil_proto::handshake::TooFewFields>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The version of the core protocol; has to be [`CORE_VERSION`].
    pub core: String,
    /// The version of the application protocol that the plugin chose.
    pub app: String,
    /// `unix` or `tcp`.
    pub network: String,
    /// The path of a socket, or host and port.
    pub address: String,
    /// `grpc` or `netrpc`. Where it is missing, one family of hosts reads `netrpc`, the other `grpc` (E-204).
    pub protocol: Option<String>,
    /// The plugin's certificate, DER in base64 without padding; empty without `AutoMTLS`.
    pub certificate: Option<String>,
    /// Whether the plugin can multiplex, in newer lines.
    pub multiplex: Option<String>,
}

/// A line with less than four fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a handshake line has at least 4 fields separated by '|', and this one has {0}")]
pub struct TooFewFields(pub usize);

impl Line {
    /// The line of a plugin that speaks gRPC at an address of this network, with its certificate where there is one.
    pub fn grpc(network: &str, address: impl Into<String>, certificate: Option<String>) -> Self {
        Self {
            core: CORE_VERSION.to_string(),
            app: APP_VERSION.to_string(),
            network: network.to_owned(),
            address: address.into(),
            protocol: Some("grpc".to_owned()),
            certificate: Some(certificate.unwrap_or_default()),
            multiplex: None,
        }
    }

    /// How many fields it has.
    pub fn fields(&self) -> usize {
        let further = [&self.protocol, &self.certificate, &self.multiplex];
        4 + further.into_iter().take_while(|field| field.is_some()).count()
    }
}

impl FromStr for Line {
    type Err = TooFewFields;

    /// Reads a line; white space around it does not count, nor does what stands behind the seventh field.
    fn from_str(line: &str) -> Result<Self, TooFewFields> {
        let fields: Vec<&str> = line.trim().split('|').collect();
        let [core, app, network, address, further @ ..] = &fields[..] else {
            return Err(TooFewFields(fields.len()));
        };
        let further = |at: usize| further.get(at).map(|field| (*field).to_owned());
        Ok(Self {
            core: (*core).to_owned(),
            app: (*app).to_owned(),
            network: (*network).to_owned(),
            address: (*address).to_owned(),
            protocol: further(0),
            certificate: further(1),
            multiplex: further(2),
        })
    }
}

impl fmt::Display for Line {
    /// The line without its end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}|{}|{}|{}", self.core, self.app, self.network, self.address)?;
        let further = [&self.protocol, &self.certificate, &self.multiplex];
        further.into_iter().map_while(Option::as_ref).try_for_each(|field| write!(f, "|{field}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_both_families_are_read() {
        for (text, fields) in [
            ("1|1|unix|/tmp/plugin123|grpc||true\n", 7),
            ("1|1|tcp|127.0.0.1:10000|grpc|", 6),
            ("1|1|unix|/tmp/p|netrpc", 5),
            (" 1|1|unix|/tmp/p \r\n", 4),
        ] {
            let line: Line = text.parse().unwrap();
            assert_eq!(line.fields(), fields, "{text:?}");
            assert_eq!(line.to_string(), text.trim());
        }
        assert_eq!("1|1|unix\n".parse::<Line>(), Err(TooFewFields(3)));
        assert_eq!("".parse::<Line>(), Err(TooFewFields(1)));
    }

    #[test]
    fn our_own_line_has_a_field_for_the_certificate() {
        assert_eq!(Line::grpc("unix", "/s/p", None).to_string(), "1|1|unix|/s/p|grpc|");
    }
}
