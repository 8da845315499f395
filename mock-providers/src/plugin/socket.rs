//! The plugin's socket: where it lies, and who connects to it.

use std::{
    env, fs,
    io::{self, ErrorKind},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    pin::Pin,
    process,
    sync::Arc,
    task::{Context, Poll},
};

use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::UnixListener,
    sync::mpsc,
};
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;

pub use crate::serve::SocketFile;

/// Binds a socket of a name that nobody has, in `dir` or where temporary files go.
///
/// Must be called within a Tokio runtime.
///
/// # Errors
/// When nothing can be bound there.
pub fn bind(dir: Option<&Path>) -> io::Result<(UnixListener, SocketFile)> {
    let dir = dir.map_or_else(env::temp_dir, PathBuf::from);
    for attempt in 0..100 {
        let path = dir.join(format!("plugin{}-{attempt}", process::id()));
        match UnixListener::bind(&path) {
            Ok(listener) => {
                let socket = SocketFile(path);
                fs::set_permissions(&socket.0, fs::Permissions::from_mode(0o600))?;
                return Ok((listener, socket));
            }
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            Err(error) => {
                return Err(io::Error::new(error.kind(), format!("{}: {error}", path.display())));
            }
        }
    }
    Err(io::Error::new(ErrorKind::AddrInUse, format!("every name of a socket is taken in {}", dir.display())))
}

/// The connections to a listener. Each is secured in a task of its own: a host that is slow at it keeps nobody waiting.
pub(super) fn connections(
    listener: UnixListener,
    tls: Option<ServerConfig>,
) -> ReceiverStream<io::Result<Connection>> {
    let (sender, receiver) = mpsc::channel(8);
    let tls = tls.map(|config| TlsAcceptor::from(Arc::new(config)));
    tokio::spawn(async move {
        loop {
            let stream = tokio::select! {
                accepted = listener.accept() => accepted.map(|(stream, _)| stream),
                () = sender.closed() => return,
            };
            let (sender, tls) = (sender.clone(), tls.clone());
            tokio::spawn(async move {
                let connection = match (stream, tls) {
                    (Ok(stream), None) => Ok(Connection(Box::pin(stream))),
                    (Ok(stream), Some(tls)) => match tls.accept(stream).await {
                        Ok(stream) => Ok(Connection(Box::pin(stream))),
                        // A host that is refused ends its own connection; as an error it would end the server.
                        Err(_) => return,
                    },
                    (Err(error), _) => Err(error),
                };
                let _ = sender.send(connection).await;
            });
        }
    });
    ReceiverStream::new(receiver)
}

trait Stream: AsyncRead + AsyncWrite + Send {}
impl<T: AsyncRead + AsyncWrite + Send> Stream for T {}

/// A connection, secured or plain.
pub(super) struct Connection(Pin<Box<dyn Stream>>);

impl Connected for Connection {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.as_mut().poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_shutdown(context)
    }
}
