//! What is kept of an answer: the table, the lock, the evidence, the waivers, and what each repository owes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use counterfoil_core::release::{Artefact, Facts, Member, Release, Waiver};

use crate::{
    evidence::Evidence,
    report::{
        cutover::{self as report, Told},
        layout::Layout,
        markup::html,
    },
};

/// The files of a bundle, by their names in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bundle {
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl Bundle {
    /// What is kept of an answer. `lock` is where its lock is, and `kept` the directory of evidence of what was tested for it, of
    /// which that counts which is of a program that was judged.
    ///
    /// # Errors
    /// Where evidence or the lock cannot be read, with its path.
    pub fn of(
        told: &Told,
        release: &Release,
        lock: Option<&Path>,
        facts: &Facts,
        kept: &Path,
    ) -> Result<Self, (PathBuf, io::Error)> {
        let mut bundle = Self::default();
        bundle.add("answer.txt", report::terminal(told, true, Layout::ENDLESS));
        bundle.add("answer.json", report::json(told));
        bundle.add("answer.html", report::html(told));
        bundle.add("release.yaml", &*release.source.text);
        bundle.add("waivers.md", waivers(&release.waivers));
        for (member, text) in report::issues(told) {
            let name = file_name(member.map_or("the-release", |member| &member.repository));
            // Two repositories may have one name once it fits into a directory.
            let numbered =
                |number: usize| if number == 1 { name.clone() } else { format!("{name}-{number}") };
            let paths = (1..).map(|number| Path::new("issues").join(numbered(number) + ".md"));
            let free = paths.into_iter().find(|path| !bundle.files.contains_key(path));
            bundle.files.extend(free.map(|path| (path, text.into_bytes())));
        }
        if let Some(lock) = lock.filter(|lock| lock.exists()) {
            bundle.copy("lock.json".into(), lock)?;
        }
        let stated = release.members().flat_map(stated);
        let engine = release.engine.subject.evidence.as_deref().map(|path| ("workflow".to_owned(), path));
        for (name, path) in stated.chain(engine).filter(|(_, path)| path.exists()) {
            bundle.copy(Path::new("evidence").join(file_name(&name) + ".json"), path)?;
        }
        bundle.copy_kept(kept, facts)?;
        Ok(bundle)
    }

    /// Takes the evidence that was kept of programs that were judged.
    fn copy_kept(&mut self, kept: &Path, facts: &Facts) -> Result<(), (PathBuf, io::Error)> {
        let artefacts = facts.plugins.iter().flat_map(|plugin| plugin.platforms.values());
        let programs = artefacts.filter_map(|artefact| Some(&artefact.digests.known()?.program));
        let programs: BTreeSet<&String> = programs.chain(facts.engine.digest.known()).collect();
        let entries = match fs::read_dir(kept) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err((kept.to_owned(), error)),
        };
        for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
            let content = fs::read(&path).map_err(|error| (path.clone(), error))?;
            let is_of_these = |evidence: &Evidence| programs.contains(&evidence.subject.program.sha256);
            if let Some(name) = path.file_name()
                && Evidence::read(&content).is_ok_and(|evidence| is_of_these(&evidence))
            {
                self.add(Path::new("evidence").join(name), content);
            }
        }
        Ok(())
    }

    fn add(&mut self, name: impl Into<PathBuf>, content: impl Into<Vec<u8>>) {
        self.files.insert(name.into(), content.into());
    }

    fn copy(&mut self, name: PathBuf, from: &Path) -> Result<(), (PathBuf, io::Error)> {
        let content = fs::read(from).map_err(|error| (from.to_owned(), error))?;
        self.files.insert(name, content);
        Ok(())
    }

    /// The names of the files, in order.
    pub fn names(&self) -> impl Iterator<Item = &Path> {
        self.files.keys().map(PathBuf::as_path)
    }

    /// Writes the files into a directory that is empty, or does not exist yet. It is there whole, or not at all.
    ///
    /// # Errors
    /// When the directory has something in it, or cannot be written.
    pub fn write(&self, into: &Path) -> io::Result<()> {
        let room = tempfile::Builder::new().prefix(".bundle-").tempdir_in(parent_of(into))?;
        for (name, content) in &self.files {
            let path = room.path().join(name);
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::write(path, content)?;
        }
        // Takes the place of an empty directory, and of nothing else.
        fs::rename(room.path(), into)?;
        // It has no longer the name under which it would be removed.
        let _ = room.keep();
        Ok(())
    }
}

