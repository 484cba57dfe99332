//! `karsc lock`: what tags stand for, asked once and committed. Not here: what a build makes of it.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use crate::support::Place;

/// SHA-256 of the manifest that the registry below serves.
const DIGEST: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

/// A registry that answers every request with the manifest `{}`, until the test ends; returns its address.
fn registry(status: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = listener.local_addr().expect("it is bound").to_string();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 4096];
            let read = stream.read(&mut request).unwrap_or(0);
            if read > 0 {
                let head = format!(
                    "HTTP/1.1 {status}\r\ncontent-type: application/vnd.oci.image.index.v1+json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}"
                );
                // A client that has gone needs no answer.
                stream.write_all(head.as_bytes()).ok();
            }
        }
    });
    address
}

/// A scenario whose images lie in a registry.
fn place(registry: &str) -> Place {
    let place = Place::with_agents(1);
    place.write(
        "brief/environments/test.yaml",
        format!(
            "apiVersion: karsc.dev/v1alpha1\nkind: Environment\nmetadata: {{ name: test }}\nbase: kind\nimages:\n  router: \"{registry}/kars/router:1.0.0\"\n  runtimes: {{ hermes: \"{registry}/kars/hermes:0.15.2\" }}\n"
        ),
    );
    place
}

#[test]
fn every_tag_gets_the_digest_that_its_registry_has() {
    let address = registry("200 OK");
    let place = place(&address);
    place.write("brief/karsc.lock", "# Ours.\napiVersion: karsc.dev/v1alpha1\nkind: Lock\n");
    let check = place.run("lock brief --check").expect(1);
    assert!(check.out.contains(&format!("images.{address}/kars/router:1.0.0: nothing -> {DIGEST}")), "{}", check.out);
    place.run("lock brief").expect(0);
    let lock = place.read("brief/karsc.lock");
    assert!(lock.starts_with("# Ours.\napiVersion:"), "{lock}");
    assert_eq!(lock.matches(DIGEST).count(), 2, "{lock}");
    assert!(lock.contains("\n  presets: sha256:") && lock.contains("\n  schema: sha256:"), "{lock}");
    place.run("lock brief --check").expect(0);
    place.run("lock brief --check --offline").expect(0);
    place.run("build brief -e test -o out").expect(0);
    assert!(place.read("out/agents/a0/50-statefulset.yaml").contains(&format!("{address}/kars/router@{DIGEST}")));
}

#[test]
fn a_registry_that_fails_leaves_the_lock_as_it_was() {
    for status in ["404 Not Found", "500 Internal Server Error"] {
        let place = place(&registry(status));
        place.write("brief/karsc.lock", "apiVersion: karsc.dev/v1alpha1\nkind: Lock\n");
        let failed = place.run("lock brief").expect(3);
        assert!(failed.err.contains("kars/"), "{}", failed.err);
        assert_eq!(place.read("brief/karsc.lock"), "apiVersion: karsc.dev/v1alpha1\nkind: Lock\n");
    }
    place("127.0.0.1:1").run("lock brief --offline").expect(3);
}

#[test]
fn one_environment_leaves_the_lines_of_others_and_everybody_can_read_the_file() {
    let address = registry("200 OK");
    let place = place(&address);
    let other =
        place.read("brief/environments/test.yaml").replace("test", "other").replace("router:1.0.0", "router:2.0.0");
    place.write("brief/environments/other.yaml", other);
    place.run("lock brief").expect(0);
    let lock = place.read("brief/karsc.lock");
    assert!(lock.contains("router:1.0.0") && lock.contains("router:2.0.0"), "{lock}");
    assert_eq!(crate::signed::mode(&place, "brief/karsc.lock"), 0o644);
    place.run("lock brief -e other").expect(0);
    assert_eq!(place.read("brief/karsc.lock"), lock);
    place.run("lock brief -e other --check").expect(0);
}

#[test]
fn a_line_that_is_stale_is_named() {
    let place = place(&registry("200 OK"));
    place.write("brief/catalog/presets/ours.yaml", "apiVersion: karsc.dev/v1alpha1\nkind: Preset\nmetadata: { name: ours, description: our own hosts }\negress: [{ host: api.example.org, reason: ours }]\n");
    place.run("lock brief").expect(0);
    place.run("build brief -e test").expect(0);
    place.shell("sed -i s/api.example/web.example/ brief/catalog/presets/ours.yaml").expect(0);
    let stale = place.run("check brief -e test").expect(0);
    assert!(stale.err.contains("K0736") && stale.err.contains("`catalog/` has changed"), "{}", stale.err);
    let lines = place.run("lock brief --check").expect(1).out;
    assert_eq!(lines.lines().count(), 1);
    assert!(lines.starts_with("digests.catalog: "), "{lines}");
}

/// An example for production; a scenario of another karsc's catalogs is not built, and one that does not say which is named.
#[test]
fn production_builds_with_what_was_locked() {
    let place = Place::new();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/scenarios/exec-brief-hermes");
    place.shell(&format!("cp -r {example} brief && sed -i '/^  presets:/d' brief/karsc.lock")).expect(0);
    let missing = place.run("build brief -e aks -o out").expect(0);
    assert!(missing.err.contains("K0736") && missing.err.contains("without `digests.presets`"), "{}", missing.err);
    place.shell("sed -i '/^  tools:/s/:[0-9a-f]*$/:'$(printf '0%.0s' $(seq 64))'/' brief/karsc.lock").expect(0);
    let stale = place.run("build brief -e aks -o other").expect(2);
    assert!(stale.err.contains("error[K0736]") && stale.err.contains("`tools`"), "{}", stale.err);
    assert!(!place.path("other").exists());
}
