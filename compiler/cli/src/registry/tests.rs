//! Peers that are silent, slow or gone, with limits that are shorter than anybody's patience. Not here: what is served.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::*;

const SHORT: Limits = Limits {
    manifest: 1000,
    blob: 1000,
    idle: Duration::from_millis(100),
    total: Duration::from_millis(400),
    pause: Duration::from_millis(1),
};

/// Asks for a tag at a peer that does so with each connection; what came of it, how many connections there were, and how
/// long it took.
fn asked(limits: Limits, answer: fn(&mut TcpStream)) -> (String, usize, Duration) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            counted.fetch_add(1, Ordering::SeqCst);
            thread::spawn(move || {
                let mut request = [0; 4096];
                drop(stream.read(&mut request));
                answer(&mut stream);
            });
        }
    });
    let address: Address = format!("oci://{host}/acme/brief:prod").parse().unwrap();
    let registry = Registry::with_limits(&address, Access::Pull, Transport::Secure, limits).unwrap();
    let start = Instant::now();
    let outcome = registry.manifest("prod");
    let text = outcome.map_or_else(|fault| format!("{fault:?}"), |content| content.digest.to_string());
    (text, count.load(Ordering::SeqCst), start.elapsed())
}

fn send(stream: &mut TcpStream, text: &str) {
    drop(stream.write_all(text.as_bytes()));
}

fn silent(_: &mut TcpStream) {
    thread::sleep(Duration::from_mins(1));
}

/// A byte in time, always.
fn dripping(stream: &mut TcpStream) {
    send(stream, "HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n");
    while stream.write_all(b" ").is_ok() {
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn nobody_waits_for_a_peer_that_says_nothing() {
    let (fault, connections, time) = asked(SHORT, silent);
    assert!(fault.starts_with("Slow"), "{fault}");
    assert_eq!(connections, 1, "silence is not asked twice");
    assert!(time < Duration::from_secs(20), "{time:?}");
    let (fault, _, _) = asked(SHORT, |stream| {
        send(stream, "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n1");
        silent(stream);
    });
    assert!(fault.starts_with("Slow"), "{fault}");
}

#[test]
fn a_byte_in_time_is_not_enough_for_ever() {
    let patient = Limits { idle: Duration::from_mins(1), ..SHORT };
    let (fault, _, time) = asked(patient, dripping);
    assert!(fault.starts_with("Slow"), "{fault}");
    assert!(time < Duration::from_secs(20), "{time:?}");
}

#[test]
fn who_hangs_up_is_asked_again_and_not_for_ever() {
    let patient = Limits { total: Duration::from_mins(1), ..SHORT };
    let (fault, connections, _) = asked(patient, |_| ());
    assert!(fault.starts_with("Unreachable"), "{fault}");
    assert_eq!(connections, 4);
    let (fault, connections, _) =
        asked(patient, |stream| send(stream, "HTTP/1.1 429 \r\ncontent-length: 0\r\nconnection: close\r\n\r\n"));
    assert!(fault.contains("status: 429"), "{fault}");
    assert_eq!(connections, 4);
}

#[test]
fn what_may_take_how_long_and_how_much_is_written_in_the_decision() {
    let Limits { manifest, blob, idle, total, pause } = Limits::PULL;
    assert_eq!((manifest, blob, idle.as_secs(), total.as_secs(), pause.as_millis()), (4 << 20, 64 << 20, 30, 300, 250));
    assert_eq!((Limits::PUSH.idle, Limits::PUSH.total.as_secs()), (idle, 1800));
}
