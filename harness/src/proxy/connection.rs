//! One connection of the host, and the one to the plugin that belongs to it.

use std::{error::Error, io, sync::Arc, time::Duration};

use bytes::Bytes;
use h2::{Reason, client, server};
use tokio::{
    io::AsyncWriteExt as _,
    net::{UnixListener, UnixStream},
    task::{JoinHandle, JoinSet},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::stream::{self, Between, Held};
use crate::provider::{Opening, Stream, Target};

/// How much of a stream may be on its way from one side to the other, in bytes: what is not taken is not asked for.
const STREAM_WINDOW: u32 = 1 << 20;
/// The same of a connection. It is larger by much, so that streams that nobody reads do not hold up the others.
const CONNECTION_WINDOW: u32 = 32 << 20;
/// The longest headers. An error text travels in one, and peers take that many bytes of them.
const HEADERS: u32 = 16 << 20;
/// How long answers that the plugin gave before it went may take to the host.
const LAST_ANSWERS: Duration = Duration::from_secs(1);
/// How long it takes until another connection is tried for where none can be had.
const BREATH: Duration = Duration::from_millis(20);
/// How long the host may take to read what is sent to it before the connection breaks.
const SENDING: Duration = Duration::from_millis(50);

/// The way from a connection of the host to the plugin.
pub(super) struct Way {
    /// The plugin.
    pub target: Target,
    /// Where the host asked for `AutoMTLS`: with the certificate that our line tells.
    pub tls: Option<TlsAcceptor>,
    /// The same with another one, for a plugin that shows another than its line told.
    pub other_tls: Option<TlsAcceptor>,
    /// What stands in between.
    pub between: Arc<Between>,
}

/// Takes connections of the host until `over` fires, and then waits for the end of those that there are.
pub(super) async fn accept(listener: UnixListener, way: Arc<Way>, over: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = over.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((host, _)) => {
                    let way = Arc::clone(&way);
                    connections.spawn(async move { way.carry(host).await });
                }
                // Too many descriptors, for instance: what is open goes on.
                Err(_) => tokio::time::sleep(BREATH).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
    while connections.join_next().await.is_some() {}
}

impl Way {
    /// Carries one connection to its end. An error ends it, which is what each side gets to see of it.
    async fn carry(&self, host: UnixStream) -> Result<(), Box<dyn Error + Send + Sync>> {
        let (plugin, mut opening) = match self.target.open().await {
            Ok(opened) => opened,
            Err(error) => {
                if let Some(tls) = self.other_tls.as_ref().filter(|_| is_tls(&error)) {
                    tls.accept(host).await?;
                }
                return Err(error.into());
            }
        };
        let mut host: Box<dyn Stream> = match &self.tls {
            Some(tls) => Box::new(tls.accept(host).await?),
            None => Box::new(host),
        };
        let (requests, plugin) = speaks_to_plugin().handshake(plugin).await?;
        let plugin = tokio::spawn(plugin);
        let began = opening.wait_for(|opening| *opening != Opening::Awaited).await;
        let began = began.map_or(Opening::Closed, |opening| opening.clone());
        match began {
            Opening::Ready => {}
            Opening::Http1(words) | Opening::Other(words) => {
                host.write_all(words.as_bytes()).await?;
                host.shutdown().await?;
                return Ok(());
            }
            Opening::GoneAway(code) => {
                let mut host = speaks_to_host().handshake::<_, Bytes>(host).await?;
                host.abrupt_shutdown(code.into());
                flush(&mut host).await;
                return Ok(());
            }
            Opening::Awaited | Opening::Closed | Opening::Broken(_) => return Ok(()),
        }
        let host = speaks_to_host().handshake(host).await?;
        relay(host, requests, plugin, &self.between).await;
        Ok(())
    }
}

/// Whether it is TLS that failed, and not what it goes over.
fn is_tls(error: &io::Error) -> bool {
    error.get_ref().is_some_and(<dyn Error + Send + Sync>::is::<rustls::Error>)
}

fn speaks_to_host() -> server::Builder {
    let mut builder = server::Builder::new();
    builder
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(HEADERS)
        // How small its pieces are is between the host and the plugin.
        .data_frame_budget(usize::MAX);
    builder
}

fn speaks_to_plugin() -> client::Builder {
    let mut builder = client::Builder::new();
    builder
        .enable_push(false)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(HEADERS)
        .data_frame_budget(usize::MAX);
    builder
}

type Host = server::Connection<Box<dyn Stream>, Bytes>;

/// Carries streams for as long as both connections last.
async fn relay(
    mut host: Host,
    requests: client::SendRequest<Bytes>,
    mut plugin: JoinHandle<Result<(), h2::Error>>,
    between: &Arc<Between>,
) {
    let cut = async {
        match &between.faults {
            Some(faults) => faults.cut().await,
            None => std::future::pending().await,
        }
    };
    let mut cut = std::pin::pin!(cut);
    let (mut streams, mut held) = (JoinSet::new(), Vec::new());
    let ended = loop {
        tokio::select! {
            accepted = host.accept() => match accepted {
                Some(Ok((request, respond))) => {
                    streams.spawn(stream::carry(request, respond, requests.clone(), Arc::clone(between)));
                }
                // The host is gone. With the streams go the calls that it had under way.
                Some(Err(_)) | None => return,
            },
            Some(carried) = streams.join_next() => held.extend(carried.ok().flatten()),
            ended = &mut plugin => break ended,
            // A fault loses it, on both sides.
            () = &mut cut => return plugin.abort(),
        }
    };
    // What the plugin had answered still arrives. What it had not stays open until the connection breaks.
    let last_answers = async {
        while !streams.is_empty() {
            tokio::select! {
                Some(carried) = streams.join_next() => held.extend(carried.ok().flatten()),
                accepted = host.accept() => match accepted {
                    Some(Ok((_, respond))) => held.push(Held::new(respond)),
                    Some(Err(_)) | None => return,
                },
            }
        }
        if let Some(reason) = said(ended.ok()) {
            host.abrupt_shutdown(reason);
        }
        flush(&mut host).await;
    };
    let _ = timeout(LAST_ANSWERS, last_answers).await;
}

/// What a plugin said when it ended its connection; none where that just broke.
fn said(ended: Option<Result<(), h2::Error>>) -> Option<Reason> {
    match ended? {
        Ok(()) => Some(Reason::NO_ERROR),
        Err(error) if error.is_go_away() => error.reason(),
        Err(_) => None,
    }
}

/// Sends what is to be sent, as far as the host takes it soon.
async fn flush(host: &mut Host) {
    let _ = timeout(SENDING, std::future::poll_fn(|cx| host.poll_closed(cx))).await;
}
