//! What a router serves that starts with a faulty document: nothing, and it says why. Not here: a document that becomes faulty.

use std::fs;
use std::net::UdpSocket;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::release::{Release, SIGNATURE, TRUST, in_pod, trusting};
use crate::support::{Router, document, write};

const GOOD: &[(&str, &[u16])] = &[("good.example.org", &[443])];

/// What is wrong, the code that says so, and the exit code of `check`.
type Fault = (&'static str, fn(&Path), &'static str, i32);

const FAULTS: [Fault; 21] = [
    (
        "a tampered document",
        |folder| edit(folder, "router.json", "good.example.org", "evil.example.org"),
        "other-digest",
        14,
    ),
    (
        "a tampered statement",
        |folder| edit(folder, SIGNATURE, "\"payload\":\"eyJf", "\"payload\":\"eyJg"),
        "wrong-signature",
        12,
    ),
    (
        "a tampered signature",
        |folder| edit(folder, SIGNATURE, "\"sig\":\"ME", "\"sig\":\"MA"),
        "malformed-signature",
        12,
    ),
    ("a key that nobody trusts", |folder| Release { key: 2, ..Release::of(GOOD) }.write(folder), "no-matching-key", 12),
    (
        "another agent",
        |folder| Release { agent: Some("assessor"), ..Release::of(GOOD) }.write(folder),
        "wrong-place",
        13,
    ),
    (
        "another namespace",
        |folder| Release { namespace: Some("kars-maf--x"), ..Release::of(GOOD) }.write(folder),
        "wrong-place",
        13,
    ),
    (
        "a serial below the minimum",
        |folder| Release { min_serial: u64::MAX >> 12, ..Release::of(GOOD) }.write(folder),
        "below-minimum",
        15,
    ),
    ("a serial of next week", |folder| Release { serial: 700_000, ..Release::of(GOOD) }.write(folder), "ahead", 15),
    (
        "a time that is over",
        |folder| Release { not_after: -100, grace: 10, ..Release::of(GOOD) }.write(folder),
        "expired",
        16,
    ),
    ("no signature", |folder| fs::remove_file(folder.join(SIGNATURE)).unwrap(), "unsigned", 10),
    ("an empty slot", |folder| fs::write(folder.join(SIGNATURE), "").unwrap(), "unsigned", 10),
    ("no trust file", |folder| fs::remove_file(folder.join(TRUST)).unwrap(), "unreadable", 3),
    ("a trust file that is none", |folder| fs::write(folder.join(TRUST), "{}").unwrap(), "malformed-trust", 12),
    ("no trust, and not for development", |folder| fs::remove_dir_all(folder.join("trust")).unwrap(), "unsigned", 10),
    (
        "a dev document that nobody signed",
        |folder| {
            write(folder, &document(GOOD));
            fs::remove_file(folder.join(SIGNATURE)).unwrap();
        },
        "unsigned",
        10,
    ),
    ("half of a document", |folder| cut(folder, 2), "other-digest", 14),
    ("an empty document", |folder| fs::write(folder.join("router.json"), "").unwrap(), "other-digest", 14),
    ("no document", |folder| fs::remove_file(folder.join("router.json")).unwrap(), "unreadable", 3),
    (
        "a folder in its place",
        |folder| {
            fs::remove_file(folder.join("router.json")).unwrap();
            fs::create_dir(folder.join("router.json")).unwrap();
        },
        "unreadable",
        3,
    ),
    ("origins that are none", |folder| fs::write(folder.join("origins.json"), "[]").unwrap(), "malformed-origins", 14),
    (
        "a folder of trust that is a file",
        |folder| {
            fs::remove_dir_all(folder.join("trust")).unwrap();
            fs::write(folder.join("trust"), "").unwrap();
        },
        "unreadable",
        3,
    ),
];

type Spoil = fn(&mut Vec<u8>);

