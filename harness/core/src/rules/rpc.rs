//! RPC: how a provider answers, call by call, whoever calls.
//!
//! The calls are those of trials: requests that are out of order in one way each, the same question many times, and the
//! whole life of a resource.

mod behind;

use std::collections::{BTreeMap, BTreeSet};

use counterfoil_proto::{Contract, Revision, iac};
use prost::Message;
use serde_json::{Map, Value};

use super::{Findings, Level, Party, Rule, Story};
use crate::{
    engine::host::NOT_FOUND,
    rpc::{Code, RpcError},
    trace::Payload,
    trial::{Answer, Trial, TrialReply, Tried, requests, step},
};

/// What the rules of this family judge.
const PROVIDER: &[Party] = &[Party::Provider];

/// Who enforces most of them.
const NOBODY: &str = "nobody";

/// The methods that a provider may leave out of a service that it has: one by its contract (H-26), and `Apply`, for which
/// nobody asks who declares `v2`; who does not is judged by what comes of it.
const MAY_BE_MISSING: [&str; 2] = ["ResourceDriver/Troubleshoot", "IaCProviderRequired/Apply"];

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "RPC-001",
        title: "Every call is answered.",
        level: Level::Must,
        judges: PROVIDER,
        since: Revision::V0_51,
        until: None,
        enforced: NOBODY,
        reason: "The engine sets no deadline of its own for most calls, and waits for ever.",
        source: "E-218, H-74",
        applies: |story| !story.trials.is_empty(),
        check: every_call_is_answered,
    },
    Rule {
        id: "RPC-002",
        title: "A service that is registered has every method of the revision, but for Troubleshoot and Apply.",
        level: Level::Must,
        judges: PROVIDER,
        since: Revision::V0_51,
        until: None,
        enforced: "nobody; the engine notices at the first use (E-152)",
        reason: "Nothing but the registry tells an engine what a provider can do.",
        source: "E-152, E-153, H-02, H-03, H-26",
        applies: |story| is_tried(story, &[Trial::Implemented]),
        check: every_method_is_there,
    },
    Rule {
        id: "RPC-003",
        title: "A service that is registered has a method that is implemented.",
        level: Level::Must,
        judges: PROVIDER,
        since: Revision::V0_51,
        until: None,
        enforced: "nobody; the engine notices at the first use (E-152)",
        reason: "A type that embeds the stubs of a service is registered for it without a line of code behind it.",
        source: "E-152, H-04",
        applies: |story| is_tried(story, &[Trial::Implemented]),
        check: no_service_is_hollow,
    },
    Rule {
        id: "RPC-004",
        title: "A request without a message that it needs is refused.",
        level: Level::Must,
        judges: PROVIDER,
        since: Revision::V0_51,
        until: None,
        enforced: NOBODY,
        reason: "What was lost on the way must not count as an order about nothing.",
        source: "H-26, E-383, H-49",
        applies: |story| is_tried(story, &[Trial::AbsentMessage]),
        check: |story, findings| is_refused(story, findings, Trial::AbsentMessage),
    },
    Rule {
        id: "RPC-005",
        title: "Bytes that are no JSON are refused where JSON belongs.",
        level: Level::Must,
        judges: PROVIDER,
        since: Revision::V0_51,
        until: None,
        enforced: NOBODY,
        reason: "A config that cannot be read must not become one without a field.",
        source: "E-170, H-22, H-50",
        applies: |story| is_tried(story, &[Trial::MalformedJson]),
        check: |story, findings| is_refused(story, findings, Trial::MalformedJson),
    },
    Rule {
        id: "RPC-006",
        title: "JSON that is no object is refused where an object belongs.",
        level: Level::Must,
        judges: PROVIDER,
        since: Revision::V0_51,
        until: None,
        enforced: NOBODY,
        reason: "A config that is not what it should be must not become one without a field.",
        source: "E-170, H-22, H-50",
        applies: |story| is_tried(story, &[Trial::NotAnObject]),
        check: |story, findings| is_refused(story, findings, Trial::NotAnObject),
    },
    Rule {
        id: "RPC-007",
        title: "A call of a driver without a resource type is refused.",
        level: Level::Must,
        judges: PROVIDER,
        since: Revision::V0_51,
        until: None,
        enforced: NOBODY,
        reason: "The type says which driver is meant, so none is.",
        source: "E-161, E-162, H-25",
        applies: |story| is_tried(story, &[Trial::EmptyType]),
        check: |story, findings| is_refused(story, findings, Trial::EmptyType),
    },
    Rule {
        id: "RPC-008",
        title: "A call of a driver for a resource type that the provider does not have is refused.",
        level: Level::Must,
        judges: PROVIDER,
        since: Revision::V0_51,
        until: None,
        enforced: NOBODY,
        reason: "No driver is asked for when one is resolved, so the call itself has to fail.",
        source: "E-160, E-162, H-25",
        applies: |story| is_tried(story, &[Trial::UnknownType]),
        check: |story, findings| is_refused(story, findings, Trial::UnknownType),
    },
    Rule {
        id: "RPC-009",
        title: "A request that is malformed is refused with InvalidArgument.",
        level: Level::Should,
        judges: PROVIDER,
        since: Revision::V0_51,
        until: None,
        enforced: "the engine's second adapter, by its map of codes (E-166)",
        reason: "Only the code tells a caller whether to mend the request or to try again.",
        source: "E-162, E-163, E-166",
        applies: |story| is_tried(story, &MALFORMED),
        check: |story, findings| fits(story, findings, &MALFORMED, &[Code::InvalidArgument]),
    },
    Rule {
        id: "RPC-010",
        title: "An unknown resource type is refused with NotFound or InvalidArgument.",
        level: Level::Should,
        judges: PROVIDER,
        since: Revision::V0_51,
        until: None,
        enforced: "the engine's second adapter, by its map of codes (E-166)",
        reason: "Only the code tells a caller whether to mend the request or to try again.",
        source: "E-162, E-163, E-166",
        applies: |story| is_tried(story, &[Trial::UnknownType]),
        check: |story, findings| {
            fits(story, findings, &[Trial::UnknownType], &[Code::NotFound, Code::InvalidArgument]);
        },
    },
    Rule {
        id: "RPC-011",
        title: "A resource without a name is not created.",
        level: Level::Should,
        judges: PROVIDER,
        since: Revision::V0_51,
        until: None,
        enforced: NOBODY,
        reason: "Names are what state and plans know resources by.",
        source: "E-161, H-47",
        applies: |story| is_tried(story, &[Trial::EmptyName]),
        check: |story, findings| is_refused(story, findings, Trial::EmptyName),
    },
    Rule {
        id: "RPC-012",
        title: "A refusal is no panic.",
        level: Level::Must,
        judges: PROVIDER,
        since: Revision::V0_51,
        until: None,
        enforced: NOBODY,
        reason: "What was caught there by chance ends the process elsewhere, or leaves it half done.",
        source: "H-25",
        applies: |story| !story.trials.is_empty(),
        check: no_refusal_is_a_panic,
    },
    Rule {
        id: "RPC-013",
        title: "The same question gets the same answer each time.",
        level: Level::Must,
        judges: PROVIDER,
        since: Revision::V0_51,
        until: None,
        enforced: NOBODY,
        reason: "A comparison that depends on the order of a map plans changes where there are none.",
        source: "H-18, E-183",
        applies: |story| is_tried(story, &[Trial::Repeated]),
        check: |story, findings| answers_agree(story, findings, Trial::Repeated, "one after the other"),
    },
    Rule {
        id: "RPC-014",
        title: "The same question gets the same answer also where it is asked many times at once.",
        level: Level::Must,
        judges: PROVIDER,
        since: Revision::V0_51,
        until: None,
        enforced: NOBODY,
        reason: "Up to 32 comparisons run side by side while a plan is made.",
        source: "E-182, H-76",
        applies: |story| is_tried(story, &[Trial::Parallel]),
        check: |story, findings| answers_agree(story, findings, Trial::Parallel, "at once"),
    },
    Rule {
        id: "RPC-015",
        title: "A provider answers as before, whatever it was asked in between.",
        level: Level::Must,
        judges: PROVIDER,
        since: Revision::V0_51,
        until: None,
        enforced: NOBODY,
        reason: "One request that is out of order must not cost those that come behind it.",
        source: "E-221, H-25",
        applies: |story| is_tried(story, &[Trial::SameAfterwards]),
        check: answers_are_the_same_afterwards,
    },
    Rule {
        id: "RPC-016",
        title: "What creates or updates a resource tells what it is now.",
        level: Level::Must,
        judges: PROVIDER,
        since: Revision::V0_51,
        until: None,
        enforced: NOBODY,
        reason: "A success without an output is kept nowhere, and the resource is lost.",
        source: "E-171, H-60",
        applies: |story| is_led(story, &[step::CREATE, step::UPDATE]),
        check: output_is_told,
    },
    Rule {
        id: "RPC-017",
        title: "A resource has an id, and keeps it for its life.",
        level: Level::Must,
        judges: PROVIDER,
        since: Revision::V0_51,
        until: None,
        enforced: NOBODY,
        reason: "The id that is kept is all by which the resource is found again.",
        source: "E-168, H-29",
        applies: |story| is_led(story, &[step::CREATE]),
        check: ids_are_kept,
    },
    Rule {
        id: "RPC-018",
        title: "What was created can be read.",
        level: Level::Must,
        judges: PROVIDER,
        since: Revision::V0_51,
        until: None,
        enforced: NOBODY,
        reason: "What a refresh does not find, it takes out of the state.",
        source: "E-171, H-16",
        applies: |story| is_led(story, &[step::READ]),
        check: |story, findings| succeeds(story, findings, step::READ, "was created and is there"),
    },
    Rule {
        id: "RPC-019",
        title: "A resource does not differ from the config by which it was created.",
        level: Level::Must,
        judges: PROVIDER,
        since: Revision::V0_51,
        until: None,
        enforced: NOBODY,
        reason: "Otherwise every plan changes it, for ever.",
        source: "E-180, H-21",
        applies: |story| is_led(story, &[step::DIFF_OF_CREATED]),
        check: |story, findings| no_difference(story, findings, step::DIFF_OF_CREATED),
    },
    Rule {
        id: "RPC-020",
        title: "A resource does not differ from its config either where its outputs have been through a state.",
        level: Level::Must,
        judges: PROVIDER,
        since: Revision::V0_51,
        until: None,
        enforced: NOBODY,
        reason: "Numbers and lists come back from JSON as other types, and keys in another order.",
        source: "E-170, E-173, H-18, H-20, H-21",
        applies: |story| is_led(story, &[step::DIFF_OF_READ]),
        check: |story, findings| no_difference(story, findings, step::DIFF_OF_READ),
    },
    Rule {
        id: "RPC-021",
        title: "A config in which a field of the resource is another differs.",
        level: Level::Should,
        judges: PROVIDER,
        since: Revision::V0_51,
        until: None,
        enforced: NOBODY,
        reason: "A field that the comparison leaves out can never be changed; which fields a type has, its outputs tell.",
        source: "E-180, H-19",
        applies: |story| known_changes(story).next().is_some(),
        check: a_change_is_seen,
    },
    Rule {
        id: "RPC-022",
        title: "A comparison with a change that forces a new resource asks for a replace.",
        level: Level::Should,
        judges: PROVIDER,
        since: Revision::V0_51,
        until: None,
        enforced: "engine, which looks at both (E-180)",
        reason: "Who looks at the flag alone carries it out as an update.",
        source: "E-180, H-15",
        applies: |story| is_led(story, &[step::DIFF_OF_CHANGED]),
        check: forced_changes_replace,
    },
    Rule {
        id: "RPC-023",
        title: "A second resource of the same name is not created.",
        level: Level::Must,
        judges: PROVIDER,
        since: Revision::V0_51,
        until: None,
        enforced: NOBODY,
        reason: "A create whose reply was lost is made again, and must not leave two.",
        source: "E-164, H-47",
        applies: |story| is_led(story, &[step::CREATE_AGAIN]),
        check: no_second_resource,
    },
    Rule {
        id: "RPC-024",
        title: "To delete what is gone succeeds.",
        level: Level::Must,
        judges: PROVIDER,
        since: Revision::V0_51,
        until: None,
        enforced: NOBODY,
        reason: "Otherwise a resource that vanished blocks every plan that would delete it.",
        source: "E-055, H-77",
        applies: |story| is_led(story, &[step::DELETE_AGAIN]),
        check: |story, findings| succeeds(story, findings, step::DELETE_AGAIN, "is gone already"),
    },
    Rule {
        id: "RPC-025",
        title: "To read what is not there is refused with the text by which engines know that.",
        level: Level::Must,
        judges: PROVIDER,
        since: Revision::V0_51,
        until: None,
        enforced: "engine, where it looks for the text (E-164)",
        reason: "Any other error stops a refresh, and an empty answer keeps dead resources alive.",
        source: "E-164, E-165, H-08, H-16",
        applies: |story| is_led(story, &[step::READ_GONE]),
        check: what_is_gone_is_not_found,
    },
    Rule {
        id: "RPC-026",
        title: "To read what is not there is refused with NotFound.",
        level: Level::Should,
        judges: PROVIDER,
        since: Revision::V0_51,
        until: None,
        enforced: "the engine's second adapter, by its map of codes (E-166)",
        reason: "Of the two adapters of the engine one looks at the text, and the other at the code.",
        source: "E-164, E-166, H-16",
        applies: |story| is_led(story, &[step::READ_GONE]),
        check: |story, findings| {
            for (tried, at) in life(story, step::READ_GONE) {
                unfitting(story, (tried, at), findings, &[Code::NotFound]);
            }
        },
    },
    Rule {
        id: "RPC-027",
        title: "Every resource that was to be destroyed is told as destroyed, or with its error.",
        level: Level::Must,
        judges: PROVIDER,
        since: Revision::V0_51,
        until: None,
        enforced: NOBODY,
        reason: "What nobody speaks of is taken out of the state although it is there.",
        source: "E-372, H-62",
        applies: |story| destroyed(story).next().is_some(),
        check: destroy_accounts_for_all,
    },
    Rule {
        id: "RPC-028",
        title: "A stream of the past ends.",
        level: Level::Must,
        judges: PROVIDER,
        since: Revision::V0_60,
        until: None,
        enforced: NOBODY,
        reason: "Who reads a log that nobody follows waits for its end.",
        source: "E-150, E-176",
        applies: |story| is_tried(story, &[Trial::Streams]),
        check: streams_end,
    },
    Rule {
        id: "RPC-029",
        title: "A key of a config that a provider does not know is not passed over.",
        level: Level::Should,
        judges: PROVIDER,
        since: Revision::V0_51,
        until: None,
        enforced: NOBODY,
        reason: "What was written and has no effect is noticed by nobody until it is missed.",
        source: "E-180, H-24",
        applies: |story| life(story, step::DIFF_OF_UNKNOWN).next().is_some(),
        check: unknown_keys_are_told,
    },
    Rule {
        id: "RPC-030",
        title: "What was created or updated can be read behind the apply, under its id, and what was deleted cannot.",
        level: Level::Must,
        judges: PROVIDER,
        since: Revision::V0_51,
        until: None,
        enforced: NOBODY,
        reason: "The state is written by what a provider answers; what is otherwise in its cloud is lost, or costs money unseen.",
        source: "E-171, H-16, H-29",
        applies: |story| looks_back(story, step::READ).next().is_some(),
        check: behind::reads_agree,
    },
    Rule {
        id: "RPC-031",
        title: "A list of a type names what was created or updated, and nothing that was deleted.",
        level: Level::Must,
        judges: PROVIDER,
        since: Revision::V0_51,
        until: None,
        enforced: NOBODY,
        reason: "By such a list what no state knows of is found; what is missing in it is found by nobody.",
        source: "E-150, H-29",
        applies: |story| looks_back(story, step::LIST).any(|(tried, _)| tried.succeeded()),
        check: behind::lists_agree,
    },
];

