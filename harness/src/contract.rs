//! The contract, shown, compared and held against somebody's descriptors.

use std::{fs, io, path::Path};

use counterfoil_proto::{
    Contract,
    contract::CheckReport,
};
use prost::Message as _;
use prost_types::FileDescriptorSet;

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
        fs::metadata(file).map_err(unreadable)?;
        let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty());
        return protox::compile([file], [directory.unwrap_or(Path::new("."))])
            .map_err(|error| DescriptorError::Proto(error.into()));
    }
    let bytes = fs::read(file).map_err(unreadable)?;
    FileDescriptorSet::decode(&bytes[..])
        .map_err(|source| DescriptorError::NotDescriptors { file: shown.clone(), source })
}