/// Without a signature that covers it, what a document itself says is looked at: nobody is trusted here.
const UNSIGNED: [(&str, Spoil); 7] = [
    ("not JSON", |bytes| *bytes = b"dev: true".to_vec()),
    ("half of it", |bytes| bytes.truncate(bytes.len() / 2)),
    ("empty", Vec::clear),
    ("a list", |bytes| *bytes = b"[]".to_vec()),
    ("another version", |bytes| swap(bytes, "\"version\": 1", "\"version\": 2")),
    ("a field that nobody knows", |bytes| swap(bytes, "\"dev\": true", "\"dev\": true, \"debug\": true")),
    ("a field twice", |bytes| swap(bytes, "\"dev\": true", "\"dev\": true, \"dev\": true")),
];

fn edit(folder: &Path, name: &str, old: &str, new: &str) {
    let mut bytes = fs::read(folder.join(name)).unwrap();
    swap(&mut bytes, old, new);
    fs::write(folder.join(name), bytes).unwrap();
}

fn swap(bytes: &mut Vec<u8>, old: &str, new: &str) {
    let text = String::from_utf8(bytes.clone()).unwrap();
    assert!(text.contains(old), "there is no `{old}` in {text}");
    *bytes = text.replacen(old, new, 1).into_bytes();
}

fn cut(folder: &Path, parts: usize) {
    let bytes = fs::read(folder.join("router.json")).unwrap();
    fs::write(folder.join("router.json"), &bytes[..bytes.len() / parts]).unwrap();
}

/// Fails unless everything that an agent can ask for is refused, and the router says why.
fn serves_nothing(router: &Router, code: &str, what: &str) {
    let (status, ready) = router.ready();
    assert_eq!((status, &ready["ready"]), (503, &json!(false)), "{what}: {ready}");
    assert!(ready["problem"].as_str().unwrap().contains(&format!("({code})")), "{what}: {ready}");
    assert_eq!((router.metric("policy_ready"), router.metric("policy_stale")), (0, 1), "{what}");
    assert!(router.page("/livez").starts_with("HTTP/1.1 200 "), "{what}");
    let tool = json!({"tool": "kars.mesh.kars_discover", "args": {}});
    assert_eq!(
        router.ask("POST", "/agt/evaluate", &tool),
        (200, json!({"allowed": false, "decision": "deny", "rateLimited": false})),
        "{what}"
    );
    for (method, path, body) in [
        ("POST", "/egress/fetch", json!({"url": "https://good.example.org/"})),
        ("GET", "/egress/allowlist", Value::Null),
        ("GET", "/v1/models", Value::Null),
        ("POST", "/v1/chat/completions", json!({"messages": []})),
        ("POST", "/v1/responses", json!({"input": ""})),
        ("POST", "/anthropic/v1/messages", json!({"messages": []})),
    ] {
        let (status, answer) = router.ask(method, path, &body);
        assert_eq!((status, &answer["error"]["code"]), (503, &json!("policy.unavailable")), "{what}: {path}: {answer}");
    }
    for line in ["CONNECT good.example.org:443", "GET http://good.example.org:443/"] {
        let answer = router.say("proxy", format!("{line} HTTP/1.1\r\nhost: good.example.org:443\r\n\r\n").as_bytes());
        assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("policy.unavailable"), "{what}: {answer}");
    }
    assert_eq!(resolved(router), 2, "{what}");
}

/// The code that a question about the good host is answered with.
fn resolved(router: &Router) -> u8 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let question = b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x04good\x07example\x03org\0\0\x01\0\x01";
    socket.send_to(question, router.address("dns")).unwrap();
    let mut answer = [0; 512];
    socket.recv(&mut answer).unwrap();
    answer[3] & 15
}

#[test]
fn a_release_that_is_in_order_is_served() {
    let folder = tempfile::tempdir().unwrap();
    Release::of(GOOD).write(folder.path());
    assert_eq!(in_pod(folder.path()).arg("check").output().unwrap().status.code(), Some(0));
    let command = in_pod(folder.path());
    let router = Router::run(folder, command);
    let (status, ready) = router.ready();
    assert_eq!(
        (status, &ready["ready"], &ready["enforced"], &ready["dev"]),
        (200, &json!(true), &json!(true), &json!(false)),
        "{ready}"
    );
    assert_eq!((router.metric("policy_ready"), router.metric("policy_stale")), (1, 0));
    assert_eq!(ready["serial"].as_i64(), Some(router.metric("policy_serial")));
    let digest =
        format!("kars_router_policy_info{{digest=\"{}\",state=\"enforced\"}} 1", ready["digest"].as_str().unwrap());
    assert!(router.page("/metrics").contains(&digest), "{}", router.page("/metrics"));
    // It is allowed, and gets as far as the resolver, which is not there.
    let fetched = router.ask("POST", "/egress/fetch", &json!({"url": "https://good.example.org/"})).1;
    assert_eq!(fetched["error"]["code"], "egress.unresolved");
}

