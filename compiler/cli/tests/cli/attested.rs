//! What the key of attestations signs is held to what was reviewed: a builder that lies is told apart. Not here: other keys.

use std::fs;

use kars_trust::statement::Attested;
use kars_trust::{SignatureFile, sign};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::signed::{private_key, refused, signed, verify};
use crate::support::Place;

/// Signs another predicate in place of what `name` attests, with the key of attestations.
fn forge(place: &Place, name: &str, change: impl FnOnce(&mut Value)) {
    let path = place.path(&format!("out/signatures/{name}.sigstore.json"));
    let file = SignatureFile::decode(&fs::read(&path).expect("it is there")).expect("it is a signature");
    let attested = Attested::decode(file.payload().expect("it is signed")).expect("it is a statement");
    let mut predicate: Value = serde_json::from_str(attested.predicate.get()).expect("it is JSON");
    change(&mut predicate);
    let predicate = RawValue::from_string(predicate.to_string()).expect("it is JSON");
    let payload = Attested { predicate, ..attested }.encode();
    let forged = sign(&payload, &[&private_key(place, "builder.key")]).expect("it signs").encode();
    fs::write(path, forged).expect("it can be written");
}

#[test]
fn provenance_that_is_not_what_was_reviewed_is_refused() {
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 4] = [
        ("builder", |predicate| predicate["runDetails"]["builder"]["id"] = "https://evil.example/builder".into()),
        ("inputs", |predicate| {
            predicate["buildDefinition"]["resolvedDependencies"][0]["digest"]["sha256"] = "0".repeat(64).into();
        }),
        ("inputs", |predicate| predicate["buildDefinition"]["buildType"] = "https://evil.example/type".into()),
        ("inputs", |predicate| predicate["buildDefinition"]["externalParameters"] = json!({"source": "elsewhere"})),
    ];
    for (what, change) in changes {
        let place = signed();
        verify(&place, "").expect(0);
        forge(&place, "provenance", change);
        let run = verify(&place, "").expect(14);
        assert!(run.err.contains(&format!("the attested {what} are `")) && run.err.contains("says `"), "{}", run.err);
    }
}

#[test]
fn packages_that_are_not_those_that_were_reviewed_are_refused() {
    let place = signed();
    forge(&place, "sbom", |predicate| predicate["packages"] = json!([]));
    refused(verify(&place, ""), 14, "`sbom.spdx.json`");
}
