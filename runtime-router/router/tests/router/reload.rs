//! A document that changes under a running router: served whole, or not at all and with an alarm. Not here: tunnels that end with
//! what allowed them, which `tests/router-net` opens, and streams of models (`models`).

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::release::{Release, SIGNATURE, TRUST, in_pod, place, trusting};
use crate::support::{Router, document, write};

const GOOD: &[(&str, &[u16])] = &[("good.example.org", &[443])];
type Spoil<'a> = &'a dyn Fn();

const OTHER: &[(&str, &[u16])] = &[("other.example.org", &[443])];

fn started(release: &Release, command: fn(&Path) -> std::process::Command) -> Router {
    let folder = tempfile::tempdir().unwrap();
    release.write(folder.path());
    let command = command(folder.path());
    Router::run(folder, command)
}

/// Whether a host is listed: a request for another port of it names the rule, and needs no resolver.
fn lists(router: &Router, host: &str) -> bool {
    let refused = router.ask("POST", "/egress/fetch", &json!({"url": format!("http://{host}:81/")})).1;
    assert_eq!(refused["error"]["code"], "egress.denied", "{refused}");
    refused["error"]["rule"].is_string()
}

/// Fails unless the first document goes on, and the router says this of what lies there now.
fn goes_on(router: &Router, said: &str, digest: &Value, what: &str) {
    router.wait_until(what, |router| router.ready().1["stale"].as_str().is_some_and(|stale| stale.contains(said)));
    let (status, ready) = router.ready();
    assert_eq!((status, &ready["ready"], &ready["digest"]), (200, &json!(true), digest), "{what}: {ready}");
    router.wait_until(what, |router| router.metric("policy_stale") == 1);
    assert_eq!(router.metric("policy_ready"), 1, "{what}");
    assert!(lists(router, "good.example.org"), "{what}");
    assert!(!lists(router, "other.example.org"), "{what}");
}

fn ends_well(router: &Router, what: &str) {
    router.wait_until(what, |router| router.metric("policy_stale") == 0 && router.ready().1.get("stale").is_none());
}

