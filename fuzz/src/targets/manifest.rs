//! `plugin.json`.

use counterfoil_core::{
    manifest::Manifest,
    mutants::{Plugin, released},
    rules,
};

use super::yaml::is_in;

/// Reads a manifest, and holds the rules against one.
///
/// What is no JSON object is refused, and nothing else is. All places lie in the text, those of findings too.
pub fn plugin_manifest(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    match Manifest::read(text) {
        Ok(manifest) => places_are_in(&manifest, input),
        Err(malformed) => {
            is_in(malformed.span, input);
            assert!(!malformed.message.is_empty(), "what is refused is refused for something");
        }
    }
    let trace = Plugin::default().trace(released(Some(text.to_owned())));
    let lines: Vec<&str> = text.split('\n').collect();
    for place in rules::judge(&trace).findings.into_iter().filter_map(|finding| finding.place) {
        let line = place.line.checked_sub(1).and_then(|at| lines.get(at));
        let line = line.unwrap_or_else(|| panic!("{place} lies in no line of {}", lines.len()));
        let shown = place.snippet.trim_matches('…');
        assert!(line.contains(shown), "{shown:?} does not stand in line {line:?}");
        assert!((1..=line.chars().count() + 1).contains(&place.column), "{place} lies beside {line:?}");
    }
}

fn places_are_in(manifest: &Manifest, input: &[u8]) {
    for field in ["name", "version", "minEngineVersion", "capabilities.iacProvider.name"] {
        is_in(manifest.place(field), input);
        let texts = [manifest.text(field).text(), manifest.misspelt(field)];
        texts.into_iter().flatten().for_each(|text| is_in(text.span, input));
    }
    for list in ["iacServices", "iacStateBackends"] {
        is_in(manifest.place_of_list(list), input);
        manifest.lists(list).into_iter().flatten().for_each(|text| is_in(text.span, input));
    }
    manifest.mistyped().iter().for_each(|mistyped| is_in(mistyped.span, input));
}
