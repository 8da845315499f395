//! A state backend, used as an engine and its colleagues use one.

use bytes::Bytes;
use counterfoil_core::{
    rpc::Method,
    trace::{Event, Recorder},
    trial::{Trial, TrialReply, requests, step},
};
use counterfoil_mock::RawClient;
use counterfoil_proto::iac::{self, IaCState};
use futures_util::future::join_all;
use prost::Message;
use serde_json::{Map, Value};

use super::{Examiner, NAME, PARALLEL, method};
use crate::provider::process::Checked;

/// The service.
const SERVICE: &str = "IaCStateBackend";

/// What may be called before a backend is configured.
const UNCONFIGURED: [&str; 2] = ["IaCStateBackend/Configure", "IaCStateBackend/ListBackendNames"];

/// What is replaced, and then deleted.
const REPLACED: &str = "counterfoil-replaced";
/// What has `null` where JSON belongs.
const NULL: &str = "counterfoil-null";
/// What is never saved.
const NEVER: &str = "counterfoil-never";
/// What lists are about, each with its type and its status.
const LISTED: [(&str, &str, &str); 3] = [
    ("counterfoil-net", "infra.vpc", "active"),
    ("counterfoil-old-net", "infra.vpc", "failed"),
    ("counterfoil-db", "infra.database", "active"),
];
/// What is locked without a record.
const UNSAVED: &str = "counterfoil-unsaved";
/// What is locked, two at a time.
const LOCKED: [&str; 2] = ["counterfoil-locked", "counterfoil-also-locked"];
/// What is locked by many at once.
const WANTED: &str = "counterfoil-wanted";

/// Uses a backend that nobody has configured.
pub(super) async fn unconfigured(examiner: &Examiner<'_>) {
    for (method, request) in examiner.methods() {
        let needs_configure = request.service() == SERVICE && !UNCONFIGURED.contains(&request.method);
        if needs_configure && examiner.leave.allows_refusal(request) {
            let message = examiner.whole(method, request);
            let reply = examiner.ask(method, message.clone()).await;
            examiner.tell(Trial::Unconfigured, method, "", &message, vec![reply]);
            if examiner.is_over() {
                return;
            }
        }
    }
}

/// Configures a backend and uses it, and leaves nothing in it.
pub(super) async fn converse(examiner: &Examiner<'_>) {
    if !examiner.services.contains(&requests::full_name(SERVICE)) {
        return;
    }
    let backend = Backend { examiner, client: examiner.client.clone() };
    if !backend.configure().await {
        // What its config lacks is its own matter; there is nothing to go on with.
        return;
    }
    backend.clean_up().await;
    backend.records().await;
    backend.lists().await;
    backend.locks().await;
    backend.locks_at_once().await;
    backend.clean_up().await;
}

/// A backend, over one connection.
struct Backend<'a> {
    examiner: &'a Examiner<'a>,
    client: RawClient<Checked>,
}

