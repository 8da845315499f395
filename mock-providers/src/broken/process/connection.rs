//! What happens to a connection, below the calls.
//!
//! The server stands behind a pipe within the process, so that there is a place for TLS, and for what a server would
//! never do: frames written by hand, and an end in the middle of a call.

use std::{convert::Infallible, error::Error, io, net, sync::Arc, time::Duration};

use counterfoil_proto::{
    go_plugin::{grpc_controller_server::GrpcControllerServer, grpc_stdio_server::GrpcStdioServer},
    handshake::Line,
    health::{health_check_response::ServingStatus, health_server::HealthServer},
};
use tokio::{
    io::{
        AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, copy, copy_bidirectional,
        duplex, sink, split,
    },
    net::{TcpListener, UnixListener, UnixStream},
    sync::{Mutex, Notify, mpsc},
    time::sleep,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Server;

use super::{
    calls::{Misbehaving, served},
    certificate::Identity,
    line,
    services::{Controller, Says, Stdio, add_reflection},
};
use crate::{Provider, Setup};

/// How much the pipe within the process holds, in bytes.
const PIPE: usize = 1 << 16;

const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
/// The last stream that was served is 0: none was. The reason is `INTERNAL_ERROR`.
const GOAWAY: [u8; 17] = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];

/// Binds the plugin's socket, and returns it with the handshake line that tells of it.
///
/// Must be called within a Tokio runtime.
///
/// # Errors
/// When the socket cannot be bound.
pub(super) fn bind(identity: &Identity) -> io::Result<(UnixListener, Line)> {
    let path = line::socket();
    let listener = UnixListener::bind(&path)?;
    Ok((listener, Line::grpc("unix", path.display().to_string(), identity.printed.clone())))
}

/// Serves whoever connects.
///
/// # Errors
/// When no more connections can be taken.
pub(super) async fn serve(
    switch: &'static str,
    listener: UnixListener,
    identity: Identity,
) -> io::Result<Infallible> {
    let leaving = Arc::<Notify>::default();
    let (accepted, incoming) = mpsc::channel(16);
    tokio::spawn(server(switch, Arc::clone(&leaving), incoming));
    let identity = Arc::new(identity);
    loop {
        let (peer, _) = listener.accept().await?;
        tokio::spawn(meet(switch, peer, Arc::clone(&identity), accepted.clone(), Arc::clone(&leaving)));
    }
}

/// Serves on a socket that is none of a plugin's from now on.
///
/// # Errors
/// When the listener cannot be used.
pub(super) fn serve_another(switch: &str, listener: net::TcpListener) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let speaks_http = switch == "address-of-http1-server";
    tokio::spawn(async move {
        while let Ok((mut peer, _)) = listener.accept().await {
            tokio::spawn(async move {
                if speaks_http {
                    return refuse_http2(&mut peer).await;
                }
                let (mut from, mut to) = peer.split();
                copy(&mut from, &mut to).await.map(drop)
            });
        }
    });
    Ok(())
}

async fn server(
    switch: &'static str,
    leaving: Arc<Notify>,
    incoming: mpsc::Receiver<io::Result<DuplexStream>>,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let compute_plan_version = match switch {
        "gate-v1" | "gate-v1-before-0-57" | "hang-in-apply" => "v1",
        "gate-typo" => "V2",
        _ => "v2",
    };
    let setup = Setup {
        plugin: switch.into(),
        compute_plan_version: compute_plan_version.into(),
        services: served(),
        ..Setup::default()
    };
    let health = if switch == "not-serving" { ServingStatus::NotServing } else { ServingStatus::Serving };
    let routes = Provider::new(setup)
        .routes()
        .add_service(HealthServer::new(Says(health)))
        .add_service(GrpcControllerServer::new(Controller { leaves_socket: switch == "leaves-socket" }))
        .add_service(GrpcStdioServer::new(Stdio));
    let routes = add_reflection(routes, switch)?;
    Server::builder()
        .layer(tower::layer::layer_fn(move |inner| Misbehaving {
            inner,
            switch,
            leaving: Arc::clone(&leaving),
        }))
        .add_routes(routes)
        .serve_with_incoming(ReceiverStream::new(incoming))
        .await?;
    Ok(())
}

