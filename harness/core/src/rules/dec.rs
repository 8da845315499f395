//! DEC: bytes that break the contract are not sent, and a decoder refuses them.
//!
//! Each rule judges two parties: whoever sent the bytes, and the decoder that took them for good.

use std::{collections::BTreeSet, rc::Rc};

use bytes::Bytes;
use counterfoil_proto::Revision;

use super::{CallStory, DecodedStory, Findings, Level, Party, Rule, Story};
use crate::{
    decode::{Cause, Decoder as _, Reading, Refusal, Strict, UnknownField},
    rpc::Method,
    trace::{Driven, Reply, Taken},
};

const BOTH: &[Party] = &[Party::Provider, Party::Decoder];
const NOBODY: &str = "nobody";
const HOST: &str = "engine, at its typed adapter, until 0.56";
const JSON_HOST: &str = "engine, for the fields that it decodes";
const PROTOBUF: &str = "engine, by protobuf-go";

/// A rule for one cause of refusal in the reply to `Apply`.
macro_rules! apply_rule {
    ($cause:ident, $since:ident, $title:literal, $enforced:expr, $reason:literal, $source:literal) => {
        Rule {
            id: Cause::$cause.rule(),
            title: $title,
            level: Level::Must,
            judges: BOTH,
            since: Revision::$since,
            until: Some(Revision::V0_56),
            enforced: $enforced,
            reason: $reason,
            source: $source,
            applies: has_apply_reply,
            check: |story, findings| refused(Cause::$cause, story, findings),
        }
    };
}

/// A rule for one cause of refusal in any reply.
macro_rules! reply_rule {
    ($cause:ident, $title:literal, $enforced:expr, $reason:literal, $source:literal) => {
        Rule {
            id: Cause::$cause.rule(),
            title: $title,
            level: Level::Must,
            judges: BOTH,
            since: Revision::V0_51,
            until: None,
            enforced: $enforced,
            reason: $reason,
            source: $source,
            applies: has_message,
            check: |story, findings| refused(Cause::$cause, story, findings),
        }
    };
}

pub(super) const RULES: &[Rule] = &[
    apply_rule!(
        ResultAbsent,
        V0_51,
        "An Apply reply holds a result.",
        "nobody: the engine takes an absent result for success and saves nothing",
        "The apply looks done, and no state is written.",
        "D-010, D-060"
    ),
    apply_rule!(
        StatusUnspecified,
        V0_54,
        "Every outcome has a status.",
        HOST,
        "A status that was never set is an outcome that nobody decided.",
        "D-010, ADR 0040"
    ),
    apply_rule!(
        StatusUnknown,
        V0_54,
        "Every status is one that the revision knows.",
        HOST,
        "A reader that guesses at a status guesses at the state of the cloud.",
        "D-010, ADR 0040"
    ),
    apply_rule!(
        TooFewOutcomes,
        V0_54,
        "There is an outcome for each planned action.",
        NOBODY,
        "An error path that forgets its outcome looks like an action that was never there.",
        "D-040, H-10"
    ),
    apply_rule!(
        TooManyOutcomes,
        V0_54,
        "There are no more outcomes than planned actions.",
        NOBODY,
        "One outcome too many answers for nothing that was asked.",
        "D-040"
    ),
    apply_rule!(
        NoOutcomes,
        V0_54,
        "A plan with actions is answered by outcomes.",
        "nobody: the engine takes the old form without outcomes",
        "A provider of the old form passes for one of the new.",
        "D-010, D-040"
    ),
    apply_rule!(
        DuplicateIndex,
        V0_54,
        "No two outcomes name the same action.",
        NOBODY,
        "Of two outcomes one is wrong, and another action has none.",
        "D-010"
    ),
    apply_rule!(
        IndexOutOfRange,
        V0_54,
        "Every outcome names an action of the plan.",
        NOBODY,
        "An outcome outside the plan is lost, or read as that of another action.",
        "D-010"
    ),
    apply_rule!(
        IndexOrder,
        V0_54,
        "Outcomes come in the order of the plan.",
        NOBODY,
        "Readers pair outcomes and actions by position.",
        "D-010"
    ),
    apply_rule!(
        ErrorOnSuccess,
        V0_54,
        "A success carries no error text.",
        NOBODY,
        "One of the two is a lie.",
        "D-010"
    ),
    apply_rule!(
        FailureWithoutError,
        V0_54,
        "A failure carries an error text.",
        NOBODY,
        "A failure without a text leaves nothing to act on.",
        "D-010, E-311"
    ),
    apply_rule!(
        DeleteFailedOnOther,
        V0_54,
        "Only a delete can be a failed delete.",
        NOBODY,
        "The status decides whether state is kept.",
        "A.4, H-09"
    ),
    reply_rule!(
        JsonMalformed,
        "Every JSON field holds well-formed JSON.",
        JSON_HOST,
        "The cloud was changed, and its outputs cannot be read.",
        "E-170, D-020"
    ),
    reply_rule!(
        JsonNotObject,
        "Every JSON field that is a map holds an object.",
        JSON_HOST,
        "The cloud was changed, and its outputs cannot be read.",
        "E-170, D-020"
    ),
    reply_rule!(
        JsonTrailing,
        "Nothing follows the value of a JSON field.",
        JSON_HOST,
        "Half of what was written is thrown away, or all of it.",
        "E-170, D-020"
    ),
    reply_rule!(
        EnumUnknown,
        "Every enum value is one that the revision knows.",
        "nobody: the engine takes an unknown value for a default",
        "A severity or a class that nobody knows turns into a harmless one.",
        "D-030"
    ),
    reply_rule!(
        CutShort,
        "Every message is well-formed and whole.",
        PROTOBUF,
        "What was cut off may be the failure.",
        "D-070"
    ),
    reply_rule!(
        TextNotUtf8,
        "Every text is UTF-8.",
        PROTOBUF,
        "One wrong byte in a name makes the whole reply unreadable to the engine.",
        "D-070, D-071"
    ),
    Rule {
        id: "DEC-019",
        title: "A message has no field that the revision does not know.",
        level: Level::Should,
        judges: &[Party::Provider],
        since: Revision::V0_51,
        until: None,
        enforced: "nobody: unknown fields are kept and ignored",
        reason: "The sender says something that the other side will never hear.",
        source: "D-070, D-080",
        applies: has_reply,
        check: unknown_fields,
    },
    Rule {
        id: "DEC-020",
        title: "A decoder accepts every message that breaks no rule.",
        level: Level::Must,
        judges: &[Party::Decoder],
        since: Revision::V0_51,
        until: None,
        enforced: NOBODY,
        reason: "A refused reply is a change in the cloud that no state knows of.",
        source: "D-010",
        applies: has_message,
        check: accepts_what_is_valid,
    },
];

