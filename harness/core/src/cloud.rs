//! A model of a provider's cloud: what stands there and what is gone, by what the provider itself has answered.
//!
//! It knows nothing of what arrived at the engine. A reply that was lost on its way was given all the same, and a call that
//! was never delivered has changed nothing. Where an answer leaves something open, such as an error behind which half of
//! the work may be done, so does the model.

use std::collections::{BTreeMap, HashMap, HashSet};

use counterfoil_proto::{Revision, iac};

use crate::{
    decode::{Decoder as _, Strict},
    rpc::{Method, target_of},
    trace::{Event, Reply},
};

/// What becomes of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is there.
    Stands,
    /// It was deleted.
    Gone,
    /// It may be there or not.
    Open,
}

/// A resource that a provider has spoken of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Its name.
    pub name: String,
    /// What became of it.
    pub fate: Fate,
    /// It was made in this run, and was not there before.
    pub created: bool,
    /// The event that tells of its fate.
    pub told: usize,
}

/// By what a cloud tells resources apart: type, then id.
pub type Key = (String, String);

/// The cloud, as far as a run tells of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cloud {
    resources: BTreeMap<Key, Resource>,
}

impl Cloud {
    /// The cloud behind these events, whose contract is that of `revision`. What calls of an apply and its hooks have done
    /// counts, and nothing that was asked beside them.
    pub fn behind(events: &[Event], revision: Revision) -> Self {
        let mut cloud = Self::default();
        let mut issued: HashMap<u32, Change> = HashMap::new();
        let mut delivered: HashSet<u32> = HashSet::new();
        for (at, event) in events.iter().enumerate() {
            match event {
                Event::CallIssued { call, method, request, .. } => {
                    if let Some(change) = Change::read(*method, &request.0) {
                        issued.insert(*call, change);
                    }
                }
                Event::CallDelivered { call } => _ = delivered.insert(*call),
                Event::ReplySent { call, reply } => {
                    if let Some(change) = issued.remove(call) {
                        cloud.take(&change, reply, revision, at);
                    }
                }
                _ => {}
            }
        }
        // What was not answered may have been done, and may be done yet.
        for (_, change) in issued.iter().filter(|(call, _)| delivered.contains(call)) {
            cloud.leave_open(change);
        }
        cloud
    }

    /// Every resource that was spoken of, by type and id.
    pub fn resources(&self) -> impl Iterator<Item = (&Key, &Resource)> {
        self.resources.iter()
    }

    /// The resource of a type and an id.
    pub fn get(&self, resource_type: &str, provider_id: &str) -> Option<&Resource> {
        self.resources.get(&(resource_type.to_owned(), provider_id.to_owned()))
    }

    /// The types of which a resource was spoken of, each once, in order.
    pub fn types(&self) -> Vec<&str> {
        let mut types: Vec<&str> =
            self.resources.keys().map(|(resource_type, _)| resource_type.as_str()).collect();
        types.dedup();
        types
    }

    fn take(&mut self, change: &Change, reply: &Reply, revision: Revision, at: usize) {
        let Reply::Ok(bytes) = reply else { return self.leave_open(change) };
        match change.method {
            Method::Delete if change.target.provider_id.is_empty() => self.leave_open(change),
            Method::Delete => {
                let id = &change.target.provider_id;
                self.tell(id, change, Fate::Gone, self.is_created(&change.resource_type, id), at);
            }
            method => {
                let output = Strict.output(method, &bytes.0, revision).value;
                match output.map(|output| output.provider_id).filter(|id| !id.is_empty()) {
                    Some(id) => {
                        let created = self.is_made_here(change, &id);
                        if method == Method::Update && id != change.target.provider_id {
                            self.leave_open(change);
                        }
                        self.tell(&id, change, Fate::Stands, created, at);
                    }
                    None => self.leave_open(change),
                }
            }
        }
    }

