//! How calls, connections and processes end, seen from both sides.

use std::{future::poll_fn, os::unix::process::ExitStatusExt as _};

use bytes::Bytes;
use h2::Reason;
use http::{Request, Response};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::timeout;

use crate::place::{Ends, Place, Proxied, SOON, run, wait_until};

fn request() -> Request<()> {
    Request::post("http://localhost/a.Service/Call").header("grpc-timeout", "5S").body(()).unwrap()
}

fn response() -> Response<()> {
    Response::builder().header("content-type", "application/grpc").body(()).unwrap()
}

#[test]
fn a_call_that_the_host_cancels_is_cancelled_behind_the_proxy() {
    run(async {
        for answered in [false, true] {
            let place = Place::new();
            let Ends { mut host, mut plugin, proxied: _proxied, .. } = place.connect().await;
            let (answer, mut up) = host.send_request(request(), true).unwrap();
            let (request, mut respond) = plugin.accept().await.unwrap().unwrap();
            assert_eq!(request.headers()["grpc-timeout"], "5S");
            let serving = tokio::spawn(async move {
                if answered {
                    let mut to = respond.send_response(response(), false).unwrap();
                    return poll_fn(|cx| to.poll_reset(cx)).await.unwrap();
                }
                poll_fn(|cx| respond.poll_reset(cx)).await.unwrap()
            });
            tokio::spawn(async move { poll_fn(|cx| plugin.poll_closed(cx)).await });
            let _body = if answered { Some(answer.await.unwrap()) } else { None };
            up.send_reset(Reason::CANCEL);
            assert_eq!(serving.await.unwrap(), Reason::CANCEL);
        }
    });
}

#[test]
fn a_stream_that_the_plugin_resets_is_reset_towards_the_host() {
    run(async {
        let place = Place::new();
        let Ends { mut host, mut plugin, proxied: _proxied, .. } = place.connect().await;
        let serving = tokio::spawn(async move {
            for answered in [false, true] {
                let (_, mut respond) = plugin.accept().await.unwrap().unwrap();
                if answered {
                    let mut to = respond.send_response(response(), false).unwrap();
                    to.send_data(Bytes::from_static(b"half"), false).unwrap();
                }
                respond.send_reset(Reason::ENHANCE_YOUR_CALM);
            }
            // A headers-only reply, which is all of a call that failed at once.
            let (_, mut respond) = plugin.accept().await.unwrap().unwrap();
            respond.send_response(response(), true).unwrap();
            let _ = poll_fn(|cx| plugin.poll_closed(cx)).await;
        });
        let (answer, _) = host.send_request(request(), true).unwrap();
        assert_eq!(answer.await.unwrap_err().reason(), Some(Reason::ENHANCE_YOUR_CALM));
        let (answer, _) = host.send_request(request(), true).unwrap();
        let reset = match answer.await {
            Err(reset) => reset,
            Ok(answer) => {
                let mut body = answer.into_body();
                loop {
                    if let Err(reset) = body.data().await.unwrap() {
                        break reset;
                    }
                }
            }
        };
        assert_eq!(reset.reason(), Some(Reason::ENHANCE_YOUR_CALM));
        let (answer, _) = host.send_request(request(), false).unwrap();
        let answer = answer.await.unwrap();
        assert_eq!(answer.headers()["content-type"], "application/grpc");
        assert!(answer.body().is_end_stream());
        drop(host);
        serving.abort();
    });
}

/// A server may answer without having read the request, and then asks for no more of it.
#[test]
fn an_answer_before_the_end_of_its_request_arrives_whole() {
    run(async {
        for headers_only in [true, false] {
            let place = Place::new();
            let Ends { mut host, mut plugin, proxied: _proxied, .. } = place.connect().await;
            let (answer, _up) = host.send_request(request(), false).unwrap();
            tokio::spawn(async move {
                let (_, mut respond) = plugin.accept().await.unwrap().unwrap();
                let mut to = respond.send_response(response(), headers_only).unwrap();
                if !headers_only {
                    to.send_data(Bytes::from_static(b"all"), true).unwrap();
                }
                drop((to, respond));
                poll_fn(|cx| plugin.poll_closed(cx)).await
            });
            let mut body = answer.await.unwrap().into_body();
            assert_eq!(body.is_end_stream(), headers_only);
            if !headers_only {
                assert_eq!(body.data().await.unwrap().unwrap(), "all");
            }
        }
    });
}

#[test]
fn what_the_host_does_not_take_is_not_taken_from_the_plugin_and_holds_up_nobody() {
    run(async {
        let place = Place::new();
        let Ends { mut host, mut plugin, proxied: _proxied, .. } = place.connect().await;
        let (stalled, _) = host.send_request(request(), true).unwrap();
        let (_, mut respond) = plugin.accept().await.unwrap().unwrap();
        let mut to = respond.send_response(response(), false).unwrap();
        let (told, mut sent) = tokio::sync::watch::channel(0);
        tokio::spawn(async move {
            loop {
                to.reserve_capacity(1 << 16);
                let Some(Ok(room)) = poll_fn(|cx| to.poll_capacity(cx)).await else { return };
                to.send_data(vec![0; room].into(), false).unwrap();
                told.send_modify(|sent| *sent += room);
            }
        });
        tokio::spawn(async move {
            while let Some(Ok((_, mut respond))) = plugin.accept().await {
                respond.send_response(response(), true).unwrap();
            }
        });
        let _stalled = stalled.await.unwrap();
        // More than the windows on the way came to nothing, as soon as no more goes.
        let quiet = std::time::Duration::from_millis(500);
        while timeout(quiet, sent.changed()).await.is_ok() {}
        assert!(*sent.borrow() < 4 << 20, "{} bytes on their way", *sent.borrow());
        let (answer, _) = host.send_request(request(), true).unwrap();
        assert!(answer.await.unwrap().body().is_end_stream());
    });
}

