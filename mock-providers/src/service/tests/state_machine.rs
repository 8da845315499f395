//! The state backend over its gRPC service, against a model.

use std::collections::{BTreeMap, BTreeSet};

use counterfoil_proto::iac::{
    ConfigureRequest, DeleteStateRequest, GetStateRequest, IaCState, ListStatesRequest, LockRequest,
    SaveStateRequest, UnlockRequest, ia_c_state_backend_client::IaCStateBackendClient,
};
use proptest::{prelude::*, test_runner::Config};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use tokio::{runtime::Runtime, task::JoinSet};

use super::{Code, Provider, Routes, Setup, Status};
use crate::state::Place;

/// What is asked of a backend. Ids are few, so that they meet.
#[derive(Clone, Debug)]
enum Operation {
    Configure,
    Save { id: u8, resource_type: u8, status: u8 },
    Get { id: u8 },
    List { resource_type: Option<u8>, status: Option<u8>, unknown: bool },
    Delete { id: u8 },
    Lock { id: u8 },
    LockAtOnce { id: u8, times: u8 },
    Unlock { id: u8 },
    Corrupt { id: u8 },
}

/// How an operation ends, but for the wording: the states that came back, how many locks were granted, or which refusal.
#[derive(Clone, Debug, PartialEq)]
enum Answer {
    States(Vec<IaCState>),
    Granted(usize),
    Unconfigured,
    NoId,
    NotFound,
    AlreadyLocked,
    NotLocked,
    Corrupt,
}

impl From<Result<Vec<IaCState>, Status>> for Answer {
    fn from(result: Result<Vec<IaCState>, Status>) -> Self {
        let status = match result {
            Ok(states) => return Self::States(states),
            Err(status) => status,
        };
        let says = |words| status.message().contains(words);
        match status.code() {
            Code::InvalidArgument => Self::NoId,
            Code::NotFound => Self::NotFound,
            Code::DataLoss => Self::Corrupt,
            Code::FailedPrecondition if says("already locked") => Self::AlreadyLocked,
            Code::FailedPrecondition if says("not locked") => Self::NotLocked,
            Code::FailedPrecondition if says("Configure") => Self::Unconfigured,
            _ => panic!("no backend says {status}"),
        }
    }
}

/// What a backend is, in as few words as can be: a corrupt record is `None`.
#[derive(Clone, Debug, Default)]
struct Model {
    configured: bool,
    records: BTreeMap<String, Option<IaCState>>,
    locks: BTreeSet<String>,
    /// How the last operation has to end.
    answer: Option<Answer>,
}

fn id_of(number: u8) -> String {
    if number == 0 { String::new() } else { format!("r-{number}") }
}

fn record(id: u8, resource_type: u8, status: u8) -> IaCState {
    IaCState {
        resource_id: id_of(id),
        resource_type: format!("type-{resource_type}"),
        status: format!("status-{status}"),
        ..IaCState::default()
    }
}

