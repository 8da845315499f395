//! The life of a resource, from its creation to behind its end, for each type that a provider declares.

use std::collections::BTreeMap;

use bytes::Bytes;
use counterfoil_core::trial::{Trial, TrialReply, requests, step};
use counterfoil_proto::iac;
use prost::Message;
use serde_json::{Map, Value, json};

use super::{Examiner, NAME, method};

/// The config by which resources are created: a text, a number, a list.
fn config() -> Map<String, Value> {
    let config = json!({ "region": "nyc3", "size": "s", "count": 3, "tags": ["web", "blue"] });
    let Value::Object(config) = config else { unreachable!("it is written as an object") };
    config
}

/// A key that no type has, so that a provider that knows its keys can say so.
const UNKNOWN_KEY: &str = "counterfoil_of_nobody";

/// What a field is changed to, so that it is of the same type and another value.
fn changed(value: &Value) -> Value {
    match value {
        Value::String(text) => json!(format!("{text}-2")),
        Value::Number(_) => json!(4),
        Value::Array(list) => json!(list.iter().take(1).collect::<Vec<_>>()),
        other => other.clone(),
    }
}

/// Leads a resource of each declared type through its life.
pub(super) async fn lives(examiner: &Examiner<'_>) {
    for resource_type in &examiner.types {
        Life { examiner, resource_type, name: "counterfoil-life" }.lead().await;
        if examiner.is_over() {
            return;
        }
    }
}

/// Has a provider destroy a resource that is there and one that is not.
pub(super) async fn destroy(examiner: &Examiner<'_>) {
    let life = Life { examiner, resource_type: examiner.resource_type(), name: "counterfoil-destroy" };
    let Some(output) = life.create(step::CREATE, Trial::Destroy).await else { return };
    let there = life.reference(&output);
    let gone = iac::ResourceRef { name: NAME.to_owned(), provider_id: NAME.to_owned(), ..there.clone() };
    let request = iac::DestroyRequest { refs: vec![there, gone] };
    life.ask(Trial::Destroy, "IaCProviderRequired/Destroy", step::BEFORE, &request).await;
}

/// One resource.
struct Life<'a> {
    examiner: &'a Examiner<'a>,
    resource_type: &'a str,
    name: &'a str,
}

