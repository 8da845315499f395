//! What must hold: a catalogue of rules, each a pure function from a finished trace to findings.
//!
//! A rule's text, level and revisions live in its definition here and nowhere else; `explain`, docs and reports are
//! made from it. A family is a file.

mod adp;
mod cap;
mod dec;
mod dsp;
mod expected;
mod fin;
mod hook;
mod man;
mod out;
mod place;
mod proc;
mod rel;
mod rep;
mod replaces;
mod rpc;
mod sta;
mod story;

use std::fmt;

use counterfoil_proto::Revision;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::expected::check_expected;
pub use self::place::Place;
pub use self::replaces::{CHECKS, Check, Replaced};
pub use self::story::{
    ActionStory, Answer, CallStory, DecodedStory, Ending, Fatal, HookStory, ManifestStory, Story,
};
use crate::{
    release::{Case, Checks},
    trace::Trace,
};

/// How binding a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// A finding fails the scenario.
    Must,
    /// A finding warns, and fails with `--strict`.
    Should,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Must => "MUST",
            Self::Should => "SHOULD",
        })
    }
}

/// Whom a rule judges, by what that party sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Party {
    /// The plugin.
    Provider,
    /// What applies the plan.
    Engine,
    /// What reads the provider's replies.
    Decoder,
    /// The process in which a plugin runs.
    Process,
    /// What a plugin says of itself on disk.
    Manifest,
}

impl Party {
    /// Every party.
    pub const ALL: [Self; 5] = [Self::Provider, Self::Engine, Self::Decoder, Self::Process, Self::Manifest];

    /// The word that scenarios and reports use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Engine => "engine",
            Self::Decoder => "decoder",
            Self::Process => "process",
            Self::Manifest => "manifest",
        }
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What an adapter stands for.
const ADAPTED: &[Party] = &[Party::Engine, Party::Decoder];

/// What most rules judge.
const ENGINE: &[Party] = &[Party::Engine];

/// Something that must hold.
#[derive(Debug)]
pub struct Rule {
    /// Stable for ever.
    pub id: &'static str,
    /// What must hold, in one sentence.
    pub title: &'static str,
    /// How binding it is.
    pub level: Level,
    /// Whom it judges. A decoding rule judges the sender of the bytes and the decoder that takes them.
    pub judges: &'static [Party],
    /// The first revision at which it holds.
    pub since: Revision,
    /// The last revision at which it holds; none for those that hold to this day.
    pub until: Option<Revision>,
    /// Who enforces it upstream.
    pub enforced: &'static str,
    /// Why it matters, in one line.
    pub reason: &'static str,
    /// The facts on which it stands, by their ids in `docs/facts.md`, such as `E-022, D-010`; for a protocol of our own the
    /// page that has it.
    pub source: &'static str,
    /// Whether a run has anything that the rule can judge.
    pub applies: fn(&Story<'_>) -> bool,
    /// Judges a run to which it applies.
    pub check: fn(&Story<'_>, &mut Findings<'_>),
}

impl Rule {
    /// The family, such as `OUT`.
    pub fn family(&self) -> &'static str {
        self.id.split_once('-').map_or(self.id, |(family, _)| family)
    }

    /// Whether it judges a plugin beside what an apply shows: its process, its manifest, or what it declares as it is
    /// loaded; or an adapter. Our own pair gives such a rule nothing to judge.
    pub fn is_beyond_our_pair(&self) -> bool {
        matches!(self.family(), "PROC" | "CAP" | "MAN" | "ADP")
    }

    /// Whether it holds at a revision.
    pub fn holds_at(&self, revision: Revision) -> bool {
        self.since <= revision && self.until.is_none_or(|until| revision <= until)
    }

    /// The revisions at which it holds, for the reader.
    pub fn range(&self) -> String {
        match self.until {
            None if self.since == Revision::ALL[0] => "every revision".to_owned(),
            None => format!("{} and later", self.since),
            Some(until) => format!("{} to {until}", self.since),
        }
    }
}

