//! What differs between two runs of scenarios.

use std::collections::BTreeMap;

use counterfoil_core::{
    judge::{SkipKind, Verdict},
    rules::{Level, Party},
};

use super::{
    event::{ActionLine, Finished, FoundFinding, FoundMismatch},
    saved::SavedRun,
};

/// Two runs, held side by side.
#[derive(Clone, Debug, Default)]
pub struct Diff<'r> {
    /// What is in both, and differs; by scenario and revision.
    pub changes: Vec<Change<'r>>,
    /// What only the old run has.
    pub gone: Vec<&'r Finished>,
    /// What only the new run has.
    pub added: Vec<&'r Finished>,
    /// How many are in both, and alike.
    pub alike: usize,
}

/// A scenario at a revision that was run twice, with different results.
#[derive(Clone, Debug)]
pub struct Change<'r> {
    /// How it ended before.
    pub old: &'r Finished,
    /// How it ends now.
    pub new: &'r Finished,
    /// Findings that there were none of before.
    pub gained: Vec<&'r FoundFinding>,
    /// Findings that there are none of any more.
    pub lost: Vec<&'r FoundFinding>,
    /// Expectations that were met before.
    pub missed: Vec<&'r FoundMismatch>,
    /// Expectations that are met now.
    pub met: Vec<&'r FoundMismatch>,
    /// The actions of both that other calls were made for, or that ended in another way: before, and now.
    pub actions: Vec<(&'r ActionLine, &'r ActionLine)>,
}

/// Which way something went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// It fails now and did not, or fails for more than it did.
    Worse,
    /// It was judged, and is no more.
    Unjudged,
    /// It failed or was not judged, and is in order now, or fails for less than it did.
    Better,
    /// It differs, and is neither better nor worse.
    Otherwise,
}

/// What a verdict says of the contract.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    InOrder,
    Broken,
    NotJudged,
    NotApplicable,
}

impl Standing {
    fn of(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Pass | Verdict::KnownFailure => Self::InOrder,
            Verdict::Fail | Verdict::UnexpectedPass { .. } => Self::Broken,
            Verdict::Unjudged { .. } | Verdict::Skip { kind: SkipKind::NotRun, .. } => Self::NotJudged,
            Verdict::Skip { kind: SkipKind::NotApplicable, .. } => Self::NotApplicable,
        }
    }
}

impl<'r> Diff<'r> {
    /// What differs in a run from an older one. How long something took is no difference.
    pub fn between(old: &'r SavedRun, new: &'r SavedRun) -> Self {
        let mut diff = Self::default();
        for (id, before) in &old.finished {
            match new.finished.get(id) {
                None => diff.gone.push(before),
                Some(now) => match Change::between(before, now) {
                    None => diff.alike += 1,
                    Some(change) => diff.changes.push(change),
                },
            }
        }
        diff.added.extend(
            new.finished.iter().filter(|(id, _)| !old.finished.contains_key(*id)).map(|(_, now)| now),
        );
        diff.changes.sort_by_key(|change| (&change.new.scenario, change.new.revision));
        diff.gone.sort_by_key(|run| (&run.scenario, run.revision));
        diff.added.sort_by_key(|run| (&run.scenario, run.revision));
        diff
    }

    /// Whether something is worse now.
    pub fn is_worse(&self) -> bool {
        self.changes.iter().any(|change| change.way() == Way::Worse)
    }

    /// Whether something that was judged is judged no more: it was not run, or is missing.
    pub fn is_less(&self) -> bool {
        let judged =
            |run: &&Finished| matches!(Standing::of(&run.verdict), Standing::InOrder | Standing::Broken);
        self.gone.iter().any(judged) || self.changes.iter().any(|change| change.way() == Way::Unjudged)
    }

    /// Whether there is nothing to compare: no run is in both.
    pub fn is_of_nothing(&self) -> bool {
        self.changes.is_empty() && self.alike == 0
    }
}

