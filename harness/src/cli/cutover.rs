//! `counterfoil cutover`: one answer for several repositories that are released together.

use std::{
    collections::BTreeSet,
    env, fs,
    io::Write as _,
    path::{self, Path, PathBuf},
};

use clap::{Args, Subcommand};
use counterfoil_core::{
    release::{self, Case, Check, CheckState, Facts, Release, State, Verdict, assess},
    scenario,
};

use super::{
    carry_out::{Session, failed},
    commands::usage,
    exit::Exit,
    known::show_unusable,
    output::Output,
    reports::create,
};
use crate::{
    cutover::{self, Bundle, Lock, Memory, Setting},
    profiles,
    report::{
        cutover::{self as report, Told},
        terminal::counted,
    },
    run::{Unusable, read_document},
};

/// `counterfoil cutover`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, after_help = AFTER_HELP)]
pub(super) struct Cutover {
    /// What to do beside giving the answer.
    #[command(subcommand)]
    step: Option<Step>,
    /// The release: a YAML file that names its members (docs/cutover.md).
    #[arg(required = true)]
    file: Option<PathBuf>,
    /// What the answer stands on.
    #[command(flatten)]
    basis: Basis,
    /// Say what would make it go, and what holds.
    #[arg(long)]
    explain: bool,
    /// Write the answer to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the answer to this file, as a page for a browser.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

const AFTER_HELP: &str = "Exit codes:
  0  go, or go with waivers
  1  no-go: something does not hold, or is not known
  2  usage, or a file that is not valid; nothing was looked at
  3  the answer, a report, a lock or a bundle cannot be written
  5  a defect of Counterfoil itself
  130, 143  interrupted; what had been found out is kept

--json and --html are empty until there is an answer, so that no earlier one is taken for it.
What was found out is kept in .counterfoil/cutover beside the file, and only what changed is found out again.";

/// What an answer stands on.
#[derive(Debug, Args)]
struct Basis {
    /// Find out everything anew, whatever was found out before.
    #[arg(long)]
    afresh: bool,
    /// The lock of the release [default: beside its file, release.lock.json for release.yaml].
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Step {
    /// Lock what was judged, unless the answer is no-go: a later change of it is no-go.
    Freeze {
        /// The release.
        file: PathBuf,
        /// What the answer stands on.
        #[command(flatten)]
        basis: Basis,
    },
    /// Say what is left of each pair when what is public is withdrawn.
    #[command(after_help = "Exit codes:
  0  it is safe to withdraw these; without --withdraw: the ways are told
  1  it is not, or that is not known
  2  usage, or a file that is not valid")]
    Rollback {
        /// The release.
        file: PathBuf,
        /// Withdraw this member, by its name; may be repeated. Left out: every way back is told.
        #[arg(long, value_name = "MEMBER")]
        withdraw: Vec<String>,
        /// A state directory that the new engine wrote, to see whether the one of before can read it.
        #[arg(long, value_name = "DIR")]
        state: Option<PathBuf>,
        /// What the answer stands on.
        #[command(flatten)]
        basis: Basis,
    },
    /// Keep the answer, the lock, the evidence and the waivers in a directory, with the text of an issue for each repository that
    /// owes something. Nothing is posted.
    Bundle {
        /// The release.
        file: PathBuf,
        /// The directory, which is empty or does not exist yet.
        #[arg(long, value_name = "DIR")]
        into: PathBuf,
        /// What the answer stands on.
        #[command(flatten)]
        basis: Basis,
    },
}

/// A release that was judged.
struct Judged {
    release: Release,
    facts: Facts,
    checks: Vec<Check>,
    verdict: Verdict,
    /// Where the evidence is that was made for it.
    evidence: PathBuf,
    /// How many members there are, and of how many something was found out anew.
    members: (usize, usize),
}

/// Carries out the command.
pub(super) fn execute(args: &Cutover, output: Output) -> Result<Exit, Exit> {
    match (&args.step, &args.file) {
        (Some(Step::Freeze { file, basis }), _) => freeze(file, basis, output),
        (Some(Step::Rollback { file, withdraw, state, basis }), _) => {
            rollback(file, withdraw, state.as_deref(), basis, output)
        }
        (Some(Step::Bundle { file, into, basis }), _) => bundle(file, into, basis, output),
        (None, Some(file)) => answer(file, args, output),
        (None, None) => Err(usage("no release is given: name its file", output)),
    }
}

fn answer(file: &Path, args: &Cutover, output: Output) -> Result<Exit, Exit> {
    let release = read(file, output)?;
    guard(file, args, output)?;
    // That one cannot be written is said before anything is looked at.
    let open = |to: &Option<PathBuf>| {
        let to = to.as_deref().map(|path| Ok((path.display().to_string(), create(path)?)));
        to.transpose()
            .map_err(|error: std::io::Error| usage(&format!("a report cannot be written: {error}"), output))
    };
    let (json, html) = (open(&args.json)?, open(&args.html)?);
    let lock = lock(file, &args.basis, &release, output)?;
    let judged = judge(release, file, &args.basis, lock.as_ref(), output)?;
    let told = judged.told();
    let mut exit = judged.exit().unless(output.print(&judged.shown(&told, args.explain, output)));
    let reports = [(json, report::json as fn(&Told) -> String), (html, report::html)];
    for (to, text) in reports {
        let Some((name, mut to)) = to else { continue };
        if let Err(error) = to.write_all(text(&told).as_bytes()) {
            exit = exit.unless(failed(&format!("the report {name} is not complete: {error}"), output));
        }
    }
    Ok(exit)
}

/// Sees to it that no report takes the place of what it is about, nor of the other.
fn guard(file: &Path, args: &Cutover, output: Output) -> Result<(), Exit> {
    let real = |path: &Path| path.canonicalize().or_else(|_| path::absolute(path));
    let lock = args.basis.lock.clone().unwrap_or_else(|| cutover::beside(file));
    let mut taken: Vec<PathBuf> = [file, &lock].into_iter().filter_map(|path| real(path).ok()).collect();
    for report in [&args.json, &args.html].into_iter().flatten() {
        let Ok(path) = real(report) else { continue };
        if taken.contains(&path) {
            let text = format!("{} is the release, its lock, or the other report", report.display());
            return Err(usage(&format!("no report is written there: {text}"), output));
        }
        taken.push(path);
    }
    Ok(())
}

fn freeze(file: &Path, basis: &Basis, output: Output) -> Result<Exit, Exit> {
    let release = read(file, output)?;
    let to = basis.lock.clone().unwrap_or_else(|| cutover::beside(file));
    let before = read_lock(&to, &release, output)?;
    let judged = judge(release, file, basis, before.as_ref(), output)?;
    if judged.verdict == Verdict::NoGo {
        let told = judged.told();
        let printed = output.print(&judged.shown(&told, false, output));
        output.error("nothing is frozen: the answer is no-go");
        return Ok(Exit::Broken.unless(printed));
    }
    let lock = Lock::of(&judged.release, &judged.facts).map_err(|missing| {
        for why in missing {
            output.error(&format!("there is no digest of {why}"));
        }
        output.error("nothing is frozen: what has no digest can change unseen");
        Exit::Broken
    })?;
    if let Some(before) = before.filter(|before| before.is_like(&lock)) {
        return Ok(output.print(&format!("{} is as it was frozen at {}\n", judged.release.id, before.frozen)));
    }
    let frozen = lock.frozen.clone();
    lock.write(&to)
        .map_err(|error| failed(&format!("the lock {} cannot be written: {error}", to.display()), output))?;
    Ok(output.print(&format!("{} is frozen as of {frozen}, in {}\n", judged.release.id, to.display())))
}

fn rollback(
    file: &Path,
    withdraw: &[String],
    state: Option<&Path>,
    basis: &Basis,
    output: Output,
) -> Result<Exit, Exit> {
    let release = read(file, output)?;
    let withdrawn = withdrawn(withdraw, &release, output)?;
    let lock = lock(file, basis, &release, output)?;
    let judged = judge(release, file, basis, lock.as_ref(), output)?;
    let case = judged.case();
    let state = state.map(cutover::read_state);
    let ways = release::rollback(case, state.as_ref());
    let told = judged.told();
    // A tag that was public is neither moved nor used again, whatever is safe to withdraw.
    let is_refused = |check: &&Check| check.rule == "REL-023" && check.state == CheckState::Broken;
    let refused: Vec<&Check> = judged.checks.iter().filter(is_refused).collect();
    for Check { member, text, help, .. } in &refused {
        output.error(&format!("{}: {text}: {help}", member.as_deref().unwrap_or(&judged.release.id)));
    }
    let refused = if refused.is_empty() { Exit::Passed } else { Exit::Broken };
    if withdrawn.is_empty() {
        let printed = output.print(&report::rollback(&told, &ways, None, output.layout()));
        return Ok(refused.unless(printed));
    }
    let retreat = ways.of(case, &withdrawn).map_err(|names| {
        usage(&format!("what is not public cannot be withdrawn: {}", names.join(", ")), output)
    })?;
    let exit = if retreat.safe() == CheckState::Holds { Exit::Passed } else { Exit::Broken };
    let shown = report::rollback(&told, &ways, Some((withdraw, &retreat)), output.layout());
    Ok(exit.unless(refused).unless(output.print(&shown)))
}

/// The members that are to be withdrawn, each once.
fn withdrawn<'n>(names: &'n [String], release: &Release, output: Output) -> Result<BTreeSet<&'n str>, Exit> {
    let mut withdrawn = BTreeSet::new();
    for name in names {
        let Some(member) = release.members().find(|member| member.name == *name) else {
            let known = release.members().map(|member| &*member.name);
            let meant = scenario::nearest(name, known).map_or_else(
                || "the release has no such member".to_owned(),
                |meant| format!("did you mean {meant}?"),
            );
            return Err(usage(&format!("--withdraw {name}: {meant}"), output));
        };
        if member.state == State::Withdrawn || !withdrawn.insert(&**name) {
            return Err(usage(&format!("--withdraw {name}: it is withdrawn already"), output));
        }
    }
    Ok(withdrawn)
}

