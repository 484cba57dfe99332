//! The older form of a signature: a tag beside the artifact, whose layer is a claim about its digest. Engines that read it
//! need not compare that digest, so it is made only when asked for. Not here: the form that is made always (`referrer`).

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kars_contract::digest::Digest;
use kars_trust::sign::CannotSign;
use kars_trust::{PublicKey, Signer};
use oci_client::manifest::{IMAGE_CONFIG_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE, OciDescriptor, OciImageManifest};
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{DerSignature, VerifyingKey};
use p256::pkcs8::DecodePublicKey;
use serde::{Deserialize, Serialize};

use super::artifact::descriptor;

/// The type of the layer.
pub(crate) const MEDIA_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// The annotation that holds the signature.
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
const KIND: &str = "cosign container image signature";

/// What is claimed. Other programs add what they like under `optional`.
#[derive(Deserialize, Serialize)]
struct Claim {
    critical: Critical,
    #[serde(default, skip_deserializing)]
    optional: Option<()>,
}

#[derive(Deserialize, Serialize)]
struct Critical {
    identity: Identity,
    image: Image,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Identity {
    docker_reference: String,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Image {
    docker_manifest_digest: Digest,
}

/// One claim with its signature: a layer.
#[derive(Debug)]
pub(crate) struct Legacy {
    pub(crate) payload: Vec<u8>,
    pub(crate) layer: OciDescriptor,
}

/// The tag beside an artifact.
pub(crate) fn tag(subject: &Digest) -> String {
    format!("sha256-{}.sig", subject.hex())
}

impl Legacy {
    /// Claims the digest of a repository's artifact.
    pub(crate) fn sign(repository: &str, subject: &Digest, signer: &dyn Signer) -> Result<Self, CannotSign> {
        let claim = Claim {
            critical: Critical {
                identity: Identity { docker_reference: repository.to_owned() },
                image: Image { docker_manifest_digest: subject.clone() },
                kind: KIND.to_owned(),
            },
            optional: None,
        };
        let payload = serde_json::to_vec(&claim).expect("its keys are text");
        let signature = STANDARD.encode(signer.sign(&[&payload])?.as_bytes());
        let mut layer = descriptor(MEDIA_TYPE, &payload);
        layer.annotations = Some(BTreeMap::from([(SIGNATURE.to_owned(), signature)]));
        Ok(Self { payload, layer })
    }

    /// Whether the key made this claim, and about this digest: a claim about another one is worth nothing here.
    pub(crate) fn is_by(&self, key: &PublicKey, subject: &Digest) -> bool {
        let signature = self.layer.annotations.as_ref().and_then(|annotations| annotations.get(SIGNATURE));
        let signature = signature.and_then(|text| STANDARD.decode(text).ok());
        let signature = signature.and_then(|bytes| DerSignature::try_from(bytes.as_slice()).ok());
        let key = VerifyingKey::from_public_key_pem(&key.to_pem()).ok();
        let claim: Option<Claim> = serde_json::from_slice(&self.payload).ok();
        let about = claim.is_some_and(|claim| {
            claim.critical.kind == KIND && claim.critical.image.docker_manifest_digest == *subject
        });
        about && signature.zip(key).is_some_and(|(signature, key)| key.verify(&self.payload, &signature).is_ok())
    }
}

/// The manifest of such layers, and its configuration.
pub(crate) fn manifest(layers: Vec<OciDescriptor>) -> (Vec<u8>, &'static [u8]) {
    let config: &[u8] = br#"{"architecture":"","config":{},"os":"","rootfs":{"diff_ids":[],"type":"layers"}}"#;
    let manifest = OciImageManifest {
        media_type: Some(OCI_IMAGE_MEDIA_TYPE.to_owned()),
        config: descriptor(IMAGE_CONFIG_MEDIA_TYPE, config),
        layers,
        ..OciImageManifest::default()
    };
    (serde_json::to_vec(&manifest).expect("its keys are text"), config)
}
