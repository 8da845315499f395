//! A judged release, as every report tells it.

use std::collections::BTreeMap;

use counterfoil_core::{
    release::{Case, Check, CheckState, Pairs, Require, State, Verdict, Window, pairs, window},
    rules,
    scenario::{self, Diagnostic},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// The word by which the form is known.
const FORMAT: &str = "counterfoil-cutover";

/// The version of the form.
const VERSION: u32 = 1;

/// A judged release.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Told {
    /// The word by which the form is known: `counterfoil-cutover`.
    pub format: &'static str,
    /// The version of the form: 1.
    pub version: u32,
    /// The version of Counterfoil.
    pub counterfoil: &'static str,
    /// The id of the release.
    pub release: String,
    /// What it is about.
    pub title: String,
    /// The file that states it.
    pub file: String,
    /// When it was judged: UTC, RFC 3339.
    #[schemars(extend("format" = "date-time"))]
    pub judged: String,
    /// The answer.
    #[schemars(with = "Answer")]
    pub verdict: Verdict,
    /// Whether something of Counterfoil's own takes the place of a plugin, or of the engine.
    pub rehearsal: bool,
    /// How far plugins have to be tested: `offline` or `live`.
    #[schemars(with = "String")]
    pub require: Require,
    /// The revision of the contract that the engine speaks after the release.
    pub revision: String,
    /// The checks in numbers.
    pub counts: Counts,
    /// The members, in the order in which they are released.
    pub members: Vec<MemberTold>,
    /// What was checked, in the order of the rules.
    pub checks: Vec<CheckTold>,
    /// Engines of before and after by plugins of before and after, in the order of the file.
    pub pairs: Vec<Pairs>,
    /// The window: how far the release is, and what each step of it does to whom.
    pub window: Window,
}

/// The answers.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", rename = "Verdict")]
#[expect(dead_code, reason = "it is a schema")]
enum Answer {
    /// Everything holds.
    Go,
    /// What does not hold, or is not known, is let through.
    GoWithWaivers,
    /// Something does not hold, or is not known.
    NoGo,
}

/// Checks in numbers.
#[derive(Clone, Copy, Debug, Default, Serialize, JsonSchema)]
pub struct Counts {
    /// Those that hold.
    pub holds: usize,
    /// Those that are let through.
    pub waived: usize,
    /// Those of which it is not known.
    pub unknown: usize,
    /// Those that do not hold.
    pub broken: usize,
}

/// A member of a release.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MemberTold {
    /// Its name.
    pub name: String,
    /// Its repository.
    pub repository: String,
    /// The version before.
    pub from: String,
    /// The version after.
    pub to: String,
    /// The tag.
    pub tag: String,
    /// The commit.
    pub commit: String,
    /// The number by which it has its turn.
    pub order: u32,
    /// How far its release is: `planned`, `released` or `withdrawn`.
    #[schemars(with = "String")]
    pub state: State,
}

/// What a rule says of one thing.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CheckTold {
    /// The rule.
    pub rule: &'static str,
    /// What has to hold.
    pub title: &'static str,
    /// The member that it is about; none: the release as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// The repository that it belongs to; none: that of the release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// How it came out: `holds`, `waived`, `unknown` or `broken`.
    pub state: &'static str,
    /// What was found.
    pub text: String,
    /// What would make it hold; empty where it does.
    pub help: String,
    /// Where in the file it is stated; none of what is stated nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<PlaceTold>,
    /// Who let it through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiver: Option<WaiverTold>,
}

/// A place in the file of a release.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct PlaceTold {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
}

/// Who let something through.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct WaiverTold {
    /// Who.
    pub approver: String,
    /// Why.
    pub reason: String,
    /// The last day on which that counts.
    #[schemars(extend("format" = "date"))]
    pub expires: String,
}

