//! The settings of a repository: found, read and checked.

use std::{fs, path::Path, sync::Arc};

use counterfoil_core::scenario::{self, Diagnostic, SETTINGS_FILE, Settings};

use crate::run::{Filter, Unusable, read_document};

/// Settings, and where they come from.
#[derive(Clone, Debug)]
pub struct Found {
    /// What they say. Paths in them are relative to the current directory.
    pub settings: Settings,
    /// The file, as it is shown.
    pub file: String,
}

/// The settings of the file that is named; where none is, those of `counterfoil.yaml` in the current directory, where
/// that exists. Directories above are not searched: what they hold may be somebody else's.
///
/// # Errors
/// Every mistake of the file.
pub fn find(named: Option<&Path>) -> Result<Option<Found>, Unusable> {
    let path = match named {
        Some(path) => path,
        // A link that leads nowhere is a mistake, and not nothing.
        None if fs::symlink_metadata(SETTINGS_FILE).is_ok() => Path::new(SETTINGS_FILE),
        None => return Ok(None),
    };
    let file = path.display().to_string();
    let bytes = read_document(path, &file).map_err(|mistake| Unusable::new(vec![*mistake], &file, &[]))?;
    let unusable = |mistakes| Unusable::new(mistakes, &file, &bytes);
    let directory = path.parent().unwrap_or(Path::new(""));
    let settings = scenario::parse_settings(&file, directory, &bytes).map_err(unusable)?;
    let blocks = settings.provider.iter().map(|provider| &provider.how).chain(&settings.run);
    let text: Arc<str> = String::from_utf8_lossy(&bytes).into();
    let mut mistakes: Vec<Diagnostic> = blocks
        .flat_map(|block| &block.filter)
        .filter_map(|(term, span)| {
            let error = Filter::new([term.as_str()]).err()?;
            Some(Diagnostic::at(&file, &text, "bad-filter", *span, error.to_string()).label("no filter"))
        })
        .collect();
    mistakes.sort_by_key(|mistake| mistake.line);
    if mistakes.is_empty() { Ok(Some(Found { settings, file })) } else { Err(unusable(mistakes)) }
}
