//! The manifest of a plugin, as a trace holds it.

use crate::{
    manifest::{Malformed, Manifest},
    rules::Place,
    scenario::Span,
    trace::{Event, ManifestFile, ProcessEvent, Trace},
};

/// What a plugin says of itself on disk.
#[derive(Debug)]
pub struct ManifestStory<'t> {
    /// The file.
    pub file: &'t ManifestFile,
    /// Its text; empty where there is no such file.
    pub text: &'t str,
    /// What can be read of it; none where there is no such file.
    pub read: Option<Result<Manifest, Malformed>>,
    /// Where the trace tells of it.
    pub at: usize,
}

impl<'t> ManifestStory<'t> {
    pub(super) fn of(trace: &'t Trace) -> Option<Self> {
        trace.events.iter().enumerate().find_map(|(at, event)| match event {
            Event::Process(ProcessEvent::ManifestFile(file)) => {
                let text = file.text.as_deref();
                Some(Self { file, text: text.unwrap_or_default(), read: text.map(Manifest::read), at })
            }
            _ => None,
        })
    }

    /// The manifest, where it is one.
    pub fn manifest(&self) -> Option<&Manifest> {
        self.read.as_ref()?.as_ref().ok()
    }

    /// A place in its file.
    pub fn place(&self, span: Span) -> Place {
        Place::at(&self.file.path, self.text, span)
    }
}
