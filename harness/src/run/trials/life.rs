//! The life of a resource, from its creation to behind its end, for each type that a provider declares.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use counterfoil_core::{
    rpc::Code,
    trial::{Trial, TrialReply, step},
};
use counterfoil_proto::iac;
use prost::Message;
use serde_json::{Map, Value, json};

use super::{Answered, Examiner, NAME, deletion, reading, reference};

/// A tag of every resource that is created.
const TAG: &str = "web";

/// The config by which resources are created: a text, a number, a list.
fn config() -> Map<String, Value> {
    let config = json!({ "region": "nyc3", "size": "s", "count": 3, "tags": [TAG, "blue"] });
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
        let mut life = Life::new(examiner, resource_type, Trial::Life);
        life.lead().await;
        life.clean_up().await;
        if examiner.is_over() {
            return;
        }
    }
}

/// Has a provider destroy a resource that is there and one that is not.
pub(super) async fn destroy(examiner: &Examiner<'_>) {
    let mut life = Life::new(examiner, examiner.resource_type(), Trial::Destroy);
    life.be_destroyed().await;
    life.clean_up().await;
}

/// One resource, and what else may have come of the calls that create it.
struct Life<'a> {
    examiner: &'a Examiner<'a>,
    resource_type: &'a str,
    trial: Trial,
    name: String,
    /// The ids of what was created, and is not known to be gone.
    left: Vec<String>,
    /// Whether something may have been created whose id was not told.
    lost: bool,
}

impl<'a> Life<'a> {
    fn new(examiner: &'a Examiner<'a>, resource_type: &'a str, trial: Trial) -> Self {
        let name = format!("{}{trial}", examiner.prefix);
        Self { examiner, resource_type, trial, name, left: Vec::new(), lost: false }
    }

    async fn lead(&mut self) {
        let Some(created) = self.create(step::CREATE).await else { return };
        self.create(step::CREATE_AGAIN).await;
        let reference = self.reference(&created.provider_id);
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
        self.ask("ResourceDriver/Update", step::UPDATE, &update).await;

        let delete = self.deletion(&created.provider_id);
        for step in [step::DELETE, step::DELETE_AGAIN] {
            if self.ask("ResourceDriver/Delete", step, &delete).await.is_some() {
                self.left.retain(|id| *id != created.provider_id);
            }
        }
        self.read(step::READ_GONE, &reference).await;
    }

    async fn be_destroyed(&mut self) {
        let Some(created) = self.create(step::CREATE).await else { return };
        let there = self.reference(&created.provider_id);
        let gone = iac::ResourceRef { name: NAME.to_owned(), provider_id: NAME.to_owned(), ..there.clone() };
        let request = iac::DestroyRequest { refs: vec![there, gone] };
        let reply = self.ask("IaCProviderRequired/Destroy", step::BEFORE, &request).await;
        let reply = iac::DestroyResponse::decode(reply.unwrap_or_default()).unwrap_or_default();
        if reply.result.unwrap_or_default().destroyed.contains(&self.name) {
            self.left.retain(|id| *id != created.provider_id);
        }
    }

    /// Deletes what may be left in the cloud, also where the provider has hung: by its id, or by its name where no id was
    /// told and the provider can look for it.
    async fn clean_up(&mut self) {
        if self.examiner.is_gone() {
            return;
        }
        let mut left: BTreeSet<String> = self.left.drain(..).collect();
        if self.lost {
            left.extend(self.found_by_name().await);
        }
        for id in left {
            self.ask_in_any_case("ResourceDriver/Delete", step::CLEAN_UP, &self.deletion(&id)).await;
        }
    }

