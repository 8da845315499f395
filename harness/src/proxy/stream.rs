//! One stream: a call, as it goes to the plugin and comes back.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::ready,
};

use bytes::Bytes;
use h2::{
    FlowControl, Reason, RecvStream, SendStream,
    client::{ResponseFuture, SendRequest},
    server::SendResponse,
};
use http::{Request, Response, Uri, uri::PathAndQuery};
use tonic::Status;

use super::{
    faults::Faults,
    record::Record,
    struck::Strikable,
    tap::{AnswerTap, RequestTap, Sees, taps},
};

/// A stream of a connection that is lost. For as long as it is held, the host is not told of its end.
#[derive(Debug)]
pub(super) struct Held(#[expect(dead_code, reason = "what counts is that it is there")] SendResponse<Bytes>);

impl Held {
    /// Holds the stream of this answer.
    pub(super) fn new(respond: SendResponse<Bytes>) -> Self {
        Self(respond)
    }
}

/// Why bytes go no further one way.
#[derive(Debug)]
pub(super) enum Stop {
    /// Who sends them has ended the stream early.
    Sender(h2::Error),
    /// Who takes them has ended the stream early.
    Taker(Reason),
}

/// What stands between the host and the plugin.
#[derive(Debug, Default)]
pub(super) struct Between {
    /// How many calls there were.
    pub calls: AtomicU32,
    /// Where they are written down.
    pub record: Option<Arc<Record>>,
    /// What goes wrong.
    pub faults: Option<Faults>,
    /// Whether what could change something is answered in the plugin's place.
    pub answers_mutations: bool,
}

/// Carries a call to its end, which both sides see alike: a reset of the one is a reset of the other. Where the connection
/// to the plugin is lost, what is left of the call comes back.
pub(super) async fn carry(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    requests: SendRequest<Bytes>,
    between: Arc<Between>,
) -> Option<Held> {
    let (request, mut body) = to_plugin(request);
    let (call, path) = (between.calls.fetch_add(1, Ordering::Relaxed), request.uri().path());
    let record = between.record.as_ref();
    if let Some(strikable) = Strikable::of(call, path, &between) {
        // Few calls go this way, and what it takes is much.
        return Box::pin(strikable.carry(request, body, respond, requests)).await;
    }
    let (mut asked, mut told) = taps(record, path, call);
    let opened = tokio::select! {
        biased;
        // The plugin has not heard of it.
        _ = poll_fn(|cx| respond.poll_reset(cx)) => return None,
        ready = requests.ready() => ready.and_then(|mut ready| ready.send_request(request, body.is_end_stream())),
    };
    let (response, mut up) = match opened {
        Ok(opened) => opened,
        Err(error) => return end(respond, &error),
    };
    match both_ways((&mut body, &mut up, &mut asked), (response, &mut respond, &mut told)).await {
        Ok(()) => None,
        Err(Ended::ByHost(reason)) => {
            up.send_reset(reason);
            None
        }
        Err(Ended::Broken(error)) => {
            let error = Arc::new(error);
            told.failed(&failure(Arc::clone(&error)));
            // A reset takes the place of what is not sent yet, and what came before it goes before it.
            tokio::task::yield_now().await;
            end(respond, &error)
        }
    }
}

/// The status of a call whose way to the plugin failed; its source says so.
pub(super) fn failure(error: Arc<h2::Error>) -> Status {
    let mut status = Status::unavailable(error.to_string());
    status.set_source(error);
    status
}

/// Who ended a stream early.
enum Ended {
    ByHost(Reason),
    /// The side of the plugin failed so.
    Broken(h2::Error),
}

/// Carries the request and the answer at once, as a stream of messages may go either way for as long as it likes.
async fn both_ways(
    (body, up, asked): (&mut RecvStream, &mut SendStream<Bytes>, &mut RequestTap),
    (response, respond, told): (ResponseFuture, &mut SendResponse<Bytes>, &mut AnswerTap),
) -> Result<(), Ended> {
    let by_host = |error: &h2::Error| Ended::ByHost(error.reason().unwrap_or(Reason::CANCEL));
    let (mut request, mut answer) = (pin!(pump(body, up, asked)), pin!(answer(response, respond, told)));
    let mut sent = None;
    let answered = loop {
        tokio::select! {
            biased;
            answered = &mut answer => break answered,
            ended = &mut request, if sent.is_none() => match ended {
                Err(Stop::Sender(error)) => return Err(by_host(&error)),
                // Where the plugin takes no more of the request, its answer tells the rest.
                ended => sent = Some(ended),
            },
        }
    };
    match answered {
        Err(Stop::Taker(reason)) => return Err(Ended::ByHost(reason)),
        Err(Stop::Sender(error)) => return Err(Ended::Broken(error)),
        Ok(()) => {}
    }
    let sent = match sent {
        Some(sent) => sent,
        None => request.await,
    };
    match sent {
        Err(Stop::Sender(error)) => Err(by_host(&error)),
        // The plugin has answered and does not want the rest, which h2 says when nobody holds the stream any more.
        Ok(()) | Err(Stop::Taker(_)) => Ok(()),
    }
}

/// The request as the plugin gets it, and its body.
fn to_plugin(request: Request<RecvStream>) -> (Request<()>, RecvStream) {
    let (mut head, body) = request.into_parts();
    if head.uri.authority().is_none() {
        // Nobody looks at it, and a request has to have one.
        let path = head.uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
        let whole = Uri::builder().scheme("http").authority("localhost").path_and_query(path);
        head.uri = whole.build().unwrap_or_default();
    }
    (Request::from_parts(head, ()), body)
}

/// Ends the host's stream as the plugin's has failed.
pub(super) fn end(mut respond: SendResponse<Bytes>, error: &h2::Error) -> Option<Held> {
    if error.is_io() || (error.is_go_away() && error.reason() != Some(Reason::NO_ERROR)) {
        return Some(Held::new(respond));
    }
    let reason = match error.reason() {
        // A plugin that is about to go has not looked at the call.
        Some(_) if error.is_go_away() => Reason::REFUSED_STREAM,
        Some(reason) => reason,
        None => Reason::INTERNAL_ERROR,
    };
    respond.send_reset(reason);
    None
}

/// Carries the answer.
async fn answer(
    response: ResponseFuture,
    respond: &mut SendResponse<Bytes>,
    told: &mut AnswerTap,
) -> Result<(), Stop> {
    let response = tokio::select! {
        biased;
        response = response => response.map_err(Stop::Sender)?,
        reset = poll_fn(|cx| respond.poll_reset(cx)) => return Err(Stop::Taker(reset.unwrap_or(Reason::CANCEL))),
    };
    let (head, mut from) = response.into_parts();
    let ends = from.is_end_stream();
    if ends {
        told.end(Some(&head.headers));
    }
    let to = respond.send_response(Response::from_parts(head, ()), ends);
    let mut to = to.map_err(|error| Stop::Taker(error.reason().unwrap_or(Reason::CANCEL)))?;
    if ends { Ok(()) } else { pump(&mut from, &mut to, told).await }
}

/// Carries bytes and trailers one way. What is taken is asked for anew, and nothing else.
async fn pump(from: &mut RecvStream, to: &mut SendStream<Bytes>, tap: &mut impl Sees) -> Result<(), Stop> {
    loop {
        let data = tokio::select! {
            biased;
            data = from.data() => data,
            reason = reset(to) => return Err(Stop::Taker(reason)),
        };
        let Some(data) = data else { break };
        let data = data.map_err(Stop::Sender)?;
        tap.piece(&data);
        let ends = from.is_end_stream();
        if ends {
            tap.end(None);
        }
        send(to, data, ends, from.flow_control()).await?;
        if ends {
            return Ok(());
        }
    }
    let trailers = from.trailers().await.map_err(Stop::Sender)?;
    tap.end(trailers.as_ref());
    let sent = match trailers {
        Some(trailers) => to.send_trailers(trailers),
        None => to.send_data(Bytes::new(), true),
    };
    if sent.is_err() { Err(Stop::Taker(reset(to).await)) } else { Ok(()) }
}

/// Sends a piece, as much at once as is taken.
async fn send(
    to: &mut SendStream<Bytes>,
    mut data: Bytes,
    ends: bool,
    taken: &mut FlowControl,
) -> Result<(), Stop> {
    loop {
        let room = if data.is_empty() { 0 } else { room(to, data.len()).await? };
        let piece = data.split_to(room.min(data.len()));
        let length = piece.len();
        if to.send_data(piece, ends && data.is_empty()).is_err() {
            return Err(Stop::Taker(reset(to).await));
        }
        // It fails where the sender is gone, which shows when more of it is read.
        let _ = taken.release_capacity(length);
        if data.is_empty() {
            return Ok(());
        }
    }
}

/// Waits until some of so many bytes are taken; how many.
pub(super) async fn room(to: &mut SendStream<Bytes>, wanted: usize) -> Result<usize, Stop> {
    to.reserve_capacity(wanted);
    if to.capacity() > 0 {
        return Ok(to.capacity());
    }
    let granted = poll_fn(|cx| {
        loop {
            match ready!(to.poll_capacity(cx)) {
                Some(Ok(0)) => {}
                Some(Ok(room)) => return Some(room).into(),
                Some(Err(_)) | None => return None.into(),
            }
        }
    });
    match granted.await {
        Some(room) => Ok(room),
        None => Err(Stop::Taker(reset(to).await)),
    }
}

/// Waits until who takes has ended the stream; why.
async fn reset(to: &mut SendStream<Bytes>) -> Reason {
    poll_fn(|cx| to.poll_reset(cx)).await.unwrap_or(Reason::CANCEL)
}
