//! Reading the first line of a plugin's stdout (P-002, E-204).

use std::pin::pin;

use counterfoil_core::trace::{Handshake, LineEnd, ProcessEvent};
use counterfoil_proto::handshake::{APP_VERSION, CORE_VERSION, Line, SHORTEST_CERTIFICATE};
use memchr::memchr;
use tokio::{io::AsyncReadExt as _, net::unix::pipe::Receiver};

/// The longest first line that is waited for, in bytes.
const LONGEST: usize = 64 << 10;
/// How much of it is shown, in bytes.
const SHOWN: usize = 1 << 10;

/// What stood on stdout up to the end of the first line.
#[derive(Debug)]
pub(super) struct FirstLine {
    line: Vec<u8>,
    /// What came behind its end.
    pub behind: Vec<u8>,
    pub end: LineEnd,
}

impl FirstLine {
    /// Reads until the first line ends, or until it is given up. `begun` is told when something stands on stdout.
    pub(super) async fn read(
        stdout: &mut Receiver,
        given_up: impl Future<Output = LineEnd>,
        begun: impl Fn(),
    ) -> Self {
        let (mut line, mut chunk) = (Vec::new(), vec![0; LONGEST]);
        let mut given_up = pin!(given_up);
        let (end, behind) = loop {
            let read = tokio::select! {
                // What has come counts.
                biased;
                read = stdout.read(&mut chunk) => read,
                end = &mut given_up => break (end, Vec::new()),
            };
            let Ok(length @ 1..) = read else { break (LineEnd::Closed, Vec::new()) };
            if line.is_empty() {
                begun();
            }
            if let Some(end) = memchr(b'\n', &chunk[..length]) {
                line.extend_from_slice(&chunk[..end]);
                break (LineEnd::Newline, chunk[end + 1..length].to_vec());
            }
            line.extend_from_slice(&chunk[..length]);
            if line.len() > LONGEST {
                break (LineEnd::TooLong, Vec::new());
            }
        };
        Self { line, behind, end }
    }

    /// Whether nothing came at all.
    pub(super) fn is_empty(&self) -> bool {
        self.line.is_empty()
    }

    /// The event.
    pub(super) fn event(&self, redact: impl Fn(&str) -> String) -> ProcessEvent {
        let shown = &self.line[..self.line.len().min(SHOWN)];
        let utf8 = match std::str::from_utf8(shown) {
            Ok(_) => true,
            // Cut in the middle of a character by us.
            Err(error) => error.error_len().is_none() && shown.len() < self.line.len(),
        };
        let ended = usize::from(self.end == LineEnd::Newline);
        ProcessEvent::FirstLine {
            text: redact(&String::from_utf8_lossy(shown)),
            bytes: (self.line.len() + ended) as u64,
            utf8,
            end: self.end,
        }
    }

    /// Its fields. An error says of the line what `redact` leaves.
    ///
    /// # Errors
    /// Says why it is no handshake line.
    pub(super) fn parse(&self, redact: impl Fn(&str) -> String) -> Result<Line, String> {
        let text = String::from_utf8_lossy(&self.line);
        let shown: String = redact(&text).chars().take(120).collect();
        match self.end {
            LineEnd::Newline => text.parse().map_err(|error| {
                format!(
                    "its first line on stdout is {shown:?}: {error}. A plugin prints nothing before its handshake"
                )
            }),
            LineEnd::TooLong => Err(format!(
                "its first line on stdout does not end within {LONGEST} bytes; it begins with {shown:?}"
            )),
            LineEnd::Closed if self.is_empty() => Err("stdout was closed before the handshake line".to_owned()),
            LineEnd::Closed => Err(format!("stdout was closed in the middle of its first line, {shown:?}")),
            LineEnd::Deadline if self.is_empty() => {
                Err("no handshake line came before the start deadline".to_owned())
            }
            LineEnd::Deadline => {
                Err(format!("its first line on stdout, {shown:?}, has no end at the start deadline"))
            }
        }
    }
}

