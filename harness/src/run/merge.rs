//! One run again, out of the reports of its parts.

use std::collections::BTreeMap;

use counterfoil_core::{
    judge::{SkipKind, Verdict},
    rules::Level,
};

use super::{Finished, Live, Partition, RunEvent, SavedRun, Started, SubjectLine, Summary, tally::Tally};

/// The run that parts are of.
#[derive(Clone, Debug)]
pub struct Merged {
    started: Started,
    finished: Vec<Finished>,
    summary: Summary,
    /// What is not there of the run, and why, a sentence each: parts that are missing, and those that were cut short.
    pub gaps: Vec<String>,
}

/// Why reports are not of one run.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// A report of an older version does not say what its run is made of.
    #[error(
        "{file} does not tell which runs there were to be: Counterfoil {counterfoil} wrote it, which knew no parts"
    )]
    Unknown {
        /// The report.
        file: String,
        /// The version that wrote it.
        counterfoil: String,
    },
    /// A whole run is no part of another.
    #[error(
        "{file} is the report of a whole run, and no part of one; `counterfoil report diff` compares runs"
    )]
    Whole {
        /// The report.
        file: String,
    },
    /// Two reports are of different runs.
    #[error("{file} is no part of the same run as {first}: {what}")]
    OtherRun {
        /// The report.
        file: String,
        /// The one that it was held against.
        first: String,
        /// What differs.
        what: String,
    },
    /// Two reports are of the same part.
    #[error("{file} and {first} are both of {part}")]
    SamePart {
        /// The report.
        file: String,
        /// The other.
        first: String,
        /// The part.
        part: Partition,
    },
    /// A report is of a part that there cannot be.
    #[error("{file} says that it is {part}: there is no such part")]
    NoPart {
        /// The report.
        file: String,
        /// The part.
        part: Partition,
    },
    /// A report says of a run what cannot be.
    #[error("{file} contradicts itself, so it was changed after it was written: {what}")]
    Contradiction {
        /// The report.
        file: String,
        /// What it says.
        what: String,
    },
    /// A report has a run that its part does not have.
    #[error("{file} tells of {run}, which is not in {part}")]
    Stray {
        /// The report.
        file: String,
        /// `id@revision`
        run: String,
        /// The part, in words.
        part: String,
    },
}

impl Merged {
    /// Puts reports together, each with the name of its file. One that is of a whole run makes that run again, as far as it
    /// came. What was to be run, and is in none of them, is not run.
    ///
    /// # Errors
    /// See [`MergeError`].
    pub fn of(reports: Vec<(String, SavedRun)>) -> Result<Self, MergeError> {
        let alone = reports.len() == 1;
        let mut parts: BTreeMap<usize, (String, SavedRun)> = BTreeMap::new();
        let mut first: Option<(String, Started)> = None;
        for (file, report) in reports {
            let started = &report.started;
            let part = match started.partition {
                Some(part) => part,
                None if alone => Partition::WHOLE,
                None => return Err(MergeError::Whole { file }),
            };
            if !part.is_one() {
                return Err(MergeError::NoPart { file, part });
            }
            if let Some(what) = contradiction(&report) {
                return Err(MergeError::Contradiction { file, what });
            }
            if started.planned.is_empty() && started.runs > 0 {
                return Err(MergeError::Unknown { file, counterfoil: started.counterfoil.clone() });
            }
            match &first {
                None => first = Some((file.clone(), started.clone())),
                Some((first, of)) => {
                    if let Some(what) = difference(of, started) {
                        return Err(MergeError::OtherRun { file, first: first.clone(), what });
                    }
                }
            }
            if let Some((first, _)) = parts.get(&part.number.get()) {
                return Err(MergeError::SamePart { file, first: first.clone(), part });
            }
            parts.insert(part.number.get(), (file, report));
        }
        let (_, started) = first.expect("there is a report");
        Self::put_together(started, parts)
    }

