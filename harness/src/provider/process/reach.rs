//! What a handshake line leads to, for who is not the host but goes on to the plugin all the same.

use std::sync::Arc;

use counterfoil_mock::plugin::certificate::Identity;
use counterfoil_proto::handshake::Line;

use super::{
    connect, handshake,
    tls::{self, Examined, Pinned},
};
use crate::provider::{Address, Target};

/// How the plugin of this line is reached; `identity` is the one that it was given where it was asked for `AutoMTLS`.
/// None where a host would go no further: by the versions, the network, the protocol, the certificate or the address
/// (E-204, E-207).
pub(crate) fn reach(line: &Line, identity: Option<&Identity>) -> Option<Target> {
    handshake::accept(line).ok()?;
    let address = connect::address(line).ok()?;
    if let Address::Unix(socket) = &address {
        connect::examine(socket).ok()?;
    }
    let tls = match (handshake::certificate(line), identity) {
        (None, None) => None,
        (Some(text), Some(identity)) => {
            let Examined { der: Some(der), problem: None, .. } = Examined::new(text) else { return None };
            Some(Arc::new(tls::client(identity, &Pinned::new(der)).ok()?))
        }
        _ => return None,
    };
    Some(Target::from(address).with_tls(tls))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_behind_which_no_host_goes_on_leads_nowhere() {
        let identity = Identity::generate().unwrap();
        let here = || Line::grpc("tcp", "127.0.0.1:80", None);
        let certified = || Line { certificate: Some(identity.field()), ..here() };
        assert!(reach(&here(), None).is_some());
        assert!(reach(&certified(), Some(&identity)).is_some());
        for (line, identity) in [
            (certified(), None),
            (here(), Some(&identity)),
            (Line { certificate: Some("!".repeat(60)), ..here() }, Some(&identity)),
            (Line { core: "2".into(), ..here() }, None),
            (Line { address: "192.0.2.1:80".into(), ..here() }, None),
            (Line::grpc("unix", "/nothing/there", None), None),
        ] {
            assert!(reach(&line, identity).is_none(), "{line}");
        }
    }
}
