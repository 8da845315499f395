//! Connecting to a plugin, and saying why that fails (E-207, E-208).

use std::{
    error::Error,
    fs, io, iter,
    net::SocketAddr,
    os::unix::fs::FileTypeExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use counterfoil_core::trace::ConnectProblem;
use counterfoil_proto::handshake::Line;
use rustls::ClientConfig;
use tokio::time::Instant;

use crate::provider::{
    Address, Connection, connect,
    connection::Target,
    frames::{Late, Opening},
};

/// Why there is no connection, and what was seen.
pub(super) type Why = (ConnectProblem, String);

/// The longest path of a socket, in bytes.
const LONGEST_PATH: usize = 107;

/// The address of a handshake line.
///
/// # Errors
/// When it can be none, or leads away from this machine.
pub(super) fn address(line: &Line) -> Result<Address, Why> {
    let bad = |detail| Err((ConnectProblem::BadAddress, detail));
    let text = line.address.as_str();
    if line.network == "unix" {
        return match text.len() {
            0 => bad("the path of its socket is empty".to_owned()),
            _ if text.contains('\0') => bad(format!("the path of its socket, {text:?}, cannot be one")),
            length if length > LONGEST_PATH => bad(format!(
                "the path of its socket has {length} bytes, and {LONGEST_PATH} are the most: {text}"
            )),
            _ => Ok(Address::Unix(PathBuf::from(text))),
        };
    }
    // The Go standard library, which hosts use, takes names too; a plugin prints what its listener says.
    let parsed = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}").parse::<SocketAddr>(),
        None => text.parse(),
    };
    match parsed {
        Err(_) => bad(format!("its address {text:?} is no IP address with a port")),
        Ok(address) if address.port() == 0 => bad(format!("its address {text:?} has the port 0")),
        Ok(address) if address.ip().is_loopback() => Ok(Address::Tcp(address)),
        Ok(address) => {
            let detail = format!("its address {address} is not one of this machine: it was not dialled");
            Err((ConnectProblem::Elsewhere, detail))
        }
    }
}

/// Connects, `until` at most, and waits until the peer has begun to speak HTTP/2.
///
/// # Errors
/// Says why there is no connection.
pub(super) async fn open(
    address: Address,
    tls: Option<Arc<ClientConfig>>,
    late: Option<Late>,
    until: Instant,
) -> Result<Connection, Why> {
    if let Address::Unix(socket) = &address {
        examine(socket)?;
    }
    let broken = if tls.is_some() { ConnectProblem::Tls } else { ConnectProblem::GoneAway };
    let mut target = Target::from(address.clone()).with_tls(tls);
    if let Some(late) = late {
        target = target.with_late(late);
    }
    let deadline = |_| (ConnectProblem::Deadline, format!("{address} does not answer before the deadline"));
    let dialled = tokio::time::timeout_at(until, connect(target)).await.map_err(deadline)?;
    let connection = dialled.map_err(|error| failed(&address, &error))?;
    let mut opening = connection.opening();
    let begun = opening.wait_for(|opening| *opening != Opening::Awaited);
    let begun = tokio::time::timeout_at(until, begun).await.map_err(deadline)?;
    let begun = begun.map_or(Opening::Closed, |opening| opening.clone());
    match begun {
        Opening::Ready => Ok(connection),
        Opening::Http1(words) => Err((
            ConnectProblem::Http1,
            format!("{address} answers in HTTP/1, and gRPC needs HTTP/2: {:?}", first_line(&words)),
        )),
        Opening::Other(words) => {
            Err((ConnectProblem::NotHttp2, format!("{address} speaks no HTTP/2; it begins with {words:?}")))
        }
        Opening::GoneAway(code) => {
            Err((ConnectProblem::GoneAway, format!("{address} says GOAWAY at once, with error code {code}")))
        }
        Opening::Broken(words) => {
            Err((broken, format!("the connection to {address} breaks at once: {words}")))
        }
        Opening::Closed | Opening::Awaited => {
            Err((ConnectProblem::GoneAway, format!("{address} closes the connection at once")))
        }
    }
}

fn first_line(words: &str) -> &str {
    words.lines().next().unwrap_or_default()
}

