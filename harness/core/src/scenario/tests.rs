//! Tests of the format as a whole.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use counterfoil_proto::edit::{self, Edit};

use crate::{
    outcome::{ActionError, Status},
    plan::{ActionKind, Change, Current},
    release::{Part, Require, State},
    rpc::{Code, Method},
    rules,
    testing::unlike_expected,
};

const EVERYTHING: &str = r#"
# yaml-language-server: $schema=../scenario.schema.json
id: everything
title: All that a file can say
revisions: ">=0.54"
tags: [outcome, "on"]
seams: [decoder, provider]
needs: [finalizer, process]
deadline: 2s
plan:
  id: plan-1
  inputs: { REGION: abc, ZONE: def }
  actions:
    - create:
        name: net
        type: infra.vpc
        config: { region: nyc3, ports: [80, 1.50, 0x1F, 1e6, 007, yes, ~], nested: { "${a.b}": true } }
        size: s
        hints: { cpu: 500m }
    - update:
        as: db-again
        name: db
        type: infra.database
        provider_id: d-1
        outputs: {}
        depends_on: [net]
        changes: [{ path: size, old: 1, new: [2], force_new: true }, { path: gone, old: ~ }]
    - replace: { name: cache, type: infra.cache, provider_id: c-1, outputs: { id: c-1 }, applied_config: { a: 1 } }
    - create: { name: web, type: infra.app }
    - unknown: { word: Create, name: odd, type: infra.odd }
    - delete: { name: old, type: infra.volume }
    - delete: { name: last, type: infra.dns, provider_id: l-1 }
environment: { REGION: nyc3 }
state:
  - { name: seed, type: infra.dns, provider_id: s-1, config: { a: b } }
provider: { compute_plan_version: v2, force_new: [region] }
engine: { hooks: [before-action, resource-applied, resource-deleted, action-complete, plan-complete], upsert: true }
faults:
  - { inject: jit-error, action: net }
  - inject: dispatch-error
    action: db-again
    call: update
    nth: 1
    reaches_provider: true
    code: resource_exhausted
    message: quota exceeded
  - { inject: dispatch-error, action: db-again, call: read, code: not_found }
  - { inject: transport, action: cache, kind: delay, for: 150ms }
  - { inject: wire, action: cache, call: create, set: { output.name: other, output.sensitive.token: true }, drop: [output.status], truncate: 700 }
  - { inject: hook-error, hook: resource-applied, action: cache, message: the store is full }
  - { inject: wire, call: capabilities, truncate: 9 }
expect:
  outcomes: { net: skipped, db-again: error }
  errors: { db-again: { contains: quota }, net: { matches: "^jit .*$" } }
  calls: [update: db-again, delete: cache]
  received: []
  hooks: [before-action: net, action-complete: net]
  apply_error: { starts_with: infra }
  resources: [net]
  replace_ids: { cache: { starts_with: c- } }
  state: [seed, net]
  input_drift: [ZONE, REGION]
  findings: [OUT-003]
"#;

