//! What a run is doing, while it lasts.
//!
//! Progress goes to standard error: standard output has the report and nothing else. Where both can be seen together,
//! a bar stands below the report and is taken away at the end; a run that is over at once never shows it. Elsewhere
//! there is no progress, but for a line about each run that takes unusually long.

use std::{
    env,
    fmt::Write as _,
    fs::File,
    io::{self, IsTerminal as _, Write},
    mem,
    os::{fd::AsFd as _, unix::fs::FileTypeExt as _},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use counterfoil_core::judge::Verdict;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};

use super::{
    Reporter,
    layout::{Layout, width},
    terminal::counted,
};
use crate::run::{Live, RunEvent};

/// A run that is over within this time shows no bar.
const QUICK: Duration = Duration::from_millis(200);

/// How often the bar is drawn anew.
const TICK: Duration = Duration::from_millis(100);

/// From this age on, a run is shown with it.
const AGED: Duration = Duration::from_secs(2);

/// From this age on, a run is told of where there is no bar; then again each time its age has doubled.
const SLOW: Duration = Duration::from_secs(10);

/// Runs that are named at most; the oldest are.
const NAMED: usize = 3;

/// Columns that the bar leaves free at the end of its line. A terminal shows `^C` there, which must not break the line:
/// what stands in a line above could not be taken away.
const FREE: u16 = 4;

/// Whether a bar can be drawn: standard error is a terminal that obeys, and no person-less build; and what goes to
/// standard output does not come up between, as it may behind a pipe.
pub fn can_draw() -> bool {
    let is_set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty() && value != "false");
    let is_dumb = env::var_os("TERM").is_none_or(|term| term == "dumb");
    io::stderr().is_terminal() && !is_dumb && !is_set("CI") && !is_piped(&io::stdout())
}

fn is_piped(stdout: &io::Stdout) -> bool {
    let file = stdout.as_fd().try_clone_to_owned().map(File::from);
    file.and_then(|file| file.metadata()).is_ok_and(|about| {
        let kind = about.file_type();
        kind.is_fifo() || kind.is_socket()
    })
}

/// Follows a run on standard error.
pub struct Progress {
    shared: Arc<Shared>,
    bar: ProgressBar,
    /// Ends the thread that watches the clock.
    clock: Option<(Sender<()>, JoinHandle<()>)>,
}

struct Shared {
    state: Mutex<State>,
    bar: ProgressBar,
    /// The columns of the bar itself.
    width: usize,
    /// Where slow runs are told of; none where the bar shows them.
    notes: Option<Mutex<Box<dyn Write + Send>>>,
}

impl Progress {
    /// A bar on standard error, which has to be a terminal (see [`can_draw`]).
    pub fn bar(layout: Layout, color: bool) -> Self {
        let width = bar_width(layout);
        Self::new(styled(width, color), width, None)
    }

    /// A line to `notes` about each run that takes unusually long.
    pub fn notes(notes: impl Write + Send + 'static) -> Self {
        Self::new(ProgressBar::hidden(), 0, Some(Mutex::new(Box::new(notes))))
    }

    fn new(bar: ProgressBar, width: usize, notes: Option<Mutex<Box<dyn Write + Send>>>) -> Self {
        let shared = Arc::new(Shared { state: Mutex::default(), bar: bar.clone(), width, notes });
        Self { shared, bar, clock: None }
    }

    /// A writer that puts what it is given above the bar.
    pub fn above<W: Write>(&self, out: W) -> impl Write + use<W> {
        Above { bar: self.bar.clone(), out }
    }

