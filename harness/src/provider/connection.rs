//! A gRPC connection over a Unix socket that can be cut.

use std::{
    io, mem,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use counterfoil_mock::fault::Cut;
use http::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::UnixStream,
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::{
    body::Body,
    transport::{Channel, Endpoint, Error},
};
use tower::{Service, ServiceExt as _, service_fn};

/// A connection to whatever listens on a Unix socket. Clones are one connection.
///
/// It can be [cut](Self::cut): calls under way fail, and the next one dials anew.
#[derive(Clone, Debug)]
pub struct Connection(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    socket: PathBuf,
    line: Mutex<Line>,
}

/// A channel, and the switch that breaks the streams under it.
#[derive(Debug)]
struct Line {
    channel: Channel,
    switch: CancellationToken,
}

/// Connects to whatever listens on `socket`.
///
/// # Errors
/// When nothing does.
pub async fn connect(socket: PathBuf) -> Result<Connection, Error> {
    let switch = CancellationToken::new();
    let channel = endpoint().connect_with_connector(dialler(&socket, &switch)).await?;
    Ok(Connection::new(socket, Line { channel, switch }))
}

impl Connection {
    fn new(socket: PathBuf, line: Line) -> Self {
        Self(Arc::new(Shared { socket, line: Mutex::new(line) }))
    }

    /// Cuts the connection: calls under way fail, the peer sees its end closed, and the next call dials anew.
    ///
    /// Must be called within a Tokio runtime.
    pub fn cut(&self) {
        // The channel would dial anew by itself, but only once it has noticed: whether the next call gets through must
        // not be a matter of timing.
        let fresh = Line::undialled(&self.0.socket);
        let old = mem::replace(&mut *self.line(), fresh);
        old.switch.cancel();
    }

    /// What a fault cuts this connection with.
    pub fn cutter(&self) -> Cut {
        let connection = self.clone();
        Cut::new(move || connection.cut())
    }

    /// A connection that its first call dials.
    #[cfg(test)]
    pub(super) fn undialled(socket: PathBuf) -> Self {
        let line = Line::undialled(&socket);
        Self::new(socket, line)
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.0.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service<Request<Body>> for Connection {
    type Response = Response<Body>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        // Which line there is shows when the call is made, and it is waited for then.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut channel = self.line().channel.clone();
        Box::pin(async move { channel.ready().await?.call(request).await })
    }
}

impl Line {
    /// A line that its first call dials.
    fn undialled(socket: &Path) -> Self {
        let switch = CancellationToken::new();
        let channel = endpoint().connect_with_connector_lazy(dialler(socket, &switch));
        Self { channel, switch }
    }
}

fn endpoint() -> Endpoint {
    // The authority is never looked at; Go peers send one like it (E-208).
    Endpoint::from_static("http://localhost")
}

/// Dials `socket`; what it dials breaks when `switch` is thrown.
fn dialler(
    socket: &Path,
    switch: &CancellationToken,
) -> impl Service<Uri, Response = TokioIo<Breakable>, Error = io::Error, Future = impl Send + use<>> + Send + use<>
{
    let (socket, switch) = (socket.to_owned(), switch.clone());
    service_fn(move |_: Uri| {
        let (socket, switch) = (socket.clone(), switch.clone());
        async move { Ok(TokioIo::new(Breakable::new(UnixStream::connect(socket).await?, &switch))) }
    })
}

/// A stream that fails, both ways, once its switch is thrown. Who waits for it is woken.
struct Breakable {
    stream: UnixStream,
    /// One wait for each way, as each may be another task's.
    reading: Pin<Box<WaitForCancellationFutureOwned>>,
    writing: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Breakable {
    fn new(stream: UnixStream, switch: &CancellationToken) -> Self {
        let wait = || Box::pin(switch.clone().cancelled_owned());
        Self { stream, reading: wait(), writing: wait() }
    }

    fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<&mut UnixStream>> {
        match self.writing.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            Poll::Pending => Poll::Ready(Ok(&mut self.stream)),
        }
    }
}

impl AsyncRead for Breakable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.reading.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            Poll::Pending => Pin::new(&mut self.stream).poll_read(cx, into),
        }
    }
}

impl AsyncWrite for Breakable {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(ready!(self.poll_writable(cx))?).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(ready!(self.poll_writable(cx))?).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(ready!(self.poll_writable(cx))?).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