/// Something that must hold of a release. It has no level, since unknown is not go; and no revisions, since a release is about
/// the step from one to another.
#[derive(Debug)]
pub struct ReleaseRule {
    /// Stable for ever.
    pub id: &'static str,
    /// What must hold, in one sentence.
    pub title: &'static str,
    /// Who enforces it upstream.
    pub enforced: &'static str,
    /// Why it matters, in one line.
    pub reason: &'static str,
    /// The facts on which it stands, as those of [`Rule::source`]; or the page that has it.
    pub source: &'static str,
    /// Judges a release.
    pub check: fn(&Case<'_>, &mut Checks<'_>),
}

/// Rules about one thing.
#[derive(Debug)]
pub struct Family<R: 'static = Rule> {
    /// Its name, such as `OUT`.
    pub name: &'static str,
    /// What it is about.
    pub about: &'static str,
    /// What a reader has to know beside the rules.
    pub note: Option<&'static str>,
    /// Its rules, in the order of their numbers.
    pub rules: &'static [R],
}

/// The families.
pub const FAMILIES: &[Family] = &[
    Family { name: "OUT", about: "outcome accounting", note: None, rules: out::RULES },
    Family { name: "DEC", about: "decoding", note: None, rules: dec::RULES },
    Family { name: "DSP", about: "dispatch order and phases", note: None, rules: dsp::RULES },
    Family { name: "HOOK", about: "hooks and state", note: None, rules: hook::RULES },
    Family {
        name: "REP",
        about: "replace",
        note: Some(
            "A driver that replaces by itself can be advertised nowhere on the wire: no call and no field of the \
             manifest carries it (E-168, E-169). So over the wire every replace is a delete and a create by the \
             engine, and these rules are about those two. `engine: { replacer: true }` in a scenario gives our own \
             engine such a driver in its own process; the rules do not apply to what that does.",
        ),
        rules: rep::RULES,
    },
    Family { name: "FIN", about: "finalize", note: None, rules: fin::RULES },
    Family {
        name: "PROC",
        about: "plugin process",
        note: Some("These rules judge plugins that run as processes of their own, and no other provider."),
        rules: proc::RULES,
    },
    Family {
        name: "CAP",
        about: "capabilities and loading",
        note: Some("These rules judge attached providers; our own pair declares what its scenario says."),
        rules: cap::RULES,
    },
    Family {
        name: "RPC",
        about: "provider behaviour call by call",
        note: Some(
            "These rules judge what a provider answers to trials: calls beside those of an apply. Against a plugin the \
             trials that make resources need leave to reach its cloud.",
        ),
        rules: rpc::RULES,
    },
    Family {
        name: "STA",
        about: "state backend",
        note: Some(
            "These rules judge what a provider answers that serves `IaCStateBackend`, against a model of what it was given \
             before. Against a plugin all but the first two need leave to reach its cloud.",
        ),
        rules: sta::RULES,
    },
    Family {
        name: "MAN",
        about: "plugin manifest",
        note: Some(
            "These rules judge `plugin.json`, by itself and against what the process says; a program without one beside \
             it has none to be judged. A checkout may leave its version to the release that stamps it: `0.0.0`, also \
             with a pre-release, `dev`, `(devel)`, or a template such as `{{ .Version }}`. An archive may not.",
        ),
        rules: man::RULES,
    },
    Family {
        name: "ADP",
        about: "adapters",
        note: Some(
            "These rules judge the adapters of engines and decoders under test by the protocol that they speak with \
             Counterfoil, and by what they say was read ([adapter.md](adapter.md)).",
        ),
        rules: adp::RULES,
    },
];

/// The rules that judge a release of several repositories, and no run.
pub const RELEASE: Family<ReleaseRule> = Family {
    name: "REL",
    about: "release",
    note: Some(
        "These rules judge what `counterfoil cutover` is given: members of a release, what is stated of them and what was \
         found out. What is not known does not hold ([cutover.md](cutover.md)).",
    ),
    rules: rel::RULES,
};

/// The rule of an id that judges releases.
pub fn find_release(id: &str) -> Option<&'static ReleaseRule> {
    RELEASE.rules.iter().find(|rule| rule.id == id)
}

