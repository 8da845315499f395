//! Exploration: plans and faults made up, run, judged by every rule, and what is found made as small as it gets.
//!
//! Whatever the plan and whatever fails, the rules hold. A case that breaks one is a scenario like any other: it is written
//! down as a file, which anyone can run, read and commit.

mod file;
mod generate;
mod shrink;
pub mod space;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use counterfoil_core::{
    judge::{self, SkipKind, Verdict},
    rpc::Method,
    rules::{Finding, Level, Party},
    scenario::{Dispatch, Scenario, parse, write},
    trace::{Trace, first_reply},
};
use counterfoil_proto::{Revision, iac};
use prost::Message as _;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

pub use self::{file::Written, generate::Offer};
use self::{
    generate::hangs,
    shrink::{bare, candidates, size},
    space::Space,
};
use crate::run::{self, Job, Target, Untraced, Variant};

/// What is explored, and how far.
#[derive(Clone, Debug)]
pub struct Exploration {
    /// Where the provider is.
    pub target: Target,
    /// Our own pair, or a broken one.
    pub variant: Variant,
    /// What most cases are about.
    pub emphasis: Emphasis,
    /// What the provider offers.
    pub offer: Offer,
    /// How many cases are run at most.
    pub cases: u64,
    /// How long it may take; none: as long as its cases do.
    pub time: Option<Duration>,
    /// Everything that is made up follows from it.
    pub seed: u64,
    /// Findings of level SHOULD count too.
    pub strict: bool,
    /// How many cases run at once.
    pub at_once: usize,
}

/// What most cases are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emphasis {
    /// Plans, driven call by call.
    Plans,
    /// Replies, which are out of order in some way.
    Replies,
    /// Nothing but the replies themselves: there is a decoder, and no engine.
    RepliesAlone,
}

/// How many cases are made before it is looked at which corners are bare: the same number whatever runs at once, so that
/// the same seed leads to the same cases.
const ROUND: u64 = 128;

/// How many cases are made up at most until there is one that an engine behind an adapter can be given.
const MADE_UP: u64 = 200;

/// How often a finding is asked to come back.
const TRIES: u32 = 5;

/// How many times a scenario is run at most to make it smaller.
const SHRINKS: u32 = 2_000;

/// How long that may take, of a subject that is slow.
const SHRINK_TIME: Duration = Duration::from_secs(300);

/// A broken rule, and the smallest scenario that was found to break it.
#[derive(Clone, Debug)]
pub struct Find {
    /// The rule, by its id.
    pub rule: String,
    /// Who broke it.
    pub party: Party,
    /// What the rule says of the smallest scenario.
    pub message: String,
    /// The case in which it was found, from 0.
    pub case: u64,
    /// How many actions and faults that had.
    pub found: (usize, usize),
    /// The smallest scenario.
    pub scenario: Arc<Scenario>,
    /// How many runs it took to get there.
    pub runs: u32,
    /// Whether it may be smaller still: the search for that was cut short.
    pub cut_short: bool,
    /// How often it was tried again: less than usual where that was interrupted, or the subject took no more.
    pub tries: u32,
    /// In how many of these the rule was broken again.
    pub came_back: u32,
}

impl Find {
    /// Whether it comes back now and then, and not each time.
    pub fn is_flaky(&self) -> bool {
        self.came_back < self.tries
    }
}

/// What came of an exploration.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// How many cases were run.
    pub cases: u64,
    /// How many of them could not be judged, and why the first of them could not.
    pub unjudged: u64,
    /// Why the first of these could not.
    pub first_unjudged: Option<String>,
    /// What was broken, in the order in which it was found.
    pub finds: Vec<Find>,
    /// Where it went.
    pub space: Space,
    /// How long it took, without making anything smaller.
    pub took: Duration,
    /// How long runs took, added up.
    pub in_subject: Duration,
    /// How much of that went to runs that wait for a deadline.
    pub waited: Duration,
    /// Cases in which Counterfoil itself failed, each with what it said.
    pub defects: Vec<String>,
    /// It was interrupted.
    pub interrupted: bool,
}

impl Account {
    /// Takes a case that came to its end, or to none.
    fn take(&mut self, joined: Option<Result<Ended, JoinError>>, ended: &mut Vec<Ended>) {
        match joined {
            Some(Ok(case)) => ended.push(case),
            Some(Err(error)) => self.defects.push(error.to_string()),
            None => {}
        }
    }
}

