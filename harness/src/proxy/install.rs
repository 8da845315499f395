//! A proxy laid out where a host looks for the plugin that is behind it.

use std::{
    env,
    ffi::OsStr,
    io,
    path::{self, Path, PathBuf},
};

use counterfoil_core::manifest::FILE as MANIFEST;

use crate::{
    provider::process::Supervised,
    subject::{
        Subject, SubjectError,
        script::{self, NotLaidOut},
    },
};

/// The command that lays a proxy out.
const COMMAND: &str = "proxy install";

/// The option by which a proxy answers what could change something.
const ANSWERS_MUTATIONS: &str = "--answers-mutations";
/// The one by which it is part of a test.
const OF_A_TEST: &str = "--of-a-test";

/// A proxy that is laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    /// The name of the plugin, and of the program that takes its place.
    pub name: String,
    /// Where it lies.
    pub directory: PathBuf,
}

/// Why none is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstallError {
    /// There is no plugin.
    #[error(transparent)]
    Plugin(#[from] SubjectError),
    /// Its program cannot be started.
    #[error("the plugin cannot be started: {0}")]
    NoProgram(String),
    /// It would take the place of the plugin itself.
    #[error("{} is where the plugin itself lies: --into names another directory of plugins", .0.display())]
    InItsPlace(PathBuf),
    /// The system does not tell where something is.
    #[error("the path of this program or of the current directory is not known: {0}")]
    Nowhere(io::Error),
    /// It cannot be written.
    #[error(transparent)]
    NotLaidOut(#[from] NotLaidOut),
}

/// What a proxy does beside passing its plugin on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extras {
    /// Where the calls are recorded.
    pub record: Option<PathBuf>,
    /// The file of the scenario whose faults stand in front of the plugin.
    pub faults: Option<PathBuf>,
    /// Whether it answers in the plugin's place what could change something.
    pub answers_mutations: bool,
    /// Whether it is part of a test by Counterfoil itself: faults that strike no call are brought about elsewhere, and secrets
    /// stay in the record, to be taken out of what is kept of it.
    pub of_a_test: bool,
}

impl Extras {
    /// The arguments that say so. A host starts the proxy in a directory of its own, so paths are absolute.
    fn arguments(&self) -> io::Result<Vec<PathBuf>> {
        let named = [("--record", &self.record), ("--faults", &self.faults)];
        let given = named.into_iter().filter_map(|(name, path)| Some((name, path.as_ref()?)));
        let arguments: io::Result<Vec<_>> =
            given.map(|(name, path)| Ok([name.into(), path::absolute(path)?])).collect();
        let flags = [(ANSWERS_MUTATIONS, self.answers_mutations), (OF_A_TEST, self.of_a_test)];
        let flags = flags.into_iter().filter(|(_, given)| *given).map(|(flag, _)| flag.into());
        Ok(arguments?.into_iter().flatten().chain(flags).collect())
    }
}

/// Lays a proxy in front of `plugin`, a program or the directory of an installed plugin, out as `into`/NAME: the plugin's
/// own manifest, and an executable of its name that is `counterfoil proxy serve` with the path of its program
/// and these extras.
///
/// # Errors
/// See [`InstallError`]. Nothing is written then, unless the system fails in the middle of it.
pub fn install(plugin: &Path, into: &Path, extras: &Extras) -> Result<Installation, InstallError> {
    let subject = Subject::open(plugin)?;
    if let Some(why) = Supervised::refusal(&subject.program) {
        return Err(InstallError::NoProgram(why));
    }
    let directory = path::absolute(into).map_err(InstallError::Nowhere)?.join(&subject.name);
    if same(&directory, &subject.directory) {
        return Err(InstallError::InItsPlace(directory));
    }
    let ourselves = env::current_exe().map_err(InstallError::Nowhere)?;
    let extras = extras.arguments().map_err(InstallError::Nowhere)?;
    let mut arguments = vec![OsStr::new("proxy"), OsStr::new("serve"), subject.program.as_os_str()];
    arguments.extend(extras.iter().map(|argument| argument.as_os_str()));
    let mut files = vec![(&*subject.name, script::script(COMMAND, &ourselves, &arguments), 0o755)];
    // A program by itself has none, and then the proxy has none either.
    let manifest = subject.manifest.as_ref().and_then(|manifest| manifest.text.as_ref());
    files.extend(manifest.map(|text| (MANIFEST, text.clone().into_bytes(), 0o644)));
    script::lay_out(&directory, &files, COMMAND)?;
    Ok(Installation { name: subject.name.clone(), directory })
}

/// Whether two paths lead to one directory.
fn same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().ok();
    real(one).is_some_and(|one| Some(one) == real(other))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_proxy_lies_where_the_plugin_would_and_never_in_its_place() {
        let place = tempfile::tempdir().unwrap();
        let real = place.path().join("real/mock");
        fs::create_dir_all(&real).unwrap();
        fs::write(real.join("plugin.json"), r#"{"name":"mock"}"#).unwrap();
        fs::write(real.join("mock"), "").unwrap();
        let refused = install(&real, &place.path().join("front"), &Extras::default());
        assert!(matches!(refused, Err(InstallError::NoProgram(_))));
        fs::copy("/bin/sh", real.join("mock")).unwrap();
        let into = place.path().join("front");
        let extras = Extras { record: Some("/r.jsonl".into()), ..Extras::default() };
        for _ in 0..2 {
            let installed = install(&real, &into, &extras).unwrap();
            assert_eq!((installed.name.as_str(), &installed.directory), ("mock", &into.join("mock")));
        }
        assert_eq!(fs::read_to_string(into.join("mock/plugin.json")).unwrap(), r#"{"name":"mock"}"#);
        let script = fs::read_to_string(into.join("mock/mock")).unwrap();
        assert!(script.contains("'proxy' 'serve'") && script.contains("real/mock/mock"), "{script}");
        assert!(script.ends_with("'--record' '/r.jsonl'\n"), "{script}");
        assert!(matches!(
            install(&real, &place.path().join("real"), &extras),
            Err(InstallError::InItsPlace(_))
        ));
        assert!(matches!(install(&place.path().join("no"), &into, &extras), Err(InstallError::Plugin(_))));
        fs::write(into.join("mock/mock"), "mine").unwrap();
        assert!(matches!(install(&real, &into, &extras), Err(InstallError::NotLaidOut(_))));
    }
}
