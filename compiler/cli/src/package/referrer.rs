//! Signatures and attestations of an artifact, in the form that cosign gives them: a Sigstore bundle in an artifact of its
//! own, which names the other as its subject. Not here: making signatures.

use std::collections::BTreeMap;

use kars_contract::digest::Digest;
use kars_trust::Envelope;
use kars_trust::envelope::MEDIA_TYPE;
use oci_client::manifest::{ImageIndexEntry, OCI_IMAGE_MEDIA_TYPE, OciDescriptor, OciImageManifest};

use super::artifact::{descriptor, moment};

/// The type of the statement that cosign calls a signature.
pub(crate) const COSIGN_SIGN: &str = "https://sigstore.dev/cosign/sign/v1";
/// The configuration of what has none.
pub(crate) const EMPTY: &[u8] = b"{}";
const EMPTY_MEDIA_TYPE: &str = "application/vnd.oci.empty.v1+json";

/// One signature, ready to be pushed.
#[derive(Debug)]
pub(crate) struct Referrer {
    pub(crate) bundle: Vec<u8>,
    pub(crate) manifest: Vec<u8>,
    pub(crate) digest: Digest,
    annotations: BTreeMap<String, String>,
}

impl Referrer {
    /// Wraps a signature over a statement of some type about the subject.
    pub(crate) fn of(subject: OciDescriptor, envelope: &Envelope, predicate_type: &str, serial: u64) -> Self {
        let bundle = envelope.encode().into_bytes();
        let annotations = BTreeMap::from(
            [
                ("dev.sigstore.bundle.content", "dsse-envelope"),
                ("dev.sigstore.bundle.predicateType", predicate_type),
                ("org.opencontainers.image.created", &moment(serial)),
            ]
            .map(|(key, value)| (key.to_owned(), value.to_owned())),
        );
        let manifest = OciImageManifest {
            media_type: Some(OCI_IMAGE_MEDIA_TYPE.to_owned()),
            artifact_type: Some(MEDIA_TYPE.to_owned()),
            config: descriptor(EMPTY_MEDIA_TYPE, EMPTY),
            layers: vec![descriptor(MEDIA_TYPE, &bundle)],
            subject: Some(subject),
            annotations: Some(annotations.clone()),
            ..OciImageManifest::default()
        };
        let manifest = serde_json::to_vec(&manifest).expect("its keys are text");
        Self { digest: Digest::of(&manifest), bundle, manifest, annotations }
    }

    /// Its line in an index of referrers.
    pub(crate) fn entry(&self) -> ImageIndexEntry {
        let OciDescriptor { media_type, digest, size, .. } = descriptor(OCI_IMAGE_MEDIA_TYPE, &self.manifest);
        ImageIndexEntry {
            media_type,
            digest,
            size,
            platform: None,
            annotations: Some(self.annotations.clone()),
            artifact_type: Some(MEDIA_TYPE.to_owned()),
        }
    }
}
