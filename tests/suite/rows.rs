//! Table A.4, row by row: which scenarios take each way out of an action, at which revisions, and which mutant shows
//! that it matters.
//!
//! `docs/status-table.md` is what this computes; `UPDATE_GOLDEN=1` rewrites it.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    fmt::Write as _,
    fs,
    sync::Arc,
};

use counterfoil::run::{self, Job, Variant};
use counterfoil_core::{
    engine::{Exit, Semantics},
    judge::Verdict,
    mutants::ENGINES,
    plan::ActionKind,
    rules::Story,
    scenario::{Dispatch, Hook},
};
use counterfoil_proto::Revision;
use tokio::task::JoinSet;

use crate::survey;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/status-table.md");

/// How many runs are under way at once.
const AT_ONCE: usize = 4;

/// Scenarios that are named at most.
const NAMED: usize = 5;

/// A row of the table: the way out, in words, and the kinds of actions that it is about; none for any.
struct Row {
    title: &'static str,
    exit: Exit,
    kinds: &'static [ActionKind],
}

const fn row(title: &'static str, exit: Exit, kinds: &'static [ActionKind]) -> Row {
    Row { title, exit, kinds }
}

const ROWS: [Row; 13] = {
    use ActionKind::{Create, Delete, Update};
    [
        row("it was done", Exit::Clean, &[]),
        row("the context had ended", Exit::Cancelled, &[]),
        row("the before-action hook refused it", Exit::BeforeActionHook, &[]),
        row("a reference did not resolve", Exit::References, &[]),
        row("there was no driver", Exit::DriverResolve, &[]),
        row("a create or an update failed", Exit::Driver, &[Create, Update]),
        row("a delete failed", Exit::Driver, &[Delete]),
        row("a step of a replace failed", Exit::Replace, &[]),
        row("a replace was cancelled between its steps", Exit::ReplaceCancelled, &[]),
        row("the word is unknown", Exit::UnknownAction, &[]),
        row("the hook inside a replace failed", Exit::ReplaceDeleteHook, &[]),
        row("the hook behind a delete failed", Exit::DeleteHook, &[]),
        row("the hook behind an applied resource failed", Exit::ApplyHook, &[]),
    ]
};

impl Row {
    fn is(&self, exit: Exit, kind: &ActionKind) -> bool {
        exit == self.exit && (self.kinds.is_empty() || self.kinds.contains(kind))
    }

    /// Whether a revision has this way out at all.
    fn exists_at(&self, revision: Revision) -> bool {
        self.exit != Exit::BeforeActionHook || revision.engine().hooks.contains(&Hook::BeforeAction)
    }

    /// A kind of action that can take this way.
    fn kind(&self) -> ActionKind {
        match self.exit {
            Exit::Replace | Exit::ReplaceCancelled | Exit::ReplaceDeleteHook => ActionKind::Replace,
            Exit::DeleteHook => ActionKind::Delete,
            _ => self.kinds.first().cloned().unwrap_or(ActionKind::Create),
        }
    }

    /// Its status at a revision, in words.
    fn status(&self, revision: Revision) -> String {
        let status = Semantics::at(revision).status;
        let (own, delete) = (status.of(self.exit, &self.kind()), status.of(self.exit, &ActionKind::Delete));
        // Neither an unknown word nor an applied resource is a delete.
        let never = matches!(self.exit, Exit::UnknownAction | Exit::ApplyHook);
        let may_delete = self.kinds.is_empty() && self.kind() != ActionKind::Replace && !never;
        if may_delete && own != delete { format!("{own}; a delete: {delete}") } else { own.to_string() }
    }

    /// The mutants that give this row, and no other, another status.
    fn mutants(&self) -> Vec<&'static str> {
        let altered = |row: &Row, alter: fn(&mut Semantics)| {
            [Revision::V0_55, Revision::Head].into_iter().any(|revision| {
                let mut semantics = Semantics::at(revision);
                let honest = semantics.status.of(row.exit, &row.kind());
                alter(&mut semantics);
                semantics.status.of(row.exit, &row.kind()) != honest
            })
        };
        let own = ENGINES.iter().filter(|mutant| {
            let rows = ROWS.iter().filter(|row| altered(row, mutant.alter));
            let titles: Vec<&str> = rows.map(|row| row.title).collect();
            titles == [self.title]
        });
        own.map(|mutant| mutant.name).collect()
    }
}