impl<'r> Change<'r> {
    /// None where there is no difference.
    fn between(old: &'r Finished, new: &'r Finished) -> Option<Self> {
        let change = Self {
            old,
            new,
            gained: without(
                findings(new),
                findings(old),
                |found| finding(found, new),
                |found| finding(found, old),
            ),
            lost: without(
                findings(old),
                findings(new),
                |found| finding(found, old),
                |found| finding(found, new),
            ),
            missed: without(
                new.mismatches.iter(),
                old.mismatches.iter(),
                |m| mismatch(m, new),
                |m| mismatch(m, old),
            ),
            met: without(
                old.mismatches.iter(),
                new.mismatches.iter(),
                |m| mismatch(m, old),
                |m| mismatch(m, new),
            ),
            actions: other_ends(old, new),
        };
        let Self { gained, lost, missed, met, actions, .. } = &change;
        let same =
            gained.is_empty() && lost.is_empty() && missed.is_empty() && met.is_empty() && actions.is_empty();
        (change.has_another_verdict() || !same).then_some(change)
    }

    /// Whether the verdict is another one. Why a run was skipped or not judged may be told in other words.
    pub fn has_another_verdict(&self) -> bool {
        verdict_word(&self.old.verdict) != verdict_word(&self.new.verdict)
    }

    /// Whether the rule of a finding that was gained was judged before too, or that of one that was lost still is: where it
    /// was not, there is nothing to compare with.
    pub fn is_comparable(&self, finding: &FoundFinding) -> bool {
        [self.old, self.new].into_iter().all(|run| run.judged.contains(&finding.rule))
    }

    /// Which way it went.
    pub fn way(&self) -> Way {
        use Standing::{Broken, InOrder, NotApplicable, NotJudged};
        let must = |findings: &[&FoundFinding]| {
            findings.iter().any(|finding| finding.level == Level::Must && self.is_comparable(finding))
        };
        match (Standing::of(&self.old.verdict), Standing::of(&self.new.verdict)) {
            (Broken, Broken) if must(&self.gained) || !self.missed.is_empty() => Way::Worse,
            (Broken, Broken) if must(&self.lost) || !self.met.is_empty() => Way::Better,
            (InOrder | NotApplicable | NotJudged, Broken) => Way::Worse,
            (Broken | NotJudged, InOrder) => Way::Better,
            (InOrder | NotApplicable | Broken, NotJudged) => Way::Unjudged,
            _ => Way::Otherwise,
        }
    }
}

/// A verdict in a word, which tells the two kinds of skips apart.
pub fn verdict_word(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Skip { kind, .. } => kind.to_string(),
        verdict => verdict.as_str().to_owned(),
    }
}

/// All findings of a run, those too that a list excuses.
fn findings(run: &Finished) -> impl Iterator<Item = &FoundFinding> {
    run.findings.iter().chain(&run.known_findings)
}

/// What tells findings of a run apart: what is said in them may name another time or another id in each run.
fn finding<'r>(finding: &'r FoundFinding, run: &'r Finished) -> (&'r str, Level, Party, Option<&'r str>) {
    (&finding.rule, finding.level, finding.party, address_of(run, finding.action))
}

/// What tells expectations of a scenario apart, wherever they stand in its file now.
fn mismatch<'r>(mismatch: &'r FoundMismatch, run: &'r Finished) -> (&'r str, Option<&'r str>) {
    (&mismatch.expected, address_of(run, mismatch.action))
}

/// How the scenario calls an action: its position is another one where others come before it.
pub fn address_of(run: &Finished, action: Option<u32>) -> Option<&str> {
    run.actions.get(action? as usize).map(|action| &*action.address)
}

/// Those of `some` that are not among `others`, each as often as it is missing there.
fn without<'r, T, K: Ord>(
    some: impl Iterator<Item = &'r T>,
    others: impl Iterator<Item = &'r T>,
    key: impl Fn(&'r T) -> K,
    key_of_others: impl Fn(&'r T) -> K,
) -> Vec<&'r T> {
    let mut there: BTreeMap<K, usize> = BTreeMap::new();
    others.for_each(|other| *there.entry(key_of_others(other)).or_default() += 1);
    let is_missing = |one: &&'r T| match there.get_mut(&key(one)) {
        Some(left) if *left > 0 => {
            *left -= 1;
            false
        }
        _ => true,
    };
    some.filter(is_missing).collect()
}

