//! What is public, and what was frozen.

use super::pieces;
use crate::release::{About, Case, Checks, Presence, State};

pub(super) fn it_has_its_assets(case: &Case<'_>, checks: &mut Checks<'_>) {
    for piece in pieces(case).filter(|piece| piece.plugin.state == State::Released) {
        let about = piece.about();
        let help = "attach it to the release, download it, and name what was downloaded";
        match &piece.facts.presence {
            Presence::There => checks.holds(about, piece.says("it has its asset")),
            Presence::NotStated => checks.broken(about, piece.says("it is public without an asset"), help),
            Presence::Missing(path) => {
                let text = piece.says(format_args!("it is public without its asset: there is no {path}"));
                checks.broken(about, text, help);
            }
            Presence::Unreadable(why) => checks.unknown(about, piece.says(why), help),
            Presence::EvidenceAlone => {
                let text = piece.says("evidence alone is given, and not what was downloaded");
                checks.unknown(about, text, help);
            }
        }
    }
}

pub(super) fn nothing_changed_since_it_was_frozen(case: &Case<'_>, checks: &mut Checks<'_>) {
    let Some(lock) = &case.facts.lock else { return };
    for change in &lock.changes {
        let member = change
            .member
            .as_ref()
            .and_then(|name| case.release.members().find(|member| member.name == *name));
        let about = match member {
            Some(member) => About::member(member, member.spans.member),
            None => About::release(crate::scenario::Span::default()),
        };
        let text = format!("{} was {}, and is {}", change.what, change.then, change.now);
        checks.broken(
            about,
            text,
            "take the change back; or, once all agree, remove the lock and freeze again",
        );
    }
    if lock.changes.is_empty() {
        let about = About::release(crate::scenario::Span::default());
        checks.holds(about, format!("nothing changed since {}", lock.frozen));
    }
}
