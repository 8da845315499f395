//! A gRPC connection, over a Unix socket or TCP, with TLS or without, or to a provider of this process, that can be cut.

use std::{
    fmt, io, mem,
    net::SocketAddr,
    path::PathBuf,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use counterfoil_mock::fault::Cut;
use http::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
    sync::{mpsc::UnboundedSender, watch},
};
use tokio_rustls::TlsConnector;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::{
    body::Body,
    transport::{Channel, Endpoint, Error},
};
use tower::{Service, ServiceExt as _, service_fn};

use super::frames::{Late, Opening, Watched};

/// What a connection leads to.
#[derive(Clone)]
pub struct Target {
    peer: Peer,
    tls: Option<Arc<ClientConfig>>,
    late: Option<Late>,
}

#[derive(Clone, Debug)]
enum Peer {
    /// Listens there.
    At(Address),
    /// Is in this process, and takes its end of each connection here.
    Here(UnboundedSender<io::Result<UnixStream>>),
}

/// Where a provider listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// On a Unix socket.
    Unix(PathBuf),
    /// On TCP.
    Tcp(SocketAddr),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp:{address}"),
        }
    }
}

impl From<PathBuf> for Target {
    fn from(socket: PathBuf) -> Self {
        Address::Unix(socket).into()
    }
}

impl From<Address> for Target {
    fn from(address: Address) -> Self {
        Self { peer: Peer::At(address), tls: None, late: None }
    }
}

impl From<UnboundedSender<io::Result<UnixStream>>> for Target {
    fn from(provider: UnboundedSender<io::Result<UnixStream>>) -> Self {
        Self { peer: Peer::Here(provider), tls: None, late: None }
    }
}

impl Target {
    /// The same, by TLS, to a server named `localhost`.
    #[must_use]
    pub(crate) fn with_tls(self, tls: Option<Arc<ClientConfig>>) -> Self {
        Self { tls, ..self }
    }

    /// Dials it, for who speaks HTTP/2 by itself. How the peer begins shows beside the stream, as it is read.
    ///
    /// # Errors
    /// When there is no connection.
    pub(crate) async fn open(&self) -> io::Result<(impl Stream + use<>, watch::Receiver<Opening>)> {
        let (told, opening) = watch::channel(Opening::default());
        Ok((Watched::new(dial(self).await?, Arc::new(told), None), opening))
    }

    /// The same; `late` is told when frames of an answer come for a call that was given up long ago.
    #[must_use]
    pub(super) fn with_late(self, late: Late) -> Self {
        Self { late: Some(late), ..self }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("peer", &self.peer)
            .field("tls", &self.tls.is_some())
            .finish_non_exhaustive()
    }
}

/// A connection to whatever listens at an address. Clones are one connection.
///
/// It can be [cut](Self::cut): calls under way fail, and the next one dials anew.
#[derive(Clone, Debug)]
pub struct Connection(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    target: Target,
    line: Mutex<Line>,
}

/// A channel, and the switch that breaks the streams under it.
#[derive(Debug)]
struct Line {
    channel: Channel,
    switch: CancellationToken,
    opening: watch::Receiver<Opening>,
}

/// Connects to whatever listens at `target`.
///
/// # Errors
/// When nothing does.
pub async fn connect(target: impl Into<Target>) -> Result<Connection, Error> {
    let target = target.into();
    let switch = CancellationToken::new();
    let (told, opening) = watch::channel(Opening::default());
    let channel = endpoint().connect_with_connector(dialler(&target, &switch, told)).await?;
    Ok(Connection::new(target, Line { channel, switch, opening }))
}

impl Connection {
    fn new(target: Target, line: Line) -> Self {
        Self(Arc::new(Shared { target, line: Mutex::new(line) }))
    }

