//! What is public of a release, and in which order it came to be.

use crate::{
    release::{self, About, Case, Checks, Member, SpentTag, State},
    scenario::Span,
};

pub(super) fn members_are_released_in_their_order(case: &Case<'_>, checks: &mut Checks<'_>) {
    let order = case.release.in_order();
    let first_planned = order.iter().copied().find(|member| member.state == State::Planned);
    let mut is_in_order = true;
    for member in order.iter().filter(|member| member.state == State::Released) {
        let Some(before) = first_planned.filter(|planned| planned.order < member.order) else { continue };
        let text = format!("it is public, and {} {}, which comes before it, is not", before.name, before.to);
        let help = format!("release {}, or withdraw {} {}", before.name, member.name, member.to);
        checks.broken(About::member(member, member.spans.state), text, help);
        is_in_order = false;
    }
    for member in order.iter().filter(|member| member.state == State::Withdrawn) {
        let next = release::next_number(member, case.facts);
        let text = format!("{} was withdrawn, and nothing has taken its place", member.to);
        let help = format!("release {next}, with {} among `withdrawn`", member.tag);
        checks.broken(About::member(member, member.spans.state), text, help);
        is_in_order = false;
    }
    if is_in_order {
        let public = order.iter().filter(|member| member.state == State::Released).count();
        let text = format!("{public} of {} members are public, none before its turn", order.len());
        checks.holds(About::release(Span::default()), text);
    }
}

pub(super) fn what_is_left_of_a_withdrawal_is_safe(case: &Case<'_>, checks: &mut Checks<'_>) {
    let engine = &case.release.engine.member;
    let rollback = release::rollback(*case, None);
    let public = case.release.members().filter(|member| member.state == State::Released);
    let retreat = rollback.keeping(&engine.name, &public.map(|member| &*member.name).collect());
    for (plugin, left) in case.release.plugins.iter().zip(retreat.left) {
        let (gone, kept) = match (engine.state, plugin.state) {
            (State::Withdrawn, State::Released) => (engine, plugin),
            (State::Released, State::Withdrawn) => (plugin, engine),
            _ => continue,
        };
        let text = format!("{} {} was withdrawn: {}", gone.name, gone.to, left.text);
        let next = release::next_number(gone, case.facts);
        let help =
            format!("withdraw {} {} too, or fix forward with {} {next}", kept.name, kept.to, gone.name);
        checks.judged(About::member(plugin, plugin.spans.state), &left.safe, text, help);
    }
}

pub(super) fn no_tag_is_used_again(case: &Case<'_>, checks: &mut Checks<'_>) {
    let spent = case.facts.lock.as_ref().map_or(&[][..], |lock| &lock.spent);
    let withdrawn: usize = case.release.members().map(|member| member.withdrawn.len()).sum();
    if case.facts.lock.is_none() && withdrawn == 0 {
        return;
    }
    let mut is_kept = true;
    for member in case.release.members() {
        let next = || release::next_number(member, case.facts);
        if member.withdrawn.contains(&member.tag) && member.state != State::Withdrawn {
            let text = format!("{} was withdrawn before, and is {} again", member.tag, member.state);
            let help = format!("leave {} alone, and release {}", member.tag, next());
            checks.broken(About::member(member, member.spans.tag), text, help);
            is_kept = false;
        }
        for spent in spent.iter().filter(|spent| spent.member == member.name && spent.tag == member.tag) {
            let Some(text) = used_again(member, spent) else { continue };
            let help = format!("leave {} alone, and release {}", spent.tag, next());
            checks.broken(About::member(member, member.spans.tag), text, help);
            is_kept = false;
        }
    }
    if is_kept {
        let about = About::release(Span::default());
        let text =
            format!("of {} tags that were public none is moved or used again", spent.len() + withdrawn);
        checks.holds(about, text);
    }
}

/// How a tag that was public is used again, if it is.
pub(super) fn used_again(
    member: &Member,
    SpentTag { tag, commit, withdrawn, .. }: &SpentTag,
) -> Option<String> {
    let stated = &member.commit;
    if !commit.starts_with(stated.as_str()) && !stated.starts_with(commit.as_str()) {
        Some(format!("{tag} was public on {commit}, and is to be on {stated}"))
    } else if *withdrawn && member.state != State::Withdrawn {
        Some(format!("{tag} was withdrawn, and is {} again", member.state))
    } else if member.state == State::Planned {
        Some(format!("{tag} was public, and is planned again"))
    } else {
        None
    }
}
