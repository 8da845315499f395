//! Inputs of a plan: the environment variables that it read, known by their fingerprints.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::outcome::InputDrift;

/// How many digits of the hash make a fingerprint (E-074).
const DIGITS: usize = 16;

/// The fingerprint of a value (E-074).
pub fn fingerprint(value: &str) -> String {
    let mut digits = hex::encode(Sha256::digest(value));
    digits.truncate(DIGITS);
    digits
}

/// The fingerprints that the inputs of a plan have in an environment; unset ones have none (E-004).
pub fn snapshot(
    inputs: &BTreeMap<String, String>,
    environment: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let set = inputs.keys().filter_map(|name| Some((name, environment.get(name)?)));
    set.map(|(name, value)| (name.clone(), fingerprint(value))).collect()
}

/// The inputs whose fingerprints are no longer those of the plan, in the order of their names. That a variable is gone
/// is no drift (E-073).
pub fn drift(inputs: &BTreeMap<String, String>, environment: &BTreeMap<String, String>) -> Vec<InputDrift> {
    let now = snapshot(inputs, environment);
    let changed = now.into_iter().filter(|(name, fingerprint)| inputs[name] != *fingerprint);
    changed
        .map(|(name, apply_fingerprint)| InputDrift {
            plan_fingerprint: inputs[&name].clone(),
            name,
            apply_fingerprint,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_fingerprint_is_the_start_of_the_hash() {
        assert_eq!(fingerprint(""), "e3b0c44298fc1c14");
        assert_eq!(fingerprint("abc"), "ba7816bf8f01cfea");
    }

    #[test]
    fn what_is_gone_or_was_never_there_has_not_drifted() {
        let inputs = map(&[("A", &fingerprint("a")), ("B", "0123456789abcdef"), ("C", &fingerprint("c"))]);
        let environment = map(&[("A", "a"), ("C", "other"), ("D", "d")]);
        assert_eq!(
            snapshot(&inputs, &environment),
            map(&[("A", &fingerprint("a")), ("C", &fingerprint("other"))])
        );
        let drift = drift(&inputs, &environment);
        assert_eq!(drift.len(), 1);
        assert_eq!((&*drift[0].name, drift[0].apply_fingerprint.clone()), ("C", fingerprint("other")));
    }
}
