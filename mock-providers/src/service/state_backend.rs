use counterfoil_proto::iac::{
    ConfigureRequest, ConfigureResponse, DeleteStateRequest, DeleteStateResponse, GetStateRequest,
    GetStateResponse, ListBackendNamesRequest, ListBackendNamesResponse, ListStatesRequest,
    ListStatesResponse, LockRequest, LockResponse, SaveStateRequest, SaveStateResponse, UnlockRequest,
    UnlockResponse, ia_c_state_backend_server::IaCStateBackend,
};
use serde::Deserialize;
use tonic::{Request, Response, Status, async_trait};

use super::{invalid, present};
use crate::{
    Provider,
    cloud::check_object,
    state::{Place, StateError},
};

/// `IaCStateBackend`: the store of states, at the place that the last `Configure` chose.
#[derive(Clone, Debug)]
pub struct StateBackend(Provider);

impl StateBackend {
    /// The service of a provider.
    pub const fn new(provider: Provider) -> Self {
        Self(provider)
    }

    /// The place in the store. Without a `Configure` there is none (E-390).
    fn place(&self) -> Result<Place, Status> {
        self.0.place().ok_or_else(|| {
            Status::failed_precondition("iac: validation error: Configure has to come before any other call")
        })
    }
}

/// What the config says of the place, beside what is no matter here.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Config {
    /// The backend once more (E-393).
    backend: Option<String>,
    prefix: String,
}

impl From<StateError> for Status {
    /// A lock that is held is no resource that exists: engines meet an `AlreadyExists` by an update (E-051,
    /// E-166). What stands in the way is the condition of the lock.
    fn from(error: StateError) -> Self {
        let text = error.to_string();
        match error {
            StateError::NoId => Self::invalid_argument(text),
            StateError::NotFound(_) => Self::not_found(text),
            StateError::AlreadyLocked(_) | StateError::NotLocked(_) => Self::failed_precondition(text),
            StateError::Corrupt(..) => Self::data_loss(text),
        }
    }
}

#[async_trait]
impl IaCStateBackend for StateBackend {
    /// Of two, the last wins; one that is refused leaves the one before as it is.
    async fn configure(
        &self,
        request: Request<ConfigureRequest>,
    ) -> Result<Response<ConfigureResponse>, Status> {
        let ConfigureRequest { backend_name, config_json } = request.into_inner();
        let known = &self.0.setup().state_backends;
        if !known.contains(&backend_name) {
            let known = known.join(", ");
            return Err(invalid(format_args!("no backend is called \"{backend_name}\", only {known}")));
        }
        let Config { backend, prefix } = config(&config_json)?;
        if let Some(backend) = backend.filter(|backend| *backend != backend_name) {
            let text = format_args!("config_json is for the backend \"{backend}\", not \"{backend_name}\"");
            return Err(invalid(text));
        }
        self.0.choose_place(Place { backend: backend_name, prefix });
        Ok(Response::new(ConfigureResponse {}))
    }

    async fn get_state(
        &self,
        request: Request<GetStateRequest>,
    ) -> Result<Response<GetStateResponse>, Status> {
        let state = self.0.states().get(&self.place()?, &request.into_inner().resource_id)?;
        let exists = state.is_some();
        Ok(Response::new(GetStateResponse { state, exists }))
    }

    async fn save_state(
        &self,
        request: Request<SaveStateRequest>,
    ) -> Result<Response<SaveStateResponse>, Status> {
        let place = self.place()?;
        let state = present(request.into_inner().state, "state")?;
        // `null` is what the engine sends for none (E-387).
        check_object("state.outputs_json", &state.outputs_json)?;
        check_object("state.config_json", &state.config_json)?;
        self.0.states().save(&place, &state)?;
        Ok(Response::new(SaveStateResponse {}))
    }

    async fn list_states(
        &self,
        request: Request<ListStatesRequest>,
    ) -> Result<Response<ListStatesResponse>, Status> {
        let states = self.0.states().list(&self.place()?, &request.into_inner().filter)?;
        Ok(Response::new(ListStatesResponse { states }))
    }

    async fn delete_state(
        &self,
        request: Request<DeleteStateRequest>,
    ) -> Result<Response<DeleteStateResponse>, Status> {
        self.0.states().delete(&self.place()?, &request.into_inner().resource_id)?;
        Ok(Response::new(DeleteStateResponse {}))
    }

    async fn lock(&self, request: Request<LockRequest>) -> Result<Response<LockResponse>, Status> {
        self.0.states().lock(&self.place()?, &request.into_inner().resource_id)?;
        Ok(Response::new(LockResponse {}))
    }

    async fn unlock(&self, request: Request<UnlockRequest>) -> Result<Response<UnlockResponse>, Status> {
        self.0.states().unlock(&self.place()?, &request.into_inner().resource_id)?;
        Ok(Response::new(UnlockResponse {}))
    }

    /// Needs no `Configure`: a host asks before it chooses one (E-392).
    async fn list_backend_names(
        &self,
        _: Request<ListBackendNamesRequest>,
    ) -> Result<Response<ListBackendNamesResponse>, Status> {
        let backend_names = self.0.setup().state_backends.clone();
        Ok(Response::new(ListBackendNamesResponse { backend_names }))
    }
}

fn config(json: &[u8]) -> Result<Config, Status> {
    check_object("config_json", json)?;
    if json.is_empty() {
        return Ok(Config::default());
    }
    let config: Option<Config> =
        serde_json::from_slice(json).map_err(|error| invalid(format_args!("config_json: {error}")))?;
    Ok(config.unwrap_or_default())
}
