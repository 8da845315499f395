//! Broken processes, under test as a plugin of the user's would be.

use std::{
    ffi::OsStr,
    fs, io,
    num::NonZeroUsize,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use counterfoil_core::manifest::FILE;
use counterfoil_mock::broken::process::{ProcessMutant, ShowsIn};
use tokio_util::sync::CancellationToken;

use crate::{
    provider::process::{Deadlines, LaunchOptions},
    run::{self, Blocked, Finished, Job, Options, PluginUnderTest, Reach, SubjectLine, Target, Variant},
    subject::{Preparation, Subject, script::script},
};

/// How long a process may take to start, and a call to be answered, where its row does not say: longer than a machine
/// that is busy with other mutants needs.
const PATIENCE: Duration = Duration::from_secs(20);

/// Lays a broken process out in `directory`, which is empty, and runs the job against it. `program` is our own command.
///
/// # Errors
/// When there is no room for the plugin.
pub(super) async fn finished(
    mutant: &ProcessMutant,
    job: Job,
    directory: &Path,
    program: &Path,
    stop: &CancellationToken,
) -> io::Result<Vec<Finished>> {
    let path = lay_out(mutant, directory, program)?;
    let preparation = Preparation { build: None, room: directory, stop };
    let subject = Subject::prepare(&path, preparation).await.map_err(io::Error::other)?;
    let options = Options {
        target: Target::Plugin(Arc::new(under_test(mutant, &subject, program))),
        ..Options::embedded(Variant::Reference, NonZeroUsize::MIN)
    };
    run::finished(vec![job], &options, stop).await
}

/// Writes the program of a plugin and what lies beside it, and gives the path of the program.
fn lay_out(mutant: &ProcessMutant, directory: &Path, program: &Path) -> io::Result<PathBuf> {
    let path = directory.join(mutant.name);
    let arguments = ["mock", "serve-broken", mutant.name].map(OsStr::new);
    let served = || script("Made by `counterfoil mutants`.", program, &arguments);
    fs::write(&path, mutant.program.map_or_else(served, |text| text.as_bytes().to_vec()))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    if let Some(manifest) = mutant.manifest {
        fs::write(directory.join(FILE), manifest(mutant.name))?;
    }
    Ok(path)
}

/// The plugin as the command would test it, under what its row asks for.
fn under_test(mutant: &ProcessMutant, subject: &Subject, program: &Path) -> PluginUnderTest {
    let mut options = LaunchOptions::supervised_by(program, &subject.program);
    options.directory = Some(subject.directory.clone());
    options.mtls = mutant.mtls;
    options.deadlines = Deadlines {
        start: mutant.start.unwrap_or(PATIENCE),
        call: mutant.call.unwrap_or(PATIENCE),
        ..Deadlines::default()
    };
    PluginUnderTest {
        reach: Reach::Launch(Box::new(options)),
        line: SubjectLine::of(subject),
        config: Bytes::new(),
        live: mutant.shows_in == ShowsIn::Plan,
        strange: true,
        reflect: mutant.reflect,
        manifest: subject.manifest_file(),
        redactor: Arc::default(),
        blocked: Blocked::default(),
    }
}
