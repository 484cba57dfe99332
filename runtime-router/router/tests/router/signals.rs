//! What the system tells a router: to end, to end at once, and what it does not listen to. Not here: what ends with it in a network
//! (`tests/router-net`).

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Router, command, document, write};

/// How long an end may take where nothing is waited for; a head that never ends takes ten seconds.
const AT_ONCE: Duration = Duration::from_secs(5);

/// A client that has said half of what it wants, and keeps the router from ending.
fn half(router: &Router) -> TcpStream {
    let mut client = TcpStream::connect(router.address("proxy")).unwrap();
    client.write_all(b"CONNECT good").unwrap();
    // Whoever came later has been taken, so this one was.
    assert!(router.say("proxy", b"GET / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 400 "));
    client
}

fn serves(router: &Router, what: &str) {
    let (_, reply) = router.ask("POST", "/egress/fetch", &json!({"url": "https://evil.example.org/"}));
    assert_eq!(reply["error"]["code"], "egress.denied", "{what}: {reply}");
    assert_eq!(router.ready().0, 200, "{what}");
}

#[test]
fn one_signal_waits_for_what_is_under_way_and_a_second_does_not() {
    for signals in [["TERM", "TERM"], ["TERM", "INT"], ["INT", "TERM"]] {
        let mut router = Router::start(&[]);
        let mut client = half(&router);
        router.signal(signals[0]);
        let until = Instant::now() + AT_ONCE;
        // Nobody is told any more that it is ready, and nothing new is taken.
        for listener in ["admin", "api", "proxy"] {
            while TcpStream::connect(router.address(listener)).is_ok() {
                assert!(Instant::now() < until, "{listener} still listens");
                sleep(Duration::from_millis(20));
            }
        }
        assert_eq!(router.status(), None, "it waits for its client");
        let asked = Instant::now();
        router.signal(signals[1]);
        let status = router.ends();
        assert!(asked.elapsed() < AT_ONCE, "{signals:?}: {:?}", asked.elapsed());
        assert_eq!(status.code(), Some(3), "{signals:?}: something was cut off");
        assert_eq!(client.read(&mut [0]).unwrap_or(0), 0, "{signals:?}");
        let verified = command(router.folder()).args(["audit", "verify"]).output().unwrap();
        assert!(verified.status.success(), "{signals:?}: {}", String::from_utf8_lossy(&verified.stderr));
    }
    let mut router = Router::start(&[]);
    let mut client = half(&router);
    router.signal("TERM");
    client.write_all(b".example.org:443 HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 403 "), "what was under way is finished: {answer}");
    assert_eq!(router.ends().code(), Some(0));
}

#[test]
fn other_signals_change_nothing() {
    let mut router = Router::start(&[]);
    for signal in ["HUP", "USR1", "USR2", "PIPE", "ALRM", "WINCH", "CHLD"] {
        router.signal(signal);
        serves(&router, signal);
        assert_eq!(router.status(), None, "{signal}");
    }
    router.signal("STOP");
    sleep(Duration::from_secs(2));
    router.signal("CONT");
    serves(&router, "it was stopped for a while");
    router.rewrite(&[("good.example.org", &[443])]);
    router.wait_until("a document is still looked for", |router| {
        let asked = json!({"url": "http://good.example.org:81/"});
        router.ask("POST", "/egress/fetch", &asked).1["error"]["rule"].is_string()
    });
    router.signal("TERM");
    assert_eq!(router.ends().code(), Some(0));
}

#[test]
fn a_log_that_nobody_reads_any_more_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &document(&[]));
    let command = command(folder.path());
    let router = Router::run_unread(folder, command);
    for _ in 0..20 {
        serves(&router, "its log has no reader");
        assert!(router.say("proxy", b"CONNECT evil.example.org:443 HTTP/1.1\r\nhost: a\r\n\r\n").contains(" 403 "));
    }
}