/// The trials whose requests are malformed.
const MALFORMED: [Trial; 4] =
    [Trial::AbsentMessage, Trial::MalformedJson, Trial::NotAnObject, Trial::EmptyType];

/// What a trial asked, and where in the trace.
fn of<'s, 't>(story: &'s Story<'t>, trial: Trial) -> impl Iterator<Item = (&'t Tried, usize)> + 's {
    story.trials.iter().copied().filter(move |(tried, _)| tried.trial == trial)
}

/// What was asked behind the apply, as one of its steps.
fn looks_back<'s, 't>(
    story: &'s Story<'t>,
    step: &'static str,
) -> impl Iterator<Item = (&'t Tried, usize)> + 's {
    of(story, Trial::LookBack).filter(move |(tried, _)| tried.part == step)
}

fn is_tried(story: &Story<'_>, trials: &[Trial]) -> bool {
    story.trials.iter().any(|(tried, _)| trials.contains(&tried.trial))
}

/// Whether a step was taken in the life of a resource, and the resource came to life before, so that there is something
/// to look at.
fn is_led(story: &Story<'_>, steps: &[&'static str]) -> bool {
    let lives = life(story, step::CREATE).any(|(tried, _)| tried.succeeded());
    lives && steps.iter().any(|step| life(story, step).next().is_some())
}

/// The questions of one step in the lives of resources.
fn life<'s, 't>(story: &'s Story<'t>, step: &'static str) -> impl Iterator<Item = (&'t Tried, usize)> + 's {
    of(story, Trial::Life).filter(move |(tried, _)| is_step(tried, step))
}

