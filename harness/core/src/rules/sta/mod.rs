//! STA: how a state backend keeps records and locks, whoever asks.
//!
//! A model follows what the backend was asked and what it answered; each rule is one fact of it.

mod model;

use counterfoil_proto::Revision;

use self::model::Fact;
use super::{Findings, Level, Party, Rule, Story};

/// What the rules have in common.
const MUST: Rule = Rule {
    id: "",
    title: "",
    level: Level::Must,
    judges: &[Party::Provider],
    // 0.51.11 brought the service, in the middle of a revision.
    since: Revision::V0_54,
    until: None,
    enforced: "nobody",
    reason: "",
    source: "",
    applies: |_| false,
    check: |_, _| {},
};

const SHOULD: Rule = Rule { level: Level::Should, ..MUST };

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "STA-001",
        title: "Before it is configured a backend refuses every call but Configure and ListBackendNames.",
        reason: "Nobody knows where a record went that was saved before.",
        source: "E-390, H-30",
        applies: |story| is_looked_at(story, Fact::RefusesUnconfigured),
        check: |story, findings| holds(story, findings, Fact::RefusesUnconfigured),
        ..MUST
    },
    Rule {
        id: "STA-002",
        title: "Before it is configured a backend refuses with FailedPrecondition.",
        reason: "Only the code tells a host that it forgot to configure it.",
        source: "E-390, H-30",
        applies: |story| is_looked_at(story, Fact::SaysUnconfigured),
        check: |story, findings| holds(story, findings, Fact::SaysUnconfigured),
        ..SHOULD
    },
    Rule {
        id: "STA-003",
        title: "A state backend has a name.",
        enforced: "engine, as it loads the plugin (E-392)",
        reason: "By its name alone a config can choose it.",
        source: "E-392, H-31",
        applies: |story| is_looked_at(story, Fact::IsNamed),
        check: |story, findings| holds(story, findings, Fact::IsNamed),
        ..MUST
    },
    Rule {
        id: "STA-004",
        title: "No state backend is named twice.",
        reason: "Whoever compares the names with those of the manifest may count them.",
        source: "E-392, H-31",
        applies: |story| is_looked_at(story, Fact::IsNamedOnce),
        check: |story, findings| holds(story, findings, Fact::IsNamedOnce),
        ..SHOULD
    },
    Rule {
        id: "STA-005",
        title: "Configure refuses a backend that the provider does not have.",
        reason: "Records would go where nobody looks for them.",
        source: "E-390",
        applies: |story| is_looked_at(story, Fact::KnowsItsBackends),
        check: |story, findings| holds(story, findings, Fact::KnowsItsBackends),
        ..MUST
    },
    Rule {
        id: "STA-006",
        title: "Configure refuses a config that is no JSON object.",
        reason: "A config that cannot be read must not become one without a field.",
        source: "E-390, E-393",
        applies: |story| is_looked_at(story, Fact::ReadsItsConfig),
        check: |story, findings| holds(story, findings, Fact::ReadsItsConfig),
        ..MUST
    },
    Rule {
        id: "STA-007",
        title: "A Configure that makes no sense is refused with InvalidArgument.",
        reason: "Only the code tells a host that its config has to be mended.",
        source: "E-390",
        applies: |story| is_looked_at(story, Fact::SaysWhatIsInvalid),
        check: |story, findings| holds(story, findings, Fact::SaysWhatIsInvalid),
        ..SHOULD
    },
    Rule {
        id: "STA-008",
        title: "Once it is configured a backend does what it is asked.",
        reason: "A backend that cannot be brought to work keeps nothing.",
        source: "E-390, H-30",
        applies: |story| is_looked_at(story, Fact::Works),
        check: |story, findings| holds(story, findings, Fact::Works),
        ..MUST
    },
    Rule {
        id: "STA-009",
        title: "A record comes back with every field as it was saved.",
        reason: "What is lost there is lost to every apply that comes after.",
        source: "E-381",
        applies: |story| is_looked_at(story, Fact::KeepsRecords),
        check: |story, findings| holds(story, findings, Fact::KeepsRecords),
        ..MUST
    },
    Rule {
        id: "STA-010",
        title: "A save replaces the whole record.",
        reason: "What an apply took out of a record must not come back.",
        source: "E-383",
        applies: |story| is_looked_at(story, Fact::ReplacesRecords),
        check: |story, findings| holds(story, findings, Fact::ReplacesRecords),
        ..MUST
    },
    Rule {
        id: "STA-011",
        title: "To get a record that is not there is no error: it does not exist.",
        reason: "An error would stop the first apply of everything.",
        source: "E-382",
        applies: |story| is_looked_at(story, Fact::TellsAbsence),
        check: |story, findings| holds(story, findings, Fact::TellsAbsence),
        ..MUST
    },
    Rule {
        id: "STA-012",
        title: "A record without a resource_id is not saved.",
        reason: "Nobody could ever get it again.",
        source: "E-383",
        applies: |story| is_looked_at(story, Fact::WantsAnId),
        check: |story, findings| holds(story, findings, Fact::WantsAnId),
        ..MUST
    },
    Rule {
        id: "STA-013",
        title: "A list has exactly the records that have all values of its filter.",
        reason: "What is missing in a list is created once more, and what does not belong there is deleted.",
        source: "E-384",
        applies: |story| is_looked_at(story, Fact::ListsWhatFits),
        check: |story, findings| holds(story, findings, Fact::ListsWhatFits),
        ..MUST
    },
    Rule {
        id: "STA-014",
        title: "A filter's keys that are not known are passed over.",
        reason: "An older backend must not come out empty for a newer host.",
        source: "E-384",
        applies: |story| is_looked_at(story, Fact::IgnoresUnknownKeys),
        check: |story, findings| holds(story, findings, Fact::IgnoresUnknownKeys),
        ..MUST
    },
    Rule {
        id: "STA-015",
        title: "A lock is never listed.",
        reason: "It would be taken for a resource.",
        source: "E-384",
        applies: |story| is_looked_at(story, Fact::ListsNoLocks),
        check: |story, findings| holds(story, findings, Fact::ListsNoLocks),
        ..MUST
    },
    Rule {
        id: "STA-016",
        title: "What was deleted is gone.",
        reason: "A record without its resource is planned against for ever.",
        source: "E-382, E-385",
        applies: |story| is_looked_at(story, Fact::Deletes),
        check: |story, findings| holds(story, findings, Fact::Deletes),
        ..MUST
    },
    Rule {
        id: "STA-017",
        title: "To delete a record that is not there is refused.",
        reason: "Of two who delete the same, one has to learn that he came too late.",
        source: "E-385",
        applies: |story| is_looked_at(story, Fact::DeletesWhatIsThere),
        check: |story, findings| holds(story, findings, Fact::DeletesWhatIsThere),
        ..MUST
    },
    Rule {
        id: "STA-018",
        title: "The refusal to delete what is not there says `not found`.",
        reason: "By the text alone it can be told from a failure.",
        source: "E-385",
        applies: |story| is_looked_at(story, Fact::SaysNotFound),
        check: |story, findings| holds(story, findings, Fact::SaysNotFound),
        ..MUST
    },
    Rule {
        id: "STA-019",
        title: "What is locked cannot be locked.",
        reason: "Two would write the same record.",
        source: "E-386",
        applies: |story| is_looked_at(story, Fact::LocksOnce),
        check: |story, findings| holds(story, findings, Fact::LocksOnce),
        ..MUST
    },
    Rule {
        id: "STA-020",
        title: "The refusal to lock what is locked says `already locked`.",
        reason: "By the text alone it can be told from a failure.",
        source: "E-386",
        applies: |story| is_looked_at(story, Fact::SaysAlreadyLocked),
        check: |story, findings| holds(story, findings, Fact::SaysAlreadyLocked),
        ..SHOULD
    },
    Rule {
        id: "STA-021",
        title: "What is not locked cannot be unlocked.",
        reason: "Whoever lost his lock has to learn it.",
        source: "E-386",
        applies: |story| is_looked_at(story, Fact::UnlocksWhatIsLocked),
        check: |story, findings| holds(story, findings, Fact::UnlocksWhatIsLocked),
        ..MUST
    },
    Rule {
        id: "STA-022",
        title: "The refusal to unlock what is not locked says `not locked`.",
        reason: "By the text alone it can be told from a failure.",
        source: "E-386",
        applies: |story| is_looked_at(story, Fact::SaysNotLocked),
        check: |story, findings| holds(story, findings, Fact::SaysNotLocked),
        ..SHOULD
    },
    Rule {
        id: "STA-023",
        title: "The lock of one resource does not stand in the way of another.",
        reason: "Applies of different resources would wait for each other.",
        source: "E-386",
        applies: |story| is_looked_at(story, Fact::LocksByResource),
        check: |story, findings| holds(story, findings, Fact::LocksByResource),
        ..MUST
    },
    Rule {
        id: "STA-024",
        title: "What was unlocked can be locked again.",
        reason: "Otherwise a resource can be changed once.",
        source: "E-386",
        applies: |story| is_looked_at(story, Fact::LocksAgain),
        check: |story, findings| holds(story, findings, Fact::LocksAgain),
        ..MUST
    },
    Rule {
        id: "STA-025",
        title: "What is locked can be unlocked, over another connection too.",
        reason: "The command that locked it may be gone when it is to be freed.",
        source: "E-386, H-73",
        applies: |story| is_looked_at(story, Fact::Unlocks),
        check: |story, findings| holds(story, findings, Fact::Unlocks),
        ..MUST
    },
    Rule {
        id: "STA-026",
        title: "Of many locks of a resource at once exactly one is granted.",
        reason: "A lock that holds only where nobody else wants it is none.",
        source: "E-386",
        applies: |story| is_looked_at(story, Fact::LocksOneOfMany),
        check: |story, findings| holds(story, findings, Fact::LocksOneOfMany),
        ..MUST
    },
    Rule {
        id: "STA-027",
        title: "A backend takes `null` for JSON.",
        reason: "The engine sends it for every map that is nil.",
        source: "E-387",
        applies: |story| is_looked_at(story, Fact::TakesNull),
        check: |story, findings| holds(story, findings, Fact::TakesNull),
        ..MUST
    },
];

fn is_looked_at(story: &Story<'_>, fact: Fact) -> bool {
    model::follow(story).looked_at.contains(&fact)
}

fn holds(story: &Story<'_>, findings: &mut Findings<'_>, fact: Fact) {
    for breach in model::follow(story).breaches.into_iter().filter(|breach| breach.fact == fact) {
        findings.add(None, breach.message, breach.evidence);
    }
}
