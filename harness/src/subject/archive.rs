//! A release archive (`.tar.gz`), unpacked as what it is: untrusted.
//!
//! Nothing is written outside of the directory that it is unpacked into, no link leads out of it, and it ends before it
//! fills the disk, whatever its headers say. One member that must not be there refuses the whole archive.

use std::{
    cell::Cell,
    fs::{self, File, OpenOptions},
    io::{self, BufReader, ErrorKind, Read, Seek as _, Write as _},
    os::unix::fs::{OpenOptionsExt as _, symlink},
    path::{Component, Path, PathBuf},
    rc::Rc,
};

use flate2::read::MultiGzDecoder;
use tar::{Archive, Entry, EntryType};
use tokio_util::sync::CancellationToken;

use super::sha256;

/// How much an archive may hold, unpacked. Plugins are some ten to a hundred megabytes.
const MOST_BYTES: u64 = 1 << 30;

/// How many members it may have.
const MOST_MEMBERS: usize = 10_000;

/// How much may stand between the contents of two members: headers, and long names.
const MOST_BETWEEN: u64 = 1 << 20;

/// How much is moved at a time.
const CHUNK: usize = 64 << 10;

/// Why an archive is not taken.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(io::Error),
    /// It is something else.
    #[error("it is {0}; a release archive is a .tar.gz")]
    Other(&'static str),
    /// It is damaged, or ends too early.
    #[error("it is damaged: {0}")]
    Damaged(io::Error),
    /// It has a member that must not be there.
    #[error("its member {name:?} {why}")]
    Member {
        /// The path of the member, as it stands there.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// It is too large.
    #[error("it holds more than {} MB, unpacked", MOST_BYTES >> 20)]
    TooLarge,
    /// It has too many members.
    #[error("it has more than {MOST_MEMBERS} members")]
    TooMany,
    /// What it holds cannot be written.
    #[error("it cannot be unpacked to {}: {source}", path.display())]
    Unwritable {
        /// Where.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It was asked to stop.
    #[error("it was not unpacked to its end")]
    Stopped,
}

/// What a file is taken for, by its first bytes and by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Something packed with gzip.
    Gzip,
    /// By its name an archive, which it is not, or not one that is taken.
    NoArchive(&'static str),
    /// Anything else: a program, perhaps.
    Other,
}

/// What `path` is.
///
/// # Errors
/// When it cannot be read.
pub(super) fn kind(path: &Path) -> io::Result<Kind> {
    let mut magic = [0; 262];
    let read = fill(&mut File::open(path)?, &mut magic)?;
    let magic = &magic[..read];
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    Ok(if magic.starts_with(&[0x1f, 0x8b]) {
        Kind::Gzip
    } else if magic.starts_with(b"PK\x03\x04") {
        Kind::NoArchive("a zip file")
    } else if magic.get(257..262) == Some(b"ustar") {
        Kind::NoArchive("a tar file that is not compressed")
    } else if [".tar.gz", ".tgz"].iter().any(|end| name.ends_with(end)) {
        Kind::NoArchive(if magic.is_empty() { "an empty file" } else { "not compressed with gzip" })
    } else {
        Kind::Other
    })
}

/// Reads until the buffer is full or nothing more comes.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while read < buffer.len() {
        match from.read(&mut buffer[read..]) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

/// The SHA-256 of an archive, in hexadecimal. Blocks; `stop` ends it.
pub(super) fn digest(archive: &File, stop: &CancellationToken) -> Result<String, ArchiveError> {
    // It may be as large as the file system has it.
    let budget = Rc::new(Cell::new(u64::MAX));
    sha256(Metered { inner: archive, budget, stopped: stop.clone() }).map_err(damaged)
}

/// Unpacks `archive` into the directory `root`, which is empty: files, which keep whether they are executable,
/// directories, and symbolic links that lead to something in the archive. Blocks; `stop` ends it.
///
/// # Errors
/// See [`ArchiveError`]. What was unpacked until then stays in `root`.
pub fn unpack(mut archive: File, root: &Path, stop: &CancellationToken) -> Result<(), ArchiveError> {
    archive.rewind().map_err(ArchiveError::Unreadable)?;
    let budget = Rc::new(Cell::new(MOST_BETWEEN));
    let stopped = stop.clone();
    let metered =
        Metered { inner: MultiGzDecoder::new(BufReader::new(archive)), budget: Rc::clone(&budget), stopped };
    let mut archive = Archive::new(metered);
    let (mut links, mut left) = (Vec::new(), MOST_BYTES);
    for (at, entry) in archive.entries().map_err(damaged)?.enumerate() {
        let mut entry = entry.map_err(damaged)?;
        if at == MOST_MEMBERS {
            return Err(ArchiveError::TooMany);
        }
        // The file is read to its end here, so that what stands in front of the next one is headers alone.
        let size = entry.size();
        left = left.checked_sub(size).ok_or(ArchiveError::TooLarge)?;
        budget.set(size + MOST_BETWEEN);
        member(&mut entry, root, &mut links)?;
        io::copy(&mut entry, &mut io::sink()).map_err(damaged)?;
        budget.set(MOST_BETWEEN);
    }
    // Behind the last member comes padding, and the checksum that tells whether all of it is as it was packed.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(damaged)?;
    // Links come last, so that no member can be written through one.
    for link in &links {
        link.make(root)?;
    }
    links.iter().try_for_each(|link| link.stays_within(root))
}

/// A reader that ends with an error where more is read than was granted, or where it is asked to stop.
struct Metered<R> {
    inner: R,
    budget: Rc<Cell<u64>>,
    stopped: CancellationToken,
}

/// Why a [`Metered`] reader ended.
#[derive(Clone, Copy, Debug, thiserror::Error)]
enum Ended {
    #[error("stopped")]
    Stopped,
    #[error("more than was granted")]
    Exhausted,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stopped.is_cancelled() {
            return Err(io::Error::other(Ended::Stopped));
        }
        let room = buffer.len().min(CHUNK);
        let read = self.inner.read(&mut buffer[..room])?;
        let left = self.budget.get().checked_sub(read as u64);
        self.budget.set(left.ok_or_else(|| io::Error::other(Ended::Exhausted))?);
        Ok(read)
    }
}

/// What an error of reading means. The layers above may have wrapped it.
fn damaged(error: io::Error) -> ArchiveError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> =
        error.get_ref().map(|inner| inner as &(dyn std::error::Error + 'static));
    while let Some(inner) = cause {
        if let Some(ended) = inner.downcast_ref::<Ended>() {
            return match ended {
                Ended::Stopped => ArchiveError::Stopped,
                Ended::Exhausted => ArchiveError::TooLarge,
            };
        }
        let wrapped = inner.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = wrapped.map(|inner| inner as &(dyn std::error::Error + 'static)).or_else(|| inner.source());
    }
    ArchiveError::Damaged(error)
}

/// Writes one member, or keeps it for later where it is a link.
fn member(entry: &mut Entry<'_, impl Read>, root: &Path, links: &mut Vec<Link>) -> Result<(), ArchiveError> {
    let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
    let refuse = |why: String| ArchiveError::Member { name: name.clone(), why };
    let kind = entry.header().entry_type();
    if kind == EntryType::XGlobalHeader {
        return Ok(());
    }
    let path = entry.path().map_err(|error| refuse(format!("has no path: {error}")))?.into_owned();
    let path = within(&path).map_err(|why| refuse(why.to_owned()))?;
    let extensions = entry.pax_extensions().map_err(damaged)?;
    let sparse =
        extensions.into_iter().flatten().flatten().any(|one| one.key_bytes().starts_with(b"GNU.sparse."));
    let target = root.join(&path);
    let unwritable = |source: io::Error| match source.kind() {
        ErrorKind::AlreadyExists | ErrorKind::NotADirectory => {
            refuse("stands in the place of another member".to_owned())
        }
        _ if is_ours(&source) => ArchiveError::Unwritable { path: target.clone(), source },
        _ => refuse(format!("cannot be made: {source}")),
    };
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent).map_err(&unwritable)?;
    }
    match kind {
        EntryType::Regular | EntryType::Continuous if !sparse => {
            let executable = entry.header().mode().is_ok_and(|mode| mode & 0o111 != 0);
            let mode = if executable { 0o755 } else { 0o644 };
            let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&target);
            let mut file = file.map_err(&unwritable)?;
            let mut chunk = vec![0; CHUNK];
            loop {
                let read = fill(entry, &mut chunk).map_err(damaged)?;
                if read == 0 {
                    return Ok(());
                }
                file.write_all(&chunk[..read]).map_err(&unwritable)?;
            }
        }
        EntryType::Directory => fs::create_dir_all(&target).map_err(unwritable),
        EntryType::Symlink => {
            let to = entry.link_name().map_err(damaged)?.unwrap_or_default().into_owned();
            links.push(Link { name, path, to });
            Ok(())
        }
        EntryType::GNUSparse | EntryType::Regular | EntryType::Continuous => {
            Err(refuse("is a sparse file".to_owned()))
        }
        EntryType::Link => Err(refuse("is a hard link".to_owned())),
        _ => Err(refuse("is neither a file, nor a directory, nor a link".to_owned())),
    }
}

/// Whether an error of writing is one of the place, whatever is written there.
fn is_ours(error: &io::Error) -> bool {
    use ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    let is_of_place =
        matches!(error.kind(), PermissionDenied | QuotaExceeded | ReadOnlyFilesystem | StorageFull);
    is_of_place || error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
}

/// The path of a member, without what changes nothing; says why where it could lead out of the archive.
fn within(path: &Path) -> Result<PathBuf, &'static str> {
    let mut inner = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => inner.push(name),
            Component::CurDir => {}
            Component::ParentDir => return Err("has a path that leads out of the archive"),
            Component::RootDir | Component::Prefix(_) => return Err("has an absolute path"),
        }
    }
    Ok(inner)
}

