//! Behind an apply: the state that the hooks have kept is held against the model of the provider's cloud.

use std::collections::BTreeMap;

use counterfoil_proto::Hook;

use crate::{
    cloud::{Cloud, Fate},
    engine::Record,
    rules::{ActionStory, Findings, HookStory, Story},
};

/// Finds what the state holds and the engine was told is gone, and what it has lost and must hold, since the engine was told
/// that it stands. What the engine was not told, a reply that was lost for instance, the state cannot know.
pub(super) fn agrees_with_the_cloud(story: &Story<'_>, findings: &mut Findings<'_>) {
    let cloud = Cloud::behind(&story.trace.events, story.trace.header.revision);
    let state = state(story);
    for (name, (held, written)) in &state {
        let Some(Record { resource_type, provider_id: id, .. }) = held else { continue };
        let gone = cloud.get(resource_type, id).filter(|known| known.fate == Fate::Gone);
        if let Some(gone) = gone.filter(|gone| is_told_in_full(story, gone.told)) {
            let message = format!(
                "in the end the state holds {resource_type} {name:?} (id {id:?}); expected nothing, since its delete was \
                 answered with OK"
            );
            findings.add(None, message, [*written, gone.told]);
        }
    }
    for (name, action) in last_told(story) {
        let Some(output) = &action.output else { continue };
        let (resource_type, id) = (&action.action.spec.resource_type, &output.provider_id);
        let Some(stands) = cloud.get(resource_type, id).filter(|known| known.fate == Fate::Stands) else {
            continue;
        };
        let held = state.get(name).and_then(|(held, _)| Some(&held.as_ref()?.provider_id));
        if held != Some(id) {
            let holds = held.map_or_else(|| "nothing".to_owned(), |held| format!("the id {held:?}"));
            let message = format!(
                "in the end the state holds {holds} of {resource_type} {name:?}; expected the id {id:?}, which was answered \
                 with OK"
            );
            findings.add(Some(action.index), message, [stands.told]);
        }
    }
}

/// What the state holds of each name that was written to in the end, and where it was written.
fn state<'t>(story: &Story<'t>) -> BTreeMap<&'t str, (Option<&'t Record>, usize)> {
    let mut writes = Vec::new();
    for action in &story.actions {
        writes.extend(action.saved.iter().map(|&(record, at)| (at, &*record.name, Some(record))));
        writes.extend(action.removed.iter().map(|&(name, at)| (at, name, None)));
    }
    writes.sort_by_key(|(at, ..)| *at);
    writes.into_iter().map(|(at, name, held)| (name, (held, at))).collect()
}

/// Whether the reply at this place arrived, and the hook that tells the host of the delete went well: one that fails leaves
/// the state as it was, which is judged by HOOK-010.
fn is_told_in_full(story: &Story<'_>, sent: usize) -> bool {
    let told = |hook: &HookStory<'_>| hook.answered.is_some() && hook.error.is_none();
    story.actions.iter().any(|action| {
        let arrived =
            action.calls.iter().any(|call| call.is_done() && call.sent.is_some_and(|(_, at)| at == sent));
        arrived && action.hooks_of(Hook::ResourceDeleted).all(told)
    })
}

/// The action of which the host was told last, for each name of which that was an applied resource.
fn last_told<'s, 't>(story: &'s Story<'t>) -> BTreeMap<&'t str, &'s ActionStory<'t>> {
    let mut told: Vec<(usize, &ActionStory<'_>, Hook)> = Vec::new();
    for action in &story.actions {
        let well = action.hooks.iter().filter(|hook| hook.error.is_none());
        told.extend(well.filter_map(|hook| Some((hook.answered?, action, hook.hook))));
    }
    told.retain(|(.., hook)| matches!(hook, Hook::ResourceApplied | Hook::ResourceDeleted));
    told.sort_by_key(|(at, ..)| *at);
    let last: BTreeMap<&str, _> =
        told.into_iter().map(|(_, action, hook)| (&*action.action.spec.name, (action, hook))).collect();
    let applied = last.into_iter().filter(|(_, (_, hook))| *hook == Hook::ResourceApplied);
    applied.map(|(name, (action, _))| (name, action)).collect()
}

#[cfg(test)]
mod tests {
    use crate::{
        plan::{Action, ActionKind, Current, Spec},
        rules::judge,
        testing::{Fate as Becomes, Setting},
        trace::{Event, Trace},
    };

    fn action(kind: ActionKind, name: &str) -> Action {
        let id = format!("old-{name}");
        let current = (kind != ActionKind::Create).then(|| Current {
            name: name.to_owned(),
            provider_id: id,
            ..Current::default()
        });
        let spec = Spec { name: name.to_owned(), resource_type: "infra.vpc".to_owned(), ..Spec::default() };
        Action { kind, spec, current, changes: Vec::new() }
    }

    /// What the rule says of a trace.
    fn said(trace: &Trace) -> Vec<String> {
        let found = judge(trace).findings.into_iter().filter(|finding| finding.rule == "HOOK-015");
        found.map(|finding| finding.message).collect()
    }

    /// The trace of these actions, with all hooks, without what `lost` says is lost of it.
    fn trace(kinds: &[(ActionKind, &str)], lost: impl Fn(&Event) -> bool) -> Trace {
        let mut setting = Setting::of(kinds.iter().map(|(kind, name)| action(kind.clone(), name)).collect());
        setting.hooks = setting.revision.engine().hooks.to_vec();
        let mut trace = setting.run().1;
        assert_eq!(said(&trace), Vec::<String>::new());
        trace.events.retain(|event| !lost(event));
        trace
    }

    #[test]
    fn what_was_applied_and_is_not_held_is_found() {
        let saved = |event: &Event| matches!(event, Event::StateSaved { action: 0, .. });
        let kinds = [(ActionKind::Create, "net"), (ActionKind::Create, "other")];
        assert_eq!(
            said(&trace(&kinds, saved)),
            [
                "in the end the state holds nothing of infra.vpc \"net\"; expected the id \"id-0\", which was answered with OK"
            ]
        );
    }

    #[test]
    fn what_was_deleted_and_is_held_is_found() {
        let removed = |event: &Event| matches!(event, Event::StateRemoved { .. });
        // What the update saved stays.
        let kinds = [(ActionKind::Update, "net"), (ActionKind::Delete, "net")];
        assert_eq!(
            said(&trace(&kinds, removed)),
            [
                "in the end the state holds infra.vpc \"net\" (id \"old-net\"); expected nothing, since its delete was answered \
              with OK"
            ]
        );
        // A replace brings another id, which is the one that is held.
        assert_eq!(said(&trace(&[(ActionKind::Replace, "net")], removed)), Vec::<String>::new());
    }

    #[test]
    fn what_the_engine_was_not_told_the_state_cannot_know() {
        let mut setting =
            Setting::of(vec![action(ActionKind::Update, "net"), action(ActionKind::Delete, "net")]);
        setting.hooks = setting.revision.engine().hooks.to_vec();
        setting.fates.insert(1, Becomes::ReplyLost);
        let (_, trace) = setting.run();
        let removed = |event: &Event| matches!(event, Event::StateRemoved { .. });
        assert!(!trace.events.iter().any(removed));
        assert_eq!(said(&trace), Vec::<String>::new());
    }
}