/// The certificate of a line, as text, where it has one (E-204).
pub(super) fn certificate(line: &Line) -> Option<&str> {
    line.certificate.as_deref().filter(|text| text.len() > SHORTEST_CERTIFICATE)
}

/// The event of a line.
pub(super) fn event(line: &Line) -> Handshake {
    Handshake {
        fields: u32::try_from(line.fields()).unwrap_or(u32::MAX),
        core: line.core.clone(),
        app: line.app.clone(),
        network: line.network.clone(),
        address: line.address.clone(),
        protocol: line.protocol.clone(),
        certificate: certificate(line).is_some(),
    }
}

/// Whether a host goes on behind this line.
///
/// # Errors
/// Says what keeps it from that.
pub(super) fn accept(line: &Line) -> Result<(), String> {
    let number = |text: &str| text.parse::<u32>().ok();
    if number(&line.core) != Some(CORE_VERSION) {
        return Err(format!("its core protocol has the version {:?}, expected {CORE_VERSION}", line.core));
    }
    if number(&line.app) != Some(APP_VERSION) {
        return Err(format!(
            "it chose the version {:?} of the protocol, offered was {APP_VERSION}",
            line.app
        ));
    }
    if !matches!(line.network.as_str(), "unix" | "tcp") {
        return Err(format!("its network is {:?}, expected unix or tcp", line.network));
    }
    // One family of hosts reads a line without the field as grpc, and so do we.
    match line.protocol.as_deref() {
        None | Some("grpc") => Ok(()),
        Some(other) => Err(format!("it speaks {other:?}, expected grpc")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_goes_on_behind_lines_of_both_families_only() {
        for (text, expected) in [
            ("1|1|unix|/s|grpc||true", None),
            ("1|1|tcp|127.0.0.1:1234|grpc|", None),
            ("1|1|unix|/s", None),
            ("2|1|unix|/s|grpc", Some("its core protocol has the version \"2\", expected 1")),
            ("1|7|unix|/s|grpc", Some("it chose the version \"7\" of the protocol, offered was 1")),
            ("1|1|pipe|/s|grpc", Some("its network is \"pipe\", expected unix or tcp")),
            ("1|1|unix|/s|netrpc", Some("it speaks \"netrpc\", expected grpc")),
        ] {
            let line: Line = text.parse().unwrap();
            assert_eq!(accept(&line).err().as_deref(), expected, "{text}");
        }
    }

    #[tokio::test]
    async fn a_line_ends_in_one_of_four_ways() {
        use tokio::{io::AsyncWriteExt as _, net::unix::pipe};
        let soon = || async {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            LineEnd::Deadline
        };
        for (sent, close, end, bytes) in [
            (&b"1|1|unix|/s|grpc\nmore"[..], false, LineEnd::Newline, 17),
            (b"1|1|un", true, LineEnd::Closed, 6),
            (b"\xff\xff", false, LineEnd::Deadline, 2),
        ] {
            let (mut sender, mut receiver) = pipe::pipe().unwrap();
            sender.write_all(sent).await.unwrap();
            let held = (!close).then_some(sender);
            let line = FirstLine::read(&mut receiver, soon(), || {}).await;
            drop(held);
            assert_eq!(line.end, end);
            let ProcessEvent::FirstLine { bytes: told, utf8, .. } = line.event(str::to_owned) else {
                panic!()
            };
            assert_eq!((told, utf8), (bytes, !sent.starts_with(b"\xff")));
        }
        let (mut sender, mut receiver) = pipe::pipe().unwrap();
        let flood = tokio::spawn(async move { sender.write_all(&vec![b'x'; 1 << 20]).await });
        let line = FirstLine::read(&mut receiver, std::future::pending(), || {}).await;
        assert_eq!(line.end, LineEnd::TooLong);
        assert!(line.parse(str::to_owned).unwrap_err().contains("does not end within 65536 bytes"));
        drop(receiver);
        flood.await.unwrap().unwrap_err();
    }
}