/// The actions of both that other calls were made for, as far as both reports tell of calls, or that ended in another way.
fn other_ends<'r>(old: &'r Finished, new: &'r Finished) -> Vec<(&'r ActionLine, &'r ActionLine)> {
    let before: BTreeMap<&str, &ActionLine> =
        old.actions.iter().map(|action| (&*action.address, action)).collect();
    let pairs = new.actions.iter().filter_map(|now| Some((*before.get(&*now.address)?, now)));
    pairs.filter(|(before, now)| has_other_calls(before, now) || has_other_outcomes(before, now)).collect()
}

/// Whether other calls were made for an action; reports of older versions do not tell.
pub fn has_other_calls(before: &ActionLine, now: &ActionLine) -> bool {
    before.calls.as_ref().zip(now.calls.as_ref()).is_some_and(|(before, now)| before != now)
}

/// Whether an action has outcomes of another status.
pub fn has_other_outcomes(before: &ActionLine, now: &ActionLine) -> bool {
    let statuses =
        |action: &ActionLine| action.outcomes.iter().map(|outcome| outcome.status).collect::<Vec<_>>();
    statuses(before) != statuses(now)
}

#[cfg(test)]
mod tests {
    use counterfoil_proto::Revision;
    use proptest::prelude::*;

    use super::{super::Started, *};

    fn found(rule: &str, level: Level) -> FoundFinding {
        FoundFinding {
            rule: rule.to_owned(),
            title: String::new(),
            level,
            party: Party::Provider,
            action: None,
            message: String::new(),
            place: None,
            at: None,
            evidence: Vec::new(),
            not_excused: None,
        }
    }

    fn finished(scenario: &str, verdict: Verdict, rules: &[(&str, Level)]) -> Finished {
        Finished {
            scenario: scenario.to_owned(),
            revision: Revision::Head,
            title: String::new(),
            file: String::new(),
            at: None,
            verdict,
            actions: Vec::new(),
            apply_error: None,
            load_error: None,
            findings: rules.iter().map(|(rule, level)| found(rule, *level)).collect(),
            expected_findings: Vec::new(),
            known_findings: Vec::new(),
            mismatches: Vec::new(),
            judged: ["OUT-001", "OUT-002", "OUT-012"].map(str::to_owned).into(),
            replayed: None,
            timeline: crate::run::Timeline::default(),
            reproduce: String::new(),
            trace: None,
            trace_error: None,
            millis: 0,
        }
    }

    fn saved(runs: Vec<Finished>) -> SavedRun {
        let started = Started {
            format: String::new(),
            version: 1,
            counterfoil: String::new(),
            runs: runs.len(),
            subject: None,
            settings: None,
            basis: None,
            partition: None,
            planned: Vec::new(),
        };
        SavedRun { started, finished: runs.into_iter().map(|run| (run.id(), run)).collect(), summary: None }
    }

    fn unjudged() -> Verdict {
        Verdict::Unjudged { reason: "it did not start".to_owned() }
    }

    fn not_applicable() -> Verdict {
        Verdict::Skip { kind: SkipKind::NotApplicable, reason: String::new() }
    }

    fn not_run() -> Verdict {
        Verdict::Skip { kind: SkipKind::NotRun, reason: String::new() }
    }

    #[test]
    fn which_way_it_went_shows_in_verdicts_first_and_then_in_what_must_not_be() {
        use Verdict::{Fail, KnownFailure, Pass};
        let (must, should) = (("OUT-001", Level::Must), ("OUT-012", Level::Should));
        let table = [
            (Pass, vec![], Fail, vec![must], Some(Way::Worse)),
            (Fail, vec![must], Pass, vec![], Some(Way::Better)),
            (Fail, vec![must], KnownFailure, vec![must], Some(Way::Better)),
            (Fail, vec![must], Fail, vec![must, must], Some(Way::Worse)),
            (Fail, vec![must, must], Fail, vec![must], Some(Way::Better)),
            (Fail, vec![must], Fail, vec![("OUT-002", Level::Must)], Some(Way::Worse)),
            (Pass, vec![], Pass, vec![should], Some(Way::Otherwise)),
            (Pass, vec![should], Pass, vec![should], None),
            (Fail, vec![must], unjudged(), vec![], Some(Way::Unjudged)),
            (Pass, vec![], not_applicable(), vec![], Some(Way::Otherwise)),
            (not_applicable(), vec![], not_run(), vec![], Some(Way::Unjudged)),
            (unjudged(), vec![], unjudged(), vec![must], Some(Way::Otherwise)),
            (KnownFailure, vec![], KnownFailure, vec![must], Some(Way::Otherwise)),
            (Fail, vec![must], Fail, vec![("OUT-003", Level::Must), must], Some(Way::Otherwise)),
            (unjudged(), vec![], Pass, vec![], Some(Way::Better)),
            (unjudged(), vec![], Fail, vec![must], Some(Way::Worse)),
            (unjudged(), vec![], not_applicable(), vec![], Some(Way::Otherwise)),
        ];
        for (old, before, new, now, expected) in table {
            let about = format!("{} {before:?}, {} {now:?}", old.as_str(), new.as_str());
            let old = saved(vec![finished("a", old, &before)]);
            let new = saved(vec![finished("a", new, &now)]);
            let diff = Diff::between(&old, &new);
            assert_eq!(diff.changes.first().map(Change::way), expected, "{about}");
            assert_eq!(diff.is_worse(), expected == Some(Way::Worse), "{about}");
            assert_eq!(diff.is_less(), expected == Some(Way::Unjudged), "{about}");
        }
    }