/// Some steps begin as others do: behind that of a changed field its name follows.
fn is_step(tried: &Tried, step: &str) -> bool {
    let behind = tried.part.strip_prefix(step);
    behind.is_some_and(|rest| rest.is_empty() || (step == step::DIFF_OF_CHANGED && rest.starts_with(' ')))
}

/// What is out of order with a request.
fn defect(tried: &Tried) -> String {
    let part = &tried.part;
    match tried.trial {
        Trial::AbsentMessage => format!("a request without `{part}`"),
        Trial::MalformedJson => format!("a request whose `{part}` is no JSON"),
        Trial::NotAnObject => format!("a request whose `{part}` is a JSON list"),
        Trial::EmptyType => "a request without a resource type".to_owned(),
        Trial::UnknownType => "a request for a resource type that no provider has".to_owned(),
        Trial::EmptyName => "a request without a name".to_owned(),
        _ => "the request".to_owned(),
    }
}

fn every_call_is_answered(story: &Story<'_>, findings: &mut Findings<'_>) {
    for &(tried, at) in &story.trials {
        // Whether a stream ends has a rule of its own.
        for answer in tried.answers.iter().filter(|_| !is_stream(story, tried)) {
            if let TrialReply::None(why) = &answer.reply {
                let message = format!("{} ({}) has no answer: {why}", tried.short(), tried.trial);
                findings.add(None, message, [at]);
            }
        }
    }
}