impl Backend<'_> {
    /// Configures the first backend that the provider names, wrongly at first. Whether it is ready then.
    async fn configure(&self) -> bool {
        let names = self.ask(step::CONFIGURE, "ListBackendNames", &iac::ListBackendNamesRequest {}).await;
        let names = iac::ListBackendNamesResponse::decode(names.unwrap_or_default()).unwrap_or_default();
        let Some(name) = names.backend_names.into_iter().find(|name| !name.is_empty()) else { return false };
        for (name, config) in [(NAME, "{}"), (&*name, "[1]"), (&*name, "{\"backend\":")] {
            self.configured(name, config.to_owned()).await;
        }
        let config = config(&name, self.examiner.log);
        self.configured(&name, config).await
    }

    async fn configured(&self, name: &str, config: String) -> bool {
        let request = iac::ConfigureRequest { backend_name: name.to_owned(), config_json: config.into() };
        self.ask(step::CONFIGURE, "Configure", &request).await.is_some()
    }

    /// Deletes and unlocks whatever the trial may have left.
    async fn clean_up(&self) {
        let listed = LISTED.map(|(id, ..)| id);
        for id in [REPLACED, NULL, NEVER].into_iter().chain(listed) {
            self.delete(step::CLEAN_UP, id).await;
        }
        for id in [listed[0], UNSAVED, WANTED].into_iter().chain(LOCKED) {
            self.unlock(step::CLEAN_UP, id).await;
        }
    }

    /// Records come, are replaced, and go.
    async fn records(&self) {
        let part = step::RECORDS;
        self.get(part, NEVER).await;
        self.save(part, whole(REPLACED)).await;
        self.get(part, REPLACED).await;
        self.save(part, bare(REPLACED)).await;
        self.get(part, REPLACED).await;

        self.save(part, whole("")).await;
        let null = IaCState { outputs_json: "null".into(), config_json: "null".into(), ..whole(NULL) };
        self.save(part, null).await;
        self.get(part, NULL).await;

        self.delete(part, REPLACED).await;
        self.get(part, REPLACED).await;
        self.list(part, &[]).await;
        self.delete(part, REPLACED).await;
        self.delete(part, NEVER).await;
    }

    /// Records are listed by what they have, also while some are locked.
    async fn lists(&self) {
        let part = step::LISTS;
        for (id, resource_type, status) in LISTED {
            let state =
                IaCState { resource_type: resource_type.to_owned(), status: status.to_owned(), ..whole(id) };
            self.save(part, state).await;
        }
        let (vpc, ours) = (("resource_type", "infra.vpc"), ("provider", "counterfoil"));
        let active = ("status", "active");
        let strange = ("counterfoil-colour", "blue");
        for filter in [&[][..], &[vpc], &[ours], &[active, ours], &[vpc, active, ours], &[strange, vpc, ours]]
        {
            self.list(part, filter).await;
        }
        self.list(part, &[ours, ("status", "counterfoil-of-none")]).await;
        for id in [LISTED[0].0, UNSAVED] {
            self.lock(part, id).await;
        }
        self.list(part, &[]).await;
        self.list(part, &[ours]).await;
        for id in [LISTED[0].0, UNSAVED] {
            self.unlock(part, id).await;
        }
        self.delete(part, LISTED[0].0).await;
        self.list(part, &[vpc, ours]).await;
    }

    /// Resources are locked and unlocked, and one of them over another connection.
    async fn locks(&self) {
        let (part, [one, other]) = (step::LOCKS, LOCKED);
        self.lock(part, one).await;
        self.lock(part, one).await;
        self.lock(part, other).await;
        self.unlock(part, other).await;
        self.another().unlock(step::ANOTHER_CONNECTION, one).await;
        self.unlock(part, one).await;
        self.lock(part, one).await;
        self.unlock(part, one).await;
    }

    /// Of many who want the lock of one resource at once, one gets it.
    async fn locks_at_once(&self) {
        self.unlock(step::AT_ONCE, WANTED).await;
        let request = iac::LockRequest { resource_id: WANTED.to_owned() };
        self.ask_at_once(step::AT_ONCE, "Lock", &request, PARALLEL).await;
        self.unlock(step::AT_ONCE, WANTED).await;
    }

    async fn get(&self, part: &str, id: &str) {
        self.ask(part, "GetState", &iac::GetStateRequest { resource_id: id.to_owned() }).await;
    }

    async fn save(&self, part: &str, state: IaCState) {
        self.ask(part, "SaveState", &iac::SaveStateRequest { state: Some(state) }).await;
    }

    async fn list(&self, part: &str, filter: &[(&str, &str)]) {
        let filter = filter.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        self.ask(part, "ListStates", &iac::ListStatesRequest { filter }).await;
    }

    async fn delete(&self, part: &str, id: &str) {
        self.ask(part, "DeleteState", &iac::DeleteStateRequest { resource_id: id.to_owned() }).await;
    }

    async fn lock(&self, part: &str, id: &str) {
        self.ask(part, "Lock", &iac::LockRequest { resource_id: id.to_owned() }).await;
    }

    async fn unlock(&self, part: &str, id: &str) {
        self.ask(part, "Unlock", &iac::UnlockRequest { resource_id: id.to_owned() }).await;
    }

    /// The same backend, over a connection of its own.
    fn another(&self) -> Self {
        Self { examiner: self.examiner, client: RawClient::new(self.examiner.connection.another()) }
    }

    async fn ask(&self, part: &str, name: &str, request: &impl Message) -> Option<Bytes> {
        self.ask_at_once(part, name, request, 1).await
    }

    /// Asks so many times at once, unless there is nothing more to learn, and gives the first reply where it is one.
    async fn ask_at_once(
        &self,
        part: &str,
        name: &str,
        request: &impl Message,
        times: usize,
    ) -> Option<Bytes> {
        if self.examiner.is_over() {
            return None;
        }
        let method = method(self.examiner.revision, &format!("{SERVICE}/{name}"))?;
        let message = Bytes::from(request.encode_to_vec());
        let ask = || self.examiner.ask_over(&self.client, method, message.clone());
        let replies = join_all((0..times).map(|_| ask())).await;
        let answer = match &replies[..] {
            [TrialReply::Ok(payload), ..] => Some(payload.0.clone()),
            _ => None,
        };
        self.examiner.tell(Trial::State, method, part, &message, replies);
        answer
    }
}

/// The config of a backend: that of the provider itself, with the backend's name in it (E-393). Where a provider finds
/// its cloud, its backend finds it too.
fn config(name: &str, log: &Recorder) -> String {
    let initialize = log.look(|events| {
        events.iter().find_map(|event| match event {
            Event::CallIssued { method: Method::Initialize, request, .. } => Some(request.0.clone()),
            _ => None,
        })
    });
    let given = iac::InitializeRequest::decode(initialize.unwrap_or_default()).unwrap_or_default();
    let mut config: Map<String, Value> = serde_json::from_slice(&given.config_json).unwrap_or_default();
    config.insert("backend".to_owned(), name.into());
    Value::Object(config).to_string()
}

/// A record with something in every field (E-381).
fn whole(id: &str) -> IaCState {
    IaCState {
        resource_id: id.to_owned(),
        resource_type: "infra.vpc".to_owned(),
        provider: "counterfoil".to_owned(),
        provider_ref: "counterfoil-cloud".to_owned(),
        provider_id: "vpc-1".to_owned(),
        config_hash: "0f1e2d".to_owned(),
        status: "active".to_owned(),
        outputs_json: r#"{"cidr":"10.0.0.0/16","zones":["a","b"],"ports":{"http":80}}"#.into(),
        config_json: r#"{"region":"nyc3","count":3}"#.into(),
        dependencies: vec!["counterfoil-z".to_owned(), "counterfoil-a".to_owned()],
        created_at: "2026-01-02T03:04:05Z".to_owned(),
        updated_at: "2026-02-03T04:05:06Z".to_owned(),
        error: "the last update failed".to_owned(),
    }
}

/// A record with no more than it has to have.
fn bare(id: &str) -> IaCState {
    IaCState {
        resource_id: id.to_owned(),
        resource_type: "infra.vpc".to_owned(),
        provider: "counterfoil".to_owned(),
        status: "active".to_owned(),
        created_at: "2026-01-02T03:04:05Z".to_owned(),
        updated_at: "2026-03-04T05:06:07Z".to_owned(),
        ..IaCState::default()
    }
}
