use std::collections::{BTreeMap, BTreeSet};

use counterfoil_proto::iac::IaCState;
use proptest::{collection::vec, prelude::*};

use super::{Place, StateError, StateStore};

fn place() -> Place {
    Place { backend: "mock".into(), ..Place::default() }
}

fn state(id: &str, resource_type: &str, status: &str) -> IaCState {
    IaCState {
        resource_id: id.into(),
        resource_type: resource_type.into(),
        status: status.into(),
        ..IaCState::default()
    }
}

fn filter(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn places_know_nothing_of_each_other() {
    let (store, here) = (StateStore::default(), place());
    let others =
        [Place { prefix: "other".into(), ..here.clone() }, Place { backend: "other".into(), ..here.clone() }];
    store.save(&here, &state("a", "infra.vpc", "active")).unwrap();
    store.lock(&here, "a").unwrap();
    for other in &others {
        assert_eq!(store.get(other, "a"), Ok(None));
        assert_eq!(store.unlock(other, "a"), Err(StateError::NotLocked("a".into())));
    }
    assert!(store.get(&here, "a").unwrap().is_some());
}

#[test]
fn a_corrupt_record_is_an_error_and_never_absent() {
    let (store, place) = (StateStore::default(), place());
    for id in ["a", "b"] {
        store.save(&place, &state(id, "infra.vpc", "active")).unwrap();
    }
    assert!(store.corrupt(&place, "a"));
    assert!(!store.corrupt(&place, "c"), "there is none to damage");
    assert!(matches!(store.get(&place, "a"), Err(StateError::Corrupt(id, _)) if id == "a"));
    for entries in [&[][..], &[("status", "gone")]] {
        assert!(matches!(store.list(&place, &filter(entries)), Err(StateError::Corrupt(..))), "{entries:?}");
    }
    assert!(store.get(&place, "b").unwrap().is_some());

    store.delete(&place, "a").unwrap();
    assert_eq!(store.list(&place, &filter(&[])).unwrap().len(), 1);
}

/// What is asked of a store. Ids are few, so that they meet.
#[derive(Clone, Debug)]
enum Operation {
    Save { id: u8, resource_type: u8, status: u8 },
    Get { id: u8 },
    List { resource_type: Option<u8>, status: Option<u8>, unknown: bool },
    Delete { id: u8 },
    Lock { id: u8 },
    Unlock { id: u8 },
    Corrupt { id: u8 },
}

fn operation() -> impl Strategy<Value = Operation> {
    // 0 is the empty id.
    let id = || 0..4_u8;
    prop_oneof![
        4 => (id(), 0..2_u8, 0..2_u8)
            .prop_map(|(id, resource_type, status)| Operation::Save { id, resource_type, status }),
        2 => id().prop_map(|id| Operation::Get { id }),
        2 => (proptest::option::of(0..2_u8), proptest::option::of(0..2_u8), any::<bool>())
            .prop_map(|(resource_type, status, unknown)| Operation::List { resource_type, status, unknown }),
        2 => id().prop_map(|id| Operation::Delete { id }),
        2 => id().prop_map(|id| Operation::Lock { id }),
        2 => id().prop_map(|id| Operation::Unlock { id }),
        1 => id().prop_map(|id| Operation::Corrupt { id }),
    ]
}

fn id_of(number: u8) -> String {
    if number == 0 { String::new() } else { format!("r-{number}") }
}

/// What a store is, in as few words as can be: a corrupt record is `None`.
#[derive(Default)]
struct Model {
    records: BTreeMap<String, Option<IaCState>>,
    locks: BTreeSet<String>,
}

/// How an operation ends, but for the wording: the states that came back, or which refusal.
#[derive(Debug, PartialEq)]
enum Answer {
    States(Vec<IaCState>),
    NoId,
    NotFound,
    AlreadyLocked,
    NotLocked,
    Corrupt,
}

impl From<Result<Vec<IaCState>, StateError>> for Answer {
    fn from(result: Result<Vec<IaCState>, StateError>) -> Self {
        match result {
            Ok(states) => Self::States(states),
            Err(StateError::NoId) => Self::NoId,
            Err(StateError::NotFound(_)) => Self::NotFound,
            Err(StateError::AlreadyLocked(_)) => Self::AlreadyLocked,
            Err(StateError::NotLocked(_)) => Self::NotLocked,
            Err(StateError::Corrupt(..)) => Self::Corrupt,
        }
    }
}

fn record(id: &str, resource_type: u8, status: u8) -> IaCState {
    state(id, &format!("type-{resource_type}"), &format!("status-{status}"))
}

fn wanted(resource_type: Option<u8>, status: Option<u8>, unknown: bool) -> BTreeMap<String, String> {
    let kind = resource_type.map(|kind| ("resource_type".to_owned(), format!("type-{kind}")));
    let status = status.map(|status| ("status".to_owned(), format!("status-{status}")));
    let unknown = unknown.then(|| ("colour".to_owned(), "blue".to_owned()));
    kind.into_iter().chain(status).chain(unknown).collect()
}

impl Model {
    fn answer(&mut self, operation: &Operation) -> Answer {
        let none = Answer::States(Vec::new());
        match *operation {
            Operation::List { resource_type, status, .. } => {
                let all: Option<Vec<IaCState>> = self.records.values().cloned().collect();
                let Some(all) = all else { return Answer::Corrupt };
                let kind = resource_type.map(|kind| format!("type-{kind}"));
                let status = status.map(|status| format!("status-{status}"));
                let passes = |state: &IaCState| {
                    kind.as_ref().is_none_or(|kind| *kind == state.resource_type)
                        && status.as_ref().is_none_or(|status| *status == state.status)
                };
                Answer::States(all.into_iter().filter(passes).collect())
            }
            Operation::Corrupt { id } => {
                self.records.entry(id_of(id)).and_modify(|record| *record = None);
                none
            }
            Operation::Save { id: 0, .. }
            | Operation::Get { id: 0 }
            | Operation::Delete { id: 0 }
            | Operation::Lock { id: 0 }
            | Operation::Unlock { id: 0 } => Answer::NoId,
            Operation::Save { id, resource_type, status } => {
                let id = id_of(id);
                let record = record(&id, resource_type, status);
                self.records.insert(id, Some(record));
                none
            }
            Operation::Get { id } => match self.records.get(&id_of(id)) {
                None => none,
                Some(None) => Answer::Corrupt,
                Some(Some(state)) => Answer::States(vec![state.clone()]),
            },
            Operation::Delete { id } if self.records.remove(&id_of(id)).is_none() => Answer::NotFound,
            Operation::Lock { id } if !self.locks.insert(id_of(id)) => Answer::AlreadyLocked,
            Operation::Unlock { id } if !self.locks.remove(&id_of(id)) => Answer::NotLocked,
            Operation::Delete { .. } | Operation::Lock { .. } | Operation::Unlock { .. } => none,
        }
    }
}

fn answer(store: &StateStore, operation: &Operation) -> Answer {
    let place = place();
    let nothing = |result: Result<(), StateError>| result.map(|()| Vec::new());
    let result = match *operation {
        Operation::Save { id, resource_type, status } => {
            nothing(store.save(&place, &record(&id_of(id), resource_type, status)))
        }
        Operation::Get { id } => store.get(&place, &id_of(id)).map(|found| found.into_iter().collect()),
        Operation::List { resource_type, status, unknown } => {
            store.list(&place, &wanted(resource_type, status, unknown))
        }
        Operation::Delete { id } => nothing(store.delete(&place, &id_of(id))),
        Operation::Lock { id } => nothing(store.lock(&place, &id_of(id))),
        Operation::Unlock { id } => nothing(store.unlock(&place, &id_of(id))),
        Operation::Corrupt { id } => {
            store.corrupt(&place, &id_of(id));
            Ok(Vec::new())
        }
    };
    result.into()
}

proptest! {
    #[test]
    fn a_store_answers_as_its_model_does(operations in vec(operation(), 0..60)) {
        let (store, mut model) = (StateStore::default(), Model::default());
        for operation in &operations {
            prop_assert_eq!(answer(&store, operation), model.answer(operation), "{:?}", operation);
        }
    }
}