impl Told {
    /// What is told of a release that was judged.
    pub fn of(case: Case<'_>, checks: &[Check], verdict: Verdict) -> Self {
        let Case { release, facts } = case;
        let mut counts = Counts::default();
        for check in checks {
            match check.state {
                CheckState::Holds => counts.holds += 1,
                CheckState::Waived(_) => counts.waived += 1,
                CheckState::Unknown => counts.unknown += 1,
                CheckState::Broken => counts.broken += 1,
            }
        }
        let artefacts = facts.plugins.iter().flat_map(|plugin| plugin.platforms.values());
        let members = release.in_order().into_iter().map(|member| MemberTold {
            name: member.name.clone(),
            repository: member.repository.clone(),
            from: member.from.to_string(),
            to: member.to.to_string(),
            tag: member.tag.clone(),
            commit: member.commit.clone(),
            order: member.order,
            state: member.state,
        });
        let mut window = window(case);
        if verdict == Verdict::NoGo {
            window.position.next = window.position.next.map(|step| format!("once it is go: {step}"));
        }
        Self {
            format: FORMAT,
            version: VERSION,
            counterfoil: env!("CARGO_PKG_VERSION"),
            release: release.id.clone(),
            title: release.title.clone(),
            file: release.source.file.to_string(),
            judged: facts.now.clone(),
            verdict,
            rehearsal: facts.engine.stand_in || artefacts.into_iter().any(|artefact| artefact.stand_in),
            require: release.require,
            revision: case.revision().to_string(),
            counts,
            members: members.collect(),
            checks: checks.iter().map(|check| CheckTold::of(check, case)).collect(),
            pairs: pairs(case),
            window,
        }
    }

    /// The repositories, each with what is to be told of it: that of the release first, then in the order of the members.
    pub fn by_repository(
        &self,
        tells: impl Fn(&CheckTold) -> bool,
    ) -> Vec<(Option<&MemberTold>, Vec<&CheckTold>)> {
        let mut told: BTreeMap<Option<&str>, Vec<&CheckTold>> = BTreeMap::new();
        for check in self.checks.iter().filter(|check| tells(check)) {
            told.entry(check.member.as_deref()).or_default().push(check);
        }
        let members = std::iter::once(None).chain(self.members.iter().map(Some));
        members.filter_map(|member| Some((member, told.remove(&member.map(|it| &*it.name))?))).collect()
    }

    /// The sums, in words.
    pub fn sums(&self) -> String {
        let Counts { holds, waived, unknown, broken } = self.counts;
        let counts = [(broken, "broken"), (unknown, "unknown"), (waived, "waived"), (holds, "hold")];
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        counts.map(|(count, word)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
    }
}

impl CheckTold {
    fn of(check: &Check, Case { release, .. }: Case<'_>) -> Self {
        let source = &release.source;
        let at = Diagnostic::at(&source.file, &source.text, "", check.span, "");
        let is_stated = check.span.len > 0;
        let waiver = match &check.state {
            CheckState::Waived(waived) => Some(WaiverTold {
                approver: waived.approver.clone(),
                reason: waived.reason.clone(),
                expires: waived.expires.clone(),
            }),
            _ => None,
        };
        Self {
            rule: check.rule,
            title: rules::find_release(check.rule).map_or("", |rule| rule.title),
            member: check.member.clone(),
            repository: check.repository.clone(),
            state: check.state.as_str(),
            text: check.text.clone(),
            help: check.help.clone(),
            place: is_stated.then_some(PlaceTold { line: at.line, column: at.column }),
            waiver,
        }
    }

    /// Whether it is as it has to be.
    pub fn holds(&self) -> bool {
        self.state == "holds"
    }

    /// Whether it stands in the way.
    pub fn is_open(&self) -> bool {
        matches!(self.state, "broken" | "unknown")
    }
}

/// The JSON Schema of what is told of a release.
pub fn schema() -> Value {
    scenario::schema_of::<Told>("What Counterfoil says of a release")
}
