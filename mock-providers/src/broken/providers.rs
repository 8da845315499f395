//! Which provider has which flaw, state backends apart.

use bytes::Bytes;
use counterfoil_proto::iac;
use prost::Message;
use tonic::{Code, Status};

use super::{Answered, Exchange, Flaw, ProviderMutant};

/// Every provider that is broken otherwise than as a state backend.
pub(super) const ALL: &[ProviderMutant] = &[
    ProviderMutant {
        name: "hangs-in-sizing",
        what: "ResolveSizing is never answered",
        caught_by: &["RPC-001"],
        flaw: Flaw::Hangs("IaCProviderRequired/ResolveSizing"),
    },
    ProviderMutant {
        name: "half-a-drift-detector",
        what: "one of the two methods of a drift detector is not there",
        caught_by: &["RPC-002"],
        flaw: Flaw::Answers(|call, _| {
            (call.method == "IaCProviderDriftDetector/DetectDriftWithSpecs").then_some(Err(unimplemented()))
        }),
    },
    ProviderMutant {
        name: "misspelt-method",
        what: "the method that lists by tag is not there, as where two tables of methods spell it differently",
        caught_by: &["RPC-002"],
        flaw: Flaw::Answers(|call, _| {
            (call.method == "IaCProviderEnumerator/EnumerateByTag").then_some(Err(unimplemented()))
        }),
    },
    ProviderMutant {
        name: "hollow-region-lister",
        what: "the service that lists regions is registered, and none of its methods is there",
        caught_by: &["RPC-003"],
        flaw: Flaw::Answers(|call, _| {
            call.method.starts_with("IaCProviderRegionLister/").then_some(Err(unimplemented()))
        }),
    },
    ProviderMutant {
        name: "creates-nothing-in-particular",
        what: "a create without a spec is answered as if it had been done",
        caught_by: &["RPC-004"],
        flaw: Flaw::Answers(|call, _| {
            let request = request::<iac::ResourceCreateRequest>(call, "ResourceDriver/Create")?;
            request.spec.is_none().then(|| Ok(Bytes::new()))
        }),
    },
    ProviderMutant {
        name: "reads-no-json",
        what: "a config that is no JSON counts as none",
        caught_by: &["RPC-005"],
        flaw: Flaw::Answers(|call, _| done_with_config(call, |config| config.ends_with(b":"))),
    },
    ProviderMutant {
        name: "takes-lists-for-objects",
        what: "a config that is a list counts as none",
        caught_by: &["RPC-006"],
        flaw: Flaw::Answers(|call, _| done_with_config(call, |config| config.ends_with(b"]"))),
    },
    ProviderMutant {
        name: "guesses-the-type",
        what: "a call without a resource type is one about a network",
        caught_by: &["RPC-007"],
        flaw: Flaw::Takes(|call| with_type(call, str::is_empty)),
    },
    ProviderMutant {
        name: "has-a-default-driver",
        what: "a type that it does not know is taken for a network",
        caught_by: &["RPC-008"],
        flaw: Flaw::Takes(|call| with_type(call, |known| known.ends_with("_of_nobody"))),
    },
    ProviderMutant {
        name: "says-unknown-to-all",
        what: "requests that are malformed are refused with Unknown",
        caught_by: &["RPC-009", "STA-007"],
        flaw: Flaw::Answers(|_, honest| with_code(honest, Code::InvalidArgument, Code::Unknown)),
    },
    ProviderMutant {
        name: "unknown-type-unknown-code",
        what: "resource types that it does not have are refused with Unknown",
        caught_by: &["RPC-010"],
        flaw: Flaw::Answers(|call, honest| {
            let request = read::<iac::SensitiveKeysRequest>(call.request)?;
            let of_nobody =
                call.method.starts_with("ResourceDriver/") && request.resource_type.ends_with("_of_nobody");
            of_nobody.then(|| with_code(honest, Code::NotFound, Code::Unknown)).flatten()
        }),
    },
    ProviderMutant {
        name: "names-it-itself",
        what: "a resource without a name is created under one of its own choice",
        caught_by: &["RPC-011"],
        flaw: Flaw::Takes(|call| {
            let mut request = request::<iac::ResourceCreateRequest>(call, "ResourceDriver/Create")?;
            let spec = request.spec.as_mut().filter(|spec| spec.name.is_empty())?;
            "unnamed".clone_into(&mut spec.name);
            Some(request.encode_to_vec().into())
        }),
    },
    ProviderMutant {
        name: "recovers-from-a-panic",
        what: "a request that is malformed makes it panic, and the panic is caught and told",
        caught_by: &["RPC-012"],
        flaw: Flaw::Answers(|_, honest| {
            let text = "panic: runtime error: invalid memory address or nil pointer dereference";
            let malformed = honest.as_ref().err()?.code() == Code::InvalidArgument;
            malformed.then(|| Err(Status::invalid_argument(text)))
        }),
    },
    ProviderMutant {
        name: "now-and-then-one-less",
        what: "once in a hundred times a resource type is missing among its capabilities",
        caught_by: &["RPC-013"],
        flaw: Flaw::Answers(|call, honest| {
            reply::<iac::CapabilitiesResponse>(call, honest, "IaCProviderRequired/Capabilities", |told| {
                if call.calls % 100 == 50 {
                    told.capabilities.pop();
                }
            })
        }),
    },
    ProviderMutant {
        name: "shares-a-buffer",
        what: "capabilities that are asked for at once lose some of their entries",
        caught_by: &["RPC-014"],
        flaw: Flaw::Crowds(|call, honest| {
            reply::<iac::CapabilitiesResponse>(call, honest, "IaCProviderRequired/Capabilities", |told| {
                if call.crowded && call.calls % 2 == 0 {
                    told.capabilities.truncate(1);
                }
            })
        }),
    },
    ProviderMutant {
        name: "never-recovers",
        what: "behind a request that was malformed it has no capabilities any more",
        caught_by: &["RPC-015"],
        flaw: Flaw::Answers(|call, honest| {
            reply::<iac::CapabilitiesResponse>(call, honest, "IaCProviderRequired/Capabilities", |told| {
                if call.refused > 0 {
                    told.capabilities.clear();
                }
            })
        }),
    },
    ProviderMutant {
        name: "updates-without-a-word",
        what: "an update that was done is answered without an output",
        caught_by: &["RPC-016"],
        flaw: Flaw::Answers(|call, honest| {
            reply::<iac::ResourceUpdateResponse>(call, honest, "ResourceDriver/Update", |told| {
                if is_of_a_trial(call) {
                    told.output = None;
                }
            })
        }),
    },
    ProviderMutant {
        name: "new-id-with-each-update",
        what: "an update tells another id",
        caught_by: &["RPC-017"],
        flaw: Flaw::Answers(|call, honest| {
            reply::<iac::ResourceUpdateResponse>(call, honest, "ResourceDriver/Update", |told| {
                if let Some(output) = told.output.as_mut().filter(|_| is_of_a_trial(call)) {
                    output.provider_id.push_str("-2");
                }
            })
        }),
    },
    ProviderMutant {
        name: "creates-without-an-id",
        what: "what was created has no id",
        caught_by: &["RPC-017"],
        flaw: Flaw::Answers(|call, honest| {
            reply::<iac::ResourceCreateResponse>(call, honest, "ResourceDriver/Create", |told| {
                if let Some(output) = told.output.as_mut().filter(|_| is_of_a_trial(call)) {
                    output.provider_id.clear();
                }
            })
        }),
    },
    ProviderMutant {
        name: "does-not-find-what-it-made",
        what: "what was created is not found when it is read",
        caught_by: &["RPC-018"],
        flaw: Flaw::Answers(|call, honest| {
            let read = call.method == "ResourceDriver/Read" && is_of_a_trial(call) && honest.is_ok();
            read.then(|| Err(Status::not_found("iac: resource not found: it is not listed yet")))
        }),
    },
    ProviderMutant {
        name: "always-sees-a-change",
        what: "a comparison tells a change of a field that nobody wrote",
        caught_by: &["RPC-019", "RPC-020"],
        flaw: Flaw::Answers(|call, honest| {
            reply::<iac::ResourceDiffResponse>(call, honest, "ResourceDriver/Diff", |told| {
                if let Some(result) = &mut told.result {
                    result.needs_update = true;
                    result
                        .changes
                        .push(iac::FieldChange { path: "updated_at".to_owned(), ..Default::default() });
                }
            })
        }),
    },
    ProviderMutant {
        name: "compares-texts",
        what: "a comparison tells a change where the outputs come with their keys in another order",
        caught_by: &["RPC-020"],
        flaw: Flaw::Answers(|call, honest| {
            reply::<iac::ResourceDiffResponse>(call, honest, "ResourceDriver/Diff", |told| {
                let outputs = request::<iac::ResourceDiffRequest>(call, "ResourceDriver/Diff")
                    .and_then(|request| request.current)
                    .map(|current| current.outputs_json)
                    .unwrap_or_default();
                let sorted: Option<std::collections::BTreeMap<String, serde_json::Value>> =
                    serde_json::from_slice(&outputs).ok();
                let sorted = sorted.and_then(|outputs| serde_json::to_vec(&outputs).ok());
                if let Some(result) =
                    told.result.as_mut().filter(|_| sorted.is_some_and(|sorted| sorted != outputs))
                {
                    result.needs_update = true;
                }
            })
        }),
    },
    ProviderMutant {
        name: "compares-no-numbers",
        what: "a comparison leaves out fields that are numbers",
        caught_by: &["RPC-021"],
        flaw: Flaw::Answers(|call, honest| {
            reply::<iac::ResourceDiffResponse>(call, honest, "ResourceDriver/Diff", |told| {
                if let Some(result) = &mut told.result {
                    result.changes.retain(|change| !change.new_json.first().is_some_and(u8::is_ascii_digit));
                    result.needs_update = !result.changes.is_empty() && !result.needs_replace;
                }
            })
        }),
    },
    ProviderMutant {
        name: "lists-changes-without-a-flag",
        what: "a comparison lists changes, and asks neither for an update nor for a replace",
        caught_by: &["RPC-021"],
        flaw: Flaw::Answers(|call, honest| {
            reply::<iac::ResourceDiffResponse>(call, honest, "ResourceDriver/Diff", |told| {
                if let Some(result) = told.result.as_mut().filter(|result| !result.needs_replace) {
                    result.needs_update = false;
                }
            })
        }),
    },
    ProviderMutant {
        name: "forces-without-a-replace",
        what: "a change that forces a new resource comes with an update",
        caught_by: &["RPC-022"],
        flaw: Flaw::Answers(|call, honest| {
            reply::<iac::ResourceDiffResponse>(call, honest, "ResourceDriver/Diff", |told| {
                if let Some(result) = told.result.as_mut().filter(|result| result.needs_replace) {
                    (result.needs_update, result.needs_replace) = (true, false);
                }
            })
        }),
    },
    ProviderMutant {
        name: "creates-twins",
        what: "a name that is taken is given to a second resource",
        caught_by: &["RPC-023"],
        flaw: Flaw::Answers(|call, honest| {
            let taken = honest.as_ref().err()?.code() == Code::AlreadyExists;
            let spec = request::<iac::ResourceCreateRequest>(call, "ResourceDriver/Create")?.spec?;
            let output = iac::ResourceOutput {
                name: spec.name,
                r#type: spec.r#type,
                provider_id: "twin".to_owned(),
                ..Default::default()
            };
            let made = iac::ResourceCreateResponse { output: Some(output) };
            (taken && is_of_a_trial(call)).then(|| Ok(made.encode_to_vec().into()))
        }),
    },
    ProviderMutant {
        name: "deletes-once",
        what: "to delete what is gone fails",
        caught_by: &["RPC-024"],
        flaw: Flaw::Answers(|call, _| {
            let second = call.method == "ResourceDriver/Delete" && call.again && is_of_a_trial(call);
            second.then(|| Err(Status::not_found("iac: resource not found: it is gone")))
        }),
    },
    ProviderMutant {
        name: "deletes-nothing",
        what: "a delete is answered as if it had been done, and nothing is done",
        caught_by: &["RPC-025"],
        flaw: Flaw::Takes(|call| delete_of_nothing(call).filter(|_| is_of_a_trial(call))),
    },
    ProviderMutant {
        name: "not-found-in-its-own-words",
        what: "what is not there is refused in words that no engine knows",
        caught_by: &["RPC-025"],
        flaw: Flaw::Answers(|call, honest| {
            let gone =
                call.method == "ResourceDriver/Read" && honest.as_ref().err()?.code() == Code::NotFound;
            (gone && is_of_a_trial(call)).then(|| Err(Status::not_found("404: no such resource")))
        }),
    },
    ProviderMutant {
        name: "reads-what-is-gone",
        what: "what is not there is answered with OK and nothing",
        caught_by: &["RPC-025"],
        flaw: Flaw::Answers(|call, honest| {
            let gone =
                call.method == "ResourceDriver/Read" && honest.as_ref().err()?.code() == Code::NotFound;
            (gone && is_of_a_trial(call)).then(|| Ok(Bytes::new()))
        }),
    },
    ProviderMutant {
        name: "not-found-by-words-alone",
        what: "what is not there is refused with Unknown, and with the words that engines know",
        caught_by: &["RPC-026"],
        flaw: Flaw::Answers(|call, honest| {
            let of_a_trial = call.method == "ResourceDriver/Read" && is_of_a_trial(call);
            of_a_trial.then(|| with_code(honest, Code::NotFound, Code::Unknown)).flatten()
        }),
    },
    ProviderMutant {
        name: "forgets-what-it-made",
        what: "what a plan created is not found when it is read",
        caught_by: &["RPC-030"],
        flaw: Flaw::Answers(|call, honest| {
            let read = call.method == "ResourceDriver/Read" && !is_of_a_trial(call) && honest.is_ok();
            read.then(|| Err(Status::not_found("iac: resource not found: it was never here")))
        }),
    },
    ProviderMutant {
        name: "keeps-what-it-deleted",
        what: "a delete of a plan is answered as if it had been done, and nothing is done",
        caught_by: &["RPC-030", "RPC-031"],
        flaw: Flaw::Takes(|call| delete_of_nothing(call).filter(|_| !is_of_a_trial(call))),
    },
    ProviderMutant {
        name: "lists-all-but-the-newest",
        what: "a list of a type ends before its last resource",
        caught_by: &["RPC-031"],
        flaw: Flaw::Answers(|call, honest| {
            reply::<iac::EnumerateAllResponse>(call, honest, "IaCProviderEnumerator/EnumerateAll", |told| {
                told.outputs.pop();
            })
        }),
    },
    ProviderMutant {
        name: "destroys-in-silence",
        what: "what was destroyed is told nowhere",
        caught_by: &["RPC-027"],
        flaw: Flaw::Answers(|call, honest| {
            reply::<iac::DestroyResponse>(call, honest, "IaCProviderRequired/Destroy", |told| {
                told.result = Some(iac::DestroyResult::default());
            })
        }),
    },
    ProviderMutant {
        name: "destroys-half",
        what: "a resource that could not be destroyed is left out of the errors",
        caught_by: &["RPC-027"],
        flaw: Flaw::Answers(|call, honest| {
            reply::<iac::DestroyResponse>(call, honest, "IaCProviderRequired/Destroy", |told| {
                if let Some(result) = &mut told.result {
                    result.destroyed.truncate(1);
                    result.errors.clear();
                }
            })
        }),
    },
    ProviderMutant {
        name: "endless-logs",
        what: "the stream of logs never ends",
        caught_by: &["RPC-028"],
        flaw: Flaw::Hangs("IaCProviderLogCapture/CaptureLogs"),
    },
    ProviderMutant {
        name: "drops-unknown-keys",
        what: "a comparison leaves out a key that the provider does not know",
        caught_by: &["RPC-029"],
        flaw: Flaw::Takes(|call| {
            let mut request = request::<iac::ResourceDiffRequest>(call, "ResourceDriver/Diff")?;
            let desired = request.desired.as_mut()?;
            let mut config: serde_json::Map<String, serde_json::Value> =
                serde_json::from_slice(&desired.config_json).ok()?;
            config.remove("counterfoil_of_nobody")?;
            desired.config_json = serde_json::to_vec(&config).ok()?.into();
            Some(request.encode_to_vec().into())
        }),
    },
];