fn bundle(file: &Path, into: &Path, basis: &Basis, output: Output) -> Result<Exit, Exit> {
    let release = read(file, output)?;
    // What stands there is seen before anything is looked at.
    let is_taken = match fs::symlink_metadata(into) {
        Ok(found) if found.is_dir() => fs::read_dir(into).is_ok_and(|mut entries| entries.next().is_some()),
        found => found.is_ok(),
    };
    if is_taken {
        let text = format!("{} is there: a bundle goes into a directory of its own", into.display());
        return Err(usage(&text, output));
    }
    let parent = cutover::parent_of(into);
    if !parent.is_dir() {
        let text = format!("{} cannot be made: there is no directory {}", into.display(), parent.display());
        return Err(usage(&text, output));
    }
    let at = basis.lock.clone().unwrap_or_else(|| cutover::beside(file));
    let lock = lock(file, basis, &release, output)?;
    let judged = judge(release, file, basis, lock.as_ref(), output)?;
    let told = judged.told();
    let bundle = Bundle::of(&told, &judged.release, Some(&at), &judged.facts, &judged.evidence)
        .map_err(|(path, error)| failed(&format!("{} cannot be read: {error}", path.display()), output))?;
    bundle.write(into).map_err(|error| {
        failed(&format!("the bundle {} cannot be written: {error}", into.display()), output)
    })?;
    let names = bundle.names().map(|name| format!("{}\n", into.join(name).display()));
    let shown = format!("{}: {}\n{}", told.verdict, told.sums(), names.collect::<String>());
    Ok(judged.exit().unless(output.print(&shown)))
}