/// A symbolic link of the archive.
struct Link {
    name: String,
    path: PathBuf,
    to: PathBuf,
}

impl Link {
    fn refused(&self, why: &str) -> ArchiveError {
        let why = format!("is a link to {:?}, {why}", self.to.to_string_lossy());
        ArchiveError::Member { name: self.name.clone(), why }
    }

    fn make(&self, root: &Path) -> Result<(), ArchiveError> {
        let path = root.join(&self.path);
        symlink(&self.to, &path).map_err(|source| match source.kind() {
            ErrorKind::AlreadyExists => self.refused("which stands in the place of another member"),
            _ if is_ours(&source) => ArchiveError::Unwritable { path, source },
            _ => self.refused("which leads nowhere"),
        })
    }

    /// Looks where the link leads, with all others in place.
    fn stays_within(&self, root: &Path) -> Result<(), ArchiveError> {
        let unreadable = |source| ArchiveError::Unwritable { path: root.to_owned(), source };
        let root = fs::canonicalize(root).map_err(unreadable)?;
        match fs::canonicalize(root.join(&self.path)) {
            Ok(target) if target.starts_with(&root) => Ok(()),
            Ok(_) => Err(self.refused("which leads out of the archive")),
            Err(_) => Err(self.refused("which leads nowhere")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use flate2::{Compression, write::GzEncoder};
    use tar::{Builder, Header};
    use tempfile::TempDir;

    use super::*;

    /// A member, by its raw path: the library's own way of setting one refuses what a hostile archive has.
    fn header(path: &str, kind: EntryType, size: u64, link: &str) -> Header {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_mode(0o4755);
        header.set_cksum();
        header
    }

    fn packed(members: &[(Header, &[u8])]) -> Vec<u8> {
        let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (header, content) in members {
            builder.append(header, *content).unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap()
    }

    fn unpacked(archive: &[u8]) -> (TempDir, Result<(), ArchiveError>) {
        let place = TempDir::new().unwrap();
        let (file, root) = (place.path().join("archive"), place.path().join("root"));
        fs::write(&file, archive).unwrap();
        fs::create_dir(&root).unwrap();
        let result = unpack(File::open(file).unwrap(), &root, &CancellationToken::new());
        (place, result)
    }

    fn refused(archive: &[u8]) -> String {
        let (place, result) = unpacked(archive);
        let outside: Vec<_> =
            fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(outside.len(), 2, "{outside:?}");
        result.unwrap_err().to_string()
    }

    #[test]
    fn files_keep_their_place_and_whether_they_can_be_run() {
        let (place, result) = unpacked(&packed(&[
            (header("./plugin.json", EntryType::Regular, 2, ""), b"{}"),
            (header("bin/", EntryType::Directory, 0, ""), b""),
            (header("bin/mock", EntryType::Regular, 4, ""), b"\x7fELF"),
            (header("mock", EntryType::Symlink, 0, "bin/mock"), b""),
        ]));
        result.unwrap();
        let mode =
            |path: &str| fs::metadata(place.path().join("root").join(path)).unwrap().permissions().mode();
        assert_eq!(mode("bin/mock") & 0o7777, 0o755 & mode("bin/mock"), "no bit beside those of execution");
        assert_eq!(
            (mode("mock") & 0o100, fs::read(place.path().join("root/mock")).unwrap()),
            (0o100, b"\x7fELF".to_vec())
        );
    }

    #[test]
    fn nothing_leads_out_of_an_archive() {
        let link = |path, to| (header(path, EntryType::Symlink, 0, to), &b""[..]);
        let file = |path| (header(path, EntryType::Regular, 1, ""), &b"x"[..]);
        for (members, says) in [
            (&[file("../evil")][..], "leads out of the archive"),
            (&[file("a/../../evil")], "leads out of the archive"),
            (&[file("/tmp/evil")], "absolute path"),
            (&[link("evil", "../archive")], "leads out of the archive"),
            (&[link("evil", "/etc/passwd")], "leads out of the archive"),
            (&[link("evil", "nowhere")], "leads nowhere"),
            (&[link("evil", "evil")], "leads nowhere"),
            // Each looks as if it stayed within; the second goes by way of the first.
            (&[file("a/x"), link("a/up", ".."), link("evil", "a/up/../archive")], "leads out of the archive"),
            (&[link("a", "/"), file("a/evil")], "in the place of another member"),
            (&[file("a"), link("a", "b")], "in the place of another member"),
            (&[file("a"), file("a")], "in the place of another member"),
            (&[file("a"), file("a/b")], "in the place of another member"),
            (&[file(".")], "cannot be made"),
            (&[file(&"long/".repeat(15)), link("a", &"l/".repeat(45))], "leads nowhere"),
            (&[(header("evil", EntryType::Link, 0, "../archive"), b"")], "is a hard link"),
            (&[(header("evil", EntryType::Char, 0, ""), b"")], "neither a file"),
            (&[(header("evil", EntryType::Fifo, 0, ""), b"")], "neither a file"),
        ] {
            let text = refused(&packed(members));
            assert!(text.contains(says), "{says}: {text}");
        }
    }

    #[test]
    fn an_archive_ends_before_the_disk_does() {
        // A sparse file of 10 GB takes no room in the archive, and says how large it would be.
        let mut sparse = header("hole", EntryType::GNUSparse, 0, "");
        let gnu = sparse.as_gnu_mut().unwrap();
        gnu.realsize.copy_from_slice(b"112402762000");
        gnu.sparse[0].offset[..11].copy_from_slice(b"00000000000");
        gnu.sparse[0].numbytes[..11].copy_from_slice(b"00000000000");
        sparse.set_cksum();
        let text = refused(&packed(&[(sparse, b"")]));
        assert!(text.contains("more than 1024 MB") || text.contains("damaged"), "{text}");

        let huge = header("huge", EntryType::Regular, MOST_BYTES + 1, "");
        assert!(refused(&packed(&[(huge, b"")])).contains("more than 1024 MB"));
        let mut long = header("././@LongLink", EntryType::GNULongName, 64 << 20, "");
        long.set_cksum();
        let name = vec![b'a'; 64 << 20];
        let text = refused(&packed(&[(long, &name), (header("a", EntryType::Regular, 0, ""), b"")]));
        assert!(text.contains("more than 1024 MB") || text.contains("damaged"), "{text}");
        let many: Vec<_> = (0..=MOST_MEMBERS)
            .map(|at| (header(&format!("f{at}"), EntryType::Regular, 0, ""), &b""[..]))
            .collect();
        assert!(refused(&packed(&many)).contains("more than 10000 members"));
    }

    #[test]
    fn what_is_damaged_is_told_wherever_it_ends() {
        let whole = packed(&[(header("plugin.json", EntryType::Regular, 2, ""), b"{}")]);
        unpacked(&whole).1.unwrap();
        for end in [3, 20, whole.len() / 2, whole.len() - 1] {
            assert!(refused(&whole[..end]).contains("damaged"), "{end}");
        }
        let mut other = whole;
        let checksum = other.len() - 6;
        other[checksum] ^= 1;
        assert!(refused(&other).contains("damaged"));
    }

    #[test]
    fn unpacking_can_be_stopped() {
        let place = TempDir::new().unwrap();
        let file = place.path().join("archive");
        fs::write(&file, packed(&[(header("a", EntryType::Regular, 1, ""), b"x")])).unwrap();
        let stop = CancellationToken::new();
        stop.cancel();
        let result = unpack(File::open(file).unwrap(), place.path(), &stop);
        assert!(matches!(result, Err(ArchiveError::Stopped)), "{result:?}");
    }

    #[test]
    fn an_archive_is_told_by_what_is_in_it() {
        let place = TempDir::new().unwrap();
        let kind = |name: &str, content: &[u8]| {
            let path = place.path().join(name);
            fs::write(&path, content).unwrap();
            kind(&path).unwrap()
        };
        assert_eq!(kind("release.tar.gz", &packed(&[])), Kind::Gzip);
        assert_eq!(kind("release.zip", b"PK\x03\x04..."), Kind::NoArchive("a zip file"));
        assert_eq!(kind("release.tar.gz", b""), Kind::NoArchive("an empty file"));
        assert_eq!(kind("release.tgz", b"hello"), Kind::NoArchive("not compressed with gzip"));
        let tar = Builder::new(Vec::new()).into_inner().unwrap();
        assert_eq!(kind("mock", &tar), Kind::Other, "zeros alone are no tar file");
        assert_eq!(kind("mock", b"\x7fELF"), Kind::Other);
    }
}
