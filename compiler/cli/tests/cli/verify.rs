//! Every answer of `karsc verify` about a folder but those about single bytes (`tampering`). Not here: registries.

use std::fs;

use crate::signed::{NOW, SERIAL, built, refused, sign, signed, verify};

const SLOT: &str = "out/agents/a0/31-router-signature.yaml";

#[test]
fn a_signed_bundle_is_described_by_what_was_checked() {
    let place = signed();
    let text = verify(&place, "--audience kind --rebuild brief").expect(0).out;
    for part in ["brief", "kind", "sha256:", &SERIAL.to_string(), "2027-02-22T00:00:00Z", "https://slsa.dev"] {
        assert!(text.contains(part), "`{part}` is not in {text}");
    }
    let report: serde_json::Value = serde_json::from_str(&verify(&place, "-o json").expect(0).out).expect("it is JSON");
    let inventory: serde_json::Value = serde_json::from_str(&place.read("out/bundle.json")).expect("it is JSON");
    assert_eq!(report["contentDigest"], inventory["contentDigest"]);
    assert_ne!(report["bundleDigest"], report["contentDigest"]);
    assert_eq!(report["serial"], SERIAL);
    assert_eq!(report["documents"], 2);
}

#[test]
fn no_signature_is_told_from_a_wrong_one() {
    let unsigned = built();
    refused(verify(&unsigned, ""), 10, "signatures/bundle.sigstore.json");
    refused(unsigned.run(&format!("verify brief --key release.pub {NOW}")), 11, "bundle.json");

    let place = signed();
    let right = place.read("out/signatures/bundle.sigstore.json");
    place.write("out/signatures/bundle.sigstore.json", "");
    refused(verify(&place, ""), 10, "signatures/bundle.sigstore.json");
    for wrong in [&right[..right.len() / 2], right.trim_end(), "\n", "{}\n", &format!("{right}{right}")] {
        place.write("out/signatures/bundle.sigstore.json", wrong);
        refused(verify(&place, ""), 12, "signatures/bundle.sigstore.json");
    }
    let other = place.read("out/signatures/sbom.sigstore.json");
    place.write("out/signatures/bundle.sigstore.json", other);
    refused(verify(&place, ""), 12, "no trusted key");
}

#[test]
fn every_document_has_a_signature_of_its_own() {
    let place = signed();
    let [right, other] = ["a0", "a1"].map(|agent| place.read(&format!("out/agents/{agent}/31-router-signature.yaml")));
    let value = |slot: &str| slot.rsplit_once("sigstore.json: ").expect("it has one").1.to_owned();
    place.write(SLOT, right.replace(&value(&right), "\"\"\n"));
    refused(verify(&place, ""), 10, "`a0`");
    place.write(SLOT, right.replace(&value(&right), &value(&other)));
    refused(verify(&place, ""), 14, "`a0`");
    place.write(SLOT, right.replace(&value(&right), "\"{}\\n\"\n"));
    refused(verify(&place, ""), 12, "`a0`");
}

#[test]
fn wrong_keys_do_not_verify() {
    let place = signed();
    for line in [
        "--key other.pub",
        "--key builder.pub",
        "--key release.pub --key other.pub --threshold 2",
        "--key release.pub --attestation-key other.pub",
    ] {
        refused(place.run(&format!("verify out {line} {NOW}")), 12, "signatures/");
    }
    // Two spellings of one key are one key.
    place.shell("sed 's/$/\\r/' release.pub > same.pub").expect(0);
    place.run(&format!("verify out --key release.pub --key same.pub --threshold 2 {NOW}")).expect(2);
    place.run(&format!("verify out --key release.pub --threshold 0 {NOW}")).expect(2);
}

#[test]
fn a_trust_document_says_who_counts() {
    let place = signed();
    let trust = |keys: &[&str], threshold: u64, minimum: u64| {
        let keys: Vec<_> = keys.iter().map(|key| place.read(&format!("{key}.pub"))).collect();
        let document = serde_json::json!({
            "kind": "TrustDocument", "version": 1, "keys": keys, "threshold": threshold, "minSerial": minimum,
        });
        place.write("trust.json", document.to_string());
        place.run(&format!("verify out --trust trust.json {NOW}"))
    };
    trust(&["release"], 1, SERIAL).expect(0);
    // While keys rotate both are trusted; then the old one is removed.
    trust(&["release", "other"], 1, 0).expect(0);
    refused(trust(&["other"], 1, 0), 12, "no trusted key");
    refused(trust(&["release", "other"], 2, 0), 12, "2 must");
    refused(trust(&["release"], 1, SERIAL + 1), 15, "minimum");
    refused(trust(&["release"], 2, 0), 2, "trust.json");
    refused(trust(&[], 0, 0), 2, "trust.json");
    place.write("trust.json", "{\"kind\":\"TrustDocument\",\"kind\":\"TrustDocument\"}");
    refused(place.run(&format!("verify out --trust trust.json {NOW}")), 2, "trust.json");
    place.run(&format!("verify out --trust trust.json --key release.pub {NOW}")).expect(2);
}