fn messages(file: &str, bytes: &[u8]) -> Vec<String> {
    parse(file, bytes).err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

#[test]
fn a_file_can_say_everything() {
    let scenario = parse("all.yaml", EVERYTHING.as_bytes()).unwrap();
    assert_eq!((&*scenario.id, &*scenario.title), ("everything", "All that a file can say"));
    assert_eq!(scenario.revisions.to_string(), ">=0.54");
    assert_eq!(scenario.tags, ["outcome", "on"]);
    assert_eq!(scenario.seams, BTreeSet::from([Seam::Provider, Seam::Decoder]));
    assert_eq!(scenario.needs, BTreeSet::from([Need::Process, Need::Finalizer]));
    assert_eq!(scenario.deadline, Some(Duration::from_secs(2)));
    assert_eq!(scenario.addresses, ["net", "db-again", "cache", "web", "odd", "old", "last"]);
    assert_eq!(scenario.plan.id, "plan-1");
    assert_eq!(scenario.plan.inputs["REGION"], "abc");

    let [net, db, cache, _, odd, old, _] = scenario.plan.actions.as_slice() else { panic!("seven actions") };
    assert_eq!(
        net.spec.config.as_bytes(),
        r#"{"nested":{"${a.b}":true},"ports":[80,1.50,31,1e+6,"007","yes",null],"region":"nyc3"}"#
    );
    assert_eq!(net.spec.hints.as_ref().unwrap().cpu, "500m");
    assert_eq!(net.current, None);
    assert_eq!((&db.kind, &*db.spec.name), (&ActionKind::Update, "db"));
    assert!(db.spec.config.is_nil());
    let current = db.current.as_ref().unwrap();
    assert_eq!((&*current.name, &*current.provider_id, current.outputs.is_nil()), ("db", "d-1", false));
    let size =
        Change { path: "size".to_owned(), old: Some(1.into()), new: Some(vec![2].into()), force_new: true };
    let gone = Change { path: "gone".to_owned(), old: Some(Value::Null), new: None, force_new: false };
    assert_eq!(db.changes, [size, gone]);
    assert_eq!(cache.current.as_ref().unwrap().applied_config.as_bytes(), r#"{"a":1}"#);
    assert_eq!(odd.kind, ActionKind::Unknown("Create".to_owned()));
    assert_eq!((&old.kind, &old.current), (&ActionKind::Delete, &None::<Current>));

    let existing: Vec<_> = scenario.state.iter().map(|seed| &*seed.provider_id).collect();
    assert_eq!(existing, ["s-1", "d-1", "c-1", "l-1"]);
    assert_eq!(scenario.state[0].config.as_bytes(), r#"{"a":"b"}"#);
    assert_eq!(scenario.state[2].config.as_bytes(), r#"{"a":1}"#);
    assert_eq!(scenario.environment["REGION"], "nyc3");
    assert_eq!(scenario.provider.services, Services { resource_driver: true, finalizer: true });
    let hooks = Revision::Head.engine().hooks.iter().copied().collect();
    assert_eq!(scenario.engine, EngineSetup { hooks: Hooks::Only(hooks), upsert: true, replacer: false });
    assert_eq!(scenario.dispatch, Dispatch::V2);

    let faults: Vec<_> = scenario.faults.iter().map(|fault| (fault.action, fault.kind.clone())).collect();
    let failing = |method, nth, code, message: &str, reaches_provider| FaultKind::DispatchError {
        point: CallPoint { method, nth },
        code,
        message: message.to_owned(),
        reaches_provider,
    };
    let text = |text: &str| text.to_owned();
    let edit = Edit {
        set: vec![
            (text("output.name"), edit::Value::Text(text("other"))),
            (text("output.sensitive.token"), edit::Value::Bool(true)),
        ],
        drop: vec![text("output.status")],
        truncate: Some(700),
    };
    assert_eq!(
        faults,
        [
            (Some(0), FaultKind::JitError),
            (Some(1), failing(Method::Update, 1, Code::ResourceExhausted, "quota exceeded", true)),
            (Some(1), failing(Method::Read, 1, Code::NotFound, "injected failure", false)),
            (
                Some(2),
                FaultKind::Transport {
                    point: CallPoint { method: Method::Delete, nth: 1 },
                    kind: TransportKind::Delay(Duration::from_millis(150)),
                    reaches_provider: true,
                }
            ),
            (Some(2), FaultKind::Wire { point: CallPoint { method: Method::Create, nth: 1 }, edit }),
            (
                Some(2),
                FaultKind::HookError { hook: Hook::ResourceApplied, message: text("the store is full") }
            ),
            (
                None,
                FaultKind::Wire {
                    point: CallPoint { method: Method::Capabilities, nth: 1 },
                    edit: Edit { truncate: Some(9), ..Edit::default() }
                }
            ),
        ]
    );

    let expect = &scenario.expect;
    let statuses = [Status::Skipped, Status::Error];
    assert_eq!(expect.outcomes, Some(ExpectedOutcomes::Of(statuses.into_iter().enumerate().collect())));
    assert!(expect.errors[&1].matches("over quota!") && !expect.errors[&1].matches("over"));
    assert!(
        expect.errors[&0].matches("jit substitution") && !expect.errors[&0].matches("no jit substitution")
    );
    assert_eq!(
        expect.calls.as_deref(),
        Some(
            &[
                ExpectedCall { method: Method::Update, action: 1 },
                ExpectedCall { method: Method::Delete, action: 2 }
            ][..]
        )
    );
    assert_eq!(expect.received, Some(Vec::new()));
    let hooks = [Hook::BeforeAction, Hook::ActionComplete].map(|hook| ExpectedHook { hook, action: Some(0) });
    assert_eq!(expect.hooks.as_deref(), Some(&hooks[..]));
    assert_eq!(expect.apply_error, Some(ApplyError::Text(TextMatch::StartsWith(text("infra")))));
    assert_eq!(expect.replace_ids.as_ref().unwrap()["cache"], TextMatch::StartsWith("c-".to_owned()));
    assert_eq!(expect.state.as_deref(), Some(&["net", "seed"].map(text)[..]), "in its order");
    assert_eq!(expect.input_drift.as_deref(), Some(&["REGION", "ZONE"].map(text)[..]));
    assert_eq!(expect.findings, ["OUT-003"]);

    let source = &scenario.source;
    let written = |span: Span| &source.text[span.start..span.end()];
    assert_eq!(written(source.id), "everything");
    assert!(
        written(source.actions[2]).starts_with("replace: {")
            && written(source.actions[2]).ends_with("{ a: 1 } }")
    );
    assert!(written(source.faults[1]).ends_with("message: quota exceeded"));
    assert_eq!(written(source.expect.outcome[&1]), "db-again: error");
    assert_eq!(written(source.expect.call[0]), "update: db-again");
    assert_eq!(written(source.expect.hook[1]), "action-complete: net");
    assert_eq!(written(source.expect.state.unwrap()), "[seed, net]");
    assert_eq!(written(source.expect.findings[0]), "OUT-003");
}

/// A file with one create `net`, one replace `db`, and what is given behind them.
fn file_with(rest: &str) -> String {
    let actions =
        "[create: { name: net, type: infra.vpc }, replace: { name: db, type: infra.db, provider_id: d-1 }]";
    format!("id: a\ntitle: t\nplan: {{ actions: {actions} }}\n{rest}")
}

fn faults_of(rest: &str) -> Vec<(Option<usize>, FaultKind)> {
    let scenario = parse("a.yaml", file_with(rest).as_bytes()).unwrap();
    scenario.faults.into_iter().map(|fault| (fault.action, fault.kind)).collect()
}

#[test]
fn a_cancel_has_one_of_three_moments() {
    let at = |at: &str| {
        let faults = faults_of(&format!("faults: [{{ inject: cancel, at: {at} }}]\n"));
        let [(None, FaultKind::Cancel { at })] = faults[..] else { panic!("{faults:?}") };
        at
    };
    let point = |method, nth| CallPoint { method, nth };
    assert_eq!(at("{ before: net }"), CancelPoint::Before(0));
    assert_eq!(at("{ after: db }"), CancelPoint::After(1));
    assert_eq!(at("{ during: db }"), CancelPoint::During(1, point(Method::Delete, 1)));
    assert_eq!(at("{ during: db, call: create, nth: 1 }"), CancelPoint::During(1, point(Method::Create, 1)));
}

#[test]
fn a_finalizer_answers_with_errors_or_fails() {
    let faults =
        faults_of("faults: [{ inject: finalize-error, errors: [{ resource: net, error: late }] }]\n");
    let error =
        ActionError { resource: "net".to_owned(), error: "late".to_owned(), ..ActionError::default() };
    assert_eq!(faults, [(None, FaultKind::FinalizeError { answer: FinalizeAnswer::Errors(vec![error]) })]);
    let faults = faults_of("faults: [{ inject: finalize-error, code: unavailable }]\n");
    let answer = FinalizeAnswer::Status { code: Code::Unavailable, message: "injected failure".to_owned() };
    assert_eq!(faults, [(None, FaultKind::FinalizeError { answer })]);
}

#[test]
fn the_way_fails_in_five_ways() {
    let kind = |fields: &str| {
        let faults =
            faults_of(&format!("deadline: 1m\nfaults: [{{ inject: transport, action: net, {fields} }}]\n"));
        let [(Some(0), FaultKind::Transport { kind, reaches_provider, .. })] = faults[..] else {
            panic!("{faults:?}")
        };
        (kind, reaches_provider)
    };
    assert_eq!(kind("kind: delay, for: 5m"), (TransportKind::Delay(Duration::from_secs(300)), true));
    assert_eq!(kind("kind: hang"), (TransportKind::Hang, false));
    assert_eq!(kind("kind: reset, reaches_provider: true"), (TransportKind::Reset, true));
    assert_eq!(kind("kind: disconnect"), (TransportKind::Disconnect, false));
    assert_eq!(kind("kind: kill"), (TransportKind::Kill, false));
}

#[test]
fn some_faults_fail_a_call() {
    let failing = |fault: &str| {
        let faults = faults_of(&format!("deadline: 1m\nfaults: [{{ {fault} }}]\n"));
        let [(_, kind)] = &faults[..] else { panic!("{faults:?}") };
        kind.failing_call().map(|CallPoint { method, nth }| (method, nth))
    };
    assert_eq!(failing("inject: dispatch-error, action: db, call: create"), Some((Method::Create, 1)));
    for kind in ["hang", "reset", "disconnect", "kill"] {
        let fault = format!("inject: transport, action: db, kind: {kind}");
        assert_eq!(failing(&fault), Some((Method::Delete, 1)), "{kind}");
    }
    assert_eq!(failing("inject: finalize-error"), Some((Method::Finalize, 1)));
    for fault in [
        "inject: transport, action: db, kind: delay, for: 1s",
        "inject: finalize-error, errors: [{ error: late }]",
        "inject: wire, action: db, truncate: 1",
        "inject: jit-error, action: db",
        "inject: driver-resolve-error, action: net",
        "inject: hook-error, hook: resource-applied, action: db",
        "inject: cancel, at: { during: db }",
    ] {
        assert_eq!(failing(fault), None, "{fault}");
    }
}

#[test]
fn a_value_of_an_enum_has_a_short_name_too() {
    let file = |status: &str| {
        let wire = format!("{{ inject: wire, set: {{ result.actions.0.status: {status} }} }}");
        format!("revisions: '<0.57'\ndispatch: v1\nfaults: [{wire}]\n")
    };
    assert_eq!(faults_of(&file("success")).len(), 1);
    assert_eq!(faults_of(&file("ACTION_STATUS_SUCCESS")).len(), 1);
    let [mistake] = &*parse("a.yaml", file_with(&file("sucess")).as_bytes()).unwrap_err() else {
        panic!("one")
    };
    assert_eq!(mistake.help.as_deref(), Some("did you mean `success`?"));
}

#[test]
fn what_a_failing_hook_undoes_is_deleted_again() {
    let failed = "faults:\n  - { inject: hook-error, hook: resource-applied, action: ACTION }\n";
    let again = |action: &str, deletes: &[u32]| {
        let fault =
            |nth| format!("  - {{ inject: dispatch-error, action: ACTION, call: delete, nth: {nth} }}\n");
        let faults = failed.to_owned() + &deletes.iter().map(fault).collect::<String>();
        parse("a.yaml", file_with(&faults.replace("ACTION", action)).as_bytes())
    };
    for (action, deletes, fits) in [
        ("net", &[1][..], true),
        ("net", &[1, 2], true),
        ("net", &[2], false),
        ("net", &[1, 2, 3], false),
        ("db", &[2], true),
        ("db", &[2, 3], true),
        ("db", &[3], false),
        ("db", &[2, 3, 4], false),
    ] {
        assert_eq!(again(action, deletes).is_ok(), fits, "{action} {deletes:?}");
    }
    let altered = "  - { inject: wire, action: net, call: create, set: { output.name: other } }\n";
    let third = "  - { inject: dispatch-error, action: net, call: delete, nth: 3 }\n";
    let file = file_with(&(failed.replace("ACTION", "net") + altered + third));
    assert!(parse("a.yaml", file.as_bytes()).is_ok(), "nobody knows what is found under the other name");
    let expected = "expect: { calls: [create: net, delete: net] }\n";
    assert!(parse("a.yaml", file_with(&(failed.replace("ACTION", "net") + expected)).as_bytes()).is_ok());
    assert!(parse("a.yaml", file_with(expected).as_bytes()).is_err());
}

#[test]
fn seams_are_those_that_can_be_reached() {
    use Seam::{Decoder, Engine, Provider};
    let seams = |rest: &str| {
        let scenario = parse("a.yaml", file_with(rest).as_bytes()).unwrap();
        scenario.seams.into_iter().collect::<Vec<_>>()
    };
    let v1 = "revisions: '<0.57'\ndispatch: v1\n";
    assert_eq!(seams(""), [Provider, Engine]);
    assert_eq!(seams("engine: { upsert: true }\n"), [Provider]);
    assert_eq!(seams("engine: { replacer: true, hooks: [] }\n"), [Provider]);
    assert_eq!(seams("faults: [{ inject: wire, action: net, truncate: 1 }]\n"), [Provider, Engine, Decoder]);
    assert_eq!(seams(v1), [Provider, Engine]);
    assert_eq!(seams(&format!("{v1}reply_hex: ''\n")), [Engine, Decoder]);
    assert_eq!(seams("seams: [engine]\n"), [Engine]);

    let twice = "
id: a
title: Two deletes of one name
plan:
  actions:
    - delete: { as: one, name: db, type: infra.database }
    - delete: { as: two, name: db, type: infra.cache }
";
    let seams = |fault: &str| parse("a.yaml", format!("{twice}{fault}").as_bytes()).unwrap().seams;
    assert_eq!(seams(""), BTreeSet::from([Provider, Engine]));
    assert_eq!(seams("faults: [{ inject: dispatch-error, action: two }]\n"), BTreeSet::from([Provider]));
    assert_eq!(seams("faults: [{ inject: cancel, at: { during: one } }]\n"), BTreeSet::from([Provider]));
    assert_eq!(seams("faults: [{ inject: jit-error, action: two }]\n"), BTreeSet::from([Provider, Engine]));
}

/// Which of the faults never happens, by its line among them, from 0.
fn never(faults: &[&str]) -> Vec<usize> {
    let actions = [
        "create: { name: net, type: infra.vpc }",
        "replace: { name: db, type: infra.db, provider_id: d-1 }",
        "update: { name: web, type: infra.app, provider_id: w-1 }",
        "delete: { name: old, type: infra.dns, provider_id: o-1 }",
    ];
    let list = |items: &[&str], indent: &str| lines(items.len(), |at| format!("{indent}- {}\n", items[at]));
    let file = format!(
        "plan:\n  actions:\n{}id: a\ntitle: t\ndeadline: 1s\nfaults:\n{}",
        list(&actions, "    "),
        list(faults, "")
    );
    let mistakes = parse("a.yaml", file.as_bytes()).err().unwrap_or_default();
    let first = file.lines().count() - faults.len() + 1;
    assert!(mistakes.iter().all(|mistake| mistake.code == "unreachable-fault"), "{mistakes:#?}");
    mistakes.iter().map(|mistake| mistake.line - first).collect()
}

#[test]
fn what_comes_behind_a_fatal_fault_never_happens() {
    let before = "{ inject: hook-error, hook: before-action, action: db }";
    let jit = |action: &str| format!("{{ inject: jit-error, action: {action} }}");
    let (early, same, late) = (&*jit("net"), &*jit("db"), &*jit("web"));
    let finalize = "{ inject: finalize-error }";
    let complete =
        |action: &str| format!("{{ inject: hook-error, hook: action-complete, action: {action} }}");
    let cancel = |at: &str| format!("{{ inject: cancel, at: {{ {at} }} }}");

    assert_eq!(never(&[early, before, same, late, finalize]), [2, 3, 4]);
    assert_eq!(never(&[before, &complete("db"), &complete("web")]), [2], "its own outcome is told");
    assert_eq!(never(&[before, &cancel("after: db")]), [1]);
    assert_eq!(never(&[&cancel("before: db"), before, late]), [1, 2]);
    assert_eq!(never(&[&cancel("after: db"), same, late, &complete("web"), &complete("old")]), [2, 4]);
    let plan_complete = "{ inject: hook-error, hook: plan-complete }";
    assert_eq!(never(&[&cancel("after: old"), plan_complete]), [0; 0], "nothing is left to be stopped");
    assert_eq!(never(&[&cancel("after: old"), finalize]), [1], "it is not sent with a context that is over");
    assert_eq!(never(&[&cancel("during: old"), "{ inject: wire, call: finalize, truncate: 1 }"]), [1]);
    assert_eq!(never(&["{ inject: transport, kind: hang, action: old }", finalize]), [1]);
    assert_eq!(never(&[finalize, plan_complete]), [0]);
    assert_eq!(never(&["{ inject: wire, action: old, truncate: 1 }", finalize]), [0; 0]);
    let create = "{ inject: dispatch-error, action: db, call: create }";
    let deleted = "{ inject: hook-error, hook: resource-deleted, action: db }";
    assert_eq!(never(&[&cancel("during: db"), create]), [1]);
    assert_eq!(never(&[&cancel("during: db, call: create"), create, late]), [2]);
    assert_eq!(never(&[deleted, create, late]), [1, 2]);
    let hang = "{ inject: transport, kind: hang, action: db }";
    assert_eq!(never(&[hang, deleted, late, &complete("web"), finalize]), [1, 2, 4]);
    assert_eq!(never(&["{ inject: transport, kind: delay, for: 1ms, action: db }", create, late]), [0; 0]);
}

#[test]
fn what_comes_behind_the_end_of_an_action_never_happens() {
    let update = "{ inject: dispatch-error, action: web }";
    let read = "{ inject: dispatch-error, action: web, call: read }";
    let applied = "{ inject: hook-error, hook: resource-applied, action: web }";
    assert_eq!(never(&[update, read]), [0; 0], "a failed update is looked at");
    assert_eq!(never(&[update, applied]), [1]);
    assert_eq!(never(&["{ inject: transport, kind: reset, action: web }", applied]), [1]);
    assert_eq!(never(&["{ inject: wire, action: web, truncate: 1 }", applied]), [0; 0], "nobody knows");
    let deleted = "{ inject: hook-error, hook: resource-deleted, action: old }";
    assert_eq!(never(&["{ inject: dispatch-error, action: old }", deleted]), [1]);
    let preflight = "{ inject: driver-resolve-error, at: preflight, action: db }";
    let load = "{ inject: dispatch-error, call: initialize }";
    assert_eq!(never(&[preflight, update, "{ inject: finalize-error }"]), [1, 2]);
    assert_eq!(
        never(&[preflight, load, update, "{ inject: finalize-error }"]),
        [0, 2, 3],
        "nothing is loaded"
    );
    let registry = "{ inject: transport, kind: reset, call: contract_registry }";
    let declared = "{ inject: dispatch-error, call: capabilities }";
    assert_eq!(never(&[load, registry, declared]), [0, 2], "it is the first of them that fails the load");
    assert_eq!(never(&[declared, update]), [0; 0], "before 0.57 they may fail");
    assert_eq!(never(&["{ inject: wire, call: initialize, truncate: 1 }", update]), [0; 0], "nobody knows");
    assert_eq!(
        never(&["{ inject: wire, action: web, truncate: 1 }", update]),
        [0],
        "there is no reply to alter"
    );
    assert_eq!(never(&[update, "{ inject: transport, kind: kill, action: web }"]), [1]);
}

#[test]
fn expectations_survive_a_trace() {
    let expect = parse("all.yaml", EVERYTHING.as_bytes()).unwrap().expect;
    let saved = serde_json::to_string(&expect).unwrap();
    assert_eq!(serde_json::from_str::<Expect>(&saved).unwrap(), expect);
    assert_eq!(serde_json::from_str::<Expect>("{}").unwrap(), Expect::default());
    assert!(saved.starts_with(r#"{"outcomes":{"of":{"0":"skipped""#), "{saved}");
}

#[test]
fn little_is_enough() {
    let scenario = parse("a.yaml", b"id: a\ntitle: Nothing to do\nplan: { actions: [] }\n").unwrap();
    assert_eq!(scenario.plan.id, "a");
    assert!(scenario.plan.actions.is_empty());
    assert_eq!(scenario.revisions, RevisionRange::default());
    assert_eq!(scenario.engine, EngineSetup::default());
    assert_eq!(scenario.provider.compute_plan_version, "v2");
    assert_eq!(scenario.provider.services, Services { resource_driver: true, finalizer: true });
    assert_eq!(scenario.expect, Expect::default());
}

#[test]
fn a_resource_of_two_actions_exists_once_with_what_both_know() {
    let file = br"
id: twice
title: An update, and then a delete
plan:
  actions:
    - update: { name: db, type: infra.database, provider_id: db-1, outputs: { port: 1 } }
    - delete: { as: gone, name: db, type: infra.database, provider_id: db-1, applied_config: { size: 1 }, outputs: { port: 1 } }
    - delete: { name: lost, type: infra.database, outputs: { port: 2 } }
";
    let scenario = parse("twice.yaml", file).unwrap();
    let [db] = scenario.state.as_slice() else { panic!("{:?}", scenario.state) };
    assert_eq!((&*db.name, &*db.provider_id), ("db", "db-1"));
    assert_eq!(db.config.as_bytes(), r#"{"size":1}"#);
    assert_eq!(db.outputs.as_bytes(), r#"{"port":1}"#);
    let known = |action: &crate::plan::Action| action.current.as_ref().map(|now| now.applied_config.is_nil());
    let known: Vec<_> = scenario.plan.actions.iter().map(known).collect();
    assert_eq!(known, [Some(true), Some(false), Some(true)], "the plan stays what is written");
}

#[test]
fn an_id_has_a_hundred_characters_at_most() {
    let file = |length| format!("id: {}\ntitle: t\nplan: {{ actions: [] }}\n", "x".repeat(length));
    assert_eq!(parse("a.yaml", file(100).as_bytes()).unwrap().id.len(), 100);
    for length in [101, 1_000_000] {
        let [mistake] = &*parse("a.yaml", file(length).as_bytes()).unwrap_err() else {
            panic!("one mistake")
        };
        assert_eq!((mistake.code, mistake.line, mistake.column), ("bad-id", 1, 5));
    }
}

#[test]
fn a_reply_by_field_name_is_a_message() {
    use counterfoil_proto::iac;
    use prost::Message as _;

    let file = br#"
id: v1
title: A reply that is as wrong as it likes
revisions: "<0.57"
dispatch: v1
plan: { actions: [create: { name: net, type: infra.vpc }] }
reply:
  result:
    plan_id: p
    resources:
      - { name: net, type: infra.vpc, provider_id: n-1, outputs_json: "{", sensitive: { token: true }, status: up }
    errors: [{ resource: net, action: create, error: no }]
    initial_input_snapshot: { A: b }
    input_drift_report: [{ name: A, plan_fingerprint: b, apply_fingerprint: c }]
    replace_id_map: { net: n-2 }
    actions:
      - { action_index: 7, status: success }
      - { status: ACTION_STATUS_DELETE_FAILED, error: no }
      - { status: 99 }
      - { status: -1 }
      - { status: unspecified }
faults:
  - { inject: dispatch-error, code: unavailable, reaches_provider: true }
"#;
    let scenario = parse("v1.yaml", file).unwrap();
    assert_eq!(scenario.provider.compute_plan_version, "v1");
    let Dispatch::V1 { reply: Some(reply) } = scenario.dispatch else { panic!("a reply") };
    let result = iac::ApplyResponse::decode(reply).unwrap().result.unwrap();
    assert_eq!((&*result.plan_id, &*result.replace_id_map["net"]), ("p", "n-2"));
    assert_eq!(
        (&result.resources[0].outputs_json[..], result.resources[0].sensitive["token"]),
        (&b"{"[..], true)
    );
    assert_eq!(result.errors[0].error, "no");
    assert_eq!(result.initial_input_snapshot["A"], "b");
    assert_eq!(result.input_drift_report[0].apply_fingerprint, "c");
    let statuses: Vec<_> = result.actions.iter().map(|action| (action.action_index, action.status)).collect();
    assert_eq!(statuses, [(7, 1), (0, 3), (0, 99), (0, -1), (0, 0)]);
    assert!(matches!(
        scenario.faults[..],
        [Fault {
            action: None,
            kind: FaultKind::DispatchError { point: CallPoint { method: Method::Apply, nth: 1 }, .. },
            ..
        }]
    ));
}

#[test]
fn a_reply_in_hex_is_its_bytes() {
    let file = |hex: &str| {
        format!(
            "id: v1\ntitle: t\nrevisions: '0.54'\ndispatch: v1\nplan: {{ actions: [] }}\nreply_hex: {hex}\n"
        )
    };
    let reply = |hex: &str| parse("v1.yaml", file(hex).as_bytes()).unwrap().dispatch;
    assert_eq!(reply("\"0A 00 ff\""), Dispatch::V1 { reply: Some(Bytes::from_static(&[10, 0, 255])) });
    assert_eq!(reply("''"), Dispatch::V1 { reply: Some(Bytes::new()) });
}

/// Each folder of `tests/ui` holds faulty files and what is to be told about them. `UPDATE_UI=1` writes that anew.
#[test]
fn faulty_files_get_the_diagnostics_beside_them() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/ui");
    let mut wrong = Vec::new();
    let is_of_others = |case: &Path| {
        let name = case.file_name().unwrap().to_str().unwrap();
        ["manifest-", "profile-"].iter().any(|others| name.starts_with(others))
    };
    for case in sorted(&root).into_iter().filter(|path| path.is_dir() && !is_of_others(path)) {
        let mut scenarios = Vec::new();
        let mut found = Vec::new();
        let files =
            sorted(&case).into_iter().filter(|path| path.extension().is_some_and(|yaml| yaml == "yaml"));
        for path in files {
            let name = path.file_name().unwrap().to_str().unwrap();
            let bytes = fs::read(&path).unwrap();
            let read = match name {
                SETTINGS_FILE => parse_settings(name, "".as_ref(), &bytes).map(drop),
                "known-failures.yaml" => parse_known_failures(name, &bytes).map(drop),
                name if name.starts_with("release") => parse_release(name, "".as_ref(), &bytes).map(drop),
                _ => parse(name, &bytes).map(|scenario| scenarios.push(scenario)),
            };
            found.extend(read.err().into_iter().flatten());
        }
        found.extend(check_set(&scenarios));
        found.extend(scenarios.iter().flat_map(rules::check_expected));
        assert!(!found.is_empty(), "{}: nothing is wrong", case.display());

        wrong.extend(unlike_expected(&case, &found));
    }
    assert!(wrong.is_empty(), "not as expected:\n{}", wrong.join("\n"));
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// Files that are made to cost much are refused at once. The bound is generous: it tells seconds from minutes, on a busy machine too.
fn refused_at_once(bytes: &[u8]) -> Vec<String> {
    let start = Instant::now();
    let found = messages("x.yaml", bytes);
    assert!(start.elapsed() < Duration::from_secs(60), "took {:?}", start.elapsed());
    assert!(!found.is_empty() && found.len() <= 101, "{} mistakes", found.len());
    found
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect()
}

#[test]
fn a_large_file_is_refused_unread() {
    let found = refused_at_once(&vec![b'a'; 50 << 20]);
    assert_eq!(found, ["x.yaml:1:1: the file has 52428800 bytes; at most 4194304 are read"]);
    assert_eq!(check_size("x.yaml", MAX_FILE_BYTES as u64), None);
    assert!(check_size("x.yaml", u64::MAX).is_some());
}

#[test]
fn costly_files_are_refused_at_once() {
    let most = MAX_FILE_BYTES;
    for text in [
        "a", "a: 1\n", "[", "{", "- ", "? ", "&a ", "!x ", "#\n", "\"", "a: [", "[a,", "'\n", "---\n",
        "a b\n", "\t",
    ] {
        refused_at_once(text.repeat(most / text.len()).as_bytes());
    }
    // Ever new mistakes: unknown keys, doubled keys, a long word to be compared with what is known.
    let unknown = lines(most / 80, |n| format!("key{n}: {n}\n"));
    let found = refused_at_once(unknown.as_bytes());
    assert!(found.last().unwrap().ends_with("more mistakes are not shown"));
    refused_at_once(format!("? {}\n: 1\n", "k".repeat(most - 100)).as_bytes());
    refused_at_once(format!("dispatch: {}", "v".repeat(most - 100)).as_bytes());

    let doubled = |n: usize| format!("a{}: &a{} [*a{n}, *a{n}]\n", n + 1, n + 1);
    let copies = format!("a0: &a0 [{}]\n{}", "x,".repeat(1000), lines(40, doubled));
    assert!(refused_at_once(copies.as_bytes())[0].contains("aliases"));
    let long = format!("a: &a \"{}\"\nb: [{}]\n", "\\x41".repeat(most / 8), "*a,".repeat(most / 16));
    assert!(refused_at_once(long.as_bytes())[0].contains("aliases"));
}

#[test]
fn a_plan_of_ten_thousand_actions_fits() {
    let actions = lines(10_000, |n| {
        format!("    - create: {{ name: r{n}, type: infra.vpc, config: {{ region: nyc3, size: {n} }} }}\n")
    });
    let faults =
        lines(10_000, |n| format!("  - {{ inject: wire, action: r{n}, set: {{ output.name: r{n} }} }}\n"));
    let outcomes = lines(10_000, |n| format!("    r{n}: success\n"));
    let file = format!(
        "id: long\ntitle: A long plan\nplan:\n  actions:\n{actions}faults:\n{faults}expect:\n  outcomes:\n{outcomes}"
    );
    let start = Instant::now();
    let scenario = parse("long.yaml", file.as_bytes()).unwrap();
    assert!(start.elapsed() < Duration::from_secs(60), "took {:?}", start.elapsed());
    assert_eq!((scenario.plan.actions.len(), scenario.faults.len()), (10_000, 10_000));
}

#[test]
fn what_is_shown_cannot_speak_to_a_terminal() {
    let found = messages("x.yaml", b"id: \"\\e[31mred\"\n\"a\\u202eb\": 1\n");
    assert!(
        found.iter().all(|line| !line.chars().any(char::is_control) && !line.contains('\u{202e}')),
        "{found:?}"
    );
}

#[test]
fn columns_are_counted_in_characters() {
    let found =
        messages("x.yaml", "\u{feff}id: a\ntitle: t\nplan: { \"größe\": 1, actions: [] }\n".as_bytes());
    assert_eq!(found, ["x.yaml:3:9: unknown field `größe` in `plan`"]);
    let found =
        messages("x.yaml", "\u{feff}it: a\r\ntitle: t\r\nplan: { actions: [], é: 1, ö: 2 }\r\n".as_bytes());
    assert_eq!(found[0], "x.yaml:1:1: unknown field `it`");
    assert_eq!(found[3], "x.yaml:3:28: unknown field `ö` in `plan`");
}

/// Nothing is allowed but what is described, and nothing is null.
fn describes_every_field(schema: &Value, most: usize) {
    let objects = schema["$defs"].as_object().unwrap().values().chain([schema]);
    let objects: Vec<_> = objects.filter(|object| object.get("properties").is_some()).collect();
    assert!(objects.len() >= most, "{schema:#}");
    for object in objects {
        assert_eq!(object["additionalProperties"], false, "{object:#}");
        for (name, field) in object["properties"].as_object().unwrap() {
            assert!(field["description"].is_string(), "{name}: {field:#}");
        }
    }
    assert!(!schema.to_string().contains("null"), "{schema:#}");
}

#[test]
fn the_schemas_of_what_stands_beside_scenarios_describe_every_field() {
    describes_every_field(&settings_schema(), 3);
    describes_every_field(&release_schema(), 6);
    let list = known_failures_schema();
    describes_every_field(&list, 2);
    assert_eq!(list["required"], serde_json::json!(["known_failures"]));
    let entry = &list["$defs"]["KnownFailure"];
    let fields: Vec<_> = entry["properties"].as_object().unwrap().keys().collect();
    let mut required: Vec<_> =
        entry["required"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    required.sort_unstable();
    assert_eq!(fields, required);
    assert_eq!(entry["properties"]["owner"]["not"]["const"], "TODO");
}

#[test]
fn the_schema_describes_every_field() {
    let schema = schema();
    describes_every_field(&schema, 11);
    assert_eq!(schema["properties"]["title"]["type"], "string");
    assert_eq!(schema["properties"]["expect"]["$ref"], "#/$defs/Expectations");
    assert_eq!(schema["required"], serde_json::json!(["id", "title", "plan"]));
    assert_eq!(schema["properties"]["id"]["pattern"], "^[a-z0-9][a-z0-9-]*$");
    let action = &schema["$defs"]["Action"];
    assert_eq!(action["required"], serde_json::json!(["name", "type"]));
    assert_eq!(schema["properties"]["seams"]["minItems"], 1);
    assert_eq!(schema["$defs"]["Fault"]["properties"]["errors"]["minItems"], 1);
    assert_eq!(schema["properties"]["deadline"]["pattern"], "^0*[1-9][0-9]*(ms|s|m)$");
    let expected = &schema["$defs"]["Expectations"]["properties"];
    assert_eq!(expected["findings"]["items"]["pattern"], "^[A-Z]+-[0-9]{3}$");
    for calls in ["calls", "received"] {
        let made: Vec<_> = expected[calls]["items"]["properties"].as_object().unwrap().keys().collect();
        assert_eq!(made, ["create", "delete", "read", "update"], "{calls}");
    }
    assert!(action["properties"].get("as").is_some() && action["properties"].get("r#as").is_none());
}

#[test]
fn words_are_those_that_serde_writes() {
    use super::read::Word;

    fn check<W: Word + serde::Serialize>() {
        for (word, value) in W::all() {
            assert_eq!(serde_json::to_value(value).unwrap(), word);
        }
    }
    check::<Status>();
    check::<Method>();
    check::<Code>();
    check::<Require>();
    check::<State>();
    check::<Part>();
    check::<ResolvePoint>();
    for (word, hook) in file::HookWord::all() {
        assert_eq!(serde_json::to_value(hook.hook()).unwrap(), word);
    }
    assert_eq!(Code::ALL.len(), Code::all().count());
}

/// The whole of a file, as plain values; none where something in it is refused.
fn plain(node: &yaml::Node<'_>) -> Option<Value> {
    Some(match &node.value {
        yaml::Value::Null => Value::Null,
        yaml::Value::Bool(value) => (*value).into(),
        yaml::Value::Number(number) => comparable(number.clone().into()),
        yaml::Value::Text(text) => text.clone().into(),
        yaml::Value::List(items) => items.iter().map(plain).collect::<Option<_>>()?,
        yaml::Value::Map(entries) => {
            let fields = entries.iter().map(|entry| Some((entry.key.to_string(), plain(&entry.value)?)));
            Value::Object(fields.collect::<Option<_>>()?)
        }
        yaml::Value::NotFinite | yaml::Value::Refused => return None,
    })
}

fn comparable(value: Value) -> Value {
    match value {
        Value::Number(number) => format!("{:?} {:?}", number.as_f64(), number.as_i64()).into(),
        Value::Array(items) => items.into_iter().map(comparable).collect(),
        Value::Object(fields) => fields.into_iter().map(|(key, value)| (key, comparable(value))).collect(),
        other => other,
    }
}

/// Every scalar that a config can hold means the same to both readers, or is refused here.
fn means_the_same(value: &str) {
    let file = format!(
        "id: a\ntitle: t\nplan: {{ actions: [create: {{ name: a, type: t, config: {{ v: {value} }} }}] }}\n"
    );
    let Ok(scenario) = parse("a.yaml", file.as_bytes()) else { return };
    let other: serde_yaml::Value = serde_yaml::from_str(&file).unwrap();
    let other = &other["plan"]["actions"][0]["create"]["config"]["v"];
    let ours = scenario.plan.actions[0].spec.config.get("v").unwrap();
    match (&ours, other) {
        (Value::Number(ours), serde_yaml::Value::Number(other)) => {
            assert_eq!(ours.as_f64(), other.as_f64(), "{value}");
            assert_eq!(ours.as_i64(), other.as_i64(), "{value}");
        }
        _ => assert_eq!(ours, serde_json::to_value(other).unwrap(), "{value}"),
    }
}

#[test]
fn scalars_mean_what_they_mean_to_serde_yaml() {
    for value in [
        "1",
        "-1",
        "+1",
        "0",
        "-0",
        "00",
        "007",
        "-007",
        "1_000",
        "0x1F",
        "-0x1f",
        "0X1F",
        "0o17",
        "0b11",
        "0x",
        "1.",
        ".5",
        "-.5",
        "+.5",
        "00.5",
        "1e3",
        "1E-3",
        "1e",
        "e1",
        ".",
        "..",
        "-",
        "+",
        "-a",
        ".inf",
        "-.inf",
        "+.inf",
        ".nan",
        "inf",
        "nan",
        "infinity",
        "1e999",
        "18446744073709551615",
        "9223372036854775808",
        "-9223372036854775808",
        "true",
        "True",
        "tRUE",
        "yes",
        "no",
        "on",
        "off",
        "y",
        "n",
        "~",
        "null",
        "NULL",
        "nULL",
        "2024-01-01",
        "2024-01-01T00:00:00Z",
        "12:30:45",
        "1.2.3",
        "'1'",
        "\"1\"",
        "\"\\u00e9\"",
        "'it''s'",
        "a b",
        "0.1",
        "1.50",
        "5 ",
        "1-2",
        "+-5",
        "-+5",
        "0x+5",
        "0x-5",
        "--5",
        "=",
        "<",
        "é",
    ] {
        means_the_same(value);
    }
}

/// The files of a name in `tests/ui`, as far as they are short.
fn faulty(name: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/ui");
    let cases = sorted(&root).into_iter().filter_map(|case| fs::read_to_string(case.join(name)).ok());
    cases.filter(|text| text.len() < 4096).collect()
}

/// A scenario of ours with a few places changed.
fn changed() -> impl Strategy<Value = Vec<u8>> {
    changed_of([faulty("scenario.yaml"), vec![EVERYTHING.to_owned()]].concat())
}

/// One of some files with a few places changed.
fn changed_of(files: Vec<String>) -> impl Strategy<Value = Vec<u8>> {
    let put = "[-a-z0-9:&*!|'\"{}\\[\\],#~ \n?.>%\t\\\\é]{0,5}";
    let change = (any::<prop::sample::Index>(), 0..3usize, put);
    (prop::sample::select(files), prop::collection::vec(change, 0..6)).prop_map(|(file, changes)| {
        let mut bytes = file.into_bytes();
        for (place, cut, put) in changes {
            let start = place.index(bytes.len() + 1);
            let end = (start + cut).min(bytes.len());
            bytes.splice(start..end, put.into_bytes());
        }
        bytes
    })
}

/// There is a mistake, and each lies in the file.
fn have_their_places(diagnostics: &[Diagnostic], bytes: &[u8]) -> Result<(), TestCaseError> {
    prop_assert!(!diagnostics.is_empty());
    for diagnostic in diagnostics {
        prop_assert!(diagnostic.line > 0 && diagnostic.column > 0);
        prop_assert!(diagnostic.span.is_none_or(|span| span.end() <= bytes.len()));
    }
    Ok(())
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        drop(parse("x.yaml", &bytes));
    }

    #[test]
    fn no_text_makes_it_panic(text in "[-a-z0-9:?&*!|>'\"%@`{}\\[\\],#~.<= \t\r\n\u{feff}é]{0,300}") {
        drop(parse("x.yaml", text.as_bytes()));
    }

    #[test]
    fn no_change_of_a_file_makes_it_panic(bytes in changed()) {
        if let Err(diagnostics) = parse("x.yaml", &bytes) {
            have_their_places(&diagnostics, &bytes)?;
        }
    }

    #[test]
    fn no_change_of_a_release_makes_it_panic(bytes in changed_of(faulty("release.yaml"))) {
        if let Err(diagnostics) = parse_release("x.yaml", "".as_ref(), &bytes) {
            have_their_places(&diagnostics, &bytes)?;
        }
    }

    #[test]
    fn no_change_of_a_file_makes_it_mean_something_else_to_serde_yaml(bytes in changed()) {
        let text = String::from_utf8_lossy(&bytes);
        let mut report = diagnostic::Report::new("x.yaml", &text);
        let ours = yaml::read(&text, &mut report).as_ref().and_then(plain);
        let other = serde_yaml::from_str::<serde_yaml::Value>(&text);
        if let (Some(ours), true, Ok(other)) = (ours, report.is_empty(), other) {
            prop_assert_eq!(ours, comparable(serde_json::to_value(other).unwrap_or_default()), "{}", text);
        }
    }

    #[test]
    fn plain_scalars_mean_what_they_mean_to_serde_yaml(value in "[-+.0-9a-fxoEe_]{1,8}") {
        means_the_same(&value);
    }
}