/// The directory that a path stands in.
pub fn parent_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The evidence that a file states of a member, by the name of what it is about.
fn stated(member: &Member) -> impl Iterator<Item = (String, &Path)> {
    let platforms = member.platforms.iter().map(|(platform, artefact)| (platform.to_string(), artefact));
    let previous = member.previous.iter().map(|artefact| ("previous".to_owned(), artefact));
    platforms.chain(previous).filter_map(|(of, Artefact { evidence, .. })| {
        Some((format!("{}-{of}", member.name), evidence.as_deref()?))
    })
}

/// The longest name of a file, without its ending.
const LONGEST: usize = 100;

/// A name that can stand in a directory, whatever it was made of.
pub(super) fn file_name(name: &str) -> String {
    let fit = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    name.chars().take(LONGEST).map(fit).collect::<String>().trim_start_matches('.').to_owned()
}

/// What was let through, as a page.
fn waivers(waivers: &[Waiver]) -> String {
    let mut page = "# Waivers\n\n".to_owned();
    if waivers.is_empty() {
        page.push_str("Nothing was let through.\n");
        return page;
    }
    page.push_str("| rule | member | what it says | why | who | until |\n|---|---|---|---|---|---|\n");
    for waiver in waivers {
        let cells = [
            waiver.check.to_owned(),
            html(waiver.member.as_deref().unwrap_or("every one")),
            html(waiver.contains.as_deref().unwrap_or("whatever it says")),
            html(&waiver.reason),
            html(&waiver.approver),
            waiver.expires.to_string(),
        ];
        page.extend(["| ", &*cells.join(" | "), " |\n"]);
    }
    page
}

#[cfg(test)]
mod tests {
    use counterfoil_core::{
        mutants::{RELEASES, good_release},
        release::{Case, assess},
    };

    use super::*;

    fn bundle(mutant: &str) -> Bundle {
        let (mut release, mut facts) = good_release();
        let mutant = RELEASES.iter().find(|known| known.name == mutant).expect("it is one");
        (mutant.alter)(&mut release, &mut facts);
        let case = Case { release: &release, facts: &facts };
        let (checks, verdict) = assess(case);
        let told = Told::of(case, &checks, verdict);
        Bundle::of(&told, &release, None, &facts, Path::new("nowhere")).expect("nothing has to be read")
    }

    #[test]
    fn who_owes_something_has_an_issue_and_nothing_leaves_the_directory() {
        let bundle = bundle("suite-broken");
        let names: Vec<String> = bundle.names().map(|name| name.display().to_string()).collect();
        let expected = [
            "answer.html",
            "answer.json",
            "answer.txt",
            "issues/example-workflow-plugin-one.md",
            "release.yaml",
            "waivers.md",
        ];
        assert_eq!(names, expected);
        assert_eq!(file_name("../../etc/passwd"), "-..-etc-passwd");
    }

    #[test]
    fn a_bundle_is_written_whole_and_over_nothing() {
        let place = tempfile::tempdir().expect("a directory");
        let into = place.path().join("bundle");
        let bundle = bundle("suite-broken");
        bundle.write(&into).expect("it can be written");
        assert!(into.join("issues/example-workflow-plugin-one.md").is_file());
        bundle.write(&into).expect_err("it is there");
        let left: Vec<_> = fs::read_dir(place.path()).expect("it can be read").collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }
}