/// What the strict decoder has against the replies of one call; none where they are in order, or not read.
#[derive(Debug, Default)]
pub(super) struct Strictly {
    sent: Option<Rc<StrictReading>>,
    received: Option<Rc<StrictReading>>,
}

#[derive(Debug)]
struct StrictReading {
    refusals: Vec<Refusal>,
    unknown: Vec<UnknownField>,
}

impl StrictReading {
    fn is_remarkable(&self) -> bool {
        !self.refusals.is_empty() || !self.unknown.is_empty()
    }
}

impl<T> From<Reading<T>> for StrictReading {
    fn from(reading: Reading<T>) -> Self {
        Self { refusals: reading.refusals, unknown: reading.unknown }
    }
}

impl Strictly {
    /// Reads the replies of a call as the host of the revision would have.
    pub(super) fn read(story: &Story<'_>, call: &CallStory<'_>) -> Self {
        let read = |reply: Option<(&Reply, usize)>| match reply {
            Some((Reply::Ok(bytes), _)) if is_read(story, call.method) => {
                Some(reading(story, call.method, &bytes.0)).filter(StrictReading::is_remarkable).map(Rc::new)
            }
            _ => None,
        };
        let sent = read(call.sent);
        let same = call.sent.map(|(reply, _)| reply) == call.received.map(|(reply, _)| reply);
        let received = if same { sent.clone() } else { read(call.received) };
        Self { sent, received }
    }
}

/// An engine that drives call by call never reads what `Apply` answers.
fn is_read(story: &Story<'_>, method: Method) -> bool {
    method != Method::Apply || story.trace.header.driven == Driven::ByApply
}

fn reading(story: &Story<'_>, method: Method, bytes: &Bytes) -> StrictReading {
    match method {
        Method::Apply => Strict.apply_response(bytes, &story.apply_context()).into(),
        _ => Strict.message(method.response(), bytes, story.trace.header.revision).into(),
    }
}

/// True where the decoder had its say on a reply: something happened after the reply had arrived.
fn has_decided(story: &Story<'_>, call: &CallStory<'_>) -> bool {
    call.received.is_some_and(|(_, at)| at + 1 < story.trace.events.len())
}

