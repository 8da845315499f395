//! Ten thousand messages of every method come out byte for byte, both ways.

use bytes::{Bytes, BytesMut};
use counterfoil_proto::file_descriptor_set;
use h2::{RecvStream, SendStream, client::SendRequest, server::SendResponse};
use http::{HeaderMap, HeaderValue, Request, Response};
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio::task::JoinSet;

use crate::place::{Place, run};

/// How many messages go each way.
const MESSAGES: usize = 10_000;
/// How many calls are in flight.
const AT_ONCE: usize = 32;
/// The most messages of one stream.
const OF_A_STREAM: usize = 50;

/// A method of the contract, or of what every plugin serves, and whether messages stream.
struct Method {
    path: String,
    streams: bool,
}

fn methods() -> Vec<Method> {
    let files = file_descriptor_set().file;
    let services = files.iter().flat_map(|file| file.service.iter().map(|service| (file.package(), service)));
    let mut methods: Vec<Method> = services
        .flat_map(|(package, service)| {
            service.method.iter().map(move |method| Method {
                path: format!("/{package}.{}/{}", service.name(), method.name()),
                streams: method.client_streaming() || method.server_streaming(),
            })
        })
        .collect();
    methods.push(Method { path: "/nobody.knows.This/Call".into(), streams: true });
    methods
}

/// Some messages with their prefixes, and where they are cut into pieces, which has nothing to do with them.
fn body(rng: &mut ChaCha8Rng, messages: usize) -> Vec<Bytes> {
    let mut bytes = BytesMut::new();
    for _ in 0..messages {
        let length = match rng.random_range(0..100) {
            0..10 => 0,
            10..97 => rng.random_range(1..2_000),
            _ => rng.random_range(10_000..200_000),
        };
        let mut message = vec![0; length];
        rng.fill_bytes(&mut message);
        bytes.extend_from_slice(&[u8::from(rng.random_bool(0.1))]);
        bytes.extend_from_slice(&u32::try_from(length).unwrap().to_be_bytes());
        bytes.extend_from_slice(&message);
    }
    let mut bytes = bytes.freeze();
    let mut pieces = Vec::new();
    while !bytes.is_empty() {
        let length = rng.random_range(1..=bytes.len().min(40_000));
        pieces.push(bytes.split_to(length));
    }
    pieces
}

/// Sends a piece as soon as it is taken.
async fn send(to: &mut SendStream<Bytes>, mut piece: Bytes) {
    while !piece.is_empty() {
        to.reserve_capacity(piece.len());
        let room = std::future::poll_fn(|cx| to.poll_capacity(cx)).await.unwrap().unwrap();
        to.send_data(piece.split_to(room.min(piece.len())), false).unwrap();
    }
}

async fn receive(from: &mut RecvStream) -> Option<Bytes> {
    let piece = from.data().await?.unwrap();
    from.flow_control().release_capacity(piece.len()).unwrap();
    Some(piece)
}

/// Answers with the request: its headers, its body as it comes, and a header of it as a trailer.
async fn echo(request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
    let (head, mut body) = request.into_parts();
    let mut response = Response::builder().header("path", head.uri.path()).body(()).unwrap();
    response.headers_mut().extend(head.headers.clone());
    let mut to = respond.send_response(response, false).unwrap();
    while let Some(piece) = receive(&mut body).await {
        // Not what came, so that what comes back has been there.
        let turned: Vec<u8> = piece.iter().map(|byte| !byte).collect();
        send(&mut to, turned.into()).await;
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    trailers.insert("seen-bin", head.headers["nonce-bin"].clone());
    to.send_trailers(trailers).unwrap();
}

/// Makes a call, and holds the answer against it.
async fn call(host: SendRequest<Bytes>, path: String, body: Vec<Bytes>, nonce: String) {
    let request = Request::post(format!("http://localhost{path}"))
        .header("te", "trailers")
        .header("content-type", "application/grpc")
        .header("grpc-timeout", "9S")
        .header("nonce-bin", &nonce)
        .body(())
        .unwrap();
    let sent_headers = request.headers().clone();
    let (response, mut to) = host.ready().await.unwrap().send_request(request, false).unwrap();
    let sent: Vec<u8> = body.concat();
    let sending = async {
        for piece in body {
            send(&mut to, piece).await;
        }
        to.send_data(Bytes::new(), true).unwrap();
    };
    let receiving = async {
        let (head, mut from) = response.await.unwrap().into_parts();
        assert_eq!(head.headers["path"], path);
        assert!(sent_headers.iter().all(|(name, value)| head.headers.get(name) == Some(value)));
        let mut received = Vec::with_capacity(sent.len());
        while let Some(piece) = receive(&mut from).await {
            received.extend(piece.iter().map(|byte| !byte));
        }
        assert!(received == sent, "{path}: other bytes");
        let trailers = from.trailers().await.unwrap().unwrap();
        assert_eq!(
            (&trailers["grpc-status"], &trailers["seen-bin"]),
            (&"0".parse().unwrap(), &nonce.parse().unwrap())
        );
    };
    tokio::join!(sending, receiving);
}

#[test]
fn ten_thousand_messages_of_all_methods_come_out_byte_for_byte() {
    run(async {
        let place = Place::new();
        let ends = place.connect().await;
        let mut plugin = ends.plugin;
        tokio::spawn(async move {
            while let Some(Ok((request, respond))) = plugin.accept().await {
                tokio::spawn(echo(request, respond));
            }
        });
        let (methods, mut rng) = (methods(), ChaCha8Rng::seed_from_u64(0x00C0_FFEE));
        let (mut calls, mut messages) = (JoinSet::new(), 0);
        for (number, method) in methods.iter().cycle().enumerate() {
            if messages >= MESSAGES && number >= methods.len() {
                break;
            }
            let count = if method.streams { rng.random_range(0..=OF_A_STREAM) } else { 1 };
            messages += count;
            let body = body(&mut rng, count);
            calls.spawn(call(ends.host.clone(), method.path.clone(), body, format!("{number:08}")));
            while calls.len() >= AT_ONCE {
                calls.join_next().await.unwrap().unwrap();
            }
        }
        while let Some(called) = calls.join_next().await {
            called.unwrap();
        }
    });
}
