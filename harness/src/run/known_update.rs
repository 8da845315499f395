//! Updates of a list of known failures: what a run found makes the list say what is so. What a human has to decide is
//! left to a human: why a failure is known, and whether an entry that has expired may go on.

use std::{
    collections::HashMap,
    fs,
    io::{self, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use counterfoil_core::{
    judge::{SkipKind, Verdict},
    rules::{self, Level},
    scenario::{KnownFailure, KnownFailureChange, NewKnownFailure, NotRewritten, rewrite_known_failures},
};
use counterfoil_proto::Revision;

use super::{Finished, Job, KnownFailures, known::Entry, load::read_document};

/// What an update needs of a finished run.
#[derive(Clone, Debug)]
pub struct Seen {
    scenario: String,
    revision: Revision,
    state: State,
    /// The rules that had something to judge.
    judged: Vec<String>,
    /// What was found, listed or not.
    findings: Vec<(String, Level, String)>,
    /// Expectations were not met, which nobody can list.
    unmet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Judged,
    /// It cannot be, here.
    NotApplicable,
    /// It was not, and could have been.
    NotRun,
}

impl Seen {
    /// What there is to know of a run.
    pub fn of(finished: &Finished) -> Self {
        let state = match &finished.verdict {
            Verdict::Pass | Verdict::Fail | Verdict::KnownFailure | Verdict::UnexpectedPass { .. } => {
                State::Judged
            }
            Verdict::Skip { kind: SkipKind::NotApplicable, .. } => State::NotApplicable,
            Verdict::Skip { kind: SkipKind::NotRun, .. } | Verdict::Unjudged { .. } => State::NotRun,
        };
        let findings = finished.findings.iter().chain(&finished.known_findings);
        Self {
            scenario: finished.scenario.clone(),
            revision: finished.revision,
            state,
            judged: finished.judged.clone(),
            findings: findings
                .map(|finding| (finding.rule.clone(), finding.level, finding.message.clone()))
                .collect(),
            unmet: !finished.mismatches.is_empty(),
        }
    }
}

/// A list as it has to be, and how it differs from what it was.
#[derive(Debug)]
pub struct Update {
    path: PathBuf,
    before: Option<Arc<str>>,
    /// The list as it has to be.
    pub text: Result<String, NotRewritten>,
    /// How many failures are new in it.
    pub added: usize,
    /// How many entries are pinned to another message.
    pub pinned: usize,
    /// How many entries are taken out.
    pub removed: usize,
    /// What is left to a human, each with its place.
    pub left: Vec<String>,
    /// How many runs fail for expectations that are not met, which cannot be listed.
    pub unmet: usize,
}

/// Why a list was not written. It is as it was.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// It cannot be changed well.
    #[error(transparent)]
    NotRewritten(#[from] NotRewritten),
    /// Somebody changed it while the scenarios ran.
    #[error("the list was changed while the scenarios ran: run them again")]
    Changed,
    /// It cannot be written.
    #[error("the list cannot be written: {0}")]
    Io(#[from] io::Error),
}

/// What the runs say that an entry is about.
#[derive(Default)]
struct Account {
    /// Runs that fail as listed.
    hits: usize,
    /// Runs that were judged by its rule and have nothing to list.
    passes: usize,
    /// Findings of its rule that it does not match: the position of the run, and that in the run.
    others: Vec<(usize, usize)>,
    /// Runs that were not judged, and could have been.
    unrun: usize,
    runs: usize,
}

impl KnownFailures {
    /// What has to become of the list after these runs. `whole` are all runs that there are without a filter: an entry
    /// about any that was not judged stays as it is. With `strict`, findings of level SHOULD are failures.
    pub fn update(&self, seen: &[Seen], whole: &[Job], strict: bool) -> Update {
        let mut open = Open::new(self, seen);
        let accounts: Vec<Account> = self.entries.iter().map(|entry| account(entry, seen, whole)).collect();
        let decided = |entry: &Entry, account: &Account, open: &Open<'_>| {
            let other = account.others.iter().find(|finding| open.has(**finding)).copied();
            (decide(entry, account, other.is_some(), entry.has_expired(self.today)), other)
        };
        // What one entry takes over, no other has to account for.
        let mut pinned: Vec<Option<String>> = Vec::new();
        for (entry, account) in self.entries.iter().zip(&accounts) {
            let pin = match decided(entry, account, &open) {
                (Decision::Pin, Some((run, at))) => Some(seen[run].findings[at].2.clone()),
                _ => None,
            };
            if let Some(message) = &pin {
                open.close(|run, (rule, _, found)| {
                    rule == entry.listed.rule
                        && found == message
                        && entry.is_about(&run.scenario, run.revision)
                });
            }
            pinned.push(pin);
        }
        let (mut changes, mut left, mut undecided) = (Vec::new(), Vec::new(), Vec::new());
        for ((entry, account), pinned) in self.entries.iter().zip(&accounts).zip(pinned) {
            let decision = match pinned {
                Some(message) => {
                    changes.push(KnownFailureChange::Pin(message));
                    continue;
                }
                None => decided(entry, account, &open).0,
            };
            changes.push(match decision {
                Decision::Remove => KnownFailureChange::Remove,
                Decision::Keep | Decision::Pin => KnownFailureChange::Keep,
                Decision::Leave(why) => {
                    let KnownFailure { rule, scenario, .. } = &entry.listed;
                    left.push(format!("{}: {rule} in `{scenario}` {why}", entry.place));
                    undecided.push(entry);
                    KnownFailureChange::Keep
                }
            });
        }
        // Where a human has to decide on an entry, no other is put beside it.
        open.close(|run, (rule, level, _)| {
            let fails = *level == Level::Must || strict;
            let is_left = || {
                let about = |entry: &&&Entry| {
                    entry.listed.rule == *rule && entry.is_about(&run.scenario, run.revision)
                };
                undecided.iter().any(|entry| about(&entry))
            };
            !fails || is_left()
        });
        let more = open.listed(whole);
        let count = |is: fn(&KnownFailureChange) -> bool| changes.iter().filter(|change| is(change)).count();
        Update {
            path: self.path.clone(),
            before: self.text.clone(),
            added: more.len(),
            pinned: count(|change| matches!(change, KnownFailureChange::Pin(_))),
            removed: count(|change| *change == KnownFailureChange::Remove),
            left,
            unmet: seen.iter().filter(|run| run.unmet).count(),
            text: rewrite_known_failures(self.text.as_deref(), &changes, &more),
        }
    }
}

/// What becomes of an entry.
enum Decision {
    Keep,
    Pin,
    Remove,
    /// A human has to decide, and why.
    Leave(String),
}

fn decide(entry: &Entry, account: &Account, has_other: bool, has_expired: bool) -> Decision {
    let Account { hits, passes, unrun, runs, .. } = *account;
    let fails = hits > 0 || has_other;
    let of_runs = |count: usize| format!("{count} of its {runs} runs");
    match (entry.listed.expires, passes > 0, fails) {
        (_, true, true) => {
            Decision::Leave(format!("passes in {}: say of which it still holds", of_runs(passes)))
        }
        (_, true, false) if unrun == 0 => Decision::Remove,
        (_, true, false) => Decision::Leave(format!("passes, but {} were not judged", of_runs(unrun))),
        (Some(day), false, true) if has_expired => Decision::Leave(format!(
            "expired on {day}, and still fails: mend it, or say until when it may last"
        )),
        (_, false, true) if hits == 0 && unrun == 0 => Decision::Pin,
        (_, false, true) if hits == 0 => {
            Decision::Leave(format!("says something else now, but {} were not judged", of_runs(unrun)))
        }
        (_, false, _) => Decision::Keep,
    }
}

fn account(entry: &Entry, seen: &[Seen], whole: &[Job]) -> Account {
    let by_id: HashMap<(&str, Revision), usize> =
        seen.iter().enumerate().map(|(at, run)| ((run.scenario.as_str(), run.revision), at)).collect();
    let mut account = Account::default();
    for job in whole.iter().filter(|job| entry.is_about(&job.scenario.id, job.revision)) {
        account.runs += 1;
        if !by_id.contains_key(&(job.scenario.id.as_str(), job.revision)) {
            account.unrun += 1;
        }
    }
    for (at, run) in seen.iter().enumerate() {
        if !entry.is_about(&run.scenario, run.revision) {
            continue;
        }
        match run.state {
            State::NotApplicable => continue,
            State::NotRun => {
                account.unrun += 1;
                continue;
            }
            State::Judged => {}
        }
        let of_rule = run.findings.iter().enumerate().filter(|(_, (rule, ..))| rule == entry.listed.rule);
        let (found, hits): (Vec<_>, Vec<_>) =
            of_rule.partition(|(_, (.., message))| !entry.listed.message.matches(message));
        if !hits.is_empty() {
            account.hits += 1;
        } else if !found.is_empty() {
            account.others.extend(found.into_iter().map(|(number, _)| (at, number)));
        } else if run.judged.iter().any(|rule| rule == entry.listed.rule) {
            account.passes += 1;
        }
    }
    account
}

/// Findings that nothing excuses so far.
struct Open<'a> {
    seen: &'a [Seen],
    findings: Vec<(usize, usize)>,
}

impl<'a> Open<'a> {
    fn new(known: &KnownFailures, seen: &'a [Seen]) -> Self {
        let judged = seen.iter().enumerate().filter(|(_, run)| run.state == State::Judged);
        let all = judged.flat_map(|(at, run)| (0..run.findings.len()).map(move |number| (at, number)));
        let mut open = Self { seen, findings: all.collect() };
        open.close(|run, (rule, _, message)| {
            known.entries.iter().any(|entry| {
                entry.listed.rule == *rule
                    && entry.is_about(&run.scenario, run.revision)
                    && entry.listed.message.matches(message)
            })
        });
        open
    }

    fn has(&self, finding: (usize, usize)) -> bool {
        self.findings.contains(&finding)
    }

    fn close(&mut self, is: impl Fn(&Seen, &(String, Level, String)) -> bool) {
        let seen = self.seen;
        self.findings.retain(|(run, at)| !is(&seen[*run], &seen[*run].findings[*at]));
    }

    /// Entries for what is left: one for each rule, scenario and message, where the revisions are neighbours.
    fn listed(&self, whole: &[Job]) -> Vec<NewKnownFailure> {
        let mut groups: Vec<(&str, &str, &str, Vec<Revision>)> = Vec::new();
        for (run, at) in &self.findings {
            let (run, (rule, _, message)) = (&self.seen[*run], &self.seen[*run].findings[*at]);
            let key = (rule.as_str(), run.scenario.as_str(), message.as_str());
            match groups.iter_mut().find(|(rule, scenario, message, _)| (*rule, *scenario, *message) == key) {
                Some((.., revisions)) if revisions.contains(&run.revision) => {}
                Some((.., revisions)) => revisions.push(run.revision),
                None => groups.push((key.0, key.1, key.2, vec![run.revision])),
            }
        }
        let listed = groups.into_iter().flat_map(|(rule, scenario, message, revisions)| {
            let rule = rules::find(rule).map(|rule| rule.id);
            let patterns = rule.map(|rule| (rule, self.patterns(scenario, &revisions, whole)));
            patterns.into_iter().flat_map(move |(rule, patterns)| {
                patterns.into_iter().map(move |scenario| NewKnownFailure {
                    rule,
                    scenario,
                    message: message.to_owned(),
                })
            })
        });
        listed.collect()
    }

    /// Patterns that are about these revisions of a scenario, and no other that was judged.
    fn patterns(&self, scenario: &str, failing: &[Revision], whole: &[Job]) -> Vec<String> {
        let of_scenario = whole.iter().filter(|job| job.scenario.id == scenario);
        let mut all: Vec<Revision> = of_scenario.flat_map(|job| job.scenario.revisions.revisions()).collect();
        all.extend(failing);
        all.sort_unstable();
        all.dedup();
        let is_no_other = |revision: &Revision| {
            let mut runs = self.seen.iter().filter(|run| run.scenario == scenario);
            runs.any(|run| run.revision == *revision && run.state == State::NotApplicable)
        };
        let mut ranges: Vec<(Revision, Revision)> = Vec::new();
        let mut follows = false;
        for revision in &all {
            if failing.contains(revision) {
                match ranges.last_mut().filter(|_| follows) {
                    Some((_, last)) => *last = *revision,
                    None => ranges.push((*revision, *revision)),
                }
                follows = true;
            } else {
                follows &= is_no_other(revision);
            }
        }
        let is_end = |mut beyond: Box<dyn Iterator<Item = &Revision> + '_>| beyond.all(is_no_other);
        let patterns = ranges.into_iter().map(|(first, last)| {
            let from_start = is_end(Box::new(all.iter().filter(move |revision| **revision < first)));
            let to_end = is_end(Box::new(all.iter().filter(move |revision| **revision > last)));
            match (from_start, to_end) {
                (true, true) => scenario.to_owned(),
                _ if first == last => format!("{scenario}@{first}"),
                (false, true) => format!("{scenario}@>={first}"),
                (true, false) => format!("{scenario}@<={last}"),
                (false, false) => format!("{scenario}@>={first}, <={last}"),
            }
        });
        patterns.collect()
    }
}

impl Update {
    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the list, at once or not at all; where it stays as it is, nothing is written.
    ///
    /// # Errors
    /// When it cannot be changed, has been changed by somebody else, or cannot be written.
    pub fn write(&self) -> Result<(), UpdateError> {
        let text = self.text.as_ref().map_err(|error| *error)?;
        let now = match read_document(&self.path, "") {
            Ok(bytes) => Some(bytes),
            Err(_) if !self.path.exists() => None,
            Err(mistake) => return Err(io::Error::other(mistake.message).into()),
        };
        if now.as_deref() != self.before.as_deref().map(str::as_bytes) {
            return Err(UpdateError::Changed);
        }
        if self.before.as_deref() == Some(text) {
            return Ok(());
        }
        // Where a link leads there, it goes on doing so.
        let path = if now.is_some() { fs::canonicalize(&self.path)? } else { self.path.clone() };
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let mut file = tempfile::Builder::new()
            .prefix(".known-failures-")
            .permissions(fs::Permissions::from_mode(0o666))
            .tempfile_in(directory.unwrap_or(Path::new(".")))?;
        file.write_all(text.as_bytes())?;
        if now.is_some() {
            file.as_file().set_permissions(fs::metadata(&path)?.permissions())?;
        }
        file.as_file().sync_all()?;
        file.persist(&path).map_err(|error| error.error)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use counterfoil_core::{
        rules::Party,
        scenario::{self, Date},
    };
    use proptest::prelude::*;

    use super::*;
    use crate::run::{self, Filter, FoundFinding, Reading};

    /// Three scenarios, each at three revisions.
    fn jobs() -> Vec<Job> {
        let scenarios: Vec<_> = ["s0", "s1", "s2"]
            .iter()
            .map(|id| {
                let text = format!(
                    "id: {id}\ntitle: t\nrevisions: '>=0.54, <=0.56'\nplan: {{ actions: [create: {{ name: a, type: t }}] }}\n"
                );
                Arc::new(scenario::parse(id, text.as_bytes()).unwrap())
            })
            .collect();
        run::jobs(&scenarios, &Filter::default())
    }

    const RULES: [&str; 2] = ["OUT-001", "OUT-002"];

    #[derive(Clone, Debug)]
    enum What {
        LeftOut,
        NotApplicable,
        NotRun,
        /// Whether each rule has something to judge, and what it finds: a message of three for each bit.
        Judged([(bool, u8); 2]),
    }

    fn what() -> impl Strategy<Value = What> {
        let of_rule = || (any::<bool>(), prop_oneof![2 => Just(0u8), 2 => 1..8u8]);
        prop_oneof![
            1 => Just(What::LeftOut),
            1 => Just(What::NotApplicable),
            1 => Just(What::NotRun),
            12 => [of_rule(), of_rule()].prop_map(What::Judged),
        ]
    }

    fn entry() -> impl Strategy<Value = (String, String)> {
        let patterns = ["s0", "s1", "s*", "s0@0.55", "'s[01]@>=0.55'", "s2@<=0.55"];
        let messages = ["m0", "m1", "'m2'", "{ contains: m }", "{ is: other } # so", "gone"];
        let days = ["2999-01-01", "2020-01-01", "TODO"];
        (0..2usize, 0..patterns.len(), 0..messages.len(), 0..days.len(), any::<bool>()).prop_map(
            move |(rule, pattern, message, day, note)| {
                let (rule, pattern, message, day) = (RULES[rule], patterns[pattern], messages[message], days[day]);
                let note = if note { "\n  # a note" } else { "" };
                let text = format!(
                    "{note}\n  - rule: {rule}\n    scenario: {pattern}\n    message: {message}\n    reason: r\n    link: l\n    owner: o\n    expires: {day}"
                );
                (format!("{rule} {pattern} {message}"), text)
            },
        )
    }

    fn seen(job: &Job, what: &What) -> Option<Seen> {
        let (state, rules) = match what {
            What::LeftOut => return None,
            What::NotApplicable => (State::NotApplicable, [(false, 0); 2]),
            What::NotRun => (State::NotRun, [(false, 0); 2]),
            What::Judged(rules) => (State::Judged, *rules),
        };
        let of_rules = RULES.into_iter().zip(rules);
        let found = of_rules.clone().filter(|(_, (judged, _))| *judged).flat_map(|(rule, (_, bits))| {
            let messages = (0..3).filter(move |bit| bits & (1 << bit) != 0);
            messages.map(move |bit| (rule.to_owned(), Level::Must, format!("m{bit}")))
        });
        Some(Seen {
            scenario: job.scenario.id.clone(),
            revision: job.revision,
            state,
            findings: found.collect(),
            judged: of_rules.filter(|(_, (judged, _))| *judged).map(|(rule, _)| rule.to_owned()).collect(),
            unmet: false,
        })
    }

    fn finished(job: &Job, seen: &Seen) -> Finished {
        let verdict = if seen.findings.is_empty() { Verdict::Pass } else { Verdict::Fail };
        let findings = seen.findings.iter().map(|(rule, level, message)| FoundFinding {
            rule: rule.clone(),
            title: String::new(),
            level: *level,
            party: Party::Engine,
            action: None,
            message: message.clone(),
            place: None,
            at: None,
            evidence: Vec::new(),
            not_excused: None,
        });
        Finished {
            findings: findings.collect(),
            judged: seen.judged.clone(),
            ..Finished::without_trace(job, verdict, 0)
        }
    }

    proptest! {
        #[test]
        fn a_list_is_right_after_one_update(
            entries in prop::collection::vec(entry(), 0..5),
            whats in prop::collection::vec(what(), 9),
        ) {
            let jobs = jobs();
            let mut known = BTreeSet::new();
            let entries: Vec<_> = entries.into_iter().filter(|(id, _)| known.insert(id.clone())).collect();
            let text: String = entries.into_iter().map(|(_, text)| text).collect();
            let text = if text.is_empty() { " []".to_owned() } else { text };
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("known.yaml");
            fs::write(&path, format!("# top\nknown_failures:{text}\n# end\n")).unwrap();
            let runs: Vec<Seen> = jobs.iter().zip(&whats).filter_map(|(job, what)| seen(job, what)).collect();
            let today = Date::parse("2026-03-01").unwrap();
            let read = |to_update| {
                let reading = Reading { to_update, about_others: false };
                KnownFailures::load(&path, &jobs, today, reading).unwrap()
            };

            let first = read(true).update(&runs, &jobs, false);
            first.write().unwrap();
            let text = fs::read_to_string(&path).unwrap();
            prop_assert_eq!(first.text.as_ref().unwrap(), &text);
            prop_assert!(text.starts_with("# top\n") && text.ends_with("# end\n"));
            let again = read(true).update(&runs, &jobs, false);
            prop_assert_eq!(again.text.as_ref().unwrap(), &text);
            prop_assert_eq!((again.added, again.pinned, again.removed), (0, 0, 0));
            prop_assert_eq!(&again.left.len(), &first.left.len());

            // What a human filled in, a run passes with, unless there is something left to decide.
            let filled = text.replace("expires: TODO", "expires: 2999-01-01").replace(": TODO", ": said");
            fs::write(&path, filled).unwrap();
            let list = read(false);
            for (job, what) in jobs.iter().zip(&whats) {
                let Some(seen) = seen(job, what).filter(|seen| seen.state == State::Judged) else { continue };
                let mut finished = finished(job, &seen);
                list.apply(&mut finished, false);
                let passes = matches!(finished.verdict, Verdict::Pass | Verdict::KnownFailure);
                prop_assert!(passes || !again.left.is_empty(), "{:?} {:?}\n{}", seen, finished.verdict, text);
            }
        }
    }
}
