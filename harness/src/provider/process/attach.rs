//! Where a plugin is that runs already (P-016).

use std::{fmt, path::PathBuf, str::FromStr};

use counterfoil_proto::handshake::Line;

use super::connect;
use crate::provider::Address;

/// Where a plugin is that is not our process: never killed, and never asked to end.
///
/// Read from `unix:PATH` or `tcp:HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attach(pub(super) Address);

impl FromStr for Attach {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("{text:?} is no address: expected unix:PATH or tcp:HOST:PORT");
        let (network, address) = text.split_once(':').ok_or_else(expected)?;
        if !matches!(network, "unix" | "tcp") {
            return Err(expected());
        }
        let address = connect::address(&Line::grpc(network, address, None)).map_err(|(_, detail)| detail)?;
        Ok(Self(match address {
            Address::Unix(path) => {
                Address::Unix(std::path::absolute(&path).unwrap_or_else(|_| PathBuf::from(&path)))
            }
            tcp @ Address::Tcp(_) => tcp,
        }))
    }
}

impl fmt::Display for Attach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_networks_are_read_and_mistakes_are_told() {
        let unix: Attach = "unix:/run/plugin.sock".parse().unwrap();
        assert_eq!(unix.0.to_string(), "unix:/run/plugin.sock");
        let tcp: Attach = "tcp:localhost:1234".parse().unwrap();
        assert_eq!(tcp.0.to_string(), "tcp:127.0.0.1:1234");
        for wrong in ["/run/plugin.sock", "udp:localhost:1", "tcp:1234", "unix:", ""] {
            wrong.parse::<Attach>().unwrap_err();
        }
    }
}