    /// The ids of the resources of our name, as far as the provider lists any.
    async fn found_by_name(&self) -> Vec<String> {
        let all = iac::EnumerateAllRequest { resource_type: self.resource_type.to_owned() };
        if let Some(reply) =
            self.ask_in_any_case("IaCProviderEnumerator/EnumerateAll", step::CLEAN_UP, &all).await
        {
            let found = iac::EnumerateAllResponse::decode(reply).unwrap_or_default().outputs.into_iter();
            return found.filter(|it| it.name == self.name).map(|it| it.provider_id).collect();
        }
        let tagged = iac::EnumerateByTagRequest { tag: TAG.to_owned() };
        let reply =
            self.ask_in_any_case("IaCProviderEnumerator/EnumerateByTag", step::CLEAN_UP, &tagged).await;
        let found = iac::EnumerateByTagResponse::decode(reply.unwrap_or_default()).unwrap_or_default();
        let ours = |it: &iac::ResourceRef| it.name == self.name && it.r#type == self.resource_type;
        found.refs.into_iter().filter(ours).map(|it| it.provider_id).collect()
    }

    fn spec(&self, config: &Map<String, Value>) -> iac::ResourceSpec {
        iac::ResourceSpec {
            name: self.name.clone(),
            r#type: self.resource_type.to_owned(),
            config_json: Value::Object(config.clone()).to_string().into(),
            ..iac::ResourceSpec::default()
        }
    }

    fn reference(&self, id: &str) -> iac::ResourceRef {
        reference(self.resource_type, &self.name, id)
    }

    fn deletion(&self, id: &str) -> iac::ResourceDeleteRequest {
        deletion(self.reference(id))
    }

    /// Creates the resource. None where that failed: then there is no life to lead.
    async fn create(&mut self, step: &str) -> Option<iac::ResourceOutput> {
        let request = iac::ResourceCreateRequest {
            resource_type: self.resource_type.to_owned(),
            spec: Some(self.spec(&config())),
        };
        let reply = self.answer("ResourceDriver/Create", step, &request).await?;
        let reply = match reply {
            Ok(reply) => reply,
            Err(other) => {
                // Whoever is refused because the name is taken has made nothing; any other may have.
                self.lost |= step == step::CREATE || !is_taken(&other);
                return None;
            }
        };
        // A success without an output is judged; the resource may be there all the same.
        let output =
            iac::ResourceCreateResponse::decode(reply).unwrap_or_default().output.unwrap_or_default();
        match output.provider_id.as_str() {
            "" => self.lost = true,
            id => self.left.push(id.to_owned()),
        }
        Some(output)
    }

    async fn read(&self, step: &str, reference: &iac::ResourceRef) -> Option<iac::ResourceOutput> {
        let request = reading(reference.clone());
        let reply = self.ask("ResourceDriver/Read", step, &request).await?;
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
        self.ask("ResourceDriver/Diff", step, &request).await;
    }

    async fn validate(&self, step: &str, desired: &Map<String, Value>) {
        let action = iac::PlanAction {
            action: "create".to_owned(),
            resource: Some(self.spec(desired)),
            ..iac::PlanAction::default()
        };
        let plan = iac::IaCPlan { id: NAME.to_owned(), actions: vec![action], ..iac::IaCPlan::default() };
        let request = iac::ValidatePlanRequest { plan: Some(plan) };
        self.ask("IaCProviderValidator/ValidatePlan", step, &request).await;
    }

    /// Asks, and gives the message where the answer is one.
    async fn ask(&self, short: &str, step: &str, request: &impl Message) -> Option<Bytes> {
        self.answer(short, step, request).await?.ok()
    }

    /// The same, also where nothing more is to be learned.
    async fn ask_in_any_case(&self, short: &str, step: &str, request: &impl Message) -> Option<Bytes> {
        self.answer_in_any_case(short, step, request).await?.ok()
    }

    /// Asks and gives the answer. None where the provider does not list the service, or nothing more is to be learned.
    async fn answer(&self, short: &str, step: &str, request: &impl Message) -> Answered {
        if self.examiner.is_over() {
            return None;
        }
        self.answer_in_any_case(short, step, request).await
    }

    async fn answer_in_any_case(&self, short: &str, step: &str, request: &impl Message) -> Answered {
        self.examiner.answer(self.trial, short, step, request).await
    }
}

