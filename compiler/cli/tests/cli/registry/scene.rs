//! A signed bundle, where it lies in a registry, and ways to ask about it. Not here: any test.

use std::io::Write;

use kars_contract::digest::Digest;
use kars_trust::sign;
use kars_trust::statement::Attested;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::fake::{Fake, Store};
use crate::signed::{built, private_key};
use crate::support::{Place, Run};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const COSIGN: &str = "https://sigstore.dev/cosign/sign/v1";

/// Two agents in `out/`, signed now.
pub(super) fn signed() -> Place {
    let place = built();
    place.shell("$K sign out --key release.key --attestation-key builder.key --serial $(date +%s)").expect(0);
    place
}

/// Publishes it under the tag `prod`.
pub(super) fn publish(place: &Place, fake: &Fake, more: &str) -> Run {
    place.run(&format!("publish out {} --key release.key --attestation-key builder.key {more}", fake.address()))
}

/// What an honest registry holds afterwards.
pub(super) fn published(place: &Place) -> Store {
    let fake = Fake::honest();
    publish(place, &fake, "").expect(0);
    fake.store().clone()
}

pub(super) fn verify(place: &Place, fake: &Fake) -> Run {
    place.run(&format!("verify {} --key release.pub --attestation-key builder.pub", fake.address()))
}

/// The manifest that a tag names.
pub(super) fn manifest(store: &Store, selector: &str) -> Value {
    serde_json::from_slice(&store.manifests[selector].1).expect("it is JSON")
}

impl Store {
    pub(super) fn add(&mut self, bytes: &[u8]) -> Value {
        let digest = Digest::of(bytes).to_string();
        self.blobs.insert(digest.clone(), bytes.to_owned());
        json!({"mediaType": LAYER, "digest": digest, "size": bytes.len()})
    }

    fn put(&mut self, selectors: &[&str], bytes: &[u8]) -> String {
        let digest = Digest::of(bytes).to_string();
        for selector in selectors.iter().copied().chain([digest.as_str()]) {
            self.manifests.insert(selector.to_owned(), (MANIFEST.to_owned(), bytes.to_owned()));
        }
        digest
    }

    /// Puts bytes under the tag as if they were a manifest, with a good signature by the key of a release.
    pub(super) fn vouch(&mut self, place: &Place, manifest: &[u8]) {
        let subject = self.put(&["prod"], manifest);
        let key = private_key(place, "release.key");
        let predicate = RawValue::from_string("{}".to_owned()).expect("it is JSON");
        let statement = Attested { digest: Digest::of(manifest), predicate_type: COSIGN.to_owned(), predicate };
        let signed = sign(&statement.encode(), &[&key]).expect("it signs").encode();
        let entry = self.refer(&subject, signed.trim_end().as_bytes());
        let index = json!({"schemaVersion": 2, "manifests": [entry]}).to_string();
        self.put(&[&subject.replace(':', "-")], index.as_bytes());
    }

    /// Adds something that refers to a manifest, and returns its line for an index.
    pub(super) fn refer(&mut self, subject: &str, bundle: &[u8]) -> Value {
        let mut layer = self.add(bundle);
        layer["mediaType"] = BUNDLE.into();
        let referrer = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": BUNDLE, "config": layer.clone(), "layers": [layer],
            "subject": {"mediaType": MANIFEST, "digest": subject, "size": 1},
        })
        .to_string();
        let digest = self.put(&[], referrer.as_bytes());
        json!({"mediaType": MANIFEST, "digest": digest, "size": referrer.len(), "artifactType": BUNDLE})
    }
}

/// A manifest of layers.
pub(super) fn of_layers(layers: &[Value]) -> Vec<u8> {
    let config =
        json!({"mediaType": "application/vnd.oci.image.config.v1+json", "digest": Digest::of(b"{}"), "size": 2});
    json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}).to_string().into_bytes()
}

/// Bytes in one gzip member.
pub(super) fn compressed(parts: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for part in parts {
        encoder.write_all(&part).expect("memory can be written");
    }
    encoder.finish().expect("memory can be written")
}
