//! What the file states, by itself.

use crate::release::{About, Case, Checks, EngineSubject, Part};

pub(super) fn it_can_be_published(case: &Case<'_>, checks: &mut Checks<'_>) {
    for member in case.release.members() {
        let about = About::member(member, member.spans.tag);
        let expected = format!("v{}", member.to);
        if !member.to.pre.is_empty() || !member.to.build.is_empty() {
            let text = format!("{} is no version that can be published", member.to);
            checks.broken(About::member(member, member.spans.to), text, "release MAJOR.MINOR.PATCH alone");
        } else if member.tag != expected {
            let text = format!("the tag is {:?}, and the version {}", member.tag, member.to);
            checks.broken(about, text, format!("tag it `{expected}`"));
        } else {
            checks.holds(about, format!("{} is tagged {}", member.to, member.tag));
        }
    }
}

pub(super) fn it_goes_up_as_said(case: &Case<'_>, checks: &mut Checks<'_>) {
    for member in case.release.members() {
        let about = About::member(member, member.spans.bump);
        let (from, to, said) = (member.highest_used(), &member.to, member.bump.part);
        let step = format!("from {from} to {to}");
        match Part::between(&from, to) {
            Some(part) if part == said => checks.holds(about, format!("{step} is a {part} version")),
            Some(part) => {
                let text = format!("{step} is a {part} version, and is said to be a {said} one");
                checks.broken(about, text, format!("say `bump: {{ {part}: why }}`, or number it anew"));
            }
            None => {
                let text = format!("{step} is no step to a {said} version");
                checks.broken(about, text, "raise one part, and set those behind it to 0");
            }
        }
    }
}

pub(super) fn preconditions_are_confirmed(case: &Case<'_>, checks: &mut Checks<'_>) {
    for precondition in &case.release.preconditions {
        let about = About::release(precondition.span);
        let link = precondition.link.as_ref().map_or(String::new(), |link| format!(" ({link})"));
        let text = &precondition.text;
        match &precondition.confirmed {
            Some(word) if word.on > case.facts.today => {
                let told = format!("{text:?} is confirmed on {}, which is to come", word.on);
                checks.broken(about, told, "confirm it on the day on which it was looked at");
            }
            Some(word) => {
                checks.holds(about, format!("{text:?}{link} is confirmed by {} on {}", word.by, word.on));
            }
            None => {
                let help = "look at it, and say `confirmed_by` and `when`";
                checks.unknown(about, format!("nobody has confirmed {text:?}{link}"), help);
            }
        }
    }
}

pub(super) fn the_engine_is_given(case: &Case<'_>, checks: &mut Checks<'_>) {
    let engine = &case.release.engine;
    let about = About::member(&engine.member, engine.member.spans.member);
    let help = "name its `binary`, or an `adapter` (counterfoil test engine), or `evidence` of its test";
    match (&engine.subject, &case.facts.engine.digest) {
        (EngineSubject { binary: None, adapter, evidence: None }, _) if adapter.is_empty() => {
            checks.unknown(about, format!("{} is known by its version alone", engine.member.to), help);
        }
        (_, crate::release::Known::Unknown(why)) => {
            checks.unknown(about, format!("the engine cannot be looked at: {why}"), help);
        }
        (_, crate::release::Known::Known(_)) => checks.holds(about, "the engine itself is given"),
    }
}
