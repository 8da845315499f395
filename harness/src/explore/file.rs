//! What was found, as a scenario file.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use counterfoil_core::{
    rules,
    scenario::{Found, Scenario, write},
};
use sha2::{Digest as _, Sha256};

use super::Find;
use crate::run::Again;

/// How a find was come by, beside what it says itself.
#[derive(Clone, Debug)]
pub struct Written {
    /// The seed of the exploration.
    pub seed: u64,
    /// What was under test, in words.
    pub subject: String,
    /// The digest of its program; none for what is part of Counterfoil.
    pub digest: Option<String>,
    /// The command that runs a scenario against it.
    pub replay: Again,
}

impl Written {
    /// The file of a find: its name, and its text. The name follows from the rule and from the scenario, so that the same
    /// find is the same file.
    pub fn file(&self, find: &Find, directory: &Path) -> (PathBuf, String) {
        let mut scenario = Scenario::clone(&find.scenario);
        let rule = find.rule.to_lowercase();
        scenario.seams.clear();
        scenario.found = None;
        let digest = hex::encode(Sha256::digest(write(&scenario)));
        let id = format!("{rule}-{}", &digest[..8]);
        let path = directory.join(format!("{id}.yaml"));
        if scenario.plan.id == scenario.id {
            scenario.plan.id.clone_from(&id);
        }
        scenario.id = id;
        scenario.title = rules::find(&find.rule).map_or_else(String::new, |rule| rule.title.to_owned());
        scenario.tags = vec!["found".to_owned()];
        scenario.found = Some(Found {
            rule: find.rule.clone(),
            party: find.party,
            seed: self.seed,
            case: find.case,
            counterfoil: env!("CARGO_PKG_VERSION").to_owned(),
            subject: self.subject.clone(),
            digest: self.digest.clone(),
            replay: self.replay(&path),
        });
        (path, write(&scenario))
    }

    /// The command that runs a scenario file against the subject again.
    pub fn replay(&self, file: &Path) -> String {
        self.replay.with(&file.display().to_string())
    }

    /// Writes the file of a find.
    ///
    /// # Errors
    /// With the path, where it cannot be written. Then the text is there still, for the caller to show.
    pub fn save(&self, find: &Find, directory: &Path) -> Result<PathBuf, Unsaved> {
        let (path, text) = self.file(find, directory);
        let written = fs::create_dir_all(directory).and_then(|()| {
            // Half a file is none: the name appears when all of it is there.
            let partial = path.with_extension("yaml.partial");
            let written = fs::write(&partial, &text).and_then(|()| fs::rename(&partial, &path));
            if written.is_err() {
                let _ = fs::remove_file(&partial);
            }
            written
        });
        match written {
            Ok(()) => Ok(path),
            Err(error) => Err(Unsaved { path, text: Arc::from(text), error }),
        }
    }
}

/// A find that could not be written down.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be written: {error}", path.display())]
pub struct Unsaved {
    /// Where it would have gone.
    pub path: PathBuf,
    /// What it would have been.
    pub text: Arc<str>,
    /// Why not.
    #[source]
    pub error: io::Error,
}
