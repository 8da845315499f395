//! What the file states of its members, by itself.

use crate::release::{About, Case, Checks};

pub(super) fn publishable(case: &Case<'_>, checks: &mut Checks<'_>) {
    for member in case.release.members() {
        let about = About::member(member, member.spans.tag);
        let expected = format!("v{}", member.to);
        if !member.to.pre.is_empty() || !member.to.build.is_empty() {
            let text = format!("{} is no version that can be published", member.to);
            checks.broken(About { span: member.spans.to, ..about }, text, "release MAJOR.MINOR.PATCH alone");
        } else if member.tag != expected {
            let text = format!("the tag is {:?}, and the version {}", member.tag, member.to);
            checks.broken(about, text, format!("tag it `{expected}`"));
        } else {
            checks.holds(about, format!("{} is tagged {}", member.to, member.tag));
        }
    }
}