/// What a plugin offers, by what it declares as it is loaded.
///
/// # Errors
/// Why it does not load.
pub async fn offer(target: &Target, prefix: String) -> Result<Offer, String> {
    let bare = "id: bare\ntitle: A plan without actions\nplan: { actions: [] }\n";
    let bare = parse("bare.yaml", bare.as_bytes()).expect("it is in order");
    let job = job(Arc::new(bare));
    let traced = run::traced(&job, target, &Variant::Reference);
    let trace = match Box::pin(traced).await {
        Ok(trace) => trace,
        Err(Untraced::Skipped(_, reason) | Untraced::Failed(reason)) => return Err(reason),
    };
    let Some(declared) = first_reply(&trace.events, Method::Capabilities) else {
        let assessment = judge::assess(&trace, false);
        return Err(match (assessment.verdict, assessment.findings.into_iter().next()) {
            (Verdict::Unjudged { reason }, _) => reason,
            (_, Some(finding)) => format!("{}: {}", finding.rule, finding.message),
            (_, None) => "it does not tell its capabilities".to_owned(),
        });
    };
    let declared = iac::CapabilitiesResponse::decode(declared).unwrap_or_default();
    let types = declared.capabilities.into_iter().map(|capability| capability.resource_type).collect();
    Ok(Offer::of_plugin(types, prefix))
}

/// Explores. Each find is told as soon as it is as small as it gets.
pub async fn explore(
    exploration: &Exploration,
    stop: &CancellationToken,
    mut tell: impl FnMut(&Find),
) -> Account {
    let begun = Instant::now();
    let explorer = Arc::new(Explorer { exploration: exploration.clone() });
    let mut account = Account::default();
    let mut known: BTreeSet<(String, Party)> = BTreeSet::new();
    let mut aside = Duration::ZERO;
    let over = |aside: Duration| exploration.time.is_some_and(|time| begun.elapsed() >= time + aside);
    let mut next = 0;
    while next < exploration.cases && !stop.is_cancelled() && !over(aside) {
        let round = next..(next + ROUND).min(exploration.cases);
        next = round.end;
        let barest = account.space.barest();
        let mut ended = Vec::new();
        let mut running = JoinSet::new();
        for number in round {
            // Every second case goes where the fewest have been.
            let aims = number % 2 == 1 && exploration.emphasis == Emphasis::Plans;
            let aim = aims.then(|| barest[(number % ROUND) as usize / 2 % barest.len()]);
            while running.len() >= exploration.at_once {
                account.take(running.join_next().await, &mut ended);
            }
            if stop.is_cancelled() || over(aside) {
                break;
            }
            let explorer = Arc::clone(&explorer);
            running.spawn(async move { explorer.case(number, aim).await });
        }
        while !running.is_empty() {
            account.take(running.join_next().await, &mut ended);
        }
        ended.sort_by_key(|ended| ended.number);
        for Ended { number, scenario, played } in ended {
            account.cases += 1;
            account.in_subject += played.took;
            account.waited += scenario.deadline.map_or(Duration::ZERO, |_| played.took);
            if let Some(trace) = &played.trace {
                account.space.enter(&scenario, trace);
            }
            if let Some(reason) = &played.unjudged {
                account.unjudged += 1;
                account.first_unjudged.get_or_insert_with(|| reason.clone());
            }
            for finding in played.findings {
                if stop.is_cancelled() || !known.insert((finding.rule.clone(), finding.party)) {
                    continue;
                }
                let shrinking = Instant::now();
                let find = Box::pin(explorer.find(number, &scenario, finding, stop)).await;
                aside += shrinking.elapsed();
                tell(&find);
                account.finds.push(find);
            }
        }
    }
    account.took = begun.elapsed().saturating_sub(aside);
    account.interrupted = stop.is_cancelled();
    account
}

/// A case that came to its end.
struct Ended {
    number: u64,
    scenario: Arc<Scenario>,
    played: Played,
}

/// What a run gave.
#[derive(Default)]
struct Played {
    /// What counts against the subject.
    findings: Vec<Finding>,
    trace: Option<Trace>,
    /// Why there is nothing to judge by, where there is not.
    unjudged: Option<String>,
    /// The subject takes no more: this says nothing about what would have come of it.
    not_run: bool,
    took: Duration,
}

struct Explorer {
    exploration: Exploration,
}

impl Explorer {
    /// Makes up a case, and runs it.
    async fn case(&self, number: u64, aim: Option<space::Corner>) -> Ended {
        let scenario = self.settled(self.made_up(number, aim)).await;
        let played = self.play(&scenario).await;
        Ended { number, scenario, played }
    }

    /// Makes up a case: one that the subject can be given, if that is found within so many.
    fn made_up(&self, number: u64, aim: Option<space::Corner>) -> Scenario {
        let mut scenario = in_order(generate::case(&self.exploration, number, aim));
        if let Target::Engine(engine) = &self.exploration.target {
            for attempt in 1..=MADE_UP {
                if engine.takes(&job(Arc::new(scenario.clone()))) {
                    break;
                }
                // Numbers that no other case has.
                scenario = in_order(generate::case(&self.exploration, number | attempt << 32, aim));
            }
        }
        scenario
    }

