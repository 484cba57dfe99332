//! Whatever is changed in a signed bundle, `karsc verify` says no, and names the file. Not here: wrong signatures.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::signed::{refused, signed, verify};
use crate::support::Place;

/// Whether a file holds signatures and nothing else.
fn is_signature(path: &str) -> bool {
    path.starts_with("signatures/")
}

#[test]
fn one_changed_bit_in_any_file_is_noticed() {
    let place = signed();
    let tree = place.tree("out");
    for (path, right) in &tree {
        let length = right.len();
        // Both ends, and places that differ from file to file.
        for (at, bit) in [(0, 0), (length - 1, 0), (length * 2 / 3, 1), (path.len() * 37 % length, 5)] {
            let mut wrong = right.clone();
            wrong[at] ^= 1 << bit;
            place.write(&format!("out/{path}"), &wrong);
            let run = verify(&place, "");
            let slot = path.ends_with("31-router-signature.yaml");
            let fits = if is_signature(path) { run.code == 12 } else { run.code == 14 || (slot && run.code == 12) };
            assert!(fits, "{path}: byte {at}, bit {bit}: {run:?}");
        }
        place.write(&format!("out/{path}"), right);
    }
    verify(&place, "").expect(0);
}

#[test]
fn an_empty_or_longer_file_is_noticed() {
    let place = signed();
    for path in ["bundle.json", "kustomization.yaml", "documents/a0.router.json", "sourcemap.json", "sbom.spdx.json"] {
        let right = place.read(&format!("out/{path}"));
        for wrong in [String::new(), format!("{right}\n"), format!("{right} "), right[..right.len() - 1].to_owned()] {
            place.write(&format!("out/{path}"), wrong);
            // The inventory is what is signed: it is told by its digest.
            refused(verify(&place, ""), 14, if path == "bundle.json" { "other-digest" } else { path });
        }
        place.write(&format!("out/{path}"), right);
    }
}

#[test]
fn nothing_may_be_added() {
    for path in [
        "extra.yaml",
        ".hidden",
        "agents/a0/99-extra.yaml",
        "agents/a0/.kustomization.yaml.swp",
        "agents/a9/00-namespace.yaml",
        "agents/a0/00-Namespace.yaml",
        "Bundle.json",
    ] {
        let place = signed();
        place.write(&format!("out/{path}"), "kind: Namespace\n");
        refused(verify(&place, ""), 14, path);
    }
    let place = signed();
    place.write("out/signatures/more.sigstore.json", "{}\n");
    refused(verify(&place, ""), 12, "more.sigstore.json");
}

#[test]
fn nothing_may_be_missing_or_elsewhere() {
    let place = signed();
    let file = place.path("out/agents/a0/20-default-deny.yaml");
    let away = place.path("away");
    fs::rename(&file, &away).expect("it is there");
    refused(verify(&place, ""), 14, "agents/a0/20-default-deny.yaml");
    let renamed = place.path("out/agents/a0/20-default-denies.yaml");
    fs::copy(&away, &renamed).expect("it is there");
    refused(verify(&place, ""), 14, "20-default-den");
    fs::remove_file(renamed).expect("it is there");
    let swapped = place.path("out/agents/a1/20-default-deny.yaml");
    fs::copy(&swapped, &file).expect("it is there");
    refused(verify(&place, ""), 14, "agents/a0/20-default-deny.yaml");
}

#[test]
fn only_regular_files_with_plain_permissions_count() {
    let replaced = |make: &dyn Fn(&Place)| {
        let place = signed();
        make(&place);
        refused(verify(&place, ""), 14, "agents/a0/40-service.yaml");
    };
    let path = "out/agents/a0/40-service.yaml";
    for mode in [0o755, 0o645, 0o4644, 0o2644, 0o1644] {
        replaced(&|place| {
            fs::set_permissions(place.path(path), fs::Permissions::from_mode(mode)).expect("it is ours");
        });
    }
    replaced(&|place| {
        fs::rename(place.path(path), place.path("service.yaml")).expect("it is there");
        symlink(place.path("service.yaml"), place.path(path)).expect("the name is free");
    });
    replaced(&|place| {
        place.shell(&format!("rm {path} && mkfifo {path}")).expect(0);
    });
    replaced(&|place| {
        place.shell(&format!("rm {path} && mkdir {path} && touch {path}/file")).expect(0);
    });
}

#[test]
fn an_inventory_is_written_in_one_way() {
    let place = signed();
    let right = place.read("out/bundle.json");
    let digest = right.split("sha256:").nth(1).and_then(|rest| rest.get(..64)).expect("it has one").to_owned();
    let nested = format!("\"kind\": {}", "[".repeat(10_000));
    for (from, to) in [
        ("\"kind\": \"Bundle\"", "\"kind\": \"Bundle\", \"kind\": \"Bundle\""),
        ("\"kind\": \"Bundle\"", "\"kind\": \"Bundle\\u0000\""),
        ("\"kind\"", "\"more\": NaN, \"kind\""),
        ("\"kind\": \"Bundle\"", &nested),
        ("RouterDocument\": 1", "RouterDocument\": 1.0"),
        ("RouterDocument\": 1", "RouterDocument\": 99999999999999999999"),
        (&format!("sha256:{digest}"), &format!("sha1:{}", &digest[..40])),
        (&format!("sha256:{digest}"), &format!("md5:{}", &digest[..32])),
        (&digest, &digest.to_uppercase()),
        (&digest, &digest[..63]),
        ("{\n", "{"),
    ] {
        let wrong = right.replacen(from, to, 1);
        assert_ne!(wrong, right, "`{from}` is not there");
        place.write("out/bundle.json", wrong);
        refused(verify(&place, ""), 14, "other-digest");
    }
}

/// The bootstrap objects of an engine are nobody's inventory: whoever runs the engine writes the digest into them.
#[test]
fn delivery_is_left_alone() {
    let place = signed();
    place.write("out/delivery/source.yaml", "kind: OCIRepository\n");
    verify(&place, "").expect(0);
}
