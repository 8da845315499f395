//! Vectors as decoders in other languages read them: JSON, a line each.

use std::collections::BTreeMap;

use counterfoil_proto::Revision;
use serde::Serialize;

use super::Vector;
use crate::{
    decode::{Cause, text},
    rpc::Method,
};

/// What `golden/vectors/README.md` describes.
#[derive(Serialize)]
struct Line<'v> {
    name: &'v str,
    about: &'v str,
    message: &'v str,
    #[serde(skip_serializing_if = "Option::is_none")]
    planned: Option<Vec<&'v str>>,
    hex: String,
    text: String,
    verdicts: BTreeMap<Revision, Vec<&'static str>>,
}

/// The line of a vector, with its end.
pub(super) fn line(vector: &Vector) -> String {
    let answers_a_plan = vector.message == Method::Apply.response();
    let rules = |causes: &[Cause]| causes.iter().map(|cause| cause.rule()).collect();
    let line = Line {
        name: vector.name,
        about: vector.about,
        message: &vector.message,
        planned: answers_a_plan.then(|| vector.planned.iter().map(|action| action.kind.as_str()).collect()),
        hex: hex::encode(&vector.bytes),
        text: text(&vector.message, &vector.bytes),
        verdicts: vector.verdicts().map(|(revision, causes)| (revision, rules(causes))).collect(),
    };
    serde_json::to_string(&line).expect("a line is plain JSON") + "\n"
}