    /// Cuts the connection: calls under way fail, the peer sees its end closed, and the next call dials anew.
    ///
    /// Must be called within a Tokio runtime.
    pub fn cut(&self) {
        // The channel would dial anew by itself, but only once it has noticed: whether the next call gets through must
        // not be a matter of timing.
        let fresh = Line::undialled(&self.0.target);
        let old = mem::replace(&mut *self.line(), fresh);
        old.switch.cancel();
    }

    /// Another connection to the same address, which its first call dials.
    ///
    /// Must be called within a Tokio runtime.
    #[must_use]
    pub fn another(&self) -> Self {
        let target = self.0.target.clone();
        let line = Line::undialled(&target);
        Self::new(target, line)
    }

    /// What a fault cuts this connection with.
    pub fn cutter(&self) -> Cut {
        let connection = self.clone();
        Cut::new(move || connection.cut())
    }

    /// A connection that its first call dials.
    #[cfg(test)]
    pub(super) fn undialled(socket: PathBuf) -> Self {
        let target = socket.into();
        let line = Line::undialled(&target);
        Self::new(target, line)
    }

    /// How the peer has begun, now and later.
    pub(super) fn opening(&self) -> watch::Receiver<Opening> {
        self.line().opening.clone()
    }

    /// What fires when the streams that the next call would use are cut by us.
    pub(super) fn switch(&self) -> CancellationToken {
        self.line().switch.clone()
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
    fn undialled(target: &Target) -> Self {
        let switch = CancellationToken::new();
        let (told, opening) = watch::channel(Opening::default());
        let channel = endpoint().connect_with_connector_lazy(dialler(target, &switch, told));
        Self { channel, switch, opening }
    }
}

fn endpoint() -> Endpoint {
    // The authority is never looked at; Go peers send one like it (E-208).
    // An error text travels in a header, and Go's own client takes that many bytes of them.
    Endpoint::from_static("http://localhost").http2_max_header_list_size(16 << 20)
}

/// What a connection goes over.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Dials `target`; what it dials breaks when `switch` is thrown, and how the peer begins goes to `told`.
fn dialler(
    target: &Target,
    switch: &CancellationToken,
    told: watch::Sender<Opening>,
) -> impl Service<Uri, Response = TokioIo<Watched<Breakable>>, Error = io::Error, Future = impl Send + use<>>
+ Send
+ use<> {
    let (target, switch, told) = (target.clone(), switch.clone(), Arc::new(told));
    service_fn(move |_: Uri| {
        let (target, switch, told) = (target.clone(), switch.clone(), Arc::clone(&told));
        async move {
            told.send_replace(Opening::default());
            let stream = Breakable::new(dial(&target).await?, &switch);
            Ok(TokioIo::new(Watched::new(stream, told, target.late)))
        }
    })
}

async fn dial(target: &Target) -> io::Result<Box<dyn Stream>> {
    let stream: Box<dyn Stream> = match &target.peer {
        Peer::Here(provider) => {
            let (ours, theirs) = UnixStream::pair()?;
            provider.send(Ok(theirs)).map_err(|_| io::ErrorKind::ConnectionRefused)?;
            Box::new(ours)
        }
        Peer::At(Address::Unix(socket)) => Box::new(UnixStream::connect(socket).await?),
        Peer::At(Address::Tcp(address)) => {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Box::new(stream)
        }
    };
    Ok(match &target.tls {
        None => stream,
        Some(tls) => {
            let name = ServerName::try_from("localhost").expect("it is a name");
            Box::new(TlsConnector::from(Arc::clone(tls)).connect(name, stream).await?)
        }
    })
}

/// A stream that fails, both ways, once its switch is thrown. Who waits for it is woken.
struct Breakable {
    stream: Box<dyn Stream>,
    /// One wait for each way, as each may be another task's.
    reading: Pin<Box<WaitForCancellationFutureOwned>>,
    writing: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Breakable {
    fn new(stream: Box<dyn Stream>, switch: &CancellationToken) -> Self {
        let wait = || Box::pin(switch.clone().cancelled_owned());
        Self { stream, reading: wait(), writing: wait() }
    }

    fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<&mut Box<dyn Stream>>> {
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