    /// Whether a resource that is told of was made in this run. An id that is known already, and not to be gone, is that of
    /// what was there, whatever the call.
    fn is_made_here(&self, change: &Change, id: &str) -> bool {
        match self.get(&change.resource_type, id) {
            Some(known) if known.fate != Fate::Gone => known.created,
            _ if change.method == Method::Create => true,
            _ => self.is_created(&change.resource_type, &change.target.provider_id),
        }
    }

    fn is_created(&self, resource_type: &str, id: &str) -> bool {
        self.get(resource_type, id).is_some_and(|resource| resource.created)
    }

    fn tell(&mut self, id: &str, change: &Change, fate: Fate, created: bool, at: usize) {
        let key = (change.resource_type.clone(), id.to_owned());
        let resource = Resource { name: change.target.name.clone(), fate, created, told: at };
        self.resources.insert(key, resource);
    }

    /// Takes back what is said of all that a change may have been about. A create adds, and takes nothing away.
    fn leave_open(&mut self, change: &Change) {
        let certain = if change.method == Method::Create { Fate::Stands } else { Fate::Open };
        for ((resource_type, id), resource) in &mut self.resources {
            let is_meant = match change.target.provider_id.as_str() {
                "" => resource.name == change.target.name,
                meant => id == meant,
            };
            if *resource_type == change.resource_type && is_meant && resource.fate != certain {
                resource.fate = Fate::Open;
            }
        }
    }
}

/// A call that changes the cloud.
#[derive(Debug)]
struct Change {
    method: Method,
    resource_type: String,
    target: iac::ResourceRef,
}