/// By row and revision, the scenarios that take that way out there.
type Taken = BTreeMap<(usize, Revision), BTreeSet<String>>;

fn taken() -> Taken {
    let passed: BTreeSet<(&str, Revision)> = survey::stock()
        .iter()
        .filter(|run| run.verdict == Verdict::Pass)
        .map(|run| (run.scenario.as_str(), run.revision))
        .collect();
    let jobs = survey::scenarios().iter().filter(|scenario| scenario.dispatch == Dispatch::V2);
    let jobs = jobs.flat_map(|scenario| {
        let revisions = scenario.revisions.revisions().into_iter();
        let revisions = revisions.filter(|revision| passed.contains(&(&*scenario.id, *revision)));
        revisions.map(|revision| Job { scenario: Arc::clone(scenario), revision })
    });
    let jobs: Vec<Job> = jobs.collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads start");
    runtime.block_on(async {
        let (mut running, mut taken) = (JoinSet::new(), Taken::new());
        let mut enter = |(job, rows): (Job, Vec<usize>)| {
            for row in rows {
                taken.entry((row, job.revision)).or_default().insert(job.scenario.id.clone());
            }
        };
        for job in jobs {
            if running.len() >= AT_ONCE
                && let Some(joined) = running.join_next().await
            {
                enter(joined.expect("no run panics"));
            }
            running.spawn(async move {
                let trace = run::drive(&job, &Variant::Reference).await;
                let trace = trace.expect("the mock answers");
                let story = Story::of(&trace);
                let begun = story.actions.iter().filter(|action| action.started.is_some());
                let ends = begun.filter_map(|action| Some((action.exit()?, &action.action.kind)));
                let rows = ends.filter_map(|(exit, kind)| ROWS.iter().position(|row| row.is(exit, kind)));
                let rows = rows.collect::<Vec<usize>>();
                (job, rows)
            });
        }
        running.join_all().await.into_iter().for_each(&mut enter);
        taken
    })
}

fn rendered(taken: &Taken) -> String {
    let mut text = String::from(
        "<!-- Computed by tests/suite/rows.rs; `just golden` rewrites it. -->\n\n# Table A.4, and what holds it\n\n\
         Every way out of an action ([A.4](facts.md#a-4)): its status, the stock scenarios that take it, and the \
         mutant that gives this row alone another status. Each row is taken at every revision that has it; 0.51 takes \
         it too, and keeps no outcome.\n\n\
         | an action ends so | before 0.56 | from 0.56 | revisions | scenarios | mutant |\n|---|---|---|---|---|---|\n",
    );
    for (at, row) in ROWS.iter().enumerate() {
        let of_row = || taken.iter().filter(|((row, _), _)| *row == at);
        let revisions: Vec<Revision> = of_row().map(|((_, revision), _)| *revision).collect();
        let scenarios: BTreeSet<&String> = of_row().flat_map(|(_, scenarios)| scenarios).collect();
        let mut named: Vec<String> =
            scenarios.iter().take(NAMED).map(|scenario| format!("`{scenario}`")).collect();
        if scenarios.len() > NAMED {
            named.push(format!("and {} more", scenarios.len() - NAMED));
        }
        let mutants: Vec<String> = row.mutants().iter().map(|mutant| format!("`{mutant}`")).collect();
        let early =
            if row.exists_at(Revision::V0_55) { row.status(Revision::V0_55) } else { "–".to_owned() };
        let _ = writeln!(
            text,
            "| {} | {early} | {} | {} | {} | {} |",
            row.title,
            row.status(Revision::Head),
            counterfoil::report::terminal::span(&revisions),
            named.join(", "),
            mutants.join(", ")
        );
    }
    text
}

#[test]
fn every_row_is_taken_at_every_revision_and_has_a_mutant() {
    let taken = taken();
    for (at, row) in ROWS.iter().enumerate() {
        for revision in Revision::ALL.iter().filter(|revision| row.exists_at(**revision)) {
            assert!(taken.contains_key(&(at, *revision)), "no stock scenario at {revision}: {}", row.title);
        }
        assert!(!row.mutants().is_empty(), "no mutant of its own: {}", row.title);
    }
    let rendered = rendered(&taken);
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(FILE, &rendered).unwrap();
    }
    let kept = fs::read_to_string(FILE).unwrap_or_default();
    assert!(kept == rendered, "docs/status-table.md is out of date; UPDATE_GOLDEN=1 rewrites it\n{rendered}");
}
