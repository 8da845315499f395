//! The first line of a plugin's standard output (P-002), on its way through the proxy.

use std::io::{self, Write};

use counterfoil_proto::handshake::Line;
use memchr::{memchr, memchr_iter};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// The variable by which a host wants to have several connections in one.
pub(super) const MULTIPLEX: &str = "PLUGIN_MULTIPLEX_GRPC";
/// The longest line that is held back, in bytes: no host waits for more of one.
const LONGEST: usize = 64 << 10;

/// What has come of a plugin's standard output until the end of its first line.
///
/// The two versions at its beginning pass at once, as nothing of them is changed: a host whose deadline comes in the middle
/// of a line has to see that there was one.
#[derive(Debug, Default)]
pub(super) struct FirstLine {
    bytes: Vec<u8>,
    /// How many of them the host has.
    passed: usize,
    /// Where the line ends; none where it does not.
    end: Option<usize>,
}

impl FirstLine {
    /// Reads until the line ends, or there is no end in sight.
    ///
    /// # Errors
    /// Where either side has failed, and nothing more comes or goes.
    pub(super) async fn read(
        &mut self,
        from: &mut (impl AsyncRead + Unpin),
        to: &mut impl Write,
    ) -> io::Result<()> {
        let mut chunk = vec![0; LONGEST];
        while self.end.is_none() && self.bytes.len() <= LONGEST {
            let length = from.read(&mut chunk).await?;
            if length == 0 {
                break;
            }
            let before = self.bytes.len();
            self.bytes.extend_from_slice(&chunk[..length]);
            self.end = memchr(b'\n', &chunk[..length]).map(|at| before + at);
            let line = &self.bytes[..self.end.unwrap_or(self.bytes.len())];
            let same = behind_versions(line);
            if same > self.passed {
                to.write_all(&line[self.passed..same])?;
                self.passed = same;
            }
        }
        Ok(())
    }

    /// Its fields, where it is a whole line of text with enough of them.
    pub(super) fn parse(&self) -> Option<Line> {
        std::str::from_utf8(&self.bytes[..self.end?]).ok()?.parse().ok()
    }

    /// What the host does not have of it and of what stands behind it.
    pub(super) fn rest(&self) -> Vec<u8> {
        self.bytes[self.passed..].to_vec()
    }

    /// The same with another line, of the same versions, in its place.
    pub(super) fn rest_as(&self, line: &Line) -> Vec<u8> {
        let line = line.to_string();
        let behind = self.end.map_or(&[][..], |end| &self.bytes[end..]);
        [&line.as_bytes()[behind_versions(line.as_bytes())..], behind].concat()
    }
}

/// Where the first two fields end; 0 where that has not been seen.
fn behind_versions(line: &[u8]) -> usize {
    memchr_iter(b'|', line).nth(1).map_or(0, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What passes while these bytes come, and the line.
    async fn read(bytes: &[u8]) -> (String, FirstLine) {
        let (mut first, mut passed) = (FirstLine::default(), Vec::new());
        first.read(&mut &*bytes, &mut passed).await.unwrap();
        (String::from_utf8(passed).unwrap(), first)
    }

    #[tokio::test]
    async fn our_address_stands_in_place_of_the_plugins() {
        let (passed, first) = read(b"1|1|tcp|127.0.0.1:7|grpc||true\nmore").await;
        assert_eq!(passed, "1|1|");
        let theirs = first.parse().unwrap();
        let ours = Line { network: "unix".into(), address: "/ours".into(), ..theirs };
        assert_eq!(first.rest_as(&ours), b"unix|/ours|grpc||true\nmore");
        assert_eq!(first.rest(), b"tcp|127.0.0.1:7|grpc||true\nmore");
    }

    #[tokio::test]
    async fn what_is_no_line_passes_byte_for_byte() {
        let huge = vec![b'1'; LONGEST * 2];
        let whole: [&[u8]; 6] =
            [b"", b"1|1|unix|/", b"Hello!\n1|1|unix|/s|grpc\n", b"\n", b"1|\xff|unix|/s\n", &huge];
        for bytes in whole {
            let (mut first, mut out) = (FirstLine::default(), Vec::new());
            let mut from = bytes;
            first.read(&mut from, &mut out).await.unwrap();
            assert!(first.parse().is_none());
            out.extend(first.rest());
            out.extend(from);
            assert_eq!(out, bytes);
        }
    }

    #[tokio::test]
    async fn the_beginning_of_a_line_shows_before_its_end() {
        assert_eq!(read(b"1|1|un").await.0, "1|1|");
        assert_eq!(read(b"1|").await.0, "");
    }
}
