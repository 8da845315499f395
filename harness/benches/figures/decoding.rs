//! The strict decoder against prost, which checks nothing.

use bytes::Bytes;
use counterfoil_core::{
    decode::{ApplyContext, Decoder as _, Strict},
    plan::{Action, ActionKind, Spec},
};
use counterfoil_proto::{Revision, iac};
use prost::Message as _;

use crate::runner::{Figures, timed};

const COUNT: u32 = 100_000;

/// A result of 100,000 outcomes, one in ten an error, against a bare prost decode of it.
pub(crate) fn outcomes(figures: &mut Figures) {
    for (name, errors) in [("decode-outcomes", true), ("decode-outcomes-success", false)] {
        if !figures.wants(name) {
            continue;
        }
        let (reply, planned) = reply(errors, false);
        let context = ApplyContext { revision: Revision::V0_56, planned: &planned };
        assert!(Strict.apply_response(&reply, &context).is_accepted());
        figures.pairs(
            name,
            0.7,
            || timed(|| Strict.apply_response(&reply, &context)),
            || timed(|| iac::ApplyResponse::decode(reply.clone())),
        );
    }
}

/// The same with 100,000 resources, against prost and `serde_json` for their outputs.
pub(crate) fn resources(figures: &mut Figures) {
    let name = "decode-resources";
    if !figures.wants(name) {
        return;
    }
    let (reply, planned) = reply(true, true);
    let context = ApplyContext { revision: Revision::V0_56, planned: &planned };
    assert!(Strict.apply_response(&reply, &context).is_accepted());
    figures.pairs(
        name,
        1.0,
        || timed(|| Strict.apply_response(&reply, &context)),
        || {
            timed(|| {
                let response = iac::ApplyResponse::decode(reply.clone()).expect("it is well-formed");
                let resources = &response.result.as_ref().expect("there is a result").resources;
                let outputs: Vec<serde_json::Value> = resources
                    .iter()
                    .map(|resource| serde_json::from_slice(&resource.outputs_json).expect("it is JSON"))
                    .collect();
                (response, outputs)
            })
        },
    );
}

fn reply(errors: bool, resources: bool) -> (Bytes, Vec<Action>) {
    let failed = |index: u32| errors && index.is_multiple_of(10);
    let actions = (0..COUNT).map(|index| iac::ActionResult {
        action_index: index,
        status: if failed(index) { 2 } else { 1 },
        error: if failed(index) { "quota exceeded in region nyc3!".to_owned() } else { String::new() },
    });
    let outputs = |index: u32| {
        format!(
            r#"{{"endpoint":"db-{index}.mock.internal","port":5432,"region":"nyc3","tags":["a","b"],"ha":true}}"#
        )
    };
    let listed = (0..if resources { COUNT } else { 0 }).map(|index| iac::ResourceOutput {
        name: format!("db-{index}"),
        r#type: "infra.database".to_owned(),
        provider_id: format!("database-{index}"),
        outputs_json: outputs(index).into(),
        ..iac::ResourceOutput::default()
    });
    let result = iac::ApplyResult {
        plan_id: "plan".to_owned(),
        actions: actions.collect(),
        resources: listed.collect(),
        ..iac::ApplyResult::default()
    };
    let planned = (0..COUNT).map(|index| Action {
        kind: ActionKind::Create,
        spec: Spec {
            name: format!("db-{index}"),
            resource_type: "infra.database".to_owned(),
            ..Spec::default()
        },
        current: None,
        changes: Vec::new(),
    });
    (iac::ApplyResponse { result: Some(result) }.encode_to_vec().into(), planned.collect())
}
