//! Behind an apply: the state that the hooks have kept is held against the model of the provider's cloud.

use std::collections::BTreeMap;

use counterfoil_proto::Hook;

use super::deletes;
use crate::{
    cloud::{Cloud, Fate},
    engine::{Exit, Record, host::initial_state},
    rules::{ActionStory, Findings, HookStory, Story},
};

/// Finds what the state holds and the engine was told is gone, and what it has lost and must hold, since the engine was told
/// that it stands. What the engine was not told, a reply that was lost for instance, the state cannot know; nor what a hook
/// would have told that is not installed, or that failed, which is judged by HOOK-010.
pub(super) fn agrees_with_the_cloud(story: &Story<'_>, findings: &mut Findings<'_>) {
    let cloud = Cloud::behind(&story.trace.events, story.trace.header.revision);
    let initial = initial_state(&story.trace.header.plan.actions);
    let state = state(story, &initial);
    for (name, Held { record, written }) in &state {
        let Some(Record { resource_type, provider_id: id, .. }) = record else { continue };
        let gone = cloud.get(resource_type, id).filter(|known| known.fate == Fate::Gone);
        // What was written since came from a later reply.
        let Some(gone) = gone.filter(|gone| written.is_none_or(|written| written < gone.told)) else {
            continue;
        };
        if let Some(action) = deleted_by(story, name, gone.told) {
            let message = format!(
                "in the end the state holds {resource_type} {name:?} (id {id:?}); expected nothing, since its delete was \
                 answered with OK"
            );
            findings.add(Some(action.index), message, written.iter().copied().chain([gone.told]));
        }
    }
    if !story.has_hook(Hook::ResourceApplied) {
        return;
    }
    for (name, action) in last_of_each_name(story) {
        let brought = action.output.as_ref().filter(|_| action.exit() == Some(Exit::Clean));
        let Some(output) = brought else { continue };
        let (resource_type, id) = (&action.action.spec.resource_type, &output.provider_id);
        let Some(stands) = cloud.get(resource_type, id).filter(|known| known.fate == Fate::Stands) else {
            continue;
        };
        let held = state.get(name).and_then(|held| Some(&held.record?.provider_id));
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

/// What the state holds of a name in the end.
struct Held<'a> {
    record: Option<&'a Record>,
    /// Where that was written; none for what the plan started from.
    written: Option<usize>,
}

/// What the state holds of each name of the plan in the end.
fn state<'a>(story: &Story<'a>, initial: &'a BTreeMap<String, Record>) -> BTreeMap<&'a str, Held<'a>> {
    let mut state = BTreeMap::new();
    for action in &story.actions {
        let name = &*action.action.spec.name;
        if let Some(record) = initial.get(name) {
            state.insert(name, Held { record: Some(record), written: None });
        }
    }
    let mut writes = Vec::new();
    for action in &story.actions {
        writes.extend(action.saved.iter().map(|&(record, at)| (at, &*record.name, Some(record))));
        writes.extend(action.removed.iter().map(|&(name, at)| (at, name, None)));
    }
    writes.sort_by_key(|(at, ..)| *at);
    state.extend(writes.into_iter().map(|(at, name, record)| (name, Held { record, written: Some(at) })));
    state
}

/// The action of this name whose delete was answered at this place, where that arrived and the hook that tells the host of it
/// went well.
fn deleted_by<'s, 't>(story: &'s Story<'t>, name: &str, sent: usize) -> Option<&'s ActionStory<'t>> {
    if !story.has_hook(Hook::ResourceDeleted) {
        return None;
    }
    let told = |hook: &HookStory<'_>| hook.answered.is_some() && hook.error.is_none();
    let is_it = |action: &ActionStory<'_>| {
        action.action.spec.name == name && action.hooks_of(Hook::ResourceDeleted).all(told)
    };
    let mut done = deletes(story).filter(|(_, call)| call.is_done());
    let (action, _) =
        done.find(|(action, call)| is_it(action) && call.sent.is_some_and(|(_, at)| at == sent))?;
    Some(action)
}

/// The last action of each name that was begun, whatever its place in the plan.
fn last_of_each_name<'s, 't>(story: &'s Story<'t>) -> BTreeMap<&'t str, &'s ActionStory<'t>> {
    let mut begun: Vec<_> =
        story.actions.iter().filter_map(|action| Some((action.started?, action))).collect();
    begun.sort_by_key(|(at, _)| *at);
    begun.into_iter().map(|(_, action)| (&*action.action.spec.name, action)).collect()
}

#[cfg(test)]
mod tests {
    use counterfoil_proto::Hook;

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
        let message = [
            "in the end the state holds infra.vpc \"net\" (id \"old-net\"); expected nothing, since its delete was answered \
             with OK",
        ];
        // What the update saved stays, or what the plan started from.
        assert_eq!(
            said(&trace(&[(ActionKind::Update, "net"), (ActionKind::Delete, "net")], removed)),
            message
        );
        assert_eq!(said(&trace(&[(ActionKind::Delete, "net")], removed)), message);
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

    #[test]
    fn what_no_hook_could_tell_the_state_cannot_know() {
        let mut setting =
            Setting::of(vec![action(ActionKind::Update, "net"), action(ActionKind::Delete, "net")]);
        for hooks in [&[Hook::ResourceApplied][..], &[Hook::ResourceDeleted], &[]] {
            setting.hooks = hooks.to_vec();
            assert_eq!(said(&setting.run().1), Vec::<String>::new(), "{hooks:?}");
        }
    }

    #[test]
    fn what_a_later_reply_told_is_held_whatever_was_deleted_before() {
        let mut setting =
            Setting::of(vec![action(ActionKind::Delete, "old"), action(ActionKind::Update, "net")]);
        setting.plan.actions[1].current.as_mut().unwrap().provider_id = "old-old".to_owned();
        setting.hooks = setting.revision.engine().hooks.to_vec();
        assert_eq!(said(&setting.run().1), Vec::<String>::new());
    }
}
