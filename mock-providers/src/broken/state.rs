//! Which provider is broken as a state backend.

use std::collections::BTreeSet;

use bytes::Bytes;
use counterfoil_proto::iac::{self, IaCState};
use prost::Message as _;
use tonic::{Code, Status};

use super::{
    Answered, Exchange, Flaw, Past, ProviderMutant,
    providers::{read, reply, request, with_code},
};

const CONFIGURE: &str = "IaCStateBackend/Configure";
const NAMES: &str = "IaCStateBackend/ListBackendNames";
const GET: &str = "IaCStateBackend/GetState";
const SAVE: &str = "IaCStateBackend/SaveState";
const LIST: &str = "IaCStateBackend/ListStates";
const DELETE: &str = "IaCStateBackend/DeleteState";
const LOCK: &str = "IaCStateBackend/Lock";
const UNLOCK: &str = "IaCStateBackend/Unlock";

/// Every broken state backend.
pub(super) const ALL: &[ProviderMutant] = &[
    ProviderMutant {
        name: "forgets-nothing-that-was-lost",
        what: "a save without a state is answered as if it had been done",
        caught_by: &["RPC-004"],
        flaw: Flaw::Answers(|call, _| {
            let request = request::<iac::SaveStateRequest>(call, SAVE)?;
            request.state.is_none().then(|| Ok(Bytes::new()))
        }),
    },
    ProviderMutant {
        name: "works-unconfigured",
        what: "before any Configure its list of records is empty, and no refusal",
        caught_by: &["STA-001"],
        flaw: Flaw::Answers(|call, honest| {
            (call.method == LIST && is_code(honest, Code::FailedPrecondition)).then(|| Ok(Bytes::new()))
        }),
    },
    ProviderMutant {
        name: "unconfigured-in-its-own-words",
        what: "before any Configure a Get is refused with Unknown",
        caught_by: &["STA-002"],
        flaw: Flaw::Answers(|call, honest| {
            (call.method == GET).then(|| with_code(honest, Code::FailedPrecondition, Code::Unknown)).flatten()
        }),
    },
    ProviderMutant {
        name: "names-no-backend",
        what: "it serves a state backend, and names none",
        caught_by: &["STA-003"],
        flaw: Flaw::Answers(|call, honest| {
            reply::<iac::ListBackendNamesResponse>(call, honest, NAMES, |told| told.backend_names.clear())
        }),
    },
    ProviderMutant {
        name: "names-a-backend-twice",
        what: "its backend is named once more",
        caught_by: &["STA-004"],
        flaw: Flaw::Answers(|call, honest| {
            reply::<iac::ListBackendNamesResponse>(call, honest, NAMES, |told| {
                told.backend_names.extend_from_within(..);
            })
        }),
    },
    ProviderMutant {
        name: "takes-any-backend",
        what: "a backend that it does not have is configured all the same",
        caught_by: &["STA-005"],
        flaw: Flaw::Answers(|call, honest| {
            let request = request::<iac::ConfigureRequest>(call, CONFIGURE)?;
            let unknown = request.backend_name.ends_with("-of-nobody") && request.config_json.ends_with(b"}");
            (unknown && honest.is_err()).then(|| Ok(Bytes::new()))
        }),
    },
    ProviderMutant {
        name: "configures-by-its-name-alone",
        what: "a config that cannot be read counts as none",
        caught_by: &["STA-006"],
        flaw: Flaw::Answers(|call, honest| {
            let request = request::<iac::ConfigureRequest>(call, CONFIGURE)?;
            let known = !request.backend_name.ends_with("-of-nobody");
            (known && is_code(honest, Code::InvalidArgument)).then(|| Ok(Bytes::new()))
        }),
    },
    ProviderMutant {
        name: "bad-config-unknown-code",
        what: "a config that cannot be read is refused with Unknown",
        caught_by: &["STA-007"],
        flaw: Flaw::Answers(|call, honest| {
            let request = request::<iac::ConfigureRequest>(call, CONFIGURE)?;
            let known = !request.backend_name.ends_with("-of-nobody");
            known.then(|| with_code(honest, Code::InvalidArgument, Code::Unknown)).flatten()
        }),
    },
    ProviderMutant {
        name: "never-configured-enough",
        what: "it lists nothing, as if it had not been configured",
        caught_by: &["STA-008"],
        flaw: Flaw::Answers(|call, honest| {
            let request = request::<iac::ListStatesRequest>(call, LIST)?;
            (request.filter.is_empty() && honest.is_ok())
                .then(|| Err(Status::failed_precondition("Configure has to come before any other call")))
        }),
    },
    ProviderMutant {
        name: "forgets-the-hash",
        what: "records come back without the hash of their config",
        caught_by: &["STA-009"],
        flaw: Flaw::Answers(|call, honest| found(call, honest, |state| state.config_hash.clear())),
    },
    ProviderMutant {
        name: "sorts-dependencies",
        what: "dependencies come back in the order of their names",
        caught_by: &["STA-009"],
        flaw: Flaw::Answers(|call, honest| found(call, honest, |state| state.dependencies.sort())),
    },
    ProviderMutant {
        name: "loses-what-it-saved",
        what: "records are taken, and not found",
        caught_by: &["STA-009"],
        flaw: Flaw::Answers(|call, honest| {
            reply::<iac::GetStateResponse>(call, honest, GET, |told| *told = iac::GetStateResponse::default())
        }),
    },
    ProviderMutant {
        name: "merges-records",
        what: "what a record no longer has it keeps of the one before",
        caught_by: &["STA-010"],
        flaw: Flaw::Answers(|call, honest| {
            let before = saves(call).rev().nth(1);
            found(call, honest, |state| {
                if let Some(before) = before.filter(|_| state.provider_id.is_empty()) {
                    state.provider_id = before.provider_id;
                }
            })
        }),
    },
    ProviderMutant {
        name: "absent-is-an-error",
        what: "to get what is not there is refused",
        caught_by: &["STA-011"],
        flaw: Flaw::Answers(|call, honest| {
            let found = answer::<iac::GetStateResponse>(call, honest, GET)?.exists;
            (!found).then(|| Err(Status::not_found("there is no such record")))
        }),
    },
    ProviderMutant {
        name: "saves-what-has-no-name",
        what: "a record without an id is saved",
        caught_by: &["STA-012"],
        flaw: Flaw::Answers(|call, honest| {
            let state = request::<iac::SaveStateRequest>(call, SAVE)?.state?;
            (state.resource_id.is_empty() && is_code(honest, Code::InvalidArgument)).then(|| Ok(Bytes::new()))
        }),
    },
    ProviderMutant {
        name: "filters-by-one-key",
        what: "of a filter that asks for several things it looks at the first",
        caught_by: &["STA-013"],
        flaw: Flaw::Takes(|call| {
            let mut request = request::<iac::ListStatesRequest>(call, LIST)?;
            let mut keys = ["resource_type", "provider", "status"].into_iter();
            let first = keys.find(|key| request.filter.contains_key(*key))?;
            request.filter.retain(|key, _| key == first);
            Some(request.encode_to_vec().into())
        }),
    },
    ProviderMutant {
        name: "lists-the-first-page",
        what: "a list ends behind its first record",
        caught_by: &["STA-013"],
        flaw: Flaw::Answers(|call, honest| {
            reply::<iac::ListStatesResponse>(call, honest, LIST, |told| {
                let known = !request::<iac::ListStatesRequest>(call, LIST).is_some_and(|r| is_strange(&r));
                told.states.truncate(if known { 1 } else { usize::MAX });
            })
        }),
    },
    ProviderMutant {
        name: "wants-to-know-every-key",
        what: "a filter with a key that it does not know fits nothing",
        caught_by: &["STA-014"],
        flaw: Flaw::Answers(|call, honest| {
            let request = request::<iac::ListStatesRequest>(call, LIST)?;
            (is_strange(&request) && honest.is_ok()).then(|| Ok(Bytes::new()))
        }),
    },
    ProviderMutant {
        name: "lists-its-locks",
        what: "locks are kept beside the records, and listed with them",
        caught_by: &["STA-015"],
        flaw: Flaw::Answers(|call, honest| {
            let lock = held(call.past).pop_last();
            reply::<iac::ListStatesResponse>(call, honest, LIST, |told| {
                let lock = lock.map(|id| IaCState { resource_id: id + ".lock", ..IaCState::default() });
                told.states.extend(lock);
            })
        }),
    },
    ProviderMutant {
        name: "remembers-what-was-deleted",
        what: "what was deleted is still found",
        caught_by: &["STA-016"],
        flaw: Flaw::Answers(|call, honest| {
            let last = saves(call).next_back()?;
            let gone = !answer::<iac::GetStateResponse>(call, honest, GET)?.exists;
            let reply = iac::GetStateResponse { state: Some(last), exists: true };
            gone.then(|| Ok(reply.encode_to_vec().into()))
        }),
    },
    ProviderMutant {
        name: "deletes-what-is-not-there",
        what: "to delete what is not there succeeds",
        caught_by: &["STA-017"],
        flaw: Flaw::Answers(|call, honest| {
            (call.method == DELETE && is_code(honest, Code::NotFound)).then(|| Ok(Bytes::new()))
        }),
    },
    ProviderMutant {
        name: "no-record-in-its-own-words",
        what: "to delete what is not there is refused in words that nobody knows",
        caught_by: &["STA-018"],
        flaw: Flaw::Answers(|call, honest| {
            (call.method == DELETE && is_code(honest, Code::NotFound))
                .then(|| Err(Status::not_found("404: no such object")))
        }),
    },
    ProviderMutant {
        name: "locks-twice",
        what: "who wants a lock gets it, held or not",
        caught_by: &["STA-019", "STA-026"],
        flaw: Flaw::Answers(|call, honest| {
            (call.method == LOCK && says(honest, "already locked")).then(|| Ok(Bytes::new()))
        }),
    },
    ProviderMutant {
        name: "held-in-its-own-words",
        what: "what is locked is refused in words that nobody knows",
        caught_by: &["STA-020"],
        flaw: Flaw::Answers(|call, honest| {
            (call.method == LOCK && says(honest, "already locked"))
                .then(|| Err(Status::failed_precondition("409: there is a lease")))
        }),
    },
    ProviderMutant {
        name: "unlocks-what-is-free",
        what: "to unlock what is not locked succeeds",
        caught_by: &["STA-021"],
        flaw: Flaw::Answers(|call, honest| {
            (call.method == UNLOCK && says(honest, "not locked")).then(|| Ok(Bytes::new()))
        }),
    },
    ProviderMutant {
        name: "free-in-its-own-words",
        what: "to unlock what is not locked is refused in words that nobody knows",
        caught_by: &["STA-022"],
        flaw: Flaw::Answers(|call, honest| {
            (call.method == UNLOCK && says(honest, "not locked"))
                .then(|| Err(Status::failed_precondition("412: there is no lease")))
        }),
    },
    ProviderMutant {
        name: "one-lock-for-all",
        what: "while one resource is locked no other can be",
        caught_by: &["STA-023"],
        flaw: Flaw::Answers(|call, honest| {
            let id = request::<iac::LockRequest>(call, LOCK)?.resource_id;
            let another = held(call.past).into_iter().any(|held| held != id);
            (another && honest.is_ok()).then(|| Err(already_locked()))
        }),
    },
    ProviderMutant {
        name: "locks-once-and-never-again",
        what: "what was unlocked stays locked for everybody",
        caught_by: &["STA-024"],
        flaw: Flaw::Answers(|call, honest| {
            let id = request::<iac::LockRequest>(call, LOCK)?.resource_id;
            let again = was_unlocked(call.past, &id);
            (again && honest.is_ok()).then(|| Err(already_locked()))
        }),
    },
    ProviderMutant {
        name: "keeps-the-lease-to-itself",
        what: "what is locked can be unlocked by nobody",
        caught_by: &["STA-025"],
        flaw: Flaw::Answers(|call, honest| {
            (call.method == UNLOCK && honest.is_ok())
                .then(|| Err(Status::failed_precondition("the lease is another's")))
        }),
    },
    ProviderMutant {
        name: "lets-a-crowd-in",
        what: "of many locks at once every one is granted",
        caught_by: &["STA-026"],
        flaw: Flaw::Crowds(|call, honest| {
            (call.method == LOCK && call.crowded && says(honest, "already locked")).then(|| Ok(Bytes::new()))
        }),
    },
    ProviderMutant {
        name: "chokes-on-null",
        what: "a record with `null` for its outputs is refused",
        caught_by: &["STA-027"],
        flaw: Flaw::Answers(|call, honest| {
            let state = request::<iac::SaveStateRequest>(call, SAVE)?.state?;
            (state.outputs_json == "null" && honest.is_ok())
                .then(|| Err(Status::invalid_argument("outputs_json is no object")))
        }),
    },
];