#[test]
fn another_cluster_is_another_audience() {
    let place = signed();
    verify(&place, "--audience kind").expect(0);
    for audience in ["kin", "kind-2", "prod-eu-1"] {
        refused(verify(&place, &format!("--audience {audience}")), 13, audience);
    }
}

#[test]
fn a_signature_ends_and_does_not_begin_in_the_future() {
    let place = signed();
    let at = |time: &str| place.run(&format!("verify out --key release.pub --as-of {time}"));
    at("2027-02-21T23:59:59Z").expect(0);
    refused(at("2027-02-22T00:00:00Z"), 16, "2027-02-22T00:00:00Z");
    refused(at("2099-01-01T00:00:00Z"), 16, "expired");
    at("2026-11-23T00:00:00Z").expect(0);
    refused(at("2026-11-22T23:59:59Z"), 15, "serial");
    sign(&place, 200_000_000_000, "").expect(0);
    refused(verify(&place, ""), 15, "serial");
}

#[test]
fn what_was_accepted_is_remembered() {
    let place = signed();
    let ask = || verify(&place, "--state state.json");
    ask().expect(0);
    ask().expect(0);
    let remembered = place.read("state.json");
    sign(&place, SERIAL - 1, "--attestation-key builder.key").expect(0);
    refused(ask(), 15, "rollback");
    // Another content under the serial that was accepted.
    place.shell("sed -i s/h0.example/h9.example/ brief/scenario.yaml").expect(0);
    place.run("build brief -o out").expect(0);
    sign(&place, SERIAL, "--attestation-key builder.key").expect(0);
    refused(ask(), 15, "equivocation");
    assert_eq!(place.read("state.json"), remembered, "a refusal is not remembered");
    sign(&place, SERIAL + 1, "--attestation-key builder.key").expect(0);
    ask().expect(0);
    assert_ne!(place.read("state.json"), remembered);
    place.write("state.json", &remembered);
    ask().expect(0);
}

#[test]
fn a_memory_that_cannot_be_read_is_not_an_empty_one() {
    let place = signed();
    verify(&place, "--state state.json").expect(0);
    let right = place.read("state.json");
    for wrong in ["", "{}", "nonsense", &right[..right.len() / 2], &format!("{right}{right}")] {
        place.write("state.json", wrong);
        refused(verify(&place, "--state state.json"), 15, "state.json");
        assert_eq!(place.read("state.json"), wrong);
    }
    fs::remove_file(place.path("state.json")).expect("it is there");
    fs::create_dir(place.path("state.json")).expect("it is gone");
    refused(verify(&place, "--state state.json"), 3, "state.json");
    refused(verify(&place, "--state nowhere/state.json"), 3, "nowhere/state.json");
}

#[test]
fn parts_of_two_bundles_are_none() {
    let [place, other] = [signed(), signed()];
    other.shell("sed -i s/h0.example/h9.example/ brief/scenario.yaml").expect(0);
    other.run("build brief -o out").expect(0);
    for path in ["allowlists/a0.egress.json", "documents/a0.router.json", "agents/a0/30-router-document.yaml"] {
        let right = place.read(&format!("out/{path}"));
        place.write(&format!("out/{path}"), other.read(&format!("out/{path}")));
        refused(verify(&place, ""), 14, path);
        place.write(&format!("out/{path}"), right);
    }
    // A slot of an earlier run of `sign`, about the same document.
    let old = place.read(SLOT);
    sign(&place, SERIAL + 1, "--attestation-key builder.key").expect(0);
    verify(&place, "").expect(0);
    place.write(SLOT, old);
    refused(verify(&place, ""), 15, "`a0`");
}

#[test]
fn attestations_do_not_stand_in_for_each_other() {
    let place = signed();
    place.shell("cd out/signatures && mv sbom.sigstore.json x && mv provenance.sigstore.json sbom.sigstore.json && mv x provenance.sigstore.json").expect(0);
    refused(verify(&place, ""), 12, "provenance.sigstore.json");
}

#[test]
fn a_rebuild_compares_every_byte() {
    let place = signed();
    verify(&place, "--rebuild brief").expect(0);
    place.shell("sed -i s/h0.example/h9.example/ brief/scenario.yaml").expect(0);
    refused(verify(&place, "--rebuild brief"), 14, "agents/a0/");
    place.write("brief/scenario.yaml", "kind: nonsense\n");
    verify(&place, "--rebuild brief").expect(2);
    verify(&place, "--rebuild nowhere").expect(3);
}