/// Every rule that judges runs, family by family, in the order of their numbers.
pub fn catalogue() -> impl Iterator<Item = &'static Rule> {
    FAMILIES.iter().flat_map(|family| family.rules)
}

/// The rule of an id.
pub fn find(id: &str) -> Option<&'static Rule> {
    catalogue().find(|rule| rule.id == id)
}

/// A rule that did not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule's id.
    pub rule: String,
    /// The rule's level.
    pub level: Level,
    /// Who broke it.
    pub party: Party,
    /// The action that it is about, if it is about one of the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<u32>,
    /// What was found, and what was expected.
    pub message: String,
    /// Where in a file of the plugin it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// The events that prove it, by their position in the trace.
    pub evidence: Vec<usize>,
}

/// Takes the findings of one rule.
#[derive(Debug)]
pub struct Findings<'a> {
    rule: &'static Rule,
    /// How many actions the plan has.
    planned: usize,
    found: &'a mut Vec<Finding>,
}

impl Findings<'_> {
    /// Adds a finding against the one party that the rule judges.
    pub fn add(&mut self, action: Option<u32>, message: String, evidence: impl IntoIterator<Item = usize>) {
        self.against(self.rule.judges[0], action, message, evidence);
    }

    /// Adds a finding about a place in a file, against the first party that the rule judges.
    pub fn add_at(&mut self, place: Place, message: String, evidence: impl IntoIterator<Item = usize>) {
        self.push(self.rule.judges[0], None, message, Some(place), evidence);
    }

    /// Adds a finding against one of the parties that the rule judges.
    pub fn against(
        &mut self,
        party: Party,
        action: Option<u32>,
        message: String,
        evidence: impl IntoIterator<Item = usize>,
    ) {
        self.push(party, action, message, None, evidence);
    }

    fn push(
        &mut self,
        party: Party,
        action: Option<u32>,
        message: String,
        place: Option<Place>,
        evidence: impl IntoIterator<Item = usize>,
    ) {
        debug_assert!(self.rule.judges.contains(&party), "{} does not judge the {party}", self.rule.id);
        self.found.push(Finding {
            rule: self.rule.id.to_owned(),
            level: self.rule.level,
            party,
            // A trace may tell of an action that the plan does not have (DSP-001).
            action: action.filter(|action| (*action as usize) < self.planned),
            message,
            place,
            evidence: evidence.into_iter().collect(),
        });
    }
}

/// What the rules make of a trace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// In the order of the catalogue.
    pub findings: Vec<Finding>,
    /// The rules that had something to judge, in the order of the catalogue.
    pub judged: Vec<&'static str>,
    /// Why nothing could be judged, if so: the run went beyond a limit that is ours and not the engine's.
    pub undecided: Option<String>,
}