fn unimplemented() -> Status {
    Status::unimplemented("the method is not there")
}

pub(super) fn read<M: Message + Default>(bytes: &Bytes) -> Option<M> {
    M::decode(bytes.clone()).ok()
}

/// The request of a call, where it is one of that method.
pub(super) fn request<M: Message + Default>(call: &Exchange<'_>, method: &str) -> Option<M> {
    (call.method == method).then(|| read(call.request)).flatten()
}

/// The honest reply of a method, altered.
pub(super) fn reply<M: Message + Default>(
    call: &Exchange<'_>,
    honest: &Answered,
    method: &str,
    alter: impl FnOnce(&mut M),
) -> Option<Answered> {
    let mut told: M = read(honest.as_ref().ok().filter(|_| call.method == method)?)?;
    alter(&mut told);
    Some(Ok(told.encode_to_vec().into()))
}

/// The honest refusal, with another code.
pub(super) fn with_code(honest: &Answered, from: Code, to: Code) -> Option<Answered> {
    let status = honest.as_ref().err().filter(|status| status.code() == from)?;
    Some(Err(Status::new(to, status.message())))
}

/// A create that is answered as if it had been done, where its config is like that.
fn done_with_config(call: &Exchange<'_>, is_so: impl FnOnce(&[u8]) -> bool) -> Option<Answered> {
    let spec = request::<iac::ResourceCreateRequest>(call, "ResourceDriver/Create")?.spec?;
    is_so(&spec.config_json).then(|| Ok(Bytes::new()))
}

/// A question for the sensitive keys of a network, where another type was asked for.
fn with_type(call: &Exchange<'_>, other: impl FnOnce(&str) -> bool) -> Option<Bytes> {
    let mut request = request::<iac::SensitiveKeysRequest>(call, "ResourceDriver/SensitiveKeys")?;
    if !other(&request.resource_type) {
        return None;
    }
    "infra.vpc".clone_into(&mut request.resource_type);
    Some(request.encode_to_vec().into())
}

/// A delete, with the id of nothing in place of its own.
fn delete_of_nothing(call: &Exchange<'_>) -> Option<Bytes> {
    let mut request = request::<iac::ResourceDeleteRequest>(call, "ResourceDriver/Delete")?;
    "of-nothing".clone_into(&mut request.r#ref.as_mut()?.provider_id);
    Some(request.encode_to_vec().into())
}

/// Whether a call is about a resource whose life is a trial. What a provider does wrong in an apply is an engine's to
/// live with, and judged by other rules.
fn is_of_a_trial(call: &Exchange<'_>) -> bool {
    let name = b"counterfoil-life";
    call.request.windows(name.len()).any(|window| window == name)
}
