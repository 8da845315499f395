//! The reference engine: the table of statuses, and what must hold for any plan and any failure.

use std::collections::{BTreeMap, BTreeSet};

use counterfoil_proto::{Hook, Revision, iac};
use proptest::prelude::*;
use prost::Message as _;
use serde_json::json;

use super::{
    Exit, Semantics,
    semantics::{late_status, status_by_phase},
    wire::Refuse,
};
use crate::{
    json::JsonMap,
    outcome::{Outcome, Status},
    plan::{Action, ActionKind, Current, Plan, Spec},
    rules::{self, Level},
    scenario::ResolvePoint,
    testing::{Fate, Setting},
    trace::{Event, Trace},
};

fn map(value: serde_json::Value) -> JsonMap {
    match value {
        serde_json::Value::Object(map) => JsonMap::from(map),
        _ => JsonMap::nil(),
    }
}

fn action(kind: ActionKind, name: &str, config: serde_json::Value) -> Action {
    let current = (kind != ActionKind::Create).then(|| Current {
        name: name.to_owned(),
        provider_id: format!("old-{name}"),
        ..Current::default()
    });
    let config = if kind == ActionKind::Delete { JsonMap::nil() } else { map(config) };
    let spec =
        Spec { name: name.to_owned(), resource_type: "infra.vpc".to_owned(), config, ..Spec::default() };
    Action { kind, spec, current, changes: Vec::new() }
}

fn statuses(outcomes: &[Outcome]) -> Vec<Status> {
    outcomes.iter().map(|outcome| outcome.status).collect()
}

#[test]
fn the_status_table_of_every_way_out() {
    use ActionKind::{Create, Delete};
    use Status::{CompensationFailed, DeleteFailed, Error, Skipped, Success};
    // Exit; before 0.56 for a create and for a delete; from 0.56 for a create and for a delete (A.4).
    let table = [
        (Exit::Clean, Success, Success, Success, Success),
        (Exit::Cancelled, Error, DeleteFailed, Skipped, Skipped),
        (Exit::BeforeActionHook, Error, DeleteFailed, Skipped, Skipped),
        (Exit::References, Error, DeleteFailed, Skipped, Skipped),
        (Exit::DriverResolve, Error, DeleteFailed, Skipped, Skipped),
        (Exit::Driver, Error, DeleteFailed, Error, DeleteFailed),
        (Exit::Replace, Error, DeleteFailed, Error, Error),
        (Exit::UnknownAction, Error, DeleteFailed, Error, Error),
        (Exit::ReplaceDeleteHook, Error, DeleteFailed, CompensationFailed, CompensationFailed),
        (Exit::DeleteHook, Error, DeleteFailed, CompensationFailed, CompensationFailed),
        (Exit::ApplyHook, Error, DeleteFailed, CompensationFailed, CompensationFailed),
    ];
    assert_eq!(table.map(|(exit, ..)| exit), Exit::ALL);
    for (exit, late_create, late_delete, create, delete) in table {
        assert_eq!(late_status(exit, &Create), late_create, "{exit:?}");
        assert_eq!(late_status(exit, &Delete), late_delete, "{exit:?}");
        assert_eq!(status_by_phase(exit, &Create), create, "{exit:?}");
        assert_eq!(status_by_phase(exit, &Delete), delete, "{exit:?}");
    }
}

#[test]
fn an_action_sees_the_outputs_of_those_before_it() {
    let (applied, trace) = Setting::of(vec![
        action(ActionKind::Create, "net", json!({})),
        action(ActionKind::Create, "db", json!({"network": "${net.id}", "port": "${net.port}"})),
    ])
    .run();
    assert_eq!(statuses(&applied.result.outcomes), [Status::Success, Status::Success]);
    assert_eq!(rules::judge(&trace).findings, []);
}

