//! A state backend over its socket.

use std::time::Duration;

use counterfoil::provider::Embedded;
use counterfoil_mock::{Provider, Setup};
use counterfoil_proto::iac::{
    ConfigureRequest, GetStateRequest, IaCState, SaveStateRequest,
    ia_c_state_backend_client::IaCStateBackendClient,
};
use tokio::runtime::Runtime;

use crate::runner::{Figures, timed};

/// The size of what is saved, in bytes.
const SIZE: usize = 1 << 20;

/// How often it is saved and read back in one measurement.
const ROUNDS: usize = 10;

/// The largest message of the clients, in bytes: what Go peers take (E-208).
const LIMIT: usize = i32::MAX as usize;

/// A client over any transport, its backend configured.
macro_rules! configured {
    ($runtime:expr, $transport:expr) => {{
        let mut client = IaCStateBackendClient::new($transport)
            .max_decoding_message_size(LIMIT)
            .max_encoding_message_size(LIMIT);
        let request = ConfigureRequest { backend_name: "mock".to_owned(), ..ConfigureRequest::default() };
        $runtime.block_on(client.configure(request)).expect("the mock has this backend");
        client
    }};
}

/// Saves the state and reads it back, and says how long that took.
macro_rules! saved_and_read {
    ($runtime:expr, $client:expr, $state:expr) => {{
        let requests = vec![SaveStateRequest { state: Some($state.clone()) }; ROUNDS];
        timed(|| {
            $runtime.block_on(async {
                for request in requests {
                    $client.save_state(request).await.expect("the mock saves it");
                    let get = GetStateRequest { resource_id: $state.resource_id.clone() };
                    let found = $client.get_state(get).await.expect("the mock has it").into_inner();
                    assert_eq!(found.state.map(|state| state.outputs_json.len()), Some(SIZE));
                }
            });
        })
    }};
}

/// A state of 1 MB that is saved and read back over the socket, against the service called in process.
pub(crate) fn of_a_megabyte(figures: &mut Figures) {
    let name = "state-1-MB-over-socket";
    if !figures.wants(name) {
        return;
    }
    let runtime: Runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime can be had");
    let served = Provider::new(Setup::default());
    let embedded = runtime.block_on(Embedded::start(&served)).expect("the mock can be served");
    let mut over_socket = configured!(runtime, embedded.connection());
    let mut in_process = configured!(runtime, Provider::new(Setup::default()).routes());
    let state = state();
    let ours = || -> Duration { saved_and_read!(runtime, over_socket, state) };
    figures.pairs(name, 4.0, ours, || saved_and_read!(runtime, in_process, state));
    drop(over_socket);
    runtime.block_on(embedded.stop());
}

/// A record whose outputs have just the size that is measured.
fn state() -> IaCState {
    let (head, tail) = (r#"{"text":""#, r#""}"#);
    let text = "x".repeat(SIZE - head.len() - tail.len());
    IaCState {
        resource_id: "net".to_owned(),
        outputs_json: format!("{head}{text}{tail}").into(),
        ..IaCState::default()
    }
}
