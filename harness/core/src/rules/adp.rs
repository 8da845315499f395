//! ADP: an adapter keeps to the protocol, and says what was read.

use counterfoil_proto::{Revision, edit::says_the_same_at};

use super::{ADAPTED, Findings, Level, Party, Rule, Story};
use crate::trace::{AdapterEvent, AnswerProblem, Decoded, Due, ExitStatus, FrameProblem, Subject, Taken};

/// A rule that holds for every adapter.
macro_rules! rule {
    ($id:literal, $title:literal, $reason:literal, $breaks:expr) => {
        Rule {
            id: $id,
            title: $title,
            level: Level::Must,
            judges: ADAPTED,
            since: Revision::V0_51,
            until: None,
            enforced: "nobody: the protocol is Counterfoil's",
            reason: $reason,
            source: "adapter.md",
            applies: has_adapter,
            check: |story, findings| broken_by($breaks, story, findings),
        }
    };
}

pub(super) const RULES: &[Rule] = &[
    rule!(
        "ADP-001",
        "An adapter starts, and says that it is ready.",
        "Nothing can be asked of what is not there.",
        |event| matches!(
            event,
            AdapterEvent::NotStarted { .. }
                | AdapterEvent::Exited { instead: Due::Ready, .. }
                | AdapterEvent::Hang { instead: Due::Ready, .. }
        )
    ),
    rule!(
        "ADP-002",
        "An adapter speaks the version of the protocol that it is spoken to in, and knows its revisions by their names.",
        "Two versions that take each other's words for their own misjudge what is said.",
        |event| matches!(event, AdapterEvent::Unsuited { .. })
    ),
    rule!(
        "ADP-003",
        "An adapter lives until its input ends.",
        "A case that ends its program is one that the program cannot take.",
        |event| matches!(event, AdapterEvent::Exited { instead: Due::Answer, .. })
    ),
    rule!(
        "ADP-004",
        "An adapter answers every case in time.",
        "Whoever waits for the answer waits for ever.",
        |event| matches!(event, AdapterEvent::Hang { instead: Due::Answer, .. })
    ),
    rule!(
        "ADP-005",
        "What an adapter writes are whole frames of a bearable length, each with a message of the protocol.",
        "After a frame that is none, nothing that follows can be told apart.",
        |event| matches!(event, AdapterEvent::BadFrame { problem, .. } if *problem != FrameProblem::Text)
    ),
    rule!(
        "ADP-006",
        "An adapter prints nothing to its standard output.",
        "Text among frames is read as the length of a frame.",
        |event| matches!(event, AdapterEvent::BadFrame { problem: FrameProblem::Text, .. })
    ),
    rule!(
        "ADP-007",
        "An adapter answers a case once, and with an answer to what was asked.",
        "Of two answers one is wrong, and what nobody asked for, or what has no end, is none.",
        |event| matches!(
            event,
            AdapterEvent::BadAnswer { problem: AnswerProblem::Twice | AnswerProblem::OfAnotherKind, .. }
        )
    ),
    rule!(
        "ADP-008",
        "An adapter answers cases that it was sent, and no others.",
        "An answer to nothing is somebody else's.",
        |event| matches!(event, AdapterEvent::BadAnswer { problem: AnswerProblem::NeverSent, .. })
    ),
    rule!(
        "ADP-009",
        "An adapter answers in the order of the cases.",
        "What is under way, and what hangs, is told by the order alone.",
        |event| matches!(event, AdapterEvent::BadAnswer { problem: AnswerProblem::OutOfOrder, .. })
    ),
    rule!(
        "ADP-010",
        "An adapter ends with its input, and with exit code 0.",
        "A program that stays behind, or fails in the end, has lost what it had still to say.",
        |event| matches!(
            event,
            AdapterEvent::Ended { status } if *status != Some(ExitStatus::Code(0))
        )
    ),
    Rule {
        id: "ADP-011",
        title: "What a decoder says that it read is what was sent.",
        level: Level::Must,
        judges: &[Party::Decoder],
        since: Revision::V0_51,
        until: None,
        enforced: "nobody",
        reason: "A reply that is read as another is worse than one that is refused.",
        source: "D-070, D-080",
        applies: tells_what_was_read,
        check: reads_what_was_sent,
    },
];

fn has_adapter(story: &Story<'_>) -> bool {
    !story.adapter.is_empty() || !story.decoded.is_empty()
}

/// Whom an adapter stands for.
fn adapted(story: &Story<'_>) -> Party {
    match story.trace.header.subject {
        Subject::Engine => Party::Engine,
        Subject::Decoder | Subject::Pair | Subject::Provider => Party::Decoder,
    }
}

fn broken_by(breaks: fn(&AdapterEvent) -> bool, story: &Story<'_>, findings: &mut Findings<'_>) {
    for (event, at) in story.adapter.iter().filter(|(event, _)| breaks(event.itself())) {
        findings.against(adapted(story), None, event.describe(), [*at]);
    }
}

/// What was accepted, as far as its decoder tells what it read.
fn told(decoded: &Decoded) -> Option<(&[u8], &[u8])> {
    match &decoded.verdict {
        Taken::Accepted { value: Some(value) } => Some((&decoded.bytes.0, &value.0)),
        Taken::Accepted { value: None } | Taken::Refused { .. } => None,
    }
}

fn tells_what_was_read(story: &Story<'_>) -> bool {
    story.decoded.iter().any(|it| told(it.decoded).is_some())
}

/// What had to be refused says nothing that could be compared.
fn reads_what_was_sent(story: &Story<'_>, findings: &mut Findings<'_>) {
    let revision = story.trace.header.revision;
    for it in story.decoded.iter().filter(|it| it.refusals.is_empty()) {
        let Some((sent, read)) = told(it.decoded) else { continue };
        if says_the_same_at(revision, &it.decoded.message, sent, read) == Some(false) {
            let read = if read.is_empty() { "nothing".to_owned() } else { hex::encode(read) };
            let (name, sent) = (it.decoded.short_name(), hex::encode(sent));
            let message = format!("{name} was read as something else: {sent} was sent, and {read} read");
            findings.add(None, message, [it.at]);
        }
    }
}