/// The answers of each service to empty requests: for each method, whether it is there.
fn implemented<'t>(story: &Story<'t>) -> BTreeMap<&'t str, Vec<(&'t Tried, usize, bool)>> {
    let mut services: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    for (tried, at) in of(story, Trial::Implemented) {
        let missing = tried.errors().any(|error| error.code == Code::Unimplemented);
        let service = tried.short().split('/').next().unwrap_or_default();
        services.entry(service).or_default().push((tried, at, !missing));
    }
    services
}

fn every_method_is_there(story: &Story<'_>, findings: &mut Findings<'_>) {
    for methods in implemented(story).values().filter(|methods| methods.iter().any(|(.., there)| *there)) {
        let missing =
            methods.iter().filter(|(tried, _, there)| !there && !MAY_BE_MISSING.contains(&tried.short()));
        for (tried, at, _) in missing {
            let message = format!(
                "{} is Unimplemented, and its service is in the registry; expected it to be there",
                tried.short()
            );
            findings.add(None, message, [*at]);
        }
    }
}

fn no_service_is_hollow(story: &Story<'_>, findings: &mut Findings<'_>) {
    for (service, methods) in implemented(story) {
        if methods.iter().all(|(.., there)| !there) {
            let message = format!(
                "{service} is in the registry, and every method of it is Unimplemented; expected one at least"
            );
            findings.add(None, message, methods.into_iter().map(|(_, at, _)| at));
        }
    }
}

