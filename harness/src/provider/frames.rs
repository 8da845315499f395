//! What goes by on an HTTP/2 connection, as far as the headers of its frames tell.

use std::{
    collections::HashMap,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::watch,
};

/// Is called when frames of an answer come for a call that was given up.
pub(super) type Late = Arc<dyn Fn() + Send + Sync>;

/// What is sent for a stream on its way while we give it up is not late; what comes after this time is.
const ON_ITS_WAY: Duration = Duration::from_millis(500);

/// How a peer began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Opening {
    /// It has not said enough yet.
    #[default]
    Awaited,
    /// It has sent its settings and taken ours.
    Ready,
    /// It answers in HTTP/1; this is how.
    Http1(String),
    /// It speaks something else; this is how it begins.
    Other(String),
    /// It said GOAWAY, with this error code.
    GoneAway(u32),
    /// It closed the connection.
    Closed,
    /// The connection broke.
    Broken(String),
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const ACK: u8 = 1;
/// `PRI * HTTP/2.0 …`: what a client begins with, in bytes.
const PREFACE: usize = 24;
/// How much of the beginning is kept.
const BEGINNING: usize = 64;
/// How much of another protocol is shown: enough to know it by, and what comes in the first piece.
const SHOWN: usize = 24;

/// A stream whose frames are watched.
pub(super) struct Watched<S> {
    stream: S,
    inbound: Frames,
    outbound: Frames,
    opening: Arc<watch::Sender<Opening>>,
    beginning: Vec<u8>,
    /// The streams that we gave up, and when; none where that has been told of.
    given_up: HashMap<u32, Option<Instant>>,
    late: Option<Late>,
}

impl<S> Watched<S> {
    /// Watches `stream`: how its peer begins is told to `opening`, answers to what was given up to `late`.
    pub(super) fn new(stream: S, opening: Arc<watch::Sender<Opening>>, late: Option<Late>) -> Self {
        Self {
            stream,
            inbound: Frames::default(),
            outbound: Frames { skip: PREFACE, ..Frames::default() },
            opening,
            beginning: Vec::new(),
            given_up: HashMap::new(),
            late,
        }
    }

    fn received(&mut self, bytes: &[u8]) {
        if *self.opening.borrow() == Opening::Awaited {
            self.begin(bytes);
        }
        let (given_up, late) = (&mut self.given_up, &self.late);
        self.inbound.read(bytes, |frame| {
            if given_up.is_empty() || !matches!(frame.kind, DATA | HEADERS) {
                return;
            }
            let Some(since) = given_up.get_mut(&frame.stream) else { return };
            if since.is_some_and(|since| since.elapsed() > ON_ITS_WAY) {
                *since = None;
                if let Some(late) = late {
                    late();
                }
            }
        });
    }

    /// Looks at the beginning of what a peer sends.
    fn begin(&mut self, bytes: &[u8]) {
        let room = BEGINNING.saturating_sub(self.beginning.len());
        self.beginning.extend_from_slice(&bytes[..bytes.len().min(room)]);
        let words = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let other = || Opening::Other(words(&self.beginning[..self.beginning.len().min(SHOWN)]));
        let opening = if bytes.is_empty() {
            if self.beginning.is_empty() { Opening::Closed } else { other() }
        } else if self.beginning.starts_with(b"HTTP/") {
            Opening::Http1(words(&self.beginning))
        } else if b"HTTP/".starts_with(&self.beginning) {
            Opening::Awaited
        } else {
            opening(&self.beginning).unwrap_or_else(other)
        };
        if opening != Opening::Awaited {
            self.opening.send_replace(opening);
        }
    }

    fn sent(&mut self, bytes: &[u8]) {
        let (given_up, watched) = (&mut self.given_up, self.late.is_some());
        self.outbound.read(bytes, |frame| {
            if watched && frame.kind == RST_STREAM {
                given_up.insert(frame.stream, Some(Instant::now()));
            }
        });
    }
}

