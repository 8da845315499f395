//! Where a plugin's calls to the world end while no cloud is to be reached: a proxy that refuses, and tells.

use std::{collections::BTreeSet, ffi::OsString, io, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::timeout,
};
use tokio_util::task::AbortOnDropHandle;

/// The longest beginning of a request that is looked at, in bytes.
const HEAD: usize = 8 << 10;
/// How long a client may take to say where it wants to go.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many clients are heard at once.
const MOST_CLIENTS: usize = 64;
/// How many hosts are told of.
const MOST_HOSTS: usize = 100;

const REFUSAL: &[u8] = b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n\
    Counterfoil keeps the plugin from reaching anything: it runs offline. --live lets it.\n";

/// A proxy on this machine that refuses every request. It is there until this is dropped.
#[derive(Debug)]
pub struct Outbound {
    port: u16,
    _serving: AbortOnDropHandle<()>,
}

impl Outbound {
    /// Begins to listen; `told` is given each host, with its port, once.
    ///
    /// # Errors
    /// When nothing can listen on the loopback interface.
    pub async fn start(told: impl Fn(String) + Send + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let serving = tokio::spawn(async move {
            let (mut clients, mut hosts) = (JoinSet::new(), BTreeSet::new());
            loop {
                tokio::select! {
                    accepted = listener.accept(), if clients.len() < MOST_CLIENTS => {
                        if let Ok((client, _)) = accepted {
                            clients.spawn(async move { timeout(PATIENCE, refuse(client)).await.ok().flatten() });
                        }
                    }
                    Some(wanted) = clients.join_next(), if !clients.is_empty() => {
                        let Ok(Some(host)) = wanted else { continue };
                        if hosts.len() < MOST_HOSTS && hosts.insert(host.clone()) {
                            told(host);
                        }
                    }
                }
            }
        });
        Ok(Self { port, _serving: AbortOnDropHandle::new(serving) })
    }

    /// The variables that lead a plugin here.
    pub fn environment(&self) -> impl Iterator<Item = (OsString, OsString)> {
        let proxy = format!("http://127.0.0.1:{}", self.port);
        let led = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"];
        let led = led.into_iter().map(move |name| (name.into(), proxy.clone().into()));
        led.chain(["NO_PROXY", "no_proxy"].into_iter().map(|name| (name.into(), OsString::new())))
    }
}

/// Reads where a client wants to go, and refuses. None where it does not say.
async fn refuse(mut client: TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < HEAD {
        if client.read_buf(&mut head).await.ok()? == 0 {
            break;
        }
    }
    let head = String::from_utf8_lossy(&head);
    let mut words = head.lines().next()?.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let authority = match target.split_once("://") {
        _ if method == "CONNECT" => target,
        Some((_, rest)) => rest.split(['/', '?']).next()?,
        None => return None,
    };
    // What stands before an @ is a name and a password.
    let host: String = authority.rsplit('@').next()?.chars().take(256).collect();
    let _ = client.write_all(REFUSAL).await;
    let _ = client.shutdown().await;
    Some(host)
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn what_a_client_wants_is_refused_and_told_once() {
        let (tell, mut told) = mpsc::unbounded_channel();
        let outbound = Outbound::start(move |host| tell.send(host).unwrap()).await.unwrap();
        let variables: Vec<_> = outbound.environment().collect();
        assert!(variables.iter().any(|(name, value)| {
            name == "HTTPS_PROXY" && value.to_string_lossy().ends_with(&format!(":{}", outbound.port))
        }));
        for request in [
            "CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com\r\n\r\n",
            "CONNECT api.example.com:443 HTTP/1.1\r\n\r\n",
            "GET http://me:word@example.org/path HTTP/1.1\r\n\r\n",
        ] {
            let mut client = TcpStream::connect(("127.0.0.1", outbound.port)).await.unwrap();
            client.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
        }
        assert_eq!(told.recv().await.as_deref(), Some("api.example.com:443"));
        assert_eq!(told.recv().await.as_deref(), Some("example.org"));
    }
}
