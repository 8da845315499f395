use std::collections::BTreeMap;

use counterfoil_proto::iac::IaCState;

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