/// Reads a release, and shows its mistakes.
fn read(file: &Path, output: Output) -> Result<Release, Exit> {
    let shown = file.display().to_string();
    let unusable = |mistakes, bytes: &[u8]| show_unusable(Unusable::new(mistakes, &shown, bytes), output);
    let bytes = read_document(file, &shown).map_err(|mistake| unusable(vec![*mistake], &[]))?;
    let directory = file.parent().unwrap_or(Path::new(""));
    let release =
        scenario::parse_release(&shown, directory, &bytes).map_err(|mistakes| unusable(mistakes, &bytes))?;
    let missing = profiles::missing_of(&release);
    if missing.is_empty() { Ok(release) } else { Err(unusable(missing, &bytes)) }
}

/// The lock that counts: the one that is named, which has to be there; else the one beside the file, where there is one.
fn lock(file: &Path, basis: &Basis, release: &Release, output: Output) -> Result<Option<Lock>, Exit> {
    match &basis.lock {
        None => read_lock(&cutover::beside(file), release, output),
        Some(named) => match read_lock(named, release, output)? {
            Some(lock) => Ok(Some(lock)),
            None => Err(usage(&format!("there is no lock {}", named.display()), output)),
        },
    }
}

fn read_lock(path: &Path, release: &Release, output: Output) -> Result<Option<Lock>, Exit> {
    let unusable = |error| usage(&format!("the lock {}: {error}", path.display()), output);
    Lock::read(path, &release.id).map_err(unusable)
}