fn is_refused(story: &Story<'_>, findings: &mut Findings<'_>, trial: Trial) {
    for (tried, at) in of(story, trial).filter(|(tried, _)| tried.succeeded()) {
        let message = format!("{} takes {}; expected a refusal", tried.short(), defect(tried));
        findings.add(None, message, [at]);
    }
}

/// Holds the codes of refusals to those that fit.
fn fits(story: &Story<'_>, findings: &mut Findings<'_>, trials: &[Trial], fitting: &[Code]) {
    for &(tried, at) in story.trials.iter().filter(|(tried, _)| trials.contains(&tried.trial)) {
        unfitting(story, (tried, at), findings, fitting);
    }
}

fn unfitting(story: &Story<'_>, (tried, at): (&Tried, usize), findings: &mut Findings<'_>, fitting: &[Code]) {
    // That a method is not there, a connection broke, or a backend is not configured yet, is judged elsewhere.
    let elsewhere = [
        Code::Unimplemented,
        Code::Unavailable,
        Code::DeadlineExceeded,
        Code::Cancelled,
        Code::FailedPrecondition,
    ];
    let unfit = |error: &&RpcError| !fitting.contains(&error.code) && !elsewhere.contains(&error.code);
    if let Some(error) = tried.errors().find(unfit) {
        let fitting: Vec<&str> = fitting.iter().map(|code| code.go_name()).collect();
        let (method, defect, fitting) = (tried.short(), defect(tried), fitting.join(" or "));
        let message = match story.reached_out(at) {
            // That it reaches none is no refusal of its own.
            Some(host) => {
                format!(
                    "{method} asks {host} about {defect}, and refuses nothing of itself; expected {fitting}"
                )
            }
            None => {
                format!("{method} refuses {defect} with {}; expected {fitting}", error.code.go_name())
            }
        };
        findings.add(None, message, [at]);
    }
}

/// What Go prints where it panics, and what those print that catch it.
const PANICS: [&str; 4] = ["panic:", "panicked", "runtime error:", "nil pointer dereference"];

fn no_refusal_is_a_panic(story: &Story<'_>, findings: &mut Findings<'_>) {
    for &(tried, at) in &story.trials {
        let panics = |error: &&RpcError| {
            let text = error.message.to_lowercase();
            PANICS.iter().any(|panic| text.contains(panic)) || text.starts_with("panic")
        };
        if let Some(error) = tried.errors().find(panics) {
            let message = format!(
                "{} panics at {}: {}; expected a refusal",
                tried.short(),
                defect(tried),
                error.message
            );
            findings.add(None, message, [at]);
        }
    }
}

