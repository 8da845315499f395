use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
};

use counterfoil_mock::broken::{Flaw, ProviderMutant};

use super::*;
use crate::{
    adapter::Launch,
    run::{DecoderSuite, DecoderUnderTest},
};

fn exploration(variant: Variant, cases: u64, seed: u64) -> Exploration {
    let emphasis = match variant {
        Variant::Decoder(_) => Emphasis::Replies,
        _ => Emphasis::Plans,
    };
    Exploration {
        target: Target::Embedded,
        variant,
        emphasis,
        offer: Offer::default(),
        cases,
        time: None,
        seed,
        strict: false,
        at_once: 4,
    }
}

async fn explored(exploration: &Exploration) -> Account {
    explored_until(exploration, |_| false).await
}

async fn explored_until(exploration: &Exploration, is_enough: impl Fn(&Find) -> bool) -> Account {
    let stop = CancellationToken::new();
    let tell = |find: &Find| {
        if is_enough(find) {
            stop.cancel();
        }
    };
    explore(exploration, &stop, tell).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_found_of_the_reference_pair_and_nearly_every_corner_is_reached() {
    let account = explored(&exploration(Variant::Reference, 1_000, 7)).await;
    let finds: Vec<String> = account
        .finds
        .iter()
        .map(|find| format!("{}: {}\n{}", find.rule, find.message, write(&find.scenario)))
        .collect();
    assert!(finds.is_empty(), "{}", finds.join("\n"));
    assert_eq!((account.cases, account.defects), (1_000, Vec::<String>::new()));
    let (reached, corners) = account.space.reached();
    assert!(reached * 100 >= corners * 95, "{reached} of {corners}");
    // Some providers declare another version than v2, on purpose.
    assert!(account.unjudged < 50, "{}: {:?}", account.unjudged, account.first_unjudged);
}

#[tokio::test]
async fn what_a_subject_takes_no_more_counts_neither_as_smaller_nor_as_tried_again() {
    let nobody = Launch::of_ours("/nobody", "/nobody", &[], Duration::from_secs(1));
    let decoder = DecoderUnderTest::start(nobody, DecoderSuite::default(), &[]).await;
    let alone = Exploration {
        target: Target::Decoder(Arc::new(decoder)),
        emphasis: Emphasis::RepliesAlone,
        ..exploration(Variant::Reference, 1, 1)
    };
    let explorer = Explorer { exploration: alone };
    let Ended { scenario, played, .. } = explorer.case(0, None).await;
    assert!(played.not_run && played.unjudged.is_some());
    let finding = Finding {
        rule: "ADP-003".to_owned(),
        level: Level::Must,
        party: Party::Decoder,
        action: None,
        message: "it ended".to_owned(),
        place: None,
        evidence: Vec::new(),
    };
    let find = explorer.find(0, &scenario, finding, &CancellationToken::new()).await;
    assert_eq!((find.tries, find.came_back, find.is_flaky(), find.cut_short), (0, 0, false, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_pairs_are_found_and_made_small() {
    // Each takes something else to be found; the whole catalogue is a figure of the benchmarks.
    for (name, rule) in [
        ("forgets-failures", "OUT-001"),
        ("rescans", "DSP-006"),
        ("creates-anyway", "REP-002"),
        ("compensates-the-old", "HOOK-012"),
        ("unfinished-unseen", "FIN-003"),
        ("takes-any-failed-delete", "DEC-012"),
    ] {
        let variant = Variant::named(name).unwrap();
        let account = explored_until(&exploration(variant, 2_000, 1), |find| find.rule == rule).await;
        let find = account.finds.iter().find(|find| find.rule == rule);
        let find = find.unwrap_or_else(|| panic!("{name}: {rule} is not found"));
        let (actions, faults) = (find.scenario.plan.actions.len(), find.scenario.faults.len());
        assert!(actions <= 3 && faults <= 1, "{name}: {actions} actions, {faults} faults");
        assert!(!find.is_flaky() && !find.cut_short, "{name}: {find:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_seed_finds_the_same_files_however_many_cases_run_at_once() {
    let written = Written {
        seed: 3,
        subject: "the mutant".to_owned(),
        digest: None,
        replay: "counterfoil run --mutant finalizes-twice".to_owned().into(),
    };
    let mut files = Vec::new();
    for at_once in [1, 5] {
        let variant = Variant::named("skips-when-cancelled").unwrap();
        let account = explored(&Exploration { at_once, ..exploration(variant, 200, 3) }).await;
        let named = account.finds.iter().map(|find| written.file(find, Path::new("found")));
        files.push(named.collect::<BTreeMap<_, _>>());
    }
    assert!(!files[0].is_empty());
    assert_eq!(files[0], files[1]);
}

#[tokio::test]
async fn what_is_found_is_written_whole_or_not_at_all() {
    let scenario = parse("a.yaml", b"id: a\ntitle: A\nplan: { actions: [] }\n").unwrap();
    let find = Find {
        rule: "OUT-001".to_owned(),
        party: Party::Engine,
        message: "an action has no outcome".to_owned(),
        case: 0,
        found: (1, 1),
        scenario: Arc::new(scenario),
        runs: 0,
        cut_short: false,
        tries: TRIES,
        came_back: 2,
    };
    assert!(find.is_flaky());
    let replay = "counterfoil run --mutant x".to_owned();
    let written = Written { seed: 1, subject: "x".to_owned(), digest: None, replay: replay.into() };
    let directory = tempfile::tempdir().unwrap();
    let path = written.save(&find, &directory.path().join("a b")).unwrap();
    let again = parse("again.yaml", &fs::read(&path).unwrap()).unwrap();
    let found = again.found.unwrap();
    assert_eq!((&*found.rule, found.seed), ("OUT-001", 1));
    assert_eq!(found.replay, format!("counterfoil run --mutant x '{}'", path.display()));
    let beside: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().collect();
    assert_eq!(beside.len(), 1);

    // A file stands where the directory would be.
    let unsaved = written.save(&find, &path).unwrap_err();
    assert!(unsaved.to_string().contains("cannot be written"), "{unsaved}");
    assert!(unsaved.text.contains("rule: OUT-001"));
}

#[test]
fn whatever_is_made_up_is_in_order_and_so_is_most_of_what_is_made_smaller() {
    let exploration = exploration(Variant::Reference, 0, 11);
    let (mut candidates_read, mut all) = (0, 0);
    let corners = space::Corner::all().map(Some).flat_map(|corner| [corner, None]);
    for (number, aim) in (0..200).zip(corners) {
        let scenario = in_order(generate::case(&exploration, number, aim));
        let again = in_order(generate::case(&exploration, number, aim));
        assert_eq!(write(&scenario), write(&again), "case {number} is made up twice, and differs");
        for candidate in candidates(&bare(&scenario), &exploration.offer).into_iter().step_by(7) {
            all += 1;
            candidates_read += usize::from(read_again(&candidate).is_some());
        }
    }
    assert!(candidates_read * 2 > all, "{candidates_read} of {all}");
}

#[test]
fn in_a_cloud_of_others_names_keep_their_prefix_and_every_run_looks_back() {
    let offer = Offer::of_plugin(vec!["infra.vpc".to_owned()], "cf7-".to_owned());
    let exploration = Exploration { offer: offer.clone(), ..exploration(Variant::Reference, 0, 7) };
    for number in 0..40 {
        let scenario = in_order(generate::case(&exploration, number, None));
        for candidate in candidates(&bare(&scenario), &offer) {
            let names = candidate.plan.actions.iter().map(|action| &action.spec.name);
            let bare: Vec<_> = names.filter(|name| !name.starts_with("cf7-")).collect();
            assert_eq!((bare, &candidate.trials), (vec![], &scenario.trials), "{}", write(&candidate));
        }
    }
}

/// Answers each third delete as if it had been done, and does nothing.
static DELETES_MOST: ProviderMutant = ProviderMutant {
    name: "deletes-most",
    what: "each third delete is answered as if it had been done, and nothing is done",
    caught_by: &[],
    flaw: Flaw::Takes(|call| {
        static DELETES: AtomicU32 = AtomicU32::new(0);
        let is_delete = call.method == "ResourceDriver/Delete";
        let is_third = is_delete && DELETES.fetch_add(1, Ordering::Relaxed) % 3 == 2;
        let mut request =
            iac::ResourceDeleteRequest::decode(call.request.clone()).ok().filter(|_| is_third)?;
        "of-nothing".clone_into(&mut request.r#ref.as_mut()?.provider_id);
        Some(request.encode_to_vec().into())
    }),
};

#[tokio::test(flavor = "multi_thread")]
async fn what_a_provider_does_now_and_then_is_kept_with_its_rate() {
    let variant = Variant::Provider(&DELETES_MOST);
    let exploration = Exploration { at_once: 1, ..exploration(variant, 200, 1) };
    let account = explored_until(&exploration, |find| find.rule == "RPC-030").await;
    let find = account.finds.iter().find(|find| find.rule == "RPC-030").expect("it is found");
    assert!(find.is_flaky(), "{find:?}");
}

/// Fires once a provider has deleted nothing for so many times.
static INTERRUPT: LazyLock<CancellationToken> = LazyLock::new(CancellationToken::new);
const DELETES_UNTIL_INTERRUPTED: u32 = 4;

/// Answers each delete as if it had been done, and does nothing; somebody loses patience over it.
static DELETES_NOTHING: ProviderMutant = ProviderMutant {
    name: "deletes-nothing",
    what: "a delete is answered as if it had been done, and nothing is done",
    caught_by: &[],
    flaw: Flaw::Takes(|call| {
        static DELETES: AtomicU32 = AtomicU32::new(0);
        let is_delete = call.method == "ResourceDriver/Delete";
        let mut request =
            iac::ResourceDeleteRequest::decode(call.request.clone()).ok().filter(|_| is_delete)?;
        if DELETES.fetch_add(1, Ordering::Relaxed) + 1 == DELETES_UNTIL_INTERRUPTED {
            INTERRUPT.cancel();
        }
        "of-nothing".clone_into(&mut request.r#ref.as_mut()?.provider_id);
        Some(request.encode_to_vec().into())
    }),
};

#[tokio::test]
async fn of_a_find_that_is_being_made_smaller_the_best_so_far_is_kept() {
    let create =
        |at| format!("    - create: {{ name: net-{at}, type: infra.vpc, config: {{ label: {at} }} }}\n");
    let actions = (0..8).map(create).collect::<Vec<_>>().concat();
    let delete = "    - delete: { name: old, type: infra.vpc, provider_id: vpc-7 }";
    let text =
        format!("id: whole\ntitle: Whole\nplan:\n  actions:\n{actions}{delete}\ntrials: [look-back]\n");
    let whole = Arc::new(parse("whole.yaml", text.as_bytes()).unwrap());
    let explorer = Explorer { exploration: exploration(Variant::Provider(&DELETES_NOTHING), 1, 1) };
    let played = explorer.play(&whole).await;
    let finding = played.findings.iter().find(|finding| finding.rule == "RPC-030");
    let finding = finding.unwrap_or_else(|| panic!("{:?}, {:?}", played.findings, played.unjudged)).clone();
    let find = explorer.find(0, &whole, finding, &INTERRUPT).await;
    assert!(INTERRUPT.is_cancelled() && find.cut_short, "{find:?}");
    assert!(find.scenario.plan.actions.len() < whole.plan.actions.len(), "{}", write(&find.scenario));
    // Whether it comes back is not waited for either.
    assert_eq!(find.tries, 0);
}