/// Finds out what there is to know about the members of a release, and judges them.
fn judge(
    release: Release,
    file: &Path,
    basis: &Basis,
    lock: Option<&Lock>,
    output: Output,
) -> Result<Judged, Exit> {
    let ours = |what: &str, error| failed(&format!("it cannot be told where {what} is: {error}"), output);
    let program = env::current_exe().map_err(|error| ours("counterfoil itself", error))?;
    let file = path::absolute(file).map_err(|error| ours("the release", error))?;
    let directory = file.parent().unwrap_or(Path::new("/"));
    let now = cutover::now();
    let memory = if basis.afresh {
        Memory::empty(directory, &release.id)
    } else {
        let (memory, forgotten) = Memory::open(directory, &release.id, &now);
        if let Some(why) = forgotten {
            let path = memory.path().display();
            output.error_text(&format!("what was found out before does not count, {path}: {why}\n"));
        }
        memory
    };
    let setting = Setting {
        release: &release,
        directory,
        program: &program,
        memory: &memory,
        now: &now,
        tell: &|text| output.error_text(&format!("{text}\n")),
    };
    let (gathered, signal) = Session::open(output)?.gather(&setting);
    if let Err(error) = gathered.memory.save(&now) {
        let path = memory.path().display();
        output.error_text(&format!(
            "what was found out cannot be kept in {path}, and is found out again: {error}\n"
        ));
    }
    let mut facts = match (gathered.facts, signal) {
        (Some(facts), None) => facts,
        (_, Some(signal)) => {
            output.error("interrupted: there is no answer");
            return Err(Exit::Interrupted(signal));
        }
        (None, None) => return Err(failed("it stopped: there is no answer", output)),
    };
    facts.lock = lock.map(|lock| lock.held_against(&release, &facts));
    let (checks, verdict) = assess(Case { release: &release, facts: &facts });
    let members = (release.members().count(), gathered.anew.len());
    Ok(Judged { release, facts, checks, verdict, evidence: memory.evidence(), members })
}

impl Judged {
    fn case(&self) -> Case<'_> {
        Case { release: &self.release, facts: &self.facts }
    }

    fn told(&self) -> Told {
        Told::of(self.case(), &self.checks, self.verdict)
    }

    fn exit(&self) -> Exit {
        if self.verdict == Verdict::NoGo { Exit::Broken } else { Exit::Passed }
    }

    /// The answer, for a terminal, and what it took.
    fn shown(&self, told: &Told, explain: bool, output: Output) -> String {
        let (all, anew) = self.members;
        let told = report::terminal(told, explain, output.layout());
        format!("{told}judged again: {anew} of {}\n", counted(all, "member"))
    }
}
