//! What came of a test: out of evidence, whoever made it.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Read as _},
    path::Path,
};

use counterfoil_core::release::{Build, Doubt, DoubtKind, Known, RuleState, Tested};

use super::Bench;
use crate::{
    evidence::{Artefact, Came, Evidence, Go, GoBuild, Kind, MOST, NotJudged, WayNotJudged, sha256},
    run::{Job, NEEDS_LIVE, NEEDS_STATE, suite_digest},
};

/// A file of evidence.
#[derive(Debug)]
pub(super) struct Paper {
    /// Its path.
    shown: String,
    /// The SHA-256 of what it holds; none where it cannot be read.
    pub digest: Option<String>,
    /// The evidence, or what there is in its place.
    pub read: Result<Box<Evidence>, NoPaper>,
}

/// What is no evidence.
#[derive(Debug)]
pub(super) enum NoPaper {
    /// A file that cannot be read.
    Unreadable(String),
    /// A file that holds none, or none that can be trusted.
    Unsound(String),
}

/// Whether something is a file: reading of anything else might never end.
///
/// # Errors
/// Where it is none, or is not there.
pub(super) fn regular(path: &Path) -> io::Result<()> {
    if fs::metadata(path)?.is_file() { Ok(()) } else { Err(io::Error::other("it is no file")) }
}

impl Paper {
    /// Reads a file.
    pub(super) fn read(file: &Path) -> Self {
        let shown = file.display().to_string();
        let mut bytes = Vec::new();
        // No more than it takes to see that it is too large.
        let read = regular(file)
            .and_then(|()| File::open(file))
            .and_then(|file| file.take(MOST as u64 + 1).read_to_end(&mut bytes));
        if let Err(error) = read {
            let why = NoPaper::Unreadable(format!("the evidence {shown} cannot be read: {error}"));
            return Self { shown, digest: None, read: Err(why) };
        }
        let read = Evidence::read(&bytes).map_err(|error| NoPaper::Unsound(error.to_string()));
        Self { shown, digest: Some(sha256(bytes)), read: read.map(Box::new) }
    }

    /// What tells it from others.
    pub(super) fn key(&self) -> &str {
        self.digest.as_deref().unwrap_or("unreadable")
    }
}

impl Bench<'_> {
    /// What evidence tells of an artefact, of which it is to be one of these kinds of evidence; `required` are the runs that
    /// it has to be about. Of evidence by itself, the artefact is what it says.
    pub(super) fn held(
        &self,
        paper: &Paper,
        kinds: &[Kind],
        artefact: Option<&Artefact>,
        required: &[Job],
    ) -> Known<Tested> {
        let evidence = match &paper.read {
            Ok(evidence) => evidence,
            Err(NoPaper::Unreadable(why)) => return Known::Unknown(why.clone()),
            Err(NoPaper::Unsound(why)) => return Known::Known(unsound(paper, why)),
        };
        if !kinds.contains(&evidence.subject.kind) {
            let why = format!("it is evidence of another kind of thing, {:?}", evidence.subject.name);
            return Known::Known(unsound(paper, &why));
        }
        let selection = evidence.suite.stock.then(|| evidence.selection(&self.scenarios, true)).flatten();
        let suite = selection.as_deref().map(suite_digest);
        let own = of_itself(evidence);
        let objections = evidence.objections(artefact.unwrap_or(&own), suite.as_deref(), self.today);
        let mut doubts: Vec<Doubt> = objections
            .into_iter()
            .map(|objection| match (objection.kind, &suite) {
                (DoubtKind::Suite, None) => doubt(
                    DoubtKind::Suite,
                    "it was judged by scenarios that are not part of Counterfoil, or by a selection that cannot be made here",
                ),
                (kind, _) => Doubt { kind, text: objection.text },
            })
            .collect();
        // Fixed in form and zone, times are in order as texts are.
        if *evidence.ended > *self.now {
            let text =
                format!("it ended at {}, and now is {}: a clock was put back", evidence.ended, self.now);
            doubts.push(doubt(DoubtKind::Clock, text));
        }
        if let Some(selection) = &selection {
            let selected: BTreeSet<String> = selection.iter().map(Job::id).collect();
            let missing = required.iter().filter(|job| !selected.contains(&job.id())).count();
            if missing > 0 {
                let text = format!(
                    "{missing} of {} runs at {} were left out of it by --filter or --revisions",
                    required.len(),
                    self.revision
                );
                doubts.push(doubt(DoubtKind::Unjudged, text));
            }
        }
        let mut tested = of(evidence);
        tested.evidence = Some(paper.shown.clone());
        tested.evidence_digest.clone_from(&paper.digest);
        tested.doubts.extend(doubts);
        Known::Known(tested)
    }

    /// What a test on this machine tells of the artefact that was tested.
    pub(super) fn made_here(&self, evidence: &Evidence) -> Tested {
        let objections = evidence.objections(&of_itself(evidence), Some(&evidence.suite.sha256), self.today);
        let mut tested = of(evidence);
        tested.doubts.extend(objections.into_iter().map(|it| Doubt { kind: it.kind, text: it.text }));
        tested
    }
}

fn doubt(kind: DoubtKind, text: impl Into<String>) -> Doubt {
    Doubt { kind, text: text.into() }
}