fn answers_agree(story: &Story<'_>, findings: &mut Findings<'_>, trial: Trial, how: &str) {
    for (tried, at) in of(story, trial).filter(|(tried, _)| tried.answers.len() > 1) {
        let times: u32 = tried.answers.iter().map(|answer| answer.times).sum();
        let message = format!(
            "{} was asked the same {times} times {how}, and gave {} different answers: {}; expected one",
            tried.short(),
            tried.answers.len(),
            told(tried)
        );
        findings.add(None, message, [at]);
    }
}

/// The first answers, for the reader.
fn told(tried: &Tried) -> String {
    let answers: Vec<String> = tried.answers.iter().take(3).map(ToString::to_string).collect();
    answers.join(", ")
}

/// Whether the answers to a question say the same, as often.
fn agree(before: &Tried, after: &Tried, revision: Revision) -> bool {
    let response = Contract::at(revision).method(&before.method).map(|method| method.response.as_str());
    let message = requests::full_name(response.unwrap_or_default());
    before.answers.len() == after.answers.len()
        && before.answers.iter().all(|answer| {
            let same = |other: &&Answer| answer.reply.says_the_same_as(&other.reply, &message);
            after.answers.iter().find(same).is_some_and(|other| other.times == answer.times)
        })
}

fn answers_are_the_same_afterwards(story: &Story<'_>, findings: &mut Findings<'_>) {
    let before: BTreeMap<&str, (&Tried, usize)> = of(story, Trial::SameAfterwards)
        .filter(|(tried, _)| tried.part == step::BEFORE)
        .map(|(tried, at)| (tried.method.as_str(), (tried, at)))
        .collect();
    for (after, at) in of(story, Trial::SameAfterwards).filter(|(tried, _)| tried.part == step::AFTER) {
        let Some(&(before, was)) = before.get(after.method.as_str()) else { continue };
        if !agree(before, after, story.trace.header.revision) {
            let message = format!(
                "{} answered {} before the trials, and {} behind them; expected the same",
                after.short(),
                told(before),
                told(after)
            );
            findings.add(None, message, [was, at]);
        }
    }
}

/// Reads a request or a reply; none where it is no such message, which DEC judges.
pub(super) fn read<M: Message + Default>(message: &Payload) -> Option<M> {
    M::decode(&message.0[..]).ok()
}

/// The reply of the first answer that was one.
fn answer<M: Message + Default>(tried: &Tried) -> Option<M> {
    tried.messages().next().and_then(read)
}

/// The output in an answer, whichever of the three calls it was that tell one.
fn output(tried: &Tried) -> Option<iac::ResourceOutput> {
    // Create, Read and Update answer with messages of one form.
    answer::<iac::ResourceCreateResponse>(tried)?.output
}

/// What a resource is called in a finding.
fn resource(tried: &Tried) -> String {
    // All requests of a driver begin with the type.
    let request = read::<iac::SensitiveKeysRequest>(&tried.request);
    request
        .map_or_else(|| "a resource".to_owned(), |request| format!("a resource of {}", request.resource_type))
}

fn output_is_told(story: &Story<'_>, findings: &mut Findings<'_>) {
    for (tried, at) in life(story, step::CREATE).chain(life(story, step::UPDATE)) {
        if tried.succeeded() && output(tried).is_none() {
            let message = format!(
                "{} of {} is answered with OK and without an output; expected what the resource is now",
                tried.short(),
                resource(tried)
            );
            findings.add(None, message, [at]);
        }
    }
}

fn ids_are_kept(story: &Story<'_>, findings: &mut Findings<'_>) {
    let mut created: BTreeMap<String, (String, usize)> = BTreeMap::new();
    for (tried, at) in of(story, Trial::Life) {
        let Some(output) = output(tried) else { continue };
        let resource = resource(tried);
        match tried.part.as_str() {
            step::CREATE if output.provider_id.is_empty() => {
                findings.add(None, format!("{resource} is created without an id; expected one"), [at]);
            }
            step::CREATE => drop(created.insert(resource, (output.provider_id, at))),
            step::READ | step::UPDATE => {
                if let Some((id, was)) = created.get(&resource).filter(|(id, _)| *id != output.provider_id) {
                    let message = format!(
                        "{} tells the id {:?} of {resource}, which was created as {id:?}; expected that",
                        tried.short(),
                        output.provider_id
                    );
                    findings.add(None, message, [*was, at]);
                }
            }
            _ => {}
        }
    }
}

