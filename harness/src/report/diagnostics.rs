//! Mistakes in files, shown with the lines that they stand in.

use std::{fmt, sync::Arc};

use counterfoil_core::scenario::Diagnostic;
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};

/// Renders diagnostics one after the other. `sources` has the text of each file by its name.
pub fn render(diagnostics: &[Diagnostic], sources: &[(String, Arc<str>)], color: bool) -> String {
    let theme = if color { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(100).with_links(false);
    let mut out = String::new();
    for diagnostic in diagnostics {
        let text = sources.iter().find(|(file, _)| *file == diagnostic.file).map(|(_, text)| text);
        // Writing into a string cannot fail.
        let _ = handler.render_report(&mut out, &Shown::new(diagnostic, text));
    }
    out
}

/// A diagnostic in the form that miette shows.
#[derive(Debug)]
struct Shown<'a> {
    diagnostic: &'a Diagnostic,
    source: Option<NamedSource<Arc<str>>>,
}

impl<'a> Shown<'a> {
    fn new(diagnostic: &'a Diagnostic, text: Option<&Arc<str>>) -> Self {
        let source = diagnostic
            .span
            .and(text)
            .map(|text| NamedSource::new(&diagnostic.file, Arc::clone(text)));
        Self { diagnostic, source }
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.source.is_some() {
            f.write_str(&self.diagnostic.message)
        } else {
            write!(f, "{}: {}", self.diagnostic.file, self.diagnostic.message)
        }
    }
}

impl std::error::Error for Shown<'_> {}

impl miette::Diagnostic for Shown<'_> {
    fn code<'c>(&'c self) -> Option<Box<dyn fmt::Display + 'c>> {
        Some(Box::new(self.diagnostic.code))
    }

    fn help<'h>(&'h self) -> Option<Box<dyn fmt::Display + 'h>> {
        self.diagnostic.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.diagnostic.span?;
        let label = (!self.diagnostic.label.is_empty()).then(|| self.diagnostic.label.clone());
        Some(Box::new(std::iter::once(LabeledSpan::new(label, span.start, span.len))))
    }
}