    fn begin(&mut self, runs: usize) {
        self.shared.state().total = runs;
        self.bar.set_length(u64::try_from(runs).unwrap_or(u64::MAX));
        let shared = Arc::clone(&self.shared);
        let (end, ended) = mpsc::channel();
        let watch = move || {
            let mut wait = if shared.notes.is_some() { TICK } else { QUICK };
            while ended.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                if wait == QUICK {
                    shared.bar.set_draw_target(ProgressDrawTarget::term_like_with_hz(
                        Box::new(Screen::default()),
                        20,
                    ));
                }
                wait = TICK;
                shared.tick(Instant::now());
            }
        };
        // Without a thread to be had, the run goes on unwatched.
        let clock = thread::Builder::new().name("progress".to_owned()).spawn(watch);
        self.clock = clock.ok().map(|clock| (end, clock));
    }

    fn end(&mut self) {
        if let Some((end, clock)) = self.clock.take() {
            drop(end);
            let _ = clock.join();
        }
        self.bar.finish_and_clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

impl Reporter for Progress {
    fn event(&mut self, event: &RunEvent) -> io::Result<()> {
        match event {
            RunEvent::RunStarted(started) => self.begin(started.runs),
            RunEvent::Live(Live::Began { run }) => self.shared.state().began(run, Instant::now()),
            RunEvent::Live(Live::Ended { run, verdict }) => self.shared.state().ended(run, verdict),
            RunEvent::Finished(_) => {}
            RunEvent::RunFinished(_) => self.end(),
        }
        Ok(())
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The columns that the bar takes beside the names of what is under way.
    fn beside(&self, done: usize, total: usize, bad: &str) -> usize {
        let counts = format!("{done}/{total}{bad}");
        // As the template has it, with an age of three columns.
        3 + " [".len() + self.width + "] ".len() + width(&counts) + 2
    }

    fn tick(&self, now: Instant) {
        let mut state = self.state();
        if let Some(notes) = &self.notes {
            let slow = state.slow(now);
            drop(state);
            let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
            for line in slow {
                // A report is worth more than a word about its making.
                let _ = writeln!(notes, "{line}");
            }
        } else {
            let (done, bad) = (state.done, state.bad());
            let beside = self.beside(done, state.total, &bad);
            let running = state.running(now, usize::from(columns()).saturating_sub(beside));
            drop(state);
            self.bar.set_position(u64::try_from(done).unwrap_or(u64::MAX));
            self.bar.set_prefix(bad);
            self.bar.set_message(running);
            self.bar.tick();
        }
    }
}

/// How far a run is.
#[derive(Debug, Default)]
struct State {
    total: usize,
    done: usize,
    failed: usize,
    unjudged: usize,
    /// What is under way, the oldest first.
    running: Vec<Running>,
}

#[derive(Debug)]
struct Running {
    run: String,
    since: Instant,
    /// The age at which it is told of next.
    told_at: Duration,
}

impl State {
    fn began(&mut self, run: &str, since: Instant) {
        self.running.push(Running { run: run.to_owned(), since, told_at: SLOW });
    }

    fn ended(&mut self, run: &str, verdict: &Verdict) {
        self.running.retain(|running| running.run != run);
        self.done += 1;
        self.failed += usize::from(matches!(verdict, Verdict::Fail | Verdict::UnexpectedPass { .. }));
        self.unjudged += usize::from(matches!(verdict, Verdict::Unjudged { .. }));
    }

    /// What went wrong so far.
    fn bad(&self) -> String {
        let counts = [(self.failed, "failed"), (self.unjudged, "unjudged")];
        let counts = counts.into_iter().filter(|(count, _)| *count > 0);
        counts.flat_map(|(count, word)| ["  ".to_owned(), count.to_string(), format!(" {word}")]).collect()
    }

    /// What is under way, with its age where that says something: as many as so many columns have room for.
    fn running(&self, now: Instant, room: usize) -> String {
        let shown = |named: usize| {
            let names = self.running.iter().take(named).map(|running| {
                let age = now.saturating_duration_since(running.since);
                let age = if age < AGED { String::new() } else { format!(" {} s", age.as_secs()) };
                format!("{}{age}", running.run)
            });
            let mut shown = names.collect::<Vec<_>>().join(", ");
            if self.running.len() > named {
                let _ = write!(shown, " and {} more", self.running.len() - named);
            }
            shown
        };
        let fits = (1..=NAMED).rev().map(&shown).find(|shown| width(shown) <= room);
        fits.unwrap_or_else(|| {
            let mut cut = shown(1);
            while width(&cut) >= room.max(1) {
                cut.pop();
            }
            cut + "…"
        })
    }

    /// A line about each run that has just become too old.
    fn slow(&mut self, now: Instant) -> Vec<String> {
        let (done, total) = (self.done, self.total);
        let mut lines = Vec::new();
        for running in &mut self.running {
            let age = now.saturating_duration_since(running.since);
            if age >= running.told_at {
                running.told_at = age * 2;
                let runs = counted(total, "run");
                lines.push(format!(
                    "{} still runs after {} s; {done} of {runs} done",
                    running.run,
                    age.as_secs()
                ));
            }
        }
        lines
    }
}

/// The columns of the bar itself.
fn bar_width(layout: Layout) -> usize {
    if layout.is_narrow() { 10 } else { 24 }
}

/// The bar: how long, how far, what went wrong, what is under way.
fn styled(width: usize, color: bool) -> ProgressBar {
    let (bar, red, dim) = if color { ("cyan", ".red.bold", ".dim") } else { ("", "", "") };
    let bar = if bar.is_empty() { format!("{{bar:{width}}}") } else { format!("{{bar:{width}.{bar}}}") };
    let template =
        format!("{{elapsed:>3}} [{bar}] {{pos}}/{{len}}{{prefix{}}}  {{wide_msg{}}}", colon(red), colon(dim));
    let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden())
        .with_style(style.progress_chars("=> "))
}

fn colon(style: &str) -> String {
    if style.is_empty() { String::new() } else { format!(":{style}") }
}

/// The columns of the terminal that the bar may take.
fn columns() -> u16 {
    let size = terminal_size::terminal_size_of(io::stderr());
    size.map_or(80, |(width, _)| width.0).saturating_sub(FREE).max(1)
}

/// Standard error as the terminal that the bar is drawn on. What is drawn is kept until all of it can be shown.
#[derive(Debug, Default)]
struct Screen {
    drawn: Mutex<String>,
}

impl Screen {
    fn drawn(&self) -> MutexGuard<'_, String> {
        self.drawn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn go(&self, count: usize, direction: char) {
        if count > 0 {
            let _ = write!(self.drawn(), "\u{1b}[{count}{direction}");
        }
    }
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        columns()
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.go(n, 'A');
        Ok(())
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.go(n, 'B');
        Ok(())
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.go(n, 'C');
        Ok(())
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.go(n, 'D');
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.drawn().extend([text, "\n"]);
        Ok(())
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.drawn().push_str(text);
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.drawn().push_str("\r\u{1b}[2K");
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        let drawn = mem::take(&mut *self.drawn());
        io::stderr().write_all(drawn.as_bytes())
    }
}