#[test]
fn a_failed_replace_leaves_its_dependents_without_a_reference() {
    let mut setting = Setting::of(vec![
        action(ActionKind::Replace, "net", json!({})),
        action(ActionKind::Create, "db", json!({"network": "${net.id}"})),
    ]);
    // Call 0 is the delete, call 1 the create (E-070d).
    setting.fates.insert(1, Fate::Lost);
    let (applied, _) = setting.run();
    assert_eq!(statuses(&applied.result.outcomes), [Status::Error, Status::Skipped]);
    assert!(applied.result.outcomes[0].error.starts_with("replace: create: rpc error: code = Unavailable"));
    assert!(applied.result.replace_ids.is_empty());
}

#[test]
fn a_failed_delete_of_a_replace_leaves_the_old_id_in_sight() {
    let mut setting = Setting::of(vec![
        action(ActionKind::Replace, "net", json!({})),
        action(ActionKind::Create, "db", json!({"network": "${net.id}"})),
    ]);
    setting.fates.insert(0, Fate::Lost);
    let (applied, trace) = setting.run();
    assert_eq!(statuses(&applied.result.outcomes), [Status::Error, Status::Success]);
    assert_eq!(rules::judge(&trace).findings, []);
}

#[test]
fn an_unknown_word_is_an_error_and_no_call() {
    let (applied, trace) =
        Setting::of(vec![action(ActionKind::Unknown("Create".to_owned()), "net", json!({}))]).run();
    assert_eq!(statuses(&applied.result.outcomes), [Status::Error]);
    assert_eq!(applied.result.outcomes[0].error, r#"unknown action "Create""#);
    assert_eq!(rules::judge(&trace).findings, []);
}

#[test]
fn a_refused_preflight_leaves_no_outcome() {
    let mut setting = Setting::of(vec![
        action(ActionKind::Create, "first", json!({})),
        action(ActionKind::Replace, "net", json!({})),
    ]);
    setting.hooks = vec![Hook::ResourceDeleted];
    setting.refuse.types = vec![(ResolvePoint::Preflight, "infra.vpc".to_owned())];
    let (applied, trace) = setting.run();
    assert_eq!(applied.result.outcomes, []);
    assert!(
        applied
            .error
            .is_some_and(|error| error.starts_with("infra.vpc/net: replace preflight resolve driver: "))
    );
    assert_eq!(rules::judge(&trace).findings, []);
}

#[test]
fn a_success_without_an_output_leaves_no_trace_of_the_resource() {
    let mut setting = Setting::of(vec![
        action(ActionKind::Create, "ghost", json!({})),
        action(ActionKind::Create, "db", json!({"network": "${ghost.id}"})),
    ]);
    setting.fates.insert(0, Fate::Answers(bytes::Bytes::new()));
    let (applied, trace) = setting.run();
    assert_eq!(statuses(&applied.result.outcomes), [Status::Success, Status::Skipped]);
    assert!(applied.result.resources.is_empty());
    assert_eq!(rules::judge(&trace).findings, []);
}

#[test]
fn at_0_51_errors_are_listed_and_outcomes_are_not() {
    let mut setting = Setting::of(vec![action(ActionKind::Create, "net", json!({}))]);
    setting.revision = Revision::V0_51;
    setting.fates.insert(0, Fate::Lost);
    let (applied, _) = setting.run();
    assert_eq!((applied.result.outcomes.len(), applied.result.errors.len()), (0, 1));
}

/// Names are few, so that actions share them and references meet them.
fn names() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["net", "db", "cache", "a.b", ""]).prop_map(str::to_owned)
}

fn config_values() -> impl Strategy<Value = serde_json::Value> {
    let text = prop::sample::select(vec![
        "plain",
        "$",
        "${",
        "${}",
        "${.id}",
        "${net.id}",
        "${db.id}-${net.port}",
        "${cache.text}",
        "${net.size}",
        "${net.a.b}",
        "${REGION}",
        "${UNSET}",
        "$${REGION}",
        "${a.b.port}",
    ]);
    let leaf = prop_oneof![
        6 => text.prop_map(|text| json!(text)),
        1 => any::<i64>().prop_map(|number| json!(number)),
        1 => Just(json!(null)),
        1 => any::<bool>().prop_map(|flag| json!(flag)),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(serde_json::Value::from),
            prop::collection::btree_map("[a-c${}]{1,4}", inner, 0..3).prop_map(|map| json!(map)),
        ]
    })
}

