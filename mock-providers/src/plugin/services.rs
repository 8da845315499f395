//! The services that every plugin process has beside the contract (P-010 to P-012).

use std::{pin::Pin, sync::Arc};

use counterfoil_proto::go_plugin::{
    ConnInfo, Empty, StdioData, grpc_broker_server::GrpcBroker, grpc_controller_server::GrpcController,
    grpc_stdio_server::GrpcStdio, stdio_data::Channel,
};
use tokio::sync::{Mutex, mpsc};
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming, async_trait};

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// `GRPCController`: ends the plugin.
#[derive(Debug)]
pub(super) struct Controller(pub CancellationToken);

#[async_trait]
impl GrpcController for Controller {
    async fn shutdown(&self, _: Request<Empty>) -> Result<Response<Empty>, Status> {
        self.0.cancel();
        Ok(Response::new(Empty {}))
    }
}

/// `GRPCStdio`: what the plugin prints. The streams share it, as they would share a pipe.
#[derive(Debug)]
pub(super) struct Stdio {
    lines: Arc<Mutex<mpsc::Receiver<StdioData>>>,
    stop: CancellationToken,
}

/// Where the plugin prints what the host shall get through `GRPCStdio`.
#[derive(Clone, Debug)]
pub(super) struct Printer(mpsc::Sender<StdioData>);

impl Printer {
    /// Prints a line on one of the two channels. It is lost where nobody takes the lines before it.
    pub(super) fn line(&self, channel: Channel, text: &str) {
        let data = format!("{text}\n").into();
        let _ = self.0.try_send(StdioData { channel: channel.into(), data });
    }
}

impl Stdio {
    pub(super) fn new(stop: CancellationToken) -> (Self, Printer) {
        let (sender, receiver) = mpsc::channel(256);
        (Self { lines: Arc::new(Mutex::new(receiver)), stop }, Printer(sender))
    }
}

#[async_trait]
impl GrpcStdio for Stdio {
    type StreamStdioStream = Answers<StdioData>;

    async fn stream_stdio(&self, _: Request<()>) -> Result<Response<Self::StreamStdioStream>, Status> {
        let (sender, receiver) = mpsc::channel(1);
        let (lines, stop) = (Arc::clone(&self.lines), self.stop.clone());
        tokio::spawn(async move {
            let forward = async {
                let mut lines = lines.lock().await;
                // A line is taken only when there is room: one that a closed stream took would be lost.
                while let Ok(room) = sender.reserve().await {
                    let Some(line) = lines.recv().await else { break };
                    room.send(Ok(line));
                }
            };
            tokio::select! {
                () = forward => {}
                () = sender.closed() => {}
                () = stop.cancelled() => {}
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}

/// `GRPCBroker`: stays open, and announces nothing.
#[derive(Debug)]
pub(super) struct Broker(pub CancellationToken);

#[async_trait]
impl GrpcBroker for Broker {
    type StartStreamStream = Answers<ConnInfo>;

    async fn start_stream(
        &self,
        request: Request<Streaming<ConnInfo>>,
    ) -> Result<Response<Self::StartStreamStream>, Status> {
        let (sender, receiver) = mpsc::channel(1);
        let (mut announced, stop) = (request.into_inner(), self.0.clone());
        tokio::spawn(async move {
            let drain = async { while let Ok(Some(_)) = announced.message().await {} };
            tokio::select! {
                () = drain => {}
                () = sender.closed() => {}
                () = stop.cancelled() => {}
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}
