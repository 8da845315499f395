//! A store of states, as a state backend has one: a record for each resource, and a lock on each. No gRPC in
//! here.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use counterfoil_proto::iac::IaCState;
use prost::Message as _;

/// What no decoder takes: the beginning of a field and no more.
const CORRUPT: Bytes = Bytes::from_static(b"\xff");

/// A handle on a store; clones share it. It outlives a provider, as a bucket outlives the plugin that writes
/// to it, and so do the locks in it.
///
/// Records are kept as encoded messages, and decoded whenever they are read: one that is corrupt is an error
/// of all that would have to read it, and never as good as absent (H-72).
#[derive(Clone, Debug, Default)]
pub struct StateStore(Arc<Mutex<BTreeMap<Place, Shelf>>>);

/// Where in a store records lie. Those of different places know nothing of each other.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The name of the backend.
    pub backend: String,
    /// What the records of the place have before their names; empty for nothing.
    pub prefix: String,
}

/// What lies at a place, by resource id.
#[derive(Debug, Default)]
struct Shelf {
    records: BTreeMap<String, Bytes>,
    locks: BTreeSet<String>,
}

/// Why a store refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// A record has no resource id, or none was asked for.
    #[error("iac: validation error: resource_id is empty")]
    NoId,
    /// There is no such record (E-385). Its id.
    #[error("iac: resource not found: there is no state of \"{0}\"")]
    NotFound(String),
    /// Somebody holds the lock (E-386). Its id.
    #[error("iac: validation error: the state of \"{0}\" is already locked")]
    AlreadyLocked(String),
    /// Nobody holds the lock (E-386). Its id.
    #[error("iac: validation error: the state of \"{0}\" is not locked")]
    NotLocked(String),
    /// A record cannot be read (H-72). Its id, and why.
    #[error("the state of \"{0}\" is corrupt, and is neither listed nor taken to be absent: {1}")]
    Corrupt(String, String),
}

impl StateStore {
    /// Writes a whole record, over the one that is there (E-383).
    ///
    /// # Errors
    /// [`StateError::NoId`].
    pub fn save(&self, place: &Place, state: &IaCState) -> Result<(), StateError> {
        let id = named(&state.resource_id)?;
        self.shelf(place, |shelf| shelf.records.insert(id.to_owned(), state.encode_to_vec().into()));
        Ok(())
    }

    /// The record of a resource, if there is one (E-382).
    ///
    /// # Errors
    /// [`StateError::NoId`], [`StateError::Corrupt`].
    pub fn get(&self, place: &Place, id: &str) -> Result<Option<IaCState>, StateError> {
        let id = named(id)?;
        self.shelf(place, |shelf| shelf.records.get(id).map(|record| decoded(id, record)).transpose())
    }

    /// The records that have all the values of a filter, in the order of their ids. Keys that no record has
    /// are ignored, and locks are no records (E-384).
    ///
    /// # Errors
    /// [`StateError::Corrupt`] where any record is, whatever the filter: nobody can tell whether it would
    /// pass.
    pub fn list(
        &self,
        place: &Place,
        filter: &BTreeMap<String, String>,
    ) -> Result<Vec<IaCState>, StateError> {
        let all: Vec<IaCState> = self.shelf(place, |shelf| {
            shelf.records.iter().map(|(id, record)| decoded(id, record)).collect::<Result<_, _>>()
        })?;
        let wanted = |state: &IaCState| filter.iter().all(|(key, value)| has(state, key, value));
        Ok(all.into_iter().filter(wanted).collect())
    }

    /// Removes a record, also a corrupt one.
    ///
    /// # Errors
    /// [`StateError::NoId`], [`StateError::NotFound`].
    pub fn delete(&self, place: &Place, id: &str) -> Result<(), StateError> {
        let id = named(id)?;
        let removed = self.shelf(place, |shelf| shelf.records.remove(id));
        removed.map(drop).ok_or_else(|| StateError::NotFound(id.to_owned()))
    }

    /// Locks a resource, whether it has a record or not, until it is unlocked.
    ///
    /// # Errors
    /// [`StateError::NoId`], [`StateError::AlreadyLocked`].
    pub fn lock(&self, place: &Place, id: &str) -> Result<(), StateError> {
        let id = named(id)?;
        let locked = self.shelf(place, |shelf| shelf.locks.insert(id.to_owned()));
        if locked { Ok(()) } else { Err(StateError::AlreadyLocked(id.to_owned())) }
    }

    /// Unlocks a resource.
    ///
    /// # Errors
    /// [`StateError::NoId`], [`StateError::NotLocked`].
    pub fn unlock(&self, place: &Place, id: &str) -> Result<(), StateError> {
        let id = named(id)?;
        let unlocked = self.shelf(place, |shelf| shelf.locks.remove(id));
        if unlocked { Ok(()) } else { Err(StateError::NotLocked(id.to_owned())) }
    }

    /// Damages the record of a resource, as a disk may; true if there is one.
    pub fn corrupt(&self, place: &Place, id: &str) -> bool {
        self.shelf(place, |shelf| shelf.records.get_mut(id).map(|record| *record = CORRUPT).is_some())
    }

    /// Works on what lies at a place. No work leaves it half changed, so what a panic interrupted is as good
    /// as any.
    fn shelf<T>(&self, place: &Place, work: impl FnOnce(&mut Shelf) -> T) -> T {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        work(places.entry(place.clone()).or_default())
    }
}

fn named(id: &str) -> Result<&str, StateError> {
    if id.is_empty() { Err(StateError::NoId) } else { Ok(id) }
}

fn decoded(id: &str, record: &Bytes) -> Result<IaCState, StateError> {
    IaCState::decode(record.clone()).map_err(|error| StateError::Corrupt(id.to_owned(), error.to_string()))
}

/// Whether a record has what a filter asks for at a key.
fn has(state: &IaCState, key: &str, value: &str) -> bool {
    match key {
        "resource_type" => state.resource_type == value,
        "provider" => state.provider == value,
        "status" => state.status == value,
        _ => true,
    }
}

#[cfg(test)]
mod tests;
