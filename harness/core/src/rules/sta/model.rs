//! What is known of a state backend from what it was asked and what it answered, and where an answer does not fit.
//!
//! Nothing is known of a record or a lock before an answer has told it, and nothing any more behind an answer that tells
//! nothing. So the order of the questions is the asker's alone, and one wrong answer is one finding.

use std::collections::{BTreeMap, BTreeSet};

use counterfoil_proto::iac;
use serde_json::Value;

use crate::{
    rpc::{Code, RpcError},
    rules::{Story, rpc::read},
    trace::Payload,
    trial::{KEPT, OURS, Trial, TrialReply, Tried},
};

/// What an answer is held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fact {
    /// Before it is configured a backend refuses everything.
    RefusesUnconfigured,
    /// And by the code for that.
    SaysUnconfigured,
    /// It names a backend.
    IsNamed,
    /// It names none twice.
    IsNamedOnce,
    /// A backend that it does not have is refused.
    KnowsItsBackends,
    /// A config that is no object is refused.
    ReadsItsConfig,
    /// And both by the code for that.
    SaysWhatIsInvalid,
    /// What is in order is done once it is configured.
    Works,
    /// A record comes back as it was saved.
    KeepsRecords,
    /// Nothing of the record before is left.
    ReplacesRecords,
    /// What is not there is told to be absent.
    TellsAbsence,
    /// A record without an id is refused.
    WantsAnId,
    /// A list has what fits its filter.
    ListsWhatFits,
    /// Whatever keys the filter has beside those that are known.
    IgnoresUnknownKeys,
    /// A lock is in no list.
    ListsNoLocks,
    /// What was deleted is gone.
    Deletes,
    /// What is not there cannot be deleted.
    DeletesWhatIsThere,
    /// And the refusal says so.
    SaysNotFound,
    /// What is locked cannot be locked.
    LocksOnce,
    /// And the refusal says so.
    SaysAlreadyLocked,
    /// What is not locked cannot be unlocked.
    UnlocksWhatIsLocked,
    /// And the refusal says so.
    SaysNotLocked,
    /// The lock of one resource is none of another.
    LocksByResource,
    /// What was unlocked can be locked.
    LocksAgain,
    /// What is locked can be unlocked.
    Unlocks,
    /// Of many locks at once one is granted.
    LocksOneOfMany,
    /// `null` is taken for JSON.
    TakesNull,
}

/// An answer that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Breach {
    pub fact: Fact,
    pub message: String,
    pub evidence: Vec<usize>,
}

/// What a backend was held to, and what did not fit.
#[derive(Debug, Default)]
pub(super) struct Account {
    pub looked_at: BTreeSet<Fact>,
    pub breaches: Vec<Breach>,
}

/// Follows the trials of a state backend.
pub(super) fn follow(story: &Story<'_>) -> Account {
    let mut model = Model::default();
    let of_backends = |tried: &Tried| matches!(tried.trial, Trial::Unconfigured | Trial::State);
    for &(tried, at) in story.trials.iter().filter(|(tried, _)| of_backends(tried)) {
        model.take(tried, at);
    }
    model.account
}

/// What is known of a record.
#[derive(Clone, Debug)]
enum Record {
    /// It was saved, over another one or not.
    There { state: Box<iac::IaCState>, before: Option<Box<iac::IaCState>>, saved: usize },
    /// There is none; it may have been deleted.
    Gone { deleted: Option<usize> },
}

/// What is known of a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lock {
    /// Somebody holds it, since then.
    Held(usize),
    /// Nobody does; it may have been unlocked.
    Free { unlocked: Option<usize> },
}

#[derive(Debug, Default)]
struct Model {
    configured: bool,
    records: BTreeMap<String, Record>,
    locks: BTreeMap<String, Lock>,
    account: Account,
}