    #[test]
    fn what_is_missing_was_judged_or_was_not() {
        let old = saved(vec![finished("a", Verdict::Pass, &[]), finished("b", not_applicable(), &[])]);
        let without_b = saved(vec![finished("a", Verdict::Pass, &[])]);
        assert!(!Diff::between(&old, &without_b).is_less());
        let nothing = saved(Vec::new());
        let diff = Diff::between(&old, &nothing);
        assert!(diff.is_less() && !diff.is_worse() && diff.is_of_nothing());
        assert_eq!((diff.gone.len(), Diff::between(&nothing, &old).added.len()), (2, 2));
    }

    #[test]
    fn calls_count_where_both_reports_tell_of_them() {
        let run = |calls: Option<&[&str]>| {
            let calls = calls.map(|calls| calls.iter().map(ToString::to_string).collect());
            let action = ActionLine {
                address: "db".to_owned(),
                kind: "create".to_owned(),
                resource_type: String::new(),
                calls,
                outcomes: Vec::new(),
            };
            saved(vec![Finished { actions: vec![action], ..finished("a", Verdict::Pass, &[]) }])
        };
        let (unknown, none, one) = (run(None), run(Some(&[])), run(Some(&["create"])));
        assert_eq!(Diff::between(&unknown, &one).alike, 1);
        let diff = Diff::between(&none, &one);
        assert_eq!((diff.changes[0].actions.len(), diff.changes[0].way()), (1, Way::Otherwise));
    }

    fn runs() -> impl Strategy<Value = SavedRun> {
        let verdict = prop::sample::select(vec![Verdict::Pass, Verdict::Fail, unjudged(), not_applicable()]);
        let rule = prop::sample::select(vec![("OUT-001", Level::Must), ("OUT-012", Level::Should)]);
        let run = (prop::sample::select(vec!["a", "b", "c"]), verdict, prop::collection::vec(rule, 0..3));
        let run = run.prop_map(|(scenario, verdict, rules)| finished(scenario, verdict, &rules));
        prop::collection::vec(run, 0..4).prop_map(saved)
    }

    proptest! {
        #[test]
        fn a_run_differs_in_nothing_from_itself(run in runs()) {
            let diff = Diff::between(&run, &run);
            prop_assert_eq!(diff.alike, run.finished.len());
            prop_assert!(!diff.is_worse() && !diff.is_less());
        }

        #[test]
        fn what_is_gained_one_way_is_lost_the_other(old in runs(), new in runs()) {
            let (there, back) = (Diff::between(&old, &new), Diff::between(&new, &old));
            prop_assert_eq!(there.changes.len(), back.changes.len());
            prop_assert_eq!((there.gone.len(), there.alike), (back.added.len(), back.alike));
            for (there, back) in there.changes.iter().zip(&back.changes) {
                let rules = |found: &[&FoundFinding]| found.iter().map(|one| one.rule.clone()).collect::<Vec<_>>();
                prop_assert_eq!(rules(&there.gained), rules(&back.lost));
                prop_assert!(there.way() != Way::Worse || back.way() != Way::Worse || !there.lost.is_empty());
            }
        }
    }
}