    fn put_together(
        started: Started,
        mut parts: BTreeMap<usize, (String, SavedRun)>,
    ) -> Result<Self, MergeError> {
        let parted = started.partition.unwrap_or(Partition::WHOLE).of;
        let of = parted.get();
        let (mut finished, mut lacking) = (Vec::new(), vec![0_usize; of]);
        let runs =
            started.planned.iter().flat_map(|planned| planned.revisions.iter().map(move |at| (planned, *at)));
        for (at, (planned, revision)) in runs.enumerate() {
            let number = Partition::number_of(at, parted);
            let id = format!("{}@{revision}", planned.scenario);
            let run = parts.get_mut(&number).and_then(|(_, report)| report.finished.remove(&id));
            finished.push(run.unwrap_or_else(|| {
                lacking[number - 1] += 1;
                let why = if parts.contains_key(&number) { "was cut short" } else { "is missing" };
                Finished::not_run(planned, revision, &format!("{} {why}", part_of(number, of)))
            }));
        }
        let mut gaps = Vec::new();
        for (number, lacking) in (1..=of).zip(lacking) {
            let part = part_of(number, of);
            let runs = if lacking == 1 { "1 run is".to_owned() } else { format!("{lacking} runs are") };
            let Some((file, report)) = parts.get(&number) else {
                gaps.push(format!("{part} is missing: {runs} not run"));
                continue;
            };
            if let Some(run) = report.finished.keys().next() {
                return Err(MergeError::Stray { file: file.clone(), run: run.clone(), part });
            }
            if report.summary.is_none() {
                gaps.push(format!("{file}, {part}, was cut short: {runs} not in it"));
            } else if !report.is_whole() {
                gaps.push(format!("{file}, {part}, is of a run that was interrupted"));
            } else if lacking > 0 {
                gaps.push(format!("{file}, {part}, has lost lines: {runs} not in it"));
            }
        }
        let mut tally = Tally::default();
        for run in &finished {
            tally.count(run);
        }
        let summaries = || parts.values().filter_map(|(_, report)| report.summary.as_ref());
        let summary = tally.close(
            started.basis.as_ref().map(|basis| basis.tested).unwrap_or_default(),
            summaries().map(|summary| summary.defects).sum(),
            // What is not whole is no run that came to its end, whatever its parts say of themselves.
            !gaps.is_empty(),
            summaries().map(|summary| summary.millis).max().unwrap_or_default(),
        );
        let started = Started { runs: finished.len(), partition: None, ..started };
        Ok(Self { started, finished, summary, gaps })
    }

    /// The run in numbers. How long it took is how long its slowest part did.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Whether findings of level SHOULD failed it.
    pub fn is_strict(&self) -> bool {
        self.started.is_strict()
    }

    /// The length of the longest id of a scenario.
    pub fn longest_id(&self) -> usize {
        self.finished.iter().map(|run| run.scenario.len()).max().unwrap_or(0)
    }

    /// What the run would have told its reporters, had it been made in one piece.
    pub fn events(self) -> impl Iterator<Item = RunEvent> {
        let finished = self.finished.into_iter().flat_map(|run| {
            let never = matches!(run.verdict, Verdict::Skip { kind: SkipKind::NotRun, .. });
            let ended = Live::Ended { run: run.id(), verdict: run.verdict.clone() };
            let ended = (!never).then_some(RunEvent::Live(ended));
            ended.into_iter().chain([RunEvent::Finished(Box::new(run))])
        });
        let started = RunEvent::RunStarted(Box::new(self.started));
        [started].into_iter().chain(finished).chain([RunEvent::RunFinished(self.summary)])
    }
}

/// What of a report cannot be, in words: a verdict that its findings belie, or numbers that its lines do.
fn contradiction(report: &SavedRun) -> Option<String> {
    let must = |run: &Finished| run.findings.iter().any(|finding| finding.level == Level::Must);
    let is_belied =
        |run: &&Finished| run.verdict == Verdict::Pass && (must(run) || !run.mismatches.is_empty());
    if let Some(run) = report.finished.values().find(is_belied) {
        return Some(format!("{} passes, with what fails a run", run.id()));
    }
    // Lines that are lost are a gap, which is told as one.
    let told = report.summary.as_ref().filter(|_| report.finished.len() >= report.started.runs)?;
    let mut counted = Summary::default();
    for run in report.finished.values() {
        counted.count(run);
    }
    let numbers = |summary: &Summary| {
        let Summary { passed, failed, known_failures, unexpected_passes, unjudged, .. } = summary;
        [*passed, *failed, *known_failures, *unexpected_passes, *unjudged]
    };
    (numbers(told) != numbers(&counted)).then(|| {
        let [told, counted] = [told, &counted].map(|summary| (summary.passed, summary.failed));
        format!(
            "it counts {} passed and {} failed runs, and tells of {} and {}",
            told.0, told.1, counted.0, counted.1
        )
    })
}