/// Whether a create is refused because there is a resource of that name.
fn is_taken(reply: &TrialReply) -> bool {
    matches!(reply, TrialReply::Error(error) if error.code == Code::AlreadyExists)
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use counterfoil_core::{
        scenario,
        trace::{Event, Trace},
        trial::Tried,
    };
    use counterfoil_mock::broken::{Exchange, Flaw, ProviderMutant};
    use counterfoil_proto::Revision;
    use tonic::Status;

    use super::*;
    use crate::run::{Job, Variant, drive};

    const LIVES: &[u8] = include_bytes!("../../../../scenarios/rpc/lives-of-resources.yaml");

    fn is_create(call: &Exchange<'_>) -> bool {
        call.method == "ResourceDriver/Create"
    }

    static LOSES_REPLIES: ProviderMutant = ProviderMutant {
        name: "loses-replies",
        what: "a create that was done is answered with Unavailable",
        caught_by: &[],
        flaw: Flaw::Answers(|call, _| is_create(call).then(|| Err(Status::unavailable("the reply is lost")))),
    };

    static MAKES_ANOTHER: ProviderMutant = ProviderMutant {
        name: "makes-another",
        what: "a name that is taken is altered",
        caught_by: &[],
        flaw: Flaw::Takes(|call| {
            let mut request = iac::ResourceCreateRequest::decode(call.request.clone()).ok()?;
            let spec = request.spec.as_mut().filter(|_| is_create(call) && call.again)?;
            spec.name.push_str("-2");
            Some(request.encode_to_vec().into())
        }),
    };

    /// The trace of the lives and ends of resources.
    async fn trace(mutant: &'static ProviderMutant) -> Trace {
        let scenario = Arc::new(scenario::parse("lives.yaml", LIVES).unwrap());
        let job = Job { scenario, revision: Revision::Head };
        drive(&job, &Variant::Provider(mutant)).await.unwrap()
    }

    fn asked<'t>(trace: &'t Trace, short: &str) -> Vec<&'t Tried> {
        let tried = trace.events.iter().filter_map(|event| match event {
            Event::Tried(tried) => Some(tried),
            _ => None,
        });
        tried.filter(|tried| tried.short() == short).collect()
    }

    /// The ids that were deleted in the end.
    fn cleaned_up(trace: &Trace) -> Vec<String> {
        let deletions = asked(trace, "ResourceDriver/Delete").into_iter();
        let deletions = deletions.filter(|tried| tried.part == step::CLEAN_UP && tried.succeeded());
        let id = |tried: &Tried| {
            let request = iac::ResourceDeleteRequest::decode(tried.request.0.clone()).unwrap();
            request.r#ref.unwrap().provider_id
        };
        deletions.map(id).collect()
    }

    #[tokio::test]
    async fn what_a_create_left_that_was_answered_with_an_error_is_looked_for_and_deleted() {
        let trace = trace(&LOSES_REPLIES).await;
        let creates = asked(&trace, "ResourceDriver/Create");
        let deleted = cleaned_up(&trace);
        assert!(!creates.is_empty() && creates.iter().all(|tried| tried.part == step::CREATE));
        assert_eq!(deleted.len(), creates.len());
        assert!(deleted.iter().all(|id| !id.is_empty()), "{deleted:?}");
    }

    #[tokio::test]
    async fn a_second_resource_is_deleted_by_its_own_id() {
        let trace = trace(&MAKES_ANOTHER).await;
        let twins: Vec<String> = asked(&trace, "ResourceDriver/Create")
            .into_iter()
            .filter(|tried| tried.part == step::CREATE_AGAIN)
            .flat_map(Tried::messages)
            .map(|made| iac::ResourceCreateResponse::decode(made.0.clone()).unwrap())
            .map(|made| made.output.unwrap().provider_id)
            .collect();
        assert!(!twins.is_empty());
        assert_eq!(cleaned_up(&trace), twins);
    }
}