fn actions() -> impl Strategy<Value = Action> {
    let kinds = prop_oneof![
        4 => Just(ActionKind::Create),
        2 => Just(ActionKind::Update),
        3 => Just(ActionKind::Replace),
        2 => Just(ActionKind::Delete),
        1 => Just(ActionKind::Unknown("destroy".to_owned())),
    ];
    let types = prop::sample::select(vec!["infra.vpc", "infra.database", "infra.cache"]);
    let config = prop::collection::btree_map("[a-c]", config_values(), 0..3);
    (kinds, types, names(), config, prop::option::of("[a-z]{1,3}")).prop_map(
        |(kind, resource_type, name, config, id)| {
            let mut action = action(kind, &name, json!(config));
            resource_type.clone_into(&mut action.spec.resource_type);
            action.current = action.current.and(id).map(|provider_id| Current {
                name: name.clone(),
                provider_id,
                outputs: map(json!({"port": 1, "text": "old"})),
                ..Current::default()
            });
            action
        },
    )
}

/// Replies that a provider should not send: outputs that are no JSON, other names, no ids, and no message at all.
fn strange_outputs() -> impl Strategy<Value = bytes::Bytes> {
    let output =
        (names(), prop::sample::select(vec!["", "id-x"]), prop::sample::select(vec!["{", "[]", "{}", ""]));
    let output = output.prop_map(|(name, id, outputs)| {
        let output = iac::ResourceOutput {
            name,
            provider_id: id.to_owned(),
            outputs_json: outputs.into(),
            ..iac::ResourceOutput::default()
        };
        iac::ResourceCreateResponse { output: Some(output) }.encode_to_vec().into()
    });
    prop_oneof![3 => output, 1 => Just(bytes::Bytes::from_static(&[0x0a, 0x7f]))]
}

fn fates() -> impl Strategy<Value = BTreeMap<u32, Fate>> {
    let fate = prop_oneof![
        3 => Just(Fate::Lost),
        2 => Just(Fate::ReplyLost),
        1 => Just(Fate::Answers(bytes::Bytes::new())),
        1 => strange_outputs().prop_map(Fate::Answers),
    ];
    prop::collection::btree_map(0_u32..14, fate, 0..6)
}

prop_compose! {
    fn settings()(
        actions in prop::collection::vec(actions(), 0..9),
        revision in prop::sample::select(Revision::ALL),
        hook in any::<bool>(),
        refused in prop::collection::vec(
            (
                prop::sample::select(vec![ResolvePoint::Dispatch, ResolvePoint::Preflight]),
                prop::sample::select(vec!["infra.vpc", "infra.database", "infra.cache"]),
            ),
            0..2,
        ),
        fates in fates(),
    ) -> Setting {
        Setting {
            plan: Plan { id: "generated".to_owned(), actions, ..Plan::default() },
            revision,
            environment: BTreeMap::from([("REGION".to_owned(), "nyc3".to_owned())]),
            hooks: if hook { vec![Hook::ResourceDeleted] } else { Vec::new() },
            refuse: Refuse {
                types: refused.into_iter().map(|(at, refused)| (at, refused.to_owned())).collect(),
                ..Refuse::default()
            },
            fates,
        }
    }
}