/// Looks at what is where a socket should be.
///
/// # Errors
/// Says what is there instead.
pub(super) fn examine(socket: &Path) -> Result<(), Why> {
    match fs::metadata(socket) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err((ConnectProblem::NothingThere, format!("nothing is at {}", socket.display())))
        }
        Ok(metadata) if !metadata.file_type().is_socket() => {
            Err((ConnectProblem::NotASocket, format!("{} is no socket", socket.display())))
        }
        // What else there may be shows when it is dialled.
        _ => Ok(()),
    }
}

fn failed(address: &Address, error: &(dyn Error + 'static)) -> Why {
    let causes = || iter::successors(Some(error), |&error| error.source());
    let words: Vec<String> = causes().skip(1).map(ToString::to_string).collect();
    let detail = format!("{address}: {}", words.join(": "));
    let system = causes().find_map(|cause| cause.downcast_ref::<io::Error>());
    let tls = system.and_then(io::Error::get_ref).is_some_and(<dyn Error + Send + Sync>::is::<rustls::Error>);
    let problem = match system.map(io::Error::kind) {
        _ if tls => ConnectProblem::Tls,
        Some(io::ErrorKind::NotFound) => ConnectProblem::NothingThere,
        Some(io::ErrorKind::ConnectionRefused) => ConnectProblem::Refused,
        Some(io::ErrorKind::InvalidInput | io::ErrorKind::AddrNotAvailable) => ConnectProblem::BadAddress,
        // Who dials has no word yet from the peer, so that it ended the connection is all there is.
        _ => ConnectProblem::GoneAway,
    };
    (problem, detail)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::{TcpListener, UnixListener},
    };

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(10)
    }

    async fn problem(address: Address) -> ConnectProblem {
        open(address, None, None, soon()).await.unwrap_err().0
    }

    #[test]
    fn only_addresses_of_this_machine_are_dialled() {
        let of =
            |network, text: &str| address(&Line::grpc(network, text, None)).map_err(|(problem, _)| problem);
        assert_eq!(of("tcp", "127.0.0.1:80"), Ok(Address::Tcp(([127, 0, 0, 1], 80).into())));
        assert_eq!(of("tcp", "localhost:80"), Ok(Address::Tcp(([127, 0, 0, 1], 80).into())));
        assert!(of("tcp", "[::1]:80").is_ok());
        assert_eq!(of("tcp", "192.0.2.1:80"), Err(ConnectProblem::Elsewhere));
        assert_eq!(of("tcp", "127.0.0.1"), Err(ConnectProblem::BadAddress));
        assert_eq!(of("tcp", "127.0.0.1:0"), Err(ConnectProblem::BadAddress));
        assert_eq!(of("unix", ""), Err(ConnectProblem::BadAddress));
        assert_eq!(of("unix", &"x".repeat(200)), Err(ConnectProblem::BadAddress));
    }

    #[tokio::test]
    async fn what_is_no_server_is_told_apart() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s");
        let address = || Address::Unix(path.clone());
        assert_eq!(problem(address()).await, ConnectProblem::NothingThere);
        fs::write(&path, "").unwrap();
        assert_eq!(problem(address()).await, ConnectProblem::NotASocket);
        fs::remove_file(&path).unwrap();
        drop(UnixListener::bind(&path).unwrap());
        assert_eq!(problem(address()).await, ConnectProblem::Refused);
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        assert_eq!(problem(Address::Tcp(free)).await, ConnectProblem::Refused);
    }

    #[tokio::test]
    async fn a_peer_that_speaks_something_else_is_told_apart() {
        let settings: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
        let goaway: &[u8] = &[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        for (words, expected) in [
            (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], ConnectProblem::Http1),
            (b"SSH-2.0-OpenSSH_9.7\r\n", ConnectProblem::NotHttp2),
            (b"", ConnectProblem::GoneAway),
            (goaway, ConnectProblem::GoneAway),
            (&[settings, goaway].concat(), ConnectProblem::GoneAway),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = Address::Tcp(listener.local_addr().unwrap());
            let words = words.to_owned();
            let serving = tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut preface = [0; 24];
                stream.read_exact(&mut preface).await.unwrap();
                stream.write_all(&words).await.unwrap();
            });
            let found = problem(address).await;
            assert_eq!(found, expected);
            serving.await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_peer_that_says_nothing_is_waited_for_until_the_deadline() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = Address::Tcp(listener.local_addr().unwrap());
        let until = Instant::now() + Duration::from_millis(50);
        assert_eq!(open(address, None, None, until).await.unwrap_err().0, ConnectProblem::Deadline);
    }
}