/// Judges a finished trace by every rule that holds at its revision.
pub fn judge(trace: &Trace) -> Judgement {
    let story = Story::of(trace);
    let mut judgement = Judgement { undecided: story.undecided.clone(), ..Judgement::default() };
    if judgement.undecided.is_some() {
        return judgement;
    }
    for rule in catalogue().filter(|rule| rule.holds_at(trace.header.revision)) {
        if (rule.applies)(&story) {
            judgement.judged.push(rule.id);
            let planned = story.actions.len();
            (rule.check)(&story, &mut Findings { rule, planned, found: &mut judgement.findings });
        }
    }
    judgement
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use counterfoil_proto::{iac, plugin_v1};
    use prost::Message as _;

    use super::*;
    use crate::{
        decode::{Decoder as _, Strict},
        rpc::{Code, Method, RpcError},
        testing::Setting,
        trace::{Event, Payload, Reply},
    };

    #[test]
    fn ids_are_unique_and_of_a_known_family() {
        let mut seen = BTreeSet::new();
        for rule in catalogue() {
            assert!(seen.insert(rule.id), "{} twice", rule.id);
            assert!(FAMILIES.iter().any(|family| family.name == rule.family()), "{}", rule.id);
            assert!(rule.title.ends_with('.') && rule.reason.ends_with('.'), "{}", rule.id);
            assert!(!rule.judges.is_empty() && !rule.source.is_empty() && !rule.enforced.is_empty());
        }
        for rule in RELEASE.rules {
            assert!(seen.insert(rule.id) && rule.id.starts_with("REL-"), "{}", rule.id);
            assert!(rule.title.ends_with('.') && rule.reason.ends_with('.'), "{}", rule.id);
            assert!(!rule.source.is_empty() && !rule.enforced.is_empty(), "{}", rule.id);
        }
    }

    #[test]
    fn levels_and_parties_fill_the_width_that_they_are_given() {
        assert_eq!(format!("{:<7}|{:>7}", Level::Must, Level::Should), "MUST   | SHOULD");
        let words = Party::ALL.map(|party| party.to_string());
        assert_eq!(words, ["provider", "engine", "decoder", "process", "manifest"]);
    }

    #[test]
    fn a_rule_holds_from_its_first_revision_to_its_last() {
        for rule in catalogue() {
            let first = Revision::ALL.iter().position(|revision| *revision == rule.since);
            let last = rule.until.map(|until| Revision::ALL.iter().position(|revision| *revision == until));
            for (at, revision) in Revision::ALL.iter().enumerate() {
                let expected = first <= Some(at) && last.is_none_or(|last| Some(at) <= last);
                assert_eq!(rule.holds_at(*revision), expected, "{} at {revision}", rule.id);
            }
            let range = rule.range();
            match (rule.since == Revision::V0_51, rule.until) {
                (true, None) => assert_eq!(range, "every revision", "{}", rule.id),
                (false, None) => assert_eq!(range, format!("{} and later", rule.since), "{}", rule.id),
                (_, Some(until)) => assert_eq!(range, format!("{} to {until}", rule.since), "{}", rule.id),
            }
        }
        assert!(catalogue().any(|rule| rule.until.is_some()));
    }

    #[test]
    fn families_about_plugins_are_beyond_our_pair() {
        for family in FAMILIES {
            let beyond = ["PROC", "CAP", "MAN", "ADP"].contains(&family.name);
            assert!(family.rules.iter().all(|rule| rule.is_beyond_our_pair() == beyond), "{}", family.name);
        }
    }

    /// What a fault does to a reply is nobody's doing: that a provider sends such a value is shown here.
    #[test]
    fn an_unknown_enum_value_is_found_against_its_sender_and_against_who_takes_it() {
        let registry = plugin_v1::ContractRegistry {
            contracts: vec![plugin_v1::ContractDescriptor { kind: 99, ..Default::default() }],
            ..Default::default()
        };
        let reply = Reply::Ok(Payload(registry.encode_to_vec().into()));
        let method = Method::ContractRegistry;
        let mut trace = Setting::of(Vec::new()).run().1;
        let events = [
            Event::CallIssued {
                call: 0,
                action: None,
                method,
                resource: String::new(),
                request: Payload::default(),
            },
            Event::CallDelivered { call: 0 },
            Event::ReplySent { call: 0, reply: reply.clone() },
            Event::ReplyReceived { call: 0, reply },
        ];
        trace.events.splice(0..0, events);
        let blamed = |trace: &Trace| -> Vec<(String, Party)> {
            judge(trace).findings.into_iter().map(|finding| (finding.rule, finding.party)).collect()
        };
        let by = |party| ("DEC-016".to_owned(), party);
        assert_eq!(blamed(&trace), [by(Party::Provider), by(Party::Decoder)]);

        let refusals =
            Strict.message(method.response(), &registry.encode_to_vec().into(), Revision::Head).refusals;
        trace.events.insert(4, Event::ReplyRefused { call: 0, refusals });
        assert_eq!(blamed(&trace), [by(Party::Provider)]);
    }

    #[test]
    fn a_finding_about_an_action_that_the_plan_does_not_have_names_none() {
        let no_such_wire_type = Reply::Ok(Payload(vec![0x0e].into()));
        let mut trace = Setting::of(Vec::new()).run().1;
        let events = [
            Event::CallIssued {
                call: 0,
                action: Some(2),
                method: Method::Create,
                resource: "net".to_owned(),
                request: Payload::default(),
            },
            Event::CallDelivered { call: 0 },
            Event::ReplySent { call: 0, reply: no_such_wire_type.clone() },
            Event::ReplyReceived { call: 0, reply: no_such_wire_type },
        ];
        trace.events.splice(0..0, events);
        let findings = judge(&trace).findings;
        let found = |rule| findings.iter().filter(move |finding| finding.rule == rule).count();
        assert_eq!((found("DSP-001"), found("DEC-017")), (1, 2));
        assert!(findings.iter().all(|finding| finding.action.is_none()), "{findings:#?}");
    }

    #[test]
    fn a_finding_names_an_action_up_to_the_last_of_the_plan() {
        let (rule, mut found) = (find("OUT-001").unwrap(), Vec::new());
        let mut findings = Findings { rule, planned: 2, found: &mut found };
        for action in [Some(0), Some(1), Some(2), Some(3), None] {
            findings.add(action, String::new(), []);
        }
        let named: Vec<_> = found.iter().map(|finding| finding.action).collect();
        assert_eq!(named, [Some(0), Some(1), None, None, None]);
    }

    /// That the harness has too little room is nobody's breach.
    #[test]
    fn what_goes_beyond_a_limit_of_ours_is_not_judged() {
        let create = crate::plan::Action {
            kind: crate::plan::ActionKind::Create,
            spec: crate::plan::Spec {
                name: "net".to_owned(),
                config: crate::json::JsonMap::from_iter([("v", "${V}")]),
                ..Default::default()
            },
            current: None,
            changes: Vec::new(),
        };
        let mut trace = Setting::of(vec![create]).run().1;
        assert_eq!(judge(&trace).undecided, None);
        trace.header.environment.insert("V".to_owned(), "x".repeat(1 << 25));
        let Judgement { findings, judged, undecided } = judge(&trace);
        assert_eq!((findings, judged), (Vec::new(), Vec::new()));
        let reason = undecided.expect("a reference puts in more than there is room for");
        assert!(reason.contains("too large for this harness"), "{reason}");
    }

    /// No broken provider stands behind the engine here that would lose a resource with a failed update.
    #[test]
    fn a_failed_update_that_cost_its_resource_is_held_against_the_provider() {
        let mut update = crate::plan::Action {
            kind: crate::plan::ActionKind::Update,
            spec: crate::plan::Spec { name: "net".to_owned(), ..Default::default() },
            current: None,
            changes: Vec::new(),
        };
        update.current = Some(crate::plan::Current { provider_id: "id-1".to_owned(), ..Default::default() });
        let mut setting = Setting::of(vec![update]);
        setting.fates.insert(0, crate::testing::Fate::Lost);
        let trace = setting.run().1;
        let found = |provider_id: &str| {
            let output = iac::ResourceOutput { provider_id: provider_id.to_owned(), ..Default::default() };
            let reply = iac::ResourceReadResponse { output: Some(output) }.encode_to_vec();
            Reply::Ok(Payload(reply.into()))
        };
        let gone =
            |message: &str| Reply::Error(RpcError { code: Code::NotFound, message: message.to_owned() });
        for (reply, broken) in [
            (found("id-1"), false),
            (found("id-2"), true),
            (Reply::Ok(Payload::default()), true),
            (gone("iac: resource not found"), true),
            // A read that failed tells nothing.
            (gone("try again"), false),
        ] {
            let mut trace = trace.clone();
            trace.events.push(Event::ReadBack { call: 9, action: 0, reply });
            let findings = judge(&trace).findings.into_iter();
            let blamed: Vec<_> = findings.map(|finding| (finding.rule, finding.party)).collect();
            let expected = if broken { vec![("DSP-011".to_owned(), Party::Provider)] } else { vec![] };
            assert_eq!(blamed, expected);
        }
    }

    #[test]
    fn every_cause_of_a_refusal_has_its_rule() {
        for cause in crate::decode::Cause::ALL {
            assert!(find(cause.rule()).is_some(), "{cause:?}");
        }
    }
}
