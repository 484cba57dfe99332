//! How the router starts and does not start. Not here: what it serves.

use std::net::TcpListener;
use std::process::Output;

use crate::support::{command, document, write};

/// What a router says that is started with one setting changed.
fn failed(setting: &str, value: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &document(&[]));
    command(folder.path()).env(setting, value).output().unwrap()
}

#[test]
fn a_place_that_is_taken_ends_it() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    for (listener, what) in [
        ("API", "the agent API"),
        ("PROXY", "the egress proxy"),
        ("DNS", "the DNS responder"),
        ("ADMIN", "probes and metrics"),
    ] {
        let address = taken.local_addr().unwrap().to_string();
        let output = failed(&format!("KARS_LISTEN_{listener}"), &address);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{told}");
        assert!(told.contains(&format!("cannot listen on {address} for {what}")), "{told}");
    }
}

#[test]
fn authorities_that_cannot_be_read_end_it() {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in [
        ("empty.pem", Some("")),
        ("none.pem", None),
        ("wrong.pem", Some("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n")),
    ] {
        let path = folder.path().join(name);
        if let Some(content) = content {
            std::fs::write(&path, content).unwrap();
        }
        let output = failed("SSL_CERT_FILE", path.to_str().unwrap());
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{told}");
        assert!(told.contains("the certificates of `") && told.contains(name), "{told}");
    }
}

#[test]
fn limits_are_published() {
    let mut version = std::process::Command::new(env!("CARGO_BIN_EXE_kars-router"));
    let output = version.args(["version", "-o", "json"]).output().unwrap();
    let facts: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    for (name, value) in [
        ("connectSeconds", 10),
        ("tunnelIdleSeconds", 300),
        ("inferenceIdleSeconds", 120),
        // Below the 30 seconds for which clients of this API wait.
        ("fetchSeconds", 25),
        ("fetchBytes", 2 << 20),
        ("dnsAnswers", 64),
    ] {
        assert_eq!(facts["limits"][name], value, "{name}");
    }
}