/// What tells a run apart from another, in words; none where both are parts of one.
fn difference(one: &Started, other: &Started) -> Option<String> {
    if one.counterfoil != other.counterfoil {
        return Some(format!("Counterfoil {} ran it, and not {}", other.counterfoil, one.counterfoil));
    }
    let of = |started: &Started| started.partition.unwrap_or(Partition::WHOLE).of;
    if of(one) != of(other) {
        return Some(format!("it is one of {} parts, and not of {}", of(other), of(one)));
    }
    // Where it lies may be another place on each machine.
    let subject = |of: &Started| of.subject.clone().map(|line| SubjectLine { place: String::new(), ..line });
    if subject(one) != subject(other) {
        let digest = |of: &Started| of.subject.as_ref().and_then(|line| line.sha256.clone());
        return Some(match (digest(one), digest(other)) {
            (Some(first), Some(found)) if first != found => {
                format!("the program under test has the SHA-256 {found}, and not {first}")
            }
            _ => "something else was under test, or was given another config".to_owned(),
        });
    }
    let (Some(first), Some(found)) = (&one.basis, &other.basis) else {
        return Some("one of them does not say what it stands on".to_owned());
    };
    let differences = [
        (first.tested != found.tested, "another command made it"),
        (first.suite != found.suite, "its scenarios are others"),
        (first.contract != found.contract, "it was held against another contract"),
        (first.strict != found.strict, "one of them is --strict"),
        (first.live != found.live, "one of them is --live"),
        (first.mutant != found.mutant, "one of them is of another mutant"),
        (first.known_failures != found.known_failures, "its list of known failures is another"),
        (one.planned != other.planned, "it was to run something else: the filters differ"),
    ];
    let what = differences.into_iter().find(|(differs, _)| *differs);
    what.map(|(_, what)| what.to_owned())
}

