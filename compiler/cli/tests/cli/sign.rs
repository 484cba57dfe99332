//! Signing: what it writes, what it leaves alone, and what it refuses to lose. Not here: keys.

use std::fs;
use std::path::Path;

use crate::signed::{NOW, SERIAL, built, refused, sign, signed, verify};
use crate::support::{Place, Tree, run};

/// What is the same in a bundle before and after it is signed.
fn reviewed(tree: &Tree) -> Tree {
    let is_written = |path: &str| path.starts_with("signatures/") || path.ends_with("/31-router-signature.yaml");
    tree.iter().filter(|(path, _)| !is_written(path)).map(|(path, bytes)| (path.clone(), bytes.clone())).collect()
}

/// Paths beside the bundle that a command has no business to leave.
fn left_over(place: &Place) -> Vec<String> {
    let names =
        fs::read_dir(place.path("")).expect("it is there").map(|entry| entry.expect("it can be read").file_name());
    names.filter_map(|name| name.into_string().ok()).filter(|name| name.starts_with('.')).collect()
}

#[test]
fn only_slots_and_signatures_are_written() {
    let place = built();
    let before = place.tree("out");
    sign(&place, SERIAL, "--attestation-key builder.key").expect(0);
    let after = place.tree("out");
    assert_eq!(reviewed(&before), reviewed(&after));
    let new: Vec<_> = after.keys().filter(|path| !before.contains_key(*path)).collect();
    assert_eq!(
        new,
        ["bundle", "provenance", "sbom"]
            .map(|name| format!("signatures/{name}.sigstore.json"))
            .iter()
            .collect::<Vec<_>>()
    );
    assert_eq!(left_over(&place), [""; 0]);
    place.run("build brief -o out --check").expect(0);
    verify(&place, "").expect(0);
}

#[test]
fn without_a_second_key_nothing_is_attested() {
    let place = built();
    sign(&place, SERIAL, "").expect(0);
    assert_eq!(place.tree("out/signatures").len(), 1);
    place.run(&format!("verify out --key release.pub {NOW}")).expect(0);
    refused(verify(&place, ""), 10, "provenance.sigstore.json");
}

#[test]
fn the_same_inputs_give_the_same_bytes() {
    let place = signed();
    let once = place.tree("out");
    sign(&place, SERIAL, "--attestation-key builder.key").expect(0);
    assert_eq!(place.tree("out"), once);
    sign(&place, SERIAL + 1, "--attestation-key builder.key").expect(0);
    assert_ne!(place.tree("out"), once);
}

#[test]
fn the_serial_is_when_head_was_committed() {
    let place = built();
    let outside = place.run("sign out --key release.key");
    refused(outside, 2, "--serial");
    let commit = "git init -q . && git -c user.name=a -c user.email=a@example.org commit -q --allow-empty -m one";
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", commit]).current_dir(place.path(""));
    run(shell.env("GIT_COMMITTER_DATE", format!("{SERIAL} +0000")).env("GIT_AUTHOR_DATE", "1000000000 +0000"))
        .expect(0);
    place.run("sign out --key release.key").expect(0);
    let report = place.run(&format!("verify out --key release.pub {NOW}")).expect(0);
    assert!(report.out.contains(&SERIAL.to_string()), "{}", report.out);
}

#[test]
fn a_serial_must_be_a_moment() {
    let place = built();
    for serial in ["-1", "1.5", "18446744073709551616", "18446744073709551615", "tomorrow"] {
        place.run(&format!("sign out --key release.key --serial={serial}")).expect(2);
    }
}

#[test]
fn a_further_key_joins_the_same_statement() {
    let place = signed();
    place.run(&format!("sign out --key other.key --serial {SERIAL}")).expect(0);
    assert_eq!(place.read("out/signatures/bundle.sigstore.json").lines().count(), 2);
    for key in ["release.pub", "other.pub", "release.pub --key other.pub --threshold 2"] {
        place.run(&format!("verify out --key {key} --attestation-key builder.pub {NOW}")).expect(0);
    }
}

#[test]
fn signatures_of_others_are_not_dropped_in_silence() {
    let place = signed();
    let before = place.tree("out");
    refused(place.run(&format!("sign out --key other.key --serial {}", SERIAL + 1)), 4, "--replace");
    assert_eq!(place.tree("out"), before);
    place.run(&format!("sign out --key other.key --serial {} --replace", SERIAL + 1)).expect(0);
    place.run(&format!("verify out --key other.pub {NOW}")).expect(0);
    refused(verify(&place, ""), 12, "no trusted key");
}

#[test]
fn what_is_not_the_bundle_that_was_built_is_not_signed() {
    let place = built();
    place.write("out/agents/a0/00-namespace.yaml", "kind: Namespace\n");
    let before = place.tree("out");
    refused(sign(&place, SERIAL, ""), 14, "agents/a0/00-namespace.yaml");
    assert_eq!(place.tree("out"), before);
    place.run("build brief -o out").expect(0);
    place.write("out/extra.yaml", "kind: Namespace\n");
    let run = sign(&place, SERIAL, "");
    assert!(run.code != 0 && run.err.contains("extra.yaml"), "{run:?}");
    refused(place.run(&format!("sign brief --key release.key --serial {SERIAL}")), 3, "holds no bundle");
}

#[test]
fn a_key_does_not_attest_what_it_signs() {
    let place = built();
    place.shell("cp -p release.key same.key").expect(0);
    for key in ["release.key", "same.key"] {
        sign(&place, SERIAL, &format!("--attestation-key {key}")).expect(2);
    }
    let attested = format!("verify out --key release.pub --attestation-key release.pub {NOW}");
    refused(place.run(&attested), 2, "release.pub");
}

#[test]
fn a_token_needs_somebody_to_take_it() {
    let place = built();
    place.write("token", "eyJ");
    refused(place.run("sign out --identity-token token"), 3, "--key");
}

#[test]
fn a_full_disk_leaves_the_bundle_as_it_was() {
    let place = built();
    let before = place.tree("out");
    // Files of so many blocks at most: less than a slot with its signature needs.
    let line = format!("trap '' XFSZ; ulimit -f 1; $K sign out --key release.key --serial {SERIAL}");
    refused(place.shell(&line), 3, "cannot be written");
    assert_eq!(place.tree("out"), before);
    assert_eq!(left_over(&place), [""; 0]);
    sign(&place, SERIAL, "").expect(0);
}

#[test]
fn the_bundle_of_a_platform_is_signed_like_any_other() {
    let place = built();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/platform/production");
    place.shell(&format!("cp -r {} platform", golden.display())).expect(0);
    place.run(&format!("sign platform --key release.key --serial {SERIAL}")).expect(0);
    let verify = |more: &str| place.run(&format!("verify platform --key release.pub {NOW} {more}"));
    verify("").expect(0);
    refused(verify("--audience prod-eu-1"), 13, "prod-eu-1");
}

#[test]
fn how_long_signing_took_is_a_detail() {
    let place = built();
    let line = |more: &str| place.run(&format!("sign out --key release.key --serial {SERIAL} {more}")).expect(0).err;
    assert!(!line("").contains("statements"));
    for (more, start) in
        [("-v", "signed 3 statements in "), ("-v --attestation-key builder.key", "signed 5 statements in ")]
    {
        let said = line(more);
        let took = said.lines().find_map(|line| line.strip_prefix(start)?.strip_suffix(" s")).expect("it is said");
        assert!(took.parse::<f64>().is_ok_and(|seconds| seconds < 10.0), "{said}");
    }
}