impl Change {
    /// None for a call that changes nothing, and for one that is about nothing.
    fn read(method: Method, request: &[u8]) -> Option<Self> {
        let changes = matches!(method, Method::Create | Method::Update | Method::Delete);
        let (resource_type, target) = target_of(method, request).filter(|_| changes)?;
        Some(Self { method, resource_type, target })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;
    use prost::Message as _;

    use super::*;
    use crate::{
        rpc::{Code, RpcError},
        trace::Payload,
    };

    /// How far a call came.
    #[derive(Clone, Debug)]
    enum Came {
        NotThere,
        Unanswered,
        Failed,
        Done,
    }

    /// A call of a driver: what, of which id, and how far it came. Names stand for ids, and all types are one.
    type Told = (Method, &'static str, Came);

    fn request(method: Method, id: &str) -> Bytes {
        let resource_type = "infra.vpc".to_owned();
        let reference = Some(iac::ResourceRef {
            name: format!("{id}-name"),
            r#type: resource_type.clone(),
            provider_id: id.to_owned(),
        });
        match method {
            Method::Create => {
                let spec = iac::ResourceSpec { name: format!("{id}-name"), ..Default::default() };
                iac::ResourceCreateRequest { resource_type, spec: Some(spec) }.encode_to_vec().into()
            }
            Method::Update => iac::ResourceUpdateRequest { resource_type, r#ref: reference, spec: None }
                .encode_to_vec()
                .into(),
            _ => iac::ResourceDeleteRequest { resource_type, r#ref: reference }.encode_to_vec().into(),
        }
    }

    fn reply(method: Method, id: &str) -> Bytes {
        let output = iac::ResourceOutput { provider_id: id.to_owned(), ..Default::default() };
        match method {
            Method::Delete => Bytes::new(),
            _ => iac::ResourceCreateResponse { output: Some(output) }.encode_to_vec().into(),
        }
    }

    fn events(told: &[Told]) -> Vec<Event> {
        let mut events = Vec::new();
        for (call, (method, id, came)) in (0..).zip(told) {
            events.push(Event::CallIssued {
                call,
                action: None,
                method: *method,
                resource: String::new(),
                request: Payload(request(*method, id)),
            });
            if !matches!(came, Came::NotThere) {
                events.push(Event::CallDelivered { call });
            }
            let reply = match came {
                Came::NotThere | Came::Unanswered => continue,
                Came::Failed => Reply::Error(RpcError { code: Code::Internal, message: String::new() }),
                Came::Done => Reply::Ok(Payload(reply(*method, id))),
            };
            events.push(Event::ReplySent { call, reply });
        }
        events
    }

    fn fate(told: &[Told], id: &str) -> Option<Fate> {
        Cloud::behind(&events(told), Revision::Head).get("infra.vpc", id).map(|resource| resource.fate)
    }

    #[test]
    fn what_was_answered_is_so() {
        let created = (Method::Create, "a", Came::Done);
        assert_eq!(fate(std::slice::from_ref(&created), "a"), Some(Fate::Stands));
        assert_eq!(fate(&[(Method::Update, "a", Came::Done)], "a"), Some(Fate::Stands));
        assert_eq!(fate(&[created.clone(), (Method::Delete, "a", Came::Done)], "a"), Some(Fate::Gone));
        assert_eq!(fate(&[(Method::Delete, "a", Came::Done), created], "a"), Some(Fate::Stands));
    }

    #[test]
    fn what_failed_or_was_not_answered_leaves_it_open() {
        let created = (Method::Create, "a", Came::Done);
        for came in [Came::Failed, Came::Unanswered] {
            for method in [Method::Update, Method::Delete] {
                assert_eq!(fate(&[created.clone(), (method, "a", came.clone())], "a"), Some(Fate::Open));
            }
            // It may have been made once more, and is not made away with.
            let again = (Method::Create, "a", came.clone());
            assert_eq!(fate(&[created.clone(), again.clone()], "a"), Some(Fate::Stands));
            assert_eq!(fate(&[(Method::Delete, "a", Came::Done), again.clone()], "a"), Some(Fate::Open));
            assert_eq!(fate(&[again], "a"), None, "an id that was not told is known to nobody");
        }
        // What was not answered may be done at any time, also behind what was.
        let late = (Method::Delete, "a", Came::Unanswered);
        assert_eq!(fate(&[created.clone(), late, (Method::Update, "a", Came::Done)], "a"), Some(Fate::Open));
    }

    #[test]
    fn what_was_there_before_is_not_created() {
        let cloud = |told: &[Told]| Cloud::behind(&events(told), Revision::Head);
        let is_created = |told: &[Told]| cloud(told).get("infra.vpc", "a").unwrap().created;
        let done = |method| (method, "a", Came::Done);
        let (created, updated, deleted) = (Method::Create, Method::Update, Method::Delete);
        assert!(is_created(&[created, updated].map(done)));
        assert!(!is_created(&[updated].map(done)));
        // A create that is answered with what is there has made nothing.
        assert!(!is_created(&[updated, created].map(done)));
        assert!(is_created(&[updated, deleted, created].map(done)));
    }

    fn told() -> impl Strategy<Value = Told> {
        let method = prop::sample::select(vec![Method::Create, Method::Update, Method::Delete]);
        let came = prop::sample::select(vec![Came::NotThere, Came::Unanswered, Came::Failed, Came::Done]);
        (method, prop::sample::select(vec!["a", "b"]), came)
    }

    proptest! {
        #[test]
        fn what_never_arrived_changes_nothing(told in prop::collection::vec(told(), 0..12)) {
            let arrived: Vec<Told> =
                told.iter().filter(|(.., came)| !matches!(came, Came::NotThere)).cloned().collect();
            for id in ["a", "b"] {
                prop_assert_eq!(fate(&told, id), fate(&arrived, id));
            }
        }

        #[test]
        fn certain_is_only_what_was_answered_last(told in prop::collection::vec(told(), 0..12)) {
            for id in ["a", "b"] {
                let last = told.iter().rev().find(|(_, of, came)| *of == id && matches!(came, Came::Done));
                match fate(&told, id) {
                    Some(Fate::Stands) => prop_assert_ne!(last.unwrap().0, Method::Delete),
                    Some(Fate::Gone) => prop_assert_eq!(last.unwrap().0, Method::Delete),
                    Some(Fate::Open) => {}
                    None => prop_assert!(last.is_none()),
                }
            }
        }
    }
}