fn part_of(number: usize, of: usize) -> String {
    if of == 1 { "the run".to_owned() } else { format!("part {number} of {of}") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REVISIONS: [&str; 3] = ["0.55", "0.56", "0.57"];

    /// The report of a part of a run of these scenarios.
    fn report(scenarios: &[&str], part: Option<(usize, usize)>, upto: usize) -> (String, SavedRun) {
        let planned: Vec<String> = scenarios
            .iter()
            .map(|id| {
                format!(r#"{{"scenario":"{id}","title":"T","file":"f","revisions":["0.55","0.56","0.57"]}}"#)
            })
            .collect();
        let partition = part
            .map_or(String::new(), |(number, of)| format!(r#""partition":{{"number":{number},"of":{of}}},"#));
        let mut lines = vec![format!(
            r#"{{"run_started":{{"format":"counterfoil-run","version":1,"counterfoil":"0.1.0","runs":9,{partition}
            "basis":{{"tested":"pair","suite":"aa","contract":"cc","strict":false,"live":false}},"planned":[{}]}}}}"#,
            planned.join(",")
        )
        .replace('\n', "")];
        let runs = scenarios.iter().flat_map(|id| REVISIONS.map(|at| (id, at)));
        let part = part.map_or(Partition::WHOLE, |(number, of)| Partition::new(number, of).unwrap());
        for (_, (id, at)) in runs.enumerate().filter(|(at, _)| part.has(*at)).take(upto) {
            lines.push(format!(
                r#"{{"finished":{{"scenario":"{id}","revision":"{at}","title":"T","file":"f","verdict":"pass","actions":[],"judged":["OUT-001"],"reproduce":"","millis":1}}}}"#
            ));
        }
        if upto == usize::MAX {
            let passed = lines.len() - 1;
            lines.push(format!(
                r#"{{"run_finished":{{"passed":{passed},"failed":0,"unjudged":0,"not_applicable":0,"not_run":0,"warnings":0,"defects":0,"rules_judged":0,"rules":0,"millis":7}}}}"#
            ));
        }
        let text = lines.join("\n") + "\n";
        (format!("{part}"), SavedRun::read(text.as_bytes()).unwrap())
    }

    fn refused(reports: Vec<(String, SavedRun)>) -> String {
        Merged::of(reports).unwrap_err().to_string()
    }

    #[test]
    fn what_no_part_has_is_not_run() {
        let merged = Merged::of(vec![report(&["a", "b"], Some((2, 3)), usize::MAX)]).unwrap();
        assert_eq!(
            merged.gaps,
            ["part 1 of 3 is missing: 2 runs are not run", "part 3 of 3 is missing: 2 runs are not run"]
        );
        assert_eq!((merged.summary.passed, merged.summary.not_run, merged.summary.runs()), (2, 4, 6));

        let cut = report(&["a", "b"], Some((1, 2)), 1);
        let merged = Merged::of(vec![cut, report(&["a", "b"], Some((2, 2)), usize::MAX)]).unwrap();
        assert_eq!(merged.gaps, ["part 1 of 2, part 1 of 2, was cut short: 2 runs are not in it"]);
        assert_eq!((merged.summary.passed, merged.summary.not_run), (4, 2));

        let killed = Merged::of(vec![report(&["a", "b"], None, 5)]).unwrap();
        assert_eq!(killed.gaps, ["part 1 of 1, the run, was cut short: 1 run is not in it"]);
        let left = killed.finished.last().unwrap();
        assert_eq!(left.id(), "b@0.57");
        assert!(
            matches!(&left.verdict, Verdict::Skip { kind: SkipKind::NotRun, reason } if reason == "the run was cut short")
        );
    }

    #[test]
    fn what_is_not_of_one_run_is_refused() {
        let whole = usize::MAX;
        let one = || report(&["a", "b"], Some((1, 2)), whole);
        let other = |change: fn(&mut SavedRun)| {
            let (_, mut saved) = report(&["a", "b"], Some((2, 2)), whole);
            change(&mut saved);
            refused(vec![one(), ("other".to_owned(), saved)])
        };
        assert_eq!(refused(vec![one(), one()]), "part 1 of 2 and part 1 of 2 are both of part 1 of 2");
        assert!(refused(vec![one(), report(&["a", "b"], None, whole)]).contains("the report of a whole run"));
        assert!(
            refused(vec![one(), report(&["a", "c"], Some((2, 2)), whole)]).contains("the filters differ")
        );
        assert!(refused(vec![one(), report(&["a", "b"], Some((2, 3)), whole)]).contains("one of 3 parts"));
        assert!(
            other(|saved| saved.started.counterfoil = "0.2.0".to_owned())
                .ends_with("Counterfoil 0.2.0 ran it, and not 0.1.0")
        );
        assert!(
            other(|saved| saved.started.basis.as_mut().unwrap().strict = true)
                .ends_with("one of them is --strict")
        );
        assert!(
            other(|saved| saved.started.basis.as_mut().unwrap().suite = "bb".to_owned())
                .ends_with("scenarios are others")
        );
        assert!(other(|saved| saved.started.planned.clear()).contains("which knew no parts"));
        let stray = other(|saved| {
            let run = saved.finished.pop_first().unwrap().1;
            saved.finished.insert("z@0.55".to_owned(), run);
        });
        assert_eq!(stray, "other tells of z@0.55, which is not in part 2 of 2");
    }

    proptest! {
        #[test]
        fn parts_make_the_whole_again(of in 1_usize..6, ids in 1_usize..8) {
            let ids: Vec<String> = (0..ids).map(|number| format!("s{number}")).collect();
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            // They may come in any order.
            let parts = (1..=of).rev().map(|number| report(&ids, Some((number, of)), usize::MAX));
            let merged = Merged::of(parts.collect()).unwrap();
            prop_assert!(merged.gaps.is_empty());
            let whole = Merged::of(vec![report(&ids, None, usize::MAX)]).unwrap();
            prop_assert_eq!(&merged.summary, &whole.summary);
            let ids = |run: &Merged| run.finished.iter().map(Finished::id).collect::<Vec<_>>();
            prop_assert_eq!(ids(&merged), ids(&whole));
        }
    }
}
