//! A judged release, as every report tells it.

use std::{collections::BTreeMap, fmt};

use counterfoil_core::{
    release::{
        Case, Check, CheckState, Pairs, Release, Require, State, Verdict, Waiver, Window, idle, pairs, window,
    },
    rules,
    scenario::{self, Diagnostic, Span},
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
    /// The waivers that let nothing through: what they were written for holds, or they are written amiss.
    pub idle_waivers: Vec<IdleWaiver>,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
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

/// A waiver that lets nothing through.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct IdleWaiver {
    /// The rule.
    pub check: &'static str,
    /// The member; none: every one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// The text that the check was to have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
    /// Where in the file it stands.
    pub place: PlaceTold,
}

impl fmt::Display for IdleWaiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { check, member, contains, .. } = self;
        write!(f, "the waiver of {check}")?;
        member.iter().try_for_each(|member| write!(f, " of {member}"))?;
        contains.iter().try_for_each(|text| write!(f, " that contains {text:?}"))?;
        f.write_str(" lets nothing through: remove it, or see whether it is written amiss")
    }
}

/// What several rules say of one thing in the same words.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    /// What each of them says.
    pub checks: Vec<&'a CheckTold>,
}

impl Row<'_> {
    /// What all of them say.
    pub fn said(&self) -> &CheckTold {
        self.checks[0]
    }

    /// What would make all of them hold; empty where they do.
    pub fn help(&self) -> String {
        let mut helps: Vec<&str> = Vec::new();
        for check in &self.checks {
            if !helps.contains(&&*check.help) {
                helps.push(&check.help);
            }
        }
        helps.join("; ")
    }

    /// The rules.
    pub fn rules(&self) -> String {
        self.checks.iter().map(|check| check.rule).collect::<Vec<_>>().join(", ")
    }
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
            idle_waivers: idle(release, checks).map(|waiver| IdleWaiver::of(waiver, release)).collect(),
            pairs: pairs(case),
            window,
        }
    }

    /// The repositories, each with what is to be told of it: that of the release first, then in the order of the members. What
    /// several rules say in the same words is told once.
    pub fn by_repository(
        &self,
        tells: impl Fn(&CheckTold) -> bool,
    ) -> Vec<(Option<&MemberTold>, Vec<Row<'_>>)> {
        let mut told: BTreeMap<Option<&str>, Vec<Row<'_>>> = BTreeMap::new();
        for check in self.checks.iter().filter(|check| tells(check)) {
            let rows = told.entry(check.member.as_deref()).or_default();
            match rows.iter_mut().find(|row| row.said().is_said_by(check)) {
                Some(row) => row.checks.push(check),
                None => rows.push(Row { checks: vec![check] }),
            }
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

impl IdleWaiver {
    fn of(waiver: &Waiver, release: &Release) -> Self {
        Self {
            check: waiver.check,
            member: waiver.member.clone(),
            contains: waiver.contains.clone(),
            place: PlaceTold::of(waiver.span, release),
        }
    }
}

impl PlaceTold {
    fn of(span: Span, Release { source, .. }: &Release) -> Self {
        let at = Diagnostic::at(&source.file, &source.text, "", span, "");
        Self { line: at.line, column: at.column }
    }
}

impl CheckTold {
    fn of(check: &Check, Case { release, .. }: Case<'_>) -> Self {
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
            place: is_stated.then(|| PlaceTold::of(check.span, release)),
            waiver,
        }
    }

    /// Whether another rule says the same of the same thing.
    fn is_said_by(&self, other: &Self) -> bool {
        let is_same = (self.state, &self.text, self.place) == (other.state, &other.text, other.place);
        self.is_open() && is_same
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
