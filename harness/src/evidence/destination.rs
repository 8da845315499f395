//! Where evidence goes: a file that is whole, or not there.

use std::{
    fs::{self, File, Permissions},
    io::{self, Read as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

/// A file that evidence will be written to. Until then it does not exist: what stood there is of an earlier run, and must not
/// be taken for evidence of one that was killed or interrupted.
#[derive(Debug)]
pub struct Destination(PathBuf);

impl Destination {
    /// Sees to it that evidence can be written to `path`, and takes away what an earlier run has left there.
    ///
    /// # Errors
    /// Where nothing can be written there, or something stands there that is no evidence.
    pub fn open(path: &Path) -> io::Result<Self> {
        let path = match fs::metadata(path) {
            // Where a link leads there, it goes on doing so.
            Ok(_) => fs::canonicalize(path)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
            Err(error) => return Err(error),
        };
        drop(beside(&path)?);
        if path.exists() {
            if !may_go(&path)? {
                return Err(io::Error::other("something else stands there, which is no evidence"));
            }
            fs::remove_file(&path)?;
        }
        Ok(Self(path))
    }

    /// Writes the file.
    ///
    /// # Errors
    /// When it cannot be written. Then there is none.
    pub fn write(self, text: &str) -> io::Result<()> {
        write_whole(&self.0, text)
    }
}

/// Writes a file, which takes the place of what stands there as soon as it is whole.
///
/// # Errors
/// When it cannot be written. Then what stands there stays.
pub(crate) fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let mut file = beside(path)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// A file in the same directory, which is gone unless it takes the place of the other.
fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    tempfile::Builder::new()
        .prefix(".evidence-")
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(directory.unwrap_or(Path::new(".")))
}

/// Whether a file may be what an earlier run has left: an empty one, or a JSON object.
fn may_go(path: &Path) -> io::Result<bool> {
    if !fs::metadata(path)?.is_file() {
        return Ok(false);
    }
    let mut first = Vec::new();
    File::open(path)?.take(1).read_to_end(&mut first)?;
    Ok(first.is_empty() || first == b"{")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let names = fs::read_dir(directory).unwrap();
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn what_an_earlier_run_has_left_is_gone_until_the_new_one_is_whole() {
        let place = tempfile::tempdir().unwrap();
        let (path, link) = (place.path().join("e.json"), place.path().join("link.json"));
        fs::write(&path, "{\"old\":true}").unwrap();
        std::os::unix::fs::symlink("e.json", &link).unwrap();
        let destination = Destination::open(&link).unwrap();
        assert!(!path.exists());
        destination.write("{\"new\":true}").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"new\":true}");
        assert!(link.is_symlink());
        // One that is given up leaves nothing.
        drop(Destination::open(&path).unwrap());
        assert_eq!(names(place.path()), ["link.json"]);
    }

    #[test]
    fn what_is_no_evidence_stays_and_what_cannot_be_written_is_told_first() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("plugin");
        fs::write(&path, "\x7fELF").unwrap();
        let refused = |path: &Path| Destination::open(path).unwrap_err().to_string();
        assert!(refused(&path).contains("no evidence"));
        assert_eq!(fs::read(&path).unwrap(), b"\x7fELF");
        assert!(refused(place.path()).contains("no evidence"));
        assert!(refused(&place.path().join("none/e.json")).contains("No such file"));
        assert!(refused(&path.join("e.json")).contains("Not a directory"));
        assert_eq!(names(place.path()), ["plugin"]);
    }
}