impl Model {
    fn answer(&mut self, operation: &Operation) -> Answer {
        let none = Answer::States(Vec::new());
        match *operation {
            Operation::Configure => {
                self.configured = true;
                none
            }
            Operation::Corrupt { id } => {
                self.records.entry(id_of(id)).and_modify(|record| *record = None);
                none
            }
            Operation::LockAtOnce { id, .. } => {
                let free = self.configured && id > 0 && self.locks.insert(id_of(id));
                Answer::Granted(usize::from(free))
            }
            _ if !self.configured => Answer::Unconfigured,
            Operation::List { resource_type, status, .. } => {
                let all: Option<Vec<IaCState>> = self.records.values().cloned().collect();
                let Some(all) = all else { return Answer::Corrupt };
                let passes = |state: &IaCState| {
                    resource_type.is_none_or(|kind| state.resource_type == format!("type-{kind}"))
                        && status.is_none_or(|status| state.status == format!("status-{status}"))
                };
                Answer::States(all.into_iter().filter(passes).collect())
            }
            Operation::Save { id: 0, .. }
            | Operation::Get { id: 0 }
            | Operation::Delete { id: 0 }
            | Operation::Lock { id: 0 }
            | Operation::Unlock { id: 0 } => Answer::NoId,
            Operation::Save { id, resource_type, status } => {
                self.records.insert(id_of(id), Some(record(id, resource_type, status)));
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

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Operation;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Self::default()).boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Operation> {
        // 0 is the empty id.
        let id = || 0..4_u8;
        prop_oneof![
            2 => Just(Operation::Configure),
            4 => (id(), 0..2_u8, 0..2_u8)
                .prop_map(|(id, resource_type, status)| Operation::Save { id, resource_type, status }),
            2 => id().prop_map(|id| Operation::Get { id }),
            2 => (proptest::option::of(0..2_u8), proptest::option::of(0..2_u8), any::<bool>())
                .prop_map(|(resource_type, status, unknown)| Operation::List { resource_type, status, unknown }),
            2 => id().prop_map(|id| Operation::Delete { id }),
            2 => id().prop_map(|id| Operation::Lock { id }),
            1 => (id(), 2..9_u8).prop_map(|(id, times)| Operation::LockAtOnce { id, times }),
            2 => id().prop_map(|id| Operation::Unlock { id }),
            1 => id().prop_map(|id| Operation::Corrupt { id }),
        ]
        .boxed()
    }

    fn apply(mut model: Self, operation: &Operation) -> Self {
        model.answer = Some(model.answer(operation));
        model
    }
}

/// The backend of a provider, called as its hosts call it.
struct Served {
    runtime: Runtime,
    provider: Provider,
    backend: IaCStateBackendClient<Routes>,
}

impl Served {
    fn answer(&mut self, operation: &Operation) -> Answer {
        let Self { runtime, provider, backend } = self;
        let place = Place { backend: "mock".into(), ..Place::default() };
        match *operation {
            Operation::Corrupt { id } => {
                provider.states().corrupt(&place, &id_of(id));
                Answer::States(Vec::new())
            }
            Operation::LockAtOnce { id, times } => runtime.block_on(granted(backend, &id_of(id), times)),
            ref operation => runtime.block_on(call(backend, operation)).into(),
        }
    }
}

/// Makes a call, and gives the states that come back.
async fn call(
    backend: &mut IaCStateBackendClient<Routes>,
    operation: &Operation,
) -> Result<Vec<IaCState>, Status> {
    match *operation {
        Operation::Configure => {
            let request = ConfigureRequest { backend_name: "mock".into(), ..ConfigureRequest::default() };
            drop(backend.configure(request).await?);
        }
        Operation::Save { id, resource_type, status } => {
            let state = Some(record(id, resource_type, status));
            drop(backend.save_state(SaveStateRequest { state }).await?);
        }
        Operation::Get { id } => {
            let found = backend.get_state(GetStateRequest { resource_id: id_of(id) }).await?.into_inner();
            assert_eq!(found.exists, found.state.is_some());
            return Ok(found.state.into_iter().collect());
        }
        Operation::List { resource_type, status, unknown } => {
            let kind = resource_type.map(|kind| ("resource_type".to_owned(), format!("type-{kind}")));
            let status = status.map(|status| ("status".to_owned(), format!("status-{status}")));
            let unknown = unknown.then(|| ("colour".to_owned(), "blue".to_owned()));
            let filter = kind.into_iter().chain(status).chain(unknown).collect();
            return Ok(backend.list_states(ListStatesRequest { filter }).await?.into_inner().states);
        }
        Operation::Delete { id } => {
            drop(backend.delete_state(DeleteStateRequest { resource_id: id_of(id) }).await?);
        }
        Operation::Lock { id } => drop(backend.lock(LockRequest { resource_id: id_of(id) }).await?),
        Operation::Unlock { id } => drop(backend.unlock(UnlockRequest { resource_id: id_of(id) }).await?),
        Operation::LockAtOnce { .. } | Operation::Corrupt { .. } => unreachable!("it is no single call"),
    }
    Ok(Vec::new())
}

/// Locks a resource so many times at once.
async fn granted(backend: &IaCStateBackendClient<Routes>, id: &str, times: u8) -> Answer {
    let mut locks = JoinSet::new();
    for _ in 0..times {
        let (mut backend, request) = (backend.clone(), LockRequest { resource_id: id.to_owned() });
        locks.spawn(async move { backend.lock(request).await.is_ok() });
    }
    Answer::Granted(locks.join_all().await.into_iter().filter(|granted| *granted).count())
}

impl StateMachineTest for Served {
    type SystemUnderTest = Self;
    type Reference = Model;

    fn init_test(_: &Model) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        let provider = Provider::new(Setup::default());
        let backend = IaCStateBackendClient::new(provider.routes());
        Self { runtime, provider, backend }
    }

    fn apply(mut served: Self, model: &Model, operation: Operation) -> Self {
        assert_eq!(Some(served.answer(&operation)), model.answer, "{operation:?}");
        served
    }
}

prop_state_machine! {
    #![proptest_config(Config { cases: 128, ..Config::default() })]

    #[test]
    fn a_backend_answers_as_its_model_does(sequential 1..60 => Served);
}