fn has_apply_reply(story: &Story<'_>) -> bool {
    let is_apply = |it: &DecodedStory<'_>| it.decoded.message == Method::Apply.response();
    let arrived = || story.calls().any(|call| call.method == Method::Apply && has_ok(call));
    story.decoded.iter().any(is_apply) || (story.trace.header.driven == Driven::ByApply && arrived())
}

fn has_reply(story: &Story<'_>) -> bool {
    story.calls().any(has_ok)
}

/// A reply, or a message that a decoder was given by itself.
fn has_message(story: &Story<'_>) -> bool {
    !story.decoded.is_empty() || has_reply(story)
}

fn has_ok(call: &CallStory<'_>) -> bool {
    [call.sent, call.received].into_iter().flatten().any(|(reply, _)| reply.is_ok())
}

fn refused(cause: Cause, story: &Story<'_>, findings: &mut Findings<'_>) {
    taken(cause, story, findings);
    for call in story.calls() {
        for refusal in call.strictly.sent.iter().flat_map(|reading| &reading.refusals) {
            if refusal.cause == cause {
                findings.against(
                    Party::Provider,
                    call.action,
                    format!("the reply to {}: {}", call.method, place(&refusal.path, &refusal.message)),
                    call.events(),
                );
            }
        }
        if !has_decided(story, call) {
            continue;
        }
        // The decoder is judged once for a cause, however often the message has it.
        let missed = call.strictly.received.iter().flat_map(|reading| &reading.refusals);
        let caught = |refusal: &&Refusal| has_cause(call, refusal.cause);
        if let Some(refusal) = missed.filter(|refusal| refusal.cause == cause).find(|r| !caught(r)) {
            findings.against(
                Party::Decoder,
                call.action,
                format!(
                    "the reply to {} was not refused for this: {}",
                    call.method,
                    place(&refusal.path, &refusal.message)
                ),
                call.events(),
            );
        }
    }
}

/// What a decoder took for good although it has this fault: that is held against the decoder once, however often it has it.
fn taken(cause: Cause, story: &Story<'_>, findings: &mut Findings<'_>) {
    for DecodedStory { decoded, at, refusals } in &story.decoded {
        let fault = refusals.iter().find(|refusal| refusal.cause == cause);
        if let (Taken::Accepted { .. }, Some(fault)) = (&decoded.verdict, fault) {
            let message = format!(
                "{} was not refused for this: {}",
                decoded.short_name(),
                place(&fault.path, &fault.message)
            );
            findings.against(Party::Decoder, None, message, [*at]);
        }
    }
}

fn has_cause(call: &CallStory<'_>, cause: Cause) -> bool {
    call.refused.is_some_and(|(refusals, _)| refusals.iter().any(|refusal| refusal.cause == cause))
}

fn place(path: &str, message: &str) -> String {
    if path.is_empty() { message.to_owned() } else { format!("{path}: {message}") }
}

fn unknown_fields(story: &Story<'_>, findings: &mut Findings<'_>) {
    for call in story.calls() {
        for field in call.strictly.sent.iter().flat_map(|reading| &reading.unknown) {
            findings.add(
                call.action,
                format!(
                    "the reply to {}: {}",
                    call.method,
                    place(&field.path, &format!("field {} is not known at this revision", field.number))
                ),
                call.events(),
            );
        }
    }
}

fn accepts_what_is_valid(story: &Story<'_>, findings: &mut Findings<'_>) {
    for DecodedStory { decoded, at, refusals } in &story.decoded {
        if let (Taken::Refused { why }, true) = (&decoded.verdict, refusals.is_empty()) {
            let message = format!("{} was refused without reason: {why}", decoded.short_name());
            findings.add(None, message, [*at]);
        }
    }
    for call in story.calls() {
        let Some((refusals, _)) = call.refused.filter(|_| is_read(story, call.method)) else { continue };
        let strictly = call.strictly.received.iter().flat_map(|reading| &reading.refusals);
        let broken: BTreeSet<Cause> = strictly.map(|refusal| refusal.cause).collect();
        for refusal in refusals.iter().filter(|refusal| !broken.contains(&refusal.cause)) {
            findings.add(
                call.action,
                format!(
                    "the reply to {} was refused by {} without reason: {}",
                    call.method,
                    refusal.cause.rule(),
                    place(&refusal.path, &refusal.message)
                ),
                call.events(),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_a_field_begins_with_its_path() {
        assert_eq!(place("", "cut short"), "cut short");
        assert_eq!(place("result.actions[1]", "cut short"), "result.actions[1]: cut short");
    }
}