/// A file that holds no evidence, or none that can be trusted.
fn unsound(paper: &Paper, why: &str) -> Tested {
    Tested {
        evidence: Some(paper.shown.clone()),
        evidence_digest: paper.digest.clone(),
        live: false,
        revisions: Vec::new(),
        judged: 0,
        not_run: Vec::new(),
        known_failures: 0,
        doubts: vec![doubt(DoubtKind::Unsound, why)],
        rules: [].into(),
        ended: String::new(),
    }
}

/// What evidence tells, by itself. What only a cloud lets be judged is counted; anything else that was not run is a doubt.
fn of(evidence: &Evidence) -> Tested {
    let totals = &evidence.totals;
    let not_run = || evidence.not_judged.iter().filter(|not| not.way == WayNotJudged::NotRun);
    let takes_a_cloud = |not: &&NotJudged| not.reason == NEEDS_LIVE;
    // No cloud holds what a scenario says to exist: nobody can run these.
    let is_left_out = |not: &&NotJudged| not.reason != NEEDS_LIVE && not.reason != NEEDS_STATE;
    let rules = evidence.rules.iter().filter_map(|(id, rule)| {
        let state = match rule.verdict {
            Came::Held => RuleState::Held,
            Came::Broken => RuleState::Broken,
            Came::Known => RuleState::Known,
            Came::NotJudged => return None,
        };
        Some((id.clone(), state))
    });
    Tested {
        evidence: None,
        evidence_digest: None,
        live: evidence.run.live,
        revisions: evidence.contract.revisions.clone(),
        judged: totals.passed + totals.failed + totals.known_failures + totals.unexpected_passes,
        not_run: not_run().filter(takes_a_cloud).map(|not| (not.reason.clone(), not.runs)).collect(),
        known_failures: totals.known_failures,
        doubts: not_run()
            .filter(is_left_out)
            .map(|not| {
                doubt(DoubtKind::Unjudged, format!("{} of its runs were not run: {}", not.runs, not.reason))
            })
            .collect(),
        rules: rules.collect(),
        ended: evidence.ended.clone(),
    }
}

/// What evidence says that it is about.
pub(super) fn of_itself(evidence: &Evidence) -> Artefact {
    let subject = &evidence.subject;
    Artefact {
        program: subject.program.sha256.clone(),
        archive: subject.archive.as_ref().map(|archive| archive.sha256.clone()),
        manifest: subject.manifest.as_ref().map(|manifest| manifest.sha256.clone()),
    }
}

/// Two tests of one thing: what one of them did not find may be found by the other.
pub(super) fn both(one: Known<Tested>, other: Known<Tested>) -> Known<Tested> {
    let (mut one, other) = match (one, other) {
        (Known::Known(one), Known::Known(other)) => (one, other),
        (unknown @ Known::Unknown(_), _) | (_, unknown) => return unknown,
    };
    one.revisions.extend(other.revisions);
    one.revisions.sort();
    one.revisions.dedup();
    one.judged += other.judged;
    one.known_failures += other.known_failures;
    one.not_run.extend(other.not_run);
    one.doubts.extend(other.doubts);
    for (id, state) in other.rules {
        let worst = one.rules.get(&id).copied().map_or(state, |known| worse(known, state));
        one.rules.insert(id, worst);
    }
    one.ended = one.ended.max(other.ended);
    Known::Known(one)
}

fn worse(one: RuleState, other: RuleState) -> RuleState {
    [RuleState::Broken, RuleState::Known]
        .into_iter()
        .find(|state| [one, other].contains(state))
        .unwrap_or(RuleState::Held)
}

/// How Go built a program, as far as a release depends on it.
pub(super) fn build(go: &GoBuild) -> Build {
    let engine = go.engine.as_ref();
    Build {
        revision: go.revision.clone(),
        modified: go.modified,
        engine: engine.map(|pin| pin.version.clone()),
        replaced_by: engine
            .and_then(|pin| pin.replaced_by.as_ref())
            .map(|module| format!("{} {}", module.path, module.version).trim_end().to_owned()),
        version: go.module.as_ref().map(|module| module.version.clone()),
    }
}

/// The same of what evidence keeps.
pub(super) fn kept_build(go: &Go) -> Known<Build> {
    match go {
        Go::Build(go) => Known::Known(build(go)),
        Go::Unknown(why) => Known::Unknown(why.clone()),
    }
}

#[cfg(test)]
mod tests {
    use counterfoil_core::mutants::good_release;

    use super::*;

    #[test]
    fn of_two_tests_the_worse_counts() {
        let (_, facts) = good_release();
        let one = facts.engine.tested.known().unwrap().clone();
        let mut other = one.clone();
        other.rules =
            [("OUT-001".to_owned(), RuleState::Broken), ("CAP-006".to_owned(), RuleState::Known)].into();
        other.doubts.push(doubt(DoubtKind::Broken, "of the other"));
        let together = both(Known::Known(one.clone()), Known::Known(other));
        let together = together.known().unwrap();
        assert_eq!((together.judged, together.revisions.clone()), (2 * one.judged, one.revisions.clone()));
        assert_eq!(together.rule("OUT-001"), Some(RuleState::Broken));
        assert_eq!(together.rule("CAP-006"), Some(RuleState::Known));
        assert_eq!(together.doubts.len(), one.doubts.len() + 1);
        let unknown = Known::Unknown("it did not start".to_owned());
        assert_eq!(both(Known::Known(one), unknown.clone()), unknown);
    }
}
