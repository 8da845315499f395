//! What the planner is told by Diff, and whether it is what a scenario plans.

use std::collections::BTreeMap;

use counterfoil_core::{
    plan::{Action, ActionKind, Plan},
    rpc::Method,
    trace::{Event, Reply},
};
use counterfoil_proto::iac;
use prost::Message as _;

/// The first action of a plan that is another one by what Diff answers about its resource (E-180).
pub(super) fn other_than_planned<'p>(calls: &[Event], plan: &'p Plan) -> Option<&'p Action> {
    let answered = answered(calls);
    plan.actions.iter().find(|action| {
        let wanted = matches!(action.kind, ActionKind::Update | ActionKind::Replace);
        let led_to = answered.get(action.spec.name.as_str());
        wanted && led_to.is_some_and(|kind| kind.as_ref() != Some(&action.kind))
    })
}

/// What each answer to Diff leads to, by the name of the resource; none where nothing is to be done.
fn answered(calls: &[Event]) -> BTreeMap<String, Option<ActionKind>> {
    let mut names = BTreeMap::new();
    let mut answered = BTreeMap::new();
    for event in calls {
        match event {
            Event::CallIssued { call, method: Method::Diff, request, .. } => {
                let request = iac::ResourceDiffRequest::decode(request.0.clone()).unwrap_or_default();
                names.insert(*call, request.desired.unwrap_or_default().name);
            }
            Event::ReplyReceived { call, reply: Reply::Ok(reply) } => {
                let answer = iac::ResourceDiffResponse::decode(reply.0.clone()).ok();
                if let (Some(name), Some(answer)) = (names.remove(call), answer) {
                    answered.insert(name, leads_to(&answer.result.unwrap_or_default()));
                }
            }
            _ => {}
        }
    }
    answered
}

/// What an answer to Diff leads to; none where nothing is to be done.
pub(super) fn leads_to(diff: &iac::DiffResult) -> Option<ActionKind> {
    if diff.needs_replace || diff.changes.iter().any(|change| change.force_new) {
        Some(ActionKind::Replace)
    } else {
        diff.needs_update.then_some(ActionKind::Update)
    }
}
