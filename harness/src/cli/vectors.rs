//! `counterfoil vectors`: what decoders in any language are tested with.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use counterfoil_core::decode::{self, Topic};

use super::{commands::usage, exit::Exit, output::Output};
use crate::report::{terminal::counted, vectors as vectors_report};

/// Lists the vectors, or writes them as files into a directory.
pub(super) fn execute(into: Option<&Path>, output: Output) -> Exit {
    let topics = decode::vectors();
    let Some(into) = into else {
        return output.print(&vectors_report::list(&topics, output.layout()));
    };
    if let Err((path, error)) = write(&topics, into) {
        return usage(&format!("{} cannot be written: {error}", path.display()), output);
    }
    let count = topics.iter().map(|topic| topic.vectors.len()).sum();
    let (vectors, files) = (counted(count, "vector"), counted(topics.len(), "file"));
    output.print(&format!("{vectors} in {files} written to {}\n", into.display()))
}

/// Writes a file for each topic. What else lies in the directory stays as it is.
fn write(topics: &[Topic], into: &Path) -> Result<(), (PathBuf, io::Error)> {
    fs::create_dir_all(into).map_err(|error| (into.to_owned(), error))?;
    for topic in topics {
        let file = into.join(topic.file_name());
        fs::write(&file, topic.lines()).map_err(|error| (file, error))?;
    }
    Ok(())
}
