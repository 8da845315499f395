//! FIN: what comes behind the last action.

use counterfoil_proto::{Hook, Revision, iac, plugin_v1};
use prost::Message as _;

use super::{Answer, CallStory, ENGINE, Findings, Level, Rule, Story};
use crate::{
    decode::{Decoder as _, Strict},
    engine::{FINALIZE, host::finalized},
    rpc::Method,
    trace::{Reply, Subject, View},
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "FIN-001",
        title: "The plan-complete hook is called once behind the last action, also where single actions failed.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_55,
        until: None,
        enforced: "engine, by construction (E-071)",
        reason: "What drivers put off until then is otherwise never done.",
        source: "E-071, H-12",
        applies: |story| tells(story) && story.fatal.is_none(),
        check: |story, findings| {
            let Some((.., end)) = story.end else { return };
            let called = story.completions.len();
            if called != 1 {
                findings.add(
                    None,
                    format!("the plan-complete hook was called {called} times; expected once"),
                    story.completions.iter().map(|hook| hook.called).chain([end]),
                );
            }
            let last = story.actions.iter().filter_map(|action| action.events().last().copied()).max();
            for early in story.completions.iter().filter(|hook| last.is_some_and(|last| hook.called < last)) {
                let message = "the plan-complete hook was called before the last action was through";
                findings.add(None, message.to_owned(), early.events());
            }
        },
    },
    Rule {
        id: "FIN-002",
        title: "The plan-complete hook is not called where something ended the apply.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_55,
        until: None,
        enforced: "engine, by construction (E-071)",
        reason: "A plan that was broken off is not complete, and what was put off belongs to it.",
        source: "E-014, E-071",
        applies: |story| tells(story) && story.fatal.is_some(),
        check: |story, findings| {
            let Some(fatal) = &story.fatal else { return };
            for hook in &story.completions {
                findings.add(
                    None,
                    format!(
                        "the plan-complete hook was called, although the apply had ended: {}",
                        fatal.error
                    ),
                    [fatal.at].into_iter().chain(hook.events()),
                );
            }
        },
    },
    Rule {
        id: "FIN-003",
        title: "A plan-complete hook that failed is listed once, under a name of its own.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_55,
        until: None,
        enforced: "engine, by construction (E-072)",
        reason: "Nobody would know that what was put off is still undone.",
        source: "E-072",
        applies: |story| tells(story) && story.sees(View::Errors),
        check: |story, findings| {
            let Some((result, _, end)) = story.end else { return };
            let expected: Vec<&str> = story.completions.iter().filter_map(|hook| hook.error).collect();
            let listed = result.errors.iter().filter(|e| (&*e.resource, &*e.action) == FINALIZE);
            let listed: Vec<&str> = listed.map(|entry| entry.error.as_str()).collect();
            if listed != expected {
                findings.add(
                    None,
                    format!("the error list has {listed:?} under {}; expected {expected:?}", FINALIZE.0),
                    story.completions.iter().map(|hook| hook.called).chain([end]),
                );
            }
        },
    },
    Rule {
        id: "FIN-004",
        title: "FinalizeApply is called once by the plan-complete hook, for this plan, and only where it is advertised.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_55,
        until: None,
        enforced: "engine, by its host's hook (E-316)",
        reason: "A provider flushes what it put off for the plan that it is told of.",
        source: "E-152, E-316, H-12",
        applies: |story| {
            finalizes(story).next().is_some() || (shows_host(story) && !story.completions.is_empty())
        },
        check: finalizes_what_is_advertised,
    },
    Rule {
        id: "FIN-005",
        title: "What FinalizeApply reports, or how it fails, is what the plan-complete hook answers.",
        level: Level::Must,
        judges: ENGINE,
        since: Revision::V0_55,
        until: None,
        enforced: "engine, by its host's hook (E-316)",
        reason: "A finalizer that is not listened to might as well not be called.",
        source: "E-316, H-12",
        applies: |story| tells(story) && finalizes(story).any(|call| call.received.is_some()),
        check: what_is_reported_is_answered,
    },
];

fn tells(story: &Story<'_>) -> bool {
    story.tells_of(Hook::PlanComplete)
}

/// Whether the trace tells what the plan-complete hook does.
fn shows_host(story: &Story<'_>) -> bool {
    tells(story) && story.sees(View::Host)
}

fn finalizes<'s, 't>(story: &'s Story<'t>) -> impl Iterator<Item = &'s CallStory<'t>> {
    story.other_calls.iter().filter(|call| call.method == Method::Finalize)
}

fn finalizes_what_is_advertised(story: &Story<'_>, findings: &mut Findings<'_>) {
    for call in finalizes(story) {
        let planned = &story.trace.header.plan.id;
        let sent = iac::FinalizeApplyRequest::decode(call.request).map(|request| request.plan_id);
        if !sent.as_ref().is_ok_and(|sent| sent == planned) {
            let sent =
                sent.map_or("no plan that can be read".to_owned(), |sent| format!("the plan {sent:?}"));
            findings.add(None, format!("FinalizeApply names {sent}; expected {planned:?}"), call.events());
        }
        if call.hook != Some(Hook::PlanComplete) {
            findings.add(None, "FinalizeApply was called outside of its hook".to_owned(), call.events());
        }
    }
    let Some(advertised) = advertised(story).filter(|_| story.sees(View::Host)) else { return };
    for hook in &story.completions {
        let until = hook.answered.unwrap_or(usize::MAX);
        let made = finalizes(story).filter(|call| (hook.called..until).contains(&call.issued)).count();
        // A hook that failed of itself, or whose context had ended, did not get so far.
        let kept = hook.error.is_some() || story.is_over_at(hook.called);
        let expected = usize::from(advertised);
        if made != expected && !(made == 0 && kept) {
            let is = if advertised { "advertises" } else { "does not advertise" };
            findings.add(
                None,
                format!("the provider {is} a finalizer, and FinalizeApply was called {made} times"),
                hook.events(),
            );
        }
    }
}

