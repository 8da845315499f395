//! REL: what must hold of a release of several repositories.

mod stated;

use super::ReleaseRule;

pub(super) const RULES: &[ReleaseRule] = &[ReleaseRule {
    id: "REL-001",
    title: "A version can be published: MAJOR.MINOR.PATCH alone, and the tag is `v` and that version.",
    enforced: "`wfctl plugin validate-contract --for-publish` (E-281), for plugins",
    reason: "Anything else is no release to whoever resolves versions.",
    source: "E-281, E-234",
    check: stated::publishable,
}];
