//! Release archives.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
};

use counterfoil::subject::archive::unpack;
use flate2::{Compression, write::GzEncoder};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// The first byte of an input that is an archive as it lies on disk.
pub(crate) const GZIP: u8 = 0;
/// The first byte of an input that is a tar file, to be compressed first: few changes of what is compressed leave its
/// checksum right.
pub(crate) const TAR: u8 = 1;

/// The longest input that is compressed already: it may hold a thousand times as much.
const LONGEST_GZIP: usize = 4 << 10;

/// Unpacks a release archive.
///
/// Nothing appears beside the directory that it is unpacked into, and of an archive that is taken no link leads out of it.
pub fn archive(input: &[u8]) {
    let packed = match input.split_first() {
        Some((&GZIP, packed)) if packed.len() <= LONGEST_GZIP => packed.to_vec(),
        Some((&TAR, tar)) => gzip(tar, Compression::none()),
        _ => return,
    };
    let outside = TempDir::new().expect("there is room for a directory");
    let root = outside.path().join("between/root");
    fs::create_dir_all(&root).expect("there is room for a directory");
    let taken = unpack(file(&packed), &root, &CancellationToken::new());
    assert_eq!(names(outside.path()), ["between"]);
    assert_eq!(names(&outside.path().join("between")), ["root"]);
    if taken.is_ok() {
        let root = fs::canonicalize(&root).expect("it is there");
        links_stay_within(&root, &root);
    }
}

/// A file with this content.
fn file(content: &[u8]) -> File {
    let mut file = tempfile::tempfile().expect("there is room for a file");
    file.write_all(content).expect("there is room for its content");
    file
}

/// A gzip file of a content.
pub(crate) fn gzip(content: &[u8], compression: Compression) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), compression);
    let written = encoder.write_all(content).and_then(|()| encoder.finish());
    written.expect("there is room in memory")
}

/// The names of what lies in a directory.
fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let entries = entries.expect("it can be read");
    entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Looks where each link below a directory leads.
fn links_stay_within(directory: &Path, root: &Path) {
    for name in fs::read_dir(directory).expect("it can be read") {
        let path = name.expect("it can be read").path();
        let kind = fs::symlink_metadata(&path).expect("it is there").file_type();
        if kind.is_dir() {
            links_stay_within(&path, root);
        } else if kind.is_symlink() {
            let target = fs::canonicalize(&path).expect("it leads somewhere");
            assert!(target.starts_with(root), "{} leads to {}", path.display(), target.display());
        }
    }
}