fn broken_rules(trace: &Trace) -> BTreeSet<String> {
    // What a strange provider sent is held against the provider, and not what is under test here.
    let findings = rules::judge(trace).findings.into_iter();
    let ours = findings.filter(|f| f.level == Level::Must && f.party != rules::Party::Provider);
    ours.map(|finding| finding.rule).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    /// OUT, DSP and REP hold for any plan under any of the three injected failures.
    #[test]
    fn the_reference_engine_breaks_no_rule(setting in settings()) {
        let (_, trace) = setting.run();
        prop_assert_eq!(broken_rules(&trace), BTreeSet::new());
    }

    /// The invariant itself, without the rules: one outcome per action, in order, or none after a preflight.
    #[test]
    fn one_outcome_per_action(setting in settings()) {
        let (applied, _) = setting.run();
        let indexes: Vec<u32> = applied.result.outcomes.iter().map(|outcome| outcome.action_index).collect();
        let planned = u32::try_from(setting.plan.actions.len()).unwrap();
        let expected = if setting.revision == Revision::V0_51 || applied.error.is_some() { 0 } else { planned };
        prop_assert_eq!(indexes, (0..expected).collect::<Vec<_>>());
    }

    /// What is cut off may be the rest of a good run: nothing is found in the part that is there.
    #[test]
    fn no_rule_is_broken_by_what_has_not_happened_yet(setting in settings(), cut in any::<prop::sample::Index>()) {
        let (_, mut trace) = setting.run();
        trace.events.truncate(cut.index(trace.events.len() + 1));
        let against_others = |finding: &&rules::Finding| finding.party != rules::Party::Provider;
        let findings = rules::judge(&trace).findings;
        let must = findings.iter().filter(against_others).find(|finding| finding.level == Level::Must);
        prop_assert!(must.is_none(), "{must:?}");
    }

    /// A result that says anything else than what happened breaks a rule.
    #[test]
    fn no_account_can_be_changed_unseen(setting in settings(), which in any::<prop::sample::Index>()) {
        prop_assume!(setting.revision != Revision::V0_51);
        let (applied, mut trace) = setting.run();
        prop_assume!(!applied.result.outcomes.is_empty());
        let mut result = (*applied.result).clone();
        let outcome = which.get_mut(&mut result.outcomes);
        (outcome.status, outcome.error) = match outcome.status {
            Status::Success => (Status::Error, "it failed".to_owned()),
            _ => (Status::Success, String::new()),
        };
        let end = trace.events.len() - 1;
        trace.events[end] = Event::ApplyEnded { result: result.into(), error: applied.error.clone() };
        prop_assert!(!broken_rules(&trace).is_empty());
    }

    /// The same setting gives the same trace, event by event.
    #[test]
    fn a_run_repeats_itself(setting in settings()) {
        prop_assert_eq!(setting.run(), setting.run());
    }

    /// A saved trace is the trace.
    #[test]
    fn a_trace_survives_its_file(setting in settings()) {
        let (_, trace) = setting.run();
        let mut file = Vec::new();
        trace.save(&mut file).unwrap();
        prop_assert_eq!(Trace::load(&file[..]).unwrap(), trace);
    }

    /// The plan that was given is never altered (E-005), and the semantics decide alone what a revision does.
    #[test]
    fn revisions_differ_in_statuses_only(setting in settings()) {
        let run = |revision| Setting { revision, ..setting.clone() }.run().0.result;
        let (late, by_phase) = (run(Revision::V0_54), run(Revision::V0_56));
        prop_assert_eq!(&late.errors, &by_phase.errors);
        prop_assert_eq!(&late.resources, &by_phase.resources);
        prop_assert_eq!(&late.replace_ids, &by_phase.replace_ids);
        for (late, by_phase) in late.outcomes.iter().zip(&by_phase.outcomes) {
            prop_assert_eq!(&late.error, &by_phase.error);
        }
    }

    /// No mutant trips a rule that it does not name, whatever the plan.
    #[test]
    fn mutants_are_caught_by_their_own_rules_alone(
        setting in settings(),
        which in 0..crate::mutants::ENGINES.len(),
    ) {
        let mutant = &crate::mutants::ENGINES[which];
        let mut semantics = Semantics::at(setting.revision);
        (mutant.alter)(&mut semantics);
        let (_, trace) = setting.run_with(&semantics);
        let declared: BTreeSet<String> = mutant.caught_by.iter().map(|rule| (*rule).to_owned()).collect();
        let broken = broken_rules(&trace);
        prop_assert!(broken.is_subset(&declared), "{}: {:?}", mutant.name, broken);
    }
}
