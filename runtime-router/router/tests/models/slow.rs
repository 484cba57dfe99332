//! Streams for a client that does not keep up, or does not stay. Not here: clients that read to the end.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::inference::alone;
use crate::provider::{Provider, end, events, piece};
use crate::support::Router;

/// A client that has asked for a stream.
pub(crate) fn asking(router: &Router) -> TcpStream {
    let mut client = TcpStream::connect(router.api()).expect("it listens");
    ask(&mut client, "close");
    client
}

/// Asks for a stream, after which the connection is closed or kept.
fn ask(client: &mut TcpStream, connection: &str) {
    let body = json!({"model": "gpt-5", "messages": [], "stream": true}).to_string();
    let head = format!("POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: {connection}");
    let length = body.len();
    let request = format!("{head}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}");
    client.write_all(request.as_bytes()).expect("it reads");
}

/// What the agent has used today, once nothing is set aside any more.
pub(crate) fn used(router: &Router) -> u64 {
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        let budgets: Value = serde_json::from_str(&router.ctl("budgets")).expect("it is JSON");
        if budgets["used"]["reserved"] == 0 {
            return budgets["used"]["day"].as_u64().expect("it is a number");
        }
        assert!(Instant::now() < until, "{budgets}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn who_leaves_after_the_last_event_pays_what_it_says_and_who_leaves_before_pays_all() {
    const USAGE: &str = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":20,\"completion_tokens\":10}}\n\n";
    for (last, cost) in [("data: [DONE]\n\n", 30..31), (": not yet\n\n", 1000..u64::MAX)] {
        let over = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&over);
        // It does not end its answer, as if it took its time.
        let provider = Provider::start(move |_, _, stream| {
            let sent = events(stream) && piece(stream, &format!("{USAGE}{last}"));
            while !until.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_millis(20));
            }
            sent && end(stream)
        });
        let router = alone(&provider, &json!({"tokensPerDay": 10_000_000}));
        let mut client = asking(&router);
        let (mut read, mut bytes) = (Vec::new(), [0; 4096]);
        while !String::from_utf8_lossy(&read).contains(last.trim_end()) {
            let length = client.read(&mut bytes).expect("it answers");
            assert!(length > 0, "{}", String::from_utf8_lossy(&read));
            read.extend_from_slice(&bytes[..length]);
        }
        drop(client);
        let used = used(&router);
        assert!(cost.contains(&used), "{last:?}: {used}");
        over.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_stream_that_nobody_reads_ends_with_what_allowed_it() {
    let (sent, hung_up) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let (count, seen) = (Arc::clone(&sent), Arc::clone(&hung_up));
    let provider = Provider::start(move |_, _, stream| {
        let event = format!("data: {{\"choices\":[],\"text\":\"{}\"}}\n\n", "x".repeat(8000));
        let mut goes_on = events(stream);
        while goes_on {
            goes_on = piece(stream, &event);
            count.fetch_add(1, Ordering::Relaxed);
        }
        seen.store(true, Ordering::Relaxed);
        end(stream)
    });
    let router = alone(&provider, &json!({}));
    let mut client = asking(&router);
    // Once every buffer between the provider and the client is full, nothing moves.
    let mut before = u64::MAX;
    while before != sent.load(Ordering::Relaxed) || before == 0 {
        before = sent.load(Ordering::Relaxed);
        thread::sleep(Duration::from_millis(500));
    }
    assert!(!hung_up.load(Ordering::Relaxed), "as long as it is allowed, the provider waits for the client");
    router.rewrite(|document| document["inference"]["allowed"][0]["names"] = json!(["main"]));
    let until = Instant::now() + Duration::from_secs(10);
    while !hung_up.load(Ordering::Relaxed) {
        assert!(Instant::now() < until, "the provider is hung up on though the client reads nothing");
        thread::sleep(Duration::from_millis(20));
    }
    let mut answer = String::new();
    client.read_to_string(&mut answer).expect("it is text");
    let end = &answer[answer.len().saturating_sub(600)..];
    assert!(end.contains("event: error") && end.contains("`gpt-5` is no longer allowed"), "{end}");
}

