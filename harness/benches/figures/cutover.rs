//! The cutover: a rehearsal over processes, the same again with nothing changed, and a release with many plugins.

use std::{
    env, fs, iter,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use counterfoil::report::{
    cutover::{Told, html, json, terminal},
    layout::Layout,
};
use counterfoil_core::{
    mutants::good_release,
    release::{Case, Facts, Release, assess},
};

use crate::runner::{Figures, RUNS, median, timed};

/// The rehearsal with an engine and four plugins, all in order.
const REHEARSAL: &str = "as-it-should-have-been.yaml";

/// How long a rehearsal over five mock processes may take, and how long the same again.
const FIRST: Duration = Duration::from_secs(30);
const AGAIN: Duration = Duration::from_secs(2);

/// How often a whole rehearsal is made.
const REHEARSALS: usize = 5;

/// Five members that are tested, and the same five when nothing has changed.
pub(crate) fn rehearsal(figures: &mut Figures) {
    let (first, again) = ("cutover-rehearsal", "cutover-nothing-changed");
    if !figures.wants(first) && !figures.wants(again) {
        return;
    }
    let place = tempfile::tempdir().expect("a directory");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/cutover"), place.path());
    let made = |afresh: &[&str]| {
        let program = Path::new(env!("CARGO_BIN_EXE_counterfoil"));
        let ours = program.parent().into_iter().map(Path::to_owned);
        let path = env::var_os("PATH").unwrap_or_default();
        let path = env::join_paths(ours.chain(env::split_paths(&path))).expect("it is a path");
        let mut command = Command::new(program);
        command.arg("cutover").arg(place.path().join(REHEARSAL)).args(afresh).env("PATH", path);
        timed(|| {
            let done = command.stdout(Stdio::null()).status().expect("it starts");
            assert!(done.success(), "the rehearsal is go");
        })
    };
    let took = median(iter::repeat_with(|| made(&["--afresh"])).take(REHEARSALS).collect());
    figures.single(first, &format!("{took:.2?}"), "30 s", took < FIRST);
    let took = median(iter::repeat_with(|| made(&[])).take(RUNS).collect());
    figures.single(again, &format!("{took:.2?}"), "2 s", took < AGAIN);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("it can be read").map(|entry| entry.expect("an entry").path()) {
        let to = to.join(entry.file_name().expect("a name"));
        if entry.is_dir() { copy(&entry, &to) } else { _ = fs::copy(&entry, to).expect("a copy") }
    }
}

/// A release with 50 plugins against ten with five each: judged and told in every form, where nothing has to be found out.
pub(crate) fn fifty_plugins(figures: &mut Figures) {
    let name = "cutover-50-plugins";
    if !figures.wants(name) {
        return;
    }
    let (many, few) = (of_plugins(50), of_plugins(5));
    figures.pairs(
        name,
        1.5,
        || timed(|| told(&many)),
        || timed(|| (0..10).map(|_| told(&few)).sum::<usize>()),
    );
}

fn told((release, facts): &(Release, Facts)) -> usize {
    let case = Case { release, facts };
    let (checks, verdict) = assess(case);
    let told = Told::of(case, &checks, verdict);
    terminal(&told, true, Layout::of(100)).len() + json(&told).len() + html(&told).len()
}

/// A release in good order with so many plugins.
fn of_plugins(count: u32) -> (Release, Facts) {
    let (mut release, mut facts) = good_release();
    let (plugin, found) = (release.plugins.swap_remove(0), facts.plugins.swap_remove(0));
    release.plugins = (0..count)
        .map(|number| {
            let mut plugin = plugin.clone();
            plugin.name = format!("{}-{number}", plugin.name);
            plugin.order = number + 2;
            plugin
        })
        .collect();
    facts.plugins = iter::repeat_n(found, count as usize).collect();
    (release, facts)
}