/// Writes above the bar.
struct Above<W> {
    bar: ProgressBar,
    out: W,
}

impl<W: Write> Write for Above<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let out = &mut self.out;
        self.bar.suspend(|| out.write_all(bytes).and_then(|()| out.flush()))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_under_way_is_named_with_its_age() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut state = State { total: 9, ..State::default() };
        for (n, run) in ["a@0.51", "b@0.51", "c@0.51", "d@0.51", "e@0.51"].into_iter().enumerate() {
            state.began(run, at(n as u64));
        }
        state.ended("b@0.51", &Verdict::Fail);
        assert_eq!(state.running(at(5), 80), "a@0.51 5 s, c@0.51 3 s, d@0.51 2 s and 1 more");
        assert_eq!(state.running(at(5), 36), "a@0.51 5 s, c@0.51 3 s and 2 more");
        assert_eq!(state.running(at(5), 30), "a@0.51 5 s and 3 more");
        assert_eq!(state.running(at(5), 10), "a@0.51 5 …");
        assert_eq!((state.done, state.bad().as_str()), (1, "  1 failed"));
        state.ended("c@0.51", &Verdict::Unjudged { reason: "it hung".to_owned() });
        state.ended("d@0.51", &Verdict::Pass);
        assert_eq!(state.running(at(5), 80), "a@0.51 5 s, e@0.51");
        assert_eq!((state.done, state.bad().as_str()), (3, "  1 failed  1 unjudged"));
    }

    #[test]
    fn what_takes_long_is_told_of_each_time_its_age_doubles() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut state = State { total: 2, ..State::default() };
        state.began("hangs@0.54", start);
        let told: Vec<u64> = (0..60).filter(|second| !state.slow(at(*second)).is_empty()).collect();
        assert_eq!(told, [10, 20, 40]);
        state.began("late@0.54", at(60));
        state.ended("hangs@0.54", &Verdict::Fail);
        assert_eq!(state.slow(at(75)), ["late@0.54 still runs after 15 s; 1 of 2 runs done"]);
    }

    #[test]
    fn every_bar_that_is_drawn_is_well_formed() {
        for (columns, color) in [(40, false), (200, false), (80, true)] {
            let bar = styled(bar_width(Layout::of(columns)), color);
            assert!(bar.length() == Some(0) && bar.is_hidden());
        }
    }
}
