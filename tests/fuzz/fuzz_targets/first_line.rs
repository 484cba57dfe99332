//! Any bytes as the requests of a connection to the proxy, the first of them saying how they are cut: however that is, the same is
//! passed on or refused, and hyper, which answers what is passed on, finds no request that we did not.
#![no_main]

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use kars_router::proxy::fuzz::passed;
use libfuzzer_sys::fuzz_target;

/// Method and target of each request that hyper reads.
fn hyper_reads(bytes: &[u8]) -> Vec<String> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let service = service_fn(|request: Request<Incoming>| {
        let seen = Arc::clone(&seen);
        async move {
            seen.lock().expect("nobody panics").push(format!("{} {}", request.method(), request.uri()));
            let _ = request.into_body().collect().await;
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }
    });
    let stream = TokioIo::new(tokio::io::join(bytes, tokio::io::sink()));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime without drivers");
    let _ = runtime.block_on(http1::Builder::new().serve_connection(stream, service));
    Arc::into_inner(seen).expect("the connection has ended").into_inner().expect("nobody panics")
}

/// Method and target of a head that was read byte by byte: bodies then pass in pieces that do not end like a head.
fn line(head: &[u8]) -> Option<String> {
    let line = head.strip_suffix(b"\r\n\r\n")?.split(|byte| *byte == b'\n').next()?;
    String::from_utf8_lossy(line).rsplit_once(' ').map(|(line, _)| line.to_owned())
}

fuzz_target!(|bytes: &[u8]| {
    let Some((size, sent)) = bytes.split_first() else { return };
    let step = usize::from(*size).max(1);
    let (single, cut) = (passed(sent, 1..sent.len()), passed(sent, (step..sent.len()).step_by(step)));
    assert_eq!(single.as_ref().map(|pieces| pieces.concat()), cut.map(|pieces| pieces.concat()));
    let Some(pieces) = single else { return };
    let ours: Vec<_> = pieces.iter().filter_map(|piece| line(piece)).collect();
    let theirs = hyper_reads(&pieces.concat());
    assert!(theirs.len() <= ours.len(), "{theirs:?} {ours:?}");
    for (theirs, ours) in theirs.iter().zip(&ours) {
        let (method, _) = ours.split_once(' ').expect("a line has a method and a target");
        assert_eq!(theirs.split_once(' ').map(|(method, _)| method), Some(method));
    }
});
