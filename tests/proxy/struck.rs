//! Faults of a scenario in front of a plugin, and what is recorded of the calls.

use std::{
    fs::{self, File, Permissions},
    io::BufReader,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output},
    time::Duration,
};

use bytes::Bytes;
use counterfoil::provider::process::{Checked, LaunchOptions, Plugin, settle};
use counterfoil_core::{
    rpc::Method,
    trace::{Event, ExitStatus, Recorder, Reply, Trace},
};
use counterfoil_mock::{RawClient, UnaryCall};
use counterfoil_proto::iac;
use prost::Message as _;
use tempfile::TempDir;
use tokio::time::timeout;
use tonic::{Code, Status};
use tower::ServiceExt as _;

use crate::place::{COUNTERFOIL, SOON, run};

fn counterfoil(place: &Path, arguments: &[&str]) -> Output {
    Command::new(COUNTERFOIL).current_dir(place).args(arguments).output().unwrap()
}

/// A scenario whose one action makes `net`, with this fault of it.
fn scenario(fault: &str) -> String {
    format!(
        "id: faulty\ntitle: Something goes wrong\ndeadline: 60s\nplan: {{ actions: [create: {{ name: net, type: \
         infra.vpc }}] }}\nfaults: [{{ {fault}, action: net }}]\n"
    )
}

/// Our mock behind a proxy, which records, and injects a fault where there is one.
fn place(fault: Option<&str>) -> TempDir {
    place_with(fault, &[])
}

/// The same, with more options of the proxy.
fn place_with(fault: Option<&str>, options: &[&str]) -> TempDir {
    let place = TempDir::new().unwrap();
    let installed =
        counterfoil(place.path(), &["mock", "install", "--profile", "reference", "--into", "real"]);
    assert!(installed.status.success());
    let mut arguments =
        vec!["proxy", "install", "--in-front-of", "real", "--into", "front", "--record", "record.jsonl"];
    arguments.extend(options);
    if let Some(fault) = fault {
        fs::write(place.path().join("faulty.yaml"), scenario(fault)).unwrap();
        arguments.extend(["--faults", "faulty.yaml"]);
    }
    let installed = counterfoil(place.path(), &arguments);
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    place
}

async fn launch(place: &TempDir) -> Plugin {
    launch_as(place, "mock").await
}

async fn launch_as(place: &TempDir, program: &str) -> Plugin {
    let program = place.path().join("front/mock").join(program);
    let options = LaunchOptions::supervised_by(COUNTERFOIL, program);
    Plugin::launch(options, Recorder::default()).await.unwrap()
}

async fn call(plugin: Checked, method: Method, message: impl prost::Message) -> Result<Bytes, Status> {
    let message = message.encode_to_vec().into();
    let call = UnaryCall { id: 0, method: method.path(), resource: String::new(), message };
    timeout(SOON, RawClient::new(plugin).oneshot(call)).await.expect("it is answered")
}

async fn create(plugin: Checked, name: &str) -> Result<iac::ResourceOutput, Status> {
    let resource_type = "infra.vpc".to_owned();
    let spec = iac::ResourceSpec {
        name: name.into(),
        r#type: resource_type.clone(),
        config_json: br#"{"password":"hush-hush"}"#.to_vec().into(),
        ..iac::ResourceSpec::default()
    };
    let request = iac::ResourceCreateRequest { resource_type, spec: Some(spec) };
    let reply = call(plugin, Method::Create, request).await?;
    Ok(iac::ResourceCreateResponse::decode(reply).unwrap().output.unwrap())
}