    /// The scenario with what its script for the provider breaks by itself listed as expected: that is its own doing, and
    /// nobody else's.
    async fn settled(&self, mut scenario: Scenario) -> Arc<Scenario> {
        if matches!(scenario.dispatch, Dispatch::V1 { reply: Some(_) }) {
            scenario.expect.findings.clear();
            let job = job(Arc::new(scenario.clone()));
            if let Ok(trace) = run::traced(&job, &Target::Embedded, &Variant::Reference).await {
                let findings = judge::assess(&trace, false).findings.into_iter();
                let is_played =
                    |finding: &Finding| finding.level == Level::Must && finding.party == Party::Provider;
                let rules = findings.filter(is_played).map(|finding| finding.rule);
                scenario.expect.findings = rules.collect::<BTreeSet<_>>().into_iter().collect();
            }
        }
        Arc::new(scenario)
    }

    /// Runs a scenario against the subject and judges it.
    async fn play(&self, scenario: &Arc<Scenario>) -> Played {
        let begun = Instant::now();
        let job = job(Arc::clone(scenario));
        let Exploration { target, variant, strict, .. } = &self.exploration;
        let traced = run::traced(&job, target, variant).await;
        let took = begun.elapsed();
        let trace = match traced {
            Ok(trace) => trace,
            Err(untraced) => {
                let not_run = matches!(untraced, Untraced::Skipped(SkipKind::NotRun, _));
                let (Untraced::Skipped(_, reason) | Untraced::Failed(reason)) = untraced;
                return Played { unjudged: Some(reason), not_run, took, ..Played::default() };
            }
        };
        let assessment = judge::assess(&trace, *strict);
        let counts = |finding: &Finding| finding.level == Level::Must || *strict;
        let reason = match assessment.verdict {
            Verdict::Unjudged { reason } => Some(reason),
            _ => None,
        };
        Played {
            findings: assessment.findings.into_iter().filter(counts).collect(),
            trace: Some(trace),
            unjudged: reason,
            not_run: false,
            took,
        }
    }

    /// Makes what was found as small as it gets, and sees whether it comes back.
    async fn find(
        &self,
        case: u64,
        scenario: &Arc<Scenario>,
        finding: Finding,
        stop: &CancellationToken,
    ) -> Find {
        let mut find = Find {
            rule: finding.rule,
            party: finding.party,
            message: finding.message,
            case,
            found: (scenario.plan.actions.len(), scenario.faults.len()),
            scenario: Arc::clone(scenario),
            runs: 0,
            cut_short: false,
            tries: 0,
            came_back: 0,
        };
        self.shrink(&mut find, stop).await;
        while find.tries < TRIES && !stop.is_cancelled() {
            let again = self.play(&find.scenario).await;
            if again.not_run {
                break;
            }
            find.tries += 1;
            find.came_back += u32::from(broken(&again, &find).is_some());
        }
        find
    }

    /// Takes whatever is smaller and still breaks the rule, until nothing is.
    async fn shrink(&self, find: &mut Find, stop: &CancellationToken) {
        let begun = Instant::now();
        let mut smaller = true;
        while std::mem::take(&mut smaller) {
            let known = size(&find.scenario);
            for candidate in candidates(&bare(&find.scenario), &self.exploration.offer) {
                if stop.is_cancelled() || find.runs >= SHRINKS || begun.elapsed() >= SHRINK_TIME {
                    find.cut_short = true;
                    return;
                }
                let Some(candidate) = read_again(&candidate) else { continue };
                if size(&candidate) >= known {
                    continue;
                }
                find.runs += 1;
                let candidate = self.settled(candidate).await;
                let played = self.play(&candidate).await;
                if played.not_run {
                    find.cut_short = true;
                    return;
                }
                if let Some(message) = broken(&played, find) {
                    (find.scenario, find.message, smaller) = (candidate, message, true);
                    break;
                }
            }
        }
    }
}

/// What the rule of a find says of a run, if it says anything.
fn broken(played: &Played, find: &Find) -> Option<String> {
    let same = |finding: &&Finding| (&finding.rule, finding.party) == (&find.rule, find.party);
    played.findings.iter().find(same).map(|finding| finding.message.clone())
}

fn job(scenario: Arc<Scenario>) -> Job {
    let revision = scenario.revisions.revisions().pop().unwrap_or(Revision::ALL[Revision::ALL.len() - 1]);
    Job { scenario, revision }
}

/// The scenario as its file would be read; none where that would be refused.
fn read_again(scenario: &Scenario) -> Option<Scenario> {
    parse("found.yaml", write(scenario).as_bytes()).ok()
}

/// The same as its file would be read, without what the file would be refused for: faults that can never strike, most of
/// all.
fn in_order(mut scenario: Scenario) -> Scenario {
    loop {
        if let Some(scenario) = read_again(&scenario) {
            return scenario;
        }
        // Which of them it was is told by line; to leave out the last is simpler, and loses little.
        if scenario.faults.pop().is_some() {
            scenario.deadline = scenario.deadline.filter(|_| scenario.faults.iter().any(hangs));
        } else {
            scenario.plan.actions.pop().expect("a plan without actions is in order");
            scenario.addresses.pop();
            if scenario.plan.actions.is_empty() {
                scenario.trials.clear();
            }
        }
    }
}