#[test]
fn streams_that_nobody_reads_take_no_memory() {
    const CLIENTS: usize = 20;
    let sent = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&sent);
    let provider = Provider::start(move |_, _, stream| {
        let event = format!("data: {{\"choices\":[],\"text\":\"{}\"}}\n\n", "x".repeat(64 * 1024));
        // As much as the router lets pass of one answer, at once.
        let mut goes_on = events(stream);
        for _ in 0..480 {
            goes_on = goes_on && piece(stream, &event);
            count.fetch_add(u64::from(goes_on), Ordering::Relaxed);
        }
        goes_on && piece(stream, "data: [DONE]\n\n") && end(stream)
    });
    let router = alone(&provider, &json!({}));
    let before = router.memory();
    let clients: Vec<TcpStream> = (0..CLIENTS).map(|_| asking(&router)).collect();
    let (mut seen, mut still) = (0, 0);
    while still < 4 {
        thread::sleep(Duration::from_millis(400));
        let now = sent.load(Ordering::Relaxed);
        still = if now == seen && now >= 2 * CLIENTS as u64 { still + 1 } else { 0 };
        seen = now;
    }
    let whole = 480 * CLIENTS as u64;
    assert!(seen < whole, "the provider waits: {seen} of {whole} events are sent");
    let grown = router.memory().saturating_sub(before);
    assert!(grown < 48, "{grown} MiB for {CLIENTS} clients that do not read");
    let mut answer = String::new();
    let mut client = clients.into_iter().next().expect("there are some");
    client.read_to_string(&mut answer).expect("it is text");
    assert!(answer.len() > 480 * 64 * 1024, "who reads after all gets all of it: {} bytes", answer.len());
    assert!(answer.contains("data: [DONE]"));
    let grown = router.memory().saturating_sub(before);
    assert!(grown < 48, "{grown} MiB once one has read all of it");
}

/// How many of the events of a stream arrive before the next one is sent, which is a moment later.
fn arrived_in_time(client: &mut TcpStream, order: &Mutex<Vec<(bool, usize)>>) -> usize {
    order.lock().expect("nobody panics with it").clear();
    ask(client, "keep-alive");
    let (mut read, mut bytes, mut found) = (String::new(), [0; 4096], 0);
    loop {
        let length = client.read(&mut bytes).expect("it answers");
        read.push_str(&String::from_utf8_lossy(&bytes[..length]));
        let mut order = order.lock().expect("nobody panics with it");
        while read.contains(&format!("\"n\":{found},")) {
            order.push((false, found));
            found += 1;
        }
        if length == 0 || read.ends_with("\r\n0\r\n\r\n") {
            assert_eq!(found, PACED, "{read}");
            let place = |what| order.iter().position(|entry| *entry == what).expect("it has happened");
            return (0..PACED - 1).filter(|event| place((false, *event)) < place((true, event + 1))).count();
        }
    }
}

const PACED: usize = 20;
/// Less than the 40 ms for which a system may wait before it acknowledges.
const PACE: Duration = Duration::from_millis(10);

#[test]
fn every_event_of_a_stream_passes_before_the_next_one_comes() {
    let order = Arc::new(Mutex::new(Vec::new()));
    let sent = Arc::clone(&order);
    let provider = Provider::start(move |_, _, stream| {
        stream.set_nodelay(true).expect("a socket has options");
        let mut goes_on = events(stream);
        for number in 0..PACED {
            thread::sleep(PACE);
            sent.lock().expect("nobody panics with it").push((true, number));
            goes_on = goes_on && piece(stream, &format!("data: {{\"choices\":[],\"n\":{number},\"x\":0}}\n\n"));
        }
        thread::sleep(PACE);
        goes_on && piece(stream, "data: [DONE]\n\n") && end(stream)
    });
    let router = alone(&provider, &json!({}));
    // A machine that is busy may hold some up, but not of every stream for a minute. A socket that gathers what is written holds up some
    // of every stream but the first, as the client's system acknowledges late once there have been several questions and answers.
    let mut client = TcpStream::connect(router.api()).expect("it listens");
    (0..3).for_each(|_| assert!(arrived_in_time(&mut client, &order) > 0));
    let (began, mut best) = (Instant::now(), 0);
    // All but the last have a next one.
    while best < PACED - 1 && began.elapsed() < Duration::from_mins(1) {
        best = best.max(arrived_in_time(&mut client, &order));
    }
    assert_eq!(best, PACED - 1);
}