#[test]
fn a_connection_that_the_plugin_loses_is_lost_to_the_host() {
    run(async {
        let place = Place::new();
        let Ends { mut host, mut plugin, connection, proxied: _proxied } = place.connect().await;
        let (lost, _) = host.send_request(request(), true).unwrap();
        drop(plugin.accept().await.unwrap().unwrap().0);
        drop(plugin);
        let lost = lost.await.unwrap_err();
        assert!(!lost.is_reset(), "{lost}");
        let _ = timeout(SOON, connection).await.unwrap();

        let Ends { host: mut second, mut plugin, connection, proxied: _proxied } = place.connect().await;
        let (lost, _) = second.send_request(request(), true).unwrap();
        drop(plugin.accept().await.unwrap().unwrap().0);
        plugin.abrupt_shutdown(Reason::INADEQUATE_SECURITY);
        let _ = poll_fn(|cx| plugin.poll_closed(cx)).await;
        let lost = lost.await.unwrap_err();
        assert!(!lost.is_reset(), "{lost}");
        let _ = timeout(SOON, connection).await.unwrap();
    });
}

#[test]
fn a_plugin_that_goes_in_order_answers_first() {
    run(async {
        let place = Place::new();
        let Ends { mut host, mut plugin, connection, proxied: _proxied } = place.connect().await;
        let (answer, _) = host.send_request(request(), true).unwrap();
        let (_, mut respond) = plugin.accept().await.unwrap().unwrap();
        plugin.graceful_shutdown();
        tokio::spawn(async move { poll_fn(|cx| plugin.poll_closed(cx)).await });
        let mut to = respond.send_response(response(), false).unwrap();
        to.send_data(Bytes::from_static(b"last"), true).unwrap();
        let mut body = answer.await.unwrap().into_body();
        assert_eq!(body.data().await.unwrap().unwrap(), "last");
        drop((body, host));
        timeout(SOON, connection).await.unwrap().unwrap().unwrap();
    });
}

#[test]
fn a_proxy_ends_as_its_plugin_does_and_leaves_nothing() {
    run(async {
        for (body, code, signal) in [
            ("echo more; echo '[WARN] loud' >&2; exit 7", Some(7), None),
            ("exit 0", Some(0), None),
            ("kill -SEGV $$", None, Some(11)),
            ("kill -KILL $$", None, Some(9)),
        ] {
            let place = Place::new();
            let mut proxied = place.start(body);
            proxied.line();
            let (status, out, err) = proxied.end();
            assert_eq!((status.code(), status.signal()), (code, signal), "{body}: {err}");
            if code == Some(7) {
                assert_eq!((out.as_str(), err.as_str()), ("more\n", "[WARN] loud\n"));
            }
            assert_eq!(place.left(), Vec::<String>::new(), "{body}");
        }
    });
}

/// Sends a signal to a proxy whose plugin runs.
fn signalled(place: &Place, trap: &str, signal: Signal) -> Proxied {
    let mut proxied = place.start_script(&format!("{trap}\n{}\nread -r _ <stop", place.says()));
    proxied.line();
    let pid = Pid::from_child(&proxied.child);
    kill_process(pid, signal).unwrap();
    proxied
}

#[test]
fn nothing_is_left_however_the_proxy_is_ended() {
    run(async {
        let place = Place::new();
        let proxied = signalled(&place, "trap 'exit 5' TERM", Signal::TERM);
        assert_eq!(proxied.end().0.code(), Some(5));
        assert_eq!(place.left(), Vec::<String>::new());
        // Not even what ignores everything but the last signal.
        let body = "trap '' TERM INT HUP\nsleep 1000 &";
        let mut proxied = signalled(&place, body, Signal::KILL);
        assert_eq!(proxied.child.wait().unwrap().signal(), Some(9));
        wait_until(|| crate::leftovers::running_below(place.directory.path()).is_empty(), "the end of all")
            .await;
        let temporary = || std::fs::read_dir(place.path("tmp")).unwrap().count();
        wait_until(|| temporary() == 0, "an empty directory").await;
    });
}

/// Where the host gives no place for the socket, there is no proxy, and no plugin either.
#[test]
fn a_proxy_without_a_place_for_its_socket_ends_its_plugin() {
    run(async {
        let place = Place::new();
        std::fs::remove_dir(place.path("host")).unwrap();
        let (status, out, err) = place.start("read -r _ <stop").end();
        assert_eq!((status.code(), out.as_str()), (Some(1), "1|1|"), "{err}");
        assert!(err.contains("no socket can be bound for the proxy"), "{err}");
        std::fs::create_dir(place.path("host")).unwrap();
        assert_eq!(place.left(), Vec::<String>::new());
    });
}

#[test]
fn a_first_line_that_is_none_reaches_the_host_as_it_is() {
    run(async {
        for line in [
            "Hello!",
            "1|1|unix",
            "1|1|unix|/nothing/there|grpc",
            "2|1|unix|/s|grpc",
            "1|1|tcp|192.0.2.1:9|grpc",
        ] {
            let place = Place::new();
            let (status, out, _) = place.start_script(&format!("echo '{line}'; exit 3")).end();
            assert_eq!((status.code(), out), (Some(3), format!("{line}\n")));
        }
        let place = Place::new();
        let (status, out, _) = place.start_script("printf '1|1|un'; exit 3").end();
        assert_eq!((status.code(), out.as_str()), (Some(3), "1|1|un"));
    });
}