/// What the first frames say; none where they are no frames of HTTP/2.
fn opening(mut bytes: &[u8]) -> Option<Opening> {
    let mut first = true;
    // Settings are never so long that the first of three bytes of their length is not zero.
    if bytes.first().is_some_and(|&byte| byte != 0) {
        return None;
    }
    while let Some((head, rest)) = bytes.split_first_chunk() {
        let frame = Frame::new(*head);
        match frame.kind {
            SETTINGS if frame.flags & ACK != 0 && !first => return Some(Opening::Ready),
            SETTINGS if frame.stream == 0 && frame.length.is_multiple_of(6) => {}
            GOAWAY if frame.stream == 0 => {
                let code = rest.get(4..8).and_then(|code| code.try_into().ok()).map_or(0, u32::from_be_bytes);
                return Some(Opening::GoneAway(code));
            }
            _ if first => return None,
            _ => {}
        }
        first = false;
        let Some(next) = rest.get(frame.length..) else {
            // Longer than what is kept: settings and whatever follows them came in order.
            return Some(if bytes.len() < BEGINNING / 2 { Opening::Awaited } else { Opening::Ready });
        };
        bytes = next;
    }
    Some(Opening::Awaited)
}

/// The head of a frame.
#[derive(Clone, Copy, Debug)]
struct Frame {
    length: usize,
    kind: u8,
    flags: u8,
    stream: u32,
}

impl Frame {
    fn new(head: [u8; 9]) -> Self {
        let [l0, l1, l2, kind, flags, s0, s1, s2, s3] = head;
        Self {
            length: u32::from_be_bytes([0, l0, l1, l2]) as usize,
            kind,
            flags,
            stream: u32::from_be_bytes([s0 & 0x7f, s1, s2, s3]),
        }
    }
}

/// Finds the heads of frames in bytes that come in pieces.
#[derive(Debug, Default)]
struct Frames {
    /// How many bytes there are until the next head.
    skip: usize,
    head: [u8; 9],
    filled: usize,
}

impl Frames {
    fn read(&mut self, mut bytes: &[u8], mut found: impl FnMut(Frame)) {
        while !bytes.is_empty() {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = &bytes[skipped..];
            let wanted = (self.head.len() - self.filled).min(bytes.len());
            self.head[self.filled..][..wanted].copy_from_slice(&bytes[..wanted]);
            self.filled += wanted;
            bytes = &bytes[wanted..];
            if self.filled == self.head.len() {
                let frame = Frame::new(self.head);
                (self.filled, self.skip) = (0, frame.length);
                found(frame);
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        if let Err(error) = ready!(Pin::new(&mut self.stream).poll_read(cx, into)) {
            if *self.opening.borrow() == Opening::Awaited {
                self.opening.send_replace(Opening::Broken(error.to_string()));
            }
            return Poll::Ready(Err(error));
        }
        self.received(&into.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.sent(&bytes[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, bytes))?;
        let mut left = written;
        for slice in bytes {
            let taken = left.min(slice.len());
            self.sent(&slice[..taken]);
            left -= taken;
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS_FRAME: &[u8] = &[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 5, 0, 0, 64, 0];
    const ACK_FRAME: &[u8] = &[0, 0, 0, 4, 1, 0, 0, 0, 0];
    const GOAWAY_FRAME: &[u8] = &[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 11];

    #[test]
    fn a_peer_is_ready_when_it_has_sent_its_settings_and_taken_ours() {
        assert_eq!(opening(&SETTINGS_FRAME[..5]), Some(Opening::Awaited));
        assert_eq!(opening(SETTINGS_FRAME), Some(Opening::Awaited));
        assert_eq!(opening(&[SETTINGS_FRAME, ACK_FRAME].concat()), Some(Opening::Ready));
        assert_eq!(opening(&[SETTINGS_FRAME, GOAWAY_FRAME].concat()), Some(Opening::GoneAway(11)));
        assert_eq!(opening(GOAWAY_FRAME), Some(Opening::GoneAway(11)));
        assert_eq!(opening(b"SSH"), None);
    }

    #[test]
    fn heads_are_found_in_pieces_of_any_size() {
        let bytes = [&[7; PREFACE][..], SETTINGS_FRAME, ACK_FRAME, GOAWAY_FRAME].concat();
        for size in 1..bytes.len() {
            let (mut frames, mut kinds) = (Frames { skip: PREFACE, ..Frames::default() }, Vec::new());
            bytes.chunks(size).for_each(|piece| frames.read(piece, |frame| kinds.push(frame.kind)));
            assert_eq!(kinds, [SETTINGS, SETTINGS, GOAWAY], "in pieces of {size}");
        }
    }
}
