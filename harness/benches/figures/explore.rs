//! Exploration: what it finds of the broken pairs, and what it costs beside the runs themselves.

use std::{collections::BTreeSet, time::Duration};

use counterfoil::{
    explore::{Account, Emphasis, Exploration, Find, Offer, explore},
    mutants,
    run::{Target, Variant},
};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::runner::{Figures, timed};

/// Within how many cases each has to be found.
const CASES: u32 = 2_000;

/// The share of its time that an exploration spends in runs, one after the other, without those that wait for a deadline.
pub(crate) fn time_in_the_subject(figures: &mut Figures) {
    let name = "explore-in-the-subject";
    if !figures.wants(name) {
        return;
    }
    let account = explored(&exploration(Variant::Reference, 1), |_| false);
    let share = |time: Duration| time.saturating_sub(account.waited).as_secs_f64();
    let (runs, all) = (share(account.in_subject), share(account.took));
    let per_second = f64::from(CASES) / all;
    figures.single(name, &format!("{:.2}, {per_second:.0}/s", runs / all), "0.50", runs / all >= 0.5);
}

/// Rules about a provider that hold behind any plan; the others are about requests that no plan makes.
const BEHIND_ANY_PLAN: [&str; 2] = ["RPC-030", "RPC-031"];

/// A line for each broken engine, decoder, and provider that shows in a plan: in which case a rule that it declares was
/// found broken, how large that was, and how small it got.
pub(crate) fn mutants(figures: &mut Figures) {
    let name = "explore-mutants";
    if !figures.wants(name) {
        return;
    }
    let (mut count, mut met) = (0, 0);
    for mutant in mutants::all() {
        let is_declared = !mutant.caught_by.is_empty();
        let shows_in_a_plan =
            is_declared && mutant.caught_by.iter().all(|rule| BEHIND_ANY_PLAN.contains(rule));
        let variant = match mutant.place {
            mutants::Place::Pair(variant @ (Variant::Engine(_) | Variant::Decoder(_))) => variant,
            mutants::Place::Pair(variant @ Variant::Provider(_)) if shows_in_a_plan => variant,
            _ => continue,
        };
        let declared: BTreeSet<&str> = mutant.caught_by.iter().copied().collect();
        let mut account = Account::default();
        let took = timed(|| {
            account = explored(&exploration(variant, 2), |find| declared.contains(&*find.rule));
        });
        let find = account.finds.iter().find(|find| declared.contains(&*find.rule));
        let is_small = find.is_some_and(|find| size(find).0 <= 3 && size(find).1 <= 1);
        (count, met) = (count + 1, met + u32::from(is_small));
        let told = find.map_or("not found".to_owned(), |find| {
            let ((actions, faults), (fewer, less)) = (find.found, size(find));
            format!("{} in case {}, {actions} and {faults} made {fewer} and {less}", find.rule, find.case)
        });
        println!("  {:<36} {told}, {took:.2?}", mutant.name);
    }
    figures.single(name, &format!("{met} of {count}"), &count.to_string(), met == count);
}

/// How many actions and faults the smallest scenario has.
fn size(find: &Find) -> (usize, usize) {
    (find.scenario.plan.actions.len(), find.scenario.faults.len())
}

fn exploration(variant: Variant, at_once: usize) -> Exploration {
    Exploration {
        target: Target::Embedded,
        emphasis: if matches!(variant, Variant::Decoder(_)) { Emphasis::Replies } else { Emphasis::Plans },
        variant,
        offer: Offer::default(),
        cases: u64::from(CASES),
        time: None,
        seed: 1,
        strict: false,
        at_once,
    }
}

/// Explores until a find is enough.
fn explored(exploration: &Exploration, is_enough: impl Fn(&Find) -> bool) -> Account {
    let runtime = Runtime::new().expect("a runtime can be had");
    let stop = CancellationToken::new();
    let tell = |find: &Find| {
        if is_enough(find) {
            stop.cancel();
        }
    };
    runtime.block_on(explore(exploration, &stop, tell))
}