#[test]
fn what_is_refused_leaves_the_last_good_one_in_force() {
    let good = Release::of(GOOD);
    let router = started(&good, trusting);
    let folder = router.folder();
    let files = || [TRUST, SIGNATURE, "router.json"].map(|name| (name, fs::read(folder.join(name)).unwrap()));
    let (before, digest) = (files(), router.ready().1["digest"].clone());
    let newer = || Release { serial: -500, ..Release::of(OTHER) };
    // Neighbours are told apart by what is said, so that one cannot pass for the next.
    let spoiled: [(&str, Spoil<'_>, &str); 11] = [
        ("a key that nobody trusts", &|| Release { key: 2, ..newer() }.write(folder), "(no-matching-key)"),
        ("another agent's", &|| Release { agent: Some("assessor"), ..newer() }.write(folder), "(wrong-place)"),
        ("an older serial", &|| Release { serial: -5000, ..newer() }.write(folder), "(rollback)"),
        ("a time that is over", &|| Release { not_after: -100, grace: 10, ..newer() }.write(folder), "(expired)"),
        ("a document that was not signed", &|| write(folder, &newer().document), "(other-digest)"),
        ("no signature", &|| fs::remove_file(folder.join(SIGNATURE)).unwrap(), "(unsigned)"),
        ("no trust", &|| fs::remove_file(folder.join(TRUST)).unwrap(), "trust.json"),
        ("no document", &|| fs::remove_file(folder.join("router.json")).unwrap(), "router.json"),
        ("an empty document", &|| place(&folder.join("router.json"), b""), "EOF while parsing a value"),
        ("no JSON", &|| place(&folder.join("router.json"), b"allow: all\n"), "expected value"),
        ("half a document", &|| place(&folder.join("router.json"), &before[2].1[..100]), "EOF while parsing"),
    ];
    for (what, spoil, said) in spoiled {
        for (name, bytes) in &before {
            place(&folder.join(name), bytes);
        }
        spoil();
        goes_on(&router, said, &digest, what);
    }
    newer().write(folder);
    router.wait_until("a newer release", |router| lists(router, "other.example.org"));
    ends_well(&router, "a newer release");
    assert!(!lists(&router, "good.example.org"));
}

/// What the router has asked itself, as its log of decisions has it: the target and whether it was allowed.
fn probes(router: &Router) -> Vec<(String, bool)> {
    let told = router.ctl(&["decisions", "-n", "1000", "-o", "json"]).stdout;
    let lines = std::str::from_utf8(&told).unwrap().lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let probes = lines.filter(|line| line["kind"] == "connect");
    probes.map(|line| (line["what"].as_str().unwrap().to_owned(), line["allowed"] == true)).collect()
}

/// POL-11.
#[test]
fn every_generation_is_probed_before_it_counts_as_enforced() {
    let router = Router::start(GOOD);
    let mut asked = vec![("kars-probe.invalid:443".to_owned(), false)];
    let enforced = |router: &Router| {
        let (status, ready) = router.ready();
        assert_eq!((status, &ready["enforced"]), (200, &json!(true)), "{ready}");
        let info = format!("policy_info{{digest=\"{}\",state=\"enforced\"}} 1", ready["digest"].as_str().unwrap());
        assert!(router.page("/metrics").contains(&info), "{info}");
        ready["generation"].clone()
    };
    assert_eq!(enforced(&router), 1);
    assert_eq!(probes(&router), asked);
    // A document that allows the name, and one that learns and so refuses no name, are asked for an address instead.
    let mut learning = document(OTHER);
    learning["learn"] = json!({"id": "agents.scribe.learn", "until": "9999-01-01T00:00:00Z"});
    for (number, next, target) in [
        (2, document(OTHER), "kars-probe.invalid:443"),
        (3, document(&[("*.invalid.example", &[80]), ("kars-probe.invalid", &[443])]), "192.0.2.1:443"),
        (4, learning, "192.0.2.1:443"),
        (5, document(&[]), "kars-probe.invalid:443"),
    ] {
        write(router.folder(), &next);
        router.wait_until("the next", |router| router.metric("policy_generation") == number);
        assert_eq!(enforced(&router), number);
        asked.push((target.to_owned(), false));
        assert_eq!(probes(&router), asked);
    }
    assert!(!router.folder().join("decisions.jsonl").exists(), "a probe is nothing to learn from");
}

/// A router that has no room for its own question claims nothing, and asks again.
#[test]
fn a_crowd_does_not_make_a_document_count_as_enforced() {
    let router = Router::start(GOOD);
    assert_eq!(router.ready().0, 200);
    let mut narrow = document(OTHER);
    narrow["limits"]["connections"] = json!(2);
    let crowd: Vec<_> = (0..2).map(|_| std::net::TcpStream::connect(router.address("proxy")).unwrap()).collect();
    router.wait_until("the crowd", |router| router.metric("proxy_connections") == 2);
    write(router.folder(), &narrow);
    router.wait_until("the next", |router| router.metric("policy_generation") == 2);
    let (status, ready) = router.ready();
    assert_eq!((status, &ready["enforced"], &ready["generation"]), (503, &json!(false), &json!(2)), "{ready}");
    assert!(ready["problem"].as_str().unwrap().contains("does not know yet"), "{ready}");
    assert_eq!(router.metric("policy_ready"), 0);
    assert!(lists(&router, "other.example.org"), "it decides all the same");
    drop(crowd);
    router.wait_until("room", |router| router.ready().0 == 200);
    assert_eq!(router.ready().1["enforced"], true);
}

#[test]
fn a_folder_of_trust_that_goes_away_does_not_make_everything_trusted() {
    let router = started(&Release::of(GOOD), trusting);
    let digest = router.ready().1["digest"].clone();
    write(router.folder(), &document(OTHER));
    fs::remove_dir_all(router.folder().join("trust")).unwrap();
    goes_on(&router, "(unsigned)", &digest, "an unsigned dev document, after a signed one");
    let folder = router.ended();
    let command = trusting(folder.path());
    let (status, ready) = Router::run(folder, command).ready();
    assert!(
        status == 503 && ready["problem"].as_str().unwrap().contains("(unsigned)"),
        "a restart forgets nothing: {ready}"
    );
}

#[test]
fn equal_content_is_no_change_and_half_of_it_no_document() {
    let router = Router::start(GOOD);
    let path = router.folder().join("router.json");
    let whole = fs::read(&path).unwrap();
    place(&path, &whole);
    fs::write(&path, &whole).unwrap();
    // A writer that does not replace the file at once: what a router may find meanwhile is no document.
    let next = serde_json::to_vec_pretty(&document(OTHER)).unwrap();
    let digest = router.ready().1["digest"].clone();
    for end in [0, 1, next.len() / 2, next.len() - 1] {
        fs::write(&path, &next[..end]).unwrap();
        let what = format!("{end} bytes");
        goes_on(&router, "(malformed-document)", &digest, &what);
        assert_eq!(router.metric("policy_generation"), 1, "{what}");
    }
    fs::write(&path, &next).unwrap();
    router.wait_until("all of it", |router| lists(router, "other.example.org"));
    assert_eq!(router.metric("policy_generation"), 2, "equal content was not read as a change");
    ends_well(&router, "all of it");
}

#[test]
fn a_link_that_is_swapped_is_a_change_whatever_its_times_and_sizes() {
    let folder = tempfile::tempdir().unwrap();
    // As the kubelet lays out a volume: each key is a link into `..data`, which is a link to a folder.
    for (name, host) in [("..1", "good.example.org"), ("..2", "best.example.org")] {
        fs::create_dir(folder.path().join(name)).unwrap();
        write(&folder.path().join(name), &document(&[(host, &[443])]));
    }
    let link = |target: &str, name: &str| {
        std::os::unix::fs::symlink(target, folder.path().join("..next")).unwrap();
        fs::rename(folder.path().join("..next"), folder.path().join(name)).unwrap();
    };
    link("..1", "..data");
    link("..data/router.json", "router.json");
    let router = Router::run(tempfile::tempdir().unwrap(), crate::support::command(folder.path()));
    for round in 0..4 {
        let (now, other) = if round % 2 == 0 { ("good", "best") } else { ("best", "good") };
        link(if round % 2 == 0 { "..1" } else { "..2" }, "..data");
        let [now, other] = [now, other].map(|name| format!("{name}.example.org"));
        router.wait_until("a swap", |router| lists(router, &now));
        assert!(!lists(&router, &other));
    }
}

#[test]
fn in_a_pod_the_document_stays_and_what_belongs_to_it_does_not() {
    let release = Release::of(GOOD);
    let router = started(&release, in_pod);
    let (folder, digest) = (router.folder(), router.ready().1["digest"].clone());
    // A release of other hosts, signed for this very pod, is for the pod that comes after it.
    Release { serial: -500, ..Release::of(OTHER) }.write(folder);
    goes_on(&router, "(other-digest)", &digest, "another document");
    Release { serial: -400, ..release.clone() }.write(folder);
    ends_well(&router, "the same document, signed anew");
    assert_eq!((&router.ready().1["digest"], router.metric("policy_generation")), (&digest, 2));
    place(&folder.join("router.json"), b"{}");
    place(
        &folder.join("origins.json"),
        br#"{"kind":"RouterOrigins","version":1,"rules":{"egress[0]":"scenario.yaml:3:5"}}"#,
    );
    router.wait_until("origins", |router| router.metric("policy_generation") == 3);
    let refused = router.ask("POST", "/egress/fetch", &json!({"url": "http://good.example.org/"})).1;
    assert_eq!(refused["error"]["origin"], "scenario.yaml:3:5", "{refused}");
    Release { serial: -300, min_serial: crate::release::now() - 100, ..release.clone() }.write(folder);
    goes_on(&router, "(below-minimum)", &digest, "a trust that asks for more");
    Release { serial: -50, min_serial: crate::release::now() - 100, ..release }.write(folder);
    ends_well(&router, "a serial that is high enough");
    assert_eq!(router.ready().1["digest"], digest);
}