fn already_locked() -> Status {
    Status::failed_precondition("the state is already locked")
}

/// Whether the honest answer is a refusal of that code.
fn is_code(honest: &Answered, code: Code) -> bool {
    honest.as_ref().is_err_and(|status| status.code() == code)
}

/// Whether the honest answer is a refusal with these words.
fn says(honest: &Answered, words: &str) -> bool {
    honest.as_ref().is_err_and(|status| status.message().contains(words))
}

/// Whether a filter has a key that no backend knows.
fn is_strange(request: &iac::ListStatesRequest) -> bool {
    request.filter.contains_key("counterfoil-colour")
}

/// The honest reply of a method.
fn answer<M: prost::Message + Default>(call: &Exchange<'_>, honest: &Answered, method: &str) -> Option<M> {
    read(honest.as_ref().ok().filter(|_| call.method == method)?)
}

/// The record that a Get finds, altered.
fn found(call: &Exchange<'_>, honest: &Answered, alter: impl FnOnce(&mut IaCState)) -> Option<Answered> {
    reply::<iac::GetStateResponse>(call, honest, GET, |told| {
        if let Some(state) = &mut told.state {
            alter(state);
        }
    })
}

/// What was saved before of the record that a Get asks for; nothing where the call is no Get.
fn saves(call: &Exchange<'_>) -> impl DoubleEndedIterator<Item = IaCState> + use<> {
    let id = request::<iac::GetStateRequest>(call, GET).map(|request| request.resource_id);
    let saved = call.past.requests::<iac::SaveStateRequest>(SAVE).filter_map(|request| request.state);
    let saved: Vec<IaCState> = saved.filter(|state| id.as_ref() == Some(&state.resource_id)).collect();
    saved.into_iter()
}

/// Whether a resource was locked, and unlocked after that.
fn was_unlocked(past: &Past, id: &str) -> bool {
    // The requests of both have one form.
    let of_it =
        |request: &Bytes| read::<iac::LockRequest>(request).is_some_and(|lock| lock.resource_id == id);
    let calls = past.all().filter(|(_, request)| of_it(request)).map(|(method, _)| method);
    calls.skip_while(|method| method != LOCK).any(|method| method == UNLOCK)
}

/// The resources that were locked and not unlocked since.
fn held(past: &Past) -> BTreeSet<String> {
    let mut held = BTreeSet::new();
    for (method, request) in past.all() {
        // The requests of both have one form.
        let Some(iac::LockRequest { resource_id }) = read(&request) else { continue };
        match method.as_str() {
            LOCK => drop(held.insert(resource_id)),
            UNLOCK => drop(held.remove(&resource_id)),
            _ => {}
        }
    }
    held
}
