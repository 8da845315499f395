//! Where text goes. A closed stdout ends quietly; styles are kept only where they are wanted.

use std::io::{self, IsTerminal as _, Write};

use anstream::{AutoStream, ColorChoice};

use super::Exit;
use crate::report::{
    layout::Layout,
    progress::{self, Progress},
};

/// Standard output and standard error.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    out: ColorChoice,
    err: ColorChoice,
    layout: Layout,
    error_layout: Layout,
}

impl Output {
    /// The standard streams. `NO_COLOR` and the like are heeded (see anstream).
    pub(super) fn standard() -> Self {
        Self {
            out: AutoStream::choice(&io::stdout()),
            err: AutoStream::choice(&io::stderr()),
            layout: Layout::on(&io::stdout()),
            error_layout: Layout::on(&io::stderr()),
        }
    }

    /// Standard output.
    pub(super) fn out(self) -> impl Write + 'static {
        Quiet(AutoStream::new(io::stdout(), self.out))
    }

    /// How wide a text on standard output is laid out.
    pub(super) fn layout(self) -> Layout {
        self.layout
    }

    /// How wide a text on standard error is laid out.
    pub(super) fn error_layout(self) -> Layout {
        self.error_layout
    }

    /// Follows a run on standard error.
    pub(super) fn progress(self) -> Progress {
        if progress::can_draw() {
            Progress::bar(self.error_layout, self.colors_errors())
        } else {
            Progress::notes(AutoStream::new(io::stderr(), self.err))
        }
    }

    /// Whether standard error takes colour.
    pub(super) fn colors_errors(self) -> bool {
        self.err != ColorChoice::Never && io::stderr().is_terminal()
    }

    /// Writes a text to standard output, which ends the command.
    pub(super) fn print(self, text: &str) -> Exit {
        let mut out = self.out();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Ok(()) => Exit::Passed,
            Err(error) => {
                self.error(&format!("standard output cannot be written: {error}"));
                Exit::Unjudged
            }
        }
    }

    /// Writes an error to standard error, on the line where the bar of a run may stand.
    pub(super) fn error_instead_of_bar(self, text: &str) {
        if progress::can_draw() {
            let _ = io::stderr().write_all(b"\r\x1b[K");
        }
        self.error(text);
    }

    /// Writes an error, a line of its own, to standard error.
    pub(super) fn error(self, text: &str) {
        let style = anstyle::AnsiColor::Red.on_default().bold();
        let mut err = AutoStream::new(io::stderr(), self.err);
        let _ = writeln!(err, "{style}error{style:#}: {text}");
    }

    /// Writes text that is rendered already to standard error.
    pub(super) fn error_text(self, text: &str) {
        let _ = AutoStream::new(io::stderr(), self.err).write_all(text.as_bytes());
    }
}

/// A writer whose reader may go: what it does not take is nobody's.
struct Quiet<W>(W);

impl<W: Write> Write for Quiet<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        quietly(self.0.write(bytes), bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        quietly(self.0.flush(), ())
    }
}

fn quietly<T>(done: io::Result<T>, instead: T) -> io::Result<T> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(instead),
        done => done,
    }
}
