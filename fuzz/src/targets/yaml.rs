//! The smaller files in YAML: settings, lists of known failures, and releases.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use counterfoil_core::{
    release::{Artefact, Engine, Plugin, Release},
    scenario::{
        Diagnostic, KnownFailure, KnownFailureChange, NewKnownFailure, RunSettings, Settings, Span,
        parse_known_failures, parse_release, parse_settings, parse_unfilled_known_failures,
        rewrite_known_failures,
    },
};

/// The name by which an input is read.
pub(super) const FILE: &str = "input.yaml";

/// Reads a list of known failures.
///
/// Mistakes have their places in the text. A list that may be used may be updated too, and says the same then. Nothing
/// is changed where nothing is to change; where a list can be changed, it says exactly what was to become of it.
pub fn known_failures(input: &[u8]) {
    let (strict, lenient) = (parse_known_failures(FILE, input), parse_unfilled_known_failures(FILE, input));
    if let Err(mistakes) = &strict {
        have_their_places(mistakes, input);
    }
    match lenient {
        Ok(list) => {
            if let Ok(strict) = strict {
                assert_eq!(strict, list);
            }
            for entry in &list {
                for span in [entry.span, entry.scenario_span, entry.message_span] {
                    is_in(span, input);
                }
            }
            let text = std::str::from_utf8(input).expect("what is no text is refused");
            changes_are_made(text, &list);
        }
        Err(mistakes) => {
            assert!(strict.is_err(), "what may be used may be updated");
            have_their_places(&mistakes, input);
        }
    }
}

/// Makes each kind of change to a list.
fn changes_are_made(text: &str, list: &[KnownFailure]) {
    let keep = vec![KnownFailureChange::Keep; list.len()];
    assert_eq!(rewrite_known_failures(Some(text), &keep, &[]).as_deref(), Ok(text));

    let new = NewKnownFailure {
        rule: "OUT-001",
        scenario: "a-run-of-the-fuzzer@head".to_owned(),
        message: "a message:\n\"of two lines\"".to_owned(),
    };
    if let Ok(longer) = rewrite_known_failures(Some(text), &keep, std::slice::from_ref(&new)) {
        let longer = entries(&longer);
        assert_eq!(longer.len(), list.len() + 1);
        assert_eq!(longer.last().map(|entry| &entry.scenario), Some(&new.scenario));
    }
    for change in [KnownFailureChange::Remove, KnownFailureChange::Pin(new.message)] {
        let Some((_, rest)) = keep.split_first() else { return };
        let left = list.len() - usize::from(change == KnownFailureChange::Remove);
        let changes: Vec<_> = [change].into_iter().chain(rest.iter().cloned()).collect();
        if let Ok(changed) = rewrite_known_failures(Some(text), &changes, &[]) {
            assert_eq!(entries(&changed).len(), left, "{changed}");
        }
    }
}

fn entries(text: &str) -> Vec<KnownFailure> {
    parse_unfilled_known_failures(FILE, text.as_bytes()).expect("a list that was changed can be read")
}

/// Reads settings. Mistakes have their places in the text, and paths are relative to the directory.
pub fn settings_file(input: &[u8]) {
    let directory = Path::new("directory");
    match parse_settings(FILE, directory, input) {
        Ok(Settings { provider, run }) => {
            for how in provider.iter().map(|provider| &provider.how).chain(&run) {
                how.filter.iter().for_each(|(_, span)| is_in(*span, input));
                assert!(paths(how).all(|path| path.is_absolute() || path.starts_with(directory)), "{how:?}");
            }
        }
        Err(mistakes) => have_their_places(&mistakes, input),
    }
}

fn paths(how: &RunSettings) -> impl Iterator<Item = &PathBuf> {
    let files = [&how.known_failures, &how.keep_traces];
    how.scenarios.iter().chain(files.into_iter().flatten()).chain(how.reports.iter().map(|(_, path)| path))
}

/// Reads a release. Mistakes have their places in the text, and so has what is stated; members are told apart by their names
/// and by their places in the order; paths are relative to the directory.
pub fn release_file(input: &[u8]) {
    let directory = Path::new("directory");
    let release = match parse_release(FILE, directory, input) {
        Ok(release) => release,
        Err(mistakes) => return have_their_places(&mistakes, input),
    };
    let members = release.in_order();
    assert_eq!(members.len(), release.plugins.len() + 1);
    assert!(members.windows(2).all(|pair| pair[0].order < pair[1].order), "{members:?}");
    let names: BTreeSet<&str> = members.iter().map(|member| &*member.name).collect();
    assert_eq!(names.len(), members.len(), "{members:?}");
    for waiver in &release.waivers {
        assert!(waiver.member.as_deref().is_none_or(|member| names.contains(member)), "{waiver:?}");
    }
    for member in members {
        let spans = member.spans;
        for span in [
            spans.member,
            spans.from,
            spans.to,
            spans.bump,
            spans.commit,
            spans.tag,
            spans.order,
            spans.state,
        ] {
            is_in(span, input);
        }
    }
    artefacts(&release).for_each(|artefact| is_in(artefact.span, input));
    release.preconditions.iter().for_each(|precondition| is_in(precondition.span, input));
    release.waivers.iter().for_each(|waiver| is_in(waiver.span, input));
    assert!(stated(&release).all(|path| path.is_absolute() || path.starts_with(directory)), "{release:?}");
}

fn artefacts(release: &Release) -> impl Iterator<Item = &Artefact> {
    release.plugins.iter().flat_map(|plugin| plugin.platforms.values().chain(&plugin.previous))
}

/// The paths that a release states.
fn stated(release: &Release) -> impl Iterator<Item = &PathBuf> {
    let Engine { subject, .. } = &release.engine;
    let plugins = artefacts(release).filter_map(|artefact| match &artefact.plugin {
        Some(Plugin::Archive(path) | Plugin::Directory(path)) => Some(path),
        Some(Plugin::Profile(_)) | None => None,
    });
    let evidence = artefacts(release).filter_map(|artefact| artefact.evidence.as_ref());
    subject.binary.iter().chain(&subject.evidence).chain(plugins).chain(evidence)
}

/// There is a mistake, and each lies in the text, where its line and its column say.
pub(super) fn have_their_places(mistakes: &[Diagnostic], input: &[u8]) {
    assert!(!mistakes.is_empty(), "what is refused is refused for something");
    for mistake in mistakes {
        assert!(!mistake.message.is_empty(), "{mistake:?}");
        let Some(span) = mistake.span else { continue };
        is_in(span, input);
        let line = input[..span.start].split(|byte| *byte == b'\n').count();
        assert_eq!(mistake.line, line, "{mistake:?}");
        assert!(mistake.column >= 1, "{mistake:?}");
    }
}

/// A span lies in an input, and in no middle of a character of one that is text.
pub(super) fn is_in(span: Span, input: &[u8]) {
    assert!(span.end() <= input.len(), "{span:?} lies behind the end, {}", input.len());
    if let Ok(text) = std::str::from_utf8(input) {
        assert!(
            text.is_char_boundary(span.start) && text.is_char_boundary(span.end()),
            "{span:?} cuts a character"
        );
    }
}