fn succeeds(story: &Story<'_>, findings: &mut Findings<'_>, step: &'static str, is: &str) {
    for (tried, at) in life(story, step) {
        let empty = step == step::READ && tried.succeeded() && output(tried).is_none();
        let wrong = match tried.errors().next() {
            Some(error) => error.to_string(),
            None if empty => "an answer without an output".to_owned(),
            None => continue,
        };
        let message =
            format!("{} of {}, which {is}: {wrong}; expected success", tried.short(), resource(tried));
        findings.add(None, message, [at]);
    }
}

fn difference(tried: &Tried) -> Option<iac::DiffResult> {
    Some(answer::<iac::ResourceDiffResponse>(tried)?.result.unwrap_or_default())
}

/// What an engine makes of a comparison (E-180): whether it plans anything.
fn plans_something(result: &iac::DiffResult) -> bool {
    result.needs_update || result.needs_replace || result.changes.iter().any(|change| change.force_new)
}

fn no_difference(story: &Story<'_>, findings: &mut Findings<'_>, step: &'static str) {
    for (tried, at) in life(story, step) {
        let wrong = match difference(tried) {
            Some(result) if plans_something(&result) => {
                let paths: Vec<&str> = result.changes.iter().map(|change| change.path.as_str()).collect();
                format!("tells a change of {:?}", paths.join(", "))
            }
            Some(_) => continue,
            None => match tried.errors().next() {
                Some(error) => format!("fails: {error}"),
                None => continue,
            },
        };
        let message = format!(
            "{} of {} with the config by which it was created {wrong}; expected no difference",
            tried.short(),
            resource(tried)
        );
        findings.add(None, message, [at]);
    }
}

/// The field that is another in a comparison.
fn changed_field(tried: &Tried) -> &str {
    tried.part.strip_prefix(step::DIFF_OF_CHANGED).unwrap_or_default().trim()
}

/// The fields that a provider names where it speaks of a resource: its outputs, and changes of it.
fn named_fields(tried: &Tried) -> Vec<String> {
    if tried.short() == "ResourceDriver/Diff" {
        let changes = difference(tried).unwrap_or_default().changes;
        return changes.into_iter().map(|change| change.path).collect();
    }
    let outputs = output(tried).unwrap_or_default().outputs_json;
    let outputs: Map<String, Value> = serde_json::from_slice(&outputs).unwrap_or_default();
    outputs.into_iter().map(|(field, _)| field).collect()
}

/// The comparisons with a change of a field that the type has for all that is known: its provider named the field. What a
/// type does not have it may pass over.
fn known_changes<'t>(story: &Story<'t>) -> impl Iterator<Item = (&'t Tried, usize)> {
    let mut named: BTreeSet<(String, String)> = BTreeSet::new();
    for (tried, _) in of(story, Trial::Life).filter(|(tried, _)| tells_of_the_resource(tried)) {
        named.extend(named_fields(tried).into_iter().map(|field| (resource(tried), field)));
    }
    let changes: Vec<_> = life(story, step::DIFF_OF_CHANGED).collect();
    changes
        .into_iter()
        .filter(move |(tried, _)| named.contains(&(resource(tried), changed_field(tried).to_owned())))
}

/// Whether the reply is one in which a provider names fields of a resource.
fn tells_of_the_resource(tried: &Tried) -> bool {
    let tells = [step::CREATE, step::READ, step::UPDATE].contains(&tried.part.as_str());
    tells || tried.short() == "ResourceDriver/Diff"
}

fn a_change_is_seen(story: &Story<'_>, findings: &mut Findings<'_>) {
    for (tried, at) in known_changes(story) {
        let Some(result) = difference(tried).filter(|result| !plans_something(result)) else { continue };
        let field = changed_field(tried);
        let unflagged =
            if result.changes.is_empty() { "" } else { ", which it lists without asking for either" };
        let message = format!(
            "{} of {} sees no difference in another `{field}`{unflagged}; expected an update or a replace",
            tried.short(),
            resource(tried)
        );
        findings.add(None, message, [at]);
    }
}

/// That a plan is validated may tell of the key as well as a comparison does: one of them has to.
fn unknown_keys_are_told(story: &Story<'_>, findings: &mut Findings<'_>) {
    for (tried, at) in life(story, step::DIFF_OF_UNKNOWN) {
        let silent = difference(tried)
            .is_some_and(|result| result.changes.is_empty() && !result.needs_update && !result.needs_replace);
        let Some(request) = read::<iac::ResourceDiffRequest>(&tried.request) else { continue };
        if silent && !is_told_of_a_plan(story, &request.resource_type) {
            let message = format!(
                "{} of {} says nothing of a key that no type has, and neither does the validation of a plan; expected \
                 an error, a difference or a diagnostic",
                tried.short(),
                resource(tried)
            );
            findings.add(None, message, [at]);
        }
    }
}