#[test]
fn a_release_that_is_not_in_order_is_not_served() {
    for (what, spoil, code, exit) in FAULTS {
        let folder = tempfile::tempdir().unwrap();
        Release::of(GOOD).write(folder.path());
        spoil(folder.path());
        let output = in_pod(folder.path()).arg("check").output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(exit), "{what}: {told}");
        assert!(told.contains(&format!("({code})")), "{what}: {told}");
        let command = in_pod(folder.path());
        serves_nothing(&Router::run(folder, command), code, what);
    }
}

#[test]
fn a_document_that_cannot_be_read_is_not_served() {
    for (what, spoil) in UNSIGNED {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &document(GOOD));
        let mut bytes = fs::read(folder.path().join("router.json")).unwrap();
        spoil(&mut bytes);
        fs::write(folder.path().join("router.json"), bytes).unwrap();
        // The folder of trust that is named is not there, so that this may be a dev document.
        let command = trusting(folder.path());
        serves_nothing(&Router::run(folder, command), "malformed-document", what);
    }
}

#[test]
fn what_is_older_than_what_was_served_is_not_served_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    Release::of(GOOD).write(folder.path());
    let command = in_pod(folder.path());
    let folder = Router::run(folder, command).ended();
    for (serial, document, code) in [(-5000, GOOD, "rollback"), (-1000, &[], "equivocation")] {
        let accepted: Value = serde_json::from_slice(&fs::read(folder.path().join("accepted.json")).unwrap()).unwrap();
        let exactly = i64::try_from(accepted["serial"].as_u64().unwrap()).unwrap()
            - i64::try_from(crate::release::now()).unwrap();
        let serial = if serial == -1000 { exactly } else { serial };
        let copy = tempfile::tempdir().unwrap();
        fs::copy(folder.path().join("accepted.json"), copy.path().join("accepted.json")).unwrap();
        Release { serial, ..Release::of(document) }.write(copy.path());
        let command = in_pod(copy.path());
        serves_nothing(&Router::run(copy, command), code, code);
    }
    fs::write(folder.path().join("accepted.json"), "{").unwrap();
    let command = in_pod(folder.path());
    serves_nothing(&Router::run(folder, command), "unknown-serial", "a memory that is damaged");
}

#[test]
fn time_alarms_first_and_ends_everything_later() {
    let folder = tempfile::tempdir().unwrap();
    Release { not_after: 3, grace: 4, ..Release::of(GOOD) }.write(folder.path());
    let command = in_pod(folder.path());
    let router = Router::run(folder, command);
    router.wait_until("the alarm", |router| router.metric("policy_stale") == 1);
    let (status, ready) = router.ready();
    assert_eq!((status, &ready["ready"]), (200, &json!(true)), "{ready}");
    assert!(ready["stale"].as_str().unwrap().contains("should have been renewed"), "{ready}");
    assert_eq!(router.ask("GET", "/egress/allowlist", &Value::Null).0, 200, "it still counts");
    router.wait_until("the end", |router| router.ready().0 == 503);
    assert!(router.ready().1["problem"].as_str().unwrap().contains("has ended"));
    let (status, answer) = router.ask("GET", "/egress/allowlist", &Value::Null);
    assert_eq!((status, &answer["error"]["code"]), (503, &json!("policy.unavailable")));
    router.wait_until("the metric", |router| router.metric("policy_ready") == 0);
    // The same document, signed anew, needs no other pod.
    Release { serial: -10, ..Release::of(GOOD) }.write(router.folder());
    router.wait_until("the renewal", |router| router.ready().0 == 200 && router.metric("policy_stale") == 0);
    assert_eq!(router.ask("GET", "/egress/allowlist", &Value::Null).0, 200);
}
