//! Registries that lie, stall, redirect and flood. Each is met with a documented exit code, one message and no more than so
//! much memory. Not here: silence, which `registry` asks about inside the program with a shorter limit.

use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::fake::{Answer, Fake, Request, Store};
use super::scene::{LAYER, compressed, manifest, of_layers, published, signed, verify};
use crate::signed::refused;
use crate::support::{Place, Run};

/// More than any answer needs, in KiB: of addresses, so that also what is only reserved counts.
const MEMORY: &str = "1500000";

/// Verifies with little memory, and expects one message.
#[track_caller]
fn asked(place: &Place, fake: &Fake) -> Run {
    let line = format!(
        "ulimit -v {MEMORY}; exec $K verify {} --key release.pub --attestation-key builder.pub",
        fake.address()
    );
    let run = place.shell(&line);
    assert_eq!(run.err.lines().filter(|line| line.starts_with("error")).count(), 1, "{}", run.err);
    run
}

fn reply(status: u16, headers: &[(&'static str, &str)], body: &[u8]) -> Answer {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Answer::Reply(status, headers, body.to_owned())
}

fn raw(write: impl FnOnce(&mut TcpStream) + 'static) -> Answer {
    Answer::Raw(Box::new(write))
}

/// Zeros until the other side has had enough.
fn endless(stream: &mut TcpStream) {
    let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    let mut sent = stream.write_all(head);
    while sent.is_ok() {
        sent = stream.write_all(chunk.as_bytes());
    }
}

type Misdeed = fn() -> Answer;

/// Which request is answered in another way, and how.
type Row = (fn(&Request) -> bool, Misdeed, i32, &'static str);

fn a_tag(request: &Request) -> bool {
    request.path == "manifests/prod"
}

fn a_list(request: &Request) -> bool {
    request.path.starts_with("manifests/sha256-") && !request.path.contains(".sig")
}

fn a_blob(request: &Request) -> bool {
    request.path.starts_with("blobs/")
}

fn any(_: &Request) -> bool {
    true
}

const ROWS: [Row; 19] = [
    (a_blob, || reply(200, &[], b"other bytes"), 10, "is not signed"),
    (a_blob, || raw(endless), 10, "is not signed"),
    (a_tag, || raw(endless), 3, "larger than 4194304 bytes"),
    (a_tag, || reply(200, &[("docker-content-digest", WRONG)], b"{}"), 3, WRONG),
    (a_tag, || raw(|stream| cut(stream, "200 OK", 9, b"12345")), 3, "cannot be reached"),
    (a_tag, || raw(|stream| cut(stream, "200 OK", 99_999_999, b"")), 3, "larger than 4194304 bytes"),
    (a_tag, || raw(|stream| drop(stream.write_all(b"SSH-2.0-x\r\n"))), 3, "cannot be reached"),
    (a_tag, || raw(|_| ()), 3, "cannot be reached"),
    (a_tag, || raw(headers), 3, "cannot be reached"),
    (a_tag, || reply(301, &[("location", "http://192.0.2.1/x")], b""), 3, "redirects to where"),
    (a_tag, || reply(307, &[("location", "/v2/acme/brief/manifests/prod")], b""), 3, "redirects to where"),
    (a_tag, || reply(302, &[("location", "file:///etc/passwd")], b""), 3, "answered 302"),
    (any, || reply(401, &[("www-authenticate", "Basic realm=\"x\"")], b""), 3, "refuses access"),
    (any, || reply(401, &[], b""), 3, "refuses access"),
    (any, || reply(401, &[("www-authenticate", "Bearer realm=\"http://192.0.2.1/\"")], b""), 3, "neither `https`"),
    (a_tag, || reply(403, &[], b""), 3, "refuses access"),
    (a_tag, || reply(404, &[], b""), 11, "is not found"),
    (a_list, || reply(404, &[], b""), 10, "looked at `referrers/sha256:"),
    (any, || reply(503, &[], b""), 3, "answered 503"),
];

const WRONG: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

fn cut(stream: &mut TcpStream, status: &str, length: usize, body: &[u8]) {
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n");
    drop(stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)));
}

fn headers(stream: &mut TcpStream) {
    let mut sent = stream.write_all(b"HTTP/1.1 200 OK\r\n");
    while sent.is_ok() {
        sent = stream.write_all(format!("x: {}\r\n", "y".repeat(1000)).as_bytes());
    }
}

#[test]
fn a_registry_that_misbehaves_is_told_apart_and_harms_nobody() {
    let place = signed();
    let store = published(&place);
    // At once, since some are tried again after a pause.
    std::thread::scope(|scope| {
        for (index, (which, answer, code, names)) in ROWS.into_iter().enumerate() {
            let (place, store) = (&place, store.clone());
            scope.spawn(move || {
                let fake = Fake::of(store, move |request, _| which(request).then(answer));
                let run = asked(place, &fake);
                assert_eq!((run.code, run.err.contains(names)), (code, true), "row {index}: {}", run.err);
                assert!(fake.seen().len() < 20, "row {index}: {} requests", fake.seen().len());
            });
        }
    });
}

#[test]
fn the_layer_is_what_was_signed_or_nothing() {
    let place = signed();
    let store = published(&place);
    let layer = manifest(&store, "prod")["layers"][0]["digest"].as_str().expect("it has one").to_owned();
    let answers: [(Misdeed, &str); 3] = [
        (|| reply(200, &[], b"other bytes"), "has the digest"),
        (|| raw(endless), "is larger than"),
        (|| reply(302, &[("location", "http://192.0.2.1/x")], b""), "redirects to where"),
    ];
    for (answer, names) in answers {
        let path = format!("blobs/{layer}");
        let fake = Fake::of(store.clone(), move |request, _| (request.path == path).then(answer));
        refused(asked(&place, &fake), 3, names);
    }
}

#[test]
fn a_tag_is_asked_for_once() {
    let place = signed();
    let asked = AtomicUsize::new(0);
    let fake = Fake::of(published(&place), move |request, _| {
        let again = a_tag(request) && asked.fetch_add(1, Ordering::SeqCst) > 0;
        again.then(|| reply(200, &[], b"{}"))
    });
    let digest = kars_contract::digest::Digest::of(&fake.store().manifests["prod"].1);
    let run = verify(&place, &fake).expect(0);
    assert!(run.out.contains(digest.as_str()), "{}", run.out);
    assert_eq!(fake.seen().iter().filter(|request| a_tag(request)).count(), 1);
}

/// What the key of a release has signed, though no bundle looks like it.
#[test]
fn a_signature_makes_no_layer_harmless() {
    let place = signed();
    let vouched = |manifest: &dyn Fn(&mut Store) -> Vec<u8>| {
        let mut store = Store::default();
        let manifest = manifest(&mut store);
        store.vouch(&place, &manifest);
        asked(&place, &Fake::of(store, |_, _| None))
    };
    let one = |bytes: Vec<u8>| move |store: &mut Store| of_layers(&[store.add(&bytes)]);
    let zeros = || vec![0; 1 << 20];
    let mut header = tar::Header::new_ustar();
    header.set_path("bundle.json").expect("it fits");
    header.set_size(1 << 30);
    header.set_mode(0o644);
    header.set_cksum();
    let file = std::iter::once(header.as_bytes().to_vec()).chain(std::iter::repeat_with(zeros).take(300));
    refused(vouched(&one(compressed(file))), 3, "MiB unpacked, which no bundle does");
    refused(vouched(&one(b"no archive".to_vec())), 14, "no tar archive");
    refused(vouched(&one(compressed(std::iter::once(vec![1; 5000])))), 14, "no tar archive");
    refused(vouched(&|_| b"{}".to_vec()), 3, "is not what it should be");
    refused(vouched(&|_| of_layers(&[])), 14, "has 0 layers");
    refused(vouched(&|store| of_layers(&vec![store.add(b"x"); 10_000])), 3, "10000 layers");
    let foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
    let typed = |store: &mut Store, kind: &str| {
        let mut layer = store.add(b"x");
        layer["mediaType"] = kind.into();
        of_layers(&[layer])
    };
    refused(vouched(&|store| typed(store, foreign)), 14, foreign);
    for (size, names) in
        [(1_i64 << 40, "is larger than 67108864 bytes"), (-1, "its size is negative"), (0, "larger than 0")]
    {
        let sized = move |store: &mut Store| {
            let mut layer = store.add(b"x");
            layer["size"] = size.into();
            of_layers(&[layer])
        };
        refused(vouched(&sized), 3, names);
    }
    let other = json!({"mediaType": LAYER, "digest": "sha512:00", "size": 1});
    refused(vouched(&|_| of_layers(std::slice::from_ref(&other))), 3, "its digest is not a SHA-256");
}

#[test]
fn what_strangers_add_takes_nothing_away() {
    let place = signed();
    let mut store = published(&place);
    let subject = kars_contract::digest::Digest::of(&store.manifests["prod"].1);
    let tag = format!("sha256-{}", subject.hex());
    let mut index = manifest(&store, &tag);
    for stranger in 0..50 {
        let entry = store.refer(subject.as_str(), format!("{{\"stranger\":{stranger}}}").as_bytes());
        index["manifests"].as_array_mut().expect("it lists some").push(entry);
    }
    store.manifests.insert(tag, (String::new(), index.to_string().into_bytes()));
    verify(&place, &Fake::of(store.clone(), |_, _| None)).expect(0);
    // One list that is broken hides no other.
    let broken = Fake::of(store, |request, _| request.path.starts_with("referrers/").then(|| reply(200, &[], b"{")));
    verify(&place, &broken).expect(0);
}
