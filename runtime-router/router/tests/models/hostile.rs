//! Requests that are meant to harm: too large, framed in two ways, with heads that never end. Not here: those to the proxy, which
//! `tests/router-net` sends.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use crate::inference::alone;
use crate::provider::{Provider, whole};
use crate::support::Router;

const MIB: usize = 1024 * 1024;

/// Everything that the agent API answers to these bytes until it closes.
fn raw(router: &Router, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(router.api()).expect("the router listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a socket has timeouts");
    // A request that is refused early may not be taken whole.
    stream.write_all(bytes).ok();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok();
    String::from_utf8_lossy(&answer).into_owned()
}

fn head(headers: &str) -> String {
    format!("POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n{headers}\r\n")
}

#[test]
fn a_body_of_ten_mebibytes_passes_and_one_byte_more_does_not() {
    let provider = Provider::start(|_, _, stream| whole(stream, 200, "", "{}"));
    let router = alone(&provider, &json!({}));
    let frame = "{\"messages\":[],\"x\":\"\"}".len();
    let body = |size: usize| format!("{{\"messages\":[],\"x\":\"{}\"}}", "a".repeat(size - frame));
    for (size, status, arrived) in [(10 * MIB, 200, 1), (10 * MIB + 1, 413, 2)] {
        let body = body(size);
        assert_eq!(router.post("/v1/chat/completions", &[], &body).status, status, "{size}");
        assert_eq!(provider.asked().len(), arrived, "{size}");
        // The same without a length that says so before.
        let chunked = head("transfer-encoding: chunked\r\n") + &format!("{size:x}\r\n{body}\r\n0\r\n\r\n");
        let answer = raw(&router, chunked.as_bytes());
        assert!(answer.is_empty() || answer.starts_with(&format!("HTTP/1.1 {status} ")), "{size}: {answer}");
    }
    assert_eq!(provider.asked().len(), 2);
}

#[test]
fn a_head_has_an_end() {
    let provider = Provider::start(|_, _, stream| whole(stream, 200, "", "{}"));
    let router = alone(&provider, &json!({}));
    let body = r#"{"messages":[]}"#;
    let ask = |headers: String| {
        raw(&router, (head(&format!("content-length: {}\r\n{headers}", body.len())) + body).as_bytes())
    };
    for (what, headers, status) in [
        ("a few headers", "x: 1\r\n".repeat(50), "200"),
        ("8 KiB of headers", format!("x: {}\r\n", "a".repeat(8 * 1024)), "200"),
        ("1,000 headers", "x: 1\r\n".repeat(1000), "431"),
        ("17 KiB of headers", format!("x: {}\r\n", "a".repeat(17 * 1024)), "431"),
        ("1 MiB of headers", format!("x: {}\r\n", "a".repeat(MIB)), "431"),
        ("a NUL", "x: a\0b\r\n".to_owned(), "400"),
        ("a bare return", "x: a\rb\r\n".to_owned(), "400"),
        ("a name with a space", "x y: 1\r\n".to_owned(), "400"),
        ("a name without letters", ": 1\r\n".to_owned(), "400"),
        ("a folded line", "x: 1\r\n folded: 1\r\n".to_owned(), "400"),
    ] {
        let answer = ask(headers);
        // Who sends megabytes may find the connection closed before there is an answer to read.
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")) || (what.contains("MiB") && answer.is_empty()),
            "{what}: {answer}"
        );
    }
    assert_eq!(provider.asked().len(), 2);
}

#[test]
fn nothing_rides_along_behind_a_request() {
    let provider = Provider::start(|_, _, stream| whole(stream, 200, "", "{}"));
    let router = alone(&provider, &json!({}));
    let hidden = "POST /v1/embeddings HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 13\r\n\r\n{\"input\":\"x\"}";
    let body = r#"{"messages":[]}"#;
    let length = body.len();
    for framing in [
        format!("content-length: {length}\r\ncontent-length: 0\r\n"),
        format!("content-length: {length}, {length}\r\n"),
        format!("content-length: +{length}\r\n"),
        format!("content-length: 0x{length:x}\r\n"),
        "content-length: -1\r\n".to_owned(),
        "content-length: 18446744073709551616\r\n".to_owned(),
        "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n".to_owned(),
        "transfer-encoding: xchunked\r\n".to_owned(),
        "transfer-encoding: chunked, identity\r\n".to_owned(),
        "transfer-encoding : chunked\r\n".to_owned(),
        format!("transfer-encoding: chunked\r\ncontent-length: {length}\r\n"),
        format!("content-length: {length}\r\ntransfer-encoding: chunked\r\n"),
    ] {
        let answer = raw(&router, (head(&framing) + body + hidden).as_bytes());
        assert!(answer.starts_with("HTTP/1.1 400 ") || answer.is_empty(), "{framing:?}: {answer}");
    }
    assert_eq!(provider.asked().len(), 0, "{:?}", provider.asked());
    let close = head(&format!("content-length: {length}\r\n")) + body + hidden;
    assert!(raw(&router, close.as_bytes()).starts_with("HTTP/1.1 200 "), "control");
    let paths: Vec<String> = provider.asked().into_iter().map(|asked| asked.path).collect();
    assert_eq!(paths, ["/v1/chat/completions"], "nothing is read behind the last request of a connection");
}
