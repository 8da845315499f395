//! By what it can be told whether two builds know the same contract.

use std::sync::OnceLock;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::Contract;
use crate::Revision;

/// The SHA-256, in hexadecimal, of the contract at every revision: of the canonical JSON of what `counterfoil contract show`
/// tells of each, oldest first. The same on every machine; another one as soon as anything in the tables is another.
pub fn digest() -> &'static str {
    static DIGEST: OnceLock<String> = OnceLock::new();
    DIGEST.get_or_init(|| {
        let revisions = Revision::ALL.iter().map(|revision| Contract::at(*revision));
        digest_of(&revisions.collect::<Vec<_>>())
    })
}

fn digest_of(revisions: &[&Contract]) -> String {
    let mut value: Value = serde_json::to_value(revisions).expect("plain data");
    // Without this, keys stand in the order of the structs as soon as any crate has serde_json keep it.
    value.sort_all_objects();
    hex::encode(Sha256::digest(value.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Evidence from before a change of this is of another contract: on purpose, then, or not at all.
    #[test]
    fn the_digest_is_that_of_the_tables() {
        crate::contract::tests::golden("digest", digest());
    }

    #[test]
    fn whatever_changes_changes_the_digest() {
        let (first, last) = (Contract::at(Revision::V0_54), Contract::at(Revision::Head));
        let whole = digest_of(&[first, last]);
        let mut without_a_field = last.clone();
        without_a_field.messages.values_mut().find_map(|message| message.fields.pop()).unwrap();
        let with_other_columns = Contract { engine: Revision::V0_51.engine(), ..first.clone() };
        for other in [&[last, first][..], &[first], &[first, &without_a_field], &[&with_other_columns, last]]
        {
            assert_ne!(digest_of(other), whole);
        }
        assert_eq!(digest_of(&[&first.clone(), last]), whole);
    }
}
