//! From what rules say to a verdict.

use std::fmt::{self, Write as _};

use counterfoil_proto::Revision;
use serde::{Serialize, Serializer};

use super::{Facts, Member, Release, Waiver};
use crate::{
    rules::{self, ReleaseRule},
    scenario::Span,
};

/// What is judged: what is stated, and what was found out.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// What is stated.
    pub release: &'a Release,
    /// What was found out.
    pub facts: &'a Facts,
}

impl Case<'_> {
    /// The revision that the engine speaks after the release.
    pub fn revision(&self) -> Revision {
        self.release.revision()
    }
}

/// What a rule says about one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// The id of the rule.
    pub rule: &'static str,
    /// The name of the member that it is about; none: of the release as a whole.
    pub member: Option<String>,
    /// The repository that has to do something about it, where it does not hold.
    pub repository: Option<String>,
    /// How it came out.
    pub state: State,
    /// What was found, in a sentence without its full stop.
    pub text: String,
    /// What would make it hold; empty where it does.
    pub help: String,
    /// Where in the file it is stated.
    #[serde(skip)]
    pub span: Span,
}

/// How a check comes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It holds.
    Holds,
    /// It cannot be told whether it holds.
    Unknown,
    /// It does not hold.
    Broken,
    /// It does not hold, or is not known, and is let through.
    Waived(Waived),
}

/// Who let something through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waived {
    /// Whether it is known not to hold.
    pub broken: bool,
    /// Who.
    pub approver: String,
    /// Why.
    pub reason: String,
    /// Until when: YYYY-MM-DD.
    pub expires: String,
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Everything holds.
    Go,
    /// What does not hold, or is not known, is let through.
    GoWithWaivers,
    /// Something does not hold, or is not known. Unknown is not go.
    NoGo,
}

/// Takes what one rule says.
#[derive(Debug)]
pub struct Checks<'a> {
    rule: &'static ReleaseRule,
    checks: &'a mut Vec<Check>,
}

impl Checks<'_> {
    /// It holds.
    pub fn holds(&mut self, about: About<'_>, text: impl Into<String>) {
        self.push(about, State::Holds, text.into(), String::new());
    }

    /// It cannot be told, and `help` would tell it.
    pub fn unknown(&mut self, about: About<'_>, text: impl Into<String>, help: impl Into<String>) {
        self.push(about, State::Unknown, text.into(), help.into());
    }

    /// It does not hold, and `help` would make it.
    pub fn broken(&mut self, about: About<'_>, text: impl Into<String>, help: impl Into<String>) {
        self.push(about, State::Broken, text.into(), help.into());
    }

    /// It is as it was judged elsewhere, and `help` would make it hold.
    pub(crate) fn judged(&mut self, about: About<'_>, state: &State, text: String, help: String) {
        let help = if *state == State::Holds { String::new() } else { help };
        self.push(about, state.clone(), text, help);
    }

    fn push(&mut self, about: About<'_>, state: State, text: String, help: String) {
        self.checks.push(Check {
            rule: self.rule.id,
            member: about.member.map(|member| member.name.clone()),
            repository: about.member.map(|member| member.repository.clone()),
            state,
            text,
            help,
            span: about.span,
        });
    }
}

/// What a check is about.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// The member; none: the release as a whole.
    pub member: Option<&'a Member>,
    /// Where in the file it is stated.
    pub span: Span,
}

impl<'a> About<'a> {
    /// A place in what is stated of a member.
    pub fn member(member: &'a Member, span: Span) -> Self {
        Self { member: Some(member), span }
    }

    /// The release as a whole.
    pub fn release(span: Span) -> Self {
        Self { member: None, span }
    }
}

impl Check {
    /// Whether it is as it has to be, or let through.
    pub fn is_go(&self) -> bool {
        matches!(self.state, State::Holds | State::Waived(_))
    }
}

impl Waiver {
    /// Whether it is about this check, whenever that is.
    pub fn covers(&self, check: &Check) -> bool {
        self.check == check.rule
            && self.member.as_ref().is_none_or(|member| check.member.as_ref() == Some(member))
            && self.contains.as_ref().is_none_or(|text| check.text.contains(text))
    }
}

/// Judges a release by every rule, in the order of the rules, and gives the verdict.
pub fn assess(case: Case<'_>) -> (Vec<Check>, Verdict) {
    let mut checks = Vec::new();
    for rule in rules::RELEASE.rules {
        (rule.check)(&case, &mut Checks { rule, checks: &mut checks });
    }
    for check in &mut checks {
        waive(check, case);
    }
    let verdict = if !checks.iter().all(Check::is_go) {
        Verdict::NoGo
    } else if checks.iter().any(|check| matches!(check.state, State::Waived(_))) {
        Verdict::GoWithWaivers
    } else {
        Verdict::Go
    };
    (checks, verdict)
}

/// The waivers that are about nothing that was judged: what they were written for holds, or they are written amiss.
pub fn idle<'a>(release: &'a Release, checks: &[Check]) -> impl Iterator<Item = &'a Waiver> {
    release
        .waivers
        .iter()
        .filter(|waiver| !checks.iter().any(|check| check.state != State::Holds && waiver.covers(check)))
}

/// Lets a check through that a waiver covers. One that has expired is told.
fn waive(check: &mut Check, Case { release, facts }: Case<'_>) {
    if check.state == State::Holds {
        return;
    }
    let mut waivers = release.waivers.iter().filter(|waiver| waiver.covers(check));
    if let Some(waiver) = waivers.clone().find(|waiver| facts.today <= waiver.expires) {
        check.state = State::Waived(Waived {
            broken: check.state == State::Broken,
            approver: waiver.approver.clone(),
            reason: waiver.reason.clone(),
            expires: waiver.expires.to_string(),
        });
    } else if let Some(expired) = waivers.next() {
        let _ = write!(check.text, "; the waiver of {} expired on {}", expired.approver, expired.expires);
        check.span = expired.span;
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Go => "go",
            Self::GoWithWaivers => "go-with-waivers",
            Self::NoGo => "no-go",
        })
    }
}

impl State {
    /// The word that reports use.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Unknown => "unknown",
            Self::Broken => "broken",
            Self::Waived(_) => "waived",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