fn what_is_reported_is_answered(story: &Story<'_>, findings: &mut Findings<'_>) {
    // Another host has its own words; that it says something is demanded of all.
    let is_ours = story.trace.header.subject != Subject::Engine;
    for hook in &story.completions {
        let Some(call) = finalizes(story).find(|call| hook.spans(call.issued)) else { continue };
        let expected = match (call.answer(), call.received) {
            (Some(Answer::Error(error)), _) => finalized(Err(error.to_string())),
            (Some(Answer::Done), Some((Reply::Ok(bytes), _))) => {
                finalized(Ok(Strict.finalize(&bytes.0, story.trace.header.revision).value))
            }
            // The text of a refusal is the decoder's own.
            (Some(Answer::Refused), _) if hook.error.is_some() => continue,
            (Some(Answer::Refused), _) => Err("the reply was refused".to_owned()),
            _ => continue,
        };
        let expected = expected.err();
        let alike = if is_ours {
            hook.error == expected.as_deref()
        } else {
            hook.error.is_some() == expected.is_some()
        };
        if !alike {
            let shown =
                |error: Option<&str>| error.map_or("no error".to_owned(), |error| format!("{error:?}"));
            findings.add(
                None,
                format!(
                    "the plan-complete hook answers {}; by its reply it must be {}",
                    shown(hook.error),
                    shown(expected.as_deref())
                ),
                hook.events().chain(call.events()),
            );
        }
    }
}

/// Whether the provider's registry lists a finalizer; none where it was never asked.
fn advertised(story: &Story<'_>) -> Option<bool> {
    let mut asked = story.other_calls.iter().filter(|call| call.method == Method::ContractRegistry);
    let (Reply::Ok(bytes), _) = asked.next()?.received? else { return Some(false) };
    let registry = plugin_v1::ContractRegistry::decode(&*bytes.0).ok()?;
    Some(registry.contracts.iter().any(|contract| {
        contract.kind() == plugin_v1::ContractKind::Service && contract.service_name == SERVICE
    }))
}

/// The name under which a finalizer is advertised.
const SERVICE: &str = "workflow.plugin.external.iac.IaCProviderFinalizer";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        rules::judge,
        testing::Setting,
        trace::{Event, Payload, Trace},
    };

    /// An empty plan with a plan-complete hook, in front of a provider whose finalizer reports so many errors.
    fn completed(finalizer: bool, unfinished: usize) -> Trace {
        let mut setting = Setting::of(Vec::new());
        setting.hooks = vec![Hook::PlanComplete];
        setting.access.finalizer = finalizer;
        setting.unfinished =
            vec![iac::ActionError { error: "busy".to_owned(), ..Default::default() }; unfinished];
        setting.run().1
    }

    fn breaks(trace: &Trace, rule: &str) -> bool {
        judge(trace).findings.iter().any(|finding| finding.rule == rule)
    }

    #[test]
    fn an_engine_of_others_has_its_own_words_for_what_was_put_off_and_has_to_say_something() {
        let answers = |unfinished, words: Option<&str>| {
            let mut trace = completed(true, unfinished);
            trace.header.subject = Subject::Engine;
            for event in &mut trace.events {
                if let Event::HookAnswered { hook: Hook::PlanComplete, error, .. } = event {
                    *error = words.map(str::to_owned);
                }
            }
            trace
        };
        assert!(!breaks(&answers(1, Some("not all was done")), "FIN-005"));
        assert!(breaks(&answers(1, None), "FIN-005"));
        assert!(!breaks(&answers(0, None), "FIN-005"));
        assert!(breaks(&answers(0, Some("not all was done")), "FIN-005"));
    }

    #[test]
    fn a_finalizer_that_is_advertised_is_called_unless_the_context_has_ended() {
        let finalizer = plugin_v1::ContractDescriptor {
            kind: plugin_v1::ContractKind::Service.into(),
            service_name: SERVICE.to_owned(),
            ..Default::default()
        };
        let registry = plugin_v1::ContractRegistry { contracts: vec![finalizer], ..Default::default() };
        let reply = Reply::Ok(Payload(registry.encode_to_vec().into()));
        let asked = [
            Event::CallIssued {
                call: 90,
                action: None,
                method: Method::ContractRegistry,
                resource: String::new(),
                request: Payload::default(),
            },
            Event::CallDelivered { call: 90 },
            Event::ReplySent { call: 90, reply: reply.clone() },
            Event::ReplyReceived { call: 90, reply },
        ];
        let behind = |asked: &[Event], mut trace: Trace| {
            trace.events.splice(0..0, asked.to_vec());
            trace
        };
        assert!(!breaks(&behind(&asked, completed(true, 0)), "FIN-004"));
        let silent = behind(&asked, completed(false, 0));
        assert!(breaks(&silent, "FIN-004"));
        let ended = [Event::ContextEnded { cause: crate::engine::Done::Cancelled }];
        assert!(!breaks(&behind(&ended, silent), "FIN-004"));
    }
}