/// Whether the plugin has made the first resource.
async fn has_made_one(plugin: Checked) -> bool {
    let target =
        iac::ResourceRef { provider_id: "vpc-1".into(), name: "net".into(), ..iac::ResourceRef::default() };
    let request = iac::ResourceReadRequest { resource_type: "infra.vpc".into(), r#ref: Some(target) };
    call(plugin, Method::Read, request).await.is_ok()
}

fn records(place: &TempDir) -> Trace {
    Trace::load(BufReader::new(File::open(place.path().join("record.jsonl")).unwrap())).unwrap()
}

#[test]
fn a_fault_strikes_its_call_and_no_other() {
    let (early, late) = ("reaches_provider: false", "reaches_provider: true");
    let error = "inject: dispatch-error, code: resource_exhausted, message: quota exceeded";
    let cases = [
        (format!("{error}, {early}"), Err(Some((Code::ResourceExhausted, "quota exceeded"))), false),
        (format!("{error}, {late}"), Err(Some((Code::ResourceExhausted, "quota exceeded"))), true),
        (format!("inject: transport, kind: reset, {late}"), Err(Some((Code::Internal, ""))), true),
        (format!("inject: transport, kind: disconnect, {early}"), Err(None), false),
        ("inject: transport, kind: delay, for: 50ms".to_owned(), Ok("vpc-1"), true),
        ("inject: wire, set: { output.provider_id: other }".to_owned(), Ok("other"), true),
    ];
    for (fault, expected, made) in cases {
        let place = place(Some(&fault));
        run(async {
            let plugin = launch(&place).await;
            let answer = create(plugin.connection(), "net").await;
            match (answer, expected) {
                (Ok(output), Ok(id)) => assert_eq!(output.provider_id, id, "{fault}"),
                // What a client makes of a lost connection is up to it.
                (Err(_), Err(None)) => {}
                (Err(status), Err(Some((code, message)))) => {
                    assert_eq!(status.code(), code, "{fault}: {status:?}");
                    assert!(status.message().contains(message), "{fault}: {status:?}");
                }
                (answer, _) => panic!("{fault}: {answer:?}"),
            }
            assert_eq!(has_made_one(plugin.connection()).await, made, "{fault}");
            // The fault is over.
            create(plugin.connection(), "another").await.unwrap();
            plugin.stop().await;
        });
        let struck = records(&place).events;
        assert!(struck.contains(&Event::FaultInjected { call: first_create(&struck), fault: 0 }), "{fault}");
    }
    assert!(settle(SOON));
}

fn first_create(events: &[Event]) -> u32 {
    let created = events.iter().find_map(|event| match event {
        Event::CallIssued { call, method: Method::Create, .. } => Some(*call),
        _ => None,
    });
    created.unwrap()
}

#[test]
fn a_call_that_hangs_hangs_alone_and_a_killed_plugin_is_dead() {
    let hanging = place(Some("inject: transport, kind: hang"));
    run(async {
        let plugin = launch(&hanging).await;
        let hangs = create(plugin.connection(), "net");
        assert!(timeout(Duration::from_millis(200), hangs).await.is_err());
        create(plugin.connection(), "other").await.unwrap();
        plugin.stop().await;
    });
    let killing = place(Some("inject: transport, kind: kill, reaches_provider: true"));
    run(async {
        let plugin = launch(&killing).await;
        create(plugin.connection(), "net").await.unwrap_err();
        let dead = || plugin.exited() == Some(ExitStatus::Signal(9));
        crate::place::wait_until(dead, "the end of the plugin").await;
        plugin.stop().await;
    });
    assert!(settle(SOON));
}

#[test]
fn faults_that_cannot_stand_in_front_of_a_plugin_are_refused_with_their_place() {
    let place = TempDir::new().unwrap();
    let installed =
        counterfoil(place.path(), &["mock", "install", "--profile", "reference", "--into", "real"]);
    assert!(installed.status.success());
    fs::write(place.path().join("jit.yaml"), scenario("inject: jit-error")).unwrap();
    let install = ["proxy", "install", "--in-front-of", "real", "--into", "front", "--faults", "jit.yaml"];
    let serve = ["proxy", "serve", "real/mock/mock", "--faults", "jit.yaml"];
    for arguments in [&install[..], &serve] {
        let refused = counterfoil(place.path(), arguments);
        let told = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{told}");
        assert!(told.contains("jit.yaml:5:") && told.contains("it stands in the plan"), "{told}");
    }
    assert!(!place.path().join("front").exists());
}

#[test]
fn what_goes_by_is_recorded_without_secrets_and_whatever_becomes_of_the_record() {
    let recording = place(None);
    run(async {
        let plugin = launch(&recording).await;
        create(plugin.connection(), "net").await.unwrap();
        let file = recording.path().join("record.jsonl");
        let answered = || fs::read_to_string(&file).unwrap().contains("reply_received");
        crate::place::wait_until(answered, "the record of the answer").await;
        // What was recorded stays, however the proxy ends.
        plugin.killer()();
        plugin.stop().await;
    });
    let trace = records(&recording);
    let call = first_create(&trace.events);
    let of_call: Vec<&Event> = trace
        .events
        .iter()
        .filter(|event| {
            matches!(event, Event::CallIssued { call: of, .. } | Event::CallDelivered { call: of }
                | Event::ReplySent { call: of, .. } | Event::ReplyReceived { call: of, .. } if *of == call)
        })
        .collect();
    let [Event::CallIssued { resource, request, .. }, Event::CallDelivered { .. }, sent, received] =
        of_call[..]
    else {
        panic!("{of_call:?}")
    };
    assert_eq!(resource, "net");
    assert!(String::from_utf8_lossy(&request.0).contains(r#"{"password":"*********"}"#));
    let (Event::ReplySent { reply: sent, .. }, Event::ReplyReceived { reply: received, .. }) =
        (sent, received)
    else {
        panic!("{sent:?} {received:?}")
    };
    assert!(sent == received && matches!(sent, Reply::Ok(_)));
    let judged = counterfoil(recording.path(), &["judge", "record.jsonl"]);
    assert_eq!(judged.status.code(), Some(2), "{}", String::from_utf8_lossy(&judged.stdout));

    fs::create_dir(recording.path().join("gone")).unwrap();
    let arguments =
        ["proxy", "install", "--in-front-of", "real", "--into", "front", "--record", "gone/r.jsonl"];
    assert!(counterfoil(recording.path(), &arguments).status.success());
    fs::remove_dir(recording.path().join("gone")).unwrap();
    run(async {
        let plugin = launch(&recording).await;
        create(plugin.connection(), "net").await.unwrap();
        assert!(plugin.stderr().contains("gone/r.jsonl cannot be written"), "{}", plugin.stderr());
        plugin.stop().await;
    });
    assert!(settle(SOON));
}

#[test]
fn a_disk_that_is_full_ends_the_record_and_nothing_else() {
    let place = place(None);
    // No file may be longer than some tens of kB here, as if there were no more room.
    let limited = place.path().join("front/mock/limited");
    fs::write(&limited, "#!/bin/sh\ntrap '' XFSZ\nulimit -f 64\nexec \"${0%/*}/mock\" \"$@\"\n").unwrap();
    fs::set_permissions(&limited, Permissions::from_mode(0o755)).unwrap();
    run(async {
        let plugin = launch_as(&place, "limited").await;
        let told = || plugin.stderr().contains("record.jsonl cannot be written: File too large");
        for made in 0.. {
            if told() {
                break;
            }
            assert!(made < 10_000, "the record goes on: {}", plugin.stderr());
            create(plugin.connection(), &format!("net-{made}")).await.unwrap();
        }
        create(plugin.connection(), "one-more").await.unwrap();
        plugin.stop().await;
    });
    assert!(settle(SOON));
    // What was recorded until then is as good as ever.
    let told = counterfoil(place.path(), &["record", "record.jsonl", "--into", "again.yaml"]);
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let text = fs::read_to_string(place.path().join("again.yaml")).unwrap();
    assert!(text.contains("- { create: net-0 }") && !text.contains("one-more"), "{text}");
}

#[test]
fn a_record_becomes_a_scenario_that_runs() {
    let recording = place(Some("inject: dispatch-error, code: unavailable, message: busy"));
    run(async {
        let plugin = launch(&recording).await;
        create(plugin.connection(), "net").await.unwrap_err();
        create(plugin.connection(), "other").await.unwrap();
        plugin.stop().await;
    });
    let arguments = ["record", "record.jsonl", "--into", "again.yaml"];
    let told = counterfoil(recording.path(), &arguments);
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    assert_eq!(counterfoil(recording.path(), &arguments).status.code(), Some(2), "it is there already");
    let text = fs::read_to_string(recording.path().join("again.yaml")).unwrap();
    assert!(text.contains("expect:\n  calls:\n    - { create: net }\n    - { create: other }\n"), "{text}");
    let ran = counterfoil(recording.path(), &["run", "again.yaml"]);
    assert!(
        ran.status.success(),
        "{text}{}{}",
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr)
    );
    let nothing = counterfoil(recording.path(), &["record", "faulty.yaml"]);
    assert_eq!(nothing.status.code(), Some(2));
    assert!(settle(SOON));
}

#[test]
fn what_could_change_something_is_answered_in_front_of_the_plugin_and_never_gets_there() {
    let place = place_with(None, &["--answers-mutations"]);
    run(async {
        let plugin = launch(&place).await;
        let made = create(plugin.connection(), "net").await.unwrap();
        assert_eq!((&*made.name, &*made.provider_id), ("net", "counterfoil-net"));
        assert!(!has_made_one(plugin.connection()).await);
        let target = iac::ResourceRef { name: "net".into(), ..iac::ResourceRef::default() };
        let delete = iac::ResourceDeleteRequest { resource_type: "infra.vpc".into(), r#ref: Some(target) };
        call(plugin.connection(), Method::Delete, delete).await.unwrap();
        let finalize = iac::FinalizeApplyRequest::default();
        call(plugin.connection(), Method::Finalize, finalize).await.unwrap();
        plugin.stop().await;
    });
    assert!(settle(SOON));
    let events = records(&place).events;
    let sent = |event: &&Event| matches!(event, Event::ReplySent { reply: Reply::Ok(_), .. });
    // The read of what is not there is an error.
    assert_eq!(events.iter().filter(sent).count(), 3, "{events:#?}");
}

#[test]
fn faults_strike_what_is_answered_in_front_of_the_plugin_too() {
    let fault = "inject: dispatch-error, code: resource_exhausted, message: quota exceeded";
    let place = place_with(Some(fault), &["--answers-mutations"]);
    run(async {
        let plugin = launch(&place).await;
        let refused = create(plugin.connection(), "net").await.unwrap_err();
        assert_eq!((refused.code(), refused.message()), (Code::ResourceExhausted, "quota exceeded"));
        assert_eq!(create(plugin.connection(), "net").await.unwrap().provider_id, "counterfoil-net");
        assert!(!has_made_one(plugin.connection()).await);
        plugin.stop().await;
    });
    assert!(settle(SOON));
}
