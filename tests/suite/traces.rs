//! Traces of some scenarios, as they are kept in `golden/traces`: what is sent, what arrives, and what is made of it.

use std::{fmt::Write as _, sync::Arc};

use counterfoil::run::{self, Job, Variant, describe};
use counterfoil_core::{
    rpc::Method,
    trace::{Event, Trace},
};
use counterfoil_proto::{Revision, iac};
use prost::Message as _;

use crate::survey;

/// Scenarios, each at one revision.
const READABLE: [(&str, Revision); 26] = [
    ("all-kinds-succeed", Revision::Head),
    ("applied-hook-fails-from-0-56", Revision::Head),
    ("apply-honest", Revision::V0_55),
    ("cancelled-inside-a-replace", Revision::Head),
    ("cascade-of-a-replace", Revision::V0_56),
    ("create-becomes-an-update", Revision::Head),
    ("delete-of-what-is-gone", Revision::V0_51),
    ("dependent-before-its-replaced-parent", Revision::Head),
    ("disconnect-after-the-work", Revision::Head),
    ("driver-owned-replace", Revision::Head),
    ("finalizer-reports-several-errors", Revision::V0_55),
    ("lost-reply-of-a-create", Revision::Head),
    ("no-escape-for-references", Revision::Head),
    ("numbers-become-text", Revision::Head),
    ("other-values-stay-as-they-are", Revision::Head),
    ("outputs-of-the-state", Revision::Head),
    ("outputs-reach-later-actions", Revision::Head),
    ("preflight-refused-middle", Revision::V0_54),
    ("provider-without-drivers", Revision::V0_80),
    ("references-in-nested-values", Revision::Head),
    ("replace-loses-its-delete-reply", Revision::V0_56),
    ("resolved-text-is-not-scanned", Revision::Head),
    ("several-mistakes", Revision::V0_54),
    ("skipped-before-0-56", Revision::V0_55),
    ("two-types-of-one-name", Revision::Head),
    ("whole-values-become-text", Revision::Head),
];

#[test]
fn traces_tell_what_happened() {
    for (scenario, revision) in READABLE {
        let trace = trace(scenario, revision);
        snapshot(&trace.header.run_id(), &readable(&trace));
    }
}

/// The form on disk, which other versions have to read.
#[test]
fn a_saved_trace_keeps_its_form() {
    let mut trace = trace("dispatch-error-mid-plan", Revision::V0_56);
    // The load sequence holds the version of the mock provider.
    trace.events.drain(..apply_started(&trace));
    let mut lines = Vec::new();
    trace.save(&mut lines).unwrap();
    snapshot(&format!("{}.jsonl", trace.header.run_id()), &String::from_utf8(lines).unwrap());
}

fn snapshot(name: &str, text: &str) {
    insta::with_settings!({
        snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/../golden/traces"),
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, { insta::assert_snapshot!(name, text) });
}

fn trace(scenario: &str, revision: Revision) -> Trace {
    let scenario =
        survey::scenarios().iter().find(|stock| stock.id == scenario).expect("it is a stock scenario");
    let job = Job { scenario: Arc::clone(scenario), revision };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it needs no thread");
    runtime.block_on(run::drive(&job, &Variant::Reference)).expect("the mock provider can be driven")
}

fn apply_started(trace: &Trace) -> usize {
    trace.events.iter().position(|event| *event == Event::ApplyStarted).expect("the engine began")
}

/// The trace from the beginning of the apply, an event a line; under a call for an action, what it carries.
fn readable(trace: &Trace) -> String {
    let mut text = format!("{}\n", trace.header.run_id());
    for event in &trace.events[apply_started(trace)..] {
        let _ = writeln!(text, "{}", describe(event).trim_end());
        match event {
            Event::CallIssued { method, request, .. } => {
                if let Some(carried) = carried(*method, &request.0) {
                    let _ = writeln!(text, "    {carried}");
                }
            }
            Event::ApplyEnded { result, .. } => {
                let _ = writeln!(
                    text,
                    "{}",
                    serde_json::to_string_pretty(result).expect("a result is plain JSON")
                );
            }
            _ => {}
        }
    }
    text
}

/// The id that a call points at, and the config that it brings.
fn carried(method: Method, request: &[u8]) -> Option<String> {
    let id = |target: Option<iac::ResourceRef>| {
        target.map_or("none".to_owned(), |target| {
            if target.provider_id.is_empty() { "none".to_owned() } else { target.provider_id }
        })
    };
    let config = |spec: Option<iac::ResourceSpec>| {
        spec.map_or("none".to_owned(), |spec| String::from_utf8_lossy(&spec.config_json).into_owned())
    };
    match method {
        Method::Create => {
            let request =
                iac::ResourceCreateRequest::decode(request).expect("the engine sends what it encoded");
            Some(format!("config {}", config(request.spec)))
        }
        Method::Update => {
            let request =
                iac::ResourceUpdateRequest::decode(request).expect("the engine sends what it encoded");
            Some(format!("id {}, config {}", id(request.r#ref), config(request.spec)))
        }
        Method::Delete => {
            let request =
                iac::ResourceDeleteRequest::decode(request).expect("the engine sends what it encoded");
            Some(format!("id {}", id(request.r#ref)))
        }
        _ => None,
    }
}