/// Whether a provider says anything of the key that nobody knows, in a plan for a type.
fn is_told_of_a_plan(story: &Story<'_>, resource_type: &str) -> bool {
    life(story, step::PLAN_OF_UNKNOWN).any(|(tried, _)| {
        let plan = read::<iac::ValidatePlanRequest>(&tried.request).and_then(|request| request.plan);
        let specs = plan.iter().flat_map(|plan| &plan.actions).flat_map(|action| &action.resource);
        let is_of_type = specs.into_iter().any(|spec| spec.r#type == resource_type);
        let told = answer::<iac::ValidatePlanResponse>(tried);
        let refused = || tried.errors().any(|error| error.code != Code::Unimplemented);
        is_of_type && told.map_or_else(refused, |told| !told.diagnostics.is_empty())
    })
}

fn forced_changes_replace(story: &Story<'_>, findings: &mut Findings<'_>) {
    for (tried, at) in life(story, step::DIFF_OF_CHANGED) {
        let Some(result) = difference(tried).filter(|result| !result.needs_replace) else { continue };
        if let Some(change) = result.changes.iter().find(|change| change.force_new) {
            let message = format!(
                "{} of {} tells that another `{}` forces a new resource, and not that it needs a replace; expected both",
                tried.short(),
                resource(tried),
                change.path
            );
            findings.add(None, message, [at]);
        }
    }
}

fn no_second_resource(story: &Story<'_>, findings: &mut Findings<'_>) {
    for (tried, at) in life(story, step::CREATE_AGAIN).filter(|(tried, _)| tried.succeeded()) {
        let id = output(tried).map(|output| output.provider_id).unwrap_or_default();
        let message = format!(
            "{} of {} under a name that is taken makes another, {id:?}; expected AlreadyExists",
            tried.short(),
            resource(tried)
        );
        findings.add(None, message, [at]);
    }
}

fn what_is_gone_is_not_found(story: &Story<'_>, findings: &mut Findings<'_>) {
    for (tried, at) in life(story, step::READ_GONE) {
        let wrong = match tried.errors().next() {
            Some(error) if error.message.contains(NOT_FOUND) => continue,
            Some(error) => error.to_string(),
            None if tried.succeeded() => "OK".to_owned(),
            None => continue,
        };
        let message = format!(
            "{} of {}, which is gone: {wrong}; expected an error whose text holds {NOT_FOUND:?}",
            tried.short(),
            resource(tried)
        );
        findings.add(None, message, [at]);
    }
}

/// The calls that destroy, without those that make what is to be destroyed.
fn destroyed<'s, 't>(story: &'s Story<'t>) -> impl Iterator<Item = (&'t Tried, usize)> + 's {
    of(story, Trial::Destroy).filter(|(tried, _)| tried.short() == "IaCProviderRequired/Destroy")
}

fn destroy_accounts_for_all(story: &Story<'_>, findings: &mut Findings<'_>) {
    for (tried, at) in destroyed(story) {
        let Some(reply) = answer::<iac::DestroyResponse>(tried) else { continue };
        let Some(request) = read::<iac::DestroyRequest>(&tried.request) else { continue };
        let result = reply.result.unwrap_or_default();
        let named: BTreeSet<&str> = result
            .destroyed
            .iter()
            .map(String::as_str)
            .chain(result.errors.iter().map(|error| error.resource.as_str()))
            .collect();
        for lost in request.refs.iter().filter(|asked| !named.contains(asked.name.as_str())) {
            let message = format!(
                "{} tells nothing of {:?}, which was to be destroyed; expected it in `destroyed` or in `errors`",
                tried.short(),
                lost.name
            );
            findings.add(None, message, [at]);
        }
    }
}

/// Whether the method answers with a stream.
fn is_stream(story: &Story<'_>, tried: &Tried) -> bool {
    let method = Contract::at(story.trace.header.revision).method(&tried.method);
    method.is_some_and(|method| method.server_streaming)
}

fn streams_end(story: &Story<'_>, findings: &mut Findings<'_>) {
    for &(tried, at) in story.trials.iter().filter(|(tried, _)| is_stream(story, tried)) {
        for answer in &tried.answers {
            if let TrialReply::None(why) = &answer.reply {
                let message = format!("{}: {why}; expected the stream to end", tried.short());
                findings.add(None, message, [at]);
            }
        }
    }
}

#[cfg(test)]
mod tests;
