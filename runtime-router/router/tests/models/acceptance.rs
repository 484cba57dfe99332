//! What a router must do that others were seen not to: broken bodies, paced streams, split counts, full houses. Not here: hosts.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::inference::alone;
use crate::provider::{Provider, end, events, piece, whole};

/// Every route that takes a request to a model, with the least that it takes.
const ROUTES: [(&str, &str); 5] = [
    ("/v1/responses", r#"{"input":"x"}"#),
    ("/v1/chat/completions", r#"{"messages":[]}"#),
    ("/v1/completions", r#"{"prompt":"x"}"#),
    ("/v1/embeddings", r#"{"input":"x"}"#),
    ("/v1/images/generations", r#"{"prompt":"x"}"#),
];

#[test]
fn an_answer_may_be_cut_anywhere_also_in_a_letter() {
    // Three bytes a letter, so that some cut falls into every place of one.
    let text = format!(r#"{{"choices":[{{"message":{{"content":"{}€"}}}}],"usage":null}}"#, "a".repeat(198));
    let sent = text.clone();
    let provider = Provider::start(move |number, _, stream| {
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", sent.len());
        let (left, right) = sent.as_bytes().split_at(sent.len() - 22 + number);
        let sent = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(left));
        thread::sleep(Duration::from_millis(5));
        sent.and_then(|()| stream.write_all(right)).is_ok()
    });
    let router = alone(&provider, &json!({}));
    for _ in 0..12 {
        let answer = router.post("/v1/chat/completions", &[], r#"{"messages":[]}"#);
        assert_eq!((answer.status, &answer.body), (200, &text));
    }
}

#[test]
fn a_body_that_is_no_request_is_told_so_on_every_route() {
    let provider = Provider::start(|_, _, stream| whole(stream, 200, "", "{}"));
    let router = alone(&provider, &json!({}));
    let others = ["/anthropic/v1/messages", "/agt/evaluate", "/egress/fetch"];
    for path in ROUTES.iter().map(|(path, _)| *path).chain(others) {
        for body in ["[]", "", "null", "7", "\"x\"", "{", "[[]]", "{\"\u{0}\":1}", "{}{}"] {
            let answer = router.post(path, &[], body);
            assert_eq!(
                (answer.status, answer.json()["error"]["code"].as_str()),
                (400, Some("args.wrong")),
                "{path} {body}"
            );
            assert_eq!(answer.header("content-type"), Some("application/json"), "{path} {body}");
        }
    }
    assert_eq!(provider.asked().len(), 0);
    for (path, body) in ROUTES {
        assert_eq!(
            router.post(path, &[("content-type", "text/odd")], body).status,
            200,
            "{path}: what it says it is does not matter"
        );
    }
}

#[test]
fn type_and_retry_after_reach_the_client_on_every_route() {
    let provider = Provider::start(|number, _, stream| {
        let status = if number % 2 == 0 { 200 } else { 400 };
        whole(stream, status, "retry-after: 17\r\nx-ratelimit-remaining-requests: 3\r\n", "{}")
    });
    let router = alone(&provider, &json!({}));
    for (path, body) in ROUTES {
        for status in [200, 400] {
            let answer = router.post(path, &[], body);
            assert_eq!(answer.status, status, "{path}");
            assert_eq!(answer.header("content-type"), Some("application/json"), "{path}");
            assert_eq!(answer.header("retry-after"), Some("17"), "{path}");
            assert_eq!(answer.header("x-ratelimit-remaining-requests"), Some("3"), "{path}");
        }
    }
}

#[test]
fn a_stream_lasts_as_long_as_something_comes_and_ends_with_an_event() {
    let still = Arc::new(AtomicBool::new(false));
    let provider = {
        let still = Arc::clone(&still);
        Provider::start(move |_, _, stream| {
            let event = "data: {\"choices\":[]}\n\n";
            if still.load(Ordering::Relaxed) {
                let sent = events(stream) && piece(stream, event);
                thread::sleep(Duration::from_secs(8));
                return sent && end(stream);
            }
            // Each pause is shorter than the limit, all of them are several times as long.
            let mut goes_on = events(stream);
            for _ in 0..12 {
                thread::sleep(Duration::from_millis(700));
                goes_on = goes_on && piece(stream, event);
            }
            goes_on && piece(stream, "data: [DONE]\n\n") && end(stream)
        })
    };
    let router = alone(&provider, &json!({}));
    router.rewrite(|document| document["limits"]["inferenceIdleSeconds"] = json!(2));
    while !router.admin("/metrics").body.contains("kars_router_policy_generation 2") {
        thread::sleep(Duration::from_millis(50));
    }
    let ask = || router.post("/v1/chat/completions", &[], r#"{"messages":[],"stream":true}"#).body;
    let began = Instant::now();
    let answer = ask();
    assert!(answer.ends_with("data: [DONE]\n\n") && !answer.contains("event: error"), "{answer}");
    assert!(began.elapsed() > Duration::from_secs(8));
    still.store(true, Ordering::Relaxed);
    let answer = ask();
    assert!(answer.contains("event: error") && answer.contains("has sent nothing for 2 s"), "{answer}");
}

#[test]
fn a_count_is_read_wherever_a_stream_is_cut() {
    let text = concat!(
        "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":",
        "{\"usage\":{\"input_tokens\":20,\"output_tokens\":10}}}\n\n"
    );
    let provider = Provider::start(move |number, _, stream| {
        let (left, right) = text.split_at(number + 1);
        let sent = events(stream) && piece(stream, left);
        thread::sleep(Duration::from_millis(2));
        sent && (right.is_empty() || piece(stream, right)) && end(stream)
    });
    let router = alone(&provider, &json!({"tokensPerDay": 1_000_000_000}));
    for place in 0..text.len() {
        let answer = router.post("/v1/responses", &[], r#"{"input":"x","stream":true}"#);
        assert_eq!(answer.body, text, "{place}");
    }
    let budgets: Value = serde_json::from_str(&router.ctl("budgets")).expect("it is JSON");
    assert_eq!(budgets["used"], json!({"day": 30 * text.len(), "month": 30 * text.len(), "reserved": 0}));
}

#[test]
fn what_waits_for_others_holds_nobody_else_up() {
    let over = Arc::new(AtomicBool::new(false));
    let until = Arc::clone(&over);
    let provider = Provider::start(move |_, _, stream| {
        let mut goes_on = events(stream);
        while goes_on && !until.load(Ordering::Relaxed) {
            goes_on = piece(stream, "data: {\"choices\":[]}\n\n");
            thread::sleep(Duration::from_secs(1));
        }
        goes_on
    });
    let router = alone(&provider, &json!({}));
    let slow: Vec<TcpStream> = (0..512).map(|_| stream_at(router.api())).collect();
    // The rest is told to come again, and those that pass are under way.
    let statuses: Vec<u16> = slow.iter().map(status).collect();
    let count = |wanted| statuses.iter().filter(|status| **status == wanted).count();
    assert_eq!((count(200), count(503)), (256, 256));
    let mut times: Vec<Duration> = Vec::new();
    for _ in 0..200 {
        let began = Instant::now();
        let answer = router.post("/agt/evaluate", &[], r#"{"tool":"hermes.file.none","args":{}}"#);
        assert_eq!((answer.status, &answer.json()["allowed"]), (200, &json!(false)));
        assert_eq!(router.admin("/livez").status, 200);
        times.push(began.elapsed());
    }
    times.sort_unstable();
    assert!(times[times.len() / 2] < Duration::from_millis(100), "{:?}", times[times.len() / 2]);
    drop(slow);
    over.store(true, Ordering::Relaxed);
}

fn stream_at(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("the router listens");
    let body = r#"{"messages":[],"stream":true}"#;
    let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: ";
    stream.write_all(format!("{head}{}\r\n\r\n{body}", body.len()).as_bytes()).expect("it is taken");
    stream
}

fn status(mut stream: &TcpStream) -> u16 {
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a socket has timeouts");
    let mut head = [0; 12];
    stream.read_exact(&mut head).expect("an answer comes");
    std::str::from_utf8(&head[9..]).expect("it is text").parse().expect("it is a status")
}