/// One connection, from its beginning to its end.
async fn meet(
    switch: &str,
    mut peer: UnixStream,
    identity: Arc<Identity>,
    accepted: mpsc::Sender<io::Result<DuplexStream>>,
    leaving: Arc<Notify>,
) -> io::Result<()> {
    match switch {
        "http1" => return refuse_http2(&mut peer).await,
        "goaway-at-once" => {
            peer.write_all(&[&SETTINGS[..], &GOAWAY].concat()).await?;
            return bow_out(&mut peer).await;
        }
        _ => {}
    }
    let (ours, servers) = duplex(PIPE);
    if accepted.send(Ok(servers)).await.is_err() {
        return Ok(());
    }
    match (&identity.tls, switch) {
        (Some(tls), _) => join(tls.accept(peer).await?, ours).await,
        (None, "reply-after-cancel") => answer_the_cancelled(peer, ours).await,
        (None, _) => {
            tokio::select! {
                ended = join(&mut peer, ours) => return ended,
                () = leaving.notified() => {}
            }
            // The server is waiting within a call, so that no frame of its own is cut in two here.
            if switch == "goaway-in-call" {
                peer.write_all(&GOAWAY).await?;
                return bow_out(&mut peer).await;
            }
            Ok(())
        }
    }
}

async fn join(mut peer: impl AsyncRead + AsyncWrite + Unpin, mut server: DuplexStream) -> io::Result<()> {
    copy_bidirectional(&mut peer, &mut server).await.map(drop)
}

/// What a server of HTTP/1.1 says to the preface of HTTP/2.
async fn refuse_http2(peer: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<()> {
    let mut preface = [0; 24];
    peer.read_exact(&mut preface).await?;
    peer.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await?;
    bow_out(peer).await
}

/// Says no more, and listens until the peer is done: to a peer that is writing, a closed connection is broken, whatever was
/// said before.
async fn bow_out(peer: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<()> {
    peer.shutdown().await?;
    copy(peer, &mut sink()).await.map(drop)
}

/// How long the answer to a cancelled call takes: longer than one that is on its way already, and shorter than a
/// library remembers what it cancelled.
const LATE: Duration = Duration::from_millis(700);

/// Joins peer and server, and answers the first stream that the peer resets. Until then what else the peer asks has to
/// wait, so that it does not end the plugin before.
async fn answer_the_cancelled(peer: UnixStream, server: DuplexStream) -> io::Result<()> {
    const PREFACE: usize = 24;
    const HEAD: usize = 9;
    const RST_STREAM: u8 = 3;

    let (mut from_peer, to_peer) = peer.into_split();
    let (mut from_server, mut to_server) = split(server);
    let to_peer = Arc::new(Mutex::new(to_peer));
    let back = Arc::clone(&to_peer);
    tokio::spawn(async move {
        let mut buffer = vec![0; PIPE];
        loop {
            let read = from_server.read(&mut buffer).await?;
            if read == 0 {
                return Ok::<(), io::Error>(());
            }
            back.lock().await.write_all(&buffer[..read]).await?;
        }
    });

    let mut preface = [0; PREFACE];
    let mut cancelled = false;
    from_peer.read_exact(&mut preface).await?;
    to_server.write_all(&preface).await?;
    loop {
        let mut head = [0; HEAD];
        from_peer.read_exact(&mut head).await?;
        let [l1, l2, l3, kind, _, stream @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, l1, l2, l3]) as usize];
        from_peer.read_exact(&mut payload).await?;
        to_server.write_all(&[&head[..], &payload].concat()).await?;
        if kind == RST_STREAM && !cancelled {
            cancelled = true;
            sleep(LATE).await;
            to_peer.lock().await.write_all(&late_answer(stream)).await?;
        }
    }
}

/// HEADERS, DATA with an empty message, and HEADERS with the status OK, for a stream.
fn late_answer(stream: [u8; 4]) -> Vec<u8> {
    const DATA: u8 = 0;
    const HEADERS: u8 = 1;
    const END_STREAM: u8 = 1;
    const END_HEADERS: u8 = 4;

    let frame = |kind, flags, payload: &[u8]| {
        let length = u8::try_from(payload.len()).expect("these frames are short");
        [&[0, 0, length, kind, flags][..], &stream, payload].concat()
    };
    // 0x88 is `:status: 200` of the static table.
    let head = [&[0x88][..], &field("content-type", "application/grpc")].concat();
    [
        frame(HEADERS, END_HEADERS, &head),
        frame(DATA, 0, &[0; 5]),
        frame(HEADERS, END_HEADERS | END_STREAM, &field("grpc-status", "0")),
    ]
    .concat()
}

/// A header field that touches no table of HPACK.
fn field(name: &str, value: &str) -> Vec<u8> {
    let text = |text: &str| {
        let length = u8::try_from(text.len()).expect("these names and values are short");
        [&[length][..], text.as_bytes()].concat()
    };
    [&[0][..], &text(name), &text(value)].concat()
}
