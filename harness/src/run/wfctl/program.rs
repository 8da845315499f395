//! A command that is run to its end, under a supervisor.

use std::{collections::BTreeMap, ffi::OsString, path::Path, time::Duration};

use counterfoil_core::trace::ExitStatus;
use tokio::{io::AsyncReadExt as _, net::unix::pipe::Receiver, time::timeout};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    provider::process::{Rest, Start, Supervised},
    run::private_directory,
};

/// How much of each stream is read, in bytes: no apply says as much.
const LONGEST: usize = 16 << 20;
/// How long what it has started, and the last of what it says, may take behind its end.
const CLEARING: Duration = Duration::from_secs(10);
/// How much of standard error is shown, in characters.
const SHOWN: usize = 300;

/// A command.
#[derive(Clone, Copy, Debug)]
pub(super) struct Command<'a> {
    /// The `counterfoil` command.
    pub supervisor: &'a Path,
    /// The program.
    pub program: &'a Path,
    /// Its arguments.
    pub arguments: &'a [OsString],
    /// Where it runs.
    pub directory: &'a Path,
    /// Exactly its environment.
    pub environment: &'a BTreeMap<OsString, OsString>,
}

/// A command that has run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ran {
    /// How it ended; none where nobody can know.
    pub status: Option<ExitStatus>,
    /// What it said.
    pub stdout: String,
    /// What it said on standard error.
    pub stderr: String,
    /// What was still there behind its end; none where nobody can know.
    pub rest: Option<Rest>,
}

impl Ran {
    /// How it ended, in words.
    pub(super) fn end(&self) -> String {
        let status = self.status.map_or("it is not known how".to_owned(), |status| status.to_string());
        let said = self.stderr.trim_end();
        let shown = said.char_indices().rev().nth(SHOWN).map_or(said, |(at, _)| &said[at..]);
        format!("{status}; its standard error ends with {shown:?}")
    }
}

impl Command<'_> {
    /// Runs it. Nothing of it is left afterwards.
    ///
    /// # Errors
    /// Says why it does not start, or that it did not end `within` this time.
    pub(super) async fn run(self, within: Duration) -> Result<Ran, String> {
        let directory = private_directory().map_err(|error| format!("no private directory: {error}"))?;
        let start = Start {
            supervisor: self.supervisor,
            program: self.program,
            arguments: self.arguments,
            working_directory: self.directory,
            environment: self.environment,
            stdin: None,
            directory,
        };
        let (process, pipes) = Supervised::start(start)
            .await
            .map_err(|why| format!("the command line does not start: {why}"))?;
        let [stdout, stderr] =
            [pipes.stdout, pipes.stderr].map(|pipe| AbortOnDropHandle::new(tokio::spawn(all(pipe))));
        let Ok(status) = timeout(within, process.end()).await else {
            return Err(format!("the command line did not come to an end within {} s", within.as_secs()));
        };
        process.gone(CLEARING).await;
        let text = async |said: AbortOnDropHandle<Vec<u8>>| {
            let said = timeout(CLEARING, said).await.ok().and_then(Result::ok).unwrap_or_default();
            String::from_utf8_lossy(&said).into_owned()
        };
        let rest = process.rest();
        Ok(Ran { status, stdout: text(stdout).await, stderr: text(stderr).await, rest })
    }
}

/// All that comes, as far as it is kept.
async fn all(mut pipe: Receiver) -> Vec<u8> {
    let (mut all, mut buffer) = (Vec::new(), vec![0; 64 << 10]);
    while let Ok(read @ 1..) = pipe.read(&mut buffer).await {
        let room = LONGEST.saturating_sub(all.len());
        all.extend_from_slice(&buffer[..read.min(room)]);
    }
    all
}