impl Life<'_> {
    async fn lead(&self) {
        let trial = Trial::Life;
        let Some(created) = self.create(step::CREATE, trial).await else { return };
        self.create(step::CREATE_AGAIN, trial).await;
        let reference = self.reference(&created);
        let read = self.read(step::READ, &reference).await.unwrap_or_else(|| created.clone());

        self.diff(step::DIFF_OF_CREATED, &config(), created.clone()).await;
        self.diff(step::DIFF_OF_READ, &config(), through_a_state(read.clone())).await;
        for (field, value) in &config() {
            let mut desired = config();
            desired.insert(field.clone(), changed(value));
            self.diff(&format!("{} {field}", step::DIFF_OF_CHANGED), &desired, read.clone()).await;
        }

        let mut unknown = config();
        unknown.insert(UNKNOWN_KEY.to_owned(), json!("nothing"));
        self.validate(step::PLAN_OF_UNKNOWN, &unknown).await;
        self.diff(step::DIFF_OF_UNKNOWN, &unknown, read).await;

        let mut wanted = config();
        wanted.insert("size".to_owned(), json!("m"));
        let update = iac::ResourceUpdateRequest {
            resource_type: self.resource_type.to_owned(),
            r#ref: Some(reference.clone()),
            spec: Some(self.spec(&wanted)),
        };
        self.ask(trial, "ResourceDriver/Update", step::UPDATE, &update).await;

        let delete = iac::ResourceDeleteRequest {
            resource_type: self.resource_type.to_owned(),
            r#ref: Some(reference.clone()),
        };
        for step in [step::DELETE, step::DELETE_AGAIN] {
            self.ask(trial, "ResourceDriver/Delete", step, &delete).await;
        }
        self.read(step::READ_GONE, &reference).await;
    }

    fn spec(&self, config: &Map<String, Value>) -> iac::ResourceSpec {
        iac::ResourceSpec {
            name: self.name.to_owned(),
            r#type: self.resource_type.to_owned(),
            config_json: Value::Object(config.clone()).to_string().into(),
            ..iac::ResourceSpec::default()
        }
    }

    fn reference(&self, output: &iac::ResourceOutput) -> iac::ResourceRef {
        iac::ResourceRef {
            name: self.name.to_owned(),
            r#type: self.resource_type.to_owned(),
            provider_id: output.provider_id.clone(),
        }
    }

    /// Creates the resource. None where that failed: then there is no life to lead.
    async fn create(&self, step: &str, trial: Trial) -> Option<iac::ResourceOutput> {
        let request = iac::ResourceCreateRequest {
            resource_type: self.resource_type.to_owned(),
            spec: Some(self.spec(&config())),
        };
        let reply = self.ask(trial, "ResourceDriver/Create", step, &request).await?;
        // A success without an output is judged; the resource may be there all the same.
        Some(iac::ResourceCreateResponse::decode(reply).unwrap_or_default().output.unwrap_or_default())
    }

    async fn read(&self, step: &str, reference: &iac::ResourceRef) -> Option<iac::ResourceOutput> {
        let request = iac::ResourceReadRequest {
            resource_type: self.resource_type.to_owned(),
            r#ref: Some(reference.clone()),
        };
        let reply = self.ask(Trial::Life, "ResourceDriver/Read", step, &request).await?;
        iac::ResourceReadResponse::decode(reply).unwrap_or_default().output
    }

    async fn diff(&self, step: &str, desired: &Map<String, Value>, current: iac::ResourceOutput) {
        // An engine hands over neither what is sensitive nor the status (E-173).
        let current =
            iac::ResourceOutput { sensitive: BTreeMap::default(), status: String::new(), ..current };
        let request = iac::ResourceDiffRequest {
            resource_type: self.resource_type.to_owned(),
            desired: Some(self.spec(desired)),
            current: Some(current),
        };
        self.ask(Trial::Life, "ResourceDriver/Diff", step, &request).await;
    }

    async fn validate(&self, step: &str, desired: &Map<String, Value>) {
        let action = iac::PlanAction {
            action: "create".to_owned(),
            resource: Some(self.spec(desired)),
            ..iac::PlanAction::default()
        };
        let plan = iac::IaCPlan { id: NAME.to_owned(), actions: vec![action], ..iac::IaCPlan::default() };
        let request = iac::ValidatePlanRequest { plan: Some(plan) };
        self.ask(Trial::Life, "IaCProviderValidator/ValidatePlan", step, &request).await;
    }

    /// Asks, and gives the reply where it is one.
    async fn ask(&self, trial: Trial, short: &str, step: &str, request: &impl Message) -> Option<Bytes> {
        let method = method(self.examiner.revision, short)?;
        if !self.examiner.services.contains(&requests::full_name(short.split('/').next()?)) {
            return None;
        }
        let message = Bytes::from(request.encode_to_vec());
        let reply = self.examiner.ask(method, message.clone()).await;
        let answer = match &reply {
            TrialReply::Ok(payload) => Some(payload.0.clone()),
            _ => None,
        };
        self.examiner.tell(trial, method, step, &message, vec![reply]);
        answer
    }
}

/// The output as it comes back from a state: JSON that was decoded and encoded, with its keys in another order.
fn through_a_state(output: iac::ResourceOutput) -> iac::ResourceOutput {
    let turned = serde_json::from_slice::<Map<String, Value>>(&output.outputs_json).ok().map(|outputs| {
        let entries: Vec<String> = outputs
            .iter()
            .rev()
            .map(|(key, value)| format!("{}:{value}", Value::from(key.as_str())))
            .collect();
        format!("{{{}}}", entries.join(","))
    });
    let outputs_json = turned.map_or(output.outputs_json.clone(), Bytes::from);
    iac::ResourceOutput { outputs_json, ..output }
}
