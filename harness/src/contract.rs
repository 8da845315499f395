//! The contract, shown, compared and held against somebody's descriptors.

use std::{
    fs,
    io::{self, Read as _},
    path::Path,
};

use counterfoil_proto::{Contract, contract::CheckReport};
use prost::Message as _;
use prost_types::FileDescriptorSet;

/// The longest file that is read. All descriptors of the engine are a thousandth of it.
const MOST: u64 = 64 * 1024 * 1024;

/// A file that holds no descriptors.
#[derive(Debug, thiserror::Error)]
pub enum DescriptorError {
    /// It cannot be read.
    #[error("{file} cannot be read: {source}")]
    Io {
        /// The file.
        file: String,
        /// What the system says.
        source: io::Error,
    },
    /// It is larger than any description of a contract.
    #[error("{file} is larger than {MOST} bytes")]
    TooLarge {
        /// The file.
        file: String,
    },
    /// It is no descriptor set, and no .proto by its name.
    #[error("{file} is neither a .proto file nor an encoded FileDescriptorSet: {source}")]
    NotDescriptors {
        /// The file.
        file: String,
        /// What is wrong with it.
        source: prost::DecodeError,
    },
    /// It is a .proto file that does not compile.
    #[error("{0:?}")]
    Proto(miette::Report),
}

/// Holds the descriptors of a file against a revision's contract. A `.proto` file is compiled, its own directory being
/// where imports are found; anything else is read as an encoded `FileDescriptorSet`.
///
/// # Errors
/// See [`DescriptorError`].
pub fn check(contract: &Contract, file: &Path) -> Result<CheckReport, DescriptorError> {
    Ok(contract.check(&descriptors(file)?))
}

fn descriptors(file: &Path) -> Result<FileDescriptorSet, DescriptorError> {
    let shown = file.display().to_string();
    let unreadable = |source| DescriptorError::Io { file: shown.clone(), source };
    if file.extension().is_some_and(|extension| extension == "proto") {
        // What protox says of a missing file is about includes; this is what was meant.
        if fs::metadata(file).map_err(unreadable)?.len() > MOST {
            return Err(DescriptorError::TooLarge { file: shown });
        }
        let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty());
        return protox::compile([file], [directory.unwrap_or(Path::new("."))])
            .map_err(|error| DescriptorError::Proto(error.into()));
    }
    let mut bytes = Vec::new();
    // A device says nothing of its size beforehand.
    fs::File::open(file)
        .and_then(|opened| opened.take(MOST + 1).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    if bytes.len() as u64 > MOST {
        return Err(DescriptorError::TooLarge { file: shown });
    }
    FileDescriptorSet::decode(&bytes[..])
        .map_err(|source| DescriptorError::NotDescriptors { file: shown.clone(), source })
}