/// What came of a question.
#[derive(Clone, Copy, Debug)]
enum Reply<'t> {
    Done(&'t Payload),
    Refused(&'t RpcError),
    /// It cannot be told whether the work was done.
    Unclear,
}

impl<'t> Reply<'t> {
    fn of(reply: &'t TrialReply) -> Self {
        match reply {
            TrialReply::Ok(message) => Self::Done(message),
            TrialReply::Error(error) => match error.code {
                Code::Unavailable
                | Code::DeadlineExceeded
                | Code::Cancelled
                | Code::ResourceExhausted
                | Code::Aborted => Self::Unclear,
                _ => Self::Refused(error),
            },
            TrialReply::NotAwaited | TrialReply::None(_) => Self::Unclear,
        }
    }
}

/// What the values of a filter are looked up by (E-384).
const KEYS: [&str; 3] = ["resource_type", "provider", "status"];

impl Model {
    fn take(&mut self, tried: &Tried, at: usize) {
        let reply = tried.answers.first().map_or(Reply::Unclear, |answer| Reply::of(&answer.reply));
        match tried.short().split('/').next_back().unwrap_or_default() {
            "ListBackendNames" => self.names(reply, at),
            "Configure" => self.configure(tried, reply, at),
            _ if !self.configured => self.unconfigured(tried, reply, at),
            "GetState" => self.get(tried, reply, at),
            "SaveState" => self.save(tried, reply, at),
            "ListStates" => self.list(tried, reply, at),
            "DeleteState" => self.delete(tried, reply, at),
            "Lock" if tried.answers.iter().map(|answer| answer.times).sum::<u32>() > 1 => {
                self.lock_many(tried, at);
            }
            "Lock" => self.lock(tried, reply, at),
            "Unlock" => self.unlock(tried, reply, at),
            _ => {}
        }
    }

    /// Holds an answer to a fact: `wrong` says what is wrong with it, if anything is.
    fn hold(&mut self, fact: Fact, wrong: Option<String>, evidence: impl IntoIterator<Item = usize>) {
        self.account.looked_at.insert(fact);
        if let Some(message) = wrong {
            let evidence = evidence.into_iter().collect();
            self.account.breaches.push(Breach { fact, message, evidence });
        }
    }

    /// Holds the text of a refusal to what it has to say.
    fn hold_text(&mut self, fact: Fact, what: &str, error: &RpcError, text: &str, at: usize) {
        let silent = !error.message.contains(text);
        let wrong = silent.then(|| format!("{what} is refused with {error}; expected {text:?} in the text"));
        self.hold(fact, wrong, [at]);
    }

    /// Holds the code of a refusal to the one that fits.
    fn hold_code(&mut self, fact: Fact, what: &str, error: &RpcError, code: Code, at: usize) {
        // That a method is not there is judged elsewhere.
        if error.code != Code::Unimplemented {
            let wrong = (error.code != code)
                .then(|| format!("{what} is refused with {error}; expected {}", code.go_name()));
            self.hold(fact, wrong, [at]);
        }
    }

    fn names(&mut self, reply: Reply<'_>, at: usize) {
        let Reply::Done(message) = reply else { return };
        let Some(iac::ListBackendNamesResponse { backend_names }) = read(message) else { return };
        let nameless = backend_names.is_empty() || backend_names.iter().any(String::is_empty);
        let wrong = nameless.then(|| {
            format!("ListBackendNames answers {backend_names:?}; expected one backend at least, and names")
        });
        self.hold(Fact::IsNamed, wrong, [at]);
        let distinct: BTreeSet<&String> = backend_names.iter().collect();
        let wrong = (distinct.len() < backend_names.len())
            .then(|| format!("ListBackendNames answers {backend_names:?}; expected each name once"));
        self.hold(Fact::IsNamedOnce, wrong, [at]);
    }

    fn configure(&mut self, tried: &Tried, reply: Reply<'_>, at: usize) {
        let Some(request) = read::<iac::ConfigureRequest>(&tried.request) else { return };
        let is_object = serde_json::from_slice::<Value>(&request.config_json).is_ok_and(|c| c.is_object());
        let name = &request.backend_name;
        let (fact, what) = if name.starts_with(OURS) {
            (Fact::KnowsItsBackends, format!("Configure of {name:?}, a backend that nobody has,"))
        } else if !is_object {
            let config = String::from_utf8_lossy(&request.config_json);
            (Fact::ReadsItsConfig, format!("Configure of {name:?} with the config `{config}`"))
        } else {
            // What else a backend wants in its config is its own matter.
            self.configured |= matches!(reply, Reply::Done(_));
            return;
        };
        match reply {
            Reply::Done(_) => self.hold(fact, Some(format!("{what} is taken; expected a refusal")), [at]),
            Reply::Refused(error) => {
                self.hold(fact, None, [at]);
                self.hold_code(Fact::SaysWhatIsInvalid, &what, error, Code::InvalidArgument, at);
            }
            Reply::Unclear => {}
        }
    }

    fn unconfigured(&mut self, tried: &Tried, reply: Reply<'_>, at: usize) {
        let what = format!("{} before any Configure", tried.short());
        match reply {
            Reply::Done(_) => {
                let wrong = format!("{what} is answered with OK; expected a refusal");
                self.hold(Fact::RefusesUnconfigured, Some(wrong), [at]);
            }
            Reply::Refused(error) => {
                self.hold(Fact::RefusesUnconfigured, None, [at]);
                self.hold_code(Fact::SaysUnconfigured, &what, error, Code::FailedPrecondition, at);
            }
            Reply::Unclear => {}
        }
    }

    /// A call that is in order is refused.
    fn refused(&mut self, fact: Fact, what: &str, error: &RpcError, at: usize) {
        self.hold(fact, Some(format!("{what} is refused with {error}; expected success")), [at]);
    }

    fn get(&mut self, tried: &Tried, reply: Reply<'_>, at: usize) {
        let Some(iac::GetStateRequest { resource_id: id }) = read(&tried.request) else { return };
        let known = self.records.get(&id).cloned();
        let found = match reply {
            Reply::Unclear => return,
            Reply::Refused(error) => {
                let (fact, is) = match known {
                    Some(Record::Gone { .. }) => (Fact::TellsAbsence, ", which is not there,"),
                    _ => (Fact::Works, ""),
                };
                return self.refused(fact, &format!("GetState of {id:?}{is}"), error, at);
            }
            Reply::Done(message) => read::<iac::GetStateResponse>(message),
        };
        let Some(found) = found else { return };
        self.hold(Fact::Works, None, [at]);
        match known {
            Some(Record::There { state, before, saved }) => {
                let found = found.state.filter(|_| found.exists);
                self.hold_record(&state, before.as_deref(), found.as_ref(), [saved, at]);
            }
            Some(Record::Gone { deleted: Some(deleted) }) => {
                let wrong = found
                    .exists
                    .then(|| format!("{id:?} was deleted, and GetState finds it; expected it gone"));
                self.hold(Fact::TellsAbsence, None, [at]);
                self.hold(Fact::Deletes, wrong, [deleted, at]);
            }
            Some(Record::Gone { deleted: None }) => {
                let wrong = found.exists.then(|| format!("{id:?} was never saved, and GetState finds it"));
                self.hold(Fact::TellsAbsence, wrong, [at]);
            }
            None if !found.exists => drop(self.records.insert(id, Record::Gone { deleted: None })),
            None => {}
        }
    }

    /// Holds a record that was read to the one that was saved, and to the one before that.
    fn hold_record(
        &mut self,
        saved: &iac::IaCState,
        before: Option<&iac::IaCState>,
        found: Option<&iac::IaCState>,
        evidence: [usize; 2],
    ) {
        let id = &saved.resource_id;
        let Some(found) = found else {
            let wrong = format!("{id:?} was saved, and GetState does not find it");
            return self.hold(Fact::KeepsRecords, Some(wrong), evidence);
        };
        let is_of_before =
            |field: &&str| before.is_some_and(|before| !differing(before, found).contains(field));
        let (old, lost): (Vec<&str>, Vec<&str>) = differing(saved, found).into_iter().partition(is_of_before);
        let named = |fields: &[&str]| format!("`{}`", fields.join("`, `"));
        let wrong = (!lost.is_empty())
            .then(|| format!("{id:?} comes back with another {}; expected it as it was saved", named(&lost)));
        self.hold(Fact::KeepsRecords, wrong, evidence);
        if before.is_some() {
            let wrong = (!old.is_empty()).then(|| {
                format!(
                    "{id:?} was replaced, and keeps {} of the record before; expected none of it",
                    named(&old)
                )
            });
            self.hold(Fact::ReplacesRecords, wrong, evidence);
        }
    }

    fn save(&mut self, tried: &Tried, reply: Reply<'_>, at: usize) {
        let request = read::<iac::SaveStateRequest>(&tried.request);
        let Some(state) = request.and_then(|request| request.state) else { return };
        let id = state.resource_id.clone();
        if id.is_empty() {
            let wrong = matches!(reply, Reply::Done(_))
                .then(|| "SaveState takes a record without a resource_id; expected a refusal".to_owned());
            return self.hold(Fact::WantsAnId, wrong, [at]);
        }
        let has_null = [&state.outputs_json, &state.config_json].contains(&&"null".into());
        let (fact, with) = if has_null { (Fact::TakesNull, " with JSON `null`") } else { (Fact::Works, "") };
        let known = self.records.remove(&id);
        match reply {
            Reply::Done(_) => {
                self.hold(fact, None, [at]);
                let before = match known {
                    Some(Record::There { state, .. }) => Some(state),
                    _ => None,
                };
                self.records.insert(id, Record::There { state: Box::new(state), before, saved: at });
            }
            Reply::Refused(error) => self.refused(fact, &format!("SaveState of {id:?}{with}"), error, at),
            Reply::Unclear => {}
        }
    }

    fn list(&mut self, tried: &Tried, reply: Reply<'_>, at: usize) {
        let Some(iac::ListStatesRequest { filter }) = read(&tried.request) else { return };
        let unknown = filter.keys().any(|key| !KEYS.contains(&key.as_str()));
        let fact = if unknown { Fact::IgnoresUnknownKeys } else { Fact::ListsWhatFits };
        let what = format!("ListStates by {filter:?}");
        let listed = match reply {
            Reply::Unclear => return,
            Reply::Refused(error) => {
                let fact = if unknown { fact } else { Fact::Works };
                return self.refused(fact, &what, error, at);
            }
            // Of a longer one the end is not kept.
            Reply::Done(message) if message.0.len() >= KEPT => return,
            Reply::Done(message) => read::<iac::ListStatesResponse>(message),
        };
        let Some(iac::ListStatesResponse { states }) = listed else { return };
        self.hold(Fact::Works, None, [at]);
        let listed: Vec<&str> = states.iter().map(|state| state.resource_id.as_str()).collect();
        self.hold_list(fact, &what, &filter, &listed, at);
        self.hold_gone(&what, &listed, at);
        self.hold_locks(&what, &listed, at);
    }

    /// Holds a list to the records that are there.
    fn hold_list(
        &mut self,
        fact: Fact,
        what: &str,
        filter: &BTreeMap<String, String>,
        listed: &[&str],
        at: usize,
    ) {
        let mut wrong = Vec::new();
        for (id, record) in &self.records {
            let Record::There { state, .. } = record else { continue };
            let times = listed.iter().filter(|listed| *listed == id).count();
            match (fits(state, filter), times) {
                (true, 0) => wrong.push(format!("has no {id:?}, which fits")),
                (false, 1..) => wrong.push(format!("has {id:?}, which does not fit")),
                (true, 2..) => wrong.push(format!("has {id:?} {times} times")),
                (true, 1) | (false, 0) => {}
            }
        }
        let wrong = (!wrong.is_empty())
            .then(|| format!("{what} {}; expected what fits, each once", wrong.join(", and ")));
        self.hold(fact, wrong, [at]);
    }

    /// Holds a list to what was deleted.
    fn hold_gone(&mut self, what: &str, listed: &[&str], at: usize) {
        let gone: Vec<(String, usize)> = self
            .records
            .iter()
            .filter_map(|(id, record)| match record {
                Record::Gone { deleted: Some(deleted) } => Some((id.clone(), *deleted)),
                _ => None,
            })
            .collect();
        for (id, deleted) in gone {
            let wrong =
                listed.contains(&id.as_str()).then(|| format!("{what} has {id:?}, which was deleted"));
            self.hold(Fact::Deletes, wrong, [deleted, at]);
        }
    }

    /// Holds a list to the locks that are held, also those of resources without a record.
    fn hold_locks(&mut self, what: &str, listed: &[&str], at: usize) {
        let held: Vec<(String, usize)> = self
            .locks
            .iter()
            .filter_map(|(id, lock)| match lock {
                Lock::Held(since) => Some((id.clone(), *since)),
                Lock::Free { .. } => None,
            })
            .collect();
        let is_record = |id: &str| matches!(self.records.get(id), Some(Record::There { .. }));
        let strange: Vec<&str> = listed.iter().copied().filter(|id| !is_record(id)).collect();
        for (id, since) in held {
            let found = strange.iter().find(|listed| listed.is_empty() || listed.contains(&id));
            let wrong = found.map(|found| {
                format!("{what} has {found:?} while {id:?} is locked; expected records alone, and no lock")
            });
            self.hold(Fact::ListsNoLocks, wrong, [since, at]);
        }
    }

    fn delete(&mut self, tried: &Tried, reply: Reply<'_>, at: usize) {
        let Some(iac::DeleteStateRequest { resource_id: id }) = read(&tried.request) else { return };
        let known = self.records.remove(&id);
        let what = format!("DeleteState of {id:?}");
        let now = match (known, reply) {
            (Some(Record::There { .. }), Reply::Done(_)) => {
                self.hold(Fact::Works, None, [at]);
                Record::Gone { deleted: Some(at) }
            }
            (Some(Record::There { .. }), Reply::Refused(error)) => {
                return self.refused(Fact::Works, &what, error, at);
            }
            (Some(gone @ Record::Gone { .. }), Reply::Done(_)) => {
                let wrong = format!("{what}, which is not there, succeeds; expected a refusal");
                self.hold(Fact::DeletesWhatIsThere, Some(wrong), [at]);
                gone
            }
            (Some(gone @ Record::Gone { .. }), Reply::Refused(error)) => {
                self.hold(Fact::DeletesWhatIsThere, None, [at]);
                let what = format!("{what}, which is not there,");
                self.hold_text(Fact::SaysNotFound, &what, error, "not found", at);
                gone
            }
            (None, Reply::Done(_)) => Record::Gone { deleted: None },
            (None, Reply::Refused(error))
                if error.code == Code::NotFound || error.message.contains("not found") =>
            {
                Record::Gone { deleted: None }
            }
            (_, Reply::Unclear) | (None, Reply::Refused(_)) => return,
        };
        self.records.insert(id, now);
    }

    /// Whether another resource is known to be locked.
    fn holds_another(&self, id: &str) -> bool {
        self.locks.iter().any(|(other, lock)| other != id && matches!(lock, Lock::Held(_)))
    }

    fn lock(&mut self, tried: &Tried, reply: Reply<'_>, at: usize) {
        let Some(iac::LockRequest { resource_id: id }) = read(&tried.request) else { return };
        let known = self.locks.remove(&id);
        let what = format!("Lock of {id:?}");
        let now = match (known, reply) {
            (_, Reply::Unclear) | (None, Reply::Refused(_)) => return,
            (Some(held @ Lock::Held(since)), Reply::Done(_)) => {
                let wrong = format!("{what}, which is locked, is granted; expected a refusal");
                self.hold(Fact::LocksOnce, Some(wrong), [since, at]);
                held
            }
            (Some(held @ Lock::Held(since)), Reply::Refused(error)) => {
                self.hold(Fact::LocksOnce, None, [since, at]);
                self.hold_held(&id, error, at);
                held
            }
            (Some(Lock::Free { unlocked }), reply) => {
                let (fact, is) = match unlocked {
                    Some(_) => (Fact::LocksAgain, ", which was unlocked,"),
                    None if self.holds_another(&id) => (Fact::LocksByResource, ", while another is locked,"),
                    None => (Fact::Works, ""),
                };
                if let Reply::Refused(error) = reply {
                    return self.refused(fact, &format!("{what}{is}"), error, at);
                }
                self.hold(fact, None, [at]);
                Lock::Held(at)
            }
            (None, Reply::Done(_)) => Lock::Held(at),
        };
        self.locks.insert(id, now);
    }

    fn hold_held(&mut self, id: &str, error: &RpcError, at: usize) {
        let what = format!("Lock of {id:?}, which is locked,");
        self.hold_text(Fact::SaysAlreadyLocked, &what, error, "already locked", at);
    }

    /// Many locks of one resource, all under way at once.
    fn lock_many(&mut self, tried: &Tried, at: usize) {
        let Some(iac::LockRequest { resource_id: id }) = read(&tried.request) else { return };
        let known = self.locks.remove(&id);
        let times = |is: fn(Reply<'_>) -> bool| -> u32 {
            let answers = tried.answers.iter().filter(|answer| is(Reply::of(&answer.reply)));
            answers.map(|answer| answer.times).sum()
        };
        if times(|reply| matches!(reply, Reply::Unclear)) > 0 {
            return;
        }
        let (all, granted) = (times(|_| true), times(|reply| matches!(reply, Reply::Done(_))));
        if matches!(known, Some(Lock::Free { .. })) || granted > 1 {
            let wrong = (granted != 1)
                .then(|| format!("of {all} Locks of {id:?} at once {granted} are granted; expected one"));
            self.hold(Fact::LocksOneOfMany, wrong, [at]);
        }
        for error in tried.errors().filter(|_| granted > 0) {
            self.hold_held(&id, error, at);
        }
        if granted > 0 {
            self.locks.insert(id, Lock::Held(at));
        }
    }

    fn unlock(&mut self, tried: &Tried, reply: Reply<'_>, at: usize) {
        let Some(iac::UnlockRequest { resource_id: id }) = read(&tried.request) else { return };
        let known = self.locks.remove(&id);
        let what = format!("Unlock of {id:?}");
        let now = match (known, reply) {
            (Some(Lock::Held(since)), Reply::Done(_)) => {
                self.hold(Fact::Unlocks, None, [since, at]);
                Lock::Free { unlocked: Some(at) }
            }
            (Some(Lock::Held(since)), Reply::Refused(error)) => {
                let how = &tried.part;
                let wrong =
                    format!("{what}, which is locked, is refused with {error} ({how}); expected success");
                return self.hold(Fact::Unlocks, Some(wrong), [since, at]);
            }
            (Some(free @ Lock::Free { .. }), Reply::Done(_)) => {
                let wrong = format!("{what}, which is not locked, succeeds; expected a refusal");
                self.hold(Fact::UnlocksWhatIsLocked, Some(wrong), [at]);
                free
            }
            (Some(free @ Lock::Free { .. }), Reply::Refused(error)) => {
                self.hold(Fact::UnlocksWhatIsLocked, None, [at]);
                let what = format!("{what}, which is not locked,");
                self.hold_text(Fact::SaysNotLocked, &what, error, "not locked", at);
                free
            }
            (None, Reply::Done(_)) => Lock::Free { unlocked: None },
            (None, Reply::Refused(error)) if error.message.contains("not locked") => {
                Lock::Free { unlocked: None }
            }
            (_, Reply::Unclear) | (None, Reply::Refused(_)) => return,
        };
        self.locks.insert(id, now);
    }
}

/// Whether a record has all the values of a filter; keys that are not known ask for nothing (E-384).
fn fits(state: &iac::IaCState, filter: &BTreeMap<String, String>) -> bool {
    let values = [&state.resource_type, &state.provider, &state.status];
    KEYS.iter().zip(values).all(|(key, value)| filter.get(*key).is_none_or(|wanted| wanted == value))
}

/// The fields in which two records differ (E-381). JSON may come back in another form.
fn differing(a: &iac::IaCState, b: &iac::IaCState) -> Vec<&'static str> {
    let same = [
        ("resource_id", a.resource_id == b.resource_id),
        ("resource_type", a.resource_type == b.resource_type),
        ("provider", a.provider == b.provider),
        ("provider_ref", a.provider_ref == b.provider_ref),
        ("provider_id", a.provider_id == b.provider_id),
        ("config_hash", a.config_hash == b.config_hash),
        ("status", a.status == b.status),
        ("outputs_json", means_the_same(&a.outputs_json, &b.outputs_json)),
        ("config_json", means_the_same(&a.config_json, &b.config_json)),
        ("dependencies", a.dependencies == b.dependencies),
        ("created_at", a.created_at == b.created_at),
        ("updated_at", a.updated_at == b.updated_at),
        ("error", a.error == b.error),
    ];
    same.into_iter().filter(|(_, same)| !same).map(|(field, _)| field).collect()
}

/// Whether two texts are the same JSON. No bytes, `null` and `{}` are all the same (E-387).
fn means_the_same(a: &[u8], b: &[u8]) -> bool {
    let value = |json: &[u8]| match serde_json::from_slice(json) {
        Ok(Value::Null) => Some(Value::Object(serde_json::Map::new())),
        Ok(value) => Some(value),
        Err(_) if json.is_empty() => Some(Value::Object(serde_json::Map::new())),
        Err(_) => None,
    };
    a == b || value(a).is_some_and(|a| value(b) == Some(a))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_null_and_an_empty_object_are_the_same_json() {
        let same = [
            ("", "null"),
            ("", "{}"),
            ("null", " {} "),
            (r#"{"a":1,"b":2}"#, r#"{"b":2, "a":1}"#),
            ("no", "no"),
        ];
        let other = [("", "[]"), ("{}", r#"{"a":1}"#), ("no", "{}"), ("{}", "no"), ("no", "nor")];
        for (pairs, due) in [(same, true), (other, false)] {
            for (a, b) in pairs {
                assert_eq!(means_the_same(a.as_bytes(), b.as_bytes()), due, "{a:?} and {b:?}");
            }
        }
    }
}
