//! What leaves and what does not, as far as it can be seen without a way out: a refusal comes before any lookup.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::Router;

const GOOD: &[(&str, &[u16])] = &[("good.example.org", &[443]), ("*.wild.example.org", &[80])];

#[test]
fn every_way_out_refuses_alike() {
    let router = Router::start(GOOD);
    assert_eq!(router.ready().0, 200);
    let connect =
        |target: &str| router.say("proxy", format!("CONNECT {target} HTTP/1.1\r\nhost: a\r\n\r\n").as_bytes());
    for (target, start) in [
        ("evil.example.org:443", "HTTP/1.1 403 not allowed: `evil.example.org:443` is refused: host-not-listed"),
        (
            "good.example.org:80",
            "HTTP/1.1 403 not allowed: `good.example.org:80` is refused: port-not-listed (egress[0])",
        ),
        ("a.b.wild.example.org:80", "HTTP/1.1 403 not allowed: "),
        ("169.254.169.254:80", "HTTP/1.1 403 not allowed: `169.254.169.254` is an address that no agent may reach"),
        ("good.example.org", "HTTP/1.1 400 "),
        // What is allowed gets as far as the resolver, which is not there.
        ("good.example.org:443", "HTTP/1.1 502 "),
    ] {
        let answer = connect(target);
        assert!(answer.starts_with(start), "{target}: {answer}");
    }
    for (url, code) in [
        ("https://evil.example.org/", "egress.denied"),
        ("http://good.example.org/", "egress.denied"),
        ("http://[::1]/", "egress.special_use"),
        ("https://good.example.org@evil.example.org/", "args.wrong"),
        ("https://good.example.org/", "egress.unresolved"),
    ] {
        let (_, reply) = router.ask("POST", "/egress/fetch", &json!({"url": url}));
        assert_eq!(reply["error"]["code"], code, "{url}: {reply}");
        assert!(reply["error"]["help"].is_string(), "{url}");
    }
    let answer = router.say("proxy", b"GET http://evil.example.org/ HTTP/1.1\r\nhost: evil.example.org\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("egress.denied"), "{answer}");
    let metrics = router.page("/metrics");
    // One of them is the router's probe of itself.
    assert!(
        metrics.contains("kars_router_decisions_total{kind=\"connect\",outcome=\"host-not-listed\"} 3"),
        "{metrics}"
    );
}

#[test]
fn a_document_that_narrows_is_in_force_at_once() {
    let router = Router::start(GOOD);
    let ask =
        || router.ask("POST", "/egress/fetch", &json!({"url": "https://good.example.org/"})).1["error"]["code"].clone();
    assert_eq!(ask(), "egress.unresolved");
    router.rewrite(&[]);
    let began = Instant::now();
    while ask() != "egress.denied" {
        assert!(began.elapsed() < Duration::from_secs(5));
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn what_is_no_request_is_told_so() {
    let router = Router::start(GOOD);
    for bytes in
        [&b"\x05\x01\x00"[..], b"\r\n\r\n", b"GET / HTTP/1.1\nhost: a\n\n", b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"]
    {
        let answer = router.say("proxy", bytes);
        assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("args.wrong"), "{bytes:?}: {answer}");
    }
    // A handshake is answered in its own protocol.
    let answer = router.say("proxy", b"\x16\x03\x01\x00\x04\x02\x00\x00\x00");
    assert!(answer.as_bytes().starts_with(&[21, 3, 3, 0, 2, 2]), "{answer:?}");
}
